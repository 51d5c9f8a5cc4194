//! Trunks: where calls come in, and how numbers are written there.

use maud::{Markup, html};

use super::{ListedPage, Part, lines, region, region_select};
use crate::console::control::Control;
use crate::console::form::Form;
use crate::engine::{Engine, EngineError};
use crate::settings::{NumberRule, Settings, Trunk};

/// Rows for further rules, beside those that there are.
const FREE_ROWS: usize = 2;
/// More rows are not looked at: there cannot be so many rules.
const MAX_ROWS: usize = 200;
/// Whose numbers the rules rewrite.
const CALLERS: &str = "Callers' numbers";
const DIALLED: &str = "Dialled numbers";
/// The columns of a rule.
const COLUMNS: [&str; 3] = ["pattern", "strip", "add"];

fn field(list: &str, row: usize, column: &str) -> String {
    format!("{list}.{row}.{column}")
}

/// How many rows a form has; those in which something stands come first.
fn rows(form: &Form, list: &str) -> usize {
    (0..MAX_ROWS).take_while(|row| form.is_ticked(&field(list, *row, COLUMNS[0]))).count()
}

fn rule_fields(list: &str, rules: &[NumberRule]) -> Vec<(String, String)> {
    let rules = rules.iter().map(|rule| [rule.pattern.clone(), rule.strip.to_string(), rule.add.clone()]);
    let free = std::iter::repeat_n(<[String; 3]>::default(), FREE_ROWS);
    let rows = rules.chain(free).enumerate();
    rows.flat_map(|(row, values)| {
        COLUMNS.into_iter().zip(values).map(move |(column, value)| (field(list, row, column), value))
    })
    .collect()
}

/// Reads the rules of a form. Rows that are empty are moved to the end, so that a rule has the place that errors
/// name.
fn read_rules(form: &mut Form, list: &str) -> Vec<NumberRule> {
    let all: Vec<[String; 3]> = (0..rows(form, list))
        .map(|row| COLUMNS.map(|column| form.text(&field(list, row, column)).to_owned()))
        .collect();
    let (filled, empty): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|row| row.iter().any(|value| !value.is_empty()));
    let mut rules = Vec::with_capacity(filled.len());
    for (row, values) in filled.iter().chain(&empty).enumerate() {
        for (column, value) in COLUMNS.into_iter().zip(values) {
            form.put(&field(list, row, column), value);
        }
    }
    for (row, [pattern, strip, add]) in filled.into_iter().enumerate() {
        let taken = match strip.is_empty() {
            true => Some(0),
            false => form.number(&field(list, row, "strip"), "how many characters to take away, 0 to 255"),
        };
        rules.push(NumberRule { pattern, strip: taken.unwrap_or_default(), add });
    }
    rules
}

fn show_rules(form: &Form, list: &str, whose: &str) -> Markup {
    html! {
        @for row in 0..rows(form, list) {
            @let names = COLUMNS.map(|column| field(list, row, column));
            @let pattern = format!("Rule {}: pattern", row + 1);
            @let rule = format!("{whose}, rule {}", row + 1);
            div.fields.rule {
                (Control::text(&names[0], &pattern).within(whose).show(form))
                (Control::number(&names[1], "Take away from the front").within(&rule).show(form))
                (Control::text(&names[2], "Put in front").within(&rule).show(form))
            }
        }
    }
}

impl ListedPage for Trunk {
    const PART: Part = Part::Trunks;
    const PATH: &'static str = "/settings/trunks";
    const NEW: &'static str = "/settings/new-trunk";
    const TITLE: &'static str = "Trunks";
    const ABOUT: &'static str = "Where calls come in. The call handler names the trunk with each call.";
    const NONE: &'static str =
        "Without one, all calls are read in the same way, and no route can ask where a call came in.";
    const WITHOUT: &'static str = "Calls that name this trunk are then read like those of no trunk. Routes that ask for it have to be changed first.";
    type Around = Settings;

    fn around(engine: &Engine) -> Result<Settings, EngineError> {
        engine.settings()
    }

    fn heads() -> Markup {
        html! { th { "Region" } th.number { "Rules" } th.number { "Routes" } }
    }

    fn cells(&self, settings: &Settings) -> Markup {
        let routes = settings.inbound_routes.iter().filter(|route| route.trunks.contains(&self.name)).count();
        html! {
            td { @match self.default_region {
                Some(region) => (region),
                None => span.faint { "the general one" },
            } }
            td.number { (self.caller_rules.len() + self.did_rules.len()) }
            td.number { (routes) }
        }
    }

    fn searched(&self) -> String {
        self.name.clone()
    }

    fn blank() -> Form {
        Form::of(Trunk::default().fields())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let region = self.default_region.map(|region| region.to_string()).unwrap_or_default();
        let mut fields = vec![
            ("name".to_owned(), self.name.clone()),
            ("default_region".to_owned(), region),
            ("withheld".to_owned(), self.withheld.join("\n")),
        ];
        fields.extend(rule_fields("caller_rules", &self.caller_rules));
        fields.extend(rule_fields("did_rules", &self.did_rules));
        fields
    }

    fn read(form: &mut Form) -> Option<Self> {
        let default_region = region(form, "default_region");
        let caller_rules = read_rules(form, "caller_rules");
        let did_rules = read_rules(form, "did_rules");
        form.is_fine().then(|| Trunk {
            name: form.text("name").to_owned(),
            default_region,
            caller_rules,
            did_rules,
            withheld: lines(form, "withheld"),
        })
    }

    fn show(form: &Form, settings: &Settings) -> Markup {
        let general = match settings.numbers.default_region {
            Some(region) => format!("The general one ({region})"),
            None => "The general one (none)".to_owned(),
        };
        html! {
            section.card.stack {
                div.fields.two {
                    (Control::text("name", "Name").required().hint(
                        "As the call handler sends it, with the same upper and lower case. Routes that ask for the trunk follow a new name.").show(form))
                    (region_select(form, "default_region", "Region", "Whose numbers come in without a country code.", &general))
                }
                (Control::text("withheld", "Withheld numbers").hint(
                    "What this trunk sends in place of a withheld number, one a line. anonymous and its like are known.").area(form, 2))
            }
            section.card.stack {
                h2 { (CALLERS) }
                p.lead { "Rewritten before anything else, by the first rule that fits: such as 0049X. , take away 4, put +49 in front." }
                (show_rules(form, "caller_rules", CALLERS))
            }
            section.card.stack {
                h2 { (DIALLED) }
                p.lead { "The same for the number that was dialled. Save to have room for more rules." }
                (show_rules(form, "did_rules", DIALLED))
            }
        }
    }
}
