//! What went wrong when somebody was to be told.

use std::error::Error;

/// An error, and what it goes back to.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In the words of whoever said it.
    pub(super) what: String,
    /// What kind of thing it is.
    pub(super) kind: FailureKind,
    /// Whether it will be the same the next time.
    pub(super) is_final: bool,
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No mail server is configured.
    NotConfigured,
    /// The password or secret cannot be read.
    Secret,
    /// Nobody answers at that address.
    Unreachable,
    /// Somebody is there, and does not answer in time or in the way that is expected.
    NoAnswer,
    /// No encrypted connection comes about, or its certificate is not believed.
    Encryption,
    /// The mail server does not let this user in.
    Login,
    /// The server refuses the message, for good.
    Refused,
    /// The server does not take the message now, and may later.
    PutOff,
}
