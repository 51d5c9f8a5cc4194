//! `CallRoutingService`: who is calling, and where does the call go?

use std::time::Instant;

use jiff::Timestamp;
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::convert::{calls, routes};
use super::request::{bad, check_bytes};
use super::{Door, answers::Answers, status};
use crate::api::proto::v1;
use crate::api::proto::v1::call_routing_service_server::CallRoutingService;
use crate::engine::{Counts, KEPT_DECISIONS, LookUpKind, LookUpOutcome};
use crate::matching::match_caller;
use crate::routing::{self, Call};
use crate::snapshot::Snapshot;

/// Longest dialled number, in bytes; the longest sensible one is a SIP URI in a name-addr.
const MAX_DID_BYTES: usize = 256;

/// Longest name of a trunk, in bytes: any name that a trunk may have in the settings is shorter.
const MAX_TRUNK_BYTES: usize = 256;

/// The first and the last second of a `google.protobuf.Timestamp`: years 1 to 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

type AnswerStream<A> = std::pin::Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

#[tonic::async_trait]
impl CallRoutingService for Door {
    async fn match_caller(
        &self,
        request: Request<v1::MatchCallerRequest>,
    ) -> Result<Response<v1::MatchCallerResponse>, Status> {
        self.answer_match(request.get_ref()).map(Response::new)
    }

    async fn route_call(
        &self,
        request: Request<v1::RouteCallRequest>,
    ) -> Result<Response<v1::RouteCallResponse>, Status> {
        self.answer_route(request.get_ref()).map(Response::new)
    }

    type MatchCallersStream = AnswerStream<v1::MatchCallersResponse>;

    async fn match_callers(
        &self,
        request: Request<Streaming<v1::MatchCallersRequest>>,
    ) -> Result<Response<Self::MatchCallersStream>, Status> {
        use v1::match_callers_response::Result as Answer;
        let door = self.clone();
        let answer = move |v1::MatchCallersRequest { request_id, request }| {
            let result = match door.answer_match(&request.unwrap_or_default()) {
                Ok(response) => Answer::Response(response),
                Err(status) => Answer::Error(status.message().to_owned()),
            };
            v1::MatchCallersResponse { request_id, result: Some(result) }
        };
        Ok(Response::new(Box::pin(Answers::new(request.into_inner(), answer, &self.stop))))
    }

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        let v1::ListDecisionsRequest { max_decisions, route } = request.into_inner();
        let most = match max_decisions {
            0 => KEPT_DECISIONS,
            most => most as usize,
        };
        let route = Some(route.as_str()).filter(|route| !route.is_empty());
        let decisions = self.engine.last_decisions(most, route).into_iter().map(calls::decision).collect();
        Ok(Response::new(v1::ListDecisionsResponse { decisions }))
    }

    async fn get_call_counts(
        &self,
        _: Request<v1::GetCallCountsRequest>,
    ) -> Result<Response<v1::GetCallCountsResponse>, Status> {
        let Counts { routes, phonebooks, unrouted } = self.engine.call_counts();
        let counts = |counts: Vec<(String, u64)>| {
            counts.into_iter().map(|(name, calls)| v1::CallCount { name, calls }).collect()
        };
        Ok(Response::new(v1::GetCallCountsResponse {
            routes: counts(routes),
            phonebooks: counts(phonebooks),
            unrouted,
        }))
    }

    type RouteCallsStream = AnswerStream<v1::RouteCallsResponse>;

    async fn route_calls(
        &self,
        request: Request<Streaming<v1::RouteCallsRequest>>,
    ) -> Result<Response<Self::RouteCallsStream>, Status> {
        use v1::route_calls_response::Result as Answer;
        let door = self.clone();
        let answer = move |v1::RouteCallsRequest { request_id, request }| {
            let result = match door.answer_route(&request.unwrap_or_default()) {
                Ok(response) => Answer::Response(response),
                Err(status) => Answer::Error(status.message().to_owned()),
            };
            v1::RouteCallsResponse { request_id, result: Some(result) }
        };
        Ok(Response::new(Box::pin(Answers::new(request.into_inner(), answer, &self.stop))))
    }
}

