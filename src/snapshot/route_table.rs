//! Inbound routes, parsed and resolved against the phonebooks: ready to be tried.
//!
//! Everything that can be found out before a call is found out here: patterns are parsed, numbers are
//! read in every region that a call can have, and the phonebooks of a route become one bit for each
//! distinct set of phonebooks that contacts have.

mod candidates;
mod number_criterion;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::HashMap;
use std::sync::Arc;

use crate::index::{ContactIndex, PhonebookOrdinal, PhonebookSet};
use crate::phone_number::Region;
use crate::phonebook::PhonebookName;
use crate::settings::{ALWAYS, InboundRoute, folded_name};

use super::destinations::{CompiledDestination, Destinations, Problem};
use super::time_condition::CompiledTimeCondition;

use candidates::CandidateIndex;

pub use candidates::CallFacts;
pub use number_criterion::NumberCriterion;
pub use validate::{
    MAX_AGE_HOURS, MAX_ALERT_INFO_CHARACTERS, MAX_CALLER_NAME_PREFIX_CHARACTERS, MAX_NOTE_CHARACTERS,
    MAX_TIMES, MAX_VALUES,
};

/// Why a set of inbound routes, or what they refer to, cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}, {field}: {problem}")]
pub struct RouteError {
    /// What it is about, such as `inbound route "Sales"`.
    pub subject: String,
    /// The field, such as `dids[2]`; places are counted from 0.
    pub field: String,
    /// What was found, where, what was expected.
    pub problem: String,
}

/// The inbound routes, in the order in which they are tried. Those that are off are there too, so that
/// an explanation can name them.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Box<[CompiledRoute]>,
    left_out: Box<[LeftOutRoute]>,
    candidates: CandidateIndex,
}

/// An inbound route that was accepted once and cannot work: it takes no call.
#[derive(Debug)]
pub struct LeftOutRoute {
    /// As it is stored.
    pub settings: InboundRoute,
    /// How many routes that can work are before it.
    pub place: usize,
    /// Why it cannot.
    pub error: RouteError,
}

/// An inbound route, ready to be tried.
#[derive(Debug)]
pub struct CompiledRoute {
    settings: InboundRoute,
    place: usize,
    dids: Box<[NumberCriterion]>,
    callers: Box<[NumberCriterion]>,
    phonebooks: PhonebooksCriterion,
    times: Box<[CompiledTime]>,
    destination: CompiledDestination,
}

/// A time condition of a route.
#[derive(Debug)]
pub struct CompiledTime {
    /// `None` is the one that always holds.
    pub condition: Option<Arc<CompiledTimeCondition>>,
    /// Where calls go while it holds, if not to the route's own destination.
    pub destination: Option<CompiledDestination>,
}

/// What routes refer to.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The contacts.
    pub contacts: &'a ContactIndex,
    /// All regions that a call can have, `None` among them if a call can have none.
    pub regions: &'a [Option<Region>],
    /// By folded name; nothing of one that cannot work.
    pub time_conditions: &'a HashMap<String, Option<Arc<CompiledTimeCondition>>>,
    /// Where calls can go.
    pub destinations: &'a Destinations,
}

/// The phonebooks that a route asks for.
#[derive(Debug)]
pub struct PhonebooksCriterion {
    wanted: Box<[WantedPhonebook]>,
    /// One bit for each [`PhonebookSet`], by its place: whether a phonebook of the set is wanted.
    sets: Box<[u64]>,
}

/// A phonebook that a route asks for.
#[derive(Debug)]
pub struct WantedPhonebook {
    /// As the route spells it.
    pub name: PhonebookName,
    /// `None` when there is no such phonebook, or not yet: nobody is in it.
    pub ordinal: Option<PhonebookOrdinal>,
}

impl RouteTable {
    /// Checks every field, parses every pattern and finds everything that routes refer to. A route that cannot work is
    /// left out.
    pub fn compile(
        routes: &[InboundRoute],
        around: Surroundings<'_>,
        left_out: &mut Vec<RouteError>,
    ) -> Self {
        let mut compiled = Vec::with_capacity(routes.len());
        let mut impossible = Vec::new();
        for route in routes {
            let place = compiled.len();
            match CompiledRoute::compile(route, place, around) {
                Ok(route) => compiled.push(route),
                Err(error) => {
                    left_out.push(error.clone());
                    impossible.push(LeftOutRoute { settings: route.clone(), place, error });
                }
            }
        }
        let candidates = CandidateIndex::of(&compiled, around.contacts.phonebooks().len());
        RouteTable { routes: compiled.into(), left_out: impossible.into(), candidates }
    }

    /// Tries the routes that a call may meet, in their order, until one gives something; the others would not
    /// take it. `phonebooks` are those of the contacts that have the caller's number.
    pub fn find<'a, T>(
        &'a self,
        facts: &CallFacts<'_>,
        phonebooks: impl Iterator<Item = PhonebookOrdinal> + Clone,
        mut try_route: impl FnMut(&'a CompiledRoute) -> Option<T>,
    ) -> Option<T> {
        self.candidates.find(facts, phonebooks, |place| try_route(&self.routes[place]))
    }

    /// All that can work, in the order in which they are tried.
    #[must_use]
    pub fn routes(&self) -> &[CompiledRoute] {
        &self.routes
    }

    /// Those that cannot, in the same order.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutRoute] {
        &self.left_out
    }
}

fn subject(route: &InboundRoute) -> String {
    format!("inbound route {:?}", route.name)
}

