//! One run on its way: read and plan, write, build, verify, commit, publish; all of it, or nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::subject;
use crate::audit::{AuditAction, AuditEvent};
use crate::background;
use crate::contact::counted;
use crate::engine::assembly::Follow;
use crate::engine::permitting::{Allowance, check_as_planned, check_limits, rules_digest};
use crate::engine::previewing::{Previewed, Previewing, phonebook_changes};
use crate::engine::publishing::{self, Touched, VerifiedContacts};
use crate::engine::turns::Turn;
use crate::engine::{Engine, EngineError, blocking};
use crate::phone_number::Region;
use crate::settings::folded_name;
use crate::source::{self, ContactSource, SourceError};
use crate::store::{Change, FEW_CONTACTS, StoreError, StoredSource, WrittenPlan};
use crate::sync::preview::{PhonebookChange, Preview};
use crate::sync::{
    self, Phase, PhaseTime, Plan, Problem, Progress, RunCounts, RunKind, RunState, SyncError, SyncRun,
};

/// How long is waited before each new try, when the source asks for one.
const BACK_OFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// One run on its way.
pub(in crate::engine) struct Pass {
    engine: Arc<Engine>,
    pub(in crate::engine) source: StoredSource,
    /// The region that numbers were read in.
    region: Option<Region>,
    run: SyncRun,
    progress: watch::Sender<Progress>,
    pub(in crate::engine) cancel: CancellationToken,
    /// What the guard lets through.
    allowed: Option<Allowance>,
    /// What a preview said.
    preview: Option<Preview>,
}

/// What was written into the open transaction.
pub(in crate::engine) struct Written {
    /// Whether what was there before is kept.
    pub(in crate::engine) is_kept: bool,
    /// What calls are answered from, as far as it is another.
    pub(in crate::engine) touched: Touched,
    /// The next index, if it was built meanwhile.
    pub(in crate::engine) indexed: Option<VerifiedContacts>,
    pub(in crate::engine) problems: Vec<Problem>,
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
    pub(super) fn begin(
        engine: Arc<Engine>,
        source: StoredSource,
        run: SyncRun,
        progress: watch::Sender<Progress>,
        cancel: CancellationToken,
        allowed: Option<Allowance>,
    ) -> Self {
        Pass { engine, source, region: None, run, progress, cancel, allowed, preview: None }
    }

    pub(super) async fn run_and_record(self) {
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
        tell(&run);
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
                    "the source or its settings have changed since the preview, so the run would do something else; \
                     nothing was changed. Preview it again"
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
        let (engine, source) = (Arc::clone(&self.engine), self.source.clone());
        let (region, cancel) = (self.region, self.cancel.clone());
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
            let is_cancelled = || cancel.is_cancelled();
            let go_on = || if is_cancelled() { Err(EngineError::Sync(SyncError::Cancelled)) } else { Ok(()) };
            let problems = std::mem::take(&mut plan.problems);
            let is_much = plan.counts.added > FEW_CONTACTS as u64;
            let under_way = change.write_plan(source.id, run.id, &mut plan, &now, &go_on)?;
            if is_much {
                let write = |follow: Follow<'_>| under_way.add_new(follow);
                let (WrittenPlan { is_kept, .. }, contacts) =
                    engine.index_while(change, &settings, &is_cancelled, write)?;
                return Ok(Written { is_kept, touched: Touched::Many, indexed: Some(contacts), problems });
            }
            let WrittenPlan { is_kept, touched, only_texts } = under_way.add_new(|_| go_on())?;
            let touched = match (touched.is_empty(), only_texts) {
                (true, _) => Touched::Nothing,
                (false, true) => Touched::Texts(touched),
                (false, false) => Touched::Contacts(touched),
            };
            Ok(Written { is_kept, touched, indexed: None, problems })
        })
        .await
    }

    /// Changes contacts by `write`, builds and verifies the next index of what was written, commits, publishes:
    /// all of it, or nothing.
    pub(in crate::engine) async fn change_and_publish(
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
                    let phonebooks_before = change.counted_phonebooks()?;
                    let written = write(change, &mut run)?;
                    let phonebooks = phonebook_changes(
                        &source,
                        &phonebooks_before,
                        &change.counted_phonebooks()?,
                        &change.settings()?,
                    );
                    run.warnings.extend(phonebooks.iter().filter_map(PhonebookChange::warning));
                    let indexed = written
                        .indexed
                        .as_ref()
                        .map_or(Duration::ZERO, |contacts| contacts.build + contacts.verify);
                    let milliseconds_written = milliseconds(start.elapsed().saturating_sub(indexed));
                    run.phases.push(PhaseTime { phase: Phase::Write, milliseconds: milliseconds_written });
                    if !written.is_kept {
                        run.warnings.push(NOT_KEPT.to_owned());
                    }
                    let snapshot = if written.touched != Touched::Nothing {
                        progress.send_modify(|progress| progress.phase = Phase::Build);
                        let settings = change.settings()?;
                        let generation = change.next_generation()?;
                        let built = match written.indexed {
                            Some(built) => built,
                            None => engine.index_after(change, &settings, written.touched, &is_cancelled)?,
                        };
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

/// What came to nothing by itself is told to those too who are told of warnings only.
fn tell(run: &SyncRun) {
    let SyncRun { source, id, state, counts, failure, .. } = run;
    match state {
        RunState::Failed | RunState::Refused => {
            tracing::warn!(source, run = %id, ?state, rows = counts.rows, failure, "sync run finished");
        }
        RunState::Running | RunState::Succeeded | RunState::Cancelled => tracing::info!(
            source, run = %id, ?state, rows = counts.rows, added = counts.added, changed = counts.changed,
            moved = counts.moved, removed = counts.removed, rejected = counts.rejected, "sync run finished"
        ),
    }
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
            "rows that could not be read far enough to know whose they are: {}; until they can be, whoever was not \
             received is kept: {}",
            plan.unidentified_rows,
            counted(plan.not_received.len() as u64)
        ));
    }
    if plan.counts.dropped_numbers > 0 {
        warnings.push(format!(
            "unusable numbers that were left out of otherwise good contacts: {}",
            plan.counts.dropped_numbers
        ));
    }
    let all = plan.counts.rejected + plan.counts.dropped_numbers;
    if all > plan.problems.len() as u64 {
        warnings.push(format!("only the first {} of {all} problems are listed", plan.problems.len()));
    }
    warnings
}
