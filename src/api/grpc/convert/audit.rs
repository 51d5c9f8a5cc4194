//! What the audit remembers -> the contract.

use super::timestamp;
use crate::api::proto::v1;
use crate::audit::{AuditAction, AuditEntry, AuditEvent, ValueChange};

pub(in crate::api::grpc) fn entry(entry: AuditEntry) -> v1::AuditEntry {
    let AuditEntry { id, at, actor, event, generation } = entry;
    let AuditEvent { action, subject, changes, left_out } = event;
    v1::AuditEntry {
        entry_id: id,
        at: Some(timestamp(at)),
        who: actor.to_string(),
        door: actor.door.name().to_owned(),
        name: actor.name,
        address: actor.address,
        action: audit_action(action).into(),
        subject,
        changes: changes.into_iter().map(value_change).collect(),
        changes_left_out: left_out,
        generation: generation.0,
    }
}

fn value_change(ValueChange { field, before, after }: ValueChange) -> v1::AuditValueChange {
    v1::AuditValueChange { field, before, after }
}

fn audit_action(action: AuditAction) -> v1::AuditAction {
    match action {
        AuditAction::Added => v1::AuditAction::Added,
        AuditAction::Changed => v1::AuditAction::Changed,
        AuditAction::Removed => v1::AuditAction::Removed,
        AuditAction::Started => v1::AuditAction::Started,
        AuditAction::Cancelled => v1::AuditAction::Cancelled,
    }
}
