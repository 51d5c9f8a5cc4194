//! Is all well: what is served, how much is asked, what runs came to, what needs attention.

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{runs, sources};
use crate::access::Permission;
use crate::console::layout::Nav;
use crate::console::plot::{self, Span};
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{badge, empty, icon, page_head, stat};
use crate::console::{Console, show as shown};
use crate::engine::{
    CallMinute, DURATION_CLASSES, EngineError, Health, LookUpKind, LookUps, Status, Warning, WarningKind,
    duration_bound,
};

/// How many runs are shown.
const SHOWN_RUNS: u32 = 6;

/// How often a script writes the page anew.
const RENEWED_EVERY_SECONDS: u32 = 30;

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let now = Timestamp::now();
    let (status, limits, runs) = console
        .read(move |engine| {
            let (settings, runs) = engine.read(|reading| {
                Ok::<_, EngineError>((reading.settings()?, reading.sync_runs(None, None, SHOWN_RUNS)?))
            })?;
            Ok::<_, EngineError>((engine.status(now)?, settings.limits, runs))
        })
        .await?;
    if status.sources.is_empty() && status.phonebooks == 0 {
        let content = html! { (page_head("Overview", html! {}, html! {})) (welcome(&visit)) };
        return visit.page(Nav::Overview, "Overview", content);
    }
    let about = match status.health {
        Health::Healthy => html! { (badge(Tone::Good, "All is well")) " Calls are answered." },
        Health::Degraded => html! { (badge(Tone::Warning, "Needs attention")) " Calls are answered." },
        Health::NotServing => html! { (badge(Tone::Bad, "Not serving")) " Calls are not answered." },
    };
    let generation = html! { @match status.generation_made_at {
        Some(made) => { "made " (shown::moment(made, now)) }
        None => "nothing changed yet",
    } };
    let history = console.engine.call_history();
    let content = html! {
        (page_head("Overview", about, html! {}))
        @if !status.warnings.is_empty() { (attention(&status)) }
        dl.stats {
            (stat("Contacts", html! { (shown::number(status.contacts)) }, html! { "of at most " (shown::number(limits.max_contacts())) }))
            (stat("Phonebooks", html! { (shown::number(status.phonebooks)) }, html! { "of at most " (shown::number(limits.max_phonebooks().into())) }))
            (stat("Inbound routes", html! { (shown::number(status.inbound_routes)) }, html! { "that are on" }))
            (stat("Generation", html! { (shown::number(status.generation.0)) }, generation))
            (stat("Look-ups a second", html! { (rate(&history)) }, html! { "in the last full minute" }))
            (stat("Answered within", html! { (median(console.engine.look_ups())) }, html! { "half of them, since the start" }))
        }
        div.columns {
            (plot::look_ups(&history, Span::Hour, now))
            (plot::look_ups(&history, Span::Day, now))
        }
        section.stack {
            h2 { "Last runs" }
            @if runs.is_empty() { p.faint { "No run yet." } } @else { (runs::list_of(&runs, now, true)) }
        }
        p.faint { "Ringroute " (status.version) ", started " (shown::moment(status.started_at, now)) "." }
    };
    // Not by the page's head: whoever reads it by ear would be thrown back to its beginning.
    let content = html! { div.stack data-renew=(RENEWED_EVERY_SECONDS) { (content) } };
    visit.page(Nav::Overview, "Overview", content)
}

fn welcome(visit: &Visit) -> Markup {
    let text =
        "Connect the database with your contacts, and calls will find who is calling and where they belong.";
    empty(
        "Nothing is set up yet",
        text,
        html! {
            @if visit.may(Permission::Change) { a.button.solid href="/sources/new" { "Add a source" } }
            @else { "An administrator adds the first source." }
        },
    )
}

