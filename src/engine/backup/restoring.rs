//! A backup takes the place of a store: proven first, then replaced as a whole.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use super::{BackupContent, BackupError, LeftOutSecret, check_room, disk, extract};
use crate::audit::{AuditAction, AuditEvent};
use crate::engine::status::free_space;
use crate::engine::tokens::OFFLINE;
use crate::engine::{Engine, EngineError, is_same_name};
use crate::generation::Generation;
use crate::secret::{STORED, Secret};
use crate::settings::{Connection, Settings, SourceSettings};
use crate::store::{ClaimedFolder, RemovedSources, SCRATCH, Store, StoreCopy, StoreError, StoredSource};

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What was in the backup.
    pub content: BackupContent,
    /// The generation that the next start serves: after that of the backup, and after that of the store of before.
    pub generation: Generation,
    /// Where the store of before is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// Passwords that were typed in, and are neither in the backup nor in the store of before.
    pub missing_secrets: Vec<LeftOutSecret>,
}

/// Checks a backup as far as a start would: every byte as it was written, the store in it sound, and an index built of
/// it that answers. Nothing is changed; the store is for a while in the folder for temporary files.
pub fn verify_backup(file: &Path) -> Result<BackupContent, BackupError> {
    let scratch = TempDir::with_prefix(SCRATCH).map_err(|source| disk(&std::env::temp_dir(), source))?;
    let content = extract(file, &scratch.path().join("ringroute.db"))?;
    prove(file, scratch.path())?;
    Ok(content)
}

/// Puts a backup in the place of the store of a data folder that no server has open. Whole, or not at all: nothing is
/// touched before the backup has proven that it can be served, and what was begun then is finished by the next start if
/// this process is killed. The store of before is kept.
pub fn restore(file: &Path, data_folder: &Path) -> Result<Restored, BackupError> {
    let claimed = ClaimedFolder::claim(data_folder)?;
    let length = std::fs::metadata(file).map_err(|source| disk(file, source))?.len();
    if let Some(free) = free_space(data_folder) {
        check_room(data_folder, free, length)?;
    }
    let scratch =
        TempDir::with_prefix_in(SCRATCH, data_folder).map_err(|source| disk(data_folder, source))?;
    let store = scratch.path().join("ringroute.db");
    let content = extract(file, &store)?;
    let (generation, missing_secrets) = prepare(file, scratch.path(), &content, claimed.present())?;
    prove(file, scratch.path())?;
    let log = scratch.path().join("ringroute.db-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        // Closing the store has written it into the store; were it not so, the one file would not be all.
        return Err(disk(&log, std::io::Error::other("the store could not be closed")));
    }
    let kept = claimed.replace_store(&store, Timestamp::now())?;
    Ok(Restored { content, generation, kept, missing_secrets })
}

/// What a start does, in a folder of its own.
fn prove(file: &Path, folder: &Path) -> Result<(), BackupError> {
    let copy = StoreCopy::open(&folder.join("ringroute.db")).map_err(|error| explained(file, error))?;
    copy.check().and_then(|()| copy.close()).map_err(|error| explained(file, error))?;
    Engine::open(folder).map(drop).map_err(|error| match error {
        EngineError::Store(error) => explained(file, error),
        error => BackupError::Content { file: file.to_owned(), detail: error.to_string() },
    })
}

/// Errors are about the backup, wherever its store is at the moment.
fn explained(file: &Path, error: StoreError) -> BackupError {
    let file = file.to_owned();
    match (error.damage(), error) {
        (_, StoreError::NewerSchema { found, known, .. }) => BackupError::Newer { file, found, known },
        (Some(detail), _) | (None, StoreError::Unreadable(detail)) => BackupError::Content { file, detail },
        (None, error) => error.into(),
    }
}

/// Makes the store of a backup the next one of this data folder.
fn prepare(
    file: &Path,
    folder: &Path,
    content: &BackupContent,
    before: Option<(Generation, Vec<StoredSource>)>,
) -> Result<(Generation, Vec<LeftOutSecret>), BackupError> {
    let store = Store::open(folder).map_err(|error| explained(file, error))?;
    let (replaced, sources) = before.unwrap_or((Generation::NONE, Vec::new()));
    let before = (replaced != Generation::NONE).then(|| format!("generation {replaced}"));
    let after = format!("backup of generation {} taken at {}", content.generation, content.taken_at);
    let event = AuditEvent::new(AuditAction::Changed, "the store").with("restored", before, Some(after));
    store
        .write(|change| {
            let mut settings = change.settings()?;
            if take_typed_in_secrets(&mut settings, &sources) {
                change.save_settings(&settings, RemovedSources::Refuse)?;
            }
            let generation = change.begin_anew(replaced)?;
            change.audit(&OFFLINE.into(), vec![event])?;
            Ok::<_, StoreError>((generation, missing(&settings)))
        })
        .map_err(|error| explained(file, error))
}

/// Takes passwords that the backup does not have from the store of before, by the rule by which an edit takes them:
/// for the same server, login and check of its certificate only. Says whether there were any.
fn take_typed_in_secrets(settings: &mut Settings, before: &[StoredSource]) -> bool {
    let mut is_changed = false;
    for source in &mut settings.sources {
        let mut filled = source.clone();
        if !ask_for_missing(&mut filled) {
            continue;
        }
        let known = before.iter().find(|known| is_same_name(&known.settings.name, &source.name));
        let taken = filled.take_secrets_of(known.map(|known| &known.settings));
        if taken.is_ok() && filled != *source {
            *source = filled;
            is_changed = true;
        }
    }
    is_changed
}

/// Writes `stored:` where a secret is missing, and says whether one is.
fn ask_for_missing(source: &mut SourceSettings) -> bool {
    let Connection::SqlServer(connection) = &mut source.connection else { return false };
    let mut is_missing = false;
    for secret in [&mut connection.connection_string, &mut connection.password].into_iter().flatten() {
        if secret.is_missing() {
            *secret = Secret::new(STORED);
            is_missing = true;
        }
    }
    is_missing
}

fn missing(settings: &Settings) -> Vec<LeftOutSecret> {
    let mut missing = Vec::new();
    for source in &settings.sources {
        let secrets = source.connection.secrets().into_iter().filter(|(_, secret)| secret.is_missing());
        missing.extend(
            secrets.map(|(field, _)| LeftOutSecret { source: source.name.clone(), field: field.to_owned() }),
        );
    }
    missing
}
