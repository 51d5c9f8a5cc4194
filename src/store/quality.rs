//! The contacts of one source, one after another, for looking at their quality.

use std::ops::ControlFlow;

use super::{Reading, StoreError};
use crate::contact::ContactId;

/// A contact as [`Reading::each_contact_of`] hands it out.
#[derive(Debug, Clone, Copy)]
pub struct SourceContact<'a> {
    /// Its number.
    pub id: ContactId,
    /// [`ContactDetails`](crate::contact::ContactDetails) as JSON.
    pub details: &'a str,
    /// Since when its source has not sent it, in RFC 3339.
    pub missing_since: Option<&'a str>,
}

impl Reading<'_> {
    /// Hands the contacts of a source to `take`, in the order of their numbers from `first` on, until it says
    /// to stop.
    pub fn each_contact_of<E: From<StoreError>>(
        &self,
        source: i64,
        first: ContactId,
        mut take: impl FnMut(SourceContact<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        // The plus sign keeps SQLite from taking the index by source, which it would have to sort.
        let sql =
            "SELECT id, details, missing_since FROM contact WHERE id >= ?1 AND +source_id = ?2 ORDER BY id";
        let mut statement = self.connection.prepare(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([first.0.cast_signed(), source]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let read = || {
                Ok::<_, rusqlite::Error>(SourceContact {
                    id: ContactId(row.get(0)?),
                    details: row.get_ref(1)?.as_str()?,
                    missing_since: row.get_ref(2)?.as_str_or_null()?,
                })
            };
            if take(read().map_err(StoreError::from)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}
