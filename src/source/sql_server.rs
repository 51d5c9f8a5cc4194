//! Microsoft SQL Server as a source.
//!
//! A pass is one connection: it is made, asked which columns there are, reads, and is closed. It is never used
//! again after anything went wrong.
//!
//! - [`connection`]: names, TCP, TLS, login, routes; [`target`] and [`connection_string`] say where to.
//! - [`session`]: statements, and the proof that an answer is whole.
//! - [`catalogue`]: are the tables and columns there?
//! - [`column_text`]: every mapped column becomes `nvarchar`, whatever it is.
//! - [`errors`]: what went wrong, and what to do.
//! - [`wire`]: what the bytes go over.

mod catalogue;
mod column_text;
mod connection;
mod connection_string;
mod errors;
mod prelogin;
mod session;
mod target;
mod wire;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tiberius::Row;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::catalogue::mapped_columns;
use self::column_text::ColumnText;
use self::session::{Session, text};
use self::target::Target;
use self::wire::Wire;
use super::mapped_query::MappedQuery;
use super::outlet::Outlet;
use super::rows::{MAX_VALUE_BYTES, Projection, RowBatch, RowProblem};
use super::{Answer, ContactSource, QueryReport, REPORTED_ROWS, ServerReport, SourceError, SourceReport};
use crate::settings::SqlServerConnection;

/// A database on a SQL Server, of which a query is read.
pub(super) struct SqlServerSource {
    connection: SqlServerConnection,
    query: MappedQuery,
    /// A connection that is there already; the first pass takes it.
    given: Mutex<Option<Wire>>,
}

impl SqlServerSource {
    /// The connection was checked.
    pub(super) fn new(connection: &SqlServerConnection, query: MappedQuery) -> Result<Self, SourceError> {
        Target::check(connection)?;
        Ok(SqlServerSource { connection: connection.clone(), query, given: Mutex::default() })
    }

    /// The same, with a connection to a server that is there already.
    pub(super) fn over(self, memory: DuplexStream) -> Self {
        SqlServerSource { given: Mutex::new(Some(Wire::Memory(memory))), ..self }
    }

    /// Does `work` on a connection of its own, which is closed in any case; not for longer than a run may
    /// take.
    async fn on_connection<T>(
        &self,
        cancel: &CancellationToken,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let stop = cancel.child_token();
        let bound = self.connection.timeouts.run_seconds;
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
        let work = async {
            let mut session = Session::open(&self.connection, given, &stop).await?;
            let done = work(&mut session).await;
            session.end().await;
            done
        };
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(Duration::from_secs(bound.into())) => stop.cancel(),
        }
        match work.await {
            Err(SourceError::Cancelled) if !cancel.is_cancelled() => Err(SourceError::Unavailable(format!(
                "the server had not sent everything within {bound} s; allow more in \
                 connection.sql_server.timeouts.run_seconds, or give the sync filter's columns an index"
            ))),
            done => done,
        }
    }
}

impl ContactSource for SqlServerSource {
    fn read<'a>(&'a self, rows: mpsc::Sender<RowBatch>, cancel: CancellationToken) -> Answer<'a, u64> {
        Box::pin(async move {
            let outlet = Outlet::new(rows, cancel.clone(), &self.query.projection);
            self.on_connection(&cancel, async |session| read(session, &self.query, outlet).await).await
        })
    }

    fn test(&self) -> Answer<'_, SourceReport> {
        Box::pin(async move {
            let work = async |session: &mut Session| report(session, &self.query).await;
            self.on_connection(&CancellationToken::new(), work).await
        })
    }

    fn check(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let work = async |session: &mut Session| mapped_columns(session, &self.query).await.map(drop);
            self.on_connection(&CancellationToken::new(), work).await
        })
    }
}

