//! The door for those who watch: Prometheus metrics, and whether the process is alive and ready, over HTTP.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | all metrics, in the text format of OpenMetrics |
//! | `/healthz` | 200 while the process answers at all |
//! | `/readyz` | 200 while calls are answered; 503, with the reason, before the first snapshot and once the server was told to stop |
//!
//! It has an address of its own, so that what may watch need not be able to call. Names of sources, routes and
//! phonebooks are told there, to whom [`readers`] lets in; names and numbers of people are not.

mod families;
mod process;
mod readers;
mod text;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::readers::Readers;
use crate::engine::Engine;
use crate::listening::{Incoming, serve_http};

/// How many read the metrics at the same time; whoever comes beyond that is told to come again.
const MAX_READERS: usize = 2;

/// How many names of a kind are told apart in labels: as many phonebooks as the reference system has. What comes
/// after them is under the empty name, all together.
const MAX_LABELS: usize = 500;

/// How long is waited for whoever is reading, when the server has ended.
const DRAIN_TIME: Duration = Duration::from_millis(500);

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone)]
struct Door {
    engine: Arc<Engine>,
    /// The server was told to stop: calls under way are answered, and no others should come.
    stop: CancellationToken,
    readers: Arc<Semaphore>,
}

/// Answers the connections of `incoming` until `ended`. From `stop` on the server is not ready. Metrics are told only to
/// whoever sends a token, if those are required.
pub async fn serve(
    engine: Arc<Engine>,
    incoming: Incoming,
    are_tokens_required: bool,
    stop: CancellationToken,
    ended: CancellationToken,
) {
    let readers = Readers { tokens: Arc::clone(engine.tokens()), are_tokens_required };
    let door = Door { engine, stop, readers: Arc::new(Semaphore::new(MAX_READERS)) };
    let router = Router::new()
        .route("/", get(|| async { "metrics: /metrics, liveness: /healthz, readiness: /readyz\n" }))
        .route("/metrics", get(metrics).layer(middleware::from_fn_with_state(readers, readers::guard)))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(door);
    // Whoever keeps a connection open is not waited for long.
    serve_http(incoming, router, ended, DRAIN_TIME).await;
}

async fn ready(State(Door { engine, stop, .. }): State<Door>) -> (StatusCode, &'static str) {
    if stop.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "the server was told to stop\n")
    } else if engine.snapshot().is_none() {
        (StatusCode::SERVICE_UNAVAILABLE, "no phonebooks yet: apply settings, or synchronise\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(Door { engine, stop, readers }): State<Door>) -> Response {
    let Ok(turn) = readers.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "others are reading the metrics: come again\n")
            .into_response();
    };
    let is_ready = !stop.is_cancelled();
    let reading = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        text::encoded(families::of(&engine, is_ready, Timestamp::now()))
    });
    match reading.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the metrics could not be written; please report this");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(defect) => {
            tracing::error!(%defect, "reading the metrics ended by a defect; please report this");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
