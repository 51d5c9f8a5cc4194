//! What a run would do: contact by contact, phonebook by phonebook, and what becomes of calls.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::changes::{Change, list_of};
use super::{path, run_id};
use crate::access::Permission;
use crate::console::pages::sources;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{banner, confirm, table};
use crate::console::{Console, show};
use crate::store::{Reading, StoreError};
use crate::sync::preview::{CallEffect, PreviewSummary, Reroute};
use crate::sync::{RunKind, RunState, SyncRun};

/// How many contacts are shown.
const SHOWN_CHANGES: u32 = 100;
/// How many changes of route.
const SHOWN_REROUTES: usize = 50;

/// A preview as its page shows it.
pub(super) struct Shown {
    summary: PreviewSummary,
    changes: Vec<Change>,
    is_used: bool,
}

pub(super) fn read(reading: &Reading<'_>, run: &SyncRun) -> Result<Option<Shown>, StoreError> {
    let Some(summary) = reading.preview(run.id)? else { return Ok(None) };
    let changes = reading.preview_changes(run.id, None, 0, SHOWN_CHANGES)?;
    let is_used = reading.is_preview_used(&run.source, run.id)?;
    let changes = changes.into_iter().map(|(_, change)| Change::from(change)).collect();
    Ok(Some(Shown { summary, changes, is_used }))
}

impl Shown {
    pub(super) fn show(&self, visit: &Visit, run: &SyncRun) -> Markup {
        html! {
            (self.next(visit, run))
            (phonebooks(&self.summary))
            (calls(&self.summary.calls))
            @if !self.changes.is_empty() {
                section.card.stack {
                    h2 { "Contacts" }
                    (list_of(&self.changes))
                    @if self.changes.len() == SHOWN_CHANGES as usize {
                        p.hint { "These are the first " (SHOWN_CHANGES) "; all of them are counted above." }
                    }
                }
            }
        }
    }

    /// What can be done with it.
    fn next(&self, visit: &Visit, run: &SyncRun) -> Markup {
        let can_run = visit.may(Permission::Sync) && run.state == RunState::Succeeded && !self.is_used;
        html! {
            @if !self.summary.objection.is_empty() {
                (banner(Tone::Warning, &format!("A run would be refused: {}", self.summary.objection)))
            }
            @if self.is_used { (banner(Tone::Plain, "A run did what this preview said.")) }
            @if can_run && self.summary.objection.is_empty() {
                form.inline method="post" action=(format!("{}/allow", path(run.id))) {
                    (visit.token_field()) button.solid type="submit" { "Sync Now, exactly this" }
                }
            } @else if can_run {
                (confirm(visit, &format!("{}/allow", path(run.id)), "Sync Now nevertheless…", html! {
                    p { "The safeguard holds such a run back. It is done if the source still says the same as in this \
                         preview; otherwise it is refused." }
                }, "Sync Now, exactly this"))
            }
        }
    }
}

fn phonebooks(summary: &PreviewSummary) -> Markup {
    let heads = html! { th { "Phonebook" } th.number { "Before" } th.number { "After" } th { "Inbound routes that ask for it" } };
    let rows = html! { @for phonebook in &summary.phonebooks {
        tr {
            th scope="row" { (phonebook.name.as_str()) @if phonebook.is_new { " " span.badge.good { "new" } } }
            td.number { (show::number(phonebook.before)) }
            td.number { (show::number(phonebook.after)) }
            td.text { (phonebook.routes.join(", ")) }
        }
    } };
    html! { @if !summary.phonebooks.is_empty() { section.card.stack { h2 { "Phonebooks" } (table("Phonebooks", heads, rows)) } } }
}

fn calls(calls: &CallEffect) -> Markup {
    let route = |name: &Option<String>| name.clone().unwrap_or_else(|| "no route".to_owned());
    let example = |reroute: &Reroute| {
        reroute.examples.first().map(|example| {
            let who = if example.after.is_empty() { &example.before } else { &example.after };
            format!("{} {who}", example.number)
        })
    };
    let heads = html! { th { "From" } th { "To" } th.number { "Numbers" } th { "Such as" } };
    let rows = html! { @for reroute in calls.reroutes.iter().take(SHOWN_REROUTES) {
        tr {
            td { (route(&reroute.from)) } td { (route(&reroute.to)) }
            td.number { (show::number(reroute.numbers)) }
            td.text { (example(reroute).unwrap_or_default()) }
        }
    } };
    html! {
        section.card.stack {
            h2 { "Effect on calls" }
            @if calls.numbers == 0 { p { "Every caller is told the same as before." } } @else {
                p {
                    (show::count(calls.numbers, "number", "numbers")) " would be told something else of the caller: "
                    (show::number(calls.newly_matched)) " find a contact and did not before, "
                    (show::number(calls.no_longer_matched)) " find nobody any more, "
                    (show::number(calls.matched_otherwise)) " find another contact, name or phonebook, or one that is not old any more."
                }
            }
            @if calls.reroutes.is_empty() { p { "Every call takes the same route as before." } } @else {
                p { (show::count(calls.rerouted, "number", "numbers")) " would take another inbound route:" }
                (table("Changes of route", heads, rows))
            }
        }
    }
}

/// Starts the run that a preview told of, also past the safeguard.
pub(in crate::console) async fn allow(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let run = console.engine.run(run_id(&id)?).await?;
    sources::start(&console, &visit, &run.source, RunKind::Sync, Some(run.id)).await
}
