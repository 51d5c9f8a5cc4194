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

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::Incoming as Received;
use hyper::service::Service;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{HeaderName, Request, Response};
use tonic::service::Routes;

use super::guarded::{Guarded, Pass};
use super::load::{Counting, Load};
use super::patient::{Patient, READ_TIME};
use super::permissions::permission;
use super::{Door, status};
use crate::access::{Caller, Peer, Permission, Token, Tokens, bearer};
use crate::api::proto::v1::call_routing_service_server::CallRoutingServiceServer;
use crate::config::BoundsConfig;
use crate::listening::Client;
use crate::traces::Traces;

/// How long the client waits.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Gate {
    tokens: Arc<Tokens>,
    is_required: bool,
    load: Arc<Load>,
    traces: Option<Arc<Traces>>,
}

impl Gate {
    /// Lets in who has one of these tokens, and, unless they are required, who sends none; as many as the bounds allow.
    #[must_use]
    pub fn new(tokens: &Arc<Tokens>, is_required: bool, bounds: BoundsConfig) -> Self {
        Gate { tokens: Arc::clone(tokens), is_required, load: Arc::new(Load::new(bounds)), traces: None }
    }

    /// Has requests followed by these, if there are any.
    #[must_use]
    pub fn with_traces(self, traces: Option<Arc<Traces>>) -> Self {
        Gate { traces, ..self }
    }

    /// Whether a request without a token is refused.
    pub(super) fn requires_tokens(&self) -> bool {
        self.is_required
    }

    /// What a connection is answered by: calls by `calls`, everything else by `rest`.
    pub(super) fn before(
        &self,
        client: Client,
        calls: CallRoutingServiceServer<Door>,
        rest: Routes,
    ) -> Gated {
        let Client { peer, under_way } = client;
        let counting = Counting::new(Arc::clone(&self.load), under_way);
        Gated { gate: self.clone(), peer, counting, calls, rest }
    }

    /// The token that was sent, if it permits that; `None` where none is needed.
    fn identified(
        &self,
        request: &Request<Received>,
        peer: Peer,
        permission: Permission,
    ) -> Result<Option<Arc<Token>>, Status> {
        let refused = |status: Status| {
            let path = request.uri().path();
            tracing::debug!(%peer, path, reason = status.message(), "a gRPC request was refused");
            status
        };
        let token = match presented(request)? {
            Some(presented) => {
                let checked = self.tokens.check(presented, Timestamp::now());
                checked.map_err(|refusal| refused(Status::unauthenticated(refusal.to_string())))?
            }
            None if self.is_required => {
                self.tokens.count_refused();
                return Err(refused(status::no_token()));
            }
            None => return Ok(None),
        };
        if !token.role().may(permission) {
            return Err(refused(status::not_permitted(&token, request.uri().path(), permission)));
        }
        Ok(Some(token))
    }
}

/// The token that was sent with a request, if one was.
fn presented<B>(request: &Request<B>) -> Result<Option<&str>, Status> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    bearer(value.as_bytes()).map(Some).ok_or_else(status::no_bearer)
}

/// Until when the client waits for an answer, if it says so (`grpc-timeout`).
fn deadline<B>(request: &Request<B>) -> Result<Option<Instant>, Status> {
    let Some(value) = request.headers().get(&GRPC_TIMEOUT) else { return Ok(None) };
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
    // A little before the client gives up, which is then told why.
    Ok(Instant::now().checked_add(time.saturating_sub(Duration::from_millis(2)).max(time / 2)))
}

/// Who asks, as the gate found out. Not for calls.
pub(super) fn caller<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get().cloned().unwrap_or(Caller { token: None, peer: Peer::Unknown })
}

/// The services behind the gate, for one connection.
#[derive(Debug, Clone)]
pub(super) struct Gated {
    gate: Gate,
    peer: Peer,
    counting: Arc<Counting>,
    calls: CallRoutingServiceServer<Door>,
    rest: Routes,
}

