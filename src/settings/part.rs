//! The parts of the settings as things that can be edited one by one, and what refers to them.

use serde::Serialize;

use super::{
    ClientPolicy, Destination, DestinationType, Extension, HistorySettings, InboundRoute, LimitSettings,
    ListedDestination, NumberSettings, RoutingSettings, Settings, TimeCondition, Trunk, VisibilityGrant,
    folded_name,
};

/// A part of the settings that is there once.
pub trait SinglePart: Serialize + Clone + PartialEq {
    /// What it is, for people.
    const WHAT: &'static str;
    /// Where it is.
    fn of(settings: &mut Settings) -> &mut Self;
}

/// A thing of which the settings have a list.
pub trait ListedPart: Serialize + Clone + PartialEq {
    /// What it is, for people.
    const WHAT: &'static str;
    /// Where all of them are.
    fn list(settings: &mut Settings) -> &mut Vec<Self>;
    /// By what it is told from the others.
    fn name(&self) -> String;

    /// Whether this is its name.
    fn is_called(&self, name: &str) -> bool {
        folded_name(&self.name()) == folded_name(name)
    }

    /// What of the settings cannot be without it, such as `inbound route "Sales"`, when the settings as a whole would
    /// not say so by themselves.
    fn users(&self, _settings: &Settings) -> Vec<String> {
        Vec::new()
    }

    /// Lets everything that referred to `self` refer to what takes its place.
    fn hand_over(&self, _to: &Self, _settings: &mut Settings) {}
}

macro_rules! single {
    ($type:ty, $what:literal, $field:ident) => {
        impl SinglePart for $type {
            const WHAT: &'static str = $what;
            fn of(settings: &mut Settings) -> &mut Self {
                &mut settings.$field
            }
        }
    };
}

single!(NumberSettings, "how numbers are read and compared", numbers);
single!(LimitSettings, "the limits", limits);
single!(HistorySettings, "how much history is kept", history);
single!(RoutingSettings, "how destinations are dialled", routing);
single!(ClientPolicy, "the client policy", client_policy);

impl ListedPart for Trunk {
    const WHAT: &'static str = "trunk";
    fn list(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.trunks
    }
    fn name(&self) -> String {
        self.name.clone()
    }
    fn users(&self, settings: &Settings) -> Vec<String> {
        routes_that(settings, |route| route.trunks.contains(&self.name))
    }
    fn hand_over(&self, to: &Self, settings: &mut Settings) {
        let names = settings.inbound_routes.iter_mut().flat_map(|route| &mut route.trunks);
        names.filter(|name| **name == self.name).for_each(|name| to.name.clone_into(name));
    }
}

impl ListedPart for TimeCondition {
    const WHAT: &'static str = "time condition";
    fn list(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.time_conditions
    }
    fn name(&self) -> String {
        self.name.clone()
    }
    fn users(&self, settings: &Settings) -> Vec<String> {
        routes_that(settings, |route| route.times.iter().any(|time| self.is_called(&time.condition)))
    }
    fn hand_over(&self, to: &Self, settings: &mut Settings) {
        let times = settings.inbound_routes.iter_mut().flat_map(|route| &mut route.times);
        let times = times.filter(|time| self.is_called(&time.condition));
        times.for_each(|time| to.name.clone_into(&mut time.condition));
    }
}

impl ListedPart for ListedDestination {
    const WHAT: &'static str = "destination";
    fn list(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.destinations
    }
    fn name(&self) -> String {
        format!("{} {}", self.destination_type.name(), self.target)
    }
    fn is_called(&self, name: &str) -> bool {
        name.split_once(' ') == Some((self.destination_type.name(), &self.target))
    }
    fn users(&self, settings: &Settings) -> Vec<String> {
        // An extension may be there for another reason: it has a name, or is in a range. Whether it still is, the
        // settings as a whole say.
        match self.destination_type {
            DestinationType::Extension => Vec::new(),
            _ => routes_that(settings, |route| destinations(route).iter().any(|to| self.is(to))),
        }
    }
    fn hand_over(&self, to: &Self, settings: &mut Settings) {
        each_destination(settings, |destination| {
            if self.is(destination) {
                destination.destination_type = to.destination_type;
                to.target.clone_into(&mut destination.target);
            }
        });
    }
}

impl ListedDestination {
    fn is(&self, destination: &Destination) -> bool {
        (self.destination_type, &self.target) == (destination.destination_type, &destination.target)
    }
}

impl ListedPart for Extension {
    const WHAT: &'static str = "extension";
    fn list(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.extensions
    }
    fn name(&self) -> String {
        self.number.clone()
    }
    fn is_called(&self, name: &str) -> bool {
        self.number == name
    }
    fn hand_over(&self, to: &Self, settings: &mut Settings) {
        let numbers = settings.visibility_grants.iter_mut().flat_map(|grant| &mut grant.extensions);
        numbers.filter(|number| **number == self.number).for_each(|number| to.number.clone_into(number));
        let kinds = [DestinationType::Extension, DestinationType::Voicemail, DestinationType::FaxToEmail];
        each_destination(settings, |destination| {
            if kinds.contains(&destination.destination_type) && destination.target == self.number {
                to.number.clone_into(&mut destination.target);
            }
        });
    }
}

impl ListedPart for VisibilityGrant {
    const WHAT: &'static str = "visibility grant";
    fn list(settings: &mut Settings) -> &mut Vec<Self> {
        &mut settings.visibility_grants
    }
    fn name(&self) -> String {
        self.name.clone()
    }
}

fn routes_that(settings: &Settings, refer: impl Fn(&InboundRoute) -> bool) -> Vec<String> {
    let routes = settings.inbound_routes.iter().filter(|route| refer(route));
    routes.map(|route| format!("inbound route {:?}", route.name)).collect()
}

/// Where a route can send calls: its destination and those of its times, with those that stand in for them.
fn destinations(route: &InboundRoute) -> Vec<&Destination> {
    let mut all: Vec<&Destination> =
        route.times.iter().filter_map(|time| time.destination.as_ref()).collect();
    all.push(&route.destination);
    let mut place = 0;
    while let Some(destination) = all.get(place) {
        let fallback = destination.fallback.as_deref();
        all.extend(fallback);
        place += 1;
    }
    all
}

fn each_destination(settings: &mut Settings, mut change: impl FnMut(&mut Destination)) {
    for route in &mut settings.inbound_routes {
        let own = std::iter::once(&mut route.destination);
        for destination in own.chain(route.times.iter_mut().filter_map(|time| time.destination.as_mut())) {
            let mut next = Some(destination);
            while let Some(destination) = next {
                change(destination);
                next = destination.fallback.as_deref_mut();
            }
        }
    }
}
