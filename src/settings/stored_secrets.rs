//! `stored:` in settings that are given: the secret that is stored already, which is shown to nobody.
//!
//! Whoever may change settings has not thereby seen the password. So what was typed in for one server goes
//! to that server only: were `stored:` taken for a connection to another host, or one that lets somebody on
//! the way read, changing the settings would be a way to be sent the password.

use super::{Connection, ConnectionProblem, SourceSettings, SqlServerConnection};
use crate::secret::{STORED, Secret};

impl SourceSettings {
    /// Puts the secrets of `stored`, the source as it is, where these settings say `stored:`.
    pub fn take_secrets_of(&mut self, stored: Option<&SourceSettings>) -> Result<(), ConnectionProblem> {
        let Connection::SqlServer(connection) = &mut self.connection else { return Ok(()) };
        let stored = match stored.map(|stored| &stored.connection) {
            Some(Connection::SqlServer(stored)) => Some(&**stored),
            _ => None,
        };
        let string = stored.and_then(|stored| stored.connection_string.clone());
        let password = stored.and_then(|stored| stored.password.clone());
        let changed = stored.and_then(|stored| what_else_it_would_meet(stored, connection));
        take("connection_string", &mut connection.connection_string, string, changed)?;
        take("password", &mut connection.password, password, changed)
    }
}

fn take(
    field: &str,
    secret: &mut Option<Secret>,
    stored: Option<Secret>,
    changed: Option<&str>,
) -> Result<(), ConnectionProblem> {
    if !secret.as_ref().is_some_and(Secret::is_stored) {
        return Ok(());
    }
    let refused =
        |problem: String| Err(ConnectionProblem { field: format!("connection.sql_server.{field}"), problem });
    if stored.is_none() {
        return refused(format!(
            "{STORED} stands for the secret that is stored already, and for a source of this name there is none; \
             write env:NAME, file:PATH or the secret itself"
        ));
    }
    if let Some(changed) = changed {
        return refused(format!(
            "{changed} is another than the stored secret was given for, and a secret goes nowhere else unasked; \
             write it in again, or env:NAME or file:PATH"
        ));
    }
    *secret = stored;
    Ok(())
}

/// The first thing that decides who gets to see the secret and is not as it was. What does not, such as the
/// database or the time-outs, may change.
fn what_else_it_would_meet(old: &SqlServerConnection, new: &SqlServerConnection) -> Option<&'static str> {
    let port = |connection: &SqlServerConnection| connection.port.unwrap_or(DEFAULT_PORT);
    let same = [
        ("host", old.host.eq_ignore_ascii_case(&new.host)),
        ("port", port(old) == port(new)),
        ("instance", old.instance == new.instance),
        ("user", old.user == new.user),
        ("encryption", old.encryption == new.encryption),
        ("ca_file", old.ca_file == new.ca_file),
        ("certificate_host", old.certificate_host == new.certificate_host),
        (
            "dangerously_trust_any_certificate",
            old.dangerously_trust_any_certificate == new.dangerously_trust_any_certificate,
        ),
    ];
    same.into_iter().find(|(_, is_same)| !is_same).map(|(field, _)| field)
}

/// Where a SQL Server listens unless the settings say otherwise.
const DEFAULT_PORT: u16 = 1433;

#[cfg(test)]
mod tests;
