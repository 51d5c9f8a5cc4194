//! An engine with a source that can be made to fail, and a notifier on a clock that the test puts forward.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringroute::clock::Clock;
use ringroute::config::{Config, MailConfig};
use ringroute::engine::Engine;
use ringroute::notifier::{self, Ways};
use ringroute::store::RemovedSources;
use ringroute::sync::{Notification, NotificationState, RunKind, SyncRun};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::MovableClock;

/// Longest wait for something that would never come if it did not come soon.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens on.
pub fn nobodys_port() -> u16 {
    // Closed when this returns, unlike the port of a server whose task is told to end.
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Reads a `[mail]` table as `ringroute.toml` has it.
pub fn mail(table: &str) -> Option<MailConfig> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringroute.toml");
    std::fs::write(&path, format!("[mail]\nfrom = 'Ringroute <ringroute@example.com>'\n{table}")).unwrap();
    Config::load(Some(&path), []).unwrap().mail
}

pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub engine: Arc<Engine>,
    pub clock: Arc<MovableClock>,
    ways: watch::Sender<Ways>,
    stop: CancellationToken,
    notifying: JoinHandle<()>,
}

impl Fixture {
    /// A source whose `notify` is as given; its database is not there yet.
    pub fn start(ways: Ways, name: &str, notify: &str) -> Self {
        let fixture = Fixture::start_in(tempfile::tempdir().unwrap(), ways);
        fixture.apply(name, notify);
        fixture
    }

    fn start_in(folder: tempfile::TempDir, ways: Ways) -> Self {
        let engine = Engine::open(&folder.path().join("data")).unwrap();
        let clock = Arc::new(MovableClock::default());
        let stop = CancellationToken::new();
        let ways = watch::Sender::new(ways);
        let notifying = tokio::spawn(notifier::run(
            Arc::clone(&engine),
            ways.subscribe(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            stop.clone(),
        ));
        Fixture { folder, engine, clock, ways, stop, notifying }
    }

    pub fn apply(&self, name: &str, notify: &str) {
        let source = self.source_path();
        let document = format!(
            r#"
            [numbers]
            default_region = "DE"
            [[source]]
            name = {name:?}
            connection = {{ sqlite = {{ path = {source:?} }} }}
            sync_filter = "select ${{MAP}} from main.contacts"
            field_map = {{ key = "id", last_name = "name", business_number = "<b>tel" }}
            phonebook = {{ new = {{ name = "All" }} }}
            notify = {notify}
            "#
        );
        self.engine.apply(&document, RemovedSources::Refuse, false).unwrap();
    }

    fn source_path(&self) -> PathBuf {
        self.folder.path().join("crm.db")
    }

    /// Makes the source's database: one good contact, and rows that are none.
    pub fn make_source(&self, rows: &[(i64, &str, &str)]) {
        drop(std::fs::remove_file(self.source_path()));
        let source = rusqlite::Connection::open(self.source_path()).unwrap();
        source.execute_batch("CREATE TABLE contacts (id, name, \"<b>tel\")").unwrap();
        for row in rows {
            source.execute("INSERT INTO contacts VALUES (?, ?, ?)", *row).unwrap();
        }
    }

    /// Runs the source to its end.
    pub async fn sync(&self, source: &str) -> SyncRun {
        let started = self.engine.start_sync(source, RunKind::Sync, "test", None).await.unwrap();
        self.engine.wait_for_syncs().await;
        let run = self.engine.run(started.run.id).await.unwrap();
        assert!(run.finished_at.is_some(), "{run:?}");
        run
    }

    /// The run's notifications once this is true of them.
    pub async fn told(
        &self,
        run: &SyncRun,
        is_reached: impl Fn(&[Notification]) -> bool,
    ) -> Vec<Notification> {
        let mut last = Vec::new();
        let reached = async {
            loop {
                last = self.engine.run(run.id).await.unwrap().notifications;
                if is_reached(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let result = tokio::time::timeout(PATIENCE, reached).await;
        assert!(result.is_ok(), "{last:?}");
        last
    }

    /// Once none is pending.
    pub async fn done(&self, run: &SyncRun) -> Vec<Notification> {
        let is_done =
            |told: &[Notification]| told.iter().all(|told| told.state != NotificationState::Pending);
        self.told(run, is_done).await
    }

    /// Once each was tried so many times.
    pub async fn tried(&self, run: &SyncRun, times: u32) -> Vec<Notification> {
        self.told(run, |told| told.iter().all(|told| told.attempts == times)).await
    }

    /// Another configuration, as after a reload.
    pub fn take_over(&self, ways: Ways) {
        self.ways.send_replace(ways);
    }

    /// Ends the notifier as the end of a process does.
    pub async fn stop(self) -> (tempfile::TempDir, Ways) {
        self.stop.cancel();
        self.notifying.await.unwrap();
        let in_use = Arc::downgrade(&self.engine);
        drop(self.engine);
        let freed = async {
            while in_use.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, freed).await.expect("the engine is still in use");
        let ways = self.ways.borrow().clone();
        (self.folder, ways)
    }

    /// Another process on the same data folder.
    pub fn again(folder: tempfile::TempDir, ways: Ways) -> Self {
        Fixture::start_in(folder, ways)
    }

    pub async fn restart(self) -> Self {
        let (folder, ways) = self.stop().await;
        Fixture::start_in(folder, ways)
    }
}
