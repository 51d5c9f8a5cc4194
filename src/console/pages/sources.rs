//! Sources: the databases that contacts come from.

mod connection_form;
mod edit;
mod schedule_form;
mod settings_form;
mod settings_view;
mod tested;

use axum::extract::{Path, State};
use jiff::Timestamp;
use maud::{Markup, html};

use super::runs::{self, last_run, outcome, progress_card};
use crate::access::Permission;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{act, badge, confirm, empty, lines, page_head, trail};
use crate::console::{Console, show};
use crate::engine::{Engine, EngineError, etag};
use crate::settings::{Connection, PhonebookTarget, SourceSettings};
use crate::store::{Reading, RemovedSources, StoreError};
use crate::sync::{RunId, RunKind, SyncRun, next_run};

pub(in crate::console) use edit::{Draft, edit, new, save_edited, save_new};

/// How many runs of a source are shown on its page.
const SHOWN_RUNS: u32 = 8;

/// A source as its page shows it.
struct Source {
    settings: SourceSettings,
    contacts: u64,
    last: Option<SyncRun>,
    next: Option<Timestamp>,
    running: Option<RunId>,
}

fn source(
    engine: &Engine,
    reading: &Reading<'_>,
    id: i64,
    settings: SourceSettings,
) -> Result<Source, StoreError> {
    let next = match settings.schedule.as_ref().filter(|_| settings.enabled) {
        Some(schedule) => next_run(schedule, &settings.name, reading.jitter_seed()?, Timestamp::now()),
        None => None,
    };
    Ok(Source {
        contacts: reading.contact_count_of(id)?,
        last: reading.last_sync_run(&settings.name)?,
        next,
        running: engine.active_run_of(&settings.name).map(|active| active.id),
        settings,
    })
}

pub(in crate::console) fn path(name: &str) -> String {
    format!("/sources/{}", segment(name))
}

pub(in crate::console) async fn list(State(console): State<Console>, visit: Visit) -> Answer {
    let sources = console
        .read(|engine| {
            engine.read(|reading| {
                let all = reading.sources()?.into_iter();
                let all = all.map(|stored| source(engine, reading, stored.id, stored.settings));
                Ok::<_, EngineError>(all.collect::<Result<Vec<_>, _>>()?)
            })
        })
        .await?;
    let add =
        html! { @if visit.may(Permission::Change) { a.button.solid href="/sources/new" { "Add a source" } } };
    if sources.is_empty() {
        let text = "A source is a database with your contacts. Once it is set up, its contacts are kept in step with \
                    phonebooks here, and calls find them.";
        let content = html! {
            (page_head("Sources", html! {}, html! {}))
            (empty("No source yet", text, add))
        };
        return visit.page(Nav::Sources, "Sources", content);
    }
    let now = Timestamp::now();
    let heads = html! {
        th { "Source" } th { "State" } th.number { "Contacts" } th { "Last run" } th { "Next run" }
        th { span.spoken { "Do" } }
    };
    let rows = html! { @for source in &sources {
        tr {
            th scope="row" {
                a href=(path(&source.settings.name)) { (source.settings.name) }
                div.faint { (kind(&source.settings.connection)) }
            }
            td { (state(source)) }
            td.number { span.head { "Contacts " } (show::number(source.contacts)) }
            td { span.head { "Last run " } (last_run(source.last.as_ref(), now)) }
            td { span.head { "Next run " } @match source.next {
                Some(next) => (show::moment(next, now)),
                None if !source.settings.enabled => { span.faint { "off" } }
                None => { span.faint { "by hand" } }
            } }
            td { @if visit.may(Permission::Sync) && source.settings.enabled && source.running.is_none() {
                (act(&visit, &format!("{}/sync", path(&source.settings.name)), "", "Sync Now"))
            } }
        }
    } };
    let content = html! {
        (page_head("Sources", html! { "Databases that contacts come from." }, add))
        (lines("Sources", heads, rows))
    };
    visit.page(Nav::Sources, "Sources", content)
}

fn kind(connection: &Connection) -> &'static str {
    match connection {
        Connection::Sqlite(_) => "SQLite database",
        Connection::Csv(_) => "CSV file",
        Connection::SqlServer(_) => "Microsoft SQL Server",
    }
}

