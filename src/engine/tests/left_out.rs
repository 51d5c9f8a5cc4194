//! Settings that an older version accepted and this one refuses: calls are answered without them, and they are named
//! until somebody changes them.

use super::*;
use crate::engine::publishing::newly_left_out;
use crate::settings::{NumberRule, RouteTime, TimeCondition, Trunk};
use crate::store::Change;

const NUMBER: &str = "+49301234567";

/// What an older version could have stored: a trunk with a rule that is none, and hours in a time zone that is gone, by
/// which the first route goes.
fn spoil(settings: &mut Settings) {
    let rule =
        |pattern: &str, strip, add: &str| NumberRule { pattern: pattern.into(), strip, add: add.into() };
    settings.trunks.push(Trunk {
        name: "berlin".into(),
        caller_rules: vec![rule("100-199", 0, "+4930555"), rule("9.", 1, "")],
        ..Trunk::default()
    });
    settings.time_conditions.push(TimeCondition {
        name: "Open".into(),
        time_zone: "Europe/Atlantis".into(),
        hours: vec!["mon-sun 00:00-24:00".into()],
        dates: Vec::new(),
    });
    settings.inbound_routes[0].times = vec![RouteTime { condition: "Open".into(), destination: None }];
    let all =
        InboundRoute { name: "all".into(), phonebooks: Vec::new(), ..settings.inbound_routes[1].clone() };
    settings.inbound_routes.push(all);
}

/// Begins with a store that has such settings.
async fn spoilt() -> Fixture {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let mut settings = fixture.engine.settings().unwrap();
    spoil(&mut settings);
    let save = |change: &Change<'_>| {
        change.save_settings(&settings, RemovedSources::Refuse)?;
        change.next_generation()
    };
    fixture.engine.store.write(save).unwrap();
    reopened(fixture)
}

fn reopened(fixture: Fixture) -> Fixture {
    let Fixture { folder, engine } = fixture;
    drop(engine);
    Fixture { engine: Engine::open(&folder.path().join("data")).unwrap(), folder }
}

/// The route that takes a call, and who calls.
fn taken(fixture: &Fixture, caller: &str) -> (String, Option<(String, String)>) {
    let loaded = fixture.engine.snapshot();
    let call = Call { caller, did: "", trunk: "berlin", attestation: None, at: Timestamp::now() };
    let decision = routing::decide(loaded.as_ref().unwrap(), &call);
    let route = decision.route.map(|route| route.name.clone()).unwrap_or_default();
    (route, fixture.who(caller))
}

fn left_out(fixture: &Fixture) -> Vec<String> {
    let status = fixture.engine.status(Timestamp::now()).unwrap();
    let warnings = status.warnings.into_iter().filter(|warning| warning.kind == WarningKind::SettingsLeftOut);
    warnings.map(|warning| warning.message).collect()
}

#[tokio::test]
async fn calls_are_answered_without_settings_that_are_refused_by_now() {
    let fixture = spoilt().await;
    // The route by the hours that are gone takes nothing, and the rule behind the one that is none holds.
    assert_eq!(taken(&fixture, NUMBER), ("all".to_owned(), is_sales("Berg")));
    assert_eq!(taken(&fixture, "90301234567").0, "all");
    let told = left_out(&fixture);
    for (place, what) in
        ["route \"to sales\": ", "trunk \"berlin\", caller_rules[0].pattern", "time condition \"Open\""]
            .iter()
            .enumerate()
    {
        assert!(told[place].contains(what), "{told:?}");
    }
    assert_eq!(told.len(), 3, "{told:?}");
    // A run, and a restart from the files, change nothing of it.
    fixture.put(&[(1, "Dorn", "030 1234567", "Sales")]);
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    fixture.engine.write_last_good().unwrap();
    let fixture = reopened(fixture);
    assert_eq!(taken(&fixture, NUMBER), ("all".to_owned(), is_sales("Dorn")));
    assert_eq!(left_out(&fixture), told);
}

#[tokio::test]
async fn only_what_is_newly_left_out_is_logged() {
    let fixture = spoilt().await;
    let serving = fixture.engine.snapshot();
    let serving = serving.as_deref().unwrap();
    let left_out = serving.left_out();
    assert_eq!(newly_left_out(None, serving), left_out.iter().collect::<Vec<_>>());
    assert!(newly_left_out(Some(serving), serving).is_empty());

    let mut settings = fixture.engine.settings().unwrap();
    settings.trunks[0].caller_rules[0].pattern = "300-399".into();
    let snapshot = Snapshot::of_stored(serving.generation().next(), serving.shared_contacts(), &settings);
    let new: Vec<&str> =
        newly_left_out(Some(serving), &snapshot).iter().map(|error| error.problem.as_str()).collect();
    assert!(matches!(new.as_slice(), [problem] if problem.contains("300-399")), "{new:?}");
}

