//! What past runs changed: shown, written as CSV, and rolled back.

use std::io::IsTerminal;

use clap::Args;

use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::progress;
use super::report;
use super::screen::{Screen, Table};
use super::spreadsheet::Csv;
use super::sync::{PAGE, run_number, tell};
use super::words::{self, counted};
use crate::api::proto::v1::{self, SyncChangeKind, SyncPhonebookChangeKind};
use crate::spreadsheet::Rejected;

/// Make the contacts and phonebooks of a source what they were before a run
///
/// Undoes that run and all later ones of its source, all or nothing; other sources stay as they are. Says what
/// it would do, and asks, unless --yes is given. A rollback is a run of its own: it can be watched, cancelled and
/// rolled back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sync rollback 12 --dry-run             what would it do?
  ringroute sync rollback 12                       says so, and asks
  ringroute sync rollback 12 --yes

Exit codes: 0 rolled back, 1 it failed or was declined, 4 no such run, 5 refused: what is needed is no longer kept,
a run of the source is under way, or a phonebook that would come back has another owner by now")]
pub(super) struct RollbackArguments {
    /// Number of the run to go back to before
    #[arg(value_parser = run_number)]
    run: u64,
    /// Only say what it would do
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    /// Do not wait for the end
    #[arg(long, conflicts_with = "dry_run")]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl RollbackArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        if self.dry_run || !self.yes {
            let request = v1::RollbackSyncRequest { run_id: self.run, dry_run: true };
            let answer = connection.sync().rollback_sync(request).await?.into_inner();
            let plan = answer.plan.unwrap_or_default();
            if self.dry_run {
                return if self.server.json { screen.json(&plan) } else { told(&plan, self.run, screen) };
            }
            if self.server.json {
                return Err(Failure::new(Exit::Usage, "with --json nobody is asked: add --yes or --dry-run"));
            }
            told(&plan, self.run, screen)?;
            if !is_agreed()? {
                return Err(Failure::new(Exit::Failed, "nothing was changed"));
            }
        }
        let request = v1::RollbackSyncRequest { run_id: self.run, dry_run: false };
        let run = connection.sync().rollback_sync(request).await?.into_inner().run.unwrap_or_default();
        if self.no_wait {
            return match self.server.json {
                true => screen.json(&run),
                false => screen.line(format!(
                    "Rollback {} of {} has started. Watch it: ringroute sync watch {}",
                    run.run_id, run.source, run.run_id
                )),
            };
        }
        let ended = progress::show_run(&connection, &run, None).await?;
        tell(screen, &ended, self.server.json)
    }
}

fn told(plan: &v1::RollbackPlan, run: u64, screen: &mut Screen) -> Result<()> {
    let source = words::on_one_line(&plan.source);
    let undone: Vec<String> = plan.undone_run_ids.iter().map(u64::to_string).collect();
    if undone.is_empty() {
        return screen
            .line(format!("No run of {source} from {run} on changed anything: nothing would be undone."));
    }
    let runs = if undone.len() == 1 { "run" } else { "runs" };
    screen.line(format!(
        "Going back to before run {run} of {source} would undo {runs} {}:",
        words::list(&undone)
    ))?;
    screen.line(format!("  {}", report::contact_numbers(&plan.counts.unwrap_or_default())))?;
    if plan.marked > 0 {
        screen.line(format!("  {} marked otherwise as received or not", counted(plan.marked, "contact")))?;
    }
    for (what, names) in [("come back", &plan.restored_phonebooks), ("go", &plan.removed_phonebooks)] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| words::on_one_line(name)).collect();
            screen.line(format!("  phonebooks that {what}: {}", words::list(&names)))?;
        }
    }
    Ok(())
}

/// Asks on the terminal; where there is none, nobody agrees.
fn is_agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            "there is no terminal to ask on: add --yes, or --dry-run to look only",
        ));
    }
    eprint!("Do it? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// In which form a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListAs {
    Table,
    Csv,
    Json,
}

/// Prints what a run changed.
pub(super) async fn show_changes(
    connection: &Connection,
    run_id: u64,
    list_as: ListAs,
    screen: &mut Screen,
) -> Result<()> {
    let mut all = v1::ListSyncChangesResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = v1::ListSyncChangesRequest { run_id, page_size: PAGE, page_token };
        let page = connection.sync().list_sync_changes(request).await?.into_inner();
        all.changes.extend(page.changes);
        all.phonebooks.extend(page.phonebooks);
        if page.next_page_token.is_empty() {
            break;
        }
        all.next_page_token = page.next_page_token;
    }
    match list_as {
        ListAs::Json => screen.json(&all),
        ListAs::Csv => changes_as_csv(screen, &all.changes),
        ListAs::Table => {
            for phonebook in &all.phonebooks {
                let name = words::on_one_line(&phonebook.name);
                screen.line(format!("phonebook {name:?} {}", phonebook_change(phonebook.kind())))?;
            }
            let mut table = Table::new(["contact", "key", "name", "what", "phonebook"]);
            for change in &all.changes {
                table.row([
                    &change.contact_id.to_string(),
                    &words::shortened(&change.source_key),
                    &change.display_name,
                    &kind(change),
                    &phonebooks(change),
                ]);
                if change.kind() == SyncChangeKind::Changed {
                    for field in &change.fields {
                        table.note(&format!("{}: {:?} -> {:?}", field.field, field.before, field.after));
                    }
                }
            }
            screen.table(&table)?;
            screen.line(counted(all.changes.len() as u64, "contact"))
        }
    }
}

fn kind(change: &v1::SyncChange) -> String {
    words::of_enum(change.kind().as_str_name(), "SYNC_CHANGE_KIND_")
}

fn phonebooks(change: &v1::SyncChange) -> String {
    match (change.phonebook_before.as_str(), change.phonebook_after.as_str()) {
        (before, after) if before == after => before.to_owned(),
        ("", after) => after.to_owned(),
        (before, "") => before.to_owned(),
        (before, after) => format!("{before} -> {after}"),
    }
}

fn phonebook_change(kind: SyncPhonebookChangeKind) -> &'static str {
    match kind {
        SyncPhonebookChangeKind::Unspecified => "was changed",
        SyncPhonebookChangeKind::Made => "was made",
        SyncPhonebookChangeKind::Deleted => "was deleted",
        SyncPhonebookChangeKind::Filled => "was local and is filled by the source from now on",
        SyncPhonebookChangeKind::Freed => "is no longer filled by the source",
    }
}

/// One line for each field that differs, and one for what has none.
fn changes_as_csv(screen: &mut Screen, changes: &[v1::SyncChange]) -> Result<()> {
    let mut csv = Csv::begin(
        screen,
        ["contact", "key", "name", "what", "phonebook_before", "phonebook_after", "field", "before", "after"],
    )?;
    for change in changes {
        let nothing = v1::FieldChange::default();
        let fields = if change.fields.is_empty() { std::slice::from_ref(&nothing) } else { &change.fields };
        for field in fields {
            csv.row([
                &change.contact_id.to_string(),
                &change.source_key,
                &change.display_name,
                &kind(change),
                &change.phonebook_before,
                &change.phonebook_after,
                &field.field,
                &field.before,
                &field.after,
            ])?;
        }
    }
    Ok(())
}

/// Rows and numbers that a run could not use.
pub(super) fn problems_as_csv(screen: &mut Screen, problems: &[v1::SyncProblem]) -> Result<()> {
    let mut csv = Csv::begin(screen, Rejected::COLUMNS)?;
    for problem in problems {
        csv.row(report::rejected(problem, &problem.position.to_string()).cells())?;
    }
    Ok(())
}
