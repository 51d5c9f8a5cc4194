//! Settings in the store, each part a row of JSON.

use std::collections::HashMap;

use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json::{from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::phonebook::PhonebookId;
use crate::settings::{LocalPhonebook, Settings, SourceSettings, folded_name};

/// A source as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSource {
    /// Its number; never given to another source.
    pub id: i64,
    /// Its settings.
    pub settings: SourceSettings,
    /// When it last succeeded, in RFC 3339.
    pub last_synced_at: Option<String>,
}

/// What becomes of the contacts of a source that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedSources {
    /// A source that has contacts is not deleted.
    Refuse,
    /// Its contacts and phonebooks become local ones.
    KeepContacts,
    /// Its contacts and phonebooks go with it.
    RemoveContacts,
}

impl Reading<'_> {
    /// All settings.
    pub fn settings(&self) -> Result<Settings, StoreError> {
        let numbers =
            self.connection.query_row("SELECT settings FROM number_settings", [], |row| from_json(row, 0))?;
        let phonebooks = self
            .phonebooks()?
            .into_iter()
            .filter(|phonebook| phonebook.is_local)
            .map(|phonebook| LocalPhonebook { name: phonebook.name })
            .collect();
        Ok(Settings {
            numbers,
            phonebooks,
            routing: self
                .connection
                .query_row("SELECT settings FROM routing_settings", [], |row| from_json(row, 0))?,
            destinations: self.parts("SELECT settings FROM destination ORDER BY position")?,
            time_conditions: self.parts("SELECT settings FROM time_condition ORDER BY position")?,
            trunks: self.parts("SELECT settings FROM trunk ORDER BY position")?,
            sources: self.sources()?.into_iter().map(|source| source.settings).collect(),
            inbound_routes: self.parts("SELECT settings FROM inbound_route ORDER BY position")?,
        })
    }

    fn parts<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare(sql)?;
        Ok(statement.query_map([], |row| from_json(row, 0))?.collect::<Result<_, _>>()?)
    }

    /// All sources, in the order of the settings.
    pub fn sources(&self) -> Result<Vec<StoredSource>, StoreError> {
        let sql = "SELECT id, settings, last_synced_at FROM source ORDER BY position, id";
        let mut statement = self.connection.prepare(sql)?;
        let sources = statement.query_map([], |row| {
            Ok(StoredSource { id: row.get(0)?, settings: from_json(row, 1)?, last_synced_at: row.get(2)? })
        })?;
        Ok(sources.collect::<Result<_, _>>()?)
    }

    /// A source, by its name in any case.
    pub fn source(&self, name: &str) -> Result<Option<StoredSource>, StoreError> {
        let wanted = folded_name(name);
        Ok(self.sources()?.into_iter().find(|source| folded_name(&source.settings.name) == wanted))
    }
}

