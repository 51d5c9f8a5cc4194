//! How schedules are written, and what is refused, with the place.

use super::*;
use crate::settings::{Settings, SourceSettings};

const SOURCE: &str = r#"
[[source]]
name = "crm"
connection = { sqlite = { path = "crm.db" } }
sync_filter = "select ${MAP} from main.contacts"
field_map = { last_name = "name" }
phonebook = { new = { name = "All" } }
"#;

fn source(schedule: &str) -> Result<SourceSettings, String> {
    let mut settings =
        Settings::from_toml(&format!("{SOURCE}schedule = {schedule}")).map_err(|error| error.to_string())?;
    settings.validate().map_err(|error| error.to_string())?;
    let written = settings.to_toml().unwrap();
    assert_eq!(Settings::from_toml(&written).as_ref(), Ok(&settings), "{written}");
    Ok(settings.sources.remove(0))
}

fn frequency(schedule: &str) -> Frequency {
    source(schedule).unwrap().schedule.unwrap().frequency
}

fn berlin() -> TimeZoneName {
    "Europe/Berlin".parse().unwrap()
}

fn at(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

#[test]
fn a_source_without_a_schedule_is_synchronised_by_hand() {
    let settings = Settings::from_toml(SOURCE).unwrap();
    assert_eq!(settings.sources[0].schedule, None);
    assert!(!settings.to_toml().unwrap().contains("schedule"));
}

#[test]
fn every_frequency_is_read_as_it_is_written() {
    assert_eq!(frequency("{ every = { minutes = 15 } }"), Frequency::Every(Interval::Minutes(15)));
    assert_eq!(frequency("{ every = { hours = 168 } }"), Frequency::Every(Interval::Hours(168)));
    assert_eq!(
        frequency(r#"{ daily = { at = "03:00", time_zone = "Europe/Berlin" } }"#),
        Frequency::Daily(Daily { at: at("03:00"), time_zone: berlin() })
    );
    assert_eq!(
        frequency(
            r#"{ weekly = { days = ["monday", "sunday"], at = "23:59", time_zone = "Europe/Berlin" } }"#
        ),
        Frequency::Weekly(Weekly {
            days: vec![DayOfWeek::Monday, DayOfWeek::Sunday],
            at: at("23:59"),
            time_zone: berlin()
        })
    );
    for (day, expected) in [("31", DayOfMonth::Day(31)), ("\"last\"", DayOfMonth::Last)] {
        assert_eq!(
            frequency(&format!(
                "{{ monthly = {{ day = {day}, at = \"00:00\", time_zone = \"Europe/Berlin\" }} }}"
            )),
            Frequency::Monthly(Monthly { day: expected, at: at("00:00"), time_zone: berlin() })
        );
    }
    let Frequency::Cron(cron) =
        frequency(r#"{ cron = { expression = " 0  3 * * mon-fri ", time_zone = "Europe/Berlin" } }"#)
    else {
        panic!("another frequency")
    };
    assert_eq!(cron.expression.to_string(), "0 3 * * mon-fri");
}

#[test]
fn what_goes_for_every_frequency_stands_beside_it() {
    let schedule =
        source("{ every = { hours = 1 }, run_missed = true, jitter_minutes = 1440 }").unwrap().schedule;
    let schedule = schedule.unwrap();
    assert!(schedule.run_missed);
    assert_eq!(schedule.jitter_minutes, 1440);
    let schedule = source("{ every = { hours = 1 } }").unwrap().schedule.unwrap();
    assert!(!schedule.run_missed);
    assert_eq!(schedule.jitter_minutes, 0);
}

#[test]
fn a_time_zone_is_found_in_any_case_and_without_a_database_on_the_machine() {
    assert_eq!("europe/berlin".parse::<TimeZoneName>().unwrap(), berlin());
    let own = TimeZoneDatabase::bundled();
    for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "US/Eastern", "UTC"] {
        assert!(own.get(name).is_ok(), "{name}");
        assert!(name.parse::<TimeZoneName>().is_ok(), "{name}");
    }
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let zone = r#"time_zone = "Europe/Berlin""#;
    let place = "line 8, column ";
    let cases = [
        (
            format!(r#"{{ daily = {{ at = "24:00", {zone} }} }}"#),
            "29: \"24:00\" is not a time of day; 00:00 to 23:59",
        ),
        (format!(r#"{{ daily = {{ at = "3:00", {zone} }} }}"#), "29: \"3:00\" is not a time of day"),
        (format!(r#"{{ daily = {{ at = "03:60", {zone} }} }}"#), "29: \"03:60\" is not"),
        (format!(r#"{{ daily = {{ at = "+3:00", {zone} }} }}"#), "29: \"+3:00\" is not"),
        (
            r#"{ daily = { at = "03:00", time_zone = "Europe/Berln" } }"#.into(),
            "50: there is no time zone \"Europe/Berln\": did you mean \"Europe/Berlin\"?",
        ),
        (
            r#"{ daily = { at = "03:00", time_zone = "+02:00" } }"#.into(),
            "50: there is no time zone \"+02:00\": a name such as \"Europe/Berlin\" is expected",
        ),
        (r#"{ daily = { at = "03:00" } }"#.into(), "22: the key `time_zone` is missing"),
        (
            format!(r#"{{ weekly = {{ days = ["mondy"], at = "03:00", {zone} }} }}"#),
            "33: unknown name `mondy`: did you mean `monday`?",
        ),
        (
            format!(r#"{{ monthly = {{ day = 32, at = "03:00", {zone} }} }}"#),
            "32: 32 is not a day of a month; 1 to 31, or \"last\", is expected",
        ),
        (format!(r#"{{ monthly = {{ day = 0, at = "03:00", {zone} }} }}"#), "32: 0 is not a day of a month"),
        (
            format!(r#"{{ monthly = {{ day = "first", at = "03:00", {zone} }} }}"#),
            "32: invalid value: string \"first\", expected 1 to 31, or \"last\"",
        ),
        (
            format!(r#"{{ cron = {{ expression = "0 24 * * *", {zone} }} }}"#),
            "36: character 3, hour \"24\": 0 to 23 is expected",
        ),
        (r#"{ hourly = 1 }"#.into(), "14: unknown key `hourly`"),
        ("{ every = { hours = 1 }, every = { hours = 2 } }".into(), "37: duplicate key"),
        (
            format!(r#"{{ every = {{ hours = 1 }}, daily = {{ at = "03:00", {zone} }} }}"#),
            "12: a schedule is one of every, daily, weekly, monthly and cron; this has both every and daily",
        ),
        ("{ run_missed = true }".into(), "12: a schedule is one of every"),
    ];
    for (schedule, expected) in cases {
        let error = source(&schedule).unwrap_err();
        assert!(error.starts_with(&format!("{place}{expected}")), "{schedule}: {error}");
    }
}

#[test]
fn numbers_out_of_range_are_told_at_their_field() {
    let zone = r#"time_zone = "Europe/Berlin""#;
    for (schedule, expected) in [
        ("{ every = { minutes = 0 } }".to_owned(), "every.minutes: 0 is not 1 to 1440"),
        ("{ every = { minutes = 1441 } }".to_owned(), "every.minutes: 1441 is not 1 to 1440"),
        ("{ every = { hours = 169 } }".to_owned(), "every.hours: 169 is not 1 to 168"),
        (
            "{ every = { hours = 1 }, jitter_minutes = 1441 }".to_owned(),
            "jitter_minutes: 1441 is not 0 to 1440",
        ),
        (format!(r#"{{ weekly = {{ days = [], at = "03:00", {zone} }} }}"#), "weekly.days: there are none"),
    ] {
        let error = source(&schedule).unwrap_err();
        assert!(error.starts_with(&format!("source[0] \"crm\".schedule.{expected}")), "{schedule}: {error}");
    }
}

#[test]
fn a_cron_expression_is_refused_with_the_place() {
    for (expression, expected) in [
        ("", "\"\" has 0 fields; a cron expression has five"),
        ("* * * *", "\"* * * *\" has 4 fields"),
        ("* * * * * *", "\"* * * * * *\" has 6 fields"),
        ("60 * * * *", "character 1, minute \"60\": 0 to 59 is expected"),
        ("0 3,25 * * *", "character 5, hour \"25\": 0 to 23 is expected"),
        ("0  3  0  * *", "character 7, day \"0\": 1 to 31 is expected"),
        ("0 3 * foo *", "character 7, month \"foo\": 1 to 12 or jan to dec is expected"),
        ("0 3 * * mon-fir", "character 9, day of the week \"mon-fir\": 0 to 7 or sun to sat is expected"),
        ("0 3 * * fri-mon", "character 9, day of the week \"fri-mon\": ends before it begins"),
        ("*/0 * * * *", "character 1, minute \"*/0\": the step is a number, 1 to 59"),
        ("5/15 * * * *", "character 1, minute \"5/15\": a step needs something to go through"),
        ("+5 * * * *", "character 1, minute \"+5\""),
        ("1,,2 * * * *", "character 3, minute \"\""),
        ("feb * * * *", "character 1, minute \"feb\""),
        ("0 0 30 2 *", "\"0 0 30 2 *\" never comes"),
        ("0 0 31 2,4,6,9,11 *", "\"0 0 31 2,4,6,9,11 *\" never comes"),
        ("@daily", "\"@daily\" has 1 fields"),
    ] {
        let error = expression.parse::<CronExpression>().unwrap_err();
        assert!(error.starts_with(expected), "{expression}: {error}");
    }
    assert!("0,".repeat(300).parse::<CronExpression>().unwrap_err().contains("at most 512 characters"));
    // One that is a Monday will do.
    for expression in ["0 0 30 2 mon", "0 0 29 2 *", "0 0 31 * 7"] {
        assert!(expression.parse::<CronExpression>().is_ok(), "{expression}");
    }
}
