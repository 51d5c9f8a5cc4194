//! `SyncService`: what previews say, and the quality of the data.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::{COMPANY, GRACE, Person, SHARED, Server, make_company};

/// Ada goes to Support, Alan has another name, Grace is gone, somebody is new in a phonebook that is new.
const LATER: [Person; 4] = [
    (1, "Ada", "Lovelace", "Analytical Engines", "+49 30 901820", "Support"),
    (3, "Alan", "Matthison", "", "+44 20 7946 0018", "Sales"),
    (4, "Charles", "Babbage", "Analytical Engines", "0049 30 901820", "Support"),
    (6, "Edsger", "Dijkstra", "", "+31 40 2479111", "Research"),
];

async fn previewed() -> (Server, v1::PreviewSyncResponse) {
    let server = Server::start_with_company().await;
    make_company(&server.company(), &LATER);
    let request = v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() };
    let answer = server.sync().await.preview_sync(request).await.unwrap().into_inner();
    (server, answer)
}

#[tokio::test]
async fn a_preview_says_what_becomes_of_phonebooks_and_calls() {
    let (server, answer) = previewed().await;
    let preview = answer.preview.clone().unwrap();
    assert_eq!(preview.objection, "");
    let phonebooks: Vec<_> = preview
        .phonebooks
        .iter()
        .map(|book| {
            (
                book.name.as_str(),
                book.is_new,
                book.contacts_before,
                book.contacts_after,
                book.routes.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        phonebooks,
        [
            ("Research", true, 0, 1, [].as_slice()),
            ("Sales", false, 2, 1, ["sales".to_owned()].as_slice()),
            ("Support", false, 2, 2, ["support".to_owned()].as_slice()),
        ]
    );
    let calls = preview.calls.unwrap();
    // Shared: Ada moves; Grace's: nobody now; Alan's: another name; Edsger's: found, and no route takes it.
    assert_eq!(
        (calls.numbers, calls.newly_matched, calls.no_longer_matched, calls.matched_otherwise),
        (4, 1, 1, 2)
    );
    let turns: Vec<_> = calls
        .reroutes
        .iter()
        .map(|turn| (turn.from.as_str(), turn.to.as_str(), turn.numbers, turn.examples[0].number.as_str()))
        .collect();
    // Grace's number is in no phonebook afterwards; the shared one was in Sales too, which is asked first.
    assert_eq!(turns, [("sales", "support", 1, SHARED), ("support", "", 1, GRACE)]);
    assert_eq!(calls.rerouted, 2);
    assert_eq!(calls.reroute_count, 2);
    // Nothing asks for trunks or dialled numbers, but London has a region of its own.
    let lines: Vec<_> = calls.lines.iter().map(|line| (line.trunk.as_str(), line.did.as_str())).collect();
    assert_eq!(lines, [("", ""), ("london", "")]);

    // The same again, by its number.
    let run_id = answer.run.as_ref().unwrap().run_id;
    let again = server.sync().await.get_sync_preview(v1::GetSyncPreviewRequest { run_id }).await.unwrap();
    let v1::GetSyncPreviewResponse { run, preview } = again.into_inner();
    assert_eq!((run, preview), (answer.run, answer.preview));
}

#[tokio::test]
async fn a_preview_takes_and_tells_what_calls_are_assumed_to_be_like() {
    let (server, usual) = previewed().await;
    let mut client = server.sync().await;
    let calls = usual.preview.unwrap().calls.unwrap();
    assert_eq!(calls.attestation(), v1::Attestation::A);
    assert!(calls.at.is_some(), "it says for when calls were decided");

    let at = prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 };
    let request = v1::PreviewSyncRequest {
        source: "crm".into(),
        attestation: Some(v1::Attestation::Unspecified.into()),
        at: Some(at),
    };
    let answer = client.preview_sync(request.clone()).await.unwrap().into_inner();
    let calls = answer.preview.unwrap().calls.unwrap();
    assert_eq!((calls.attestation(), calls.at), (v1::Attestation::Unspecified, Some(at)));

    let too_late = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    for (field, wrong) in [
        ("at", v1::PreviewSyncRequest { at: too_late, ..request.clone() }),
        ("attestation", v1::PreviewSyncRequest { attestation: Some(99), ..request }),
    ] {
        let refused = client.preview_sync(wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(field), "{refused:?}");
    }
}

#[tokio::test]
async fn changes_of_contacts_come_field_by_field_and_in_pages() {
    let (server, answer) = previewed().await;
    let run_id = answer.run.unwrap().run_id;
    let mut client = server.sync().await;
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            v1::ListSyncPreviewChangesRequest { run_id, page_size: 1, page_token, ..Default::default() };
        let page = client.list_sync_preview_changes(request).await.unwrap().into_inner();
        assert_eq!(page.changes.len(), 1);
        all.extend(page.changes);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    let told: Vec<_> = all
        .iter()
        .map(|change| {
            let books = (change.phonebook_before.as_str(), change.phonebook_after.as_str());
            (change.kind(), change.source_key.as_str(), books)
        })
        .collect();
    use v1::ContactChangeKind as Kind;
    assert_eq!(
        told,
        [
            (Kind::Added, "6", ("", "Research")),
            (Kind::Changed, "3", ("Sales", "Sales")),
            (Kind::Moved, "1", ("Sales", "Support")),
            (Kind::Removed, "2", ("Support", "")),
        ]
    );
    let [field] = all[1].fields.as_slice() else { panic!("{:?}", all[1]) };
    assert_eq!(
        (field.field.as_str(), field.before.as_str(), field.after.as_str()),
        ("last_name", "Turing", "Matthison")
    );
    assert_eq!(all[1].display_name, "Alan Matthison");
    assert!(all[0].fields.iter().any(|field| field.after == "+31 40 2479111"), "{:?}", all[0]);

    let request =
        v1::ListSyncPreviewChangesRequest { run_id, kind: Kind::Moved.into(), ..Default::default() };
    let moved = client.list_sync_preview_changes(request).await.unwrap().into_inner().changes;
    assert_eq!(moved, [all[2].clone()]);
}

#[tokio::test]
async fn only_previews_have_changes_to_list() {
    let (server, answer) = previewed().await;
    let mut client = server.sync().await;
    for run_id in [1, 999, u64::MAX] {
        let status = client.get_sync_preview(v1::GetSyncPreviewRequest { run_id }).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
        let request = v1::ListSyncPreviewChangesRequest { run_id, ..Default::default() };
        let status = client.list_sync_preview_changes(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
    }
    let run_id = answer.run.unwrap().run_id;
    for (request, field) in [
        (v1::ListSyncPreviewChangesRequest { run_id, kind: 99, ..Default::default() }, "kind: "),
        (v1::ListSyncPreviewChangesRequest { run_id, page_size: 1001, ..Default::default() }, "page_size: "),
        (
            v1::ListSyncPreviewChangesRequest { run_id, page_token: "x".into(), ..Default::default() },
            "page_token: ",
        ),
    ] {
        let status = client.list_sync_preview_changes(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(field), "{status:?}");
    }
}

#[tokio::test]
async fn a_run_that_a_preview_allowed_says_so() {
    let (server, answer) = previewed().await;
    let preview = answer.run.unwrap().run_id;
    let mut client = server.sync().await;
    let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: Some(preview) };
    let run = client.start_sync(request.clone()).await.unwrap().into_inner().run.unwrap();
    let run = crate::support::end_of_run(&mut client, run.run_id).await;
    assert_eq!((run.state(), run.allowed_by), (v1::SyncRunState::Succeeded, preview), "{}", run.failure);
    let status = client.start_sync(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("allow_preview: "), "{status:?}");
}

#[tokio::test]
async fn progress_says_how_many_rows_are_expected_and_how_fast_they_come() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: None };
    let run_id = client.start_sync(request).await.unwrap().into_inner().run.unwrap().run_id;
    let mut news = client.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap().into_inner();
    while let Some(message) = news.message().await.unwrap() {
        let progress = message.progress.unwrap();
        match progress.run {
            // As many as the last time.
            None => assert_eq!(progress.expected_rows, Some(COMPANY.len() as u64)),
            Some(_) => assert_eq!((progress.expected_rows, progress.remaining_ms), (None, None)),
        }
    }
}

