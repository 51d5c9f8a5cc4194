use super::*;

fn condition(text: &str) -> Result<CompiledTimeCondition, RouteError> {
    CompiledTimeCondition::compile(&toml::from_str(&format!("name = 'Open'\n{text}")).unwrap())
}

/// Whether it holds at an instant in RFC 3339.
#[track_caller]
fn holds(text: &str, at: &str) -> bool {
    condition(text).unwrap().rule_at(at.parse().unwrap()).is_some()
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = condition(text).unwrap_err().to_string();
    assert_eq!(error, format!("time condition \"Open\", {expected}"));
}

#[test]
fn hours_are_those_of_the_time_zone() {
    let open = "time_zone = 'Europe/Berlin'\nhours = ['mon-fri 09:00-17:30']";
    // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC in winter.
    for (at, expected) in [
        ("2026-11-23T07:59:59Z", false),
        ("2026-11-23T08:00:00Z", true),
        ("2026-11-23T16:29:59Z", true),
        ("2026-11-23T16:30:00Z", false),
        ("2026-11-27T12:00:00Z", true),
        ("2026-11-28T12:00:00Z", false),
        // Two hours ahead in summer.
        ("2026-07-06T07:00:00Z", true),
        ("2026-07-06T15:30:00Z", false),
    ] {
        assert_eq!(holds(open, at), expected, "{at}");
    }
    let open = "time_zone = 'America/New_York'\nhours = ['mon-fri 09:00-17:30']";
    assert!(!holds(open, "2026-11-23T13:59:00Z") && holds(open, "2026-11-23T14:00:00Z"));
}

#[test]
fn an_hour_that_comes_twice_counts_twice_and_one_that_is_left_out_never() {
    let night = "time_zone = 'Europe/Berlin'\nhours = ['sun 02:00-03:00']";
    // Clocks went back on 2026-10-25: 02:30 was at 00:30 and at 01:30 UTC.
    for (at, expected) in [
        ("2026-10-24T23:59:59Z", false),
        ("2026-10-25T00:00:00Z", true),
        ("2026-10-25T00:59:59Z", true),
        ("2026-10-25T01:00:00Z", true),
        ("2026-10-25T01:59:59Z", true),
        ("2026-10-25T02:00:00Z", false),
    ] {
        assert_eq!(holds(night, at), expected, "{at}");
    }
    // They went forward on 2026-03-29: from 01:59:59 to 03:00 local.
    assert!(!holds(night, "2026-03-29T00:59:59Z") && !holds(night, "2026-03-29T01:00:00Z"));
}

#[test]
fn a_time_past_midnight_belongs_to_the_day_on_which_it_begins() {
    let night = "time_zone = 'UTC'\nhours = ['fri 22:00-06:00']";
    for (at, expected) in [
        ("2026-11-27T05:00:00Z", false),
        ("2026-11-27T22:00:00Z", true),
        ("2026-11-28T05:59:00Z", true),
        ("2026-11-28T06:00:00Z", false),
        ("2026-11-28T22:00:00Z", false),
    ] {
        assert_eq!(holds(night, at), expected, "{at}");
    }
}

#[test]
fn days_are_listed_and_ranges_go_past_sunday() {
    let weekend = "time_zone = 'UTC'\nhours = ['Sat-Mon', 'wed,thu 10:00-11:00', '23:00-24:00']";
    for (at, expected) in [
        ("2026-11-28T00:00:00Z", true),
        ("2026-11-29T12:00:00Z", true),
        ("2026-11-30T22:59:59Z", true),
        ("2026-12-01T12:00:00Z", false),
        ("2026-12-02T10:30:00Z", true),
        ("2026-12-03T10:59:59Z", true),
        ("2026-12-03T11:00:00Z", false),
        ("2026-12-01T23:59:59Z", true),
    ] {
        assert_eq!(holds(weekend, at), expected, "{at}");
    }
}

