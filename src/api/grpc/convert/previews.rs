//! What previews say -> the contract's.

use super::routes::{attestation_from, attestation_to_proto};
use super::timestamp;
use crate::api::grpc::request::time;
use crate::api::proto::v1;
use crate::engine::EngineError;
use crate::sync::preview::{
    AssumedCalls, AssumedLine, CallEffect, ContactChange, ContactChangeKind, FieldChange, PhonebookChange,
    PreviewSummary, Reroute, RerouteExample,
};

/// What a request says of calls; what it does not say is as ever.
pub(in crate::api::grpc) fn assumed_calls(
    attestation: Option<i32>,
    at: Option<&prost_types::Timestamp>,
) -> Result<AssumedCalls, EngineError> {
    let usual = AssumedCalls::default();
    let attestation = match attestation {
        Some(attestation) => attestation_from("attestation", attestation)?,
        None => usual.attestation,
    };
    Ok(AssumedCalls { attestation, at: at.map(|at| time("at", at)).transpose()? })
}

pub(in crate::api::grpc) fn preview(summary: PreviewSummary) -> v1::SyncPreview {
    let PreviewSummary { objection, phonebooks, calls } = summary;
    v1::SyncPreview {
        objection,
        phonebooks: phonebooks.into_iter().map(phonebook).collect(),
        calls: Some(call_effect(calls)),
    }
}

fn phonebook(change: PhonebookChange) -> v1::PhonebookChange {
    let PhonebookChange { name, is_new, before, after, routes } = change;
    v1::PhonebookChange { name: name.into(), is_new, contacts_before: before, contacts_after: after, routes }
}

fn call_effect(effect: CallEffect) -> v1::CallEffect {
    let CallEffect {
        lines,
        patterns_left_out,
        numbers,
        newly_matched,
        no_longer_matched,
        matched_otherwise,
        rerouted,
        reroutes,
        reroute_count,
        attestation,
        at,
    } = effect;
    let line = |AssumedLine { trunk, did }| v1::AssumedLine { trunk, did };
    v1::CallEffect {
        lines: lines.into_iter().map(line).collect(),
        patterns_left_out,
        numbers,
        newly_matched,
        no_longer_matched,
        matched_otherwise,
        rerouted,
        reroutes: reroutes.into_iter().map(reroute).collect(),
        reroute_count,
        attestation: attestation.map_or(v1::Attestation::Unspecified, attestation_to_proto).into(),
        at: at.map(timestamp),
    }
}

fn reroute(reroute: Reroute) -> v1::Reroute {
    let Reroute { from, to, numbers, lines, line_count, examples } = reroute;
    let example = |RerouteExample { number, before, after, line }| v1::RerouteExample {
        number: number.to_string(),
        found_before: before,
        found_after: after,
        line,
    };
    v1::Reroute {
        // No route has an empty name.
        from: from.unwrap_or_default(),
        to: to.unwrap_or_default(),
        numbers,
        lines,
        line_count,
        examples: examples.into_iter().map(example).collect(),
    }
}

pub(in crate::api::grpc) fn contact_change(change: ContactChange) -> v1::ContactChange {
    let ContactChange { kind, source_key, display_name, from, to, fields } = change;
    let kind = match kind {
        ContactChangeKind::Added => v1::ContactChangeKind::Added,
        ContactChangeKind::Changed => v1::ContactChangeKind::Changed,
        ContactChangeKind::Moved => v1::ContactChangeKind::Moved,
        ContactChangeKind::Removed => v1::ContactChangeKind::Removed,
        ContactChangeKind::KeptMissing => v1::ContactChangeKind::KeptMissing,
    };
    let field = |FieldChange { field, before, after }| v1::FieldChange { field, before, after };
    v1::ContactChange {
        kind: kind.into(),
        source_key,
        display_name,
        phonebook_before: from.map(String::from).unwrap_or_default(),
        phonebook_after: to.map(String::from).unwrap_or_default(),
        fields: fields.into_iter().map(field).collect(),
    }
}

/// The kind that a request asks for: `Ok(None)` is any, an error is a number that is no kind.
pub(in crate::api::grpc) fn change_kind(kind: i32) -> Result<Option<ContactChangeKind>, i32> {
    Ok(match v1::ContactChangeKind::try_from(kind).map_err(|_| kind)? {
        v1::ContactChangeKind::Unspecified => None,
        v1::ContactChangeKind::Added => Some(ContactChangeKind::Added),
        v1::ContactChangeKind::Changed => Some(ContactChangeKind::Changed),
        v1::ContactChangeKind::Moved => Some(ContactChangeKind::Moved),
        v1::ContactChangeKind::Removed => Some(ContactChangeKind::Removed),
        v1::ContactChangeKind::KeptMissing => Some(ContactChangeKind::KeptMissing),
    })
}
