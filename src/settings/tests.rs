//! Settings as a document: round trip, errors, validation, differences.

use proptest::prelude::*;

use super::*;

/// One of everything, every field set.
fn everything() -> Settings {
    Settings::from_toml(
        r#"
        [numbers]
        default_region = "DE"
        last_digits = 8

        [limits]
        extensions = 900
        contacts = 1234
        phonebooks = 12

        [[phonebook]]
        name = "Board"

        [[phonebook]]
        name = "VIP"

        [routing]
        unlisted_destinations = "refused"
        dial_strings = { extension = "PJSIP/{target}", hang_up = "Hangup" }
        shows_numbers = true

        [[destination]]
        type = "ring_group"
        target = "6400"
        name = "Sales"

        [[time_condition]]
        name = "Business hours"
        time_zone = "Europe/Berlin"
        hours = ["mon-fri 09:00-17:00"]
        dates = ["2026-12-24 09:00-12:00"]

        [[trunk]]
        name = "berlin"
        default_region = "DE"
        caller_rules = [{ pattern = "9.", strip = 1, add = "+49" }]
        did_rules = [{ pattern = "9." }]
        withheld = ["0000"]

        [[trunk]]
        name = "london"

        [[source]]
        name = "CRM"
        enabled = false
        default_region = "GB"
        sync_filter = """
        select ${MAP} from main.contacts
        where active = 'yes' order by id"""
        remove_missing = false
        connection = { sqlite = { path = "company.db" } }
        field_map = { key = "id", last_name = "name", business_number_2 = "phone" }
        phonebook = { by_property = { column = "belongto", blank = "Others" } }
        guard = { max_removed_percent = 5, max_removed_contacts = 7, max_rejected_percent = 9 }

        [[source]]
        name = "List"
        sync_filter = "select ${MAP} from csv.contacts"
        connection = { csv = { path = "list.csv", delimiter = ";" } }
        field_map = { company = "Firma" }
        phonebook = { existing = { name = "VIP" } }

        [[source]]
        name = "Server"
        sync_filter = "select ${MAP} from testpbx.contacts order by id desc"
        field_map = { last_name = "name" }
        phonebook = { new = { name = "All" } }
        [source.connection.sql_server]
        host = "sql.example.com"
        port = 1433
        instance = "CRM"
        database = "crm"
        user = "ringroute"
        password = "env:RINGROUTE_SQL_PASSWORD"
        connection_string = "file:/run/secrets/crm"
        encryption = "strict"
        ca_file = "/etc/ssl/company.pem"
        certificate_host = "sql.internal"
        dangerously_trust_any_certificate = true
        read_only_intent = true
        timeouts = { connect_seconds = 1, login_seconds = 2, command_seconds = 3, run_seconds = 4 }

        [[inbound_route]]
        name = "Sales"
        enabled = false
        note = "since \"May\""
        trunks = ["berlin"]
        dids = ["+4930123.", "12X"]
        callers = ["+49."]
        phonebooks = ["Sales", "VIP"]
        withheld = true
        in_no_phonebook = true
        attestation = "B"
        times = [
            { condition = "Business hours", destination = { type = "contact_extension", fallback = { type = "hang_up" } } },
            { condition = "always" },
        ]
        freshness = { max_age_hours = 24, older = "skip" }
        caller_name_prefix = "Sales: "
        alert_info = "<http://localhost>;info=vip"
        destination = { type = "ring_group", target = "6400" }

        [[inbound_route]]
        name = "Rest"
        destination = { type = "hang_up" }
        "#,
    )
    .unwrap()
}

fn changed(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = everything();
    change(&mut settings);
    settings
}

