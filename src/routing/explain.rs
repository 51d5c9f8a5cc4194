//! Why a call goes where it goes, in sentences for the person who set the routes up.

use super::Attempt;
use super::number_forms::{Fit, Form, MAX_BYTES, NumberForms};
use crate::index::{PhonebookOrdinal, Posting};
use crate::matching::{CallerMatch, MatchKind};
use crate::settings::InboundRoute;
use crate::snapshot::route_table::{NumberCriterion, PhonebooksCriterion};

/// What became of one inbound route that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Name of the route.
    pub route: String,
    /// Whether it took the call; true for the last step at most.
    pub taken: bool,
    /// Every criterion of the route that has a value. `callers`, `phonebooks`, `withheld` and
    /// `in_no_phonebook` are alternatives: one of them that held is enough.
    pub criteria: Vec<CriterionOutcome>,
}

/// What became of one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriterionOutcome {
    /// The field of the route, such as `dids`; `every_call` for a route without criteria.
    pub criterion: &'static str,
    /// What the route asks for, such as the names of the phonebooks.
    pub compared: String,
    /// Whether the call has it.
    pub held: bool,
    /// Why, in a sentence.
    pub why: String,
}

/// Watches routes being tried.
pub(super) trait Tracer {
    /// Whether to try the other criteria of a route when it is clear already what becomes of it.
    const EVERY_CRITERION: bool;

    fn begin(&mut self, route: &InboundRoute);
    /// `tell` gives [`CriterionOutcome::compared`] and [`CriterionOutcome::why`].
    fn criterion(&mut self, criterion: &'static str, held: bool, tell: impl FnOnce() -> (String, String));
    fn end(&mut self, taken: bool);
}

/// Costs nothing.
pub(super) struct Untraced;

impl Tracer for Untraced {
    const EVERY_CRITERION: bool = false;
    fn begin(&mut self, _route: &InboundRoute) {}
    fn criterion(&mut self, _: &'static str, _held: bool, _tell: impl FnOnce() -> (String, String)) {}
    fn end(&mut self, _taken: bool) {}
}

/// Writes everything down.
#[derive(Default)]
pub(super) struct Explanation {
    steps: Vec<Step>,
}

impl Explanation {
    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl Tracer for Explanation {
    const EVERY_CRITERION: bool = true;

    fn begin(&mut self, route: &InboundRoute) {
        self.steps.push(Step { route: route.name.clone(), taken: false, criteria: Vec::new() });
    }

    fn criterion(&mut self, criterion: &'static str, held: bool, tell: impl FnOnce() -> (String, String)) {
        let (compared, why) = tell();
        if let Some(step) = self.steps.last_mut() {
            step.criteria.push(CriterionOutcome { criterion, compared, held, why });
        }
    }

    fn end(&mut self, taken: bool) {
        if let Some(step) = self.steps.last_mut() {
            step.taken = taken;
        }
        if taken && self.steps.last().is_some_and(|step| step.criteria.is_empty()) {
            let why = "The route has no criteria, so it takes every call.".into();
            self.criterion("every_call", true, || (String::new(), why));
        }
    }
}

pub(super) fn switched_off() -> (String, String) {
    ("true".into(), "The route is switched off.".into())
}

/// Most contacts that one sentence names.
const MAX_NAMED: usize = 3;

impl Attempt<'_> {
    pub(super) fn explain_trunks(&self, trunks: &[String], held: bool) -> (String, String) {
        let why = match (self.call.trunk, held) {
            ("", _) => "The call handler named no trunk.".into(),
            (trunk, true) => format!("The call came in on trunk {trunk:?}."),
            (trunk, false) => format!("The call came in on trunk {trunk:?}, which is not one of them."),
        };
        (trunks.join(", "), why)
    }

    pub(super) fn explain_dids(&self, dids: &[NumberCriterion], fit: Option<Fit<'_>>) -> (String, String) {
        let why = match self.did.raw {
            raw if raw.trim().is_empty() => "The call handler named no dialled number.".into(),
            raw if raw.len() > MAX_BYTES => {
                let found = raw.len();
                format!(
                    "The dialled number has {found} bytes; with more than {MAX_BYTES} it fits no pattern."
                )
            }
            raw if self.did.is_empty() => format!("The dialled {raw:?} is not a telephone number."),
            _ => explain_fit("dialled number", &self.did, dids.len(), fit),
        };
        (join(dids), why)
    }

