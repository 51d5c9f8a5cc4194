//! Takes every contact once and makes an index of them.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::contacts::PackedContacts;
use super::numbers::NumberIndex;
use super::postings::{MAX_SETS, Packing, Posting};
use super::{ContactIndex, IndexedNumber, IndexedPhonebook, PhonebookOrdinal, PhonebookSet};
use crate::background;
use crate::contact::ContactId;
use crate::phone_number::PhoneNumber;
use crate::phonebook::PhonebookId;

/// A contact on its way into an index.
#[derive(Debug, Clone, Copy)]
pub struct IndexedContact<'a> {
    /// Its number in the store.
    pub id: ContactId,
    /// Name of its source; `None` when it is local.
    pub source: Option<&'a str>,
    /// What the source calls it.
    pub source_key: &'a str,
    /// First and last name, or else the company.
    pub display_name: &'a str,
    /// Its company.
    pub company: &'a str,
    /// The extension of the contact's own person in the company.
    pub own_extension: &'a str,
    /// The phonebooks it is in, in any order.
    pub phonebooks: &'a [PhonebookId],
    /// Its numbers. Of several that are equal, the first gives the label.
    pub numbers: &'a [IndexedNumber],
}

impl<'a> IndexedContact<'a> {
    /// As [`super::contacts::PackedContacts`] has them.
    pub(super) fn texts(&self) -> [&'a str; 4] {
        [self.source_key, self.display_name, self.company, self.own_extension]
    }
}

/// Why no index could be built.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Contacts are counted in 32 bits.
    #[error("an index holds at most {} contacts", u32::MAX)]
    TooManyContacts,
    /// Numbers are counted in 32 bits.
    #[error("an index holds at most {} numbers", u32::MAX)]
    TooManyNumbers,
    /// Phonebooks are counted in 16 bits.
    #[error("an index holds at most {} phonebooks", u16::MAX)]
    TooManyPhonebooks,
    /// Distinct combinations of phonebooks.
    #[error("contacts are in more than {MAX_SETS} different combinations of phonebooks")]
    TooManyPhonebookSets,
    /// The store gave a contact in a phonebook that it did not list.
    #[error("contact {contact} is in phonebook {phonebook}, which does not exist: the store is damaged")]
    UnknownPhonebook {
        /// The contact.
        contact: ContactId,
        /// The phonebook.
        phonebook: PhonebookId,
    },
    /// The fst could not be made.
    #[error("the number index could not be made: {0}")]
    Fst(#[from] fst::Error),
}

/// Builds a [`ContactIndex`].
#[derive(Debug)]
pub struct ContactIndexBuilder {
    pub(super) contacts: PackedContacts,
    phonebooks: Vec<IndexedPhonebook>,
    ordinals: HashMap<PhonebookId, PhonebookOrdinal>,
    sets: HashMap<Box<[PhonebookOrdinal]>, PhonebookSet>,
    pub(super) sources: Vec<Box<str>>,
    /// Postings are packed at the end, when the number of sets is known.
    pub(super) entries: Vec<(PhoneNumber, u64)>,
}

/// An index is seldom larger than the one before it by more than this.
pub(super) fn with_some_more(length: usize) -> usize {
    length + length / 8
}

/// Used until the number of sets is known: room for all of them.
pub(super) fn widest() -> Packing {
    Packing::for_sets(MAX_SETS)
}

