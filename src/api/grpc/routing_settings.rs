//! `RoutingSettingsService`: what inbound routes refer to.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::routes::warnings;
use super::convert::routing_settings::{from_proto, to_proto};
use super::request::actor;
use crate::api::proto::v1;
use crate::api::proto::v1::routing_settings_service_server::RoutingSettingsService;
use crate::engine::{Edited, Editor, Engine, RoutingParts};

#[tonic::async_trait]
impl RoutingSettingsService for Door {
    async fn get_routing_settings(
        &self,
        _: Request<v1::GetRoutingSettingsRequest>,
    ) -> Result<Response<v1::GetRoutingSettingsResponse>, Status> {
        let get = |engine: &Engine| Ok(to_proto(RoutingParts::of(&engine.settings()?)));
        let routing_settings = Some(self.read(get).await?);
        Ok(Response::new(v1::GetRoutingSettingsResponse { routing_settings }))
    }

    async fn update_routing_settings(
        &self,
        request: Request<v1::UpdateRoutingSettingsRequest>,
    ) -> Result<Response<v1::UpdateRoutingSettingsResponse>, Status> {
        let actor = actor(&request);
        let v1::UpdateRoutingSettingsRequest { routing_settings } = request.into_inner();
        let update = move |engine: &Editor<'_>| {
            let (parts, etag) = from_proto(routing_settings)?;
            let Edited { generation, .. } = engine.update_routing_settings(parts, &etag)?;
            Ok(v1::UpdateRoutingSettingsResponse {
                routing_settings: Some(to_proto(RoutingParts::of(&engine.settings()?))),
                generation: generation.0,
                warnings: warnings(engine.route_warnings()),
            })
        };
        self.edit(actor, update).await.map(Response::new)
    }
}
