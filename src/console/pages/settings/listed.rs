//! Pages of what the settings have a list of, such as trunks: the list, and a form for each.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{CHANGED_MEANWHILE, Part, within};
use crate::access::Permission;
use crate::console::control::below_errors;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{confirm, empty, page_head, pages, table, trail};
use crate::console::{Console, show};
use crate::engine::{Engine, EngineError, etag, with_article};
use crate::settings::ListedPart;

/// How many are on one page.
const PAGE: usize = 100;

/// Something that the settings have a list of, as rows and as a form.
pub(in crate::console) trait ListedPage: ListedPart + Send + 'static {
    /// Which part of the settings it is.
    const PART: Part;
    /// The list.
    const PATH: &'static str;
    /// The form for a new one; not below the list, since one may be called `new`.
    const NEW: &'static str;
    /// The title of the list.
    const TITLE: &'static str;
    /// What it is for.
    const ABOUT: &'static str;
    /// What it is good for, where there is none yet.
    const NONE: &'static str;
    /// What becomes of calls, or of people, without it.
    const WITHOUT: &'static str;
    /// The field by which it is told from the others.
    const NAMED_BY: &'static str = "name";
    /// What else its pages show.
    type Around: Send + 'static;

    /// Reads that.
    fn around(engine: &Engine) -> Result<Self::Around, EngineError>;
    /// The heads of the columns, without that of its name.
    fn heads() -> Markup;
    /// The cells of its row, without that of its name.
    fn cells(&self, around: &Self::Around) -> Markup;
    /// What it is called on a page.
    fn title(&self) -> String {
        self.name()
    }
    /// What is offered while there is none yet.
    fn offer(_visit: &Visit, _around: &Self::Around) -> Markup {
        html! {}
    }
    /// What a search looks at.
    fn searched(&self) -> String;
    /// The fields of a new one.
    fn blank() -> Form;
    /// Its fields.
    fn fields(&self) -> Vec<(String, String)>;
    /// What a form says; what is wrong stands at its field.
    fn read(form: &mut Form) -> Option<Self>;
    /// The inside of the form.
    fn show(form: &Form, around: &Self::Around) -> Markup;
}

fn path<P: ListedPage>(name: &str) -> String {
    format!("{}/{}", P::PATH, segment(name))
}

fn all<P: ListedPage>(engine: &Engine) -> Result<Vec<P>, EngineError> {
    let mut settings = engine.settings()?;
    Ok(std::mem::take(P::list(&mut settings)))
}

fn find<P: ListedPage>(engine: &Engine, name: &str) -> Result<P, EngineError> {
    let found = all::<P>(engine)?.into_iter().find(|part| part.is_called(name));
    found.ok_or_else(|| EngineError::NotFound { what: P::WHAT, name: name.to_owned() })
}

fn form_of<P: ListedPage>(part: &P) -> Form {
    let tag = ("etag".to_owned(), etag(part));
    Form::of(part.fields().into_iter().chain([tag]))
}

/// What is looked for, and where a page of the list begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Search {
    query: String,
    after: String,
}

pub(in crate::console) async fn list<P: ListedPage>(
    State(console): State<Console>,
    visit: Visit,
    Query(search): Query<Search>,
) -> Answer {
    let (parts, around) = console.read(|engine| Ok((all::<P>(engine)?, P::around(engine)?))).await?;
    let wanted = search.query.trim().to_lowercase();
    let first = search.after.parse().unwrap_or(0);
    let total = parts.len();
    let found: Vec<&P> =
        parts.iter().filter(|part| part.searched().to_lowercase().contains(&wanted)).collect();
    let shown = found.iter().skip(first).take(PAGE);
    let query = segment(&search.query);
    let further = first.saturating_add(PAGE);
    let next = (found.len() > further).then(|| format!("{}?query={query}&after={further}", P::PATH));
    let begin = (first > 0).then(|| format!("{}?query={query}", P::PATH));
    let rows = html! { @for part in shown { tr {
        th scope="row" { a href=(path::<P>(&part.name())) { (part.title()) } }
        (part.cells(&around))
    } } };
    let add = html! { @if visit.may(Permission::Change) {
        a.button.solid href=(P::NEW) { "Add " (with_article(P::WHAT)) }
    } };
    let content = html! {
        (page_head(P::TITLE, html! { (P::ABOUT) }, add))
        @if total == 0 { (empty("None yet", P::NONE, P::offer(&visit, &around))) } @else {
            @if total > 10 || !wanted.is_empty() {
                form.search role="search" method="get" action=(P::PATH) data-search {
                    div.field {
                        label for="query" { "Search" }
                        input id="query" name="query" type="search" value=(search.query) autocomplete="off"
                            spellcheck="false" maxlength="128";
                    }
                    button type="submit" { "Search" }
                }
            }
            div.stack data-results {
                @if found.len() != total || total > PAGE {
                    p.faint { (show::number(found.len() as u64)) " of " (show::number(total as u64)) }
                }
                @if found.is_empty() { (empty("Nothing found", "No name or number has this in it.", html! {})) }
                @else { (table(P::TITLE, html! { th { "Name" } (P::heads()) }, rows)) }
                (pages(begin.as_deref(), next.as_deref()))
            }
        }
    };
    visit.page(Nav::Settings, P::TITLE, within(&visit, P::PART, content))
}

