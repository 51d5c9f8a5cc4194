//! Editing the settings: validated, compiled, committed, published; or nothing at all.

use jiff::Timestamp;
use serde::Serialize;

use super::{Engine, EngineError, publishing};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::generation::Generation;
use crate::phonebook::{PhonebookName, PhonebookOrigin};
use crate::routing::{self, RouteWarning};
use crate::settings::{
    Change, InboundRoute, ListedDestination, LocalPhonebook, RoutingSettings, Settings, SourceSettings,
    TimeCondition, Trunk, folded_name,
};
use crate::snapshot::Snapshot;
use crate::source;
use crate::store::{self, LeftContacts, RemovedSources, StoreError, SwitchedOff};

/// What an edit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited<T> {
    /// What the edit returned.
    pub value: T,
    /// The generation that answers come from now.
    pub generation: Generation,
}

/// What applying a document did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What differs from before, for people.
    pub changes: Vec<Change>,
    /// The generation that answers come from now.
    pub generation: Generation,
    /// What is probably not meant in the routes of the document.
    pub warnings: Vec<RouteWarning>,
}

/// What inbound routes refer to, of the settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as in the settings")]
pub struct RoutingParts {
    pub routing: RoutingSettings,
    pub destinations: Vec<ListedDestination>,
    pub time_conditions: Vec<TimeCondition>,
    pub trunks: Vec<Trunk>,
}

impl RoutingParts {
    /// Those of all settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let Settings { routing, destinations, time_conditions, trunks, .. } = settings.clone();
        RoutingParts { routing, destinations, time_conditions, trunks }
    }
}

/// Tells whether a setting is still what somebody read: a hash of its content, though not of secrets that
/// were typed in, which it would help to guess.
#[must_use]
pub fn etag(setting: &impl Serialize) -> String {
    // Plain data is always written; were it not, no tag would match, and the edit be refused.
    let content = serde_json::to_vec(setting).unwrap_or_default();
    blake3::hash(&content).to_hex()[..16].to_owned()
}

/// Whether both are the name of the same setting.
#[must_use]
pub fn is_same_name(a: &str, b: &str) -> bool {
    folded_name(a) == folded_name(b)
}

pub(super) fn check_etag(
    expected: &str,
    setting: &impl Serialize,
    what: &'static str,
    name: &str,
) -> Result<(), EngineError> {
    if expected.is_empty() || expected == etag(setting) {
        return Ok(());
    }
    Err(EngineError::ChangedMeanwhile { what, name: name.to_owned() })
}

/// A snapshot to publish once the change is committed, if there is anything to publish.
type Prepared<T> = (T, Option<Snapshot>);

/// The engine in the hands of somebody who changes something, which the audit remembers.
#[derive(Debug, Clone)]
pub struct Editor<'a> {
    engine: &'a Engine,
    actor: Actor,
}

impl std::ops::Deref for Editor<'_> {
    type Target = Engine;
    fn deref(&self) -> &Engine {
        self.engine
    }
}

impl Engine {
    /// For edits by this actor.
    pub fn by(&self, actor: impl Into<Actor>) -> Editor<'_> {
        Editor { engine: self, actor: actor.into() }
    }
}

