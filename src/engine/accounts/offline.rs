//! Users of a data folder that no server has open.

use std::path::Path;

use super::{SignedOut, User, changing};
use crate::access::Role;
use crate::audit::Actor;
use crate::engine::EngineError;
use crate::engine::tokens::OFFLINE;
use crate::store::{Change, Store, StoredUser};

/// The users of a data folder that no server has open: how one gets in again when every administrator's password is
/// lost. Who can write the data folder can do this.
#[derive(Debug)]
pub struct OfflineUsers {
    store: Store,
    is_new: bool,
}

impl OfflineUsers {
    /// Opens the data folder, in which there must be a store; fails while a server has it open.
    pub fn open(data_folder: &Path) -> Result<Self, EngineError> {
        Ok(OfflineUsers { store: Store::open_existing(data_folder)?, is_new: false })
    }

    /// The same, and makes what is not there yet.
    pub fn open_or_make(data_folder: &Path) -> Result<Self, EngineError> {
        let is_new = !Store::is_in(data_folder);
        Ok(OfflineUsers { store: Store::open(data_folder)?, is_new })
    }

    /// Whether there was no store before it was opened.
    #[must_use]
    pub fn are_of_a_new_store(&self) -> bool {
        self.is_new
    }

    /// Like [`crate::engine::Engine::users`]; sessions are not counted, since nobody is signed in to a server that
    /// does not run.
    pub fn list(&self) -> Result<Vec<User>, EngineError> {
        let shown = |StoredUser { name, role, created_at, last_signed_in_at, .. }| User {
            name,
            role,
            created_at,
            last_signed_in_at,
            sessions: 0,
        };
        self.store.read(|reading| Ok(reading.users()?.into_iter().map(shown).collect()))
    }

    /// Like [`crate::engine::Editor::create_user`].
    pub fn create(&self, name: &str, role: Role, password: &str) -> Result<(), EngineError> {
        let user = changing::new_user(name, role, password)?;
        self.store.write(|change| changing::add(change, &OFFLINE.into(), &user))
    }

    /// Like [`crate::engine::Editor::set_role`].
    pub fn set_role(&self, name: &str, role: Role) -> Result<(), EngineError> {
        self.change(|change, actor| changing::set_role(change, actor, name, role))
    }

    /// Like [`crate::engine::Editor::set_password`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), EngineError> {
        let hash = changing::hash_of(password, name)?;
        self.change(|change, actor| changing::set_password(change, actor, name, hash, None))
    }

    /// Like [`crate::engine::Editor::sign_out_everywhere`].
    pub fn sign_out_everywhere(&self, name: &str) -> Result<(), EngineError> {
        self.change(|change, actor| changing::sign_out(change, actor, name))
    }

    /// Like [`crate::engine::Editor::delete_user`].
    pub fn delete(&self, name: &str) -> Result<(), EngineError> {
        self.change(|change, actor| changing::delete(change, actor, name))
    }

    fn change(
        &self,
        change: impl FnOnce(&Change<'_>, &Actor) -> Result<SignedOut, EngineError>,
    ) -> Result<(), EngineError> {
        self.store.write(|writing| change(writing, &OFFLINE.into()).map(drop))
    }
}
