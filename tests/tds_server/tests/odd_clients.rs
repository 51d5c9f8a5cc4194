//! Clients that speak nonsense, and the small things around the protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use support::{config, connect, connect_with, eventually, texts};
use tds_test_server::{Encryption, Options, Server};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, SqlBrowser as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
    let mut bytes = vec![kind, 1, length[0], length[1], 0, 0, 1, 0];
    bytes.extend_from_slice(body);
    bytes
}

/// PRELOGIN of a client without TLS: one option, at offset 6.
const PRELOGIN: [u8; 7] = [1, 0, 6, 0, 1, 0xFF, 2];

/// LOGIN7 of `sa` with these offsets and lengths for every name.
fn login(offset: u16, length: u16) -> Vec<u8> {
    let mut body = vec![0; 36];
    body[4..8].copy_from_slice(&0x7400_0004_u32.to_le_bytes());
    for _ in 0..13 {
        body.extend_from_slice(&offset.to_le_bytes());
        body.extend_from_slice(&length.to_le_bytes());
    }
    body
}

#[tokio::test]
async fn nonsense_ends_a_connection_and_not_the_server() {
    let server = Server::start().unwrap();
    let mut odd: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        vec![0x12],
        vec![0xFF; 64],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 0, 4, 1, 2, 3, 4],
        vec![0x12, 1, 0, 0, 0, 0, 0, 0],
        packet(0x12, &[]),
        packet(0x12, &[0xFF]),
        packet(0x12, &[1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        packet(0x12, &[1, 0, 6, 0, 1, 0xFF, 1]),
        packet(0x10, &[]),
    ];
    for body in [Vec::new(), vec![0; 36], login(0, 0), login(0xFFFF, 0xFFFF), login(80, 3), vec![0xAA; 4000]]
    {
        let mut bytes = packet(0x12, &PRELOGIN);
        bytes.extend_from_slice(&packet(0x10, &body));
        odd.push(bytes);
    }
    for bytes in odd {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // What is answered, if anything, and whether the end is polite, does not matter here.
        let _answered = stream.read_to_end(&mut answer).await;
    }
    eventually("all connections are closed", || server.open_connections() == 0).await;
    let mut client = connect(&server).await;
    assert_eq!(texts(&mut client, "SELECT N'alive'").await, [Some("alive".to_owned())]);
}

/// A connection that is logged in, without a driver.
async fn logged_in(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&packet(0x12, &PRELOGIN)).await.unwrap();
    read_packet(&mut stream).await;
    let mut body = login(94, 0);
    let mut data = Vec::new();
    for (at, text) in [(1, "sa"), (2, "Test-Server-1")] {
        let place = 36 + at * 4;
        let offset = u16::try_from(94 + data.len()).unwrap();
        body[place..place + 2].copy_from_slice(&offset.to_le_bytes());
        body[place + 2..place + 4].copy_from_slice(&u16::try_from(text.len()).unwrap().to_le_bytes());
        for byte in text.encode_utf16().flat_map(u16::to_le_bytes) {
            data.push(if at == 2 { byte.rotate_left(4) ^ 0xA5 } else { byte });
        }
    }
    body.resize(94, 0);
    body.extend_from_slice(&data);
    stream.write_all(&packet(0x10, &body)).await.unwrap();
    let answer = read_packet(&mut stream).await;
    assert!(answer.contains(&0xAD), "LOGINACK");
    stream
}

async fn read_packet(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 8];
    stream.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]])) - 8];
    stream.read_exact(&mut body).await.unwrap();
    body
}

#[tokio::test]
async fn nonsense_after_the_login_is_answered_with_an_error() {
    const ERROR: u8 = 0xAA;
    let server = Server::start().unwrap();
    let mut stream = logged_in(&server).await;
    let headers = [4, 0, 0, 0];
    for (kind, rest) in [
        (0x01, &[0xFF, 0xFF, 0xFF, 0xFF][..]),
        (0x01, &[1][..]),
        (0x03, &[][..]),
        (0x03, &[0xFF, 0xFF, 10, 0, 0, 0, 0, 0, 0xE7][..]),
        (0x03, &[0xFF, 0xFF, 99, 0, 0, 0][..]),
        (0x03, &[0xFF, 0xFF, 10, 0, 0, 0][..]),
        (0x0E, &[77, 0][..]),
        (0x07, &[1, 2, 3][..]),
    ] {
        let mut body = headers.to_vec();
        body.extend_from_slice(rest);
        stream.write_all(&packet(kind, if rest.len() == 1 { rest } else { &body })).await.unwrap();
        let answer = read_packet(&mut stream).await;
        if kind != 0x01 || rest.len() == 1 {
            assert_eq!(answer.first(), Some(&ERROR), "kind {kind:#x}, {rest:?}");
        }
    }
}

#[tokio::test]
async fn an_attention_when_nothing_is_under_way_is_acknowledged() {
    let server = Server::start().unwrap();
    let mut stream = logged_in(&server).await;
    stream.write_all(&packet(0x06, &[])).await.unwrap();
    let answer = read_packet(&mut stream).await;
    assert_eq!(answer[..3], [0xFD, 0x20, 0], "DONE with the attention bit");
    assert_eq!(server.attentions(), 1);
}

#[tokio::test]
async fn packets_are_as_large_as_was_agreed() {
    let server = Server::start().unwrap();
    for size in [512, 8000, 32_767] {
        let mut config = config(&server);
        config.packet_size(size);
        let mut client = connect_with(config).await.unwrap();
        let sql = "SELECT REPLICATE(CAST(N'x' AS nvarchar(max)), 100000) AS v";
        assert_eq!(texts(&mut client, sql).await[0].as_ref().unwrap().len(), 100_000);
        // A request of several packets.
        let long = format!("SELECT N'{}' AS v", "y".repeat(50_000));
        assert_eq!(texts(&mut client, &long).await[0].as_ref().unwrap().len(), 50_000);
    }
}

#[tokio::test]
async fn a_named_instance_is_found_by_the_browser() {
    // Clients ask port 1434; of loopback addresses there are enough for every test run to have its own.
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, high.max(1), low, 7);
    let server = Server::with(Options {
        listen: SocketAddr::from((host, 0)),
        encryption: Encryption::NotSupported,
        instance: Some("SALES".to_owned()),
        ..Options::default()
    })
    .unwrap();
    server.browser(SocketAddr::from((host, 1434))).unwrap();
    let mut config = Config::new();
    config.host(host.to_string());
    config.authentication(AuthMethod::sql_server("sa", "Test-Server-1"));
    config.encryption(EncryptionLevel::NotSupported);
    config.instance_name("sales");
    let stream = TcpStream::connect_named(&config).await.unwrap();
    let mut client = Client::connect(config.clone(), stream.compat_write()).await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'found'").await, [Some("found".to_owned())]);
    config.instance_name("other");
    assert!(TcpStream::connect_named(&config).await.is_err());
}

#[tokio::test]
async fn a_server_that_ends_leaves_nothing_running() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    drop(server);
    assert!(client.simple_query("SELECT 1 AS v").await.is_err());
}
