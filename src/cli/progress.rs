//! How a sync run goes on: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::connection::Connection;
use super::exit::{Exit, Failure, Result};
use super::words;
use crate::api::proto::v1::{self, SyncPhase};

/// How often a line is written where there is no terminal, the phase being the same.
const LINE_EVERY: Duration = Duration::from_secs(5);
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// What is on standard error while a run is under way.
#[derive(Debug)]
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { phase: Option<SyncPhase>, told: Instant },
}

impl Progress {
    /// `expected_rows`: how many rows the source has, if that is known better here than by the server.
    pub(super) fn begin(expected_rows: Option<u64>) -> Self {
        if !stderr().is_terminal() {
            return Progress::Lines { phase: None, told: Instant::now() };
        }
        let bar = ProgressBar::no_length();
        set_style(&bar, "{msg} {spinner}");
        if let Some(rows) = expected_rows {
            expect(&bar, rows);
        }
        bar.enable_steady_tick(REDRAW_EVERY);
        Progress::Bar(bar)
    }

    fn show(&mut self, progress: &v1::SyncProgress) {
        let rows = progress.counts.unwrap_or_default().rows_read;
        match self {
            Progress::Bar(bar) => {
                if let Some(expected) = progress.expected_rows.filter(|_| bar.length().is_none()) {
                    expect(bar, expected);
                }
                if bar.length().is_some_and(|expected| expected < rows) {
                    bar.set_length(rows);
                }
                bar.set_position(rows);
                bar.set_message(told(progress));
            }
            Progress::Lines { phase, told: last } => {
                if *phase == Some(progress.phase()) && last.elapsed() < LINE_EVERY {
                    return;
                }
                (*phase, *last) = (Some(progress.phase()), Instant::now());
                eprintln!("run {}: {}", progress.run_id, told(progress));
            }
        }
    }

    pub(super) fn end(self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
}

fn expect(bar: &ProgressBar, rows: u64) {
    bar.set_length(rows);
    set_style(bar, "{bar:30} {msg}");
}

/// Phase, rows, rate, time, and what remains: the last is an estimate, and told as one.
fn told(progress: &v1::SyncProgress) -> String {
    if progress.phase() == SyncPhase::Wait {
        return format!("{}, {}", doing(SyncPhase::Wait), words::milliseconds(progress.elapsed_ms));
    }
    let rows = progress.counts.unwrap_or_default().rows_read;
    let mut parts = vec![doing(progress.phase()).to_owned()];
    parts.push(match progress.expected_rows {
        Some(expected) if expected >= rows => {
            format!("{} of about {} rows", words::count(rows), words::count(expected))
        }
        _ => format!("{} rows", words::count(rows)),
    });
    if progress.rows_per_second > 0 {
        parts.push(format!("{}/s", words::count(progress.rows_per_second)));
    }
    parts.push(words::milliseconds(progress.elapsed_ms));
    if let Some(remaining) = progress.remaining_ms {
        parts.push(format!("about {} left", words::milliseconds(remaining)));
    }
    parts.join(", ")
}

pub(super) fn doing(phase: SyncPhase) -> &'static str {
    match phase {
        SyncPhase::Wait => "waiting: other sources are being read",
        SyncPhase::Unspecified | SyncPhase::Read => "reading",
        SyncPhase::Write => "writing",
        SyncPhase::Build => "building the index",
        SyncPhase::Verify => "verifying",
        SyncPhase::Commit => "committing",
    }
}

/// Follows a run to its end, with a bar or lines.
pub(super) async fn show_run(
    connection: &Connection,
    run: &v1::SyncRun,
    expected_rows: Option<u64>,
) -> Result<v1::SyncRun> {
    let mut progress = Progress::begin(expected_rows);
    let ended = follow(connection, run.run_id, |news| {
        news.progress.iter().for_each(|news| progress.show(news));
        Ok(())
    })
    .await;
    progress.end();
    ended
}

/// Follows a run to its end. Ctrl-C ends the watching, not the run.
pub(super) async fn follow(
    connection: &Connection,
    run_id: u64,
    mut tell: impl FnMut(&v1::WatchSyncResponse) -> Result<()>,
) -> Result<v1::SyncRun> {
    let mut interrupted = std::pin::pin!(interrupted());
    let mut news = connection.sync().watch_sync(v1::WatchSyncRequest { run_id }).await?.into_inner();
    loop {
        let message = tokio::select! {
            // First, so that Ctrl-C is ours before anything is told.
            biased;
            () = &mut interrupted => {
                return Err(Failure::new(
                    Exit::Interrupted,
                    format!(
                        "no longer watching; run {run_id} goes on. Watch it again: ringroute sync watch {run_id}; \
                         stop it: ringroute sync cancel {run_id}"
                    ),
                ));
            }
            message = news.message() => message?,
        };
        let Some(message) = message else {
            return Err(Failure::new(
                Exit::Unreachable,
                format!(
                    "the server went away while run {run_id} was under way: see `ringroute sync show {run_id}`"
                ),
            ));
        };
        tell(&message)?;
        if let Some(run) = message.progress.and_then(|progress| progress.run) {
            return Ok(run);
        }
    }
}

/// Returns at Ctrl-C; never where that cannot be heard.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_phase_rows_rate_time_and_what_remains() {
        let mut progress = v1::SyncProgress {
            phase: SyncPhase::Read.into(),
            counts: Some(v1::SyncCounts { rows_read: 12_000, ..Default::default() }),
            elapsed_ms: 1500,
            ..Default::default()
        };
        assert_eq!(told(&progress), "reading, 12,000 rows, 1.5 s");
        (progress.rows_per_second, progress.expected_rows, progress.remaining_ms) =
            (8000, Some(24_000), Some(1500));
        assert_eq!(told(&progress), "reading, 12,000 of about 24,000 rows, 8,000/s, 1.5 s, about 1.5 s left");
        let waiting = v1::SyncProgress { phase: SyncPhase::Wait.into(), ..progress.clone() };
        assert_eq!(told(&waiting), "waiting: other sources are being read, 1.5 s");
        // More than the last time.
        progress.expected_rows = Some(11_000);
        (progress.phase, progress.remaining_ms) = (SyncPhase::Build.into(), None);
        assert_eq!(told(&progress), "building the index, 12,000 rows, 8,000/s, 1.5 s");
    }
}
