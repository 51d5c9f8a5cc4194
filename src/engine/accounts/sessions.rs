//! Where users are signed in. A browser has a token; here is only its hash.

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};

use crate::access::Role;
use crate::store::StoredSession;

/// A session ends so long after it began, in days.
pub const MAX_SESSION_DAYS: i64 = 7;

/// And so long after its last use, in hours.
pub const MAX_SESSION_IDLE_HOURS: i64 = 12;

/// How often the last use is written down, in minutes.
const NOTED_EVERY_MINUTES: i64 = 10;

/// Most places in which a user is signed in; the oldest ends when there is another.
pub(super) const MAX_SESSIONS_PER_USER: usize = 20;

/// What a session is known by: the hash of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub(super) fn of(token: &str) -> Self {
        SessionKey(*blake3::hash(token.as_bytes()).as_bytes())
    }

    pub(super) fn hash(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Which session.
    pub key: SessionKey,
    /// Name of the user.
    pub name: String,
    /// What it may do, now.
    pub role: Role,
    /// When it signed in.
    pub began_at: Timestamp,
}

/// A session that was used.
pub(super) struct Used {
    pub(super) user: i64,
    pub(super) began_at: Timestamp,
    pub(super) is_to_be_written: bool,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    user: i64,
    began_at: Timestamp,
    used_at: Timestamp,
    written_at: Timestamp,
}

impl Session {
    fn counts(&self, now: Timestamp) -> bool {
        self.began_at >= oldest(now)
            && self.used_at >= now - SignedDuration::from_hours(MAX_SESSION_IDLE_HOURS)
    }
}

/// Sessions begun before have ended.
pub(super) fn oldest(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(24 * MAX_SESSION_DAYS)
}

#[derive(Debug)]
pub(super) struct Sessions(DashMap<SessionKey, Session>);

impl Sessions {
    pub(super) fn of(stored: Vec<StoredSession>) -> Self {
        let session = |stored: StoredSession| {
            let StoredSession { token_hash, user, began_at, used_at } = stored;
            (SessionKey(token_hash), Session { user, began_at, used_at, written_at: used_at })
        };
        Sessions(stored.into_iter().map(session).collect())
    }

    /// Returns those that end by it, there being too many.
    pub(super) fn begin(&self, key: SessionKey, user: i64, now: Timestamp) -> Vec<SessionKey> {
        self.0.retain(|_, session| session.counts(now));
        let mut others: Vec<(Timestamp, SessionKey)> = self
            .0
            .iter()
            .filter(|other| other.user == user)
            .map(|other| (other.used_at, *other.key()))
            .collect();
        others.sort_by_key(|(used_at, _)| *used_at);
        let too_many = (others.len() + 1).saturating_sub(MAX_SESSIONS_PER_USER);
        let ended: Vec<SessionKey> = others.into_iter().take(too_many).map(|(_, oldest)| oldest).collect();
        for oldest in &ended {
            self.0.remove(oldest);
        }
        self.0.insert(key, Session { user, began_at: now, used_at: now, written_at: now });
        ended
    }

    pub(super) fn used(&self, key: SessionKey, now: Timestamp) -> Option<Used> {
        let mut session = self.0.get_mut(&key).filter(|session| session.counts(now))?;
        session.used_at = now;
        let is_to_be_written = now >= session.written_at + SignedDuration::from_mins(NOTED_EVERY_MINUTES);
        if is_to_be_written {
            session.written_at = now;
        }
        Some(Used { user: session.user, began_at: session.began_at, is_to_be_written })
    }

    /// Whether it has not ended.
    pub(super) fn counts(&self, key: SessionKey, now: Timestamp) -> bool {
        self.0.get(&key).is_some_and(|session| session.counts(now))
    }

    pub(super) fn stored(&self, key: SessionKey) -> Option<StoredSession> {
        let Session { user, began_at, used_at, .. } = *self.0.get(&key)?;
        Some(StoredSession { token_hash: key.0, user, began_at, used_at })
    }

    pub(super) fn end(&self, key: SessionKey) {
        self.0.remove(&key);
    }

    pub(super) fn end_all_of(&self, user: i64, but: Option<SessionKey>) {
        self.0.retain(|key, session| session.user != user || Some(*key) == but);
    }

    pub(super) fn count_of(&self, user: i64, now: Timestamp) -> usize {
        self.0.iter().filter(|session| session.user == user && session.counts(now)).count()
    }

    pub(super) fn latest_of(&self, user: i64) -> Option<Timestamp> {
        self.0.iter().filter(|session| session.user == user).map(|session| session.began_at).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_not_used_and_when_it_is_old() {
        let sessions = Sessions::of(Vec::new());
        let (key, start) = (SessionKey::of("token"), Timestamp::UNIX_EPOCH);
        sessions.begin(key, 1, start);
        let hours = |hours| start + SignedDuration::from_hours(hours);
        assert!(sessions.used(key, hours(12)).is_some());
        assert!(sessions.used(key, hours(24)).is_some());
        assert!(sessions.used(key, hours(37)).is_none(), "13 hours without a use");
        sessions.begin(key, 1, start);
        for hour in (0..=7 * 24).step_by(12) {
            assert!(sessions.used(key, hours(hour)).is_some(), "{hour}");
        }
        assert!(sessions.used(key, hours(7 * 24 + 1)).is_none());
    }

    #[test]
    fn the_oldest_of_too_many_ends() {
        let sessions = Sessions::of(Vec::new());
        let now = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let key = |number: i64| SessionKey::of(&number.to_string());
        let last = MAX_SESSIONS_PER_USER as i64;
        for number in 0..last {
            assert!(sessions.begin(key(number), 1, now(number)).is_empty());
        }
        assert_eq!(sessions.begin(key(last), 1, now(last)), [key(0)]);
        assert_eq!(sessions.count_of(1, now(100)), MAX_SESSIONS_PER_USER);
        assert!(sessions.used(key(0), now(100)).is_none());
        assert!(sessions.used(key(1), now(100)).is_some());
    }
}
