//! Sync runs: start, follow, cancel.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::permitting::{Allowance, check_as_planned, check_limits, rules_digest};
use super::previewing::{Previewed, Previewing, phonebook_changes};
use super::publishing::{self, Touched};
use super::turns::Turn;
use super::{Engine, EngineError, blocking};
use crate::audit::{Actor, AuditAction, AuditEvent, Door};
use crate::background;
use crate::phone_number::Region;
use crate::phonebook::PhonebookOrigin;
use crate::settings::{PhonebookTarget, Settings, SourceSettings, folded_name};
use crate::source::{self, ContactSource, SourceError, rows::Projection};
use crate::store::{Change, Reading, StoreError, StoredSource, WrittenPlan};
use crate::sync::preview::{AssumedCalls, PhonebookChange, Preview};
use crate::sync::{
    self, KnownPhonebook, Owner, Phase, PhaseTime, Plan, Planner, Preparation, Problem, Progress, RunCounts,
    RunId, RunKind, RunState, SyncError, SyncRun,
};

/// How long is waited before each new try, when the source asks for one.
const BACK_OFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

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
    /// held back by the guard, one that does anything else is refused.
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
            if run.kind != kind {
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
        let pass = Pass {
            engine: Arc::clone(self),
            source,
            region: None,
            run: run.clone(),
            progress: sender,
            cancel,
            allowed,
            preview: None,
        };
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
    let kind = match run.kind {
        RunKind::Sync => "sync run",
        RunKind::Preview => "preview",
        RunKind::Rollback => "rollback",
    };
    format!("{kind} {} of source {:?}", run.id, run.source)
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

/// One run on its way.
pub(super) struct Pass {
    engine: Arc<Engine>,
    pub(super) source: StoredSource,
    /// The region that numbers were read in.
    region: Option<Region>,
    run: SyncRun,
    progress: watch::Sender<Progress>,
    pub(super) cancel: CancellationToken,
    /// What the guard lets through.
    allowed: Option<Allowance>,
    /// What a preview said.
    preview: Option<Preview>,
}

/// What was written into the open transaction.
pub(super) struct Written {
    /// Whether what was there before is kept.
    pub(super) is_kept: bool,
    /// What calls are answered from, as far as it is another.
    pub(super) touched: Touched,
    pub(super) problems: Vec<Problem>,
}

const NOT_KEPT: &str = "this run cannot be rolled back: what was there before is more than the settings let be kept \
                        (history.megabytes)";

/// What a run came to.
struct Outcome {
    run: SyncRun,
    problems: Vec<Problem>,
    preview: Option<Preview>,
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
                preview: None,
                is_recorded: false,
            }
        });
        let Outcome { mut run, problems, preview, is_recorded } = outcome;
        run.finished_at.get_or_insert_with(Timestamp::now);
        let recording = Arc::clone(&engine);
        let record = run.clone();
        let cancelled_by = engine.active.get(&key).and_then(|active| active.cancelled_by.get().cloned());
        let recorded = blocking(move || {
            recording.store.write(|change| {
                match is_recorded {
                    true => change.update_run(&record)?,
                    false => change.finish_run(&record, &problems)?,
                }
                if let Some(actor) = cancelled_by.filter(|_| record.state == RunState::Cancelled) {
                    change.audit(&actor, vec![AuditEvent::new(AuditAction::Cancelled, subject(&record))])?;
                }
                preview.iter().try_for_each(|preview| change.record_preview(&record, preview))
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
        for warning in &run.warnings {
            tracing::warn!(source = run.source, run = %run.id, "{warning}");
        }
        engine.activity.run_ended(&run);
        engine.active.remove(&key);
        engine.runs_ended.send_modify(|count| *count += 1);
        progress.send_modify(|progress| {
            progress.counts = run.counts;
            progress.finished = Some(run);
        });
    }

    async fn run(mut self) -> Outcome {
        let mut problems = Vec::new();
        let result = match self.run.to_before {
            Some(to_before) => self.roll_back(to_before).await,
            None => self.pass(&mut problems).await,
        };
        let is_recorded = result.is_ok() && self.run.kind != RunKind::Preview;
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
        Outcome { run: self.run, problems, preview: self.preview, is_recorded }
    }

    async fn pass(&mut self, problems: &mut Vec<Problem>) -> Result<(), EngineError> {
        let turn = self.turn().await?;
        let plan = turn.during(self.read_and_plan()).await?;
        problems.clone_from(&plan.problems);
        self.run.counts = plan.counts;
        self.run.plan_digest = format!("{:032x}", plan.digest);
        self.run.warnings = warnings(&plan);
        if self.run.kind == RunKind::Preview {
            return self.preview(plan).await;
        }
        match &self.allowed {
            Some(allowed) if allowed.plan_digest != self.run.plan_digest => {
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

    /// Waits until the source may be read.
    async fn turn(&mut self) -> Result<Turn, EngineError> {
        if let Some(turn) = self.engine.turns.try_take() {
            return Ok(turn);
        }
        let start = Instant::now();
        self.enter(Phase::Wait);
        let engine = Arc::clone(&self.engine);
        let turn = self.cancel.run_until_cancelled(engine.turns.take()).await;
        self.time(Phase::Wait, start);
        self.progress.send_modify(Progress::begin_reading);
        Ok(turn.ok_or(SyncError::Cancelled)?)
    }

    /// Reads and plans, from the start again when the source asks for it: rows that were taken may not come
    /// once more, and others in their place.
    async fn read_and_plan(&mut self) -> Result<Plan, EngineError> {
        let start = Instant::now();
        let settings = &self.source.settings;
        let reader: Arc<dyn ContactSource> = source::open(settings)
            .map_err(|error| EngineError::Source { name: settings.name.clone(), error })?
            .into();
        let mut tries = 1;
        let plan = loop {
            let why = match self.try_plan(&reader).await {
                Err(EngineError::Sync(SyncError::Source(SourceError::Temporary(why)))) => why,
                done => break done?,
            };
            let Some(wait) = BACK_OFF.get(tries - 1) else {
                let problem = format!("{why}; tried {tries} times: synchronise again later");
                return Err(SyncError::Source(SourceError::Temporary(problem)).into());
            };
            tries += 1;
            tracing::info!(run = %self.run.id, why, ?wait, "the source asks for another try");
            self.progress.send_modify(|progress| progress.counts = RunCounts::default());
            if self.cancel.run_until_cancelled(tokio::time::sleep(*wait)).await.is_none() {
                return Err(SyncError::Cancelled.into());
            }
        };
        self.time(Phase::Read, start);
        Ok(plan)
    }

    async fn try_plan(&mut self, reader: &Arc<dyn ContactSource>) -> Result<Plan, EngineError> {
        let settings = self.source.settings.clone();
        let (engine, id) = (Arc::clone(&self.engine), self.source.id);
        let (planner, preparation) = background::blocking(move || engine.planner(&settings)).await?;
        self.region = preparation.region;
        let engine = Arc::clone(&self.engine);
        let known = move || engine.store.read(|reading| Ok::<_, EngineError>(reading.known_contacts(id)?));
        let (progress, cancel) = (self.progress.clone(), self.cancel.clone());
        sync::plan(Arc::clone(reader), preparation, planner, known, progress, cancel).await
    }

    async fn preview(&mut self, mut plan: Plan) -> Result<(), EngineError> {
        self.enter(Phase::Build);
        let (engine, source) = (Arc::clone(&self.engine), self.source.clone());
        let (region, cancel) = (self.region, self.cancel.clone());
        let start = Instant::now();
        let Previewed { preview, settings } = background::blocking(move || {
            let is_cancelled = || cancel.is_cancelled();
            let previewing = Previewing { engine: &engine, source: &source, is_cancelled: &is_cancelled };
            previewing.preview(&mut plan, |reading, settings, plan| {
                check_as_planned(reading, settings, &source, region)?;
                check_limits(reading, settings, plan)
            })
        })
        .await?;
        self.time(Phase::Build, start);
        self.run.rules_digest = rules_digest(&settings);
        self.run.warnings.extend(preview.summary.phonebooks.iter().filter_map(PhonebookChange::warning));
        self.preview = Some(preview);
        Ok(())
    }

    async fn write_and_publish(&mut self, mut plan: Plan) -> Result<(), EngineError> {
        let (source, region, cancel) = (self.source.clone(), self.region, self.cancel.clone());
        let rules_seen = self.allowed.take().map(|allowed| allowed.rules_digest);
        self.change_and_publish(move |change, run| {
            // The planner's view is still true: only this run changes the source's contacts, and its settings
            // must be the ones that it was planned with.
            let settings = change.settings()?;
            check_as_planned(change, &settings, &source, region)?;
            check_limits(change, &settings, &plan)?;
            if rules_seen.is_some_and(|seen| seen != rules_digest(&settings)) {
                return Err(SyncError::Refused(
                    "inbound routes, trunks or how numbers are read were changed since the preview, so calls may go \
                     elsewhere than it said; nothing was changed. Preview it again"
                        .to_owned(),
                )
                .into());
            }
            let now = Timestamp::now().to_string();
            let WrittenPlan { is_kept, touched, only_texts } =
                change.write_plan(source.id, run.id, &mut plan, &now, &|| cancel.is_cancelled())?;
            let touched = match (touched.is_empty(), only_texts) {
                (true, _) => Touched::Nothing,
                (false, true) => Touched::Texts(touched),
                (false, false) => Touched::Contacts(touched),
            };
            Ok(Written { is_kept, touched, problems: std::mem::take(&mut plan.problems) })
        })
        .await
    }

    /// Changes contacts by `write`, builds and verifies the next index of what was written, commits, publishes:
    /// all of it, or nothing.
    pub(super) async fn change_and_publish(
        &mut self,
        write: impl FnOnce(&Change<'_>, &mut SyncRun) -> Result<Written, EngineError> + Send + 'static,
    ) -> Result<(), EngineError> {
        self.enter(Phase::Write);
        let engine = Arc::clone(&self.engine);
        let (mut run, cancel, progress) = (self.run.clone(), self.cancel.clone(), self.progress.clone());
        let source = self.source.clone();
        self.run = background::blocking(move || {
            let commit_start = std::cell::Cell::new(Instant::now());
            engine.store.write_then(
                |change| {
                    let is_cancelled = || cancel.is_cancelled();
                    let start = Instant::now();
                    let phonebooks_before = change.phonebooks()?;
                    let written = write(change, &mut run)?;
                    let phonebooks = phonebook_changes(
                        &source,
                        &phonebooks_before,
                        &change.phonebooks()?,
                        &change.settings()?,
                    );
                    run.warnings.extend(phonebooks.iter().filter_map(PhonebookChange::warning));
                    run.phases.push(time(Phase::Write, start));
                    if !written.is_kept {
                        run.warnings.push(NOT_KEPT.to_owned());
                    }
                    let snapshot = if written.touched != Touched::Nothing {
                        progress.send_modify(|progress| progress.phase = Phase::Build);
                        let settings = change.settings()?;
                        let generation = change.next_generation()?;
                        let built = engine.index_after(change, &settings, written.touched, &is_cancelled)?;
                        run.phases
                            .push(PhaseTime { phase: Phase::Build, milliseconds: milliseconds(built.build) });
                        run.phases.push(PhaseTime {
                            phase: Phase::Verify,
                            milliseconds: milliseconds(built.verify),
                        });
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
                    run.finished_at = Some(Timestamp::now());
                    run.generation = Some(change.generation()?);
                    change.finish_run(&run, &written.problems)?;
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
pub(super) fn region_of(source: &SourceSettings, settings: &Settings) -> Option<Region> {
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
    /// Everything that a pass needs to know before it reads, from one state of the store. The source's contacts are
    /// changed by the pass alone, so they may be looked up later.
    pub(super) fn planner(&self, settings: &SourceSettings) -> Result<(Planner, Preparation), EngineError> {
        self.store.read(|reading| {
            let all = reading.settings()?;
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
                phonebooks.collect(),
                all.limits.max_phonebooks(),
                &self.data_folder,
            )?;
            let blank_property = match &settings.phonebook {
                PhonebookTarget::ByProperty { blank, .. } => blank.clone(),
                PhonebookTarget::New { .. } | PhonebookTarget::Existing { .. } => None,
            };
            let region = region_of(settings, &all);
            let projection = Projection::new(&settings.field_map, &settings.phonebook);
            Ok::<_, EngineError>((planner, Preparation { projection, region, blank_property }))
        })
    }
}
