//! What is being served, as files in the data folder: a start reads them instead of building the index anew, and
//! serves from them alone while the store is damaged.
//!
//! The rules are one small file, contacts and numbers a large one that it names by its checksum, so that an edited
//! route does not write all contacts again. The large one is written first, and an old one removed last: whenever the
//! process is killed, the small file names one that is there whole.
//!
//! Nothing here is on the path of a call. What cannot be read, or was written for another state of the store or by
//! another version of the program, is built from the store as if there were no files.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError};
use crate::access::{TokenDigest, TokenId, TokenRecord};
use crate::background;
use crate::generation::Generation;
use crate::index::{self, ContactIndex};
use crate::phonebook::PhonebookId;
use crate::sealed_file::{Kind, SealError, SealReader, SealWriter, write_whole};
use crate::settings::Settings;
use crate::snapshot::{LastSynced, Snapshot};
use crate::store::{Reading, StoreError};

const RULES_FILE: &str = "ringroute.last-good";
const INDEX_FILE: &str = "ringroute.index-";

const RULES: Kind = Kind { magic: *b"RINGRULE", version: 1, name: "file of a ringroute's last good rules" };
const INDEX: Kind = Kind { magic: *b"RINGINDX", version: 4, name: "file of a ringroute's contacts" };

/// How long after a failure it is written again, though nothing changed.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How long after a change the files are written, so that changes one after another are written once.
const SETTLE: Duration = Duration::from_secs(2);

/// Everything but contacts and numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Rules {
    /// The program that built the index: another one may build it otherwise.
    program: String,
    generation: Generation,
    /// Together with the number, tells a generation from that of another store.
    made_at: Option<Timestamp>,
    /// File of the index, by its checksum.
    index: String,
    /// Without sources, which no call needs, and which have passwords.
    settings: Settings,
    last_synced: Vec<(PhonebookId, LastSynced)>,
    tokens: Vec<KeptToken>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptToken {
    id: i64,
    name: String,
    role: String,
    digest: Vec<u8>,
    created_at: Timestamp,
    created_by: String,
    expires_at: Option<Timestamp>,
}

/// What can be served without the store.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) snapshot: Snapshot,
    pub(super) made_at: Option<Timestamp>,
    pub(super) tokens: Vec<TokenRecord>,
}

/// The files of a data folder.
#[derive(Debug)]
pub(super) struct LastGood {
    folder: PathBuf,
    /// The index that is in a file, and which.
    written: Mutex<Option<(Weak<ContactIndex>, String)>>,
    changed: Notify,
    /// When the generation was made that is served as long as the store is not in service.
    made_at: OnceLock<Timestamp>,
}

impl LastGood {
    pub(super) fn in_folder(folder: &Path) -> Self {
        LastGood {
            folder: folder.to_owned(),
            written: Mutex::default(),
            changed: Notify::new(),
            made_at: OnceLock::new(),
        }
    }

    /// Says that something other than the generation has changed.
    pub(super) fn write_soon(&self) {
        self.changed.notify_one();
    }

    /// What is served of the generation that `reading` sees, if it is there. Phonebooks are as old as `reading` says.
    ///
    /// That every byte is as it was written says that it is what was served, and so verified, before.
    pub(super) fn of_generation(&self, reading: &Reading<'_>) -> Result<Option<Served>, EngineError> {
        let start = Instant::now();
        let (generation, made_at) = (reading.generation()?, reading.generation_made_at()?);
        let rules = match self.rules() {
            Ok(rules) => rules,
            Err(error) => {
                if !error.is_absence() {
                    tracing::warn!(file = RULES_FILE, %error, "not used; building the index from the store");
                }
                return Ok(None);
            }
        };
        let is_same = rules.generation == generation && made_at.is_some() && rules.made_at == made_at;
        if !is_same || rules.program != env!("CARGO_PKG_VERSION") {
            tracing::info!(
                kept = %rules.generation, stored = %generation, by = rules.program,
                "the index that was kept is of another state; building it from the store"
            );
            return Ok(None);
        }
        let index = rules.index.clone();
        match self.served_by(rules) {
            Ok(Served { snapshot, .. }) => {
                let contacts = snapshot.contacts().contact_count();
                tracing::info!(%generation, contacts, took = ?start.elapsed(), "the index was read");
                let snapshot = snapshot.with_last_synced(super::publishing::last_synced(reading)?);
                Ok(Some(Served { snapshot, made_at, tokens: reading.tokens()? }))
            }
            Err(error) => {
                tracing::warn!(file = index, %error, "not used; building the index from the store");
                Ok(None)
            }
        }
    }

