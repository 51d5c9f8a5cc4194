//! What the process has done beside answering calls: runs and notifications.
//!
//! Numbers that only grow, for metrics; what the last run of a source came to is in the store. Bounded: what comes
//! after the first [`MAX_NAMES`] sources is counted under the name of nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::snapshot::Counter;
use crate::sync::{Channel, NotificationState, Phase, RunCounts, RunKind, RunState, SyncRun};

/// How many sources are told apart.
pub const MAX_NAMES: usize = 200;

/// What sources beyond [`MAX_NAMES`] are counted as. No source has this name.
pub const OTHERS: &str = "";

/// What has been counted.
#[derive(Debug, Default)]
pub struct Activity {
    sources: Mutex<BTreeMap<String, SourceActivity>>,
    notifications: [[Counter; 3]; 2],
}

/// What the runs of a source came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceActivity {
    /// How many ended, by kind and state.
    pub runs: Vec<(RunKind, RunState, u64)>,
    /// What became of rows, by all runs that changed contacts, or would have.
    pub rows: RunCounts,
    /// How many milliseconds were spent in each phase.
    pub phases: Vec<(Phase, u64)>,
}

/// Adds to the entry of a short list.
fn add<K: PartialEq>(list: &mut Vec<(K, u64)>, key: K, more: u64) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += more,
        None => list.push((key, more)),
    }
}

impl SourceActivity {
    fn add(&mut self, run: &SyncRun) {
        let known =
            |(kind, state, _): &&mut (RunKind, RunState, u64)| (*kind, *state) == (run.kind, run.state);
        match self.runs.iter_mut().find(known) {
            Some((.., count)) => *count += 1,
            None => self.runs.push((run.kind, run.state, 1)),
        }
        if run.kind == RunKind::Sync {
            let RunCounts {
                rows,
                added,
                changed,
                moved,
                unchanged,
                rejected,
                removed,
                kept_missing,
                dropped_numbers,
            } = run.counts;
            let all = &mut self.rows;
            all.rows += rows;
            all.rejected += rejected;
            all.dropped_numbers += dropped_numbers;
            // What did not come to pass was not added.
            if run.state == RunState::Succeeded {
                all.added += added;
                all.changed += changed;
                all.moved += moved;
                all.unchanged += unchanged;
                all.removed += removed;
                all.kept_missing += kept_missing;
            }
        }
        for phase in &run.phases {
            add(&mut self.phases, phase.phase, phase.milliseconds);
        }
    }
}

impl Activity {
    fn by_source(&self) -> MutexGuard<'_, BTreeMap<String, SourceActivity>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run_ended(&self, run: &SyncRun) {
        let mut sources = self.by_source();
        let has_place = sources.len() < MAX_NAMES || sources.contains_key(&run.source);
        let name = if has_place { run.source.as_str() } else { OTHERS };
        sources.entry(name.to_owned()).or_default().add(run);
    }

    pub(super) fn notified(&self, channel: Channel, state: NotificationState) {
        self.notifications[channel as usize][state as usize].count();
    }

    /// How many attempts to tell somebody by this channel came to this: [`NotificationState::Pending`] is one that
    /// did not work and is tried again.
    #[must_use]
    pub fn notifications(&self, channel: Channel, state: NotificationState) -> u64 {
        self.notifications[channel as usize][state as usize].get()
    }

    /// What the runs of sources came to, by the name of the source, or [`OTHERS`].
    #[must_use]
    pub fn sources(&self) -> Vec<(String, SourceActivity)> {
        self.by_source().iter().map(|(name, activity)| (name.clone(), activity.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::PhaseTime;
    use jiff::Timestamp;

    fn run(source: &str, state: RunState) -> SyncRun {
        let mut run = SyncRun::begin(source, RunKind::Sync, "test", Timestamp::UNIX_EPOCH);
        run.state = state;
        run.counts = RunCounts { rows: 10, added: 8, rejected: 2, ..RunCounts::default() };
        run.phases = vec![PhaseTime { phase: Phase::Read, milliseconds: 5 }];
        run
    }

    #[test]
    fn what_did_not_come_to_pass_counts_as_read_but_not_as_added() {
        let activity = Activity::default();
        for state in [RunState::Succeeded, RunState::Refused, RunState::Succeeded] {
            activity.run_ended(&run("crm", state));
        }
        let [(name, crm)] = &activity.sources()[..] else { panic!("{activity:?}") };
        assert_eq!(name, "crm");
        assert_eq!(
            crm.runs,
            [(RunKind::Sync, RunState::Succeeded, 2), (RunKind::Sync, RunState::Refused, 1)]
        );
        assert_eq!((crm.rows.rows, crm.rows.rejected, crm.rows.added), (30, 6, 16));
        assert_eq!(crm.phases, [(Phase::Read, 15)]);
    }

    #[test]
    fn there_are_never_more_names_than_allowed() {
        let activity = Activity::default();
        for number in 0..MAX_NAMES + 50 {
            activity.run_ended(&run(&format!("source {number}"), RunState::Succeeded));
        }
        let sources = activity.sources();
        assert_eq!(sources.len(), MAX_NAMES + 1);
        assert_eq!(sources[0].0, OTHERS);
        assert_eq!(sources[0].1.runs, [(RunKind::Sync, RunState::Succeeded, 50)]);
    }
}
