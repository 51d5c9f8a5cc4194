//! One run.

use axum::extract::{Path, State};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{changes, kind, outcome, path, preview, problems, progress, run_id, took, verdict};
use crate::access::Permission;
use crate::console::layout::Nav;
use crate::console::pages::sources;
use crate::console::visit::{Answer, Visit};
use crate::console::widgets::{page_head, stat, table, trail};
use crate::console::{Console, show as shown};
use crate::engine::EngineError;
use crate::sync::{NotificationState, RunKind, RunState, SyncRun};

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let id = run_id(&id)?;
    // Before the record is read: a run that ends in between is found ended.
    let active = console.engine.active_run(id);
    let run = console.engine.run(id).await?;
    let title = format!("{} {}", kind(&run), run.id);
    let about = html! {
        (outcome(&run)) " of " a href=(sources::path(&run.source)) { (run.source) } ", started "
        (shown::moment(run.started_at, Timestamp::now())) " by " (run.started_by)
    };
    if let (Some(active), RunState::Running) = (&active, run.state) {
        let content = html! {
            (trail(&[("/sync-runs", "Sync runs")]))
            (page_head(&title, about, html! {}))
            (progress::progress_card(&visit, active))
        };
        // Without a script the page is loaded again until the run has ended.
        let head = html! { noscript { meta http-equiv="refresh" content="2"; } };
        return visit.page_with_head(Nav::Runs, &title, content, head);
    }
    let parts = Parts::read(&console, &run).await?;
    let can_be_taken_back = visit.may(Permission::Sync)
        && run.state == RunState::Succeeded
        && run.kind != RunKind::Preview
        && run.counts.changes_answers()
        && parts.changes.is_ok();
    let actions = html! {
        @if can_be_taken_back { a.button.danger href=(format!("{}/roll-back", path(id))) { "Roll back…" } }
    };
    let content = html! {
        (trail(&[("/sync-runs", "Sync runs")]))
        (page_head(&title, about, actions))
        (verdict(&run))
        (numbers(&run))
        (parts.preview(&visit, &run))
        (changes::card(&run, parts.changes))
        (parts.problems)
        div.columns { (timings(&run)) (told(&run)) }
    };
    visit.page(Nav::Runs, &title, content)
}

/// What comes from further tables.
struct Parts {
    preview: Option<preview::Shown>,
    changes: changes::Found,
    problems: Markup,
}

impl Parts {
    async fn read(console: &Console, run: &SyncRun) -> Result<Self, EngineError> {
        let run = run.clone();
        console
            .read(move |engine| {
                engine.read(|reading| {
                    Ok(Parts {
                        preview: preview::read(reading, &run)?,
                        changes: changes::first(reading, &run)?,
                        problems: problems::first(reading, &run)?,
                    })
                })
            })
            .await
    }

    fn preview(&self, visit: &Visit, run: &SyncRun) -> Markup {
        html! { @if let Some(preview) = &self.preview { (preview.show(visit, run)) } }
    }
}

fn numbers(run: &SyncRun) -> Markup {
    let counts = &run.counts;
    let number =
        |name: &str, count: u64, about: &str| stat(name, html! { (shown::number(count)) }, html! { (about) });
    html! {
        dl.stats {
            @if run.kind != RunKind::Rollback { (number("Rows received", counts.rows, "")) }
            (number("Added", counts.added, ""))
            (number("Changed", counts.changed, ""))
            (number("Moved", counts.moved, "to another phonebook"))
            (number("Removed", counts.removed, ""))
            @if run.kind != RunKind::Rollback {
                (number("Unchanged", counts.unchanged, ""))
                (number("Rejected", counts.rejected, "rows"))
            }
            @if counts.kept_missing > 0 { (number("Kept", counts.kept_missing, "though not received")) }
        }
    }
}

fn timings(run: &SyncRun) -> Markup {
    html! {
        section.card {
            h2 { "How long it took" }
            dl.facts {
                @if let Some(took) = took(run) { dt { "Altogether" } dd { (shown::duration(took)) } }
                @for time in &run.phases { dt { (phase_name(time.phase)) } dd { (shown::duration(time.milliseconds)) } }
                @if let Some(generation) = run.generation { dt { "Generation" } dd { (generation.0) } }
                @if let Some(allowed) = run.allowed_by { dt { "Allowed by" } dd { a href=(path(allowed)) { "preview " (allowed) } } }
            }
        }
    }
}

pub(super) fn phase_name(phase: crate::sync::Phase) -> &'static str {
    use crate::sync::Phase;
    match phase {
        Phase::Wait => "Waiting while other sources are read",
        Phase::Read => "Reading and comparing",
        Phase::Write => "Writing",
        Phase::Build => "Building the index",
        Phase::Verify => "Verifying it",
        Phase::Commit => "Committing",
    }
}

fn told(run: &SyncRun) -> Markup {
    if run.notifications.is_empty() {
        return html! {};
    }
    let heads = html! { th { "To" } th { "State" } };
    let rows = html! { @for told in &run.notifications {
        tr {
            th scope="row" { (told.target) }
            td.text { (match told.state {
                NotificationState::Pending => "being sent",
                NotificationState::Sent => "sent",
                NotificationState::NotSent => "not sent",
            }) @if !told.last_error.is_empty() { div.faint { (told.last_error) } } }
        }
    } };
    html! { section.card { h2 { "Who was told" } (table("Who was told", heads, rows)) } }
}
