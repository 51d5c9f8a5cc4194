//! What the index knows of one number of one contact, in a few bits.

use super::{ContactOrdinal, PhonebookSet};
use crate::contact::NumberLabel;

/// One number of one contact: which contact, its phonebooks, and what the number is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Whose number it is.
    pub contact: ContactOrdinal,
    /// The phonebooks that the contact is in.
    pub phonebooks: PhonebookSet,
    /// What the number is used for.
    pub label: NumberLabel,
}

/// How postings are packed into integers: contact, phonebook set, label, and a bit that tells a posting
/// (0) from a reference to a list of them (1), from the highest bits to the lowest.
///
/// Sets take only as many bits as there are sets, since small integers make narrow entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    set_bits: u32,
}

const LIST_BIT: u64 = 1;
const LABEL_SHIFT: u32 = 1;
const LABEL_BITS: u32 = 4;
const SET_SHIFT: u32 = LABEL_SHIFT + LABEL_BITS;

/// Most sets that leave 32 bits for the contact.
pub(super) const MAX_SETS: usize = 1 << (64 - 32 - SET_SHIFT);

impl Packing {
    /// For up to [`MAX_SETS`] sets.
    pub(super) fn for_sets(sets: usize) -> Self {
        Packing { set_bits: sets.max(1).next_power_of_two().trailing_zeros() }
    }

    pub(super) fn pack(self, posting: Posting) -> u64 {
        (u64::from(posting.contact.0) << (SET_SHIFT + self.set_bits))
            | (u64::from(posting.phonebooks.0) << SET_SHIFT)
            | ((posting.label as u64) << LABEL_SHIFT)
    }

    #[inline]
    pub(super) fn unpack(self, packed: u64) -> Posting {
        let label = (packed >> LABEL_SHIFT) & ((1 << LABEL_BITS) - 1);
        Posting {
            contact: ContactOrdinal((packed >> (SET_SHIFT + self.set_bits)) as u32),
            phonebooks: PhonebookSet(((packed >> SET_SHIFT) & ((1 << self.set_bits) - 1)) as u32),
            // Only labels are ever packed, so the fallback is never taken.
            label: NumberLabel::ALL.get(label as usize).copied().unwrap_or(NumberLabel::OtherNumber),
        }
    }

    pub(super) fn pack_list(self, start: usize) -> u64 {
        ((start as u64) << 1) | LIST_BIT
    }

    /// Where the list begins, if `packed` refers to one.
    pub(super) fn unpack_list(self, packed: u64) -> Option<usize> {
        (packed & LIST_BIT == LIST_BIT).then_some((packed >> 1) as usize)
    }
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
            // A list is its length, then its postings.
            Some((_, Some(start))) => (None, &lists[start + 1..][..lists[start] as usize]),
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
