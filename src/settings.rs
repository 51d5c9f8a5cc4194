//! What the business decides: sources, phonebooks, trunks, inbound routes, how numbers are read.
//!
//! These types are plain data, kept in the store and written in the one file that `ringroute apply` reads
//! and `ringroute export` writes. What a text in them *means* is decided by the room that uses it: a sync
//! filter by [`crate::source`], a pattern by [`crate::snapshot`]. What a *process* needs (listen address,
//! data folder) is not here but in [`crate::config`].

mod client_policy;
mod destination;
mod difference;
mod document;
mod extension;
mod history;
mod inbound_route;
mod limits;
mod notify;
mod part;
mod schedule;
mod source;
mod sql_server;
mod stored_secrets;
mod time_condition;
mod trunk;
mod validation;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::phone_number::Region;
use crate::phonebook::PhonebookName;

pub use client_policy::{ClientPolicy, ClientVersion, UnnamedClients, VersionError};
pub use destination::{
    Destination, DestinationType, ListedDestination, RoutingSettings, UnlistedDestinations,
};
pub use difference::{Change, ChangeKind};
pub use document::{DocumentError, MAX_DOCUMENT_BYTES};
pub use extension::{Extension, VisibilityGrant};
pub use history::{HistorySettings, MAX_HISTORY_MEGABYTES, MAX_HISTORY_RUNS};
pub use inbound_route::{Attestation, Freshness, InboundRoute, OlderData, RouteTime};
pub use limits::LimitSettings;
pub use notify::{EmailAddresses, MAX_ADDRESSES, Notify, Occasion, Webhook, WebhookUrl, is_this_machine};
pub use part::{ListedPart, SinglePart};
pub use schedule::{
    Cron, CronExpression, Daily, DayOfMonth, DayOfWeek, Frequency, Interval, MAX_INTERVAL_HOURS,
    MAX_INTERVAL_MINUTES, MAX_JITTER_MINUTES, Monthly, Schedule, TimeOfDay, TimeZoneName, Weekly,
};
pub use source::{
    Connection, CsvConnection, Encryption, FieldMap, GuardSettings, PhonebookTarget, SourceSettings,
    SqlServerConnection, SqlServerTimeouts, SqliteConnection,
};
pub use sql_server::ConnectionProblem;
pub use time_condition::{ALWAYS, TimeCondition};
pub use trunk::{NumberRule, Trunk};
pub use validation::{
    MAX_EXTENSIONS, MAX_GUARD_CONTACTS, MAX_INBOUND_ROUTES, MAX_LISTED_DESTINATIONS, MAX_LOCAL_PHONEBOOKS,
    MAX_SOURCES, MAX_TIME_CONDITIONS, MAX_TRUNKS, MAX_VISIBILITY_GRANTS, folded_name,
};

/// Everything that the business decides, as one document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How numbers are read and compared.
    pub numbers: NumberSettings,
    /// How many contacts and phonebooks there may be.
    #[serde(skip_serializing_if = "LimitSettings::is_default")]
    pub limits: LimitSettings,
    /// How much is kept of what runs changed.
    #[serde(skip_serializing_if = "HistorySettings::is_default")]
    pub history: HistorySettings,
    /// Phonebooks made by hand; synced ones belong to their source and are not settings.
    #[serde(rename = "phonebook", skip_serializing_if = "Vec::is_empty")]
    pub phonebooks: Vec<LocalPhonebook>,
    /// How destinations are checked and dialled.
    #[serde(skip_serializing_if = "RoutingSettings::is_default")]
    pub routing: RoutingSettings,
    /// Destinations that exist.
    #[serde(rename = "destination", skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<ListedDestination>,
    /// Extensions with a name and groups; destinations too.
    #[serde(rename = "extension", skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Which phonebooks extensions see.
    #[serde(rename = "visibility_grant", skip_serializing_if = "Vec::is_empty")]
    pub visibility_grants: Vec<VisibilityGrant>,
    /// Which clients may use the directory.
    #[serde(skip_serializing_if = "ClientPolicy::is_default")]
    pub client_policy: ClientPolicy,
    /// Times with a name.
    #[serde(rename = "time_condition", skip_serializing_if = "Vec::is_empty")]
    pub time_conditions: Vec<TimeCondition>,
    /// Where calls come in.
    #[serde(rename = "trunk", skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<Trunk>,
    /// Databases that contacts come from.
    #[serde(rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSettings>,
    /// Inbound routes, in the order in which they are tried.
    #[serde(rename = "inbound_route", skip_serializing_if = "Vec::is_empty")]
    pub inbound_routes: Vec<InboundRoute>,
}

/// How numbers are read and compared, for every call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberSettings {
    /// The region of numbers not written internationally, unless a trunk or source says another.
    /// Without one, only international numbers become E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Region>,
    /// How many last digits are enough for a match when there is no exact one: 7 to 15, or 0 for off.
    #[serde(skip_serializing_if = "is_default")]
    pub last_digits: u8,
}

/// Fewest last digits that may count as a match; fewer match strangers.
pub const MIN_LAST_DIGITS: u8 = 7;

fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// A phonebook made by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalPhonebook {
    /// Its name, unique among all phonebooks.
    pub name: PhonebookName,
}
/// Types that are written as a text: what `FromStr` reads is what `Display` writes.
macro_rules! written_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use written_as_text;
