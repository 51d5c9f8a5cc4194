//! The one place where a request is let in or turned away, before any service sees it.
//!
//! What an RPC takes is in [`permissions`](super::permissions); who asks is told by a token, checked from memory. Where
//! tokens are not required a request without one is let in, and one with a token has that token's role, no more.
//!
//! What is beyond the bounds ([`load`](super::load)) is turned away at once, and nothing is begun for a client whose
//! deadline is over.
//!
//! A token that is revoked, or expires, ends what was opened with it: a stream ends with UNAUTHENTICATED, and an
//! answer that was not sent yet is not sent.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::guarded::{Guarded, Pass};
use super::load::{Counted, Load, TakenOn};
use super::patient::{Patient, READ_TIME};
use super::permissions::permission;
use super::status;
use crate::access::{Caller, Peer, Permission, Token, Tokens};
use crate::config::BoundsConfig;

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Gate {
    tokens: Arc<Tokens>,
    is_required: bool,
    load: Arc<Load>,
}

impl Gate {
    /// Lets in who has one of these tokens, and, unless they are required, who sends none; as many as the bounds allow.
    #[must_use]
    pub fn new(tokens: &Arc<Tokens>, is_required: bool, bounds: BoundsConfig) -> Self {
        Gate { tokens: Arc::clone(tokens), is_required, load: Arc::new(Load::new(bounds)) }
    }

    /// Whether a request without a token is refused.
    pub(super) fn requires_tokens(&self) -> bool {
        self.is_required
    }

    fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Status> {
        let permission = permission(request.uri().path()).ok_or_else(status::no_such_rpc)?;
        let token = match permission {
            Permission::Open => None,
            _ => self.identified(request, permission)?,
        };
        let deadline = deadline(request)?;
        // Last, so that whoever is not let in takes nobody's place.
        let TakenOn { open, waiting } = self.load.take_on(permission)?;
        // A call does not ask who asks; what it need not do, it does not do.
        if permission != Permission::Call {
            let caller = Caller { token: token.clone(), peer: peer(request) };
            request.extensions_mut().insert(caller);
            let body = std::mem::replace(request.body_mut(), Body::empty());
            *request.body_mut() = Body::new(Patient::new(body));
        }
        let is_call = permission == Permission::Call;
        let pass = Pass { token, deadline, is_call, _open: Some(open) };
        Ok(Admitted { pass, _waiting: waiting })
    }

    /// The token that was sent, if it permits that; `None` where none is needed.
    fn identified(
        &self,
        request: &Request<Body>,
        permission: Permission,
    ) -> Result<Option<Arc<Token>>, Status> {
        let token = match presented(request)? {
            Some(presented) => {
                let checked = self.tokens.check(presented, Timestamp::now());
                checked
                    .map_err(|refusal| self.refused(request, Status::unauthenticated(refusal.to_string())))?
            }
            None if self.is_required => {
                self.tokens.count_refused();
                return Err(self.refused(request, status::no_token()));
            }
            None => return Ok(None),
        };
        if !token.role().may(permission) {
            let refused = status::not_permitted(&token, request.uri().path(), permission);
            return Err(self.refused(request, refused));
        }
        Ok(Some(token))
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
    request.extensions().get().copied().unwrap_or(Peer::Unknown)
}

/// Until when the client waits for an answer, if it says so (`grpc-timeout`).
fn deadline(request: &Request<Body>) -> Result<Option<Instant>, Status> {
    let Some(value) = request.headers().get("grpc-timeout") else { return Ok(None) };
    let wrong = || {
        Status::invalid_argument(
            "grpc-timeout is at most eight digits and one of H, M, S, m, u, n, such as 200m",
        )
    };
    let text = value.to_str().map_err(|_| wrong())?;
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let digits =
        text.strip_suffix(unit).filter(|digits| (1..=8).contains(&digits.len())).ok_or_else(wrong)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let time = match unit {
        'H' => Duration::from_secs(number * 3600),
        'M' => Duration::from_secs(number * 60),
        'S' => Duration::from_secs(number),
        'm' => Duration::from_millis(number),
        'u' => Duration::from_micros(number),
        'n' => Duration::from_nanos(number),
        _ => return Err(wrong()),
    };
    if time.is_zero() {
        return Err(status::too_late());
    }
    // The transport has a timer of its own, which answers CANCELLED; this one is to be the first.
    Ok(Instant::now().checked_add(time.saturating_sub(Duration::from_millis(2)).max(time / 2)))
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
            Ok(admitted) => {
                let answer = self.inner.call(request);
                Answering::Admitted { answer, admitted: Some(admitted), is_begun: false, late: None }
            }
            Err(status) => Answering::Refused { status: Some(status) },
        }
    }
}

