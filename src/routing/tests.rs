use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::contact::{ContactId, NumberLabel};
use crate::generation::Generation;
use crate::index::{ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::settings::{RouteTime, Settings};

const PHONEBOOKS: [&str; 3] = ["Sales", "Support", "VIP"];
const CALLERS: [&str; 9] = [
    "+49305551234",
    "030 5551234",
    "sip:+49405551234@carrier.example",
    "+49895551234",
    "+442075551234",
    "101",
    "anonymous",
    "call me",
    "",
];
const DIDS: [&str; 8] =
    ["030555100", "+4930555100", "sip:030555101@pbx.example", "100", "", "lobby", "0", "+4315123456"];
const PATTERNS: [&str; 12] = [
    "030555100",
    "+4930555100",
    "+4930X.",
    "1XX",
    "030!",
    ".",
    "0305551[01]Z",
    "+49305551234",
    "101",
    "030555090-030555101",
    "100-109",
    "+49305551-+49305559",
];
const DID_PATTERNS: [&str; 14] = [
    "030555100",
    "+4930555100",
    "+4930X.",
    "1XX",
    "030!",
    ".",
    "0305551[01]Z",
    "+49305551234",
    "101",
    "030555090-030555101",
    "100-109",
    "+49305551-+49305559",
    "0305{{.Ext}}",
    "+49{{.Ext}}0",
];
const TIMES: [&str; 3] = ["Today", "Tomorrow", "always"];
const TRUNKS: [&str; 3] = ["berlin", "wien", ""];

/// Contacts as which phonebooks and which numbers each has, by place.
pub(super) fn snapshot(
    contacts: &[(Vec<u32>, Vec<usize>)],
    routes: Vec<InboundRoute>,
    last_digits: bool,
) -> Snapshot {
    snapshot_of(contacts, routes, last_digits, false)
}

/// `is_swapped`: the phonebooks in the other order.
fn snapshot_of(
    contacts: &[(Vec<u32>, Vec<usize>)],
    routes: Vec<InboundRoute>,
    last_digits: bool,
    is_swapped: bool,
) -> Snapshot {
    let phonebook = |(id, name): (u32, &str)| IndexedPhonebook {
        id: PhonebookId(id),
        name: PhonebookName::parse(name).unwrap(),
    };
    // The last phonebook that routes ask for is not there.
    let mut phonebooks: Vec<IndexedPhonebook> = (0..2).zip(PHONEBOOKS).map(phonebook).collect();
    if is_swapped {
        phonebooks.reverse();
    }
    let mut builder = ContactIndexBuilder::new(phonebooks).unwrap();
    let numbers = ["+49305551234", "+49405551234", "101"].map(|text| text.parse().unwrap());
    for ((phonebooks, places), id) in contacts.iter().zip(1..) {
        let phonebooks: Vec<PhonebookId> = phonebooks.iter().copied().map(PhonebookId).collect();
        let numbers: Vec<IndexedNumber> = places
            .iter()
            .map(|place| IndexedNumber { number: numbers[*place], label: NumberLabel::MobileNumber })
            .collect();
        builder
            .push(IndexedContact {
                id: ContactId(id),
                source: None,
                source_key: "k",
                display_name: "Anna Berg",
                company: "",
                own_extension: "",
                phonebooks: &phonebooks,
                numbers: &numbers,
            })
            .unwrap();
    }
    let mut settings: Settings = toml::from_str(
        "numbers = { default_region = 'DE' }
         trunk = [{ name = 'berlin' }, { name = 'wien', default_region = 'AT', did_rules = [{ pattern = '100', add = '0305551' }] }]
         time_condition = [
             { name = 'Today', time_zone = 'UTC', hours = ['tue'] },
             { name = 'Tomorrow', time_zone = 'UTC', hours = ['wed'] },
         ]",
    )
    .unwrap();
    settings.numbers.last_digits = if last_digits { 7 } else { 0 };
    settings.inbound_routes = routes;
    Snapshot::new(Generation(1), Arc::new(builder.finish(last_digits).unwrap()), &settings).unwrap()
}

/// A call with nothing in it, on a Tuesday.
fn call() -> Call<'static> {
    let at = "2026-11-24T12:00:00Z".parse().unwrap();
    Call { caller: "", did: "", trunk: "", attestation: None, at }
}

