//! What the index knows of one number of one contact, in a few bits.

use super::{ContactOrdinal, PhonebookSet};
use crate::contact::NumberLabel;

/// One number of one contact: which contact, its phonebooks, and what the number is used for.
///
/// From the highest bits to the lowest: the contact in 32, the set of phonebooks, the label, and a bit that is 0. One
/// integer, because what is written in parts and read as a whole has to wait until it is in the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Posting(u64);

const CONTACT_SHIFT: u32 = 32;
const LIST_BIT: u64 = 1;
const LABEL_SHIFT: u32 = 1;
const LABEL_BITS: u32 = 4;
const SET_SHIFT: u32 = LABEL_SHIFT + LABEL_BITS;

/// Most sets that leave 32 bits for the contact.
pub(super) const MAX_SETS: usize = 1 << (CONTACT_SHIFT - SET_SHIFT);

impl Posting {
    /// `phonebooks` is one of at most [`MAX_SETS`].
    pub(super) fn new(contact: ContactOrdinal, phonebooks: PhonebookSet, label: NumberLabel) -> Self {
        let (contact, phonebooks) = (u64::from(contact.0), u64::from(phonebooks.0));
        Posting(contact << CONTACT_SHIFT | phonebooks << SET_SHIFT | (label as u64) << LABEL_SHIFT)
    }

    /// Whose number it is.
    #[must_use]
    #[inline]
    pub fn contact(self) -> ContactOrdinal {
        ContactOrdinal((self.0 >> CONTACT_SHIFT) as u32)
    }

    /// The phonebooks that the contact is in.
    #[must_use]
    #[inline]
    pub fn phonebooks(self) -> PhonebookSet {
        PhonebookSet(self.0 as u32 >> SET_SHIFT)
    }

    /// What the number is used for.
    #[must_use]
    pub fn label(self) -> NumberLabel {
        let label = (self.0 >> LABEL_SHIFT) & ((1 << LABEL_BITS) - 1);
        // Only labels are ever packed, so the fallback is never taken.
        NumberLabel::ALL.get(label as usize).copied().unwrap_or(NumberLabel::OtherNumber)
    }
}

impl std::fmt::Debug for Posting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posting")
            .field("contact", &self.contact())
            .field("phonebooks", &self.phonebooks())
            .field("label", &self.label())
            .finish()
    }
}

/// How postings are packed into smaller integers: as they are, but for a set of phonebooks that takes only as many bits as
/// there are sets, since small integers make narrow entries. The lowest bit tells a posting (0) from a reference to a list
/// of them (1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    contact_shift: u32,
}

impl Packing {
    /// For up to [`MAX_SETS`] sets.
    pub(super) fn for_sets(sets: usize) -> Self {
        Packing { contact_shift: SET_SHIFT + sets.max(1).next_power_of_two().trailing_zeros() }
    }

    pub(super) fn pack(self, posting: Posting) -> u64 {
        posting.0 >> CONTACT_SHIFT << self.contact_shift | u64::from(posting.0 as u32)
    }

    #[inline]
    pub(super) fn unpack(self, packed: u64) -> Posting {
        let below = packed & ((1 << self.contact_shift) - 1);
        Posting(packed >> self.contact_shift << CONTACT_SHIFT | below)
    }

    pub(super) fn pack_list(self, start: usize) -> u64 {
        ((start as u64) << 1) | LIST_BIT
    }

    /// Where the list begins, if `packed` refers to one.
    pub(super) fn unpack_list(self, packed: u64) -> Option<usize> {
        (packed & LIST_BIT == LIST_BIT).then_some((packed >> 1) as usize)
    }
}

/// A list is its length, then its postings. Of a place where there is none, nothing.
fn list_at(lists: &[u64], start: usize) -> &[u64] {
    let whole = || lists.get(start..)?.split_first();
    whole().and_then(|(length, postings)| postings.get(..*length as usize)).unwrap_or_default()
}

/// The postings of one number, best first.
#[derive(Debug, Clone)]
pub struct Postings<'a> {
    packing: Packing,
    single: Option<u64>,
    list: std::slice::Iter<'a, u64>,
}

impl<'a> Postings<'a> {
    #[inline]
    pub(super) fn new(packing: Packing, found: Option<u64>, lists: &'a [u64]) -> Self {
        let (single, list) = match found.map(|packed| (packed, packing.unpack_list(packed))) {
            None => (None, [].as_slice()),
            Some((packed, None)) => (Some(packed), [].as_slice()),
            Some((_, Some(start))) => (None, list_at(lists, start)),
        };
        Postings { packing, single, list: list.iter() }
    }

    /// The first one, when there is no other.
    #[must_use]
    #[inline]
    pub fn only(&self) -> Option<Posting> {
        self.single.map(|packed| self.packing.unpack(packed))
    }

    /// Whether nobody has the number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.single.is_none() && self.list.len() == 0
    }
}

impl Iterator for Postings<'_> {
    type Item = Posting;

    #[inline]
    fn next(&mut self) -> Option<Posting> {
        self.single.take().or_else(|| self.list.next().copied()).map(|packed| self.packing.unpack(packed))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.single.is_some()) + self.list.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Postings<'_> {}
