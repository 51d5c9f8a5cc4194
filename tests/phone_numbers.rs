//! What written numbers and callers turn into: tables as data in `phone_numbers/*.toml`, then the rules
//! that hold for every text and every region.

#![expect(clippy::unwrap_used, reason = "a table that cannot be read is a failed test")]

use proptest::prelude::*;
use ringroute::phone_number::{Caller, InvalidCaller, MAX_CALLER_BYTES, Region, WITHHELD, normalise};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    region: Option<Region>,
    e164: String,
    #[serde(default)]
    extension: Option<String>,
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    regions: Vec<Region>,
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    reason: String,
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regions {
    number: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Special {
    plain: Vec<Plain>,
    extension: Vec<Line>,
    pasted: Vec<Line>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withheld {
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callers {
    number: Vec<Line>,
    withheld: Vec<Withheld>,
    invalid: Vec<Refused>,
}

fn region(code: &str) -> Option<Region> {
    Some(code.parse().unwrap())
}

/// Says everything that is wrong, not only the first.
fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What differs from the table's `lines`.
fn wrong_numbers(lines: &[Line]) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in lines {
        for written in &line.written {
            let found = normalise(written, line.region);
            let right = found.as_ref().is_ok_and(|found| {
                found.number.to_string() == line.e164 && found.extension == line.extension
            });
            if !right {
                wrong.push(format!("{:?} {written:?}: expected {}, found {found:?}", line.region, line.e164));
            }
        }
    }
    wrong
}

fn special() -> Special {
    toml::from_str(include_str!("phone_numbers/special.toml")).unwrap()
}

#[test]
fn every_region_reads_what_its_people_write() {
    let table: Regions = toml::from_str(include_str!("phone_numbers/regions.toml")).unwrap();
    let mut regions: Vec<String> =
        table.number.iter().filter_map(|line| line.region).map(|region| region.to_string()).collect();
    regions.sort();
    regions.dedup();
    assert!(regions.len() >= 45, "only {} regions", regions.len());
    assert_none(wrong_numbers(&table.number));
}

#[test]
fn short_codes_and_internal_extensions_stay_plain_digits() {
    let mut wrong = Vec::new();
    for Plain { regions, written } in special().plain {
        let regions =
            if regions.is_empty() { vec![None] } else { regions.into_iter().map(Some).collect::<Vec<_>>() };
        for (region, written) in regions.iter().flat_map(|region| written.iter().map(move |w| (region, w))) {
            let digits: String = written.chars().filter(char::is_ascii_digit).collect();
            let found = normalise(written, *region).map(|found| found.number.to_string());
            if found.as_ref() != Ok(&digits) {
                wrong.push(format!("{region:?} {written:?}: expected {digits}, found {found:?}"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn extensions_are_split_off_and_kept() {
    assert_none(wrong_numbers(&special().extension));
}

#[test]
fn what_people_paste_is_read() {
    assert_none(wrong_numbers(&special().pasted));
}

#[test]
fn what_is_refused_says_what_was_found() {
    let mut wrong = Vec::new();
    for Refused { reason, written } in special().refused {
        for written in written {
            let found = normalise(&written, region("DE")).map_err(|error| error.to_string());
            if !found.as_ref().is_err_and(|error| error.contains(&reason)) {
                wrong.push(format!("{written:?}: expected {reason:?}, found {found:?}"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn blanks_around_a_number_do_not_count() {
    let padded = format!("{:>60}", "030 12345678");
    assert_eq!(normalise(&padded, region("DE")).unwrap().number.to_string(), "+493012345678");
}

fn callers() -> Callers {
    toml::from_str(include_str!("phone_numbers/callers.toml")).unwrap()
}

#[test]
fn callers_are_read_in_every_form_networks_use() {
    let mut wrong = Vec::new();
    for line in callers().number {
        for written in &line.written {
            let found = Caller::parse(written, region("DE"));
            if !matches!(&found, Caller::Number(number) if number.to_string() == line.e164) {
                wrong.push(format!("{written:?}: expected {}, found {found:?}", line.e164));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn callers_who_do_not_want_to_be_known_are_withheld() {
    let table = callers().withheld.into_iter().flat_map(|withheld| withheld.written);
    let words = WITHHELD.iter().flat_map(|word| {
        [word.to_string(), word.to_uppercase(), format!("sip:{word}@pbx.example"), format!("<sip:{word}@a>")]
    });
    let wrong = table.chain(words).filter(|raw| Caller::parse(raw, region("DE")) != Caller::Withheld);
    assert_none(wrong.collect());
}

#[test]
fn invalid_callers_say_why() {
    let mut wrong = Vec::new();
    for Refused { reason, written } in callers().invalid {
        for written in written {
            let found = Caller::parse(&written, region("DE"));
            if !matches!(&found, Caller::Invalid(why) if why.to_string().contains(&reason)) {
                wrong.push(format!("{written:?}: expected {reason:?}, found {found:?}"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn callers_have_a_limit() {
    let longest = format!("sip:+493012345678@{}", "h".repeat(MAX_CALLER_BYTES - 18));
    assert_eq!(longest.len(), MAX_CALLER_BYTES);
    assert!(matches!(Caller::parse(&longest, None), Caller::Number(_)));
    let too_long = Caller::parse(&(longest + "h"), None);
    assert_eq!(
        too_long,
        Caller::Invalid(InvalidCaller::TooLong { found: MAX_CALLER_BYTES + 1, max: MAX_CALLER_BYTES })
    );
}

/// Every region, and none.
fn everywhere() -> impl Iterator<Item = Option<Region>> {
    Region::all().map(Some).chain([None])
}

/// Fails unless the result of reading `raw` reads as itself, and as a caller too.
fn assert_settled(raw: &str, region: Option<Region>) {
    let Ok(first) = normalise(raw, region) else { return };
    let text = first.number.to_string();
    let again = normalise(&text, region).map(|again| (again.number, again.extension));
    assert_eq!(again, Ok((first.number, None)), "{raw:?} in {region:?}");
    assert_eq!(Caller::parse(&text, region), Caller::Number(first.number), "{raw:?} in {region:?}");
    if first.number.is_e164() {
        for other in [None, Some("US".parse().unwrap()), Some("DE".parse().unwrap())] {
            assert_eq!(normalise(&text, other).map(|n| n.number), Ok(first.number), "{raw:?} in {other:?}");
            // A match stands on this: a caller who is written like a contact's number is not read at all.
            assert_eq!(Caller::parse(&text, other), Caller::Number(first.number), "{raw:?} in {other:?}");
        }
    }
}

#[test]
fn a_result_is_its_own_normal_form_for_awkward_digits_in_every_region() {
    // Prefixes on top of prefixes: what a rule takes away once must not be there to take away again.
    const PREFIXES: [&str; 16] =
        ["", "0", "00", "000", "1", "11", "8", "80", "810", "01", "010", "011", "06", "0015", "90", "0115"];
    const BODIES: [&str; 8] =
        ["2", "012", "1234", "023456", "4601234", "20255501", "3012345678", "0012345678901"];
    for region in everywhere() {
        for prefix in PREFIXES {
            for body in BODIES {
                assert_settled(&format!("{prefix}{body}"), region);
            }
        }
    }
}

/// Texts that are nearly numbers.
fn number_like() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,17}",
        "[+]?(0|00|1|8|011|49|44|1|7|54|55|39)?[0-9]{2,14}",
        "[+]?[0-9]{1,3}[ ./-]?\\(0?\\)[0-9 ./-]{1,14}",
        "[0-9+() ./~,;x#*e-]{0,31}",
        "(tel:|sip:|\")?[+0-9]{1,12}(;ext=|x|,,|@|%2B|;phone-context=[+]49)?[0-9]{0,4}",
    ]
}

fn any_region() -> impl Strategy<Value = Option<Region>> {
    let all: Vec<Option<Region>> = everywhere().collect();
    proptest::sample::select(all)
}

proptest! {
    // What fails goes into the tables, not into a file of seeds.
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(raw in any::<String>(), region in any_region()) {
        let _ = normalise(&raw, region);
        let _ = Caller::parse(&raw, region);
    }

    #[test]
    fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..300), region in any_region()) {
        let raw = String::from_utf8_lossy(&raw);
        let _ = normalise(&raw, region);
        let _ = Caller::parse(&raw, region);
    }

    #[test]
    fn nearly_uris_do_not_panic(
        name in "(\"[a\\\\\"]{0,3}\" ?)?<?",
        uri in "(sips?|tel):[+0-9a%é;:@=x]{0,20}(;phone-context=|;ext=)?[+0-9%]{0,8}>?",
        region in any_region(),
    ) {
        let raw = name + &uri;
        let _ = normalise(&raw, region);
        let _ = Caller::parse(&raw, region);
    }

    #[test]
    fn normalising_twice_changes_nothing(raw in number_like(), region in any_region()) {
        assert_settled(&raw, region);
    }

    #[test]
    fn a_caller_who_is_written_like_a_contacts_number_is_it_everywhere(
        raw in number_like(),
        region in any_region(),
        elsewhere in any_region(),
    ) {
        let Ok(contact) = normalise(&raw, region) else { return Ok(()) };
        let written = contact.number.to_string();
        if contact.number.is_e164() {
            prop_assert_eq!(Caller::parse(&written, elsewhere), Caller::Number(contact.number));
        }
    }

    #[test]
    fn a_caller_is_read_like_a_contact(raw in "[+][0-9]{1,17}", region in any_region()) {
        match (Caller::parse(&raw, region), normalise(&raw, region)) {
            (Caller::Number(caller), Ok(contact)) => prop_assert_eq!(caller, contact.number),
            (caller, contact) => {
                prop_assert!(contact.is_err() && !matches!(caller, Caller::Number(_)), "{contact:?}");
            }
        }
    }

    #[test]
    fn a_separator_never_changes_the_number(
        raw in "[+]?(0|00|1|8|011|49|44|7|54|39)?[0-9]{1,15}",
        place in any::<prop::sample::Index>(),
        region in any_region(),
    ) {
        let mut separated = raw.clone();
        separated.insert(1 + place.index(raw.len()), '-');
        prop_assert_eq!(normalise(&separated, region), normalise(&raw, region));
        prop_assert_eq!(Caller::parse(&separated, region), Caller::parse(&raw, region));
    }

    #[test]
    fn an_extension_never_changes_the_number(
        number in "[+]?[0-9]([0-9]|[0-9][ ./-]){1,5}[0-9]",
        label in "( ?x ?| ext[.] |;ext=|,,|#| extension |;| доб[.] )",
        extension in "[0-9]{1,6}",
        region in any_region(),
    ) {
        let without = normalise(&number, region);
        let with = normalise(&format!("{number}{label}{extension}"), region);
        prop_assert_eq!(with.clone().map(|n| n.number), without.map(|n| n.number));
        if let Ok(with) = with {
            prop_assert_eq!(with.extension, Some(extension));
        }
    }
}
