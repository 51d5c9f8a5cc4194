//! The destinations of routes, checked against what there is and how it is dialled.

use super::{
    Destinations, MAX_TARGET_CHARACTERS, Problem, at_most, check_target, is_numbered, one_line, problem,
};
use crate::settings::{Destination, DestinationType};
use crate::snapshot::number_range::NumberRange;
use crate::snapshot::pattern::EXTENSION;
use crate::snapshot::route_table::NumberCriterion;

/// Most extensions of a range that are looked up, one by one.
const MAX_CHECKED_RANGE: u64 = 100_000;

/// A destination of a route, checked.
#[derive(Debug)]
pub struct CompiledDestination {
    /// What kind of thing.
    pub destination_type: DestinationType,
    /// Which of them.
    pub target: CompiledTarget,
}

/// Which of the things of its kind a destination is.
#[derive(Debug)]
pub enum CompiledTarget {
    /// Always the same.
    Fixed(String),
    /// What `{{.Ext}}` stands for in the dialled number.
    ExtensionInDid,
    /// The one at the same place as the dialled number has in the route's one range.
    SamePlaceIn(NumberRange),
    /// The own extension of the contact who calls, or else another destination.
    OfContact(Box<CompiledDestination>),
}

impl CompiledDestination {
    /// What it is, when that is always the same.
    #[must_use]
    pub fn fixed(&self) -> Option<(DestinationType, &str)> {
        match &self.target {
            CompiledTarget::Fixed(target) => Some((self.destination_type, target)),
            CompiledTarget::OfContact(fallback) => fallback.fixed(),
            CompiledTarget::ExtensionInDid | CompiledTarget::SamePlaceIn(_) => None,
        }
    }
}

impl Destinations {
    /// Checks a destination of a route that asks for these dialled numbers.
    pub(in crate::snapshot) fn compile_for(
        &self,
        field: &str,
        destination: &Destination,
        dids: &[NumberCriterion],
    ) -> Result<CompiledDestination, Problem> {
        let Destination { destination_type: kind, target, fallback } = destination;
        let (kind, target_field) = (*kind, format!("{field}.target"));
        at_most(&target_field, target, MAX_TARGET_CHARACTERS)?;
        one_line(&target_field, target)?;
        let compiled = |target| CompiledDestination { destination_type: kind, target };
        match (kind, fallback) {
            (DestinationType::ContactExtension, Some(fallback)) => {
                if !target.is_empty() {
                    let what = format!("found {target:?}: the target is the contact's, so leave it out");
                    return Err(problem(target_field, what));
                }
                if fallback.destination_type == DestinationType::ContactExtension {
                    let what = "contact_extension cannot be its own fallback";
                    return Err(problem(format!("{field}.fallback.type"), what));
                }
                let fallback = self.compile_for(&format!("{field}.fallback"), fallback, dids)?;
                return Ok(compiled(CompiledTarget::OfContact(Box::new(fallback))));
            }
            (DestinationType::ContactExtension, None) => {
                let what = "it is missing; say where calls go when the contact has no extension of its own";
                return Err(problem(format!("{field}.fallback"), what));
            }
            (_, Some(_)) => {
                let what = format!("{} has no fallback, only contact_extension has one", kind.name());
                return Err(problem(format!("{field}.fallback"), what));
            }
            (DestinationType::HangUp, None) => {
                check_cause(&target_field, target)?;
                return Ok(compiled(CompiledTarget::Fixed(target.clone())));
            }
            _ => check_target(&target_field, target)?,
        }
        if target.contains(EXTENSION) {
            check_extension_target(kind, target, dids).map_err(|what| problem(&*target_field, what))?;
            return Ok(compiled(CompiledTarget::ExtensionInDid));
        }
        let range = is_numbered(kind).then(|| NumberRange::parse(target)).flatten();
        if let Some(range) = range {
            let range = range
                .map_err(|error| problem(&*target_field, format!("{target:?} is not a range: {error}")))?;
            self.check_range_target(kind, &range, dids).map_err(|what| problem(target_field, what))?;
            return Ok(compiled(CompiledTarget::SamePlaceIn(range)));
        }
        self.check_dialled(&target_field, kind, target)?;
        if self.is_closed && !self.lists(kind, target) {
            return Err(problem(target_field, not_listed(kind, target)));
        }
        Ok(compiled(CompiledTarget::Fixed(target.clone())))
    }

    /// A range of extensions belongs to one range of dialled numbers, one to one.
    fn check_range_target(
        &self,
        kind: DestinationType,
        range: &NumberRange,
        dids: &[NumberCriterion],
    ) -> Result<(), String> {
        let [did] = dids else {
            return Err(format!(
                "{range} is a range, so the route needs exactly one range of dialled numbers; it has {} dids",
                dids.len()
            ));
        };
        let Some(dialled) = did.range() else {
            return Err(format!("{range} is a range, but the dialled number {did} is none"));
        };
        if dialled.count() != range.count() {
            return Err(format!(
                "{range} has {} numbers, but the dialled numbers {dialled} are {}; as many are needed",
                range.count(),
                dialled.count()
            ));
        }
        if !self.is_closed {
            return Ok(());
        }
        if range.count() > MAX_CHECKED_RANGE {
            return Err(format!(
                "{range} has {} numbers; {MAX_CHECKED_RANGE} at most are possible while destinations are listed",
                range.count()
            ));
        }
        let targets = (0..range.count()).filter_map(|place| range.number_at(place));
        match targets.into_iter().find(|target| !self.lists(kind, target)) {
            Some(missing) => Err(not_listed(kind, &missing)),
            None => Ok(()),
        }
    }
}

fn not_listed(kind: DestinationType, target: &str) -> String {
    format!(
        "there is no {} {target:?} among the destinations; add it there, or set routing.unlisted_destinations to \
         \"allowed\"",
        kind.name()
    )
}

fn check_extension_target(
    kind: DestinationType,
    target: &str,
    dids: &[NumberCriterion],
) -> Result<(), String> {
    if !is_numbered(kind) {
        return Err(format!("{EXTENSION} is for extension and voicemail, not for {}", kind.name()));
    }
    if target != EXTENSION {
        return Err(format!("{target:?}: {EXTENSION} is the whole target or no part of it"));
    }
    if dids.is_empty() {
        return Err(format!("{EXTENSION} needs dids with {EXTENSION}, and the route has no dids"));
    }
    match dids.iter().find(|did| !did.has_extension()) {
        Some(did) => Err(format!("{EXTENSION} is not in the dialled number {did}, so it would mean nothing")),
        None => Ok(()),
    }
}

fn check_cause(field: &str, target: &str) -> Result<(), Problem> {
    let is_code = target.len() == 3 && matches!(target.parse(), Ok(300_u16..=699));
    if target.is_empty() || is_code {
        return Ok(());
    }
    let expected = "a SIP response that ends a call attempt, 300 to 699 (RFC 3261, section 21), such as 603";
    Err(problem(field, format!("{target:?} is not {expected}; leave it out for the call handler's own")))
}
