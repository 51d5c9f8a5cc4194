//! What is known of a source's contacts while its rows come, and which of them came.

use std::collections::HashSet;

use super::prepare::{DetailsDigest, RowDigest, hash_of};
use crate::contact::ContactId;
use crate::phonebook::PhonebookId;

/// What the store knows of a contact of the source.
#[derive(Debug, Clone, Copy)]
pub struct KnownContact {
    /// Its number.
    pub id: ContactId,
    /// Of its details.
    pub digest: DetailsDigest,
    /// Of the row that it was made of, if that is known and there was nothing to report of it.
    pub row: Option<RowDigest>,
    /// Its phonebook.
    pub phonebook: PhonebookId,
    /// Whether an earlier run did not receive it.
    pub is_missing: bool,
}

/// All that the store knows of a source's contacts, by a hash of their keys.
///
/// Half a million of them are 32 MB: they lie in the order of their hashes, which are spread evenly, so that
/// one is found by its first bits and a look at some neighbours.
#[derive(Debug, Default)]
pub struct KnownContacts {
    contacts: Vec<Entry>,
    /// Of each value of the first [`PREFIX_BITS`] of a hash, where its entries begin.
    starts: Vec<u32>,
    /// Hashes of keys that were received and not known.
    new: HashSet<u128>,
}

const PREFIX_BITS: u32 = 16;

/// A [`KnownContact`] taken apart, which leaves no gaps, and what became of it.
#[derive(Debug)]
struct Entry {
    /// Its halves, as a whole would have to lie on a boundary of 16 bytes.
    key: [u64; 2],
    id: ContactId,
    digest: DetailsDigest,
    row: Option<RowDigest>,
    phonebook: PhonebookId,
    is_missing: bool,
    came: Came,
}

/// Whether a contact's row came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Not,
    /// It did, but was rejected; the contact stays as it was.
    Rejected,
    /// A second row with its key is a duplicate.
    Received,
}

/// What a row is to what is known.
#[derive(Debug)]
pub(super) enum Receipt {
    /// The first row of a contact that is known.
    Known(KnownContact),
    /// The first row of one that is not.
    New,
    /// An earlier row has the same key.
    Duplicate,
}

fn halves(key: u128) -> [u64; 2] {
    [(key >> 64) as u64, key as u64]
}

impl Entry {
    fn contact(&self) -> KnownContact {
        let Entry { id, digest, row, phonebook, is_missing, .. } = *self;
        KnownContact { id, digest, row, phonebook, is_missing }
    }

    fn prefix(&self) -> usize {
        (self.key[0] >> (u64::BITS - PREFIX_BITS)) as usize
    }
}

impl KnownContacts {
    /// Adds what is known of a contact.
    pub fn insert(&mut self, source_key: &str, contact: KnownContact) {
        let KnownContact { id, digest, row, phonebook, is_missing } = contact;
        let key = halves(hash_of(source_key));
        self.contacts.push(Entry { key, id, digest, row, phonebook, is_missing, came: Came::Not });
    }

    /// Nothing more is known.
    pub(super) fn complete(&mut self) {
        self.contacts.sort_unstable_by_key(|entry| entry.key);
        let mut at = 0;
        self.starts = (0..=1 << PREFIX_BITS)
            .map(|prefix| {
                at += self.contacts[at..].iter().take_while(|entry| entry.prefix() < prefix).count();
                u32::try_from(at).unwrap_or(u32::MAX)
            })
            .collect();
    }

    fn place_of(&self, key_hash: u128) -> Option<usize> {
        let key = halves(key_hash);
        let prefix = (key[0] >> (u64::BITS - PREFIX_BITS)) as usize;
        let (start, end) = (*self.starts.get(prefix)? as usize, *self.starts.get(prefix + 1)? as usize);
        let found = self.contacts.get(start..end)?.binary_search_by_key(&key, |entry| entry.key).ok()?;
        Some(start + found)
    }

    /// What the contact with this key was made of.
    pub(super) fn row_of(&self, key_hash: u128) -> Option<RowDigest> {
        self.contacts[self.place_of(key_hash)?].row
    }

    /// Notes that a row with this key came.
    pub(super) fn receive(&mut self, key_hash: u128) -> Receipt {
        let Some(place) = self.place_of(key_hash) else {
            return if self.new.insert(key_hash) { Receipt::New } else { Receipt::Duplicate };
        };
        let entry = &mut self.contacts[place];
        match std::mem::replace(&mut entry.came, Came::Received) {
            Came::Received => Receipt::Duplicate,
            Came::Not | Came::Rejected => Receipt::Known(entry.contact()),
        }
    }

    /// Notes that a row with this key came and was rejected. Says whether it is a contact's only one so far.
    pub(super) fn reject(&mut self, key_hash: u128) -> bool {
        let Some(place) = self.place_of(key_hash) else { return false };
        let came = &mut self.contacts[place].came;
        let is_first = *came == Came::Not;
        if is_first {
            *came = Came::Rejected;
        }
        is_first
    }

    /// The contacts of which no row came, in the order of their numbers.
    pub(super) fn not_received(&self) -> Vec<ContactId> {
        let missing = self.contacts.iter().filter(|entry| entry.came == Came::Not);
        let mut missing: Vec<ContactId> = missing.map(|entry| entry.id).collect();
        missing.sort_unstable();
        missing
    }

    /// As if contacts were made of rows that nobody remembers.
    #[cfg(test)]
    pub(super) fn forget_rows(&mut self) {
        self.contacts.iter_mut().for_each(|entry| entry.row = None);
    }

    /// How many contacts of the source there are before the run.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.contacts.len() as u64
    }

    /// Whether the source has no contacts yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contacts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_no_gaps() {
        assert_eq!(size_of::<Entry>(), 64);
    }

    #[test]
    fn each_contact_is_found_by_its_key_and_received_once() {
        let mut known = KnownContacts::default();
        let contact = |id| KnownContact {
            id: ContactId(id),
            digest: DetailsDigest([0; 16]),
            row: None,
            phonebook: PhonebookId(1),
            is_missing: false,
        };
        (1..=1000).for_each(|id| known.insert(&format!("key {id}"), contact(id)));
        known.complete();
        for id in (1..=1000).filter(|id| id % 2 == 0) {
            let key = hash_of(&format!("key {id}"));
            assert!(matches!(known.receive(key), Receipt::Known(found) if found.id == ContactId(id)));
            assert!(matches!(known.receive(key), Receipt::Duplicate));
        }
        assert!(known.reject(hash_of("key 1")) && !known.reject(hash_of("key 1")));
        assert!(!known.reject(hash_of("key 2")), "it was received before");
        assert!(matches!(known.receive(hash_of("another")), Receipt::New));
        assert!(matches!(known.receive(hash_of("another")), Receipt::Duplicate));
        let expected: Vec<_> = (3..=1000).filter(|id| id % 2 == 1).map(ContactId).collect();
        assert_eq!(known.not_received(), expected);
    }
}
