//! Inbound routes: their order, what is probably not meant in them, and the way to each.

mod edit;
mod route_form;

use axum::extract::{Path, State};
use maud::{Markup, html};

use crate::access::Permission;
use crate::console::Console;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::show::label;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{badge, banner, empty, page_head};
use crate::engine::{EngineError, etag};
use crate::routing::RouteWarning;
use crate::settings::{Destination, InboundRoute};

pub(in crate::console) use edit::{add, delete, edit, new, save};

pub(in crate::console) fn path(name: &str) -> String {
    format!("/routes/{}", segment(name))
}

/// Where calls go, in words.
fn goes_to(destination: &Destination) -> String {
    let kind = label(destination.destination_type.name());
    let text = format!("{kind} {}", destination.target);
    match &destination.fallback {
        Some(fallback) => format!("{}, or else {}", text.trim(), goes_to(fallback)),
        None => text.trim().to_owned(),
    }
}

/// What a route asks for, each with its values.
fn criteria(route: &InboundRoute) -> Vec<(&'static str, String)> {
    let phonebooks: Vec<&str> = route.phonebooks.iter().map(|name| name.as_str()).collect();
    let times: Vec<&str> = route.times.iter().map(|time| time.condition.as_str()).collect();
    let attestation = route.attestation.map(|level| format!("{level:?} or better")).unwrap_or_default();
    let yes = |is_asked: bool| if is_asked { "yes".to_owned() } else { String::new() };
    let all = [
        ("Trunk", route.trunks.join(", ")),
        ("Dialled", route.dids.join(", ")),
        ("Caller", route.callers.join(", ")),
        ("In phonebook", phonebooks.join(", ")),
        ("Withheld", yes(route.withheld)),
        ("In no phonebook", yes(route.in_no_phonebook)),
        ("Attestation", attestation),
        ("Time", times.join(", ")),
    ];
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

pub(in crate::console) async fn list(State(console): State<Console>, visit: Visit) -> Answer {
    let (routes, warnings) =
        console.read(|engine| Ok((engine.settings()?.inbound_routes, engine.route_warnings()))).await?;
    let add =
        html! { @if visit.may(Permission::Change) { a.button.solid href="/new-route" { "Add a route" } } };
    let about = html! { "Tried from the first to the last; the first that fits takes the call." };
    let general = warnings.iter().filter(|warning| warning.route.is_empty());
    // What is changed is the order as it was seen.
    let seen = order_etag(&routes);
    let last = routes.len();
    let content = html! {
        (page_head("Inbound routes", about, add))
        @for warning in general { (banner(Tone::Warning, &warning.message)) }
        @if routes.is_empty() {
            (empty("No inbound route yet", "Without one, every call goes where the call handler sends it by itself.", html! {}))
        } @else {
            ol.plain-list data-order {
                @for (place, route) in routes.iter().enumerate() {
                    (row(&visit, route, place + 1, last, &warnings, &seen))
                }
            }
        }
    };
    visit.page(Nav::Routes, "Inbound routes", content)
}

/// Where a route stands on the page; who moved one by keyboard goes on from there.
fn place_id(position: usize) -> String {
    format!("route-{position}")
}

fn order_etag(routes: &[InboundRoute]) -> String {
    etag(&routes.iter().map(|route| &route.name).collect::<Vec<_>>())
}

fn row(
    visit: &Visit,
    route: &InboundRoute,
    position: usize,
    last: usize,
    warnings: &[RouteWarning],
    seen: &str,
) -> Markup {
    let mover = |to: usize, text: &str, sign: &str| {
        html! { @if (1..=last).contains(&to) {
            form.inline method="post" action=(format!("{}/move", path(&route.name))) {
                (visit.token_field())
                input type="hidden" name="order" value=(seen);
                button.quiet type="submit" name="position" value=(to)
                    aria-label=(format!("{text} {}", route.name)) { (sign) }
            }
        } }
    };
    html! {
        li.card.stack id=(place_id(position)) {
            div.page-head {
                div {
                    h2 {
                        // Only where there is a script to drag it with.
                        @if visit.may(Permission::Change) && last > 1 {
                            span.handle hidden aria-hidden="true" title="Drag to another place" { "⠿" } " "
                        }
                        span.faint.number { (position) ". " }
                        a href=(path(&route.name)) { (route.name) }
                        @if !route.enabled { " " (badge(Tone::Plain, "Off")) }
                    }
                    div.about { "Goes to " strong { (goes_to(&route.destination)) } }
                }
                @if visit.may(Permission::Change) { div.actions {
                    (mover(position.wrapping_sub(1), "Move up", "↑"))
                    (mover(position + 1, "Move down", "↓"))
                } }
            }
            dl.facts {
                @for (name, values) in criteria(route) { dt { (name) } dd { (values) } }
                @if criteria(route).is_empty() { dt { "Takes" } dd { "every call" } }
            }
            @if !route.note.is_empty() { p.faint { (route.note) } }
            @for warning in warnings.iter().filter(|warning| warning.route == route.name) {
                (banner(Tone::Warning, &warning.message))
            }
        }
    }
}

pub(in crate::console) async fn relocate(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let Some(position) = form.number::<usize>("position", "a position from 1").filter(|place| *place > 0)
    else {
        let problem = "is not a position from 1".to_owned();
        return Err(EngineError::BadRequest { field: "position".into(), problem }.into());
    };
    let seen = form.raw("order").to_owned();
    let (moved, actor) = (name.clone(), visit.actor());
    console
        .edit(move |engine| {
            if order_etag(&engine.settings()?.inbound_routes) != seen {
                return Err(EngineError::ChangedMeanwhile {
                    what: "the order of",
                    name: "the routes".into(),
                });
            }
            engine.by(actor).move_route(&name, position)
        })
        .await?;
    let to = format!("/routes#{}", place_id(position));
    visit.done(&to, Tone::Good, format!("\"{moved}\" is route {position} now."))
}
