//! Data Synchronization Frequency, as the fields of a form and back.

use crate::console::form::Form;
use crate::settings::{Cron, Daily, DayOfMonth, DayOfWeek, Frequency, Interval, Monthly, Schedule, Weekly};

pub(super) const DAYS: [(&str, &str, DayOfWeek); 7] = [
    ("monday", "Monday", DayOfWeek::Monday),
    ("tuesday", "Tuesday", DayOfWeek::Tuesday),
    ("wednesday", "Wednesday", DayOfWeek::Wednesday),
    ("thursday", "Thursday", DayOfWeek::Thursday),
    ("friday", "Friday", DayOfWeek::Friday),
    ("saturday", "Saturday", DayOfWeek::Saturday),
    ("sunday", "Sunday", DayOfWeek::Sunday),
];

/// What can be chosen: the value and its name.
pub(super) const FREQUENCIES: [(&str, &str); 7] = [
    ("none", "By hand only"),
    ("minutes", "Every few minutes"),
    ("hours", "Every few hours"),
    ("daily", "Daily"),
    ("weekly", "Weekly"),
    ("monthly", "Monthly"),
    ("cron", "By a cron expression"),
];

/// In a sentence.
pub(super) fn told(schedule: Option<&Schedule>) -> String {
    let Some(schedule) = schedule else { return "by hand only".to_owned() };
    match &schedule.frequency {
        Frequency::Every(Interval::Minutes(1)) => "every minute".to_owned(),
        Frequency::Every(Interval::Minutes(minutes)) => format!("every {minutes} minutes"),
        Frequency::Every(Interval::Hours(1)) => "every hour".to_owned(),
        Frequency::Every(Interval::Hours(hours)) => format!("every {hours} hours"),
        Frequency::Daily(Daily { at, time_zone }) => format!("daily at {at} ({time_zone})"),
        Frequency::Weekly(Weekly { days, at, time_zone }) => {
            let days: Vec<&str> =
                DAYS.iter().filter(|(.., day)| days.contains(day)).map(|(_, name, _)| *name).collect();
            format!("on {} at {at} ({time_zone})", days.join(", "))
        }
        Frequency::Monthly(Monthly { day, at, time_zone }) => {
            format!("monthly on day {} at {at} ({time_zone})", written_day(*day))
        }
        Frequency::Cron(Cron { expression, time_zone }) => format!("by cron: {expression} ({time_zone})"),
    }
}

fn written_day(day: DayOfMonth) -> String {
    match day {
        DayOfMonth::Day(day) => day.to_string(),
        DayOfMonth::Last => "last".to_owned(),
    }
}

pub(super) fn add(add: &mut impl FnMut(&str, String), schedule: Option<&Schedule>) {
    let Some(schedule) = schedule else { return add("schedule", "none".into()) };
    if schedule.run_missed {
        add("schedule.run_missed", "on".into());
    }
    if schedule.jitter_minutes > 0 {
        add("schedule.jitter_minutes", schedule.jitter_minutes.to_string());
    }
    let mut add_time = |kind: &str, at: String, zone: String| {
        add("schedule", kind.to_owned());
        add("schedule.at", at);
        add("schedule.time_zone", zone);
    };
    match &schedule.frequency {
        Frequency::Every(Interval::Minutes(minutes)) => {
            add("schedule", "minutes".into());
            add("schedule.every.minutes", minutes.to_string());
        }
        Frequency::Every(Interval::Hours(hours)) => {
            add("schedule", "hours".into());
            add("schedule.every.hours", hours.to_string());
        }
        Frequency::Daily(Daily { at, time_zone }) => add_time("daily", at.to_string(), time_zone.to_string()),
        Frequency::Weekly(Weekly { days, at, time_zone }) => {
            add_time("weekly", at.to_string(), time_zone.to_string());
            for (value, _, day) in DAYS {
                if days.contains(&day) {
                    add("schedule.weekly.days", value.to_owned());
                }
            }
        }
        Frequency::Monthly(Monthly { day, at, time_zone }) => {
            add_time("monthly", at.to_string(), time_zone.to_string());
            add("schedule.monthly.day", written_day(*day));
        }
        Frequency::Cron(Cron { expression, time_zone }) => {
            add_time("cron", String::new(), time_zone.to_string());
            add("schedule.cron.expression", expression.to_string());
        }
    }
}

/// `None` for by hand, and when something is wrong, which then stands at its field.
pub(super) fn read(form: &mut Form) -> Option<Schedule> {
    let frequency = match form.text("schedule") {
        "minutes" => {
            Frequency::Every(Interval::Minutes(form.number("schedule.every.minutes", "a number of minutes")?))
        }
        "hours" => {
            Frequency::Every(Interval::Hours(form.number("schedule.every.hours", "a number of hours")?))
        }
        "daily" => {
            let (at, time_zone) = (form.parse("schedule.at"), form.parse("schedule.time_zone"));
            Frequency::Daily(Daily { at: at?, time_zone: time_zone? })
        }
        "weekly" => {
            let (at, time_zone) = (form.parse("schedule.at"), form.parse("schedule.time_zone"));
            let chosen = DAYS.iter().filter(|(value, ..)| form.has("schedule.weekly.days", value));
            let days = chosen.map(|(.., day)| *day).collect();
            Frequency::Weekly(Weekly { days, at: at?, time_zone: time_zone? })
        }
        "monthly" => {
            let (at, time_zone) = (form.parse("schedule.at"), form.parse("schedule.time_zone"));
            let day = match form.text("schedule.monthly.day") {
                "last" => Ok(DayOfMonth::Last),
                day => day
                    .parse()
                    .map_err(|_| format!("{day:?} is not a day of a month; 1 to 31, or last, is expected"))
                    .and_then(DayOfMonth::new),
            };
            let day = day.map_err(|problem| form.fail("schedule.monthly.day", problem)).ok();
            Frequency::Monthly(Monthly { day: day?, at: at?, time_zone: time_zone? })
        }
        "cron" => {
            let (expression, time_zone) =
                (form.parse("schedule.cron.expression"), form.parse("schedule.time_zone"));
            Frequency::Cron(Cron { expression: expression?, time_zone: time_zone? })
        }
        _ => return None,
    };
    let jitter_minutes = match form.text("schedule.jitter_minutes") {
        "" => 0,
        _ => form.number("schedule.jitter_minutes", "a number of minutes")?,
    };
    Some(Schedule { frequency, run_missed: form.is_ticked("schedule.run_missed"), jitter_minutes })
}
