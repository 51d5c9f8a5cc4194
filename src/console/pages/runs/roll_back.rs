//! Taking back what runs changed: first what it would do, then the button.

use axum::extract::{Path, State};
use maud::html;

use super::{path, run_id};
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{banner, page_head, stat, trail};
use crate::console::{Console, guard, show};

pub(in crate::console) async fn show_roll_back(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let id = run_id(&id)?;
    let plan = console.read(move |engine| engine.plan_rollback(id)).await?;
    let rollback = &plan.rollback;
    let counts = &rollback.counts;
    let undone = rollback.undone.len() as u64;
    let back = (path(id), format!("Run {id}"));
    let number =
        |name: &str, count: u64, about: &str| stat(name, html! { (show::number(count)) }, html! { (about) });
    let names = |names: &[crate::phonebook::PhonebookName]| {
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let about = html! { "The contacts and phonebooks of " strong { (plan.source) } " become what they were before run " (id) "." };
    let content = html! {
        (trail(&[("/sync-runs", "Sync runs"), (&back.0, &back.1)]))
        (page_head("Roll back", about, html! {}))
        dl.stats {
            (number("Runs taken back", undone, ""))
            (number("Come back", counts.added, "contacts"))
            (number("Become what they were", counts.changed + counts.moved, "contacts"))
            (number("Go", counts.removed, "contacts that were not there"))
        }
        @if !rollback.restored_phonebooks.is_empty() {
            (banner(Tone::Plain, &format!("Phonebooks that come back: {}", names(&rollback.restored_phonebooks))))
        }
        @if !rollback.removed_phonebooks.is_empty() {
            (banner(Tone::Warning, &format!("Phonebooks that go: {}", names(&rollback.removed_phonebooks))))
        }
        section.card.stack {
            p { "A rollback is a run itself, and can be rolled back. The next run of " (plan.source) " reads the database \
                 again: put right there what was wrong, or turn the source off." }
            form.inline method="post" action=(format!("{}/roll-back", path(id))) {
                (visit.token_field())
                div.actions {
                    button.danger.solid type="submit" { "Roll back" }
                    a.button href=(back.0) { "Leave it as it is" }
                }
            }
        }
    };
    visit.page(Nav::Runs, "Roll back", content)
}

pub(in crate::console) async fn roll_back(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let run = console.engine.start_rollback(run_id(&id)?, visit.actor()).await?;
    Ok(guard::see(&path(run.id)))
}
