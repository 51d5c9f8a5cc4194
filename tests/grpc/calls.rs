//! `CallRoutingService`.

use ringroute::api::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::support::{ALAN, GRACE, SHARED, STRANGER, Server};

fn match_request(caller: &str, trunk: &str) -> v1::MatchCallerRequest {
    v1::MatchCallerRequest { caller: caller.into(), trunk: trunk.into() }
}

fn route_request(caller: &str) -> v1::RouteCallRequest {
    v1::RouteCallRequest { caller: caller.into(), ..Default::default() }
}

#[tokio::test]
async fn a_known_caller_is_told_with_contact_and_phonebook() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    let answer = calls.match_caller(match_request("030 901821", "")).await.unwrap().into_inner();
    assert_eq!(answer.status(), v1::MatchStatus::Matched);
    assert_eq!((answer.e164.as_str(), answer.generation), (GRACE, server.engine.generation().0));
    assert_eq!(answer.phonebooks, ["Support"]);
    let [contact] = answer.contacts.as_slice() else { panic!("{answer:?}") };
    assert_eq!((contact.source.as_str(), contact.source_key.as_str()), ("crm", "2"));
    assert_eq!((contact.display_name.as_str(), contact.company.as_str()), ("Grace Hopper", "Navy"));
    assert_eq!(contact.number_label(), v1::NumberLabel::BusinessNumber);
    assert_eq!(contact.match_kind(), v1::MatchKind::Exact);
    assert_eq!(contact.phonebooks, ["Support"]);
}

#[tokio::test]
async fn all_contacts_of_a_shared_number_are_told_and_each_phonebook_once() {
    let server = Server::start_with_company().await;
    let answer = server.calls().await.match_caller(match_request(SHARED, "")).await.unwrap().into_inner();
    let mut keys: Vec<&str> = answer.contacts.iter().map(|contact| contact.source_key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["1", "4"]);
    let mut phonebooks = answer.phonebooks.clone();
    phonebooks.sort_unstable();
    assert_eq!(phonebooks, ["Sales", "Support"]);
}

#[tokio::test]
async fn who_is_nobody_is_an_answer() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    let too_long = "1".repeat(300);
    for (caller, status, number) in [
        (STRANGER, v1::MatchStatus::NotMatched, STRANGER),
        ("112", v1::MatchStatus::NotMatched, "112"),
        ("anonymous", v1::MatchStatus::Withheld, ""),
        ("", v1::MatchStatus::Withheld, ""),
        ("000000", v1::MatchStatus::Withheld, ""),
        ("what?", v1::MatchStatus::Invalid, ""),
        (&too_long, v1::MatchStatus::Invalid, ""),
    ] {
        let answer = calls.match_caller(match_request(caller, "")).await.unwrap().into_inner();
        assert_eq!((answer.status(), answer.e164.as_str()), (status, number), "{caller}");
        assert_eq!(answer.invalid_reason.is_empty(), status != v1::MatchStatus::Invalid, "{caller}");
        assert!(answer.contacts.is_empty() && answer.phonebooks.is_empty());
    }
}

#[tokio::test]
async fn the_trunk_gives_the_region_of_a_national_number() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    for (trunk, number) in [("london", ALAN), ("elsewhere", "+492079460018")] {
        let answer = calls.match_caller(match_request("020 7946 0018", trunk)).await.unwrap().into_inner();
        assert_eq!(answer.e164, number, "{trunk}");
    }
}

