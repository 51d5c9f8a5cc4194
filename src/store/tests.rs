use rusqlite::Connection;

use super::*;
use crate::phonebook::{PhonebookName, PhonebookOrigin};
use crate::settings::{LocalPhonebook, Occasion, Settings};
use crate::sync::preview::{ContactChange, ContactChangeKind, Preview, PreviewSummary};
use crate::sync::{Problem, ProblemKind, RunId, RunKind, RunState, SyncRun};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn name(text: &str) -> PhonebookName {
    PhonebookName::parse(text).unwrap()
}

fn settings_with_source() -> Settings {
    Settings::from_toml(
        r#"
        [[phonebook]]
        name = "VIP"
        [[source]]
        name = "crm"
        connection = { sqlite = { path = "crm.db" } }
        sync_filter = "select ${MAP} from main.contacts"
        field_map = { key = "id", last_name = "name", business_number = "phone" }
        phonebook = { new = { name = "Customers" } }
        "#,
    )
    .unwrap()
}

/// A store with one source, its phonebook and one contact in it.
fn store_with_contact(folder: &Path) -> Store {
    let store = Store::open(folder).unwrap();
    store
        .write(|change| {
            change.save_settings(&settings_with_source(), RemovedSources::Refuse)?;
            let source = change.source("crm")?.unwrap().id;
            let phonebook = change.create_phonebook(&name("Customers"), Some(source))?;
            change.connection.execute(
                "INSERT INTO contact (source_id, source_key, digest, details)
                 VALUES (?, '7', zeroblob(16), '{\"last_name\":\"Berg\",\"numbers\":[]}')",
                [source],
            )?;
            let contact = change.connection.last_insert_rowid();
            change
                .connection
                .execute("INSERT INTO phonebook_contact VALUES (?, ?)", (contact, phonebook.0))?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    store
}

#[test]
fn a_second_process_is_kept_out_and_told_whose_it_is() {
    let folder = folder();
    let first = Store::open(folder.path()).unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    let process = std::process::id();
    assert!(matches!(refused, StoreError::InUse { process: Some(found), .. } if found == process));
    assert!(refused.to_string().contains(&process.to_string()));
    drop(first);
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = folder();
    drop(Store::open(folder.path()).unwrap());
    let file = folder.path().join(STORE_FILE);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 4000).unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::NewerSchema { found: 4000, .. }), "{refused}");
    let version: u32 =
        Connection::open(&file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 4000);
}

#[test]
fn files_that_are_not_ours_are_refused() {
    let folder = folder();
    let file = folder.path().join(STORE_FILE);
    std::fs::write(&file, "a text, and certainly no database at all").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::NotAStore { .. })));

    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (id)").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::NotAStore { .. })));
}

#[test]
fn a_change_that_fails_is_as_if_it_had_never_begun() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let failed: Result<(), StoreError> = store.write(|change| {
        change.next_generation()?;
        change.create_phonebook(&name("Sales"), None)?;
        Err(StoreError::Refused("no".into()))
    });
    failed.unwrap_err();
    let (generation, phonebooks) =
        store.read(|reading| Ok::<_, StoreError>((reading.generation()?, reading.phonebooks()?))).unwrap();
    assert_eq!((generation, phonebooks), (Generation::NONE, Vec::new()));
}

#[test]
fn trying_out_changes_nothing() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let generation = store.try_out(|change| change.next_generation()).unwrap();
    assert_eq!(generation, Generation(1));
    assert_eq!(store.read(|reading| reading.generation()).unwrap(), Generation::NONE);
}

