//! Connections as they come in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tokio_stream::{Stream, StreamExt as _};

use super::bounds::{Full, Place, Places};
use super::connection::{Connection, Way};
use super::tls::Tls;
#[cfg(unix)]
use super::unix::UnixDoor;
use crate::access::Peer;
use crate::config::BoundsConfig;

/// How long accepting pauses when the system cannot give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long is waited for a client that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a TLS handshake, from the first byte to the last.
    pub handshake: Duration,
    /// For its first words after that.
    pub greeting: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { handshake: Duration::from_secs(10), greeting: Duration::from_secs(10) }
    }
}

/// Accepts connections. The port, or the socket, is free again when it is dropped.
#[derive(Debug)]
pub struct Incoming {
    door: Door,
    tls: Option<Arc<Tls>>,
    patience: Patience,
    places: Arc<Places>,
    handshakes: JoinSet<Option<Connection>>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether it was told that there are too many; told again when there was place in between.
    is_full: bool,
}

#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixDoor),
}

enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Incoming {
    /// Connections to a port; behind TLS, if that is given.
    #[must_use]
    pub fn tcp(listener: TcpListener, tls: Option<Arc<Tls>>, bounds: BoundsConfig) -> Self {
        Incoming::new(Door::Tcp(listener), tls, bounds)
    }

    /// Connections to a Unix domain socket.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(door: UnixDoor, bounds: BoundsConfig) -> Self {
        Incoming::new(Door::Unix(door), None, bounds)
    }

    fn new(door: Door, tls: Option<Arc<Tls>>, bounds: BoundsConfig) -> Self {
        Incoming {
            door,
            tls,
            patience: Patience::default(),
            places: Places::new(bounds),
            handshakes: JoinSet::new(),
            pause: None,
            is_full: false,
        }
    }

    /// With another patience than the usual one.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Incoming { patience, ..self }
    }

    fn place(&mut self, peer: Peer) -> Option<Place> {
        match self.places.take(peer) {
            Ok(place) => {
                self.is_full = false;
                Some(place)
            }
            Err(full) => {
                if !std::mem::replace(&mut self.is_full, true) {
                    let which = match full {
                        Full::All => "bounds.connections",
                        Full::Address => "bounds.connections_per_address",
                    };
                    tracing::warn!(%peer, "connections are refused: there are as many as {which} allows");
                }
                None
            }
        }
    }

    /// The connection at once, or a handshake that will be one.
    fn receive(&mut self, accepted: Accepted, peer: Peer) -> Option<Connection> {
        // A connection without a place is closed by being dropped.
        let place = self.place(peer)?;
        let Patience { handshake, greeting } = self.patience;
        let stream = match accepted {
            #[cfg(unix)]
            Accepted::Unix(stream) => {
                return Some(Connection::new(Way::Unix(stream), peer, place, greeting));
            }
            Accepted::Tcp(stream) => stream,
        };
        // Answers are small, and a call waits for each. Where it cannot be set they are only slower.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return Some(Connection::new(Way::Tcp(stream), peer, place, greeting));
        };
        let acceptor = tls.acceptor();
        self.handshakes.spawn(async move {
            match tokio::time::timeout(handshake, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => Some(Connection::new(Way::Tls(Box::new(stream)), peer, place, greeting)),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "no TLS with a client");
                    None
                }
                Err(_) => {
                    tracing::debug!(%peer, "a client did not finish its TLS handshake within {handshake:?}");
                    None
                }
            }
        });
        None
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Accepted, Peer)>> {
        match &mut self.door {
            Door::Tcp(listener) => listener
                .poll_accept(context)
                .map_ok(|(stream, address)| (Accepted::Tcp(stream), Peer::Network(address))),
            #[cfg(unix)]
            Door::Unix(door) => {
                door.poll_accept(context).map_ok(|(stream, peer)| (Accepted::Unix(stream), peer))
            }
        }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Connection>>> {
        let this = self.get_mut();
        loop {
            match this.handshakes.poll_join_next(context) {
                Poll::Ready(Some(Ok(Some(connection)))) => return Poll::Ready(Some(Ok(connection))),
                Poll::Ready(Some(Ok(None) | Err(_))) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            if let Some(pause) = &mut this.pause {
                if pause.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                this.pause = None;
            }
            match this.poll_accept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((accepted, peer))) => {
                    if let Some(connection) = this.receive(accepted, peer) {
                        return Poll::Ready(Some(Ok(connection)));
                    }
                }
                // The client left before it was received.
                Poll::Ready(Err(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                    ) => {}
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    this.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
                }
            }
        }
    }
}

impl axum::serve::Listener for Incoming {
    type Io = Connection;
    type Addr = Peer;

    async fn accept(&mut self) -> (Connection, Peer) {
        loop {
            if let Some(Ok(connection)) = self.next().await {
                let peer = connection.peer();
                return (connection, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        match &self.door {
            Door::Tcp(listener) => listener.local_addr().map(Peer::Network),
            #[cfg(unix)]
            Door::Unix(_) => Ok(Peer::Local(None)),
        }
    }
}
