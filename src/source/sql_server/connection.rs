//! Reaching a SQL Server: names, TCP, TLS, login; every step with a bound of its own.
//!
//! Routes that the server itself names (Azure, read-only replicas) are followed, a few of them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tiberius::{AuthMethod, Client, Config, EncryptionLevel, SqlBrowser};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::errors;
use super::prelogin::Watched;
use super::target::{DEFAULT_PORT, Target, Trust};
use super::wire::Wire;
use crate::settings::Encryption;
use crate::source::SourceError;

/// How many times a server may send us on to another one.
const MOST_ROUTES: usize = 3;

/// The largest file of certificates, in bytes.
const MAX_CA_FILE: u64 = 4 << 20;

/// A connection that is logged in.
pub(super) type LoggedIn = Client<Compat<Watched>>;

/// Connects and logs in. Returns what is encrypted as well; `target` is then the server that let us in. With a `given`
/// connection nobody else is connected to, whatever the server says.
pub(super) async fn connect(
    target: &mut Target,
    given: Option<Wire>,
) -> Result<(LoggedIn, Encryption), SourceError> {
    let (mut routes, is_given) = (Vec::new(), given.is_some());
    let mut given = given;
    loop {
        let (host, port) = match connect_once(target, given.take()).await? {
            Outcome::LoggedIn(client, encryption) => return Ok((*client, encryption)),
            Outcome::Routed { host, port } => (host, port),
        };
        routes.push(target.address());
        if routes.len() > MOST_ROUTES || is_given {
            return Err(SourceError::Unavailable(format!(
                "{} sent us on to {host}:{port}, which is one route too many ({}); check the routing of the servers, \
                 or name the last one in connection.sql_server.host",
                target.address(),
                routes.join(" -> "),
            )));
        }
        (target.host, target.port, target.instance) = (host, Some(port), None);
    }
}

enum Outcome {
    LoggedIn(Box<LoggedIn>, Encryption),
    Routed { host: String, port: u16 },
}

async fn connect_once(target: &Target, given: Option<Wire>) -> Result<Outcome, SourceError> {
    let config = config(target).await?;
    let wire = match (given, &target.instance) {
        (Some(wire), _) => wire,
        (None, Some(instance)) => Wire::Tcp(connect_to_instance(target, &config, instance).await?),
        (None, None) => Wire::Tcp(connect_tcp(target).await?),
    };
    wire.send_at_once().map_err(|failure| errors::cannot_connect(target, &failure))?;
    let (watched, answer) = Watched::new(wire, target.encryption);
    let bound = Duration::from_secs(target.timeouts.login_seconds.into());
    let login = tokio::time::timeout(bound, Client::connect(config, watched.compat_write())).await;
    match login {
        Ok(Ok(client)) => Ok(Outcome::LoggedIn(Box::new(client), answer.in_use(target.encryption))),
        Ok(Err(tiberius::error::Error::Routing { host, port })) => Ok(Outcome::Routed { host, port }),
        failed => {
            if let Some(problem) = answer.problem(target.encryption) {
                return Err(SourceError::Unavailable(format!("{}: {problem}", target.address())));
            }
            Err(match failed {
                Ok(Err(error)) => errors::cannot_log_in(target, &error),
                _ => errors::login_timed_out(target),
            })
        }
    }
}

