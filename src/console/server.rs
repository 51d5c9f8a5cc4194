//! Connections of the console: taken, bounded, and ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::visit::Peer;
use super::{Console, router};
use crate::engine::Engine;

/// Most connections at the same time; a browser has up to six.
const MAX_CONNECTIONS: usize = 512;

/// How long a client may take to say what it wants.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long is waited after a connection could not be taken: too many files are open, most likely.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// How long pages under way may take after the server was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Answers the connections of `listener` until `stop` is cancelled and pages under way are done, at most for
/// [`DRAIN_TIME`]. `hosts` are names of this server, beside its addresses.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener, hosts: Vec<String>, stop: CancellationToken) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let console = Console::new(engine, stop.clone(), hosts, port);
    let pages = router(&console);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    while let Some(taken) = stop.run_until_cancelled(take(&listener, &room)).await {
        let (stream, peer, place) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(%error, "the console could not take a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let serving = serve_connection(stream, peer, pages.clone(), open.watcher());
        tokio::spawn(async move {
            serving.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, open.shutdown()).await.is_err() {
        tracing::warn!(
            "some pages of the console had not ended {DRAIN_TIME:?} after the server was told to stop"
        );
    }
}

type Taken = (TcpStream, SocketAddr, Option<tokio::sync::OwnedSemaphorePermit>);

async fn take(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Taken> {
    // Nobody closes it.
    let place = Arc::clone(room).acquire_owned().await.ok();
    let (stream, peer) = listener.accept().await?;
    // Pages are written in one piece; waiting for more only makes them late.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer, place))
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    pages: axum::Router,
    open: hyper_util::server::graceful::Watcher,
) {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer.ip()));
        pages.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(MAX_HEAD_BYTES as u32);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // A connection that breaks is the browser's business.
    let _ = open.watch(connection).await;
}
