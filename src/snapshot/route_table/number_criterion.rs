//! One pattern or range of a route, and what it has to do with a number of a call.

use std::fmt;

use super::RouteError;
use crate::phone_number::{PhoneNumber, Region, normalise};
use crate::settings::InboundRoute;
use crate::snapshot::number_range::{NumberRange, value};
use crate::snapshot::pattern::NumberPattern;

/// One pattern or range of a route. A pattern that is just a number, and the ends of a range, are also
/// compared as numbers, read as if they had been dialled in the region of the call.
#[derive(Debug)]
pub struct NumberCriterion {
    matcher: Matcher,
    /// Few: one for each region in which it is a number at all.
    read_in_region: Box<[InRegion]>,
}

#[derive(Debug)]
enum Matcher {
    Pattern(NumberPattern),
    Range(NumberRange),
}

/// What a number, or a range, is in a region.
#[derive(Debug, Clone, Copy)]
struct InRegion {
    region: Option<Region>,
    first: PhoneNumber,
    last: PhoneNumber,
}

pub(super) fn compile(
    route: &InboundRoute,
    field: &str,
    texts: &[String],
    regions: &[Option<Region>],
) -> Result<Box<[NumberCriterion]>, RouteError> {
    let compile = |(place, text): (usize, &String)| {
        let refuse = |problem: String| RouteError {
            subject: super::subject(route),
            field: format!("{field}[{place}]"),
            problem,
        };
        let matcher = match NumberRange::parse(text) {
            Some(range) => Matcher::Range(
                range.map_err(|error| refuse(format!("{text:?} is not a range of numbers: {error}")))?,
            ),
            None => Matcher::Pattern(
                NumberPattern::parse(text)
                    .map_err(|error| refuse(format!("{text:?} is not a pattern of numbers: {error}")))?,
            ),
        };
        let read_in = |region: &Option<Region>| read_in(&matcher, *region);
        let read_in_region = regions.iter().filter_map(read_in).collect();
        Ok(NumberCriterion { matcher, read_in_region })
    };
    texts.iter().enumerate().map(compile).collect()
}

fn read_in(matcher: &Matcher, region: Option<Region>) -> Option<InRegion> {
    let read = |text: &str| normalise(text, region).ok().map(|normalised| normalised.number);
    match matcher {
        Matcher::Pattern(pattern) => {
            let number = read(pattern.literal()?)?;
            Some(InRegion { region, first: number, last: number })
        }
        Matcher::Range(range) if range.is_international() => None,
        Matcher::Range(range) => {
            let (first, last) = range.ends();
            let (first, last) = (read(first)?, read(last)?);
            // The same prefix before both ends, or it is not this range any more.
            let span = value(&last.digits()).checked_sub(value(&first.digits()))?;
            let is_same = first.is_e164() && last.is_e164() && first.digits().len() == last.digits().len();
            (is_same && span + 1 == range.count()).then_some(InRegion { region, first, last })
        }
    }
}

impl NumberCriterion {
    /// Whether the digits as they were dialled fit, all of them ASCII digits and without a `+`.
    #[must_use]
    pub fn fits_dialled(&self, digits: &[u8]) -> bool {
        !self.is_international() && self.fits_digits(digits)
    }

    /// Whether the number that was read in a region fits.
    #[must_use]
    pub fn fits_number(&self, number: PhoneNumber, region: Option<Region>) -> bool {
        (number.is_e164() || !self.is_international()) && self.fits_digits(number.digits().as_bytes())
            || self.in_region(region).is_some_and(|read| read.contains(number))
    }

