//! A CSV file into a local phonebook.

use std::fs::File;
use std::io::Write as _;

use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use maud::{Markup, html};

use crate::console::control::{Control, below_errors};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::pages::phonebooks;
use crate::console::show::label;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::{banner, page_head, table, trail};
use crate::console::{Console, show};
use crate::engine::{DEFAULT_MAX_REJECTED_PERCENT, EngineError, ImportOptions, Imported, MAX_IMPORT_BYTES};
use crate::source::rows::Field;
use crate::sync::SyncError;

/// Largest request with a file, in bytes: the file, and the rest of the form.
pub(in crate::console) const MAX_UPLOAD_BYTES: usize = MAX_IMPORT_BYTES as usize + 64 * 1024;

/// Longest field beside the file, in bytes.
const MAX_FIELD_BYTES: usize = 16 * 1024;

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(text): Path<String>,
) -> Answer {
    let form = Form::of([("max_rejected_percent", DEFAULT_MAX_REJECTED_PERCENT.to_string())]);
    let content = page(&console, &visit, &text, &form, None).await?;
    visit.page(Nav::Phonebooks, "Import contacts", content)
}

async fn page(
    console: &Console,
    visit: &Visit,
    text: &str,
    form: &Form,
    done: Option<&Imported>,
) -> Result<Markup, EngineError> {
    let phonebook = phonebooks::find(console, text).await?;
    let name = phonebook.name.as_str();
    let here = phonebooks::path(name);
    let about =
        html! { "Into the phonebook " strong { (name) } ". The first line of the file names the columns." };
    let fields = Field::OF_CONTACT.map(Field::name).join(", ");
    let columns_hint = format!(
        "One a line, such as Firma=company; nothing behind the = leaves a column out. What is not here is guessed by \
         its name. Fields: {fields}."
    );
    let file_hint = format!("CSV in UTF-8, at most {} MiB.", MAX_IMPORT_BYTES >> 20);
    Ok(html! {
        (trail(&[("/phonebooks", "Phonebooks"), (&here, name)]))
        (page_head("Import contacts", about, html! {}))
        @if let Some(done) = done { (outcome(done)) }
        (below_errors(form, html! {
            form.stack method="post" action=(visit.upload_to(&format!("{here}/import"))) enctype="multipart/form-data" {
                section.card.stack {
                    (Control::number("max_rejected_percent", "Most rejects, in percent")
                        .hint("When more of the rows are wrong, nothing is imported. 100 takes whatever is good.").show(form))
                    details.more {
                        summary { "Columns, separator and region" }
                        div.stack {
                            (Control::text("columns", "What columns are").hint(&columns_hint).area(form, 4))
                            (Control::text("delimiter", "Separator").hint("Found out unless given.").short().show(form))
                            (Control::text("region", "Region")
                                .hint("Of numbers that are not written internationally, such as DE; that of the settings \
                                       unless given.").short().show(form))
                        }
                    }
                    (Control::text("file", "File").required().hint(&file_hint).file(form, ".csv,.txt,text/csv"))
                    div.actions {
                        button.solid type="submit" name="do" value="import" { "Import" }
                        button type="submit" name="do" value="try" { "Only say what would be imported" }
                    }
                }
            }
        }))
    })
}

fn outcome(done: &Imported) -> Markup {
    let added = show::count(done.added, "contact", "contacts");
    html! {
        @match &done.refusal {
            Some(why) => (banner(Tone::Bad, why)),
            None => (banner(Tone::Plain, &format!("{added} would be added; nothing was imported yet."))),
        }
        (details(done))
    }
}

fn details(done: &Imported) -> Markup {
    let heads = html! { th.number { "Line" } th { "Column" } th { "Found" } th { "What is wrong" } };
    let rows = html! { @for problem in &done.problems { tr {
        td.number { (show::number(problem.line)) }
        td { (problem.column) }
        td.text { (problem.value) }
        td.text { (problem.reason) div.faint {
            (if problem.is_number_only { "the contact is taken without it" } else { "left out" })
        } }
    } } };
    html! {
        section.card.stack {
            p { (show::count(done.rows, "row", "rows")) ": " (show::number(done.already_there)) " there already, "
                (show::number(done.rejected)) " rejected, " (show::number(done.dropped_numbers)) " numbers left out." }
            details.more {
                summary { "What each column was taken for" }
                dl.facts { @for column in &done.columns {
                    dt { (column.name) }
                    dd { @match column.field {
                        Some(field) => (label(field.name())), None => span.faint { "left out" }
                    } }
                } }
            }
            @if !done.problems.is_empty() { (table("What is wrong with rows", heads, rows)) }
        }
    }
}

