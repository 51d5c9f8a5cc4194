//! What a run changed, contact by contact.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{path, run_id};
use crate::console::Console;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{badge, lines, page_head, pages, trail};
use crate::contact::{ContactDetails, ContactId, display_name};
use crate::engine::EngineError;
use crate::store::{ContactChange, ContactState, Reading, StoreError};
use crate::sync::preview::{self, ContactChangeKind, field_changes};
use crate::sync::{RunKind, RunState, SyncRun};

/// On the page of the run.
const FIRST: u32 = 10;
const PAGE: u32 = 100;

/// What becomes of a contact, or became of it.
pub(super) struct Change {
    kind: ContactChangeKind,
    key: String,
    name: String,
    from: Option<String>,
    to: Option<String>,
    fields: Vec<(String, String, String)>,
}

impl From<preview::ContactChange> for Change {
    fn from(change: preview::ContactChange) -> Self {
        let name = |name: crate::phonebook::PhonebookName| name.as_str().to_owned();
        let fields = change.fields.into_iter().map(|field| (field.field, field.before, field.after));
        Change {
            kind: change.kind,
            key: change.source_key,
            name: change.display_name,
            from: change.from.map(name),
            to: change.to.map(name),
            fields: fields.collect(),
        }
    }
}

impl From<ContactChange> for Change {
    fn from(ContactChange { before, after, .. }: ContactChange) -> Self {
        let kind = match (&before, &after) {
            (None, _) => ContactChangeKind::Added,
            (_, None) => ContactChangeKind::Removed,
            (Some(before), Some(after)) if before.details != after.details => ContactChangeKind::Changed,
            (Some(before), Some(after)) if before.phonebook != after.phonebook => ContactChangeKind::Moved,
            _ => ContactChangeKind::KeptMissing,
        };
        let nothing = ContactDetails::default();
        let details = |state: &Option<ContactState>| {
            state.as_ref().map_or(nothing.clone(), |state| state.details.clone())
        };
        let (then, now) = (details(&before), details(&after));
        let known = after.as_ref().or(before.as_ref());
        let of = &known.map_or(nothing.clone(), |state| state.details.clone());
        Change {
            kind,
            key: known.map(|state| state.source_key.clone()).unwrap_or_default(),
            name: display_name(&of.first_name, &of.last_name, &of.company),
            fields: field_changes(&then, &now)
                .into_iter()
                .map(|field| (field.field, field.before, field.after))
                .collect(),
            from: before.and_then(|state| state.phonebook),
            to: after.and_then(|state| state.phonebook),
        }
    }
}

/// What a run changed, or why that is not kept any more.
pub(super) type Found = Result<Vec<ContactChange>, String>;

fn find(reading: &Reading<'_>, run: &SyncRun, after: ContactId, most: u32) -> Result<Found, StoreError> {
    match reading.sync_changes(run, after, most) {
        Err(StoreError::Refused(why)) => Ok(Err(why)),
        found => found.map(Ok),
    }
}

/// The first changes of a run, and one more if there is one.
pub(super) fn first(reading: &Reading<'_>, run: &SyncRun) -> Result<Found, StoreError> {
    find(reading, run, ContactId(0), FIRST + 1)
}

/// The first changes of a run that changed something, for its page.
pub(super) fn card(run: &SyncRun, first: Found) -> Markup {
    let content = match first {
        Ok(mut found) if !found.is_empty() => {
            let has_more = found.len() > FIRST as usize;
            found.truncate(FIRST as usize);
            let changes: Vec<Change> = found.into_iter().map(Change::from).collect();
            html! {
                (list_of(&changes))
                @if has_more { div.actions { a.button href=(format!("{}/changes", path(run.id))) { "All of them" } } }
            }
        }
        Err(why) if run.counts.changes_answers() => not_kept(&why),
        _ => return html! {},
    };
    html! { section.card.stack { h2 { "Changes" } (content) } }
}

fn not_kept(why: &str) -> Markup {
    html! { p { "What it changed is not kept any more: " (why) "." } }
}

pub(super) fn list_of(changes: &[Change]) -> Markup {
    let heads = html! { th { "What" } th { "Contact" } th { "Phonebook" } th { "Fields" } };
    let rows = html! { @for change in changes {
        tr {
            td { (match change.kind {
                ContactChangeKind::Added => badge(Tone::Good, "Added"),
                ContactChangeKind::Changed => badge(Tone::Plain, "Changed"),
                ContactChangeKind::Moved => badge(Tone::Plain, "Moved"),
                ContactChangeKind::Removed => badge(Tone::Bad, "Removed"),
                ContactChangeKind::KeptMissing => badge(Tone::Warning, "Not received"),
            }) }
            th.text scope="row" { (change.name) div.faint { (change.key) } }
            td { @match (&change.from, &change.to) {
                (Some(from), Some(to)) if from != to => { del { (from) } " → " ins { (to) } }
                (from, to) => (to.as_deref().or(from.as_deref()).unwrap_or_default()),
            } }
            td.text.whole { @for (field, before, after) in &change.fields {
                div {
                    span.faint { (field.replace('_', " ")) ": " }
                    @if !before.is_empty() { del { (before) } }
                    @if !before.is_empty() && !after.is_empty() { " → " }
                    @if !after.is_empty() { ins { (after) } }
                }
            } }
        }
    } };
    lines("Changes", heads, rows)
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::console) struct After {
    after: u64,
}

/// Why there is no change to be seen.
fn why_none(run: &SyncRun) -> &'static str {
    match run.state {
        RunState::Running => "It has changed nothing yet: a run changes everything at its end, in one step.",
        RunState::Succeeded if run.kind != RunKind::Preview && run.counts.changes_answers() => {
            "There are no more changes."
        }
        _ => "It changed nothing.",
    }
}

pub(in crate::console) async fn changes(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
    Query(After { after }): Query<After>,
) -> Answer {
    let run = console.engine.run(run_id(&id)?).await?;
    let of = run.clone();
    let from = ContactId(after.min(super::MAX_ID));
    let found = console
        .read(move |engine| engine.read(|reading| Ok::<_, EngineError>(find(reading, &of, from, PAGE + 1)?)))
        .await?;
    let lost = found.as_ref().err().filter(|_| run.counts.changes_answers()).map(|why| not_kept(why));
    let mut found = found.unwrap_or_default();
    let has_more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let here = format!("{}/changes", path(run.id));
    let next = found.last().filter(|_| has_more).map(|last| format!("{here}?after={}", last.id));
    let first = (after > 0).then(|| here.clone());
    let back = (path(run.id), format!("Run {}", run.id));
    let changes: Vec<Change> = found.into_iter().map(Change::from).collect();
    let content = html! {
        (trail(&[("/sync-runs", "Sync runs"), (&back.0, &back.1)]))
        (page_head("Changes", html! { "What this run changed, contact by contact." }, html! {}))
        @if let Some(lost) = lost { (lost) } @else if changes.is_empty() { p { (why_none(&run)) } }
        @else { (list_of(&changes)) }
        (pages(first.as_deref(), next.as_deref()))
    };
    visit.page(Nav::Runs, "Changes", content)
}
