//! Files of a data folder belong to whoever owns the folder.
//!
//! Whoever restores, or makes a first token, may be root; whoever serves is not, and owns the folder. So whoever has
//! got hold of the server may have put a link there to what is not theirs: it is neither written nor given to them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file that belongs into a data folder, and leaves it to the owner of the folder.
pub(super) fn open(folder: &Path, file: &Path) -> io::Result<File> {
    open_as(folder, file, File::options().read(true).write(true))
}

/// The same; makes the file if it is not there, for nobody but its owner: the folder may be one that others can enter.
pub(super) fn open_or_make(folder: &Path, file: &Path) -> io::Result<File> {
    open_as(folder, file, File::options().read(true).write(true).create(true).truncate(false))
}

fn open_as(folder: &Path, file: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    let opened = options.open(file).map_err(|error| match fs::symlink_metadata(file) {
        Ok(there) if there.is_symlink() => refused(file, "is a link, which is not followed"),
        _ => error,
    })?;
    if !opened.metadata()?.is_file() {
        return Err(refused(file, "is no file"));
    }
    give_to_owner(folder, file, &opened)?;
    Ok(opened)
}

/// By what is open, not by its name, behind which there may be another file by now.
#[cfg(unix)]
fn give_to_owner(folder: &Path, file: &Path, opened: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (owner, now) = (fs::metadata(folder)?, opened.metadata()?);
    if owner.uid() == now.uid() {
        return Ok(());
    }
    if now.nlink() > 1 {
        return Err(refused(file, "has another name too, and belongs to somebody else than the folder"));
    }
    fchown(opened, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
fn give_to_owner(_: &Path, _: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// By what a file is told from another one that has its name later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the file that has the name now.
    #[cfg(unix)]
    pub(super) fn of(file: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;
        let file = fs::symlink_metadata(file)?;
        Ok(Some(Identity { device: file.dev(), inode: file.ino() }))
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// Whether it is still the file's. Whoever cannot look has no reason to think otherwise.
    pub(super) fn is_of(self, file: &Path) -> bool {
        match Identity::of(file) {
            Ok(now) => now == Some(self),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }
}

fn refused(file: &Path, problem: &str) -> io::Error {
    io::Error::other(format!("{} {problem}: see who put it there, and remove it", file.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    use crate::store::{LOCK_FILE, STORE_FILE, Store};

    use super::*;

    const PRECIOUS: &str = "root:*:20000:0:99999:7:::";

    #[test]
    fn a_link_in_the_place_of_a_file_is_named_and_what_it_leads_to_is_left_alone() {
        for name in [LOCK_FILE, STORE_FILE] {
            let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let (link, target) = (folder.path().join(name), elsewhere.path().join("shadow"));
            symlink(&target, &link).unwrap();
            let refused = Store::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains(&format!("{} is a link", link.display())), "{refused}");
            assert!(!target.exists(), "{name}: nothing is made where it leads to");

            fs::write(&target, PRECIOUS).unwrap();
            let refused = Store::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains(&format!("{} is a link", link.display())), "{refused}");
            assert_eq!(fs::read_to_string(&target).unwrap(), PRECIOUS, "{name}");
            assert!(link.is_symlink(), "{name}");
            fs::remove_file(&link).unwrap();
            Store::open(folder.path()).unwrap();
        }
    }

    #[test]
    fn what_is_made_belongs_to_the_owner_of_the_folder_and_what_was_somebody_elses_does_not() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // Only root can give files away, and so be led to it.
        if chown(folder.path(), Some(1), Some(1)).is_err() {
            return;
        }
        let target = elsewhere.path().join("shadow");
        fs::write(&target, PRECIOUS).unwrap();
        let before = fs::metadata(&target).unwrap().uid();
        for name in [LOCK_FILE, STORE_FILE] {
            let file = folder.path().join(name);
            // Where the folders are of two file systems there is no such link.
            if fs::hard_link(&target, &file).is_err() {
                return;
            }
            let refused = Store::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains(&format!("{} has another name", file.display())), "{refused}");
            assert_eq!(fs::read_to_string(&target).unwrap(), PRECIOUS, "{name}");
            assert_eq!(fs::metadata(&target).unwrap().uid(), before, "{name}");
            fs::remove_file(&file).unwrap();
        }
        drop(Store::open(folder.path()).unwrap());
        for name in [LOCK_FILE, STORE_FILE] {
            assert_eq!(fs::metadata(folder.path().join(name)).unwrap().uid(), 1, "{name}");
        }
    }
}
