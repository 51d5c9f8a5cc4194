//! `ringroute demo`: from a company's database to a routed call, on data made up here.
//!
//! It does nothing that a user could not do: it starts a server, and is a client of it, with the same code
//! as the commands.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::connection::{Connection, DEFAULT_SERVER};
use super::exit::{Exit, Failure, Result};
use super::screen::{Screen, Table};
use super::{calls, phonebooks, progress, report, serve, sync, words};
use crate::api::proto::v1::{self, MatchStatus, SyncProblemKind};
use crate::app::{self, Server};
use crate::config::{Config, ConsoleConfig, ListenAddress, LogConfig, LogLevel};
use crate::demo::sample;
use crate::settings::Settings;

/// The sample company's database, in the data folder.
const DATABASE: &str = "sample-company.db";
/// Rejected rows that are shown.
const EXAMPLES: usize = 3;

/// See it work: a sample company's contacts are synchronised, and calls are routed
///
/// Makes a folder with a sample company's database, synchronises it, routes a table of telling calls, and
/// goes on serving. It can be run again in the same folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute demo
  ringroute demo --once                            end after the table; needs no port
  ringroute demo --contacts 500000 --data-folder /tmp/big
  ringroute demo --listen 127.0.0.1:50052          when the port is taken")]
pub(super) struct DemoArguments {
    /// End after the table of calls
    #[arg(long)]
    once: bool,
    /// Where the sample and the store are; made when it is not there
    #[arg(long, value_name = "FOLDER", default_value = "ringroute-demo")]
    data_folder: PathBuf,
    /// Where to serve gRPC: an IP address and a port
    #[arg(long, value_name = "ADDRESS:PORT", env = "RINGROUTE_LISTEN", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    #[arg(long, value_name = "N", help = contacts_help(), value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    contacts: Option<u32>,
}

fn contacts_help() -> String {
    format!("How many contacts a new sample gets [default: {}]", sample::DEFAULT_CONTACTS)
}

impl DemoArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        app::start_logging(&LogConfig { level: LogLevel::Warn, ..LogConfig::default() });
        // Only this process has to find it.
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let listen = ListenAddress::Tcp(if self.once { anywhere } else { self.listen });
        let console = ConsoleConfig { enabled: !self.once, ..ConsoleConfig::default() };
        let config = Config { listen, data_folder: self.data_folder.clone(), console, ..Config::default() };
        let mut stop = std::pin::pin!(app::stop_signal()?);
        let server = Server::start(&config.checked().context("the demo does not start")?)
            .await
            .context("the demo does not start")?;
        let shown = tokio::select! {
            biased;
            () = &mut stop => Err(Failure::new(Exit::Interrupted, "stopped; nothing is half done")),
            shown = self.show(screen, &server) => shown,
        };
        if self.once || shown.is_err() {
            server.drain().await;
            return shown;
        }
        what_to_try(screen, &server.url())?;
        serve::tell_console(screen, &server)?;
        server.run_until(stop, tokio_stream::pending::<anyhow::Result<Config>>()).await;
        Ok(())
    }

    fn new_contacts(&self) -> u32 {
        self.contacts.unwrap_or(sample::DEFAULT_CONTACTS)
    }

    async fn show(&self, screen: &mut Screen, server: &Server) -> Result<()> {
        let connection = Connection::to(&server.url()).await?;
        let database = self.sample(screen).await?;
        apply(screen, &connection, &sample::settings(&database)).await?;

        synchronise(screen, &connection, u64::from(self.new_contacts())).await?;
        screen.line("")?;
        phonebooks::list(&connection, screen).await?;
        screen.line("")?;
        route_calls(screen, &connection).await
    }

    /// The sample's database, written unless it is there.
    async fn sample(&self, screen: &mut Screen) -> Result<PathBuf> {
        // The server may be started in another folder the next time.
        let folder = self.data_folder.canonicalize().context("the demo's data folder")?;
        let database = folder.join(DATABASE);
        if database.exists() {
            screen.line(format!("The sample company is there already: {}", shown(&database)))?;
            if self.contacts.is_some() {
                eprintln!("--contacts is for a new sample: choose another --data-folder to make one");
            }
        } else {
            let (path, contacts) = (database.clone(), self.new_contacts());
            let writing = tokio::task::spawn_blocking(move || sample::write(&path, contacts));
            let written = writing.await.map_err(anyhow::Error::from)?.context("the demo's data folder")?;
            screen.line(format!(
                "Made a sample company: {} with {}, {} of them bad rows, in {}",
                words::counted(u64::from(written.contacts), "contact"),
                words::counted(written.numbers, "number"),
                words::count(u64::from(written.bad_rows)),
                shown(&database)
            ))?;
        }
        Ok(database)
    }
}

