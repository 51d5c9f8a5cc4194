//! The number of a call, as the network gave it.

use super::normalise::{compared, is_dialled, read_number};
use super::{NumberError, PhoneNumber, Region, uri};

/// Longest caller that is looked at, in bytes. The longest sensible one is a SIP URI in a name-addr.
pub const MAX_CALLER_BYTES: usize = 256;

/// What networks, gateways and phones put in place of a withheld number; upper and lower case are the
/// same. `anonymous` and `anonymous.invalid` come from RFC 3323, section 4.1.1.3; `restricted`,
/// `unavailable` and `unknown` are what gateways make of a calling party number whose presentation is
/// restricted or which is not available (ITU-T Q.931, section 4.5.10); `private` and `withheld` are custom.
pub const WITHHELD: [&str; 7] =
    ["anonymous", ANONYMOUS_HOST, "restricted", "private", "withheld", "unavailable", "unknown"];

/// The host of somebody who does not want to be known (RFC 3323, section 4.1.1.3).
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// Who calls, as far as the network says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A number that can be looked up.
    Number(PhoneNumber),
    /// The caller asked the network not to say, or it said nothing: [`WITHHELD`], empty, only zeros.
    Withheld,
    /// Not a phone number at all.
    Invalid(InvalidCaller),
}

/// Why a caller is not a phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCaller {
    /// Longer than any caller can be.
    #[error("the caller has {found} bytes: at most {max} are read")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// What would not be a contact's number either.
    #[error(transparent)]
    NotANumber(NumberError),
}

impl Caller {
    /// Reads the caller of a call: a number in any written form, a tel or SIP URI, a name-addr, or one of
    /// the ways to say nothing. Numbers are read as [`normalise`](super::normalise()) reads them; an
    /// extension is left out, and nobody calls from several numbers.
    #[must_use]
    pub fn parse(raw: &str, region: Option<Region>) -> Caller {
        if raw.len() > MAX_CALLER_BYTES {
            let (found, max) = (raw.len(), MAX_CALLER_BYTES);
            return Caller::Invalid(InvalidCaller::TooLong { found, max });
        }
        let number = if is_dialled(raw) {
            compared(raw, region)
        } else {
            let address = match uri::read(raw) {
                Ok(address) => address,
                Err(error) => return Caller::Invalid(InvalidCaller::NotANumber(error)),
            };
            if address.host.eq_ignore_ascii_case(ANONYMOUS_HOST) || is_withheld(address.user.trim()) {
                return Caller::Withheld;
            }
            read_number(&address.user, region).map(|normalised| normalised.number)
        };
        match number {
            Ok(number) => Caller::Number(number),
            Err(NumberError::Blank | NumberError::OnlyZeros) => Caller::Withheld,
            Err(error) => Caller::Invalid(InvalidCaller::NotANumber(error)),
        }
    }
}

/// What stands in the place of the number, without a URI around it: what trunks may have their own words in.
#[must_use]
pub fn withheld_word(raw: &str) -> String {
    let user = uri::read(raw).map_or_else(|_| raw.to_owned(), |address| address.user.into_owned());
    user.trim().trim_matches('"').to_owned()
}

fn is_withheld(user: &str) -> bool {
    let word = user.trim_matches('"');
    WITHHELD.iter().any(|withheld| word.eq_ignore_ascii_case(withheld))
}
