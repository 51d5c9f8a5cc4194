//! Microsoft SQL Server as a source.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::query::MappedQuery;
use super::rows::RowBatch;
use super::{Answer, ContactSource, SourceError, SourceReport};
use crate::settings::SqlServerConnection;

/// A database on a SQL Server, of which a query is read.
pub(super) struct SqlServerSource;

impl SqlServerSource {
    /// The connection was checked.
    pub(super) fn new(_connection: &SqlServerConnection, _query: MappedQuery) -> Result<Self, SourceError> {
        Ok(SqlServerSource)
    }
}

fn not_yet() -> SourceError {
    SourceError::Unavailable("this version cannot reach a SQL Server yet".to_owned())
}

impl ContactSource for SqlServerSource {
    fn read<'a>(&'a self, _rows: mpsc::Sender<RowBatch>, _cancel: CancellationToken) -> Answer<'a, u64> {
        Box::pin(async { Err(not_yet()) })
    }

    fn test(&self) -> Answer<'_, SourceReport> {
        Box::pin(async { Err(not_yet()) })
    }
}
