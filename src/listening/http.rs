//! HTTP over connections that were accepted: version 1 or 2, whichever the client speaks.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming as Received;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Connection, Incoming};

/// How long a client may take to say what it wants.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: u32 = 64 * 1024;

/// Requests of one connection at the same time. A browser asks for a page and what is in it.
const MAX_STREAMS_PER_CONNECTION: u32 = 64;

/// How long a connection may be silent before it is asked whether it is there, and how long it may take to say so.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// Answers the connections of `incoming` with `pages` until `stop` is cancelled and what is under way is answered, at
/// most for `drain_time`; says whether all of it was. Each request has a [`Peer`](crate::access::Peer) in its extensions.
pub async fn serve_http(
    mut incoming: Incoming,
    pages: Router,
    stop: CancellationToken,
    drain_time: Duration,
) -> bool {
    let open = GracefulShutdown::new();
    while let Some(Some(accepted)) = stop.run_until_cancelled(incoming.next()).await {
        // What cannot be accepted was told by `Incoming`.
        if let Ok(connection) = accepted {
            tokio::spawn(serve_connection(connection, pages.clone(), open.watcher()));
        }
    }
    // The port is free for the next.
    drop(incoming);
    tokio::time::timeout(drain_time, open.shutdown()).await.is_ok()
}

async fn serve_connection(connection: Connection, pages: Router, open: Watcher) {
    let peer = connection.peer();
    let service = hyper::service::service_fn(move |request: hyper::Request<Received>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        pages.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
        .max_header_list_size(MAX_HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(connection), service).into_owned();
    // A connection that breaks is the client's business.
    let _ = open.watch(connection).await;
}
