//! A call from a contact costs no memory: nothing is allocated from the caller's text to the finished match, nor on
//! the way from there to the route. Counted by an allocator of its own, so this is a program of its own.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::hint::black_box;
use std::sync::Arc;

use ringroute::contact::{ContactId, NumberLabel};
use ringroute::generation::Generation;
use ringroute::index::{ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::matching::{MatchKind, match_caller};
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::routing::{Call, decide};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;

const SETTINGS: &str = "
    numbers = { default_region = 'DE', last_digits = 7 }
    [[trunk]]
    name = 'berlin'
    [[trunk]]
    name = 'munich'
    caller_rules = [{ pattern = '9.', strip = 1 }]
    withheld = ['No number', '0000000']
    [[inbound_route]]
    name = 'Sales'
    phonebooks = ['Sales']
    destination = { type = 'queue', target = '6400' }
    [[inbound_route]]
    name = 'Rest'
    destination = { type = 'ivr', target = '6500' }
";

/// 300 contacts; the first two share a number.
fn snapshot() -> Snapshot {
    let phonebook = IndexedPhonebook { id: PhonebookId(1), name: PhonebookName::parse("Sales").unwrap() };
    let mut builder = ContactIndexBuilder::new(vec![phonebook]).unwrap();
    for id in 1..=300_u64 {
        let number = number(id.max(2)).parse().unwrap();
        builder
            .push(IndexedContact {
                id: ContactId(id),
                source: Some("crm"),
                source_key: &id.to_string(),
                display_name: "Anna Berg",
                company: "Berg & Co",
                own_extension: "",
                phonebooks: &[PhonebookId(1)],
                numbers: &[IndexedNumber { number, label: NumberLabel::BusinessNumber }],
            })
            .unwrap();
    }
    let settings = Settings::from_toml(SETTINGS).unwrap();
    Snapshot::new(Generation(1), Arc::new(builder.finish(true).unwrap()), &settings).unwrap()
}

fn number(id: u64) -> String {
    format!("+49305551{id:04}")
}

/// What `work` allocates.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn a_match_from_raw_text_allocates_nothing() {
    let snapshot = snapshot();
    for (caller, contacts) in [(number(2), 2), (number(3), 1), (number(300), 1)] {
        for trunk in ["", "berlin", "munich", "unheard of"] {
            let matched = match_caller(&snapshot, &caller, trunk);
            assert_eq!(matched.contacts().len(), contacts, "{caller}");
            let allocated =
                allocations(|| drop(black_box(match_caller(&snapshot, black_box(&caller), trunk))));
            assert_eq!(allocated, 0, "{caller} on {trunk:?}");
        }
    }
}

#[test]
fn a_route_for_a_contact_allocates_nothing() {
    let snapshot = snapshot();
    let caller = number(7);
    for (did, trunk) in [("+493023125000", "berlin"), ("30231250", "berlin"), ("+493023125000", "munich")] {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let call = Call { caller: &caller, did, trunk, attestation: None, at };
        assert_eq!(decide(&snapshot, &call).route.unwrap().name, "Sales");
        assert_eq!(allocations(|| drop(black_box(decide(&snapshot, black_box(&call))))), 0, "{did}");
    }
}

/// Otherwise nothing above would mean anything.
#[test]
fn what_allocates_is_seen() {
    assert_eq!(allocations(|| drop(black_box(vec![1]))), 1);
    let snapshot = snapshot();
    let similar = || match_caller(&snapshot, "+49405510007", "berlin");
    assert!(matches!(
        similar(),
        ringroute::matching::CallerMatch::Matched { kind: MatchKind::LastDigits, .. }
    ));
    assert!(allocations(|| drop(black_box(similar()))) > 0);
}