/// Applies the sample's settings where there are none; what somebody made of them since is left alone.
async fn apply(screen: &mut Screen, connection: &Connection, sample: &Settings) -> Result<()> {
    let export = v1::ExportSettingsRequest::default();
    let now = connection.settings().export_settings(export).await?.into_inner().document;
    let now = Settings::from_toml(&now).context("the demo's settings")?;
    if now == Settings::default() {
        let document = sample.to_toml().context("the sample's settings")?;
        let request = v1::ApplySettingsRequest { document, ..Default::default() };
        connection.settings().apply_settings(request).await?;
    } else if now != *sample {
        screen.line("The settings in this folder are not the sample's any more; they stay as they are.")?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    words::on_one_line(&path.display().to_string())
}

async fn synchronise(screen: &mut Screen, connection: &Connection, expected: u64) -> Result<()> {
    let request = v1::StartSyncRequest { source: sample::SOURCE_NAME.to_owned(), allow_preview: None };
    let started = connection.sync().start_sync(request).await?.into_inner().run.unwrap_or_default();
    let run = progress::show_run(connection, &started, Some(expected)).await?;
    report::result(screen, &run)?;
    let problems = sync::get(connection, run.run_id, 1000).await?.problems;
    let examples = examples(problems);
    if !examples.is_empty() {
        screen.line("Rejected, for example:")?;
        for example in &examples {
            screen.line(format!("  {}", report::problem(example)))?;
        }
    }
    Ok(())
}

/// A few rejected rows, each for another reason.
fn examples(problems: Vec<v1::SyncProblem>) -> Vec<v1::SyncProblem> {
    let mut reasons = BTreeSet::new();
    let rejected = problems.into_iter().filter(|problem| problem.kind() == SyncProblemKind::RowRejected);
    rejected.filter(|problem| reasons.insert(problem.reason.clone())).take(EXAMPLES).collect()
}

async fn route_calls(screen: &mut Screen, connection: &Connection) -> Result<()> {
    let mut table = Table::new(["what the network sent", "contact", "phonebook", "route -> destination"]);
    for call in &sample::DEMO_CALLS {
        let request = v1::RouteCallRequest {
            caller: call.caller.to_owned(),
            did: call.did.to_owned(),
            trunk: call.trunk.to_owned(),
            explain: true,
            ..Default::default()
        };
        let answer = connection.calls().route_call(request).await?.into_inner();
        let found = answer.r#match.unwrap_or_default();
        let contact = match found.status() {
            MatchStatus::Matched => calls::names(&found, usize::MAX),
            MatchStatus::NotMatched => "(no contact)".into(),
            MatchStatus::Withheld => "(withheld)".into(),
            MatchStatus::Invalid => "(not a number)".into(),
            MatchStatus::Unspecified => String::new(),
        };
        let route = if answer.route.is_empty() { "(none)" } else { &answer.route };
        table.row([
            call.caller,
            &contact,
            &found.phonebooks.join(", "),
            &format!("{route} -> {}", words::destination(answer.destination.as_ref())),
        ]);
        let why = answer.explanation.last().map(calls::why).unwrap_or_default();
        table.note(&format!("{}: {why}", call.what));
    }
    screen.table(&table)
}

fn what_to_try(screen: &mut Screen, url: &str) -> Result<()> {
    let server = if url == DEFAULT_SERVER { String::new() } else { format!(" --server {url}") };
    let call = &sample::DEMO_CALLS[0];
    let (caller, did, trunk) = (words::argument(call.caller), call.did, call.trunk);
    screen.line(format!("\nServing call handlers on {url} until Ctrl-C. In another terminal, try:"))?;
    for command in [
        format!("match {caller}"),
        format!("route {caller} --did {did} --trunk {trunk} --explain"),
        format!("sync run {}", sample::SOURCE_NAME),
        "contacts müller".to_owned(),
        "export".to_owned(),
    ] {
        screen.line(screen.bold(format!("  {} {command}{server}", program())))?;
    }
    Ok(())
}

/// How this program was called, so that what is printed can be pasted.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_else(|| "ringroute".to_owned());
    words::argument(&called)
}
