//! Contacts: searched, looked at with the routes that their calls take, changed where they are local.

mod edit;
mod export;
mod import;

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::phonebooks;
use crate::access::Permission;
use crate::console::Console;
use crate::console::layout::Nav;
use crate::console::show::label;
use crate::console::visit::{Answer, Visit, escaped, segment};
use crate::console::widgets::{confirm, empty, lines, page_head, pages, table, trail};
use crate::contact::{ContactId, display_name};
use crate::engine::{ContactSearch, EngineError, NumberRoute, contact_etag};
use crate::source::rows::Field;
use crate::store::StoredContact;

pub(in crate::console) use edit::{add, delete, edit, new, save};
pub(in crate::console) use export::{csv, vcard};
pub(in crate::console) use import::{MAX_UPLOAD_BYTES, import, show as show_import};

/// Contacts on a page.
const PER_PAGE: u32 = 50;

/// Longest text that is searched for, in characters.
const MAX_QUERY_CHARACTERS: usize = 128;

/// The store counts to this.
const MAX_ID: u64 = i64::MAX as u64;

/// What is searched for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Search {
    pub(super) phonebook: String,
    pub(super) query: String,
    pub(super) after: String,
}

impl Search {
    fn filter(&self, limit: u32) -> Result<ContactSearch, EngineError> {
        if self.query.chars().count() > MAX_QUERY_CHARACTERS {
            let problem = format!("at most {MAX_QUERY_CHARACTERS} characters can be searched for");
            return Err(EngineError::BadRequest { field: "query".into(), problem });
        }
        let phonebook = match self.phonebook.as_str() {
            "" => None,
            name => Some(phonebooks::name("phonebook", name)?),
        };
        let after = self.after.parse().ok().filter(|id| *id <= MAX_ID).map(ContactId);
        Ok(ContactSearch { phonebook, text: self.query.clone(), after, limit })
    }
}

/// A contact's number in a path; whatever is none is nobody's.
fn contact_id(text: &str) -> Result<ContactId, EngineError> {
    let id = text.parse().ok().filter(|id| *id <= MAX_ID);
    id.map(ContactId).ok_or_else(|| EngineError::NotFound { what: "contact", name: text.to_owned() })
}

pub(super) fn path(id: ContactId) -> String {
    format!("/contacts/{id}")
}

fn name_of(contact: &StoredContact) -> String {
    let details = &contact.details;
    display_name(&details.first_name, &details.last_name, &details.company)
}

pub(super) fn search_form(search: &Search, here: &str) -> Markup {
    html! {
        form.search role="search" method="get" action=(here) data-search {
            div.field {
                label for="query" { "Search" }
                input id="query" name="query" type="search" value=(search.query) autocomplete="off" spellcheck="false"
                    placeholder="Name, company, email or any part of a number" maxlength="128";
            }
            button type="submit" { "Search" }
        }
    }
}

/// Ways to have what is found as a file.
pub(super) fn exports(search: &Search) -> Markup {
    let query = format!("?phonebook={}&query={}", segment(&search.phonebook), segment(&search.query));
    html! {
        a.button data-export="csv" href=(format!("/contacts/export.csv{query}")) { "CSV" }
        a.button data-export="vcf" href=(format!("/contacts/export.vcf{query}")) { "vCard" }
    }
}

/// A page of what is found.
pub(super) async fn results(console: &Console, search: &Search, here: &str) -> Result<Markup, EngineError> {
    let filter = search.filter(PER_PAGE)?;
    let (page, names) = console
        .read(move |engine| {
            let page = engine.search_contacts(&filter)?;
            let names = engine.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?))?;
            Ok((page, names))
        })
        .await?;
    let found = page.contacts;
    let query = escaped(&search.query).replace('/', "%2F");
    let next = page.more_after.map(|last| format!("{here}?query={query}&after={last}"));
    let first = (!search.after.is_empty()).then(|| format!("{here}?query={query}"));
    if found.is_empty() {
        let text = match search.query.trim() {
            "" => "Nobody is here yet.",
            _ => "No name, company, email or number has this in it.",
        };
        return Ok(empty("No contact found", text, html! {}));
    }
    let heads = html! { th { "Name" } th { "Company" } th { "Numbers" } th { "Phonebooks" } };
    let rows = html! { @for contact in &found { tr {
        th.whole scope="row" { a href=(path(contact.id)) { (name_of(contact)) } }
        td.text.whole { (contact.details.company) }
        td { @for number in &contact.details.numbers { div.number.nowrap { (number.number) } } }
        td.text { @for id in &contact.phonebooks { @if let Some(name) = names.get(id) { div { (name) } } } }
    } } };
    Ok(html! { (lines("Contacts", heads, rows)) (pages(first.as_deref(), next.as_deref())) })
}

pub(in crate::console) async fn list(
    State(console): State<Console>,
    visit: Visit,
    Query(search): Query<Search>,
) -> Answer {
    let results = results(&console, &search, "/contacts").await?;
    let content = html! {
        (trail(&[("/phonebooks", "Phonebooks")]))
        (page_head("All contacts", html! { "Of all phonebooks." }, exports(&search)))
        (search_form(&search, "/contacts"))
        div data-results aria-live="polite" { (results) }
    };
    visit.page(Nav::Phonebooks, "All contacts", content)
}

