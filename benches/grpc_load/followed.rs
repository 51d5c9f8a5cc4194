//! What it costs that calls are followed: all of them, as spans that are sent to a receiver, which throws them away, or
//! that nobody takes.

use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The servers that are compared, in the order of a round.
pub(crate) const SERVERS: [&str; 3] = ["no call", "every call", "every call, with nobody to take the spans"];

struct Nobody;

#[tonic::async_trait]
impl TraceService for Nobody {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A receiver that serves for as long as the runtime lives.
pub(crate) async fn receiver() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(TraceServiceServer::new(Nobody));
    tokio::spawn(async { server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
    address
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
