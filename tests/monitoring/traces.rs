//! Calls and runs as spans, sent to a receiver by the program itself; and receivers that are not there, or never answer.

use std::process::Command;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::StreamExt as _;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::certificates::Certificates;
use crate::company::{Company, PEOPLE, recognised_by};
use crate::receiver::{KEY, Receiver, read};

/// Much longer than a stop takes when nobody calls, and shorter than waiting for a receiver to its end would.
const STOP_BOUND: Duration = Duration::from_secs(5);

/// A server that sends its spans there, and logs what it does to everybody.
fn company(endpoint: &str, more: &str) -> Company {
    company_in(endpoint, more, &[])
}

/// The same, with more in its environment.
fn company_in(endpoint: &str, more: &str, environment: &[(&str, &str)]) -> Company {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ringroute.toml"), format!("[traces]\n{more}")).unwrap();
    crate::company::make_database(&folder.path().join("company.db"));
    let here = [("RINGROUTE_TRACES_ENDPOINT", endpoint), ("RINGROUTE_LOG_LEVEL", "info")];
    Company::start_in(folder, &[&here, environment].concat())
}

/// Stops the server as a service manager does, and says how long that took, and what it logged.
fn stopped(company: &mut Company) -> (Duration, String) {
    let process = company.program.process_id().to_string();
    let told = Instant::now();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let status = company.program.wait();
    let took = told.elapsed();
    let log = company.program.log();
    assert!(status.success() && !log.contains("panicked") && !log.contains("defect"), "{status}: {log}");
    (took, log)
}

async fn channel(company: &Company) -> Channel {
    Endpoint::from_shared(company.program.url.clone()).unwrap().connect().await.unwrap()
}

/// The number of a trace that ends so, as bytes.
fn trace_id(number: u8) -> [u8; 16] {
    let mut id = [0xab; 16];
    id[15] = number;
    id
}

const PARENT_ID: [u8; 8] = [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7];

/// A request of somebody who has a trace of that number, which is followed or is not.
fn traced<T>(message: T, number: u8, is_followed: bool) -> Request<T> {
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let flags = if is_followed { "01" } else { "00" };
    let traceparent = format!("00-{}-{}-{flags}", hexadecimal(&trace_id(number)), hexadecimal(&PARENT_ID));
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    request
}

fn ask(caller: &str) -> v1::MatchCallerRequest {
    v1::MatchCallerRequest { caller: caller.to_owned(), ..Default::default() }
}

