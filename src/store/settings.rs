//! Settings in the store, each part a row of JSON.

use std::collections::HashMap;

use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json::{setting_from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::contact::counted;
use crate::phonebook::PhonebookId;
use crate::settings::{HistorySettings, LocalPhonebook, Settings, SourceSettings, folded_name};

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

/// Where runs of a deleted source are once another has taken its name; no source is called that.
const NOBODYS: &str = "";

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

/// A source as JSON with its secrets, which are written out nowhere else.
fn source_json(source: &SourceSettings) -> Result<String, StoreError> {
    let refused = |problem: String| StoreError::Refused(problem);
    let mut json = serde_json::to_value(source).map_err(|error| refused(error.to_string()))?;
    for (field, secret) in source.connection.secrets() {
        if secret.is_stored() {
            return Err(refused(format!("no secret is stored for {field} of source {:?}", source.name)));
        }
        let Some(secret) = secret.typed_in() else { continue };
        let place = json.pointer_mut(&format!("/{}", field.replace('.', "/")));
        let place = place.ok_or_else(|| refused(format!("{field} has no place in the store")))?;
        *place = secret.into();
    }
    to_json(&json)
}

/// What becomes of the contacts and phonebooks of sources that are switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchedOff {
    /// They become local ones, rather than being removed.
    pub keep: bool,
    /// Only of this source; otherwise of every one that is off.
    pub source: Option<String>,
}

/// What becomes of contacts and phonebooks whose source an edit deletes or switches off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftContacts {
    /// When it deletes the source.
    pub removed: RemovedSources,
    /// When the source is off afterwards; `None` leaves them as they are, the source's.
    pub switched_off: Option<SwitchedOff>,
}

impl From<RemovedSources> for LeftContacts {
    fn from(removed: RemovedSources) -> Self {
        LeftContacts { removed, switched_off: None }
    }
}

impl LeftContacts {
    /// The fate of a source's contacts when it is off.
    #[must_use]
    pub fn of_disabled(&self, source: &SourceSettings) -> Option<&SwitchedOff> {
        self.switched_off.as_ref().filter(|off| {
            let is_meant =
                off.source.as_ref().is_none_or(|name| folded_name(name) == folded_name(&source.name));
            !source.enabled && is_meant
        })
    }
}

