//! Settings as one TOML document: what `ringroute apply` reads and `ringroute export` writes.
//!
//! Writing and reading again gives the same settings. Reading checks the form only; what the settings say is
//! checked by [`Settings::validate`].

use super::Settings;
use crate::toml_document::{self, TomlError};

/// Largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

const HEADER: &str = "# Settings of Ringroute, as written by `ringroute export`.\n\
                      # Change them, then `ringroute apply -f FILE`; with `--dry-run` to see what would change.\n\n";

/// Why a document, or what it says, cannot be the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not TOML, or not the keys and types of settings.
    #[error("{0}")]
    Form(#[from] TomlError),
    /// Larger than [`MAX_DOCUMENT_BYTES`].
    #[error("the document has {found} bytes; at most {MAX_DOCUMENT_BYTES} are read")]
    TooLarge {
        /// How large it is.
        found: usize,
    },
    /// A setting that cannot be.
    #[error("{field}: {problem}")]
    Invalid {
        /// Where: lists are counted from 0, and what has a name is named, as in
        /// `inbound_route[3] "Sales".dids[0]`.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A setting that TOML has no way to write, such as a path that is not Unicode.
    #[error("the settings cannot be written as TOML: {0}")]
    Unwritable(String),
}

impl Settings {
    /// Reads a document. Unknown keys are refused.
    pub fn from_toml(document: &str) -> Result<Self, DocumentError> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge { found: document.len() });
        }
        Ok(toml_document::read(document)?)
    }

    /// Writes a document that [`Self::from_toml`] reads as the same settings.
    pub fn to_toml(&self) -> Result<String, DocumentError> {
        let body =
            toml::to_string_pretty(self).map_err(|error| DocumentError::Unwritable(error.to_string()))?;
        Ok(format!("{HEADER}{body}"))
    }
}
