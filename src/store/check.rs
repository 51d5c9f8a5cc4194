//! Whether the file of a store is whole, as far as SQLite can tell.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// Looks at every page: is it where others say it is, and is in it what can be? It does not compare indexes with their
/// tables, which would take many times as long; see [`is_consistent`].
pub(super) fn is_sound(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    check(connection, file, "PRAGMA quick_check(1)")
}

/// Everything that SQLite can check.
pub(super) fn is_consistent(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    check(connection, file, "PRAGMA integrity_check(1)")?;
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    match statement.query([])?.next()? {
        None => Ok(()),
        Some(row) => {
            let table: String = row.get(0)?;
            let detail = format!("a row of {table} refers to what is not there");
            Err(StoreError::Damaged { file: file.to_owned(), detail })
        }
    }
}

fn check(connection: &Connection, file: &Path, pragma: &str) -> Result<(), StoreError> {
    match connection.query_row(pragma, [], |row| row.get::<_, String>(0))?.as_str() {
        "ok" => Ok(()),
        found => {
            // It may begin with a line that names the database.
            let detail = found.lines().last().unwrap_or(found).to_owned();
            Err(StoreError::Damaged { file: file.to_owned(), detail })
        }
    }
}
