//! The sample company as an SQLite file.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::{NUMBER_COLUMNS, SampleContact, contacts};

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleFacts {
    /// Rows of the table `contacts`, bad ones included.
    pub contacts: u32,
    /// Rows with a [`super::Defect`].
    pub bad_rows: u32,
    /// Values in the columns for numbers, also those that are none.
    pub numbers: u64,
}

/// Why the sample could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The folder takes no new file, or the file cannot be put in its place.
    #[error(
        "cannot write the sample database {path}: {cause}; name a folder that exists and may be written to"
    )]
    File {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// SQLite could not write it.
    #[error("cannot write the sample database {path}: {cause}; check the space left on the disk")]
    Database {
        /// The file asked for.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
}

/// Writes a sample of so many `contacts` to `path`, in place of what may be there.
///
/// The file appears at once and whole, or not at all. Its folder must exist.
pub fn write(path: &Path, contacts: u32) -> Result<SampleFacts, SampleError> {
    let file_error = |cause| SampleError::File { path: path.to_owned(), cause };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staging = NamedTempFile::new_in(folder).map_err(file_error)?;
    let facts = fill(staging.path(), contacts)
        .map_err(|cause| SampleError::Database { path: path.to_owned(), cause })?;
    staging.as_file().sync_all().map_err(file_error)?;
    staging.persist(path).map_err(|refused| file_error(refused.error))?;
    Ok(facts)
}

/// The columns before the numbers, and those behind.
const BEFORE_NUMBERS: [&str; 4] = ["first_name", "last_name", "company", "email"];
const BEHIND_NUMBERS: [&str; 8] =
    ["street", "zip", "city", "state", "country", "belongto", "remark", "updated_at"];

fn text_columns() -> Vec<&'static str> {
    let numbers = NUMBER_COLUMNS.map(|(column, _)| column);
    [&BEFORE_NUMBERS[..], &numbers, &BEHIND_NUMBERS].concat()
}

/// The row's values, in the order of [`text_columns`].
fn texts(contact: &SampleContact) -> impl Iterator<Item = Option<&str>> {
    let before = [&contact.first_name, &contact.last_name, &contact.company, &contact.email];
    let numbers = contact.numbers.iter().map(|number| number.as_ref().map(|number| number.written.as_str()));
    let behind = [
        &contact.street,
        &contact.zip,
        &contact.city,
        &contact.state,
        &contact.country,
        &contact.belongto,
        &contact.remark,
        &contact.updated_at,
    ];
    before.into_iter().map(Option::as_deref).chain(numbers).chain(behind.into_iter().map(Option::as_deref))
}

fn fill(path: &Path, count: u32) -> Result<SampleFacts, rusqlite::Error> {
    let mut database = Connection::open(path)?;
    // A file that fails half-way is thrown away, so it needs neither a journal nor to be safe meanwhile.
    database.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;",
    )?;
    let columns = text_columns();
    let mut facts = SampleFacts::default();
    let transaction = database.transaction()?;
    transaction.execute_batch(&format!(
        "CREATE TABLE contacts (id INTEGER PRIMARY KEY, {} TEXT)",
        columns.join(" TEXT, ")
    ))?;
    {
        let mut insert = transaction.prepare(&format!(
            "INSERT INTO contacts (id, {}) VALUES (?{})",
            columns.join(", "),
            ", ?".repeat(columns.len())
        ))?;
        for contact in contacts(count) {
            insert.raw_bind_parameter(1, contact.id)?;
            for (place, text) in (2..).zip(texts(&contact)) {
                insert.raw_bind_parameter(place, text)?;
            }
            insert.raw_execute()?;
            facts.contacts += 1;
            facts.bad_rows += u32::from(contact.defect.is_some());
            facts.numbers += contact.numbers.iter().flatten().count() as u64;
        }
    }
    transaction.commit()?;
    database.close().map_err(|(_, cause)| cause)?;
    Ok(facts)
}
