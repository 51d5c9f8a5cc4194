//! How numbers are read and compared. Before matching by last digits is turned on, or takes fewer of them, it is said
//! who would be mixed up.

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Part, SinglePage, region, region_select, single, within};
use crate::access::Permission;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::pages::contacts;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{banner, empty, page_head, pages, table, trail};
use crate::console::{Console, show};
use crate::engine::{Engine, EngineError, LastDigitsCollision, LastDigitsCount};
use crate::phone_number::MAX_DIGITS;
use crate::settings::{MIN_LAST_DIGITS, NumberSettings};

const COLLISIONS: &str = "/settings/numbers/collisions";
/// How many collisions are on a page of them.
const PAGE: usize = 50;
/// How many are shown when it is asked whether they are meant.
const SHOWN: usize = 5;
/// With so many last digits, whoever saves has seen who would be mixed up.
const SEEN: &str = "seen";

impl SinglePage for NumberSettings {
    const PART: Part = Part::Numbers;
    const PATH: &'static str = "/settings/numbers";
    const TITLE: &'static str = "Numbers";
    const ABOUT: &'static str = "How numbers are read and compared, for every call and every contact.";
    type Around = Vec<LastDigitsCount>;

    fn around(engine: &Engine) -> Result<Self::Around, EngineError> {
        Ok(engine.last_digits_counts())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let region = self.default_region.map(|region| region.to_string()).unwrap_or_default();
        let digits = if self.last_digits == 0 { String::new() } else { self.last_digits.to_string() };
        vec![("numbers.default_region".into(), region), ("numbers.last_digits".into(), digits)]
    }

    fn read(form: &mut Form) -> Option<Self> {
        let default_region = region(form, "numbers.default_region");
        let expected = format!("how many digits, {MIN_LAST_DIGITS} to {MAX_DIGITS}; leave it empty for off");
        let last_digits = match form.optional("numbers.last_digits") {
            None => Some(0),
            Some(_) => form.number("numbers.last_digits", &expected),
        };
        last_digits
            .filter(|_| form.is_fine())
            .map(|last_digits| NumberSettings { default_region, last_digits })
    }

    fn show(form: &Form, counts: &Self::Around) -> Markup {
        let off = [("", "Off: only whole numbers match")];
        let choices: Vec<(String, String)> = counts
            .iter()
            .map(|count| (count.digits.to_string(), format!("The last {} digits", count.digits)))
            .collect();
        let choices: Vec<(&str, &str)> = off
            .into_iter()
            .chain(choices.iter().map(|(value, name)| (value.as_str(), name.as_str())))
            .collect();
        let rows = html! { @for LastDigitsCount { digits, collisions, contacts } in counts { tr {
            th scope="row" { (digits) }
            td.number { (show::number(*contacts)) }
            td.number { @if *collisions == 0 { "0" } @else {
                a href=(format!("{COLLISIONS}?digits={digits}")) { (show::number(*collisions))
                    span.spoken { " endings at " (digits) " digits: who they are" } }
            } }
        } } };
        let heads = html! { th { "Last digits" } th.number { "Contacts mixed up" } th.number { "Endings they share" } };
        html! {
            section.card.stack {
                h2 { "Region" }
                (region_select(form, "numbers.default_region", "Region of numbers without a country code",
                    "A trunk or a source can have another. Sources are read with a new region at their next run.",
                    "None: such numbers stay plain digits"))
            }
            section.card.stack {
                h2 { "Matching by last digits" }
                p.lead { "A caller whose whole number no contact has is taken for the contacts whose numbers end alike: for \
                    networks that send numbers in part. Never across two known country codes." }
                @if counts.is_empty() {
                    (Control::number("numbers.last_digits", "Last digits").hint("Empty: off.").show(form))
                } @else {
                    (Control::text("numbers.last_digits", "A caller matches by").select(form, &choices))
                    h3 { "Who would be mixed up" }
                    p.faint { "Contacts whose numbers end alike: a caller with such a number is taken for all of them." }
                    (table("Contacts that would be mixed up", heads, rows))
                }
            }
        }
    }
}

fn collision_rows(collisions: &[LastDigitsCollision]) -> Markup {
    html! { @for collision in collisions { tr {
        th scope="row" {
            span.nowrap { "…" (collision.ending) }
            @if let Some(code) = collision.country_code { br; span.faint { "+" (code) } }
        }
        td.text { ul.plain-list {
            @for contact in &collision.contacts { li {
                a href=(contacts::path(contact.id)) { (name_of(&contact.display_name, &contact.company)) }
                " " span.faint.number { (contact.number) }
            } }
            @let more = collision.contact_count.saturating_sub(collision.contacts.len() as u64);
            @if more > 0 { li.faint { "and " (show::number(more)) " more" } }
        } }
    } } }
}

