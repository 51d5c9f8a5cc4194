//! The numbers of an index: an fst over normalised numbers, and a second one over the same numbers read
//! backwards when last digits may match.

use fst::{IntoStreamer, Streamer};

use super::IndexError;
use super::postings::{Packing, Posting, Postings};
use crate::phone_number::{MAX_DIGITS, PhoneNumber};

/// Number -> packed posting, or list of postings.
///
/// Keys are ASCII digits; plain numbers have [`PLAIN`] before them, so that they are after all E.164
/// numbers, as [`PhoneNumber`] orders them.
#[derive(Debug)]
pub(super) struct NumberIndex {
    pub(super) packing: Packing,
    pub(super) forward: fst::Map<Vec<u8>>,
    /// Keys are digits from the last to the first, then [`PLAIN`] or [`INTERNATIONAL`].
    pub(super) backward: Option<fst::Map<Vec<u8>>>,
    /// Each list is its length, then its packed postings, best first.
    pub(super) lists: Vec<u64>,
}

const PLAIN: u8 = b'=';
const INTERNATIONAL: u8 = b'+';

/// Digits and a mark.
const MAX_KEY: usize = MAX_DIGITS + 1;

/// A key of one of the maps, without an allocation.
pub(super) struct Key {
    bytes: [u8; MAX_KEY],
    length: usize,
}

impl Key {
    pub(super) fn forward(number: PhoneNumber) -> Key {
        let mark = (!number.is_e164()).then_some(PLAIN);
        Key::from_bytes(mark.into_iter().chain(number.digits().as_bytes().iter().copied()))
    }

    pub(super) fn backward(number: PhoneNumber) -> Key {
        let mark = if number.is_e164() { INTERNATIONAL } else { PLAIN };
        Key::from_bytes(number.digits().as_bytes().iter().rev().copied().chain([mark]))
    }

    fn from_bytes(parts: impl Iterator<Item = u8>) -> Key {
        let mut key = Key { bytes: [0; MAX_KEY], length: 0 };
        for byte in parts.take(MAX_KEY) {
            key.bytes[key.length] = byte;
            key.length += 1;
        }
        key
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl NumberIndex {
    /// `entries` are sorted by number, and hold each number once.
    pub(super) fn build(
        entries: &[(PhoneNumber, u64)],
        packing: Packing,
        lists: Vec<u64>,
        with_last_digits: bool,
    ) -> Result<Self, IndexError> {
        let mut forward = fst::MapBuilder::memory();
        for (number, value) in entries {
            forward.insert(Key::forward(*number).as_bytes(), *value)?;
        }
        let backward = if with_last_digits { Some(build_backward(entries)?) } else { None };
        let mut forward = forward.into_inner()?;
        forward.shrink_to_fit();
        Ok(NumberIndex { packing, forward: fst::Map::new(forward)?, backward, lists })
    }

    pub(super) fn len(&self) -> usize {
        self.forward.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.forward.as_fst().as_bytes().len()
            + self.backward.as_ref().map_or(0, |map| map.as_fst().as_bytes().len())
            + self.lists.capacity() * size_of::<u64>()
    }

    pub(super) fn has_last_digits(&self) -> bool {
        self.backward.is_some()
    }

    pub(super) fn exact(&self, number: PhoneNumber) -> Postings<'_> {
        self.postings(self.forward.get(Key::forward(number).as_bytes()))
    }

    /// The numbers after this one, whether it is there or not.
    pub(super) fn after(&self, number: PhoneNumber) -> fst::map::Stream<'_> {
        self.forward.range().gt(Key::forward(number).as_bytes()).into_stream()
    }

    pub(super) fn postings(&self, found: Option<u64>) -> Postings<'_> {
        Postings::new(self.packing, found, &self.lists)
    }

    pub(super) fn last_digits(&self, number: PhoneNumber, count: u8) -> Vec<Posting> {
        let Some(backward) = &self.backward else { return Vec::new() };
        let digits = number.digits();
        if digits.len() <= usize::from(count) {
            return Vec::new();
        }
        let whole = Key::backward(number);
        let suffix = &whole.as_bytes()[..usize::from(count)];
        // The keys that begin with the suffix end before the suffix followed by a byte above all others.
        let mut end = [0xff; MAX_KEY + 1];
        end[..suffix.len()].copy_from_slice(suffix);

        let country_code = number.country_code();
        let mut found = Vec::new();
        let mut stream = backward.range().ge(suffix).lt(&end[..=suffix.len()]).into_stream();
        while let Some((key, value)) = stream.next() {
            let other = number_of_backward(key);
            let another_country = match (country_code, other.and_then(PhoneNumber::country_code)) {
                (Some(ours), Some(theirs)) => ours != theirs,
                _ => false,
            };
            if !another_country && other != Some(number) {
                found.extend(self.postings(Some(value)));
            }
        }
        found
    }
}

fn build_backward(entries: &[(PhoneNumber, u64)]) -> Result<fst::Map<Vec<u8>>, IndexError> {
    let mut order: Vec<u32> =
        (0..u32::try_from(entries.len()).map_err(|_| IndexError::TooManyNumbers)?).collect();
    let key_of = |place: &u32| Key::backward(entries[*place as usize].0).bytes;
    // No key is the beginning of another (all end with a mark), so the padding does not change the order.
    order.sort_unstable_by_key(key_of);
    let mut backward = fst::MapBuilder::memory();
    for place in order {
        let (number, value) = entries[place as usize];
        backward.insert(Key::backward(number).as_bytes(), value)?;
    }
    Ok(fst::Map::new(backward.into_inner()?)?)
}

/// The number that a key of the forward map stands for.
pub(super) fn number_of_forward(key: &[u8]) -> Option<PhoneNumber> {
    match key.strip_prefix(&[PLAIN]) {
        Some(digits) => PhoneNumber::from_plain_digits(std::str::from_utf8(digits).ok()?).ok(),
        None => PhoneNumber::from_e164_digits(std::str::from_utf8(key).ok()?).ok(),
    }
}

fn number_of_backward(key: &[u8]) -> Option<PhoneNumber> {
    let (mark, digits) = key.split_last()?;
    let digits: String = digits.iter().rev().map(|digit| char::from(*digit)).collect();
    if *mark == INTERNATIONAL {
        PhoneNumber::from_e164_digits(&digits).ok()
    } else {
        PhoneNumber::from_plain_digits(&digits).ok()
    }
}
