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
    CREATE TABLE limit_settings (settings TEXT NOT NULL) STRICT;
    INSERT INTO limit_settings VALUES ('{}');

    -- What previews said.
    CREATE TABLE sync_preview (
        run_id INTEGER PRIMARY KEY REFERENCES sync_run (id) ON DELETE CASCADE,
        summary TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sync_preview_change (
        run_id INTEGER NOT NULL REFERENCES sync_preview (run_id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        change TEXT NOT NULL,
        PRIMARY KEY (run_id, number)
    ) STRICT, WITHOUT ROWID;
",
    // What runs changed, so that it can be looked at and taken back; see `journal`.
    "
    CREATE TABLE history_settings (settings TEXT NOT NULL) STRICT;
    INSERT INTO history_settings VALUES ('{}');

    -- The runs that changed something and whose changes are kept.
    CREATE TABLE journal (
        run_id INTEGER PRIMARY KEY REFERENCES sync_run (id),
        source_id INTEGER NOT NULL REFERENCES source (id) ON DELETE CASCADE,
        -- How many contacts the source had before the run.
        contacts_before INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX journal_by_source ON journal (source_id, run_id);
    -- Contacts that were not there before the run.
    CREATE TABLE journal_added (
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        first_id INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        PRIMARY KEY (run_id, first_id)
    ) STRICT, WITHOUT ROWID;
    -- What contacts were before the run. The numbers grow with the runs.
    CREATE TABLE journal_contact (
        id INTEGER PRIMARY KEY,
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        contact_id INTEGER NOT NULL,
        source_key TEXT NOT NULL,
        phonebook_id INTEGER,
        missing_since TEXT,
        -- NULL, both: the run did not change them.
        digest BLOB,
        details TEXT
    ) STRICT;
    CREATE UNIQUE INDEX journal_contact_by_run ON journal_contact (run_id, contact_id);
    CREATE INDEX journal_contact_by_contact ON journal_contact (contact_id, run_id);
    -- What phonebooks were before the run; without a name: not there.
    CREATE TABLE journal_phonebook (
        run_id INTEGER NOT NULL REFERENCES journal (run_id) ON DELETE CASCADE,
        phonebook_id INTEGER NOT NULL,
        name TEXT,
        is_local INTEGER NOT NULL,
        -- Whether the source filled it.
        is_filled INTEGER NOT NULL,
        PRIMARY KEY (run_id, phonebook_id)
    ) STRICT, WITHOUT ROWID;
    -- What this run and those before it changed is not kept; what later ones changed is, without a gap.
    ALTER TABLE source ADD COLUMN changes_lost_until INTEGER NOT NULL DEFAULT 0;
    UPDATE source SET changes_lost_until = (SELECT coalesce(max(id), 0) FROM sync_run);
",
    "
    -- What a source was due for, last time that anybody looked: tells after a start what was missed.
    CREATE TABLE due_run (
        source_id INTEGER PRIMARY KEY REFERENCES source (id) ON DELETE CASCADE,
        schedule TEXT NOT NULL,
        due_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE jitter (seed INTEGER NOT NULL) STRICT;
    INSERT INTO jitter VALUES (random());
    -- Who is told of a run. What is done with has no time of its next attempt.
    CREATE TABLE notification (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id INTEGER NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
        due_at TEXT,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX notification_by_run ON notification (run_id);
    CREATE INDEX notification_by_time ON notification (due_at) WHERE due_at IS NOT NULL;
",
    "
    -- Further parts of the settings.
    CREATE TABLE routing_settings (settings TEXT NOT NULL) STRICT;
    INSERT INTO routing_settings VALUES ('{}');
    CREATE TABLE destination (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE time_condition (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
",
    "
    -- Who may ask; of a token's secret, only the digest.
    CREATE TABLE access_token (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded_name TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL,
        digest BLOB NOT NULL,
        created_at TEXT NOT NULL,
        created_by TEXT NOT NULL,
        expires_at TEXT,
        last_used_at TEXT
    ) STRICT;
",
    "
    ALTER TABLE generation ADD COLUMN made_at TEXT;
",
    "
    -- What the directory shows to whom.
    CREATE TABLE extension (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE visibility_grant (position INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE client_policy (settings TEXT NOT NULL) STRICT;
    INSERT INTO client_policy VALUES ('{}');
",
    "
    -- Who may sign in to the console, and who is.
    CREATE TABLE console_user (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        folded_name TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        created_at TEXT NOT NULL,
        last_signed_in_at TEXT
    ) STRICT;
    CREATE TABLE console_session (
        token_hash BLOB PRIMARY KEY,
        user_id INTEGER NOT NULL REFERENCES console_user (id) ON DELETE CASCADE,
        began_at TEXT NOT NULL,
        used_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX console_session_by_user ON console_session (user_id);
",
    "
    -- Who changed what; see `audit`.
    CREATE TABLE audit_entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        -- Microseconds since 1970.
        at INTEGER NOT NULL,
        -- What is searched, in small letters.
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        generation INTEGER NOT NULL,
        actor TEXT NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
",
    "
    -- Of the row that a synced contact was made of; see `sync::prepare`.
    ALTER TABLE contact ADD COLUMN row_digest BLOB;
",
    "
    -- Runs up to this one are of an earlier source, which had the same name.
    ALTER TABLE source ADD COLUMN runs_after INTEGER NOT NULL DEFAULT 0;
",
];

/// The newest schema this program knows.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// The schema of a store, if it is one that this program knows.
pub(super) fn known(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(StoreError::NotAStore { file: file.to_owned() });
    }
    match pragma("user_version")?.unsigned_abs() {
        found if found > KNOWN => Err(StoreError::NewerSchema { file: file.to_owned(), found, known: KNOWN }),
        found => Ok(found),
    }
}

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
