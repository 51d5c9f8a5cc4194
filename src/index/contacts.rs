//! The contacts of an index, packed into one buffer: about 60 bytes each.

use std::ops::Range;

use super::builder::with_some_more;
use super::{ContactOrdinal, IndexError};
use crate::contact::ContactId;

/// What a caller match tells of a contact. Borrowed from the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactView<'a> {
    /// Its number in the store.
    pub id: ContactId,
    /// Name of the source it comes from; empty when it is local.
    pub source: &'a str,
    /// What the source calls it.
    pub source_key: &'a str,
    /// First and last name, or else the company.
    pub display_name: &'a str,
    /// Its company.
    pub company: &'a str,
    /// The extension of the contact's own person in the company; empty when there is none.
    pub own_extension: &'a str,
}

/// Records in the order of their ordinals: id, source, then the texts of [`ContactView`], each with its
/// length before it. All integers are LEB128.
#[derive(Debug, Default)]
pub(super) struct PackedContacts {
    bytes: Vec<u8>,
    starts: Vec<u64>,
}

impl PackedContacts {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<u64>()
    }

    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
    }

    /// The records, and where each begins.
    pub(super) fn parts(&self) -> (&[u8], &[u64]) {
        (&self.bytes, &self.starts)
    }

    /// The same again; nothing when a record would begin outside.
    pub(super) fn of_parts(bytes: Vec<u8>, starts: Vec<u64>) -> Option<Self> {
        let is_inside = starts.is_sorted() && starts.last().is_none_or(|last| *last < bytes.len() as u64);
        (is_inside && u32::try_from(starts.len()).is_ok()).then_some(PackedContacts { bytes, starts })
    }

    pub(super) fn push(
        &mut self,
        id: ContactId,
        source: u64,
        texts: [&str; 4],
    ) -> Result<ContactOrdinal, IndexError> {
        let ordinal = u32::try_from(self.starts.len()).map_err(|_| IndexError::TooManyContacts)?;
        self.starts.push(self.bytes.len() as u64);
        push_integer(&mut self.bytes, id.0);
        push_integer(&mut self.bytes, source);
        for text in texts {
            push_integer(&mut self.bytes, text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
        Ok(ContactOrdinal(ordinal))
    }

    /// Room for about what `other` holds.
    pub(super) fn reserve_for(&mut self, other: &PackedContacts) {
        self.bytes.reserve(with_some_more(other.bytes.len()));
        self.starts.reserve(with_some_more(other.starts.len()));
    }

    /// Takes a contact over from another index that has the same sources.
    pub(super) fn copy(
        &mut self,
        from: &PackedContacts,
        ordinal: ContactOrdinal,
    ) -> Result<ContactOrdinal, IndexError> {
        let place = ordinal.0 as usize;
        let end = from.starts.get(place + 1).map_or(from.bytes.len(), |next| *next as usize);
        let copy = u32::try_from(self.starts.len()).map_err(|_| IndexError::TooManyContacts)?;
        self.starts.push(self.bytes.len() as u64);
        self.bytes.extend_from_slice(&from.bytes[from.starts[place] as usize..end]);
        Ok(ContactOrdinal(copy))
    }

    /// The same contacts, some of them with other texts; `edits` in the order of their ordinals.
    pub(super) fn with_texts<'a>(
        &self,
        edits: impl Iterator<Item = (ContactOrdinal, [&'a str; 4])>,
    ) -> Result<Self, IndexError> {
        let mut edited = PackedContacts::default();
        edited.reserve_for(self);
        let mut next = 0;
        for (ordinal, texts) in edits {
            let place = ordinal.0 as usize;
            edited.copy_all(self, next..place);
            let mut record = &self.bytes[self.starts[place] as usize..];
            let (id, source) = (ContactId(take_integer(&mut record)), take_integer(&mut record));
            edited.push(id, source, texts)?;
            next = place + 1;
        }
        edited.copy_all(self, next..self.len());
        edited.shrink();
        Ok(edited)
    }

    fn copy_all(&mut self, from: &PackedContacts, places: Range<usize>) {
        let Some(starts) = from.starts.get(places.clone()).filter(|starts| !starts.is_empty()) else {
            return;
        };
        let end = from.starts.get(places.end).map_or(from.bytes.len(), |next| *next as usize);
        let (begin, at) = (starts[0], self.bytes.len() as u64);
        self.starts.extend(starts.iter().map(|start| start - begin + at));
        self.bytes.extend_from_slice(&from.bytes[begin as usize..end]);
    }

    /// The contact with this number; contacts are in the order of their numbers.
    pub(super) fn ordinal_of(&self, id: ContactId) -> Option<ContactOrdinal> {
        // There are no more than 32 bits count.
        let id_at = |start: &u64| ContactId(take_integer(&mut &self.bytes[*start as usize..]));
        let place = self.starts.binary_search_by_key(&id, id_at).ok()?;
        Some(ContactOrdinal(place as u32))
    }

    pub(super) fn id(&self, ordinal: ContactOrdinal) -> ContactId {
        ContactId(take_integer(&mut &self.bytes[self.starts[ordinal.0 as usize] as usize..]))
    }

    pub(super) fn get<'a>(&'a self, ordinal: ContactOrdinal, sources: &'a [Box<str>]) -> ContactView<'a> {
        let mut record = &self.bytes[self.starts[ordinal.0 as usize] as usize..];
        let id = ContactId(take_integer(&mut record));
        let source = match take_integer(&mut record) {
            0 => "",
            place => sources.get(place as usize - 1).map_or("", |source| source),
        };
        let [source_key, display_name, company, own_extension] =
            std::array::from_fn(|_| take_text(&mut record));
        ContactView { id, source, source_key, display_name, company, own_extension }
    }
}

fn push_integer(bytes: &mut Vec<u8>, mut integer: u64) {
    while integer >= 0x80 {
        bytes.push(integer as u8 | 0x80);
        integer >>= 7;
    }
    bytes.push(integer as u8);
}

fn take_integer(record: &mut &[u8]) -> u64 {
    let mut integer = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, rest)) = record.split_first() else { break };
        *record = rest;
        integer |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    integer
}

fn take_text<'a>(record: &mut &'a [u8]) -> &'a str {
    let length = (take_integer(record) as usize).min(record.len());
    let (text, rest) = record.split_at(length);
    *record = rest;
    // Only whole texts are ever packed, so the fallback is never taken.
    std::str::from_utf8(text).unwrap_or_default()
}