/// Sends every row on, and returns how many there were.
async fn read(session: &mut Session, query: &MappedQuery, mut outlet: Outlet) -> Result<u64, SourceError> {
    let columns = mapped_columns(session, query).await?;
    let statement = query.filter.statement(columns.iter().map(|column| &column.expression));
    let mut rows = session.ask(&statement, columns.len()).await?;
    while let Some(row) = rows.next().await? {
        let batch = outlet.begin_row(rows.received());
        fill(batch, &query.projection, &columns, &row).map_err(|problem| rows.unexpected(&problem))?;
        if batch.is_full() {
            reject_what_is_no_text(batch, &query.projection);
            outlet.send().await?;
        }
    }
    reject_what_is_no_text(outlet.batch(), &query.projection);
    outlet.finish().await
}

/// Adds the values of `row`. The error is about the answer as a whole; a bad value marks its row.
fn fill(
    batch: &mut RowBatch,
    projection: &Projection,
    columns: &[ColumnText],
    row: &Row,
) -> Result<(), String> {
    for (((_, value), (_, name)), column) in row.cells().zip(projection.columns()).zip(columns) {
        let Some(value) = text(value).ok_or_else(|| format!("a value of {name:?} that is not text"))? else {
            batch.push_value(None);
            continue;
        };
        let mut room = String::new();
        match of_bounded_length(value).and_then(|value| column.finish.apply(value, &mut room)) {
            Ok(value) => batch.push_value(Some(value)),
            Err(reason) => {
                batch.mark_bad(RowProblem { column: Some(name.clone()), reason });
                batch.push_value(None);
            }
        }
    }
    Ok(())
}

fn of_bounded_length(value: &str) -> Result<&str, String> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(format!("the value has more than {MAX_VALUE_BYTES} bytes, which is more than is read"));
    }
    Ok(value)
}

/// What came has to be text, and all of it.
fn reject_what_is_no_text(batch: &mut RowBatch, projection: &Projection) {
    batch.reject_values('\0', projection, "the value holds a NUL character; expected text");
    // What stands in for bytes that mean nothing in their code page, and for half a surrogate pair.
    batch.reject_values(
        char::REPLACEMENT_CHARACTER,
        projection,
        "the value holds bytes that are no character of its encoding (shown as U+FFFD); correct it in the database",
    );
}

/// Says what is there and what the query gives.
async fn report(session: &mut Session, query: &MappedQuery) -> Result<SourceReport, SourceError> {
    let version = session.all("SELECT CAST(@@VERSION AS nvarchar(400)) AS version", 1).await;
    let version =
        version.ok().and_then(|rows| rows.into_iter().flatten().flatten().next()).unwrap_or_default();
    let version = version.lines().next().unwrap_or_default().trim().to_owned();
    let server = Some(ServerReport { version, encryption: session.encryption() });
    let tables = catalogue::tables(session).await?;
    Ok(SourceReport {
        server,
        tables: tables.into_iter().map(Into::into).collect(),
        unreadable_rows: 0,
        query: report_query(session, query).await,
    })
}

/// Counts the rows, and shows the first ones of the very statement that a run reads.
async fn report_query(session: &mut Session, query: &MappedQuery) -> Result<QueryReport, SourceError> {
    let columns = mapped_columns(session, query).await?;
    let count = query.filter.count_statement("CAST(COUNT(*) AS nvarchar(20))");
    let counted = session.all(&count, 1).await?;
    let row_count = counted.into_iter().flatten().flatten().next().and_then(|count| count.parse().ok());
    let statement = query.filter.statement(columns.iter().map(|column| &column.expression));
    let mut rows = session.ask(&statement, columns.len()).await?;
    let row_count = row_count.ok_or_else(|| rows.unexpected("a count that is no number"))?;
    let mut batch = RowBatch::new(columns.len());
    while batch.len() < REPORTED_ROWS
        && let Some(row) = rows.next().await?
    {
        batch.begin_row(rows.received());
        fill(&mut batch, &query.projection, &columns, &row).map_err(|problem| rows.unexpected(&problem))?;
    }
    reject_what_is_no_text(&mut batch, &query.projection);
    Ok(QueryReport {
        row_count,
        projection: query.projection.clone(),
        rows: batch.rows().map(|row| row.reported(&query.projection)).collect(),
    })
}
