//! Starts the runs that are due.
//!
//! One pass looks at the settings and at the clock, starts what is due, and says when to look again. It takes no
//! other input, so that it may run at any time: when the next run is due, when anything was published (the settings
//! may have changed), and now and then, in case the clock was put right.
//!
//! * A source that is off, or has no schedule, is not started. One that is being synchronised already has what it
//!   was due for. While it is being previewed, its run waits.
//! * What each source is due for is remembered in the store. When a server starts, what lies in the past there was
//!   missed: it is made up for, once, if the schedule says so, and else skipped. What a source was due for under
//!   another schedule, or before it was turned off, was not missed.
//! * While the process runs nothing is skipped: a run that comes late, after a machine was suspended, say, is
//!   started then, once.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::engine::{Engine, EngineError, Scheduling};
use crate::store::{DueRun, StoredSource};
use crate::sync::{RunKind, next_run};

/// Who started a run, in its record.
pub const STARTED_BY: &str = "schedule";

/// How soon a run that could not be started is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Starts the runs that are due, until `stop`. None is started after it returns.
pub async fn run(engine: Arc<Engine>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut published = engine.published();
    let mut scheduler = Scheduler { engine, clock, due: None };
    while !stop.is_cancelled() {
        // What is published from here on is looked at by the next pass.
        published.borrow_and_update();
        let next = scheduler.pass().await;
        let until = next.unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = stop.cancelled() => return,
            () = scheduler.clock.sleep_until(until) => {}
            // The engine is there as long as this is.
            _ = published.changed() => {}
        }
    }
}

struct Scheduler {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    /// What sources are due for, by their number; `None` before the first pass.
    due: Option<HashMap<i64, DueRun>>,
}

impl Scheduler {
    /// Starts what is due, and says when to look again.
    async fn pass(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let again = now.checked_add(RETRY).ok();
        let Scheduling { sources, remembered, seed } = match self.engine.scheduling().await {
            Ok(scheduling) => scheduling,
            Err(error) => {
                tracing::error!(%error, "what is due could not be read; trying again");
                return again;
            }
        };
        let before = self.due.take().unwrap_or_else(|| not_skipped(&remembered, now));
        let mut due = HashMap::new();
        let mut wake = None;
        for StoredSource { id, settings, .. } in sources {
            let Some(schedule) = settings.schedule.filter(|_| settings.enabled) else { continue };
            let Some(next) = next_run(&schedule, &settings.name, seed, now) else { continue };
            // Not later than that: the clock may have been wrong before.
            let was =
                before.get(&id).filter(|was| was.schedule == schedule).map_or(next, |was| was.at.min(next));
            let is_open = was <= now && !self.start(&settings.name).await;
            let at = if is_open { was } else { next };
            wake = [wake, if is_open { again } else { Some(next) }].into_iter().flatten().min();
            due.insert(id, DueRun { source: id, schedule, at });
        }
        let is_remembered = remembered.len() == due.len()
            && remembered.iter().all(|remembered| due.get(&remembered.source) == Some(remembered));
        if !is_remembered
            && let Err(error) = self.engine.remember_due_runs(due.values().cloned().collect()).await
        {
            tracing::error!(%error, "what sources are due for could not be stored");
            wake = wake.or(again);
        }
        self.due = Some(due);
        wake
    }

    /// Starts the run of a source. Says whether that is done with, one way or another.
    async fn start(&self, source: &str) -> bool {
        match self.engine.start_sync(source, RunKind::Sync, STARTED_BY, None).await {
            Ok(started) => {
                if started.already_running {
                    tracing::info!(source, run = %started.run.id, "due, and being synchronised already");
                }
                true
            }
            // Turned off or deleted at this very moment.
            Err(EngineError::SourceIsOff { .. } | EngineError::NotFound { .. }) => true,
            Err(error) => {
                tracing::warn!(source, %error, "due, but could not be started; trying again in a minute");
                false
            }
        }
    }
}

/// What was due before the start, without what was missed and is not to be made up for.
fn not_skipped(remembered: &[DueRun], now: Timestamp) -> HashMap<i64, DueRun> {
    let kept = remembered.iter().filter(|due| due.at > now || due.schedule.run_missed);
    kept.map(|due| (due.source, due.clone())).collect()
}
