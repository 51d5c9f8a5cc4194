//! Where a call goes: the first inbound route whose criteria all hold, a pure function of a snapshot and the
//! call. What time it is comes with the call.
//!
//! A route has five criteria: the trunk, the dialled number (DID), the caller, how far the network vouches
//! for the caller's number, and the time. They combine with AND; the values of one are alternatives, and so
//! are the four ways to ask for a caller (`callers`, `phonebooks`, `withheld`, `in_no_phonebook`). A criterion
//! without values holds for every call. Routes are tried in order, those that are off are passed over, and
//! the first that holds wins. Of its time conditions the first that holds may send the call elsewhere.
//!
//! A withheld or malformed caller meets `withheld` or nothing; it is never treated as a number. A dialled
//! number that is no number meets only routes that do not ask for one. Neither is an error.
//!
//! [`decide`] and [`explain()`] are the same code, [`decide_traced`]: an explanation cannot tell another
//! story than the decision.

mod checks;
mod destination;
pub mod effect;
mod explain;
mod number_forms;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::index::{PhonebookOrdinal, Posting};
use crate::matching::{self, CallerMatch};
use crate::settings::{Attestation, Freshness, InboundRoute, OlderData};
use crate::snapshot::route_table::{CallFacts, CompiledTime};
use crate::snapshot::{CompiledRoute, LastSynced, Snapshot};

use explain::{Story, Tracer, Untraced};
use number_forms::{Fit, NumberForms};

pub use checks::{MAX_WARNINGS, RouteWarning, RouteWarningKind, check, check_without_contacts};
pub use destination::ChosenDestination;
pub use explain::{CallReading, CriterionOutcome, Explanation, Step};

/// A call that came in, as the call handler tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// Who calls, as the network gave it: a number in any format, a SIP or tel URI, `anonymous`, empty.
    pub caller: &'a str,
    /// The dialled number, in the same formats.
    pub did: &'a str,
    /// Name of the trunk that it came in on.
    pub trunk: &'a str,
    /// How far the network vouches for the caller's number, if it does.
    pub attestation: Option<Attestation>,
    /// When: now, or the time that is asked about.
    pub at: Timestamp,
}

/// Where a call goes.
#[derive(Debug)]
pub struct RouteDecision<'a> {
    /// Who is calling.
    pub caller_match: CallerMatch,
    /// The route that takes the call; without one, the call handler's own default applies.
    pub route: Option<&'a InboundRoute>,
    /// Its place in the order, from 0.
    pub place: Option<usize>,
    /// Where that route sends it.
    pub destination: Option<ChosenDestination<'a>>,
    /// The time condition by which the route took it.
    pub time_condition: Option<&'a str>,
}

/// Decides where a call goes.
#[must_use]
pub fn decide<'a>(snapshot: &'a Snapshot, call: &Call<'_>) -> RouteDecision<'a> {
    decide_traced(snapshot, call, &mut Untraced)
}

/// Decides where a call goes, and says why: what became of each route up to the one that was taken.
#[must_use]
pub fn explain<'a>(snapshot: &'a Snapshot, call: &Call<'_>) -> (RouteDecision<'a>, Explanation) {
    let mut story = Story::default();
    let decision = decide_traced(snapshot, call, &mut story);
    (decision, story.into_explanation())
}

fn decide_traced<'a, T: Tracer>(
    snapshot: &'a Snapshot,
    call: &Call<'_>,
    tracer: &mut T,
) -> RouteDecision<'a> {
    let trunk = snapshot.trunk(call.trunk);
    let region = snapshot.region_of(trunk);
    let caller = matching::rewritten(call.caller, trunk);
    let did = trunk.map_or(Cow::Borrowed(call.did), |trunk| trunk.rewrite_did(call.did));
    let caller_match = matching::match_rewritten(snapshot, call.caller, &caller, trunk);
    let attempt = Attempt {
        call,
        caller_match: &caller_match,
        caller: NumberForms::of_caller(&caller, region, &caller_match),
        did: NumberForms::of_did(&did, region),
        snapshot,
    };
    tracer.reading(|| attempt.reading(region));
    let taken = match T::EVERY_CRITERION {
        true => attempt.try_every_route(tracer),
        // The same without those that would not take the call.
        false => attempt.find_candidate(|route| attempt.try_route(route, tracer)),
    };
    let (route, place, destination, time_condition) = match taken {
        Some(Taken { route, destination, time }) => {
            let name = time.map(|time| time.condition.as_ref().map_or(crate::settings::ALWAYS, |c| c.name()));
            (Some(route.settings()), Some(route.place()), Some(destination), name)
        }
        None => (None, None, None, None),
    };
    RouteDecision { caller_match, route, place, destination, time_condition }
}

