//! A server that misbehaves. In each case nothing changes, the last generation serves, the message names cause
//! and remedy, the next good run succeeds, and no connection or task is left behind.

use std::time::Duration;

use ringroute::secret::Secret;
use ringroute::settings::SqlServerConnection;
use ringroute::sync::{RunKind, RunState, SyncRun};
use tds_test_server::{ConnectFault, Fault, Options, Server, ServerMessage, When};

use crate::company::{ADA, Company, READS_CONTACTS, is};
use crate::database::{PATIENCE, run_on};

/// The statement that reads the contacts.
fn reading() -> When {
    When::contains(READS_CONTACTS)
}

/// A company whose next good run changes something, with enough rows for many packets.
async fn company() -> Company {
    let company = Company::ours().await;
    company.database.script("UPDATE SCHEMA_.contacts SET name = N'Ada King' WHERE id = 1;").await;
    for from in (1000..4000).step_by(500) {
        let rows: Vec<_> = (from..from + 500)
            .map(|id| format!("({id}, N'Somebody with a long name {id}', N'+49 30 55{id:05}', N'Sales')"))
            .collect();
        company.database.script(&format!("INSERT INTO SCHEMA_.contacts VALUES {};", rows.join(", "))).await;
    }
    company
}

/// Whatever was started for a run is gone.
async fn is_left_alone(company: &Company, tasks: usize) {
    company.database.is_left_alone().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let alone = async {
        while metrics.num_alive_tasks() > tasks {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, alone).await.expect("a task is left behind");
}

/// Runs once while the server misbehaves, and once when it is well again. Returns the failed run.
async fn nothing_changes(company: &Company, expected: &[&str]) -> SyncRun {
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = company.generation();
    let failed = company.sync().await;
    assert_eq!(failed.state, RunState::Failed, "{failed:?}");
    for words in expected {
        assert!(failed.failure.contains(words), "expected {words:?} in: {}", failed.failure);
    }
    let secret = &company.database.server().options().password;
    assert!(!failed.failure.contains(secret), "{}", failed.failure);
    assert!(company.database.server().faults().hits() > 0, "the server behaved");
    assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")));
    is_left_alone(company, tasks).await;

    company.database.server().faults().clear();
    let good = company.sync().await;
    assert_eq!(good.state, RunState::Succeeded, "{good:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
    is_left_alone(company, tasks).await;
    failed
}

async fn a_fault(fault: Fault, expected: &[&str]) {
    let company = company().await;
    company.database.server().faults().add(reading(), fault);
    nothing_changes(&company, expected).await;
}

#[tokio::test]
async fn cut_at_a_row() {
    a_fault(Fault::CloseAtRow(1500), &["the connection was cut", "synchronise again"]).await;
}

#[tokio::test]
async fn cut_in_a_packet() {
    a_fault(Fault::CloseInPacket(1500), &["the connection was cut", "synchronise again"]).await;
}

#[tokio::test]
async fn cut_before_done() {
    a_fault(Fault::CloseBeforeDone, &["synchronise again"]).await;
}

#[tokio::test]
async fn an_answer_that_ends_without_done_is_not_taken_for_all_of_it() {
    a_fault(Fault::EndWithoutDone(1500), &["ended after 1500 rows without the proof", "synchronise again"])
        .await;
}

#[tokio::test]
async fn an_answer_that_ends_in_a_row_is_not_taken_for_all_of_it() {
    let company = company().await;
    company.apply(company.source_with(|connection| connection.timeouts.command_seconds = 1));
    company.database.server().faults().add(reading(), Fault::EndInRow(1500));
    nothing_changes(&company, &["ynchronise again"]).await;
}

#[tokio::test]
async fn a_second_answer_is_not_taken_for_more_rows() {
    a_fault(Fault::ExtraResult, &["nothing was taken from it"]).await;
}

#[tokio::test]
async fn bytes_that_mean_nothing() {
    a_fault(Fault::GarbageAtRow(10), &["cannot be understood", "synchronise again"]).await;
}

#[tokio::test]
async fn an_error_in_the_middle_of_the_rows() {
    let error = ServerMessage::error(8134, "Divide by zero error encountered.");
    a_fault(Fault::ErrorAtRow(1500, error), &["Divide by zero", "TRY_CONVERT"]).await;
}

#[tokio::test]
async fn a_value_of_a_contact_in_an_error_is_not_repeated() {
    let error = ServerMessage::error(
        245,
        "Conversion failed when converting the nvarchar value 'Anna' to data type int.",
    );
    let company = company().await;
    company.database.server().faults().add(reading(), Fault::Error(error));
    let failed = nothing_changes(&company, &["Conversion failed"]).await;
    assert!(!failed.failure.contains("Anna"), "{}", failed.failure);
}

#[tokio::test]
async fn a_column_that_is_not_text() {
    a_fault(Fault::ColumnType(0, "int".into()), &["a value of \"id\" that is not text"]).await;
}

#[tokio::test]
async fn a_server_that_stalls() {
    let company = company().await;
    company.apply(company.source_with(|connection| connection.timeouts.command_seconds = 1));
    company.database.server().faults().add(reading(), Fault::StallAtRow(1500));
    let attentions = company.database.server().attentions();
    nothing_changes(&company, &["sent nothing more for 1 s", "timeouts.command_seconds"]).await;
    assert_eq!(company.database.server().attentions(), attentions + 1, "the server was told to stop");
}

#[tokio::test]
async fn a_server_that_trickles() {
    let company = company().await;
    company.apply(company.source_with(|connection| connection.timeouts.run_seconds = 2));
    company.database.server().faults().add(reading(), Fault::Trickle(Duration::from_millis(2)));
    nothing_changes(&company, &["had not sent everything within 2 s", "timeouts.run_seconds"]).await;
}

#[tokio::test]
async fn a_deadlock_victim_tries_again() {
    let company = company().await;
    let victim = Fault::ErrorAtRow(1500, ServerMessage::deadlock_victim());
    company.database.server().faults().add(reading().times(1), victim);
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!(company.database.server().faults().hits(), 1);
    assert_eq!((run.counts.rows, run.counts.added, run.counts.changed), (3002, 3000, 1), "counted once");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
    company.database.is_left_alone().await;
}

#[tokio::test]
async fn a_deadlock_victim_gives_up_in_the_end() {
    let company = company().await;
    company.database.server().faults().add(reading(), Fault::Error(ServerMessage::deadlock_victim()));
    nothing_changes(&company, &["deadlock victim", "tried 4 times"]).await;
}

#[tokio::test]
async fn a_run_that_waits_for_another_try_can_be_cancelled() {
    let company = company().await;
    let before = company.generation();
    company.database.server().faults().add(reading(), Fault::Error(ServerMessage::deadlock_victim()));
    let started = company.engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap();
    let tried = async {
        while company.database.server().faults().hits() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.unwrap();
    assert!(company.engine.cancel_sync(started.run.id));
    company.engine.wait_for_syncs().await;
    let run = company.engine.run(started.run.id).await.unwrap();
    assert_eq!((run.state, company.generation()), (RunState::Cancelled, before), "{run:?}");
    company.database.is_left_alone().await;
}

#[tokio::test]
async fn a_failover_during_the_login_tries_again() {
    let company = company().await;
    let error = ServerMessage::error(40613, "Database 'ringroute' on server 'x' is not currently available.");
    company.database.server().faults().connect_times(ConnectFault::RefuseLogin(error), 1);
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!(company.database.server().faults().hits(), 1);
}

/// The text of the row in the middle is these bytes: its row is rejected with its key, and no other.
async fn a_text_of_bytes(bytes: Vec<u8>) {
    let company = company().await;
    let fault = Fault::RawText { row: 1500, column: 2, bytes };
    company.database.server().faults().add(reading(), fault);
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!((run.counts.rows, run.counts.rejected), (3002, 1), "{run:?}");
    let problems = company.engine.read(|reading| reading.sync_problems(run.id, 0, 10)).unwrap();
    // The rows come with the highest key first.
    assert_eq!(
        (problems[0].source_key.as_str(), problems[0].column.as_str()),
        ("2499", "name"),
        "{problems:?}"
    );
    assert!(problems[0].reason.contains("no character of its encoding"), "{}", problems[0].reason);
}

#[tokio::test]
async fn half_a_surrogate_pair_rejects_its_row() {
    // "A", and the first half of a pair.
    a_text_of_bytes(vec![0x41, 0, 0x3D, 0xD8]).await;
}

#[tokio::test]
async fn half_a_character_ends_the_run() {
    let odd = Fault::RawText { row: 1500, column: 2, bytes: vec![0x41, 0, 0x42] };
    a_fault(odd, &["cannot be understood"]).await;
}

#[tokio::test]
async fn bytes_invalid_in_their_code_page_reject_their_row() {
    let company = company().await;
    // What a server makes of bytes that are no character.
    company.database.script("UPDATE SCHEMA_.contacts SET name = N'M\u{FFFD}ller' WHERE id = 1700;").await;
    let run = company.sync().await;
    assert_eq!((run.state, run.counts.rejected), (RunState::Succeeded, 1), "{run:?}");
    let problems = company.engine.read(|reading| reading.sync_problems(run.id, 0, 10)).unwrap();
    assert_eq!((problems[0].source_key.as_str(), problems[0].column.as_str()), ("1700", "name"));
}

#[tokio::test]
async fn no_permission_to_select() {
    let company = company().await;
    let script = format!(
        "CREATE LOGIN reader WITH PASSWORD = 'Reader-1';
         CREATE USER reader FOR LOGIN reader;
         CREATE TABLE {schema}.other (id int NOT NULL PRIMARY KEY);
         GRANT SELECT ON {schema}.other TO reader;",
        schema = company.database.schema
    );
    company.database.script(&script).await;
    let before = company.generation();
    let options = company.database.server().options().clone();
    let as_reader = company
        .database
        .connection_string
        .replace(&format!("User Id={}", options.user), "User Id=reader")
        .replace(&options.password, "Reader-1");
    company.apply(company.source_with(|connection| {
        connection.connection_string = Some(Secret::new(as_reader));
    }));
    let failed = company.sync().await;
    assert_eq!(failed.state, RunState::Failed, "{failed:?}");
    for words in ["permission was denied", "GRANT SELECT ON", "TO [reader]"] {
        assert!(failed.failure.contains(words), "{}", failed.failure);
    }
    assert_eq!(company.who(ADA), is("Ada", "Sales"));
    assert!(company.generation() >= before);
    company.database.is_left_alone().await;

    company.database.script("GRANT SELECT ON SCHEMA_.contacts TO reader;").await;
    let good = company.sync().await;
    assert_eq!(good.state, RunState::Succeeded, "{good:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
}

#[tokio::test]
async fn the_server_goes_away_and_comes_back() {
    let company = Company::on(Server::start().unwrap()).await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut company = company;
    // The CA's file goes with the server; the administrator's stays.
    let ca = company.folder.path().join("ca.pem");
    std::fs::copy(company.database.server().ca_file(), &ca).unwrap();
    let theirs = company.database.server().ca_file().display().to_string();
    let string = company.database.connection_string.replace(&theirs, &ca.display().to_string());
    company.apply(company.source_with(|connection| connection.connection_string = Some(Secret::new(string))));
    let before = company.generation();
    let address = company.database.stop();
    let failed = company.sync().await;
    assert_eq!(failed.state, RunState::Failed, "{failed:?}");
    for words in [address.to_string().as_str(), "refused", "is the server running"] {
        assert!(failed.failure.contains(words), "{}", failed.failure);
    }
    assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")));
    is_left_alone(&company, tasks).await;

    let server = Server::with(Options { listen: address, ..Options::default() }).unwrap();
    let table = format!(
        "CREATE SCHEMA {schema};\nGO\n
         CREATE TABLE {schema}.contacts (id int NOT NULL PRIMARY KEY, name nvarchar(100), tel nvarchar(40),
                                         belongto nvarchar(20));
         INSERT INTO {schema}.contacts VALUES (1, N'Ada King', N'+49 30 901820', N'Sales');",
        schema = company.database.schema
    );
    run_on(&server, &table);
    company.database.replace(server);
    company.apply(company.source());
    let good = company.sync().await;
    assert_eq!(good.state, RunState::Succeeded, "{good:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
    is_left_alone(&company, tasks).await;
}

/// Runs once with a connection that does not come about, and once with the right one.
async fn without_a_connection(wrong: impl FnOnce(&mut SqlServerConnection), expected: &[&str]) {
    let company = company().await;
    let server = company.database.server();
    let right = SqlServerConnection {
        host: "127.0.0.1".to_owned(),
        port: Some(server.address().port()),
        database: server.options().databases[0].clone(),
        user: server.options().user.clone(),
        password: Some(Secret::new(&server.options().password)),
        ca_file: Some(server.ca_file().to_owned()),
        ..SqlServerConnection::default()
    };
    let mut broken = right.clone();
    wrong(&mut broken);
    company.apply(company.source_with(|connection| *connection = broken));
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = company.generation();
    let failed = company.sync().await;
    assert_eq!(failed.state, RunState::Failed, "{failed:?}");
    for words in expected {
        assert!(failed.failure.contains(words), "expected {words:?} in: {}", failed.failure);
    }
    assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")));
    is_left_alone(&company, tasks).await;

    company.apply(company.source_with(|connection| *connection = right));
    let good = company.sync().await;
    assert_eq!(good.state, RunState::Succeeded, "{good:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
    is_left_alone(&company, tasks).await;
}

#[tokio::test]
async fn a_run_whose_server_refuses_connections() {
    // Taken, and never listened on.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    without_a_connection(|connection| connection.port = Some(port), &["refused"]).await;
}

#[tokio::test]
async fn a_run_whose_server_has_no_address() {
    without_a_connection(|connection| connection.host = "nowhere.invalid".to_owned(), &["nowhere.invalid"])
        .await;
}

#[tokio::test]
async fn a_run_with_a_wrong_password() {
    let wrong = |connection: &mut SqlServerConnection| connection.password = Some(Secret::new("wrong"));
    without_a_connection(wrong, &["password"]).await;
}

#[tokio::test]
async fn a_run_whose_database_is_missing() {
    without_a_connection(|connection| connection.database = "elsewhere".to_owned(), &["elsewhere"]).await;
}

#[tokio::test]
async fn a_run_whose_server_is_not_trusted() {
    without_a_connection(|connection| connection.ca_file = None, &["certificate"]).await;
}

#[tokio::test]
async fn a_run_whose_server_has_the_certificate_of_another_host() {
    let wrong =
        |connection: &mut SqlServerConnection| connection.certificate_host = Some("other.example".to_owned());
    without_a_connection(wrong, &["other.example"]).await;
}
