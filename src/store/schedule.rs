//! What sources are due for, in the store.

use jiff::Timestamp;
use rusqlite::params;

use super::json::{from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::settings::Schedule;

/// What a source is due for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRun {
    /// Number of the source.
    pub source: i64,
    /// The schedule that says so.
    pub schedule: Schedule,
    /// When.
    pub at: Timestamp,
}

impl Reading<'_> {
    /// What sources were due for when [`Change::remember_due_runs`] was last called.
    pub fn due_runs(&self) -> Result<Vec<DueRun>, StoreError> {
        let sql = "SELECT source_id, schedule, due_at FROM due_run";
        let mut statement = self.connection.prepare(sql)?;
        let due = statement.query_map([], |row| {
            let at: String = row.get(2)?;
            // A moment that cannot be read is one that has not been missed.
            let at = at.parse().unwrap_or(Timestamp::MAX);
            Ok(DueRun { source: row.get(0)?, schedule: from_json(row, 1)?, at })
        })?;
        Ok(due.collect::<Result<_, _>>()?)
    }

    /// A number that no other installation has.
    pub fn jitter_seed(&self) -> Result<u64, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT seed FROM jitter", [], |row| row.get(0))
            .map(i64::cast_unsigned)?)
    }
}

impl Change<'_> {
    /// Replaces what sources are due for. Sources that are gone by now are left out.
    pub fn remember_due_runs(&self, due: &[DueRun]) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM due_run", [])?;
        let mut add = self.connection.prepare(
            "INSERT INTO due_run (source_id, schedule, due_at) SELECT id, ?2, ?3 FROM source WHERE id = ?1",
        )?;
        for DueRun { source, schedule, at } in due {
            add.execute(params![source, to_json(schedule)?, at.to_string()])?;
        }
        Ok(())
    }
}
