//! Is all well, and if not, what is to be done? One assessment for every door: `ringroute status`, the console, the
//! metrics.

mod assess;

use std::path::Path;
use std::sync::{Arc, Weak};

use jiff::Timestamp;

use super::{Engine, EngineError};
use crate::generation::Generation;
use crate::index::{ContactIndex, PhonebookSize};
use crate::routing;
use crate::store::{Reading, StoredSource};
use crate::sync::{Notification, RunId, SyncRun, next_run};

pub use assess::{Health, Warning, WarningKind};

/// How a running Ringroute is.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The version of the program.
    pub version: &'static str,
    /// When the process began.
    pub started_at: Timestamp,
    /// When this was found out.
    pub at: Timestamp,
    /// All in one word.
    pub health: Health,
    /// What is wrong, the worst first.
    pub warnings: Vec<Warning>,
    /// The generation that is being served.
    pub generation: Generation,
    /// When it was made; not known of one that an older version made.
    pub generation_made_at: Option<Timestamp>,
    /// How many contacts are served.
    pub contacts: u64,
    /// How many different numbers they have.
    pub numbers: u64,
    /// How many phonebooks there are.
    pub phonebooks: u64,
    /// How many inbound routes are on.
    pub inbound_routes: u64,
    /// Bytes that contacts and numbers take in memory.
    pub snapshot_bytes: u64,
    /// The sources, in the order of the settings.
    pub sources: Vec<SourceStatus>,
    /// Mails and webhooks that were not sent yet.
    pub pending_notifications: u64,
    /// Room on the disk of the data folder, where the system tells.
    pub disk: Option<DiskSpace>,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Whether it is on.
    pub enabled: bool,
    /// The last run that came to its end by itself, be it a good one or not.
    pub last_run: Option<SyncRun>,
    /// When the contacts were last known to be those of the source.
    pub last_succeeded_at: Option<Timestamp>,
    /// It is on, has a schedule, and two times that it was due have passed since it last succeeded.
    pub is_stale: bool,
    /// When it is due next.
    pub next_run_at: Option<Timestamp>,
    /// The run that is under way.
    pub running: Option<RunId>,
}

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What is free for this process.
    pub free: u64,
    /// What the store takes.
    pub store: u64,
}

/// What is remembered of the size of phonebooks, without keeping their index in memory.
#[derive(Debug, Default)]
pub(super) struct KnownSizes {
    of: Weak<ContactIndex>,
    sizes: Arc<[PhonebookSize]>,
}

/// What this version has against the settings of a generation, though an older one stored them, if anything.
pub(super) type Objection = (Generation, Option<String>);

/// Everything that is read from the store.
struct Stored {
    made_at: Option<Timestamp>,
    sources: Vec<SourceStatus>,
    pending: Vec<Notification>,
    objection: Option<String>,
}

