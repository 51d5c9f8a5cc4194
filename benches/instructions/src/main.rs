//! Work of a fixed size, on one thread and with nothing random in it, whose instructions `.ci/instructions` counts: ten
//! thousand callers matched among a hundred thousand numbers, and the index of those numbers built.
//!
//! Counting begins and ends with the functions whose names begin with `counted_`.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use std::hint::black_box;

use mimalloc::MiMalloc;
use ringroute::contact::{ContactId, NumberLabel};
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::matching::{CallerMatch, match_caller};
use ringroute::phone_number::PhoneNumber;
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const NUMBERS: u64 = 100_000;
const NUMBERS_OF_EACH: u64 = 2;
const CALLS: u64 = 10_000;

/// What becomes of the calls: of twenty, eighteen are contacts, one is a stranger and one is withheld.
const MATCHED: usize = 9_000;

/// An odd multiplier gives each place a number of its own below ten million.
fn number(place: u64) -> PhoneNumber {
    PhoneNumber::from_e164_digits(&format!("4930{:07}", place * 7_654_321 % 10_000_000)).unwrap()
}

struct Person {
    key: String,
    name: String,
    numbers: [IndexedNumber; NUMBERS_OF_EACH as usize],
}

fn people() -> Vec<Person> {
    let person = |place: u64| Person {
        key: format!("{:08}", place * 31 % 99_999_989),
        name: format!("Anna Berg {place}"),
        numbers: std::array::from_fn(|at| IndexedNumber {
            number: number(place * NUMBERS_OF_EACH + at as u64),
            label: NumberLabel::ALL[at],
        }),
    };
    (0..NUMBERS / NUMBERS_OF_EACH).map(person).collect()
}

/// As networks write them.
fn callers() -> Vec<String> {
    let caller = |call: u64| {
        let number = number(call * 7 % NUMBERS);
        match call % 20 {
            0..14 => number.to_string(),
            14..16 => format!("00{}", &*number.digits()),
            16..18 => format!("sip:{number}@sbc.example.net;user=phone"),
            18 => format!("+4989{:07}", call * 77),
            _ => "anonymous".to_owned(),
        }
    };
    (0..CALLS).map(caller).collect()
}

#[inline(never)]
fn counted_build(people: &[Person]) -> ContactIndex {
    let phonebooks = ["Sales", "Support"].into_iter().zip(1..);
    let phonebooks = phonebooks.map(|(name, id)| IndexedPhonebook {
        id: PhonebookId(id),
        name: PhonebookName::parse(name).unwrap(),
    });
    let mut builder = ContactIndexBuilder::new(phonebooks.collect()).unwrap();
    for (place, person) in people.iter().enumerate() {
        let contact = IndexedContact {
            id: ContactId(place as u64 + 1),
            source: Some("crm"),
            source_key: &person.key,
            display_name: &person.name,
            company: "Berg & Co",
            own_extension: "",
            phonebooks: &[PhonebookId(place as u32 % 2 + 1)],
            numbers: &person.numbers,
        };
        builder.push(contact).unwrap();
    }
    builder.finish(false).unwrap()
}

#[inline(never)]
fn counted_match(snapshot: &Snapshot, callers: &[String]) -> usize {
    let is_matched = |caller: &&String| {
        matches!(match_caller(snapshot, black_box(caller), ""), CallerMatch::Matched { .. })
    };
    callers.iter().filter(is_matched).count()
}

fn main() {
    let (people, callers) = (people(), callers());
    let mut settings = Settings::default();
    settings.numbers.default_region = Some("DE".parse().unwrap());
    let index = counted_build(black_box(&people));
    assert_eq!(index.number_count() as u64, NUMBERS);
    let snapshot = Snapshot::new(Generation::NONE.next(), index.into(), &settings).unwrap();
    // The numbering plan of a region is read when it is first needed.
    assert!(matches!(match_caller(&snapshot, &callers[0], ""), CallerMatch::Matched { .. }));
    assert_eq!(black_box(counted_match(&snapshot, &callers)), MATCHED);
}
