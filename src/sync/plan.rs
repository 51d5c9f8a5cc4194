//! Comparing what a source sent with what is known of it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::SyncError;
use super::known::{KnownContact, KnownContacts, KnownPlace, Receipt, Received};
use super::prepare::{DetailsDigest, Made, Preparation, Prepared, RowDigest};
use super::run::{MAX_KEPT_PROBLEMS, Problem, ProblemKind, Progress, RunCounts};
use super::staging::{Staged, StagedContacts};
use crate::background;
use crate::contact::ContactId;
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::settings::PhonebookTarget;
use crate::source::rows::{Field, Row, RowBatch};

/// Whose a phonebook is, as the planned source sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The source's own.
    Ours,
    /// Made by hand.
    Local {
        /// How many contacts are in it.
        contacts: u64,
    },
    /// Another source's.
    Source(String),
}

/// A phonebook that is there before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPhonebook {
    /// Its number.
    pub id: PhonebookId,
    /// Its name.
    pub name: PhonebookName,
    /// Whose it is.
    pub owner: Owner,
}

/// A phonebook that the plan puts contacts into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPhonebook {
    /// Its name.
    pub name: PhonebookName,
    /// `None` makes it.
    pub id: Option<PhonebookId>,
}

/// What a run will change.
#[derive(Debug)]
pub struct Plan {
    /// What became of the rows.
    pub counts: RunCounts,
    /// How many contacts of the source there were before.
    pub known: u64,
    /// Contacts to add or to replace.
    pub staged: StagedContacts,
    /// Contacts that only go to another phonebook, by its place in [`Self::phonebooks`].
    pub moved: Vec<(ContactId, u32)>,
    /// Whether contacts that were not received are removed, rather than kept and marked.
    pub remove_missing: bool,
    /// Contacts that were not received.
    pub not_received: Vec<ContactId>,
    /// Contacts that were missing and are received again.
    pub received_again: Vec<ContactId>,
    /// Contacts that are as they were, though made of another row, or by other rules.
    pub same_of_other_row: Vec<(ContactId, RowDigest)>,
    /// The phonebooks that contacts go to.
    pub phonebooks: Vec<PlannedPhonebook>,
    /// Rows that could not be read far enough to know whose they are. While there are any, nothing is removed:
    /// each may be a contact that seems not received.
    pub unidentified_rows: u64,
    /// The first [`MAX_KEPT_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Two plans that do the same have the same digest, in whichever order their rows came.
    pub digest: u128,
}

/// Spellings of phonebooks' names that are remembered.
const MAX_SPELLINGS: usize = 10_000;

/// Rows, and what each was made into.
type PreparedBatch = (RowBatch, Vec<Result<Prepared, Box<Problem>>>);

/// Compares rows with what is known, one after another.
#[derive(Debug)]
pub struct Planner {
    target: PhonebookTarget,
    /// Whether rows have a key of their own; else their content is it.
    has_keys: bool,
    known: Arc<KnownContacts>,
    received: Received,
    known_phonebooks: Vec<KnownPhonebook>,
    max_phonebooks: usize,
    /// Digests of the names of phonebooks that are too many. Their contacts are not staged: the run is refused
    /// when all of them are counted.
    too_many: HashSet<DetailsDigest>,
    /// Folded name -> place in the plan's phonebooks; and of each of these, a digest of that name.
    places: HashMap<String, u32>,
    name_digests: Vec<DetailsDigest>,
    /// Contacts whose first row was rejected, each with the place of its problem in the plan's list. Those beyond the
    /// list are left out.
    rejected_first: Vec<(usize, KnownPlace)>,
    /// Some names as they are written -> the same: most rows write them like others before.
    spellings: HashMap<PhonebookName, u32>,
    plan: Plan,
}

