//! The call path and the build of the index, without a door: what criterion says of each, then the ratios that
//! have goals, each measured in turn with what it is compared with.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod limits;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use ringroute::phone_number::normalise;
use ringroute::routing::decide;
use support::Scale;
use support::call_path::{CallPath, call};
use support::company;
use support::report;

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

fn building(criterion: &mut Criterion, company: &CallPath) {
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

fn calling(criterion: &mut Criterion, company: &CallPath) {
    use ringroute::matching::match_caller;
    let CallPath { numbers, strangers, international, mixed, snapshot, similar, long, .. } = company;
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
    // Callers with all numbers: the same questions as those that the hash table is asked, and no colder a table.
    let company = CallPath::new(scale.contacts(), scale.pick(usize::MAX, 1_000));
    normalising(&mut criterion, scale);
    building(&mut criterion, &company);
    calling(&mut criterion, &company);
    criterion.final_summary();

    report::heading("in_process", scale);
    limits::print(&company, scale);
}