impl Change<'_> {
    /// Replaces all settings. Sources and local phonebooks keep their identity by name; those that are
    /// no longer there are deleted. Says whether contacts were touched.
    pub fn save_settings(&self, settings: &Settings, removed: RemovedSources) -> Result<bool, StoreError> {
        self.connection.execute("UPDATE number_settings SET settings = ?", [to_json(&settings.numbers)?])?;
        self.connection.execute("UPDATE routing_settings SET settings = ?", [to_json(&settings.routing)?])?;
        self.replace_parts("destination", &settings.destinations)?;
        self.replace_parts("time_condition", &settings.time_conditions)?;
        self.replace_parts("trunk", &settings.trunks)?;
        self.replace_parts("inbound_route", &settings.inbound_routes)?;
        let local_before = self.phonebooks()?.into_iter().filter(|phonebook| phonebook.is_local);
        let local_before: Vec<PhonebookId> = local_before.map(|phonebook| phonebook.id).collect();
        let touched = self.save_sources(&settings.sources, removed)?;
        self.save_phonebooks(&settings.phonebooks, &local_before)?;
        Ok(touched)
    }

    fn replace_parts(&self, table: &str, parts: &[impl Serialize]) -> Result<(), StoreError> {
        self.connection.execute(&format!("DELETE FROM {table}"), [])?;
        let mut add =
            self.connection.prepare(&format!("INSERT INTO {table} (position, settings) VALUES (?, ?)"))?;
        for (position, part) in parts.iter().enumerate() {
            add.execute(params![position, to_json(part)?])?;
        }
        Ok(())
    }

    fn save_sources(&self, sources: &[SourceSettings], removed: RemovedSources) -> Result<bool, StoreError> {
        let mut gone: HashMap<String, StoredSource> =
            self.sources()?.into_iter().map(|source| (folded_name(&source.settings.name), source)).collect();
        let mut touched = false;
        for (position, source) in sources.iter().enumerate() {
            let before = gone.remove(&folded_name(&source.name));
            if let Some(before) = before.filter(|before| before.settings.name != source.name) {
                // Spelled otherwise: its contacts and its runs show the new spelling.
                self.rename_source(&before, &source.name)?;
                touched = true;
            }
            self.connection.execute(
                "INSERT INTO source (folded_name, position, settings) VALUES (?1, ?2, ?3)
                 ON CONFLICT (folded_name) DO UPDATE SET position = ?2, settings = ?3",
                params![folded_name(&source.name), position, to_json(source)?],
            )?;
        }
        for source in gone.values() {
            touched |= self.delete_source(source, removed)?;
        }
        Ok(touched)
    }

    /// Gives a source another name; its contacts and its runs stay its own.
    pub fn rename_source(&self, source: &StoredSource, new_name: &str) -> Result<(), StoreError> {
        let settings = SourceSettings { name: new_name.to_owned(), ..source.settings.clone() };
        self.connection.execute(
            "UPDATE source SET folded_name = ?, settings = ? WHERE id = ?",
            params![folded_name(new_name), to_json(&settings)?, source.id],
        )?;
        self.connection.execute(
            "UPDATE sync_run SET source_name = ?1, record = json_set(record, '$.source', ?1) WHERE source_name = ?2",
            [new_name, &source.settings.name],
        )?;
        Ok(())
    }

    fn delete_source(&self, source: &StoredSource, removed: RemovedSources) -> Result<bool, StoreError> {
        let contacts = self.contact_count_of(source.id)?;
        let run = |sql: &str| self.connection.execute(sql, [source.id]);
        match removed {
            RemovedSources::Refuse if contacts > 0 => {
                return Err(StoreError::Refused(format!(
                    "source {:?} has {contacts} contacts: say whether to keep them as local contacts or to remove \
                     them with the source",
                    source.settings.name
                )));
            }
            RemovedSources::KeepContacts => {
                run("UPDATE contact SET source_id = NULL, missing_since = NULL WHERE source_id = ?")?;
                run("UPDATE phonebook SET is_local = 1, source_id = NULL WHERE source_id = ?")?;
            }
            RemovedSources::Refuse | RemovedSources::RemoveContacts => {
                run("DELETE FROM contact WHERE source_id = ?")?;
                run("UPDATE phonebook SET source_id = NULL WHERE is_local AND source_id = ?")?;
                run("DELETE FROM phonebook WHERE source_id = ?")?;
            }
        }
        run("DELETE FROM source WHERE id = ?")?;
        Ok(contacts > 0)
    }

    /// Phonebooks that became local only now, with their source's deletion, stay.
    fn save_phonebooks(
        &self,
        wanted: &[LocalPhonebook],
        local_before: &[PhonebookId],
    ) -> Result<(), StoreError> {
        let there = self.phonebooks()?;
        for phonebook in wanted {
            match there.iter().find(|known| known.name.is_same_as(&phonebook.name)) {
                None => drop(self.create_phonebook(&phonebook.name, None)?),
                Some(known) if known.is_local => {}
                Some(known) => {
                    return Err(StoreError::Refused(format!(
                        "the phonebook name {:?} is taken by a synced phonebook",
                        known.name.as_str()
                    )));
                }
            }
        }
        for known in there.iter().filter(|known| local_before.contains(&known.id)) {
            if !wanted.iter().any(|phonebook| phonebook.name.is_same_as(&known.name)) {
                self.delete_phonebook(known)?;
            }
        }
        Ok(())
    }
}
