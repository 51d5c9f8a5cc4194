//! The settings of an inbound route: which calls it takes, and where it sends them.

use serde::{Deserialize, Serialize};

use crate::phonebook::PhonebookName;

/// An ordered rule: calls that meet every criterion go to the destination.
///
/// A criterion that is empty holds for every call; the values inside one are alternatives. All criteria
/// about the caller (`callers`, `phonebooks`, `withheld`, `in_no_phonebook`) together are one criterion.
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
    /// Patterns of dialled numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dids: Vec<String>,
    /// Patterns of caller numbers.
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
    /// Value of the Alert-Info header (RFC 3261, section 20.4) that the call handler should send on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alert_info: String,
    /// Where the call goes.
    pub destination: Destination,
}

fn yes() -> bool {
    true
}
fn is_no(value: &bool) -> bool {
    !*value
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub destination_type: DestinationType,
    /// Which of them: an extension, the number of a queue. To hang up, the SIP response to give: a final one
    /// that is no success, 300 to 699 (RFC 3261, section 21), or empty for the call handler's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
}

/// What a call can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum DestinationType {
    Extension,
    Voicemail,
    RingGroup,
    Queue,
    Ivr,
    Conference,
    ExternalNumber,
    Announcement,
    HangUp,
}

impl DestinationType {
    /// The name used in settings and on screen, such as `ring_group`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DestinationType::Extension => "extension",
            DestinationType::Voicemail => "voicemail",
            DestinationType::RingGroup => "ring_group",
            DestinationType::Queue => "queue",
            DestinationType::Ivr => "ivr",
            DestinationType::Conference => "conference",
            DestinationType::ExternalNumber => "external_number",
            DestinationType::Announcement => "announcement",
            DestinationType::HangUp => "hang_up",
        }
    }
}
