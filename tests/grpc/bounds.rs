//! What one client does to the others: nothing. Raw sockets send what no library would; meanwhile a good client asks
//! about calls, and is answered each time.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::config::BoundsConfig;
use ringroute::listening::Patience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{ALAN, Access, Server, endless_source};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn alan() -> v1::MatchCallerRequest {
    v1::MatchCallerRequest { caller: ALAN.into(), trunk: String::new() }
}

async fn is_answered(calls: &mut CallRoutingServiceClient<Channel>) {
    let answer = calls.match_caller(alan()).await.unwrap().into_inner();
    assert_eq!(answer.status(), v1::MatchStatus::Matched);
}

/// A frame of HTTP/2: length, type, flags, stream.
fn frame(length: u32, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The preface, settings, and then that.
fn after_settings(rest: &[u8]) -> Vec<u8> {
    [PREFACE, &frame(0, 4, 0, 0, &[]), rest].concat()
}

/// Sends an RPC as bytes, so that no client's own idea of a deadline is in the way.
async fn raw(server: &Server, path: &str, timeout: &str, message: &impl Message) -> (Code, String) {
    let io = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let request = Request::post(format!("http://{}{path}", server.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let trailers = body.collect().await.unwrap().trailers().cloned().unwrap_or_default();
    let header = |name: &str| {
        let found = parts.headers.get(name).or(trailers.get(name));
        found.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    (Code::from_bytes(header("grpc-status").as_bytes()), header("grpc-message"))
}

#[tokio::test]
async fn garbage_and_half_frames_harm_nobody_else() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    // Those the server can tell at once to be wrong; it hangs up.
    let wrong: [(&str, Vec<u8>); 8] = [
        ("noise", noise.clone()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("noise behind the preface", [PREFACE, &noise].concat()),
        ("a frame that is too long", after_settings(&frame(0xff_ffff, 0, 0, 1, &noise))),
        ("data of a stream that was never opened", after_settings(&frame(4, 0, 0, 1, b"data"))),
        ("headers that no table has", after_settings(&frame(4, 1, 4, 1, &[0xff; 4]))),
        ("a stream of the server", after_settings(&frame(1, 1, 4, 2, &[0x82]))),
        ("settings of a wrong length", after_settings(&frame(5, 4, 0, 0, &[0; 5]))),
    ];
    for (what, bytes) in wrong {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // It may hang up before all is sent.
        let _ = stream.write_all(&bytes).await;
        is_answered(&mut calls).await;
        let end = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "{what}: the server holds on to it");
        is_answered(&mut calls).await;
    }
    // Those that may still become right.
    let mut halves = Vec::new();
    for bytes in [
        PREFACE[..10].to_vec(),
        PREFACE.to_vec(),
        after_settings(&frame(16_384, 1, 4, 1, b"half")),
        after_settings(&frame(1, 1, 0, 1, &[0x82])),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        halves.push(stream);
        is_answered(&mut calls).await;
    }
    is_answered(&mut server.calls().await).await;
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_is_cut_off() {
    let patience = Patience { greeting: Duration::from_millis(200), ..Patience::default() };
    let server = Server::start_with_company_and(Access { patience, ..Access::default() }).await;
    let mut calls = server.calls().await;
    for said in [&[][..], &PREFACE[..10]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(30), end).await.expect("it is never cut off");
        is_answered(&mut calls).await;
    }
    tokio::time::sleep(2 * patience.greeting).await;
    is_answered(&mut calls).await; // has greeted, and may be silent since
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_and_one_that_ends_makes_place() {
    let bounds = BoundsConfig { connections_per_address: 2, ..BoundsConfig::default() };
    let server = Server::start_with_company_and(Access { bounds, ..Access::default() }).await;
    let mut calls = server.calls().await;
    is_answered(&mut calls).await;
    let second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let read = third.read(&mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    is_answered(&mut calls).await;
    drop(second);
    // The server learns of it when it reads.
    let mut tries = 0;
    while server_refuses(&server).await {
        tries += 1;
        assert!(tries < 1000, "the place is never free again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_answered(&mut calls).await;
}

async fn server_refuses(server: &Server) -> bool {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let Ok(channel) = endpoint.connect().await else { return true };
    CallRoutingServiceClient::new(channel).match_caller(alan()).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_tiny_requests_is_answered_and_so_is_everybody_else() {
    const FLOOD: u64 = 200_000;
    let server = Server::start_with_company().await;
    let mut flooder = server.calls().await;
    let questions = (1..=FLOOD).map(|request_id| v1::MatchCallersRequest { request_id, request: None });
    let flood = tokio::spawn(async move {
        let mut answers = flooder.match_callers(tokio_stream::iter(questions)).await.unwrap().into_inner();
        let mut last = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            assert_eq!(answer.request_id, last + 1);
            last = answer.request_id;
        }
        last
    });
    let mut calls = server.calls().await;
    let mut answered = 0;
    while !flood.is_finished() {
        is_answered(&mut calls).await;
        answered += 1;
    }
    assert_eq!(flood.await.unwrap(), FLOOD);
    assert!(answered > 10, "only {answered} calls were answered during the flood");
}

#[tokio::test]
async fn administrative_requests_beyond_the_bound_are_refused_and_calls_are_not() {
    let bounds = BoundsConfig { administrative_requests: 1, ..BoundsConfig::default() };
    let server = Server::start_with_company_and(Access { bounds, ..Access::default() }).await;
    let mut sync = server.sync().await;
    let source = endless_source("endless", &server.company());
    sync.create_source(v1::CreateSourceRequest { source: Some(source) }).await.unwrap();
    let start = v1::StartSyncRequest { source: "endless".into(), allow_preview: None };
    let run_id = sync.start_sync(start).await.unwrap().into_inner().run.unwrap().run_id;
    let mut news = sync.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap().into_inner();
    news.message().await.unwrap().unwrap();

    let refused = sync.list_sources(v1::ListSourcesRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("as many as [bounds] allows"), "{refused}");
    is_answered(&mut server.calls().await).await;
    let health = HealthClient::new(server.channel().await).check(HealthCheckRequest::default()).await;
    health.expect("whether it is healthy is answered all the same");
    drop(news);
    let mut tries = 0;
    while sync.cancel_sync(v1::CancelSyncRequest { run_id }).await.is_err() {
        tries += 1;
        assert!(tries < 1000, "the place is never free again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn calls_beyond_the_bound_are_refused_at_once() {
    let bounds = BoundsConfig { calls: 1, ..BoundsConfig::default() };
    let server = Server::start_with_company_and(Access { bounds, ..Access::default() }).await;
    let mut calls = server.calls().await;
    let (questions, stream) = mpsc::channel(1);
    let mut answers = calls.match_callers(ReceiverStream::new(stream)).await.unwrap().into_inner();
    assert_eq!(calls.match_caller(alan()).await.unwrap_err().code(), Code::ResourceExhausted);
    questions.send(v1::MatchCallersRequest { request_id: 7, request: Some(alan()) }).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().request_id, 7, "what is open goes on");
    drop(questions);
    assert!(answers.message().await.unwrap().is_none());
    let mut tries = 0;
    while calls.match_caller(alan()).await.is_err() {
        tries += 1;
        assert!(tries < 1000, "the place is never free again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_deadline_is_honoured_and_nothing_is_begun_after_it() {
    let server = Server::start_with_company().await;
    let source = endless_source("endless", &server.company());
    let request = v1::CreateSourceRequest { source: Some(source) };
    server.sync().await.create_source(request).await.unwrap();
    let preview = v1::PreviewSyncRequest { source: "endless".into() };
    let (code, message) = raw(&server, "/ringroute.v1.SyncService/PreviewSync", "200m", &preview).await;
    assert_eq!(code, Code::DeadlineExceeded, "{message}");

    let create = v1::CreatePhonebookRequest { name: "Late".into() };
    let path = "/ringroute.v1.PhonebookService/CreatePhonebook";
    let (code, message) = raw(&server, path, "0n", &create).await;
    assert_eq!(code, Code::DeadlineExceeded, "{message}");
    let get = v1::GetPhonebookRequest { name: "Late".into() };
    let missing = server.phonebooks().await.get_phonebook(get.clone()).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let (code, message) = raw(&server, path, "soon", &create).await;
    assert_eq!(code, Code::InvalidArgument, "{message}");
    let (code, message) = raw(&server, path, "30S", &create).await;
    assert_eq!(code, Code::Ok, "{message}");
    server.phonebooks().await.get_phonebook(get).await.unwrap();
}
