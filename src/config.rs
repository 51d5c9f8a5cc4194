//! What a process needs to start: where it listens, where its data is, what it logs.
//!
//! Values come from the file `ringroute.toml` and from environment variables, which win. What the business
//! decides is not here but in [`crate::settings`].
//!
//! A configuration that could not mean what was intended is refused before anything is opened: unknown keys,
//! and listening where other machines can reach a server that does not ask who they are.

mod console;
mod listen;
mod notify;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

use crate::toml_document::{self, TomlError};

pub use console::ConsoleConfig;
pub use listen::{BoundsConfig, ListenAddress, TlsConfig};
pub use notify::{MailConfig, MailEncryption, WebhookConfig};
pub use traces::TracesConfig;

/// The file that is read when none is named and there is one in the current folder.
pub const DEFAULT_FILE: &str = "ringroute.toml";

const PREFIX: &str = "RINGROUTE_";
/// Behind the prefix.
const VARIABLES: [&str; 10] = [
    "LISTEN",
    "METRICS",
    "DATA_FOLDER",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "INSECURE",
    "REQUIRE_TOKENS",
    "CONSOLE",
    "CONSOLE_ADDRESS",
    "TRACES_ENDPOINT",
];
/// Not of the server but of the command line and of tests.
const FOREIGN_VARIABLES: [&str; 6] =
    ["SERVER", "TOKEN", "CA", "CLIENT_CERTIFICATE", "CLIENT_KEY", "RELEASE_PROTO"];
const FOREIGN_VARIABLE_PREFIX: &str = "TEST_";

/// What a server process needs, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where gRPC is served. `RINGROUTE_LISTEN`.
    pub listen: ListenAddress,
    /// Where metrics, liveness and readiness are told over HTTP; nowhere unless given. `RINGROUTE_METRICS`.
    #[serde(deserialize_with = "some_socket_address")]
    pub metrics: Option<SocketAddr>,
    /// Where the store is; made when it is not there. A relative path starts from the current folder.
    /// `RINGROUTE_DATA_FOLDER`.
    pub data_folder: PathBuf,
    /// May listen where other machines can reach it, without encryption and without asking who they are.
    /// `RINGROUTE_INSECURE`.
    pub insecure: bool,
    /// Refuses requests without a token, also where only this machine can reach it. `RINGROUTE_REQUIRE_TOKENS`.
    pub require_tokens: bool,
    /// The certificate that is shown to clients, on every port; without one, nothing is encrypted.
    pub tls: Option<TlsConfig>,
    /// How much there may be at once.
    pub bounds: BoundsConfig,
    /// The console in the browser.
    pub console: ConsoleConfig,
    /// What is logged.
    pub log: LogConfig,
    /// The mail server that Feedback Email goes to; without one, no mail is sent.
    pub mail: Option<MailConfig>,
    /// How webhooks are reached.
    pub webhook: WebhookConfig,
    /// Where spans of calls and runs are sent; nowhere unless given.
    pub traces: TracesConfig,
    /// What should be looked at but does not keep the server from starting.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 50051))),
            metrics: None,
            data_folder: "ringroute-data".into(),
            insecure: false,
            require_tokens: false,
            tls: None,
            bounds: BoundsConfig::default(),
            console: ConsoleConfig::default(),
            log: LogConfig::default(),
            mail: None,
            webhook: WebhookConfig::default(),
            traces: TracesConfig::default(),
            warnings: Vec::new(),
        }
    }
}

/// What is logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The least important messages that are written. `RINGROUTE_LOG_LEVEL`.
    pub level: LogLevel,
    /// How they are written. `RINGROUTE_LOG_FORMAT`.
    pub format: LogFormat,
}

/// How important a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line of JSON.
    Json,
}

