//! Sources: added, changed, renamed, parted from what belongs to them, deleted.

use super::{Edited, Editor, check_etag, is_same_name, not_found};
use crate::audit::{AuditAction, AuditEvent};
use crate::engine::{Engine, EngineError};
use crate::settings::{Settings, SourceSettings};
use crate::source;
use crate::store::{self, LeftContacts, RemovedSources, SwitchedOff};

impl Editor<'_> {
    /// Adds a source.
    pub fn create_source(&self, mut source: SourceSettings) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            if settings.sources.iter().any(|other| is_same_name(&other.name, &source.name)) {
                return Err(EngineError::AlreadyExists { what: "source", name: source.name });
            }
            take_secrets(&mut source, None)?;
            settings.sources.push(source);
            Ok(())
        })
    }

    /// Replaces the settings of a source, and its name if the new one differs; `expected` is the
    /// [`etag`](super::etag) of what the caller read, or empty.
    pub fn update_source(
        &self,
        name: &str,
        source: SourceSettings,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.update_source_and(name, source, expected, None)
    }

    /// The same, and parts the source from its contacts and phonebooks, which is only for one that is off: they
    /// are kept as local ones, or removed.
    pub fn update_source_and(
        &self,
        name: &str,
        mut source: SourceSettings,
        expected: &str,
        keep_contacts: Option<bool>,
    ) -> Result<Edited<()>, EngineError> {
        if keep_contacts.is_some() && source.enabled {
            return Err(EngineError::BadRequest {
                field: "contacts".into(),
                problem:
                    "says what becomes of the contacts of a source that is switched off, but this one is on: \
                          leave it out, or switch the source off"
                        .into(),
            });
        }
        let switched_off = keep_contacts.map(|keep| SwitchedOff { keep, source: Some(source.name.clone()) });
        let left = LeftContacts { removed: RemovedSources::Refuse, switched_off };
        self.edit(left, |change, settings| {
            let place = find_source(settings, name)?;
            check_etag(expected, &settings.sources[place], "source", name)?;
            if !is_same_name(name, &source.name) {
                if let Some(active) = self.active_run_of(name) {
                    return Err(EngineError::SyncRunning { name: name.to_owned(), run: active.id });
                }
                if settings.sources.iter().any(|other| is_same_name(&other.name, &source.name)) {
                    return Err(EngineError::AlreadyExists { what: "source", name: source.name });
                }
                let stored = change.source(name)?.ok_or_else(|| not_found("source", name))?;
                change.rename_source(&stored, &source.name)?;
            }
            take_secrets(&mut source, Some(&settings.sources[place]))?;
            settings.sources[place] = source;
            Ok(())
        })
    }

    /// Deletes a source; `removed` says what becomes of its contacts. Returns how many it had.
    pub fn delete_source(
        &self,
        name: &str,
        removed: RemovedSources,
        expected: &str,
    ) -> Result<Edited<u64>, EngineError> {
        self.edit(removed, |change, settings| {
            let place = find_source(settings, name)?;
            check_etag(expected, &settings.sources[place], "source", name)?;
            let stored = change.source(name)?.ok_or_else(|| not_found("source", name))?;
            let contacts = change.contact_count_of(stored.id)?;
            settings.sources.remove(place);
            Ok(contacts)
        })
    }
}

impl Engine {
    /// The sources that are off and are to be parted from what belongs to them, and whether that is kept.
    pub(super) fn parted_sources(
        &self,
        change: &store::Change<'_>,
        left: &LeftContacts,
        new: &Settings,
    ) -> Result<Vec<(i64, bool)>, EngineError> {
        let mut parted = Vec::new();
        for settings in &new.sources {
            let Some(off) = left.of_disabled(settings) else { continue };
            let Some(stored) = change.source(&settings.name)? else { continue };
            if !change.has_belongings(stored.id)? {
                continue;
            }
            if let Some(active) = self.active_run_of(&settings.name) {
                return Err(EngineError::SyncRunning { name: settings.name.clone(), run: active.id });
            }
            parted.push((stored.id, off.keep));
        }
        Ok(parted)
    }

    /// Everything that can be said of new and changed sources without reaching them.
    pub(super) fn check_sources(&self, old: &Settings, new: &Settings) -> Result<(), EngineError> {
        for settings in new.sources.iter().filter(|settings| !old.sources.contains(settings)) {
            source::open(settings)
                .map_err(|error| EngineError::Source { name: settings.name.clone(), error })?;
        }
        for settings in old.sources.iter().filter(|settings| !new.sources.contains(settings)) {
            if let Some(active) = self.active_run_of(&settings.name) {
                return Err(EngineError::SyncRunning { name: settings.name.clone(), run: active.id });
            }
        }
        Ok(())
    }
}

/// What becomes of contacts whose source goes or is parted from them, for the audit.
pub(super) fn left_contacts(
    change: &store::Change<'_>,
    left: &LeftContacts,
    old: &Settings,
    new: &Settings,
    parted: &[(i64, bool)],
) -> Result<Vec<AuditEvent>, EngineError> {
    let mut events = Vec::new();
    for stored in change.sources()? {
        let name = &stored.settings.name;
        let is_there = |settings: &Settings| settings.sources.iter().any(|s| is_same_name(&s.name, name));
        let is_kept = match parted.iter().find(|(id, _)| *id == stored.id) {
            Some((_, is_kept)) => *is_kept,
            None if is_there(old) && !is_there(new) => left.removed == RemovedSources::KeepContacts,
            None => continue,
        };
        let contacts = change.contact_count_of(stored.id)?;
        if contacts > 0 {
            let before = Some(format!("{contacts} of the source"));
            let after = is_kept.then(|| format!("{contacts} local ones"));
            let event = AuditEvent::new(AuditAction::Changed, format!("contacts of source {name:?}"));
            events.push(event.with("contacts", before, after));
        }
    }
    Ok(events)
}

/// [`SourceSettings::take_secrets_of`], with an error that names the source.
pub fn take_secrets(source: &mut SourceSettings, stored: Option<&SourceSettings>) -> Result<(), EngineError> {
    source
        .take_secrets_of(stored)
        .map_err(|problem| EngineError::Source { name: source.name.clone(), error: problem.into() })
}

fn find_source(settings: &Settings, name: &str) -> Result<usize, EngineError> {
    let place = settings.sources.iter().position(|source| is_same_name(&source.name, name));
    place.ok_or_else(|| not_found("source", name))
}
