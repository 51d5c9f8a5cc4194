//! What a test may ask about what happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::login::Login;
use crate::prelogin::Encrypted;

/// Counters and records of one server.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) connections: AtomicU64,
    pub(crate) open_connections: AtomicU64,
    pub(crate) attentions: AtomicU64,
    pub(crate) running_requests: AtomicU64,
    pub(crate) rows: AtomicU64,
    statements: Mutex<Vec<String>>,
    logins: Mutex<Vec<(Login, Encrypted)>>,
}

/// Longer texts are kept up to here: a test looks at how a statement begins, not at all its rows.
const LONGEST_KEPT: usize = 4096;

impl Statistics {
    pub(crate) fn statement(&self, text: &str) {
        let end =
            (0..=LONGEST_KEPT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        lock(&self.statements).push(text[..end].to_owned());
    }

    pub(crate) fn statements(&self) -> Vec<String> {
        lock(&self.statements).clone()
    }

    pub(crate) fn login(&self, login: &Login, encrypted: Encrypted) {
        lock(&self.logins).push((login.clone(), encrypted));
    }

    pub(crate) fn logins(&self) -> Vec<(Login, Encrypted)> {
        lock(&self.logins).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One more of something, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub(crate) fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
