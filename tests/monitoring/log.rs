//! What is logged at info can be shown to anybody: nobody's name and nobody's number is in it.

use crate::company::{Company, PEOPLE, recognised_by};

/// Everything that one can do, done to these people.
fn live(company: &Company) {
    company.fill();
    for (_, first, last, number, _) in PEOPLE {
        company.run(&["match", number]);
        company.run(&["route", number, "--did", number]);
        company.run(&["route", number, "--did", number, "--explain"]);
        company.run(&["contacts", last]);
        company.try_run(&["contacts", first]);
        company.try_run(&["match", &format!("sip:{number}@example.com")]);
    }
    company.run(&["decisions"]);
    company.run(&["sync", "preview", "crm"]);
    // A person changes, one goes, and most rows become useless: refused.
    let database = rusqlite::Connection::open(company.database()).unwrap();
    database.execute_batch("UPDATE people SET last = 'Quastenflosser-Murmelbach' WHERE id = 1").unwrap();
    company.run(&["sync", "run", "crm"]);
    database.execute_batch("UPDATE people SET tel = last WHERE id > 1").unwrap();
    company.try_run(&["sync", "run", "crm"]);
    database.execute_batch("UPDATE people SET id = 1").unwrap();
    company.try_run(&["sync", "run", "crm"]);
    database.execute_batch("ALTER TABLE people RENAME COLUMN tel TO telephone").unwrap();
    company.try_run(&["sync", "run", "crm"]);
    company.try_run(&["sync", "rollback", "1", "--yes"]);
    company.try_run(&["status"]);
    company.metrics();
}

#[test]
fn the_log_at_info_names_nobody() {
    for format in ["text", "json"] {
        let company = Company::start(&[("RINGROUTE_LOG_LEVEL", "info"), ("RINGROUTE_LOG_FORMAT", format)]);
        live(&company);
        let log = company.program.end();
        assert!(log.contains("sync run finished") && log.contains("published"), "{log}");
        for mark in recognised_by() {
            assert!(!log.contains(&mark), "{mark} is in the log:\n{log}");
        }
    }
}

#[test]
fn each_noteworthy_thing_is_one_line_that_says_how_important_it_is() {
    let company = Company::start(&[("RINGROUTE_LOG_LEVEL", "info"), ("RINGROUTE_LOG_FORMAT", "json")]);
    live(&company);
    let mut messages = Vec::new();
    for line in company.program.end().lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        messages.push(line["fields"]["message"].as_str().unwrap().to_owned());
    }
    let count = |message: &str| messages.iter().filter(|one| *one == message).count();
    assert_eq!(count("serving"), 1);
    assert_eq!(count("sync run started"), count("sync run finished"), "{messages:?}");
    // Calls and look-ups of people are nobody's news.
    assert!(messages.len() < 40, "{messages:?}");
}
