//! Numbers, moments and names as people read them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

/// Digits in groups of three, with narrow spaces that do not break: 500 000.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len());
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: "1 contact", "2 contacts".
pub(super) fn count(count: u64, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", number(count), if count == 1 { one } else { many })
}

/// How long something took.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds}\u{a0}ms"),
        1..60 => format!("{}.{}\u{a0}s", seconds, milliseconds % 1000 / 100),
        60..3600 => format!("{}\u{a0}min {}\u{a0}s", seconds / 60, seconds % 60),
        _ => format!("{}\u{a0}h {}\u{a0}min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How far a moment is away.
pub(super) fn distance(moment: Timestamp, now: Timestamp) -> String {
    let away = now.duration_since(moment);
    let told = |number: i64, one: &str, many: &str| {
        format!("{number}\u{a0}{}", if number == 1 { one } else { many })
    };
    let seconds = away.abs().as_secs();
    let far = match seconds {
        0..45 => return if away < SignedDuration::ZERO { "in a moment" } else { "just now" }.to_owned(),
        45..3570 => told((seconds + 30) / 60, "minute", "minutes"),
        3570..84_600 => told((seconds + 1800) / 3600, "hour", "hours"),
        _ => told((seconds + 43_200) / 86_400, "day", "days"),
    };
    if away < SignedDuration::ZERO { format!("in {far}") } else { format!("{far} ago") }
}

/// A moment on the server's clock, such as `24 Nov 2026, 14:52`.
pub(super) fn clock_time(moment: Timestamp) -> String {
    moment.to_zoned_datetime(TimeZone::system()).strftime("%-d %b %Y, %H:%M").to_string()
}

/// A moment: how far it is away, and when it is. A script writes the time in the browser's own time zone.
pub(super) fn moment(moment: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(moment) title=(clock_time(moment)) { (distance(moment, now)) }
    }
}

/// The same with the time written out.
pub(super) fn moment_in_full(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time.full datetime=(at) { (clock_time(at)) } " " span.faint { "(" (distance(at, now)) ")" }
    }
}

/// The name of a field or of a kind in words: `ring_group` is a `Ring group`.
pub(super) fn label(name: &str) -> String {
    match name {
        "ivr" => return "IVR".to_owned(),
        "did" | "dids" => return "Dialled number (DID)".to_owned(),
        _ => {}
    }
    let mut label = name.replace('_', " ");
    if let Some(first) = label.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        for (found, shown) in
            [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")]
        {
            assert_eq!(number(found), shown);
        }
        assert_eq!(count(1, "contact", "contacts"), "1\u{a0}contact");
        assert_eq!(count(0, "contact", "contacts"), "0\u{a0}contacts");
    }

    #[test]
    fn moments_are_told_by_how_far_they_are_away() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, told) in [
            (0, "just now"),
            (60, "1\u{a0}minute ago"),
            (3600, "1\u{a0}hour ago"),
            (7 * 86_400, "7\u{a0}days ago"),
            (-30, "in a moment"),
            (-7200, "in 2\u{a0}hours"),
        ] {
            assert_eq!(distance(now - SignedDuration::from_secs(seconds), now), told);
        }
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (milliseconds, told) in [
            (12, "12\u{a0}ms"),
            (1250, "1.2\u{a0}s"),
            (75_000, "1\u{a0}min 15\u{a0}s"),
            (3_660_000, "1\u{a0}h 1\u{a0}min"),
        ] {
            assert_eq!(duration(milliseconds), told);
        }
    }
}
