//! `SyncService`: what runs changed, rolling back, and sources that are switched off.

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::{
    ALAN, COMPANY, GRACE, SHARED, Server, company_source, end_of_run, endless_source, make_company,
};

/// The company a day later: Ada married, Grace went to Sales, Alan left, Edsger came.
const LATER: [(i64, &str, &str, &str, &str, &str); 4] = [
    (1, "Ada", "King", "Analytical Engines", "+49 30 901820", "Sales"),
    (2, "Grace", "Hopper", "Navy", "030 901821", "Sales"),
    (4, "Charles", "Babbage", "Analytical Engines", "0049 30 901820", "Support"),
    (6, "Edsger", "Dijkstra", "", "+31 20 5550100", "Research"),
];

async fn later(server: &Server) -> v1::SyncRun {
    make_company(&server.company(), &LATER);
    let run = server.synchronise("crm").await;
    assert_eq!(run.state(), v1::SyncRunState::Succeeded, "{}", run.failure);
    run
}

async fn changes(
    client: &mut SyncServiceClient<Channel>,
    run_id: u64,
    page_size: u32,
) -> Result<(Vec<v1::SyncChange>, Vec<v1::SyncPhonebookChange>), Status> {
    let (mut changes, mut phonebooks, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let request = v1::ListSyncChangesRequest { run_id, page_size, page_token };
        let page = client.list_sync_changes(request).await?.into_inner();
        assert!(page_size == 0 || page.changes.len() <= page_size as usize);
        changes.extend(page.changes);
        phonebooks.extend(page.phonebooks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok((changes, phonebooks));
        }
    }
}

fn told(changes: &[v1::SyncChange]) -> Vec<(&str, v1::SyncChangeKind, String, String)> {
    let phonebooks =
        |change: &v1::SyncChange| format!("{} -> {}", change.phonebook_before, change.phonebook_after);
    let fields = |change: &v1::SyncChange| {
        let fields =
            change.fields.iter().map(|field| format!("{}: {} -> {}", field.field, field.before, field.after));
        fields.collect::<Vec<_>>().join(", ")
    };
    let told = |change| (change, phonebooks(change), fields(change));
    changes
        .iter()
        .map(told)
        .map(|(change, phonebooks, fields)| (change.display_name.as_str(), change.kind(), phonebooks, fields))
        .collect()
}

async fn roll_back(client: &mut SyncServiceClient<Channel>, run_id: u64) -> v1::SyncRun {
    let request = v1::RollbackSyncRequest { run_id, dry_run: false };
    let answer = client.rollback_sync(request).await.unwrap().into_inner();
    assert_eq!(answer.plan, None);
    let run = answer.run.unwrap();
    assert_eq!((run.kind(), run.to_before_run_id), (v1::SyncRunKind::Rollback, run_id));
    let ended = end_of_run(client, run.run_id).await;
    assert_eq!(ended.state(), v1::SyncRunState::Succeeded, "{}", ended.failure);
    ended
}

async fn who(server: &Server, caller: &str) -> Vec<(String, Vec<String>)> {
    let request = v1::MatchCallerRequest { caller: caller.into(), ..Default::default() };
    let answer = server.calls().await.match_caller(request).await.unwrap().into_inner();
    answer.contacts.into_iter().map(|found| (found.display_name, found.phonebooks)).collect()
}

