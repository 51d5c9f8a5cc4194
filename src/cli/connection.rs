//! The way to a running server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use super::exit::{Exit, Failure, Result};
use crate::api::proto::v1::audit_service_client::AuditServiceClient;
use crate::api::proto::v1::backup_service_client::BackupServiceClient;
use crate::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use crate::api::proto::v1::contact_service_client::ContactServiceClient;
use crate::api::proto::v1::directory_service_client::DirectoryServiceClient;
use crate::api::proto::v1::directory_settings_service_client::DirectorySettingsServiceClient;
use crate::api::proto::v1::notification_service_client::NotificationServiceClient;
use crate::api::proto::v1::phonebook_service_client::PhonebookServiceClient;
use crate::api::proto::v1::settings_service_client::SettingsServiceClient;
use crate::api::proto::v1::status_service_client::StatusServiceClient;
use crate::api::proto::v1::sync_service_client::SyncServiceClient;
use crate::api::proto::v1::token_service_client::TokenServiceClient;
use crate::api::proto::v1::user_service_client::UserServiceClient;
use crate::pem;
use crate::secret::Secret;

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
    /// The server to ask: http://HOST:PORT, https://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", env = "RINGROUTE_SERVER", default_value = DEFAULT_SERVER, value_parser = server)]
    server: String,
    #[command(flatten)]
    tls: TlsArguments,
    /// The token to show, or where it is: env:NAME or file:PATH
    #[arg(long, value_name = "TOKEN", env = "RINGROUTE_TOKEN", hide_env_values = true, value_parser = token)]
    token: Option<Secret>,
    /// Print the answer as JSON, in protobuf's own form of it
    #[arg(long)]
    pub(super) json: bool,
}

/// Whose certificate is believed, and which is shown; for https only.
#[derive(Debug, Clone, Default, Args)]
struct TlsArguments {
    /// The authority (PEM) of the server's certificate, in place of those that the system believes
    #[arg(long, value_name = "FILE", env = "RINGROUTE_CA")]
    ca: Option<PathBuf>,
    /// The certificate (PEM) to show to a server that asks for one
    #[arg(long, value_name = "FILE", env = "RINGROUTE_CLIENT_CERTIFICATE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", env = "RINGROUTE_CLIENT_KEY", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

impl TlsArguments {
    fn config(&self) -> Result<ClientTlsConfig> {
        let read = |option: &str, file: &PathBuf| {
            std::fs::read(file).map_err(|error| {
                Failure::new(Exit::Usage, format!("{option} {}: cannot be read: {error}", file.display()))
            })
        };
        let wrong = |option: &'static str, file: &PathBuf| {
            let file = file.display().to_string();
            move |problem| Failure::new(Exit::Usage, format!("{option} {file}: {problem}"))
        };
        let mut config = match &self.ca {
            Some(file) => {
                let content = read("--ca", file)?;
                pem::certificates(&content).map_err(wrong("--ca", file))?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(content))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            let chain = read("--client-certificate", certificate)?;
            pem::certificates(&chain).map_err(wrong("--client-certificate", certificate))?;
            let content = read("--client-key", key)?;
            pem::private_key(&content).map_err(wrong("--client-key", key))?;
            config = config.identity(Identity::from_pem(chain, content));
        }
        Ok(config)
    }
}

/// Where the server is, and how it is reached.
fn endpoint(server: &str, tls: &TlsArguments) -> Result<Endpoint> {
    let wrong = |problem: &str| {
        Failure::new(
            Exit::Usage,
            format!("--server {server:?} (or RINGROUTE_SERVER): {problem}, such as {DEFAULT_SERVER}"),
        )
    };
    let url = match server.strip_prefix("unix:") {
        Some(path) => format!("unix://{}", path.strip_prefix("//").unwrap_or(path)),
        None if server.contains("://") => server.to_owned(),
        None => format!("http://{server}"),
    };
    let is_encrypted = url.starts_with("https://");
    if !is_encrypted && !url.starts_with("http://") && !url.starts_with("unix://") {
        return Err(wrong("expected a URL that begins with http://, https:// or unix:"));
    }
    let endpoint = Endpoint::from_shared(url).map_err(|_| wrong("expected a URL"))?;
    if !is_encrypted {
        return Ok(endpoint);
    }
    endpoint.tls_config(tls.config()?).map_err(|error| {
        Failure::new(Exit::Usage, format!("the certificates cannot be used: {}", root_cause(&error)))
    })
}

