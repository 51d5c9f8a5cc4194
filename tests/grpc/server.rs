//! What holds for the server as a whole: health, reflection, stop, restart.

use std::collections::BTreeSet;

use ringroute::api::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::support::{GRACE, Server, endless_source, make_company};

const SERVICES: [&str; 9] = [
    "CallRouting",
    "Directory",
    "DirectorySettings",
    "Phonebook",
    "Route",
    "Settings",
    "Status",
    "Sync",
    "Token",
];

fn names() -> Vec<String> {
    SERVICES.iter().map(|name| format!("ringroute.v1.{name}Service")).collect()
}

#[tokio::test]
async fn nothing_is_answered_before_the_first_generation_and_health_says_so() {
    let server = Server::start().await;
    let mut calls = server.calls().await;
    let mut health = HealthClient::new(server.channel().await);
    let services = names().into_iter().chain([String::new()]);
    let services: Vec<String> = services.collect();
    for service in services.clone() {
        let check = health.check(HealthCheckRequest { service }).await.unwrap().into_inner();
        assert_eq!(check.status(), ServingStatus::NotServing);
    }
    for status in [
        calls.match_caller(v1::MatchCallerRequest::default()).await.unwrap_err(),
        calls.route_call(v1::RouteCallRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().starts_with("no phonebooks yet: "), "{status:?}");
    }

    let mut watching = Vec::new();
    for service in services {
        let mut news = health.watch(HealthCheckRequest { service }).await.unwrap().into_inner();
        assert_eq!(news.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        watching.push(news);
    }
    server.apply("[numbers]\ndefault_region = \"DE\"").await;
    for news in &mut watching {
        assert_eq!(news.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    }
    calls.match_caller(v1::MatchCallerRequest::default()).await.unwrap();
    let unknown = health.check(HealthCheckRequest { service: "other".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    server.begin_stop();
    for news in &mut watching {
        assert_eq!(news.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(news.message().await.unwrap(), None::<HealthCheckResponse>);
    }
}

/// Both versions of reflection have messages of the same shape in modules of their own.
macro_rules! reflected {
    ($version:ident, $channel:expr) => {{
        use pb::server_reflection_request::MessageRequest;
        use pb::server_reflection_response::MessageResponse;
        use tonic_reflection::pb::$version as pb;
        let asked = |message_request| pb::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message_request),
        };
        let requests = [
            asked(MessageRequest::ListServices(String::new())),
            asked(MessageRequest::FileContainingSymbol("ringroute.v1.RouteCallRequest".into())),
        ];
        let mut client = pb::server_reflection_client::ServerReflectionClient::new($channel);
        let mut answers =
            client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap().into_inner();
        let list = answers.message().await.unwrap().unwrap().message_response.unwrap();
        let MessageResponse::ListServicesResponse(list) = list else { panic!("{list:?}") };
        let file = answers.message().await.unwrap().unwrap().message_response.unwrap();
        let MessageResponse::FileDescriptorResponse(file) = file else { panic!("{file:?}") };
        assert!(!file.file_descriptor_proto.is_empty());
        list.service.into_iter().map(|service| service.name).collect::<BTreeSet<String>>()
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_describe_every_service() {
    let server = Server::start().await;
    let v1 = reflected!(v1, server.channel().await);
    let v1alpha = reflected!(v1alpha, server.channel().await);
    for name in names().into_iter().chain(["grpc.health.v1.Health".to_owned()]) {
        assert!(v1.contains(&name) && v1alpha.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn open_streams_and_waits_end_when_the_server_is_told_to_stop() {
    let server = Server::start().await;
    make_company(&server.company(), &[]);
    let mut sync = server.sync().await;
    let source = Some(endless_source("endless", &server.company()));
    sync.create_source(v1::CreateSourceRequest { source }).await.unwrap();
    let start = v1::StartSyncRequest { source: "endless".into(), allow_preview: None };
    let run = sync.start_sync(start).await.unwrap().into_inner().run.unwrap();
    let watch = v1::WatchSyncRequest { run_id: run.run_id };
    let mut news = sync.watch_sync(watch).await.unwrap().into_inner();
    news.message().await.unwrap().expect("where it is now");

    let (requests, receiver) = mpsc::channel(1);
    let mut answers =
        server.calls().await.route_calls(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    requests.send(v1::RouteCallsRequest { request_id: 1, request: None }).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().request_id, 1);

    server.begin_stop();
    let status = answers.message().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "the server is shutting down: connect again")
    );
    let status = loop {
        match news.message().await {
            Ok(message) => drop(message.expect("the stream ends with a status")),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unavailable);
    // The run goes on until whoever stops the engine cancels it.
    server.engine.cancel_all_syncs();
    drop((sync, news, requests, answers));
    server.stop().await;
}

#[tokio::test]
async fn the_last_generation_is_served_after_a_restart_without_the_source() {
    let server = Server::start_with_company().await;
    let request = v1::RouteCallRequest { caller: GRACE.into(), ..Default::default() };
    let before = server.calls().await.route_call(request.clone()).await.unwrap().into_inner();
    std::fs::remove_file(server.company()).unwrap();

    let server = server.restart().await;
    assert_eq!(server.calls().await.route_call(request).await.unwrap().into_inner(), before);
    let mut health = HealthClient::new(server.channel().await);
    let check = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(check.status(), ServingStatus::Serving);
    // And the source, being away, changes nothing.
    let run = server.synchronise("crm").await;
    assert_eq!(run.state(), v1::SyncRunState::Failed);
    assert!(run.failure.contains("company.db"), "{}", run.failure);
    assert_eq!(server.engine.generation().0, before.generation);
}
