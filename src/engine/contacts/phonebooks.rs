//! Local phonebooks: another name, and deletion together with what is in them.

use super::{filler, own_phonebook, refused};
use crate::audit::AuditAction;
use crate::engine::publishing::Touched;
use crate::engine::{Edited, Editor, EngineError};
use crate::phonebook::PhonebookName;
use crate::store::RemovedSources;

impl Editor<'_> {
    /// Gives a local phonebook another name. Inbound routes that ask for it go on asking for it,
    /// and visibility grants go on showing it. Blocks.
    pub fn rename_phonebook(
        &self,
        name: &PhonebookName,
        new_name: &PhonebookName,
    ) -> Result<Edited<()>, EngineError> {
        self.edit_contacts(AuditAction::Changed, |change, settings| {
            let phonebook = own_phonebook(change, settings, name)?;
            if phonebook.name == *new_name {
                return Ok(((), Touched::Nothing));
            }
            if !new_name.is_same_as(&phonebook.name) && change.phonebook(new_name)?.is_some() {
                let name = new_name.as_str().to_owned();
                return Err(EngineError::AlreadyExists { what: "phonebook", name });
            }
            change.rename_phonebook(phonebook.id, new_name)?;
            let mut new = change.settings()?;
            let asked = new.inbound_routes.iter_mut().flat_map(|route| &mut route.phonebooks);
            let shown = new.visibility_grants.iter_mut().flat_map(|grant| &mut grant.phonebooks);
            asked
                .chain(shown)
                .filter(|asked| asked.is_same_as(&phonebook.name))
                .for_each(|asked| asked.clone_from(new_name));
            new.validate()?;
            change.save_settings(&new, RemovedSources::Refuse)?;
            Ok(((), Touched::Contacts(Vec::new())))
        })
    }

    /// Deletes a local phonebook and the contacts that are in no other. Returns how many were in it. Blocks.
    pub fn delete_phonebook_and_contacts(&self, name: &PhonebookName) -> Result<Edited<u64>, EngineError> {
        self.edit_contacts(AuditAction::Removed, |change, settings| {
            let phonebook = own_phonebook(change, settings, name)?;
            if let Some(source) = filler(settings, &phonebook.name) {
                return Err(refused(format!(
                    "phonebook {:?} is the one that source {:?} fills once it is on: give the source another \
                     phonebook, or delete it",
                    phonebook.name.as_str(),
                    source.name
                )));
            }
            let contacts = change.empty_phonebook(phonebook.id)?;
            let count = contacts.len() as u64;
            let emptied = change.phonebook(name)?.ok_or_else(|| {
                // Nobody else writes meanwhile.
                refused(format!("phonebook {:?} is gone", name.as_str()))
            })?;
            change.delete_phonebook(&emptied)?;
            change.settings()?.validate()?;
            Ok((count, Touched::Contacts(contacts)))
        })
    }
}
