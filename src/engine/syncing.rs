//! Sync runs: start, follow, cancel.

mod pass;
mod planning;

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::permitting::Allowance;
use super::{Engine, EngineError, blocking};
use crate::audit::{Actor, AuditAction, AuditEvent, Door};
use crate::settings::folded_name;
use crate::store::{Change, Reading, StoreError, StoredSource};
use crate::sync::preview::AssumedCalls;
use crate::sync::{Progress, RunId, RunKind, SyncRun};

pub(super) use pass::{Pass, Written};
pub(super) use planning::region_of;

/// A run under way.
#[derive(Debug)]
pub struct ActiveRun {
    /// Its number.
    pub id: RunId,
    /// Name of its source.
    pub source: String,
    progress: watch::Receiver<Progress>,
    cancel: CancellationToken,
    /// Who asked it to end, first.
    cancelled_by: OnceLock<Actor>,
}

impl ActiveRun {
    /// How far it is, now and from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }
}

/// A run that was asked for.
#[derive(Debug, Clone)]
pub struct StartedRun {
    /// Its record, still running.
    pub run: SyncRun,
    /// Whether it had been started before, by somebody else.
    pub already_running: bool,
}

impl Engine {
    /// Starts a run, or returns the one that the source already has. It goes on by itself. While a preview is
    /// under way a sync is refused, and the other way round: it is not what was asked for.
    ///
    /// `allow_preview` names a preview that an administrator looked at: a plan that does the same is not
    /// held back by the guard, one that does anything else is refused. So is the start while a run is under way that
    /// this preview did not allow.
    pub async fn start_sync(
        self: &Arc<Self>,
        source: &str,
        kind: RunKind,
        started_by: impl Into<Actor>,
        allow_preview: Option<RunId>,
    ) -> Result<StartedRun, EngineError> {
        self.start(source, kind, started_by.into(), allow_preview, AssumedCalls::default()).await
    }

    /// Like [`Self::start_sync`]; a preview compares such calls.
    pub(super) async fn start(
        self: &Arc<Self>,
        source: &str,
        kind: RunKind,
        started_by: Actor,
        allow_preview: Option<RunId>,
        assumed_calls: AssumedCalls,
    ) -> Result<StartedRun, EngineError> {
        // A task of its own: whoever asked may go away, and a run that was recorded must be under way.
        let starting =
            Arc::clone(self).begin(source.to_owned(), kind, started_by, allow_preview, assumed_calls);
        match tokio::spawn(starting).await {
            Ok(started) => started,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn begin(
        self: Arc<Self>,
        source: String,
        kind: RunKind,
        started_by: Actor,
        allow_preview: Option<RunId>,
        assumed_calls: AssumedCalls,
    ) -> Result<StartedRun, EngineError> {
        let _starting = self.starting.lock().await;
        let (engine, name) = (Arc::clone(&self), source);
        let find = move |reading: &Reading<'_>| {
            let stored = reading.source(&name)?.ok_or(EngineError::NotFound { what: "source", name })?;
            let expected_rows = reading.rows_of_last_run(&stored.settings.name)?;
            Ok::<_, EngineError>((stored, expected_rows))
        };
        let (stored, expected_rows) = blocking(move || engine.read(find)).await?;
        let name = stored.settings.name.clone();
        if let Some(active) = self.active_run_of(&name) {
            let run = self.run(active.id).await?;
            let is_asked_for =
                run.kind == kind && (allow_preview.is_none() || run.allowed_by == allow_preview);
            if !is_asked_for {
                return Err(EngineError::SyncRunning { name, run: active.id });
            }
            return Ok(StartedRun { run, already_running: true });
        }
        if kind == RunKind::Sync && !stored.settings.enabled {
            return Err(EngineError::SourceIsOff { name });
        }
        let allowed = match allow_preview {
            Some(id) => Some(self.allowance(id, &name).await?),
            None => None,
        };
        let begun = SyncRun::begin(&name, kind, &started_by.to_string(), Timestamp::now());
        let begun = SyncRun { allowed_by: allow_preview, assumed_calls, ..begun };
        let run = self.begin_run(stored, begun, started_by, allowed, expected_rows).await?;
        Ok(StartedRun { run, already_running: false })
    }

    /// Records a run that begins, and lets it go its way. `starting` is held.
    pub(super) async fn begin_run(
        self: &Arc<Self>,
        source: StoredSource,
        begun: SyncRun,
        started_by: Actor,
        allowed: Option<Allowance>,
        expected_rows: Option<u64>,
    ) -> Result<SyncRun, EngineError> {
        let name = source.settings.name.clone();
        let engine = Arc::clone(self);
        let begin = move |change: &Change<'_>| {
            let run = change.begin_run(begun)?;
            // What the program starts by itself is in the list of runs; the audit is about people.
            if started_by.door != Door::Inside {
                change.audit(&started_by, vec![started(&run)])?;
            }
            Ok::<_, StoreError>(run)
        };
        let run = blocking(move || engine.store.write(begin)).await?;

        let (sender, progress) = watch::channel(Progress::start(expected_rows));
        let cancel = CancellationToken::new();
        let active = ActiveRun {
            id: run.id,
            source: name.clone(),
            progress,
            cancel: cancel.clone(),
            cancelled_by: OnceLock::new(),
        };
        self.active.insert(folded_name(&name), Arc::new(active));
        tracing::info!(source = name, run = %run.id, kind = ?run.kind, "sync run started");
        let pass = Pass::begin(Arc::clone(self), source, run.clone(), sender, cancel, allowed);
        // A task of its own, which is watched, so that even a defect ends with a recorded run.
        tokio::spawn(pass.run_and_record());
        Ok(run)
    }

