//! SQL Server by its plain driver: what is measured beside it goes through the source.

use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub type Client = tiberius::Client<Compat<TcpStream>>;

/// A connection of one's own.
pub async fn connect(string: &str) -> Client {
    let mut config = tiberius::Config::from_ado_string(string).unwrap();
    config.command_timeout(None);
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    Client::connect(config, tcp.compat_write()).await.unwrap()
}

/// Takes every row of a batch and drops it. Returns how many there were, of all its statements.
pub async fn drain(string: &str, batch: &str) -> u64 {
    let mut client = connect(string).await;
    let mut stream = client.simple_query(batch).await.unwrap().into_row_stream();
    let mut rows = 0;
    while let Some(row) = stream.next().await {
        std::hint::black_box(row.unwrap());
        rows += 1;
    }
    rows
}
