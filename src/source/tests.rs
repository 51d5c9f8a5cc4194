//! SQLite and CSV sources through the door that the sync pass uses, on real files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection as Sqlite;
use tempfile::TempDir;

use super::*;
use crate::phonebook::PhonebookName;
use crate::settings::{CsvConnection, FieldMap, GuardSettings, PhonebookTarget, SqliteConnection};

fn settings(connection: Connection, filter: &str) -> SourceSettings {
    SourceSettings {
        name: "company".into(),
        enabled: true,
        default_region: None,
        sync_filter: filter.into(),
        remove_missing: true,
        schedule: None,
        notify: crate::settings::Notify::default(),
        connection,
        field_map: FieldMap {
            key: Some("id".into()),
            last_name: Some("name".into()),
            company: Some("firm".into()),
            business_number: Some("phone".into()),
            ..FieldMap::default()
        },
        phonebook: PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() },
        guard: GuardSettings::default(),
    }
}

fn sqlite_at(path: &Path) -> Connection {
    Connection::Sqlite(SqliteConnection { path: path.into() })
}

fn csv_at(path: &Path) -> Connection {
    Connection::Csv(CsvConnection { path: path.into(), delimiter: ',' })
}

/// A folder with an SQLite file that `sql` made.
fn database(sql: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("company.db");
    Sqlite::open(&path).unwrap().execute_batch(sql).unwrap();
    (folder, path)
}

/// A folder with a CSV file.
fn csv_file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("company.csv");
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[derive(Debug, PartialEq)]
struct ReadRow {
    position: u64,
    values: Vec<Option<String>>,
    problem: Option<(Option<String>, String)>,
}

fn row(position: u64, values: [Option<&str>; 4]) -> ReadRow {
    ReadRow { position, values: values.map(|value| value.map(str::to_owned)).to_vec(), problem: None }
}

