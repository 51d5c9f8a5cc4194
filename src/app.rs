//! Start and end of a server process.
//!
//! A start goes from what is cheap to be wrong about to what is dear: the configuration is checked before
//! anything is touched (by [`Config::load`]), the port is claimed before the data folder is opened, and
//! opened to callers only when there is something to answer from. A start that fails has changed nothing.
//!
//! An end is a drain with a bound: nothing new is accepted, running syncs are cancelled (they change
//! nothing then, and are recorded), calls under way are answered; after [`grpc::DRAIN_TIME`] whatever is left is cut.

mod claiming;
mod console;
mod logging;
mod reloading;
mod service_manager;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::api::grpc::{self, Gate};
use crate::api::metrics;
use crate::clock::SystemClock;
use crate::config::{Config, ListenAddress};
use crate::console::Surroundings;
use crate::engine::{self, Engine, EngineError, USES_WRITTEN_EVERY};
#[cfg(unix)]
use crate::listening::SocketError;
use crate::listening::{Incoming, Tls, TlsError};
use crate::notifier::{self, Ways};
use crate::scheduler;
use crate::traces::{self, Traces, TracesError};

pub use console::Console;
pub use logging::{start_logging, wants_colours};
pub use signals::{reload_signals, stop_signal};

use claiming::{claim, claim_metrics, claim_port, listen};

/// A running server.
#[derive(Debug)]
pub struct Server {
    engine: Arc<Engine>,
    /// What is in force of it.
    config: Config,
    address: ListenAddress,
    tls: Option<Arc<Tls>>,
    console: Option<SocketAddr>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    scheduling: JoinHandle<()>,
    notifying: JoinHandle<()>,
    remembering: JoinHandle<()>,
    keeping: JoinHandle<()>,
    showing: JoinHandle<()>,
    following: Option<Following>,
    ways: watch::Sender<Ways>,
    watched: Watched,
}

/// Spans of what this server does are sent.
#[derive(Debug)]
struct Following {
    traces: Arc<Traces>,
    /// Runs have ended.
    stop: CancellationToken,
    runs: JoinHandle<()>,
}