#[test]
fn readers_do_not_wait_for_the_writer() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    store
        .write(|change| {
            change.next_generation()?;
            // Another connection, while the transaction is open.
            let seen = store.read(|reading| reading.generation())?;
            assert_eq!(seen, Generation::NONE);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(store.read(|reading| reading.generation()).unwrap(), Generation(1));
}

#[test]
fn generations_go_on_after_a_restart() {
    let folder = folder();
    let next = || Store::open(folder.path()).unwrap().write(|change| change.next_generation()).unwrap();
    assert_eq!([next(), next(), next()], [Generation(1), Generation(2), Generation(3)]);
}

#[test]
fn settings_read_back_as_they_were_saved() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let mut settings = settings_with_source();
    let save = |settings: &Settings| {
        store.write(|change| change.save_settings(settings, RemovedSources::Refuse)).unwrap();
        store.read(|reading| reading.settings()).unwrap()
    };
    assert_eq!(save(&settings), settings);
    settings.phonebooks = vec![LocalPhonebook { name: name("Board") }];
    settings.sources[0].remove_missing = false;
    assert_eq!(save(&settings), settings);
    assert_eq!(save(&Settings::default()), Settings::default());
}

#[test]
fn a_run_that_was_interrupted_is_closed_at_the_next_start() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let begun = SyncRun::begin("crm", RunKind::Sync, "test", jiff::Timestamp::UNIX_EPOCH);
    let run = store.write(|change| change.begin_run(begun)).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let closed = store.read(|reading| reading.sync_run(run.id)).unwrap().unwrap();
    assert_eq!(closed.state, RunState::Failed);
    assert!(closed.failure.contains("nothing was changed") && closed.finished_at.is_some(), "{closed:?}");
}

#[test]
fn a_source_that_is_made_again_has_no_runs_yet() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let save = |settings: &Settings| {
        store.write(|change| change.save_settings(settings, RemovedSources::Refuse)).unwrap();
    };
    let run = || {
        let begun = SyncRun::begin("crm", RunKind::Sync, "test", jiff::Timestamp::UNIX_EPOCH);
        let begun = store.write(|change| change.begin_run(begun)).unwrap();
        let ended = SyncRun { state: RunState::Succeeded, ..begun };
        store.write(|change| change.update_run(&ended)).unwrap();
        ended.id
    };
    let last = || {
        let of = |reading: &Reading<'_>| {
            let runs = [reading.last_sync_run("crm")?, reading.last_ended_run("crm")?];
            Ok::<_, StoreError>((runs.map(|run| run.map(|run| run.id)), reading.rows_of_last_run("crm")?))
        };
        store.read(of).unwrap()
    };
    save(&settings_with_source());
    let first = run();
    save(&settings_with_source());
    assert_eq!(last(), ([Some(first); 2], Some(0)), "an edit makes no other source of it");
    save(&Settings { sources: Vec::new(), ..settings_with_source() });
    save(&settings_with_source());
    assert_eq!(last(), ([None; 2], None));
    let second = run();
    assert_eq!(last(), ([Some(second); 2], Some(0)));
    assert_eq!(store.read(|reading| reading.sync_runs(Some("crm"), None, 10)).unwrap().len(), 2);
}

#[test]
fn a_source_that_is_made_again_has_not_recovered_from_what_the_earlier_one_had() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let mut settings = settings_with_source();
    settings.sources[0].notify = toml::from_str("email = 'ops@example.com'").unwrap();
    let save = |settings: &Settings| {
        store.write(|change| change.save_settings(settings, RemovedSources::Refuse)).unwrap();
    };
    let told_of = |state: RunState| {
        let begun = SyncRun::begin("crm", RunKind::Sync, "test", jiff::Timestamp::UNIX_EPOCH);
        let begun = store.write(|change| change.begin_run(begun)).unwrap();
        let ended = SyncRun { state, ..begun };
        store.write(|change| change.finish_run(&ended, &[])).unwrap();
        let kept = store.read(|reading| reading.sync_run(ended.id)).unwrap().unwrap();
        kept.notifications.into_iter().map(|told| told.occasion).collect::<Vec<_>>()
    };
    save(&settings);
    assert_eq!(told_of(RunState::Failed), [Occasion::Failure]);
    save(&Settings { sources: Vec::new(), ..settings.clone() });
    save(&settings);
    assert_eq!(told_of(RunState::Succeeded), []);
    assert_eq!(told_of(RunState::Failed), [Occasion::Failure]);
    assert_eq!(told_of(RunState::Succeeded), [Occasion::Recovery]);
}

