//! Finding contacts by any part of their texts and numbers.
//!
//! What is searched ([`SearchText`]) is made in the background of what the store has, as soon as somebody is there who
//! may search ([`Engine::expect_search`]), and again after contacts changed ([`Engine::keep_search_ready`]). A search never
//! answers from contacts older than the generation being served: it waits for those that are being made.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError, blocking};
use crate::contact::{ContactId, display_name};
use crate::directory::{Query, SearchText, SearchTextBuilder};
use crate::index::ContactIndex;
use crate::phone_number::PhoneNumber;
use crate::phonebook::PhonebookName;
use crate::store::{ContactFilter, Reading, StoreError, StoredContact};

/// Contacts to look for.
#[derive(Debug, Clone, Default)]
pub struct ContactSearch {
    /// Only those in this phonebook.
    pub phonebook: Option<PhonebookName>,
    /// Only those with all words of this text in a name, the company, the e-mail address or a number, or with this
    /// number; blank means all.
    pub text: String,
    /// Only those after this one.
    pub after: Option<ContactId>,
    /// At most this many.
    pub limit: u32,
}

/// Contacts in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<StoredContact>,
    /// The last contact of the page, when there are more.
    pub more_after: Option<ContactId>,
}

/// How long runs are waited for before anything is made that nobody has asked for yet. They have the cores, and much
/// memory; a server that is slow to send its rows may take longer.
const PATIENCE_WITH_RUNS: Duration = Duration::from_secs(60);

/// What is searched, once somebody may search.
#[derive(Debug, Default)]
pub(super) struct Search {
    text: Mutex<Option<(Weak<ContactIndex>, Arc<SearchText>)>>,
    is_expected: watch::Sender<bool>,
}

/// What is searched of a contact's details.
#[derive(Deserialize)]
struct SearchedDetails<'a> {
    #[serde(borrow, default)]
    first_name: Cow<'a, str>,
    #[serde(borrow, default)]
    last_name: Cow<'a, str>,
    #[serde(borrow, default)]
    company: Cow<'a, str>,
    #[serde(borrow, default)]
    email: Cow<'a, str>,
    #[serde(borrow)]
    numbers: Vec<SearchedNumber<'a>>,
}

#[derive(Deserialize)]
struct SearchedNumber<'a> {
    number: PhoneNumber,
    #[serde(borrow)]
    raw: Cow<'a, str>,
}

fn text_of(reading: &Reading<'_>) -> Result<SearchText, EngineError> {
    let mut builder = SearchTextBuilder::default();
    reading.each_contact(|row| {
        let details: SearchedDetails<'_> = serde_json::from_str(row.details)
            .map_err(|error| StoreError::DamagedContact { contact: row.id, detail: error.to_string() })?;
        let SearchedDetails { first_name, last_name, company, email, numbers } = details;
        let name = display_name(&first_name, &last_name, &company);
        // The company stands for a name that is missing; once is enough.
        let company = if name == company { "" } else { &*company };
        let numbers = numbers.iter().map(|number| (number.number, &*number.raw));
        builder.push(row.id, row.phonebooks, [&name, company, &email], numbers);
        Ok::<_, EngineError>(())
    })?;
    Ok(builder.finish())
}

impl Engine {
    /// What is searched, made now unless it is there. Blocks.
    pub(super) fn search_text(&self) -> Result<Arc<SearchText>, EngineError> {
        self.expect_search();
        let mut kept = self.search.text.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before the store is read: what is read is of this generation or a later one.
        let Some(serving) = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts()) else {
            return Ok(Arc::default());
        };
        if let Some((of, text)) = &*kept
            && of.upgrade().is_some_and(|of| Arc::ptr_eq(&of, &serving))
        {
            return Ok(Arc::clone(text));
        }
        // Given up first, so that there are never two.
        *kept = None;
        let start = std::time::Instant::now();
        let text = Arc::new(self.read(text_of)?);
        *kept = Some((Arc::downgrade(&serving), Arc::clone(&text)));
        let (contacts, bytes) = (text.contact_count(), text.memory());
        tracing::debug!(
            contacts,
            bytes,
            milliseconds = start.elapsed().as_millis(),
            "contacts can be searched"
        );
        Ok(text)
    }

    /// Whether a search would be answered at once.
    #[cfg(test)]
    pub(super) fn is_ready_to_be_searched(&self) -> bool {
        let kept = self.search.text.lock().unwrap_or_else(PoisonError::into_inner);
        let made_of = kept.as_ref().and_then(|(of, _)| of.upgrade());
        let serving = self.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts());
        serving.zip(made_of).is_some_and(|(serving, of)| Arc::ptr_eq(&serving, &of))
    }

    /// Somebody is there who may search next: what is searched is made ready from now on.
    pub fn expect_search(&self) {
        self.search.is_expected.send_if_modified(|is_expected| !std::mem::replace(is_expected, true));
    }

    /// Makes what is searched as soon as a search is expected, and anew whenever contacts changed, until `stop`.
    pub async fn keep_search_ready(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.made_ready_again_and_again()).await;
    }

    async fn made_ready_again_and_again(self: &Arc<Self>) {
        let mut published = self.published();
        // Errors say that the engine is gone.
        let mut is_there =
            self.search.is_expected.subscribe().wait_for(|is_expected| *is_expected).await.is_ok();
        while is_there {
            // Whatever is served by now is made, and what is published from here on is made after it.
            published.borrow_and_update();
            let _ = tokio::time::timeout(PATIENCE_WITH_RUNS, self.wait_for_syncs()).await;
            let engine = Arc::clone(self);
            // Not on a thread that gives way: a search may be waiting for it.
            if let Err(error) = blocking(move || engine.search_text().map(drop)).await {
                tracing::error!(%error, "contacts could not be made ready to be searched");
            }
            is_there = published.changed().await.is_ok();
        }
    }

    /// Contacts, in the order of their numbers. Blocks.
    pub fn search_contacts(&self, search: &ContactSearch) -> Result<ContactPage, EngineError> {
        let query = Query::parse(&search.text);
        let limit = search.limit as usize;
        if query.is_everything() {
            let ContactSearch { phonebook, after, .. } = search.clone();
            let filter = ContactFilter { phonebook, after, limit: search.limit.saturating_add(1) };
            let mut contacts = self.read(|reading| {
                known_phonebook(reading, search.phonebook.as_ref())?;
                Ok::<_, EngineError>(reading.contacts(&filter)?)
            })?;
            let has_more = contacts.len() > limit;
            contacts.truncate(limit);
            let more_after = contacts.last().filter(|_| has_more).map(|last| last.id);
            return Ok(ContactPage { contacts, more_after });
        }
        let text = self.search_text()?;
        self.read(|reading| {
            let phonebook = known_phonebook(reading, search.phonebook.as_ref())?;
            let mut found = text.by_id(&query, phonebook, search.after, limit + 1);
            let has_more = found.len() > limit;
            found.truncate(limit);
            let more_after = found.last().copied().filter(|_| has_more);
            Ok(ContactPage { contacts: reading.contacts_of(&found)?, more_after })
        })
    }
}

fn known_phonebook(
    reading: &Reading<'_>,
    name: Option<&PhonebookName>,
) -> Result<Option<crate::phonebook::PhonebookId>, EngineError> {
    let Some(name) = name else { return Ok(None) };
    match reading.phonebook(name)? {
        Some(phonebook) => Ok(Some(phonebook.id)),
        None => Err(EngineError::NotFound { what: "phonebook", name: name.as_str().to_owned() }),
    }
}
