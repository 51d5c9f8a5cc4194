//! Users of the console: who they are, and where they are signed in.
//!
//! All of it is in memory as well as in the store, so that to know who asks needs no I/O, and a role that is
//! taken away is gone with the next request. The store's writer is held while it is changed, so memory follows
//! the store in its order. A sign-in does not wait for the writer, which a sync run may hold for seconds: it
//! counts at once, and is written down as soon as that is possible.

mod changing;
mod first_sign_in;
mod offline;
mod passwords;
mod sessions;
#[cfg(test)]
mod tests;
mod tries;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Engine, EngineError, blocking, is_same_name};
use crate::access::Role;
use crate::store::{self, Reading, StoreError, StoredUser};

use changing::SignedOut;
pub use offline::OfflineUsers;
pub use passwords::generated_password;
pub use sessions::{MAX_SESSION_DAYS, MAX_SESSION_IDLE_HOURS, SessionKey, SignedIn};

/// Most users.
pub const MAX_USERS: usize = 1000;

/// How many passwords are checked at the same time; each takes some tens of milliseconds and 19 MiB.
const MAX_CHECKS: usize = 2;

/// How long somebody may wait for a password to be checked.
const CHECK_PATIENCE: Duration = Duration::from_secs(10);

/// A user, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_signed_in_at: Option<Timestamp>,
    /// In how many places it is signed in.
    pub sessions: usize,
}

/// Why somebody was not signed in. Says nothing of which users there are.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No such user, or not this password.
    #[error("that is not the name and password of a user")]
    Wrong,
    /// Too many tries.
    #[error("there were too many tries; try again in {minutes} {}", if *minutes == 1 { "minute" } else { "minutes" })]
    TooManyTries {
        /// For how long no more are taken.
        minutes: u64,
    },
    /// Too many sign in at the same time.
    #[error("the server is busy; try again in a moment")]
    Busy,
}

/// Users and sessions, in memory.
#[derive(Debug)]
pub(super) struct Accounts {
    users: RwLock<HashMap<i64, StoredUser>>,
    sessions: sessions::Sessions,
    tries: tries::Tries,
    checks: Arc<Semaphore>,
    first_sign_in: first_sign_in::FirstSignIn,
}

impl Accounts {
    pub(super) fn read(reading: &Reading<'_>) -> Result<Self, StoreError> {
        Ok(Accounts::of(reading.users()?, reading.sessions()?))
    }

    /// Nobody can sign in.
    pub(super) fn none() -> Self {
        Accounts::of(Vec::new(), Vec::new())
    }

    fn of(users: Vec<StoredUser>, sessions: Vec<store::StoredSession>) -> Self {
        Accounts {
            users: RwLock::new(by_id(users)),
            sessions: sessions::Sessions::of(sessions),
            tries: tries::Tries::default(),
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            first_sign_in: first_sign_in::FirstSignIn::default(),
        }
    }

    fn user(&self, id: i64) -> Option<StoredUser> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn user_named(&self, name: &str) -> Option<StoredUser> {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.values().find(|user| is_same_name(&user.name, name)).cloned()
    }

    /// Takes over what was committed; `signed_out` loses its sessions, but for one.
    fn replace(&self, users: Vec<StoredUser>, signed_out: SignedOut) {
        let mut known = self.users.write().unwrap_or_else(PoisonError::into_inner);
        *known = by_id(users);
        // Still locked, so that nobody is signed in meanwhile by a password that no longer counts.
        if let Some((user, kept)) = signed_out {
            self.sessions.end_all_of(user, kept);
        }
    }
}

fn by_id(users: Vec<StoredUser>) -> HashMap<i64, StoredUser> {
    users.into_iter().map(|user| (user.id, user)).collect()
}

