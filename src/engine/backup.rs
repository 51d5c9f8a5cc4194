//! Backups: the store as one sealed file, taken while it is in use.
//!
//! A backup is a description and a copy of the store. The copy is one state of the store, without what was deleted
//! before, and was checked before it was sealed; so the seal alone says that it is whole. What was typed in as a
//! password leaves a server on no way, so it is not in a backup that a server hands out. Whoever can read the data
//! folder can read it there, and finds it in a backup that is taken from the folder.

mod restoring;
mod sending;

use std::fs::File;
use std::io::{self, BufReader, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::sync::OwnedSemaphorePermit;

use super::tokens::OFFLINE;
use super::{Editor, EngineError};
use crate::audit::{AuditAction, AuditEvent};
use crate::generation::Generation;
use crate::sealed_file::{Kind, SealError, SealReader, SealWriter, TEMPORARY};
use crate::store::{SCRATCH, Store, StoreCopy, StoreError};

pub use restoring::{Restored, restore, verify_backup};

const BACKUP: Kind = Kind { magic: *b"RINGBKUP", version: 1, name: "backup of ringroute" };

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupContent {
    /// The version of the program that took it.
    pub program: String,
    /// The schema of the store in it.
    pub schema: u32,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The generation that was current.
    pub generation: Generation,
    /// How many contacts.
    pub contacts: u64,
    /// How many phonebooks.
    pub phonebooks: u64,
    /// How many sources.
    pub sources: u64,
    /// How many inbound routes.
    pub inbound_routes: u64,
    /// Bytes of the store in it.
    pub store_bytes: u64,
    /// Passwords that were typed in and are not in it.
    pub left_out_secrets: Vec<LeftOutSecret>,
}

/// A password that was typed in and is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutSecret {
    /// Name of the source.
    pub source: String,
    /// Field of it.
    pub field: String,
}

/// Why a backup was not taken, not believed or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is not a whole backup.
    #[error("{} cannot be used: {problem}; take another backup, or use an older one", file.display())]
    Unusable {
        /// The backup.
        file: PathBuf,
        /// What is wrong with it.
        problem: SealError,
    },
    /// The file is as it was written, and what is in it cannot be served.
    #[error("the store in {} is damaged ({detail}); use an older backup", file.display())]
    Content {
        /// The backup.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A newer program took it.
    #[error(
        "{} was taken by a newer ringroute (schema {found}; this one knows up to {known}): use that version, or a \
         newer one", file.display()
    )]
    Newer {
        /// The backup.
        file: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// A disk.
    #[error("{}: {source}", place.display())]
    Disk {
        /// File or folder.
        place: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no room for it.
    #[error("the disk of {} has {} MB free, and a copy of the store takes {} MB: make room", place.display(), free >> 20, (needed >> 20) + 1)]
    NoRoom {
        /// The folder.
        place: PathBuf,
        /// What is free, in bytes.
        free: u64,
        /// What is needed, in bytes.
        needed: u64,
    },
    /// Each takes the room of the store, so there is one at a time.
    #[error("a backup is being taken already: wait until it is done")]
    UnderWay,
    /// The store, or the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        BackupError::Engine(error.into())
    }
}

/// A copy of the store that can be written out as a backup. It is gone when this is dropped.
#[derive(Debug)]
pub struct TakenBackup {
    content: BackupContent,
    copy: NamedTempFile,
    /// Given back when the copy is gone; a folder that no server has open needs none.
    _turn: Option<OwnedSemaphorePermit>,
}

impl TakenBackup {
    /// What is in it.
    #[must_use]
    pub fn content(&self) -> &BackupContent {
        &self.content
    }

    /// Writes the file.
    pub fn write_to<W: Write>(self, to: W) -> io::Result<W> {
        let mut writer = SealWriter::begin(to, BACKUP)?;
        writer.section(&serde_json::to_vec(&self.content)?)?;
        // As it is open, whatever has become of its name.
        let mut copy = self.copy.as_file();
        copy.rewind()?;
        writer.copy(&mut copy, self.content.store_bytes)?;
        Ok(writer.finish()?.0)
    }
}

