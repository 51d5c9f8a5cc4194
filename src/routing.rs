//! Where a call goes: the first inbound route whose criteria all hold, a pure function of a snapshot.
//!
//! A route has three criteria: the trunk, the dialled number (DID) and the caller. They combine with AND;
//! the values of one are alternatives, and so are the four ways to ask for a caller (`callers`,
//! `phonebooks`, `withheld`, `in_no_phonebook`). A criterion without values holds for every call. Routes
//! are tried in order, those that are off are passed over, and the first that holds wins.
//!
//! A withheld or malformed caller meets `withheld` or nothing; it is never treated as a number. A dialled
//! number that is no number meets only routes that do not ask for one. Neither is an error.
//!
//! [`decide`] and [`explain()`] are the same code, [`decide_traced`]: an explanation cannot tell another
//! story than the decision.

pub mod effect;
mod explain;
mod number_forms;
#[cfg(test)]
mod tests;

use crate::index::Posting;
use crate::matching::{CallerMatch, match_caller};
use crate::settings::InboundRoute;
use crate::snapshot::{CompiledRoute, Snapshot};

use explain::{Explanation, Tracer, Untraced};
use number_forms::NumberForms;

pub use explain::{CriterionOutcome, Step};

/// A call that came in, as the call handler tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// Who calls, as the network gave it: a number in any format, a SIP or tel URI, `anonymous`, empty.
    pub caller: &'a str,
    /// The dialled number, in the same formats.
    pub did: &'a str,
    /// Name of the trunk that it came in on.
    pub trunk: &'a str,
}

/// Where a call goes.
#[derive(Debug)]
pub struct RouteDecision<'a> {
    /// Who is calling.
    pub caller_match: CallerMatch,
    /// The route that takes the call; without one, the call handler's own default applies.
    pub route: Option<&'a InboundRoute>,
}

/// Decides where a call goes.
#[must_use]
pub fn decide<'a>(snapshot: &'a Snapshot, call: &Call<'_>) -> RouteDecision<'a> {
    decide_traced(snapshot, call, &mut Untraced)
}

/// Decides where a call goes, and says why: what became of each route up to the one that was taken.
#[must_use]
pub fn explain<'a>(snapshot: &'a Snapshot, call: &Call<'_>) -> (RouteDecision<'a>, Vec<Step>) {
    let mut explanation = Explanation::default();
    let decision = decide_traced(snapshot, call, &mut explanation);
    (decision, explanation.into_steps())
}

fn decide_traced<'a>(snapshot: &'a Snapshot, call: &Call<'_>, tracer: &mut impl Tracer) -> RouteDecision<'a> {
    let caller_match = match_caller(snapshot, call.caller, call.trunk);
    let region = snapshot.region_of(call.trunk);
    let attempt = Attempt {
        call,
        caller_match: &caller_match,
        caller: NumberForms::of_caller(call.caller, region, &caller_match),
        did: NumberForms::of_did(call.did, region),
        snapshot,
    };
    let route = snapshot.routes().routes().iter().find(|route| attempt.takes(route, tracer));
    let route = route.map(CompiledRoute::settings);
    RouteDecision { caller_match, route }
}

/// A call, and what was found out about it.
struct Attempt<'a> {
    call: &'a Call<'a>,
    caller_match: &'a CallerMatch,
    caller: NumberForms<'a>,
    did: NumberForms<'a>,
    snapshot: &'a Snapshot,
}

impl Attempt<'_> {
    fn takes<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        tracer.begin(route.settings());
        let taken = self.meets_every_criterion(route, tracer);
        tracer.end(taken);
        taken
    }

    fn meets_every_criterion<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        if !route.settings().enabled {
            tracer.criterion("enabled", false, explain::switched_off);
            return false;
        }
        let mut holds = self.meets_trunks(route, tracer);
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_dids(route, tracer);
        }
        if holds || T::EVERY_CRITERION {
            holds &= self.meets_caller(route, tracer);
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

    fn meets_dids<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        if route.dids().is_empty() {
            return true;
        }
        let fit = self.did.find_fit(route.dids());
        tracer.criterion("dids", fit.is_some(), || self.explain_dids(route.dids(), fit));
        fit.is_some()
    }

    /// The four ways to ask for a caller are alternatives.
    fn meets_caller<T: Tracer>(&self, route: &CompiledRoute, tracer: &mut T) -> bool {
        let (callers, phonebooks) = (route.callers(), route.phonebooks());
        let InboundRoute { withheld, in_no_phonebook, .. } = *route.settings();
        let asked = [!callers.is_empty(), !phonebooks.wanted().is_empty(), withheld, in_no_phonebook];
        let mut holds = !asked.contains(&true);
        let goes_on = |holds: bool| !holds || T::EVERY_CRITERION;

        if asked[0] && goes_on(holds) {
            let fit = self.caller.find_fit(callers);
            tracer.criterion("callers", fit.is_some(), || self.explain_callers(callers, fit));
            holds |= fit.is_some();
        }
        if asked[1] && goes_on(holds) {
            let member = self.find_contact(|posting| phonebooks.wants(posting.phonebooks));
            let explain = || self.explain_phonebooks(phonebooks, member);
            tracer.criterion("phonebooks", member.is_some(), explain);
            holds |= member.is_some();
        }
        if asked[2] && goes_on(holds) {
            let is_withheld = *self.caller_match == CallerMatch::Withheld;
            tracer.criterion("withheld", is_withheld, || self.explain_withheld());
            holds |= is_withheld;
        }
        if asked[3] && goes_on(holds) {
            let contacts = self.snapshot.contacts();
            let member = self.find_contact(|posting| !contacts.phonebooks_in(posting.phonebooks).is_empty());
            let in_none = self.caller_match.number().is_some() && member.is_none();
            tracer.criterion("in_no_phonebook", in_none, || self.explain_in_no_phonebook(member));
            holds |= in_none;
        }
        holds
    }

    fn find_contact(&self, is_sought: impl Fn(Posting) -> bool) -> Option<Posting> {
        self.caller_match.contacts().iter().copied().find(|posting| is_sought(*posting))
    }
}