    pub(super) fn explain_callers(
        &self,
        callers: &[NumberCriterion],
        fit: Option<Fit<'_>>,
    ) -> (String, String) {
        let why = self.explain_no_number();
        (
            join(callers),
            why.unwrap_or_else(|| explain_fit("caller's number", &self.caller, callers.len(), fit)),
        )
    }

    pub(super) fn explain_phonebooks(
        &self,
        phonebooks: &PhonebooksCriterion,
        member: Option<Posting>,
    ) -> (String, String) {
        let wanted = phonebooks.wanted();
        let compared: Vec<&str> = wanted.iter().map(|phonebook| phonebook.name.as_str()).collect();
        let mut why = match member {
            Some(member) => self.explain_membership(member, |ordinal| {
                wanted.iter().any(|phonebook| phonebook.ordinal == Some(ordinal))
            }),
            None => self.explain_contacts(),
        };
        for phonebook in wanted.iter().filter(|phonebook| phonebook.ordinal.is_none()) {
            why.push_str(&format!(" There is no phonebook {} yet.", phonebook.name));
        }
        (compared.join(", "), why)
    }

    pub(super) fn explain_withheld(&self) -> (String, String) {
        let why = match self.explain_no_number() {
            Some(without_number) => without_number,
            None => format!("The caller's number is {}.", self.caller),
        };
        ("true".into(), why)
    }

    pub(super) fn explain_in_no_phonebook(&self, member: Option<Posting>) -> (String, String) {
        let why = match member {
            Some(member) => self.explain_membership(member, |_| true),
            None => self.explain_contacts(),
        };
        ("true".into(), why)
    }

    /// Why there is no number of the caller to compare with anything, if there is none.
    fn explain_no_number(&self) -> Option<String> {
        match self.caller_match {
            CallerMatch::Withheld => Some("The caller's number is withheld.".into()),
            CallerMatch::Invalid(reason) => Some(format!("The caller is not a telephone number: {reason}.")),
            CallerMatch::Matched { .. } | CallerMatch::NotMatched(_) => None,
        }
    }

    /// In which phonebooks the contacts with the number are, the number having any.
    fn explain_contacts(&self) -> String {
        if let Some(without_number) = self.explain_no_number() {
            return without_number;
        }
        let contacts = self.caller_match.contacts();
        let named =
            contacts.iter().take(MAX_NAMED).map(|posting| self.explain_membership(*posting, |_| true));
        let mut why = named.collect::<Vec<_>>().join(" ");
        match contacts.len() {
            0 => why = format!("No contact has the number {}.", self.caller),
            all if all > MAX_NAMED => why.push_str(&format!(" In all, {all} contacts have the number.")),
            _ => {}
        }
        why
    }

    /// One sentence: which contact is in which of the phonebooks that matter.
    fn explain_membership(&self, member: Posting, matters: impl Fn(PhonebookOrdinal) -> bool) -> String {
        let contacts = self.snapshot.contacts();
        let contact = contacts.contact(member.contact);
        let phonebooks: Vec<&str> = contacts
            .phonebooks_in(member.phonebooks)
            .iter()
            .filter(|ordinal| matters(**ordinal))
            .map(|ordinal| contacts.phonebook(*ordinal).name.as_str())
            .collect();
        let is_in = if phonebooks.is_empty() { "no phonebook".into() } else { phonebooks.join(" and ") };
        let source = if contact.source.is_empty() { "local" } else { contact.source };
        let name = contact.display_name;
        let key = contact.source_key;
        match self.caller_match {
            CallerMatch::Matched { kind: MatchKind::LastDigits, .. } => {
                format!("{name} ({source} {key}), whose number has the same last digits, is in {is_in}.")
            }
            _ => format!("{name} ({source} {key}) is in {is_in}."),
        }
    }
}

fn explain_fit(subject: &str, forms: &NumberForms<'_>, patterns: usize, fit: Option<Fit<'_>>) -> String {
    let Some(Fit { criterion, form }) = fit else {
        let fits = if patterns == 1 { "does not fit" } else { "fits none of them" };
        return format!("The {subject} {forms} {fits}.");
    };
    let pattern = criterion.pattern();
    match (form, forms.given(), forms.number()) {
        (Form::Number, Some(given), Some(number)) => {
            format!("The {subject} {given}, which is {number}, fits {pattern}.")
        }
        _ => format!("The {subject} {forms} fits {pattern}."),
    }
}

fn join(criteria: &[NumberCriterion]) -> String {
    criteria.iter().map(|criterion| criterion.pattern().to_string()).collect::<Vec<_>>().join(", ")
}
