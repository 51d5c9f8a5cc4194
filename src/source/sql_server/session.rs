//! A connection on which statements run, one after the other, and the proof that an answer is whole.
//!
//! The driver takes an answer that breaks off between two packets for one that is finished. So every
//! statement is sent with a second one behind it, `SELECT @@ROWCOUNT`, in the same batch: only when that came
//! too, with the number of rows that were received, and nothing after it, are there no more rows.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tiberius::{ColumnData, QueryItem, QueryStream, Row};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::connection::{LoggedIn, connect};
use super::errors;
use super::target::Target;
use super::wire::Wire;
use crate::settings::{Encryption, SqlServerConnection};
use crate::source::SourceError;

/// How long a server may take to confirm that it stopped: a cancelled run is to end within a second.
const PATIENCE: Duration = Duration::from_millis(400);

/// How much of an answer that is wrong is still looked at, in rows.
const MOST_LEFT_OVER: usize = 100;

/// A connection that is logged in.
pub(super) struct Session {
    client: LoggedIn,
    target: Target,
    encryption: Encryption,
    stop: CancellationToken,
    /// Whether there may be more of an answer to come.
    is_at_work: bool,
}

impl Session {
    /// Connects, unless a connection is `given`. What the session does ends when `stop` is cancelled.
    pub(super) async fn open(
        connection: &SqlServerConnection,
        given: Option<Wire>,
        stop: &CancellationToken,
    ) -> Result<Self, SourceError> {
        let connect = async {
            let mut target = Target::resolve(connection).await?;
            let (client, encryption) = connect(&mut target, given).await?;
            Ok(Session { client, target, encryption, stop: stop.clone(), is_at_work: false })
        };
        stop.run_until_cancelled(connect).await.unwrap_or(Err(SourceError::Cancelled))
    }

    /// What is encrypted.
    pub(super) fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Asks for the rows of one statement, which gives `columns` columns.
    pub(super) async fn ask(&mut self, statement: &str, columns: usize) -> Result<Rows<'_>, SourceError> {
        let Session { client, target, stop, is_at_work, .. } = self;
        *is_at_work = true;
        let patience = Duration::from_secs(target.timeouts.command_seconds.into());
        let batch = format!("{statement}\n; SELECT @@ROWCOUNT AS row_count");
        let asking = client.simple_query(batch);
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(SourceError::Cancelled),
            asked = asking => asked.map_err(|error| errors::while_reading(&error, target))?,
            () = tokio::time::sleep(patience) => return Err(stalled(target)),
        };
        Ok(Rows { stream, target, stop, is_at_work, patience, columns, part: Part::Before, received: 0 })
    }

    /// All rows of a statement that gives few of them.
    pub(super) async fn all(
        &mut self,
        statement: &str,
        columns: usize,
    ) -> Result<Vec<Vec<Option<String>>>, SourceError> {
        let mut rows = self.ask(statement, columns).await?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().await? {
            let texts = row.cells().map(|(_, value)| text(value).map(|text| text.map(str::to_owned)));
            all.push(
                texts.collect::<Option<_>>().ok_or_else(|| rows.unexpected("a value that is not text"))?,
            );
        }
        Ok(all)
    }

    /// Ends the connection, and first, when the server is still at work, tells it to stop (attention).
    pub(super) async fn end(mut self) {
        if self.is_at_work {
            // Whether it confirms makes no difference: the connection ends in any case.
            let _ = tokio::time::timeout(PATIENCE, self.client.cancel_query()).await;
        }
        let _ = tokio::time::timeout(PATIENCE, self.client.close()).await;
    }
}

/// Text that the driver decoded; `Some(None)` is NULL, `None` is no text.
pub(super) fn text<'a>(value: &'a ColumnData<'static>) -> Option<Option<&'a str>> {
    match value {
        ColumnData::String(text) => Some(text.as_deref()),
        _ => None,
    }
}

