//! Where the route that takes a call sends it: always the same, or told by the dialled number or the contact.

use std::borrow::Cow;

use super::explain::Tracer;
use super::{Attempt, Met};
use crate::settings::DestinationType;
use crate::snapshot::destinations::{CompiledDestination, CompiledTarget};
use crate::snapshot::{CompiledRoute, Snapshot};

/// Where a call is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenDestination<'a> {
    /// What kind of thing.
    pub destination_type: DestinationType,
    /// Which of them; may be empty for [`DestinationType::HangUp`].
    pub target: Cow<'a, str>,
}

impl ChosenDestination<'_> {
    /// How the call handler dials it, if the settings say so.
    #[must_use]
    pub fn dial_string(&self, snapshot: &Snapshot) -> Option<String> {
        snapshot.destinations().dial_string(self.destination_type, &self.target)
    }
}

impl<'a> Attempt<'a, '_> {
    pub(super) fn destination<T: Tracer>(
        &self,
        route: &'a CompiledRoute,
        met: &Met<'a>,
        tracer: &mut T,
    ) -> ChosenDestination<'a> {
        let of_time = met.time.and_then(|time| Some((time, time.destination.as_ref()?)));
        let destination = match of_time {
            Some((time, destination)) => {
                tracer.destination(|| {
                    let name = time.condition.as_ref().map_or(crate::settings::ALWAYS, |c| c.name());
                    format!("The time condition {name:?} has a destination of its own.")
                });
                destination
            }
            None => route.destination(),
        };
        self.resolve(route, destination, met, tracer)
    }

    fn resolve<T: Tracer>(
        &self,
        route: &'a CompiledRoute,
        destination: &'a CompiledDestination,
        met: &Met<'a>,
        tracer: &mut T,
    ) -> ChosenDestination<'a> {
        let chosen = |destination_type, target| ChosenDestination { destination_type, target };
        let kind = destination.destination_type;
        match &destination.target {
            CompiledTarget::Fixed(target) => chosen(kind, Cow::Borrowed(target)),
            // A route with such a target is taken by a dialled number that has what it needs, or not at all.
            CompiledTarget::ExtensionInDid => {
                let extension = met.did.and_then(|fit| self.did.extension(fit)).unwrap_or_default();
                tracer.destination(|| format!("The extension in the dialled number is {extension}."));
                chosen(kind, Cow::Owned(extension))
            }
            CompiledTarget::SamePlaceIn(range) => {
                let place = met.did.and_then(|fit| self.did.place_in_range(fit));
                let target = place.and_then(|place| range.number_at(place)).unwrap_or_default();
                tracer.destination(|| {
                    format!("At the place that the dialled number has in its range, {range} has {target}.")
                });
                chosen(kind, Cow::Owned(target))
            }
            CompiledTarget::OfContact(fallback) => match self.contact_extension(route, met) {
                Some((name, extension)) => {
                    tracer.destination(|| format!("The own extension of {name} is {extension}."));
                    chosen(DestinationType::Extension, Cow::Borrowed(extension))
                }
                None => {
                    tracer.destination(|| self.explain_no_extension(route.settings().freshness));
                    self.resolve(route, fallback, met, tracer)
                }
            },
        }
    }

    /// Name and own extension of the contact who calls: the one in the route's phonebooks before others.
    fn contact_extension(&self, route: &CompiledRoute, met: &Met<'_>) -> Option<(&'a str, &'a str)> {
        // Nobody looked for a member when the caller's number was enough.
        let member = met.member.or_else(|| self.member_of(route));
        let freshness = route.settings().freshness;
        let all = member.into_iter().chain(self.caller_match.contacts().iter().copied());
        let contacts = all.filter(|posting| !self.is_passed_over(*posting, freshness));
        let mut with_extensions = contacts.map(|posting| {
            let contact = self.snapshot.contacts().contact(posting.contact());
            (contact.display_name, contact.own_extension.trim())
        });
        with_extensions.find(|(_, extension)| self.snapshot.destinations().can_dial_extension(extension))
    }
}