impl Planner {
    /// Knows no contacts yet. `staging_folder` is on the disk that the store is on.
    pub fn new(
        target: PhonebookTarget,
        remove_missing: bool,
        known_phonebooks: Vec<KnownPhonebook>,
        max_phonebooks: u32,
        staging_folder: &Path,
    ) -> Result<Self, SyncError> {
        let plan = Plan {
            counts: RunCounts::default(),
            known: 0,
            staged: StagedContacts::new(staging_folder)?,
            moved: Vec::new(),
            remove_missing,
            not_received: Vec::new(),
            received_again: Vec::new(),
            same_of_other_row: Vec::new(),
            phonebooks: Vec::new(),
            unidentified_rows: 0,
            problems: Vec::new(),
            digest: 0,
        };
        let mut planner = Planner {
            target,
            has_keys: true,
            known: Arc::default(),
            received: Received::default(),
            known_phonebooks,
            max_phonebooks: max_phonebooks as usize,
            too_many: HashSet::new(),
            places: HashMap::new(),
            name_digests: Vec::new(),
            rejected_first: Vec::new(),
            spellings: HashMap::new(),
            plan,
        };
        // Refused before a row is read, where that can be known.
        if let PhonebookTarget::New { name } | PhonebookTarget::Existing { name } = &planner.target {
            let name = name.clone();
            planner.place_of(&name)?;
            planner.check_phonebooks()?;
        }
        Ok(planner)
    }

    /// Knows these contacts of the source from before.
    pub(super) fn knowing(mut self, mut known: KnownContacts) -> Self {
        known.complete();
        self.plan.known = known.len();
        self.received = Received::none_of(&known);
        self.known = Arc::new(known);
        self
    }

