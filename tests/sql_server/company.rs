//! An engine whose source is a table on a SQL Server.

use std::sync::Arc;

use ringroute::engine::Engine;
use ringroute::generation::Generation;
use ringroute::matching::match_caller;
use ringroute::settings::{
    Connection, FieldMap, NumberSettings, PhonebookTarget, Settings, SourceSettings, SqlServerConnection,
};
use ringroute::store::RemovedSources;
use ringroute::sync::{RunId, RunKind, RunState, SyncRun};
use tds_test_server::Server;

use crate::database::{Database, PATIENCE, map};

pub struct Company {
    pub database: Database,
    pub engine: Arc<Engine>,
    pub folder: tempfile::TempDir,
}

/// The number of the first contact, and of the second.
pub const ADA: &str = "+4930901820";
pub const GRACE: &str = "+4930901821";

/// Only the statement that reads the contacts has this.
pub const READS_CONTACTS: &str = "order by id desc";

impl Company {
    /// With two contacts, synchronised, wherever tests run.
    pub async fn new() -> Self {
        Company::with(Database::new().await).await
    }

    /// On a server of our own.
    pub async fn ours() -> Self {
        Company::with(Database::ours().await).await
    }

    pub async fn on(server: Server) -> Self {
        Company::with(Database::on(server).await).await
    }

    async fn with(database: Database) -> Self {
        database
            .script(
                "CREATE TABLE SCHEMA_.contacts (id int NOT NULL PRIMARY KEY, name nvarchar(100), tel nvarchar(40),
                                                belongto nvarchar(20));
                 INSERT INTO SCHEMA_.contacts VALUES (1, N'Ada', N'+49 30 901820', N'Sales');
                 INSERT INTO SCHEMA_.contacts VALUES (2, N'Grace', N'030 901821', N'Support');",
            )
            .await;
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("data")).unwrap();
        let company = Company { database, engine, folder };
        company.apply(company.source());
        let run = company.sync().await;
        assert_eq!((run.state, run.counts.added), (RunState::Succeeded, 2), "{run:?}");
        company
    }

    /// The source as it was saved first.
    pub fn source(&self) -> SourceSettings {
        let fields = FieldMap { ..map("name", "tel") };
        let mut source =
            self.database.source(&format!("select ${{MAP}} from SCHEMA_.contacts {READS_CONTACTS}"), fields);
        source.phonebook = PhonebookTarget::ByProperty { column: "belongto".to_owned(), blank: None };
        source
    }

    /// The source with something else in its connection.
    pub fn source_with(&self, change: impl FnOnce(&mut SqlServerConnection)) -> SourceSettings {
        let mut source = self.source();
        if let Connection::SqlServer(connection) = &mut source.connection {
            change(connection);
        }
        source
    }

    pub fn apply(&self, source: SourceSettings) {
        let numbers =
            NumberSettings { default_region: Some("DE".parse().unwrap()), ..NumberSettings::default() };
        let settings = Settings { numbers, sources: vec![source], ..Settings::default() };
        self.engine
            .by("test")
            .edit(RemovedSources::Refuse, |_, known| {
                *known = settings;
                Ok(())
            })
            .unwrap();
    }

    pub async fn run(&self, kind: RunKind, allow_preview: Option<RunId>) -> SyncRun {
        let started = self.engine.start_sync("crm", kind, "test", allow_preview).await.unwrap();
        if let Some(active) = self.engine.active_run(started.run.id) {
            let mut progress = active.progress();
            let end = async { drop(progress.wait_for(|progress| progress.finished.is_some()).await) };
            tokio::time::timeout(PATIENCE, end).await.expect("the run goes on and on");
        }
        self.engine.run(started.run.id).await.unwrap()
    }

    pub async fn sync(&self) -> SyncRun {
        self.run(RunKind::Sync, None).await
    }

    pub fn generation(&self) -> Generation {
        self.engine.generation()
    }

    /// Name and phonebook of whoever has the number.
    pub fn who(&self, caller: &str) -> Option<(String, String)> {
        let loaded = self.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let found = *match_caller(snapshot, caller, "").contacts().first()?;
        let contacts = snapshot.contacts();
        let phonebook = contacts.phonebook(contacts.phonebooks_in(found.phonebooks())[0]);
        Some((contacts.contact(found.contact()).display_name.to_owned(), phonebook.name.to_string()))
    }
}

/// A contact's name and phonebook.
pub fn is(name: &str, phonebook: &str) -> Option<(String, String)> {
    Some((name.to_owned(), phonebook.to_owned()))
}
