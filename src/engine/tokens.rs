//! Tokens: made, listed, revoked, in the store and in memory at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Editor, Engine, EngineError, blocking};
use crate::access::{MAX_TOKENS, NewToken, TokenId, TokenRecord, TokenSecret, Tokens};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::store::{Change, Reading, Store};

/// How often the store is told when tokens were last used.
pub const USES_WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// The tokens of a data folder that no server has open: how the first token is made, and how one gets in again when
/// every admin's token is lost. Who can write the data folder can do this.
#[derive(Debug)]
pub struct OfflineTokens {
    store: Store,
}

impl OfflineTokens {
    /// Opens the data folder, in which there must be a store; fails while a server has it open.
    pub fn open(data_folder: &Path) -> Result<Self, EngineError> {
        Ok(OfflineTokens { store: Store::open_existing(data_folder)? })
    }

    /// The same, and makes what is not there yet: where other machines are let in, a token comes before the first start.
    pub fn open_or_make(data_folder: &Path) -> Result<Self, EngineError> {
        Ok(OfflineTokens { store: Store::open(data_folder)? })
    }

    /// Like [`Editor::create_token`].
    pub fn create(&self, new: &NewToken) -> Result<(TokenRecord, String), EngineError> {
        let now = Timestamp::now();
        self.store.write(|change| create(change, new, now, &OFFLINE.into()))
    }

    /// Like [`Engine::tokens_listed`].
    pub fn list(&self) -> Result<Vec<TokenRecord>, EngineError> {
        self.store.read(|reading| Ok(reading.tokens()?))
    }

    /// Like [`Editor::revoke_token`].
    pub fn revoke(&self, name: &str) -> Result<(), EngineError> {
        self.store.write(|change| revoke(change, name, &OFFLINE.into()))
    }
}

impl Editor<'_> {
    /// Makes a token, which works at once. Returns what is kept of it, and the token itself, which is not kept.
    pub fn create_token(&self, new: &NewToken) -> Result<(TokenRecord, String), EngineError> {
        let now = Timestamp::now();
        self.change_tokens(|change| create(change, new, now, self.actor()))
    }

    /// Takes a token away. When this returns, whoever uses it is refused.
    pub fn revoke_token(&self, name: &str) -> Result<(), EngineError> {
        self.change_tokens(|change| revoke(change, name, self.actor()))
    }
}

impl Engine {
    /// The tokens that doors check.
    #[must_use]
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// All tokens in the order in which they were made, with their last use as far as it is known now.
    pub fn tokens_listed(&self) -> Result<Vec<TokenRecord>, EngineError> {
        let mut tokens = self.read(|reading| Ok::<_, EngineError>(reading.tokens()?))?;
        for record in &mut tokens {
            let used = self.tokens.get(record.id).and_then(|token| token.last_used());
            record.last_used_at = record.last_used_at.max(used);
        }
        Ok(tokens)
    }

    /// Tells the store when tokens were last used.
    pub async fn remember_token_uses(self: &Arc<Self>) -> Result<(), EngineError> {
        let uses = self.tokens.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        let engine = Arc::clone(self);
        blocking(move || engine.store.write(|change| Ok(change.remember_token_uses(&uses)?))).await
    }

    /// Replaced while the writer is held, so that what is in memory follows the commits in their order.
    fn change_tokens<T>(
        &self,
        change: impl FnOnce(&Change<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let changed = |writing: &Change<'_>| Ok::<_, EngineError>((change(writing)?, writing.tokens()?));
        self.store.write_then(changed, |(result, tokens)| {
            self.tokens.replace(&tokens);
            self.last_good.write_soon();
            result
        })
    }
}

/// What the audit calls whoever changes tokens or users in the data folder itself.
pub(super) const OFFLINE: &str = "somebody with the data folder";

fn subject(name: &str) -> String {
    format!("token {name:?}")
}

fn create(
    change: &Change<'_>,
    new: &NewToken,
    now: Timestamp,
    actor: &Actor,
) -> Result<(TokenRecord, String), EngineError> {
    if let Some((field, problem)) = new.problem(now) {
        return Err(EngineError::BadRequest { field: field.to_owned(), problem });
    }
    if change.token_named(&new.name)?.is_some() {
        return Err(EngineError::AlreadyExists { what: "token", name: new.name.clone() });
    }
    if change.tokens()?.len() >= MAX_TOKENS {
        let problem = format!("there are {MAX_TOKENS} tokens, which is the most; revoke one first");
        return Err(EngineError::BadRequest { field: "name".to_owned(), problem });
    }
    let secret = TokenSecret::random().ok_or(EngineError::NoRandomNumbers)?;
    let id = change.add_token(new, &secret.digest(), now)?;
    let event = AuditEvent::new(AuditAction::Added, subject(&new.name))
        .with("role", None, Some(new.role.to_string()))
        .with("expires_at", None, new.expires_at.map(|time| time.to_string()));
    change.audit(actor, vec![event])?;
    let record = TokenRecord {
        id,
        name: new.name.clone(),
        role: new.role,
        digest: secret.digest(),
        created_at: now,
        created_by: new.created_by.clone(),
        expires_at: new.expires_at,
        last_used_at: None,
    };
    Ok((record, secret.to_token(id)))
}

fn revoke(change: &Change<'_>, name: &str, actor: &Actor) -> Result<(), EngineError> {
    let id: Option<TokenId> = Reading::token_named(change, name)?;
    let id = id.ok_or_else(|| EngineError::NotFound { what: "token", name: name.to_owned() })?;
    // As it was made, however it is spelled now.
    let stored = change.tokens()?.into_iter().find(|token| token.id == id);
    let name = stored.map_or_else(|| name.to_owned(), |token| token.name);
    change.audit(actor, vec![AuditEvent::new(AuditAction::Removed, subject(&name))])?;
    Ok(change.remove_token(id)?)
}
