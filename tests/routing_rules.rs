//! The rules of routing as data: each file in `tests/routing_rules/` is one rule, with contacts, settings,
//! and calls with where they go. See the README there.

#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use ringroute::contact::{ContactId, NumberLabel};
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::matching::CallerMatch;
use ringroute::phone_number::{Region, normalise};
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::routing::{Call, Explanation, RouteDecision, check, decide, explain};
use ringroute::settings::{Attestation, Settings};
use ringroute::snapshot::{LastSynced, Snapshot};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    rule: String,
    #[serde(default)]
    phonebooks: Vec<PhonebookName>,
    settings: Settings,
    #[serde(default, rename = "contact")]
    contacts: Vec<Contact>,
    /// Of phonebooks that have an age: when, or "never".
    #[serde(default)]
    last_synced: BTreeMap<String, String>,
    #[serde(default, rename = "call")]
    calls: Vec<ExpectedCall>,
    refused: Option<String>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: String,
    #[serde(default)]
    phonebooks: Vec<PhonebookName>,
    numbers: Vec<String>,
    #[serde(default)]
    own_extension: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedCall {
    #[serde(default)]
    caller: String,
    #[serde(default)]
    did: String,
    #[serde(default)]
    trunk: String,
    attestation: Option<Attestation>,
    at: Option<Timestamp>,
    status: String,
    route: String,
    destination: String,
    #[serde(default)]
    alert_info: String,
    #[serde(default)]
    caller_name_prefix: String,
    #[serde(default)]
    time_condition: String,
    dial_string: Option<String>,
    why: Option<String>,
}

/// The time at which everything happens that says no other: a Tuesday.
const NOW: &str = "2026-11-24T12:00:00Z";

#[test]
fn every_rule_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/routing_rules");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 60, "only {} rules were found", files.len());

    let mut rules = BTreeSet::new();
    let mut failures = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let rule: Rule = match toml::from_str(&fs::read_to_string(&path).unwrap()) {
            Ok(rule) => rule,
            Err(error) => {
                failures.push(format!("{name} cannot be read: {error}"));
                continue;
            }
        };
        if !rules.insert(rule.rule.clone()) {
            failures.push(format!("{name} has the rule of another file"));
        }
        failures.extend(broken(&rule).into_iter().map(|what| format!("{name}: {}\n    {what}", rule.rule)));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What does not come out as the rule says.
fn broken(rule: &Rule) -> Vec<String> {
    let contacts = Arc::new(contacts_of(rule));
    let snapshot = match (Snapshot::new(Generation(1), contacts, &rule.settings), &rule.refused) {
        (Ok(_), Some(expected)) => return vec![format!("was not refused: expected {expected:?}")],
        (Err(error), None) => return vec![format!("was refused: {error}")],
        (Err(error), Some(expected)) if error.to_string() == *expected => return Vec::new(),
        (Err(error), Some(expected)) => {
            return vec![format!("was refused with {error}, expected {expected:?}")];
        }
        (Ok(snapshot), None) => snapshot,
    };
    let snapshot = snapshot.with_last_synced(|id| {
        match rule.last_synced.get(rule.phonebooks[id.0 as usize].as_str()).map(String::as_str) {
            None => LastSynced::Local,
            Some("never") => LastSynced::Never,
            Some(time) => LastSynced::At(time.parse().unwrap()),
        }
    });
    let mut broken: Vec<String> = rule.calls.iter().filter_map(|call| surprise(&snapshot, call)).collect();
    if let Some(expected) = &rule.warnings {
        let found: Vec<String> = check(&snapshot, NOW.parse().unwrap())
            .into_iter()
            .map(|warning| format!("{}: {}", warning.route, warning.message))
            .collect();
        if found != *expected {
            broken.push(format!("expected the warnings {expected:#?}\n    found {found:#?}"));
        }
    } else if rule.calls.is_empty() {
        broken.push("has neither calls nor warnings".into());
    }
    broken
}

