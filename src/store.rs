//! The store: one SQLite file that survives everything, in the data folder.
//!
//! Invariants:
//! * one process at a time: the folder is locked for as long as the store is open;
//! * one writer at a time: [`Store::write`] hands out the only writing connection, inside one transaction
//!   that is rolled back unless it is committed;
//! * readers ([`Store::read`]) never wait for the writer (WAL) and see one state throughout;
//! * the generation grows in the same transaction as whatever can change an answer;
//! * a schema newer than this program is refused, an older one is migrated step by step;
//! * the file is checked before anything is changed, and one that is damaged is left as it is ([`Opening`]).
//!
//! SQLite's own locks are held here only, never on the path of a call.

mod audit;
mod changes;
mod check;
mod checkpoint;
mod contacts;
mod copying;
mod journal;
mod json;
mod local_contacts;
mod notifications;
mod opening;
mod owned;
mod phonebooks;
mod previews;
mod quality;
mod replacing;
mod rollback;
mod runs;
mod schedule;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod writing;

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::contact::ContactId;
use crate::generation::Generation;
use crate::sealed_file::folder_of;

use checkpoint::Checkpoints;
use opening::Checking;

pub use audit::AuditFilter;
pub use changes::{ContactChange, ContactState, PhonebookChange, PhonebookChangeKind};
pub use contacts::{ContactFilter, ContactRow, StoredContact};
pub use copying::{LeftOutSecret, StoreContent, StoreCopy};
pub use local_contacts::LocalContacts;
pub use notifications::{PendingNotification, ProblemReason};
pub use opening::Opening;
pub use phonebooks::{CountedPhonebook, StoredPhonebook};
pub use quality::SourceContact;
pub use replacing::{ClaimedFolder, SCRATCH};
pub use rollback::Rollback;
pub use schedule::DueRun;
pub use settings::{LeftContacts, RemovedSources, StoredSource, SwitchedOff};
pub use users::{StoredSession, StoredUser};
pub use writing::{AddedContacts, FEW_CONTACTS, Following, PlanUnderWay, WrittenPlan};

const STORE_FILE: &str = "ringroute.db";
const LOCK_FILE: &str = "ringroute.lock";

/// How long a reader waits for the short moments in which even WAL locks.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The only writer, once the file has been checked; or why nobody can use it.
type Writer = OnceLock<Result<Mutex<Connection>, OutOfService>>;

/// Why a store cannot be used until the process is started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutOfService {
    /// The file is damaged, in this way. It is not touched.
    Damaged(String),
    /// The file could not be looked at, or be made ready, for another reason: a full disk, say.
    NotReady(String),
}

/// The state that survives.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    /// Of the file that was opened; not known where a system has none.
    identity: Option<owned::Identity>,
    writer: Arc<Writer>,
    checking: Checking,
    checkpoints: Checkpoints,
    /// Released when the process ends, however it ends.
    _lock: File,
}

/// What is wrong with the store, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "the data folder {} is in use by another ringroute process{}: stop that one, or choose another folder \
         with --data-folder",
        folder.display(), process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The other process, if it said.
        process: Option<u32>,
    },
    /// The folder cannot be made, read or written.
    #[error("the data folder {} cannot be used: {source}", folder.display())]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Written by a newer program.
    #[error(
        "{} was written by a newer ringroute (schema {found}; this one knows up to {known}): install that \
         version again, or restore a backup made before the upgrade", file.display()
    )]
    NewerSchema {
        /// The store's file.
        file: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this program knows.
        known: u32,
    },
    /// Not ours.
    #[error(
        "{} is not a ringroute store: if it was one, put a backup in its place with `ringroute restore BACKUP \
         --data-folder {}`, else choose another folder with --data-folder",
        file.display(), file.parent().unwrap_or(Path::new(".")).display()
    )]
    NotAStore {
        /// The file found.
        file: PathBuf,
    },
    /// SQLite says the file is damaged.
    #[error(
        "{} is damaged ({detail}): put a backup in its place with `ringroute restore BACKUP --data-folder {}`",
        file.display(), file.parent().unwrap_or(Path::new(".")).display()
    )]
    Damaged {
        /// The store's file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Contacts on their way into the store could not be read back from the disk.
    #[error("the staging file could not be read back: {0}; is the disk of the data folder in order?")]
    Staging(std::io::Error),
    /// Something kept the start from making it ready.
    #[error(
        "{} could not be made ready ({detail}): see to that, then start ringroute again",
        file.display()
    )]
    NotReady {
        /// The store's file.
        file: PathBuf,
        /// What it was.
        detail: String,
    },
    /// A contact in the store cannot be read.
    #[error("contact {contact} in the store is damaged ({detail}): restore a backup")]
    DamagedContact {
        /// Which.
        contact: ContactId,
        /// What is wrong.
        detail: String,
    },
    /// A change that contradicts what is there.
    #[error("{0}")]
    Refused(String),
    /// The file is not the one that was opened any more.
    #[error(
        "{} was removed, moved or replaced while ringroute runs, so nothing is read or changed: stop it, put the file or a \
         backup in its place, and start it again", file.display()
    )]
    Gone {
        /// The store's file.
        file: PathBuf,
    },
    /// There is no room for a change.
    #[error("the disk of the data folder is full, so nothing was changed: make room")]
    DiskFull,
    /// A setting that another version stored.
    #[error("{0}")]
    Unreadable(String),
    /// Anything else SQLite says: no permission, a lock that is not given up…
    #[error("the store could not be read or written: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::FromSqlConversionFailure(_, _, inner)
                if inner.is::<json::UnreadableSetting>() =>
            {
                StoreError::Unreadable(inner.to_string())
            }
            error if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => StoreError::DiskFull,
            _ => StoreError::Sqlite(error),
        }
    }
}