    fn fits_digits(&self, digits: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Pattern(pattern) => pattern.matches(digits),
            Matcher::Range(range) => range.contains(digits),
        }
    }

    /// Whether it is compared with E.164 numbers only.
    #[must_use]
    pub fn is_international(&self) -> bool {
        match &self.matcher {
            Matcher::Pattern(pattern) => pattern.is_international(),
            Matcher::Range(range) => range.is_international(),
        }
    }

    fn in_region(&self, region: Option<Region>) -> Option<&InRegion> {
        self.read_in_region.iter().find(|read| read.region == region)
    }

    /// Whether it takes an extension out of the number.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.pattern().is_some_and(NumberPattern::has_extension)
    }

    /// The extension in these digits.
    #[must_use]
    pub fn extension<'d>(&self, digits: &'d [u8]) -> Option<&'d [u8]> {
        self.pattern()?.extension(digits)
    }

    /// The place from 0 that these digits, as they were dialled or of a number, have in the range.
    #[must_use]
    pub fn place_in_range(&self, digits: &str, region: Option<Region>) -> Option<u64> {
        let range = self.range()?;
        if range.contains(digits.as_bytes()) {
            return value(digits).checked_sub(value(range.ends().0));
        }
        let read = self.in_region(region)?;
        let place = value(digits).checked_sub(value(&read.first.digits()))?;
        (place < range.count()).then_some(place)
    }

    /// The pattern, if it is one.
    #[must_use]
    pub fn pattern(&self) -> Option<&NumberPattern> {
        match &self.matcher {
            Matcher::Pattern(pattern) => Some(pattern),
            Matcher::Range(_) => None,
        }
    }

    /// A number that has the digits of the pattern, as [`NumberPattern::sample`] makes it, or is in the range.
    #[must_use]
    pub fn sample(&self, turn: usize) -> Option<String> {
        match &self.matcher {
            Matcher::Pattern(pattern) => Some(pattern.sample(turn)),
            Matcher::Range(range) => {
                let plus = if range.is_international() { "+" } else { "" };
                range.number_at(turn as u64).map(|number| format!("{plus}{number}"))
            }
        }
    }

    /// The range, if it is one.
    #[must_use]
    pub fn range(&self) -> Option<&NumberRange> {
        match &self.matcher {
            Matcher::Pattern(_) => None,
            Matcher::Range(range) => Some(range),
        }
    }

    /// Whether every number that fits `other`, in whatever form and region, fits this one too. May say no too
    /// often, never yes.
    #[must_use]
    pub fn covers(&self, other: &NumberCriterion) -> bool {
        if self.is_international() && !other.is_international() {
            return false;
        }
        let covers_digits = match (&self.matcher, &other.matcher) {
            (Matcher::Pattern(ours), Matcher::Pattern(other)) => ours.covers_digits_of(other),
            (Matcher::Pattern(ours), Matcher::Range(other)) => {
                let (first, last) = other.ends();
                ours.covers_range(first, last)
            }
            (Matcher::Range(ours), Matcher::Range(other)) => {
                let (first, last) = other.ends();
                ours.contains(first.as_bytes()) && ours.contains(last.as_bytes())
            }
            (Matcher::Range(ours), Matcher::Pattern(other)) => other
                .extremes()
                .is_some_and(|(low, high)| ours.contains(low.as_bytes()) && ours.contains(high.as_bytes())),
        };
        let covers_reading = |read: &InRegion| {
            let ours = self.in_region(read.region);
            let as_digits = |number: PhoneNumber| number.digits().as_str().to_owned();
            let by_pattern = self
                .pattern()
                .is_some_and(|pattern| pattern.covers_range(&as_digits(read.first), &as_digits(read.last)));
            by_pattern || ours.is_some_and(|ours| ours.contains(read.first) && ours.contains(read.last))
        };
        covers_digits && other.read_in_region.iter().all(covers_reading)
    }

    /// What it is in each region in which it is a number: the first and the last.
    pub(super) fn readings(&self) -> impl Iterator<Item = (PhoneNumber, PhoneNumber)> {
        self.read_in_region.iter().map(|read| (read.first, read.last))
    }

    /// Whether the digits that were dialled can have this digit at that place; see [`NumberPattern::may_have`].
    pub(super) fn may_have(&self, place: usize, digit: Option<u8>) -> bool {
        match &self.matcher {
            Matcher::Pattern(pattern) => pattern.may_have(place, digit),
            Matcher::Range(range) => range.may_have(place, digit),
        }
    }
}

impl InRegion {
    fn contains(&self, number: PhoneNumber) -> bool {
        // The order of numbers is that of their digits, and the ends have as many.
        (self.first..=self.last).contains(&number)
            && number.digits().len() == self.first.digits().len()
            && number.is_e164() == self.first.is_e164()
    }
}

/// As written.
impl fmt::Display for NumberCriterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.matcher {
            Matcher::Pattern(pattern) => pattern.fmt(f),
            Matcher::Range(range) => range.fmt(f),
        }
    }
}
