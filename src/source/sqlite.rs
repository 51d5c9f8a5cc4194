//! SQLite databases as sources: a file, opened read-only, read in one transaction.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::mapped_query::MappedQuery;
use super::query::{BlockingOutlet, Database, explain, prepare_connection};
use super::rows::RowBatch;
use super::{Answer, ContactSource, SourceError, SourceReport, on_blocking_thread};
use crate::settings::SqliteConnection;

/// The schema of the file's tables.
const SCHEMA: &str = "main";

/// How long a lock of another program is waited for, in tries of [`TRY`]: five seconds.
const TRIES: u32 = 25;
const TRY: Duration = Duration::from_millis(200);

pub(super) struct SqliteSource {
    path: PathBuf,
    query: MappedQuery,
}

impl SqliteSource {
    pub(super) fn new(connection: &SqliteConnection, query: MappedQuery) -> Result<Self, SourceError> {
        check_path("connection.sqlite.path", &connection.path)?;
        Ok(SqliteSource { path: connection.path.clone(), query })
    }
}

impl ContactSource for SqliteSource {
    fn read<'a>(&'a self, rows: mpsc::Sender<RowBatch>, cancel: CancellationToken) -> Answer<'a, u64> {
        let (path, query) = (self.path.clone(), self.query.clone());
        Box::pin(async move {
            let runtime = Handle::current();
            on_blocking_thread(&cancel, move |stop| {
                let mut file = OpenFile::open(&path, &stop)?;
                let mut outlet = BlockingOutlet::new(rows, stop, runtime, &query.projection);
                file.database.read(&query, &mut outlet)?;
                let sent = outlet.finish()?;
                file.check_unchanged()?;
                Ok(sent)
            })
            .await
        })
    }

    fn test(&self) -> Answer<'_, SourceReport> {
        let (path, query) = (self.path.clone(), self.query.clone());
        Box::pin(async move {
            on_blocking_thread(&CancellationToken::new(), move |stop| {
                let mut file = OpenFile::open(&path, &stop)?;
                let tables = file.database.tables()?;
                Ok(SourceReport {
                    server: None,
                    tables,
                    unreadable_rows: 0,
                    query: file.database.report(&query),
                })
            })
            .await
        })
    }

    fn check(&self) -> Answer<'_, ()> {
        let (path, query) = (self.path.clone(), self.query.clone());
        Box::pin(async move {
            on_blocking_thread(&CancellationToken::new(), move |stop| {
                if is_missing(&path) {
                    return Ok(());
                }
                OpenFile::open(&path, &stop)?.database.check(&query)
            })
            .await
        })
    }
}

/// Whether nothing is there, whatever else may be wrong with it.
pub(super) fn is_missing(path: &Path) -> bool {
    path.try_exists().is_ok_and(|exists| !exists)
}

/// A database file in a read transaction: what is read is what it was at one moment.
struct OpenFile<'a> {
    path: &'a Path,
    database: Database,
    /// Of the file at the path, when nobody may write while we read. (In WAL mode others may.)
    stamp: Option<FileStamp>,
}

impl<'a> OpenFile<'a> {
    fn open(path: &'a Path, stop: &CancellationToken) -> Result<Self, SourceError> {
        FileStamp::of(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|error| {
            // SQLite does not say why. The file is opened once more only now: closing it would take away
            // the locks that other connections of this process hold on it.
            match File::open(path) {
                Err(failure) => cannot_read(path, &failure),
                Ok(_) => explain(&error),
            }
        })?;
        let stamp = begin(&mut connection, stop).map_err(|error| match explain(&error) {
            SourceError::Cancelled => SourceError::Cancelled,
            SourceError::Malformed(problem) => SourceError::Malformed(about(path, &problem)),
            SourceError::PermissionDenied(problem) => SourceError::PermissionDenied(about(path, &problem)),
            SourceError::Unavailable(problem) => SourceError::Unavailable(about(path, &problem)),
            other => other,
        })?;
        let stamp = if stamp { Some(FileStamp::of(path)?) } else { None };
        Ok(OpenFile { path, database: Database::new(connection, SCHEMA, None), stamp })
    }

