//! Copies of the store: what backups are made of.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{BUSY_TIMEOUT, Reading, STORE_FILE, Store, StoreError, check, explained, schema};
use crate::generation::Generation;
use crate::secret::{MISSING, Secret};
use crate::settings::Connection as SourceConnection;

/// A copy of a store, which nobody else works with. What is in it may be of an older schema.
#[derive(Debug)]
pub struct StoreCopy {
    file: PathBuf,
    connection: Connection,
}

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreContent {
    /// Its schema.
    pub schema: u32,
    /// Its generation.
    pub generation: Generation,
    /// How many contacts.
    pub contacts: u64,
    /// How many phonebooks.
    pub phonebooks: u64,
    /// How many sources.
    pub sources: u64,
    /// How many inbound routes.
    pub inbound_routes: u64,
}

/// A secret that was taken out of a copy, by source and field.
pub type LeftOutSecret = (String, &'static str);

impl Store {
    /// Copies one state of the store into an empty file, and nothing that was deleted before. Others go on reading and
    /// writing meanwhile.
    pub fn copy_to(&self, to: &Path) -> Result<StoreCopy, StoreError> {
        self.in_service()?;
        copy(&self.file, to)
    }

    /// The same of a data folder that is not opened here: as it is, whatever its schema is. A server may have it open.
    pub fn copy_of(folder: &Path, to: &Path) -> Result<StoreCopy, StoreError> {
        if !Store::is_in(folder) {
            return Err(StoreError::none_in(folder));
        }
        copy(&folder.join(STORE_FILE), to)
    }
}

fn copy(file: &Path, to: &Path) -> Result<StoreCopy, StoreError> {
    let Some(name) = to.to_str() else {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "its path is not Unicode");
        return Err(StoreError::Folder { folder: to.to_owned(), source });
    };
    let copied = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute("VACUUM INTO ?", [name])
    };
    copied().map_err(|error| explained(file, error.into()))?;
    StoreCopy::open(to)
}

impl StoreCopy {
    /// Opens a copy that is in a file.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        // What becomes of a copy that was not finished is of no interest.
        let ready = connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;");
        ready.map_err(|error| explained(file, error.into()))?;
        Ok(StoreCopy { file: file.to_owned(), connection })
    }

    /// Checks everything that SQLite can check, and that it is ours and of a schema that this program knows.
    pub fn check(&self) -> Result<(), StoreError> {
        let checked = schema::known(&self.connection, &self.file)
            .and_then(|_| check::is_consistent(&self.connection, &self.file));
        checked.map_err(|error| explained(&self.file, error))
    }

    /// What it holds.
    pub fn content(&self) -> Result<StoreContent, StoreError> {
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get(0));
        Ok(StoreContent {
            schema: schema::known(&self.connection, &self.file)?,
            generation: Generation(number("SELECT number FROM generation")?),
            contacts: number("SELECT count(*) FROM contact")?,
            phonebooks: number("SELECT count(*) FROM phonebook")?,
            sources: number("SELECT count(*) FROM source")?,
            inbound_routes: number("SELECT count(*) FROM inbound_route")?,
        })
    }

    /// Takes out passwords that were typed in, so that not a byte of them is left, and says which. Only of the newest
    /// schema.
    pub fn leave_out_secrets(&self) -> Result<Vec<LeftOutSecret>, StoreError> {
        // Who is signed in now will not be when this is restored.
        self.connection.execute("DELETE FROM console_session", [])?;
        let mut left_out = Vec::new();
        for source in (Reading { connection: &self.connection }).sources()? {
            let mut settings = source.settings;
            let fields: Vec<_> = typed_in(&settings.connection).collect();
            if fields.is_empty() {
                continue;
            }
            forget_typed_in(&mut settings.connection);
            let json = super::json::to_json(&settings)?;
            self.connection.execute("UPDATE source SET settings = ? WHERE id = ?", (json, source.id))?;
            left_out.extend(fields.into_iter().map(|field| (settings.name.clone(), field)));
        }
        if !left_out.is_empty() {
            // Writes every page anew: nothing of what was there before is in them.
            self.connection.execute_batch("VACUUM")?;
        }
        Ok(left_out)
    }

    /// Closes it: all of it is in its file.
    pub fn close(self) -> Result<(), StoreError> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

fn typed_in(connection: &SourceConnection) -> impl Iterator<Item = &'static str> {
    let secrets = connection.secrets().into_iter();
    secrets.filter(|(_, secret)| secret.typed_in().is_some()).map(|(field, _)| field)
}

fn forget_typed_in(connection: &mut SourceConnection) {
    let SourceConnection::SqlServer(connection) = connection else { return };
    for secret in [&mut connection.connection_string, &mut connection.password].into_iter().flatten() {
        if secret.typed_in().is_some() {
            *secret = Secret::new(MISSING);
        }
    }
}
