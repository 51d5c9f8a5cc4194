//! Nothing is faster by doing less: a million callers, asked of the call path and of a reference that does it the plain
//! way. The reference keeps contacts in a list, numbers as text in hash tables, sorts what it finds, and knows what
//! number each caller is because the caller was made from it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::sync::Arc;

use ringroute::contact::{ContactId, NumberLabel};
use ringroute::generation::Generation;
use ringroute::index::{
    ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook, verify,
};
use ringroute::matching::{CallerMatch, MatchKind, match_caller};
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::settings::{NumberRule, Settings, Trunk};
use ringroute::snapshot::Snapshot;

/// Together a million, by half with last digits and by half without.
const COMPANIES: u64 = 20;
const CALLERS_OF_EACH: usize = 50_000;

/// Phonebooks in order of priority, by their numbers in the store, which say nothing of it.
const PHONEBOOKS: [u32; 5] = [7, 3, 9, 1, 4];

/// SplitMix64: the same every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len() as u64) as usize]
    }
}

/// A number as its parts: with a country code it is E.164, without one plain digits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Number {
    country: &'static str,
    rest: String,
}

impl Number {
    fn digits(&self) -> String {
        format!("{}{}", self.country, self.rest)
    }

    fn text(&self) -> String {
        let plus = if self.country.is_empty() { "" } else { "+" };
        format!("{plus}{}", self.digits())
    }

    /// Germany, whose numbers are written without the country here; Italy, France and North America; short codes.
    /// There are so few that contacts and callers often meet, by all digits or by the last ones only.
    fn random(chance: &mut Chance) -> Self {
        let line = chance.below(800);
        let of = |country, rest| Number { country, rest };
        match chance.below(10) {
            0..3 => of("49", format!("30{:07}", 9_000_000 + line)),
            // The same last seven digits in another town, and in other countries.
            3 | 4 => of("49", format!("89{:07}", 9_000_000 + line)),
            5 => of("39", format!("069{:06}", line)),
            6 => of("33", format!("14{:07}", 9_000_000 + line)),
            7 => of("1", format!("202{:07}", 5_550_000 + line)),
            8 => of("", format!("{}", 200 + line % 799)),
            _ => of("49", format!("30{:06}", 900_000 + line)),
        }
    }
}

struct Contact {
    id: u64,
    key: String,
    /// Places in [`PHONEBOOKS`].
    phonebooks: Vec<usize>,
    numbers: Vec<(NumberLabel, Number)>,
}

fn contacts(chance: &mut Chance) -> Vec<Contact> {
    let count = 200 + chance.below(2_000);
    let contact = |place: u64| {
        let mut phonebooks: Vec<usize> = (0..PHONEBOOKS.len()).filter(|_| chance.below(4) == 0).collect();
        if chance.below(2) == 0 {
            phonebooks.reverse();
        }
        let numbers =
            (0..chance.below(4)).map(|_| (*chance.one_of(&NumberLabel::ALL), Number::random(chance)));
        let mut numbers: Vec<_> = numbers.collect();
        // Once in a while a number is there twice.
        if chance.below(5) == 0 && !numbers.is_empty() {
            numbers.push((NumberLabel::OtherNumber, numbers[0].1.clone()));
        }
        Contact { id: 1 + place * 3, key: format!("{}", chance.below(500)), phonebooks, numbers }
    };
    let mut contacts: Vec<Contact> = (0..count).map(contact).collect();
    // The numbers of those who are somebody else on some trunk: nobody has them, or one contact.
    for Special { elsewhere, there, .. } in SPECIAL {
        for (country, rest) in [Some(elsewhere), there].into_iter().flatten() {
            if chance.below(2) == 0 {
                let contact = &mut contacts[chance.below(count) as usize];
                contact.numbers.push((NumberLabel::OtherNumber, Number { country, rest: rest.to_owned() }));
            }
        }
    }
    // The order in which they come to the index is no order at all.
    for end in (1..contacts.len()).rev() {
        contacts.swap(end, chance.below(end as u64 + 1) as usize);
    }
    contacts
}

