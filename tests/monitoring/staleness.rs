//! When contacts are older than they should be, by the clock that is handed in.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ringroute::engine::{Engine, WarningKind};
use ringroute::store::RemovedSources;
use ringroute::sync::{RunKind, RunState};

use crate::company::{make_database, settings};

/// An engine whose source has this schedule and was synchronised a moment ago.
async fn synchronised(schedule: &str) -> (Arc<Engine>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("company.db");
    make_database(&database);
    let engine = Engine::open(&folder.path().join("data")).unwrap();
    let scheduled = settings(&database).replacen("name = \"crm\"", &format!("name = \"crm\"\n{schedule}"), 1);
    engine.by("test").apply(&scheduled, RemovedSources::Refuse, false).unwrap();
    let run = engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap().run;
    engine.wait_for_syncs().await;
    assert_eq!(engine.run(run.id).await.unwrap().state, RunState::Succeeded);
    (engine, folder)
}

fn is_stale(engine: &Engine, hours: i64) -> bool {
    let status = engine.status(Timestamp::now() + SignedDuration::from_hours(hours)).unwrap();
    let kinds: Vec<_> = status.warnings.iter().map(|warning| warning.kind).collect();
    let is_stale = status.sources[0].is_stale;
    assert_eq!(kinds.contains(&WarningKind::SourceStale), is_stale, "{status:?}");
    is_stale
}

#[tokio::test]
async fn a_daily_source_is_stale_once_two_of_its_days_are_over() {
    let schedule = r#"schedule = { daily = { at = "03:00", time_zone = "Europe/Berlin" } }"#;
    let (engine, _folder) = synchronised(schedule).await;
    // The second 03:00 from now on comes in more than 23 hours, with a change of the clock, and within 49.
    assert!(!is_stale(&engine, 0) && !is_stale(&engine, 22));
    assert!(is_stale(&engine, 50));
}

#[tokio::test]
async fn a_source_of_every_quarter_of_an_hour_is_stale_within_the_hour() {
    let (engine, _folder) = synchronised("schedule = { every = { minutes = 15 } }").await;
    assert!(!is_stale(&engine, 0));
    assert!(is_stale(&engine, 1));
}

#[tokio::test]
async fn a_source_that_is_synchronised_by_hand_is_never_stale() {
    let (engine, _folder) = synchronised("").await;
    assert!(!is_stale(&engine, 24 * 365));
}
