//! What went wrong -> a gRPC status.

use std::fmt::Display;

use tonic::{Code, Status};

use crate::access::{Permission, Token};
use crate::engine::{BackupError, EngineError};
use crate::store::StoreError;
use crate::sync::SyncError;

/// Longest message, in bytes. It travels in a header, where a byte may take three, and clients refuse
/// headers beyond 8 KiB.
const MAX_MESSAGE_BYTES: usize = 2048;

/// What the client is told: the code, and the error's own words, unless they are about the inside.
pub(super) fn of(error: EngineError) -> Status {
    let code = match &error {
        EngineError::NotFound { .. } => Code::NotFound,
        EngineError::AlreadyExists { .. } => Code::AlreadyExists,
        EngineError::ChangedMeanwhile { .. } => Code::Aborted,
        EngineError::InUse { .. } | EngineError::SyncRunning { .. } | EngineError::SourceIsOff { .. } => {
            Code::FailedPrecondition
        }
        EngineError::Settings(_)
        | EngineError::Source { .. }
        | EngineError::Route(_)
        | EngineError::BadContact { .. }
        | EngineError::BadRequest { .. } => Code::InvalidArgument,
        EngineError::Sync(error) => match error {
            SyncError::Refused(_) | SyncError::TooManyRejects(_) => Code::FailedPrecondition,
            SyncError::Cancelled => Code::Cancelled,
            SyncError::Source(_) | SyncError::Incomplete { .. } => Code::Unavailable,
            SyncError::Staging(_) => return inside(&error),
        },
        EngineError::Store(error) => match error {
            StoreError::Refused(_) => Code::FailedPrecondition,
            StoreError::Damaged { .. } => return store_damaged(),
            StoreError::NotReady { .. } => return store_not_ready(),
            StoreError::Unreadable(_) | StoreError::DiskFull => {
                tracing::error!(%error, "a gRPC request failed");
                Code::FailedPrecondition
            }
            StoreError::Gone { .. } => return store_gone(error),
            StoreError::InUse { .. }
            | StoreError::Folder { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::NotAStore { .. }
            | StoreError::DamagedContact { .. }
            | StoreError::Staging(_)
            | StoreError::Sqlite(_) => return inside(error),
        },
        EngineError::Directory(error) => return super::directory::status_of(error),
        EngineError::Index(error) => return inside(error),
        EngineError::NoRandomNumbers => return inside(&error),
        EngineError::Verify(error) => return inside(error),
    };
    Status::new(code, shortened(error.to_string()))
}

/// Why no backup was taken.
pub(super) fn of_backup(error: BackupError) -> Status {
    match error {
        BackupError::UnderWay => Status::resource_exhausted(error.to_string()),
        BackupError::Engine(error) => of(error),
        BackupError::NoRoom { free, needed, .. } => Status::failed_precondition(format!(
            "the disk of the data folder has {} MB free, and a copy of the store takes {} MB for as long as the \
             backup is being taken: make room",
            free >> 20,
            (needed >> 20) + 1
        )),
        BackupError::Unusable { .. }
        | BackupError::Content { .. }
        | BackupError::Newer { .. }
        | BackupError::Disk { .. } => inside(&error),
    }
}

/// Something ended while one was being sent.
pub(super) fn backup_cut_off() -> Status {
    Status::aborted("the backup could not be sent to its end, and what came of it is none: take another")
}

/// What is damaged, and where, is said by the status and the log.
fn store_damaged() -> Status {
    Status::data_loss(
        "the store of the server is damaged: nothing can be read from it or changed until a backup is in its place \
         (ringroute restore); calls go on being answered from the last good generation",
    )
}

fn store_not_ready() -> Status {
    Status::unavailable(
        "the store of the server could not be made ready at its start, and `ringroute status` says why: nothing can be \
         read from it or changed until the server was started again; calls go on being answered from the last good \
         generation",
    )
}

fn store_gone(error: &StoreError) -> Status {
    tracing::error!(%error, "a gRPC request failed");
    Status::unavailable(
        "the store of the server was removed, moved or replaced while it runs, and `ringroute status` says what to do: \
         nothing can be read from it or changed; calls go on being answered",
    )
}

/// Files and the like are for the log.
fn inside(error: &dyn Display) -> Status {
    tracing::error!(%error, "a gRPC request failed");
    Status::internal("the server could not do this; its log says why")
}

/// Work that panicked.
pub(super) fn of_defect(defect: &tokio::task::JoinError) -> Status {
    tracing::error!(%defect, "a gRPC request ended by a defect; please report this");
    Status::internal("a defect in ringroute; please report it with what the server's log says")
}

/// The server was told to stop.
pub(super) fn shutting_down() -> Status {
    Status::unavailable("the server is shutting down: connect again")
}

/// An RPC that is not in the table of permissions, be it served or not.
pub(super) fn no_such_rpc() -> Status {
    Status::unimplemented("this server has no such RPC")
}

/// As many as there may be are under way.
pub(super) fn too_much(most: usize) -> Status {
    Status::resource_exhausted(format!(
        "{most} requests of this kind are under way, which is as many as [bounds] allows; nothing was begun"
    ))
}

/// As many as there may be from one address are under way.
pub(super) fn too_much_of_one(most: usize) -> Status {
    Status::resource_exhausted(format!(
        "{most} requests of this kind are under way from this address, which is as many as [bounds] allows; nothing was \
         begun"
    ))
}

/// Administrative work that gives way.
pub(super) fn calls_first() -> Status {
    Status::resource_exhausted("calls are waiting, and they come first; nothing was begun, try again soon")
}

/// Its time was over before the answer was there.
pub(super) fn too_late() -> Status {
    Status::deadline_exceeded("the deadline was over before the answer was there")
}

/// A request that does not arrive.
pub(super) fn too_slow() -> Status {
    Status::deadline_exceeded("the request did not arrive in time")
}

/// A stream that nothing goes over.
pub(super) fn idle() -> Status {
    Status::unavailable(
        "nothing went over this stream for a day: open another when there is something to ask",
    )
}

/// Whoever asked is gone, or no longer waits.
pub(super) fn nobody_waits() -> Status {
    Status::cancelled("whoever asked no longer waits; nothing was begun")
}

/// A token is asked for, and none was sent.
pub(super) fn no_token() -> Status {
    Status::unauthenticated(
        "this server asks for a token: send one as `authorization: Bearer TOKEN` (ringroute: --token, or \
         RINGROUTE_TOKEN); `ringroute token create` makes one",
    )
}

/// Something else than a token was sent.
pub(super) fn no_bearer() -> Status {
    Status::unauthenticated("the header `authorization` is not `Bearer TOKEN`: write it so, or leave it out")
}

/// A token that does not permit what was asked for.
pub(super) fn not_permitted(token: &Token, path: &str, permission: Permission) -> Status {
    Status::permission_denied(format!(
        "the token {:?} has the role {}, which does not permit {}; the role {} does",
        token.name(),
        token.role(),
        path.rsplit('/').next().unwrap_or(path),
        permission.least_role()
    ))
}

/// A token that was good when the request began.
pub(super) fn revoked() -> Status {
    Status::unauthenticated("the token was revoked")
}

/// A token whose time ended while the request was under way.
pub(super) fn expired() -> Status {
    Status::unauthenticated("the token expired; `ringroute token create` makes another")
}

/// There is nothing to answer a call from.
pub(super) fn no_snapshot() -> Status {
    Status::unavailable(
        "no phonebooks yet: create a source and synchronise it, or apply settings; then calls are answered",
    )
}

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|place| message.is_char_boundary(*place));
        message.truncate(end.unwrap_or(0));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_fit_into_a_header() {
        let problem = "ü".repeat(10_000);
        let status = of(EngineError::BadRequest { field: "query".into(), problem });
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("query: ü") && status.message().ends_with('…'));
        assert!(status.message().len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
    }

    #[test]
    fn the_inside_stays_inside() {
        let source = std::io::Error::other("no such disk");
        let error = StoreError::Folder { folder: "/srv/secret".into(), source };
        let status = of(error.into());
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
    }
}