/// Tries the server's addresses one after the other, each with its share of the time.
async fn connect_tcp(target: &Target) -> Result<TcpStream, SourceError> {
    let bound = Duration::from_secs(target.timeouts.connect_seconds.into());
    let deadline = Instant::now() + bound;
    let port = target.port.unwrap_or(DEFAULT_PORT);
    let found = match timeout_at(deadline, tokio::net::lookup_host((target.host.as_str(), port))).await {
        Ok(Ok(found)) => found.collect::<Vec<SocketAddr>>(),
        Ok(Err(failure)) => return Err(errors::not_resolved(target, &failure.to_string())),
        Err(_) => return Err(errors::not_resolved(target, "the name servers did not answer in time")),
    };
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in found.iter().enumerate() {
        let left = u32::try_from(found.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(refused)) => failure = refused,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(errors::cannot_connect(target, &failure))
}

/// Asks the SQL Server Browser for the instance's port, and connects to it.
async fn connect_to_instance(
    target: &Target,
    config: &Config,
    instance: &str,
) -> Result<TcpStream, SourceError> {
    let bound = Duration::from_secs(target.timeouts.connect_seconds.into());
    match tokio::time::timeout(bound, TcpStream::connect_named(config)).await {
        Ok(Ok(tcp)) => Ok(tcp),
        // What the browser said, or that it did not answer within its second.
        Ok(Err(tiberius::error::Error::Conversion(_))) => Err(errors::no_instance(target, instance)),
        Ok(Err(tiberius::error::Error::Io { kind, message })) => {
            // The port comes from the browser, so the server is there.
            match tokio::net::lookup_host((target.host.as_str(), DEFAULT_PORT)).await {
                Ok(_) => Err(errors::cannot_connect(target, &io::Error::new(kind, message))),
                Err(failure) => Err(errors::not_resolved(target, &failure.to_string())),
            }
        }
        Ok(Err(error)) => Err(errors::cannot_log_in(target, &error)),
        Err(_) => Err(errors::cannot_connect(target, &io::ErrorKind::TimedOut.into())),
    }
}

async fn config(target: &Target) -> Result<Config, SourceError> {
    let mut config = Config::new();
    config.host(&target.host);
    // The driver puts a port behind it to ask for an instance, which an IPv6 address can bear in brackets only.
    if target.instance.is_some() && target.host.contains(':') {
        config.host(format!("[{}]", target.host));
        config.hostname_in_certificate(&target.host);
    }
    if let Some(port) = target.port {
        config.port(port);
    }
    if let Some(instance) = &target.instance {
        config.instance_name(instance);
    }
    config.database(&target.database);
    config.authentication(AuthMethod::sql_server(&target.user, target.password.reveal()));
    config.application_name(&target.application_name);
    config.readonly(target.read_only_intent);
    config.encryption(match target.encryption {
        Encryption::Required => EncryptionLevel::Required,
        Encryption::Strict => EncryptionLevel::Strict,
        Encryption::LoginOnly => EncryptionLevel::Off,
        Encryption::None => EncryptionLevel::NotSupported,
    });
    // One of the three: the driver panics when it is told to check certificates and not to.
    match &target.trust {
        Trust::System => {}
        Trust::CaFile(file) => config.trust_cert_ca_bundle(read_ca_file(file).await?),
        Trust::Anybody => config.trust_cert(),
    }
    if let Some(host) = &target.certificate_host {
        config.hostname_in_certificate(host);
    }
    // Ours, so that the server can be told when time is up. The driver's leave it working.
    config.handshake_timeout(None);
    config.command_timeout(None);
    // A value with half a character in it is then one bad value, and not the end of the run; see `reading`.
    config.lossy_utf16_decoding(true);
    Ok(config)
}

/// Reads the file where waiting is allowed.
async fn read_ca_file(file: &Path) -> Result<Vec<u8>, SourceError> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let found = std::fs::metadata(&path)?;
        if !found.is_file() || found.len() > MAX_CA_FILE {
            return Err(io::Error::other("this is no file of certificates"));
        }
        let bytes = std::fs::read(&path)?;
        match bytes.windows(11).any(|window| window == b"-----BEGIN ") {
            true => Ok(bytes),
            false => Err(io::Error::other("there is no certificate in it")),
        }
    });
    read.await.unwrap_or_else(|failure| Err(io::Error::other(failure))).map_err(|failure| {
        SourceError::settings(
            "connection.sql_server.ca_file",
            format!(
                "{}: {failure}; name a file of PEM certificates that the server may read",
                file.display()
            ),
        )
    })
}