    /// All that can be served without the store.
    pub(super) fn served(&self) -> Result<Served, SealError> {
        let served = self.served_by(self.rules()?)?;
        // Another version of the program may have written it.
        let contacts = served.snapshot.contacts();
        index::verify(contacts, contacts.contact_count() as u64, &[])
            .map_err(|error| SealError::Damaged(error.to_string()))?;
        Ok(served)
    }

    fn served_by(&self, rules: Rules) -> Result<Served, SealError> {
        let wrong = |problem: String| SealError::Damaged(problem);
        let contacts = Arc::new(self.index(&rules.index)?);
        self.remember(&contacts, rules.index);
        let snapshot = Snapshot::of_stored(rules.generation, contacts, &rules.settings);
        let last_synced: std::collections::HashMap<_, _> = rules.last_synced.into_iter().collect();
        let snapshot = snapshot
            .with_last_synced(|phonebook| last_synced.get(&phonebook).copied().unwrap_or(LastSynced::Never));
        let tokens = rules.tokens.into_iter().map(TokenRecord::try_from).collect::<Result<_, _>>();
        Ok(Served { snapshot, made_at: rules.made_at, tokens: tokens.map_err(wrong)? })
    }

    /// Whether anything was ever served from this folder.
    pub(super) fn is_there(&self) -> bool {
        self.folder.join(RULES_FILE).exists()
    }

    /// That there is no store, and was one.
    pub(super) fn store_is_gone(&self) -> StoreError {
        let detail =
            format!("it is missing or empty, and was not before; to begin anew, remove {RULES_FILE} too");
        StoreError::Damaged { file: self.folder.join("ringroute.db"), detail }
    }

    /// When the generation was made that is served without the store.
    pub(super) fn made_at(&self) -> Option<Timestamp> {
        self.made_at.get().copied()
    }

    /// Says so, at the start.
    pub(super) fn serves_since(&self, made_at: Option<Timestamp>) {
        made_at.into_iter().for_each(|made_at| _ = self.made_at.set(made_at));
    }

    fn rules(&self) -> Result<Rules, SealError> {
        let (mut file, length) = open(&self.folder.join(RULES_FILE))?;
        let mut reader = SealReader::begin(&mut file, length, RULES)?;
        let json = reader.section()?;
        reader.finish()?;
        serde_json::from_slice(&json).map_err(|error| SealError::Damaged(error.to_string()))
    }

    fn index(&self, name: &str) -> Result<ContactIndex, SealError> {
        let (file, length) = open(&self.folder.join(format!("{INDEX_FILE}{name}")))?;
        ContactIndex::read_from(SealReader::begin(file, length, INDEX)?)
    }

    fn remember(&self, contacts: &Arc<ContactIndex>, name: String) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        *written = Some((Arc::downgrade(contacts), name));
    }

    /// The file that has these contacts; writes it if there is none yet.
    fn write_index(&self, contacts: &Arc<ContactIndex>) -> io::Result<String> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((known, name)) = written
            && std::ptr::eq(known.as_ptr(), Arc::as_ptr(contacts))
            && self.folder.join(format!("{INDEX_FILE}{name}")).exists()
        {
            return Ok(name);
        }
        // Named by its checksum, which is known when all of it is written; until then by a name that no rules have.
        let mut file = tempfile::Builder::new().prefix(INDEX_FILE).tempfile_in(&self.folder)?;
        let mut writer = SealWriter::begin(io::BufWriter::new(file.as_file_mut()), INDEX)?;
        contacts.write_to(&mut writer)?;
        let (_, checksum) = writer.finish()?;
        file.as_file().sync_all()?;
        let name = checksum.to_hex()[..16].to_owned();
        file.persist(self.folder.join(format!("{INDEX_FILE}{name}")))?;
        self.remember(contacts, name.clone());
        Ok(name)
    }

    fn write(&self, contacts: &Arc<ContactIndex>, rules: Rules) -> io::Result<()> {
        let index = self.write_index(contacts)?;
        let json = serde_json::to_vec(&Rules { index: index.clone(), ..rules })?;
        write_whole::<_, io::Error>(&self.folder.join(RULES_FILE), |file| {
            let mut writer = SealWriter::begin(file, RULES)?;
            writer.section(&json)?;
            writer.finish().map(drop)
        })?;
        self.remove_all_but(&index)
    }

    /// Removes the indexes that no start will read: those of before, and what a killed process left. Whatever else is
    /// there may be somebody's who is writing it.
    fn remove_all_but(&self, index: &str) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.strip_prefix(INDEX_FILE).is_some_and(|of| of != index) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<(BufReader<File>, u64), SealError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((BufReader::new(file), length))
}

