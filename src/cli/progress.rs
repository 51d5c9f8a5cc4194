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
    /// `expected_rows`: how many rows the source probably has, if that is known.
    pub(super) fn begin(expected_rows: Option<u64>) -> Self {
        if !stderr().is_terminal() {
            return Progress::Lines { phase: None, told: Instant::now() };
        }
        let (bar, template) = match expected_rows {
            Some(rows) => {
                (ProgressBar::new(rows), "{msg:18} {bar:30} {human_pos} of {human_len} rows  {elapsed}")
            }
            None => (ProgressBar::no_length(), "{msg:18} {spinner} {human_pos} rows  {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(REDRAW_EVERY);
        Progress::Bar(bar)
    }

    fn show(&mut self, progress: &v1::SyncProgress) {
        let rows = progress.counts.unwrap_or_default().rows_read;
        match self {
            Progress::Bar(bar) => {
                if bar.length().is_some_and(|expected| expected < rows) {
                    bar.set_length(rows);
                }
                bar.set_position(rows);
                bar.set_message(doing(progress.phase()));
            }
            Progress::Lines { phase, told } => {
                if *phase == Some(progress.phase()) && told.elapsed() < LINE_EVERY {
                    return;
                }
                (*phase, *told) = (Some(progress.phase()), Instant::now());
                eprintln!(
                    "run {}: {}, {} rows, {}",
                    progress.run_id,
                    doing(progress.phase()),
                    words::count(rows),
                    words::milliseconds(progress.elapsed_ms)
                );
            }
        }
    }

    pub(super) fn end(self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn doing(phase: SyncPhase) -> &'static str {
    match phase {
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
