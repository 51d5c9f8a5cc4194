use super::*;
use crate::secret::Secret;
use crate::settings::SqlServerTimeouts;

fn connection() -> SqlServerConnection {
    SqlServerConnection {
        host: "sql.example.com".into(),
        database: "crm".into(),
        user: "ringroute".into(),
        password: Some(Secret::new("env:RINGROUTE_SQL_PASSWORD")),
        ..SqlServerConnection::default()
    }
}

fn string() -> SqlServerConnection {
    let connection_string = Some(Secret::new("Server=tcp:sql.example.com;Database=crm;User Id=a;Password=b"));
    SqlServerConnection { connection_string, ..SqlServerConnection::default() }
}

type Change = fn(&mut SqlServerConnection);

#[track_caller]
fn accepted(mut connection: SqlServerConnection, changes: &[Change]) {
    changes.iter().for_each(|change| change(&mut connection));
    assert_eq!(connection.check(), Ok(()));
}

#[track_caller]
fn refused(mut connection: SqlServerConnection, field: &str, says: &str, change: Change) {
    change(&mut connection);
    let problem = connection.check().unwrap_err().to_string();
    assert!(problem.starts_with(&format!("connection.sql_server.{field}: ")), "{field}: {problem}");
    assert!(problem.contains(says), "{says}: {problem}");
}

#[test]
fn a_server_is_named_by_fields_or_by_a_connection_string() {
    accepted(connection(), &[]);
    accepted(string(), &[]);
    refused(connection(), "host", "is missing", |c| c.host = String::new());
    refused(SqlServerConnection::default(), "host", "or give a connection_string", |_| ());
    let beside: [(&str, Change); 6] = [
        ("host", |c| c.host = "x".into()),
        ("port", |c| c.port = Some(1433)),
        ("instance", |c| c.instance = Some("CRM".into())),
        ("database", |c| c.database = "x".into()),
        ("user", |c| c.user = "x".into()),
        ("password", |c| c.password = Some(Secret::new("x"))),
    ];
    for (field, change) in beside {
        refused(string(), field, "connection_string says this already", change);
    }
}

#[test]
fn what_protects_the_connection_may_stand_beside_a_connection_string() {
    accepted(string(), &[|c| c.ca_file = Some("ca.pem".into()), |c| c.timeouts.run_seconds = 60]);
    accepted(string(), &[|c| c.dangerously_trust_any_certificate = true]);
}

#[test]
fn a_port_or_an_instance_but_not_both() {
    accepted(connection(), &[|c| c.port = Some(65_535)]);
    accepted(connection(), &[|c| c.instance = Some("CRM".into())]);
    refused(connection(), "port", "0 is not a port", |c| c.port = Some(0));
    refused(connection(), "instance", "leave one of the two out", |c| {
        (c.port, c.instance) = (Some(1433), Some("CRM".into()));
    });
}

#[test]
fn database_login_and_password_are_needed() {
    refused(connection(), "database", "name the database", |c| c.database = " ".into());
    refused(connection(), "user", "name the SQL login", |c| c.user = String::new());
    refused(connection(), "password", "env:NAME", |c| c.password = None);
    refused(connection(), "password", "is empty", |c| c.password = Some(Secret::new("")));
}

#[test]
fn a_host_is_a_name_or_an_address_alone() {
    accepted(connection(), &[|c| c.host = "10.0.0.7".into()]);
    accepted(connection(), &[|c| c.host = "fe80::1".into()]);
    accepted(connection(), &[|c| c.host = "größe_1.example".into()]);
    refused(connection(), "host", "port = 1433", |c| c.host = "sql,1433".into());
    refused(connection(), "host", "port = 1433", |c| c.host = "sql:1433".into());
    refused(connection(), "host", "instance = \"NAME\"", |c| c.host = "sql\\CRM".into());
    refused(connection(), "host", "protocol", |c| c.host = "tcp:sql".into());
    refused(connection(), "host", "connection_string", |c| c.host = "Server=sql;Password=x".into());
    refused(connection(), "host", "white space", |c| c.host = " sql".into());
    refused(connection(), "host", "not a name", |c| c.host = "sql server".into());
    refused(connection(), "certificate_host", "not a name", |c| c.certificate_host = Some("a b".into()));
    refused(connection(), "certificate_host", "is missing", |c| c.certificate_host = Some(String::new()));
}

