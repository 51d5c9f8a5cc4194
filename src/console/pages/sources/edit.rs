//! Setting a source up: test, save, preview.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};

use super::settings_view::{self, Shown};
use super::tested::Tested;
use super::{connection_form, path, settings_form};
use crate::audit::Actor;
use crate::console::control::below_errors;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{page_head, trail};
use crate::console::{Console, guard};
use crate::engine::{EngineError, etag, take_secrets};
use crate::phonebook::PhonebookOrigin;
use crate::settings::{Connection, SourceSettings};
use crate::source;
use crate::sync::RunKind;

/// How long a source may take for a test.
const TEST_TIME: Duration = Duration::from_secs(60);

/// How long what was typed for a test is remembered.
const DRAFT_TIME: Duration = Duration::from_secs(3600);

/// A set-up under way, in memory only: a secret is never sent back to the browser, so what was typed for a test
/// would have to be typed again.
#[derive(Debug, Clone)]
pub(in crate::console) struct Draft {
    began: Instant,
    /// The source that is edited; `None` for a new one.
    of: Option<String>,
    connection: Connection,
    tested: Option<Tested>,
}

/// What a set-up starts from.
struct Start {
    stored: Option<SourceSettings>,
    empty_phonebooks: Vec<String>,
}

async fn start(console: &Console, name: Option<&str>) -> Result<Start, EngineError> {
    let name = name.map(str::to_owned);
    console
        .read(move |engine| {
            engine.read(|reading| {
                let stored = match name {
                    None => None,
                    Some(name) => {
                        let stored = reading.source(&name)?;
                        Some(stored.ok_or(EngineError::NotFound { what: "source", name })?.settings)
                    }
                };
                let phonebooks = reading.counted_phonebooks()?.into_iter();
                let empty = phonebooks
                    .filter(|book| book.contact_count == 0 && book.phonebook.origin == PhonebookOrigin::Local)
                    .map(|book| book.phonebook.name.as_str().to_owned());
                Ok(Start { stored, empty_phonebooks: empty.collect() })
            })
        })
        .await
}

pub(in crate::console) async fn new(State(console): State<Console>, visit: Visit) -> Answer {
    let start = start(&console, None).await?;
    let content = page(&visit, &settings_form::blank(), &start, None, "");
    visit.page(Nav::Sources, "Add a source", content)
}

pub(in crate::console) async fn edit(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let start = start(&console, Some(&name)).await?;
    let form = start.stored.as_ref().map(settings_form::of).unwrap_or_default();
    let tag = start.stored.as_ref().map(etag).unwrap_or_default();
    let content = page(&visit, &form, &start, None, &tag);
    visit.page(Nav::Sources, "Edit a source", content)
}

fn page(visit: &Visit, form: &Form, start: &Start, draft: Option<&Draft>, tag: &str) -> Markup {
    let mut phonebooks = start.empty_phonebooks.clone();
    let chosen = form.text("phonebook.existing.name");
    if !chosen.is_empty() && !phonebooks.iter().any(|name| name == chosen) {
        phonebooks.push(chosen.to_owned());
    }
    let known =
        draft.map(|draft| &draft.connection).or(start.stored.as_ref().map(|stored| &stored.connection));
    let secrets = match known {
        Some(Connection::SqlServer(sql)) => {
            let shown = |secret: &Option<crate::secret::Secret>| {
                secret.as_ref().map(|secret| secret.shown().to_owned())
            };
            (shown(&sql.password), shown(&sql.connection_string))
        }
        _ => (None, None),
    };
    let shown = Shown {
        empty_phonebooks: &phonebooks,
        tested: draft.and_then(|draft| draft.tested.as_ref()),
        secrets,
    };
    let (title, action, back) = match &start.stored {
        None => ("Add a source".to_owned(), "/sources/new".to_owned(), "/sources".to_owned()),
        Some(stored) => {
            (format!("Edit {}", stored.name), format!("{}/edit", path(&stored.name)), path(&stored.name))
        }
    };
    let about = html! { "Connect the database, say which column is which, and when to synchronise." };
    html! {
        (trail(&[("/sources", "Sources")]))
        (page_head(&title, about, html! {}))
        (below_errors(form, html! {
            form.stack method="post" action=(action) {
                (visit.token_field())
                input type="hidden" name="etag" value=(tag);
                // Enter in a field means to save, not to test, which is the first button of the form.
                button.spoken type="submit" name="do" value="save" tabindex="-1" aria-hidden="true" { "Save" }
                (settings_view::fields(form, &shown))
                div.save.actions {
                    button.solid type="submit" name="do" value="save" { "Save" }
                    button type="submit" name="do" value="preview" { "Save and preview" }
                    a.button.quiet href=(back) { "Cancel" }
                }
            }
        }))
    }
}

pub(in crate::console) async fn save_new(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    submit(&console, &visit, None, fields).await
}

pub(in crate::console) async fn save_edited(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    submit(&console, &visit, Some(name), fields).await
}

