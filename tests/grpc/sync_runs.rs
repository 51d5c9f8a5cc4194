//! `SyncService`: runs.

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{COMPANY, Server, end_of_run, endless_source, make_company};

async fn start(client: &mut SyncServiceClient<Channel>, source: &str) -> v1::StartSyncResponse {
    let request = v1::StartSyncRequest { source: source.into(), allow_preview: None };
    client.start_sync(request).await.unwrap().into_inner()
}

async fn with_endless_source() -> Server {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let source = Some(endless_source("endless", &server.company()));
    server.sync().await.create_source(v1::CreateSourceRequest { source }).await.unwrap();
    server
}

#[tokio::test]
async fn a_run_is_followed_to_its_end_and_then_told_as_a_whole() {
    let server = Server::start_with_company().await;
    make_company(&server.company(), &COMPANY[..4]);
    let mut client = server.sync().await;
    let started = start(&mut client, "crm").await;
    assert!(!started.already_running);
    let run = started.run.unwrap();
    assert!(run.started_by.starts_with("grpc 127.0.0.1:"), "{}", run.started_by);

    let request = v1::WatchSyncRequest { run_id: run.run_id };
    let mut news = client.watch_sync(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(message) = news.message().await.unwrap() {
        let progress = message.progress.unwrap();
        assert_eq!(progress.run_id, run.run_id);
        assert!(last.is_none(), "something came after the whole run");
        last = progress.run;
    }
    let ended = last.unwrap();
    assert_eq!(ended.state(), v1::SyncRunState::Succeeded, "{}", ended.failure);
    assert!(ended.finished_at.is_some());
    let counts = ended.counts.unwrap();
    assert_eq!((counts.rows_read, counts.unchanged, counts.rejected), (4, 4, 0));
    // Watched again, it is one message with the same run.
    assert_eq!(end_of_run(&mut client, run.run_id).await, ended);
}

#[tokio::test]
async fn rows_that_cannot_be_used_are_listed_with_the_run() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    let runs = client.list_sync_runs(v1::ListSyncRunsRequest::default()).await.unwrap().into_inner().runs;
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    let counts = run.counts.unwrap();
    assert_eq!((counts.rows_read, counts.added, counts.rejected), (5, 4, 1));
    let request = v1::GetSyncRunRequest { run_id: run.run_id, ..Default::default() };
    let answer = client.get_sync_run(request).await.unwrap().into_inner();
    assert_eq!(answer.run.as_ref(), Some(run));
    let [problem] = answer.problems.as_slice() else { panic!("{answer:?}") };
    assert_eq!((problem.kind(), problem.source_key.as_str()), (v1::SyncProblemKind::RowRejected, "5"));
    assert!(!problem.reason.is_empty());
    assert!(answer.next_page_token.is_empty());
}

#[tokio::test]
async fn a_second_start_is_given_the_running_run_and_cancel_ends_it() {
    let server = with_endless_source().await;
    let mut client = server.sync().await;
    let first = start(&mut client, "endless").await;
    let second = start(&mut client, "ENDLESS").await;
    assert!(!first.already_running && second.already_running);
    let run_id = first.run.unwrap().run_id;
    assert_eq!(second.run.unwrap().run_id, run_id);

    // What would disturb it is refused meanwhile.
    let preview = v1::PreviewSyncRequest { source: "endless".into(), ..Default::default() };
    let status = client.preview_sync(preview).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let delete = v1::DeleteSourceRequest { name: "endless".into(), ..Default::default() };
    let status = client.delete_source(delete).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert!(status.message().contains(&format!("run {run_id}")), "{status:?}");

    let generation = server.engine.generation();
    let run = client.cancel_sync(v1::CancelSyncRequest { run_id }).await.unwrap().into_inner().run.unwrap();
    assert_eq!(run.state(), v1::SyncRunState::Cancelled);
    assert!(run.finished_at.is_some() && !run.failure.is_empty() && run.generation == 0);
    assert_eq!(server.engine.generation(), generation);
    // Cancelled again, it stays as it is.
    let again = client.cancel_sync(v1::CancelSyncRequest { run_id }).await.unwrap().into_inner();
    assert_eq!(again.run.unwrap(), run);
}

