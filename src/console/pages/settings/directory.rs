//! Who may look contacts up, what they see, and with which apps.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{ListedPage, Part, SinglePage, lines};
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::visit::Tone;
use crate::console::widgets::badge;
use crate::engine::{Engine, EngineError};
use crate::phonebook::PhonebookName;
use crate::settings::{ClientPolicy, ClientVersion, Extension, UnnamedClients, VisibilityGrant};

impl ListedPage for Extension {
    const PART: Part = Part::Extensions;
    const PATH: &'static str = "/settings/extensions";
    const NEW: &'static str = "/settings/new-extension";
    const TITLE: &'static str = "Extensions";
    const ABOUT: &'static str = "Extensions with a name and groups. Ranges that need neither are listed among the destinations, and can be granted \
        phonebooks, too.";
    const NONE: &'static str = "An extension needs an entry here only for a name or groups.";
    const NAMED_BY: &'static str = "number";
    const WITHOUT: &'static str = "Its users see nothing any more, unless a range of destinations has it. Grants and routes that name it have to be changed first.";
    type Around = ();

    fn around(_: &Engine) -> Result<(), EngineError> {
        Ok(())
    }

    fn heads() -> Markup {
        html! { th { "Whose" } th { "Groups" } th { "Directory" } }
    }

    fn cells(&self, (): &()) -> Markup {
        html! {
            td.text { (self.name) }
            td.text { (self.groups.join(", ")) }
            td { @if self.enabled { (badge(Tone::Good, "On")) } @else { (badge(Tone::Plain, "Off")) } }
        }
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.number, self.name, self.groups.join(" "))
    }

    fn blank() -> Form {
        Form::of([("enabled", "on")])
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("number".to_owned(), self.number.clone()),
            ("name".to_owned(), self.name.clone()),
            ("groups".to_owned(), self.groups.join("\n")),
        ];
        fields.extend(self.enabled.then(|| ("enabled".to_owned(), "on".to_owned())));
        fields
    }

    fn read(form: &mut Form) -> Option<Self> {
        Some(Extension {
            number: form.text("number").to_owned(),
            name: form.text("name").to_owned(),
            enabled: form.is_ticked("enabled"),
            groups: lines(form, "groups"),
        })
    }

    fn show(form: &Form, (): &()) -> Markup {
        html! { section.card.stack {
            div.fields.two {
                (Control::text("number", "Number").required().hint(
                    "Such as 1001. Grants and routes that name it follow a new number.").show(form))
                (Control::text("name", "Whose").hint("For people, such as Ada Lovelace.").show(form))
            }
            (Control::text("groups", "Groups").hint("One a line. A group is there when an extension names it.").area(form, 3))
            (Control::text("enabled", "May use the directory").hint("Off, it sees nothing, and can still be called.").switch(form))
        } }
    }
}

/// What a grant can name.
pub(in crate::console) struct Known {
    phonebooks: Vec<String>,
    groups: Vec<String>,
}

impl ListedPage for VisibilityGrant {
    const PART: Part = Part::Grants;
    const PATH: &'static str = "/settings/grants";
    const NEW: &'static str = "/settings/new-grant";
    const TITLE: &'static str = "Who sees what";
    const ABOUT: &'static str =
        "Grants show phonebooks to extensions. They add up; what no grant shows is hidden.";
    const NONE: &'static str = "Extension users see no contact until a grant shows them a phonebook.";
    const WITHOUT: &'static str = "Those who see phonebooks by this grant alone see them no longer.";
    type Around = Known;

    fn around(engine: &Engine) -> Result<Known, EngineError> {
        let groups: BTreeSet<String> =
            engine.settings()?.extensions.into_iter().flat_map(|extension| extension.groups).collect();
        let phonebooks = engine.read(|reading| Ok::<_, EngineError>(reading.phonebooks()?))?;
        Ok(Known {
            phonebooks: phonebooks.iter().map(|phonebook| phonebook.name.as_str().to_owned()).collect(),
            groups: groups.into_iter().collect(),
        })
    }

    fn heads() -> Markup {
        html! { th { "Shows" } th { "To" } }
    }

    fn cells(&self, known: &Known) -> Markup {
        let missing = |name: &PhonebookName| {
            !known
                .phonebooks
                .iter()
                .any(|there| PhonebookName::parse(there).is_ok_and(|there| there.is_same_as(name)))
        };
        let to: Vec<String> = self
            .extensions
            .iter()
            .cloned()
            .chain(self.extension_groups.iter().map(|group| format!("group {group}")))
            .collect();
        html! {
            td.text { @if self.all_phonebooks { "every phonebook" } @else {
                @for (place, name) in self.phonebooks.iter().enumerate() {
                    @if place > 0 { ", " } (name)
                    @if missing(name) { " " (badge(Tone::Warning, "Not there")) }
                }
            } }
            td.text { @if self.all_extensions { "every extension" } @else { (to.join(", ")) } }
        }
    }

    fn searched(&self) -> String {
        let phonebooks: Vec<&str> = self.phonebooks.iter().map(PhonebookName::as_str).collect();
        let parts = [phonebooks.join(" "), self.extensions.join(" "), self.extension_groups.join(" ")];
        format!("{} {}", self.name, parts.join(" "))
    }

