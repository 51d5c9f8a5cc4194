//! What a connection runs over: TCP, or memory when a test is the server.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// Bytes to the server, and from it.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Memory(DuplexStream),
}

impl Wire {
    /// Small packets are sent without waiting for more.
    pub(super) fn send_at_once(&self) -> io::Result<()> {
        match self {
            Wire::Tcp(tcp) => tcp.set_nodelay(true),
            Wire::Memory(_) => Ok(()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Wire::Memory(memory) => Pin::new(memory).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Wire::Memory(memory) => Pin::new(memory).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_flush(context),
            Wire::Memory(memory) => Pin::new(memory).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_shutdown(context),
            Wire::Memory(memory) => Pin::new(memory).poll_shutdown(context),
        }
    }
}
