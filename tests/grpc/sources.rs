//! `SyncService`: sources.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::{COMPANY, Server, company_source, endless_source, make_company};

fn source_name(subject: &str) -> Option<v1::test_source_request::Subject> {
    Some(v1::test_source_request::Subject::Name(subject.into()))
}

#[tokio::test]
async fn a_source_is_made_changed_renamed_and_deleted() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let wanted = company_source("crm", &server.company());
    let request = v1::CreateSourceRequest { source: Some(wanted.clone()) };
    let made = client.create_source(request.clone()).await.unwrap().into_inner().source.unwrap();
    assert_eq!((made.enabled, made.remove_missing, made.contact_count), (Some(true), Some(true), 0));
    assert_eq!(made.guard.unwrap().max_removed_percent, Some(20));
    assert_eq!((made.field_map.clone(), made.phonebook.clone()), (wanted.field_map, wanted.phonebook));
    assert!(!made.etag.is_empty() && made.last_run.is_none());

    let mut same_name = request;
    same_name.source.as_mut().unwrap().name = "CRM".into();
    assert_eq!(client.create_source(same_name).await.unwrap_err().code(), Code::AlreadyExists);

    server.synchronise("crm").await;
    let renamed = v1::Source { name: "customers".into(), enabled: Some(false), ..made.clone() };
    let request = v1::UpdateSourceRequest { source: Some(renamed), name: "crm".into(), ..Default::default() };
    let changed = client.update_source(request).await.unwrap().into_inner().source.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.enabled, changed.contact_count),
        ("customers", Some(false), 4)
    );
    let get = v1::GetSourceRequest { name: "Customers".into() };
    assert_eq!(client.get_source(get).await.unwrap().into_inner().source.unwrap(), changed);
    let gone = client.get_source(v1::GetSourceRequest { name: "crm".into() }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let start = v1::StartSyncRequest { source: "customers".into(), allow_preview: None };
    let off = client.start_sync(start).await.unwrap_err();
    assert_eq!(off.code(), Code::FailedPrecondition);

    // It has contacts, so what becomes of them must be said.
    let delete = v1::DeleteSourceRequest { name: "customers".into(), ..Default::default() };
    let status = client.delete_source(delete.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert!(status.message().ends_with("(contacts)"), "{status:?}");
    let odd = v1::DeleteSourceRequest { contacts: 17, ..delete.clone() };
    let status = client.delete_source(odd).await.unwrap_err();
    assert!(status.message().starts_with("contacts: is 17"), "{status:?}");
    let contacts = v1::SourceContacts::Remove.into();
    let deleted =
        client.delete_source(v1::DeleteSourceRequest { contacts, ..delete }).await.unwrap().into_inner();
    assert_eq!((deleted.contact_count, deleted.generation), (4, server.engine.generation().0));
    let rest = client.list_sources(v1::ListSourcesRequest::default()).await.unwrap().into_inner();
    assert_eq!(rest, v1::ListSourcesResponse::default());
}

#[tokio::test]
async fn an_update_made_from_an_older_state_is_aborted() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let source = Some(company_source("crm", &server.company()));
    let read =
        client.create_source(v1::CreateSourceRequest { source }).await.unwrap().into_inner().source.unwrap();
    let update = |source: v1::Source| v1::UpdateSourceRequest { source: Some(source), ..Default::default() };
    let first = v1::Source { default_region: "GB".into(), ..read.clone() };
    let first = client.update_source(update(first)).await.unwrap().into_inner().source.unwrap();
    assert_ne!(first.etag, read.etag);
    let second = v1::Source { default_region: "FR".into(), ..read.clone() };
    let status = client.update_source(update(second.clone())).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    let delete = v1::DeleteSourceRequest { name: "crm".into(), etag: read.etag, ..Default::default() };
    assert_eq!(client.delete_source(delete).await.unwrap_err().code(), Code::Aborted);
    // Without an etag it writes over whatever is there.
    let forced = v1::Source { etag: String::new(), ..second };
    let forced = client.update_source(update(forced)).await.unwrap().into_inner().source.unwrap();
    assert_eq!(forced.default_region, "FR");
}

#[tokio::test]
async fn what_is_wrong_with_a_source_is_named() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let good = company_source("crm", &server.company());
    let cases = [
        ("source.connection: ", v1::Source { connection: None, ..good.clone() }),
        ("source.default_region: ", v1::Source { default_region: "XX".into(), ..good.clone() }),
        ("sync_filter", v1::Source { sync_filter: "drop table people".into(), ..good.clone() }),
        ("field_map", v1::Source { field_map: Some(v1::FieldMap::default()), ..good.clone() }),
        ("name", v1::Source { name: " ".into(), ..good.clone() }),
        ("name", v1::Source { name: "x".repeat(64), ..good }),
    ];
    for (field, source) in cases {
        let status =
            client.create_source(v1::CreateSourceRequest { source: Some(source) }).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status:?}");
        assert!(status.message().contains(field), "{field}: {status:?}");
    }
    assert_eq!(server.engine.generation().0, 0);
}

