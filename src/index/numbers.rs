//! The numbers of an index: a table that leads from each to its postings, and beside it the same numbers in order, as
//! a set (fst); and a second set of them read backwards when last digits may match.

use fst::{IntoStreamer, Streamer};
use rayon::prelude::*;

use super::IndexError;
use super::postings::{Packing, Posting, Postings};
use super::table::NumberTable;
use crate::background;
use crate::phone_number::{MAX_DIGITS, PhoneNumber};

/// Number -> packed posting, or list of postings.
#[derive(Debug)]
pub(super) struct NumberIndex {
    pub(super) packing: Packing,
    /// What a call asks: number -> packed posting, or reference to a list.
    pub(super) table: NumberTable,
    /// The numbers in their order. Keys are ASCII digits; plain numbers have [`PLAIN`] before them, so that they are
    /// after all E.164 numbers, as [`PhoneNumber`] orders them.
    pub(super) forward: fst::Set<Vec<u8>>,
    /// Keys are digits from the last to the first, then [`PLAIN`] or [`INTERNATIONAL`].
    pub(super) backward: Option<fst::Set<Vec<u8>>>,
    /// Each list is its length, then its packed postings, best first.
    pub(super) lists: Vec<u64>,
}

const PLAIN: u8 = b'=';
const INTERNATIONAL: u8 = b'+';

/// What keys are made of, in the order of the bytes; the first one ends a key, the last ones are not used.
const SYMBOLS: &[u8; 16] = b"\0+0123456789=\0\0\0";

/// Digits and a mark.
const MAX_KEY: usize = MAX_DIGITS + 1;

/// A key of one of the sets, without an allocation.
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

    /// The key in eight bytes, in the same order: the place of each of its bytes in [`SYMBOLS`], from the left.
    fn to_bits(&self) -> u64 {
        let place_of = |byte: u8| match byte {
            INTERNATIONAL => 1,
            PLAIN => 12,
            digit => u64::from(digit - b'0') + 2,
        };
        let bytes = self.as_bytes().iter().zip((0..MAX_KEY).rev());
        bytes.fold(0, |bits, (byte, place)| bits | place_of(*byte) << (4 * place))
    }

    fn from_bits(bits: u64) -> Key {
        let symbols = (0..MAX_KEY).rev().map(|place| (bits >> (4 * place) & 0xf) as usize);
        Key::from_bytes(symbols.take_while(|symbol| *symbol > 0).map(|symbol| SYMBOLS[symbol]))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl NumberIndex {
    /// `entries` are sorted by number, and hold each number once.
    pub(super) fn build(
        entries: Vec<(PhoneNumber, u64)>,
        packing: Packing,
        lists: Vec<u64>,
        with_last_digits: bool,
    ) -> Result<Self, IndexError> {
        if u32::try_from(entries.len()).is_err() {
            return Err(IndexError::TooManyNumbers);
        }
        let build_forward = || build_set(entries.iter().map(|(number, _)| Key::forward(*number)));
        let build_backward = || with_last_digits.then(|| build_backward(&entries)).transpose();
        let build_others = || rayon::join(build_backward, || NumberTable::build(&entries));
        let (forward, (backward, table)) =
            background::on_all_cores(|| rayon::join(build_forward, build_others));
        Ok(NumberIndex { packing, table, forward: forward?, backward: backward?, lists })
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
            + self.forward.as_fst().as_bytes().len()
            + self.backward.as_ref().map_or(0, |set| set.as_fst().as_bytes().len())
            + self.lists.capacity() * size_of::<u64>()
    }

    pub(super) fn has_last_digits(&self) -> bool {
        self.backward.is_some()
    }

    #[inline]
    pub(super) fn exact(&self, number: PhoneNumber) -> Postings<'_> {
        Postings::new(self.packing, self.table.get(number), &self.lists)
    }

    /// The numbers after this one, whether it is there or not.
    pub(super) fn after(&self, number: PhoneNumber) -> fst::set::Stream<'_> {
        self.forward.range().gt(Key::forward(number).as_bytes()).into_stream()
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
        while let Some(key) = stream.next() {
            // Only numbers are ever put in, so none is passed over.
            let Some(other) = number_of_backward(key) else { continue };
            let another_country = match (country_code, other.country_code()) {
                (Some(ours), Some(theirs)) => ours != theirs,
                _ => false,
            };
            if !another_country && other != number {
                found.extend(self.exact(other));
            }
        }
        found
    }
}

fn build_backward(entries: &[(PhoneNumber, u64)]) -> Result<fst::Set<Vec<u8>>, IndexError> {
    let mut keys: Vec<u64> = entries.iter().map(|(number, _)| Key::backward(*number).to_bits()).collect();
    keys.par_sort_unstable();
    build_set(keys.into_iter().map(Key::from_bits))
}

/// `keys` in their order.
fn build_set(keys: impl Iterator<Item = Key>) -> Result<fst::Set<Vec<u8>>, IndexError> {
    let mut set = fst::SetBuilder::memory();
    for key in keys {
        set.insert(key.as_bytes())?;
    }
    let mut bytes = set.into_inner()?;
    bytes.shrink_to_fit();
    Ok(fst::Set::new(bytes)?)
}

/// The number that a key of the forward set stands for.
pub(super) fn number_of_forward(key: &[u8]) -> Option<PhoneNumber> {
    match key.strip_prefix(&[PLAIN]) {
        Some(digits) => PhoneNumber::from_plain_digits(std::str::from_utf8(digits).ok()?).ok(),
        None => PhoneNumber::from_e164_digits(std::str::from_utf8(key).ok()?).ok(),
    }
}

/// The number that a key of the backward set stands for.
pub(super) fn number_of_backward(key: &[u8]) -> Option<PhoneNumber> {
    let (mark, digits) = key.split_last()?;
    let mut forward = [0; MAX_DIGITS];
    let forward = forward.get_mut(..digits.len())?;
    forward.copy_from_slice(digits);
    forward.reverse();
    let digits = std::str::from_utf8(forward).ok()?;
    match *mark {
        INTERNATIONAL => PhoneNumber::from_e164_digits(digits).ok(),
        PLAIN => PhoneNumber::from_plain_digits(digits).ok(),
        _ => None,
    }
}
