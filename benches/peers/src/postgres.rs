//! PostgreSQL: a prepared `SELECT` over an index, and what is done without one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;

use futures_util::SinkExt as _;
use tokio_postgres::{Client, NoTls, Statement};

use crate::data::{PHONEBOOKS, Person, Question};
use crate::load::Peer;
use crate::servers::{self, Server};

/// Everything that fits into memory, and no thread of it waits for a disk.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=1GB",
    "fsync=off",
    "jit=off",
    "autovacuum=off",
];

/// Root is refused, and this user is what Debian's package makes.
const USER: &str = "postgres";

pub const TABLES: &str = "
    CREATE TABLE phonebook (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE contact (
        id integer PRIMARY KEY, name text NOT NULL, company text NOT NULL,
        phonebook integer NOT NULL REFERENCES phonebook
    );
    CREATE TABLE number (contact integer NOT NULL REFERENCES contact, e164 text NOT NULL, label text NOT NULL);";

pub const INDEX: &str = "CREATE INDEX number_e164 ON number (e164)";

/// The contacts of a number, with their phonebooks.
pub const BY_NUMBER: &str = "
    SELECT contact.id, contact.name, contact.company, number.label, phonebook.name
    FROM number
    JOIN contact ON contact.id = number.contact
    JOIN phonebook ON phonebook.id = contact.phonebook
    WHERE number.e164 = $1";

/// The same for what a number ends with.
pub const BY_LAST_DIGITS: &str = "
    SELECT contact.id, contact.name, contact.company, number.label, phonebook.name
    FROM number
    JOIN contact ON contact.id = number.contact
    JOIN phonebook ON phonebook.id = contact.phonebook
    WHERE number.e164 LIKE '%' || $1";

pub fn start(folder: &Path, people: &[Person]) -> Server {
    let data = folder.join("postgres");
    std::fs::create_dir(&data).unwrap();
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        let owned = std::process::Command::new("chown").arg(USER).arg(&data).status().unwrap();
        assert!(owned.success());
    }
    let command = |program: &str| match is_root {
        true => servers::command_as(USER, &programs().join(program)),
        false => servers::command(&programs().join(program)),
    };
    let made = command("initdb")
        .args(["--auth=trust", "--username", USER, "--no-sync", "--encoding=UTF8", "--locale=C", "--pgdata"])
        .arg(&data)
        .current_dir(&data)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed");
    let address = servers::free_address();
    let child = command("postgres")
        .args(["-p", &address.port().to_string()])
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
        .arg("-D")
        .arg(&data)
        .current_dir(&data)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server::new(address, child);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    server
        .wait_until(|address| runtime.block_on(tokio_postgres::connect(&parameters(address), NoTls)).is_ok());
    runtime.block_on(fill(address, people));
    server
}

/// Where Debian has its programs: those of the newest version.
fn programs() -> PathBuf {
    let mut versions: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|one| one.unwrap().path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    versions.last().unwrap().join("bin")
}

fn parameters(address: SocketAddr) -> String {
    format!("host={} port={} user={USER} dbname=postgres", address.ip(), address.port())
}

async fn connect(address: SocketAddr) -> Client {
    let (client, connection) = tokio_postgres::connect(&parameters(address), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn fill(address: SocketAddr, people: &[Person]) {
    let client = connect(address).await;
    client.batch_execute(TABLES).await.unwrap();
    for (name, id) in PHONEBOOKS.into_iter().zip(1..) {
        client.execute("INSERT INTO phonebook VALUES ($1, $2)", &[&id, &name]).await.unwrap();
    }
    let phonebook =
        |person: &Person| 1 + PHONEBOOKS.iter().position(|name| *name == person.phonebook).unwrap();
    let contacts = people.iter().map(|person| {
        format!(
            "{}\t{}\t{}\t{}\n",
            person.id,
            escaped(&person.name),
            escaped(&person.company),
            phonebook(person)
        )
    });
    copy(&client, "COPY contact FROM STDIN", contacts).await;
    let numbers = people.iter().flat_map(|person| {
        person.numbers.iter().map(|(number, label)| format!("{}\t{number}\t{label}\n", person.id))
    });
    copy(&client, "COPY number FROM STDIN", numbers).await;
    client.batch_execute(INDEX).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

async fn copy(client: &Client, statement: &str, rows: impl Iterator<Item = String>) {
    let mut sink = std::pin::pin!(client.copy_in(statement).await.unwrap());
    let mut part = String::new();
    for row in rows {
        part.push_str(&row);
        if part.len() > 1 << 16 {
            sink.send(std::io::Cursor::new(std::mem::take(&mut part).into_bytes())).await.unwrap();
        }
    }
    sink.send(std::io::Cursor::new(part.into_bytes())).await.unwrap();
    sink.finish().await.unwrap();
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

/// A prepared statement on connections of one's own.
type Prepared = Rc<[(Client, Statement)]>;

async fn prepare(address: SocketAddr, connections: usize, statement: &str) -> Prepared {
    let mut prepared = Vec::with_capacity(connections);
    for _ in 0..connections {
        let client = connect(address).await;
        let statement = client.prepare(statement).await.unwrap();
        prepared.push((client, statement));
    }
    prepared.into()
}

async fn finds((client, statement): &(Client, Statement), text: &str) -> bool {
    !client.query(statement, &[&text]).await.unwrap().is_empty()
}

/// One connection for all questions of a thread; they are sent without waiting for the answers to those before.
#[derive(Clone)]
pub struct Pipelined(pub SocketAddr);

impl Peer for Pipelined {
    type Connection = Prepared;

    async fn connect(&self, _: usize) -> Prepared {
        prepare(self.0, 1, BY_NUMBER).await
    }

    async fn ask(prepared: &mut Prepared, _: usize, question: &Question) -> bool {
        finds(&prepared[0], &question.e164).await
    }
}

/// A connection for each worker.
#[derive(Clone)]
pub struct Pooled(pub SocketAddr);

impl Peer for Pooled {
    type Connection = Prepared;

    async fn connect(&self, workers: usize) -> Prepared {
        prepare(self.0, workers, BY_NUMBER).await
    }

    async fn ask(prepared: &mut Prepared, worker: usize, question: &Question) -> bool {
        finds(&prepared[worker], &question.e164).await
    }
}

/// What a number ends with is looked for in all of them.
#[derive(Clone)]
pub struct LastDigits(pub SocketAddr);

impl Peer for LastDigits {
    type Connection = Prepared;

    async fn connect(&self, _: usize) -> Prepared {
        prepare(self.0, 1, BY_LAST_DIGITS).await
    }

    async fn ask(prepared: &mut Prepared, _: usize, question: &Question) -> bool {
        let last = question.e164.len().saturating_sub(7);
        finds(&prepared[0], &question.e164[last..]).await
    }
}
