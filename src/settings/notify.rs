//! Who is told what runs of a source came to: `notify = { email = "ops@example.com; it@example.com" }`.
//!
//! Addresses are read into types that cannot be wrong. How they are reached is the business of the process
//! ([`crate::config`]), what they are told that of the notifier.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;
use lettre::Address;
use serde::{Deserialize, Serialize};

use super::written_as_text;
use crate::secret::Secret;

/// Most addresses of a source, as in the reference system.
pub const MAX_ADDRESSES: usize = 5;
/// Longest address that SMTP carries.
const MAX_ADDRESS_BYTES: usize = 254;
/// Longest URL.
const MAX_URL_BYTES: usize = 2000;

/// Feedback: who is told, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// Feedback Email: up to five addresses, separated by `;`.
    #[serde(skip_serializing_if = "EmailAddresses::is_empty")]
    pub email: EmailAddresses,
    /// A web server that is told by HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// After which runs.
    pub when: Vec<Occasion>,
}

impl Default for Notify {
    fn default() -> Self {
        let when = vec![Occasion::Failure, Occasion::Refusal, Occasion::Recovery];
        Notify { email: EmailAddresses::default(), webhook: None, when }
    }
}

/// What a run came to, as far as somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It ended, whatever it came to.
    Always,
    /// It failed.
    Failure,
    /// It was refused: what was read is not believed.
    Refusal,
    /// It succeeded, when the one before had not.
    Recovery,
}

/// A web server that is told by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where to.
    pub url: WebhookUrl,
    /// What messages are signed with: `env:NAME` or `file:PATH`.
    pub secret: Secret,
}

impl Notify {
    /// What cannot be, if anything: the field below, and what was found and expected there.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        if self.when.is_empty() {
            return Some(("when", "there is nothing; name at least one, such as \"failure\"".to_owned()));
        }
        let secret = &self.webhook.as_ref()?.secret;
        let problem = secret.problem().or_else(|| {
            let is_reference = secret.typed_in().is_none() && !secret.is_stored();
            (!is_reference)
                .then(|| "is written in the settings; name where it is: env:NAME or file:PATH".to_owned())
        });
        problem.map(|problem| ("webhook.secret", problem))
    }
}

/// Email addresses, written with `;` between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailAddresses(Vec<Address>);

written_as_text!(EmailAddresses);

impl EmailAddresses {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a text that is to be one address.
    pub fn one(text: &str) -> Result<Address, String> {
        let mut addresses = text.parse::<EmailAddresses>()?.0.into_iter();
        match (addresses.next(), addresses.next()) {
            (Some(address), None) => Ok(address),
            (None, _) => Err("is empty; one address is expected, such as ops@example.com".to_owned()),
            (Some(_), Some(_)) => Err("there are several; one is expected".to_owned()),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter()
    }
}

impl fmt::Display for EmailAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if place == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl FromStr for EmailAddresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let written: Vec<&str> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        if written.len() > MAX_ADDRESSES {
            return Err(format!(
                "there are {} addresses; at most {MAX_ADDRESSES} are allowed",
                written.len()
            ));
        }
        let mut seen = HashSet::new();
        let mut addresses = Vec::new();
        for (place, written) in written.into_iter().enumerate() {
            let wrong = |problem: &str| format!("address {}, {written:?}, {problem}", place + 1);
            if !written.is_ascii() {
                return Err(wrong(
                    "has letters that few mail servers take; write the domain in its xn-- form",
                ));
            }
            if written.len() > MAX_ADDRESS_BYTES {
                return Err(wrong(&format!("has more than {MAX_ADDRESS_BYTES} characters")));
            }
            let address: Address = written.parse().map_err(|_| {
                wrong("is no email address; name@example.com is expected, with ; between two")
            })?;
            if !seen.insert(written.to_ascii_lowercase()) {
                return Err(wrong("is there twice"));
            }
            addresses.push(address);
        }
        Ok(EmailAddresses(addresses))
    }
}

/// Where a webhook is: `https`, or `http` on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    text: String,
    uri: Uri,
}

written_as_text!(WebhookUrl);

impl WebhookUrl {
    /// In its parts.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Without what may be a secret: paths and queries often are.
    #[must_use]
    pub fn shown(&self) -> String {
        format!(
            "{}://{}",
            self.uri.scheme_str().unwrap_or_default(),
            self.uri.authority().map_or("", |a| a.as_str())
        )
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for WebhookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A wrong one is not repeated: it may hold a secret.
        let expected = "https://example.com/path is expected";
        if text.len() > MAX_URL_BYTES {
            return Err(format!("the URL has more than {MAX_URL_BYTES} characters"));
        }
        let uri: Uri =
            text.parse().map_err(|error| format!("the URL cannot be read ({error}); {expected}"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let (Some(scheme), Some(host)) = (uri.scheme_str(), host) else {
            return Err(format!("the URL is not whole; {expected}"));
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("the URL has a user in it; messages are signed instead, see `secret`".to_owned());
        }
        match scheme {
            "https" => {}
            "http" if is_this_machine(host) => {}
            "http" => return Err("http can be read and changed on the way; write https://".to_owned()),
            _ => return Err(format!("{scheme:?} is no scheme of a webhook; {expected}")),
        }
        Ok(WebhookUrl { text: text.to_owned(), uri })
    }
}

/// Whether what is sent to a host stays on this machine.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
