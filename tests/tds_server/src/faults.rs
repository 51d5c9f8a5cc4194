//! Misbehaviour that a test orders, for the statements and connections that it names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::token::ServerMessage;

/// What goes wrong with the result of a statement.
///
/// "At row N" is after N whole rows, or after the last one when there are fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This error instead of a result.
    Error(ServerMessage),
    /// This error in the middle of the rows.
    ErrorAtRow(u64, ServerMessage),
    /// The connection is closed between two packets.
    CloseAtRow(u64),
    /// The connection is closed in the middle of a packet.
    CloseInPacket(u64),
    /// All rows are sent, the connection is closed before `DONE`.
    CloseBeforeDone,
    /// The message ends after these rows, without `DONE`: some drivers take that for the end of the result.
    EndWithoutDone(u64),
    /// The message ends in the middle of a row.
    EndInRow(u64),
    /// Nothing more is sent, until the client sends an attention or goes away.
    StallAtRow(u64),
    /// A byte at a time, with this pause after each.
    Trickle(Duration),
    /// A second result, of one column and one row, which nobody asked for.
    ExtraResult,
    /// A column (from 0) arrives as another type, such as `int`; values that cannot be one are NULL.
    ColumnType(usize, String),
    /// The text in this row (from 0) and column (from 0) is these bytes, whatever they mean and however long they are.
    RawText {
        /// Which row.
        row: u64,
        /// Which column.
        column: usize,
        /// Its bytes on the wire.
        bytes: Vec<u8>,
    },
    /// Bytes that are no token at all.
    GarbageAtRow(u64),
}

/// What goes wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectFault {
    /// Closed as soon as it is accepted.
    CloseAtOnce,
    /// Accepted, and then nothing.
    NeverAnswer,
    /// The first question (PRELOGIN) is answered, and then nothing.
    SilentAfterPrelogin,
    /// The connection is closed when the login arrives.
    CloseAtLogin,
    /// The login is refused with this error.
    RefuseLogin(ServerMessage),
    /// The client is sent somewhere else.
    Route {
        /// The other server's host.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// Which statements a fault is for.
#[derive(Debug, Clone, Default)]
pub struct When {
    contains: Option<String>,
    from: u64,
    times: Option<u64>,
}

impl When {
    /// Every SELECT.
    pub fn always() -> Self {
        Self::default()
    }

    /// Every SELECT whose text has this in it, without case.
    pub fn contains(text: &str) -> Self {
        Self { contains: Some(text.to_lowercase()), ..Self::default() }
    }

    /// Of these only the n-th (from 1) and later.
    #[must_use]
    pub fn from(self, nth: u64) -> Self {
        Self { from: nth.saturating_sub(1), ..self }
    }

    /// Of these only so many.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }
}

#[derive(Debug)]
struct Rule {
    when: When,
    fault: Fault,
    seen: u64,
}

#[derive(Debug, Default)]
struct State {
    statements: Vec<Rule>,
    connections: Vec<(ConnectFault, Option<u64>)>,
    hits: u64,
}

/// The orders of a test. They hold from now on, for open connections too.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This goes wrong with those statements.
    pub fn add(&self, when: When, fault: Fault) {
        self.state().statements.push(Rule { when, fault, seen: 0 });
    }

    /// This goes wrong with every connection from now on.
    pub fn connect(&self, fault: ConnectFault) {
        self.state().connections.push((fault, None));
    }

    /// This goes wrong with the next connections, so many of them.
    pub fn connect_times(&self, fault: ConnectFault, times: u64) {
        self.state().connections.push((fault, Some(times)));
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        let mut state = self.state();
        state.statements.clear();
        state.connections.clear();
    }

    /// How often something went wrong as ordered.
    pub fn hits(&self) -> u64 {
        self.state().hits
    }

    /// What goes wrong with this statement.
    pub(crate) fn of_statement(&self, text: &str) -> Vec<Fault> {
        let text = text.to_lowercase();
        let mut state = self.state();
        let mut faults = Vec::new();
        for rule in &mut state.statements {
            if rule.when.contains.as_ref().is_some_and(|wanted| !text.contains(wanted)) {
                continue;
            }
            let at = rule.seen;
            rule.seen += 1;
            let until = rule.when.times.map_or(u64::MAX, |times| rule.when.from.saturating_add(times));
            if (rule.when.from..until).contains(&at) {
                faults.push(rule.fault.clone());
            }
        }
        state.hits += u64::try_from(faults.len()).unwrap_or(0);
        faults
    }

    /// What goes wrong with the next connection.
    pub(crate) fn of_connection(&self) -> Option<ConnectFault> {
        let mut state = self.state();
        let at = state.connections.iter().position(|(_, times)| *times != Some(0))?;
        let (fault, times) = &mut state.connections[at];
        if let Some(times) = times {
            *times -= 1;
        }
        let fault = fault.clone();
        state.hits += 1;
        Some(fault)
    }
}