impl ContactIndexBuilder {
    /// `phonebooks` in order of priority; all that contacts may be in.
    pub fn new(phonebooks: Vec<IndexedPhonebook>) -> Result<Self, IndexError> {
        let mut ordinals = HashMap::new();
        for (place, phonebook) in phonebooks.iter().enumerate() {
            // The last value stays free: it ranks contacts that are in no phonebook.
            let place = u16::try_from(place).ok().filter(|place| *place < u16::MAX);
            ordinals.insert(phonebook.id, PhonebookOrdinal(place.ok_or(IndexError::TooManyPhonebooks)?));
        }
        Ok(ContactIndexBuilder {
            contacts: PackedContacts::default(),
            phonebooks,
            ordinals,
            sets: HashMap::new(),
            sources: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// Makes room for about as much as another index holds: growing step by step takes twice the memory.
    pub fn reserve_for(&mut self, other: &ContactIndex) {
        self.contacts.reserve_for(&other.contacts);
        self.entries.reserve(with_some_more(other.number_count()));
    }

    /// Adds a contact.
    pub fn push(&mut self, contact: IndexedContact<'_>) -> Result<(), IndexError> {
        let source = contact.source.map_or(0, |name| self.source_place(name));
        let phonebooks = self.phonebook_set(contact.id, contact.phonebooks.iter().copied())?;
        let ordinal = self.contacts.push(contact.id, source, contact.texts())?;
        for (place, number) in contact.numbers.iter().enumerate() {
            let earlier = &contact.numbers[..place];
            if earlier.iter().all(|other| other.number != number.number) {
                let posting = Posting::new(ordinal, phonebooks, number.label);
                self.entries.push((number.number, widest().pack(posting)));
            }
        }
        Ok(())
    }

    /// 0 is a local contact; there are few sources, and neighbours share them.
    fn source_place(&mut self, name: &str) -> u64 {
        let place = self.sources.iter().rposition(|source| &**source == name).unwrap_or_else(|| {
            self.sources.push(name.into());
            self.sources.len() - 1
        });
        place as u64 + 1
    }

    pub(super) fn phonebook_set(
        &mut self,
        contact: ContactId,
        phonebooks: impl Iterator<Item = PhonebookId>,
    ) -> Result<PhonebookSet, IndexError> {
        let mut set = Vec::with_capacity(phonebooks.size_hint().0);
        for phonebook in phonebooks {
            let unknown = IndexError::UnknownPhonebook { contact, phonebook };
            set.push(*self.ordinals.get(&phonebook).ok_or(unknown)?);
        }
        set.sort_unstable();
        set.dedup();
        if let Some(known) = self.sets.get(set.as_slice()) {
            return Ok(*known);
        }
        if self.sets.len() == MAX_SETS {
            return Err(IndexError::TooManyPhonebookSets);
        }
        let new = PhonebookSet(self.sets.len() as u32);
        self.sets.insert(set.into_boxed_slice(), new);
        Ok(new)
    }

    /// Sorts and packs. With `last_digits`, numbers can also be found by their last digits, for about
    /// six bytes more each.
    pub fn finish(mut self, last_digits: bool) -> Result<ContactIndex, IndexError> {
        self.contacts.shrink();
        background::on_all_cores(|| self.entries.par_sort_unstable());

        let mut sets: Vec<(Box<[PhonebookOrdinal]>, PhonebookSet)> = self.sets.into_iter().collect();
        sets.sort_unstable_by_key(|(_, place)| *place);
        let packing = Packing::for_sets(sets.len());
        let ordinals = &self.ordinals;
        let ordinal_by_name =
            self.phonebooks.iter().map(|phonebook| (phonebook.name.folded(), ordinals[&phonebook.id]));
        let mut index = ContactIndex {
            ordinals: ordinal_by_name.collect(),
            contacts: self.contacts,
            numbers: Arc::new(NumberIndex::build(Vec::new(), packing, Vec::new(), false)?),
            phonebooks: self.phonebooks,
            phonebook_sets: sets.into_iter().map(|(set, _)| set).collect(),
            sources: self.sources,
        };

        // In place: each number's postings become one value, moved to the front.
        let mut lists = Vec::new();
        let mut kept = 0;
        let mut start = 0;
        while start < self.entries.len() {
            let number = self.entries[start].0;
            let run = self.entries[start..].iter().take_while(|entry| entry.0 == number).count();
            let value = if run == 1 {
                packing.pack(widest().unpack(self.entries[start].1))
            } else {
                let mut postings: Vec<Posting> =
                    self.entries[start..start + run].iter().map(|entry| widest().unpack(entry.1)).collect();
                postings.sort_by(|a, b| index.compare(*a, *b));
                let value = packing.pack_list(lists.len());
                lists.push(run as u64);
                lists.extend(postings.into_iter().map(|posting| packing.pack(posting)));
                value
            };
            self.entries[kept] = (number, value);
            kept += 1;
            start += run;
        }
        lists.shrink_to_fit();
        self.entries.truncate(kept);
        index.numbers = Arc::new(NumberIndex::build(self.entries, packing, lists, last_digits)?);
        Ok(index)
    }
}
