//! The settings of a source, as the fields of a form and back. The fields have the names of the settings.

use std::fmt::Display;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::schedule_form;
use crate::console::form::Form;
use crate::phonebook::PhonebookName;
use crate::secret::{STORED, Secret};
use crate::settings::{
    Connection, CsvConnection, Encryption, FieldMap, GuardSettings, Notify, Occasion, PhonebookTarget,
    SourceSettings, SqlServerConnection, SqlServerTimeouts, SqliteConnection, Webhook,
};

/// Fields of a contact, in the reference system's order: the setting, its name, what it is for.
pub(super) const CONTACT_FIELDS: [(&str, &str); 21] = [
    ("key", "Key"),
    ("first_name", "First Name"),
    ("last_name", "Last Name"),
    ("company", "Company Name"),
    ("email", "Email"),
    ("remark", "Remark"),
    ("business_number", "Business Number"),
    ("business_number_2", "Business Number 2"),
    ("business_fax", "Business Fax"),
    ("mobile_number", "Mobile Number"),
    ("mobile_number_2", "Mobile Number 2"),
    ("home_number", "Home Number"),
    ("home_number_2", "Home Number 2"),
    ("home_fax", "Home Fax"),
    ("other_number", "Other Number"),
    ("zip_code", "Zip Code"),
    ("street", "Street"),
    ("city", "City"),
    ("state", "State"),
    ("country", "Country"),
    ("own_extension", "Own Extension"),
];

pub(super) const OCCASIONS: [(&str, Occasion); 4] = [
    ("always", Occasion::Always),
    ("failure", Occasion::Failure),
    ("refusal", Occasion::Refusal),
    ("recovery", Occasion::Recovery),
];

const ENCRYPTIONS: [(&str, Encryption); 4] = [
    ("required", Encryption::Required),
    ("strict", Encryption::Strict),
    ("login_only", Encryption::LoginOnly),
    ("none", Encryption::None),
];

const SQL: &str = "connection.sql_server";

/// The columns of a field map, in the order of [`CONTACT_FIELDS`].
fn columns(map: &mut FieldMap) -> [&mut Option<String>; 21] {
    [
        &mut map.key,
        &mut map.first_name,
        &mut map.last_name,
        &mut map.company,
        &mut map.email,
        &mut map.remark,
        &mut map.business_number,
        &mut map.business_number_2,
        &mut map.business_fax,
        &mut map.mobile_number,
        &mut map.mobile_number_2,
        &mut map.home_number,
        &mut map.home_number_2,
        &mut map.home_fax,
        &mut map.other_number,
        &mut map.zip_code,
        &mut map.street,
        &mut map.city,
        &mut map.state,
        &mut map.country,
        &mut map.own_extension,
    ]
}