#[tokio::test]
async fn an_explanation_names_a_route_that_is_left_out() {
    let fixture = spoilt().await;
    let explained = |caller: &str| {
        let loaded = fixture.engine.snapshot();
        let call = Call { caller, did: "", trunk: "", attestation: None, at: Timestamp::now() };
        routing::explain(loaded.as_ref().unwrap(), &call).1.steps
    };
    let steps = explained(NUMBER);
    let names: Vec<&str> = steps.iter().map(|step| step.route.as_str()).collect();
    assert_eq!(names, ["to sales", "to support", "all"]);
    let [why] = steps[0].criteria.as_slice() else { panic!("{steps:?}") };
    assert_eq!((why.criterion, why.held, steps[0].taken), ("left_out", false, false));
    assert!(why.why.contains("does not: times[0].condition: time condition \"Open\""), "{}", why.why);
    assert_eq!(routed_warnings(&fixture), ["to sales"]);

    // Behind all others, and whether it is missed or not.
    let mut settings = fixture.engine.settings().unwrap();
    settings.inbound_routes.rotate_left(1);
    settings.inbound_routes.remove(1);
    settings.inbound_routes[1].enabled = false;
    fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    let steps = explained("112");
    assert_eq!((steps[1].route.as_str(), steps[1].criteria[0].criterion), ("to sales", "enabled"));
    assert_eq!(routed_warnings(&fixture), Vec::<String>::new());
}

/// The routes that warnings about settings that are left out name.
fn routed_warnings(fixture: &Fixture) -> Vec<String> {
    let warnings = fixture.engine.route_warnings().into_iter();
    let left_out = warnings.filter(|warning| warning.kind == routing::RouteWarningKind::LeftOut);
    left_out.map(|warning| warning.route).filter(|route| !route.is_empty()).collect()
}

#[tokio::test]
async fn they_wait_until_somebody_changes_them() {
    let fixture = spoilt().await;
    let route = |place: usize| fixture.engine.settings().unwrap().inbound_routes[place].clone();
    let told = left_out(&fixture);
    // Something else can be changed meanwhile, though not into what is refused.
    let with_note = InboundRoute { note: "x".into(), ..route(1) };
    fixture.engine.by("test").update_route("to support", with_note, "").unwrap();
    assert_eq!(left_out(&fixture), told);
    let wrong = InboundRoute { dids: vec!["A".into()], ..route(1) };
    let refused = fixture.engine.by("test").update_route("to support", wrong, "").unwrap_err().to_string();
    assert!(refused.starts_with("inbound route \"to support\", dids[0]"), "{refused}");
    // What is put right is served at once, and what depended on it.
    fixture.set(|settings| settings.time_conditions[0].time_zone = "Europe/Berlin".into());
    assert_eq!(taken(&fixture, NUMBER).0, "to sales");
    assert_eq!(left_out(&fixture).len(), 1);
    fixture.set(|settings| drop(settings.trunks[0].caller_rules.remove(0)));
    assert_eq!(left_out(&fixture), Vec::<String>::new());
    // And is not accepted a second time.
    let mut settings = fixture.engine.settings().unwrap();
    settings.time_conditions[0].time_zone = "Europe/Atlantis".into();
    let again = settings.to_toml().unwrap();
    assert!(fixture.engine.by("test").apply(&again, RemovedSources::Refuse, false).is_err());
}

#[tokio::test]
async fn mistakes_are_put_right_one_after_another() {
    let fixture = spoilt().await;
    let stored = |change: &dyn Fn(&mut Settings)| {
        let mut settings = fixture.engine.settings().unwrap();
        change(&mut settings);
        fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false)
    };
    let rule = |pattern: &str| NumberRule { pattern: pattern.into(), strip: 0, add: "0".into() };
    // The same mistake at another place is not a new one; another mistake is.
    stored(&|settings| settings.trunks[0].caller_rules.insert(0, rule("8."))).unwrap();
    let refused = stored(&|settings| settings.trunks[0].caller_rules.push(rule("200-299"))).unwrap_err();
    assert!(refused.to_string().contains("caller_rules[3].pattern"), "{refused}");
    // Of two mistakes of a route one is its own.
    let mut settings = fixture.engine.settings().unwrap();
    settings.inbound_routes[0].dids = vec!["A".into()];
    let save = |change: &Change<'_>| {
        change.save_settings(&settings, RemovedSources::Refuse)?;
        change.next_generation()
    };
    fixture.engine.store.write(save).unwrap();
    let fixture = reopened(fixture);
    let refused = fixture
        .engine
        .by("test")
        .update_route(
            "to sales",
            InboundRoute { dids: vec!["B".into()], ..settings.inbound_routes[0].clone() },
            "",
        )
        .unwrap_err()
        .to_string();
    assert!(refused.contains("found 'B'"), "{refused}");
    fixture.set(|settings| settings.time_conditions[0].time_zone = "Europe/Berlin".into());
    assert!(left_out(&fixture).iter().any(|told| told.contains("found 'A'")), "{:?}", left_out(&fixture));
    fixture.set(|settings| settings.inbound_routes[0].dids.clear());
    assert_eq!(taken(&fixture, NUMBER).0, "to sales");
}

