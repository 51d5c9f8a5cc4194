//! How the server is.

use super::{runs, timestamp};
use crate::api::proto::v1;
use crate::engine::{DiskSpace, Health, SourceStatus, Status, Warning, WarningKind};

pub(in crate::api::grpc) fn status(status: Status) -> v1::GetStatusResponse {
    let Status {
        version,
        started_at,
        at,
        health: of_all,
        warnings,
        generation,
        generation_made_at,
        contacts,
        numbers,
        phonebooks,
        inbound_routes,
        snapshot_bytes,
        sources,
        pending_notifications,
        disk,
    } = status;
    v1::GetStatusResponse {
        health: health(of_all).into(),
        warnings: warnings.into_iter().map(warning).collect(),
        version: version.to_owned(),
        started_at: Some(timestamp(started_at)),
        at: Some(timestamp(at)),
        generation: generation.0,
        generation_made_at: generation_made_at.map(timestamp),
        contact_count: contacts,
        number_count: numbers,
        phonebook_count: phonebooks,
        inbound_route_count: inbound_routes,
        snapshot_bytes,
        sources: sources.into_iter().map(source).collect(),
        pending_notification_count: pending_notifications,
        disk_free_bytes: disk.map(|disk| disk.free),
        disk_needed_bytes: disk.map(DiskSpace::needed),
    }
}

fn health(health: Health) -> v1::Health {
    match health {
        Health::Healthy => v1::Health::Healthy,
        Health::Degraded => v1::Health::Degraded,
        Health::NotServing => v1::Health::NotServing,
    }
}

fn warning(Warning { kind, subject, message, remedy }: Warning) -> v1::StatusWarning {
    v1::StatusWarning { kind: warning_kind(kind).into(), subject, message, remedy }
}

fn warning_kind(kind: WarningKind) -> v1::StatusWarningKind {
    match kind {
        WarningKind::NothingToServe => v1::StatusWarningKind::NothingToServe,
        WarningKind::StoreDamaged => v1::StatusWarningKind::StoreDamaged,
        WarningKind::StoreNotReady => v1::StatusWarningKind::StoreNotReady,
        WarningKind::SettingsLeftOut => v1::StatusWarningKind::SettingsLeftOut,
        WarningKind::DiskLow => v1::StatusWarningKind::DiskLow,
        WarningKind::SourceStale => v1::StatusWarningKind::SourceStale,
        WarningKind::RunFailed => v1::StatusWarningKind::RunFailed,
        WarningKind::RunRefused => v1::StatusWarningKind::RunRefused,
        WarningKind::NeverSynced => v1::StatusWarningKind::NeverSynced,
        WarningKind::RouteWithoutContacts => v1::StatusWarningKind::RouteWithoutContacts,
        WarningKind::NotificationFailing => v1::StatusWarningKind::NotificationFailing,
    }
}

fn source(source: SourceStatus) -> v1::SourceStatus {
    let SourceStatus { name, enabled, last_run, last_succeeded_at, is_stale, next_run_at, running } = source;
    v1::SourceStatus {
        name,
        enabled,
        last_run: last_run.map(runs::run),
        last_succeeded_at: last_succeeded_at.map(timestamp),
        is_stale,
        next_run_at: next_run_at.map(timestamp),
        running_run_id: running.map_or(0, |run| run.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_named_alike() {
        for ours in WarningKind::ALL {
            let expected = format!("STATUS_WARNING_KIND_{}", ours.name().to_uppercase());
            assert_eq!(warning_kind(ours).as_str_name(), expected);
        }
    }
}
