//! What the call path is measured with: contacts, numbers, callers, and the inbound routes that calls go through.

use ringroute::phone_number::PhoneNumber;
use ringroute::routing::Call;
use ringroute::settings::{Destination, DestinationType, InboundRoute, Settings};
use ringroute::snapshot::Snapshot;

use super::company::{self, Person};

/// The dialled number that no route of its own takes.
const DID: &str = "+493023125000";

/// Everything that is measured against.
pub struct CallPath {
    pub people: Vec<Person>,
    /// Every E.164 number of the company, in no order.
    pub numbers: Vec<PhoneNumber>,
    /// As many numbers that nobody in it has.
    pub strangers: Vec<PhoneNumber>,
    /// The company's numbers as callers: international, nothing to be done but read them.
    pub international: Vec<&'static str>,
    /// What comes in on a usual day.
    pub mixed: Vec<&'static str>,
    /// With the sample's five routes.
    pub snapshot: Snapshot,
    /// The same contacts, and the trunks have a word of their own for numbers that are withheld.
    pub with_words: Snapshot,
    /// The same contacts, and seven digits are enough.
    pub similar: Snapshot,
    /// The same contacts behind [`long_settings`].
    pub long: Snapshot,
}

impl CallPath {
    /// So many contacts, and at most so many of each kind of callers.
    pub fn new(contacts: u32, callers: usize) -> Self {
        let people = company::people(contacts);
        let digits = company::numbers(contacts);
        let number = |digits: &u64| PhoneNumber::from_e164_digits(&digits.to_string()).unwrap();
        let numbers: Vec<PhoneNumber> = digits.iter().map(number).collect();
        let settings = company::settings();
        let snapshot = company::snapshot(company::index(&people, false), &settings);
        // Another last digit: a miss that is found out at the end only.
        let next = |digits: &u64| number(&(digits - digits % 10 + (digits + 1) % 10));
        let is_stranger = |number: &PhoneNumber| snapshot.contacts().exact(*number).is_empty();
        let strangers = digits.iter().map(next).filter(is_stranger).collect();
        let mut similar = settings.clone();
        similar.numbers.last_digits = 7;
        let mut with_words = settings.clone();
        with_words.trunks.iter_mut().for_each(|trunk| trunk.withheld.push("No number".to_owned()));
        let calls = digits.len().min(callers);
        CallPath {
            international: at_hand(digits.iter().take(calls).map(|digits| format!("+{digits}"))),
            mixed: at_hand(company::callers(&digits, calls)),
            long: company::snapshot(company::index(&people, false), &long_settings(settings)),
            with_words: Snapshot::new(snapshot.generation(), snapshot.shared_contacts(), &with_words)
                .unwrap(),
            similar: company::snapshot(company::index(&people, true), &similar),
            people,
            numbers,
            strangers,
            snapshot,
        }
    }
}

/// Texts one behind the other in memory, where a processor has the next one when it is asked for: the text of a call has just
/// come in when the call is matched, so to wait for it is no part of a match.
pub fn at_hand(texts: impl IntoIterator<Item = String>) -> Vec<&'static str> {
    let texts: Vec<String> = texts.into_iter().collect();
    let mut left: &'static str = texts.concat().leak();
    let mut take = |length| {
        let (text, behind) = left.split_at(length);
        left = behind;
        text
    };
    texts.iter().map(|text| take(text.len())).collect()
}

/// 200 routes: 197 for dialled numbers of their own that nobody calls here, then the sample's last three.
fn long_settings(mut settings: Settings) -> Settings {
    let queue =
        Destination { destination_type: DestinationType::Queue, target: "6400".to_owned(), fallback: None };
    let own = (0..197).map(|place| InboundRoute {
        dids: vec![format!("+4930231{place:03}XX")],
        ..InboundRoute::of_every_call(&format!("Team {place}"), queue.clone())
    });
    let last = settings.inbound_routes.split_off(2);
    settings.inbound_routes = own.chain(last).collect();
    settings
}

/// A call that is taken by none but the last routes.
pub fn call(caller: &str) -> Call<'_> {
    Call { caller, did: DID, trunk: "berlin", attestation: None, at: jiff::Timestamp::UNIX_EPOCH }
}
