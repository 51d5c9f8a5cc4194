//! Sources <-> the contract's.

mod sql_server;

use std::path::Path;

use jiff::Timestamp;

use super::{notify, runs, schedules, timestamp};
use crate::api::grpc::request::{bad, phonebook_name};
use crate::api::proto::v1;
use crate::engine::{EngineError, etag};
use crate::phone_number::Region;
use crate::settings::{
    Connection, CsvConnection, FieldMap, GuardSettings, PhonebookTarget, SourceSettings, SqliteConnection,
};
use crate::source::{QueryReport, ServerReport, SourceError, SourceReport};
use crate::sync::SyncRun;

/// A source, with what the store knows of it.
pub(in crate::api::grpc) fn to_proto(
    settings: SourceSettings,
    contact_count: u64,
    last_run: Option<SyncRun>,
    next_run_at: Option<Timestamp>,
) -> v1::Source {
    let etag = etag(&settings);
    let SourceSettings {
        name,
        enabled,
        default_region,
        sync_filter,
        remove_missing,
        schedule,
        notify: told,
        connection: reached,
        field_map: mapped,
        phonebook,
        guard,
    } = settings;
    let GuardSettings { max_removed_percent, max_removed_contacts, max_rejected_percent } = guard;
    v1::Source {
        name,
        enabled: Some(enabled),
        default_region: default_region.map(String::from).unwrap_or_default(),
        sync_filter,
        remove_missing: Some(remove_missing),
        connection: Some(connection(reached)),
        field_map: Some(field_map(mapped)),
        phonebook: Some(target(phonebook)),
        guard: Some(v1::GuardSettings {
            max_removed_percent: Some(max_removed_percent.into()),
            max_removed_contacts: Some(max_removed_contacts),
            max_rejected_percent: Some(max_rejected_percent.into()),
        }),
        etag,
        contact_count,
        last_run: last_run.map(runs::run),
        schedule: schedule.map(schedules::to_proto),
        next_run_at: next_run_at.map(timestamp),
        notify: notify::to_proto(told),
    }
}

fn connection(connection: Connection) -> v1::Connection {
    use v1::connection::Kind;
    let text = |path: &Path| path.display().to_string();
    let kind = match connection {
        Connection::Sqlite(SqliteConnection { path }) => {
            Kind::Sqlite(v1::SqliteConnection { path: text(&path) })
        }
        Connection::Csv(CsvConnection { path, delimiter }) => {
            Kind::Csv(v1::CsvConnection { path: text(&path), delimiter: delimiter.into() })
        }
        Connection::SqlServer(connection) => Kind::SqlServer(sql_server::to_proto(*connection)),
    };
    v1::Connection { kind: Some(kind) }
}

fn target(target: PhonebookTarget) -> v1::PhonebookTarget {
    use v1::phonebook_target::Target;
    let target = match target {
        PhonebookTarget::New { name } => Target::NewPhonebook(v1::NewPhonebook { name: name.into() }),
        PhonebookTarget::ByProperty { column, blank } => Target::ByProperty(v1::PhonebooksByProperty {
            column,
            blank: blank.map(String::from).unwrap_or_default(),
        }),
        PhonebookTarget::Existing { name } => {
            Target::ExistingPhonebook(v1::ExistingPhonebook { name: name.into() })
        }
    };
    v1::PhonebookTarget { target: Some(target) }
}

/// The source that a request asks for, and the etag of the one that it was made from.
pub(in crate::api::grpc) fn from_proto(
    source: Option<v1::Source>,
) -> Result<(SourceSettings, String), EngineError> {
    let v1::Source {
        name,
        enabled,
        default_region,
        sync_filter,
        remove_missing,
        connection,
        field_map,
        phonebook,
        guard,
        etag,
        contact_count: _,
        last_run: _,
        schedule,
        next_run_at: _,
        notify: told,
    } = source.ok_or_else(|| bad("source", "is missing; the source is expected here"))?;
    let settings = SourceSettings {
        name,
        enabled: enabled.unwrap_or(true),
        default_region: region_from(&default_region)?,
        sync_filter,
        remove_missing: remove_missing.unwrap_or(true),
        schedule: schedule.map(schedules::from_proto).transpose()?,
        notify: told.map(notify::from_proto).transpose()?.unwrap_or_default(),
        connection: connection_from(connection)?,
        field_map: field_map_from(field_map.ok_or_else(|| {
            bad("source.field_map", "is missing; map at least a name and a number to columns")
        })?),
        phonebook: target_from(phonebook)?,
        guard: guard_from(guard.unwrap_or_default())?,
    };
    Ok((settings, etag))
}

fn region_from(text: &str) -> Result<Option<Region>, EngineError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| bad("source.default_region", format!("{error}")))
}

fn connection_from(connection: Option<v1::Connection>) -> Result<Connection, EngineError> {
    use v1::connection::Kind;
    let kind = connection.and_then(|connection| connection.kind);
    match kind.ok_or_else(|| bad("source.connection", "is missing; sql_server, sqlite or csv is expected"))? {
        Kind::Sqlite(v1::SqliteConnection { path }) => {
            Ok(Connection::Sqlite(SqliteConnection { path: path.into() }))
        }
        Kind::Csv(v1::CsvConnection { path, delimiter }) => {
            let mut characters = delimiter.chars();
            let delimiter = match (characters.next(), characters.next()) {
                (None, _) => ',',
                (Some(delimiter), None) => delimiter,
                (Some(_), Some(_)) => {
                    let problem = format!(
                        "has {} characters; one is expected, or none for a comma",
                        delimiter.chars().count()
                    );
                    return Err(bad("source.connection.csv.delimiter", problem));
                }
            };
            Ok(Connection::Csv(CsvConnection { path: path.into(), delimiter }))
        }
        Kind::SqlServer(connection) => {
            Ok(Connection::SqlServer(Box::new(sql_server::from_proto(connection)?)))
        }
    }
}

