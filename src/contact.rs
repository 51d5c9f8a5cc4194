//! A contact: one person or company as a source gave it, with its phone numbers.

mod difference;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::phone_number::PhoneNumber;

pub use difference::{FieldDifference, difference};

/// Number of a contact in the store; stable for the contact's whole life, also when it changes or moves
/// to another phonebook, and never given to another contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactId(pub u64);

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a phone number is used for: the number fields of the reference system, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum NumberLabel {
    BusinessNumber,
    BusinessNumber2,
    BusinessFax,
    MobileNumber,
    MobileNumber2,
    HomeNumber,
    HomeNumber2,
    HomeFax,
    OtherNumber,
}

impl NumberLabel {
    /// Every label, in the reference system's order.
    pub const ALL: [NumberLabel; 9] = [
        NumberLabel::BusinessNumber,
        NumberLabel::BusinessNumber2,
        NumberLabel::BusinessFax,
        NumberLabel::MobileNumber,
        NumberLabel::MobileNumber2,
        NumberLabel::HomeNumber,
        NumberLabel::HomeNumber2,
        NumberLabel::HomeFax,
        NumberLabel::OtherNumber,
    ];

    /// The name used in settings, in the API and on screen, such as `business_number_2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NumberLabel::BusinessNumber => "business_number",
            NumberLabel::BusinessNumber2 => "business_number_2",
            NumberLabel::BusinessFax => "business_fax",
            NumberLabel::MobileNumber => "mobile_number",
            NumberLabel::MobileNumber2 => "mobile_number_2",
            NumberLabel::HomeNumber => "home_number",
            NumberLabel::HomeNumber2 => "home_number_2",
            NumberLabel::HomeFax => "home_fax",
            NumberLabel::OtherNumber => "other_number",
        }
    }
}

/// One phone number of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactNumber {
    /// What it is used for.
    pub label: NumberLabel,
    /// The text exactly as the source gave it.
    pub raw: String,
    /// What callers are compared with.
    pub number: PhoneNumber,
}

/// What is known of a contact; everything but who it is and where it belongs.
///
/// Text fields are trimmed; an absent or blank one is the empty string.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub struct ContactDetails {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub company: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remark: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub zip_code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub street: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub city: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// The extension of the contact's own person in the company, for routes that ask for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub own_extension: String,
    /// In the order of [`NumberLabel::ALL`].
    pub numbers: Vec<ContactNumber>,
}

/// So many contacts, in words: `1 contact`, `2 contacts`.
#[must_use]
pub fn counted(contacts: u64) -> String {
    format!("{contacts} contact{}", if contacts == 1 { "" } else { "s" })
}

/// The name shown for a contact: first and last name, or else the company.
#[must_use]
pub fn display_name(first_name: &str, last_name: &str, company: &str) -> String {
    match (first_name, last_name) {
        ("", "") => company.to_owned(),
        ("", name) | (name, "") => name.to_owned(),
        (first, last) => format!("{first} {last}"),
    }
}
