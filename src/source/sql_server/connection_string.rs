//! The ADO.NET form of a connection: `Server=tcp:host,1433;Database=…;User ID=…;Password=…;Encrypt=…`.
//!
//! Read here and not by the driver, which passes over what it does not know: a misspelt `Encrypt` would be no
//! encryption. No error repeats anything of the text, since any part of it may be part of the password (a
//! `;` in a password that is not quoted makes "keys" of what follows).

use super::target::{Target, Trust};
use crate::settings::Encryption;
use crate::source::mapped_query::nearest;

/// What each key means, with all its names, in small letters and without spaces.
const KEYS: [(&str, Key); 27] = [
    ("server", Key::Server),
    ("datasource", Key::Server),
    ("addr", Key::Server),
    ("address", Key::Server),
    ("networkaddress", Key::Server),
    ("database", Key::Database),
    ("initialcatalog", Key::Database),
    ("user", Key::User),
    ("userid", Key::User),
    ("uid", Key::User),
    ("password", Key::Password),
    ("pwd", Key::Password),
    ("encrypt", Key::Encrypt),
    ("trustservercertificate", Key::Trust),
    ("trustservercertificateca", Key::CaFile),
    ("hostnameincertificate", Key::CertificateHost),
    ("applicationname", Key::ApplicationName),
    ("app", Key::ApplicationName),
    ("applicationintent", Key::Intent),
    ("connecttimeout", Key::ConnectTimeout),
    ("connectiontimeout", Key::ConnectTimeout),
    ("timeout", Key::ConnectTimeout),
    ("commandtimeout", Key::CommandTimeout),
    ("integratedsecurity", Key::Integrated),
    ("trusted_connection", Key::Integrated),
    ("authentication", Key::Authentication),
    ("multisubnetfailover", Key::MultiSubnet),
];

/// What makes no difference here: pools, sessions and formats of other programs.
const WITHOUT_MEANING: [&str; 19] = [
    "persistsecurityinfo",
    "pooling",
    "maxpoolsize",
    "minpoolsize",
    "poolblockingperiod",
    "loadbalancetimeout",
    "connectionlifetime",
    "connectretrycount",
    "connectretryinterval",
    "multipleactiveresultsets",
    "packetsize",
    "workstationid",
    "wsid",
    "enlist",
    "transactionbinding",
    "typesystemversion",
    "transparentnetworkipresolution",
    "ipaddresspreference",
    "asynchronousprocessing",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Server,
    Database,
    User,
    Password,
    Encrypt,
    Trust,
    CaFile,
    CertificateHost,
    ApplicationName,
    Intent,
    ConnectTimeout,
    CommandTimeout,
    Integrated,
    Authentication,
    MultiSubnet,
}

/// Puts what `text` says into `target`, and returns what it says something about. The error never repeats
/// any of the text.
pub(super) fn read(text: &str, target: &mut Target) -> Result<Vec<Key>, String> {
    let mut given = Vec::new();
    for (index, (name, value)) in entries(text)?.into_iter().enumerate() {
        let entry = index + 1;
        let folded: String = name.to_lowercase().split_whitespace().collect();
        let Some(&(name, key)) = KEYS.iter().find(|(known, _)| *known == folded) else {
            if WITHOUT_MEANING.contains(&folded.as_str()) {
                continue;
            }
            let suggestion = match nearest(&folded, KEYS.iter().map(|(name, _)| *name)) {
                Some(name) => format!("did you mean {name:?}?"),
                None => "leave it out".to_owned(),
            };
            return Err(format!(
                "the key of entry {entry} is not known; {suggestion} (a value with ; in it is written in quotes)"
            ));
        };
        if given.contains(&key) {
            return Err(format!(
                "{name:?} (entry {entry}) is said twice; say it once, under one of its names"
            ));
        }
        given.push(key);
        put(key, value, target).map_err(|problem| format!("{name:?} (entry {entry}) {problem}"))?;
    }
    for (key, name) in [(Key::Server, "Server"), (Key::Database, "Database"), (Key::User, "User ID")] {
        if !given.contains(&key) {
            return Err(format!("{name} is missing; write {name}=…;"));
        }
    }
    if !given.contains(&Key::Password) {
        return Err("Password is missing; write Password=…; (only SQL logins are supported)".to_owned());
    }
    if given.contains(&Key::CaFile) && target.trust == Trust::Anybody {
        return Err(
            "TrustServerCertificate=true checks no certificate; leave out TrustServerCertificateCA, \
                    or write TrustServerCertificate=false"
                .to_owned(),
        );
    }
    Ok(given)
}

