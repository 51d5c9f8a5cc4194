//! `RouteService` and `SettingsService`.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::{ALAN, STRANGER, Server};

fn route(name: &str, target: &str) -> v1::InboundRoute {
    let destination = v1::Destination {
        r#type: v1::DestinationType::Extension.into(),
        target: target.into(),
        ..Default::default()
    };
    v1::InboundRoute { name: name.into(), destination: Some(destination), ..Default::default() }
}

async fn order(server: &Server) -> Vec<String> {
    let request = v1::ListInboundRoutesRequest::default();
    let routes =
        server.routes().await.list_inbound_routes(request).await.unwrap().into_inner().inbound_routes;
    for (place, route) in routes.iter().enumerate() {
        assert_eq!(route.position as usize, place + 1);
    }
    routes.into_iter().map(|route| route.name).collect()
}

async fn who_takes(server: &Server, caller: &str) -> (String, u64) {
    let request = v1::RouteCallRequest { caller: caller.into(), ..Default::default() };
    let answer = server.calls().await.route_call(request).await.unwrap().into_inner();
    (answer.route, answer.generation)
}

#[tokio::test]
async fn a_route_decides_from_the_generation_that_its_change_is_answered_with() {
    let server = Server::start_with_company().await;
    let mut client = server.routes().await;
    assert_eq!(who_takes(&server, STRANGER).await.0, "");

    let request = v1::CreateInboundRouteRequest { inbound_route: Some(route("rest", "100")), position: 0 };
    let made = client.create_inbound_route(request.clone()).await.unwrap().into_inner();
    assert_eq!(who_takes(&server, STRANGER).await, ("rest".to_owned(), made.generation));
    let mut taken = request;
    taken.inbound_route.as_mut().unwrap().name = "REST".into();
    assert_eq!(client.create_inbound_route(taken).await.unwrap_err().code(), Code::AlreadyExists);

    let request = v1::CreateInboundRouteRequest { inbound_route: Some(route("first", "101")), position: 1 };
    client.create_inbound_route(request).await.unwrap();
    assert_eq!(order(&server).await, ["first", "withheld", "sales", "support", "rest"]);
    let moved = v1::MoveInboundRouteRequest { name: "FIRST".into(), position: 3 };
    let moved = client.move_inbound_route(moved).await.unwrap().into_inner();
    assert_eq!(moved.inbound_route.unwrap().position, 3);
    assert_eq!(order(&server).await, ["withheld", "sales", "first", "support", "rest"]);
    let moved = v1::MoveInboundRouteRequest { name: "first".into(), position: 0 };
    client.move_inbound_route(moved).await.unwrap();
    assert_eq!(order(&server).await, ["withheld", "sales", "support", "rest", "first"]);

    let delete = v1::DeleteInboundRouteRequest { name: "rest".into(), etag: String::new() };
    let deleted = client.delete_inbound_route(delete.clone()).await.unwrap().into_inner();
    assert_eq!(who_takes(&server, STRANGER).await, ("first".to_owned(), deleted.generation));
    assert_eq!(client.delete_inbound_route(delete).await.unwrap_err().code(), Code::NotFound);

    let request = v1::ListInboundRoutesRequest { page_size: 3, page_token: String::new() };
    let page = client.list_inbound_routes(request).await.unwrap().into_inner();
    assert_eq!(page.inbound_routes.len(), 3);
    let request = v1::ListInboundRoutesRequest { page_size: 3, page_token: page.next_page_token };
    let page = client.list_inbound_routes(request).await.unwrap().into_inner();
    assert_eq!((page.inbound_routes[0].name.as_str(), page.next_page_token.as_str()), ("first", ""));

    let request = v1::ListContactsRequest { page_size: 2, ..Default::default() };
    let contacts = server.phonebooks().await.list_contacts(request).await.unwrap().into_inner();
    for page_token in [contacts.next_page_token.as_str(), "2", "0", "+2", "99"] {
        let request = v1::ListInboundRoutesRequest { page_size: 3, page_token: page_token.into() };
        let status = client.list_inbound_routes(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{page_token}: {status:?}");
        assert!(status.message().starts_with("page_token: "), "{status:?}");
    }
}

#[tokio::test]
async fn an_update_of_a_route_needs_the_state_that_it_was_made_from() {
    let server = Server::start_with_company().await;
    let mut client = server.routes().await;
    let get = v1::GetInboundRouteRequest { name: "sales".into() };
    let read = client.get_inbound_route(get).await.unwrap().into_inner().inbound_route.unwrap();
    let update = |route: &v1::InboundRoute| v1::UpdateInboundRouteRequest {
        name: "sales".into(),
        inbound_route: Some(route.clone()),
    };
    let off = v1::InboundRoute { enabled: Some(false), ..read.clone() };
    let changed = client.update_inbound_route(update(&off)).await.unwrap().into_inner();
    let now = changed.inbound_route.unwrap();
    assert_eq!((now.enabled, now.position), (Some(false), read.position));
    assert_eq!(who_takes(&server, ALAN).await, (String::new(), changed.generation));

    let status = client.update_inbound_route(update(&read)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    let delete = v1::DeleteInboundRouteRequest { name: "sales".into(), etag: read.etag.clone() };
    assert_eq!(client.delete_inbound_route(delete).await.unwrap_err().code(), Code::Aborted);
    // Changed and changed back is the same state.
    let again = client.update_inbound_route(update(&v1::InboundRoute { etag: now.etag, ..read.clone() }));
    assert_eq!(again.await.unwrap().into_inner().inbound_route.unwrap(), read);
}

#[tokio::test]
async fn what_is_wrong_with_a_route_is_named_and_nothing_changes() {
    let server = Server::start_with_company().await;
    let mut client = server.routes().await;
    let before = server.engine.generation();
    let no_destination = v1::InboundRoute { destination: None, ..route("new", "") };
    let cases = [
        ("inbound_route.destination", no_destination),
        ("dids[1]", v1::InboundRoute { dids: vec!["+49X.".into(), "[".into()], ..route("new", "1") }),
        (
            "inbound_route.phonebooks[0]",
            v1::InboundRoute { phonebooks: vec!["".into()], ..route("new", "1") },
        ),
        ("target", route("new", "")),
        ("name", route("", "1")),
        ("name", route(&"x".repeat(64), "1")),
        ("note", v1::InboundRoute { note: "x".repeat(1001), ..route("new", "1") }),
    ];
    for (field, route) in cases {
        let request = v1::CreateInboundRouteRequest { inbound_route: Some(route), position: 0 };
        let status = client.create_inbound_route(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status:?}");
        assert!(status.message().contains(field), "{field}: {status:?}");
    }
    let status = client.create_inbound_route(v1::CreateInboundRouteRequest::default()).await.unwrap_err();
    assert!(status.message().starts_with("inbound_route: is missing"), "{status:?}");
    assert_eq!(server.engine.generation(), before);
}

#[tokio::test]
async fn what_is_exported_can_be_applied_and_is_no_change() {
    let server = Server::start_with_company().await;
    let mut client = server.settings_client().await;
    let exported = client.export_settings(v1::ExportSettingsRequest {}).await.unwrap().into_inner();
    assert_eq!(exported.generation, server.engine.generation().0);
    let again = server.apply(&exported.document).await;
    assert_eq!((again.changes, again.applied, again.generation), (vec![], false, exported.generation));

    let changed = exported.document.replace("6400", "6500");
    let request = v1::ApplySettingsRequest { document: changed.clone(), dry_run: true, ..Default::default() };
    let tried = client.apply_settings(request).await.unwrap().into_inner();
    let [change] = tried.changes.as_slice() else { panic!("{tried:?}") };
    assert_eq!(
        (change.kind(), change.subject.as_str()),
        (v1::SettingsChangeKind::Changed, "inbound_route \"sales\"")
    );
    assert!(change.details[0].contains("destination.target"), "{change:?}");
    assert!(!tried.applied && server.engine.generation().0 == exported.generation);

    let applied = server.apply(&changed).await;
    assert!(applied.applied && applied.changes == tried.changes && applied.generation > exported.generation);
    let now = client.export_settings(v1::ExportSettingsRequest {}).await.unwrap().into_inner();
    assert_eq!(now.document, changed);
}

#[tokio::test]
async fn a_document_is_applied_whole_or_not_at_all() {
    let server = Server::start_with_company().await;
    let mut client = server.settings_client().await;
    let before = client.export_settings(v1::ExportSettingsRequest {}).await.unwrap().into_inner();
    let request =
        |document: &str| v1::ApplySettingsRequest { document: document.into(), ..Default::default() };
    for (document, code, word) in [
        ("[numbers", Code::InvalidArgument, "1"),
        ("[numbres]", Code::InvalidArgument, "numbres"),
        ("[numbers]\nlast_digits = 3", Code::InvalidArgument, "last_digits"),
        // The source would go, and it has contacts.
        ("", Code::FailedPrecondition, "4 contacts"),
        ("", Code::FailedPrecondition, "(removed_source_contacts)"),
        (&"#".repeat(8 * 1024 * 1024 + 1), Code::InvalidArgument, "8388609"),
    ] {
        let status = client.apply_settings(request(document)).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
        assert!(status.message().contains(word), "{word}: {status:?}");
    }
    assert_eq!(client.export_settings(v1::ExportSettingsRequest {}).await.unwrap().into_inner(), before);

    let removed_source_contacts = v1::SourceContacts::Remove.into();
    let request = v1::ApplySettingsRequest { removed_source_contacts, ..Default::default() };
    let emptied = client.apply_settings(request).await.unwrap().into_inner();
    assert!(emptied.applied && emptied.generation == before.generation + 1);
}

#[tokio::test]
async fn whom_last_digits_would_mix_up_is_told_before_they_are_turned_on() {
    let server = Server::start_with_company().await;
    let mut client = server.settings_client().await;
    let ask = |last_digits, page_token: &str| v1::CheckLastDigitsRequest {
        last_digits,
        page_size: 1,
        page_token: page_token.into(),
    };
    let counts = client.check_last_digits(ask(0, "")).await.unwrap().into_inner();
    assert_eq!(
        counts.counts.iter().map(|count| count.last_digits).collect::<Vec<_>>(),
        Vec::from_iter(7..=15)
    );
    // Nobody else's number ends like anybody's.
    assert!(counts.counts.iter().all(|count| count.contact_count == 0), "{counts:?}");
    server
        .engine
        .by("test")
        .create_phonebook(ringroute::phonebook::PhonebookName::parse("Mine").unwrap())
        .unwrap();
    let mut contacts = server.phonebooks().await;
    for number in ["+49 30 7654321", "+49 89 7654321", "+49 30 1111111", "+49 89 1111111", "+49 40 1111111"] {
        let contact = v1::Contact {
            last_name: number.into(),
            phonebooks: vec!["Mine".into()],
            numbers: vec![v1::ContactNumber {
                label: v1::NumberLabel::BusinessNumber.into(),
                raw: number.into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        contacts.create_contact(v1::CreateContactRequest { contact: Some(contact) }).await.unwrap();
    }
    let first = client.check_last_digits(ask(7, "")).await.unwrap().into_inner();
    assert_eq!((first.counts[0].contact_count, first.counts[0].collision_count), (5, 2));
    let [most] = first.collisions.as_slice() else { panic!("{first:?}") };
    assert_eq!((most.ending.as_str(), most.country_code, most.contact_count), ("1111111", 49, 3));
    let next = client.check_last_digits(ask(7, &first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((next.collisions[0].ending.as_str(), next.next_page_token.as_str()), ("7654321", ""));
    for (digits, token) in [(6, ""), (16, ""), (1000, ""), (7, "x")] {
        let status = client.check_last_digits(ask(digits, token)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
}