impl Engine {
    /// How all this is at a moment. Reads the store, so it blocks: not for the path of a call.
    pub fn status(&self, at: Timestamp) -> Result<Status, EngineError> {
        self.store.wait_for_check();
        let stored = match self.store_out_of_service() {
            Some(why) => Err(why.clone()),
            None => match self.store.read(|reading| self.stored(reading, at)) {
                Ok(stored) => Ok(stored),
                // It broke while it was in service.
                Err(EngineError::Store(error)) => Err(error.why_out_of_service().ok_or(error)?),
                Err(error) => return Err(error),
            },
        };
        let (stored, out_of_service) = match stored {
            Ok(stored) => (stored, None),
            // What it knows besides is asked for again when it is mended.
            Err(why) => {
                let made_at = self.last_good.made_at();
                (Stored { made_at, sources: Vec::new(), pending: Vec::new(), objection: None }, Some(why))
            }
        };
        let Stored { made_at, sources, pending, objection } = stored;
        let serving = self.snapshot();
        let snapshot = serving.as_ref();
        let disk = self.disk_space();
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started_at,
            at,
            health: Health::Healthy,
            warnings: Vec::new(),
            generation: snapshot.map_or(Generation::NONE, |snapshot| snapshot.generation()),
            generation_made_at: made_at,
            contacts: 0,
            numbers: 0,
            phonebooks: 0,
            inbound_routes: 0,
            snapshot_bytes: 0,
            sources,
            pending_notifications: pending.len() as u64,
            disk,
        };
        let mut routes = Vec::new();
        if let Some(snapshot) = snapshot {
            let contacts = snapshot.contacts();
            let memory = contacts.memory();
            status.contacts = contacts.contact_count() as u64;
            status.numbers = contacts.number_count() as u64;
            status.phonebooks = contacts.phonebooks().len() as u64;
            let is_on = |route: &&crate::snapshot::CompiledRoute| route.settings().enabled;
            status.inbound_routes = snapshot.routes().routes().iter().filter(is_on).count() as u64;
            status.snapshot_bytes = (memory.contacts + memory.numbers) as u64;
            routes = routing::check(snapshot, at);
        }
        status.warnings =
            assess::warnings(&status, out_of_service.as_ref(), objection.as_deref(), &pending, routes);
        status.health = assess::health(&status);
        Ok(status)
    }

    fn stored(&self, reading: &Reading<'_>, at: Timestamp) -> Result<Stored, EngineError> {
        let (due, seed) = (reading.due_runs()?, reading.jitter_seed()?);
        let mut sources = Vec::new();
        for StoredSource { id, settings, last_synced_at } in reading.sources()? {
            let last_succeeded_at: Option<Timestamp> = last_synced_at.and_then(|time| time.parse().ok());
            let schedule = settings.schedule.as_ref().filter(|_| settings.enabled);
            let due_after = |after| next_run(schedule?, &settings.name, seed, after);
            let second = last_succeeded_at.and_then(due_after).and_then(due_after);
            sources.push(SourceStatus {
                last_run: reading.last_ended_run(&settings.name)?,
                last_succeeded_at,
                is_stale: second.is_some_and(|second| second <= at),
                next_run_at: schedule.and_then(|_| due.iter().find(|due| due.source == id)).map(|due| due.at),
                running: self.active_run_of(&settings.name).map(|active| active.id),
                enabled: settings.enabled,
                name: settings.name,
            });
        }
        let pending = reading.pending_notifications()?.into_iter().map(|pending| pending.notification);
        let objection = self.objection(reading)?;
        Ok(Stored { made_at: reading.generation_made_at()?, sources, pending: pending.collect(), objection })
    }

    /// All settings are looked at once for each generation.
    fn objection(&self, reading: &Reading<'_>) -> Result<Option<String>, EngineError> {
        let generation = reading.generation()?;
        let mut known = self.objection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let objection = match known.take().filter(|(of, _)| *of == generation) {
            Some((_, objection)) => objection,
            None => reading.settings()?.validate().err().map(|error| error.to_string()),
        };
        *known = Some((generation, objection.clone()));
        Ok(objection)
    }

    /// The size of each phonebook that is being served, in their order. Worked out once for each index; walks it
    /// then, so it is not for the path of a call.
    #[must_use]
    pub fn phonebook_sizes(&self) -> Vec<(String, PhonebookSize)> {
        let Some(contacts) = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts()) else {
            return Vec::new();
        };
        let mut known = self.sizes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !std::ptr::eq(known.of.as_ptr(), Arc::as_ptr(&contacts)) {
            *known = KnownSizes { of: Arc::downgrade(&contacts), sizes: contacts.phonebook_sizes().into() };
        }
        let names = contacts.phonebooks().iter().map(|phonebook| phonebook.name.to_string());
        names.zip(known.sizes.iter().copied()).collect()
    }

    pub(super) fn disk_space(&self) -> Option<DiskSpace> {
        Some(DiskSpace { free: free_space(&self.data_folder)?, store: self.store.bytes()? })
    }
}

#[cfg(unix)]
pub(super) fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
pub(super) fn free_space(_: &Path) -> Option<u64> {
    None
}
