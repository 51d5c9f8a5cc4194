//! What the fields of inbound routes may hold. Patterns, destinations and times are checked where they are
//! parsed.

use crate::settings::InboundRoute;
use crate::snapshot::destinations::{Problem, at_most, one_line, problem};

/// Most values of one criterion of one route.
pub const MAX_VALUES: usize = 1_000;
/// Most time conditions of one route.
pub const MAX_TIMES: usize = 100;
/// Longest note, in characters.
pub const MAX_NOTE_CHARACTERS: usize = 1_000;
/// Longest Alert-Info, in characters.
pub const MAX_ALERT_INFO_CHARACTERS: usize = 255;
/// Longest prefix of a caller's name, in characters.
pub const MAX_CALLER_NAME_PREFIX_CHARACTERS: usize = 63;
/// Greatest age of data that a route can ask for, in hours: ten years.
pub const MAX_AGE_HOURS: u32 = 87_600;

/// Names, and that they are unique, are checked with the settings as a whole.
pub(super) fn check(route: &InboundRoute) -> Result<(), Problem> {
    at_most("note", &route.note, MAX_NOTE_CHARACTERS)?;
    for (field, values, most) in [
        ("trunks", route.trunks.len(), MAX_VALUES),
        ("dids", route.dids.len(), MAX_VALUES),
        ("callers", route.callers.len(), MAX_VALUES),
        ("phonebooks", route.phonebooks.len(), MAX_VALUES),
        ("times", route.times.len(), MAX_TIMES),
    ] {
        if values > most {
            return Err(problem(field, format!("it has {values} values, {most} at most are possible")));
        }
    }
    at_most("alert_info", &route.alert_info, MAX_ALERT_INFO_CHARACTERS)?;
    // It becomes a header of a SIP message: a line break would begin another header.
    one_line("alert_info", &route.alert_info)?;
    caller_name_prefix(&route.caller_name_prefix)?;
    if let Some(freshness) = route.freshness {
        let hours = freshness.max_age_hours;
        if !(1..=MAX_AGE_HOURS).contains(&hours) {
            let what = format!("{hours} is not a number of hours from 1 to {MAX_AGE_HOURS}");
            return Err(problem("freshness.max_age_hours", what));
        }
        if route.phonebooks.is_empty() {
            let what = "it is about the phonebooks of the route, which has none: name them, or leave it out";
            return Err(problem("freshness", what));
        }
    }
    Ok(())
}

/// It becomes part of a quoted display name (RFC 3261, section 25.1).
fn caller_name_prefix(prefix: &str) -> Result<(), Problem> {
    const FIELD: &str = "caller_name_prefix";
    at_most(FIELD, prefix, MAX_CALLER_NAME_PREFIX_CHARACTERS)?;
    one_line(FIELD, prefix)?;
    let unusable = prefix.char_indices().find(|(_, character)| matches!(character, '"' | '\\' | '<' | '>'));
    match unusable {
        Some((position, character)) => Err(problem(
            FIELD,
            format!("found {character:?} at byte {position}, which ends or changes a display name in SIP"),
        )),
        None => Ok(()),
    }
}
