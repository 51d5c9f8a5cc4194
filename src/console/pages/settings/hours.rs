//! Business hours, holidays, and other times that routes ask for.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{ListedPage, Part, lines};
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::visit::Tone;
use crate::console::widgets::badge;
use crate::engine::{Engine, EngineError};
use crate::settings::{ListedPart, Settings, TimeCondition};
use crate::snapshot::time_condition::CompiledTimeCondition;

impl ListedPage for TimeCondition {
    const PART: Part = Part::Hours;
    const PATH: &'static str = "/settings/hours";
    const NEW: &'static str = "/settings/new-hours";
    const TITLE: &'static str = "Hours and holidays";
    const ABOUT: &'static str = "Times with a name. A route can ask for them, and go elsewhere while one holds: closed on holidays, say.";
    const NONE: &'static str = "Add business hours and holidays, then choose them in a route.";
    const WITHOUT: &'static str = "Routes that ask for it have to be changed first.";
    type Around = Settings;

    fn around(engine: &Engine) -> Result<Settings, EngineError> {
        engine.settings()
    }

    fn heads() -> Markup {
        html! { th { "Now" } th { "Times" } th { "Time zone" } th.number { "Routes" } }
    }

    fn cells(&self, settings: &Settings) -> Markup {
        let (tone, now) = match CompiledTimeCondition::compile(self) {
            Ok(condition) if condition.rule_at(Timestamp::now()).is_some() => (Tone::Good, "Holds"),
            Ok(_) => (Tone::Plain, "Does not hold"),
            // An older version accepted it.
            Err(_) => (Tone::Bad, "Cannot work"),
        };
        let times: Vec<&str> = self.hours.iter().chain(&self.dates).map(String::as_str).collect();
        html! {
            td { (badge(tone, now)) }
            td.text {
                (times.iter().take(5).copied().collect::<Vec<_>>().join(", "))
                @if times.len() > 5 { span.faint { " and " (times.len() - 5) " more" } }
            }
            td { (self.time_zone) }
            td.number { (self.users(settings).len()) }
        }
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.name, self.hours.join(" "), self.dates.join(" "))
    }

    fn blank() -> Form {
        let here = jiff::tz::TimeZone::system();
        Form::of([("time_zone", here.iana_name().unwrap_or_default())])
    }

    fn fields(&self) -> Vec<(String, String)> {
        vec![
            ("name".into(), self.name.clone()),
            ("time_zone".into(), self.time_zone.clone()),
            ("hours".into(), self.hours.join("\n")),
            ("dates".into(), self.dates.join("\n")),
        ]
    }

    fn read(form: &mut Form) -> Option<Self> {
        Some(TimeCondition {
            name: form.text("name").to_owned(),
            time_zone: form.text("time_zone").to_owned(),
            hours: lines(form, "hours"),
            dates: lines(form, "dates"),
        })
    }

    fn show(form: &Form, _: &Settings) -> Markup {
        html! {
            section.card.stack {
                div.fields.two {
                    (Control::text("name", "Name").required().hint(
                        "Such as business hours. Routes that ask for it follow a new name.").show(form))
                    (Control::text("time_zone", "Time zone").required().list("zones").hint(
                        "By whose clock, such as Europe/Berlin. Daylight saving needs no rule.").show(form))
                }
                datalist id="zones" { @for zone in jiff::tz::db().available() { option value=(zone) {} } }
            }
            section.card.stack {
                p.lead { "It holds at a time that one of these lines has." }
                (Control::text("hours", "Times of the week").hint(
                    "One a line: mon-fri 09:00-17:30, sat,sun for whole days, fri 22:00-06:00 past midnight.").area(form, 4))
                (Control::text("dates", "Dates").hint(
                    "One a line: 2026-12-24, each year 12-25, a range 12-24..01-06, part of a day 12-31 00:00-14:00.").area(form, 6))
            }
        }
    }
}
