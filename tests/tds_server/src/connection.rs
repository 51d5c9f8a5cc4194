//! One connection, from the first packet to the last.
//!
//! A task reads packets, so that an attention is heard while a request is under way; the connection's own task
//! writes; and the SQL runs on a thread for blocking work. The three meet in a short queue and an [`Attention`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::collation::Collation;
use crate::engine::attention::Attention;
use crate::engine::output::Output;
use crate::engine::{Core, LoginRefused, Request, Session};
use crate::faults::ConnectFault;
use crate::login::Login;
use crate::packet::{DEFAULT_PACKET_SIZE, Frame, Message, Reply, header, kind, read_message};
use crate::prelogin::{Encrypted, Encryption, Prelogin, answer};
use crate::request::parse;
use crate::statistics::Counted;
use crate::tls::{Acceptors, Transport};
use crate::token::{
    Change, DoneToken, ServerMessage, done, put_change, put_done, put_login_ack, put_message,
};

/// What a connection needs to know of its server.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) core: Arc<Core>,
    pub(crate) acceptors: Acceptors,
    pub(crate) encryption: Encryption,
    pub(crate) instance: Option<String>,
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

impl Listener {
    pub(crate) async fn serve(&self, stream: TcpStream) {
        self.core.statistics.connections.fetch_add(1, Ordering::SeqCst);
        let _open = Counted::new(&self.core.statistics.open_connections);
        // What goes wrong on a connection is the client's business: it sees a connection that ends.
        drop(self.converse(stream).await);
    }

    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let fault = self.core.faults.of_connection();
        match fault {
            Some(ConnectFault::CloseAtOnce) => return Ok(()),
            Some(ConnectFault::NeverAnswer) => return until_closed(stream).await,
            _ => {}
        }
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(());
        }
        let (mut transport, encrypted) = if first[0] == kind::PRELOGIN {
            if self.encryption == Encryption::Strict {
                return Err(invalid("TLS comes first here"));
            }
            match self.negotiate(stream, fault.as_ref()).await? {
                Some(negotiated) => negotiated,
                None => return Ok(()),
            }
        } else {
            if self.encryption == Encryption::NotSupported {
                return Err(invalid("no TLS here"));
            }
            let mut transport = self.acceptors.handshake_first(stream).await?;
            let Some(message) = read_message(&mut transport).await? else { return Ok(()) };
            let (_, reply) = self.prelogin(&message, Encryption::Optional)?;
            send(&mut transport, &reply).await?;
            (transport, Encrypted::Strict)
        };

        let Some(message) = read_message(&mut transport).await? else { return Ok(()) };
        if message.kind != kind::LOGIN7 {
            return Err(invalid("a login was expected"));
        }
        let login = Login::parse(&message.body).map_err(|malformed| invalid(malformed.0))?;
        self.core.statistics.login(&login, encrypted);
        if encrypted == Encrypted::Login {
            transport = transport.without_tls();
        }
        self.log_in(transport, &login, fault).await
    }

    fn prelogin(&self, message: &Message, encryption: Encryption) -> io::Result<(Encrypted, Vec<u8>)> {
        if message.kind != kind::PRELOGIN {
            return Err(invalid("a PRELOGIN was expected"));
        }
        let asked = Prelogin::parse(&message.body).map_err(|malformed| invalid(malformed.0))?;
        let (byte, encrypted) = asked.negotiate(encryption);
        let instance_ok = match &self.instance {
            Some(name) => asked.instance.is_empty() || asked.instance.eq_ignore_ascii_case(name),
            None => asked.instance.is_empty() || asked.instance.eq_ignore_ascii_case("MSSQLServer"),
        };
        Ok((encrypted, answer(byte, instance_ok)))
    }

    async fn negotiate(
        &self,
        mut stream: TcpStream,
        fault: Option<&ConnectFault>,
    ) -> io::Result<Option<(Transport, Encrypted)>> {
        let Some(message) = read_message(&mut stream).await? else { return Ok(None) };
        let (encrypted, reply) = self.prelogin(&message, self.encryption)?;
        send(&mut stream, &reply).await?;
        if fault == Some(&ConnectFault::SilentAfterPrelogin) {
            until_closed(stream).await?;
            return Ok(None);
        }
        let transport = match encrypted {
            Encrypted::Nothing => Transport::Plain(stream),
            _ => self.acceptors.handshake_inside_packets(stream).await?,
        };
        Ok(Some((transport, encrypted)))
    }

    async fn log_in(
        &self,
        mut transport: Transport,
        login: &Login,
        fault: Option<ConnectFault>,
    ) -> io::Result<()> {
        let refusal = match &fault {
            Some(ConnectFault::CloseAtLogin) => return Ok(()),
            Some(ConnectFault::RefuseLogin(message)) => Some(LoginRefused(vec![message.clone()])),
            _ => None,
        };
        let attention = Arc::new(Attention::default());
        let admitted = match refusal {
            Some(refused) => Err(refused),
            None => self.core.admit(login),
        };
        let packet_size = usize::try_from(login.packet_size).unwrap_or(0);
        let packet_size = if packet_size == 0 { DEFAULT_PACKET_SIZE } else { packet_size.clamp(512, 32_767) };
        let mut out = Vec::new();
        let session = match admitted {
            Err(LoginRefused(messages)) => {
                for message in &messages {
                    put_message(&mut out, &self.core.name, message);
                }
                put_done(&mut out, DoneToken::Done, done::ERROR, 0, 0);
                send(&mut transport, &out).await?;
                return transport.shutdown().await;
            }
            Ok(admitted) => Session::open(self.core.clone(), login, admitted, attention.clone())
                .map_err(|error| invalid(error.to_string()))?,
        };
        let database = session.database_name();
        put_change(&mut out, &Change::Database { new: database, old: "master" });
        put_message(&mut out, &self.core.name, &crate::engine::changed_database(database));
        put_change(&mut out, &Change::Collation(&Collation::default()));
        put_change(&mut out, &Change::Language);
        let language = ServerMessage::error(5703, "Changed language setting to us_english.").class(0);
        put_message(&mut out, &self.core.name, &language);
        put_login_ack(&mut out);
        put_change(&mut out, &Change::PacketSize { new: packet_size, old: DEFAULT_PACKET_SIZE });
        if let Some(ConnectFault::Route { host, port }) = &fault {
            put_change(&mut out, &Change::Route { host, port: *port });
        }
        put_done(&mut out, DoneToken::Done, 0, 0, 0);
        send(&mut transport, &out).await?;
        self.answer_requests(transport, session, attention, packet_size).await
    }

    async fn answer_requests(
        &self,
        transport: Transport,
        mut session: Session,
        attention: Arc<Attention>,
        packet_size: usize,
    ) -> io::Result<()> {
        let (mut from, mut to) = tokio::io::split(transport);
        let (requests, mut inbox) = mpsc::channel(4);
        let core = self.core.clone();
        let heard = attention.clone();
        let reader = tokio::spawn(async move {
            while let Ok(Some(message)) = read_message(&mut from).await {
                if message.kind == kind::ATTENTION {
                    core.statistics.attentions.fetch_add(1, Ordering::SeqCst);
                    heard.ask();
                }
                if requests.send(message).await.is_err() {
                    break;
                }
            }
            heard.client_gone();
        });
        let _reader = Reader { task: reader, attention: attention.clone() };
        while let Some(message) = inbox.recv().await {
            if message.kind == kind::ATTENTION {
                // It was answered with the request that it stopped, unless it came too late for that.
                if attention.is_pending() {
                    attention.answered();
                    let mut out = Vec::new();
                    put_done(&mut out, DoneToken::Done, done::ATTENTION, 0, 0);
                    send(&mut to, &out).await?;
                }
                continue;
            }
            let request = match parse(&message) {
                Ok(request) => request,
                Err(malformed) => Request::Refused(
                    ServerMessage::error(
                        4002,
                        format!(
                            "The incoming tabular data stream (TDS) protocol stream is incorrect: {}.",
                            malformed.0
                        ),
                    )
                    .class(16),
                ),
            };
            drop(message);
            let (frames, mut queue) = mpsc::channel(4);
            let server = self.core.name.clone();
            let core = self.core.clone();
            let running = tokio::task::spawn_blocking(move || {
                let _running = Counted::new(&core.statistics.running_requests);
                let mut output = Output::new(Reply::new(frames, packet_size), &server);
                session.answer(request, &mut output);
                session
            });
            let sent = send_frames(&mut to, &mut queue, &attention).await;
            drop(queue);
            session = running.await.map_err(|error| invalid(error.to_string()))?;
            if session.has_acknowledged() {
                attention.answered();
            }
            if !sent? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Sends what comes; false when the connection is to be closed.
async fn send_frames<W: AsyncWrite + Unpin>(
    to: &mut W,
    frames: &mut mpsc::Receiver<Frame>,
    attention: &Attention,
) -> io::Result<bool> {
    while let Some(frame) = frames.recv().await {
        match frame {
            Frame::Bytes(bytes) => {
                to.write_all(&bytes).await?;
                to.flush().await?;
            }
            Frame::Trickle(bytes, pause) => {
                let mut left = &bytes[..];
                while let Some((byte, rest)) = left.split_first() {
                    // A client that does not want it any more need not wait for it.
                    if attention.should_stop() {
                        break;
                    }
                    to.write_all(&[*byte]).await?;
                    to.flush().await?;
                    tokio::time::sleep(pause).await;
                    left = rest;
                }
                to.write_all(left).await?;
                to.flush().await?;
            }
            Frame::Stall => attention.wanted().await,
            Frame::Close => return Ok(false),
        }
    }
    Ok(true)
}

/// A whole reply in one packet.
async fn send<W: AsyncWrite + Unpin>(to: &mut W, body: &[u8]) -> io::Result<()> {
    let mut packet = header(kind::REPLY, true, body.len(), 1).to_vec();
    packet.extend_from_slice(body);
    to.write_all(&packet).await?;
    to.flush().await
}

/// Says nothing until the client gives up.
async fn until_closed(mut stream: TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// The task that reads: it ends with its connection, and so does the work for the client.
struct Reader {
    task: tokio::task::JoinHandle<()>,
    attention: Arc<Attention>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
        self.attention.client_gone();
    }
}
