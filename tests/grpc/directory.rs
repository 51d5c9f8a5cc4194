//! `DirectoryService` and `DirectorySettingsService`: what extensions see, and nothing else.

use prost::{Message as _, Name as _};
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::directory_service_client::DirectoryServiceClient;
use ringroute::api::proto::v1::directory_settings_service_client::DirectorySettingsServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::{ALAN, COMPANY, GRACE, SHARED, STRANGER, Server, make_company};

const EXTENSIONS: &str = r#"
    [[extension]]
    number = "1001"
    name = "Sally"
    groups = ["Sales people"]

    [[extension]]
    number = "1002"

    [[extension]]
    number = "1003"
    enabled = false

    [[visibility_grant]]
    name = "sales"
    phonebooks = ["Sales"]
    extension_groups = ["sales people"]

    [routing]
    dial_strings = { external_number = "PJSIP/{target}@carrier" }
"#;

/// The company, with an extension that sees Sales (Ada, Alan) and one that sees nothing.
async fn start() -> (Server, DirectoryServiceClient<Channel>) {
    let server = Server::start_with_company().await;
    server.apply(&(server.settings() + EXTENSIONS)).await;
    let client = DirectoryServiceClient::new(server.channel().await);
    (server, client)
}

fn list(extension: &str, query: &str) -> v1::ListDirectoryContactsRequest {
    v1::ListDirectoryContactsRequest {
        extension: extension.into(),
        query: query.into(),
        ..Default::default()
    }
}

async fn names(
    client: &mut DirectoryServiceClient<Channel>,
    request: v1::ListDirectoryContactsRequest,
) -> Result<String, Status> {
    let answer = client.list_directory_contacts(request).await?.into_inner();
    let names = answer.contacts.into_iter().map(|contact| contact.display_name);
    Ok(names.collect::<Vec<_>>().join(", "))
}

async fn settings(server: &Server) -> DirectorySettingsServiceClient<Channel> {
    DirectorySettingsServiceClient::new(server.channel().await)
}

#[tokio::test]
async fn an_extension_lists_searches_and_gets_what_is_granted_to_it() {
    let (_server, mut client) = start().await;
    let request = v1::ListDirectoryPhonebooksRequest { extension: "1001".into(), ..Default::default() };
    let phonebooks = client.list_directory_phonebooks(request).await.unwrap().into_inner().phonebooks;
    let [phonebook] = phonebooks.as_slice() else { panic!("{phonebooks:?}") };
    assert_eq!((phonebook.name.as_str(), phonebook.contact_count), ("Sales", 2));
    for (query, expected) in [
        ("", "Ada Lovelace, Alan Turing"),
        ("TURING alan", "Alan Turing"),
        ("analytical", "Ada Lovelace"),
        ("030 90182", "Ada Lovelace"),
        ("7946", "Alan Turing"),
        ("hopper", ""),
        ("901821", ""),
    ] {
        assert_eq!(names(&mut client, list("1001", query)).await.unwrap(), expected, "{query}");
    }
    let found = client.list_directory_contacts(list("1001", "ada")).await.unwrap().into_inner().contacts;
    let number = v1::DirectoryNumber {
        label: v1::NumberLabel::BusinessNumber.into(),
        number: SHARED.into(),
        raw: "+49 30 901820".into(),
        dial_string: format!("PJSIP/{SHARED}@carrier"),
    };
    let expected = v1::DirectoryContact {
        contact_id: found[0].contact_id,
        display_name: "Ada Lovelace".into(),
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        company: "Analytical Engines".into(),
        phonebooks: vec!["Sales".into()],
        numbers: vec![number],
        ..Default::default()
    };
    assert_eq!(found, std::slice::from_ref(&expected));
    let contact_id = expected.contact_id;
    let request = v1::GetDirectoryContactRequest { extension: "1001".into(), contact_id, client: None };
    assert_eq!(client.get_directory_contact(request).await.unwrap().into_inner().contact, Some(expected));
}

