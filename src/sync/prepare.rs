//! A row -> a contact ready to be compared and stored, or the reason why it is none.
//!
//! Most rows are as they were in the run before. So a contact is stored with a digest of the row that it was made
//! of, and a row with the same digest is not made into the same contact once more ([`Made::AsKnown`]). Only rows
//! without anything to report have one: whatever is wrong with a row is found and told in every run.

use xxhash_rust::xxh3::xxh3_128;

use crate::contact::{ContactDetails, ContactNumber};
use crate::phone_number::{NumberError, Region, normalise};
use crate::phonebook::PhonebookName;
use crate::source::rows::{Field, Projection, Row};

use super::known::{KnownContacts, KnownPlace};
use super::run::{Problem, ProblemKind};

/// Tells whether a contact's details changed: the first half of a BLAKE3 hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DetailsDigest(pub [u8; 16]);

impl DetailsDigest {
    /// Of any bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        DetailsDigest(digest)
    }
}

/// Tells whether a row, read by the same rules, makes the same contact as before: an XXH3 hash of its values, combined
/// with one of the rules. It is compared with that of the same contact only, so whoever could make two rows with the same
/// one would keep a change of their own from being seen, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowDigest(pub [u8; 16]);

/// Counted up whenever the same row becomes another contact than before, or is reported differently: a new
/// numbering plan, another limit, another form of the details. `the_rules_have_the_number_that_they_had` fails
/// until it is.
const RULES: u32 = 2;

/// How the rows of a source become contacts.
#[derive(Debug)]
pub struct Preparation {
    /// Which column is which field.
    pub projection: Projection,
    /// The region of numbers that are not written internationally.
    pub region: Option<Region>,
    /// The phonebook of rows whose property is blank; without one they are rejected.
    pub blank_property: Option<PhonebookName>,
}

/// A contact ready to be compared and stored.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) source_key: String,
    pub(super) key_hash: u128,
    /// The contact with this key, if it is known.
    pub(super) known: Option<KnownPlace>,
    /// The phonebook that the row names; `None` when the target does not ask for one.
    pub(super) phonebook: Option<PhonebookName>,
    pub(super) made: Made,
}

/// What a row was made into.
#[derive(Debug)]
pub(super) enum Made {
    /// The contact that is stored, of a row that is as it was.
    AsKnown,
    /// A contact.
    Anew {
        /// [`ContactDetails`] as JSON.
        details: String,
        digest: DetailsDigest,
        /// Of the row, when there is nothing to report of it.
        row: Option<RowDigest>,
        /// Numbers that were left out.
        dropped: Vec<Problem>,
    },
}

/// The values of a row as a whole: bytes that no other row has.
struct Content(Vec<u8>);

impl Content {
    fn of(row: &Row<'_>, columns: usize) -> Self {
        let mut content = Vec::with_capacity(512);
        for place in 0..columns {
            let value = row.value(place);
            // Length first, so that "ab", "c" and "a", "bc" differ; NULL is not the empty text. Lengths fit
            // (`rows::MAX_VALUE_BYTES`).
            content.extend_from_slice(&value.map_or(u32::MAX, |text| text.len() as u32).to_le_bytes());
            content.extend_from_slice(value.unwrap_or_default().as_bytes());
        }
        Content(content)
    }

    /// The key of a row that has none: half of a BLAKE3 hash, as nobody may be able to make a row with the key of another.
    fn key(&self) -> String {
        blake3::hash(&self.0).to_hex()[..32].to_owned()
    }

    fn digest(&self, rules: RowDigest) -> RowDigest {
        let hash = xxh3_128(&self.0).to_le_bytes();
        RowDigest(std::array::from_fn(|at| hash[at] ^ rules.0[at]))
    }
}

/// The reference system's limits, in characters. First and last name together, with the space between them, have
/// at most 127 there, which follows.
const MAX_NAME: usize = 63;
const MAX_COMPANY: usize = 127;
const MAX_EMAIL: usize = 255;
/// Ours, where it states none.
const MAX_OTHER_TEXT: usize = 255;
/// Of a key, in bytes.
const MAX_KEY: usize = 255;
/// Few contacts' details are longer, in bytes.
const USUAL_DETAILS: usize = 512;
/// Of a value shown in a problem, in characters.
const MAX_SHOWN: usize = 64;

impl Preparation {
    /// What a row makes of a contact that has no key: its digest, its details as JSON, and the numbers that were
    /// left out. The error says why it is no usable contact.
    pub fn entry(&self, row: &Row<'_>) -> Result<(DetailsDigest, String, Vec<Problem>), Box<Problem>> {
        let (details, dropped) = self.details(&RowReading::begin(self, row)?, "")?;
        Ok((DetailsDigest::of(details.as_bytes()), details, dropped))
    }

