//! From a number to its value, exactly, in two steps: what the number's bucket has, and where in it.
//!
//! Entries are in the order of their numbers' [hashes](hash), and no two numbers have the same hash. Its highest bits
//! say which bucket an entry is in, so the entry holds only the other ones, the *rest*, and the value above them. Both
//! are nearly always one integer. A bucket has four to eight entries on average, and says how their rests [end](end_of):
//! whoever has another end is not there, which is found out without looking at an entry.
//!
//! Were a bucket crowded, by chance or by somebody who chooses numbers so, a look-up would halve it until few entries
//! are left, as they are in order.

use rayon::prelude::*;

use crate::phone_number::PhoneNumber;

/// Numbers, each with a value. Immutable.
#[derive(Debug)]
pub(super) struct NumberTable {
    /// For each bucket, where its entries begin (the lower half, counted in entries), and a bit for each [`end_of`]
    /// their rests (the upper half); then one that is empty.
    buckets: Vec<u64>,
    /// Each is a rest, and above it the value, as far as there is room; then [`AT_ONCE`] zeros.
    entries: Vec<u64>,
    /// The bytes of each value for which there is no room in the entries: none, unless values are very large.
    overflow: Vec<u8>,
    overflow_bytes: usize,
    /// Bits of a hash that do not tell the bucket.
    rest_bits: u32,
}

/// How many entries are compared at once. Which of them it is cannot be foreseen, and a processor that guesses wrong
/// loses more time than comparing all of them takes.
const AT_ONCE: usize = 8;

/// A larger bucket is halved first.
const CROWDED: usize = 4 * AT_ONCE;

const HASH_BITS: u32 = PhoneNumber::INTEGER_BITS;
const HASH_MASK: u64 = (1 << HASH_BITS) - 1;

/// One of MurmurHash3's; any odd one without a pattern would do.
const MULTIPLIER: u64 = 0xc4ce_b9fe_1a85_ec53;

/// What undoes it.
const DIVISOR: u64 = {
    // Newton's iteration: three bits are right at first, twice as many each time.
    let mut inverse = MULTIPLIER;
    let mut right_bits = 3;
    while right_bits < HASH_BITS {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(MULTIPLIER.wrapping_mul(inverse)));
        right_bits *= 2;
    }
    inverse
};

/// A permutation of the integers of numbers: both steps can be undone, so different numbers have different hashes. The
/// highest bits depend on all digits.
#[inline]
fn hash(number: PhoneNumber) -> u64 {
    mixed(number.to_integer()).wrapping_mul(MULTIPLIER) & HASH_MASK
}

/// The number that has a hash, if one has it.
fn number_of(hash: u64) -> Option<PhoneNumber> {
    PhoneNumber::from_integer(mixed(hash.wrapping_mul(DIVISOR) & HASH_MASK))
}

/// The lower half depends on the upper one, too. Done twice, nothing is done.
fn mixed(bits: u64) -> u64 {
    bits ^ (bits >> HASH_BITS.div_ceil(2))
}

/// Tells whether two collections have the same numbers, in whatever order: how many there are, and the sum of what
/// [hashes](hash) of numbers are mixed to, in 128 bits. As hashes are a permutation, a table need not look its numbers up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) count: usize,
    sums: [u64; 2],
}

impl Fingerprint {
    pub(super) fn add(&mut self, number: PhoneNumber) {
        self.add_hash(hash(number));
    }

    /// With two of SplitMix64's streams.
    fn add_hash(&mut self, hash: u64) {
        self.count += 1;
        for (sum, start) in self.sums.iter_mut().zip([0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03]) {
            let mut mixed = hash.wrapping_add(start);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *sum = sum.wrapping_add(mixed ^ (mixed >> 31));
        }
    }
}

fn start_of(bucket: u64) -> usize {
    bucket as u32 as usize
}

/// The bit of a bucket for the last five bits of a rest.
fn end_of(rest: u64) -> u64 {
    1 << (32 + (rest & 31))
}

