//! Which clients may use the directory: the oldest version of each platform.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The oldest versions of the reference system's clients that know synchronised contacts.
const REFERENCE: [(&str, [u32; 3]); 4] = [
    ("linkus_android", [5, 7, 4]),
    ("linkus_ios", [5, 7, 3]),
    ("linkus_mac", [1, 7, 3]),
    ("linkus_windows", [1, 7, 3]),
];

/// Most numbers in a version.
const MAX_PARTS: usize = 4;
/// Longest name of a platform, in characters.
pub(super) const MAX_PLATFORM_CHARACTERS: usize = 32;
/// Most platforms.
pub(super) const MAX_PLATFORMS: usize = 100;

/// Which clients may use the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientPolicy {
    /// For each platform, the oldest version. Those of the reference system are there unless given; `0` is any.
    #[serde(deserialize_with = "beside_the_reference")]
    pub minimum_versions: BTreeMap<String, ClientVersion>,
    /// What becomes of requests that name no client.
    pub unnamed_clients: UnnamedClients,
}

/// What becomes of requests that name no client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnnamedClients {
    /// They are answered: programs of one's own, and this one's command line.
    #[default]
    Allowed,
    /// They are refused.
    Refused,
}

impl Default for ClientPolicy {
    fn default() -> Self {
        ClientPolicy::new(BTreeMap::new(), UnnamedClients::default())
    }
}

fn beside_the_reference<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, ClientVersion>, D::Error> {
    let given = BTreeMap::deserialize(deserializer)?;
    Ok(ClientPolicy::new(given, UnnamedClients::default()).minimum_versions)
}

impl ClientPolicy {
    /// With these versions, and those of the reference system for platforms that are not among them.
    #[must_use]
    pub fn new(given: BTreeMap<String, ClientVersion>, unnamed_clients: UnnamedClients) -> Self {
        let reference =
            REFERENCE.map(|(platform, parts)| (platform.to_owned(), ClientVersion(parts.to_vec())));
        let mut minimum_versions = BTreeMap::from(reference);
        minimum_versions.extend(given);
        ClientPolicy { minimum_versions, unnamed_clients }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == ClientPolicy::default()
    }

    /// The field that cannot be, and why.
    pub(super) fn problem(&self) -> Option<(String, String)> {
        if self.minimum_versions.len() > MAX_PLATFORMS {
            let found = self.minimum_versions.len();
            let problem = format!("there are {found}; at most {MAX_PLATFORMS} are allowed");
            return Some(("minimum_versions".into(), problem));
        }
        let is_name = |name: &str| {
            (1..=MAX_PLATFORM_CHARACTERS).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let wrong = self.minimum_versions.keys().find(|name| !is_name(name))?;
        let shown: String = wrong.chars().take(MAX_PLATFORM_CHARACTERS).collect();
        let problem = format!(
            "{shown:?} is no name of a platform: 1 to {MAX_PLATFORM_CHARACTERS} of a to z, 0 to 9 and _"
        );
        Some(("minimum_versions".into(), problem))
    }
}

/// A version: one to four numbers with dots between them. Those that are not there are 0, so `5.7` is `5.7.0`.
#[derive(Debug, Clone)]
pub struct ClientVersion(Vec<u32>);

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is no version: 1 to {MAX_PARTS} numbers with dots between them are expected, such as 5.7.3"
)]
pub struct VersionError {
    /// The beginning of the text.
    found: String,
}

/// Longest part of a text that is repeated in an error, in characters.
const SHOWN_CHARACTERS: usize = 32;

impl FromStr for ClientVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError { found: text.chars().take(SHOWN_CHARACTERS).collect() };
        let part = |part: &str| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u32>().ok().filter(|_| is_number).ok_or_else(error)
        };
        let parts = text.split('.').take(MAX_PARTS + 1).map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.len() > MAX_PARTS { Err(error()) } else { Ok(ClientVersion(parts)) }
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if place == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

super::written_as_text!(ClientVersion);

impl ClientVersion {
    fn parts(&self) -> [u32; MAX_PARTS] {
        std::array::from_fn(|place| self.0.get(place).copied().unwrap_or(0))
    }
}

impl Ord for ClientVersion {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for ClientVersion {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ClientVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ClientVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        let version = |text: &str| text.parse::<ClientVersion>().unwrap();
        for (older, newer) in [("5.7.3", "5.7.10"), ("5.7", "5.7.1"), ("9", "10.0"), ("1.2.3", "1.2.3.1")] {
            assert!(version(older) < version(newer), "{older} {newer}");
        }
        assert_eq!(version("5.7"), version("5.7.0.0"));
        assert_eq!(version("5.07.3").to_string(), "5.7.3");
    }

    #[test]
    fn what_is_no_version_is_refused_with_its_beginning() {
        for text in ["", ".", "5.", "5..7", "v5.7", "5.7.3-beta", "5.7.3.1.0", "+5", " 5", "4294967296", "٥"]
        {
            assert!(text.parse::<ClientVersion>().is_err(), "{text}");
        }
        let long = "x".repeat(1_000_000).parse::<ClientVersion>().unwrap_err().to_string();
        assert!(long.len() < 200 && long.contains("such as 5.7.3"), "{long}");
    }

    #[test]
    fn the_oldest_clients_are_those_of_the_reference_document() {
        let policy = ClientPolicy::default();
        let told: Vec<_> =
            policy.minimum_versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let expected =
            ["linkus_android 5.7.4", "linkus_ios 5.7.3", "linkus_mac 1.7.3", "linkus_windows 1.7.3"];
        assert_eq!(told, expected);
    }
}