impl Editor<'_> {
    /// Who edits.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Changes the settings as `edit` says, if the result is valid as a whole.
    pub fn edit<T>(
        &self,
        left: impl Into<LeftContacts>,
        edit: impl FnOnce(&store::Change<'_>, &mut Settings) -> Result<T, EngineError>,
    ) -> Result<Edited<T>, EngineError> {
        let left = left.into();
        self.store.write_then(
            |change| self.prepare_edit(change, &left, edit),
            |(value, snapshot)| {
                snapshot.into_iter().for_each(|snapshot| self.publish(snapshot));
                Edited { value, generation: self.generation() }
            },
        )
    }

    fn prepare_edit<T>(
        &self,
        change: &store::Change<'_>,
        left: &LeftContacts,
        edit: impl FnOnce(&store::Change<'_>, &mut Settings) -> Result<T, EngineError>,
    ) -> Result<Prepared<T>, EngineError> {
        let old = change.settings()?;
        let mut new = old.clone();
        let phonebooks_at_first = change.phonebook_names()?;
        let value = edit(change, &mut new)?;
        // By `edit` itself: one that is no setting, since a source had filled it.
        let phonebooks_now = change.phonebook_names()?;
        let gone = phonebooks_at_first.iter().filter(|(id, _)| !phonebooks_now.contains_key(*id));
        let gone: Vec<String> = gone.map(|(_, name)| format!("phonebook {:?}", name.as_str())).collect();
        let is_phonebook_gone = !gone.is_empty();
        let parted = self.parted_sources(change, left, &new)?;
        // Not `new == old`: the order and spelling of phonebooks is the store's.
        let mut events = old.changes(&new);
        if events.is_empty() && parted.is_empty() && !is_phonebook_gone {
            return Ok((value, None));
        }
        let unnamed = gone.into_iter().filter(|gone| events.iter().all(|event| event.subject != *gone));
        let unnamed: Vec<_> = unnamed.map(|gone| AuditEvent::new(AuditAction::Removed, gone)).collect();
        events.extend(unnamed);
        new.validate()?;
        self.check_sources(&old, &new)?;
        // A source that was renamed by `edit` is known to the store by its new name already.
        let renamed =
            change.settings()?.sources.iter().any(|now| old.sources.iter().all(|was| was.name != now.name));
        let phonebooks_before = change.phonebooks()?.len();
        events.extend(left_contacts(change, left, &old, &new, &parted)?);
        let mut touched = change.save_settings(&new, left.removed)? || is_phonebook_gone;
        for (source, keep) in parted {
            change.release_contacts(source, keep)?;
            touched = true;
        }
        check_limits(change, phonebooks_before, &old, &new)?;
        // Once more, since the phonebooks of a source that went may have become local ones.
        change.settings()?.validate()?;
        let generation = change.next_generation()?;
        change.audit(&self.actor, events)?;
        let last_digits_on = new.numbers.last_digits > 0;
        let shared = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        let contacts = match shared {
            Some(contacts) if !touched && !renamed && contacts.has_last_digits() == last_digits_on => {
                contacts
            }
            _ => publishing::index_of(change, &new, None, &|| false)?.contacts,
        };
        Ok((value, Some(publishing::snapshot_of(change, generation, contacts, &new)?)))
    }
}

impl Engine {
    /// The sources that are off and are to be parted from what belongs to them, and whether that is kept.
    fn parted_sources(
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
    fn check_sources(&self, old: &Settings, new: &Settings) -> Result<(), EngineError> {
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

    /// All settings.
    pub fn settings(&self) -> Result<Settings, EngineError> {
        self.read(|reading| Ok(reading.settings()?))
    }

    /// What is probably not meant in the inbound routes that are being served.
    #[must_use]
    pub fn route_warnings(&self) -> Vec<RouteWarning> {
        self.snapshot().as_ref().map_or_else(Vec::new, |snapshot| routing::check(snapshot, Timestamp::now()))
    }
}

impl Editor<'_> {
    /// Replaces all settings by those of a document ([`Settings::from_toml`]). With `dry_run`, everything is
    /// checked and nothing is changed.
    pub fn apply(
        &self,
        document: &str,
        left: impl Into<LeftContacts>,
        dry_run: bool,
    ) -> Result<Applied, EngineError> {
        self.apply_over(document, left, "", dry_run)
    }

    /// The same, if the settings are still those that somebody compared the document with; `expected` is their
    /// [`etag`], or empty.
    pub fn apply_over(
        &self,
        document: &str,
        left: impl Into<LeftContacts>,
        expected: &str,
        dry_run: bool,
    ) -> Result<Applied, EngineError> {
        let left = left.into();
        let mut wanted = Settings::from_toml(document)?;
        let edit = |_: &store::Change<'_>, settings: &mut Settings| {
            check_etag(expected, settings, "settings", "as a whole")?;
            for source in &mut wanted.sources {
                let stored = settings.sources.iter().find(|stored| is_same_name(&stored.name, &source.name));
                take_secrets(source, stored)?;
            }
            let changes = settings.difference(&wanted);
            *settings = wanted;
            Ok(changes)
        };
        if dry_run {
            let (changes, snapshot) = self.store.try_out(|change| self.prepare_edit(change, &left, edit))?;
            let warnings = match snapshot {
                Some(snapshot) => routing::check(&snapshot, Timestamp::now()),
                None => self.route_warnings(),
            };
            return Ok(Applied { changes, generation: self.generation(), warnings });
        }
        let Edited { value: changes, generation } = self.edit(left, edit)?;
        Ok(Applied { changes, generation, warnings: self.route_warnings() })
    }

    /// Replaces what routes refer to; `expected` is the [`etag`] of what the caller read, or empty.
    pub fn update_routing_settings(
        &self,
        new: RoutingParts,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            check_etag(expected, &RoutingParts::of(settings), "setting", "what inbound routes refer to")?;
            let RoutingParts { routing, destinations, time_conditions, trunks } = new;
            (settings.routing, settings.destinations) = (routing, destinations);
            (settings.time_conditions, settings.trunks) = (time_conditions, trunks);
            Ok(())
        })
    }

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
    /// [`etag`] of what the caller read, or empty.
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

    /// Adds an inbound route at a position from 1; 0, or a position beyond the last, adds it at the end.
    pub fn create_route(&self, route: InboundRoute, position: usize) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let routes = &mut settings.inbound_routes;
            if routes.iter().any(|other| is_same_name(&other.name, &route.name)) {
                return Err(EngineError::AlreadyExists { what: "inbound route", name: route.name });
            }
            insert_at(routes, route, position);
            Ok(())
        })
    }

    /// Replaces an inbound route; it keeps its position.
    pub fn update_route(
        &self,
        name: &str,
        route: InboundRoute,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            check_etag(expected, &settings.inbound_routes[place], "inbound route", name)?;
            let is_taken = |other: &InboundRoute| is_same_name(&other.name, &route.name);
            if !is_same_name(name, &route.name) && settings.inbound_routes.iter().any(is_taken) {
                return Err(EngineError::AlreadyExists { what: "inbound route", name: route.name });
            }
            settings.inbound_routes[place] = route;
            Ok(())
        })
    }

    /// Deletes an inbound route.
    pub fn delete_route(&self, name: &str, expected: &str) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            check_etag(expected, &settings.inbound_routes[place], "inbound route", name)?;
            settings.inbound_routes.remove(place);
            Ok(())
        })
    }

    /// Moves an inbound route to a position from 1; 0, or a position beyond the last, moves it to the end.
    pub fn move_route(&self, name: &str, position: usize) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            let route = settings.inbound_routes.remove(place);
            insert_at(&mut settings.inbound_routes, route, position);
            Ok(())
        })
    }

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

