//! `ringroute sync …`: run, preview, watch, cancel, history, show; rollback is in `history`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::history::{self, ListAs, RollbackArguments};
use super::preview;
use super::progress::{self, Progress};
use super::report;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
pub(super) const PAGE: u32 = 1000;

/// The number of a run, as it is typed.
pub(super) fn run_number(text: &str) -> std::result::Result<u64, String> {
    text.parse()
        .map_err(|_| "the number of a run is expected, as `ringroute sync history` lists it".to_owned())
}

/// Synchronise phonebooks with their sources, and look at past runs
#[derive(Debug, Subcommand)]
pub(super) enum SyncCommand {
    Run(RunArguments),
    Preview(PreviewArguments),
    Watch(WatchArguments),
    Cancel(CancelArguments),
    History(HistoryArguments),
    Show(ShowArguments),
    Rollback(RollbackArguments),
}

/// Synchronise a source now
///
/// Waits for the end, with a progress bar. Ctrl-C ends the waiting; the run goes on. When the source is
/// being synchronised already, that run is waited for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync run crm
  ringroute sync run crm --no-wait --json | jq -r .runId
  ringroute sync preview crm && ringroute sync run crm --allow-preview 12

Exit codes: 0 synchronised, 1 the run failed, 4 no such source, 5 refused by the guard or switched off")]
pub(super) struct RunArguments {
    /// Name of the source
    source: String,
    /// Let the run do what this preview said, though the guard would refuse it
    #[arg(long, value_name = "RUN", value_parser = run_number)]
    allow_preview: Option<u64>,
    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Read a source and say what a run would change, without changing it
///
/// Contact by contact, phonebook by phonebook, and which calls would take another inbound route. With --json it is
/// the run and what it says of phonebooks and calls; with --all, the changes of contacts instead.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync preview crm
  ringroute sync preview --again 12 --all          the first 1,000 changes of each kind
  ringroute sync preview crm --at 2026-12-24T20:00:00+01:00 --attestation none
  ringroute sync preview crm --json | jq .preview.calls.rerouted
  ringroute sync preview --again 12 --all --json | jq '.changes[] | select(.kind == \"CONTACT_CHANGE_KIND_REMOVED\")'")]
pub(super) struct PreviewArguments {
    /// Name of the source
    #[arg(required_unless_present = "again")]
    source: Option<String>,
    /// Say again what this earlier preview said; the source is not read
    #[arg(long, value_name = "RUN", value_parser = run_number, conflicts_with = "source")]
    again: Option<u64>,
    /// All that is kept of each kind of change, not the first ten
    #[arg(long)]
    all: bool,
    /// How far the network vouches for the callers whose calls are compared (STIR)
    #[arg(long, value_name = "LEVEL", ignore_case = true, default_value = "A", conflicts_with = "again")]
    attestation: AssumedAttestation,
    /// The time for which calls are compared, as RFC 3339 has it: 2026-12-24T20:00:00+01:00; now unless given
    #[arg(long, value_name = "TIME", conflicts_with = "again")]
    at: Option<Timestamp>,
    #[command(flatten)]
    server: ServerArguments,
}

/// What is assumed of the callers of a preview.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum AssumedAttestation {
    /// Full: the network knows the caller, and that the number is theirs
    A,
    /// Partial: it knows the caller
    B,
    /// Gateway: it knows where the call came in
    C,
    /// It does not vouch for the caller, or nobody said
    #[value(name = "none")]
    Unsaid,
}

impl From<AssumedAttestation> for v1::Attestation {
    fn from(assumed: AssumedAttestation) -> Self {
        match assumed {
            AssumedAttestation::A => v1::Attestation::A,
            AssumedAttestation::B => v1::Attestation::B,
            AssumedAttestation::C => v1::Attestation::C,
            AssumedAttestation::Unsaid => v1::Attestation::Unspecified,
        }
    }
}

/// Follow a run to its end
///
/// With --json every message of the server is one line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync watch 12
  ringroute sync watch 12 --json | jq -c .progress.counts")]
pub(super) struct WatchArguments {
    /// Number of the run
    #[arg(value_parser = run_number)]
    run: u64,
    #[command(flatten)]
    server: ServerArguments,
}

/// Stop a run; nothing is changed then
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync cancel 12")]
pub(super) struct CancelArguments {
    /// Number of the run
    #[arg(value_parser = run_number)]
    run: u64,
    #[command(flatten)]
    server: ServerArguments,
}

/// List runs, the latest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync history
  ringroute sync history crm --limit 5
  ringroute sync history --json | jq '.runs[] | select(.state != \"SYNC_RUN_STATE_SUCCEEDED\")'")]
