//! Users of the console: who they are, and where they are signed in.
//!
//! All of it is in memory as well as in the store, so that to know who asks needs no I/O, and a role that is
//! taken away is gone with the next request. The store's writer is held while it is changed, so memory follows
//! the store in its order. A sign-in does not wait for the writer, which a sync run may hold for seconds: it
//! counts at once, and is written down as soon as that is possible.

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

use super::{Editor, Engine, EngineError, blocking, is_same_name};
use crate::access::Role;
use crate::account::{password_problem, user_name_problem, user_role_problem};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::store::{self, StoreError, StoredUser};

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
    pub(super) fn load(store: &store::Store) -> Result<Self, StoreError> {
        store.read(|reading| Ok(Accounts::of(reading.users()?, reading.sessions()?)))
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
    fn replace(&self, users: Vec<StoredUser>, signed_out: Option<(i64, Option<SessionKey>)>) {
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

fn bad(field: &str, problem: String) -> EngineError {
    EngineError::BadRequest { field: field.to_owned(), problem }
}

fn not_found(name: &str) -> EngineError {
    EngineError::NotFound { what: "user", name: name.to_owned() }
}

fn find(users: &[StoredUser], name: &str) -> Result<StoredUser, EngineError> {
    users.iter().find(|user| is_same_name(&user.name, name)).cloned().ok_or_else(|| not_found(name))
}

/// Somebody has to be able to let others in again.
fn check_another_admin(users: &[StoredUser], but: &StoredUser) -> Result<(), EngineError> {
    let has_another = users.iter().any(|user| user.role == Role::Admin && user.id != but.id);
    if but.role != Role::Admin || has_another {
        return Ok(());
    }
    Err(StoreError::Refused(format!("{:?} is the only administrator: make another one first", but.name))
        .into())
}

/// What the audit calls a user.
fn subject(name: &str) -> String {
    format!("user {name:?}")
}

impl Editor<'_> {
    /// Makes a user. Blocks.
    pub fn create_user(&self, name: &str, role: Role, password: &str) -> Result<(), EngineError> {
        self.create_user_if(name, role, password, self.actor(), |_| Ok(()))
    }

    /// Gives a user another role. Refused for the only administrator. Blocks.
    pub fn set_role(&self, name: &str, role: Role) -> Result<(), EngineError> {
        if let Some(problem) = user_role_problem(role) {
            return Err(bad("role", problem));
        }
        self.change_user(name, None, |users, user| {
            let before = user.role.to_string();
            if role != Role::Admin {
                check_another_admin(users, user)?;
            }
            user.role = role;
            let event = AuditEvent::new(AuditAction::Changed, subject(&user.name));
            Ok((false, event.with("role", Some(before), Some(role.to_string()))))
        })
    }

    /// Gives a user another password, and signs it out everywhere, but for the session `kept`. Blocks.
    pub fn set_password(
        &self,
        name: &str,
        password: &str,
        kept: Option<SessionKey>,
    ) -> Result<(), EngineError> {
        let password_hash = hash_of(password, name)?;
        self.change_user(name, kept, |_, user| {
            user.password_hash = password_hash;
            let after = Some("another password".to_owned());
            Ok((
                true,
                AuditEvent::new(AuditAction::Changed, subject(&user.name)).with("password", None, after),
            ))
        })
    }

    /// Signs a user out everywhere. Blocks.
    pub fn sign_out_everywhere(&self, name: &str) -> Result<(), EngineError> {
        self.change_user(name, None, |_, user| {
            let event =
                AuditEvent::new(AuditAction::Cancelled, format!("sessions of {}", subject(&user.name)));
            Ok((true, event))
        })
    }

    /// `change` says whether the user's sessions end, and what the audit is to remember.
    fn change_user(
        &self,
        name: &str,
        kept: Option<SessionKey>,
        change: impl FnOnce(&[StoredUser], &mut StoredUser) -> Result<(bool, AuditEvent), EngineError>,
    ) -> Result<(), EngineError> {
        self.store.write_then(
            |stored| {
                let users = stored.users()?;
                let mut user = find(&users, name)?;
                let (is_signed_out, event) = change(&users, &mut user)?;
                stored.update_user(&user)?;
                stored.audit(self.actor(), vec![event])?;
                if is_signed_out {
                    stored.delete_sessions_of(user.id, kept.as_ref().map(SessionKey::hash))?;
                }
                Ok::<_, EngineError>((stored.users()?, is_signed_out.then_some((user.id, kept))))
            },
            |(users, signed_out)| self.accounts.replace(users, signed_out),
        )
    }

    /// Deletes a user. Refused for the only administrator. Blocks.
    pub fn delete_user(&self, name: &str) -> Result<(), EngineError> {
        self.store.write_then(
            |change| {
                let users = change.users()?;
                let user = find(&users, name)?;
                check_another_admin(&users, &user)?;
                change.delete_user(user.id)?;
                let event = AuditEvent::new(AuditAction::Removed, subject(&user.name));
                change.audit(self.actor(), vec![event])?;
                Ok::<_, EngineError>((change.users()?, user.id))
            },
            |(users, gone)| self.accounts.replace(users, Some((gone, None))),
        )
    }
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

    fn create_user_if(
        &self,
        name: &str,
        role: Role,
        password: &str,
        actor: &Actor,
        check: impl FnOnce(&[StoredUser]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let user = new_user(name, role, password)?;
        self.store.write_then(
            |change| {
                check(&change.users()?)?;
                add(change, &user, actor)?;
                Ok::<_, EngineError>(change.users()?)
            },
            |users| self.accounts.replace(users, None),
        )?;
        tracing::info!(%role, "a user of the console was made");
        Ok(())
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
        {
            let users = self.accounts.users.read().unwrap_or_else(PoisonError::into_inner);
            users.get(&user.id).filter(|now| now.password_hash == user.password_hash)?;
            self.accounts.sessions.begin(key, user.id, Timestamp::now());
        }
        self.write_down_session(key);
        Some(token)
    }

    /// Whose token this is. Counts as a use of the session.
    #[must_use]
    pub fn session(self: &Arc<Self>, token: &str) -> Option<SignedIn> {
        let key = SessionKey::of(token);
        let used = self.accounts.sessions.used(key, Timestamp::now())?;
        let user = self.accounts.user(used.user)?;
        if used.is_to_be_written {
            self.write_down_session(key);
        }
        Some(SignedIn { key, name: user.name, role: user.role, began_at: used.began_at })
    }

    fn write_down_session(self: &Arc<Self>, key: SessionKey) {
        let engine = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let written = engine.store.write(|change| match engine.accounts.sessions.stored(key) {
                Some(session) => change.save_session(&session, sessions::oldest(Timestamp::now())),
                // It ended meanwhile.
                None => Ok(()),
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

/// A user to be added; refused when something of it cannot be.
fn new_user(name: &str, role: Role, password: &str) -> Result<StoredUser, EngineError> {
    if let Some(problem) = user_name_problem(name) {
        return Err(bad("name", problem));
    }
    if let Some(problem) = user_role_problem(role) {
        return Err(bad("role", problem));
    }
    Ok(StoredUser {
        id: 0,
        name: name.to_owned(),
        role,
        password_hash: hash_of(password, name)?,
        created_at: Timestamp::now(),
        last_signed_in_at: None,
    })
}

/// Adds a user, unless there is one of that name, and says so to the audit.
fn add(change: &store::Change<'_>, user: &StoredUser, actor: &Actor) -> Result<(), EngineError> {
    let users = change.users()?;
    if users.iter().any(|other| is_same_name(&other.name, &user.name)) {
        return Err(EngineError::AlreadyExists { what: "user", name: user.name.clone() });
    }
    if users.len() >= MAX_USERS {
        let why = format!("there are {MAX_USERS} users already, which is the most there may be");
        return Err(StoreError::Refused(why).into());
    }
    change.add_user(user)?;
    let event = AuditEvent::new(AuditAction::Added, subject(&user.name));
    change.audit(actor, vec![event.with("role", None, Some(user.role.to_string()))])?;
    Ok(())
}

/// Refuses a password that is none.
fn hash_of(password: &str, user: &str) -> Result<String, EngineError> {
    if let Some(problem) = password_problem(password, user) {
        return Err(bad("password", problem));
    }
    passwords::hash(password).map_err(|error| bad("password", error))
}
