//! Is all well: what is served, what runs came to, what needs attention.

use axum::extract::State;
use jiff::Timestamp;
use maud::{Markup, html};

use super::runs;
use crate::access::Permission;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{badge, banner, empty, page_head, stat};
use crate::console::{Console, show as shown};
use crate::engine::{Engine, EngineError};
use crate::phonebook::PhonebookName;
use crate::settings::Settings;
use crate::store::StoredPhonebook;
use crate::sync::{RunState, SyncRun};

/// How many runs are shown.
const SHOWN_RUNS: u32 = 6;

/// What the page is made of.
struct Status {
    settings: Settings,
    phonebooks: Vec<StoredPhonebook>,
    /// The last sync of each source that is on.
    last: Vec<(String, Option<SyncRun>)>,
    runs: Vec<SyncRun>,
}

fn status(engine: &Engine) -> Result<Status, EngineError> {
    engine.read(|reading| {
        let settings = reading.settings()?;
        let on = settings.sources.iter().filter(|source| source.enabled);
        let last = on.map(|source| Ok((source.name.clone(), reading.last_sync_run(&source.name)?)));
        Ok(Status {
            last: last.collect::<Result<_, EngineError>>()?,
            phonebooks: reading.phonebooks()?,
            runs: reading.sync_runs(None, None, SHOWN_RUNS)?,
            settings,
        })
    })
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let status = console.read(|engine| status(engine)).await?;
    let snapshot = console.engine.snapshot().clone();
    let now = Timestamp::now();
    if status.settings.sources.is_empty() && status.phonebooks.is_empty() {
        let content = html! { (page_head("Overview", html! {}, html! {})) (welcome(&visit)) };
        return visit.page(Nav::Overview, "Overview", content);
    }
    let attention = attention(&status);
    let about = match (&snapshot, attention.is_empty()) {
        (None, _) => html! { (badge(Tone::Warning, "Not serving yet")) },
        (Some(_), true) => html! { (badge(Tone::Good, "All is well")) " Calls are answered." },
        (Some(_), false) => html! { (badge(Tone::Warning, "Needs attention")) " Calls are answered." },
    };
    let youngest = status.last.iter().filter_map(|(_, run)| run.as_ref());
    let youngest =
        youngest.filter(|run| run.state == RunState::Succeeded).filter_map(|run| run.finished_at).max();
    let contacts = snapshot.as_ref().map_or(0, |snapshot| snapshot.contacts().contact_count() as u64);
    let generation = html! { (shown::number(console.engine.generation().0)) };
    let age = html! { @match youngest {
        Some(youngest) => { "synchronised " (shown::moment(youngest, now)) }
        None => "never synchronised",
    } };
    let routes = status.settings.inbound_routes.iter().filter(|route| route.enabled).count() as u64;
    let content = html! {
        (page_head("Overview", about, html! {}))
        @for (tone, text) in &attention { (banner(*tone, text)) }
        dl.stats {
            (stat("Contacts", html! { (shown::number(contacts)) }, html! { "of at most " (shown::number(status.settings.limits.max_contacts())) }))
            (stat("Phonebooks", html! { (shown::number(status.phonebooks.len() as u64)) }, html! { "of at most " (shown::number(status.settings.limits.max_phonebooks().into())) }))
            (stat("Inbound routes", html! { (shown::number(routes)) }, html! { "that are on" }))
            (stat("Generation", generation, age))
        }
        section.stack {
            h2 { "Last runs" }
            @if status.runs.is_empty() { p.faint { "No run yet." } } @else { (runs::list_of(&status.runs, now, true)) }
        }
    };
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

/// What somebody should look at.
fn attention(status: &Status) -> Vec<(Tone, String)> {
    let mut found = Vec::new();
    for (source, run) in &status.last {
        match run {
            None => found.push((Tone::Plain, format!("Source {source} was never synchronised."))),
            Some(run) if run.state == RunState::Failed => {
                found.push((Tone::Bad, format!("The last run of {source} failed. {}", run.failure)));
            }
            Some(run) if run.state == RunState::Refused => {
                found.push((Tone::Warning, format!("The last run of {source} was refused. {}", run.failure)));
            }
            Some(_) => {}
        }
    }
    for route in status.settings.inbound_routes.iter().filter(|route| route.enabled) {
        for wanted in &route.phonebooks {
            let contacts = status.phonebooks.iter().find(|book| book.name.is_same_as(wanted));
            if contacts.is_none_or(|book| book.contact_count == 0) {
                found.push((Tone::Warning, empty_phonebook(&route.name, wanted)));
            }
        }
    }
    found
}

fn empty_phonebook(route: &str, phonebook: &PhonebookName) -> String {
    format!("Inbound route {route} asks for the phonebook {}, and nobody is in it.", phonebook.as_str())
}
