//! Phonebooks in the store.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, params};

use super::journal::Journal;
use super::{Change, Reading, StoreError};
use crate::contact::counted;
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::settings::PhonebookTarget;

/// A phonebook as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPhonebook {
    /// Its number, and its priority: the lower number comes first.
    pub id: PhonebookId,
    /// Its name.
    pub name: PhonebookName,
    /// Made by hand, so part of the settings, even while a source fills it.
    pub is_local: bool,
    /// Where its contacts come from.
    pub origin: PhonebookOrigin,
    /// When its source last succeeded, in RFC 3339; `None` when it is local or was never synchronised.
    pub last_synced_at: Option<String>,
}

/// A phonebook whose contacts were counted, which takes some milliseconds when there are many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedPhonebook {
    /// The phonebook.
    pub phonebook: StoredPhonebook,
    /// How many contacts are in it.
    pub contact_count: u64,
}

const SELECT: &str = "
    SELECT phonebook.id, phonebook.name, phonebook.is_local, source.settings ->> 'name', source.last_synced_at
    FROM phonebook LEFT JOIN source ON source.id = phonebook.source_id";

fn name(row: &Row<'_>) -> rusqlite::Result<PhonebookName> {
    PhonebookName::parse(row.get_ref(1)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
    })
}

fn phonebook(row: &Row<'_>) -> rusqlite::Result<StoredPhonebook> {
    Ok(StoredPhonebook {
        id: PhonebookId(row.get(0)?),
        name: name(row)?,
        is_local: row.get(2)?,
        origin: row.get::<_, Option<String>>(3)?.map_or(PhonebookOrigin::Local, PhonebookOrigin::Synced),
        last_synced_at: row.get(4)?,
    })
}

impl Reading<'_> {
    /// All phonebooks, in order of priority.
    pub fn phonebooks(&self) -> Result<Vec<StoredPhonebook>, StoreError> {
        let mut statement = self.connection.prepare(&format!("{SELECT} ORDER BY phonebook.id"))?;
        Ok(statement.query_map([], phonebook)?.collect::<Result<_, _>>()?)
    }

    /// All phonebooks, in order of priority, with the numbers of their contacts.
    pub fn counted_phonebooks(&self) -> Result<Vec<CountedPhonebook>, StoreError> {
        self.phonebooks()?.into_iter().map(|phonebook| self.counted(phonebook)).collect()
    }

    /// A phonebook with the number of its contacts.
    pub fn counted(&self, phonebook: StoredPhonebook) -> Result<CountedPhonebook, StoreError> {
        let contact_count = self.contact_count_in(phonebook.id)?;
        Ok(CountedPhonebook { phonebook, contact_count })
    }

    /// How many contacts are in a phonebook.
    pub fn contact_count_in(&self, phonebook: PhonebookId) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM phonebook_contact WHERE phonebook_id = ?";
        Ok(self.connection.query_row(sql, [phonebook.0], |row| row.get(0))?)
    }

    /// The names of all phonebooks.
    pub fn phonebook_names(&self) -> Result<HashMap<PhonebookId, PhonebookName>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id, name FROM phonebook")?;
        let names = statement.query_map([], |row| Ok((PhonebookId(row.get(0)?), name(row)?)))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Finds a phonebook by any spelling of its name.
    pub fn phonebook(&self, name: &PhonebookName) -> Result<Option<StoredPhonebook>, StoreError> {
        let mut statement = self.connection.prepare(&format!("{SELECT} WHERE phonebook.folded_name = ?"))?;
        Ok(statement.query_row([name.folded()], phonebook).optional()?)
    }
}

