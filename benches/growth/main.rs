//! What becomes of memory, look-up, build and start as contacts become many: half a million, five million, or as many
//! as arguments say, in millions. All sizes are in memory at the same time and looked up in turn, so that ratios hold.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod grown;
mod plot;
mod start;

use std::hint::black_box;

use ringroute::matching::match_caller;

use grown::Grown;
use support::Scale;
use support::report::{self, Goal, Table, duration};
use support::rounds::{Contender, interleaved, median, ratio};

/// In millions of contacts, unless arguments name others.
const SIZES: [f64; 2] = [0.5, 5.0];
const QUICK: [f64; 2] = [0.002, 0.004];

/// Up to so many contacts a whole store is filled and a server started; above it would take too long, and too much
/// room on the disk.
const MOST_STARTED: u32 = 5_000_000;

/// Compared with the smallest size.
const LOOK_UP: Goal = Goal::AtMost(2.5);
/// From the start of the process to the first answer, in seconds.
const START: Goal = Goal::AtMost(1.0);

fn main() {
    let scale = Scale::from_arguments();
    let arguments = || std::env::args().skip(1);
    let mut sizes: Vec<f64> = arguments().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = scale.pick(SIZES, QUICK).into();
    }
    let sizes: Vec<u32> = sizes.into_iter().map(|millions| (millions * 1e6) as u32).collect();

    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Grown> = sizes.iter().map(|contacts| Grown::new(*contacts, folder.path())).collect();
    let (exact, matched) = look_up(&all, scale);
    report::heading("growth", scale);
    let mut table = Table::new(&[
        "contacts",
        "numbers",
        "bytes a number",
        "bytes a contact",
        "exact look-up",
        "ratio",
        "goal",
        "match",
        "build, by number",
        "index file",
        "written in",
        "read in",
    ]);
    for (place, grown) in all.iter().enumerate() {
        let ratio = (place > 0).then(|| ratio(&exact[place], &exact[0]));
        table.row([
            grown.contacts.to_string(),
            grown.numbers.to_string(),
            format!("{:.1}", grown.bytes_a_number()),
            format!("{:.1}", grown.bytes_a_contact()),
            duration(median(exact[place].iter().copied())),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            ratio.map_or(String::new(), |ratio| LOOK_UP.told(ratio)),
            duration(median(matched[place].iter().copied())),
            duration(grown.build_by_number()),
            format!("{:.0} MiB", grown.file_bytes as f64 / 1024.0 / 1024.0),
            duration(grown.written_in.as_secs_f64() * 1e9),
            duration(grown.read_in.as_secs_f64() * 1e9),
        ]);
    }
    table.print();
    println!();
    if arguments().any(|argument| argument == "--plot") {
        let times: Vec<f64> = exact.iter().map(|times| median(times.iter().copied())).collect();
        plot::write(&all, &times);
    }
    drop(all);

    let mut table =
        Table::new(&["start", "first sync", "store", "listens after", "first answer after", "goal"]);
    for contacts in sizes.into_iter().filter(|contacts| *contacts <= MOST_STARTED) {
        let started = start::measure(contacts, scale.pick(5, 1));
        let first_answer = median(started.first_answers.iter().copied());
        table.row([
            format!("{contacts} contacts"),
            duration(started.sync.as_secs_f64() * 1e9),
            format!("{:.0} MiB", started.store_bytes as f64 / 1024.0 / 1024.0),
            duration(median(started.listens.iter().copied()) * 1e9),
            duration(first_answer * 1e9),
            START.told(first_answer),
        ]);
    }
    table.print();
}

/// For each size, the nanoseconds of an exact look-up and of a match, by round.
fn look_up(all: &[Grown], scale: Scale) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let exact = |grown: &Grown| {
        let first = |number| grown.snapshot.contacts().exact(black_box(number)).next();
        let found =
            grown.asked.iter().filter_map(|number| first(*number)).inspect(|found| _ = black_box(found));
        assert_eq!(found.count(), grown.asked.len(), "numbers found");
        grown.asked.len()
    };
    let matched = |grown: &Grown| {
        grown.callers.iter().for_each(|caller| {
            black_box(match_caller(&grown.snapshot, black_box(caller), ""));
        });
        grown.callers.len()
    };
    let exact = all.iter().map(|grown| Contender::new("exact", move || exact(grown)));
    let matched = all.iter().map(|grown| Contender::new("match", move || matched(grown)));
    let mut contenders: Vec<_> = exact.chain(matched).collect();
    let mut exact = interleaved(scale.pick(9, 1), &mut contenders);
    let matched = exact.split_off(all.len());
    (exact, matched)
}
