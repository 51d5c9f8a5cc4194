//! From what is stored to what is served: build, verify, publish.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Engine, EngineError};
use crate::contact::{ContactId, NumberLabel, display_name};
use crate::generation::Generation;
use crate::index::{
    self, ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook,
};
use crate::phone_number::PhoneNumber;
use crate::phonebook::{PhonebookId, PhonebookOrigin};
use crate::settings::Settings;
use crate::snapshot::{LastSynced, Snapshot};
use crate::store::{ContactRow, Reading, StoreError, StoredContact, StoredPhonebook};
use crate::sync::SyncError;

/// One contact in this many is looked up again before an index is published.
const SAMPLE_EVERY: usize = 1000;

/// How many contacts are taken between two looks at whether the run was cancelled.
const CANCEL_CHECK_EVERY: u64 = 4096;

/// What an index needs of a contact's details; texts without escapes are borrowed.
#[derive(Deserialize)]
struct IndexedDetails<'a> {
    #[serde(borrow, default)]
    first_name: Cow<'a, str>,
    #[serde(borrow, default)]
    last_name: Cow<'a, str>,
    #[serde(borrow, default)]
    company: Cow<'a, str>,
    #[serde(borrow, default)]
    own_extension: Cow<'a, str>,
    numbers: Vec<DetailsNumber>,
}

#[derive(Deserialize)]
struct DetailsNumber {
    label: NumberLabel,
    number: PhoneNumber,
}

/// An index that holds what the store holds.
pub(super) struct VerifiedContacts {
    pub(super) contacts: Arc<ContactIndex>,
    pub(super) build: Duration,
    pub(super) verify: Duration,
}

/// Builds and verifies an index of what `reading` sees.
pub(super) fn index_of(
    reading: &Reading<'_>,
    settings: &Settings,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<VerifiedContacts, EngineError> {
    let mut assembly = Assembly::begin(reading, indexed_phonebooks(reading)?, is_cancelled)?;
    reading.each_contact(|row| assembly.take(&row))?;
    assembly.finish(settings, reading.contact_count()?)
}

/// What a change made different of what calls are answered from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Nothing at all.
    Nothing,
    /// These contacts were added, changed or deleted. None: a name of a phonebook, or a setting.
    Contacts(Vec<ContactId>),
    /// More than is worth naming.
    Many,
}

/// Most contacts that are put into an index by amending it; building it anew is no slower for more.
const MAX_AMENDED: usize = 10_000;