    /// Asks a run to end; nothing will have changed. Says whether it was still under way.
    #[must_use]
    pub fn cancel_sync(&self, run: RunId) -> bool {
        let active = self.active_run(run);
        active.iter().for_each(|active| active.cancel.cancel());
        active.is_some()
    }

    /// The same on somebody's behalf, which the audit remembers once the run has ended by it.
    #[must_use]
    pub fn cancel_sync_by(&self, run: RunId, actor: impl Into<Actor>) -> bool {
        let active = self.active_run(run);
        if let Some(active) = &active {
            // Whoever asked first ended it.
            let _ = active.cancelled_by.set(actor.into());
            active.cancel.cancel();
        }
        active.is_some()
    }

    /// Asks every run to end.
    pub fn cancel_all_syncs(&self) {
        self.active.iter().for_each(|active| active.cancel.cancel());
    }

    /// Returns when every run that is under way now has ended and is recorded.
    pub async fn wait_for_syncs(&self) {
        let active: Vec<_> = self.active.iter().map(|active| active.progress()).collect();
        for mut progress in active {
            // An error says that the run is gone altogether.
            let _ = progress.wait_for(|progress| progress.finished.is_some()).await;
        }
    }

    /// A run under way.
    #[must_use]
    pub fn active_run(&self, run: RunId) -> Option<Arc<ActiveRun>> {
        self.active.iter().find(|active| active.id == run).map(|active| Arc::clone(&active))
    }

    /// The run that a source has under way.
    #[must_use]
    pub fn active_run_of(&self, source: &str) -> Option<Arc<ActiveRun>> {
        self.active.get(&folded_name(source)).map(|active| Arc::clone(&active))
    }

    /// The record of a run.
    pub async fn run(self: &Arc<Self>, id: RunId) -> Result<SyncRun, EngineError> {
        let engine = Arc::clone(self);
        let run =
            blocking(move || engine.read(|reading| Ok::<_, EngineError>(reading.sync_run(id)?))).await?;
        run.ok_or_else(|| EngineError::NotFound { what: "sync run", name: id.to_string() })
    }
}

/// What the audit calls a run.
fn subject(run: &SyncRun) -> String {
    format!("{} {} of source {:?}", run.kind.in_words(), run.id, run.source)
}

/// What the audit tells of a run that somebody starts.
fn started(run: &SyncRun) -> AuditEvent {
    let mut event = AuditEvent::new(AuditAction::Started, subject(run));
    if let Some(preview) = run.allowed_by {
        event = event.with("allow_preview", None, Some(preview.to_string()));
    }
    if let Some(to_before) = run.to_before {
        event = event.with("to_before", None, Some(to_before.to_string()));
    }
    event
}
