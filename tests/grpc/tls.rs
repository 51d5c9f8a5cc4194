//! Encrypted connections: whose certificate is shown, whose is asked for, and what becomes of new ones.

use std::path::Path;
use std::time::Duration;

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::config::TlsConfig;
use ringroute::listening::{Patience, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::certificates::Certificates;
use crate::support::{ALAN, Access, Server};

fn files(certificates: &Certificates) -> TlsConfig {
    let (certificate, key) = certificates.server_files.clone();
    TlsConfig { certificate, key, client_ca: None }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

async fn connect(server: &Server, config: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    let url = format!("https://127.0.0.1:{}", server.address.port());
    Endpoint::from_shared(url).unwrap().tls_config(config)?.connect().await
}

fn believing(ca_file: &Path) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca_file)))
}

async fn ask(channel: &Channel) -> Result<v1::MatchStatus, tonic::Status> {
    let request = v1::MatchCallerRequest { caller: ALAN.into(), trunk: String::new() };
    let answer = CallRoutingServiceClient::new(channel.clone()).match_caller(request).await?;
    Ok(answer.into_inner().status())
}

async fn serve(tls: &std::sync::Arc<Tls>) -> Server {
    let patience = Patience { handshake: Duration::from_millis(300), ..Patience::default() };
    Server::start_with_company_and(Access { tls: Some(tls.clone()), patience, ..Access::default() }).await
}

#[tokio::test]
async fn only_who_speaks_tls_is_answered_and_nobody_waits_for_those_who_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(folder.path());
    let server = serve(&Tls::load(&files(&certificates)).unwrap()).await;
    // One says nothing, one says something else, one stops half-way in its greeting.
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1]).await.unwrap();

    let channel = connect(&server, believing(&certificates.ca_file)).await.unwrap();
    assert_eq!(ask(&channel).await.unwrap(), v1::MatchStatus::Matched);
    // Each is cut off, without an answer that was not encrypted.
    for mut stream in [plain, half] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.first().is_none_or(|first| *first == 0x15), "nothing but a TLS alert: {rest:?}");
    }
    assert_eq!(ask(&channel).await.unwrap(), v1::MatchStatus::Matched);
}

#[tokio::test]
async fn a_new_certificate_is_used_from_the_next_connection_on_and_a_wrong_one_never() {
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [before, after] = [&first, &second].map(|folder| Certificates::new(folder.path()));
    let tls = Tls::load(&files(&before)).unwrap();
    let server = serve(&tls).await;
    let old = connect(&server, believing(&before.ca_file)).await.unwrap();
    assert_eq!(ask(&old).await.unwrap(), v1::MatchStatus::Matched);
    assert!(!tls.reload().unwrap(), "nothing has changed");

    // Half of it is there: the certificate is new, the key is not.
    std::fs::copy(&after.server_files.0, &before.server_files.0).unwrap();
    let problem = tls.reload().unwrap_err().to_string();
    assert!(problem.starts_with("tls.key ") && problem.contains("does not fit"), "{problem}");
    let still = connect(&server, believing(&before.ca_file)).await.unwrap();
    assert_eq!(ask(&still).await.unwrap(), v1::MatchStatus::Matched);

    std::fs::copy(&after.server_files.1, &before.server_files.1).unwrap();
    assert!(tls.reload().unwrap());
    let new = connect(&server, believing(&after.ca_file)).await.unwrap();
    assert_eq!(ask(&new).await.unwrap(), v1::MatchStatus::Matched);
    connect(&server, believing(&before.ca_file)).await.expect_err("the old one is not shown any more");
    assert_eq!(ask(&old).await.unwrap(), v1::MatchStatus::Matched, "connections go on");

    std::fs::write(&before.server_files.0, "nonsense").unwrap();
    let problem = tls.reload().unwrap_err().to_string();
    assert!(problem.starts_with("tls.certificate ") && problem.contains("no certificates"), "{problem}");
    std::fs::remove_file(&before.server_files.1).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("cannot be read"));
    connect(&server, believing(&after.ca_file)).await.unwrap();
}

#[tokio::test]
async fn an_authority_that_is_named_and_has_no_certificate_yet_is_not_taken_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(folder.path());
    let tls = Tls::load(&files(&certificates)).unwrap();
    let client_ca = folder.path().join("clients.pem");
    std::fs::write(&client_ca, "").unwrap();
    tls.look_at(TlsConfig { client_ca: Some(client_ca.clone()), ..files(&certificates) }).await;
    let problem = tls.reload().unwrap_err().to_string();
    assert!(problem.starts_with("tls.client_ca ") && problem.contains("no certificates"), "{problem}");
    std::fs::copy(&certificates.ca_file, &client_ca).unwrap();
    assert!(tls.reload().unwrap());
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_where_an_authority_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(folder.path());
    let client_ca = Some(certificates.ca_file.clone());
    let tls = Tls::load(&TlsConfig { client_ca, ..files(&certificates) }).unwrap();
    let server = serve(&tls).await;
    let with = |certificates: &Certificates| {
        let (certificate, key) = &certificates.client_files;
        Identity::from_pem(read(certificate), read(key))
    };
    let known = believing(&certificates.ca_file).identity(with(&certificates));
    let channel = connect(&server, known).await.unwrap();
    assert_eq!(ask(&channel).await.unwrap(), v1::MatchStatus::Matched);

    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = with(&Certificates::new(elsewhere.path()));
    for config in [believing(&certificates.ca_file), believing(&certificates.ca_file).identity(foreign)] {
        // In TLS 1.3 a client hears of it only when it asks something.
        if let Ok(channel) = connect(&server, config).await {
            ask(&channel).await.expect_err("nobody else is answered");
        }
    }
}
