//! Another store in the place of the one that a data folder has: what a restore ends with.
//!
//! A store is more than one file, so it cannot be replaced by one rename. The new one is moved into the folder under a
//! name that says that it is to be the store; from then on whoever opens the folder finishes what was begun, however
//! often it is interrupted. Until then nothing was touched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{Change, Reading, STORE_FILE, StoreError, StoredSource, lock, make_private_folder, owned};
use crate::generation::Generation;
use crate::sealed_file::sync_folder;

/// A store that is to be the store; behind it comes the moment.
const RESTORED: &str = "ringroute.restored-";

/// What the store is called that was there before; behind it comes the moment.
const BEFORE: &str = "ringroute.db.before-restore-";

/// How files and folders in a data folder begin that are of use only to who made them, and for a while.
pub const SCRATCH: &str = ".ringroute-scratch-";

/// A data folder that no other process opens meanwhile, and whose store is not opened.
#[derive(Debug)]
pub struct ClaimedFolder {
    folder: PathBuf,
    _lock: File,
}

impl ClaimedFolder {
    /// Claims a data folder, which is made if it is not there; fails while another process has it.
    pub fn claim(folder: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder { folder: folder.to_owned(), source };
        make_private_folder(folder).map_err(failed)?;
        let lock = lock(folder)?;
        tidy(folder).map_err(failed)?;
        Ok(ClaimedFolder { folder: folder.to_owned(), _lock: lock })
    }

    /// Generation and sources of the store that is there, if there is one that can be read.
    #[must_use]
    pub fn present(&self) -> Option<(Generation, Vec<StoredSource>)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.folder.join(STORE_FILE), flags).ok()?;
        let reading = Reading { connection: &connection };
        Some((reading.generation().ok()?, reading.sources().ok()?))
    }

    /// Puts a store in the place of the one that is there: all of it or nothing, whatever happens. `new` is one file,
    /// in the same file system. Says where the one of before is kept, if there was one.
    pub fn replace_store(self, new: &Path, at: Timestamp) -> Result<Option<PathBuf>, StoreError> {
        let failed = |source| StoreError::Folder { folder: self.folder.clone(), source };
        let moment = at.strftime("%Y%m%dT%H%M%S.%3fZ").to_string();
        let replace = || {
            owned::open(&self.folder, new)?.sync_all()?;
            fs::rename(new, self.folder.join(format!("{RESTORED}{moment}")))?;
            sync_folder(&self.folder)?;
            finish(&self.folder)
        };
        replace().map_err(failed)?;
        let kept = self.folder.join(format!("{BEFORE}{moment}"));
        Ok(kept.exists().then_some(kept))
    }
}

/// Whether a store is to take its place.
pub(super) fn is_begun(folder: &Path) -> bool {
    begun(folder).is_ok_and(|moments| !moments.is_empty())
}

fn begun(folder: &Path) -> io::Result<Vec<String>> {
    let mut moments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        moments.extend(name.to_str().and_then(|name| name.strip_prefix(RESTORED)).map(str::to_owned));
    }
    moments.sort();
    Ok(moments)
}

/// Finishes what a process that was killed began, and removes what it left. Only for whoever has the folder.
pub(super) fn tidy(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(SCRATCH)) {
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
    }
    finish(folder)
}

/// Puts a store that is to be the store into its place. Each step may have been done before.
fn finish(folder: &Path) -> io::Result<()> {
    for moment in begun(folder)? {
        let store = folder.join(STORE_FILE);
        let kept = folder.join(format!("{BEFORE}{moment}"));
        // The log first: it must never meet another store than its own. What is beside it is made of it.
        let log = with_end(&store, "-wal");
        match fs::metadata(&log) {
            Ok(found) if found.len() == 0 => fs::remove_file(&log)?,
            _ => if_there(fs::rename(&log, with_end(&kept, "-wal")))?,
        }
        if_there(fs::remove_file(with_end(&store, "-shm")))?;
        if_there(fs::rename(&store, &kept))?;
        sync_folder(folder)?;
        fs::rename(folder.join(format!("{RESTORED}{moment}")), store)?;
        sync_folder(folder)?;
    }
    Ok(())
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Change<'_> {
    /// Makes a store that was restored another one than that of the backup: of a generation after its own and after
    /// `replaced`, with nobody signed in.
    pub fn begin_anew(&self, replaced: Generation) -> Result<Generation, StoreError> {
        self.connection.execute("UPDATE generation SET number = max(number, ?)", [replaced.0])?;
        self.connection.execute("DELETE FROM console_session", [])?;
        self.next_generation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A data folder whose store has this generation, and a store that is to take its place.
    fn folder(generation: u64, restored: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (place, number) in [("other", restored), ("", generation)] {
            let store = Store::open(&folder.path().join(place)).unwrap();
            let set = |change: &Change<'_>| {
                change.connection.execute("UPDATE generation SET number = ?", [number])?;
                Ok::<_, StoreError>(())
            };
            store.write(set).unwrap();
        }
        let name = format!("{RESTORED}20261124T120000.000Z");
        fs::rename(folder.path().join("other/ringroute.db"), folder.path().join(name)).unwrap();
        folder
    }

    fn generation(folder: &Path) -> u64 {
        Store::open(folder).unwrap().read(|reading| reading.generation()).unwrap().0
    }

    #[test]
    fn a_replacement_is_finished_wherever_it_was_interrupted() {
        let kept_name = format!("{BEFORE}20261124T120000.000Z");
        // What the process that was killed had done: nothing, the log moved, the store moved too.
        for done in 0..=2 {
            let folder = folder(7, 9);
            let (store, kept) = (folder.path().join(STORE_FILE), folder.path().join(&kept_name));
            // A log of the store of before, which must not be taken for the other's.
            fs::write(with_end(&store, "-wal"), "log").unwrap();
            for end in &["-wal", ""][..done] {
                fs::rename(with_end(&store, end), with_end(&kept, end)).unwrap();
            }
            assert!(Store::is_in(folder.path()), "{done}");
            assert_eq!(generation(folder.path()), 9, "{done}");
            assert!(kept.exists(), "{done}");
            assert_eq!(fs::read(with_end(&kept, "-wal")).unwrap(), b"log", "{done}");
            assert!(!is_begun(folder.path()), "{done}");
        }
    }

    #[test]
    fn what_was_made_for_a_while_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(format!("{SCRATCH}1"))).unwrap();
        fs::write(folder.path().join(format!("{SCRATCH}1/file")), "x").unwrap();
        fs::write(folder.path().join(format!("{SCRATCH}2")), "x").unwrap();
        drop(Store::open(folder.path()).unwrap());
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| !name.to_str().unwrap().starts_with(SCRATCH)));
    }
}
