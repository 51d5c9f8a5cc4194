//! Names, TCP, TLS, login, routes: what works, and what is said when it does not.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ringroute::secret::Secret;
use ringroute::settings::{Connection, Encryption, SourceSettings, SqlServerConnection};
use ringroute::source::{self, SourceError};
use tds_test_server::{
    CertificateKind, ConnectFault, Encrypted, Encryption as Servers, Options, Server, ServerMessage,
};
use tokio::net::TcpListener;

use crate::database::{Database, PATIENCE, map, run_on};

/// A table with one contact on a server of these options.
fn database(options: Options) -> Database {
    let server = Server::with(options).unwrap();
    let table = "CREATE TABLE dbo.people (id int NOT NULL, name nvarchar(9)); INSERT INTO dbo.people VALUES (1, N'Ada');";
    run_on(&server, table);
    Database::without_schema(server)
}

/// The fields that reach it, one by one.
fn connection(server: &Server) -> SqlServerConnection {
    let options = server.options();
    SqlServerConnection {
        host: "127.0.0.1".to_owned(),
        port: Some(server.address().port()),
        database: options.databases[0].clone(),
        user: options.user.clone(),
        password: Some(Secret::new(&options.password)),
        ca_file: Some(server.ca_file().to_owned()),
        ..SqlServerConnection::default()
    }
}

fn source_of(database: &Database, connection: SqlServerConnection) -> SourceSettings {
    let mut source = database.source("select ${MAP} from dbo.people", map("name", "id"));
    source.connection = Connection::SqlServer(Box::new(connection));
    source
}

/// Tests the source; what is encrypted then.
async fn test(database: &Database, connection: SqlServerConnection) -> Result<Encryption, SourceError> {
    let settings = source_of(database, connection);
    let source = source::open(&settings)?;
    let report = tokio::time::timeout(PATIENCE, source.test()).await.unwrap()?;
    assert_eq!(report.query?.row_count, 1);
    database.is_left_alone().await;
    Ok(report.server.unwrap().encryption)
}

/// What is said when the source is read.
async fn problem(database: &Database, connection: SqlServerConnection) -> String {
    let problem = test(database, connection).await.unwrap_err().to_string();
    assert!(!problem.contains(&database.server().options().password), "{problem}");
    database.is_left_alone().await;
    problem
}

#[track_caller]
fn says(problem: &str, expected: &[&str]) {
    for words in expected {
        assert!(problem.contains(words), "expected {words:?} in: {problem}");
    }
}

#[tokio::test]
async fn what_is_encrypted_is_what_was_asked_for_or_more() {
    for (servers, asked, in_use, seen) in [
        (Servers::Optional, Encryption::Required, Encryption::Required, Encrypted::Everything),
        (Servers::Optional, Encryption::LoginOnly, Encryption::LoginOnly, Encrypted::Login),
        (Servers::Optional, Encryption::None, Encryption::None, Encrypted::Nothing),
        (Servers::Required, Encryption::Required, Encryption::Required, Encrypted::Everything),
        (Servers::Required, Encryption::LoginOnly, Encryption::Required, Encrypted::Everything),
        (Servers::Strict, Encryption::Strict, Encryption::Strict, Encrypted::Strict),
        (Servers::NotSupported, Encryption::None, Encryption::None, Encrypted::Nothing),
    ] {
        let database = database(Options { encryption: servers, ..Options::default() });
        let mut connection = connection(database.server());
        connection.encryption = asked;
        if asked == Encryption::None {
            connection.ca_file = None;
        }
        assert_eq!(test(&database, connection).await, Ok(in_use), "{servers:?} {asked:?}");
        assert_eq!(database.server().logins()[0].1, seen, "{servers:?} {asked:?}");
    }
}

#[tokio::test]
async fn encryption_that_cannot_be_agreed_on_says_what_to_write() {
    for (servers, asked, expected) in [
        (Servers::NotSupported, Encryption::Required, "the server has no encryption"),
        (Servers::NotSupported, Encryption::LoginOnly, "the server has no encryption"),
        (Servers::Required, Encryption::None, "write encryption = \"required\""),
    ] {
        let database = database(Options { encryption: servers, ..Options::default() });
        let mut connection = connection(database.server());
        connection.encryption = asked;
        if asked == Encryption::None {
            connection.ca_file = None;
        }
        says(&problem(&database, connection).await, &[expected, "encryption = "]);
        assert!(database.server().logins().is_empty(), "no password went out");
    }
}

