use super::*;
use crate::phonebook::PhonebookName;
use crate::secret::Secret;
use crate::settings::{Encryption, SqlServerConnection, SqlServerTimeouts};

fn source(connection: Connection, phonebook: PhonebookTarget) -> SourceSettings {
    SourceSettings {
        name: "Company".into(),
        enabled: false,
        default_region: None,
        sync_filter: "select ${MAP} from main.people".into(),
        remove_missing: false,
        schedule: None,
        notify: crate::settings::Notify::default(),
        connection,
        field_map: FieldMap {
            key: Some("id".into()),
            first_name: Some("first".into()),
            other_number: Some("tel".into()),
            ..FieldMap::default()
        },
        phonebook,
        guard: GuardSettings { max_removed_percent: 1, max_removed_contacts: 2, max_rejected_percent: 0 },
    }
}

fn name(text: &str) -> PhonebookName {
    PhonebookName::parse(text).unwrap()
}

#[test]
fn a_source_reads_back_as_it_was() {
    let sqlite = || Connection::Sqlite(SqliteConnection { path: "company.db".into() });
    let csv = Connection::Csv(CsvConnection { path: "people.csv".into(), delimiter: ';' });
    let sql_server = Connection::SqlServer(Box::new(SqlServerConnection {
        host: "sql".into(),
        port: Some(1433),
        instance: Some("CRM".into()),
        database: "crm".into(),
        user: "ringroute".into(),
        password: Some(Secret::new("env:PASSWORD")),
        connection_string: Some(Secret::new("file:/string")),
        encryption: Encryption::LoginOnly,
        ca_file: Some("ca.pem".into()),
        certificate_host: Some("other".into()),
        dangerously_trust_any_certificate: true,
        read_only_intent: true,
        timeouts: SqlServerTimeouts {
            connect_seconds: 1,
            login_seconds: 2,
            command_seconds: 3,
            run_seconds: 4,
        },
    }));
    let blank = Some(name("Other"));
    for settings in [
        source(sql_server, PhonebookTarget::New { name: name("All") }),
        source(sqlite(), PhonebookTarget::New { name: name("All") }),
        source(csv, PhonebookTarget::Existing { name: name("All") }),
        source(sqlite(), PhonebookTarget::ByProperty { column: "belongto".into(), blank }),
        source(sqlite(), PhonebookTarget::ByProperty { column: "belongto".into(), blank: None }),
    ] {
        let proto = to_proto(settings.clone(), 7, None, None);
        assert_eq!(proto.contact_count, 7);
        assert_eq!(from_proto(Some(proto)).unwrap(), (settings.clone(), etag(&settings)));
    }
}

#[test]
fn a_schedule_reads_back_as_it_was() {
    let zone = r#"at = "03:05", time_zone = "Europe/Berlin""#;
    for written in [
        "every = { minutes = 15 }".to_owned(),
        "every = { hours = 2 }, run_missed = true, jitter_minutes = 7".to_owned(),
        format!("daily = {{ {zone} }}"),
        format!(
            "weekly = {{ {zone}, days = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \
             \"sunday\"] }}"
        ),
        format!("monthly = {{ {zone}, day = 31 }}"),
        format!("monthly = {{ {zone}, day = \"last\" }}"),
        "cron = { expression = \"0 3 * * 1-5\", time_zone = \"Asia/Kathmandu\" }".to_owned(),
    ] {
        let schedule: toml::Table = toml::from_str(&format!("schedule = {{ {written} }}")).unwrap();
        let schedule: crate::settings::Schedule = schedule["schedule"].clone().try_into().unwrap();
        let target = PhonebookTarget::New { name: name("All") };
        let connection = Connection::Sqlite(SqliteConnection { path: "company.db".into() });
        let settings = SourceSettings { schedule: Some(schedule), ..source(connection, target) };
        let next = "2026-01-01T00:00:00Z".parse().unwrap();
        let proto = to_proto(settings.clone(), 0, None, Some(next));
        assert_eq!(proto.next_run_at.unwrap().seconds, next.as_second());
        assert_eq!(from_proto(Some(proto)).unwrap().0, settings, "{written}");
    }
}

