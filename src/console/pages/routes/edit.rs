//! Adding, changing and deleting inbound routes.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{path, route_form};
use crate::access::Permission;
use crate::console::Console;
use crate::console::control::below_errors;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{banner, confirm, page_head, trail};
use crate::engine::{EngineError, etag, is_same_name};
use crate::settings::InboundRoute;

const NEW: &str = "/new-route";

async fn page(
    console: &Console,
    visit: &Visit,
    action: &str,
    title: &str,
    form: &Form,
    before: Option<&InboundRoute>,
) -> Result<Markup, EngineError> {
    let (known, warnings) = console
        .read(|engine| {
            let phonebooks = engine.read(|reading| Ok::<_, EngineError>(reading.phonebooks()?))?;
            let names = phonebooks.into_iter().map(|phonebook| phonebook.name.as_str().to_owned()).collect();
            Ok((route_form::Known::of(&engine.settings()?, names), engine.route_warnings()))
        })
        .await?;
    let may = visit.may(Permission::Change);
    let about_it = before.map(|route| warnings.iter().filter(|warning| warning.route == route.name));
    Ok(html! {
        (trail(&[("/routes", "Inbound routes")]))
        (page_head(title, html! {}, html! {}))
        @for warning in about_it.into_iter().flatten() { (banner(Tone::Warning, &warning.message)) }
        (below_errors(form, html! {
            form.stack method="post" action=(action) {
                (visit.token_field())
                input type="hidden" name="etag" value=(form.raw("etag"));
                fieldset.stack disabled[!may] { (route_form::show(form, &known)) }
                @if may { div.actions.save {
                    button.solid type="submit" { "Save" }
                    a.button href="/routes" { "Cancel" }
                } }
            }
        }))
        @if let (true, Some(route)) = (may, before) {
            div.actions { (confirm(visit, &format!("{}/delete", path(&route.name)), "Delete the route", html! {
                input type="hidden" name="etag" value=(etag(route));
                p { "Calls that it takes go to the next route that fits." }
            }, "Delete")) }
        }
    })
}

/// Puts what the engine refuses at its field, if it is about the route that is edited.
fn refuse(form: &mut Form, name: &str, error: EngineError) -> Result<(), EngineError> {
    match error {
        EngineError::Route(problem) if problem.subject == format!("inbound route {name:?}") => {
            let field = match problem.field.split(['[', '.']).next().unwrap_or_default() {
                "destination" if problem.field.contains(".fallback") => "destination.fallback",
                "destination" if problem.field.ends_with(".type") => "destination.type",
                "destination" => "destination.target",
                "freshness" => "freshness.max_age_hours",
                field => field,
            };
            form.fail(field, problem.problem);
            Ok(())
        }
        error => form.refuse(error),
    }
}

pub(in crate::console) async fn new(State(console): State<Console>, visit: Visit) -> Answer {
    let form = Form::of([("enabled", "on"), ("destination.type", "ring_group")]);
    let content = page(&console, &visit, NEW, "Add an inbound route", &form, None).await?;
    visit.page(Nav::Routes, "Add an inbound route", content)
}

pub(in crate::console) async fn add(State(console): State<Console>, visit: Visit, fields: Fields) -> Answer {
    let mut form = Form::from(fields);
    if let Some(route) = route_form::read(&mut form) {
        let (name, actor) = (route.name.clone(), visit.actor());
        // At the end, where it takes nothing from the others.
        match console.edit(move |engine| engine.by(actor).create_route(route, 0)).await {
            Ok(_) => {
                let text = format!("The route \"{name}\" is there, as the last one. Try a call to see it.");
                return visit.done("/routes", Tone::Good, text);
            }
            Err(error) => refuse(&mut form, &name, error)?,
        }
    }
    let content = page(&console, &visit, NEW, "Add an inbound route", &form, None).await?;
    visit.refused(Nav::Routes, "Add an inbound route", content)
}

async fn find(console: &Console, name: String) -> Result<InboundRoute, EngineError> {
    console
        .read(move |engine| {
            let mut routes = engine.settings()?.inbound_routes.into_iter();
            let found = routes.find(|route| is_same_name(&route.name, &name));
            found.ok_or(EngineError::NotFound { what: "inbound route", name })
        })
        .await
}

pub(in crate::console) async fn edit(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let route = find(&console, name).await?;
    let form = route_form::of(&route, &etag(&route));
    let content = page(&console, &visit, &path(&route.name), &route.name, &form, Some(&route)).await?;
    visit.page(Nav::Routes, &route.name, content)
}

pub(in crate::console) async fn save(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let before = find(&console, name.clone()).await?;
    if let Some(route) = route_form::read(&mut form) {
        let actor = visit.actor();
        let (shown, tag, old) = (route.name.clone(), form.raw("etag").to_owned(), name.clone());
        match console.edit(move |engine| engine.by(actor).update_route(&old, route, &tag)).await {
            Ok(_) => return visit.done("/routes", Tone::Good, format!("The route \"{shown}\" is saved.")),
            Err(EngineError::ChangedMeanwhile { .. }) => {
                form.put("etag", etag(&before));
                form.general.push(
                    "Somebody else has changed this route since you opened it. What you typed is still here: open the \
                     route in another tab to see what they changed, or save again to replace it."
                        .to_owned(),
                );
            }
            Err(error) => refuse(&mut form, &shown, error)?,
        }
    }
    let content = page(&console, &visit, &path(&before.name), &before.name, &form, Some(&before)).await?;
    visit.refused(Nav::Routes, &before.name, content)
}

pub(in crate::console) async fn delete(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let tag = Form::from(fields).raw("etag").to_owned();
    let (deleted, actor) = (name.clone(), visit.actor());
    console.edit(move |engine| engine.by(actor).delete_route(&name, &tag)).await?;
    visit.done("/routes", Tone::Good, format!("The route \"{deleted}\" is deleted."))
}