#[test]
fn texts_have_a_length_and_no_control_characters() {
    accepted(connection(), &[|c| c.database = "ü".repeat(128), |c| c.host = "h".repeat(253)]);
    refused(connection(), "host", "at most 253", |c| c.host = "h".repeat(254));
    refused(connection(), "database", "at most 128", |c| c.database = "d".repeat(129));
    refused(connection(), "user", "at most 128", |c| c.user = "u".repeat(129));
    refused(connection(), "user", "control character", |c| c.user = "a\0b".into());
    refused(connection(), "database", "control character", |c| c.database = "a\nb".into());
    refused(connection(), "instance", "at most 128", |c| c.instance = Some("i".repeat(129)));
    refused(connection(), "password", "control character", |c| c.password = Some(Secret::new("a\nb")));
    refused(connection(), "password", "4096", |c| c.password = Some(Secret::new("p".repeat(4097))));
    refused(connection(), "ca_file", "not a path", |c| c.ca_file = Some("a\0b".into()));
    refused(connection(), "ca_file", "not a path", |c| c.ca_file = Some("".into()));
}

#[test]
fn trusting_any_certificate_excludes_naming_one() {
    accepted(connection(), &[|c| c.dangerously_trust_any_certificate = true]);
    accepted(
        connection(),
        &[|c| c.ca_file = Some("ca.pem".into()), |c| c.certificate_host = Some("x".into())],
    );
    let both: [(&str, Change); 2] = [
        ("ca_file", |c| c.ca_file = Some("ca.pem".into())),
        ("certificate_host", |c| c.certificate_host = Some("x".into())),
    ];
    for (field, change) in both {
        let mut trusting = connection();
        trusting.dangerously_trust_any_certificate = true;
        refused(trusting, field, "leave one of the two out", change);
        let mut plain = connection();
        plain.encryption = Encryption::None;
        refused(plain, field, "no certificate to check", change);
    }
}

#[test]
fn encryption_is_required_unless_another_is_asked_for_by_name() {
    assert_eq!(SqlServerConnection::default().encryption, Encryption::Required);
    for (name, encryption) in [
        ("required", Encryption::Required),
        ("strict", Encryption::Strict),
        ("login_only", Encryption::LoginOnly),
        ("none", Encryption::None),
    ] {
        let read: SqlServerConnection = toml::from_str(&format!("encryption = {name:?}")).unwrap();
        assert_eq!(read.encryption, encryption);
    }
    for not_a_name in ["false", "\"off\"", "\"no\"", "\"\"", "0"] {
        assert!(toml::from_str::<SqlServerConnection>(&format!("encryption = {not_a_name}")).is_err());
    }
}

#[test]
fn timeouts_are_1_second_to_a_day() {
    type Set = fn(&mut SqlServerTimeouts) -> &mut u32;
    let all: [(&str, Set); 4] = [
        ("timeouts.connect_seconds", |t| &mut t.connect_seconds),
        ("timeouts.login_seconds", |t| &mut t.login_seconds),
        ("timeouts.command_seconds", |t| &mut t.command_seconds),
        ("timeouts.run_seconds", |t| &mut t.run_seconds),
    ];
    for (field, set) in all {
        for (seconds, is_allowed) in [(0, false), (1, true), (86_400, true), (86_401, false)] {
            let mut connection = connection();
            *set(&mut connection.timeouts) = seconds;
            let checked = connection.check();
            assert_eq!(checked.is_ok(), is_allowed, "{field} = {seconds}");
            if let Err(problem) = checked {
                assert_eq!(problem.field, format!("connection.sql_server.{field}"));
            }
        }
    }
}

/// A password that stands where something else belongs must not come back in the message about it.
#[test]
fn no_problem_repeats_what_was_written() {
    let secret = "hunter2-hunter2";
    let long = secret.repeat(20);
    let written: [&dyn Fn(&str) -> SqlServerConnection; 4] = [
        &|text| SqlServerConnection { host: text.into(), ..connection() },
        &|text| SqlServerConnection { database: text.into(), ..connection() },
        &|text| SqlServerConnection { user: text.into(), ..connection() },
        &|text| SqlServerConnection { password: Some(Secret::new(text)), ..connection() },
    ];
    let mut problems = 0;
    for make in written {
        for text in
            [format!("Password={secret};"), format!("{secret}\n"), long.clone(), format!("ENV:{secret}")]
        {
            if let Err(problem) = make(&text).check() {
                assert!(!problem.to_string().contains("hunter2"), "{problem}");
                problems += 1;
            }
        }
    }
    assert!(problems >= 10, "{problems}");
}
