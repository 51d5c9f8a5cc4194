//! Ringroute beside what else a call handler could ask: Redis, PostgreSQL, SQLite. Same machine, contacts and callers;
//! each server is a process of its own on 127.0.0.1. In every round all are asked in turn, with few and with many
//! questions in flight. `benches/peers/run` builds and starts it.

mod data;
mod load;
mod plot;
mod postgres;
#[path = "../../grpc_load/question.rs"]
#[allow(dead_code, reason = "the names are for the program's own bench")]
mod questions;
mod redis;
mod ringroute;
mod servers;
mod sqlite;
mod support;

use std::marker::PhantomData;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use data::Question;
use load::{Outcome, Peer};
use plot::{Curve, Point};
use questions::{Match, Route};
use support::Scale;
use support::report::{self, Goal, Table, duration, figure};
use support::rounds::{median, ratio};

/// The one of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many questions are in flight, from a quiet moment to more than anybody answers faster.
const STEPS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
const ONE: usize = 0;
const MANY: usize = 6;

/// How many different callers ask.
const CALLERS: usize = 100_000;

/// Where the drawing goes.
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plots/peers.svg");

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return ::ringroute::cli::run(std::env::args_os());
    }
    let is_quick = std::env::args().any(|argument| argument == "--test");
    measure(if is_quick { Scale::Quick } else { Scale::Full });
    ExitCode::SUCCESS
}

/// Whoever is asked, and what came of it.
struct Contender {
    name: &'static str,
    run: Box<dyn Fn(usize, Duration) -> Outcome>,
    /// By step, then by round.
    outcomes: Vec<Vec<Outcome>>,
}

impl Contender {
    fn new<P: Peer + Sync>(name: &'static str, peer: P, questions: &Arc<[Question]>) -> Self {
        let questions = Arc::clone(questions);
        let run = move |in_flight, duration| load::run(&peer, &questions, in_flight, duration);
        Contender { name, run: Box::new(run), outcomes: vec![Vec::new(); STEPS.len()] }
    }

    fn throughputs(&self, step: usize) -> Vec<f64> {
        self.outcomes[step].iter().map(|outcome| outcome.throughput).collect()
    }

    fn medians(&self, step: usize) -> Vec<f64> {
        self.outcomes[step].iter().map(|outcome| outcome.latencies.value_at_quantile(0.5) as f64).collect()
    }

    /// Of all rounds, in nanoseconds.
    fn latency(&self, step: usize, quantile: f64) -> f64 {
        let mut all = load::latencies();
        self.outcomes[step].iter().for_each(|outcome| all.add(&outcome.latencies).unwrap());
        all.value_at_quantile(quantile) as f64
    }
}

fn measure(scale: Scale) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let folder = folder.path();
    let people = data::people(scale.contacts());
    let questions: Arc<[Question]> = data::questions(scale.contacts(), scale.pick(CALLERS, 1_000)).into();
    eprintln!("filling Ringroute, Redis, PostgreSQL and SQLite with {} contacts", people.len());
    let ours = ringroute::start(folder, scale.contacts());
    let redis = redis::start(folder, &people);
    let postgres = postgres::start(folder, &people);
    let sqlite = sqlite::make(folder, &people);
    drop(people);

    let get = redis::Get(redis.address);
    let pipelined = postgres::Pipelined(postgres.address);
    let by_number = sqlite::ByNumber(sqlite.clone());
    check_answers(&questions, ours.address, &get, &pipelined, &by_number);

    let address = ours.address;
    let mut all = [
        Contender::new("Redis: GET", get, &questions),
        Contender::new("Redis: GET, and the JSON read", redis::GetAndRead(redis.address), &questions),
        Contender::new("PostgreSQL: SELECT, pipelined", pipelined, &questions),
        Contender::new(
            "PostgreSQL: SELECT, a connection each",
            postgres::Pooled(postgres.address),
            &questions,
        ),
        Contender::new("MatchCaller", ringroute::Calls::<Match>(address, PhantomData), &questions),
        Contender::new(
            "MatchCallers, a stream",
            ringroute::OneStream::<Match>(address, PhantomData),
            &questions,
        ),
        Contender::new("RouteCall", ringroute::Calls::<Route>(address, PhantomData), &questions),
        Contender::new(
            "RouteCalls, a stream",
            ringroute::OneStream::<Route>(address, PhantomData),
            &questions,
        ),
    ];
    report::heading_of("peers", "benches/peers/run", scale);
    let (rounds, time) = (scale.pick(5, 1), Duration::from_millis(scale.pick(300, 20)));
    for round in 0..rounds {
        for (step, in_flight) in STEPS.into_iter().enumerate() {
            for turn in 0..all.len() {
                // Who is first changes from round to round.
                let place = (round + turn) % all.len();
                let contender = &mut all[place];
                contender.outcomes[step].push((contender.run)(in_flight, time));
            }
        }
    }
    tell(&all);
    tell_goals(&all);
    tell_others(
        &questions,
        by_number,
        sqlite::LastDigits(sqlite),
        postgres::LastDigits(postgres.address),
        scale,
    );
    if scale == Scale::Full {
        draw(&all, Path::new(PLOT));
    }
}

