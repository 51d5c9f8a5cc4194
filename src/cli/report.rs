//! What a sync run came to, in words and as an exit code.

use super::exit::{Exit, Failure, Result};
use super::progress;
use super::screen::{Screen, Table};
use super::words::{self, count, counted};
use crate::api::proto::v1::{self, SyncPhase, SyncProblemKind, SyncRunKind, SyncRunState};
use crate::spreadsheet::Rejected;

/// Prints what a run did, or what it would do. Fails when it came to nothing.
pub(super) fn result(screen: &mut Screen, run: &v1::SyncRun) -> Result<()> {
    verdict(run)?;
    let counts = run.counts.unwrap_or_default();
    let source = &run.source;
    let synchronised = counts.added + counts.changed + counts.moved + counts.unchanged;
    let contacts = counted(synchronised, "contact");
    let headline = match run.kind() {
        SyncRunKind::Preview => format!("A run of {source} would synchronise {contacts}"),
        SyncRunKind::Rollback => {
            let before = run.to_before_run_id;
            format!("Rolled {source} back to before run {before}: {}", counted(synchronised, "contact"))
        }
        SyncRunKind::Sync | SyncRunKind::Unspecified => format!("Synchronised {contacts} from {source}"),
    };
    screen.line(format!("{} ({}).", screen.good(headline), facts(run).join(", ")))?;
    screen.line(format!("  {}", numbers(&counts)))?;
    for warning in &run.warnings {
        screen.line(format!("  note: {}", words::on_one_line(warning)))?;
    }
    if run.kind() == SyncRunKind::Rollback {
        let source = words::argument(source);
        screen.line(format!(
            "The next run of {source} reads the source again: put right there what was wrong, or switch it off: \
             ringroute sources disable {source}"
        ))?;
    }
    Ok(())
}

fn facts(run: &v1::SyncRun) -> Vec<String> {
    let mut facts = vec![format!("run {}", run.run_id)];
    facts.extend(duration(run));
    if run.generation > 0 {
        facts.push(format!("generation {}", run.generation));
    }
    facts
}

/// How long a run that has ended took.
pub(super) fn duration(run: &v1::SyncRun) -> Option<String> {
    let millis = |time: &prost_types::Timestamp| time.seconds * 1000 + i64::from(time.nanos) / 1_000_000;
    let took = millis(run.finished_at.as_ref()?) - millis(run.started_at.as_ref()?);
    Some(words::milliseconds(took.unsigned_abs()))
}

/// What became of contacts.
pub(super) fn contact_numbers(counts: &v1::SyncCounts) -> String {
    format!(
        "{} added, {} changed, {} moved, {} removed, {} unchanged",
        count(counts.added),
        count(counts.changed),
        count(counts.moved),
        count(counts.removed),
        count(counts.unchanged)
    )
}

fn numbers(counts: &v1::SyncCounts) -> String {
    let mut parts = vec![contact_numbers(counts), format!("{} rejected", counted(counts.rejected, "row"))];
    if counts.kept_missing > 0 {
        parts.push(format!("{} kept though not received", count(counts.kept_missing)));
    }
    if counts.dropped_numbers > 0 {
        parts.push(format!("{} left out", counted(counts.dropped_numbers, "number")));
    }
    parts.join(", ")
}

/// Whether a run did what it was for; one that is still under way has not failed.
pub(super) fn verdict(run: &v1::SyncRun) -> Result<()> {
    let (exit, what) = match run.state() {
        SyncRunState::Unspecified | SyncRunState::Running | SyncRunState::Succeeded => return Ok(()),
        SyncRunState::Failed => (Exit::Failed, "failed"),
        SyncRunState::Refused => (Exit::Refused, "was refused"),
        SyncRunState::Cancelled => (Exit::Failed, "was cancelled"),
    };
    let v1::SyncRun { run_id, source, failure, .. } = run;
    let mut message = format!("run {run_id} of {source} {what}: {failure}");
    if run.state() == SyncRunState::Cancelled {
        // The failure begins with the same word.
        message = format!("run {run_id} of {source} {what}; nothing was changed");
    }
    // Limits and names that are taken are refused whoever allows it; only the guard's words speak of a preview.
    if exit == Exit::Refused && failure.contains("preview") {
        let source = words::argument(source);
        message.push_str(&format!(
            "\n  ringroute sync preview {source}\n  ringroute sync run {source} --allow-preview ID"
        ));
    }
    Err(Failure::new(exit, message))
}