fn stalled(target: &Target) -> SourceError {
    SourceError::Unavailable(format!(
        "{}: the server sent nothing more for {} s; is it waiting for a lock, or very busy? Synchronise again later, \
         or allow more in connection.sql_server.timeouts.command_seconds",
        target.address(),
        target.timeouts.command_seconds
    ))
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing came yet.
    Before,
    /// The statement's rows.
    Rows,
    /// The count of the rows is to come.
    Count,
    /// It came, and fits.
    Proven,
}

/// The rows of a statement, on their way.
pub(super) struct Rows<'a> {
    stream: QueryStream<'a>,
    target: &'a Target,
    stop: &'a CancellationToken,
    is_at_work: &'a mut bool,
    patience: Duration,
    columns: usize,
    part: Part,
    received: u64,
}

impl Rows<'_> {
    /// How many rows came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next row; `None` only when it is proven that there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, SourceError> {
        loop {
            let item = match self.item().await? {
                Some(Ok(item)) => item,
                Some(Err(error)) => return Err(errors::while_reading(&error, self.target)),
                None if self.part == Part::Proven => {
                    *self.is_at_work = false;
                    return Ok(None);
                }
                None => return Err(self.incomplete().await),
            };
            match (item, self.part) {
                (QueryItem::Row(row), Part::Rows) => {
                    self.received += 1;
                    return Ok(Some(row));
                }
                (QueryItem::Metadata(described), Part::Before) => {
                    let found = described.columns().len();
                    if found != self.columns {
                        let wrong = format!("{found} columns in place of {}", self.columns);
                        return Err(self.reason().await.unwrap_or_else(|| self.unexpected(&wrong)));
                    }
                    self.part = Part::Rows;
                }
                (QueryItem::Metadata(described), Part::Rows) if described.columns().len() == 1 => {
                    self.part = Part::Count;
                }
                (QueryItem::Row(row), Part::Count) => {
                    let counted = row.get_column_data(0).ok().and_then(count);
                    if counted != Some(self.received) {
                        return Err(self.incomplete().await);
                    }
                    self.part = Part::Proven;
                }
                _ => {
                    let wrong = "another answer behind the one that was asked for";
                    return Err(self.reason().await.unwrap_or_else(|| self.unexpected(wrong)));
                }
            }
        }
    }

    /// The next part of the answer. The clock runs, and the stop signal counts, only while there is none.
    async fn item(&mut self) -> Result<Option<tiberius::Result<QueryItem>>, SourceError> {
        let stream = &mut self.stream;
        let ready = poll_fn(|context| {
            Poll::Ready(match Pin::new(&mut *stream).poll_next(context) {
                Poll::Ready(item) => Some(item),
                Poll::Pending => None,
            })
        });
        if let Some(item) = ready.await {
            return Ok(item);
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(SourceError::Cancelled),
            item = self.stream.next() => Ok(item),
            () = tokio::time::sleep(self.patience) => Err(stalled(self.target)),
        }
    }

    /// The error that the server reported, which the driver hands out only at the end of its answer: after an
    /// error a server goes on with the next statement.
    async fn reason(&mut self) -> Option<SourceError> {
        for _ in 0..MOST_LEFT_OVER {
            match self.item().await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Some(errors::while_reading(&error, self.target)),
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
        None
    }

    async fn incomplete(&mut self) -> SourceError {
        if let Some(reason) = self.reason().await {
            return reason;
        }
        SourceError::Unavailable(format!(
            "{}: the answer ended after {} rows without the proof that this was all; nothing was taken from it: \
             synchronise again, and if it happens again check what is between this machine and the server",
            self.target.address(),
            self.received
        ))
    }

    /// The answer is not what was asked for.
    pub(super) fn unexpected(&self, what: &str) -> SourceError {
        SourceError::Malformed(format!(
            "{}: the server sent {what}; nothing was taken from it: synchronise again, and if it happens again check \
             what is between this machine and the server",
            self.target.address()
        ))
    }
}

fn count(value: &ColumnData<'static>) -> Option<u64> {
    match value {
        ColumnData::I32(Some(count)) => u64::try_from(*count).ok(),
        ColumnData::I64(Some(count)) => u64::try_from(*count).ok(),
        _ => None,
    }
}
