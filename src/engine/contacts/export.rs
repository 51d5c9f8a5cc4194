//! Contacts as a file, some at a time: whoever reads slowly holds nothing up.

use crate::contact::ContactId;
use crate::contact_file::{ContactFileFormat, FiledContact};
use crate::engine::{Engine, EngineError};
use crate::store::ContactFilter;

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
    /// The part of a file that begins after a contact, of those that `filter` lists. Blocks.
    pub fn export_contacts(
        &self,
        filter: &ContactFilter,
        format: ContactFileFormat,
        after: Option<ContactId>,
    ) -> Result<FilePart, EngineError> {
        let filter = ContactFilter { after, limit: CONTACTS_AT_A_TIME, ..filter.clone() };
        self.read(|reading| {
            if let Some(name) = &filter.phonebook {
                reading.phonebook(name)?.ok_or_else(|| super::not_found("phonebook", name))?;
            }
            let names = reading.phonebook_names()?;
            let contacts = reading.contacts(&filter)?;
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
            let is_full = contacts.len() == CONTACTS_AT_A_TIME as usize;
            let next = contacts.last().filter(|_| is_full).map(|last| last.id);
            Ok(FilePart { text, next })
        })
    }
}
