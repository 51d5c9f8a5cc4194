//! What an extension may see: the phonebooks that grants show to it, the contacts in them, and who has a number.
//!
//! * What a [`View`] does not show is, for whoever asks through it, not there: no answer tells it from a contact that
//!   does not exist.
//! * A contact in no phonebook is visible to nobody.
//! * [`SearchText`] finds contacts by any part of their texts and numbers. It is no part of a snapshot: calls do not
//!   need it, so it is made when somebody first searches.

mod client;
mod search_text;

use crate::contact::{ContactId, NumberLabel};
use crate::index::IndexedPhonebook;
use crate::matching::{CallerMatch, MatchKind, match_visible};
use crate::phone_number::{InvalidCaller, PhoneNumber};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::snapshot::Snapshot;
use crate::snapshot::visibility::NoViewer;

pub use client::{Client, ClientRefusal, check_client};
pub use search_text::{NamePlace, Query, SearchText, SearchTextBuilder};

/// Why somebody is not shown anything, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The number is nobody's.
    #[error(
        "there is no extension {number:?}: add it to the settings as an extension, or list it among the destinations"
    )]
    NoSuchExtension {
        /// As it was asked for.
        number: String,
    },
    /// Its directory is switched off.
    #[error("extension {number:?} is off, so it sees nothing: set enabled = true in the settings")]
    ExtensionIsOff {
        /// Its number.
        number: String,
    },
    /// There is nothing to answer from yet.
    #[error("there are no phonebooks yet")]
    NothingYet,
    /// The client may not use the directory.
    #[error(transparent)]
    Client(#[from] ClientRefusal),
}

/// What one extension sees, of one snapshot.
#[derive(Debug, Clone)]
pub struct View {
    /// By the phonebook's place in the snapshot.
    visible: Box<[bool]>,
    /// In order of priority.
    phonebooks: Vec<IndexedPhonebook>,
}

/// Who has a number, among those that are visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookedUp {
    /// These, best first.
    Matched {
        /// The number, as it was read.
        number: PhoneNumber,
        /// The contacts, each with what the number is used for.
        contacts: Vec<(ContactId, NumberLabel)>,
        /// How the number was found.
        kind: MatchKind,
    },
    /// Nobody.
    NotMatched(PhoneNumber),
    /// The network was asked not to say who calls.
    Withheld,
    /// Not a phone number.
    Invalid(InvalidCaller),
}

impl View {
    /// What `extension` sees.
    pub fn of(snapshot: &Snapshot, extension: &str) -> Result<Self, DirectoryError> {
        let number = || extension.chars().take(SHOWN_CHARACTERS).collect();
        let visible = snapshot.visible_to(extension).map_err(|why| match why {
            NoViewer::Unknown => DirectoryError::NoSuchExtension { number: number() },
            NoViewer::IsOff => DirectoryError::ExtensionIsOff { number: number() },
        })?;
        let all = snapshot.contacts().phonebooks().iter().zip(&visible);
        let phonebooks = all.filter(|(_, is_visible)| **is_visible).map(|(phonebook, _)| phonebook.clone());
        Ok(View { phonebooks: phonebooks.collect(), visible })
    }

    /// The phonebooks that it sees, in order of priority.
    #[must_use]
    pub fn phonebooks(&self) -> &[IndexedPhonebook] {
        &self.phonebooks
    }

    /// Whether it sees that phonebook.
    #[must_use]
    pub fn shows(&self, phonebook: PhonebookId) -> bool {
        self.phonebooks.iter().any(|visible| visible.id == phonebook)
    }

    /// The one of its phonebooks that has this name, in any spelling.
    #[must_use]
    pub fn find(&self, name: &PhonebookName) -> Option<PhonebookId> {
        self.phonebooks.iter().find(|visible| visible.name.is_same_as(name)).map(|visible| visible.id)
    }

    /// Who of those that it sees has a number, read as a caller's is. Contacts that it does not see are as if they
    /// were not there: their exact match does not stand in the way of a match by last digits.
    #[must_use]
    pub fn look_up(&self, snapshot: &Snapshot, number: &str) -> LookedUp {
        let index = snapshot.contacts();
        let is_visible = |place: usize| self.visible.get(place).copied().unwrap_or(false);
        let matched = match_visible(snapshot, number, |posting| {
            index.phonebooks_in(posting.phonebooks()).iter().any(|phonebook| is_visible(phonebook.place()))
        });
        match matched {
            CallerMatch::Matched { number, contacts, kind } => {
                let mut found: Vec<(ContactId, NumberLabel)> = Vec::with_capacity(contacts.len());
                for posting in contacts {
                    let id = index.contact(posting.contact()).id;
                    if found.iter().all(|(known, _)| *known != id) {
                        found.push((id, posting.label()));
                    }
                }
                LookedUp::Matched { number, contacts: found, kind }
            }
            CallerMatch::NotMatched(number) => LookedUp::NotMatched(number),
            CallerMatch::Withheld => LookedUp::Withheld,
            CallerMatch::Invalid(reason) => LookedUp::Invalid(reason),
        }
    }
}

/// Longest part of an extension's number that is repeated in an error, in characters.
const SHOWN_CHARACTERS: usize = 64;
