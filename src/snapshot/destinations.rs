//! Where calls can go: which destinations there are, and how each is dialled. The destinations of routes are checked
//! against both ([`of_routes`]).
//!
//! While destinations are listed, a route to any other is refused, unless the settings allow it; with none
//! listed, the call handler keeps its own list. Numbers outside, hanging up and e-mail addresses need no entry.
//!
//! What is put into a dial string cannot change its meaning: a target that could is refused when it is saved,
//! and an extension that comes from a contact is passed over.

mod of_routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use super::number_range::NumberRange;
use super::route_table::RouteError;
use crate::phonebook::MAX_NAME_CHARACTERS;
use crate::settings::{
    DestinationType, Extension, ListedDestination, ListedPart as _, RoutingSettings, UnlistedDestinations,
};

pub use of_routes::{CompiledDestination, CompiledTarget};

/// Longest target of a destination, in characters.
pub const MAX_TARGET_CHARACTERS: usize = 128;
/// Longest template of a dial string, in characters.
pub const MAX_DIAL_STRING_CHARACTERS: usize = 255;

/// What stands for the target in the template of a dial string.
const TARGET: &str = "{target}";

/// The destinations there are, and how they are dialled.
#[derive(Debug, Default)]
pub struct Destinations {
    listed: HashSet<(DestinationType, String)>,
    extension_ranges: Vec<NumberRange>,
    /// Those of the settings that have a name or groups; they do not close the list.
    extensions: HashSet<String>,
    is_closed: bool,
    dial_strings: BTreeMap<DestinationType, String>,
}

/// What is wrong with a field, by its path.
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) what: String,
}

pub(super) fn problem(field: impl Into<String>, what: impl Into<String>) -> Problem {
    Problem { field: field.into(), what: what.into() }
}

impl Destinations {
    /// Checks the list and the templates. What of them cannot work is left out.
    pub(super) fn compile(
        routing: &RoutingSettings,
        listed: &[ListedDestination],
        extensions: &[Extension],
        left_out: &mut Vec<RouteError>,
    ) -> Self {
        let mut destinations = Destinations {
            is_closed: match routing.unlisted_destinations {
                Some(UnlistedDestinations::Allowed) => false,
                Some(UnlistedDestinations::Refused) => true,
                None => !listed.is_empty(),
            },
            ..Destinations::default()
        };
        let mut leave_out = |subject: String, Problem { field, what }| {
            left_out.push(RouteError { subject, field, problem: what });
        };
        for (kind, template) in &routing.dial_strings {
            match check_template(*kind, template) {
                Ok(()) => drop(destinations.dial_strings.insert(*kind, template.clone())),
                Err(what) => {
                    leave_out("routing".into(), problem(format!("dial_strings.{}", kind.name()), what));
                }
            }
        }
        for entry in listed {
            if let Err(problem) = destinations.list(entry) {
                leave_out(format!("destination {:?}", entry.name()), problem);
            }
        }
        for extension in extensions {
            if let Err(problem) = destinations.add_extension(extension) {
                leave_out(format!("extension {:?}", extension.number), problem);
            }
        }
        destinations
    }

    fn add_extension(&mut self, extension: &Extension) -> Result<(), Problem> {
        let Extension { number, name, .. } = extension;
        if number.is_empty() {
            return Err(problem("number", "must not be blank"));
        }
        at_most("number", number, MAX_NAME_CHARACTERS)?;
        if let Some((position, character)) =
            number.char_indices().find(|(_, character)| !is_harmless(*character))
        {
            let what = format!(
                "{number:?}: found {character:?} at byte {position}; the number of an extension has only digits, \
                 letters from a to z and + - . _ *"
            );
            return Err(problem("number", what));
        }
        at_most("name", name, MAX_TARGET_CHARACTERS)?;
        one_line("name", name)?;
        if self.listed.contains(&(DestinationType::Extension, number.clone())) {
            let what = format!("{number:?} is listed among the destinations too: take it out there");
            return Err(problem("number", what));
        }
        if !self.extensions.insert(number.clone()) {
            return Err(problem("number", format!("{number:?} is there already")));
        }
        Ok(())
    }

    fn list(&mut self, entry: &ListedDestination) -> Result<(), Problem> {
        let ListedDestination { destination_type: kind, target, name } = entry;
        if needs_no_entry(*kind) {
            let what = format!("{} is not listed: it is always possible", kind.name());
            return Err(problem("type", what));
        }
        check_target("target", target)?;
        at_most("name", name, MAX_TARGET_CHARACTERS)?;
        one_line("name", name)?;
        let range = is_numbered(*kind).then(|| NumberRange::parse(target)).flatten();
        if let Some(range) = range {
            if *kind != DestinationType::Extension {
                return Err(problem("target", format!("{target:?}: only extensions are listed as ranges")));
            }
            let range =
                range.map_err(|error| problem("target", format!("{target:?} is not a range: {error}")))?;
            self.extension_ranges.push(range);
        } else {
            self.check_dialled("target", *kind, target)?;
            if !self.listed.insert((*kind, target.clone())) {
                let what = format!("{} {target:?} is listed already", kind.name());
                return Err(problem("target", what));
            }
        }
        Ok(())
    }

