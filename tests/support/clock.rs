//! A clock that tests put forward.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ringroute::clock::Clock;
use tokio::sync::watch;

/// The machine's time, and what was added to it.
#[derive(Debug)]
pub struct MovableClock {
    ahead: watch::Sender<SignedDuration>,
}

impl Default for MovableClock {
    fn default() -> Self {
        MovableClock { ahead: watch::Sender::new(SignedDuration::ZERO) }
    }
}

impl MovableClock {
    pub fn put_forward(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += SignedDuration::try_from(by).unwrap());
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + *self.ahead.borrow()
    }

    fn sleep_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut ahead = self.ahead.subscribe();
            while self.now() < time {
                let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
                let bounded = left.min(Duration::from_secs(3600));
                drop(tokio::time::timeout(bounded, ahead.changed()).await);
            }
        })
    }
}
