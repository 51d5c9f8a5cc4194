//! From what is stored to what is served: build, verify, publish.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::assembly::{Assembly, Follow};
use super::{Engine, EngineError};
use crate::contact::{ContactId, display_name};
use crate::generation::Generation;
use crate::index::{
    self, ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook,
};
use crate::phonebook::{PhonebookId, PhonebookOrigin};
use crate::settings::Settings;
use crate::snapshot::{LastSynced, RouteError, Snapshot};
use crate::store::{FEW_CONTACTS, Reading, StoreError, StoredContact, StoredPhonebook};

/// Most settings that are left out of what is served and named in the log.
const MAX_LOGGED: usize = 100;

/// An index that holds what the store holds.
pub(super) struct VerifiedContacts {
    pub(super) contacts: Arc<ContactIndex>,
    pub(super) build: Duration,
    pub(super) verify: Duration,
}

/// Builds and verifies an index of what `reading` sees, which will probably be about as large as `before`.
pub(super) fn index_of(
    reading: &Reading<'_>,
    settings: &Settings,
    before: Option<&ContactIndex>,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<VerifiedContacts, EngineError> {
    Assembly::begin(reading, indexed_phonebooks(reading)?, before)?.index_all(reading, settings, is_cancelled)
}

/// What a change made different of what calls are answered from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Nothing at all.
    Nothing,
    /// Texts of these contacts; their numbers and phonebooks are as they were.
    Texts(Vec<ContactId>),
    /// These contacts were added, changed or deleted. None: a name of a phonebook, or a setting.
    Contacts(Vec<ContactId>),
    /// More than is worth naming.
    Many,
}

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
        let before = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        let before = before.as_deref();
        let anew = || index_of(reading, settings, before, is_cancelled);
        let (ids, only_texts) = match touched {
            Touched::Nothing => (Vec::new(), false),
            Touched::Texts(ids) => (ids, true),
            Touched::Contacts(ids) => (ids, false),
            Touched::Many => return anew(),
        };
        let Some(before) = before.filter(|_| ids.len() <= FEW_CONTACTS) else { return anew() };
        let start = Instant::now();
        let found = reading.contacts_of(&ids)?.into_iter().map(|contact| (contact.id, Some(contact)));
        let edits: BTreeMap<_, _> = ids.into_iter().map(|id| (id, None)).chain(found).collect();
        let read = start.elapsed();
        let amended = amended_index(reading, settings, before, &edits, only_texts)?;
        Ok(VerifiedContacts { build: amended.build + read, ..amended })
    }

    /// Builds and verifies an index of everything, while `write` writes the contacts whose numbers are the highest.
    pub(super) fn index_while<T>(
        &self,
        reading: &Reading<'_>,
        settings: &Settings,
        is_cancelled: &dyn Fn() -> bool,
        write: impl FnOnce(Follow<'_>) -> Result<T, EngineError>,
    ) -> Result<(T, VerifiedContacts), EngineError> {
        let before = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        let assembly = Assembly::begin(reading, indexed_phonebooks(reading)?, before.as_deref())?;
        assembly.index_while(reading, settings, is_cancelled, write)
    }
}

/// The index of what `reading` sees, of which only `edits` differ from `before`: contacts as they are now, `None`
/// for those that are gone. Phonebooks may have other names too. With `only_texts`, their numbers and phonebooks are
/// as they were.
fn amended_index(
    reading: &Reading<'_>,
    settings: &Settings,
    before: &ContactIndex,
    edits: &BTreeMap<ContactId, Option<StoredContact>>,
    only_texts: bool,
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
    let indexed: BTreeMap<ContactId, Option<IndexedContact<'_>>> = indexed.collect();
    let phonebooks = indexed_phonebooks(reading)?;
    let with_last_digits = settings.numbers.last_digits > 0;
    let is_alike =
        only_texts && phonebooks == before.phonebooks() && (!with_last_digits || before.has_last_digits());
    let told = is_alike.then(|| indexed.iter().map(|(id, contact)| Some((*id, (*contact)?))).collect());
    let contacts = match told.flatten().map(|told| before.with_texts(&told)).transpose()?.flatten() {
        Some(contacts) => contacts,
        None => ContactIndexBuilder::amend(before, phonebooks, &indexed)?.finish(with_last_digits)?,
    };
    let build = start.elapsed();
    let start = Instant::now();
    let samples = texts.iter().filter_map(|(id, texts)| Some((texts.as_ref()?.numbers.first()?.number, *id)));
    index::verify_after(before, &contacts, reading.contact_count()?, &samples.collect::<Vec<_>>())?;
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
pub(super) fn indexed_phonebooks(reading: &Reading<'_>) -> Result<Vec<IndexedPhonebook>, StoreError> {
    let phonebooks = reading.phonebooks()?.into_iter();
    Ok(phonebooks.map(|phonebook| IndexedPhonebook { id: phonebook.id, name: phonebook.name }).collect())
}

/// A snapshot that knows how old the phonebooks are. Of settings that are edited, the [`Editor`](super::Editor) says
/// what cannot work.
pub(super) fn snapshot_of(
    reading: &Reading<'_>,
    generation: Generation,
    contacts: Arc<ContactIndex>,
    settings: &Settings,
) -> Result<Snapshot, EngineError> {
    let snapshot = Snapshot::of_stored(generation, contacts, settings);
    Ok(snapshot.with_last_synced(last_synced(reading)?))
}

/// What is stored, to be served; `None` before the first commit of a new data folder.
pub(super) fn stored_snapshot(reading: &Reading<'_>) -> Result<Option<Snapshot>, EngineError> {
    let generation = reading.generation()?;
    if generation == Generation::NONE {
        return Ok(None);
    }
    let settings = reading.settings()?;
    let contacts = index_of(reading, &settings, None, &|| false)?.contacts;
    snapshot_of(reading, generation, contacts, &settings).map(Some)
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

impl Engine {
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
        for RouteError { subject, field, problem: _ } in
            newly_left_out(self.snapshot().as_deref(), &snapshot).into_iter().take(MAX_LOGGED)
        {
            // What the field holds may be somebody's number.
            tracing::error!(
                subject,
                field,
                "settings that cannot work are left out: calls are answered without them until they are changed; \
                 `ringroute status` says why"
            );
        }
        match self.current.publish(snapshot) {
            Ok(()) => tracing::info!(%generation, contacts, "published"),
            // Cannot happen while generations are given out by the store; never serve backwards if it does.
            Err(stale) => tracing::error!(%stale, "not published; please report this"),
        }
    }
}

/// What of the settings is not served any more, or never was by this process.
pub(super) fn newly_left_out<'a>(serving: Option<&Snapshot>, snapshot: &'a Snapshot) -> Vec<&'a RouteError> {
    let known = serving.map_or(&[][..], Snapshot::left_out);
    if known == snapshot.left_out() {
        return Vec::new();
    }
    let known: HashSet<(&str, &str, &str)> = known.iter().map(parts).collect();
    snapshot.left_out().iter().filter(|error| !known.contains(&parts(error))).collect()
}

fn parts(error: &RouteError) -> (&str, &str, &str) {
    (&error.subject, &error.field, &error.problem)
}
