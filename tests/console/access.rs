//! Who gets where: every route, as no one and in each role; tokens, names of the server, tries.

use hyper::{Method, StatusCode};
use ringroute::access::Role;
use ringroute::console::{self, Who};

use crate::browser::{Console, PASSWORD, encoded};
use crate::support::Server;

/// A path with something in the place of what varies. Nothing of it exists.
fn concrete(path: &str) -> String {
    let mut concrete = String::new();
    for part in path.split_inclusive('/') {
        let is_name = part.starts_with('{');
        concrete += if is_name { "1" } else { part };
        if is_name && part.ends_with('/') {
            concrete += "/";
        }
    }
    concrete
}

/// With the token in the query too, where the routes that take a file have it; the others look at the form alone.
fn with_token(target: &str, token: &str) -> String {
    format!("{target}?csrf={token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_open_to_those_it_is_for_and_to_no_others() {
    let server = Server::start_with_company().await;
    let console = Console::of(server.engine.clone()).await;
    let mut visitors = vec![(None, console.browser())];
    for role in ringroute::account::ROLES {
        visitors.push((Some(role), console.signed_in(role).await));
    }
    let routes = console::routes();
    assert!(routes.len() > 8);
    for (method, path, who) in routes {
        let target = concrete(path);
        for (role, browser) in &visitors {
            // A session of its own: some routes end it, and others of the same user.
            let mut browser = match role {
                Some(role) => console.signed_in(*role).await,
                None => browser.clone(),
            };
            let page = match &method {
                &Method::POST => browser.post(&with_token(&target, &browser.token), &[]).await,
                _ => browser.get(&target).await,
            };
            let case = format!("{method} {path} as {role:?}: {}", page.status);
            let may = match who {
                Who::Anyone => true,
                Who::May(permission) => role.is_some_and(|role| role.may(permission)),
            };
            let refused = match (role, &method) {
                (None, &Method::GET) => page.location().starts_with("/sign-in"),
                (None, _) => page.status == StatusCode::UNAUTHORIZED,
                (Some(_), _) => page.status == StatusCode::FORBIDDEN,
            };
            assert_eq!(refused, !may, "{case}");
            assert!(!page.status.is_server_error(), "{case}: {}", page.text);
            if let (&Method::POST, Some(_), Who::May(_)) = (&method, role, who) {
                // And never without the form's token, whoever it is.
                let mut forged = console.signed_in(*role.as_ref().unwrap()).await;
                forged.token = "0".repeat(64);
                let page = forged.post(&with_token(&target, &forged.token), &[]).await;
                assert_eq!(page.status, StatusCode::FORBIDDEN, "{case}, forged");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_scripts_frames_and_keeping() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    for path in ["/", "/account", "/sign-in", "/nothing", "/assets/nothing"] {
        let page = admin.get(path).await;
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        for forbidden in [" style=\"", " onclick=", "<style", "javascript:"] {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden}");
        }
        assert!(!page.text.contains("<script>"), "{path}");
    }
    let page = admin.get("/").await;
    let (_, rest) = page.text.split_once("stylesheet\" href=\"").unwrap();
    let style = admin.get(rest.split('"').next().unwrap()).await;
    assert_eq!(style.status, StatusCode::OK);
    assert!(style.header("cache-control").contains("immutable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_is_refused_even_with_the_right_token() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut admin = console.signed_in(Role::Admin).await;
    let body = encoded(&[("csrf", &admin.token)]);
    for header in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let path = "/account/sign-out-everywhere";
        let page = admin.send(Method::POST, path, &[header], body.clone()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{header:?}");
    }
    assert_eq!(admin.get("/account").await.status, StatusCode::OK, "still signed in");
    let ours = format!("http://{}", console.address);
    let header = [("origin", ours.as_str())];
    let page = admin.send(Method::POST, "/account/sign-out-everywhere", &header, body).await;
    assert_eq!(page.location(), "/sign-in");
    assert_eq!(admin.get("/account").await.location(), "/sign-in?to=/account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_this_servers_is_not_answered() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut browser = console.browser();
    for (host, status) in [
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1.evil.example:8080", StatusCode::MISDIRECTED_REQUEST),
        ("ringroute.example.com", StatusCode::OK),
        ("localhost:8080", StatusCode::OK),
    ] {
        let page = browser.send(Method::GET, "/sign-in", &[("host", host)], String::new()).await;
        assert_eq!(page.status, status, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_for_this_site_and_no_script_and_for_tls_alone_where_there_is_tls() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    console.engine.by("test").create_user("ada", Role::Viewer, PASSWORD).unwrap();
    let body = encoded(&[("name", "ada"), ("password", PASSWORD)]);
    let mut browser = console.browser();
    let page = browser.send(Method::POST, "/sign-in?to=/account", &[], body.clone()).await;
    assert_eq!(page.location(), "/account");
    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    let headers = [("host", "ringroute.example.com"), ("origin", "https://ringroute.example.com")];
    let page = console.browser().send(Method::POST, "/sign-in", &headers, body).await;
    assert!(page.header("set-cookie").contains("; Secure"), "{}", page.header("set-cookie"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_wrong_name_are_told_in_the_same_words_and_only_so_often() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    console.engine.by("test").create_user("ada", Role::Viewer, PASSWORD).unwrap();
    let mut told = Vec::new();
    for name in ["ada", "eve"] {
        for _ in 0..6 {
            let fields = [("name", name), ("password", "wrong wrong wrong")];
            let page = console.browser().post("/sign-in", &fields).await;
            told.push((page.status, page.text.replace(name, "NAME")));
        }
    }
    assert_eq!(told[..6], told[6..]);
    assert_eq!(told[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(told[5].0, StatusCode::TOO_MANY_REQUESTS);
    assert!(!told[0].1.contains("wrong wrong"), "a password comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_gets_in_by_the_link_once() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let token = console.engine.offer_first_sign_in().unwrap();
    let mut browser = console.browser();
    assert_eq!(browser.get("/first-sign-in?token=guessed").await.status, StatusCode::GONE);
    assert!(browser.get("/sign-in").await.text.contains("There is no user yet"));
    let path = format!("/first-sign-in?token={token}");
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    let fields =
        |password, again| [("token", &*token), ("name", "Ada"), ("password", password), ("again", again)];
    let page = browser.post("/first-sign-in", &fields("short", "short")).await;
    assert!(page.error_of("password").unwrap().contains("at least 12"), "{}", page.text);
    assert!(page.text.contains("value=\"Ada\""), "what was typed is kept");
    let page = browser.post("/first-sign-in", &fields(PASSWORD, "another")).await;
    assert!(page.error_of("again").is_some());
    let page = browser.post_and_see("/first-sign-in", &fields(PASSWORD, PASSWORD)).await;
    assert!(page.text.contains("Overview"));
    assert_eq!(console.browser().get(&path).await.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_a_mail_finds_the_way_back_into_a_session() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut browser = console.browser();
    // The cookie is not sent with what another site's link begins.
    let header = [("sec-fetch-site", "cross-site")];
    let page = browser.send(Method::GET, "/account?x=1", &header, String::new()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("http-equiv=\"refresh\" content=\"0; url=/account?x=1\""), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_is_set_with_the_present_one_and_ends_other_sessions() {
    let server = Server::start().await;
    let console = Console::of(server.engine.clone()).await;
    let mut here = console.signed_in(Role::Viewer).await;
    let mut elsewhere = console.signed_in(Role::Viewer).await;
    let fields =
        |present| [("present", present), ("password", "another good one"), ("again", "another good one")];
    let page = here.post("/account/password", &fields("wrong wrong wrong")).await;
    assert_eq!(page.error_of("present").unwrap(), "is not your password");
    assert_eq!(elsewhere.get("/account").await.status, StatusCode::OK);
    let page = here.post_and_see("/account/password", &fields(PASSWORD)).await;
    assert!(page.text.contains("Your password was changed"), "{}", page.text);
    assert!(!here.get("/account").await.text.contains("Your password was changed"), "said once");
    assert!(elsewhere.get("/account").await.location().starts_with("/sign-in"));
}
