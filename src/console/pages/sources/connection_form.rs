//! How a source is reached, as the fields of a form and back.

use crate::console::form::Form;
use crate::secret::{STORED, Secret};
use crate::settings::{
    Connection, CsvConnection, Encryption, SqlServerConnection, SqlServerTimeouts, SqliteConnection,
};

const ENCRYPTIONS: [(&str, Encryption); 4] = [
    ("required", Encryption::Required),
    ("strict", Encryption::Strict),
    ("login_only", Encryption::LoginOnly),
    ("none", Encryption::None),
];

const SQL: &str = "connection.sql_server";

/// The fields of the timeouts of SQL Server.
pub(super) fn timeout_values(timeouts: &SqlServerTimeouts) -> [(String, String); 4] {
    let SqlServerTimeouts { connect_seconds, login_seconds, command_seconds, run_seconds } = *timeouts;
    [
        ("connect_seconds", connect_seconds),
        ("login_seconds", login_seconds),
        ("command_seconds", command_seconds),
        ("run_seconds", run_seconds),
    ]
    .map(|(name, seconds)| (format!("{SQL}.timeouts.{name}"), seconds.to_string()))
}

/// The fields of a connection. Secrets are not among them.
pub(super) fn add(add: &mut impl FnMut(&str, String), connection: &Connection) {
    add("connection", connection.kind().to_owned());
    let (default, mut delimiter) = (SqlServerConnection::default(), ',');
    let sql = match connection {
        Connection::Sqlite(SqliteConnection { path }) => {
            add("connection.sqlite.path", path.display().to_string());
            &default
        }
        Connection::Csv(CsvConnection { path, delimiter: found }) => {
            add("connection.csv.path", path.display().to_string());
            delimiter = *found;
            &default
        }
        Connection::SqlServer(connection) => &**connection,
    };
    add("connection.csv.delimiter", if delimiter == '\t' { "tab".to_owned() } else { delimiter.to_string() });
    let by = if sql.connection_string.is_some() { "string" } else { "fields" };
    let encryption = ENCRYPTIONS.iter().find(|(_, encryption)| *encryption == sql.encryption);
    for (name, value) in [
        ("by", by.to_owned()),
        ("host", sql.host.clone()),
        ("port", sql.port.map(|port| port.to_string()).unwrap_or_default()),
        ("instance", sql.instance.clone().unwrap_or_default()),
        ("database", sql.database.clone()),
        ("user", sql.user.clone()),
        ("encryption", encryption.map_or("required", |(name, _)| name).to_owned()),
        ("ca_file", sql.ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
        ("certificate_host", sql.certificate_host.clone().unwrap_or_default()),
    ] {
        add(&format!("{SQL}.{name}"), value);
    }
    for (name, is_on) in [
        ("dangerously_trust_any_certificate", sql.dangerously_trust_any_certificate),
        ("read_only_intent", sql.read_only_intent),
    ] {
        if is_on {
            add(&format!("{SQL}.{name}"), "on".to_owned());
        }
    }
    for (name, value) in timeout_values(&sql.timeouts) {
        add(&name, value);
    }
}

/// Reads how to reach it; nothing in it can be wrong that the engine does not say.
pub(super) fn read(form: &mut Form, known: Option<&Connection>) -> Connection {
    match form.text("connection") {
        "sqlite" => Connection::Sqlite(SqliteConnection { path: form.text("connection.sqlite.path").into() }),
        "csv" => {
            let delimiter = form.raw("connection.csv.delimiter").to_owned();
            let mut characters = delimiter.chars();
            let delimiter = match (delimiter.as_str(), characters.next(), characters.next()) {
                ("tab", ..) => '\t',
                (_, Some(delimiter), None) => delimiter,
                _ => {
                    let problem = "is not one character, such as , or ; (write tab for a tabulator)";
                    form.fail("connection.csv.delimiter", problem);
                    ','
                }
            };
            Connection::Csv(CsvConnection { path: form.text("connection.csv.path").into(), delimiter })
        }
        _ => Connection::SqlServer(Box::new(sql_server(form, known))),
    }
}

fn sql_server(form: &mut Form, known: Option<&Connection>) -> SqlServerConnection {
    let known = match known {
        Some(Connection::SqlServer(known)) => Some(&**known),
        _ => None,
    };
    let encryption = form.text("connection.sql_server.encryption");
    let encryption = ENCRYPTIONS.iter().find(|(name, _)| *name == encryption);
    let mut seconds =
        |name: &str| form.number(&format!("{SQL}.timeouts.{name}"), "a number of seconds").unwrap_or(1);
    let timeouts = SqlServerTimeouts {
        connect_seconds: seconds("connect_seconds"),
        login_seconds: seconds("login_seconds"),
        command_seconds: seconds("command_seconds"),
        run_seconds: seconds("run_seconds"),
    };
    let common = SqlServerConnection {
        encryption: encryption.map_or(Encryption::Required, |(_, encryption)| *encryption),
        ca_file: form.optional("connection.sql_server.ca_file").map(Into::into),
        certificate_host: form.optional("connection.sql_server.certificate_host"),
        dangerously_trust_any_certificate: form
            .is_ticked("connection.sql_server.dangerously_trust_any_certificate"),
        read_only_intent: form.is_ticked("connection.sql_server.read_only_intent"),
        timeouts,
        ..SqlServerConnection::default()
    };
    if form.text("connection.sql_server.by") == "string" {
        let known = known.and_then(|known| known.connection_string.as_ref());
        let connection_string = secret(form, "connection.sql_server.connection_string", known);
        return SqlServerConnection { connection_string, ..common };
    }
    let port = match form.text("connection.sql_server.port") {
        "" => None,
        _ => form.number("connection.sql_server.port", "a port, such as 1433"),
    };
    SqlServerConnection {
        host: form.text("connection.sql_server.host").to_owned(),
        port,
        instance: form.optional("connection.sql_server.instance"),
        database: form.text("connection.sql_server.database").to_owned(),
        user: form.text("connection.sql_server.user").to_owned(),
        password: secret(
            form,
            "connection.sql_server.password",
            known.and_then(|known| known.password.as_ref()),
        ),
        ..common
    }
}

/// A field left empty stands for the secret that is known: as where it is to be found, or as `stored:`.
fn secret(form: &Form, name: &str, known: Option<&Secret>) -> Option<Secret> {
    match form.raw(name) {
        "" => known.map(|known| Secret::new(if known.typed_in().is_some() { STORED } else { known.shown() })),
        typed => Some(Secret::new(typed)),
    }
}