/// What becomes of contacts whose source goes or is parted from them, for the audit.
fn left_contacts(
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

/// Refuses an edit that makes more phonebooks than there may be, or limits that are below what there is.
fn check_limits(
    change: &store::Change<'_>,
    phonebooks_before: usize,
    old: &Settings,
    new: &Settings,
) -> Result<(), EngineError> {
    let phonebooks = change.phonebooks()?.len();
    let is_limited = old.limits != new.limits;
    let contacts = if is_limited { change.contact_count()? } else { 0 };
    let phonebooks = if is_limited || phonebooks > phonebooks_before { phonebooks as u64 } else { 0 };
    match new.limits.objection(contacts, phonebooks) {
        Some(why) => Err(StoreError::Refused(why).into()),
        None => Ok(()),
    }
}

/// Inserts at a position from 1; 0, or a position beyond the last, is the end.
fn insert_at(routes: &mut Vec<InboundRoute>, route: InboundRoute, position: usize) {
    let place = if position == 0 { routes.len() } else { (position - 1).min(routes.len()) };
    routes.insert(place, route);
}

fn not_found(what: &'static str, name: &str) -> EngineError {
    EngineError::NotFound { what, name: name.to_owned() }
}

fn find_source(settings: &Settings, name: &str) -> Result<usize, EngineError> {
    let place = settings.sources.iter().position(|source| is_same_name(&source.name, name));
    place.ok_or_else(|| not_found("source", name))
}

fn find_route(settings: &Settings, name: &str) -> Result<usize, EngineError> {
    let place = settings.inbound_routes.iter().position(|route| is_same_name(&route.name, name));
    place.ok_or_else(|| not_found("inbound route", name))
}
