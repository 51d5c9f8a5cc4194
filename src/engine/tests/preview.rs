//! What a preview says is what the run then does.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::routing::effect::Lines;
use crate::settings::{Attestation, Extension, Freshness, OlderData};
use crate::store::ContactFilter;
use crate::sync::preview::{
    AssumedCalls, ContactChange, ContactChangeKind, FieldChange, PhonebookChange, PreviewSummary,
};

const ROUTES: &str = r#"
[[trunk]]
name = "wien"
[[inbound_route]]
name = "hot line"
dids = ["+4930555100"]
phonebooks = ["Support"]
destination = { type = "queue", target = "1" }
[[inbound_route]]
name = "to sales"
phonebooks = ["Sales"]
destination = { type = "queue", target = "6400" }
[[inbound_route]]
name = "to support"
trunks = ["wien"]
phonebooks = ["Support"]
destination = { type = "ring_group", target = "6300" }
[[inbound_route]]
name = "berlin"
callers = ["+4930."]
destination = { type = "queue", target = "2" }
[[inbound_route]]
name = "strangers"
in_no_phonebook = true
destination = { type = "ivr", target = "3" }
"#;

fn with_routes() -> Fixture {
    let fixture = Fixture::new();
    let Settings { trunks, inbound_routes, .. } = toml::from_str(ROUTES).unwrap();
    fixture.set(|settings| (settings.trunks, settings.inbound_routes) = (trunks, inbound_routes));
    fixture
}

impl Fixture {
    async fn preview(&self) -> SyncRun {
        self.run(RunKind::Preview, None).await
    }

    fn previewed(&self, run: &SyncRun) -> (PreviewSummary, Vec<ContactChange>) {
        self.engine
            .read(|reading| {
                let changes = reading.preview_changes(run.id, None, 0, 10_000)?;
                let changes = changes.into_iter().map(|(_, change)| change).collect();
                Ok::<_, EngineError>((reading.preview(run.id)?.unwrap(), changes))
            })
            .unwrap()
    }

    /// Every contact by its key: its fields and its phonebook.
    fn contacts(&self) -> BTreeMap<String, (BTreeMap<String, String>, String)> {
        let filter = ContactFilter { limit: 10_000, ..ContactFilter::default() };
        let (contacts, names) = self
            .engine
            .read(|reading| Ok::<_, EngineError>((reading.contacts(&filter)?, reading.phonebook_names()?)))
            .unwrap();
        let contacts = contacts.into_iter().map(|contact| {
            let mut fields = BTreeMap::from([("last_name".to_owned(), contact.details.last_name)]);
            for number in contact.details.numbers {
                fields.insert(number.label.name().to_owned(), number.raw);
            }
            (contact.source_key, (fields, names[&contact.phonebooks[0]].to_string()))
        });
        contacts.collect()
    }

    fn phonebook_counts(&self) -> BTreeMap<String, u64> {
        let stored = self.engine.read(|reading| Ok::<_, EngineError>(reading.counted_phonebooks()?)).unwrap();
        stored
            .into_iter()
            .map(|counted| (counted.phonebook.name.to_string(), counted.contact_count))
            .collect()
    }

    /// What each number is told on each line: name of the first contact found and route.
    fn decisions(&self) -> BTreeMap<(String, usize), (Vec<String>, Option<String>)> {
        let loaded = self.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let lines = Lines::of(snapshot, &self.engine.settings().unwrap().trunks).lines;
        let mut decisions = BTreeMap::new();
        for number in NUMBERS {
            for (place, line) in lines.iter().enumerate() {
                let (attestation, at) = (Some(Attestation::A), jiff::Timestamp::now());
                let call = Call { caller: number, did: &line.did, trunk: &line.trunk, attestation, at };
                let decision = routing::decide(snapshot, &call);
                let contacts = snapshot.contacts();
                let shown = decision.caller_match.contacts().iter().map(|posting| {
                    let phonebooks = contacts.phonebooks_in(posting.phonebooks()).iter();
                    let phonebooks: Vec<_> =
                        phonebooks.map(|phonebook| contacts.phonebook(*phonebook).name.as_str()).collect();
                    format!("{:?} {phonebooks:?}", contacts.contact(posting.contact()))
                });
                let route = decision.route.map(|route| route.name.clone());
                decisions.insert((number.to_owned(), place), (shown.collect(), route));
            }
        }
        decisions
    }
}

