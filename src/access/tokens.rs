//! The tokens there are, in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{MAX_TOKEN_NAME_CHARACTERS, Role, TokenDigest, TokenId, TokenSecret};

/// A token as the store keeps it.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// Its number, which is part of the token.
    pub id: TokenId,
    /// Its name, by which people know it.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What its secret is recognised by.
    pub digest: TokenDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// From when on it is refused; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so; `None` is never.
    pub last_used_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its name: 1 to [`MAX_TOKEN_NAME_CHARACTERS`] characters, unique without regard to case.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// From when on it is refused; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// Who makes it.
    pub created_by: String,
}

impl NewToken {
    /// What is wrong with it, if anything: the field, and what was expected.
    #[must_use]
    pub fn problem(&self, now: Timestamp) -> Option<(&'static str, String)> {
        let characters = self.name.chars().count();
        if self.name.trim().is_empty() || self.name.trim() != self.name {
            return Some(("name", "is empty or begins or ends with a space; a name is expected".into()));
        }
        if characters > MAX_TOKEN_NAME_CHARACTERS {
            let problem =
                format!("has {characters} characters; at most {MAX_TOKEN_NAME_CHARACTERS} are allowed");
            return Some(("name", problem));
        }
        if self.name.chars().any(char::is_control) {
            return Some(("name", "has a line break or another control character in it".into()));
        }
        let expires_at = self.expires_at.filter(|expires_at| *expires_at <= now)?;
        Some(("expires_at", format!("is {expires_at}; a time to come is expected")))
    }
}

/// A token that is in use.
#[derive(Debug)]
pub struct Token {
    id: TokenId,
    name: Box<str>,
    role: Role,
    digest: TokenDigest,
    expires_at: Option<Timestamp>,
    /// Seconds from 1970 on; [`NEVER`] when it was not used since the start.
    last_used: AtomicI64,
    /// The same, as last written to the store.
    last_written: AtomicI64,
    is_revoked: AtomicBool,
    revoked: CancellationToken,
}

const NEVER: i64 = i64::MIN;

impl Token {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// From when on it is refused; `None` is never.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether it was revoked since it was checked.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.is_revoked.load(Ordering::Acquire)
    }

    /// Returns when it is revoked.
    pub fn revoked(&self) -> impl Future<Output = ()> + Send + use<> {
        self.revoked.clone().cancelled_owned()
    }

    /// When it was last used since the start.
    #[must_use]
    pub fn last_used(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.last_used.load(Ordering::Relaxed)).ok()
    }

    fn use_at(&self, now: Timestamp) {
        let now = now.as_second();
        // Read first: most uses are in the same second as the one before, and writing is dearer than reading.
        if self.last_used.load(Ordering::Relaxed) < now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not look like one.
    Malformed,
    /// There is none like it: never was, or no more.
    Unknown,
    /// Its time is over.
    Expired {
        /// Its name.
        name: String,
        /// Since when.
        since: Timestamp,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Malformed => f.write_str(
                "what was sent is not a token: those begin with rr_, and are sent as `authorization: Bearer TOKEN`",
            ),
            Refusal::Unknown => f.write_str(
                "the token is not known here: it was revoked, or it is another server's; `ringroute token create` \
                 makes one",
            ),
            Refusal::Expired { name, since } => {
                write!(f, "the token {name:?} expired at {since}; `ringroute token create` makes another")
            }
        }
    }
}

/// All tokens, as they are checked: from memory, without a lock.
#[derive(Debug, Default)]
pub struct Tokens {
    current: ArcSwap<HashMap<TokenId, Arc<Token>>>,
    refused: AtomicU64,
}

impl Tokens {
    /// Replaces all of them. Those that are no longer there are revoked from this moment on.
    ///
    /// Not to be called twice at once: whoever holds the store's writer calls it.
    pub fn replace(&self, records: &[TokenRecord]) {
        let before = self.current.load_full();
        let tokens = records.iter().map(|record| {
            let known = before.get(&record.id).filter(|token| token.is(record)).cloned();
            (record.id, known.unwrap_or_else(|| Arc::new(Token::from(record))))
        });
        let tokens: HashMap<TokenId, Arc<Token>> = tokens.collect();
        let is_kept = |token: &Arc<Token>| tokens.get(&token.id).is_some_and(|kept| Arc::ptr_eq(kept, token));
        let gone: Vec<Arc<Token>> = before.values().filter(|token| !is_kept(token)).cloned().collect();
        self.current.store(Arc::new(tokens));
        for token in gone {
            token.is_revoked.store(true, Ordering::Release);
            token.revoked.cancel();
        }
    }

    /// Whose token that is, as sent by a client.
    pub fn check(&self, presented: &str, now: Timestamp) -> Result<Arc<Token>, Refusal> {
        let checked = self.find(presented, now);
        match &checked {
            Ok(token) => token.use_at(now),
            Err(_) => self.count_refused(),
        }
        checked
    }

    fn find(&self, presented: &str, now: Timestamp) -> Result<Arc<Token>, Refusal> {
        let (id, secret) = TokenSecret::from_token(presented).ok_or(Refusal::Malformed)?;
        let digest = secret.digest();
        let tokens = self.current.load();
        let token = tokens.get(&id).filter(|token| token.digest.is_same(&digest)).ok_or(Refusal::Unknown)?;
        match token.expires_at.filter(|expires_at| *expires_at <= now) {
            Some(since) => Err(Refusal::Expired { name: token.name.to_string(), since }),
            None => Ok(Arc::clone(token)),
        }
    }

