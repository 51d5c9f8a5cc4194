//! The client's wish to stop, between the task that hears it and the thread that works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::InterruptHandle;
use tokio::sync::Notify;

/// One connection's.
#[derive(Default)]
pub(crate) struct Attention {
    asked: AtomicU64,
    answered: AtomicU64,
    gone: AtomicBool,
    changed: Notify,
    statement: Mutex<Option<InterruptHandle>>,
}

impl std::fmt::Debug for Attention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attention").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Attention {
    /// The client wants the request to stop.
    pub(crate) fn ask(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.interrupt();
        self.changed.notify_one();
    }

    /// The client has closed its side.
    pub(crate) fn client_gone(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.interrupt();
        self.changed.notify_one();
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > self.answered.load(Ordering::SeqCst)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Whether the work should end.
    pub(crate) fn should_stop(&self) -> bool {
        self.is_pending() || self.is_gone()
    }

    /// The client has been told that the request stopped.
    pub(crate) fn answered(&self) {
        self.answered.store(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Until the client wants to stop, or is gone.
    pub(crate) async fn wanted(&self) {
        while !self.should_stop() {
            self.changed.notified().await;
        }
    }

    /// The statement that an attention interrupts.
    pub(crate) fn watch(&self, handle: Option<InterruptHandle>) {
        *self.statement.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    fn interrupt(&self) {
        if let Some(handle) = &*self.statement.lock().unwrap_or_else(PoisonError::into_inner) {
            handle.interrupt();
        }
    }
}
