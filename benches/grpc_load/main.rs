//! The server under load, beside an empty handler: the same service on the same transport, that says nothing. Nothing
//! above it can be reached. Between the two is one that gives everybody the same whole answer: what is above that is the
//! price of finding the answer, what is below that of making, sending and reading it. The empty service is measured as
//! tonic's own server serves it, too.
//!
//! Client and servers are one process on 127.0.0.1, each with a runtime of its own. In every round, each kind of
//! load goes to one server after the other, so that noise hits all.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod followed;
mod limit;
mod load;
mod question;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use ringroute::api::proto::v1::MatchStatus;
use ringroute::app;
use ringroute::config::{Config, ListenAddress, TracesConfig};
use ringroute::demo::sample;
use ringroute::sync::RunKind;
use tokio::runtime::Runtime;

use limit::Same;
use load::{Outcome, Shape};
use question::{Client, Match, Question, Route};
use support::report::{self, Goal, Table, duration, figure};
use support::rounds::{median, ratio};
use support::{Scale, company, server};

const CALLS: Shape = Shape { name: "2 connections × 32 calls", connections: 2, workers: 32, stream: None };
const ONE_CALL: Shape = Shape { name: "1 call", connections: 1, workers: 1, stream: None };
const ONE_STREAM: Shape = Shape { name: "1 stream", connections: 1, workers: 1, stream: Some(1) };
const STREAMS: Shape =
    Shape { name: "2 connections × 32 streams", connections: 2, workers: 32, stream: Some(1) };
const FULL_STREAMS: Shape =
    Shape { name: "2 streams × 32 in flight", connections: 2, workers: 1, stream: Some(32) };

/// In the order in which they are measured and told.
const SHAPES: [Shape; 5] = [ONE_CALL, CALLS, ONE_STREAM, STREAMS, FULL_STREAMS];

/// How many different callers ask.
const CALLERS: usize = 100_000;

/// The handlers, in the order of a round.
const HANDLERS: [&str; 4] = ["empty, tonic's server", "empty", "the same answer to all", "Ringroute"];
const EMPTY: usize = 1;
const SAME: usize = 2;
const OURS: usize = 3;

/// What came of one question in one shape.
struct Measured {
    shape: Shape,
    /// By server, then by round.
    outcomes: Vec<Vec<Outcome>>,
}

impl Measured {
    fn throughputs(&self, handler: usize) -> Vec<f64> {
        self.outcomes[handler].iter().map(|outcome| outcome.throughput).collect()
    }

    /// Of all rounds.
    fn latencies(&self, handler: usize) -> Histogram<u64> {
        let mut latencies = load::latencies();
        self.outcomes[handler].iter().for_each(|round| latencies.add(&round.latencies).unwrap());
        latencies
    }

    fn medians(&self, handler: usize) -> Vec<f64> {
        self.outcomes[handler].iter().map(|outcome| outcome.latencies.value_at_quantile(0.5) as f64).collect()
    }
}

fn main() {
    let scale = Scale::from_arguments();
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), scale);

    let [runtime, limits, tonic_runtime] = [(); 3].map(|()| server::runtime());
    let (ours, our_address) = start(&runtime, &data_folder(folder.path()), TracesConfig::default());
    let same = typical_answers(&runtime, our_address);
    let addresses = [
        tonic_runtime.block_on(limit::serve_by_tonic(Same::default())),
        limits.block_on(limit::serve(Same::default())),
        limits.block_on(limit::serve(same)),
        our_address,
    ];

    report::heading("grpc_load", scale);
    let callers = company::callers(&company::numbers(scale.contacts()), scale.pick(CALLERS, 1_000));
    let mut table = Table::new(&[
        "gRPC",
        "in flight",
        "handler",
        "answers/s",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "throughput, of empty",
        "of the same",
        "p50, of empty",
    ]);
    let mut goals = Table::new(&["goal of issue 8", "ratio", "goal"]);
    let matching = measure::<Match>(&SHAPES, &addresses, &callers, scale);
    tell::<Match>(&mut table, &matching);
    tell_goals(&mut goals, &matching);
    let routing = measure::<Route>(&SHAPES, &addresses, &callers, scale);
    tell::<Route>(&mut table, &routing);
    table.print();
    println!();
    goals.print();
    println!();
    follow(&runtime, our_address, folder.path(), &callers, scale);

    runtime.block_on(ours.drain());
    limits.shutdown_background();
    tonic_runtime.shutdown_background();
}

/// A server of this data folder, and where it listens.
fn start(runtime: &Runtime, data_folder: &Path, traces: TracesConfig) -> (app::Server, SocketAddr) {
    let config = Config {
        listen: ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))),
        data_folder: data_folder.to_owned(),
        traces,
        ..Config::default()
    };
    let server = runtime.block_on(app::Server::start(&config)).unwrap();
    let ListenAddress::Tcp(address) = *server.address() else { unreachable!("a port was asked for") };
    (server, address)
}

