//! What went wrong, as a page.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::html;

use super::layout;
use crate::access::{Permission, Role};
use crate::engine::EngineError;
use crate::store::StoreError;

/// What went wrong, and what to do.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, title: &str, message: impl Into<String>) -> Self {
        Failure { status, title: title.to_owned(), message: message.into() }
    }

    pub(super) fn nothing_here() -> Self {
        Failure::new(
            StatusCode::NOT_FOUND,
            "There is nothing here",
            "The address may be mistyped, or what was here is gone.",
        )
    }

    pub(super) fn not_allowed(role: Role, permission: Permission) -> Self {
        let least = permission.least_role();
        let message = format!(
            "This needs the role {least}; yours is {role}. An administrator can make you a user with it."
        );
        Failure::new(StatusCode::FORBIDDEN, "You may not do this", message)
    }

    pub(super) fn signed_out() -> Self {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "You are signed out",
            "Nothing was changed. Sign in, then do it again.",
        )
    }

    pub(super) fn not_meant() -> Self {
        Failure::new(
            StatusCode::FORBIDDEN,
            "This form is not good any more",
            "You may have signed out and in again since it was opened, or it was sent by another site. Nothing was \
             changed. Go back, reload the page, and send it again.",
        )
    }

    pub(super) fn unreadable_form() -> Self {
        Failure::new(
            StatusCode::BAD_REQUEST,
            "The form could not be read",
            "It did not arrive whole, or is too large. Nothing was changed. Go back and send it again.",
        )
    }

    pub(super) fn foreign_host() -> Self {
        Failure::new(
            StatusCode::MISDIRECTED_REQUEST,
            "This server is not known by that name",
            "Open it by its address, or let it be known by this name: console = { hosts = [\"ringroute.example.com\"] } \
             in ringroute.toml.",
        )
    }

    /// Where it is not known who sees it.
    pub(super) fn into_plain_response(self) -> Response {
        let content = html! {
            h1 { (self.title) }
            p { (self.message) }
        };
        (self.status, layout::bare(&self.title, &content)).into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // Without a body: the guard makes a page of it.
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What the framework itself refuses, such as a method that a route has not, has no page yet.
pub(super) async fn plain(response: Response) -> Response {
    let status = response.status();
    let has_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind != HeaderValue::from_static("text/plain; charset=utf-8"));
    if has_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let failure = match status {
        StatusCode::METHOD_NOT_ALLOWED => Failure::new(
            status,
            "This cannot be opened like a page",
            "It is where a form is sent to. Go back to the page that the form is on.",
        ),
        StatusCode::NOT_FOUND => Failure::nothing_here(),
        _ => Failure::new(status, "This request cannot be answered", "Go back, and try again."),
    };
    failure.into_plain_response()
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::NotFound { .. } => {
                Failure::new(StatusCode::NOT_FOUND, "There is nothing here", error.to_string())
            }
            EngineError::AlreadyExists { .. }
            | EngineError::ChangedMeanwhile { .. }
            | EngineError::InUse { .. }
            | EngineError::SyncRunning { .. }
            | EngineError::SourceIsOff { .. } => {
                Failure::new(StatusCode::CONFLICT, "This cannot be done now", error.to_string())
            }
            EngineError::Store(StoreError::Gone { .. }) => Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The store is not in its place any more",
                "Nothing was changed. The overview says what to do.",
            ),
            EngineError::Store(StoreError::Unreadable(_) | StoreError::DiskFull) => {
                tracing::error!(%error, "a page of the console failed");
                Failure::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The server could not do this",
                    error.to_string(),
                )
            }
            EngineError::Store(StoreError::Refused(_)) | EngineError::Sync(_) => {
                Failure::new(StatusCode::CONFLICT, "This was refused", error.to_string())
            }
            EngineError::Settings(_)
            | EngineError::Source { .. }
            | EngineError::Route(_)
            | EngineError::BadRequest { .. } => {
                Failure::new(StatusCode::BAD_REQUEST, "This cannot be", error.to_string())
            }
            _ => {
                // Files and the like are for the log.
                tracing::error!(%error, "a page of the console failed");
                Failure::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The server could not do this",
                    "Its log says why. Nothing was changed.",
                )
            }
        }
    }
}
