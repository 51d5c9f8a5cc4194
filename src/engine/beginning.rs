//! What an engine has from its start on.

use jiff::Timestamp;

use super::accounts::Accounts;
use super::last_good::{LastGood, Served};
use super::{EngineError, publishing};
use crate::access::TokenRecord;
use crate::snapshot::Snapshot;
use crate::store::Reading;

/// What is served, and who may ask, when an engine starts.
pub(super) struct Beginning {
    /// None, in a new data folder.
    pub(super) snapshot: Option<Snapshot>,
    /// When its generation was made, if that is known.
    pub(super) made_at: Option<Timestamp>,
    pub(super) tokens: Vec<TokenRecord>,
    pub(super) accounts: Accounts,
}

impl Beginning {
    /// From the store alone, which takes as long as building an index does.
    pub(super) fn built(reading: &Reading<'_>) -> Result<Self, EngineError> {
        Ok(Beginning {
            snapshot: publishing::stored_snapshot(reading)?,
            made_at: reading.generation_made_at()?,
            tokens: reading.tokens()?,
            accounts: Accounts::read(reading)?,
        })
    }

    /// From what is kept of the generation that is stored, if it is kept; who may ask, from the store.
    pub(super) fn kept(reading: &Reading<'_>, kept: &LastGood) -> Result<Option<Self>, EngineError> {
        let Some(served) = kept.of_generation(reading)? else { return Ok(None) };
        Ok(Some(Beginning { accounts: Accounts::read(reading)?, ..served.into() }))
    }
}

impl From<Served> for Beginning {
    /// Without the store: nobody can sign in.
    fn from(Served { snapshot, made_at, tokens }: Served) -> Self {
        Beginning { snapshot: Some(snapshot), made_at, tokens, accounts: Accounts::none() }
    }
}
