//! The tokens of a reply, but for rows and their description (see `wire`).

use crate::bytes::{put_b_varchar, put_us_varchar};
use crate::collation::Collation;

/// What a server says when something is wrong, or worth a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMessage {
    /// The number, for example 208.
    pub number: u32,
    /// The state, which tells apart places that say the same.
    pub state: u8,
    /// The severity: to 10 information, from 11 an error, from 20 the connection is closed.
    pub class: u8,
    /// The text.
    pub message: String,
    /// The line of the batch.
    pub line: u32,
}

impl ServerMessage {
    /// An error of the usual kind: class 16, state 1, line 1.
    pub fn error(number: u32, message: impl Into<String>) -> Self {
        Self { number, state: 1, class: 16, message: message.into(), line: 1 }
    }

    /// The same with another class.
    #[must_use]
    pub fn class(self, class: u8) -> Self {
        Self { class, ..self }
    }

    /// The same with another state.
    #[must_use]
    pub fn state(self, state: u8) -> Self {
        Self { state, ..self }
    }

    /// The same on another line.
    #[must_use]
    pub fn line(self, line: u32) -> Self {
        Self { line, ..self }
    }

    /// Error 1205, as the victim of a deadlock gets it.
    pub fn deadlock_victim() -> Self {
        Self::error(
            1205,
            "Transaction (Process ID 51) was deadlocked on lock resources with another process and has been chosen \
             as the deadlock victim. Rerun the transaction.",
        )
        .class(13)
        .state(51)
    }
}

impl std::fmt::Display for ServerMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Msg {}, Level {}, State {}, Line {}: {}",
            self.number, self.class, self.state, self.line, self.message
        )
    }
}

/// `DONE` bits.
pub(crate) mod done {
    pub(crate) const MORE: u16 = 0x01;
    pub(crate) const ERROR: u16 = 0x02;
    pub(crate) const COUNT: u16 = 0x10;
    pub(crate) const ATTENTION: u16 = 0x20;
}

/// Which statement a `DONE` ends.
pub(crate) mod command {
    pub(crate) const NONE: u16 = 0;
    pub(crate) const SELECT: u16 = 0xC1;
    pub(crate) const INSERT: u16 = 0xC3;
    pub(crate) const DELETE: u16 = 0xC4;
    pub(crate) const UPDATE: u16 = 0xC5;
}

/// The three tokens that end something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoneToken {
    Done = 0xFD,
    Procedure = 0xFE,
    InProcedure = 0xFF,
}

pub(crate) fn put_done(out: &mut Vec<u8>, token: DoneToken, status: u16, command: u16, rows: u64) {
    out.push(token as u8);
    out.extend_from_slice(&status.to_le_bytes());
    out.extend_from_slice(&command.to_le_bytes());
    out.extend_from_slice(&rows.to_le_bytes());
}

const ERROR: u8 = 0xAA;
const INFO: u8 = 0xAB;

/// An ERROR, or below class 11 an INFO.
pub(crate) fn put_message(out: &mut Vec<u8>, server: &str, message: &ServerMessage) {
    let mut body = Vec::new();
    body.extend_from_slice(&message.number.to_le_bytes());
    body.push(message.state);
    body.push(message.class);
    put_us_varchar(&mut body, &message.message);
    put_b_varchar(&mut body, server);
    put_b_varchar(&mut body, "");
    body.extend_from_slice(&message.line.to_le_bytes());
    put_counted(out, if message.class > 10 { ERROR } else { INFO }, &body);
}

fn put_counted(out: &mut Vec<u8>, token: u8, body: &[u8]) {
    out.push(token);
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(body);
}

const ENVCHANGE: u8 = 0xE3;

/// What changed in the session.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    Database { new: &'a str, old: &'a str },
    Language,
    PacketSize { new: usize, old: usize },
    Collation(&'a Collation),
    BeginTransaction(u64),
    CommitTransaction(u64),
    RollbackTransaction(u64),
    Route { host: &'a str, port: u16 },
}

pub(crate) fn put_change(out: &mut Vec<u8>, change: &Change<'_>) {
    let mut body = Vec::new();
    match change {
        Change::Database { new, old } => {
            body.push(1);
            put_b_varchar(&mut body, new);
            put_b_varchar(&mut body, old);
        }
        Change::Language => {
            body.push(2);
            put_b_varchar(&mut body, "us_english");
            put_b_varchar(&mut body, "");
        }
        Change::PacketSize { new, old } => {
            body.push(4);
            put_b_varchar(&mut body, &new.to_string());
            put_b_varchar(&mut body, &old.to_string());
        }
        Change::Collation(collation) => {
            body.extend_from_slice(&[7, 5]);
            body.extend_from_slice(&collation.bytes());
            body.push(0);
        }
        Change::BeginTransaction(id) => {
            body.extend_from_slice(&[8, 8]);
            body.extend_from_slice(&id.to_le_bytes());
            body.push(0);
        }
        Change::CommitTransaction(id) | Change::RollbackTransaction(id) => {
            body.push(if matches!(change, Change::CommitTransaction(_)) { 9 } else { 10 });
            body.extend_from_slice(&[0, 8]);
            body.extend_from_slice(&id.to_le_bytes());
        }
        Change::Route { host, port } => {
            let mut route = vec![0];
            route.extend_from_slice(&port.to_le_bytes());
            put_us_varchar(&mut route, host);
            body.push(20);
            body.extend_from_slice(&u16::try_from(route.len()).unwrap_or(u16::MAX).to_le_bytes());
            body.extend_from_slice(&route);
            body.extend_from_slice(&[0, 0]);
        }
    }
    put_counted(out, ENVCHANGE, &body);
}

/// The version that the server claims: SQL Server 2022.
pub(crate) const VERSION: [u8; 4] = [16, 0, 0x10, 0x55];
/// The same as text.
pub(crate) const PRODUCT_VERSION: &str = "16.0.4181.0";

pub(crate) fn put_login_ack(out: &mut Vec<u8>) {
    let mut body = vec![1];
    body.extend_from_slice(&0x7400_0004_u32.to_be_bytes());
    put_b_varchar(&mut body, "Microsoft SQL Server");
    body.extend_from_slice(&VERSION);
    put_counted(out, 0xAD, &body);
}

/// The value that a procedure returns.
pub(crate) fn put_return_status(out: &mut Vec<u8>, status: i32) {
    out.push(0x79);
    out.extend_from_slice(&status.to_le_bytes());
}
