//! The one handle through which every call reads the snapshot, and the only place that replaces it.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::watch;

use super::Snapshot;
use crate::generation::Generation;

/// The snapshot that calls are answered from. Reading never waits, and never frees memory: replaced
/// snapshots go to a thread of their own, which frees each once the last call has let go of it.
#[derive(Debug)]
pub struct CurrentSnapshot {
    current: ArcSwapOption<Snapshot>,
    replaced: mpsc::Sender<Arc<Snapshot>>,
    published: watch::Sender<Generation>,
}

/// A snapshot that is not newer than the one being served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("generation {offered} is not newer than generation {serving}, which is being served")]
pub struct StaleSnapshot {
    /// The one refused.
    pub offered: Generation,
    /// The one that goes on serving.
    pub serving: Generation,
}

/// How often the freeing thread looks whether calls have let go of a snapshot.
const LET_GO_CHECK: Duration = Duration::from_millis(10);

impl CurrentSnapshot {
    /// Without a snapshot, until the first is published.
    pub fn new() -> std::io::Result<Self> {
        let (replaced, to_free) = mpsc::channel::<Arc<Snapshot>>();
        thread::Builder::new().name("free-snapshots".into()).spawn(move || {
            for mut snapshot in to_free {
                while let Err(still_used) = Arc::try_unwrap(snapshot) {
                    thread::sleep(LET_GO_CHECK);
                    snapshot = still_used;
                }
            }
        })?;
        let (published, _) = watch::channel(Generation::NONE);
        Ok(CurrentSnapshot { current: ArcSwapOption::empty(), replaced, published })
    }

    /// The snapshot to answer one call from; `None` before the first is published.
    pub fn load(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.current.load()
    }

    /// The generation that is being served, now and from now on; [`Generation::NONE`] before the first. For
    /// those who follow what is published; a call needs only [`Self::load`].
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Generation> {
        self.published.subscribe()
    }

    /// Replaces the snapshot at once, for every call that begins after this. Only ever forward.
    pub fn publish(&self, snapshot: Snapshot) -> Result<(), StaleSnapshot> {
        // Publishing is serialised by the store's commit; this check holds even if it were not.
        let offered = snapshot.generation();
        if let Some(serving) = self.current.load().as_ref().map(|serving| serving.generation())
            && offered <= serving
        {
            return Err(StaleSnapshot { offered, serving });
        }
        if let Some(replaced) = self.current.swap(Some(Arc::new(snapshot))) {
            // The thread lives as long as this handle; were it gone, the snapshot would be freed here.
            drop(self.replaced.send(replaced));
        }
        self.published.send_replace(offered);
        Ok(())
    }

    /// Replaces the snapshot by one of the same generation that differs in what is no part of one: how old the
    /// phonebooks are. Does nothing before the first is published. Serialised by the store, as publishing is.
    pub fn refresh(&self, refreshed: impl FnOnce(&Snapshot) -> Snapshot) {
        let serving = self.current.load_full();
        let Some(snapshot) = serving.as_deref().map(refreshed) else { return };
        if let Some(replaced) = self.current.swap(Some(Arc::new(snapshot))) {
            drop(serving);
            drop(self.replaced.send(replaced));
        }
    }
}
