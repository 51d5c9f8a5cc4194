//! What each thread that answers calls has its own of, so that none waits for a line of cache that another has.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// So many threads have a share of their own; more of them share.
pub(super) const SHARES: usize = 16;

/// Counts up the threads that have one.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which share is this thread's.
    static SHARE: usize = THREADS.fetch_add(1, Relaxed) % SHARES;
}

/// One for each thread. Threads may come to share one, so it has to bear that.
#[derive(Debug, Default)]
pub(super) struct Shares<T>([Share<T>; SHARES]);

/// On lines of cache of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Share<T>(T);

impl<T> Shares<T> {
    /// One for each thread.
    pub(super) fn made_by(mut make: impl FnMut() -> T) -> Self {
        Shares(std::array::from_fn(|_| Share(make())))
    }

    /// That of the thread that asks.
    pub(super) fn own(&self) -> &T {
        &self.0[SHARE.with(|share| *share)].0
    }

    /// Those of all threads.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|share| &share.0)
    }
}
