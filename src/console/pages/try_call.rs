//! Try a call: who it would be, where it would go, and why, without calling anybody.

use axum::extract::{Query, State};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::attestation;
use crate::console::control::{Control, below_errors_of_question};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::show::label;
use crate::console::visit::{Answer, Tone, Visit, segment};
use crate::console::widgets::{badge, banner, page_head, table};
use crate::console::{Console, show};
use crate::matching::CallerMatch;
use crate::routing::{self, Call, Explanation, RouteDecision, Step};
use crate::snapshot::Snapshot;

/// Longest text of a call, in bytes; nothing that a network sends is as long.
const MAX_TEXT_BYTES: usize = 1024;

/// Most contacts that are named.
const MAX_NAMED: usize = 20;

/// The call that is tried.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Tried {
    caller: Option<String>,
    did: String,
    trunk: String,
    attestation: String,
    at: String,
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(tried): Query<Tried>,
) -> Answer {
    let mut form = Form::of([
        ("caller", tried.caller.clone().unwrap_or_default()),
        ("did", tried.did.clone()),
        ("trunk", tried.trunk.clone()),
        ("attestation", tried.attestation.clone()),
        ("at", tried.at.clone()),
    ]);
    for (name, text) in [
        ("caller", tried.caller.as_deref().unwrap_or_default()),
        ("did", &tried.did),
        ("trunk", &tried.trunk),
    ] {
        if text.len() > MAX_TEXT_BYTES {
            form.fail(name, format!("at most {MAX_TEXT_BYTES} bytes fit"));
        }
    }
    let attestation = attestation::read(&mut form);
    let at = match tried.at.trim() {
        "" => Some(Timestamp::now()),
        text => moment(text),
    };
    if at.is_none() {
        form.fail("at", "is no date and time, such as 2026-12-24 18:30");
    }
    let trunks = console.read(|engine| Ok(engine.settings()?.trunks)).await?;
    let trunks: Vec<String> = trunks.into_iter().map(|trunk| trunk.name).collect();
    let outcome = match (&tried.caller, at) {
        (Some(caller), Some(at)) if form.is_fine() => {
            let loaded = console.engine.snapshot();
            loaded.as_ref().map(|snapshot| {
                let call = Call { caller, did: &tried.did, trunk: &tried.trunk, attestation, at };
                let (decision, explanation) = routing::explain(snapshot, &call);
                outcome(snapshot, &decision, &explanation)
            })
        }
        _ => None,
    };
    let content = html! {
        (page_head("Try a call", html! { "Who would it be, where would it go, and why? Nobody is called." }, html! {}))
        (below_errors_of_question(&form, html! {
            form.card.stack method="get" action="/try" {
                div.fields.two {
                    (Control::text("caller", "Caller").hint("As the network gives it; empty is a withheld number.")
                        .placeholder("030 1234567").show(&form))
                    (Control::text("did", "Dialled number (DID)").placeholder("+49 30 23125000").show(&form))
                    (trunk_control(&form, &trunks))
                    (attestation::of_call(&form))
                    (Control::text("at", "Time").hint("On this server's clock; empty is now.")
                        .placeholder("2026-12-24 18:30").show(&form))
                }
                div.actions { button.solid type="submit" { "Try it" } }
            }
        }))
        @match outcome {
            Some(outcome) => (outcome),
            None if tried.caller.is_some() && form.is_fine() => (banner(Tone::Warning,
                "There is nothing to answer from yet: set up a source or a phonebook first.")),
            None => {}
        }
    };
    if form.is_fine() {
        visit.page(Nav::Try, "Try a call", content)
    } else {
        visit.refused(Nav::Try, "Try a call", content)
    }
}

fn trunk_control(form: &Form, trunks: &[String]) -> Markup {
    let mut options = vec![("", "any other")];
    options.extend(trunks.iter().map(|trunk| (trunk.as_str(), trunk.as_str())));
    let said = form.text("trunk");
    if !options.iter().any(|(value, _)| *value == said) {
        options.push((said, said));
    }
    Control::text("trunk", "Trunk").select(form, &options)
}

/// A moment on the server's clock.
fn moment(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.trim().replacen(' ', "T", 1).parse().ok()?;
    // A time that the clock skips in spring is taken for the one after it.
    TimeZone::system().to_ambiguous_timestamp(civil).compatible().ok()
}

