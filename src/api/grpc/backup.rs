//! `BackupService`: everything that is stored, as one file.

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use super::request::actor;
use super::{Door, convert, status};
use crate::api::proto::v1;
use crate::api::proto::v1::backup_service_server::BackupService;
use crate::api::proto::v1::take_backup_response::Part;
use crate::background;

#[tonic::async_trait]
impl BackupService for Door {
    type TakeBackupStream = Pin<Box<dyn Stream<Item = Result<v1::TakeBackupResponse, Status>> + Send>>;

    async fn take_backup(
        &self,
        request: Request<v1::TakeBackupRequest>,
    ) -> Result<Response<Self::TakeBackupStream>, Status> {
        let actor = actor(&request);
        let engine = Arc::clone(&self.engine);
        let taken = background::blocking(move || engine.by(actor).take_backup()).await;
        let taken = taken.map_err(status::of_backup)?;
        let about = Part::Backup(convert::backup::to_proto(taken.content()));
        let parts = ReceiverStream::new(taken.send(self.stop.clone()));
        let parts = parts.map(|part| part.map(Part::Data).map_err(|_| status::backup_cut_off()));
        let answers = tokio_stream::once(Ok(about)).chain(parts);
        let answers = answers.map(|part| Ok(v1::TakeBackupResponse { part: Some(part?) }));
        Ok(Response::new(Box::pin(answers)))
    }
}
