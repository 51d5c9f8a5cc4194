//! What a preview tells of a plan: contact by contact, phonebook by phonebook, and what becomes of calls.
//!
//! Everything is counted; what is kept of it is bounded ([`MAX_KEPT_CHANGES`] of each kind,
//! [`MAX_KEPT_REROUTES`]), so that a preview of half a million contacts is no larger than it is readable.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::{ContactDetails, FieldDifference, difference};
use crate::phone_number::PhoneNumber;
use crate::phonebook::PhonebookName;
use crate::settings::{Attestation, InboundRoute};

/// Most changes of each kind that are kept.
pub const MAX_KEPT_CHANGES: usize = 1000;

/// Most changes of route that are kept.
pub const MAX_KEPT_REROUTES: usize = 1000;

/// Most lines that are kept of one change of route.
pub const MAX_KEPT_LINES: usize = 10;

/// What a preview is to assume of the calls whose routes it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedCalls {
    /// How far the network vouches for the caller's number; `None` when it does not.
    pub attestation: Option<Attestation>,
    /// When they come in; `None` for when the preview is made.
    pub at: Option<Timestamp>,
}

impl Default for AssumedCalls {
    /// Calls of the moment whose network vouches for the caller in full: those that routes which ask for it take.
    fn default() -> Self {
        AssumedCalls { attestation: Some(Attestation::A), at: None }
    }
}

/// What a run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// As a whole.
    pub summary: PreviewSummary,
    /// Contact by contact: the first [`MAX_KEPT_CHANGES`] of each kind, kind by kind.
    pub changes: Vec<ContactChange>,
}

/// What a run would do, as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PreviewSummary {
    /// Why a run would be refused unless it is allowed by the id of this preview; empty when it would not be.
    pub objection: String,
    /// The phonebooks of the source, by name: also those in which nothing changes.
    pub phonebooks: Vec<PhonebookChange>,
    /// What becomes of calls.
    pub calls: CallEffect,
}

/// How many contacts a phonebook of the source has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonebookChange {
    /// Its name.
    pub name: PhonebookName,
    /// Whether the run makes it.
    pub is_new: bool,
    /// How many contacts are in it before.
    pub before: u64,
    /// And afterwards.
    pub after: u64,
    /// Inbound routes that ask for it, in the order in which they are tried; those that are off are not there.
    pub routes: Vec<String>,
}

impl PhonebookChange {
    /// Names of the enabled routes that ask for a phonebook.
    #[must_use]
    pub fn routes_asking_for(name: &PhonebookName, routes: &[InboundRoute]) -> Vec<String> {
        let asks = |route: &&InboundRoute| {
            route.enabled && route.phonebooks.iter().any(|wanted| wanted.is_same_as(name))
        };
        routes.iter().filter(asks).map(|route| route.name.clone()).collect()
    }

    /// What is to be said of a phonebook that is empty afterwards.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        if self.after > 0 || self.is_new {
            return None;
        }
        let now = match self.before {
            0 => "is still empty".to_owned(),
            1 => "is empty now; it had 1 contact".to_owned(),
            before => format!("is empty now; it had {before} contacts"),
        };
        let warning = format!("phonebook {:?} {now}", self.name.as_str());
        let names: Vec<String> = self.routes.iter().take(5).map(|route| format!("{route:?}")).collect();
        Some(match self.routes.len() {
            0 => warning,
            1 => {
                format!("ATTENTION: {warning}. Inbound route {} asks for it and finds nobody in it", names[0])
            }
            count => format!(
                "ATTENTION: {warning}. {count} inbound routes ask for it and find nobody in it: {}{}",
                names.join(", "),
                if count > names.len() { ", …" } else { "" }
            ),
        })
    }
}