    /// Whether routes can only go to what is listed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether any destination is listed.
    #[must_use]
    pub fn has_list(&self) -> bool {
        !self.listed.is_empty() || !self.extension_ranges.is_empty()
    }

    /// Whether there is such a destination, as far as the list says.
    #[must_use]
    pub fn lists(&self, kind: DestinationType, target: &str) -> bool {
        let is_extension = |target: &str| {
            self.listed.contains(&(DestinationType::Extension, target.to_owned()))
                || self.extensions.contains(target)
                || self.extension_ranges.iter().any(|range| range.contains(target.as_bytes()))
        };
        match kind {
            DestinationType::Extension => is_extension(target),
            // Every extension has a mailbox, and can be sent its faxes.
            DestinationType::Voicemail | DestinationType::FaxToEmail if is_extension(target) => true,
            DestinationType::FaxToEmail if target.contains('@') => true,
            _ => needs_no_entry(kind) || self.listed.contains(&(kind, target.to_owned())),
        }
    }

    /// Whether a call can be sent to an extension that was not known before the call.
    #[must_use]
    pub fn can_dial_extension(&self, extension: &str) -> bool {
        let is_short = (1..=MAX_TARGET_CHARACTERS).contains(&extension.len());
        is_short
            && extension.chars().all(is_harmless)
            && (!self.is_closed || self.lists(DestinationType::Extension, extension))
    }

    /// How the call handler dials a destination, if the settings say it.
    #[must_use]
    pub fn dial_string(&self, kind: DestinationType, target: &str) -> Option<String> {
        let template = self.dial_strings.get(&kind)?;
        // Hanging up with the call handler's own cause.
        if target.is_empty() && template.contains(TARGET) {
            return None;
        }
        Some(template.replace(TARGET, target))
    }

    fn check_dialled(&self, field: &str, kind: DestinationType, target: &str) -> Result<(), Problem> {
        if !self.dial_strings.contains_key(&kind) {
            return Ok(());
        }
        let is_possible = |character: char| {
            is_harmless(character) || character == '@' && kind == DestinationType::FaxToEmail
        };
        match target.char_indices().find(|(_, character)| !is_possible(*character)) {
            Some((position, character)) => Err(problem(
                field,
                format!(
                    "{target:?} cannot be dialled: found {character:?} at byte {position}; in a dial string only \
                     letters from a to z, digits and + - . _ * are possible"
                ),
            )),
            None => Ok(()),
        }
    }
}

/// Extensions have numbers, so `1001-1005` is a range of them.
fn is_numbered(kind: DestinationType) -> bool {
    matches!(kind, DestinationType::Extension | DestinationType::Voicemail)
}

fn needs_no_entry(kind: DestinationType) -> bool {
    matches!(
        kind,
        DestinationType::ExternalNumber | DestinationType::HangUp | DestinationType::ContactExtension
    )
}

/// What means nothing but itself in SIP URIs, tel URIs and the dial strings of Asterisk and FreeSWITCH.
fn is_harmless(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.' | '_' | '*')
}

fn check_template(kind: DestinationType, template: &str) -> Result<(), String> {
    if kind == DestinationType::ContactExtension {
        return Err("a contact's extension is dialled as any extension: use dial_strings.extension".into());
    }
    let found = template.chars().count();
    if found > MAX_DIAL_STRING_CHARACTERS {
        return Err(format!("it has {found} characters, {MAX_DIAL_STRING_CHARACTERS} at most are possible"));
    }
    if template.trim().is_empty() {
        return Err(format!("it is blank; such as \"PJSIP/{TARGET}\" is expected"));
    }
    if let Some((position, character)) = template.char_indices().find(|(_, c)| c.is_control()) {
        return Err(format!("found {character:?} at byte {position}; control characters are not possible"));
    }
    let mut rest = template;
    while let Some(position) = rest.find(['{', '}']) {
        let place = template.len() - rest.len() + position;
        match rest[position..].strip_prefix(TARGET) {
            Some(behind) => rest = behind,
            None => return Err(format!("found a brace at byte {place}, expected {TARGET} or no brace")),
        }
    }
    if !template.contains(TARGET) && kind != DestinationType::HangUp {
        return Err(format!("{template:?} has no {TARGET}, so all destinations of this kind would be one"));
    }
    Ok(())
}

fn check_target(field: &str, target: &str) -> Result<(), Problem> {
    at_most(field, target, MAX_TARGET_CHARACTERS)?;
    one_line(field, target)?;
    if target.trim().is_empty() { Err(problem(field, "it is blank; a value is needed")) } else { Ok(()) }
}

pub(super) fn at_most(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    match text.chars().count() {
        found if found > most => {
            Err(problem(field, format!("it has {found} characters, {most} at most are possible")))
        }
        _ => Ok(()),
    }
}

pub(super) fn one_line(field: &str, text: &str) -> Result<(), Problem> {
    match text.char_indices().find(|(_, character)| character.is_control()) {
        Some((position, character)) => Err(problem(
            field,
            format!(
                "found {character:?} at byte {position}; line breaks and other control characters are not possible"
            ),
        )),
        None => Ok(()),
    }
}