fn name_of(display_name: &str, company: &str) -> String {
    match (display_name.is_empty(), company.is_empty() || company == display_name) {
        (true, _) => "without a name".to_owned(),
        (false, true) => display_name.to_owned(),
        (false, false) => format!("{display_name}, {company}"),
    }
}

fn collision_table(collisions: &[LastDigitsCollision]) -> Markup {
    let heads = html! { th { "Ending" } th { "Contacts" } };
    table("Contacts whose numbers end alike", heads, collision_rows(collisions))
}

/// Whom it would mix up, and that this has to be meant; nothing if nobody, or if it was seen.
async fn question(
    console: &Console,
    form: &mut Form,
    wanted: &NumberSettings,
) -> Result<Option<Markup>, EngineError> {
    let digits = wanted.last_digits;
    let (counts, stored) = console
        .read(|engine| Ok((engine.last_digits_counts(), single::stored::<NumberSettings>(engine)?)))
        .await?;
    let is_wider = digits > 0 && (stored.last_digits == 0 || digits < stored.last_digits);
    let count = counts.into_iter().find(|count| count.digits == digits).filter(|count| count.collisions > 0);
    let Some(count) = count.filter(|_| is_wider && form.raw(SEEN) != digits.to_string()) else {
        return Ok(None);
    };
    let (collisions, _) = console.read(move |engine| engine.last_digits_collisions(digits, 0, SHOWN)).await?;
    form.put(SEEN, digits.to_string());
    let contacts = show::count(count.contacts, "contact", "contacts");
    let text = format!(
        "Not saved yet. With the last {digits} digits, {contacts} would be mixed up: a caller with one of their endings is \
         taken for all who share it. Save again to turn it on."
    );
    Ok(Some(html! {
        section.card.stack {
            (banner(Tone::Warning, &text))
            (collision_table(&collisions))
            @if count.collisions > SHOWN as u64 {
                p { a href=(format!("{COLLISIONS}?digits={digits}")) {
                    "All " (show::count(count.collisions, "ending", "endings"))
                } }
            }
        }
        input type="hidden" name=(SEEN) value=(digits);
    }))
}

pub(in crate::console) async fn save(State(console): State<Console>, visit: Visit, fields: Fields) -> Answer {
    let mut form = Form::from(fields);
    let mut more = html! {};
    if let Some(numbers) = NumberSettings::read(&mut form) {
        match question(&console, &mut form, &numbers).await? {
            Some(asked) => more = asked,
            None if single::update(&console, &visit, &mut form, numbers).await? => {
                return visit.done(NumberSettings::PATH, Tone::Good, "Saved. It holds from now on.");
            }
            None => {}
        }
    }
    let content = single::content::<NumberSettings>(&console, &visit, &form, more).await?;
    visit.refused(Nav::Settings, NumberSettings::TITLE, content)
}

/// Which collisions are looked at.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Asked {
    #[serde(default)]
    digits: String,
    #[serde(default)]
    after: String,
}

pub(in crate::console) async fn collisions(
    State(console): State<Console>,
    visit: Visit,
    Query(Asked { digits, after }): Query<Asked>,
) -> Answer {
    let digits = digits.parse().unwrap_or(MIN_LAST_DIGITS);
    let skipped = after.parse().unwrap_or(0);
    let (found, has_more) =
        console.read(move |engine| engine.last_digits_collisions(digits, skipped, PAGE)).await?;
    let title = format!("Contacts with the same last {digits} digits");
    let here = format!("{COLLISIONS}?digits={digits}");
    let next = has_more.then(|| format!("{here}&after={}", skipped.saturating_add(PAGE)));
    let about =
        html! { "Those of most contacts first. Numbers of two known countries never match by last digits." };
    let content = html! {
        (trail(&[(NumberSettings::PATH, NumberSettings::TITLE)]))
        (page_head(&title, about, html! {}))
        @if found.is_empty() {
            (empty("Nobody would be mixed up", "No two contacts have numbers that end alike in so many digits.", html! {}))
        } @else { (collision_table(&found)) }
        (pages((skipped > 0).then_some(here.as_str()), next.as_deref()))
        @if visit.may(Permission::Change) { p { a href=(NumberSettings::PATH) { "Choose how many digits match" } } }
    };
    visit.page(Nav::Settings, &title, within(&visit, Part::Numbers, content))
}
