//! Inbound routes <-> the contract's.

use crate::api::grpc::request::{bad, phonebook_name};
use crate::api::proto::v1;
use crate::engine::{EngineError, etag};
use crate::routing::{RouteWarning, RouteWarningKind};
use crate::settings::{
    Attestation, Destination, DestinationType, Freshness, InboundRoute, OlderData, RouteTime,
};

/// `position` counts from 1.
pub(in crate::api::grpc) fn to_proto(route: &InboundRoute, position: usize) -> v1::InboundRoute {
    let etag = etag(route);
    let InboundRoute {
        name,
        enabled,
        note,
        trunks,
        dids,
        callers,
        phonebooks,
        withheld,
        in_no_phonebook,
        attestation,
        times,
        freshness,
        alert_info,
        caller_name_prefix,
        destination: goes_to,
    } = route.clone();
    let time = |RouteTime { condition, destination: goes_to }: RouteTime| v1::RouteTime {
        condition,
        destination: goes_to.as_ref().map(destination),
    };
    v1::InboundRoute {
        name,
        enabled: Some(enabled),
        note,
        trunks,
        dids,
        callers,
        phonebooks: phonebooks.into_iter().map(String::from).collect(),
        withheld,
        in_no_phonebook,
        alert_info,
        destination: Some(destination(&goes_to)),
        position: u32::try_from(position).unwrap_or(u32::MAX),
        etag,
        attestation: attestation.map_or(v1::Attestation::Unspecified, attestation_to_proto).into(),
        times: times.into_iter().map(time).collect(),
        freshness: freshness.map(freshness_to_proto),
        caller_name_prefix,
    }
}

pub(in crate::api::grpc) fn attestation_to_proto(attestation: Attestation) -> v1::Attestation {
    match attestation {
        Attestation::A => v1::Attestation::A,
        Attestation::B => v1::Attestation::B,
        Attestation::C => v1::Attestation::C,
    }
}

/// An attestation in a request; unspecified is none.
pub(in crate::api::grpc) fn attestation_from(
    field: &str,
    attestation: i32,
) -> Result<Option<Attestation>, EngineError> {
    match v1::Attestation::try_from(attestation) {
        Ok(v1::Attestation::Unspecified) => Ok(None),
        Ok(v1::Attestation::A) => Ok(Some(Attestation::A)),
        Ok(v1::Attestation::B) => Ok(Some(Attestation::B)),
        Ok(v1::Attestation::C) => Ok(Some(Attestation::C)),
        Err(_) => Err(bad(field, format!("is {attestation}; a value of Attestation is expected"))),
    }
}

fn freshness_to_proto(Freshness { max_age_hours, older }: Freshness) -> v1::Freshness {
    let older = match older {
        OlderData::Use => v1::OlderData::Use,
        OlderData::Skip => v1::OlderData::Skip,
    };
    v1::Freshness { max_age_hours, older: older.into() }
}

fn freshness_from(freshness: v1::Freshness) -> Result<Freshness, EngineError> {
    let v1::Freshness { max_age_hours, older } = freshness;
    let older = match v1::OlderData::try_from(older) {
        Ok(v1::OlderData::Use) => OlderData::Use,
        Ok(v1::OlderData::Skip) => OlderData::Skip,
        Ok(v1::OlderData::Unspecified) | Err(_) => {
            let problem = format!("is {older}; OLDER_DATA_USE or OLDER_DATA_SKIP is expected");
            return Err(bad("inbound_route.freshness.older", problem));
        }
    };
    Ok(Freshness { max_age_hours, older })
}

/// What is probably not meant.
pub(in crate::api::grpc) fn warnings(warnings: Vec<RouteWarning>) -> Vec<v1::RouteWarning> {
    let warning = |RouteWarning { route, kind, message }: RouteWarning| {
        let kind = match kind {
            RouteWarningKind::LeftOut => v1::RouteWarningKind::LeftOut,
            RouteWarningKind::Shadowed => v1::RouteWarningKind::Shadowed,
            RouteWarningKind::Unreachable => v1::RouteWarningKind::Unreachable,
            RouteWarningKind::NoCatchAll => v1::RouteWarningKind::NoCatchAll,
            RouteWarningKind::MissingPhonebook => v1::RouteWarningKind::MissingPhonebook,
            RouteWarningKind::EmptyPhonebook => v1::RouteWarningKind::EmptyPhonebook,
            RouteWarningKind::NeverSynced => v1::RouteWarningKind::NeverSynced,
            RouteWarningKind::OverlappingRanges => v1::RouteWarningKind::OverlappingRanges,
            RouteWarningKind::UnknownDestination => v1::RouteWarningKind::UnknownDestination,
            RouteWarningKind::TimeIsOver => v1::RouteWarningKind::TimeIsOver,
        };
        v1::RouteWarning { route, kind: kind.into(), message }
    };
    warnings.into_iter().map(warning).collect()
}

