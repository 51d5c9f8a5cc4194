//! HTTP/2, and who looks after a connection: one task, which also answers what is asked over it.
//!
//! A call is answered in less time than another thread takes to wake up, so it is answered by the task that read it:
//! what arrived together is answered one by one and sent together. A task for each call, which is what HTTP servers
//! usually have, would go from core to core and back for each. Whatever takes long has tasks and threads of its own
//! ([`gate`](super::gate), [`Door`](super::Door)).

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crossbeam_queue::SegQueue;
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, Stream as _};
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Bytes, Incoming as Received};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tonic::codegen::http::{Request, Response};

use crate::listening::{Connection, Incoming};

/// Open calls and streams of one connection. A call handler needs one for each of its workers.
const MAX_STREAMS_PER_CONNECTION: u32 = 1024;

/// Largest headers of a request, in bytes; a token and a deadline take a few hundred.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Largest frame of HTTP/2, in bytes: the least that there can be, and more than a question about a call.
const MAX_FRAME_BYTES: u32 = 16 * 1024;

/// How often a silent connection is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a connection is looked at before others have their turn.
const MAX_LOOKS: usize = 16;

/// Answers the connections of `incoming` until `stop` is cancelled and what is under way has ended. `answering` makes
/// what answers one of them. Benches measure the services against empty ones on the same transport.
pub async fn serve_connections<S, B>(
    mut incoming: Incoming,
    answering: impl Fn(&Connection) -> S,
    stop: CancellationToken,
) where
    S: Service<Request<Received>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (stopping, is_stopping) = watch::channel(());
    while let Some(Some(accepted)) = stop.run_until_cancelled(incoming.next()).await {
        // What cannot be accepted was told by `Incoming`.
        let Ok(connection) = accepted else { continue };
        let service = answering(&connection);
        let answered = Here::default();
        let mut builder = http2::Builder::new(answered.clone());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
            .max_header_list_size(MAX_HEADER_BYTES)
            .max_frame_size(MAX_FRAME_BYTES)
            .auto_date_header(false); // no client of gRPC looks at it
        let connection = builder.serve_connection(TokioIo::new(connection), service);
        let end = http2::Connection::graceful_shutdown;
        tokio::spawn(LookedAfter::new(connection, end, answered, is_stopping.clone()));
    }
    // The port is free for the next.
    drop(incoming);
    drop(is_stopping);
    let _ = stopping.send(());
    stopping.closed().await;
}

/// Something that the task of a connection looks after.
type Task = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// What came of it.
enum Ended {
    /// A request was answered to its end, or is no longer waited for.
    Request,
    /// The server was told to stop.
    Stop,
}