const NUMBERS: [&str; 4] = ["+49301234567", "+49407654321", "+442079460123", "112"];
const PHONEBOOKS: [&str; 4] = ["Sales", "Support", "VIP", " sales"];

/// Key, name, number and phonebook, by place.
type Rows = BTreeMap<u32, (usize, usize, usize)>;

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::btree_map(0..8_u32, (0..2_usize, 0..NUMBERS.len(), 0..PHONEBOOKS.len()), 0..8)
}

fn put(fixture: &Fixture, rows: &Rows) {
    let rows: Vec<_> = rows
        .iter()
        .map(|(key, (name, number, phonebook))| {
            (*key, ["Berg", "Dorn"][*name], NUMBERS[*number], PHONEBOOKS[*phonebook])
        })
        .collect();
    fixture.put(&rows);
}

type Fields = BTreeMap<String, String>;

/// From a route to another.
type Turn = (Option<String>, Option<String>);

fn is_told(change: &ContactChange, before: Option<&Fields>, after: Option<&Fields>) {
    let nothing = Fields::new();
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let expected: BTreeSet<_> = fields
        .into_iter()
        .map(|field| {
            let value = |fields: &Fields| fields.get(field).cloned().unwrap_or_default();
            (field.clone(), value(before), value(after))
        })
        .filter(|(_, before, after)| before != after)
        .collect();
    let told: BTreeSet<_> = change
        .fields
        .iter()
        .map(|FieldChange { field, before, after }| (field.clone(), before.clone(), after.clone()))
        .collect();
    assert_eq!(told, expected, "{change:?}");
}

