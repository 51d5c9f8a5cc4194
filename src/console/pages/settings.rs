//! Settings: the way to each part of them, and the frame that their pages have in common.

pub(in crate::console) mod audit;
pub(in crate::console) mod backup;
mod destinations;
mod directory;
pub(in crate::console) mod export;
mod hours;
pub(in crate::console) mod import;
mod limits;
mod listed;
pub(in crate::console) mod mail;
mod numbers;
mod once;
mod single;
pub(in crate::console) mod tokens;
mod trunks;
pub(in crate::console) mod users;

use axum::extract::State;
use maud::{Markup, html};

use crate::access::Permission;
use crate::console::Console;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Visit};
use crate::console::widgets::page_head;
use crate::engine::EngineError;

use crate::phone_number::Region;
use crate::snapshot::RouteError;

use listed::ListedPage;
use single::SinglePage;

pub(in crate::console) use destinations::{LIST_USED, list_used};
pub(in crate::console) use listed::{add, delete, edit, list, new, save};
pub(in crate::console) use numbers::{collisions, save as save_numbers};
pub(in crate::console) use single::{save as save_single, show as show_single};

/// What whoever saves after somebody else is told.
const CHANGED_MEANWHILE: &str = "Somebody else has changed this since you opened it. What you typed is still here: open \
    the page in another tab to see what they changed, or save again to replace it.";

/// A part of the settings. A new one is added here and in [`GROUPS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Part {
    Numbers,
    Limits,
    History,
    Trunks,
    Destinations,
    DialStrings,
    Hours,
    Extensions,
    Grants,
    Clients,
    Users,
    Tokens,
    Mail,
    Audit,
    Export,
}

/// An entry of the navigation between settings.
struct Entry {
    part: Part,
    path: &'static str,
    name: &'static str,
    about: &'static str,
    takes: Permission,
}

const fn entry(
    part: Part,
    path: &'static str,
    name: &'static str,
    about: &'static str,
    takes: Permission,
) -> Entry {
    Entry { part, path, name, about, takes }
}

/// All parts, in groups.
const GROUPS: [(&str, &[Entry]); 3] = [
    (
        "Calls",
        &[
            entry(
                Part::Numbers,
                "/settings/numbers",
                "Numbers",
                "The region of numbers, and matching by their last digits.",
                Permission::Read,
            ),
            entry(
                Part::Trunks,
                "/settings/trunks",
                "Trunks",
                "Where calls come in, and how numbers are written there.",
                Permission::Read,
            ),
            entry(
                Part::Destinations,
                "/settings/destinations",
                "Destinations",
                "Ring groups, queues, IVRs and what else routes can go to.",
                Permission::Read,
            ),
            entry(
                Part::DialStrings,
                "/settings/dial-strings",
                "Dial strings",
                "What the call handler dials for each kind of destination.",
                Permission::Read,
            ),
            entry(
                Part::Hours,
                "/settings/hours",
                "Hours and holidays",
                "Business hours, holidays and other times that routes ask for.",
                Permission::Read,
            ),
        ],
    ),
    (
        "Directory",
        &[
            entry(
                Part::Extensions,
                "/settings/extensions",
                "Extensions",
                "The people who look contacts up, and their groups.",
                Permission::Read,
            ),
            entry(
                Part::Grants,
                "/settings/grants",
                "Who sees what",
                "Which phonebooks are shown to which extensions.",
                Permission::Read,
            ),
            entry(
                Part::Clients,
                "/settings/clients",
                "Clients",
                "The oldest versions of apps that may use the directory.",
                Permission::Read,
            ),
        ],
    ),
    (
        "System",
        &[
            entry(
                Part::Limits,
                "/settings/limits",
                "Limits",
                "How many contacts and phonebooks there may be.",
                Permission::Read,
            ),
            entry(
                Part::History,
                "/settings/history",
                "History kept",
                "How far runs can be looked at and taken back.",
                Permission::Read,
            ),
            entry(
                Part::Users,
                "/settings/users",
                "Users",
                "Who may open this console, and what they may do.",
                Permission::Access,
            ),
            entry(
                Part::Tokens,
                "/settings/tokens",
                "Tokens",
                "What programs need to be answered.",
                Permission::Access,
            ),
            entry(
                Part::Mail,
                "/settings/mail",
                "Mail and webhooks",
                "How people and programs are told, and a test of it.",
                Permission::Read,
            ),
            entry(Part::Audit, "/settings/audit", "Audit", "Who changed what, and when.", Permission::Access),
            entry(
                Part::Export,
                "/settings/export",
                "Export and backup",
                "All settings as one file, to take away and to bring back.",
                Permission::Read,
            ),
        ],
    ),
];

