//! Who is told of runs, in the store: what is pending survives the process.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::json::{from_json, to_json};
use super::runs::OF_EARLIER_SOURCES;
use super::{Change, Reading, StoreError};
use crate::settings::folded_name;
use crate::sync::{Notification, NotificationState, RunId, RunState, SyncRun, notifications};

/// A notification that is not done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingNotification {
    /// Its number.
    pub id: i64,
    /// What it is of.
    pub run: RunId,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// The rest.
    pub notification: Notification,
}

/// Why rows and numbers of a run could not be used, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemReason {
    /// The column at fault.
    pub column: String,
    /// Why.
    pub reason: String,
    /// How often, as far as problems were kept.
    pub count: u64,
}

impl Reading<'_> {
    pub(super) fn notifications_of(&self, run: RunId) -> Result<Vec<Notification>, StoreError> {
        let sql = "SELECT record FROM notification WHERE run_id = ? ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([run.0], |row| from_json(row, 0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What is not done with, in the order in which it came to be.
    pub fn pending_notifications(&self) -> Result<Vec<PendingNotification>, StoreError> {
        let sql = "SELECT id, run_id, due_at, record FROM notification WHERE due_at IS NOT NULL ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let pending = statement.query_map([], |row: &Row<'_>| {
            let due_at: String = row.get(2)?;
            Ok(PendingNotification {
                id: row.get(0)?,
                run: RunId(row.get(1)?),
                due_at: due_at.parse().unwrap_or(Timestamp::MIN),
                notification: from_json(row, 3)?,
            })
        })?;
        Ok(pending.collect::<Result<_, _>>()?)
    }

    /// The most frequent reasons for problems of a run.
    pub fn problem_reasons(&self, run: RunId, limit: u32) -> Result<Vec<ProblemReason>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT problem ->> 'column', problem ->> 'reason', count(*) AS number FROM sync_problem WHERE run_id = ?
             GROUP BY 1, 2 ORDER BY number DESC, 1, 2 LIMIT ?",
        )?;
        let reasons = statement.query_map(params![run.0, limit], |row| {
            Ok(ProblemReason { column: row.get(0)?, reason: row.get(1)?, count: row.get(2)? })
        })?;
        Ok(reasons.collect::<Result<_, _>>()?)
    }

    /// What the last sync run of a source came to that ended before `run` and was not cancelled.
    fn state_before(&self, run: &SyncRun) -> Result<Option<RunState>, StoreError> {
        let sql = format!(
            "SELECT record FROM sync_run
             WHERE source_name = ?1 AND id > {OF_EARLIER_SOURCES} AND id < ?3 AND record ->> 'kind' = 'sync'
             AND record ->> 'state' NOT IN ('running', 'cancelled') ORDER BY id DESC LIMIT 1"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let of = params![run.source, folded_name(&run.source), run.id.0];
        let mut before = statement.query_map(of, |row| from_json::<SyncRun>(row, 0))?;
        Ok(before.next().transpose()?.map(|run| run.state))
    }
}

impl Change<'_> {
    /// Notes who is to be told of a run that ended, in the same transaction.
    pub(super) fn add_notifications(&self, run: &SyncRun) -> Result<(), StoreError> {
        let Some(source) = self.source(&run.source)? else { return Ok(()) };
        let before = self.state_before(run)?;
        let due_at = run.finished_at.unwrap_or_else(Timestamp::now).to_string();
        let sql = "INSERT INTO notification (run_id, due_at, record) VALUES (?, ?, ?)";
        let mut add = self.connection.prepare(sql)?;
        for notification in notifications(&source.settings.notify, run, before) {
            add.execute(params![run.id.0, due_at, to_json(&notification)?])?;
        }
        Ok(())
    }

    /// Records what became of a notification; one that is pending is tried again at `due_at`.
    pub fn update_notification(
        &self,
        id: i64,
        notification: &Notification,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let due_at = (notification.state == NotificationState::Pending).then(|| due_at.to_string());
        let sql = "UPDATE notification SET due_at = ?, record = ? WHERE id = ?";
        self.connection.execute(sql, params![due_at, to_json(notification)?, id])?;
        Ok(())
    }
}