/// Where a route sends calls.
fn destination(destination: &Destination) -> v1::Destination {
    let fallback = destination.fallback.as_deref().map(self::destination).map(Box::new);
    v1::Destination {
        r#type: destination_type(destination.destination_type).into(),
        target: destination.target.clone(),
        dial_string: String::new(),
        fallback,
    }
}

pub(in crate::api::grpc) fn destination_type(kind: DestinationType) -> v1::DestinationType {
    match kind {
        DestinationType::Extension => v1::DestinationType::Extension,
        DestinationType::Voicemail => v1::DestinationType::Voicemail,
        DestinationType::RingGroup => v1::DestinationType::RingGroup,
        DestinationType::Queue => v1::DestinationType::Queue,
        DestinationType::Ivr => v1::DestinationType::Ivr,
        DestinationType::Conference => v1::DestinationType::Conference,
        DestinationType::ExternalNumber => v1::DestinationType::ExternalNumber,
        DestinationType::Announcement => v1::DestinationType::Announcement,
        DestinationType::HangUp => v1::DestinationType::HangUp,
        DestinationType::GroupVoicemail => v1::DestinationType::GroupVoicemail,
        DestinationType::OutboundRoute => v1::DestinationType::OutboundRoute,
        DestinationType::CallFlow => v1::DestinationType::CallFlow,
        DestinationType::FaxToEmail => v1::DestinationType::FaxToEmail,
        DestinationType::ContactExtension => v1::DestinationType::ContactExtension,
    }
}

/// The route that a request asks for, and the etag of the one that it was made from.
pub(in crate::api::grpc) fn from_proto(
    route: Option<v1::InboundRoute>,
) -> Result<(InboundRoute, String), EngineError> {
    let v1::InboundRoute {
        name,
        enabled,
        note,
        trunks,
        dids,
        callers,
        phonebooks,
        withheld,
        in_no_phonebook,
        alert_info,
        destination,
        position: _,
        etag,
        attestation,
        times,
        freshness,
        caller_name_prefix,
    } = route.ok_or_else(|| bad("inbound_route", "is missing; the route is expected here"))?;
    let phonebook =
        |(place, name): (usize, String)| phonebook_name(&format!("inbound_route.phonebooks[{place}]"), &name);
    let time = |(place, v1::RouteTime { condition, destination }): (usize, v1::RouteTime)| {
        let field = format!("inbound_route.times[{place}].destination");
        let destination = destination.map(|destination| destination_from(&field, Some(destination)));
        Ok::<_, EngineError>(RouteTime { condition, destination: destination.transpose()? })
    };
    let route = InboundRoute {
        name,
        enabled: enabled.unwrap_or(true),
        note,
        trunks,
        dids,
        callers,
        phonebooks: phonebooks.into_iter().enumerate().map(phonebook).collect::<Result<_, _>>()?,
        withheld,
        in_no_phonebook,
        attestation: attestation_from("inbound_route.attestation", attestation)?,
        times: times.into_iter().enumerate().map(time).collect::<Result<_, _>>()?,
        freshness: freshness.map(freshness_from).transpose()?,
        alert_info,
        caller_name_prefix,
        destination: destination_from("inbound_route.destination", destination)?,
    };
    Ok((route, etag))
}

