//! A backup on its way to somebody, part by part.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TakenBackup;
use crate::background;

/// Bytes of a part.
const PART_BYTES: usize = 256 * 1024;

/// Parts that may wait to be taken.
const PARTS_WAITING: usize = 2;

/// How long one may wait: the copy of the store takes room as long as it is not sent.
const PATIENCE: Duration = Duration::from_secs(60);

impl TakenBackup {
    /// Sends the file in parts. Unless it was sent to its end, the last one is an error: when `stop` comes, when
    /// nobody takes a part for a minute, or when the copy cannot be read. Needs a runtime.
    #[must_use]
    pub fn send(self, stop: CancellationToken) -> mpsc::Receiver<io::Result<Vec<u8>>> {
        let (sender, parts) = mpsc::channel(PARTS_WAITING + 1);
        // Room for the last word, whoever takes what comes before.
        let last_word = sender.clone().try_reserve_owned();
        let mut sending = Sending { sender, stop, runtime: Handle::current(), part: Vec::new() };
        tokio::spawn(background::blocking(move || {
            let Err(error) = self.write_to(&mut sending).and_then(|sending| sending.flush()) else { return };
            tracing::warn!(%error, "a backup could not be sent to its end");
            if let Ok(last_word) = last_word {
                last_word.send(Err(error));
            }
        }));
        parts
    }
}

/// Writes into a channel.
struct Sending {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    stop: CancellationToken,
    runtime: Handle,
    part: Vec<u8>,
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::take(&mut self.part);
        let sent = self.stop.run_until_cancelled(self.sender.send(Ok(part)));
        match self.runtime.block_on(async { tokio::time::timeout(PATIENCE, sent).await }) {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(_))) => Err(io::Error::other("whoever asked for it has gone")),
            Ok(None) => Err(io::Error::other("the server was told to stop")),
            Err(_) => Err(io::Error::other("whoever asked for it takes nothing")),
        }
    }
}
