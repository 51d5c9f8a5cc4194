//! What systemd is told, where the process was started by it (`Type=notify`): that callers are answered, how things
//! are, that it is reloading or stopping, and, as long as tasks get their turn, that it is alive.
//!
//! Without a service manager (no `NOTIFY_SOCKET`) nothing of this does anything.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told how the server is");
    }
}

/// What `systemctl status` shows.
fn shown(engine: &Engine) -> String {
    match engine.snapshot().as_ref() {
        Some(snapshot) => {
            let contacts = snapshot.contacts().contact_count();
            format!("serving generation {}: {contacts} contacts", snapshot.generation())
        }
        None => "waiting for settings: no call is answered yet".to_owned(),
    }
}

/// Connections are taken. Calls are answered once there is a snapshot: that is what readiness over HTTP and gRPC
/// says, and nothing that a service manager should wait for, as a new installation has none.
pub(super) fn ready(engine: &Engine) {
    tell(&[NotifyState::Ready, NotifyState::Status(&shown(engine))]);
}

/// Another generation is being served.
pub(super) fn published(engine: &Engine) {
    tell(&[NotifyState::Status(&shown(engine))]);
}

/// The configuration is being read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        // Newer versions of systemd want to know when; they are not told at all then.
        Err(error) => tracing::warn!(%error, "the time cannot be read"),
    }
}

/// The server is ending.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

/// Says that the process is alive, twice as often as the watchdog asks for, until `ended`. Runs on the threads that
/// answer calls: when they are stuck it says nothing, and the service manager starts the server anew.
pub(super) async fn feed_watchdog(ended: CancellationToken) {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else { return };
    let mut turns = tokio::time::interval(limit / 2);
    while ended.run_until_cancelled(turns.tick()).await.is_some() {
        tell(&[NotifyState::Watchdog]);
    }
}