impl Reading<'_> {
    /// All settings.
    pub fn settings(&self) -> Result<Settings, StoreError> {
        let numbers = self.single("number_settings", "how numbers are read and compared")?;
        let phonebooks = self
            .phonebooks()?
            .into_iter()
            .filter(|phonebook| phonebook.is_local)
            .map(|phonebook| LocalPhonebook { name: phonebook.name })
            .collect();
        let limits = self.single("limit_settings", "the limits")?;
        Ok(Settings {
            numbers,
            limits,
            history: self.history_settings()?,
            phonebooks,
            routing: self.single("routing_settings", "how destinations are dialled")?,
            destinations: self.parts("destination")?,
            extensions: self.parts("extension")?,
            visibility_grants: self.parts("visibility_grant")?,
            client_policy: self.single("client_policy", "the client policy")?,
            time_conditions: self.parts("time_condition")?,
            trunks: self.parts("trunk")?,
            sources: self.sources()?.into_iter().map(|source| source.settings).collect(),
            inbound_routes: self.parts("inbound_route")?,
        })
    }

    pub(super) fn history_settings(&self) -> Result<HistorySettings, StoreError> {
        self.single("history_settings", "how much history is kept")
    }

    /// `what` it is, for people.
    fn single<T: DeserializeOwned>(&self, table: &str, what: &str) -> Result<T, StoreError> {
        let sql = format!("SELECT settings FROM {table}");
        Ok(self.connection.query_row(&sql, [], |row| setting_from_json(row, 0, what))?)
    }

    /// A table is named after what its rows are.
    fn parts<T: DeserializeOwned>(&self, table: &str) -> Result<Vec<T>, StoreError> {
        let sql = format!("SELECT settings FROM {table} ORDER BY position");
        let mut statement = self.connection.prepare(&sql)?;
        let what = table.replace('_', " ");
        Ok(statement.query_map([], |row| setting_from_json(row, 0, &what))?.collect::<Result<_, _>>()?)
    }

    /// All sources, in the order of the settings.
    pub fn sources(&self) -> Result<Vec<StoredSource>, StoreError> {
        let sql = "SELECT id, settings, last_synced_at FROM source ORDER BY position, id";
        let mut statement = self.connection.prepare(sql)?;
        let sources = statement.query_map([], |row| {
            let settings = setting_from_json(row, 1, "source")?;
            Ok(StoredSource { id: row.get(0)?, settings, last_synced_at: row.get(2)? })
        })?;
        Ok(sources.collect::<Result<_, _>>()?)
    }

    /// Whether there is anything that belongs to a source.
    pub fn has_belongings(&self, source: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM contact WHERE source_id = ?1)
                       OR EXISTS (SELECT 1 FROM phonebook WHERE source_id = ?1)";
        Ok(self.connection.query_row(sql, [source], |row| row.get(0))?)
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
        self.connection.execute("UPDATE limit_settings SET settings = ?", [to_json(&settings.limits)?])?;
        self.connection.execute("UPDATE history_settings SET settings = ?", [to_json(&settings.history)?])?;
        self.connection.execute("UPDATE routing_settings SET settings = ?", [to_json(&settings.routing)?])?;
        self.replace_parts("destination", &settings.destinations)?;
        self.connection
            .execute("UPDATE client_policy SET settings = ?", [to_json(&settings.client_policy)?])?;
        self.replace_parts("extension", &settings.extensions)?;
        self.replace_parts("visibility_grant", &settings.visibility_grants)?;
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
                "INSERT INTO source (folded_name, position, settings, changes_lost_until, runs_after)
                 SELECT ?1, ?2, ?3, last, last FROM (SELECT coalesce(max(id), 0) AS last FROM sync_run) WHERE true
                 ON CONFLICT (folded_name) DO UPDATE SET position = ?2, settings = ?3",
                params![folded_name(&source.name), position, source_json(source)?],
            )?;
        }
        // The first in their order is the one that an error names.
        let mut gone: Vec<StoredSource> = gone.into_values().collect();
        gone.sort_by_key(|source| source.id);
        for source in &gone {
            touched |= self.delete_source(source, removed)?;
        }
        Ok(touched)
    }

    /// Gives a source another name; its contacts and its runs stay its own, and those of a deleted source that had the
    /// name do not become so.
    pub fn rename_source(&self, source: &StoredSource, new_name: &str) -> Result<(), StoreError> {
        let settings = SourceSettings { name: new_name.to_owned(), ..source.settings.clone() };
        self.connection.execute(
            "UPDATE source SET folded_name = ?, settings = ? WHERE id = ?",
            params![folded_name(new_name), source_json(&settings)?, source.id],
        )?;
        self.connection
            .execute("UPDATE sync_run SET source_name = ? WHERE source_name = ?", [NOBODYS, new_name])?;
        self.connection.execute(
            "UPDATE sync_run SET source_name = ?1, record = json_set(record, '$.source', ?1) WHERE source_name = ?2",
            [new_name, &source.settings.name],
        )?;
        Ok(())
    }

    fn delete_source(&self, source: &StoredSource, removed: RemovedSources) -> Result<bool, StoreError> {
        let contacts = self.contact_count_of(source.id)?;
        match removed {
            RemovedSources::Refuse if contacts > 0 => {
                return Err(StoreError::Refused(format!(
                    "source {:?} has {}: say whether to keep them as local contacts or to remove \
                     them with the source",
                    source.settings.name,
                    counted(contacts)
                )));
            }
            RemovedSources::KeepContacts => self.release_contacts(source.id, true)?,
            RemovedSources::Refuse | RemovedSources::RemoveContacts => {
                self.release_contacts(source.id, false)?;
            }
        }
        self.connection.execute("DELETE FROM source WHERE id = ?", [source.id])?;
        self.forget_old_runs(None)?;
        Ok(contacts > 0)
    }

    /// Parts a source from its contacts and phonebooks: they are kept as local ones, or removed. What its runs
    /// changed is forgotten, since it can no longer be taken back; what they said of contacts that are removed, too.
    pub fn release_contacts(&self, source: i64, keep: bool) -> Result<(), StoreError> {
        let statements: &[&str] = if keep {
            &[
                "UPDATE contact SET source_id = NULL, missing_since = NULL WHERE source_id = ?",
                "UPDATE phonebook SET is_local = 1, source_id = NULL WHERE source_id = ?",
            ]
        } else {
            &[
                "DELETE FROM contact WHERE source_id = ?",
                "UPDATE phonebook SET source_id = NULL WHERE is_local AND source_id = ?",
                "DELETE FROM phonebook WHERE source_id = ?",
            ]
        };
        for sql in statements {
            self.connection.execute(sql, [source])?;
        }
        if !keep {
            self.forget_what_runs_said(source)?;
        }
        self.forget_all_changes(source)
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
