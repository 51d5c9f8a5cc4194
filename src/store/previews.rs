//! What previews said, in the store: bounded for each, and for the latest of each source only.

use rusqlite::{OptionalExtension, params};

use super::json::{from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::sync::preview::{ContactChange, ContactChangeKind, Preview, PreviewSummary};
use crate::sync::{RunId, SyncRun};

/// Of how many previews of a source it is kept what they said.
const KEPT_PREVIEWS: u32 = 10;

impl Reading<'_> {
    /// What a preview said as a whole; `None` for a run that was none, came to nothing, or was long ago.
    pub fn preview(&self, run: RunId) -> Result<Option<PreviewSummary>, StoreError> {
        let sql = "SELECT summary FROM sync_preview WHERE run_id = ?";
        Ok(self.connection.query_row(sql, [run.0], |row| from_json(row, 0)).optional()?)
    }

    /// What it said of contacts: of one kind or of all, from number `first` (they count from 0, all kinds
    /// together). Each comes with its number.
    pub fn preview_changes(
        &self,
        run: RunId,
        kind: Option<ContactChangeKind>,
        first: u64,
        limit: u32,
    ) -> Result<Vec<(u64, ContactChange)>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT number, change FROM sync_preview_change
             WHERE run_id = ?1 AND (?2 IS NULL OR kind = ?2) AND number >= ?3 ORDER BY number LIMIT ?4",
        )?;
        let kind = kind.map(|kind| kind as u8);
        let changes = statement
            .query_map(params![run.0, kind, first, limit], |row| Ok((row.get(0)?, from_json(row, 1)?)))?;
        Ok(changes.collect::<Result<_, _>>()?)
    }

    /// Whether a run did what this preview had said, allowed by its id.
    pub fn is_preview_used(&self, source: &str, preview: RunId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sync_run WHERE source_name = ? AND id > ?2
             AND record ->> 'allowed_by' = ?2 AND record ->> 'state' = 'succeeded')";
        Ok(self.connection.query_row(sql, params![source, preview.0], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Keeps what a preview said, and forgets what previews of its source said long ago.
    pub fn record_preview(&self, run: &SyncRun, preview: &Preview) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO sync_preview (run_id, summary) VALUES (?, ?)",
            params![run.id.0, to_json(&preview.summary)?],
        )?;
        let mut add = self.connection.prepare("INSERT INTO sync_preview_change VALUES (?, ?, ?, ?)")?;
        for (number, change) in preview.changes.iter().enumerate() {
            add.execute(params![run.id.0, number, change.kind as u8, to_json(change)?])?;
        }
        self.connection.execute(
            "DELETE FROM sync_preview WHERE run_id IN (
                SELECT run_id FROM sync_preview JOIN sync_run ON sync_run.id = run_id
                WHERE source_name = ? ORDER BY run_id DESC LIMIT -1 OFFSET ?)",
            params![run.source, KEPT_PREVIEWS],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::sync::RunKind;
    use crate::sync::preview::FieldChange;

    fn change(kind: ContactChangeKind, key: &str) -> ContactChange {
        ContactChange {
            kind,
            source_key: key.into(),
            display_name: "Berg".into(),
            from: None,
            to: None,
            fields: vec![FieldChange { field: "city".into(), before: "Bonn".into(), after: String::new() }],
        }
    }

    #[test]
    fn changes_are_listed_by_kind_and_in_pages_and_old_ones_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let added: Vec<_> = ["1", "2", "3"].map(|key| change(ContactChangeKind::Added, key)).into();
        let removed = change(ContactChangeKind::Removed, "4");
        let preview = Preview {
            summary: PreviewSummary { objection: "no rows".into(), ..PreviewSummary::default() },
            changes: [added.clone(), vec![removed.clone()]].concat(),
        };
        let record = |source: &str| {
            let begun = SyncRun::begin(source, RunKind::Preview, "test", jiff::Timestamp::UNIX_EPOCH);
            store
                .write(|change| {
                    let run = change.begin_run(begun)?;
                    change.record_preview(&run, &preview)?;
                    Ok::<_, StoreError>(run.id)
                })
                .unwrap()
        };
        let other = record("erp");
        let first = record("crm");
        let list = |kind, from, limit| {
            store.read(|reading| reading.preview_changes(first, kind, from, limit)).unwrap()
        };
        assert_eq!(list(None, 0, 2), [(0, added[0].clone()), (1, added[1].clone())]);
        assert_eq!(list(None, 2, 9), [(2, added[2].clone()), (3, removed.clone())]);
        assert_eq!(list(Some(ContactChangeKind::Removed), 0, 9), [(3, removed)]);
        assert_eq!(list(Some(ContactChangeKind::Moved), 0, 9), []);

        let kept = |run| store.read(|reading| reading.preview(run)).unwrap();
        assert_eq!(kept(first), Some(preview.summary.clone()));
        (0..KEPT_PREVIEWS).map(|_| record("crm")).for_each(|run| assert!(run > first));
        assert_eq!((kept(first), list(None, 0, 9)), (None, Vec::new()));
        assert_eq!(kept(other), Some(preview.summary.clone()), "another source's are its own");
    }
}
