//! What of a run's rows was of no use, and why.

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use maud::{Markup, html};
use serde::Deserialize;

use super::{path, run_id};
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Visit};
use crate::console::widgets::{lines, page_head, pages, trail};
use crate::console::{Console, show};
use crate::engine::EngineError;
use crate::spreadsheet::{self, Rejected};
use crate::store::{Reading, StoreError};
use crate::sync::{MAX_KEPT_PROBLEMS, Problem, ProblemKind, RunId, SyncRun};

/// On the page of the run.
const FIRST: u32 = 10;
const PAGE: u32 = 100;

/// The first of them, for the page of the run.
pub(super) fn first(reading: &Reading<'_>, run: &SyncRun) -> Result<Markup, StoreError> {
    let mut found = reading.sync_problems(run.id, 0, FIRST + 1)?;
    let has_more = found.len() > FIRST as usize;
    found.truncate(FIRST as usize);
    Ok(html! { @if !found.is_empty() {
        section.card.stack {
            h2 { "Rejected" }
            (list_of(&found))
            div.actions {
                @if has_more { a.button href=(format!("{}/problems", path(run.id))) { "All of them" } }
                a.button href=(format!("{}/problems.csv", path(run.id))) { "Download as CSV" }
            }
        }
    } })
}

fn list_of(problems: &[Problem]) -> Markup {
    let heads = html! { th.number { "Row" } th { "Key" } th { "Column" } th { "Found" } th { "Why" } };
    let rows = html! { @for problem in problems {
        tr {
            td.number { span.head { "Row " } (show::number(problem.position)) }
            td { @if !problem.source_key.is_empty() { span.head { "Key " } (problem.source_key) } }
            td { (problem.column) }
            td.text { (problem.value) }
            td.text.whole { (problem.reason) @if problem.kind == ProblemKind::NumberDropped {
                div.faint { "The contact was taken without this number." }
            } }
        }
    } };
    lines("Rejected rows and numbers", heads, rows)
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct From {
    from: u32,
}

async fn read(console: &Console, id: RunId, from: u32, most: u32) -> Result<Vec<Problem>, EngineError> {
    console
        .read(move |engine| {
            engine.read(|reading| Ok::<_, EngineError>(reading.sync_problems(id, from.into(), most)?))
        })
        .await
}

pub(in crate::console) async fn problems(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
    Query(From { from }): Query<From>,
) -> Answer {
    let run = console.engine.run(run_id(&id)?).await?;
    let mut found = read(&console, run.id, from, PAGE + 1).await?;
    let has_more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let here = format!("{}/problems", path(run.id));
    let next = has_more.then(|| format!("{here}?from={}", from.saturating_add(PAGE)));
    let first = (from > 0).then(|| here.clone());
    let back = (path(run.id), format!("Run {}", run.id));
    let actions = html! { a.button href=(format!("{here}.csv")) { "Download as CSV" } };
    let content = html! {
        (trail(&[("/sync-runs", "Sync runs"), (&back.0, &back.1)]))
        (page_head("Rejected", html! { "Rows and numbers that are of no use, and why." }, actions))
        @if found.is_empty() { p { "Nothing was rejected." } } @else { (list_of(&found)) }
        (pages(first.as_deref(), next.as_deref()))
    };
    visit.page(Nav::Runs, "Rejected", content)
}

pub(in crate::console) async fn csv(State(console): State<Console>, Path(id): Path<String>) -> Answer {
    let run = console.engine.run(run_id(&id)?).await?;
    let found = read(&console, run.id, 0, MAX_KEPT_PROBLEMS as u32).await?;
    let mut text = spreadsheet::line(Rejected::COLUMNS);
    for Problem { kind, position, source_key, column, value, reason } in &found {
        let became = match kind {
            ProblemKind::RowRejected => Rejected::ROW,
            ProblemKind::NumberDropped => Rejected::NUMBER,
        };
        let row = &position.to_string();
        let rejected = Rejected { row, key: source_key, column, found: value, became, because: reason };
        text += &spreadsheet::line(rejected.cells());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rejected-run-{}.csv\"", run.id)),
    ];
    Ok((headers, text).into_response())
}