fn contacts_of(rule: &Rule) -> ContactIndex {
    let id_of = |name: &PhonebookName| {
        let place = rule.phonebooks.iter().position(|other| other == name);
        PhonebookId(place.expect("the file lists the phonebooks of its contacts") as u32)
    };
    let phonebooks =
        rule.phonebooks.iter().map(|name| IndexedPhonebook { id: id_of(name), name: name.clone() });
    let mut builder = ContactIndexBuilder::new(phonebooks.collect()).unwrap();
    let region: Option<Region> = rule.settings.numbers.default_region;
    for (contact, id) in rule.contacts.iter().zip(1..) {
        let numbers: Vec<IndexedNumber> = contact
            .numbers
            .iter()
            .map(|raw| IndexedNumber {
                number: normalise(raw, region).unwrap().number,
                label: NumberLabel::BusinessNumber,
            })
            .collect();
        let phonebooks: Vec<PhonebookId> = contact.phonebooks.iter().map(id_of).collect();
        builder
            .push(IndexedContact {
                id: ContactId(id),
                source: Some("crm"),
                source_key: &id.to_string(),
                display_name: &contact.name,
                company: "",
                own_extension: &contact.own_extension,
                phonebooks: &phonebooks,
                numbers: &numbers,
            })
            .unwrap();
    }
    builder.finish(rule.settings.numbers.last_digits > 0).unwrap()
}

fn surprise(snapshot: &Snapshot, expected: &ExpectedCall) -> Option<String> {
    let ExpectedCall { caller, did, trunk, attestation, at, .. } = expected;
    let at = at.unwrap_or_else(|| NOW.parse().unwrap());
    let call = Call { caller, did, trunk, attestation: *attestation, at };
    let decision = decide(snapshot, &call);
    let (explained, Explanation { steps, .. }) = explain(snapshot, &call);
    let found = outcome(&decision);
    let wanted = [
        &expected.status,
        &expected.route,
        &expected.destination,
        &expected.alert_info,
        &expected.caller_name_prefix,
        &expected.time_condition,
    ];
    let sentences: Vec<&str> = steps
        .iter()
        .flat_map(|step| step.criteria.iter().map(|outcome| &outcome.why).chain([&step.destination_why]))
        .map(String::as_str)
        .collect();
    if let Some(wanted) = &expected.dial_string {
        let dialled = decision.destination.as_ref().and_then(|chosen| chosen.dial_string(snapshot));
        if dialled.as_deref().unwrap_or_default() != wanted {
            return Some(format!("{call:?}\n    expected the dial string {wanted:?}, found {dialled:?}"));
        }
    }
    if found.each_ref() != wanted || outcome(&explained) != found {
        let explained = outcome(&explained);
        return Some(format!(
            "{call:?}\n    expected {wanted:?}\n    decided  {found:?}\n    explained {explained:?}: {steps:#?}"
        ));
    }
    match &expected.why {
        Some(why) if !sentences.contains(&why.as_str()) => {
            Some(format!("{call:?}\n    expected the sentence {why:?}\n    explained {sentences:#?}"))
        }
        _ => None,
    }
}

/// Status, route, destination, Alert-Info, prefix of the caller's name and time condition as the files write them.
fn outcome(decision: &RouteDecision<'_>) -> [String; 6] {
    let status = match &decision.caller_match {
        CallerMatch::Matched { .. } => "matched",
        CallerMatch::NotMatched(_) => "not matched",
        CallerMatch::Withheld => "withheld",
        CallerMatch::Invalid(_) => "invalid",
    };
    let nothing = String::new;
    let (Some(route), Some(chosen)) = (decision.route, &decision.destination) else {
        return [status.into(), "none".into(), "none".into(), nothing(), nothing(), nothing()];
    };
    let destination = format!("{} {}", chosen.destination_type.name(), chosen.target);
    [
        status.into(),
        route.name.clone(),
        destination.trim_end().into(),
        route.alert_info.clone(),
        route.caller_name_prefix.clone(),
        decision.time_condition.unwrap_or_default().into(),
    ]
}
