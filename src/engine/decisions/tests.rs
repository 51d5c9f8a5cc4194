use std::sync::Arc;

use super::*;
use crate::routing::decide;
use crate::store::RemovedSources;

const SETTINGS: &str = "
    numbers = { default_region = 'DE' }
    [[inbound_route]]
    name = 'Direct'
    dids = ['1{{.Ext}}']
    destination = { type = 'extension', target = '{{.Ext}}' }
";

fn engine(settings: &str) -> (Arc<Engine>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    engine.by("test").apply(settings, RemovedSources::Refuse, false).unwrap();
    (engine, folder)
}

fn call(engine: &Engine, caller: &str, did: &str) {
    let loaded = engine.snapshot();
    let snapshot = loaded.as_ref().unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let call = Call { caller, did, trunk: "berlin", attestation: None, at };
    engine.remember(snapshot, &call, &decide(snapshot, &call));
}

#[test]
fn the_last_decisions_are_told_the_latest_first() {
    let (engine, _folder) = engine(SETTINGS);
    call(&engine, "+493012345678", "123");
    call(&engine, "anonymous", "200");
    let found = engine.last_decisions(10, None);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.caller_number(), one.did.as_str(), one.route.as_deref(), one.destination.clone()))
        .collect();
    let extension = Some((DestinationType::Extension, "23".to_owned()));
    assert_eq!(
        told,
        [(String::new(), "200", None, None), ("+493*******78".to_owned(), "123", Some("Direct"), extension),]
    );
    // Reading takes nothing away.
    assert_eq!(engine.last_decisions(10, None), found);
    assert_eq!(engine.last_decisions(10, Some("DIRECT")), found[1..]);
    assert_eq!(engine.last_decisions(1, None), found[..1]);
}

#[test]
fn a_number_is_shown_whole_only_if_the_settings_of_its_time_said_so() {
    let (engine, _folder) = engine(SETTINGS);
    call(&engine, "+493012345678", "123");
    let shown = format!("routing = {{ shows_numbers = true }}\n{SETTINGS}");
    engine.by("test").apply(&shown, RemovedSources::Refuse, false).unwrap();
    call(&engine, "+493012345678", "123");
    let numbers: Vec<String> = engine.last_decisions(10, None).iter().map(Decision::caller_number).collect();
    assert_eq!(numbers, ["+493012345678", "+493*******78"]);
}

#[test]
fn only_so_many_are_kept_whoever_reads() {
    let (engine, _folder) = engine(SETTINGS);
    for number in 0..KEPT_DECISIONS + 500 {
        call(&engine, "112", &number.to_string());
        if number == 700 {
            assert_eq!(engine.last_decisions(usize::MAX, None).len(), 701);
        }
    }
    let found = engine.last_decisions(usize::MAX, None);
    assert_eq!(found.len(), KEPT_DECISIONS);
    let dids: Vec<usize> = found.iter().map(|one| one.did.parse().unwrap()).collect();
    assert!(dids.is_sorted_by(|a, b| *a == b + 1), "none is missing");
    assert_eq!(dids[0], KEPT_DECISIONS + 499);
}

#[test]
fn counters_go_on_after_a_change_of_the_settings() {
    let (engine, _folder) = engine(SETTINGS);
    call(&engine, "112", "123");
    call(&engine, "112", "200");
    let more = format!("{SETTINGS}[[inbound_route]]\nname = 'Rest'\ndestination = {{ type = 'hang_up' }}");
    engine.by("test").apply(&more, RemovedSources::Refuse, false).unwrap();
    call(&engine, "112", "124");
    call(&engine, "112", "200");
    let counts = engine.call_counts();
    assert_eq!(counts.routes, [("Direct".to_owned(), 2), ("Rest".to_owned(), 1)]);
    assert_eq!(counts.unrouted, 1);
}

#[test]
fn calls_on_all_threads_are_counted_and_none_waits_for_a_reader() {
    let (engine, _folder) = engine(SETTINGS);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| call(&engine, "112", "123")));
        }
        scope.spawn(|| (0..100).for_each(|_| drop(engine.last_decisions(usize::MAX, None))));
    });
    assert_eq!(engine.call_counts().routes, [("Direct".to_owned(), 4000)]);
    assert!(engine.last_decisions(usize::MAX, None).len() <= KEPT_DECISIONS);
}
