//! Decisions: what became of the last calls.

use axum::extract::{Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::show::label;
use crate::console::visit::{Answer, Visit, segment};
use crate::console::widgets::{empty, lines, page_head, stat};
use crate::console::{Console, show};
use crate::engine::{DecidedCaller, Decision};

/// Most decisions on the page.
const SHOWN: usize = 200;

/// Which decisions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Wanted {
    route: String,
}

pub(in crate::console) async fn list(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let counts = console.engine.call_counts();
    let route = Some(wanted.route.as_str()).filter(|route| !route.is_empty());
    let decisions = console.engine.last_decisions(SHOWN, route);
    let form = Form::of([("route", wanted.route.clone())]);
    let mut options = vec![("", "all calls")];
    options.extend(counts.routes.iter().map(|(name, _)| (name.as_str(), name.as_str())));
    let calls: u64 = counts.routes.iter().map(|(_, calls)| calls).sum();
    let about = html! { "The last calls since the start, the latest first. Callers' numbers are masked unless the \
    settings show them." };
    let content = html! {
        (page_head("Decisions", about, html! {}))
        dl.stats {
            (stat("Calls that a route took", html! { (show::number(calls)) }, html! { "since the start" }))
            (stat("Calls that no route took", html! { (show::number(counts.unrouted)) }, html! { "since the start" }))
        }
        form.search method="get" action="/decisions" {
            (Control::text("route", "Taken by the route").select(&form, &options))
            button type="submit" { "Show" }
        }
        @if decisions.is_empty() {
            (empty("No call yet", "Every call that the call handler asks about is listed here.", html! {
                a.button href="/try" { "Try a call" }
            }))
        } @else { (rows(&decisions)) }
    };
    visit.page(Nav::Decisions, "Decisions", content)
}

fn rows(decisions: &[Decision]) -> Markup {
    let now = Timestamp::now();
    let heads = html! {
        th { "When" } th { "Caller" } th { "Dialled" } th { "Trunk" } th { "Route" } th { "Goes to" }
        th { span.spoken { "Do" } }
    };
    let rows = html! { @for decision in decisions { tr {
        td.nowrap { (show::moment(decision.at, now)) }
        td { (caller(decision)) }
        td.number.nowrap { @if !decision.did.is_empty() { span.head { "dialled " } (decision.did) } }
        td { @if !decision.trunk.is_empty() { span.head { "on " } (decision.trunk) } }
        td.text { span.head { "Route " } @match &decision.route {
            Some(route) => a href=(format!("/routes/{}", segment(route))) { (route) },
            None => span.faint { "none" },
        } }
        td.text { @if let Some((kind, target)) = &decision.destination { span.head { "to " } (label(kind.name())) " " (target) } }
        td.nowrap { a href=(again(decision)) { "Try again" } }
    } } };
    lines("Decisions", heads, rows)
}

fn caller(decision: &Decision) -> Markup {
    html! {
        @match &decision.caller {
            DecidedCaller::Matched(..) | DecidedCaller::NotMatched(_) => {
                span.number.nowrap { (decision.caller_number()) }
            }
            DecidedCaller::Withheld => span.faint { "withheld" },
            DecidedCaller::Invalid => span.faint { "no number" },
        }
        @match &decision.caller {
            DecidedCaller::Matched(_, contacts) => div.faint {
                (show::count(*contacts as u64, "contact", "contacts"))
            },
            DecidedCaller::NotMatched(_) => div.faint { "nobody we know" },
            DecidedCaller::Withheld | DecidedCaller::Invalid => {}
        }
    }
}

/// The same call, to be tried. A masked number cannot be: it is left to be typed.
fn again(decision: &Decision) -> String {
    let caller = decision.caller_number();
    let caller = match decision.caller {
        DecidedCaller::Withheld => Some("anonymous"),
        DecidedCaller::Invalid => None,
        _ => Some(caller.as_str()).filter(|caller| caller.chars().all(|c| c == '+' || c.is_ascii_digit())),
    };
    let caller = caller.map(|caller| format!("caller={}&", segment(caller))).unwrap_or_default();
    format!("/try?{caller}did={}&trunk={}", segment(&decision.did), segment(&decision.trunk))
}
