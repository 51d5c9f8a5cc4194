//! Addresses are claimed before the data folder is opened, and answered on when there is something to answer from.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use super::ServerError;
use crate::config::{BoundsConfig, ListenAddress};
#[cfg(unix)]
use crate::listening::UnixDoor;
use crate::listening::{Incoming, Tls};

/// How many connections may wait to be accepted.
pub(super) const BACKLOG: u32 = 1024;

/// A place to listen on that nobody else has, and where nobody is answered yet: whoever connects now is refused, not
/// left waiting.
#[derive(Debug)]
pub(super) enum Claimed {
    Tcp(TcpSocket, SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Claims where calls are to be answered.
pub(super) fn claim(address: &ListenAddress) -> Result<Claimed, ServerError> {
    match address {
        ListenAddress::Tcp(address) => Ok(Claimed::Tcp(claim_port(*address)?, *address)),
        #[cfg(unix)]
        ListenAddress::Unix(path) => {
            UnixDoor::check(path)?;
            Ok(Claimed::Unix(path.clone()))
        }
        #[cfg(not(unix))]
        ListenAddress::Unix(_) => Err(ServerError::NoUnixSockets),
    }
}

/// Claims a port; a restart need not wait for the connections of the server before it.
pub(super) fn claim_port(address: SocketAddr) -> Result<TcpSocket, ServerError> {
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

/// Claims where metrics are to be told.
pub(super) fn claim_metrics(address: SocketAddr) -> Result<TcpSocket, ServerError> {
    claim_port(address).map_err(|error| match error {
        ServerError::PortTaken { .. } => {
            ServerError::Metrics { address, cause: io::ErrorKind::AddrInUse.into() }
        }
        ServerError::Listen { cause, .. } => ServerError::Metrics { address, cause },
        error => error,
    })
}

/// Answers on a claimed port, and says which it is.
pub(super) fn listen(
    claimed: TcpSocket,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let listening = || {
        let listener = claimed.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listening().map_err(|cause| explain(address, cause))
}

impl Claimed {
    /// Accepts connections from now on, and says where.
    pub(super) fn listen(
        self,
        tls: Option<Arc<Tls>>,
        bounds: BoundsConfig,
    ) -> Result<(Incoming, ListenAddress), ServerError> {
        match self {
            Claimed::Tcp(socket, address) => {
                let (listener, address) = listen(socket, address)?;
                Ok((Incoming::grpc(listener, tls, bounds), ListenAddress::Tcp(address)))
            }
            #[cfg(unix)]
            Claimed::Unix(path) => {
                let door = UnixDoor::bind(&path)?;
                Ok((Incoming::unix(door, bounds), ListenAddress::Unix(path)))
            }
        }
    }
}

fn explain(address: SocketAddr, cause: io::Error) -> ServerError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => ServerError::PortTaken { address },
        _ => ServerError::Listen { address, cause },
    }
}