    /// Whatever decides, beside its values, what a row is made into.
    pub(super) fn rules(&self) -> RowDigest {
        let fields: Vec<&str> = self.projection.columns().iter().map(|(field, _)| field.name()).collect();
        let region = self.region.map(|region| region.to_string());
        let rules = format!("{RULES}\0{}\0{region:?}\0{fields:?}", env!("CARGO_PKG_VERSION"));
        RowDigest(DetailsDigest::of(rules.as_bytes()).0)
    }

    /// Prepares a row; the error says why it is no usable contact.
    pub(super) fn prepare(
        &self,
        row: &Row<'_>,
        rules: RowDigest,
        known: &KnownContacts,
    ) -> Result<Prepared, Box<Problem>> {
        let reading = RowReading::begin(self, row)?;
        let phonebook = self.phonebook(&reading)?;
        let content = Content::of(row, self.projection.columns().len());
        let source_key = if reading.key.is_empty() { content.key() } else { reading.key.to_owned() };
        let (key_hash, row_digest) = (known.hash_of(&source_key), content.digest(rules));
        let place = known.place_of(key_hash);
        if place.and_then(|place| known.row_of(place)) == Some(row_digest) {
            return Ok(Prepared { source_key, key_hash, known: place, phonebook, made: Made::AsKnown });
        }
        let (details, dropped) = self.details(&reading, &source_key)?;
        let digest = DetailsDigest::of(details.as_bytes());
        let row = dropped.is_empty().then_some(row_digest);
        let made = Made::Anew { details, digest, row, dropped };
        Ok(Prepared { source_key, key_hash, known: place, phonebook, made })
    }

    /// The details as JSON, and the numbers that were left out, of the contact with this key.
    fn details(
        &self,
        reading: &RowReading<'_>,
        source_key: &str,
    ) -> Result<(String, Vec<Problem>), Box<Problem>> {
        let mut details = ContactDetails::default();
        let mut dropped = Vec::new();
        let mut number_columns = 0;
        for (place, (field, column)) in self.projection.columns().iter().enumerate() {
            let text = reading.text(place);
            match field {
                Field::Key | Field::PhonebookProperty => continue,
                Field::Number(_) => number_columns += usize::from(!text.is_empty()),
                _ => {}
            }
            match put(&mut details, *field, text, self.region) {
                Ok(()) => {}
                Err(Unfit::Field(why)) => return Err(reading.reject(column, text, why)),
                Err(Unfit::Number(why)) => {
                    dropped.push(reading.problem(ProblemKind::NumberDropped, column, text, why));
                }
            }
        }
        for problem in &mut dropped {
            source_key.clone_into(&mut problem.source_key);
        }
        if !has_name(&details) {
            return Err(reading.reject("", "", NO_NAME.into()));
        }
        if details.numbers.is_empty() {
            return Err(match dropped.into_iter().next() {
                Some(first) => Box::new(Problem { kind: ProblemKind::RowRejected, ..first }),
                None if number_columns == 0 => reading.reject("", "", NO_NUMBER.into()),
                None => reading.reject("", "", "no usable phone number".into()),
            });
        }
        let mut json = Vec::with_capacity(USUAL_DETAILS);
        // Writing plain data to memory as JSON cannot fail, and JSON is UTF-8.
        let _ = serde_json::to_writer(&mut json, &details);
        Ok((String::from_utf8(json).unwrap_or_default(), dropped))
    }

    /// The phonebook that a row names, when the target asks for one.
    fn phonebook(&self, reading: &RowReading<'_>) -> Result<Option<PhonebookName>, Box<Problem>> {
        let Some(place) = self.place_of(Field::PhonebookProperty) else { return Ok(None) };
        let text = reading.text(place);
        self.phonebook_of(text).map(Some).map_err(|why| {
            let (_, column) = &self.projection.columns()[place];
            reading.reject(column, text, why)
        })
    }

    fn place_of(&self, field: Field) -> Option<usize> {
        self.projection.columns().iter().position(|(at, _)| *at == field)
    }

    fn phonebook_of(&self, property: &str) -> Result<PhonebookName, String> {
        if property.is_empty() {
            return self.blank_property.clone().ok_or_else(|| "the phonebook property is blank".to_owned());
        }
        PhonebookName::parse(property).map_err(|error| error.to_string())
    }
}

/// Why a text cannot be a field of a contact.
pub(super) enum Unfit {
    /// Nor can the contact be taken without it.
    Field(String),
    /// It is no phone number; a contact that has others can be taken without it.
    Number(String),
}

pub(super) const NO_NAME: &str = "no name: first name, last name and company are all blank";
pub(super) const NO_NUMBER: &str = "no phone number: all are blank";

