//! What is served is kept in files: they are read when they are of the state that is stored, and stand in for a store
//! that is damaged. A file that is not as it was written is never believed.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::access::{NewToken, Role};
use crate::engine::last_good::LastGood;
use crate::sealed_file::WholeFile;

const BERG: &str = "+49301234567";

/// A data folder with a contact, a token and the files, which nobody has open.
struct AtRest {
    folder: tempfile::TempDir,
    token: String,
}

impl AtRest {
    async fn new() -> Self {
        let fixture = Fixture::new();
        fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Stein", "030 7654321", "Support")]);
        fixture.sync().await;
        let new =
            NewToken { name: "pbx".into(), role: Role::Lookup, expires_at: None, created_by: "test".into() };
        let (_, token) = fixture.engine.by("test").create_token(&new).unwrap();
        fixture.engine.write_last_good().unwrap();
        let Fixture { folder, engine } = fixture;
        while Arc::strong_count(&engine) > 1 {
            tokio::task::yield_now().await;
        }
        AtRest { folder, token }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn store(&self) -> PathBuf {
        self.data().join("ringroute.db")
    }

    fn files(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.data()).unwrap().map(|entry| entry.unwrap().path());
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name == "ringroute.last-good" || name.starts_with("ringroute.index-")
        };
        let files: Vec<_> = names.filter(is_ours).collect();
        assert_eq!(files.len(), 2, "{files:?}");
        files
    }

    /// Changes the contact behind the program's back, so that it can be told where an index comes from.
    fn rename_in_store(&self) {
        let store = Connection::open(self.store()).unwrap();
        let changed =
            store.execute("UPDATE contact SET details = replace(details, 'Berg', 'Thal')", []).unwrap();
        assert!(changed > 0);
    }
}

fn caller(engine: &Engine) -> String {
    let loaded = engine.snapshot();
    let snapshot = loaded.as_ref().unwrap();
    let found = match_caller(snapshot, BERG, "").contacts()[0];
    snapshot.contacts().contact(found.contact()).display_name.to_owned()
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_start_reads_the_index_that_was_kept() {
    let at_rest = AtRest::new().await;
    at_rest.rename_in_store();
    assert_eq!(caller(&Engine::open(&at_rest.data()).unwrap()), "Berg");
}

#[tokio::test]
async fn calls_are_answered_before_the_store_has_been_checked() {
    let at_rest = AtRest::new().await;
    // Whoever writes keeps the check from its end.
    let elsewhere = Connection::open(at_rest.store()).unwrap();
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let engine = Engine::open(&at_rest.data()).unwrap();
    assert_eq!(caller(&engine), "Berg");
    assert!(engine.tokens().check(&at_rest.token, Timestamp::now()).is_ok());
    assert!(!engine.awaits_first_administrator(), "who there is may be damaged");
    elsewhere.execute_batch("ROLLBACK").unwrap();
    // Waits.
    assert!(engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()).is_ok());
    assert!(engine.awaits_first_administrator());
    assert_eq!(engine.status(Timestamp::now()).unwrap().contacts, 2);
}

#[tokio::test]
async fn who_may_ask_is_read_from_the_store() {
    let at_rest = AtRest::new().await;
    // As when the process is killed before what it serves is written again.
    Connection::open(at_rest.store()).unwrap().execute("DELETE FROM access_token", []).unwrap();
    let engine = Engine::open(&at_rest.data()).unwrap();
    assert_eq!(caller(&engine), "Berg");
    assert!(engine.tokens().check(&at_rest.token, Timestamp::now()).is_err());
}

#[tokio::test]
async fn an_index_of_another_generation_or_another_store_is_not_read() {
    for change in [
        "UPDATE generation SET number = number + 1",
        "UPDATE generation SET number = number - 1",
        "UPDATE generation SET made_at = '2026-11-24T00:00:00Z'",
        "UPDATE generation SET made_at = NULL",
    ] {
        let at_rest = AtRest::new().await;
        at_rest.rename_in_store();
        Connection::open(at_rest.store()).unwrap().execute(change, []).unwrap();
        let engine = Engine::open(&at_rest.data()).unwrap();
        assert_eq!(caller(&engine), "Thal", "{change}");
        // And the files follow.
        engine.write_last_good().unwrap();
        drop(engine);
        at_rest.files();
        assert_eq!(caller(&Engine::open(&at_rest.data()).unwrap()), "Thal", "{change}");
    }
}

