//! SQLite, in the process that asks: no connection, no server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, params};

use crate::data::{PHONEBOOKS, Record};
use crate::load::{Outcome, latencies};

const SELECT: &str = "
    SELECT contact.id, contact.name, contact.company, number.label, phonebook.name
    FROM number JOIN contact ON contact.id = number.contact JOIN phonebook ON phonebook.id = contact.phonebook
    WHERE number.e164";

/// A condition, and what of the number it is asked with.
pub(crate) type Condition = (&'static str, fn(&str) -> String);

pub(crate) const EXACT: Condition = ("= ?", str::to_owned);
pub(crate) const LIKE: Condition = ("LIKE ?", |e164| format!("%{}", &e164[e164.len() - 7..]));

pub(crate) fn fill(file: &Path, records: &[Record]) -> PathBuf {
    let mut connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             CREATE TABLE phonebook (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
             CREATE TABLE contact (id INTEGER PRIMARY KEY, name TEXT NOT NULL, company TEXT NOT NULL,
                 phonebook INTEGER NOT NULL);
             CREATE TABLE number (e164 TEXT NOT NULL, label TEXT NOT NULL, contact INTEGER NOT NULL);",
        )
        .unwrap();
    let change = connection.transaction().unwrap();
    for (id, name) in PHONEBOOKS.iter().enumerate() {
        change.execute("INSERT INTO phonebook VALUES (?, ?)", params![id as i64, name]).unwrap();
    }
    {
        let mut contact = change.prepare("INSERT OR IGNORE INTO contact VALUES (?, ?, ?, ?)").unwrap();
        let mut number = change.prepare("INSERT INTO number VALUES (?, ?, ?)").unwrap();
        for of in records {
            contact.execute(params![of.contact, of.name, of.company, of.phonebook]).unwrap();
            number.execute(params![of.e164, of.label, of.contact]).unwrap();
        }
    }
    change.commit().unwrap();
    connection.execute_batch("CREATE INDEX number_e164 ON number (e164); ANALYZE;").unwrap();
    file.to_owned()
}

/// As many threads as there are connections elsewhere, each with one question at a time.
pub(crate) fn run(
    file: &Path,
    threads: usize,
    callers: &Arc<[String]>,
    duration: Duration,
    (condition, parameter): Condition,
) -> Outcome {
    let barrier = Arc::new(Barrier::new(threads));
    let asking: Vec<_> = (0..threads)
        .map(|thread| {
            let (file, callers, barrier) = (file.to_owned(), Arc::clone(callers), Arc::clone(&barrier));
            thread::spawn(move || {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(file, flags).unwrap();
                connection
                    .execute_batch("PRAGMA mmap_size = 1000000000; PRAGMA cache_size = -200000")
                    .unwrap();
                let mut select = connection.prepare(&format!("{SELECT} {condition}")).unwrap();
                let mut latencies = latencies();
                let mut place = thread * callers.len() / threads;
                barrier.wait();
                let from = Instant::now() + duration / 4;
                while Instant::now() < from + duration {
                    place = (place + 1) % callers.len();
                    let asked_at = Instant::now();
                    let mut rows = select.query([parameter(&callers[place])]).unwrap();
                    let mut found = 0;
                    while let Some(row) = rows.next().unwrap() {
                        let texts: [String; 4] = std::array::from_fn(|column| row.get(column + 1).unwrap());
                        found += usize::from(row.get::<_, i64>(0).unwrap() > 0 && !texts[2].is_empty());
                    }
                    assert!(found > 0, "{} is not found", callers[place]);
                    if asked_at >= from {
                        latencies.saturating_record(asked_at.elapsed().as_nanos() as u64);
                    }
                }
                (from.elapsed(), latencies)
            })
        })
        .collect();
    let mut outcome = Outcome { throughput: 0.0, latencies: latencies() };
    for thread in asking {
        let (taken, latencies) = thread.join().unwrap();
        outcome.throughput += latencies.len() as f64 / taken.as_secs_f64();
        outcome.latencies.add(latencies).unwrap();
    }
    outcome
}