fn state(source: &Source) -> Markup {
    match (&source.running, source.settings.enabled, &source.last) {
        (Some(_), ..) => badge(Tone::Plain, "Running"),
        (None, false, _) => badge(Tone::Plain, "Off"),
        (None, true, None) => badge(Tone::Plain, "Never synchronised"),
        (None, true, Some(run)) => outcome(run),
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let (source, history) = console
        .read(move |engine| {
            engine.read(|reading| {
                let stored = reading.source(&name)?.ok_or(EngineError::NotFound { what: "source", name })?;
                let history = reading.sync_runs(Some(&stored.settings.name), None, SHOWN_RUNS)?;
                Ok((source(engine, reading, stored.id, stored.settings)?, history))
            })
        })
        .await?;
    let progress = source.running.and_then(|run| console.engine.active_run(run));
    let now = Timestamp::now();
    let settings = &source.settings;
    let here = path(&settings.name);
    let actions = html! {
        @if visit.may(Permission::Sync) && source.running.is_none() {
            @if settings.enabled { (act(&visit, &format!("{here}/sync"), "solid", "Sync Now")) }
            (act(&visit, &format!("{here}/preview"), "", "Preview"))
        }
        @if visit.may(Permission::Change) { a.button href=(format!("{here}/edit")) { "Edit" } }
    };
    let about = html! { (state(&source)) " " (kind(&settings.connection)) };
    let content = html! {
        (trail(&[("/sources", "Sources")]))
        (page_head(&settings.name, about, actions))
        @if let Some(active) = &progress { (progress_card(&visit, active)) }
        @if let Some(run) = source.last.as_ref().filter(|_| progress.is_none()) { (runs::verdict(run)) }
        div.columns {
            section.card { h2 { "Contacts Synchronization" } (facts(&source, now)) }
            section.card {
                h2 { "Sync Contact Filter" }
                pre tabindex="0" { (settings.sync_filter) }
                p.hint { @if settings.remove_missing { "Contacts which are not received from the server are removed." }
                    @else { "Contacts which are not received from the server are kept, and marked." } }
            }
        }
        @if !history.is_empty() {
            (runs::list_of(&history, now, false))
            p { a href=(format!("/sync-runs?source={}", segment(&settings.name))) { "All sync runs of this source" } }
        }
        @if visit.may(Permission::Change) { (endings(&visit, &source)) }
    };
    visit.page(Nav::Sources, &settings.name, content)
}

fn facts(source: &Source, now: Timestamp) -> Markup {
    let settings = &source.settings;
    html! {
        dl.facts {
            dt { "Contacts" } dd { (show::number(source.contacts)) }
            dt { "Synchronize to" } dd { (target(&settings.phonebook)) }
            dt { "Frequency" } dd { (schedule_form::told(settings.schedule.as_ref())) }
            dt { "Next run" } dd { @match source.next {
                Some(next) => (show::moment_in_full(next, now)),
                None if !settings.enabled => "off",
                None => "when somebody starts it",
            } }
            dt { "Feedback Email" } dd { @if settings.notify.email.is_empty() { "nobody" } @else { (settings.notify.email) } }
            dt { "Connection" } dd { (address(&settings.connection)) }
        }
    }
}

fn target(target: &PhonebookTarget) -> Markup {
    html! { @match target {
        PhonebookTarget::New { name } => { "phonebook " strong { (name.as_str()) } }
        PhonebookTarget::Existing { name } => { "the local phonebook " strong { (name.as_str()) } }
        PhonebookTarget::ByProperty { column, .. } => { "a phonebook for each value of " code { (column) } }
    } }
}

/// Where it is, without secrets.
fn address(connection: &Connection) -> String {
    match connection {
        Connection::Sqlite(sqlite) => sqlite.path.display().to_string(),
        Connection::Csv(csv) => csv.path.display().to_string(),
        Connection::SqlServer(sql) if sql.connection_string.is_some() => "by a connection string".to_owned(),
        Connection::SqlServer(sql) => format!("{}, database {}, user {}", sql.host, sql.database, sql.user),
    }
}

/// Switching it on and off, and deleting it.
fn endings(visit: &Visit, source: &Source) -> Markup {
    let here = path(&source.settings.name);
    let tag = html! { input type="hidden" name="etag" value=(etag(&source.settings)); };
    let contacts = show::count(source.contacts, "contact", "contacts");
    let keep = format!("Keep its {contacts} as local contacts");
    let remove = format!("Remove its {contacts}, and its phonebooks");
    let off = [
        ("stay", "Its contacts stay its own", "It can be turned on again, and goes on."),
        ("keep", keep.as_str(), ""),
        ("remove", remove.as_str(), ""),
    ];
    let form = Form::of([("contacts", "stay")]);
    html! {
        section.card {
            h2 { "Turn off or delete" }
            div.actions {
                @if source.settings.enabled {
                    (confirm(visit, &format!("{here}/off"), "Turn off…", html! {
                        p { "It is not synchronised any more." } (tag)
                        (Control::text("contacts", "What becomes of its contacts").choices(&form, "radio", &off))
                    }, "Turn off"))
                } @else {
                    form.inline method="post" action=(format!("{here}/on")) {
                        (visit.token_field()) (tag) button type="submit" { "Turn on" }
                    }
                }
                (confirm(visit, &format!("{here}/delete"), "Delete…", html! {
                    p { "The source is deleted with its settings and with what its runs changed, so nothing of it can be \
                         rolled back." } (tag)
                    @if source.contacts > 0 {
                        // Neither is chosen: it has to be meant.
                        (Control::text("deleted_contacts", "What becomes of its contacts")
                            .choices(&Form::default(), "radio", &off[1..]))
                    }
                }, "Delete the source"))
            }
        }
    }
}

pub(in crate::console) async fn sync(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    start(&console, &visit, &name, RunKind::Sync, None).await
}

pub(in crate::console) async fn preview(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    start(&console, &visit, &name, RunKind::Preview, None).await
}

/// Starts a run, and goes where it can be watched.
pub(in crate::console) async fn start(
    console: &Console,
    visit: &Visit,
    source: &str,
    kind: RunKind,
    allowed: Option<RunId>,
) -> Answer {
    let started = console.engine.start_sync(source, kind, visit.actor(), allowed).await?;
    let to = runs::path(started.run.id);
    match started.already_running {
        true => visit.done(&to, Tone::Plain, "This run was under way already."),
        false => Ok(crate::console::guard::see(&to)),
    }
}

pub(in crate::console) async fn turn_on(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    switch(&console, &visit, &name, true, &Form::from(fields)).await?;
    visit.done(&path(&name), Tone::Good, "The source is on.")
}

pub(in crate::console) async fn turn_off(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    switch(&console, &visit, &name, false, &Form::from(fields)).await?;
    visit.done(&path(&name), Tone::Good, "The source is off.")
}

async fn switch(
    console: &Console,
    visit: &Visit,
    name: &str,
    is_on: bool,
    form: &Form,
) -> Result<(), EngineError> {
    let actor = visit.actor();
    let (name, expected) = (name.to_owned(), form.text("etag").to_owned());
    let keep = match form.text("contacts") {
        "keep" => Some(true),
        "remove" => Some(false),
        _ => None,
    };
    console
        .edit(move |engine| {
            let stored = engine.read(|reading| reading.source(&name))?;
            let stored =
                stored.ok_or_else(|| EngineError::NotFound { what: "source", name: name.clone() })?;
            let source = SourceSettings { enabled: is_on, ..stored.settings };
            engine.by(actor).update_source_and(&name, source, &expected, keep.filter(|_| !is_on)).map(drop)
        })
        .await
}

pub(in crate::console) async fn delete(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let form = Form::from(fields);
    let removed = match form.text("deleted_contacts") {
        "keep" => RemovedSources::KeepContacts,
        "remove" => RemovedSources::RemoveContacts,
        _ => RemovedSources::Refuse,
    };
    let expected = form.text("etag").to_owned();
    let deleted = name.clone();
    let actor = visit.actor();
    console.edit(move |engine| engine.by(actor).delete_source(&deleted, removed, &expected)).await?;
    visit.done("/sources", Tone::Good, format!("The source {name} was deleted."))
}
