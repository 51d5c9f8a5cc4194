//! Where calls from a contact would go.

use jiff::Timestamp;

use super::not_found;
use crate::contact::{ContactId, ContactNumber};
use crate::engine::{Engine, EngineError};
use crate::routing::{self, Call};
use crate::settings::Destination;

/// Where a call from one number of a contact would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRoute {
    /// The number.
    pub number: ContactNumber,
    /// Name of the trunk that the call comes in on; empty: on none that is known.
    pub trunk: String,
    /// Name of the route that takes the call; empty: none does.
    pub route: String,
    /// Where it goes; `None` without a route.
    pub destination: Option<Destination>,
    /// Whether the contact is among those that the caller is taken for.
    pub is_matched: bool,
}

impl Engine {
    /// Where calls from each number of a contact to `did` would go at a time: on no known trunk, then on each
    /// trunk of the settings. Blocks.
    pub fn contact_routes(
        &self,
        id: ContactId,
        did: &str,
        at: Timestamp,
    ) -> Result<Vec<NumberRoute>, EngineError> {
        let (contact, settings) = self.read(|reading| {
            Ok::<_, EngineError>((
                reading.contact(id)?.ok_or_else(|| not_found("contact", id))?,
                reading.settings()?,
            ))
        })?;
        let loaded = self.snapshot();
        let Some(snapshot) = loaded.as_ref() else { return Ok(Vec::new()) };
        let mut routes = Vec::new();
        for number in &contact.details.numbers {
            let caller = number.number.to_string();
            for trunk in std::iter::once("").chain(settings.trunks.iter().map(|trunk| trunk.name.as_str())) {
                let call = Call { caller: &caller, did, trunk, attestation: None, at };
                let decision = routing::decide(snapshot, &call);
                let found = decision.caller_match.contacts();
                routes.push(NumberRoute {
                    number: number.clone(),
                    trunk: trunk.to_owned(),
                    route: decision.route.map(|route| route.name.clone()).unwrap_or_default(),
                    destination: decision.destination.map(|chosen| Destination {
                        destination_type: chosen.destination_type,
                        target: chosen.target.into_owned(),
                        fallback: None,
                    }),
                    is_matched: found
                        .iter()
                        .any(|posting| snapshot.contacts().contact(posting.contact()).id == id),
                });
            }
        }
        Ok(routes)
    }
}