/// Why a server cannot start with this configuration, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a configuration.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: TomlError,
    },
    /// An environment variable has no usable value.
    #[error("environment variable {name}: {problem}")]
    Variable {
        /// Its whole name.
        name: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// The data folder has no name.
    #[error("data_folder is empty: name a folder, or leave it out for \"ringroute-data\"")]
    NoDataFolder,
    /// A setting that cannot be.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What was found, and what was expected.
        problem: String,
    },
    /// Other machines could reach the server, which does not ask who they are.
    #[error(
        "listen = \"{listen}\" lets other machines in, without encryption and without asking who they are: \
         set [tls] and make a token (`ringroute token create`), listen on 127.0.0.1, or say `insecure = true` \
         (RINGROUTE_INSECURE=true) if the network is trusted"
    )]
    Exposed {
        /// Where it would listen.
        listen: ListenAddress,
    },
    /// Other machines could reach the console, whose passwords could be read on the way.
    #[error(
        "console.address = \"{address}\" lets other machines in, without encryption: passwords could be read on the \
         way. Set [tls], listen on 127.0.0.1, or say `insecure = true` \
         (RINGROUTE_INSECURE=true) if the network is trusted"
    )]
    ConsoleExposed {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// Other machines could read the metrics.
    #[error(
        "metrics = \"{metrics}\" lets other machines read the metrics, which name sources, routes and phonebooks: \
         set [tls] and make a token (`ringroute token create`), tell them on 127.0.0.1, or say `insecure = true` \
         (RINGROUTE_INSECURE=true) if the network is trusted"
    )]
    MetricsExposed {
        /// Where they would be told.
        metrics: SocketAddr,
    },
}

