//! Sync runs through the whole engine.

use ringroute::store::RemovedSources;
use ringroute::sync::{RunKind, RunState};

use crate::company::{ADA, Company, GRACE, is};

#[tokio::test]
async fn sql_server_contacts_are_matched_after_a_run() {
    let company = Company::new().await;
    assert_eq!(company.who(ADA), is("Ada", "Sales"));
    assert_eq!(company.who(GRACE), is("Grace", "Support"));
    company.database.is_left_alone().await;
}

#[tokio::test]
async fn sql_server_a_run_finds_what_was_added_changed_moved_and_removed() {
    let company = Company::new().await;
    company
        .database
        .script(
            "INSERT INTO SCHEMA_.contacts VALUES (3, N'Alan', N'+44 20 7946 0018', N'Sales');
             UPDATE SCHEMA_.contacts SET name = N'Ada King' WHERE id = 1;
             DELETE FROM SCHEMA_.contacts WHERE id = 2;",
        )
        .await;
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!((run.counts.added, run.counts.changed, run.counts.removed), (1, 1, 1));
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
    assert_eq!(company.who(GRACE), None);

    company.database.script("UPDATE SCHEMA_.contacts SET belongto = N'Support' WHERE id = 1;").await;
    let run = company.sync().await;
    assert_eq!((run.counts.moved, run.counts.unchanged), (1, 1), "{run:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Support"));
}

#[tokio::test]
async fn sql_server_a_run_without_changes_publishes_nothing() {
    let company = Company::new().await;
    let before = company.generation();
    let run = company.sync().await;
    assert_eq!((run.state, run.counts.unchanged), (RunState::Succeeded, 2));
    assert_eq!(company.generation(), before);
}

#[tokio::test]
async fn sql_server_a_preview_changes_nothing() {
    let company = Company::new().await;
    company.database.script("UPDATE SCHEMA_.contacts SET name = N'Ada King' WHERE id = 1;").await;
    let preview = company.run(RunKind::Preview, None).await;
    assert_eq!((preview.state, preview.counts.changed), (RunState::Succeeded, 1), "{preview:?}");
    assert_eq!(company.who(ADA), is("Ada", "Sales"));
}

#[tokio::test]
async fn sql_server_a_row_that_is_too_long_is_rejected_with_its_key() {
    let company = Company::new().await;
    company
        .database
        .script("INSERT INTO SCHEMA_.contacts VALUES (77, REPLICATE(N'x', 64), N'+49 30 901829', N'Sales');")
        .await;
    let run = company.sync().await;
    assert_eq!(
        (run.state, run.counts.rejected, run.counts.unchanged),
        (RunState::Succeeded, 1, 2),
        "{run:?}"
    );
    let problems = company.engine.read(|reading| reading.sync_problems(run.id, 0, 10)).unwrap();
    assert_eq!((problems[0].source_key.as_str(), problems[0].column.as_str()), ("77", "name"));
    assert!(problems[0].reason.contains("at most 63 characters"), "{}", problems[0].reason);
}

#[tokio::test]
async fn sql_server_a_table_that_was_emptied_is_not_believed() {
    let company = Company::new().await;
    let before = company.generation();
    company.database.script("DELETE FROM SCHEMA_.contacts;").await;
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Refused, "{run:?}");
    assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")));
}

#[tokio::test]
async fn sql_server_a_column_renamed_since_fails_the_run_and_names_the_nearest() {
    let company = Company::new().await;
    let before = company.generation();
    company
        .database
        .script(
            "DROP TABLE SCHEMA_.contacts;
             CREATE TABLE SCHEMA_.contacts (id int NOT NULL PRIMARY KEY, names nvarchar(100), tel nvarchar(40),
                                            belongto nvarchar(20));
             INSERT INTO SCHEMA_.contacts VALUES (1, N'Ada King', N'+49 30 901820', N'Sales');",
        )
        .await;
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    assert!(run.failure.contains("has no column \"name\"; did you mean \"names\"?"), "{}", run.failure);
    assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")));
    company.database.is_left_alone().await;

    let mut source = company.source();
    source.field_map.last_name = Some("names".to_owned());
    source.guard.max_removed_contacts = 100;
    company.apply(source);
    let run = company.sync().await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!(company.who(ADA), is("Ada King", "Sales"));
}

#[tokio::test]
async fn sql_server_settings_are_checked_at_the_server_before_they_are_saved() {
    let company = Company::new().await;
    let mut source = company.source();
    assert_eq!(company.engine.check_at_server("crm", &source).await.unwrap(), Vec::<String>::new());
    source.field_map.last_name = Some("nmae".to_owned());
    let problem = company.engine.check_at_server("crm", &source).await.unwrap_err().to_string();
    assert!(problem.contains("did you mean \"name\"?"), "{problem}");
    company.database.is_left_alone().await;
}

#[tokio::test]
async fn sql_server_a_cancelled_run_changes_nothing() {
    let company = Company::new().await;
    company.database.script("UPDATE SCHEMA_.contacts SET name = N'Ada King' WHERE id = 1;").await;
    let before = company.generation();
    let started = company.engine.start_sync("crm", RunKind::Sync, "test", None).await.unwrap();
    let _ = company.engine.cancel_sync(started.run.id);
    company.engine.wait_for_syncs().await;
    let run = company.engine.run(started.run.id).await.unwrap();
    match run.state {
        RunState::Cancelled => {
            assert_eq!((company.generation(), company.who(ADA)), (before, is("Ada", "Sales")))
        }
        // It was quicker than we.
        state => assert_eq!((state, company.who(ADA)), (RunState::Succeeded, is("Ada King", "Sales"))),
    }
    company.database.is_left_alone().await;
}

#[tokio::test]
async fn sql_server_deleting_the_source_keeps_its_contacts_when_told_to() {
    let company = Company::new().await;
    company.engine.by("test").delete_source("crm", RemovedSources::KeepContacts, "").unwrap();
    assert_eq!(company.who(ADA), is("Ada", "Sales"));
}
