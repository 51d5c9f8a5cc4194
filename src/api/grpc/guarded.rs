//! The body of an answer, for as long as whoever asked may see it, and waits.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use jiff::Timestamp;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Status};

use super::load::Open;
use super::status;
use crate::access::Token;
use crate::traces::CallSpan;

/// How long nothing may go over a stream of calls. What keeps it open longer is a client that was forgotten.
const IDLE_TIME: Duration = Duration::from_secs(24 * 3600);

/// Timers stand still while a machine is suspended, so none runs longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What a request was let in with.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The token that it was sent with.
    pub(super) token: Option<Arc<Token>>,
    /// Until when the client waits.
    pub(super) deadline: Option<Instant>,
    /// Whether it asks about calls.
    pub(super) is_call: bool,
    /// Its place among those that are under way.
    pub(super) open: Option<Open>,
    /// What it is followed by, which few requests are.
    pub(super) span: Option<Box<CallSpan>>,
}

impl Pass {
    /// Notes what the request was answered with.
    pub(super) fn answered(&mut self, code: Code) {
        self.span.iter_mut().for_each(|span| span.answered(code));
    }

    /// The same, from where the status of an answer is: in its headers when there is nothing else in it, else in its
    /// trailers.
    pub(super) fn answered_by(&mut self, headers: &HeaderMap) {
        if self.span.is_some()
            && let Some(code) = headers.get(Status::GRPC_STATUS)
        {
            self.answered(Code::from_bytes(code.as_bytes()));
        }
    }
}

/// An answer that ends when its pass does.
pub(super) struct Guarded {
    inner: Body,
    pass: Pass,
    /// Made when the answer has to be waited for, which that of a single call never has.
    end: Option<End>,
    is_over: bool,
}

struct End {
    status: Pin<Box<dyn Future<Output = Status> + Send>>,
    began: Instant,
    /// When something last went over the answer, in seconds since it began.
    last: Arc<AtomicU64>,
}

impl Guarded {
    pub(super) fn new(inner: Body, mut pass: Pass) -> Self {
        pass.open.iter_mut().for_each(Open::is_answered);
        Guarded { inner, pass, end: None, is_over: false }
    }

    fn finish(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.is_over = true;
        self.pass.answered(status.code());
        // Whatever the service still does for this answer ends with it.
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        Poll::Ready(match status.add_header(&mut trailers) {
            Ok(()) => Some(Ok(Frame::trailers(trailers))),
            Err(status) => Some(Err(status)),
        })
    }
}

impl End {
    fn of(pass: &Pass) -> Self {
        let (token, deadline, is_call) = (pass.token.clone(), pass.deadline, pass.is_call);
        let (began, last) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let news = Arc::clone(&last);
        let status = Box::pin(async move {
            tokio::select! {
                status = no_longer_good(token) => status,
                () = at(deadline) => status::too_late(),
                () = idle(began, news), if is_call => status::idle(),
            }
        });
        End { status, began, last }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Returns when the token is revoked, or expires.
async fn no_longer_good(token: Option<Arc<Token>>) -> Status {
    let Some(token) = token else { return std::future::pending().await };
    let expired = async {
        let Some(at) = token.expires_at() else { return std::future::pending().await };
        while let Ok(left) = Duration::try_from(at.duration_since(Timestamp::now()))
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    };
    tokio::select! {
        () = token.revoked() => status::revoked(),
        () = expired => status::expired(),
    }
}

/// Returns when nothing went over the answer for so long.
async fn idle(began: Instant, last: Arc<AtomicU64>) {
    loop {
        let over = began + Duration::from_secs(last.load(Ordering::Relaxed)) + IDLE_TIME;
        if Instant::now() >= over {
            return;
        }
        tokio::time::sleep_until(over.into()).await;
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if this.pass.token.as_ref().is_some_and(|token| token.is_revoked()) {
            return this.finish(&status::revoked());
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            if let Some(End { began, last, .. }) = &this.end {
                last.store(began.elapsed().as_secs(), Ordering::Relaxed);
            }
            if let Some(Ok(frame)) = &frame
                && let Some(trailers) = frame.trailers_ref()
            {
                this.pass.answered_by(trailers);
            }
            return Poll::Ready(frame);
        }
        let end = this.end.get_or_insert_with(|| End::of(&this.pass));
        match end.status.as_mut().poll(context) {
            Poll::Ready(status) => this.finish(&status),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("pass", &self.pass).finish_non_exhaustive()
    }
}
