//! Ringroute beside what people use in its place: Redis, PostgreSQL and SQLite with the same contacts, asked for the
//! same numbers, in one run. `benches/peers/run` starts the servers.
//!
//! In every round each contender has its turn, so that noise hits all alike; ratios are medians over the rounds.

#[path = "../../grpc_load/load.rs"]
mod load;
#[path = "../../grpc_load/question.rs"]
mod question;
#[path = "../../support/mod.rs"]
mod support;

mod data;
mod peer;
mod postgres;
mod redis_server;
mod sqlite;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringroute::app;
use ringroute::config::{Config, ListenAddress};
use ringroute::demo::sample;
use ringroute::sync::RunKind;

use load::{Outcome, Shape};
use question::{Match, Question, Route};
use support::report::{self, Goal, Table, duration, figure};
use support::rounds::{median, ratio};
use support::{Scale, company, server};

const ONE_CALL: Shape = Shape { name: "1", connections: 1, workers: 1, stream: None };
const CALLS: Shape = Shape { name: "64", connections: 2, workers: 32, stream: None };
const ONE_STREAM: Shape = Shape { name: "1", connections: 1, workers: 1, stream: Some(1) };
const STREAMS: Shape = Shape { name: "64, in 64 streams", connections: 2, workers: 32, stream: Some(1) };
const FULL_STREAMS: Shape = Shape { name: "64, in 2 streams", connections: 2, workers: 1, stream: Some(32) };

/// Whoever reads a whole table for each answer is given so many times the time.
const SLOW: u32 = 5;

/// Asks for some time, and says what came of it.
type Turn<'a> = Box<dyn Fn(Duration) -> Outcome + 'a>;

/// Somebody who answers, in one shape of load.
struct Contender<'a> {
    name: &'static str,
    in_flight: &'static str,
    turn: Turn<'a>,
    rounds: Vec<Outcome>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut port = || arguments.next().and_then(|port| port.parse::<u16>().ok()).expect("a port");
    let (redis, postgres) = (port(), port());
    let scale =
        if std::env::args().any(|argument| argument == "--quick") { Scale::Quick } else { Scale::Full };
    let folder = tempfile::tempdir().unwrap();
    let records = data::records(scale.contacts());
    let callers = data::callers(scale);
    let loading = tokio::runtime::Runtime::new().unwrap();
    loading.block_on(redis_server::fill(redis, &records));
    loading.block_on(postgres::fill(postgres, &records));
    let sqlite = sqlite::fill(&folder.path().join("peer.db"), &records);
    drop(records);

    // Ringroute as it starts, after a sync run has filled its store.
    let database = folder.path().join("company.db");
    sample::write(&database, scale.contacts()).unwrap();
    let data_folder = folder.path().join("data");
    let engine = server::engine(&data_folder, &sample::settings(&database));
    server::synchronise(&loading, &engine, sample::SOURCE_NAME, RunKind::Sync);
    drop(engine);
    let config = Config {
        listen: ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))),
        data_folder,
        ..Config::default()
    };
    let serving = server::runtime();
    let ours = serving.block_on(app::Server::start(&config)).unwrap();
    let ListenAddress::Tcp(address) = *ours.address() else { unreachable!("a port was asked for") };

    report::heading("peers", scale);
    let matches: Arc<[_]> = callers.iter().map(|caller| Match::request(caller)).collect();
    let routes: Arc<[_]> = callers.iter().map(|caller| Route::request(caller)).collect();
    let callers: Arc<[String]> = callers.into();
    let mut all = Vec::new();
    let mut add = |name, in_flight, turn: Turn<'static>| {
        all.push(Contender { name, in_flight, turn, rounds: Vec::new() });
    };
    for shape in [ONE_CALL, CALLS] {
        let callers = || Arc::clone(&callers);
        let asked = callers();
        add(
            "Redis, GET",
            shape.name,
            Box::new(move |time| peer::run::<redis_server::Get>(shape, redis, &asked, time)),
        );
        let asked = callers();
        add(
            "PostgreSQL, prepared SELECT with joins",
            shape.name,
            Box::new(move |time| peer::run::<postgres::Select>(shape, postgres, &asked, time)),
        );
        let (asked, file) = (callers(), sqlite.clone());
        add(
            "SQLite in the process, the same SELECT",
            if shape == ONE_CALL { "1" } else { "2 threads" },
            Box::new(move |time| sqlite::run(&file, shape.connections, &asked, time, sqlite::EXACT)),
        );
        let requests = Arc::clone(&matches);
        add(
            Match::CALL,
            shape.name,
            Box::new(move |time| load::run::<Match>(shape, address, &requests, time)),
        );
        let requests = Arc::clone(&routes);
        add(
            Route::CALL,
            shape.name,
            Box::new(move |time| load::run::<Route>(shape, address, &requests, time)),
        );
    }
    for shape in [ONE_STREAM, STREAMS, FULL_STREAMS] {
        let requests = Arc::clone(&matches);
        add(
            Match::STREAM,
            shape.name,
            Box::new(move |time| load::run::<Match>(shape, address, &requests, time)),
        );
        let requests = Arc::clone(&routes);
        add(
            Route::STREAM,
            shape.name,
            Box::new(move |time| load::run::<Route>(shape, address, &requests, time)),
        );
    }
    let asked = Arc::clone(&callers);
    add(
        "PostgreSQL, LIKE '%last7'",
        "1",
        Box::new(move |time| peer::run::<postgres::Like>(ONE_CALL, postgres, &asked, time * SLOW)),
    );
    let (asked, file) = (Arc::clone(&callers), sqlite.clone());
    add(
        "SQLite in the process, LIKE '%last7'",
        "1",
        Box::new(move |time| sqlite::run(&file, 1, &asked, time * SLOW, sqlite::LIKE)),
    );

    for round in 0..scale.pick(5, 1) {
        let count = all.len();
        for place in 0..count {
            // Who is first changes from round to round.
            let contender = &mut all[(place + round * 7) % count];
            let outcome = (contender.turn)(Duration::from_millis(scale.pick(600, 50)));
            contender.rounds.push(outcome);
        }
    }
    tell(&all);
    serving.block_on(ours.drain()).unwrap();
}