    /// Counts a request that was refused for want of a token, or for a wrong one.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were refused since the start, for want of a token or for a wrong one.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many there are that would be accepted now.
    #[must_use]
    pub fn usable(&self, now: Timestamp) -> usize {
        let tokens = self.current.load();
        tokens.values().filter(|token| token.expires_at.is_none_or(|expires_at| expires_at > now)).count()
    }

    /// The token of that number.
    #[must_use]
    pub fn get(&self, id: TokenId) -> Option<Arc<Token>> {
        self.current.load().get(&id).cloned()
    }

    /// Those used since this was last called, and when: what the store is behind with.
    #[must_use]
    pub fn take_uses(&self) -> Vec<(TokenId, Timestamp)> {
        let tokens = self.current.load();
        let used = tokens.values().filter_map(|token| {
            let used = token.last_used.load(Ordering::Relaxed);
            let written = token.last_written.swap(used, Ordering::Relaxed);
            let time = (used != written).then(|| Timestamp::from_second(used).ok())??;
            Some((token.id, time))
        });
        used.collect()
    }
}

impl Token {
    fn is(&self, record: &TokenRecord) -> bool {
        self.role == record.role
            && *self.name == *record.name
            && self.expires_at == record.expires_at
            && self.digest.is_same(&record.digest)
    }
}

impl From<&TokenRecord> for Token {
    fn from(record: &TokenRecord) -> Self {
        Token {
            id: record.id,
            name: record.name.as_str().into(),
            role: record.role,
            digest: record.digest.clone(),
            expires_at: record.expires_at,
            last_used: AtomicI64::new(NEVER),
            last_written: AtomicI64::new(NEVER),
            is_revoked: AtomicBool::new(false),
            revoked: CancellationToken::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn token(id: i64, expires_at: Option<Timestamp>) -> (TokenRecord, String) {
        let secret = TokenSecret::random().unwrap();
        let record = TokenRecord {
            id: TokenId(id),
            name: format!("number {id}"),
            role: Role::Lookup,
            digest: secret.digest(),
            created_at: NOW,
            created_by: String::new(),
            expires_at,
            last_used_at: None,
        };
        (record, secret.to_token(TokenId(id)))
    }

    #[test]
    fn a_token_is_recognised_by_its_secret_alone() {
        let ((one, first), (other, second)) = (token(1, None), token(2, None));
        let tokens = Tokens::default();
        tokens.replace(&[one, other]);
        assert_eq!(tokens.check(&first, NOW).unwrap().name(), "number 1");
        assert_eq!(tokens.check(&second, NOW).unwrap().name(), "number 2");
        let mixed = second.replace("rr_2_", "rr_1_");
        assert_eq!(tokens.check(&mixed, NOW).unwrap_err(), Refusal::Unknown);
        assert_eq!(tokens.check(&token(3, None).1, NOW).unwrap_err(), Refusal::Unknown);
        assert_eq!(tokens.check("number 1", NOW).unwrap_err(), Refusal::Malformed);
        assert_eq!(tokens.refused(), 3);
    }

    #[test]
    fn a_token_is_refused_from_its_expiry_on() {
        let (record, text) = token(1, Some(at(100)));
        let tokens = Tokens::default();
        tokens.replace(&[record]);
        assert!(tokens.check(&text, at(99)).is_ok());
        assert_eq!(tokens.usable(at(99)), 1);
        let refusal = tokens.check(&text, at(100)).unwrap_err();
        assert_eq!(refusal, Refusal::Expired { name: "number 1".into(), since: at(100) });
        assert_eq!(tokens.usable(at(100)), 0);
    }

    #[tokio::test]
    async fn whoever_uses_a_revoked_token_is_told() {
        let ((one, first), (other, second)) = (token(1, None), token(2, None));
        let tokens = Tokens::default();
        tokens.replace(&[one, other.clone()]);
        let [first, second] = [first, second].map(|text| tokens.check(&text, NOW).unwrap());
        tokens.replace(&[other]);
        first.revoked().await;
        assert!(first.is_revoked() && !second.is_revoked());
    }

    #[test]
    fn uses_are_told_once() {
        let (record, text) = token(1, None);
        let tokens = Tokens::default();
        tokens.replace(std::slice::from_ref(&record));
        assert_eq!(tokens.take_uses(), []);
        tokens.check(&text, at(100)).unwrap();
        tokens.check(&text, at(90)).unwrap();
        tokens.replace(&[record]);
        assert_eq!(tokens.take_uses(), [(TokenId(1), at(100))]);
        assert_eq!(tokens.take_uses(), []);
        tokens.check(&text, at(101)).unwrap();
        assert_eq!(tokens.take_uses(), [(TokenId(1), at(101))]);
    }

    #[test]
    fn what_a_token_cannot_be_is_named() {
        let new = |name: &str, expires_at| NewToken {
            name: name.into(),
            role: Role::Admin,
            expires_at,
            created_by: String::new(),
        };
        assert_eq!(new("Kamailio, Berlin", Some(at(1))).problem(NOW), None);
        for (name, expires_at, field) in [
            ("", None, "name"),
            (" a", None, "name"),
            ("a\nb", None, "name"),
            (&*"a".repeat(64), None, "name"),
            ("a", Some(NOW), "expires_at"),
        ] {
            assert_eq!(new(name, expires_at).problem(NOW).unwrap().0, field, "{name:?}");
        }
    }
}
