//! Sources: the databases that contacts come from, behind one small trait.
//!
//! A source streams *rows*: for each, the text of the mapped columns in a fixed order. What the columns
//! mean (field map), which rows there are (sync filter) and what becomes of them (phonebook target) is the
//! same for every kind of source; a kind only knows how to reach its database.
//!
//! Memory stays bounded: rows travel in [`RowBatch`]es through a short channel, and a reader waits while
//! it is full.

pub mod filter;
pub mod rows;

mod csv;
mod sqlite;

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::settings::{Connection, SourceSettings};
use rows::{Projection, RowBatch};

/// How many batches may wait between a reader and the one who takes the rows.
pub const BATCHES_IN_FLIGHT: usize = 4;

/// A database that contacts come from.
///
/// The future ends with the number of rows sent, and only when the source has proven that there are no
/// more; everything else is an error. It ends within a second of `cancel`.
pub trait ContactSource: Send + Sync {
    /// Sends every row of the source's query into `rows`, in the source's order.
    fn read<'a>(
        &'a self,
        rows: mpsc::Sender<RowBatch>,
        cancel: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = Result<u64, SourceError>> + Send + 'a>>;
}

/// What is wrong with a source, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The settings cannot work; the field is named.
    #[error("{field}: {problem}")]
    Settings {
        /// The settings' field, such as `field_map.first_name`.
        field: String,
        /// What was found, what was expected, what to do.
        problem: String,
    },
    /// The source could not be reached or did not answer as it should.
    #[error("{0}")]
    Unavailable(String),
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Checks everything about `settings` that can be checked without reaching the source, and makes a reader.
pub fn open(_settings: &SourceSettings) -> Result<Box<dyn ContactSource>, SourceError> {
    todo!()
}