#[tokio::test]
async fn strict_encryption_on_a_server_that_does_not_know_it() {
    let database = database(Options { encryption: Servers::NotSupported, ..Options::default() });
    let mut connection = connection(database.server());
    connection.encryption = Encryption::Strict;
    connection.timeouts.login_seconds = 2;
    says(&problem(&database, connection).await, &["SQL Server 2022", "encryption = \"required\""]);
}

#[tokio::test]
async fn tls_that_is_not_trusted() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    // Some other server's CA.
    let other = Server::start().unwrap();
    connection.ca_file = Some(other.ca_file().to_owned());
    says(
        &problem(&database, connection).await,
        &["of a CA that is not trusted here", "does not hold that CA"],
    );
    assert!(database.server().logins().is_empty(), "no password went out");
}

#[tokio::test]
async fn any_certificate_is_trusted_only_when_asked_for_by_name() {
    let database = database(Options { certificate: CertificateKind::self_signed(), ..Options::default() });
    let mut connection = connection(database.server());
    assert!(problem(&database, connection.clone()).await.contains("certificate"));
    connection.ca_file = None;
    connection.dangerously_trust_any_certificate = true;
    assert_eq!(test(&database, connection).await, Ok(Encryption::Required));
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let certificate = CertificateKind::for_host("sql.example.com");
    let database = database(Options { certificate, ..Options::default() });
    let mut connection = connection(database.server());
    says(
        &problem(&database, connection.clone()).await,
        &["for another host", "sql.example.com", "connection.sql_server.certificate_host"],
    );
    connection.certificate_host = Some("sql.example.com".to_owned());
    assert_eq!(test(&database, connection).await, Ok(Encryption::Required));
}

#[tokio::test]
async fn a_certificate_that_has_expired() {
    let database = database(Options { certificate: CertificateKind::expired(), ..Options::default() });
    says(&problem(&database, connection(database.server())).await, &["has expired", "renew it"]);
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    connection.ca_file = Some("/no/such/file.pem".into());
    says(&problem(&database, connection.clone()).await, &["ca_file: /no/such/file.pem", "PEM"]);
    connection.ca_file = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    says(&problem(&database, connection).await, &["there is no certificate in it"]);
}

#[tokio::test]
async fn wrong_password() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    connection.password = Some(Secret::new("not-this-one"));
    let problem = problem(&database, connection).await;
    says(&problem, &["Login failed", "connection.sql_server.user (\"sa\") and its password"]);
    assert!(!problem.contains("not-this-one"), "{problem}");
}

#[tokio::test]
async fn database_missing() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    connection.database = "crm".to_owned();
    says(
        &problem(&database, connection).await,
        &["\"crm\" does not exist there", "connection.sql_server.database"],
    );
}

#[tokio::test]
async fn refused() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    // Nobody listens there any more.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    connection.port = Some(socket.local_addr().unwrap().port());
    drop(socket);
    says(&problem(&database, connection).await, &["was refused", "is the server running"]);
}

/// What a firewall does that swallows everything, a full queue of connections does too.
#[tokio::test]
async fn nobody_answers_at_all() {
    let database = database(Options::default());
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
    }
    let mut connection = connection(database.server());
    connection.port = Some(address.port());
    connection.timeouts.connect_seconds = 1;
    says(&problem(&database, connection).await, &["no answer within 1 s", "firewall"]);
}