fn destination_from(field: &str, destination: Option<v1::Destination>) -> Result<Destination, EngineError> {
    let v1::Destination { r#type, target, dial_string: _, fallback } = destination
        .ok_or_else(|| bad(field, "is missing; say where calls of this route go: type and target"))?;
    let fallback = match fallback {
        Some(fallback) => {
            // Its own fallback is refused by what it means; so deep a nest is none that anybody meant.
            let v1::Destination { fallback: nested, .. } = &*fallback;
            if nested.as_ref().is_some_and(|nested| nested.fallback.is_some()) {
                return Err(bad(&format!("{field}.fallback.fallback"), "has a fallback; there is only one"));
            }
            Some(Box::new(destination_from(&format!("{field}.fallback"), Some(*fallback))?))
        }
        None => None,
    };
    Ok(Destination {
        destination_type: destination_type_from(&format!("{field}.type"), r#type)?,
        target,
        fallback,
    })
}

pub(in crate::api::grpc) fn destination_type_from(
    field: &str,
    kind: i32,
) -> Result<DestinationType, EngineError> {
    let unknown = |found: &str| {
        let problem = format!("is {found}; one of the other values of DestinationType is expected");
        bad(field, problem)
    };
    let name = v1::DestinationType::try_from(kind).map_err(|_| unknown(&kind.to_string()))?;
    let ours = DestinationType::ALL.into_iter().find(|ours| destination_type(*ours) == name);
    ours.ok_or_else(|| unknown(name.as_str_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination_type(number: i32) -> Result<DestinationType, EngineError> {
        let destination =
            Some(v1::Destination { r#type: number, target: "6400".into(), ..Default::default() });
        let route = v1::InboundRoute { name: "Sales".into(), destination, ..Default::default() };
        Ok(from_proto(Some(route))?.0.destination.destination_type)
    }

    #[test]
    fn every_kind_of_destination_is_the_one_of_its_name() {
        for number in 1..=14 {
            let ours = destination_type(number).unwrap();
            let name = v1::DestinationType::try_from(number).unwrap().as_str_name();
            assert_eq!(format!("DESTINATION_TYPE_{}", ours.name().to_uppercase()), name);
            assert_eq!(super::destination_type(ours) as i32, number);
        }
    }

    #[test]
    fn unknown_and_missing_destinations_are_named() {
        for number in [0, 15, -1] {
            let message = destination_type(number).unwrap_err().to_string();
            assert!(message.starts_with("inbound_route.destination.type: is "), "{message}");
        }
        let message = from_proto(Some(v1::InboundRoute::default())).unwrap_err().to_string();
        assert!(message.starts_with("inbound_route.destination: is missing"), "{message}");
    }

    #[test]
    fn a_route_reads_back_as_it_was() {
        let queue =
            Destination { destination_type: DestinationType::Queue, target: "6400".into(), fallback: None };
        let route = InboundRoute {
            name: "Sales".into(),
            enabled: false,
            note: "for people".into(),
            trunks: vec!["trunk-1".into()],
            dids: vec!["+49301234".into()],
            callers: vec!["+49X.".into()],
            phonebooks: vec![crate::phonebook::PhonebookName::parse("Key Accounts").unwrap()],
            withheld: true,
            in_no_phonebook: true,
            attestation: Some(Attestation::B),
            times: vec![
                RouteTime { condition: "Holidays".into(), destination: Some(queue.clone()) },
                RouteTime { condition: "always".into(), destination: None },
            ],
            freshness: Some(Freshness { max_age_hours: 24, older: OlderData::Skip }),
            alert_info: "<http://x>".into(),
            caller_name_prefix: "Sales: ".into(),
            destination: Destination {
                destination_type: DestinationType::ContactExtension,
                target: String::new(),
                fallback: Some(Box::new(queue)),
            },
        };
        let proto = to_proto(&route, 3);
        assert_eq!((proto.position, proto.etag.clone()), (3, etag(&route)));
        assert_eq!(from_proto(Some(proto)).unwrap(), (route.clone(), etag(&route)));
    }

    #[test]
    fn a_route_is_on_unless_it_says_otherwise_and_phonebooks_have_names() {
        let destination = Some(v1::Destination { r#type: 1, target: "100".into(), ..Default::default() });
        let mut route = v1::InboundRoute { name: "Sales".into(), destination, ..Default::default() };
        assert!(from_proto(Some(route.clone())).unwrap().0.enabled);
        route.phonebooks = vec!["Sales".into(), " ".into()];
        let message = from_proto(Some(route)).unwrap_err().to_string();
        assert!(message.starts_with("inbound_route.phonebooks[1]: "), "{message}");
    }
}
