//! Turns at reading: many sources may be due at the same moment, and only so many are read at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many sources are read at once. Each keeps all cores busy, and remembers a digest of each of its contacts while it
/// is read; a few at once hide the time that servers take to answer, more would only take longer each.
const READ_AT_ONCE: usize = 4;

/// How long a turn lasts at most. Half a million contacts take a fraction of it; whoever needs longer is held up by its
/// server, and goes on reading while the next one begins.
const LONGEST_TURN: Duration = Duration::from_secs(5 * 60);

/// Who may read.
#[derive(Debug)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    longest: Duration,
}

/// The right to read.
#[derive(Debug)]
pub(super) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    longest: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Turns { free: Arc::new(Semaphore::new(READ_AT_ONCE)), longest: LONGEST_TURN }
    }
}

impl Turns {
    /// A turn, if one is free now.
    pub(super) fn try_take(&self) -> Option<Turn> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Turn { permit: Some(permit), longest: self.longest })
    }

    /// A turn, as soon as one is free; first come, first served.
    pub(super) async fn take(&self) -> Turn {
        // The semaphore is never closed.
        Turn { permit: Arc::clone(&self.free).acquire_owned().await.ok(), longest: self.longest }
    }
}

impl Turn {
    /// Does the work, and gives the turn back when it is done or the turn has lasted long enough.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let Turn { permit, longest } = self;
        let mut work = std::pin::pin!(work);
        tokio::select! {
            // First: what is done at once needs no turn to end.
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(longest) => {}
        }
        drop(permit);
        work.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_so_many_have_a_turn_and_the_next_begins_when_one_is_done() {
        let turns = Turns { free: Arc::new(Semaphore::new(2)), longest: LONGEST_TURN };
        let first = turns.try_take().unwrap();
        let _second = turns.try_take().unwrap();
        assert!(turns.try_take().is_none());
        first.during(async {}).await;
        turns.take().await.during(async {}).await;
    }

    #[tokio::test]
    async fn whoever_takes_for_ever_holds_up_nobody_for_ever() {
        let turns = Turns { free: Arc::new(Semaphore::new(1)), longest: Duration::ZERO };
        let endless = turns.try_take().unwrap();
        let endless = tokio::spawn(endless.during(std::future::pending::<()>()));
        turns.take().await.during(async {}).await;
        assert!(!endless.is_finished(), "it goes on");
        endless.abort();
    }
}