impl StoreError {
    /// That there is no store in a data folder.
    #[must_use]
    pub fn none_in(folder: &Path) -> Self {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no store in it");
        StoreError::Folder { folder: folder.to_owned(), source }
    }

    /// What is wrong with the content of the store, if that is what this is about.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        use rusqlite::Error as Of;
        match self {
            StoreError::Damaged { detail, .. } => Some(detail.clone()),
            StoreError::NotAStore { .. } => Some("it is no database of ringroute".to_owned()),
            StoreError::DamagedContact { contact, detail } => Some(format!("contact {contact}: {detail}")),
            StoreError::Sqlite(error) => {
                let is_damage = match error.sqlite_error_code() {
                    Some(code) => {
                        matches!(
                            code,
                            rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase
                        )
                    }
                    // What is stored is not what was written.
                    None => matches!(
                        error,
                        Of::FromSqlConversionFailure(..) | Of::InvalidColumnType(..) | Of::Utf8Error(..)
                    ),
                };
                is_damage.then(|| error.to_string())
            }
            _ => None,
        }
    }

    /// Why nobody can use the store, if that is what this is about: it is damaged, or could not be read or written.
    #[must_use]
    pub fn why_out_of_service(&self) -> Option<OutOfService> {
        match (self.damage(), self) {
            (Some(damage), _) => Some(OutOfService::Damaged(damage)),
            (None, StoreError::Sqlite(error)) => Some(OutOfService::NotReady(error.to_string())),
            (None, StoreError::Gone { .. } | StoreError::Unreadable(_) | StoreError::DiskFull) => {
                Some(OutOfService::NotReady(self.to_string()))
            }
            (None, _) => None,
        }
    }
}

impl Store {
    /// Opens the store of a data folder; makes both when they are not there yet.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Opening::begin(folder)?.check()
    }

    /// Opens the store of a data folder in which there is one.
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        if Store::is_in(folder) { Store::open(folder) } else { Err(StoreError::none_in(folder)) }
    }

    /// The store of a data folder whose file cannot be used: everything that is asked of it fails, saying so, and the
    /// file stays as it is. No other process opens the folder meanwhile.
    pub fn out_of_service(folder: &Path, why: OutOfService) -> Result<Self, StoreError> {
        let lock = lock(folder)?;
        Ok(Store {
            file: folder.join(STORE_FILE),
            identity: None,
            writer: Arc::new(Writer::from(Err(why))),
            checking: Checking::default(),
            checkpoints: Checkpoints::default(),
            _lock: lock,
        })
    }

    /// Whether there is anything in the store's file of a data folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        fs::metadata(folder.join(STORE_FILE)).is_ok_and(|file| file.len() > 0) || replacing::is_begun(folder)
    }

    /// Whether a schema is the one that this program works with.
    #[must_use]
    pub fn is_newest_schema(schema: u32) -> bool {
        schema == schema::KNOWN
    }

    /// Why it is out of service, if it is. Does not wait for a check that is under way.
    #[must_use]
    pub fn why_out_of_service(&self) -> Option<&OutOfService> {
        self.writer.get()?.as_ref().err()
    }

    /// Whether the file has been checked and is sound.
    #[must_use]
    pub fn is_in_service(&self) -> bool {
        self.writer.get().is_some_and(Result::is_ok)
    }

    /// Waits for a check that is under way.
    pub fn wait_for_check(&self) {
        self.writer.wait();
    }

    /// Ends a check that is under way: the store is out of service then, as it does when the process ends.
    pub fn give_up_check(&self) {
        self.checking.give_up();
    }

    /// Reads one state of the store; several reads go on side by side, and while something is written.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.in_service()?;
        self.in_place()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.file, flags).map_err(StoreError::from)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(StoreError::from)?;
        let transaction = connection.transaction().map_err(StoreError::from)?;
        read(&Reading { connection: &transaction })
    }

    /// Changes the store in one transaction: committed when `change` succeeds, otherwise as if it had
    /// never begun. Waits for the writer before.
    pub fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_then(change, |value| value)
    }

    /// Like [`Self::write`], and runs `then` after the commit and before the next writer may begin, so
    /// that what follows from commits happens in their order. `then` cannot fail.
    pub fn write_then<T, U, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
        then: impl FnOnce(T) -> U,
    ) -> Result<U, E> {
        let mut writer = self.writer()?;
        let transaction =
            writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let value = change(&Change { reading: Reading { connection: &transaction } })?;
        self.in_place()?;
        transaction.commit().map_err(StoreError::from)?;
        let value = then(value);
        drop(writer);
        self.checkpoints.after_commit(&self.file);
        Ok(value)
    }

    /// Runs `change` like [`Self::write`], and takes all of it back.
    pub fn try_out<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer()?;
        let transaction =
            writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        change(&Change { reading: Reading { connection: &transaction } })
    }

    /// How large the files are, in bytes, as far as that can be told.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        Some(fs::metadata(&self.file).ok()?.len() + checkpoint::log_bytes(&self.file))
    }

    /// Whoever has a file open may go on writing to it when it is not in its place any more, and nobody ever reads that.
    fn in_place(&self) -> Result<(), StoreError> {
        match self.identity.is_none_or(|identity| identity.is_of(&self.file)) {
            true => Ok(()),
            false => Err(StoreError::Gone { file: self.file.clone() }),
        }
    }

    fn in_service(&self) -> Result<&Mutex<Connection>, StoreError> {
        self.writer.wait().as_ref().map_err(|why| {
            let file = self.file.clone();
            match why.clone() {
                OutOfService::Damaged(detail) => StoreError::Damaged { file, detail },
                OutOfService::NotReady(detail) => StoreError::NotReady { file, detail },
            }
        })
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        // A panic while writing dropped its transaction, which rolled it back: the connection is sound.
        let writer = self.in_service()?.lock().unwrap_or_else(PoisonError::into_inner);
        self.in_place()?;
        Ok(writer)
    }
}

