//! `RouteService`: which calls go where.

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::Door;
use super::convert::routes::{from_proto, to_proto, warnings};
use super::request::{Pages, actor, check_name, cut, page_size};
use crate::api::proto::v1;
use crate::api::proto::v1::route_service_server::RouteService;
use crate::engine::{Edited, Editor, Engine, EngineError, is_same_name};
use crate::routing;

#[tonic::async_trait]
impl RouteService for Door {
    async fn list_inbound_routes(
        &self,
        request: Request<v1::ListInboundRoutesRequest>,
    ) -> Result<Response<v1::ListInboundRoutesResponse>, Status> {
        let v1::ListInboundRoutesRequest { page_size: size, page_token } = request.into_inner();
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            // Their order is all that routes have, so a page begins behind a position.
            let after = Pages::INBOUND_ROUTES.number(&page_token)?.unwrap_or(0);
            let after = usize::try_from(after).unwrap_or(usize::MAX);
            let routes = engine.settings()?.inbound_routes;
            let rest = routes.iter().enumerate().skip(after).take(size as usize + 1);
            let found = rest.map(|(place, route)| to_proto(route, place + 1)).collect();
            let token = |route: &v1::InboundRoute| Pages::INBOUND_ROUTES.token(route.position);
            let (inbound_routes, next_page_token) = cut(found, size, token);
            Ok(v1::ListInboundRoutesResponse { inbound_routes, next_page_token })
        };
        self.read(list).await.map(Response::new)
    }

    async fn get_inbound_route(
        &self,
        request: Request<v1::GetInboundRouteRequest>,
    ) -> Result<Response<v1::GetInboundRouteResponse>, Status> {
        let v1::GetInboundRouteRequest { name } = request.into_inner();
        let get = move |engine: &Engine| {
            check_name("name", &name)?;
            find(engine, &name)
        };
        let route = self.read(get).await?;
        Ok(Response::new(v1::GetInboundRouteResponse { inbound_route: Some(route) }))
    }

    async fn create_inbound_route(
        &self,
        request: Request<v1::CreateInboundRouteRequest>,
    ) -> Result<Response<v1::CreateInboundRouteResponse>, Status> {
        let actor = actor(&request);
        let v1::CreateInboundRouteRequest { inbound_route, position } = request.into_inner();
        let create = move |engine: &Editor<'_>| {
            let (route, _) = from_proto(inbound_route)?;
            let name = route.name.clone();
            let Edited { generation, .. } = engine.create_route(route, position as usize)?;
            let inbound_route = Some(find(engine, &name)?);
            let warnings = warnings(engine.route_warnings());
            Ok(v1::CreateInboundRouteResponse { inbound_route, generation: generation.0, warnings })
        };
        self.edit(actor, create).await.map(Response::new)
    }

    async fn update_inbound_route(
        &self,
        request: Request<v1::UpdateInboundRouteRequest>,
    ) -> Result<Response<v1::UpdateInboundRouteResponse>, Status> {
        let actor = actor(&request);
        let v1::UpdateInboundRouteRequest { name, inbound_route } = request.into_inner();
        let update = move |engine: &Editor<'_>| {
            check_name("name", &name)?;
            let (route, etag) = from_proto(inbound_route)?;
            let new_name = route.name.clone();
            let Edited { generation, .. } = engine.update_route(&name, route, &etag)?;
            let inbound_route = Some(find(engine, &new_name)?);
            let warnings = warnings(engine.route_warnings());
            Ok(v1::UpdateInboundRouteResponse { inbound_route, generation: generation.0, warnings })
        };
        self.edit(actor, update).await.map(Response::new)
    }

    async fn delete_inbound_route(
        &self,
        request: Request<v1::DeleteInboundRouteRequest>,
    ) -> Result<Response<v1::DeleteInboundRouteResponse>, Status> {
        let actor = actor(&request);
        let v1::DeleteInboundRouteRequest { name, etag } = request.into_inner();
        let delete = move |engine: &Editor<'_>| {
            check_name("name", &name)?;
            let Edited { generation, .. } = engine.delete_route(&name, &etag)?;
            let warnings = warnings(engine.route_warnings());
            Ok(v1::DeleteInboundRouteResponse { generation: generation.0, warnings })
        };
        self.edit(actor, delete).await.map(Response::new)
    }

    async fn move_inbound_route(
        &self,
        request: Request<v1::MoveInboundRouteRequest>,
    ) -> Result<Response<v1::MoveInboundRouteResponse>, Status> {
        let actor = actor(&request);
        let v1::MoveInboundRouteRequest { name, position } = request.into_inner();
        let relocate = move |engine: &Editor<'_>| {
            check_name("name", &name)?;
            let Edited { generation, .. } = engine.move_route(&name, position as usize)?;
            let inbound_route = Some(find(engine, &name)?);
            let warnings = warnings(engine.route_warnings());
            Ok(v1::MoveInboundRouteResponse { inbound_route, generation: generation.0, warnings })
        };
        self.edit(actor, relocate).await.map(Response::new)
    }

    async fn check_inbound_routes(
        &self,
        _: Request<v1::CheckInboundRoutesRequest>,
    ) -> Result<Response<v1::CheckInboundRoutesResponse>, Status> {
        let check = |engine: &Engine| {
            let current = engine.snapshot();
            let Some(snapshot) = current.as_ref() else { return Ok(Default::default()) };
            let warnings = warnings(routing::check(snapshot, Timestamp::now()));
            Ok(v1::CheckInboundRoutesResponse { warnings, generation: snapshot.generation().0 })
        };
        self.read(check).await.map(Response::new)
    }
}

fn find(engine: &Engine, name: &str) -> Result<v1::InboundRoute, EngineError> {
    let routes = engine.settings()?.inbound_routes;
    let found = routes.iter().enumerate().find(|(_, route)| is_same_name(&route.name, name));
    let (place, route) =
        found.ok_or_else(|| EngineError::NotFound { what: "inbound route", name: name.to_owned() })?;
    Ok(to_proto(route, place + 1))
}