#[tokio::test]
async fn a_call_goes_where_the_callers_phonebook_says() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    for (caller, route, kind, target) in [
        (GRACE, "support", v1::DestinationType::RingGroup, "6300"),
        (ALAN, "sales", v1::DestinationType::Queue, "6400"),
        ("anonymous", "withheld", v1::DestinationType::Announcement, "no-number"),
    ] {
        let answer = calls.route_call(route_request(caller)).await.unwrap().into_inner();
        assert_eq!(answer.route, route, "{caller}");
        let destination = answer.destination.unwrap();
        assert_eq!((destination.r#type(), destination.target.as_str()), (kind, target), "{caller}");
        assert_eq!(answer.alert_info, if route == "sales" { "<http://ring/sales>" } else { "" });
        assert!(answer.explanation.is_empty());
        assert_eq!(answer.generation, server.engine.generation().0);
    }
    let answer = calls.route_call(route_request(GRACE)).await.unwrap().into_inner();
    assert_eq!(answer.r#match.unwrap().contacts[0].display_name, "Grace Hopper");
}

#[tokio::test]
async fn without_a_route_the_answer_says_so_and_explains_every_route() {
    let server = Server::start_with_company().await;
    let request = v1::RouteCallRequest { explain: true, ..route_request(STRANGER) };
    let answer = server.calls().await.route_call(request).await.unwrap().into_inner();
    assert_eq!((answer.route.as_str(), answer.destination), ("", None));
    let tried: Vec<&str> = answer.explanation.iter().map(|step| step.route.as_str()).collect();
    assert_eq!(tried, ["withheld", "sales", "support"]);
    for step in &answer.explanation {
        assert!(!step.taken && !step.criteria.is_empty());
        assert!(step.criteria.iter().all(|criterion| !criterion.held && !criterion.why.is_empty()));
    }
}

#[tokio::test]
async fn fields_over_their_limits_are_named() {
    let server = Server::start_with_company().await;
    let mut calls = server.calls().await;
    let long = "x".repeat(257);
    let at = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
    let late = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    for (field, request) in [
        ("did: has 257 bytes", v1::RouteCallRequest { did: long.clone(), ..Default::default() }),
        ("trunk: has 257 bytes", v1::RouteCallRequest { trunk: long.clone(), ..Default::default() }),
        ("at: ", v1::RouteCallRequest { at, ..Default::default() }),
        ("at: ", v1::RouteCallRequest { at: late, ..Default::default() }),
    ] {
        let status = calls.route_call(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(field), "{status:?}");
    }
    let status = calls.match_caller(match_request("1", &long)).await.unwrap_err();
    assert!(status.message().starts_with("trunk: has 257 bytes; at most 256"), "{status:?}");
    // What fits is taken: the longest trunk, and any time of the calendar.
    let at = Some(prost_types::Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 });
    let request =
        v1::RouteCallRequest { did: "x".repeat(256), trunk: "x".repeat(256), at, ..Default::default() };
    calls.route_call(request).await.unwrap();
    // A whole request that is larger than any call is not even read.
    let status = calls.match_caller(match_request(&"1".repeat(70_000), "")).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
}

#[tokio::test]
async fn a_stream_answers_in_order_and_outlives_a_bad_request() {
    use v1::route_calls_response::Result as Answer;
    let server = Server::start_with_company().await;
    let bad = v1::RouteCallRequest { did: "1".repeat(300), ..Default::default() };
    let requests =
        [(7, Some(route_request(GRACE))), (3, Some(bad)), (3, None), (u64::MAX, Some(route_request(ALAN)))]
            .map(|(request_id, request)| v1::RouteCallsRequest { request_id, request });
    let mut answers =
        server.calls().await.route_calls(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut got = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        got.push(match answer.result.unwrap() {
            Answer::Response(response) => (answer.request_id, response.route),
            Answer::Error(error) => (answer.request_id, error),
        });
    }
    let [first, second, third, fourth] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(*first, (7, "support".to_owned()));
    assert!(second.0 == 3 && second.1.starts_with("did: has 300 bytes"), "{second:?}");
    assert_eq!(*third, (3, "withheld".to_owned()));
    assert_eq!(*fourth, (u64::MAX, "sales".to_owned()));
}

#[tokio::test]
async fn each_request_of_a_stream_is_answered_from_what_is_published_then() {
    use v1::match_callers_response::Result as Answer;
    let server = Server::start().await;
    let (requests, receiver) = mpsc::channel(1);
    let mut answers =
        server.calls().await.match_callers(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    let mut ask = async |request_id| {
        let request = Some(match_request(GRACE, ""));
        requests.send(v1::MatchCallersRequest { request_id, request }).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.request_id, request_id);
        answer.result.unwrap()
    };
    let Answer::Error(error) = ask(1).await else { panic!("answered from nothing") };
    assert!(error.starts_with("no phonebooks yet: "), "{error}");

    server.apply("[numbers]\ndefault_region = \"DE\"").await;
    let Answer::Response(answer) = ask(2).await else { panic!("refused") };
    assert_eq!((answer.status(), answer.generation), (v1::MatchStatus::NotMatched, 1));

    crate::support::make_company(&server.company(), &crate::support::COMPANY);
    server.apply(&server.settings()).await;
    server.synchronise("crm").await;
    let Answer::Response(answer) = ask(3).await else { panic!("refused") };
    assert_eq!((answer.status(), answer.generation), (v1::MatchStatus::Matched, 3));
}

#[tokio::test]
async fn ten_thousand_requests_at_once_are_answered_in_order() {
    let server = Server::start_with_company().await;
    let requests = (0..10_000).map(|request_id| {
        let caller = if request_id % 2 == 0 { GRACE } else { STRANGER };
        v1::MatchCallersRequest { request_id, request: Some(match_request(caller, "")) }
    });
    let mut answers =
        server.calls().await.match_callers(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut next = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(answer.request_id, next);
        let Some(v1::match_callers_response::Result::Response(response)) = answer.result else {
            panic!("{next}")
        };
        assert_eq!(response.contacts.len(), usize::from(next % 2 == 0));
        next += 1;
    }
    assert_eq!(next, 10_000);
}
