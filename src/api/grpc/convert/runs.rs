//! Sync runs -> the contract's.

use jiff::Timestamp;

use super::{notify, timestamp};
use crate::api::proto::v1;
use crate::engine::Engine;
use crate::sync::{Phase, Problem, ProblemKind, Progress, RunCounts, RunKind, RunState, SyncRun};

pub(in crate::api::grpc) fn run(run: SyncRun) -> v1::SyncRun {
    let SyncRun {
        id,
        source,
        kind,
        state: came_to,
        started_by,
        started_at,
        finished_at,
        counts: counted,
        phases,
        failure,
        warnings,
        generation,
        plan_digest: _,
        rules_digest: _,
        allowed_by,
        to_before,
        notifications,
    } = run;
    v1::SyncRun {
        run_id: id.0,
        source,
        kind: match kind {
            RunKind::Sync => v1::SyncRunKind::Sync,
            RunKind::Preview => v1::SyncRunKind::Preview,
            RunKind::Rollback => v1::SyncRunKind::Rollback,
        }
        .into(),
        state: state(came_to).into(),
        started_by,
        started_at: Some(timestamp(started_at)),
        finished_at: finished_at.map(timestamp),
        counts: Some(counts(counted)),
        failure,
        generation: generation.map_or(0, |generation| generation.0),
        phases: phases
            .into_iter()
            .map(|time| v1::SyncPhaseDuration {
                phase: phase(time.phase).into(),
                duration_ms: time.milliseconds,
            })
            .collect(),
        warnings,
        allowed_by: allowed_by.map_or(0, |preview| preview.0),
        to_before_run_id: to_before.map_or(0, |run| run.0),
        notifications: notifications.into_iter().map(notify::notification).collect(),
        phase: v1::SyncPhase::Unspecified.into(),
    }
}

/// A run that may be under way, with where it is.
pub(in crate::api::grpc) fn run_now(record: SyncRun, engine: &Engine) -> v1::SyncRun {
    let active = engine.active_run(record.id).filter(|_| record.state == RunState::Running);
    let now = active.map(|active| phase(active.progress().borrow().phase));
    v1::SyncRun { phase: now.unwrap_or_default().into(), ..run(record) }
}

fn state(state: RunState) -> v1::SyncRunState {
    match state {
        RunState::Running => v1::SyncRunState::Running,
        RunState::Succeeded => v1::SyncRunState::Succeeded,
        RunState::Failed => v1::SyncRunState::Failed,
        RunState::Refused => v1::SyncRunState::Refused,
        RunState::Cancelled => v1::SyncRunState::Cancelled,
    }
}

fn phase(phase: Phase) -> v1::SyncPhase {
    match phase {
        Phase::Wait => v1::SyncPhase::Wait,
        Phase::Read => v1::SyncPhase::Read,
        Phase::Write => v1::SyncPhase::Write,
        Phase::Build => v1::SyncPhase::Build,
        Phase::Verify => v1::SyncPhase::Verify,
        Phase::Commit => v1::SyncPhase::Commit,
    }
}

pub(super) fn counts(counts: RunCounts) -> v1::SyncCounts {
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
    } = counts;
    v1::SyncCounts {
        rows_read: rows,
        added,
        changed,
        moved,
        removed,
        unchanged,
        rejected,
        kept_missing,
        dropped_numbers,
    }
}

/// Where a run under way is; `record` is that of its beginning.
pub(in crate::api::grpc) fn progress(record: &SyncRun, now: &Progress) -> v1::SyncProgress {
    if let Some(ended) = &now.finished {
        return v1::SyncProgress { phase: phase(now.phase).into(), ..ended_progress(ended) };
    }
    let (rows_per_second, remaining) = now.estimate(now.began.elapsed());
    v1::SyncProgress {
        run_id: record.id.0,
        phase: phase(now.phase).into(),
        counts: Some(counts(now.counts)),
        elapsed_ms: milliseconds_between(record.started_at, Timestamp::now()),
        state: v1::SyncRunState::Running.into(),
        run: None,
        rows_per_second: rows_per_second.unwrap_or(0),
        expected_rows: now.expected_rows,
        remaining_ms: remaining.and_then(|remaining| u64::try_from(remaining.as_millis()).ok()),
    }
}

/// Where a run ended, as its record says.
pub(in crate::api::grpc) fn ended_progress(record: &SyncRun) -> v1::SyncProgress {
    let last = record.phases.last().map_or(Phase::Read, |time| time.phase);
    v1::SyncProgress {
        run_id: record.id.0,
        phase: phase(last).into(),
        counts: Some(counts(record.counts)),
        elapsed_ms: record.finished_at.map_or(0, |end| milliseconds_between(record.started_at, end)),
        state: state(record.state).into(),
        run: Some(run(record.clone())),
        rows_per_second: rows_per_second(record),
        expected_rows: None,
        remaining_ms: None,
    }
}

/// On average, while it read.
fn rows_per_second(record: &SyncRun) -> u64 {
    let reading = record.phases.iter().find(|time| time.phase == Phase::Read);
    let milliseconds = reading.map_or(0, |time| time.milliseconds);
    record.counts.rows.saturating_mul(1000).checked_div(milliseconds).unwrap_or(0)
}

/// The clock may have been set back meanwhile: then it is nothing.
fn milliseconds_between(start: Timestamp, end: Timestamp) -> u64 {
    u64::try_from(end.as_millisecond() - start.as_millisecond()).unwrap_or(0)
}

pub(in crate::api::grpc) fn problem(problem: Problem) -> v1::SyncProblem {
    let Problem { kind, position, source_key, column, value, reason } = problem;
    let kind = match kind {
        ProblemKind::RowRejected => v1::SyncProblemKind::RowRejected,
        ProblemKind::NumberDropped => v1::SyncProblemKind::NumberDropped,
    };
    v1::SyncProblem { kind: kind.into(), position, source_key, column, value, reason }
}