async fn submit(console: &Console, visit: &Visit, present: Option<String>, fields: Fields) -> Answer {
    let start = start(console, present.as_deref()).await?;
    let mut form = Form::from(fields);
    let mut tag = form.text("etag").to_owned();
    let key = visit.user.as_ref().map(|user| user.key);
    console.drafts.retain(|_, draft| draft.began.elapsed() < DRAFT_TIME);
    let mut draft = key.and_then(|key| console.drafts.get(&key).map(|draft| draft.clone()));
    draft = draft.filter(|draft| draft.of == present);
    let known = draft.as_ref().map(|draft| draft.connection.clone());
    let known = known.or_else(|| start.stored.as_ref().map(|stored| stored.connection.clone()));

    let connection = with_secrets(&mut form, known.as_ref());
    let settings = settings_form::read(&mut form, known.as_ref());
    let settings = settings
        .zip(connection.clone())
        .map(|(settings, connection)| SourceSettings { connection, ..settings });
    let is_test = form.text("do") == "test";
    if is_test {
        form.keep_errors(|field| field.starts_with("connection."));
        let tested = match connection.clone().filter(|_| form.is_fine()) {
            Some(connection) => Some(test(console, &mut form, &connection, settings.as_ref()).await),
            None => None,
        };
        draft = connection.map(|connection| Draft {
            began: Instant::now(),
            of: present.clone(),
            connection,
            tested,
        });
    } else {
        if let Some(settings) = settings {
            match save(console, visit.actor(), present.as_deref(), settings.clone(), &tag).await {
                Ok(warnings) => {
                    key.map(|key| console.drafts.remove(&key));
                    return saved(console, visit, &form, &settings.name, &warnings).await;
                }
                Err(EngineError::ChangedMeanwhile { .. }) => {
                    tag = start.stored.as_ref().map(etag).unwrap_or_default();
                    form.general.push(
                        "Somebody else has changed this source since you opened it. What you typed is still here: \
                         open the source in another tab to see what they changed, or save again to replace it."
                            .to_owned(),
                    );
                }
                Err(error) => form.refuse(error)?,
            }
        }
        let tested = draft.and_then(|draft| draft.tested);
        draft = connection.map(|connection| Draft {
            began: Instant::now(),
            of: present.clone(),
            connection,
            tested,
        });
    }
    if let (Some(key), Some(draft)) = (key, &draft) {
        console.drafts.insert(key, draft.clone());
    }
    let content = page(visit, &form, &start, draft.as_ref(), &tag);
    let title = if start.stored.is_some() { "Edit a source" } else { "Add a source" };
    if is_test && form.is_fine() {
        visit.page(Nav::Sources, title, content)
    } else {
        visit.refused(Nav::Sources, title, content)
    }
}

/// The connection with the secrets that fields left empty stand for; they go to the server they were given for
/// and to no other.
fn with_secrets(form: &mut Form, known: Option<&Connection>) -> Option<Connection> {
    // What is wrong is said when the settings as a whole are read.
    let mut reading = form.clone();
    let connection = connection_form::read(&mut reading, known);
    let mut settings = settings_form::around(connection);
    let as_known = known.map(|known| settings_form::around(known.clone()));
    match take_secrets(&mut settings, as_known.as_ref()) {
        Ok(()) => Some(settings.connection),
        Err(error) => {
            // About a field of the form, always.
            if let Err(error) = form.refuse(error) {
                form.general.push(error.to_string());
            }
            None
        }
    }
}

async fn test(
    console: &Console,
    form: &mut Form,
    connection: &Connection,
    settings: Option<&SourceSettings>,
) -> Tested {
    let opened = match settings.map(source::open) {
        Some(Ok(reader)) => Ok(reader),
        Some(Err(error)) if error.is_about_query() => {
            let _ = form.refuse(EngineError::Source { name: String::new(), error });
            source::open_to_look(connection)
        }
        Some(Err(error)) => Err(error),
        None => source::open_to_look(connection),
    };
    let reader = match opened {
        Ok(reader) => reader,
        Err(error) => {
            let told = error.to_string();
            let _ = form.refuse(EngineError::Source { name: String::new(), error });
            return Tested::Failed(told);
        }
    };
    let test = tokio::time::timeout(TEST_TIME, reader.test());
    match console.stop.run_until_cancelled(test).await {
        Some(Ok(Ok(report))) => {
            if let (Err(error), true) = (&report.query, settings.is_some())
                && error.is_about_query()
            {
                let _ = form.refuse(EngineError::Source { name: String::new(), error: error.clone() });
            }
            Tested::Reached(report)
        }
        Some(Ok(Err(error))) => Tested::Failed(error.to_string()),
        Some(Err(_)) => Tested::Failed(format!(
            "the source did not answer within {} seconds; is it reachable, is it very large?",
            TEST_TIME.as_secs()
        )),
        None => Tested::Failed("the server is shutting down".to_owned()),
    }
}

async fn save(
    console: &Console,
    actor: Actor,
    present: Option<&str>,
    settings: SourceSettings,
    expected: &str,
) -> Result<Vec<String>, EngineError> {
    let name = present.unwrap_or(&settings.name).to_owned();
    let warnings = console.engine.check_at_server(&name, &settings).await?;
    let (is_new, expected) = (present.is_none(), expected.to_owned());
    console
        .edit(move |engine| {
            let engine = engine.by(actor);
            match is_new {
                true => engine.create_source(settings)?,
                false => engine.update_source(&name, settings, &expected)?,
            };
            Ok(())
        })
        .await?;
    Ok(warnings)
}

async fn saved(console: &Console, visit: &Visit, form: &Form, name: &str, warnings: &[String]) -> Answer {
    visit.say(Tone::Good, "The source was saved.");
    for warning in warnings {
        visit.say(Tone::Warning, warning.clone());
    }
    let previewed: Result<Response, _> = match form.text("do") {
        "preview" => super::start(console, visit, name, RunKind::Preview, None).await,
        _ => return Ok(guard::see(&path(name))),
    };
    previewed
}
