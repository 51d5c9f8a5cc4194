//! Sources: set up, tested, previewed, synchronised, rolled back, deleted, by forms alone.

use hyper::StatusCode;
use ringroute::access::Role;
use ringroute::settings::{Connection, Frequency, PhonebookTarget};

use crate::browser::{Browser, Console, Page};
use crate::support::{COMPANY, Server, make_company};

/// What an administrator types for the company's database.
fn typed(server: &Server) -> Vec<(&'static str, String)> {
    [
        ("name", "crm"),
        ("enabled", "on"),
        ("connection", "sqlite"),
        ("connection.sqlite.path", server.company().to_str().unwrap()),
        ("connection.csv.delimiter", ","),
        ("connection.sql_server.by", "fields"),
        ("connection.sql_server.timeouts.connect_seconds", "10"),
        ("connection.sql_server.timeouts.login_seconds", "15"),
        ("connection.sql_server.timeouts.command_seconds", "60"),
        ("connection.sql_server.timeouts.run_seconds", "3600"),
        ("field_map.key", "id"),
        ("field_map.first_name", "first"),
        ("field_map.last_name", "last"),
        ("field_map.business_number", "tel"),
        ("phonebook", "by_property"),
        ("phonebook.by_property.column", "belongto"),
        ("schedule", "daily"),
        ("schedule.at", "03:00"),
        ("schedule.time_zone", "Europe/Berlin"),
        ("notify.email", "it@example.com; help@example.com"),
        ("notify.when", "failure"),
        ("sync_filter", "select ${MAP} from main.people order by id desc"),
        ("remove_missing", "on"),
        ("default_region", "DE"),
        ("guard.max_removed_percent", "20"),
        ("guard.max_removed_contacts", "100"),
        ("guard.max_rejected_percent", "50"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn with(
    mut fields: Vec<(&'static str, String)>,
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value.to_owned()));
    fields
}

async fn send(browser: &mut Browser, path: &str, fields: &[(&'static str, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(path, &fields).await
}

async fn wait_for_runs(console: &Console) {
    console.engine.wait_for_syncs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_tested_saved_previewed_synchronised_and_rolled_back_by_forms_alone() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    assert!(admin.get("/").await.text.contains("Nothing is set up yet"));
    assert_eq!(admin.get("/sources/new").await.status, StatusCode::OK);

    // Before anything is mapped, a test says which columns there are.
    let begun = with(typed(&server), "do", "test");
    let begun: Vec<_> = begun.into_iter().filter(|(name, _)| !name.starts_with("field_map")).collect();
    let page = send(&mut admin, "/sources/new", &with(begun, "sync_filter", "")).await;
    assert!(page.text.contains("Reached.") && page.text.contains("value=\"belongto\""), "{}", page.text);
    let page = send(&mut admin, "/sources/new", &with(typed(&server), "do", "test")).await;
    assert!(page.text.contains("would be read") && page.text.contains("Lovelace"), "{}", page.text);
    assert!(console.engine.settings().unwrap().sources.is_empty(), "a test saves nothing");

    let page = send(&mut admin, "/sources/new", &with(typed(&server), "do", "preview")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    wait_for_runs(&console).await;
    let settings = console.engine.settings().unwrap();
    let source = &settings.sources[0];
    assert!(matches!(source.connection, Connection::Sqlite(_)));
    assert!(matches!(source.phonebook, PhonebookTarget::ByProperty { .. }));
    assert!(matches!(source.schedule.as_ref().unwrap().frequency, Frequency::Daily(_)));
    assert_eq!(source.notify.email.to_string(), "it@example.com; help@example.com");
    let preview = page.location().to_owned();
    let page = admin.get(&preview).await;
    for part in ["Nothing was changed", "Sales", "Support", "Ada Lovelace", "Effect on calls"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }

    let page = admin.post("/sources/crm/sync", &[]).await;
    let run = page.location().to_owned();
    wait_for_runs(&console).await;
    let page = admin.get(&run).await;
    assert!(page.text.contains("4\u{a0}contacts have been successfully synchronized"), "{}", page.text);
    assert!(page.text.contains("Rejected"), "Konrad has no number");
    let csv = admin.get(&format!("{run}/problems.csv")).await;
    assert!(csv.header("content-disposition").contains("attachment"));
    assert!(csv.text.starts_with("row,key,column,found,became,because\r\n"), "{}", csv.text);
    assert!(csv.text.contains(",row rejected,"), "{}", csv.text);
    assert!(admin.get("/sources").await.text.contains("Succeeded"));

    let page = admin.get(&format!("{run}/roll-back")).await;
    assert!(page.text.contains("contacts that were not there"), "{}", page.text);
    let page = admin.post(&format!("{run}/roll-back"), &[]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    wait_for_runs(&console).await;
    assert_eq!(console.engine.snapshot().as_ref().unwrap().contacts().contact_count(), 0);
    assert!(admin.get("/sync-runs").await.text.contains("Rollback"));
    for nobodys in ["abc", "99999999999999999999"] {
        let page = admin.get(&format!("/sync-runs/{nobodys}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.text.contains(&format!("sync run &quot;{nobodys}&quot;")), "{}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_changes_are_not_kept_any_more_is_shown_without_them() {
    let server = Server::start_with_company().await;
    server.apply(&format!("{}\n[history]\nruns = 1\n", server.settings())).await;
    let mut people = COMPANY;
    people[0].1 = "Augusta";
    make_company(&server.company(), &people);
    server.synchronise("crm").await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;

    for path in ["/sync-runs/1", "/sync-runs/1/changes"] {
        let page = admin.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(page.text.contains("is not kept any more: "), "{path}: {}", page.text);
        assert!(page.text.contains("history.runs") && !page.text.contains("Roll back…"), "{}", page.text);
    }
    let page = admin.get("/sync-runs/1").await;
    for part in ["Rows received", "How long it took", "/sync-runs/1/problems.csv"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let page = admin.get("/sync-runs/2").await;
    assert!(page.text.contains("Augusta") && page.text.contains("Roll back…"), "{}", page.text);

    let kept = ringroute::store::RemovedSources::KeepContacts;
    console.engine.by("test").delete_source("crm", kept, "").unwrap();
    for path in ["/sync-runs/2", "/sync-runs/2/changes"] {
        let page = admin.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(page.text.contains("was deleted") && !page.text.contains("Roll back…"), "{}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_stands_at_its_field_keeps_what_was_typed_and_saves_nothing() {
    let server = Server::start().await;
    make_company(&server.company(), &COMPANY);
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    for (field, value, expected) in [
        ("name", "", "is missing"),
        ("sync_filter", "select ${MAP} from main.people; drop table x", "line 1, column"),
        ("sync_filter", "select top 5 ${MAP} from main.people", "line 1, column"),
        ("notify.email", "a@example.com; nonsense", "nonsense"),
        ("notify.webhook.secret", "env:HOOK", "without a URL"),
        ("schedule.at", "25:00", "25:00"),
        ("schedule.time_zone", "Europe/Berlim", "Europe/Berlin"),
        ("phonebook.by_property.column", "", "is missing"),
        ("default_region", "Germany", "two-letter"),
        ("guard.max_removed_percent", "many", "many"),
        ("connection.sqlite.path", "", ""),
    ] {
        let page = send(&mut admin, "/sources/new", &with(typed(&server), field, value)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}={value}: {}", page.text);
        let error = page.error_of(field).unwrap_or_else(|| panic!("{field} has no error: {}", page.text));
        assert!(error.contains(expected), "{field}: {error}");
        if field == "notify.webhook.secret" {
            assert_eq!(page.called(field), "Feedback to a web server: Signed with");
        } else {
            assert!(page.is_called_as_labelled(field), "{field}: {}", page.text);
        }
        assert!(
            page.text.contains("help@example.com") || field == "notify.email",
            "{field}: what was typed is gone"
        );
        assert!(console.engine.settings().unwrap().sources.is_empty(), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_every_field_stays_text_on_every_page() {
    let server = Server::start().await;
    let markup = "<img src=x onerror=alert(1)>\"'&<script>";
    make_company(
        &server.company(),
        &[(1, "<b>Ada</b>", "<script>alert(1)</script>", "\"><img src=x>", "+49 30 901820", "<i>Sales</i>")],
    );
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    for (field, _) in typed(&server) {
        if field == "connection" || field.starts_with("schedule") && field != "schedule.at" {
            continue;
        }
        let page = send(&mut admin, "/sources/new", &with(typed(&server), field, markup)).await;
        assert!(
            !page.text.contains("<img src=x") && !page.text.contains("<script>"),
            "{field}: {}",
            page.text
        );
        for source in console.engine.settings().unwrap().sources {
            for path in [
                "/sources".to_owned(),
                "/".to_owned(),
                format!(
                    "/sources/{}",
                    source
                        .name
                        .replace(' ', "%20")
                        .replace('<', "%3C")
                        .replace('>', "%3E")
                        .replace('"', "%22")
                ),
            ] {
                let page = admin.get(&path).await;
                assert!(!page.text.contains("<img src=x"), "{field} on {path}");
            }
            let removed = ringroute::store::RemovedSources::RemoveContacts;
            console.engine.by("test").delete_source(&source.name, removed, "").unwrap();
        }
    }
    send(&mut admin, "/sources/new", &typed(&server)).await;
    let page = admin.post("/sources/crm/sync", &[]).await;
    wait_for_runs(&console).await;
    let run = page.location().to_owned();
    for path in [run.clone(), format!("{run}/changes"), "/sources/crm".into(), "/".into()] {
        let page = admin.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        for forbidden in ["<b>Ada", "<script>alert", "<img src=x", "<i>Sales"] {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden}");
        }
    }
    assert!(admin.get(&format!("{run}/changes")).await.text.contains("&lt;b&gt;Ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_administrators_is_told_and_loses_nothing() {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    let page = admin.get("/sources/crm/edit").await;
    let (_, rest) = page.text.split_once("name=\"etag\" value=\"").unwrap();
    let etag = rest.split('"').next().unwrap().to_owned();
    let mine = with(typed(&server), "etag", &etag);
    let theirs = with(with(mine.clone(), "notify.email", "they@example.com"), "do", "save");
    let page = send(&mut admin, "/sources/crm/edit", &theirs).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let page = send(&mut admin, "/sources/crm/edit", &mine).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("Somebody else has changed this source"), "{}", page.text);
    assert!(page.text.contains("help@example.com"), "what was typed is gone");
    let kept = console.engine.settings().unwrap().sources[0].notify.email.to_string();
    assert_eq!(kept, "they@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_typed_comes_back_on_no_page_and_goes_to_no_other_server() {
    const SECRET: &str = "Kr0kodil-im-Teich-17";
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    let mut fields = with(typed(&server), "connection", "sql_server");
    for (name, value) in [
        ("connection.sql_server.host", "127.0.0.1"),
        ("connection.sql_server.port", "1"),
        ("connection.sql_server.database", "crm"),
        ("connection.sql_server.user", "ringroute"),
        ("connection.sql_server.password", SECRET),
        ("connection.sql_server.encryption", "required"),
        ("do", "test"),
    ] {
        fields = with(fields, name, value);
    }
    let mut seen = vec![send(&mut admin, "/sources/new", &fields).await];
    // Typed once, for the test; the form is saved with the field left empty.
    let fields = with(with(fields, "connection.sql_server.password", ""), "do", "save");
    let elsewhere = with(fields.clone(), "connection.sql_server.host", "evil.example");
    seen.push(send(&mut admin, "/sources/new", &elsewhere).await);
    let error = seen[1].error_of("connection.sql_server.password").unwrap();
    assert!(error.contains("host is another"), "{error}");
    seen.push(send(&mut admin, "/sources/new", &fields).await);
    assert_eq!(seen[2].status, StatusCode::SEE_OTHER, "{}", seen[2].text);
    for path in ["/sources", "/sources/crm", "/sources/crm/edit"] {
        seen.push(admin.get(path).await);
    }
    let Connection::SqlServer(sql) = &console.engine.settings().unwrap().sources[0].connection else {
        panic!()
    };
    assert_eq!(sql.password.as_ref().unwrap().typed_in(), Some(SECRET));
    for page in seen {
        assert!(!page.text.contains(SECRET));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_turned_off_and_deleted_with_its_contacts_kept_or_removed() {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    let page = admin.post_and_see("/sources/crm/off", &[("contacts", "stay")]).await;
    assert!(page.text.contains("The source is off") && !page.text.contains("Sync Now"));
    for (path, next) in [
        ("/sources", "Next run </span><span class=\"faint\">off</span>"),
        ("/sources/crm", "<dt>Next run</dt><dd>off</dd>"),
    ] {
        let page = admin.get(path).await;
        assert!(page.text.contains(next), "{path}: {}", page.text);
    }
    let page = admin.post("/sources/crm/delete", &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "nobody said what becomes of the contacts");
    let page = admin.post_and_see("/sources/crm/delete", &[("deleted_contacts", "keep")]).await;
    assert!(page.text.contains("The source crm was deleted"));
    assert_eq!(console.engine.snapshot().as_ref().unwrap().contacts().contact_count(), 4);
    assert_eq!(admin.get("/sources/crm").await.status, StatusCode::NOT_FOUND);
}
