//! Schedules <-> the contract's.

use std::str::FromStr;

use crate::api::grpc::request::bad;
use crate::api::proto::v1::{self, interval_schedule, monthly_schedule, schedule as proto};
use crate::engine::EngineError;
use crate::settings::{
    Cron, Daily, DayOfMonth, DayOfWeek, Frequency, Interval, Monthly, Schedule, TimeOfDay, TimeZoneName,
    Weekly,
};

pub(super) fn to_proto(schedule: Schedule) -> v1::Schedule {
    let Schedule { frequency, run_missed, jitter_minutes } = schedule;
    let frequency = match frequency {
        Frequency::Every(interval) => {
            let interval = match interval {
                Interval::Minutes(minutes) => interval_schedule::Interval::Minutes(minutes),
                Interval::Hours(hours) => interval_schedule::Interval::Hours(hours),
            };
            proto::Frequency::Every(v1::IntervalSchedule { interval: Some(interval) })
        }
        Frequency::Daily(Daily { at, time_zone }) => proto::Frequency::Daily(v1::DailySchedule {
            at: at.to_string(),
            time_zone: time_zone.to_string(),
        }),
        Frequency::Weekly(Weekly { days, at, time_zone }) => proto::Frequency::Weekly(v1::WeeklySchedule {
            days: days.into_iter().map(|day| weekday(day).into()).collect(),
            at: at.to_string(),
            time_zone: time_zone.to_string(),
        }),
        Frequency::Monthly(Monthly { day, at, time_zone }) => {
            let on = match day {
                DayOfMonth::Day(day) => monthly_schedule::On::Day(day.unsigned_abs().into()),
                DayOfMonth::Last => monthly_schedule::On::LastDay(true),
            };
            proto::Frequency::Monthly(v1::MonthlySchedule {
                on: Some(on),
                at: at.to_string(),
                time_zone: time_zone.to_string(),
            })
        }
        Frequency::Cron(Cron { expression, time_zone }) => proto::Frequency::Cron(v1::CronSchedule {
            expression: expression.to_string(),
            time_zone: time_zone.to_string(),
        }),
    };
    v1::Schedule { frequency: Some(frequency), run_missed, jitter_minutes }
}

/// The ranges of numbers are checked with the settings as a whole.
pub(super) fn from_proto(schedule: v1::Schedule) -> Result<Schedule, EngineError> {
    let v1::Schedule { frequency, run_missed, jitter_minutes } = schedule;
    let missing = || {
        bad(
            "source.schedule",
            "says nothing; every, daily, weekly, monthly or cron is expected, or no schedule",
        )
    };
    let frequency = match frequency.ok_or_else(missing)? {
        proto::Frequency::Every(v1::IntervalSchedule { interval }) => Frequency::Every(match interval {
            Some(interval_schedule::Interval::Minutes(minutes)) => Interval::Minutes(minutes),
            Some(interval_schedule::Interval::Hours(hours)) => Interval::Hours(hours),
            None => return Err(bad("source.schedule.every", "says nothing; minutes or hours is expected")),
        }),
        proto::Frequency::Daily(v1::DailySchedule { at, time_zone }) => Frequency::Daily(Daily {
            at: time("source.schedule.daily", &at)?,
            time_zone: zone("source.schedule.daily", &time_zone)?,
        }),
        proto::Frequency::Weekly(v1::WeeklySchedule { days, at, time_zone }) => Frequency::Weekly(Weekly {
            days: days.into_iter().map(weekday_from).collect::<Result<_, _>>()?,
            at: time("source.schedule.weekly", &at)?,
            time_zone: zone("source.schedule.weekly", &time_zone)?,
        }),
        proto::Frequency::Monthly(v1::MonthlySchedule { on, at, time_zone }) => Frequency::Monthly(Monthly {
            day: match on {
                Some(monthly_schedule::On::LastDay(true)) => DayOfMonth::Last,
                Some(monthly_schedule::On::Day(day)) => DayOfMonth::new(day.into())
                    .map_err(|problem| bad("source.schedule.monthly.day", problem))?,
                Some(monthly_schedule::On::LastDay(false)) | None => {
                    let problem = "says nothing; day or last_day is expected";
                    return Err(bad("source.schedule.monthly", problem));
                }
            },
            at: time("source.schedule.monthly", &at)?,
            time_zone: zone("source.schedule.monthly", &time_zone)?,
        }),
        proto::Frequency::Cron(v1::CronSchedule { expression, time_zone }) => Frequency::Cron(Cron {
            expression: read("source.schedule.cron", "expression", &expression)?,
            time_zone: zone("source.schedule.cron", &time_zone)?,
        }),
    };
    Ok(Schedule { frequency, run_missed, jitter_minutes })
}

fn read<T: FromStr<Err = String>>(message: &str, field: &str, text: &str) -> Result<T, EngineError> {
    text.parse().map_err(|problem| bad(&format!("{message}.{field}"), problem))
}

fn time(message: &str, text: &str) -> Result<TimeOfDay, EngineError> {
    read(message, "at", text)
}

fn zone(message: &str, text: &str) -> Result<TimeZoneName, EngineError> {
    read(message, "time_zone", text)
}

fn weekday(day: DayOfWeek) -> v1::DayOfWeek {
    match day {
        DayOfWeek::Monday => v1::DayOfWeek::Monday,
        DayOfWeek::Tuesday => v1::DayOfWeek::Tuesday,
        DayOfWeek::Wednesday => v1::DayOfWeek::Wednesday,
        DayOfWeek::Thursday => v1::DayOfWeek::Thursday,
        DayOfWeek::Friday => v1::DayOfWeek::Friday,
        DayOfWeek::Saturday => v1::DayOfWeek::Saturday,
        DayOfWeek::Sunday => v1::DayOfWeek::Sunday,
    }
}

fn weekday_from(day: i32) -> Result<DayOfWeek, EngineError> {
    Ok(match v1::DayOfWeek::try_from(day).unwrap_or_default() {
        v1::DayOfWeek::Monday => DayOfWeek::Monday,
        v1::DayOfWeek::Tuesday => DayOfWeek::Tuesday,
        v1::DayOfWeek::Wednesday => DayOfWeek::Wednesday,
        v1::DayOfWeek::Thursday => DayOfWeek::Thursday,
        v1::DayOfWeek::Friday => DayOfWeek::Friday,
        v1::DayOfWeek::Saturday => DayOfWeek::Saturday,
        v1::DayOfWeek::Sunday => DayOfWeek::Sunday,
        v1::DayOfWeek::Unspecified => {
            return Err(bad("source.schedule.weekly.days", format!("{day} is not a day of the week")));
        }
    })
}
