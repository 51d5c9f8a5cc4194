//! An index of so many contacts, and what it took.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use ringroute::generation::Generation;
use ringroute::index::ContactIndex;
use ringroute::phone_number::PhoneNumber;
use ringroute::sealed_file::{Kind, SealReader, SealWriter};
use ringroute::snapshot::Snapshot;

use crate::support::company::{self, Person};

const KIND: Kind = Kind { magic: *b"RINGGROW", version: 1, name: "index of a bench" };

/// So many contacts are made before they are put into the index; making them does not count.
const AT_ONCE: u32 = 100_000;

/// So many numbers are asked for, at most.
const ASKED: usize = 1_000_000;

pub(crate) struct Grown {
    pub(crate) snapshot: Snapshot,
    pub(crate) contacts: usize,
    pub(crate) numbers: usize,
    /// Numbers that are there, in no order.
    pub(crate) asked: Vec<PhoneNumber>,
    /// The same as callers.
    pub(crate) callers: Vec<String>,
    build: Duration,
    pub(crate) file_bytes: u64,
    pub(crate) written_in: Duration,
    pub(crate) read_in: Duration,
}

impl Grown {
    /// Of so many contacts of the sample. The index goes through a file in this folder, as it does when the process is
    /// started again.
    pub(crate) fn new(contacts: u32, folder: &Path) -> Self {
        let mut builder = company::builder();
        let mut asked = Vec::new();
        let mut build = Duration::ZERO;
        let every = (contacts as usize / ASKED).max(1);
        for begin in (1..=contacts).step_by(AT_ONCE as usize) {
            let people = people(begin, (begin + AT_ONCE - 1).min(contacts));
            asked.extend(
                people.iter().step_by(every).filter_map(|person| person.numbers.last()).map(|n| n.number),
            );
            let start = Instant::now();
            people.iter().for_each(|person| company::push(&mut builder, person));
            build += start.elapsed();
        }
        let start = Instant::now();
        let index = builder.finish(false).unwrap();
        build += start.elapsed();

        asked.retain(|number| number.is_e164());
        asked.truncate(ASKED);
        company::shuffle(&mut asked);
        let callers = asked.iter().take(200_000).map(PhoneNumber::to_string).collect();
        let path = folder.join("index");
        let start = Instant::now();
        write(&index, &path);
        let written_in = start.elapsed();
        let start = Instant::now();
        let index = read(&path);
        let read_in = start.elapsed();
        let file_bytes = std::fs::metadata(&path).unwrap().len();
        std::fs::remove_file(path).unwrap();
        Grown {
            contacts: index.contact_count(),
            numbers: index.number_count(),
            snapshot: Snapshot::new(Generation::NONE.next(), Arc::new(index), &company::settings()).unwrap(),
            asked,
            callers,
            build,
            file_bytes,
            written_in,
            read_in,
        }
    }

    pub(crate) fn bytes_a_number(&self) -> f64 {
        self.snapshot.contacts().memory().numbers as f64 / self.numbers as f64
    }

    pub(crate) fn bytes_a_contact(&self) -> f64 {
        self.snapshot.contacts().memory().contacts as f64 / self.contacts as f64
    }

    /// In nanoseconds.
    pub(crate) fn build_by_number(&self) -> f64 {
        self.build.as_secs_f64() * 1e9 / self.numbers as f64
    }
}

/// On all cores, as there are many.
fn people(first: u32, last: u32) -> Vec<Person> {
    const EACH: u32 = 1_000;
    let parts: Vec<u32> = (first..=last).step_by(EACH as usize).collect();
    let part = |begin: u32| company::people_of(begin..=(begin + EACH - 1).min(last)).collect::<Vec<_>>();
    parts.into_par_iter().flat_map(part).collect()
}

fn write(index: &ContactIndex, path: &Path) {
    let mut writer = SealWriter::begin(BufWriter::new(File::create(path).unwrap()), KIND).unwrap();
    index.write_to(&mut writer).unwrap();
    let (file, _) = writer.finish().unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
}

fn read(path: &Path) -> ContactIndex {
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    ContactIndex::read_from(SealReader::begin(file, length, KIND).unwrap()).unwrap()
}
