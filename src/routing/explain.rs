//! Why a call goes where it goes, in sentences for the person who set the routes up.

use jiff::Timestamp;

use super::Attempt;
use super::number_forms::{Fit, Form, NumberForms};
use crate::index::{PhonebookOrdinal, Posting};
use crate::matching::{CallerMatch, MatchKind};
use crate::phone_number::Region;
use crate::settings::{ALWAYS, Attestation, Freshness, InboundRoute, OlderData};
use crate::snapshot::route_table::{CompiledTime, NumberCriterion, PhonebooksCriterion};
use crate::snapshot::{LastSynced, LeftOutRoute, RouteError};

/// Why a call goes where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// How the call was read.
    pub reading: CallReading,
    /// What became of each route that was tried, in order.
    pub steps: Vec<Step>,
}

/// How a call was read: what routes were compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallReading {
    /// The forms of the caller's number, the digits as given first; none when there is no number.
    pub caller_forms: Vec<String>,
    /// The forms of the dialled number.
    pub did_forms: Vec<String>,
    /// The region of numbers that are not written internationally.
    pub region: Option<Region>,
    /// What the rules of the trunk made of the caller's number, if they changed it.
    pub rewritten_caller: Option<String>,
    /// What they made of the dialled number.
    pub rewritten_did: Option<String>,
    /// The time that it was decided for.
    pub at: Timestamp,
}

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
    /// Why the call goes where it goes, in sentences, when that is not just what the route says.
    pub destination_why: String,
}

/// What became of one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriterionOutcome {
    /// The field of the route, such as `dids`; `every_call` for a route without criteria, `left_out` for one that cannot
    /// work.
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
    fn reading(&mut self, tell: impl FnOnce() -> CallReading);
    fn destination(&mut self, tell: impl FnOnce() -> String);
    /// A route that takes no call, whatever it asks for.
    fn left_out(&mut self, route: &LeftOutRoute);
}

/// Costs nothing.
pub(super) struct Untraced;

impl Tracer for Untraced {
    const EVERY_CRITERION: bool = false;
    fn begin(&mut self, _route: &InboundRoute) {}
    fn criterion(&mut self, _: &'static str, _held: bool, _tell: impl FnOnce() -> (String, String)) {}
    fn end(&mut self, _taken: bool) {}
    fn reading(&mut self, _tell: impl FnOnce() -> CallReading) {}
    fn destination(&mut self, _tell: impl FnOnce() -> String) {}
    fn left_out(&mut self, _route: &LeftOutRoute) {}
}

/// Writes everything down.
#[derive(Default)]
pub(super) struct Story {
    reading: CallReading,
    steps: Vec<Step>,
}

impl Story {
    pub(super) fn into_explanation(self) -> Explanation {
        Explanation { reading: self.reading, steps: self.steps }
    }
}

impl Tracer for Story {
    const EVERY_CRITERION: bool = true;

    fn begin(&mut self, route: &InboundRoute) {
        self.steps.push(Step {
            route: route.name.clone(),
            taken: false,
            criteria: Vec::new(),
            destination_why: String::new(),
        });
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

    fn reading(&mut self, tell: impl FnOnce() -> CallReading) {
        self.reading = tell();
    }

    fn destination(&mut self, tell: impl FnOnce() -> String) {
        if let Some(step) = self.steps.last_mut() {
            let before = if step.destination_why.is_empty() { "" } else { " " };
            step.destination_why.push_str(before);
            step.destination_why.push_str(&tell());
        }
    }

    fn left_out(&mut self, route: &LeftOutRoute) {
        self.begin(&route.settings);
        let RouteError { field, problem, .. } = &route.error;
        let why = format!(
            "Calls are answered without the route, which an older version of the program accepted and this one does \
             not: {field}: {problem}."
        );
        match route.settings.enabled {
            true => self.criterion("left_out", false, || ("true".into(), why)),
            false => self.criterion("enabled", false, switched_off),
        }
    }
}

pub(super) fn switched_off() -> (String, String) {
    ("true".into(), "The route is switched off.".into())
}

/// Most contacts that one sentence names.
const MAX_NAMED: usize = 3;

impl Attempt<'_, '_> {
    pub(super) fn reading(&self, region: Option<Region>) -> CallReading {
        let changed = |now: &str, given: &str| (now != given).then(|| now.to_owned());
        CallReading {
            caller_forms: self.caller.all(),
            did_forms: self.did.all(),
            region,
            rewritten_caller: changed(self.caller.raw, self.call.caller),
            rewritten_did: changed(self.did.raw, self.call.did),
            at: self.call.at,
        }
    }

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
            raw if self.did.is_empty() => format!("The dialled {raw:?} is not a telephone number."),
            _ => match self.missing_extension(dids, fit) {
                Some((did, extension)) => format!(
                    "The dialled number {} fits {did}, but there is no extension {extension}.",
                    self.did
                ),
                None => explain_fit("dialled number", &self.did, dids.len(), fit),
            },
        };
        (join(dids), why)
    }

