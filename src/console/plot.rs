//! Look-ups over time, drawn as SVG on the server.

use jiff::Timestamp;
use maud::{Markup, html};

use super::show;
use crate::engine::{CallCounts, CallMinute};

/// What a plot reaches over, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// An hour, minute by minute.
    Hour,
    /// A day, by quarters of an hour.
    Day,
}

impl Span {
    /// Seconds that a point stands for, and how many points there are.
    fn points(self) -> (i64, usize) {
        match self {
            Span::Hour => (60, 60),
            Span::Day => (15 * 60, 96),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Span::Hour => "Look-ups in the last hour",
            Span::Day => "Look-ups in the last day",
        }
    }

    fn each(self) -> &'static str {
        match self {
            Span::Hour => "a minute",
            Span::Day => "in 15 minutes",
        }
    }

    /// What stands under it, from left to right.
    fn marks(self) -> [&'static str; 3] {
        match self {
            Span::Hour => ["1 hour ago", "30 min", "now"],
            Span::Day => ["24 hours ago", "12 h", "now"],
        }
    }
}

/// What each point of a span has. The last one goes on; what was before the process began is 0.
fn points(history: &[CallMinute], span: Span, now: Timestamp) -> Vec<CallCounts> {
    let (seconds, count) = span.points();
    let end = (now.as_second().div_euclid(seconds) + 1) * seconds;
    let begin = end - seconds * count as i64;
    let mut points = vec![CallCounts::default(); count];
    for minute in history {
        let place = usize::try_from((minute.begins.as_second() - begin).div_euclid(seconds));
        if let Some(point) = place.ok().and_then(|place| points.get_mut(place)) {
            point.answered += minute.counts.answered;
            point.matched += minute.counts.matched;
            point.failed += minute.counts.failed;
        }
    }
    points
}

/// The top of a scale that has room for this: 1, 2 or 5 with zeros.
fn top(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let top = power.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A line through the points, in a picture that is 100 high and has one unit between two points.
fn line(values: &[u64], top: u64) -> String {
    let mut path = String::with_capacity(values.len() * 10);
    for (place, value) in values.iter().enumerate() {
        let height = 100.0 - *value as f64 * 100.0 / top as f64;
        path += if place == 0 { "M" } else { "L" };
        path += &format!("{place} {height:.1}");
    }
    path
}

/// The look-ups of a span: all that were answered, and those of known callers.
pub(super) fn look_ups(history: &[CallMinute], span: Span, now: Timestamp) -> Markup {
    let points = points(history, span, now);
    let answered: Vec<u64> = points.iter().map(|point| point.answered).collect();
    let matched: Vec<u64> = points.iter().map(|point| point.matched).collect();
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    let most = answered.iter().copied().max().unwrap_or_default();
    let (top, last) = (top(most), points.len() - 1);
    let (all, known) = (answered.iter().sum(), matched.iter().sum());
    let without_answer = match failed {
        0 => String::new(),
        failed => format!(", {} without an answer", show::number(failed)),
    };
    let told = format!(
        "{} answered, {} of known callers{without_answer}; at most {} {}",
        show::number(all),
        show::number(known),
        show::number(most),
        span.each()
    );
    let line_of_all = line(&answered, top);
    html! {
        figure.card.chart {
            figcaption { h2 { (span.title()) } p.faint { (told) "." } }
            div.drawing {
                div.scale aria-hidden="true" { span { (show::number(top)) } span { "0" } }
                svg.plot viewBox=(format!("0 0 {last} 100")) preserveAspectRatio="none" role="img" aria-label=(format!("{}: {told}", span.title())) {
                    @for height in [0, 50, 100] { line.grid x1="0" x2=(last) y1=(height) y2=(height) {} }
                    path.area d=(format!("{line_of_all}L{last} 100L0 100Z")) {}
                    path.first d=(line_of_all) {}
                    path.second d=(line(&matched, top)) {}
                }
                div.marks aria-hidden="true" { @for mark in span.marks() { span { (mark) } } }
            }
            p.key aria-hidden="true" {
                span { svg viewBox="0 0 24 12" { path.first d="M0 6H24" {} } "answered" }
                span { svg viewBox="0 0 24 12" { path.second d="M0 6H24" {} } "of known callers" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(begins: &str, answered: u64) -> CallMinute {
        let counts = CallCounts { answered, matched: 1, failed: 0 };
        CallMinute { begins: begins.parse().unwrap(), counts }
    }

    #[test]
    fn each_minute_is_at_its_place_and_what_is_older_is_left_out() {
        let now = "2026-11-24T12:00:30Z".parse().unwrap();
        let history = [
            minute("2026-11-23T12:14:00Z", 64),
            minute("2026-11-24T11:00:00Z", 32),
            minute("2026-11-24T11:01:00Z", 16),
            minute("2026-11-24T11:59:00Z", 4),
            minute("2026-11-24T12:00:00Z", 1),
        ];
        let hour: Vec<u64> = points(&history, Span::Hour, now).iter().map(|point| point.answered).collect();
        assert_eq!((hour.len(), hour[0], hour[58], hour[59]), (60, 16, 4, 1));
        assert_eq!(hour.iter().sum::<u64>(), 21);
        // 11:59 belongs to the quarter before the one that began at 12:00.
        let day: Vec<u64> = points(&history, Span::Day, now).iter().map(|point| point.answered).collect();
        assert_eq!((day.len(), day[91], day[94], day[95]), (96, 48, 4, 1));
        assert_eq!(day.iter().sum::<u64>(), 53);
    }

    #[test]
    fn the_scale_ends_at_a_round_number_that_has_room() {
        for (most, expected) in [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (10, 10), (11, 20), (501, 1000)] {
            assert_eq!(top(most), expected, "{most}");
        }
        assert!(top(u64::MAX) == u64::MAX);
    }

    #[test]
    fn a_line_is_higher_where_there_is_more() {
        assert_eq!(line(&[0, 5, 10], 10), "M0 100.0L1 50.0L2 0.0");
    }
}
