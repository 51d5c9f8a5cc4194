//! Editing one thing of the settings: a trunk, a destination, the limits. What the whole must hold is checked by
//! [`Editor::edit`], as for every other edit.

use super::editing::check_etag;
use super::{Edited, Editor, EngineError};
use crate::settings::{ListedPart, Settings, SinglePart};
use crate::store::RemovedSources;

impl Editor<'_> {
    /// Adds something to a list of the settings, at its end.
    pub fn create_part<P: ListedPart>(&self, part: P) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            check_free(settings, &part)?;
            P::list(settings).push(part);
            Ok(())
        })
    }

    /// Replaces something of a list; what referred to it refers to what takes its place, also under another name.
    /// `expected` is the [`etag`](super::etag) of what the caller read, or empty.
    pub fn update_part<P: ListedPart>(
        &self,
        name: &str,
        part: P,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find::<P>(settings, name)?;
            let old = P::list(settings)[place].clone();
            check_etag(expected, &old, P::WHAT, name)?;
            if !old.is_called(&part.name()) {
                check_free(settings, &part)?;
            }
            if old.name() != part.name() {
                old.hand_over(&part, settings);
            }
            P::list(settings)[place] = part;
            Ok(())
        })
    }

    /// Takes something out of a list, unless something else of the settings cannot be without it.
    pub fn delete_part<P: ListedPart>(&self, name: &str, expected: &str) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find::<P>(settings, name)?;
            let part = P::list(settings).remove(place);
            check_etag(expected, &part, P::WHAT, name)?;
            match part.users(settings) {
                users if users.is_empty() => Ok(()),
                users => Err(EngineError::InUse { what: P::WHAT, name: part.name(), users }),
            }
        })
    }

    /// Replaces what the settings have once, such as the limits.
    pub fn update_single<P: SinglePart>(&self, part: P, expected: &str) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let stored = P::of(settings);
            check_etag(expected, stored, "setting", P::WHAT)?;
            *stored = part;
            Ok(())
        })
    }
}

fn check_free<P: ListedPart>(settings: &mut Settings, part: &P) -> Result<(), EngineError> {
    let name = part.name();
    match P::list(settings).iter().any(|other| other.is_called(&name)) {
        true => Err(EngineError::AlreadyExists { what: P::WHAT, name }),
        false => Ok(()),
    }
}

fn find<P: ListedPart>(settings: &mut Settings, name: &str) -> Result<usize, EngineError> {
    let place = P::list(settings).iter().position(|part| part.is_called(name));
    place.ok_or_else(|| EngineError::NotFound { what: P::WHAT, name: name.to_owned() })
}