async fn what_a_preview_says_happens(old: &Rows, new: &Rows, remove_missing: bool) {
    let fixture = with_routes();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.remove_missing = remove_missing;
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    put(&fixture, old);
    let first = fixture.preview().await;
    assert_eq!(first.state, RunState::Succeeded, "{}", first.failure);
    assert_eq!(fixture.run(RunKind::Sync, Some(first.id)).await.state, RunState::Succeeded);

    put(&fixture, new);
    let (contacts, phonebooks, decisions) =
        (fixture.contacts(), fixture.phonebook_counts(), fixture.decisions());
    let generation = fixture.engine.generation();
    let preview = fixture.preview().await;
    assert_eq!(preview.state, RunState::Succeeded, "{}", preview.failure);
    assert_eq!(fixture.engine.generation(), generation);
    assert_eq!(
        (&fixture.contacts(), &fixture.phonebook_counts(), &fixture.decisions()),
        (&contacts, &phonebooks, &decisions),
        "a preview changes nothing"
    );

    let run = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!((run.state, run.allowed_by), (RunState::Succeeded, Some(preview.id)), "{}", run.failure);
    assert_eq!((run.counts, &run.warnings), (preview.counts, &preview.warnings));
    let (summary, changes) = fixture.previewed(&preview);
    let after = fixture.contacts();

    // Contact by contact.
    let mut told = BTreeMap::new();
    for change in &changes {
        assert!(told.insert(change.source_key.clone(), change).is_none(), "{change:?} is told twice");
    }
    for key in contacts.keys().chain(after.keys()) {
        let (then, now) = (contacts.get(key), after.get(key));
        let Some(change) = told.get(key) else {
            assert_eq!(then, now, "{key} changed and was not told");
            continue;
        };
        let phonebook = |contact: Option<&(Fields, String)>| contact.map(|(_, name)| name.clone());
        let from_to = [&change.from, &change.to].map(|name| name.as_ref().map(ToString::to_string));
        assert_eq!(from_to, [phonebook(then), phonebook(now)], "{change:?}");
        let kind = match (then, now) {
            (None, Some(_)) => ContactChangeKind::Added,
            (Some(_), None) => ContactChangeKind::Removed,
            (Some(then), Some(now)) if then.0 != now.0 => ContactChangeKind::Changed,
            (Some(then), Some(now)) if then.1 != now.1 => ContactChangeKind::Moved,
            _ => ContactChangeKind::KeptMissing,
        };
        assert_eq!(change.kind, kind, "{change:?}");
        is_told(change, then.map(|contact| &contact.0), now.map(|contact| &contact.0));
    }
    let kept = changes.iter().filter(|change| change.kind == ContactChangeKind::KeptMissing).count() as u64;
    assert_eq!(kept, run.counts.kept_missing);

    // Phonebook by phonebook.
    let now = fixture.phonebook_counts();
    for PhonebookChange { name, is_new, before, after, .. } in &summary.phonebooks {
        assert_eq!(*is_new, !phonebooks.contains_key(name.as_str()), "{name}");
        assert_eq!(*before, phonebooks.get(name.as_str()).copied().unwrap_or(0), "{name}");
        assert_eq!(Some(after), now.get(name.as_str()), "{name}");
    }
    assert_eq!(summary.phonebooks.len(), now.len(), "all of them are the source's");

    // Call by call.
    let mut turns: BTreeMap<Turn, (BTreeSet<String>, BTreeSet<u32>)> = BTreeMap::new();
    let [mut numbers, mut rerouted] = [BTreeSet::new(), BTreeSet::new()];
    for ((number, line), (shown, route)) in fixture.decisions() {
        let (shown_before, route_before) = &decisions[&(number.clone(), line)];
        if shown != *shown_before {
            numbers.insert(number.clone());
        }
        if route != *route_before {
            rerouted.insert(number.clone());
            let turn = turns.entry((route_before.clone(), route)).or_default();
            turn.0.insert(number);
            turn.1.insert(line as u32);
        }
    }
    let calls = &summary.calls;
    assert_eq!((calls.numbers, calls.rerouted), (numbers.len() as u64, rerouted.len() as u64));
    let told: BTreeMap<_, _> = calls
        .reroutes
        .iter()
        .map(|reroute| {
            let lines: BTreeSet<u32> = reroute.lines.iter().copied().collect();
            ((reroute.from.clone(), reroute.to.clone()), (reroute.numbers, lines))
        })
        .collect();
    let expected: BTreeMap<_, _> = turns
        .iter()
        .map(|(turn, (numbers, lines))| (turn.clone(), (numbers.len() as u64, lines.clone())))
        .collect();
    assert_eq!(told, expected);
    for reroute in &calls.reroutes {
        let (numbers, _) = &turns[&(reroute.from.clone(), reroute.to.clone())];
        assert!(reroute.examples.iter().all(|example| numbers.contains(&example.number.to_string())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_a_preview_says_is_what_the_run_does(old in rows(), new in rows(), remove_missing in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(what_a_preview_says_happens(&old, &new, remove_missing));
    }
}

#[tokio::test]
async fn a_preview_compares_the_calls_that_it_is_told_to_assume() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let office = r#"
        [[time_condition]]
        name = "Office"
        time_zone = "Europe/Berlin"
        hours = ["mon-fri 09:00-17:00"]
        [[inbound_route]]
        name = "to sales"
        phonebooks = ["Sales"]
        attestation = "B"
        times = [{ condition = "Office" }]
        destination = { type = "queue", target = "6400" }
    "#;
    let Settings { time_conditions, mut inbound_routes, .. } = toml::from_str(office).unwrap();
    fixture.set(|settings| {
        settings.time_conditions = time_conditions;
        settings.inbound_routes[0] = inbound_routes.remove(0);
    });
    // Berg goes to Support, which anybody reaches at any time.
    fixture.put(&[(1, "Berg", "030 1234567", "Support")]);
    let tuesday = "2026-11-24T10:00:00+01:00".parse().unwrap();
    let sunday = "2026-11-29T10:00:00+01:00".parse().unwrap();
    for (attestation, at, from) in [
        (Some(Attestation::A), tuesday, Some("to sales")),
        (Some(Attestation::B), tuesday, Some("to sales")),
        (Some(Attestation::C), tuesday, None),
        (None, tuesday, None),
        (Some(Attestation::A), sunday, None),
    ] {
        let assumed = AssumedCalls { attestation, at: Some(at) };
        let started = fixture.engine.start_preview("crm", "test", assumed).await.unwrap();
        let calls = fixture.previewed(&end_of(&fixture.engine, started.run.id).await).0.calls;
        assert_eq!((calls.attestation, calls.at), (attestation, Some(at)), "it says what it assumed");
        let turns: Vec<_> =
            calls.reroutes.iter().map(|turn| (turn.from.as_deref(), turn.to.as_deref())).collect();
        assert_eq!(turns, [(from, Some("to support"))], "{assumed:?}");
    }
    let before = jiff::Timestamp::now();
    let usual = fixture.previewed(&fixture.preview().await).0.calls;
    assert_eq!(usual.attestation, Some(Attestation::A));
    assert!(usual.at.is_some_and(|at| at >= before && at <= jiff::Timestamp::now()), "{usual:?}");
}

#[tokio::test]
async fn a_preview_tells_of_calls_that_go_elsewhere_because_phonebooks_would_be_fresh_again() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let freshness = Freshness { max_age_hours: 24, older: OlderData::Skip };
    fixture.set(|settings| settings.inbound_routes[0].freshness = Some(freshness));
    let calls = fixture.previewed(&fixture.preview().await).0.calls;
    assert_eq!((calls.rerouted, calls.at), (0, None), "nothing is old, nothing changes");

    let two_days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    fixture.engine.publish_last_synced(|_| LastSynced::At(two_days_ago));
    let turns_of = |summary: PreviewSummary| -> Vec<_> {
        summary.calls.reroutes.into_iter().map(|turn| (turn.from, turn.to, turn.numbers)).collect()
    };
    // With the same contacts, and with one more.
    let sales = Some("to sales".to_owned());
    let (summary, changes) = fixture.previewed(&fixture.preview().await);
    assert!(changes.is_empty(), "{changes:?}");
    assert_eq!(summary.phonebooks[0].after, 1);
    assert!(summary.calls.at.is_some());
    assert_eq!(turns_of(summary), [(None, sales.clone(), 1)]);
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    let (summary, _) = fixture.previewed(&fixture.preview().await);
    assert_eq!((summary.calls.newly_matched, summary.calls.matched_otherwise), (1, 1));
    assert_eq!(turns_of(summary), [(None, sales, 2)]);
}

#[tokio::test]
async fn a_preview_says_what_the_guard_would_say() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    let (summary, _) = fixture.previewed(&fixture.preview().await);
    assert_eq!(summary.objection, "");
    fixture.put(&[]);
    let (summary, changes) = fixture.previewed(&fixture.preview().await);
    assert_eq!(summary.objection, "the source returned no rows");
    assert_eq!((changes[0].kind, changes[0].source_key.as_str()), (ContactChangeKind::Removed, "1"));
}

