//! A whole server, as `ringroute serve` starts it, looks after schedules.

use std::time::Duration;

use ringroute::app::Server;
use ringroute::config::Config;
use ringroute::engine::Engine;
use ringroute::store::{DueRun, RemovedSources};

/// Longest wait for something that would never come if it did not come soon.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_run_that_was_missed_is_made_up_for_by_the_next_server() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("crm.db");
    rusqlite::Connection::open(&source)
        .unwrap()
        .execute_batch("CREATE TABLE contacts (id, name, phone); INSERT INTO contacts VALUES (1, 'Berg', '+49301234567')")
        .unwrap();
    let data_folder = folder.path().join("data");
    let document = format!(
        r#"
        [[source]]
        name = "crm"
        connection = {{ sqlite = {{ path = {source:?} }} }}
        sync_filter = "select ${{MAP}} from main.contacts"
        field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
        phonebook = {{ new = {{ name = "All" }} }}
        schedule = {{ monthly = {{ day = "last", at = "03:00", time_zone = "Europe/Berlin" }}, run_missed = true }}
        "#
    );
    {
        let engine = Engine::open(&data_folder).unwrap();
        engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
        let source = engine.read(|reading| reading.source("crm")).unwrap().unwrap();
        let at = "2026-01-31T02:00:00Z".parse().unwrap();
        let due = DueRun { source: source.id, schedule: source.settings.schedule.unwrap(), at };
        engine.remember_due_runs(vec![due]).await.unwrap();
    }

    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_folder: data_folder.clone(),
        ..Config::default()
    };
    let server = Server::start(&config).await.unwrap();
    let mut client = ringroute::api::proto::v1::sync_service_client::SyncServiceClient::connect(format!(
        "http://{}",
        server.address()
    ))
    .await
    .unwrap();
    let started = async {
        loop {
            let runs = client
                .list_sync_runs(ringroute::api::proto::v1::ListSyncRunsRequest::default())
                .await
                .unwrap();
            if let Some(run) = runs.into_inner().runs.into_iter().find(|run| run.finished_at.is_some()) {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let run = tokio::time::timeout(PATIENCE, started).await.expect("no run was started");
    assert_eq!((run.started_by.as_str(), run.counts.unwrap().added), ("schedule", 1), "{run:?}");
    drop(client);
    server.drain().await;

    // What the server goes on with is remembered for the one after it.
    let engine = Engine::open(&data_folder).unwrap();
    let remembered = engine.scheduling().await.unwrap().remembered;
    assert!(remembered.len() == 1 && remembered[0].at > jiff::Timestamp::now(), "{remembered:?}");
}
