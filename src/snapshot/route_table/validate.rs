//! What the fields of inbound routes may hold. Patterns are checked where they are parsed.

use super::RouteError;
use crate::settings::{Destination, DestinationType, InboundRoute};

/// Most values of one criterion of one route.
pub const MAX_VALUES: usize = 1_000;
/// Longest note, in characters.
pub const MAX_NOTE_CHARACTERS: usize = 1_000;
/// Longest target of a destination, in characters.
pub const MAX_TARGET_CHARACTERS: usize = 128;
/// Longest Alert-Info, in characters.
pub const MAX_ALERT_INFO_CHARACTERS: usize = 255;

/// What is wrong with one field.
struct Problem {
    field: String,
    what: String,
}

fn problem(field: impl Into<String>, what: impl Into<String>) -> Problem {
    Problem { field: field.into(), what: what.into() }
}

/// Names, and that they are unique, are checked with the settings as a whole.
pub(super) fn routes(routes: &[InboundRoute]) -> Result<(), RouteError> {
    for route in routes {
        check(route).map_err(|Problem { field, what }| RouteError {
            route: route.name.clone(),
            field,
            problem: what,
        })?;
    }
    Ok(())
}

fn check(route: &InboundRoute) -> Result<(), Problem> {
    at_most("note", &route.note, MAX_NOTE_CHARACTERS)?;
    for (field, values) in [
        ("trunks", route.trunks.len()),
        ("dids", route.dids.len()),
        ("callers", route.callers.len()),
        ("phonebooks", route.phonebooks.len()),
    ] {
        if values > MAX_VALUES {
            return Err(problem(field, format!("it has {values} values, {MAX_VALUES} at most are possible")));
        }
    }
    at_most("alert_info", &route.alert_info, MAX_ALERT_INFO_CHARACTERS)?;
    // It becomes a header of a SIP message: a line break would begin another header.
    one_line("alert_info", &route.alert_info)?;
    destination(&route.destination)
}

fn destination(destination: &Destination) -> Result<(), Problem> {
    const FIELD: &str = "destination.target";
    let Destination { destination_type, target } = destination;
    at_most(FIELD, target, MAX_TARGET_CHARACTERS)?;
    one_line(FIELD, target)?;
    if *destination_type != DestinationType::HangUp {
        return not_blank(FIELD, target);
    }
    let is_code = target.len() == 3 && matches!(target.parse(), Ok(300_u16..=699));
    if target.is_empty() || is_code {
        Ok(())
    } else {
        let expected =
            "a SIP response that ends a call attempt, 300 to 699 (RFC 3261, section 21), such as 603";
        Err(problem(FIELD, format!("{target:?} is not {expected}; leave it out for the call handler's own")))
    }
}

fn not_blank(field: &str, text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() { Err(problem(field, "it is blank; a value is needed")) } else { Ok(()) }
}

fn at_most(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    match text.chars().count() {
        found if found > most => {
            Err(problem(field, format!("it has {found} characters, {most} at most are possible")))
        }
        _ => Ok(()),
    }
}

fn one_line(field: &str, text: &str) -> Result<(), Problem> {
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
