//! `ringroute sources`: list and test.

use clap::{Args, Subcommand};

use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::report;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// So many rows fit side by side.
const SHOWN_ROWS: usize = 3;

/// List the sources, or test one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute sources                                the same as `sources list`
  ringroute sources test crm"
)]
pub(super) struct SourcesArguments {
    #[command(subcommand)]
    command: Option<SourcesCommand>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Subcommand)]
enum SourcesCommand {
    List(ListArguments),
    Test(TestArguments),
}

/// List the sources
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources list
  ringroute sources list --json | jq -r '.sources[].name'")]
struct ListArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Reach a source and read its first rows, changing nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources test crm

Exit codes: 0 a run could read from it, 1 it could not, 4 no such source")]
struct TestArguments {
    /// Name of the source
    source: String,
    #[command(flatten)]
    server: ServerArguments,
}

impl SourcesArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self.command {
            None => list(self.server, screen).await,
            Some(SourcesCommand::List(arguments)) => list(arguments.server, screen).await,
            Some(SourcesCommand::Test(arguments)) => test(arguments, screen).await,
        }
    }
}

async fn all(connection: &Connection) -> Result<v1::ListSourcesResponse> {
    let mut all = v1::ListSourcesResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = v1::ListSourcesRequest { page_size: PAGE, page_token };
        let page = connection.sync().list_sources(request).await?.into_inner();
        all.sources.extend(page.sources);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        all.next_page_token = page.next_page_token;
    }
}

async fn list(server: ServerArguments, screen: &mut Screen) -> Result<()> {
    let answer = all(&server.connect().await?).await?;
    if server.json {
        return screen.json(&answer);
    }
    let mut table =
        Table::new(["source", "kind", "synchronisation", "contacts", "last run", "ended", "next run"]);
    for source in &answer.sources {
        let last = source.last_run.as_ref();
        table.row([
            &source.name,
            kind(source),
            if source.enabled() { "on" } else { "off" },
            &words::count(source.contact_count),
            &last.map(|run| format!("{} {}", run.run_id, report::state(run))).unwrap_or_default(),
            &words::time(last.and_then(|run| run.finished_at.as_ref())),
            &words::time(source.next_run_at.as_ref()),
        ]);
    }
    screen.table(&table)
}

fn kind(source: &v1::Source) -> &'static str {
    match source.connection.as_ref().and_then(|connection| connection.kind.as_ref()) {
        Some(v1::connection::Kind::Sqlite(_)) => "sqlite",
        Some(v1::connection::Kind::Csv(_)) => "csv",
        Some(v1::connection::Kind::SqlServer(_)) => "sql_server",
        None => "unknown to this version",
    }
}

async fn test(arguments: TestArguments, screen: &mut Screen) -> Result<()> {
    let connection = arguments.server.connect().await?;
    let subject = v1::test_source_request::Subject::Name(arguments.source.clone());
    let request = v1::TestSourceRequest { subject: Some(subject) };
    let answer = connection.sync().test_source(request).await?.into_inner();
    let verdict = match answer.succeeded {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Failed,
            format!("source {} does not work: {}", arguments.source, answer.failure),
        )),
    };
    if arguments.server.json {
        let shown = screen.json(&answer);
        return verdict.and(shown);
    }
    verdict?;
    let rows = words::counted(answer.row_count, "row");
    screen.line(screen.good(format!("Source {} works: its sync filter gives {rows}.", arguments.source)))?;
    let mut table = Table::new(["field", "column"]);
    for column in &answer.columns {
        table.row([&column.field, &column.column]);
    }
    for (place, row) in answer.rows.iter().take(SHOWN_ROWS).enumerate() {
        table.column(&format!("row {}", place + 1), row.values.iter().map(|value| words::shortened(value)));
    }
    screen.table(&table)
}
