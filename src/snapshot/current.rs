//! The one handle through which every call reads the snapshot, and the only place that replaces it.

use std::sync::Arc;

use arc_swap::Guard;
use tokio::sync::watch;

use super::Snapshot;
use super::replaceable::Replaceable;
use crate::generation::Generation;

/// The snapshot that calls are answered from. Reading never waits, and never frees memory.
#[derive(Debug)]
pub struct CurrentSnapshot {
    current: Replaceable<Snapshot>,
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

impl CurrentSnapshot {
    /// Without a snapshot, until the first is published.
    pub fn new() -> std::io::Result<Self> {
        let (published, _) = watch::channel(Generation::NONE);
        Ok(CurrentSnapshot { current: Replaceable::new("free-snapshots")?, published })
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
        self.current.replace(snapshot);
        self.published.send_replace(offered);
        Ok(())
    }

    /// Replaces the snapshot by one of the same generation that differs in what is no part of one: how old the
    /// phonebooks are. Does nothing before the first is published. Serialised by the store, as publishing is.
    pub fn refresh(&self, refreshed: impl FnOnce(&Snapshot) -> Snapshot) {
        let refreshed = self.current.load().as_deref().map(refreshed);
        refreshed.into_iter().for_each(|snapshot| self.current.replace(snapshot));
    }
}
