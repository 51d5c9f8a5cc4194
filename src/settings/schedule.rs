//! When a source is synchronised by itself: `schedule = { daily = { at = "03:00", time_zone = "Europe/Berlin" } }`.
//!
//! Times, time zones and cron expressions are read into types that cannot be wrong; what remains is checked with
//! the settings as a whole. Which moment is the next one is the business of [`crate::sync`].

mod cron;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::written_as_text;
use crate::toml_document::nearest;

pub use cron::CronExpression;

/// Most minutes of [`Interval::Minutes`]: a day.
pub const MAX_INTERVAL_MINUTES: u32 = 24 * 60;
/// Most hours of [`Interval::Hours`]: a week.
pub const MAX_INTERVAL_HOURS: u32 = 7 * 24;
/// Most minutes of [`Schedule::jitter_minutes`]: a day.
pub const MAX_JITTER_MINUTES: u32 = 24 * 60;

/// Data Synchronization Frequency. A source without one is synchronised by hand only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schedule {
    /// How often, and when.
    pub frequency: Frequency,
    /// Whether a run that was missed while no server was running is made up for, once, when one starts.
    pub run_missed: bool,
    /// Runs are put off by up to so many minutes, each source's always by the same time, so that many sources
    /// are not all read at once. 0 to [`MAX_JITTER_MINUTES`].
    pub jitter_minutes: u32,
}

/// How often a source is synchronised, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frequency {
    /// Again and again, whatever the time of day.
    Every(Interval),
    /// Every day.
    Daily(Daily),
    /// On days of the week.
    Weekly(Weekly),
    /// On a day of the month.
    Monthly(Monthly),
    /// As a cron expression says.
    Cron(Cron),
}

/// The time from one run to the next: `{ minutes = 15 }`, `{ hours = 2 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// 1 to [`MAX_INTERVAL_MINUTES`].
    Minutes(u32),
    /// 1 to [`MAX_INTERVAL_HOURS`].
    Hours(u32),
}

impl Interval {
    /// Its length.
    #[must_use]
    pub fn minutes(self) -> u32 {
        match self {
            Interval::Minutes(minutes) => minutes,
            Interval::Hours(hours) => hours.saturating_mul(60),
        }
    }
}

/// Every day at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daily {
    /// When.
    pub at: TimeOfDay,
    /// Where it is that time.
    pub time_zone: TimeZoneName,
}

/// On days of the week at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    /// At least one.
    pub days: Vec<DayOfWeek>,
    /// When.
    pub at: TimeOfDay,
    /// Where it is that time.
    pub time_zone: TimeZoneName,
}

/// On a day of the month at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monthly {
    /// Which.
    pub day: DayOfMonth,
    /// When.
    pub at: TimeOfDay,
    /// Where it is that time.
    pub time_zone: TimeZoneName,
}

/// As a cron expression says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cron {
    /// Minute, hour, day, month, day of the week.
    pub expression: CronExpression,
    /// Where it is that time.
    pub time_zone: TimeZoneName,
}

/// A schedule as it is written: one of the first five.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daily: Option<Daily>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weekly: Option<Weekly>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly: Option<Monthly>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<Cron>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    run_missed: bool,
    #[serde(skip_serializing_if = "super::is_default")]
    jitter_minutes: u32,
}

impl TryFrom<Written> for Schedule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { every, daily, weekly, monthly, cron, run_missed, jitter_minutes } = written;
        let said = [
            every.map(Frequency::Every),
            daily.map(Frequency::Daily),
            weekly.map(Frequency::Weekly),
            monthly.map(Frequency::Monthly),
            cron.map(Frequency::Cron),
        ];
        let mut said = said.into_iter().flatten();
        let one = "one of every, daily, weekly, monthly and cron";
        match (said.next(), said.next()) {
            (Some(frequency), None) => Ok(Schedule { frequency, run_missed, jitter_minutes }),
            (Some(first), Some(second)) => {
                Err(format!("a schedule is {one}; this has both {} and {}", first.name(), second.name()))
            }
            (None, _) => Err(format!("a schedule is {one}; leave it out to synchronise by hand only")),
        }
    }
}

impl From<Schedule> for Written {
    fn from(schedule: Schedule) -> Self {
        let Schedule { frequency, run_missed, jitter_minutes } = schedule;
        let written = Written { run_missed, jitter_minutes, ..Written::default() };
        match frequency {
            Frequency::Every(every) => Written { every: Some(every), ..written },
            Frequency::Daily(daily) => Written { daily: Some(daily), ..written },
            Frequency::Weekly(weekly) => Written { weekly: Some(weekly), ..written },
            Frequency::Monthly(monthly) => Written { monthly: Some(monthly), ..written },
            Frequency::Cron(cron) => Written { cron: Some(cron), ..written },
        }
    }
}

impl Frequency {
    /// As written in settings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Frequency::Every(_) => "every",
            Frequency::Daily(_) => "daily",
            Frequency::Weekly(_) => "weekly",
            Frequency::Monthly(_) => "monthly",
            Frequency::Cron(_) => "cron",
        }
    }
}

