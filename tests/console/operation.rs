//! Mail, webhooks, the audit, and settings that are taken away and brought back, by forms alone.

use hyper::StatusCode;
use ringroute::access::Role;
use ringroute::config::MailConfig;
use ringroute::notifier::Ways;

use crate::browser::{Browser, Console};
use crate::certificates::Certificates;
use crate::smtp::{Behaviour, Encryption, SmtpServer};
use crate::support::Server;
use crate::web_server::WebServer;

const HOSTILE: &str = "<script>alert(1)</script>";

async fn company() -> (Server, Console, Browser) {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    let admin = console.signed_in(Role::Admin).await;
    (server, console, admin)
}

fn mail_at(port: u16, more: &str) -> Ways {
    let configured = format!(
        r#"{{ "host": "127.0.0.1", "port": {port}, "encryption": "dangerously_none",
              "from": "Ringroute <ringroute@example.com>", "timeout_seconds": 5 {more} }}"#
    );
    let mail: MailConfig = serde_json::from_str(&configured).unwrap();
    Ways { mail: Some(mail), ..Ways::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_is_sent_and_what_the_mail_server_says_is_told_with_the_remedy() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let acceptor = Certificates::new(folder.path()).acceptor;
    let post = SmtpServer::start(Encryption::None, acceptor, Behaviour::Good).await;
    let password = r#", "user": "ringroute", "password": "hunter2 hunter2""#;
    let ways = mail_at(post.address.port(), password);
    let console = Console::with_ways(server.engine.clone(), ways).await;
    let mut admin = console.signed_in(Role::Admin).await;

    let page = admin.get("/settings/mail").await;
    assert!(
        page.text.contains(&post.address.to_string()) && page.text.contains("ringroute.toml"),
        "{}",
        page.text
    );
    assert!(page.text.contains("in the server&#39;s file") || page.text.contains("in the server's file"));
    assert!(!page.text.contains("hunter2"), "{}", page.text);
    for (address, expected) in
        [("", "is empty"), ("a@example.com; b@example.com", "several"), (HOSTILE, "address")]
    {
        let page = admin.post("/settings/mail/test", &[("address", address)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.error_of("address").unwrap().contains(expected), "{}", page.text);
        assert!(!page.text.contains(HOSTILE), "{}", page.text);
    }
    assert!(post.received().is_empty());

    let page = admin.post("/settings/mail/test", &[("address", "ops@example.com")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("took the mail to ops@example.com"), "{}", page.text);
    assert!(page.text.contains("value=\"ops@example.com\""), "what was typed is kept");
    assert_eq!(post.received()[0].to, ["ops@example.com"]);

    post.behave(Behaviour::KnowsNobody);
    let page = admin.post("/settings/mail/test", &[("address", "ops@example.com")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.text.contains("550") && page.text.contains("What to do: check the address"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("hunter2"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_page_and_a_test_say_where_to_name_one() {
    let (_server, console, mut admin) = company().await;
    assert!(admin.get("/settings/mail").await.text.contains("No mail server"));
    let page = admin.post("/settings/mail/test", &[("address", "ops@example.com")]).await;
    assert!(page.text.contains("name one under [mail] in ringroute.toml"), "{}", page.text);
    let mut viewer = console.signed_in(Role::Viewer).await;
    let page = viewer.get("/settings/mail").await;
    assert!(page.text.contains("No mail server") && !page.text.contains("Send a test"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_tested_as_a_run_would_tell_it() {
    let (server, console, mut admin) = company().await;
    let page = admin.post_and_see("/settings/mail/webhook-test", &[("source", "crm")]).await;
    assert!(page.text.contains("has no webhook any more"), "{}", page.text);
    assert_eq!(
        admin.post("/settings/mail/webhook-test", &[("source", "x")]).await.status,
        StatusCode::NOT_FOUND
    );

    let web = WebServer::start(
        None,
        &["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"],
    )
    .await;
    let mut settings = console.engine.settings().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "a secret of 32 characters or more").unwrap();
    let webhook = format!(
        r#"{{ "url": "http://127.0.0.1:{}/hook?key=hunter2", "secret": "file:{}" }}"#,
        web.address.port(),
        secret.path().display()
    );
    settings.sources[0].notify.webhook = Some(serde_json::from_str(&webhook).unwrap());
    console.engine.by("test").update_source("crm", settings.sources[0].clone(), "").unwrap();
    let mut operator = console.signed_in(Role::Operator).await;
    let page = operator.post("/settings/mail/webhook-test", &[("source", "crm")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("took the message of"), "{}", page.text);
    assert_eq!(web.requests()[0].json()["event"], "test");
    let page = operator.post("/settings/mail/webhook-test", &[("source", "crm")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("410") && page.text.contains("What to do"), "{}", page.text);
    assert!(!page.text.contains("hunter2") && !page.text.contains("a secret of 32"), "{}", page.text);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_filtered_paged_and_downloaded() {
    let (_server, _console, mut admin) = company().await;
    for number in 0..60 {
        let name = format!("book {number:02}");
        admin.post_and_see("/phonebooks", &[("name", &name)]).await;
    }
    let page = admin.get("/settings/audit").await;
    assert!(page.text.contains("book 59") && page.text.contains("book 10") && !page.text.contains("book 09"));
    assert!(page.text.contains("the admin") && page.text.contains("127.0.0.1"), "{}", page.text);
    let (_, rest) = page
        .text
        .split_once("rel=\"next\"")
        .map(|(before, _)| before.rsplit_once("href=\"").unwrap())
        .unwrap();
    let next = rest.split('"').next().unwrap().replace("&amp;", "&");
    let page = admin.get(&next).await;
    assert!(page.text.contains("book 09") && !page.text.contains("book 10"), "{}", page.text);
    assert!(page.text.contains("To the beginning"));

    let page = admin.get("/settings/audit?what=book+07&who=the+admin").await;
    assert!(page.text.contains("book 07") && !page.text.contains("book 08"), "{}", page.text);
    assert!(page.text.contains("value=\"book 07\""), "what was asked for is kept");
    assert!(admin.get("/settings/audit?who=eve").await.text.contains("Nothing found"));
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system()).date();
    let tomorrow = today.tomorrow().unwrap();
    let on = async |admin: &mut Browser, since, until| {
        let page = admin.get(&format!("/settings/audit?what=book&since={since}&until={until}")).await;
        page.text.contains("book 59")
    };
    assert!(on(&mut admin, today.yesterday().unwrap(), tomorrow).await);
    assert!(!on(&mut admin, tomorrow, tomorrow).await);
    assert!(!on(&mut admin, today.yesterday().unwrap(), today.yesterday().unwrap()).await);
    let page = admin.get("/settings/audit?since=soon").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("since").unwrap().contains("is no day"), "{}", page.text);
    assert!(page.is_called_as_labelled("since") && !page.text.contains("Nothing was saved"), "{}", page.text);

    let csv = admin.get("/settings/audit/audit.csv?what=phonebook").await;
    assert!(csv.header("content-disposition").contains("audit.csv"));
    let rows: Vec<&str> = csv.text.lines().filter(|line| line.contains("book ")).collect();
    assert_eq!(rows.len(), 60, "all of them, not a page: {}", csv.text);
    assert!(rows[0].contains("the admin,console,127.0.0.1,added,"), "{}", rows[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_after_stand_in_the_audit_as_text_and_in_the_file_as_no_formula() {
    let (_server, console, mut admin) = company().await;
    let formula = "=1+1";
    for note in [formula, HOSTILE] {
        let mut route = console.engine.settings().unwrap().inbound_routes[1].clone();
        route.note = note.to_owned();
        console.engine.by(formula).update_route("sales", route, "").unwrap();
    }
    let page = admin.get("/settings/audit?what=inbound_route").await;
    assert!(!page.text.contains(HOSTILE), "{}", page.text);
    assert!(
        page.text.contains("<del><span class=\"spoken\">before: </span>=1+1</del>")
            || page.text.contains("=1+1"),
        "{}",
        page.text
    );
    assert!(page.text.contains("&lt;script&gt;"), "{}", page.text);
    let csv = admin.get("/settings/audit/audit.csv?what=inbound_route").await;
    assert!(csv.text.contains("Z,'=1+1,") && !csv.text.contains(",=1+1"), "{}", csv.text);
    let page = admin
        .get(&format!("/settings/audit?who={0}&what={0}&since={0}", "%3Cscript%3Ealert(1)%3C/script%3E"))
        .await;
    assert!(!page.text.contains(HOSTILE) && page.text.contains("&lt;script&gt;"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_downloaded_changed_looked_at_and_taken_over() {
    let (_server, console, mut admin) = company().await;
    let page = admin.get("/settings/export/settings.toml").await;
    assert!(page.header("content-disposition").contains("settings.toml"));
    let document = page.text;
    let page = admin.upload("/settings/import", &[], &document).await;
    assert!(page.text.contains("Nothing would change"), "{}", page.text);

    let changed = document.replace("\"6400\"", "\"6500\"");
    assert_ne!(changed, document);
    let page = admin.upload("/settings/import", &[], &changed).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("inbound_route &quot;sales&quot;"), "{}", page.text);
    assert!(page.text.contains("&quot;6400&quot; -&gt; &quot;6500&quot;"), "{}", page.text);
    assert_eq!(console.engine.settings().unwrap().inbound_routes[1].destination.target, "6400", "not yet");
    // It can be loaded again.
    let page = admin.get("/settings/import").await;
    let fields = [("id", page.hidden("id")), ("seen", page.hidden("seen"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = admin.post_and_see("/settings/import/apply", &fields).await;
    assert!(page.text.contains("1\u{a0}change was taken over"), "{}", page.text);
    assert_eq!(console.engine.settings().unwrap().inbound_routes[1].destination.target, "6500");
    let page = admin.post_and_see("/settings/import/apply", &fields).await;
    assert!(page.text.contains("the document is not here any more"), "{}", page.text);
    let audit = admin.get("/settings/audit?what=inbound_route&who=the+admin").await;
    assert!(audit.text.contains("6400") && audit.text.contains("6500"), "{}", audit.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_downloaded_whole_and_by_administrators_alone() {
    let (_server, console, mut admin) = company().await;
    let page = admin.get("/settings/export").await;
    assert!(page.text.contains("Download a backup"), "{}", page.text);
    let backup = admin.post("/settings/export/ringroute.backup", &[]).await;
    assert_eq!(backup.status, StatusCode::OK, "{}", backup.text);
    assert!(backup.header("content-disposition").ends_with(".backup\""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("downloaded.backup");
    std::fs::write(&file, &backup.bytes).unwrap();
    let content = ringroute::engine::verify_backup(&file).unwrap();
    assert_eq!(content.inbound_routes, console.engine.settings().unwrap().inbound_routes.len() as u64);
    let audit = admin.get("/settings/audit?what=backup").await;
    assert!(audit.text.contains("the admin"), "{}", audit.text);

    let mut operator = console.signed_in(Role::Operator).await;
    assert!(!operator.get("/settings/export").await.text.contains("Download a backup"));
    assert_eq!(operator.post("/settings/export/ringroute.backup", &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_import_the_second_is_shown_what_it_would_be_now() {
    let (_server, console, mut admin) = company().await;
    let document = admin.get("/settings/export/settings.toml").await.text;
    let page = admin.upload("/settings/import", &[], &document.replace("\"6400\"", "\"6500\"")).await;
    let fields = [("id", page.hidden("id")), ("seen", page.hidden("seen"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut route = console.engine.settings().unwrap().inbound_routes[2].clone();
    route.note = "theirs".to_owned();
    console.engine.by("somebody else").update_route("support", route, "").unwrap();

    let page = admin.post("/settings/import/apply", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    assert!(page.text.contains("Somebody else has changed the settings"), "{}", page.text);
    assert!(page.text.contains("theirs"), "what they did would be undone, and it says so: {}", page.text);
    assert_eq!(console.engine.settings().unwrap().inbound_routes[1].destination.target, "6400");
    assert_ne!(page.hidden("seen"), fields[1].1);
    let fields = [("id", page.hidden("id")), ("seen", page.hidden("seen"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    admin.post_and_see("/settings/import/apply", &fields).await;
    assert_eq!(console.engine.settings().unwrap().inbound_routes[1].destination.target, "6500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_is_refused_at_its_field_and_its_secrets_stay_here() {
    let (server, console, mut admin) = company().await;
    let page = admin.upload("/settings/import", &[], "").await;
    assert_eq!(page.error_of("file").unwrap(), "choose a file");
    assert!(page.is_called_as_labelled("file"), "{}", page.text);
    let secret = "hunter2 hunter2";
    let of_server = |host: &str| {
        format!(
            "[[source]]\nname = \"erp\"\nenabled = false\nsync_filter = \"select ${{MAP}} from testpbx.contacts\"\n\
         field_map = {{ key = \"id\", last_name = \"name\", business_number = \"phone\" }}\n\
         phonebook = {{ new = {{ name = \"ERP\" }} }}\n\
         connection = {{ sql_server = {{ {host}, database = \"crm\", user = \"sa\", password = \"{secret}\" }} }}\n"
        )
    };
    let document = server.settings();
    for (wrong, expected) in [
        (format!("{document}\n[unknown]\n"), "unknown"),
        (document.replace("\"crm\"", "\"\""), "source[0]"),
        (format!("{document}\n{}", of_server("host = 1")), "expected a string"),
        (HOSTILE.to_owned(), "TOML"),
    ] {
        let page = admin.upload("/settings/import", &[], &wrong).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
        let problem = page.error_of("file").unwrap();
        assert!(problem.contains(expected) || expected == "TOML", "{expected}: {problem}");
        assert!(!page.text.contains(secret) && !page.text.contains(HOSTILE), "{}", page.text);
    }
    // One that can be is shown without its password, before and after.
    let good = format!("{document}\n{}", of_server("host = \"127.0.0.1\""));
    let page = admin.upload("/settings/import", &[], &good).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("source &quot;erp&quot;") && !page.text.contains(secret), "{}", page.text);
    let fields = [("id", page.hidden("id")), ("seen", page.hidden("seen"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    admin.post_and_see("/settings/import/apply", &fields).await;
    for path in ["/settings/export/settings.toml", "/settings/audit", "/settings/audit/audit.csv"] {
        let page = admin.get(path).await;
        assert!(page.text.contains("erp") && !page.text.contains(secret), "{path}: {}", page.text);
    }
    assert_eq!(console.engine.settings().unwrap().sources.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_a_source_asks_what_becomes_of_its_contacts_and_is_not_brought_again() {
    let (_server, console, mut admin) = company().await;
    let page = admin.upload("/settings/import", &[], "[numbers]\ndefault_region = \"DE\"\n").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("say whether to keep them as local contacts or to remove"), "{}", page.text);
    let id = page.hidden("id");
    let page = admin.upload("/settings/import", &[("id", &id), ("removed", "keep")], "").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("source &quot;crm&quot;"), "{}", page.text);
    let fields = [("id", page.hidden("id")), ("seen", page.hidden("seen"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    admin.post_and_see("/settings/import/apply", &fields).await;
    assert!(console.engine.settings().unwrap().sources.is_empty());
    assert!(admin.get("/phonebooks/Sales").await.text.contains("Lovelace"), "kept as local contacts");
}
