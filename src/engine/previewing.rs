//! What a plan would change, without changing it: the contacts as they would be are streamed from one state
//! of the store and the plan together, an index is built of them as a run would, and calls are decided with
//! the present snapshot and with that one.
//!
//! The store's writer is not needed, so edits and other sources' runs go on meanwhile. There are two indexes
//! in memory, as there are while a run is committed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::assembly::Assembly;
use super::publishing;
use super::syncing::StartedRun;
use super::{Engine, EngineError, is_same_name};
use crate::audit::Actor;
use crate::contact::{ContactDetails, ContactId, display_name};
use crate::index::{ContactIndex, IndexedPhonebook, Posting};
use crate::matching::match_caller;
use crate::phone_number::PhoneNumber;
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::routing::effect::{self, Effect, Lines};
use crate::settings::Settings;
use crate::snapshot::{LastSynced, Snapshot};
use crate::store::{ContactRow, CountedPhonebook, Reading, StoreError, StoredPhonebook, StoredSource};
use crate::sync::preview::{
    AssumedCalls, AssumedLine, CallEffect, ContactChange, ContactChangeKind, MAX_KEPT_CHANGES,
    MAX_KEPT_LINES, MAX_KEPT_REROUTES, PhonebookChange, Preview, PreviewSummary, Reroute, RerouteExample,
    field_changes,
};
use crate::sync::{self, Plan, RunKind, Staged, SyncError};

/// Between a commit and its publication: some microseconds.
const UNTIL_PUBLISHED: Duration = Duration::from_millis(2);

impl Engine {
    /// Starts a preview that compares such calls, or returns the one that is under way, whatever it assumes. Refused
    /// while another run of the source is under way.
    pub async fn start_preview(
        self: &Arc<Self>,
        source: &str,
        started_by: impl Into<Actor>,
        assumed_calls: AssumedCalls,
    ) -> Result<StartedRun, EngineError> {
        self.start(source, RunKind::Preview, started_by.into(), None, assumed_calls).await
    }
}

/// How a preview is made.
pub(super) struct Previewing<'a> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a StoredSource,
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
}

/// A preview, and what it was made with.
pub(super) struct Previewed {
    pub(super) preview: Preview,
    /// The settings.
    pub(super) settings: Settings,
}

/// How many contacts are taken between two looks at whether the preview was cancelled.
const CANCEL_CHECK_EVERY: u64 = 4096;

