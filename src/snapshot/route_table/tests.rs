use super::*;
use crate::contact::{ContactId, NumberLabel};
use crate::index::{ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use crate::phonebook::PhonebookId;
use crate::settings::{Destination, DestinationType};

fn route(name: &str) -> InboundRoute {
    toml::from_str(&format!("name = {name:?}\ndestination = {{ type = 'queue', target = '6400' }}")).unwrap()
}

fn name(text: &str) -> PhonebookName {
    PhonebookName::parse(text).unwrap()
}

/// One contact for each list of phonebooks, by place in `names`.
fn index_with(names: &[String], contacts: &[&[u32]]) -> ContactIndex {
    let phonebooks =
        names.iter().zip(0..).map(|(text, id)| IndexedPhonebook { id: PhonebookId(id), name: name(text) });
    let mut builder = ContactIndexBuilder::new(phonebooks.collect()).unwrap();
    for (phonebooks, id) in contacts.iter().zip(1..) {
        let phonebooks: Vec<PhonebookId> = phonebooks.iter().copied().map(PhonebookId).collect();
        let number = format!("+4930555{id:04}").parse().unwrap();
        builder
            .push(IndexedContact {
                id: ContactId(id),
                source: None,
                source_key: "",
                display_name: "",
                company: "",
                own_extension: "",
                phonebooks: &phonebooks,
                numbers: &[IndexedNumber { number, label: NumberLabel::BusinessNumber }],
            })
            .unwrap();
    }
    builder.finish(false).unwrap()
}

fn compile(routes: &[InboundRoute]) -> Result<RouteTable, RouteError> {
    compile_with(routes, &index_with(&[], &[]), &[None])
}

fn compile_with(
    routes: &[InboundRoute],
    contacts: &ContactIndex,
    regions: &[Option<Region>],
) -> Result<RouteTable, RouteError> {
    let (time_conditions, destinations) = (HashMap::new(), Destinations::default());
    let around =
        Surroundings { contacts, regions, time_conditions: &time_conditions, destinations: &destinations };
    let mut left_out = Vec::new();
    let table = RouteTable::compile(routes, around, &mut left_out);
    left_out.into_iter().next().map_or(Ok(table), Err)
}

#[track_caller]
fn refused(change: impl FnOnce(&mut InboundRoute), field: &str, problem: &str) {
    let mut changed = route("Berlin");
    change(&mut changed);
    let expected_name = changed.name.clone();
    let error = compile(&[route("Before"), changed]).unwrap_err();
    let expected_subject = format!("inbound route {expected_name:?}");
    assert_eq!((error.subject.as_str(), error.field.as_str()), (expected_subject.as_str(), field), "{error}");
    assert!(error.problem.contains(problem), "{error}");
}

#[track_caller]
fn accepted(change: impl FnOnce(&mut InboundRoute)) {
    let mut changed = route("Berlin");
    change(&mut changed);
    compile(&[route("Before"), changed]).unwrap();
}

fn to(destination_type: DestinationType, target: &str) -> impl FnOnce(&mut InboundRoute) {
    let destination = Destination { destination_type, target: target.into(), fallback: None };
    |route| route.destination = destination
}

#[test]
fn a_pattern_that_cannot_be_read_is_named_by_route_and_place() {
    refused(|route| route.dids = vec!["030X.".into(), "030A".into()], "dids[1]", "found 'A' at byte 3");
    refused(|route| route.callers = vec!["".into()], "callers[0]", "found the end at byte 0");
}

#[test]
fn every_destination_but_hang_up_needs_a_target() {
    for destination_type in [
        DestinationType::Extension,
        DestinationType::Voicemail,
        DestinationType::RingGroup,
        DestinationType::Queue,
        DestinationType::Ivr,
        DestinationType::Conference,
        DestinationType::ExternalNumber,
        DestinationType::Announcement,
    ] {
        refused(to(destination_type, ""), "destination.target", "blank");
        refused(to(destination_type, "  "), "destination.target", "blank");
        accepted(to(destination_type, "1001"));
    }
    accepted(to(DestinationType::HangUp, ""));
}

#[test]
fn a_target_has_at_most_128_characters_and_no_control_characters() {
    accepted(to(DestinationType::Announcement, &"ü".repeat(128)));
    refused(to(DestinationType::Announcement, &"ü".repeat(129)), "destination.target", "129 characters, 128");
    refused(to(DestinationType::Announcement, "a\r\nb"), "destination.target", "'\\r' at byte 1");
}

#[test]
fn the_target_of_hang_up_is_a_sip_response_that_ends_a_call() {
    for code in ["300", "486", "603", "699"] {
        accepted(to(DestinationType::HangUp, code));
    }
    for code in ["299", "700", "200", "0486", "+486", " 486", "busy", "4８6"] {
        refused(to(DestinationType::HangUp, code), "destination.target", "300 to 699");
    }
}

#[test]
fn an_alert_info_is_one_line_of_at_most_255_characters() {
    accepted(|route| route.alert_info = "x".repeat(255));
    refused(|route| route.alert_info = "x".repeat(256), "alert_info", "256 characters, 255");
    for line_break in ["\r", "\n"] {
        refused(|route| route.alert_info = format!("a{line_break}Via: x"), "alert_info", "at byte 1");
    }
}

#[test]
fn notes_and_numbers_of_values_have_limits() {
    refused(|route| route.note = "x".repeat(1001), "note", "1001 characters, 1000");
    refused(|route| route.dids = vec!["1".into(); 1001], "dids", "1001 values, 1000");
    accepted(|route| route.dids = vec!["1".into(); 1000]);
}

#[test]
fn an_error_names_route_field_and_problem() {
    let mut hang_up = route("Nights");
    to(DestinationType::HangUp, "200")(&mut hang_up);
    assert_eq!(
        compile(&[hang_up]).unwrap_err().to_string(),
        "inbound route \"Nights\", destination.target: \"200\" is not a SIP response that ends a call attempt, \
         300 to 699 (RFC 3261, section 21), such as 603; leave it out for the call handler's own"
    );
}

#[test]
fn a_phonebook_that_is_not_there_matches_nobody_and_is_no_error() {
    let names = ["Sales".to_string()];
    let index = index_with(&names, &[&[0]]);
    let mut asks = route("VIP");
    asks.phonebooks = vec![name("VIP")];
    let table = compile_with(&[asks], &index, &[None]).unwrap();
    let phonebooks = table.routes()[0].phonebooks();
    assert!(index.phonebook_sets().all(|set| !phonebooks.wants(set)));
    assert_eq!(phonebooks.wanted()[0].name.as_str(), "VIP");
    assert_eq!(phonebooks.wanted()[0].ordinal, None);
}

#[test]
fn a_set_of_phonebooks_is_wanted_if_one_of_them_is() {
    // More than 64 sets: {0}, {1}, … and then {0, 1}, {1, 2}, …
    let names: Vec<String> = (0..70).map(|place| format!("Team {place}")).collect();
    let contacts: Vec<Vec<u32>> = (0..70)
        .map(|place| vec![place])
        .chain((0..69).map(|place| vec![place, place + 1]))
        .chain([vec![]])
        .collect();
    let contacts: Vec<&[u32]> = contacts.iter().map(Vec::as_slice).collect();
    let index = index_with(&names, &contacts);
    let mut asks = route("Two teams");
    asks.phonebooks = vec![name("TEAM 3"), name("team 66")];
    let table = compile_with(&[asks], &index, &[None]).unwrap();
    for (id, phonebooks) in (1..).zip(contacts) {
        let number = format!("+4930555{id:04}").parse().unwrap();
        let posting = index.exact(number).next().unwrap();
        let expected = phonebooks.contains(&3) || phonebooks.contains(&66);
        assert_eq!(table.routes()[0].phonebooks().wants(posting.phonebooks()), expected, "{phonebooks:?}");
    }
}

#[test]
fn a_number_is_read_in_every_region_that_a_call_can_have() {
    let (germany, france) = (Some("DE".parse().unwrap()), Some("FR".parse().unwrap()));
    let mut asks = route("Berlin");
    asks.dids = vec!["030 555100".into(), "030X.".into()];
    let table = compile_with(&[asks], &index_with(&[], &[]), &[None, germany, france]).unwrap();
    let dids = table.routes()[0].dids();
    let number = "+4930555100".parse().unwrap();
    assert!(dids[0].fits_number(number, germany));
    assert!(!dids[0].fits_number(number, france));
    assert!(!dids[1].fits_number(number, germany), "a pattern is no number");
}

#[test]
fn routes_that_are_off_keep_their_place() {
    let mut off = route("Off");
    off.enabled = false;
    let table = compile(&[off, route("On")]).unwrap();
    let names: Vec<&str> = table.routes().iter().map(|route| route.settings().name.as_str()).collect();
    assert_eq!(names, ["Off", "On"]);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Two things that a route can ask for, in few digits, and often much the same, so that one covers the other.
    fn written_pair() -> impl Strategy<Value = (String, String)> {
        let place = || prop::sample::select(&["0", "1", "2", "X", "Z", "[0-1]", "[12]"][..]);
        let plus = || prop::sample::select(&["", "", "+"][..]);
        let end = || prop::sample::select(&["", "", ".", "!", "{{.Ext}}", "{{.Ext}}1"][..]);
        let pattern = |plus: &str, places: &[&str], end: &str| format!("{plus}{}{end}", places.concat());
        let alike =
            (prop::collection::vec((place(), place()), 1..4), plus(), plus(), end(), end(), 0..2_usize)
                .prop_map(move |(places, plus, other_plus, end, other_end, more)| {
                    let (ours, mut others): (Vec<&str>, Vec<&str>) = places
                        .into_iter()
                        .map(|(our, other)| (if our == "0" { other } else { our }, other))
                        .unzip();
                    others.extend(std::iter::repeat_n("1", more));
                    (pattern(plus, &ours, end), pattern(other_plus, &others, other_end))
                });
        let range = || {
            (plus(), 100..140_u32, 0..40_u32)
                .prop_map(|(plus, first, more)| format!("{plus}{first}-{plus}{}", first + more))
        };
        let of_three = (plus(), prop::collection::vec(place(), 1..4), end())
            .prop_map(move |(plus, places, end)| pattern(plus, &places, end));
        let mixed = prop_oneof![(range(), range()), (of_three, range())];
        prop_oneof![2 => alike, 1 => mixed.clone(), 1 => mixed.prop_map(|(ours, other)| (other, ours))]
            .prop_filter("no country code begins with 0", |(ours, other)| {
                !ours.starts_with("+0") && !other.starts_with("+0")
            })
    }

    fn criterion(text: &str) -> NumberCriterion {
        let route = InboundRoute { dids: vec![text.to_owned()], ..route("Berlin") };
        let regions = [None, "DE".parse().ok()];
        let mut dids = number_criterion::compile(&route, "dids", &route.dids, &regions).unwrap().into_vec();
        dids.remove(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// A route that is said to be shadowed is.
        #[test]
        fn what_fits_a_covered_criterion_fits_the_one_that_covers_it(
            (ours, other) in written_pair(),
            dialled in prop::collection::vec("[0-2]{1,5}", 60),
        ) {
            let (ours, other) = (criterion(&ours), criterion(&other));
            prop_assert!(ours.covers(&ours));
            if ours.covers(&other) {
                for digits in &dialled {
                    if other.fits_dialled(digits.as_bytes()) {
                        prop_assert!(ours.fits_dialled(digits.as_bytes()), "{digits} fits {other}, not {ours}");
                    }
                    for number in [format!("+{digits}"), digits.clone()] {
                        let Ok(number) = number.parse() else { continue };
                        for region in [None, "DE".parse().ok()] {
                            if other.fits_number(number, region) {
                                prop_assert!(ours.fits_number(number, region), "{number} fits {other}, not {ours}");
                            }
                        }
                    }
                }
            }
        }

        /// Against the rule itself: a number between the two, with as many digits.
        #[test]
        fn a_range_has_the_numbers_that_counting_from_its_first_gives(
            first in 0..99_990_u32,
            count in 1..10_u32,
            digits in "[0-9]{4,6}",
        ) {
            let last = first + count - 1;
            let criterion = criterion(&format!("{first:05}-{last:05}"));
            let place = (first..=last).position(|number| format!("{number:05}") == digits);
            prop_assert_eq!(criterion.fits_dialled(digits.as_bytes()), place.is_some());
            prop_assert_eq!(criterion.place_in_range(&digits, None), place.map(|place| place as u64));
            let near = format!("{:05}", first + count / 2);
            prop_assert_eq!(criterion.place_in_range(&near, None), Some(u64::from(count / 2)));
        }

        /// What is left of a number between two fixed parts, if anything is.
        #[test]
        fn an_extension_is_what_stands_between_the_fixed_digits(
            before in "[0-3]{0,3}",
            behind in "[0-3]{0,2}",
            number in "[0-3]{0,8}",
        ) {
            let criterion = criterion(&format!("{before}{{{{.Ext}}}}{behind}"));
            let expected = number
                .strip_prefix(&before)
                .and_then(|rest| rest.strip_suffix(&behind))
                .filter(|extension| !extension.is_empty());
            prop_assert_eq!(criterion.extension(number.as_bytes()), expected.map(str::as_bytes));
            prop_assert_eq!(criterion.fits_dialled(number.as_bytes()), expected.is_some());
        }
    }
}