#[tokio::test]
async fn what_a_run_changed_is_told_field_by_field_and_a_rollback_is_the_same_backwards() {
    use v1::SyncChangeKind::{Added, Changed, Moved, Removed};
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let run = later(&server).await;
    let (listed, phonebooks) = changes(&mut client, run.run_id, 1).await.unwrap();
    let text = |text: &str| text.to_owned();
    let expected = [
        ("Ada King", Changed, text("Sales -> Sales"), text("last_name: Lovelace -> King")),
        ("Grace Hopper", Moved, text("Support -> Sales"), text("")),
        (
            "Alan Turing",
            Removed,
            text("Sales -> "),
            text("first_name: Alan -> , last_name: Turing -> , business_number: +44 20 7946 0018 -> "),
        ),
        (
            "Edsger Dijkstra",
            Added,
            text(" -> Research"),
            text("first_name:  -> Edsger, last_name:  -> Dijkstra, business_number:  -> +31 20 5550100"),
        ),
    ];
    assert_eq!(told(&listed), expected);
    let made =
        v1::SyncPhonebookChange { name: "Research".into(), kind: v1::SyncPhonebookChangeKind::Made.into() };
    assert_eq!(phonebooks, [made]);
    assert_eq!(changes(&mut client, run.run_id, 0).await.unwrap().0, listed, "pages are only pages");

    let back = roll_back(&mut client, run.run_id).await;
    let counts = back.counts.unwrap();
    assert_eq!((counts.added, counts.changed, counts.moved, counts.removed), (1, 1, 1, 1));
    assert_eq!(back.generation, server.engine.generation().0);
    let (backwards, phonebooks) = changes(&mut client, back.run_id, 3).await.unwrap();
    let mut turned = listed.clone();
    for change in &mut turned {
        for field in &mut change.fields {
            std::mem::swap(&mut field.before, &mut field.after);
        }
        std::mem::swap(&mut change.phonebook_before, &mut change.phonebook_after);
        let kind = match change.kind() {
            Added => Removed,
            Removed => Added,
            other => other,
        };
        change.kind = kind.into();
    }
    turned[0].display_name = "Ada Lovelace".into();
    assert_eq!(backwards, turned);
    assert_eq!(phonebooks[0].kind(), v1::SyncPhonebookChangeKind::Deleted);
    // And the list of the run that was undone is what it was.
    assert_eq!(changes(&mut client, run.run_id, 0).await.unwrap().0, listed);
}

#[tokio::test]
async fn a_rollback_is_looked_at_done_and_taken_back() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let before = (who(&server, SHARED).await, who(&server, GRACE).await, who(&server, ALAN).await);
    let run = later(&server).await;
    let after = (who(&server, SHARED).await, who(&server, GRACE).await, who(&server, ALAN).await);
    assert_ne!(before, after);

    let generation = server.engine.generation();
    let dry = v1::RollbackSyncRequest { run_id: run.run_id, dry_run: true };
    let answer = client.rollback_sync(dry).await.unwrap().into_inner();
    assert_eq!(answer.run, None);
    let plan = answer.plan.unwrap();
    assert_eq!((plan.source.as_str(), plan.undone_run_ids.as_slice()), ("crm", &[run.run_id][..]));
    assert_eq!(
        (plan.removed_phonebooks.as_slice(), plan.restored_phonebooks.len()),
        (&["Research".to_owned()][..], 0)
    );
    assert_eq!(server.engine.generation(), generation, "a dry run changes nothing");

    let back = roll_back(&mut client, run.run_id).await;
    assert_eq!(plan.counts, back.counts);
    assert!(back.started_by.starts_with("grpc 127.0.0.1:"), "{}", back.started_by);
    let phases: Vec<v1::SyncPhase> = back.phases.iter().map(v1::SyncPhaseDuration::phase).collect();
    use v1::SyncPhase::{Build, Commit, Verify, Write};
    assert_eq!(phases, [Write, Build, Verify, Commit]);
    assert_eq!((who(&server, SHARED).await, who(&server, GRACE).await, who(&server, ALAN).await), before);
    roll_back(&mut client, back.run_id).await;
    assert_eq!((who(&server, SHARED).await, who(&server, GRACE).await, who(&server, ALAN).await), after);

    // It is in the history, and the source's last sync is still the sync.
    let listed = client.list_sync_runs(v1::ListSyncRunsRequest::default()).await.unwrap().into_inner().runs;
    let kinds: Vec<v1::SyncRunKind> = listed.iter().map(v1::SyncRun::kind).collect();
    use v1::SyncRunKind::{Rollback, Sync};
    assert_eq!(kinds, [Rollback, Rollback, Sync, Sync]);
    let source = client.get_source(v1::GetSourceRequest { name: "crm".into() }).await.unwrap().into_inner();
    assert_eq!(source.source.unwrap().last_run.unwrap().run_id, run.run_id);
}

