//! The way to the receiver, and what the log says of it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio_util::sync::CancellationToken;
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::TracesError;

/// How long connecting may take, and how long a message may; it is tried again a few times within that.
const SEND_TIME: Duration = Duration::from_secs(5);

/// How often the log says that spans are being lost.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Sends spans until it is given up.
#[derive(Debug)]
pub(super) struct Delivery {
    exporter: opentelemetry_otlp::SpanExporter,
    given_up: CancellationToken,
    /// One message is sent at a time, so nobody waits for it.
    told: Mutex<Told>,
}

/// What the log was told.
#[derive(Debug, Default)]
struct Told {
    /// When it last said that spans are lost.
    last: Option<Instant>,
    /// How many have been lost since.
    lost: usize,
    /// Whether it has to say that they arrive again.
    is_trouble_told: bool,
}

impl Delivery {
    /// To that URL. The connection is made here, not by the exporter: that would trust no certificate, and put no bound
    /// on connecting.
    pub(super) fn to(endpoint: &str, given_up: CancellationToken) -> Result<Self, TracesError> {
        let unusable = |source| TracesError::Endpoint { endpoint: endpoint.to_owned(), source };
        let mut receiver = Endpoint::from_shared(endpoint.to_owned()).map_err(unusable)?;
        if endpoint.starts_with("https:") {
            receiver = receiver.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(unusable)?;
        }
        let channel = receiver.connect_timeout(SEND_TIME).timeout(SEND_TIME).connect_lazy();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(SEND_TIME)
            .build()?;
        Ok(Delivery { exporter, given_up, told: Mutex::default() })
    }

    fn arrived(&self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut told.is_trouble_told) {
            tracing::info!("spans arrive again");
        }
    }

    fn lost(&self, spans: usize, error: &dyn std::error::Error) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.lost += spans;
        if told.last.is_some_and(|last| last.elapsed() < TOLD_EVERY) {
            return;
        }
        let lost = told.lost;
        *told = Told { last: Some(Instant::now()), lost: 0, is_trouble_told: true };
        tracing::warn!(
            %error, lost,
            "spans could not be sent to traces.endpoint, and are lost; calls and runs go on as ever"
        );
    }
}

impl SpanExporter for Delivery {
    /// Never an error: the library would write a line about each.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        match self.given_up.run_until_cancelled(self.exporter.export(batch)).await {
            Some(Ok(())) => self.arrived(),
            Some(Err(error)) => self.lost(spans, &error),
            None => {}
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
