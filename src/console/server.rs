//! The console as it is served.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Console, Surroundings, router};
use crate::engine::Engine;
use crate::listening::{Incoming, serve_http};

/// How long pages under way may take after the server was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Answers the connections of `incoming` until `stop` is cancelled and pages under way are done, at most for
/// [`DRAIN_TIME`].
pub async fn serve(
    engine: Arc<Engine>,
    incoming: Incoming,
    surroundings: Surroundings,
    stop: CancellationToken,
) {
    let console = Console::new(engine, stop.clone(), surroundings, incoming.port().unwrap_or_default());
    if !serve_http(incoming, router(&console), stop, DRAIN_TIME).await {
        tracing::warn!(
            "some pages of the console had not ended {DRAIN_TIME:?} after the server was told to stop"
        );
    }
}
