//! What differs between two settings, for people: what `ringroute apply --dry-run` prints.

use std::collections::HashMap;

use serde::Serialize;
use toml::{Table, Value};

use super::{ListedDestination, Settings, folded_name};
use crate::audit::{AuditAction, AuditEvent, ValueChange};
use crate::secret::{STORED, Secret};

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
        self.changes(new).into_iter().map(Change::from).collect()
    }

    /// The same for the audit: with every value also of what is added or removed. Secrets are not among them.
    #[must_use]
    pub fn changes(&self, new: &Settings) -> Vec<AuditEvent> {
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

impl From<AuditEvent> for Change {
    fn from(AuditEvent { action, subject, changes, left_out: _ }: AuditEvent) -> Self {
        let kind = match action {
            AuditAction::Added => ChangeKind::Added,
            AuditAction::Removed => ChangeKind::Removed,
            AuditAction::Changed | AuditAction::Started | AuditAction::Cancelled => ChangeKind::Changed,
        };
        let changes = if kind == ChangeKind::Changed { changes } else { Vec::new() };
        Change { kind, subject, details: changes.into_iter().map(told).collect() }
    }
}

/// What stands for a secret that is another than before.
const OTHER_SECRET: &str = "another secret";

fn told(ValueChange { field, before, after }: ValueChange) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
    match after.as_deref() {
        Some(OTHER_SECRET) => format!("{field}: {OTHER_SECRET}"),
        _ => format!("{field}: {} -> {}", shown(before), shown(after)),
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

fn compare(old: &[Item], new: &[Item], is_ordered: bool) -> Vec<AuditEvent> {
    let old_places: HashMap<&str, usize> =
        old.iter().enumerate().map(|(place, item)| (item.key.as_str(), place)).collect();
    let places: Vec<Option<usize>> =
        new.iter().map(|item| old_places.get(item.key.as_str()).copied()).collect();
    let moved = if is_ordered { moved(&places) } else { vec![false; new.len()] };

    let event = |action, item: &Item, changes| {
        let subject = item.subject.clone();
        AuditEvent { action, subject, changes, left_out: 0 }
    };
    let nothing = Table::new();
    let mut events = Vec::new();
    for (place, item) in new.iter().enumerate() {
        let mut changes = Vec::new();
        let Some(old_place) = places[place] else {
            compare_fields("", &nothing, &item.fields, &mut changes);
            events.push(event(AuditAction::Added, item, changes));
            continue;
        };
        if moved[place] {
            let [before, after] = [old_place, place].map(|place| Some((place + 1).to_string()));
            changes.push(ValueChange { field: "position".to_owned(), before, after });
        }
        compare_fields("", &old[old_place].fields, &item.fields, &mut changes);
        let changed = item.secrets.iter().filter(|(field, secret)| {
            let was = old[old_place].secrets.iter().find(|(other, _)| other == field);
            was.is_some_and(|(_, was)| was != secret && was.shown() == secret.shown())
        });
        changes.extend(changed.map(|(field, _)| ValueChange {
            field: (*field).to_owned(),
            before: Some(STORED.to_owned()),
            after: Some(OTHER_SECRET.to_owned()),
        }));
        if !changes.is_empty() {
            events.push(event(AuditAction::Changed, item, changes));
        }
    }
    let mut is_kept = vec![false; old.len()];
    places.iter().flatten().for_each(|place| is_kept[*place] = true);
    for (item, _) in old.iter().zip(is_kept).filter(|(_, is_kept)| !is_kept) {
        let mut changes = Vec::new();
        compare_fields("", &item.fields, &nothing, &mut changes);
        events.push(event(AuditAction::Removed, item, changes));
    }
    events
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

fn compare_fields(path: &str, old: &Table, new: &Table, changes: &mut Vec<ValueChange>) {
    let removed = old.keys().filter(|key| !new.contains_key(*key));
    for key in new.keys().chain(removed) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => compare_fields(&path, old, new, changes),
            (old, new) if old != new => {
                let [before, after] = [old, new].map(|value| value.map(Value::to_string));
                changes.push(ValueChange { field: path, before, after });
            }
            _ => {}
        }
    }
}
