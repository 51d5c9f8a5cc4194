//! Opening a store: the folder is claimed, the file looked at as a whole, brought to the newest schema, put in service.
//!
//! Looking at a large file takes seconds. Whoever has something to answer from meanwhile lets that be done in the
//! background ([`Opening::check_in_background`]): everything that is asked of the store waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};

use super::checkpoint::Checkpoints;
use super::{
    Change, OutOfService, Reading, STORE_FILE, Store, StoreError, Writer, check, configure, explained, lock,
    make_private_file, make_private_folder, owned, replacing, runs, schema,
};
use crate::background;

/// Instructions of SQLite's between two looks at whether a check is still wanted.
const INSTRUCTIONS_PER_LOOK: i32 = 1000;

/// A store that is being opened: no other process has the folder, and nothing in the file was believed or changed yet.
#[derive(Debug)]
pub struct Opening {
    store: Store,
    connection: Connection,
}

/// A check under way in the background. Given up and waited for when the store goes, so that whoever opens the folder
/// next finds nobody in it.
#[derive(Debug, Default)]
pub(super) struct Checking {
    is_given_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Opening {
    /// Claims a data folder and opens its store; makes both when they are not there yet.
    pub fn begin(folder: &Path) -> Result<Self, StoreError> {
        let folder_error = |source| StoreError::Folder { folder: folder.to_owned(), source };
        make_private_folder(folder).map_err(folder_error)?;
        let lock = lock(folder)?;
        replacing::tidy(folder).map_err(folder_error)?;
        let file = folder.join(STORE_FILE);
        make_private_file(&file).map_err(folder_error)?;
        let connection = Connection::open(&file)?;
        let store = Store {
            identity: owned::Identity::of(&file).ok().flatten(),
            file,
            writer: Arc::default(),
            checking: Checking::default(),
            checkpoints: Checkpoints::default(),
            _lock: lock,
        };
        Ok(Opening { store, connection })
    }

    /// Reads of a file that is not checked: what is read may be damaged without a sign of it, and an error may come of
    /// damage. Nothing, if the file is not of the newest schema.
    pub fn peek<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        if schema::known(&self.connection, &self.store.file)? != schema::KNOWN {
            return Ok(None);
        }
        let transaction = self.connection.unchecked_transaction().map_err(StoreError::from)?;
        read(&Reading { connection: &transaction }).map(Some)
    }

