use super::*;
use crate::settings::{Destination, Settings};

fn destinations(document: &str) -> Result<Destinations, RouteError> {
    let settings = Settings::from_toml(document).unwrap();
    let mut left_out = Vec::new();
    let Settings { routing, destinations, extensions, .. } = &settings;
    let compiled = Destinations::compile(routing, destinations, extensions, &mut left_out);
    left_out.into_iter().next().map_or(Ok(compiled), Err)
}

#[track_caller]
fn refused(document: &str, expected: &str) {
    let error = destinations(document).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn an_empty_list_is_open_and_any_other_is_closed_unless_the_settings_say_otherwise() {
    let listed = "[[destination]]\ntype = 'queue'\ntarget = '6400'\n";
    for (document, is_closed) in [
        (String::new(), false),
        (listed.into(), true),
        (format!("[routing]\nunlisted_destinations = 'allowed'\n{listed}"), false),
        ("[routing]\nunlisted_destinations = 'refused'".into(), true),
    ] {
        assert_eq!(destinations(&document).unwrap().is_closed(), is_closed, "{document}");
    }
}

#[test]
fn what_can_be_listed_is_what_a_call_handler_has() {
    let entry = |kind: &str, target: &str| format!("[[destination]]\ntype = '{kind}'\ntarget = '{target}'\n");
    for kind in ["external_number", "hang_up", "contact_extension"] {
        refused(&entry(kind, "1"), &format!("destination \"{kind} 1\", type: {kind} is not listed"));
    }
    refused(&entry("queue", " "), "destination \"queue  \", target: it is blank");
    refused(
        &entry("voicemail", "100-199"),
        "destination \"voicemail 100-199\", target: \"100-199\": only extensions",
    );
    refused(
        &entry("extension", "199-100"),
        "destination \"extension 199-100\", target: \"199-100\" is not a range",
    );
    let twice = entry("queue", "6400").repeat(2);
    refused(&twice, "destination \"queue 6400\", target: queue \"6400\" is listed already");
    let queue_with_dash = destinations(&entry("queue", "100-199")).unwrap();
    assert!(queue_with_dash.lists(DestinationType::Queue, "100-199"));
}

#[test]
fn templates_have_a_place_for_the_target_and_nothing_that_breaks_out() {
    for (template, expected) in [
        ("", "it is blank"),
        ("PJSIP/100", "\"PJSIP/100\" has no {target}"),
        ("PJSIP/{target", "found a brace at byte 6"),
        ("PJSIP/{target}}", "found a brace at byte 14"),
        ("PJSIP/{target}\\n", "found '\\n' at byte 14"),
    ] {
        let document = format!("[routing]\ndial_strings = {{ queue = \"{template}\" }}");
        refused(&document, &format!("routing, dial_strings.queue: {expected}"));
    }
    refused(
        "[routing]\ndial_strings = { contact_extension = 'PJSIP/{target}' }",
        "routing, dial_strings.contact_extension: a contact's extension is dialled as any extension",
    );
    let twice = destinations("[routing]\ndial_strings = { queue = 'A/{target}&B/{target}' }").unwrap();
    assert_eq!(twice.dial_string(DestinationType::Queue, "6400").as_deref(), Some("A/6400&B/6400"));
    assert_eq!(twice.dial_string(DestinationType::Ivr, "6400"), None);
}

proptest::proptest! {
    /// Whatever a target is, its dial string is the template around it, or the target is refused.
    #[test]
    fn no_target_breaks_out_of_its_dial_string(target in ".{1,20}") {
        let destinations = destinations("[routing]\ndial_strings = { queue = 'sip:{target}@pbx.example' }").unwrap();
        let destination = Destination {
            destination_type: DestinationType::Queue,
            target: target.clone(),
            fallback: None,
        };
        if destinations.compile_for("destination", &destination, &[]).is_ok() {
            let dialled = destinations.dial_string(DestinationType::Queue, &target).unwrap();
            let user = dialled.strip_prefix("sip:").and_then(|rest| rest.strip_suffix("@pbx.example"));
            proptest::prop_assert_eq!(user, Some(target.as_str()));
            let is_user = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,;?/".contains(c);
            proptest::prop_assert!(target.chars().all(is_user), "not the user part of a SIP URI (RFC 3261, 25.1)");
        }
        if destinations.can_dial_extension(&target) {
            proptest::prop_assert!(!target.contains(|c: char| !c.is_ascii_alphanumeric() && !"+-._*".contains(c)));
        }
    }
}