#[test]
fn what_is_wrong_with_a_schedule_is_named_by_its_path() {
    use v1::schedule::Frequency;
    let text = str::to_owned;
    let cases = [
        ("schedule: says nothing", None),
        ("schedule.every: says nothing", Some(Frequency::Every(v1::IntervalSchedule::default()))),
        (
            "schedule.daily.at: \"25:00\"",
            Some(Frequency::Daily(v1::DailySchedule { at: text("25:00"), time_zone: text("UTC") })),
        ),
        (
            "schedule.daily.time_zone: there is no time zone \"Mars\"",
            Some(Frequency::Daily(v1::DailySchedule { at: text("03:00"), time_zone: text("Mars") })),
        ),
        (
            "schedule.weekly.days: 9 is not",
            Some(Frequency::Weekly(v1::WeeklySchedule {
                days: vec![9],
                at: text("03:00"),
                time_zone: text("UTC"),
            })),
        ),
        (
            "schedule.monthly: says nothing",
            Some(Frequency::Monthly(v1::MonthlySchedule {
                on: None,
                at: text("03:00"),
                time_zone: text("UTC"),
            })),
        ),
        (
            "schedule.monthly.day: 32 is not",
            Some(Frequency::Monthly(v1::MonthlySchedule {
                on: Some(v1::monthly_schedule::On::Day(32)),
                at: text("03:00"),
                time_zone: text("UTC"),
            })),
        ),
        (
            "schedule.cron.expression: character 3, hour \"24\"",
            Some(Frequency::Cron(v1::CronSchedule {
                expression: text("0 24 * * *"),
                time_zone: text("UTC"),
            })),
        ),
    ];
    for (expected, frequency) in cases {
        let schedule = Some(v1::Schedule { frequency, ..Default::default() });
        let message = from_proto(Some(v1::Source { schedule, ..minimal() })).unwrap_err().to_string();
        assert!(message.starts_with(&format!("source.{expected}")), "{expected}: {message}");
    }
}

#[test]
fn notifications_read_back_as_they_were() {
    for written in [
        "",
        "email = 'a@example.com; b@example.com'",
        "when = ['always', 'failure', 'refusal', 'recovery']",
        "webhook = { url = 'https://example.com/hook', secret = 'env:HOOK' }\nwhen = ['recovery']",
    ] {
        let target = PhonebookTarget::New { name: name("All") };
        let connection = Connection::Sqlite(SqliteConnection { path: "company.db".into() });
        let settings =
            SourceSettings { notify: toml::from_str(written).unwrap(), ..source(connection, target) };
        let proto = to_proto(settings.clone(), 0, None, None);
        assert_eq!(proto.notify.is_some(), !written.is_empty());
        assert_eq!(from_proto(Some(proto)).unwrap().0, settings, "{written}");
    }
}

#[test]
fn what_is_wrong_with_notifications_is_named_by_its_path() {
    let webhook = |url: &str| Some(v1::Webhook { url: url.into(), secret: "env:HOOK".into() });
    for (expected, notify) in [
        ("email: address 1", v1::Notify { email: "nobody".into(), ..Default::default() }),
        (
            "webhook.url: http can",
            v1::Notify { webhook: webhook("http://example.com"), ..Default::default() },
        ),
        ("when: 9 is not", v1::Notify { when: vec![9], ..Default::default() }),
    ] {
        let message =
            from_proto(Some(v1::Source { notify: Some(notify), ..minimal() })).unwrap_err().to_string();
        assert!(message.starts_with(&format!("source.notify.{expected}")), "{message}");
    }
}

