//! Whether a client is new enough.

use crate::settings::{ClientPolicy, ClientVersion, UnnamedClients, VersionError};

/// Who asks, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its platform, such as `linkus_ios`, in any case.
    pub platform: String,
    /// Its version, such as `5.7.3`.
    pub version: String,
}

/// Why a client may not use the directory, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    /// It is too old.
    #[error("upgrade needed: {platform} {found} is too old, {minimum} or later is needed")]
    UpgradeNeeded {
        /// Its platform.
        platform: String,
        /// Its version.
        found: ClientVersion,
        /// The oldest that may.
        minimum: ClientVersion,
    },
    /// Nobody knows its platform.
    #[error("client.platform: {found:?} is unknown, expected one of: {known}")]
    UnknownPlatform {
        /// What it said.
        found: String,
        /// Those that there are.
        known: String,
    },
    /// Its version cannot be read.
    #[error("client.version: {0}")]
    NoVersion(VersionError),
    /// It does not say what it is, and has to.
    #[error(
        "client: is missing, and requests that name no client are refused here; say platform and version, one of: \
         {known}"
    )]
    Unnamed {
        /// The platforms, with their oldest versions.
        known: String,
    },
}

/// Longest name that is repeated in an error, in characters.
const SHOWN_CHARACTERS: usize = 32;

/// Whether a client may use the directory.
pub fn check_client(policy: &ClientPolicy, client: Option<&Client>) -> Result<(), ClientRefusal> {
    let Some(Client { platform, version }) = client else {
        return match policy.unnamed_clients {
            UnnamedClients::Allowed => Ok(()),
            UnnamedClients::Refused => Err(ClientRefusal::Unnamed { known: with_versions(policy) }),
        };
    };
    let found = platform.trim().to_lowercase();
    let Some((platform, minimum)) = policy.minimum_versions.get_key_value(&found) else {
        return Err(ClientRefusal::UnknownPlatform {
            found: platform.chars().take(SHOWN_CHARACTERS).collect(),
            known: policy.minimum_versions.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        });
    };
    let found: ClientVersion = version.trim().parse().map_err(ClientRefusal::NoVersion)?;
    if found < *minimum {
        let (platform, minimum) = (platform.clone(), minimum.clone());
        return Err(ClientRefusal::UpgradeNeeded { platform, found, minimum });
    }
    Ok(())
}

fn with_versions(policy: &ClientPolicy) -> String {
    let versions = policy.minimum_versions.iter();
    versions
        .map(|(platform, version)| format!("{platform} {version} or later"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &ClientPolicy, platform: &str, version: &str) -> Result<(), String> {
        let client = Client { platform: platform.into(), version: version.into() };
        check_client(policy, Some(&client)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_client_is_as_new_as_its_platform_asks() {
        let policy = ClientPolicy::default();
        for (platform, version) in [
            ("linkus_ios", "5.7.3"),
            ("Linkus_Android", "5.10"),
            ("linkus_mac", "2"),
            ("linkus_windows", "1.7.3"),
        ] {
            assert_eq!(check(&policy, platform, version), Ok(()), "{platform} {version}");
        }
        let refused = check(&policy, "linkus_android", "5.7.3").unwrap_err();
        assert_eq!(refused, "upgrade needed: linkus_android 5.7.3 is too old, 5.7.4 or later is needed");
        let refused = check(&policy, "symbian", "1").unwrap_err();
        assert!(refused.contains("expected one of: linkus_android, linkus_ios, linkus_mac, linkus_windows"));
        let refused = check(&policy, "linkus_ios", "5.7.3b").unwrap_err();
        assert!(refused.starts_with("client.version: \"5.7.3b\" is no version"), "{refused}");
    }

    #[test]
    fn who_names_no_client_is_let_in_or_told_what_to_say() {
        assert_eq!(check_client(&ClientPolicy::default(), None), Ok(()));
        let policy = ClientPolicy { unnamed_clients: UnnamedClients::Refused, ..ClientPolicy::default() };
        let refused = check_client(&policy, None).unwrap_err().to_string();
        assert!(refused.starts_with("client: is missing") && refused.contains("linkus_ios 5.7.3 or later"));
    }
}
