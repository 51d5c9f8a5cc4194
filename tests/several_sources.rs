//! Several sources, of several kinds, into different phonebooks: read at the same time, committed one after another,
//! and none held up by one that hangs or fails.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ringroute::engine::Engine;
use ringroute::generation::Generation;
use ringroute::matching::match_caller;
use ringroute::store::RemovedSources;
use ringroute::sync::{Phase, RunId, RunKind, RunState, SyncRun};
use rusqlite::Connection;

fn sqlite_source(folder: &Path, name: &str, table: &str) -> String {
    let path = folder.join(format!("{name}.db"));
    format!(
        r#"
        [[source]]
        name = "{name}"
        connection = {{ sqlite = {{ path = {path:?} }} }}
        sync_filter = "select ${{MAP}} from main.{table}"
        field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
        phonebook = {{ new = {{ name = "Of {name}" }} }}
        "#
    )
}

/// Everybody in it is called like the source and the version; their numbers are all different.
fn write_sqlite(folder: &Path, name: &str, area: u32, version: u32) {
    let database = Connection::open(folder.join(format!("{name}.db"))).unwrap();
    database
        .execute_batch(&format!(
            "BEGIN;
             DROP TABLE IF EXISTS people;
             CREATE TABLE people (id, name, phone);
             CREATE VIEW IF NOT EXISTS endless AS
                WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 1000000000000)
                SELECT id, 'Somebody' AS name, 'no number' AS phone FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO people SELECT i, '{name} ' || i || ' v{version}', '+4930' || ({area} * 1000 + i) FROM n;
             COMMIT;"
        ))
        .unwrap();
}

async fn start(engine: &Arc<Engine>, source: &str) -> RunId {
    engine.start_sync(source, RunKind::Sync, "test", None).await.unwrap().run.id
}

async fn end_of(engine: &Arc<Engine>, id: RunId) -> SyncRun {
    if let Some(active) = engine.active_run(id) {
        drop(active.progress().wait_for(|progress| progress.finished.is_some()).await);
    }
    engine.run(id).await.unwrap()
}

