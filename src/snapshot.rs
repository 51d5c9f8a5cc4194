//! The snapshot: everything that a call's decision needs, immutable, of one generation.
//!
//! A call loads it once from [`CurrentSnapshot`] and hands `&Snapshot` down, so a match and the route that
//! follows from it always belong to the same generation. An edited route makes a new snapshot that shares
//! the contact index with the one before.

mod counters;
mod current;
pub mod destinations;
mod last_synced;
pub mod number_range;
pub mod pattern;
mod replaceable;
pub mod route_table;
pub mod time_condition;
pub mod trunk;
pub mod visibility;

use std::collections::HashMap;
use std::sync::Arc;

use crate::generation::Generation;
use crate::index::{ContactIndex, PhonebookOrdinal};
use crate::phone_number::Region;
use crate::phonebook::PhonebookId;
use crate::settings::{ClientPolicy, Settings, folded_name};

use destinations::Destinations;
use route_table::Surroundings;
use time_condition::CompiledTimeCondition;
use trunk::Trunks;
use visibility::{NoViewer, Visibility};

pub use counters::{CallCounters, Counter};
pub use current::{CurrentSnapshot, StaleSnapshot};
pub use last_synced::LastSynced;
pub use route_table::{CompiledRoute, LeftOutRoute, RouteError, RouteTable};
pub use trunk::CompiledTrunk;

/// Everything that a call's decision needs. Immutable.
#[derive(Debug)]
pub struct Snapshot {
    generation: Generation,
    contacts: Arc<ContactIndex>,
    rules: Arc<Rules>,
    /// By [`PhonebookOrdinal::place`](crate::index::PhonebookOrdinal::place).
    last_synced: Box<[LastSynced]>,
    counters: Arc<CallCounters>,
}

/// What the settings say, compiled.
#[derive(Debug)]
struct Rules {
    routes: RouteTable,
    trunks: Trunks,
    destinations: Destinations,
    visibility: Visibility,
    client_policy: ClientPolicy,
    default_region: Option<Region>,
    last_digits: Option<u8>,
    shows_numbers: bool,
    left_out: Box<[RouteError]>,
}

impl Snapshot {
    /// Puts contacts and settings together. Fails when an inbound route, or what it refers to, cannot work.
    ///
    /// Phonebooks have no age until [`Self::with_last_synced`] gives them one.
    pub fn new(
        generation: Generation,
        contacts: Arc<ContactIndex>,
        settings: &Settings,
    ) -> Result<Self, RouteError> {
        let snapshot = Self::of_stored(generation, contacts, settings);
        match snapshot.left_out().first() {
            Some(error) => Err(error.clone()),
            None => Ok(snapshot),
        }
    }