impl CompiledRoute {
    fn compile(route: &InboundRoute, place: usize, around: Surroundings<'_>) -> Result<Self, RouteError> {
        let wrong = |Problem { field, what }| RouteError { subject: subject(route), field, problem: what };
        validate::check(route).map_err(wrong)?;
        let dids = number_criterion::compile(route, "dids", &route.dids, around.regions)?;
        let callers = number_criterion::compile(route, "callers", &route.callers, around.regions)?;
        if let Some(place) = callers.iter().position(NumberCriterion::has_extension) {
            let what = format!("{:?}: {{{{.Ext}}}} is for dids only", route.callers[place]);
            return Err(wrong(Problem { field: format!("callers[{place}]"), what }));
        }
        let destinations = around.destinations;
        let destination =
            destinations.compile_for("destination", &route.destination, &dids).map_err(wrong)?;
        let times = compile_times(route, around, &dids).map_err(wrong)?;
        let phonebooks = PhonebooksCriterion::compile(&route.phonebooks, around.contacts);
        Ok(CompiledRoute { settings: route.clone(), place, dids, callers, phonebooks, times, destination })
    }

    /// The route as it was set.
    #[must_use]
    pub fn settings(&self) -> &InboundRoute {
        &self.settings
    }

    /// Its place in the order, from 0.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }

    /// Whether it asks for anything about who calls.
    #[must_use]
    pub fn asks_for_caller(&self) -> bool {
        let InboundRoute { callers, phonebooks, withheld, in_no_phonebook, .. } = &self.settings;
        !callers.is_empty() || !phonebooks.is_empty() || *withheld || *in_no_phonebook
    }

    /// The patterns of dialled numbers.
    #[must_use]
    pub fn dids(&self) -> &[NumberCriterion] {
        &self.dids
    }

    /// The patterns of callers' numbers.
    #[must_use]
    pub fn callers(&self) -> &[NumberCriterion] {
        &self.callers
    }

    /// The phonebooks of callers.
    #[must_use]
    pub fn phonebooks(&self) -> &PhonebooksCriterion {
        &self.phonebooks
    }

    /// The time conditions, in the order in which they are tried.
    #[must_use]
    pub fn times(&self) -> &[CompiledTime] {
        &self.times
    }

    /// Where calls go, unless a time condition says otherwise.
    #[must_use]
    pub fn destination(&self) -> &CompiledDestination {
        &self.destination
    }
}

fn compile_times(
    route: &InboundRoute,
    around: Surroundings<'_>,
    dids: &[NumberCriterion],
) -> Result<Box<[CompiledTime]>, Problem> {
    let mut times: Vec<CompiledTime> = Vec::with_capacity(route.times.len());
    for (place, time) in route.times.iter().enumerate() {
        let field = format!("times[{place}]");
        let wrong = |what: String| Problem { field: format!("{field}.condition"), what };
        if times.last().is_some_and(|before| before.condition.is_none()) {
            return Err(wrong(format!("{:?} is never tried, behind {ALWAYS:?}", time.condition)));
        }
        let name = folded_name(&time.condition);
        if route.times[..place].iter().any(|before| folded_name(&before.condition) == name) {
            return Err(wrong(format!("{:?} is there twice", time.condition)));
        }
        let condition = match around.time_conditions.get(&name) {
            Some(Some(condition)) => Some(Arc::clone(condition)),
            Some(None) => {
                let problem =
                    format!("time condition {:?} cannot work: put that right first", time.condition);
                return Err(wrong(problem));
            }
            None if name == ALWAYS => None,
            None => return Err(wrong(format!("there is no time condition {:?}", time.condition))),
        };
        let destination = match &time.destination {
            Some(destination) => {
                let field = format!("{field}.destination");
                Some(around.destinations.compile_for(&field, destination, dids)?)
            }
            None => None,
        };
        times.push(CompiledTime { condition, destination });
    }
    Ok(times.into())
}

impl PhonebooksCriterion {
    fn compile(names: &[PhonebookName], contacts: &ContactIndex) -> Self {
        let find = |name: &PhonebookName| WantedPhonebook {
            name: name.clone(),
            ordinal: contacts.find_phonebook(name),
        };
        let wanted: Box<[WantedPhonebook]> = names.iter().map(find).collect();
        let mut sets = Vec::new();
        if wanted.iter().any(|phonebook| phonebook.ordinal.is_some()) {
            sets = vec![0; contacts.phonebook_set_count().div_ceil(64)];
            for set in contacts.phonebook_sets() {
                let is_wanted = |ordinal| wanted.iter().any(|phonebook| phonebook.ordinal == Some(ordinal));
                if contacts.phonebooks_in(set).iter().copied().any(is_wanted) {
                    sets[set.place() / 64] |= 1 << (set.place() % 64);
                }
            }
        }
        PhonebooksCriterion { wanted, sets: sets.into() }
    }

    /// The phonebooks, as the route lists them.
    #[must_use]
    pub fn wanted(&self) -> &[WantedPhonebook] {
        &self.wanted
    }

    /// Whether this phonebook is wanted.
    #[must_use]
    pub fn wants_phonebook(&self, ordinal: PhonebookOrdinal) -> bool {
        self.wanted.iter().any(|phonebook| phonebook.ordinal == Some(ordinal))
    }

    /// Whether at least one phonebook of the set is wanted. Constant time.
    #[must_use]
    pub fn wants(&self, set: PhonebookSet) -> bool {
        self.sets.get(set.place() / 64).is_some_and(|bits| bits >> (set.place() % 64) & 1 == 1)
    }
}
