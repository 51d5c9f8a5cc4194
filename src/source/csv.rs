//! CSV files as sources: put into a temporary SQLite database, then read like any other.
//!
//! So the sync filter means the same as elsewhere. The database is one of SQLite's own temporary files: it
//! has no name and vanishes with the process. Rows with a wrong number of fields have no place in a table;
//! they are reported ahead of the others.
//!
//! A CSV file does not say where it ends. One that is cut off between two lines cannot be told from a
//! shorter one (the guard of the sync pass is for that); one cut off inside quotes is an error.

pub(super) mod records;

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::records::{RecordError, Records};
use super::filter::Dialect;
use super::mapped_query::MappedQuery;
use super::query::{BlockingOutlet, Database, explain, prepare_connection};
use super::rows::{RowBatch, RowProblem};
use super::sqlite::{FileStamp, about, cannot_read, check_path, is_missing};
use super::{
    Answer, ContactSource, MAX_COLUMN_CHARACTERS, MAX_REPORTED_COLUMNS, SourceError, SourceReport,
    on_blocking_thread,
};
use crate::settings::CsvConnection;

/// The file's table is `csv.contacts`.
const SCHEMA: &str = "csv";
const TABLE: &str = "contacts";

/// How much of the temporary database stays in memory, in KiB.
const CACHE_KIB: u32 = 8 * 1024;

pub(super) struct CsvSource {
    path: PathBuf,
    delimiter: u8,
    query: MappedQuery,
}

impl CsvSource {
    pub(super) fn new(connection: &CsvConnection, query: MappedQuery) -> Result<Self, SourceError> {
        check_path("connection.csv.path", &connection.path)?;
        let delimiter = delimiter_byte(connection.delimiter)
            .map_err(|problem| SourceError::settings("connection.csv.delimiter", problem))?;
        Ok(CsvSource { path: connection.path.clone(), delimiter, query })
    }
}

impl ContactSource for CsvSource {
    fn read<'a>(&'a self, rows: mpsc::Sender<RowBatch>, cancel: CancellationToken) -> Answer<'a, u64> {
        let (path, delimiter, query) = (self.path.clone(), self.delimiter, self.query.clone());
        Box::pin(async move {
            let runtime = Handle::current();
            on_blocking_thread(&cancel, move |stop| {
                let mut outlet = BlockingOutlet::new(rows, stop.clone(), runtime, &query.projection);
                let mut database = load(&path, delimiter, &stop, &mut |line, reason| {
                    outlet.row(line, |batch| {
                        batch.mark_bad(RowProblem { column: None, reason });
                        Ok(())
                    })
                })?;
                database.read(&query, &mut outlet)?;
                outlet.finish()
            })
            .await
        })
    }

    fn test(&self) -> Answer<'_, SourceReport> {
        let (path, delimiter, query) = (self.path.clone(), self.delimiter, self.query.clone());
        Box::pin(async move {
            on_blocking_thread(&CancellationToken::new(), move |stop| {
                let mut unreadable_rows = 0;
                let mut database = load(&path, delimiter, &stop, &mut |_, _| {
                    unreadable_rows += 1;
                    Ok(())
                })?;
                let tables = database.tables()?;
                Ok(SourceReport { server: None, tables, unreadable_rows, query: database.report(&query) })
            })
            .await
        })
    }

    fn check(&self) -> Answer<'_, ()> {
        let (path, delimiter, query) = (self.path.clone(), self.delimiter, self.query.clone());
        Box::pin(async move {
            on_blocking_thread(&CancellationToken::new(), move |stop| {
                if is_missing(&path) {
                    return Ok(());
                }
                load(&path, delimiter, &stop, &mut |_, _| Ok(()))?.check(&query)
            })
            .await
        })
    }
}

/// Takes the line and the reason of a row that has no place in the table.
type Reject<'a> = dyn FnMut(u64, String) -> Result<(), SourceError> + 'a;