#[tokio::test]
async fn the_quality_of_a_source_is_counted_and_listed() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let request = v1::GetQualityReportRequest { source: "CRM".into() };
    let report = client.get_quality_report(request).await.unwrap().into_inner().report.unwrap();
    assert_eq!((report.source.as_str(), report.contact_count, report.counts.len()), ("crm", 4, 8));
    let found: Vec<_> = report.counts.iter().filter(|found| found.count > 0).collect();
    let shared = v1::QualityFindingKind::SharedNumber;
    assert_eq!(found, [&v1::QualityCount { kind: shared.into(), count: 1 }]);

    let list = v1::ListQualityFindingsRequest { source: "crm".into(), ..Default::default() };
    let page = client.list_quality_findings(list.clone()).await.unwrap().into_inner();
    assert_eq!(page.next_page_token, "");
    let [finding] = page.findings.as_slice() else { panic!("{page:?}") };
    assert_eq!((finding.kind(), finding.number.as_str(), finding.contact_count), (shared, SHARED, 2));
    let contacts: Vec<_> = finding
        .contacts
        .iter()
        .map(|contact| {
            (contact.source_key.as_str(), contact.display_name.as_str(), contact.phonebooks.concat())
        })
        .collect();
    assert_eq!(contacts, [("1", "Ada Lovelace", "Sales".into()), ("4", "Charles Babbage", "Support".into())]);

    let none = v1::QualityFindingKind::OtherCountry.into();
    let request = v1::ListQualityFindingsRequest { kind: none, ..list.clone() };
    assert_eq!(client.list_quality_findings(request).await.unwrap().into_inner().findings, []);
    for (request, field) in [
        (v1::ListQualityFindingsRequest { kind: 99, ..list.clone() }, "kind: "),
        (v1::ListQualityFindingsRequest { page_token: "17".into(), ..list.clone() }, "page_token: "),
        (v1::ListQualityFindingsRequest { page_size: 5000, ..list.clone() }, "page_size: "),
    ] {
        let status = client.list_quality_findings(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(field), "{status:?}");
    }
    let request = v1::GetQualityReportRequest { source: "erp".into() };
    assert_eq!(client.get_quality_report(request).await.unwrap_err().code(), Code::NotFound);
}
