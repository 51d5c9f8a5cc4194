mod contacts;
mod fixture;
mod last_good;
mod left_out;
mod limits;
mod missing;
mod preview;
mod quality;
mod searching;
mod targets;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::*;
use crate::matching::match_caller;
use crate::phonebook::PhonebookName;
use crate::routing::{self, Call};
use crate::settings::{InboundRoute, PhonebookTarget, Settings, SourceSettings};
use crate::snapshot::LastSynced;
use crate::store::RemovedSources;
use crate::sync::{RunKind, RunState, SyncRun};
use fixture::{Fixture, SETTINGS, end_of};

fn is_sales(name: &str) -> Option<(String, String)> {
    Some((name.to_owned(), "Sales".to_owned()))
}

#[tokio::test]
async fn contacts_are_matched_after_a_run_and_after_a_restart_without_the_source() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "+44 20 7946 0123", "Support")]);
    let run = fixture.sync().await;
    assert_eq!(
        (run.state, run.counts.added, run.generation),
        (RunState::Succeeded, 2, Some(Generation(2))),
        "{run:?}"
    );
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));

    let Fixture { folder, engine } = fixture;
    drop(engine);
    std::fs::remove_file(folder.path().join("crm.db")).unwrap();
    let again = Fixture { engine: Engine::open(&folder.path().join("data")).unwrap(), folder };
    assert_eq!(again.engine.generation(), Generation(2));
    assert_eq!(again.who("0049 30 1234567"), is_sales("Berg"));
    // And the source's absence is a failed run that changes nothing.
    let failed = again.sync().await;
    assert_eq!(failed.state, RunState::Failed);
    assert!(failed.failure.contains("crm.db"), "{}", failed.failure);
    assert_eq!((again.engine.generation(), again.who("+49301234567")), (Generation(2), is_sales("Berg")));
}

/// When the data of Sales were last those of the source, as calls see it.
fn sales_synced(fixture: &Fixture) -> LastSynced {
    let loaded = fixture.engine.snapshot();
    let snapshot = loaded.as_ref().unwrap();
    let sales = PhonebookName::parse("Sales").unwrap();
    snapshot.last_synced(snapshot.contacts().find_phonebook(&sales).unwrap())
}

#[tokio::test]
async fn a_run_without_changes_makes_phonebooks_younger_at_once() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let first = fixture.sync().await;
    let LastSynced::At(synced) = sales_synced(&fixture) else { panic!("{:?}", sales_synced(&fixture)) };
    let second = fixture.sync().await;
    let LastSynced::At(again) = sales_synced(&fixture) else { panic!("{:?}", sales_synced(&fixture)) };
    assert!(again > synced, "{again} after {synced}");
    assert_eq!(second.generation, first.generation);
    // A run that fails leaves the age as it is.
    fixture.source().execute_batch("DROP TABLE contacts").unwrap();
    assert_eq!(fixture.sync().await.state, RunState::Failed);
    assert_eq!(sales_synced(&fixture), LastSynced::At(again));

    // Neither an edit nor a restart changes it.
    let route = fixture.engine.settings().unwrap().inbound_routes[0].clone();
    fixture
        .engine
        .by("test")
        .update_route("to sales", InboundRoute { note: "x".into(), ..route }, "")
        .unwrap();
    assert_eq!(sales_synced(&fixture), LastSynced::At(again));
    let Fixture { folder, engine } = fixture;
    drop(engine);
    let fixture = Fixture { engine: Engine::open(&folder.path().join("data")).unwrap(), folder };
    assert_eq!(sales_synced(&fixture), LastSynced::At(again));
}

#[tokio::test]
async fn a_rollback_makes_phonebooks_as_old_again_as_their_data() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let first = fixture.sync().await;
    fixture.put(&[(1, "Dorn", "030 1234567", "Sales")]);
    let second = fixture.sync().await;
    let roll_back = async |to_before: RunId| {
        let started = fixture.engine.start_rollback(to_before, "test").await.unwrap();
        let run = end_of(&fixture.engine, started.id).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        run.id
    };
    let end = |run: &SyncRun| LastSynced::At(run.finished_at.unwrap());
    let back = roll_back(second.id).await;
    assert_eq!((fixture.who("+49301234567"), sales_synced(&fixture)), (is_sales("Berg"), end(&first)));
    let back_again = roll_back(back).await;
    assert_eq!((fixture.who("+49301234567"), sales_synced(&fixture)), (is_sales("Dorn"), end(&second)));
    // What was before that run is what the rollback before it had put back.
    roll_back(back_again).await;
    assert_eq!((fixture.who("+49301234567"), sales_synced(&fixture)), (is_sales("Berg"), end(&first)));

    let source = || fixture.engine.read(|reading| reading.source("crm")).unwrap().unwrap();
    assert_eq!(source().last_synced_at, first.finished_at.map(|at| at.to_string()));
    roll_back(first.id).await;
    assert_eq!(source().last_synced_at, None, "there were no data yet");
}