#[tokio::test]
async fn a_preview_allows_one_run_and_that_one_only_by_the_same_routes() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.put(&[]);
    let preview = fixture.preview().await;
    let settings = fixture.engine.settings().unwrap().to_toml().unwrap();
    fixture.engine.by("test").move_route("to support", 1).unwrap();
    let refused = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!(refused.state, RunState::Refused);
    assert!(
        refused.failure.contains("routes") && refused.failure.contains("Preview it again"),
        "{refused:?}"
    );
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));

    // Which extensions there are is a part of it: dialled numbers may end in one.
    fixture.engine.by("test").apply(&settings, RemovedSources::Refuse, false).unwrap();
    let extension =
        Extension { number: "1001".to_owned(), name: String::new(), enabled: true, groups: Vec::new() };
    fixture.set(|settings| settings.extensions.push(extension));
    assert_eq!(fixture.run(RunKind::Sync, Some(preview.id)).await.state, RunState::Refused);

    // As they were again, and so it does what was seen.
    fixture.engine.by("test").apply(&settings, RemovedSources::Refuse, false).unwrap();
    assert_eq!(fixture.run(RunKind::Sync, Some(preview.id)).await.state, RunState::Succeeded);
    let again = fixture.engine.start_sync("crm", RunKind::Sync, "test", Some(preview.id)).await.unwrap_err();
    assert!(again.to_string().contains("allowed one run"), "{again}");
}

#[tokio::test]
async fn a_preview_does_not_allow_what_changed_settings_would_do() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let preview = fixture.preview().await;
    let before = fixture.engine.settings().unwrap();
    // Kept rather than removed; other numbers; another phonebook.
    let mut keep = before.clone();
    keep.sources[0].remove_missing = false;
    let mut region = before.clone();
    region.sources[0].default_region = Some("AT".parse().unwrap());
    let mut target = before.clone();
    target.sources[0].phonebook = PhonebookTarget::New { name: PhonebookName::parse("Customers").unwrap() };
    for settings in [keep, region, target] {
        fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
        let refused = fixture.run(RunKind::Sync, Some(preview.id)).await;
        assert_eq!(refused.state, RunState::Refused, "{refused:?}");
    }
    assert_eq!(fixture.who("+49307654321"), is_sales("Dorn"));
}