impl Schedule {
    /// What cannot be, if anything: the field below the schedule, and what was found and expected there.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let out_of = |field, found: u32, most: u32| {
            let is_fine = (1..=most).contains(&found);
            (!is_fine).then(|| (field, format!("{found} is not 1 to {most}")))
        };
        let frequency = match &self.frequency {
            Frequency::Every(Interval::Minutes(found)) => {
                out_of("every.minutes", *found, MAX_INTERVAL_MINUTES)
            }
            Frequency::Every(Interval::Hours(found)) => out_of("every.hours", *found, MAX_INTERVAL_HOURS),
            Frequency::Weekly(weekly) if weekly.days.is_empty() => {
                Some(("weekly.days", "there are none; name at least one, such as \"monday\"".to_owned()))
            }
            Frequency::Daily(_) | Frequency::Weekly(_) | Frequency::Monthly(_) | Frequency::Cron(_) => None,
        };
        let is_long = self.jitter_minutes > MAX_JITTER_MINUTES;
        frequency.or_else(|| {
            let problem = format!("{} is not 0 to {MAX_JITTER_MINUTES}", self.jitter_minutes);
            is_long.then_some(("jitter_minutes", problem))
        })
    }
}

/// A time on a 24-hour clock: `03:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(Time);

written_as_text!(TimeOfDay);

impl TimeOfDay {
    /// The same, to calculate with.
    #[must_use]
    pub fn time(self) -> Time {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &[u8]| {
            let is_number = digits.iter().all(u8::is_ascii_digit);
            is_number.then(|| digits.iter().fold(0, |number: i8, digit| number * 10 + (digit - b'0') as i8))
        };
        let read = match text.as_bytes() {
            [hour @ .., b':', m1, m2] if hour.len() == 2 => number(hour).zip(number(&[*m1, *m2])),
            _ => None,
        };
        read.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok())
            .map(TimeOfDay)
            .ok_or_else(|| format!("{text:?} is not a time of day; 00:00 to 23:59 is expected"))
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum DayOfWeek {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl DayOfWeek {
    /// The same, to calculate with.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        match self {
            DayOfWeek::Monday => Weekday::Monday,
            DayOfWeek::Tuesday => Weekday::Tuesday,
            DayOfWeek::Wednesday => Weekday::Wednesday,
            DayOfWeek::Thursday => Weekday::Thursday,
            DayOfWeek::Friday => Weekday::Friday,
            DayOfWeek::Saturday => Weekday::Saturday,
            DayOfWeek::Sunday => Weekday::Sunday,
        }
    }
}

/// A day of the month: 1 to 31, or `"last"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayOfMonth {
    /// This one; in a month that is shorter, its last.
    Day(i8),
    /// The last, however long the month is.
    Last,
}

impl DayOfMonth {
    /// A day by its number.
    pub fn new(day: u64) -> Result<Self, String> {
        let day = i8::try_from(day).ok().filter(|day| (1..=31).contains(day)).ok_or(day);
        day.map(DayOfMonth::Day)
            .map_err(|day| format!("{day} is not a day of a month; {EXPECTED_DAY} is expected"))
    }
}

const EXPECTED_DAY: &str = "1 to 31, or \"last\",";

impl Serialize for DayOfMonth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            DayOfMonth::Day(day) => serializer.serialize_i8(*day),
            DayOfMonth::Last => serializer.serialize_str("last"),
        }
    }
}

impl<'de> Deserialize<'de> for DayOfMonth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = DayOfMonth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED_DAY.trim_end_matches(','))
            }

            fn visit_u64<E: serde::de::Error>(self, day: u64) -> Result<DayOfMonth, E> {
                DayOfMonth::new(day).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, day: i64) -> Result<DayOfMonth, E> {
                let unsigned = u64::try_from(day);
                unsigned
                    .map_err(|_| E::invalid_value(Unexpected::Signed(day), &self))
                    .and_then(|day| self.visit_u64(day))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DayOfMonth, E> {
                match text {
                    "last" => Ok(DayOfMonth::Last),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Written)
    }
}

/// A time zone by its name in the IANA time zone database: `Europe/Berlin`.
///
/// The machine's own database comes first, since it is kept up to date; what it lacks, this program knows.
#[derive(Debug, Clone)]
pub struct TimeZoneName {
    name: String,
    zone: TimeZone,
}

written_as_text!(TimeZoneName);

impl TimeZoneName {
    /// The rules of the time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// Whichever rules it has got meanwhile, it is the same setting.
impl PartialEq for TimeZoneName {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TimeZoneName {}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for TimeZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let own = TimeZoneDatabase::bundled();
        let found = jiff::tz::db().get(text).or_else(|_| own.get(text)).ok();
        // Only a zone from a database has a name; and no spelling but that of the database is kept.
        let named = found.and_then(|zone| Some((zone.iana_name()?.to_owned(), zone)));
        named.map(|(name, zone)| TimeZoneName { name, zone }).ok_or_else(|| {
            let known: Vec<String> = own.available().map(|name| name.as_str().to_owned()).collect();
            let near = nearest(text, &known.iter().map(String::as_str).collect::<Vec<_>>());
            let hint = near.map_or_else(
                || "a name such as \"Europe/Berlin\" is expected".to_owned(),
                |near| format!("did you mean {near:?}?"),
            );
            format!("there is no time zone {text:?}: {hint}")
        })
    }
}
