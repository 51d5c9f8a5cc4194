//! Going back to what a source's contacts and phonebooks were before a run.
//!
//! Not run by run: what each contact was before the earliest of the runs to undo is what it becomes, in one
//! step. Of contacts it is the *oldest image* that counts (see [`super::journal`]); details that an image
//! leaves out are in the next one that has them, or are what they are now. The step writes a journal of its
//! own, so it can be rolled back like any run.
//!
//! Other sources, and local contacts, are never touched: a rollback is refused when a phonebook that it needs
//! is no longer there to have, or its name is somebody else's by now.

mod carrying_out;

use rusqlite::{OptionalExtension, params};

use super::{Reading, StoreError, StoredSource};
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::sync::{RunCounts, RunId};

/// What a rollback does, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The runs that are undone, in their order; runs that changed nothing are not among them.
    pub undone: Vec<RunId>,
    /// Of contacts: added are those that come back, changed and moved those that become what they were, removed
    /// those that were not there.
    pub counts: RunCounts,
    /// Contacts of which only the mark changes that their source did or did not send them.
    pub marked: u64,
    /// Phonebooks that come back, or are filled by the source again.
    pub restored_phonebooks: Vec<PhonebookName>,
    /// Phonebooks that were not there, or that the source did not fill.
    pub removed_phonebooks: Vec<PhonebookName>,
}

impl Rollback {
    /// Whether any answer can be different afterwards.
    #[must_use]
    pub fn changes_answers(&self) -> bool {
        self.counts.changes_answers()
            || !self.restored_phonebooks.is_empty()
            || !self.removed_phonebooks.is_empty()
    }
}

/// How many contacts are undone between two looks at whether the run was cancelled.
const CHUNK: u32 = 4096;

/// The contacts that change, each with its oldest image and the oldest that has its details. No image: it was
/// not there. `?1` is the source, `?2` the first run to undo.
const CREATE_UNDO: &str =
    "CREATE TEMP TABLE undo (contact_id INTEGER PRIMARY KEY, image INTEGER, details INTEGER) STRICT";
const IMAGES: &str = "
    INSERT INTO temp.undo
    SELECT contact_id, min(id), min(iif(details IS NULL, NULL, id)) FROM journal_contact
    WHERE run_id IN (SELECT run_id FROM journal WHERE source_id = ?1 AND run_id >= ?2) GROUP BY contact_id";
/// Contacts that a run added were not there, unless an image is older than that run.
const ADDED_WITH_IMAGE: &str = "
    UPDATE temp.undo SET image = NULL, details = NULL
    WHERE contact_id BETWEEN ?2 AND ?3 AND (SELECT run_id FROM journal_contact WHERE id = image) > ?1";
const ADDED: &str = "
    INSERT OR IGNORE INTO temp.undo SELECT id, NULL, NULL FROM contact WHERE id BETWEEN ?1 AND ?2";
/// How many contacts that would insert.
const COUNT_ADDED: &str = "
    SELECT (SELECT count(*) FROM contact WHERE id BETWEEN ?1 AND ?2)
         - (SELECT count(*) FROM temp.undo JOIN contact ON id = contact_id WHERE contact_id BETWEEN ?1 AND ?2)";

/// First and last numbers of contacts that runs added, in their order; none is in two of them.
type AddedRanges = Vec<(u64, u64)>;

/// A contact that changes, as it is (`contact`, `now_in`) and as it was (`image`, `whole`).
const UNDO: &str = "
    FROM temp.undo
    LEFT JOIN contact ON contact.id = undo.contact_id
    LEFT JOIN phonebook_contact now_in ON now_in.contact_id = contact.id
    LEFT JOIN journal_contact image ON image.id = undo.image
    LEFT JOIN journal_contact whole ON whole.id = undo.details
    WHERE undo.contact_id > ?1 AND undo.contact_id <= ?2";

/// What becomes of each; the first that holds.
const FATE: &str = "
    CASE WHEN image.id IS NULL THEN iif(contact.id IS NULL, 'nothing', 'removed')
         WHEN contact.id IS NULL THEN 'added'
         WHEN whole.digest <> contact.digest THEN 'changed'
         WHEN image.phonebook_id IS NOT now_in.phonebook_id THEN 'moved'
         WHEN image.missing_since IS NOT contact.missing_since THEN 'marked'
         ELSE 'nothing' END";

