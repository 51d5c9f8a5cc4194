//! Where calls can go: destinations of routes, the list of those that exist, and how each is dialled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub destination_type: DestinationType,
    /// Which of them: an extension, the number of a queue. For extensions and mailboxes also `{{.Ext}}`, the
    /// extension that the pattern of the dialled number takes out of it, or a range as long as the one range
    /// of dialled numbers that the route has. To hang up, the SIP response to give: a final one that is no
    /// success, 300 to 699 (RFC 3261, section 21), or empty for the call handler's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Where the call goes when the contact has no extension of its own; for
    /// [`DestinationType::ContactExtension`] only, which needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<Destination>>,
}

/// What a call can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    GroupVoicemail,
    OutboundRoute,
    CallFlow,
    FaxToEmail,
    /// The extension of the contact's own person in the company. Decided as [`DestinationType::Extension`].
    ContactExtension,
}

impl DestinationType {
    /// All of them.
    pub const ALL: [DestinationType; 14] = [
        DestinationType::Extension,
        DestinationType::Voicemail,
        DestinationType::RingGroup,
        DestinationType::Queue,
        DestinationType::Ivr,
        DestinationType::Conference,
        DestinationType::ExternalNumber,
        DestinationType::Announcement,
        DestinationType::HangUp,
        DestinationType::GroupVoicemail,
        DestinationType::OutboundRoute,
        DestinationType::CallFlow,
        DestinationType::FaxToEmail,
        DestinationType::ContactExtension,
    ];

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
            DestinationType::GroupVoicemail => "group_voicemail",
            DestinationType::OutboundRoute => "outbound_route",
            DestinationType::CallFlow => "call_flow",
            DestinationType::FaxToEmail => "fax_to_email",
            DestinationType::ContactExtension => "contact_extension",
        }
    }
}

/// A destination that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedDestination {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub destination_type: DestinationType,
    /// Which of them. Extensions may be listed as ranges: `1000-1999`.
    pub target: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// How destinations are checked and dialled, and what is told of decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingSettings {
    /// Whether routes may go to destinations that are not listed. Unless given, only while none is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted_destinations: Option<UnlistedDestinations>,
    /// For each kind of destination, how the call handler dials it: `PJSIP/{target}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dial_strings: BTreeMap<DestinationType, String>,
    /// Whether the list of the last decisions shows callers' numbers whole; masked unless it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shows_numbers: bool,
}

impl RoutingSettings {
    pub(super) fn is_default(&self) -> bool {
        *self == RoutingSettings::default()
    }
}

/// What becomes of a route to a destination that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlistedDestinations {
    /// It is taken as it is: the call handler keeps its own list.
    Allowed,
    /// It is refused when it is saved.
    Refused,
}
