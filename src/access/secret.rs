//! What a token is made of: `rr_`, its number, `_`, and 256 random bits in hexadecimal.
//!
//! The number says which token it is to be compared with, so that nothing has to be searched for by the secret; and
//! it tells which one to revoke when one is found where it should not be. The prefix lets scanners for leaked secrets
//! find it.
//!
//! Only a digest is kept. A slow hash, as for passwords, makes guessing dear; 256 random bits cannot be guessed, so a
//! fast one (BLAKE3) is enough, and every request can afford it.

use std::fmt::{self, Write as _};

use subtle::ConstantTimeEq as _;

const PREFIX: &str = "rr_";
const SECRET_BYTES: usize = 32;

/// The number of a token; never given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub i64);

/// The random part of a token. It is not shown by [`fmt::Debug`], and nothing keeps it.
#[derive(Clone)]
pub struct TokenSecret([u8; SECRET_BYTES]);

/// What is kept of a secret: enough to recognise it, not to know it.
#[derive(Clone)]
pub struct TokenDigest([u8; blake3::OUT_LEN]);

impl TokenSecret {
    /// A new one. `None`: the system gives no random numbers.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        Some(TokenSecret(bytes))
    }

    /// What to keep of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(*blake3::hash(&self.0).as_bytes())
    }

    /// The whole token, to be shown once to whoever asked for it.
    #[must_use]
    pub fn to_token(&self, id: TokenId) -> String {
        let mut token = format!("{PREFIX}{}_", id.0);
        for byte in self.0 {
            let _ = write!(token, "{byte:02x}");
        }
        token
    }

    /// Takes a token apart; `None` when it is none.
    #[must_use]
    pub fn from_token(token: &str) -> Option<(TokenId, Self)> {
        let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
        let digits = id.bytes().all(|byte| byte.is_ascii_digit());
        let id = id.parse().ok().filter(|_| digits)?;
        if secret.len() != 2 * SECRET_BYTES {
            return None;
        }
        let mut bytes = [0; SECRET_BYTES];
        for (byte, digits) in bytes.iter_mut().zip(secret.as_bytes().chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let (high, low) = (digit(digits[0])?, digit(digits[1])?);
            *byte = u8::try_from(16 * high + low).ok()?;
        }
        Some((TokenId(id), TokenSecret(bytes)))
    }
}

/// The token in a header `authorization: Bearer TOKEN` (RFC 6750, section 2.1); `None` when it is written otherwise.
#[must_use]
pub fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl TokenDigest {
    /// As the store kept it; `None` when it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(TokenDigest)
    }

    /// For the store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is that of the same secret; how long this takes tells nothing of where they differ.
    #[must_use]
    pub fn is_same(&self, other: &TokenDigest) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token's secret")
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token's digest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_as_what_was_written() {
        let secret = TokenSecret::random().unwrap();
        let token = secret.to_token(TokenId(17));
        assert!(token.starts_with("rr_17_") && token.len() == "rr_17_".len() + 64, "{token}");
        let (id, read) = TokenSecret::from_token(&token).unwrap();
        assert_eq!(id, TokenId(17));
        assert!(read.digest().is_same(&secret.digest()));
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        let [one, other] = [(), ()].map(|()| TokenSecret::random().unwrap());
        assert!(!one.digest().is_same(&other.digest()));
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let zeros = "0".repeat(64);
        assert!(TokenSecret::from_token(&format!("rr_1_{zeros}")).is_some());
        for wrong in [
            String::new(),
            "rr_".into(),
            format!("rr__{zeros}"),
            format!("rr_+1_{zeros}"),
            format!("rr_-1_{zeros}"),
            format!("rr_99999999999999999999_{zeros}"),
            format!("rr_1_{zeros}0"),
            format!("rr_1_{}", &zeros[1..]),
            format!("rr_1_{}g", &zeros[1..]),
            format!("rr_1_{}é", &zeros[2..]),
            format!("RR_1_{zeros}"),
            format!("rr_1_{zeros} "),
            format!("1_{zeros}"),
        ] {
            assert!(TokenSecret::from_token(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_header_has_a_token_when_it_is_written_as_one() {
        for header in ["Bearer rr_1_a", "bearer rr_1_a", "BEARER  rr_1_a "] {
            assert_eq!(bearer(header.as_bytes()), Some("rr_1_a"), "{header:?}");
        }
        for header in ["", "rr_1_a", "Bearer", "Basic cnJfMV9h", "Bearerrr_1_a"] {
            assert_eq!(bearer(header.as_bytes()), None, "{header:?}");
        }
        assert_eq!(bearer(b"Bearer \xff"), None);
    }

    #[test]
    fn a_secret_is_not_seen_in_messages() {
        let secret = TokenSecret([0xab; SECRET_BYTES]);
        let shown = format!("{secret:?} {:?}", secret.digest());
        assert_eq!(shown, "a token's secret a token's digest");
    }
}