impl Engine {
    /// All users, by name.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        let known = self.accounts.users.read().unwrap_or_else(PoisonError::into_inner);
        let mut users: Vec<User> = known
            .values()
            .map(|user| User {
                name: user.name.clone(),
                role: user.role,
                created_at: user.created_at,
                last_signed_in_at: self.accounts.sessions.latest_of(user.id).max(user.last_signed_in_at),
                sessions: self.accounts.sessions.count_of(user.id, Timestamp::now()),
            })
            .collect();
        users.sort_by_cached_key(|user| user.name.to_lowercase());
        users
    }

    /// Signs somebody in, who then has a token to be known by. Each try takes as long as any other, whether
    /// there is such a user or not.
    pub async fn sign_in(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<String, SignInError> {
        let user = self.checked(name, password, address).await?;
        self.begin_session(&user).ok_or(SignInError::Wrong)
    }

    /// Whether this is the password of a user who is signed in, such as one who is about to change it.
    pub async fn check_password(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<(), SignInError> {
        self.checked(name, password, address).await.map(drop)
    }

    async fn checked(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<StoredUser, SignInError> {
        let accounts = &self.accounts;
        let minutes_left = |minutes| SignInError::TooManyTries { minutes };
        accounts.tries.take(name, address, Timestamp::now()).map_err(minutes_left)?;
        let waiting = Arc::clone(&accounts.checks).acquire_owned();
        let turn = match tokio::time::timeout(CHECK_PATIENCE, waiting).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) | Err(_) => return Err(SignInError::Busy),
        };
        let user = accounts.user_named(name);
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let password = password.to_owned();
        let is_right = blocking(move || {
            let _turn = turn;
            passwords::is_right(&password, hash.as_deref())
        })
        .await;
        match user.filter(|_| is_right) {
            Some(user) => {
                accounts.tries.forget(name, address);
                Ok(user)
            }
            None => {
                tracing::warn!(%address, "a sign-in to the console failed");
                Err(SignInError::Wrong)
            }
        }
    }

    /// `None` when the user was changed since it was looked at.
    fn begin_session(self: &Arc<Self>, user: &StoredUser) -> Option<String> {
        let token = passwords::new_token();
        let key = SessionKey::of(&token);
        let ended = {
            let users = self.accounts.users.read().unwrap_or_else(PoisonError::into_inner);
            users.get(&user.id).filter(|now| now.password_hash == user.password_hash)?;
            self.accounts.sessions.begin(key, user.id, Timestamp::now())
        };
        self.write_down_session(key, ended);
        Some(token)
    }

    /// Whose token this is. Counts as a use of the session.
    #[must_use]
    pub fn session(self: &Arc<Self>, token: &str) -> Option<SignedIn> {
        let key = SessionKey::of(token);
        let used = self.accounts.sessions.used(key, Timestamp::now())?;
        let user = self.accounts.user(used.user)?;
        if used.is_to_be_written {
            self.write_down_session(key, Vec::new());
        }
        Some(SignedIn { key, name: user.name, role: user.role, began_at: used.began_at })
    }

    /// Whether a session still counts. Is no use of it.
    #[must_use]
    pub fn is_session(&self, key: SessionKey) -> bool {
        self.accounts.sessions.counts(key, Timestamp::now())
    }

    /// Writes down a session, and that others ended.
    fn write_down_session(self: &Arc<Self>, key: SessionKey, ended: Vec<SessionKey>) {
        let engine = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let written = engine.store.write(|change| {
                ended.iter().try_for_each(|ended| change.delete_session(ended.hash()))?;
                match engine.accounts.sessions.stored(key) {
                    Some(session) => change.save_session(&session, sessions::oldest(Timestamp::now())),
                    // It ended meanwhile.
                    None => Ok(()),
                }
            });
            if let Err(error) = written {
                tracing::warn!(%error, "a sign-in could not be written down; it ends with this process");
            }
        });
    }

    /// Ends a session. Blocks.
    pub fn sign_out(&self, key: SessionKey) -> Result<(), EngineError> {
        self.accounts.sessions.end(key);
        self.store.write(|change| Ok(change.delete_session(key.hash())?))
    }
}
