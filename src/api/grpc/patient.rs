//! A request's body, which has to go on arriving.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use super::status;

/// How long a request may pause while it arrives. A whole one is sent at once; 8 MiB take less on any line.
pub(super) const READ_TIME: Duration = Duration::from_secs(20);

/// The body of a request other than a call. Calls have their time as a whole, and their streams may be silent.
pub(super) struct Patient {
    inner: Body,
    until: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Patient {
    pub(super) fn new(inner: Body) -> Self {
        Patient { inner, until: None }
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Patient { inner, until } = self.get_mut();
        match Pin::new(inner).poll_frame(context) {
            Poll::Ready(frame) => {
                *until = None;
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let sleep = || Box::pin(tokio::time::sleep_until(Instant::now() + READ_TIME));
                let until = until.get_or_insert_with(sleep);
                until.as_mut().poll(context).map(|()| Some(Err(status::too_slow())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient")
    }
}
