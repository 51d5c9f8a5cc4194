//! Local phonebooks and the contacts that are made in them by hand. What a source filled is read-only here.
//!
//! An edit goes the way of every other: checked, written, put into an index that is verified, committed,
//! published; or nothing at all. The index is amended rather than built anew, so that an edit among half a
//! million contacts is a matter of tenths of a second.

mod export;
mod import;
mod phonebooks;
mod routes;

use super::publishing::{self, Touched};
use super::{Edited, Editor, EngineError, etag};
use crate::audit::{AuditAction, AuditEvent};
use crate::contact::{ContactDetails, ContactId, ContactNumber};
use crate::phone_number::Region;
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::settings::{PhonebookTarget, Settings, SourceSettings};
use crate::source::rows::Field;
use crate::store::{self, StoreError, StoredContact, StoredPhonebook};
use crate::sync::{FieldProblem, check_entry};

pub use export::FilePart;
pub use import::{
    DEFAULT_MAX_REJECTED_PERCENT, ImportColumn, ImportOptions, ImportProblem, Imported, MAX_IMPORT_BYTES,
    MAX_IMPORT_PROBLEMS,
};
pub use routes::NumberRoute;

/// A contact as somebody typed it in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactEntry {
    /// Names of the local phonebooks that it is to be in; at least one.
    pub phonebooks: Vec<String>,
    /// Its fields; those that are not there are blank.
    pub fields: Vec<(Field, String)>,
}

/// Tells whether a contact is still what somebody read: a hash of its fields and phonebooks.
#[must_use]
pub fn contact_etag(contact: &StoredContact) -> String {
    etag(&(&contact.details, &contact.phonebooks))
}

fn not_found(what: &'static str, name: impl ToString) -> EngineError {
    EngineError::NotFound { what, name: name.to_string() }
}

fn refused(why: String) -> EngineError {
    StoreError::Refused(why).into()
}

impl Editor<'_> {
    /// Adds a contact. Blocks.
    pub fn create_contact(&self, entry: &ContactEntry) -> Result<Edited<ContactId>, EngineError> {
        self.edit_contacts(AuditAction::Added, |change, settings| {
            let (details, phonebooks) = checked(change, settings, entry, &[])?;
            let id = change.add_local_contact(&details, &phonebooks)?;
            check_limit(change, settings)?;
            Ok((id, Touched::Contacts(vec![id])))
        })
    }

    /// Replaces a contact; `expected` is the [`contact_etag`] of what the caller read, or empty. Blocks.
    pub fn update_contact(
        &self,
        id: ContactId,
        entry: &ContactEntry,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit_contacts(AuditAction::Changed, |change, settings| {
            let before = own_contact(change, id, expected)?;
            let (details, phonebooks) = checked(change, settings, entry, &before.details.numbers)?;
            if before.details == details && before.phonebooks == phonebooks {
                return Ok(((), Touched::Nothing));
            }
            change.replace_local_contact(id, &details, &phonebooks)?;
            Ok(((), Touched::Contacts(vec![id])))
        })
    }

    /// Deletes a contact; `expected` is the [`contact_etag`] of what the caller read, or empty. Blocks.
    pub fn delete_contact(&self, id: ContactId, expected: &str) -> Result<Edited<()>, EngineError> {
        self.edit_contacts(AuditAction::Removed, |change, _| {
            own_contact(change, id, expected)?;
            change.delete_local_contact(id)?;
            Ok(((), Touched::Contacts(vec![id])))
        })
    }

    /// Changes contacts in one transaction, and publishes what became of them. `action` is what is done to them.
    fn edit_contacts<T>(
        &self,
        action: AuditAction,
        edit: impl FnOnce(&store::Change<'_>, &Settings) -> Result<(T, Touched), EngineError>,
    ) -> Result<Edited<T>, EngineError> {
        self.store.write_then(
            |change| {
                let settings = change.settings()?;
                let (value, touched) = edit(change, &settings)?;
                if touched == Touched::Nothing {
                    return Ok((value, None));
                }
                // The edit may have changed them.
                let (before, settings) = (settings, change.settings()?);
                let generation = change.next_generation()?;
                let mut events = before.changes(&settings);
                // Who they are is not told: what is deleted is to be gone.
                events.extend(touched.told().map(|contacts| AuditEvent::new(action, contacts)));
                change.audit(self.actor(), events)?;
                let contacts = self.index_after(change, &settings, touched, &|| false)?.contacts;
                let snapshot = publishing::snapshot_of(change, generation, contacts, &settings)?;
                Ok((value, Some(snapshot)))
            },
            |(value, snapshot)| {
                snapshot.into_iter().for_each(|snapshot| self.publish(snapshot));
                Edited { value, generation: self.generation() }
            },
        )
    }
}

