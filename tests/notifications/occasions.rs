//! Who is told of which runs, by real ones.

use ringroute::notifier::Ways;
use ringroute::settings::Occasion;
use ringroute::sync::{RunKind, RunState};

use crate::fixture::Fixture;

#[tokio::test]
async fn failure_refusal_and_recovery_are_told_unless_something_else_is_said() {
    let fixture = Fixture::start(Ways::default(), "crm", r#"{ email = "ops@example.com" }"#);
    // No database, no rows, a contact, the same contact.
    let failed = fixture.sync("crm").await;
    fixture.make_source(&[]);
    let refused = fixture.sync("crm").await;
    fixture.make_source(&[(1, "Berg", "030 1234567")]);
    let recovered = fixture.sync("crm").await;
    let as_usual = fixture.sync("crm").await;
    for (run, state, occasion) in [
        (failed, RunState::Failed, Some(Occasion::Failure)),
        (refused, RunState::Refused, Some(Occasion::Refusal)),
        (recovered, RunState::Succeeded, Some(Occasion::Recovery)),
        (as_usual, RunState::Succeeded, None),
    ] {
        assert_eq!(run.state, state, "{run:?}");
        let told: Vec<Occasion> = run.notifications.iter().map(|told| told.occasion).collect();
        assert_eq!(told, occasion.into_iter().collect::<Vec<_>>(), "{run:?}");
    }
}

#[tokio::test]
async fn a_rollback_is_no_recovery_and_the_next_good_run_is_one_once() {
    let fixture = Fixture::start(Ways::default(), "crm", r#"{ email = "ops@example.com" }"#);
    fixture.make_source(&[(1, "Berg", "030 1234567")]);
    let good = fixture.sync("crm").await;
    fixture.make_source(&[]);
    assert_eq!(fixture.sync("crm").await.state, RunState::Refused);
    let started = fixture.engine.start_rollback(good.id, "test").await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let rollback = fixture.engine.run(started.id).await.unwrap();
    assert_eq!((rollback.state, rollback.notifications), (RunState::Succeeded, Vec::new()));
    fixture.make_source(&[(1, "Berg", "030 1234567")]);
    for expected in [vec![Occasion::Recovery], Vec::new()] {
        let run = fixture.sync("crm").await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        let told: Vec<Occasion> = run.notifications.iter().map(|told| told.occasion).collect();
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_preview_is_told_to_nobody() {
    let fixture =
        Fixture::start(Ways::default(), "crm", r#"{ email = "ops@example.com", when = ["always"] }"#);
    let started = fixture.engine.start_sync("crm", RunKind::Preview, "test", None).await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let preview = fixture.engine.run(started.run.id).await.unwrap();
    assert_eq!((preview.state, preview.notifications), (RunState::Failed, Vec::new()));
}

#[tokio::test]
async fn a_run_that_a_stopped_process_left_behind_is_told_by_the_next() {
    use ringroute::sync::SyncRun;
    let fixture = Fixture::start(Ways::default(), "crm", r#"{ email = "ops@example.com" }"#);
    let (folder, ways) = fixture.stop().await;
    {
        let store = ringroute::store::Store::open(&folder.path().join("data")).unwrap();
        let begun = SyncRun::begin("crm", RunKind::Sync, "test", jiff::Timestamp::now());
        store.write(|change| change.begin_run(begun)).unwrap();
    }
    let fixture = Fixture::again(folder, ways);
    let run = fixture.engine.read(|reading| reading.last_sync_run("crm")).unwrap().unwrap();
    assert_eq!((run.state, run.notifications.len()), (RunState::Failed, 1), "{run:?}");
    let told = fixture.done(&run).await;
    assert!(told[0].last_error.starts_with("no mail server"), "{told:?}");
}