impl Engine {
    /// The index of what `reading` sees, of which only `touched` differs from what is being served. Only
    /// for whoever holds the store's one writer: nothing else is published meanwhile.
    pub(super) fn index_after(
        &self,
        reading: &Reading<'_>,
        settings: &Settings,
        touched: Touched,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<VerifiedContacts, EngineError> {
        let ids = match touched {
            Touched::Nothing => Vec::new(),
            Touched::Contacts(ids) => ids,
            Touched::Many => return index_of(reading, settings, is_cancelled),
        };
        let before = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        let Some(before) = before.filter(|_| ids.len() <= MAX_AMENDED) else {
            return index_of(reading, settings, is_cancelled);
        };
        let edits = ids.into_iter().map(|id| Ok((id, reading.contact(id)?)));
        let edits = edits.collect::<Result<BTreeMap<_, _>, StoreError>>()?;
        amended_index(reading, settings, &before, &edits)
    }
}

/// The index of what `reading` sees, of which only `edits` differ from `before`: contacts as they are now, `None`
/// for those that are gone. Phonebooks may have other names too.
fn amended_index(
    reading: &Reading<'_>,
    settings: &Settings,
    before: &ContactIndex,
    edits: &BTreeMap<ContactId, Option<StoredContact>>,
) -> Result<VerifiedContacts, EngineError> {
    let start = Instant::now();
    let texts: BTreeMap<ContactId, Option<IndexedTexts>> =
        edits.iter().map(|(id, contact)| (*id, contact.as_ref().map(IndexedTexts::of))).collect();
    let indexed = edits.iter().zip(texts.values()).map(|((id, contact), texts)| {
        let indexed = contact.as_ref().zip(texts.as_ref()).map(|(contact, texts)| IndexedContact {
            id: *id,
            source: contact.source.as_deref(),
            source_key: &contact.source_key,
            display_name: &texts.display_name,
            company: &contact.details.company,
            own_extension: &contact.details.own_extension,
            phonebooks: &contact.phonebooks,
            numbers: &texts.numbers,
        });
        (*id, indexed)
    });
    let builder = ContactIndexBuilder::amend(before, indexed_phonebooks(reading)?, &indexed.collect())?;
    let contacts = builder.finish(settings.numbers.last_digits > 0)?;
    let build = start.elapsed();
    let start = Instant::now();
    let samples = texts.iter().filter_map(|(id, texts)| Some((texts.as_ref()?.numbers.first()?.number, *id)));
    index::verify(&contacts, reading.contact_count()?, &samples.collect::<Vec<_>>())?;
    Ok(VerifiedContacts { contacts: Arc::new(contacts), build, verify: start.elapsed() })
}

/// What an index needs of a contact and the store does not have in that form.
struct IndexedTexts {
    display_name: String,
    numbers: Vec<IndexedNumber>,
}

impl IndexedTexts {
    fn of(contact: &StoredContact) -> Self {
        let details = &contact.details;
        let numbers = details.numbers.iter();
        IndexedTexts {
            display_name: display_name(&details.first_name, &details.last_name, &details.company),
            numbers: numbers.map(|n| IndexedNumber { number: n.number, label: n.label }).collect(),
        }
    }
}

/// All phonebooks, in order of priority.
fn indexed_phonebooks(reading: &Reading<'_>) -> Result<Vec<IndexedPhonebook>, StoreError> {
    let phonebooks = reading.phonebooks()?.into_iter();
    Ok(phonebooks.map(|phonebook| IndexedPhonebook { id: phonebook.id, name: phonebook.name }).collect())
}

/// An index being made of contacts as the store has them, or would have them.
pub(super) struct Assembly<'a> {
    start: Instant,
    builder: ContactIndexBuilder,
    sources: HashMap<i64, String>,
    samples: Vec<(PhoneNumber, ContactId)>,
    taken: u64,
    numbers: Vec<IndexedNumber>,
    is_cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Assembly<'a> {
    /// `phonebooks` in order of priority.
    pub(super) fn begin(
        reading: &Reading<'_>,
        phonebooks: Vec<IndexedPhonebook>,
        is_cancelled: &'a dyn Fn() -> bool,
    ) -> Result<Self, EngineError> {
        let sources = reading.sources()?.into_iter();
        Ok(Assembly {
            start: Instant::now(),
            builder: ContactIndexBuilder::new(phonebooks)?,
            sources: sources.map(|source| (source.id, source.settings.name)).collect(),
            samples: Vec::new(),
            taken: 0,
            numbers: Vec::new(),
            is_cancelled,
        })
    }

    pub(super) fn take(&mut self, row: &ContactRow<'_>) -> Result<(), EngineError> {
        if self.taken.is_multiple_of(CANCEL_CHECK_EVERY) && (self.is_cancelled)() {
            return Err(EngineError::Sync(SyncError::Cancelled));
        }
        self.taken += 1;
        let details = details_of(row)?;
        self.numbers.clear();
        self.numbers
            .extend(details.numbers.iter().map(|n| IndexedNumber { number: n.number, label: n.label }));
        if (self.taken as usize).is_multiple_of(SAMPLE_EVERY)
            && let Some(first) = self.numbers.first()
        {
            self.samples.push((first.number, row.id));
        }
        self.builder.push(IndexedContact {
            id: row.id,
            source: row.source.and_then(|id| self.sources.get(&id)).map(String::as_str),
            source_key: row.source_key,
            display_name: &display_name(&details.first_name, &details.last_name, &details.company),
            company: &details.company,
            own_extension: &details.own_extension,
            phonebooks: row.phonebooks,
            numbers: &self.numbers,
        })?;
        Ok(())
    }

