//! A settings document that is brought back: first what would change, then the change itself.
//!
//! The document stays on the server between the two, for an hour, because it may have passwords in it, which are never
//! sent to a browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Multipart, State};
use maud::{Markup, html};

use super::{Part, export, within};
use crate::console::control::{Control, below_errors};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{badge, banner, empty, page_head, table, trail};
use crate::console::{Console, guard, show};
use crate::engine::{Applied, Engine, EngineError, SessionKey, etag};
use crate::settings::{Change, ChangeKind, MAX_DOCUMENT_BYTES, Settings};
use crate::store::{LeftContacts, RemovedSources, SwitchedOff};

const HERE: &str = "/settings/import";

/// Largest request with a document, in bytes: the document, and the rest of the form.
pub(in crate::console) const MAX_UPLOAD_BYTES: usize = MAX_DOCUMENT_BYTES + 64 * 1024;

/// How long a document is kept to be taken over.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Longest field beside the document, in bytes.
const MAX_FIELD_BYTES: usize = 1024;

/// Most differences that are listed.
const LISTED: usize = 500;

/// Number of the next document.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A document that somebody looks at before they take it over.
#[derive(Clone)]
pub(in crate::console) struct ImportedDocument {
    began: Instant,
    /// Tells it from another that the same person looks at in another tab.
    id: u64,
    file_name: String,
    text: Arc<str>,
    removed: String,
    switched_off: String,
}

impl std::fmt::Debug for ImportedDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the text, which may have passwords in it.
        f.debug_struct("ImportedDocument").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

impl ImportedDocument {
    fn left(&self) -> LeftContacts {
        let removed = match self.removed.as_str() {
            "keep" => RemovedSources::KeepContacts,
            "remove" => RemovedSources::RemoveContacts,
            _ => RemovedSources::Refuse,
        };
        let keep = match self.switched_off.as_str() {
            "keep" => Some(true),
            "remove" => Some(false),
            _ => None,
        };
        LeftContacts { removed, switched_off: keep.map(|keep| SwitchedOff { keep, source: None }) }
    }

    fn form(&self) -> Form {
        Form::of([("removed", self.removed.clone()), ("switched_off", self.switched_off.clone())])
    }
}

/// What a document would do, and to which settings.
struct Compared {
    applied: Applied,
    source_warnings: Vec<String>,
    /// Of the settings that it was compared with.
    seen: String,
}

/// The form that a document is brought by; with one that is here already, what is said of it can be changed.
pub(super) fn form(visit: &Visit, form: &Form, here: Option<&ImportedDocument>) -> Markup {
    let removed =
        [("", "Ask me"), ("keep", "Keep as local contacts"), ("remove", "Remove with their source")];
    let (document, hint) = match here {
        Some(here) => (
            Control::text("file", "Another document"),
            format!("Without one, it is \"{}\" again.", here.file_name),
        ),
        None => (
            Control::text("file", "Settings document").required(),
            "As it is downloaded here, or written by \"ringroute export\".".to_owned(),
        ),
    };
    let off = [("", "Leave as they are"), ("keep", "Keep as local contacts"), ("remove", "Remove")];
    html! {
        form.narrow method="post" action=(visit.upload_to(HERE)) enctype="multipart/form-data" {
            @if let Some(here) = here { input type="hidden" name="id" value=(here.id); }
            (document.hint(&hint).file(form, ".toml,application/toml"))
            details.more open[here.is_some()] {
                summary { "Contacts of sources that it leaves out or switches off" }
                div.stack {
                    (Control::text("removed", "Contacts of sources that it leaves out").select(form, &removed))
                    (Control::text("switched_off", "Contacts of sources that it switches off").select(form, &off))
                }
            }
            div.actions { button.solid[here.is_none()] type="submit" { "Show what would change" } }
        }
    }
}

/// The document of this person that is kept, unless it is too old.
fn kept(console: &Console, key: Option<SessionKey>) -> Option<ImportedDocument> {
    console.documents.retain(|_, document| document.began.elapsed() < KEPT);
    Some(console.documents.get(&key?)?.clone())
}

fn key(visit: &Visit) -> Option<SessionKey> {
    visit.user.as_ref().map(|user| user.key)
}