/// A phonebook as it was before the first run to undo.
struct PhonebookBefore {
    id: PhonebookId,
    /// `None`: it was not there.
    name: Option<PhonebookName>,
    /// Whether the source filled it.
    is_filled: bool,
    is_local: bool,
}

/// What becomes of a phonebook.
enum PhonebookStep {
    /// Made again, under its number.
    Make(PhonebookName),
    /// Given to the source again.
    Give(PhonebookName),
    /// Deleted: it was not there.
    Delete(PhonebookName),
    /// No longer the source's: it did not fill it.
    Free(PhonebookName),
}

impl Reading<'_> {
    /// The source that a run is of; `None`: it was deleted. By now its name may be another's, in this spelling or in
    /// another.
    pub fn source_of_run(&self, run: RunId) -> Result<Option<StoredSource>, StoreError> {
        let sql = "SELECT source.id FROM sync_run JOIN source ON source_name = settings ->> 'name'
                   WHERE sync_run.id = ? AND sync_run.id > runs_after";
        let id: Option<i64> = self.connection.query_row(sql, [run.0], |row| row.get(0)).optional()?;
        Ok(self.sources()?.into_iter().find(|source| Some(source.id) == id))
    }

    /// The source whose state before `run` is known, or why it is not.
    pub fn rollback_source(&self, run: RunId) -> Result<Option<StoredSource>, StoreError> {
        let Some(record) = self.sync_run(run)? else { return Ok(None) };
        let refuse = |why: String| Err(StoreError::Refused(why));
        let Some(source) = self.source_of_run(run)? else {
            return refuse(format!(
                "source {:?} of run {run} was deleted, and with it what its runs changed",
                record.source
            ));
        };
        let (lost_until, keeps_any): (u64, bool) = self.connection.query_row(
            "SELECT changes_lost_until, EXISTS (SELECT 1 FROM journal WHERE source_id = source.id)
             FROM source WHERE id = ?",
            [source.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if run.0 > lost_until {
            return Ok(Some(source));
        }
        if !keeps_any && !self.has_belongings(source.id)? {
            return refuse(format!(
                "source {:?} was parted from its contacts, so what its runs changed up to run {lost_until} is no \
                 longer kept",
                record.source
            ));
        }
        refuse(format!(
            "what runs of source {:?} changed up to run {lost_until} is no longer kept, so nobody knows what was \
             before run {run}: name a later run (how much is kept: history.runs and history.megabytes of the \
             settings)",
            record.source
        ))
    }

    /// What going back to before `run` would do. Changes nothing.
    pub fn plan_rollback(&self, source: &StoredSource, run: RunId) -> Result<Rollback, StoreError> {
        let added = self.collect_images(source.id, run)?;
        let mut rollback = self.described(source.id, run, &added)?;
        for step in self.phonebook_steps(source.id, run)? {
            rollback.note(&step.1);
        }
        self.forget_undo()?;
        Ok(rollback)
    }

    /// Fills `undo` with the contacts that have an image. The others that change are what runs added, and is there.
    fn collect_images(&self, source: i64, run: RunId) -> Result<AddedRanges, StoreError> {
        self.connection.execute(CREATE_UNDO, [])?;
        self.connection.execute(IMAGES, params![source, run.0])?;
        let mut ranges = self.connection.prepare(
            "SELECT run_id, first_id, last_id FROM journal_added
             WHERE run_id IN (SELECT run_id FROM journal WHERE source_id = ?1 AND run_id >= ?2)
             ORDER BY first_id",
        )?;
        let mut ranges = ranges.query(params![source, run.0])?;
        let mut had_image = self.connection.prepare(ADDED_WITH_IMAGE)?;
        let mut added = AddedRanges::new();
        while let Some(range) = ranges.next()? {
            let (run, first, last): (u64, u64, u64) = (range.get(0)?, range.get(1)?, range.get(2)?);
            had_image.execute([run, first, last])?;
            match added.last_mut().filter(|(_, before)| first <= before.saturating_add(1)) {
                Some((_, before)) => *before = last.max(*before),
                None => added.push((first, last)),
            }
        }
        Ok(added)
    }

    fn forget_undo(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("DROP TABLE temp.undo")?)
    }

    /// Runs and counts. Contacts with an image are in `undo`, those without in `added`.
    fn described(&self, source: i64, run: RunId, added: &AddedRanges) -> Result<Rollback, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT run_id FROM journal WHERE source_id = ? AND run_id >= ? ORDER BY run_id")?;
        let undone = statement.query_map(params![source, run.0], |row| Ok(RunId(row.get(0)?)))?;
        let undone: Vec<RunId> = undone.collect::<Result<_, _>>()?;
        let (mut counts, mut marked) = (RunCounts::default(), 0);
        let sql = format!("SELECT {FATE} AS fate, count(*) {UNDO} GROUP BY fate");
        let mut statement = self.connection.prepare(&sql)?;
        let mut fates = statement.query([0, i64::MAX])?;
        while let Some(row) = fates.next()? {
            let (fate, count): (String, u64) = (row.get(0)?, row.get(1)?);
            match fate.as_str() {
                "added" => counts.added = count,
                "changed" => counts.changed = count,
                "moved" => counts.moved = count,
                "removed" => counts.removed = count,
                "marked" => marked = count,
                _ => {}
            }
        }
        let mut count_added = self.connection.prepare(COUNT_ADDED)?;
        for (first, last) in added {
            counts.removed += count_added.query_row([first, last], |row| row.get::<_, u64>(0))?;
        }
        self.check_room(&counts)?;
        // The others that are there and stay.
        let touched = counts.changed + counts.moved + counts.removed;
        counts.unchanged = self.contact_count_of(source)?.saturating_sub(touched);
        let (restored_phonebooks, removed_phonebooks) = (Vec::new(), Vec::new());
        Ok(Rollback { undone, counts, marked, restored_phonebooks, removed_phonebooks })
    }

    /// Whether there is room for the contacts that come back. What makes them no more is never refused: limits may
    /// have been lowered since.
    fn check_room(&self, counts: &RunCounts) -> Result<(), StoreError> {
        if counts.added <= counts.removed {
            return Ok(());
        }
        let contacts = self.contact_count()? + counts.added - counts.removed;
        match self.settings()?.limits.objection(contacts, 0) {
            Some(why) => Err(over_limits(&why)),
            None => Ok(()),
        }
    }

    fn phonebooks_before(&self, source: i64, run: RunId) -> Result<Vec<PhonebookBefore>, StoreError> {
        // With min(), the other columns are those of the row that has it.
        let mut statement = self.connection.prepare(
            "SELECT phonebook_id, name, is_local, is_filled, min(run_id) FROM journal_phonebook
             WHERE run_id IN (SELECT run_id FROM journal WHERE source_id = ?1 AND run_id >= ?2)
             GROUP BY phonebook_id",
        )?;
        let before = statement.query_map(params![source, run.0], |row| {
            Ok(PhonebookBefore {
                id: PhonebookId(row.get(0)?),
                name: row.get::<_, Option<String>>(1)?.and_then(|name| PhonebookName::parse(&name).ok()),
                is_local: row.get(2)?,
                is_filled: row.get(3)?,
            })
        })?;
        Ok(before.collect::<Result<_, _>>()?)
    }

    /// What becomes of the phonebooks, or why they cannot become what they were.
    fn phonebook_steps(
        &self,
        source: i64,
        run: RunId,
    ) -> Result<Vec<(PhonebookId, PhonebookStep)>, StoreError> {
        let mut steps = Vec::new();
        for before in self.phonebooks_before(source, run)? {
            let sql = "SELECT source_id FROM phonebook WHERE id = ?";
            let now: Option<Option<i64>> =
                self.connection.query_row(sql, [before.id.0], |row| row.get(0)).optional()?;
            let is_ours = now == Some(Some(source));
            let step = match before {
                PhonebookBefore { is_filled: true, name: Some(name), is_local, .. } if !is_ours => {
                    match (now, is_local) {
                        (None, false) => PhonebookStep::Make(name),
                        (None, true) => return Err(gone(&name, "was deleted since")),
                        (Some(None), _) if self.is_empty(before.id)? => PhonebookStep::Give(name),
                        (Some(None), _) => return Err(gone(&name, "has other contacts by now")),
                        (Some(Some(_)), _) => return Err(gone(&name, "is filled by another source by now")),
                    }
                }
                PhonebookBefore { is_filled: false, name: Some(name), .. } if is_ours => {
                    PhonebookStep::Free(name)
                }
                PhonebookBefore { name: None, .. } if is_ours => {
                    let name = self.phonebook_names()?.remove(&before.id);
                    PhonebookStep::Delete(
                        name.ok_or_else(|| StoreError::Refused("a phonebook is gone".into()))?,
                    )
                }
                _ => continue,
            };
            steps.push((before.id, step));
        }
        self.check_new_phonebooks(&steps)?;
        Ok(steps)
    }

    /// Whether there is room, and the names are free, for the phonebooks that come back.
    fn check_new_phonebooks(&self, steps: &[(PhonebookId, PhonebookStep)]) -> Result<(), StoreError> {
        let deleted: Vec<PhonebookId> = steps
            .iter()
            .filter(|(_, step)| matches!(step, PhonebookStep::Delete(_)))
            .map(|(id, _)| *id)
            .collect();
        let limits = self.settings()?.limits;
        let mut count: usize =
            self.connection.query_row("SELECT count(*) FROM phonebook", [], |row| row.get(0))?;
        count -= deleted.len();
        for (_, step) in steps {
            let PhonebookStep::Make(name) = step else { continue };
            count += 1;
            if let Some(why) = limits.objection(0, count as u64) {
                return Err(over_limits(&why));
            }
            if let Some(taken) = self.phonebook(name)?.filter(|taken| !deleted.contains(&taken.id)) {
                let whose = match taken.origin {
                    PhonebookOrigin::Local => "a local one".to_owned(),
                    PhonebookOrigin::Synced(source) => format!("of source {source:?}"),
                };
                return Err(StoreError::Refused(format!(
                    "phonebook {:?} would come back, but there is another of that name by now ({whose}); nothing was \
                     changed. Rename or delete that one, or go back to a later run",
                    name.as_str()
                )));
            }
        }
        Ok(())
    }

    /// When the data that a source had before `run` were last known to be its own. A rollback put older ones back.
    fn last_synced_before(&self, source: i64, run: RunId) -> Result<Option<String>, StoreError> {
        let mut latest = self.connection.prepare(
            "SELECT record ->> 'to_before', record ->> 'finished_at'
             FROM sync_run JOIN source ON source_name = settings ->> 'name'
             WHERE source.id = ?1 AND sync_run.id > runs_after AND sync_run.id < ?2
             AND record ->> 'state' = 'succeeded' AND record ->> 'kind' <> 'preview'
             ORDER BY sync_run.id DESC LIMIT 1",
        )?;
        let mut before = run.0;
        loop {
            let found = latest.query_row(params![source, before], |row| Ok((row.get(0)?, row.get(1)?)));
            match found.optional()? {
                Some((Some(to_before), _)) => before = to_before,
                Some((None, finished_at)) => return Ok(finished_at),
                None => return Ok(None),
            }
        }
    }

    fn is_empty(&self, phonebook: PhonebookId) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM phonebook_contact WHERE phonebook_id = ?)";
        Ok(self.connection.query_row(sql, [phonebook.0], |row| row.get(0))?)
    }
}

fn over_limits(why: &str) -> StoreError {
    StoreError::Refused(format!("{why}; nothing was changed. Or go back to a later run"))
}

fn gone(name: &PhonebookName, what: &str) -> StoreError {
    StoreError::Refused(format!(
        "contacts would go back into the local phonebook {:?}, which {what}; nothing was changed. Go back to a later \
         run",
        name.as_str()
    ))
}

impl Rollback {
    fn note(&mut self, step: &PhonebookStep) {
        match step {
            PhonebookStep::Make(name) | PhonebookStep::Give(name) => {
                self.restored_phonebooks.push(name.clone())
            }
            PhonebookStep::Delete(name) | PhonebookStep::Free(name) => {
                self.removed_phonebooks.push(name.clone());
            }
        }
    }
}