#[tokio::test]
async fn a_file_with_a_changed_byte_is_never_believed() {
    let at_rest = AtRest::new().await;
    at_rest.rename_in_store();
    for file in at_rest.files() {
        let whole = fs::read(&file).unwrap();
        for place in 0..whole.len() {
            flip(&file, place);
            assert!(LastGood::in_folder(&at_rest.data()).served().is_err(), "{} {place}", file.display());
            fs::write(&file, &whole).unwrap();
        }
        for length in [0, 11, 12, 43, 44, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(LastGood::in_folder(&at_rest.data()).served().is_err(), "{} {length}", file.display());
        }
        // A whole start, at one place in a hundred.
        for place in (0..whole.len()).step_by(100) {
            fs::write(&file, &whole).unwrap();
            flip(&file, place);
            assert_eq!(caller(&Engine::open(&at_rest.data()).unwrap()), "Thal", "{place}");
        }
        fs::write(&file, &whole).unwrap();
    }
}

#[tokio::test]
async fn an_edit_writes_the_rules_anew_and_not_the_contacts() {
    let at_rest = AtRest::new().await;
    let engine = Engine::open(&at_rest.data()).unwrap();
    let before = at_rest.files();
    let mut settings = engine.settings().unwrap();
    settings.inbound_routes.remove(1);
    engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    engine.write_last_good().unwrap();
    assert_eq!(at_rest.files(), before);
    let kept = LastGood::in_folder(&at_rest.data()).served().unwrap();
    assert_eq!(kept.snapshot.generation(), engine.generation());
    assert_eq!(kept.snapshot.routes().routes().len(), 1);
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_what_another_writes_is_not() {
    let at_rest = AtRest::new().await;
    for name in ["ringroute.index-0123456789abcdef", "ringroute.index-x1Y2z3"] {
        fs::write(at_rest.data().join(name), "half").unwrap();
    }
    let mut backup = WholeFile::begin(&at_rest.data().join("all.backup")).unwrap();
    Engine::open(&at_rest.data()).unwrap().write_last_good().unwrap();
    at_rest.files();
    backup.as_file().write_all(b"whole").unwrap();
    backup.put(false).unwrap();
    assert_eq!(fs::read(at_rest.data().join("all.backup")).unwrap(), b"whole");
}

#[tokio::test]
async fn no_password_is_kept() {
    let fixture = Fixture::new();
    let document = SETTINGS.replace(
        r#"{ sqlite = { path = "SOURCE" } }"#,
        r#"{ sql_server = { host = "127.0.0.1", database = "crm", user = "u", password = "Kr0kodil" } }"#,
    );
    fixture.engine.by("test").apply(&document, RemovedSources::KeepContacts, false).unwrap();
    fixture.engine.write_last_good().unwrap();
    let data = fixture.folder.path().join("data");
    let has = |bytes: Vec<u8>| bytes.windows(8).any(|part| part == b"Kr0kodil");
    for entry in fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("ringroute.db") || !has(fs::read(&entry).unwrap()), "{name}");
    }
}