    /// The pattern that would fit if there were the extension in the dialled number.
    fn missing_extension<'d>(
        &self,
        dids: &'d [NumberCriterion],
        fit: Option<Fit<'_>>,
    ) -> Option<(&'d NumberCriterion, String)> {
        if fit.is_some() {
            return None;
        }
        let fit = self.did.find_fit(dids, |_| true)?;
        Some((fit.criterion, self.did.extension(fit)?))
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
        freshness: Option<Freshness>,
        member: Option<Posting>,
    ) -> (String, String) {
        let wanted = phonebooks.wanted();
        let compared: Vec<&str> = wanted.iter().map(|phonebook| phonebook.name.as_str()).collect();
        let mut why = match member {
            Some(member) => self.explain_membership(member, |ordinal| {
                phonebooks.wants_phonebook(ordinal) && !self.is_skipped(ordinal, freshness)
            }),
            None => self.explain_contacts(),
        };
        for phonebook in wanted.iter().filter(|phonebook| phonebook.ordinal.is_none()) {
            why.push_str(&format!(" There is no phonebook {} yet.", phonebook.name));
        }
        for phonebook in wanted {
            if let (Some(freshness), Some(ordinal)) = (freshness, phonebook.ordinal) {
                why.push_str(&self.explain_age(ordinal, freshness));
            }
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

    pub(super) fn explain_in_no_phonebook(
        &self,
        member: Option<Posting>,
        freshness: Option<Freshness>,
    ) -> (String, String) {
        let why = match member {
            Some(member) => self.explain_membership(member, |ordinal| !self.is_skipped(ordinal, freshness)),
            None => self.explain_contacts() + &self.explain_ages_of_contacts(freshness),
        };
        ("true".into(), why)
    }

    /// A sentence about each phonebook with old data of the contacts that are named.
    fn explain_ages_of_contacts(&self, freshness: Option<Freshness>) -> String {
        let Some(freshness) = freshness else { return String::new() };
        let named = self.caller_match.contacts().iter().take(MAX_NAMED);
        let mut phonebooks: Vec<PhonebookOrdinal> = Vec::new();
        for phonebook in named.flat_map(|posting| self.phonebooks_of(*posting)) {
            if !phonebooks.contains(phonebook) {
                phonebooks.push(*phonebook);
            }
        }
        phonebooks.into_iter().map(|phonebook| self.explain_age(phonebook, freshness)).collect()
    }

    /// Why the call does not go to the extension of a contact.
    pub(super) fn explain_no_extension(&self, freshness: Option<Freshness>) -> String {
        let contacts = self.caller_match.contacts();
        let is_any_passed_over = contacts.iter().any(|posting| self.is_passed_over(*posting, freshness));
        let (passed_over, other) = match is_any_passed_over {
            true => ("Contacts whose phonebooks are all old are passed over. ", "other "),
            false => ("", ""),
        };
        format!(
            "{passed_over}No {other}contact with the caller's number has an extension of its own that can be \
             dialled, so the fallback applies."
        )
    }

    /// A sentence about a phonebook whose data are old; nothing about others.
    fn explain_age(&self, phonebook: PhonebookOrdinal, freshness: Freshness) -> String {
        if !self.is_old(phonebook, freshness) {
            return String::new();
        }
        let age = match self.snapshot.last_synced(phonebook) {
            LastSynced::At(synced) => {
                let hours = freshness.max_age_hours;
                let unit = if hours == 1 { "hour" } else { "hours" };
                format!("are of {synced:.0}, older than {hours} {unit}")
            }
            LastSynced::Local | LastSynced::Never => "were never synchronised".into(),
        };
        let so = match freshness.older {
            OlderData::Use => "they are used nevertheless",
            OlderData::Skip => "so the phonebook is passed over",
        };
        format!(" The data of {} {age}: {so}.", self.snapshot.contacts().phonebook(phonebook).name)
    }

    pub(super) fn explain_attestation(&self, lowest: Attestation) -> (String, String) {
        let why = match self.call.attestation {
            Some(given) => format!("The network vouches for the caller's number with level {given:?}."),
            None => "The call handler gave no attestation of the caller's number.".into(),
        };
        (format!("{lowest:?} or better"), why)
    }

    /// Each time condition up to the one that holds.
    pub(super) fn explain_times(&self, times: &[CompiledTime]) -> (String, String) {
        let mut sentences = Vec::new();
        for time in times {
            let Some(condition) = &time.condition else {
                sentences.push("Any time will do.".to_owned());
                break;
            };
            let name = condition.name();
            let now = condition.local_time(self.call.at).strftime("%a %Y-%m-%d %H:%M");
            let it_is = format!("it is {now} in {}", condition.time_zone());
            match condition.rule_at(self.call.at) {
                Some(rule) => {
                    sentences.push(format!("{name:?} holds by \"{rule}\": {it_is}."));
                    break;
                }
                None => sentences.push(format!("{name:?} does not hold: {it_is}.")),
            }
        }
        let name = |time: &CompiledTime| {
            time.condition.as_ref().map_or(ALWAYS, |condition| condition.name()).to_owned()
        };
        (times.iter().map(name).collect::<Vec<_>>().join(", "), sentences.join(" "))
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
        let contact = contacts.contact(member.contact());
        let phonebooks: Vec<&str> = contacts
            .phonebooks_in(member.phonebooks())
            .iter()
            .filter(|ordinal| matters(**ordinal))
            .map(|ordinal| contacts.phonebook(*ordinal).name.as_str())
            .collect();
        let is_in = if phonebooks.is_empty() { "no phonebook".into() } else { phonebooks.join(" and ") };
        let name = contact.display_name;
        // A local contact has no source, and so no key there.
        let source = match contact.source {
            "" => "local".to_owned(),
            source => format!("{source} {}", contact.source_key),
        };
        match self.caller_match {
            CallerMatch::Matched { kind: MatchKind::LastDigits, .. } => {
                format!("{name} ({source}), whose number has the same last digits, is in {is_in}.")
            }
            _ => format!("{name} ({source}) is in {is_in}."),
        }
    }
}

fn explain_fit(subject: &str, forms: &NumberForms<'_>, patterns: usize, fit: Option<Fit<'_>>) -> String {
    let Some(Fit { criterion, form }) = fit else {
        let fits = if patterns == 1 { "does not fit" } else { "fits none of them" };
        return format!("The {subject} {forms} {fits}.");
    };
    match (form, forms.given(), forms.number()) {
        (Form::Number, Some(given), Some(number)) => {
            format!("The {subject} {given}, which is {number}, fits {criterion}.")
        }
        _ => format!("The {subject} {forms} fits {criterion}."),
    }
}

fn join(criteria: &[NumberCriterion]) -> String {
    criteria.iter().map(|criterion| criterion.to_string()).collect::<Vec<_>>().join(", ")
}
