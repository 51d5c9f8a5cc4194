//! The last decisions, and how often each route and phonebook was met: what an administrator looks at.
//!
//! A call leaves a decision in a queue of fixed length that pushes the oldest out, without a lock and without
//! waiting. Each thread has [its own](Shares), so that what it pushes out is what it put in, and its memory is at hand.
//! Whoever lists decisions empties the queues. Counters are shared by all snapshots that have the same
//! route or phonebook, so counting is one addition.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use jiff::Timestamp;

use super::Engine;
use super::shares::Shares;
use crate::generation::Generation;
use crate::matching::CallerMatch;
use crate::phone_number::PhoneNumber;
use crate::routing::{Call, RouteDecision};
use crate::settings::{DestinationType, folded_name};
use crate::snapshot::{CallCounters, Counter, Snapshot};

/// How many decisions are kept.
pub const KEPT_DECISIONS: usize = 1000;

/// Longest dialled number and name of a trunk that are kept, in bytes.
const MAX_KEPT_BYTES: usize = 64;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// What the look-up of the caller came to.
    pub caller: DecidedCaller,
    /// The dialled number as given; its beginning if it was very long.
    pub did: String,
    /// The trunk that the call handler named.
    pub trunk: String,
    /// The route that took the call.
    pub route: Option<String>,
    /// Where it went.
    pub destination: Option<(DestinationType, String)>,
    /// The generation that it was decided from.
    pub generation: Generation,
    /// Whether the caller's number may be shown whole.
    shows_number: bool,
}

/// Who called, as far as decisions remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedCaller {
    /// So many contacts have the number.
    Matched(PhoneNumber, usize),
    /// Nobody has it.
    NotMatched(PhoneNumber),
    /// Withheld.
    Withheld,
    /// No number.
    Invalid,
}

/// How often something was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Calls that each route took, by name, in the order of the routes.
    pub routes: Vec<(String, u64)>,
    /// Calls of each phonebook's contacts, by name.
    pub phonebooks: Vec<(String, u64)>,
    /// Calls that no route took.
    pub unrouted: u64,
}

/// What is remembered of calls.
#[derive(Debug)]
pub(super) struct Decisions {
    /// All made at the start, so that no call makes one or waits for it.
    new: Shares<ArrayQueue<Decision>>,
    /// What readers took out of the queues, the oldest first.
    kept: Mutex<VecDeque<Decision>>,
    counters: Mutex<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    routes: HashMap<String, Counter>,
    phonebooks: HashMap<String, Counter>,
    unrouted: Counter,
}

impl Decisions {
    pub(super) fn new() -> Self {
        let new = Shares::made_by(|| ArrayQueue::new(KEPT_DECISIONS));
        Decisions { new, kept: Mutex::default(), counters: Mutex::default() }
    }

    /// The counters for a snapshot that is about to be published: those that there are, and new ones. What the
    /// snapshot does not have is forgotten.
    pub(super) fn counters_for(&self, snapshot: &Snapshot) -> CallCounters {
        let mut counters = lock(&self.counters);
        let routes = snapshot.routes().routes().iter().map(|route| folded_name(&route.settings().name));
        let (routes, by_place) = carried_over(&counters.routes, routes);
        let phonebooks = snapshot.contacts().phonebooks().iter().map(|phonebook| phonebook.name.folded());
        let (phonebooks, by_ordinal) = carried_over(&counters.phonebooks, phonebooks);
        let unrouted = counters.unrouted.clone();
        *counters = Counters { routes, phonebooks, unrouted: unrouted.clone() };
        CallCounters { routes: by_place, phonebooks: by_ordinal, unrouted }
    }

    fn last(&self, most: usize, is_wanted: impl Fn(&Decision) -> bool) -> Vec<Decision> {
        let mut kept = lock(&self.kept);
        let mut new = Vec::new();
        for queue in self.new.all() {
            // As many as there were: calls go on while this reads.
            new.extend((0..queue.len()).map_while(|_| queue.pop()));
        }
        new.sort_by_key(|decision| decision.at);
        kept.extend(new);
        let too_many = kept.len().saturating_sub(KEPT_DECISIONS);
        kept.drain(..too_many);
        kept.iter().rev().filter(|decision| is_wanted(decision)).take(most).cloned().collect()
    }
}

