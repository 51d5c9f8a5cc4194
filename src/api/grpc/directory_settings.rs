//! `DirectorySettingsService`: extensions, visibility grants, client policy.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::directory::{settings as to_proto, settings_from as from_proto};
use super::request::actor;
use crate::api::proto::v1;
use crate::api::proto::v1::directory_settings_service_server::DirectorySettingsService;
use crate::engine::{DirectoryParts, Edited, Editor, Engine};

#[tonic::async_trait]
impl DirectorySettingsService for Door {
    async fn get_directory_settings(
        &self,
        _: Request<v1::GetDirectorySettingsRequest>,
    ) -> Result<Response<v1::GetDirectorySettingsResponse>, Status> {
        let get = |engine: &Engine| Ok(to_proto(DirectoryParts::of(&engine.settings()?)));
        let directory_settings = Some(self.read(get).await?);
        Ok(Response::new(v1::GetDirectorySettingsResponse { directory_settings }))
    }

    async fn update_directory_settings(
        &self,
        request: Request<v1::UpdateDirectorySettingsRequest>,
    ) -> Result<Response<v1::UpdateDirectorySettingsResponse>, Status> {
        let actor = actor(&request);
        let v1::UpdateDirectorySettingsRequest { directory_settings } = request.into_inner();
        let update = move |engine: &Editor<'_>| {
            let (parts, etag) = from_proto(directory_settings)?;
            let Edited { generation, .. } = engine.update_directory_settings(parts, &etag)?;
            let parts = DirectoryParts::of(&engine.settings()?);
            let missing_phonebooks = engine.missing_phonebooks(&parts)?;
            Ok(v1::UpdateDirectorySettingsResponse {
                directory_settings: Some(to_proto(parts)),
                generation: generation.0,
                missing_phonebooks,
            })
        };
        self.edit(actor, update).await.map(Response::new)
    }
}
