//! Looking at the server's first answer on its way to the driver: what it says about encryption.
//!
//! The driver does not tell what was agreed on. Worse, when only the login is to be encrypted and the server
//! has no TLS, it waits for a TLS handshake that never comes; and a server that demands encryption gets it
//! although none was asked for. Both are found out here, at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Wire;
use crate::settings::Encryption;

/// What a server says about encryption in its PRELOGIN answer (MS-TDS 2.2.6.5).
const OFF: u8 = 0;
const ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const REQUIRED: u8 = 3;
/// It has not answered yet.
const NONE_YET: u8 = 255;

/// The longest first answer that is looked at, in bytes.
const MOST: usize = 4096;

/// What was learnt; shared with whoever waits for the driver.
#[derive(Debug, Clone)]
pub(super) struct Answer(Arc<AtomicU8>);

impl Answer {
    /// What is encrypted, given what was asked for.
    pub(super) fn in_use(&self, asked: Encryption) -> Encryption {
        match (asked, self.0.load(Ordering::Relaxed)) {
            (Encryption::LoginOnly, ON | REQUIRED) => Encryption::Required,
            _ => asked,
        }
    }

    /// Why the two cannot agree, and what to do.
    pub(super) fn problem(&self, asked: Encryption) -> Option<&'static str> {
        match (asked, self.0.load(Ordering::Relaxed)) {
            (Encryption::Required | Encryption::LoginOnly, NOT_SUPPORTED) => Some(
                "the server has no encryption; set up a certificate on it, or write encryption = \"none\", with \
                 which anybody on the way can read the password",
            ),
            (Encryption::Required, OFF) => Some(
                "the server encrypts the login only; set up encryption on it, or write encryption = \"login_only\", \
                 with which anybody on the way can read the contacts",
            ),
            (Encryption::None, OFF | ON | REQUIRED) => {
                Some("the server demands encryption; write encryption = \"required\"")
            }
            _ => None,
        }
    }
}

/// A connection whose first answer is looked at.
#[derive(Debug)]
pub(super) struct Watched {
    wire: Wire,
    asked: Encryption,
    answer: Answer,
    /// What came of the first answer so far; `None` when enough was seen.
    seen: Option<Vec<u8>>,
}

impl Watched {
    pub(super) fn new(wire: Wire, asked: Encryption) -> (Self, Answer) {
        let answer = Answer(Arc::new(AtomicU8::new(NONE_YET)));
        // With TLS from the first byte there is nothing to see, and nothing to agree on.
        let seen = (asked != Encryption::Strict).then(Vec::new);
        (Watched { wire, asked, answer: answer.clone(), seen }, answer)
    }

    fn look(&mut self, news: &[u8]) -> io::Result<()> {
        let Some(seen) = &mut self.seen else { return Ok(()) };
        seen.extend_from_slice(news);
        let found = encryption(seen);
        if found.is_none() && seen.len() < MOST {
            return Ok(());
        }
        self.seen = None;
        if let Some(found) = found {
            self.answer.0.store(found, Ordering::Relaxed);
        }
        match self.answer.problem(self.asked) {
            Some(problem) => Err(io::Error::other(problem)),
            None => Ok(()),
        }
    }
}

/// The option of the PRELOGIN answer that says what is encrypted; `None` while it has not arrived.
fn encryption(packet: &[u8]) -> Option<u8> {
    const HEADER: usize = 8;
    const ENCRYPTION: u8 = 1;
    const END: u8 = 255;
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let options = packet.get(HEADER..length)?;
    for option in options.chunks_exact(5) {
        match option[0] {
            END => break,
            ENCRYPTION => {
                let place = usize::from(u16::from_be_bytes([option[1], option[2]]));
                return options.get(place).copied();
            }
            _ => {}
        }
    }
    None
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        if self.seen.is_some() {
            self.look(&buffer.filled()[before..])?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// VERSION (6 bytes) and ENCRYPTION (1 byte), as SQL Server answers.
    const PACKET: [u8; 26] = [
        4, 1, 0, 26, 0, 0, 1, 0, // header
        0, 0, 11, 0, 6, // VERSION at 11
        1, 0, 17, 0, 1, // ENCRYPTION at 17
        255, 15, 0, 7, 208, 0, 0, 3,
    ];

    #[test]
    fn encryption_is_read_from_a_whole_packet_only() {
        assert_eq!(encryption(&PACKET), Some(REQUIRED));
        for length in 0..PACKET.len() {
            assert_eq!(encryption(&PACKET[..length]), None, "{length}");
        }
        let mut nonsense = PACKET;
        nonsense[14..16].copy_from_slice(&[255, 255]);
        assert_eq!(encryption(&nonsense), None);
    }

    #[test]
    fn what_cannot_be_agreed_on_says_what_to_write() {
        let problem = |asked, answer| Answer(Arc::new(AtomicU8::new(answer))).problem(asked);
        for answer in [ON, REQUIRED, NONE_YET] {
            assert_eq!(problem(Encryption::Required, answer), None);
            assert_eq!(problem(Encryption::LoginOnly, answer), None);
        }
        assert_eq!(problem(Encryption::None, NOT_SUPPORTED), None);
        assert_eq!(problem(Encryption::LoginOnly, OFF), None);
        assert!(problem(Encryption::LoginOnly, NOT_SUPPORTED).unwrap().contains("encryption = \"none\""));
        assert!(problem(Encryption::Required, OFF).unwrap().contains("login_only"));
        for answer in [OFF, ON, REQUIRED] {
            assert!(problem(Encryption::None, answer).unwrap().contains("encryption = \"required\""));
        }
    }
}