impl Touched {
    /// For the audit.
    fn told(&self) -> Option<String> {
        match self {
            Touched::Nothing => None,
            Touched::Texts(ids) | Touched::Contacts(ids) => match ids.as_slice() {
                [] => None,
                [id] => Some(format!("contact {id}")),
                ids => Some(format!("{} contacts", ids.len())),
            },
            Touched::Many => Some("many contacts".to_owned()),
        }
    }
}

/// A contact that may be changed, if it is what the caller thinks.
fn own_contact(
    change: &store::Change<'_>,
    id: ContactId,
    expected: &str,
) -> Result<StoredContact, EngineError> {
    let contact = change.contact(id)?.ok_or_else(|| not_found("contact", id))?;
    if let Some(source) = &contact.source {
        return Err(refused(format!(
            "contact {id} comes from source {source:?} and is read-only here: change it in that database, and \
             synchronise"
        )));
    }
    if expected.is_empty() || expected == contact_etag(&contact) {
        return Ok(contact);
    }
    Err(EngineError::ChangedMeanwhile { what: "contact", name: id.to_string() })
}

/// The contact that an entry makes, and the phonebooks it goes to, in order of priority. `numbers` are those that it had.
fn checked(
    change: &store::Change<'_>,
    settings: &Settings,
    entry: &ContactEntry,
    numbers: &[ContactNumber],
) -> Result<(ContactDetails, Vec<PhonebookId>), EngineError> {
    let details = read(&entry.fields, settings.numbers.default_region, numbers)
        .map_err(|problems| EngineError::BadContact { problems })?;
    let bad = |problem: String| EngineError::BadRequest { field: "phonebooks".into(), problem };
    if entry.phonebooks.is_empty() {
        return Err(bad("a contact is in at least one local phonebook: name it".into()));
    }
    let mut phonebooks = Vec::with_capacity(entry.phonebooks.len());
    for name in &entry.phonebooks {
        let name = PhonebookName::parse(name).map_err(|error| bad(error.to_string()))?;
        phonebooks.push(own_phonebook(change, settings, &name)?.id);
    }
    phonebooks.sort_unstable();
    phonebooks.dedup();
    Ok((details, phonebooks))
}

/// The contact that fields make. A number whose text is as it was stays what it was read as: that may have been in
/// another region, or in one where there is none now.
fn read(
    fields: &[(Field, String)],
    region: Option<Region>,
    numbers: &[ContactNumber],
) -> Result<ContactDetails, Vec<FieldProblem>> {
    let is_said_again = |number: &&ContactNumber| {
        let said = fields.iter().rev().find(|(field, _)| *field == Field::Number(number.label));
        said.is_some_and(|(_, text)| text.trim() == number.raw)
    };
    let same: Vec<&ContactNumber> = numbers.iter().filter(is_said_again).collect();
    // What is said last counts, and in this form nothing is wrong with them.
    let in_full = same.iter().map(|number| (Field::Number(number.label), number.number.to_string()));
    let fields: Vec<(Field, String)> = fields.iter().cloned().chain(in_full).collect();
    let mut details = check_entry(&fields, region)?;
    for number in &mut details.numbers {
        if let Some(same) = same.iter().find(|same| same.label == number.label) {
            number.clone_from(same);
        }
    }
    Ok(details)
}

/// A phonebook whose contacts may be changed.
fn own_phonebook(
    change: &store::Reading<'_>,
    settings: &Settings,
    name: &PhonebookName,
) -> Result<StoredPhonebook, EngineError> {
    let phonebook = change.phonebook(name)?.ok_or_else(|| not_found("phonebook", name))?;
    let shown = phonebook.name.as_str();
    if let PhonebookOrigin::Synced(source) = &phonebook.origin {
        return Err(refused(format!(
            "phonebook {shown:?} is filled by source {source:?} and is read-only here: change its contacts in that \
             database, or take a local phonebook"
        )));
    }
    match filler(settings, &phonebook.name).filter(|source| source.enabled) {
        None => Ok(phonebook),
        Some(source) => Err(refused(format!(
            "phonebook {shown:?} is to be filled by source {:?}, for which it has to be empty: take another one, or \
             let the source fill another",
            source.name
        ))),
    }
}

/// The source that is told to fill a local phonebook; it may be off.
fn filler<'a>(settings: &'a Settings, phonebook: &PhonebookName) -> Option<&'a SourceSettings> {
    settings.sources.iter().find(|source| match &source.phonebook {
        PhonebookTarget::Existing { name } => name.is_same_as(phonebook),
        PhonebookTarget::New { .. } | PhonebookTarget::ByProperty { .. } => false,
    })
}

/// Refuses more contacts than there may be.
fn check_limit(change: &store::Change<'_>, settings: &Settings) -> Result<(), EngineError> {
    match settings.limits.objection(change.contact_count()?, 0) {
        Some(why) => Err(refused(why)),
        None => Ok(()),
    }
}
