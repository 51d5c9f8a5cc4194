//! Packets: the eight-byte header, messages made of several packets, and a reply cut into packets.
//!
//! A message is a run of packets of one kind; the last one says so. A reply is written by the thread that executes
//! the SQL and sent by the connection's task, through a short queue: the client's pace is the thread's pace, and
//! memory stays flat however many rows there are.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

/// Bytes of a packet's header.
pub(crate) const HEADER: usize = 8;
/// What a packet may be before anything was negotiated.
pub(crate) const DEFAULT_PACKET_SIZE: usize = 4096;
/// A message longer than this is not read: it is no batch of a test.
const LONGEST_MESSAGE: usize = 64 * 1024 * 1024;
/// Complete packets are handed over in pieces of about this size.
const HAND_OVER: usize = 32 * 1024;

/// The kinds of packet that a client sends.
pub(crate) mod kind {
    pub(crate) const SQL_BATCH: u8 = 0x01;
    pub(crate) const RPC: u8 = 0x03;
    pub(crate) const REPLY: u8 = 0x04;
    pub(crate) const ATTENTION: u8 = 0x06;
    pub(crate) const TRANSACTION: u8 = 0x0E;
    pub(crate) const LOGIN7: u8 = 0x10;
    pub(crate) const PRELOGIN: u8 = 0x12;
}

/// A whole message of a client.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

/// The header of a packet with `body` bytes after it.
pub(crate) fn header(kind: u8, last: bool, body: usize, number: u8) -> [u8; HEADER] {
    let length = u16::try_from(body + HEADER).unwrap_or(u16::MAX).to_be_bytes();
    [kind, u8::from(last), length[0], length[1], 0, 0, number, 0]
}

/// One message, or `None` when the client has closed the connection between two messages.
pub(crate) async fn read_message<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<Option<Message>> {
    let mut body = Vec::new();
    let mut first_kind = None;
    loop {
        let mut head = [0; HEADER];
        match from.read_exact(&mut head).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && first_kind.is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if length < HEADER {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet shorter than its header"));
        }
        let kind = *first_kind.get_or_insert(head[0]);
        if kind != head[0] {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "packets of two kinds in one message"));
        }
        if body.len() + length > LONGEST_MESSAGE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message that never ends"));
        }
        let start = body.len();
        body.resize(start + length - HEADER, 0);
        from.read_exact(&mut body[start..]).await?;
        if head[1] & 1 == 1 {
            return Ok(Some(Message { kind, body }));
        }
    }
}

/// What the connection's task is to do next.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Send these bytes.
    Bytes(Vec<u8>),
    /// Send these bytes one at a time, with a pause between them.
    Trickle(Vec<u8>, std::time::Duration),
    /// Send nothing more until the client gives up.
    Stall,
    /// Close the connection, as it is.
    Close,
}

/// The client is gone: nobody reads the reply any more.
#[derive(Debug)]
pub(crate) struct ClientGone;

/// One reply, cut into packets.
#[derive(Debug)]
pub(crate) struct Reply {
    to: mpsc::Sender<Frame>,
    body_size: usize,
    number: u8,
    out: Vec<u8>,
    packet: usize,
    trickle: Option<std::time::Duration>,
}

impl Reply {
    pub(crate) fn new(to: mpsc::Sender<Frame>, packet_size: usize) -> Self {
        let mut reply = Self {
            to,
            body_size: packet_size - HEADER,
            number: 1,
            out: Vec::new(),
            packet: 0,
            trickle: None,
        };
        reply.open_packet();
        reply
    }

    /// From here on a byte at a time.
    pub(crate) fn trickle(&mut self, pause: std::time::Duration) {
        self.trickle = Some(pause);
    }

    /// Adds bytes; packets that are full go out.
    pub(crate) fn put(&mut self, mut bytes: &[u8]) -> Result<(), ClientGone> {
        while !bytes.is_empty() {
            let room = self.body_size - self.in_packet();
            if room == 0 {
                self.close_packet(false);
                if self.out.len() >= HAND_OVER {
                    self.hand_over()?;
                }
                self.open_packet();
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.out.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Everything so far goes out, in a packet that is not the last.
    pub(crate) fn flush(&mut self) -> Result<(), ClientGone> {
        if self.in_packet() > 0 {
            self.close_packet(false);
        } else {
            self.out.truncate(self.packet);
        }
        self.hand_over()?;
        self.open_packet();
        Ok(())
    }

    /// Ends the message.
    pub(crate) fn finish(mut self) -> Result<(), ClientGone> {
        self.close_packet(true);
        self.hand_over()
    }

    /// Sends a packet that claims to be longer than what comes, and closes the connection.
    pub(crate) fn break_in_packet(mut self) -> Result<(), ClientGone> {
        let body = self.in_packet();
        let claimed = header(kind::REPLY, false, body.max(1) * 2, self.number);
        self.out[self.packet..self.packet + HEADER].copy_from_slice(&claimed);
        self.hand_over()?;
        self.order(Frame::Close)
    }

    /// Sends what is there, and closes the connection.
    pub(crate) fn break_off(mut self) -> Result<(), ClientGone> {
        self.flush()?;
        self.order(Frame::Close)
    }

    /// Sends what is there, and nothing more until the client gives up.
    pub(crate) fn stall(&mut self) -> Result<(), ClientGone> {
        self.flush()?;
        self.order(Frame::Stall)
    }

    fn in_packet(&self) -> usize {
        self.out.len() - self.packet - HEADER
    }

    fn open_packet(&mut self) {
        self.packet = self.out.len();
        self.out.extend_from_slice(&[0; HEADER]);
    }

    fn close_packet(&mut self, last: bool) {
        let head = header(kind::REPLY, last, self.in_packet(), self.number);
        self.out[self.packet..self.packet + HEADER].copy_from_slice(&head);
        self.number = self.number.wrapping_add(1);
    }

    fn hand_over(&mut self) -> Result<(), ClientGone> {
        if self.out.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.out, Vec::with_capacity(HAND_OVER + self.body_size));
        self.packet = 0;
        match self.trickle {
            None => self.order(Frame::Bytes(bytes)),
            Some(pause) => self.order(Frame::Trickle(bytes, pause)),
        }
    }

    fn order(&self, frame: Frame) -> Result<(), ClientGone> {
        self.to.blocking_send(frame).map_err(|_| ClientGone)
    }
}
