//! The company that everything is measured with: the demo's sample ([`ringroute::demo::sample`]), as contacts,
//! as an index, and as the calls that come in. The same on every machine.

use std::ops::RangeInclusive;
use std::path::Path;

use ringroute::contact::{ContactId, display_name};
use ringroute::demo::sample::{self, NUMBER_COLUMNS, SampleContact};
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::phone_number::{Region, normalise};
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;

const PHONEBOOKS: [&str; 2] = ["Sales", "Support"];

/// The region of numbers that are not written internationally.
pub fn region() -> Option<Region> {
    settings().numbers.default_region
}

/// The sample's settings; its routes are the ones that calls take.
pub fn settings() -> Settings {
    sample::settings(Path::new("company.db"))
}

/// A contact as a sync run would hand it to the index.
#[derive(Debug)]
pub struct Person {
    id: ContactId,
    key: String,
    name: String,
    company: String,
    phonebook: PhonebookId,
    pub numbers: Vec<IndexedNumber>,
}

/// The sample's usable contacts.
pub fn people(count: u32) -> Vec<Person> {
    people_of(1..=count).collect()
}

/// Those of them with these numbers in the sample, which begins with 1.
pub fn people_of(ids: RangeInclusive<u32>) -> impl Iterator<Item = Person> {
    let region = region();
    let contacts = ids.map(sample::contact).filter(|contact| contact.defect.is_none());
    contacts.map(move |contact| person(contact, region))
}

fn person(contact: SampleContact, region: Option<Region>) -> Person {
    let text = |text: Option<String>| text.unwrap_or_default().trim().to_owned();
    let numbers = contact.numbers.iter().zip(NUMBER_COLUMNS).filter_map(|(number, (_, label))| {
        let number = normalise(&number.as_ref()?.written, region).unwrap().number;
        Some(IndexedNumber { number, label })
    });
    let numbers = numbers.collect();
    let belongto = PhonebookName::parse(contact.belongto.as_deref().unwrap_or_default()).unwrap().folded();
    let phonebook = phonebooks().find(|phonebook| phonebook.name.folded() == belongto).unwrap().id;
    let company = text(contact.company);
    Person {
        id: ContactId(contact.id.into()),
        key: contact.id.to_string(),
        name: display_name(&text(contact.first_name), &text(contact.last_name), &company),
        company,
        phonebook,
        numbers,
    }
}

fn phonebooks() -> impl Iterator<Item = IndexedPhonebook> {
    PHONEBOOKS
        .into_iter()
        .zip(1..)
        .map(|(name, id)| IndexedPhonebook { id: PhonebookId(id), name: PhonebookName::parse(name).unwrap() })
}

/// The index of these people.
pub fn index(people: &[Person], with_last_digits: bool) -> ContactIndex {
    let mut builder = builder();
    people.iter().for_each(|person| push(&mut builder, person));
    builder.finish(with_last_digits).unwrap()
}

/// An index that nobody is in yet.
pub fn builder() -> ContactIndexBuilder {
    ContactIndexBuilder::new(phonebooks().collect()).unwrap()
}

pub fn push(builder: &mut ContactIndexBuilder, person: &Person) {
    let contact = IndexedContact {
        id: person.id,
        source: Some(sample::SOURCE_NAME),
        source_key: &person.key,
        display_name: &person.name,
        company: &person.company,
        own_extension: "",
        phonebooks: &[person.phonebook],
        numbers: &person.numbers,
    };
    builder.push(contact).unwrap();
}

/// What calls are answered from.
pub fn snapshot(index: ContactIndex, settings: &Settings) -> Snapshot {
    Snapshot::new(Generation::NONE.next(), index.into(), settings).unwrap()
}

/// The digits of all E.164 numbers of the sample, in no order, each once.
pub fn numbers(count: u32) -> Vec<u64> {
    let contacts = sample::contacts(count).filter(|contact| contact.defect.is_none());
    let mut numbers: Vec<u64> =
        contacts.flat_map(|contact| contact.numbers).filter_map(|number| number?.e164).collect();
    numbers.sort_unstable();
    numbers.dedup();
    shuffle(&mut numbers);
    numbers
}

/// A number of the range that Germany keeps for films, from which the sample gives out only a few.
fn strangers_number(place: usize) -> String {
    format!("+4930231255{:02}", place % 100)
}

/// What callers look like to a call handler. Of twenty, fourteen are contacts written `+49…`, two with `00`, two
/// as SIP URIs; one is a stranger, and one withholds the number.
pub fn callers(numbers: &[u64], count: usize) -> Vec<String> {
    let number = |place: usize| numbers[place % numbers.len()];
    (0..count)
        .map(|place| match place % 20 {
            0..14 => format!("+{}", number(place)),
            14..16 => format!("00{}", number(place)),
            16..18 => format!("sip:+{}@sbc.example.net;user=phone", number(place)),
            18 => strangers_number(place / 20),
            _ => "anonymous".to_owned(),
        })
        .collect()
}

/// The name of a written form, and what has it.
type Form = (&'static str, fn(&str) -> bool);

/// The sample's written numbers, by the form that they are written in; at most so many of each. A number has the
/// first form that fits.
pub fn written_numbers(contacts: u32, of_each: usize) -> Vec<(&'static str, Vec<String>)> {
    const FORMS: [Form; 7] = [
        ("with an extension", |text| text.contains(" x") || text.contains("ext")),
        ("full-width digits", |text| text.chars().any(|c| ('０'..='９').contains(&c))),
        ("tel URI", |text| text.starts_with("tel:")),
        ("(0) behind the country code", |text| text.contains("(0)")),
        ("E.164", |text| text.starts_with('+') && text[1..].bytes().all(|byte| byte.is_ascii_digit())),
        ("international with separators", |text| text.starts_with('+') || text.starts_with("00")),
        ("national", |_| true),
    ];
    let mut groups = FORMS.map(|(name, _)| (name, Vec::new()));
    for number in sample::contacts(contacts).flat_map(|contact| contact.numbers).flatten() {
        if number.e164.is_none() {
            continue;
        }
        let form = FORMS.iter().position(|(_, fits)| fits(&number.written)).unwrap();
        if groups[form].1.len() < of_each {
            groups[form].1.push(number.written);
        }
    }
    groups.into()
}

/// The same disorder every time (Fisher and Yates, with SplitMix64).
pub fn shuffle<T>(items: &mut [T]) {
    let mut state: u64 = 0;
    for end in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut chance = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        chance = (chance ^ (chance >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chance ^= chance >> 31;
        items.swap(end, (chance % (end as u64 + 1)) as usize);
    }
}