impl Previewing<'_> {
    /// `check` refuses the settings of the moment, if the plan was not made with them.
    pub(super) fn preview(
        &self,
        plan: &mut Plan,
        check: impl Fn(&Reading<'_>, &Settings, &Plan) -> Result<(), EngineError>,
    ) -> Result<Previewed, EngineError> {
        loop {
            if (self.is_cancelled)() {
                return Err(SyncError::Cancelled.into());
            }
            let snapshot = self.engine.snapshot().clone();
            let previewed = self.engine.read(|reading| {
                // Both of one generation, or the difference would be somebody else's.
                match snapshot
                    .filter(|snapshot| reading.generation().is_ok_and(|now| now == snapshot.generation()))
                {
                    None => Ok(None),
                    Some(before) => {
                        let settings = reading.settings()?;
                        check(reading, &settings, plan)?;
                        self.preview_from(reading, &before, settings, plan).map(Some)
                    }
                }
            })?;
            match previewed {
                Some(previewed) => return Ok(previewed),
                None => thread::sleep(UNTIL_PUBLISHED),
            }
        }
    }

    fn preview_from(
        &self,
        reading: &Reading<'_>,
        before: &Snapshot,
        settings: Settings,
        plan: &mut Plan,
    ) -> Result<Previewed, EngineError> {
        let stored = reading.counted_phonebooks()?;
        let mut coming = Coming::of(&stored, plan)?;
        let changes = first_changes(reading, plan)?;
        let objection = sync::objection(&plan.counts, plan.known, &self.source.settings.guard);
        let mut summary = PreviewSummary {
            objection: objection.map(sync::Objection::why).unwrap_or_default(),
            ..PreviewSummary::default()
        };
        // What the run fills would be as young as the run.
        let others: HashSet<PhonebookId> = stored
            .iter()
            .map(|counted| &counted.phonebook)
            .filter(|phonebook| match &phonebook.origin {
                PhonebookOrigin::Local => true,
                PhonebookOrigin::Synced(source) => !is_same_name(source, &self.source.settings.name),
            })
            .map(|phonebook| phonebook.id)
            .collect();
        let (last_synced, assumed) = (publishing::last_synced(reading)?, self.assumed_calls(reading)?);
        let changed = if plan.counts.changes_answers() {
            let contacts = self.index_after(reading, before, &settings, &mut coming, plan)?;
            Some(Snapshot::of_stored(before.generation(), contacts, &settings))
        } else {
            coming.counts =
                stored.iter().map(|counted| (counted.phonebook.id, counted.contact_count)).collect();
            None
        };
        let now = Timestamp::now();
        let at = assumed.at.unwrap_or(now);
        let age = |id| if others.contains(&id) { last_synced(id) } else { LastSynced::At(now) };
        let after = changed.as_ref().unwrap_or(before).with_last_synced(age);
        // The same contacts may be old now, and not then.
        if changed.is_some() || effect::ages_count(before, &after, at) {
            let lines = Lines::of(before, &settings.trunks);
            let effect =
                effect::effect(before, &after, &lines.lines, assumed.attestation, at, self.is_cancelled)
                    .ok_or(SyncError::Cancelled)?;
            summary.calls = CallEffect {
                attestation: assumed.attestation,
                at: Some(at),
                ..told(effect, &lines, before, &after)
            };
        }
        let after = coming.stored(&stored, &self.source.settings.name);
        summary.phonebooks = phonebook_changes(self.source, &stored, &after, &settings);
        Ok(Previewed { preview: Preview { summary, changes }, settings })
    }

    /// What its record says that it is to assume of calls.
    fn assumed_calls(&self, reading: &Reading<'_>) -> Result<AssumedCalls, EngineError> {
        let active = self.engine.active_run_of(&self.source.settings.name);
        let run = active.map(|active| reading.sync_run(active.id)).transpose()?.flatten();
        Ok(run.map(|run| run.assumed_calls).unwrap_or_default())
    }

    /// The index that the run would publish.
    fn index_after(
        &self,
        reading: &Reading<'_>,
        before: &Snapshot,
        settings: &Settings,
        coming: &mut Coming,
        plan: &mut Plan,
    ) -> Result<Arc<ContactIndex>, EngineError> {
        let mut assembly = Assembly::begin(reading, coming.phonebooks.clone(), Some(before.contacts()))?;
        let (mut contacts, mut last) = (0_u64, ContactId(0));
        let counts = &mut coming.counts;
        let mut take = |row: ContactRow<'_>| {
            if contacts.is_multiple_of(CANCEL_CHECK_EVERY) && (self.is_cancelled)() {
                return Err(EngineError::Sync(SyncError::Cancelled));
            }
            contacts += 1;
            row.phonebooks.iter().for_each(|phonebook| *counts.entry(*phonebook).or_default() += 1);
            assembly.take(&row)
        };
        let moved: HashMap<ContactId, u32> = plan.moved.iter().copied().collect();
        let mut replaced = HashSet::new();
        for staged in plan.staged.read_back().map_err(StoreError::Staging)? {
            replaced.extend(staged.map_err(StoreError::Staging)?.id);
        }
        reading.each_contact(|row| {
            last = row.id;
            let goes = plan.remove_missing && plan.not_received.binary_search(&row.id).is_ok();
            if goes || replaced.contains(&row.id) {
                return Ok(());
            }
            match moved.get(&row.id) {
                Some(place) => take(ContactRow { phonebooks: &[coming.planned[*place as usize]], ..row }),
                None => take(row),
            }
        })?;
        for staged in plan.staged.read_back().map_err(StoreError::Staging)? {
            let Staged { id, phonebook, source_key, details, .. } = staged.map_err(StoreError::Staging)?;
            let id = id.unwrap_or_else(|| {
                // As the store gives numbers: in this order, after all others.
                last.0 += 1;
                last
            });
            take(ContactRow {
                id,
                source: Some(self.source.id),
                source_key: &source_key,
                details: &details,
                phonebooks: &[coming.planned[phonebook as usize]],
            })?;
        }
        Ok(assembly.finish(settings, || Ok(contacts))?.contacts)
    }
}

