//! Adding, changing and deleting contacts of local phonebooks.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};

use super::{Search, contact_id, fields, find, name_of, path};
use crate::console::Console;
use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::show::label;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{page_head, trail};
use crate::engine::{ContactEntry, EngineError, contact_etag};
use crate::phonebook::PhonebookOrigin;
use crate::source::rows::Field;

async fn local_phonebooks(console: &Console) -> Result<Vec<String>, EngineError> {
    let all =
        console.read(|engine| engine.read(|reading| Ok::<_, EngineError>(reading.phonebooks()?))).await?;
    let local = all.into_iter().filter(|phonebook| phonebook.origin == PhonebookOrigin::Local);
    Ok(local.map(|phonebook| phonebook.name.as_str().to_owned()).collect())
}

async fn page(
    console: &Console,
    visit: &Visit,
    action: &str,
    title: &str,
    form: &Form,
) -> Result<Markup, EngineError> {
    let phonebooks = local_phonebooks(console).await?;
    let choices: Vec<(&str, &str, &str)> =
        phonebooks.iter().map(|name| (name.as_str(), name.as_str(), "")).collect();
    let controls = |wanted: fn(Field) -> bool| {
        html! { div.fields.two { @for field in Field::OF_CONTACT.into_iter().filter(|field| wanted(*field)) {
            @let name = label(field.name());
            @if field == Field::Remark { (Control::text(field.name(), &name).area(form, 2)) }
            @else { (Control::text(field.name(), &name).show(form)) }
        } } }
    };
    let is_number = |field: Field| matches!(field, Field::Number(_));
    let is_name =
        |field: Field| matches!(field, Field::FirstName | Field::LastName | Field::Company | Field::Email);
    Ok(html! {
        (trail(&[("/phonebooks", "Phonebooks"), ("/contacts", "All contacts")]))
        (page_head(title, html! { "A name or company, and a phone number, are needed." }, html! {}))
        (below_errors(form, html! {
            form.stack method="post" action=(action) {
                (visit.token_field())
                input type="hidden" name="etag" value=(form.raw("etag"));
                section.card { h2 { "Who" } (controls(is_name)) }
                section.card { h2 { "Numbers" } (controls(is_number)) }
                section.card {
                    h2 { "More" }
                    (controls(|field| !matches!(field, Field::Number(_) | Field::FirstName | Field::LastName
                        | Field::Company | Field::Email)))
                }
                section.card { (Control::text("phonebooks", "In which phonebooks").choices(form, "checkbox", &choices)) }
                div.actions.save {
                    button.solid type="submit" { "Save" }
                    a.button href="/phonebooks" { "Cancel" }
                }
            }
        }))
    })
}

fn entry(form: &Form, known: &[String]) -> ContactEntry {
    let fields = Field::OF_CONTACT.into_iter().map(|field| (field, form.raw(field.name()).to_owned()));
    ContactEntry {
        fields: fields.collect(),
        phonebooks: known.iter().filter(|name| form.has("phonebooks", name)).cloned().collect(),
    }
}

/// Puts what the engine refuses at the fields that it is about.
fn refuse(form: &mut Form, error: EngineError) -> Result<(), EngineError> {
    match error {
        EngineError::BadContact { problems } => {
            problems.into_iter().for_each(|problem| form.fail(&problem.field, problem.problem));
            Ok(())
        }
        error => form.refuse(error),
    }
}

pub(in crate::console) async fn new(
    State(console): State<Console>,
    visit: Visit,
    Query(search): Query<Search>,
) -> Answer {
    let form = Form::of([("phonebooks", search.phonebook)]);
    let content = page(&console, &visit, "/contacts/new", "Add a contact", &form).await?;
    visit.page(Nav::Phonebooks, "Add a contact", content)
}

pub(in crate::console) async fn add(State(console): State<Console>, visit: Visit, fields: Fields) -> Answer {
    let mut form = Form::from(fields);
    let entry = entry(&form, &local_phonebooks(&console).await?);
    let actor = visit.actor();
    match console.edit(move |engine| engine.by(actor).create_contact(&entry)).await {
        Ok(made) => visit.done(&path(made.value), Tone::Good, "The contact is added; calls find it now."),
        Err(error) => {
            refuse(&mut form, error)?;
            let content = page(&console, &visit, "/contacts/new", "Add a contact", &form).await?;
            visit.refused(Nav::Phonebooks, "Add a contact", content)
        }
    }
}

pub(in crate::console) async fn edit(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let id = contact_id(&id)?;
    let contact = find(&console, id).await?;
    let names = console
        .read(|engine| engine.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?)))
        .await?;
    let mut values: Vec<(String, String)> =
        fields(&contact).into_iter().map(|(field, text)| (field.name().to_owned(), text)).collect();
    values.push(("etag".to_owned(), contact_etag(&contact)));
    let placed = contact.phonebooks.iter().filter_map(|id| names.get(id));
    values.extend(placed.map(|name| ("phonebooks".to_owned(), name.as_str().to_owned())));
    let title = format!("Edit {}", name_of(&contact));
    let action = format!("{}/edit", path(id));
    let content = page(&console, &visit, &action, &title, &Form::of(values)).await?;
    visit.page(Nav::Phonebooks, &title, content)
}

pub(in crate::console) async fn save(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let id = contact_id(&id)?;
    let mut form = Form::from(fields);
    let entry = entry(&form, &local_phonebooks(&console).await?);
    let etag = form.raw("etag").to_owned();
    let actor = visit.actor();
    match console.edit(move |engine| engine.by(actor).update_contact(id, &entry, &etag)).await {
        Ok(_) => visit.done(&path(id), Tone::Good, "The contact is saved; calls are answered by it now."),
        Err(error) => {
            if let EngineError::ChangedMeanwhile { .. } = error {
                form.put("etag", contact_etag(&find(&console, id).await?));
                form.general.push(
                    "Somebody else has changed this contact since you opened it. What you typed is still here: open \
                     the contact in another tab to see what they changed, or save again to replace it."
                        .to_owned(),
                );
            } else {
                refuse(&mut form, error)?;
            }
            let action = format!("{}/edit", path(id));
            let content = page(&console, &visit, &action, "Edit a contact", &form).await?;
            visit.refused(Nav::Phonebooks, "Edit a contact", content)
        }
    }
}

pub(in crate::console) async fn delete(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Answer {
    let id = contact_id(&id)?;
    let etag = Form::from(fields).raw("etag").to_owned();
    let actor = visit.actor();
    console.edit(move |engine| engine.by(actor).delete_contact(id, &etag)).await?;
    visit.done("/contacts", Tone::Good, "The contact is deleted.")
}
