//! An index as sections of a sealed file: what it is packed in is what is written, so reading it is copying bytes and
//! a look at each number.
//!
//! The checksum of the file says that it is what a verified index was; the checks here are for the case that it is
//! not, so that even then no place outside is looked at.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::contacts::PackedContacts;
use super::numbers::NumberIndex;
use super::postings::{MAX_SETS, Packing};
use super::table::NumberTable;
use super::verify::{VerifyError, verify_postings};
use super::{ContactIndex, IndexedPhonebook, PhonebookOrdinal};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::sealed_file::{SealError, SealReader, SealWriter};

/// The small parts.
#[derive(Serialize, Deserialize)]
struct Parts {
    phonebooks: Vec<(PhonebookId, PhonebookName)>,
    phonebook_sets: Vec<Vec<u16>>,
    sources: Vec<Box<str>>,
    has_last_digits: bool,
}

impl ContactIndex {
    /// Writes its sections.
    pub fn write_to<W: Write>(&self, file: &mut SealWriter<W>) -> io::Result<()> {
        let sets = self.phonebook_sets.iter().map(|set| set.iter().map(|ordinal| ordinal.0).collect());
        let table = self.numbers.table.parts();
        let names = self.phonebooks.iter().map(|phonebook| (phonebook.id, phonebook.name.clone()));
        let parts = Parts {
            phonebooks: names.collect(),
            phonebook_sets: sets.collect(),
            sources: self.sources.clone(),
            has_last_digits: self.has_last_digits(),
        };
        file.section(&serde_json::to_vec(&parts)?)?;
        let (records, starts) = self.contacts.parts();
        file.section(records)?;
        file.integers(starts)?;
        file.section(&table.buckets.iter().flat_map(|bucket| bucket.to_le_bytes()).collect::<Vec<u8>>())?;
        file.integers(table.entries)?;
        file.section(table.overflow)?;
        file.integers(&table.aside.iter().flat_map(|(hash, value)| [*hash, *value]).collect::<Vec<u64>>())?;
        file.section(self.numbers.forward.as_fst().as_bytes())?;
        file.section(self.numbers.backward.as_ref().map_or(&[], |set| set.as_fst().as_bytes()))?;
        file.integers(&self.numbers.lists)
    }

    /// Reads what [`Self::write_to`] wrote, and ends the file.
    pub fn read_from<R: Read>(mut file: SealReader<R>) -> Result<Self, SealError> {
        let parts = file.section()?;
        let (records, starts) = (file.section()?, file.integers()?);
        let (buckets, entries, overflow) = (file.section()?, file.integers()?, file.section()?);
        let aside = file.integers()?;
        let (forward, backward) = (file.section()?, file.section()?);
        let lists = file.integers()?;
        file.finish()?;

        let wrong = |what: &str| SealError::Damaged(what.to_owned());
        let parts: Parts =
            serde_json::from_slice(&parts).map_err(|error| SealError::Damaged(error.to_string()))?;
        let phonebook_count = parts.phonebooks.len();
        if phonebook_count >= usize::from(u16::MAX) || parts.phonebook_sets.len() > MAX_SETS {
            return Err(wrong("it has too many phonebooks"));
        }
        let is_set = |set: &Vec<u16>| {
            set.is_sorted_by(|a, b| a < b)
                && set.last().is_none_or(|last| usize::from(*last) < phonebook_count)
        };
        if !parts.phonebook_sets.iter().all(is_set) {
            return Err(wrong("a set of phonebooks lies outside"));
        }
        let contacts =
            PackedContacts::of_parts(records, starts).ok_or_else(|| wrong("a contact lies outside"))?;
        let (buckets, half_a_bucket) = buckets.as_chunks();
        let (aside, half_a_number) = aside.as_chunks();
        if !half_a_bucket.is_empty() || !half_a_number.is_empty() {
            return Err(wrong("its table of numbers is cut off"));
        }
        let buckets = buckets.iter().map(|bucket| u32::from_le_bytes(*bucket)).collect();
        let aside = aside.iter().map(|[hash, value]| (*hash, *value)).collect();
        let table = NumberTable::of_parts(buckets, entries, overflow, aside)
            .ok_or_else(|| wrong("a number lies outside"))?;
        let set = |bytes: Vec<u8>| {
            fst::Set::new(bytes).map_err(|error| SealError::Damaged(format!("its numbers: {error}")))
        };
        let backward = if parts.has_last_digits { Some(set(backward)?) } else { None };
        let packing = Packing::for_sets(parts.phonebook_sets.len());
        let phonebooks: Vec<IndexedPhonebook> =
            parts.phonebooks.into_iter().map(|(id, name)| IndexedPhonebook { id, name }).collect();
        let names = phonebooks.iter().enumerate();
        let ordinals: HashMap<String, PhonebookOrdinal> = names
            .map(|(place, phonebook)| (phonebook.name.folded(), PhonebookOrdinal(place as u16)))
            .collect();
        let sets = parts.phonebook_sets.into_iter();
        let index = ContactIndex {
            contacts,
            numbers: Arc::new(NumberIndex { packing, table, forward: set(forward)?, backward, lists }),
            phonebooks,
            ordinals,
            phonebook_sets: sets.map(|set| set.into_iter().map(PhonebookOrdinal).collect()).collect(),
            sources: parts.sources,
        };
        verify_postings(&index).map_err(|VerifyError(what)| SealError::Damaged(what))?;
        Ok(index)
    }
}
