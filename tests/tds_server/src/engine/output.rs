//! What a statement says: results, counts and errors, in the order in which they come about.

use crate::packet::{ClientGone, Reply};
use crate::token::{DoneToken, ServerMessage, done, put_done, put_message};

/// Why a batch ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An error that ends the batch. It has not been sent yet.
    Error(ServerMessage),
    /// The client has sent an attention.
    Attention,
    /// The client is gone, or a fault has closed the connection: there is nobody to tell.
    Gone,
    /// A fault has ended the message; nothing more belongs to it.
    Ended,
}

impl From<ClientGone> for Stop {
    fn from(_: ClientGone) -> Self {
        Self::Gone
    }
}

impl From<ServerMessage> for Stop {
    fn from(message: ServerMessage) -> Self {
        Self::Error(message)
    }
}

/// The reply to one request.
///
/// Every statement ends with a DONE that says whether more follows, so it is held back until that is known.
#[derive(Debug)]
pub(crate) struct Output {
    reply: Option<Reply>,
    server: String,
    held_back: Option<(DoneToken, u16, u16, u64)>,
    pub(crate) first_error: Option<ServerMessage>,
    scratch: Vec<u8>,
    pub(crate) in_procedure: bool,
    pub(crate) no_count: bool,
}

impl Output {
    pub(crate) fn new(reply: Reply, server: &str) -> Self {
        Self {
            reply: Some(reply),
            server: server.to_owned(),
            held_back: None,
            first_error: None,
            scratch: Vec::new(),
            in_procedure: false,
            no_count: false,
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.release()?;
        self.reply()?.put(bytes)?;
        Ok(())
    }

    /// A token that a function writes.
    pub(crate) fn put_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Stop> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        let result = self.put(&scratch);
        self.scratch = scratch;
        result
    }

    pub(crate) fn message(&mut self, message: &ServerMessage) -> Result<(), Stop> {
        if message.class > 10 {
            self.first_error.get_or_insert_with(|| message.clone());
        }
        let server = std::mem::take(&mut self.server);
        let result = self.put_with(|out| put_message(out, &server, message));
        self.server = server;
        result
    }

    /// A statement is over.
    pub(crate) fn done(&mut self, status: u16, command: u16, rows: u64) -> Result<(), Stop> {
        self.release()?;
        let token = if self.in_procedure { DoneToken::InProcedure } else { DoneToken::Done };
        self.held_back = Some((token, status, command, rows));
        Ok(())
    }

    /// A statement that changed rows, or nothing, is over.
    pub(crate) fn done_with_count(&mut self, command: u16, rows: u64) -> Result<(), Stop> {
        if self.no_count {
            return Ok(());
        }
        self.done(done::COUNT, command, rows)
    }

    /// The procedure is over.
    pub(crate) fn procedure_done(&mut self, failed: bool) -> Result<(), Stop> {
        self.put_with(|out| crate::token::put_return_status(out, i32::from(failed)))?;
        let status = if failed { done::ERROR } else { 0 };
        self.held_back = Some((DoneToken::Procedure, status, crate::token::command::NONE, 0));
        Ok(())
    }

    /// The message ends. Something must end it, if only a DONE of nothing.
    pub(crate) fn finish(&mut self, attention: bool) -> Result<(), ClientGone> {
        let Some(mut reply) = self.reply.take() else { return Ok(()) };
        let mut out = Vec::new();
        if attention {
            if let Some((token, status, command, rows)) = self.held_back.take() {
                put_done(&mut out, token, status | done::MORE, command, rows);
            }
            put_done(&mut out, DoneToken::Done, done::ATTENTION, 0, 0);
        } else {
            let (token, status, command, rows) = self.held_back.take().unwrap_or((DoneToken::Done, 0, 0, 0));
            put_done(&mut out, token, status, command, rows);
        }
        reply.put(&out)?;
        reply.finish()
    }

    /// What was written goes out, and the reply is handed to somebody who breaks it.
    pub(crate) fn taken(&mut self) -> Option<Reply> {
        self.reply.take()
    }

    pub(crate) fn reply(&mut self) -> Result<&mut Reply, Stop> {
        self.reply.as_mut().ok_or(Stop::Gone)
    }

    fn release(&mut self) -> Result<(), Stop> {
        if let Some((token, status, command, rows)) = self.held_back.take() {
            let mut out = Vec::with_capacity(13);
            put_done(&mut out, token, status | done::MORE, command, rows);
            self.reply()?.put(&out)?;
        }
        Ok(())
    }
}
