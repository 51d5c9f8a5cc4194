//! The two questions that a call handler has, each asked by calls or over a stream.

use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::{self, match_callers_response, route_calls_response};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

pub(crate) type Client = CallRoutingServiceClient<Channel>;

/// A question of the service.
pub(crate) trait Question: 'static {
    /// Names of the call and of the stream.
    const CALL: &str;
    const STREAM: &str;
    type Request: Clone + Send + Sync + 'static;
    type Answer: Send;
    type StreamRequest: Send + 'static;
    type StreamAnswer: Send;

    fn request(caller: &str) -> Self::Request;

    fn ask(
        client: &mut Client,
        request: Self::Request,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send;

    fn open(
        client: &mut Client,
        requests: ReceiverStream<Self::StreamRequest>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::StreamAnswer>>, Status>> + Send;

    fn in_stream(request_id: u64, request: Self::Request) -> Self::StreamRequest;

    /// The request's id, and whether there was an answer to it rather than an error.
    fn outcome(answer: &Self::StreamAnswer) -> (u64, bool);
}

/// Who is calling?
pub(crate) struct Match;

impl Question for Match {
    const CALL: &str = "MatchCaller";
    const STREAM: &str = "MatchCallers";
    type Request = v1::MatchCallerRequest;
    type Answer = v1::MatchCallerResponse;
    type StreamRequest = v1::MatchCallersRequest;
    type StreamAnswer = v1::MatchCallersResponse;

    fn request(caller: &str) -> Self::Request {
        v1::MatchCallerRequest { caller: caller.to_owned(), trunk: "berlin".to_owned() }
    }

    fn ask(
        client: &mut Client,
        request: Self::Request,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send {
        client.match_caller(request)
    }

    fn open(
        client: &mut Client,
        requests: ReceiverStream<Self::StreamRequest>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::StreamAnswer>>, Status>> + Send {
        client.match_callers(requests)
    }

    fn in_stream(request_id: u64, request: Self::Request) -> Self::StreamRequest {
        v1::MatchCallersRequest { request_id, request: Some(request) }
    }

    fn outcome(answer: &Self::StreamAnswer) -> (u64, bool) {
        (answer.request_id, matches!(answer.result, Some(match_callers_response::Result::Response(_))))
    }
}

/// Where does this call go?
pub(crate) struct Route;

impl Question for Route {
    const CALL: &str = "RouteCall";
    const STREAM: &str = "RouteCalls";
    type Request = v1::RouteCallRequest;
    type Answer = v1::RouteCallResponse;
    type StreamRequest = v1::RouteCallsRequest;
    type StreamAnswer = v1::RouteCallsResponse;

    fn request(caller: &str) -> Self::Request {
        v1::RouteCallRequest {
            caller: caller.to_owned(),
            did: "+493023125000".to_owned(),
            trunk: "berlin".to_owned(),
            ..Default::default()
        }
    }

    fn ask(
        client: &mut Client,
        request: Self::Request,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send {
        client.route_call(request)
    }

    fn open(
        client: &mut Client,
        requests: ReceiverStream<Self::StreamRequest>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::StreamAnswer>>, Status>> + Send {
        client.route_calls(requests)
    }

    fn in_stream(request_id: u64, request: Self::Request) -> Self::StreamRequest {
        v1::RouteCallsRequest { request_id, request: Some(request) }
    }

    fn outcome(answer: &Self::StreamAnswer) -> (u64, bool) {
        (answer.request_id, matches!(answer.result, Some(route_calls_response::Result::Response(_))))
    }
}