fn some_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    // Most routes ask for little, so that what they ask for decides.
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(prop::sample::select(values.to_vec()), 1..3)]
}

pub(super) fn routes() -> impl Strategy<Value = Vec<InboundRoute>> {
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let route = (
        prop::bool::weighted(0.9),
        some_of(&TRUNKS[..2]),
        prop_oneof![1 => some_of(&DID_PATTERNS), 4 => prop::collection::vec(prop::sample::select(&DID_PATTERNS[..]), 1..2)],
        some_of(&PATTERNS),
        some_of(&PHONEBOOKS),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::option::weighted(0.1, prop::sample::select(&[Attestation::A, Attestation::B][..])),
        prop::option::weighted(0.2, prop::sample::select(&TIMES[..])),
    )
        .prop_map(
            move |(
                enabled,
                trunks,
                dids,
                callers,
                phonebooks,
                withheld,
                in_no_phonebook,
                attestation,
                time,
            )| {
                InboundRoute {
                    attestation,
                    times: time.map(self::time).into_iter().collect(),
                    enabled,
                    trunks: owned(trunks),
                    dids: owned(dids),
                    callers: owned(callers),
                    phonebooks: phonebooks
                        .into_iter()
                        .map(|name| PhonebookName::parse(name).unwrap())
                        .collect(),
                    withheld,
                    in_no_phonebook,
                    ..route("name = 'named by its place'")
                }
            },
        )
        .boxed();
    prop_oneof![3 => prop::collection::vec(route.clone(), 0..6), 1 => prop::collection::vec(route, 60..140)]
        .prop_map(|mut routes| {
            routes.iter_mut().zip(1..).for_each(|(route, place)| route.name = format!("route {place}"));
            routes
        })
}

fn time(condition: &str) -> RouteTime {
    RouteTime { condition: condition.to_owned(), destination: None }
}

pub(super) fn contacts() -> impl Strategy<Value = Vec<(Vec<u32>, Vec<usize>)>> {
    prop::collection::vec(
        (prop::collection::vec(0..2_u32, 0..3), prop::collection::vec(0..3_usize, 0..3)),
        0..6,
    )
}

/// Whether a route takes the call, by what its step says came of each criterion.
fn adds_up_to_taken(step: &Step) -> bool {
    let is_about_caller = |outcome: &&CriterionOutcome| {
        ["callers", "phonebooks", "withheld", "in_no_phonebook"].contains(&outcome.criterion)
    };
    let (caller, others): (Vec<_>, Vec<_>) = step.criteria.iter().partition(is_about_caller);
    others.iter().all(|outcome| outcome.held)
        && (caller.is_empty() || caller.iter().any(|outcome| outcome.held))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn deciding_and_explaining_agree(
        contacts in contacts(),
        routes in routes(),
        last_digits in any::<bool>(),
        caller in prop_oneof![4 => prop::sample::select(&CALLERS).prop_map(str::to_owned), 1 => ".{0,80}"],
        did in prop_oneof![4 => prop::sample::select(&DIDS).prop_map(str::to_owned), 1 => ".{0,80}"],
        trunk in prop::sample::select(&TRUNKS),
        attestation in prop::option::of(prop::sample::select(&[Attestation::A, Attestation::C][..])),
    ) {
        let snapshot = snapshot(&contacts, routes.clone(), last_digits);
        let call = Call { caller: &caller, did: &did, trunk, attestation, ..call() };
        let decided = decide(&snapshot, &call);
        let (explained, Explanation { steps, .. }) = explain(&snapshot, &call);
        prop_assert_eq!(&decided.caller_match, &explained.caller_match);
        prop_assert_eq!(decided.route, explained.route);
        prop_assert_eq!(&decided.destination, &explained.destination);
        prop_assert_eq!(decided.time_condition, explained.time_condition);

        // The story: every route up to the one that was taken, each as its criteria add up.
        let told: Vec<(&str, bool)> = steps.iter().map(|step| (step.route.as_str(), step.taken)).collect();
        let tried = decided.route.map_or(routes.len(), |taken| {
            1 + routes.iter().position(|route| route == taken).unwrap()
        });
        let expected: Vec<(&str, bool)> = routes[..tried]
            .iter()
            .map(|route| (route.name.as_str(), decided.route == Some(route)))
            .collect();
        prop_assert_eq!(told, expected);
        for step in &steps {
            prop_assert_eq!(step.taken, adds_up_to_taken(step), "{:?}", step);
            prop_assert!(step.criteria.iter().all(|outcome| outcome.why.ends_with('.')), "{:?}", step);
        }
    }
}

