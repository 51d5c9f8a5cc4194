//! `ringroute sources`: list and test; enable, disable and delete.

use clap::{Args, Subcommand};

use super::apply::LeftContacts;
use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::quality::QualityArguments;
use super::report;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// So many rows fit side by side.
const SHOWN_ROWS: usize = 3;

/// List the sources, test one, look at the quality of its data, switch one on or off, delete one
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute sources                                the same as `sources list`
  ringroute sources test crm
  ringroute sources quality crm
  ringroute sources disable crm
  ringroute sources delete crm --contacts keep"
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
    Quality(QualityArguments),
    Enable(EnableArguments),
    Disable(DisableArguments),
    Delete(DeleteArguments),
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

/// Switch a source on
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources enable crm")]
struct EnableArguments {
    /// Name of the source
    source: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Switch a source off: it is no longer synchronised
///
/// Its contacts and phonebooks stay as they are, unless --contacts says otherwise. All or nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources disable crm                    its contacts stay as they are
  ringroute sources disable crm --contacts keep    they become local ones
  ringroute sources disable crm --contacts remove

Exit codes: 0 it is off, 4 no such source, 5 refused while a run of it is under way")]
struct DisableArguments {
    /// Name of the source
    source: String,
    /// Part it from its contacts and phonebooks; what its runs changed can then no longer be rolled back
    #[arg(long, value_name = "WHAT")]
    contacts: Option<LeftContacts>,
    #[command(flatten)]
    server: ServerArguments,
}

/// Delete a source
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute sources delete crm --contacts keep     its contacts and phonebooks become local ones
  ringroute sources delete crm --contacts remove   they go with it

Exit codes: 0 deleted, 4 no such source, 5 refused: it has contacts, or a run of it is under way")]
struct DeleteArguments {
    /// Name of the source
    source: String,
    /// What becomes of its contacts and phonebooks; needed when it has any
    #[arg(long, value_name = "WHAT")]
    contacts: Option<LeftContacts>,
    #[command(flatten)]
    server: ServerArguments,
}

impl SourcesArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self.command {
            None => list(self.server, screen).await,
            Some(SourcesCommand::List(arguments)) => list(arguments.server, screen).await,
            Some(SourcesCommand::Test(arguments)) => test(arguments, screen).await,
            Some(SourcesCommand::Quality(arguments)) => arguments.run(screen).await,
            Some(SourcesCommand::Enable(EnableArguments { source, server })) => {
                switch(server, source, true, None, screen).await
            }
            Some(SourcesCommand::Disable(DisableArguments { source, contacts, server })) => {
                switch(server, source, false, contacts, screen).await
            }
            Some(SourcesCommand::Delete(arguments)) => delete(arguments, screen).await,
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
            &words::next_run(source.enabled(), source.next_run_at.as_ref()),
        ]);
    }
    screen.table(&table)
}

async fn switch(
    server: ServerArguments,
    name: String,
    on: bool,
    contacts: Option<LeftContacts>,
    screen: &mut Screen,
) -> Result<()> {
    let connection = server.connect().await?;
    let request = v1::GetSourceRequest { name };
    let source = connection.sync().get_source(request).await?.into_inner().source.unwrap_or_default();
    let request = v1::UpdateSourceRequest {
        source: Some(v1::Source { enabled: Some(on), ..source }),
        contacts: LeftContacts::to_proto(contacts),
        ..Default::default()
    };
    let source = connection.sync().update_source(request).await?.into_inner().source.unwrap_or_default();
    if server.json {
        return screen.json(&source);
    }
    let name = words::on_one_line(&source.name);
    let has = words::counted(source.contact_count, "contact");
    screen.line(match (on, contacts) {
        (true, _) => format!("Source {name} is on."),
        (false, None) => format!("Source {name} is off; its {has} stay as they are."),
        (false, Some(LeftContacts::Keep)) => {
            format!("Source {name} is off; its contacts and phonebooks are local ones now.")
        }
        (false, Some(LeftContacts::Remove)) => {
            format!("Source {name} is off; its contacts and phonebooks were removed.")
        }
    })
}

async fn delete(arguments: DeleteArguments, screen: &mut Screen) -> Result<()> {
    let DeleteArguments { source, contacts, server } = arguments;
    let connection = server.connect().await?;
    let request = v1::DeleteSourceRequest {
        name: source.clone(),
        contacts: LeftContacts::to_proto(contacts),
        etag: String::new(),
    };
    let answer = connection
        .sync()
        .delete_source(request)
        .await
        .map_err(|refused| LeftContacts::refusal(&refused, "--contacts"))?
        .into_inner();
    if server.json {
        return screen.json(&answer);
    }
    let had = words::counted(answer.contact_count, "contact");
    let became = match contacts {
        Some(LeftContacts::Keep) => format!("; {had} are local ones now"),
        Some(LeftContacts::Remove) => format!("; {had} went with it"),
        None => String::new(),
    };
    screen.line(format!("Source {} was deleted{became}.", words::on_one_line(&source)))
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
    if answer.unreadable_row_count > 0 {
        let unreadable = words::counted(answer.unreadable_row_count, "row");
        screen.line(screen.bad(format!(
            "{unreadable} cannot be read at all: a value is missing, or there is one too many. A run rejects such rows."
        )))?;
    }
    if let Some(server) = &answer.server {
        let encryption = words::encryption(server.encryption());
        screen.line(format!("The server is {}; {encryption}.", words::on_one_line(&server.version)))?;
    }
    let mut table = Table::new(["field", "column"]);
    for column in &answer.columns {
        table.row([&column.field, &column.column]);
    }
    for (place, row) in answer.rows.iter().take(SHOWN_ROWS).enumerate() {
        table.column(&format!("row {}", place + 1), row.values.iter().map(|value| words::shortened(value)));
    }
    screen.table(&table)
}
