//! Wires the rooms together: what every door (gRPC, console, command line) calls.
//!
//! Four things happen here, and each is whole or not at all:
//!
//! * a **sync run** ([`Engine::start_sync`]): read and plan outside of any lock; then, in one transaction,
//!   write the plan, build the next index from what was written, verify it; then commit, then publish.
//!   Building before the commit means that a generation that cannot be served is never stored;
//! * an **edit** of the settings ([`Editor::edit`]): validated, compiled into a snapshot that shares the
//!   contact index, committed, published;
//! * an **edit of contacts** made by hand ([`Editor::create_contact`]): checked like the rows of a source, and
//!   put into the index that is being served;
//! * a **call** ([`Engine::snapshot`]): one load of the current snapshot; no lock, no I/O.
//!
//! Commits are published in their order, because the store's writer is held until the snapshot is out.

mod accounts;
mod activity;
mod assembly;
mod backup;
mod beginning;
mod call_history;
mod checking;
mod contacts;
mod decisions;
mod directory;
mod editing;
mod last_digits;
mod last_good;
mod look_ups;
mod notifying;
mod parts;
mod permitting;
mod previewing;
mod publishing;
mod quality;
mod rolling_back;
mod scheduling;
mod searching;
mod shares;
mod status;
mod syncing;
#[cfg(test)]
mod tests;
mod tokens;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arc_swap::Guard;
use dashmap::DashMap;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::access::Tokens;
use crate::directory::DirectoryError;
use crate::generation::Generation;
use crate::index::{IndexError, VerifyError};
use crate::settings::DocumentError;
use crate::snapshot::{CurrentSnapshot, RouteError, Snapshot};
use crate::source::SourceError;
use crate::store::{Opening, OutOfService, Reading, Store, StoreError};
use crate::sync::{FieldProblem, RunId, SyncError};

use beginning::Beginning;

pub use accounts::{
    MAX_SESSION_DAYS, MAX_SESSION_IDLE_HOURS, MAX_USERS, OfflineUsers, SessionKey, SignInError, SignedIn,
    User, generated_password,
};
pub use activity::{Activity, MAX_NAMES, OTHERS, SourceActivity};
pub use backup::{
    BackupContent, BackupError, LeftOutSecret, Restored, TakenBackup, check_seal, restore,
    take_backup_of_folder, verify_backup,
};
pub use call_history::{CallCounts, CallMinute, KEPT_MINUTES, keep_call_history};
pub use contacts::{
    ContactEntry, DEFAULT_MAX_REJECTED_PERCENT, FilePart, ImportColumn, ImportOptions, ImportProblem,
    Imported, MAX_IMPORT_BYTES, MAX_IMPORT_PROBLEMS, NumberRoute, contact_etag,
};
pub use decisions::{Counts, DecidedCaller, Decision, KEPT_DECISIONS};
pub use directory::{DirectoryContact, DirectoryPage, DirectoryParts, Looked};
pub use editing::{Applied, Edited, Editor, RoutingParts, etag, is_same_name, take_secrets};
pub use last_digits::{CollidingContact, LastDigitsCollision, LastDigitsCount, MAX_COLLIDING_CONTACTS};
pub use last_good::keep_last_good;
pub use look_ups::{DURATION_CLASSES, Durations, LookUpKind, LookUpOutcome, LookUps, duration_bound};
pub use notifying::RunNews;
pub use quality::{
    ForeignPosition, MAX_NAMED_CONTACTS, QualityContact, QualityFinding, QualityPosition, QualityReport,
};
pub use rolling_back::PlannedRollback;
pub use scheduling::Scheduling;
pub use searching::{ContactPage, ContactSearch};
pub use status::{DiskSpace, Health, SourceStatus, Status, Warning, WarningKind};
pub use syncing::{ActiveRun, StartedRun};
pub use tokens::{OfflineTokens, USES_WRITTEN_EVERY};

