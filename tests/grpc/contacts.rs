//! Contacts made by hand: `PhonebookService` and `ContactService`.

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::import_contacts_request::Part;
use tonic::Code;

use crate::support::{GRACE, Server};

fn number(label: v1::NumberLabel, raw: &str) -> v1::ContactNumber {
    v1::ContactNumber { label: label.into(), raw: raw.into(), e164: String::new() }
}

fn berg() -> v1::Contact {
    v1::Contact {
        phonebooks: vec!["Mine".into()],
        last_name: "<b>Berg</b>".into(),
        numbers: vec![number(v1::NumberLabel::MobileNumber, "0171 2345678")],
        ..Default::default()
    }
}

async fn with_local_phonebook() -> Server {
    let server = Server::start_with_company().await;
    let request = v1::CreatePhonebookRequest { name: "Mine".into() };
    server.phonebooks().await.create_phonebook(request).await.unwrap();
    server
}

async fn import(
    server: &Server,
    options: v1::ImportOptions,
    file: &str,
) -> Result<v1::ImportContactsResponse, tonic::Status> {
    let parts = std::iter::once(Part::Options(options))
        // In pieces that end inside of lines and characters.
        .chain(file.as_bytes().chunks(7).map(|piece| Part::Data(piece.to_vec())))
        .map(|part| v1::ImportContactsRequest { part: Some(part) })
        .collect::<Vec<_>>();
    let answer = server.contacts().await.import_contacts(tokio_stream::iter(parts)).await;
    answer.map(tonic::Response::into_inner)
}

async fn export(server: &Server, request: v1::ExportContactsRequest) -> String {
    let mut parts = server.contacts().await.export_contacts(request).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        file.extend(part.data);
    }
    String::from_utf8(file).unwrap()
}

fn into_mine() -> v1::ImportOptions {
    v1::ImportOptions { phonebook: "Mine".into(), ..Default::default() }
}

