//! The body of an answer, for as long as whoever asked may see it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use jiff::Timestamp;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

use super::status;
use crate::access::Token;

/// What a request was let in with.
#[derive(Debug, Default)]
pub struct Pass {
    /// The token that it was sent with.
    pub(super) token: Option<Arc<Token>>,
}

/// An answer that ends when its pass does.
pub struct Guarded {
    inner: Body,
    pass: Pass,
    /// Made when the answer has to be waited for, which that of a call never has.
    revoked: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
    is_over: bool,
}

impl Guarded {
    pub(super) fn new(inner: Body, pass: Pass) -> Self {
        Guarded { inner, pass, revoked: None, is_over: false }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.is_over = true;
        // Whatever the service still does for this answer ends with it.
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        Poll::Ready(match status.add_header(&mut trailers) {
            Ok(()) => Some(Ok(Frame::trailers(trailers))),
            Err(status) => Some(Err(status)),
        })
    }
}

/// Returns when the token is no longer good.
async fn end_of(token: Arc<Token>) -> Status {
    let expired = async {
        match token.expires_at() {
            None => std::future::pending().await,
            // Timers stand still while a machine is suspended.
            Some(at) => {
                while let Ok(left) = Duration::try_from(at.duration_since(Timestamp::now()))
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(Duration::from_secs(60))).await;
                }
            }
        }
    };
    tokio::select! {
        () = token.revoked() => status::revoked(),
        () = expired => status::expired(),
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
        let Some(token) = &this.pass.token else {
            return Pin::new(&mut this.inner).poll_frame(context);
        };
        if token.is_revoked() {
            return this.end(&status::revoked());
        }
        if let ready @ Poll::Ready(_) = Pin::new(&mut this.inner).poll_frame(context) {
            return ready;
        }
        let token = Arc::clone(token);
        let revoked = this.revoked.get_or_insert_with(|| Box::pin(end_of(token)));
        match revoked.as_mut().poll(context) {
            Poll::Ready(status) => this.end(&status),
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
