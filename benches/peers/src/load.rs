//! Load on one peer: so many questions in flight, for a given time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::data::Question;

/// Whoever can be asked.
pub trait Peer: Clone + Send + 'static {
    /// What one thread of the client asks over; each of its workers has a clone.
    type Connection: Clone + 'static;

    /// Opens what `workers` need.
    fn connect(&self, workers: usize) -> impl Future<Output = Self::Connection>;

    /// Asks, as the worker with this number, and says whether somebody has the caller's number.
    fn ask(
        connection: &mut Self::Connection,
        worker: usize,
        question: &Question,
    ) -> impl Future<Output = bool>;

    /// Keeps so many questions in flight until there are no more. Each has a worker, unless the peer does it better.
    fn keep_busy(
        connection: Self::Connection,
        in_flight: usize,
        asking: Rc<Asking>,
    ) -> impl Future<Output = ()> {
        async move {
            let workers = (0..in_flight).map(|worker| {
                let (mut connection, asking) = (connection.clone(), Rc::clone(&asking));
                tokio::task::spawn_local(async move {
                    while let Some(question) = asking.next() {
                        let asked_at = Instant::now();
                        Self::ask(&mut connection, worker, question).await;
                        asking.answered(asked_at);
                    }
                })
            });
            for worker in workers.collect::<Vec<_>>() {
                worker.await.unwrap();
            }
        }
    }
}

/// What a thread of the client asks, and what came of it.
pub struct Asking {
    questions: Arc<[Question]>,
    place: std::cell::Cell<usize>,
    /// What is asked from then on is measured…
    from: Instant,
    /// …and from then on nothing is asked.
    until: Instant,
    latencies: RefCell<Histogram<u64>>,
}

impl Asking {
    /// The next question, as long as there is time.
    pub fn next(&self) -> Option<&Question> {
        let place = self.place.get();
        self.place.set((place + 1) % self.questions.len());
        (Instant::now() < self.until).then(|| &self.questions[place])
    }

    pub fn answered(&self, asked_at: Instant) {
        if asked_at >= self.from {
            let nanoseconds = u64::try_from(asked_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.latencies.borrow_mut().saturating_record(nanoseconds);
        }
    }
}

/// What came of a round.
#[derive(Clone)]
pub struct Outcome {
    /// Answers in a second.
    pub throughput: f64,
    /// Nanoseconds from question to answer, as the client sees it.
    pub latencies: Histogram<u64>,
}

/// From nothing to a minute, to three digits.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000_000, 3).unwrap()
}

/// At most so many threads ask, each over a connection of its own.
const MAX_THREADS: usize = 2;

/// Keeps `in_flight` questions at `peer` for as long as `duration`.
pub fn run<P: Peer>(peer: &P, questions: &Arc<[Question]>, in_flight: usize, duration: Duration) -> Outcome {
    let threads = in_flight.min(MAX_THREADS);
    let barrier = Arc::new(Barrier::new(threads));
    let asking = (0..threads).map(|thread| {
        let (peer, questions, barrier) = (peer.clone(), Arc::clone(questions), Arc::clone(&barrier));
        let place = thread * questions.len() / threads;
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let local = LocalSet::new();
            local.block_on(&runtime, async {
                let in_flight = in_flight / threads;
                let connection = peer.connect(in_flight).await;
                // Nothing of this runtime runs that somebody waits for.
                barrier.wait();
                let from = Instant::now() + duration / 4; // until it has found its pace
                let until = from + duration;
                let asking =
                    Asking { questions, place: place.into(), from, until, latencies: latencies().into() };
                let asking = Rc::new(asking);
                P::keep_busy(connection, in_flight, Rc::clone(&asking)).await;
                (from.elapsed(), asking.latencies.borrow().clone())
            })
        })
    });
    let mut outcome = Outcome { throughput: 0.0, latencies: latencies() };
    for thread in asking.collect::<Vec<_>>() {
        let (taken, latencies) = thread.join().unwrap();
        outcome.throughput += latencies.len() as f64 / taken.as_secs_f64();
        outcome.latencies.add(latencies).unwrap();
    }
    outcome
}

/// For each of these questions, whether somebody has the caller's number.
pub fn answers<P: Peer>(peer: &P, questions: &[Question]) -> Vec<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut connection = peer.connect(1).await;
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(P::ask(&mut connection, 0, question).await);
        }
        answers
    })
}
