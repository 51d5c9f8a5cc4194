//! Inbound routes, parsed and resolved against the phonebooks: ready to be tried.

use crate::index::ContactIndex;
use crate::settings::InboundRoute;

/// Why a set of inbound routes cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inbound route {route:?}, {field}: {problem}")]
pub struct RouteError {
    /// Name of the route.
    pub route: String,
    /// The field, such as `dids[2]`.
    pub field: String,
    /// What was found, where, what was expected.
    pub problem: String,
}

/// The inbound routes that are on, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct RouteTable {}

impl RouteTable {
    /// Parses every pattern and finds every phonebook.
    pub fn compile(_routes: &[InboundRoute], _contacts: &ContactIndex) -> Result<Self, RouteError> {
        todo!()
    }
}