pub(super) fn has_name(details: &ContactDetails) -> bool {
    !(details.first_name.is_empty() && details.last_name.is_empty() && details.company.is_empty())
}

/// Puts a trimmed text into the field that it is for, if it can be there. Numbers are added behind those that
/// are there.
pub(super) fn put(
    details: &mut ContactDetails,
    field: Field,
    text: &str,
    region: Option<Region>,
) -> Result<(), Unfit> {
    let text = match field {
        Field::Number(_) | Field::OwnExtension => as_typed(text),
        _ => text,
    };
    let limit = match field {
        Field::Number(label) => {
            return match normalise(text, region) {
                Ok(normalised) => {
                    let number = normalised.number;
                    details.numbers.push(ContactNumber { label, raw: text.to_owned(), number });
                    Ok(())
                }
                Err(NumberError::Blank) => Ok(()),
                // Too long for the reference system is too long for the row, never cut silently.
                Err(error @ NumberError::TooLong { .. }) => Err(Unfit::Field(error.to_string())),
                Err(error) => Err(Unfit::Number(error.to_string())),
            };
        }
        Field::FirstName | Field::LastName => MAX_NAME,
        Field::Company => MAX_COMPANY,
        Field::Email => MAX_EMAIL,
        _ => MAX_OTHER_TEXT,
    };
    if text.len() > limit {
        let found = text.chars().count();
        if found > limit {
            return Err(Unfit::Field(format!("at most {limit} characters fit; there are {found}")));
        }
    }
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(Unfit::Field(format!("contains the control character {control:?}")));
    }
    if let Some(place) = text_field(details, field) {
        text.clone_into(place);
    }
    Ok(())
}

/// What somebody typed into a spreadsheet, of what it wrote: `'` before digits is its mark for text, and `.0` is behind
/// them because it took them for a quantity.
fn as_typed(text: &str) -> &str {
    let text = match text.strip_prefix('\'') {
        Some(marked) if marked.starts_with(|c: char| c == '+' || c.is_ascii_digit()) => marked,
        _ => text,
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_suffix(".0") {
        Some(whole) if are_digits(whole.strip_prefix('+').unwrap_or(whole)) => whole,
        _ => text,
    }
}

fn text_field(details: &mut ContactDetails, field: Field) -> Option<&mut String> {
    match field {
        Field::FirstName => Some(&mut details.first_name),
        Field::LastName => Some(&mut details.last_name),
        Field::Company => Some(&mut details.company),
        Field::Email => Some(&mut details.email),
        Field::Remark => Some(&mut details.remark),
        Field::ZipCode => Some(&mut details.zip_code),
        Field::Street => Some(&mut details.street),
        Field::City => Some(&mut details.city),
        Field::State => Some(&mut details.state),
        Field::Country => Some(&mut details.country),
        Field::OwnExtension => Some(&mut details.own_extension),
        Field::Key | Field::PhonebookProperty | Field::Number(_) => None,
    }
}

/// Where in the source the row being prepared is, for its problems.
struct RowReading<'a> {
    row: &'a Row<'a>,
    /// Empty when the source has no key column.
    key: &'a str,
}

impl<'a> RowReading<'a> {
    /// Whose row it is comes first: a contact that was received is never taken for one that was not.
    fn begin(preparation: &Preparation, row: &'a Row<'a>) -> Result<Self, Box<Problem>> {
        let mut reading = RowReading { row, key: "" };
        let key_place = preparation.place_of(Field::Key);
        if let Some(place) = key_place {
            reading.key = reading.text(place);
        }
        if let Some(problem) = row.problem() {
            return Err(reading.reject(problem.column.as_deref().unwrap_or(""), "", problem.reason.clone()));
        }
        let Some(place) = key_place else { return Ok(reading) };
        let (_, column) = &preparation.projection.columns()[place];
        if reading.key.is_empty() {
            return Err(reading.reject(column, "", "the key is NULL or blank".into()));
        }
        if reading.key.len() > MAX_KEY {
            return Err(reading.reject(column, reading.key, format!("a key has at most {MAX_KEY} bytes")));
        }
        Ok(reading)
    }

    /// What stands in a column; of NULL, nothing.
    fn text(&self, place: usize) -> &'a str {
        self.row.value(place).unwrap_or_default().trim()
    }

    fn problem(&self, kind: ProblemKind, column: &str, value: &str, reason: String) -> Problem {
        Problem {
            kind,
            position: self.row.position(),
            source_key: self.key.to_owned(),
            column: column.to_owned(),
            value: value.chars().take(MAX_SHOWN).collect(),
            reason,
        }
    }

    fn reject(&self, column: &str, value: &str, reason: String) -> Box<Problem> {
        Box::new(self.problem(ProblemKind::RowRejected, column, value, reason))
    }
}
