//! What each run changed, written by the run itself in its own transaction.
//!
//! Invariants:
//! * of a source, the changes of all runs after `source.changes_lost_until` are kept, without a gap. So what
//!   was before any of these runs can be told, and put back ([`super::rollback`]);
//! * a contact that a run touched has one *image*, of what it was before the run; only its details are left
//!   out when the run did not touch them. A contact that was not there before is only a number, and numbers
//!   in a row are one entry: a first run of half a million contacts is one entry;
//! * it stays within [`HistorySettings`](crate::settings::HistorySettings): the oldest runs' changes go first, in the transaction of the run
//!   that needs the room.
//!
//! What a contact was *after* a run is not written: it is what it was before the next run that touched it, or
//! what it is now.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::{Change, StoreError};
use crate::contact::ContactId;
use crate::phonebook::PhonebookId;
use crate::sync::RunId;

/// The image of a contact, before the run changes it. A second one of the same contact is not taken.
const IMAGE: &str = "
    INSERT OR IGNORE INTO journal_contact
        (run_id, contact_id, source_key, phonebook_id, missing_since, digest, details)
    SELECT ?1, id, source_key, (SELECT phonebook_id FROM phonebook_contact WHERE contact_id = contact.id),
           missing_since, iif(?3, digest, NULL), iif(?3, details, NULL)
    FROM contact WHERE id = ?2";

/// What is written down of one run under way.
pub(super) struct Journal<'a> {
    connection: &'a Connection,
    source: i64,
    pub(super) run: RunId,
    /// `None`: nothing is kept.
    image: Option<Statement<'a>>,
    /// Added contacts that are not written down yet: first and last number.
    added: Option<(u64, u64)>,
}

impl Change<'_> {
    /// Begins to write down what `run` changes of a source, which has so many contacts.
    pub(super) fn journal(&self, source: i64, contacts: u64, run: RunId) -> Result<Journal<'_>, StoreError> {
        let connection = self.connection;
        let is_kept = self.history_settings()?.runs > 0;
        if is_kept {
            connection
                .execute("INSERT INTO journal VALUES (?, ?, ?, 0)", params![run.0, source, contacts])?;
        }
        let image = is_kept.then(|| connection.prepare(IMAGE)).transpose()?;
        Ok(Journal { connection, source, run, image, added: None })
    }

    /// Forgets what runs of a source changed, up to `run`.
    fn forget_changes(&self, source: i64, run: u64) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM journal WHERE source_id = ? AND run_id <= ?", params![source, run])?;
        self.connection
            .execute("UPDATE source SET changes_lost_until = ?2 WHERE id = ?1", params![source, run])?;
        Ok(())
    }

    /// Forgets what all runs of a source changed so far, because its contacts are changed by something else.
    pub(super) fn forget_all_changes(&self, source: i64) -> Result<(), StoreError> {
        let last =
            self.connection.query_row("SELECT coalesce(max(id), 0) FROM sync_run", [], |row| row.get(0))?;
        self.forget_changes(source, last)
    }

    /// Ends what was begun with [`Self::journal`], and makes room. Says whether the changes are kept, if any are.
    pub(super) fn finish_journal(&self, mut journal: Journal<'_>) -> Result<bool, StoreError> {
        let Journal { source, run, .. } = journal;
        if journal.image.is_none() {
            self.forget_changes(source, run.0)?;
            return Ok(true);
        }
        journal.write_added()?;
        // What the rows take, indexes included, to some tenths.
        let bytes: u64 = self.connection.query_row(
            "SELECT (SELECT count(*) FROM journal_added WHERE run_id = ?1) * 24
                  + (SELECT count(*) FROM journal_phonebook WHERE run_id = ?1) * 128
                  + (SELECT coalesce(sum(80 + octet_length(source_key) + coalesce(octet_length(details), 0)), 0)
                     FROM journal_contact WHERE run_id = ?1)",
            [run.0],
            |row| row.get(0),
        )?;
        if bytes == 0 {
            self.connection.execute("DELETE FROM journal WHERE run_id = ?", [run.0])?;
            return Ok(true);
        }
        self.connection.execute("UPDATE journal SET bytes = ? WHERE run_id = ?", params![bytes, run.0])?;
        self.make_room(source)?;
        let sql = "SELECT count(*) FROM journal WHERE run_id = ?";
        Ok(self.connection.query_row(sql, [run.0], |row| row.get::<_, u32>(0))? > 0)
    }

    /// Lets the oldest changes go: the ones of `source` that are too many, then the oldest of all that take too
    /// much space.
    fn make_room(&self, source: i64) -> Result<(), StoreError> {
        let history = self.history_settings()?;
        let sql = "SELECT run_id FROM journal WHERE source_id = ? ORDER BY run_id DESC LIMIT 1 OFFSET ?";
        let one_too_many =
            self.connection.query_row(sql, params![source, history.runs], |row| row.get(0)).optional()?;
        if let Some(run) = one_too_many {
            self.forget_changes(source, run)?;
        }
        let mut statement =
            self.connection.prepare("SELECT run_id, source_id, bytes FROM journal ORDER BY run_id")?;
        let kept: Vec<(u64, i64, u64)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut bytes: u64 = kept.iter().map(|(_, _, bytes)| bytes).sum();
        for (run, source, freed) in kept {
            if bytes <= history.bytes() {
                break;
            }
            self.forget_changes(source, run)?;
            bytes -= freed;
        }
        Ok(())
    }
}

