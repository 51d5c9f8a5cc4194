//! What each RPC takes: the one table.
//!
//! A test holds it against the contract. An RPC that is not here is answered as if there were none.

use crate::access::Permission::{self, Access, Call, Change, Directory, Known, Open, Read, Sync};

/// What the RPC of that path (`/package.Service/Method`) takes; `None`: there is no such RPC.
pub(super) fn permission(path: &str) -> Option<Permission> {
    PERMISSIONS.iter().find(|(known, _)| *known == path).map(|(_, permission)| *permission)
}

/// Calls come first, because they are asked for most.
///
/// What decides which files and servers are read is [`Change`], also where it only tries: testing a source reads any
/// file that the server can read.
const PERMISSIONS: &[(&str, Permission)] = &[
    ("/ringroute.v1.CallRoutingService/MatchCaller", Call),
    ("/ringroute.v1.CallRoutingService/RouteCall", Call),
    ("/ringroute.v1.CallRoutingService/MatchCallers", Call),
    ("/ringroute.v1.CallRoutingService/RouteCalls", Call),
    ("/ringroute.v1.AuditService/ListAuditEntries", Access),
    ("/ringroute.v1.BackupService/TakeBackup", Access),
    ("/ringroute.v1.CallRoutingService/ListDecisions", Read),
    ("/ringroute.v1.CallRoutingService/GetCallCounts", Read),
    // To any address, and a webhook is told as a run would tell it.
    ("/ringroute.v1.NotificationService/SendTestMail", Change),
    ("/ringroute.v1.NotificationService/SendTestWebhook", Sync),
    ("/ringroute.v1.DirectoryService/ListDirectoryPhonebooks", Directory),
    ("/ringroute.v1.DirectoryService/ListDirectoryContacts", Directory),
    ("/ringroute.v1.DirectoryService/GetDirectoryContact", Directory),
    ("/ringroute.v1.DirectoryService/LookUpDirectoryNumber", Directory),
    ("/ringroute.v1.DirectoryService/GetClientPolicy", Directory),
    ("/ringroute.v1.DirectorySettingsService/GetDirectorySettings", Read),
    ("/ringroute.v1.DirectorySettingsService/UpdateDirectorySettings", Change),
    ("/ringroute.v1.PhonebookService/ListPhonebooks", Read),
    ("/ringroute.v1.PhonebookService/GetPhonebook", Read),
    ("/ringroute.v1.PhonebookService/CreatePhonebook", Change),
    ("/ringroute.v1.PhonebookService/DeletePhonebook", Change),
    ("/ringroute.v1.PhonebookService/UpdatePhonebook", Change),
    ("/ringroute.v1.PhonebookService/ListContacts", Read),
    ("/ringroute.v1.PhonebookService/GetContact", Read),
    ("/ringroute.v1.PhonebookService/CreateContact", Change),
    ("/ringroute.v1.PhonebookService/UpdateContact", Change),
    ("/ringroute.v1.PhonebookService/DeleteContact", Change),
    ("/ringroute.v1.ContactService/ImportContacts", Change),
    ("/ringroute.v1.ContactService/ExportContacts", Read),
    ("/ringroute.v1.ContactService/GetContactRoutes", Read),
    ("/ringroute.v1.RouteService/ListInboundRoutes", Read),
    ("/ringroute.v1.RouteService/GetInboundRoute", Read),
    ("/ringroute.v1.RouteService/CreateInboundRoute", Change),
    ("/ringroute.v1.RouteService/UpdateInboundRoute", Change),
    ("/ringroute.v1.RouteService/DeleteInboundRoute", Change),
    ("/ringroute.v1.RouteService/MoveInboundRoute", Change),
    ("/ringroute.v1.RouteService/CheckInboundRoutes", Read),
    ("/ringroute.v1.RoutingSettingsService/GetRoutingSettings", Read),
    ("/ringroute.v1.RoutingSettingsService/UpdateRoutingSettings", Change),
    ("/ringroute.v1.SettingsService/ApplySettings", Change),
    ("/ringroute.v1.SettingsService/ExportSettings", Read),
    ("/ringroute.v1.StatusService/GetStatus", Read),
    ("/ringroute.v1.SyncService/StartSync", Sync),
    ("/ringroute.v1.SyncService/CancelSync", Sync),
    ("/ringroute.v1.SyncService/WatchSync", Read),
    ("/ringroute.v1.SyncService/PreviewSync", Sync),
    ("/ringroute.v1.SyncService/GetSyncPreview", Read),
    ("/ringroute.v1.SyncService/ListSyncPreviewChanges", Read),
    ("/ringroute.v1.SyncService/ListSyncRuns", Read),
    ("/ringroute.v1.SyncService/GetSyncRun", Read),
    ("/ringroute.v1.SyncService/ListSyncChanges", Read),
    ("/ringroute.v1.SyncService/RollbackSync", Sync),
    ("/ringroute.v1.SyncService/ListSources", Read),
    ("/ringroute.v1.SyncService/GetSource", Read),
    ("/ringroute.v1.SyncService/CreateSource", Change),
    ("/ringroute.v1.SyncService/UpdateSource", Change),
    ("/ringroute.v1.SyncService/DeleteSource", Change),
    ("/ringroute.v1.SyncService/TestSource", Change),
    ("/ringroute.v1.SyncService/GetQualityReport", Read),
    ("/ringroute.v1.SyncService/ListQualityFindings", Read),
    ("/ringroute.v1.TokenService/CreateToken", Access),
    ("/ringroute.v1.TokenService/ListTokens", Access),
    ("/ringroute.v1.TokenService/RevokeToken", Access),
    ("/ringroute.v1.UserService/CreateUser", Access),
    ("/ringroute.v1.UserService/ListUsers", Access),
    ("/ringroute.v1.UserService/SetUserRole", Access),
    ("/ringroute.v1.UserService/SetUserPassword", Access),
    ("/ringroute.v1.UserService/SignOutUser", Access),
    ("/ringroute.v1.UserService/DeleteUser", Access),
    // Load balancers and supervisors ask, and have no tokens; all they learn is whether callers are answered.
    ("/grpc.health.v1.Health/Check", Open),
    ("/grpc.health.v1.Health/Watch", Open),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Known),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Known),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::api::proto::FILE_DESCRIPTOR_SET;

    /// Every RPC that this server has, by what the contract and the standard services say of themselves.
    fn served() -> BTreeSet<String> {
        let sets = [
            FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let pools = sets.map(|set| DescriptorPool::decode(set).unwrap());
        let services: Vec<_> = pools.iter().flat_map(DescriptorPool::services).collect();
        let methods = services.iter().flat_map(|service| {
            service.methods().map(|method| format!("/{}/{}", service.full_name(), method.name()))
        });
        methods.collect()
    }

    #[test]
    fn every_rpc_has_its_permission() {
        let listed: Vec<&str> = PERMISSIONS.iter().map(|(path, _)| *path).collect();
        let distinct: BTreeSet<String> = listed.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(listed.len(), distinct.len(), "an RPC is listed twice");
        let served = served();
        let missing: Vec<_> = served.difference(&distinct).collect();
        assert!(missing.is_empty(), "say what these take, or nobody may ask for them: {missing:#?}");
        let gone: Vec<_> = distinct.difference(&served).collect();
        assert!(gone.is_empty(), "there are no such RPCs: {gone:#?}");
    }

    #[test]
    fn only_health_is_open_to_everybody() {
        for (path, permission) in PERMISSIONS {
            assert_eq!(*permission == Open, path.starts_with("/grpc.health.v1.Health/"), "{path}");
        }
    }

    #[test]
    fn no_contact_is_seen_and_nothing_is_changed_without_a_permission_of_ones_own() {
        for (path, permission) in PERMISSIONS.iter().filter(|(path, _)| path.starts_with("/ringroute.")) {
            assert!(!matches!(permission, Open | Known), "{path}");
            let method = path.rsplit('/').next().unwrap();
            let changes = [
                "Create", "Update", "Delete", "Move", "Apply", "Revoke", "Restore", "Import", "Set",
                "SignOut",
            ];
            if changes.iter().any(|verb| method.starts_with(verb)) {
                assert!(!matches!(permission, Call | Read), "{path}");
            }
        }
    }

    #[test]
    fn what_is_not_listed_is_not_there() {
        assert_eq!(permission("/ringroute.v1.CallRoutingService/MatchCaller"), Some(Call));
        for path in ["/ringroute.v1.CallRoutingService/matchcaller", "/ringroute.v1.NewService/Do", "/", ""] {
            assert_eq!(permission(path), None, "{path}");
        }
    }
}
