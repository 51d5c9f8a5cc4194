//! Editing the settings: validated, compiled, committed, published; or nothing at all.

mod phonebooks;
mod routes;
mod sources;

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Engine, EngineError, publishing};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::generation::Generation;
use crate::routing::{self, RouteWarning};
use crate::settings::{
    Change, ListedDestination, RoutingSettings, Settings, TimeCondition, Trunk, folded_name,
};
use crate::snapshot::{RouteError, Snapshot};
use crate::store::{self, LeftContacts, RemovedSources, StoreError};

pub use sources::take_secrets;

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
        events.extend(sources::left_contacts(change, left, &old, &new, &parted)?);
        let mut touched = change.save_settings(&new, left.removed)? || is_phonebook_gone;
        for (source, keep) in parted {
            change.release_contacts(source, keep)?;
            touched = true;
        }
        check_limits(change, phonebooks_before, &old, &new)?;
        // Once more, since the phonebooks of a source that went may have become local ones.
        change.settings()?.validate()?;
        let generation = change.next_generation()?;
        let edited: HashSet<String> = events.iter().map(|event| spoken(&event.subject)).collect();
        change.audit(&self.actor, events)?;
        let last_digits_on = new.numbers.last_digits > 0;
        let shared = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        let contacts = match shared {
            Some(contacts) if !touched && !renamed && contacts.has_last_digits() == last_digits_on => {
                match publishing::indexed_phonebooks(change)? == contacts.phonebooks() {
                    true => contacts,
                    // One without a contact came, went or has another name.
                    false => {
                        let touched = publishing::Touched::Contacts(Vec::new());
                        self.index_after(change, &new, touched, &|| false)?.contacts
                    }
                }
            }
            _ => publishing::index_of(change, &new, None, &|| false)?.contacts,
        };
        let snapshot = publishing::snapshot_of(change, generation, contacts, &new)?;
        self.refuse_what_cannot_work(&snapshot, &edited)?;
        Ok((value, Some(snapshot)))
    }

    /// What was left out already, because an older version accepted it, may wait until somebody changes it. Then the same
    /// mistake may stay, at whatever place, but no other one.
    fn refuse_what_cannot_work(&self, new: &Snapshot, edited: &HashSet<String>) -> Result<(), EngineError> {
        let served = self.snapshot();
        let known = served.as_ref().map_or(&[][..], |served| served.left_out());
        let may_wait = |error: &RouteError| {
            let mut before = known.iter().filter(|before| before.subject == error.subject);
            // Of what is not edited, another mistake may be the first that is found.
            before.any(|before| before.problem == error.problem || !edited.contains(&error.subject))
        };
        match new.left_out().iter().find(|error| !may_wait(error)) {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }
}

impl Engine {
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

/// The subject of an event as errors have it: `inbound route "Sales"` of `inbound_route "Sales"`.
fn spoken(subject: &str) -> String {
    match subject.split_once(' ') {
        Some((kind, name)) => format!("{} {name}", kind.replace('_', " ")),
        None => subject.to_owned(),
    }
}

fn not_found(what: &'static str, name: &str) -> EngineError {
    EngineError::NotFound { what, name: name.to_owned() }
}
