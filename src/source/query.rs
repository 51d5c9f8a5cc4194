//! Running a source's query on SQLite: all that SQLite and CSV sources share.
//!
//! The sync filter can only read, and so can the connection: an authorizer lets nothing but reading be
//! prepared. A progress handler stops a statement that runs while the run is cancelled.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::filter::{Dialect, SyncFilter, TableName};
use super::mapped_query::{MappedQuery, no_table};
use super::outlet::Outlet;
use super::rows::{Projection, RowBatch};
use super::{
    ColumnReport, MAX_REPORTED_COLUMNS, MAX_REPORTED_TABLES, QueryReport, REPORTED_ROWS, SourceError,
    TableReport,
};

/// The largest value or row that SQLite handles for a source, in bytes: bounds what a hostile query such as
/// `replace(…)` of itself can take. Values beyond `rows::MAX_VALUE_BYTES` are rejected row by row.
const MAX_SQLITE_VALUE: i32 = 64 << 20;

/// How many of SQLite's instructions pass between two looks at the stop signal: well below a millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 10_000;

/// A connection over which the source's query runs.
pub(super) struct Database {
    connection: Connection,
    /// The one schema that the sync filter may name.
    schema: &'static str,
    /// The column that holds a row's position; without one rows are numbered as they come.
    position: Option<String>,
}

/// Makes `connection` stop when `stop` says so, and hardens it against what a foreign file may hold.
pub(super) fn prepare_connection(
    connection: &mut Connection,
    stop: &CancellationToken,
) -> rusqlite::Result<()> {
    let stop = stop.clone();
    connection.progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, Some(move || stop.is_cancelled()))?;
    // Else SQLite takes a name in double quotes that is no column for a text, and finds no mistake.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_SQLITE_VALUE)?;
    Ok(())
}

impl Database {
    pub(super) fn new(connection: Connection, schema: &'static str, position: Option<String>) -> Self {
        Database { connection, schema, position }
    }