    /// Takes every batch until the sender is gone, or the run is cancelled. Blocks, on a thread of `runtime`
    /// that may.
    pub(super) fn run(
        mut self,
        preparation: &Preparation,
        mut batches: mpsc::Receiver<RowBatch>,
        progress: &watch::Sender<Progress>,
        runtime: &Handle,
        cancel: &CancellationToken,
    ) -> Result<Plan, SyncError> {
        self.has_keys = preparation.projection.columns().iter().any(|(field, _)| *field == Field::Key);
        let known = Arc::clone(&self.known);
        let rules = preparation.rules();
        let prepare = |batch: &RowBatch| -> Vec<Result<Prepared, Box<Problem>>> {
            let rows: Vec<Row<'_>> = batch.rows().collect();
            let prepare = |row: &Row<'_>| {
                background::pause_at(row.position());
                preparation.prepare(row, rules, &known)
            };
            rows.par_iter().map(prepare).collect()
        };
        // While one batch is compared, the next one is prepared, if it is there.
        let mut prepared: Option<PreparedBatch> = None;
        loop {
            let next = match batches.try_recv() {
                Err(TryRecvError::Empty) if prepared.is_none() => {
                    // A reader that hangs keeps its sender, so the end of the batches is not enough to wait for.
                    let next = runtime.block_on(cancel.run_until_cancelled(batches.recv()));
                    next.ok_or(SyncError::Cancelled)?
                }
                next => next.ok(),
            };
            if cancel.is_cancelled() {
                return Err(SyncError::Cancelled);
            }
            if next.is_none() && prepared.is_none() {
                break;
            }
            let before = prepared.take();
            let (compared, following) = background::on_all_cores(|| {
                rayon::join(
                    || before.map_or(Ok(()), |before| self.compare_all(before)),
                    || next.as_ref().map(prepare),
                )
            });
            compared?;
            progress.send_modify(|progress| progress.rows_came(self.plan.counts));
            prepared = next.zip(following);
        }
        self.check_phonebooks()?;
        Ok(self.finish())
    }

    fn compare_all(&mut self, (batch, prepared): PreparedBatch) -> Result<(), SyncError> {
        for (row, prepared) in background::pausing(batch.rows().zip(prepared)) {
            self.plan.counts.rows += 1;
            match prepared {
                Ok(contact) => self.compare(contact, row.position())?,
                Err(problem) => {
                    if row.problem().is_some() && problem.source_key.is_empty() {
                        self.plan.unidentified_rows += 1;
                    }
                    self.reject(*problem);
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, contact: Prepared, position: u64) -> Result<(), SyncError> {
        let Prepared { source_key: key, key_hash, known, phonebook, made } = contact;
        let known = match self.received.receive(key_hash, known) {
            Receipt::Known(place) => Some(self.known.contact(place)),
            Receipt::New => None,
            Receipt::Duplicate => {
                let what = if self.has_keys { "key" } else { "content" };
                self.reject(Problem {
                    kind: ProblemKind::RowRejected,
                    position,
                    source_key: key,
                    column: String::new(),
                    value: String::new(),
                    reason: format!("an earlier row has the same {what}; the first one was taken"),
                });
                return Ok(());
            }
        };
        let phonebook = match &phonebook {
            Some(name) => self.place_of(name)?,
            // The only one, found at the start.
            None => Some(0),
        };
        let Some(phonebook) = phonebook else { return Ok(()) };
        if let Some(known) = known.filter(|known| known.is_missing) {
            self.plan.received_again.push(known.id);
        }
        let (details, digest, row) = match (made, known) {
            (Made::Anew { details, digest, row, dropped }, _) => {
                self.plan.counts.dropped_numbers += dropped.len() as u64;
                dropped.into_iter().for_each(|problem| self.keep(problem));
                (details, digest, row)
            }
            (Made::AsKnown, Some(known)) => {
                self.place(&key, known, phonebook);
                return Ok(());
            }
            // What is not known any more is a duplicate, found above.
            (Made::AsKnown, None) => return Ok(()),
        };
        if let Some(known) = known.filter(|known| known.digest == digest) {
            if let Some(row) = row.filter(|row| known.row != Some(*row)) {
                self.plan.same_of_other_row.push((known.id, row));
            }
            self.place(&key, known, phonebook);
            return Ok(());
        }
        let what = if known.is_some() { "changed" } else { "added" };
        let counts = &mut self.plan.counts;
        *(if known.is_some() { &mut counts.changed } else { &mut counts.added }) += 1;
        let id = known.map(|known| known.id);
        self.count_in(what, &key, digest, phonebook);
        self.plan.staged.push(&Staged { id, phonebook, digest, row, source_key: key, details })?;
        Ok(())
    }

    /// A contact that is as it was, but perhaps in another phonebook.
    fn place(&mut self, key: &str, known: KnownContact, phonebook: u32) {
        if self.plan.phonebooks[phonebook as usize].id == Some(known.phonebook) {
            self.plan.counts.unchanged += 1;
            return;
        }
        self.plan.counts.moved += 1;
        self.plan.moved.push((known.id, phonebook));
        self.count_in("moved", key, known.digest, phonebook);
    }

    /// Adds a change to the plan's digest. A sum does not depend on the order.
    fn count_in(&mut self, what: &str, key: &str, digest: DetailsDigest, phonebook: u32) {
        // Each kind of change has its letters; of a short key all of it is one block of the hash.
        let name_digest = self.name_digests[phonebook as usize];
        let change =
            DetailsDigest::of(&[&name_digest.0, &digest.0, what.as_bytes(), b"\0", key.as_bytes()].concat());
        self.plan.digest = self.plan.digest.wrapping_add(u128::from_le_bytes(change.0));
    }

    fn reject(&mut self, problem: Problem) {
        self.plan.counts.rejected += 1;
        let known = self.known.place_of(self.known.hash_of(&problem.source_key));
        // It was received, only not usable: removing the contact would be wrong.
        if let Some(place) = known.filter(|place| self.received.reject(*place))
            && self.plan.problems.len() < MAX_KEPT_PROBLEMS
        {
            self.rejected_first.push((self.plan.problems.len(), place));
        }
        self.keep(problem);
    }

    fn keep(&mut self, problem: Problem) {
        if self.plan.problems.len() < MAX_KEPT_PROBLEMS {
            self.plan.problems.push(problem);
        }
    }

    /// Refuses more phonebooks than there may be, also to stop a property that is really a key.
    fn check_phonebooks(&self) -> Result<(), SyncError> {
        if self.too_many.is_empty() {
            return Ok(());
        }
        let over = self.too_many.len();
        let column = match &self.target {
            PhonebookTarget::ByProperty { column, .. } => {
                format!(": is {column:?} the column that names the team?")
            }
            PhonebookTarget::New { .. } | PhonebookTarget::Existing { .. } => String::new(),
        };
        Err(SyncError::Refused(format!(
            "there would be {} phonebooks, {over} more than the {} that are allowed; nothing was changed. \
             limits.phonebooks can allow more{column}",
            self.max_phonebooks + over,
            self.max_phonebooks
        )))
    }

    /// `None` when the phonebook would be one too many.
    fn place_of(&mut self, name: &PhonebookName) -> Result<Option<u32>, SyncError> {
        if let Some(place) = self.spellings.get(name) {
            return Ok(Some(*place));
        }
        let place = self.place_of_folded(name)?;
        if let Some(place) = place.filter(|_| self.spellings.len() < MAX_SPELLINGS) {
            self.spellings.insert(name.clone(), place);
        }
        Ok(place)
    }

    fn place_of_folded(&mut self, name: &PhonebookName) -> Result<Option<u32>, SyncError> {
        let folded = name.folded();
        if let Some(place) = self.places.get(&folded) {
            return Ok(Some(*place));
        }
        let refuse = |why: String| Err(SyncError::Refused(why));
        let known = self.known_phonebooks.iter().find(|known| known.name.is_same_as(name));
        let fills_existing = matches!(self.target, PhonebookTarget::Existing { .. });
        let planned = match known.map(|known| (known, &known.owner)) {
            Some((known, Owner::Ours)) => PlannedPhonebook { name: known.name.clone(), id: Some(known.id) },
            Some((known, Owner::Local { contacts: 0 })) if fills_existing => {
                PlannedPhonebook { name: known.name.clone(), id: Some(known.id) }
            }
            Some((known, Owner::Local { contacts })) if fills_existing => {
                return refuse(format!(
                    "phonebook {:?} is not empty (it has {contacts} contacts): only an empty phonebook can be \
                     filled by a source; name an empty one, or let the source make its own",
                    known.name.as_str()
                ));
            }
            Some((known, owner)) => {
                let (whose, remedy) = match owner {
                    Owner::Source(other) => (format!("source {other:?}"), "let that source choose another"),
                    _ => ("a local phonebook".to_owned(), "rename or delete that one"),
                };
                return refuse(format!(
                    "the phonebook name {:?} is taken by {whose}: choose another name, or {remedy}",
                    known.name.as_str()
                ));
            }
            None if fills_existing => {
                return refuse(format!(
                    "there is no phonebook {:?}: make it first, or let the source make its own",
                    name.as_str()
                ));
            }
            None => PlannedPhonebook { name: name.clone(), id: None },
        };
        let made = self.plan.phonebooks.iter().filter(|phonebook| phonebook.id.is_none()).count();
        if planned.id.is_none() && self.known_phonebooks.len() + made >= self.max_phonebooks {
            self.too_many.insert(DetailsDigest::of(folded.as_bytes()));
            return Ok(None);
        }
        let place = self.plan.phonebooks.len() as u32;
        self.plan.phonebooks.push(planned);
        self.name_digests.push(DetailsDigest::of(folded.as_bytes()));
        self.places.insert(folded, place);
        Ok(Some(place))
    }

    fn finish(self) -> Plan {
        let mut plan = self.plan;
        for (problem, place) in self.rejected_first {
            // Unless a later row with its key was fine.
            if let Some(problem) = plan.problems.get_mut(problem).filter(|_| self.received.is_rejected(place))
            {
                problem.reason.push_str("; the contact stays as it was");
            }
        }
        plan.not_received = self.received.not_received(&self.known);
        plan.remove_missing &= plan.unidentified_rows == 0;
        if plan.remove_missing {
            plan.counts.removed = plan.not_received.len() as u64;
        } else {
            plan.counts.kept_missing = plan.not_received.len() as u64;
        }
        let fate = if plan.remove_missing { "removed" } else { "kept" };
        let fates = plan.not_received.iter().map(|id| format!("{fate}\0{id}"));
        for change in fates.chain([format!("rejected\0{}", plan.counts.rejected)]) {
            let change = DetailsDigest::of(change.as_bytes());
            plan.digest = plan.digest.wrapping_add(u128::from_le_bytes(change.0));
        }
        plan
    }
}
