//! Carrying out a rollback: phonebooks that come back, then contacts, then phonebooks that go.

use rusqlite::{OptionalExtension, params};

use super::{ADDED, CHUNK, FATE, PhonebookStep, Rollback, UNDO};
use crate::contact::ContactId;
use crate::phonebook::PhonebookId;
use crate::store::journal::Journal;
use crate::store::{Change, StoreError};
use crate::sync::RunId;

impl Change<'_> {
    /// Makes a source's contacts and phonebooks, and their age, what they were before `to_before`; `run` is the run
    /// that does it. Says what it did, and whether what was there before is kept. Ends early when the run is cancelled.
    pub fn roll_back(
        &self,
        source: i64,
        to_before: RunId,
        run: RunId,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(Rollback, bool), StoreError> {
        // Before this run writes its own.
        let sql =
            "SELECT contacts_before FROM journal WHERE source_id = ? AND run_id >= ? ORDER BY run_id LIMIT 1";
        let expected: Option<u64> =
            self.connection.query_row(sql, params![source, to_before.0], |row| row.get(0)).optional()?;
        let added = self.collect_images(source, to_before)?;
        let mut rollback = self.described(source, to_before, &added)?;
        let mut collect_added = self.connection.prepare(ADDED)?;
        for (first, last) in added {
            collect_added.execute([first, last])?;
        }
        let steps = self.phonebook_steps(source, to_before)?;
        let mut journal = self.journal(source, self.contact_count_of(source)?, run)?;
        for (id, step) in &steps {
            rollback.note(step);
            if matches!(step, PhonebookStep::Delete(_)) {
                // One that comes back may have its name; no name begins like this.
                let sql = "UPDATE phonebook SET folded_name = char(0) || id WHERE id = ?";
                self.connection.execute(sql, [id.0])?;
            }
        }
        for (id, step) in &steps {
            self.before_contacts(*id, step, source, &journal)?;
        }
        self.undo_contacts(source, &mut journal, is_cancelled)?;
        if is_cancelled() {
            // The caller asks again before it commits, and gives up then.
            return Ok((rollback, false));
        }
        for (id, step) in &steps {
            self.after_contacts(*id, step, &journal)?;
        }
        let found = self.contact_count_of(source)?;
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(StoreError::Refused(format!(
                "{found} contacts came of it, but there were {expected} before run {to_before}; nothing was changed. \
                 Please report this"
            )));
        }
        self.forget_undo()?;
        // They are as old again as they were.
        let last_synced_at = self.last_synced_before(source, to_before)?;
        self.connection
            .execute("UPDATE source SET last_synced_at = ? WHERE id = ?", params![last_synced_at, source])?;
        let is_kept = self.finish_journal(journal)?;
        Ok((rollback, is_kept))
    }

    fn before_contacts(
        &self,
        id: PhonebookId,
        step: &PhonebookStep,
        source: i64,
        journal: &Journal<'_>,
    ) -> Result<(), StoreError> {
        match step {
            PhonebookStep::Make(name) => {
                journal.new_phonebook(id)?;
                self.connection.execute(
                    "INSERT INTO phonebook (id, name, folded_name, is_local, source_id) VALUES (?, ?, ?, 0, ?)",
                    params![id.0, name.as_str(), name.folded(), source],
                )?;
            }
            PhonebookStep::Give(_) => {
                journal.phonebook(id)?;
                self.give_phonebook(id, source)?;
            }
            PhonebookStep::Delete(_) | PhonebookStep::Free(_) => {}
        }
        Ok(())
    }

    fn after_contacts(
        &self,
        id: PhonebookId,
        step: &PhonebookStep,
        journal: &Journal<'_>,
    ) -> Result<(), StoreError> {
        let sql = match step {
            PhonebookStep::Make(_) | PhonebookStep::Give(_) => return Ok(()),
            PhonebookStep::Delete(_) => "DELETE FROM phonebook WHERE id = ?",
            PhonebookStep::Free(_) => "UPDATE phonebook SET source_id = NULL WHERE id = ?",
        };
        journal.phonebook(id)?;
        self.connection.execute(sql, [id.0])?;
        Ok(())
    }

    fn undo_contacts(
        &self,
        source: i64,
        journal: &mut Journal<'_>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        // Everything that goes first, so that its keys are free for what comes back.
        self.each_chunk(is_cancelled, |after, last| {
            let sql = format!("SELECT undo.contact_id, {FATE} {UNDO} ORDER BY undo.contact_id");
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query([after, last])?;
            while let Some(row) = rows.next()? {
                let id = ContactId(row.get(0)?);
                match row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)? {
                    "removed" | "changed" => journal.contact(id)?,
                    "moved" | "marked" => journal.placement(id)?,
                    "added" => journal.added(id)?,
                    _ => {}
                }
            }
            let sql = "DELETE FROM contact WHERE id IN
                       (SELECT contact_id FROM temp.undo WHERE contact_id > ?1 AND contact_id <= ?2 AND image IS NULL)";
            self.connection.prepare_cached(sql)?.execute([after, last])?;
            Ok(())
        })?;
        self.each_chunk(is_cancelled, |after, last| {
            let back = format!(
                "INSERT INTO contact (id, source_id, source_key, digest, missing_since, details)
                 SELECT undo.contact_id, ?3, image.source_key, whole.digest, image.missing_since, whole.details
                 {UNDO} AND contact.id IS NULL AND image.id IS NOT NULL"
            );
            self.connection.prepare_cached(&back)?.execute(params![after, last, source])?;
            let within = "undo.contact_id > ?1 AND undo.contact_id <= ?2";
            for sql in [
                format!(
                    "UPDATE contact SET digest = whole.digest, row_digest = NULL, details = whole.details
                     FROM temp.undo JOIN journal_contact whole ON whole.id = undo.details
                     WHERE contact.id = undo.contact_id AND contact.digest <> whole.digest AND {within}"
                ),
                format!(
                    "UPDATE contact SET missing_since = image.missing_since
                     FROM temp.undo JOIN journal_contact image ON image.id = undo.image
                     WHERE contact.id = undo.contact_id AND contact.missing_since IS NOT image.missing_since
                     AND {within}"
                ),
                format!(
                    "DELETE FROM phonebook_contact WHERE contact_id IN
                     (SELECT contact_id FROM temp.undo WHERE image IS NOT NULL AND {within})"
                ),
                format!(
                    "INSERT INTO phonebook_contact (contact_id, phonebook_id)
                     SELECT undo.contact_id, image.phonebook_id
                     FROM temp.undo JOIN journal_contact image ON image.id = undo.image
                     WHERE image.phonebook_id IS NOT NULL AND {within}"
                ),
            ] {
                self.connection.prepare_cached(&sql)?.execute([after, last])?;
            }
            Ok(())
        })
    }

    /// Calls `work` for one stretch of contacts in `undo` after another: those after the first number, up to and
    /// with the second.
    fn each_chunk(
        &self,
        is_cancelled: &dyn Fn() -> bool,
        mut work: impl FnMut(u64, u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT max(contact_id) FROM
                   (SELECT contact_id FROM temp.undo WHERE contact_id > ? ORDER BY contact_id LIMIT ?)";
        let mut chunk = self.connection.prepare(sql)?;
        let mut after = 0;
        while let Some(last) = chunk.query_row(params![after, CHUNK], |row| row.get::<_, Option<u64>>(0))? {
            if is_cancelled() {
                return Ok(());
            }
            work(after, last)?;
            after = last;
        }
        Ok(())
    }
}