#[tokio::test]
async fn a_phonebook_that_nobody_is_in_any_more_is_told_by_preview_and_run_with_its_routes() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Support")]);
    assert_eq!(fixture.sync().await.warnings, Vec::<String>::new());
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Export")]);
    let expected = "ATTENTION: phonebook \"Support\" is empty now; it had 1 contact. Inbound route \"to support\" \
                    asks for it and finds nobody in it";
    let preview = fixture.preview().await;
    assert_eq!(preview.warnings, [expected]);
    let (summary, _) = fixture.previewed(&preview);
    let told: Vec<_> = summary
        .phonebooks
        .iter()
        .map(|phonebook| (phonebook.name.as_str(), phonebook.is_new, phonebook.before, phonebook.after))
        .collect();
    assert_eq!(told, [("Export", true, 0, 1), ("Sales", false, 1, 1), ("Support", false, 1, 0)]);
    assert_eq!(fixture.sync().await.warnings, [expected]);
    // And as long as it stays so.
    let again = fixture.sync().await;
    assert!(
        again.warnings[0].contains("is still empty") && again.warnings[0].contains("to support"),
        "{again:?}"
    );
}

#[tokio::test]
async fn what_is_kept_of_a_large_preview_is_bounded_and_all_of_it_is_counted() {
    let fixture = Fixture::new();
    fixture
        .source()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO contacts SELECT i, 'Name ' || i, '+4930' || (1000000 + i), 'Sales' FROM n",
        )
        .unwrap();
    let preview = fixture.preview().await;
    assert_eq!(preview.counts.added, 3000);
    let (summary, changes) = fixture.previewed(&preview);
    assert_eq!(changes.len(), crate::sync::preview::MAX_KEPT_CHANGES);
    assert_eq!((changes[0].source_key.as_str(), changes[999].source_key.as_str()), ("1", "1000"));
    assert_eq!(
        (summary.calls.numbers, summary.calls.newly_matched, summary.calls.rerouted),
        (3000, 3000, 3000)
    );
    let [turn] = summary.calls.reroutes.as_slice() else { panic!("{summary:?}") };
    assert_eq!((turn.from.as_deref(), turn.to.as_deref(), turn.numbers), (None, Some("to sales"), 3000));
    assert_eq!(
        (turn.examples[0].number.to_string(), turn.examples[0].after.as_str()),
        ("+49301000001".into(), "Name 1")
    );
}

/// Nor does it keep anybody from writing: it needs nothing but one state to read.
#[tokio::test]
async fn a_preview_does_not_wait_for_whoever_writes() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let engine = &fixture.engine;
    let source = engine.read(|reading| Ok::<_, EngineError>(reading.source("crm")?)).unwrap().unwrap();
    let (planner, preparation) = engine.planner(&source.settings).unwrap();
    let reader = crate::source::open(&source.settings).unwrap();
    let progress = watch::Sender::new(crate::sync::Progress::start(None));
    let knowing = Arc::clone(engine);
    let known = move || knowing.read(|reading| Ok::<_, EngineError>(reading.known_contacts(source.id)?));
    let planning =
        crate::sync::plan(reader.into(), preparation, planner, known, progress, CancellationToken::new());
    let mut plan = planning.await.unwrap();
    let never = || false;
    let previewing = previewing::Previewing { engine, source: &source, is_cancelled: &never };
    let previewed = engine.store.write(|change| {
        change.next_generation()?;
        let previewed = previewing.preview(&mut plan, |_, _, _| Ok(()))?;
        drop(previewed);
        // Taken back.
        Err::<(), _>(EngineError::NotFound { what: "end", name: previewing.source.settings.name.clone() })
    });
    assert!(matches!(previewed, Err(EngineError::NotFound { what: "end", .. })), "{previewed:?}");
    let previewed = previewing.preview(&mut plan, |_, _, _| Ok(())).unwrap();
    assert_eq!(previewed.preview.summary.calls.newly_matched, 1);
}
