use super::*;
use crate::settings::{Encryption, Settings};

fn source(password: &str) -> SourceSettings {
    let document = format!(
        r#"
        [[source]]
        name = "crm"
        sync_filter = "select ${{MAP}} from dbo.contacts"
        field_map = {{ last_name = "name", business_number = "phone" }}
        phonebook = {{ new = {{ name = "All" }} }}
        [source.connection.sql_server]
        host = "sql.example.com"
        database = "crm"
        user = "ringroute"
        password = {password:?}
        "#
    );
    Settings::from_toml(&document).unwrap().sources.remove(0)
}

fn connection(source: &mut SourceSettings) -> &mut SqlServerConnection {
    let Connection::SqlServer(connection) = &mut source.connection else { panic!("another kind") };
    connection
}

fn with_string(string: &str) -> SourceSettings {
    let mut source = source("x");
    let connection_string = Some(Secret::new(string));
    *connection(&mut source) = SqlServerConnection { connection_string, ..SqlServerConnection::default() };
    source
}

#[test]
fn stored_means_as_it_is() {
    for password in ["hunter2", "env:SQL_PASSWORD", "file:/run/secrets/sql"] {
        let mut given = source(STORED);
        given.take_secrets_of(Some(&source(password))).unwrap();
        assert_eq!(given, source(password));
    }
    let mut given = with_string(STORED);
    given.take_secrets_of(Some(&with_string("Server=a;Password=hunter2"))).unwrap();
    assert_eq!(given, with_string("Server=a;Password=hunter2"));
}

#[test]
fn another_secret_takes_the_place_of_the_stored_one() {
    for password in ["other", "env:OTHER", "file:/other"] {
        let mut given = source(password);
        connection(&mut given).host = "other.example.com".into();
        let as_given = given.clone();
        given.take_secrets_of(Some(&source("hunter2"))).unwrap();
        assert_eq!(given, as_given);
    }
}

#[test]
fn stored_is_refused_when_nothing_is_stored() {
    let mut sqlite = source("x");
    sqlite.connection = Connection::Sqlite(crate::settings::SqliteConnection { path: "a.db".into() });
    let with_string = with_string("Server=a;Password=hunter2");
    for stored in [None, Some(&sqlite), Some(&with_string)] {
        let problem = source(STORED).take_secrets_of(stored).unwrap_err();
        assert_eq!(problem.field, "connection.sql_server.password");
        assert!(problem.problem.contains("for a source of this name there is none"), "{problem}");
    }
    let stored = source("hunter2");
    let mut given = with_string.clone();
    connection(&mut given).connection_string = Some(Secret::new(STORED));
    let problem = given.take_secrets_of(Some(&stored)).unwrap_err();
    assert_eq!(problem.field, "connection.sql_server.connection_string");
}

/// Otherwise changing the host would be a way to be sent the password.
#[test]
fn a_stored_secret_goes_to_no_other_server_login_or_check() {
    type Change = fn(&mut SqlServerConnection);
    let changes: [(&str, Change); 12] = [
        ("host", |c| c.host = "evil.example.com".into()),
        ("host", |c| c.host = "sql.example.com.".into()),
        ("port", |c| c.port = Some(1434)),
        ("instance", |c| c.instance = Some("CRM".into())),
        ("user", |c| c.user = "sa".into()),
        ("encryption", |c| c.encryption = Encryption::None),
        ("encryption", |c| c.encryption = Encryption::LoginOnly),
        ("encryption", |c| c.encryption = Encryption::Strict),
        ("ca_file", |c| c.ca_file = Some("evil.pem".into())),
        ("certificate_host", |c| c.certificate_host = Some("evil.example.com".into())),
        ("dangerously_trust_any_certificate", |c| c.dangerously_trust_any_certificate = true),
        ("host", |c| (c.host, c.port) = ("evil.example.com".into(), Some(1433))),
    ];
    for (field, change) in changes {
        let mut given = source(STORED);
        change(connection(&mut given));
        let problem = given.take_secrets_of(Some(&source("hunter2"))).unwrap_err();
        assert!(problem.problem.starts_with(&format!("{field} is another than")), "{field}: {problem}");
        assert_eq!(connection(&mut given).password, Some(Secret::new(STORED)));
    }
    let protection: [(&str, Change); 3] = [
        ("ca_file", |c| c.ca_file = Some("evil.pem".into())),
        ("encryption", |c| c.encryption = Encryption::None),
        ("dangerously_trust_any_certificate", |c| c.dangerously_trust_any_certificate = true),
    ];
    for (field, change) in protection {
        let mut given = with_string(STORED);
        change(connection(&mut given));
        let problem = given.take_secrets_of(Some(&with_string("Server=a;Password=hunter2"))).unwrap_err();
        assert!(problem.problem.starts_with(field), "{problem}");
    }
}

#[test]
fn what_does_not_decide_who_sees_it_may_change() {
    let mut given = source(STORED);
    let changed = connection(&mut given);
    changed.database = "other".into();
    changed.read_only_intent = true;
    changed.timeouts.run_seconds = 60;
    changed.port = Some(1433);
    changed.host = "SQL.example.com".into();
    given.sync_filter = "select ${MAP} from dbo.other".into();
    given.take_secrets_of(Some(&source("hunter2"))).unwrap();
    assert_eq!(connection(&mut given).password, Some(Secret::new("hunter2")));
}

#[test]
fn a_changed_secret_is_a_difference_that_tells_neither() {
    let settings = |password: &str| Settings { sources: vec![source(password)], ..Settings::default() };
    let details = |old: &str, new: &str| {
        let changes = settings(old).difference(&settings(new));
        changes.into_iter().flat_map(|change| change.details).collect::<Vec<_>>()
    };
    let field = "connection.sql_server.password";
    assert_eq!(details("hunter2", "hunter2"), [""; 0]);
    assert_eq!(details("hunter2", "hunter3"), [format!("{field}: another secret")]);
    assert_eq!(details("hunter2", "env:A"), [format!("{field}: \"stored:\" -> \"env:A\"")]);
    assert_eq!(details("env:A", "hunter2"), [format!("{field}: \"env:A\" -> \"stored:\"")]);
}