/// What watches the server, and is there until the end of its drain.
#[derive(Debug)]
struct Watched {
    metrics_address: Option<SocketAddr>,
    ended: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Why a server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody listens there already.
    #[error(
        "port {} of {} is taken by another program, perhaps another ringroute: stop that one, or choose another \
         port with --listen {}:PORT (or RINGROUTE_LISTEN)",
        address.port(), address.ip(), shown_ip(address)
    )]
    PortTaken {
        /// Where this server was to listen.
        address: SocketAddr,
    },
    /// The address is not one to listen on.
    #[error(
        "cannot listen on {address}: {cause}; choose another address with --listen (or RINGROUTE_LISTEN)"
    )]
    Listen {
        /// Where this server was to listen.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The socket cannot be listened on.
    #[cfg(unix)]
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// This system has no such sockets.
    #[cfg(not(unix))]
    #[error("this system has no Unix domain sockets: choose an IP address and a port with --listen")]
    NoUnixSockets,
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Other machines could reach it, and nobody could show who they are.
    #[error(
        "{key} = \"{address}\" lets other machines in, and there is no token that they could show: make the first \
         with `ringroute token create NAME --role admin --data-folder {}`", data_folder.display()
    )]
    NoTokens {
        /// Which setting it is about.
        key: &'static str,
        /// Where it would listen.
        address: ListenAddress,
        /// Where tokens are kept.
        data_folder: PathBuf,
    },
    /// Metrics cannot be told where they were to be.
    #[error(
        "metrics cannot be told on {address}: {cause}; choose another address with metrics (or RINGROUTE_METRICS)"
    )]
    Metrics {
        /// Where they were to be.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// Somebody listens where the console was to be.
    #[error(
        "the console cannot be served on {address}: {cause}; choose another address with console.address \
         (or RINGROUTE_CONSOLE_ADDRESS), or turn it off with console.enabled = false (or RINGROUTE_CONSOLE=false)"
    )]
    Console {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// Spans cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The data folder cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// As in a URL, where an IPv6 address is in brackets.
fn shown_ip(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

impl Server {
    /// Opens the data folder and serves; returns as soon as callers are answered.
    pub async fn start(config: &Config) -> Result<Self, ServerError> {
        let claimed = claim(&config.listen)?;
        let metrics_claimed = config.metrics.map(claim_metrics).transpose()?.zip(config.metrics);
        let console = console::claim(&config.console)?;
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let traces = Traces::start(&config.traces)?;
        let data_folder = config.data_folder.clone();
        let opening = tokio::task::spawn_blocking(move || Engine::open(&data_folder));
        let engine = match opening.await {
            Ok(engine) => engine?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        if let Some((key, address)) = config.exposed()
            && engine.tokens().usable(Timestamp::now()) == 0
        {
            return Err(ServerError::NoTokens { key, address, data_folder: config.data_folder.clone() });
        }
        let metrics_listener =
            metrics_claimed.map(|(socket, address)| listen(socket, address)).transpose()?;
        let (incoming, address) = claimed.listen(tls.clone(), config.bounds)?;
        let stop = CancellationToken::new();
        let http = |listener| Incoming::http(listener, tls.clone(), config.bounds);
        let (ways, known_ways) = watch::channel(reloading::ways(config));
        let surroundings = Surroundings {
            hosts: config.console.hosts.clone(),
            ways: known_ways.clone(),
            tokens_required: config.requires_tokens(),
        };
        let (console, showing) =
            console::start(console, &config.console, &engine, http, surroundings, &stop)?;
        let gate = Gate::new(engine.tokens(), config.requires_tokens(), config.bounds);
        let gate = gate.with_traces(traces.clone());
        let serving =
            grpc::serve_behind(gate, Arc::clone(&engine), incoming, known_ways.clone(), stop.clone());
        let serving = tokio::spawn(serving);
        if let Some(tls) = &tls {
            // It ends with the stop, and leaves nothing that would have to be waited for.
            tokio::spawn(Arc::clone(tls).watch(stop.clone()));
        }
        let remembering = tokio::spawn(remember_token_uses(Arc::clone(&engine), stop.clone()));
        let keeping = tokio::spawn(engine::keep_last_good(Arc::clone(&engine), stop.clone()));
        let following = traces.map(|traces| Following::start(traces, &engine));
        let scheduling =
            tokio::spawn(scheduler::run(Arc::clone(&engine), Arc::new(SystemClock), stop.clone()));
        let notifying =
            tokio::spawn(notifier::run(Arc::clone(&engine), known_ways, Arc::new(SystemClock), stop.clone()));
        // Ends when told to stop; nobody waits for what it makes.
        drop(tokio::spawn(Arc::clone(&engine).keep_search_ready(stop.clone())));
        tracing::info!(%address, generation = %engine.generation(), "serving");
        let metrics = metrics_listener.map(|(listener, address)| (http(listener), address));
        let watched = Watched::start(&engine, metrics, config.requires_tokens_for_metrics(), &stop);
        let config = config.clone();
        Ok(Server {
            engine,
            config,
            address,
            tls,
            console,
            stop,
            serving,
            scheduling,
            notifying,
            remembering,
            keeping,
            showing,
            following,
            ways,
            watched,
        })
    }

    /// Where it listens; the port is the real one also when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// The same as a client needs it: `http://…`, `https://…` or `unix:…`.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.address {
            ListenAddress::Tcp(address) => format!("{}://{address}", self.http_scheme()),
            socket @ ListenAddress::Unix(_) => socket.to_string(),
        }
    }

    /// Where metrics are told, if they are.
    #[must_use]
    pub fn metrics_url(&self) -> Option<String> {
        let address = self.watched.metrics_address?;
        Some(format!("{}://{address}/metrics", self.http_scheme()))
    }

    fn http_scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Goes on until `stop`, such as [`stop_signal`], then drains. Whatever `reloads` reads is taken over, as far as
    /// that is possible; see [`Self::take_over`].
    pub async fn run_until<E: std::fmt::Display>(
        mut self,
        stop: impl Future<Output = ()>,
        reloads: impl Stream<Item = Result<Config, E>>,
    ) {
        let (mut stop, mut reloads) = (std::pin::pin!(stop), std::pin::pin!(reloads));
        let mut published = self.engine.published();
        service_manager::ready(&self.engine);
        loop {
            tokio::select! {
                ended = &mut self.serving => {
                    self.stop.cancel();
                    self.watched.ended.cancel();
                    self.engine.cancel_all_syncs();
                    return joined(ended);
                }
                () = &mut stop => break,
                Some(read) = reloads.next() => {
                    service_manager::reloading();
                    self.reload(read).await;
                    service_manager::ready(&self.engine);
                }
                // The engine is there as long as this is.
                _ = published.changed() => service_manager::published(&self.engine),
            }
        }
        tracing::info!("told to stop: finishing what is under way");
        self.drain().await;
    }

    /// Ends what is under way, within [`grpc::DRAIN_TIME`].
    pub async fn drain(self) {
        self.stop.cancel();
        // After that: nobody who hears of the end finds it ready still.
        service_manager::stopping();
        self.engine.give_up_start();
        // First, so that no run is started when those under way have been told to end.
        joined(self.scheduling.await);
        self.engine.cancel_all_syncs();
        let syncs = tokio::time::timeout(grpc::DRAIN_TIME, self.engine.wait_for_syncs());
        // The door has a bound of its own.
        let (syncs, served, notified, remembered, kept, shown) =
            tokio::join!(syncs, self.serving, self.notifying, self.remembering, self.keeping, self.showing);
        joined(notified);
        joined(remembered);
        joined(kept);
        joined(shown);
        if syncs.is_err() {
            tracing::warn!(
                "a sync run had not ended {:?} after the server was told to stop",
                grpc::DRAIN_TIME
            );
        }
        if let Some(following) = self.following {
            following.end().await;
        }
        // Whoever watches sees the server drain.
        self.watched.end().await;
        joined(served);
    }
}

impl Following {
    fn start(traces: Arc<Traces>, engine: &Arc<Engine>) -> Self {
        let stop = CancellationToken::new();
        let runs = traces::follow_runs(Arc::clone(&traces), Arc::clone(engine), stop.clone());
        Following { traces, stop, runs: tokio::spawn(runs) }
    }

    /// Sends what is left, within a bound.
    async fn end(self) {
        self.stop.cancel();
        joined(self.runs.await);
        self.traces.shutdown().await;
    }
}

impl Watched {
    fn start(
        engine: &Arc<Engine>,
        metrics: Option<(Incoming, SocketAddr)>,
        requires_tokens: bool,
        stop: &CancellationToken,
    ) -> Self {
        let ended = CancellationToken::new();
        let clock = Arc::new(SystemClock);
        let mut tasks = vec![
            tokio::spawn(engine::keep_call_history(Arc::clone(engine), clock, ended.clone())),
            tokio::spawn(service_manager::feed_watchdog(ended.clone())),
        ];
        let metrics_address = metrics.as_ref().map(|(_, address)| *address);
        if let Some((incoming, address)) = metrics {
            tracing::info!(%address, "telling metrics");
            let engine = Arc::clone(engine);
            let serving = metrics::serve(engine, incoming, requires_tokens, stop.clone(), ended.clone());
            tasks.push(tokio::spawn(serving));
        }
        Watched { metrics_address, ended, tasks }
    }

    async fn end(self) {
        self.ended.cancel();
        for task in self.tasks {
            if let Err(defect) = task.await {
                tracing::error!(%defect, "a task ended by a defect; please report this");
            }
        }
    }
}

/// Tells the store when tokens were last used, now and then, and once more at the end.
async fn remember_token_uses(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        let stopped = tokio::time::timeout(USES_WRITTEN_EVERY, stop.cancelled()).await.is_ok();
        if let Err(error) = engine.remember_token_uses().await {
            tracing::warn!(%error, "when tokens were last used could not be written");
        }
        if stopped {
            return;
        }
    }
}

/// A panic of a task is one of whoever waits for it.
fn joined(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