/// What becomes of calls from numbers that a contact has, before or afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallEffect {
    /// Where calls were assumed to come in: one line of each kind that routes can tell apart.
    pub lines: Vec<AssumedLine>,
    /// Patterns of dialled numbers that were not tried.
    pub patterns_left_out: u64,
    /// Numbers for which a call would be told something else of the caller.
    pub numbers: u64,
    /// Of these, numbers that find a contact and did not before.
    pub newly_matched: u64,
    /// Numbers that find nobody any more.
    pub no_longer_matched: u64,
    /// Numbers that find somebody before and afterwards: another contact, name or phonebook.
    pub matched_otherwise: u64,
    /// Numbers whose call takes another route on at least one line.
    pub rerouted: u64,
    /// From which route to which, the most frequent first: the first [`MAX_KEPT_REROUTES`].
    pub reroutes: Vec<Reroute>,
    /// How many there are.
    pub reroute_count: u64,
    /// How far the network was assumed to vouch for callers' numbers; `None`: not at all.
    pub attestation: Option<Attestation>,
    /// The time that calls were decided for; `None` when none was, because the run would change no answer.
    pub at: Option<Timestamp>,
}

/// Where a call is assumed to come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedLine {
    /// The trunk; empty for one that is unknown.
    pub trunk: String,
    /// The dialled number; empty for one that no route asks for.
    pub did: String,
}

/// Calls that take another route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reroute {
    /// Name of the route before; `None` when no route took the call.
    pub from: Option<String>,
    /// Name of the route afterwards.
    pub to: Option<String>,
    /// How many numbers.
    pub numbers: u64,
    /// On which lines, by their places: the first [`MAX_KEPT_LINES`].
    pub lines: Vec<u32>,
    /// On how many.
    pub line_count: u64,
    /// The first of the numbers.
    pub examples: Vec<RerouteExample>,
}

/// A number that takes another route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerouteExample {
    /// The number.
    pub number: PhoneNumber,
    /// Who is found by it before; empty when nobody is.
    pub before: String,
    /// And afterwards.
    pub after: String,
    /// On which line, by its place.
    pub line: u32,
}

/// What becomes of one contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactChange {
    /// What becomes of it.
    pub kind: ContactChangeKind,
    /// What the source calls it.
    pub source_key: String,
    /// Its name afterwards; before, if it is removed.
    pub display_name: String,
    /// The phonebook that it is in before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PhonebookName>,
    /// The phonebook that it is in afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PhonebookName>,
    /// Field by field what differs. Of a contact that is added or removed, all that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What becomes of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ContactChangeKind {
    /// It was not there before.
    Added,
    /// Something of it differs; it may have moved as well.
    Changed,
    /// It goes to another phonebook, and nothing else differs.
    Moved,
    /// It was not received and goes.
    Removed,
    /// It was not received and stays.
    KeptMissing,
}

/// What becomes of one field of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name as in a field map, such as `business_number`.
    pub field: String,
    /// Before; empty when it was blank.
    pub before: String,
    /// Afterwards; empty when it is blank.
    pub after: String,
}

/// What differs between two contacts, field by field.
#[must_use]
pub fn field_changes(before: &ContactDetails, after: &ContactDetails) -> Vec<FieldChange> {
    let told =
        |FieldDifference { field, before, after }| FieldChange { field: field.to_owned(), before, after };
    difference(before, after).into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phonebook(before: u64, after: u64, routes: &[&str]) -> PhonebookChange {
        PhonebookChange {
            name: PhonebookName::parse("Support").unwrap(),
            is_new: false,
            before,
            after,
            routes: routes.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_phonebook_that_is_empty_is_told_and_loudly_when_a_route_asks_for_it() {
        assert_eq!(phonebook(3, 1, &["a"]).warning(), None);
        assert_eq!(phonebook(0, 0, &[]).warning().unwrap(), "phonebook \"Support\" is still empty");
        assert_eq!(
            phonebook(3, 0, &["to support"]).warning().unwrap(),
            "ATTENTION: phonebook \"Support\" is empty now; it had 3 contacts. Inbound route \"to support\" asks \
             for it and finds nobody in it"
        );
        let many = phonebook(3, 0, &["1", "2", "3", "4", "5", "6"]).warning().unwrap();
        assert!(many.ends_with(
            "6 inbound routes ask for it and find nobody in it: \"1\", \"2\", \"3\", \"4\", \"5\", …"
        ));
    }
}
