//! The snapshot: everything that a call's decision needs, immutable, of one generation.
//!
//! A call loads it once from [`CurrentSnapshot`] and hands `&Snapshot` down, so a match and the route that
//! follows from it always belong to the same generation. An edited route makes a new snapshot that shares
//! the contact index with the one before.

mod current;
pub mod pattern;
pub mod route_table;

use std::collections::HashMap;
use std::sync::Arc;

use crate::generation::Generation;
use crate::index::ContactIndex;
use crate::phone_number::Region;
use crate::settings::Settings;

pub use current::{CurrentSnapshot, StaleSnapshot};
pub use route_table::{CompiledRoute, RouteError, RouteTable};

/// Everything that a call's decision needs. Immutable.
#[derive(Debug)]
pub struct Snapshot {
    generation: Generation,
    contacts: Arc<ContactIndex>,
    routes: RouteTable,
    default_region: Option<Region>,
    trunk_regions: HashMap<String, Region>,
    last_digits: Option<u8>,
}

impl Snapshot {
    /// Puts contacts and settings together. Fails when an inbound route cannot work.
    pub fn new(
        generation: Generation,
        contacts: Arc<ContactIndex>,
        settings: &Settings,
    ) -> Result<Self, RouteError> {
        let trunk_regions: HashMap<String, Region> = settings
            .trunks
            .iter()
            .filter_map(|trunk| Some((trunk.name.clone(), trunk.default_region?)))
            .collect();
        let default_region = settings.numbers.default_region;
        let mut regions = vec![default_region];
        for region in trunk_regions.values() {
            if !regions.contains(&Some(*region)) {
                regions.push(Some(*region));
            }
        }
        let routes = RouteTable::compile(&settings.inbound_routes, &contacts, &regions)?;
        Ok(Snapshot {
            generation,
            contacts,
            routes,
            default_region,
            trunk_regions,
            last_digits: Some(settings.numbers.last_digits).filter(|count| *count > 0),
        })
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

    /// The inbound routes.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The region of numbers that are not written internationally on this trunk; the general one for a
    /// trunk that is unknown or has none of its own.
    #[must_use]
    pub fn region_of(&self, trunk: &str) -> Option<Region> {
        self.trunk_regions.get(trunk).copied().or(self.default_region)
    }

    /// How many last digits are enough for a match when there is no exact one.
    #[must_use]
    pub fn last_digits(&self) -> Option<u8> {
        self.last_digits
    }
}
