//! Contacts that are made by hand. Whoever calls has checked that what they touch is nobody's but theirs.

use std::collections::HashSet;

use rusqlite::{Statement, params};

use super::json::to_json;
use super::{Change, Reading, StoreError};
use crate::contact::{ContactDetails, ContactId};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::sync::DetailsDigest;

impl Reading<'_> {
    /// Digests of the details of all contacts in a phonebook.
    pub fn digests_in(&self, phonebook: PhonebookId) -> Result<HashSet<DetailsDigest>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT digest FROM contact JOIN phonebook_contact ON contact_id = contact.id WHERE phonebook_id = ?",
        )?;
        let digests = statement.query_map([phonebook.0], |row| Ok(DetailsDigest(row.get(0)?)))?;
        Ok(digests.collect::<Result<_, _>>()?)
    }
}

/// Adds many contacts to one phonebook.
#[derive(Debug)]
pub struct LocalContacts<'a> {
    add: Statement<'a>,
    put: Statement<'a>,
    phonebook: PhonebookId,
}

impl LocalContacts<'_> {
    /// Adds one; `details` are [`ContactDetails`] as JSON.
    pub fn add(&mut self, digest: DetailsDigest, details: &str) -> Result<ContactId, StoreError> {
        let id = self.add.insert(params![digest.0, details])?.unsigned_abs();
        self.put.execute(params![id, self.phonebook.0])?;
        Ok(ContactId(id))
    }
}

impl Change<'_> {
    /// Begins to add contacts to a phonebook.
    pub fn local_contacts(&self, phonebook: PhonebookId) -> Result<LocalContacts<'_>, StoreError> {
        let add = "INSERT INTO contact (source_id, source_key, digest, details) VALUES (NULL, '', ?, ?)";
        let put = "INSERT INTO phonebook_contact (contact_id, phonebook_id) VALUES (?, ?)";
        let (add, put) = (self.connection.prepare(add)?, self.connection.prepare(put)?);
        Ok(LocalContacts { add, put, phonebook })
    }

    /// Adds a contact to phonebooks.
    pub fn add_local_contact(
        &self,
        details: &ContactDetails,
        phonebooks: &[PhonebookId],
    ) -> Result<ContactId, StoreError> {
        let details = to_json(details)?;
        let sql = "INSERT INTO contact (source_id, source_key, digest, details) VALUES (NULL, '', ?, ?)";
        self.connection.execute(sql, params![DetailsDigest::of(details.as_bytes()).0, details])?;
        let id = ContactId(self.connection.last_insert_rowid().unsigned_abs());
        self.place_local_contact(id, phonebooks)?;
        Ok(id)
    }

    /// Replaces what is known of a contact, and the phonebooks it is in.
    pub fn replace_local_contact(
        &self,
        id: ContactId,
        details: &ContactDetails,
        phonebooks: &[PhonebookId],
    ) -> Result<(), StoreError> {
        let details = to_json(details)?;
        self.connection.execute(
            "UPDATE contact SET digest = ?, details = ? WHERE id = ?",
            params![DetailsDigest::of(details.as_bytes()).0, details, id.0],
        )?;
        self.connection.execute("DELETE FROM phonebook_contact WHERE contact_id = ?", [id.0])?;
        self.place_local_contact(id, phonebooks)
    }

    fn place_local_contact(&self, id: ContactId, phonebooks: &[PhonebookId]) -> Result<(), StoreError> {
        let mut put = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO phonebook_contact (contact_id, phonebook_id) VALUES (?, ?)",
        )?;
        for phonebook in phonebooks {
            put.execute(params![id.0, phonebook.0])?;
        }
        Ok(())
    }

    /// Deletes a contact.
    pub fn delete_local_contact(&self, id: ContactId) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM contact WHERE id = ?", [id.0])?;
        Ok(())
    }

    /// Takes every contact out of a local phonebook; those that are in no other are deleted. Says which were in
    /// it.
    pub fn empty_phonebook(&self, phonebook: PhonebookId) -> Result<Vec<ContactId>, StoreError> {
        let sql = "SELECT contact_id FROM phonebook_contact WHERE phonebook_id = ?";
        let mut statement = self.connection.prepare(sql)?;
        let ids = statement.query_map([phonebook.0], |row| Ok(ContactId(row.get(0)?)))?;
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        self.connection.execute(
            "DELETE FROM contact WHERE source_id IS NULL
                AND id IN (SELECT contact_id FROM phonebook_contact WHERE phonebook_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM phonebook_contact
                                WHERE contact_id = contact.id AND phonebook_id <> ?1)",
            [phonebook.0],
        )?;
        self.connection.execute("DELETE FROM phonebook_contact WHERE phonebook_id = ?", [phonebook.0])?;
        Ok(ids)
    }

    /// Gives a local phonebook another name; its contacts stay in it.
    pub fn rename_phonebook(&self, id: PhonebookId, name: &PhonebookName) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE phonebook SET name = ?, folded_name = ? WHERE id = ?",
            params![name.as_str(), name.folded(), id.0],
        )?;
        Ok(())
    }
}
