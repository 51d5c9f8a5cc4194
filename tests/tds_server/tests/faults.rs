//! Each misbehaviour shows up as intended.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use support::{config, connect, connect_with, drain, error_of, eventually, number_of, rows, texts};
use tds_test_server::{ConnectFault, Fault, Server, ServerMessage, When};
use tiberius::QueryItem;
use tiberius::error::Error;

const ROWS: usize = 3000;

/// A server with a table of 3000 rows, several packets of them.
fn server() -> Server {
    let server = Server::start().unwrap();
    server
        .run(
            "ringroute",
            "CREATE TABLE dbo.contacts (id int NOT NULL PRIMARY KEY, name nvarchar(50) NULL);
             DECLARE @id int = 0;
             WHILE @id < 3000
             BEGIN
                 SET @id = @id + 1;
                 INSERT INTO dbo.contacts VALUES (@id, CONCAT(N'name ', @id));
             END",
        )
        .unwrap();
    server
}

const ALL: &str = "SELECT id, name FROM dbo.contacts ORDER BY id";

#[tokio::test]
async fn nothing_goes_wrong_unless_it_is_asked_for() {
    let server = server();
    let mut client = connect(&server).await;
    let (results, count, error) = drain(&mut client, ALL).await;
    assert_eq!((results, count), (1, ROWS));
    assert!(error.is_none());
    assert_eq!(server.faults().hits(), 0);
}

#[tokio::test]
async fn other_statements_are_left_alone() {
    let server = server();
    server.faults().add(When::contains("dbo.contacts"), Fault::CloseAtRow(0));
    let mut client = connect(&server).await;
    assert_eq!(texts(&mut client, "SELECT N'still here'").await, [Some("still here".to_owned())]);
    let (_, _, error) = drain(&mut client, ALL).await;
    assert!(error.is_some());
}

#[tokio::test]
async fn a_connection_closed_at_a_row() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::CloseAtRow(2000));
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, 2000);
    assert!(matches!(error, Some(Error::Io { .. } | Error::Protocol(_))), "{error:?}");
    eventually("the connection is gone", || server.open_connections() == 0).await;
}

#[tokio::test]
async fn a_connection_closed_in_a_packet() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::CloseInPacket(2000));
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert!(count <= 2000, "{count}");
    assert!(matches!(error, Some(Error::Io { .. } | Error::Protocol(_))), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_before_done() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::CloseBeforeDone);
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, ROWS);
    assert!(error.is_some());
}

#[tokio::test]
async fn a_message_that_ends_without_done_looks_like_a_clean_end_to_the_driver() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::EndWithoutDone(1234));
    let mut client = connect(&server).await;
    let (results, count, error) = drain(&mut client, &format!("{ALL}; SELECT @@ROWCOUNT AS n")).await;
    assert_eq!((results, count), (1, 1234), "neither the other rows nor the second result came");
    assert!(error.is_none(), "this is the trap: {error:?}");
}

#[tokio::test]
async fn a_message_that_ends_in_a_row() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::EndInRow(10));
    let mut config = config(&server);
    // The driver waits for the rest of the row.
    config.command_timeout(Some(Duration::from_millis(300)));
    let mut client = connect_with(config).await.unwrap();
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, 10);
    assert!(error.is_some());
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::GarbageAtRow(5));
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, 5);
    assert!(matches!(error, Some(Error::Protocol(_))), "{error:?}");
}

#[tokio::test]
async fn a_stall_ends_with_an_attention() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::StallAtRow(100));
    let mut client = connect(&server).await;
    {
        let mut stream = client.simple_query(ALL).await.unwrap();
        let mut count = 0;
        while count < 100 {
            if let QueryItem::Row(_) = stream.try_next().await.unwrap().unwrap() {
                count += 1;
            }
        }
    }
    assert_eq!(server.running_requests(), 1);
    client.cancel_query().await.unwrap();
    assert_eq!(server.attentions(), 1);
    eventually("nothing is being worked on", || server.running_requests() == 0).await;
    server.faults().clear();
    assert_eq!(texts(&mut client, "SELECT N'on we go'").await, [Some("on we go".to_owned())]);
}