fn target_from(target: Option<v1::PhonebookTarget>) -> Result<PhonebookTarget, EngineError> {
    use v1::phonebook_target::Target;
    let expected = "is missing; new_phonebook, by_property or existing_phonebook is expected";
    let target = target.and_then(|target| target.target);
    Ok(match target.ok_or_else(|| bad("source.phonebook", expected))? {
        Target::NewPhonebook(v1::NewPhonebook { name }) => {
            PhonebookTarget::New { name: phonebook_name("source.phonebook.new_phonebook.name", &name)? }
        }
        Target::ByProperty(v1::PhonebooksByProperty { column, blank }) => {
            let blank = match blank.as_str() {
                "" => None,
                name => Some(phonebook_name("source.phonebook.by_property.blank", name)?),
            };
            PhonebookTarget::ByProperty { column, blank }
        }
        Target::ExistingPhonebook(v1::ExistingPhonebook { name }) => PhonebookTarget::Existing {
            name: phonebook_name("source.phonebook.existing_phonebook.name", &name)?,
        },
    })
}

fn guard_from(guard: v1::GuardSettings) -> Result<GuardSettings, EngineError> {
    let defaults = GuardSettings::default();
    let percent = |field: &str, asked: Option<u32>, default: u8| match asked {
        None => Ok(default),
        Some(percent) => u8::try_from(percent).ok().filter(|percent| *percent <= 100).ok_or_else(|| {
            bad(&format!("source.guard.{field}"), format!("is {percent}; 1 to 100 is expected, or 0 for off"))
        }),
    };
    let v1::GuardSettings { max_removed_percent, max_removed_contacts, max_rejected_percent } = guard;
    Ok(GuardSettings {
        max_removed_percent: percent(
            "max_removed_percent",
            max_removed_percent,
            defaults.max_removed_percent,
        )?,
        max_removed_contacts: max_removed_contacts.unwrap_or(defaults.max_removed_contacts),
        max_rejected_percent: percent(
            "max_rejected_percent",
            max_rejected_percent,
            defaults.max_rejected_percent,
        )?,
    })
}

/// Both maps have the same fields; only the absence of a column is written differently. A field that one
/// of them lacks does not compile.
macro_rules! field_maps {
    ($($field:ident),* $(,)?) => {
        fn field_map(map: FieldMap) -> v1::FieldMap {
            let FieldMap { $($field),* } = map;
            v1::FieldMap { $($field: $field.unwrap_or_default()),* }
        }

        fn field_map_from(map: v1::FieldMap) -> FieldMap {
            let v1::FieldMap { $($field),* } = map;
            FieldMap { $($field: Some($field).filter(|column| !column.is_empty())),* }
        }
    };
}

field_maps!(
    key,
    first_name,
    last_name,
    company,
    email,
    remark,
    business_number,
    business_number_2,
    business_fax,
    mobile_number,
    mobile_number_2,
    home_number,
    home_number_2,
    home_fax,
    other_number,
    zip_code,
    street,
    city,
    state,
    country,
    own_extension,
);

/// What came of a test.
pub(in crate::api::grpc) fn tested(result: Result<SourceReport, SourceError>) -> v1::TestSourceResponse {
    let SourceReport { server, tables, unreadable_rows, query } = match result {
        Ok(report) => report,
        Err(error) => return failed_test(error.to_string()),
    };
    let (failure, query) = match query {
        Ok(query) => (String::new(), Some(query)),
        Err(error) => (error.to_string(), None),
    };
    let tables = tables.into_iter().map(|table| v1::TestedTable {
        name: format!("{}.{}", table.schema, table.name),
        columns: table
            .columns
            .into_iter()
            .map(|column| v1::TableColumn { name: column.name, r#type: column.declared_type })
            .collect(),
    });
    let mut response = v1::TestSourceResponse {
        succeeded: query.is_some(),
        failure,
        tables: tables.collect(),
        unreadable_row_count: unreadable_rows,
        server: server.map(|ServerReport { version, encryption }| v1::TestedServer {
            version,
            encryption: sql_server::encryption_to_proto(encryption).into(),
        }),
        ..Default::default()
    };
    if let Some(QueryReport { row_count, projection, rows }) = query {
        let columns = projection.columns().iter();
        response.row_count = row_count;
        response.columns = columns
            .map(|(field, column)| v1::TestedColumn { field: field.setting(), column: column.clone() })
            .collect();
        response.rows = rows
            .into_iter()
            .map(|row| v1::TestedRow { values: row.into_iter().map(Option::unwrap_or_default).collect() })
            .collect();
    }
    response
}

/// A test that came to nothing.
pub(in crate::api::grpc) fn failed_test(failure: String) -> v1::TestSourceResponse {
    v1::TestSourceResponse { failure, ..Default::default() }
}

#[cfg(test)]
mod tests;
