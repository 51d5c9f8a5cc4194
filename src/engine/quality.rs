//! How good the data of a source are: counted as a whole, or listed page by page.
//!
//! Numbers that contacts share come from the snapshot in memory, everything else from one state of the store,
//! one contact at a time. Neither needs memory that grows with the contacts, nor the store's writer; a call does
//! not notice.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use super::syncing::region_of;
use super::{Engine, EngineError, is_same_name};
use crate::contact::{ContactDetails, ContactId, display_name};
use crate::index::{ContactIndex, Postings};
use crate::phone_number::PhoneNumber;
use crate::settings::Settings;
use crate::store::{Reading, StoreError, StoredSource};
use crate::sync::quality::{ContactFinding, QualityKind, QualityRules};

/// Most contacts that are named by one finding.
pub const MAX_NAMED_CONTACTS: usize = 10;

/// How often each thing was found in the contacts of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityReport {
    /// Name of the source.
    pub source: String,
    /// How many contacts it has.
    pub contacts: u64,
    /// How often each kind was found, all kinds in their order.
    pub counts: BTreeMap<QualityKind, u64>,
}

/// Something that should be put right in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityFinding {
    /// What it is.
    pub kind: QualityKind,
    /// The number that it is about.
    pub number: Option<PhoneNumber>,
    /// As the source writes it; empty when it is about several contacts.
    pub written: String,
    /// The contacts that it is about: the first [`MAX_NAMED_CONTACTS`].
    pub contacts: Vec<QualityContact>,
    /// How many it is about.
    pub contact_count: u64,
    /// What is the matter and what to do.
    pub reason: String,
}

/// A contact that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityContact {
    /// Its number.
    pub id: ContactId,
    /// Name of its source; empty when it is local.
    pub source: String,
    /// What the source calls it.
    pub source_key: String,
    /// Its name.
    pub display_name: String,
    /// Names of its phonebooks.
    pub phonebooks: Vec<String>,
}

/// Where in all findings a page begins. Written as a text and read back by clients who keep it for the next page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QualityPosition {
    /// With the first.
    #[default]
    Start,
    /// With the numbers, from the first one after this one on, or from their beginning.
    Numbers {
        /// The last number that was told.
        after: Option<PhoneNumber>,
    },
    /// With the contacts, from this one on, `skipped` of whose findings were told.
    Contact {
        /// The contact.
        id: ContactId,
        /// How many of its findings were told.
        skipped: usize,
    },
}

impl fmt::Display for QualityPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QualityPosition::Start => Ok(()),
            QualityPosition::Numbers { after: None } => f.write_str("number:"),
            QualityPosition::Numbers { after: Some(number) } => write!(f, "number:{number}"),
            QualityPosition::Contact { id, skipped } => write!(f, "contact:{id}:{skipped}"),
        }
    }
}

/// The text is not one that a position was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignPosition;

impl FromStr for QualityPosition {
    type Err = ForeignPosition;

    fn from_str(text: &str) -> Result<Self, ForeignPosition> {
        if text.is_empty() {
            return Ok(QualityPosition::Start);
        }
        if let Some(number) = text.strip_prefix("number:") {
            let after = match number {
                "" => None,
                number => Some(number.parse().map_err(|_| ForeignPosition)?),
            };
            return Ok(QualityPosition::Numbers { after });
        }
        let contact = text.strip_prefix("contact:").and_then(|rest| rest.split_once(':'));
        let (id, skipped) = contact.ok_or(ForeignPosition)?;
        let (id, skipped) =
            (id.parse().map_err(|_| ForeignPosition)?, skipped.parse().map_err(|_| ForeignPosition)?);
        if id > i64::MAX as u64 {
            // The store counts to there.
            return Err(ForeignPosition);
        }
        Ok(QualityPosition::Contact { id: ContactId(id), skipped })
    }
}

