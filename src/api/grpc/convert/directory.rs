//! The directory and its settings <-> the contract's.

use std::collections::BTreeMap;

use super::label;
use crate::api::grpc::request::{bad, phonebook_name};
use crate::api::proto::v1;
use crate::contact::{ContactDetails, ContactNumber, display_name};
use crate::directory::{Client, LookedUp};
use crate::engine::{DirectoryContact, DirectoryParts, EngineError, Looked, etag};
use crate::settings::{ClientPolicy, ClientVersion, Extension, UnnamedClients, VisibilityGrant};
use crate::store::CountedPhonebook;

pub(in crate::api::grpc) fn client(client: Option<v1::DirectoryClient>) -> Option<Client> {
    client.map(|v1::DirectoryClient { platform, version }| Client { platform, version })
}

pub(in crate::api::grpc) fn phonebook(counted: CountedPhonebook) -> v1::DirectoryPhonebook {
    v1::DirectoryPhonebook {
        phonebook_id: counted.phonebook.id.0,
        name: counted.phonebook.name.into(),
        contact_count: counted.contact_count,
    }
}

pub(in crate::api::grpc) fn contact(seen: DirectoryContact) -> v1::DirectoryContact {
    let DirectoryContact { contact, phonebooks, dial_strings } = seen;
    let ContactDetails {
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension: _,
        numbers,
    } = contact.details;
    let number = |(ContactNumber { label: used_for, raw, number }, dial_string): (_, Option<String>)| {
        v1::DirectoryNumber {
            label: label(used_for).into(),
            number: number.to_string(),
            raw,
            dial_string: dial_string.unwrap_or_default(),
        }
    };
    v1::DirectoryContact {
        contact_id: contact.id.0,
        display_name: display_name(&first_name, &last_name, &company),
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        phonebooks: phonebooks.into_iter().map(String::from).collect(),
        numbers: numbers.into_iter().zip(dial_strings).map(number).collect(),
    }
}

pub(in crate::api::grpc) fn looked_up(looked: Looked) -> v1::LookUpDirectoryNumberResponse {
    let Looked { found, contacts } = looked;
    let (status, number) = match found {
        // All of them may have gone meanwhile.
        LookedUp::Matched { number, .. } if contacts.is_empty() => {
            (v1::MatchStatus::NotMatched, number.to_string())
        }
        LookedUp::Matched { number, .. } => (v1::MatchStatus::Matched, number.to_string()),
        LookedUp::NotMatched(number) => (v1::MatchStatus::NotMatched, number.to_string()),
        LookedUp::Withheld => (v1::MatchStatus::Withheld, String::new()),
        LookedUp::Invalid(_) => (v1::MatchStatus::Invalid, String::new()),
    };
    let matched =
        |(seen, used_for)| v1::DirectoryMatch { contact: Some(contact(seen)), label: label(used_for).into() };
    v1::LookUpDirectoryNumberResponse {
        status: status.into(),
        number,
        matches: contacts.into_iter().map(matched).collect(),
    }
}

pub(in crate::api::grpc) fn policy(policy: &ClientPolicy) -> v1::ClientPolicy {
    let ClientPolicy { minimum_versions, unnamed_clients } = policy;
    let version = |(platform, version): (&String, &ClientVersion)| v1::MinimumVersion {
        platform: platform.clone(),
        version: version.to_string(),
    };
    let unnamed = match unnamed_clients {
        UnnamedClients::Allowed => v1::UnnamedClients::Allowed,
        UnnamedClients::Refused => v1::UnnamedClients::Refused,
    };
    v1::ClientPolicy {
        minimum_versions: minimum_versions.iter().map(version).collect(),
        unnamed_clients: unnamed.into(),
    }
}

pub(in crate::api::grpc) fn settings(parts: DirectoryParts) -> v1::DirectorySettings {
    let etag = etag(&parts);
    let DirectoryParts { extensions, visibility_grants, client_policy } = parts;
    let extension = |Extension { number, name, enabled, groups }| v1::Extension {
        number,
        name,
        enabled: Some(enabled),
        groups,
    };
    let grant = |grant| {
        let VisibilityGrant {
            name,
            phonebooks,
            all_phonebooks,
            extensions,
            extension_groups,
            all_extensions,
        } = grant;
        let phonebooks = phonebooks.into_iter().map(String::from).collect();
        v1::VisibilityGrant { name, phonebooks, all_phonebooks, extensions, extension_groups, all_extensions }
    };
    v1::DirectorySettings {
        extensions: extensions.into_iter().map(extension).collect(),
        visibility_grants: visibility_grants.into_iter().map(grant).collect(),
        client_policy: Some(policy(&client_policy)),
        etag,
    }
}