fn outcome(snapshot: &Snapshot, decision: &RouteDecision<'_>, explanation: &Explanation) -> Markup {
    let destination = decision.destination.as_ref();
    html! {
        dl.stats {
            (stat("Caller", caller(&decision.caller_match)))
            (stat("Inbound route", html! { @match decision.route {
                Some(route) => a href=(format!("/routes/{}", segment(&route.name))) { (route.name) },
                None => "none",
            } }))
            (stat("Goes to", html! { @match destination {
                Some(to) => { (label(to.destination_type.name())) " " (to.target) }
                None => "the call handler's own default",
            } }))
            (stat("Generation", html! { (show::number(snapshot.generation().0)) }))
        }
        section.card.stack {
            h2 { "How it was read" }
            (reading(explanation))
            (contacts(snapshot, &decision.caller_match))
        }
        section.card.stack {
            h2 { "Why" }
            ol.plain-list.lines { @for step in &explanation.steps { (story(step)) } }
            @if decision.route.is_none() {
                p { "No inbound route takes the call, so the call handler does what it does without us." }
            }
        }
    }
}

fn stat(name: &str, value: Markup) -> Markup {
    html! { div.stat { dt { (name) } dd { strong { (value) } } } }
}

fn caller(found: &CallerMatch) -> Markup {
    html! { @match found {
        CallerMatch::Withheld => "withheld",
        found => @match (found.number(), found.contacts().len()) {
            (None, _) => "no number",
            (Some(number), 0) => { (number) ", nobody we know" }
            (Some(number), 1) => { (number) ", one contact" }
            (Some(number), many) => { (number) ", " (many) " contacts" }
        },
    } }
}

fn reading(explanation: &Explanation) -> Markup {
    let read = &explanation.reading;
    html! {
        dl.facts {
            @if !read.caller_forms.is_empty() { dt { "Caller" } dd { (read.caller_forms.join(", ")) } }
            @if let Some(text) = &read.rewritten_caller { dt { "Rewritten by the trunk" } dd { (text) } }
            @if !read.did_forms.is_empty() { dt { "Dialled" } dd { (read.did_forms.join(", ")) } }
            @if let Some(text) = &read.rewritten_did { dt { "Dialled, rewritten" } dd { (text) } }
            @if let Some(region) = read.region { dt { "Region" } dd { (String::from(region)) } }
            dt { "Time" } dd { (show::clock_time(read.at)) }
        }
    }
}

fn contacts(snapshot: &Snapshot, found: &CallerMatch) -> Markup {
    let index = snapshot.contacts();
    let heads = html! { th { "Contact" } th { "Company" } th { "Phonebooks" } };
    let rows = html! { @for posting in found.contacts().iter().take(MAX_NAMED) {
        @let contact = index.contact(posting.contact());
        tr {
            th scope="row" { a href=(format!("/contacts/{}", contact.id)) { (contact.display_name) } }
            td.text { (contact.company) }
            td.text { @for book in index.phonebooks_in(posting.phonebooks()) { div { (index.phonebook(*book).name) } } }
        }
    } };
    html! {
        @if !found.contacts().is_empty() {
            (table("Contacts that have the number", heads, rows))
            @if found.contacts().len() > MAX_NAMED { p.faint { "These are the first " (MAX_NAMED) "." } }
        }
    }
}

/// One route, as it was tried.
fn story(step: &Step) -> Markup {
    let (tone, text) = if step.taken { (Tone::Good, "takes the call") } else { (Tone::Plain, "does not") };
    html! {
        li {
            h3 { a href=(format!("/routes/{}", segment(&step.route))) { (step.route) } " " (badge(tone, text)) }
            ul.plain-list {
                @for outcome in &step.criteria {
                    li {
                        (badge(if outcome.held { Tone::Good } else { Tone::Warning }, if outcome.held { "yes" } else { "no" }))
                        " " strong { (label(outcome.criterion)) }
                        @if !outcome.compared.is_empty() { " " code { (outcome.compared) } }
                        div.faint { (outcome.why) }
                    }
                }
            }
            @if !step.destination_why.is_empty() { p { (step.destination_why) } }
        }
    }
}
