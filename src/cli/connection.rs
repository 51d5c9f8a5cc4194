//! The way to a running server.

use std::time::Duration;

use clap::Args;
use tonic::transport::{Channel, Endpoint};

use super::exit::{Exit, Failure, Result};
use crate::api::proto::v1::audit_service_client::AuditServiceClient;
use crate::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use crate::api::proto::v1::phonebook_service_client::PhonebookServiceClient;
use crate::api::proto::v1::settings_service_client::SettingsServiceClient;
use crate::api::proto::v1::sync_service_client::SyncServiceClient;

/// Where a server is unless told otherwise.
pub(super) const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that is silent for so long while something is awaited from it is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Answers hold up to a thousand contacts, or a settings document of 8 MiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Options of every command that asks a server.
#[derive(Debug, Clone, Args)]
pub(super) struct ServerArguments {
    /// The server to ask
    #[arg(long, value_name = "URL", env = "RINGROUTE_SERVER", default_value = DEFAULT_SERVER)]
    server: String,
    /// Print the answer as JSON, in protobuf's own form of it
    #[arg(long)]
    pub(super) json: bool,
}

/// A server that answers.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    channel: Channel,
}

impl ServerArguments {
    pub(super) async fn connect(&self) -> Result<Connection> {
        Connection::to(&self.server).await
    }
}

impl Connection {
    pub(super) async fn to(server: &str) -> Result<Self> {
        let wrong = |problem: &str| {
            Failure::new(
                Exit::Usage,
                format!("--server {server:?} (or RINGROUTE_SERVER): {problem}, such as {DEFAULT_SERVER}"),
            )
        };
        let url = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
        if !url.starts_with("http://") {
            return Err(wrong("expected a URL that begins with http://"));
        }
        let endpoint = Endpoint::from_shared(url)
            .map_err(|_| wrong("expected a URL"))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE);
        let channel = endpoint.connect().await.map_err(|error| {
            let cause = root_cause(&error);
            Failure::new(
                Exit::Unreachable,
                format!(
                    "no ringroute answers at {server} ({cause}): start one with `ringroute serve`, or say where it \
                     is with --server URL (or RINGROUTE_SERVER)"
                ),
            )
        })?;
        Ok(Connection { channel })
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn calls(&self) -> CallRoutingServiceClient<Channel> {
        CallRoutingServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn phonebooks(&self) -> PhonebookServiceClient<Channel> {
        PhonebookServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn settings(&self) -> SettingsServiceClient<Channel> {
        SettingsServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn sync(&self) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

/// What is at the bottom of "transport error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