fn index(contacts: &[Contact], last_digits: bool) -> ContactIndex {
    let phonebooks = PHONEBOOKS.map(|id| IndexedPhonebook {
        id: PhonebookId(id),
        name: PhonebookName::parse(&format!("Phonebook {id}")).unwrap(),
    });
    let mut builder = ContactIndexBuilder::new(phonebooks.to_vec()).unwrap();
    for contact in contacts {
        let numbers: Vec<_> = contact
            .numbers
            .iter()
            .map(|(label, number)| IndexedNumber { number: number.text().parse().unwrap(), label: *label })
            .collect();
        let phonebooks: Vec<_> =
            contact.phonebooks.iter().map(|place| PhonebookId(PHONEBOOKS[*place])).collect();
        builder
            .push(IndexedContact {
                id: ContactId(contact.id),
                source: Some("crm"),
                source_key: &contact.key,
                display_name: "Anna Berg",
                company: "",
                own_extension: "",
                phonebooks: &phonebooks,
                numbers: &numbers,
            })
            .unwrap();
    }
    let index = builder.finish(last_digits).unwrap();
    verify(&index, contacts.len() as u64, &[]).unwrap();
    index
}

/// What a caller is.
enum Asked {
    Number {
        number: Number,
        /// How many digits the network gave.
        given: usize,
    },
    Withheld,
    Invalid,
}

impl Asked {
    /// A number of which the network gave all digits.
    fn of((country, rest): &(&'static str, &str)) -> Asked {
        let number = Number { country, rest: (*rest).to_owned() };
        Asked::Number { given: number.digits().len(), number }
    }
}

/// Country and rest of a number.
type Parts = (&'static str, &'static str);

/// What is somebody else on one trunk.
struct Special {
    written: &'static str,
    elsewhere: Parts,
    trunk: &'static str,
    /// Who it is on the trunk; nobody, where it says that the number is withheld.
    there: Option<Parts>,
}

const SPECIAL: [Special; 3] = [
    Special { written: "999", elsewhere: ("", "999"), trunk: "berlin", there: None },
    Special { written: "+49309000900", elsewhere: ("49", "309000900"), trunk: "berlin", there: None },
    Special {
        written: "+12025550900",
        elsewhere: ("1", "2025550900"),
        trunk: "london",
        there: Some(("49", "309000901")),
    },
];

/// The two trunks of [`SPECIAL`].
fn trunks() -> Vec<Trunk> {
    let withheld = vec!["999".to_owned(), "+49309000900".to_owned()];
    let rule = NumberRule { pattern: "+1202555090X".to_owned(), strip: 12, add: "+49309000901".to_owned() };
    vec![
        Trunk { name: "berlin".to_owned(), withheld, ..Trunk::default() },
        Trunk { name: "london".to_owned(), caller_rules: vec![rule], ..Trunk::default() },
    ]
}

/// A caller as a network may write it, on a trunk: one of those two, if there are trunks, or another.
fn caller(chance: &mut Chance, has_trunks: bool) -> (String, &'static str, Asked) {
    let trunk = *chance.one_of(&["", "berlin", "london", "unheard of"]);
    match chance.below(20) {
        0 => {
            let words =
                ["anonymous", "", "  ", "Restricted", "sip:anonymous@anonymous.invalid", "0000", "UNKNOWN"];
            return ((*chance.one_of(&words)).to_owned(), trunk, Asked::Withheld);
        }
        1 => {
            let words = [
                "alice",
                "sip:alice@example.com",
                "+49 30 +1",
                "*21#",
                "+999 1",
                "sip:10.0.0.1",
                "+49300000000000000",
            ];
            return ((*chance.one_of(&words)).to_owned(), trunk, Asked::Invalid);
        }
        2 => {
            let special = chance.one_of(&SPECIAL);
            let asked = match &special.there {
                None if has_trunks && trunk == special.trunk => Asked::Withheld,
                Some(number) if has_trunks && trunk == special.trunk => Asked::of(number),
                _ => Asked::of(&special.elsewhere),
            };
            return (special.written.to_owned(), trunk, asked);
        }
        _ => {}
    }
    let number = Number::random(chance);
    let digits = number.digits();
    let written = match (number.country, chance.below(5)) {
        ("", _) => digits,
        ("49", 0) => format!("0{}", number.rest),
        ("49", 1) => format!("0{}/{}", &number.rest[..2], &number.rest[2..]),
        (country, 2) => format!("+{country} {} {}", &number.rest[..2], &number.rest[2..]),
        (_, 3) => format!("00{digits}"),
        _ => format!("+{digits}"),
    };
    let given = written.bytes().filter(u8::is_ascii_digit).count();
    let caller = match chance.below(6) {
        0 => format!("sip:{}@sbc.example.net;user=phone", written.replace(['/', ' '], "")),
        1 => format!("\"Some <body>\" <sip:{}@[2001:db8::1]:5060>;tag=1", written.replace(['/', ' '], "")),
        2 => format!("tel:{}", written.replace(['/', ' '], "-")),
        3 => format!(" {written} x12"),
        _ => written,
    };
    (caller, trunk, Asked::Number { number, given })
}

/// What was found: the contact, the label of its number, and its phonebooks in order of priority.
type Found = Vec<(u64, NumberLabel, Vec<u32>)>;

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Matched { number: String, kind: MatchKind, found: Found },
    NotMatched(String),
    Withheld,
    Invalid,
}