impl NumberTable {
    /// `entries` hold each number once, and are no more than 32 bits count.
    pub(super) fn build(entries: Vec<(PhoneNumber, u64)>) -> Self {
        let mut by_hash: Vec<(u64, u64)> =
            entries.into_iter().map(|(number, value)| (hash(number), value)).collect();
        by_hash.par_sort_unstable();
        let bucket_bits = (by_hash.len() / 8).next_power_of_two().trailing_zeros();
        let rest_bits = HASH_BITS - bucket_bits;
        let largest = by_hash.iter().map(|(_, value)| *value).max().unwrap_or(0);
        let overflowing = u64::BITS - (largest >> (u64::BITS - rest_bits)).leading_zeros();
        let mut table = NumberTable {
            buckets: Vec::with_capacity((1 << bucket_bits) + 1),
            entries: Vec::with_capacity(by_hash.len() + AT_ONCE),
            overflow: Vec::new(),
            overflow_bytes: overflowing.div_ceil(u8::BITS) as usize,
            rest_bits,
        };
        table.overflow.reserve_exact(by_hash.len() * table.overflow_bytes);
        for (place, (hash, value)) in by_hash.iter().enumerate() {
            let (bucket, rest) = table.split(*hash);
            // This bucket, and the empty ones before it.
            table.buckets.resize(bucket + 1, place as u64);
            table.buckets[bucket] |= end_of(rest);
            table.entries.push((value << rest_bits) | rest);
            let above = (value >> (u64::BITS - rest_bits)).to_le_bytes();
            table.overflow.extend_from_slice(&above[..table.overflow_bytes]);
        }
        table.buckets.resize((1 << bucket_bits) + 1, by_hash.len() as u64);
        table.entries.extend_from_slice(&[0; AT_ONCE]);
        table
    }

    fn split(&self, hash: u64) -> (usize, u64) {
        ((hash >> self.rest_bits) as usize, self.rest_of(hash))
    }

    fn rest_of(&self, bits: u64) -> u64 {
        bits & ((1 << self.rest_bits) - 1)
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.buckets.last().map_or(0, |end| start_of(*end))
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        (self.buckets.capacity() + self.entries.capacity()) * size_of::<u64>() + self.overflow.capacity()
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: PhoneNumber) -> Option<u64> {
        let (bucket, rest) = self.split(hash(number));
        let (bucket, next) = (self.buckets[bucket], self.buckets[bucket + 1]);
        if bucket & end_of(rest) == 0 {
            return None;
        }
        let (mut start, mut end) = (start_of(bucket), start_of(next));
        while end - start > CROWDED {
            let middle = usize::midpoint(start, end);
            match self.rest_of(self.entries[middle]) <= rest {
                true => start = middle,
                false => end = middle,
            }
        }
        while start < end {
            // What is behind the bucket may be among them, and may have the same rest.
            let together: &[u64; AT_ONCE] = self.entries[start..].first_chunk()?;
            let mut found = 0_u32;
            for (nth, entry) in together.iter().enumerate() {
                found |= u32::from(self.rest_of(*entry) == rest) << nth;
            }
            if found != 0 {
                let nth = found.trailing_zeros() as usize;
                return (start + nth < end).then(|| self.value_of(together[nth], start + nth));
            }
            start += AT_ONCE;
        }
        None
    }

