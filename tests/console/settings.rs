//! The settings, by forms alone: trunks, destinations, hours, extensions, grants, clients, numbers, limits.

use hyper::StatusCode;
use ringroute::access::Role;

use crate::browser::{Browser, Console, Page};
use crate::support::Server;

const HOSTILE: &str = "<script>alert(1)</script>\"'";

/// Routes can go to what is not listed.
const OPEN: &str = "\n[routing]\nunlisted_destinations = \"allowed\"\n";

async fn company() -> (Server, Console) {
    let server = Server::start_with_company().await;
    server.apply(&format!("{}{OPEN}", server.settings())).await;
    let console = Console::of(server.engine.clone()).await;
    (server, console)
}

/// The value of a hidden field.
fn hidden(page: &Page, name: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
    rest.split('"').next().unwrap().to_owned()
}

async fn etag(browser: &mut Browser, path: &str) -> String {
    hidden(&browser.get(path).await, "etag")
}

/// Something of which the settings have a list.
struct Listed {
    list: &'static str,
    new: &'static str,
    /// Where it is once it is there.
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// A field, what cannot be in it, where that is said, a part of it, and what the list of errors calls it.
    wrong: (&'static str, &'static str, &'static str, &'static str, &'static str),
    /// Where it is said that there is one already, what the list of errors calls it, and the beginning of what is said.
    taken: (&'static str, &'static str, &'static str),
}

const LISTED: [Listed; 5] = [
    Listed {
        list: "/settings/trunks",
        new: "/settings/new-trunk",
        path: "/settings/trunks/paris",
        fields: &[
            ("name", "paris"),
            ("default_region", "FR"),
            ("withheld", "unknown\r\n000"),
            ("caller_rules.0.pattern", ""),
            ("caller_rules.0.strip", ""),
            ("caller_rules.0.add", ""),
            ("caller_rules.1.pattern", "0033X."),
            ("caller_rules.1.strip", "4"),
            ("caller_rules.1.add", "+33"),
        ],
        // The row that was empty is behind it then.
        wrong: (
            "caller_rules.1.pattern",
            "0033[",
            "caller_rules.0.pattern",
            "is not a pattern",
            "Callers' numbers: Rule 1: pattern",
        ),
        taken: ("name", "Name", "there is a trunk"),
    },
    Listed {
        list: "/settings/destinations",
        new: "/settings/new-destination",
        path: "/settings/destinations/conference%206900",
        fields: &[("type", "conference"), ("target", "6900"), ("name", "All hands")],
        wrong: ("target", " ", "target", "blank", "Number"),
        taken: ("target", "Number", "there is a destination"),
    },
    Listed {
        list: "/settings/hours",
        new: "/settings/new-hours",
        path: "/settings/hours/holidays",
        fields: &[
            ("name", "holidays"),
            ("time_zone", "Europe/Berlin"),
            ("hours", "sat,sun"),
            ("dates", "2026-12-24\r\n12-25..12-26"),
        ],
        wrong: ("dates", "12-25..Easter", "dates", "Easter", "Dates"),
        taken: ("name", "Name", "there is a time condition"),
    },
    Listed {
        list: "/settings/extensions",
        new: "/settings/new-extension",
        path: "/settings/extensions/1001",
        fields: &[
            ("number", "1001"),
            ("name", "Ada Lovelace"),
            ("groups", "Berlin\r\nSales"),
            ("enabled", "on"),
        ],
        wrong: ("number", "1001;", "number", "1001;", "Number"),
        taken: ("number", "Number", "there is an extension"),
    },
    Listed {
        list: "/settings/grants",
        new: "/settings/new-grant",
        path: "/settings/grants/for%20all",
        fields: &[("name", "for all"), ("phonebooks", "Sales"), ("all_extensions", "on"), ("extensions", "")],
        wrong: ("extensions", "1999", "extensions", "there is no extension", "These extensions"),
        taken: ("name", "Name", "there is a visibility grant"),
    },
];

fn with<'a>(fields: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut all: Vec<_> = fields.iter().copied().filter(|(other, _)| *other != name).collect();
    all.push((name, value));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_is_added_with_its_errors_at_their_fields_changed_by_the_first_and_deleted() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    for Listed { list, new, path, fields, wrong: (field, value, at, said, called), taken } in LISTED {
        assert_eq!(admin.get(list).await.status, StatusCode::OK, "{list}");
        let before = console.engine.settings().unwrap();
        let mut typed = with(fields, field, value);
        typed.retain(|(name, _)| field != "extensions" || *name != "all_extensions");
        let page = admin.post(new, &typed).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}: {}", page.text);
        let error = page.error_of(at).unwrap_or_else(|| panic!("{new}: {}", page.text));
        assert!(error.contains(said), "{new}: {error}");
        assert_eq!(page.called(at), called, "{new}");
        if !value.trim().is_empty() {
            assert!(page.text.contains(value), "{new} forgot what was typed: {}", page.text);
        }
        assert_eq!(console.engine.settings().unwrap(), before, "{new}");

        let page = admin.post(new, fields).await;
        assert_eq!(page.location(), list, "{}", page.text);
        let added = console.engine.settings().unwrap();
        let page = admin.post(new, fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{new} twice");
        let error = page.error_of(taken.0).unwrap_or_else(|| panic!("{new}: {}", page.text));
        assert!(error.starts_with(taken.2) && error.ends_with("already"), "{new}: {error}");
        assert_eq!(page.called(taken.0), taken.1, "{new}");

        // What is opened and saved is as it was; then somebody was faster.
        let tag = etag(&mut admin, path).await;
        let mut saved = fields.to_vec();
        saved.push(("etag", &tag));
        let page = admin.post(path, &saved).await;
        assert_eq!(page.location(), list, "{}", page.text);
        assert_eq!(console.engine.settings().unwrap(), added, "{path}");
        let page = admin.post(path, &with(&saved, "etag", "of before")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(page.text.contains("Somebody else has changed this"), "{}", page.text);
        // It is theirs now to save.
        let tag = hidden(&page, "etag");
        assert_eq!(admin.post(path, &with(fields, "etag", &tag)).await.location(), list);

        let page = admin.post(&format!("{path}/delete"), &[("etag", "of before")]).await;
        assert!(page.text.contains("it was not deleted"), "{}", page.text);
        let tag = etag(&mut admin, path).await;
        let page = admin.post(&format!("{path}/delete"), &[("etag", &tag)]).await;
        assert_eq!(page.location(), list, "{}", page.text);
        assert_eq!(admin.get(path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(console.engine.settings().unwrap(), before, "{path}");
    }
    let filter = ringroute::store::AuditFilter { limit: 100, ..Default::default() };
    let entries = console.engine.read(|reading| reading.audit_entries(&filter)).unwrap();
    let by_admin = entries.iter().filter(|entry| entry.actor.name == "the admin");
    assert_eq!(by_admin.count(), 10, "five were added and five removed: {entries:?}");
}

/// A route that asks for a trunk and a time, and goes to a listed destination and an extension.
const USED: &str = r#"
    [[extension]]
    name = "Ada"
    number = "1001"

    [[visibility_grant]]
    name = "for Ada"
    all_phonebooks = true
    extensions = ["1001"]

    [[time_condition]]
    name = "nights"
    time_zone = "Europe/Berlin"
    hours = ["22:00-06:00"]

    [[destination]]
    type = "conference"
    target = "6900"

    [[inbound_route]]
    name = "by night <b>"
    trunks = ["london"]
    times = [{ condition = "nights", destination = { type = "conference", target = "6900" } }]
    destination = { type = "extension", target = "1001" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_is_not_deleted_and_what_is_renamed_is_followed() {
    let (server, console) = company().await;
    server.apply(&format!("{}{OPEN}{USED}", server.settings())).await;
    let mut admin = console.signed_in(Role::Admin).await;
    for (path, user) in [
        ("/settings/trunks/london", "by night &lt;b&gt;"),
        ("/settings/hours/nights", "by night &lt;b&gt;"),
        ("/settings/destinations/conference%206900", "by night &lt;b&gt;"),
        ("/settings/extensions/1001", "for Ada"),
    ] {
        let tag = etag(&mut admin, path).await;
        let page = admin.post(&format!("{path}/delete"), &[("etag", &tag)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(
            page.text.contains("It was not deleted") && page.text.contains(user),
            "{path}: {}",
            page.text
        );
        assert_eq!(admin.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (path, fields) in [
        ("/settings/trunks/london", vec![("name", "dublin")]),
        (
            "/settings/hours/nights",
            vec![("name", "late"), ("time_zone", "Europe/Berlin"), ("hours", "22:00-06:00"), ("dates", "")],
        ),
        (
            "/settings/destinations/conference%206900",
            vec![("type", "announcement"), ("target", "closed"), ("name", "")],
        ),
        ("/settings/extensions/1001", vec![("number", "1002"), ("name", "Ada"), ("enabled", "on")]),
    ] {
        let page = admin.post(path, &fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: {}", page.text);
    }
    let settings = console.engine.settings().unwrap();
    let route = settings.inbound_routes.last().unwrap();
    let time = &route.times[0];
    let closed = time.destination.as_ref().unwrap();
    assert_eq!((route.trunks[0].as_str(), time.condition.as_str()), ("dublin", "late"));
    assert_eq!((closed.destination_type.name(), closed.target.as_str()), ("announcement", "closed"));
    assert_eq!(route.destination.target, "1002");
    assert_eq!(settings.visibility_grants[0].extensions, ["1002"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn last_digits_are_turned_on_by_whoever_saw_who_would_be_mixed_up() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    admin.post("/phonebooks", &[("name", "Mine")]).await;
    for (name, number) in [("Berg", "+49 30 7654321"), ("Dorn", "+49 89 7654321")] {
        let contact = [("last_name", name), ("business_number", number), ("phonebooks", "Mine")];
        assert_eq!(admin.post("/contacts/new", &contact).await.status, StatusCode::SEE_OTHER);
    }
    let last_digits = || console.engine.settings().unwrap().numbers.last_digits;
    let path = "/settings/numbers";
    let typed = |digits: &'static str| [("numbers.default_region", "DE"), ("numbers.last_digits", digits)];
    let page = admin.post(path, &typed("6")).await;
    assert!(page.error_of("numbers.last_digits").unwrap().contains("7 to 15"), "{}", page.text);
    assert!(page.is_called_as_labelled("numbers.last_digits"), "{}", page.text);

    let page = admin.post(path, &typed("7")).await;
    assert_eq!((page.status, last_digits()), (StatusCode::UNPROCESSABLE_ENTITY, 0));
    for part in ["Not saved yet", "7654321", "Berg", "Dorn"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    // What was seen counts for as many digits as were seen.
    let seen = hidden(&page, "seen");
    let page = admin.post(path, &with(&typed("7"), "seen", "8")).await;
    assert_eq!((page.status, last_digits()), (StatusCode::UNPROCESSABLE_ENTITY, 0));
    let page = admin.post(path, &with(&typed("7"), "seen", &seen)).await;
    assert_eq!((page.location(), last_digits()), (path, 7), "{}", page.text);
    // More digits mix up fewer, and off nobody.
    assert_eq!(admin.post(path, &typed("8")).await.location(), path);
    assert_eq!(admin.post(path, &typed("")).await.location(), path);
    assert_eq!(last_digits(), 0);

    let page = admin.get("/settings/numbers/collisions?digits=7").await;
    assert!(page.text.contains("Berg") && page.text.contains("Dorn"), "{}", page.text);
    let page = admin.get("/settings/numbers/collisions?digits=8").await;
    assert!(!page.text.contains("Berg"), "{}", page.text);
    assert_eq!(admin.get("/settings/numbers/collisions?digits=99").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_once_is_saved_with_its_errors_at_their_fields_and_the_second_is_told() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let clients = [
        ("minimum_versions.linkus_android", "5.7.4"),
        ("minimum_versions.linkus_ios", "5.8"),
        ("minimum_versions.linkus_mac", "1.7.3"),
        ("minimum_versions.linkus_windows", "0"),
        ("other_platforms", "desk_phone = 1.0"),
        ("unnamed_clients", "refused"),
    ];
    let limits = [("limits.extensions", "20"), ("limits.contacts", ""), ("limits.phonebooks", "300")];
    let history = [("history.runs", "5"), ("history.megabytes", "100")];
    let dialled = [("dial_strings.queue", "Local/{target}@queues"), ("unlisted_destinations", "allowed")];
    for (path, fields, wrong) in [
        ("/settings/clients", &clients[..], ("minimum_versions.linkus_ios", "new")),
        ("/settings/clients", &clients[..], ("other_platforms", "desk phone")),
        ("/settings/limits", &limits[..], ("limits.phonebooks", "0")),
        ("/settings/limits", &limits[..], ("limits.contacts", "many")),
        ("/settings/history", &history[..], ("history.runs", "1001")),
        ("/settings/dial-strings", &dialled[..], ("dial_strings.queue", "SIP/queues")),
    ] {
        let old = etag(&mut admin, path).await;
        let before = console.engine.settings().unwrap();
        let page = admin.post(path, &with(fields, wrong.0, wrong.1)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {wrong:?}");
        assert!(page.error_of(wrong.0).is_some(), "{path} {wrong:?}: {}", page.text);
        assert!(page.is_called_as_labelled(wrong.0), "{path} {wrong:?}: {}", page.text);
        assert!(page.text.contains(wrong.1), "{path} forgot {wrong:?}");
        assert_eq!(console.engine.settings().unwrap(), before, "{path}");

        let page = admin.post(path, &with(fields, "etag", &old)).await;
        assert_eq!(page.location(), path, "{}", page.text);
        let saved = console.engine.settings().unwrap();
        assert_ne!(saved, before, "{path}");
        let page = admin.post(path, &with(fields, "etag", &old)).await;
        assert!(page.text.contains("Somebody else has changed this"), "{path}: {}", page.text);
        console.engine.by("test").apply(&before.to_toml().unwrap(), REFUSE, false).unwrap();
    }
}

const REFUSE: ringroute::store::RemovedSources = ringroute::store::RemovedSources::Refuse;

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_every_field_of_the_settings_stays_text() {
    let (_server, console) = company().await;
    let mut admin = console.signed_in(Role::Admin).await;
    let before = console.engine.settings().unwrap().to_toml().unwrap();
    let has_markup = |page: &Page| page.text.contains("<script>alert");
    for Listed { list, new, fields, .. } in LISTED {
        for (field, _) in fields {
            let typed = with(fields, field, HOSTILE);
            let page = admin.post(new, &typed).await;
            assert!(!page.status.is_server_error() && !has_markup(&page), "{new} {field}: {}", page.text);
            if page.status == StatusCode::UNPROCESSABLE_ENTITY {
                assert!(page.text.contains("&lt;script&gt;"), "{new} forgot {field}: {}", page.text);
            } else {
                let mut shown = vec![admin.get(list).await];
                let marker = format!("href=\"{list}/");
                let to = shown[0].text.split(&marker).skip(1);
                let paths: Vec<String> =
                    to.map(|rest| format!("{list}/{}", rest.split('"').next().unwrap())).collect();
                for path in paths {
                    shown.push(admin.get(&path).await);
                    assert_eq!(shown.last().unwrap().status, StatusCode::OK, "{path}");
                }
                for path in ["/routes", "/new-route", "/settings/new-grant", "/try"] {
                    shown.push(admin.get(path).await);
                }
                assert!(shown.iter().all(|page| !has_markup(page)), "{new} {field}");
            }
            console.engine.by("test").apply(&before, REFUSE, false).unwrap();
        }
        for query in ["%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cscript%3Ealert(1)"] {
            let page = admin.get(&format!("{list}?query={query}&after=-1")).await;
            assert!(page.status == StatusCode::OK && !has_markup(&page), "{list}: {}", page.text);
        }
    }
    for (path, fields) in [
        ("/settings/numbers", &["numbers.default_region", "numbers.last_digits", "seen", "etag"][..]),
        ("/settings/limits", &["limits.extensions", "limits.contacts", "limits.phonebooks", "etag"][..]),
        ("/settings/history", &["history.runs", "history.megabytes", "etag"][..]),
        ("/settings/clients", &["minimum_versions.linkus_ios", "other_platforms", "unnamed_clients"][..]),
        ("/settings/dial-strings", &["dial_strings.queue", "unlisted_destinations", "shows_numbers"][..]),
    ] {
        for field in fields {
            let page = admin.post(path, &[(*field, HOSTILE)]).await;
            assert!(!page.status.is_server_error() && !has_markup(&page), "{path} {field}: {}", page.text);
            console.engine.by("test").apply(&before, REFUSE, false).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_the_settings_and_no_way_to_change_them() {
    let (server, console) = company().await;
    server.apply(&format!("{}{OPEN}{USED}", server.settings())).await;
    let mut viewer = console.signed_in(Role::Viewer).await;
    let index = viewer.get("/settings").await;
    assert!(
        index.text.contains("/settings/trunks") && !index.text.contains("/settings/users"),
        "{}",
        index.text
    );
    for path in [
        "/settings/trunks",
        "/settings/trunks/london",
        "/settings/hours/nights",
        "/settings/extensions/1001",
        "/settings/grants/for%20Ada",
        "/settings/destinations/conference%206900",
        "/settings/numbers",
        "/settings/clients",
        "/settings/limits",
    ] {
        let page = viewer.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for way in [">Save<", ">Delete…<", ">Add a"] {
            assert!(!page.text.contains(way), "{path} has {way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_destinations_begins_with_those_that_routes_go_to() {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    let one = [("type", "conference"), ("target", "6900"), ("name", "")];
    let page = admin.post("/settings/new-destination", &one).await;
    // From the first one on, routes can only go to what is listed.
    assert!(page.text.contains("inbound route") && page.text.contains("no-number"), "{}", page.text);
    assert!(admin.get("/settings/destinations").await.text.contains("List what routes go to"));
    let page = admin.post_and_see("/settings/list-destinations", &[]).await;
    for target in ["no-number", "6400", "6300"] {
        assert!(page.text.contains(target), "{target}: {}", page.text);
    }
    assert_eq!(admin.post("/settings/new-destination", &one).await.location(), "/settings/destinations");
    // Once more adds nothing.
    admin.post("/settings/list-destinations", &[]).await;
    assert_eq!(console.engine.settings().unwrap().destinations.len(), 4);
}