mod document {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let settings = everything();
        assert_eq!(Settings::from_toml(&settings.to_toml().unwrap()), Ok(settings));
        let none = Settings::default();
        assert_eq!(Settings::from_toml(&none.to_toml().unwrap()), Ok(none));
        assert_eq!(Settings::from_toml(""), Ok(Settings::default()));
    }

    #[test]
    fn the_document_is_for_people() {
        let document = everything().to_toml().unwrap();
        assert!(document.starts_with("# "));
        let lines: Vec<&str> = document.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('[')) {
            assert_eq!(lines[number - 1], "", "a blank line before {line} in\n{document}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_everywhere() {
        let document = everything().to_toml().unwrap();
        let headers: Vec<&str> = document.lines().filter(|line| line.starts_with('[')).collect();
        assert!(headers.len() > 15, "{document}");
        for header in headers {
            let with_more = document.replacen(header, &format!("{header}\nsurprise = 1"), 1);
            let error = Settings::from_toml(&with_more).unwrap_err().to_string();
            assert!(error.contains("`surprise`"), "{header}: {error}");
        }
    }

    #[test]
    fn errors_say_where_and_what_was_meant() {
        let error = |text: &str| Settings::from_toml(text).unwrap_err().to_string();
        assert_eq!(
            error("\n[numbers]\nlast_digit = 7\n"),
            "line 3, column 1: unknown key `last_digit`: did you mean `last_digits`?"
        );
        assert!(
            error("[numbers]\ndefault_region = \"Germany\"")
                .starts_with("line 2, column 18: \"Germany\" is not a region")
        );
        assert!(
            error("[[phonebook]]\nname = \" \"")
                .starts_with("line 2, column 8: a phonebook name must not be blank")
        );
        assert_eq!(
            error("[[inbound_route]]\nname = \"a\"\ndestination = { type = \"ringgroup\" }"),
            "line 3, column 24: unknown name `ringgroup`: did you mean `ring_group`?"
        );
        assert!(
            error("[[inbound_route]]\ndestination = { type = \"ivr\" }")
                .contains("the key `name` is missing")
        );
    }

    #[test]
    fn too_large_a_document_is_not_read() {
        let error = Settings::from_toml(&" ".repeat(MAX_DOCUMENT_BYTES + 1)).unwrap_err();
        assert_eq!(error, DocumentError::TooLarge { found: MAX_DOCUMENT_BYTES + 1 });
        assert!(Settings::from_toml(&" ".repeat(MAX_DOCUMENT_BYTES)).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_survives_a_round_trip(note in ".*", filter in any::<String>(), name in any::<String>()) {
            let settings = changed(|settings| {
                settings.inbound_routes[0].note = note;
                settings.sources[0].sync_filter = filter;
                settings.inbound_routes[1].name = name;
            });
            prop_assert_eq!(Settings::from_toml(&settings.to_toml().unwrap()), Ok(settings));
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = Settings::from_toml(&text);
        }
    }
}

mod validation {
    use super::*;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Settings), expected: &str) {
        let error = changed(change).validate().unwrap_err().to_string();
        assert!(error.starts_with(expected), "expected {expected:?}, found {error:?}");
    }

    fn name(text: &str) -> PhonebookName {
        PhonebookName::parse(text).unwrap()
    }

    #[test]
    fn one_of_everything_is_valid() {
        assert_eq!(everything().validate(), Ok(()));
        assert_eq!(Settings::default().validate(), Ok(()));
    }

    #[test]
    fn last_digits_are_0_or_7_to_15() {
        for digits in [0, 7, 15] {
            assert_eq!(changed(|settings| settings.numbers.last_digits = digits).validate(), Ok(()));
        }
        for digits in [1, 6, 16, 255] {
            refused(
                |settings| settings.numbers.last_digits = digits,
                &format!("numbers.last_digits: {digits} is not"),
            );
        }
    }

    #[test]
    fn names_are_unique_in_any_case() {
        refused(
            |settings| settings.trunks[1].name = "BERLIN".into(),
            "trunk[1] \"BERLIN\".name: the name is that of trunk[0]",
        );
        refused(
            |settings| settings.sources[1].name = "crm".into(),
            "source[1] \"crm\".name: the name is that of source[0]",
        );
        refused(
            |settings| settings.inbound_routes[1].name = "sales".into(),
            "inbound_route[1] \"sales\".name: the name is",
        );
        refused(
            |settings| settings.phonebooks[0].name = name("vip"),
            "phonebook[1] \"VIP\".name: the name is that of phonebook[0]",
        );
    }

    #[test]
    fn names_are_1_to_63_characters_on_one_line() {
        assert_eq!(changed(|settings| settings.inbound_routes[1].name = "ü".repeat(63)).validate(), Ok(()));
        let long = "ü".repeat(64);
        refused(|settings| settings.inbound_routes[1].name = long.clone(), "inbound_route[1] \"");
        refused(
            |settings| settings.inbound_routes[1].name = String::new(),
            "inbound_route[1] \"\".name: must not be blank",
        );
        refused(|settings| settings.trunks[1].name = "  ".into(), "trunk[1] \"  \".name: must not be blank");
        refused(
            |settings| settings.sources[0].name = "a\nb".into(),
            "source[0] \"a\\nb\".name: '\\n' is a control character",
        );
        refused(
            |settings| settings.trunks[1].name = " a".into(),
            "trunk[1] \" a\".name: a name must not begin or end",
        );
    }

    #[test]
    fn percentages_end_at_100() {
        assert_eq!(
            changed(|settings| settings.sources[0].guard.max_removed_percent = 100).validate(),
            Ok(())
        );
        refused(
            |settings| settings.sources[1].guard.max_removed_percent = 101,
            "source[1] \"List\".guard.max_removed_percent: 101 is not a percentage",
        );
        refused(
            |settings| settings.sources[0].guard.max_rejected_percent = 255,
            "source[0] \"CRM\".guard.max_rejected_percent: 255",
        );
        refused(
            |settings| settings.sources[0].guard.max_removed_contacts = u64::MAX,
            "source[0] \"CRM\".guard.max_removed_contacts: 18446744073709551615 is more than",
        );
    }

    #[test]
    fn phonebooks_of_sources_do_not_collide() {
        let new = |text: &str| PhonebookTarget::New { name: name(text) };
        let existing = |text: &str| PhonebookTarget::Existing { name: name(text) };
        assert_eq!(changed(|settings| settings.sources[1].phonebook = existing("board")).validate(), Ok(()));
        refused(
            |settings| settings.sources[1].phonebook = existing("Sales"),
            "source[1] \"List\".phonebook.existing.name: there is no local phonebook \"Sales\"",
        );
        let takes_vip = |enabled| {
            move |settings: &mut Settings| {
                settings.sources[0].enabled = enabled;
                settings.sources[0].phonebook = PhonebookTarget::New { name: name("vip") };
            }
        };
        refused(takes_vip(true), "source[0] \"CRM\".phonebook.new.name: \"vip\" is a local phonebook");
        assert_eq!(changed(takes_vip(false)).validate(), Ok(()), "a source that is off fills nothing");
        refused(
            |settings| settings.sources[1].phonebook = new("OTHERS"),
            "source[1] \"List\".phonebook.new.name: source \"CRM\" fills the phonebook \"OTHERS\" already",
        );
        refused(
            |settings| settings.sources[0].phonebook = existing("VIP"),
            "source[1] \"List\".phonebook.existing.name: source \"CRM\" fills",
        );
    }

    #[test]
    fn routes_name_trunks_that_exist_exactly() {
        refused(
            |settings| settings.inbound_routes[0].trunks.push("Berlin".into()),
            "inbound_route[0] \"Sales\".trunks[1]: there is no trunk \"Berlin\"",
        );
    }

    #[test]
    fn there_are_limits_to_how_many() {
        let routes = |count: usize| {
            changed(|settings| {
                let route = settings.inbound_routes.remove(1);
                settings.inbound_routes = (0..count)
                    .map(|number| InboundRoute { name: number.to_string(), ..route.clone() })
                    .collect();
            })
            .validate()
        };
        assert_eq!(routes(2000), Ok(()));
        assert_eq!(
            routes(2001).unwrap_err().to_string(),
            "inbound_route: there are 2001; at most 2000 are allowed"
        );
    }
}

