//! PostgreSQL: contacts, their numbers and phonebooks in tables.

use std::pin::pin;
use std::sync::Arc;

use futures_util::SinkExt;
use tokio_postgres::{Client, NoTls, Statement};
use tokio_util::bytes::Bytes;

use crate::data::{PHONEBOOKS, Record};
use crate::peer::Peer;

const SCHEMA: &str = "
    CREATE TABLE phonebook (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE contact (id int PRIMARY KEY, name text NOT NULL, company text NOT NULL,
        phonebook int NOT NULL REFERENCES phonebook);
    CREATE TABLE number (e164 text NOT NULL, label text NOT NULL, contact int NOT NULL);";

const SELECT: &str = "
    SELECT contact.id, contact.name, contact.company, number.label, phonebook.name
    FROM number JOIN contact ON contact.id = number.contact JOIN phonebook ON phonebook.id = contact.phonebook
    WHERE number.e164";

async fn connect(port: u16) -> Client {
    let settings = format!("host=127.0.0.1 port={port} user=bench dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn fill(port: u16, records: &[Record]) {
    let client = connect(port).await;
    client.batch_execute(SCHEMA).await.unwrap();
    for (id, name) in PHONEBOOKS.iter().enumerate() {
        client.execute("INSERT INTO phonebook VALUES ($1, $2)", &[&(id as i32), name]).await.unwrap();
    }
    let mut last = 0;
    let contacts =
        records.iter().filter(|record| std::mem::replace(&mut last, record.contact) != record.contact);
    let contacts =
        contacts.map(|of| format!("{}\t{}\t{}\t{}\n", of.contact, of.name, of.company, of.phonebook));
    copy(&client, "contact", contacts).await;
    copy(&client, "number", records.iter().map(|of| format!("{}\t{}\t{}\n", of.e164, of.label, of.contact)))
        .await;
    client.batch_execute("CREATE INDEX ON number (e164)").await.unwrap();
    // Not within one batch, which would be a transaction.
    for table in ["contact", "number", "phonebook"] {
        client.batch_execute(&format!("VACUUM ANALYZE {table}")).await.unwrap();
    }
}

async fn copy(client: &Client, table: &str, lines: impl Iterator<Item = String>) {
    let sink = client.copy_in::<_, Bytes>(&format!("COPY {table} FROM STDIN")).await.unwrap();
    let mut sink = pin!(sink);
    let mut part = String::new();
    for line in lines {
        part.push_str(&line.replace('\\', "\\\\"));
        if part.len() > 1 << 16 {
            sink.send(std::mem::take(&mut part).into()).await.unwrap();
        }
    }
    sink.send(part.into()).await.unwrap();
    sink.finish().await.unwrap();
}

/// A prepared statement, as often as it is asked.
#[derive(Clone)]
struct Prepared {
    client: Arc<Client>,
    statement: Statement,
}

impl Prepared {
    async fn new(port: u16, condition: &str) -> Self {
        let client = connect(port).await;
        let statement = client.prepare(&format!("{SELECT} {condition}")).await.unwrap();
        Prepared { client: Arc::new(client), statement }
    }

    async fn ask(&self, parameter: &str) -> bool {
        let rows = self.client.query(&self.statement, &[&parameter]).await.unwrap();
        let read = rows.iter().map(|row| {
            let texts: [&str; 4] = std::array::from_fn(|column| row.get(column + 1));
            (row.get::<_, i32>(0), texts)
        });
        read.filter(|(id, texts)| *id > 0 && !texts[2].is_empty()).count() > 0
    }
}

/// By the whole number, which has an index.
#[derive(Clone)]
pub(crate) struct Select(Prepared);

impl Peer for Select {
    async fn connect(port: u16) -> Self {
        Select(Prepared::new(port, "= $1").await)
    }

    async fn ask(&mut self, e164: &str) -> bool {
        self.0.ask(e164).await
    }
}

/// By the last seven digits, as PBXs do that keep numbers as they were written.
#[derive(Clone)]
pub(crate) struct Like(Prepared);

impl Peer for Like {
    async fn connect(port: u16) -> Self {
        Like(Prepared::new(port, "LIKE $1").await)
    }

    async fn ask(&mut self, e164: &str) -> bool {
        self.0.ask(&format!("%{}", &e164[e164.len() - 7..])).await
    }
}
