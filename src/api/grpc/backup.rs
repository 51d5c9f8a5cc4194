//! `BackupService`: everything that is stored, as one file.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::request::actor;
use super::{Door, convert, status};
use crate::api::proto::v1;
use crate::api::proto::v1::backup_service_server::BackupService;
use crate::api::proto::v1::take_backup_response::Part;
use crate::background;
use crate::engine::TakenBackup;

/// Bytes of one message.
const MESSAGE_BYTES: usize = 256 * 1024;

/// How long a client may leave a message waiting: the copy of the store takes room as long as it is not sent.
const PATIENCE: Duration = Duration::from_secs(60);

type Answer = Result<v1::TakeBackupResponse, Status>;

#[tonic::async_trait]
impl BackupService for Door {
    type TakeBackupStream = ReceiverStream<Answer>;

    async fn take_backup(
        &self,
        request: Request<v1::TakeBackupRequest>,
    ) -> Result<Response<Self::TakeBackupStream>, Status> {
        let actor = actor(&request);
        let turn = Arc::clone(&self.backups).try_acquire_owned().map_err(|_| status::backup_under_way())?;
        let engine = Arc::clone(&self.engine);
        let (turn, taken) = background::blocking(move || (turn, engine.by(actor).take_backup())).await;
        let taken = taken.map_err(status::of_backup)?;
        let (sender, stream) = mpsc::channel(2);
        let sending = Sending { sender, door: self.clone(), runtime: Handle::current(), part: Vec::new() };
        // Ends with the backup, with the client, or with the server.
        tokio::spawn(background::blocking(move || send(sending, taken, turn)));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// `turn` is held until the copy of the store is gone.
fn send(mut sending: Sending, taken: TakenBackup, turn: OwnedSemaphorePermit) {
    let backup = convert::backup::to_proto(taken.content());
    let sent = sending.send(Ok(Part::Backup(backup))).and_then(|()| taken.write_to(&mut sending));
    if let Err(error) = sent.map(drop) {
        tracing::warn!(%error, "a backup could not be sent to its end");
        // A stream that only ended would look whole to who does not check the file.
        let _ = sending.send(Err(Status::aborted("the backup could not be sent to its end: take another")));
    }
    drop(turn);
}

/// Writes into a stream of messages.
struct Sending {
    sender: mpsc::Sender<Answer>,
    door: Door,
    runtime: Handle,
    part: Vec<u8>,
}

impl Sending {
    fn send(&self, part: Result<Part, Status>) -> io::Result<()> {
        let message = part.map(|part| v1::TakeBackupResponse { part: Some(part) });
        let sent = async { tokio::time::timeout(PATIENCE, self.door.wait(self.sender.send(message))).await };
        match self.runtime.block_on(sent) {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(_))) => Err(io::Error::other("the client has gone")),
            Ok(Err(_)) => Err(io::Error::other("the server was told to stop")),
            Err(_) => Err(io::Error::other("the client takes nothing")),
        }
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MESSAGE_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == MESSAGE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let data = std::mem::take(&mut self.part);
        self.send(Ok(Part::Data(data)))
    }
}
