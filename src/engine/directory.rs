//! What extensions may see, and the settings that decide it.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::editing::check_etag;
use super::{Edited, Editor, Engine, EngineError};
use crate::contact::{ContactId, NumberLabel};
use crate::directory::{Client, DirectoryError, LookedUp, NamePlace, Query, View, check_client};
use crate::phonebook::PhonebookName;
use crate::settings::{ClientPolicy, DestinationType, Extension, Settings, VisibilityGrant};
use crate::snapshot::Snapshot;
use crate::store::{CountedPhonebook, RemovedSources, StoredContact};

/// What the directory is decided by, of the settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as in the settings")]
pub struct DirectoryParts {
    pub extensions: Vec<Extension>,
    pub visibility_grants: Vec<VisibilityGrant>,
    pub client_policy: ClientPolicy,
}

impl DirectoryParts {
    /// Those of all settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let Settings { extensions, visibility_grants, client_policy, .. } = settings.clone();
        DirectoryParts { extensions, visibility_grants, client_policy }
    }
}

/// A contact as an extension sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryContact {
    /// The contact; only the phonebooks that the extension sees.
    pub contact: StoredContact,
    /// The names of those phonebooks, in order of priority.
    pub phonebooks: Vec<PhonebookName>,
    /// How each of its numbers is dialled, if the settings say it.
    pub dial_strings: Vec<Option<String>>,
}

/// Contacts in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryPage {
    /// The contacts.
    pub contacts: Vec<DirectoryContact>,
    /// The place of the last, when there are more.
    pub more_after: Option<NamePlace>,
}

/// Who has a number, as an extension sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// What was found.
    pub found: LookedUp,
    /// The contacts that were found, best first, each with what the number is used for.
    pub contacts: Vec<(DirectoryContact, NumberLabel)>,
}

impl Editor<'_> {
    /// Replaces what the directory is decided by; `expected` is the [`etag`](super::etag) of what the caller read, or
    /// empty.
    pub fn update_directory_settings(
        &self,
        new: DirectoryParts,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            check_etag(expected, &DirectoryParts::of(settings), "setting", "extensions and what they see")?;
            let DirectoryParts { extensions, visibility_grants, client_policy } = new;
            (settings.extensions, settings.visibility_grants) = (extensions, visibility_grants);
            settings.client_policy = client_policy;
            Ok(())
        })
    }
}

