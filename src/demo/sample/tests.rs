use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use rlibphonenumber::{PhoneNumber, Region};
use rusqlite::Connection;

use super::countries::COUNTRIES;
use super::numbers::KEPT_FREE;
use super::*;
use crate::phone_number::{MAX_DIGITS, MAX_RAW_CHARACTERS};

/// What the library makes of a number: E.164 digits, whether it is valid, the extension.
fn read(written: &str, region: Region) -> Option<(u64, bool, Option<String>)> {
    let number = PhoneNumber::parse(written, Some(region)).ok()?;
    let digits = format!("{}{}", number.country_code, number.get_national_significant_number());
    Some((digits.parse().ok()?, number.is_valid(), number.extension.clone()))
}

fn good_contacts(count: u32) -> impl Iterator<Item = SampleContact> {
    contacts(count).filter(|contact| contact.defect.is_none())
}

/// Numbers that mean one, beside the country of the contact.
fn good_numbers(count: u32) -> impl Iterator<Item = (String, SampleNumber)> {
    good_contacts(count).flat_map(|contact| {
        let country = contact.country.unwrap();
        contact.numbers.into_iter().flatten().map(move |number| (country.clone(), number))
    })
}

/// `part` of `whole`, in per mille.
fn per_mille(part: usize, whole: usize) -> f64 {
    part as f64 * 1000.0 / whole as f64
}

#[test]
fn a_contact_depends_on_its_id_alone() {
    let large: Vec<_> = contacts(3_000).collect();
    assert_eq!(contacts(1_000).collect::<Vec<_>>(), large[..1_000]);
    assert_eq!(contact(2_500), large[2_499]);
    // Neighbours draw from streams of their own.
    let neighbours: HashSet<_> = large.iter().map(|contact| format!("{:?}", contact.numbers)).collect();
    assert!(neighbours.len() > 2_900, "{} different sets of numbers", neighbours.len());
}

