//! Bringing what was committed from the write-ahead log into the store's file, which keeps the log short.
//!
//! A commit is as safe in the log as in the file, and the log of a large change takes a while: whoever committed
//! does not wait for it. SQLite's own way is to do it before a commit returns, so that is turned off.

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// A log of this many bytes or less is done with at once.
const SHORT: u64 = 1024 * 1024;

/// The checkpoint under way, if there is one.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    under_way: Mutex<Option<JoinHandle<()>>>,
}

/// How long the write-ahead log of a store is, in bytes.
pub(super) fn log_bytes(store: &Path) -> u64 {
    fs::metadata(store.with_extension("db-wal")).map_or(0, |log| log.len())
}

impl Checkpoints {
    /// Makes the log short again.
    pub(super) fn after_commit(&self, store: &Path) {
        if log_bytes(store) <= SHORT {
            return checkpoint(store);
        }
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is under way leaves what came since to the one after the next commit.
        if under_way.as_ref().is_none_or(JoinHandle::is_finished) {
            let store = store.to_owned();
            let thread = Builder::new().name("checkpoint".to_owned());
            *under_way = thread.spawn(move || checkpoint(&store)).ok();
        }
    }
}

/// Lets what a transaction has written so far be brought to the disk while it goes on, so that its commit waits for
/// less. It is no more committed than before.
pub(super) fn save_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.cache_flush()?;
    if let Some(store) = connection.path() {
        let log = Path::new(store).with_extension("db-wal");
        // The commit does it again, so an error is told there.
        let save = move || drop(File::open(log).and_then(|log| log.sync_data()));
        drop(Builder::new().name("save-ahead".to_owned()).spawn(save));
    }
    Ok(())
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        let under_way = self.under_way.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Whoever opens the folder next finds nobody in it.
        drop(under_way.take().map(JoinHandle::join));
    }
}

/// A reader in the way is not waited for, which only postpones this, as does an error.
fn checkpoint(store: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(store, flags) else { return };
    if connection.busy_timeout(Duration::ZERO).is_ok() {
        // The first one does the work, beside a writer; the second one keeps writers out, and has little left to do.
        for mode in ["PASSIVE", "TRUNCATE"] {
            drop(connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())));
        }
    }
}
