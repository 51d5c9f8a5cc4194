//! The limit: the same service on the same transport, which gives everybody the same answer.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use hyper::service::service_fn;
use ringroute::api::grpc;
use ringroute::api::proto::v1::call_routing_service_server::{CallRoutingService, CallRoutingServiceServer};
use ringroute::api::proto::v1::{self, match_callers_response, route_calls_response};
use ringroute::listening::Connection;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::codegen::Service as _;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

/// What everybody is answered, whatever was asked. The default says nothing.
#[derive(Clone, Default)]
pub(crate) struct Same {
    pub(crate) matched: v1::MatchCallerResponse,
    pub(crate) routed: v1::RouteCallResponse,
}

/// Serves for as long as the runtime lives, and says where.
pub(crate) async fn serve(same: Same) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = move |_: &Connection| {
        let service = CallRoutingServiceServer::new(same.clone());
        service_fn(move |request| service.clone().call(request))
    };
    tokio::spawn(grpc::serve_connections(grpc::incoming(listener), service, CancellationToken::new()));
    address
}

/// The same with the same settings, served as tonic does by itself: a task for each call, and a router before it.
pub(crate) async fn serve_by_tonic(same: Same) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(1024)
        .http2_max_header_list_size(16 * 1024)
        .max_frame_size(16 * 1024)
        .add_service(CallRoutingServiceServer::new(same));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tokio::spawn(async { service.serve_with_incoming(incoming).await.unwrap() });
    address
}

type AnswerStream<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

#[tonic::async_trait]
impl CallRoutingService for Same {
    async fn match_caller(
        &self,
        _: Request<v1::MatchCallerRequest>,
    ) -> Result<Response<v1::MatchCallerResponse>, Status> {
        Ok(Response::new(self.matched.clone()))
    }

    async fn route_call(
        &self,
        _: Request<v1::RouteCallRequest>,
    ) -> Result<Response<v1::RouteCallResponse>, Status> {
        Ok(Response::new(self.routed.clone()))
    }

    async fn list_decisions(
        &self,
        _: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn get_call_counts(
        &self,
        _: Request<v1::GetCallCountsRequest>,
    ) -> Result<Response<v1::GetCallCountsResponse>, Status> {
        Ok(Response::new(Default::default()))
    }

    type MatchCallersStream = AnswerStream<v1::MatchCallersResponse>;

    async fn match_callers(
        &self,
        request: Request<Streaming<v1::MatchCallersRequest>>,
    ) -> Result<Response<Self::MatchCallersStream>, Status> {
        let matched = self.matched.clone();
        let answer = move |v1::MatchCallersRequest { request_id, .. }| {
            let response = match_callers_response::Result::Response(matched.clone());
            v1::MatchCallersResponse { request_id, result: Some(response) }
        };
        Ok(Response::new(Box::pin(request.into_inner().map(move |request| request.map(&answer)))))
    }

    type RouteCallsStream = AnswerStream<v1::RouteCallsResponse>;

    async fn route_calls(
        &self,
        request: Request<Streaming<v1::RouteCallsRequest>>,
    ) -> Result<Response<Self::RouteCallsStream>, Status> {
        let routed = self.routed.clone();
        let answer = move |v1::RouteCallsRequest { request_id, .. }| {
            let response = route_calls_response::Result::Response(routed.clone());
            v1::RouteCallsResponse { request_id, result: Some(response) }
        };
        Ok(Response::new(Box::pin(request.into_inner().map(move |request| request.map(&answer)))))
    }
}
