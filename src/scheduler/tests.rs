//! Runs that are started, and runs that are not, by a clock that the test turns.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::settings::Settings;
use crate::store::RemovedSources;
use crate::sync::{RunState, SyncRun};

/// Longest wait for something that would never come if it did not come soon.
const PATIENCE: Duration = Duration::from_secs(60);

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Stands still until it is set, and shows until when somebody sleeps.
#[derive(Debug)]
struct HandClock {
    now: watch::Sender<Timestamp>,
    asleep: watch::Sender<Option<Timestamp>>,
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.asleep.send_replace(Some(time));
            let mut now = self.now.subscribe();
            drop(now.wait_for(|now| *now >= time).await);
        })
    }
}

/// A source that is due at 3 o'clock in Berlin, which is 2 o'clock in UTC in winter.
const SETTINGS: &str = r#"
[[source]]
name = "crm"
connection = { sqlite = { path = "SOURCE" } }
sync_filter = "select ${MAP} from main.contacts"
field_map = { key = "id", last_name = "name", business_number = "phone" }
phonebook = { new = { name = "All" } }
schedule = { daily = { at = "03:00", time_zone = "Europe/Berlin" } }
"#;

struct Fixture {
    folder: tempfile::TempDir,
    engine: Arc<Engine>,
    clock: Arc<HandClock>,
    stop: CancellationToken,
    scheduling: JoinHandle<()>,
}

impl Fixture {
    async fn start(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = rusqlite::Connection::open(folder.path().join("crm.db")).unwrap();
        source
            .execute_batch(
                "CREATE TABLE contacts (id, name, phone); INSERT INTO contacts VALUES (1, 'Berg', '+49301234567');
                 CREATE VIEW endless AS WITH RECURSIVE number (id) AS
                    (SELECT 1 UNION ALL SELECT id + 1 FROM number LIMIT 1000000000000)
                 SELECT id, 'Somebody' AS name, 'no number' AS phone FROM number;",
            )
            .unwrap();
        let fixture = Fixture::start_in(folder, now);
        fixture.apply(SETTINGS);
        fixture
    }

    fn start_in(folder: tempfile::TempDir, now: &str) -> Self {
        let engine = Engine::open(&folder.path().join("data")).unwrap();
        let clock =
            Arc::new(HandClock { now: watch::Sender::new(moment(now)), asleep: watch::Sender::new(None) });
        let stop = CancellationToken::new();
        let scheduling =
            tokio::spawn(run(Arc::clone(&engine), Arc::clone(&clock) as Arc<dyn Clock>, stop.clone()));
        Fixture { folder, engine, clock, stop, scheduling }
    }

    fn source_path(&self) -> PathBuf {
        self.folder.path().join("crm.db")
    }

    fn apply(&self, settings: &str) {
        let document = settings.replace("SOURCE", self.source_path().to_str().unwrap());
        self.engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.engine.settings().unwrap();
        change(&mut settings);
        self.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    }

    fn turn_clock(&self, now: &str) {
        self.clock.now.send_replace(moment(now));
    }

    /// Returns when there is nothing to do until then.
    async fn asleep_until(&self, expected: &str) {
        let mut asleep = self.clock.asleep.subscribe();
        let expected = moment(expected);
        let reached = tokio::time::timeout(PATIENCE, asleep.wait_for(|until| *until == Some(expected))).await;
        assert!(reached.is_ok(), "asleep until {:?}, not {expected}", self.clock.asleep.borrow());
        drop(reached);
    }

    async fn runs(&self) -> Vec<SyncRun> {
        self.engine.wait_for_syncs().await;
        self.engine.read(|reading| reading.sync_runs(None, None, 100)).unwrap()
    }

    /// Ends the process, so to speak.
    async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        self.scheduling.await.unwrap();
        self.engine.cancel_all_syncs();
        self.engine.wait_for_syncs().await;
        let in_use = Arc::downgrade(&self.engine);
        drop(self.engine);
        let freed = async {
            while in_use.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, freed).await.unwrap();
        self.folder
    }
}

#[tokio::test]
async fn a_run_is_started_when_it_is_due_and_not_before() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.turn_clock("2026-01-11T01:59:59.999Z");
    assert!(fixture.runs().await.is_empty());

    fixture.turn_clock("2026-01-11T02:00:00Z");
    fixture.asleep_until("2026-01-12T02:00:00Z").await;
    let runs = fixture.runs().await;
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].started_by.as_str(), runs[0].state), ("schedule", RunState::Succeeded), "{runs:?}");

    fixture.turn_clock("2026-01-12T02:00:00Z");
    fixture.asleep_until("2026-01-13T02:00:00Z").await;
    assert_eq!(fixture.runs().await.len(), 2);
}

#[tokio::test]
async fn a_changed_schedule_counts_at_once() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.apply(&SETTINGS.replace("03:00", "15:00"));
    fixture.asleep_until("2026-01-10T14:00:00Z").await;
    // Without anything to wait for, until the end of time.
    fixture.change(|settings| settings.sources[0].schedule = None);
    fixture.asleep_until(&Timestamp::MAX.to_string()).await;
    fixture.turn_clock("2026-01-12T12:00:00Z");
    assert!(fixture.runs().await.is_empty());
}

#[tokio::test]
async fn a_source_that_is_off_is_not_started_and_owes_nothing_when_it_is_turned_on() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.change(|settings| settings.sources[0].enabled = false);
    fixture.asleep_until(&Timestamp::MAX.to_string()).await;
    fixture.turn_clock("2026-01-15T12:00:00Z");
    fixture.change(|settings| settings.sources[0].enabled = true);
    fixture.asleep_until("2026-01-16T02:00:00Z").await;
    assert!(fixture.runs().await.is_empty());
}

