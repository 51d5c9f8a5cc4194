//! Users of a data folder that no server has open.

use std::path::Path;

use crate::access::Role;
use crate::engine::EngineError;
use crate::engine::tokens::OFFLINE;
use crate::store::Store;

/// The users of a data folder that no server has open: how one gets in again when every administrator's password is
/// lost. Who can write the data folder can do this.
#[derive(Debug)]
pub struct OfflineUsers {
    store: Store,
}

impl OfflineUsers {
    /// Opens the data folder; fails while a server has it open.
    pub fn open(data_folder: &Path) -> Result<Self, EngineError> {
        Ok(OfflineUsers { store: Store::open(data_folder)? })
    }

    /// Like [`crate::engine::Editor::create_user`].
    pub fn create(&self, name: &str, role: Role, password: &str) -> Result<(), EngineError> {
        let user = super::new_user(name, role, password)?;
        self.store.write(|change| super::add(change, &user, &OFFLINE.into()))
    }
}
