//! The settings of a source: where contacts come from, and what becomes of them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::phone_number::Region;
use crate::phonebook::PhonebookName;
use crate::secret::Secret;
use crate::settings::{Notify, Schedule};

/// A database that contacts come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// Unique name, 1 to 63 characters.
    pub name: String,
    /// Whether Contacts Synchronization is on. A source that is off keeps its contacts.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The region of numbers that are not written internationally; the general one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Region>,
    /// The sync filter: a SELECT statement with `${MAP}` in place of its columns.
    pub sync_filter: String,
    /// Remove existing contacts which are not received from the server.
    #[serde(default = "yes")]
    pub remove_missing: bool,
    /// Data Synchronization Frequency; by hand only unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Feedback: who is told what its runs came to.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub notify: Notify,
    /// How to reach it.
    pub connection: Connection,
    /// Contact field -> column.
    pub field_map: FieldMap,
    /// Synchronize to Phonebook: where the contacts go.
    pub phonebook: PhonebookTarget,
    /// When a run is refused rather than believed.
    #[serde(default)]
    pub guard: GuardSettings,
}

fn yes() -> bool {
    true
}

/// How to reach a source; its kind: `connection = { sqlite = { path = "company.db" } }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// An SQLite database file.
    Sqlite(SqliteConnection),
    /// A file of comma-separated values (RFC 4180) with a header line.
    Csv(CsvConnection),
    /// A database on a Microsoft SQL Server.
    SqlServer(Box<SqlServerConnection>),
}

impl Connection {
    /// The kind's name, as written in settings.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Connection::Sqlite(_) => "sqlite",
            Connection::Csv(_) => "csv",
            Connection::SqlServer(_) => "sql_server",
        }
    }

    /// The secrets in it, by the fields that they are in.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        match self {
            Connection::Sqlite(_) | Connection::Csv(_) => Vec::new(),
            Connection::SqlServer(connection) => {
                let secrets = [
                    ("connection.sql_server.connection_string", &connection.connection_string),
                    ("connection.sql_server.password", &connection.password),
                ];
                secrets.into_iter().filter_map(|(field, secret)| Some((field, secret.as_ref()?))).collect()
            }
        }
    }
}

/// A database on a Microsoft SQL Server, only ever read. Its tables are `{schema}.{table}` in the sync filter.
///
/// Either `connection_string` says all of it (the ADO.NET form), or `host`, `database`, `user` and `password` do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqlServerConnection {
    /// `Server=tcp:host,1433;Database=…;User Id=…;Password=…;Encrypt=…`, in place of all fields below that it
    /// has words for. A secret as a whole, since it holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_string: Option<Secret>,
    /// Name or address of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// TCP port; 1433 unless given. Not together with `instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// A named instance, whose port the SQL Server Browser is asked for (UDP 1434).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The database.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The SQL login.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// What is encrypted.
    pub encryption: Encryption,
    /// CAs (certificates in PEM) that may have signed the server's certificate, beside those that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate is for, when it is not `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_host: Option<String>,
    /// Talk to whoever answers, whatever its certificate: anybody on the way can read and change everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dangerously_trust_any_certificate: bool,
    /// `ApplicationIntent=ReadOnly`: an availability group may answer from a readable secondary.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only_intent: bool,
    /// Bounds.
    pub timeouts: SqlServerTimeouts,
}

/// What of a connection to SQL Server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Everything, or there is no connection.
    #[default]
    Required,
    /// Everything, beginning with TLS before any word of TDS (TDS 8, SQL Server 2022 and later).
    Strict,
    /// Only the login: the password is safe, the contacts can be read on the way.
    LoginOnly,
    /// Nothing: the password, too, can be read on the way.
    None,
}

/// How long each step may take, in seconds; 1 to 86 400.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqlServerTimeouts {
    /// Until TCP is connected.
    pub connect_seconds: u32,
    /// Until the server has let us in: TLS and login.
    pub login_seconds: u32,
    /// Until the server sends the next part of an answer.
    pub command_seconds: u32,
    /// For a whole run's reading.
    pub run_seconds: u32,
}

impl Default for SqlServerTimeouts {
    fn default() -> Self {
        SqlServerTimeouts { connect_seconds: 10, login_seconds: 15, command_seconds: 60, run_seconds: 3600 }
    }
}

/// An SQLite database file, opened read-only. Its tables are `main.{table_name}` in the sync filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqliteConnection {
    /// The file, as the server sees it.
    pub path: PathBuf,
}

/// A CSV file in UTF-8. Its only table is `csv.contacts` in the sync filter; its columns are named by
/// the header line and hold text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConnection {
    /// The file, as the server sees it.
    pub path: PathBuf,
    /// What stands between two values: one ASCII character.
    #[serde(default = "comma")]
    pub delimiter: char,
}

fn comma() -> char {
    ','
}

/// Contact field -> column of the source. Fields without a column stay empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub struct FieldMap {
    /// What makes two rows of different runs the same contact. Without one it is the whole mapped content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_number_2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_fax: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_number_2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_number_2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_fax: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The extension of the contact's own person in the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_extension: Option<String>,
}

/// Where a source's contacts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PhonebookTarget {
    /// Create New: one phonebook of this name, made by the first run.
    New {
        /// Its name.
        name: PhonebookName,
    },
    /// Read Specific Property Value and Create New: a phonebook for each value of a column.
    ByProperty {
        /// The column.
        column: String,
        /// The phonebook of contacts whose property is blank; without one such rows are rejected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blank: Option<PhonebookName>,
    },
    /// A local phonebook that is there already and was empty when the first run filled it.
    Existing {
        /// Its name.
        name: PhonebookName,
    },
}

/// When a run is refused rather than believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Refused when more than this share of the source's contacts would be removed, and more than
    /// [`Self::max_removed_contacts`]. In percent, 1 to 100; 0 = off.
    pub max_removed_percent: u8,
    /// Removing this many contacts is never refused. 0 = the guard is off.
    pub max_removed_contacts: u64,
    /// Failed when more than this share of the rows is rejected. In percent, 1 to 100; 0 = off.
    pub max_rejected_percent: u8,
}

impl Default for GuardSettings {
    fn default() -> Self {
        GuardSettings { max_removed_percent: 20, max_removed_contacts: 100, max_rejected_percent: 50 }
    }
}