impl Service<Request<Received>> for Gated {
    type Response = Response<Guarded>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Received>) -> Answering {
        match self.admit(&request) {
            Ok((Permission::Call, pass)) => Answering::begun(self.calls.clone().call(request), pass),
            Ok((_, pass)) => self.elsewhere(request, pass),
            Err(status) => Answering::Refused { status: Some(status) },
        }
    }
}

impl Gated {
    fn admit(&self, request: &Request<Received>) -> Result<(Permission, Pass), Status> {
        let permission = permission(request.uri().path()).ok_or_else(status::no_such_rpc)?;
        let token = match permission {
            Permission::Open => None,
            _ => self.gate.identified(request, self.peer, permission)?,
        };
        let deadline = deadline(request)?;
        // Last, so that whoever is not let in takes nobody's place.
        let open = self.counting.take_on(permission)?;
        let is_call = permission == Permission::Call;
        let traces = self.gate.traces.as_ref().filter(|_| permission != Permission::Open);
        let span = traces.and_then(|traces| traces.begin_call(request.uri().path(), request.headers()));
        Ok((permission, Pass { token, deadline, is_call, open: Some(open), span }))
    }

    /// By a task of its own, since it may take long: calls go on over the same connection. It ends when nobody waits
    /// for it.
    fn elsewhere(&self, request: Request<Received>, pass: Pass) -> Answering {
        let mut request = request.map(|body| Body::new(Patient::new(Body::new(body))));
        let caller = Caller { token: pass.token.clone(), peer: self.peer };
        request.extensions_mut().insert(caller);
        let answer = self.rest.clone().call(request);
        let mut answering = JoinSet::new();
        answering.spawn(Answering::begun(Box::pin(answer), pass));
        Answering::Elsewhere { answering }
    }
}

type Late = Pin<Box<dyn Future<Output = Status> + Send>>;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The answer to a request, or why it was turned away.
pub(super) enum Answering {
    Admitted { answer: Answer, pass: Option<Pass>, is_begun: bool, late: Option<Late> },
    Elsewhere { answering: JoinSet<Result<Response<Guarded>, Infallible>> },
    Refused { status: Option<Status> },
}

impl Answering {
    fn begun(answer: Answer, pass: Pass) -> Self {
        Answering::Admitted { answer, pass: Some(pass), is_begun: false, late: None }
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

impl Future for Answering {
    type Output = Result<Response<Guarded>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answering::Refused { status } => {
                let status = status.take().unwrap_or_else(|| Status::internal("polled after its end"));
                Poll::Ready(Ok(refusal(status)))
            }
            Answering::Elsewhere { answering } => {
                answering.poll_join_next(context).map(|ended| match ended {
                    Some(Ok(answered)) => answered,
                    Some(Err(defect)) => Ok(refusal(status::of_defect(&defect))),
                    None => Ok(refusal(Status::internal("polled after its end"))),
                })
            }
            Answering::Admitted { answer, pass, is_begun, late } => {
                let deadline = pass.as_ref().and_then(|pass| pass.deadline);
                // A call that nobody waits for any more is not begun: others wait behind it.
                if !std::mem::replace(is_begun, true)
                    && deadline.is_some_and(|deadline| deadline <= Instant::now())
                {
                    let status = status::too_late();
                    pass.iter_mut().for_each(|pass| pass.answered(status.code()));
                    return Poll::Ready(Ok(refusal(status)));
                }
                if let Poll::Ready(Ok(response)) = answer.as_mut().poll(context) {
                    let mut pass = pass.take().unwrap_or_default();
                    pass.answered_by(response.headers());
                    return Poll::Ready(Ok(response.map(|body| Guarded::new(body, pass))));
                }
                let Some(pass) = pass else { return Poll::Pending };
                let late = late.get_or_insert_with(|| too_late(pass));
                late.as_mut().poll(context).map(|status| {
                    pass.answered(status.code());
                    Ok(refusal(status))
                })
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