/// Contacts by whole numbers, and by the last digits of them.
struct Reference<'a> {
    contacts: &'a [Contact],
    last_digits: Option<usize>,
    by_number: HashMap<String, Vec<(usize, usize)>>,
    by_end: HashMap<String, Vec<(usize, usize)>>,
}

impl<'a> Reference<'a> {
    fn new(contacts: &'a [Contact], last_digits: Option<usize>) -> Self {
        let (mut by_number, mut by_end) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (place, contact) in contacts.iter().enumerate() {
            for (at, (_, number)) in contact.numbers.iter().enumerate() {
                // Of several that are equal, the first counts.
                if contact.numbers[..at].iter().any(|(_, other)| other == number) {
                    continue;
                }
                by_number.entry(number.text()).or_default().push((place, at));
                let digits = number.digits();
                if let Some(start) = last_digits.and_then(|count| digits.len().checked_sub(count)) {
                    by_end.entry(digits[start..].to_owned()).or_default().push((place, at));
                }
            }
        }
        Reference { contacts, last_digits, by_number, by_end }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let (number, given) = match asked {
            Asked::Number { number, given } => (number, *given),
            Asked::Withheld => return Answer::Withheld,
            Asked::Invalid => return Answer::Invalid,
        };
        let (text, digits) = (number.text(), number.digits());
        if let Some(exact) = self.by_number.get(&text) {
            return Answer::Matched {
                number: text,
                kind: MatchKind::Exact,
                found: self.in_order(exact.clone()),
            };
        }
        let similar =
            self.last_digits.filter(|count| given > *count && digits.len() > *count).and_then(|count| {
                let end = &digits[digits.len() - count..];
                let mut found = self.by_end.get(end)?.clone();
                // Two country codes are two countries; without one, who knows.
                found.retain(|(place, at)| {
                    let other = &self.contacts[*place].numbers[*at].1;
                    number.country.is_empty() || other.country.is_empty() || other.country == number.country
                });
                (!found.is_empty()).then(|| self.in_order(found))
            });
        match similar {
            Some(found) => Answer::Matched { number: text, kind: MatchKind::LastDigits, found },
            None => Answer::NotMatched(text),
        }
    }

    /// By the priority of the first phonebook (none comes last), then by key, then by number of the contact; of a
    /// contact's numbers, the one whose label comes first.
    fn in_order(&self, mut found: Vec<(usize, usize)>) -> Found {
        found.sort_by_key(|(place, at)| {
            let contact = &self.contacts[*place];
            let first = contact.phonebooks.iter().min().copied().unwrap_or(usize::MAX);
            (first, contact.key.as_bytes(), contact.id, contact.numbers[*at].0)
        });
        found.dedup_by_key(|(place, _)| *place);
        let told = |(place, at): (usize, usize)| {
            let contact = &self.contacts[place];
            let mut phonebooks = contact.phonebooks.clone();
            phonebooks.sort_unstable();
            let phonebooks = phonebooks.into_iter().map(|place| PHONEBOOKS[place]).collect();
            (contact.id, contact.numbers[at].0, phonebooks)
        };
        found.into_iter().map(told).collect()
    }
}