impl Change<'_> {
    /// Makes a phonebook; fails when the name is taken.
    pub fn create_phonebook(
        &self,
        name: &PhonebookName,
        source: Option<i64>,
    ) -> Result<PhonebookId, StoreError> {
        if let Some(taken) = self.phonebook(name)? {
            return Err(StoreError::Refused(format!(
                "there is a phonebook {:?} already",
                taken.name.as_str()
            )));
        }
        self.connection.execute(
            "INSERT INTO phonebook (name, folded_name, is_local, source_id) VALUES (?, ?, ?, ?)",
            params![name.as_str(), name.folded(), source.is_none(), source],
        )?;
        let id = self.connection.last_insert_rowid();
        Ok(PhonebookId(u32::try_from(id).map_err(|_| StoreError::Refused("too many phonebooks".into()))?))
    }

    /// Makes a source the owner of a phonebook's contacts, unless it is another's or has contacts of others.
    /// Says whether it is the owner now.
    pub(super) fn give_phonebook(&self, id: PhonebookId, source: i64) -> Result<bool, StoreError> {
        let given = self.connection.execute(
            "UPDATE phonebook SET source_id = ?1
             WHERE id = ?2 AND (source_id = ?1 OR source_id IS NULL AND is_local
                AND NOT EXISTS (SELECT 1 FROM phonebook_contact WHERE phonebook_id = ?2))",
            params![source, id.0],
        )?;
        Ok(given > 0)
    }

    /// Lets go of the local phonebooks that a source used to fill and no longer does: they are anybody's again.
    pub(super) fn free_phonebooks(&self, source: i64, journal: &Journal<'_>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id FROM phonebook WHERE source_id = ? AND is_local
             AND NOT EXISTS (SELECT 1 FROM phonebook_contact WHERE phonebook_id = phonebook.id)",
        )?;
        let empty: Vec<u32> = statement.query_map([source], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for id in empty {
            journal.phonebook(PhonebookId(id))?;
            self.connection.execute("UPDATE phonebook SET source_id = NULL WHERE id = ?", [id])?;
        }
        Ok(())
    }

    /// Deletes a phonebook that is empty, and that no source is told to fill: a local one, or one that a source made by
    /// the value of a property that is in none of its rows any more. No run of the source is under way.
    pub fn delete_phonebook(&self, phonebook: &StoredPhonebook) -> Result<(), StoreError> {
        let name = phonebook.name.as_str();
        if let PhonebookOrigin::Synced(source) = &phonebook.origin {
            return self.delete_left_phonebook(phonebook, source);
        }
        let contacts = self.contact_count_in(phonebook.id)?;
        if contacts > 0 {
            return Err(StoreError::Refused(format!(
                "phonebook {name:?} has {}, so it stays: delete its contacts first or with it (delete_contacts), or \
                 keep it among the phonebooks of the settings",
                counted(contacts)
            )));
        }
        self.connection.execute("DELETE FROM phonebook WHERE id = ?", [phonebook.id.0])?;
        Ok(())
    }

    fn delete_left_phonebook(&self, phonebook: &StoredPhonebook, source: &str) -> Result<(), StoreError> {
        let name = phonebook.name.as_str();
        let refuse = |why: String| Err(StoreError::Refused(why));
        let contacts = self.contact_count_in(phonebook.id)?;
        if contacts > 0 {
            return refuse(format!(
                "phonebook {name:?} has {} of source {source:?}: it can be deleted when a run has left it empty, \
                 or goes with the source",
                counted(contacts)
            ));
        }
        let Some(stored) = self.source(source)? else { return Ok(()) };
        let is_its_own = matches!(
            &stored.settings.phonebook,
            PhonebookTarget::New { name } if name.is_same_as(&phonebook.name)
        );
        if phonebook.is_local || is_its_own {
            return refuse(format!(
                "phonebook {name:?} is the one that source {source:?} fills: give the source another phonebook, or \
                 delete it"
            ));
        }
        self.note_deleted_phonebook(phonebook.id, stored.id)?;
        self.connection.execute("DELETE FROM phonebook WHERE id = ?", [phonebook.id.0])?;
        Ok(())
    }
}
