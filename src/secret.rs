//! A secret of the settings: a password, or where to find one. It never leaves the process.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret as the settings have it: `env:NAME` (an environment variable of the server process), `file:PATH`
/// (a file that the server can read), or the secret itself.
///
/// It is written out in full only into the store; what is shown, logged or exported goes through
/// [`Secret::shown`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// What stands in place of a secret that was typed in, wherever settings are shown.
pub const STORED: &str = "stored:";

impl Secret {
    /// A secret as written in settings.
    #[must_use]
    pub fn new(written: impl Into<String>) -> Self {
        Secret(written.into())
    }

    /// What may be seen of it: where it is to be found, or [`STORED`].
    #[must_use]
    pub fn shown(&self) -> &str {
        let is_reference = self.0.starts_with("env:") || self.0.starts_with("file:");
        if is_reference { &self.0 } else { STORED }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}
