//! How many contacts and phonebooks there may be, and how far runs can be taken back.

use maud::{Markup, html};

use super::{Part, SinglePage, whole};
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::show;
use crate::engine::{Engine, EngineError};
use crate::settings::{HistorySettings, LimitSettings, MAX_HISTORY_MEGABYTES, MAX_HISTORY_RUNS};

/// How much there is, and how much there may be.
pub(in crate::console) struct Used {
    contacts: u64,
    phonebooks: u64,
    limits: LimitSettings,
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl SinglePage for LimitSettings {
    const PART: Part = Part::Limits;
    const PATH: &'static str = "/settings/limits";
    const TITLE: &'static str = "Limits";
    const ABOUT: &'static str = "How many contacts and phonebooks there may be, of all sources and local ones together. \
        What is over a limit is refused before anything is written.";
    type Around = Used;

    fn around(engine: &Engine) -> Result<Used, EngineError> {
        let limits = engine.settings()?.limits;
        engine.read(|reading| {
            let phonebooks = reading.phonebooks()?.len() as u64;
            Ok(Used { contacts: reading.contact_count()?, phonebooks, limits })
        })
    }

    fn fields(&self) -> Vec<(String, String)> {
        let LimitSettings { extensions, contacts, phonebooks } = self;
        vec![
            ("limits.extensions".into(), text(*extensions)),
            ("limits.contacts".into(), text(*contacts)),
            ("limits.phonebooks".into(), text(*phonebooks)),
        ]
    }

    fn read(form: &mut Form) -> Option<Self> {
        let extensions = whole(form, "limits.extensions");
        let contacts = whole(form, "limits.contacts");
        let phonebooks = whole(form, "limits.phonebooks");
        form.is_fine().then_some(LimitSettings { extensions, contacts, phonebooks })
    }

    fn show(form: &Form, used: &Used) -> Markup {
        let Used { contacts, phonebooks, limits } = used;
        let of = |used: u64, most: u64| format!("{} of {}", show::number(used), show::number(most));
        html! {
            section.card {
                h2 { "Used now" }
                dl.facts {
                    dt { "Contacts" } dd { (of(*contacts, limits.max_contacts())) }
                    dt { "Phonebooks" } dd { (of(*phonebooks, limits.max_phonebooks().into())) }
                }
            }
            section.card.stack {
                h2 { "By the size of the telephone system" }
                (Control::number("limits.extensions", "Extensions").hint(
                    "Fewer than 1000 allow 200\u{202f}000 contacts and 200 phonebooks; 1000 or more, or nothing here, \
                     allow 500\u{202f}000 and 500.").show(form))
            }
            section.card.stack {
                h2 { "Or said outright" }
                div.fields.two {
                    (Control::number("limits.contacts", "Most contacts").hint("Empty: by the extensions.").show(form))
                    (Control::number("limits.phonebooks", "Most phonebooks").hint("Empty: by the extensions.").show(form))
                }
            }
        }
    }
}

impl SinglePage for HistorySettings {
    const PART: Part = Part::History;
    const PATH: &'static str = "/settings/history";
    const TITLE: &'static str = "History kept";
    const ABOUT: &'static str = "What runs changed is kept, so that it can be looked at and taken back. Whatever comes \
        first, the oldest runs' changes go first.";
    type Around = ();

    fn around(_: &Engine) -> Result<(), EngineError> {
        Ok(())
    }

    fn fields(&self) -> Vec<(String, String)> {
        vec![
            ("history.runs".into(), self.runs.to_string()),
            ("history.megabytes".into(), self.megabytes.to_string()),
        ]
    }

    fn read(form: &mut Form) -> Option<Self> {
        let runs = form.number("history.runs", &format!("a whole number, 0 to {MAX_HISTORY_RUNS}"));
        let megabytes =
            form.number("history.megabytes", &format!("a whole number of MiB, 0 to {MAX_HISTORY_MEGABYTES}"));
        Some(HistorySettings { runs: runs?, megabytes: megabytes? })
    }

    fn show(form: &Form, (): &()) -> Markup {
        html! { section.card.stack {
            (Control::number("history.runs", "Runs of each source").hint(
                "The changes of so many runs that changed something. 0 keeps none: then nothing can be rolled back.").show(form))
            (Control::number("history.megabytes", "Space for all together, in MiB").hint(
                "Half a million contacts that all change take about a third of 1024 MiB.").show(form))
        } }
    }
}
