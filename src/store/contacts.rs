//! Contacts in the store, and writing a plan.

use rusqlite::{OptionalExtension, Row, params};

use super::journal::Journal;
use super::json::from_json;
use super::{Change, Reading, StoreError};
use crate::contact::{ContactDetails, ContactId};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::sync::{DetailsDigest, KnownContact, KnownContacts, Plan, RowDigest, RunId, Staged};

/// A contact as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredContact {
    /// Its number.
    pub id: ContactId,
    /// Name of its source; `None` when it is local.
    pub source: Option<String>,
    /// What the source calls it.
    pub source_key: String,
    /// What is known of it.
    pub details: ContactDetails,
    /// The phonebooks it is in, in order of priority.
    pub phonebooks: Vec<PhonebookId>,
    /// Since when its source has not sent it, in RFC 3339.
    pub missing_since: Option<String>,
}

/// Which contacts to list.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// Only those in this phonebook.
    pub phonebook: Option<PhonebookName>,
    /// Only those after this one.
    pub after: Option<ContactId>,
    /// At most this many.
    pub limit: u32,
}

/// How many contacts are written between two looks at whether the run was cancelled.
const CANCEL_CHECK_EVERY: usize = 4096;

const COLUMNS: &str = "
    contact.id, source.settings ->> 'name', contact.source_key, contact.details, contact.missing_since,
    (SELECT json_group_array(phonebook_id) FROM phonebook_contact WHERE contact_id = contact.id)";
const WITH_SOURCE: &str = "LEFT JOIN source ON source.id = contact.source_id";

fn contact(row: &Row<'_>) -> rusqlite::Result<StoredContact> {
    let mut phonebooks: Vec<PhonebookId> = from_json(row, 5)?;
    phonebooks.sort_unstable();
    Ok(StoredContact {
        id: ContactId(row.get(0)?),
        source: row.get(1)?,
        source_key: row.get(2)?,
        details: from_json(row, 3)?,
        missing_since: row.get(4)?,
        phonebooks,
    })
}