pub(super) struct HistoryArguments {
    /// Only runs of this source
    source: Option<String>,
    /// Most runs to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    server: ServerArguments,
}

/// Show a run: what it changed, how long it took, why it failed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync show 12
  ringroute sync show 12 --problems               every row and number it could not use
  ringroute sync show 12 --problems --csv > rejects.csv
  ringroute sync show 12 --changes                contact by contact, field by field
  ringroute sync show 12 --changes --csv > changes.csv

In CSV, what a spreadsheet would take for a formula has an apostrophe before it.")]
pub(super) struct ShowArguments {
    /// Number of the run
    #[arg(value_parser = run_number)]
    run: u64,
    /// Also list the rows and numbers that it could not use
    #[arg(long)]
    problems: bool,
    /// List what it changed instead: contact by contact, field by field
    #[arg(long, conflicts_with = "problems")]
    changes: bool,
    /// Print the list as comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl SyncCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            SyncCommand::Run(arguments) => run(arguments, screen).await,
            SyncCommand::Preview(arguments) => preview(arguments, screen).await,
            SyncCommand::Watch(arguments) => watch(arguments, screen).await,
            SyncCommand::Cancel(arguments) => cancel(arguments, screen).await,
            SyncCommand::History(arguments) => history(arguments, screen).await,
            SyncCommand::Show(arguments) => show(arguments, screen).await,
            SyncCommand::Rollback(arguments) => arguments.run(screen).await,
        }
    }
}

async fn run(arguments: RunArguments, screen: &mut Screen) -> Result<()> {
    let connection = arguments.server.connect().await?;
    let request = v1::StartSyncRequest { source: arguments.source, allow_preview: arguments.allow_preview };
    let started = connection.sync().start_sync(request).await?.into_inner();
    let run = started.run.unwrap_or_default();
    if started.already_running {
        eprintln!("run {} of {} was under way already", run.run_id, words::on_one_line(&run.source));
    }
    if arguments.no_wait {
        return match arguments.server.json {
            true => screen.json(&run),
            false => screen.line(format!(
                "Run {} of {} has started. Watch it: ringroute sync watch {}",
                run.run_id, run.source, run.run_id
            )),
        };
    }
    let ended = progress::show_run(&connection, &run, None).await?;
    tell(screen, &ended, arguments.server.json)
}

/// Tells how a run ended: on success its numbers, else why it did not.
pub(super) fn tell(screen: &mut Screen, run: &v1::SyncRun, json: bool) -> Result<()> {
    if !json {
        return report::result(screen, run);
    }
    let shown = screen.json(run);
    report::verdict(run)?;
    shown
}

async fn preview(arguments: PreviewArguments, screen: &mut Screen) -> Result<()> {
    let PreviewArguments { source, again, all, attestation, at, server } = arguments;
    let connection = server.connect().await?;
    let answer = match again {
        Some(run_id) => {
            let request = v1::GetSyncPreviewRequest { run_id };
            connection.sync().get_sync_preview(request).await?.into_inner()
        }
        None => {
            let progress = Progress::begin(None);
            let request = v1::PreviewSyncRequest {
                source: source.unwrap_or_default(),
                attestation: Some(v1::Attestation::from(attestation).into()),
                at: at.map(words::timestamp),
            };
            let answer = connection.sync().preview_sync(request).await;
            progress.end();
            let v1::PreviewSyncResponse { run, preview } = answer?.into_inner();
            v1::GetSyncPreviewResponse { run, preview }
        }
    };
    let run = answer.run.clone().unwrap_or_default();
    if server.json {
        let shown = match all {
            true => screen.json(&preview::all_changes(&connection, run.run_id).await?),
            false => screen.json(&answer),
        };
        report::verdict(&run)?;
        return shown;
    }
    report::result(screen, &run)?;
    preview::show(screen, &connection, &run, &answer.preview.unwrap_or_default(), all).await?;
    screen.line(format!(
        "Nothing was changed. To do exactly this, also if the guard would refuse it: ringroute sync run {} \
         --allow-preview {}",
        words::argument(&run.source),
        run.run_id
    ))
}

async fn watch(arguments: WatchArguments, screen: &mut Screen) -> Result<()> {
    let connection = arguments.server.connect().await?;
    if arguments.server.json {
        let run = progress::follow(&connection, arguments.run, |news| screen.json_line(news)).await?;
        return report::verdict(&run);
    }
    let run = get(&connection, arguments.run, 1).await?.run.unwrap_or_default();
    let ended = progress::show_run(&connection, &run, None).await?;
    tell(screen, &ended, false)
}

