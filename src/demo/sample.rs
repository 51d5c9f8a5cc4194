//! The sample company: a database of contacts such as a real company has, made up on the spot.
//!
//! [`write()`] makes it an SQLite file, [`contacts`] a stream for benches and tests that need no file, and
//! [`settings()`] is what connects it. It is meant to be as untidy as the real thing: fourteen countries,
//! numbers that are valid but written in dozens of ways, a property column in several spellings, and three
//! rows in a thousand that no phonebook should take ([`Defect`]).
//!
//! Invariants:
//! * Contact number n is the same on every machine, in a sample of any size: it depends on n alone.
//! * The first contacts are the [`TELLING_CALLERS`]; nobody else has a number like theirs.
//! * Beside each written number stands the E.164 number it means, so that a test of normalising can ask
//!   someone who knows.
//!
//! It fails only where files fail, and then leaves no file, or the one that was there before.

mod countries;
mod draw;
mod numbers;
mod settings;
mod telling;
#[cfg(test)]
mod tests;
mod write;

use crate::contact::NumberLabel;
use countries::{City, Country};
use draw::Draw;
use numbers::Line;

pub use numbers::SampleNumber;
pub use settings::{SOURCE_NAME, settings};
pub use telling::{DEMO_CALLS, DemoCall, TELLING_CALLERS, TellingCaller};
pub use write::{SampleError, SampleFacts, write};

/// How many contacts the demo writes, unless told otherwise.
pub const DEFAULT_CONTACTS: u32 = 24_000;

/// The columns that hold numbers, and what each is for, in the order of [`SampleContact::numbers`].
pub const NUMBER_COLUMNS: [(&str, NumberLabel); 6] = [
    ("phone", NumberLabel::BusinessNumber),
    ("phone2", NumberLabel::BusinessNumber2),
    ("mobile", NumberLabel::MobileNumber),
    ("home_phone", NumberLabel::HomeNumber),
    ("fax", NumberLabel::BusinessFax),
    ("other_phone", NumberLabel::OtherNumber),
];
const PHONE: usize = 0;
const PHONE2: usize = 1;
const MOBILE: usize = 2;
const HOME: usize = 3;
const FAX: usize = 4;
const OTHER: usize = 5;

/// A row of the table `contacts`; none is SQL's NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the columns'")]
pub struct SampleContact {
    /// 1 and up, without a gap.
    pub id: u32,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub email: Option<String>,
    /// In the order of [`NUMBER_COLUMNS`].
    pub numbers: [Option<SampleNumber>; NUMBER_COLUMNS.len()],
    pub street: Option<String>,
    pub zip: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The team that serves the contact: Sales or Support, as people spell it.
    pub belongto: Option<String>,
    pub remark: Option<String>,
    /// RFC 3339, UTC.
    pub updated_at: Option<String>,
    /// What is wrong with the row; not a column.
    pub defect: Option<Defect>,
}

/// What is wrong with a bad row. Each makes the row one that a sync run rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defect {
    /// First name, last name and company are NULL.
    NoName,
    /// They hold spaces.
    NameOfSpaces,
    /// The first name has more than 63 characters.
    FirstNameTooLong,
    /// Every number is NULL.
    NoNumber,
    /// The only number is `n/a`.
    NumberNotAvailable,
    /// The only number is `unknown`.
    NumberUnknown,
    /// The only number has more digits and more characters than a number can have.
    NumberTooLong,
    /// `belongto` holds a space.
    BlankProperty,
    /// `belongto` is NULL.
    NoProperty,
}

impl Defect {
    /// Every defect, in the order in which they come.
    pub const ALL: [Defect; 9] = [
        Defect::NoName,
        Defect::NameOfSpaces,
        Defect::FirstNameTooLong,
        Defect::NoNumber,
        Defect::NumberNotAvailable,
        Defect::NumberUnknown,
        Defect::NumberTooLong,
        Defect::BlankProperty,
        Defect::NoProperty,
    ];

    /// Three rows in a thousand have a defect: every row whose id this divides.
    const EVERY: u32 = 333;

    fn of_row(id: u32) -> Option<Defect> {
        let turn = id / Defect::EVERY;
        id.is_multiple_of(Defect::EVERY).then(|| Defect::ALL[turn as usize % Defect::ALL.len()])
    }

    fn apply(self, contact: &mut SampleContact) {
        contact.defect = Some(self);
        let only_number = |written: &str| {
            let mut numbers = <[Option<SampleNumber>; NUMBER_COLUMNS.len()]>::default();
            numbers[PHONE] = Some(SampleNumber { written: written.to_owned(), e164: None });
            numbers
        };
        match self {
            Defect::NoName => (contact.first_name, contact.last_name, contact.company) = (None, None, None),
            Defect::NameOfSpaces => {
                let spaces = Some("   ".to_owned());
                (contact.first_name, contact.last_name, contact.company) =
                    (spaces.clone(), spaces.clone(), spaces);
            }
            Defect::FirstNameTooLong => contact.first_name = Some(["Maximilian"; 7].join("-")),
            Defect::NoNumber => contact.numbers = Default::default(),
            Defect::NumberNotAvailable => contact.numbers = only_number("n/a"),
            Defect::NumberUnknown => contact.numbers = only_number("unknown"),
            Defect::NumberTooLong => contact.numbers = only_number("+49 30 1234567 1234567 1234567 1234567"),
            Defect::BlankProperty => contact.belongto = Some(" ".to_owned()),
            Defect::NoProperty => contact.belongto = None,
        }
    }
}

