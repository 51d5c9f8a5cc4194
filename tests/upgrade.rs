//! Replacing the program keeps every answer: a store that an older version wrote is opened, and what that version
//! answered is answered.
//!
//! `upgrade/schema-5.sql` is such a store as SQL, `upgrade/answers.jsonl` what the version that wrote it said to
//! `ringroute route`. When a schema is released, its store joins them; none is ever changed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/program.rs"]
mod program;

use std::path::Path;

use program::{Program, printed};
use serde_json::Value;

const STORE: &str = include_str!("upgrade/schema-5.sql");
const ANSWERS: &str = include_str!("upgrade/answers.jsonl");

/// The rows that the store was filled from, as they were the last time.
const PEOPLE: &str = "\
id,first,last,company,tel,mobile,team
1,Ada,Lovelace,Analytical Engines,+49 30 901820,0151 2345678,Sales
2,Grace,Murray Hopper,Navy,030 901821,,Support
3,Alan,Turing,,+44 20 7946 0018,,Sales
4,Charles,Babbage,Analytical Engines,0049 30 901820,,Support
5,Konrad,Zuse,Z,112,,Sales
6,Nobody,Here,,no number,,Sales
";

/// Writes the old store, with its source where the test has one.
fn old_store(folder: &Path) {
    let people = folder.join("people.csv");
    std::fs::write(&people, PEOPLE).unwrap();
    std::fs::create_dir(folder.join("data")).unwrap();
    let store = rusqlite::Connection::open(folder.join("data/ringroute.db")).unwrap();
    store.execute_batch(&STORE.replace("/srv/crm/people.csv", people.to_str().unwrap())).unwrap();
    // "RING", and the schema: a dump leaves them out.
    store.execute_batch("PRAGMA application_id = 0x52494E47; PRAGMA user_version = 5;").unwrap();
}

fn run(program: &Program, arguments: &[&str]) -> String {
    let output = program.command(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether everything that was said before is said now; a newer version may say more.
fn is_kept(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            before.iter().all(|(key, value)| now.get(key).is_some_and(|now| is_kept(value, now)))
        }
        (Value::Array(before), Value::Array(now)) => {
            before.len() == now.len() && before.iter().zip(now).all(|(before, now)| is_kept(before, now))
        }
        _ => before == now,
    }
}

fn assert_answers_are_kept(program: &Program) {
    let mut asked = 0;
    for line in ANSWERS.lines() {
        let call: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| call[key].as_str().unwrap();
        let mut arguments = vec!["route", text("caller"), "--did", text("did"), "--at", text("at"), "--json"];
        if !text("trunk").is_empty() {
            arguments.extend(["--trunk", text("trunk")]);
        }
        let answer: Value = serde_json::from_str(&run(program, &arguments)).unwrap();
        assert!(is_kept(&call["answer"], &answer), "{line}\nis now\n{answer}");
        asked += 1;
    }
    assert_eq!(asked, 10);
}

#[test]
fn a_store_of_an_older_version_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path());
    let program = Program::serve(folder.path(), &[]);
    assert_answers_are_kept(&program);
    let settings = run(&program, &["export"]);
    assert_eq!(settings.matches("[[inbound_route]]").count(), 4, "{settings}");
    program.end();
    // Once it is one of this version, too.
    assert_answers_are_kept(&Program::serve(folder.path(), &[]));
}

#[test]
fn the_next_run_knows_the_contacts_and_the_last_one_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path());
    let program = Program::serve(folder.path(), &[]);
    let again = run(&program, &["sync", "run", "crm"]);
    assert!(again.contains("0 added, 0 changed, 0 moved, 0 removed, 5 unchanged"), "{again}");
    assert_answers_are_kept(&program);
    assert!(run(&program, &["contacts", "Grace"]).contains("Murray Hopper"));
    run(&program, &["sync", "rollback", "2", "--yes"]);
    let grace = run(&program, &["contacts", "Grace"]);
    assert!(grace.contains("Hopper") && !grace.contains("Murray"), "{grace}");
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path());
    let store = folder.path().join("data/ringroute.db");
    rusqlite::Connection::open(&store).unwrap().execute_batch("PRAGMA user_version = 9999;").unwrap();
    let before = std::fs::read(&store).unwrap();
    let mut command = program::ringroute(&["serve", "--listen", "127.0.0.1:0", "--data-folder"]);
    let output = command.arg(folder.path().join("data")).output().unwrap();
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was written by a newer ringroute (schema 9999"), "{said}");
    assert_eq!(std::fs::read(&store).unwrap(), before);
}
