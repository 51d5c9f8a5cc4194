//! What is between a request and its handler: the name it was sent to, who sent it, whether they may, and
//! whether they meant it.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use subtle::ConstantTimeEq;

use super::failure::Failure;
use super::table::{Content, Who};
use super::visit::{Fields, Peer, Visit};
use super::{Console, host};
use crate::engine::SignedIn;

/// Largest form, in bytes. A source's has some kilobytes.
const MAX_FORM_BYTES: usize = 256 * 1024;

/// Most fields of a form.
const MAX_FIELDS: usize = 2000;

/// How long a form may take to arrive.
const FORM_PATIENCE: Duration = Duration::from_secs(30);

/// The field, or the part of the query, that has the token.
pub(super) const TOKEN: &str = "csrf";

/// Keeps one route.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    pub(super) console: Console,
    pub(super) who: Who,
    pub(super) content: Content,
}

/// What every answer has. There is no script and no style in a page, so none that somebody got into one is run.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not "no-referrer", with which forms would come without their origin.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Around everything: refuses names that are not ours, and says how answers are to be treated.
pub(super) async fn outermost(State(console): State<Console>, request: Request, next: Next) -> Response {
    let authority = host::authority(request.uri(), request.headers());
    let is_ours = authority.is_some_and(|authority| host::is_ours(&authority, &console.surroundings.hosts));
    let mut response =
        if is_ours { next.run(request).await } else { Failure::foreign_host().into_plain_response() };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Around every handler.
pub(super) async fn guard(State(keeper): State<Keeper>, request: Request, next: Next) -> Response {
    let Keeper { console, who, content } = keeper;
    let token = cookie(request.headers(), &console.cookie);
    let user = token.as_deref().and_then(|token| console.engine.session(token));
    if user.is_some() {
        // Whatever they look at first, contacts may be searched next.
        console.engine.expect_search();
    }
    let peer = Peer::of(request.extensions());
    let visit = Visit::new(&console, user.clone(), token.as_deref(), request.uri(), peer);
    let answer = match admit(&visit, who, user.as_ref(), &request) {
        Admitted::No(response) => response,
        Admitted::Yes if request.method() == Method::GET || request.method() == Method::HEAD => {
            let mut request = request;
            request.extensions_mut().insert(visit.clone());
            request.extensions_mut().insert(Fields::default());
            next.run(request).await
        }
        Admitted::Yes => match meant(&visit, content, request).await {
            Ok(mut request) => {
                request.extensions_mut().insert(visit.clone());
                next.run(request).await
            }
            Err(failure) => failure.into_response(),
        },
    };
    // An error becomes a page here, where it is known who sees it.
    match answer.extensions().get::<Failure>() {
        Some(failure) => visit.failure(failure),
        None => answer,
    }
}

enum Admitted {
    Yes,
    No(Response),
}

fn admit(visit: &Visit, who: Who, user: Option<&SignedIn>, request: &Request) -> Admitted {
    let Who::May(permission) = who else { return Admitted::Yes };
    match user {
        Some(user) if user.role.may(permission) => Admitted::Yes,
        Some(user) => Admitted::No(Failure::not_allowed(user.role, permission).into_response()),
        None if request.method() == Method::GET && !wants_events(request.headers()) => {
            // A link in a mail comes without the cookie, which is strict; a page of ours that goes there brings it.
            let is_from_elsewhere =
                request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
            let sign_in = if is_from_elsewhere { visit.bounce() } else { visit.to_sign_in().into_response() };
            Admitted::No(sign_in)
        }
        None => Admitted::No(Failure::signed_out().into_response()),
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"))
}

/// Whether a request that changes something was sent by a page of ours, with the session's own token in it.
async fn meant(visit: &Visit, content: Content, request: Request) -> Result<Request, Failure> {
    let authority = host::authority(request.uri(), request.headers()).ok_or_else(Failure::not_meant)?;
    if !host::is_from_our_page(&authority, request.headers()) {
        return Err(Failure::not_meant());
    }
    if let Content::Upload(_) = content {
        let query = request.uri().query().unwrap_or_default();
        let found = query.split('&').find_map(|part| part.strip_prefix("csrf="));
        check_token(visit, found.unwrap_or_default())?;
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let read = tokio::time::timeout(FORM_PATIENCE, to_bytes(body, MAX_FORM_BYTES)).await;
    let bytes = read.ok().and_then(Result::ok).ok_or_else(Failure::unreadable_form)?;
    let mut form = Request::new(Body::from(bytes));
    *form.method_mut() = Method::POST;
    form.headers_mut()
        .extend(parts.headers.get(header::CONTENT_TYPE).cloned().map(|kind| (header::CONTENT_TYPE, kind)));
    let Form(fields) = Form::<Vec<(String, String)>>::from_request(form, &())
        .await
        .map_err(|_| Failure::unreadable_form())?;
    if fields.len() > MAX_FIELDS {
        return Err(Failure::unreadable_form());
    }
    let found = fields.iter().find(|(name, _)| name == TOKEN).map(|(_, token)| token.as_str());
    check_token(visit, found.unwrap_or_default())?;
    parts.extensions.insert(Fields(fields));
    Ok(Request::from_parts(parts, Body::empty()))
}

/// Who is not signed in has nothing that a foreign page could make them do but sign in, which their browser
/// tells us of by `Origin`.
fn check_token(visit: &Visit, found: &str) -> Result<(), Failure> {
    match visit.token() {
        None => Ok(()),
        Some(token) if bool::from(token.as_bytes().ct_eq(found.as_bytes())) => Ok(()),
        Some(_) => Err(Failure::not_meant()),
    }
}

/// The value of a cookie.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

/// Where to go after something was done: seen by a GET.
pub(super) fn see(path: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response
}
