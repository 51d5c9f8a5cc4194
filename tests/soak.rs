//! Soak: look-ups and route calls of several clients, one at a time and in streams, while runs, rollbacks, previews,
//! route edits, settings, contacts by hand, backups, restores and restarts go on beside them, for as long as one likes.
//!
//! Every answer is held against a model of the generation that it names (`soak/world.rs`); a generation is what the one
//! change that led to it made, a call is never answered from an older one than was served when it was asked, and
//! after a kill there is the generation of before or the one after. A call that fails while the server is not down by
//! design fails the test. Memory and open files of the process must stay flat.
//!
//! `cargo test --test soak` takes half a minute. Longer, with what it saw:
//! `RINGROUTE_SOAK_SECONDS=1200 cargo test --release --test soak -- --nocapture`
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "soak/callers.rs"]
mod callers;
#[path = "soak/changes.rs"]
mod changes;
#[path = "soak/clock.rs"]
mod clock;
#[path = "soak/flatness.rs"]
mod flatness;
#[path = "soak/history.rs"]
mod history;
#[path = "soak/random.rs"]
mod random;
#[path = "soak/server.rs"]
mod server;
#[path = "soak/world.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use callers::{KINDS, Shared};
use changes::{Changer, write_company};
use history::History;
use ringroute::engine;
use server::Server;
use tonic::transport::Endpoint;

/// How long it goes on, unless `RINGROUTE_SOAK_SECONDS` says.
const SECONDS: u64 = 24;

/// People of the company at the beginning, unless `RINGROUTE_SOAK_CONTACTS` says.
const PEOPLE: u64 = 2000;

/// Restarts in the second half; in the first there is none, so that one process lives long enough to be looked at.
const RESTARTS: u64 = 20;

/// The shortest time between two restarts.
const SHORTEST: Duration = Duration::from_secs(2);

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_right_and_nothing_grows_while_everything_changes() {
    let seconds = number("RINGROUTE_SOAK_SECONDS").unwrap_or(SECONDS);
    let people = number("RINGROUTE_SOAK_CONTACTS").unwrap_or(PEOPLE);
    // Told, so that a run can be had again; though which call meets which change is never the same.
    let seed =
        number("RINGROUTE_SOAK_SEED").unwrap_or_else(|| jiff::Timestamp::now().as_second().unsigned_abs());
    eprintln!("soak of {seconds} s with {people} contacts, seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let first = world::first_world(u32::try_from(people).unwrap());
    let company = folder.path().join("company.db");
    write_company(&company, &first.synced.people);

    let server = Arc::new(Server::in_folder(folder.path()));
    server.start();
    let generation = changes::set_up(&server, &first.settings(&company)).await;
    let shared = Shared::new(History::begin(generation, first.clone()), server.place());
    let mut callers = vec![
        tokio::spawn(callers::ask_one_by_one(Arc::clone(&shared), seed ^ 1)),
        tokio::spawn(callers::ask_one_by_one(Arc::clone(&shared), seed ^ 2)),
        tokio::spawn(callers::ask_in_a_stream(Arc::clone(&shared), false, seed ^ 3)),
        tokio::spawn(callers::ask_in_a_stream(Arc::clone(&shared), true, seed ^ 4)),
        tokio::spawn(callers::look_around(Arc::clone(&shared))),
    ];
    let (watched, watching) = (Arc::clone(&server), Arc::clone(&shared));
    callers.push(tokio::spawn(async move {
        while !watching.is_over.load(Ordering::Relaxed) {
            watched.sample();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }));

    clock::start();
    let start = Instant::now();
    let half = Duration::from_secs(seconds) / 2;
    let mut changer =
        Changer::new(Arc::clone(&server), Arc::clone(&shared), Arc::clone(&first.synced), seed ^ 5);
    changer.go_on_until(start + half).await;
    let each = (half / RESTARTS as u32).max(SHORTEST);
    for way in 0.. {
        if (start.elapsed() >= 2 * half && way >= changes::WAYS) || shared.is_over.load(Ordering::Relaxed) {
            break;
        }
        changer.restart(way).await;
        changer.go_on_until(Instant::now() + each).await;
    }
    // Calls under way have come to their end before the server goes.
    shared.is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let took = start.elapsed();

    // What is left is what the model says.
    let url = server.url();
    changes::check_many(&shared, Endpoint::from_shared(url).unwrap().connect().await.unwrap()).await;
    server.stop();
    let backup = folder.path().join("last.backup");
    let taken = engine::take_backup_of_folder(&server.data(), folder.path()).unwrap();
    taken.write_to(std::fs::File::create(&backup).unwrap()).unwrap();
    changer.check_backup(&backup);
    engine::verify_backup(&backup).unwrap();

    let answers = shared.answers.each_ref().map(|count| count.load(Ordering::Relaxed));
    for (kind, answers) in KINDS.iter().zip(answers) {
        eprintln!("{answers:>10} answers of {kind}");
        assert!(answers > 0, "nobody was answered by {kind}");
    }
    eprintln!("{:>10} looks at everything else", shared.looks.load(Ordering::Relaxed));
    for (what, count) in &changer.done {
        eprintln!("{count:>10} {what}");
    }
    let cut_off = shared.cut_off.load(Ordering::Relaxed);
    eprintln!("{cut_off:>10} calls and streams cut off by restarts; in {:.0} s", took.as_secs_f64());
    eprintln!(
        "{:>10.1} s at most in which this test itself got no processor",
        clock::longest_wait().as_secs_f64()
    );
    let lives = server.lives();
    flatness::check(&lives, |problem| shared.fault(problem));
    let log = std::fs::read_to_string(server.log()).unwrap();
    for line in log.lines().filter(|line| line.contains("please report this") || line.contains("panicked")) {
        shared.fault(line.to_owned());
    }
    let faults = shared.faults();
    assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
}
