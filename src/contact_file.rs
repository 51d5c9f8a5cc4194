//! Contacts as files that other programs read: CSV for spreadsheets and for our own import, vCard for address
//! books.
//!
//! Contacts are written one after another; nothing is collected. What a contact says is text everywhere: no cell
//! is run by a spreadsheet, and no value ends a line of a vCard.

mod vcard;

use crate::contact::{ContactDetails, ContactId, NumberLabel};
use crate::spreadsheet;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactFileFormat {
    /// RFC 4180, in UTF-8; the columns are named as the fields of a contact are.
    Csv,
    /// vCard 4.0, RFC 6350.
    Vcard,
}

/// A contact to be written.
#[derive(Debug, Clone, Copy)]
pub struct FiledContact<'a> {
    /// Its number.
    pub id: ContactId,
    /// Name of its source; empty when it is local.
    pub source: &'a str,
    /// What the source calls it.
    pub source_key: &'a str,
    /// Names of the phonebooks it is in.
    pub phonebooks: &'a [&'a str],
    /// What is known of it.
    pub details: &'a ContactDetails,
}

impl ContactFileFormat {
    /// How names of such files end.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            ContactFileFormat::Csv => "csv",
            ContactFileFormat::Vcard => "vcf",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            ContactFileFormat::Csv => "text/csv; charset=utf-8; header=present",
            ContactFileFormat::Vcard => "text/vcard; charset=utf-8",
        }
    }

    /// What comes before the first contact.
    #[must_use]
    pub fn beginning(self) -> String {
        match self {
            ContactFileFormat::Csv => {
                let own = ["contact_id", "source", "source_key", "phonebooks"];
                let texts = texts(&ContactDetails::default()).map(|(field, _)| field);
                let numbers = NumberLabel::ALL.map(NumberLabel::name);
                spreadsheet::line(own.into_iter().chain(texts).chain(numbers))
            }
            ContactFileFormat::Vcard => String::new(),
        }
    }

    /// Writes a contact.
    pub fn write(self, contact: &FiledContact<'_>, file: &mut String) {
        match self {
            ContactFileFormat::Csv => write_csv(contact, file),
            ContactFileFormat::Vcard => vcard::write(contact, file),
        }
    }
}

/// Numbers stand as they were written, so that what is imported again is the same contact.
fn write_csv(contact: &FiledContact<'_>, file: &mut String) {
    let id = contact.id.to_string();
    let phonebooks = contact.phonebooks.join(", ");
    let own = [id.as_str(), contact.source, contact.source_key, &phonebooks];
    let texts = texts(contact.details).map(|(_, text)| text);
    let numbers = NumberLabel::ALL.map(|label| {
        let number = contact.details.numbers.iter().find(|number| number.label == label);
        number.map_or("", |number| number.raw.as_str())
    });
    file.push_str(&spreadsheet::line(own.into_iter().chain(texts).chain(numbers)));
}

/// Taken apart in full, so that a new field cannot be forgotten here.
fn texts(details: &ContactDetails) -> [(&'static str, &str); 11] {
    let ContactDetails {
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension,
        numbers: _,
    } = details;
    [
        ("first_name", first_name),
        ("last_name", last_name),
        ("company", company),
        ("email", email),
        ("remark", remark),
        ("zip_code", zip_code),
        ("street", street),
        ("city", city),
        ("state", state),
        ("country", country),
        ("own_extension", own_extension),
    ]
}

#[cfg(test)]
mod tests;