/// A page of the settings: the ways to the others beside what it has itself.
pub(super) fn within(visit: &Visit, part: Part, content: Markup) -> Markup {
    html! {
        div.settings {
            nav.parts aria-label="Settings" {
                @for (group, entries) in shown(visit) {
                    div {
                        p { (group) }
                        ul { @for entry in entries { li {
                            a href=(entry.path) aria-current=[(entry.part == part).then_some("page")] { (entry.name) }
                        } } }
                    }
                }
            }
            div.stack { (content) }
        }
    }
}

/// What whoever looks may open.
fn shown(visit: &Visit) -> Vec<(&'static str, Vec<&'static Entry>)> {
    let groups = GROUPS.iter().map(|(group, entries)| {
        (*group, entries.iter().filter(|entry| visit.may(entry.takes)).collect::<Vec<_>>())
    });
    groups.filter(|(_, entries)| !entries.is_empty()).collect()
}

/// `/settings`: what there is to set.
pub(in crate::console) async fn index(State(_): State<Console>, visit: Visit) -> Answer {
    let about =
        html! { "Everything but sources, phonebooks and inbound routes, which have pages of their own." };
    let content = html! {
        (page_head("Settings", about, html! {}))
        @for (group, entries) in shown(&visit) {
            section.stack aria-label=(group) {
                h2 { (group) }
                ul.tiles { @for entry in entries { li.card {
                    h3 { a href=(entry.path) { (entry.name) } }
                    p.faint { (entry.about) }
                } } }
            }
        }
    };
    visit.page(Nav::Settings, "Settings", content)
}

/// A whole number, or nothing.
fn whole<T: std::str::FromStr>(form: &mut Form, name: &str) -> Option<T> {
    form.optional(name)?;
    form.number(name, "a whole number that is possible here; leave it empty for none")
}

/// The lines of a field, without empty ones.
fn lines(form: &Form, name: &str) -> Vec<String> {
    let lines = form.raw(name).lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// A region, or none.
fn region(form: &mut Form, name: &str) -> Option<Region> {
    form.optional(name)?;
    form.parse(name)
}

/// The field for a region: every one with its country code, after what it means to choose none.
fn region_select(form: &Form, name: &str, text: &str, hint: &str, none: &str) -> Markup {
    let told = |region: Region| match region.country_code() {
        Some(code) => format!("{region} (+{code})"),
        None => region.to_string(),
    };
    let mut all: Vec<(String, String)> =
        Region::all().map(|region| (region.to_string(), told(region))).collect();
    all.sort();
    let all = all.iter().map(|(value, name)| (value.as_str(), name.as_str()));
    let options: Vec<(&str, &str)> = std::iter::once(("", none)).chain(all).collect();
    Control::text(name, text).hint(hint).select(form, &options)
}

/// A field of boxes of which none is sent when none is ticked.
const TICKED: &str = "phonebooks";

/// Puts what the engine refuses at its field. Settings are checked as a whole: what is wrong with something else
/// because of them, such as an inbound route, is told above the form, by its name.
fn refuse(form: &mut Form, error: EngineError) -> Result<(), EngineError> {
    let (subject, field, problem) = match error {
        EngineError::Route(RouteError { subject, field, problem }) => (subject, field, problem),
        error => return form.refuse(error),
    };
    // `caller_rules[2].add` is in a row of its own, `hours[2]` is a line of a field.
    let at = match field.split_once("].") {
        Some((list, rest)) => format!("{}.{rest}", list.replace('[', ".")),
        None => field.split('[').next().unwrap_or_default().to_owned(),
    };
    // Nothing else than a route is about other things than itself: only what is edited can have become wrong.
    match !subject.starts_with("inbound route") && (form.is_ticked(&at) || at == TICKED) {
        true => form.fail(&at, problem),
        false => form.general.push(format!("{subject}, {field}: {problem}")),
    }
    Ok(())
}