#[tokio::test]
async fn a_rollback_that_cannot_be_says_why() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    for dry_run in [true, false] {
        let unknown = v1::RollbackSyncRequest { run_id: 99, dry_run };
        let status = client.rollback_sync(unknown).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no sync run \"99\""));
    }
    let status = changes(&mut client, 99, 0).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    // While something of the source is under way.
    let source = v1::Source {
        phonebook: Some(v1::PhonebookTarget {
            target: Some(v1::phonebook_target::Target::NewPhonebook(v1::NewPhonebook {
                name: "Endless".into(),
            })),
        }),
        ..endless_source("endless", &server.company())
    };
    client.create_source(v1::CreateSourceRequest { source: Some(source) }).await.unwrap();
    let start = v1::StartSyncRequest { source: "endless".into(), allow_preview: None };
    let running = client.start_sync(start).await.unwrap().into_inner().run.unwrap().run_id;
    let request = v1::RollbackSyncRequest { run_id: running, dry_run: false };
    let status = client.rollback_sync(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains(&format!("run {running}")), "{status:?}");
    client.cancel_sync(v1::CancelSyncRequest { run_id: running }).await.unwrap();
    assert_eq!(changes(&mut client, running, 0).await.unwrap().0, [], "a cancelled run changed nothing");

    // When it is no longer kept.
    let settings = client_settings(&server).await;
    server.apply(&format!("{settings}\n[history]\nruns = 1\n")).await;
    let run = later(&server).await;
    for run_id in [1, run.run_id] {
        let dry = v1::RollbackSyncRequest { run_id, dry_run: true };
        match client.rollback_sync(dry).await {
            Ok(_) => assert_eq!(run_id, run.run_id),
            Err(status) => {
                assert_eq!((status.code(), run_id), (Code::FailedPrecondition, 1));
                assert!(status.message().contains("history.runs"), "{status:?}");
                assert_eq!(changes(&mut client, 1, 0).await.unwrap_err().code(), Code::FailedPrecondition);
            }
        }
    }
}

async fn client_settings(server: &Server) -> String {
    let mut client = server.settings_client().await;
    client.export_settings(v1::ExportSettingsRequest {}).await.unwrap().into_inner().document
}

async fn switch_off(
    client: &mut SyncServiceClient<Channel>,
    contacts: v1::SourceContacts,
) -> Result<v1::Source, Status> {
    let read = client.get_source(v1::GetSourceRequest { name: "crm".into() }).await.unwrap().into_inner();
    let source = v1::Source { enabled: Some(false), ..read.source.unwrap() };
    let request =
        v1::UpdateSourceRequest { source: Some(source), contacts: contacts.into(), ..Default::default() };
    Ok(client.update_source(request).await?.into_inner().source.unwrap())
}

async fn phonebooks(server: &Server) -> Vec<(String, String, u64)> {
    let list = server.phonebooks().await.list_phonebooks(v1::ListPhonebooksRequest::default()).await;
    let books = list.unwrap().into_inner().phonebooks.into_iter();
    books.map(|book| (book.name, book.source, book.contact_count)).collect()
}

fn books(books: [(&str, &str, u64); 2]) -> Vec<(String, String, u64)> {
    books.into_iter().map(|(name, source, count)| (name.into(), source.into(), count)).collect()
}

#[tokio::test]
async fn a_source_that_is_switched_off_leaves_its_contacts_as_they_are_keeps_or_removes_them() {
    use v1::SourceContacts::{KeepAsLocal, Remove, Unspecified};
    let synced = books([("Sales", "crm", 2), ("Support", "crm", 2)]);
    for (contacts, expected, is_told) in [
        (Unspecified, synced.clone(), true),
        (KeepAsLocal, books([("Sales", "", 2), ("Support", "", 2)]), true),
        (Remove, Vec::new(), false),
    ] {
        let server = Server::start_with_company().await;
        let mut client = server.sync().await;
        let off = switch_off(&mut client, contacts).await.unwrap();
        assert_eq!(off.contact_count, if contacts == Unspecified { 4 } else { 0 });
        assert_eq!(phonebooks(&server).await, expected, "{contacts:?}");
        assert_eq!(!who(&server, GRACE).await.is_empty(), is_told);
        // The document that describes it can be applied, and says the same.
        let document = client_settings(&server).await;
        assert_eq!(server.apply(&document).await.changes, []);
        // It stays so after a restart, of which only the store remains.
        drop(client);
        let server = server.restart().await;
        assert_eq!(phonebooks(&server).await, expected, "{contacts:?}");
        // What its runs changed can be taken back only while it has its contacts.
        let dry = v1::RollbackSyncRequest { run_id: 1, dry_run: true };
        let rollback = server.sync().await.rollback_sync(dry).await;
        assert_eq!(rollback.is_ok(), contacts == Unspecified, "{rollback:?}");
    }
}

