//! Sync runs in the store.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::json::{from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::settings::folded_name;
use crate::sync::{Problem, RunId, RunState, SyncRun};

/// How many runs of a source are remembered; of those that were deleted, together.
pub(super) const KEPT_RUNS: u32 = 1000;

/// Of how many of these the problems are.
const KEPT_PROBLEM_LISTS: u32 = 50;

/// The last run of an earlier source with the same name, which is `?2`, folded.
pub(super) const OF_EARLIER_SOURCES: &str =
    "(SELECT coalesce(max(runs_after), 0) FROM source WHERE folded_name = ?2)";

fn run(row: &Row<'_>) -> rusqlite::Result<SyncRun> {
    let mut run: SyncRun = from_json(row, 1)?;
    run.id = RunId(row.get(0)?);
    Ok(run)
}

impl Reading<'_> {
    /// Runs, the latest first: of one source or of all, those before `before`.
    pub fn sync_runs(
        &self,
        source: Option<&str>,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<SyncRun>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, record FROM sync_run
             WHERE (?1 IS NULL OR source_name = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        )?;
        let runs = statement.query_map(params![source, before.map(|id| id.0), limit], run)?;
        let runs = runs.collect::<Result<Vec<_>, _>>()?;
        runs.into_iter().map(|run| self.with_notifications(run)).collect()
    }

    fn with_notifications(&self, run: SyncRun) -> Result<SyncRun, StoreError> {
        Ok(SyncRun { notifications: self.notifications_of(run.id)?, ..run })
    }

    /// A run.
    pub fn sync_run(&self, id: RunId) -> Result<Option<SyncRun>, StoreError> {
        let sql = "SELECT id, record FROM sync_run WHERE id = ?";
        let run = self.connection.query_row(sql, [id.0], run).optional()?;
        run.map(|run| self.with_notifications(run)).transpose()
    }

    /// The latest run of a source that was not a preview. An earlier source with the same name does not count, here and
    /// below.
    pub fn last_sync_run(&self, source: &str) -> Result<Option<SyncRun>, StoreError> {
        let sql = format!(
            "SELECT id, record FROM sync_run
             WHERE source_name = ?1 AND id > {OF_EARLIER_SOURCES} AND record ->> 'kind' = 'sync'
             ORDER BY id DESC LIMIT 1"
        );
        let run = self.connection.query_row(&sql, [source, &folded_name(source)], run).optional()?;
        run.map(|run| self.with_notifications(run)).transpose()
    }

    /// The latest sync run of a source that came to its end by itself: neither under way nor cancelled.
    pub fn last_ended_run(&self, source: &str) -> Result<Option<SyncRun>, StoreError> {
        let sql = format!(
            "SELECT id, record FROM sync_run
             WHERE source_name = ?1 AND id > {OF_EARLIER_SOURCES} AND record ->> 'kind' = 'sync'
             AND record ->> 'state' NOT IN ('running', 'cancelled') ORDER BY id DESC LIMIT 1"
        );
        let run = self.connection.query_row(&sql, [source, &folded_name(source)], run).optional()?;
        run.map(|run| self.with_notifications(run)).transpose()
    }

    /// How many rows a source had when it was last read to its end with success.
    pub fn rows_of_last_run(&self, source: &str) -> Result<Option<u64>, StoreError> {
        let sql = format!(
            "SELECT record ->> '$.counts.rows' FROM sync_run
             WHERE source_name = ?1 AND id > {OF_EARLIER_SOURCES} AND record ->> 'state' = 'succeeded'
             AND record ->> 'kind' <> 'rollback' ORDER BY id DESC LIMIT 1"
        );
        Ok(self.connection.query_row(&sql, [source, &folded_name(source)], |row| row.get(0)).optional()?)
    }

    /// The kept problems of a run, from number `after` (they count from 0).
    pub fn sync_problems(&self, id: RunId, after: u64, limit: u32) -> Result<Vec<Problem>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT problem FROM sync_problem WHERE run_id = ? AND number >= ? ORDER BY number LIMIT ?",
        )?;
        let problems = statement.query_map(params![id.0, after, limit], |row| from_json(row, 0))?;
        Ok(problems.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Records a run that begins, and gives it its number.
    pub fn begin_run(&self, mut run: SyncRun) -> Result<SyncRun, StoreError> {
        self.connection.execute(
            "INSERT INTO sync_run (source_name, state, record) VALUES (?, 'running', ?)",
            params![run.source, to_json(&run)?],
        )?;
        run.id = RunId(self.connection.last_insert_rowid().unsigned_abs());
        self.forget_old_runs(Some(&run.source))?;
        Ok(run)
    }

    /// Forgets the oldest runs, and problems, beyond those that are kept: of a source, or of all that were deleted.
    pub(super) fn forget_old_runs(&self, source: Option<&str>) -> Result<(), StoreError> {
        let of = match source {
            Some(_) => "source_name = ?1",
            None => "?1 IS NULL AND source_name NOT IN (SELECT settings ->> 'name' FROM source)",
        };
        // A run whose changes can be rolled back stays, however many others there are.
        for (table, id, kept, unless) in [
            ("sync_run", "id", KEPT_RUNS, "AND id NOT IN (SELECT run_id FROM journal)"),
            ("sync_problem", "run_id", KEPT_PROBLEM_LISTS, ""),
        ] {
            let sql = format!(
                "DELETE FROM {table} WHERE {id} IN
                 (SELECT id FROM sync_run WHERE {of} ORDER BY id DESC LIMIT -1 OFFSET ?2) {unless}"
            );
            self.connection.execute(&sql, params![source, kept])?;
        }
        Ok(())
    }

    /// Forgets what runs and previews of a source said of single contacts and rows; that they were stays.
    pub(super) fn forget_what_runs_said(&self, source: i64) -> Result<(), StoreError> {
        for table in ["sync_problem", "sync_preview"] {
            let sql = format!(
                "DELETE FROM {table} WHERE run_id IN
                 (SELECT sync_run.id FROM sync_run JOIN source ON source_name = settings ->> 'name' WHERE source.id = ?)"
            );
            self.connection.execute(&sql, [source])?;
        }
        Ok(())
    }

    /// Replaces the record of a run that ended.
    pub fn update_run(&self, run: &SyncRun) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE sync_run SET state = 'finished', record = ? WHERE id = ?",
            params![to_json(run)?, run.id.0],
        )?;
        Ok(())
    }

    /// Records how a run ended, the problems that were kept, and who is to be told.
    pub fn finish_run(&self, run: &SyncRun, problems: &[Problem]) -> Result<(), StoreError> {
        self.update_run(run)?;
        let mut add = self.connection.prepare("INSERT INTO sync_problem VALUES (?, ?, ?)")?;
        for (number, problem) in problems.iter().enumerate() {
            add.execute(params![run.id.0, number, to_json(problem)?])?;
        }
        self.add_notifications(run)
    }
}

/// Runs that a stopped process left behind came to nothing: their transaction was never committed.
pub(super) fn close_interrupted(change: &Change<'_>) -> Result<(), StoreError> {
    let mut statement =
        change.connection.prepare("SELECT id, record FROM sync_run WHERE state = 'running'")?;
    let interrupted: Vec<SyncRun> = statement.query_map([], run)?.collect::<Result<_, _>>()?;
    for mut run in interrupted {
        run.state = RunState::Failed;
        run.finished_at = Some(Timestamp::now());
        run.failure =
            "ringroute was stopped while this run was under way; nothing was changed. Start it again"
                .to_owned();
        change.finish_run(&run, &[])?;
    }
    Ok(())
}
