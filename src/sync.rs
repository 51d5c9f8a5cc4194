//! One pass from a source to a plan: read, prepare, compare, guard.
//!
//! ```text
//! source ──batches──> prepare (all cores) ──> planner ──> plan ──> guard
//! ```
//!
//! Nothing is changed here. The outcome is a [`Plan`]: what to add, change, move and remove, with new and
//! changed contacts in a staging file, so that memory does not grow with them. Whoever called for the pass
//! writes the plan to the store, builds and verifies an index from what was written, commits, and publishes;
//! a failure anywhere leaves everything as it was.

mod entry;
mod guard;
mod known;
mod notify;
mod plan;
mod prepare;
pub mod preview;
pub mod quality;
mod run;
mod schedule;
mod staging;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::background;
use crate::source::{BATCHES_IN_FLIGHT, ContactSource, SourceError};

pub use entry::{FieldProblem, check_entry};
pub use guard::{Objection, check as guard, objection};
pub use known::{KnownContact, KnownContacts};
pub use notify::{Channel, Notification, NotificationState, notifications};
pub use plan::{KnownPhonebook, Owner, Plan, PlannedPhonebook, Planner};
pub use prepare::{DetailsDigest, Preparation, RowDigest};
pub use run::{
    MAX_KEPT_PROBLEMS, Phase, PhaseTime, Problem, ProblemKind, Progress, RunCounts, RunId, RunKind, RunState,
    SyncRun,
};
pub use schedule::next_run;
pub use staging::{Staged, StagedContacts, StagedReader};

/// Why a pass came to nothing. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The source could not be read to its end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The source says it sent another number of rows than arrived.
    #[error("the source sent {sent} rows but {received} arrived: nothing was changed; please report this")]
    Incomplete {
        /// As the source counted.
        sent: u64,
        /// As they arrived.
        received: u64,
    },
    /// What was read is not believed, or cannot be stored; the numbers and the remedy are in the text.
    #[error("{0}")]
    Refused(String),
    /// Too much of what was read is of no use; the numbers and the remedy are in the text.
    #[error("{0}")]
    TooManyRejects(String),
    /// Somebody asked for it to end.
    #[error("cancelled; nothing was changed")]
    Cancelled,
    /// The staging file could not be written or read.
    #[error("the staging file could not be used: {0}; is there room on the disk of the data folder?")]
    Staging(#[from] std::io::Error),
}

/// Reads the source to its end and compares it with what is known, which is looked up meanwhile.
pub async fn plan<E: From<SyncError> + Send + 'static>(
    source: Arc<dyn ContactSource>,
    preparation: Preparation,
    planner: Planner,
    known: impl FnOnce() -> Result<KnownContacts, E> + Send + 'static,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<Plan, E> {
    let (rows, received) = mpsc::channel(BATCHES_IN_FLIGHT);
    let preparation = Arc::new(preparation);
    let (runtime, cancelled) = (Handle::current(), cancel.clone());
    let planning = background::blocking(move || {
        let planner = planner.knowing(known()?);
        Ok::<_, E>(planner.run(&preparation, received, &progress, &runtime, &cancelled)?)
    });
    let stop = cancel.clone();
    let reading = background::waiting(move || async move { source.read(rows, stop).await });
    let (planned, read) = tokio::join!(planning, reading);
    if cancel.is_cancelled() {
        return Err(SyncError::Cancelled.into());
    }
    // A planner that gave up is why the reader was stopped, so its reason comes first.
    let plan = planned?;
    let sent = read.map_err(SyncError::from)?.map_err(SyncError::from)?;
    if sent != plan.counts.rows {
        return Err(SyncError::Incomplete { sent, received: plan.counts.rows }.into());
    }
    Ok(plan)
}
