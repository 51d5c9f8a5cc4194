//! The record of a sync run, and its progress while it is under way.

use std::fmt;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::notify::Notification;
use super::preview::AssumedCalls;
use crate::generation::Generation;

/// Number of a sync run; grows with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Changes contacts.
    Sync,
    /// Only says what a sync would change.
    Preview,
    /// Takes back what runs changed.
    Rollback,
}

impl RunKind {
    /// The name shown, such as `sync`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RunKind::Sync => "sync",
            RunKind::Preview => "preview",
            RunKind::Rollback => "rollback",
        }
    }

    /// What such a run is called in a sentence.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            RunKind::Sync => "sync run",
            RunKind::Preview | RunKind::Rollback => self.name(),
        }
    }
}

/// How far a run is, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Under way.
    Running,
    /// Did what it was for.
    Succeeded,
    /// Something went wrong; nothing was changed.
    Failed,
    /// What was read is not believed; nothing was changed.
    Refused,
    /// Somebody asked for it to end; nothing was changed.
    Cancelled,
}

impl RunState {
    /// The name shown, such as `succeeded`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Refused => "refused",
            RunState::Cancelled => "cancelled",
        }
    }
}

/// The steps of a run, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting until it may read: only so many sources are read at once.
    Wait,
    /// Reading rows, normalising and comparing them, all at the same time.
    Read,
    /// Writing the changes into the open transaction.
    Write,
    /// Building the index of the next generation.
    Build,
    /// Proving that the index is right.
    Verify,
    /// Committing the transaction, and publishing.
    Commit,
}

impl Phase {
    /// The name shown, such as `read`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Wait => "wait",
            Phase::Read => "read",
            Phase::Write => "write",
            Phase::Build => "build",
            Phase::Verify => "verify",
            Phase::Commit => "commit",
        }
    }
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Its duration.
    pub milliseconds: u64,
}

/// What became of the rows. Each row that is not rejected is one of added, changed, moved or unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Rows received from the source.
    pub rows: u64,
    /// Contacts that were not there before.
    pub added: u64,
    /// Contacts of which something changed; they may have moved as well.
    pub changed: u64,
    /// Contacts that only went to another phonebook.
    pub moved: u64,
    /// Contacts as they were.
    pub unchanged: u64,
    /// Rows that are no usable contact.
    pub rejected: u64,
    /// Contacts that were not received and are removed.
    pub removed: u64,
    /// Contacts that were not received and are kept, because the source says so.
    pub kept_missing: u64,
    /// Numbers of otherwise usable contacts that nobody can call from.
    pub dropped_numbers: u64,
}

impl RunCounts {
    /// How many contacts were synchronised: the number in the reference system's banner.
    #[must_use]
    pub fn synchronised(&self) -> u64 {
        self.added + self.changed + self.moved + self.unchanged
    }

    /// Whether any answer can be different afterwards.
    #[must_use]
    pub fn changes_answers(&self) -> bool {
        self.added + self.changed + self.moved + self.removed > 0
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What became of it.
    pub kind: ProblemKind,
    /// Which row: its number in the source's order from 1, or its line in a file.
    pub position: u64,
    /// What the source calls the row, as far as that is known.
    pub source_key: String,
    /// The column at fault; empty when it is the row as a whole.
    pub column: String,
    /// What was found there, at most 64 characters of it.
    pub value: String,
    /// Why it is a problem, and what was expected.
    pub reason: String,
}

/// What became of a row, or part of it, that is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The row is left out.
    RowRejected,
    /// The contact is taken without this number.
    NumberDropped,
}

/// Most problems of a run that are kept; all of them are counted.
pub const MAX_KEPT_PROBLEMS: usize = 10_000;