/// Key and value of each entry, without quotes.
fn entries(text: &str) -> Result<Vec<(&str, String)>, String> {
    let mut entries = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(next) = rest.strip_prefix(';') {
            rest = next.trim_start();
            continue;
        }
        let entry = entries.len() + 1;
        let no_key =
            || format!("entry {entry} has no =; write Key=Value, and a value with ; in it in quotes");
        let end = rest.find(['=', ';']).ok_or_else(no_key)?;
        let name = rest[..end].trim();
        let behind = rest[end..].strip_prefix('=').filter(|_| !name.is_empty()).ok_or_else(no_key)?;
        let behind = behind.trim_start();
        let (value, next) = match behind.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(&behind[1..], quote),
            Some('{') => behind[1..].split_once('}').map(|(value, next)| (value.to_owned(), next)),
            _ => {
                let end = behind.find(';').unwrap_or(behind.len());
                Some((behind[..end].trim_end().to_owned(), &behind[end..]))
            }
        }
        .ok_or_else(|| {
            format!("the quotes of entry {entry} are not closed; a quote in a value is written twice")
        })?;
        rest = next.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return Err(format!("there is something behind the quotes of entry {entry}; expected ;"));
        }
        entries.push((name, value));
    }
    Ok(entries)
}

/// The text up to the closing quote, which stands for itself when written twice; and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, next) = rest.split_once(quote)?;
        value.push_str(part);
        match next.strip_prefix(quote) {
            Some(next) => {
                value.push(quote);
                rest = next;
            }
            None => return Some((value, next)),
        }
    }
}

fn put(key: Key, value: String, target: &mut Target) -> Result<(), &'static str> {
    let blank_is_wrong = matches!(key, Key::Server | Key::Database | Key::User | Key::CertificateHost);
    if blank_is_wrong && value.trim().is_empty() {
        return Err("is empty");
    }
    match key {
        Key::Server => return server(&value, target),
        Key::Database => target.database = value,
        Key::User => target.user = value,
        Key::Password => target.password = value.into(),
        Key::CertificateHost => target.certificate_host = Some(value),
        Key::ApplicationName if value.is_empty() => {}
        Key::ApplicationName => target.application_name = value,
        Key::Encrypt => {
            target.encryption = match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "mandatory" => Encryption::Required,
                // What ADO.NET does then: the server may ask for more.
                "false" | "no" | "optional" => Encryption::LoginOnly,
                "strict" => Encryption::Strict,
                "danger_plaintext" => Encryption::None,
                _ => return Err("is none of true, false, strict and DANGER_PLAINTEXT"),
            };
        }
        Key::Trust => {
            if truth(&value)? {
                target.trust = Trust::Anybody;
            }
        }
        Key::CaFile if target.trust == Trust::Anybody => {}
        Key::CaFile => target.trust = Trust::CaFile(value.into()),
        Key::Intent => {
            target.read_only_intent = match value.to_ascii_lowercase().as_str() {
                "readonly" => true,
                "readwrite" => false,
                _ => return Err("is neither ReadOnly nor ReadWrite"),
            };
        }
        Key::ConnectTimeout => {
            let seconds = seconds(&value)?;
            (target.timeouts.connect_seconds, target.timeouts.login_seconds) = (seconds, seconds);
        }
        Key::CommandTimeout => target.timeouts.command_seconds = seconds(&value)?,
        Key::Integrated => {
            if value.eq_ignore_ascii_case("sspi") || truth(&value)? {
                return Err(
                    "asks for a Windows login; only SQL logins are supported: write User ID and Password",
                );
            }
        }
        Key::Authentication => {
            let folded: String = value.to_lowercase().split_whitespace().collect();
            if folded != "sqlpassword" && folded != "notspecified" {
                return Err("is not SqlPassword; only SQL logins are supported");
            }
        }
        // Every address of the server is tried in any case.
        Key::MultiSubnet => {
            truth(&value)?;
        }
    }
    Ok(())
}

/// `[tcp:]host[\instance][,port]`
fn server(value: &str, target: &mut Target) -> Result<(), &'static str> {
    let mut rest = value.trim();
    if let Some((protocol, behind)) = rest.split_once(':')
        && !behind.contains(':')
    {
        if !protocol.eq_ignore_ascii_case("tcp") {
            return Err("has a protocol other than tcp:, which is the only one that is supported");
        }
        rest = behind;
    }
    if let Some((before, port)) = rest.split_once(',') {
        target.port = match port.trim().parse() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err("has no port from 1 to 65535 behind the comma"),
        };
        rest = before;
    }
    let (host, instance) = match rest.split_once('\\') {
        Some((host, instance)) => (host.trim(), Some(instance.trim())),
        None => (rest.trim(), None),
    };
    target.host = match host {
        "" => return Err("names no server"),
        "." | "(local)" => "localhost".to_owned(),
        _ if host.contains(['(', '/', '@', '\\']) || host.chars().any(char::is_whitespace) => {
            return Err("is not a name or address; write host, host,port or host\\instance");
        }
        host => host.trim_start_matches('[').trim_end_matches(']').to_owned(),
    };
    match instance {
        Some("") => return Err("has no instance behind the \\"),
        // With a port there is nothing to ask for.
        Some(instance) if target.port.is_none() && !instance.eq_ignore_ascii_case("MSSQLSERVER") => {
            target.instance = Some(instance.to_owned());
        }
        _ => {}
    }
    Ok(())
}

fn truth(value: &str) -> Result<bool, &'static str> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err("is neither true nor false"),
    }
}

fn seconds(value: &str) -> Result<u32, &'static str> {
    match value.trim().parse() {
        Ok(seconds @ 1..=86_400) => Ok(seconds),
        _ => Err("is not 1 to 86400 seconds"),
    }
}

#[cfg(test)]
mod tests;
