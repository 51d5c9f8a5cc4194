//! A written number of a contact -> a number that can be compared.

use super::{PhoneNumber, Region};

/// Longest written number that is looked at, in characters (the reference system's limit for numbers).
pub const MAX_RAW_CHARACTERS: usize = 31;

/// What a written number turned into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// What is compared.
    pub number: PhoneNumber,
    /// The extension that was written behind the number (`x12`, `;ext=12`, `,,12`), digits only.
    pub extension: Option<String>,
}

/// Why a written number cannot be compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing but white space.
    #[error("the number is blank")]
    Blank,
}

/// Normalises the number that a contact has.
pub fn normalise(_raw: &str, _region: Option<Region>) -> Result<Normalised, NumberError> {
    todo!()
}
