//! Phonebooks, contacts, tried calls and decisions, by forms alone.

use hyper::StatusCode;
use ringroute::access::Role;

use crate::browser::Console;
use crate::support::Server;

async fn company() -> (Server, Console) {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    (server, console)
}

const HOSTILE: &str = "<script>alert(1)</script>";
/// The page of a route that is called so.
const HOSTILE_ROUTE: &str = "/routes/%3Cscript%3Ealert(1)%3C%2Fscript%3E";

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
    let etag = form.hidden("etag");
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
            assert!(
                page.text.contains("Somebody else has changed this contact")
                    && page.text.contains("value=\"Second\"")
            );
        }
    }
    assert!(admin.get(&contact).await.text.contains("First"));
    let page = admin.post(&format!("{contact}/delete"), &[("etag", "old")]).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    let etag = admin.get(&contact).await.hidden("etag");
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
    let page = admin.upload(path, &with("10", "import"), file).await;
    assert!(page.text.contains("1 of 2 rows were rejected") && page.text.contains("none"), "{}", page.text);
    let page = admin.upload(path, &with("50", "try"), file).await;
    assert!(page.text.contains("would be added"), "{}", page.text);
    assert!(!admin.get("/phonebooks/Mine").await.text.contains("+49301234567"));
    let page = admin.upload(path, &with("x", "import"), file).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("max_rejected_percent").is_some(), "{}", page.text);
    assert!(page.is_called_as_labelled("max_rejected_percent"), "{}", page.text);
    let page = admin.upload(path, &with("50", "import"), file).await;
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
    // It is no form that saves anything.
    assert!(page.is_called_as_labelled("at") && !page.text.contains("Nothing was saved"), "{}", page.text);
    let page = viewer.get("/try?caller=1&attestation=D").await;
    assert!(page.error_of("attestation").is_some(), "{}", page.text);
    assert!(console.engine.last_decisions(10, None).is_empty(), "a tried call is no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_made_moved_tried_and_deleted_and_what_is_wrong_stands_at_its_field() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let typed = |dids: &'static str| {
        [
            ("name", "vip"),
            ("enabled", "on"),
            ("phonebooks", "Support"),
            ("dids", dids),
            ("attestation", "B"),
            ("destination.type", "queue"),
            ("destination.target", "6500"),
        ]
    };
    let page = admin.post("/new-route", &typed("_5[")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("dids").is_some(), "{}", page.text);
    assert!(page.is_called_as_labelled("dids"), "{}", page.text);
    let page = admin.post("/new-route", &typed("")).await;
    assert_eq!(page.location(), "/routes", "{}", page.text);
    let last = console.engine.settings().unwrap().inbound_routes.len();
    assert_eq!(console.engine.settings().unwrap().inbound_routes[last - 1].name, "vip");
    let page = admin.post("/new-route", &typed("")).await;
    assert!(page.error_of("name").unwrap().starts_with("there is an inbound route"), "{}", page.text);

    let order = admin.get("/routes").await.hidden("order");
    let move_first = [("position", "1"), ("order", order.as_str())];
    assert_eq!(admin.post("/routes/vip/move", &move_first).await.location(), "/routes#route-1");
    assert_eq!(console.engine.settings().unwrap().inbound_routes[0].name, "vip");
    // By the order that was seen before.
    let page = admin.post("/routes/vip/move", &[("position", "2"), ("order", &order)]).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.text);

    let page = admin.get("/try?caller=030+901821&did=&trunk=&at=").await;
    assert!(page.text.contains("gave no attestation"), "{}", page.text);
    let page = admin.get("/try?caller=030+901821&did=&trunk=&attestation=A&at=").await;
    for part in ["Grace Hopper", "Queue 6500", "takes the call", "Support"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let page = admin.get("/try?caller=1&at=tomorrow").await;
    assert!(page.error_of("at").is_some(), "{}", page.text);
    let page = admin.get("/routes/vip").await;
    admin.post("/routes/vip/delete", &[("etag", &page.hidden("etag"))]).await;
    assert_eq!(admin.get("/routes/vip").await.status, StatusCode::NOT_FOUND);
}

