//! Contacts as a file, some at a time: whoever reads slowly holds nothing up.

use crate::contact::ContactId;
use crate::contact_file::{ContactFileFormat, FiledContact};
use crate::engine::{ContactPage, ContactSearch, Engine, EngineError};

/// How many contacts are written at a time.
const CONTACTS_AT_A_TIME: u32 = 1000;

/// A part of a file of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    /// What it says.
    pub text: String,
    /// Where the next part begins; `None`: this is the last one.
    pub next: Option<ContactId>,
}

impl Engine {
    /// The part of a file that begins after a contact, of those that `search` finds. Blocks.
    pub fn export_contacts(
        &self,
        search: &ContactSearch,
        format: ContactFileFormat,
        after: Option<ContactId>,
    ) -> Result<FilePart, EngineError> {
        let search = ContactSearch { after, limit: CONTACTS_AT_A_TIME, ..search.clone() };
        let ContactPage { contacts, more_after: next } = self.search_contacts(&search)?;
        let names = self.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?))?;
        let mut text = if after.is_none() { format.beginning() } else { String::new() };
        for contact in &contacts {
            let phonebooks: Vec<&str> =
                contact.phonebooks.iter().filter_map(|id| Some(names.get(id)?.as_str())).collect();
            let contact = FiledContact {
                id: contact.id,
                source: contact.source.as_deref().unwrap_or_default(),
                source_key: &contact.source_key,
                phonebooks: &phonebooks,
                details: &contact.details,
            };
            format.write(&contact, &mut text);
        }
        Ok(FilePart { text, next })
    }
}
