use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::contact::NumberLabel::{self, BusinessFax, BusinessNumber, HomeNumber, MobileNumber};
use crate::sealed_file::{Kind, SealReader, SealWriter};

/// A contact to put into an index.
#[derive(Debug, Clone)]
struct Person {
    id: u64,
    key: String,
    /// Ids; the phonebook of id 10 has the highest priority, then 11 and so on.
    phonebooks: Vec<u32>,
    numbers: Vec<(NumberLabel, &'static str)>,
}

fn person(id: u64, key: &str, phonebooks: &[u32], numbers: &[(NumberLabel, &'static str)]) -> Person {
    Person { id, key: key.into(), phonebooks: phonebooks.to_vec(), numbers: numbers.to_vec() }
}

fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

const PHONEBOOKS: [(u32, &str); 4] = [(10, "Sales"), (11, "Support"), (12, "Suppliers"), (13, "VIP")];

fn index_of(people: &[Person]) -> ContactIndex {
    let phonebooks = PHONEBOOKS.map(|(id, name)| IndexedPhonebook {
        id: PhonebookId(id),
        name: PhonebookName::parse(name).unwrap(),
    });
    let mut builder = ContactIndexBuilder::new(phonebooks.to_vec()).unwrap();
    for person in people {
        let numbers: Vec<IndexedNumber> = person
            .numbers
            .iter()
            .map(|(label, text)| IndexedNumber { number: number(text), label: *label })
            .collect();
        let phonebooks: Vec<PhonebookId> = person.phonebooks.iter().copied().map(PhonebookId).collect();
        builder
            .push(IndexedContact {
                id: ContactId(person.id),
                source: Some("crm"),
                source_key: &person.key,
                display_name: "Anna Berg",
                company: "Berg & Co",
                own_extension: "",
                phonebooks: &phonebooks,
                numbers: &numbers,
            })
            .unwrap();
    }
    builder.finish(true).unwrap()
}

fn ids(index: &ContactIndex, postings: impl IntoIterator<Item = Posting>) -> Vec<u64> {
    postings.into_iter().map(|posting| index.contact(posting.contact()).id.0).collect()
}

fn exact(index: &ContactIndex, text: &str) -> Vec<u64> {
    ids(index, index.exact(number(text)))
}

fn last_digits(index: &ContactIndex, text: &str, count: u8) -> Vec<u64> {
    ids(index, index.last_digits(number(text), count))
}

#[test]
fn an_empty_index_has_nobody() {
    let index = index_of(&[]);
    assert!(exact(&index, "+49305551234").is_empty());
    assert!(last_digits(&index, "+49305551234", 7).is_empty());
    assert_eq!((index.contact_count(), index.number_count()), (0, 0));
    verify(&index, 0, &[]).unwrap();
}

#[test]
fn a_contact_is_told_as_it_was_given() {
    let index = index_of(&[person(7, "1042", &[11], &[(MobileNumber, "+491715551234")])]);
    let posting = index.exact(number("+491715551234")).next().unwrap();
    let contact = index.contact(posting.contact());
    assert_eq!((contact.id, contact.source, contact.source_key), (ContactId(7), "crm", "1042"));
    assert_eq!((contact.display_name, contact.company), ("Anna Berg", "Berg & Co"));
    assert_eq!(posting.label(), MobileNumber);
    let phonebooks = index.phonebooks_in(posting.phonebooks());
    assert_eq!(phonebooks.len(), 1);
    assert_eq!(index.phonebook(phonebooks[0]).name.as_str(), "Support");
}

#[test]
fn only_the_whole_number_is_an_exact_match() {
    let index = index_of(&[person(1, "a", &[10], &[(BusinessNumber, "+49305551234")])]);
    assert_eq!(exact(&index, "+49305551234"), [1]);
    for other in ["+4930555123", "+493055512345", "+49305551235", "5551234"] {
        assert!(exact(&index, other).is_empty(), "{other}");
    }
}

#[test]
fn e164_and_plain_digits_never_mix() {
    let index = index_of(&[
        person(1, "a", &[10], &[(BusinessNumber, "+1121234")]),
        person(2, "b", &[10], &[(BusinessNumber, "1121234")]),
    ]);
    assert_eq!(exact(&index, "+1121234"), [1]);
    assert_eq!(exact(&index, "1121234"), [2]);
}

#[test]
fn contacts_on_one_number_are_ordered_by_phonebook_then_key_then_id() {
    let on_it = [(BusinessNumber, "+49305551234")];
    let index = index_of(&[
        person(1, "a", &[], &on_it),
        person(2, "b", &[12], &on_it),
        person(9, "c", &[13, 11], &on_it),
        person(4, "c", &[11, 12], &on_it),
        person(5, "B", &[11], &on_it),
        person(6, "z", &[10], &on_it),
    ]);
    // Sales before Support before Suppliers before none; keys are compared as bytes, so B before c.
    assert_eq!(exact(&index, "+49305551234"), [6, 5, 4, 9, 2, 1]);
}

#[test]
fn a_contact_has_all_its_phonebooks_in_order_of_priority() {
    let index = index_of(&[person(1, "a", &[13, 10, 13], &[(BusinessNumber, "+49305551234")])]);
    let posting = index.exact(number("+49305551234")).next().unwrap();
    let names: Vec<&str> = index
        .phonebooks_in(posting.phonebooks())
        .iter()
        .map(|ordinal| index.phonebook(*ordinal).name.as_str())
        .collect();
    assert_eq!(names, ["Sales", "VIP"]);
}

#[test]
fn of_a_number_twice_in_one_contact_the_first_gives_the_label() {
    let twice = [(HomeNumber, "+49305551234"), (BusinessNumber, "+49305551234")];
    let index = index_of(&[person(1, "a", &[10], &twice)]);
    let labels: Vec<NumberLabel> =
        index.exact(number("+49305551234")).map(|posting| posting.label()).collect();
    assert_eq!(labels, [HomeNumber]);
    assert_eq!(index.number_count(), 1);
}

#[test]
fn phonebooks_are_found_by_any_spelling() {
    let index = index_of(&[]);
    let find = |text: &str| index.find_phonebook(&PhonebookName::parse(text).unwrap());
    let found = find(" suPPORT ").unwrap();
    assert_eq!(index.phonebook(found).id, PhonebookId(11));
    assert_eq!(find("Supports"), None);
}

#[test]
fn the_last_digits_are_enough_when_asked_for() {
    let index = index_of(&[
        person(1, "a", &[11], &[(BusinessNumber, "+49305551234")]),
        person(2, "b", &[10], &[(BusinessNumber, "+49405551234")]),
        person(3, "c", &[10], &[(BusinessNumber, "+49305551235")]),
    ]);
    assert_eq!(last_digits(&index, "+49895551234", 7), [2, 1]);
    assert!(last_digits(&index, "+49895551234", 8).is_empty());
    assert_eq!(last_digits(&index, "05551234", 7), [2, 1]);
}

#[test]
fn the_number_itself_is_no_match_of_last_digits() {
    let index = index_of(&[person(1, "a", &[10], &[(BusinessNumber, "+49305551234")])]);
    assert!(last_digits(&index, "+49305551234", 7).is_empty());
}

#[test]
fn last_digits_never_match_across_two_known_country_codes() {
    let index = index_of(&[
        person(1, "a", &[10], &[(BusinessNumber, "+49305551234")]),
        person(2, "b", &[10], &[(BusinessNumber, "+442075551234")]),
        person(3, "c", &[10], &[(BusinessNumber, "05551234")]),
    ]);
    assert_eq!(last_digits(&index, "+49895551234", 7), [1, 3]);
    assert_eq!(last_digits(&index, "+441615551234", 7), [2, 3]);
    assert_eq!(last_digits(&index, "+12025551234", 7), [3]);
    // Plain digits have no country, so any may be meant.
    assert_eq!(last_digits(&index, "95551234", 7), [1, 2, 3]);
}

#[test]
fn a_caller_of_no_more_digits_only_matches_exactly() {
    let index = index_of(&[person(1, "a", &[10], &[(BusinessNumber, "+49305551234")])]);
    assert!(last_digits(&index, "5551234", 7).is_empty());
    assert!(last_digits(&index, "551234", 7).is_empty());
    assert_eq!(last_digits(&index, "05551234", 7), [1]);
}

#[test]
fn a_contact_with_two_similar_numbers_is_found_once() {
    let similar = [(BusinessFax, "+49405551234"), (BusinessNumber, "+49305551234")];
    let index = index_of(&[person(1, "a", &[10], &similar)]);
    let found = index.last_digits(number("+49895551234"), 7);
    assert_eq!(found.iter().map(|posting| posting.label()).collect::<Vec<_>>(), [BusinessNumber]);
}

#[test]
fn without_last_digits_there_are_none() {
    let mut builder = ContactIndexBuilder::new(Vec::new()).unwrap();
    builder.push(unlisted(&[IndexedNumber { number: number("+49305551234"), label: HomeNumber }])).unwrap();
    let index = builder.finish(false).unwrap();
    assert!(!index.has_last_digits());
    assert!(last_digits(&index, "+49895551234", 7).is_empty());
    assert_eq!(exact(&index, "+49305551234"), [1]);
}

fn unlisted(numbers: &[IndexedNumber]) -> IndexedContact<'_> {
    IndexedContact {
        id: ContactId(1),
        source: None,
        source_key: "",
        display_name: "Anna Berg",
        company: "",
        own_extension: "",
        phonebooks: &[],
        numbers,
    }
}

#[test]
fn a_contact_in_an_unknown_phonebook_is_refused() {
    let mut builder = ContactIndexBuilder::new(Vec::new()).unwrap();
    let contact = IndexedContact { phonebooks: &[PhonebookId(3)], ..unlisted(&[]) };
    assert!(matches!(builder.push(contact), Err(IndexError::UnknownPhonebook { .. })));
}

#[test]
fn an_index_with_another_number_of_contacts_than_the_store_fails_its_check() {
    let index = index_of(&[person(1, "a", &[10], &[(BusinessNumber, "+49305551234")])]);
    verify(&index, 1, &[]).unwrap();
    for stored in [0, 2] {
        let error = verify(&index, stored, &[]).unwrap_err().to_string();
        assert!(error.contains(&format!("it has 1 contact, the store has {stored}")), "{error}");
    }
}

#[test]
fn an_index_whose_numbers_lead_nowhere_fails_its_check() {
    let people = [person(1, "1", &[10], &[(BusinessNumber, "+49305551234")])];
    for (values, expected) in [
        (vec![1 << 20], "lies outside"),
        (vec![7], "a list of 0 postings at 3 lies outside"),
        (vec![0, 0], "its table of numbers has one that would not be found"),
        (vec![], "it has 0 numbers, and 1 of them in order"),
    ] {
        let mut index = index_of(&people);
        verify(&index, 1, &[]).unwrap();
        let entries: Vec<_> = values.into_iter().map(|value| (number("+49305551234"), value)).collect();
        Arc::get_mut(&mut index.numbers).unwrap().table = table::NumberTable::build(&entries);
        let error = verify(&index, 1, &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_whose_numbers_lead_nowhere_is_refused() {
    const KIND: Kind = Kind { magic: *b"an index", version: 1, name: "index of a test" };
    let mut index = index_of(&[person(1, "1", &[10], &[(BusinessNumber, "+49305551234")])]);
    let read = |index: &ContactIndex| {
        let mut file = SealWriter::begin(Vec::new(), KIND).unwrap();
        index.write_to(&mut file).unwrap();
        let file = file.finish().unwrap().0;
        ContactIndex::read_from(SealReader::begin(file.as_slice(), file.len() as u64, KIND).unwrap())
    };
    assert_eq!(exact(&read(&index).unwrap(), "+49305551234"), [1]);
    // To contacts behind the last one, and to a list where there is none.
    for value in [1 << 20, 1 << 5, 7] {
        let entries = [(number("+49305551234"), value)];
        Arc::get_mut(&mut index.numbers).unwrap().table = table::NumberTable::build(&entries);
        let error = read(&index).unwrap_err().to_string();
        assert!(error.contains("lies outside"), "{value}: {error}");
    }
}

#[test]
fn an_index_with_other_numbers_in_order_than_in_its_table_fails_its_check() {
    let people = [person(1, "1", &[10], &[(BusinessNumber, "+49305551234")])];
    let set = |keys: &[&str]| fst::Set::from_iter(keys).unwrap();
    let (forward, backward) = ("49305551234", "43215550394+");
    let both = (set(&[forward]), set(&[backward]));
    let other = Some("it has other numbers in order than in its table");
    for ((forward, backward), expected) in [
        (both, None),
        ((set(&["49305551235"]), set(&[backward])), other),
        ((set(&["=49305551234"]), set(&[backward])), other),
        ((set(&["4930555123x"]), set(&[backward])), Some("what is in order is no number")),
        ((set(&[forward]), set(&["53215550394+"])), other),
        ((set(&[forward]), set(&["43215550394="])), other),
        ((set(&[forward]), set(&["43215550394"])), Some("what is in order is no number")),
        ((set(&[forward]), set(&[])), Some("it has 1 numbers, and 0 of them in order")),
        (
            (set(&[forward, "49305551235"]), set(&[backward])),
            Some("it has 1 numbers, and 2 of them in order"),
        ),
    ] {
        let mut index = index_of(&people);
        let numbers = Arc::get_mut(&mut index.numbers).unwrap();
        (numbers.forward, numbers.backward) = (forward, Some(backward));
        let error = verify(&index, 1, &[]).err().map(|error| error.to_string());
        let is_expected = match (&error, expected) {
            (Some(error), Some(expected)) => error.contains(expected),
            (error, expected) => error.is_none() && expected.is_none(),
        };
        assert!(is_expected, "{error:?}, expected {expected:?}");
    }
}

#[test]
fn an_index_without_a_number_that_was_put_in_fails_its_check() {
    let index = index_of(&[
        person(1, "a", &[10], &[(BusinessNumber, "+49305551234")]),
        person(2, "b", &[10], &[(BusinessNumber, "+49305551235")]),
    ]);
    verify(&index, 2, &[(number("+49305551234"), ContactId(1)), (number("+49305551235"), ContactId(2))])
        .unwrap();
    // There, but another contact's; and not there at all.
    for sample in [("+49305551234", 2), ("+49305551236", 1)] {
        let error = verify(&index, 2, &[(number(sample.0), ContactId(sample.1))]).unwrap_err().to_string();
        assert!(error.contains(&format!("contact {} is not found", sample.1)), "{error}");
        assert!(!error.contains("5551234"), "numbers are masked: {error}");
    }
}

/// Few numbers, so that contacts share them, and few endings, so that last digits match: the country
/// code, if there is one, and the whole.
const NUMBERS: [(Option<u16>, &str); 14] = [
    (Some(49), "+49305551234"),
    (Some(49), "+49405551234"),
    (Some(49), "+498905551234"),
    (Some(49), "+49305551235"),
    (Some(44), "+442075551234"),
    (Some(44), "+441615551234"),
    (Some(1), "+12025551234"),
    (Some(1), "+12025551235"),
    (None, "5551234"),
    (None, "05551234"),
    (None, "49305551234"),
    (None, "551234"),
    (None, "5551235"),
    (None, "112"),
];

fn people() -> impl Strategy<Value = Vec<Person>> {
    let labels = prop::sample::select(NumberLabel::ALL.to_vec());
    let numbers =
        prop::collection::vec((labels, prop::sample::select(NUMBERS.map(|(_, text)| text).to_vec())), 0..5);
    let phonebooks = prop::collection::vec(prop::sample::select(vec![10_u32, 11, 12, 13]), 0..4);
    prop::collection::vec(("[a-cA-C]{0,2}", phonebooks, numbers), 0..40).prop_map(|people| {
        let people = people.into_iter().zip(1..);
        // Ids against the order of adding, so that nothing is right by accident.
        people
            .map(|((key, phonebooks, numbers), id)| Person { id: 100 - id, key, phonebooks, numbers })
            .collect()
    })
}

/// What decides the order of contacts.
fn rank(person: &Person) -> (u32, &[u8], u64) {
    (person.phonebooks.iter().copied().min().unwrap_or(u32::MAX), person.key.as_bytes(), person.id)
}

proptest! {
    #[test]
    fn an_index_finds_what_a_plain_table_finds(people in people()) {
        let index = index_of(&people);
        let mut table: HashMap<&str, Vec<&Person>> = HashMap::new();
        for person in &people {
            let numbers: HashSet<&str> = person.numbers.iter().map(|(_, text)| *text).collect();
            numbers.into_iter().for_each(|text| table.entry(text).or_default().push(person));
        }
        table.values_mut().for_each(|people| people.sort_by_key(|person| rank(person)));
        prop_assert_eq!(index.contact_count(), people.len());
        prop_assert_eq!(index.number_count(), table.len());
        verify(&index, people.len() as u64, &[]).unwrap();

        for (country, text) in NUMBERS {
            let expected = table.get(text).map(|people| people.as_slice()).unwrap_or_default();
            let found: Vec<Posting> = index.exact(number(text)).collect();
            prop_assert_eq!(index.exact(number(text)).len(), expected.len());
            prop_assert_eq!(ids(&index, found.iter().copied()), expected.iter().map(|person| person.id).collect::<Vec<_>>());
            for (posting, person) in found.iter().zip(expected) {
                let first = person.numbers.iter().find(|(_, other)| *other == text).unwrap();
                prop_assert_eq!(posting.label(), first.0);
                let phonebooks = index.phonebooks_in(posting.phonebooks()).iter();
                let phonebooks: HashSet<u32> = phonebooks.map(|ordinal| index.phonebook(*ordinal).id.0).collect();
                prop_assert_eq!(phonebooks, person.phonebooks.iter().copied().collect::<HashSet<_>>());
            }

            let digits = text.trim_start_matches('+');
            let is_similar = |other_country: Option<u16>, other: &str| {
                let other_digits = other.trim_start_matches('+');
                let other_land = country.is_some() && other_country.is_some() && country != other_country;
                digits.len() > 7 && other != text && !other_land && other_digits.ends_with(&digits[digits.len() - 7..])
            };
            let similar = NUMBERS.into_iter().filter(|(country, other)| is_similar(*country, other));
            let mut expected: Vec<&Person> =
                similar.flat_map(|(_, other)| table.get(other).into_iter().flatten().copied()).collect();
            expected.sort_by_key(|person| rank(person));
            expected.dedup_by_key(|person| person.id);
            let expected: Vec<u64> = expected.into_iter().map(|person| person.id).collect();
            prop_assert_eq!(last_digits(&index, text, 7), expected, "last digits of {}", text);
        }
    }
}

#[test]
fn a_phonebook_is_as_large_as_what_is_in_it() {
    let index = index_of(&[
        person(1, "a", &[10], &[(BusinessNumber, "+4930901820"), (MobileNumber, "+4915112345678")]),
        person(2, "b", &[10, 12], &[(BusinessNumber, "+4930901820")]),
        person(3, "c", &[], &[(HomeNumber, "112")]),
    ]);
    let sizes: Vec<_> = index.phonebook_sizes().iter().map(|size| (size.contacts, size.numbers)).collect();
    assert_eq!(sizes, [(2, 3), (0, 0), (1, 1), (0, 0)]);
}
