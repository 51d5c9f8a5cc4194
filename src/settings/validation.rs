//! What must hold for settings as a whole, whatever each part means to the room that uses it.

use std::collections::{HashMap, HashSet};

use super::{
    DocumentError, InboundRoute, MIN_LAST_DIGITS, PhonebookTarget, Schedule, Settings, SourceSettings,
};
use crate::phone_number::MAX_DIGITS;
use crate::phonebook::MAX_NAME_CHARACTERS;

/// Most inbound routes. All of them may be tried for one call.
pub const MAX_INBOUND_ROUTES: usize = 2000;
/// Most sources.
pub const MAX_SOURCES: usize = 500;
/// Most trunks.
pub const MAX_TRUNKS: usize = 1000;
/// Most time conditions.
pub const MAX_TIME_CONDITIONS: usize = 1000;
/// Most listed destinations; a range of extensions is one.
pub const MAX_LISTED_DESTINATIONS: usize = 100_000;
/// Most extensions with a name.
pub const MAX_EXTENSIONS: usize = 100_000;
/// Most visibility grants. All of them may be looked at for one request of the directory.
pub const MAX_VISIBILITY_GRANTS: usize = 1000;
/// Most local phonebooks. How many phonebooks there may be altogether is checked where they are made.
pub const MAX_LOCAL_PHONEBOOKS: usize = 10_000;
/// Largest [`GuardSettings::max_removed_contacts`](super::GuardSettings::max_removed_contacts).
pub const MAX_GUARD_CONTACTS: u64 = 1_000_000_000;

/// What names of trunks, sources and inbound routes are told apart by: not by case, nor by outer white space.
#[must_use]
pub fn folded_name(name: &str) -> String {
    name.trim().to_lowercase()
}

fn invalid(field: impl Into<String>, problem: impl Into<String>) -> DocumentError {
    DocumentError::Invalid { field: field.into(), problem: problem.into() }
}

impl Settings {
    /// Checks everything that can be checked by the settings alone: limits, names, ranges, references.
    ///
    /// What number patterns, sync filters and field maps say is checked by routing and sources.
    pub fn validate(&self) -> Result<(), DocumentError> {
        let last_digits = self.numbers.last_digits;
        if last_digits != 0 && !(MIN_LAST_DIGITS..=MAX_DIGITS as u8).contains(&last_digits) {
            let expected = format!("{MIN_LAST_DIGITS} to {MAX_DIGITS}, or 0 for off");
            return Err(invalid("numbers.last_digits", format!("{last_digits} is not {expected}")));
        }
        self.limits.validate()?;
        self.history.validate()?;
        count("phonebook", self.phonebooks.len(), MAX_LOCAL_PHONEBOOKS)?;
        count("destination", self.destinations.len(), MAX_LISTED_DESTINATIONS)?;
        count("extension", self.extensions.len(), MAX_EXTENSIONS)?;
        count("visibility_grant", self.visibility_grants.len(), MAX_VISIBILITY_GRANTS)?;
        count("time_condition", self.time_conditions.len(), MAX_TIME_CONDITIONS)?;
        count("trunk", self.trunks.len(), MAX_TRUNKS)?;
        count("source", self.sources.len(), MAX_SOURCES)?;
        count("inbound_route", self.inbound_routes.len(), MAX_INBOUND_ROUTES)?;

        unique("phonebook", self.phonebooks.iter().map(|phonebook| phonebook.name.as_str()))?;
        unique("visibility_grant", self.visibility_grants.iter().map(|grant| grant.name.as_str()))?;
        unique("time_condition", self.time_conditions.iter().map(|condition| condition.name.as_str()))?;
        unique("trunk", self.trunks.iter().map(|trunk| trunk.name.as_str()))?;
        unique("source", self.sources.iter().map(|source| source.name.as_str()))?;
        unique("inbound_route", self.inbound_routes.iter().map(|route| route.name.as_str()))?;

        for (index, source) in self.sources.iter().enumerate() {
            check_source(source, &format!("source[{index}] {:?}", source.name))?;
        }
        if let Some((field, problem)) = self.client_policy.problem() {
            return Err(invalid(format!("client_policy.{field}"), problem));
        }
        self.check_phonebook_targets()?;
        let trunks: HashSet<&str> = self.trunks.iter().map(|trunk| trunk.name.as_str()).collect();
        for (index, route) in self.inbound_routes.iter().enumerate() {
            check_trunks(route, &format!("inbound_route[{index}] {:?}", route.name), &trunks)?;
        }
        Ok(())
    }

