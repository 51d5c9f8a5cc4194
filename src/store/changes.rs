//! What a run changed, contact by contact, read from the journal.

use rusqlite::{OptionalExtension, params};

use super::json::from_json;
use super::{Reading, StoreError};
use crate::contact::{ContactDetails, ContactId};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::sync::{RunId, RunKind, RunState, SyncRun};

/// A contact that a run changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactChange {
    /// Its number.
    pub id: ContactId,
    /// What it was before the run; `None`: not there.
    pub before: Option<ContactState>,
    /// What it was after the run; `None`: no longer there.
    pub after: Option<ContactState>,
}

/// What is known of a contact at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactState {
    /// What the source calls it.
    pub source_key: String,
    /// What is known of it.
    pub details: ContactDetails,
    /// Name of its phonebook; `None` when it is in none.
    pub phonebook: Option<String>,
    /// Since when its source has not sent it, in RFC 3339.
    pub missing_since: Option<String>,
}

/// A phonebook that a run changed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonebookChange {
    /// Its name.
    pub name: PhonebookName,
    /// In what way.
    pub kind: PhonebookChangeKind,
}

/// In what way a phonebook was changed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhonebookChangeKind {
    /// It was not there before.
    Made,
    /// It was there before and is no longer, which only a rollback does.
    Deleted,
    /// A local one that the source fills from now on.
    Filled,
    /// A local one that the source no longer fills.
    Freed,
}

/// The earliest run from `?3` on that touched contact `?2` of source `?1`: with an image, or by adding it.
const NEXT_IMAGE: &str = "
    SELECT journal_contact.id, run_id FROM journal_contact JOIN journal USING (run_id)
    WHERE contact_id = ?2 AND run_id >= ?3 AND source_id = ?1 ORDER BY run_id LIMIT 1";
const NEXT_ADDED: &str = "
    SELECT min(run_id) FROM journal WHERE source_id = ?1 AND run_id >= ?3 AND ?2 <=
        (SELECT last_id FROM journal_added
         WHERE journal_added.run_id = journal.run_id AND first_id <= ?2 ORDER BY first_id DESC LIMIT 1)";
/// The oldest details from image `?1` of contact `?2` on.
const NEXT_DETAILS: &str = "
    SELECT details FROM journal_contact WHERE contact_id = ?2 AND id >= ?1 AND details IS NOT NULL
    ORDER BY run_id LIMIT 1";

