//! Who changed what: the actor behind a change, and what the audit remembers of it.
//!
//! Every door says who asks, as an [`Actor`]; the engine's edits take one
//! ([`Engine::by`](crate::engine::Engine::by)), and the store writes what changed in the transaction of the
//! change itself, so neither is ever there without the other. Values come from settings as they are shown, so
//! secrets are not among them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::generation::Generation;

/// Way on which somebody came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// gRPC, so also the command line.
    Grpc,
    /// The web console.
    Console,
    /// Nobody came in: the program itself, such as its schedule.
    #[default]
    Inside,
}

impl Door {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Door::Grpc => "grpc",
            Door::Console => "console",
            Door::Inside => "",
        }
    }
}

/// Who does something, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Name of the user or token; empty when nobody had to say.
    pub name: String,
    /// The way on which they came in.
    pub door: Door,
    /// Where they came from, such as `192.0.2.1:4711`; empty when they came from nowhere else.
    pub address: String,
}

impl Actor {
    /// Somebody who came in from an address, if there is one, without having to say who they are.
    #[must_use]
    pub fn unnamed(door: Door, address: Option<impl fmt::Display>) -> Self {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        Actor { name: String::new(), door, address }
    }
}

/// Something inside of the program, by name.
impl From<&str> for Actor {
    fn from(name: &str) -> Self {
        Actor { name: name.to_owned(), ..Actor::default() }
    }
}

/// As runs and lists show it: `grpc 192.0.2.1:4711, token "Kamailio"`, `console 192.0.2.1, user "anna"`, `schedule`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Actor { name, door, address } = self;
        let what = match door {
            Door::Inside => return f.write_str(name),
            Door::Grpc => "token",
            Door::Console => "user",
        };
        f.write_str(door.name())?;
        if !address.is_empty() {
            write!(f, " {address}")?;
        }
        if !name.is_empty() {
            write!(f, ", {what} {name:?}")?;
        }
        Ok(())
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// It was not there before.
    Added,
    /// It is there before and after.
    Changed,
    /// It is there no longer.
    Removed,
    /// Something was started, such as a sync run.
    Started,
    /// Something that was under way was ended.
    Cancelled,
}

impl AuditAction {
    /// Its name, as it is searched for.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AuditAction::Added => "added",
            AuditAction::Changed => "changed",
            AuditAction::Removed => "removed",
            AuditAction::Started => "started",
            AuditAction::Cancelled => "cancelled",
        }
    }
}

/// A value before and after; `None` is not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// Which, such as `destination.target`.
    pub field: String,
    /// What it was.
    pub before: Option<String>,
    /// What it became.
    pub after: Option<String>,
}

/// One thing that somebody does, to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What is done.
    pub action: AuditAction,
    /// With what: `inbound_route "Sales"`, `numbers`, `sync run 17 of source "crm"`.
    pub subject: String,
    /// Value by value. Whoever makes it leaves secrets out.
    pub changes: Vec<ValueChange>,
    /// How many values are left out of the list, because it would be too long.
    #[serde(default)]
    pub left_out: u64,
}

/// Most values of one event that are remembered.
const MAX_CHANGES: usize = 64;

/// Longest value that is remembered whole, in characters.
const MAX_VALUE_CHARACTERS: usize = 512;

impl AuditEvent {
    /// Something without values.
    #[must_use]
    pub fn new(action: AuditAction, subject: impl Into<String>) -> Self {
        AuditEvent { action, subject: subject.into(), changes: Vec::new(), left_out: 0 }
    }

    /// With a value that changes.
    #[must_use]
    pub fn with(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        self.changes.push(ValueChange { field: field.to_owned(), before, after });
        self
    }

    /// The same in a bounded space: long values are cut and say so, values beyond the first 64 are counted.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let beyond = self.changes.len().saturating_sub(MAX_CHANGES);
        self.changes.truncate(MAX_CHANGES);
        self.left_out += beyond as u64;
        for change in &mut self.changes {
            change.before.iter_mut().chain(&mut change.after).for_each(cut);
        }
        self
    }
}

fn cut(value: &mut String) {
    if let Some((end, _)) = value.char_indices().nth(MAX_VALUE_CHARACTERS) {
        let characters = value.chars().count();
        value.truncate(end);
        value.push_str(&format!("… ({characters} characters)"));
    }
}

/// What the audit remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; later entries have higher ones.
    pub id: u64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub event: AuditEvent,
    /// The generation that was current afterwards.
    pub generation: Generation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_shown_with_what_is_known_of_them() {
        let address = Some("192.0.2.1:4711");
        assert_eq!(Actor::unnamed(Door::Grpc, address).to_string(), "grpc 192.0.2.1:4711");
        assert_eq!(Actor::unnamed(Door::Grpc, None::<&str>).to_string(), "grpc");
        assert_eq!(Actor::from("schedule").to_string(), "schedule");
        let anna = Actor { name: "anna".into(), ..Actor::unnamed(Door::Console, address) };
        assert_eq!(anna.to_string(), r#"console 192.0.2.1:4711, user "anna""#);
    }

    #[test]
    fn an_event_takes_a_bounded_space_and_says_what_it_leaves_out() {
        let mut event = AuditEvent::new(AuditAction::Changed, "numbers");
        for number in 0..100 {
            event = event.with(&format!("field {number}"), None, Some("ü".repeat(10_000)));
        }
        let event = event.bounded();
        assert_eq!((event.changes.len(), event.left_out), (MAX_CHANGES, 100 - MAX_CHANGES as u64));
        let after = event.changes[0].after.as_deref().unwrap();
        assert!(after.starts_with('ü') && after.ends_with("… (10000 characters)"), "{after}");
        assert!(after.chars().count() < 2 * MAX_VALUE_CHARACTERS);
    }
}