/// Everything about a run, whatever it came to.
pub(super) fn details(screen: &mut Screen, run: &v1::SyncRun) -> Result<()> {
    let kind = words::of_enum(run.kind().as_str_name(), "SYNC_RUN_KIND_");
    let state = state(run);
    let state = if verdict(run).is_ok() { screen.good(state) } else { screen.bad(state) };
    let source = screen.bold(words::on_one_line(&run.source));
    screen.line(format!("{} ({kind}) of {source}: {state}", screen.bold(format!("Run {}", run.run_id))))?;
    let started = words::time(run.started_at.as_ref());
    let took = duration(run).map(|took| format!(", took {took}")).unwrap_or_default();
    screen.line(format!("  started {started} by {}{took}", words::on_one_line(&run.started_by)))?;
    if run.kind() == SyncRunKind::Rollback {
        screen.line(format!("  back to before run {}", run.to_before_run_id))?;
    }
    let counts = run.counts.unwrap_or_default();
    screen.line(format!("  {} read: {}", counted(counts.rows_read, "row"), numbers(&counts)))?;
    let phases: Vec<String> = run
        .phases
        .iter()
        .map(|phase| {
            let name = words::of_enum(phase.phase().as_str_name(), "SYNC_PHASE_");
            format!("{name} {}", words::milliseconds(phase.duration_ms))
        })
        .collect();
    if !phases.is_empty() {
        screen.line(format!("  {}", phases.join(", ")))?;
    }
    if run.generation > 0 {
        screen.line(format!("  generation {}", run.generation))?;
    }
    if !run.failure.is_empty() {
        screen.line(format!("  {}", screen.bad(&run.failure)))?;
    }
    for warning in &run.warnings {
        screen.line(format!("  note: {}", words::on_one_line(warning)))?;
    }
    for told in &run.notifications {
        screen.line(format!("  {}", notification(told)))?;
    }
    Ok(())
}

/// Who is told of a run, and whether that worked, in a line.
fn notification(told: &v1::Notification) -> String {
    let channel = words::of_enum(told.channel().as_str_name(), "NOTIFICATION_CHANNEL_");
    let state = words::of_enum(told.state().as_str_name(), "NOTIFICATION_STATE_");
    let mut line = format!("{channel} to {}: {state}", told.target);
    if !told.last_error.is_empty() {
        line.push_str(&format!(
            " after {}: {}",
            words::counted(told.attempts.into(), "attempt"),
            told.last_error
        ));
    }
    words::on_one_line(&line)
}

pub(super) fn state(run: &v1::SyncRun) -> String {
    match run.phase() {
        SyncPhase::Unspecified => words::of_enum(run.state().as_str_name(), "SYNC_RUN_STATE_"),
        phase => format!("running ({})", progress::doing(phase)),
    }
}

/// One row or number that could not be used, in a line.
pub(super) fn problem(problem: &v1::SyncProblem) -> String {
    let mut line = format!("row {}", problem.position);
    if !problem.source_key.is_empty() {
        line.push_str(&format!(" (key {})", problem.source_key));
    }
    if !problem.column.is_empty() {
        line.push_str(&format!(", {} {:?}", problem.column, words::shortened(&problem.value)));
    }
    words::on_one_line(&format!("{line}: {}", problem.reason))
}

/// A table of rows and numbers that could not be used.
pub(super) fn problems(problems: &[v1::SyncProblem]) -> Table {
    let mut table = Table::new(Rejected::COLUMNS);
    for problem in problems {
        let (row, found) = (&problem.position.to_string(), &words::shortened(&problem.value));
        table.row(Rejected { found, ..rejected(problem, row) }.cells());
    }
    table
}

/// A row or number that could not be used; its number is written as `row`.
pub(super) fn rejected<'a>(problem: &'a v1::SyncProblem, row: &'a str) -> Rejected<'a> {
    let became = match problem.kind() {
        SyncProblemKind::Unspecified => "",
        SyncProblemKind::RowRejected => Rejected::ROW,
        SyncProblemKind::NumberDropped => Rejected::NUMBER,
    };
    let v1::SyncProblem { source_key: key, column, value: found, reason: because, .. } = problem;
    Rejected { row, key, column, found, became, because }
}
