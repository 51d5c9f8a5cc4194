//! Settings as one TOML document.

/// A key that no setting has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown;

/// Why a document is not a set of settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("placeholder")]
pub struct DocumentError;
