//! Whole sync runs through the real engine, beside a bare drain of the same query: read every row, do nothing
//! with it. A drain is what the source takes; what a run takes beyond it is ours.
//!
//! In every round, each run has its drain right before it. The first sync goes into a new data folder; the
//! re-sync comes after one contact in a hundred was changed in the source.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod during;
mod origin;
mod sql_server;

use std::path::Path;
use std::time::{Duration, Instant};

use ringroute::settings::Settings;
use ringroute::sync::{Phase, RunKind, SyncRun};

use origin::{Origin, SqliteOrigin};
use sql_server::SqlServerOrigin;
use support::report::{self, Goal, Table, duration};
use support::rounds::{median, ratio};
use support::{Scale, company, server};

/// One contact in so many is changed between the two runs.
const CHANGED_EVERY: u32 = 100;

/// Of the whole process, in MiB.
const PEAK: Goal = Goal::AtMost(400.0);

const PHASES: [Phase; 5] = [Phase::Read, Phase::Write, Phase::Build, Phase::Verify, Phase::Commit];

/// A run, and the drain before it.
struct Measured {
    drain: Duration,
    taken: Duration,
    run: SyncRun,
}

impl Measured {
    fn seconds_in(&self, phase: Phase) -> f64 {
        let time = self.run.phases.iter().find(|time| time.phase == phase).expect("every phase is recorded");
        time.milliseconds as f64 / 1e3
    }
}

/// The same run of several rounds.
#[derive(Default)]
struct Runs(Vec<Measured>);

fn main() {
    if sql_server::was_server() {
        return;
    }
    let scale = Scale::from_arguments();
    let folder = tempfile::tempdir().unwrap();
    // The one with goals first, in a process that holds nothing yet.
    let origins: Vec<Box<dyn Origin>> = vec![
        Box::new(SqlServerOrigin::make(scale.contacts())),
        Box::new(SqliteOrigin::make(folder.path(), scale.contacts())),
    ];
    let origins: Vec<_> = origins.into_iter().filter(|origin| is_asked_for(origin.kind())).collect();

    report::heading("sync", scale);
    let mut table = Table::new(&[
        "sync", "drain", "run", "ratio", "goal", "read", "write", "build", "verify", "commit", "rest",
        "peak MiB",
    ]);
    for origin in &origins {
        measure(&**origin, scale, &mut table);
    }
    table.print();
    if !is_asked_for("calls") {
        return;
    }
    println!();
    let mut table =
        Table::new(&["MatchCaller during …", "calls", "p50", "p99", "p99.9", "longest", "p99 ratio", "goal"]);
    during::measure(&*origins[0], scale, &mut table);
    table.print();
}

/// Whether to measure this: everything, unless arguments name parts.
fn is_asked_for(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

/// The source, and what calls are decided by.
fn settings_of(origin: &dyn Origin) -> Settings {
    Settings {
        sources: vec![origin.settings()],
        inbound_routes: company::settings().inbound_routes,
        numbers: company::settings().numbers,
        ..Settings::default()
    }
}

fn measure(origin: &dyn Origin, scale: Scale, table: &mut Table) {
    let runtime = server::runtime();
    let (mut first, mut again) = (Runs::default(), Runs::default());
    let mut peaks = [None; 2];
    // What earlier measurements needed does not count; what they left behind does.
    let _ = report::forget_peak_memory();
    for round in 0..scale.pick(5, 1) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings_of(origin);
        let engine = server::engine(folder.path(), &settings);
        let synchronise = |runs: &mut Runs, peak: &mut Option<u64>| {
            come_to_rest(folder.path());
            let start = Instant::now();
            let rows = origin.drain();
            let drain = start.elapsed();
            let (taken, run) =
                server::synchronise(&runtime, &engine, &settings.sources[0].name, RunKind::Sync);
            assert_eq!(run.counts.rows, rows, "the drain is not of the same query");
            // Later rounds would only show what the ones before left behind.
            if round == 0 {
                *peak = report::peak_memory();
            }
            runs.0.push(Measured { drain, taken, run });
        };
        synchronise(&mut first, &mut peaks[0]);
        let changed = origin.change(CHANGED_EVERY, round);
        synchronise(&mut again, &mut peaks[1]);
        let counts = again.0.last().unwrap().run.counts;
        // Those that are no usable contact are rejected as before.
        assert!(counts.changed > 0 && counts.changed <= changed && counts.added == 0, "{counts:?}");
    }
    let [first_goal, again_goal] = origin.goals();
    let kind = origin.kind();
    first.tell(table, &format!("{kind}: first"), first_goal, peaks[0]);
    again.tell(table, &format!("{kind}: again, 1 % changed"), again_goal, peaks[1]);
}

/// Waits until what the run before committed is in the store's file, beside which nobody synchronises again.
fn come_to_rest(data_folder: &Path) {
    const SHORT: u64 = 1024 * 1024;
    let log = data_folder.join("ringroute.db-wal");
    while std::fs::metadata(&log).is_ok_and(|log| log.len() > SHORT) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Runs {
    fn tell(&self, table: &mut Table, name: &str, goal: Option<Goal>, peak: Option<u64>) {
        let of = |seconds: fn(&Measured) -> Duration| -> Vec<f64> {
            self.0.iter().map(|measured| seconds(measured).as_secs_f64()).collect()
        };
        let (taken, drains) = (of(|measured| measured.taken), of(|measured| measured.drain));
        let ratio = ratio(&taken, &drains);
        let phase = |phase| told(median(self.0.iter().map(|measured| measured.seconds_in(phase))));
        let [read, write, build, verify, commit] = PHASES.map(phase);
        let rest = self.0.iter().map(|measured| {
            let phases = PHASES.map(|phase| measured.seconds_in(phase));
            measured.taken.as_secs_f64() - phases.iter().sum::<f64>()
        });
        table.row([
            name.to_owned(),
            told(median(drains)),
            told(median(taken)),
            format!("{ratio:.2}"),
            goal.map_or(String::new(), |goal| goal.told(ratio)),
            read,
            write,
            build,
            verify,
            commit,
            told(median(rest)),
            peak.map_or(String::new(), |peak| match goal {
                Some(_) => format!("{peak}, {}", PEAK.told(peak as f64)),
                None => peak.to_string(),
            }),
        ]);
    }
}

fn told(seconds: f64) -> String {
    duration(seconds * 1e9)
}
