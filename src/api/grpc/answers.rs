//! A stream of requests, answered one by one in their order: no task, no queue, no copy.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, Streaming};

use super::status;

/// The answers of `answer` to `requests`. They end with the requests, or when the server is to stop: then
/// what has arrived is still answered.
pub(super) struct Answers<Q, F> {
    requests: Streaming<Q>,
    answer: F,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<Q, F> Answers<Q, F> {
    pub(super) fn new(requests: Streaming<Q>, answer: F, stop: &CancellationToken) -> Self {
        // A token of its own: the wakers of all streams on one token would share one lock.
        let stopped = Box::pin(stop.child_token().cancelled_owned());
        Answers { requests, answer, stopped }
    }
}

impl<Q, A, F: FnMut(Q) -> A + Unpin> Stream for Answers<Q, F> {
    type Item = Result<A, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Answers { requests, answer, stopped } = self.get_mut();
        if let Poll::Ready(request) = Pin::new(requests).poll_next(context) {
            return Poll::Ready(request.map(|request| request.map(answer)));
        }
        stopped.as_mut().poll(context).map(|()| Some(Err(status::shutting_down())))
    }
}
