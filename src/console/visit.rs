//! A visit: who looks at which page, and what they are told.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::failure::Failure;
use super::layout::{self, Nav};
use super::{Console, guard};
use crate::access::{self, Permission};
use crate::audit::{Actor, Door};
use crate::engine::SignedIn;

/// Derives the token of a session's forms from that of the session; the one does not tell the other.
const TOKEN_CONTEXT: &str = "ringroute console 2026-11 token of forms";

/// What a handler answers: a page or a way to one, or what went wrong.
pub(super) type Answer = Result<Response, Failure>;

/// The fields of a form that was sent, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

/// Said once, on the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flash {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Worth knowing.
    Plain,
    /// Done.
    Good,
    /// To be looked at.
    Warning,
    /// Went wrong.
    Bad,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
        }
    }
}

/// Who looks at which page.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    console: Console,
    /// Who it is, if they are signed in.
    pub(super) user: Option<SignedIn>,
    token: Option<String>,
    /// The address of the page, with its query.
    path: String,
    peer: Option<Peer>,
}

impl Visit {
    pub(super) fn new(
        console: &Console,
        user: Option<SignedIn>,
        session: Option<&str>,
        uri: &Uri,
        peer: Option<Peer>,
    ) -> Self {
        let token = session.filter(|_| user.is_some()).map(|session| {
            blake3::Hash::from_bytes(blake3::derive_key(TOKEN_CONTEXT, session.as_bytes()))
                .to_hex()
                .to_string()
        });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Visit { console: console.clone(), user, token, path, peer }
    }

    /// The token that has to be in every form.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same as a field.
    pub(super) fn token_field(&self) -> Markup {
        html! { @if let Some(token) = &self.token { input type="hidden" name=(guard::TOKEN) value=(token); } }
    }

    /// Where a form with a file is sent to.
    pub(super) fn upload_to(&self, path: &str) -> String {
        format!("{path}?{}={}", guard::TOKEN, self.token.as_deref().unwrap_or_default())
    }

    /// Who it is, for the engine and its audit.
    pub(super) fn actor(&self) -> Actor {
        let address = self.peer.map(|Peer(address)| address);
        Actor { name: self.name().to_owned(), ..Actor::unnamed(Door::Console, address) }
    }

    /// The name of whoever is signed in.
    pub(super) fn name(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.name)
    }

    /// Whether whoever looks may do what takes this, so that nobody is shown a button that is not theirs.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.user.as_ref().is_some_and(|user| user.role.may(permission))
    }

    /// Says something on the next page.
    pub(super) fn say(&self, tone: Tone, text: impl Into<String>) {
        if let Some(user) = &self.user {
            // Somebody who never looks must not fill the memory, nor must sessions that end so.
            self.console.flashes.retain(|session, _| self.console.engine.is_session(*session));
            let mut waiting = self.console.flashes.entry(user.key).or_default();
            if waiting.len() < 20 {
                waiting.push(Flash { tone, text: text.into() });
            }
        }
    }

    /// Says something, and goes there.
    pub(super) fn done(&self, path: &str, tone: Tone, text: impl Into<String>) -> Answer {
        self.say(tone, text);
        Ok(guard::see(path))
    }

    /// A page in its frame.
    pub(super) fn page(&self, nav: Nav, title: &str, content: Markup) -> Answer {
        Ok(self.show(StatusCode::OK, nav, title, &content, &html! {}))
    }

    /// A page with more in its head, such as when it is to be loaded again.
    pub(super) fn page_with_head(&self, nav: Nav, title: &str, content: Markup, head: Markup) -> Answer {
        Ok(self.show(StatusCode::OK, nav, title, &content, &head))
    }

    /// A form with errors in it.
    pub(super) fn refused(&self, nav: Nav, title: &str, content: Markup) -> Answer {
        Ok(self.show(StatusCode::UNPROCESSABLE_ENTITY, nav, title, &content, &html! {}))
    }

    /// A page for those who are not signed in.
    pub(super) fn outside(&self, status: StatusCode, title: &str, content: Markup) -> Answer {
        Ok((status, layout::bare(title, &content)).into_response())
    }

    pub(super) fn failure(&self, failure: &Failure) -> Response {
        let content = html! {
            div.empty {
                h1 { (failure.title) }
                p { (failure.message) }
                @if self.user.is_some() { a.button href="/" { "To the overview" } }
                @else { a.button href="/sign-in" { "To the sign-in" } }
            }
        };
        if self.user.is_none() {
            return (failure.status, layout::bare(&failure.title, &content)).into_response();
        }
        self.show(failure.status, Nav::None, &failure.title, &content, &html! {})
    }

    fn show(&self, status: StatusCode, nav: Nav, title: &str, content: &Markup, head: &Markup) -> Response {
        let said = self.user.as_ref().and_then(|user| self.console.flashes.remove(&user.key));
        let said = said.map(|(_, said)| said).unwrap_or_default();
        (status, layout::framed(self, nav, title, &said, content, head)).into_response()
    }

    /// Where one signs in to come back here.
    pub(super) fn to_sign_in(&self) -> Response {
        let to = if self.path == "/" {
            "/sign-in".to_owned()
        } else {
            format!("/sign-in?to={}", escaped(&self.path))
        };
        guard::see(&to)
    }

    /// A page that goes to this one by itself.
    pub(super) fn bounce(&self) -> Response {
        layout::bounce(&self.path).into_response()
    }
}

/// A path within a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(byte.into())
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A part of a path, such as a name; a slash in it is no separator.
pub(super) fn segment(text: &str) -> String {
    escaped(text).replace('/', "%2F")
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // Every route is guarded, and the guard puts it there.
        parts.extensions.get::<Visit>().cloned().ok_or_else(Failure::nothing_here)
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.remove::<Fields>().unwrap_or_default())
    }
}

/// Of whom a request comes, as far as the connection tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) std::net::IpAddr);

impl Peer {
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        match extensions.get() {
            Some(access::Peer::Network(address)) => Some(Peer(address.ip().to_canonical())),
            _ => None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Where it is not known, all are one.
        Ok(Peer::of(&parts.extensions).unwrap_or(Peer(std::net::Ipv4Addr::UNSPECIFIED.into())))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::access::Role;
    use crate::console::Surroundings;
    use crate::engine::{Engine, SessionKey};
    use crate::notifier::Ways;

    #[tokio::test]
    async fn what_waits_for_a_session_goes_when_the_session_does() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path()).unwrap();
        let (name, password) = ("ada", "correct horse battery");
        engine.by("test").create_user(name, Role::Admin, password).unwrap();
        let (_ways, ways) = watch::channel(Ways::default());
        let surroundings = Surroundings { hosts: Vec::new(), ways, tokens_required: false };
        let console = Console::new(engine, CancellationToken::new(), surroundings, 8080);
        let mut sessions = Vec::new();
        for _ in 0..3 {
            let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let token = console.engine.sign_in(name, password, here).await.unwrap();
            let user = console.engine.session(&token).unwrap();
            sessions.push(user.key);
            let visit = Visit::new(&console, Some(user), Some(&token), &Uri::from_static("/"), None);
            visit.say(Tone::Good, "Saved.");
            visit.say(Tone::Good, "Saved again.");
            if sessions.len() == 1 {
                console.engine.sign_out(sessions[0]).unwrap();
            }
        }
        let waiting = |session: &SessionKey| console.flashes.get(session).map_or(0, |flashes| flashes.len());
        assert_eq!(sessions.iter().map(waiting).collect::<Vec<_>>(), [0, 2, 2]);
    }
}
