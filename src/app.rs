//! Start and end of a server process.
//!
//! A start goes from what is cheap to be wrong about to what is dear: the configuration is checked before
//! anything is touched (by [`Config::load`]), the port is claimed before the data folder is opened, and
//! opened to callers only when there is something to answer from. A start that fails has changed nothing.
//!
//! An end is a drain with a bound: nothing new is accepted, running syncs are cancelled (they change
//! nothing then, and are recorded), calls under way are answered; after [`grpc::DRAIN_TIME`] whatever is left is cut.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::api::grpc::{self, Gate};
use crate::clock::SystemClock;
use crate::config::{Config, LogConfig, LogFormat, LogLevel};
use crate::engine::{Engine, EngineError, USES_WRITTEN_EVERY};
use crate::notifier::{self, Ways};
use crate::scheduler;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running server.
#[derive(Debug)]
pub struct Server {
    engine: Arc<Engine>,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    scheduling: JoinHandle<()>,
    notifying: JoinHandle<()>,
    remembering: JoinHandle<()>,
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
    /// The data folder cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The door broke while it was open.
    #[error("the gRPC server ended: {0}")]
    Grpc(#[from] tonic::transport::Error),
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
        let claimed = claim(config.listen)?;
        let data_folder = config.data_folder.clone();
        let opening = tokio::task::spawn_blocking(move || Engine::open(&data_folder));
        let engine = match opening.await {
            Ok(engine) => engine?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let listener = listen(claimed, config.listen)?;
        let address =
            listener.local_addr().map_err(|cause| ServerError::Listen { address: config.listen, cause })?;
        let stop = CancellationToken::new();
        let gate = Gate::new(engine.tokens(), config.require_tokens);
        let serving = tokio::spawn(grpc::serve_behind(gate, Arc::clone(&engine), listener, stop.clone()));
        let remembering = tokio::spawn(remember_token_uses(Arc::clone(&engine), stop.clone()));
        let scheduling =
            tokio::spawn(scheduler::run(Arc::clone(&engine), Arc::new(SystemClock), stop.clone()));
        let ways = Ways { mail: config.mail.clone(), webhook: config.webhook.clone() };
        let notifying =
            tokio::spawn(notifier::run(Arc::clone(&engine), ways, Arc::new(SystemClock), stop.clone()));
        tracing::info!(%address, generation = %engine.generation(), "serving");
        Ok(Server { engine, address, stop, serving, scheduling, notifying, remembering })
    }

    /// Where it listens; the port is the real one also when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes on until `stop`, such as [`stop_signal`], then drains.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            ended = &mut self.serving => {
                self.stop.cancel();
                self.engine.cancel_all_syncs();
                return joined(ended);
            }
            () = stop => {}
        }
        tracing::info!("told to stop: finishing what is under way");
        self.drain().await
    }

    /// Ends what is under way, within [`grpc::DRAIN_TIME`].
    pub async fn drain(self) -> Result<(), ServerError> {
        self.stop.cancel();
        // First, so that no run is started when those under way have been told to end.
        joined(self.scheduling.await.map(Ok))?;
        self.engine.cancel_all_syncs();
        let syncs = tokio::time::timeout(grpc::DRAIN_TIME, self.engine.wait_for_syncs());
        // The door has a bound of its own.
        let (syncs, served, notified, remembered) =
            tokio::join!(syncs, self.serving, self.notifying, self.remembering);
        joined(notified.map(Ok))?;
        joined(remembered.map(Ok))?;
        if syncs.is_err() {
            tracing::warn!(
                "a sync run had not ended {:?} after the server was told to stop",
                grpc::DRAIN_TIME
            );
        }
        joined(served)
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

fn joined(
    ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>,
) -> Result<(), ServerError> {
    match ended {
        Ok(result) => Ok(result?),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Ok(()),
    }
}

/// Claims a port without answering on it yet: whoever connects now is refused, not left waiting.
fn claim(address: SocketAddr) -> Result<TcpSocket, ServerError> {
    let claimed = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Else a restart would wait for the connections of the server before it to be forgotten. Where
        // Windows has this option it lets two servers share a port.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    claimed().map_err(|cause| explain(address, cause))
}

fn listen(claimed: TcpSocket, address: SocketAddr) -> Result<TcpListener, ServerError> {
    claimed.listen(BACKLOG).map_err(|cause| explain(address, cause))
}

fn explain(address: SocketAddr, cause: io::Error) -> ServerError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => ServerError::PortTaken { address },
        _ => ServerError::Listen { address, cause },
    }
}

/// Listens from now on for the process being told to stop (SIGINT, which is Ctrl-C, and SIGTERM); the future
/// returns when it is.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = signal::windows::ctrl_c()?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

/// Whether a stream should get colours: only a terminal, and nobody said otherwise (<https://no-color.org>).
pub fn wants_colours(stream: &impl IsTerminal) -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !is_unwanted
}

/// Writes messages to standard error from now on, as configured. Those of libraries only when they warn.
pub fn start_logging(log: &LogConfig) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,ringroute=info",
        LogLevel::Debug => "info,ringroute=debug",
        LogLevel::Trace => "debug,ringroute=trace",
    };
    // The SQL Server driver logs what the server says, and that may hold values of contacts.
    let filter = EnvFilter::new(format!("{level},tiberius=off"));
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // An error says that logging was set up before, which then goes on.
    let _ = match log.format {
        LogFormat::Text => messages.with_ansi(wants_colours(&io::stderr())).try_init(),
        LogFormat::Json => messages.json().try_init(),
    };
}
