//! Callers who go on calling, at a steady pace, whatever the server does besides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ringroute::api::proto::v1::MatchCallerRequest;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use tokio::sync::mpsc;
use tonic::transport::Endpoint;

/// How many calls come in a second.
const PER_SECOND: u32 = 500;

/// Calls under way.
pub(crate) struct SteadyCalls {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Histogram<u64>>,
}

pub(crate) fn latencies() -> Histogram<u64> {
    // Up to ten seconds, to three digits.
    Histogram::new_with_max(10_000_000_000, 3).unwrap()
}

impl SteadyCalls {
    /// Calls from now on. The pace does not depend on the answers, and each latency counts from the moment at
    /// which the call was due, so that no delay hides another.
    pub(crate) fn begin(address: SocketAddr, callers: &Arc<[String]>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, callers) = (Arc::clone(&stop), Arc::clone(callers));
        let asking = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(ask(address, &callers, &stopped))
        });
        SteadyCalls { stop, asking }
    }

    /// Ends, and says how long the calls took, in nanoseconds.
    pub(crate) fn end(self) -> Histogram<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.join().unwrap()
    }
}

async fn ask(address: SocketAddr, callers: &[String], stop: &AtomicBool) -> Histogram<u64> {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let client = CallRoutingServiceClient::new(channel);
    let (taken, mut times) = mpsc::unbounded_channel();
    let mut latencies = latencies();
    let mut due = Instant::now();
    for caller in callers.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        due += Duration::from_secs(1) / PER_SECOND;
        tokio::time::sleep_until(due.into()).await;
        let (mut client, taken) = (client.clone(), taken.clone());
        let request = MatchCallerRequest { caller: caller.clone(), trunk: "berlin".to_owned() };
        tokio::spawn(async move {
            client.match_caller(request).await.unwrap();
            // The bench may have seen enough.
            let _ = taken.send(due.elapsed());
        });
    }
    drop(taken);
    while let Some(time) = times.recv().await {
        latencies.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
    latencies
}
