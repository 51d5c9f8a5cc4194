//! The server that a connection's settings mean, with its secrets resolved; made anew for each connection.

use std::fmt;
use std::path::PathBuf;

use super::connection_string::{self, Key};
use crate::settings::{Encryption, SqlServerConnection, SqlServerTimeouts};
use crate::source::SourceError;

/// The TCP port unless another is said.
pub(super) const DEFAULT_PORT: u16 = 1433;

/// What the server's certificate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// The certificates that the system trusts.
    System,
    /// Those, and the ones in this file.
    CaFile(PathBuf),
    /// Nothing.
    Anybody,
}

/// A password on its way to the server.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Password(String);

impl From<String> for Password {
    fn from(password: String) -> Self {
        Password(password)
    }
}

impl Password {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password")
    }
}

/// A server, and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) instance: Option<String>,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Password,
    pub(super) encryption: Encryption,
    pub(super) trust: Trust,
    pub(super) certificate_host: Option<String>,
    pub(super) read_only_intent: bool,
    pub(super) application_name: String,
    pub(super) timeouts: SqlServerTimeouts,
}

impl Target {
    /// What the fields beside the connection string say.
    fn of_fields(connection: &SqlServerConnection) -> Self {
        let trust = match &connection.ca_file {
            _ if connection.dangerously_trust_any_certificate => Trust::Anybody,
            Some(file) => Trust::CaFile(file.clone()),
            None => Trust::System,
        };
        Target {
            host: connection.host.clone(),
            port: connection.port,
            instance: connection.instance.clone(),
            database: connection.database.clone(),
            user: connection.user.clone(),
            password: Password::default(),
            encryption: connection.encryption,
            trust,
            certificate_host: connection.certificate_host.clone(),
            read_only_intent: connection.read_only_intent,
            application_name: "ringroute".to_owned(),
            timeouts: connection.timeouts.clone(),
        }
    }

    /// Checks a connection string that is not kept elsewhere.
    pub(super) fn check(connection: &SqlServerConnection) -> Result<(), SourceError> {
        match connection.connection_string.as_ref().and_then(|string| string.typed_in()) {
            Some(string) => Target::of_string(connection, string).map(drop),
            None => Ok(()),
        }
    }

    /// Finds the secrets, and puts everything together.
    pub(super) async fn resolve(connection: &SqlServerConnection) -> Result<Self, SourceError> {
        if let Some(string) = &connection.connection_string {
            let string = string.resolve().await.map_err(|error| {
                SourceError::settings("connection.sql_server.connection_string", error.to_string())
            })?;
            return Target::of_string(connection, string.as_str());
        }
        let mut target = Target::of_fields(connection);
        if let Some(password) = &connection.password {
            let password = password.resolve().await.map_err(|error| {
                SourceError::settings("connection.sql_server.password", error.to_string())
            })?;
            target.password = password.as_str().to_owned().into();
        }
        Ok(target)
    }

    /// What the string says, and the fields beside it where it says nothing.
    fn of_string(connection: &SqlServerConnection, string: &str) -> Result<Self, SourceError> {
        let mut beside = Target::of_fields(connection);
        // Read on its own first, to know what it says.
        let plain = Target::of_fields(&SqlServerConnection::default());
        let mut target = plain.clone();
        let given = connection_string::read(string, &mut target)
            .map_err(|problem| SourceError::settings("connection.sql_server.connection_string", problem))?;
        let settle = |field: &str, is_given: bool, has_beside: bool, is_same: bool| match is_given {
            true if has_beside && !is_same => Err(SourceError::settings(
                format!("connection.sql_server.{field}"),
                "the connection string says something else; say it in one of the two places",
            )),
            // Whether the field beside the string counts.
            is_given => Ok(!is_given),
        };
        macro_rules! merge {
            ($($key:pat => $field:literal in $($place:ident).+),*) => {$(
                let is_given = given.iter().any(|key| matches!(key, $key));
                let has_beside = beside.$($place).+ != plain.$($place).+;
                let is_same = beside.$($place).+ == target.$($place).+;
                if settle($field, is_given, has_beside, is_same)? {
                    std::mem::swap(&mut target.$($place).+, &mut beside.$($place).+);
                }
            )*};
        }
        merge!(
            Key::Encrypt => "encryption" in encryption,
            Key::CertificateHost => "certificate_host" in certificate_host,
            Key::Intent => "read_only_intent" in read_only_intent,
            Key::ConnectTimeout => "timeouts.connect_seconds" in timeouts.connect_seconds,
            Key::ConnectTimeout => "timeouts.login_seconds" in timeouts.login_seconds,
            Key::CommandTimeout => "timeouts.command_seconds" in timeouts.command_seconds
        );
        // TrustServerCertificate=false says nothing about which certificates are trusted then.
        let is_given =
            target.trust != Trust::System || given.contains(&Key::Trust) && beside.trust == Trust::Anybody;
        if settle("ca_file", is_given, beside.trust != Trust::System, beside.trust == target.trust)? {
            target.trust = beside.trust;
        }
        target.timeouts.run_seconds = beside.timeouts.run_seconds;
        Ok(target)
    }

    /// The server as people call it.
    pub(super) fn address(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match &self.instance {
            Some(instance) => format!("{host}\\{instance}"),
            None => format!("{host}:{}", self.port.unwrap_or(DEFAULT_PORT)),
        }
    }
}