proptest! {
    /// The order in which phonebooks were made and contacts were read decides who is named first, never where a
    /// call goes.
    #[test]
    fn a_decision_does_not_depend_on_the_order_of_contacts_and_phonebooks(
        contacts in contacts(),
        routes in routes(),
        caller in prop::sample::select(&CALLERS),
        did in prop::sample::select(&DIDS),
    ) {
        let call = Call { caller, did, ..call() };
        let decided = |contacts: &[(Vec<u32>, Vec<usize>)], routes: Vec<InboundRoute>, is_swapped| {
            let snapshot = snapshot_of(contacts, routes, false, is_swapped);
            let decision = decide(&snapshot, &call);
            (decision.route.map(|route| route.name.clone()), decision.destination.map(|chosen| chosen.target.into_owned()))
        };
        let expected = decided(&contacts, routes.clone(), false);
        let reversed: Vec<_> = contacts.iter().rev().cloned().collect();
        prop_assert_eq!(&decided(&reversed, routes.clone(), false), &expected);
        let routes: Vec<InboundRoute> = routes
            .into_iter()
            .map(|mut route| {
                route.phonebooks.reverse();
                route
            })
            .collect();
        prop_assert_eq!(&decided(&contacts, routes, true), &expected);
    }
}

pub(super) fn route(text: &str) -> InboundRoute {
    toml::from_str(&format!("destination = {{ type = 'extension', target = '100' }}\n{text}")).unwrap()
}

#[test]
fn every_criterion_of_a_route_is_explained_also_after_one_that_failed() {
    let route = route(
        "name = 'All'\ntrunks = ['wien']\ndids = ['100']\ncallers = ['1XX']\nphonebooks = ['Sales', 'VIP']
         withheld = true\nin_no_phonebook = true",
    );
    let snapshot = snapshot(&[(vec![0], vec![0]), (vec![1], vec![0])], vec![route], false);
    let call = Call { caller: "+49 30 5551234", did: "030555100", trunk: "berlin", ..call() };
    let (decision, Explanation { steps, .. }) = explain(&snapshot, &call);
    assert_eq!(decision.route, None);
    let told: Vec<(&str, &str, bool, &str)> = steps[0]
        .criteria
        .iter()
        .map(|outcome| (outcome.criterion, outcome.compared.as_str(), outcome.held, outcome.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("trunks", "wien", false, "The call came in on trunk \"berlin\", which is not one of them."),
            ("dids", "100", false, "The dialled number 030555100 (+4930555100) does not fit."),
            ("callers", "1XX", false, "The caller's number +49305551234 does not fit."),
            (
                "phonebooks",
                "Sales, VIP",
                true,
                "Anna Berg (local) is in Sales. There is no phonebook VIP yet."
            ),
            ("withheld", "true", false, "The caller's number is +49305551234."),
            ("in_no_phonebook", "true", false, "Anna Berg (local) is in Sales."),
        ]
    );
}

#[test]
fn many_contacts_on_a_number_are_not_all_named() {
    let contacts = vec![(vec![1], vec![0]); 5];
    let snapshot = snapshot(&contacts, vec![route("name = 'Sales'\nphonebooks = ['Sales']")], false);
    let call = Call { caller: "+49305551234", did: "", trunk: "", ..call() };
    let (_, Explanation { steps, .. }) = explain(&snapshot, &call);
    let support = "Anna Berg (local) is in Support.";
    let expected = format!("{support} {support} {support} In all, 5 contacts have the number.");
    assert_eq!(steps[0].criteria[0].why, expected);
}

#[test]
fn a_route_that_is_off_has_the_one_criterion_enabled() {
    let snapshot = snapshot(&[], vec![route("name = 'Off'\nenabled = false\ndids = ['100']")], false);
    let (_, Explanation { steps, .. }) =
        explain(&snapshot, &Call { caller: "", did: "100", trunk: "", ..call() });
    let criteria: Vec<(&str, bool)> =
        steps[0].criteria.iter().map(|outcome| (outcome.criterion, outcome.held)).collect();
    assert_eq!(criteria, [("enabled", false)]);
    assert!(!steps[0].taken);
}