    /// Sends every row on.
    pub(super) fn read(
        &mut self,
        query: &MappedQuery,
        outlet: &mut BlockingOutlet,
    ) -> Result<(), SourceError> {
        self.check(query)?;
        self.only_read()?;
        self.each_row(query, &mut |position, row| {
            outlet.row(position, |batch| fill(batch, &query.projection, row))?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Everything in the table of a CSV file: the line, then the values.
    #[cfg(test)]
    pub(super) fn lines_of_test(&self) -> Vec<(u64, Vec<String>)> {
        let mut all = self.connection.prepare("SELECT * FROM csv.contacts").unwrap();
        let columns = all.column_count();
        let line = |row: &rusqlite::Row<'_>| {
            Ok((
                row.get::<_, i64>(0)?.unsigned_abs(),
                (1..columns).map(|i| row.get(i)).collect::<Result<_, _>>()?,
            ))
        };
        all.query_map([], line).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Counts the rows and shows the first ones.
    pub(super) fn report(&mut self, query: &MappedQuery) -> Result<QueryReport, SourceError> {
        self.check(query)?;
        self.only_read()?;
        let mut batch = RowBatch::new(query.projection.columns().len());
        self.each_row(query, &mut |position, row| {
            batch.begin_row(position);
            fill(&mut batch, &query.projection, row)?;
            Ok(if batch.len() < REPORTED_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let count = query.filter.count_statement("COUNT(*)");
        let row_count: i64 =
            self.connection.query_row(&count, [], |row| row.get(0)).map_err(|error| explain(&error))?;
        Ok(QueryReport {
            row_count: row_count.unsigned_abs(),
            projection: query.projection.clone(),
            rows: batch.rows().map(|row| row.reported(&query.projection)).collect(),
        })
    }

    /// The tables and views that there are.
    pub(super) fn tables(&self) -> Result<Vec<TableReport>, SourceError> {
        let tables = self.names("SELECT name FROM pragma_table_list WHERE schema = ?1 \
             AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")?;
        tables
            .into_iter()
            .take(MAX_REPORTED_TABLES)
            .map(|name| {
                let mut columns = self.columns(&name)?;
                columns.truncate(MAX_REPORTED_COLUMNS);
                Ok(TableReport { schema: self.schema.to_owned(), name, columns })
            })
            .collect()
    }

    fn names(&self, sql: &str) -> Result<Vec<String>, SourceError> {
        let names = || -> rusqlite::Result<_> {
            self.connection.prepare(sql)?.query_map([self.schema], |row| row.get(0))?.collect()
        };
        names().map_err(|error| explain(&error))
    }

    /// The columns of a table; none when there is no such table, or when it is a view that does not work.
    fn columns(&self, table: &str) -> Result<Vec<ColumnReport>, SourceError> {
        let columns = || -> rusqlite::Result<_> {
            self.connection
                .prepare("SELECT name, type FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1")?
                .query_map([table, self.schema], |row| {
                    Ok(ColumnReport { name: row.get(0)?, declared_type: row.get(1)? })
                })?
                .filter(|column| {
                    column.as_ref().ok().is_none_or(|column| self.position.as_deref() != Some(&column.name))
                })
                .collect()
        };
        match columns() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(Vec::new()),
            columns => columns.map_err(|error| explain(&error)),
        }
    }

    /// Checks that the tables of the filter and the columns of the map exist, and names the nearest.
    pub(super) fn check(&self, query: &MappedQuery) -> Result<(), SourceError> {
        let mut columns = Vec::new();
        for table in query.filter.tables() {
            let found = self.columns_of(table, &query.filter)?;
            if table.in_from {
                columns.extend(found);
            }
        }
        for (field, column) in query.projection.columns() {
            let is = |name: &str| name.eq_ignore_ascii_case(column);
            if columns.iter().any(|found| is(&found.name)) || ROW_NUMBERS.into_iter().any(is) {
                continue;
            }
            return Err(query.no_column(*field, column, columns.iter().map(|column| column.name.as_str())));
        }
        Ok(())
    }

    fn columns_of(&self, table: &TableName, filter: &SyncFilter) -> Result<Vec<ColumnReport>, SourceError> {
        let refuse =
            |message: String, remedy: &str| Err(filter.error(table.range.clone(), message, remedy).into());
        if !table.schema.eq_ignore_ascii_case(self.schema) {
            return refuse(
                format!("there is no schema {:?} in this kind of source", table.schema),
                &format!("Write {}.{}.", self.schema, table.table),
            );
        }
        let columns = self.columns(&table.table)?;
        if columns.is_empty() {
            let tables = self.tables()?;
            if let Some(view) = tables.iter().find(|found| found.name.eq_ignore_ascii_case(&table.table)) {
                return refuse(
                    format!("the view {} cannot be read", view.name),
                    "Check its definition: it may name a table or column that is gone.",
                );
            }
            return Err(no_table(filter, table, tables.iter().map(|found| found.name.as_str())));
        }
        Ok(columns)
    }

    /// From here on, nothing but reading can be prepared. A second wall behind the parsed filter.
    fn only_read(&mut self) -> Result<(), SourceError> {
        let authorize = |context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
            AuthAction::Function { function_name }
                if !function_name.eq_ignore_ascii_case("load_extension") =>
            {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        };
        self.connection.authorizer(Some(authorize)).map_err(|error| explain(&error))
    }

    /// Gives every row with its position to `take`, until that has enough. Returns `Ok` only when SQLite
    /// said that there are no more rows, or `take` had enough.
    fn each_row(&self, query: &MappedQuery, take: &mut TakeRow<'_>) -> Result<(), SourceError> {
        let columns = query.projection.columns().iter().map(|(_, column)| column);
        let statement =
            query.filter.statement(columns.chain(&self.position).map(|column| Dialect::Sqlite.quote(column)));
        let mut prepared = self
            .connection
            .prepare(&statement)
            .map_err(|error| explain_in(&error, &query.filter, &statement))?;
        let position_column = query.projection.columns().len();
        let mut rows = prepared.query([]).map_err(|error| explain(&error))?;
        let mut number = 0;
        while let Some(row) = rows.next().map_err(|error| explain(&error))? {
            number += 1;
            let position = match self.position {
                Some(_) => {
                    row.get::<_, i64>(position_column).map_err(|error| explain(&error))?.unsigned_abs()
                }
                None => number,
            };
            if take(position, row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

type TakeRow<'a> = dyn FnMut(u64, &rusqlite::Row<'_>) -> Result<ControlFlow<()>, SourceError> + 'a;

/// Names under which SQLite knows the number of a row, without their being columns.
const ROW_NUMBERS: [&str; 3] = ["rowid", "oid", "_rowid_"];

/// Adds the mapped values of `row` to `batch`, as the text a person would expect.
///
/// Numbers are written here and not by SQLite's CAST: a phone number stored as REAL would come out as
/// `49301234567.0`, and be another number.
fn fill(batch: &mut RowBatch, projection: &Projection, row: &rusqlite::Row<'_>) -> Result<(), SourceError> {
    let mut number = String::new();
    for (index, (_, column)) in projection.columns().iter().enumerate() {
        number.clear();
        let written = match row.get_ref(index).map_err(|error| explain(&error))? {
            ValueRef::Null => {
                batch.push_value(None);
                continue;
            }
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                batch.push_bytes(column, text);
                continue;
            }
            ValueRef::Integer(value) => write!(number, "{value}"),
            ValueRef::Real(value) => write!(number, "{value}"),
        };
        batch.push_value(written.is_ok().then_some(&number));
    }
    Ok(())
}

/// An [`Outlet`] of a thread that may wait.
pub(super) struct BlockingOutlet {
    outlet: Outlet,
    runtime: Handle,
}

impl BlockingOutlet {
    pub(super) fn new(
        rows: mpsc::Sender<RowBatch>,
        stop: CancellationToken,
        runtime: Handle,
        projection: &Projection,
    ) -> Self {
        BlockingOutlet { outlet: Outlet::new(rows, stop, projection), runtime }
    }

    /// Adds a row, whose values `fill` pushes.
    pub(super) fn row(
        &mut self,
        position: u64,
        fill: impl FnOnce(&mut RowBatch) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let batch = self.outlet.begin_row(position);
        fill(batch)?;
        if batch.is_full() { self.runtime.block_on(self.outlet.send()) } else { Ok(()) }
    }

    /// Sends the last rows, and returns how many there were.
    pub(super) fn finish(self) -> Result<u64, SourceError> {
        let BlockingOutlet { outlet, runtime } = self;
        runtime.block_on(outlet.finish())
    }
}

/// [`explain`], pointing at the word of the filter when SQLite named a place in `statement`.
fn explain_in(error: &rusqlite::Error, filter: &SyncFilter, statement: &str) -> SourceError {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            let remedy =
                "Write it as SQLite knows it; names with spaces or signs are written in brackets: [name].";
            let offset = usize::try_from(*offset).unwrap_or(0);
            filter.error_at(statement, offset, msg.clone(), remedy).into()
        }
        error => explain(error),
    }
}

/// What SQLite reported, in terms of what to do.
pub(super) fn explain(error: &rusqlite::Error) -> SourceError {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => SourceError::Cancelled,
        Some(ErrorCode::NotADatabase) => SourceError::Malformed(format!(
            "the file is not an SQLite database ({text}); name the database file in connection.sqlite.path, \
             or make it a csv connection"
        )),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure) => SourceError::Unavailable(format!(
            "the database could not be read to its end ({text}); it was cut off, overwritten or damaged: check \
             it with `PRAGMA integrity_check`, then synchronise again"
        )),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SourceError::Unavailable(format!(
            "another program kept the database locked ({text}); synchronise again when it is done"
        )),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => SourceError::PermissionDenied(format!(
            "the database cannot be opened for reading ({text}); a database in WAL mode needs its -wal and -shm \
             files beside it, readable, or a folder that the server may write to"
        )),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => SourceError::Query(
            format!("the query would do more than read ({text}); use only columns and plain functions"),
        ),
        Some(ErrorCode::DiskFull) => SourceError::Unavailable(format!(
            "the folder for temporary files is full ({text}); make room, or point SQLITE_TMPDIR to another one"
        )),
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => SourceError::Query(format!(
            "the query makes a value of more than {MAX_SQLITE_VALUE} bytes ({text}); leave out the function that \
             makes it, or read a view without that column"
        )),
        _ => SourceError::Query(format!(
            "SQLite refused the query: {text}; correct the sync filter or the view that it reads"
        )),
    }
}
