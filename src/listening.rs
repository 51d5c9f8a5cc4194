//! Connections: where they are accepted, within bounds, and behind TLS where that is set.
//!
//! [`Incoming`] is a stream of [`Connection`]s, for gRPC, and an [`axum::serve::Listener`], for doors that speak HTTP.
//! Nothing that a client does before it has been heard out keeps others waiting:
//!
//! * TLS handshakes go on side by side, each within a time;
//! * whoever connects and says nothing is cut off;
//! * connections are counted, all and by address, and those beyond the bounds are closed at once;
//! * when the system has no more to give (file descriptors, say), accepting pauses rather than spins.

mod bounds;
mod connection;
mod incoming;
mod tls;
#[cfg(unix)]
mod unix;

pub use connection::Connection;
pub use incoming::{Incoming, Patience};
pub use tls::{GRPC, HTTP, Tls, TlsError};
#[cfg(unix)]
pub use unix::{SocketError, UnixDoor};
