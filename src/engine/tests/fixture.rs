//! What the engine's tests begin with: an engine, a source, and runs that are waited for.

use super::*;

/// An engine on a data folder of its own, and a source that tests change.
pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) engine: Arc<Engine>,
}

pub(super) const SETTINGS: &str = r#"
[numbers]
default_region = "DE"
[[source]]
name = "crm"
connection = { sqlite = { path = "SOURCE" } }
sync_filter = "select ${MAP} from main.contacts order by id"
field_map = { key = "id", last_name = "name", business_number = "phone" }
phonebook = { by_property = { column = "belongto" } }
[[inbound_route]]
name = "to sales"
phonebooks = ["Sales"]
destination = { type = "queue", target = "6400" }
[[inbound_route]]
name = "to support"
phonebooks = ["Support"]
destination = { type = "ring_group", target = "6300" }
"#;

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture { engine: Engine::open(&folder.path().join("data")).unwrap(), folder };
        fixture.source().execute_batch("CREATE TABLE contacts (id, name, phone, belongto)").unwrap();
        let document = SETTINGS.replace("SOURCE", fixture.source_path().to_str().unwrap());
        fixture.engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
        fixture
    }

    pub(super) fn source_path(&self) -> PathBuf {
        self.folder.path().join("crm.db")
    }

    pub(super) fn source(&self) -> Connection {
        Connection::open(self.source_path()).unwrap()
    }

    pub(super) fn put(&self, rows: &[(u32, &str, &str, &str)]) {
        let source = self.source();
        source.execute("DELETE FROM contacts", []).unwrap();
        for row in rows {
            source.execute("INSERT INTO contacts VALUES (?, ?, ?, ?)", *row).unwrap();
        }
    }

    pub(super) async fn run(&self, kind: RunKind, allow_preview: Option<RunId>) -> SyncRun {
        finish(&self.engine, kind, allow_preview).await
    }

    /// Synchronises a source that is not the usual one.
    pub(super) async fn sync_source(&self, name: &str) -> SyncRun {
        let started = self.engine.start_sync(name, RunKind::Sync, "test", None).await.unwrap();
        end_of(&self.engine, started.run.id).await
    }

    /// Other settings, applied as a document is.
    pub(super) fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.engine.settings().unwrap();
        change(&mut settings);
        self.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    }

    pub(super) async fn sync(&self) -> SyncRun {
        self.run(RunKind::Sync, None).await
    }

    /// Name and phonebook of whoever has the number.
    pub(super) fn who(&self, caller: &str) -> Option<(String, String)> {
        let loaded = self.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let found = *match_caller(snapshot, caller, "").contacts().first()?;
        let contacts = snapshot.contacts();
        let phonebook = contacts.phonebook(contacts.phonebooks_in(found.phonebooks())[0]);
        Some((contacts.contact(found.contact()).display_name.to_owned(), phonebook.name.to_string()))
    }
}

async fn finish(engine: &Arc<Engine>, kind: RunKind, allow_preview: Option<RunId>) -> SyncRun {
    let started = engine.start_sync("crm", kind, "test", allow_preview).await.unwrap();
    end_of(engine, started.run.id).await
}

/// The record of a run, once it has ended.
pub(super) async fn end_of(engine: &Arc<Engine>, run: RunId) -> SyncRun {
    if let Some(active) = engine.active_run(run) {
        let mut progress = active.progress();
        drop(progress.wait_for(|progress| progress.finished.is_some()).await);
    }
    engine.run(run).await.unwrap()
}
