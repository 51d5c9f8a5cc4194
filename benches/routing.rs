//! Inbound routes without a door: how long a decision takes beside the match that it begins with, and how it
//! grows with the number of routes. Every call is taken by the last route, so all before it have to be ruled out.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;

use ringroute::contact::{ContactId, NumberLabel};
use ringroute::engine::Engine;
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::matching::match_caller;
use ringroute::phone_number::PhoneNumber;
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::routing::{Call, decide};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;
use ringroute::store::RemovedSources;
use support::call_path::at_hand;
use support::report::{self, Goal, Table, duration};
use support::rounds::{Contender, interleaved, median, ratio};
use support::{Scale, company};

const PHONEBOOKS: u32 = 500;

/// Places of what is compared with. The goal was set when every match read the caller.
const READ: usize = 1;
const FEW_ROUTES: usize = 2;

/// One contact for each number, all phonebooks alike.
fn index(numbers: &[u64]) -> ContactIndex {
    let phonebooks = (0..PHONEBOOKS).map(|id| IndexedPhonebook { id: PhonebookId(id), name: phonebook(id) });
    let mut builder = ContactIndexBuilder::new(phonebooks.collect()).unwrap();
    for (place, digits) in numbers.iter().enumerate() {
        let number = PhoneNumber::from_e164_digits(&digits.to_string()).unwrap();
        builder
            .push(IndexedContact {
                id: ContactId(place as u64 + 1),
                source: Some("crm"),
                source_key: &place.to_string(),
                display_name: "Somebody with a usual name",
                company: "Some company",
                own_extension: "",
                phonebooks: &[PhonebookId(place as u32 % PHONEBOOKS)],
                numbers: &[IndexedNumber { number, label: NumberLabel::BusinessNumber }],
            })
            .unwrap();
    }
    builder.finish(false).unwrap()
}

fn phonebook(id: u32) -> PhonebookName {
    PhonebookName::parse(&format!("Team {id}")).unwrap()
}

/// So many routes, of which the last takes every call and the others none: other numbers, other callers, other
/// trunks, phonebooks for other numbers, closed.
fn settings(routes: usize) -> Settings {
    let mut document = String::from(
        "numbers = { default_region = 'DE' }
         trunk = [{ name = 'berlin' }, { name = 'paris', default_region = 'FR' }]
         time_condition = [{ name = 'Never', time_zone = 'Europe/Berlin', dates = ['2001-01-01'] }]\n",
    );
    for place in 0..routes - 1 {
        let team = place as u32 % PHONEBOOKS;
        let criteria = match place % 5 {
            0 => format!("dids = ['+4930231{place:04}X', '030232{place:04}']"),
            1 => format!("dids = ['+49302330000-+4930233{place:04}']\nphonebooks = ['Team {team}']"),
            2 => format!("callers = ['+8835{place:04}.']"),
            3 => format!("trunks = ['paris']\nphonebooks = ['Team {team}']"),
            _ => format!("dids = ['+493023{place:04}00.']\ntimes = [{{ condition = 'Never' }}]"),
        };
        document.push_str(&format!(
            "[[inbound_route]]\nname = 'Route {place}'\ndestination = {{ type = 'queue', target = '6400' }}\n{criteria}\n"
        ));
    }
    document.push_str("[[inbound_route]]\nname = 'Rest'\ndestination = { type = 'ivr', target = '6500' }\n");
    Settings::from_toml(&document).unwrap()
}

fn call(caller: &str) -> Call<'_> {
    let at = jiff::Timestamp::from_second(1_795_518_000).unwrap();
    Call { caller, did: "+493023125000", trunk: "berlin", attestation: None, at }
}

fn main() {
    let scale = Scale::from_arguments();
    let mut numbers = company::numbers(scale.contacts());
    numbers.truncate(scale.contacts() as usize);
    let contacts = Arc::new(index(&numbers));
    let some = numbers.iter().take(scale.pick(200_000, 500));
    let callers = at_hand(some.clone().map(|digits| format!("+{digits}")));
    let unread = at_hand(some.map(|digits| format!("00{digits}")));
    let with_routes = |routes: usize| {
        let snapshot = Snapshot::new(Generation(1), Arc::clone(&contacts), &settings(routes)).unwrap();
        assert_eq!(decide(&snapshot, &call(callers[0])).route.unwrap().name, "Rest");
        snapshot
    };
    let [few, usual, many] = [20, 200, 2000].map(with_routes);

    // What is remembered of calls needs an engine, but none with contacts.
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    engine.by("test").apply(&settings(200).to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    let served = engine.snapshot();
    let served = served.as_ref().unwrap();
    let decided = decide(served, &call("+4930123456"));

    let routed = |snapshot: &Snapshot| {
        callers.iter().for_each(|caller| _ = black_box(decide(snapshot, &call(black_box(caller)))));
        callers.len()
    };
    let matched = |callers: &[&str]| {
        let matched = |caller: &&str| match_caller(&usual, black_box(caller), "berlin");
        callers.iter().for_each(|caller| _ = black_box(matched(caller)));
        callers.len()
    };
    let mut contenders = [
        Contender::new("MatchCaller", || matched(&callers)),
        Contender::new("MatchCaller, to be read", || matched(&unread)),
        Contender::new("RouteCall, 20 routes", || routed(&few)),
        Contender::new("RouteCall, 200 routes", || routed(&usual)),
        Contender::new("RouteCall, 2000 routes", || routed(&many)),
        Contender::new("remembering a decision", || {
            callers.iter().for_each(|caller| engine.remember(served, black_box(&call(caller)), &decided));
            callers.len()
        }),
    ];
    let compared = [
        (None, None),
        (Some(0), None),
        (Some(READ), None),
        (Some(READ), Some(Goal::AtMost(3.0))),
        (Some(FEW_ROUTES), Some(Goal::AtMost(5.0))),
        (Some(READ), None),
    ];
    report::heading("routing", scale);
    let times = interleaved(scale.pick(9, 1), &mut contenders);
    let mut told = Table::new(&["in process", "compared with", "ratio", "goal", "time"]);
    for (place, (base, goal)) in compared.into_iter().enumerate() {
        let ratio = base.map(|base: usize| ratio(&times[place], &times[base]));
        told.row([
            contenders[place].name.clone(),
            base.map_or(String::new(), |base| contenders[base].name.clone()),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            goal.zip(ratio).map_or(String::new(), |(goal, ratio)| goal.told(ratio)),
            duration(median(times[place].iter().copied())),
        ]);
    }
    told.print();
}
