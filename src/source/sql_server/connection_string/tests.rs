use super::*;
use crate::secret::Secret;
use crate::settings::SqlServerConnection;
use crate::source::SourceError;

fn connection(string: &str) -> SqlServerConnection {
    SqlServerConnection { connection_string: Some(Secret::new(string)), ..SqlServerConnection::default() }
}

async fn target(string: &str) -> Target {
    Target::resolve(&connection(string)).await.unwrap()
}

async fn problem(string: &str) -> String {
    let connection = connection(string);
    assert_eq!(Target::check(&connection).unwrap_err(), Target::resolve(&connection).await.unwrap_err());
    match Target::resolve(&connection).await {
        Err(SourceError::Settings { field, problem }) => {
            assert_eq!(field, "connection.sql_server.connection_string");
            problem
        }
        other => panic!("{other:?}"),
    }
}

const REST: &str = "Database=crm;User ID=reader;Password=secret";

#[tokio::test]
async fn every_key_says_what_it_says_in_ado_net() {
    let target = target(
        "Data Source=tcp:db.example.com,14330;Initial Catalog=\"crm;2\";UID=reader;PWD='it''s; \"me\"';\
         Encrypt=Strict;Host Name In Certificate=sql.example.com;Application Intent=ReadOnly;App=phones;\
         Connect Timeout=7;Command Timeout=99;Pooling=false;MultiSubnetFailover=True;Persist Security Info=no;",
    )
    .await;
    assert_eq!((target.host.as_str(), target.port, &target.instance), ("db.example.com", Some(14330), &None));
    assert_eq!((target.database.as_str(), target.user.as_str()), ("crm;2", "reader"));
    assert_eq!(target.password.reveal(), "it's; \"me\"");
    assert_eq!((target.encryption, target.trust), (Encryption::Strict, Trust::System));
    assert_eq!(target.certificate_host.as_deref(), Some("sql.example.com"));
    assert!(target.read_only_intent);
    assert_eq!(target.application_name, "phones");
    let timeouts = &target.timeouts;
    assert_eq!((timeouts.connect_seconds, timeouts.login_seconds, timeouts.command_seconds), (7, 7, 99));
}

#[tokio::test]
async fn servers_are_written_in_many_ways() {
    for (server, host, port, instance) in [
        ("db", "db", None, None),
        ("tcp:db", "db", None, None),
        ("db , 1444", "db", Some(1444), None),
        ("db\\CRM", "db", None, Some("CRM")),
        ("db\\CRM,1444", "db", Some(1444), None),
        ("db\\MSSQLSERVER", "db", None, None),
        ("(local)", "localhost", None, None),
        (".", "localhost", None, None),
        ("::1", "::1", None, None),
    ] {
        let target = target(&format!("Server={server};{REST}")).await;
        assert_eq!(
            (target.host.as_str(), target.port, target.instance.as_deref()),
            (host, port, instance),
            "{server}"
        );
    }
    for server in ["", "np:\\\\db\\pipe", "lpc:db", "(localdb)\\v11", "db,0", "db,many", "db\\", "a b"] {
        let problem = problem(&format!("Server={server};{REST}")).await;
        assert!(problem.starts_with("\"server\" (entry 1) "), "{server}: {problem}");
    }
}

#[tokio::test]
async fn encryption_is_required_unless_something_else_is_said() {
    for (entries, encryption) in [
        ("", Encryption::Required),
        ("Encrypt=true", Encryption::Required),
        ("Encrypt=Mandatory", Encryption::Required),
        ("Encrypt=no", Encryption::LoginOnly),
        ("Encrypt=DANGER_PLAINTEXT", Encryption::None),
    ] {
        assert_eq!(target(&format!("Server=db;{REST};{entries}")).await.encryption, encryption, "{entries}");
    }
    assert_eq!(target(&format!("Server=db;{REST};TrustServerCertificate=yes")).await.trust, Trust::Anybody);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_never_repeated() {
    for (string, expected) in [
        (
            "Server=db;Database=crm;User ID=r;Password=pa;hunter2=3",
            "the key of entry 5 is not known; leave it out",
        ),
        ("Server=db;Database=crm;User ID=r;Password=pa;hunter2", "entry 5 has no ="),
        ("Server=db;Database=crm;User ID=r;Password=pa;Encrpyt=true", "did you mean \"encrypt\"?"),
        ("Server=db;Database=crm;User ID=r;Password='hunter2", "the quotes of entry 4 are not closed"),
        ("Server=db;Database=crm;User ID=r;Password='hunter'2", "behind the quotes of entry 4"),
        ("Server=db;Data Source=other;Database=crm;User ID=r;Password=x", "is said twice"),
        ("Server=db;Database=crm;User ID=r", "Password is missing"),
        ("Database=crm;User ID=r;Password=hunter2", "Server is missing"),
        ("Server=db;Database=crm;Integrated Security=SSPI", "only SQL logins"),
        ("Server=db;Database=crm;User ID=r;Password=x;Encrypt=maybe", "none of true, false"),
        ("Server=db;Database=crm;User ID=r;Password=x;Connect Timeout=0", "1 to 86400"),
        (
            "Server=db;Database=crm;User ID=r;Password=x;TrustServerCertificate=true;TrustServerCertificateCA=/ca.pem",
            "checks no certificate",
        ),
    ] {
        let problem = problem(string).await;
        assert!(problem.contains(expected), "{problem}");
        assert!(!problem.contains("hunter"), "{problem}");
    }
}

#[tokio::test]
async fn the_fields_beside_the_string_say_what_it_does_not() {
    let mut connection = connection(&format!("Server=db;{REST};Encrypt=strict"));
    connection.ca_file = Some("/etc/ca.pem".into());
    connection.timeouts.run_seconds = 60;
    connection.timeouts.connect_seconds = 3;
    let target = Target::resolve(&connection).await.unwrap();
    assert_eq!((target.encryption, target.trust), (Encryption::Strict, Trust::CaFile("/etc/ca.pem".into())));
    assert_eq!((target.timeouts.run_seconds, target.timeouts.connect_seconds), (60, 3));

    let mut connection = self::connection(&format!("Server=db;{REST};Encrypt=true"));
    connection.encryption = Encryption::LoginOnly;
    let error = Target::resolve(&connection).await.unwrap_err().to_string();
    assert!(error.contains("encryption: the connection string says something else"), "{error}");
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let target = target(&format!("Server=db;{REST}")).await;
    assert!(!format!("{target:?}").contains("secret"), "{target:?}");
}
