//! What differs between two settings, for people: what `ringroute apply --dry-run` prints.

use std::collections::HashMap;

use serde::Serialize;
use toml::{Table, Value};

use super::{ListedDestination, Settings, folded_name};
use crate::secret::Secret;

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In what way.
    pub kind: ChangeKind,
    /// What it is: `inbound_route "Sales"`, `numbers`.
    pub subject: String,
    /// Field by field: `destination.target: "6400" -> "6500"`. Empty unless the kind is
    /// [`ChangeKind::Changed`].
    pub details: Vec<String>,
}

/// In what way something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is there before and after.
    Changed,
    /// It is there no longer.
    Removed,
}

impl Settings {
    /// What becomes different when `new` takes the place of these settings, in the order of the document.
    ///
    /// Things are the same when their names are, in any case. The order of inbound routes counts, that of
    /// everything else does not, and neither does the spelling of a phonebook's name.
    #[must_use]
    pub fn difference(&self, new: &Settings) -> Vec<Change> {
        let numbers = |settings: &Settings| [Item::new("numbers".into(), "", &settings.numbers)];
        let limits = |settings: &Settings| [Item::new("limits".into(), "", &settings.limits)];
        let history = |settings: &Settings| [Item::new("history".into(), "", &settings.history)];
        let phonebooks = |settings: &Settings| {
            let names = settings.phonebooks.iter().map(|phonebook| phonebook.name.as_str());
            names.map(|name| Item::named("phonebook", name, &Table::new())).collect::<Vec<_>>()
        };
        let routing = |settings: &Settings| [Item::new("routing".into(), "", &settings.routing)];
        let destinations = |settings: &Settings| {
            let item = |listed: &ListedDestination| {
                let name = format!("{} {}", listed.destination_type.name(), listed.target);
                Item::named("destination", &name, listed)
            };
            settings.destinations.iter().map(item).collect::<Vec<_>>()
        };
        let extensions =
            |settings: &Settings| items("extension", &settings.extensions, |extension| &extension.number);
        let grants =
            |settings: &Settings| items("visibility_grant", &settings.visibility_grants, |grant| &grant.name);
        let clients = |settings: &Settings| [Item::new("client_policy".into(), "", &settings.client_policy)];
        let times = |settings: &Settings| {
            items("time_condition", &settings.time_conditions, |condition| &condition.name)
        };
        let trunks = |settings: &Settings| items("trunk", &settings.trunks, |trunk| &trunk.name);
        let sources = |settings: &Settings| {
            let mut items = items("source", &settings.sources, |source| &source.name);
            for (item, source) in items.iter_mut().zip(&settings.sources) {
                let secrets = source.connection.secrets().into_iter();
                item.secrets = secrets.map(|(field, secret)| (field, secret.clone())).collect();
            }
            items
        };
        let routes =
            |settings: &Settings| items("inbound_route", &settings.inbound_routes, |route| &route.name);

        let mut changes = compare(&numbers(self), &numbers(new), false);
        changes.extend(compare(&limits(self), &limits(new), false));
        changes.extend(compare(&history(self), &history(new), false));
        changes.extend(compare(&phonebooks(self), &phonebooks(new), false));
        changes.extend(compare(&routing(self), &routing(new), false));
        changes.extend(compare(&destinations(self), &destinations(new), false));
        changes.extend(compare(&extensions(self), &extensions(new), false));
        changes.extend(compare(&grants(self), &grants(new), false));
        changes.extend(compare(&clients(self), &clients(new), false));
        changes.extend(compare(&times(self), &times(new), false));
        changes.extend(compare(&trunks(self), &trunks(new), false));
        changes.extend(compare(&sources(self), &sources(new), false));
        changes.extend(compare(&routes(self), &routes(new), true));
        changes
    }
}

