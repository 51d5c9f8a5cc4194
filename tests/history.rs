//! Rolling back, held against a model that keeps whole copies: whatever runs, kept contacts, other targets, other
//! sources and other rollbacks came in between, everything is exactly as it was before the run that was named, and
//! nothing else is touched.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use ringroute::contact::ContactId;
use ringroute::engine::{Engine, EngineError};
use ringroute::matching::match_caller;
use ringroute::phonebook::PhonebookName;
use ringroute::settings::{PhonebookTarget, SourceSettings};
use ringroute::store::{Reading, RemovedSources};
use ringroute::sync::{RunCounts, RunId, RunKind, RunState, SyncRun};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Runtime;

/// The sources, and the phonebooks that each may name. "Shared" is whoever's comes first.
const SOURCES: [(&str, [&str; 3]); 2] =
    [("crm", ["Sales", "Support", "Shared"]), ("erp", ["Suppliers", "Shared", "Partners"])];

/// Of a row: last name, number and phonebook, by their places in a few choices.
type Row = (u8, u8, u8);
type Rows = BTreeMap<u8, Row>;

fn name_of(row: &Row) -> String {
    format!("Name {}", row.0)
}

/// Both sources have the same numbers, so contacts share them.
fn number_of(row: &Row) -> String {
    format!("+49301234{:03}", row.1)
}

#[derive(Debug, Clone)]
enum Step {
    /// The source gets these rows and is synchronised.
    Sync(usize, Rows),
    /// From now on contacts that are not received are kept, or removed.
    KeepMissing(usize, bool),
    /// From now on the source fills the local phonebook "VIP", or a phonebook for each property.
    FillVip(usize, bool),
    /// The local phonebook "VIP" is made, or deleted.
    Vip(bool),
    /// Back to before some run of the source.
    Rollback(usize, Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let source = 0..SOURCES.len();
    let rows = prop::collection::btree_map(1..8_u8, (0..3_u8, 0..4_u8, 0..3_u8), 0..7);
    let step = prop_oneof![
        8 => (source.clone(), rows).prop_map(|(source, rows)| Step::Sync(source, rows)),
        1 => (source.clone(), any::<bool>()).prop_map(|(source, keep)| Step::KeepMissing(source, keep)),
        1 => (source.clone(), any::<bool>()).prop_map(|(source, vip)| Step::FillVip(source, vip)),
        1 => any::<bool>().prop_map(Step::Vip),
        6 => (source, any::<Index>()).prop_map(|(source, run)| Step::Rollback(source, run)),
    ];
    prop::collection::vec(step, 3..16)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ContactCopy {
    source: Option<String>,
    key: String,
    digest: Vec<u8>,
    missing_since: Option<String>,
    details: String,
    phonebooks: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PhonebookCopy {
    name: String,
    is_local: bool,
    source: Option<String>,
}

/// Everything that a rollback may have to restore, as it is in the store's file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Copy {
    contacts: BTreeMap<u64, ContactCopy>,
    phonebooks: BTreeMap<u32, PhonebookCopy>,
}

impl Copy {
    fn is_empty_phonebook(&self, id: u32) -> bool {
        !self.contacts.values().any(|contact| contact.phonebooks.contains(&id))
    }
}

struct World {
    folder: tempfile::TempDir,
    engine: Arc<Engine>,
    runtime: Runtime,
    rows: [Rows; 2],
    /// What was before each run of a source.
    before: [Vec<(RunId, Copy)>; 2],
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("data")).unwrap();
        let runtime = Runtime::new().unwrap();
        let world = World { folder, engine, runtime, rows: Default::default(), before: Default::default() };
        let mut document = String::from("[[phonebook]]\nname = \"VIP\"\n");
        for name in ["crm", "erp", "old"] {
            let path = world.database(name);
            Connection::open(&path)
                .unwrap()
                .execute_batch("CREATE TABLE contacts (id, name, phone, team)")
                .unwrap();
            document.push_str(&format!(
                r#"
                [[source]]
                name = "{name}"
                connection = {{ sqlite = {{ path = {path:?} }} }}
                sync_filter = "select ${{MAP}} from main.contacts order by id"
                field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
                phonebook = {{ by_property = {{ column = "team" }} }}
                guard = {{ max_removed_percent = 0, max_rejected_percent = 0 }}
                "#
            ));
        }
        world.engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
        // Local contacts, which nothing may touch.
        let old = Connection::open(world.database("old")).unwrap();
        old.execute("INSERT INTO contacts VALUES (1, 'Local', '+49301234000', 'Old')", []).unwrap();
        assert_eq!(world.run("old", RunKind::Sync).state, RunState::Succeeded);
        world.engine.by("test").delete_source("old", RemovedSources::KeepContacts, "").unwrap();
        world
    }