    /// Leaves the store out of service. What is read of it before is believed when the file is sound: one that cannot be
    /// written may be newer than anything that was kept beside it.
    pub fn out_of_service<T, E: From<StoreError>>(
        self,
        why: OutOfService,
        read: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> (Store, Option<T>) {
        let Opening { store, connection } = self;
        let sound = match check::is_sound(&connection, &store.file) {
            Ok(()) => Some(connection),
            Err(error) if error.damage().is_some() => None,
            Err(_) => {
                drop(connection);
                alone(&store.file).ok().filter(|alone| check::is_sound(alone, &store.file).is_ok())
            }
        };
        // Nobody else has it yet.
        let _ = store.writer.set(Err(why));
        let Some(connection) = sound else { return (store, None) };
        let opening = Opening { store, connection };
        let found = opening.peek(read).ok().flatten();
        (opening.store, found)
    }

    /// Checks the file, and puts the store in service.
    pub fn check(self) -> Result<Store, StoreError> {
        let Opening { store, connection } = self;
        let connection = ready(connection, &store.file)?;
        // Nobody else has it yet.
        let _ = store.writer.set(Ok(Mutex::new(connection)));
        Ok(store)
    }

    /// Does the same while everything that is asked of the store waits. A store that cannot be used is out of service
    /// then, as by [`Store::out_of_service`].
    #[must_use]
    pub fn check_in_background(self) -> Store {
        let Opening { mut store, mut connection } = self;
        let file = store.file.clone();
        let settled = Settled(Arc::clone(&store.writer));
        let is_given_up = Arc::clone(&store.checking.is_given_up);
        let check = move || {
            background::give_way();
            let start = Instant::now();
            let is_over = Arc::clone(&is_given_up);
            let look = move || is_over.load(Ordering::Relaxed);
            let ready = connection
                .progress_handler(INSTRUCTIONS_PER_LOOK, Some(look))
                .map_err(StoreError::from)
                .and_then(|()| ready(connection, &file));
            let writer = match ready {
                Ok(connection) => {
                    tracing::debug!(took = ?start.elapsed(), "the store was checked");
                    Ok(Mutex::new(connection))
                }
                Err(error) => {
                    if !is_given_up.load(Ordering::Relaxed) {
                        tracing::error!(
                            %error,
                            "the store cannot be used: calls are answered from the last good generation, and nothing \
                             can be changed"
                        );
                    }
                    let why = error.why_out_of_service();
                    Err(why.unwrap_or_else(|| OutOfService::NotReady(error.to_string())))
                }
            };
            settled.settle(writer);
        };
        store.checking.thread = Builder::new().name("check-store".to_owned()).spawn(check).ok();
        store
    }
}

impl Checking {
    /// Says that nobody needs the outcome any more.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.give_up();
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Who checks a store. Whatever becomes of the thread, nobody waits for it in vain.
struct Settled(Arc<Writer>);

impl Settled {
    fn settle(self, writer: Result<Mutex<Connection>, OutOfService>) {
        let _ = self.0.set(writer);
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        let _ = self.0.set(Err(OutOfService::NotReady("it could not be checked".to_owned())));
    }
}

/// A full disk has no room for the file by which readers share the log; who is alone needs none.
fn alone(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(connection)
}

/// The file is checked before anything is changed, be it the journal's mode.
fn ready(mut connection: Connection, file: &Path) -> Result<Connection, StoreError> {
    let mut make_ready = || {
        check::is_sound(&connection, file)?;
        schema::migrate(&mut connection, file)?;
        configure(&connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        runs::close_interrupted(&Change { reading: Reading { connection: &transaction } })?;
        Ok(transaction.commit()?)
    };
    make_ready().map_err(|error| explained(file, error))?;
    connection.progress_handler(0, None::<fn() -> bool>)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with_store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        folder
    }

    #[test]
    fn what_is_asked_waits_for_a_check_in_the_background() {
        let folder = folder_with_store();
        let store = Opening::begin(folder.path()).unwrap().check_in_background();
        assert!(store.read(|reading| reading.generation()).is_ok());
        assert!(store.is_in_service());
        assert!(store.write(|change| change.next_generation()).is_ok());
    }

    #[test]
    fn a_check_that_nobody_needs_any_more_ends() {
        let folder = folder_with_store();
        let opening = Opening::begin(folder.path()).unwrap();
        // Enough to be looked through that somebody looks up meanwhile.
        let fill = "CREATE TABLE filler AS WITH RECURSIVE row(id) AS \
                    (SELECT 1 UNION ALL SELECT id + 1 FROM row WHERE id < 20000) SELECT id FROM row";
        opening.connection.execute_batch(fill).unwrap();
        opening.store.checking.give_up();
        let store = opening.check_in_background();
        store.wait_for_check();
        assert!(matches!(store.why_out_of_service(), Some(OutOfService::NotReady(_))), "it is not damaged");
        drop(store);
        assert!(Store::open(folder.path()).is_ok(), "the folder is free again");
    }

    #[test]
    fn a_file_of_another_schema_is_not_looked_into() {
        let folder = folder_with_store();
        let opening = Opening::begin(folder.path()).unwrap();
        assert!(opening.peek(|reading| reading.generation()).unwrap().is_some());
        opening.connection.pragma_update(None, "user_version", schema::KNOWN - 1).unwrap();
        assert!(opening.peek(|reading| reading.generation()).unwrap().is_none());
    }
}
