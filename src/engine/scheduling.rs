//! What the scheduler reads and remembers.

use std::sync::Arc;

use super::{Engine, EngineError, blocking};
use crate::store::{DueRun, StoredSource};

/// Everything that decides which sources are due, from one state of the store.
#[derive(Debug)]
pub struct Scheduling {
    /// All sources.
    pub sources: Vec<StoredSource>,
    /// What they were due for when that was last remembered.
    pub remembered: Vec<DueRun>,
    /// Of the jitter.
    pub seed: u64,
}

impl Engine {
    /// What decides which sources are due.
    pub async fn scheduling(self: &Arc<Self>) -> Result<Scheduling, EngineError> {
        let engine = Arc::clone(self);
        blocking(move || {
            engine.read(|reading| {
                Ok(Scheduling {
                    sources: reading.sources()?,
                    remembered: reading.due_runs()?,
                    seed: reading.jitter_seed()?,
                })
            })
        })
        .await
    }

    /// Remembers what sources are due for, beyond the end of the process.
    pub async fn remember_due_runs(self: &Arc<Self>, due: Vec<DueRun>) -> Result<(), EngineError> {
        let engine = Arc::clone(self);
        blocking(move || engine.store.write(|change| Ok(change.remember_due_runs(&due)?))).await
    }
}