impl Door {
    fn answer_match(&self, request: &v1::MatchCallerRequest) -> Result<v1::MatchCallerResponse, Status> {
        self.counted(LookUpKind::Match, || {
            let v1::MatchCallerRequest { caller, trunk } = request;
            check_bytes("trunk", trunk, MAX_TRUNK_BYTES)?;
            self.with_snapshot(|snapshot| {
                let caller_match = match_caller(snapshot, caller, trunk);
                (LookUpOutcome::from(&caller_match), calls::match_response(snapshot, &caller_match))
            })
        })
    }

    fn answer_route(&self, request: &v1::RouteCallRequest) -> Result<v1::RouteCallResponse, Status> {
        // What somebody asks to know is no call.
        let is_call = !request.explain && request.at.is_none();
        let kind = if is_call { LookUpKind::Route } else { LookUpKind::Explain };
        self.counted(kind, || self.decide(request, is_call))
    }

    fn decide(
        &self,
        request: &v1::RouteCallRequest,
        is_call: bool,
    ) -> Result<(LookUpOutcome, v1::RouteCallResponse), Status> {
        let v1::RouteCallRequest { caller, did, trunk, at: asked_at, explain, attestation } = request;
        check_bytes("did", did, MAX_DID_BYTES)?;
        check_bytes("trunk", trunk, MAX_TRUNK_BYTES)?;
        let at = asked_at.as_ref().map_or_else(|| Ok(Timestamp::now()), time)?;
        let attestation = routes::attestation_from("attestation", *attestation).map_err(status::of)?;
        let call = Call { caller, did, trunk, attestation, at };
        self.with_snapshot(|snapshot| {
            let (decision, explanation) = match explain {
                true => {
                    let (decision, explanation) = routing::explain(snapshot, &call);
                    (decision, Some(explanation))
                }
                false => (routing::decide(snapshot, &call), None),
            };
            if is_call {
                self.engine.remember(snapshot, &call, &decision);
            }
            let outcome = LookUpOutcome::from(&decision.caller_match);
            (outcome, calls::route_response(snapshot, &decision, explanation))
        })
    }

    /// Counts what a look-up came to, and how long it took.
    fn counted<T>(
        &self,
        kind: LookUpKind,
        answer: impl FnOnce() -> Result<(LookUpOutcome, T), Status>,
    ) -> Result<T, Status> {
        let begin = Instant::now();
        let (outcome, answer) = match answer() {
            Ok((outcome, answer)) => (outcome, Ok(answer)),
            Err(status) if status.code() == Code::Unavailable => (LookUpOutcome::Unavailable, Err(status)),
            Err(status) => (LookUpOutcome::Refused, Err(status)),
        };
        self.engine.look_ups().count(kind, outcome, begin.elapsed());
        answer
    }

    /// One load for one answer, so that all of it is of one generation.
    fn with_snapshot<T>(&self, answer: impl FnOnce(&Snapshot) -> T) -> Result<T, Status> {
        let current = self.engine.snapshot();
        current.as_ref().map(|snapshot| answer(snapshot)).ok_or_else(status::no_snapshot)
    }
}

fn time(at: &prost_types::Timestamp) -> Result<Timestamp, Status> {
    if TIMES.contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos) {
        // Ours end some hours before the last of the contract's.
        return Ok(Timestamp::new(at.seconds, at.nanos).unwrap_or(Timestamp::MAX));
    }
    let problem = format!(
        "is {} seconds and {} nanoseconds from 1970; a time in the years 1 to 9999 is expected, nanoseconds from \
         0 to 999999999",
        at.seconds, at.nanos
    );
    Err(status::of(bad("at", problem)))
}
