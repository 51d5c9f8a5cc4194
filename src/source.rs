//! Sources: the databases that contacts come from, behind one small trait.
//!
//! A source streams *rows*: for each, the text of the mapped columns in a fixed order. What the columns
//! mean (field map), which rows there are (sync filter) and what becomes of them (phonebook target) is the
//! same for every kind of source; a kind only knows how to reach its database.
//!
//! Invariants:
//! - A source is only ever read: its sync filter was [parsed](filter) and can do nothing else.
//! - Memory stays bounded: rows travel in [`RowBatch`]es through a short channel, and a reader waits while
//!   it is full.
//! - A read succeeds only when the source has proven that there are no more rows. Whoever takes the rows
//!   must therefore change nothing before [`ContactSource::read`] has returned `Ok`.

pub mod csv_file;
pub mod filter;
pub mod rows;

mod csv;
mod mapped_query;
mod outlet;
mod query;
mod sql_server;
mod sqlite;

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::settings::{Connection, ConnectionProblem, Encryption, FieldMap, PhonebookTarget, SourceSettings};
use filter::{FilterError, SyncFilter};
use rows::{Field, Projection, RowBatch};

/// How many batches may wait between a reader and the one who takes the rows: some megabytes, so that a reader need
/// not wait while what is known is looked up.
pub const BATCHES_IN_FLIGHT: usize = 64;

/// The longest name of a column, in characters (SQL Server's limit for identifiers).
pub const MAX_COLUMN_CHARACTERS: usize = 128;

/// A report names at most this many tables…
pub const MAX_REPORTED_TABLES: usize = 500;

/// …with at most this many columns each; a CSV file may not have more.
pub const MAX_REPORTED_COLUMNS: usize = 200;

/// How many mapped rows a report shows.
pub const REPORTED_ROWS: usize = 5;

/// What a source's call gives, later: async functions of a trait object have to be boxed.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SourceError>> + Send + 'a>>;

/// A database that contacts come from.
pub trait ContactSource: Send + Sync {
    /// Sends every row of the source's query into `rows`, in the source's order; rows that could not be
    /// read as text carry a [`rows::RowProblem`] and may come first.
    ///
    /// Ends with the number of rows sent, and only when the source has proven that there are no more;
    /// everything else is an error. Ends within a second of `cancel`, and with
    /// [`SourceError::Cancelled`] when nobody takes the rows any more.
    fn read<'a>(&'a self, rows: mpsc::Sender<RowBatch>, cancel: CancellationToken) -> Answer<'a, u64>;

    /// Reaches the source, and says what is there and what the query would give. Takes as long as the
    /// source takes to count its rows; drop the future to stop it.
    fn test(&self) -> Answer<'_, SourceReport>;

    /// Reaches the source, and finds out whether the tables and columns of the query are there and can be
    /// read; for settings that are about to be saved. A source that is a file need not be there yet.
    fn check(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// What a test of a source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// Who answered, when it is a server.
    pub server: Option<ServerReport>,
    /// Tables and views, at most [`MAX_REPORTED_TABLES`].
    pub tables: Vec<TableReport>,
    /// Rows that cannot be read at all, such as CSV lines with a field too many.
    pub unreadable_rows: u64,
    /// What sync filter and field map give. The tables are there to put them right when it is an error.
    pub query: Result<QueryReport, SourceError>,
}

/// A server that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// What it says that it is; empty when it does not say.
    pub version: String,
    /// What of the connection is encrypted.
    pub encryption: Encryption,
}

/// A table or view of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// At most [`MAX_REPORTED_COLUMNS`].
    pub columns: Vec<ColumnReport>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// Its type as declared; empty when none is.
    pub declared_type: String,
}

/// What sync filter and field map give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryReport {
    /// How many rows there are.
    pub row_count: u64,
    /// What the columns of a row are.
    pub projection: Projection,
    /// The first rows, at most [`REPORTED_ROWS`], as [`Row::reported`](rows::Row::reported) shows them; NULL is `None`.
    pub rows: Vec<Vec<Option<String>>>,
}

/// What is wrong with a source, and the remedy. Every message says what to do.
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
    /// The sync filter cannot work; the word is pointed at.
    #[error("sync_filter: {0}")]
    SyncFilter(Box<FilterError>),
    /// The file (or server, or database) does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It exists, but may not be read.
    #[error("{0}")]
    PermissionDenied(String),
    /// It is not what the settings say: not a database, no header line, not UTF-8.
    #[error("{0}")]
    Malformed(String),
    /// The database understood the query but could not carry it out.
    #[error("{0}")]
    Query(String),
    /// The source did not answer as it should, now; the next run may find it well.
    #[error("{0}")]
    Unavailable(String),
    /// The source asks for another try, from the start: a deadlock, a failover.
    #[error("{0}")]
    Temporary(String),
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl From<FilterError> for SourceError {
    fn from(error: FilterError) -> Self {
        SourceError::SyncFilter(Box::new(error))
    }
}

impl From<ConnectionProblem> for SourceError {
    fn from(ConnectionProblem { field, problem }: ConnectionProblem) -> Self {
        SourceError::Settings { field, problem }
    }
}

