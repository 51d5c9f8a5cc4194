//! Where connections are accepted, how they are encrypted, and how many there may be.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// What an address to listen on looks like.
pub(super) const EXPECTED_ADDRESS: &str =
    "an IP address and a port, such as 127.0.0.1:50051 or [::1]:50051, or unix:/run/ringroute/ringroute.sock";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A port.
    Tcp(SocketAddr),
    /// A Unix domain socket; only where there are such.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether other machines can reach it.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        match self {
            ListenAddress::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            ListenAddress::Unix(_) => false,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Tcp(address) => address.fmt(f),
            ListenAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(format!("{text:?} names no socket: write unix:/run/ringroute/ringroute.sock"));
            }
            return Ok(ListenAddress::Unix(path.into()));
        }
        text.parse().map(ListenAddress::Tcp).map_err(|_| format!("{text:?} is not {EXPECTED_ADDRESS}"))
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The certificate that a server shows, and whose certificates it asks for. Files are PEM, read again when they
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, and behind it those between it and the authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities, one of which every client must have a certificate from; without, none is asked for.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

impl TlsConfig {
    /// What cannot be, if anything: the field, and what is wrong.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let files = [
            ("tls.certificate", Some(&self.certificate)),
            ("tls.key", Some(&self.key)),
            ("tls.client_ca", self.client_ca.as_ref()),
        ];
        let empty =
            files.into_iter().find(|(_, path)| path.is_some_and(|path| path.as_os_str().is_empty()))?;
        Some((empty.0, "is empty; the path of a file (PEM) is expected".into()))
    }
}

/// How much of everything there may be at once. What is beyond is refused at once, never queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoundsConfig {
    /// Connections, 1 to 100000. Each takes a file descriptor.
    pub connections: usize,
    /// Connections from one address, 1 to 100000.
    pub connections_per_address: usize,
    /// Calls, and open streams of calls, 1 to 1000000.
    pub calls: usize,
    /// Requests of all other kinds, 1 to 10000; fewer while calls wait.
    pub administrative_requests: usize,
}

impl Default for BoundsConfig {
    fn default() -> Self {
        BoundsConfig {
            connections: 512,
            connections_per_address: 256,
            calls: 8192,
            administrative_requests: 256,
        }
    }
}

impl BoundsConfig {
    /// What cannot be, if anything: the field, and what is wrong.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let fields = [
            ("bounds.connections", self.connections, 100_000),
            ("bounds.connections_per_address", self.connections_per_address, 100_000),
            ("bounds.calls", self.calls, 1_000_000),
            ("bounds.administrative_requests", self.administrative_requests, 10_000),
        ];
        let (field, found, most) =
            fields.into_iter().find(|(_, found, most)| !(1..=*most).contains(found))?;
        Some((field, format!("{found} is not 1 to {most}")))
    }
}
