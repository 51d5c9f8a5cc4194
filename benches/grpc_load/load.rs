//! Load of one kind on one server, for a given time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::question::{Client, Question};

/// How many ask at the same time, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    /// Of each connection. A call handler's worker has one call, or one stream.
    pub(crate) workers: usize,
    /// How many requests of a worker wait for their answers; `None` for calls, of which it has one.
    pub(crate) stream: Option<usize>,
}

/// What came of a round.
pub(crate) struct Outcome {
    /// Answers in a second.
    pub(crate) throughput: f64,
    /// Nanoseconds from request to answer, as the client sees it.
    pub(crate) latencies: Histogram<u64>,
}

pub(crate) fn latencies() -> Histogram<u64> {
    // Up to ten seconds, to three digits.
    Histogram::new_with_max(10_000_000_000, 3).unwrap()
}

/// Asks for as long as `duration`. Each connection has a thread and a runtime of its own, so that as little as
/// possible of what is measured is the client.
pub(crate) fn run<Q: Question>(
    shape: Shape,
    address: SocketAddr,
    requests: &Arc<[Q::Request]>,
    duration: Duration,
) -> Outcome {
    let barrier = Arc::new(Barrier::new(shape.connections));
    let connections = (0..shape.connections).map(|connection| {
        let (requests, barrier) = (Arc::clone(requests), Arc::clone(&barrier));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(one_connection::<Q>(shape, connection, address, requests, barrier, duration))
        })
    });
    let connections: Vec<_> = connections.collect();
    let mut outcome = Outcome { throughput: 0.0, latencies: latencies() };
    for connection in connections {
        let (taken, latencies) = connection.join().unwrap();
        outcome.throughput += latencies.len() as f64 / taken.as_secs_f64();
        outcome.latencies.add(latencies).unwrap();
    }
    outcome
}

async fn one_connection<Q: Question>(
    shape: Shape,
    connection: usize,
    address: SocketAddr,
    requests: Arc<[Q::Request]>,
    barrier: Arc<Barrier>,
    duration: Duration,
) -> (Duration, Histogram<u64>) {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let client = Client::new(channel);
    let latencies = Arc::new(Mutex::new(latencies()));
    // While the connection finds its pace, nothing is measured.
    let from = Instant::now() + duration / 4;
    // Nothing of this runtime runs yet, so waiting for the others holds nobody up.
    barrier.wait();
    let workers = (0..shape.workers).map(|worker| {
        // Every worker asks something else.
        let place =
            (connection * shape.workers + worker) * requests.len() / (shape.connections * shape.workers);
        let asking = Asking {
            requests: Arc::clone(&requests),
            place,
            from,
            until: from + duration,
            latencies: Arc::clone(&latencies),
        };
        let client = client.clone();
        match shape.stream {
            None => tokio::spawn(asking.by_calls::<Q>(client)),
            Some(in_flight) => tokio::spawn(asking.over_a_stream::<Q>(client, in_flight)),
        }
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let taken = from.elapsed();
    let latencies = latencies.lock().unwrap().clone();
    (taken, latencies)
}

/// A worker's share of the load.
struct Asking<R> {
    requests: Arc<[R]>,
    place: usize,
    /// What is asked from then on is measured…
    from: Instant,
    /// …and from then on nothing is asked.
    until: Instant,
    /// Of all workers of the connection, which share a thread: nobody ever waits for it.
    latencies: Arc<Mutex<Histogram<u64>>>,
}

impl<R: Clone> Asking<R> {
    fn next(&mut self) -> R {
        self.place = (self.place + 1) % self.requests.len();
        self.requests[self.place].clone()
    }

    fn answered(&self, asked_at: Instant) {
        if asked_at >= self.from {
            let nanoseconds = asked_at.elapsed().as_nanos();
            self.latencies.lock().unwrap().saturating_record(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        }
    }

    async fn by_calls<Q: Question<Request = R>>(mut self, mut client: Client) {
        while Instant::now() < self.until {
            let request = self.next();
            let asked_at = Instant::now();
            Q::ask(&mut client, request).await.unwrap();
            self.answered(asked_at);
        }
    }

    async fn over_a_stream<Q: Question<Request = R>>(mut self, mut client: Client, in_flight: usize) {
        let (sender, receiver) = mpsc::channel(in_flight);
        let mut answers = Q::open(&mut client, ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let mut waiting = VecDeque::with_capacity(in_flight);
        let mut id = 0;
        loop {
            while waiting.len() < in_flight && Instant::now() < self.until {
                let request = Q::in_stream(id, self.next());
                waiting.push_back((id, Instant::now()));
                sender.send(request).await.unwrap();
                id += 1;
            }
            let Some((expected, asked_at)) = waiting.pop_front() else { break };
            let answer = answers.message().await.unwrap().unwrap();
            assert_eq!(Q::outcome(&answer), (expected, true));
            self.answered(asked_at);
        }
    }
}
