//! What all connections share: databases and logins.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::catalogue::{Principal, folded};
use super::database::Database;
use crate::faults::Faults;
use crate::login::Login;
use crate::statistics::Statistics;
use crate::token::ServerMessage;

/// A login of the server.
#[derive(Debug, Clone)]
pub(crate) struct KnownLogin {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) database: String,
    pub(crate) administrator: bool,
    pub(crate) enabled: bool,
}

/// The server without its sockets.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) name: String,
    databases: Mutex<BTreeMap<String, Arc<Database>>>,
    logins: Mutex<BTreeMap<String, KnownLogin>>,
    pub(crate) faults: Faults,
    pub(crate) statistics: Statistics,
    next_spid: AtomicU16,
}

/// Why somebody may not come in. The first is what drivers report.
#[derive(Debug)]
pub(crate) struct LoginRefused(pub(crate) Vec<ServerMessage>);

impl Core {
    pub(crate) fn new(name: &str) -> rusqlite::Result<Self> {
        let core = Self {
            name: name.to_owned(),
            databases: Mutex::default(),
            logins: Mutex::default(),
            faults: Faults::default(),
            statistics: Statistics::default(),
            next_spid: AtomicU16::new(51),
        };
        core.create_database("master")?;
        Ok(core)
    }

    pub(crate) fn next_spid(&self) -> u16 {
        self.next_spid.fetch_add(1, Ordering::Relaxed)
    }

    fn databases(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Database>>> {
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn logins(&self) -> MutexGuard<'_, BTreeMap<String, KnownLogin>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn database(&self, name: &str) -> Option<Arc<Database>> {
        self.databases().get(&folded(name)).cloned()
    }

    pub(crate) fn database_names(&self) -> Vec<String> {
        self.databases().values().map(|database| database.name.clone()).collect()
    }

    /// False when there is one already.
    pub(crate) fn create_database(&self, name: &str) -> rusqlite::Result<bool> {
        if self.database(name).is_some() {
            return Ok(false);
        }
        let database = Arc::new(Database::create(name)?);
        self.databases().insert(folded(name), database);
        Ok(true)
    }

    pub(crate) fn drop_database(&self, name: &str) -> bool {
        self.databases().remove(&folded(name)).is_some()
    }

    pub(crate) fn add_login(&self, login: KnownLogin) {
        self.logins().insert(folded(&login.name), login);
    }

    /// Lets somebody in, or says why not.
    pub(crate) fn admit(
        &self,
        login: &Login,
    ) -> Result<(KnownLogin, Arc<Database>, Principal), LoginRefused> {
        let failed = |state: u8| {
            ServerMessage::error(18_456, format!("Login failed for user '{}'.", login.user))
                .class(14)
                .state(state)
        };
        if login.integrated {
            return Err(LoginRefused(vec![
                ServerMessage::error(
                    18_452,
                    "Login failed. The login is from an untrusted domain and cannot be used with Integrated \
                     authentication.",
                )
                .class(14),
            ]));
        }
        let known = self
            .logins()
            .get(&folded(&login.user))
            .filter(|known| known.enabled && known.password == login.password)
            .cloned()
            .ok_or_else(|| LoginRefused(vec![failed(1)]))?;
        let wanted = if login.database.is_empty() { &known.database } else { &login.database };
        let found = self.database(wanted).and_then(|database| {
            let principal = self.principal(&known, &database)?;
            Some((database, principal))
        });
        match found {
            Some((database, principal)) => Ok((known, database, principal)),
            None => Err(LoginRefused(vec![
                ServerMessage::error(
                    4060,
                    format!("Cannot open database \"{wanted}\" requested by the login. The login failed."),
                )
                .class(11),
                failed(38),
            ])),
        }
    }

    /// Who a login is in a database; `None`: nobody, it may not come in.
    pub(crate) fn principal(&self, login: &KnownLogin, database: &Database) -> Option<Principal> {
        if login.administrator {
            return Some(Principal::Owner);
        }
        let catalogue = database.catalogue();
        match catalogue.user_of_login(&login.name) {
            Some(user) => Some(Principal::User(user.name.clone())),
            None if database.name == "master" => Some(Principal::User("guest".to_owned())),
            None => None,
        }
    }
}
