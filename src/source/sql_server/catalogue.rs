//! Which tables and columns there are, and whether the mapped ones are among them.

use std::fmt::Write as _;

use super::column_text::ColumnText;
use super::session::Session;
use crate::source::filter::{Dialect, TableName};
use crate::source::mapped_query::{MappedQuery, no_table};
use crate::source::{
    ColumnReport, MAX_REPORTED_COLUMNS, MAX_REPORTED_TABLES, SourceError, TableReport, rows::Field,
};

/// A column as INFORMATION_SCHEMA.COLUMNS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The system's type, also of columns with a type of somebody's own.
    pub(super) data_type: String,
    /// Characters or bytes; `None` when there is no limit, or nothing to limit.
    pub(super) length: Option<u64>,
    pub(super) is_max: bool,
    pub(super) precision: Option<u64>,
    pub(super) scale: Option<u64>,
    /// Digits behind the second's point.
    pub(super) fraction: Option<u64>,
}

impl Column {
    /// The type as it is written in CREATE TABLE.
    pub(super) fn declared_type(&self) -> String {
        let data_type = &self.data_type;
        match (data_type.to_ascii_lowercase().as_str(), self) {
            ("text" | "ntext" | "image" | "xml", _) => data_type.clone(),
            (_, Column { is_max: true, .. }) => format!("{data_type}(max)"),
            (_, Column { length: Some(length), .. }) => format!("{data_type}({length})"),
            ("decimal" | "numeric", Column { precision: Some(precision), scale: Some(scale), .. }) => {
                format!("{data_type}({precision},{scale})")
            }
            ("datetime2" | "datetimeoffset" | "time", Column { fraction: Some(fraction), .. }) => {
                format!("{data_type}({fraction})")
            }
            _ => data_type.clone(),
        }
    }
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

impl From<Table> for TableReport {
    fn from(table: Table) -> Self {
        let columns = table
            .columns
            .into_iter()
            .take(MAX_REPORTED_COLUMNS)
            .map(|column| ColumnReport { declared_type: column.declared_type(), name: column.name });
        TableReport { schema: table.schema, name: table.name, columns: columns.collect() }
    }
}

/// Every table and view that the login may see, at most [`MAX_REPORTED_TABLES`].
pub(super) async fn tables(session: &mut Session) -> Result<Vec<Table>, SourceError> {
    let mut tables = read(session, "").await?;
    tables.truncate(MAX_REPORTED_TABLES);
    Ok(tables)
}

async fn read(session: &mut Session, filter: &str) -> Result<Vec<Table>, SourceError> {
    const COLUMNS: [(&str, u16); 8] = [
        ("TABLE_SCHEMA", 128),
        ("TABLE_NAME", 128),
        ("COLUMN_NAME", 128),
        ("DATA_TYPE", 128),
        ("CHARACTER_MAXIMUM_LENGTH", 12),
        ("NUMERIC_PRECISION", 12),
        ("NUMERIC_SCALE", 12),
        ("DATETIME_PRECISION", 12),
    ];
    let columns = COLUMNS.map(|(name, length)| format!("CAST({name} AS nvarchar({length})) AS {name}"));
    let statement = format!(
        "SELECT {} FROM INFORMATION_SCHEMA.COLUMNS{filter} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
        columns.join(", ")
    );
    let mut tables: Vec<Table> = Vec::new();
    for row in session.all(&statement, COLUMNS.len()).await? {
        let mut row = row.into_iter();
        let mut text = || row.next().flatten().unwrap_or_default();
        let (schema, name) = (text(), text());
        let mut column = Column {
            name: text(),
            data_type: text(),
            length: None,
            is_max: false,
            precision: None,
            scale: None,
            fraction: None,
        };
        let length = text();
        column.is_max = length == "-1";
        column.length = length.parse().ok();
        let mut number = || text().parse().ok();
        (column.precision, column.scale, column.fraction) = (number(), number(), number());
        match tables.last_mut() {
            Some(table) if table.schema == schema && table.name == name => table.columns.push(column),
            _ => tables.push(Table { schema, name, columns: vec![column] }),
        }
    }
    Ok(tables)
}

/// Names are compared by the server's collation; where it tells upper from lower case, the exact one counts.
fn find<'a, T>(all: &'a [T], name: impl Fn(&T) -> (&str, &str), wanted: (&str, &str)) -> Option<&'a T> {
    let is_same = |found: (&str, &str)| {
        found.0.to_lowercase() == wanted.0.to_lowercase() && found.1.to_lowercase() == wanted.1.to_lowercase()
    };
    all.iter().find(|item| name(item) == wanted).or_else(|| all.iter().find(|item| is_same(name(item))))
}

