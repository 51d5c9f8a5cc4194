//! Redis: `GET` of a number's contacts, which somebody has put there as JSON.

use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde::Deserialize;

use crate::data::{Person, Question, json_by_number};
use crate::load::Peer;
use crate::servers::{self, Server};

/// Without anything that it would write to a disk.
pub fn start(folder: &Path, people: &[Person]) -> Server {
    let address = servers::free_address();
    let child = servers::command(Path::new("redis-server"))
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .args(["--loglevel", "warning", "--dir"])
        .arg(folder)
        .spawn()
        .unwrap();
    let mut server = Server::new(address, child);
    let client = redis::Client::open(format!("redis://{address}/")).unwrap();
    server.wait_until(|_| client.get_connection().is_ok());
    let mut connection = client.get_connection().unwrap();
    let contacts: Vec<(&str, String)> = json_by_number(people).into_iter().collect();
    for part in contacts.chunks(10_000) {
        let mut pipeline = redis::pipe();
        for (number, json) in part {
            pipeline.set(*number, json.as_str()).ignore();
        }
        pipeline.query::<()>(&mut connection).unwrap();
    }
    server
}

/// One connection for all questions of a thread, as its library recommends: questions are sent without waiting for
/// the answers to those before.
#[derive(Clone)]
pub struct Get(pub SocketAddr);

impl Peer for Get {
    type Connection = MultiplexedConnection;

    async fn connect(&self, _: usize) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://{}/", self.0)).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    async fn ask(connection: &mut MultiplexedConnection, _: usize, question: &Question) -> bool {
        let json: Option<Vec<u8>> = connection.get(question.e164.as_str()).await.unwrap();
        json.is_some()
    }
}

/// The same, and what comes is read, as Ringroute's answers are: JSON is no use to a call handler before.
#[derive(Clone)]
pub struct GetAndRead(pub SocketAddr);

/// What a call handler would read of it.
#[derive(Deserialize)]
#[allow(dead_code, reason = "it is there to be read")]
struct Contact {
    id: u64,
    name: String,
    company: String,
    number_label: String,
    phonebooks: Vec<String>,
}

impl Peer for GetAndRead {
    type Connection = MultiplexedConnection;

    async fn connect(&self, workers: usize) -> MultiplexedConnection {
        Get(self.0).connect(workers).await
    }

    async fn ask(connection: &mut MultiplexedConnection, _: usize, question: &Question) -> bool {
        let json: Option<Vec<u8>> = connection.get(question.e164.as_str()).await.unwrap();
        json.is_some_and(|json| {
            let contacts: Vec<Contact> = serde_json::from_slice(&json).unwrap();
            !black_box(contacts).is_empty()
        })
    }
}