/// The sample's first `count` contacts, in the order of their ids.
pub fn contacts(count: u32) -> impl Iterator<Item = SampleContact> + Send {
    (1..=count).map(contact)
}

/// The contact whose id is `id`, which is 1 or more.
#[must_use]
pub fn contact(id: u32) -> SampleContact {
    if let Some(telling) = TELLING_CALLERS.iter().find(|caller| caller.id == id) {
        return telling.contact();
    }
    let company = Company::of(id);
    let mut draw = Draw::new(PERSON, id);
    let mut contact = person(id, &company, &mut draw);
    contact.numbers = numbers(&company, &mut draw);
    if let Some(defect) = Defect::of_row(id) {
        defect.apply(&mut contact);
    }
    contact
}

// Kinds of streams of chance.
const COMPANY: u32 = 1;
const PERSON: u32 = 2;

/// So many neighbours in the table are of one company, as in a database that grew company by company.
const PEOPLE_PER_COMPANY: u32 = 4;

/// What the people of one company have in common.
struct Company {
    country: &'static Country,
    city: City,
    name: String,
    street: String,
    zip: String,
    /// The one business number of all its people.
    reception: Option<SampleNumber>,
}

impl Company {
    fn of(id: u32) -> Company {
        let mut draw = Draw::new(COMPANY, id / PEOPLE_PER_COMPANY);
        let country = Country::draw(&mut draw);
        let city = draw.pick(country.cities);
        let name = country
            .company
            .replace("{name}", draw.pick(country.last_names))
            .replace("{trade}", draw.pick(country.trades))
            .replace("{form}", draw.pick(country.legal_forms));
        let street = country
            .address
            .replace("{street}", draw.pick(country.streets))
            .replace("{number}", &(1 + draw.below(180)).to_string());
        let zip = draw.fill(city.2);
        let reception = draw.percent(2).then(|| Line::fixed(country, city, &mut draw).write(&mut draw));
        Company { country, city, name, street, zip, reception }
    }
}

/// Everything but the numbers.
fn person(id: u32, company: &Company, draw: &mut Draw) -> SampleContact {
    let Company { country, city, .. } = company;
    let belongto = if draw.percent(70) { draw.pick(&SALES) } else { draw.pick(&SUPPORT) };
    let text = |text: &str| Some(text.to_owned());
    SampleContact {
        id,
        first_name: text(draw.pick(country.first_names)),
        last_name: text(draw.pick(country.last_names)),
        company: Some(company.name.clone()),
        // Names of the domain `example` belong to nobody (RFC 2606).
        email: draw.percent(80).then(|| format!("contact{id}@{}.example", country.iso.to_lowercase())),
        numbers: Default::default(),
        street: Some(company.street.clone()),
        zip: Some(company.zip.clone()),
        city: text(city.0),
        state: text(city.1),
        country: text(country.iso),
        belongto: text(belongto),
        remark: draw.percent(10).then(|| draw.pick(&REMARKS).to_owned()),
        updated_at: Some(format!(
            "2025-{:02}-{:02}T{:02}:{:02}:00Z",
            1 + draw.below(12),
            1 + draw.below(28),
            6 + draw.below(14),
            draw.below(60)
        )),
        defect: None,
    }
}

// One spelling in ten is not the usual one.
const SALES: [&str; 20] = spellings("Sales", "sales", "SALES ");
const SUPPORT: [&str; 20] = spellings("Support", "support", "Support ");

const fn spellings(usual: &'static str, second: &'static str, third: &'static str) -> [&'static str; 20] {
    let mut spellings = [usual; 20];
    spellings[18] = second;
    spellings[19] = third;
    spellings
}

const REMARKS: [&str; 7] = [
    "Key account",
    "Rückruf nur vormittags",
    "Prefers e-mail",
    "Asks for \"the usual\"; knows what it is",
    "Moved in 2024,\nold address until March",
    "Parle français et 日本語",
    "-",
];

/// One to five numbers, 2.4 in the mean; most people have two or three.
fn numbers(company: &Company, draw: &mut Draw) -> [Option<SampleNumber>; NUMBER_COLUMNS.len()] {
    let count = match draw.below(100) {
        0..12 => 1,
        12..58 => 2,
        58..92 => 3,
        92..98 => 4,
        _ => 5,
    };
    let order = match draw.below(100) {
        0..70 => [PHONE, MOBILE, FAX, PHONE2, OTHER, HOME],
        70..90 => [MOBILE, PHONE, HOME, FAX, PHONE2, OTHER],
        _ => [MOBILE, HOME, OTHER, PHONE, FAX, PHONE2],
    };
    let mut numbers = <[Option<SampleNumber>; NUMBER_COLUMNS.len()]>::default();
    for column in order.into_iter().take(count) {
        let line = match column {
            MOBILE => Line::mobile(company.country, draw),
            OTHER if draw.percent(50) => Line::mobile(company.country, draw),
            _ => Line::fixed(company.country, company.city, draw),
        };
        numbers[column] = Some(line.write(draw));
    }
    if let Some(reception) = &company.reception {
        numbers[PHONE] = Some(reception.clone());
    }
    numbers
}
