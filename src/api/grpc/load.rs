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
    calls: AtomicUsize,
    /// Of these, the ones that are not answered yet; open streams are not among them.
    waiting_calls: AtomicUsize,
    administrative: AtomicUsize,
    health: AtomicUsize,
}

/// What the requests of one connection are counted by. Each connection has one of its own, so that a call, which has to
/// hold on to it, touches no counter of references that other connections do.
#[derive(Debug)]
pub(super) struct Counting {
    load: Arc<Load>,
    /// What there is from the same address, if that is known.
    under_way: Option<Arc<UnderWay>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Health,
    Administrative,
}

/// A request's place among all, and among those of its address, until it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    counting: Arc<Counting>,
    kind: Kind,
    /// A call, until its answer begins to be sent.
    is_waiting: bool,
}

impl Load {
    pub(super) fn new(bounds: BoundsConfig) -> Self {
        let [calls, waiting_calls, administrative, health] = [(); 4].map(|()| AtomicUsize::new(0));
        Load { bounds, calls, waiting_calls, administrative, health }
    }

    fn all(&self, kind: Kind) -> (&AtomicUsize, usize) {
        match kind {
            Kind::Call => (&self.calls, self.bounds.calls),
            Kind::Health => (&self.health, MAX_HEALTH_REQUESTS),
            Kind::Administrative => (&self.administrative, self.bounds.administrative_requests),
        }
    }

    fn most_of_address(&self, kind: Kind) -> usize {
        match kind {
            Kind::Call => self.bounds.calls_per_address,
            Kind::Health => MAX_HEALTH_REQUESTS_PER_ADDRESS,
            Kind::Administrative => self.bounds.administrative_requests_per_address,
        }
    }
}

impl Counting {
    /// For a connection from an address where so much is under way.
    pub(super) fn new(load: Arc<Load>, under_way: Option<Arc<UnderWay>>) -> Arc<Self> {
        Arc::new(Counting { load, under_way })
    }

    /// Takes a request on, or says why not.
    pub(super) fn take_on(self: &Arc<Self>, permission: Permission) -> Result<Open, Status> {
        let load = &*self.load;
        let kind = match permission {
            Permission::Call => Kind::Call,
            Permission::Open => Kind::Health,
            Permission::Known
            | Permission::Directory
            | Permission::Read
            | Permission::Sync
            | Permission::Change
            | Permission::Access => Kind::Administrative,
        };
        if kind == Kind::Administrative {
            let many = MANY_WAITING_CALLS.min(load.bounds.calls / 2).max(1);
            if load.waiting_calls.load(Ordering::Relaxed) >= many {
                return Err(status::calls_first());
            }
        }
        // Its own bound first, so that whoever is beyond that never takes the place of others.
        let of_address = self.of_address(kind);
        let most_of_address = load.most_of_address(kind);
        if of_address.is_some_and(|counter| !take(counter, most_of_address)) {
            return Err(status::too_much_of_one(most_of_address));
        }
        let (all, most) = load.all(kind);
        if !take(all, most) {
            of_address.inspect(|counter| give_back(counter));
            return Err(status::too_much(most));
        }
        let is_waiting = kind == Kind::Call;
        if is_waiting {
            load.waiting_calls.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Open { counting: Arc::clone(self), kind, is_waiting })
    }

    fn of_address(&self, kind: Kind) -> Option<&AtomicUsize> {
        self.under_way.as_deref().map(|under_way| match kind {
            Kind::Call => &under_way.calls,
            Kind::Health => &under_way.health,
            Kind::Administrative => &under_way.administrative,
        })
    }
}

/// Whether there was a place.
fn take(counter: &AtomicUsize, most: usize) -> bool {
    // Added first: two that come at once never both take the last place.
    let is_taken = counter.fetch_add(1, Ordering::Relaxed) < most;
    if !is_taken {
        give_back(counter);
    }
    is_taken
}

fn give_back(counter: &AtomicUsize) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

