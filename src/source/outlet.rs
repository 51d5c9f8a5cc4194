//! Where the rows of a source go: in batches into the channel, one after the other.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::SourceError;
use super::rows::{Projection, RowBatch};
use crate::background;

/// Sends batches on, and counts the rows in them.
pub(super) struct Outlet {
    rows: mpsc::Sender<RowBatch>,
    stop: CancellationToken,
    columns: usize,
    batch: RowBatch,
    sent: u64,
}

impl Outlet {
    pub(super) fn new(
        rows: mpsc::Sender<RowBatch>,
        stop: CancellationToken,
        projection: &Projection,
    ) -> Self {
        let columns = projection.columns().len();
        Outlet { rows, stop, columns, batch: RowBatch::with_room(columns), sent: 0 }
    }

    /// Begins a row of the batch, which is to be [sent](Self::send) when it is full.
    pub(super) fn begin_row(&mut self, position: u64) -> &mut RowBatch {
        background::pause_at(self.batch.len() as u64);
        self.batch.begin_row(position);
        &mut self.batch
    }

    /// The rows that are not sent yet.
    pub(super) fn batch(&mut self) -> &mut RowBatch {
        &mut self.batch
    }

    /// Sends the batch on, and waits while the channel is full.
    pub(super) async fn send(&mut self) -> Result<(), SourceError> {
        let batch = std::mem::replace(&mut self.batch, RowBatch::with_room(self.columns));
        let count = batch.len() as u64;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(SourceError::Cancelled),
            sent = self.rows.send(batch) => sent.map_err(|_| SourceError::Cancelled)?,
        }
        self.sent += count;
        Ok(())
    }

    /// Sends the last rows, and returns how many there were.
    pub(super) async fn finish(mut self) -> Result<u64, SourceError> {
        if !self.batch.is_empty() {
            self.send().await?;
        }
        Ok(self.sent)
    }
}