/// Compares without changing anything; asks the servers of sources that are new or changed.
async fn compare(
    console: &Console,
    visit: &Visit,
    document: &ImportedDocument,
) -> Result<Compared, EngineError> {
    let source_warnings = console.engine.check_document_at_servers(&document.text).await?;
    let (actor, text, left) = (visit.actor(), Arc::clone(&document.text), document.left());
    let compare = move |engine: &Arc<Engine>| {
        let seen = etag(&engine.settings()?);
        Ok((engine.by(actor).apply_over(&text, left, &seen, true)?, seen))
    };
    let (applied, seen) = console.edit(compare).await?;
    Ok(Compared { applied, source_warnings, seen })
}

/// Whatever is wrong with the document stands at its field.
fn refuse(form: &mut Form, error: EngineError) -> Result<(), EngineError> {
    match error {
        EngineError::Settings(_)
        | EngineError::BadRequest { .. }
        | EngineError::Source { .. }
        | EngineError::Route(_)
        | EngineError::AlreadyExists { .. }
        | EngineError::NotFound { .. } => {
            form.fail("file", error.to_string());
            Ok(())
        }
        error => form.refuse(error),
    }
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let Some(document) = kept(&console, key(&visit)) else { return Ok(guard::see(export::HERE)) };
    answer(&console, &visit, &document, document.form()).await
}

/// What a document would do; or what is wrong with it.
async fn answer(console: &Console, visit: &Visit, document: &ImportedDocument, mut form: Form) -> Answer {
    let compared = match compare(console, visit, document).await {
        Ok(compared) => Some(compared),
        Err(error) => {
            refuse(&mut form, error)?;
            None
        }
    };
    let content = page(visit, document, &form, compared.as_ref());
    if form.is_fine() {
        visit.page(Nav::Settings, "Import settings", content)
    } else {
        visit.refused(Nav::Settings, "Import settings", content)
    }
}

fn page(visit: &Visit, document: &ImportedDocument, form: &Form, compared: Option<&Compared>) -> Markup {
    let about = html! { "What " strong { (document.file_name) } " would change. Nothing is changed yet." };
    let content = html! {
        (trail(&[(export::HERE, "Export and backup")]))
        (page_head("Import settings", about, html! {}))
        (below_errors(form, html! {
            @if let Some(compared) = compared { (differences(visit, document, compared)) }
            section.card.stack {
                h2 { "Look again" }
                (self::form(visit, form, Some(document)))
            }
        }))
    };
    within(visit, Part::Export, content)
}

fn differences(visit: &Visit, document: &ImportedDocument, compared: &Compared) -> Markup {
    let Compared { applied, source_warnings, seen } = compared;
    let changes = &applied.changes;
    let heads = html! { th { "Does" } th { "What" } th { "Before and after" } };
    let rows = html! { @for Change { kind, subject, details } in changes.iter().take(LISTED) { tr {
        td { @match kind {
            ChangeKind::Added => (badge(Tone::Good, "add")),
            ChangeKind::Changed => (badge(Tone::Plain, "change")),
            ChangeKind::Removed => (badge(Tone::Bad, "remove")),
        } }
        td.text { (subject) }
        td.text { ul.plain-list { @for detail in details { li { (detail) } } } }
    } } };
    let warnings =
        source_warnings.iter().cloned().chain(applied.warnings.iter().map(|warning| warning.message.clone()));
    html! {
        @for warning in warnings { (banner(Tone::Warning, &warning)) }
        @if changes.is_empty() {
            (empty("Nothing would change", "The document says what is set already.", html! {}))
        } @else {
            (table("What would change", heads, rows))
            @if changes.len() > LISTED {
                p.faint { "and " (show::number((changes.len() - LISTED) as u64)) " more" }
            }
            form.actions method="post" action=(format!("{HERE}/apply")) {
                (visit.token_field())
                input type="hidden" name="id" value=(document.id);
                input type="hidden" name="seen" value=(seen);
                button.solid type="submit" { "Take over " (show::count(changes.len() as u64, "change", "changes")) }
                a.button href=(export::HERE) { "Leave everything as it is" }
            }
        }
    }
}