/// The first changes of each kind, kind by kind, in the order of the plan.
fn first_changes(reading: &Reading<'_>, plan: &mut Plan) -> Result<Vec<ContactChange>, EngineError> {
    let names = reading.phonebook_names()?;
    let name_of = |place: u32| Some(plan.phonebooks[place as usize].name.clone());
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for staged in plan.staged.read_back().map_err(StoreError::Staging)? {
        if added.len() == MAX_KEPT_CHANGES && changed.len() == MAX_KEPT_CHANGES {
            break;
        }
        let Staged { id, phonebook, source_key, details, .. } = staged.map_err(StoreError::Staging)?;
        let (kind, into) = match id {
            None => (ContactChangeKind::Added, &mut added),
            Some(_) => (ContactChangeKind::Changed, &mut changed),
        };
        if into.len() == MAX_KEPT_CHANGES {
            continue;
        }
        let after: ContactDetails = serde_json::from_str(&details).map_err(|error| {
            StoreError::DamagedContact { contact: id.unwrap_or(ContactId(0)), detail: error.to_string() }
        })?;
        let (before, from) = match id.map(|id| known(reading, id, &names)).transpose()? {
            Some(Known { details, phonebook, .. }) => (details, phonebook),
            None => (ContactDetails::default(), None),
        };
        into.push(ContactChange {
            kind,
            source_key,
            display_name: name_shown(&after),
            from,
            to: name_of(phonebook),
            fields: field_changes(&before, &after),
        });
    }
    let mut all = added;
    all.extend(changed);
    for (id, place) in plan.moved.iter().take(MAX_KEPT_CHANGES) {
        let Known { source_key, details, phonebook } = known(reading, *id, &names)?;
        all.push(ContactChange {
            kind: ContactChangeKind::Moved,
            source_key,
            display_name: name_shown(&details),
            from: phonebook,
            to: name_of(*place),
            fields: Vec::new(),
        });
    }
    for id in plan.not_received.iter().take(MAX_KEPT_CHANGES) {
        let Known { source_key, details, phonebook } = known(reading, *id, &names)?;
        let nothing = ContactDetails::default();
        let (kind, to, fields) = match plan.remove_missing {
            true => (ContactChangeKind::Removed, None, field_changes(&details, &nothing)),
            false => (ContactChangeKind::KeptMissing, phonebook.clone(), Vec::new()),
        };
        let display_name = name_shown(&details);
        all.push(ContactChange { kind, source_key, display_name, from: phonebook, to, fields });
    }
    Ok(all)
}

/// A contact before the run.
struct Known {
    source_key: String,
    details: ContactDetails,
    phonebook: Option<PhonebookName>,
}

fn known(
    reading: &Reading<'_>,
    id: ContactId,
    names: &HashMap<PhonebookId, PhonebookName>,
) -> Result<Known, StoreError> {
    let missing = || StoreError::DamagedContact { contact: id, detail: "it is not there any more".into() };
    let stored = reading.contact(id)?.ok_or_else(missing)?;
    let phonebook = stored.phonebooks.first().and_then(|id| names.get(id)).cloned();
    Ok(Known { source_key: stored.source_key, details: stored.details, phonebook })
}

fn name_shown(details: &ContactDetails) -> String {
    display_name(&details.first_name, &details.last_name, &details.company)
}

/// The phonebooks as they would be.
struct Coming {
    /// In order of priority.
    phonebooks: Vec<IndexedPhonebook>,
    /// Number of each of the plan's phonebooks.
    planned: Vec<PhonebookId>,
    /// How many contacts are in each.
    counts: HashMap<PhonebookId, u64>,
}

impl Coming {
    fn of(stored: &[CountedPhonebook], plan: &Plan) -> Result<Self, EngineError> {
        let indexed =
            |phonebook: &StoredPhonebook| IndexedPhonebook { id: phonebook.id, name: phonebook.name.clone() };
        let stored = stored.iter().map(|counted| &counted.phonebook);
        let mut phonebooks: Vec<IndexedPhonebook> = stored.map(indexed).collect();
        let mut planned = Vec::new();
        for phonebook in &plan.phonebooks {
            planned.push(match phonebook.id {
                Some(id) => id,
                None => {
                    if phonebooks.iter().any(|taken| taken.name.is_same_as(&phonebook.name)) {
                        // Made by somebody while the source was being read.
                        return Err(SyncError::Refused(format!(
                            "there is a phonebook {:?} already",
                            phonebook.name.as_str()
                        ))
                        .into());
                    }
                    let last = phonebooks.iter().map(|phonebook| phonebook.id.0).max().unwrap_or(0);
                    let id = PhonebookId(last.saturating_add(1));
                    phonebooks.push(IndexedPhonebook { id, name: phonebook.name.clone() });
                    id
                }
            });
        }
        Ok(Coming { phonebooks, planned, counts: HashMap::new() })
    }

