//! What the settings of a connection to SQL Server may say, before anything is reached.

use std::fmt;

use super::{Encryption, SqlServerConnection};

/// Longest name of a server, in characters (DNS).
const MAX_HOST: usize = 253;
/// Longest name of a database or login, and longest password, in characters (SQL Server).
const MAX_IDENTIFIER: usize = 128;
/// Longest path, in bytes.
const MAX_PATH: usize = 4096;
/// Longest time-out, in seconds: a day.
const MAX_TIMEOUT: u32 = 86_400;

/// A field of a connection that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionProblem {
    /// The field, as it is written in a source: `connection.sql_server.host`.
    pub field: String,
    /// What was found, what was expected, what to do; never a secret.
    pub problem: String,
}

impl fmt::Display for ConnectionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for ConnectionProblem {}

fn refuse<T>(field: &str, problem: impl Into<String>) -> Result<T, ConnectionProblem> {
    let field = format!("connection.sql_server.{field}");
    Err(ConnectionProblem { field, problem: problem.into() })
}

impl SqlServerConnection {
    /// Checks everything that can be checked by the settings alone.
    pub fn check(&self) -> Result<(), ConnectionProblem> {
        match &self.connection_string {
            Some(_) => self.check_nothing_beside_the_string()?,
            None => self.check_fields()?,
        }
        for (field, secret) in [("connection_string", &self.connection_string), ("password", &self.password)]
        {
            if let Some(problem) = secret.as_ref().and_then(|secret| secret.problem()) {
                return refuse(field, problem);
            }
        }
        self.check_certificates()?;
        let timeouts = &self.timeouts;
        for (field, seconds) in [
            ("connect_seconds", timeouts.connect_seconds),
            ("login_seconds", timeouts.login_seconds),
            ("command_seconds", timeouts.command_seconds),
            ("run_seconds", timeouts.run_seconds),
        ] {
            if !(1..=MAX_TIMEOUT).contains(&seconds) {
                let problem = format!("{seconds} is not 1 to {MAX_TIMEOUT} seconds");
                return refuse(&format!("timeouts.{field}"), problem);
            }
        }
        Ok(())
    }

    /// The string says who and where; how the connection is to be protected may stand beside it.
    fn check_nothing_beside_the_string(&self) -> Result<(), ConnectionProblem> {
        let both = [
            ("host", !self.host.is_empty()),
            ("port", self.port.is_some()),
            ("instance", self.instance.is_some()),
            ("database", !self.database.is_empty()),
            ("user", !self.user.is_empty()),
            ("password", self.password.is_some()),
        ];
        match both.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((field, _)) => refuse(
                field,
                "connection_string says this already; give the string alone, or host, database, user and password \
                 without it",
            ),
        }
    }

    fn check_fields(&self) -> Result<(), ConnectionProblem> {
        check_host("host", &self.host, "name the server, or give a connection_string")?;
        if self.port == Some(0) {
            return refuse("port", "0 is not a port; leave it out for 1433");
        }
        if let Some(instance) = &self.instance {
            check_text("instance", instance, MAX_IDENTIFIER, "leave it out for the default instance")?;
            if self.port.is_some() {
                return refuse(
                    "instance",
                    "a named instance's port is asked for at the server, so port must not be given; leave one of \
                     the two out",
                );
            }
        }
        check_text("database", &self.database, MAX_IDENTIFIER, "name the database")?;
        check_text("user", &self.user, MAX_IDENTIFIER, "name the SQL login")?;
        if self.password.is_none() {
            return refuse("password", "is missing; write env:NAME, file:PATH or the password itself");
        }
        Ok(())
    }

    fn check_certificates(&self) -> Result<(), ConnectionProblem> {
        if let Some(file) = &self.ca_file {
            let bytes = file.as_os_str().as_encoded_bytes();
            if bytes.is_empty() || bytes.len() > MAX_PATH || bytes.contains(&0) {
                return refuse("ca_file", "is not a path; name a file of PEM certificates, or leave it out");
            }
        }
        if let Some(host) = &self.certificate_host {
            check_host("certificate_host", host, "leave it out when the certificate is for host")?;
        }
        for (field, is_given) in
            [("ca_file", self.ca_file.is_some()), ("certificate_host", self.certificate_host.is_some())]
        {
            if is_given && self.dangerously_trust_any_certificate {
                return refuse(
                    field,
                    "dangerously_trust_any_certificate checks no certificate at all; leave one of the two out",
                );
            }
            if is_given && self.encryption == Encryption::None {
                return refuse(
                    field,
                    "with encryption = \"none\" there is no certificate to check; leave one of the two out",
                );
            }
        }
        Ok(())
    }
}

/// A text on one line, not blank. What it says is not repeated: a password may be in the wrong place.
fn check_text(field: &str, text: &str, most: usize, remedy: &str) -> Result<(), ConnectionProblem> {
    let found = text.chars().count();
    if text.trim().is_empty() {
        return refuse(field, format!("is missing; {remedy}"));
    }
    if text.trim() != text {
        return refuse(field, "begins or ends with white space; write it without");
    }
    if found > most {
        return refuse(field, format!("has {found} characters; at most {most} are allowed"));
    }
    if text.chars().any(char::is_control) {
        return refuse(field, "has a control character in it; write it on one line");
    }
    Ok(())
}

/// A name or address alone: other tools have port, instance and protocol in the same text.
fn check_host(field: &str, host: &str, remedy: &str) -> Result<(), ConnectionProblem> {
    check_text(field, host, MAX_HOST, remedy)?;
    if host.contains(['=', ';']) {
        return refuse(field, "looks like a connection string; write it as connection_string");
    }
    let protocol = host.split_once(':').map(|(protocol, _)| protocol.to_ascii_lowercase());
    if protocol.is_some_and(|protocol| ["tcp", "np", "lpc", "admin", "http", "https"].contains(&&*protocol)) {
        return refuse(field, "begins with a protocol; write the server's name alone");
    }
    if host.contains('\\') {
        return refuse(field, "has an instance behind it; write host = \"server\" and instance = \"NAME\"");
    }
    let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
    if host.contains(',') || host.contains(':') && !is_address {
        return refuse(field, "is not a name or address; a port is written as port = 1433");
    }
    if host.chars().any(char::is_whitespace) || host.contains(['/', '@', '[', ']', '"', '\'']) {
        return refuse(field, "is not a name or address of a server");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