#[test]
fn a_source_with_contacts_is_not_lost_by_an_edit() {
    let folder = folder();
    let store = store_with_contact(folder.path());
    let without = Settings { sources: Vec::new(), ..settings_with_source() };
    let refused = store.write(|change| change.save_settings(&without, RemovedSources::Refuse)).unwrap_err();
    assert!(refused.to_string().contains("has 1 contact: "), "{refused}");
    assert_eq!(store.read(|reading| reading.contact_count()).unwrap(), 1);
}

#[test]
fn contacts_of_a_deleted_source_can_stay_as_local_ones() {
    let folder = folder();
    let store = store_with_contact(folder.path());
    let without = Settings { sources: Vec::new(), ..settings_with_source() };
    let touched = store.write(|change| change.save_settings(&without, RemovedSources::KeepContacts)).unwrap();
    assert!(touched);
    let contacts = store
        .read(|reading| reading.contacts(&ContactFilter { limit: 10, ..ContactFilter::default() }))
        .unwrap();
    assert_eq!((contacts.len(), &contacts[0].source), (1, &None));
    let phonebook = store.read(|reading| reading.phonebook(&name("customers"))).unwrap().unwrap();
    assert_eq!(phonebook.origin, PhonebookOrigin::Local);
    assert_eq!(store.read(|reading| reading.contact_count_in(phonebook.id)).unwrap(), 1);
}

#[test]
fn contacts_of_a_deleted_source_can_go_with_it_and_their_numbers_are_never_given_again() {
    let folder = folder();
    let store = store_with_contact(folder.path());
    let without = Settings { sources: Vec::new(), ..settings_with_source() };
    store.write(|change| change.save_settings(&without, RemovedSources::RemoveContacts)).unwrap();
    let phonebooks = store.read(|reading| reading.phonebooks()).unwrap();
    assert_eq!(phonebooks.iter().map(|phonebook| phonebook.name.as_str()).collect::<Vec<_>>(), ["VIP"]);
    let next = store
        .write(|change| {
            change.connection.execute(
                "INSERT INTO contact (source_key, digest, details) VALUES ('x', zeroblob(16), '{}')",
                [],
            )?;
            Ok::<_, StoreError>(change.connection.last_insert_rowid())
        })
        .unwrap();
    assert_eq!(next, 2);
}

/// A preview of "crm" that names a contact, and a run of it with a rejected row.
fn runs_with_contacts_in_them(store: &Store) -> (RunId, RunId) {
    let changed = ContactChange {
        kind: ContactChangeKind::Added,
        source_key: "8".into(),
        display_name: "Tal".into(),
        from: None,
        to: None,
        fields: Vec::new(),
    };
    let preview = Preview { summary: PreviewSummary::default(), changes: vec![changed] };
    let problem = Problem {
        kind: ProblemKind::RowRejected,
        position: 1,
        source_key: "9".into(),
        column: "phone".into(),
        value: "030 1234567 Stein".into(),
        reason: "no number".into(),
    };
    let begin = |kind| SyncRun::begin("crm", kind, "test", jiff::Timestamp::UNIX_EPOCH);
    store
        .write(|change| {
            let previewed = change.begin_run(begin(RunKind::Preview))?;
            change.record_preview(&previewed, &preview)?;
            let run = change.begin_run(begin(RunKind::Sync))?;
            change.finish_run(&SyncRun { state: RunState::Succeeded, ..run.clone() }, &[problem])?;
            Ok::<_, StoreError>((previewed.id, run.id))
        })
        .unwrap()
}