/// Ways in which a file breaks.
type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 6] = [
    ("pages overwritten", |store| {
        let mut bytes = fs::read(store).unwrap();
        let end = bytes.len();
        bytes[4096..end.min(4096 * 12)].fill(0xA5);
        fs::write(store, bytes).unwrap();
    }),
    ("its beginning lost", |store| {
        let mut bytes = fs::read(store).unwrap();
        bytes[..4096].fill(0);
        fs::write(store, bytes).unwrap();
    }),
    // What a start reads of it is whole.
    ("the list of contacts by source overwritten", |store| {
        let database = Connection::open(store).unwrap();
        let sql =
            "SELECT rootpage - 1 FROM sqlite_schema WHERE tbl_name = 'contact' AND type = 'index' LIMIT 1";
        let page: usize = database.query_row(sql, [], |row| row.get(0)).unwrap();
        drop(database);
        let mut bytes = fs::read(store).unwrap();
        bytes[page * 4096..][..4096].fill(0xA5);
        fs::write(store, bytes).unwrap();
    }),
    ("cut", |store| {
        let bytes = fs::read(store).unwrap();
        fs::write(store, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("empty", |store| fs::write(store, "").unwrap()),
    ("gone", |store| fs::remove_file(store).unwrap()),
];

#[tokio::test]
async fn a_damaged_store_is_named_and_left_alone_while_calls_are_answered() {
    for (name, damage) in DAMAGES {
        let at_rest = AtRest::new().await;
        damage(&at_rest.store());
        let before = fs::read(at_rest.store()).ok();
        let engine = Engine::open(&at_rest.data()).unwrap();
        assert_eq!(caller(&engine), "Berg", "{name}");
        let loaded = engine.snapshot();
        let call = Call { caller: BERG, did: "", trunk: "", attestation: None, at: Timestamp::now() };
        let decision = routing::decide(loaded.as_ref().unwrap(), &call);
        assert_eq!(decision.route.unwrap().name, "to sales", "{name}");
        assert!(engine.tokens().check(&at_rest.token, Timestamp::now()).is_ok(), "{name}");

        let status = engine.status(Timestamp::now()).unwrap();
        assert_eq!(status.health, Health::Degraded, "{name}");
        assert_eq!(status.warnings[0].kind, WarningKind::StoreDamaged, "{name}");
        assert!(status.generation_made_at.is_some());
        let refused = engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()).unwrap_err();
        assert!(matches!(refused, EngineError::Store(StoreError::Damaged { .. })), "{name}: {refused}");
        assert!(refused.to_string().contains("ringroute.db is damaged"), "{refused}");
        assert!(engine.start_sync("crm", RunKind::Sync, "test", None).await.is_err(), "{name}");
        assert_eq!(engine.offer_first_sign_in(), None, "{name}: nobody becomes administrator by damage");
        engine.write_last_good().unwrap();
        drop(engine);
        assert_eq!(fs::read(at_rest.store()).ok(), before, "{name}");
        at_rest.files();
    }
}

/// A store that cannot be written can be read, and is newer than what was kept beside it.
#[tokio::test]
async fn a_store_that_cannot_be_made_ready_is_served_from_as_long_as_it_is_sound() {
    let at_rest = AtRest::new().await;
    at_rest.rename_in_store();
    // Of another generation than the store is, so not what is served at first.
    let other = Connection::open(at_rest.store()).unwrap();
    other.execute("UPDATE generation SET number = number + 1", []).unwrap();
    other.execute_batch("DELETE FROM access_token; BEGIN IMMEDIATE").unwrap();

    let engine = Engine::open(&at_rest.data()).unwrap();
    assert_eq!(caller(&engine), "Thal");
    assert!(engine.tokens().check(&at_rest.token, Timestamp::now()).is_err(), "it was revoked");
    let status = engine.status(Timestamp::now()).unwrap();
    assert_eq!((status.health, status.warnings[0].kind), (Health::Degraded, WarningKind::StoreNotReady));
    assert!(status.warnings[0].message.contains("locked"), "{}", status.warnings[0].message);
    let refused = engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()).unwrap_err();
    assert!(matches!(refused, EngineError::Store(StoreError::NotReady { .. })), "{refused}");
}

/// As on a full disk, where there is no room for the file that readers share.
#[tokio::test]
async fn a_sound_store_is_served_from_also_where_readers_can_share_nothing() {
    let at_rest = AtRest::new().await;
    fs::remove_file(at_rest.data().join("ringroute.last-good")).unwrap();
    fs::create_dir(at_rest.data().join("ringroute.db-shm")).unwrap();
    let engine = Engine::open(&at_rest.data()).unwrap();
    assert_eq!(caller(&engine), "Berg");
    let status = engine.status(Timestamp::now()).unwrap();
    assert_eq!((status.health, status.warnings[0].kind), (Health::Degraded, WarningKind::StoreNotReady));
}

/// Removed, or a disk that went away: whoever asks is told so, and calls are answered.
#[tokio::test]
async fn a_store_that_breaks_while_it_is_in_service_is_told_by_the_status() {
    let at_rest = AtRest::new().await;
    let engine = Engine::open(&at_rest.data()).unwrap();
    assert_eq!(engine.status(Timestamp::now()).unwrap().health, Health::Healthy);
    fs::remove_file(at_rest.store()).unwrap();
    let status = engine.status(Timestamp::now()).unwrap();
    assert_eq!((status.health, status.warnings[0].kind), (Health::Degraded, WarningKind::StoreNotReady));
    assert_eq!(caller(&engine), "Berg");
}

#[tokio::test]
async fn a_damaged_store_without_anything_to_stand_in_is_an_error_that_names_it() {
    for (name, damage) in &DAMAGES[..4] {
        let at_rest = AtRest::new().await;
        at_rest.files().iter().for_each(|file| fs::remove_file(file).unwrap());
        damage(&at_rest.store());
        let error = Engine::open(&at_rest.data()).unwrap_err().to_string();
        assert!(error.contains("ringroute.db is"), "{name}: {error}");
    }
}
