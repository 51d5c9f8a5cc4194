//! What is probably not meant in a set of inbound routes: it works, but not as somebody thinks.
//!
//! A warning is never wrong about what it says: where it cannot be sure (does this pattern take every call of
//! that one?) it says nothing.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use jiff::Timestamp;

use crate::settings::{InboundRoute, OlderData};
use crate::snapshot::route_table::{CompiledTime, NumberCriterion};
use crate::snapshot::{CompiledRoute, LastSynced, RouteError, Snapshot};

/// Most warnings about one set of routes.
pub const MAX_WARNINGS: usize = 1000;

/// Something that works, and is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteWarning {
    /// Name of the route; empty when it is about all of them.
    pub route: String,
    /// In what way.
    pub kind: RouteWarningKind,
    /// A sentence for people.
    pub message: String,
}

/// What may be wrong with a set of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteWarningKind {
    /// An older version of the program accepted it, or what it refers to, and it cannot work: calls are answered
    /// without it.
    LeftOut,
    /// A route before it takes every call that it could take.
    Shadowed,
    /// It can take no call.
    Unreachable,
    /// No route is sure to take the calls that no other route takes.
    NoCatchAll,
    /// It asks for a phonebook that does not exist.
    MissingPhonebook,
    /// It asks for a phonebook that nobody is in.
    EmptyPhonebook,
    /// It asks for a phonebook whose source was never read successfully.
    NeverSynced,
    /// Its range of dialled numbers overlaps another's.
    OverlappingRanges,
    /// Its destination is not listed, which the settings allow.
    UnknownDestination,
    /// It asks for a time condition whose dates are all over.
    TimeIsOver,
}

/// Looks at the routes of a snapshot. `at` tells which dates are over.
#[must_use]
pub fn check(snapshot: &Snapshot, at: Timestamp) -> Vec<RouteWarning> {
    let mut findings = Findings::default();
    check_left_out(snapshot, &mut findings);
    check_routes(snapshot, at, &mut findings);
    for route in enabled(snapshot) {
        check_phonebooks(snapshot, route, &mut findings);
    }
    findings.in_order(snapshot)
}

/// Looks at the routes of a snapshot that was made without contacts, and so has no phonebooks.
#[must_use]
pub fn check_without_contacts(snapshot: &Snapshot, at: Timestamp) -> Vec<RouteWarning> {
    let mut findings = Findings::default();
    check_routes(snapshot, at, &mut findings);
    findings.in_order(snapshot)
}

/// A route that is off is missed by nobody.
fn check_left_out(snapshot: &Snapshot, findings: &mut Findings) {
    let routes = snapshot.routes().left_out();
    let route_of = |error: &RouteError| routes.iter().find(|route| route.error == *error);
    let left_out = snapshot.left_out().iter().map(|error| (error, route_of(error)));
    let missed = left_out.filter(|(_, route)| route.is_none_or(|route| route.settings.enabled));
    for (error, route) in missed.take(MAX_WARNINGS / 2) {
        let RouteError { field, problem, .. } = error;
        let (name, what) = match route {
            Some(route) => (route.settings.name.as_str(), format!("{field}: {problem}")),
            None => ("", error.to_string()),
        };
        let message = format!("stored by an older version, and refused by this one: {what}");
        findings.add(name, RouteWarningKind::LeftOut, message);
    }
}

#[derive(Default)]
struct Findings {
    warnings: Vec<RouteWarning>,
}

impl Findings {
    fn add(&mut self, route: &str, kind: RouteWarningKind, message: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(RouteWarning { route: route.to_owned(), kind, message });
        }
    }

    fn in_order(mut self, snapshot: &Snapshot) -> Vec<RouteWarning> {
        let working =
            snapshot.routes().routes().iter().map(|route| (route.settings().name.as_str(), route.place()));
        let left_out =
            snapshot.routes().left_out().iter().map(|route| (route.settings.name.as_str(), route.place));
        let places: std::collections::HashMap<&str, usize> = working.chain(left_out).collect();
        self.warnings
            .sort_by_key(|warning| places.get(warning.route.as_str()).copied().unwrap_or(usize::MAX));
        self.warnings
    }
}

