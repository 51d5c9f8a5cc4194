//! Rows on their way: whole, in order, in bounded memory, and stopped at once.

use ringroute::settings::FieldMap;
use ringroute::source::{self, SourceError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, PATIENCE, column, map, read};

/// Numbers from 1 to 1000, and a view of a million rows made of them.
async fn numbers(database: &Database) {
    let values = |from: u32| (from..from + 100).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
    database.script("CREATE TABLE SCHEMA_.numbers (n int NOT NULL PRIMARY KEY);").await;
    for from in (1..=901).step_by(100) {
        database.script(&format!("INSERT INTO SCHEMA_.numbers (n) VALUES {};", values(from))).await;
    }
    database
        .script(
            "CREATE VIEW SCHEMA_.million AS SELECT (a.n - 1) * 1000 + b.n AS id,
                 N'Somebody' AS name, N'+49 30 1234567' AS tel
             FROM SCHEMA_.numbers a CROSS JOIN SCHEMA_.numbers b;",
        )
        .await;
}

#[tokio::test]
async fn sql_server_rows_arrive_whole_and_in_the_filters_order() {
    let database = Database::new().await;
    numbers(&database).await;
    let filter = "select ${MAP} from SCHEMA_.million where id <= 20000 order by id desc";
    let rows = read(&database.source(filter, map("name", "tel"))).await.unwrap();
    let keys: Vec<u32> = column(&rows, 0).into_iter().map(|key| key.unwrap().parse().unwrap()).collect();
    assert!(keys.into_iter().eq((1..=20_000).rev()));
    database.is_left_alone().await;
}

#[tokio::test]
async fn sql_server_no_rows_are_no_error() {
    let database = Database::new().await;
    numbers(&database).await;
    let filter = "select ${MAP} from SCHEMA_.million where id < 0";
    assert_eq!(read(&database.source(filter, map("name", "tel"))).await.unwrap(), []);
}

#[tokio::test]
async fn sql_server_null_and_empty_are_told_apart() {
    let database = Database::new().await;
    database
        .script(
            "CREATE TABLE SCHEMA_.t (id int NOT NULL PRIMARY KEY, a nvarchar(10), b nvarchar(10));
             INSERT INTO SCHEMA_.t VALUES (1, N'', NULL);
             INSERT INTO SCHEMA_.t VALUES (2, NULL, N'');",
        )
        .await;
    let rows =
        read(&database.source("select ${MAP} from SCHEMA_.t order by id", map("a", "b"))).await.unwrap();
    assert_eq!((column(&rows, 1), column(&rows, 2)), (vec![Some(""), None], vec![None, Some("")]));
}

#[tokio::test]
async fn sql_server_a_column_may_serve_two_fields() {
    let database = Database::new().await;
    numbers(&database).await;
    let fields = FieldMap { key: Some("n".into()), ..map("n", "n") };
    let source = database.source("select ${MAP} from SCHEMA_.numbers where n = 7", fields);
    let rows = read(&source).await.unwrap();
    assert_eq!(rows[0].values, ["7", "7", "7"].map(|text| Some(text.to_owned())));
}

/// Takes the first batch of a million rows, and returns what is left to be done with the reader.
async fn a_read_under_way(
    database: &Database,
    cancel: CancellationToken,
) -> (tokio::task::JoinHandle<Result<u64, SourceError>>, mpsc::Receiver<source::rows::RowBatch>) {
    let settings = database.source("select ${MAP} from SCHEMA_.million order by id", map("name", "tel"));
    let (sender, mut receiver) = mpsc::channel(1);
    let reading = tokio::spawn(async move {
        let source = source::open(&settings).unwrap();
        source.read(sender, cancel).await
    });
    let first = tokio::time::timeout(PATIENCE, receiver.recv()).await.unwrap();
    assert!(first.is_some_and(|batch| !batch.is_empty()));
    (reading, receiver)
}

#[tokio::test]
async fn sql_server_a_cancelled_read_stops_the_server_too() {
    let database = Database::new().await;
    numbers(&database).await;
    let cancel = CancellationToken::new();
    let (reading, _receiver) = a_read_under_way(&database, cancel.clone()).await;
    cancel.cancel();
    let read = tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!(read, Err(SourceError::Cancelled));
    database.is_left_alone().await;
    if database.is_ours() {
        assert_eq!(database.server().attentions(), 1, "the server was told to stop");
        assert!(database.server().rows() < 500_000, "{} rows were sent", database.server().rows());
    }
}

#[tokio::test]
async fn sql_server_a_read_whose_rows_nobody_takes_ends() {
    let database = Database::new().await;
    numbers(&database).await;
    let (reading, receiver) = a_read_under_way(&database, CancellationToken::new()).await;
    drop(receiver);
    let read = tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert_eq!(read, Err(SourceError::Cancelled));
    database.is_left_alone().await;
    if database.is_ours() {
        assert_eq!(database.server().attentions(), 1, "the server was told to stop");
    }
}

#[tokio::test]
async fn sql_server_a_read_that_is_dropped_leaves_no_connection() {
    let database = Database::new().await;
    numbers(&database).await;
    let (reading, _receiver) = a_read_under_way(&database, CancellationToken::new()).await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    database.is_left_alone().await;
}

#[tokio::test]
async fn sql_server_what_is_on_its_way_is_bounded_however_many_rows() {
    let database = Database::new().await;
    numbers(&database).await;
    let settings =
        database.source("select ${MAP} from SCHEMA_.million where id <= 300000", map("name", "tel"));
    let source = source::open(&settings).unwrap();
    let (sender, mut receiver) = mpsc::channel::<source::rows::RowBatch>(4);
    // What is on its way is bounded: the channel's batches, each small.
    let taking = async {
        let (mut rows, mut largest) = (0, 0);
        while let Some(batch) = receiver.recv().await {
            rows += batch.len();
            largest = largest.max(batch.len());
        }
        (rows, largest)
    };
    let reading = source.read(sender, CancellationToken::new());
    let (read, (rows, largest)) = tokio::join!(reading, taking);
    assert_eq!((read, rows), (Ok(300_000), 300_000));
    assert!(largest <= source::rows::ROWS_PER_BATCH, "{largest}");
}
