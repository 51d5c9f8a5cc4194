//! What a run needs to know before it reads.

use crate::engine::{Engine, EngineError};
use crate::phone_number::Region;
use crate::phonebook::PhonebookOrigin;
use crate::settings::{PhonebookTarget, Settings, SourceSettings, folded_name};
use crate::source::rows::Projection;
use crate::store::StoreError;
use crate::sync::{KnownPhonebook, Owner, Planner, Preparation};

/// The region of a source's numbers that are not written internationally.
pub(in crate::engine) fn region_of(source: &SourceSettings, settings: &Settings) -> Option<Region> {
    source.default_region.or(settings.numbers.default_region)
}

impl Engine {
    /// Everything that a pass needs to know before it reads, from one state of the store. The source's contacts are
    /// changed by the pass alone, so they may be looked up later.
    pub(in crate::engine) fn planner(
        &self,
        settings: &SourceSettings,
    ) -> Result<(Planner, Preparation), EngineError> {
        self.store.read(|reading| {
            let all = reading.settings()?;
            let phonebooks = reading.phonebooks()?.into_iter().map(|phonebook| {
                let owner = match phonebook.origin {
                    PhonebookOrigin::Local => {
                        Owner::Local { contacts: reading.contact_count_in(phonebook.id)? }
                    }
                    PhonebookOrigin::Synced(name) if folded_name(&name) == folded_name(&settings.name) => {
                        Owner::Ours
                    }
                    PhonebookOrigin::Synced(name) => Owner::Source(name),
                };
                Ok::<_, StoreError>(KnownPhonebook { id: phonebook.id, name: phonebook.name, owner })
            });
            let planner = Planner::new(
                settings.phonebook.clone(),
                settings.remove_missing,
                phonebooks.collect::<Result<_, _>>()?,
                all.limits.max_phonebooks(),
                &self.data_folder,
            )?;
            let blank_property = match &settings.phonebook {
                PhonebookTarget::ByProperty { blank, .. } => blank.clone(),
                PhonebookTarget::New { .. } | PhonebookTarget::Existing { .. } => None,
            };
            let region = region_of(settings, &all);
            let projection = Projection::new(&settings.field_map, &settings.phonebook);
            Ok::<_, EngineError>((planner, Preparation { projection, region, blank_property }))
        })
    }
}
