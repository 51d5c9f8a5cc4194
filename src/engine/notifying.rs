//! What the notifier reads and records.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Engine, EngineError, blocking};
use crate::settings::Webhook;
use crate::store::{PendingNotification, ProblemReason};
use crate::sync::{Notification, RunId, SyncRun};

/// How many reasons for problems a notification lists.
const LISTED_REASONS: u32 = 10;

/// All there is to tell of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunNews {
    /// The run.
    pub run: SyncRun,
    /// Why rows and numbers could not be used: the most frequent reasons.
    pub reasons: Vec<ProblemReason>,
    /// The webhook of its source, as it is now.
    pub webhook: Option<Webhook>,
}

impl Engine {
    /// Changes whenever a run has ended and is recorded.
    #[must_use]
    pub fn runs_ended(&self) -> watch::Receiver<u64> {
        self.runs_ended.subscribe()
    }

    /// Notifications that are not done with.
    pub async fn pending_notifications(self: &Arc<Self>) -> Result<Vec<PendingNotification>, EngineError> {
        let engine = Arc::clone(self);
        blocking(move || engine.read(|reading| Ok(reading.pending_notifications()?))).await
    }

    /// All there is to tell of a run.
    pub async fn news_of(self: &Arc<Self>, run: RunId) -> Result<RunNews, EngineError> {
        let engine = Arc::clone(self);
        blocking(move || {
            engine.read(|reading| {
                let gone = || EngineError::NotFound { what: "sync run", name: run.to_string() };
                let reasons = reading.problem_reasons(run, LISTED_REASONS)?;
                let run = reading.sync_run(run)?.ok_or_else(gone)?;
                let source = reading.source(&run.source)?;
                Ok(RunNews {
                    run,
                    reasons,
                    webhook: source.and_then(|source| source.settings.notify.webhook),
                })
            })
        })
        .await
    }

    /// Records what became of a notification; one that is pending is tried again at `due_at`.
    pub async fn record_notification(
        self: &Arc<Self>,
        id: i64,
        notification: Notification,
        due_at: Timestamp,
    ) -> Result<(), EngineError> {
        self.activity.notified(notification.channel, notification.state);
        let engine = Arc::clone(self);
        blocking(move || {
            engine.store.write(|change| Ok(change.update_notification(id, &notification, due_at)?))
        })
        .await
    }
}
