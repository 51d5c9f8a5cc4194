//! The call path and the build of the index, without a door: what criterion says of each, then the ratios that
//! have goals, each measured in turn with what it is compared with.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod limits;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use ringroute::phone_number::{PhoneNumber, normalise};
use ringroute::routing::{Call, decide};
use ringroute::settings::{Destination, DestinationType, InboundRoute, Settings};
use ringroute::snapshot::Snapshot;
use support::Scale;
use support::company::{self, Person};
use support::report;

/// The dialled number that no route of its own takes.
const DID: &str = "+493023125000";

/// Everything that is measured against.
struct Company {
    people: Vec<Person>,
    /// Every E.164 number of the company, in no order.
    numbers: Vec<PhoneNumber>,
    /// As many numbers that nobody in it has.
    strangers: Vec<PhoneNumber>,
    /// The company's numbers as callers: international, nothing to be done but read them.
    international: Vec<String>,
    /// What comes in on a usual day.
    mixed: Vec<String>,
    /// With the sample's five routes.
    snapshot: Snapshot,
    /// The same contacts, and seven digits are enough.
    similar: Snapshot,
    /// The same contacts behind [`long_settings`].
    long: Snapshot,
}

impl Company {
    fn new(scale: Scale) -> Self {
        let people = company::people(scale.contacts());
        let digits = company::numbers(scale.contacts());
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
        let calls = digits.len().min(scale.pick(200_000, 1_000));
        Company {
            international: digits.iter().take(calls).map(|digits| format!("+{digits}")).collect(),
            mixed: company::callers(&digits, calls),
            long: company::snapshot(company::index(&people, false), &long_settings(settings)),
            similar: company::snapshot(company::index(&people, true), &similar),
            people,
            numbers,
            strangers,
            snapshot,
        }
    }
}

/// 200 routes: 197 for dialled numbers of their own that nobody calls here, then the sample's last three.
fn long_settings(mut settings: Settings) -> Settings {
    let own = (0..197).map(|place| InboundRoute {
        dids: vec![format!("+4930231{place:03}XX")],
        phonebooks: Vec::new(),
        ..route(&format!("Team {place}"))
    });
    let last = settings.inbound_routes.split_off(2);
    settings.inbound_routes = own.chain(last).collect();
    settings
}

fn route(name: &str) -> InboundRoute {
    InboundRoute {
        name: name.to_owned(),
        enabled: true,
        note: String::new(),
        trunks: Vec::new(),
        dids: Vec::new(),
        callers: Vec::new(),
        phonebooks: Vec::new(),
        withheld: false,
        in_no_phonebook: false,
        attestation: None,
        times: Vec::new(),
        freshness: None,
        alert_info: String::new(),
        caller_name_prefix: String::new(),
        destination: Destination {
            destination_type: DestinationType::Queue,
            target: "6400".to_owned(),
            fallback: None,
        },
    }
}

fn call(caller: &str) -> Call<'_> {
    Call { caller, did: DID, trunk: "berlin", attestation: None, at: jiff::Timestamp::UNIX_EPOCH }
}

/// One thing after the other, for ever.
fn around<'a, T>(things: &'a [T]) -> impl FnMut() -> &'a T {
    let mut things = things.iter().cycle();
    move || things.next().unwrap()
}

fn normalising(criterion: &mut Criterion, scale: Scale) {
    let mut group = criterion.benchmark_group("normalise");
    group.throughput(Throughput::Elements(1));
    let region = company::region();
    for (form, texts) in company::written_numbers(scale.pick(50_000, 2_000), 1024) {
        let mut next = around(&texts);
        group.bench_function(form, |bencher| bencher.iter(|| normalise(black_box(next()), region)));
    }
    group.finish();
}

fn building(criterion: &mut Criterion, company: &Company) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(12));
    group.throughput(Throughput::Elements(company.people.len() as u64));
    for (name, with_last_digits) in [("index", false), ("index with last digits", true)] {
        group.bench_function(name, |bencher| {
            // Freeing what was built is not part of it.
            let build = || company::index(black_box(&company.people), with_last_digits);
            bencher.iter_batched(|| (), |()| build(), BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn calling(criterion: &mut Criterion, company: &Company) {
    use ringroute::matching::match_caller;
    let Company { numbers, strangers, international, mixed, snapshot, similar, long, .. } = company;
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Elements(1));
    for (name, numbers) in [("exact look-up, hit", numbers), ("exact look-up, miss", strangers)] {
        let mut next = around(numbers);
        group.bench_function(name, |bencher| {
            bencher.iter(|| snapshot.contacts().exact(black_box(*next())).next());
        });
    }
    let mut next = around(strangers);
    group.bench_function("last-digits look-up", |bencher| {
        bencher.iter(|| similar.contacts().last_digits(black_box(*next()), 7));
    });
    for (name, callers) in [("match, international", international), ("match, mixed", mixed)] {
        let mut next = around(callers);
        group.bench_function(name, |bencher| {
            bencher.iter(|| match_caller(snapshot, black_box(next()), "berlin"));
        });
    }
    for (name, snapshot) in [("route, 5 routes", snapshot), ("route, 200 routes", long)] {
        let mut next = around(mixed);
        group.bench_function(name, |bencher| bencher.iter(|| decide(snapshot, &call(black_box(next())))));
    }
    group.finish();
}

fn main() {
    let scale = Scale::from_arguments();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let company = Company::new(scale);
    normalising(&mut criterion, scale);
    building(&mut criterion, &company);
    calling(&mut criterion, &company);
    criterion.final_summary();

    report::heading("in_process", scale);
    limits::print(&company, scale);
}