/// Everything that the source sends, when it succeeds.
async fn read_all(settings: &SourceSettings) -> Result<Vec<ReadRow>, SourceError> {
    let source = open(settings)?;
    let (sender, mut receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
    let read = source.read(sender, CancellationToken::new());
    let columns = Projection::new(&settings.field_map, &settings.phonebook).columns().len();
    let take = async {
        let mut rows = Vec::new();
        while let Some(batch) = receiver.recv().await {
            rows.extend(batch.rows().map(|row| ReadRow {
                position: row.position(),
                values: (0..columns).map(|column| row.value(column).map(str::to_owned)).collect(),
                problem: row.problem().map(|problem| (problem.column.clone(), problem.reason.clone())),
            }));
        }
        rows
    };
    let (count, rows) = tokio::join!(read, take);
    assert_eq!(count?, rows.len() as u64);
    Ok(rows)
}

async fn read_sqlite(sql: &str, filter: &str) -> Result<Vec<ReadRow>, SourceError> {
    let (_folder, path) = database(sql);
    read_all(&settings(sqlite_at(&path), filter)).await
}

async fn read_csv(content: impl AsRef<[u8]>, filter: &str) -> Result<Vec<ReadRow>, SourceError> {
    let (_folder, path) = csv_file(content);
    read_all(&settings(csv_at(&path), filter)).await
}

const ALL: &str = "select ${MAP} from main.contacts";
const ALL_CSV: &str = "select ${MAP} from csv.contacts";
const TABLE: &str = "CREATE TABLE contacts (id INTEGER PRIMARY KEY, name TEXT, firm, phone);";

#[tokio::test]
async fn null_and_numbers_arrive_as_the_text_a_person_expects() {
    let rows = read_sqlite(
        &format!(
            "{TABLE} INSERT INTO contacts VALUES (7, 'Müller', NULL, 4930123456), (8, '', 1.5, 49301234567.0), \
             (9, 'x', CAST('bytes' AS BLOB), -0.25);"
        ),
        "select ${MAP} from main.contacts order by id desc",
    )
    .await;
    assert_eq!(
        rows.unwrap(),
        [
            row(1, [Some("9"), Some("x"), Some("bytes"), Some("-0.25")]),
            row(2, [Some("8"), Some(""), Some("1.5"), Some("49301234567")]),
            row(3, [Some("7"), Some("Müller"), None, Some("4930123456")]),
        ]
    );
}

#[tokio::test]
async fn a_value_that_is_not_text_rejects_its_row_and_no_other() {
    let long = "x".repeat(70_000);
    let rows = read_sqlite(
        &format!(
            "{TABLE} INSERT INTO contacts VALUES (1, CAST(x'4dff' AS TEXT), 'a', 'b'), (2, 'n', 'f', '{long}'), \
             (3, 'n' || char(0), 'f', 'p'), (4, 'n', 'f', 'p');"
        ),
        ALL,
    )
    .await;
    let rows = rows.unwrap();
    let problem = |index: usize| rows[index].problem.clone().map(|(column, _)| column.unwrap());
    assert_eq!(
        [problem(0), problem(1), problem(2), problem(3)],
        [Some("name".into()), Some("phone".into()), Some("name".into()), None]
    );
    assert_eq!(rows[0].values[0].as_deref(), Some("1"), "the key of a rejected row is known");
    assert_eq!(rows[3], row(4, [Some("4"), Some("n"), Some("f"), Some("p")]));
}

#[tokio::test]
async fn a_missing_column_is_named_with_the_nearest() {
    let table = "CREATE TABLE contacts (id, Name, firma, phone_no);";
    let error = read_sqlite(table, ALL).await.unwrap_err();
    let SourceError::Settings { field, problem } = error else { panic!("{error}") };
    assert_eq!(field, "field_map.company");
    assert_eq!(problem, "main.contacts has no column \"firm\"; did you mean \"firma\"?");
}

#[tokio::test]
async fn a_header_that_is_not_taken_apart_asks_for_the_delimiter() {
    let error = read_csv("id;name;firm;phone\n1;a;b;c\n", ALL_CSV).await.unwrap_err();
    let SourceError::Settings { field, problem } = error else { panic!("{error}") };
    assert_eq!(field, "field_map.key");
    assert!(problem.contains("has no column \"id\"; its only column is \"id;name;firm;phone\""), "{problem}");
    assert!(problem.contains("should connection.csv.delimiter be ';'?"), "{problem}");
    // Nothing in the name stands between values.
    let error = read_csv("ids\n1\n", ALL_CSV).await.unwrap_err().to_string();
    assert!(error.contains("did you mean \"ids\"?"), "{error}");
}

#[tokio::test]
async fn a_missing_table_is_pointed_at_with_the_nearest() {
    let error = read_sqlite(TABLE, "select ${MAP} from main.contact").await.unwrap_err().to_string();
    assert!(error.contains("there is no table or view \"contact\""), "{error}");
    assert!(error.contains("\n                     ^^^^^^^^^^^^\n"), "{error}");
    assert!(error.contains("did you mean \"contacts\"?"), "{error}");
    let error = read_sqlite(TABLE, "select ${MAP} from testpbx.contacts order by id desc").await.unwrap_err();
    assert!(error.to_string().contains("Write main.contacts."), "{error}");
}

#[tokio::test]
async fn what_a_file_does_not_have_is_found_before_settings_are_saved_and_a_file_may_be_missing() {
    let (folder, path) = database("CREATE TABLE contacts (id, name, firm, phone)");
    let check = async |connection: Connection, filter: &str| {
        open(&settings(connection, filter)).unwrap().check().await.map_err(|error| error.to_string())
    };
    assert_eq!(check(sqlite_at(&path), "select ${MAP} from main.contacts").await, Ok(()));
    let refused = check(sqlite_at(&path), "select ${MAP} from main.contact").await.unwrap_err();
    assert!(refused.contains("contact") && refused.contains("did you mean"), "{refused}");
    assert_eq!(check(sqlite_at(&folder.path().join("later.db")), "select ${MAP} from main.c").await, Ok(()));
    let (_folder, csv) = csv_file("id,name,firma,phone\n1,Berg,,030 1234567\n");
    let refused = check(csv_at(&csv), "select ${MAP} from csv.contacts").await.unwrap_err();
    assert!(refused.contains("no column \"firm\"; did you mean \"firma\"?"), "{refused}");
}

#[tokio::test]
async fn what_sqlite_finds_wrong_is_shown_at_the_word() {
    let filters = [
        ("select ${MAP} from main.contacts where nme = 1", "no such column: nme"),
        ("select ${MAP} from main.contacts where \"no column\" = 1", "no such column: \"no column\""),
        ("select ${MAP} from main.contacts where upperr(name) = 'X'", "no such function: upperr"),
        ("select ${MAP} from main.contacts a cross join main.contacts b", "ambiguous column name"),
    ];
    for (filter, expected) in filters {
        let error = read_sqlite(TABLE, filter).await.unwrap_err();
        let SourceError::SyncFilter(error) = error else { panic!("{error:?}") };
        assert!(error.message.contains(expected), "{error}");
    }
    let error = read_sqlite(TABLE, filters[0].0).await.unwrap_err().to_string();
    let marks = error.lines().nth(2).unwrap();
    assert_eq!(marks.find('^'), error.lines().nth(1).unwrap().find("nme"));
}

#[tokio::test]
async fn a_query_that_would_do_more_than_read_is_denied() {
    let filter = "select ${MAP} from main.contacts where load_extension('x') = 1";
    let error = read_sqlite(TABLE, filter).await.unwrap_err();
    assert!(matches!(error, SourceError::Query(_) | SourceError::SyncFilter(_)), "{error:?}");
    assert!(error.to_string().contains("load_extension"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let other = folder.path().join("notes.txt");
    fs::write(&other, "These are notes and no database. ".repeat(100)).unwrap();
    let kinds: [fn(&Path) -> Connection; 2] = [sqlite_at, csv_at];
    for (kind, filter) in kinds.into_iter().zip([ALL, ALL_CSV]) {
        let error = |path| async move { read_all(&settings(kind(path), filter)).await.unwrap_err() };
        let found = error(&missing).await;
        assert!(matches!(&found, SourceError::NotFound(text) if text.contains("missing")), "{found:?}");
        let found = error(folder.path()).await;
        assert!(matches!(&found, SourceError::Malformed(text) if text.contains("folder")), "{found:?}");
        let found = error(&other).await;
        assert!(matches!(&found, SourceError::Malformed(text) if text.contains("notes.txt")), "{found:?}");
    }
    let denied = sqlite::cannot_read(&other, &std::io::ErrorKind::PermissionDenied.into());
    assert!(
        matches!(&denied, SourceError::PermissionDenied(text) if text.contains("let the user")),
        "{denied:?}"
    );
}

#[tokio::test]
async fn a_locked_database_is_reported_and_waiting_for_it_can_be_cancelled() {
    let (_folder, path) = database(TABLE);
    let other = Sqlite::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let cancel = CancellationToken::new();
    let (sender, _receiver) = mpsc::channel(1);
    let read = source.read(sender, cancel.clone());
    let (result, ()) = tokio::join!(read, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    assert_eq!(result, Err(SourceError::Cancelled));
    let error = read_all(&settings(sqlite_at(&path), ALL)).await.unwrap_err();
    assert!(matches!(&error, SourceError::Unavailable(text) if text.contains("locked")), "{error:?}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(read_all(&settings(sqlite_at(&path), ALL)).await, Ok(vec![]));
}

/// A table of which a cross join of four never ends in a test's lifetime.
fn endless() -> (TempDir, PathBuf, String) {
    let (folder, path) = database(
        "CREATE TABLE contacts (id, name, firm, phone); CREATE TABLE n (i); \
         INSERT INTO contacts VALUES (1, 'a', 'b', 'c'); \
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000) INSERT INTO n SELECT i FROM c;",
    );
    let filter = "select ${MAP} from main.contacts, main.n a, main.n b, main.n c, main.n d where a.i + b.i + c.i + d.i < 0";
    (folder, path, filter.to_owned())
}

#[tokio::test]
async fn a_slow_query_ends_when_cancelled() {
    let (_folder, path, filter) = endless();
    let source = open(&settings(sqlite_at(&path), &filter)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let cancel = CancellationToken::new();
    let (result, ()) = tokio::join!(source.read(sender, cancel.clone()), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    assert_eq!(result, Err(SourceError::Cancelled));
    // The query itself has ended too, and not just its caller: its end of the channel is gone.
    assert!(receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_query_whose_future_is_dropped_ends() {
    let (_folder, path, filter) = endless();
    let source = open(&settings(sqlite_at(&path), &filter)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let read = source.read(sender, CancellationToken::new());
    tokio::time::timeout(Duration::from_millis(100), read).await.unwrap_err();
    assert!(receiver.recv().await.is_none());
}

/// A database of `count` contacts, ids ascending from 1.
fn many(count: u32) -> (TempDir, PathBuf) {
    database(&format!(
        "{TABLE} WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count}) \
         INSERT INTO contacts SELECT i, 'Name ' || i, 'Firm ' || i % 100, '+4930' || (1000000 + i) FROM c;"
    ))
}

#[tokio::test]
async fn nobody_taking_the_rows_ends_the_read() {
    let (_folder, path) = many(20_000);
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let (result, ()) = tokio::join!(source.read(sender, CancellationToken::new()), async move {
        assert!(receiver.recv().await.is_some());
    });
    assert_eq!(result, Err(SourceError::Cancelled));
}

#[tokio::test]
async fn a_reader_that_waits_for_room_ends_when_cancelled() {
    const ROOM: usize = 4;
    let (_folder, path) = many(20_000);
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let (sender, mut receiver) = mpsc::channel(ROOM);
    let cancel = CancellationToken::new();
    let (result, ()) = tokio::join!(source.read(sender, cancel.clone()), async {
        while receiver.len() < ROOM {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    });
    assert_eq!(result, Err(SourceError::Cancelled));
    let mut waiting = 0;
    while receiver.recv().await.is_some() {
        waiting += 1;
    }
    assert_eq!(waiting, ROOM, "the reader waits while the channel is full");
}

#[tokio::test]
async fn many_rows_arrive_whole_and_in_order_in_small_batches() {
    const COUNT: u32 = 200_000;
    let (_folder, path) = many(COUNT);
    let source =
        open(&settings(sqlite_at(&path), "select ${MAP} from main.contacts order by id desc")).unwrap();
    let (sender, mut receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
    let (count, seen) = tokio::join!(source.read(sender, CancellationToken::new()), async {
        let mut seen = 0;
        while let Some(batch) = receiver.recv().await {
            assert!(batch.len() <= rows::ROWS_PER_BATCH);
            for row in batch.rows() {
                assert_eq!(row.value(0), Some(&*(COUNT - seen).to_string()));
                assert_eq!(row.value(3), Some(&*format!("+4930{}", 1_000_000 + COUNT - seen)));
                seen += 1;
                assert_eq!(row.position(), u64::from(seen));
            }
        }
        seen
    });
    assert_eq!((count, seen), (Ok(u64::from(COUNT)), COUNT));
}

#[tokio::test]
async fn a_database_cut_off_while_it_is_read_is_an_error() {
    let (_folder, path) = many(50_000);
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let (result, ()) = tokio::join!(source.read(sender, CancellationToken::new()), async {
        receiver.recv().await.unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        while receiver.recv().await.is_some() {}
    });
    assert!(matches!(result, Err(SourceError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn a_database_overwritten_while_it_is_read_is_an_error() {
    let (_folder, path) = many(50_000);
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let (result, ()) = tokio::join!(source.read(sender, CancellationToken::new()), async {
        receiver.recv().await.unwrap();
        let content = fs::read(&path).unwrap();
        fs::write(&path, [content, vec![0; 4096]].concat()).unwrap();
        while receiver.recv().await.is_some() {}
    });
    assert!(matches!(result, Err(SourceError::Unavailable(_))), "{result:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_replaced_or_deleted_while_it_is_read_is_read_as_it_was() {
    let (_other_folder, other) = many(1);
    for replacement in [Some(&other), None] {
        let (folder, path) = many(50_000);
        let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
        let (sender, mut receiver) = mpsc::channel(1);
        let (result, seen) = tokio::join!(source.read(sender, CancellationToken::new()), async {
            let mut seen = receiver.recv().await.unwrap().len();
            match replacement {
                Some(finished) => {
                    let beside = folder.path().join("new.db");
                    fs::copy(finished, &beside).unwrap();
                    fs::rename(&beside, &path).unwrap();
                }
                None => fs::remove_file(&path).unwrap(),
            }
            while let Some(batch) = receiver.recv().await {
                seen += batch.len();
            }
            seen
        });
        assert_eq!((result, seen), (Ok(50_000), 50_000), "{replacement:?}");
    }
}

#[tokio::test]
async fn writers_in_wal_mode_do_not_disturb_a_read() {
    let (_folder, path) = many(50_000);
    let writer = Sqlite::open(&path).unwrap();
    writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    let source = open(&settings(sqlite_at(&path), ALL)).unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let (result, seen) = tokio::join!(source.read(sender, CancellationToken::new()), async {
        let mut seen = receiver.recv().await.unwrap().len();
        writer.execute_batch("DELETE FROM contacts WHERE id > 10; PRAGMA wal_checkpoint").unwrap();
        while let Some(batch) = receiver.recv().await {
            seen += batch.len();
        }
        seen
    });
    assert_eq!((result, seen), (Ok(50_000), 50_000));
}

#[tokio::test]
async fn both_kinds_give_the_same_rows_through_the_same_map_and_filter() {
    let csv = "id,name,firm,phone\n1,Ann,\"Roe, Ltd\",030 1\n2,Bob,\"say \"\"hi\"\"\",030 2\n3,Cem,,030 3\n4,Dan,x,030 4\n";
    let sql = "CREATE TABLE contacts (id TEXT, name TEXT, firm TEXT, phone TEXT); INSERT INTO contacts VALUES \
               ('1', 'Ann', 'Roe, Ltd', '030 1'), ('2', 'Bob', 'say \"hi\"', '030 2'), ('3', 'Cem', '', '030 3'), \
               ('4', 'Dan', 'x', '030 4');";
    let filters = [
        "select ${MAP} from S.contacts",
        "select ${MAP} from S.contacts order by id desc",
        "select ${MAP} from S.contacts where name like '%a%' or firm = '' order by [phone] desc",
        "select ${MAP} from S.[contacts] where id in (select max(id) from S.contacts)",
    ];
    for filter in filters {
        let values = |rows: Vec<ReadRow>| rows.into_iter().map(|row| row.values).collect::<Vec<_>>();
        let from_csv = values(read_csv(csv, &filter.replace('S', "csv")).await.unwrap());
        let from_sqlite = values(read_sqlite(sql, &filter.replace('S', "main")).await.unwrap());
        assert!(!from_csv.is_empty());
        assert_eq!(from_csv, from_sqlite, "{filter}");
    }
}

#[tokio::test]
async fn a_test_shows_tables_count_and_first_rows() {
    let (_folder, path) = many(12);
    Sqlite::open(&path)
        .unwrap()
        .execute_batch("CREATE VIEW firms AS SELECT DISTINCT firm FROM contacts")
        .unwrap();
    let filter = "select ${MAP} from main.contacts where id > 2 order by id desc";
    let report = open(&settings(sqlite_at(&path), filter)).unwrap().test().await.unwrap();
    let names: Vec<_> = report.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["contacts", "firms"]);
    let columns: Vec<_> = report.tables[0].columns.iter().map(|c| (&*c.name, &*c.declared_type)).collect();
    assert_eq!(columns, [("id", "INTEGER"), ("name", "TEXT"), ("firm", ""), ("phone", "")]);
    let query = report.query.unwrap();
    assert_eq!((query.row_count, query.rows.len()), (10, 5));
    assert_eq!(query.rows[0][0].as_deref(), Some("12"));

    let filter = "select ${MAP} from main.firms";
    let report = open(&settings(sqlite_at(&path), filter)).unwrap().test().await.unwrap();
    assert_eq!(report.tables.len(), 2, "the tables are there although the map is wrong");
    assert!(matches!(report.query, Err(SourceError::Settings { .. })), "{:?}", report.query);
}

#[tokio::test]
async fn a_test_of_a_csv_file_hides_the_line_column_and_counts_unreadable_rows() {
    let (_folder, path) = csv_file("id,name,firm,phone,line\n1,a,b,c,d\n2,a\n3,a,b,c,d\n");
    let report = open(&settings(csv_at(&path), ALL_CSV)).unwrap().test().await.unwrap();
    assert_eq!(report.unreadable_rows, 1);
    assert_eq!((&*report.tables[0].schema, &*report.tables[0].name), ("csv", "contacts"));
    let columns: Vec<_> = report.tables[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["id", "name", "firm", "phone", "line"]);
    assert_eq!(report.query.unwrap().row_count, 2);
}

#[tokio::test]
async fn a_test_shows_why_a_value_cannot_be_read() {
    let (_folder, path) = csv_file(b"id,name,firm,phone\n1,M\xfcller,b,c\n2,a,b,c\n");
    let query = open(&settings(csv_at(&path), ALL_CSV)).unwrap().test().await.unwrap().query.unwrap();
    let name = query.rows[0][1].as_deref().unwrap();
    assert!(name.starts_with("(the value is not UTF-8 at byte 2 (0xFC); save the file as UTF-8"), "{name}");
    assert_eq!(query.rows[0][0].as_deref(), Some("1"));
    assert_eq!(query.rows[1][1].as_deref(), Some("a"));
}

#[test]
fn settings_that_cannot_work_name_their_field() {
    let fails = |change: fn(&mut SourceSettings)| {
        let mut settings = settings(csv_at(Path::new("x.csv")), ALL_CSV);
        change(&mut settings);
        match open(&settings).map(|_| ()) {
            Err(SourceError::Settings { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fails(|s| s.field_map.city = Some("x".repeat(129))), "field_map.city");
    assert_eq!(fails(|s| s.field_map.home_number_2 = Some(" ".into())), "field_map.home_number_2");
    assert_eq!(fails(|s| s.field_map.key = Some("a\0b".into())), "field_map.key");
    let property = |s: &mut SourceSettings| {
        s.phonebook = PhonebookTarget::ByProperty { column: String::new(), blank: None };
    };
    assert_eq!(fails(property), "phonebook.by_property.column");
    let nameless = |s: &mut SourceSettings| (s.field_map.last_name, s.field_map.company) = (None, None);
    assert_eq!(fails(nameless), "field_map");
    assert_eq!(fails(|s| s.field_map.business_number = None), "field_map");
    assert_eq!(fails(|s| s.connection = csv_at(Path::new(""))), "connection.csv.path");
    assert_eq!(fails(|s| s.connection = sqlite_at(Path::new("a\0b"))), "connection.sqlite.path");
    let delimiter = |s: &mut SourceSettings| {
        s.connection = Connection::Csv(CsvConnection { path: "x".into(), delimiter: '"' });
    };
    assert_eq!(fails(delimiter), "connection.csv.delimiter");
    let mut wrong = settings(csv_at(Path::new("x.csv")), "select * from csv.contacts");
    assert!(matches!(open(&wrong).map(|_| ()), Err(SourceError::SyncFilter(_))));
    wrong.sync_filter = ALL_CSV.into();
    assert!(open(&wrong).is_ok(), "opening does not reach the file");
}