impl SourceError {
    /// Whether sync filter and field map have to be changed, whatever becomes of the source. (What the
    /// connection's settings name, such as an environment variable, may be there later.)
    #[must_use]
    pub fn is_about_query(&self) -> bool {
        match self {
            SourceError::Settings { field, .. } => !field.starts_with("connection."),
            SourceError::SyncFilter(_) => true,
            _ => false,
        }
    }

    fn settings(field: impl Into<String>, problem: impl Into<String>) -> Self {
        SourceError::Settings { field: field.into(), problem: problem.into() }
    }
}

/// Checks everything about `settings` that can be checked without reaching the source, and makes a reader.
pub fn open(settings: &SourceSettings) -> Result<Box<dyn ContactSource>, SourceError> {
    open_with(&settings.connection, query_of(settings)?)
}

fn query_of(settings: &SourceSettings) -> Result<mapped_query::MappedQuery, SourceError> {
    let filter = SyncFilter::parse(&settings.sync_filter)?;
    let projection = Projection::new(&settings.field_map, &settings.phonebook);
    check_projection(&projection)?;
    Ok(mapped_query::MappedQuery { filter, projection })
}

fn open_with(
    connection: &Connection,
    query: mapped_query::MappedQuery,
) -> Result<Box<dyn ContactSource>, SourceError> {
    match connection {
        Connection::Sqlite(connection) => Ok(Box::new(sqlite::SqliteSource::new(connection, query)?)),
        Connection::Csv(connection) => Ok(Box::new(csv::CsvSource::new(connection, query)?)),
        Connection::SqlServer(connection) => {
            connection.check()?;
            Ok(Box::new(sql_server::SqlServerSource::new(connection, query)?))
        }
    }
}

/// As [`open`], for a SQL Server that is at the other end of `wire`. For tests, which send what no real server would
/// and as often as they like; whatever that is, nobody else is connected to.
#[doc(hidden)]
pub fn open_over(
    settings: &SourceSettings,
    wire: tokio::io::DuplexStream,
) -> Result<Box<dyn ContactSource>, SourceError> {
    let Connection::SqlServer(connection) = &settings.connection else {
        return Err(SourceError::settings("connection", "is not to a SQL Server"));
    };
    connection.check()?;
    Ok(Box::new(sql_server::SqlServerSource::new(connection, query_of(settings)?)?.over(wire)))
}

/// Opens a source only to look which tables and columns are there ([`ContactSource::test`]), before anybody has said
/// which of them are wanted.
pub fn open_to_look(connection: &Connection) -> Result<Box<dyn ContactSource>, SourceError> {
    let filter = SyncFilter::parse("select ${MAP} from nothing.yet")?;
    let nothing = PhonebookTarget::ByProperty { column: "nothing".to_owned(), blank: None };
    let query =
        mapped_query::MappedQuery { filter, projection: Projection::new(&FieldMap::default(), &nothing) };
    open_with(connection, query)
}

fn check_projection(projection: &Projection) -> Result<(), SourceError> {
    for (field, column) in projection.columns() {
        let characters = column.chars().count();
        let problem = if column.trim().is_empty() {
            "the column's name is blank; name a column or leave the field out".to_owned()
        } else if characters > MAX_COLUMN_CHARACTERS {
            format!(
                "the column's name has {characters} characters; a name has at most {MAX_COLUMN_CHARACTERS}"
            )
        } else if column.chars().any(char::is_control) {
            "the column's name has a control character in it; write the name alone".to_owned()
        } else {
            continue;
        };
        return Err(SourceError::settings(field.setting(), problem));
    }
    let mapped = |wanted: fn(&Field) -> bool| projection.columns().iter().any(|(field, _)| wanted(field));
    if !mapped(|field| matches!(field, Field::FirstName | Field::LastName | Field::Company)) {
        let problem = "no name is mapped; map at least one of first_name, last_name and company to a column";
        return Err(SourceError::settings("field_map", problem));
    }
    if !mapped(|field| matches!(field, Field::Number(_))) {
        let problem = "no number is mapped; map at least one, such as business_number, to a column";
        return Err(SourceError::settings("field_map", problem));
    }
    Ok(())
}

/// How long work that was told to stop may go on before its caller is let go without it: less than the
/// second that [`ContactSource::read`] promises. A read from a dead network drive cannot be interrupted.
const PATIENCE: Duration = Duration::from_millis(900);

/// Runs `work`, which waits for files, where waiting is allowed. It is told to stop by `cancel` and when
/// the future is dropped.
async fn on_blocking_thread<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce(CancellationToken) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let stop = cancel.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let stop_of_work = stop.clone();
    let work = tokio::task::spawn_blocking(move || work(stop_of_work));
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        done = work => done.unwrap_or_else(|failure| {
            Err(SourceError::Unavailable(format!("the reader stopped: {failure}; please report this")))
        }),
        () = out_of_patience => Err(SourceError::Cancelled),
    }
}

#[cfg(test)]
mod tests;
