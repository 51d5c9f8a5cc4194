//! `PhonebookService`.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::{GRACE, Server};

#[tokio::test]
async fn synced_and_local_phonebooks_are_told_by_name() {
    let server = Server::start_with_company().await;
    let mut client = server.phonebooks().await;
    let request = v1::CreatePhonebookRequest { name: " Old  friends ".into() };
    let made = client.create_phonebook(request).await.unwrap().into_inner().phonebook.unwrap();
    assert_eq!((made.name.as_str(), made.source.as_str(), made.contact_count), ("Old friends", "", 0));
    let all = client.list_phonebooks(v1::ListPhonebooksRequest::default()).await.unwrap().into_inner();
    let told: Vec<_> = all
        .phonebooks
        .iter()
        .map(|phonebook| (phonebook.name.as_str(), phonebook.source.as_str(), phonebook.contact_count))
        .collect();
    assert_eq!(told, [("Old friends", "", 0), ("Sales", "crm", 2), ("Support", "crm", 2)]);
    assert!(all.phonebooks[1].last_synced_at.is_some() && all.phonebooks[0].last_synced_at.is_none());

    let request = v1::ListPhonebooksRequest { page_size: 2, page_token: String::new() };
    let first = client.list_phonebooks(request).await.unwrap().into_inner();
    let request = v1::ListPhonebooksRequest { page_size: 2, page_token: first.next_page_token };
    let second = client.list_phonebooks(request).await.unwrap().into_inner();
    assert_eq!([first.phonebooks, second.phonebooks].concat(), all.phonebooks);
    assert!(second.next_page_token.is_empty());
}

#[tokio::test]
async fn only_an_empty_local_phonebook_can_be_deleted() {
    let server = Server::start_with_company().await;
    let mut client = server.phonebooks().await;
    for name in ["sales", "SALES "] {
        let taken =
            client.create_phonebook(v1::CreatePhonebookRequest { name: name.into() }).await.unwrap_err();
        assert_eq!(taken.code(), Code::AlreadyExists);
    }
    let delete = |name: &str| v1::DeletePhonebookRequest { name: name.into(), ..Default::default() };
    let status = client.delete_phonebook(delete("Sales")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    client.create_phonebook(v1::CreatePhonebookRequest { name: "Mine".into() }).await.unwrap();
    client.delete_phonebook(delete("mine")).await.unwrap();
    let status = client.delete_phonebook(delete("mine")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no phonebook \"mine\""));
    for name in ["", "a\u{7}b", &"x".repeat(64), &"x".repeat(100_000)] {
        let status =
            client.create_phonebook(v1::CreatePhonebookRequest { name: name.into() }).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("name: "), "{status:?}");
    }
}

#[tokio::test]
async fn a_contact_is_told_with_all_that_is_known_of_it() {
    let server = Server::start_with_company().await;
    let mut client = server.phonebooks().await;
    let request = v1::ListContactsRequest { query: "hopper".into(), ..Default::default() };
    let found = client.list_contacts(request).await.unwrap().into_inner().contacts;
    let [contact] = found.as_slice() else { panic!("{found:?}") };
    let number = v1::ContactNumber {
        label: v1::NumberLabel::BusinessNumber.into(),
        raw: "030 901821".into(),
        e164: GRACE.into(),
    };
    let expected = v1::Contact {
        contact_id: contact.contact_id,
        source: "crm".into(),
        source_key: "2".into(),
        phonebooks: vec!["Support".into()],
        display_name: "Grace Hopper".into(),
        first_name: "Grace".into(),
        last_name: "Hopper".into(),
        company: "Navy".into(),
        numbers: vec![number],
        ..Default::default()
    };
    assert_eq!(*contact, expected);
    let request = v1::GetContactRequest { contact_id: contact.contact_id };
    assert_eq!(client.get_contact(request).await.unwrap().into_inner().contact, Some(expected));
    for contact_id in [0, 99, u64::MAX] {
        let status = client.get_contact(v1::GetContactRequest { contact_id }).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
    }
}

#[tokio::test]
async fn contacts_are_found_by_phonebook_text_and_number_page_by_page() {
    let server = Server::start_with_company().await;
    let mut client = server.phonebooks().await;
    let request = |phonebook: &str, query: &str| v1::ListContactsRequest {
        phonebook: phonebook.into(),
        query: query.into(),
        ..Default::default()
    };
    for (phonebook, query, keys) in [
        ("", "", "1 2 3 4"),
        ("sales", "", "1 3"),
        ("", "ANALYTICAL", "1 4"),
        ("Support", "analytical", "4"),
        ("", "030 90182", "1 2 4"),
        ("", "100%", ""),
    ] {
        let found = client.list_contacts(request(phonebook, query)).await.unwrap().into_inner();
        let found: Vec<&str> = found.contacts.iter().map(|contact| contact.source_key.as_str()).collect();
        assert_eq!(found.join(" "), keys, "{phonebook} {query}");
    }
    let (mut page_token, mut sizes, mut ids) = (String::new(), Vec::new(), Vec::new());
    loop {
        let request = v1::ListContactsRequest { page_size: 3, page_token, ..Default::default() };
        let page = client.list_contacts(request).await.unwrap().into_inner();
        sizes.push(page.contacts.len());
        ids.extend(page.contacts.iter().map(|contact| contact.contact_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [3, 1]);
    assert!(ids.is_sorted() && ids.len() == 4);

    for (field, code, request) in [
        ("query: has 129 characters; at most 128", Code::InvalidArgument, request("", &"ü".repeat(129))),
        ("there is no phonebook \"VIP\"", Code::NotFound, request("VIP", "")),
        (
            "page_token: ",
            Code::InvalidArgument,
            v1::ListContactsRequest { page_token: "after:x".into(), ..Default::default() },
        ),
        (
            "page_size: ",
            Code::InvalidArgument,
            v1::ListContactsRequest { page_size: 1001, ..Default::default() },
        ),
    ] {
        let status = client.list_contacts(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
        assert!(status.message().starts_with(field), "{status:?}");
    }
}
