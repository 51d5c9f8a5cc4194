//! The table of routes: what there is, and who may go there.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::failure::{self, Failure};
use super::{Console, guard};
use crate::access::Permission;

/// Who may go somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Also those who are not signed in.
    Anyone,
    /// Who is signed in with a role that permits this.
    May(Permission),
}

impl Who {
    pub(super) const READ: Who = Who::May(Permission::Read);
    pub(super) const SYNC: Who = Who::May(Permission::Sync);
    pub(super) const CHANGE: Who = Who::May(Permission::Change);
    pub(super) const ACCESS: Who = Who::May(Permission::Access);
}

/// What comes with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or the fields of a form: read, and the token in it checked, before the handler is run.
    Fields,
    /// A file, which the handler reads itself, of at most so many bytes. The token is in the query, `?csrf=`.
    Upload(usize),
}

/// A route.
pub(super) struct Entry {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) who: Who,
    content: Content,
    answer: MethodRouter<Console>,
}

impl Entry {
    /// Something to look at.
    pub(super) fn page<H, T>(path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, Console>,
        T: 'static,
    {
        Entry { method: Method::GET, path, who, content: Content::Fields, answer: get(handler) }
    }

    /// Something that is done by sending a form.
    pub(super) fn action<H, T>(path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, Console>,
        T: 'static,
    {
        Entry { method: Method::POST, path, who, content: Content::Fields, answer: post(handler) }
    }

    /// Something that is done by sending a file of at most `most` bytes (`multipart/form-data`). The form's
    /// action is made by [`super::visit::Visit::upload_to`].
    pub(super) fn upload<H, T>(path: &'static str, who: Who, most: usize, handler: H) -> Self
    where
        H: Handler<T, Console>,
        T: 'static,
    {
        let answer = post(handler).layer(DefaultBodyLimit::max(most));
        Entry { method: Method::POST, path, who, content: Content::Upload(most), answer }
    }
}

pub(super) fn router(console: &Console, entries: Vec<Entry>) -> Router {
    let mut router = Router::new();
    for entry in entries {
        let keeper = guard::Keeper { console: console.clone(), who: entry.who, content: entry.content };
        router = router.route(entry.path, entry.answer.route_layer(from_fn_with_state(keeper, guard::guard)));
    }
    let keeper = guard::Keeper { console: console.clone(), who: Who::Anyone, content: Content::Fields };
    let nothing = get(|| async { Failure::nothing_here() }).layer(from_fn_with_state(keeper, guard::guard));
    router
        .fallback_service(nothing.with_state(console.clone()))
        .layer(axum::middleware::map_response(failure::plain))
        .layer(from_fn_with_state(console.clone(), guard::outermost))
        .with_state(console.clone())
}