#[test]
fn every_number_is_valid_and_means_what_stands_beside_it() {
    let mut wrong = Vec::new();
    for (country, number) in good_numbers(DEFAULT_CONTACTS).skip(TELLING_CALLERS.len()) {
        let read = read(&number.written, Region::DE);
        if !read.is_some_and(|(e164, valid, _)| valid && Some(e164) == number.e164) {
            wrong.push((country, number));
        }
    }
    assert!(wrong.is_empty(), "{} wrong numbers, such as {:?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn every_city_and_mobile_prefix_makes_valid_numbers_of_its_country() {
    for country in &COUNTRIES {
        let mut draw = Draw::new(99, 1);
        let fixed = country.cities.iter().map(|city| (city.3, city.4));
        for (area, subscriber) in fixed.chain(country.mobile.iter().copied()) {
            for _ in 0..300 {
                let written =
                    format!("+{}{}{}", country.calling_code, draw.fill(area), draw.fill(subscriber));
                let number = PhoneNumber::parse(&written, None).unwrap();
                assert!(number.is_valid(), "{} {area} {subscriber}: {written}", country.iso);
                let region = number.get_region_code().map(|region| region.to_string());
                assert_eq!(region.as_deref(), Some(country.iso), "{written}");
            }
        }
    }
}

#[test]
fn numbers_fit_into_the_limits_of_a_number() {
    for (_, number) in good_numbers(DEFAULT_CONTACTS) {
        assert!(number.written.chars().count() <= MAX_RAW_CHARACTERS, "{}", number.written);
        assert!(number.e164.unwrap().to_string().len() <= MAX_DIGITS, "{number:?}");
    }
}

#[test]
fn the_weights_of_the_countries_are_kept() {
    assert_eq!(COUNTRIES.iter().map(|country| country.per_mille).sum::<u64>(), 1000);
    let mut found: HashMap<String, usize> = HashMap::new();
    for contact in contacts(DEFAULT_CONTACTS) {
        *found.entry(contact.country.unwrap()).or_default() += 1;
    }
    for country in &COUNTRIES {
        let share = per_mille(found[country.iso], DEFAULT_CONTACTS as usize);
        let expected = country.per_mille as f64;
        // Companies of four are drawn 6 000 times: five standard deviations either way.
        let allowed = 5.0 * (expected * (1000.0 - expected) / 6000.0).sqrt();
        assert!((share - expected).abs() < allowed, "{}: {share} per mille, not {expected}", country.iso);
    }
}

#[test]
fn people_have_2_4_numbers_and_about_one_in_fifty_shares_one() {
    let count = 100_000;
    let mut owners: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut total = 0;
    for contact in good_contacts(count) {
        let numbers = contact.numbers.iter().flatten().count();
        assert!((1..=6).contains(&numbers), "contact {} has {numbers}", contact.id);
        total += numbers;
        for number in contact.numbers.iter().flatten() {
            owners.entry(number.e164.unwrap()).or_default().push(contact.id);
        }
    }
    let mean = total as f64 / f64::from(count);
    assert!((2.38..2.42).contains(&mean), "{mean} numbers in the mean");
    let distinct = owners.len() as f64 / f64::from(count);
    assert!((2.36..2.41).contains(&distinct), "{distinct} distinct numbers for each contact");
    let sharing: HashSet<u32> = owners.into_values().filter(|ids| ids.len() > 1).flatten().collect();
    let share = per_mille(sharing.len(), count as usize);
    assert!((15.0..30.0).contains(&share), "{share} per mille share a number");
}

#[test]
fn three_rows_in_a_thousand_are_bad_in_every_way_there_is() {
    let mut found: HashMap<Defect, usize> = HashMap::new();
    for contact in contacts(DEFAULT_CONTACTS) {
        let Some(defect) = contact.defect else { continue };
        *found.entry(defect).or_default() += 1;
        let blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        let numbers: Vec<_> =
            contact.numbers.iter().flatten().map(|number| number.written.as_str()).collect();
        let bad = match defect {
            Defect::NoName | Defect::NameOfSpaces => {
                [&contact.first_name, &contact.last_name, &contact.company].into_iter().all(blank)
            }
            Defect::FirstNameTooLong => contact.first_name.as_deref().unwrap().chars().count() > 63,
            Defect::NoNumber => numbers.is_empty(),
            Defect::NumberNotAvailable => numbers == ["n/a"],
            Defect::NumberUnknown => numbers == ["unknown"],
            Defect::NumberTooLong => numbers.len() == 1 && read(numbers[0], Region::DE).is_none(),
            Defect::BlankProperty | Defect::NoProperty => blank(&contact.belongto),
        };
        assert!(bad, "{contact:?}");
    }
    let share = per_mille(found.values().sum(), DEFAULT_CONTACTS as usize);
    assert!((2.9..3.1).contains(&share), "{share} per mille");
    for defect in Defect::ALL {
        assert!(found.get(&defect).is_some_and(|count| *count >= 5), "{defect:?}: {found:?}");
    }
}

#[test]
fn seven_in_ten_are_sales_in_several_spellings() {
    let mut spellings: HashMap<String, usize> = HashMap::new();
    for contact in good_contacts(DEFAULT_CONTACTS) {
        *spellings.entry(contact.belongto.unwrap()).or_default() += 1;
    }
    let total: usize = spellings.values().sum();
    let of = |team: &str| {
        spellings.iter().filter(|(text, _)| text.trim().to_lowercase() == team).map(|(_, n)| n).sum::<usize>()
    };
    assert_eq!(of("sales") + of("support"), total, "{spellings:?}");
    let share = per_mille(of("sales"), total);
    assert!((680.0..720.0).contains(&share), "{share} per mille are Sales");
    for spelling in ["Sales", "sales", "SALES ", "Support", "support", "Support "] {
        assert!(spellings.contains_key(spelling), "{spelling:?} in {spellings:?}");
    }
    // The first spelling names the phonebook.
    let first = |team| contacts(100).filter_map(|contact| contact.belongto).find(|text| text.contains(team));
    assert_eq!(first("S").as_deref(), Some("Sales"));
    assert_eq!(first("Sup").as_deref(), Some("Support"));
}

#[test]
fn numbers_are_written_in_dozens_of_ways() {
    /// A number without its digits: `(0##) ### ##-##`; runs of digits count as one.
    fn shape(written: &str) -> String {
        let mut shape: Vec<char> = written.chars().map(|c| if c.is_numeric() { '#' } else { c }).collect();
        shape.dedup_by(|a, b| *a == '#' && *b == '#');
        shape.into_iter().collect()
    }
    let (mut shapes, mut german, mut national) = (HashSet::new(), 0, 0);
    for (country, number) in good_numbers(DEFAULT_CONTACTS) {
        let is_national =
            !["+", "＋", "00", "００", "tel:+"].iter().any(|access| number.written.starts_with(access));
        if country == "DE" {
            german += 1;
            national += usize::from(is_national);
        } else {
            assert!(!is_national, "{country}: {}", number.written);
        }
        shapes.insert(shape(&number.written));
    }
    for expected in [
        "# #",
        "#/#",
        "(#) #",
        "(#) # #-#",
        "#-#",
        "#",
        "#.#.#.#",
        "#\u{a0}#",
        "+# (#)# # #",
        "+#",
        "+# # #",
        "+#-#-#-#",
        "tel:+#-#-#-#",
        "+# (#) #-#",
        "+#\u{a0}#\u{a0}#\u{a0}#",
        "# # x#",
        "# # ext. #",
        "# #;ext=#",
        "tel:+#-#-#-#;ext=#",
        "＋# # #",
    ] {
        assert!(shapes.contains(expected), "{expected:?} is missing");
    }
    assert!(shapes.len() >= 60, "{} shapes", shapes.len());
    let share = per_mille(national, german);
    assert!((720.0..780.0).contains(&share), "{share} per mille of the German numbers are national");
}

#[test]
fn a_written_extension_is_not_part_of_the_number() {
    let with_extension = good_numbers(DEFAULT_CONTACTS)
        .filter(|(_, number)| read(&number.written, Region::DE).unwrap().2.is_some());
    let share = per_mille(with_extension.count(), good_numbers(DEFAULT_CONTACTS).count());
    assert!((17.0..23.0).contains(&share), "{share} per mille have an extension");
}

#[test]
fn names_are_written_with_the_letters_they_have() {
    let everything: String = good_contacts(DEFAULT_CONTACTS)
        .flat_map(|contact| [contact.first_name, contact.last_name, contact.company].into_iter().flatten())
        .collect();
    for name in ["Müller", "Łukasz", "Åse", "Ωmega", "田中", "Weiß", "Yılmaz", "Hélène", "João", "Núria"]
    {
        assert!(everything.contains(name), "{name}");
    }
}

#[test]
fn telling_callers_are_the_first_contacts_and_nobody_else_has_their_numbers() {
    for (id, telling) in (1..).zip(&TELLING_CALLERS) {
        assert_eq!(telling.id, id);
        let contact = contact(id);
        assert_eq!(contact.last_name.as_deref(), Some(telling.last_name));
        assert_eq!(contact.belongto.as_deref(), Some(telling.belongto));
        let number = contact.numbers[telling.column].as_ref().unwrap();
        assert_eq!((number.written.as_str(), number.e164), (telling.written, Some(telling.e164)));
        let (e164, _, _) = read(telling.written, Region::DE).unwrap();
        assert_eq!(e164, telling.e164, "{}", telling.written);
        assert!(KEPT_FREE.iter().any(|kept| kept.contains(&e164)), "{}", telling.written);
    }
    for (_, number) in good_numbers(200_000).skip(TELLING_CALLERS.len()) {
        let e164 = number.e164.unwrap();
        assert!(!KEPT_FREE.iter().any(|kept| kept.contains(&e164)), "{e164} should have been kept free");
    }
}

#[test]
fn telling_callers_are_possible_numbers() {
    for telling in &TELLING_CALLERS {
        let number = PhoneNumber::parse(telling.written, Some(Region::DE)).unwrap();
        assert!(number.is_possible_with_reason().is_ok(), "{}", telling.written);
    }
    let [five, six] = [&TELLING_CALLERS[4], &TELLING_CALLERS[5]];
    assert_eq!(five.e164, six.e164);
    assert_ne!(five.belongto, six.belongto);
}

#[test]
fn demo_calls_come_from_whom_they_say() {
    // The call's place in the table, and the contacts it comes from.
    let expected: [&[u32]; DEMO_CALLS.len()] =
        [&[1], &[2], &[2], &[3], &[8], &[5, 6], &[7], &[4], &[9], &[10], &[], &[], &[]];
    for (call, ids) in DEMO_CALLS.iter().zip(expected) {
        let region = if call.trunk == "london" { Region::GB } else { Region::DE };
        let user = call.caller.trim_start_matches("sip:").split('@').next().unwrap();
        let e164 = read(user, region).map(|(e164, _, _)| e164);
        let found: Vec<u32> = TELLING_CALLERS
            .iter()
            .filter(|telling| Some(telling.e164) == e164)
            .map(|telling| telling.id)
            .collect();
        assert_eq!(found, ids, "{}: {}", call.what, call.caller);
    }
}

#[test]
fn the_database_holds_what_the_iterator_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("company.db");
    std::fs::write(&path, "something older").unwrap();
    let facts = write(&path, 2_000).unwrap();
    let expected: Vec<SampleContact> = contacts(2_000).collect();
    let numbers = expected.iter().flat_map(|contact| contact.numbers.iter().flatten()).count();
    assert_eq!(facts, SampleFacts { contacts: 2_000, bad_rows: 6, numbers: numbers as u64 });

    let database = Connection::open(&path).unwrap();
    let mut statement = database
        .prepare(
            "select id, first_name, last_name, company, email, phone, phone2, mobile, home_phone, fax, other_phone, \
             street, zip, city, state, country, belongto, remark, updated_at from main.contacts order by id",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    for contact in &expected {
        let row = rows.next().unwrap().unwrap();
        assert_eq!(row.get::<_, u32>(0).unwrap(), contact.id);
        let text = |column| row.get::<_, Option<String>>(column).unwrap();
        assert_eq!(
            [text(1), text(2), text(3)],
            [&contact.first_name, &contact.last_name, &contact.company].map(Clone::clone)
        );
        for (column, number) in (5..).zip(&contact.numbers) {
            assert_eq!(text(column), number.as_ref().map(|number| number.written.clone()));
        }
        assert_eq!(
            [text(12), text(16), text(18)],
            [&contact.zip, &contact.belongto, &contact.updated_at].map(Clone::clone)
        );
    }
    assert!(rows.next().unwrap().is_none());
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing but the database is left");
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a.db", "b.db"].map(|name| {
        let path = folder.path().join(name);
        write(&path, 500).unwrap();
        std::fs::read(path).unwrap()
    });
    assert!(first == second);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("company.db");
    let error = write(&path, 1).unwrap_err();
    assert!(matches!(error, SampleError::File { .. }));
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn settings_are_a_document_that_reads_back() {
    let settings = settings(&PathBuf::from("company.db"));
    let document = toml::to_string(&settings).unwrap();
    assert_eq!(toml::from_str::<crate::settings::Settings>(&document).unwrap(), settings);
    let trunks: HashSet<_> = settings.trunks.iter().map(|trunk| trunk.name.as_str()).collect();
    assert!(DEMO_CALLS.iter().all(|call| trunks.contains(call.trunk)));
    let last = settings.inbound_routes.last().unwrap();
    assert!(last.trunks.is_empty() && last.dids.is_empty() && last.callers.is_empty());
    assert!(
        last.phonebooks.is_empty() && !last.withheld && !last.in_no_phonebook,
        "the last takes every call"
    );
}
