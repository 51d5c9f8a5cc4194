//! Destinations that exist, and how each kind is dialled.

use std::collections::BTreeMap;

use axum::extract::State;
use maud::{Markup, html};

use super::{ListedPage, Part, SinglePage};
use crate::access::Permission;
use crate::console::Console;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::show::label;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::act;
use crate::engine::{Engine, EngineError};
use crate::settings::{DestinationType, ListedDestination, RoutingSettings, Settings, UnlistedDestinations};

/// Kinds that are always possible, and so not listed.
const UNLISTED: [DestinationType; 3] =
    [DestinationType::ExternalNumber, DestinationType::HangUp, DestinationType::ContactExtension];

impl ListedPage for ListedDestination {
    const PART: Part = Part::Destinations;
    const PATH: &'static str = "/settings/destinations";
    const NEW: &'static str = "/settings/new-destination";
    const TITLE: &'static str = "Destinations";
    const ABOUT: &'static str = "What routes can go to. Numbers outside and hanging up are always possible. Extensions with a name have a page of their own.";
    const NONE: &'static str = "While none is listed, routes can go anywhere, and the call handler keeps its own list. With a list, a mistyped \
        number is noticed when the route is saved.";
    const NAMED_BY: &'static str = "target";
    const WITHOUT: &'static str = "Routes that go there have to be changed first.";
    type Around = Settings;

    fn around(engine: &Engine) -> Result<Settings, EngineError> {
        engine.settings()
    }

    fn heads() -> Markup {
        html! { th { "Kind" } th { "Number" } th { "Dialled as" } }
    }

    fn cells(&self, settings: &Settings) -> Markup {
        let template = settings.routing.dial_strings.get(&self.destination_type);
        html! {
            td { (label(self.destination_type.name())) }
            td { (self.target) }
            td { @match template {
                Some(template) => code { (template.replace("{target}", &self.target)) },
                None => span.faint { "as the call handler does" },
            } }
        }
    }

    fn title(&self) -> String {
        match self.name.is_empty() {
            true => format!("{} {}", label(self.destination_type.name()), self.target),
            false => self.name.clone(),
        }
    }

    fn offer(visit: &Visit, settings: &Settings) -> Markup {
        html! { @if visit.may(Permission::Change) && !settings.inbound_routes.is_empty() {
            p { "From the first one on, routes can only go to what is listed. So begin with all that they go to." }
            (act(visit, LIST_USED, "solid", "List what routes go to"))
        } }
    }

    fn searched(&self) -> String {
        format!("{} {} {}", label(self.destination_type.name()), self.target, self.name)
    }

    fn blank() -> Form {
        Form::of([("type", "ring_group")])
    }

    fn fields(&self) -> Vec<(String, String)> {
        vec![
            ("type".into(), self.destination_type.name().into()),
            ("target".into(), self.target.clone()),
            ("name".into(), self.name.clone()),
        ]
    }

    fn read(form: &mut Form) -> Option<Self> {
        let kind = form.text("type");
        let known = DestinationType::ALL.into_iter().find(|known| known.name() == kind);
        if known.is_none() {
            let problem = format!("{kind:?} is no kind of destination");
            form.fail("type", problem);
        }
        let (target, name) = (form.text("target").to_owned(), form.text("name").to_owned());
        Some(ListedDestination { destination_type: known?, target, name })
    }

    fn show(form: &Form, _: &Settings) -> Markup {
        let kinds = DestinationType::ALL.into_iter().filter(|kind| !UNLISTED.contains(kind));
        let kinds: Vec<(&str, String)> = kinds.map(|kind| (kind.name(), label(kind.name()))).collect();
        let kinds: Vec<(&str, &str)> = kinds.iter().map(|(value, name)| (*value, name.as_str())).collect();
        html! { section.card.stack {
            div.fields.two {
                (Control::text("type", "Kind").select(form, &kinds))
                (Control::text("target", "Number").required().hint(
                    "Such as 6300. Extensions may be a range: 1000-1999. Routes that go there follow a new number.").show(form))
            }
            (Control::text("name", "Name").hint("For people, such as Sales Berlin.").show(form))
        } }
    }
}

pub(in crate::console) const LIST_USED: &str = "/settings/list-destinations";

pub(in crate::console) async fn list_used(State(console): State<Console>, visit: Visit) -> Answer {
    let actor = visit.actor();
    console.edit(move |engine| engine.by(actor).list_used_destinations()).await?;
    visit.done(ListedDestination::PATH, Tone::Good, "Every destination that routes go to is listed now.")
}

fn dial_field(kind: DestinationType) -> String {
    format!("dial_strings.{}", kind.name())
}

/// What has a dial string: a contact's extension is dialled as any extension.
fn dialled() -> impl Iterator<Item = DestinationType> {
    DestinationType::ALL.into_iter().filter(|kind| *kind != DestinationType::ContactExtension)
}

impl SinglePage for RoutingSettings {
    const PART: Part = Part::DialStrings;
    const PATH: &'static str = "/settings/dial-strings";
    const TITLE: &'static str = "Dial strings";
    const ABOUT: &'static str = "What the call handler is told to dial for each kind of destination. Where nothing is given, it is told kind and \
        number, and knows by itself.";
    type Around = ();

    fn around(_: &Engine) -> Result<(), EngineError> {
        Ok(())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let unlisted = match self.unlisted_destinations {
            None => "",
            Some(UnlistedDestinations::Allowed) => "allowed",
            Some(UnlistedDestinations::Refused) => "refused",
        };
        let mut fields = vec![("unlisted_destinations".to_owned(), unlisted.to_owned())];
        fields.extend(self.shows_numbers.then(|| ("shows_numbers".to_owned(), "on".to_owned())));
        fields.extend(
            dialled()
                .map(|kind| (dial_field(kind), self.dial_strings.get(&kind).cloned().unwrap_or_default())),
        );
        fields
    }

    fn read(form: &mut Form) -> Option<Self> {
        let dial_strings: BTreeMap<_, _> =
            dialled().filter_map(|kind| Some((kind, form.optional(&dial_field(kind))?))).collect();
        let unlisted_destinations = match form.text("unlisted_destinations") {
            "allowed" => Some(UnlistedDestinations::Allowed),
            "refused" => Some(UnlistedDestinations::Refused),
            _ => None,
        };
        Some(RoutingSettings {
            unlisted_destinations,
            dial_strings,
            shows_numbers: form.is_ticked("shows_numbers"),
        })
    }

    fn show(form: &Form, (): &()) -> Markup {
        html! {
            section.card.stack {
                h2 { "Dialled as" }
                p.lead { code { "{target}" } " stands for the number: " code { "PJSIP/{target}" } "." }
                div.fields.two { @for kind in dialled() {
                    @let name = dial_field(kind);
                    @let text = label(kind.name());
                    (Control::text(&name, &text).show(form))
                } }
            }
            section.card.stack {
                h2 { "Checks and privacy" }
                (Control::text("unlisted_destinations", "Routes to destinations that are not listed").select(form, &[
                    ("", "are refused once any destination is listed"), ("allowed", "are always possible"),
                    ("refused", "are always refused"),
                ]))
                (Control::text("shows_numbers", "Decisions show callers' numbers whole")
                    .hint("Otherwise the last digits are masked.").switch(form))
            }
        }
    }
}
