//! The settings of an inbound route: which calls it takes, and where it sends them.

use serde::{Deserialize, Serialize};

use super::Destination;
use crate::phonebook::PhonebookName;

/// An ordered rule: calls that meet every criterion go to the destination.
///
/// A criterion that is empty holds for every call; the values inside one are alternatives. The four about who
/// calls (`callers`, `phonebooks`, `withheld`, `in_no_phonebook`) together are one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundRoute {
    /// Unique name, 1 to 63 characters.
    pub name: String,
    /// A route that is off is passed over.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Names of trunks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<String>,
    /// Patterns and ranges of dialled numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dids: Vec<String>,
    /// Patterns and ranges of caller numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// The caller is a contact in one of these phonebooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phonebooks: Vec<PhonebookName>,
    /// The caller's number is withheld.
    #[serde(default, skip_serializing_if = "is_no")]
    pub withheld: bool,
    /// The caller has a number, and no contact that has it is in a phonebook.
    #[serde(default, skip_serializing_if = "is_no")]
    pub in_no_phonebook: bool,
    /// The lowest level at which the network must vouch for the caller's number (STIR, RFC 8588).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
    /// Time conditions, in the order in which they are tried; the first that holds may have a destination of
    /// its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<RouteTime>,
    /// What to do with phonebooks whose data are old. Unless given they are used, whatever their age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// Value of the Alert-Info header (RFC 3261, section 20.4) that the call handler should send on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alert_info: String,
    /// What the call handler should put in front of the caller's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caller_name_prefix: String,
    /// Where the call goes.
    pub destination: Destination,
}

impl InboundRoute {
    /// A route that is on and takes every call.
    #[must_use]
    pub fn of_every_call(name: &str, destination: Destination) -> Self {
        InboundRoute {
            name: name.to_owned(),
            enabled: true,
            note: String::new(),
            trunks: Vec::new(),
            dids: Vec::new(),
            callers: Vec::new(),
            phonebooks: Vec::new(),
            withheld: false,
            in_no_phonebook: false,
            attestation: None,
            times: Vec::new(),
            freshness: None,
            alert_info: String::new(),
            caller_name_prefix: String::new(),
            destination,
        }
    }
}

fn yes() -> bool {
    true
}
fn is_no(value: &bool) -> bool {
    !*value
}

/// How far the network vouches for the caller's number (STIR, RFC 8588, section 4). The best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Attestation {
    /// Full: it knows the caller, and that the number is theirs.
    A,
    /// Partial: it knows the caller.
    B,
    /// Gateway: it knows where the call came in.
    C,
}

/// A time condition as an inbound route asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTime {
    /// Its name, or [`ALWAYS`](super::ALWAYS).
    pub condition: String,
    /// Where calls go while it holds; the route's own destination unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
}

/// What a route does with phonebooks whose data are old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The age in hours beyond which data are old: since their source was last read successfully.
    pub max_age_hours: u32,
    /// What to do with them.
    pub older: OlderData,
}

/// What to do with data that are old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OlderData {
    /// Use them, and let the explanation say so.
    Use,
    /// Route as if nobody were in the phonebook.
    Skip,
}