fn tell(all: &[Contender<'_>]) {
    let mut table = Table::new(&["who", "in flight", "answers/s", "p50", "p99"]);
    for contender in all {
        let mut latencies = load::latencies();
        contender.rounds.iter().for_each(|round| latencies.add(&round.latencies).unwrap());
        let at = |quantile| duration(latencies.value_at_quantile(quantile) as f64);
        table.row([
            contender.name.to_owned(),
            contender.in_flight.to_owned(),
            figure(median(throughputs(contender))),
            at(0.5),
            at(0.99),
        ]);
    }
    table.print();
    println!();

    let of = |name: &str, in_flight: &str| {
        all.iter().find(|one| one.name.starts_with(name) && one.in_flight == in_flight).unwrap()
    };
    let mut goals = Table::new(&["goal of issue 8", "ratio", "goal"]);
    let mut row = |name: &str, ratio: f64, goal: Goal| {
        goals.row([name.to_owned(), format!("{ratio:.2}"), goal.told(ratio)]);
    };
    let faster = |one: &Contender<'_>, other: &Contender<'_>| ratio(&throughputs(one), &throughputs(other));
    row(
        "MatchCallers, 1 in flight: p50, of Redis's",
        ratio(&medians(of(Match::STREAM, "1")), &medians(of("Redis", "1"))),
        Goal::AtMost(1.5),
    );
    for (peer, goal) in [("PostgreSQL, prepared", 3.0), ("Redis", 0.9)] {
        row(
            &format!("RouteCall, 64 in flight: throughput, of {peer}"),
            faster(of(Route::CALL, "64"), of(peer, "64")),
            Goal::AtLeast(goal),
        );
    }
    for peer in ["PostgreSQL, prepared", "Redis"] {
        for streams in [STREAMS.name, FULL_STREAMS.name] {
            row(
                &format!("RouteCalls, {streams}: throughput, of {peer}, 64 in flight"),
                faster(of(Route::STREAM, streams), of(peer, "64")),
                Goal::AtLeast(1.0),
            );
        }
    }
    goals.print();
}

fn throughputs(contender: &Contender<'_>) -> Vec<f64> {
    contender.rounds.iter().map(|round| round.throughput).collect()
}

fn medians(contender: &Contender<'_>) -> Vec<f64> {
    contender.rounds.iter().map(|round| round.latencies.value_at_quantile(0.5) as f64).collect()
}
