//! What went wrong with a SQL Server, in terms of what to do.
//!
//! The server's numbers are used where there are any, and what it says where there are none: servers that are
//! not Microsoft's use others. What is about a value of a contact is left out, since failures are logged.

use std::io;

use tiberius::error::{Error, IoErrorKind, TokenError};

use super::target::{Target, Trust};
use crate::settings::Encryption;
use crate::source::SourceError;

pub(super) fn not_resolved(target: &Target, why: &str) -> SourceError {
    SourceError::NotFound(format!(
        "{}: the name of the server cannot be resolved ({why}); check connection.sql_server.host, and the name \
         servers of this machine",
        target.host
    ))
}

/// TCP did not come about.
pub(super) fn cannot_connect(target: &Target, failure: &io::Error) -> SourceError {
    let address = target.address();
    SourceError::Unavailable(match failure.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "{address}: the connection was refused; is the server running, does it listen for TCP/IP (SQL Server \
             Configuration Manager), and is this its port?"
        ),
        io::ErrorKind::TimedOut => format!(
            "{address}: no answer within {} s; is the server up, and does a firewall on the way let this machine \
             through to that port?",
            target.timeouts.connect_seconds
        ),
        _ => format!("{address}: no connection ({failure}); check the address and the network"),
    })
}

pub(super) fn no_instance(target: &Target, instance: &str) -> SourceError {
    SourceError::NotFound(format!(
        "{}: nobody says on which port the instance {instance:?} listens (SQL Server Browser, UDP 1434); check the \
         instance's name, that the Browser service runs and that firewalls let UDP 1434 through, or name the \
         instance's port in place of it",
        target.host
    ))
}

pub(super) fn login_timed_out(target: &Target) -> SourceError {
    let hint = match target.encryption {
        Encryption::Strict => {
            "; is this an SQL Server 2022 or later, and does it allow encryption = \"strict\"? Older ones wait for \
             ever: try encryption = \"required\""
        }
        _ => "; is this the port of an SQL Server, and is the server well?",
    };
    SourceError::Unavailable(format!(
        "{}: connected, but not logged in within {} s{hint}",
        target.address(),
        target.timeouts.login_seconds
    ))
}

/// TLS or login did not come about.
pub(super) fn cannot_log_in(target: &Target, error: &Error) -> SourceError {
    let address = target.address();
    match error {
        Error::Server(told) => match of_server(told, target) {
            // Whatever it is, it is about the login.
            SourceError::Query(problem) => SourceError::PermissionDenied(problem),
            other => other,
        },
        Error::Tls(problem) => certificate(target, problem),
        Error::Io { kind: IoErrorKind::NotFound, message } if target.encryption != Encryption::None => {
            SourceError::Unavailable(format!(
                "{address}: this machine trusts no certificates at all ({message}); install the system's CA \
                 certificates, or name the server's CA in connection.sql_server.ca_file"
            ))
        }
        Error::Io { message, .. } if target.encryption == Encryption::Strict => {
            SourceError::Unavailable(format!(
                "{address}: no TLS connection ({message}); only SQL Server 2022 and later know encryption = \
                 \"strict\": if this one is older, write encryption = \"required\""
            ))
        }
        Error::Io { message, .. } if is_about_tls(message) => certificate(target, message),
        Error::Io { message, .. } => SourceError::Unavailable(format!(
            "{address}: the connection ended during the login ({message}); is this the port of an SQL Server? Its \
             error log says why it hung up"
        )),
        other => SourceError::Malformed(format!(
            "{address}: what answered is no SQL Server as we know it ({other}); check the port"
        )),
    }
}

fn is_about_tls(message: &str) -> bool {
    ["certificate", "alert", "handshake", "incompatible", "corrupt", "misbehaved"]
        .iter()
        .any(|word| message.contains(word))
}

/// The server's certificate, or its TLS, is not to be trusted; says what of it.
fn certificate(target: &Target, problem: &str) -> SourceError {
    let address = target.address();
    // The driver adds advice about its own API.
    let problem = problem.split(" To connect anyway").next().unwrap_or(problem);
    let ca = match &target.trust {
        Trust::CaFile(file) => format!("{} does not hold that CA", file.display()),
        _ => "name the file of that CA (PEM) in connection.sql_server.ca_file".to_owned(),
    };
    SourceError::Unavailable(if problem.contains("not valid for") {
        let name = target.certificate_host.as_ref().unwrap_or(&target.host);
        format!(
            "{address}: the server's certificate is for another host, not for {name:?} ({problem}); write the name it \
             is for in connection.sql_server.certificate_host, if that is the right server"
        )
    } else if problem.contains("not valid yet") {
        format!(
            "{address}: the server's certificate is not valid yet ({problem}); check both machines' clocks"
        )
    } else if problem.contains("expired") {
        format!("{address}: the server's certificate has expired ({problem}); renew it on the server")
    } else if ["UnknownIssuer", "BadSignature"].iter().any(|word| problem.contains(word)) {
        format!("{address}: the server's certificate is of a CA that is not trusted here ({problem}); {ca}")
    } else if problem.contains("CaUsedAsEndEntity") || problem.contains("UnsupportedCertVersion") {
        format!(
            "{address}: the server's certificate cannot be checked: it was made by the server for itself, or is a \
             CA's own ({problem}); give the server a certificate of a CA, and {ca}"
        )
    } else {
        format!(
            "{address}: no TLS connection ({problem}); check the server's certificate and which versions of TLS it \
             allows (1.2 is needed)"
        )
    })
}

