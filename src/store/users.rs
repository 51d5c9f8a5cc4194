//! Users of the console, and where they are signed in.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{Change, Reading, StoreError};
use crate::access::Role;
use crate::settings::folded_name;

/// A user as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// Its number; never given to another.
    pub id: i64,
    /// Its name, unique in any case.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Of its password, in the PHC string format.
    pub password_hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_signed_in_at: Option<Timestamp>,
}

impl std::fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash, which would help to guess the password.
        f.debug_struct("StoredUser")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Where somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Hash of the token that the browser has.
    pub token_hash: [u8; 32],
    /// Number of the user.
    pub user: i64,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used, to some minutes.
    pub used_at: Timestamp,
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: jiff::Error| unreadable(column, error.into()))
}

fn unreadable(column: usize, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
}

fn user(row: &Row<'_>) -> rusqlite::Result<StoredUser> {
    let role = row.get_ref(2)?.as_str()?.parse().map_err(|error: String| unreadable(2, error.into()))?;
    let last_signed_in_at = match row.get_ref(5)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(moment(row, 5)?),
    };
    Ok(StoredUser {
        id: row.get(0)?,
        name: row.get(1)?,
        role,
        password_hash: row.get(3)?,
        created_at: moment(row, 4)?,
        last_signed_in_at,
    })
}

impl Reading<'_> {
    /// All users, by name.
    pub fn users(&self) -> Result<Vec<StoredUser>, StoreError> {
        let sql = "SELECT id, name, role, password_hash, created_at, last_signed_in_at
                   FROM console_user ORDER BY folded_name";
        let mut statement = self.connection.prepare(sql)?;
        Ok(statement.query_map([], user)?.collect::<Result<_, _>>()?)
    }

    /// All sessions, whether they still count or not.
    pub fn sessions(&self) -> Result<Vec<StoredSession>, StoreError> {
        let sql = "SELECT token_hash, user_id, began_at, used_at FROM console_session";
        let mut statement = self.connection.prepare(sql)?;
        let sessions = statement.query_map([], |row| {
            Ok(StoredSession {
                token_hash: row.get(0)?,
                user: row.get(1)?,
                began_at: moment(row, 2)?,
                used_at: moment(row, 3)?,
            })
        })?;
        Ok(sessions.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Adds a user; `id` in it is not looked at. Returns its number.
    pub fn add_user(&self, user: &StoredUser) -> Result<i64, StoreError> {
        self.connection.execute(
            "INSERT INTO console_user (folded_name, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?)",
            params![
                folded_name(&user.name),
                user.name,
                user.role.name(),
                user.password_hash,
                user.created_at.to_string()
            ],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Replaces the role and the password of a user.
    pub fn update_user(&self, user: &StoredUser) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE console_user SET role = ?, password_hash = ? WHERE id = ?",
            params![user.role.name(), user.password_hash, user.id],
        )?;
        Ok(())
    }

    /// Deletes a user, and its sessions.
    pub fn delete_user(&self, id: i64) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM console_user WHERE id = ?", [id])?;
        Ok(())
    }

    /// Adds a session, or notes its latest use; forgets those begun before `oldest`.
    pub fn save_session(&self, session: &StoredSession, oldest: Timestamp) -> Result<(), StoreError> {
        // A user who was deleted meanwhile has no session.
        self.connection.execute(
            "INSERT INTO console_session (token_hash, user_id, began_at, used_at)
             SELECT ?1, id, ?3, ?4 FROM console_user WHERE id = ?2
             ON CONFLICT (token_hash) DO UPDATE SET used_at = ?4",
            params![
                session.token_hash,
                session.user,
                session.began_at.to_string(),
                session.used_at.to_string()
            ],
        )?;
        self.connection.execute(
            "UPDATE console_user SET last_signed_in_at = ?2
             WHERE id = ?1 AND (last_signed_in_at IS NULL OR last_signed_in_at < ?2)",
            params![session.user, session.began_at.to_string()],
        )?;
        self.connection.execute("DELETE FROM console_session WHERE began_at < ?", [oldest.to_string()])?;
        Ok(())
    }

    /// Ends a session.
    pub fn delete_session(&self, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM console_session WHERE token_hash = ?", [token_hash])?;
        Ok(())
    }

    /// Ends all sessions of a user, but for one.
    pub fn delete_sessions_of(&self, user: i64, but: Option<&[u8; 32]>) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM console_session WHERE user_id = ?1 AND token_hash IS NOT ?2",
            params![user, but],
        )?;
        Ok(())
    }
}
