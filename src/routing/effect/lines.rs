//! The lines that calls are tried out on: a trunk and a dialled number for everything that routes can tell
//! apart.
//!
//! Two trunks are alike when the same routes name them and they have the same region; two dialled numbers are
//! alike when they fit the same of those routes. One of each kind is taken: the first trunk of the settings,
//! and the first number, in the order of the routes, that its own pattern takes. An unknown trunk and a
//! dialled number that fits nothing are tried too.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::routing::number_forms::NumberForms;
use crate::settings::Trunk;
use crate::snapshot::pattern::SAMPLES;
use crate::snapshot::route_table::NumberCriterion;
use crate::snapshot::{CompiledRoute, CompiledTrunk, Snapshot};

/// Most lines; each is tried for every kind of caller.
pub const MAX_LINES: usize = 1000;

/// Most comparisons of a number with a pattern while lines are being found; some seconds.
const MAX_COMPARISONS: usize = 50_000_000;

/// Where a call could come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The trunk; empty for one that is unknown.
    pub trunk: String,
    /// The dialled number; empty for one that no pattern takes.
    pub did: String,
}

/// Lines that stand for all that routes can tell apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The lines: at most [`MAX_LINES`].
    pub lines: Vec<Line>,
    /// How many patterns of dialled numbers were not tried: no number could be found that fits them, or there
    /// are too many of them.
    pub left_out: u64,
}

impl Lines {
    /// The lines of a snapshot's routes.
    #[must_use]
    pub fn of(snapshot: &Snapshot, trunks: &[Trunk]) -> Lines {
        let mut finder = Finder { snapshot, found: Lines::default(), comparisons_left: MAX_COMPARISONS };
        let enabled: Vec<&CompiledRoute> =
            snapshot.routes().routes().iter().filter(|route| route.settings().enabled).collect();
        let mut naming: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, route) in enabled.iter().enumerate() {
            for trunk in &route.settings().trunks {
                naming.entry(trunk).or_default().push(place);
            }
        }
        let mut seen = HashSet::new();
        for trunk in std::iter::once("").chain(trunks.iter().map(|trunk| trunk.name.as_str())) {
            let named_by = naming.get(trunk).map(Vec::as_slice).unwrap_or_default();
            let region = snapshot.region_of(snapshot.trunk(trunk)).map(|region| region.to_string());
            let rewrites = snapshot.trunk(trunk).filter(|trunk| trunk.has_rules()).map(CompiledTrunk::name);
            if seen.insert((region, named_by, rewrites)) {
                let takes_trunk = |(place, route): &(usize, &&CompiledRoute)| {
                    route.settings().trunks.is_empty() || named_by.contains(place)
                };
                let routes: Vec<&CompiledRoute> =
                    enabled.iter().enumerate().filter(takes_trunk).map(|(_, route)| *route).collect();
                finder.find_dialled_numbers(trunk, &routes);
            }
        }
        finder.found
    }
}

struct Finder<'a> {
    snapshot: &'a Snapshot,
    found: Lines,
    comparisons_left: usize,
}

impl Finder<'_> {
    /// `routes` are those that take the trunk.
    fn find_dialled_numbers(&mut self, trunk: &str, routes: &[&CompiledRoute]) {
        let asking: Vec<&CompiledRoute> =
            routes.iter().copied().filter(|route| !route.dids().is_empty()).collect();
        let patterns: usize = asking.iter().map(|route| route.dids().len()).sum();
        let mut seen: HashSet<Vec<usize>> = HashSet::new();
        let samples = std::iter::once(None).chain(asking.iter().flat_map(|route| route.dids()).map(Some));
        for criterion in samples {
            let sample = match criterion {
                None => Some(String::new()),
                Some(criterion) => self.sample(trunk, criterion),
            };
            let is_room = self.found.lines.len() < MAX_LINES && self.comparisons_left >= patterns;
            let Some(did) = sample.filter(|_| is_room) else {
                self.found.left_out += 1;
                continue;
            };
            self.comparisons_left -= patterns;
            let read = self.as_read(trunk, &did);
            let forms = NumberForms::of_did(&read, self.snapshot.region_of(self.snapshot.trunk(trunk)));
            let taken_by =
                |(_, route): &(usize, &&CompiledRoute)| forms.find_fit(route.dids(), |_| true).is_some();
            let taken_by: Vec<usize> =
                asking.iter().enumerate().filter(taken_by).map(|(place, _)| place).collect();
            if seen.insert(taken_by) {
                self.found.lines.push(Line { trunk: trunk.to_owned(), did });
            }
        }
    }

    /// A dialled number that the pattern takes.
    fn sample(&self, trunk: &str, criterion: &NumberCriterion) -> Option<String> {
        let region = self.snapshot.region_of(self.snapshot.trunk(trunk));
        (0..SAMPLES).filter_map(|turn| criterion.sample(turn)).find(|sample| {
            let read = self.as_read(trunk, sample);
            let criteria = std::slice::from_ref(criterion);
            NumberForms::of_did(&read, region).find_fit(criteria, |_| true).is_some()
        })
    }

    /// The dialled number after the trunk's own rules.
    fn as_read<'d>(&self, trunk: &str, did: &'d str) -> Cow<'d, str> {
        self.snapshot.trunk(trunk).map_or(Cow::Borrowed(did), |trunk| trunk.rewrite_did(did))
    }
}