async fn cancel(arguments: CancelArguments, screen: &mut Screen) -> Result<()> {
    let connection = arguments.server.connect().await?;
    let request = v1::CancelSyncRequest { run_id: arguments.run };
    let run = connection.sync().cancel_sync(request).await?.into_inner().run.unwrap_or_default();
    if arguments.server.json {
        return screen.json(&run);
    }
    match run.state() {
        v1::SyncRunState::Cancelled => {
            screen.line(format!("Run {} of {} was cancelled; nothing was changed.", run.run_id, run.source))
        }
        _ => {
            let state = report::state(&run);
            screen.line(format!("Run {} of {} had ended already: {state}.", run.run_id, run.source))
        }
    }
}

async fn history(arguments: HistoryArguments, screen: &mut Screen) -> Result<()> {
    let connection = arguments.server.connect().await?;
    let request = v1::ListSyncRunsRequest {
        source: arguments.source.unwrap_or_default(),
        page_size: arguments.limit,
        page_token: String::new(),
    };
    let answer = connection.sync().list_sync_runs(request).await?.into_inner();
    if arguments.server.json {
        return screen.json(&answer);
    }
    let mut table = Table::new([
        "run", "source", "kind", "state", "started", "took", "rows", "added", "changed", "moved", "removed",
        "rejected",
    ]);
    for run in &answer.runs {
        let counts = run.counts.unwrap_or_default();
        table.row([
            &run.run_id.to_string(),
            &run.source,
            &words::of_enum(run.kind().as_str_name(), "SYNC_RUN_KIND_"),
            &report::state(run),
            &words::time(run.started_at.as_ref()),
            &report::duration(run).unwrap_or_default(),
            &words::count(counts.rows_read),
            &words::count(counts.added),
            &words::count(counts.changed),
            &words::count(counts.moved),
            &words::count(counts.removed),
            &words::count(counts.rejected),
        ]);
        // A mark stands under the word that it is about.
        run.failure.lines().for_each(|line| table.note(line));
    }
    screen.table(&table)
}

async fn show(arguments: ShowArguments, screen: &mut Screen) -> Result<()> {
    if arguments.csv && !arguments.changes && !arguments.problems {
        return Err(Failure::new(Exit::Usage, "--csv is for a list: add --problems or --changes"));
    }
    let connection = arguments.server.connect().await?;
    if arguments.changes {
        let layout = if arguments.server.json {
            ListAs::Json
        } else if arguments.csv {
            ListAs::Csv
        } else {
            ListAs::Table
        };
        return history::show_changes(&connection, arguments.run, layout, screen).await;
    }
    let wanted = if arguments.problems { PAGE } else { 1 };
    let mut answer = get(&connection, arguments.run, wanted).await?;
    if arguments.problems {
        while !answer.next_page_token.is_empty() {
            let page_token = std::mem::take(&mut answer.next_page_token);
            let request = v1::GetSyncRunRequest { run_id: arguments.run, page_size: PAGE, page_token };
            let page = connection.sync().get_sync_run(request).await?.into_inner();
            answer.problems.extend(page.problems);
            answer.next_page_token = page.next_page_token;
        }
    } else {
        (answer.problems, answer.next_page_token) = (Vec::new(), String::new());
    }
    if arguments.server.json {
        return screen.json(&answer);
    }
    if arguments.csv {
        return history::problems_as_csv(screen, &answer.problems);
    }
    report::details(screen, &answer.run.unwrap_or_default())?;
    if arguments.problems {
        screen.table(&report::problems(&answer.problems))?;
    }
    Ok(())
}

/// A run, and the first so many of its problems.
pub(super) async fn get(
    connection: &Connection,
    run_id: u64,
    problems: u32,
) -> Result<v1::GetSyncRunResponse> {
    let request = v1::GetSyncRunRequest { run_id, page_size: problems, page_token: String::new() };
    Ok(connection.sync().get_sync_run(request).await?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_source_in_place_of_a_run_is_answered_with_where_runs_are_listed() {
        let sync = SyncCommand::augment_subcommands(clap::Command::new("sync"));
        for arguments in [
            &["sync", "watch", "mass"][..],
            &["sync", "cancel", "mass"],
            &["sync", "show", "mass"],
            &["sync", "rollback", "mass"],
            &["sync", "run", "mass", "--allow-preview", "mass"],
            &["sync", "preview", "--again", "mass"],
        ] {
            let error = sync.clone().try_get_matches_from(arguments).unwrap_err().to_string();
            assert!(error.contains("as `ringroute sync history` lists it"), "{arguments:?}: {error}");
        }
        assert_eq!(run_number("12"), Ok(12));
    }
}
