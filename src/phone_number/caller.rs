//! The number of a call, as the network gave it.

use super::{PhoneNumber, Region};

/// Who calls, as far as the network says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A number that can be looked up.
    Number(PhoneNumber),
    /// The caller asked the network not to say, or it said nothing: `anonymous`, empty, only zeros.
    Withheld,
    /// Not a phone number at all.
    Invalid(InvalidCaller),
}

/// Why a caller is not a phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCaller {
    /// Longer than any caller can be.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl Caller {
    /// Reads the caller of a call.
    #[must_use]
    pub fn parse(_raw: &str, _region: Option<Region>) -> Caller {
        todo!()
    }
}
