//! Redis: a contact as JSON behind each number.

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::data::Record;
use crate::peer::Peer;

async fn connect(port: u16) -> MultiplexedConnection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

pub(crate) async fn fill(port: u16, records: &[Record]) {
    let mut connection = connect(port).await;
    for records in records.chunks(1000) {
        let mut pipeline = redis::pipe();
        for record in records {
            pipeline.set(&record.e164, record.json()).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await.unwrap();
    }
}

/// `GET`, and the JSON read as what it is.
#[derive(Clone)]
pub(crate) struct Get(MultiplexedConnection);

impl Peer for Get {
    async fn connect(port: u16) -> Self {
        Get(connect(port).await)
    }

    async fn ask(&mut self, e164: &str) -> bool {
        let json: Option<Vec<u8>> = self.0.get(e164).await.unwrap();
        json.is_some_and(|json| {
            serde_json::from_slice::<Contact>(&json).is_ok_and(|found| found.contact_id > 0)
        })
    }
}

/// What a call handler needs to know.
#[derive(serde::Deserialize)]
#[allow(dead_code)]
struct Contact {
    contact_id: i32,
    display_name: String,
    company: String,
    number_label: String,
    phonebooks: Vec<String>,
}