/// Whoever is asked about the wrong contacts is not worth measuring.
fn check_answers(
    questions: &[Question],
    ours: std::net::SocketAddr,
    redis: &redis::Get,
    postgres: &postgres::Pipelined,
    sqlite: &sqlite::ByNumber,
) {
    let some = &questions[..questions.len().min(1_000)];
    let expected = load::answers(redis, some);
    let known = expected.iter().filter(|is_known| **is_known).count();
    assert!(known > some.len() / 2 && known < some.len(), "{known} of {} are known", some.len());
    assert_eq!(load::answers(postgres, some), expected, "PostgreSQL");
    assert_eq!(load::answers(sqlite, some), expected, "SQLite");
    assert_eq!(load::answers(&ringroute::Calls::<Match>(ours, PhantomData), some), expected, "MatchCaller");
    assert_eq!(load::answers(&ringroute::Calls::<Route>(ours, PhantomData), some), expected, "RouteCall");
}

fn tell(all: &[Contender]) {
    let mut table = Table::new(&[
        "asked",
        "in flight",
        "answers/s",
        "p50",
        "p99",
        "throughput, of Redis'",
        "p50, of Redis'",
    ]);
    let redis = &all[0];
    for step in [ONE, MANY] {
        for contender in all {
            table.row([
                contender.name.to_owned(),
                STEPS[step].to_string(),
                figure(median(contender.throughputs(step))),
                duration(contender.latency(step, 0.5)),
                duration(contender.latency(step, 0.99)),
                format!("{:.2}", ratio(&contender.throughputs(step), &redis.throughputs(step))),
                format!("{:.2}", ratio(&contender.medians(step), &redis.medians(step))),
            ]);
        }
    }
    table.print();
    println!();
}

fn tell_goals(all: &[Contender]) {
    let [redis, redis_read, pipelined, pooled, _, match_stream, route, route_stream] = all else {
        unreachable!("all are there")
    };
    // Each in the way that it does best.
    let postgres = match median(pipelined.throughputs(MANY)) >= median(pooled.throughputs(MANY)) {
        true => pipelined,
        false => pooled,
    };
    let mut table = Table::new(&["goal of issue 8", "ratio", "goal"]);
    let mut row =
        |name: String, ratio: f64, goal: Goal| table.row([name, format!("{ratio:.2}"), goal.told(ratio)]);
    let throughput =
        |ours: &Contender, peer: &Contender| ratio(&ours.throughputs(MANY), &peer.throughputs(MANY));
    for (ours, peer, least) in [
        (route, postgres, 3.0),
        (route, redis, 0.9),
        (route_stream, postgres, 1.0),
        (route_stream, redis, 1.0),
        (route_stream, redis_read, 1.0),
    ] {
        row(
            format!("{}, 64 in flight: throughput, of {}", ours.name, peer.name),
            throughput(ours, peer),
            Goal::AtLeast(least),
        );
    }
    row(
        format!("{}, 1 in flight: p50, of {}", match_stream.name, redis.name),
        ratio(&match_stream.medians(ONE), &redis.medians(ONE)),
        Goal::AtMost(1.5),
    );
    table.print();
    println!();
}

/// SQLite, which is no server, and what is done without an index: one after the other.
fn tell_others(
    questions: &Arc<[Question]>,
    sqlite: sqlite::ByNumber,
    sqlite_last: sqlite::LastDigits,
    postgres_last: postgres::LastDigits,
    scale: Scale,
) {
    // Nobody looks for the last digits of a number that was withheld.
    let with_number: Arc<[Question]> =
        questions.iter().filter(|question| !question.e164.is_empty()).cloned().collect();
    let others = [
        Contender::new("SQLite in the asking process: SELECT", sqlite, questions),
        Contender::new("SQLite in the asking process: LIKE '%last7'", sqlite_last, &with_number),
        Contender::new("PostgreSQL: LIKE '%last7'", postgres_last, &with_number),
    ];
    let mut table = Table::new(&["asked, 1 in flight", "answers/s", "p50", "p99"]);
    for mut other in others {
        let outcome = (other.run)(1, Duration::from_millis(scale.pick(2_500, 20)));
        other.outcomes[ONE].push(outcome);
        table.row([
            other.name.to_owned(),
            figure(median(other.throughputs(ONE))),
            duration(other.latency(ONE, 0.5)),
            duration(other.latency(ONE, 0.99)),
        ]);
    }
    table.print();
}

fn draw(all: &[Contender], path: &Path) {
    let [redis, _, pipelined, _, calls, _, _, route_stream] = all else { unreachable!("all are there") };
    let curves = [calls, route_stream, redis, pipelined].map(|contender| Curve {
        name: contender.name.to_owned(),
        points: (0..STEPS.len())
            .map(|step| Point {
                load: median(contender.throughputs(step)),
                median: contender.latency(step, 0.5) / 1e3,
                p99: contender.latency(step, 0.99) / 1e3,
            })
            .collect(),
    });
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, plot::svg("Latency against load", &curves)).unwrap();
    for curve in &curves {
        eprintln!("{}", curve.name);
        for Point { load, median, p99 } in &curve.points {
            eprintln!("  {load:.0}/s: p50 {median:.1} µs, p99 {p99:.1} µs");
        }
    }
}