/// How each mapped column is read. An error names the table or column that is not there, or cannot be read,
/// and the nearest one that is there.
pub(super) async fn mapped_columns(
    session: &mut Session,
    query: &MappedQuery,
) -> Result<Vec<ColumnText>, SourceError> {
    let mut filter = String::new();
    for table in query.filter.tables() {
        let word = if filter.is_empty() { "WHERE" } else { "OR" };
        let (schema, name) = (literal(&table.schema), literal(&table.table));
        // Writing to a String cannot fail.
        let _ = write!(filter, " {word} (TABLE_SCHEMA = {schema} AND TABLE_NAME = {name})");
    }
    let known = read(session, &filter).await?;
    let mut from = Vec::new();
    for table in query.filter.tables() {
        let wanted = (table.schema.as_str(), table.table.as_str());
        match find(&known, |table| (&table.schema, &table.name), wanted) {
            Some(found) if table.in_from => from.push(found),
            Some(_) => {}
            None => return Err(missing_table(session, query, table).await?),
        }
    }
    let column_text = |(field, name): &(Field, String)| {
        let refuse = |problem| SourceError::settings(field.setting(), problem);
        let found: Vec<_> = from
            .iter()
            .filter_map(|table| {
                let column = find(&table.columns, |column| ("", &column.name), ("", name))?;
                Some((*table, column))
            })
            .collect();
        match found[..] {
            [(_, column)] => ColumnText::of(column, &Dialect::SqlServer.quote(&column.name)).map_err(refuse),
            [] => {
                let existing = from.iter().flat_map(|table| &table.columns);
                Err(query.no_column(*field, name, existing.map(|column| column.name.as_str())))
            }
            [(first, _), (second, _), ..] => Err(refuse(format!(
                "both {}.{} and {}.{} have a column {name:?}, and the server does not know which one is meant; read \
                 a view that has it once, or put the second table into a subquery: where … in (select …)",
                first.schema, first.name, second.schema, second.name
            ))),
        }
    };
    query.projection.columns().iter().map(column_text).collect()
}

/// Why a table of the filter is not in the catalogue, which has only what the login may see.
async fn missing_table(
    session: &mut Session,
    query: &MappedQuery,
    table: &TableName,
) -> Result<SourceError, SourceError> {
    let quote = |name: &str| Dialect::SqlServer.quote(name);
    let name = format!("{}.{}", quote(&table.schema), quote(&table.table));
    match session.all(&format!("SELECT CAST(COUNT(*) AS nvarchar(20)) FROM {name} WHERE 1 = 0"), 1).await {
        // There is none.
        Err(SourceError::Query(_)) => {}
        Err(error) => return Ok(error),
        Ok(_) => {
            let remedy = "Name the table or view itself; a synonym does not say what columns it has.";
            let message = format!("{name} can be read, but is no table or view");
            return Ok(query.filter.error(table.range.clone(), message, remedy).into());
        }
    }
    let tables = tables(session).await?;
    let here = tables.iter().filter(|found| found.schema.to_lowercase() == table.schema.to_lowercase());
    let names: Vec<_> = here.map(|found| found.name.as_str()).collect();
    if !names.is_empty() {
        return Ok(no_table(&query.filter, table, names.into_iter()));
    }
    let all: Vec<_> = tables.iter().map(|found| format!("{}.{}", found.schema, found.name)).collect();
    let elsewhere = tables.iter().find(|found| found.name.to_lowercase() == table.table.to_lowercase());
    let remedy = match elsewhere {
        Some(found) => format!("Did you mean {}.{}?", found.schema, found.name),
        None if all.is_empty() => {
            "The login sees no tables at all: let it read one (GRANT SELECT ON …).".to_owned()
        }
        None => format!("The login sees: {}.", all[..all.len().min(10)].join(", ")),
    };
    let message = format!("there is no table or view {name} that the login may see");
    Ok(query.filter.error(table.range.clone(), message, &remedy).into())
}

/// A text as T-SQL writes it.
fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}