impl Reading<'_> {
    /// The contacts that a run changed, in the order of their numbers, those after `after`.
    pub fn sync_changes(
        &self,
        run: &SyncRun,
        after: ContactId,
        limit: u32,
    ) -> Result<Vec<ContactChange>, StoreError> {
        let Some(source) = self.journal_source(run)? else { return Ok(Vec::new()) };
        let mut ids = self.imaged(run.id, after, limit)?;
        ids.extend(self.added(run.id, after, limit)?);
        ids.sort_unstable();
        ids.truncate(limit as usize);
        let change = |id: ContactId| {
            Ok(ContactChange {
                id,
                before: self.contact_before(source, id, run.id)?,
                after: self.contact_before(source, id, RunId(run.id.0 + 1))?,
            })
        };
        ids.into_iter().map(change).collect()
    }

    /// The phonebooks that a run changed as a whole.
    pub fn phonebook_changes(&self, run: &SyncRun) -> Result<Vec<PhonebookChange>, StoreError> {
        if self.journal_source(run)?.is_none() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare(
            "SELECT phonebook_id, name IS NOT NULL, is_filled FROM journal_phonebook WHERE run_id = ? ORDER BY 1",
        )?;
        let images: Vec<(u32, bool, bool)> = statement
            .query_map([run.id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut changes = Vec::new();
        for (id, was_there, was_filled) in images {
            let Some(name) = self.name_of_phonebook(PhonebookId(id))? else { continue };
            let kind = match (was_there, was_filled) {
                (false, _) => PhonebookChangeKind::Made,
                (true, false) => PhonebookChangeKind::Filled,
                (true, true) if self.is_local_phonebook(PhonebookId(id), run.id)? => {
                    PhonebookChangeKind::Freed
                }
                (true, true) => PhonebookChangeKind::Deleted,
            };
            changes.push(PhonebookChange { name, kind });
        }
        Ok(changes)
    }

    /// The source whose journal tells what the run changed; `None`: it changed nothing.
    fn journal_source(&self, run: &SyncRun) -> Result<Option<i64>, StoreError> {
        let changes = run.kind != RunKind::Preview && run.state == RunState::Succeeded;
        if !changes {
            return Ok(None);
        }
        // Refused when it is no longer known.
        let source = self.rollback_source(run.id)?;
        Ok(source.map(|source| source.id))
    }

    fn imaged(&self, run: RunId, after: ContactId, limit: u32) -> Result<Vec<ContactId>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT contact_id FROM journal_contact WHERE run_id = ? AND contact_id > ? ORDER BY contact_id LIMIT ?",
        )?;
        let ids = statement.query_map(params![run.0, after.0, limit], |row| Ok(ContactId(row.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn added(&self, run: RunId, after: ContactId, limit: u32) -> Result<Vec<ContactId>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT first_id, last_id FROM journal_added WHERE run_id = ? AND last_id > ? ORDER BY first_id LIMIT ?",
        )?;
        let ranges = statement
            .query_map(params![run.0, after.0, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(u64, u64)>, _>>()?;
        let ids = ranges.into_iter().flat_map(|(first, last)| first.max(after.0 + 1)..=last);
        Ok(ids.take(limit as usize).map(ContactId).collect())
    }

    /// What a contact was before a run, or after the one before it.
    fn contact_before(
        &self,
        source: i64,
        id: ContactId,
        run: RunId,
    ) -> Result<Option<ContactState>, StoreError> {
        let key = params![source, id.0, run.0];
        let image: Option<(u64, u64)> = self
            .connection
            .prepare_cached(NEXT_IMAGE)?
            .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let added: Option<u64> =
            self.connection.prepare_cached(NEXT_ADDED)?.query_row(key, |row| row.get(0))?;
        match (image, added) {
            (image, Some(added)) if image.is_none_or(|(_, run)| added < run) => Ok(None),
            (Some((image, _)), _) => self.state_of_image(image, id).map(Some),
            (None, _) => self.state_now(id),
        }
    }

    fn state_of_image(&self, image: u64, id: ContactId) -> Result<ContactState, StoreError> {
        let mut details = self.connection.prepare_cached(NEXT_DETAILS)?;
        let details = details.query_row(params![image, id.0], |row| from_json(row, 0)).optional()?;
        let details = match details {
            Some(details) => details,
            None => self.state_now(id)?.map(|now| now.details).unwrap_or_default(),
        };
        let sql = "SELECT source_key, phonebook_id, missing_since FROM journal_contact WHERE id = ?";
        let (source_key, phonebook, missing_since) =
            self.connection.prepare_cached(sql)?.query_row([image], |row| {
                Ok((row.get(0)?, row.get::<_, Option<u32>>(1)?.map(PhonebookId), row.get(2)?))
            })?;
        let phonebook = phonebook.map(|id| self.name_of_phonebook(id)).transpose()?.flatten();
        let phonebook = phonebook.map(|name| name.as_str().to_owned());
        Ok(ContactState { source_key, details, phonebook, missing_since })
    }

    fn state_now(&self, id: ContactId) -> Result<Option<ContactState>, StoreError> {
        let sql = "SELECT source_key, details, missing_since, phonebook.name FROM contact
                   LEFT JOIN phonebook_contact ON contact_id = contact.id
                   LEFT JOIN phonebook ON phonebook.id = phonebook_id WHERE contact.id = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let state = statement.query_row([id.0], |row| {
            Ok(ContactState {
                source_key: row.get(0)?,
                details: from_json(row, 1)?,
                missing_since: row.get(2)?,
                phonebook: row.get(3)?,
            })
        });
        Ok(state.optional()?)
    }

    /// Also of one that is no longer there, as long as a journal knows it.
    fn name_of_phonebook(&self, id: PhonebookId) -> Result<Option<PhonebookName>, StoreError> {
        let sql = "SELECT name FROM phonebook WHERE id = ?1
                   UNION ALL SELECT name FROM journal_phonebook WHERE phonebook_id = ?1 AND name IS NOT NULL LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let name: Option<String> = statement.query_row([id.0], |row| row.get(0)).optional()?;
        Ok(name.and_then(|name| PhonebookName::parse(&name).ok()))
    }

    fn is_local_phonebook(&self, id: PhonebookId, run: RunId) -> Result<bool, StoreError> {
        let sql = "SELECT is_local FROM journal_phonebook WHERE phonebook_id = ? AND run_id = ?";
        Ok(self.connection.query_row(sql, params![id.0, run.0], |row| row.get(0))?)
    }
}
