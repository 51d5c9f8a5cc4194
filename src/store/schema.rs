//! The tables, as numbered steps that are only ever added to.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// Marks a file as ours (SQLite's `application_id`): "RING" in ASCII.
const APPLICATION_ID: i32 = 0x5249_4E47;

/// Step N brings schema N to schema N + 1. A step that was released never changes.
const STEPS: &[&str] = &[
    "
    CREATE TABLE generation (number INTEGER NOT NULL) STRICT;
    INSERT INTO generation VALUES (0);

    -- Each row of these is one part of the settings, as JSON.
    CREATE TABLE number_settings (settings TEXT NOT NULL) STRICT;
    INSERT INTO number_settings VALUES ('{}');
    CREATE TABLE trunk (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE inbound_route (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE source (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        folded_name TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL,
        settings TEXT NOT NULL,
        last_synced_at TEXT
    ) STRICT;

    CREATE TABLE phonebook (
        -- Also its priority: the lower number comes first.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded_name TEXT NOT NULL UNIQUE,
        -- Made by hand, so part of the settings, even while a source fills it.
        is_local INTEGER NOT NULL,
        source_id INTEGER REFERENCES source (id)
    ) STRICT;

    CREATE TABLE contact (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_id INTEGER REFERENCES source (id),
        source_key TEXT NOT NULL,
        -- Of the details; tells at once whether a contact changed.
        digest BLOB NOT NULL,
        missing_since TEXT,
        details TEXT NOT NULL
    ) STRICT;
    -- NULLs differ from each other, so local contacts may share keys.
    CREATE UNIQUE INDEX contact_by_key ON contact (source_id, source_key);

    CREATE TABLE phonebook_contact (
        contact_id INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
        phonebook_id INTEGER NOT NULL REFERENCES phonebook (id),
        PRIMARY KEY (contact_id, phonebook_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX contact_by_phonebook ON phonebook_contact (phonebook_id, contact_id);

    CREATE TABLE sync_run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_name TEXT NOT NULL,
        state TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sync_run_by_source ON sync_run (source_name, id);
    CREATE TABLE sync_problem (
        run_id INTEGER NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        problem TEXT NOT NULL,
        PRIMARY KEY (run_id, number)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Further parts of the settings.
    CREATE TABLE routing_settings (settings TEXT NOT NULL) STRICT;
    INSERT INTO routing_settings VALUES ('{}');
    CREATE TABLE destination (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE time_condition (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
",
];

/// The newest schema this program knows.
const KNOWN: u32 = STEPS.len() as u32;

/// Brings the store to the newest schema, all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application_id = pragma("application_id")?;
    let tables: u32 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id != APPLICATION_ID && tables > 0 {
        return Err(StoreError::NotAStore { file: file.to_owned() });
    }
    let found = pragma("user_version")?.unsigned_abs();
    if found > KNOWN {
        return Err(StoreError::NewerSchema { file: file.to_owned(), found, known: KNOWN });
    }
    for step in &STEPS[found as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(())
}