    /// Finds out whether a program that does not know SQLite's locks wrote to the file, such as `cp`.
    fn check_unchanged(&self) -> Result<(), SourceError> {
        let Some(stamp) = self.stamp else { return Ok(()) };
        match FileStamp::of(self.path) {
            // Another file is in its place, or none; the one that is open is as it was, and SQLite looks for no
            // journal beside it as long as the transaction lasts.
            Ok(now) if now.identity != stamp.identity => Ok(()),
            Err(SourceError::NotFound(_)) => Ok(()),
            Ok(now) if now != stamp => Err(SourceError::Unavailable(about(
                self.path,
                "the file was overwritten while it was read, so what was read may be a mixture; synchronise \
                 again, and replace the file by renaming a finished one over it",
            ))),
            unchanged => unchanged.map(|_| ()),
        }
    }
}

/// Begins the read transaction, and returns whether it keeps writers out of the database file.
fn begin(connection: &mut Connection, stop: &CancellationToken) -> rusqlite::Result<bool> {
    prepare_connection(connection, stop)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.busy_timeout(TRY)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    let mut tries = 1;
    loop {
        // Reads the first page, and so takes the lock that holds until the end.
        match connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < TRIES => {
                tries += 1;
                if stop.is_cancelled() {
                    return Err(interrupted());
                }
            }
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(!mode.eq_ignore_ascii_case("wal"))
}

fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None)
}

/// What tells whether a file was written to, or another one is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    identity: Identity,
    length: u64,
    changed: Option<SystemTime>,
}

impl FileStamp {
    /// The stamp of the regular file at `path`. Anything else is refused: opening a pipe waits for ever.
    pub(super) fn of(path: &Path) -> Result<Self, SourceError> {
        let found = std::fs::metadata(path).map_err(|failure| cannot_read(path, &failure))?;
        if !found.is_file() {
            let problem = if found.is_dir() { "this is a folder" } else { "this is not a regular file" };
            return Err(SourceError::Malformed(about(path, &format!("{problem}; name the file itself"))));
        }
        Ok(FileStamp::from_metadata(&found))
    }

    /// The stamp of a file that is open, whatever is at its path by now.
    pub(super) fn of_open(file: &File) -> std::io::Result<Self> {
        Ok(FileStamp::from_metadata(&file.metadata()?))
    }

    fn from_metadata(found: &Metadata) -> Self {
        FileStamp { identity: identity(found), length: found.len(), changed: found.modified().ok() }
    }
}

/// Device and inode, which no two files share as long as both are there or open.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(found: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere a file that is open is not replaced.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

pub(super) fn check_path(field: &str, path: &Path) -> Result<(), SourceError> {
    let problem = if path.as_os_str().is_empty() {
        "the path is empty; name the file as the server sees it"
    } else if path.as_os_str().as_encoded_bytes().contains(&0) {
        "the path has a NUL character in it; write the path alone"
    } else {
        return Ok(());
    };
    Err(SourceError::settings(field, problem))
}

/// Why a file cannot be opened.
pub(super) fn cannot_read(path: &Path, failure: &std::io::Error) -> SourceError {
    match failure.kind() {
        std::io::ErrorKind::NotFound => SourceError::NotFound(about(
            path,
            "there is no such file on the server; check the path (a relative one begins at the folder in which \
             the server was started)",
        )),
        std::io::ErrorKind::PermissionDenied => SourceError::PermissionDenied(about(
            path,
            "the server may not read this file; let the user it runs as read the file and enter its folders",
        )),
        _ => SourceError::Unavailable(about(
            path,
            &format!("{failure}; check the disk, then synchronise again"),
        )),
    }
}

pub(super) fn about(path: &Path, problem: &str) -> String {
    format!("{}: {problem}", path.display())
}
