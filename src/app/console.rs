//! Where the console is served, if it is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claiming::BACKLOG;
use super::{Server, ServerError};
use crate::config::ConsoleConfig;
use crate::console::{self, Surroundings};
use crate::engine::Engine;
use crate::listening::Incoming;

/// Where the console is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// Its address.
    pub url: String,
    /// The link by which the first administrator gets in, once; `None` when there are users.
    pub first_sign_in: Option<String>,
}

impl Server {
    /// Where the console is, if it is served: its address, which is also where the first administrator gets in
    /// while there is no user.
    #[must_use]
    pub fn console(&self) -> Option<Console> {
        let mut address = self.console?;
        // All addresses of this machine are none to open in a browser; this one is among them.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        // A certificate is for a name, which an address seldom is.
        let named = self.config.console.hosts.first().filter(|_| self.tls.is_some());
        let place = named.map_or_else(|| address.to_string(), |name| format!("{name}:{}", address.port()));
        let url = format!("{}://{place}", self.http_scheme());
        let first = self.engine.offer_first_sign_in();
        Some(Console { first_sign_in: first.map(|token| format!("{url}/first-sign-in?token={token}")), url })
    }
}

/// Claims the console's port. Where nobody said which, a port that is taken is no reason not to answer calls.
pub(super) fn claim(config: &ConsoleConfig) -> Result<Option<TcpSocket>, ServerError> {
    if !config.enabled {
        return Ok(None);
    }
    let address = config.wanted_address();
    match super::claim_port(address) {
        Ok(claimed) => Ok(Some(claimed)),
        Err(ServerError::PortTaken { .. }) => none(config, io::ErrorKind::AddrInUse.into()),
        Err(ServerError::Listen { cause, .. }) => Err(ServerError::Console { address, cause }),
        Err(error) => Err(error),
    }
}

/// Serves it on a claimed port until `stop`. Returns where, and the task that serves.
pub(super) fn start(
    claimed: Option<TcpSocket>,
    config: &ConsoleConfig,
    engine: &Arc<Engine>,
    connections: impl FnOnce(TcpListener) -> Incoming,
    surroundings: Surroundings,
    stop: &CancellationToken,
) -> Result<(Option<SocketAddr>, JoinHandle<()>), ServerError> {
    let listening = claimed.map(|claimed| listen(claimed, config)).transpose()?.flatten();
    Ok(match listening {
        None => (None, tokio::spawn(async {})),
        Some((listener, address)) => {
            let incoming = connections(listener);
            let serving = console::serve(Arc::clone(engine), incoming, surroundings, stop.clone());
            (Some(address), tokio::spawn(serving))
        }
    })
}

/// Begins to listen. Two servers may have claimed the same port before either of them listens.
fn listen(
    claimed: TcpSocket,
    config: &ConsoleConfig,
) -> Result<Option<(TcpListener, SocketAddr)>, ServerError> {
    let listener = claimed.listen(BACKLOG);
    match listener.and_then(|listener| listener.local_addr().map(|address| (listener, address))) {
        Ok(listening) => Ok(Some(listening)),
        Err(cause) => none(config, cause),
    }
}

/// A port that is taken is refused where somebody asked for it, and is only a warning where nobody did.
fn none<T>(config: &ConsoleConfig, cause: io::Error) -> Result<Option<T>, ServerError> {
    let address = config.wanted_address();
    if cause.kind() != io::ErrorKind::AddrInUse || config.address.is_some() {
        return Err(ServerError::Console { address, cause });
    }
    tracing::warn!(
        "the console is not served, since port {} is taken by another program: choose another address with \
         console.address (or RINGROUTE_CONSOLE_ADDRESS)",
        address.port()
    );
    Ok(None)
}
