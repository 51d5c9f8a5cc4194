//! Parts that are stored as JSON.

use std::error::Error;

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A part of the settings, of which `what` says which.
pub(super) fn setting_from_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &str,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        // What is no JSON, nobody has written.
        let error: Box<dyn Error + Send + Sync> = match error.is_data() {
            true => Box::new(UnreadableSetting { setting: named(text, what), error }),
            false => Box::new(error),
        };
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
    })
}

/// Another version of the program wrote what this one does not read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{setting} cannot be read by this version of ringroute ({error}): install the version before again, change or delete \
     it there, then upgrade"
)]
pub(super) struct UnreadableSetting {
    setting: String,
    error: serde_json::Error,
}

/// `source "crm"`, as far as it can be told.
fn named(text: &str, what: &str) -> String {
    let setting: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let name = ["name", "number", "target"].into_iter().find_map(|key| setting.get(key)?.as_str());
    name.map_or_else(|| what.to_owned(), |name| format!("{what} {name:?}"))
}

pub(super) fn to_json(part: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(part).map_err(|error| StoreError::Refused(error.to_string()))
}
