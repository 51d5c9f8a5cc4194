//! What is known of a source's contacts while its rows come, and which of them came. The one stays as it is, so that
//! rows can be prepared on all cores while others are compared.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::prepare::{DetailsDigest, RowDigest};
use crate::background;
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
#[derive(Debug)]
pub struct KnownContacts {
    /// Drawn for each run, so that nobody can choose keys that have the same hash.
    seed: u64,
    contacts: Vec<Entry>,
    /// Of each value of the first [`PREFIX_BITS`] of a hash, where its entries begin.
    starts: Vec<u32>,
}

/// Where a contact is among those that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownPlace(u32);

/// Whose rows came so far.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// Of each contact that is known.
    known: Vec<Came>,
    /// Hashes of keys that are not known.
    new: HashSet<u128>,
}

const PREFIX_BITS: u32 = 16;

/// A [`KnownContact`] taken apart, which leaves no gaps.
#[derive(Debug)]
struct Entry {
    /// Its halves, as a whole would have to lie on a boundary of 16 bytes.
    key: [u64; 2],
    id: ContactId,
    digest: DetailsDigest,
    row: Option<RowDigest>,
    phonebook: PhonebookId,
    is_missing: bool,
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
    Known(KnownPlace),
    /// The first row of one that is not.
    New,
    /// An earlier row has the same key.
    Duplicate,
}

fn halves(key: u128) -> [u64; 2] {
    [(key >> 64) as u64, key as u64]
}

impl Entry {
    fn prefix(&self) -> usize {
        (self.key[0] >> (u64::BITS - PREFIX_BITS)) as usize
    }
}

impl Default for KnownContacts {
    fn default() -> Self {
        KnownContacts::with_room_for(0)
    }
}

impl KnownContacts {
    /// Knows none yet, of so many.
    #[must_use]
    pub fn with_room_for(contacts: u64) -> Self {
        let contacts = Vec::with_capacity(usize::try_from(contacts).unwrap_or(0));
        KnownContacts { seed: RandomState::new().hash_one(0), contacts, starts: Vec::new() }
    }

    /// What contacts are found by: a hash of their keys, for one run.
    pub(super) fn hash_of(&self, key: &str) -> u128 {
        xxh3_128_with_seed(key.as_bytes(), self.seed)
    }

    /// Adds what is known of a contact.
    pub fn insert(&mut self, source_key: &str, contact: KnownContact) {
        let KnownContact { id, digest, row, phonebook, is_missing } = contact;
        let key = halves(self.hash_of(source_key));
        self.contacts.push(Entry { key, id, digest, row, phonebook, is_missing });
    }

    /// Nothing more is known.
    pub(super) fn complete(&mut self) {
        background::on_all_cores(|| self.contacts.par_sort_unstable_by_key(|entry| entry.key));
        let mut at = 0;
        self.starts = (0..=1 << PREFIX_BITS)
            .map(|prefix| {
                at += self.contacts[at..].iter().take_while(|entry| entry.prefix() < prefix).count();
                u32::try_from(at).unwrap_or(u32::MAX)
            })
            .collect();
    }

    /// The contact with this key, if it is known.
    pub(super) fn place_of(&self, key_hash: u128) -> Option<KnownPlace> {
        let key = halves(key_hash);
        let prefix = (key[0] >> (u64::BITS - PREFIX_BITS)) as usize;
        let (start, end) = (*self.starts.get(prefix)? as usize, *self.starts.get(prefix + 1)? as usize);
        let found = self.contacts.get(start..end)?.binary_search_by_key(&key, |entry| entry.key).ok()?;
        // The starts are counted in 32 bits.
        Some(KnownPlace((start + found) as u32))
    }

    pub(super) fn contact(&self, place: KnownPlace) -> KnownContact {
        let Entry { id, digest, row, phonebook, is_missing, .. } = self.contacts[place.0 as usize];
        KnownContact { id, digest, row, phonebook, is_missing }
    }

    /// What a contact was made of.
    pub(super) fn row_of(&self, place: KnownPlace) -> Option<RowDigest> {
        self.contacts[place.0 as usize].row
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

impl Received {
    /// Nothing came yet.
    pub(super) fn none_of(known: &KnownContacts) -> Self {
        Received { known: vec![Came::Not; known.contacts.len()], new: HashSet::new() }
    }

    /// Notes that a row with this key came, which has this place.
    pub(super) fn receive(&mut self, key_hash: u128, place: Option<KnownPlace>) -> Receipt {
        let Some(place) = place else {
            return if self.new.insert(key_hash) { Receipt::New } else { Receipt::Duplicate };
        };
        match std::mem::replace(&mut self.known[place.0 as usize], Came::Received) {
            Came::Received => Receipt::Duplicate,
            Came::Not | Came::Rejected => Receipt::Known(place),
        }
    }

    /// Notes that a row with the key of this contact came and was rejected. Says whether it is its only one so far.
    pub(super) fn reject(&mut self, place: KnownPlace) -> bool {
        let came = &mut self.known[place.0 as usize];
        let is_first = *came == Came::Not;
        if is_first {
            *came = Came::Rejected;
        }
        is_first
    }

    /// Whether no row of this contact came that was not rejected, but one that was.
    pub(super) fn is_rejected(&self, place: KnownPlace) -> bool {
        self.known[place.0 as usize] == Came::Rejected
    }

    /// The contacts of which no row came, in the order of their numbers.
    pub(super) fn not_received(&self, known: &KnownContacts) -> Vec<ContactId> {
        let missing = known.contacts.iter().zip(&self.known).filter(|(_, came)| **came == Came::Not);
        let mut missing: Vec<ContactId> = missing.map(|(entry, _)| entry.id).collect();
        missing.sort_unstable();
        missing
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
        let mut received = Received::none_of(&known);
        let mut receive = |key: &str| {
            let key_hash = known.hash_of(key);
            received.receive(key_hash, known.place_of(key_hash))
        };
        for id in (1..=1000).filter(|id| id % 2 == 0) {
            let key = format!("key {id}");
            assert!(
                matches!(receive(&key), Receipt::Known(found) if known.contact(found).id == ContactId(id))
            );
            assert!(matches!(receive(&key), Receipt::Duplicate));
        }
        assert!(matches!(receive("another"), Receipt::New));
        assert!(matches!(receive("another"), Receipt::Duplicate));
        let place = |key| known.place_of(known.hash_of(key)).unwrap();
        assert!(received.reject(place("key 1")) && !received.reject(place("key 1")));
        assert!(!received.reject(place("key 2")), "it was received before");
        let expected: Vec<_> = (3..=1000).filter(|id| id % 2 == 1).map(ContactId).collect();
        assert_eq!(received.not_received(&known), expected);
    }
}