#[tokio::test]
async fn what_is_against_a_rule_of_all_settings_is_named_before_an_edit_is_refused_for_it() {
    let fixture = Fixture::new();
    let mut settings = fixture.engine.settings().unwrap();
    settings.numbers.last_digits = 3;
    let save = |change: &Change<'_>| {
        change.save_settings(&settings, RemovedSources::Refuse)?;
        change.next_generation()
    };
    fixture.engine.store.write(save).unwrap();
    let fixture = reopened(fixture);
    assert!(left_out(&fixture)[0].contains("numbers.last_digits: 3"), "{:?}", left_out(&fixture));
    fixture.engine.write_last_good().unwrap();
    let fixture = reopened(fixture);
    assert!(left_out(&fixture)[0].contains("numbers.last_digits: 3"), "{:?}", left_out(&fixture));
    let refused =
        fixture.engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()).unwrap_err();
    assert!(refused.to_string().contains("numbers.last_digits: 3"), "{refused}");
    fixture.set(|settings| settings.numbers.last_digits = 8);
    assert_eq!(left_out(&fixture), Vec::<String>::new());
}

#[tokio::test]
async fn a_setting_that_cannot_be_read_is_named_and_is_no_damage() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.engine.write_last_good().unwrap();
    let folder = fixture.folder.path().join("data");
    let sql = "UPDATE source SET settings = json_set(settings, '$.schedule', json(?))";
    let schedule = r#"{"daily":{"at":"03:00","time_zone":"Europe/Atlantis"}}"#;
    Connection::open(folder.join("ringroute.db")).unwrap().execute(sql, [schedule]).unwrap();
    let named = "source \"crm\" cannot be read by this version of ringroute (there is no time zone";
    let fixture = reopened(fixture);
    assert_eq!(fixture.who(NUMBER), is_sales("Berg"));
    let warnings = fixture.engine.status(Timestamp::now()).unwrap().warnings;
    assert_eq!(warnings[0].kind, WarningKind::StoreNotReady);
    assert!(warnings[0].message.contains(named), "{warnings:?}");
    // Without what was kept, the index would have to be built.
    let Fixture { folder: kept, engine } = fixture;
    drop(engine);
    std::fs::remove_file(folder.join("ringroute.last-good")).unwrap();
    let error = Engine::open(&folder).unwrap_err().to_string();
    assert!(error.starts_with(named), "{error}");
    drop(kept);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_changed_in_a_store_that_is_not_in_its_place_any_more() {
    let fixture = Fixture::new();
    let (store, away) =
        (fixture.folder.path().join("data/ringroute.db"), fixture.folder.path().join("away.db"));
    let generation = fixture.engine.generation();
    std::fs::rename(&store, &away).unwrap();
    let edit = || {
        let mut settings = Settings::from_toml("").unwrap();
        settings
            .phonebooks
            .push(crate::settings::LocalPhonebook { name: PhonebookName::parse("Own").unwrap() });
        fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::RemoveContacts, false)
    };
    for place in ["nothing", "another file"] {
        let refused = edit().unwrap_err().to_string();
        assert!(refused.contains("was removed, moved or replaced"), "{place}: {refused}");
        assert_eq!(fixture.engine.generation(), generation, "{place}");
        std::fs::copy(&away, &store).unwrap();
    }
    std::fs::rename(&away, &store).unwrap();
    let meanwhile = |change: &Change<'_>| {
        std::fs::rename(&store, &away).unwrap();
        change.next_generation()
    };
    let refused = fixture.engine.store.write(meanwhile).unwrap_err();
    assert!(matches!(refused, StoreError::Gone { .. }), "{refused}");
    std::fs::rename(&away, &store).unwrap();
    assert_eq!(edit().unwrap().generation.0, generation.0 + 1);
}
