//! How a client comes in: encryption, certificates, logins, databases.

mod support;

use support::{config, connect, connect_with, number_of, texts};
use tds_test_server::{CertificateKind, Encrypted, Encryption, Options, Server};
use tiberius::{AuthMethod, EncryptionLevel};

#[tokio::test]
async fn with_tls_everything_is_encrypted() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    assert_eq!(texts(&mut client, "SELECT N'it works'").await, [Some("it works".to_owned())]);
    assert_eq!(server.logins()[0].1, Encrypted::Everything);
}

#[tokio::test]
async fn the_login_alone_can_be_encrypted() {
    let server = Server::start().unwrap();
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Off);
    let mut client = connect_with(config).await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'it works'").await, [Some("it works".to_owned())]);
    assert_eq!(server.logins()[0].1, Encrypted::Login);
}

#[tokio::test]
async fn without_tls_nothing_is_encrypted() {
    let server =
        Server::with(Options { encryption: Encryption::NotSupported, ..Options::default() }).unwrap();
    let mut config = config(&server);
    config.encryption(EncryptionLevel::NotSupported);
    let mut client = connect_with(config).await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'it works'").await, [Some("it works".to_owned())]);
    assert_eq!(server.logins()[0].1, Encrypted::Nothing);
}

#[tokio::test]
async fn tls_can_come_first() {
    let server = Server::with(Options { encryption: Encryption::Strict, ..Options::default() }).unwrap();
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Strict);
    let mut client = connect_with(config).await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'it works'").await, [Some("it works".to_owned())]);
    assert_eq!(server.logins()[0].1, Encrypted::Strict);
}

#[tokio::test]
async fn a_server_that_forces_encryption_gets_it() {
    let server = Server::with(Options { encryption: Encryption::Required, ..Options::default() }).unwrap();
    let mut config = config(&server);
    config.encryption(EncryptionLevel::NotSupported);
    connect_with(config).await.unwrap();
    assert_eq!(server.logins()[0].1, Encrypted::Everything);
}

#[tokio::test]
async fn a_server_without_tls_is_no_server_for_a_client_that_insists() {
    let server =
        Server::with(Options { encryption: Encryption::NotSupported, ..Options::default() }).unwrap();
    let error = connect_with(config(&server)).await.unwrap_err();
    assert!(error.to_string().contains("encryption level"), "{error}");
    assert!(server.logins().is_empty());
}

#[tokio::test]
async fn bad_certificates_are_bad() {
    for (kind, said) in [
        (CertificateKind::expired(), "expired"),
        (CertificateKind::for_host("other.example"), "not valid for name"),
        (CertificateKind::self_signed(), "UnknownIssuer"),
    ] {
        let server = Server::with(Options { certificate: kind.clone(), ..Options::default() }).unwrap();
        let error = connect_with(config(&server)).await.unwrap_err();
        assert!(error.to_string().contains(said), "{kind:?}: {error}");
        assert!(server.logins().is_empty(), "{kind:?}: nobody logged in");
    }
}

#[tokio::test]
async fn what_the_client_said_is_remembered() {
    let server = Server::start().unwrap();
    let mut config = config(&server);
    config.readonly(true);
    connect_with(config).await.unwrap();
    let (login, _) = server.logins().remove(0);
    assert_eq!(login.user, "sa");
    assert_eq!(login.password, "Test-Server-1");
    assert_eq!(login.database, "ringroute");
    assert_eq!(login.application, "the tests");
    assert!(login.read_only);
    assert_eq!(login.tds_version, 0x7400_0004);
}

#[tokio::test]
async fn a_wrong_password_is_error_18456() {
    let server = Server::start().unwrap();
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("sa", "wrong"));
    assert_eq!(number_of(&connect_with(config).await.unwrap_err()), 18_456);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_error_4060() {
    let server = Server::start().unwrap();
    let mut config = config(&server);
    config.database("elsewhere");
    assert_eq!(number_of(&connect_with(config).await.unwrap_err()), 4060);
}

#[tokio::test]
async fn a_login_without_a_user_in_the_database_is_error_4060() {
    let server = Server::start().unwrap();
    server.run("master", "CREATE LOGIN [reader] WITH PASSWORD = N'Reader-1'").unwrap();
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("reader", "Reader-1"));
    assert_eq!(number_of(&connect_with(config).await.unwrap_err()), 4060);
}

#[tokio::test]
async fn closed_connections_are_not_open() {
    let server = Server::start().unwrap();
    let client = connect(&server).await;
    support::eventually("the connection is open", || server.open_connections() == 1).await;
    drop(client);
    support::eventually("the connection is closed", || server.open_connections() == 0).await;
    assert_eq!(server.connections(), 1);
}
