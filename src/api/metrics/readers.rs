//! Who may read the metrics.
//!
//! The rule is that of gRPC: where tokens are required a request needs one whose role permits to read, and a token that
//! is sent is checked everywhere. Whether the process is alive and ready is told to everybody, as gRPC tells it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::access::{Permission, Tokens, bearer};

/// Who is let in.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    pub(super) tokens: Arc<Tokens>,
    pub(super) are_tokens_required: bool,
}

/// Around the metrics: lets in who may read them.
pub(super) async fn guard(State(readers): State<Readers>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION);
    match readers.check(sent.map(|value| value.as_bytes())) {
        Ok(()) => next.run(request).await,
        Err((status, problem)) => {
            tracing::debug!(%problem, "a reader of the metrics was refused");
            (status, [(header::WWW_AUTHENTICATE, "Bearer")], format!("{problem}\n")).into_response()
        }
    }
}

impl Readers {
    fn check(&self, sent: Option<&[u8]>) -> Result<(), (StatusCode, String)> {
        let unknown = |problem: String| (StatusCode::UNAUTHORIZED, problem);
        let Some(sent) = sent else {
            if !self.are_tokens_required {
                return Ok(());
            }
            self.tokens.count_refused();
            return Err(unknown(
                "this server asks for a token: send one as `authorization: Bearer TOKEN`; `ringroute token create \
                 NAME --role viewer` makes one"
                    .into(),
            ));
        };
        let token = bearer(sent).ok_or_else(|| {
            self.tokens.count_refused();
            unknown("the header `authorization` is not `Bearer TOKEN`".into())
        })?;
        let token =
            self.tokens.check(token, Timestamp::now()).map_err(|refusal| unknown(refusal.to_string()))?;
        if token.role().may(Permission::Read) {
            return Ok(());
        }
        let problem = format!(
            "the token {:?} has the role {}, which does not permit to read metrics; the role {} does",
            token.name(),
            token.role(),
            Permission::Read.least_role()
        );
        Err((StatusCode::FORBIDDEN, problem))
    }
}