/// What became of an answer that began, or was to begin.
pub(super) fn while_reading(error: &Error, target: &Target) -> SourceError {
    let address = target.address();
    match error {
        Error::Server(told) => of_server(told, target),
        Error::Io { message, .. } => SourceError::Unavailable(format!(
            "{address}: the connection was cut before the server had sent everything ({message}); nothing was taken \
             from it: synchronise again, and if it happens again look at the server's error log and the network"
        )),
        other => SourceError::Unavailable(format!(
            "{address}: the server's answer cannot be understood ({other}); nothing was taken from it: synchronise \
             again, and if it happens again check what is between this machine and the server"
        )),
    }
}

/// Errors after which the server itself says to try again: deadlocks, failovers, moves, too much to do.
const TEMPORARY: [u32; 15] =
    [1205, 615, 921, 4221, 40143, 40166, 40197, 40501, 40540, 40613, 49918, 49919, 49920, 10928, 10929];

/// Logins that are refused.
fn is_login(code: u32) -> bool {
    matches!(code, 18450..=18470 | 18482..=18488)
}

/// What the server reported.
fn of_server(told: &TokenError, target: &Target) -> SourceError {
    let (code, class) = (told.code(), told.class());
    let message = without_values(told.message().trim().trim_end_matches('.'));
    let says = |words: &str| message.to_lowercase().contains(words);
    let address = target.address();
    let (user, database) = (&target.user, &target.database);
    let server = format!("{address}: {message} (error {code})");
    if TEMPORARY.contains(&code) || class == 13 || says("deadlock victim") {
        return SourceError::Temporary(format!("{server}; the server asks for another try"));
    }
    // Before the login: the message for a database that cannot be opened has words about the login, too.
    if matches!(code, 4060 | 4064 | 911 | 916) || says("cannot open") && says("database") {
        return SourceError::NotFound(format!(
            "{server}; the database {database:?} does not exist there, or the login {user:?} has no user in it: check \
             connection.sql_server.database, or make the user (CREATE USER … FOR LOGIN …)"
        ));
    }
    if code == 40615 {
        return SourceError::PermissionDenied(format!(
            "{server}; let this machine's address through the firewall of the Azure server"
        ));
    }
    if is_login(code) || says("login failed") {
        return SourceError::PermissionDenied(format!(
            "{server}; check connection.sql_server.user ({user:?}) and its password, that the login is enabled, and \
             that the server allows SQL Server logins (mixed mode)"
        ));
    }
    if matches!(code, 229 | 230 | 262 | 297 | 300)
        || says("permission was denied")
        || says("permission denied")
    {
        return SourceError::PermissionDenied(format!(
            "{server}; let the login read it: GRANT SELECT ON {{schema}}.{{table}} TO {}",
            crate::source::filter::Dialect::SqlServer.quote(user)
        ));
    }
    let remedy = match code {
        208 | 4104 => "correct the table's name in the sync filter",
        207 => "correct the column's name in the sync filter",
        209 => "write the table's name or alias before the column in the sync filter",
        8134 | 8115 | 8152 | 245 | 241 | 242 | 8114 => {
            "a value cannot be computed as the sync filter or the view says; use TRY_CONVERT there, or leave out \
             such rows"
        }
        _ if class >= 20 => {
            return SourceError::Unavailable(format!(
                "{server}; the server ended the connection: look at its error log, then synchronise again"
            ));
        }
        _ if class >= 17 => {
            return SourceError::Unavailable(format!(
                "{server}; the server is short of something: see to it"
            ));
        }
        _ => "correct the sync filter, or the view that it reads",
    };
    SourceError::Query(format!("{server}; {remedy}"))
}

/// Leaves out the value in `… converting the nvarchar value 'Anna' to …`.
fn without_values(message: &str) -> String {
    let Some(at) = message.find(" value '").map(|at| at + " value '".len()) else {
        return message.to_owned();
    };
    let end = message.rfind('\'').filter(|end| *end > at).unwrap_or(message.len());
    format!("{}…{}", &message[..at], &message[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_contacts_are_left_out() {
        assert_eq!(
            without_values("Conversion failed when converting the nvarchar value 'Anna' to data type int"),
            "Conversion failed when converting the nvarchar value '…' to data type int"
        );
        assert_eq!(without_values("Invalid object name 'a.b'"), "Invalid object name 'a.b'");
    }
}
