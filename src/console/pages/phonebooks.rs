//! Phonebooks: synced ones to look at, local ones to make, rename and delete.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::contacts::{self, Search};
use crate::access::Permission;
use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{badge, confirm, empty, page_head, table, trail};
use crate::console::{Console, show};
use crate::engine::EngineError;
use crate::phonebook::{PhonebookName, PhonebookOrigin};
use crate::store::{CountedPhonebook, StoredPhonebook};

pub(super) fn path(name: &str) -> String {
    format!("/phonebooks/{}", segment(name))
}

/// A name that was typed, or that is in a path.
pub(super) fn name(field: &str, text: &str) -> Result<PhonebookName, EngineError> {
    PhonebookName::parse(text)
        .map_err(|error| EngineError::BadRequest { field: field.to_owned(), problem: error.to_string() })
}

/// The phonebook of a path.
pub(super) async fn find(console: &Console, text: &str) -> Result<StoredPhonebook, EngineError> {
    let name = name("phonebook", text)?;
    console
        .read(move |engine| {
            let found = engine.read(|reading| Ok::<_, EngineError>(reading.phonebook(&name)?))?;
            found.ok_or_else(|| EngineError::NotFound { what: "phonebook", name: name.as_str().to_owned() })
        })
        .await
}

/// Where its contacts come from.
pub(super) fn origin(origin: &PhonebookOrigin) -> Markup {
    html! { @match origin {
        PhonebookOrigin::Local => (badge(Tone::Plain, "Local")),
        PhonebookOrigin::Synced(source) => {
            (badge(Tone::Good, "Synced")) " " a href=(super::sources::path(source)) { (source) }
        }
    } }
}

pub(in crate::console) async fn list(State(console): State<Console>, visit: Visit) -> Answer {
    let content = list_page(&console, &visit, &Form::default()).await?;
    visit.page(Nav::Phonebooks, "Phonebooks", content)
}

async fn list_page(console: &Console, visit: &Visit, form: &Form) -> Result<Markup, EngineError> {
    let phonebooks = console
        .read(|engine| engine.read(|reading| Ok::<_, EngineError>(reading.counted_phonebooks()?)))
        .await?;
    let rows = html! { @for CountedPhonebook { phonebook, contact_count } in &phonebooks { tr {
        th scope="row" { a href=(path(phonebook.name.as_str())) { (phonebook.name) } }
        td { (origin(&phonebook.origin)) }
        td.number { (show::number(*contact_count)) }
    } } };
    let heads = html! { th { "Phonebook" } th { "Filled by" } th.number { "Contacts" } };
    let about =
        html! { "In order of priority: where several contacts share a number, the first phonebook counts." };
    let actions = html! { a.button href="/contacts" { "Search all contacts" } };
    Ok(html! {
        (page_head("Phonebooks", about, actions))
        @if phonebooks.is_empty() {
            (empty("No phonebook yet", "A source makes its phonebooks when it is synchronised. Others are made here, \
                and filled by hand or from a file.", html! {}))
        } @else { (table("Phonebooks", heads, rows)) }
        @if visit.may(Permission::Change) {
            section.card {
                h2 { "Make a local phonebook" }
                (below_errors(form, html! {
                    form.narrow method="post" action="/phonebooks" {
                        (visit.token_field())
                        (Control::text("name", "Name").required().hint("At most 63 characters.").show(form))
                        div.actions { button.solid type="submit" { "Make it" } }
                    }
                }))
            }
        }
    })
}