    fn database(&self, source: &str) -> PathBuf {
        self.folder.path().join(format!("{source}.db"))
    }

    fn copy(&self) -> Copy {
        let file = self.folder.path().join("data").join("ringroute.db");
        let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut copy = Copy::default();
        let sql =
            "SELECT contact.id, settings ->> 'name', source_key, digest, missing_since, details FROM contact
                   LEFT JOIN source ON source.id = source_id";
        let mut statement = store.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let contact = ContactCopy {
                source: row.get(1).unwrap(),
                key: row.get(2).unwrap(),
                digest: row.get(3).unwrap(),
                missing_since: row.get(4).unwrap(),
                details: row.get(5).unwrap(),
                phonebooks: Vec::new(),
            };
            copy.contacts.insert(row.get(0).unwrap(), contact);
        }
        let mut statement = store.prepare("SELECT * FROM phonebook_contact ORDER BY 1, 2").unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let contact: u64 = row.get(0).unwrap();
            copy.contacts.get_mut(&contact).unwrap().phonebooks.push(row.get(1).unwrap());
        }
        let sql = "SELECT phonebook.id, name, is_local, settings ->> 'name' FROM phonebook
                   LEFT JOIN source ON source.id = source_id";
        let mut statement = store.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let phonebook = PhonebookCopy {
                name: row.get(1).unwrap(),
                is_local: row.get(2).unwrap(),
                source: row.get(3).unwrap(),
            };
            copy.phonebooks.insert(row.get(0).unwrap(), phonebook);
        }
        copy
    }

    fn end_of(&self, id: RunId) -> SyncRun {
        self.runtime.block_on(async {
            if let Some(active) = self.engine.active_run(id) {
                drop(active.progress().wait_for(|progress| progress.finished.is_some()).await);
            }
            self.engine.run(id).await.unwrap()
        })
    }

    fn run(&self, source: &str, kind: RunKind) -> SyncRun {
        let started = self.runtime.block_on(self.engine.start_sync(source, kind, "test", None)).unwrap();
        self.end_of(started.run.id)
    }

    fn roll_back(&self, run: RunId) -> Result<SyncRun, EngineError> {
        let started = self.runtime.block_on(self.engine.start_rollback(run, "test"))?;
        let ended = self.end_of(started.id);
        assert_ne!(ended.state, RunState::Failed, "{}", ended.failure);
        Ok(ended)
    }

    fn settings_of(&self, source: usize) -> SourceSettings {
        let name = SOURCES[source].0;
        let settings = self.engine.settings().unwrap();
        settings.sources.into_iter().find(|source| source.name == name).unwrap()
    }

    /// What the source's settings say of its target: the phonebook of each row.
    fn phonebook_of(&self, source: usize, row: &Row) -> String {
        match self.settings_of(source).phonebook {
            PhonebookTarget::Existing { name } => name.to_string(),
            _ => SOURCES[source].1[usize::from(row.2)].to_owned(),
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.copy();
        match step {
            Step::Sync(source, rows) => self.sync(*source, rows, &now),
            Step::Rollback(source, index) => self.rollback(*source, index, &now),
            Step::KeepMissing(source, keep) => {
                let settings = SourceSettings { remove_missing: !keep, ..self.settings_of(*source) };
                self.engine.by("test").update_source(SOURCES[*source].0, settings, "").unwrap();
                assert_eq!(self.copy(), now, "settings are not contacts");
            }
            Step::FillVip(source, vip) => {
                let phonebook = match vip {
                    true => PhonebookTarget::Existing { name: PhonebookName::parse("VIP").unwrap() },
                    false => PhonebookTarget::ByProperty { column: "team".into(), blank: None },
                };
                let settings = SourceSettings { phonebook, ..self.settings_of(*source) };
                // Refused when the other source fills it, or it is not there.
                drop(self.engine.by("test").update_source(SOURCES[*source].0, settings, ""));
                assert_eq!(self.copy(), now, "settings are not contacts");
            }
            Step::Vip(true) => {
                drop(self.engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()))
            }
            // Refused when a source fills it, or is to.
            Step::Vip(false) => {
                drop(self.engine.by("test").delete_phonebook(&PhonebookName::parse("VIP").unwrap()))
            }
        }
        self.check_answers();
    }

    fn sync(&mut self, source: usize, rows: &Rows, now: &Copy) {
        let (name, teams) = SOURCES[source];
        let database = Connection::open(self.database(name)).unwrap();
        database.execute("DELETE FROM contacts", []).unwrap();
        for (key, row) in rows {
            let values = (key, name_of(row), number_of(row), teams[usize::from(row.2)]);
            database.execute("INSERT INTO contacts VALUES (?, ?, ?, ?)", values).unwrap();
        }
        self.rows[source].clone_from(rows);
        let run = self.run(name, RunKind::Sync);
        self.before[source].push((run.id, now.clone()));
        if run.state != RunState::Succeeded {
            assert_eq!(run.state, RunState::Refused, "{run:?}");
            assert_eq!(self.copy(), *now, "a refused run changes nothing");
            return;
        }
        let after = self.copy();
        let received: BTreeMap<String, (String, String)> = rows
            .iter()
            .map(|(key, row)| {
                (key.to_string(), (name_of(row), self.phonebook_of(source, row).to_lowercase()))
            })
            .collect();
        let mut stored = BTreeMap::new();
        for contact in after.contacts.values().filter(|contact| contact.source.as_deref() == Some(name)) {
            if contact.missing_since.is_none() {
                let details: serde_json::Value = serde_json::from_str(&contact.details).unwrap();
                let phonebook = after.phonebooks[&contact.phonebooks[0]].name.to_lowercase();
                stored.insert(
                    contact.key.clone(),
                    (details["last_name"].as_str().unwrap().to_owned(), phonebook),
                );
            } else {
                assert!(!received.contains_key(&contact.key), "marked though it was received");
            }
        }
        assert_eq!(stored, received);
    }

    fn rollback(&mut self, source: usize, index: &Index, now: &Copy) {
        let name = SOURCES[source].0;
        if self.before[source].is_empty() {
            return;
        }
        let (id, before) = index.get(&self.before[source]).clone();
        let expected = rolled_back(now, &before, name);
        let planned = self.engine.plan_rollback(id);
        assert_eq!(self.copy(), *now, "planning changes nothing");
        let run = self.roll_back(id).unwrap();
        self.before[source].push((run.id, now.clone()));
        let Some(expected) = expected else {
            assert!(planned.is_err(), "{planned:?}");
            assert_eq!(run.state, RunState::Refused, "{run:?}");
            assert!(run.failure.contains("phonebook"), "{}", run.failure);
            assert_eq!(self.copy(), *now, "a refused rollback changes nothing");
            return;
        };
        assert_eq!((run.state, run.kind, run.to_before), (RunState::Succeeded, RunKind::Rollback, Some(id)));
        assert_eq!(self.copy(), expected);
        let planned = planned.unwrap();
        assert_eq!((planned.source.as_str(), planned.rollback.counts), (name, run.counts));
        self.check_changes(&run, now, &expected);
        self.check_next_run(source, &expected);
    }

    /// The list of what the run changed is the difference between the two copies.
    fn check_changes(&self, run: &SyncRun, before: &Copy, after: &Copy) {
        let changes = self.engine.read(|reading| reading.sync_changes(run, ContactId(0), 1000)).unwrap();
        let listed: BTreeSet<u64> =
            changes.iter().filter(|change| change.before != change.after).map(|change| change.id.0).collect();
        let ids: BTreeSet<u64> = before.contacts.keys().chain(after.contacts.keys()).copied().collect();
        let different: BTreeSet<u64> =
            ids.into_iter().filter(|id| before.contacts.get(id) != after.contacts.get(id)).collect();
        assert_eq!(listed, different);
        for change in changes {
            for (state, copy) in [(&change.before, before), (&change.after, after)] {
                let copied = copy.contacts.get(&change.id.0);
                assert_eq!(state.is_some(), copied.is_some(), "contact {}", change.id);
                let (Some(state), Some(copied)) = (state, copied) else { continue };
                assert_eq!(serde_json::to_string(&state.details).unwrap(), copied.details);
                assert_eq!(state.missing_since, copied.missing_since);
                assert_eq!(state.source_key, copied.key);
                let phonebook = copied.phonebooks.first().map(|id| copy.phonebooks[id].name.clone());
                assert_eq!(state.phonebook, phonebook);
            }
        }
    }

    /// A run after the rollback finds exactly the difference between what was restored and the source.
    fn check_next_run(&self, source: usize, restored: &Copy) {
        let name = SOURCES[source].0;
        let preview = self.run(name, RunKind::Preview);
        if preview.state != RunState::Succeeded {
            assert_eq!(preview.state, RunState::Refused, "{preview:?}");
            return;
        }
        let rows = &self.rows[source];
        let mut expected = RunCounts { rows: rows.len() as u64, ..RunCounts::default() };
        let known: BTreeMap<&str, &ContactCopy> = restored
            .contacts
            .values()
            .filter(|contact| contact.source.as_deref() == Some(name))
            .map(|contact| (contact.key.as_str(), contact))
            .collect();
        for (key, row) in rows {
            let Some(contact) = known.get(key.to_string().as_str()) else {
                expected.added += 1;
                continue;
            };
            let details: serde_json::Value = serde_json::from_str(&contact.details).unwrap();
            let is_same =
                details["last_name"] == name_of(row) && details["numbers"][0]["raw"] == number_of(row);
            let phonebook = &restored.phonebooks[&contact.phonebooks[0]].name;
            match (is_same, phonebook.eq_ignore_ascii_case(&self.phonebook_of(source, row))) {
                (true, true) => expected.unchanged += 1,
                (true, false) => expected.moved += 1,
                (false, _) => expected.changed += 1,
            }
        }
        let gone = known.keys().filter(|key| !rows.contains_key(&key.parse().unwrap())).count() as u64;
        match self.settings_of(source).remove_missing {
            true => expected.removed = gone,
            false => expected.kept_missing = gone,
        }
        assert_eq!(preview.counts, expected);
    }

    /// Calls are answered from what is stored: every contact is found by its number, and nobody else.
    fn check_answers(&self) {
        let copy = self.copy();
        let loaded = self.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        assert_eq!(snapshot.contacts().contact_count(), copy.contacts.len());
        let mut by_number: BTreeMap<String, BTreeSet<(u64, String)>> = BTreeMap::new();
        for (id, contact) in &copy.contacts {
            let details: serde_json::Value = serde_json::from_str(&contact.details).unwrap();
            let number = details["numbers"][0]["raw"].as_str().unwrap().to_owned();
            let phonebook = copy.phonebooks[&contact.phonebooks[0]].name.clone();
            by_number.entry(number).or_default().insert((*id, phonebook));
        }
        for (number, expected) in by_number {
            let matched = match_caller(snapshot, &number, "");
            let contacts = snapshot.contacts();
            let found: BTreeSet<(u64, String)> = matched
                .contacts()
                .iter()
                .map(|found| {
                    let phonebook = contacts.phonebooks_in(found.phonebooks())[0];
                    (contacts.contact(found.contact()).id.0, contacts.phonebook(phonebook).name.to_string())
                })
                .collect();
            assert_eq!(found, expected, "{number}");
        }
    }
}

