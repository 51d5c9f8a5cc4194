//! Tokens, in the store: everything but their secrets.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Reading, StoreError};
use crate::access::{NewToken, TokenDigest, TokenId, TokenRecord};

impl Reading<'_> {
    /// All tokens, in the order in which they were made.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let sql = "SELECT id, name, role, digest, created_at, created_by, expires_at, last_used_at
            FROM access_token ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let tokens = statement.query_map([], token)?;
        Ok(tokens.collect::<Result<_, _>>()?)
    }

    /// The number of the token with that name, in any spelling.
    pub fn token_named(&self, name: &str) -> Result<Option<TokenId>, StoreError> {
        let sql = "SELECT id FROM access_token WHERE folded_name = ?1";
        Ok(self.connection.query_row(sql, [folded(name)], |row| row.get(0).map(TokenId)).optional()?)
    }
}

impl Change<'_> {
    /// Adds a token whose name nobody has.
    pub fn add_token(
        &self,
        new: &NewToken,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<TokenId, StoreError> {
        let NewToken { name, role, expires_at, created_by } = new;
        self.connection.execute(
            "INSERT INTO access_token (name, folded_name, role, digest, created_at, created_by, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                name,
                folded(name),
                role.name(),
                digest.as_bytes(),
                now.to_string(),
                created_by,
                expires_at.map(|expires_at| expires_at.to_string())
            ],
        )?;
        Ok(TokenId(self.connection.last_insert_rowid()))
    }

    /// Removes a token. Its number is not given to another.
    pub fn remove_token(&self, id: TokenId) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM access_token WHERE id = ?1", [id.0])?;
        Ok(())
    }

    /// Remembers when tokens were last used. Those that are gone by now are left out.
    pub fn remember_token_uses(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        let mut update =
            self.connection.prepare("UPDATE access_token SET last_used_at = ?2 WHERE id = ?1")?;
        for (id, used_at) in uses {
            update.execute(params![id.0, used_at.to_string()])?;
        }
        Ok(())
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    let digest: Vec<u8> = row.get(3)?;
    let digest = TokenDigest::from_bytes(&digest).ok_or_else(|| unreadable(3, "is no digest"))?;
    Ok(TokenRecord {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        role: row.get::<_, String>(2)?.parse().map_err(|problem: String| unreadable(2, &problem))?,
        digest,
        created_at: time(row, 4)?.unwrap_or_default(),
        created_by: row.get(5)?,
        expires_at: time(row, 6)?,
        last_used_at: time(row, 7)?,
    })
}

/// A time that cannot be read is an error: as an expiry it must not become "never".
fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: jiff::Error| unreadable(column, &error.to_string())))
        .transpose()
}

fn unreadable(column: usize, problem: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, problem.into())
}