/// The contact of a path.
async fn find(console: &Console, id: ContactId) -> Result<StoredContact, EngineError> {
    let found =
        console.read(move |engine| engine.read(|reading| Ok::<_, EngineError>(reading.contact(id)?))).await?;
    found.ok_or_else(|| EngineError::NotFound { what: "contact", name: id.to_string() })
}

/// What is known of a contact, field by field; blank ones are left out.
pub(super) fn fields(contact: &StoredContact) -> Vec<(Field, String)> {
    let details = &contact.details;
    let known = |field: Field| match field {
        Field::FirstName => details.first_name.clone(),
        Field::LastName => details.last_name.clone(),
        Field::Company => details.company.clone(),
        Field::Email => details.email.clone(),
        Field::Remark => details.remark.clone(),
        Field::ZipCode => details.zip_code.clone(),
        Field::Street => details.street.clone(),
        Field::City => details.city.clone(),
        Field::State => details.state.clone(),
        Field::Country => details.country.clone(),
        Field::OwnExtension => details.own_extension.clone(),
        Field::Number(label) => {
            let number = details.numbers.iter().find(|number| number.label == label);
            number.map(|number| number.raw.clone()).unwrap_or_default()
        }
        Field::Key | Field::PhonebookProperty => String::new(),
    };
    let all = Field::OF_CONTACT.into_iter().map(|field| (field, known(field)));
    all.filter(|(_, text)| !text.is_empty()).collect()
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let id = contact_id(&id)?;
    let contact = find(&console, id).await?;
    let (routes, names) = console
        .read(move |engine| {
            let routes = engine.contact_routes(id, "", Timestamp::now())?;
            let names = engine.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?))?;
            Ok((routes, names))
        })
        .await?;
    let name = name_of(&contact);
    let is_ours = contact.source.is_none() && visit.may(Permission::Change);
    let about = html! { @match &contact.source {
        Some(source) => {
            (crate::console::widgets::badge(crate::console::visit::Tone::Good, "Synced"))
            " from " a href=(super::sources::path(source)) { (source) } ", read-only here"
        }
        None => (crate::console::widgets::badge(crate::console::visit::Tone::Plain, "Local")),
    } };
    let actions = html! { @if is_ours {
        a.button.solid href=(format!("{}/edit", path(id))) { "Edit" }
        (confirm(&visit, &format!("{}/delete", path(id)), "Delete", html! {
            input type="hidden" name="etag" value=(contact_etag(&contact));
            p { "Calls from this contact are those of a stranger then. It cannot be taken back." }
        }, "Delete the contact"))
    } };
    let numbers = |field: Field| match field {
        Field::Number(label) => contact.details.numbers.iter().find(|number| number.label == label),
        _ => None,
    };
    let content = html! {
        (trail(&[("/phonebooks", "Phonebooks"), ("/contacts", "All contacts")]))
        (page_head(&name, about, actions))
        div.columns {
            section.card {
                h2 { "What is known" }
                dl.facts {
                    @for (field, text) in fields(&contact) {
                        dt { (label(field.name())) }
                        dd { (text) @if let Some(number) = numbers(field) {
                            @let number = number.number.to_string();
                            @if number != text { div.faint { (number) } }
                        } }
                    }
                    dt { "Phonebooks" }
                    dd { @for id in &contact.phonebooks { @if let Some(name) = names.get(id) {
                        div { a href=(phonebooks::path(name.as_str())) { (name) } }
                    } } }
                    @if !contact.source_key.is_empty() { dt { "Source key" } dd { code { (contact.source_key) } } }
                    @if let Some(since) = &contact.missing_since { dt { "Not received since" } dd { (since) } }
                }
            }
            section.card {
                h2 { "Where calls go now" }
                (routes_table(&routes))
            }
        }
    };
    visit.page(Nav::Phonebooks, &name, content)
}

fn routes_table(routes: &[NumberRoute]) -> Markup {
    let heads = html! { th { "Calls from" } th { "Take the route" } th { span.spoken { "Do" } } };
    let rows = html! { @for route in routes { tr {
        td.text { (route.number.number) div.faint {
            @if route.trunk.is_empty() { "on any other trunk" } @else { "on trunk " (route.trunk) }
        } }
        td.text {
            @if route.route.is_empty() { span.faint { "none: the call handler decides" } }
            @else {
                a href=(super::routes::path(&route.route)) { (route.route) }
                @if let Some(to) = &route.destination {
                    div.faint { (label(to.destination_type.name())) " " (to.target) }
                }
            }
        }
        td { a href=(format!("/try?caller={}&trunk={}", segment(&route.number.number.to_string()), segment(&route.trunk))) { "Try" } }
    } } };
    html! {
        p.lead { "When they dial no particular number, in calls without attestation. Try one to add either." }
        (table("Where calls from this contact go", heads, rows))
    }
}