/// A running Ringroute, without its doors.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    data_folder: PathBuf,
    current: CurrentSnapshot,
    decisions: decisions::Decisions,
    search: searching::Search,
    tokens: Arc<Tokens>,
    accounts: accounts::Accounts,
    look_ups: LookUps,
    call_history: call_history::CallHistory,
    activity: Activity,
    sizes: Mutex<status::KnownSizes>,
    objection: Mutex<Option<status::Objection>>,
    started_at: Timestamp,
    /// Runs under way, by the folded name of their source.
    active: DashMap<String, Arc<ActiveRun>>,
    /// Held while a run is being started, so that a source never has two.
    starting: tokio::sync::Mutex<()>,
    /// Which of them are read.
    turns: turns::Turns,
    /// One, as a backup takes the room of the store.
    backups: Arc<Semaphore>,
    last_good: last_good::LastGood,
    /// How many runs have ended since the start.
    runs_ended: watch::Sender<u64>,
}

/// Why the engine could not do what it was asked, and the remedy.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say all there is to say")]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Settings(#[from] DocumentError),
    #[error("source {name:?}, {error}")]
    Source { name: String, error: SourceError },
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("there is no {what} {name:?}")]
    NotFound { what: &'static str, name: String },
    #[error("there is {} {name:?} already", with_article(what))]
    AlreadyExists { what: &'static str, name: String },
    #[error("{what} {name:?} was changed by somebody else since you read it: read it again, then change it")]
    ChangedMeanwhile { what: &'static str, name: String },
    #[error("{what} {name:?} is used by {}: change that first", all_of(users))]
    InUse { what: &'static str, name: String, users: Vec<String> },
    #[error("{}", tell(problems))]
    BadContact { problems: Vec<FieldProblem> },
    #[error("{field}: {problem}")]
    BadRequest { field: String, problem: String },
    #[error("source {name:?} is being synchronised (run {run}): wait for it, or cancel it")]
    SyncRunning { name: String, run: RunId },
    #[error("source {name:?} is off: turn it on (enabled = true) before synchronising it")]
    SourceIsOff { name: String },
    #[error("the system gives no random numbers, so no secret can be made; its log may say why")]
    NoRandomNumbers,
}

/// A kind of thing as a sentence has it: `a trunk`, `an extension`.
pub(crate) fn with_article(what: &str) -> String {
    // Nothing but a user begins with a u here, which is spoken as in `you`.
    format!("{} {what}", if what.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" })
}

fn tell(problems: &[FieldProblem]) -> String {
    let told: Vec<_> =
        problems.iter().map(|FieldProblem { field, problem }| format!("{field}: {problem}")).collect();
    told.join("; ")
}

/// The first ones by name, and how many more there are.
fn all_of(names: &[String]) -> String {
    const NAMED: usize = 5;
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Run on a thread where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

impl Engine {
    /// Opens the data folder, and serves the last committed generation at once: no source is needed.
    ///
    /// When the store is damaged, or cannot be read or written, the last good generation is served, from the store if it
    /// can be read, else from its own files. Nothing can be changed until that is mended and the engine opened again.
    pub fn open(data_folder: &Path) -> Result<Arc<Self>, EngineError> {
        let last_good = last_good::LastGood::in_folder(data_folder);
        let opened = match last_good.is_there() && !Store::is_in(data_folder) {
            true => Err(last_good.store_is_gone().into()),
            false => Self::open_store(data_folder),
        };
        match opened {
            Err(EngineError::Store(error)) => match error.why_out_of_service() {
                Some(why) => Self::stand_in(data_folder, error, why),
                None => Err(error.into()),
            },
            opened => opened,
        }
    }

    /// What is served is read from its own files, if they are of the state that is stored; then the store is checked
    /// while calls are answered. Else that is done before, and the index is built from the store.
    fn open_store(data_folder: &Path) -> Result<Arc<Self>, EngineError> {
        let opening = Opening::begin(data_folder)?;
        let last_good = last_good::LastGood::in_folder(data_folder);
        let begun = opening.peek(|reading| Beginning::kept(reading, &last_good));
        let (store, beginning) = match begun {
            Ok(Some(Some(beginning))) => (opening.check_in_background(), beginning),
            // Whatever is wrong, the check finds it out, or building the index does.
            _ => {
                let store = opening.check()?;
                let beginning = store.read(Beginning::built)?;
                (store, beginning)
            }
        };
        Self::begun(data_folder, last_good, store, beginning)
    }

    /// Serves without a store that could be changed.
    fn stand_in(data_folder: &Path, error: StoreError, why: OutOfService) -> Result<Arc<Self>, EngineError> {
        let last_good = last_good::LastGood::in_folder(data_folder);
        let (store, found) = match &why {
            OutOfService::Damaged(_) if !last_good.is_there() => return Err(error.into()),
            OutOfService::Damaged(_) => (Store::out_of_service(data_folder, why)?, None),
            OutOfService::NotReady(_) => Opening::begin(data_folder)?.out_of_service(why, Beginning::built),
        };
        let beginning = match found {
            Some(beginning) => beginning,
            None => match last_good.served() {
                Ok(served) => served.into(),
                Err(unusable) => {
                    tracing::error!(error = %unusable, "the last good generation cannot be served either");
                    return Err(error.into());
                }
            },
        };
        let engine = Self::begun(data_folder, last_good, store, beginning)?;
        tracing::error!(
            %error, generation = %engine.generation(),
            "the store cannot be used: calls are answered from the last good generation, and nothing can be changed"
        );
        Ok(engine)
    }

    fn begun(
        data_folder: &Path,
        last_good: last_good::LastGood,
        store: Store,
        beginning: Beginning,
    ) -> Result<Arc<Self>, EngineError> {
        let current = CurrentSnapshot::new()
            .map_err(|source| StoreError::Folder { folder: data_folder.to_owned(), source })?;
        let Beginning { snapshot, made_at, tokens, accounts } = beginning;
        last_good.serves_since(made_at);
        let engine = Engine {
            store,
            accounts,
            data_folder: data_folder.to_owned(),
            current,
            decisions: decisions::Decisions::new(),
            search: searching::Search::default(),
            tokens: Arc::default(),
            look_ups: LookUps::default(),
            call_history: call_history::CallHistory::default(),
            activity: Activity::default(),
            sizes: Mutex::default(),
            objection: Mutex::default(),
            started_at: Timestamp::now(),
            active: DashMap::new(),
            starting: tokio::sync::Mutex::new(()),
            turns: turns::Turns::default(),
            backups: Arc::new(Semaphore::new(1)),
            last_good,
            runs_ended: watch::Sender::new(0),
        };
        engine.tokens.replace(&tokens);
        snapshot.into_iter().for_each(|snapshot| engine.publish(snapshot));
        Ok(Arc::new(engine))
    }

    /// Ends what a start may have left under way, for a process that ends.
    pub fn give_up_start(&self) {
        self.store.give_up_check();
    }

    /// Why the store is out of service, if it is; while it is being checked, nothing is known yet.
    #[must_use]
    pub fn store_out_of_service(&self) -> Option<&OutOfService> {
        self.store.why_out_of_service()
    }

    /// The snapshot to answer one call from; `None` before the first commit of a new data folder.
    pub fn snapshot(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.current.load()
    }

    /// The generation that is being served.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.snapshot().as_ref().map_or(Generation::NONE, |snapshot| snapshot.generation())
    }

    /// The generation that is being served, now and from now on.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Generation> {
        self.current.published()
    }

    /// How many look-ups were answered; whoever answers one counts it here.
    #[must_use]
    pub fn look_ups(&self) -> &LookUps {
        &self.look_ups
    }

    /// What the process has done beside that.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// When the process began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Reads one state of the store. Blocks: not for the path of a call.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store.read(read)
    }
}
