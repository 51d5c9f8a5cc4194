//! A clock that goes as long as the system gives this test a processor. On a machine that is busy with something else
//! the server waits as this test does, and nothing is learned of it from how long that takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static TURNS: AtomicU64 = AtomicU64::new(0);
static LONGEST_WAIT: AtomicU64 = AtomicU64::new(0);

/// How long a turn takes when there is a processor for it.
const TURN: Duration = Duration::from_millis(50);

/// Lets it go, until the process ends.
pub(crate) fn start() {
    std::thread::spawn(|| {
        loop {
            let start = Instant::now();
            std::thread::sleep(TURN);
            let waited = (start.elapsed() - TURN.min(start.elapsed())).as_millis();
            LONGEST_WAIT.fetch_max(u64::try_from(waited).unwrap_or(u64::MAX), Ordering::Relaxed);
            TURNS.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// How often it has turned.
pub(crate) fn turns() -> u64 {
    TURNS.load(Ordering::Relaxed)
}

/// The longest time beyond a turn that it had to wait for a processor.
pub(crate) fn longest_wait() -> Duration {
    Duration::from_millis(LONGEST_WAIT.load(Ordering::Relaxed))
}
