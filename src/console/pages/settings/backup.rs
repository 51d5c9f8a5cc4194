//! All that is stored, as one file that the browser keeps.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;
use maud::{Markup, html};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::export::HERE;
use crate::background;
use crate::console::Console;
use crate::console::visit::{Answer, Tone, Visit};

/// Bytes that are sent at a time.
const PART_BYTES: usize = 256 * 1024;

/// How long a browser may leave them waiting: the copy of the store takes room as long as it is not sent.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn form(visit: &Visit) -> Markup {
    html! {
        section.card.stack {
            h2 { "Take a backup" }
            p { "All that is stored, as one file: contacts, settings, users, tokens, runs and the audit. Calls and runs go on \
                meanwhile. Passwords of sources that were typed in are not in it. " code { "ringroute restore" }
                " puts it in place while no server runs. Keep it where only those get at it who may see every contact." }
            form method="post" action=(format!("{HERE}/ringroute.backup")) {
                (visit.token_field())
                div.actions { button.solid type="submit" { "Download a backup" } }
            }
        }
    }
}

pub(in crate::console) async fn take(State(console): State<Console>, visit: Visit) -> Answer {
    let Ok(turn) = Arc::clone(&console.backups).try_acquire_owned() else {
        return visit.done(HERE, Tone::Bad, "Another backup is being taken. Try again when it is done.");
    };
    let (engine, actor) = (Arc::clone(&console.engine), visit.actor());
    let taken = background::blocking(move || engine.by(actor).take_backup()).await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => return visit.done(HERE, Tone::Bad, format!("No backup was taken: {error}.")),
    };
    let name = format!("ringroute-{}.backup", taken.content().taken_at.strftime("%Y-%m-%d-%H%M%S"));
    let (sender, parts) = mpsc::channel(2);
    let sending = Sending { sender, runtime: Handle::current() };
    tokio::spawn(background::blocking(move || {
        let to = BufWriter::with_capacity(PART_BYTES, sending.clone());
        let sent = taken.write_to(to).and_then(|mut to| to.flush());
        if let Err(error) = sent {
            tracing::warn!(%error, "a backup could not be sent to its end");
            // The browser is told that the file is not whole, if it still listens.
            let _ = sending.send(Err(error));
        }
        drop(turn);
    }));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}

/// Writes into the body of a response.
#[derive(Clone)]
struct Sending {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    runtime: Handle,
}

impl Sending {
    fn send(&self, part: io::Result<Vec<u8>>) -> io::Result<()> {
        let sent = async { tokio::time::timeout(PATIENCE, self.sender.send(part)).await };
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::other("the browser has gone")),
            Err(_) => Err(io::Error::other("the browser takes nothing")),
        }
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..PART_BYTES).unwrap_or(bytes);
        self.send(Ok(part.to_vec()))?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
