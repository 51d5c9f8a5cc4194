//! A phonebook: a named set of contacts, filled by a source (*synced*) or by hand (*local*).

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

/// Number of a phonebook in the store; never given to another phonebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhonebookId(pub u32);

impl fmt::Display for PhonebookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest name of a phonebook, in characters (the reference system's limit for names).
pub const MAX_NAME_CHARACTERS: usize = 63;

/// The name of a phonebook: not blank, at most [`MAX_NAME_CHARACTERS`], no control characters.
///
/// Two spellings that differ only in case or in white space name the same phonebook: `"Sales"`,
/// `"sales "` and `"SALES"`; so do an é of one character and one of two (Unicode's form NFC). The
/// first spelling seen is the one shown. Compare with [`Self::folded`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhonebookName(String);

/// Why a text cannot be the name of a phonebook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say all there is to say")]
pub enum PhonebookNameError {
    #[error("a phonebook name must not be blank")]
    Blank,
    #[error("a phonebook name has at most {MAX_NAME_CHARACTERS} characters; this one has {found}")]
    TooLong { found: usize },
    #[error("a phonebook name must not contain control characters such as line breaks")]
    ControlCharacter,
}

impl PhonebookName {
    /// Checks and trims `text`, and folds runs of white space inside it to one space.
    pub fn parse(text: &str) -> Result<Self, PhonebookNameError> {
        // Databases and people write it either way, and nobody can see which.
        let text = ComposingNormalizerBorrowed::new_nfc().normalize(text);
        let mut name = String::with_capacity(text.len());
        for word in text.split_whitespace() {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(word);
        }
        if name.is_empty() {
            return Err(PhonebookNameError::Blank);
        }
        if name.chars().any(char::is_control) {
            return Err(PhonebookNameError::ControlCharacter);
        }
        match name.chars().count() {
            found if found > MAX_NAME_CHARACTERS => Err(PhonebookNameError::TooLong { found }),
            _ => Ok(PhonebookName(name)),
        }
    }

    /// The name as first spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names are compared by.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// Whether both spellings name the same phonebook.
    #[must_use]
    pub fn is_same_as(&self, other: &PhonebookName) -> bool {
        self.folded() == other.folded()
    }
}

impl fmt::Display for PhonebookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for PhonebookName {
    type Error = PhonebookNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        PhonebookName::parse(&text)
    }
}

impl From<PhonebookName> for String {
    fn from(name: PhonebookName) -> String {
        name.0
    }
}

/// Where a phonebook's contacts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhonebookOrigin {
    /// Made and filled by hand.
    Local,
    /// Filled by the source of this name; read-only until that source is deleted.
    Synced(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_differ_in_case_and_space_are_one_phonebook() {
        let name = PhonebookName::parse("  Key\tAccounts ").unwrap();
        assert_eq!(name.as_str(), "Key Accounts");
        assert!(name.is_same_as(&PhonebookName::parse("KEY  ACCOUNTS").unwrap()));
        assert!(!name.is_same_as(&PhonebookName::parse("KeyAccounts").unwrap()));
        assert_eq!(PhonebookName::parse("Cafe\u{301}"), PhonebookName::parse("Caf\u{e9}"));
    }

    #[test]
    fn blank_long_and_control_names_are_refused() {
        assert_eq!(PhonebookName::parse(" \t "), Err(PhonebookNameError::Blank));
        assert_eq!(PhonebookName::parse(&"x".repeat(64)), Err(PhonebookNameError::TooLong { found: 64 }));
        assert!(PhonebookName::parse(&"ü".repeat(63)).is_ok());
        assert_eq!(PhonebookName::parse("a\u{7}b"), Err(PhonebookNameError::ControlCharacter));
    }
}
