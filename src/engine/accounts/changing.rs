//! Making and changing users: in a running server, and in a data folder that none has open ([`super::offline`]).

use jiff::Timestamp;

use super::{MAX_USERS, SessionKey, User, passwords};
use crate::access::Role;
use crate::account::{password_problem, user_name_problem, user_role_problem};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::engine::{Editor, Engine, EngineError, is_same_name};
use crate::store::{Change, StoreError, StoredUser};

/// Whose sessions a change ends, and which of them it leaves.
pub(super) type SignedOut = Option<(i64, Option<SessionKey>)>;

fn bad(field: &str, problem: String) -> EngineError {
    EngineError::BadRequest { field: field.to_owned(), problem }
}

fn find(users: &[StoredUser], name: &str) -> Result<StoredUser, EngineError> {
    let found = users.iter().find(|user| is_same_name(&user.name, name)).cloned();
    found.ok_or_else(|| EngineError::NotFound { what: "user", name: name.to_owned() })
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

/// A user to be added; refused when something of it cannot be.
pub(super) fn new_user(name: &str, role: Role, password: &str) -> Result<StoredUser, EngineError> {
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

/// The hash of a password; refuses one that is none. Takes a while: not while the store is held.
pub(super) fn hash_of(password: &str, user: &str) -> Result<String, EngineError> {
    if let Some(problem) = password_problem(password, user) {
        return Err(bad("password", problem));
    }
    passwords::hash(password).map_err(|error| bad("password", error))
}

/// Adds a user, unless there is one of that name.
pub(super) fn add(change: &Change<'_>, actor: &Actor, user: &StoredUser) -> Result<(), EngineError> {
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
    Ok(change.audit(actor, vec![event.with("role", None, Some(user.role.to_string()))])?)
}

pub(super) fn set_role(
    change: &Change<'_>,
    actor: &Actor,
    name: &str,
    role: Role,
) -> Result<SignedOut, EngineError> {
    if let Some(problem) = user_role_problem(role) {
        return Err(bad("role", problem));
    }
    let users = change.users()?;
    let mut user = find(&users, name)?;
    if user.role == role {
        return Ok(None);
    }
    check_another_admin(&users, &user)?;
    let before = std::mem::replace(&mut user.role, role).to_string();
    change.update_user(&user)?;
    let event = AuditEvent::new(AuditAction::Changed, subject(&user.name));
    change.audit(actor, vec![event.with("role", Some(before), Some(role.to_string()))])?;
    Ok(None)
}

pub(super) fn set_password(
    change: &Change<'_>,
    actor: &Actor,
    name: &str,
    password_hash: String,
    kept: Option<SessionKey>,
) -> Result<SignedOut, EngineError> {
    let mut user = find(&change.users()?, name)?;
    user.password_hash = password_hash;
    change.update_user(&user)?;
    change.delete_sessions_of(user.id, kept.as_ref().map(SessionKey::hash))?;
    let event = AuditEvent::new(AuditAction::Changed, subject(&user.name));
    change.audit(actor, vec![event.with("password", None, Some("another password".to_owned()))])?;
    Ok(Some((user.id, kept)))
}

pub(super) fn sign_out(change: &Change<'_>, actor: &Actor, name: &str) -> Result<SignedOut, EngineError> {
    let user = find(&change.users()?, name)?;
    change.delete_sessions_of(user.id, None)?;
    let what = format!("sessions of {}", subject(&user.name));
    change.audit(actor, vec![AuditEvent::new(AuditAction::Cancelled, what)])?;
    Ok(Some((user.id, None)))
}

pub(super) fn delete(change: &Change<'_>, actor: &Actor, name: &str) -> Result<SignedOut, EngineError> {
    let users = change.users()?;
    let user = find(&users, name)?;
    check_another_admin(&users, &user)?;
    change.delete_user(user.id)?;
    change.audit(actor, vec![AuditEvent::new(AuditAction::Removed, subject(&user.name))])?;
    Ok(Some((user.id, None)))
}

impl Editor<'_> {
    /// Makes a user, and returns it as it is shown. Blocks.
    pub fn create_user(&self, name: &str, role: Role, password: &str) -> Result<User, EngineError> {
        self.create_user_if(name, role, password, self.actor(), |_| Ok(()))?;
        self.user(name)
    }

    /// Gives a user another role. Refused for the only administrator. Blocks.
    pub fn set_role(&self, name: &str, role: Role) -> Result<User, EngineError> {
        self.change_users(|change| set_role(change, self.actor(), name, role))?;
        self.user(name)
    }

    /// Gives a user another password, and signs it out everywhere, but for the session `kept`. Blocks.
    pub fn set_password(
        &self,
        name: &str,
        password: &str,
        kept: Option<SessionKey>,
    ) -> Result<(), EngineError> {
        self.user(name)?;
        let hash = hash_of(password, name)?;
        self.change_users(|change| set_password(change, self.actor(), name, hash, kept))
    }

    /// Signs a user out everywhere. Blocks.
    pub fn sign_out_everywhere(&self, name: &str) -> Result<(), EngineError> {
        self.change_users(|change| sign_out(change, self.actor(), name))
    }

    /// Deletes a user, and signs it out everywhere. Refused for the only administrator. Blocks.
    pub fn delete_user(&self, name: &str) -> Result<(), EngineError> {
        self.change_users(|change| delete(change, self.actor(), name))
    }
}

impl Engine {
    /// A user by its name, in any case.
    pub fn user(&self, name: &str) -> Result<User, EngineError> {
        let found = self.users().into_iter().find(|user| is_same_name(&user.name, name));
        found.ok_or_else(|| EngineError::NotFound { what: "user", name: name.to_owned() })
    }

    pub(super) fn create_user_if(
        &self,
        name: &str,
        role: Role,
        password: &str,
        actor: &Actor,
        check: impl FnOnce(&[StoredUser]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let user = new_user(name, role, password)?;
        self.change_users(|change| {
            check(&change.users()?)?;
            add(change, actor, &user).map(|()| None)
        })?;
        tracing::info!(%role, "a user of the console was made");
        Ok(())
    }

    fn change_users(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<SignedOut, EngineError>,
    ) -> Result<(), EngineError> {
        self.store.write_then(
            |writing| {
                let signed_out = change(writing)?;
                Ok::<_, EngineError>((writing.users()?, signed_out))
            },
            |(users, signed_out)| self.accounts.replace(users, signed_out),
        )
    }
}
