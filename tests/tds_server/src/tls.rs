//! TLS as SQL Server does it.
//!
//! In TDS 7.4 the handshake travels inside packets of the kind PRELOGIN, and what comes after it goes bare over the
//! socket, so TLS 1.3, whose server may write after the client's last word, is not offered. In TDS 8 ("strict") TLS
//! comes first, like everywhere else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::certificate::Certificate;
use crate::packet::{HEADER, header, kind};

/// The two ways to shake hands.
#[derive(Clone)]
pub(crate) struct Acceptors {
    inside_packets: TlsAcceptor,
    first: TlsAcceptor,
}

impl std::fmt::Debug for Acceptors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptors")
    }
}

impl Acceptors {
    pub(crate) fn new(certificate: &Certificate) -> Result<Self, rustls::Error> {
        let mut inside_packets = config(certificate, &[&TLS12])?;
        // A resumed session would end with the client's word, not with ours.
        inside_packets.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        let mut first = config(certificate, &[&TLS12, &TLS13])?;
        first.alpn_protocols = vec![b"tds/8.0".to_vec()];
        Ok(Self { inside_packets: Arc::new(inside_packets).into(), first: Arc::new(first).into() })
    }

    pub(crate) async fn handshake_inside_packets(&self, stream: TcpStream) -> io::Result<Transport> {
        let mut tls = self.inside_packets.accept(Wrapped::new(stream, true)).await?;
        tls.get_mut().0.in_packets = false;
        Ok(Transport::Tls(Box::new(tls)))
    }

    pub(crate) async fn handshake_first(&self, stream: TcpStream) -> io::Result<Transport> {
        Ok(Transport::Tls(Box::new(self.first.accept(Wrapped::new(stream, false)).await?)))
    }
}

fn config(
    certificate: &Certificate,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<ServerConfig, rustls::Error> {
    let chain = certificate.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::try_from(certificate.key.clone())
        .map_err(|reason| rustls::Error::General(reason.to_owned()))?;
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

/// The client's connection, with or without TLS.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<Wrapped>>),
}

impl Transport {
    /// TLS ends here, without a word: what follows goes bare over the socket.
    pub(crate) fn without_tls(self) -> Self {
        match self {
            Self::Tls(tls) => Self::Plain(tls.into_inner().0.stream),
            plain @ Self::Plain(_) => plain,
        }
    }
}

/// A socket whose bytes travel inside PRELOGIN packets for as long as the handshake lasts.
pub(crate) struct Wrapped {
    stream: TcpStream,
    in_packets: bool,
    head: [u8; HEADER],
    head_filled: usize,
    left_in_packet: usize,
    out: Vec<u8>,
    out_sent: usize,
}

/// As many bytes as a handshake's packet carries.
const HANDSHAKE_PACKET: usize = 4096 - HEADER;

impl Wrapped {
    fn new(stream: TcpStream, in_packets: bool) -> Self {
        Self {
            stream,
            in_packets,
            head: [0; HEADER],
            head_filled: 0,
            left_in_packet: 0,
            out: Vec::new(),
            out_sent: 0,
        }
    }

    fn poll_send_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out_sent < self.out.len() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out[self.out_sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out_sent += sent;
        }
        self.out.clear();
        self.out_sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.in_packets {
            return Pin::new(&mut this.stream).poll_read(cx, to);
        }
        while this.left_in_packet == 0 {
            let mut head = ReadBuf::new(&mut this.head[this.head_filled..]);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut head))?;
            let filled = head.filled().len();
            if filled == 0 {
                return Poll::Ready(Ok(()));
            }
            this.head_filled += filled;
            if this.head_filled == HEADER {
                if this.head[0] != kind::PRELOGIN {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "TLS was agreed on, and the client went on without",
                    )));
                }
                let length = usize::from(u16::from_be_bytes([this.head[2], this.head[3]]));
                this.left_in_packet = length.saturating_sub(HEADER);
                this.head_filled = 0;
            }
        }
        let most = this.left_in_packet.min(to.remaining());
        let mut part = to.take(most);
        let before = part.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len() - before;
        let bytes = part.filled().to_vec();
        to.put_slice(&bytes);
        this.left_in_packet -= read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send_out(cx))?;
        if !this.in_packets {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        }
        let now = &bytes[..bytes.len().min(HANDSHAKE_PACKET)];
        this.out.extend_from_slice(&header(kind::PRELOGIN, true, now.len(), 0));
        this.out.extend_from_slice(now);
        Poll::Ready(Ok(now.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send_out(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send_out(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, to),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
