//! What callers notice of a run: the same steady calls while nothing else goes on, while the source is drained by
//! the plain driver, and while a run goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use ringroute::api::grpc;
use ringroute::engine::Engine;
use ringroute::settings::Settings;
use ringroute::sync::RunKind;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::calls::{SteadyCalls, latencies};
use crate::origin::Origin;
use crate::support::report::{Goal, Table, duration};
use crate::support::rounds::{median, ratio};
use crate::support::{Scale, company, server};
use crate::{CHANGED_EVERY, settings_of};

/// In the order of a round.
const KINDS: [&str; 5] =
    ["nothing else", "a drain", "a sync, 1 % changed", "a sync, all changed", "a preview, 1 % changed"];
const IDLE: usize = 0;

/// Of the p99 while nothing else goes on.
const GOAL: Goal = Goal::AtMost(2.0);

pub(crate) fn measure(origin: &dyn Origin, scale: Scale, table: &mut Table) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings_of(origin);
    let engine = server::engine(folder.path(), &settings);
    let runtime = server::runtime();
    server::synchronise(&runtime, &engine, &settings.sources[0].name, RunKind::Sync);
    let address = serve(&runtime, &engine);
    let callers: Arc<[String]> =
        company::callers(&company::numbers(scale.contacts()), scale.pick(100_000, 1_000)).into();

    let mut outcomes: [Vec<Histogram<u64>>; KINDS.len()] = Default::default();
    for round in 0..scale.pick(5, 1) {
        for (kind, outcomes) in outcomes.iter_mut().enumerate() {
            match kind {
                2 | 4 => drop(origin.change(CHANGED_EVERY, round)),
                3 => drop(origin.change(1, 0)),
                _ => {}
            }
            let calls = SteadyCalls::begin(address, &callers);
            during(kind, origin, &engine, &runtime, &settings, scale);
            outcomes.push(calls.end());
        }
    }
    let at = |kind: usize, quantile: f64| -> Vec<f64> {
        outcomes[kind].iter().map(|outcome| outcome.value_at_quantile(quantile) as f64).collect()
    };
    for (kind, name) in KINDS.iter().enumerate() {
        let mut all = latencies();
        outcomes[kind].iter().for_each(|outcome| all.add(outcome).unwrap());
        let found = ratio(&at(kind, 0.99), &at(IDLE, 0.99));
        let told = |quantile| duration(median(at(kind, quantile)));
        table.row([
            format!("{}: {name}", origin.kind()),
            all.len().to_string(),
            told(0.5),
            told(0.99),
            told(0.999),
            duration(all.max() as f64),
            if kind == IDLE { String::new() } else { format!("{found:.2}") },
            if kind > 1 { GOAL.told(found) } else { String::new() },
        ]);
    }
}

fn during(
    kind: usize,
    origin: &dyn Origin,
    engine: &Arc<Engine>,
    runtime: &Runtime,
    settings: &Settings,
    scale: Scale,
) {
    let source = &settings.sources[0].name;
    match kind {
        0 => std::thread::sleep(Duration::from_millis(scale.pick(4_000, 100))),
        1 => drop(origin.drain()),
        2 | 3 => drop(server::synchronise(runtime, engine, source, RunKind::Sync)),
        _ => drop(server::synchronise(runtime, engine, source, RunKind::Preview)),
    }
}

/// Serves the engine as `ringroute serve` does.
fn serve(runtime: &Runtime, engine: &Arc<Engine>) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(grpc::serve(Arc::clone(engine), listener, CancellationToken::new()));
    address
}