#[tokio::test]
async fn a_stall_ends_when_the_client_goes_away() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::StallAtRow(100));
    let mut client = connect(&server).await;
    {
        let mut stream = client.simple_query(ALL).await.unwrap();
        for _ in 0..100 {
            stream.try_next().await.unwrap();
        }
    }
    drop(client);
    eventually("the connection is gone", || server.open_connections() == 0).await;
    assert_eq!(server.running_requests(), 0);
}

/// More than fits between the server and a client that does not read.
const LONG: &str =
    "SELECT id, REPLICATE(CAST(N'x' AS nvarchar(max)), 20000) AS long FROM dbo.contacts ORDER BY id";

#[tokio::test]
async fn an_attention_ends_a_result_that_is_under_way() {
    let server = server();
    let mut client = connect(&server).await;
    {
        let mut stream = client.simple_query(LONG).await.unwrap();
        stream.try_next().await.unwrap();
        stream.try_next().await.unwrap();
    }
    client.cancel_query().await.unwrap();
    eventually("nothing is being worked on", || server.running_requests() == 0).await;
    assert!(server.rows() < ROWS as u64, "{}", server.rows());
    assert_eq!(texts(&mut client, "SELECT N'on we go'").await, [Some("on we go".to_owned())]);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_result() {
    let server = server();
    let mut client = connect(&server).await;
    client.simple_query(LONG).await.unwrap().try_next().await.unwrap();
    drop(client);
    eventually("the connection is gone", || server.open_connections() == 0).await;
    assert!(server.rows() < ROWS as u64, "{}", server.rows());
}

#[tokio::test]
async fn a_trickle_can_be_cancelled() {
    let server = server();
    // At this pace the result would take days.
    server.faults().add(When::contains("contacts"), Fault::Trickle(Duration::from_millis(100)));
    let mut client = connect(&server).await;
    let query = client.simple_query(LONG);
    tokio::select! {
        _ = query => panic!("the first packet cannot be there yet"),
        () = eventually("rows are on their way", || server.rows() > 0) => {}
    }
    client.cancel_query().await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'on we go'").await, [Some("on we go".to_owned())]);
}

#[tokio::test]
async fn a_redirect_without_end() {
    let server = server();
    let port = server.address().port();
    server.faults().connect(ConnectFault::Route { host: "127.0.0.1".to_owned(), port });
    for _ in 0..3 {
        let error = connect_with(config(&server)).await.unwrap_err();
        assert!(matches!(error, Error::Routing { .. }), "{error}");
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn everything_can_trickle() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::Trickle(Duration::from_micros(50)));
    let mut client = connect(&server).await;
    let (results, count, error) =
        drain(&mut client, "SELECT TOP 10 id, name FROM dbo.contacts ORDER BY id").await;
    assert_eq!((results, count), (1, 10));
    assert!(error.is_none());
}

#[tokio::test]
async fn an_error_in_the_middle_of_the_rows() {
    let server = server();
    let error = ServerMessage::error(8134, "Divide by zero error encountered.");
    server.faults().add(When::contains("contacts"), Fault::ErrorAtRow(500, error));
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, 500);
    assert_eq!(number_of(&error.unwrap()), 8134);
}

#[tokio::test]
async fn a_deadlock_victim_twice_and_then_no_more() {
    let server = server();
    server.faults().add(When::contains("contacts").times(2), Fault::Error(ServerMessage::deadlock_victim()));
    let mut client = connect(&server).await;
    assert_eq!(error_of(&mut client, ALL).await, 1205);
    assert_eq!(error_of(&mut client, ALL).await, 1205);
    assert_eq!(error_of(&mut client, ALL).await, 0);
    assert_eq!(server.faults().hits(), 2);
}

#[tokio::test]
async fn only_from_the_nth_statement_on() {
    let server = server();
    server
        .faults()
        .add(When::contains("contacts").from(2).times(1), Fault::Error(ServerMessage::error(50_001, "no")));
    let mut client = connect(&server).await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(error_of(&mut client, ALL).await);
    }
    assert_eq!(numbers, [0, 50_001, 0]);
}