impl Config {
    /// Reads the file at `path`, or else `ringroute.toml` in the current folder if there is one, then the
    /// environment, of which only names that begin with `RINGROUTE_` are looked at. An empty variable
    /// counts as not set.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let config = match path {
            Some(path) => Self::read(path)?,
            None => match Self::read(Path::new(DEFAULT_FILE)) {
                Err(ConfigError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    Config::default()
                }
                result => result?,
            },
        };
        config.overridden(environment)?.checked()
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml_document::read(&text).map_err(|error| ConfigError::File { path: path.to_owned(), error })
    }

    fn overridden(
        mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut variables: BTreeMap<String, OsString> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_str()?.strip_prefix(PREFIX)?.to_owned(), value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let mut take = |name| variables.remove(name).map(|value| (name, value));
        // In the order of VARIABLES, so that none is forgotten.
        let [
            listen,
            metrics,
            data_folder,
            level,
            format,
            insecure,
            require_tokens,
            console,
            console_address,
            traces_endpoint,
        ] = VARIABLES.map(&mut take);
        if let Some(listen) = listen {
            self.listen = parsed(listen, listen::EXPECTED_ADDRESS)?;
        }
        if let Some(metrics) = metrics {
            self.metrics = Some(parsed(metrics, EXPECTED_ADDRESS)?);
        }
        if let Some((_, data_folder)) = data_folder {
            self.data_folder = data_folder.into();
        }
        if let Some(level) = level {
            self.log.level = named(level)?;
        }
        if let Some(format) = format {
            self.log.format = named(format)?;
        }
        if let Some(insecure) = insecure {
            self.insecure = parsed(insecure, "true or false")?;
        }
        if let Some(require_tokens) = require_tokens {
            self.require_tokens = parsed(require_tokens, "true or false")?;
        }
        if let Some(console) = console {
            self.console.enabled = parsed(console, "true or false")?;
        }
        if let Some(address) = console_address {
            self.console.address = Some(parsed(address, EXPECTED_ADDRESS)?);
        }
        if let Some(endpoint) = traces_endpoint {
            self.traces.endpoint = Some(parsed(endpoint, "a URL")?);
        }
        for name in variables.keys().map(String::as_str) {
            let is_foreign = FOREIGN_VARIABLES.contains(&name) || name.starts_with(FOREIGN_VARIABLE_PREFIX);
            if let (false, Some(near)) = (is_foreign, toml_document::nearest(name, &VARIABLES)) {
                self.warnings.push(format!(
                    "environment variable {PREFIX}{name} means nothing: did you mean {PREFIX}{near}?"
                ));
            }
        }
        Ok(self)
    }

    /// Whether a request without a token is refused: where other machines can reach the server, unless the file says
    /// that their network is trusted, and where it is asked for.
    #[must_use]
    pub fn requires_tokens(&self) -> bool {
        self.require_tokens || self.listen.is_exposed() && !self.insecure
    }

    /// Whether metrics are told only to whoever sends a token: by the same rule.
    #[must_use]
    pub fn requires_tokens_for_metrics(&self) -> bool {
        let is_exposed = self.metrics.is_some_and(|metrics| ListenAddress::Tcp(metrics).is_exposed());
        self.require_tokens || is_exposed && !self.insecure
    }

    /// A setting by which other machines get as far as having to show a token, and its address.
    pub(crate) fn exposed(&self) -> Option<(&'static str, ListenAddress)> {
        let doors =
            [("listen", Some(self.listen.clone())), ("metrics", self.metrics.map(ListenAddress::Tcp))];
        let doors = doors.into_iter().filter_map(|(key, address)| Some((key, address?)));
        doors.filter(|_| !self.insecure).find(|(_, address)| address.is_exposed())
    }

    /// Two doors at one address, of which the second would seem to be taken by another program. An address that is not given
    /// for the console is left to it when it is taken.
    fn one_address_twice(&self) -> Option<(&'static str, String)> {
        let console = self.console.address.filter(|_| self.console.enabled);
        let listen = match &self.listen {
            ListenAddress::Tcp(address) => Some(*address),
            ListenAddress::Unix(_) => None,
        };
        let doors = [("listen", listen), ("metrics", self.metrics), ("console.address", console)];
        // Port 0 is another one for each; and who listens on all addresses of a kind listens on each of them.
        let is_same = |one: &SocketAddr, other: SocketAddr| {
            let is_of_all = one.ip().is_unspecified() || other.ip().is_unspecified();
            let is_of_one_kind = one.is_ipv4() == other.is_ipv4();
            let meet = one.ip() == other.ip() || is_of_all && is_of_one_kind;
            one.port() == other.port() && one.port() != 0 && meet
        };
        doors.iter().enumerate().find_map(|(place, (field, address))| {
            let address = (*address)?;
            let (first, _) = doors[..place]
                .iter()
                .find(|(_, other)| other.is_some_and(|other| is_same(&other, address)))?;
            Some((*field, format!("{address} is the address of {first} too; choose another port")))
        })
    }

    /// Refuses what could not mean what was intended.
    pub fn checked(self) -> Result<Self, ConfigError> {
        if self.data_folder.as_os_str().is_empty() {
            return Err(ConfigError::NoDataFolder);
        }
        // One rule for every door: beyond this machine only with TLS.
        let is_refused =
            |address: &ListenAddress| address.is_exposed() && !self.insecure && self.tls.is_none();
        if is_refused(&self.listen) {
            return Err(ConfigError::Exposed { listen: self.listen });
        }
        if let Some(metrics) = self.metrics
            && is_refused(&ListenAddress::Tcp(metrics))
        {
            return Err(ConfigError::MetricsExposed { metrics });
        }
        let address = self.console.wanted_address();
        if self.console.enabled && is_refused(&ListenAddress::Tcp(address)) {
            return Err(ConfigError::ConsoleExposed { address });
        }
        let problem = self.tls.as_ref().and_then(TlsConfig::problem);
        let problem = problem.or_else(|| self.bounds.problem());
        let problem = problem.or_else(|| self.mail.as_ref().and_then(MailConfig::problem));
        let problem = problem.or_else(|| self.webhook.problem()).or_else(|| self.console.problem());
        let problem = problem.or_else(|| self.traces.problem(self.insecure));
        let problem = problem.or_else(|| self.one_address_twice());
        match problem {
            None => Ok(self),
            Some((field, problem)) => Err(ConfigError::Invalid { field, problem }),
        }
    }
}

const EXPECTED_ADDRESS: &str = "an IP address and a port, such as 127.0.0.1:50051 or [::1]:50051";

fn some_socket_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let address =
        text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is not {EXPECTED_ADDRESS}")))?;
    Ok(Some(address))
}

fn refused(name: &str, problem: String) -> ConfigError {
    ConfigError::Variable { name: format!("{PREFIX}{name}"), problem }
}

/// Reads the value of a variable as text that Rust itself reads.
fn parsed<T: FromStr>((name, value): (&str, OsString), expected: &str) -> Result<T, ConfigError> {
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| refused(name, format!("{value:?} is not {expected}")))
}

/// Reads the value of a variable as one of the names that the file has for it.
fn named<T: DeserializeOwned>((name, value): (&str, OsString)) -> Result<T, ConfigError> {
    let text = value.to_string_lossy();
    T::deserialize(text.as_ref().into_deserializer())
        .map_err(|error: ValueError| refused(name, toml_document::with_nearest_name(&error.to_string())))
}