/// Takes what is asked over a connection to the task of the connection.
#[derive(Clone, Default)]
struct Here {
    new: Arc<SegQueue<Task>>,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Here {
    fn execute(&self, request: F) {
        // One that panics ends; the others do not notice.
        let request = AssertUnwindSafe(request).catch_unwind().map(|ended| {
            if ended.is_err() {
                tracing::error!("a gRPC request ended by a defect; please report this");
            }
            Ended::Request
        });
        self.new.push(Box::pin(request));
    }
}

pin_project! {
    /// A connection and what is asked over it.
    struct LookedAfter<C> {
        #[pin]
        connection: C,
        // Takes no more requests from then on.
        end_connection: fn(Pin<&mut C>),
        new: Here,
        // Those that could not be answered at once, and streams.
        open: FuturesUnordered<Task>,
        bell: Arc<Bell>,
        rings_it: Waker,
        // For as long as it is there, it is waited for.
        _is_stopping: watch::Receiver<()>,
    }
}

impl<C: Future> LookedAfter<C> {
    fn new(
        connection: C,
        end_connection: fn(Pin<&mut C>),
        new: Here,
        is_stopping: watch::Receiver<()>,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        let rings_it = Arc::clone(&bell).into();
        let mut told = is_stopping.clone();
        let stop: Task = Box::pin(async move {
            let _ = told.changed().await;
            Ended::Stop
        });
        let open = FuturesUnordered::from_iter([stop]);
        LookedAfter { connection, end_connection, new, open, bell, rings_it, _is_stopping: is_stopping }
    }
}

impl<C: Future> Future for LookedAfter<C> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let bell = &**this.bell;
        bell.answer(context.waker());
        let mut inner = Context::from_waker(this.rings_it);
        for _ in 0..MAX_LOOKS {
            // A connection that breaks is the client's business.
            if this.connection.as_mut().poll(&mut inner).is_ready() {
                return Poll::Ready(());
            }
            while let Some(mut request) = this.new.new.pop() {
                if request.as_mut().poll(&mut inner).is_pending() {
                    this.open.push(request);
                }
            }
            while let Poll::Ready(Some(ended)) = Pin::new(&mut *this.open).poll_next(&mut inner) {
                if let Ended::Stop = ended {
                    (this.end_connection)(this.connection.as_mut());
                    // Looked at again, to say so.
                    this.rings_it.wake_by_ref();
                }
            }
            if !bell.has_rung_again() {
                return Poll::Pending;
            }
        }
        bell.leave();
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Calls the task of a connection, unless it is just looking at it: else each answer would send it round once more.
#[derive(Default)]
struct Bell {
    is_attended: AtomicBool,
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Bell {
    /// The task begins to look.
    fn answer(&self, task: &Waker) {
        self.task.register(task);
        self.is_attended.store(true, SeqCst);
        self.has_rung.store(false, SeqCst);
    }

    /// Whether the task has to look once more, since it last asked; if not, it may go.
    fn has_rung_again(&self) -> bool {
        if self.has_rung.swap(false, SeqCst) {
            return true;
        }
        self.leave();
        // Between the two it may have rung for a task that was about to go.
        if self.has_rung.swap(false, SeqCst) {
            self.is_attended.store(true, SeqCst);
            return true;
        }
        false
    }

    /// The task goes.
    fn leave(&self) {
        self.is_attended.store(false, SeqCst);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, SeqCst);
        if !self.is_attended.load(SeqCst) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// Asks what it was made with, and goes on until it is told to end.
    struct Asking {
        requests: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
        here: Here,
        has_to_end: bool,
    }

    impl Future for Asking {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let requests = std::mem::take(&mut self.requests);
            requests.into_iter().for_each(|request| self.here.execute(request));
            if self.has_to_end { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    /// Looks after a connection over which that is asked; it ends with what is returned.
    fn look_after(requests: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) -> watch::Sender<()> {
        let (stopping, is_stopping) = watch::channel(());
        let here = Here::default();
        let asking = Asking { requests, here: here.clone(), has_to_end: false };
        let end = |mut asking: Pin<&mut Asking>| asking.has_to_end = true;
        tokio::spawn(LookedAfter::new(asking, end, here, is_stopping));
        stopping
    }

    async fn within_patience<T>(something: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), something).await.expect("nobody looks after it")
    }

    #[tokio::test]
    async fn a_request_that_panics_ends_alone() {
        let (answer, answered) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel();
        let stopping = look_after(vec![
            Box::pin(async { panic_any("a defect") }),
            Box::pin(async {
                tokio::task::yield_now().await;
                panic_any("another one")
            }),
            Box::pin(async {
                may_go_on.await.unwrap();
                answer.send(7).unwrap();
            }),
        ]);
        tokio::task::yield_now().await;
        go_on.send(()).unwrap();
        assert_eq!(within_patience(answered).await, Ok(7));
        drop(stopping);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_woken_by_another_thread_goes_on() {
        const TIMES: u32 = 100_000;
        let (ask, mut asked) = mpsc::unbounded_channel();
        let (answer, answers) = std::sync::mpsc::channel();
        let stopping = look_after(vec![Box::pin(async move {
            while let Some(number) = asked.recv().await {
                answer.send(number).unwrap();
            }
        })]);
        // Each wakes it while it is about to go to sleep after the one before.
        let others = tokio::task::spawn_blocking(move || {
            for number in 0..TIMES {
                ask.send(number).unwrap();
                assert_eq!(answers.recv_timeout(Duration::from_secs(60)), Ok(number));
            }
        });
        others.await.unwrap();
        drop(stopping);
    }

    #[tokio::test]
    async fn a_connection_is_told_to_end_and_waited_for() {
        let stopping = look_after(Vec::new());
        tokio::task::yield_now().await;
        stopping.send(()).unwrap();
        within_patience(stopping.closed()).await;
    }
}
