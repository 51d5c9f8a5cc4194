//! Sync runs: what they did, what they would do, and how to take them back.

mod changes;
mod history;
mod preview;
mod problems;
mod progress;
mod roll_back;
mod run;

use jiff::Timestamp;
use maud::{Markup, html};

use super::sources;
use crate::console::show;
use crate::console::visit::Tone;
use crate::console::widgets::{badge, banner, lines};
use crate::engine::EngineError;
use crate::sync::{RunId, RunKind, RunState, SyncRun};

pub(in crate::console) use changes::changes;
pub(in crate::console) use history::list;
pub(in crate::console) use preview::allow;
pub(in crate::console) use problems::{csv, problems};
pub(in crate::console) use progress::{cancel, progress, progress_card};
pub(in crate::console) use roll_back::{roll_back, show_roll_back};
pub(in crate::console) use run::show;

/// The store counts to this.
const MAX_ID: u64 = i64::MAX as u64;

/// A number in a path; whatever is no number of a run is nobody's.
fn run_id(text: &str) -> Result<RunId, EngineError> {
    let id = text.parse().ok().filter(|id| *id <= MAX_ID);
    id.map(RunId).ok_or_else(|| EngineError::NotFound { what: "sync run", name: text.to_owned() })
}

pub(in crate::console) fn path(run: RunId) -> String {
    format!("/sync-runs/{run}")
}

pub(super) fn kind(run: &SyncRun) -> &'static str {
    match run.kind {
        RunKind::Sync => "Sync",
        RunKind::Preview => "Preview",
        RunKind::Rollback => "Rollback",
    }
}

/// How a run ended, in a word.
pub(super) fn outcome(run: &SyncRun) -> Markup {
    let (tone, text) = match run.state {
        RunState::Running => (Tone::Plain, "Running"),
        RunState::Succeeded if run.warnings.iter().any(|warning| warning.starts_with("ATTENTION")) => {
            (Tone::Warning, "Succeeded, attention")
        }
        RunState::Succeeded => (Tone::Good, "Succeeded"),
        RunState::Failed => (Tone::Bad, "Failed"),
        RunState::Refused => (Tone::Warning, "Refused"),
        RunState::Cancelled => (Tone::Plain, "Cancelled"),
    };
    badge(tone, text)
}

/// When a source was last synchronised, and what came of it.
pub(super) fn last_run(run: Option<&SyncRun>, now: Timestamp) -> Markup {
    html! { @match run {
        None => span.faint { "never" },
        Some(run) => {
            a href=(path(run.id)) { (show::moment(run.started_at, now)) }
            div.faint { (show::count(run.counts.synchronised(), "contact", "contacts")) }
        }
    } }
}

/// What a run came to, across the page: the number of contacts, or why not, and what to do.
pub(super) fn verdict(run: &SyncRun) -> Markup {
    let contacts = show::count(run.counts.synchronised(), "contact", "contacts");
    html! {
        div.banners role="status" {
            @match (run.state, run.kind) {
                (RunState::Succeeded, RunKind::Sync) => {
                    (banner(Tone::Good, &format!("{contacts} have been successfully synchronized from {}.", run.source)))
                }
                (RunState::Succeeded, RunKind::Preview) => {
                    (banner(Tone::Plain, &format!("A run would synchronize {contacts}. Nothing was changed.")))
                }
                (RunState::Succeeded, RunKind::Rollback) => {
                    (banner(Tone::Good, &format!("{} is as it was before run {}.", run.source, run.to_before.unwrap_or(run.id))))
                }
                (RunState::Failed, _) => (banner(Tone::Bad, &format!("Run {} failed. {}", run.id, run.failure))),
                (RunState::Refused, _) => (banner(Tone::Warning, &format!("Run {} was refused. {}", run.id, run.failure))),
                (RunState::Cancelled, _) => (banner(Tone::Plain, &format!("Run {} was cancelled; nothing was changed.", run.id))),
                (RunState::Running, _) => {}
            }
            @for warning in &run.warnings { (banner(Tone::Warning, warning)) }
        }
    }
}

/// What became of the contacts, briefly.
fn counts(run: &SyncRun) -> Markup {
    let counts = &run.counts;
    let all = [
        ("added", counts.added),
        ("changed", counts.changed),
        ("moved", counts.moved),
        ("removed", counts.removed),
        ("rejected", counts.rejected),
    ];
    let some: Vec<String> = all
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{} {name}", show::number(count)))
        .collect();
    html! { @if some.is_empty() { span.faint { "nothing" } } @else { (some.join(", ")) } }
}

/// How long a run that has ended took, in milliseconds.
fn took(run: &SyncRun) -> Option<u64> {
    let took = run.finished_at?.duration_since(run.started_at).as_millis();
    u64::try_from(took).ok()
}

pub(super) fn list_of(runs: &[SyncRun], now: Timestamp, with_source: bool) -> Markup {
    let heads = html! {
        th { "Run" } @if with_source { th { "Source" } }
        th { "State" } th { "Started" } th.number { "Took" } th { "Changes" } th { "Started by" }
    };
    let rows = html! { @for run in runs {
        tr {
            th.run.nowrap scope="row" { a href=(path(run.id)) { (kind(run)) " " (run.id) } }
            @if with_source { td.source { a href=(sources::path(&run.source)) { (run.source) } } }
            td.state { (outcome(run)) }
            td.started.nowrap { (show::moment(run.started_at, now)) }
            td.took.number.nowrap { @if let Some(took) = took(run) { (show::duration(took)) } }
            td.changes { (counts(run)) }
            td.by.faint { (run.started_by) }
        }
    } };
    html! { div.runs { (lines("Sync runs", heads, rows)) } }
}