/// Puts what the engine refuses at its field.
fn refuse<P: ListedPage>(form: &mut Form, error: EngineError) -> Result<(), EngineError> {
    match error {
        EngineError::AlreadyExists { .. } => form.fail(P::NAMED_BY, error.to_string()),
        error => super::refuse(form, error)?,
    }
    Ok(())
}

async fn page<P: ListedPage>(
    console: &Console,
    visit: &Visit,
    form: &Form,
    before: Option<&P>,
) -> Result<(String, Markup), EngineError> {
    let around = console.read(|engine| P::around(engine)).await?;
    let may = visit.may(Permission::Change);
    let (title, action) = match before {
        Some(part) => (part.title(), path::<P>(&part.name())),
        None => (format!("Add {}", with_article(P::WHAT)), P::NEW.to_owned()),
    };
    let content = html! {
        (trail(&[(P::PATH, P::TITLE)]))
        (page_head(&title, html! {}, html! {}))
        (below_errors(form, html! {
            form.stack method="post" action=(action) {
                (visit.token_field())
                input type="hidden" name="etag" value=(form.raw("etag"));
                fieldset.stack disabled[!may] { (P::show(form, &around)) }
                @if may { div.actions.save {
                    button.solid type="submit" { "Save" }
                    a.button href=(P::PATH) { "Cancel" }
                } }
            }
        }))
        @if let (true, Some(part)) = (may, before) {
            div.actions { (confirm(visit, &format!("{}/delete", path::<P>(&part.name())), "Delete…", html! {
                input type="hidden" name="etag" value=(etag(part));
                p { (P::WITHOUT) }
            }, "Delete")) }
        }
    };
    Ok((title, within(visit, P::PART, content)))
}

pub(in crate::console) async fn new<P: ListedPage>(State(console): State<Console>, visit: Visit) -> Answer {
    let (title, content) = page::<P>(&console, &visit, &P::blank(), None).await?;
    visit.page(Nav::Settings, &title, content)
}

pub(in crate::console) async fn add<P: ListedPage>(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    if let Some(part) = P::read(&mut form) {
        let (title, actor) = (part.title(), visit.actor());
        match console.edit(move |engine| engine.by(actor).create_part(part)).await {
            Ok(_) => {
                return visit.done(P::PATH, Tone::Good, format!("The {} \"{title}\" is there.", P::WHAT));
            }
            Err(error) => refuse::<P>(&mut form, error)?,
        }
    }
    let (title, content) = page::<P>(&console, &visit, &form, None).await?;
    visit.refused(Nav::Settings, &title, content)
}

pub(in crate::console) async fn edit<P: ListedPage>(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let part = console.read(move |engine| find::<P>(engine, &name)).await?;
    let (title, content) = page(&console, &visit, &form_of(&part), Some(&part)).await?;
    visit.page(Nav::Settings, &title, content)
}

pub(in crate::console) async fn save<P: ListedPage>(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let old = name.clone();
    let before = console.read(move |engine| find::<P>(engine, &old)).await?;
    if let Some(part) = P::read(&mut form) {
        let (title, actor, tag) = (part.title(), visit.actor(), form.raw("etag").to_owned());
        match console.edit(move |engine| engine.by(actor).update_part(&name, part, &tag)).await {
            Ok(_) => {
                return visit.done(P::PATH, Tone::Good, format!("The {} \"{title}\" is saved.", P::WHAT));
            }
            Err(EngineError::ChangedMeanwhile { .. }) => {
                form.put("etag", etag(&before));
                form.general.push(CHANGED_MEANWHILE.to_owned());
            }
            Err(error) => refuse::<P>(&mut form, error)?,
        }
    }
    let (title, content) = page(&console, &visit, &form, Some(&before)).await?;
    visit.refused(Nav::Settings, &title, content)
}

pub(in crate::console) async fn delete<P: ListedPage>(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let tag = Form::from(fields).raw("etag").to_owned();
    let old = name.clone();
    let before = console.read(move |engine| find::<P>(engine, &old)).await?;
    let actor = visit.actor();
    let deleted = console.edit(move |engine| engine.by(actor).delete_part::<P>(&name, &tag)).await;
    let Err(error) = deleted else {
        return visit.done(
            P::PATH,
            Tone::Good,
            format!("The {} \"{}\" is deleted.", P::WHAT, before.title()),
        );
    };
    // Where it is still used is said on its page.
    let mut form = form_of(&before);
    match error {
        EngineError::ChangedMeanwhile { .. } => form.general.push(
            "Somebody else has changed this since you opened it, so it was not deleted. This is what it is now."
                .to_owned(),
        ),
        EngineError::Route(_) | EngineError::Settings(_) | EngineError::InUse { .. } => {
            form.general.push(format!("It was not deleted: {error}"));
        }
        error => return Err(error.into()),
    }
    let (title, content) = page(&console, &visit, &form, Some(&before)).await?;
    visit.refused(Nav::Settings, &title, content)
}