/// Puts the file into a temporary database.
fn load(
    path: &Path,
    delimiter: u8,
    stop: &CancellationToken,
    reject: &mut Reject<'_>,
) -> Result<Database, SourceError> {
    let malformed = |problem: String| SourceError::Malformed(about(path, &problem));
    let failed = |failure: RecordError| match failure {
        RecordError::Io(failure) => cannot_read(path, &failure),
        RecordError::Malformed(problem) => malformed(problem),
    };
    let unreadable = |failure: std::io::Error| cannot_read(path, &failure);
    FileStamp::of(path)?;
    let file = File::open(path).map_err(unreadable)?;
    // Another file may be renamed over it meanwhile, and this one is as whole as before.
    let stamp = FileStamp::of_open(&file).map_err(unreadable)?;
    let mut records = Records::new(&file, delimiter);
    let Some(line) = records.advance_to_header().map_err(failed)? else {
        return Err(malformed("the file is empty; its first line must name the columns".to_owned()));
    };
    let header = header(records.record(), delimiter)
        .map_err(|problem| malformed(format!("line {line}: {problem}")))?;

    let (connection, position) = create_table(&header, stop).map_err(|error| explain(&error))?;
    let places = vec!["?"; header.len() + 1].join(", ");
    let mut insert = connection
        .prepare(&format!("INSERT INTO {SCHEMA}.{TABLE} VALUES ({places})"))
        .map_err(|error| explain(&error))?;
    while let Some(line) = records.advance().map_err(failed)? {
        if stop.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        let record = records.record();
        if record.len() != header.len() {
            reject(
                line,
                format!("the row has {} fields; the header line has {}", record.len(), header.len()),
            )?;
            continue;
        }
        let line = Value(ValueRef::Integer(i64::try_from(line).unwrap_or(i64::MAX)));
        let values = record.iter().map(|field| Value(ValueRef::Text(field)));
        insert
            .execute(rusqlite::params_from_iter(std::iter::once(line).chain(values)))
            .map_err(|error| explain(&error))?;
    }
    drop(insert);
    if stamp != FileStamp::of_open(&file).map_err(unreadable)? {
        return Err(SourceError::Unavailable(about(
            path,
            "the file was written to while it was read; synchronise again when it is finished, and replace it by \
             renaming a finished one over it",
        )));
    }
    connection.execute_batch("COMMIT; PRAGMA query_only = ON").map_err(|error| explain(&error))?;
    Ok(Database::new(connection, SCHEMA, Some(position)))
}

/// A value that is handed to SQLite as it is; text is not checked to be UTF-8 before it is read back.
struct Value<'a>(ValueRef<'a>);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// Makes the table, and returns the name of the column for the line, which comes first. The transaction in
/// which rows are put in is open.
fn create_table(header: &[String], stop: &CancellationToken) -> rusqlite::Result<(Connection, String)> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    prepare_connection(&mut connection, stop)?;
    let mut line = "line".to_owned();
    while header.iter().any(|name| name.eq_ignore_ascii_case(&line)) {
        line.insert(0, '_');
    }
    let columns: Vec<_> = header.iter().map(|name| format!("{} TEXT", Dialect::Sqlite.quote(name))).collect();
    // An empty name makes a database of SQLite's own, in a temporary file that is deleted while it is open.
    connection.execute_batch(&format!(
        "ATTACH '' AS {SCHEMA}; PRAGMA {SCHEMA}.journal_mode = OFF; PRAGMA {SCHEMA}.synchronous = OFF; \
         PRAGMA {SCHEMA}.cache_size = -{CACHE_KIB}; \
         CREATE TABLE {SCHEMA}.{TABLE} ({} INTEGER PRIMARY KEY, {}); BEGIN",
        Dialect::Sqlite.quote(&line),
        columns.join(", "),
    ))?;
    Ok((connection, line))
}

/// What may stand between two values.
pub(super) fn delimiter_byte(delimiter: char) -> Result<u8, String> {
    match u8::try_from(delimiter) {
        Ok(byte) if byte == b'\t' || byte.is_ascii_punctuation() && byte != b'"' || byte == b' ' => Ok(byte),
        _ => Err(format!(
            "{delimiter:?} cannot stand between two values; expected one sign such as ',' or ';', or a tab"
        )),
    }
}

/// The names of the columns.
pub(super) fn header(record: &ByteRecord, delimiter: u8) -> Result<Vec<String>, String> {
    if record.len() > MAX_REPORTED_COLUMNS {
        return Err(format!(
            "the header has {} columns; at most {MAX_REPORTED_COLUMNS} are read",
            record.len()
        ));
    }
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (index, name) in record.iter().enumerate() {
        let column = index + 1;
        let name = match std::str::from_utf8(name) {
            Ok(name) if !name.contains('\0') => name.trim(),
            _ => {
                return Err(format!(
                    "the header's column {column} is not UTF-8 text; save the file as UTF-8 (it may be UTF-16, \
                     which spreadsheets call Unicode, or an older encoding)"
                ));
            }
        };
        if name.is_empty() {
            return Err(format!(
                "the header's column {column} has no name; the first line must name every column"
            ));
        }
        let characters = name.chars().count();
        if characters > MAX_COLUMN_CHARACTERS {
            return Err(format!(
                "the name of the header's column {column} has {characters} characters; at most \
                 {MAX_COLUMN_CHARACTERS} are read. Is the first line a header, and {:?} what stands between values?",
                char::from(delimiter)
            ));
        }
        if delimiter != b'\t' && name.contains('\t') {
            return Err(format!(
                "the name of the header's column {column} has a tab in it; is {:?} what stands between values, or a \
                 tab?",
                char::from(delimiter)
            ));
        }
        if name.chars().any(char::is_control) {
            return Err(format!(
                "the name of the header's column {column} has a control character in it; remove it"
            ));
        }
        if let Some(first) = names.iter().position(|other| other.eq_ignore_ascii_case(name)) {
            let first = first + 1;
            return Err(format!(
                "the header names {name:?} twice, as columns {first} and {column}; rename one"
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