impl Open {
    /// The answer is there: from now on nothing waits for it to be begun.
    pub(super) fn is_answered(&mut self) {
        if std::mem::take(&mut self.is_waiting) {
            give_back(&self.counting.load.waiting_calls);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.is_answered();
        let Open { counting, kind, .. } = self;
        counting.of_address(*kind).inspect(|counter| give_back(counter));
        give_back(counting.load.all(*kind).0);
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn bounds(calls_per_address: usize, administrative_requests_per_address: usize) -> BoundsConfig {
        BoundsConfig { calls_per_address, administrative_requests_per_address, ..BoundsConfig::default() }
    }

    fn counting(bounds: BoundsConfig) -> Arc<Counting> {
        Counting::new(Arc::new(Load::new(bounds)), None)
    }

    fn of(calls: usize, administrative_requests: usize) -> BoundsConfig {
        BoundsConfig { calls, administrative_requests, ..bounds(4096, 128) }
    }

    fn answered(counting: &Arc<Counting>, permission: Permission) -> Open {
        let mut open = counting.take_on(permission).unwrap();
        open.is_answered();
        open
    }

    #[test]
    fn what_is_beyond_a_bound_is_refused_and_taken_on_when_there_is_place_again() {
        for permission in [Permission::Call, Permission::Read] {
            let counting = counting(of(2, 2));
            let mut taken: Vec<Open> = (0..2).map(|_| answered(&counting, permission)).collect();
            let refused = counting.take_on(permission).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            taken.pop();
            drop(counting.take_on(permission).unwrap());
            counting.take_on(permission).expect("it is free again, once");
        }
    }

    #[test]
    fn one_address_takes_its_share_and_leaves_the_rest_to_others() {
        let load = Arc::new(Load::new(bounds(2, 2)));
        let nowhere = Counting::new(Arc::clone(&load), None);
        let [greedy, other] =
            [(); 2].map(|()| Counting::new(Arc::clone(&load), Some(Arc::new(UnderWay::default()))));
        for (permission, most) in [
            (Permission::Call, 2),
            (Permission::Read, 2),
            (Permission::Open, MAX_HEALTH_REQUESTS_PER_ADDRESS),
        ] {
            let mut taken: Vec<Open> = (0..most).map(|_| greedy.take_on(permission).unwrap()).collect();
            let refused = greedy.take_on(permission).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            assert!(refused.message().contains("from this address"), "{refused}");
            other.take_on(permission).unwrap();
            nowhere.take_on(permission).expect("who has no address is bounded in the whole");
            taken.pop();
            greedy.take_on(permission).unwrap();
        }
    }

    #[test]
    fn whoever_is_refused_takes_nobodys_place() {
        let load = Arc::new(Load::new(BoundsConfig { calls: 1, ..bounds(1, 1) }));
        let [one, other] =
            [(); 2].map(|()| Counting::new(Arc::clone(&load), Some(Arc::new(UnderWay::default()))));
        let taken = one.take_on(Permission::Call).unwrap();
        for _ in 0..3 {
            other.take_on(Permission::Call).unwrap_err();
            one.take_on(Permission::Call).unwrap_err();
        }
        drop(taken);
        drop(other.take_on(Permission::Call).unwrap());
        one.take_on(Permission::Call).unwrap();
    }

    #[test]
    fn administrative_work_gives_way_to_calls_that_wait_and_calls_do_not_to_it() {
        let counting = counting(of(8, 1));
        let mut calls: Vec<Open> = (0..4).map(|_| counting.take_on(Permission::Call).unwrap()).collect();
        for permission in [Permission::Read, Permission::Sync, Permission::Change, Permission::Directory] {
            let refused = counting.take_on(permission).unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted, "{permission:?}");
        }
        counting.take_on(Permission::Call).unwrap();
        counting.take_on(Permission::Open).expect("whether it is healthy is answered all the same");
        // Answered, as open streams are: they are there, and nothing waits.
        calls.iter_mut().for_each(Open::is_answered);
        let administrative = counting.take_on(Permission::Read).unwrap();
        counting.take_on(Permission::Read).unwrap_err();
        counting.take_on(Permission::Call).expect("calls have a bound of their own");
        drop((calls, administrative));
    }
}
