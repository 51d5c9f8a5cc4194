//! A client for the tests: tiberius, over real sockets.

#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::panic, reason = "how a test fails")]

use tds_test_server::Server;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

pub(crate) type Connected = Client<Compat<TcpStream>>;

/// A configuration for a server, as its administrator, over TLS with its CA.
pub(crate) fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.address().port());
    config.authentication(AuthMethod::sql_server(&server.options().user, &server.options().password));
    if let Some(database) = server.options().databases.first() {
        config.database(database);
    }
    config.application_name("the tests");
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(server.ca_file().display().to_string());
    config
}

pub(crate) async fn connect_with(config: Config) -> Result<Connected, tiberius::error::Error> {
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    Client::connect(config, stream.compat_write()).await
}

pub(crate) async fn connect(server: &Server) -> Connected {
    connect_with(config(server)).await.expect("a server that behaves lets its administrator in")
}

/// All rows of the first result.
pub(crate) async fn rows(client: &mut Connected, sql: &str) -> Result<Vec<Row>, tiberius::error::Error> {
    client.simple_query(sql).await?.into_first_result().await
}

/// The first column of all rows, as text.
pub(crate) async fn texts(client: &mut Connected, sql: &str) -> Vec<Option<String>> {
    rows(client, sql)
        .await
        .expect("the statement is all right")
        .iter()
        .map(|row| row.try_get::<&str, _>(0).expect("a text").map(str::to_owned))
        .collect()
}

/// The number of the error that a statement causes; 0: none.
pub(crate) async fn error_of(client: &mut Connected, sql: &str) -> u32 {
    let (_, _, error) = drain(client, sql).await;
    error.as_ref().map_or(0, number_of)
}

pub(crate) fn number_of(error: &tiberius::error::Error) -> u32 {
    match error {
        tiberius::error::Error::Server(token) => {
            println!("{token}");
            token.code()
        }
        other => panic!("an error of the server was expected, and this came: {other}"),
    }
}

/// Rows and result sets as they come, until the end or an error.
pub(crate) async fn drain(
    client: &mut Connected,
    sql: &str,
) -> (usize, usize, Option<tiberius::error::Error>) {
    use futures_util::TryStreamExt as _;
    let (mut results, mut count) = (0, 0);
    let mut stream = match client.simple_query(sql).await {
        Ok(stream) => stream,
        Err(error) => return (0, 0, Some(error)),
    };
    loop {
        match stream.try_next().await {
            Ok(Some(QueryItem::Metadata(_))) => results += 1,
            Ok(Some(QueryItem::Row(_))) => count += 1,
            Ok(None) => return (results, count, None),
            Err(error) => return (results, count, Some(error)),
        }
    }
}

/// Waits until something holds, for a generous while.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("this never happened: {what}");
}
