//! Pages of what the settings have once, such as the limits: one form each.

use axum::extract::State;
use maud::{Markup, html};

use super::{CHANGED_MEANWHILE, Part, within};
use crate::access::Permission;
use crate::console::Console;
use crate::console::control::below_errors;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::page_head;
use crate::engine::{Engine, EngineError, etag};
use crate::settings::SinglePart;

/// Something that the settings have once, as a form.
pub(in crate::console) trait SinglePage: SinglePart + Send + 'static {
    /// Which part of the settings it is.
    const PART: Part;
    /// Its page.
    const PATH: &'static str;
    /// The title of its page.
    const TITLE: &'static str;
    /// What it is for.
    const ABOUT: &'static str;
    /// What else its page shows.
    type Around: Send + 'static;

    /// Reads that.
    fn around(engine: &Engine) -> Result<Self::Around, EngineError>;
    /// Its fields.
    fn fields(&self) -> Vec<(String, String)>;
    /// What a form says; what is wrong stands at its field.
    fn read(form: &mut Form) -> Option<Self>;
    /// The inside of the form.
    fn show(form: &Form, around: &Self::Around) -> Markup;
}

/// As it is stored.
pub(super) fn stored<P: SinglePage>(engine: &Engine) -> Result<P, EngineError> {
    let mut settings = engine.settings()?;
    Ok(P::of(&mut settings).clone())
}

pub(super) fn form_of<P: SinglePage>(part: &P) -> Form {
    let tag = ("etag".to_owned(), etag(part));
    Form::of(part.fields().into_iter().chain([tag]))
}

/// The page: the form, with `more` in it, first.
pub(super) async fn content<P: SinglePage>(
    console: &Console,
    visit: &Visit,
    form: &Form,
    more: Markup,
) -> Result<Markup, EngineError> {
    let around = console.read(|engine| P::around(engine)).await?;
    let may = visit.may(Permission::Change);
    let content = html! {
        (page_head(P::TITLE, html! { (P::ABOUT) }, html! {}))
        (below_errors(form, html! {
            form.stack method="post" action=(P::PATH) {
                (visit.token_field())
                input type="hidden" name="etag" value=(form.raw("etag"));
                (more)
                fieldset.stack disabled[!may] { (P::show(form, &around)) }
                @if may { div.actions.save {
                    button.solid type="submit" { "Save" }
                    a.button href=(P::PATH) { "Cancel" }
                } }
            }
        }))
    };
    Ok(within(visit, P::PART, content))
}

pub(in crate::console) async fn show<P: SinglePage>(State(console): State<Console>, visit: Visit) -> Answer {
    let form = form_of(&console.read(|engine| stored::<P>(engine)).await?);
    let content = content::<P>(&console, &visit, &form, html! {}).await?;
    visit.page(Nav::Settings, P::TITLE, content)
}

pub(in crate::console) async fn save<P: SinglePage>(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    if let Some(part) = P::read(&mut form)
        && update(&console, &visit, &mut form, part).await?
    {
        return visit.done(P::PATH, Tone::Good, "Saved. It holds from now on.");
    }
    let content = content::<P>(&console, &visit, &form, html! {}).await?;
    visit.refused(Nav::Settings, P::TITLE, content)
}

/// Saves it; if that is refused, the form says why.
pub(super) async fn update<P: SinglePage>(
    console: &Console,
    visit: &Visit,
    form: &mut Form,
    part: P,
) -> Result<bool, EngineError> {
    let (actor, tag) = (visit.actor(), form.raw("etag").to_owned());
    match console.edit(move |engine| engine.by(actor).update_single(part, &tag)).await {
        Ok(_) => return Ok(true),
        Err(EngineError::ChangedMeanwhile { .. }) => {
            form.put("etag", etag(&console.read(|engine| stored::<P>(engine)).await?));
            form.general.push(CHANGED_MEANWHILE.to_owned());
        }
        Err(error) => super::refuse(form, error)?,
    }
    Ok(false)
}
