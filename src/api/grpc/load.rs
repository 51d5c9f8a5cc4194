//! How much is asked for at once, and what gives way when it is too much.
//!
//! Counters, not queues: what is beyond a bound is refused at once with RESOURCE_EXHAUSTED, so that a call handler can
//! take its own default while the phone still rings. Administrative work gives way first: when calls wait to be
//! begun, it is refused until they no longer do. Whether the server is healthy is always answered, within a bound of
//! its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::Status;

use super::status;
use crate::access::Permission;
use crate::config::BoundsConfig;

/// Most requests about health at once: everybody may ask, so they have a bound of their own.
const MAX_HEALTH_REQUESTS: usize = 256;

/// Administrative work is refused while so many calls wait, at least: this many are answered within milliseconds.
const MANY_WAITING_CALLS: usize = 256;

/// What is under way.
#[derive(Debug)]
pub(super) struct Load {
    bounds: BoundsConfig,
    calls: Counter,
    /// Of these, the ones that are not answered yet; open streams are not among them.
    waiting_calls: Counter,
    administrative: Counter,
    health: Counter,
}

type Counter = Arc<AtomicUsize>;

/// One of those that are counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Counter);

impl Counted {
    /// `None` when there are as many as there may be.
    fn take(counter: &Counter, most: usize) -> Option<Self> {
        // Added first: two that come at once never both take the last place.
        if counter.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Counted(Arc::clone(counter)));
        }
        counter.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that was taken on.
#[derive(Debug)]
pub(super) struct TakenOn {
    /// Until the answer has been sent.
    pub(super) open: Counted,
    /// Until it begins to be sent; only for calls.
    pub(super) waiting: Option<Counted>,
}

impl Load {
    pub(super) fn new(bounds: BoundsConfig) -> Self {
        let [calls, waiting_calls, administrative, health] = [(); 4].map(|()| Counter::default());
        Load { bounds, calls, waiting_calls, administrative, health }
    }

    /// Takes a request on, or says why not.
    pub(super) fn take_on(&self, permission: Permission) -> Result<TakenOn, Status> {
        let take = |counter, most| Counted::take(counter, most).ok_or_else(|| status::too_much(most));
        match permission {
            Permission::Call => {
                let open = take(&self.calls, self.bounds.calls)?;
                let waiting = take(&self.waiting_calls, usize::MAX)?;
                Ok(TakenOn { open, waiting: Some(waiting) })
            }
            Permission::Open => Ok(TakenOn { open: take(&self.health, MAX_HEALTH_REQUESTS)?, waiting: None }),
            Permission::Known
            | Permission::Directory
            | Permission::Read
            | Permission::Sync
            | Permission::Change
            | Permission::Access => {
                let many = MANY_WAITING_CALLS.min(self.bounds.calls / 2).max(1);
                if self.waiting_calls.load(Ordering::Relaxed) >= many {
                    return Err(status::calls_first());
                }
                let open = take(&self.administrative, self.bounds.administrative_requests)?;
                Ok(TakenOn { open, waiting: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn load(calls: usize, administrative_requests: usize) -> Load {
        Load::new(BoundsConfig { calls, administrative_requests, ..BoundsConfig::default() })
    }

    #[test]
    fn what_is_beyond_a_bound_is_refused_and_taken_on_when_there_is_place_again() {
        for permission in [Permission::Call, Permission::Read] {
            let load = load(2, 2);
            let mut taken: Vec<TakenOn> =
                (0..2).map(|_| TakenOn { waiting: None, ..load.take_on(permission).unwrap() }).collect();
            let refused = load.take_on(permission).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            taken.pop();
            load.take_on(permission).unwrap();
        }
    }

    #[test]
    fn administrative_work_gives_way_to_calls_that_wait_and_calls_do_not_to_it() {
        let load = load(8, 1);
        let waiting: Vec<TakenOn> = (0..4).map(|_| load.take_on(Permission::Call).unwrap()).collect();
        for permission in [Permission::Read, Permission::Sync, Permission::Change, Permission::Directory] {
            let refused = load.take_on(permission).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{permission:?}");
        }
        load.take_on(Permission::Call).unwrap();
        load.take_on(Permission::Open).expect("whether it is healthy is answered all the same");
        // Answered, as open streams are: they are there, and nothing waits.
        let open: Vec<Counted> = waiting.into_iter().map(|call| call.open).collect();
        let administrative = load.take_on(Permission::Read).unwrap();
        load.take_on(Permission::Read).unwrap_err();
        load.take_on(Permission::Call).expect("calls have a bound of their own");
        drop((open, administrative));
    }
}
