//! Calls and sync runs as spans, for those who follow something from program to program: sent to an OpenTelemetry
//! receiver by OTLP over gRPC.
//!
//! * Off unless the configuration names a receiver. A request then costs one look at whether it is on.
//! * A request that comes with a trace of its own (`traceparent`, [W3C Trace Context]) is followed when that trace is;
//!   any other by chance, [`TracesConfig::sample`] of them. Sync runs, previews and rollbacks are followed, all of them.
//! * A span holds which RPC it was, when, for how long and with which status; of a run its source, its counts and its
//!   phases. Never a number, a name of somebody, a token, an address, nor a message that could hold one.
//! * Nobody waits for it. Spans go into a bounded queue, from which a thread of its own sends them; those that find no
//!   room, or cannot be sent, are lost, and the log says so now and then.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

mod call;
mod delivery;
mod run;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanBuilder, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::config::TracesConfig;
use delivery::Delivery;

pub use call::CallSpan;
pub use run::follow_runs;

/// What the receiver knows this program as.
const SERVICE_NAME: &str = "ringroute";

/// Spans that wait to be sent; those beyond are lost. Each takes about half a kilobyte.
const MAX_WAITING: usize = 4096;

/// Most spans in one message: with their attributes a tenth of what receivers take.
const MAX_SENT_AT_ONCE: usize = 512;

/// How long a span waits for others to go with, at most.
const SENT_EVERY: Duration = Duration::from_secs(1);

/// How long sending what is left may take after the process was told to stop.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Longer than ending takes when nothing is sent any more.
const GIVEN_UP_TIME: Duration = Duration::from_secs(5);

/// Why nothing can be sent to a receiver that the configuration names.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// It cannot be connected to: no certificates to check it against, say.
    #[error("spans cannot be sent to traces.endpoint = {endpoint:?}")]
    Endpoint {
        /// Where to.
        endpoint: String,
        /// What the library says.
        source: tonic::transport::Error,
    },
    /// A variable of OpenTelemetry in the environment asks for what is not there.
    #[error("spans cannot be sent: one of the variables OTEL_EXPORTER_OTLP_… asks for what is not there")]
    Environment(#[from] ExporterBuildError),
}

/// What begins spans, and sees to it that they are sent.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// Whether a request without a trace of its own is followed.
    by_chance: Sampler,
    /// Nothing is sent any more.
    given_up: CancellationToken,
}

impl Traces {
    /// Begins to send to the receiver of the configuration; `None` when it names none. The receiver need not be there.
    /// Wants a Tokio runtime, which makes the connections.
    pub fn start(config: &TracesConfig) -> Result<Option<Arc<Self>>, TracesError> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let given_up = CancellationToken::new();
        let delivery = Delivery::to(endpoint, given_up.clone())?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_SENT_AT_ONCE)
            .with_scheduled_delay(SENT_EVERY)
            .build();
        // Besides these, what the environment says in OTEL_RESOURCE_ATTRIBUTES.
        let resource = Resource::builder()
            .with_service_name(SERVICE_NAME)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(delivery).with_batch_config(batches).build())
            .with_resource(resource)
            // What is begun is followed: whether to begin is decided before anything is made for it.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        let tracer = provider.tracer(SERVICE_NAME);
        let by_chance = Sampler::TraceIdRatioBased(config.sample);
        tracing::info!(endpoint, sample = config.sample, "sending spans");
        Ok(Some(Arc::new(Traces { provider, tracer, by_chance, given_up })))
    }

    fn begin(&self, builder: SpanBuilder, parent: &Context) -> Span {
        self.tracer.build_with_context(builder, parent)
    }

    /// Sends what is left, within a bound; spans that end after this are lost.
    pub async fn shutdown(&self) {
        let provider = self.provider.clone();
        // It waits for the thread that sends.
        let mut ending =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(STOP_TIME + GIVEN_UP_TIME));
        let ended = match timeout(STOP_TIME, &mut ending).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!("spans were not sent within {STOP_TIME:?} of the stop, and are lost");
                self.given_up.cancel();
                ending.await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "sending spans did not end as it should"),
            Err(defect) => tracing::error!(%defect, "sending spans ended by a defect; please report this"),
        }
    }
}

impl Drop for Traces {
    /// So that whoever drops the last span of a server that was not shut down does not wait for a receiver.
    fn drop(&mut self) {
        self.given_up.cancel();
    }
}