impl Engine {
    /// The names of phonebooks that grants show and that are not there, each once, in their order.
    pub fn missing_phonebooks(&self, parts: &DirectoryParts) -> Result<Vec<String>, EngineError> {
        let there = self.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?))?;
        let mut known: HashSet<String> = there.values().map(PhonebookName::folded).collect();
        let named = parts.visibility_grants.iter().flat_map(|grant| &grant.phonebooks);
        let missing = named.filter(|name| known.insert(name.folded()));
        Ok(missing.map(|name| name.as_str().to_owned()).collect())
    }

    fn view(
        &self,
        extension: &str,
        client: Option<&Client>,
    ) -> Result<(Arc<Snapshot>, View), DirectoryError> {
        let snapshot = self.snapshot().as_ref().map(Arc::clone).ok_or(DirectoryError::NothingYet)?;
        check_client(snapshot.client_policy(), client)?;
        let view = View::of(&snapshot, extension)?;
        Ok((snapshot, view))
    }

    /// The phonebooks that an extension sees.
    pub fn directory_phonebooks(
        &self,
        extension: &str,
        client: Option<&Client>,
    ) -> Result<Vec<CountedPhonebook>, EngineError> {
        let (_, view) = self.view(extension, client)?;
        // Whoever is shown phonebooks looks into them next.
        self.expect_search();
        self.read(|reading| {
            let shown = reading.phonebooks()?.into_iter().filter(|phonebook| view.shows(phonebook.id));
            Ok(shown.map(|phonebook| reading.counted(phonebook)).collect::<Result<_, _>>()?)
        })
    }

    /// Contacts that an extension sees and `text` fits, in the order of their names. Blocks.
    pub fn directory_contacts(
        &self,
        extension: &str,
        client: Option<&Client>,
        phonebook: Option<&PhonebookName>,
        text: &str,
        after: Option<&NamePlace>,
        limit: usize,
    ) -> Result<DirectoryPage, EngineError> {
        let (snapshot, view) = self.view(extension, client)?;
        let wanted = match phonebook {
            None => None,
            Some(name) => Some(view.find(name).ok_or_else(|| EngineError::NotFound {
                what: "phonebook",
                name: name.as_str().to_owned(),
            })?),
        };
        let searched = self.search_text()?;
        let is_wanted = |id| view.shows(id) && wanted.is_none_or(|wanted| wanted == id);
        let mut found = searched.by_name(&Query::parse(text), is_wanted, after, limit + 1);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let ids: Vec<ContactId> = found.iter().map(|place| place.id).collect();
        let stored = self.read(|reading| Ok::<_, EngineError>(reading.contacts_of(&ids)?))?;
        // The store may be ahead of what was searched: what it says counts.
        let is_still_wanted = |contact: &StoredContact| contact.phonebooks.iter().any(|id| is_wanted(*id));
        let stored = stored.into_iter().filter(is_still_wanted);
        let contacts = stored.filter_map(|contact| shown(contact, &view, &snapshot)).collect();
        Ok(DirectoryPage { contacts, more_after: found.pop().filter(|_| has_more) })
    }

    /// A contact that an extension sees; one that it does not see is not found, as if there were none.
    pub fn directory_contact(
        &self,
        extension: &str,
        client: Option<&Client>,
        id: ContactId,
    ) -> Result<DirectoryContact, EngineError> {
        let (snapshot, view) = self.view(extension, client)?;
        let contact = self.read(|reading| Ok::<_, EngineError>(reading.contact(id)?))?;
        let contact = contact.and_then(|contact| shown(contact, &view, &snapshot));
        contact.ok_or_else(|| EngineError::NotFound { what: "contact", name: id.to_string() })
    }

    /// Who of those that an extension sees has a number. Blocks.
    pub fn look_up(
        &self,
        extension: &str,
        client: Option<&Client>,
        number: &str,
    ) -> Result<Looked, EngineError> {
        let (snapshot, view) = self.view(extension, client)?;
        let found = view.look_up(&snapshot, number);
        let LookedUp::Matched { contacts: matched, .. } = &found else {
            return Ok(Looked { found, contacts: Vec::new() });
        };
        let ids: Vec<ContactId> = matched.iter().take(MAX_LOOKED_UP).map(|(id, _)| *id).collect();
        let stored = self.read(|reading| Ok::<_, EngineError>(reading.contacts_of(&ids)?))?;
        let label_of = |id| matched.iter().find(|(known, _)| *known == id).map(|(_, label)| *label);
        let contacts = stored.into_iter().filter_map(|contact| {
            let label = label_of(contact.id)?;
            Some((shown(contact, &view, &snapshot)?, label))
        });
        let contacts = contacts.collect();
        Ok(Looked { found, contacts })
    }
}

/// Most contacts that are told of one number.
const MAX_LOOKED_UP: usize = 100;

/// A contact as it is shown, or `None` when it is not.
fn shown(mut contact: StoredContact, view: &View, snapshot: &Snapshot) -> Option<DirectoryContact> {
    contact.phonebooks.retain(|id| view.shows(*id));
    if contact.phonebooks.is_empty() {
        return None;
    }
    let names = view.phonebooks().iter().filter(|phonebook| contact.phonebooks.contains(&phonebook.id));
    let phonebooks = names.map(|phonebook| phonebook.name.clone()).collect();
    let numbers = contact.details.numbers.iter();
    let dial_strings = numbers.map(|number| {
        snapshot.destinations().dial_string(DestinationType::ExternalNumber, &number.number.to_string())
    });
    let dial_strings = dial_strings.collect();
    Some(DirectoryContact { contact, phonebooks, dial_strings })
}
