//! Look-ups of every minute of the last day, for whoever draws them.
//!
//! Calls know nothing of it: once a minute somebody looks at how far the counters have come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::look_ups::{LookUpKind, LookUpOutcome, LookUps};
use crate::clock::Clock;

/// How many minutes are kept: a day.
pub const KEPT_MINUTES: usize = 24 * 60;

/// A minute's look-ups. Those of people who only want to know are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All that were answered, matched or not.
    pub answered: u64,
    /// Those of callers that contacts have the number of.
    pub matched: u64,
    /// Those that had no answer: refused, or nothing to answer from.
    pub failed: u64,
}

/// A minute and what it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMinute {
    /// When it began; on the full minute.
    pub begins: Timestamp,
    /// Its look-ups.
    pub counts: CallCounts,
}

/// The minutes that are over.
#[derive(Debug, Default)]
pub(super) struct CallHistory {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    minutes: VecDeque<CallMinute>,
    /// How far the counters had come at the end of the last of them.
    total: CallCounts,
    /// When the minute under way began.
    begins: Option<Timestamp>,
}

impl CallCounts {
    fn of(look_ups: &LookUps) -> Self {
        let mut counts = CallCounts::default();
        for kind in [LookUpKind::Match, LookUpKind::Route] {
            for outcome in LookUpOutcome::ALL {
                let counted = look_ups.counted(kind, outcome);
                match outcome {
                    LookUpOutcome::Refused | LookUpOutcome::Unavailable => counts.failed += counted,
                    LookUpOutcome::Matched => {
                        counts.answered += counted;
                        counts.matched += counted;
                    }
                    LookUpOutcome::NotMatched | LookUpOutcome::Withheld | LookUpOutcome::Invalid => {
                        counts.answered += counted;
                    }
                }
            }
        }
        counts
    }

    fn since(self, before: CallCounts) -> Self {
        CallCounts {
            answered: self.answered.saturating_sub(before.answered),
            matched: self.matched.saturating_sub(before.matched),
            failed: self.failed.saturating_sub(before.failed),
        }
    }
}

/// When the minute of a moment began.
fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

impl Kept {
    /// Ends the minute under way, if it is over.
    fn look(&mut self, now: Timestamp, total: CallCounts) {
        let begins = *self.begins.get_or_insert(minute_of(now));
        // A clock that was put back has no new minute until it comes to where it was.
        if minute_of(now) <= begins {
            return;
        }
        self.minutes.push_back(CallMinute { begins, counts: total.since(self.total) });
        let too_many = self.minutes.len().saturating_sub(KEPT_MINUTES);
        self.minutes.drain(..too_many);
        self.total = total;
        self.begins = Some(minute_of(now));
    }
}

/// Writes the history of an engine's look-ups, until `stop`.
pub async fn keep_call_history(engine: Arc<Engine>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let now = clock.now();
        engine.look_at_the_minute(now);
        let next = minute_of(now).as_second().saturating_add(60);
        let next = Timestamp::from_second(next).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep_until(next) => {}
        }
    }
}

impl Engine {
    fn look_at_the_minute(&self, now: Timestamp) {
        let total = CallCounts::of(&self.look_ups);
        self.call_history.kept.lock().unwrap_or_else(PoisonError::into_inner).look(now, total);
    }

    /// The minutes of the last day that the process has seen, the oldest first; the last one is under way.
    /// A minute in which nothing looked, because the machine was suspended, say, is missing.
    #[must_use]
    pub fn call_history(&self) -> Vec<CallMinute> {
        let total = CallCounts::of(&self.look_ups);
        let kept = self.call_history.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = kept.begins.map(|begins| CallMinute { begins, counts: total.since(kept.total) });
        kept.minutes.iter().copied().chain(under_way).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    fn counts(answered: u64) -> CallCounts {
        CallCounts { answered, ..CallCounts::default() }
    }

    #[test]
    fn a_minute_has_what_was_counted_while_it_went_on() {
        let mut kept = Kept::default();
        for (now, total) in [("12:00:30", 0), ("12:00:59", 3), ("12:01:00", 5), ("12:02:10", 9)] {
            kept.look(at(now), counts(total));
        }
        let minutes: Vec<_> = kept.minutes.iter().map(|m| (m.begins, m.counts.answered)).collect();
        assert_eq!(minutes, [(at("12:00:00"), 5), (at("12:01:00"), 4)]);
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let mut kept = Kept::default();
        let begin = at("00:00:00").as_second();
        for minute in 0..=3000 {
            kept.look(Timestamp::from_second(begin + minute * 60).unwrap(), counts(minute as u64));
        }
        assert_eq!(kept.minutes.len(), KEPT_MINUTES);
        assert_eq!(kept.minutes[0].begins.as_second(), begin + (3000 - KEPT_MINUTES as i64) * 60);
    }

    #[test]
    fn a_clock_that_is_put_back_loses_nothing() {
        let mut kept = Kept::default();
        for (now, total) in [("12:05:00", 0), ("12:01:00", 2), ("12:06:00", 7)] {
            kept.look(at(now), counts(total));
        }
        assert_eq!(kept.minutes, [CallMinute { begins: at("12:05:00"), counts: counts(7) }]);
    }

    #[test]
    fn what_people_only_want_to_know_is_no_call() {
        let look_ups = LookUps::default();
        for kind in LookUpKind::ALL {
            for outcome in LookUpOutcome::ALL {
                look_ups.count(kind, outcome, std::time::Duration::ZERO);
            }
        }
        assert_eq!(CallCounts::of(&look_ups), CallCounts { answered: 8, matched: 2, failed: 4 });
    }
}