/// Takes the form in, the file to the disk.
async fn receive(console: &Console, mut parts: Multipart) -> Result<(Form, Option<File>), Failure> {
    let unreadable = |_| Failure::unreadable_form();
    let broken = |error| Failure::from(EngineError::Sync(SyncError::Staging(error)));
    let (mut values, mut found) = (Vec::new(), None);
    while let Some(mut part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name != "file" {
            let mut value = Vec::new();
            while let Some(piece) = part.chunk().await.map_err(unreadable)? {
                if value.len() + piece.len() > MAX_FIELD_BYTES {
                    return Err(Failure::unreadable_form());
                }
                value.extend_from_slice(&piece);
            }
            values.push((name, String::from_utf8(value).map_err(|_| Failure::unreadable_form())?));
            continue;
        }
        let is_chosen = part.file_name().is_some_and(|file| !file.is_empty());
        let mut file = console.read(|engine| engine.import_file()).await?;
        let mut size = 0;
        while let Some(piece) = part.chunk().await.map_err(unreadable)? {
            size += piece.len() as u64;
            if size > MAX_IMPORT_BYTES {
                let message = format!("At most {} MiB can be imported at a time.", MAX_IMPORT_BYTES >> 20);
                return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "The file is too large", message));
            }
            // On a thread where waiting for the disk holds nobody up.
            file = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file))
                .await
                .map_err(std::io::Error::other)
                .and_then(|written| written)
                .map_err(broken)?;
        }
        found = is_chosen.then_some(file);
    }
    Ok((Form::of(values), found))
}

/// What the form says; what is wrong stands at its field.
fn options(form: &mut Form, phonebook: crate::phonebook::PhonebookName) -> Option<ImportOptions> {
    let percent = form.number::<u8>("max_rejected_percent", "a share from 0 to 100");
    let region = match form.optional("region") {
        None => None,
        Some(_) => form.parse("region"),
    };
    let mut signs = form.raw("delimiter").chars();
    let delimiter = match (signs.next(), signs.next()) {
        (sign, None) => sign,
        _ => {
            form.fail("delimiter", "is more than one character");
            None
        }
    };
    let mut columns = Vec::new();
    let mut wrong = Vec::new();
    for line in form.text("columns").lines().filter(|line| !line.trim().is_empty()) {
        let Some((name, field)) = line.rsplit_once('=') else {
            wrong.push(format!("{line:?} is not COLUMN=field"));
            continue;
        };
        match field.trim() {
            "" => columns.push((name.trim().to_owned(), None)),
            text => match Field::of_contact(text) {
                Some(field) => columns.push((name.trim().to_owned(), Some(field))),
                None => wrong.push(format!("{text:?} is no field of a contact")),
            },
        }
    }
    if !wrong.is_empty() {
        form.fail("columns", wrong.join("; "));
    }
    let dry_run = form.has("do", "try");
    let max_rejected_percent = percent.filter(|_| form.is_fine())?;
    Some(ImportOptions { phonebook, columns, delimiter, region, max_rejected_percent, dry_run })
}

pub(in crate::console) async fn import(
    State(console): State<Console>,
    visit: Visit,
    Path(text): Path<String>,
    parts: Multipart,
) -> Answer {
    let (mut form, file) = receive(&console, parts).await?;
    let phonebook = phonebooks::find(&console, &text).await?;
    let options = options(&mut form, phonebook.name);
    if file.is_none() {
        form.fail("file", "choose a file");
    }
    if let (Some(options), Some(file)) = (options, file) {
        let actor = visit.actor();
        match console.edit(move |engine| engine.by(actor).import_contacts(file, &options)).await {
            Ok(imported) if imported.value.refusal.is_none() && !form.has("do", "try") => {
                return imported_page(&visit, &text, &imported.value);
            }
            Ok(imported) => {
                let content = page(&console, &visit, &text, &form, Some(&imported.value)).await?;
                return visit.page(Nav::Phonebooks, "Import contacts", content);
            }
            Err(error) => form.refuse(error)?,
        }
    }
    let content = page(&console, &visit, &text, &form, None).await?;
    visit.refused(Nav::Phonebooks, "Import contacts", content)
}

fn imported_page(visit: &Visit, text: &str, done: &Imported) -> Answer {
    let here = phonebooks::path(text);
    let added = show::count(done.added, "contact", "contacts");
    let content = html! {
        (trail(&[("/phonebooks", "Phonebooks"), (&here, text)]))
        (page_head("Imported", html! {}, html! { a.button.solid href=(here) { "To the phonebook" } }))
        (banner(Tone::Good, &format!("{added} imported; calls find them now.")))
        (details(done))
    };
    visit.page(Nav::Phonebooks, "Imported", content)
}
