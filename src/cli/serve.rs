//! `ringroute serve`: a server, until it is told to stop.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio_stream::StreamExt;

use super::exit::Result;
use super::screen::Screen;
use crate::app::{self, Server};
use crate::config::{Config, ListenAddress};

/// Serve call handlers over gRPC, people in the browser, and synchronise
///
/// Ends when it is told to (SIGINT, SIGTERM): calls under way are answered, running syncs are cancelled,
/// which changes nothing. Reads its configuration again when it is told to (SIGHUP): how much is logged, the mail
/// server and webhooks are taken over at once; the rest, says the log, with the next start.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute serve
  ringroute serve --config /etc/ringroute.toml
  ringroute serve --data-folder /var/lib/ringroute --listen 127.0.0.1:50052
  ringroute serve --listen 127.0.0.1:0             a free port, which is printed
  ringroute serve --console 127.0.0.1:8081         the console elsewhere than on 127.0.0.1:8080

What wins: an option, then the environment (RINGROUTE_LISTEN, RINGROUTE_DATA_FOLDER, RINGROUTE_LOG_LEVEL …),
then the file, then the default.")]
pub(super) struct ServeArguments {
    #[command(flatten)]
    process: ProcessArguments,
}

/// Options of a process that serves.
#[derive(Debug, Args)]
pub(super) struct ProcessArguments {
    /// The configuration; else ringroute.toml in this folder, if there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the store is; made when it is not there
    #[arg(long, value_name = "FOLDER")]
    data_folder: Option<PathBuf>,
    /// Where to serve gRPC: an IP address and a port, or unix: and the path of a socket
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<ListenAddress>,
    /// Where to serve the console: an IP address and a port
    #[arg(long, value_name = "ADDRESS:PORT")]
    console: Option<SocketAddr>,
    /// Serve no console
    #[arg(long, conflicts_with = "console")]
    no_console: bool,
}

impl ProcessArguments {
    /// The configuration with the options applied, and checked.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        // An option stands for the variable of the same setting, and comes after it.
        let listen =
            self.listen.as_ref().map(|address| ("RINGROUTE_LISTEN".into(), address.to_string().into()));
        let data_folder = self.data_folder.as_ref();
        let data_folder = data_folder.map(|folder| ("RINGROUTE_DATA_FOLDER".into(), folder.into()));
        let console =
            self.console.map(|address| ("RINGROUTE_CONSOLE_ADDRESS".into(), address.to_string().into()));
        let is_on = self.console.map(|_| true).or(self.no_console.then_some(false));
        let is_on = is_on.map(|is_on| ("RINGROUTE_CONSOLE".into(), is_on.to_string().into()));
        let options = listen.into_iter().chain(data_folder).chain(console).chain(is_on);
        let environment = std::env::vars_os().chain::<Vec<(OsString, OsString)>>(options.collect());
        Ok(Config::load(self.config.as_deref(), environment)?)
    }
}

impl ServeArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let config = self.process.config()?;
        app::start_logging(&config.log);
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let stop = app::stop_signal()?;
        let reloads = app::reload_signals()?;
        let server = Server::start(&config).await.context("ringroute does not start")?;
        screen.line(format!("Ringroute listens on {}", server.url()))?;
        tell_console(screen, &server)?;
        if let Some(url) = server.metrics_url() {
            screen.line(format!("Metrics are at {url}"))?;
        }
        let reloads = reloads.map(|()| self.process.config());
        server.run_until(stop, reloads).await;
        Ok(())
    }
}

/// Where the console is, and how the first administrator gets in.
pub(super) fn tell_console(screen: &mut Screen, server: &Server) -> Result<()> {
    let Some(console) = server.console() else { return Ok(()) };
    screen.line(format!("The console is on {}", console.url))?;
    if let Some(first) = console.first_sign_in {
        screen.line("There is no user yet. Become the administrator with this link, which is good once:")?;
        screen.line(format!("  {first}"))?;
    }
    Ok(())
}
