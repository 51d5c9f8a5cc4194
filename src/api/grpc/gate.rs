//! The one place where a request is let in or turned away, before any service sees it.
//!
//! What an RPC takes is in [`permissions`](super::permissions); who asks is told by a token, checked from memory. Where
//! tokens are not required a request without one is let in, and one with a token has that token's role, no more.
//!
//! A token that is revoked, or expires, ends what was opened with it: a stream ends with UNAUTHENTICATED, and an
//! answer that was not sent yet is not sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{Request, Response};
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};

use super::guarded::{Guarded, Pass};
use super::permissions::permission;
use super::status;
use crate::access::{Caller, Peer, Permission, Tokens};

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Gate {
    tokens: Arc<Tokens>,
    is_required: bool,
}

impl Gate {
    /// Lets in who has one of these tokens, and, unless they are required, who sends none.
    #[must_use]
    pub fn new(tokens: &Arc<Tokens>, is_required: bool) -> Self {
        Gate { tokens: Arc::clone(tokens), is_required }
    }

    /// Whether a request without a token is refused.
    pub(super) fn requires_tokens(&self) -> bool {
        self.is_required
    }

    fn admit(&self, request: &mut Request<Body>) -> Result<Pass, Status> {
        let permission = permission(request.uri().path()).ok_or_else(status::no_such_rpc)?;
        if permission == Permission::Open {
            return Ok(Pass::default());
        }
        let token =
            match presented(request)? {
                Some(presented) => {
                    let checked = self.tokens.check(presented, Timestamp::now());
                    Some(checked.map_err(|refusal| {
                        self.refused(request, Status::unauthenticated(refusal.to_string()))
                    })?)
                }
                None if self.is_required => {
                    self.tokens.count_refused();
                    return Err(self.refused(request, status::no_token()));
                }
                None => None,
            };
        if let Some(token) = &token
            && !token.role().may(permission)
        {
            return Err(self.refused(request, status::not_permitted(token, request.uri().path(), permission)));
        }
        // A call does not ask who asks; what it need not do, it does not do.
        if permission != Permission::Call {
            let caller = Caller { token: token.clone(), peer: peer(request) };
            request.extensions_mut().insert(caller);
        }
        Ok(Pass { token })
    }

    fn refused(&self, request: &Request<Body>, status: Status) -> Status {
        let (peer, path) = (peer(request), request.uri().path());
        tracing::debug!(%peer, path, reason = status.message(), "a gRPC request was refused");
        status
    }
}

/// The token that was sent with a request, if one was.
fn presented(request: &Request<Body>) -> Result<Option<&str>, Status> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.map(Some).ok_or_else(status::no_bearer)
}

fn peer<T>(request: &Request<T>) -> Peer {
    let address = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    address.map_or(Peer::Unknown, Peer::Network)
}

/// Who asks, as the gate found out. Not for calls.
pub(super) fn caller<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get().cloned().unwrap_or(Caller { token: None, peer: Peer::Unknown })
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: self.clone(), inner }
    }
}

/// A service behind the gate.
#[derive(Debug, Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Guarded>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.gate.admit(&mut request) {
            Ok(pass) => Answering::Admitted { answer: self.inner.call(request), pass: Some(pass) },
            Err(status) => Answering::Refused { status: Some(status) },
        }
    }
}

pin_project! {
    /// The answer to a request, or why it was turned away.
    #[project = AnsweringProjection]
    #[derive(Debug)]
    #[expect(missing_docs, reason = "nobody takes it apart")]
    pub enum Answering<F> {
        Admitted { #[pin] answer: F, pass: Option<Pass> },
        Refused { status: Option<Status> },
    }
}

impl<F, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Guarded>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnsweringProjection::Refused { status } => {
                let status = status.take().unwrap_or_else(|| Status::internal("polled after its end"));
                Poll::Ready(Ok(status.into_http::<Body>().map(|body| Guarded::new(body, Pass::default()))))
            }
            AnsweringProjection::Admitted { answer, pass } => {
                let response = ready!(answer.poll(context))?;
                let pass = pass.take().unwrap_or_default();
                Poll::Ready(Ok(response.map(|body| Guarded::new(body, pass))))
            }
        }
    }
}
