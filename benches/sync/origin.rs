//! The databases that contacts are synchronised from, made for the bench: the sample company, with three numbers
//! for everyone.

use std::path::{Path, PathBuf};

use ringroute::demo::sample::{self, SampleContact};
use ringroute::settings::{FieldMap, SourceSettings};
use ringroute::source::filter::{Dialect, SyncFilter};
use ringroute::source::rows::Projection;
use rusqlite::{Connection, OpenFlags};

use crate::support::report::Goal;

/// A database to synchronise from.
pub(crate) trait Origin {
    /// What it is, for people.
    fn kind(&self) -> &str;

    /// The source that reads it.
    fn settings(&self) -> SourceSettings;

    /// Reads every row of the source's query with the plain driver, and does nothing with it. Returns how many.
    fn drain(&self) -> u64;

    /// Changes every contact of which the key, divided by `every`, leaves `rest`. Returns how many.
    fn change(&self, every: u32, rest: u32) -> u64;

    /// What the first sync and the next are to be, of a drain.
    fn goals(&self) -> [Option<Goal>; 2];
}

pub(crate) const TABLE: &str = "people";
pub(crate) const COLUMNS: [&str; 9] =
    ["id", "first_name", "last_name", "company", "email", "phone", "mobile", "fax", "belongto"];

/// Behind the last contact of any sample that a bench makes: people who lend their numbers.
const LENDERS: u32 = 100_000_000;

/// The written numbers of a contact, three of them; what it has too few of it takes from people that are not
/// in the sample. A bad row is left as it is.
pub(crate) fn three_numbers(contact: &SampleContact) -> [Option<String>; 3] {
    let own = contact.numbers.iter().flatten().cloned();
    let lenders = (1..).map(|place| sample::contact(LENDERS * place + contact.id));
    let lent = lenders.flat_map(|lender| lender.numbers).flatten().filter(|number| number.e164.is_some());
    let lent = lent.take(if contact.defect.is_some() { 0 } else { 3 });
    let mut numbers = own.chain(lent).map(|number| number.written);
    std::array::from_fn(|_| numbers.next())
}

/// How `kind` of source reads the table, of schema `schema`.
pub(crate) fn settings(name: &str, schema: &str, template: SourceSettings) -> SourceSettings {
    let column = |name: &str| Some(name.to_owned());
    SourceSettings {
        name: name.to_owned(),
        sync_filter: format!("select ${{MAP}} from {schema}.{TABLE} order by id"),
        field_map: FieldMap {
            key: column("id"),
            first_name: column("first_name"),
            last_name: column("last_name"),
            company: column("company"),
            email: column("email"),
            business_number: column("phone"),
            mobile_number: column("mobile"),
            business_fax: column("fax"),
            ..FieldMap::default()
        },
        ..template
    }
}

/// The statement that a source with these settings runs.
fn statement(settings: &SourceSettings, dialect: Dialect) -> String {
    let projection = Projection::new(&settings.field_map, &settings.phonebook);
    let columns = projection.columns().iter().map(|(_, column)| dialect.quote(column));
    SyncFilter::parse(&settings.sync_filter).unwrap().statement(columns)
}

/// An SQLite file.
pub(crate) struct SqliteOrigin {
    path: PathBuf,
}

impl SqliteOrigin {
    pub(crate) fn make(folder: &Path, contacts: u32) -> Self {
        let path = folder.join("company.db");
        let mut database = Connection::open(&path).unwrap();
        database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").unwrap();
        let transaction = database.transaction().unwrap();
        let [key, texts @ ..] = COLUMNS;
        let create =
            format!("CREATE TABLE {TABLE} ({key} INTEGER PRIMARY KEY, {} TEXT)", texts.join(" TEXT, "));
        transaction.execute_batch(&create).unwrap();
        let insert = format!("INSERT INTO {TABLE} VALUES (?{})", ", ?".repeat(texts.len()));
        let mut insert = transaction.prepare(&insert).unwrap();
        for contact in sample::contacts(contacts) {
            let [phone, mobile, fax] = three_numbers(&contact);
            let SampleContact { id, first_name, last_name, company, email, belongto, .. } = contact;
            insert
                .execute((id, first_name, last_name, company, email, phone, mobile, fax, belongto))
                .unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
        SqliteOrigin { path }
    }
}

impl Origin for SqliteOrigin {
    fn kind(&self) -> &str {
        "SQLite"
    }

    fn settings(&self) -> SourceSettings {
        let [template] = sample::settings(&self.path).sources.try_into().unwrap();
        settings("company", "main", template)
    }

    fn drain(&self) -> u64 {
        let database = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut query = database.prepare(&statement(&self.settings(), Dialect::Sqlite)).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            count += 1;
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column).unwrap());
            }
        }
        count
    }

    fn change(&self, every: u32, rest: u32) -> u64 {
        let database = Connection::open(&self.path).unwrap();
        let change = format!("UPDATE {TABLE} SET email = 'new-' || id || '@example.com' WHERE id % ?1 = ?2");
        database.execute(&change, (every, rest)).unwrap() as u64
    }

    fn goals(&self) -> [Option<Goal>; 2] {
        // The goals of issue 4 are for a server: next to it, a file costs nothing to read.
        [None, None]
    }
}