#[tokio::test]
async fn what_is_not_granted_is_as_if_it_were_not_there() {
    let (server, mut client) = start().await;
    let request = v1::ListContactsRequest { query: "hopper".into(), ..Default::default() };
    let all = server.phonebooks().await.list_contacts(request).await.unwrap().into_inner().contacts;
    let hidden = all[0].contact_id;
    let mut told = Vec::new();
    for contact_id in [hidden, 4711] {
        let request = v1::GetDirectoryContactRequest { extension: "1001".into(), contact_id, client: None };
        let status = client.get_directory_contact(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        told.push(status.message().replace(&contact_id.to_string(), "N"));
    }
    for contact_id in [u64::MAX, 0] {
        let request = v1::GetDirectoryContactRequest { extension: "1001".into(), contact_id, client: None };
        let status = client.get_directory_contact(request).await.unwrap_err();
        told.push(status.message().replace(&contact_id.to_string(), "N"));
    }
    assert!(told.iter().all(|message| message == "there is no contact \"N\""), "{told:?}");

    let mut told = Vec::new();
    for phonebook in ["Support", "Nowhere"] {
        let request = v1::ListDirectoryContactsRequest { phonebook: phonebook.into(), ..list("1001", "") };
        let status = client.list_directory_contacts(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        told.push(status.message().replace(phonebook, "P"));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(names(&mut client, list("1002", "")).await.unwrap(), "", "no grant, nothing to see");

    for (extension, code) in
        [("1003", Code::PermissionDenied), ("1004", Code::NotFound), ("", Code::NotFound)]
    {
        let status = client.list_directory_contacts(list(extension, "")).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
}

#[tokio::test]
async fn a_number_is_looked_up_among_the_contacts_that_the_extension_sees() {
    let (_server, mut client) = start().await;
    let mut look_up = async |extension: &str, number: &str| {
        let request = v1::LookUpDirectoryNumberRequest {
            extension: extension.into(),
            number: number.into(),
            client: None,
        };
        let answer = client.look_up_directory_number(request).await.unwrap().into_inner();
        let names: Vec<String> =
            answer.matches.iter().map(|found| found.contact.clone().unwrap().display_name).collect();
        (answer.status(), answer.number.clone(), names.join(", "))
    };
    use v1::MatchStatus::{Invalid, Matched, NotMatched, Withheld};
    // Charles, in Support, has the number too.
    assert_eq!(look_up("1001", "030 901820").await, (Matched, SHARED.into(), "Ada Lovelace".into()));
    assert_eq!(look_up("1001", ALAN).await, (Matched, ALAN.into(), "Alan Turing".into()));
    assert_eq!(look_up("1001", GRACE).await, (NotMatched, GRACE.into(), String::new()));
    assert_eq!(look_up("1001", STRANGER).await, (NotMatched, STRANGER.into(), String::new()));
    assert_eq!(look_up("1002", ALAN).await, (NotMatched, ALAN.into(), String::new()));
    assert_eq!(look_up("1001", "anonymous").await, (Withheld, String::new(), String::new()));
    assert_eq!(look_up("1001", "sip:bob@example.com").await, (Invalid, String::new(), String::new()));
}

#[tokio::test]
async fn pages_have_every_visible_contact_once_in_the_order_of_names() {
    let (server, mut client) = start().await;
    let grant = "[[visibility_grant]]\nname = 'all'\nall_phonebooks = true\nextensions = ['1002']\n";
    server.apply(&(server.settings() + EXTENSIONS + grant)).await;
    let (mut page_token, mut all) = (String::new(), Vec::new());
    loop {
        let request = v1::ListDirectoryContactsRequest { page_size: 1, page_token, ..list("1002", "") };
        let page = client.list_directory_contacts(request).await.unwrap().into_inner();
        all.extend(page.contacts.into_iter().map(|contact| contact.display_name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(all, ["Ada Lovelace", "Alan Turing", "Charles Babbage", "Grace Hopper"]);
    for (field, request) in [
        ("page_token: ", v1::ListDirectoryContactsRequest { page_token: "x".into(), ..list("1002", "") }),
        ("page_token: ", v1::ListDirectoryContactsRequest { page_token: "x:y".into(), ..list("1002", "") }),
        ("page_size: ", v1::ListDirectoryContactsRequest { page_size: 1001, ..list("1002", "") }),
        ("query: has 129", list("1002", &"ü".repeat(129))),
    ] {
        let status = client.list_directory_contacts(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(field), "{status:?}");
    }
}

#[tokio::test]
async fn a_grant_and_a_sync_show_at_once_and_a_grant_that_is_taken_back_hides_at_once() {
    let (server, mut client) = start().await;
    assert_eq!(names(&mut client, list("1001", "a")).await.unwrap(), "Ada Lovelace, Alan Turing");
    let mut people = COMPANY;
    // Grace comes to Sales, Ada goes to Support.
    (people[0].5, people[1].5) = ("Support", "Sales");
    make_company(&server.company(), &people);
    server.synchronise("crm").await;
    assert_eq!(names(&mut client, list("1001", "")).await.unwrap(), "Alan Turing, Grace Hopper");
    assert_eq!(names(&mut client, list("1001", "ada")).await.unwrap(), "");

    let mut settings_client = settings(&server).await;
    let request = v1::GetDirectorySettingsRequest {};
    let read = settings_client.get_directory_settings(request).await.unwrap().into_inner();
    let mut revoked = read.directory_settings.unwrap();
    revoked.visibility_grants.clear();
    let request = v1::UpdateDirectorySettingsRequest { directory_settings: Some(revoked) };
    settings_client.update_directory_settings(request).await.unwrap();
    assert_eq!(names(&mut client, list("1001", "")).await.unwrap(), "");
}

#[tokio::test]
async fn an_older_client_is_told_which_version_it_needs() {
    let (server, mut client) = start().await;
    let with = |platform: &str, version: &str| v1::ListDirectoryContactsRequest {
        client: Some(v1::DirectoryClient { platform: platform.into(), version: version.into() }),
        ..list("1001", "turing")
    };
    for (platform, version) in [
        ("linkus_ios", "5.7.3"),
        ("linkus_android", "5.7.4"),
        ("linkus_windows", "1.7.3"),
        ("linkus_mac", "1.10"),
    ] {
        assert_eq!(names(&mut client, with(platform, version)).await.unwrap(), "Alan Turing");
    }
    let status = client.list_directory_contacts(with("linkus_android", "5.7.3")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let message = "upgrade needed: linkus_android 5.7.3 is too old, 5.7.4 or later is needed";
    assert_eq!(status.message(), message);
    // google.rpc.Status: its third field has the details.
    #[derive(Clone, PartialEq, prost::Message)]
    struct RpcStatus {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let details = RpcStatus::decode(status.details()).unwrap();
    assert_eq!((details.code, details.message.as_str()), (Code::FailedPrecondition as i32, message));
    assert_eq!(details.details[0].type_url, v1::UpgradeNeeded::type_url());
    let needed = v1::UpgradeNeeded::decode(details.details[0].value.as_slice()).unwrap();
    assert_eq!(
        (needed.platform.as_str(), needed.version.as_str(), needed.minimum_version.as_str()),
        ("linkus_android", "5.7.3", "5.7.4")
    );
    for (platform, version, expected) in [
        (
            "symbian",
            "9",
            "client.platform: \"symbian\" is unknown, expected one of: linkus_android, linkus_ios",
        ),
        ("linkus_ios", "new", "client.version: \"new\" is no version"),
    ] {
        let status = client.list_directory_contacts(with(platform, version)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(expected), "{status:?}");
    }
    let policy = "[client_policy]\nunnamed_clients = 'refused'\nminimum_versions = { linkus_ios = '9' }\n";
    server.apply(&(server.settings() + EXTENSIONS + policy)).await;
    let status = client.list_directory_contacts(list("1001", "")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("linkus_ios 9 or later"), "{status:?}");
    let policy = client.get_client_policy(v1::GetClientPolicyRequest {}).await.unwrap().into_inner();
    let policy = policy.client_policy.unwrap();
    assert_eq!(policy.unnamed_clients(), v1::UnnamedClients::Refused);
    let told: Vec<_> = policy
        .minimum_versions
        .iter()
        .map(|minimum| (minimum.platform.as_str(), minimum.version.as_str()))
        .collect();
    let expected = [
        ("linkus_android", "5.7.4"),
        ("linkus_ios", "9"),
        ("linkus_mac", "1.7.3"),
        ("linkus_windows", "1.7.3"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn extensions_and_grants_are_changed_whole_and_not_over_somebody_elses_change() {
    let (server, _client) = start().await;
    let mut client = settings(&server).await;
    let read = client.get_directory_settings(v1::GetDirectorySettingsRequest {}).await.unwrap().into_inner();
    let read = read.directory_settings.unwrap();
    let grant = |name: &str, phonebook: &str| v1::VisibilityGrant {
        name: name.into(),
        phonebooks: vec![phonebook.into()],
        all_extensions: true,
        ..Default::default()
    };
    let mut new = read.clone();
    new.visibility_grants.push(grant("new", "To come"));
    let request = |settings| v1::UpdateDirectorySettingsRequest { directory_settings: Some(settings) };
    let updated = client.update_directory_settings(request(new.clone())).await.unwrap().into_inner();
    assert_eq!(updated.missing_phonebooks, ["To come"]);
    assert_eq!(updated.generation, server.engine.generation().0);
    let status = client.update_directory_settings(request(new)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");

    let kept = updated.directory_settings.unwrap();
    let mut wrong = kept.clone();
    wrong.extensions.remove(0);
    let status = client.update_directory_settings(request(wrong)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let expected = "visibility grant \"sales\", extension_groups[0]: no extension is in a group";
    assert!(status.message().starts_with(expected), "{status:?}");
    let read = client.get_directory_settings(v1::GetDirectorySettingsRequest {}).await.unwrap().into_inner();
    assert_eq!(read.directory_settings, Some(kept), "nothing changed");

    // The same document comes out, and goes in again without a difference.
    let request = v1::ExportSettingsRequest {};
    let document =
        server.settings_client().await.export_settings(request).await.unwrap().into_inner().document;
    assert!(document.contains("[[visibility_grant]]"), "{document}");
    assert!(!server.apply(&document).await.applied);
    let server = server.restart().await;
    let read = settings(&server).await.get_directory_settings(v1::GetDirectorySettingsRequest {}).await;
    assert_eq!(read.unwrap().into_inner().directory_settings.unwrap().visibility_grants.len(), 2);
}