/// A call, and what was found out about it.
struct Attempt<'a, 'c> {
    call: &'c Call<'c>,
    caller_match: &'c CallerMatch,
    caller: NumberForms<'c>,
    did: NumberForms<'c>,
    snapshot: &'a Snapshot,
}

/// A route that takes the call.
struct Taken<'a> {
    route: &'a CompiledRoute,
    destination: ChosenDestination<'a>,
    time: Option<&'a CompiledTime>,
}

/// By what a call meets a route, as far as its destination depends on it.
#[derive(Default)]
struct Met<'a> {
    did: Option<Fit<'a>>,
    /// The contact that is in a phonebook of the route.
    member: Option<Posting>,
    time: Option<&'a CompiledTime>,
}

impl<'a> Attempt<'a, '_> {
    fn find_candidate<R>(&self, try_route: impl FnMut(&'a CompiledRoute) -> Option<R>) -> Option<R> {
        let facts = CallFacts {
            trunk: self.call.trunk,
            did_given: self.did.given(),
            did_number: &|| self.did.number(),
            caller_given: self.caller.given(),
            caller_number: self.caller.number(),
            is_withheld: *self.caller_match == CallerMatch::Withheld,
        };
        let phonebooks = self.caller_match.contacts().iter().flat_map(|posting| self.phonebooks_of(*posting));
        self.snapshot.routes().find(&facts, phonebooks.copied(), try_route)
    }

    fn try_every_route<T: Tracer>(&self, tracer: &mut T) -> Option<Taken<'a>> {
        let routes = self.snapshot.routes();
        let mut left_out = routes.left_out().iter().peekable();
        let taken = routes.routes().iter().find_map(|route| {
            while let Some(before) = left_out.next_if(|other| other.place <= route.place()) {
                tracer.left_out(before);
            }
            self.try_route(route, tracer)
        });
        if taken.is_none() {
            left_out.for_each(|route| tracer.left_out(route));
        }
        taken
    }

    fn try_route<T: Tracer>(&self, route: &'a CompiledRoute, tracer: &mut T) -> Option<Taken<'a>> {
        tracer.begin(route.settings());
        let mut met = Met::default();
        let is_taken = self.meets_every_criterion(route, &mut met, tracer);
        tracer.end(is_taken);
        is_taken.then(|| Taken { route, destination: self.destination(route, &met, tracer), time: met.time })
    }

    fn meets_every_criterion<T: Tracer>(
        &self,
        route: &'a CompiledRoute,
        met: &mut Met<'a>,
        tracer: &mut T,
    ) -> bool {
        if !route.settings().enabled {
            tracer.criterion("enabled", false, explain::switched_off);
            return false;
        }
        let mut holds = self.meets_trunks(route, tracer);
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_dids(route, met, tracer);
        }
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_caller(route, met, tracer);
        }
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_attestation(route, tracer);
        }
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_times(route, met, tracer);
        }
        holds
    }

    fn meets_trunks<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        let trunks = &route.settings().trunks;
        if trunks.is_empty() {
            return true;
        }
        let holds = trunks.iter().any(|trunk| trunk == self.call.trunk);
        tracer.criterion("trunks", holds, || self.explain_trunks(trunks, holds));
        holds
    }

    fn meets_dids<T: Tracer>(&self, route: &'a CompiledRoute, met: &mut Met<'a>, tracer: &mut T) -> bool {
        if route.dids().is_empty() {
            return true;
        }
        let can_dial = |extension: &str| self.snapshot.destinations().can_dial_extension(extension);
        met.did = self.did.find_fit(route.dids(), can_dial);
        tracer.criterion("dids", met.did.is_some(), || self.explain_dids(route.dids(), met.did));
        met.did.is_some()
    }

    /// The four ways to ask for a caller are alternatives.
    fn meets_caller<T: Tracer>(&self, route: &CompiledRoute, met: &mut Met<'a>, tracer: &mut T) -> bool {
        let (callers, phonebooks) = (route.callers(), route.phonebooks());
        let InboundRoute { withheld, in_no_phonebook, freshness, .. } = *route.settings();
        let asked = [!callers.is_empty(), !phonebooks.wanted().is_empty(), withheld, in_no_phonebook];
        let mut holds = !asked.contains(&true);
        let goes_on = |holds: bool| !holds || T::EVERY_CRITERION;

        if asked[0] && goes_on(holds) {
            // Callers' patterns have no extensions.
            let fit = self.caller.find_fit(callers, |_| false);
            tracer.criterion("callers", fit.is_some(), || self.explain_callers(callers, fit));
            holds |= fit.is_some();
        }
        if asked[1] && goes_on(holds) {
            met.member = self.member_of(route);
            let explain = || self.explain_phonebooks(phonebooks, freshness, met.member);
            tracer.criterion("phonebooks", met.member.is_some(), explain);
            holds |= met.member.is_some();
        }
        if asked[2] && goes_on(holds) {
            let is_withheld = *self.caller_match == CallerMatch::Withheld;
            tracer.criterion("withheld", is_withheld, || self.explain_withheld());
            holds |= is_withheld;
        }
        if asked[3] && goes_on(holds) {
            let member =
                self.find_contact(|posting| self.phonebooks_left(posting, freshness).next().is_some());
            let in_none = self.caller_match.number().is_some() && member.is_none();
            tracer.criterion("in_no_phonebook", in_none, || self.explain_in_no_phonebook(member, freshness));
            holds |= in_none;
        }
        holds
    }

    /// A call without attestation meets no route that asks for one.
    fn meets_attestation<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        let Some(lowest) = route.settings().attestation else { return true };
        let holds = self.call.attestation.is_some_and(|given| given <= lowest);
        tracer.criterion("attestation", holds, || self.explain_attestation(lowest));
        holds
    }

    fn meets_times<T: Tracer>(&self, route: &'a CompiledRoute, met: &mut Met<'a>, tracer: &mut T) -> bool {
        let times = route.times();
        if times.is_empty() {
            return true;
        }
        let holds_now = |time: &&CompiledTime| {
            time.condition.as_ref().is_none_or(|condition| condition.rule_at(self.call.at).is_some())
        };
        met.time = times.iter().find(holds_now);
        tracer.criterion("times", met.time.is_some(), || self.explain_times(times));
        met.time.is_some()
    }

    /// The contact that is in a phonebook of the route.
    #[inline]
    fn member_of(&self, route: &CompiledRoute) -> Option<Posting> {
        let (phonebooks, freshness) = (route.phonebooks(), route.settings().freshness);
        self.find_contact(|posting| {
            let is_wanted = |phonebook| phonebooks.wants_phonebook(phonebook);
            phonebooks.wants(posting.phonebooks())
                && (freshness.is_none() || self.phonebooks_left(posting, freshness).any(is_wanted))
        })
    }

    fn find_contact(&self, is_sought: impl Fn(Posting) -> bool) -> Option<Posting> {
        self.caller_match.contacts().iter().copied().find(|posting| is_sought(*posting))
    }

    fn phonebooks_of(&self, posting: Posting) -> &'a [PhonebookOrdinal] {
        self.snapshot.contacts().phonebooks_in(posting.phonebooks())
    }

    /// The phonebooks of a contact that a route does not pass over.
    fn phonebooks_left(
        &self,
        posting: Posting,
        freshness: Option<Freshness>,
    ) -> impl Iterator<Item = PhonebookOrdinal> {
        let phonebooks = self.phonebooks_of(posting).iter().copied();
        phonebooks.filter(move |phonebook| !self.is_skipped(*phonebook, freshness))
    }

    /// Whether a route passes over all phonebooks of a contact, who has some.
    fn is_passed_over(&self, posting: Posting, freshness: Option<Freshness>) -> bool {
        freshness.is_some()
            && !self.phonebooks_of(posting).is_empty()
            && self.phonebooks_left(posting, freshness).next().is_none()
    }

    /// Whether a route passes over a phonebook because its data are old.
    fn is_skipped(&self, phonebook: PhonebookOrdinal, freshness: Option<Freshness>) -> bool {
        freshness
            .is_some_and(|freshness| skips(freshness, self.snapshot.last_synced(phonebook), self.call.at))
    }

    fn is_old(&self, phonebook: PhonebookOrdinal, freshness: Freshness) -> bool {
        self.snapshot.last_synced(phonebook).is_older_than(freshness.max_age_hours, self.call.at)
    }
}

/// Whether data of that age are passed over.
fn skips(freshness: Freshness, synced: LastSynced, at: Timestamp) -> bool {
    freshness.older == OlderData::Skip && synced.is_older_than(freshness.max_age_hours, at)
}