fn who(engine: &Engine, caller: &str) -> Option<(String, String)> {
    let loaded = engine.snapshot();
    let snapshot = loaded.as_ref()?;
    let found = *match_caller(snapshot, caller, "").contacts().first()?;
    let contacts = snapshot.contacts();
    let phonebook = contacts.phonebook(contacts.phonebooks_in(found.phonebooks())[0]);
    Some((contacts.contact(found.contact()).display_name.to_owned(), phonebook.name.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_hangs_and_one_that_fails_hold_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("data")).unwrap();
    write_sqlite(folder.path(), "hangs", 1000, 1);
    write_sqlite(folder.path(), "works", 2000, 1);
    let csv = folder.path().join("board.csv");
    std::fs::write(&csv, "id,name,phone\n1,Board,+49303000001\n").unwrap();
    let document = [
        sqlite_source(folder.path(), "hangs", "endless"),
        // Its file is not there.
        sqlite_source(folder.path(), "fails", "people"),
        sqlite_source(folder.path(), "works", "people"),
        sqlite_source(folder.path(), "board", "people")
            .replace("sqlite = { path = ", "csv = { path = ")
            .replace("board.db", "board.csv")
            .replace("main.people", "csv.contacts"),
    ]
    .concat();
    engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();

    let hangs = start(&engine, "hangs").await;
    let mut progress = engine.active_run(hangs).unwrap().progress();
    drop(progress.wait_for(|progress| progress.counts.rows > 0).await);
    let fails = start(&engine, "fails").await;
    let works = start(&engine, "works").await;
    let board = start(&engine, "board").await;
    assert_eq!(end_of(&engine, works).await.state, RunState::Succeeded);
    assert_eq!(end_of(&engine, board).await.state, RunState::Succeeded);
    let failed = end_of(&engine, fails).await;
    assert_eq!(failed.state, RunState::Failed);
    assert!(failed.failure.contains("fails.db"), "{}", failed.failure);
    assert!(engine.active_run(hangs).is_some(), "it is still being read");
    assert_eq!(who(&engine, "+49302000001"), Some(("works 1 v1".into(), "Of works".into())));
    assert_eq!(who(&engine, "+49303000001"), Some(("Board".into(), "Of board".into())));

    assert!(engine.cancel_sync(hangs));
    assert_eq!(end_of(&engine, hangs).await.state, RunState::Cancelled);
    assert_eq!(engine.generation(), Generation(3), "the settings, and two runs that changed something");
    // What failed works as soon as it is put right.
    write_sqlite(folder.path(), "fails", 4000, 1);
    let repaired = start(&engine, "fails").await;
    assert_eq!(end_of(&engine, repaired).await.state, RunState::Succeeded);
    assert_eq!(who(&engine, "+49304000001"), Some(("fails 1 v1".into(), "Of fails".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_many_sources_at_once_are_committed_one_after_another() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    const VERSIONS: u32 = 4;
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("data")).unwrap();
    let document: String = NAMES.iter().map(|name| sqlite_source(folder.path(), name, "people")).collect();
    engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
    let mut generations = BTreeSet::new();
    for version in 1..=VERSIONS {
        let mut started = Vec::new();
        for (place, name) in NAMES.iter().enumerate() {
            write_sqlite(folder.path(), name, 1000 * (place as u32 + 1), version);
        }
        for name in NAMES {
            started.push(start(&engine, name).await);
        }
        for id in started {
            let run = end_of(&engine, id).await;
            assert_eq!(run.state, RunState::Succeeded, "{}", run.failure);
            assert!(generations.insert(run.generation.unwrap()), "each has a generation of its own");
        }
        for (place, name) in NAMES.iter().enumerate() {
            let caller = format!("+4930{}", 1_000_000 * (place + 1) + 300);
            let expected = (format!("{name} 300 v{version}"), format!("Of {name}"));
            assert_eq!(who(&engine, &caller), Some(expected));
        }
    }
    assert_eq!(generations.len(), NAMES.len() * VERSIONS as usize);
    assert_eq!(generations.last(), Some(&engine.generation()));

    // A rollback of one leaves the others alone, also while they are being read.
    let last = engine.read(|reading| reading.last_sync_run("c")).unwrap().unwrap();
    for (place, name) in NAMES.iter().enumerate().filter(|(_, name)| **name != "c") {
        write_sqlite(folder.path(), name, 1000 * (place as u32 + 1), VERSIONS + 1);
    }
    let mut started = Vec::new();
    for name in NAMES.iter().filter(|name| **name != "c") {
        started.push(start(&engine, name).await);
    }
    started.push(engine.start_rollback(last.id, "test").await.unwrap().id);
    for id in started {
        let run = end_of(&engine, id).await;
        assert_eq!(run.state, RunState::Succeeded, "{}", run.failure);
    }
    for (place, name) in NAMES.iter().enumerate() {
        let version = if *name == "c" { VERSIONS - 1 } else { VERSIONS + 1 };
        let caller = format!("+4930{}", 1_000_000 * (place + 1) + 7);
        assert_eq!(who(&engine, &caller), Some((format!("{name} 7 v{version}"), format!("Of {name}"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_in_words_while_as_many_sources_are_read_as_may_be_and_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("data")).unwrap();
    let names = ["a", "b", "c", "d"];
    let mut document = String::new();
    for name in names {
        write_sqlite(folder.path(), name, 1000, 1);
        document += &sqlite_source(folder.path(), name, "endless");
    }
    for (place, name) in ["waits", "gives up"].iter().enumerate() {
        write_sqlite(folder.path(), name, 2000 * (place as u32 + 1), 1);
        document += &sqlite_source(folder.path(), name, "people");
    }
    engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
    let mut endless = Vec::new();
    for name in names {
        let id = start(&engine, name).await;
        let mut progress = engine.active_run(id).unwrap().progress();
        drop(progress.wait_for(|progress| progress.counts.rows > 0).await);
        endless.push(id);
    }
    let waits = start(&engine, "waits").await;
    let gives_up = start(&engine, "gives up").await;
    for id in [waits, gives_up] {
        let mut progress = engine.active_run(id).unwrap().progress();
        progress.wait_for(|progress| progress.phase == Phase::Wait).await.unwrap();
    }
    assert!(engine.cancel_sync(gives_up));
    assert_eq!(end_of(&engine, gives_up).await.state, RunState::Cancelled);

    assert!(engine.cancel_sync(endless[0]));
    let run = end_of(&engine, waits).await;
    assert_eq!(run.state, RunState::Succeeded, "{}", run.failure);
    let phases: Vec<Phase> = run.phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Wait, Phase::Read, Phase::Write, Phase::Build, Phase::Verify, Phase::Commit]);
    engine.cancel_all_syncs();
    for id in endless {
        assert_eq!(end_of(&engine, id).await.state, RunState::Cancelled);
    }
}