#[tokio::test]
async fn a_name_that_is_not_resolved() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    connection.host = "no-such-host.invalid".to_owned();
    says(&problem(&database, connection).await, &["no-such-host.invalid", "cannot be resolved"]);
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing() {
    for fault in [ConnectFault::NeverAnswer, ConnectFault::SilentAfterPrelogin] {
        let database = database(Options::default());
        database.server().faults().connect(fault);
        let mut connection = connection(database.server());
        connection.timeouts.login_seconds = 1;
        says(&problem(&database, connection).await, &["not logged in within 1 s"]);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up() {
    for fault in [ConnectFault::CloseAtOnce, ConnectFault::CloseAtLogin] {
        let database = database(Options::default());
        database.server().faults().connect(fault);
        says(&problem(&database, connection(database.server())).await, &["error log says why"]);
    }
}

#[tokio::test]
async fn what_is_no_sql_server() {
    let database = database(Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = connection(database.server());
    connection.port = Some(listener.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let problem = problem(&database, connection).await;
    answering.await.unwrap();
    assert!(problem.contains("SQL Server"), "{problem}");
}

#[tokio::test]
async fn azures_firewall_is_named() {
    let database = database(Options::default());
    let error = ServerMessage::error(
        40615,
        "Cannot open server 'x' requested by the login. Client with IP address \
                                             '1.2.3.4' is not allowed to access the server.",
    )
    .class(14);
    database.server().faults().connect(ConnectFault::RefuseLogin(error));
    says(&problem(&database, connection(database.server())).await, &["firewall of the Azure server"]);
}

#[tokio::test]
async fn a_named_instance_is_found_by_the_browser() {
    // Loopback has many addresses; the browser's port is always the same.
    let options = Options {
        listen: SocketAddr::from(([127, 77, 0, 1], 0)),
        instance: Some("CRM".to_owned()),
        certificate: CertificateKind { names: vec!["127.77.0.1".to_owned()], ..CertificateKind::default() },
        ..Options::default()
    };
    let database = database(options);
    database.server().browser(SocketAddr::from(([127, 77, 0, 1], 1434))).unwrap();
    let mut connection = connection(database.server());
    (connection.host, connection.port) = ("127.77.0.1".to_owned(), None);
    connection.instance = Some("CRM".to_owned());
    assert_eq!(test(&database, connection.clone()).await, Ok(Encryption::Required));

    connection.instance = Some("ERP".to_owned());
    says(&problem(&database, connection).await, &["the instance \"ERP\"", "UDP 1434"]);
}

#[tokio::test]
async fn routes_are_followed() {
    let last = database(Options::default());
    let first = Server::start().unwrap();
    let to_last = ConnectFault::Route { host: "localhost".to_owned(), port: last.server().address().port() };
    first.faults().connect(to_last);
    let mut connection = connection(last.server());
    connection.port = Some(first.address().port());
    // Both have a CA of their own.
    let (one, two) =
        (std::fs::read(first.ca_file()).unwrap(), std::fs::read(last.server().ca_file()).unwrap());
    let both = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(both.path(), [one, two].concat()).unwrap();
    connection.ca_file = Some(both.path().to_owned());
    assert_eq!(test(&last, connection).await, Ok(Encryption::Required));
    assert_eq!((first.connections(), last.server().connections()), (1, 1));
}

#[tokio::test]
async fn routes_in_a_circle_end() {
    let database = database(Options::default());
    let port = database.server().address().port();
    database.server().faults().connect(ConnectFault::Route { host: "127.0.0.1".to_owned(), port });
    says(&problem(&database, connection(database.server())).await, &["one route too many"]);
    assert_eq!(database.server().connections(), 4);
}

#[tokio::test]
async fn the_server_is_told_who_we_are_and_that_we_only_read() {
    let database = database(Options::default());
    let mut connection = connection(database.server());
    connection.read_only_intent = true;
    test(&database, connection).await.unwrap();
    let login = database.server().logins()[0].0.clone();
    assert_eq!((login.application.as_str(), login.read_only), ("ringroute", true));
    assert_eq!(login.password, database.server().options().password);
}

#[tokio::test]
async fn secrets_are_found_when_they_are_needed() {
    let database = database(Options::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", database.server().options().password)).unwrap();
    let mut connection = connection(database.server());
    connection.password = Some(Secret::new(format!("file:{}", file.path().display())));
    assert_eq!(test(&database, connection.clone()).await, Ok(Encryption::Required));
    connection.password = Some(Secret::new("env:RINGROUTE_NO_SUCH_VARIABLE"));
    says(
        &problem(&database, connection).await,
        &["connection.sql_server.password", "RINGROUTE_NO_SUCH_VARIABLE"],
    );
}
