//! Sync runs: start, follow, cancel.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError, publishing};
use crate::phone_number::Region;
use crate::phonebook::PhonebookOrigin;
use crate::settings::{PhonebookTarget, Settings, SourceSettings, folded_name};
use crate::source::{self, rows::Projection};
use crate::store::{StoreError, StoredSource};
use crate::sync::{
    self, KnownPhonebook, Owner, Phase, PhaseTime, Plan, Planner, Preparation, Problem, Progress, RunId,
    RunKind, RunState, SyncError, SyncRun,
};

/// A run under way.
#[derive(Debug)]
pub struct ActiveRun {
    /// Its number.
    pub id: RunId,
    /// Name of its source.
    pub source: String,
    progress: watch::Receiver<Progress>,
    cancel: CancellationToken,
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

/// Run on a thread where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

impl Engine {
    /// Starts a run, or returns the one that the source already has. It goes on by itself. While a preview is
    /// under way a sync is refused, and the other way round: it is not what was asked for.
    ///
    /// `allow_preview` names a preview that an administrator looked at: a plan that does the same is not
    /// held back by the guard, one that does anything else is refused.
    pub async fn start_sync(
        self: &Arc<Self>,
        source: &str,
        kind: RunKind,
        started_by: &str,
        allow_preview: Option<RunId>,
    ) -> Result<StartedRun, EngineError> {
        // A task of its own: whoever asked may go away, and a run that was recorded must be under way.
        let starting =
            Arc::clone(self).begin_sync(source.to_owned(), kind, started_by.to_owned(), allow_preview);
        match tokio::spawn(starting).await {
            Ok(started) => started,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn begin_sync(
        self: Arc<Self>,
        source: String,
        kind: RunKind,
        started_by: String,
        allow_preview: Option<RunId>,
    ) -> Result<StartedRun, EngineError> {
        let _starting = self.starting.lock().await;
        let (engine, name) = (Arc::clone(&self), source.clone());
        let stored =
            blocking(move || engine.read(|reading| Ok::<_, EngineError>(reading.source(&name)?))).await?;
        let stored = stored.ok_or(EngineError::NotFound { what: "source", name: source })?;
        let name = stored.settings.name.clone();
        if let Some(active) = self.active_run_of(&name) {
            let run = self.run(active.id).await?;
            if run.kind != kind {
                return Err(EngineError::SyncRunning { name, run: active.id });
            }
            return Ok(StartedRun { run, already_running: true });
        }
        if kind == RunKind::Sync && !stored.settings.enabled {
            return Err(EngineError::SourceIsOff { name });
        }
        let allowed = match allow_preview {
            Some(id) => Some(self.preview_digest(id, &name).await?),
            None => None,
        };
        let begun = SyncRun::begin(&name, kind, &started_by, Timestamp::now());
        let engine = Arc::clone(&self);
        let run = blocking(move || engine.store.write(|change| change.begin_run(begun))).await?;

        let (sender, progress) = watch::channel(Progress::start());
        let cancel = CancellationToken::new();
        let active = ActiveRun { id: run.id, source: name.clone(), progress, cancel: cancel.clone() };
        self.active.insert(folded_name(&name), Arc::new(active));
        tracing::info!(source = name, run = %run.id, ?kind, "sync run started");
        let pass = Pass {
            engine: Arc::clone(&self),
            source: stored,
            region: None,
            run: run.clone(),
            progress: sender,
            cancel,
            allowed,
        };
        // A task of its own, which is watched, so that even a defect ends with a recorded run.
        tokio::spawn(pass.run_and_record());
        Ok(StartedRun { run, already_running: false })
    }

    /// Asks a run to end; nothing will have changed. Says whether it was still under way.
    #[must_use]
    pub fn cancel_sync(&self, run: RunId) -> bool {
        let active = self.active_run(run);
        active.iter().for_each(|active| active.cancel.cancel());
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

    async fn preview_digest(self: &Arc<Self>, id: RunId, source: &str) -> Result<String, EngineError> {
        let preview = self.run(id).await?;
        let fits =
            preview.kind == RunKind::Preview && !preview.plan_digest.is_empty() && preview.source == source;
        if !fits {
            return Err(EngineError::BadRequest {
                field: "allow_preview".into(),
                problem: format!("run {id} is not a finished preview of source {source:?}"),
            });
        }
        Ok(preview.plan_digest)
    }
}

/// One run on its way.
struct Pass {
    engine: Arc<Engine>,
    source: StoredSource,
    /// The region that numbers were read in.
    region: Option<Region>,
    run: SyncRun,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
    /// Digest of the plan that the guard lets through.
    allowed: Option<String>,
}

/// What a run came to.
struct Outcome {
    run: SyncRun,
    problems: Vec<Problem>,
    /// Whether the record was already committed together with the changes.
    is_recorded: bool,
}

impl Pass {
    async fn run_and_record(self) {
        let engine = Arc::clone(&self.engine);
        let (begun, progress) = (self.run.clone(), self.progress.clone());
        let key = folded_name(&self.source.settings.name);
        let outcome = tokio::spawn(self.run()).await.unwrap_or_else(|defect| {
            tracing::error!(%defect, "a sync run ended by a defect; please report this");
            let failure =
                format!("ended by a defect in ringroute ({defect}); nothing was changed; please report this");
            Outcome {
                run: SyncRun { state: RunState::Failed, failure, ..begun },
                problems: Vec::new(),
                is_recorded: false,
            }
        });
        let Outcome { mut run, problems, is_recorded } = outcome;
        run.finished_at.get_or_insert_with(Timestamp::now);
        let recording = Arc::clone(&engine);
        let record = run.clone();
        let recorded = blocking(move || {
            recording.store.write(|change| match is_recorded {
                true => change.update_run(&record),
                false => change.finish_run(&record, &problems),
            })
        })
        .await;
        if let Err(error) = recorded {
            tracing::error!(run = %run.id, %error, "the outcome of the run could not be recorded");
        }
        tracing::info!(
            source = run.source, run = %run.id, state = ?run.state, rows = run.counts.rows, added = run.counts.added,
            changed = run.counts.changed, moved = run.counts.moved, removed = run.counts.removed,
            rejected = run.counts.rejected, failure = run.failure, "sync run finished"
        );
        engine.active.remove(&key);
        progress.send_modify(|progress| {
            progress.counts = run.counts;
            progress.finished = Some(run);
        });
    }

    async fn run(mut self) -> Outcome {
        let mut problems = Vec::new();
        let result = self.pass(&mut problems).await;
        let is_recorded = result.is_ok() && self.run.kind == RunKind::Sync;
        match result {
            Ok(()) => self.run.state = RunState::Succeeded,
            Err(error) => {
                self.run.state = match &error {
                    EngineError::Sync(SyncError::Cancelled) => RunState::Cancelled,
                    EngineError::Sync(SyncError::Refused(_)) | EngineError::Store(StoreError::Refused(_)) => {
                        RunState::Refused
                    }
                    _ => RunState::Failed,
                };
                self.run.failure = error.to_string();
            }
        }
        Outcome { run: self.run, problems, is_recorded }
    }

    async fn pass(&mut self, problems: &mut Vec<Problem>) -> Result<(), EngineError> {
        let plan = self.read_and_plan().await?;
        problems.clone_from(&plan.problems);
        self.run.counts = plan.counts;
        self.run.plan_digest = format!("{:032x}", plan.digest);
        self.run.warnings = warnings(&plan);
        if self.run.kind == RunKind::Preview {
            return Ok(());
        }
        match &self.allowed {
            Some(allowed) if *allowed != self.run.plan_digest => {
                return Err(SyncError::Refused(
                    "the source has changed since the preview, so the run would do something else; nothing was \
                     changed. Preview it again"
                        .to_owned(),
                )
                .into());
            }
            Some(_) => {}
            None => sync::guard(&plan.counts, plan.known, &self.source.settings.guard)?,
        }
        self.write_and_publish(plan).await
    }

    async fn read_and_plan(&mut self) -> Result<Plan, EngineError> {
        let start = Instant::now();
        let settings = self.source.settings.clone();
        let reader = source::open(&settings)
            .map_err(|error| EngineError::Source { name: settings.name.clone(), error })?;
        let (engine, id) = (Arc::clone(&self.engine), self.source.id);
        let (planner, preparation) = blocking(move || engine.planner(id, &settings)).await?;
        self.region = preparation.region;
        let plan =
            sync::plan(&*reader, preparation, planner, self.progress.clone(), self.cancel.clone()).await?;
        self.time(Phase::Read, start);
        Ok(plan)
    }

    async fn write_and_publish(&mut self, mut plan: Plan) -> Result<(), EngineError> {
        self.enter(Phase::Write);
        let engine = Arc::clone(&self.engine);
        let (source, region) = (self.source.clone(), self.region);
        let (mut run, cancel, progress) = (self.run.clone(), self.cancel.clone(), self.progress.clone());
        self.run = blocking(move || {
            let commit_start = std::cell::Cell::new(Instant::now());
            engine.store.write_then(
                |change| {
                    // The planner's view is still true: only this run changes the source's contacts, and
                    // its settings must be the ones that it was planned with.
                    let settings = change.settings()?;
                    let is_as_planned = change.source(&source.settings.name)?.is_some_and(|now| {
                        now.id == source.id
                            && now.settings == source.settings
                            && region_of(&now.settings, &settings) == region
                    });
                    if !is_as_planned {
                        return Err(SyncError::Refused(
                            "the source's settings, or the general region, were changed while it was being read; \
                             nothing was changed. Start it again".to_owned(),
                        )
                        .into());
                    }
                    let is_cancelled = || cancel.is_cancelled();
                    let now = Timestamp::now();
                    let start = Instant::now();
                    change.write_plan(source.id, &mut plan, &now.to_string(), &is_cancelled)?;
                    run.phases.push(time(Phase::Write, start));
                    let snapshot = if plan.counts.changes_answers() {
                        progress.send_modify(|progress| progress.phase = Phase::Build);
                        let generation = change.next_generation()?;
                        let built = publishing::index_of(change, &settings, &is_cancelled)?;
                        run.phases.push(PhaseTime { phase: Phase::Build, milliseconds: milliseconds(built.build) });
                        run.phases.push(PhaseTime { phase: Phase::Verify, milliseconds: milliseconds(built.verify) });
                        Some(publishing::snapshot_of(change, generation, built.contacts, &settings)?)
                    } else {
                        None
                    };
                    if cancel.is_cancelled() {
                        return Err(SyncError::Cancelled.into());
                    }
                    progress.send_modify(|progress| progress.phase = Phase::Commit);
                    commit_start.set(Instant::now());
                    run.state = RunState::Succeeded;
                    run.finished_at = Some(now);
                    run.generation = Some(change.generation()?);
                    change.finish_run(&run, &plan.problems)?;
                    Ok::<_, EngineError>((run, snapshot, publishing::last_synced(change)?))
                },
                |(mut run, snapshot, last_synced)| {
                    match snapshot {
                        Some(snapshot) => engine.publish(snapshot),
                        None => engine.publish_last_synced(last_synced),
                    }
                    run.phases.push(time(Phase::Commit, commit_start.get()));
                    run.finished_at = Some(Timestamp::now());
                    run
                },
            )
        })
        .await?;
        Ok(())
    }

    fn enter(&self, phase: Phase) {
        self.progress.send_modify(|progress| progress.phase = phase);
    }

    fn time(&mut self, phase: Phase, start: Instant) {
        self.run.phases.push(time(phase, start));
    }
}

/// The region of a source's numbers that are not written internationally.
fn region_of(source: &SourceSettings, settings: &Settings) -> Option<Region> {
    source.default_region.or(settings.numbers.default_region)
}

fn time(phase: Phase, start: Instant) -> PhaseTime {
    PhaseTime { phase, milliseconds: milliseconds(start.elapsed()) }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    if plan.unidentified_rows > 0 && !plan.not_received.is_empty() {
        warnings.push(format!(
            "{} rows could not be read far enough to know whose they are, so the {} contacts that were not \
             received are kept until they can be",
            plan.unidentified_rows,
            plan.not_received.len()
        ));
    }
    if plan.counts.dropped_numbers > 0 {
        warnings.push(format!(
            "{} unusable numbers were left out of otherwise good contacts",
            plan.counts.dropped_numbers
        ));
    }
    let counted = plan.counts.rejected + plan.counts.dropped_numbers;
    if counted > plan.problems.len() as u64 {
        warnings.push(format!("only the first {} of {counted} problems are listed", plan.problems.len()));
    }
    warnings
}

impl Engine {
    /// Everything that a pass needs to know beforehand, from one state of the store.
    fn planner(&self, source: i64, settings: &SourceSettings) -> Result<(Planner, Preparation), EngineError> {
        self.store.read(|reading| {
            let phonebooks = reading.phonebooks()?.into_iter().map(|phonebook| {
                let owner = match phonebook.origin {
                    PhonebookOrigin::Local => Owner::Local { contacts: phonebook.contact_count },
                    PhonebookOrigin::Synced(name) if folded_name(&name) == folded_name(&settings.name) => {
                        Owner::Ours
                    }
                    PhonebookOrigin::Synced(name) => Owner::Source(name),
                };
                KnownPhonebook { id: phonebook.id, name: phonebook.name, owner }
            });
            let planner = Planner::new(
                settings.phonebook.clone(),
                settings.remove_missing,
                reading.known_contacts(source)?,
                phonebooks.collect(),
                &self.data_folder,
            )?;
            let blank_property = match &settings.phonebook {
                PhonebookTarget::ByProperty { blank, .. } => blank.clone(),
                PhonebookTarget::New { .. } | PhonebookTarget::Existing { .. } => None,
            };
            let region = region_of(settings, &reading.settings()?);
            let projection = Projection::new(&settings.field_map, &settings.phonebook);
            Ok::<_, EngineError>((planner, Preparation { projection, region, blank_property }))
        })
    }
}
