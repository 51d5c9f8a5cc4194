//! All runs, the latest first.

use axum::extract::{Query, State};
use jiff::Timestamp;
use maud::html;
use serde::Deserialize;

use super::{list_of, run_id};
use crate::access::Permission;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Visit, segment};
use crate::console::widgets::{empty, page_head, pages};
use crate::console::{Console, pages::sources};
use crate::engine::EngineError;

const PAGE: u32 = 50;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct Which {
    source: String,
    before: String,
}

pub(in crate::console) async fn list(
    State(console): State<Console>,
    visit: Visit,
    Query(Which { source, before }): Query<Which>,
) -> Answer {
    let from = run_id(&before).ok();
    let wanted = source.clone();
    let mut runs = console
        .read(move |engine| {
            engine.read(|reading| {
                let wanted = Some(wanted.as_str()).filter(|name| !name.is_empty());
                Ok::<_, EngineError>(reading.sync_runs(wanted, from, PAGE + 1)?)
            })
        })
        .await?;
    let has_more = runs.len() > PAGE as usize;
    runs.truncate(PAGE as usize);
    let about = html! { @if source.is_empty() { "Every synchronisation, preview and rollback." } @else {
        "Of " a href=(sources::path(&source)) { (source) } ". " a href="/sync-runs" { "Show those of all sources" }
    } };
    let of = if source.is_empty() { String::new() } else { format!("source={}&", segment(&source)) };
    let next = runs.last().filter(|_| has_more).map(|last| format!("/sync-runs?{of}before={}", last.id));
    let first = from.map(|_| format!("/sync-runs?{of}"));
    let content = html! {
        (page_head("Sync runs", about, html! {}))
        @if runs.is_empty() {
            (empty("No run yet", "When a source is synchronised, what it did is listed here: what changed, what was \
                                  rejected, how long it took.",
                html! { @if visit.may(Permission::Read) { a.button href="/sources" { "To the sources" } } }))
        } @else {
            (list_of(&runs, Timestamp::now(), source.is_empty()))
            (pages(first.as_deref(), next.as_deref()))
        }
    };
    visit.page(Nav::Runs, "Sync runs", content)
}
