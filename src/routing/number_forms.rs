//! The forms in which the dialled number and the caller's number of a call are compared with patterns.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use crate::matching::CallerMatch;
use crate::phone_number::{Caller, MAX_CALLER_BYTES, PhoneNumber, Region, dialled};
use crate::snapshot::route_table::NumberCriterion;

/// The forms of one number of a call. None at all when it is withheld, malformed or too long.
pub(super) struct NumberForms<'a> {
    pub(super) raw: &'a str,
    region: Option<Region>,
    /// The digits as they were given, separators removed, unless in international form.
    given: Option<Cow<'a, str>>,
    /// Read in the region. Only when it is asked for: reading a number takes longer than trying a route.
    number: OnceCell<Option<PhoneNumber>>,
}

/// That a pattern fits a number, and how.
#[derive(Clone, Copy)]
pub(super) struct Fit<'a> {
    pub(super) criterion: &'a NumberCriterion,
    pub(super) form: Form,
}

/// The form that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The digits as given.
    Given,
    /// The number that they are in the region of the call.
    Number,
}

impl<'a> NumberForms<'a> {
    pub(super) fn of_did(raw: &'a str, region: Option<Region>) -> Self {
        // As long as a caller's number can be, and so as what is read below.
        let given = if raw.len() <= MAX_CALLER_BYTES { given_digits(raw) } else { None };
        NumberForms { raw, region, given, number: OnceCell::new() }
    }

    pub(super) fn of_caller(raw: &'a str, region: Option<Region>, caller_match: &CallerMatch) -> Self {
        let number = caller_match.number();
        let given = number.and_then(|_| given_digits(raw));
        NumberForms { raw, region, given, number: OnceCell::from(number) }
    }

    /// The first pattern or range that fits, and whose extension is accepted if it has one.
    pub(super) fn find_fit<'c>(
        &self,
        criteria: &'c [NumberCriterion],
        accepts: impl Fn(&str) -> bool,
    ) -> Option<Fit<'c>> {
        let is_accepted = |fit: &Fit<'_>| {
            !fit.criterion.has_extension() || self.extension(*fit).is_some_and(|found| accepts(&found))
        };
        let mut fits = criteria
            .iter()
            .filter_map(|criterion| Some(Fit { criterion, form: self.form_that_fits(criterion)? }));
        fits.find(is_accepted)
    }

    /// The extension in the number, for a pattern that has one.
    pub(super) fn extension(&self, fit: Fit<'_>) -> Option<String> {
        let digits = self.digits_of(fit.form)?;
        let extension = fit.criterion.extension(digits.as_bytes())?;
        String::from_utf8(extension.to_vec()).ok()
    }

    /// The place of the number in a range.
    pub(super) fn place_in_range(&self, fit: Fit<'_>) -> Option<u64> {
        fit.criterion.place_in_range(&self.digits_of(fit.form)?, self.region)
    }

    fn digits_of(&self, form: Form) -> Option<Cow<'_, str>> {
        match form {
            Form::Given => self.given().map(Cow::Borrowed),
            Form::Number => self.number().map(|number| Cow::Owned(number.digits().as_str().to_owned())),
        }
    }

    /// The forms, each once: the digits as given, the number that they are.
    pub(super) fn all(&self) -> Vec<String> {
        let number = self.number().map(|number| number.to_string());
        let given = self.given().map(str::to_owned).filter(|given| Some(given) != number.as_ref());
        given.into_iter().chain(number).collect()
    }

    fn form_that_fits(&self, criterion: &NumberCriterion) -> Option<Form> {
        if self.given().is_some_and(|digits| criterion.fits_dialled(digits.as_bytes())) {
            return Some(Form::Given);
        }
        criterion.fits_number(self.number()?, self.region).then_some(Form::Number)
    }

    /// The digits as they were given.
    pub(super) fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// The number that they are.
    pub(super) fn number(&self) -> Option<PhoneNumber> {
        *self.number.get_or_init(|| match Caller::parse(self.raw, self.region) {
            Caller::Number(number) => Some(number),
            Caller::Withheld | Caller::Invalid(_) => None,
        })
    }

    /// Whether there is nothing that a pattern could be compared with.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_none() && self.number().is_none()
    }
}

/// The forms, as an explanation names them: `030555100 (+4930555100)`.
impl fmt::Display for NumberForms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.given(), self.number()) {
            (Some(given), Some(number)) if given != number.to_string() => write!(f, "{given} ({number})"),
            (Some(given), _) => f.write_str(given),
            (None, Some(number)) => number.fmt(f),
            (None, None) => self.raw.fmt(f),
        }
    }
}

/// Digits alone, with or without a `+`, which is what most switches send, cost no allocation.
fn given_digits(raw: &str) -> Option<Cow<'_, str>> {
    let digits = raw.strip_prefix('+').unwrap_or(raw);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return (digits.len() == raw.len()).then_some(Cow::Borrowed(raw));
    }
    let dialled = dialled(raw).ok()?;
    (!dialled.starts_with('+')).then_some(dialled)
}
