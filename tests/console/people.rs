//! Users and tokens, by forms alone.

use hyper::StatusCode;
use ringroute::access::Role;
use ringroute::store::AuditFilter;

use crate::browser::{Browser, Console, PASSWORD};
use crate::support::Server;

const HOSTILE: &str = "<script>alert(1)</script>";

async fn console() -> (Server, Console, Browser) {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let admin = console.signed_in(Role::Admin).await;
    (server, console, admin)
}

/// What the audit says, the latest first: who, and what they did.
fn audited(console: &Console) -> Vec<(String, String)> {
    let filter = AuditFilter { limit: 100, ..Default::default() };
    let entries = console.engine.read(|reading| reading.audit_entries(&filter)).unwrap();
    let told = |entry: ringroute::audit::AuditEntry| {
        (entry.actor.to_string(), format!("{} {}", entry.event.action.name(), entry.event.subject))
    };
    entries.into_iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_with_a_password_that_is_shown_once_and_signs_in_with_it() {
    let (_server, console, mut admin) = console().await;
    let page = admin.post("/settings/users", &[("name", " "), ("role", "viewer")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.error_of("name").unwrap().contains("is empty"), "{}", page.text);
    let page = admin.post("/settings/users", &[("name", "grace"), ("role", "lookup")]).await;
    assert!(page.error_of("role").unwrap().contains("viewer, operator, admin"), "{}", page.text);
    assert!(page.text.contains("value=\"grace\""), "what was typed is kept");

    let page = admin.post("/settings/users", &[("name", "grace"), ("role", "operator")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let password = page.shown_once("password");
    for path in ["/settings/users", "/settings/users/grace", "/settings/audit"] {
        let page = admin.get(path).await;
        assert!(page.text.contains("grace") && !page.text.contains(&password), "{path}: {}", page.text);
    }
    let mut grace = console.browser();
    let page = grace.post("/sign-in", &[("name", "grace"), ("password", &password)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let (who, what) = &audited(&console)[0];
    assert_eq!(what, "added user \"grace\"");
    assert_eq!(who, "console 127.0.0.1, user \"the admin\"");
    let page = admin.post("/settings/users", &[("name", "GRACE"), ("role", "viewer")]).await;
    assert!(page.error_of("name").unwrap().contains("already"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_typed_has_to_be_one_and_never_comes_back() {
    let (_server, _console, mut admin) = console().await;
    let fields =
        |password, again| [("name", "grace"), ("role", "viewer"), ("password", password), ("again", again)];
    let page = admin.post("/settings/users", &fields("too short", "too short")).await;
    assert!(page.error_of("password").unwrap().contains("at least 12"), "{}", page.text);
    assert!(!page.text.contains("too short"), "{}", page.text);
    let page = admin.post("/settings/users", &fields(PASSWORD, "another")).await;
    assert!(page.error_of("again").is_some() && !page.text.contains(PASSWORD), "{}", page.text);
    let page = admin.post_and_see("/settings/users", &fields(PASSWORD, PASSWORD)).await;
    assert!(page.text.contains("can sign in now") && !page.text.contains(PASSWORD), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_and_another_password_hold_at_once_and_a_deleted_user_is_out() {
    let (_server, console, mut admin) = console().await;
    let mut viewer = console.signed_in(Role::Viewer).await;
    assert_eq!(viewer.get("/settings/users").await.status, StatusCode::FORBIDDEN);
    let path = "/settings/users/the%20viewer";
    let page = admin.post_and_see(&format!("{path}/role"), &[("was", "viewer"), ("role", "admin")]).await;
    assert!(page.text.contains("is an administrator now"), "{}", page.text);
    assert_eq!(viewer.get("/settings/users").await.status, StatusCode::OK);

    // Two who edit one: the second is told, what they chose is kept, and saves again.
    let second = [("was", "viewer"), ("role", "operator")];
    let page = admin.post(&format!("{path}/role"), &second).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("Somebody else has changed the role"), "{}", page.text);
    assert!(page.text.contains("value=\"operator\" checked"), "{}", page.text);
    let again = [("was", page.hidden("was")), ("role", "operator".to_owned())];
    let again = again.each_ref().map(|(name, value)| (*name, value.as_str()));
    admin.post_and_see(&format!("{path}/role"), &again).await;
    assert_eq!(viewer.get("/settings/users").await.status, StatusCode::FORBIDDEN);

    let page = admin.post(&format!("{path}/password"), &[]).await;
    let password = page.shown_once("password");
    assert!(viewer.get("/account").await.location().starts_with("/sign-in"), "signed out");
    let page = viewer.post("/sign-in", &[("name", "the viewer"), ("password", &password)]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    admin.post_and_see(&format!("{path}/sign-out"), &[]).await;
    assert!(viewer.get("/account").await.location().starts_with("/sign-in"), "signed out");
    admin.post_and_see(&format!("{path}/delete"), &[]).await;
    assert_eq!(admin.get(path).await.status, StatusCode::NOT_FOUND);
    let done: Vec<String> = audited(&console).into_iter().map(|(_, what)| what).take(5).collect();
    let expected = ["removed", "cancelled sessions of", "changed", "changed", "changed"];
    for (done, expected) in done.iter().zip(expected) {
        assert_eq!(*done, format!("{expected} user \"the viewer\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_and_ones_own_password_takes_the_present_one() {
    let (_server, console, mut admin) = console().await;
    let path = "/settings/users/the%20admin";
    for (action, fields) in [("delete", &[][..]), ("role", &[("role", "viewer")])] {
        let page = admin.post(&format!("{path}/{action}"), fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{action}");
        assert!(page.text.contains("is the only administrator: make another one first"), "{}", page.text);
    }
    let fields = [("password", "another good one"), ("again", "another good one")];
    let page = admin.post(&format!("{path}/password"), &fields).await;
    assert!(page.text.contains("Your own password is changed on the page of your name"), "{}", page.text);
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);

    // With another one, they may go: by their own role, to where they still may be, and out.
    console.engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    let page = admin.post(&format!("{path}/role"), &[("role", "viewer")]).await;
    assert_eq!(page.location(), "/");
    console.engine.by("test").set_role("the admin", Role::Admin).unwrap();
    let page = admin.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(page.location(), "/sign-in");
    assert!(admin.get("/").await.location().starts_with("/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_works_and_is_refused_from_the_moment_it_is_revoked() {
    let (_server, console, mut admin) = console().await;
    let page = admin.get("/settings/tokens").await;
    assert!(page.text.contains("asks nobody for a token"), "{}", page.text);
    for (field, value, expected) in [
        ("name", " ", "is empty"),
        ("role", "king", "is no role"),
        ("expires_at", "soon", "is no day"),
        ("expires_at", "1999-12-31", "a time to come"),
    ] {
        let mut fields = vec![("name", "Kamailio"), ("role", "lookup"), ("expires_at", "")];
        fields.iter_mut().find(|(name, _)| *name == field).unwrap().1 = value;
        let page = admin.post("/settings/tokens", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", page.text);
        let problem = page.error_of(field).unwrap();
        assert!(problem.contains(expected), "{field}: {problem}");
        assert!(page.text.contains("value=\"Kamailio\"") || field == "name", "what was typed is kept");
    }
    let fields = [("name", "Kamailio"), ("role", "lookup"), ("expires_at", "2099-12-31")];
    let page = admin.post("/settings/tokens", &fields).await;
    let secret = page.shown_once("secret");
    let check = || {
        let tokens = console.engine.tokens();
        tokens.check(&secret, jiff::Timestamp::now()).is_ok()
    };
    assert!(check());
    let page = admin.get("/settings/tokens").await;
    assert!(page.text.contains("Kamailio") && !page.text.contains(&secret), "{}", page.text);
    assert!(page.text.contains("31 Dec 2099") || page.text.contains("2099-12-31"), "{}", page.text);
    let page = admin.post("/settings/tokens", &fields).await;
    assert!(page.error_of("name").unwrap().contains("already"), "{}", page.text);
    let page = admin.post_and_see("/settings/tokens/Kamailio/revoke", &[]).await;
    assert!(page.text.contains("is revoked") && page.text.contains("No token yet"), "{}", page.text);
    assert!(!check());
    assert_eq!(admin.post("/settings/tokens/Kamailio/revoke", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(audited(&console)[0].1, "removed token \"Kamailio\"");
    let audit = admin.get("/settings/audit").await;
    assert!(!audit.text.contains(secret.rsplit('_').next().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_the_name_of_a_user_or_a_token_stays_text() {
    let (_server, _console, mut admin) = console().await;
    let mut pages = vec![
        admin.post("/settings/users", &[("name", HOSTILE), ("role", HOSTILE)]).await,
        admin.post("/settings/users", &[("name", HOSTILE), ("role", "viewer")]).await,
        admin
            .post("/settings/tokens", &[("name", HOSTILE), ("role", HOSTILE), ("expires_at", HOSTILE)])
            .await,
        admin.post("/settings/tokens", &[("name", HOSTILE), ("role", "lookup")]).await,
    ];
    let escaped = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in ["/settings/users", "/settings/tokens", "/settings/audit", "/settings/audit?who=%3Cscript%3E"]
    {
        pages.push(admin.get(path).await);
    }
    pages.push(admin.get(&format!("/settings/users/{escaped}")).await);
    let role = format!("/settings/users/{escaped}/role");
    pages.push(admin.post(&role, &[("was", HOSTILE), ("role", "operator")]).await);
    for page in pages {
        assert!(!page.text.contains(HOSTILE), "{}", page.text);
        assert!(page.text.contains("&lt;script&gt;"), "{}", page.text);
        assert!(!page.status.is_server_error());
    }
}
