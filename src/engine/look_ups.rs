//! How many look-ups were answered, how, and how fast: what dashboards and alerts look at.
//!
//! A call leaves three additions to numbers of its own kind, and nothing else: no lock, no allocation. Each thread has
//! [its own](Shares); whoever asks adds them up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::shares::Shares;
use crate::matching::CallerMatch;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUpKind {
    /// Who is calling.
    Match,
    /// Where a call goes.
    Route,
    /// Where a call would go, asked by somebody who wants to know: no call.
    Explain,
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// Contacts have the number.
    Matched,
    /// Nobody has it.
    NotMatched,
    /// The number is withheld.
    Withheld,
    /// The caller is no phone number.
    Invalid,
    /// The request was refused: a field of it cannot be.
    Refused,
    /// There was nothing to answer from.
    Unavailable,
}

impl LookUpKind {
    /// All of them.
    pub const ALL: [LookUpKind; 3] = [LookUpKind::Match, LookUpKind::Route, LookUpKind::Explain];

    /// The name shown, such as `match`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LookUpKind::Match => "match",
            LookUpKind::Route => "route",
            LookUpKind::Explain => "explain",
        }
    }
}

impl LookUpOutcome {
    /// All of them.
    pub const ALL: [LookUpOutcome; 6] = [
        LookUpOutcome::Matched,
        LookUpOutcome::NotMatched,
        LookUpOutcome::Withheld,
        LookUpOutcome::Invalid,
        LookUpOutcome::Refused,
        LookUpOutcome::Unavailable,
    ];

    /// The name shown, such as `not_matched`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LookUpOutcome::Matched => "matched",
            LookUpOutcome::NotMatched => "not_matched",
            LookUpOutcome::Withheld => "withheld",
            LookUpOutcome::Invalid => "invalid",
            LookUpOutcome::Refused => "refused",
            LookUpOutcome::Unavailable => "unavailable",
        }
    }
}

impl From<&CallerMatch> for LookUpOutcome {
    fn from(caller_match: &CallerMatch) -> Self {
        match caller_match {
            CallerMatch::Matched { .. } => LookUpOutcome::Matched,
            CallerMatch::NotMatched(_) => LookUpOutcome::NotMatched,
            CallerMatch::Withheld => LookUpOutcome::Withheld,
            CallerMatch::Invalid(_) => LookUpOutcome::Invalid,
        }
    }
}

/// How many durations are told apart: the last one has no upper bound.
pub const DURATION_CLASSES: usize = 18;

/// The first class ends here, in nanoseconds; each next one at the double.
const FIRST_BOUND: u64 = 512;

/// The longest duration of a class; `None` of the last. From 512 ns to 34 ms, each the double of the one before.
#[must_use]
pub fn duration_bound(class: usize) -> Option<Duration> {
    (class + 1 < DURATION_CLASSES).then(|| Duration::from_nanos(FIRST_BOUND << class))
}

fn duration_class(nanoseconds: u64) -> usize {
    let doublings = nanoseconds.saturating_sub(1) / FIRST_BOUND;
    ((u64::BITS - doublings.leading_zeros()) as usize).min(DURATION_CLASSES - 1)
}

/// The counts, growing since the process began.
#[derive(Debug, Default)]
pub struct LookUps(Shares<[OfKind; LookUpKind::ALL.len()]>);

#[derive(Debug, Default)]
struct OfKind {
    outcomes: [AtomicU64; LookUpOutcome::ALL.len()],
    nanoseconds: AtomicU64,
    durations: [AtomicU64; DURATION_CLASSES],
}

/// How long look-ups of a kind took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// All of them together.
    pub total: Duration,
    /// How many were of each class; see [`duration_bound`].
    pub counts: [u64; DURATION_CLASSES],
}

impl LookUps {
    /// Counts one, which took so long from the request that was read to the answer that can be written.
    pub fn count(&self, kind: LookUpKind, outcome: LookUpOutcome, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let of_kind = &self.0.own()[kind as usize];
        of_kind.outcomes[outcome as usize].fetch_add(1, Relaxed);
        of_kind.nanoseconds.fetch_add(nanoseconds, Relaxed);
        of_kind.durations[duration_class(nanoseconds)].fetch_add(1, Relaxed);
    }

    /// How many of a kind came to this.
    #[must_use]
    pub fn counted(&self, kind: LookUpKind, outcome: LookUpOutcome) -> u64 {
        self.of_kind(kind).map(|of_kind| of_kind.outcomes[outcome as usize].load(Relaxed)).sum()
    }

    /// How long those of a kind took.
    #[must_use]
    pub fn durations(&self, kind: LookUpKind) -> Durations {
        Durations {
            total: Duration::from_nanos(
                self.of_kind(kind).map(|of_kind| of_kind.nanoseconds.load(Relaxed)).sum(),
            ),
            counts: std::array::from_fn(|class| {
                self.of_kind(kind).map(|of_kind| of_kind.durations[class].load(Relaxed)).sum()
            }),
        }
    }

    fn of_kind(&self, kind: LookUpKind) -> impl Iterator<Item = &OfKind> {
        self.0.all().map(move |kinds| &kinds[kind as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::shares::SHARES;
    use super::*;

    #[test]
    fn a_duration_is_in_the_class_whose_bounds_it_lies_between() {
        for class in 0..DURATION_CLASSES {
            let above = class.checked_sub(1).and_then(duration_bound).unwrap_or_default().as_nanos() as u64;
            assert_eq!(duration_class(above + 1), class, "just above the bound of the class before");
            let most = duration_bound(class).map_or(u64::MAX, |bound| bound.as_nanos() as u64);
            assert_eq!(duration_class(most), class, "the bound itself");
        }
        assert_eq!(duration_class(0), 0);
        assert_eq!(duration_bound(0), Some(Duration::from_nanos(512)));
        assert_eq!(duration_bound(DURATION_CLASSES - 1), None);
    }

    #[test]
    fn what_is_counted_is_told_by_kind() {
        let look_ups = LookUps::default();
        look_ups.count(LookUpKind::Match, LookUpOutcome::Matched, Duration::from_micros(1));
        look_ups.count(LookUpKind::Match, LookUpOutcome::Refused, Duration::from_secs(1));
        look_ups.count(LookUpKind::Route, LookUpOutcome::Matched, Duration::ZERO);
        assert_eq!(look_ups.counted(LookUpKind::Match, LookUpOutcome::Matched), 1);
        assert_eq!(look_ups.counted(LookUpKind::Match, LookUpOutcome::NotMatched), 0);
        let durations = look_ups.durations(LookUpKind::Match);
        assert_eq!(durations.total, Duration::from_micros(1_000_001));
        assert_eq!((durations.counts[1], durations.counts[DURATION_CLASSES - 1]), (1, 1));
        assert_eq!(durations.counts.iter().sum::<u64>(), 2);
    }

    #[test]
    fn what_many_threads_count_is_told_as_one() {
        let look_ups = LookUps::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARES {
                let count =
                    || look_ups.count(LookUpKind::Route, LookUpOutcome::Matched, Duration::from_micros(1));
                scope.spawn(count);
            }
        });
        let threads = 2 * SHARES as u64;
        assert_eq!(look_ups.counted(LookUpKind::Route, LookUpOutcome::Matched), threads);
        let durations = look_ups.durations(LookUpKind::Route);
        assert_eq!((durations.total, durations.counts[1]), (Duration::from_micros(threads), threads));
    }
}
