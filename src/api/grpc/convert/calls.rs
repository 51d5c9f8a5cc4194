//! What matching and routing found -> the answer to a call.

use super::{label, routes, timestamp};
use crate::api::proto::v1;
use crate::engine::{DecidedCaller, Decision};
use crate::index::{ContactView, PhonebookSet, Posting};
use crate::matching::{CallerMatch, MatchKind};
use crate::routing::{CallReading, CriterionOutcome, Explanation, RouteDecision, Step};
use crate::snapshot::Snapshot;

pub(in crate::api::grpc) fn match_response(
    snapshot: &Snapshot,
    found: &CallerMatch,
) -> v1::MatchCallerResponse {
    let v1::CallerMatch { status, e164, contacts, phonebooks, invalid_reason } =
        caller_match(snapshot, found);
    let generation = snapshot.generation().0;
    v1::MatchCallerResponse { status, e164, contacts, phonebooks, generation, invalid_reason }
}

pub(in crate::api::grpc) fn route_response(
    snapshot: &Snapshot,
    decision: &RouteDecision<'_>,
    explanation: Option<Explanation>,
) -> v1::RouteCallResponse {
    let RouteDecision { caller_match: found, route, place: _, destination, time_condition } = decision;
    let (steps, call_reading) = match explanation {
        Some(Explanation { steps, reading: call_reading }) => (steps, Some(reading(call_reading))),
        None => (Vec::new(), None),
    };
    let destination = destination.as_ref().map(|chosen| v1::Destination {
        r#type: routes::destination_type(chosen.destination_type).into(),
        target: chosen.target.clone().into_owned(),
        dial_string: chosen.dial_string(snapshot).unwrap_or_default(),
        fallback: None,
    });
    v1::RouteCallResponse {
        route: route.map(|route| route.name.clone()).unwrap_or_default(),
        destination,
        alert_info: route.map(|route| route.alert_info.clone()).unwrap_or_default(),
        r#match: Some(caller_match(snapshot, found)),
        explanation: steps.into_iter().map(step).collect(),
        generation: snapshot.generation().0,
        caller_name_prefix: route.map(|route| route.caller_name_prefix.clone()).unwrap_or_default(),
        time_condition: time_condition.map(str::to_owned).unwrap_or_default(),
        reading: call_reading,
    }
}

fn reading(reading: CallReading) -> v1::CallReading {
    let CallReading { caller_forms, did_forms, region, rewritten_caller, rewritten_did, at } = reading;
    v1::CallReading {
        caller_forms,
        did_forms,
        region: region.map(String::from).unwrap_or_default(),
        rewritten_caller: rewritten_caller.unwrap_or_default(),
        rewritten_did: rewritten_did.unwrap_or_default(),
        at: Some(timestamp(at)),
    }
}

/// A decision that was kept.
pub(in crate::api::grpc) fn decision(decision: Decision) -> v1::Decision {
    let (status, contacts) = match decision.caller {
        DecidedCaller::Matched(_, contacts) => (v1::MatchStatus::Matched, contacts),
        DecidedCaller::NotMatched(_) => (v1::MatchStatus::NotMatched, 0),
        DecidedCaller::Withheld => (v1::MatchStatus::Withheld, 0),
        DecidedCaller::Invalid => (v1::MatchStatus::Invalid, 0),
    };
    let caller = decision.caller_number();
    v1::Decision {
        at: Some(timestamp(decision.at)),
        status: status.into(),
        caller,
        contacts: u32::try_from(contacts).unwrap_or(u32::MAX),
        did: decision.did,
        trunk: decision.trunk,
        route: decision.route.unwrap_or_default(),
        destination: decision.destination.map(|(kind, target)| v1::Destination {
            r#type: routes::destination_type(kind).into(),
            target,
            ..Default::default()
        }),
        generation: decision.generation.0,
    }
}

fn caller_match(snapshot: &Snapshot, found: &CallerMatch) -> v1::CallerMatch {
    let (status, kind, invalid_reason) = match found {
        CallerMatch::Matched { kind, .. } => (v1::MatchStatus::Matched, match_kind(*kind), String::new()),
        CallerMatch::NotMatched(_) => {
            (v1::MatchStatus::NotMatched, v1::MatchKind::Unspecified, String::new())
        }
        CallerMatch::Withheld => (v1::MatchStatus::Withheld, v1::MatchKind::Unspecified, String::new()),
        CallerMatch::Invalid(why) => (v1::MatchStatus::Invalid, v1::MatchKind::Unspecified, why.to_string()),
    };
    let contacts: Vec<v1::MatchedContact> =
        found.contacts().iter().map(|posting| contact(snapshot, *posting, kind)).collect();
    let mut phonebooks: Vec<String> = Vec::new();
    for name in contacts.iter().flat_map(|contact| &contact.phonebooks) {
        if !phonebooks.contains(name) {
            phonebooks.push(name.clone());
        }
    }
    let e164 = found.number().map(|number| number.to_string()).unwrap_or_default();
    v1::CallerMatch { status: status.into(), e164, contacts, phonebooks, invalid_reason }
}

fn match_kind(kind: MatchKind) -> v1::MatchKind {
    match kind {
        MatchKind::Exact => v1::MatchKind::Exact,
        MatchKind::LastDigits => v1::MatchKind::LastDigits,
    }
}

fn contact(snapshot: &Snapshot, posting: Posting, kind: v1::MatchKind) -> v1::MatchedContact {
    let ContactView { id, source, source_key, display_name, company, own_extension: _ } =
        snapshot.contacts().contact(posting.contact());
    v1::MatchedContact {
        contact_id: id.0,
        source: source.to_owned(),
        source_key: source_key.to_owned(),
        display_name: display_name.to_owned(),
        company: company.to_owned(),
        number_label: label(posting.label()).into(),
        phonebooks: phonebooks_in(snapshot, posting.phonebooks()),
        match_kind: kind.into(),
    }
}

fn phonebooks_in(snapshot: &Snapshot, set: PhonebookSet) -> Vec<String> {
    let contacts = snapshot.contacts();
    let ordinals = contacts.phonebooks_in(set).iter();
    ordinals.map(|ordinal| contacts.phonebook(*ordinal).name.as_str().to_owned()).collect()
}

fn step(Step { route, taken, criteria, destination_why }: Step) -> v1::ExplanationStep {
    let criteria = criteria
        .into_iter()
        .map(|CriterionOutcome { criterion, compared, held, why }| v1::CriterionResult {
            criterion: criterion.to_owned(),
            compared,
            held,
            why,
        })
        .collect();
    v1::ExplanationStep { route, criteria, taken, destination_why }
}