/// One state of the store, for reading.
#[derive(Debug)]
pub struct Reading<'a> {
    connection: &'a Connection,
}

/// A change under way; sees its own writes.
#[derive(Debug)]
pub struct Change<'a> {
    reading: Reading<'a>,
}

impl<'a> std::ops::Deref for Change<'a> {
    type Target = Reading<'a>;
    fn deref(&self) -> &Reading<'a> {
        &self.reading
    }
}

impl Reading<'_> {
    /// The generation of the last commit that could change an answer.
    pub fn generation(&self) -> Result<Generation, StoreError> {
        let generation = self.connection.query_row("SELECT number FROM generation", [], |row| row.get(0))?;
        Ok(Generation(generation))
    }

    /// When that commit was made; not known of one that an older version made.
    pub fn generation_made_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let made_at: Option<String> =
            self.connection.query_row("SELECT made_at FROM generation", [], |row| row.get(0))?;
        Ok(made_at.and_then(|time| time.parse().ok()))
    }
}

impl Change<'_> {
    /// Begins the next generation, and says which it is.
    pub fn next_generation(&self) -> Result<Generation, StoreError> {
        let sql = "UPDATE generation SET number = number + 1, made_at = ?";
        self.connection.execute(sql, [Timestamp::now().to_string()])?;
        self.generation()
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Contacts are personal data: nobody but the process's own user.
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Makes the store's file, if it is not there, for nobody but the process's own user: passwords are in it. SQLite gives
/// the files beside it the same permissions.
fn make_private_file(file: &Path) -> std::io::Result<()> {
    owned::open_or_make(folder_of(file), file).map(drop)
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let folder_error = |source| StoreError::Folder { folder: folder.to_owned(), source };
    let mut file = owned::open_or_make(folder, &folder.join(LOCK_FILE)).map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut process = String::new();
            // Only told to people; a lock without a number is still a lock.
            let process = file.read_to_string(&mut process).ok().and_then(|_| process.trim().parse().ok());
            return Err(StoreError::InUse { folder: folder.to_owned(), process });
        }
        Err(fs::TryLockError::Error(error)) => return Err(folder_error(error)),
    }
    // Only told to people, and there may be no room for it.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: a commit that was answered survives a power cut, not only a killed process.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -32768; PRAGMA temp_store = FILE; PRAGMA trusted_schema = OFF;",
    )?;
    Ok(())
}

/// Names the file that an error is about.
fn explained(file: &Path, error: StoreError) -> StoreError {
    let StoreError::Sqlite(error) = error else { return error };
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::NotAStore { file: file.to_owned() },
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { file: file.to_owned(), detail: error.to_string() }
        }
        _ => StoreError::Sqlite(error),
    }
}