#[tokio::test]
async fn a_contact_is_added_changed_and_deleted_and_the_second_editor_is_told() {
    let server = with_local_phonebook().await;
    let mut client = server.phonebooks().await;
    let made =
        client.create_contact(v1::CreateContactRequest { contact: Some(berg()) }).await.unwrap().into_inner();
    let contact = made.contact.unwrap();
    assert_eq!((contact.source.as_str(), contact.display_name.as_str()), ("", "<b>Berg</b>"));
    assert_eq!(contact.numbers[0].e164, "+491712345678");
    let request = v1::MatchCallerRequest { caller: "+491712345678".into(), ..Default::default() };
    let matched = server.calls().await.match_caller(request).await.unwrap().into_inner();
    assert_eq!((matched.contacts[0].contact_id, matched.generation), (contact.contact_id, made.generation));

    let change = |city: &str, etag: &str| v1::UpdateContactRequest {
        contact: Some(v1::Contact { city: city.into(), etag: etag.into(), ..contact.clone() }),
    };
    let changed =
        client.update_contact(change("Bonn", &contact.etag)).await.unwrap().into_inner().contact.unwrap();
    assert_eq!(changed.city, "Bonn");
    assert_ne!(changed.etag, contact.etag);
    let second = client.update_contact(change("Köln", &contact.etag)).await.unwrap_err();
    assert_eq!(second.code(), Code::Aborted, "{second:?}");
    let delete = |etag: &str| v1::DeleteContactRequest { contact_id: contact.contact_id, etag: etag.into() };
    let second = client.delete_contact(delete(&contact.etag)).await.unwrap_err();
    assert_eq!(second.code(), Code::Aborted, "{second:?}");
    client.delete_contact(delete(&changed.etag)).await.unwrap();
    let gone = client.delete_contact(delete("")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn what_is_wrong_with_a_contact_names_every_field() {
    let server = with_local_phonebook().await;
    let mut client = server.phonebooks().await;
    let two = vec![number(v1::NumberLabel::MobileNumber, "1"), number(v1::NumberLabel::MobileNumber, "2")];
    for (contact, expected) in [
        (v1::Contact { last_name: "x".repeat(64), ..berg() }, "last_name: at most 63 characters fit"),
        (v1::Contact { phonebooks: vec![], ..berg() }, "phonebooks: "),
        (v1::Contact { numbers: vec![], ..berg() }, "business_number: no phone number"),
        (
            v1::Contact { numbers: vec![number(v1::NumberLabel::Unspecified, "1")], ..berg() },
            "numbers[0].label: ",
        ),
        (v1::Contact { numbers: two, ..berg() }, "numbers[1].label: there are two numbers for mobile_number"),
    ] {
        let status =
            client.create_contact(v1::CreateContactRequest { contact: Some(contact) }).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().starts_with(expected), "{status:?}");
    }
    let into_sales = v1::Contact { phonebooks: vec!["Sales".into()], ..berg() };
    let status =
        client.create_contact(v1::CreateContactRequest { contact: Some(into_sales) }).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
}

#[tokio::test]
async fn what_is_exported_can_be_imported_and_is_the_same() {
    let server = with_local_phonebook().await;
    let mut lines = "last_name,mobile_number,remark\n".to_owned();
    for place in 0..2500 {
        lines += &format!("Nachname {place} ü,+49171{place:07},\"=1+{place}, \"\"x\"\"\"\n");
    }
    let done = import(&server, into_mine(), &lines).await.unwrap();
    assert_eq!((done.refusal.as_str(), done.row_count, done.added_count), ("", 2500, 2500));
    let request = v1::ExportContactsRequest { phonebook: "mine".into(), ..Default::default() };
    let file = export(&server, request).await;
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let names: Vec<String> = rows.records().map(|row| row.unwrap().get(5).unwrap().to_owned()).collect();
    assert_eq!(names.len(), 2500);
    assert_eq!((names[0].as_str(), names[2499].as_str()), ("Nachname 0 ü", "Nachname 2499 ü"));
    assert!(!file.contains(",+49") && !file.contains(",\"=1"), "a spreadsheet would run this");
    // The same contacts, field by field.
    let again = import(&server, into_mine(), &file).await.unwrap();
    assert_eq!((again.added_count, again.already_there_count), (0, 2500));

    let request = v1::ExportContactsRequest {
        query: "grace".into(),
        format: v1::ContactFileFormat::Vcard.into(),
        ..Default::default()
    };
    let card = export(&server, request).await;
    assert!(card.starts_with("BEGIN:VCARD\r\nVERSION:4.0\r\n"), "{card}");
    assert!(card.contains(&format!("VALUE=uri:tel:{GRACE}\r\n")), "{card}");
    assert_eq!(card.matches("END:VCARD").count(), 1);
    let nowhere = v1::ExportContactsRequest { phonebook: "nowhere".into(), ..Default::default() };
    assert_eq!(server.contacts().await.export_contacts(nowhere).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_file_that_is_refused_tells_its_rejects_and_one_that_is_none_is_an_error() {
    let server = with_local_phonebook().await;
    let refused = import(&server, into_mine(), "name,phone\nBerg,none\nDorn,030 1234567\n").await.unwrap();
    assert!(refused.refusal.contains("1 of 2 rows were rejected"), "{refused:?}");
    let [problem] = refused.problems.as_slice() else { panic!("{refused:?}") };
    assert_eq!((problem.line, problem.column.as_str(), problem.value.as_str()), (2, "phone", "none"));
    let with = |change: fn(&mut v1::ImportOptions)| {
        let mut options = into_mine();
        change(&mut options);
        options
    };
    for (options, expected) in [
        (with(|options| options.delimiter = ";;".into()), "options.delimiter: "),
        (with(|options| options.region = "Germany".into()), "options.region: \"Germany\" is not a region"),
        (with(|options| options.max_rejected_percent = Some(101)), "options.max_rejected_percent: "),
        (
            with(|options| {
                options.columns = vec![v1::ImportColumn { name: "name".into(), field: "nom".into() }];
            }),
            "options.columns[0].field: \"nom\" is no field",
        ),
        (into_mine(), "file: the file is empty"),
    ] {
        let status = import(&server, options, "").await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().starts_with(expected), "{status:?}");
    }
    let no_options = tokio_stream::iter([v1::ImportContactsRequest { part: Some(Part::Data(vec![b'a'])) }]);
    let status = server.contacts().await.import_contacts(no_options).await.unwrap_err();
    assert!(status.message().starts_with("options: is missing"), "{status:?}");
}

#[tokio::test]
async fn a_phonebook_is_renamed_and_deleted_with_its_contacts() {
    let server = with_local_phonebook().await;
    let mut client = server.phonebooks().await;
    client.create_contact(v1::CreateContactRequest { contact: Some(berg()) }).await.unwrap();
    let rename = |name: &str, new_name: &str| v1::UpdatePhonebookRequest {
        name: name.into(),
        new_name: new_name.into(),
    };
    let renamed =
        client.update_phonebook(rename("mine", "Ours")).await.unwrap().into_inner().phonebook.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.contact_count), ("Ours", 1));
    let taken = client.update_phonebook(rename("Ours", "SALES")).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
    let synced = client.update_phonebook(rename("Sales", "Selling")).await.unwrap_err();
    assert_eq!(synced.code(), Code::FailedPrecondition);
    let delete = |delete_contacts| v1::DeletePhonebookRequest { name: "Ours".into(), delete_contacts };
    let full = client.delete_phonebook(delete(false)).await.unwrap_err();
    assert_eq!(full.code(), Code::FailedPrecondition);
    assert!(full.message().contains("1 contact") && full.message().contains("(delete_contacts)"), "{full}");
    assert_eq!(client.delete_phonebook(delete(true)).await.unwrap().into_inner().contact_count, 1);
}