fn enabled(snapshot: &Snapshot) -> impl Iterator<Item = &CompiledRoute> {
    snapshot.routes().routes().iter().filter(|route| route.settings().enabled)
}

fn check_routes(snapshot: &Snapshot, at: Timestamp, findings: &mut Findings) {
    let routes: Vec<&CompiledRoute> = enabled(snapshot).collect();
    let catch_all = routes.iter().position(|route| is_catch_all(route));
    match catch_all {
        None => findings.add(
            "",
            RouteWarningKind::NoCatchAll,
            "no route is sure to take every call: calls that no route takes go where the call handler's own \
             default says"
                .to_owned(),
        ),
        Some(place) => {
            let first = &routes[place].settings().name;
            for route in &routes[place + 1..] {
                let message = format!("it is behind {first:?}, which takes every call");
                findings.add(&route.settings().name, RouteWarningKind::Unreachable, message);
            }
        }
    }
    let reachable = &routes[..catch_all.map_or(routes.len(), |place| place + 1)];
    for (place, route) in reachable.iter().enumerate() {
        if let Some(before) = reachable[..place].iter().find(|before| covers(before, route)) {
            let message =
                format!("{:?} before it takes every call that it could take", before.settings().name);
            findings.add(&route.settings().name, RouteWarningKind::Shadowed, message);
        }
        check_times(route, at, findings);
        check_destinations(snapshot, route, findings);
    }
    check_ranges(reachable, findings);
}

fn holds_always(times: &[CompiledTime]) -> bool {
    times.is_empty() || times.iter().any(|time| time.condition.is_none())
}

fn is_catch_all(route: &CompiledRoute) -> bool {
    let settings = route.settings();
    settings.trunks.is_empty()
        && settings.dids.is_empty()
        && settings.attestation.is_none()
        && !route.asks_for_caller()
        && holds_always(route.times())
}

/// Whether `before` takes every call that `route` could take.
fn covers(before: &CompiledRoute, route: &CompiledRoute) -> bool {
    covers_trunks(before.settings(), route.settings())
        && covers_numbers(before.dids(), route.dids())
        && covers_caller(before, route)
        && before
            .settings()
            .attestation
            .is_none_or(|lowest| route.settings().attestation.is_some_and(|asked| asked <= lowest))
        && covers_times(before.times(), route.times())
}

fn covers_trunks(before: &InboundRoute, route: &InboundRoute) -> bool {
    before.trunks.is_empty()
        || !route.trunks.is_empty() && route.trunks.iter().all(|trunk| before.trunks.contains(trunk))
}

fn covers_numbers(before: &[NumberCriterion], asked: &[NumberCriterion]) -> bool {
    before.is_empty()
        || !asked.is_empty() && asked.iter().all(|asked| before.iter().any(|before| before.covers(asked)))
}

fn covers_caller(before: &CompiledRoute, route: &CompiledRoute) -> bool {
    let (first, second) = (before.settings(), route.settings());
    if !before.asks_for_caller() {
        return true;
    }
    let passes_over_none = |settings: &InboundRoute| {
        settings.freshness.is_none_or(|freshness| freshness.older == OlderData::Use)
    };
    let is_as_fresh = first.freshness == second.freshness;
    let covers_phonebooks = || {
        second.phonebooks.is_empty()
            || (passes_over_none(first) || is_as_fresh)
                && second
                    .phonebooks
                    .iter()
                    .all(|name| first.phonebooks.iter().any(|other| other.is_same_as(name)))
    };
    // Whose phonebooks are passed over is in none.
    let covers_strangers =
        !second.in_no_phonebook || first.in_no_phonebook && (passes_over_none(second) || is_as_fresh);
    route.asks_for_caller()
        && second.withheld <= first.withheld
        && covers_strangers
        && (second.callers.is_empty()
            || !first.callers.is_empty() && covers_numbers(before.callers(), route.callers()))
        && covers_phonebooks()
}

fn covers_times(before: &[CompiledTime], asked: &[CompiledTime]) -> bool {
    let name = |time: &CompiledTime| time.condition.as_ref().map(|condition| condition.name().to_owned());
    let names: HashSet<_> = before.iter().map(name).collect();
    holds_always(before) || !holds_always(asked) && asked.iter().all(|time| names.contains(&name(time)))
}