#[tokio::test]
async fn a_run_without_changes_publishes_nothing() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let again = fixture.sync().await;
    assert_eq!(
        (again.state, again.counts.unchanged, again.generation),
        (RunState::Succeeded, 1, Some(Generation(2)))
    );
    assert_eq!(fixture.engine.generation(), Generation(2));
}

#[tokio::test]
async fn a_contact_that_moves_keeps_its_number_in_the_store() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let id = |fixture: &Fixture| {
        let loaded = fixture.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let found = match_caller(snapshot, "+49301234567", "").contacts()[0];
        snapshot.contacts().contact(found.contact()).id
    };
    let before = id(&fixture);
    fixture.put(&[(1, "Berg", "030 1234567", "Support")]);
    let run = fixture.sync().await;
    assert_eq!(run.counts.moved, 1);
    assert_eq!(fixture.who("+49301234567"), Some(("Berg".into(), "Support".into())));
    assert_eq!(id(&fixture), before);
}

#[tokio::test]
async fn an_empty_source_is_refused_unless_its_preview_is_allowed() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.put(&[]);
    let refused = fixture.sync().await;
    assert_eq!(refused.state, RunState::Refused);
    assert!(
        refused.failure.contains("no rows") && refused.failure.contains("preview"),
        "{}",
        refused.failure
    );
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));

    let preview = fixture.run(RunKind::Preview, None).await;
    assert_eq!((preview.state, preview.counts.removed), (RunState::Succeeded, 1));
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"), "a preview changes nothing");

    fixture.put(&[(2, "Dorn", "030 7654321", "Sales")]);
    let other = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!(other.state, RunState::Refused, "the source no longer says what was previewed");

    fixture.put(&[]);
    let allowed = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!((allowed.state, allowed.counts.removed), (RunState::Succeeded, 1));
    assert_eq!(fixture.who("+49301234567"), None);
}

#[tokio::test]
async fn only_a_finished_preview_of_the_same_source_can_be_allowed() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let sync = fixture.sync().await;
    for (id, expected) in [(sync.id, "not a finished preview"), (RunId(999), "there is no sync run \"999\"")]
    {
        let error = fixture.engine.start_sync("crm", RunKind::Sync, "test", Some(id)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_preview_of_a_deleted_source_is_not_one_of_another_that_has_its_name_by_now() {
    for takes_over in ["made again", "renamed"] {
        let fixture = Fixture::new();
        fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
        let preview = fixture.run(RunKind::Preview, None).await;
        let source = fixture.engine.settings().unwrap().sources.remove(0);
        let other = SourceSettings { name: "erp".into(), ..source.clone() };
        let editor = || fixture.engine.by("test");
        if takes_over == "renamed" {
            editor().create_source(other).unwrap();
        }
        editor().delete_source("crm", RemovedSources::RemoveContacts, "").unwrap();
        match takes_over {
            "renamed" => editor().update_source("erp", source, "").unwrap(),
            _ => editor().create_source(source).unwrap(),
        };
        let start = fixture.engine.start_sync("crm", RunKind::Sync, "test", Some(preview.id)).await;
        let refused = start.unwrap_err().to_string();
        assert!(refused.contains("not a finished preview of source \"crm\""), "{takes_over}: {refused}");
        let own = fixture.run(RunKind::Preview, None).await;
        assert_eq!(fixture.run(RunKind::Sync, Some(own.id)).await.state, RunState::Succeeded, "{takes_over}");
    }
}

#[tokio::test]
async fn a_run_under_way_is_not_taken_for_the_one_that_a_preview_allows() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let preview = fixture.run(RunKind::Preview, None).await.id;
    fixture
        .source()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO contacts SELECT i, 'Name ' || i, '+4930' || (1000000 + i), 'Sales' FROM n",
        )
        .unwrap();
    let start = async |allowed| fixture.engine.start_sync("crm", RunKind::Sync, "test", allowed).await;
    let cancel = async |run| {
        assert!(fixture.engine.cancel_sync(run), "it was to be under way all the time");
        assert_eq!(end_of(&fixture.engine, run).await.state, RunState::Cancelled);
    };
    let under_way = start(None).await.unwrap().run.id;
    let refused = start(Some(preview)).await.unwrap_err();
    assert!(matches!(refused, EngineError::SyncRunning { run, .. } if run == under_way), "{refused}");
    cancel(under_way).await;

    let allowed = start(Some(preview)).await.unwrap().run.id;
    for again in [start(Some(preview)).await.unwrap(), start(None).await.unwrap()] {
        assert_eq!((again.already_running, again.run.id), (true, allowed));
    }
    cancel(allowed).await;
}

