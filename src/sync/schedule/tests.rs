//! A year of runs, held against a clock that is watched minute by minute.

use chrono::{DateTime as ChronoDateTime, Datelike, NaiveDateTime, Timelike};
use croner::parser::{CronParser, Seconds, Year};

use super::*;
use crate::settings::{DayOfWeek, TimeZoneName};

/// A year that is walked through, and a little before and after it.
const START: &str = "2026-01-01T00:00:00Z";
const MINUTES: i64 = 366 * 24 * 60;

/// A time zone, and its minutes from UTC in 2026: at first, and from each of these moments. As announced by its
/// government, not as any library says.
struct Zone {
    name: &'static str,
    first: i64,
    changes: &'static [(&'static str, i64)],
}

const ZONES: [Zone; 4] = [
    Zone {
        name: "Europe/Berlin",
        first: 60,
        changes: &[("2026-03-29T01:00:00Z", 120), ("2026-10-25T01:00:00Z", 60)],
    },
    Zone {
        name: "America/New_York",
        first: -300,
        changes: &[("2026-03-08T07:00:00Z", -240), ("2026-11-01T06:00:00Z", -300)],
    },
    // By half an hour, and in the south.
    Zone {
        name: "Australia/Lord_Howe",
        first: 660,
        changes: &[("2026-04-04T15:00:00Z", 630), ("2026-10-03T15:30:00Z", 660)],
    },
    Zone { name: "Asia/Kathmandu", first: 345, changes: &[] },
];

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minute(moment: Timestamp) -> i64 {
    moment.as_second() / 60
}

/// Watches the clock on the wall: at which minutes, as UTC counts them, does it show a time that is wanted, or pass
/// one by?
fn watched(zone: &Zone, is_wanted: impl Fn(NaiveDateTime) -> bool) -> Vec<i64> {
    let changes: Vec<(i64, i64)> =
        zone.changes.iter().map(|(at, offset)| (minute(moment(at)), *offset)).collect();
    let start = minute(moment(START));
    let mut shown_before = start + zone.first - 1;
    let mut found = Vec::new();
    for now in start..start + MINUTES {
        let offset = changes.iter().rfind(|(at, _)| *at <= now).map_or(zone.first, |(_, offset)| *offset);
        let shown = now + offset;
        let mut new = shown_before + 1..=shown;
        if new.any(|time| is_wanted(ChronoDateTime::from_timestamp(time * 60, 0).unwrap().naive_utc())) {
            found.push(now);
        }
        shown_before = shown_before.max(shown);
    }
    found
}

/// All moments within the year that a schedule gives, one after the other.
fn given(schedule: &Schedule) -> Vec<i64> {
    let end = minute(moment(START)) + MINUTES;
    let mut after = moment(START) - SignedDuration::from_nanos(1);
    let mut found = Vec::new();
    while let Some(next) = next_run(schedule, "crm", 0, after).filter(|next| minute(*next) < end) {
        assert_eq!((next.as_second() % 60, next.subsec_nanosecond()), (0, 0), "{next}");
        assert!(next > after);
        found.push(minute(next));
        after = next;
    }
    found
}

fn plain(frequency: Frequency) -> Schedule {
    Schedule { frequency, run_missed: false, jitter_minutes: 0 }
}

fn same(zone: &Zone, frequency: Frequency, is_wanted: impl Fn(NaiveDateTime) -> bool) -> usize {
    let what = format!("{} {frequency:?}", zone.name);
    let schedule = plain(frequency);
    let expected = watched(zone, is_wanted);
    assert_eq!(given(&schedule), expected, "{what}");
    // And from anywhere in between.
    for from in (0..MINUTES - 50_000).step_by(4099) {
        let after = moment(START) + SignedDuration::from_secs(from * 60 + from % 60);
        let next = expected.iter().find(|at| **at * 60 > after.as_second());
        if let Some(next) = next {
            assert_eq!(next_run(&schedule, "crm", 0, after).map(minute), Some(*next), "{what} after {after}");
        }
    }
    expected.len()
}

fn is_at(time: NaiveDateTime, at: &str) -> bool {
    format!("{:02}:{:02}", time.hour(), time.minute()) == at
}

fn is_last_day(time: NaiveDateTime) -> bool {
    (time.date() + chrono::Days::new(1)).day() == 1
}

#[test]
fn a_year_of_days_weeks_and_months_in_each_zone() {
    for zone in &ZONES {
        let time_zone: TimeZoneName = zone.name.parse().unwrap();
        for text in ["00:00", "01:45", "02:00", "02:15", "02:30", "02:59", "03:00", "23:59"] {
            let (at, zone_of) = (text.parse().unwrap(), || time_zone.clone());
            let daily = Frequency::Daily(Daily { at, time_zone: zone_of() });
            let found = same(zone, daily, |time| is_at(time, text));
            assert!((365..=367).contains(&found), "{} {text}: {found}", zone.name);

            let days = vec![DayOfWeek::Sunday, DayOfWeek::Wednesday];
            let weekly = Frequency::Weekly(Weekly { days, at, time_zone: zone_of() });
            same(zone, weekly, |time| {
                is_at(time, text) && ["Sun", "Wed"].contains(&&*time.weekday().to_string())
            });

            for day in [1, 29, 30, 31] {
                let monthly =
                    Frequency::Monthly(Monthly { day: DayOfMonth::Day(day), at, time_zone: zone_of() });
                let found = same(zone, monthly, |time| {
                    let is_short = is_last_day(time) && time.day() < day as u32;
                    is_at(time, text) && (time.day() == day as u32 || is_short)
                });
                assert!((12..=13).contains(&found), "{} {day} {text}: {found}", zone.name);
            }
            let last = Frequency::Monthly(Monthly { day: DayOfMonth::Last, at, time_zone: zone_of() });
            same(zone, last, |time| is_at(time, text) && is_last_day(time));
        }
    }
}