fn check_times(route: &CompiledRoute, at: Timestamp, findings: &mut Findings) {
    let mut over = Vec::new();
    for condition in route.times().iter().filter_map(|time| time.condition.as_ref()) {
        if !condition.can_still_hold(at) {
            over.push(condition.name());
            let message = format!("all dates of the time condition {:?} are over", condition.name());
            findings.add(&route.settings().name, RouteWarningKind::TimeIsOver, message);
        }
    }
    if !over.is_empty() && over.len() == route.times().len() {
        let message = "it can take no call: its time conditions will never hold again".to_owned();
        findings.add(&route.settings().name, RouteWarningKind::Unreachable, message);
    }
}

fn check_destinations(snapshot: &Snapshot, route: &CompiledRoute, findings: &mut Findings) {
    if snapshot.destinations().is_closed() || !snapshot.destinations().has_list() {
        return;
    }
    let of_times = route.times().iter().filter_map(|time| time.destination.as_ref());
    for (kind, target) in of_times.chain([route.destination()]).filter_map(|destination| destination.fixed())
    {
        if !snapshot.destinations().lists(kind, target) {
            let message = format!("there is no {} {target:?} among the destinations", kind.name());
            findings.add(&route.settings().name, RouteWarningKind::UnknownDestination, message);
        }
    }
}

/// Ranges that have some numbers in common but are not the same. Two routes for the same range, each for other
/// callers, are how routes are meant to be used.
fn check_ranges(routes: &[&CompiledRoute], findings: &mut Findings) {
    let mut ranges: Vec<_> = routes
        .iter()
        .enumerate()
        .flat_map(|(place, route)| {
            let ranges = route.dids().iter().filter_map(NumberCriterion::range);
            ranges.map(move |range| {
                (range.is_international(), range.ends().0.len(), range.ends(), place, range)
            })
        })
        .collect();
    ranges.sort_by_key(|(international, length, ends, place, _)| (*international, *length, *ends, *place));
    for (first, range) in ranges.iter().enumerate() {
        let same_kind =
            |other: &&(bool, usize, (&str, &str), usize, _)| (other.0, other.1) == (range.0, range.1);
        for other in ranges[first + 1..].iter().take_while(same_kind) {
            if other.2.0 > range.2.1 || findings.warnings.len() >= MAX_WARNINGS {
                break;
            }
            if other.2 == range.2 {
                continue;
            }
            let (earlier, later) = if range.3 <= other.3 { (range, other) } else { (other, range) };
            let [before, behind] = [earlier.3, later.3].map(|place| &routes[place].settings().name);
            let message = format!("its dialled numbers {} overlap {} of {before:?}", later.4, earlier.4);
            findings.add(behind, RouteWarningKind::OverlappingRanges, message);
        }
    }
}

fn check_phonebooks(snapshot: &Snapshot, route: &CompiledRoute, findings: &mut Findings) {
    let contacts = snapshot.contacts();
    let name = &route.settings().name;
    let wanted = route.phonebooks().wanted();
    for phonebook in wanted {
        let shown = phonebook.name.as_str();
        let (kind, message) = match phonebook.ordinal {
            None => (RouteWarningKind::MissingPhonebook, format!("there is no phonebook {shown:?}")),
            Some(ordinal) if snapshot.last_synced(ordinal) == LastSynced::Never => {
                let message = format!("the phonebook {shown:?} was never synchronised");
                (RouteWarningKind::NeverSynced, message)
            }
            Some(ordinal) => {
                let is_in = |set| contacts.phonebooks_in(set).contains(&ordinal);
                if contacts.phonebook_sets().any(is_in) {
                    continue;
                }
                (RouteWarningKind::EmptyPhonebook, format!("nobody is in the phonebook {shown:?}"))
            }
        };
        findings.add(name, kind, message);
    }
    let settings = route.settings();
    let asks_only_for_phonebooks =
        settings.callers.is_empty() && !settings.withheld && !settings.in_no_phonebook;
    if !wanted.is_empty() && asks_only_for_phonebooks && wanted.iter().all(|one| one.ordinal.is_none()) {
        let message =
            "it can take no call: it asks for callers in phonebooks of which none exists".to_owned();
        findings.add(name, RouteWarningKind::Unreachable, message);
    }
}
