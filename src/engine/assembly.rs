//! Making an index of contacts as the store has them, or would have them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::time::Instant;
use std::{mem, thread};

use serde::Deserialize;

use super::EngineError;
use super::publishing::VerifiedContacts;
use crate::background;
use crate::contact::{ContactId, NumberLabel, display_name};
use crate::index::{
    self, ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook,
};
use crate::phone_number::PhoneNumber;
use crate::phonebook::PhonebookId;
use crate::settings::Settings;
use crate::store::{AddedContacts, ContactRow, Following, Reading, StoreError};
use crate::sync::SyncError;

/// One contact in this many is looked up again before an index is published.
const SAMPLE_EVERY: usize = 1000;

/// Contacts that go from thread to thread at once, and between two looks at whether the run was cancelled.
const ROWS_PER_CHUNK: usize = 4096;

const CHUNKS_IN_FLIGHT: usize = 4;

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

fn details_of<'a>(row: &ContactRow<'a>) -> Result<IndexedDetails<'a>, StoreError> {
    serde_json::from_str(row.details)
        .map_err(|error| StoreError::DamagedContact { contact: row.id, detail: error.to_string() })
}

/// What a writer calls while it is followed.
pub(super) type Follow<'a> = Box<dyn FnMut(Following) -> Result<(), EngineError> + 'a>;

/// An index being made of contacts as the store has them, or would have them.
pub(super) struct Assembly {
    start: Instant,
    builder: ContactIndexBuilder,
    sources: HashMap<i64, String>,
    samples: Vec<(PhoneNumber, ContactId)>,
    taken: u64,
    numbers: Vec<IndexedNumber>,
}

impl Assembly {
    /// `phonebooks` in order of priority. It will probably be about as large as `before`.
    pub(super) fn begin(
        reading: &Reading<'_>,
        phonebooks: Vec<IndexedPhonebook>,
        before: Option<&ContactIndex>,
    ) -> Result<Self, EngineError> {
        let sources = reading.sources()?.into_iter();
        let mut builder = ContactIndexBuilder::new(phonebooks)?;
        before.into_iter().for_each(|before| builder.reserve_for(before));
        Ok(Assembly {
            start: Instant::now(),
            builder,
            sources: sources.map(|source| (source.id, source.settings.name)).collect(),
            samples: Vec::new(),
            taken: 0,
            numbers: Vec::new(),
        })
    }

