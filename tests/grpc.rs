//! The gRPC door, through real connections: each file is one service or one property of the whole.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/certificates.rs"]
mod certificates;
mod support;

#[path = "grpc/access.rs"]
mod access;
#[path = "grpc/audit.rs"]
mod audit;
#[path = "grpc/backups.rs"]
mod backups;
#[path = "grpc/bounds.rs"]
mod bounds;
#[path = "grpc/calls.rs"]
mod calls;
#[path = "grpc/contacts.rs"]
mod contacts;
#[path = "grpc/directory.rs"]
mod directory;
#[path = "grpc/history.rs"]
mod history;
#[path = "grpc/notifications.rs"]
mod notifications;
#[path = "grpc/phonebooks.rs"]
mod phonebooks;
#[path = "grpc/previews.rs"]
mod previews;
#[path = "grpc/routes_and_settings.rs"]
mod routes_and_settings;
#[path = "grpc/routing.rs"]
mod routing;
#[path = "grpc/secrets.rs"]
mod secrets;
#[path = "grpc/server.rs"]
mod server;
#[path = "grpc/sources.rs"]
mod sources;
#[path = "grpc/sync_runs.rs"]
mod sync_runs;
#[path = "grpc/tls.rs"]
mod tls;