/// The record of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncRun {
    /// Its number.
    pub id: RunId,
    /// Name of the source.
    pub source: String,
    /// What it is for.
    pub kind: RunKind,
    /// How far it is, or how it ended.
    pub state: RunState,
    /// Who or what started it.
    pub started_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// What became of the rows.
    #[serde(default)]
    pub counts: RunCounts,
    /// How long each phase took.
    #[serde(default)]
    pub phases: Vec<PhaseTime>,
    /// Why it came to nothing, and what to do; empty when it succeeded.
    #[serde(default)]
    pub failure: String,
    /// What is worth knowing though it succeeded.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The generation that answers come from after it.
    #[serde(default)]
    pub generation: Option<Generation>,
    /// Tells whether two plans do the same; a hexadecimal text.
    #[serde(default)]
    pub plan_digest: String,
    /// Of a preview: tells whether calls are decided by the same rules as when its effect on them was told.
    #[serde(default)]
    pub rules_digest: String,
    /// Of a preview: what it assumes of calls.
    #[serde(default)]
    pub assumed_calls: AssumedCalls,
    /// The preview whose plan this run was allowed to carry out.
    #[serde(default)]
    pub allowed_by: Option<RunId>,
    /// For a rollback: everything is as it was before this run.
    #[serde(default)]
    pub to_before: Option<RunId>,
    /// Who is told of it, and whether that worked. Kept beside the record.
    #[serde(skip)]
    pub notifications: Vec<Notification>,
}

impl SyncRun {
    /// A run that begins.
    #[must_use]
    pub fn begin(source: &str, kind: RunKind, started_by: &str, started_at: Timestamp) -> Self {
        SyncRun {
            // Given by the store.
            id: RunId(0),
            source: source.to_owned(),
            kind,
            state: RunState::Running,
            started_by: started_by.to_owned(),
            started_at,
            finished_at: None,
            counts: RunCounts::default(),
            phases: Vec::new(),
            failure: String::new(),
            warnings: Vec::new(),
            generation: None,
            plan_digest: String::new(),
            rules_digest: String::new(),
            assumed_calls: AssumedCalls::default(),
            allowed_by: None,
            to_before: None,
            notifications: Vec::new(),
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// What became of the rows so far.
    pub counts: RunCounts,
    /// How many rows there probably are: as many as when the source was last read to its end.
    pub expected_rows: Option<u64>,
    /// When reading began.
    pub began: Instant,
    /// How long it has taken, up to the last rows that came.
    pub reading: Duration,
    /// The finished run, once it is.
    pub finished: Option<SyncRun>,
}

impl Progress {
    /// At the start.
    #[must_use]
    pub fn start(expected_rows: Option<u64>) -> Self {
        Progress {
            phase: Phase::Read,
            counts: RunCounts::default(),
            expected_rows,
            began: Instant::now(),
            reading: Duration::ZERO,
            finished: None,
        }
    }

    /// It was waited for, and begins now.
    pub fn begin_reading(&mut self) {
        (self.phase, self.began) = (Phase::Read, Instant::now());
    }

    /// Rows have come.
    pub fn rows_came(&mut self, counts: RunCounts) {
        self.counts = counts;
        self.reading = self.began.elapsed();
    }

    /// Rows a second, on average since reading began, and how much longer reading will probably take, as far as
    /// either can be told. `now` is how long it has been going on.
    #[must_use]
    pub fn estimate(&self, now: Duration) -> (Option<u64>, Option<Duration>) {
        // A source that hangs gets slower while it does.
        let reading = if self.phase == Phase::Read { now } else { self.reading };
        let milliseconds = u64::try_from(reading.as_millis()).unwrap_or(u64::MAX);
        let rate = (self.counts.rows > 0 && milliseconds > 0)
            .then(|| self.counts.rows.saturating_mul(1000) / milliseconds)
            .filter(|rate| *rate > 0);
        let left = self.expected_rows.and_then(|expected| expected.checked_sub(self.counts.rows));
        let remaining = match (self.phase, rate, left) {
            (Phase::Read, Some(rate), Some(left)) => {
                Some(Duration::from_millis(left.saturating_mul(1000) / rate))
            }
            _ => None,
        };
        (rate, remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_estimated_while_rows_are_read() {
        let mut progress = Progress::start(Some(3000));
        let second = Duration::from_secs(1);
        assert_eq!(progress.estimate(second), (None, None), "nothing came yet");
        progress.counts.rows = 1000;
        assert_eq!(progress.estimate(second), (Some(1000), Some(2 * second)));
        // There were more than the last time: nobody knows how many.
        progress.counts.rows = 4000;
        assert_eq!(progress.estimate(2 * second), (Some(2000), None));
        (progress.phase, progress.reading) = (Phase::Build, second);
        assert_eq!(progress.estimate(9 * second), (Some(4000), None));
        progress.expected_rows = None;
        (progress.phase, progress.counts.rows) = (Phase::Read, 1000);
        assert_eq!(progress.estimate(second), (Some(1000), None));
    }
}
