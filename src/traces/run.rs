//! A sync run as a span, and its phases as spans below it: told when it has ended, from its record.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use opentelemetry::trace::{Span as _, SpanBuilder, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use tokio_util::sync::CancellationToken;

use super::Traces;
use crate::engine::{Engine, EngineError};
use crate::sync::{RunId, RunState, SyncRun};

/// How many records are read at a time.
const PAGE: u32 = 100;

/// Tells of every run that ends from now on, until `stop`, and then of those that have ended by then.
pub async fn follow_runs(traces: Arc<Traces>, engine: Arc<Engine>, stop: CancellationToken) {
    let mut ended = engine.runs_ended();
    let mut followed = Followed::since(Timestamp::now());
    loop {
        let is_last = stop.is_cancelled();
        // A run that ends from here on is looked at by the next pass.
        ended.borrow_and_update();
        match records(&engine, followed.all_until).await {
            Ok(mut runs) => {
                // A record says how a run ended a moment before it has: the last phase is not in it yet.
                let under_way = runs.iter_mut().filter(|run| engine.active_run(run.id).is_some());
                under_way.for_each(|run| run.finished_at = None);
                for run in followed.news(runs) {
                    traces.tell(&engine.run(run.id).await.unwrap_or(run));
                }
            }
            Err(error) => tracing::warn!(%error, "runs could not be read; their spans are sent later"),
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            // The engine is there as long as this is.
            _ = ended.changed() => {}
        }
    }
}

/// The records of runs, the latest first: those after a number, or the latest few.
async fn records(engine: &Arc<Engine>, after: Option<RunId>) -> Result<Vec<SyncRun>, EngineError> {
    let engine = Arc::clone(engine);
    let reading = tokio::task::spawn_blocking(move || {
        engine.read(|reading| {
            let mut all = reading.sync_runs(None, None, PAGE)?;
            while let (Some(after), Some(oldest)) = (after, all.last())
                && oldest.id > after
            {
                let page = reading.sync_runs(None, Some(oldest.id), PAGE)?;
                if page.is_empty() {
                    break;
                }
                all.extend(page);
            }
            Ok(all)
        })
    });
    match reading.await {
        Ok(read) => read,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Which runs were told.
#[derive(Debug)]
struct Followed {
    /// What ended before is told by nobody.
    since: Timestamp,
    /// All runs up to this one are done with.
    all_until: Option<RunId>,
    /// Those behind it that are.
    told: HashSet<RunId>,
}

impl Followed {
    fn since(since: Timestamp) -> Self {
        Followed { since, all_until: None, told: HashSet::new() }
    }

    /// Of these records, the latest first, the ones to tell: in the order in which they began.
    fn news(&mut self, mut runs: Vec<SyncRun>) -> Vec<SyncRun> {
        runs.reverse();
        let all_until = self.all_until;
        runs.retain(|run| all_until.is_none_or(|until| run.id > until));
        let first_running = runs.iter().position(|run| run.finished_at.is_none());
        let done = match first_running {
            Some(place) => &runs[..place],
            None => &runs,
        };
        // Before the first that are read, there are only such as ended long ago.
        let before_first = || runs.first().map(|run| RunId(run.id.0.saturating_sub(1)));
        self.all_until = done.last().map(|run| run.id).or(all_until).or_else(before_first);
        let Followed { since, told, .. } = self;
        runs.retain(|run| run.finished_at.is_some_and(|end| end >= *since) && told.insert(run.id));
        told.retain(|id| self.all_until.is_none_or(|until| *id > until));
        runs
    }
}

impl Traces {
    /// Tells of a run that has ended. Its phases are told one after the other from its beginning, by how long each took.
    fn tell(&self, run: &SyncRun) {
        // Every time that a clock of this century shows can be written as the other.
        let Ok(began) = SystemTime::try_from(run.started_at) else { return };
        let Ok(ended) = SystemTime::try_from(run.finished_at.unwrap_or(run.started_at)) else { return };
        let builder = SpanBuilder::from_name(run.kind.in_words())
            .with_start_time(began)
            .with_attributes(attributes(run));
        let mut span = self.begin(builder, &Context::new());
        // Not why: that may hold values of rows.
        if matches!(run.state, RunState::Failed | RunState::Refused) {
            span.set_attribute(KeyValue::new("error.type", run.state.name()));
            span.set_status(Status::error(""));
        }
        let within = Context::new().with_remote_span_context(span.span_context().clone());
        let mut from = began;
        for phase in &run.phases {
            let until =
                from.checked_add(Duration::from_millis(phase.milliseconds)).unwrap_or(ended).min(ended);
            let builder = SpanBuilder::from_name(phase.phase.name()).with_start_time(from);
            self.begin(builder, &within).end_with_timestamp(until);
            from = until;
        }
        span.end_with_timestamp(ended);
    }
}

fn attributes(run: &SyncRun) -> Vec<KeyValue> {
    let number = |key: &'static str, value: u64| KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX));
    let counts = &run.counts;
    let mut attributes = vec![
        KeyValue::new("ringroute.source.name", run.source.clone()),
        number("ringroute.run.id", run.id.0),
        KeyValue::new("ringroute.run.kind", run.kind.name()),
        KeyValue::new("ringroute.run.state", run.state.name()),
        number("ringroute.run.rows", counts.rows),
        number("ringroute.run.added", counts.added),
        number("ringroute.run.changed", counts.changed),
        number("ringroute.run.moved", counts.moved),
        number("ringroute.run.unchanged", counts.unchanged),
        number("ringroute.run.removed", counts.removed),
        number("ringroute.run.rejected", counts.rejected),
    ];
    attributes.extend(run.generation.map(|generation| number("ringroute.generation", generation.0)));
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::RunKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A run that ended in that second; 0: it is under way.
    fn run(id: u64, ended: i64) -> SyncRun {
        let run = SyncRun::begin("crm", RunKind::Sync, "test", at(1));
        SyncRun { id: RunId(id), finished_at: (ended > 0).then(|| at(ended)), ..run }
    }

    fn news(followed: &mut Followed, runs: &[(u64, i64)]) -> Vec<u64> {
        let latest_first = runs.iter().rev().map(|(id, ended)| run(*id, *ended)).collect();
        followed.news(latest_first).iter().map(|run| run.id.0).collect()
    }

    #[test]
    fn each_run_is_told_once_when_it_has_ended() {
        let mut followed = Followed::since(at(100));
        assert_eq!(news(&mut followed, &[(1, 50), (2, 0), (3, 0)]), [0_u64; 0], "ended before, or under way");
        assert_eq!(followed.all_until, Some(RunId(1)));
        assert_eq!(news(&mut followed, &[(1, 50), (2, 0), (3, 101)]), [3], "2 is not waited for");
        assert_eq!(news(&mut followed, &[(1, 50), (2, 0), (3, 101), (4, 102)]), [4]);
        assert_eq!(news(&mut followed, &[(2, 103), (3, 101), (4, 102), (5, 0)]), [2]);
        assert_eq!((followed.all_until, followed.told.len()), (Some(RunId(4)), 0), "nothing grows");
        assert_eq!(news(&mut followed, &[]), [0_u64; 0]);
        assert_eq!(news(&mut followed, &[(4, 102), (5, 104)]), [5]);
    }
}