/// Something with a name and fields.
struct Item {
    subject: String,
    key: String,
    fields: Table,
    /// By field; in `fields` they are masked, and look alike.
    secrets: Vec<(&'static str, Secret)>,
}

impl Item {
    fn new(subject: String, name: &str, setting: &impl Serialize) -> Self {
        // Settings that TOML cannot write cannot be given as a document either: nothing to tell of them.
        let fields = Table::try_from(setting).unwrap_or_default();
        Item { subject, key: folded_name(name), fields, secrets: Vec::new() }
    }

    fn named(kind: &str, name: &str, setting: &impl Serialize) -> Self {
        Item::new(format!("{kind} {name:?}"), name, setting)
    }
}

fn items<T: Serialize>(kind: &str, settings: &[T], name: impl Fn(&T) -> &str) -> Vec<Item> {
    settings.iter().map(|setting| Item::named(kind, name(setting), setting)).collect()
}

fn compare(old: &[Item], new: &[Item], is_ordered: bool) -> Vec<Change> {
    let old_places: HashMap<&str, usize> =
        old.iter().enumerate().map(|(place, item)| (item.key.as_str(), place)).collect();
    let places: Vec<Option<usize>> =
        new.iter().map(|item| old_places.get(item.key.as_str()).copied()).collect();
    let moved = if is_ordered { moved(&places) } else { vec![false; new.len()] };

    let mut changes = Vec::new();
    for (place, item) in new.iter().enumerate() {
        let Some(old_place) = places[place] else {
            let subject = item.subject.clone();
            changes.push(Change { kind: ChangeKind::Added, subject, details: Vec::new() });
            continue;
        };
        let mut details = Vec::new();
        if moved[place] {
            details.push(format!("position: {} -> {}", old_place + 1, place + 1));
        }
        compare_fields("", &old[old_place].fields, &item.fields, &mut details);
        let changed = item.secrets.iter().filter(|(field, secret)| {
            let was = old[old_place].secrets.iter().find(|(other, _)| other == field);
            was.is_some_and(|(_, was)| was != secret && was.shown() == secret.shown())
        });
        details.extend(changed.map(|(field, _)| format!("{field}: another secret")));
        if !details.is_empty() {
            changes.push(Change { kind: ChangeKind::Changed, subject: item.subject.clone(), details });
        }
    }
    let mut is_kept = vec![false; old.len()];
    places.iter().flatten().for_each(|place| is_kept[*place] = true);
    for (item, _) in old.iter().zip(is_kept).filter(|(_, is_kept)| !is_kept) {
        let subject = item.subject.clone();
        changes.push(Change { kind: ChangeKind::Removed, subject, details: Vec::new() });
    }
    changes
}

/// Which items were moved, told by their old places in the new order: as few as possible, so the others are
/// a longest increasing subsequence. Quadratic, which is nothing for as many routes as there may be.
fn moved(places: &[Option<usize>]) -> Vec<bool> {
    // For each item, the longest increasing run that ends with it, and the item before it in that run.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::with_capacity(places.len());
    for (item, place) in places.iter().enumerate() {
        let before = (0..item).filter(|&other| places[other].is_some() && places[other] < *place);
        let previous = before.max_by_key(|&other| runs[other].0);
        runs.push((previous.map_or(1, |other| runs[other].0 + 1), previous));
    }
    let mut moved: Vec<bool> = places.iter().map(Option::is_some).collect();
    let there = (0..places.len()).filter(|&item| places[item].is_some());
    let mut last = there.max_by_key(|&item| runs[item].0);
    while let Some(item) = last {
        moved[item] = false;
        last = runs[item].1;
    }
    moved
}

fn compare_fields(path: &str, old: &Table, new: &Table, details: &mut Vec<String>) {
    let removed = old.keys().filter(|key| !new.contains_key(*key));
    for key in new.keys().chain(removed) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => compare_fields(&path, old, new, details),
            (old, new) if old != new => details.push(format!("{path}: {} -> {}", shown(old), shown(new))),
            _ => {}
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".to_owned(), Value::to_string)
}