impl Editor<'_> {
    /// Copies the store as it is now, without passwords that were typed in. Calls and runs go on meanwhile. Refused
    /// while another backup is there. Blocks.
    pub fn take_backup(&self) -> Result<TakenBackup, BackupError> {
        let turn = Arc::clone(&self.backups).try_acquire_owned().map_err(|_| BackupError::UnderWay)?;
        if let Some(disk) = self.disk_space() {
            check_room(&self.data_folder, disk.free, disk.store)?;
        }
        let copy = empty_file(&self.data_folder, SCRATCH)?;
        let taken_at = Timestamp::now();
        let taken = taken(self.store.copy_to(copy.path())?, copy, taken_at, true)?;
        let taken = TakenBackup { _turn: Some(turn), ..taken };
        let event = vec![audited(&taken.content)];
        self.store.write(|change| change.audit(self.actor(), event))?;
        tracing::info!(generation = %taken.content.generation, by = %self.actor(), "a backup is taken");
        Ok(taken)
    }
}

/// Copies the store of a data folder with everything that is in it, passwords too. A server may have it open; if none
/// has, it is audited. The copy is made in `scratch`, a folder. Blocks.
pub fn take_backup_of_folder(data_folder: &Path, scratch: &Path) -> Result<TakenBackup, BackupError> {
    // Not called scratch: it may be in the data folder, and who opens that, as the audit does, removes what is.
    let copy = empty_file(scratch, TEMPORARY)?;
    let taken_at = Timestamp::now();
    let taken = taken(Store::copy_of(data_folder, copy.path())?, copy, taken_at, false)?;
    if Store::is_newest_schema(taken.content.schema) {
        match Store::open(data_folder) {
            Ok(store) => {
                let event = vec![audited(&taken.content)];
                store.write(|change| change.audit(&OFFLINE.into(), event))?;
            }
            // Who reads the folder beside a server asks nobody.
            Err(StoreError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(taken)
}

fn audited(content: &BackupContent) -> AuditEvent {
    AuditEvent::new(AuditAction::Started, format!("backup of generation {}", content.generation))
        .with("contacts", None, Some(content.contacts.to_string()))
        .with("taken_at", None, Some(content.taken_at.to_string()))
}

fn taken(
    store: StoreCopy,
    copy: NamedTempFile,
    taken_at: Timestamp,
    is_for_others: bool,
) -> Result<TakenBackup, BackupError> {
    let left_out = if is_for_others { store.leave_out_secrets()? } else { Vec::new() };
    store.check()?;
    let held = store.content()?;
    store.close()?;
    let length = copy.as_file().metadata().map_err(|source| disk(copy.path(), source))?.len();
    let left_out = left_out.into_iter();
    let content = BackupContent {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: held.schema,
        taken_at,
        generation: held.generation,
        contacts: held.contacts,
        phonebooks: held.phonebooks,
        sources: held.sources,
        inbound_routes: held.inbound_routes,
        store_bytes: length,
        left_out_secrets: left_out
            .map(|(source, field)| LeftOutSecret { source, field: field.to_owned() })
            .collect(),
    };
    Ok(TakenBackup { content, copy, _turn: None })
}

fn disk(place: &Path, source: io::Error) -> BackupError {
    BackupError::Disk { place: place.to_owned(), source }
}

/// For nobody but the process's own user.
fn empty_file(folder: &Path, prefix: &str) -> Result<NamedTempFile, BackupError> {
    let made = tempfile::Builder::new().prefix(prefix).tempfile_in(folder);
    made.map_err(|source| disk(folder, source))
}

fn check_room(place: &Path, free: u64, needed: u64) -> Result<(), BackupError> {
    match free < needed {
        true => Err(BackupError::NoRoom { place: place.to_owned(), free, needed }),
        false => Ok(()),
    }
}

/// Checks that a file is a whole backup, byte by byte as it was written; does not look into the store in it.
pub fn check_seal(file: &Path) -> Result<BackupContent, BackupError> {
    read(file, &mut io::sink())
}

/// Reads a backup, and writes the store in it to a new file.
fn extract(file: &Path, to: &Path) -> Result<BackupContent, BackupError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    read(file, &mut options.open(to).map_err(|source| disk(to, source))?)
}

/// What `store` is given is to be believed only when this has succeeded.
fn read(file: &Path, store: &mut impl Write) -> Result<BackupContent, BackupError> {
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
    let (about, opened) = opened.map_err(|source| disk(file, source))?;
    let read = || {
        let mut reader = SealReader::begin(BufReader::new(opened), about.len(), BACKUP)?;
        let json = reader.section()?;
        reader.copy(store)?;
        reader.finish()?;
        serde_json::from_slice(&json).map_err(|error| SealError::Damaged(error.to_string()))
    };
    read().map_err(|problem| BackupError::Unusable { file: file.to_owned(), problem })
}
