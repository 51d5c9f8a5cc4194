//! How a command ends: an exit code for scripts, and a message for people.

use std::io;
use std::process::ExitCode;

use tonic::{Code, Status};

use super::connection::root_cause;
use super::words;

/// How a command ended. The numbers are part of what scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Unreachable = 3,
    NotFound = 4,
    Refused = 5,
    /// 128 + SIGINT, as shells have it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A command that did not do what it was for.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, error: anyhow::Error::msg(message.into()) }
    }

    /// Writes the message to standard error.
    pub(super) fn tell(&self) -> ExitCode {
        let closed = self.error.downcast_ref::<io::Error>();
        if closed.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            // Whoever read the results has read enough, as `head` does.
            return Exit::Done.into();
        }
        let message = words::printable(&format!("{:#}", self.error));
        match self.exit {
            Exit::Interrupted => eprintln!("{message}"),
            _ => eprintln!("error: {message}"),
        }
        self.exit.into()
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure { exit: Exit::Failed, error }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure { exit: Exit::Failed, error: error.into() }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let exit = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
            Code::Unavailable => Exit::Unreachable,
            Code::NotFound => Exit::NotFound,
            Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::PermissionDenied
            | Code::Unauthenticated => Exit::Refused,
            // `Ok` is no failure, so it cannot be one's code.
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Exit::Failed,
        };
        // An error of the connection is behind what the library, not the server, says.
        if std::error::Error::source(&status).is_some() {
            return Failure::new(
                Exit::Unreachable,
                format!(
                    "the connection to the server broke, or the server does not answer ({}): see whether it runs, and \
                     whether this is its address for gRPC, and whether it asks for a client's certificate \
                     (--client-certificate); a run that was begun may go on",
                    root_cause(&status)
                ),
            );
        }
        let message = match (status.code(), status.message()) {
            (Code::Unimplemented, _) => {
                "the server does not know this request: is it an older ringroute?".to_owned()
            }
            (code, "") => code.description().to_owned(),
            (_, message) => message.to_owned(),
        };
        Failure::new(exit, message)
    }
}
