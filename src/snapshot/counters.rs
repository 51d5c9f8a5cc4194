//! How many calls each route took, and callers of each phonebook made.
//!
//! Not part of what is decided. Snapshots that follow each other share the counters of what they both have, so
//! a call counts with one addition, wherever its snapshot is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::index::PhonebookOrdinal;

/// A number that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a snapshot.
#[derive(Debug, Default)]
pub struct CallCounters {
    /// By the place of the route.
    pub routes: Box<[Counter]>,
    /// By the place of the phonebook.
    pub phonebooks: Box<[Counter]>,
    /// Calls that no route took.
    pub unrouted: Counter,
}

impl CallCounters {
    /// Counts a call: the place of its route, and the phonebooks of the caller.
    pub fn count(&self, route: Option<usize>, phonebooks: impl Iterator<Item = PhonebookOrdinal>) {
        let taken_by = route.map_or(Some(&self.unrouted), |place| self.routes.get(place));
        taken_by.into_iter().for_each(Counter::count);
        phonebooks.filter_map(|phonebook| self.phonebooks.get(phonebook.place())).for_each(Counter::count);
    }
}
