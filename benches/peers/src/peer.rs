//! Load on a peer, of the shapes that Ringroute's has: each connection with a thread and a runtime of its own, and so
//! many workers on it, which ask one question after the other.

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{Outcome, Shape, latencies};

/// A question to a peer, over a connection that workers share.
pub(crate) trait Peer: Clone + Send + 'static {
    fn connect(port: u16) -> impl Future<Output = Self>;

    /// Asks, takes the whole answer, and says whether somebody was found.
    fn ask(&mut self, e164: &str) -> impl Future<Output = bool>;
}

pub(crate) fn run<P: Peer>(shape: Shape, port: u16, callers: &Arc<[String]>, duration: Duration) -> Outcome {
    let barrier = Arc::new(Barrier::new(shape.connections));
    let connections: Vec<_> = (0..shape.connections)
        .map(|connection| {
            let (callers, barrier) = (Arc::clone(callers), Arc::clone(&barrier));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let peer = P::connect(port).await;
                    let from = Instant::now() + duration / 4;
                    barrier.wait();
                    let latencies = Arc::new(Mutex::new(latencies()));
                    let tasks = tokio::task::LocalSet::new();
                    for worker in 0..shape.workers {
                        let (mut peer, callers, latencies) =
                            (peer.clone(), Arc::clone(&callers), Arc::clone(&latencies));
                        // Every worker asks something else.
                        let mut place = (connection * shape.workers + worker) * callers.len()
                            / (shape.connections * shape.workers);
                        tasks.spawn_local(async move {
                            while Instant::now() < from + duration {
                                place = (place + 1) % callers.len();
                                let asked_at = Instant::now();
                                assert!(peer.ask(&callers[place]).await, "{} is not found", callers[place]);
                                if asked_at >= from {
                                    let taken = asked_at.elapsed().as_nanos() as u64;
                                    latencies.lock().unwrap().saturating_record(taken);
                                }
                            }
                        });
                    }
                    tasks.await;
                    let taken = from.elapsed();
                    let latencies = latencies.lock().unwrap().clone();
                    (taken, latencies)
                })
            })
        })
        .collect();
    let mut outcome = Outcome { throughput: 0.0, latencies: latencies() };
    for connection in connections {
        let (taken, latencies) = connection.join().unwrap();
        outcome.throughput += latencies.len() as f64 / taken.as_secs_f64();
        outcome.latencies.add(latencies).unwrap();
    }
    outcome
}