impl Reading<'_> {
    /// How many contacts there are.
    pub fn contact_count(&self) -> Result<u64, StoreError> {
        Ok(self.connection.query_row("SELECT count(*) FROM contact", [], |row| row.get(0))?)
    }

    /// How many contacts a source has.
    pub fn contact_count_of(&self, source: i64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM contact WHERE source_id = ?";
        Ok(self.connection.query_row(sql, [source], |row| row.get(0))?)
    }

    /// A contact.
    pub fn contact(&self, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM contact {WITH_SOURCE} WHERE contact.id = ?"))?;
        Ok(statement.query_row([id.0], contact).optional()?)
    }

    /// Contacts in the order of their numbers.
    pub fn contacts(&self, filter: &ContactFilter) -> Result<Vec<StoredContact>, StoreError> {
        // Of a phonebook, its own contacts are gone through from where the page begins, and no others.
        let (from, is_asked_for, order) = match filter.phonebook {
            Some(_) => (
                "phonebook_contact AS placed CROSS JOIN contact ON contact.id = placed.contact_id",
                "placed.phonebook_id = (SELECT id FROM phonebook WHERE folded_name = ?2)",
                "placed.contact_id",
            ),
            None => ("contact", "?2 IS NULL", "contact.id"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM {from} {WITH_SOURCE}
             WHERE {is_asked_for} AND {order} > ?1
             ORDER BY {order} LIMIT ?3"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(
            params![
                filter.after.map_or(0, |id| id.0),
                filter.phonebook.as_ref().map(PhonebookName::folded),
                filter.limit,
            ],
            contact,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those of these contacts that are there, in their order.
    pub fn contacts_of(&self, ids: &[ContactId]) -> Result<Vec<StoredContact>, StoreError> {
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM contact {WITH_SOURCE} WHERE contact.id = ?"))?;
        let found = ids.iter().filter_map(|id| statement.query_row([id.0], contact).optional().transpose());
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Hands every contact to `take`, in the order of their numbers, one at a time: the texts are
    /// borrowed, and nothing is collected.
    pub fn each_contact<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(ContactRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT contact.id, contact.source_id, contact.source_key, contact.details,
                        phonebook_contact.phonebook_id
                 FROM contact LEFT JOIN phonebook_contact ON contact_id = contact.id
                 ORDER BY contact.id",
            )
            .map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        // One row per phonebook; a contact is complete when the next one begins.
        let mut under_way: Option<(u64, Option<i64>, String, String)> = None;
        let mut phonebooks: Vec<PhonebookId> = Vec::new();
        let mut give = |contact: &(u64, Option<i64>, String, String), phonebooks: &[PhonebookId]| {
            let (id, source, source_key, details) = contact;
            take(ContactRow { id: ContactId(*id), source: *source, source_key, details, phonebooks })
        };
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let (id, phonebook) = read_pair(row).map_err(StoreError::from)?;
            if under_way.as_ref().is_none_or(|contact| contact.0 != id) {
                if let Some(complete) = &under_way {
                    give(complete, &phonebooks)?;
                }
                phonebooks.clear();
                // The texts' memory is used again and again.
                let next = under_way.get_or_insert_default();
                (next.0, next.1) = (id, row.get(1).map_err(StoreError::from)?);
                copy_text(&mut next.2, row, 2).map_err(StoreError::from)?;
                copy_text(&mut next.3, row, 3).map_err(StoreError::from)?;
            }
            phonebooks.extend(phonebook);
        }
        under_way.iter().try_for_each(|last| give(last, &phonebooks))
    }

    /// What is known of a source's contacts, for comparing.
    pub fn known_contacts(&self, source: i64) -> Result<KnownContacts, StoreError> {
        let mut known = KnownContacts::default();
        // Of most contacts it is quicker to go through all of them as they lie, without their source's index (SQLite,
        // "Disqualifying WHERE Clause Terms").
        let is_most = self.contact_count_of(source)?.saturating_mul(2) > self.contact_count()?;
        let source_id = if is_most { "+source_id" } else { "source_id" };
        let mut statement = self.connection.prepare(&format!(
            "SELECT source_key, contact.id, digest, missing_since IS NOT NULL, phonebook_id, row_digest
             FROM contact LEFT JOIN phonebook_contact ON contact_id = contact.id
             WHERE {source_id} = ?"
        ))?;
        let mut rows = statement.query([source])?;
        while let Some(row) = rows.next()? {
            let contact = KnownContact {
                id: ContactId(row.get(1)?),
                digest: DetailsDigest(row.get(2)?),
                is_missing: row.get(3)?,
                // A synced contact is in one phonebook; 0 is none, so that the next run puts it into one.
                phonebook: PhonebookId(row.get::<_, Option<u32>>(4)?.unwrap_or(0)),
                row: row.get::<_, Option<_>>(5)?.map(RowDigest),
            };
            known.insert(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?, contact);
        }
        Ok(known)
    }
}

/// What came of writing a plan.
#[derive(Debug)]
pub struct WrittenPlan {
    /// Whether what was there before is kept, so that the run can be rolled back.
    pub is_kept: bool,
    /// The contacts that were added, changed, moved or removed.
    pub touched: Vec<ContactId>,
    /// Whether nothing but texts of them changed: each had the same numbers and phonebooks before.
    pub only_texts: bool,
}

/// So few contacts are looked at one by one, when they are written and when an index is amended; doing it all anew is
/// no slower for more.
pub const FEW_CONTACTS: usize = 10_000;

/// A contact as [`Reading::each_contact`] hands it out.
#[derive(Debug, Clone, Copy)]
pub struct ContactRow<'a> {
    /// Its number.
    pub id: ContactId,
    /// Number of its source; `None` when it is local.
    pub source: Option<i64>,
    /// What the source calls it.
    pub source_key: &'a str,
    /// [`ContactDetails`] as JSON.
    pub details: &'a str,
    /// The phonebooks it is in.
    pub phonebooks: &'a [PhonebookId],
}

fn read_pair(row: &Row<'_>) -> rusqlite::Result<(u64, Option<PhonebookId>)> {
    Ok((row.get(0)?, row.get::<_, Option<u32>>(4)?.map(PhonebookId)))
}

fn copy_text(into: &mut String, row: &Row<'_>, column: usize) -> rusqlite::Result<()> {
    into.clear();
    into.push_str(row.get_ref(column)?.as_str()?);
    Ok(())
}

