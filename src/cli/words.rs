//! Words for people: names of the contract's enumerations, counts, durations, destinations.

use std::fmt::Write;

use indicatif::HumanCount;
use prost_types::Timestamp;

use crate::api::proto::v1;

/// What of a connection to a SQL Server is encrypted.
pub(super) fn encryption(encryption: v1::SqlServerEncryption) -> &'static str {
    match encryption {
        v1::SqlServerEncryption::Strict => "everything is encrypted (strict)",
        v1::SqlServerEncryption::LoginOnly => "only the login is encrypted",
        v1::SqlServerEncryption::None => "nothing is encrypted",
        v1::SqlServerEncryption::Required | v1::SqlServerEncryption::Unspecified => "everything is encrypted",
    }
}

/// `DESTINATION_TYPE_RING_GROUP` -> `ring group`.
pub(super) fn of_enum(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

pub(super) fn destination(destination: Option<&v1::Destination>) -> String {
    let Some(destination) = destination else { return "the call handler's own default".into() };
    let kind = of_enum(destination.r#type().as_str_name(), "DESTINATION_TYPE_");
    if destination.target.is_empty() { kind } else { format!("{kind} {}", destination.target) }
}

/// Thousands apart, so that they can be read.
pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `1 contact`, `2 contacts`.
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

pub(super) fn milliseconds(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1000 % 60),
    }
}

/// A time that was typed, as the contract has it.
pub(super) fn timestamp(typed: jiff::Timestamp) -> Timestamp {
    let mut timestamp = Timestamp { seconds: typed.as_second(), nanos: typed.subsec_nanosecond() };
    // Before 1970 the two libraries count nanoseconds in different directions.
    timestamp.normalize();
    timestamp
}

/// To the second, in UTC, as RFC 3339 has it.
pub(super) fn time(timestamp: Option<&Timestamp>) -> String {
    timestamp
        .and_then(|timestamp| jiff::Timestamp::from_second(timestamp.seconds).ok())
        .map(|timestamp| timestamp.to_string())
        .unwrap_or_default()
}

/// When a source is synchronised next, if it is without anybody asking for it.
pub(super) fn next_run(is_on: bool, at: Option<&Timestamp>) -> String {
    match (is_on, at) {
        (false, _) => "off".to_owned(),
        (true, None) => "by hand".to_owned(),
        (true, at) => time(at),
    }
}

/// How long ago a time is, in the largest unit that fits twice; seconds below that.
pub(super) fn ago(time: Option<&Timestamp>, now: Option<&Timestamp>) -> String {
    let (Some(time), Some(now)) = (time, now) else { return String::new() };
    let seconds = now.seconds.saturating_sub(time.seconds).max(0).unsigned_abs();
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60)];
    let (unit, length) = units.into_iter().find(|(_, length)| seconds >= 2 * length).unwrap_or(("second", 1));
    format!("{} ago", counted(seconds / length, unit))
}

/// Text that came from somewhere else, without what could take a terminal over.
pub(super) fn printable(text: &str) -> String {
    let is_harmless = |c: &char| !c.is_control() || *c == '\n';
    text.chars().map(|c| if is_harmless(&c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// The same on one line.
pub(super) fn on_one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// So much of a value is enough to recognise it.
const SHOWN_CHARACTERS: usize = 32;

/// The beginning of a value.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A name as an argument on a shell's command line.
pub(super) fn argument(name: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | ':' | '/' | '@');
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", on_one_line(name).replace('\'', r"'\''"))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut text = String::new();
    for (place, item) in items.iter().enumerate() {
        let before = match place {
            0 => "",
            _ if place + 1 == items.len() => " and ",
            _ => ", ",
        };
        // Writing to a text cannot fail.
        let _ = write!(text, "{before}{}", item.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enumerations_lose_their_prefix() {
        let queue = v1::Destination {
            r#type: v1::DestinationType::RingGroup.into(),
            target: "6300".to_owned(),
            ..Default::default()
        };
        assert_eq!(destination(Some(&queue)), "ring group 6300");
        let hang_up = v1::Destination { r#type: v1::DestinationType::HangUp.into(), ..Default::default() };
        assert_eq!(destination(Some(&hang_up)), "hang up");
    }

    #[test]
    fn counts_and_durations_are_readable() {
        assert_eq!(counted(1, "contact"), "1 contact");
        assert_eq!(counted(24_000, "contact"), "24,000 contacts");
        assert_eq!(milliseconds(999), "999 ms");
        assert_eq!(milliseconds(1050), "1.0 s");
        assert_eq!(milliseconds(125_000), "2 min 5 s");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time(Some(&Timestamp { seconds: 0, nanos: 5 })), "1970-01-01T00:00:00Z");
        assert_eq!(time(Some(&Timestamp { seconds: i64::MAX, nanos: 0 })), "");
        assert_eq!(time(None), "");
    }

    #[test]
    fn a_source_that_is_off_or_has_no_schedule_says_so() {
        let at = Timestamp { seconds: 0, nanos: 0 };
        assert_eq!(next_run(false, Some(&at)), "off");
        assert_eq!(next_run(true, None), "by hand");
        assert_eq!(next_run(true, Some(&at)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn how_long_ago_is_told_in_a_unit_that_says_something() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let ago = |seconds: i64| ago(at(1_000_000 - seconds).as_ref(), at(1_000_000).as_ref());
        assert_eq!([ago(0), ago(1), ago(119)], ["0 seconds ago", "1 second ago", "119 seconds ago"]);
        assert_eq!([ago(120), ago(7199), ago(7200)], ["2 minutes ago", "119 minutes ago", "2 hours ago"]);
        assert_eq!([ago(172_799), ago(172_800)], ["47 hours ago", "2 days ago"]);
        assert_eq!(ago(-5), "0 seconds ago", "clocks differ");
    }

    #[test]
    fn text_from_elsewhere_cannot_take_the_terminal_over() {
        assert_eq!(printable("a\u{1b}[2Jb\rc\nd"), "a\u{fffd}[2Jb\u{fffd}c\nd");
        assert_eq!(on_one_line("a\nb"), "a b");
    }

    #[test]
    fn shortened_texts_show_that_they_are() {
        assert_eq!(shortened(&"ü".repeat(32)), "ü".repeat(32));
        assert_eq!(shortened(&"ü".repeat(33)), format!("{}…", "ü".repeat(32)));
    }

    #[test]
    fn arguments_can_be_pasted_into_a_shell() {
        assert_eq!(argument("crm-1"), "crm-1");
        assert_eq!(argument("Bob's $HOME"), r"'Bob'\''s $HOME'");
        assert_eq!(argument(""), "''");
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