#[tokio::test]
async fn a_watcher_that_leaves_does_not_stop_the_run() {
    let server = with_endless_source().await;
    let mut client = server.sync().await;
    let run_id = start(&mut client, "endless").await.run.unwrap().run_id;
    for _ in 0..3 {
        let mut news = client.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap().into_inner();
        let progress = news.message().await.unwrap().unwrap().progress.unwrap();
        assert_eq!((progress.state(), progress.run), (v1::SyncRunState::Running, None));
    }
    assert!(start(&mut client, "endless").await.already_running);
    client.cancel_sync(v1::CancelSyncRequest { run_id }).await.unwrap();
}

#[tokio::test]
async fn a_preview_changes_nothing_and_allows_a_run_that_does_the_same() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    make_company(&server.company(), &[]);
    // A source that suddenly has nothing is not believed.
    let run = server.synchronise("crm").await;
    assert_eq!(run.state(), v1::SyncRunState::Refused, "{}", run.failure);

    let generation = server.engine.generation();
    let preview = v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() };
    let preview = client.preview_sync(preview).await.unwrap().into_inner().run.unwrap();
    assert_eq!((preview.kind(), preview.state()), (v1::SyncRunKind::Preview, v1::SyncRunState::Succeeded));
    assert_eq!(preview.counts.unwrap().removed, 4);
    assert_eq!(server.engine.generation(), generation);

    let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: Some(preview.run_id) };
    let run = client.start_sync(request).await.unwrap().into_inner().run.unwrap();
    let run = end_of_run(&mut client, run.run_id).await;
    assert_eq!(
        (run.state(), run.counts.unwrap().removed),
        (v1::SyncRunState::Succeeded, 4),
        "{}",
        run.failure
    );
    // The source's last run is that one, not the preview.
    client.preview_sync(v1::PreviewSyncRequest { source: "crm".into(), ..Default::default() }).await.unwrap();
    let request = v1::GetSourceRequest { name: "crm".into() };
    let source = client.get_source(request).await.unwrap().into_inner().source.unwrap();
    assert_eq!((source.last_run.unwrap().run_id, source.contact_count), (run.run_id, 0));
}

#[tokio::test]
async fn a_preview_that_nobody_waits_for_any_more_is_cancelled() {
    let server = with_endless_source().await;
    let mut client = server.sync().await;
    let waiting = {
        let mut client = client.clone();
        tokio::spawn(async move {
            client
                .preview_sync(v1::PreviewSyncRequest { source: "endless".into(), ..Default::default() })
                .await
        })
    };
    let run_id = loop {
        if let Some(active) = server.engine.active_run_of("endless") {
            break active.id.0;
        }
        tokio::task::yield_now().await;
    };
    waiting.abort();
    let run = end_of_run(&mut client, run_id).await;
    assert_eq!((run.kind(), run.state()), (v1::SyncRunKind::Preview, v1::SyncRunState::Cancelled));
}

#[tokio::test]
async fn runs_come_in_pages_the_latest_first() {
    let server = Server::start_with_company().await;
    for _ in 0..4 {
        server.synchronise("crm").await;
    }
    let mut client = server.sync().await;
    let (mut page_token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = v1::ListSyncRunsRequest { source: "CRM".into(), page_size: 2, page_token };
        let page = client.list_sync_runs(request).await.unwrap().into_inner();
        seen.push(page.runs.iter().map(|run| run.run_id).collect::<Vec<_>>());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let server = Server::start_with_company().await;
    let mut client = server.sync().await;
    for run_id in [0, 99, u64::MAX] {
        let get = v1::GetSyncRunRequest { run_id, ..Default::default() };
        for status in [
            client.get_sync_run(get).await.unwrap_err(),
            client.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap_err(),
            client.cancel_sync(v1::CancelSyncRequest { run_id }).await.unwrap_err(),
        ] {
            assert_eq!(status.code(), Code::NotFound, "{status:?}");
            assert!(status.message().contains(&format!("sync run \"{run_id}\"")), "{status:?}");
        }
    }
    let source = "erp".to_owned();
    let list = v1::ListSyncRunsRequest { source: source.clone(), ..Default::default() };
    for status in [
        client
            .start_sync(v1::StartSyncRequest { source: source.clone(), allow_preview: None })
            .await
            .unwrap_err(),
        client.preview_sync(v1::PreviewSyncRequest { source, ..Default::default() }).await.unwrap_err(),
        client.list_sync_runs(list).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no source \"erp\""));
    }
    for page_token in ["x", "1", "-1", "18446744073709551615", "sync_run:0", "sync_run:+1"] {
        let list = v1::ListSyncRunsRequest { page_token: page_token.into(), ..Default::default() };
        let status = client.list_sync_runs(list).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("page_token: "), "{status:?}");
    }
}
