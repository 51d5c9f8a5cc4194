//! Inbound routes, parsed and resolved against the phonebooks: ready to be tried.
//!
//! Everything that can be found out before a call is found out here: patterns are parsed, numbers are
//! read in every region that a call can have, and the phonebooks of a route become one bit for each
//! distinct set of phonebooks that contacts have. A set of routes is compiled whole or not at all.

#[cfg(test)]
mod tests;
mod validate;

use crate::index::{ContactIndex, PhonebookOrdinal, PhonebookSet};
use crate::phone_number::{PhoneNumber, Region, normalise};
use crate::phonebook::PhonebookName;
use crate::settings::InboundRoute;

use super::pattern::NumberPattern;

pub use validate::{MAX_ALERT_INFO_CHARACTERS, MAX_NOTE_CHARACTERS, MAX_TARGET_CHARACTERS, MAX_VALUES};

/// Why a set of inbound routes cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inbound route {route:?}, {field}: {problem}")]
pub struct RouteError {
    /// Name of the route.
    pub route: String,
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
}

/// An inbound route, ready to be tried.
#[derive(Debug)]
pub struct CompiledRoute {
    settings: InboundRoute,
    dids: Box<[NumberCriterion]>,
    callers: Box<[NumberCriterion]>,
    phonebooks: PhonebooksCriterion,
}

/// One pattern of a route. A pattern that is just a number is also compared as a number, read as if it
/// had been dialled in the region of the call.
#[derive(Debug)]
pub struct NumberCriterion {
    pattern: NumberPattern,
    /// Few: one for each region in which it is a number at all.
    read_in_region: Box<[(Option<Region>, PhoneNumber)]>,
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
    /// Checks every field, parses every pattern and finds every phonebook.
    ///
    /// `regions`: all that a call can have, `None` among them if a call can have none.
    pub fn compile(
        routes: &[InboundRoute],
        contacts: &ContactIndex,
        regions: &[Option<Region>],
    ) -> Result<Self, RouteError> {
        validate::routes(routes)?;
        let compile = |route: &InboundRoute| {
            let numbers = |field, texts| compile_numbers(route, field, texts, regions);
            Ok(CompiledRoute {
                dids: numbers("dids", &route.dids)?,
                callers: numbers("callers", &route.callers)?,
                phonebooks: PhonebooksCriterion::compile(&route.phonebooks, contacts),
                settings: route.clone(),
            })
        };
        Ok(RouteTable { routes: routes.iter().map(compile).collect::<Result<_, RouteError>>()? })
    }

    /// All of them, in the order in which they are tried.
    #[must_use]
    pub fn routes(&self) -> &[CompiledRoute] {
        &self.routes
    }
}

fn compile_numbers(
    route: &InboundRoute,
    field: &str,
    texts: &[String],
    regions: &[Option<Region>],
) -> Result<Box<[NumberCriterion]>, RouteError> {
    let compile = |(place, text): (usize, &String)| {
        let pattern = NumberPattern::parse(text).map_err(|error| RouteError {
            route: route.name.clone(),
            field: format!("{field}[{place}]"),
            problem: format!("{text:?} is not a pattern of numbers: {error}"),
        })?;
        let read_in = |region: &Option<Region>| {
            let normalised = normalise(pattern.literal()?, *region).ok()?;
            Some((*region, normalised.number))
        };
        let read_in_region = regions.iter().filter_map(read_in).collect();
        Ok(NumberCriterion { pattern, read_in_region })
    };
    texts.iter().enumerate().map(compile).collect()
}

impl CompiledRoute {
    /// The route as it was set.
    #[must_use]
    pub fn settings(&self) -> &InboundRoute {
        &self.settings
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
}

impl NumberCriterion {
    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &NumberPattern {
        &self.pattern
    }

    /// The number it is in a region of the routes, when it is just a number.
    #[must_use]
    pub fn number_in(&self, region: Option<Region>) -> Option<PhoneNumber> {
        let (_, number) = self.read_in_region.iter().find(|(other, _)| *other == region)?;
        Some(*number)
    }
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

    /// Whether at least one phonebook of the set is wanted. Constant time.
    #[must_use]
    pub fn wants(&self, set: PhonebookSet) -> bool {
        self.sets.get(set.place() / 64).is_some_and(|bits| bits >> (set.place() % 64) & 1 == 1)
    }
}
