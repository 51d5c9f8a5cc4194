//! Asking servers and files about settings that are about to be saved: are the tables and columns there, and can text
//! be made of them?
//!
//! Nothing is held while they are asked. A server that is away, or lets nobody in, is a warning: settings can
//! be saved without it, and its next run will say the same. What it says is wrong is refused. A file that is not there
//! yet says nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Engine, EngineError, blocking, is_same_name, take_secrets};
use crate::settings::{Settings, SourceSettings};
use crate::source;

/// How long the servers may take altogether.
const TIME: Duration = Duration::from_secs(10);

impl Engine {
    /// Checks a source at its server, if that was not done before. `present` is the name that it has, if it is
    /// there already. Returns a warning when the server could not be asked.
    pub async fn check_at_server(
        self: &Arc<Self>,
        present: &str,
        settings: &SourceSettings,
    ) -> Result<Vec<String>, EngineError> {
        let engine = Arc::clone(self);
        let old = blocking(move || engine.settings()).await?;
        let stored = old.sources.into_iter().find(|source| is_same_name(&source.name, present));
        check(vec![(stored, settings.clone())]).await
    }

    /// The same for every source of a document that is about to be applied.
    pub async fn check_document_at_servers(
        self: &Arc<Self>,
        document: &str,
    ) -> Result<Vec<String>, EngineError> {
        // What is wrong with the document is said when it is applied.
        let Ok(wanted) = Settings::from_toml(document) else { return Ok(Vec::new()) };
        let engine = Arc::clone(self);
        let mut old = blocking(move || engine.settings()).await?.sources;
        let pairs = wanted.sources.into_iter().map(|source| {
            let place = old.iter().position(|old| is_same_name(&old.name, &source.name));
            (place.map(|place| old.swap_remove(place)), source)
        });
        check(pairs.collect()).await
    }
}

/// Checks sources that are new or changed: as they are, and as they are to be.
async fn check(sources: Vec<(Option<SourceSettings>, SourceSettings)>) -> Result<Vec<String>, EngineError> {
    let mut checks = JoinSet::new();
    for (old, mut new) in sources {
        // What cannot work whatever the server says is found by the edit itself.
        if !new.enabled || take_secrets(&mut new, old.as_ref()).is_err() || is_checked(old.as_ref(), &new) {
            continue;
        }
        let Ok(reader) = source::open(&new) else { continue };
        checks.spawn(async move {
            let checked = tokio::time::timeout(TIME, reader.check()).await;
            (new.name, checked)
        });
    }
    let mut warnings = Vec::new();
    while let Some(checked) = checks.join_next().await {
        let Ok((name, checked)) = checked else { continue };
        let problem = match checked {
            Ok(Ok(())) => continue,
            Ok(Err(error)) if error.is_about_query() => return Err(EngineError::Source { name, error }),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the server did not answer within {} s", TIME.as_secs()),
        };
        warnings.push(format!("source {name:?} was not checked at its server: {problem}"));
    }
    warnings.sort();
    Ok(warnings)
}

/// Whether the same was saved before, and so checked.
fn is_checked(old: Option<&SourceSettings>, new: &SourceSettings) -> bool {
    old.is_some_and(|old| {
        old.enabled
            && old.connection == new.connection
            && old.sync_filter == new.sync_filter
            && old.field_map == new.field_map
            && old.phonebook == new.phonebook
    })
}