impl From<TokenRecord> for KeptToken {
    fn from(token: TokenRecord) -> Self {
        KeptToken {
            id: token.id.0,
            name: token.name,
            role: token.role.name().to_owned(),
            digest: token.digest.as_bytes().to_vec(),
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
        }
    }
}

impl TryFrom<KeptToken> for TokenRecord {
    type Error = String;

    fn try_from(token: KeptToken) -> Result<Self, String> {
        Ok(TokenRecord {
            id: TokenId(token.id),
            digest: TokenDigest::from_bytes(&token.digest).ok_or("a token has no digest")?,
            role: token.role.parse()?,
            name: token.name,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
            last_used_at: None,
        })
    }
}

impl Engine {
    /// Writes what is being served into the data folder. Does nothing while another generation is being published,
    /// or none is served yet. Blocks: not for the path of a call.
    pub fn write_last_good(&self) -> Result<(), EngineError> {
        let Some(snapshot) = self.snapshot().as_ref().cloned() else { return Ok(()) };
        self.store.wait_for_check();
        if self.store_out_of_service().is_some() {
            // They are where it comes from, or what cannot be written either.
            return Ok(());
        }
        let rules = self.store.read(|reading| {
            if reading.generation()? != snapshot.generation() {
                return Ok::<_, EngineError>(None);
            }
            let phonebooks = snapshot.contacts().phonebooks().iter();
            let last_synced = super::publishing::last_synced(reading)?;
            Ok(Some(Rules {
                program: env!("CARGO_PKG_VERSION").to_owned(),
                generation: snapshot.generation(),
                made_at: reading.generation_made_at()?,
                index: String::new(),
                settings: Settings { sources: Vec::new(), ..reading.settings()? },
                last_synced: phonebooks.map(|phonebook| (phonebook.id, last_synced(phonebook.id))).collect(),
                tokens: reading.tokens()?.into_iter().map(KeptToken::from).collect(),
            }))
        })?;
        let Some(rules) = rules else { return Ok(()) };
        let written = self.last_good.write(&snapshot.shared_contacts(), rules);
        let cannot = |source| StoreError::Folder { folder: self.data_folder.clone(), source };
        Ok(written.map_err(cannot)?)
    }
}

/// Writes what is being served into the data folder whenever it has changed, until `stop`, and once more then.
pub async fn keep_last_good(engine: Arc<Engine>, stop: CancellationToken) {
    let mut published = engine.published();
    // What was published by the start is perhaps in no file.
    published.mark_changed();
    let mut is_to_be_tried_again = false;
    loop {
        let change = async {
            tokio::select! {
                // The engine is there as long as this is.
                _ = published.changed() => {}
                () = engine.last_good.changed.notified() => {}
                () = tokio::time::sleep(TRIED_AGAIN_AFTER), if is_to_be_tried_again => {}
            }
        };
        let stopped = stop.run_until_cancelled(change).await.is_none()
            || tokio::time::timeout(SETTLE, stop.cancelled()).await.is_ok();
        published.borrow_and_update();
        let writing = Arc::clone(&engine);
        let written = background::blocking(move || writing.write_last_good()).await;
        is_to_be_tried_again = written.is_err();
        if let Err(error) = written {
            tracing::warn!(
                %error,
                "what is being served could not be written, and is tried again: without it the next start takes longer, \
                 and should the store be damaged then, calls are answered as before this change"
            );
        }
        if stopped {
            return;
        }
    }
}