#[tokio::test]
async fn a_source_that_is_being_synchronised_is_not_started_again() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.apply(&SETTINGS.replace("main.contacts", "main.endless"));
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    let by_hand = fixture.engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap();
    fixture.turn_clock("2026-01-11T02:00:00Z");
    fixture.asleep_until("2026-01-12T02:00:00Z").await;
    assert!(fixture.engine.cancel_sync(by_hand.run.id));
    let runs = fixture.runs().await;
    assert_eq!(runs.len(), 1, "{runs:?}");
}

#[tokio::test]
async fn a_run_waits_for_the_end_of_a_preview() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.apply(&SETTINGS.replace("main.contacts", "main.endless"));
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    let preview = fixture.engine.start_sync("crm", RunKind::Preview, "test", None).await.unwrap();
    fixture.turn_clock("2026-01-11T02:00:00Z");
    fixture.asleep_until("2026-01-11T02:01:00Z").await;
    assert!(fixture.engine.cancel_sync(preview.run.id));
    assert_eq!(fixture.runs().await.len(), 1);
    fixture.turn_clock("2026-01-11T02:01:00Z");
    fixture.asleep_until("2026-01-12T02:00:00Z").await;
    fixture.engine.cancel_all_syncs();
    let runs = fixture.runs().await;
    assert_eq!((runs.len(), runs[0].started_by.as_str()), (2, "schedule"), "{runs:?}");
}

#[tokio::test]
async fn what_was_missed_while_no_server_was_running_is_made_up_for_once_if_wanted() {
    for (run_missed, made_up_for) in [(true, 1), (false, 0)] {
        let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
        fixture.change(|settings| settings.sources[0].schedule.as_mut().unwrap().run_missed = run_missed);
        fixture.asleep_until("2026-01-11T02:00:00Z").await;
        let folder = fixture.stop().await;
        // Down for four nights.
        let fixture = Fixture::start_in(folder, "2026-01-14T12:00:00Z");
        fixture.asleep_until("2026-01-15T02:00:00Z").await;
        assert_eq!(fixture.runs().await.len(), made_up_for, "run_missed = {run_missed}");
        // And not again by the next start.
        let fixture = Fixture::start_in(fixture.stop().await, "2026-01-14T13:00:00Z");
        fixture.asleep_until("2026-01-15T02:00:00Z").await;
        assert_eq!(fixture.runs().await.len(), made_up_for, "run_missed = {run_missed}");
    }
}

#[tokio::test]
async fn nothing_is_missed_that_was_not_due() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.change(|settings| settings.sources[0].schedule.as_mut().unwrap().run_missed = true);
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    let fixture = Fixture::start_in(fixture.stop().await, "2026-01-10T18:00:00Z");
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    assert!(fixture.runs().await.is_empty());
    // Another schedule, which nobody knew when the time of the former one had come.
    let folder = fixture.stop().await;
    let engine = Engine::open(&folder.path().join("data")).unwrap();
    let mut settings = engine.settings().unwrap();
    let changed = settings.to_toml().unwrap().replace("03:00", "04:00");
    settings = Settings::from_toml(&changed).unwrap();
    engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    drop(engine);
    let fixture = Fixture::start_in(folder, "2026-01-11T12:00:00Z");
    fixture.asleep_until("2026-01-12T03:00:00Z").await;
    assert!(fixture.runs().await.is_empty());
}

#[tokio::test]
async fn a_machine_that_was_suspended_makes_one_run_when_it_wakes() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.turn_clock("2026-01-14T12:00:00Z");
    fixture.asleep_until("2026-01-15T02:00:00Z").await;
    assert_eq!(fixture.runs().await.len(), 1);
}

#[tokio::test]
async fn a_clock_that_was_wrong_does_not_keep_a_source_waiting() {
    let fixture = Fixture::start("2036-01-10T12:00:00Z").await;
    fixture.asleep_until("2036-01-11T02:00:00Z").await;
    let fixture = Fixture::start_in(fixture.stop().await, "2026-01-10T12:00:00Z");
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
}

#[tokio::test]
async fn each_source_has_a_schedule_of_its_own() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    let other = SETTINGS
        .replace("\"crm\"", "\"erp\"")
        .replace("\"All\"", "\"Others\"")
        .replace(r#"daily = { at = "03:00", time_zone = "Europe/Berlin" }"#, "every = { hours = 6 }");
    fixture.apply(&format!("{SETTINGS}{other}"));
    fixture.asleep_until("2026-01-10T18:00:00Z").await;
    fixture.turn_clock("2026-01-11T00:00:00Z");
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.turn_clock("2026-01-11T02:00:00Z");
    fixture.asleep_until("2026-01-11T06:00:00Z").await;
    let sources: Vec<String> = fixture.runs().await.into_iter().map(|run| run.source).collect();
    assert_eq!(sources, ["crm", "erp"]);
}

#[tokio::test]
async fn nothing_is_started_after_the_stop() {
    let fixture = Fixture::start("2026-01-10T12:00:00Z").await;
    fixture.asleep_until("2026-01-11T02:00:00Z").await;
    fixture.stop.cancel();
    let Fixture { scheduling, clock, engine, folder: _folder, .. } = fixture;
    scheduling.await.unwrap();
    clock.now.send_replace(moment("2026-01-12T12:00:00Z"));
    assert!(engine.read(|reading| reading.sync_runs(None, None, 1)).unwrap().is_empty());
}