    fn blank() -> Form {
        Form::default()
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("name".to_owned(), self.name.clone()),
            ("extensions".to_owned(), self.extensions.join("\n")),
        ];
        fields.extend(self.phonebooks.iter().map(|name| ("phonebooks".to_owned(), name.as_str().to_owned())));
        fields.extend(self.extension_groups.iter().map(|name| ("extension_groups".to_owned(), name.clone())));
        for (name, is_on) in
            [("all_phonebooks", self.all_phonebooks), ("all_extensions", self.all_extensions)]
        {
            fields.extend(is_on.then(|| (name.to_owned(), "on".to_owned())));
        }
        fields
    }

    fn read(form: &mut Form) -> Option<Self> {
        let mut phonebooks = Vec::new();
        for text in form.all("phonebooks") {
            match PhonebookName::parse(&text) {
                Ok(name) => phonebooks.push(name),
                Err(error) => form.fail("phonebooks", error.to_string()),
            }
        }
        form.is_fine().then(|| VisibilityGrant {
            name: form.text("name").to_owned(),
            phonebooks,
            all_phonebooks: form.is_ticked("all_phonebooks"),
            extensions: lines(form, "extensions"),
            extension_groups: form.all("extension_groups"),
            all_extensions: form.is_ticked("all_extensions"),
        })
    }

    fn show(form: &Form, known: &Known) -> Markup {
        html! {
            section.card.stack { (Control::text("name", "Name").required().hint("Such as Sales for Berlin.").show(form)) }
            section.card.stack {
                h2 { "Shows" }
                (Control::text("all_phonebooks", "Every phonebook").hint(
                    "Also those to come. Then none is ticked below.").switch(form))
                (Control::text("phonebooks", "These phonebooks").ticks(form, &known.phonebooks))
            }
            section.card.stack {
                h2 { "To" }
                (Control::text("all_extensions", "Every extension").hint(
                    "Then no group is ticked and no extension named below.").switch(form))
                (Control::text("extension_groups", "These extension groups").ticks(form, &known.groups))
                (Control::text("extensions", "These extensions").hint("One a line: 1001, or a range 1000-1099.").area(form, 3))
            }
        }
    }
}

const PLATFORM: &str = "minimum_versions.";
const OTHER_PLATFORMS: &str = "other_platforms";

/// What a platform of the reference system is called.
fn platform(name: &str) -> String {
    match name {
        "linkus_android" => "Linkus Android".to_owned(),
        "linkus_ios" => "Linkus iOS".to_owned(),
        "linkus_mac" => "Linkus Mac".to_owned(),
        "linkus_windows" => "Linkus Windows".to_owned(),
        other => other.to_owned(),
    }
}

fn is_reference(name: &str) -> bool {
    ClientPolicy::default().minimum_versions.contains_key(name)
}

impl SinglePage for ClientPolicy {
    const PART: Part = Part::Clients;
    const PATH: &'static str = "/settings/clients";
    const TITLE: &'static str = "Clients";
    const ABOUT: &'static str =
        "The oldest version of each app that may use the directory. An older one is told to upgrade.";
    type Around = ();

    fn around(_: &Engine) -> Result<(), EngineError> {
        Ok(())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let (reference, others): (Vec<_>, Vec<_>) =
            self.minimum_versions.iter().partition(|(name, _)| is_reference(name));
        let mut fields: Vec<(String, String)> = reference
            .into_iter()
            .map(|(name, version)| (format!("{PLATFORM}{name}"), version.to_string()))
            .collect();
        let others: Vec<String> =
            others.into_iter().map(|(name, version)| format!("{name} = {version}")).collect();
        fields.push((OTHER_PLATFORMS.to_owned(), others.join("\n")));
        let unnamed = if self.unnamed_clients == UnnamedClients::Refused { "refused" } else { "allowed" };
        fields.push(("unnamed_clients".to_owned(), unnamed.to_owned()));
        fields
    }

    fn read(form: &mut Form) -> Option<Self> {
        let mut versions = BTreeMap::new();
        for name in ClientPolicy::default().minimum_versions.into_keys() {
            if let Some(version) = form.parse(&format!("{PLATFORM}{name}")) {
                versions.insert(name, version);
            }
        }
        for line in lines(form, OTHER_PLATFORMS) {
            let Some((name, version)) = line.split_once('=') else {
                form.fail(
                    OTHER_PLATFORMS,
                    format!("{line:?} has no =; such as desk_phone = 1.0 is expected"),
                );
                continue;
            };
            match version.trim().parse::<ClientVersion>() {
                Ok(_) if versions.contains_key(name.trim()) => {
                    form.fail(OTHER_PLATFORMS, format!("{:?} is there twice", name.trim()));
                }
                Ok(version) => drop(versions.insert(name.trim().to_owned(), version)),
                Err(error) => form.fail(OTHER_PLATFORMS, error.to_string()),
            }
        }
        let refused = form.text("unnamed_clients") == "refused";
        let unnamed = if refused { UnnamedClients::Refused } else { UnnamedClients::Allowed };
        form.is_fine().then(|| ClientPolicy::new(versions, unnamed))
    }

    fn show(form: &Form, (): &()) -> Markup {
        html! {
            section.card.stack {
                h2 { "Oldest versions" }
                p.lead { "0 is any version." }
                div.fields.two { @for name in ClientPolicy::default().minimum_versions.keys() {
                    @let field = format!("{PLATFORM}{name}");
                    @let text = platform(name);
                    (Control::text(&field, &text).short().show(form))
                } }
                (Control::text(OTHER_PLATFORMS, "Other platforms").hint("One a line: desk_phone = 1.0").area(form, 3))
            }
            section.card.stack {
                (Control::text("unnamed_clients", "Programs that do not say what they are").select(form, &[
                    ("allowed", "are answered"), ("refused", "are refused"),
                ]))
            }
        }
    }
}