/// What somebody should look at, the worst first.
fn attention(status: &Status) -> Markup {
    html! {
        ul.banners aria-label="What needs attention" {
            @for warning in &status.warnings {
                @let tone = tone(warning.kind);
                li.banner.(tone.class()) {
                    (icon(tone.class()))
                    div {
                        p { strong { (sentence(&warning.message)) } }
                        p { (sentence(&warning.remedy)) }
                        @if let Some(path) = path(status, warning) { p { a href=(path) { "To the source" } } }
                    }
                }
            }
        }
    }
}

fn tone(kind: WarningKind) -> Tone {
    match kind {
        WarningKind::NothingToServe
        | WarningKind::StoreDamaged
        | WarningKind::StoreNotReady
        | WarningKind::SettingsLeftOut
        | WarningKind::DiskLow
        | WarningKind::RunFailed => Tone::Bad,
        WarningKind::NeverSynced => Tone::Plain,
        WarningKind::SourceStale
        | WarningKind::RunRefused
        | WarningKind::RouteWithoutContacts
        | WarningKind::NotificationFailing => Tone::Warning,
    }
}

/// Where what is wrong can be looked at.
fn path(status: &Status, warning: &Warning) -> Option<String> {
    let is_of_a_route =
        matches!(warning.kind, WarningKind::RouteWithoutContacts | WarningKind::SettingsLeftOut);
    let source = status.sources.iter().find(|source| !is_of_a_route && source.name == warning.subject)?;
    Some(sources::path(&source.name))
}

/// With a capital letter and a full stop, as it stands alone.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Look-ups a second in the last minute that is over.
fn rate(history: &[CallMinute]) -> String {
    let Some((_, [.., minute])) = history.split_last() else { return "–".to_owned() };
    match minute.counts.answered {
        0 => "0".to_owned(),
        few @ 1..600 => format!("{:.1}", few as f64 / 60.0),
        many => shown::number(many / 60),
    }
}

/// What half of all look-ups took at most, as exactly as it is counted.
fn median(look_ups: &LookUps) -> String {
    let mut counts = [0; DURATION_CLASSES];
    for kind in [LookUpKind::Match, LookUpKind::Route] {
        for (sum, count) in counts.iter_mut().zip(look_ups.durations(kind).counts) {
            *sum += count;
        }
    }
    let half = counts.iter().sum::<u64>().div_ceil(2);
    if half == 0 {
        return "–".to_owned();
    }
    let mut so_far = 0;
    let class = counts.iter().position(|count| {
        so_far += count;
        so_far >= half
    });
    match class.and_then(duration_bound) {
        Some(bound) if bound < Duration::from_millis(1) => {
            format!("{:.0}\u{a0}µs", bound.as_secs_f64() * 1e6)
        }
        Some(bound) => format!("{:.0}\u{a0}ms", bound.as_secs_f64() * 1e3),
        None => "more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CallCounts, LookUpOutcome};

    fn minute(answered: u64) -> CallMinute {
        CallMinute { begins: Timestamp::UNIX_EPOCH, counts: CallCounts { answered, ..CallCounts::default() } }
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute_that_is_over() {
        assert_eq!(rate(&[]), "–");
        assert_eq!(rate(&[minute(600)]), "–", "it has only begun");
        assert_eq!(rate(&[minute(7), minute(90), minute(0)]), "1.5");
        assert_eq!(rate(&[minute(600_000), minute(0)]), "10\u{202f}000");
        assert_eq!(rate(&[minute(0), minute(60)]), "0");
    }

    #[test]
    fn the_median_is_the_bound_that_half_of_them_kept() {
        let look_ups = LookUps::default();
        assert_eq!(median(&look_ups), "–");
        for microseconds in [1, 1, 3000] {
            look_ups.count(LookUpKind::Match, LookUpOutcome::Matched, Duration::from_micros(microseconds));
        }
        assert_eq!(median(&look_ups), "1\u{a0}µs");
        for _ in 0..4 {
            look_ups.count(LookUpKind::Route, LookUpOutcome::NotMatched, Duration::from_micros(3000));
        }
        assert_eq!(median(&look_ups), "4\u{a0}ms");
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        assert_eq!(sentence("the disk is full"), "The disk is full.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}