/// The phonebook that it made is a local one then, and its target still names it.
#[tokio::test]
async fn a_source_with_a_phonebook_of_its_own_can_leave_it_behind_and_is_told_when_it_is_switched_on() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let source = Some(company_source("crm", &server.company()));
    client.create_source(v1::CreateSourceRequest { source }).await.unwrap();
    server.synchronise("crm").await;
    let off = switch_off(&mut client, v1::SourceContacts::KeepAsLocal).await.unwrap();
    assert_eq!(phonebooks(&server).await, [("All".to_owned(), String::new(), 4)]);
    assert_eq!(server.apply(&client_settings(&server).await).await.changes, []);
    let source = Some(v1::Source { enabled: Some(true), ..off });
    let on = v1::UpdateSourceRequest { source, ..Default::default() };
    let status = client.update_source(on).await.unwrap_err();
    assert!(status.message().contains("\"All\" is a local phonebook"), "{status:?}");
}

#[tokio::test]
async fn a_source_that_is_off_already_can_be_parted_from_its_contacts_later() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    switch_off(&mut client, v1::SourceContacts::Unspecified).await.unwrap();
    let generation = server.engine.generation();
    switch_off(&mut client, v1::SourceContacts::Remove).await.unwrap();
    assert_eq!(phonebooks(&server).await, []);
    assert!(server.engine.generation() > generation);
    // Asked again, there is nothing to do.
    let generation = server.engine.generation();
    switch_off(&mut client, v1::SourceContacts::Remove).await.unwrap();
    assert_eq!(server.engine.generation(), generation);

    // Switched on again, the next run brings everybody back.
    let read = client.get_source(v1::GetSourceRequest { name: "crm".into() }).await.unwrap().into_inner();
    let source = Some(v1::Source { enabled: Some(true), ..read.source.unwrap() });
    let contacts = v1::SourceContacts::Remove.into();
    let both = v1::UpdateSourceRequest { source: source.clone(), contacts, ..Default::default() };
    let status = client.update_source(both).await.unwrap_err();
    assert!(
        status.code() == Code::InvalidArgument && status.message().starts_with("contacts: "),
        "{status:?}"
    );
    client.update_source(v1::UpdateSourceRequest { source, ..Default::default() }).await.unwrap();
    assert_eq!(server.synchronise("crm").await.counts.unwrap().added, 4);
}

#[tokio::test]
async fn a_document_switches_off_and_removes_or_nothing_happens() {
    let server = Server::start_with_company().await;
    let mut client = server.settings_client().await;
    let document = server.settings().replace("name = \"crm\"", "name = \"crm\"\nenabled = false");
    let apply = |document: &str, dry_run| v1::ApplySettingsRequest {
        document: document.to_owned(),
        dry_run,
        disabled_source_contacts: v1::SourceContacts::Remove.into(),
        ..Default::default()
    };
    let before = (phonebooks(&server).await, client_settings(&server).await, server.engine.generation());
    // A route that cannot be, at the very end of the document.
    let wrong = format!(
        "{document}\n[[inbound_route]]\nname = \"wrong\"\ndids = [\"12[3\"]\ndestination = {{ type = \"hang_up\" }}\n"
    );
    let status = client.apply_settings(apply(&wrong, false)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    client.apply_settings(apply(&document, true)).await.unwrap();
    let now = (phonebooks(&server).await, client_settings(&server).await, server.engine.generation());
    assert_eq!(now, before);

    client.apply_settings(apply(&document, false)).await.unwrap();
    assert_eq!(phonebooks(&server).await, []);
    let last = server.engine.generation();
    client.apply_settings(apply(&document, false)).await.unwrap();
    assert_eq!(server.engine.generation(), last, "applied again, there is nothing to do");
}

#[tokio::test]
async fn a_source_is_not_parted_from_its_contacts_while_it_is_being_read() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let mut client = server.sync().await;
    let source = Some(v1::Source { enabled: Some(false), ..endless_source("crm", &server.company()) });
    client.create_source(v1::CreateSourceRequest { source }).await.unwrap();
    // A source that is off can be previewed.
    let waiting = {
        let mut client = client.clone();
        tokio::spawn(async move {
            client.preview_sync(v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() }).await
        })
    };
    while server.engine.active_run_of("crm").is_none() {
        tokio::task::yield_now().await;
    }
    let delete = v1::DeleteSourceRequest {
        name: "crm".into(),
        contacts: v1::SourceContacts::Remove.into(),
        ..Default::default()
    };
    let status = client.delete_source(delete).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    waiting.abort();
}
