//! What the system tells the process: to stop, to read its configuration again.

use std::io;
#[cfg(unix)]
use std::pin::Pin;
#[cfg(unix)]
use std::task::{Context, Poll};

use tokio::signal;
use tokio_stream::Stream;

/// Listens from now on for the process being told to stop (SIGINT, which is Ctrl-C, and SIGTERM); the future
/// returns when it is.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = signal::windows::ctrl_c()?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

/// Listens from now on for the process being told to read its configuration again (SIGHUP). Never, where there is no
/// such signal.
pub fn reload_signals() -> io::Result<impl Stream<Item = ()>> {
    #[cfg(unix)]
    {
        Ok(HangUps(signal::unix::signal(signal::unix::SignalKind::hangup())?))
    }
    #[cfg(windows)]
    {
        Ok(tokio_stream::pending())
    }
}

#[cfg(unix)]
struct HangUps(signal::unix::Signal);

#[cfg(unix)]
impl Stream for HangUps {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<()>> {
        self.0.poll_recv(context)
    }
}
