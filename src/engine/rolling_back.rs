//! Rolling a source back to what it was before one of its runs: a run of its own, on the same way as a sync.

use std::sync::Arc;

use jiff::Timestamp;

use super::blocking;
use super::publishing::Touched;
use super::syncing::{Pass, Written};
use super::{Engine, EngineError};
use crate::audit::Actor;
use crate::store::{Reading, Rollback, StoredSource};
use crate::sync::{RunId, RunKind, SyncError, SyncRun};

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRollback {
    /// Name of the source.
    pub source: String,
    /// What would become of its contacts and phonebooks.
    pub rollback: Rollback,
}

fn source_of(reading: &Reading<'_>, to_before: RunId) -> Result<StoredSource, EngineError> {
    let source = reading.rollback_source(to_before)?;
    source.ok_or_else(|| EngineError::NotFound { what: "sync run", name: to_before.to_string() })
}

impl Engine {
    /// What [`Self::start_rollback`] would do. Blocks.
    pub fn plan_rollback(&self, to_before: RunId) -> Result<PlannedRollback, EngineError> {
        self.read(|reading| {
            let source = source_of(reading, to_before)?;
            let rollback = reading.plan_rollback(&source, to_before)?;
            Ok(PlannedRollback { source: source.settings.name, rollback })
        })
    }

    /// Starts to make the contacts and phonebooks of a source what they were before one of its runs. It goes on
    /// by itself, like a sync, and can be rolled back like one. Refused while a run of the source is under way.
    pub async fn start_rollback(
        self: &Arc<Self>,
        to_before: RunId,
        started_by: impl Into<Actor>,
    ) -> Result<SyncRun, EngineError> {
        // A task of its own: whoever asked may go away, and a run that was recorded must be under way.
        let starting = Arc::clone(self).begin_rollback(to_before, started_by.into());
        match tokio::spawn(starting).await {
            Ok(started) => started,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn begin_rollback(
        self: Arc<Self>,
        to_before: RunId,
        started_by: Actor,
    ) -> Result<SyncRun, EngineError> {
        let _starting = self.starting.lock().await;
        let engine = Arc::clone(&self);
        let source = blocking(move || engine.read(|reading| source_of(reading, to_before))).await?;
        let name = source.settings.name.clone();
        if let Some(active) = self.active_run_of(&name) {
            return Err(EngineError::SyncRunning { name, run: active.id });
        }
        let begun = SyncRun::begin(&name, RunKind::Rollback, &started_by.to_string(), Timestamp::now());
        self.begin_run(source, SyncRun { to_before: Some(to_before), ..begun }, started_by, None, None).await
    }
}

impl Pass {
    pub(super) async fn roll_back(&mut self, to_before: RunId) -> Result<(), EngineError> {
        let (source, cancel) = (self.source.clone(), self.cancel.clone());
        self.change_and_publish(move |change, run| {
            // It may have been deleted, or what is needed dropped, since the run was asked for.
            let now = source_of(change, to_before)?;
            if now.id != source.id {
                return Err(SyncError::Refused(
                    "the source was replaced meanwhile; nothing was changed".to_owned(),
                )
                .into());
            }
            let (rollback, is_kept) =
                change.roll_back(source.id, to_before, run.id, &|| cancel.is_cancelled())?;
            run.counts = rollback.counts;
            let touched = if rollback.changes_answers() { Touched::Many } else { Touched::Nothing };
            Ok(Written { is_kept, touched, indexed: None, problems: Vec::new() })
        })
        .await
    }
}