impl Engine {
    /// Counts what there is to find in the contacts of a source. Blocks, for some seconds when there are many.
    pub fn quality_report(&self, source: &str) -> Result<QualityReport, EngineError> {
        let mut counts: BTreeMap<QualityKind, u64> = QualityKind::ALL.map(|kind| (kind, 0)).into();
        self.look_through(source, QualityPosition::Start, |found, _| {
            *counts.entry(found.kind()).or_default() += 1;
            Ok(ControlFlow::Continue(()))
        })
        .map(|(source, contacts)| QualityReport { source, contacts, counts })
    }

    /// Lists what there is to find, of one kind or of all: at most `limit` from a position on, and where the next
    /// page begins if there is one. Blocks.
    pub fn quality_findings(
        &self,
        source: &str,
        kind: Option<QualityKind>,
        from: QualityPosition,
        limit: usize,
    ) -> Result<(Vec<QualityFinding>, Option<QualityPosition>), EngineError> {
        let (mut findings, mut next, mut last) = (Vec::new(), None, from);
        self.look_through(source, from, |found, behind| {
            if kind.is_some_and(|kind| kind != found.kind()) {
                return Ok(ControlFlow::Continue(()));
            }
            if findings.len() == limit {
                next = Some(last);
                return Ok(ControlFlow::Break(()));
            }
            findings.push(found.told()?);
            last = behind;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((findings, next))
    }

    /// Hands everything that is found from a position on to `take`, with the position behind it, until it says to
    /// stop. Returns the name of the source and how many contacts it has.
    fn look_through(
        &self,
        source: &str,
        from: QualityPosition,
        mut take: impl FnMut(Found<'_>, QualityPosition) -> Result<ControlFlow<()>, EngineError>,
    ) -> Result<(String, u64), EngineError> {
        let snapshot = self.snapshot().clone();
        self.read(|reading| {
            let found = reading.source(source)?;
            let source =
                found.ok_or_else(|| EngineError::NotFound { what: "source", name: source.to_owned() })?;
            let done = (source.settings.name.clone(), reading.contact_count_of(source.id)?);
            let mut flow = ControlFlow::Continue(());
            if from == QualityPosition::Start && source.settings.field_map.key.is_none() {
                flow = take(Found::NoKey, QualityPosition::Numbers { after: None })?;
            }
            let first_number = match from {
                QualityPosition::Start => Some(None),
                QualityPosition::Numbers { after } => Some(after),
                QualityPosition::Contact { .. } => None,
            };
            if let (Some(after), Some(snapshot)) = (first_number, &snapshot) {
                let contacts = snapshot.contacts();
                let numbers =
                    after.map_or_else(|| contacts.numbers(), |number| contacts.numbers_after(number));
                for (number, postings) in numbers {
                    if flow.is_break() {
                        break;
                    }
                    if let Some(shared) = Shared::of(contacts, number, postings, &source.settings.name) {
                        let behind = QualityPosition::Numbers { after: Some(number) };
                        flow = take(Found::Shared(shared), behind)?;
                    }
                }
            }
            if flow.is_continue() {
                look_through_contacts(reading, &source, from, &mut take)?;
            }
            Ok(done)
        })
    }
}

fn look_through_contacts(
    reading: &Reading<'_>,
    source: &StoredSource,
    from: QualityPosition,
    take: &mut impl FnMut(Found<'_>, QualityPosition) -> Result<ControlFlow<()>, EngineError>,
) -> Result<(), EngineError> {
    let settings: Settings = reading.settings()?;
    let rules = QualityRules::new(region_of(&source.settings, &settings), &settings);
    let (first, told) = match from {
        QualityPosition::Contact { id, skipped } => (id, skipped),
        QualityPosition::Start | QualityPosition::Numbers { .. } => (ContactId(0), 0),
    };
    reading.each_contact_of(source.id, first, |row| {
        let details: ContactDetails = serde_json::from_str(row.details)
            .map_err(|error| StoreError::DamagedContact { contact: row.id, detail: error.to_string() })?;
        let findings = rules.findings(&details, row.missing_since);
        let told = if row.id == first { told } else { 0 };
        for (place, finding) in findings.into_iter().enumerate().skip(told) {
            let behind = QualityPosition::Contact { id: row.id, skipped: place + 1 };
            if take(Found::AtContact { reading, id: row.id, finding }, behind)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Something found, not yet told: only what is listed is looked up in full.
enum Found<'a> {
    NoKey,
    Shared(Shared<'a>),
    AtContact { reading: &'a Reading<'a>, id: ContactId, finding: ContactFinding },
}

impl Found<'_> {
    fn kind(&self) -> QualityKind {
        match self {
            Found::NoKey => QualityKind::NoKey,
            Found::Shared(shared) => shared.kind,
            Found::AtContact { finding, .. } => finding.kind,
        }
    }

    fn told(self) -> Result<QualityFinding, EngineError> {
        match self {
            Found::NoKey => Ok(QualityFinding {
                kind: QualityKind::NoKey,
                number: None,
                written: String::new(),
                contacts: Vec::new(),
                contact_count: 0,
                reason:
                    "field_map has no key, so a contact is known by its whole content: when anything of it \
                         changes, one contact goes and another comes. Map a column that never changes"
                        .to_owned(),
            }),
            Found::Shared(shared) => Ok(shared.told()),
            Found::AtContact { reading, id, finding } => {
                let ContactFinding { kind, number, written, reason } = finding;
                let names = reading.phonebook_names()?;
                let contact = reading.contact(id)?.map(|contact| QualityContact {
                    id,
                    source: contact.source.unwrap_or_default(),
                    source_key: contact.source_key,
                    display_name: display_name(
                        &contact.details.first_name,
                        &contact.details.last_name,
                        &contact.details.company,
                    ),
                    phonebooks: contact
                        .phonebooks
                        .iter()
                        .filter_map(|phonebook| names.get(phonebook))
                        .map(ToString::to_string)
                        .collect(),
                });
                let contacts = contact.into_iter().collect();
                Ok(QualityFinding { kind, number, written, contacts, contact_count: 1, reason })
            }
        }
    }
}

/// A number that several contacts have, at least one of the source among them.
struct Shared<'a> {
    kind: QualityKind,
    number: PhoneNumber,
    index: &'a ContactIndex,
    postings: Postings<'a>,
}

impl<'a> Shared<'a> {
    fn of(
        index: &'a ContactIndex,
        number: PhoneNumber,
        postings: Postings<'a>,
        source: &str,
    ) -> Option<Self> {
        if postings.len() < 2 {
            return None;
        }
        let views = || postings.clone().map(|posting| index.contact(posting.contact()));
        if !views().any(|contact| is_same_name(contact.source, source)) {
            return None;
        }
        let mut names: Vec<_> = views()
            .map(|contact| (contact.display_name.to_lowercase(), contact.company.to_lowercase()))
            .collect();
        names.sort_unstable();
        let is_twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        let kind = if is_twice { QualityKind::DuplicateContact } else { QualityKind::SharedNumber };
        Some(Shared { kind, number, index, postings })
    }

    fn told(self) -> QualityFinding {
        let contact_count = self.postings.len() as u64;
        let contacts = self.postings.take(MAX_NAMED_CONTACTS).map(|posting| {
            let contact = self.index.contact(posting.contact());
            let phonebooks = self.index.phonebooks_in(posting.phonebooks()).iter();
            QualityContact {
                id: contact.id,
                source: contact.source.to_owned(),
                source_key: contact.source_key.to_owned(),
                display_name: contact.display_name.to_owned(),
                phonebooks: phonebooks.map(|place| self.index.phonebook(*place).name.to_string()).collect(),
            }
        });
        let reason = match self.kind {
            QualityKind::DuplicateContact => {
                format!(
                    "{contact_count} contacts have it, and some have the same name: is that one contact twice?"
                )
            }
            _ => format!("{contact_count} contacts have it; a call finds them in this order"),
        };
        QualityFinding {
            kind: self.kind,
            number: Some(self.number),
            written: String::new(),
            contacts: contacts.collect(),
            contact_count,
            reason,
        }
    }
}
