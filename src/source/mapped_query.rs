//! What a source's settings ask of its database, whatever kind it is: the statement, the columns, and how
//! their names are said to be wrong.

use super::SourceError;
use super::csv_file::guess_delimiter;
use super::filter::{SyncFilter, TableName};
use super::rows::{Field, Projection};

/// Which rows are read, and which of their columns.
#[derive(Debug, Clone)]
pub(super) struct MappedQuery {
    pub(super) filter: SyncFilter,
    pub(super) projection: Projection,
}

impl MappedQuery {
    /// The tables of the filter's own FROM, as they are written there.
    pub(super) fn from(&self) -> String {
        let tables = self.filter.tables().iter().filter(|table| table.in_from);
        tables.map(|table| format!("{}.{}", table.schema, table.table)).collect::<Vec<_>>().join(", ")
    }

    /// That none of the `existing` columns is the mapped one.
    pub(super) fn no_column<'a>(
        &self,
        field: Field,
        column: &str,
        existing: impl Iterator<Item = &'a str> + Clone,
    ) -> SourceError {
        let nearest =
            one_of_many(existing.clone()).unwrap_or_else(|| suggestion(column, existing, "columns"));
        SourceError::settings(field.setting(), format!("{} has no column {column:?}; {nearest}", self.from()))
    }
}

/// What to do when the only column is named like many: the header of a CSV file that is not taken apart.
fn one_of_many<'a>(mut existing: impl Iterator<Item = &'a str>) -> Option<String> {
    let (Some(only), None) = (existing.next(), existing.next()) else { return None };
    let sign = guess_delimiter(only.as_bytes());
    let remedy = || format!("its only column is {only:?}: should connection.csv.delimiter be {sign:?}?");
    only.contains(sign).then(remedy)
}

/// That there is no such table, of which there are the `existing` ones.
pub(super) fn no_table<'a>(
    filter: &SyncFilter,
    table: &TableName,
    existing: impl Iterator<Item = &'a str> + Clone,
) -> SourceError {
    let nearest = suggestion(&table.table, existing, "tables");
    filter.error(table.range.clone(), format!("there is no table or view {:?}", table.table), &nearest).into()
}

/// The nearest of the `existing` names, or a few of them.
fn suggestion<'a>(name: &str, existing: impl Iterator<Item = &'a str> + Clone, what: &str) -> String {
    match nearest(name, existing.clone()) {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => {
            let few: Vec<_> = existing.take(10).collect();
            format!("its {what} are: {}", if few.is_empty() { "none".to_owned() } else { few.join(", ") })
        }
    }
}

/// The one of the `existing` names that `name` was probably meant to be.
pub(super) fn nearest<'a>(name: &str, existing: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    existing
        .map(|existing| (strsim::jaro_winkler(&folded, &existing.to_lowercase()), existing))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, nearest)| nearest)
}
