//! Contacts in the store.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, Rows, Statement, params};

use super::json::from_json;
use super::{Reading, StoreError};
use crate::background;
use crate::contact::{ContactDetails, ContactId};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::sync::{DetailsDigest, KnownContact, KnownContacts, RowDigest};

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
        // Once, and not the settings of its source for each.
        let mut names = self.connection.prepare("SELECT id, settings ->> 'name' FROM source")?;
        let names = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let names = names.collect::<Result<HashMap<i64, String>, _>>()?;
        let mut statement = self.connection.prepare(
            "SELECT id, NULL, source_key, details, missing_since,
                    (SELECT json_group_array(phonebook_id) FROM phonebook_contact WHERE contact_id = id), source_id
             FROM contact WHERE id = ?",
        )?;
        let named = |row: &Row<'_>| {
            let source = row.get::<_, Option<i64>>(6)?.and_then(|source| names.get(&source).cloned());
            Ok(StoredContact { source, ..contact(row)? })
        };
        let ids = background::pausing(ids);
        let found = ids.filter_map(|id| statement.query_row([id.0], named).optional().transpose());
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Hands every contact to `take`, in the order of their numbers, one at a time: the texts are
    /// borrowed, and nothing is collected.
    pub fn each_contact<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(ContactRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let prepare = |sql| self.connection.prepare(sql).map_err(StoreError::from);
        let mut contacts = prepare("SELECT id, source_id, source_key, details FROM contact ORDER BY id")?;
        let mut contacts = contacts.query([]).map_err(StoreError::from)?;
        let mut places = prepare(PhonebooksInOrder::SELECT)?;
        let mut places = PhonebooksInOrder::begin(&mut places)?;
        while let Some(row) = contacts.next().map_err(StoreError::from)? {
            let contact = contact_row(row).map_err(StoreError::from)?;
            background::pause_at(contact.id.0);
            take(ContactRow { phonebooks: places.of(contact.id)?, ..contact })?;
        }
        Ok(())
    }

    /// What is known of a source's contacts, for comparing.
    pub fn known_contacts(&self, source: i64) -> Result<KnownContacts, StoreError> {
        // Of most contacts it is quicker to go through all of them as they lie, without their source's index (SQLite,
        // "Disqualifying WHERE Clause Terms").
        let contacts = self.contact_count_of(source)?;
        let mut known = KnownContacts::with_room_for(contacts);
        let is_most = contacts.saturating_mul(2) > self.contact_count()?;
        let (source_id, phonebook, order) = match is_most {
            true => ("+source_id", "NULL", "ORDER BY id"),
            false => ("source_id", "(SELECT phonebook_id FROM phonebook_contact WHERE contact_id = id)", ""),
        };
        let mut statement = self.connection.prepare(&format!(
            "SELECT source_key, id, digest, missing_since IS NOT NULL, {phonebook}, row_digest FROM contact
             WHERE {source_id} = ? {order}"
        ))?;
        let mut rows = statement.query([source])?;
        let mut places = self.connection.prepare(PhonebooksInOrder::SELECT)?;
        let mut places = is_most.then(|| PhonebooksInOrder::begin(&mut places)).transpose()?;
        while let Some(row) = rows.next()? {
            let id = ContactId(row.get(1)?);
            let phonebook = match &mut places {
                Some(places) => places.of(id)?.first().copied(),
                None => row.get::<_, Option<u32>>(4)?.map(PhonebookId),
            };
            let contact = KnownContact {
                id,
                digest: DetailsDigest(row.get(2)?),
                is_missing: row.get(3)?,
                // A synced contact is in one phonebook; 0 is none, so that the next run puts it into one.
                phonebook: phonebook.unwrap_or(PhonebookId(0)),
                row: row.get::<_, Option<_>>(5)?.map(RowDigest),
            };
            background::pause_at(id.0);
            known.insert(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?, contact);
        }
        Ok(known)
    }
}

/// The phonebooks of contacts that are asked for in the order of their numbers. Both tables are in that order: going
/// through them side by side looks nothing up.
struct PhonebooksInOrder<'a> {
    rows: Rows<'a>,
    next: Option<(ContactId, PhonebookId)>,
    found: Vec<PhonebookId>,
}

impl<'a> PhonebooksInOrder<'a> {
    const SELECT: &'static str =
        "SELECT contact_id, phonebook_id FROM phonebook_contact ORDER BY contact_id, phonebook_id";

    /// Of the statement that [`Self::SELECT`] is.
    fn begin(statement: &'a mut Statement<'_>) -> Result<Self, StoreError> {
        let mut places = PhonebooksInOrder { rows: statement.query([])?, next: None, found: Vec::new() };
        places.advance()?;
        Ok(places)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let row = self.rows.next()?;
        let place =
            |row: &Row<'_>| Ok::<_, rusqlite::Error>((ContactId(row.get(0)?), PhonebookId(row.get(1)?)));
        self.next = row.map(place).transpose()?;
        Ok(())
    }

    /// The phonebooks of a contact, in order of priority.
    fn of(&mut self, contact: ContactId) -> Result<&[PhonebookId], StoreError> {
        self.found.clear();
        while let Some((of, phonebook)) = self.next.filter(|(of, _)| *of <= contact) {
            self.found.extend((of == contact).then_some(phonebook));
            self.advance()?;
        }
        Ok(&self.found)
    }
}

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

/// But for its phonebooks.
fn contact_row<'a>(row: &'a Row<'_>) -> rusqlite::Result<ContactRow<'a>> {
    Ok(ContactRow {
        id: ContactId(row.get(0)?),
        source: row.get(1)?,
        source_key: row.get_ref(2)?.as_str()?,
        details: row.get_ref(3)?.as_str()?,
        phonebooks: &[],
    })
}
