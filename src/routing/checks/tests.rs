use std::sync::Arc;

use super::*;
use crate::generation::Generation;
use crate::index::ContactIndexBuilder;
use crate::settings::Settings;

fn snapshot(document: &str) -> Snapshot {
    let contacts = ContactIndexBuilder::new(Vec::new()).unwrap().finish(false).unwrap();
    Snapshot::new(Generation(1), Arc::new(contacts), &Settings::from_toml(document).unwrap()).unwrap()
}

const AROUND: &str = "
    numbers = { default_region = 'DE' }
    trunk = [{ name = 'berlin' }, { name = 'wien', default_region = 'AT' }]
    time_condition = [
        { name = 'Open', time_zone = 'UTC', hours = ['mon'] },
        { name = 'Holiday', time_zone = 'UTC', dates = ['12-25'] },
    ]
";

/// Whether the first route shadows the second.
#[track_caller]
fn is_shadowed(first: &str, second: &str) -> bool {
    let route = |name: &str, criteria: &str| {
        format!("[[inbound_route]]\nname = '{name}'\ndestination = {{ type = 'hang_up' }}\n{criteria}\n")
    };
    let document =
        format!("{AROUND}{}{}{}", route("First", first), route("Second", second), route("Rest", ""));
    let warnings = check_without_contacts(&snapshot(&document), Timestamp::UNIX_EPOCH);
    let about_second = warnings.iter().find(|warning| warning.route == "Second");
    about_second.is_some_and(|warning| warning.kind == RouteWarningKind::Shadowed)
}

#[test]
fn a_route_is_shadowed_by_one_that_asks_for_no_less() {
    for (first, second) in [
        ("dids = ['1XX']", "dids = ['12X', '100']"),
        ("dids = ['1.']", "dids = ['100-199']"),
        ("dids = ['100-199']", "dids = ['15X', '120-130']"),
        ("dids = ['1X', '2X']", "dids = ['23']"),
        ("dids = ['49.']", "dids = ['+4930.']"),
        ("dids = ['+4930X.']", "dids = ['+4930{{.Ext}}2']"),
        ("trunks = ['berlin', 'wien']", "trunks = ['wien']\ndids = ['100']"),
        ("attestation = 'B'", "attestation = 'A'"),
        (
            "times = [{ condition = 'Open' }, { condition = 'Holiday' }]",
            "times = [{ condition = 'holiday' }]",
        ),
        ("withheld = true\nphonebooks = ['Sales', 'VIP']", "phonebooks = ['sales']"),
        ("phonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'use' }", "phonebooks = ['VIP']"),
        // What is passed over leaves more callers in no phonebook.
        (
            "in_no_phonebook = true\nphonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'skip' }",
            "in_no_phonebook = true",
        ),
        (
            "in_no_phonebook = true\nphonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'skip' }",
            "in_no_phonebook = true\nphonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'skip' }",
        ),
    ] {
        assert!(is_shadowed(first, second), "{first} before {second}");
    }
}

#[test]
fn a_route_that_can_take_more_is_not_shadowed() {
    for (first, second) in [
        ("dids = ['12X']", "dids = ['1XX']"),
        ("dids = ['1.']", "dids = ['1!']"),
        ("dids = ['1XX']", "dids = ['1.']"),
        ("dids = ['1X']", "dids = ['1X', '2X']"),
        ("dids = ['100-199']", "dids = ['190-200']"),
        ("dids = ['10[0-8]']", "dids = ['100-109']"),
        ("dids = ['+49.']", "dids = ['49.']"),
        // +4930555100 is the second's number, and no number of the first.
        ("dids = ['030.']", "dids = ['030555100']"),
        ("dids = ['1{{.Ext}}']", "dids = ['1X.']"),
        ("trunks = ['berlin']", ""),
        ("attestation = 'A'", "attestation = 'B'"),
        ("attestation = 'C'", ""),
        ("times = [{ condition = 'Open' }]", "times = [{ condition = 'Open' }, { condition = 'always' }]"),
        ("withheld = true", "withheld = true\nin_no_phonebook = true"),
        ("phonebooks = ['VIP']", "dids = ['100']"),
        ("phonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'skip' }", "phonebooks = ['VIP']"),
        (
            "in_no_phonebook = true\nphonebooks = ['VIP']",
            "in_no_phonebook = true\nphonebooks = ['VIP']\nfreshness = { max_age_hours = 1, older = 'skip' }",
        ),
    ] {
        assert!(!is_shadowed(first, second), "{first} before {second}");
    }
}

#[test]
fn there_is_an_end_to_warnings() {
    let routes: String = (0..1500)
        .map(|number| format!("[[inbound_route]]\nname = '{number}'\ndestination = {{ type = 'hang_up' }}\n"))
        .collect();
    assert_eq!(check_without_contacts(&snapshot(&routes), Timestamp::UNIX_EPOCH).len(), MAX_WARNINGS);
}