/// Nothing of a route is lost by opening it and saving it, whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_opened_and_saved_stays_as_it_was_and_the_second_to_save_is_told() {
    let (server, console) = company().await;
    let full = r#"
        [[time_condition]]
        name = "holidays"
        time_zone = "Europe/Berlin"
        hours = ["mon-fri 09:00-17:00"]

        [[inbound_route]]
        name = "everything / \"in\" it"
        enabled = false
        note = "<b>note</b>"
        trunks = ["london"]
        dids = ["+493023125000", "_+4930231251XX"]
        callers = ["_+44."]
        phonebooks = ["Sales"]
        withheld = true
        in_no_phonebook = true
        attestation = "B"
        times = [{ condition = "holidays", destination = { type = "contact_extension", fallback = { type = "queue", target = "6400" } } }]
        freshness = { max_age_hours = 48, older = "skip" }
        alert_info = "<http://ring/all>"
        caller_name_prefix = "VIP "
        destination = { type = "contact_extension", fallback = { type = "voicemail", target = "1000" } }
    "#;
    server.apply(&format!("{}{full}", server.settings())).await;
    let route = || console.engine.settings().unwrap().inbound_routes.last().unwrap().clone();
    let before = route();
    let mut admin = console.signed_in(Role::Admin).await;
    let path = "/routes/everything%20%2F%20%22in%22%20it";
    let page = admin.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(!page.text.contains("<b>note") && page.text.contains("&lt;b&gt;note"), "{}", page.text);
    let etag = page.hidden("etag");
    let fields = [
        ("etag", etag.as_str()),
        ("name", "everything / \"in\" it"),
        ("note", "<b>note</b>"),
        ("trunks", "london"),
        ("dids", "+493023125000\r\n_+4930231251XX\r\n"),
        ("callers", "_+44."),
        ("phonebooks", "Sales"),
        ("withheld", "on"),
        ("in_no_phonebook", "on"),
        ("attestation", "B"),
        ("times", "holidays = contact_extension or else queue 6400"),
        ("freshness.max_age_hours", "48"),
        ("freshness.older", "skip"),
        ("alert_info", "<http://ring/all>"),
        ("caller_name_prefix", "VIP "),
        ("destination.type", "contact_extension"),
        ("destination.target", ""),
        ("destination.fallback", "voicemail 1000"),
    ];
    for (_, value) in &fields {
        let shown = value.split("\r\n").next().unwrap().trim();
        let shown =
            shown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(page.text.contains(&shown), "{shown} is not on the form: {}", page.text);
    }
    let page = admin.post(path, &fields).await;
    assert_eq!(page.location(), "/routes", "{}", page.text);
    assert_eq!(route(), before);

    let mut theirs = fields;
    theirs[2] = ("note", "theirs");
    assert_eq!(admin.post(path, &theirs).await.location(), "/routes");
    let mut mine = fields;
    mine[2] = ("note", "mine");
    let page = admin.post(path, &mine).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("Somebody else has changed this route") && page.text.contains("mine"));
    assert_eq!(route().note, "theirs");
    let etag = page.hidden("etag");
    mine[0] = ("etag", etag.as_str());
    assert_eq!(admin.post(path, &mine).await.location(), "/routes");
    assert_eq!(route().note, "mine");
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

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_every_field_of_a_route_a_phonebook_and_a_call_stays_text() {
    let (server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let sound =
        [("name", "x"), ("enabled", "on"), ("destination.type", "queue"), ("destination.target", "6500")];
    for field in [
        "name",
        "note",
        "trunks",
        "dids",
        "callers",
        "phonebooks",
        "times",
        "attestation",
        "alert_info",
        "caller_name_prefix",
        "freshness.max_age_hours",
        "freshness.older",
        "destination.type",
        "destination.target",
        "destination.fallback",
    ] {
        let mut fields: Vec<_> = sound.into_iter().filter(|(name, _)| *name != field).collect();
        fields.push((field, HOSTILE));
        let mut pages = vec![admin.post("/new-route", &fields).await];
        for path in ["/routes", "/try?caller=030901821&did=1"] {
            pages.push(admin.get(path).await);
        }
        let made = console.engine.settings().unwrap().inbound_routes.last().unwrap().name.clone();
        if made != "support" {
            pages.push(admin.get(if made == "x" { "/routes/x" } else { HOSTILE_ROUTE }).await);
            assert_eq!(pages.last().unwrap().status, StatusCode::OK, "{field}");
            console.engine.by("test").delete_route(&made, "").unwrap();
        }
        for page in pages {
            assert!(!page.text.contains(HOSTILE), "{field}: {}", page.text);
            assert!(!page.status.is_server_error(), "{field}");
        }
    }

    let page = admin.post("/phonebooks", &[("name", HOSTILE)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let phonebook = page.location().to_owned();
    let request = ringroute::api::proto::v1::RouteCallRequest {
        caller: HOSTILE.into(),
        did: HOSTILE.into(),
        trunk: HOSTILE.into(),
        ..Default::default()
    };
    server.calls().await.route_call(request).await.unwrap();
    for path in [phonebook.as_str(), "/phonebooks", "/decisions", "/contacts/new", "/new-route"] {
        let page = admin.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text.contains("&lt;script&gt;") || path == "/contacts/new", "{path}: {}", page.text);
        assert!(!page.text.contains(HOSTILE), "{path}: {}", page.text);
    }
}