impl Change<'_> {
    /// Before a phonebook of a source is deleted by hand. Whoever goes back to before the source's last change needs it,
    /// and then it was there.
    pub(super) fn note_deleted_phonebook(&self, id: PhonebookId, source: i64) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO journal_phonebook
                   SELECT run_id, phonebook.id, name, is_local, 1 FROM phonebook
                   JOIN (SELECT max(run_id) AS run_id FROM journal WHERE source_id = ?2) ON run_id IS NOT NULL
                   WHERE phonebook.id = ?1";
        self.connection.execute(sql, params![id.0, source])?;
        Ok(())
    }
}

impl Journal<'_> {
    /// Before a contact's details change, or before it is removed.
    pub(super) fn contact(&mut self, id: ContactId) -> Result<(), StoreError> {
        self.take(id, true)
    }

    /// Before a contact goes to another phonebook, or is marked as received or not received.
    pub(super) fn placement(&mut self, id: ContactId) -> Result<(), StoreError> {
        self.take(id, false)
    }

    fn take(&mut self, id: ContactId, with_details: bool) -> Result<(), StoreError> {
        if let Some(image) = &mut self.image {
            image.execute(params![self.run.0, id.0, with_details])?;
        }
        Ok(())
    }

    /// After a contact was added. Numbers may only grow.
    pub(super) fn added(&mut self, id: ContactId) -> Result<(), StoreError> {
        match &mut self.added {
            Some((_, last)) if *last + 1 == id.0 => *last = id.0,
            _ => {
                self.write_added()?;
                self.added = Some((id.0, id.0));
            }
        }
        Ok(())
    }

    fn write_added(&mut self) -> Result<(), StoreError> {
        if let Some((first, last)) = self.added.take()
            && self.image.is_some()
        {
            self.connection
                .prepare_cached("INSERT INTO journal_added VALUES (?, ?, ?)")?
                .execute(params![self.run.0, first, last])?;
        }
        Ok(())
    }

    /// Before a phonebook is given to the source, taken from it, or deleted.
    pub(super) fn phonebook(&self, id: PhonebookId) -> Result<(), StoreError> {
        if self.image.is_some() {
            self.connection.execute(
                "INSERT OR IGNORE INTO journal_phonebook
                 SELECT ?1, id, name, is_local, source_id IS ?3 FROM phonebook WHERE id = ?2",
                params![self.run.0, id.0, self.source],
            )?;
        }
        Ok(())
    }

    /// Before a phonebook may be given to the source; there is nothing to write down when it is the source's.
    pub(super) fn phonebook_if_not_filled(&self, id: PhonebookId) -> Result<(), StoreError> {
        let sql = "SELECT source_id IS ? FROM phonebook WHERE id = ?";
        let is_filled =
            self.connection.query_row(sql, params![self.source, id.0], |row| row.get(0)).optional()?;
        if is_filled == Some(false) { self.phonebook(id) } else { Ok(()) }
    }

    /// When a phonebook is made that was not there.
    pub(super) fn new_phonebook(&self, id: PhonebookId) -> Result<(), StoreError> {
        if self.image.is_some() {
            let sql = "INSERT OR IGNORE INTO journal_phonebook VALUES (?, ?, NULL, 0, 0)";
            self.connection.execute(sql, params![self.run.0, id.0])?;
        }
        Ok(())
    }
}