fn minimal() -> v1::Source {
    let target = v1::phonebook_target::Target::NewPhonebook(v1::NewPhonebook { name: "All".into() });
    v1::Source {
        name: "Company".into(),
        connection: Some(v1::Connection {
            kind: Some(v1::connection::Kind::Csv(v1::CsvConnection {
                path: "x.csv".into(),
                delimiter: String::new(),
            })),
        }),
        field_map: Some(v1::FieldMap::default()),
        phonebook: Some(v1::PhonebookTarget { target: Some(target) }),
        ..Default::default()
    }
}

#[test]
fn what_a_request_leaves_out_has_the_documented_default() {
    let (settings, etag) = from_proto(Some(minimal())).unwrap();
    assert!(settings.enabled && settings.remove_missing && etag.is_empty());
    assert_eq!(settings.guard, GuardSettings::default());
    assert_eq!(settings.field_map, FieldMap::default());
    let Connection::Csv(csv) = settings.connection else { panic!("another kind") };
    assert_eq!(csv.delimiter, ',');
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    type Change = fn(&mut v1::Source);
    let cases: [(&str, Change); 10] = [
        ("source.connection.sql_server.port", |source| {
            let connection = v1::SqlServerConnection { port: 65_536, ..Default::default() };
            source.connection = sql_server(connection);
        }),
        ("source.connection.sql_server.encryption", |source| {
            let connection = v1::SqlServerConnection { encryption: 9, ..Default::default() };
            source.connection = sql_server(connection);
        }),
        ("source.default_region", |source| source.default_region = "Germany".into()),
        ("source.connection", |source| source.connection = None),
        ("source.connection", |source| source.connection = Some(v1::Connection { kind: None })),
        ("source.connection.csv.delimiter", |source| {
            let csv = v1::CsvConnection { path: "x.csv".into(), delimiter: ";;".into() };
            source.connection = Some(v1::Connection { kind: Some(v1::connection::Kind::Csv(csv)) });
        }),
        ("source.field_map", |source| source.field_map = None),
        ("source.phonebook", |source| source.phonebook = None),
        ("source.phonebook.new_phonebook.name", |source| {
            let blank = v1::NewPhonebook { name: " ".into() };
            let target = Some(v1::phonebook_target::Target::NewPhonebook(blank));
            source.phonebook = Some(v1::PhonebookTarget { target });
        }),
        ("source.guard.max_removed_percent", |source| {
            let max_removed_percent = Some(101);
            source.guard = Some(v1::GuardSettings { max_removed_percent, ..Default::default() });
        }),
    ];
    for (field, change) in cases {
        let mut source = minimal();
        change(&mut source);
        let message = from_proto(Some(source)).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{field}: ")), "{field}: {message}");
    }
    assert!(from_proto(None).unwrap_err().to_string().starts_with("source: is missing"));
}

fn sql_server(connection: v1::SqlServerConnection) -> Option<v1::Connection> {
    Some(v1::Connection { kind: Some(v1::connection::Kind::SqlServer(connection)) })
}

#[test]
fn what_a_sql_server_leaves_out_has_the_documented_default() {
    let connection = v1::SqlServerConnection { host: "sql".into(), ..Default::default() };
    let source = v1::Source { connection: sql_server(connection), ..minimal() };
    let (settings, _) = from_proto(Some(source)).unwrap();
    let expected = SqlServerConnection { host: "sql".into(), ..SqlServerConnection::default() };
    assert_eq!(settings.connection, Connection::SqlServer(Box::new(expected)));
}

#[test]
fn a_typed_in_secret_is_not_converted() {
    let connection = SqlServerConnection {
        connection_string: Some(Secret::new("Password=hunter2")),
        password: Some(Secret::new("hunter2")),
        ..SqlServerConnection::default()
    };
    let connection = Connection::SqlServer(Box::new(connection));
    let proto = to_proto(source(connection, PhonebookTarget::New { name: name("All") }), 0, None, None);
    let shown = format!("{proto:?}");
    assert!(shown.contains("stored:") && !shown.contains("hunter2"), "{shown}");
}
