//! A row -> a contact ready to be compared and stored, or the reason why it is none.

use crate::contact::{ContactDetails, ContactNumber};
use crate::phone_number::{NumberError, Region, normalise};
use crate::phonebook::PhonebookName;
use crate::source::rows::{Field, Projection, Row};

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
    /// The phonebook that the row names; `None` when the target does not ask for one.
    pub(super) phonebook: Option<PhonebookName>,
    /// [`ContactDetails`] as JSON.
    pub(super) details: String,
    pub(super) digest: DetailsDigest,
    /// Numbers that were left out.
    pub(super) dropped: Vec<Problem>,
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
/// Of a value shown in a problem, in characters.
const MAX_SHOWN: usize = 64;

impl Preparation {
    /// What a row makes of a contact that has no key: its digest, its details as JSON, and the numbers that were
    /// left out. The error says why it is no usable contact.
    pub fn entry(&self, row: &Row<'_>) -> Result<(DetailsDigest, String, Vec<Problem>), Box<Problem>> {
        self.prepare(row).map(|prepared| (prepared.digest, prepared.details, prepared.dropped))
    }

    /// Prepares a row; the error says why it is no usable contact.
    pub(super) fn prepare(&self, row: &Row<'_>) -> Result<Prepared, Box<Problem>> {
        let mut reading = RowReading { row, key: String::new() };
        // Whose row it is comes first: a contact that was received is never taken for one that was not.
        let key_place = self.projection.columns().iter().position(|(field, _)| *field == Field::Key);
        if let Some(key) = key_place.and_then(|place| row.value(place)) {
            reading.key = key.trim().to_owned();
        }
        if let Some(problem) = row.problem() {
            return Err(reading.reject(problem.column.as_deref().unwrap_or(""), "", problem.reason.clone()));
        }
        let mut details = ContactDetails::default();
        let mut phonebook = None;
        let mut dropped = Vec::new();
        let mut has_key = false;
        let mut number_columns = 0;
        let mut content = blake3::Hasher::new();
        for (place, (field, column)) in self.projection.columns().iter().enumerate() {
            let raw = row.value(place);
            // Length first, so that "ab", "c" and "a", "bc" differ; NULL is not the empty text.
            content.update(&raw.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            content.update(raw.unwrap_or_default().as_bytes());
            let text = raw.unwrap_or_default().trim();
            match field {
                Field::Key => {
                    if text.is_empty() {
                        return Err(reading.reject(column, "", "the key is NULL or blank".into()));
                    }
                    if text.len() > MAX_KEY {
                        return Err(reading.reject(
                            column,
                            text,
                            format!("a key has at most {MAX_KEY} bytes"),
                        ));
                    }
                    has_key = true;
                    continue;
                }
                Field::PhonebookProperty => {
                    phonebook =
                        Some(self.phonebook_of(text).map_err(|why| reading.reject(column, text, why))?);
                    continue;
                }
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
        if !has_key {
            reading.key = content.finalize().to_hex()[..32].to_owned();
        }
        for problem in &mut dropped {
            problem.source_key.clone_from(&reading.key);
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
        // Writing plain data to memory as JSON cannot fail.
        let details = serde_json::to_string(&details).unwrap_or_default();
        let digest = DetailsDigest::of(details.as_bytes());
        Ok(Prepared { source_key: reading.key, phonebook, details, digest, dropped })
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
    let found = text.chars().count();
    if found > limit {
        return Err(Unfit::Field(format!("at most {limit} characters fit; there are {found}")));
    }
    if let Some(control) = text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(Unfit::Field(format!("contains the control character {control:?}")));
    }
    if let Some(place) = text_field(details, field) {
        text.clone_into(place);
    }
    Ok(())
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
    key: String,
}

impl RowReading<'_> {
    fn problem(&self, kind: ProblemKind, column: &str, value: &str, reason: String) -> Problem {
        Problem {
            kind,
            position: self.row.position(),
            source_key: self.key.clone(),
            column: column.to_owned(),
            value: value.chars().take(MAX_SHOWN).collect(),
            reason,
        }
    }

    fn reject(&self, column: &str, value: &str, reason: String) -> Box<Problem> {
        Box::new(self.problem(ProblemKind::RowRejected, column, value, reason))
    }
}
