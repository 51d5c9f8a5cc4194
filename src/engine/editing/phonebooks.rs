//! Local phonebooks: made, and deleted when they are empty.

use super::{Edited, Editor, not_found};
use crate::engine::EngineError;
use crate::phonebook::{PhonebookName, PhonebookOrigin};
use crate::settings::LocalPhonebook;
use crate::store::RemovedSources;

impl Editor<'_> {
    /// Makes a local phonebook.
    pub fn create_phonebook(&self, name: PhonebookName) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |change, settings| {
            if change.phonebook(&name)?.is_some() {
                return Err(EngineError::AlreadyExists { what: "phonebook", name: name.as_str().to_owned() });
            }
            settings.phonebooks.push(LocalPhonebook { name });
            Ok(())
        })
    }

    /// Deletes a local phonebook that is empty.
    pub fn delete_phonebook(&self, name: &PhonebookName) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |change, settings| {
            let stored = change.phonebook(name)?.ok_or_else(|| not_found("phonebook", name.as_str()))?;
            if let PhonebookOrigin::Synced(source) = &stored.origin
                && let Some(active) = self.active_run_of(source)
            {
                return Err(EngineError::SyncRunning { name: source.clone(), run: active.id });
            }
            // Refused here when it is not empty, or to be filled.
            change.delete_phonebook(&stored)?;
            settings.phonebooks.retain(|other| !other.name.is_same_as(name));
            Ok(())
        })
    }
}
