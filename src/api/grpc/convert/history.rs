//! What past runs changed -> the contract's.

use super::runs;
use crate::api::proto::v1;
use crate::contact::{ContactDetails, FieldDifference, difference, display_name};
use crate::engine::PlannedRollback;
use crate::phonebook::PhonebookName;
use crate::store::{ContactChange, ContactState, PhonebookChange, PhonebookChangeKind, Rollback};

pub(in crate::api::grpc) fn plan(planned: PlannedRollback) -> v1::RollbackPlan {
    let PlannedRollback { source, rollback } = planned;
    let Rollback { undone, counts, marked, restored_phonebooks, removed_phonebooks } = rollback;
    let names = |names: Vec<PhonebookName>| names.into_iter().map(String::from).collect();
    v1::RollbackPlan {
        source,
        undone_run_ids: undone.into_iter().map(|run| run.0).collect(),
        counts: Some(runs::counts(counts)),
        marked,
        restored_phonebooks: names(restored_phonebooks),
        removed_phonebooks: names(removed_phonebooks),
    }
}

pub(in crate::api::grpc) fn change(change: ContactChange) -> v1::SyncChange {
    let ContactChange { id, before, after } = change;
    let nothing = ContactDetails::default();
    let details = |state: &Option<ContactState>| {
        state.as_ref().map_or_else(|| nothing.clone(), |state| state.details.clone())
    };
    let fields = difference(&details(&before), &details(&after));
    let phonebook = |state: &Option<ContactState>| {
        state.as_ref().and_then(|state| state.phonebook.clone()).unwrap_or_default()
    };
    let kind = match (&before, &after) {
        (None, _) => v1::SyncChangeKind::Added,
        (Some(_), None) => v1::SyncChangeKind::Removed,
        _ if !fields.is_empty() => v1::SyncChangeKind::Changed,
        (Some(before), Some(after)) if before.phonebook != after.phonebook => v1::SyncChangeKind::Moved,
        (_, Some(after)) if after.missing_since.is_some() => v1::SyncChangeKind::NotReceived,
        _ => v1::SyncChangeKind::ReceivedAgain,
    };
    let shown = after.as_ref().or(before.as_ref());
    v1::SyncChange {
        contact_id: id.0,
        source_key: shown.map(|state| state.source_key.clone()).unwrap_or_default(),
        display_name: shown
            .map(|ContactState { details, .. }| {
                display_name(&details.first_name, &details.last_name, &details.company)
            })
            .unwrap_or_default(),
        kind: kind.into(),
        fields: fields
            .into_iter()
            .map(|FieldDifference { field, before, after }| v1::FieldChange {
                field: field.to_owned(),
                before,
                after,
            })
            .collect(),
        phonebook_before: phonebook(&before),
        phonebook_after: phonebook(&after),
    }
}

pub(in crate::api::grpc) fn phonebook(change: PhonebookChange) -> v1::SyncPhonebookChange {
    let PhonebookChange { name, kind } = change;
    let kind = match kind {
        PhonebookChangeKind::Made => v1::SyncPhonebookChangeKind::Made,
        PhonebookChangeKind::Deleted => v1::SyncPhonebookChangeKind::Deleted,
        PhonebookChangeKind::Filled => v1::SyncPhonebookChangeKind::Filled,
        PhonebookChangeKind::Freed => v1::SyncPhonebookChangeKind::Freed,
    };
    v1::SyncPhonebookChange { name: name.into(), kind: kind.into() }
}