#[tokio::test]
async fn a_source_that_is_off_or_unknown_is_not_started() {
    let fixture = Fixture::new();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.enabled = false;
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    let start = async |name| fixture.engine.start_sync(name, RunKind::Sync, "test", None).await.unwrap_err();
    assert!(matches!(start("CRM").await, EngineError::SourceIsOff { .. }));
    assert!(matches!(start("erp").await, EngineError::NotFound { what: "source", .. }));
}

#[tokio::test]
async fn an_edit_is_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let before = fixture.engine.settings().unwrap();
    let mut route = before.inbound_routes[0].clone();
    route.name = "broken".into();
    route.dids = vec!["12[3".into()];
    let error = fixture.engine.by("test").create_route(route, 0).unwrap_err();
    assert!(matches!(&error, EngineError::Route(wrong) if wrong.field == "dids[0]"), "{error}");
    assert_eq!(fixture.engine.settings().unwrap(), before);
    assert_eq!(fixture.engine.generation(), Generation(1));
}

#[tokio::test]
async fn a_route_edit_shares_the_contacts_and_makes_a_generation() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let contacts = |fixture: &Fixture| fixture.engine.snapshot().as_ref().unwrap().shared_contacts();
    let before = contacts(&fixture);
    let edited = fixture.engine.by("test").move_route("to support", 1).unwrap();
    assert_eq!(edited.generation, Generation(3));
    assert!(Arc::ptr_eq(&before, &contacts(&fixture)));
    let names: Vec<_> =
        fixture.engine.settings().unwrap().inbound_routes.into_iter().map(|route| route.name).collect();
    assert_eq!(names, ["to support", "to sales"]);
}

#[tokio::test]
async fn the_second_of_two_editors_is_told() {
    let fixture = Fixture::new();
    let route = fixture.engine.settings().unwrap().inbound_routes.remove(0);
    let read = etag(&route);
    let renamed = |note: &str| InboundRoute { note: note.into(), ..route.clone() };
    fixture.engine.by("test").update_route("to sales", renamed("first"), &read).unwrap();
    let error = fixture.engine.by("test").update_route("to sales", renamed("second"), &read).unwrap_err();
    assert!(matches!(error, EngineError::ChangedMeanwhile { .. }), "{error}");
    assert_eq!(fixture.engine.settings().unwrap().inbound_routes[0].note, "first");
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let fixture = Fixture::new();
    let mut wanted = fixture.engine.settings().unwrap();
    wanted.inbound_routes.pop();
    let document = wanted.to_toml().unwrap();
    let applied = fixture.engine.by("test").apply(&document, RemovedSources::Refuse, true).unwrap();
    assert_eq!((applied.changes.len(), applied.generation), (1, Generation(1)));
    assert_eq!(fixture.engine.settings().unwrap().inbound_routes.len(), 2);
    fixture.engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
    assert_eq!(fixture.engine.settings().unwrap(), wanted);
}

#[tokio::test]
async fn a_renamed_source_keeps_its_contacts_and_its_name_is_on_them() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.name = "customers".into();
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    let loaded = fixture.engine.snapshot();
    let snapshot = loaded.as_ref().unwrap();
    let found = match_caller(snapshot, "+49301234567", "").contacts()[0];
    assert_eq!(snapshot.contacts().contact(found.contact()).source, "customers");
}

#[tokio::test]
async fn deleting_a_source_keeps_or_removes_its_contacts_as_asked() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    assert!(fixture.engine.by("test").delete_source("crm", RemovedSources::Refuse, "").is_err());
    let document = Settings::default().to_toml().unwrap();
    assert!(fixture.engine.by("test").apply(&document, RemovedSources::Refuse, false).is_err());
    let deleted = fixture.engine.by("test").delete_source("crm", RemovedSources::KeepContacts, "").unwrap();
    assert_eq!((deleted.value, fixture.who("+49301234567")), (1, is_sales("Berg")));
    assert_eq!(fixture.engine.settings().unwrap().phonebooks.len(), 1, "its phonebook is a local one now");
}

