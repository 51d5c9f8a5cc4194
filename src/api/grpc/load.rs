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
use crate::listening::UnderWay;

/// Most requests about health at once, and from one address: everybody may ask, so they have bounds of their own.
const MAX_HEALTH_REQUESTS: usize = 256;
const MAX_HEALTH_REQUESTS_PER_ADDRESS: usize = 64;

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

/// A request's place among all, and among those of its address.
#[derive(Debug)]
pub(super) struct Open {
    _all: Counted,
    _of_address: Option<Counted>,
}

/// A request that was taken on.
#[derive(Debug)]
pub(super) struct TakenOn {
    /// Until the answer has been sent.
    pub(super) open: Open,
    /// Until it begins to be sent; only for calls.
    pub(super) waiting: Option<Counted>,
}

impl Load {
    pub(super) fn new(bounds: BoundsConfig) -> Self {
        let [calls, waiting_calls, administrative, health] = [(); 4].map(|()| Counter::default());
        Load { bounds, calls, waiting_calls, administrative, health }
    }

    /// Takes a request on, or says why not. `under_way` is what there is from the same address, if that is known.
    pub(super) fn take_on(
        &self,
        permission: Permission,
        under_way: Option<&UnderWay>,
    ) -> Result<TakenOn, Status> {
        let take = |all, most, of_address: Option<&Counter>, most_of_address| {
            // Its own bound first, so that whoever is beyond that never takes the place of others.
            let of_address = match of_address.map(|counter| Counted::take(counter, most_of_address)) {
                Some(None) => return Err(status::too_much_of_one(most_of_address)),
                taken => taken.flatten(),
            };
            let all = Counted::take(all, most).ok_or_else(|| status::too_much(most))?;
            Ok(Open { _all: all, _of_address: of_address })
        };
        let bounds = &self.bounds;
        match permission {
            Permission::Call => {
                let of_address = under_way.map(|under_way| &under_way.calls);
                let open = take(&self.calls, bounds.calls, of_address, bounds.calls_per_address)?;
                // Never refused.
                let waiting = Counted::take(&self.waiting_calls, usize::MAX);
                Ok(TakenOn { open, waiting })
            }
            Permission::Open => {
                let of_address = under_way.map(|under_way| &under_way.health);
                let open =
                    take(&self.health, MAX_HEALTH_REQUESTS, of_address, MAX_HEALTH_REQUESTS_PER_ADDRESS)?;
                Ok(TakenOn { open, waiting: None })
            }
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
                let open = take(
                    &self.administrative,
                    bounds.administrative_requests,
                    under_way.map(|under_way| &under_way.administrative),
                    bounds.administrative_requests_per_address,
                )?;
                Ok(TakenOn { open, waiting: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn bounds(calls_per_address: usize, administrative_requests_per_address: usize) -> BoundsConfig {
        BoundsConfig { calls_per_address, administrative_requests_per_address, ..BoundsConfig::default() }
    }

    fn load(calls: usize, administrative_requests: usize) -> Load {
        Load::new(BoundsConfig { calls, administrative_requests, ..bounds(4096, 128) })
    }

    #[test]
    fn what_is_beyond_a_bound_is_refused_and_taken_on_when_there_is_place_again() {
        for permission in [Permission::Call, Permission::Read] {
            let load = load(2, 2);
            let mut taken: Vec<TakenOn> = (0..2)
                .map(|_| TakenOn { waiting: None, ..load.take_on(permission, None).unwrap() })
                .collect();
            let refused = load.take_on(permission, None).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            taken.pop();
            load.take_on(permission, None).unwrap();
        }
    }

    #[test]
    fn one_address_takes_its_share_and_leaves_the_rest_to_others() {
        let load = Load::new(bounds(2, 2));
        let [greedy, other] = [(); 2].map(|()| UnderWay::default());
        for (permission, most) in [
            (Permission::Call, 2),
            (Permission::Read, 2),
            (Permission::Open, MAX_HEALTH_REQUESTS_PER_ADDRESS),
        ] {
            let take = |address| load.take_on(permission, Some(address));
            let mut taken: Vec<Open> = (0..most).map(|_| take(&greedy).unwrap().open).collect();
            let refused = take(&greedy).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            assert!(refused.message().contains("from this address"), "{refused}");
            take(&other).unwrap();
            load.take_on(permission, None).expect("who has no address is bounded in the whole");
            taken.pop();
            take(&greedy).unwrap();
        }
    }

    #[test]
    fn administrative_work_gives_way_to_calls_that_wait_and_calls_do_not_to_it() {
        let load = load(8, 1);
        let waiting: Vec<TakenOn> = (0..4).map(|_| load.take_on(Permission::Call, None).unwrap()).collect();
        for permission in [Permission::Read, Permission::Sync, Permission::Change, Permission::Directory] {
            let refused = load.take_on(permission, None).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{permission:?}");
        }
        load.take_on(Permission::Call, None).unwrap();
        load.take_on(Permission::Open, None).expect("whether it is healthy is answered all the same");
        // Answered, as open streams are: they are there, and nothing waits.
        let open: Vec<Open> = waiting.into_iter().map(|call| call.open).collect();
        let administrative = load.take_on(Permission::Read, None).unwrap();
        load.take_on(Permission::Read, None).unwrap_err();
        load.take_on(Permission::Call, None).expect("calls have a bound of their own");
        drop((open, administrative));
    }
}
