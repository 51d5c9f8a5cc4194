//! SQLite in the process that asks: no server, no network.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::{Connection, OpenFlags};

use crate::data::{PHONEBOOKS, Person, Question};
use crate::load::Peer;
use crate::postgres::{BY_LAST_DIGITS, BY_NUMBER, INDEX, TABLES};

/// Writes the file.
pub fn make(folder: &Path, people: &[Person]) -> PathBuf {
    let path = folder.join("peer.db");
    let mut connection = Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let mut phonebook = transaction.prepare("INSERT INTO phonebook VALUES (?1, ?2)").unwrap();
        for (name, id) in PHONEBOOKS.into_iter().zip(1..) {
            phonebook.execute((id, name)).unwrap();
        }
        let mut contact = transaction.prepare("INSERT INTO contact VALUES (?1, ?2, ?3, ?4)").unwrap();
        let mut number = transaction.prepare("INSERT INTO number VALUES (?1, ?2, ?3)").unwrap();
        for person in people {
            let phonebook =
                PHONEBOOKS.iter().zip(1..).find(|(name, _)| **name == person.phonebook).unwrap().1;
            contact.execute((person.id, &person.name, &person.company, phonebook)).unwrap();
            for (e164, label) in &person.numbers {
                number.execute((person.id, e164, label)).unwrap();
            }
        }
    }
    transaction.commit().unwrap();
    connection.execute_batch(INDEX).unwrap();
    connection.execute_batch("ANALYZE").unwrap();
    path
}

fn open(path: &Path) -> Rc<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    // All of it in memory.
    connection.execute_batch("PRAGMA cache_size = -1000000; PRAGMA mmap_size = 1000000000").unwrap();
    Rc::new(connection)
}

fn finds(connection: &Connection, statement: &str, text: &str) -> bool {
    let mut statement = connection.prepare_cached(statement).unwrap();
    let mut rows = statement.query([text]).unwrap();
    let mut is_found = false;
    while let Some(row) = rows.next().unwrap() {
        // As much as a call handler would be told.
        let columns: (u32, String, String, String, String) = row.try_into().unwrap();
        is_found |= columns.0 > 0;
    }
    is_found
}

/// Over the index.
#[derive(Clone)]
pub struct ByNumber(pub PathBuf);

impl Peer for ByNumber {
    type Connection = Rc<Connection>;

    async fn connect(&self, _: usize) -> Rc<Connection> {
        open(&self.0)
    }

    async fn ask(connection: &mut Rc<Connection>, _: usize, question: &Question) -> bool {
        finds(connection, BY_NUMBER, &question.e164)
    }
}

/// What a number ends with is looked for in all of them.
#[derive(Clone)]
pub struct LastDigits(pub PathBuf);

impl Peer for LastDigits {
    type Connection = Rc<Connection>;

    async fn connect(&self, _: usize) -> Rc<Connection> {
        open(&self.0)
    }

    async fn ask(connection: &mut Rc<Connection>, _: usize, question: &Question) -> bool {
        let last = question.e164.len().saturating_sub(7);
        finds(connection, BY_LAST_DIGITS, &question.e164[last..])
    }
}