#[tokio::test]
async fn a_cancelled_run_changes_nothing() {
    let fixture = Fixture::new();
    let source = fixture.source();
    source
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO contacts SELECT i, 'Name ' || i, '+4930' || (1000000 + i), 'Sales' FROM n",
        )
        .unwrap();
    let started = fixture.engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap();
    let active = fixture.engine.active_run(started.run.id).unwrap();
    let mut progress = active.progress();
    // Under way for certain: it has read something.
    drop(progress.wait_for(|progress| progress.counts.rows > 0).await);
    let second = fixture.engine.start_sync("crm", RunKind::Sync, "another", None).await.unwrap();
    assert_eq!((second.already_running, second.run.id), (true, started.run.id));
    assert!(fixture.engine.cancel_sync(started.run.id));
    let run = end_of(&fixture.engine, started.run.id).await;
    assert_eq!(run.state, RunState::Cancelled, "{run:?}");
    assert_eq!(fixture.engine.generation(), Generation(1));
    assert_eq!(fixture.engine.read(|reading| reading.contact_count()).unwrap(), 0);
    assert!(!fixture.engine.cancel_sync(started.run.id), "it is no longer under way");
}

/// Every version of the contact is in another phonebook than the one before, and its name says which: an
/// answer that mixed two generations would show a name and a route that do not belong together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_ups_during_swaps_never_fail_and_never_see_two_generations() {
    let fixture = Fixture::new();
    let version = |number: u32| if number.is_multiple_of(2) { ("even", "Sales") } else { ("odd", "Support") };
    fixture.put(&[(1, version(0).0, "030 1234567", version(0).1)]);
    fixture.sync().await;

    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (engine, stop) = (Arc::clone(&fixture.engine), Arc::clone(&stop));
            std::thread::spawn(move || {
                let (mut answers, mut last) = (0_u64, Generation::NONE);
                while !stop.load(Ordering::Relaxed) {
                    let loaded = engine.snapshot();
                    let snapshot = loaded.as_ref().unwrap();
                    assert!(snapshot.generation() >= last, "generations only grow");
                    last = snapshot.generation();
                    let decision = routing::decide(
                        snapshot,
                        &Call {
                            caller: "+49301234567",
                            did: "",
                            trunk: "",
                            attestation: None,
                            at: jiff::Timestamp::UNIX_EPOCH,
                        },
                    );
                    let contact = decision.caller_match.contacts()[0].contact();
                    let name = snapshot.contacts().contact(contact).display_name;
                    let route = &decision.route.unwrap().name;
                    assert_eq!((name == "even"), (route == "to sales"), "{name} went {route}");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for number in 1..=30 {
        fixture.put(&[(1, version(number).0, "030 1234567", version(number).1)]);
        let run = fixture.sync().await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.join().unwrap() > 0);
    }
    assert_eq!(fixture.engine.generation(), Generation(32));
}

#[test]
fn names_of_phonebooks_in_routes_may_not_exist_yet() {
    let name = PhonebookName::parse("Later").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    assert!(engine.snapshot().is_none(), "nothing is served before the first commit");
    let mut settings = Settings::default();
    settings.phonebooks.push(crate::settings::LocalPhonebook { name });
    engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    assert!(engine.snapshot().is_some());
}

#[tokio::test]
async fn a_contact_whose_row_cannot_be_read_any_more_stays() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    fixture.source().execute("UPDATE contacts SET name = CAST(x'ff' AS TEXT) WHERE id = 1", []).unwrap();
    let run = fixture.sync().await;
    assert_eq!((run.counts.rejected, run.counts.removed), (1, 0), "{run:?}");
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));

    // Its key being unreadable as well, it may be any of those that are not received.
    fixture.source().execute("UPDATE contacts SET id = CAST(x'ff' AS TEXT) WHERE id = 1", []).unwrap();
    let run = fixture.sync().await;
    assert_eq!((run.counts.rejected, run.counts.removed, run.counts.kept_missing), (1, 0, 1), "{run:?}");
    let warning = &run.warnings[0];
    assert!(warning.contains("whose they are: 1;") && warning.ends_with("is kept: 1 contact"), "{warning}");
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));
}