/// A request that was let in, while it is being answered.
#[derive(Debug)]
pub struct Admitted {
    pass: Pass,
    _waiting: Option<Counted>,
}

type Late = Pin<Box<dyn Future<Output = Status> + Send>>;

pin_project! {
    /// The answer to a request, or why it was turned away.
    #[project = AnsweringProjection]
    #[expect(missing_docs, reason = "nobody takes it apart")]
    pub enum Answering<F> {
        Admitted { #[pin] answer: F, admitted: Option<Admitted>, is_begun: bool, late: Option<Late> },
        Refused { status: Option<Status> },
    }
}

impl<F> fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answering")
    }
}

/// Returns when the answer comes too late; only made for one that has to be waited for. A call is answered as soon as
/// it has arrived, so it has to be waited for only when its client is slow.
fn too_late(pass: &Pass) -> Late {
    let deadline = pass.deadline;
    let arrives_until = pass.is_call.then(|| Instant::now() + READ_TIME);
    Box::pin(async move {
        let at = |time: Option<Instant>| async move {
            match time {
                Some(time) => tokio::time::sleep_until(time.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = at(deadline) => status::too_late(),
            () = at(arrives_until) => status::too_slow(),
        }
    })
}

fn refusal(status: Status) -> Response<Guarded> {
    status.into_http::<Body>().map(|body| Guarded::new(body, Pass::default()))
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
                Poll::Ready(Ok(refusal(status)))
            }
            AnsweringProjection::Admitted { answer, admitted, is_begun, late } => {
                let deadline = admitted.as_ref().and_then(|admitted| admitted.pass.deadline);
                // A call that nobody waits for any more is not begun: others wait behind it.
                if !std::mem::replace(is_begun, true)
                    && deadline.is_some_and(|deadline| deadline <= Instant::now())
                {
                    return Poll::Ready(Ok(refusal(status::too_late())));
                }
                if let Poll::Ready(response) = answer.poll(context) {
                    let pass = admitted.take().map(|admitted| admitted.pass).unwrap_or_default();
                    return Poll::Ready(
                        response.map(|response| response.map(|body| Guarded::new(body, pass))),
                    );
                }
                let Some(Admitted { pass, .. }) = admitted else { return Poll::Pending };
                let late = late.get_or_insert_with(|| too_late(pass));
                late.as_mut().poll(context).map(|status| Ok(refusal(status)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(timeout: &str) -> Result<Option<Instant>, tonic::Code> {
        let request = Request::builder().header("grpc-timeout", timeout).body(Body::empty()).unwrap();
        deadline(&request).map_err(|status| status.code())
    }

    #[test]
    fn a_deadline_is_read_as_grpc_writes_it() {
        for (timeout, time) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("90S", Duration::from_secs(90)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("5000000u", Duration::from_secs(5)),
        ] {
            let before = Instant::now();
            let deadline = asked(timeout).unwrap().unwrap();
            let left = deadline - before;
            assert!(left <= time + (Instant::now() - before), "{timeout}");
            assert!(left >= time - Duration::from_millis(2), "{timeout}");
        }
        assert_eq!(asked("0n"), Err(tonic::Code::DeadlineExceeded));
        for wrong in ["", "5", "m", "100000000m", "-1S", "+1S", "1s", "1 S", "1é"] {
            assert_eq!(asked(wrong), Err(tonic::Code::InvalidArgument), "{wrong:?}");
        }
    }
}