/// Asks for something that has to be there in no time, by a client without an idea of deadlines, and returns the status.
async fn too_late(company: &Company, path: &str, request: Request<impl Message>) -> String {
    let address = company.program.url.strip_prefix("http://").unwrap();
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let (metadata, _, message) = request.into_parts();
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let mut request = hyper::Request::post(format!("http://ringroute{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "1n")
        .body(Full::new(Bytes::from([&[0], &length[..], &message].concat())))
        .unwrap();
    request.headers_mut().extend(metadata.into_headers());
    let answer = sender.send_request(request).await.unwrap();
    answer.headers()["grpc-status"].to_str().unwrap().to_owned()
}

/// The number of the caller's trace, the name of the span, its status of gRPC, and whether it is an error.
fn told(span: &Span) -> (u8, &str, String, bool) {
    let status = read(&span.attributes).remove("rpc.response.status_code").unwrap_or_default();
    (span.trace_id[15], &span.name, status, is_error(span))
}

fn is_error(span: &Span) -> bool {
    let Status { code, message } = span.status.clone().unwrap_or_default();
    assert_eq!(message, "", "a message may hold what was asked");
    code == StatusCode::Error as i32
}

/// Nothing by which anybody could be recognised, and no address.
#[track_caller]
fn names_nobody(receiver: &Receiver) {
    let bytes = receiver.bytes();
    for mark in recognised_by().iter().map(String::as_str).chain(["127.0.0.1"]) {
        let is_there = bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
        assert!(!is_there, "{mark} was sent: {}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_followed_when_its_trace_is() {
    const MATCH: &str = "ringroute.v1.CallRoutingService/MatchCaller";
    let receiver = Receiver::start().await;
    let mut company = company(&receiver.url, "");
    company.fill();
    let channel = channel(&company).await;
    let mut calls = CallRoutingServiceClient::new(channel.clone());
    let (_, _, _, number, _) = PEOPLE[0];
    let matched = calls.match_caller(traced(ask(number), 1, true)).await.unwrap().into_inner();
    assert_eq!(matched.contacts.len(), 1, "{matched:?}");
    calls.match_caller(traced(ask(number), 2, false)).await.unwrap();
    calls.match_caller(ask(number)).await.unwrap();
    let too_long = v1::MatchCallerRequest { trunk: number.repeat(50), ..ask(number) };
    let refused = calls.match_caller(traced(too_long, 3, true)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let questions = vec![
        v1::MatchCallersRequest { request_id: 1, request: Some(ask(number)) },
        v1::MatchCallersRequest { request_id: 2, request: Some(ask("withheld")) },
    ];
    let answers = calls.match_callers(traced(tokio_stream::iter(questions), 4, true)).await.unwrap();
    assert_eq!(answers.into_inner().collect::<Vec<_>>().await.len(), 2);
    // What is not a call has a task of its own.
    let mut sync = SyncServiceClient::new(channel.clone());
    let run = v1::GetSyncRunRequest { run_id: 4711, ..Default::default() };
    let missing = sync.get_sync_run(traced(run, 5, true)).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    // Too late when it arrives.
    let late = traced(ask(number), 6, true);
    assert_eq!(too_late(&company, "/ringroute.v1.CallRoutingService/MatchCaller", late).await, "4");
    // Whether the server is healthy is asked all the time.
    let healthy = traced(HealthCheckRequest { service: String::new() }, 7, true);
    HealthClient::new(channel).check(healthy).await.unwrap();
    let (_, log) = stopped(&mut company);

    // A stop sends all there is, so what has not come is not sent.
    let mut spans = receiver.spans();
    spans.retain(|span| span.kind == SpanKind::Server as i32);
    spans.sort_by_key(|span| span.trace_id[15]);
    let found: Vec<_> = spans.iter().map(told).collect();
    let expected = [
        (1, MATCH, "OK", false),
        (3, MATCH, "INVALID_ARGUMENT", false),
        (4, "ringroute.v1.CallRoutingService/MatchCallers", "OK", false),
        (5, "ringroute.v1.SyncService/GetSyncRun", "NOT_FOUND", false),
        (6, MATCH, "DEADLINE_EXCEEDED", true),
    ];
    assert_eq!(found, expected.map(|(number, name, status, error)| (number, name, status.to_owned(), error)));
    for span in &spans {
        assert_eq!(span.trace_id, trace_id(span.trace_id[15]));
        assert_eq!(span.parent_span_id, PARENT_ID);
        assert!(span.start_time_unix_nano < span.end_time_unix_nano, "{span:?}");
        let attributes = read(&span.attributes);
        assert_eq!(attributes["rpc.system.name"], "grpc");
        assert_eq!(attributes["rpc.method"], span.name);
    }
    let resource = receiver.resource();
    assert_eq!(resource["service.name"], "ringroute");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    names_nobody(&receiver);
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_trace_are_followed_by_chance() {
    let receiver = Receiver::start().await;
    let mut company = company(&receiver.url, "sample = 1");
    let mut calls = CallRoutingServiceClient::new(channel(&company).await);
    calls.match_caller(traced(ask("+4930901820"), 2, false)).await.unwrap_err();
    let mut unreadable = Request::new(ask("+4930901820"));
    unreadable.metadata_mut().insert("traceparent", "00-what-is-this".parse().unwrap());
    calls.match_caller(unreadable).await.unwrap_err();
    calls.match_caller(ask("+4930901820")).await.unwrap_err();
    stopped(&mut company);
    let spans = receiver.spans();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for span in &spans {
        assert!(span.parent_span_id.is_empty() && span.trace_id != trace_id(2), "{span:?}");
        // Nothing was applied yet, so there is nothing to answer from.
        assert_eq!(read(&span.attributes)["rpc.response.status_code"], "UNAVAILABLE");
        assert!(is_error(span));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_with_its_phases_when_it_has_ended() {
    let receiver = Receiver::start().await;
    let mut company = company(&receiver.url, "");
    company.fill();
    let run = receiver.until(|span| span.name == "sync run").await;
    let attributes = read(&run.attributes);
    let rows = PEOPLE.len().to_string();
    for (key, value) in [
        ("ringroute.source.name", "crm"),
        ("ringroute.run.id", "1"),
        ("ringroute.run.kind", "sync"),
        ("ringroute.run.state", "succeeded"),
        ("ringroute.run.rows", &rows),
        // One of them has no number.
        ("ringroute.run.added", "3"),
        ("ringroute.run.rejected", "1"),
        ("ringroute.run.removed", "0"),
    ] {
        assert_eq!(attributes[key], value, "{key}");
    }
    assert!(attributes.contains_key("ringroute.generation"), "{attributes:?}");
    assert!(run.parent_span_id.is_empty() && !is_error(&run), "{run:?}");

    company.run(&["sync", "preview", "crm"]);
    company.run(&["sync", "rollback", "1", "--yes"]);
    let database = rusqlite::Connection::open(company.database()).unwrap();
    database.execute_batch("ALTER TABLE people RENAME COLUMN tel TO telephone").unwrap();
    assert_ne!(company.try_run(&["sync", "run", "crm"]).0, 0);
    stopped(&mut company);

    let spans = receiver.spans();
    let runs: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let found: Vec<_> = runs.iter().map(|run| (run.name.as_str(), is_error(run))).collect();
    assert_eq!(found, [("sync run", false), ("preview", false), ("rollback", false), ("sync run", true)]);
    assert_eq!(read(&runs[3].attributes)["ringroute.run.state"], "failed");
    assert_eq!(read(&runs[3].attributes)["error.type"], "failed");
    let phases_of = |run: &Span| -> Vec<Span> {
        spans.iter().filter(|span| span.parent_span_id == run.span_id).cloned().collect()
    };
    let phases = phases_of(&run);
    let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names, ["read", "write", "build", "verify", "commit"]);
    for phase in &phases {
        assert_eq!(phase.trace_id, run.trace_id);
        assert!(run.start_time_unix_nano <= phase.start_time_unix_nano);
        assert!(phase.start_time_unix_nano <= phase.end_time_unix_nano);
        assert!(phase.end_time_unix_nano <= run.end_time_unix_nano);
    }
    assert!(phases.windows(2).all(|pair| pair[0].end_time_unix_nano == pair[1].start_time_unix_nano));
    assert_eq!(spans.len(), runs.iter().map(|run| 1 + phases_of(run).len()).sum::<usize>(), "each once");
    names_nobody(&receiver);
}

/// Calls are answered, runs run, the stop has its bound, and the log says it once.
async fn is_served_all_the_same(company: &mut Company) -> String {
    company.fill();
    let (_, _, _, number, _) = PEOPLE[0];
    let mut calls = CallRoutingServiceClient::new(channel(company).await);
    for _ in 0..100 {
        let matched = calls.match_caller(traced(ask(number), 1, true)).await.unwrap().into_inner();
        assert_eq!(matched.contacts.len(), 1, "{matched:?}");
    }
    // Until a first message was tried.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..100 {
        calls.match_caller(traced(ask(number), 1, true)).await.unwrap();
    }
    drop(calls);
    let (took, log) = stopped(company);
    assert!(took < STOP_BOUND, "{took:?}: {log}");
    log
}

async fn until_loss_is_told(company: &Company) {
    let waiting = async {
        while !company.program.log().contains("spans could not be sent") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_not_there_is_told_of_once_and_nobody_waits_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut company = company(&endpoint, "");
    let log = is_served_all_the_same(&mut company).await;
    let is_told = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    // At the stop it may be trying for the last time.
    let lines = log.lines().filter(is_told).filter(|line| !line.contains("of the stop, and are lost"));
    let lines: Vec<&str> = lines.collect();
    let [line] = lines[..] else { panic!("{log}") };
    assert!(line.contains("spans could not be sent to traces.endpoint") && line.contains("refused"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_keeps_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut company = company(&format!("http://{}", listener.local_addr().unwrap()), "");
    let silent = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            taken.push(connection);
        }
    });
    let log = is_served_all_the_same(&mut company).await;
    assert!(log.contains("spans were not sent within 1s of the stop, and are lost"), "{log}");
    silent.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_comes_later_gets_what_ends_from_then_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut company = company(&format!("http://{address}"), "sample = 1");
    let mut calls = CallRoutingServiceClient::new(channel(&company).await);
    calls.match_caller(ask("+4930901820")).await.unwrap_err();
    until_loss_is_told(&company).await;
    let receiver = Receiver::start_on(TcpListener::bind(address).await.unwrap());
    calls.match_caller(traced(ask("+4930901820"), 9, true)).await.unwrap_err();
    receiver.until(|span| span.trace_id == trace_id(9)).await;
    let (_, log) = stopped(&mut company);
    assert!(log.contains("spans arrive again"), "{log}");
}

/// Receivers that are paid for are reached by TLS, and want a key, which OpenTelemetry's programs take from the
/// environment.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_reached_by_tls_and_with_the_key_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(folder.path());
    let receiver = Receiver::start_secured(&certificates, "7f3a b2").await;
    let headers = format!("{KEY}=7f3a%20b2");
    let key = ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str());
    let believed = ("SSL_CERT_FILE", certificates.ca_file.to_str().unwrap());

    let mut company = company_in(&receiver.url, "sample = 1", &[key, believed]);
    let mut calls = CallRoutingServiceClient::new(channel(&company).await);
    calls.match_caller(traced(ask("+4930901820"), 1, true)).await.unwrap_err();
    receiver.until(|span| span.trace_id == trace_id(1)).await;
    let (_, log) = stopped(&mut company);
    assert!(!log.contains("WARN") && !log.contains("ERROR") && !log.contains("7f3a"), "{log}");

    let another = tempfile::tempdir().unwrap();
    let another = Certificates::new(another.path()).ca_file;
    let disbelieved = ("SSL_CERT_FILE", another.to_str().unwrap());
    for (environment, told) in [(vec![believed], "Unauthenticated"), (vec![key, disbelieved], "certificate")]
    {
        let mut company = company_in(&receiver.url, "sample = 1", &environment);
        let mut calls = CallRoutingServiceClient::new(channel(&company).await);
        calls.match_caller(traced(ask("+4930901820"), 2, true)).await.unwrap_err();
        until_loss_is_told(&company).await;
        let (_, log) = stopped(&mut company);
        assert!(log.contains(told) && !log.contains("7f3a"), "{log}");
    }
    assert!(receiver.spans().iter().all(|span| span.trace_id != trace_id(2)));
}