#[test]
fn a_year_of_cron_as_another_library_reads_it_in_each_zone() {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    for zone in &ZONES {
        for expression in [
            "30 2 * * *",
            "*/7 * * * *",
            "15 1-3 * * sun",
            "0 12 13 * fri",
            "59 23 31 12 *",
            "*/20 1,2 * mar,apr,oct,nov 0,6",
            "0 0 29 2 *",
            "5 4 */10 * *",
            "0 3 * * mon-fri",
            "0 9-17/4 1-7 * 7",
        ] {
            let cron = parser.parse(expression).unwrap();
            let ours =
                Cron { expression: expression.parse().unwrap(), time_zone: zone.name.parse().unwrap() };
            same(zone, Frequency::Cron(ours), |time| cron.is_time_matching(&time).unwrap());
        }
    }
}

#[test]
fn a_year_of_intervals_is_the_same_everywhere() {
    for interval in [
        Interval::Minutes(1),
        Interval::Minutes(15),
        Interval::Minutes(7),
        Interval::Minutes(1440),
        Interval::Hours(2),
        Interval::Hours(5),
        Interval::Hours(168),
    ] {
        let length = match interval {
            Interval::Minutes(minutes) => i64::from(minutes),
            Interval::Hours(hours) => i64::from(hours) * 60,
        };
        let start = minute(moment(START));
        let expected: Vec<i64> = (start..start + MINUTES).filter(|now| now % length == 0).collect();
        assert_eq!(given(&plain(Frequency::Every(interval))), expected, "{interval:?}");
    }
}

fn daily(at: &str, zone: &str) -> Schedule {
    plain(Frequency::Daily(Daily { at: at.parse().unwrap(), time_zone: zone.parse().unwrap() }))
}

fn after(schedule: &Schedule, after: &str) -> String {
    next_run(schedule, "crm", 0, moment(after)).unwrap().to_string()
}

#[test]
fn a_time_that_is_left_out_comes_at_the_moment_of_the_change() {
    let schedule = daily("02:30", "Europe/Berlin");
    assert_eq!(after(&schedule, "2026-03-28T01:30:00Z"), "2026-03-29T01:00:00Z");
    assert_eq!(after(&schedule, "2026-03-29T01:00:00Z"), "2026-03-30T00:30:00Z");
    // A whole day that an island left out, when it went to the other side of the date line.
    let schedule = daily("12:00", "Pacific/Apia");
    assert_eq!(after(&schedule, "2011-12-29T22:00:00Z"), "2011-12-30T10:00:00Z");
    assert_eq!(after(&schedule, "2011-12-30T10:00:00Z"), "2011-12-30T22:00:00Z");
}

#[test]
fn a_time_that_comes_twice_counts_the_first_time() {
    let schedule = daily("02:30", "Europe/Berlin");
    assert_eq!(after(&schedule, "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
    assert_eq!(after(&schedule, "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    // Asked within the second of both.
    assert_eq!(after(&schedule, "2026-10-25T01:15:00Z"), "2026-10-26T01:30:00Z");
}

#[test]
fn the_29th_of_february_is_waited_for() {
    let cron = Cron { expression: "0 0 29 2 *".parse().unwrap(), time_zone: "UTC".parse().unwrap() };
    let schedule = plain(Frequency::Cron(cron));
    assert_eq!(after(&schedule, "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00Z");
    assert_eq!(after(&schedule, "2096-02-29T00:00:00Z"), "2104-02-29T00:00:00Z");
}

#[test]
fn jitter_puts_off_each_source_by_its_own_time_within_the_bound() {
    let schedule = Schedule { jitter_minutes: 30, ..daily("02:30", "Europe/Berlin") };
    let base = moment("2026-06-01T00:30:00Z");
    let delay = |source: &str, seed| {
        let next = next_run(&schedule, source, seed, base - SignedDuration::from_hours(12)).unwrap();
        next.duration_since(base).as_secs()
    };
    let delays: Vec<i64> = (0..200).map(|number| delay(&format!("source {number}"), 7)).collect();
    assert!(delays.iter().all(|delay| (0..=30 * 60).contains(delay)), "{delays:?}");
    let different: std::collections::BTreeSet<i64> = delays.iter().copied().collect();
    assert!(different.len() > 150, "{different:?}");
    assert_eq!(delay("CRM", 7), delay("crm", 7));
    assert!((0..20).any(|seed| delay("crm", seed) != delay("crm", 7)));
    // The same every time, across a change of the clock too.
    let mut at = moment("2026-03-27T12:00:00Z");
    for expected in ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"] {
        at = next_run(&schedule, "crm", 7, at).unwrap();
        assert_eq!(at.duration_since(moment(expected)).as_secs(), delay("crm", 7));
    }
}

#[test]
fn time_has_an_end() {
    assert_eq!(next_run(&daily("03:00", "UTC"), "crm", 0, Timestamp::MAX), None);
    assert_eq!(next_run(&plain(Frequency::Every(Interval::Hours(1))), "crm", 0, Timestamp::MAX), None);
    assert!(next_run(&daily("03:00", "UTC"), "crm", 0, Timestamp::MIN).is_some());
}