    /// The phonebooks as the store would list them.
    fn stored(&self, before: &[CountedPhonebook], source: &str) -> Vec<CountedPhonebook> {
        let after = |phonebook: &IndexedPhonebook| {
            let mut before = before.iter().map(|counted| &counted.phonebook);
            let known = before.find(|before| before.id == phonebook.id);
            let origin = match known {
                Some(known) if !self.planned.contains(&phonebook.id) => known.origin.clone(),
                _ => PhonebookOrigin::Synced(source.to_owned()),
            };
            let after = StoredPhonebook {
                id: phonebook.id,
                name: phonebook.name.clone(),
                is_local: known.is_some_and(|known| known.is_local),
                origin,
                last_synced_at: None,
            };
            CountedPhonebook {
                contact_count: self.counts.get(&after.id).copied().unwrap_or(0),
                phonebook: after,
            }
        };
        self.phonebooks.iter().map(after).collect()
    }
}

/// What becomes of the phonebooks that a source owns before or afterwards, by name.
pub(super) fn phonebook_changes(
    source: &StoredSource,
    before: &[CountedPhonebook],
    after: &[CountedPhonebook],
    settings: &Settings,
) -> Vec<PhonebookChange> {
    let is_owned = |phonebook: &StoredPhonebook| match &phonebook.origin {
        PhonebookOrigin::Synced(owner) => is_same_name(owner, &source.settings.name),
        PhonebookOrigin::Local => false,
    };
    let change = |CountedPhonebook { phonebook: now, contact_count }: &CountedPhonebook| {
        let then = before.iter().find(|then| then.phonebook.id == now.id);
        (is_owned(now) || then.is_some_and(|then| is_owned(&then.phonebook))).then(|| PhonebookChange {
            name: now.name.clone(),
            is_new: then.is_none(),
            before: then.map_or(0, |then| then.contact_count),
            after: *contact_count,
            routes: PhonebookChange::routes_asking_for(&now.name, &settings.inbound_routes),
        })
    };
    let mut changes: Vec<PhonebookChange> = after.iter().filter_map(change).collect();
    changes.sort_by_cached_key(|change| change.name.folded());
    changes
}

/// The effect in the names of things, as much of it as is kept.
fn told(effect: Effect, lines: &Lines, before: &Snapshot, after: &Snapshot) -> CallEffect {
    let Effect { numbers, newly_matched, no_longer_matched, matched_otherwise, rerouted, reroutes } = effect;
    let who = |snapshot: &Snapshot, number: PhoneNumber| {
        let found = match_caller(snapshot, &number.to_string(), "");
        let first = found.contacts().first();
        let name = |posting: &Posting| snapshot.contacts().contact(posting.contact()).display_name.to_owned();
        first.map(name).unwrap_or_default()
    };
    let reroute_count = reroutes.len() as u64;
    let reroutes = reroutes.into_iter().take(MAX_KEPT_REROUTES).map(|reroute| Reroute {
        from: reroute.from,
        to: reroute.to,
        numbers: reroute.numbers,
        line_count: reroute.lines.len() as u64,
        lines: reroute.lines.iter().take(MAX_KEPT_LINES).map(|place| *place as u32).collect(),
        examples: reroute
            .examples
            .into_iter()
            .map(|(number, line)| RerouteExample {
                number,
                before: who(before, number),
                after: who(after, number),
                line: line as u32,
            })
            .collect(),
    });
    CallEffect {
        lines: lines
            .lines
            .iter()
            .map(|line| AssumedLine { trunk: line.trunk.clone(), did: line.did.clone() })
            .collect(),
        patterns_left_out: lines.left_out,
        numbers,
        newly_matched,
        no_longer_matched,
        matched_otherwise,
        rerouted,
        reroutes: reroutes.collect(),
        reroute_count,
        ..CallEffect::default()
    }
}
