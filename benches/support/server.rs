//! The engine and the server, as `ringroute serve` has them, on a folder of their own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringroute::engine::Engine;
use ringroute::settings::Settings;
use ringroute::store::RemovedSources;
use ringroute::sync::{RunKind, RunState, SyncRun};
use tokio::runtime::Runtime;

/// A runtime as `ringroute serve` makes it.
pub fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// An engine with these settings, and nothing synchronised yet.
pub fn engine(data_folder: &Path, settings: &Settings) -> Arc<Engine> {
    let engine = Engine::open(data_folder).unwrap();
    engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    engine
}

/// Runs a source and waits for the end. Returns how long it took, and the record.
pub fn synchronise(
    runtime: &Runtime,
    engine: &Arc<Engine>,
    source: &str,
    kind: RunKind,
) -> (Duration, SyncRun) {
    runtime.block_on(async {
        let start = Instant::now();
        let started = engine.start_sync(source, kind, "bench", None).await.unwrap();
        engine.wait_for_syncs().await;
        let taken = start.elapsed();
        let run = engine.run(started.run.id).await.unwrap();
        assert_eq!(run.state, RunState::Succeeded, "{}", run.failure);
        (taken, run)
    })
}