#[tokio::test]
async fn a_source_with_a_schedule_says_when_it_is_due_next() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let interval = Some(v1::interval_schedule::Interval::Minutes(1));
    let every = v1::schedule::Frequency::Every(v1::IntervalSchedule { interval });
    let schedule = Some(v1::Schedule { frequency: Some(every), ..Default::default() });
    let wanted = v1::Source { schedule: schedule.clone(), ..company_source("crm", &server.company()) };
    let made = client.create_source(v1::CreateSourceRequest { source: Some(wanted) }).await.unwrap();
    let made = made.into_inner().source.unwrap();
    assert_eq!(made.schedule, schedule);
    let read = client.get_source(v1::GetSourceRequest { name: "crm".into() }).await.unwrap();
    let next = read.into_inner().source.unwrap().next_run_at.unwrap();
    assert_eq!((next.seconds % 60, next.nanos), (0, 0));
    let now = jiff::Timestamp::now().as_second();
    assert!((now - 60..=now + 60).contains(&next.seconds), "{next:?} at {now}");

    // One that is off is not due, and neither is one without a schedule.
    for source in [v1::Source { enabled: Some(false), ..made.clone() }, v1::Source { schedule: None, ..made }]
    {
        let request = v1::UpdateSourceRequest {
            source: Some(v1::Source { etag: String::new(), ..source }),
            ..Default::default()
        };
        let changed = client.update_source(request).await.unwrap().into_inner().source.unwrap();
        assert_eq!(changed.next_run_at, None);
    }
}

#[tokio::test]
async fn sources_come_in_pages_by_name() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    for name in ["b", "C", "a"] {
        let mut source = company_source(name, &server.company());
        let new = v1::NewPhonebook { name: format!("of {name}") };
        let target = Some(v1::phonebook_target::Target::NewPhonebook(new));
        source.phonebook = Some(v1::PhonebookTarget { target });
        client.create_source(v1::CreateSourceRequest { source: Some(source) }).await.unwrap();
    }
    let request = v1::ListSourcesRequest { page_size: 2, page_token: String::new() };
    let first = client.list_sources(request).await.unwrap().into_inner();
    let request = v1::ListSourcesRequest { page_size: 2, page_token: first.next_page_token };
    let second = client.list_sources(request).await.unwrap().into_inner();
    let names = |sources: &[v1::Source]| sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&first.sources), names(&second.sources)),
        (vec!["a".into(), "b".into()], vec!["C".into()])
    );
    assert!(second.next_page_token.is_empty());
    let request = v1::ListSourcesRequest { page_size: 1001, page_token: String::new() };
    let status = client.list_sources(request).await.unwrap_err();
    assert!(status.message().starts_with("page_size: is 1001; 1 to 1000"), "{status:?}");
}

#[tokio::test]
async fn a_source_is_tried_out_before_and_after_it_is_saved() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let saved = v1::TestSourceRequest { subject: source_name("crm") };
    let tested = client.test_source(saved).await.unwrap().into_inner();
    assert!(tested.succeeded && tested.failure.is_empty(), "{tested:?}");
    assert_eq!(tested.row_count, 5);
    let place = |field: &str| tested.columns.iter().position(|column| column.field == field);
    let last_name = place("field_map.last_name").unwrap();
    assert_eq!(tested.columns[last_name].column, "last");
    assert_eq!(tested.rows[0].values[last_name], "Lovelace");
    let people = tested.tables.iter().find(|table| table.name == "main.people").unwrap();
    assert_eq!((people.columns[1].name.as_str(), people.columns[1].r#type.as_str()), ("first", "TEXT"));

    // What does not work is an answer, with the tables to put it right.
    let wrong = v1::Source {
        sync_filter: "select ${MAP} from main.persons".into(),
        ..company_source("new", &server.company())
    };
    let subject = Some(v1::test_source_request::Subject::Source(wrong));
    let tested = client.test_source(v1::TestSourceRequest { subject }).await.unwrap().into_inner();
    assert!(!tested.succeeded && tested.failure.contains("persons"), "{tested:?}");
    assert!(tested.tables.iter().any(|table| table.name == "main.people"));
    let away = company_source("new", &server.path("nowhere.db"));
    let subject = Some(v1::test_source_request::Subject::Source(away));
    let tested = client.test_source(v1::TestSourceRequest { subject }).await.unwrap().into_inner();
    assert!(!tested.succeeded && tested.failure.contains("nowhere.db"), "{tested:?}");

    // What is no source is an error.
    let status = client.test_source(v1::TestSourceRequest { subject: source_name("erp") }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = client.test_source(v1::TestSourceRequest { subject: None }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_test_that_takes_too_long_ends_with_the_server() {
    let server = Server::start().await;
    make_company(&server.company(), &[]);
    let mut client = server.sync().await;
    let source = endless_source("endless", &server.company());
    let subject = Some(v1::test_source_request::Subject::Source(source));
    let testing = tokio::spawn(async move { client.test_source(v1::TestSourceRequest { subject }).await });
    server.begin_stop();
    // Refused before it arrived or ended while it was counting: it does not keep the server from stopping.
    assert!(testing.await.unwrap().is_err());
    server.stop().await;
}