/// What must be there after a rollback of `source` to `before`; `None`: it must be refused.
fn rolled_back(now: &Copy, before: &Copy, source: &str) -> Option<Copy> {
    let is_ours = |owner: &Option<String>| owner.as_deref() == Some(source);
    let mut expected = now.clone();
    expected.contacts.retain(|_, contact| !is_ours(&contact.source));
    let restored = before.contacts.iter().filter(|(_, contact)| is_ours(&contact.source));
    expected.contacts.extend(restored.map(|(id, contact)| (*id, contact.clone())));
    for (id, phonebook) in now.phonebooks.iter().filter(|(_, phonebook)| is_ours(&phonebook.source)) {
        let was_ours = before.phonebooks.get(id).is_some_and(|phonebook| is_ours(&phonebook.source));
        match (was_ours, phonebook.is_local) {
            (true, _) => {}
            (false, true) => expected.phonebooks.get_mut(id).unwrap().source = None,
            (false, false) => drop(expected.phonebooks.remove(id)),
        }
    }
    for (id, phonebook) in before.phonebooks.iter().filter(|(_, phonebook)| is_ours(&phonebook.source)) {
        match now.phonebooks.get(id) {
            Some(now) if is_ours(&now.source) => {}
            Some(other) if other.source.is_none() && now.is_empty_phonebook(*id) => {
                expected.phonebooks.get_mut(id).unwrap().source = Some(source.to_owned());
            }
            None if !phonebook.is_local => {
                let is_same = |other: &PhonebookCopy| other.name.eq_ignore_ascii_case(&phonebook.name);
                if expected.phonebooks.values().any(is_same) {
                    return None;
                }
                expected.phonebooks.insert(*id, phonebook.clone());
            }
            _ => return None,
        }
    }
    Some(expected)
}

