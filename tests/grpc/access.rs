//! Who is let in: tokens, what their roles permit, and what becomes of those that are revoked.

use std::str::FromStr;

use jiff::{Timestamp, ToSpan};
use prost_reflect::DescriptorPool;
use ringroute::access::{NewToken, Role};
use ringroute::api::proto::v1::audit_service_client::AuditServiceClient;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use ringroute::api::proto::v1::token_service_client::TokenServiceClient;
use ringroute::api::proto::v1::user_service_client::UserServiceClient;
use ringroute::api::proto::{FILE_DESCRIPTOR_SET, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{ALAN, Server, endless_source};

#[derive(Clone)]
struct Bearer(AsciiMetadataValue);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type With = InterceptedService<Channel, Bearer>;

async fn with(server: &Server, token: &str) -> With {
    let header = AsciiMetadataValue::from_str(&format!("Bearer {token}")).unwrap();
    InterceptedService::new(server.channel().await, Bearer(header))
}

fn caller(caller: &str) -> v1::MatchCallerRequest {
    v1::MatchCallerRequest { caller: caller.into(), trunk: String::new() }
}

/// Calls an RPC with nothing in it.
async fn ask(way: &With, path: &str) -> Code {
    let mut client = tonic::client::Grpc::new(way.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let asked = client.streaming(Request::new(tokio_stream::once(())), path.parse().unwrap(), codec).await;
    asked.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test]
async fn without_a_token_nobody_is_answered_where_tokens_are_required() {
    let server = Server::start_with_company_and_required_tokens().await;
    let refused = server.calls().await.match_caller(caller(ALAN)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(refused.message().contains("RINGROUTE_TOKEN"), "the remedy is named: {refused}");
    let health = HealthClient::new(server.channel().await).check(HealthCheckRequest::default()).await;
    health.expect("whoever watches over the server has no token");

    let token = server.token(Role::Lookup).await;
    let mut calls = CallRoutingServiceClient::new(with(&server, &token).await);
    let answer = calls.match_caller(caller(ALAN)).await.unwrap().into_inner();
    assert_eq!(answer.status(), v1::MatchStatus::Matched);
    for wrong in [token.replace("rr_1_", "rr_2_"), token[..token.len() - 1].to_owned(), "x".into()] {
        let mut calls = CallRoutingServiceClient::new(with(&server, &wrong).await);
        assert_eq!(calls.match_caller(caller(ALAN)).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_eq!(server.engine.tokens().refused(), 4);
}

#[tokio::test]
async fn a_token_that_is_sent_is_checked_also_where_none_is_required() {
    let server = Server::start_with_company().await;
    server.calls().await.match_caller(caller(ALAN)).await.expect("nobody is asked for a token");
    let mut calls = CallRoutingServiceClient::new(with(&server, "rr_1_0").await);
    assert_eq!(calls.match_caller(caller(ALAN)).await.unwrap_err().code(), Code::Unauthenticated);
    let lookup = with(&server, &server.token(Role::Lookup).await).await;
    assert_eq!(ask(&lookup, "/ringroute.v1.SyncService/StartSync").await, Code::PermissionDenied);
}

#[tokio::test]
async fn a_role_reaches_what_it_permits_and_nothing_else() {
    let server = Server::start_with_company_and_required_tokens().await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services: Vec<_> = pool.services().filter(|it| it.package_name() == "ringroute.v1").collect();
    let mut reached = Vec::new();
    for role in Role::ALL {
        let way = with(&server, &server.token(role).await).await;
        let mut count = 0;
        for method in services.iter().flat_map(|service| service.methods()) {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let code = ask(&way, &path).await;
            assert_ne!(code, Code::Unauthenticated, "{path}");
            let is_reached = code != Code::PermissionDenied;
            let may_change = ["Create", "Update", "Delete", "Move", "Apply", "Revoke"]
                .iter()
                .any(|verb| method.name().starts_with(verb));
            assert!(!is_reached || !may_change || role == Role::Admin, "{role} reaches {path}");
            count += usize::from(is_reached);
        }
        reached.push(count);
    }
    let [lookup, directory, viewer, operator, admin] = reached[..] else { panic!() };
    assert_eq!(lookup, 4, "MatchCaller, RouteCall, and their streams");
    assert!(directory < lookup + 8 && lookup < viewer && viewer < operator && operator < admin);
    let all = services.iter().map(|service| service.methods().count()).sum::<usize>();
    assert_eq!(admin, all, "an admin reaches everything");
}

#[tokio::test]
async fn the_refusal_names_the_token_its_role_and_the_role_that_would_do() {
    let server = Server::start_with_company_and_required_tokens().await;
    let token = server.token(Role::Viewer).await;
    let mut sync = SyncServiceClient::new(with(&server, &token).await);
    let refused = sync.start_sync(v1::StartSyncRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        refused.message(),
        "the token \"viewer\" has the role viewer, which does not permit StartSync; the role operator does"
    );
}

#[tokio::test]
async fn a_revoked_token_ends_what_it_has_open_and_opens_nothing_more() {
    let server = Server::start_with_company_and_required_tokens().await;
    let [operator, admin] = [server.token(Role::Operator).await, server.token(Role::Admin).await];
    let way = with(&server, &operator).await;
    let (questions, stream) = mpsc::channel(1);
    let mut calls = CallRoutingServiceClient::new(way.clone());
    let mut answers = calls.match_callers(ReceiverStream::new(stream)).await.unwrap().into_inner();
    let question = |id: u64| v1::MatchCallersRequest { request_id: id, request: Some(caller(ALAN)) };
    questions.send(question(1)).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().request_id, 1);
    let source = endless_source("endless", &server.company());
    let request = v1::CreateSourceRequest { source: Some(source) };
    let mut admins = SyncServiceClient::new(with(&server, &admin).await);
    admins.create_source(request).await.unwrap();
    let mut sync = SyncServiceClient::new(way);
    let start = v1::StartSyncRequest { source: "endless".into(), allow_preview: None };
    let run = sync.start_sync(start).await.unwrap().into_inner().run.unwrap();
    assert!(run.started_by.ends_with(", token \"operator\""), "{}", run.started_by);
    let run_id = run.run_id;
    let mut news = sync.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap().into_inner();
    news.message().await.unwrap().unwrap();

    let mut tokens = TokenServiceClient::new(with(&server, &admin).await);
    tokens.revoke_token(v1::RevokeTokenRequest { name: "Operator".into() }).await.unwrap();
    // Nothing is sent on the idle stream, and yet it ends.
    let ended = answers.message().await.unwrap_err();
    assert_eq!((ended.code(), ended.message()), (Code::Unauthenticated, "the token was revoked"));
    let ended = loop {
        match news.message().await {
            Ok(news) => assert!(news.is_some(), "the end is an error, not a good end"),
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert_eq!(calls.match_caller(caller(ALAN)).await.unwrap_err().code(), Code::Unauthenticated);
    let gone = tokens.revoke_token(v1::RevokeTokenRequest { name: "operator".into() }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    admins.cancel_sync(v1::CancelSyncRequest { run_id }).await.unwrap();

    // Who did all this is known by the names of the tokens.
    let mut audit = AuditServiceClient::new(with(&server, &admin).await);
    let listed = audit.list_audit_entries(v1::ListAuditEntriesRequest::default()).await.unwrap().into_inner();
    let of = |action, subject: &str| {
        let found = listed.entries.iter().find(|e| e.action() == action && e.subject.contains(subject));
        found.unwrap_or_else(|| panic!("{subject}: {listed:?}")).name.clone()
    };
    assert_eq!(of(v1::AuditAction::Removed, "token \"operator\""), "admin");
    assert_eq!(of(v1::AuditAction::Started, "sync run"), "operator");
    assert_eq!(of(v1::AuditAction::Cancelled, "sync run"), "admin");
}

#[tokio::test]
async fn tokens_are_listed_without_their_secrets_and_survive_a_restart() {
    let server = Server::start_with_company_and_required_tokens().await;
    let admin = server.token(Role::Admin).await;
    let mut tokens = TokenServiceClient::new(with(&server, &admin).await);
    let expires_at = Timestamp::now().checked_add(1.hour()).unwrap();
    let request = v1::CreateTokenRequest {
        name: "Kamailio".into(),
        role: v1::Role::Lookup.into(),
        expires_at: Some(prost_types::Timestamp { seconds: expires_at.as_second(), nanos: 0 }),
    };
    let made = tokens.create_token(request.clone()).await.unwrap().into_inner();
    assert!(made.tokens_required && made.secret.starts_with("rr_2_"), "{made:?}");
    let taken = v1::CreateTokenRequest { name: "KAMAILIO".into(), ..request };
    assert_eq!(tokens.create_token(taken).await.unwrap_err().code(), Code::AlreadyExists);
    let past = v1::CreateTokenRequest {
        name: "old".into(),
        role: 1,
        expires_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
    };
    let refused = tokens.create_token(past).await.unwrap_err();
    assert!(refused.message().starts_with("expires_at: is 1970-01-01T00:00:01Z"), "{refused}");
    let unnamed = v1::CreateTokenRequest { role: 1, ..Default::default() };
    assert_eq!(tokens.create_token(unnamed).await.unwrap_err().code(), Code::InvalidArgument);
    let roleless = v1::CreateTokenRequest { name: "x".into(), ..Default::default() };
    assert!(tokens.create_token(roleless).await.unwrap_err().message().starts_with("role: is 0"));

    let mut calls = CallRoutingServiceClient::new(with(&server, &made.secret).await);
    calls.match_caller(caller(ALAN)).await.unwrap();
    let list = tokens.list_tokens(v1::ListTokensRequest::default()).await.unwrap().into_inner().tokens;
    let names: Vec<_> = list.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["admin", "Kamailio"]);
    assert!(list[1].last_used_at.is_some() && list[1].created_by.contains("token \"admin\""), "{list:?}");
    let random_part = made.secret.rsplit('_').next().unwrap();
    assert!(!format!("{list:?}").contains(random_part));

    server.engine.remember_token_uses().await.unwrap();
    drop((tokens, calls));
    let server = server.restart().await;
    let mut tokens = TokenServiceClient::new(with(&server, &admin).await);
    let again = tokens.list_tokens(v1::ListTokensRequest::default()).await.unwrap().into_inner().tokens;
    assert_eq!(again[1].last_used_at.map(|time| time.seconds), list[1].last_used_at.map(|time| time.seconds));
    assert_eq!(again[1].expires_at, list[1].expires_at);
}

#[tokio::test]
async fn a_user_is_asked_for_by_a_name() {
    let server = Server::start().await;
    let mut users = UserServiceClient::new(server.channel().await);
    for (name, code, problem) in [
        ("", Code::InvalidArgument, "name: is empty"),
        (" ", Code::InvalidArgument, "name: is empty"),
        ("ada", Code::NotFound, "there is no user \"ada\""),
    ] {
        let name = || name.to_owned();
        let password = "correct horse battery".to_owned();
        for refused in [
            users.delete_user(v1::DeleteUserRequest { name: name() }).await.unwrap_err(),
            users.sign_out_user(v1::SignOutUserRequest { name: name() }).await.unwrap_err(),
            users.set_user_role(v1::SetUserRoleRequest { name: name(), role: 3 }).await.unwrap_err(),
            users.set_user_password(v1::SetUserPasswordRequest { name: name(), password }).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), code, "{refused:?}");
            assert!(refused.message().starts_with(problem), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let server = Server::start_with_company_and_required_tokens().await;
    let engine = server.engine.clone();
    let expires_at = Some(Timestamp::now().checked_add(500.milliseconds()).unwrap());
    let new = NewToken { name: "short".into(), role: Role::Lookup, expires_at, created_by: String::new() };
    let (_, token) =
        tokio::task::spawn_blocking(move || engine.by("test").create_token(&new)).await.unwrap().unwrap();
    let (_questions, stream) = mpsc::channel(1);
    let mut calls = CallRoutingServiceClient::new(with(&server, &token).await);
    let opened = calls.match_callers(ReceiverStream::new(stream)).await;
    let ended = match opened {
        Ok(answers) => answers.into_inner().message().await.unwrap_err(),
        Err(refused) => refused, // the machine was slow
    };
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert!(ended.message().contains("expired"), "{ended}");
}