#[tokio::test]
async fn a_result_that_nobody_asked_for() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::ExtraResult);
    let mut client = connect(&server).await;
    let (results, count, error) = drain(&mut client, ALL).await;
    assert_eq!((results, count), (2, ROWS + 1));
    assert!(error.is_none());
}

#[tokio::test]
async fn a_column_of_the_wrong_type() {
    let server = server();
    server.faults().add(When::contains("contacts"), Fault::ColumnType(1, "int".to_owned()));
    let mut client = connect(&server).await;
    let rows = rows(&mut client, ALL).await.unwrap();
    assert!(rows[0].try_get::<&str, _>(1).is_err());
    assert_eq!(rows[0].try_get::<i32, _>(1).unwrap(), None);
}

#[tokio::test]
async fn a_lone_surrogate() {
    let server = server();
    let bytes = [0x41, 0, 0x3D, 0xD8, 0x42, 0].to_vec();
    server.faults().add(When::contains("contacts"), Fault::RawText { row: 1, column: 1, bytes });
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, ALL).await;
    assert_eq!(count, 1);
    assert!(error.unwrap().to_string().contains("UTF-16"));
}

#[tokio::test]
async fn bytes_that_the_code_page_does_not_have() {
    let server = Server::start().unwrap();
    server
        .run(
            "ringroute",
            "CREATE TABLE dbo.contacts (id int, name varchar(20) COLLATE Japanese_CI_AS);
             INSERT INTO dbo.contacts VALUES (1, 'a')",
        )
        .unwrap();
    let bytes = [0x41, 0x81].to_vec();
    server.faults().add(When::contains("contacts"), Fault::RawText { row: 0, column: 0, bytes });
    let mut client = connect(&server).await;
    let (_, count, error) = drain(&mut client, "SELECT name FROM dbo.contacts").await;
    assert_eq!(count, 0);
    assert!(matches!(error, Some(Error::Encoding(_))), "{error:?}");
}

#[tokio::test]
async fn a_value_longer_than_declared() {
    let server = server();
    let bytes = "x".repeat(400).encode_utf16().flat_map(u16::to_le_bytes).collect();
    server.faults().add(When::contains("contacts"), Fault::RawText { row: 0, column: 1, bytes });
    let mut client = connect(&server).await;
    let rows = rows(&mut client, ALL).await.unwrap();
    assert_eq!(rows[0].get::<&str, _>(1).unwrap().len(), 400, "the column is declared with 50");
}

#[tokio::test]
async fn a_login_that_is_refused() {
    let server = server();
    let no = ServerMessage::error(18_456, "Login failed for user 'sa'.").class(14);
    server.faults().connect_times(ConnectFault::RefuseLogin(no), 1);
    assert_eq!(number_of(&connect_with(config(&server)).await.unwrap_err()), 18_456);
    connect(&server).await;
}

#[tokio::test]
async fn a_server_that_never_answers() {
    for fault in [ConnectFault::NeverAnswer, ConnectFault::SilentAfterPrelogin] {
        let server = server();
        server.faults().connect(fault.clone());
        let mut config = config(&server);
        config.handshake_timeout(Some(Duration::from_millis(300)));
        let error = connect_with(config).await.unwrap_err();
        assert!(error.to_string().contains("did not complete"), "{fault:?}: {error}");
        eventually("the connection is gone", || server.open_connections() == 0).await;
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once() {
    for fault in [ConnectFault::CloseAtOnce, ConnectFault::CloseAtLogin] {
        let server = server();
        server.faults().connect(fault.clone());
        assert!(connect_with(config(&server)).await.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_server() {
    let (one, other) = (server(), server());
    one.faults().connect(ConnectFault::Route { host: "127.0.0.1".to_owned(), port: other.address().port() });
    match connect_with(config(&one)).await.unwrap_err() {
        Error::Routing { host, port } => {
            assert_eq!((host.as_str(), port), ("127.0.0.1", other.address().port()))
        }
        unexpected => panic!("{unexpected}"),
    }
}