impl Change<'_> {
    /// Writes a plan of a source, and what was there before. `now` is in RFC 3339. Ends early when the run is
    /// cancelled.
    pub fn write_plan(
        &self,
        source: i64,
        run: RunId,
        plan: &mut Plan,
        now: &str,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<WrittenPlan, StoreError> {
        let mut touched = Vec::new();
        let mut only_texts = plan.moved.is_empty() && (plan.not_received.is_empty() || !plan.remove_missing);
        let mut journal = self.journal(source, run)?;
        let phonebooks = self.planned_phonebooks(source, plan, &journal)?;
        let number_of = |place: u32| phonebooks[place as usize].0;

        let connection = self.connection;
        let mut add = connection.prepare(
            "INSERT INTO contact (source_id, source_key, digest, row_digest, details) VALUES (?, ?, ?, ?, ?)",
        )?;
        let mut put =
            connection.prepare("INSERT INTO phonebook_contact (contact_id, phonebook_id) VALUES (?, ?)")?;
        let mut change =
            connection.prepare("UPDATE contact SET digest = ?, row_digest = ?, details = ? WHERE id = ?")?;
        let mut take_out = connection.prepare("DELETE FROM phonebook_contact WHERE contact_id = ?")?;
        let mut has_same_numbers = connection.prepare(
            "SELECT details -> '$.numbers' IS ?2 -> '$.numbers'
                AND (SELECT json_group_array(phonebook_id) FROM phonebook_contact WHERE contact_id = ?1)
                    = json_array(?3)
             FROM contact WHERE id = ?1",
        )?;
        for (written, contact) in plan.staged.read_back().map_err(StoreError::Staging)?.enumerate() {
            if written.is_multiple_of(CANCEL_CHECK_EVERY) && is_cancelled() {
                // The caller asks again before it commits, and gives up then.
                return Ok(WrittenPlan { is_kept: false, touched, only_texts: false });
            }
            let Staged { id, phonebook, digest, row, source_key, details } =
                contact.map_err(StoreError::Staging)?;
            let row = row.map(|row| row.0);
            let id = match id {
                None => {
                    let id = add.insert(params![source, source_key, digest.0, row, details])?.unsigned_abs();
                    journal.added(ContactId(id))?;
                    only_texts = false;
                    id
                }
                Some(id) => {
                    journal.contact(id)?;
                    only_texts = only_texts
                        && written < FEW_CONTACTS
                        && has_same_numbers
                            .query_row(params![id.0, details, number_of(phonebook)], |row| row.get(0))?;
                    change.execute(params![digest.0, row, details, id.0])?;
                    take_out.execute([id.0])?;
                    id.0
                }
            };
            put.execute(params![id, number_of(phonebook)])?;
            touched.push(ContactId(id));
        }
        touched.extend(plan.moved.iter().map(|(id, _)| *id));
        for (id, phonebook) in &plan.moved {
            journal.placement(*id)?;
            take_out.execute([id.0])?;
            put.execute(params![id.0, number_of(*phonebook)])?;
        }
        if plan.remove_missing {
            touched.extend(&plan.not_received);
            let mut remove = connection.prepare("DELETE FROM contact WHERE id = ?")?;
            for id in &plan.not_received {
                journal.contact(*id)?;
                remove.execute([id.0])?;
            }
        } else {
            let mut is_marked = connection.prepare("SELECT missing_since FROM contact WHERE id = ?")?;
            let mut mark = connection.prepare("UPDATE contact SET missing_since = ? WHERE id = ?")?;
            for id in &plan.not_received {
                let since: Option<String> = is_marked.query_row([id.0], |row| row.get(0))?;
                if since.is_none() {
                    journal.placement(*id)?;
                    mark.execute(params![now, id.0])?;
                }
            }
        }
        let mut unmark = connection.prepare("UPDATE contact SET missing_since = NULL WHERE id = ?")?;
        for id in &plan.received_again {
            journal.placement(*id)?;
            unmark.execute([id.0])?;
        }
        let mut remember = connection.prepare("UPDATE contact SET row_digest = ? WHERE id = ?")?;
        for (id, row) in &plan.same_of_other_row {
            remember.execute(params![row.0, id.0])?;
        }
        self.free_phonebooks(source, &journal)?;
        connection.execute("UPDATE source SET last_synced_at = ? WHERE id = ?", params![now, source])?;
        Ok(WrittenPlan { is_kept: self.finish_journal(journal)?, touched, only_texts })
    }

    /// Makes the phonebooks that the plan wants and does not have.
    fn planned_phonebooks(
        &self,
        source: i64,
        plan: &Plan,
        journal: &Journal<'_>,
    ) -> Result<Vec<PhonebookId>, StoreError> {
        let planned = plan.phonebooks.iter().map(|phonebook| match phonebook.id {
            Some(id) => {
                journal.phonebook_if_not_filled(id)?;
                if !self.give_phonebook(id, source)? {
                    return Err(StoreError::Refused(format!(
                        "phonebook {:?} was filled, taken or deleted while the source was being read; nothing was \
                         changed. Start it again",
                        phonebook.name.as_str()
                    )));
                }
                Ok(id)
            }
            None => {
                let id = self.create_phonebook(&phonebook.name, Some(source))?;
                journal.new_phonebook(id)?;
                Ok(id)
            }
        });
        planned.collect()
    }
}