    /// No two sources fill the same phonebook, and a local one is filled only by a source that says so.
    fn check_phonebook_targets(&self) -> Result<(), DocumentError> {
        let local: HashSet<String> =
            self.phonebooks.iter().map(|phonebook| phonebook.name.folded()).collect();
        let mut filled_by: HashMap<String, &str> = HashMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            let (key, name, is_existing) = match &source.phonebook {
                PhonebookTarget::New { name } => ("new.name", name, false),
                PhonebookTarget::ByProperty { blank: Some(name), .. } => ("by_property.blank", name, false),
                PhonebookTarget::ByProperty { blank: None, .. } => continue,
                PhonebookTarget::Existing { name } => ("existing.name", name, true),
            };
            let shown = name.as_str();
            let problem = match (is_existing, local.contains(&name.folded())) {
                (true, false) => Some(format!("there is no local phonebook {shown:?}")),
                (false, true) if source.enabled => Some(format!(
                    "{shown:?} is a local phonebook: fill it with `existing`, or take another name"
                )),
                // One that is off fills nothing: what it made was kept as a local phonebook.
                (false, true) => None,
                _ => filled_by
                    .insert(name.folded(), &source.name)
                    .map(|other| format!("source {other:?} fills the phonebook {shown:?} already")),
            };
            if let Some(problem) = problem {
                return Err(invalid(format!("source[{index}] {:?}.phonebook.{key}", source.name), problem));
            }
        }
        Ok(())
    }
}

fn count(field: &str, found: usize, most: usize) -> Result<(), DocumentError> {
    if found > most {
        return Err(invalid(field, format!("there are {found}; at most {most} are allowed")));
    }
    Ok(())
}

/// Names are 1 to [`MAX_NAME_CHARACTERS`] long, without control characters and outer white space, and
/// differ in more than case.
fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> Result<(), DocumentError> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, name) in names.enumerate() {
        let field = format!("{kind}[{index}] {:?}.name", cut(name));
        one_line(&field, name)?;
        if name.trim() != name {
            return Err(invalid(field, "a name must not begin or end with white space"));
        }
        if let Some(other) = seen.insert(folded_name(name), index) {
            return Err(invalid(field, format!("the name is that of {kind}[{other}] too; names are unique")));
        }
    }
    Ok(())
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARACTERS).collect()
}

/// A text on one line, not blank, of at most [`MAX_NAME_CHARACTERS`].
fn one_line(field: &str, value: &str) -> Result<(), DocumentError> {
    if let Some(control) = value.chars().find(|c| c.is_control()) {
        return Err(invalid(field, format!("{control:?} is a control character, which is not allowed here")));
    }
    let found = value.chars().count();
    if value.trim().is_empty() {
        return Err(invalid(field, "must not be blank"));
    }
    if found > MAX_NAME_CHARACTERS {
        let problem = format!("has {found} characters; at most {MAX_NAME_CHARACTERS} are allowed");
        return Err(invalid(field, problem));
    }
    Ok(())
}

fn check_source(source: &SourceSettings, place: &str) -> Result<(), DocumentError> {
    let guard = &source.guard;
    for (key, percent) in [
        ("max_removed_percent", guard.max_removed_percent),
        ("max_rejected_percent", guard.max_rejected_percent),
    ] {
        if percent > 100 {
            let problem = format!("{percent} is not a percentage: 1 to 100, or 0 for off");
            return Err(invalid(format!("{place}.guard.{key}"), problem));
        }
    }
    if let Some((field, problem)) = source.schedule.as_ref().and_then(Schedule::problem) {
        return Err(invalid(format!("{place}.schedule.{field}"), problem));
    }
    if let Some((field, problem)) = source.notify.problem() {
        return Err(invalid(format!("{place}.notify.{field}"), problem));
    }
    if guard.max_removed_contacts > MAX_GUARD_CONTACTS {
        let problem = format!("{} is more than {MAX_GUARD_CONTACTS}", guard.max_removed_contacts);
        return Err(invalid(format!("{place}.guard.max_removed_contacts"), problem));
    }
    Ok(())
}

/// What the other fields of a route may hold is checked where routes are compiled.
fn check_trunks(route: &InboundRoute, place: &str, trunks: &HashSet<&str>) -> Result<(), DocumentError> {
    if let Some(index) = route.trunks.iter().position(|trunk| !trunks.contains(trunk.as_str())) {
        let problem = format!(
            "there is no trunk {:?}; names of trunks are compared exactly",
            cut(&route.trunks[index])
        );
        return Err(invalid(format!("{place}.trunks[{index}]"), problem));
    }
    Ok(())
}