pub(in crate::console) async fn create(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let actor = visit.actor();
    let made = match name("name", form.text("name")) {
        Ok(name) => {
            console.edit(move |engine| engine.by(actor).create_phonebook(name.clone()).map(|_| name)).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(name) => {
            let text = format!("The phonebook \"{name}\" is there, and empty.");
            visit.done(&path(name.as_str()), Tone::Good, text)
        }
        Err(error) => {
            form.refuse(error)?;
            let content = list_page(&console, &visit, &form).await?;
            visit.refused(Nav::Phonebooks, "Phonebooks", content)
        }
    }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(text): Path<String>,
    Query(search): Query<Search>,
) -> Answer {
    let content = page(&console, &visit, &text, search, &Form::default()).await?;
    visit.page(Nav::Phonebooks, &text, content)
}

async fn page(
    console: &Console,
    visit: &Visit,
    text: &str,
    search: Search,
    form: &Form,
) -> Result<Markup, EngineError> {
    let phonebook = find(console, text).await?;
    let id = phonebook.id;
    let contact_count = console
        .read(move |engine| engine.read(|reading| Ok::<_, EngineError>(reading.contact_count_in(id)?)))
        .await?;
    let name = phonebook.name.as_str();
    let here = path(name);
    let search = Search { phonebook: name.to_owned(), ..search };
    let results = contacts::results(console, &search, &here).await?;
    let is_ours = phonebook.origin == PhonebookOrigin::Local && visit.may(Permission::Change);
    let about =
        html! { (origin(&phonebook.origin)) " · " (show::count(contact_count, "contact", "contacts")) };
    let actions = html! {
        (contacts::exports(&search))
        @if is_ours {
            a.button href=(format!("{here}/import")) { "Import a file" }
            a.button.solid href=(format!("/contacts/new?phonebook={}", segment(name))) { "Add a contact" }
        }
    };
    let deletion = html! {
        p { "This deletes the phonebook and the " (show::count(contact_count, "contact", "contacts")) " in it \
             that are in no other. It cannot be taken back. Inbound routes that ask for it find nobody then." }
    };
    Ok(html! {
        (trail(&[("/phonebooks", "Phonebooks")]))
        (page_head(name, about, actions))
        (contacts::search_form(&search, &here))
        div data-results aria-live="polite" { (results) }
        @if is_ours {
            section.card.stack {
                h2 { "Rename or delete" }
                (below_errors(form, html! {
                    form.narrow method="post" action=(format!("{here}/rename")) {
                        (visit.token_field())
                        (Control::text("new_name", "New name")
                            .hint("Inbound routes that ask for the phonebook go on asking for it.").show(form))
                        div.actions { button type="submit" { "Rename" } }
                    }
                }))
                div.actions { (confirm(visit, &format!("{here}/delete"), "Delete the phonebook", deletion, "Delete")) }
            }
        }
    })
}

pub(in crate::console) async fn rename(
    State(console): State<Console>,
    visit: Visit,
    Path(text): Path<String>,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let old = name("name", &text)?;
    let actor = visit.actor();
    let renamed = match name("new_name", form.text("new_name")) {
        Ok(new) => {
            console.edit(move |engine| engine.by(actor).rename_phonebook(&old, &new).map(|_| new)).await
        }
        Err(error) => Err(error),
    };
    match renamed {
        Ok(new) => visit.done(&path(new.as_str()), Tone::Good, format!("It is called \"{new}\" now.")),
        Err(error @ EngineError::AlreadyExists { .. }) => {
            form.fail("new_name", error.to_string());
            let content = page(&console, &visit, &text, Search::default(), &form).await?;
            visit.refused(Nav::Phonebooks, &text, content)
        }
        Err(error) => {
            form.refuse(error)?;
            let content = page(&console, &visit, &text, Search::default(), &form).await?;
            visit.refused(Nav::Phonebooks, &text, content)
        }
    }
}

pub(in crate::console) async fn delete(
    State(console): State<Console>,
    visit: Visit,
    Path(text): Path<String>,
) -> Answer {
    let name = name("name", &text)?;
    let actor = visit.actor();
    let deleted = console.edit(move |engine| engine.by(actor).delete_phonebook_and_contacts(&name)).await?;
    let contacts = show::count(deleted.value, "contact", "contacts");
    visit.done("/phonebooks", Tone::Good, format!("The phonebook \"{text}\" is deleted, with {contacts}."))
}
