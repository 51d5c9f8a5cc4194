//! Inbound routes <-> the contract's.

use crate::api::grpc::request::{bad, phonebook_name};
use crate::api::proto::v1;
use crate::engine::{EngineError, etag};
use crate::settings::{Destination, DestinationType, InboundRoute};

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
        alert_info,
        destination: goes_to,
    } = route.clone();
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
    }
}

/// Where a call goes.
pub(in crate::api::grpc) fn destination(destination: &Destination) -> v1::Destination {
    let destination_type = match destination.destination_type {
        DestinationType::Extension => v1::DestinationType::Extension,
        DestinationType::Voicemail => v1::DestinationType::Voicemail,
        DestinationType::RingGroup => v1::DestinationType::RingGroup,
        DestinationType::Queue => v1::DestinationType::Queue,
        DestinationType::Ivr => v1::DestinationType::Ivr,
        DestinationType::Conference => v1::DestinationType::Conference,
        DestinationType::ExternalNumber => v1::DestinationType::ExternalNumber,
        DestinationType::Announcement => v1::DestinationType::Announcement,
        DestinationType::HangUp => v1::DestinationType::HangUp,
    };
    v1::Destination { r#type: destination_type.into(), target: destination.target.clone() }
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
    } = route.ok_or_else(|| bad("inbound_route", "is missing; the route is expected here"))?;
    let phonebook =
        |(place, name): (usize, String)| phonebook_name(&format!("inbound_route.phonebooks[{place}]"), &name);
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
        alert_info,
        destination: destination_from(destination)?,
    };
    Ok((route, etag))
}

fn destination_from(destination: Option<v1::Destination>) -> Result<Destination, EngineError> {
    let v1::Destination { r#type, target } = destination.ok_or_else(|| {
        bad("inbound_route.destination", "is missing; say where calls of this route go: type and target")
    })?;
    let unknown = |found: &str| {
        let problem = format!("is {found}; one of the other values of DestinationType is expected");
        bad("inbound_route.destination.type", problem)
    };
    let destination_type =
        match v1::DestinationType::try_from(r#type).map_err(|_| unknown(&r#type.to_string()))? {
            v1::DestinationType::Unspecified => return Err(unknown("DESTINATION_TYPE_UNSPECIFIED")),
            v1::DestinationType::Extension => DestinationType::Extension,
            v1::DestinationType::Voicemail => DestinationType::Voicemail,
            v1::DestinationType::RingGroup => DestinationType::RingGroup,
            v1::DestinationType::Queue => DestinationType::Queue,
            v1::DestinationType::Ivr => DestinationType::Ivr,
            v1::DestinationType::Conference => DestinationType::Conference,
            v1::DestinationType::ExternalNumber => DestinationType::ExternalNumber,
            v1::DestinationType::Announcement => DestinationType::Announcement,
            v1::DestinationType::HangUp => DestinationType::HangUp,
        };
    Ok(Destination { destination_type, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination_type(number: i32) -> Result<DestinationType, EngineError> {
        let destination = Some(v1::Destination { r#type: number, target: "6400".into() });
        let route = v1::InboundRoute { name: "Sales".into(), destination, ..Default::default() };
        Ok(from_proto(Some(route))?.0.destination.destination_type)
    }

    #[test]
    fn every_kind_of_destination_is_the_one_of_its_name() {
        for number in 1..=9 {
            let ours = destination_type(number).unwrap();
            let name = v1::DestinationType::try_from(number).unwrap().as_str_name();
            assert_eq!(format!("DESTINATION_TYPE_{}", ours.name().to_uppercase()), name);
            let again = destination(&Destination { destination_type: ours, target: String::new() });
            assert_eq!(again.r#type, number);
        }
    }

    #[test]
    fn unknown_and_missing_destinations_are_named() {
        for number in [0, 10, -1] {
            let message = destination_type(number).unwrap_err().to_string();
            assert!(message.starts_with("inbound_route.destination.type: is "), "{message}");
        }
        let message = from_proto(Some(v1::InboundRoute::default())).unwrap_err().to_string();
        assert!(message.starts_with("inbound_route.destination: is missing"), "{message}");
    }

    #[test]
    fn a_route_reads_back_as_it_was() {
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
            alert_info: "<http://x>".into(),
            destination: Destination { destination_type: DestinationType::Queue, target: "6400".into() },
        };
        let proto = to_proto(&route, 3);
        assert_eq!((proto.position, proto.etag.clone()), (3, etag(&route)));
        assert_eq!(from_proto(Some(proto)).unwrap(), (route.clone(), etag(&route)));
    }

    #[test]
    fn a_route_is_on_unless_it_says_otherwise_and_phonebooks_have_names() {
        let destination = Some(v1::Destination { r#type: 1, target: "100".into() });
        let mut route = v1::InboundRoute { name: "Sales".into(), destination, ..Default::default() };
        assert!(from_proto(Some(route.clone())).unwrap().0.enabled);
        route.phonebooks = vec!["Sales".into(), " ".into()];
        let message = from_proto(Some(route)).unwrap_err().to_string();
        assert!(message.starts_with("inbound_route.phonebooks[1]: "), "{message}");
    }
}