/// A new source.
pub(super) fn blank() -> Form {
    let zone = TimeZone::system();
    let timeouts = SqlServerTimeouts::default();
    let guard = GuardSettings::default();
    let mut values: Vec<(String, String)> = [
        ("enabled", "on"),
        ("remove_missing", "on"),
        ("connection", "sql_server"),
        ("connection.sql_server.by", "fields"),
        ("connection.sql_server.encryption", "required"),
        ("connection.csv.delimiter", ","),
        ("phonebook", "new"),
        ("schedule", "none"),
        ("schedule.at", "03:00"),
        ("schedule.time_zone", zone.iana_name().unwrap_or("UTC")),
        ("notify.when", "failure"),
        ("notify.when", "refusal"),
        ("notify.when", "recovery"),
        ("sync_filter", "select ${MAP} from "),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    values.extend(timeout_values(&timeouts));
    values.extend(guard_values(&guard));
    Form::of(values)
}

fn timeout_values(timeouts: &SqlServerTimeouts) -> [(String, String); 4] {
    let SqlServerTimeouts { connect_seconds, login_seconds, command_seconds, run_seconds } = *timeouts;
    [
        ("connect_seconds", connect_seconds),
        ("login_seconds", login_seconds),
        ("command_seconds", command_seconds),
        ("run_seconds", run_seconds),
    ]
    .map(|(name, seconds)| (format!("{SQL}.timeouts.{name}"), seconds.to_string()))
}

fn guard_values(guard: &GuardSettings) -> [(String, String); 3] {
    let GuardSettings { max_removed_percent, max_removed_contacts, max_rejected_percent } = *guard;
    [
        ("guard.max_removed_percent".into(), max_removed_percent.to_string()),
        ("guard.max_removed_contacts".into(), max_removed_contacts.to_string()),
        ("guard.max_rejected_percent".into(), max_rejected_percent.to_string()),
    ]
}

/// A source as it is. Secrets are not among it.
pub(super) fn of(settings: &SourceSettings) -> Form {
    let mut settings = settings.clone();
    let mut values: Vec<(String, String)> = Vec::new();
    {
        let mut add = |name: &str, value: String| values.push((name.to_owned(), value));
        add("name", settings.name.clone());
        for (name, is_on) in [("enabled", settings.enabled), ("remove_missing", settings.remove_missing)] {
            if is_on {
                add(name, "on".to_owned());
            }
        }
        add("default_region", settings.default_region.map(|region| region.to_string()).unwrap_or_default());
        add("sync_filter", settings.sync_filter.clone());
        add_connection(&mut add, &settings.connection);
        for ((field, _), column) in CONTACT_FIELDS.iter().zip(columns(&mut settings.field_map)) {
            add(&format!("field_map.{field}"), column.take().unwrap_or_default());
        }
        match &settings.phonebook {
            PhonebookTarget::New { name } => {
                add("phonebook", "new".into());
                add("phonebook.new.name", name.as_str().to_owned());
            }
            PhonebookTarget::ByProperty { column, blank } => {
                add("phonebook", "by_property".into());
                add("phonebook.by_property.column", column.clone());
                let blank = blank.as_ref().map_or("", PhonebookName::as_str);
                add("phonebook.by_property.blank", blank.to_owned());
            }
            PhonebookTarget::Existing { name } => {
                add("phonebook", "existing".into());
                add("phonebook.existing.name", name.as_str().to_owned());
            }
        }
        schedule_form::add(&mut add, settings.schedule.as_ref());
        add("notify.email", settings.notify.email.to_string());
        for (name, occasion) in OCCASIONS {
            if settings.notify.when.contains(&occasion) {
                add("notify.when", name.to_owned());
            }
        }
        if let Some(Webhook { url, secret }) = &settings.notify.webhook {
            add("notify.webhook.url", url.to_string());
            add("notify.webhook.secret", secret.shown().to_owned());
        }
    }
    values.extend(guard_values(&settings.guard));
    Form::of(values)
}

fn add_connection(add: &mut impl FnMut(&str, String), connection: &Connection) {
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

/// Reads what was typed; what is wrong stands at its field, and there are no settings then. `known` has the
/// secrets that a field left empty stands for.
pub(super) fn read(form: &mut Form, known: Option<&Connection>) -> Option<SourceSettings> {
    let connection = connection(form, known);
    let mut field_map = FieldMap::default();
    for ((field, _), column) in CONTACT_FIELDS.iter().zip(columns(&mut field_map)) {
        *column = form.optional(&format!("field_map.{field}"));
    }
    let default_region = match form.text("default_region") {
        "" => None,
        _ => form.parse("default_region"),
    };
    let phonebook = phonebook(form);
    let schedule = schedule_form::read(form);
    let notify = notify(form);
    let guard = GuardSettings {
        max_removed_percent: form.number("guard.max_removed_percent", "0 to 100").unwrap_or_default(),
        max_removed_contacts: form
            .number("guard.max_removed_contacts", "a number of contacts")
            .unwrap_or_default(),
        max_rejected_percent: form.number("guard.max_rejected_percent", "0 to 100").unwrap_or_default(),
    };
    let name = form.text("name").to_owned();
    if name.is_empty() {
        form.fail("name", "is missing; a name such as \"crm\" is expected");
    }
    let settings = SourceSettings {
        name,
        enabled: form.is_ticked("enabled"),
        default_region,
        sync_filter: form.text("sync_filter").replace("\r\n", "\n"),
        remove_missing: form.is_ticked("remove_missing"),
        schedule,
        notify,
        connection,
        field_map,
        phonebook: phonebook?,
        guard,
    };
    form.is_fine().then_some(settings)
}

/// Settings of which only the connection counts.
pub(super) fn around(connection: Connection) -> SourceSettings {
    SourceSettings {
        name: String::new(),
        enabled: true,
        default_region: None,
        sync_filter: String::new(),
        remove_missing: true,
        schedule: None,
        notify: Notify::default(),
        connection,
        field_map: FieldMap::default(),
        phonebook: PhonebookTarget::ByProperty { column: String::new(), blank: None },
        guard: GuardSettings::default(),
    }
}

/// Reads how to reach it; nothing in it can be wrong that the engine does not say.
pub(super) fn connection(form: &mut Form, known: Option<&Connection>) -> Connection {
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

fn phonebook(form: &mut Form) -> Option<PhonebookTarget> {
    match form.text("phonebook") {
        "by_property" => {
            let column = form.text("phonebook.by_property.column").to_owned();
            if column.is_empty() {
                form.fail("phonebook.by_property.column", "is missing; name the column, such as belongto");
            }
            let blank = match form.text("phonebook.by_property.blank") {
                "" => None,
                _ => Some(name(form, "phonebook.by_property.blank")?),
            };
            Some(PhonebookTarget::ByProperty { column, blank })
        }
        "existing" => Some(PhonebookTarget::Existing { name: name(form, "phonebook.existing.name")? }),
        _ => Some(PhonebookTarget::New { name: name(form, "phonebook.new.name")? }),
    }
}

fn name(form: &mut Form, field: &str) -> Option<PhonebookName> {
    match PhonebookName::parse(form.text(field)) {
        Ok(name) => Some(name),
        Err(error) => {
            form.fail(field, error.to_string());
            None
        }
    }
}

fn notify(form: &mut Form) -> Notify {
    let mut notify = Notify {
        email: read_or_default(form, "notify.email"),
        when: OCCASIONS
            .iter()
            .filter(|(name, _)| form.has("notify.when", name))
            .map(|(_, when)| *when)
            .collect(),
        webhook: None,
    };
    if !form.text("notify.webhook.url").is_empty() {
        let secret = Secret::new(form.text("notify.webhook.secret"));
        notify.webhook = form.parse("notify.webhook.url").map(|url| Webhook { url, secret });
    }
    notify
}

fn read_or_default<T: FromStr<Err: Display> + Default>(form: &mut Form, field: &str) -> T {
    if form.text(field).is_empty() { T::default() } else { form.parse(field).unwrap_or_default() }
}