/// What a request asks for, and the etag of what it was made from.
pub(in crate::api::grpc) fn settings_from(
    settings: Option<v1::DirectorySettings>,
) -> Result<(DirectoryParts, String), EngineError> {
    let missing = || bad("directory_settings", "is missing; extensions and grants are expected here");
    let v1::DirectorySettings { extensions, visibility_grants, client_policy, etag } =
        settings.ok_or_else(missing)?;
    let extension = |v1::Extension { number, name, enabled, groups }| Extension {
        number,
        name,
        enabled: enabled.unwrap_or(true),
        groups,
    };
    let parts = DirectoryParts {
        extensions: extensions.into_iter().map(extension).collect(),
        visibility_grants: visibility_grants
            .into_iter()
            .enumerate()
            .map(grant_from)
            .collect::<Result<_, _>>()?,
        client_policy: client_policy.map(policy_from).transpose()?.unwrap_or_default(),
    };
    Ok((parts, etag))
}

fn grant_from((place, grant): (usize, v1::VisibilityGrant)) -> Result<VisibilityGrant, EngineError> {
    let v1::VisibilityGrant {
        name,
        phonebooks,
        all_phonebooks,
        extensions,
        extension_groups,
        all_extensions,
    } = grant;
    let field = |at: usize| format!("directory_settings.visibility_grants[{place}].phonebooks[{at}]");
    let phonebooks = phonebooks.iter().enumerate();
    let phonebooks = phonebooks.map(|(at, name)| phonebook_name(&field(at), name));
    Ok(VisibilityGrant {
        name,
        phonebooks: phonebooks.collect::<Result<_, _>>()?,
        all_phonebooks,
        extensions,
        extension_groups,
        all_extensions,
    })
}

fn policy_from(policy: v1::ClientPolicy) -> Result<ClientPolicy, EngineError> {
    let v1::ClientPolicy { minimum_versions, unnamed_clients } = policy;
    let mut given = BTreeMap::new();
    for (place, v1::MinimumVersion { platform, version }) in minimum_versions.into_iter().enumerate() {
        let field = |key: &str| format!("directory_settings.client_policy.minimum_versions[{place}].{key}");
        let version: ClientVersion =
            version.parse().map_err(|error| bad(&field("version"), format!("{error}")))?;
        if given.insert(platform, version).is_some() {
            return Err(bad(&field("platform"), "is there a second time"));
        }
    }
    let unnamed = match v1::UnnamedClients::try_from(unnamed_clients) {
        Ok(v1::UnnamedClients::Unspecified | v1::UnnamedClients::Allowed) => UnnamedClients::Allowed,
        Ok(v1::UnnamedClients::Refused) => UnnamedClients::Refused,
        Err(_) => {
            let problem = format!("is {unnamed_clients}; a value of UnnamedClients is expected");
            return Err(bad("directory_settings.client_policy.unnamed_clients", problem));
        }
    };
    Ok(ClientPolicy::new(given, unnamed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn parts() -> DirectoryParts {
        let document = r#"
            [[extension]]
            number = "1001"
            name = "Ada"
            groups = ["Berlin"]
            [[extension]]
            number = "1002"
            enabled = false
            [[visibility_grant]]
            name = "Sales"
            phonebooks = ["Sales", "VIP"]
            extensions = ["1001"]
            extension_groups = ["Berlin"]
            [[visibility_grant]]
            name = "all"
            all_phonebooks = true
            all_extensions = true
            [client_policy]
            unnamed_clients = "refused"
            minimum_versions = { linkus_ios = "6", desk_phone = "1.2" }
        "#;
        DirectoryParts::of(&Settings::from_toml(document).unwrap())
    }

    #[test]
    fn what_the_directory_is_decided_by_reads_back_as_it_was() {
        let proto = settings(parts());
        assert_eq!(proto.client_policy.as_ref().unwrap().minimum_versions.len(), 5);
        assert_eq!(settings_from(Some(proto)).unwrap(), (parts(), etag(&parts())));
    }

    #[test]
    fn what_the_contract_does_not_have_is_refused_with_its_field() {
        let refused = |change: fn(&mut v1::DirectorySettings), expected: &str| {
            let mut proto = settings(parts());
            change(&mut proto);
            let message = settings_from(Some(proto)).unwrap_err().to_string();
            assert!(message.starts_with(&format!("directory_settings.{expected}")), "{message}");
        };
        refused(|all| all.visibility_grants[0].phonebooks[1].clear(), "visibility_grants[0].phonebooks[1]: ");
        refused(
            |all| all.client_policy.as_mut().unwrap().minimum_versions[2].version = "five".into(),
            "client_policy.minimum_versions[2].version: \"five\" is no version",
        );
        refused(
            |all| {
                let versions = &mut all.client_policy.as_mut().unwrap().minimum_versions;
                versions.push(versions[0].clone());
            },
            "client_policy.minimum_versions[5].platform: is there a second time",
        );
        refused(
            |all| all.client_policy.as_mut().unwrap().unnamed_clients = 7,
            "client_policy.unnamed_clients: is 7",
        );
        assert!(settings_from(None).unwrap_err().to_string().starts_with("directory_settings: is missing"));
    }
}
