//! A database: a catalogue, and SQLite in memory, which every connection opens for itself.
//!
//! The connections share one cache. They read without locking rows out, like a server whose readers do not block
//! writers, so that a test may change a table while somebody else is in the middle of reading it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::{Connection, OpenFlags};

use super::catalogue::Catalogue;
use super::functions;

/// One database of the server.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) name: String,
    uri: String,
    catalogue: RwLock<Catalogue>,
    /// What is in memory lives for as long as somebody has it open.
    _kept_open: Mutex<Connection>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Database {
    pub(crate) fn create(name: &str) -> rusqlite::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let uri = format!("file:tds-test-{number}?mode=memory&cache=shared");
        let kept_open = open(&uri)?;
        Ok(Self {
            name: name.to_owned(),
            uri,
            catalogue: RwLock::new(Catalogue::default()),
            _kept_open: Mutex::new(kept_open),
        })
    }

    /// A connection with everything that T-SQL needs.
    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        open(&self.uri)
    }

    pub(crate) fn catalogue(&self) -> RwLockReadGuard<'_, Catalogue> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn catalogue_mut(&self) -> RwLockWriteGuard<'_, Catalogue> {
        self.catalogue.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(uri: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        uri,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.pragma_update(None, "read_uncommitted", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A name in double quotes that is no column is an error, not a text.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A view that names what is no longer there hinders nobody.
    connection.pragma_update(None, "legacy_alter_table", true)?;
    connection.pragma_update(None, "writable_schema", true)?;
    functions::register(&connection)?;
    Ok(connection)
}
