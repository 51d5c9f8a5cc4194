//! `StatusService`: how the server is.

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::{Door, convert};
use crate::api::proto::v1;
use crate::api::proto::v1::status_service_server::StatusService;

#[tonic::async_trait]
impl StatusService for Door {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let status = self.read(|engine| engine.status(Timestamp::now())).await?;
        Ok(Response::new(convert::status::status(status)))
    }
}
