//! The time, handed in: whoever waits for a time of day asks a [`Clock`], so that tests decide what time it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time, and waits for it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Returns at `time`, or before: whoever waits looks at the time again.
    fn sleep_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Longest sleep: timers stand still while a machine is suspended, and its clock may be put right.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
        Box::pin(tokio::time::sleep(left.min(LONGEST_SLEEP)))
    }
}
