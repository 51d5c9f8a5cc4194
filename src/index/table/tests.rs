use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

fn table(entries: &[(&str, u64)]) -> NumberTable {
    NumberTable::build(&entries.iter().map(|(text, value)| (number(text), *value)).collect::<Vec<_>>())
}

#[test]
fn an_empty_table_has_no_number() {
    let table = table(&[]);
    assert_eq!((table.len(), table.get(number("112"))), (0, None));
    assert!(table.is_sound());
}

#[test]
fn values_of_any_width_come_back() {
    for value in [0, 1, 2, 0xff, 1 << 40, u64::MAX - 1] {
        let table = table(&[("+4930", 0), ("112", value), ("+4931", value / 2)]);
        assert_eq!(table.get(number("112")), Some(value));
        assert_eq!(table.get(number("+4931")), Some(value / 2));
        assert_eq!(table.get(number("+4930")), Some(0));
        assert_eq!(table.get(number("+112")), None);
    }
}

/// Numbers of which somebody made sure that they are all in one bucket.
#[test]
fn numbers_of_a_crowded_bucket_are_found_too() {
    const OTHERS: usize = 1_600;
    // Less than a bucket of those that so many numbers have.
    let part_of = |number| hash(number) >> (u64::BITS - 10);
    let numbers = (0_u64..).map(|place| number(&format!("+49{place}")));
    let (mut chosen, mut strangers) = (Vec::new(), Vec::new());
    for number in numbers.filter(|number| part_of(*number) == 77).take(400) {
        if chosen.len() <= strangers.len() { chosen.push(number) } else { strangers.push(number) }
    }
    let others = (0..OTHERS).map(|place| number(&format!("+44{place}")));
    let entries: Vec<(PhoneNumber, u64)> = chosen.iter().copied().chain(others).zip(0..).collect();
    let table = NumberTable::build(&entries);
    assert!(table.aside.len() >= 100, "only {} are aside", table.aside.len());
    assert!(table.is_sound());
    assert_eq!(table.len(), entries.len());
    entries.iter().for_each(|(number, value)| assert_eq!(table.get(*number), Some(*value)));
    strangers.iter().for_each(|number| assert_eq!(table.get(*number), None));
}

/// Of numbers that nobody chose so.
#[test]
fn of_many_numbers_nearly_none_is_aside_and_little_room_is_lost() {
    let entries: Vec<_> = (0..200_000).map(|place| (number(&format!("+49{place}")), place)).collect();
    let table = NumberTable::build(&entries);
    assert_eq!(table.len(), entries.len());
    assert!(table.aside.len() < 200, "{} are aside", table.aside.len());
    assert!(table.is_sound());
    entries.iter().for_each(|(number, value)| assert_eq!(table.get(*number), Some(*value)));
    let bytes_each = table.bytes() as f64 / entries.len() as f64;
    assert!(bytes_each < 9.6, "{bytes_each}");
}

#[test]
fn parts_that_lead_outside_are_refused() {
    let entries: Vec<_> = (0..40).map(|place| (number(&format!("+4930{place}")), place)).collect();
    let table = NumberTable::build(&entries);
    let Parts { buckets, entries, .. } = table.parts();
    let of = |buckets: &[u32], entries: &[u64], overflow: usize| {
        NumberTable::of_parts(buckets.to_vec(), entries.to_vec(), vec![0; overflow], Vec::new())
    };
    let again = of(buckets, entries, 0).unwrap();
    assert_eq!((again.len(), again.get(number("+493012"))), (40, Some(12)));
    assert!(of(&[], entries, 0).is_none(), "no bucket");
    assert!(of(buckets, &entries[..SHIFTS - 1], 0).is_none(), "no slot");
    assert!(of(buckets, entries, 1).is_none(), "too little overflows");
    assert!(of(buckets, entries, 2 * entries.len() - 1).is_none(), "what overflows is cut off");
    assert!(of(buckets, entries, 9 * entries.len()).is_none(), "more overflows than a value has");
    // However it is cut off, a look-up goes nowhere outside.
    for length in SHIFTS..entries.len() {
        for bucket in [buckets[0], !ASIDE, ASIDE - 1, u32::MAX] {
            let _ = of(&[bucket], &entries[..length], 0).unwrap().get(number("+493012"));
        }
    }
}

#[test]
fn what_cannot_be_found_is_seen() {
    let entries: Vec<_> = (0..40).map(|place| (number(&format!("+4930{place}")), place)).collect();
    let table = NumberTable::build(&entries);
    let Parts { buckets, entries, .. } = table.parts();
    let is_sound = |buckets: &[u32], entries: &[u64], aside: &[(u64, u64)]| {
        let parts = (buckets.to_vec(), entries.to_vec(), aside.to_vec());
        NumberTable::of_parts(parts.0, parts.1, Vec::new(), parts.2).unwrap().is_sound()
    };
    assert!(is_sound(buckets, entries, &[]));
    let hash = hash(number("+493012"));
    let with_bucket = |bucket: u32| {
        let mut buckets = buckets.to_vec();
        buckets[table.bucket_of(hash)] = bucket;
        buckets
    };
    // Its bucket has not its mark, or says that it is aside, where it is not; or it is there, which its bucket denies.
    let bucket = buckets[table.bucket_of(hash)];
    assert!(!is_sound(&with_bucket(bucket & !mark_of(hash)), entries, &[]));
    let all_aside = with_bucket(u32::MAX);
    assert!(!is_sound(&all_aside, entries, &[]));
    assert!(!is_sound(buckets, entries, &[(hash, 1)]));
    // Aside, out of order, twice, or what is no hash.
    let none = vec![0; entries.len()];
    assert!(is_sound(&all_aside, &none, &[(hash, 1)]));
    assert!(!is_sound(&with_bucket(ASIDE), &none, &[(hash, 1)]));
    for aside in [[(hash, 1), (hash, 1)], [(hash | 1, 1), (hash | 2, 1)], [(u64::MAX, 1), (hash, 1)]] {
        assert!(!is_sound(&all_aside, &none, &aside), "{aside:?}");
    }
    // An entry elsewhere is of another number, or of none.
    let place = table.base(hash, seed_of(bucket)) + shift_of(bucket);
    let free = (0..entries.len()).rev().find(|free| entries[*free] == 0).unwrap();
    let mut moved = entries.to_vec();
    moved.swap(place, free);
    let moved = NumberTable::of_parts(buckets.to_vec(), moved, Vec::new(), Vec::new()).unwrap();
    assert!(!moved.is_sound() || moved.fingerprint() != table.fingerprint());
    assert_eq!(moved.get(number("+493012")), None);
}

#[test]
fn a_number_that_is_there_twice_is_seen() {
    assert!(!table(&[("+4930", 5), ("112", 6), ("+4930", 7)]).is_sound());
}

proptest! {
    #[test]
    fn it_finds_what_a_plain_table_finds(
        entries in prop::collection::hash_map("[+]?[1-9][0-9]{0,14}", any::<u64>(), 0..300),
        shift in 1_u32..64,
        strangers in prop::collection::vec("[+]?[1-9][0-9]{0,14}", 50),
    ) {
        let plain: HashMap<PhoneNumber, u64> =
            entries.iter().map(|(text, value)| (number(text), value >> shift)).collect();
        let table = NumberTable::build(&plain.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(table.len(), plain.len());
        prop_assert!(table.is_sound());
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
