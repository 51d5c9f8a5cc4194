//! The rules of routing as data: each file in `tests/routing_rules/` is one rule, with contacts, settings,
//! and calls with where they go. See the README there.

#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ringroute::contact::{ContactId, NumberLabel};
use ringroute::generation::Generation;
use ringroute::index::{ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook};
use ringroute::matching::CallerMatch;
use ringroute::phone_number::{Region, normalise};
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::routing::{Call, RouteDecision, decide, explain};
use ringroute::settings::Settings;
use ringroute::snapshot::Snapshot;
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
    #[serde(default, rename = "call")]
    calls: Vec<ExpectedCall>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: String,
    #[serde(default)]
    phonebooks: Vec<PhonebookName>,
    numbers: Vec<String>,
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
    status: String,
    route: String,
    destination: String,
    #[serde(default)]
    alert_info: String,
    why: Option<String>,
}

#[test]
fn every_rule_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/routing_rules");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 20, "only {} rules were found", files.len());

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
    if rule.calls.is_empty() {
        return vec!["has no calls".into()];
    }
    rule.calls.iter().filter_map(|call| surprise(&snapshot, call)).collect()
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
                own_extension: "",
                phonebooks: &phonebooks,
                numbers: &numbers,
            })
            .unwrap();
    }
    builder.finish(rule.settings.numbers.last_digits > 0).unwrap()
}

fn surprise(snapshot: &Snapshot, expected: &ExpectedCall) -> Option<String> {
    let ExpectedCall { caller, did, trunk, .. } = expected;
    let call = Call { caller, did, trunk };
    let decision = decide(snapshot, &call);
    let (explained, steps) = explain(snapshot, &call);
    let found = outcome(&decision);
    let wanted = [&expected.status, &expected.route, &expected.destination, &expected.alert_info];
    let sentences: Vec<&str> =
        steps.iter().flat_map(|step| &step.criteria).map(|outcome| outcome.why.as_str()).collect();
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

/// Status, route, destination and Alert-Info as the files write them.
fn outcome(decision: &RouteDecision<'_>) -> [String; 4] {
    let status = match &decision.caller_match {
        CallerMatch::Matched { .. } => "matched",
        CallerMatch::NotMatched(_) => "not matched",
        CallerMatch::Withheld => "withheld",
        CallerMatch::Invalid(_) => "invalid",
    };
    let Some(route) = decision.route else {
        return [status.into(), "none".into(), "none".into(), String::new()];
    };
    let destination = format!("{} {}", route.destination.destination_type.name(), route.destination.target);
    [status.into(), route.name.clone(), destination.trim_end().into(), route.alert_info.clone()]
}