/// Takes the form in. The document, if there is one: its file's name, and its text.
async fn receive(mut parts: Multipart) -> Result<(Form, Option<(String, Vec<u8>)>), Failure> {
    let unreadable = |_| Failure::unreadable_form();
    let (mut values, mut file) = (Vec::new(), None);
    while let Some(mut part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let most = if name == "file" { MAX_DOCUMENT_BYTES + 1 } else { MAX_FIELD_BYTES };
        let mut value = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(unreadable)? {
            // One byte more than may be, so that the engine says how much may be.
            let room = most.saturating_sub(value.len());
            value.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if name == "file" {
            file = file_name.filter(|name| !name.is_empty()).map(|name| (name, value));
        } else {
            values.push((name, String::from_utf8(value).map_err(|_| Failure::unreadable_form())?));
        }
    }
    Ok((Form::of(values), file))
}

pub(in crate::console) async fn look(
    State(console): State<Console>,
    visit: Visit,
    parts: Multipart,
) -> Answer {
    let (mut form, file) = receive(parts).await?;
    let key = key(&visit);
    let before = kept(&console, key).filter(|document| form.text("id") == document.id.to_string());
    let brought = match file {
        Some((name, bytes)) => match String::from_utf8(bytes) {
            Ok(text) => Some((name, Arc::from(text))),
            Err(error) => {
                let place = error.utf8_error().valid_up_to();
                form.fail(
                    "file",
                    format!("is not text in UTF-8: its byte {} belongs to no character", place + 1),
                );
                None
            }
        },
        None => before.as_ref().map(|before| (before.file_name.clone(), Arc::clone(&before.text))),
    };
    let Some((file_name, text)) = brought else {
        if form.is_fine() {
            form.fail("file", "choose a file");
        }
        return without_document(&visit, &form);
    };
    if let Err(error) = Settings::from_toml(&text) {
        // There is nothing to compare.
        refuse(&mut form, EngineError::Settings(error))?;
        return without_document(&visit, &form);
    }
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let [removed, switched_off] = ["removed", "switched_off"].map(|field| form.text(field).to_owned());
    let document = ImportedDocument { began: Instant::now(), id, file_name, text, removed, switched_off };
    if let Some(key) = key {
        console.documents.insert(key, document.clone());
    }
    answer(&console, &visit, &document, document.form()).await
}

/// The form again, with what is wrong with what was brought.
fn without_document(visit: &Visit, form: &Form) -> Answer {
    let content = html! {
        (trail(&[(export::HERE, "Export and backup")]))
        (page_head("Import settings", html! { "Nothing was changed." }, html! {}))
        (below_errors(form, html! {
            section.card { (self::form(visit, form, None)) }
        }))
    };
    visit.refused(Nav::Settings, "Import settings", within(visit, Part::Export, content))
}

pub(in crate::console) async fn apply(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let form = Form::from(fields);
    let key = key(&visit);
    let document = kept(&console, key).filter(|document| form.text("id") == document.id.to_string());
    let Some(document) = document else {
        let text = "Nothing was changed: the document is not here any more, or you looked at another one since. Bring it \
                    again.";
        return visit.done(export::HERE, Tone::Warning, text);
    };
    let (actor, text, left) = (visit.actor(), Arc::clone(&document.text), document.left());
    // An empty one would say that it does not matter.
    let seen = form.optional("seen").unwrap_or_else(|| "nothing".to_owned());
    let checked = console.engine.check_document_at_servers(&document.text).await;
    let applied = match checked {
        Ok(_) => console.edit(move |engine| engine.by(actor).apply_over(&text, left, &seen, false)).await,
        Err(error) => Err(error),
    };
    match applied {
        Ok(applied) => {
            key.map(|key| console.documents.remove(&key));
            let changes = show::count(applied.changes.len() as u64, "change was", "changes were");
            visit.done(export::HERE, Tone::Good, format!("{changes} taken over from {}.", document.file_name))
        }
        Err(error) => {
            let mut form = document.form();
            match error {
                EngineError::ChangedMeanwhile { .. } => form.general.push(
                    "Somebody else has changed the settings since you looked. Nothing was changed: below is what the \
                     document would change now."
                        .to_owned(),
                ),
                error => refuse(&mut form, error)?,
            }
            answer(&console, &visit, &document, form).await
        }
    }
}