/// Each case is some dozen runs on the disk; `PROPTEST_CASES` asks for more of them.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rollback_restores_exactly_what_was_and_touches_nothing_else(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}

fn rows(rows: &[(u8, Row)]) -> Rows {
    rows.iter().copied().collect()
}

/// Phonebooks that went and came again under another number have the same name.
#[test]
fn a_rollback_can_be_rolled_back_after_the_source_made_its_phonebooks_anew() {
    let mut world = World::new();
    let all = rows(&[(1, (0, 0, 0)), (2, (1, 1, 1))]);
    world.step(&Step::Sync(0, all.clone()));
    let first = world.copy();
    let (first_run, _) = world.before[0][0].clone();
    let rollback = world.roll_back(first_run).unwrap();
    assert_eq!((rollback.state, rollback.counts.removed), (RunState::Succeeded, 2));
    world.step(&Step::Sync(0, all));
    assert_ne!(world.copy(), first, "contacts and phonebooks have other numbers now");
    let back = world.roll_back(rollback.id).unwrap();
    assert_eq!((back.state, back.counts.added, back.counts.removed), (RunState::Succeeded, 2, 2), "{back:?}");
    assert_eq!(world.copy(), first);
}

#[test]
fn a_phonebook_name_that_another_source_has_by_now_is_not_taken_from_it() {
    let mut world = World::new();
    world.step(&Step::Sync(0, rows(&[(1, (0, 0, 2))])));
    let (first_run, _) = world.before[0][0].clone();
    let rollback = world.roll_back(first_run).unwrap();
    // "Shared" is free, and erp takes it.
    world.step(&Step::Sync(1, rows(&[(1, (0, 0, 1))])));
    let now = world.copy();
    let refused = world.roll_back(rollback.id).unwrap();
    assert_eq!(refused.state, RunState::Refused);
    assert!(refused.failure.contains("\"Shared\"") && refused.failure.contains("erp"), "{}", refused.failure);
    assert_eq!(world.copy(), now);
}

