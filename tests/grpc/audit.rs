//! Who changed what: everything that changes a setting, and every run that somebody starts or ends, is there.

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::AuditAction::{self, Added, Cancelled, Changed, Removed, Started};
use tonic::Code;

use crate::support::{COMPANY, Server, end_of_run, endless_source, make_company};

async fn audited(server: &Server, request: v1::ListAuditEntriesRequest) -> Vec<v1::AuditEntry> {
    let mut audit = server.audit().await;
    audit.list_audit_entries(request).await.unwrap().into_inner().entries
}

/// What was done, the latest first.
async fn done(server: &Server, what: &str) -> Vec<(AuditAction, String)> {
    let request = v1::ListAuditEntriesRequest { what: what.to_owned(), ..Default::default() };
    let entries = audited(server, request).await.into_iter();
    entries.map(|entry| (entry.action(), entry.subject)).collect()
}

fn value<'a>(entry: &'a v1::AuditEntry, field: &str) -> (Option<&'a str>, Option<&'a str>) {
    let change = entry.changes.iter().find(|change| change.field == field);
    let change = change.unwrap_or_else(|| panic!("{field} is not in {entry:?}"));
    (change.before.as_deref(), change.after.as_deref())
}

#[tokio::test]
async fn an_applied_document_is_audited_thing_by_thing_with_before_and_after() {
    let server = Server::start_with_company().await;
    let document = server.settings().replace(r#"target = "6400""#, r#"target = "6500""#);
    assert_ne!(document, server.settings(), "the test changes nothing");
    let applied = server.apply(&document).await;

    let entries = audited(&server, v1::ListAuditEntriesRequest::default()).await;
    let changed = &entries[0];
    assert_eq!((changed.action(), changed.subject.as_str()), (Changed, r#"inbound_route "sales""#));
    assert_eq!(value(changed, "destination.target"), (Some(r#""6400""#), Some(r#""6500""#)));
    assert_eq!(changed.changes.len(), 1);
    assert_eq!(changed.generation, applied.generation);
    assert!(changed.who.starts_with("grpc 127.0.0.1:"), "{}", changed.who);
    assert_eq!((changed.door.as_str(), changed.name.as_str()), ("grpc", ""));
    assert_eq!(format!("grpc {}", changed.address), changed.who);
    let now = jiff::Timestamp::now().as_second();
    assert!((now - changed.at.unwrap().seconds).abs() < 600);

    let added = entries.iter().find(|entry| entry.subject == r#"source "crm""#).unwrap();
    assert_eq!(added.action(), Added);
    assert_eq!(value(added, "phonebook"), (None, Some(r#"{ by_property = { column = "belongto" } }"#)));
    let started = &done(&server, "started").await[0];
    assert_eq!(*started, (Started, r#"sync run 1 of source "crm""#.to_owned()));

    // What changes nothing, what is only tried and what is refused is not there.
    let before = entries.len();
    server.apply(&document).await;
    let mut settings = server.settings_client().await;
    let dry_run =
        v1::ApplySettingsRequest { document: server.settings(), dry_run: true, ..Default::default() };
    settings.apply_settings(dry_run).await.unwrap();
    let wrong = v1::ApplySettingsRequest { document: String::new(), ..Default::default() };
    settings.apply_settings(wrong).await.unwrap_err();
    assert_eq!(audited(&server, v1::ListAuditEntriesRequest::default()).await.len(), before);
}

#[tokio::test]
async fn every_request_that_edits_is_audited() {
    let server = Server::start_with_company().await;
    let mut phonebooks = server.phonebooks().await;
    let mut routes = server.routes().await;
    let mut sync = server.sync().await;

    phonebooks.create_phonebook(v1::CreatePhonebookRequest { name: "VIP".into() }).await.unwrap();
    let number = v1::ContactNumber {
        label: v1::NumberLabel::BusinessNumber.into(),
        raw: "+49 30 901850".into(),
        ..Default::default()
    };
    let contact = v1::Contact {
        phonebooks: vec!["VIP".into()],
        last_name: "Hedy Lamarr".into(),
        numbers: vec![number],
        ..Default::default()
    };
    let create = v1::CreateContactRequest { contact: Some(contact) };
    let contact = phonebooks.create_contact(create).await.unwrap().into_inner().contact.unwrap();
    let gone = v1::DeleteContactRequest { contact_id: contact.contact_id, etag: String::new() };
    phonebooks.delete_contact(gone).await.unwrap();
    let subject = format!("contact {}", contact.contact_id);
    assert_eq!(done(&server, &subject).await, [(Removed, subject.clone()), (Added, subject)]);
    let all = audited(&server, v1::ListAuditEntriesRequest::default()).await;
    assert!(!format!("{all:?}").contains("Lamarr"), "who was deleted is to be gone");

    phonebooks
        .delete_phonebook(v1::DeletePhonebookRequest { name: "VIP".into(), delete_contacts: false })
        .await
        .unwrap();
    let vip = r#"phonebook "VIP""#;
    assert_eq!(done(&server, vip).await, [(Removed, vip.to_owned()), (Added, vip.to_owned())]);

    let get = v1::GetInboundRouteRequest { name: "support".into() };
    let mut route = routes.get_inbound_route(get).await.unwrap().into_inner().inbound_route.unwrap();
    route.name = "night".into();
    route.etag = String::new();
    let create = v1::CreateInboundRouteRequest { inbound_route: Some(route.clone()), position: 0 };
    routes.create_inbound_route(create).await.unwrap();
    route.alert_info = "<http://ring/night>".into();
    let update = v1::UpdateInboundRouteRequest { name: "night".into(), inbound_route: Some(route) };
    routes.update_inbound_route(update).await.unwrap();
    let relocate = v1::MoveInboundRouteRequest { name: "night".into(), position: 1 };
    routes.move_inbound_route(relocate).await.unwrap();
    let delete = v1::DeleteInboundRouteRequest { name: "night".into(), etag: String::new() };
    routes.delete_inbound_route(delete).await.unwrap();
    let found = done(&server, r#"inbound_route "night""#).await;
    let actions: Vec<_> = found.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, [Removed, Changed, Changed, Added]);

    let preview = v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() };
    let preview = sync.preview_sync(preview).await.unwrap().into_inner().run.unwrap().run_id;
    assert_eq!(done(&server, "preview").await[0].0, Started);
    let allowed = v1::StartSyncRequest { source: "crm".into(), allow_preview: Some(preview) };
    let run = sync.start_sync(allowed).await.unwrap().into_inner().run.unwrap().run_id;
    let started = audited(
        &server,
        v1::ListAuditEntriesRequest { what: format!("sync run {run}"), ..Default::default() },
    )
    .await;
    assert_eq!(value(&started[0], "allow_preview"), (None, Some(preview.to_string().as_str())));
    end_of_run(&mut sync, run).await;

    make_company(&server.company(), &COMPANY[..2]);
    let run = server.synchronise("crm").await.run_id;
    let back = v1::RollbackSyncRequest { run_id: run, dry_run: false };
    let rollback = sync.rollback_sync(back).await.unwrap().into_inner().run.unwrap().run_id;
    end_of_run(&mut sync, rollback).await;
    let started =
        &audited(&server, v1::ListAuditEntriesRequest { what: "rollback".into(), ..Default::default() })
            .await[0];
    assert_eq!((started.action(), value(started, "to_before").1), (Started, Some(run.to_string().as_str())));

    let delete = v1::DeleteSourceRequest {
        name: "crm".into(),
        contacts: v1::SourceContacts::KeepAsLocal.into(),
        etag: String::new(),
    };
    sync.delete_source(delete).await.unwrap();
    let contacts = audited(
        &server,
        v1::ListAuditEntriesRequest { what: "contacts of source".into(), ..Default::default() },
    )
    .await;
    assert_eq!(value(&contacts[0], "contacts"), (Some("4 of the source"), Some("4 local ones")));
    assert_eq!(done(&server, r#"removed source "crm""#).await.len(), 1);
}

#[tokio::test]
async fn who_ended_a_run_is_audited_with_its_end() {
    let server = Server::start_with_company().await;
    let mut sync = server.sync().await;
    let source = endless_source("endless", &server.company());
    sync.create_source(v1::CreateSourceRequest { source: Some(source) }).await.unwrap();
    let start = v1::StartSyncRequest { source: "endless".into(), allow_preview: None };
    let run = sync.start_sync(start).await.unwrap().into_inner().run.unwrap().run_id;
    let cancelled = sync.cancel_sync(v1::CancelSyncRequest { run_id: run }).await.unwrap().into_inner();
    assert_eq!(cancelled.run.unwrap().state(), v1::SyncRunState::Cancelled);
    let subject = format!(r#"sync run {run} of source "endless""#);
    assert_eq!(
        done(&server, &format!("sync run {run}")).await,
        [(Cancelled, subject.clone()), (Started, subject)]
    );
}

#[tokio::test]
async fn entries_come_in_pages_and_survive_a_restart() {
    let server = Server::start_with_company().await;
    let all = audited(&server, v1::ListAuditEntriesRequest::default()).await;
    assert!(all.len() > 3);
    let server = server.restart().await;
    let (mut token, mut pages) = (String::new(), Vec::new());
    loop {
        let request =
            v1::ListAuditEntriesRequest { page_size: 2, page_token: token.clone(), ..Default::default() };
        let page = server.audit().await.list_audit_entries(request).await.unwrap().into_inner();
        pages.extend(page.entries);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, all);
    let only = |request| audited(&server, request);
    let future = prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 };
    assert_eq!(only(v1::ListAuditEntriesRequest { since: Some(future), ..Default::default() }).await, []);
    assert_eq!(only(v1::ListAuditEntriesRequest { until: Some(future), ..Default::default() }).await, all);
    // The last second that the contract can say.
    let last = prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 };
    assert_eq!(only(v1::ListAuditEntriesRequest { until: Some(last), ..Default::default() }).await, all);
    assert_eq!(only(v1::ListAuditEntriesRequest { who: "nobody".into(), ..Default::default() }).await, []);
    for wrong in [
        v1::ListAuditEntriesRequest { page_size: 1001, ..Default::default() },
        v1::ListAuditEntriesRequest { page_token: "x".into(), ..Default::default() },
        v1::ListAuditEntriesRequest { who: "x".repeat(201), ..Default::default() },
        v1::ListAuditEntriesRequest {
            since: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: -1 }),
            ..Default::default()
        },
    ] {
        let refused = server.audit().await.list_audit_entries(wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
}