/// Calls that are followed, beside those to a server that follows none.
fn follow(runtime: &Runtime, without: SocketAddr, folder: &Path, callers: &[String], scale: Scale) {
    let receivers = [runtime.block_on(followed::receiver()), runtime.block_on(followed::nowhere())];
    let servers = receivers.map(|receiver| {
        let copy = folder.join(format!("followed by {}", receiver.port()));
        std::fs::create_dir(&copy).unwrap();
        for file in std::fs::read_dir(data_folder(folder)).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
        }
        let traces = TracesConfig { endpoint: Some(format!("http://{receiver}")), sample: 1.0 };
        start(runtime, &copy, traces)
    });
    let addresses = [without, servers[0].1, servers[1].1];
    let mut table =
        Table::new(&["gRPC", "in flight", "followed", "answers/s", "p50", "p99", "throughput, of none"]);
    for measured in measure::<Match>(&[ONE_CALL, CALLS], &addresses, callers, scale) {
        for (server, name) in followed::SERVERS.into_iter().enumerate() {
            let latencies = measured.latencies(server);
            let at = |quantile| duration(latencies.value_at_quantile(quantile) as f64);
            table.row([
                Match::CALL.to_owned(),
                measured.shape.name.to_owned(),
                name.to_owned(),
                figure(median(measured.throughputs(server))),
                at(0.5),
                at(0.99),
                format!("{:.2}", ratio(&measured.throughputs(server), &measured.throughputs(0))),
            ]);
        }
    }
    table.print();
    servers.into_iter().for_each(|(server, _)| runtime.block_on(server.drain()));
}

fn data_folder(folder: &Path) -> std::path::PathBuf {
    folder.join("data")
}

/// Synchronises the company into a data folder; the server starts from there, as after a restart.
fn prepare(folder: &Path, scale: Scale) {
    let database = folder.join("company.db");
    sample::write(&database, scale.contacts()).unwrap();
    let runtime = server::runtime();
    let engine = server::engine(&data_folder(folder), &sample::settings(&database));
    server::synchronise(&runtime, &engine, sample::SOURCE_NAME, RunKind::Sync);
}

/// What a contact is answered, and that it is right: fast nonsense would not be worth measuring.
fn typical_answers(runtime: &Runtime, address: SocketAddr) -> Same {
    runtime.block_on(async {
        let mut client = Client::connect(format!("http://{address}")).await.unwrap();
        let [first, ..] = sample::TELLING_CALLERS;
        let caller = format!("+{}", first.e164);
        let matched = client.match_caller(Match::request(&caller)).await.unwrap().into_inner();
        assert_eq!(matched.status(), MatchStatus::Matched);
        assert_eq!(matched.phonebooks, [first.belongto]);
        let routed = client.route_call(Route::request(&caller)).await.unwrap().into_inner();
        assert_eq!(routed.route, "Sales customers");
        Same { matched, routed }
    })
}

fn measure<Q: Question>(
    shapes: &[Shape],
    addresses: &[SocketAddr],
    callers: &[String],
    scale: Scale,
) -> Vec<Measured> {
    let requests: Arc<[Q::Request]> = callers.iter().map(|caller| Q::request(caller)).collect();
    let (rounds, time) = (scale.pick(7, 1), Duration::from_millis(scale.pick(500, 30)));
    let none_yet = || addresses.iter().map(|_| Vec::new()).collect();
    let mut all: Vec<Measured> =
        shapes.iter().map(|shape| Measured { shape: *shape, outcomes: none_yet() }).collect();
    for round in 0..rounds {
        for measured in &mut all {
            for turn in 0..addresses.len() {
                // Who is first changes from round to round.
                let handler = (round + turn) % addresses.len();
                let outcome = load::run::<Q>(measured.shape, addresses[handler], &requests, time);
                measured.outcomes[handler].push(outcome);
            }
        }
    }
    all
}

fn tell<Q: Question>(table: &mut Table, all: &[Measured]) {
    for measured in all {
        let shape = measured.shape;
        for (handler, name) in HANDLERS.into_iter().enumerate() {
            let latencies = measured.latencies(handler);
            let at = |quantile| duration(latencies.value_at_quantile(quantile) as f64);
            let ratio_to = |limit, of: fn(&Measured, usize) -> Vec<f64>| match handler {
                OURS => format!("{:.2}", ratio(&of(measured, handler), &of(measured, limit))),
                _ => String::new(),
            };
            table.row([
                if shape.stream.is_some() { Q::STREAM } else { Q::CALL }.to_owned(),
                shape.name.to_owned(),
                name.to_owned(),
                figure(median(measured.throughputs(handler))),
                at(0.5),
                at(0.9),
                at(0.99),
                at(0.999),
                ratio_to(EMPTY, Measured::throughputs),
                ratio_to(SAME, Measured::throughputs),
                ratio_to(EMPTY, Measured::medians),
            ]);
        }
    }
}

/// The goals that can be told without the peers.
fn tell_goals(table: &mut Table, matching: &[Measured]) {
    let of = |shape: Shape| matching.iter().find(|measured| measured.shape == shape).unwrap();
    let mut row = |name: &str, ratio: f64, goal: Goal| {
        table.row([name.to_owned(), format!("{ratio:.2}"), goal.told(ratio)]);
    };
    let calls = of(CALLS);
    for (limit, whose) in [(EMPTY, "the empty handler's"), (SAME, "that of the same answer to all")] {
        row(
            &format!("MatchCaller, 2 connections × 32 calls: throughput, of {whose}"),
            ratio(&calls.throughputs(OURS), &calls.throughputs(limit)),
            Goal::AtLeast(0.95),
        );
    }
    let one = of(ONE_CALL);
    row(
        "MatchCaller, 1 call: p50, of the empty handler's",
        ratio(&one.medians(OURS), &one.medians(EMPTY)),
        Goal::AtMost(1.1),
    );
    for shape in [STREAMS, FULL_STREAMS] {
        row(
            &format!("MatchCallers, {}: throughput, of MatchCaller's with 2 × 32 calls", shape.name),
            ratio(&of(shape).throughputs(OURS), &calls.throughputs(OURS)),
            Goal::AtLeast(3.0),
        );
    }
}