fn keep(world: &World, runs: u32, megabytes: u32) {
    let mut settings = world.engine.settings().unwrap();
    settings.history.runs = runs;
    settings.history.megabytes = megabytes;
    world.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
}

fn journal_rows(world: &World) -> u64 {
    let file = world.folder.path().join("data").join("ringroute.db");
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT (SELECT count(*) FROM journal) + (SELECT count(*) FROM journal_added)
               + (SELECT count(*) FROM journal_contact) + (SELECT count(*) FROM journal_phonebook)";
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn so_many_runs_are_kept_as_the_settings_say_and_runs_that_change_nothing_do_not_count() {
    let mut world = World::new();
    keep(&world, 2, 1024);
    for version in 0..4 {
        world.step(&Step::Sync(0, rows(&[(1, (version % 3, 0, 0))])));
        // Changes nothing.
        world.step(&Step::Sync(0, rows(&[(1, (version % 3, 0, 0))])));
    }
    let runs: Vec<(RunId, Copy)> = world.before[0].clone();
    // The changes of the third and the fourth version are kept, each of one contact.
    let (oldest, before) = &runs[4];
    for (lost, _) in &runs[..3] {
        let error = world.engine.plan_rollback(*lost).unwrap_err().to_string();
        assert!(error.contains("no longer kept") && error.contains("history.runs"), "{error}");
    }
    assert_eq!(journal_rows(&world), 2 * 2);
    // Nothing was changed between the second version and that run, so it leads to the same.
    assert_eq!(world.roll_back(runs[3].0).unwrap().state, RunState::Succeeded);
    assert_eq!(world.copy(), *before);
    // The rollback is a run, so the oldest one had to go.
    assert!(world.engine.plan_rollback(*oldest).is_err());
    keep(&world, 0, 1024);
    world.step(&Step::Sync(0, rows(&[(2, (0, 0, 0))])));
    assert_eq!(journal_rows(&world), 0, "nothing is kept");
    let last = world.before[0].last().unwrap().0;
    assert!(world.engine.plan_rollback(last).is_err());
}

#[test]
fn what_is_too_large_is_not_kept_and_the_run_says_so() {
    let mut world = World::new();
    keep(&world, 20, 0);
    world.step(&Step::Sync(0, rows(&[(1, (0, 0, 0))])));
    let run = world.end_of(world.before[0][0].0);
    assert_eq!(run.state, RunState::Succeeded);
    assert!(run.warnings.iter().any(|warning| warning.contains("history.megabytes")), "{:?}", run.warnings);
    assert_eq!(journal_rows(&world), 0);
    let error = world.engine.plan_rollback(run.id).unwrap_err().to_string();
    assert!(error.contains("no longer kept"), "{error}");
}

#[test]
fn a_first_run_is_one_line_in_the_journal_however_many_contacts_it_adds() {
    let world = World::new();
    let database = Connection::open(world.database("crm")).unwrap();
    database
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO contacts SELECT i, 'Name ' || i, '+4930' || (1000000 + i), 'Sales' FROM n",
        )
        .unwrap();
    let before = world.copy();
    let run = world.run("crm", RunKind::Sync);
    assert_eq!(run.counts.added, 5000);
    // The run, its contacts, its phonebook.
    assert_eq!(journal_rows(&world), 3);
    let back = world.roll_back(run.id).unwrap();
    assert_eq!((back.state, back.counts.removed), (RunState::Succeeded, 5000));
    assert_eq!(world.copy(), before);
    let again = world.roll_back(back.id).unwrap();
    assert_eq!((again.state, again.counts.added, again.counts.removed), (RunState::Succeeded, 5000, 0));
}