fn told(snapshot: &Snapshot, answer: CallerMatch) -> Answer {
    let contacts = snapshot.contacts();
    match answer {
        CallerMatch::Matched { number, contacts: found, kind } => {
            let told = found.into_iter().map(|posting| {
                let phonebooks = contacts.phonebooks_in(posting.phonebooks()).iter();
                let phonebooks = phonebooks.map(|ordinal| contacts.phonebook(*ordinal).id.0).collect();
                (contacts.contact(posting.contact()).id.0, posting.label(), phonebooks)
            });
            Answer::Matched { number: number.to_string(), kind, found: told.collect() }
        }
        CallerMatch::NotMatched(number) => Answer::NotMatched(number.to_string()),
        CallerMatch::Withheld => Answer::Withheld,
        CallerMatch::Invalid(_) => Answer::Invalid,
    }
}

fn contacts_of(answer: &Answer) -> Found {
    match answer {
        Answer::Matched { found, .. } => found.clone(),
        _ => Found::new(),
    }
}

/// Asks one company's callers, and counts the answers: exact, by last digits, not matched, withheld, invalid; and callers who
/// are somebody else on this trunk than the one contact that has the number as it is written.
fn ask(company: u64) -> [usize; 6] {
    let mut chance = Chance(company);
    let contacts = contacts(&mut chance);
    let last_digits = (company % 2 == 1).then_some(7 + company as usize / 2 % 3);
    let mut settings = Settings::default();
    settings.numbers.default_region = Some("DE".parse().unwrap());
    settings.numbers.last_digits = last_digits.unwrap_or(0) as u8;
    let has_trunks = company % 4 < 2;
    settings.trunks = if has_trunks { trunks() } else { Vec::new() };
    let index = Arc::new(index(&contacts, last_digits.is_some()));
    let snapshot = Snapshot::new(Generation(1), index, &settings).unwrap();
    let reference = Reference::new(&contacts, last_digits);
    let mut counts = [0; 6];
    for _ in 0..CALLERS_OF_EACH {
        let (caller, trunk, asked) = caller(&mut chance, has_trunks);
        let expected = reference.answer(&asked);
        let found = told(&snapshot, match_caller(&snapshot, &caller, trunk));
        let is_another = |found: &&Found| found.len() == 1 && **found != contacts_of(&expected);
        let as_written = reference.by_number.get(&caller).map(|found| reference.in_order(found.clone()));
        counts[5] += usize::from(as_written.as_ref().filter(is_another).is_some());
        assert_eq!(
            found, expected,
            "caller {caller:?} on trunk {trunk:?} of company {company}, {last_digits:?}"
        );
        counts[match found {
            Answer::Matched { kind: MatchKind::Exact, .. } => 0,
            Answer::Matched { kind: MatchKind::LastDigits, .. } => 1,
            Answer::NotMatched(_) => 2,
            Answer::Withheld => 3,
            Answer::Invalid => 4,
        }] += 1;
    }
    counts
}

#[test]
fn a_million_callers_are_answered_as_a_plain_reference_answers_them() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let counts = std::thread::scope(|scope| {
        let ask_some =
            |first| move || (first..COMPANIES).step_by(threads as usize).map(ask).collect::<Vec<_>>();
        let asking: Vec<_> = (0..threads).map(|first| scope.spawn(ask_some(first))).collect();
        asking
            .into_iter()
            .flat_map(|some| some.join().unwrap_or_else(|_| panic!("an answer differs")))
            .fold([0; 6], |all, some| std::array::from_fn(|kind| all[kind] + some[kind]))
    });
    let [answers @ .., somebody_else] = counts;
    assert_eq!(answers.iter().sum::<usize>() as u64, COMPANIES * CALLERS_OF_EACH as u64);
    // None of the answers is there only in name.
    assert!(answers.iter().all(|count| *count > 15_000) && somebody_else > 1_000, "{counts:?}");
}
