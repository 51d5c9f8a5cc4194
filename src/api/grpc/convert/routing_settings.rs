//! What inbound routes refer to <-> the contract's.

use super::routes::{destination_type, destination_type_from};
use crate::api::grpc::request::bad;
use crate::api::proto::v1;
use crate::engine::{EngineError, RoutingParts, etag};
use crate::settings::{
    ListedDestination, NumberRule, RoutingSettings, TimeCondition, Trunk, UnlistedDestinations,
};

pub(in crate::api::grpc) fn to_proto(parts: RoutingParts) -> v1::RoutingSettings {
    let etag = etag(&parts);
    let RoutingParts { routing, destinations, time_conditions, trunks } = parts;
    let RoutingSettings { unlisted_destinations, dial_strings, shows_numbers } = routing;
    let unlisted = match unlisted_destinations {
        None => v1::UnlistedDestinations::Unspecified,
        Some(UnlistedDestinations::Allowed) => v1::UnlistedDestinations::Allowed,
        Some(UnlistedDestinations::Refused) => v1::UnlistedDestinations::Refused,
    };
    let dial_string = |(kind, template)| v1::DialString { r#type: destination_type(kind).into(), template };
    let listed = |ListedDestination { destination_type: kind, target, name }| v1::ListedDestination {
        r#type: destination_type(kind).into(),
        target,
        name,
    };
    let condition =
        |TimeCondition { name, time_zone, hours, dates }| v1::TimeCondition { name, time_zone, hours, dates };
    v1::RoutingSettings {
        trunks: trunks.into_iter().map(trunk).collect(),
        time_conditions: time_conditions.into_iter().map(condition).collect(),
        destinations: destinations.into_iter().map(listed).collect(),
        unlisted_destinations: unlisted.into(),
        dial_strings: dial_strings.into_iter().map(dial_string).collect(),
        etag,
        shows_numbers,
    }
}

fn trunk(Trunk { name, default_region, caller_rules, did_rules, withheld }: Trunk) -> v1::Trunk {
    let rules = |rules: Vec<NumberRule>| {
        let rule =
            |NumberRule { pattern, strip, add }| v1::NumberRule { pattern, strip: u32::from(strip), add };
        rules.into_iter().map(rule).collect()
    };
    v1::Trunk {
        name,
        default_region: default_region.map(String::from).unwrap_or_default(),
        caller_rules: rules(caller_rules),
        did_rules: rules(did_rules),
        withheld,
    }
}

/// What a request asks for, and the etag of what it was made from.
pub(in crate::api::grpc) fn from_proto(
    settings: Option<v1::RoutingSettings>,
) -> Result<(RoutingParts, String), EngineError> {
    let missing = || bad("routing_settings", "is missing; what routes refer to is expected here");
    let v1::RoutingSettings {
        trunks,
        time_conditions,
        destinations,
        unlisted_destinations: unlisted,
        dial_strings,
        etag,
        shows_numbers,
    } = settings.ok_or_else(missing)?;
    let field = |list: &str, place: usize, key: &str| format!("routing_settings.{list}[{place}].{key}");
    let mut routing = RoutingSettings {
        unlisted_destinations: match v1::UnlistedDestinations::try_from(unlisted) {
            Ok(v1::UnlistedDestinations::Unspecified) => None,
            Ok(v1::UnlistedDestinations::Allowed) => Some(UnlistedDestinations::Allowed),
            Ok(v1::UnlistedDestinations::Refused) => Some(UnlistedDestinations::Refused),
            Err(_) => {
                let problem = format!("is {unlisted}; a value of UnlistedDestinations is expected");
                return Err(bad("routing_settings.unlisted_destinations", problem));
            }
        },
        shows_numbers,
        ..RoutingSettings::default()
    };
    for (place, v1::DialString { r#type, template }) in dial_strings.into_iter().enumerate() {
        let field = field("dial_strings", place, "type");
        let kind = destination_type_from(&field, r#type)?;
        if routing.dial_strings.insert(kind, template).is_some() {
            return Err(bad(&field, format!("is {} a second time", kind.name())));
        }
    }
    let listed = |(place, listed): (usize, v1::ListedDestination)| {
        let v1::ListedDestination { r#type, target, name } = listed;
        let destination_type = destination_type_from(&field("destinations", place, "type"), r#type)?;
        Ok::<_, EngineError>(ListedDestination { destination_type, target, name })
    };
    let condition =
        |v1::TimeCondition { name, time_zone, hours, dates }| TimeCondition { name, time_zone, hours, dates };
    let parts = RoutingParts {
        routing,
        destinations: destinations.into_iter().enumerate().map(listed).collect::<Result<_, _>>()?,
        time_conditions: time_conditions.into_iter().map(condition).collect(),
        trunks: trunks.into_iter().enumerate().map(trunk_from).collect::<Result<_, _>>()?,
    };
    Ok((parts, etag))
}

fn trunk_from((place, trunk): (usize, v1::Trunk)) -> Result<Trunk, EngineError> {
    let v1::Trunk { name, default_region, caller_rules, did_rules, withheld } = trunk;
    let field = |key: &str| format!("routing_settings.trunks[{place}].{key}");
    let rules = |key: &str, rules: Vec<v1::NumberRule>| {
        let rule = |(rule_place, v1::NumberRule { pattern, strip, add }): (usize, v1::NumberRule)| {
            let strip = u8::try_from(strip).map_err(|_| {
                let problem = format!("is {strip}; no number is so long");
                bad(&format!("{}[{rule_place}].strip", field(key)), problem)
            })?;
            Ok::<_, EngineError>(NumberRule { pattern, strip, add })
        };
        rules.into_iter().enumerate().map(rule).collect::<Result<Vec<_>, _>>()
    };
    let default_region = match default_region.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|error| bad(&field("default_region"), format!("{error}")))?),
    };
    Ok(Trunk {
        name,
        default_region,
        caller_rules: rules("caller_rules", caller_rules)?,
        did_rules: rules("did_rules", did_rules)?,
        withheld,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn parts() -> RoutingParts {
        let document = r#"
            [routing]
            unlisted_destinations = "allowed"
            shows_numbers = true
            dial_strings = { extension = "PJSIP/{target}" }
            [[destination]]
            type = "queue"
            target = "6400"
            name = "Sales"
            [[time_condition]]
            name = "Open"
            time_zone = "Europe/Berlin"
            hours = ["mon-fri 09:00-17:00"]
            dates = ["12-24"]
            [[trunk]]
            name = "berlin"
            default_region = "DE"
            caller_rules = [{ pattern = "0.", strip = 1, add = "+49" }]
            did_rules = [{ pattern = "9.", strip = 1 }]
            withheld = ["0000"]
        "#;
        RoutingParts::of(&Settings::from_toml(document).unwrap())
    }

    #[test]
    fn what_routes_refer_to_reads_back_as_it_was() {
        let proto = to_proto(parts());
        assert_eq!(from_proto(Some(proto)).unwrap(), (parts(), etag(&parts())));
    }

    #[test]
    fn what_the_contract_does_not_have_is_refused_with_its_field() {
        let refused = |change: fn(&mut v1::RoutingSettings), expected: &str| {
            let mut proto = to_proto(parts());
            change(&mut proto);
            let message = from_proto(Some(proto)).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        };
        refused(|all| all.unlisted_destinations = 7, "routing_settings.unlisted_destinations: is 7");
        refused(|all| all.destinations[0].r#type = 0, "routing_settings.destinations[0].type: is ");
        refused(
            |all| all.trunks[0].default_region = "Germany".into(),
            "routing_settings.trunks[0].default_region",
        );
        refused(
            |all| all.trunks[0].did_rules[0].strip = 256,
            "routing_settings.trunks[0].did_rules[0].strip: is 256",
        );
        refused(
            |all| all.dial_strings.push(all.dial_strings[0].clone()),
            "routing_settings.dial_strings[1].type: is extension a second time",
        );
        assert!(from_proto(None).unwrap_err().to_string().starts_with("routing_settings: is missing"));
    }
}
