//! What look-ups notice of generations that are published, and of old ones that are freed: a thread does nothing but
//! look up numbers, and every gap between two of its answers counts, with nothing else going on and while one
//! generation after the other comes and goes.
//!
//! Generations are read from memory as a start reads them from its file, on threads that give way, as in the program.
//! The same work without publishing anything tells what is the machine's being busy and what is the swap.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ringroute::background;
use ringroute::generation::Generation;
use ringroute::index::ContactIndex;
use ringroute::phone_number::PhoneNumber;
use ringroute::sealed_file::{Kind, SealReader, SealWriter};
use ringroute::settings::Settings;
use ringroute::snapshot::{CurrentSnapshot, Snapshot};
use support::report::{self, Table, duration};
use support::rounds::median;
use support::{Scale, company};

const KIND: Kind = Kind { magic: *b"RINGSWAP", version: 1, name: "generation of a bench" };

/// What goes on beside the look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// Generations are made and thrown away.
    Making,
    /// They are made and published, and the ones before are freed.
    Publishing,
}

const ALL: [(Beside, &str); 3] = [
    (Beside::Nothing, "nothing else"),
    (Beside::Making, "generations are made, none is published"),
    (Beside::Publishing, "generations are published, old ones freed"),
];

/// What came of one kind, over all rounds.
struct Outcome {
    gaps: Histogram<u64>,
    /// The longest gap of each round, in nanoseconds.
    longest: Vec<f64>,
    generations: usize,
}

/// One generation after the other.
struct Source {
    sealed: Vec<u8>,
    settings: Settings,
    next: Generation,
}

impl Source {
    fn new(index: &ContactIndex, settings: Settings) -> Self {
        let mut writer = SealWriter::begin(Vec::new(), KIND).unwrap();
        index.write_to(&mut writer).unwrap();
        let (sealed, _) = writer.finish().unwrap();
        Source { sealed, settings, next: Generation::NONE.next() }
    }

    fn make(&mut self) -> Snapshot {
        let reader = SealReader::begin(&self.sealed[..], self.sealed.len() as u64, KIND).unwrap();
        let index = Arc::new(ContactIndex::read_from(reader).unwrap());
        let snapshot = Snapshot::new(self.next, index, &self.settings).unwrap();
        self.next = self.next.next();
        snapshot
    }
}

fn main() {
    let scale = Scale::from_arguments();
    let people = company::people(scale.contacts());
    let numbers: Vec<PhoneNumber> = company::numbers(scale.contacts())
        .iter()
        .map(|digits| PhoneNumber::from_e164_digits(&digits.to_string()).unwrap())
        .collect();
    let mut source = Source::new(&company::index(&people, false), company::settings());
    drop(people);
    let current = CurrentSnapshot::new().unwrap();
    current.publish(source.make()).unwrap();

    let new = || Outcome { gaps: Histogram::new(3).unwrap(), longest: Vec::new(), generations: 0 };
    let mut outcomes = ALL.map(|_| new());
    let time = scale.pick(Duration::from_secs(3), Duration::from_millis(50));
    for _ in 0..scale.pick(7, 1) {
        for ((beside, _), outcome) in ALL.iter().zip(&mut outcomes) {
            round(*beside, &current, &mut source, &numbers, time, outcome);
        }
    }

    report::heading("swap", scale);
    let mut table = Table::new(&[
        "gap between two look-ups, while …",
        "look-ups",
        "generations",
        "p50",
        "p99.99",
        "p99.99 ratio",
        "longest of a round",
        "longest",
    ]);
    let p9999 = |outcome: &Outcome| outcome.gaps.value_at_quantile(0.9999) as f64;
    let base = p9999(&outcomes[0]);
    for ((_, name), outcome) in ALL.iter().zip(&outcomes) {
        table.row([
            (*name).to_owned(),
            outcome.gaps.len().to_string(),
            outcome.generations.to_string(),
            duration(outcome.gaps.value_at_quantile(0.5) as f64),
            duration(p9999(outcome)),
            format!("{:.2}", p9999(outcome) / base),
            duration(median(outcome.longest.iter().copied())),
            duration(outcome.gaps.max() as f64),
        ]);
    }
    table.print();
}

fn round(
    beside: Beside,
    current: &CurrentSnapshot,
    source: &mut Source,
    numbers: &[PhoneNumber],
    time: Duration,
    outcome: &mut Outcome,
) {
    let is_over = AtomicBool::new(false);
    let gaps = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let gaps = look_up(current, numbers, time);
            is_over.store(true, Ordering::Relaxed);
            gaps
        });
        if beside != Beside::Nothing {
            scope.spawn(|| {
                background::give_way();
                while !is_over.load(Ordering::Relaxed) {
                    let snapshot = source.make();
                    if beside == Beside::Publishing {
                        current.publish(snapshot).unwrap();
                    }
                    outcome.generations += 1;
                }
            });
        }
        looking.join().unwrap()
    });
    outcome.longest.push(gaps.max() as f64);
    outcome.gaps.add(gaps).unwrap();
}

/// Looks up one number after the other. The gaps between the answers, in nanoseconds.
fn look_up(current: &CurrentSnapshot, numbers: &[PhoneNumber], time: Duration) -> Histogram<u64> {
    let mut gaps = Histogram::new(3).unwrap();
    let begin = Instant::now();
    let mut last = begin;
    for number in numbers.iter().cycle() {
        let loaded = current.load();
        let found = loaded.as_ref().unwrap().contacts().exact(black_box(*number)).next();
        assert!(black_box(found).is_some(), "a number is missing");
        drop(loaded);
        let now = Instant::now();
        gaps.record((now - last).as_nanos() as u64).unwrap();
        last = now;
        if now - begin >= time {
            break;
        }
    }
    gaps
}
