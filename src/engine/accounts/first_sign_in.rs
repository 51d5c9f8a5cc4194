//! How the first administrator gets in: by a link that is good once, while there is no user.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;

use super::passwords;
use crate::access::Role;
use crate::audit::{Actor, Door};
use crate::engine::{Engine, EngineError};
use crate::store::StoreError;

/// For how many hours the link is good.
const GOOD_FOR_HOURS: i64 = 24;

/// The token of the link, which lives no longer than the process.
#[derive(Default)]
pub(super) struct FirstSignIn(Mutex<Option<(String, Timestamp)>>);

impl std::fmt::Debug for FirstSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FirstSignIn")
    }
}

impl FirstSignIn {
    fn is_good(&self, token: &str, now: Timestamp) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .is_some_and(|(good, until)| now < *until && bool::from(good.as_bytes().ct_eq(token.as_bytes())))
    }
}

impl Engine {
    /// Makes the token of the link by which the first administrator gets in; `None` when there are users. The
    /// one before is no longer good. Without users, it waits until the store has been checked.
    #[must_use]
    pub fn offer_first_sign_in(&self) -> Option<String> {
        if self.users().is_empty() {
            self.store.wait_for_check();
        }
        if !self.awaits_first_administrator() {
            return None;
        }
        let token = passwords::new_token();
        let until = Timestamp::now() + SignedDuration::from_hours(GOOD_FOR_HOURS);
        let mut held = self.accounts.first_sign_in.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((token.clone(), until));
        Some(token)
    }

    /// Whether there is nobody who could sign in. Who there is cannot be told of a store that is damaged, or may be.
    #[must_use]
    pub fn awaits_first_administrator(&self) -> bool {
        self.store.is_in_service() && self.users().is_empty()
    }

    /// Whether the link is good.
    #[must_use]
    pub fn is_first_sign_in(&self, token: &str) -> bool {
        self.awaits_first_administrator() && self.accounts.first_sign_in.is_good(token, Timestamp::now())
    }

    /// Makes the first administrator, and signs it in. Blocks.
    pub fn create_first_administrator(
        self: &Arc<Self>,
        token: &str,
        name: &str,
        password: &str,
    ) -> Result<String, EngineError> {
        let refused = || {
            let why = "the link is not good any more: it is good once, for 24 hours, and until the server ends; \
                       start the server again for another one, or use `ringroute admin create`";
            EngineError::from(StoreError::Refused(why.to_owned()))
        };
        if !self.is_first_sign_in(token) {
            return Err(refused());
        }
        let actor = Actor { name: name.to_owned(), ..Actor::unnamed(Door::Console, None::<&str>) };
        self.create_user_if(name, Role::Admin, password, &actor, |users| {
            // Two may have had the link open.
            if users.is_empty() { Ok(()) } else { Err(refused()) }
        })?;
        *self.accounts.first_sign_in.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let user = self.accounts.user_named(name);
        user.and_then(|user| self.begin_session(&user)).ok_or_else(refused)
    }
}
