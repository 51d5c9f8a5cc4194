//! A secret of the settings: a password, or where to find one. It never leaves the process.
//!
//! A [`Secret`] is written, shown, logged and compared by etag only as [`Secret::shown`] says: where it is
//! to be found, or [`STORED`]. [`Secret::typed_in`] is for the store, which keeps it, and
//! [`Secret::resolve`] for whoever logs in with it.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A secret as the settings have it: `env:NAME` (an environment variable of the server process), `file:PATH`
/// (a file that the server can read), or the secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands in place of a secret that was typed in, wherever settings are shown. In settings that are
/// given to the server it means: as it is.
pub const STORED: &str = "stored:";

/// What stands in place of a secret that was typed in and is lost: backups do not have it.
pub const MISSING: &str = "missing:";

/// Longest secret, in bytes, wherever it is: a connection string has room in it.
pub const MAX_SECRET_BYTES: usize = 4096;

const ENVIRONMENT: &str = "env:";
const FILE: &str = "file:";

/// A secret in the clear, for logging in with it; it is not written, and not shown by [`fmt::Debug`].
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed(String);

impl Revealed {
    /// The secret itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// Why a secret is not to be had; says where it was looked for, never what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{for_servers}")]
pub struct SecretError {
    problem: String,
    /// What to do, and to know, where it is the server that looks for it.
    for_servers: &'static str,
}

impl SecretError {
    fn new(problem: impl Into<String>) -> Self {
        SecretError { problem: problem.into(), for_servers: "" }
    }

    /// The same without a word about the server, for a command that looks for a secret of its own.
    #[must_use]
    pub fn of_this_process(&self) -> &str {
        &self.problem
    }
}

impl Secret {
    /// A secret as written in settings.
    #[must_use]
    pub fn new(written: impl Into<String>) -> Self {
        Secret(written.into())
    }

    /// What may be seen of it: where it is to be found, or [`STORED`], or [`MISSING`].
    #[must_use]
    pub fn shown(&self) -> &str {
        if self.is_reference() || self.is_missing() { &self.0 } else { STORED }
    }

    /// Whether it stands for the one that is stored.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.0 == STORED
    }

    /// The secret itself, when it was typed in. For the store, which has to keep it.
    #[must_use]
    pub fn typed_in(&self) -> Option<&str> {
        (!self.is_reference() && !self.is_stored() && !self.is_missing()).then_some(&*self.0)
    }

    /// Whether it was lost, and has to be typed in again.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.0 == MISSING
    }

    fn is_reference(&self) -> bool {
        self.0.starts_with(ENVIRONMENT) || self.0.starts_with(FILE)
    }

    /// What is wrong with it as it is written, and what to write.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let written = &self.0;
        if let Some(problem) = problem_of(written) {
            return Some(problem);
        }
        if let Some(name) = written.strip_prefix(ENVIRONMENT) {
            let is_name = !name.is_empty() && !name.contains(['=', ' ']);
            return (!is_name).then(|| "name an environment variable behind env:".to_owned());
        }
        if written.strip_prefix(FILE).is_some_and(str::is_empty) {
            return Some("name a file behind file:".to_owned());
        }
        let begins = |prefix: &str| {
            written.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let prefix = [ENVIRONMENT, FILE, STORED, MISSING].into_iter().find(|prefix| begins(prefix))?;
        (!self.is_reference() && !self.is_stored() && !self.is_missing()).then(|| {
            format!(
                "begins nearly like {prefix}; write {ENVIRONMENT}NAME or {FILE}PATH in small letters, {STORED} with \
                 nothing behind it, and a secret that begins like this into a file"
            )
        })
    }

    /// The secret itself, from where it is to be found; waits for files where waiting is allowed.
    pub async fn resolve(&self) -> Result<Revealed, SecretError> {
        let secret = self.clone();
        tokio::task::spawn_blocking(move || secret.find()).await.unwrap_or_else(|failure| {
            Err(SecretError::new(format!("the secret could not be read: {failure}")))
        })
    }

    fn find(&self) -> Result<Revealed, SecretError> {
        let (place, found) = if let Some(name) = self.0.strip_prefix(ENVIRONMENT) {
            (format!("the environment variable {name}"), from_environment(name)?)
        } else if let Some(path) = self.0.strip_prefix(FILE) {
            (format!("the file {path}"), from_file(Path::new(path))?)
        } else if self.is_stored() {
            return Err(SecretError::new("no secret is stored; write env:NAME, file:PATH or the secret"));
        } else if self.is_missing() {
            return Err(SecretError::new(
                "the secret was typed in, and the backup that was restored did not have it; type it in again, or \
                 write env:NAME or file:PATH",
            ));
        } else {
            ("the secret".to_owned(), self.0.clone())
        };
        match problem_of(&found) {
            None => Ok(Revealed(found)),
            Some(problem) => Err(SecretError::new(format!("{place} {problem}"))),
        }
    }
}

/// What no secret can be, wherever it was found.
fn problem_of(secret: &str) -> Option<String> {
    if secret.is_empty() {
        return Some("is empty; the secret is expected".into());
    }
    if secret.len() > MAX_SECRET_BYTES {
        return Some(format!("has more than {MAX_SECRET_BYTES} bytes; no secret is that long"));
    }
    if secret.chars().any(char::is_control) {
        return Some(
            "has a line break or another control character in it; write the secret on one line".into(),
        );
    }
    if secret.starts_with('\u{feff}') {
        return Some("begins with a byte order mark; save it as UTF-8 without one".into());
    }
    None
}

fn from_environment(name: &str) -> Result<String, SecretError> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => SecretError {
            problem: format!("the environment variable {name} is not set"),
            for_servers: " for the server process; set it where the server is started, then restart it",
        },
        std::env::VarError::NotUnicode(_) => SecretError::new(format!(
            "the environment variable {name} is not Unicode; set it to the secret as text"
        )),
    })
}

/// The content of a file without its final line break.
fn from_file(path: &Path) -> Result<String, SecretError> {
    let shown = path.display();
    let failed = |failure: std::io::Error| {
        let problem = format!("the file {shown} cannot be read: {failure}");
        SecretError { problem, for_servers: "; the server reads it, as the user that it runs as" }
    };
    // Opening a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(SecretError::new(format!("{shown} is not a file; name the file that holds the secret")));
    }
    let mut bytes = Vec::new();
    let limit = MAX_SECRET_BYTES as u64 + 3; // a line break, and one byte that tells that there is more
    std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    let mut text = String::from_utf8(bytes)
        .map_err(|_| SecretError::new(format!("the file {shown} is not UTF-8; save the secret as UTF-8")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// What is no text is refused without repeating it, as serde's own message would.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)
            .map(Secret)
            .map_err(|_| serde::de::Error::custom("a secret is a text; write it in quotes"))
    }
}

#[cfg(test)]
mod tests;
