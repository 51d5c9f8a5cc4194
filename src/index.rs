//! The contact index: who has which number, and in which phonebooks they are.
//!
//! It is immutable. A [`ContactIndexBuilder`] takes every contact once and packs
//!
//! * the contacts, in one buffer ([`contacts::PackedContacts`]);
//! * the numbers, in a table from normalised number to *posting*: which contact, in which set of phonebooks, under
//!   which label; and in their order, in a finite-state transducer (fst) ([`numbers::NumberIndex`]);
//! * the distinct sets of phonebooks, so that a posting carries its phonebooks in a few bits and a route
//!   can be decided without touching the contact.
//!
//! [`verify()`] then proves that the parts agree; an index that fails is never published.

mod amend;
mod builder;
mod contacts;
mod file;
mod numbers;
mod postings;
mod sizes;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use crate::contact::{ContactId, NumberLabel};
use crate::phone_number::PhoneNumber;
use crate::phonebook::{PhonebookId, PhonebookName};

pub use builder::{ContactIndexBuilder, IndexError, IndexedContact};
pub use contacts::ContactView;
pub use postings::{Posting, Postings};
pub use sizes::PhonebookSize;
pub use verify::{VerifyError, verify, verify_after};
pub use walk::Numbers;

/// Place of a contact in its index; means nothing in another index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactOrdinal(u32);

/// Place of a phonebook in its index; the lower one has priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhonebookOrdinal(u16);

/// Which phonebooks a contact is in: place in the index's table of distinct sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhonebookSet(u32);

/// A phonebook as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPhonebook {
    /// Its number in the store.
    pub id: PhonebookId,
    /// Its name.
    pub name: PhonebookName,
}

/// Every contact, reachable by number. Immutable.
#[derive(Debug)]
pub struct ContactIndex {
    contacts: contacts::PackedContacts,
    /// Shared with the index before it, when they are the same.
    numbers: Arc<numbers::NumberIndex>,
    /// In order of priority.
    phonebooks: Vec<IndexedPhonebook>,
    /// By folded name: thousands of routes look their phonebooks up.
    ordinals: HashMap<String, PhonebookOrdinal>,
    /// Each set ascending, so in order of priority.
    phonebook_sets: Vec<Box<[PhonebookOrdinal]>>,
    /// Names of sources; a contact without one is local.
    sources: Vec<Box<str>>,
}

impl ContactIndex {
    /// The contacts that have exactly this number, best first: by priority of their first phonebook, then
    /// by key in the source (compared as bytes), then by number of the contact.
    #[must_use]
    #[inline]
    pub fn exact(&self, number: PhoneNumber) -> Postings<'_> {
        self.numbers.exact(number)
    }

    /// The contacts that have a number with the same last `count` digits as `number`, best first, without
    /// those of another known country code and without `number` itself.
    ///
    /// Empty when `number` has no more than `count` digits, or when the index was built without last digits.
    #[must_use]
    pub fn last_digits(&self, number: PhoneNumber, count: u8) -> Vec<Posting> {
        let mut found = self.numbers.last_digits(number, count);
        found.sort_by(|a, b| self.compare(*a, *b));
        found.dedup_by_key(|posting| posting.contact());
        found
    }

    /// Whether [`Self::last_digits`] can find anything.
    #[must_use]
    pub fn has_last_digits(&self) -> bool {
        self.numbers.has_last_digits()
    }

    /// A contact.
    #[must_use]
    pub fn contact(&self, ordinal: ContactOrdinal) -> ContactView<'_> {
        self.contacts.get(ordinal, &self.sources)
    }

    /// How many contacts there are.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.contacts.len()
    }

    /// How many different numbers there are.
    #[must_use]
    pub fn number_count(&self) -> usize {
        self.numbers.len()
    }

    /// All phonebooks that were known when the index was built, in order of priority.
    #[must_use]
    pub fn phonebooks(&self) -> &[IndexedPhonebook] {
        &self.phonebooks
    }

    /// A phonebook.
    #[must_use]
    pub fn phonebook(&self, ordinal: PhonebookOrdinal) -> &IndexedPhonebook {
        &self.phonebooks[usize::from(ordinal.0)]
    }

    /// Finds a phonebook by any spelling of its name.
    #[must_use]
    pub fn find_phonebook(&self, name: &PhonebookName) -> Option<PhonebookOrdinal> {
        self.ordinals.get(&name.folded()).copied()
    }

    /// The phonebooks of a set, in order of priority.
    #[must_use]
    pub fn phonebooks_in(&self, set: PhonebookSet) -> &[PhonebookOrdinal] {
        &self.phonebook_sets[set.0 as usize]
    }

    /// Every distinct set of phonebooks that a contact has.
    pub fn phonebook_sets(&self) -> impl Iterator<Item = PhonebookSet> {
        (0..self.phonebook_sets.len()).map(|place| PhonebookSet(place as u32))
    }

    /// How many distinct sets of phonebooks there are; [`PhonebookSet::place`] is below it.
    #[must_use]
    pub fn phonebook_set_count(&self) -> usize {
        self.phonebook_sets.len()
    }

    /// Bytes that the parts take in memory.
    #[must_use]
    pub fn memory(&self) -> IndexMemory {
        IndexMemory { contacts: self.contacts.bytes(), numbers: self.numbers.bytes() }
    }

    fn compare(&self, a: Posting, b: Posting) -> std::cmp::Ordering {
        let first_phonebook = |posting: Posting| self.phonebooks_in(posting.phonebooks()).first().copied();
        let rank = |posting: Posting| {
            let contact = self.contact(posting.contact());
            // A contact in no phonebook comes last.
            let phonebook = first_phonebook(posting).map_or(u16::MAX, |ordinal| ordinal.0);
            (phonebook, contact.source_key, contact.id, posting.label())
        };
        rank(a).cmp(&rank(b))
    }
}

/// Bytes in memory, by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexMemory {
    /// The packed contacts.
    pub contacts: usize,
    /// Numbers and postings.
    pub numbers: usize,
}

impl ContactOrdinal {
    /// Place among the contacts of its index, from 0.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

impl PhonebookOrdinal {
    /// Place among the phonebooks of its index, from 0.
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

impl PhonebookSet {
    /// Place in the table of sets, from 0.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// What `ContactIndex` hands out for one number of one contact; see [`Posting`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedNumber {
    /// What callers are compared with.
    pub number: PhoneNumber,
    /// What it is used for.
    pub label: NumberLabel,
}

const _: () = assert!(size_of::<ContactId>() == 8);