#[test]
fn what_belonged_to_a_deleted_source_cannot_be_rolled_back_by_a_new_one_of_its_name() {
    let mut world = World::new();
    world.step(&Step::Sync(0, rows(&[(1, (0, 0, 0))])));
    let (run, _) = world.before[0][0].clone();
    let settings = world.settings_of(0);
    world.engine.by("test").delete_source("crm", RemovedSources::RemoveContacts, "").unwrap();
    assert_eq!(journal_rows(&world), 0);
    let error = world.engine.plan_rollback(run).unwrap_err().to_string();
    assert!(error.contains("was deleted"), "{error}");
    world.engine.by("test").create_source(settings).unwrap();
    let error = world.engine.plan_rollback(run).unwrap_err().to_string();
    assert!(error.contains("was deleted"), "{error}");
    let record = world.end_of(run);
    let changes = |reading: &Reading<'_>| reading.sync_changes(&record, ContactId(0), 10);
    let error = world.engine.read(changes).unwrap_err().to_string();
    assert!(error.contains("was deleted"), "{error}");
}

#[test]
fn what_a_source_was_parted_from_cannot_be_rolled_back_and_the_reason_is_said() {
    for keep in [true, false] {
        let mut world = World::new();
        world.step(&Step::Sync(0, rows(&[(1, (0, 0, 0))])));
        let (run, _) = world.before[0][0].clone();
        let off = SourceSettings { enabled: false, ..world.settings_of(0) };
        world.engine.by("test").update_source_and("crm", off, "", Some(keep)).unwrap();
        let error = world.engine.plan_rollback(run).unwrap_err().to_string();
        assert!(error.contains("was parted from its contacts") && !error.contains("history.runs"), "{error}");
    }
}

#[test]
fn a_source_that_takes_the_name_of_a_deleted_one_does_not_take_its_runs() {
    for new_name in ["crm", "CRM"] {
        let mut world = World::new();
        world.step(&Step::Sync(1, rows(&[(1, (0, 0, 0))])));
        world.step(&Step::Sync(0, rows(&[(1, (1, 1, 0))])));
        let ((of_deleted, _), (own, _)) = (world.before[0][0].clone(), world.before[1][0].clone());
        let settings = SourceSettings { name: new_name.into(), ..world.settings_of(1) };
        world.engine.by("test").delete_source("crm", RemovedSources::RemoveContacts, "").unwrap();
        world.engine.by("test").update_source("erp", settings, "").unwrap();

        let error = world.engine.plan_rollback(of_deleted).unwrap_err().to_string();
        assert!(error.contains("was deleted"), "{error}");
        let last = world.engine.read(|reading| reading.last_sync_run(new_name)).unwrap();
        assert_eq!(last.map(|run| (run.id, run.source)), Some((own, new_name.to_owned())));
        let kept = world.engine.read(|reading| reading.sync_run(of_deleted)).unwrap();
        assert_eq!(kept.map(|run| run.source).as_deref(), Some("crm"));
        let planned = world.engine.plan_rollback(own).unwrap();
        assert_eq!((planned.source.as_str(), planned.rollback.undone), (new_name, vec![own]));
    }
}
