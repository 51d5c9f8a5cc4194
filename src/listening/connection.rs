//! One connection, whatever it goes over.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::bounds::{Place, UnderWay};
use crate::access::Peer;

/// So many bytes are the beginning of HTTP/2 (RFC 9113, section 3.4); no request of HTTP/1 with a host is shorter.
const GREETING_BYTES: usize = 24;

/// A connection that was accepted. TLS has been agreed on, if it has to be.
#[derive(Debug)]
pub struct Connection {
    way: Way,
    peer: Peer,
    /// Until the client has said something.
    greeting: Option<Greeting>,
    place: Place,
}

#[derive(Debug)]
pub(super) enum Way {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

#[derive(Debug)]
struct Greeting {
    until: Pin<Box<Sleep>>,
    missing: usize,
}

impl Connection {
    pub(super) fn new(way: Way, peer: Peer, place: Place, greeting_within: Duration) -> Self {
        let until = Box::pin(tokio::time::sleep(greeting_within));
        let greeting = Some(Greeting { until, missing: GREETING_BYTES });
        Connection { way, peer, greeting, place }
    }

    /// Where it comes from.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Who is at the other end.
    #[must_use]
    pub fn client(&self) -> Client {
        Client { peer: self.peer, under_way: self.place.under_way.clone() }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where it comes from.
    pub peer: Peer,
    /// What there is under way from its address; `None` where clients are not told apart by address.
    pub under_way: Option<Arc<UnderWay>>,
}

/// Does the same with each kind of way.
macro_rules! on_way {
    ($connection:expr, $way:ident => $do:expr) => {
        match &mut $connection.get_mut().way {
            Way::Tcp($way) => $do,
            Way::Tls($way) => $do,
            #[cfg(unix)]
            Way::Unix($way) => $do,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = on_way!(self.as_mut(), way => Pin::new(way).poll_read(context, buffer));
        let this = self.get_mut();
        if let Some(greeting) = &mut this.greeting {
            greeting.missing = greeting.missing.saturating_sub(buffer.filled().len() - before);
            if greeting.missing == 0 {
                this.greeting = None;
            } else if read.is_pending() && greeting.until.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_way!(self, way => Pin::new(way).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_way!(self, way => Pin::new(way).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_way!(self, way => Pin::new(way).poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_way!(self, way => Pin::new(way).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Tcp(way) => way.is_write_vectored(),
            Way::Tls(way) => way.is_write_vectored(),
            #[cfg(unix)]
            Way::Unix(way) => way.is_write_vectored(),
        }
    }
}