#[tokio::test]
async fn a_row_that_comes_twice_is_rejected_for_its_key_or_its_content() {
    let fixture = Fixture::new();
    let reason = async || {
        let run = fixture.sync().await;
        assert_eq!((run.state, run.counts.rejected), (RunState::Succeeded, 1), "{run:?}");
        let problems = fixture
            .engine
            .store
            .read(|reading| Ok::<_, EngineError>(reading.sync_problems(run.id, 0, 9)?))
            .unwrap();
        problems[0].reason.clone()
    };
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (1, "Dorn", "030 7654321", "Sales")]);
    assert!(reason().await.contains("has the same key"));
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Berg", "030 1234567", "Sales")]);
    fixture.set(|settings| settings.sources[0].field_map.key = None);
    assert!(reason().await.contains("has the same content"));
}

#[tokio::test]
async fn a_preview_that_kept_contacts_does_not_allow_removing_them() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let remove_missing = |on| {
        let mut source = fixture.engine.settings().unwrap().sources.remove(0);
        source.remove_missing = on;
        fixture.engine.by("test").update_source("crm", source, "").unwrap();
    };
    remove_missing(false);
    let preview = fixture.run(RunKind::Preview, None).await;
    assert_eq!(preview.counts.kept_missing, 1);
    remove_missing(true);
    let refused = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!(refused.state, RunState::Refused);
    assert!(refused.failure.contains("the source or its settings have changed since"), "{refused:?}");
}

#[tokio::test]
async fn a_renamed_source_keeps_its_runs_whatever_differs_in_the_name() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    for name in ["CRM", "customers"] {
        let mut source = fixture.engine.settings().unwrap().sources.remove(0);
        let before = std::mem::replace(&mut source.name, name.into());
        fixture.engine.by("test").update_source(&before, source, "").unwrap();
        let run = fixture.engine.read(|reading| reading.last_sync_run(name)).unwrap().unwrap();
        assert_eq!(run.source, name);
        let loaded = fixture.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let found = match_caller(snapshot, "+49301234567", "").contacts()[0];
        assert_eq!(snapshot.contacts().contact(found.contact()).source, name);
    }
}

#[tokio::test]
async fn a_local_phonebook_is_free_again_when_its_source_fills_another() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let name = |text: &str| PhonebookName::parse(text).unwrap();
    fixture.engine.by("test").create_phonebook(name("VIP")).unwrap();
    let fill = async |target| {
        let mut source = fixture.engine.settings().unwrap().sources.remove(0);
        source.phonebook = target;
        fixture.engine.by("test").update_source("crm", source, "").unwrap();
        let run = fixture.sync().await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    };
    fill(PhonebookTarget::Existing { name: name("VIP") }).await;
    assert!(fixture.engine.by("test").delete_phonebook(&name("VIP")).is_err(), "it is the source's");
    fill(PhonebookTarget::New { name: name("Customers") }).await;
    fixture.engine.by("test").delete_phonebook(&name("VIP")).unwrap();
}

/// Routes and the directory ask the index which phonebooks there are.
#[tokio::test]
async fn a_phonebook_without_contacts_is_there_and_gone_at_once() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let name = |text: &str| PhonebookName::parse(text).unwrap();
    let served = || {
        let loaded = fixture.engine.snapshot();
        let contacts = loaded.as_ref().unwrap().contacts();
        assert_eq!(contacts.contact_count(), 1);
        contacts.phonebooks().iter().map(|phonebook| phonebook.name.to_string()).collect::<Vec<_>>()
    };
    let editor = || fixture.engine.by("test");
    editor().create_phonebook(name("Fresh")).unwrap();
    assert_eq!(served(), ["Sales", "Fresh"]);
    assert_eq!(fixture.who("+49301234567"), Some(("Berg".into(), "Sales".into())));
    editor().rename_phonebook(&name("Fresh"), &name("Stale")).unwrap();
    assert_eq!(served(), ["Sales", "Stale"]);
    editor().delete_phonebook(&name("Stale")).unwrap();
    assert_eq!(served(), ["Sales"]);
}

#[tokio::test]
async fn numbers_read_in_a_region_that_is_no_longer_the_general_one_are_not_stored() {
    let fixture = Fixture::new();
    fixture
        .source()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO contacts SELECT i, 'Name ' || i, '030' || (1000000 + i), 'Sales' FROM n",
        )
        .unwrap();
    let started = fixture.engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap();
    let mut progress = fixture.engine.active_run(started.run.id).unwrap().progress();
    drop(progress.wait_for(|progress| progress.counts.rows > 0).await);
    fixture.set(|settings| settings.numbers.default_region = Some("GB".parse().unwrap()));
    let run = end_of(&fixture.engine, started.run.id).await;
    assert_eq!(run.state, RunState::Refused, "{run:?}");
}
