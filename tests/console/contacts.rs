//! Phonebooks, contacts, tried calls and decisions, by forms alone.

use hyper::{Method, StatusCode};
use ringroute::access::Role;

use crate::browser::{Browser, Console, Page};
use crate::support::Server;

async fn company() -> (Server, Console) {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    (server, console)
}

/// The value of a hidden field.
fn hidden(page: &Page, name: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    rest.split('"').next().unwrap().to_owned()
}

const HOSTILE: &str = "<script>alert(1)</script>";

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_added_found_changed_and_deleted_and_its_content_is_never_html() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let page = admin.post("/phonebooks", &[("name", "Mine")]).await;
    assert_eq!(page.location(), "/phonebooks/Mine", "{}", page.text);
    let wrong = [("last_name", HOSTILE), ("business_number", "none"), ("phonebooks", "Mine")];
    let page = admin.post("/contacts/new", &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("business_number").is_some(), "{}", page.text);
    assert!(page.text.contains("value=\"none\"") && !page.text.contains(HOSTILE), "{}", page.text);

    let fields = [
        ("last_name", HOSTILE),
        ("company", HOSTILE),
        ("email", HOSTILE),
        ("remark", HOSTILE),
        ("street", HOSTILE),
        ("business_number", "030 1234567"),
        ("phonebooks", "Mine"),
    ];
    let page = admin.post("/contacts/new", &fields).await;
    let contact = page.location().to_owned();
    assert!(contact.starts_with("/contacts/"), "{}", page.text);
    for path in
        [&contact, "/contacts?query=script", "/phonebooks/Mine?query=1234567", "/try?caller=0301234567"]
    {
        let page = admin.get(path).await;
        assert!(
            page.text.contains("&lt;script&gt;") && !page.text.contains(HOSTILE),
            "{path}: {}",
            page.text
        );
    }

    let form = admin.get(&format!("{contact}/edit")).await;
    let etag = hidden(&form, "etag");
    let edited = |name: &'static str| {
        [
            ("etag", etag.clone()),
            ("last_name", name.into()),
            ("business_number", "030 1234567".into()),
            ("phonebooks", "Mine".into()),
        ]
    };
    for (name, expected) in [("First", StatusCode::SEE_OTHER), ("Second", StatusCode::UNPROCESSABLE_ENTITY)] {
        let fields = edited(name);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = admin.post(&format!("{contact}/edit"), &fields).await;
        assert_eq!(page.status, expected, "{}", page.text);
        if expected != StatusCode::SEE_OTHER {
            assert!(page.text.contains("changed by somebody else") && page.text.contains("value=\"Second\""));
        }
    }
    assert!(admin.get(&contact).await.text.contains("First"));
    let page = admin.post(&format!("{contact}/delete"), &[("etag", "old")]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    let etag = hidden(&admin.get(&contact).await, "etag");
    admin.post(&format!("{contact}/delete"), &[("etag", &etag)]).await;
    assert_eq!(admin.get(&contact).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn synced_contacts_have_their_tag_and_no_way_to_change_them() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let page = admin.get("/phonebooks/Sales").await;
    assert!(page.text.contains("Synced") && page.text.contains("/sources/crm"), "{}", page.text);
    assert!(!page.text.contains("Import a file") && !page.text.contains("Delete the phonebook"));
    let found = admin.get("/contacts?query=hopper").await;
    assert!(found.text.contains("Grace Hopper"), "{}", found.text);
    let id = found
        .text
        .split("href=\"/contacts/")
        .filter_map(|rest| rest.split('"').next()?.parse::<u64>().ok())
        .next();
    let contact = format!("/contacts/{}", id.unwrap());
    let page = admin.get(&contact).await;
    assert!(page.text.contains("read-only here") && !page.text.contains("/edit\""), "{}", page.text);
    let page = admin.post(&format!("{contact}/delete"), &[]).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.text);
}

async fn upload(browser: &mut Browser, path: &str, fields: &[(&str, &str)], file: &str) -> Page {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{file}\r\n--x--\r\n"
    );
    let path = format!("{path}?csrf={}", browser.token);
    browser.send(Method::POST, &path, &[("content-type", "multipart/form-data; boundary=x")], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_tried_refused_imported_and_exported() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    admin.post("/phonebooks", &[("name", "Mine")]).await;
    admin.get("/phonebooks/Mine/import").await;
    admin.take_token().await;
    let file = "Firma;Telefon\n=1+1;030 1234567\nDorn;none\n";
    let with = |percent, what| [("max_rejected_percent", percent), ("do", what)];
    let path = "/phonebooks/Mine/import";
    let page = upload(&mut admin, path, &with("10", "import"), file).await;
    assert!(page.text.contains("1 of 2 rows were rejected") && page.text.contains("none"), "{}", page.text);
    let page = upload(&mut admin, path, &with("50", "try"), file).await;
    assert!(page.text.contains("would be added"), "{}", page.text);
    assert!(!admin.get("/phonebooks/Mine").await.text.contains("+49301234567"));
    let page = upload(&mut admin, path, &with("x", "import"), file).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("max_rejected_percent").is_some(), "{}", page.text);
    let page = upload(&mut admin, path, &with("50", "import"), file).await;
    assert!(page.text.contains("1\u{a0}contact imported"), "{}", page.text);

    let csv = admin.get("/contacts/export.csv?phonebook=Mine").await;
    assert!(csv.header("content-disposition").contains("contacts.csv"));
    assert!(csv.text.starts_with('\u{feff}') && csv.text.contains(",'=1+1,"), "{}", csv.text);
    let cards = admin.get("/contacts/export.vcf?query=hopper").await;
    assert!(cards.text.starts_with("BEGIN:VCARD\r\n"), "{}", cards.text);
    let page = admin.post("/phonebooks/Mine/rename", &[("new_name", "Sales")]).await;
    assert!(page.error_of("new_name").is_some(), "{}", page.text);
    assert_eq!(admin.post("/phonebooks/Mine/delete", &[]).await.location(), "/phonebooks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tried_call_tells_who_it_would_be_and_where_it_would_go_and_changes_nothing() {
    let (_server, console) = company().await;
    let mut viewer = console.signed_in(Role::Viewer).await;
    let page = viewer.get("/try?caller=030+901821&did=&trunk=&at=").await;
    assert!(page.text.contains("Grace Hopper") && page.text.contains("+4930901821"), "{}", page.text);
    let page = viewer.get("/try?caller=&did=&trunk=&at=").await;
    assert!(page.text.contains("withheld"), "{}", page.text);
    let page = viewer.get("/try?caller=%3Cscript%3Ealert(1)%3C/script%3E&at=tomorrow").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("at").is_some() && page.text.contains("value=\"tomorrow\""), "{}", page.text);
    assert!(!page.text.contains(HOSTILE), "{}", page.text);
    assert!(console.engine.last_decisions(10, None).is_empty(), "a tried call is no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_listed_masked_and_can_be_tried_again() {
    let (server, console) = company().await;
    let mut viewer = console.signed_in(Role::Viewer).await;
    assert!(viewer.get("/decisions").await.text.contains("No call yet"));
    let request = ringroute::api::proto::v1::RouteCallRequest {
        caller: crate::support::GRACE.into(),
        did: "+493023125000".into(),
        ..Default::default()
    };
    server.calls().await.route_call(request).await.unwrap();
    let page = viewer.get("/decisions").await;
    assert!(page.text.contains("did=%2B493023125000") && page.text.contains("Try again"), "{}", page.text);
    assert!(!page.text.contains(crate::support::GRACE) && !page.text.contains("caller="), "{}", page.text);
}
