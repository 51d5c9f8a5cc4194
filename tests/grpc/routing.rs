//! What routes refer to, what is probably not meant, and what became of calls: by gRPC alone.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::{ALAN, SHARED, STRANGER, Server};

fn destination(kind: v1::DestinationType, target: &str) -> v1::Destination {
    v1::Destination { r#type: kind.into(), target: target.into(), ..Default::default() }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// Tuesday, 24 November 2026, 12:00 and 20:00 in Berlin.
const NOON: i64 = 1_795_518_000;
const EVENING: i64 = NOON + 8 * 3600;

/// Business hours, an extension, how to dial, and a trunk that writes callers its own way.
fn around() -> v1::RoutingSettings {
    v1::RoutingSettings {
        trunks: vec![v1::Trunk {
            name: "london".into(),
            default_region: "GB".into(),
            caller_rules: vec![v1::NumberRule { pattern: "9.".into(), strip: 1, add: String::new() }],
            ..Default::default()
        }],
        time_conditions: vec![v1::TimeCondition {
            name: "Open".into(),
            time_zone: "Europe/Berlin".into(),
            hours: vec!["mon-fri 09:00-17:00".into()],
            dates: Vec::new(),
        }],
        destinations: vec![
            v1::ListedDestination {
                r#type: v1::DestinationType::Extension.into(),
                target: "1000-1099".into(),
                name: "Everybody".into(),
            },
            listed(v1::DestinationType::Announcement, "no-number"),
            listed(v1::DestinationType::Queue, "6400"),
            listed(v1::DestinationType::RingGroup, "6300"),
        ],
        dial_strings: vec![v1::DialString {
            r#type: v1::DestinationType::Extension.into(),
            template: "PJSIP/{target}".into(),
        }],
        ..Default::default()
    }
}

fn listed(kind: v1::DestinationType, target: &str) -> v1::ListedDestination {
    v1::ListedDestination { r#type: kind.into(), target: target.into(), name: String::new() }
}

async fn set(
    server: &Server,
    settings: v1::RoutingSettings,
) -> Result<v1::UpdateRoutingSettingsResponse, tonic::Status> {
    let request = v1::UpdateRoutingSettingsRequest { routing_settings: Some(settings) };
    Ok(server.routing_settings().await.update_routing_settings(request).await?.into_inner())
}

async fn create(
    server: &Server,
    route: v1::InboundRoute,
) -> Result<v1::CreateInboundRouteResponse, tonic::Status> {
    let request = v1::CreateInboundRouteRequest { inbound_route: Some(route), position: 1 };
    Ok(server.routes().await.create_inbound_route(request).await?.into_inner())
}

async fn route(server: &Server, request: v1::RouteCallRequest) -> v1::RouteCallResponse {
    server.calls().await.route_call(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn everything_about_routes_can_be_set_by_grpc_and_decides_the_next_call() {
    let server = Server::start_with_company().await;
    let set = set(&server, around()).await.unwrap();
    assert_eq!(set.generation, server.engine.generation().0);
    let direct = v1::InboundRoute {
        name: "direct".into(),
        dids: vec!["+4930555{{.Ext}}".into()],
        times: vec![
            v1::RouteTime { condition: "open".into(), destination: None },
            v1::RouteTime {
                condition: "always".into(),
                destination: Some(destination(v1::DestinationType::Voicemail, "{{.Ext}}")),
            },
        ],
        attestation: v1::Attestation::B.into(),
        caller_name_prefix: "Direct: ".into(),
        destination: Some(destination(v1::DestinationType::Extension, "{{.Ext}}")),
        ..Default::default()
    };
    create(&server, direct).await.unwrap();

    let request = v1::RouteCallRequest {
        caller: "90207 946 0018".into(),
        did: "0049305551007".into(),
        trunk: "london".into(),
        at: at(NOON),
        explain: true,
        attestation: v1::Attestation::A.into(),
    };
    let answer = route(&server, request.clone()).await;
    assert_eq!((answer.route.as_str(), answer.time_condition.as_str()), ("direct", "Open"));
    let goes_to = answer.destination.unwrap();
    assert_eq!((goes_to.r#type(), goes_to.target.as_str()), (v1::DestinationType::Extension, "1007"));
    assert_eq!(goes_to.dial_string, "PJSIP/1007");
    assert_eq!(answer.caller_name_prefix, "Direct: ");
    assert_eq!(answer.r#match.unwrap().e164, ALAN);
    let reading = answer.reading.unwrap();
    assert_eq!(reading.caller_forms, ["02079460018", ALAN]);
    assert_eq!(reading.did_forms, ["0049305551007", "+49305551007"]);
    assert_eq!((reading.region.as_str(), reading.at), ("GB", at(NOON)));
    assert_eq!(reading.rewritten_caller, "02079460018");
    assert!(answer.explanation[0].destination_why.contains("1007"), "{:?}", answer.explanation);

    let answer = route(&server, v1::RouteCallRequest { at: at(EVENING), ..request.clone() }).await;
    assert_eq!(answer.destination.unwrap().r#type(), v1::DestinationType::Voicemail);
    let answer = route(&server, v1::RouteCallRequest { attestation: 0, ..request.clone() }).await;
    assert_eq!(answer.route, "sales");
    let answer = route(&server, v1::RouteCallRequest { did: "+49305552000".into(), ..request }).await;
    assert_eq!(answer.route, "sales", "there is no extension 2000");
}

#[tokio::test]
async fn what_routes_refer_to_cannot_be_taken_away_from_them_and_needs_its_etag() {
    let server = Server::start_with_company().await;
    let first = set(&server, around()).await.unwrap().routing_settings.unwrap();
    let generation = server.engine.generation();
    let mut without_queue = around();
    without_queue.destinations.retain(|listed| listed.target != "6400");
    let status = set(&server, without_queue).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("inbound route \"sales\", destination.target: there is no queue"),
        "{status:?}"
    );
    assert_eq!(server.engine.generation(), generation);

    let more = v1::RoutingSettings { shows_numbers: true, ..first.clone() };
    let second = set(&server, more.clone()).await.unwrap().routing_settings.unwrap();
    assert_ne!(second.etag, first.etag);
    assert_eq!(set(&server, more).await.unwrap_err().code(), Code::Aborted);
    let get = v1::GetRoutingSettingsRequest {};
    let now = server.routing_settings().await.get_routing_settings(get).await.unwrap().into_inner();
    assert_eq!(now.routing_settings, Some(second));
}

#[tokio::test]
async fn what_is_probably_not_meant_comes_with_every_change() {
    let server = Server::start_with_company().await;
    let everybody = v1::InboundRoute {
        name: "everybody".into(),
        destination: Some(destination(v1::DestinationType::Ivr, "6500")),
        ..Default::default()
    };
    let warnings = create(&server, everybody).await.unwrap().warnings;
    let told: Vec<_> = warnings.iter().map(|warning| (warning.route.as_str(), warning.kind())).collect();
    let unreachable = v1::RouteWarningKind::Unreachable;
    assert_eq!(told, [("withheld", unreachable), ("sales", unreachable), ("support", unreachable)]);
    let check = server.routes().await.check_inbound_routes(v1::CheckInboundRoutesRequest {}).await;
    assert_eq!(check.unwrap().into_inner().warnings, warnings);

    let document = server.settings().replace("\"Support\"", "\"Board\"");
    let request = v1::ApplySettingsRequest { document, dry_run: true, ..Default::default() };
    let tried = server.settings_client().await.apply_settings(request).await.unwrap().into_inner();
    let kinds: Vec<_> = tried.warnings.iter().map(v1::RouteWarning::kind).collect();
    assert!(kinds.contains(&v1::RouteWarningKind::MissingPhonebook), "{tried:?}");
    assert!(kinds.contains(&v1::RouteWarningKind::NoCatchAll), "{tried:?}");
}

#[tokio::test]
async fn calls_are_listed_and_counted_and_questions_are_not() {
    let server = Server::start_with_company().await;
    let call = |caller: &str| v1::RouteCallRequest { caller: caller.into(), ..Default::default() };
    route(&server, call(SHARED)).await;
    route(&server, call(STRANGER)).await;
    route(&server, v1::RouteCallRequest { explain: true, ..call(SHARED) }).await;
    route(&server, v1::RouteCallRequest { at: at(NOON), ..call(SHARED) }).await;

    let mut calls = server.calls().await;
    let list = v1::ListDecisionsRequest::default();
    let decisions = calls.list_decisions(list).await.unwrap().into_inner().decisions;
    let told: Vec<_> =
        decisions.iter().map(|one| (one.caller.as_str(), one.contacts, one.route.as_str())).collect();
    assert_eq!(told, [("+493*****99", 0, ""), ("+493*****20", 2, "sales")]);
    assert_eq!(decisions[1].destination, Some(destination(v1::DestinationType::Queue, "6400")));
    let of_sales = v1::ListDecisionsRequest { max_decisions: 5, route: "Sales".into() };
    assert_eq!(calls.list_decisions(of_sales).await.unwrap().into_inner().decisions, decisions[1..]);

    let counts = calls.get_call_counts(v1::GetCallCountsRequest {}).await.unwrap().into_inner();
    let named = |counts: &[v1::CallCount]| -> Vec<(String, u64)> {
        let mut named: Vec<_> = counts.iter().map(|count| (count.name.clone(), count.calls)).collect();
        named.sort();
        named
    };
    let expected = |counts: &[(&str, u64)]| -> Vec<(String, u64)> {
        counts.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()
    };
    assert_eq!(named(&counts.routes), expected(&[("sales", 1), ("support", 0), ("withheld", 0)]));
    assert_eq!(named(&counts.phonebooks), expected(&[("Sales", 1), ("Support", 1)]));
    assert_eq!(counts.unrouted, 1);
}