    /// The same of settings that were accepted once: what cannot work all the same, because this version of the program
    /// is stricter or no longer knows a time zone, is [left out](Self::left_out) rather than keeping calls from being
    /// answered.
    #[must_use]
    pub fn of_stored(generation: Generation, contacts: Arc<ContactIndex>, settings: &Settings) -> Self {
        let mut left_out = Vec::new();
        let default_region = settings.numbers.default_region;
        let trunks = Trunks::compile(&settings.trunks, default_region, &mut left_out);
        let mut regions = vec![default_region];
        for region in trunks.regions() {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let mut time_conditions = HashMap::with_capacity(settings.time_conditions.len());
        for condition in &settings.time_conditions {
            let compiled = CompiledTimeCondition::compile(condition).map_err(|error| left_out.push(error));
            time_conditions.insert(folded_name(&condition.name), compiled.ok().map(Arc::new));
        }
        let Settings { routing, destinations, extensions, visibility_grants, .. } = settings;
        let destinations = Destinations::compile(routing, destinations, extensions, &mut left_out);
        let visibility =
            Visibility::compile(extensions, visibility_grants, &contacts, &destinations, &mut left_out);
        let around = Surroundings {
            contacts: &contacts,
            regions: &regions,
            time_conditions: &time_conditions,
            destinations: &destinations,
        };
        let routes = RouteTable::compile(&settings.inbound_routes, around, &mut left_out);
        let last_digits = Some(settings.numbers.last_digits).filter(|count| *count > 0);
        let shows_numbers = routing.shows_numbers;
        let rules = Rules {
            routes,
            trunks,
            destinations,
            visibility,
            client_policy: settings.client_policy.clone(),
            default_region,
            last_digits,
            shows_numbers,
            left_out: left_out.into(),
        };
        let last_synced = vec![LastSynced::Local; contacts.phonebooks().len()].into();
        let counters = Arc::default();
        Snapshot { generation, contacts, rules: Arc::new(rules), last_synced, counters }
    }

    /// The same, with the time at which each phonebook was last synchronised.
    #[must_use]
    pub fn with_last_synced(&self, of: impl Fn(PhonebookId) -> LastSynced) -> Self {
        Snapshot {
            generation: self.generation,
            contacts: Arc::clone(&self.contacts),
            rules: Arc::clone(&self.rules),
            last_synced: self.contacts.phonebooks().iter().map(|phonebook| of(phonebook.id)).collect(),
            counters: Arc::clone(&self.counters),
        }
    }

    /// The same, with these counters.
    #[must_use]
    pub fn with_counters(self, counters: CallCounters) -> Self {
        Snapshot { counters: Arc::new(counters), ..self }
    }

    /// What calls are counted with.
    #[must_use]
    pub fn counters(&self) -> &CallCounters {
        &self.counters
    }

    /// Which generation this is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The contacts.
    #[must_use]
    pub fn contacts(&self) -> &ContactIndex {
        &self.contacts
    }

    /// The contacts, to be shared with the next snapshot when only settings change.
    #[must_use]
    pub fn shared_contacts(&self) -> Arc<ContactIndex> {
        Arc::clone(&self.contacts)
    }

    /// When the data of a phonebook were last known to be those of its source.
    #[must_use]
    pub fn last_synced(&self, phonebook: PhonebookOrdinal) -> LastSynced {
        self.last_synced.get(phonebook.place()).copied().unwrap_or(LastSynced::Local)
    }

    /// The inbound routes.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.rules.routes
    }

    /// What of the settings is not served, since it cannot work; nothing, of settings that were accepted by this version.
    #[must_use]
    pub fn left_out(&self) -> &[RouteError] {
        &self.rules.left_out
    }

    /// Where calls can go.
    #[must_use]
    pub fn destinations(&self) -> &Destinations {
        &self.rules.destinations
    }

    /// For each phonebook, by its [place](PhonebookOrdinal::place), whether that extension sees it.
    pub fn visible_to(&self, extension: &str) -> Result<Box<[bool]>, NoViewer> {
        self.rules.visibility.of(extension, &self.contacts, &self.rules.destinations)
    }

    /// Which clients may use the directory.
    #[must_use]
    pub fn client_policy(&self) -> &ClientPolicy {
        &self.rules.client_policy
    }

    /// A trunk of the settings.
    #[must_use]
    pub fn trunk(&self, name: &str) -> Option<&CompiledTrunk> {
        self.rules.trunks.get(name)
    }

    /// Whether the trunk with this name takes a caller for who the number says: it neither rewrites callers' numbers, nor is
    /// this what it sends in place of one that is withheld.
    #[must_use]
    #[inline]
    pub fn takes_as_given(&self, trunk: &str, caller: &str) -> bool {
        self.rules.trunks.takes_as_given(trunk, caller)
    }

    /// The region of numbers that are not written internationally on a trunk; the general one for a call
    /// that came in on none that is known.
    #[must_use]
    pub fn region_of(&self, trunk: Option<&CompiledTrunk>) -> Option<Region> {
        trunk.map_or(self.rules.default_region, CompiledTrunk::region)
    }

    /// How many last digits are enough for a match when there is no exact one.
    #[must_use]
    pub fn last_digits(&self) -> Option<u8> {
        self.rules.last_digits
    }

    /// Whether the list of decisions may show callers' numbers whole.
    #[must_use]
    pub fn shows_numbers(&self) -> bool {
        self.rules.shows_numbers
    }
}