#[test]
fn dates_are_of_one_year_or_of_each_and_may_have_times() {
    let holidays = "time_zone = 'UTC'
        dates = ['2026-05-14', '2026-08-03..2026-08-14', '12-25', '12-30..01-02', '12-24 12:00-24:00']";
    for (at, expected) in [
        ("2026-05-14T23:59:59Z", true),
        ("2027-05-14T12:00:00Z", false),
        ("2026-08-02T23:59:59Z", false),
        ("2026-08-14T23:59:59Z", true),
        ("2031-12-25T00:00:00Z", true),
        ("2026-12-31T12:00:00Z", true),
        ("2027-01-02T12:00:00Z", true),
        ("2027-01-03T00:00:00Z", false),
        ("2026-12-24T11:59:59Z", false),
        ("2026-12-24T12:00:00Z", true),
    ] {
        assert_eq!(holds(holidays, at), expected, "{at}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    let zone = "time_zone = 'UTC'\n";
    for (text, expected) in [
        (
            "hours = ['mon-fri 9:00-17:00']",
            "hours[0]: \"mon-fri 9:00-17:00\": found '9' at byte 8, expected a time of the day such as 09:00, up to 24:00",
        ),
        (
            "hours = ['mon', 'mo 09:00-17:00']",
            "hours[1]: \"mo 09:00-17:00\": found 'm' at byte 0, expected a day: mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri",
        ),
        (
            "hours = ['mon 09:00-09:00']",
            "hours[0]: \"mon 09:00-09:00\": found '0' at byte 10, expected another time than the one it begins at: the whole day is 00:00-24:00",
        ),
        (
            "hours = ['mon 09:00-24:01']",
            "hours[0]: \"mon 09:00-24:01\": found '2' at byte 10, expected a time of the day such as 09:00, up to 24:00",
        ),
        (
            "hours = ['mon 24:00-09:00']",
            "hours[0]: \"mon 24:00-09:00\": found '2' at byte 4, expected a time to begin at, before 24:00",
        ),
        (
            "hours = ['mon 09:00']",
            "hours[0]: \"mon 09:00\": found the end at byte 9, expected - and the time at which it ends",
        ),
        (
            "hours = ['']",
            "hours[0]: \"\": found the end at byte 0, expected a day: mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri",
        ),
        (
            "hours = ['mon 09:00-12:00, 13:00-17:00']",
            "hours[0]: \"mon 09:00-12:00, 13:00-17:00\": found ',' at byte 15, expected the end: one entry has one pair of times",
        ),
        (
            "dates = ['2026-02-29']",
            "dates[0]: \"2026-02-29\": found '2' at byte 0, expected a date that the calendar has",
        ),
        (
            "dates = ['24.12.']",
            "dates[0]: \"24.12.\": found '.' at byte 2, expected a date such as 2026-12-24, or each year 12-24",
        ),
        (
            "dates = ['2026-12-24..2026-12-23']",
            "dates[0]: \"2026-12-24..2026-12-23\": found '.' at byte 10, expected .. and a date of the same form, which is not before the first",
        ),
        (
            "dates = ['12-24..2026-12-26']",
            "dates[0]: \"12-24..2026-12-26\": found '.' at byte 5, expected .. and a date without a year, such as 12-26",
        ),
        ("", "hours: it has neither hours nor dates, so it would never hold"),
    ] {
        refused(&format!("{zone}{text}"), expected);
    }
    // Names only: jiff would read `+01:00` and POSIX rules too, which know no daylight saving of the future.
    for zone in ["", "Middle-earth", "+01:00", "CET-1CEST"] {
        let text = format!("time_zone = '{zone}'\nhours = ['mon']");
        let error = condition(&text).unwrap_err();
        assert_eq!(error.field, "time_zone");
        assert!(error.problem.starts_with(&format!("there is no time zone {zone:?}: ")), "{error}");
    }
}

#[test]
fn always_is_taken() {
    let condition = TimeCondition {
        name: "Always".into(),
        time_zone: "UTC".into(),
        hours: vec!["mon".into()],
        dates: Vec::new(),
    };
    assert!(CompiledTimeCondition::compile(&condition).unwrap_err().to_string().contains("always holds"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}", near in "[a-z0-9:. ,-]{0,30}") {
        for text in [&text, &near] {
            let _ = (TimeRule::parse_hours(text), TimeRule::parse_dates(text));
        }
    }

    #[test]
    fn every_instant_that_a_request_can_name_can_be_asked_for(second in -62_135_596_800_i64..=253_402_207_200) {
        let at = Timestamp::from_second(second).unwrap();
        let condition = condition("time_zone = 'Asia/Kolkata'\nhours = ['mon-sun 22:00-06:00']").unwrap();
        let expected = matches!(condition.local_time(at).hour(), 22.. | ..6);
        proptest::prop_assert_eq!(condition.rule_at(at).is_some(), expected);
    }
}
