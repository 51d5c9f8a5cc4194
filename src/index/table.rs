//! From a number to its value, exactly, with two accesses to memory: a perfect hash function.
//!
//! The highest bits of a number's [hash] say which *bucket* it is in, with three others on average. Each bucket has a *pilot*,
//! which was chosen when the table was built such that every number of the bucket has a place among the entries that no
//! other number has. So whoever looks a number up reads its bucket, works out the place, and compares the one entry that is
//! there: it is this number's or nobody's. (Hash and displace: R. Pagh, 1999; pilots: G. E. Pibiri and R. Trani, "PTHash",
//! 2021.) A bucket also has a bit for each [mark](mark_of) of its numbers: most numbers that are not there are told by it.
//!
//! An entry holds the higher bits of the hash, the *rest*, and in the bits below them the value, plus one, so that there is
//! none where there is no number. The lower bits of the hash need not be there: the place tells them
//! ([`NumberTable::hash_at`]), as it is their sum with something that depends on the rest and on the pilot alone. Hence
//! two numbers with the same rest are at different places, and an entry with the right rest at the right place is of the
//! right number.
//!
//! Numbers whose bucket found no pilot are kept aside, in order: one in ten thousand, or all if somebody chooses them so.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use rayon::prelude::*;

use crate::phone_number::PhoneNumber;

/// Numbers, each with a value. Immutable.
#[derive(Debug)]
pub(super) struct NumberTable {
    /// For each the marks of its numbers, and above them the pilot: how many places further, and above that a seed.
    buckets: Vec<u32>,
    /// Each is a rest, and below it the value plus one, as far as there is room; zero where there is no number.
    entries: Vec<u64>,
    /// The bytes of each value for which there is no room in the entries: none, unless values are very large.
    overflow: Vec<u8>,
    overflow_bytes: usize,
    /// The numbers of buckets without a pilot: hash and value, in the order of the hashes.
    aside: Vec<(u64, u64)>,
    /// How many numbers there are.
    count: usize,
    /// Entries, without those that only a pilot's shift leads to.
    slots: u64,
    /// The bits of a hash that are kept in an entry.
    rest_mask: u64,
}

/// How many marks there are.
const MARKS: u32 = 22;
/// Bits of a pilot that say how many places further. All of these are tried at once, as one word of what is taken.
const SHIFT_BITS: u32 = u64::BITS.ilog2();
const SHIFTS: usize = 1 << SHIFT_BITS;
/// How many seeds are tried for a bucket.
const SEEDS: u32 = (1 << (u32::BITS - SHIFT_BITS - MARKS)) - 1;
/// Buckets from here on have a pilot that is never tried: their numbers are kept aside.
const ASIDE: u32 = u32::MAX << MARKS;

/// A bucket with more numbers is one by no chance, and not worth a pilot.
const CROWDED: usize = 32;

const HASH_BITS: u32 = PhoneNumber::INTEGER_BITS;
/// Hashes are in the highest bits.
const UNUSED_BITS: u32 = u64::BITS - HASH_BITS;

/// One of MurmurHash3's; any odd one without a pattern would do.
const MULTIPLIER: u64 = 0xc4ce_b9fe_1a85_ec53;
/// Two of SplitMix64's, to the same end.
const SEED_MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const REST_MULTIPLIER: u64 = 0xbf58_476d_1ce4_e5b9;

/// What undoes [`MULTIPLIER`].
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

/// A permutation of the integers of numbers, in the highest bits: both steps can be undone, so different numbers have
/// different hashes. The highest bits depend on all digits.
#[inline]
fn hash(number: PhoneNumber) -> u64 {
    mixed(number.to_integer()).wrapping_mul(MULTIPLIER << UNUSED_BITS)
}

/// The number that has a hash, if one has it.
fn number_of(hash: u64) -> Option<PhoneNumber> {
    let product = (hash >> UNUSED_BITS).wrapping_mul(DIVISOR);
    PhoneNumber::from_integer(mixed(product & (u64::MAX >> UNUSED_BITS)))
}

/// The lower half depends on the upper one, too. Done twice, nothing is done.
fn mixed(bits: u64) -> u64 {
    bits ^ (bits >> HASH_BITS.div_ceil(2))
}

/// Tells numbers of a bucket apart, mostly: a bit of it, by those of a hash that are the furthest from telling the bucket.
#[inline]
fn mark_of(hash: u64) -> u32 {
    1 << ((u64::from(hash as u32) * u64::from(MARKS)) >> u32::BITS)
}