fn carried_over(
    before: &HashMap<String, Counter>,
    names: impl Iterator<Item = String>,
) -> (HashMap<String, Counter>, Box<[Counter]>) {
    let mut now = HashMap::new();
    let counters = names.map(|name| {
        let counter = before.get(&name).cloned().unwrap_or_default();
        now.insert(name, counter.clone());
        counter
    });
    let counters = counters.collect();
    (now, counters)
}

/// A panic while holding it left nothing half done that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Decision {
    /// The caller's number, masked unless the settings of its time allowed to show it.
    #[must_use]
    pub fn caller_number(&self) -> String {
        match self.caller {
            DecidedCaller::Matched(number, _) | DecidedCaller::NotMatched(number) if self.shows_number => {
                number.to_string()
            }
            DecidedCaller::Matched(number, _) | DecidedCaller::NotMatched(number) => number.masked(),
            DecidedCaller::Withheld | DecidedCaller::Invalid => String::new(),
        }
    }
}

impl Engine {
    /// Remembers what became of a call. Never waits.
    pub fn remember(&self, snapshot: &Snapshot, call: &Call<'_>, decision: &RouteDecision<'_>) {
        let RouteDecision { caller_match, route, place, destination, time_condition: _ } = decision;
        let contacts = caller_match.contacts();
        let phonebooks =
            contacts.iter().flat_map(|posting| snapshot.contacts().phonebooks_in(posting.phonebooks()));
        snapshot.counters().count(*place, phonebooks.copied());
        let caller = match caller_match {
            CallerMatch::Matched { number, contacts, .. } => DecidedCaller::Matched(*number, contacts.len()),
            CallerMatch::NotMatched(number) => DecidedCaller::NotMatched(*number),
            CallerMatch::Withheld => DecidedCaller::Withheld,
            CallerMatch::Invalid(_) => DecidedCaller::Invalid,
        };
        let destination = destination.as_ref();
        let decision = Decision {
            at: call.at,
            caller,
            did: beginning(call.did),
            trunk: beginning(call.trunk),
            route: route.map(|route| route.name.clone()),
            destination: destination.map(|chosen| (chosen.destination_type, chosen.target.to_string())),
            generation: snapshot.generation(),
            shows_number: snapshot.shows_numbers(),
        };
        // What is pushed out is the oldest.
        drop(self.decisions.new.own().force_push(decision));
    }

    /// The last decisions, the latest first: all, or those of one route.
    #[must_use]
    pub fn last_decisions(&self, most: usize, route: Option<&str>) -> Vec<Decision> {
        let wanted = route.map(folded_name);
        let is_wanted = |decision: &Decision| match &wanted {
            Some(wanted) => decision.route.as_deref().map(folded_name).as_ref() == Some(wanted),
            None => true,
        };
        self.decisions.last(most, is_wanted)
    }

    /// How often the routes and phonebooks that are served were met since the process began.
    #[must_use]
    pub fn call_counts(&self) -> Counts {
        let current = self.snapshot();
        let Some(snapshot) = current.as_ref() else {
            return Counts { routes: Vec::new(), phonebooks: Vec::new(), unrouted: 0 };
        };
        let CallCounters { routes, phonebooks, unrouted } = snapshot.counters();
        let route_names = snapshot.routes().routes().iter().map(|route| route.settings().name.clone());
        let phonebook_names = snapshot.contacts().phonebooks().iter().map(|one| one.name.to_string());
        Counts {
            routes: route_names.zip(routes.iter().map(Counter::get)).collect(),
            phonebooks: phonebook_names.zip(phonebooks.iter().map(Counter::get)).collect(),
            unrouted: unrouted.get(),
        }
    }
}

fn beginning(text: &str) -> String {
    let mut end = text.len().min(MAX_KEPT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