#[test]
fn what_runs_said_of_contacts_goes_with_the_contacts_and_the_runs_stay() {
    for (removed, is_kept) in [(RemovedSources::RemoveContacts, false), (RemovedSources::KeepContacts, true)]
    {
        let folder = folder();
        let store = store_with_contact(folder.path());
        let (preview, run) = runs_with_contacts_in_them(&store);
        let said = || {
            let of = |reading: &Reading<'_>| {
                Ok::<_, StoreError>((
                    reading.preview(preview)?.is_some(),
                    reading.preview_changes(preview, None, 0, 9)?.len(),
                    reading.sync_problems(run, 0, 9)?.len(),
                ))
            };
            store.read(of).unwrap()
        };
        assert_eq!(said(), (true, 1, 1));
        let without = Settings { sources: Vec::new(), ..settings_with_source() };
        store.write(|change| change.save_settings(&without, removed)).unwrap();
        assert_eq!(said(), if is_kept { (true, 1, 1) } else { (false, 0, 0) }, "{removed:?}");
        let runs = store.read(|reading| reading.sync_runs(Some("crm"), None, 9)).unwrap();
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [run, preview], "{removed:?}");
    }
}

#[test]
fn a_source_that_is_off_loses_what_its_runs_said_of_contacts_with_the_contacts() {
    let folder = folder();
    let store = store_with_contact(folder.path());
    let (preview, run) = runs_with_contacts_in_them(&store);
    store
        .write(|change| {
            let source = change.source("crm")?.unwrap().id;
            change.release_contacts(source, false)
        })
        .unwrap();
    assert_eq!(store.read(|reading| reading.preview(preview)).unwrap(), None);
    assert_eq!(store.read(|reading| reading.sync_problems(run, 0, 9)).unwrap(), []);
    assert!(store.read(|reading| reading.sync_run(preview)).unwrap().is_some());
}

#[test]
fn of_all_deleted_sources_together_so_many_runs_are_kept_as_of_one() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let named = |name: &str| {
        let mut settings = settings_with_source();
        settings.sources[0].name = name.into();
        settings
    };
    for name in ["crm", "erp"] {
        store
            .write(|change| {
                change.save_settings(&named(name), RemovedSources::Refuse)?;
                for _ in 0..runs::KEPT_RUNS / 2 + 1 {
                    let begun = SyncRun::begin(name, RunKind::Sync, "test", jiff::Timestamp::UNIX_EPOCH);
                    let run = change.begin_run(begun)?;
                    change.update_run(&SyncRun { state: RunState::Succeeded, ..run })?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
    let kept = |source| {
        let runs = store.read(|reading| reading.sync_runs(source, None, u32::MAX)).unwrap();
        runs.len() as u32
    };
    // "crm" was deleted as "erp" was saved.
    assert_eq!(kept(None), runs::KEPT_RUNS + 2);
    store
        .write(|change| {
            let without = Settings { sources: Vec::new(), ..settings_with_source() };
            change.save_settings(&without, RemovedSources::Refuse)
        })
        .unwrap();
    assert_eq!((kept(None), kept(Some("erp"))), (runs::KEPT_RUNS, runs::KEPT_RUNS / 2 + 1));
}

#[test]
fn local_phonebooks_are_deleted_only_when_empty_and_names_are_unique() {
    let folder = folder();
    let store = store_with_contact(folder.path());
    let delete = |which: &str| {
        store.write(|change| {
            let phonebook = change.phonebook(&name(which))?.unwrap();
            change.delete_phonebook(&phonebook)
        })
    };
    assert!(delete("Customers").unwrap_err().to_string().contains("source \"crm\""));
    delete("VIP").unwrap();
    let taken = store.write(|change| change.create_phonebook(&name("CUSTOMERS"), None)).unwrap_err();
    assert!(taken.to_string().contains("already"), "{taken}");
}