/// `of` in proportion to how far `part` is on the way from 0 to 2^64.
#[inline]
fn share(part: u64, of: u64) -> u64 {
    ((u128::from(part) * u128::from(of)) >> u64::BITS) as u64
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

impl NumberTable {
    /// `entries` hold each number once, and are no more than 32 bits count; values are below the highest there is.
    pub(super) fn build(entries: &[(PhoneNumber, u64)]) -> Self {
        let mut by_hash: Vec<(u64, u64)> =
            entries.iter().map(|(number, value)| (hash(*number), value + 1)).collect();
        by_hash.par_sort_unstable();
        let count = by_hash.len();
        // As full, and with as few buckets, as pilots are still found for nearly all of them, and soon.
        let (slots, buckets) = (count + count / 32 + 1, count * 5 / 16 + 1);
        let mut table = NumberTable::with(vec![0; buckets], vec![0; slots + SHIFTS - 1]);
        let largest = by_hash.iter().map(|(_, value)| *value).max().unwrap_or(0);
        let overflowing = u64::BITS - (largest >> table.value_bits()).leading_zeros();
        table.overflow_bytes = overflowing.div_ceil(u8::BITS) as usize;
        table.overflow = vec![0; table.entries.len() * table.overflow_bytes];
        table.count = count;

        let of_same_bucket =
            |(a, _): &(u64, u64), (b, _): &(u64, u64)| table.bucket_of(*a) == table.bucket_of(*b);
        let mut together: Vec<&[(u64, u64)]> = by_hash.chunk_by(of_same_bucket).collect();
        // The largest first, while there is much room; those of one size in the order in which they lie in memory.
        together.sort_by_key(|numbers| Reverse(numbers.len()));
        let mut taken = Taken::new(table.entries.len());
        let mut bases = Vec::with_capacity(CROWDED);
        for numbers in together {
            let bucket = table.bucket_of(numbers[0].0);
            match table.find_pilot(numbers, &taken, &mut bases) {
                Some(pilot) => {
                    table.buckets[bucket] = pilot;
                    for ((hash, value), base) in numbers.iter().zip(&bases) {
                        let place = base + shift_of(pilot);
                        taken.take(place);
                        table.put(place, *hash, *value);
                        table.buckets[bucket] |= mark_of(*hash);
                    }
                }
                None => {
                    table.buckets[bucket] = u32::MAX;
                    table.aside.extend(numbers.iter().map(|(hash, value)| (*hash, value - 1)));
                }
            }
        }
        table.aside.sort_unstable();
        table.aside.shrink_to_fit();
        table
    }

    /// Of these buckets and entries, none of which counts yet.
    fn with(buckets: Vec<u32>, entries: Vec<u64>) -> Self {
        let slots = (entries.len() - (SHIFTS - 1)) as u64;
        NumberTable {
            buckets,
            entries,
            overflow: Vec::new(),
            overflow_bytes: 0,
            aside: Vec::new(),
            count: 0,
            slots,
            rest_mask: u64::MAX << (UNUSED_BITS + slots.ilog2()),
        }
    }

    /// A bucket without marks whose pilot gives all these numbers a place of their own, and the places without its shift.
    fn find_pilot(&self, numbers: &[(u64, u64)], taken: &Taken, bases: &mut Vec<usize>) -> Option<u32> {
        if numbers.len() > CROWDED {
            return None;
        }
        (0..SEEDS).find_map(|seed| {
            bases.clear();
            let mut taken_by_any = 0;
            for (hash, _) in numbers {
                let base = self.base(*hash, seed);
                taken_by_any |= taken.from(base);
                if taken_by_any == u64::MAX || bases.contains(&base) {
                    return None;
                }
                bases.push(base);
            }
            Some((seed << SHIFT_BITS | taken_by_any.trailing_ones()) << MARKS)
        })
    }

    fn put(&mut self, place: usize, hash: u64, value: u64) {
        let value_bits = self.value_bits();
        self.entries[place] = hash & self.rest_mask | value & !self.rest_mask;
        let above = (value >> value_bits).to_le_bytes();
        self.overflow[place * self.overflow_bytes..][..self.overflow_bytes]
            .copy_from_slice(&above[..self.overflow_bytes]);
    }

    #[inline]
    fn bucket_of(&self, hash: u64) -> usize {
        share(hash & self.rest_mask, self.buckets.len() as u64) as usize
    }

    /// The place of a number whose bucket has a pilot with this seed, without its shift.
    #[inline]
    fn base(&self, hash: u64, seed: u32) -> usize {
        let base = ((hash & !self.rest_mask) >> UNUSED_BITS) + self.displacement(hash, seed);
        (if base < self.slots { base } else { base - self.slots }) as usize
    }

    /// Below the number of slots.
    #[inline]
    fn displacement(&self, hash: u64, seed: u32) -> u64 {
        let rest = hash & self.rest_mask;
        share(
            (rest ^ u64::from(seed).wrapping_mul(SEED_MULTIPLIER)).wrapping_mul(REST_MULTIPLIER),
            self.slots,
        )
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
            + size_of_val(&*self.entries)
            + self.overflow.len()
            + size_of_val(&*self.aside)
    }

    /// The value of a number.
    // Inlined always: a call of it is a tenth of a match.
    #[inline(always)]
    pub(super) fn get(&self, number: PhoneNumber) -> Option<u64> {
        let hash = hash(number);
        let bucket = self.buckets[self.bucket_of(hash)];
        if bucket & mark_of(hash) == 0 {
            return None;
        }
        if bucket >= ASIDE {
            return self.get_aside(hash);
        }
        let place = self.base(hash, seed_of(bucket)) + shift_of(bucket);
        let entry = self.entries[place];
        if (entry ^ hash) & self.rest_mask == 0 { self.value_of(entry, place) } else { None }
    }

    #[cold]
    fn get_aside(&self, hash: u64) -> Option<u64> {
        let place = self.aside.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.aside[place].1)
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

    fn hashes(&self) -> impl Iterator<Item = u64> {
        let placed = (0..self.entries.len()).filter_map(|place| self.hash_at(place));
        placed.chain(self.aside.iter().map(|(hash, _)| *hash))
    }

    /// The hash that leads to a place, if there is an entry that can be found.
    fn hash_at(&self, place: usize) -> Option<u64> {
        let entry = self.entries[place];
        self.value_of(entry, place)?;
        let bucket = self.buckets[self.bucket_of(entry)];
        let base = place.checked_sub(shift_of(bucket)).filter(|base| (*base as u64) < self.slots)? as u64;
        let displacement = self.displacement(entry, seed_of(bucket));
        let lower = if base < displacement { base + self.slots } else { base } - displacement;
        let lower = lower << UNUSED_BITS;
        let hash = entry & self.rest_mask | lower;
        (lower & self.rest_mask == 0 && bucket & mark_of(hash) != 0 && bucket < ASIDE).then_some(hash)
    }

    /// All values, in no order that means anything.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> {
        let placed = self.entries.iter().enumerate();
        let placed = placed.filter_map(|(place, entry)| self.value_of(*entry, place));
        placed.chain(self.aside.iter().map(|(_, value)| *value))
    }

    fn value_bits(&self) -> u32 {
        self.rest_mask.trailing_zeros()
    }

    /// Nothing, where there is no entry.
    #[inline]
    fn value_of(&self, entry: u64, place: usize) -> Option<u64> {
        let value = entry & !self.rest_mask;
        if self.overflow_bytes == 0 { value } else { self.with_overflow(value, place) }.checked_sub(1)
    }

    #[cold]
    fn with_overflow(&self, value: u64, place: usize) -> u64 {
        let overflow = self.overflow[place * self.overflow_bytes..][..self.overflow_bytes].iter().rev();
        let above = overflow.fold(0, |above, byte| (above << u8::BITS) | u64::from(*byte));
        value | (above << self.value_bits())
    }

    /// What it is made of, for [`Self::of_parts`].
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { buckets: &self.buckets, entries: &self.entries, overflow: &self.overflow, aside: &self.aside }
    }

    /// The same again; nothing when a look-up in it could go outside.
    pub(super) fn of_parts(
        buckets: Vec<u32>,
        entries: Vec<u64>,
        overflow: Vec<u8>,
        aside: Vec<(u64, u64)>,
    ) -> Option<Self> {
        if buckets.is_empty() || entries.len() < SHIFTS {
            return None;
        }
        let overflow_bytes = overflow.len() / entries.len();
        if overflow.len() != entries.len() * overflow_bytes || overflow_bytes > size_of::<u64>() {
            return None;
        }
        let table = NumberTable { overflow, overflow_bytes, aside, ..NumberTable::with(buckets, entries) };
        Some(NumberTable { count: table.values().count(), ..table })
    }

    /// Whether each entry can be found, which also means that no number is there twice.
    pub(super) fn is_sound(&self) -> bool {
        let is_number = |of: u64| number_of(of).is_some_and(|number| hash(number) == of);
        let are_found = self.entries.iter().enumerate().all(|(place, entry)| {
            self.value_of(*entry, place).is_none() || self.hash_at(place).is_some_and(is_number)
        });
        let is_aside = |hash: u64| is_number(hash) && self.buckets[self.bucket_of(hash)] == u32::MAX;
        are_found
            && self.aside.is_sorted_by(|(a, _), (b, _)| a < b)
            && self.aside.iter().all(|(hash, _)| is_aside(*hash))
    }
}

/// What a [`NumberTable`] is made of.
pub(super) struct Parts<'a> {
    pub(super) buckets: &'a [u32],
    pub(super) entries: &'a [u64],
    pub(super) overflow: &'a [u8],
    pub(super) aside: &'a [(u64, u64)],
}

#[inline]
fn seed_of(bucket: u32) -> u32 {
    bucket >> (MARKS + SHIFT_BITS)
}

#[inline]
fn shift_of(bucket: u32) -> usize {
    (bucket >> MARKS) as usize % SHIFTS
}

/// Which places are taken, a bit each.
struct Taken {
    words: Vec<u64>,
}

impl Taken {
    fn new(places: usize) -> Self {
        // Whoever asks for the last ones looks into one word more.
        Taken { words: vec![0; places / SHIFTS + 1] }
    }

    /// The places from this one on, in as many bits as there are shifts.
    fn from(&self, place: usize) -> u64 {
        let (word, bit) = (place / SHIFTS, place % SHIFTS);
        self.words[word] >> bit | self.words[word + 1] << 1 << (SHIFTS - 1 - bit)
    }

    fn take(&mut self, place: usize) {
        self.words[place / SHIFTS] |= 1 << (place % SHIFTS);
    }
}