/// A server that answers.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    channel: Channel,
    credentials: Credentials,
}

/// What is sent with each request, to show who asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    authorization: Option<AsciiMetadataValue>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

/// What requests go through.
pub(super) type Way = InterceptedService<Channel, Credentials>;

/// An empty variable is as good as none.
fn token(text: &str) -> std::result::Result<Secret, String> {
    if text.is_empty() { Ok(Secret::new(text)) } else { secret(text) }
}

/// The same for where the server is.
fn server(text: &str) -> std::result::Result<String, std::convert::Infallible> {
    Ok(if text.is_empty() { DEFAULT_SERVER } else { text }.to_owned())
}

pub(super) fn secret(text: &str) -> std::result::Result<Secret, String> {
    let secret = Secret::new(text);
    match secret.problem() {
        None => Ok(secret),
        Some(problem) => Err(problem),
    }
}

impl ServerArguments {
    pub(super) async fn connect(&self) -> Result<Connection> {
        let connection = Connection::with_tls(&self.server, &self.tls).await?;
        match self.token.as_ref().filter(|token| token.typed_in() != Some("")) {
            None => Ok(connection),
            Some(token) => connection.with_token(token).await,
        }
    }
}

impl Connection {
    pub(super) async fn to(server: &str) -> Result<Self> {
        Connection::with_tls(server, &TlsArguments::default()).await
    }

    async fn with_tls(server: &str, tls: &TlsArguments) -> Result<Self> {
        let endpoint =
            endpoint(server, tls)?.connect_timeout(CONNECT_TIMEOUT).http2_keep_alive_interval(KEEP_ALIVE);
        let channel = endpoint.connect().await.map_err(|error| {
            let cause = root_cause(&error);
            let remedy = match cause.contains("UnknownIssuer") || cause.contains("certificate") {
                true => "name the authority of its certificate with --ca FILE, and the host as the certificate has it",
                false => {
                    "start one with `ringroute serve`, or say where it is with --server URL (or RINGROUTE_SERVER)"
                }
            };
            Failure::new(Exit::Unreachable, format!("no ringroute answers at {server} ({cause}): {remedy}"))
        })?;
        Ok(Connection { channel, credentials: Credentials::default() })
    }

    /// The same, with a token to show.
    async fn with_token(self, token: &Secret) -> Result<Self> {
        let wrong =
            |problem: &str| Failure::new(Exit::Usage, format!("--token (or RINGROUTE_TOKEN): {problem}"));
        let token = token.resolve().await.map_err(|error| wrong(error.of_this_process()))?;
        let mut authorization: AsciiMetadataValue = format!("Bearer {}", token.as_str())
            .parse()
            .map_err(|_| wrong("it has characters that no token has; those begin with rr_"))?;
        authorization.set_sensitive(true);
        Ok(Connection { credentials: Credentials { authorization: Some(authorization) }, ..self })
    }

    fn way(&self) -> Way {
        InterceptedService::new(self.channel.clone(), self.credentials.clone())
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Way> {
        AuditServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn backups(&self) -> BackupServiceClient<Way> {
        BackupServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn calls(&self) -> CallRoutingServiceClient<Way> {
        CallRoutingServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn notifications(&self) -> NotificationServiceClient<Way> {
        NotificationServiceClient::new(self.way())
    }

    pub(super) fn contacts(&self) -> ContactServiceClient<Way> {
        ContactServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn phonebooks(&self) -> PhonebookServiceClient<Way> {
        PhonebookServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn directory(&self) -> DirectoryServiceClient<Way> {
        DirectoryServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn directory_settings(&self) -> DirectorySettingsServiceClient<Way> {
        DirectorySettingsServiceClient::new(self.way())
            .max_decoding_message_size(MAX_ANSWER_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn settings(&self) -> SettingsServiceClient<Way> {
        SettingsServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn status(&self) -> StatusServiceClient<Way> {
        StatusServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn sync(&self) -> SyncServiceClient<Way> {
        SyncServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn users(&self) -> UserServiceClient<Way> {
        UserServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(super) fn tokens(&self) -> TokenServiceClient<Way> {
        TokenServiceClient::new(self.way()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

/// What is at the bottom of "transport error".
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