    /// Of all numbers.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        self.hashes().for_each(|hash| fingerprint.add_hash(hash));
        fingerprint
    }

    /// All numbers, in no order that means anything. Nothing is looked up.
    pub(super) fn numbers(&self) -> impl Iterator<Item = PhoneNumber> {
        // Only numbers are ever put in, so none is passed over.
        self.hashes().filter_map(number_of)
    }

    /// An entry and where it is say which hash it is of.
    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.buckets.windows(2).zip(0_u64..).flat_map(move |(pair, bucket)| {
            let entries = &self.entries[start_of(pair[0])..start_of(pair[1])];
            entries.iter().map(move |entry| (bucket << self.rest_bits) | self.rest_of(*entry))
        })
    }

    /// All values, in no order that means anything.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> {
        self.entries[..self.len()].iter().enumerate().map(|(place, entry)| self.value_of(*entry, place))
    }

    #[inline]
    fn value_of(&self, entry: u64, place: usize) -> u64 {
        let value = entry >> self.rest_bits;
        if self.overflow_bytes == 0 { value } else { self.with_overflow(value, place) }
    }

    fn with_overflow(&self, value: u64, place: usize) -> u64 {
        let overflow = self.overflow[place * self.overflow_bytes..][..self.overflow_bytes].iter().rev();
        let above = overflow.fold(0, |above, byte| (above << u8::BITS) | u64::from(*byte));
        value | (above << (u64::BITS - self.rest_bits))
    }

    /// What it is made of, for [`Self::of_parts`]: the buckets, the entries, and what overflows.
    pub(super) fn parts(&self) -> (&[u64], &[u64], &[u8]) {
        (&self.buckets, &self.entries, &self.overflow)
    }

    /// The same again; nothing when a look-up in it could go outside.
    pub(super) fn of_parts(buckets: Vec<u64>, entries: Vec<u64>, overflow: Vec<u8>) -> Option<Self> {
        let count = buckets.len().checked_sub(1).filter(|count| count.is_power_of_two())?;
        let rest_bits = HASH_BITS.checked_sub(count.trailing_zeros()).filter(|bits| *bits > 0)?;
        let mut table = NumberTable { buckets, entries, overflow, overflow_bytes: 0, rest_bits };
        table.overflow_bytes = table.overflow.len().checked_div(table.len()).unwrap_or(0);
        let is_inside = start_of(table.buckets[0]) == 0
            && table.buckets.is_sorted_by_key(|bucket| start_of(*bucket))
            && table.entries.len() == table.len() + AT_ONCE
            && table.overflow.len() == table.len() * table.overflow_bytes;
        is_inside.then_some(table)
    }

    /// Whether the entries are in their order, so that none is there twice, and whether buckets tell of all of them, so
    /// that each is found.
    pub(super) fn is_in_order(&self) -> bool {
        self.buckets.windows(2).all(|pair| {
            let entries = &self.entries[start_of(pair[0])..start_of(pair[1])];
            let rests = || entries.iter().map(|entry| self.rest_of(*entry));
            let bucket = rests().fold(pair[0] & u64::from(u32::MAX), |bucket, rest| bucket | end_of(rest));
            rests().is_sorted_by(|a, b| a < b) && bucket == pair[0]
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        text.parse().unwrap()
    }

    fn table(entries: &[(&str, u64)]) -> NumberTable {
        NumberTable::build(entries.iter().map(|(text, value)| (number(text), *value)).collect())
    }

    #[test]
    fn an_empty_table_has_no_number() {
        let table = table(&[]);
        assert_eq!((table.len(), table.get(number("112"))), (0, None));
        assert!(table.is_in_order());
    }

    #[test]
    fn values_of_any_width_come_back() {
        for value in [0, 1, 2, 0xff, 1 << 40, u64::MAX] {
            let table = table(&[("+4930", 0), ("112", value), ("+4931", value / 2)]);
            assert_eq!(table.get(number("112")), Some(value));
            assert_eq!(table.get(number("+4931")), Some(value / 2));
            assert_eq!(table.get(number("+4930")), Some(0));
            assert_eq!(table.get(number("+112")), None);
        }
    }

    /// Numbers of which somebody made sure that they are all in one bucket.
    #[test]
    fn a_crowded_bucket_is_searched_too() {
        const OTHERS: usize = 1_600;
        let bucket_of = |number| hash(number) >> (HASH_BITS - 8);
        let numbers = (0_u64..).map(|place| number(&format!("+49{place}")));
        let (mut chosen, mut strangers) = (Vec::new(), Vec::new());
        for number in numbers.filter(|number| bucket_of(*number) == 77).take(400) {
            if chosen.len() <= strangers.len() { chosen.push(number) } else { strangers.push(number) }
        }
        let others = (0..OTHERS).map(|place| number(&format!("+44{place}")));
        let entries: Vec<(PhoneNumber, u64)> = chosen.iter().copied().chain(others).zip(0..).collect();
        let table = NumberTable::build(entries.clone());
        let largest = table.buckets.windows(2).map(|pair| start_of(pair[1]) - start_of(pair[0])).max();
        assert!(largest >= Some(200), "the largest bucket has {largest:?}");
        assert!(table.is_in_order());
        entries.iter().for_each(|(number, value)| assert_eq!(table.get(*number), Some(*value)));
        strangers.iter().for_each(|number| assert_eq!(table.get(*number), None));
    }

    #[test]
    fn parts_that_lead_outside_are_refused() {
        // Enough for more than one bucket.
        let entries: Vec<_> = (0..40).map(|place| (number(&format!("+4930{place}")), place)).collect();
        let table = NumberTable::build(entries);
        let (buckets, entries, _) = table.parts();
        let (buckets, entries) = (buckets.to_vec(), entries.to_vec());
        let again = NumberTable::of_parts(buckets.clone(), entries.clone(), Vec::new()).unwrap();
        assert_eq!((again.len(), again.get(number("+493012"))), (40, Some(12)));

        let last = buckets.len() - 1;
        let mut longer = buckets.clone();
        longer[last] += 1;
        let mut backwards = buckets.clone();
        backwards[1..].reverse();
        let mut later = buckets.clone();
        later[0] += 1;
        for (what, buckets, entries, overflow) in [
            ("more entries than there are", longer, entries.clone(), 0),
            ("out of order", backwards, entries.clone(), 0),
            ("entries of no bucket", later, entries.clone(), 0),
            ("no bucket", Vec::new(), entries.clone(), 0),
            ("not even one bucket", vec![0], entries.clone(), 0),
            ("three buckets", vec![0, 1, 2, 40], entries.clone(), 0),
            ("cut off", buckets.clone(), entries[1..].to_vec(), 0),
            ("what overflows is cut off", buckets.clone(), entries.clone(), 79),
            ("too little overflows", buckets.clone(), entries.clone(), 39),
        ] {
            assert!(NumberTable::of_parts(buckets, entries, vec![0; overflow]).is_none(), "{what}");
        }
    }

    #[test]
    fn a_bucket_that_tells_otherwise_of_its_numbers_is_seen() {
        let table = table(&[("+4930", 5), ("112", 6)]);
        let (buckets, entries, _) = table.parts();
        for bit in 32..64 {
            let mut buckets = buckets.to_vec();
            buckets[0] ^= 1 << bit;
            let other = NumberTable::of_parts(buckets, entries.to_vec(), Vec::new()).unwrap();
            assert!(!other.is_in_order(), "{bit}");
        }
    }

    #[test]
    fn a_number_that_is_there_twice_is_seen() {
        assert!(!table(&[("+4930", 5), ("112", 6), ("+4930", 7)]).is_in_order());
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_table_finds(
            entries in prop::collection::hash_map("[+]?[1-9][0-9]{0,14}", any::<u64>(), 0..300),
            shift in 0_u32..64,
            strangers in prop::collection::vec("[+]?[1-9][0-9]{0,14}", 50),
        ) {
            let plain: HashMap<PhoneNumber, u64> =
                entries.iter().map(|(text, value)| (number(text), value >> shift)).collect();
            let table = NumberTable::build(plain.clone().into_iter().collect());
            prop_assert_eq!(table.len(), plain.len());
            prop_assert!(table.is_in_order());
            for text in entries.keys().chain(&strangers) {
                prop_assert_eq!(table.get(number(text)), plain.get(&number(text)).copied());
            }
            let mut fingerprint = Fingerprint::default();
            plain.keys().for_each(|number| fingerprint.add(*number));
            prop_assert_eq!(table.fingerprint(), fingerprint);
            let mut numbers: Vec<PhoneNumber> = table.numbers().collect();
            numbers.sort_unstable();
            let mut those_put_in: Vec<PhoneNumber> = plain.keys().copied().collect();
            those_put_in.sort_unstable();
            prop_assert_eq!(numbers, those_put_in);
            let mut values: Vec<u64> = table.values().collect();
            let mut expected: Vec<u64> = plain.into_values().collect();
            values.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(values, expected);
        }
    }
}