mod difference {
    use super::*;

    fn lines(old: &Settings, new: &Settings) -> Vec<String> {
        let line =
            |change: Change| format!("{:?} {} {}", change.kind, change.subject, change.details.join("; "));
        old.difference(new).into_iter().map(|change| line(change).trim_end().to_owned()).collect()
    }

    fn difference_by(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        lines(&everything(), &changed(change))
    }

    #[test]
    fn the_same_settings_do_not_differ() {
        assert_eq!(difference_by(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn fields_are_shown_before_and_after() {
        assert_eq!(
            difference_by(|settings| {
                settings.numbers.last_digits = 0;
                settings.sources[0].field_map.city = Some("town".into());
                settings.inbound_routes[0].destination.target = "6500".into();
                settings.inbound_routes[0].dids = vec!["1".into(), "2".into()];
            }),
            [
                "Changed numbers last_digits: 8 -> not set",
                "Changed source \"CRM\" field_map.city: not set -> \"town\"",
                "Changed inbound_route \"Sales\" destination.target: \"6400\" -> \"6500\"; \
                 dids: [\"+4930123.\", \"12X\"] -> [\"1\", \"2\"]",
            ]
        );
    }

    #[test]
    fn another_kind_of_connection_is_shown() {
        assert_eq!(
            difference_by(|settings| settings.sources[0].connection = settings.sources[1].connection.clone()),
            [
                "Changed source \"CRM\" connection.csv: not set -> { delimiter = \";\", path = \"list.csv\" }; \
              connection.sqlite: { path = \"company.db\" } -> not set"
            ]
        );
    }

    #[test]
    fn added_and_removed_things_are_named() {
        assert_eq!(
            difference_by(|settings| {
                settings.trunks.remove(1);
                settings.trunks.push(Trunk { name: "paris".into(), ..Trunk::default() });
                settings.phonebooks.remove(0);
                settings.sources.clear();
            }),
            [
                "Removed phonebook \"Board\"",
                "Added trunk \"paris\"",
                "Removed trunk \"london\"",
                "Removed source \"CRM\"",
                "Removed source \"List\"",
                "Removed source \"Server\"",
            ]
        );
    }

    #[test]
    fn another_spelling_of_a_name_is_the_same_thing() {
        assert_eq!(
            difference_by(|settings| {
                settings.inbound_routes[0].name = "SALES".into();
                settings.phonebooks[1].name = PhonebookName::parse("vip").unwrap();
            }),
            ["Changed inbound_route \"SALES\" name: \"Sales\" -> \"SALES\""]
        );
    }

    /// Settings with a route for each letter, in this order.
    fn routes(letters: &str) -> Settings {
        let route = everything().inbound_routes.remove(1);
        let named = |letter: char| InboundRoute { name: letter.to_string(), ..route.clone() };
        Settings { inbound_routes: letters.chars().map(named).collect(), ..Settings::default() }
    }

    #[test]
    fn only_routes_that_were_moved_are_shown_as_moved() {
        let moved = |old, new| lines(&routes(old), &routes(new));
        assert_eq!(moved("abcdef", "fabcde"), ["Changed inbound_route \"f\" position: 6 -> 1"]);
        assert_eq!(moved("abcdef", "bcdeaf"), ["Changed inbound_route \"a\" position: 1 -> 5"]);
        assert_eq!(moved("abcd", "xbcd"), ["Added inbound_route \"x\"", "Removed inbound_route \"a\""]);
        assert_eq!(
            moved("abcd", "axdbc"),
            ["Added inbound_route \"x\"", "Changed inbound_route \"d\" position: 4 -> 3",]
        );
        assert_eq!(moved("abc", "cba").len(), 2);
    }

    #[test]
    fn the_order_of_trunks_does_not_count() {
        assert_eq!(difference_by(|settings| settings.trunks.reverse()), Vec::<String>::new());
    }
}