    /// `contact_count`: how many the store has, or would have.
    pub(super) fn finish(
        self,
        settings: &Settings,
        contact_count: u64,
    ) -> Result<VerifiedContacts, EngineError> {
        let contacts = self.builder.finish(settings.numbers.last_digits > 0)?;
        let build = self.start.elapsed();
        let start = Instant::now();
        index::verify(&contacts, contact_count, &self.samples)?;
        Ok(VerifiedContacts { contacts: Arc::new(contacts), build, verify: start.elapsed() })
    }
}

/// A snapshot that knows how old the phonebooks are.
pub(super) fn snapshot_of(
    reading: &Reading<'_>,
    generation: Generation,
    contacts: Arc<ContactIndex>,
    settings: &Settings,
) -> Result<Snapshot, EngineError> {
    let snapshot = Snapshot::new(generation, contacts, settings)?;
    Ok(snapshot.with_last_synced(last_synced(reading)?))
}

/// When each phonebook was last synchronised.
pub(super) fn last_synced(
    reading: &Reading<'_>,
) -> Result<impl Fn(PhonebookId) -> LastSynced + use<>, StoreError> {
    let of = |phonebook: StoredPhonebook| {
        let last_synced = match phonebook.origin {
            PhonebookOrigin::Local => LastSynced::Local,
            PhonebookOrigin::Synced(_) => phonebook
                .last_synced_at
                .and_then(|time| time.parse().ok())
                .map_or(LastSynced::Never, LastSynced::At),
        };
        (phonebook.id, last_synced)
    };
    let all: HashMap<PhonebookId, LastSynced> = reading.phonebooks()?.into_iter().map(of).collect();
    Ok(move |phonebook| all.get(&phonebook).copied().unwrap_or(LastSynced::Local))
}

fn details_of<'a>(row: &ContactRow<'a>) -> Result<IndexedDetails<'a>, StoreError> {
    serde_json::from_str(row.details)
        .map_err(|error| StoreError::DamagedContact { contact: row.id, detail: error.to_string() })
}

impl Engine {
    /// Publishes what is stored, at the start.
    pub(super) fn publish_stored(&self) -> Result<(), EngineError> {
        let snapshot = self.store.read(|reading| {
            let generation = reading.generation()?;
            if generation == Generation::NONE {
                return Ok(None);
            }
            let settings = reading.settings()?;
            let contacts = match self.last_good.contacts_of(reading)? {
                Some(contacts) => contacts,
                None => index_of(reading, &settings, &|| false)?.contacts,
            };
            Ok::<_, EngineError>(Some(snapshot_of(reading, generation, contacts, &settings)?))
        })?;
        snapshot.into_iter().for_each(|snapshot| self.publish(snapshot));
        Ok(())
    }

    /// Serves the same generation with phonebooks that are younger: a run that found nothing new.
    pub(super) fn publish_last_synced(&self, last_synced: impl Fn(PhonebookId) -> LastSynced) {
        self.current.refresh(|snapshot| snapshot.with_last_synced(last_synced));
        self.last_good.write_soon();
    }

    /// Publishes a committed snapshot.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let counters = self.decisions.counters_for(&snapshot);
        let snapshot = snapshot.with_counters(counters);
        let (generation, contacts) = (snapshot.generation(), snapshot.contacts().contact_count());
        match self.current.publish(snapshot) {
            Ok(()) => tracing::info!(%generation, contacts, "published"),
            // Cannot happen while generations are given out by the store; never serve backwards if it does.
            Err(stale) => tracing::error!(%stale, "not published; please report this"),
        }
    }
}