    /// Indexes every contact that is stored: one thread reads them, another one takes them apart, builds and verifies.
    pub(super) fn index_all(
        self,
        reading: &Reading<'_>,
        settings: &Settings,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<VerifiedContacts, EngineError> {
        let start = self.start;
        let ((), indexed) =
            self.index_while(reading, settings, is_cancelled, |mut follow| follow(Following::Stored))?;
        Ok(VerifiedContacts { build: start.elapsed().saturating_sub(indexed.verify), ..indexed })
    }

    /// The same while contacts are still being written. `write` tells its argument of them, and drops it when there are
    /// none to come. Times are what building and verifying took longer than that.
    pub(super) fn index_while<T>(
        mut self,
        reading: &Reading<'_>,
        settings: &Settings,
        is_cancelled: &dyn Fn() -> bool,
        write: impl FnOnce(Follow<'_>) -> Result<T, EngineError>,
    ) -> Result<(T, VerifiedContacts), EngineError> {
        thread::scope(|scope| {
            let (chunks, received) = mpsc::sync_channel::<Chunk>(CHUNKS_IN_FLIGHT);
            let (stored, contact_count) = mpsc::channel();
            let indexing = scope.spawn(move || {
                received.into_iter().try_for_each(|chunk| match chunk {
                    Chunk::Read(rows) => rows.rows().try_for_each(|row| self.take(&row)),
                    Chunk::Added(contacts) => contacts.rows().try_for_each(|row| self.take(&row)),
                })?;
                // Who does not say how many there are has failed, and says why below.
                self.finish(settings, || contact_count.recv().map_err(|_| SyncError::Cancelled.into()))
            });
            let send = move |chunk| {
                if is_cancelled() {
                    return Err(EngineError::Sync(SyncError::Cancelled));
                }
                // Who does not receive any more has failed, and says why below.
                let _ = chunks.send(chunk);
                Ok(())
            };
            let follow = move |following| match following {
                Following::Stored => read_in_chunks(reading, |chunk| send(Chunk::Read(chunk))),
                Following::Added(contacts) => send(Chunk::Added(contacts)),
            };
            let written = write(Box::new(follow)).and_then(|written| {
                let _ = stored.send(reading.contact_count()?);
                Ok(written)
            });
            drop(stored);
            let start = Instant::now();
            let indexed = indexing.join().unwrap_or_else(|panicked| resume_unwind(panicked));
            let (written, indexed) = (written?, indexed?);
            let verify = indexed.verify.min(start.elapsed());
            Ok((written, VerifiedContacts { build: start.elapsed() - verify, verify, ..indexed }))
        })
    }

    /// Takes one contact.
    pub(super) fn take(&mut self, row: &ContactRow<'_>) -> Result<(), EngineError> {
        self.taken += 1;
        background::pause_at(self.taken);
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

    /// `contact_count` tells how many the store has, or would have, and is asked when the index is built.
    pub(super) fn finish(
        self,
        settings: &Settings,
        contact_count: impl FnOnce() -> Result<u64, EngineError>,
    ) -> Result<VerifiedContacts, EngineError> {
        let contacts = self.builder.finish(settings.numbers.last_digits > 0)?;
        let build = self.start.elapsed();
        let contact_count = contact_count()?;
        let start = Instant::now();
        index::verify(&contacts, contact_count, &self.samples)?;
        Ok(VerifiedContacts { contacts: Arc::new(contacts), build, verify: start.elapsed() })
    }
}

/// Contacts on their way from one thread to another.
enum Chunk {
    Read(ReadContacts),
    Added(AddedContacts),
}

/// Hands all contacts that are stored to `take`.
fn read_in_chunks(
    reading: &Reading<'_>,
    take: impl Fn(ReadContacts) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut chunk = ReadContacts::default();
    reading.each_contact(|row| {
        chunk.push(&row);
        if chunk.is_full() { take(mem::take(&mut chunk)) } else { Ok(()) }
    })?;
    take(chunk)
}

/// Contacts that were read; all texts lie in one buffer.
#[derive(Default)]
struct ReadContacts {
    texts: String,
    phonebooks: Vec<PhonebookId>,
    rows: Vec<ReadContact>,
}

/// A [`ContactRow`], and where its parts end in the buffers.
struct ReadContact {
    id: ContactId,
    source: Option<i64>,
    source_key: usize,
    details: usize,
    phonebooks: usize,
}

impl ReadContacts {
    fn push(&mut self, row: &ContactRow<'_>) {
        let ContactRow { id, source, source_key, details, phonebooks } = *row;
        self.texts.push_str(source_key);
        let source_key = self.texts.len();
        self.texts.push_str(details);
        self.phonebooks.extend_from_slice(phonebooks);
        let (details, phonebooks) = (self.texts.len(), self.phonebooks.len());
        self.rows.push(ReadContact { id, source, source_key, details, phonebooks });
    }

    fn is_full(&self) -> bool {
        self.rows.len() == ROWS_PER_CHUNK
    }

    fn rows(&self) -> impl Iterator<Item = ContactRow<'_>> {
        let (mut text, mut phonebook) = (0, 0);
        self.rows.iter().map(move |row| {
            let (text, phonebook) =
                (mem::replace(&mut text, row.details), mem::replace(&mut phonebook, row.phonebooks));
            ContactRow {
                id: row.id,
                source: row.source,
                source_key: &self.texts[text..row.source_key],
                details: &self.texts[row.source_key..row.details],
                phonebooks: &self.phonebooks[phonebook..row.phonebooks],
            }
        })
    }
}
