//! Signing in and out.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::visit::{Answer, Fields, Peer, Tone, Visit, escaped};
use crate::console::widgets::banner;
use crate::console::{Console, guard, host};
use crate::engine::{MAX_SESSION_DAYS, SignInError};

#[derive(Deserialize)]
pub(in crate::console) struct Going {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
pub(in crate::console) struct First {
    #[serde(default)]
    token: String,
}

/// Only to a page of ours.
fn destination(to: &str) -> &str {
    // Browsers take `\` for a slash, and leave out tabs and line breaks, behind which a second slash may be.
    let misleads = |character: char| character == '\\' || character.is_control();
    let is_ours = to.starts_with('/') && !to.starts_with("//") && !to.contains(misleads);
    if is_ours { to } else { "/" }
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Query(Going { to }): Query<Going>,
) -> Answer {
    if visit.user.is_some() {
        return Ok(guard::see(destination(&to)));
    }
    visit.outside(StatusCode::OK, "Sign in", page(&console, &Form::default(), None, &to))
}

fn page(console: &Console, form: &Form, problem: Option<&str>, to: &str) -> Markup {
    let action = if to.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?to={}", escaped(to)) };
    html! {
        h1 { "Sign in" }
        @if console.engine.awaits_first_administrator() {
            (banner(Tone::Plain, "There is no user yet. Open the link that `ringroute serve` printed when it started, or \
                                  make the first administrator with: ringroute admin create NAME"))
        }
        @if let Some(problem) = problem { div role="alert" { (banner(Tone::Bad, problem)) } }
        form method="post" action=(action) {
            (Control::text("name", "Name").autocomplete("username").first().show(form))
            (Control::password("password", "Password", "current-password").show(form))
            div.actions { button.solid type="submit" { "Sign in" } }
        }
    }
}

pub(in crate::console) async fn sign_in(
    State(console): State<Console>,
    visit: Visit,
    Peer(address): Peer,
    Query(Going { to }): Query<Going>,
    headers: HeaderMap,
    fields: Fields,
) -> Answer {
    let form = Form::from(fields);
    match console.engine.sign_in(form.text("name"), form.raw("password"), address).await {
        Ok(session) => Ok(begin(&console, &headers, &session, destination(&to))),
        Err(error) => {
            let (status, problem) = match &error {
                SignInError::Wrong => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "Name or password is wrong.".to_owned())
                }
                SignInError::TooManyTries { minutes } => (
                    StatusCode::TOO_MANY_REQUESTS,
                    format!(
                        "Too many tries. Wait {minutes} {}, then try again.",
                        if *minutes == 1 { "minute" } else { "minutes" }
                    ),
                ),
                SignInError::Busy => {
                    (StatusCode::SERVICE_UNAVAILABLE, "The server is busy. Try again in a moment.".to_owned())
                }
            };
            visit.outside(status, "Sign in", page(&console, &form, Some(&problem), &to))
        }
    }
}

/// Goes there with the session's token.
fn begin(console: &Console, headers: &HeaderMap, session: &str, to: &str) -> Response {
    let mut response = guard::see(to);
    set_cookie(console, headers, &mut response, session, MAX_SESSION_DAYS * 24 * 3600);
    response
}

fn set_cookie(console: &Console, headers: &HeaderMap, response: &mut Response, value: &str, seconds: i64) {
    let secure = if host::is_encrypted(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", console.cookie);
    // A token is made of hexadecimal digits.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

pub(in crate::console) async fn sign_out(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
) -> Answer {
    if let Some(user) = visit.user {
        console.edit(move |engine| engine.sign_out(user.key)).await?;
    }
    let mut response = guard::see("/sign-in");
    set_cookie(&console, &headers, &mut response, "", 0);
    Ok(response)
}

pub(in crate::console) async fn show_first(
    State(console): State<Console>,
    visit: Visit,
    Query(First { token }): Query<First>,
) -> Answer {
    if !console.engine.is_first_sign_in(&token) {
        return visit.outside(StatusCode::GONE, "Link not good", not_good());
    }
    visit.outside(StatusCode::OK, "Welcome", first_page(&Form::default(), &token))
}

fn not_good() -> Markup {
    html! {
        h1 { "This link is not good any more" }
        p { "It is good once, for 24 hours, and until the server ends. If there is no user yet, start the server again: \
             it prints another one. Or use " code { "ringroute admin create NAME" } "." }
        div.actions { a.button href="/sign-in" { "To the sign-in" } }
    }
}

fn first_page(form: &Form, token: &str) -> Markup {
    html! {
        h1 { "Welcome" }
        p { "You are the first here. Choose a name and a password; you will be the administrator." }
        (below_errors(form, html! {
            form method="post" action="/first-sign-in" {
                input type="hidden" name="token" value=(token);
                (Control::text("name", "Name").autocomplete("username").first().show(form))
                (Control::password("password", "Password", "new-password")
                    .hint("At least 12 characters; several words make a good one.").show(form))
                (Control::password("again", "The same again", "new-password").show(form))
                div.actions { button.solid type="submit" { "Begin" } }
            }
        }))
    }
}

pub(in crate::console) async fn create_first(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let token = form.text("token").to_owned();
    if !console.engine.is_first_sign_in(&token) {
        return visit.outside(StatusCode::GONE, "Link not good", not_good());
    }
    if form.raw("password") != form.raw("again") {
        form.fail("again", "differs from the password above");
    } else {
        let (name, password) = (form.text("name").to_owned(), form.raw("password").to_owned());
        let given = token.clone();
        let made =
            console.edit(move |engine| engine.create_first_administrator(&given, &name, &password)).await;
        match made {
            Ok(session) => return Ok(begin(&console, &headers, &session, "/")),
            Err(error) => form.refuse(error)?,
        }
    }
    visit.outside(StatusCode::UNPROCESSABLE_ENTITY, "Welcome", first_page(&form, &token))
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn after_the_sign_in_one_comes_to_a_page_of_ours_and_to_no_other() {
        for to in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\0/evil.example",
            "",
            "evil",
        ] {
            assert_eq!(destination(to), "/", "{to:?}");
        }
        assert_eq!(destination("/sources/crm?x=1"), "/sources/crm?x=1");
    }
}
