//! When a source is due next: a pure function of its schedule and a moment.
//!
//! A time of day comes when the clock on the wall, in the schedule's time zone, first shows that time or a later
//! one. So a time that a change to summer time leaves out comes once, at the moment of the change; a time that the
//! clock shows twice comes once, the first time; and times that are left out together come together, as one run.
//!
//! What is due every so many minutes is so on the same round moments (counted from the beginning of 1970 in UTC)
//! whoever asks, whatever has been run meanwhile, and without regard to time zones.

#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::settings::{Cron, Daily, DayOfMonth, Frequency, Interval, Monthly, Schedule, Weekly, folded_name};

/// No schedule skips more: 29 February, across a year such as 2100 that is no leap year.
const LONGEST_WAIT_DAYS: usize = 8 * 366;

/// The first moment after `after` at which a source is due. `seed` makes the jitter of one installation another
/// than that of the next. `None` when time ends before.
#[must_use]
pub fn next_run(schedule: &Schedule, source: &str, seed: u64, after: Timestamp) -> Option<Timestamp> {
    let delay = jitter(schedule.jitter_minutes, source, seed);
    let after = after.checked_sub(delay).ok()?;
    let next = match &schedule.frequency {
        Frequency::Every(interval) => next_round(*interval, after),
        Frequency::Daily(Daily { at, time_zone }) => {
            next_on(time_zone.zone(), after, |_| true, || [at.time()].into_iter())
        }
        Frequency::Weekly(Weekly { days, at, time_zone }) => {
            let is_on = |date: Date| days.iter().any(|day| day.weekday() == date.weekday());
            next_on(time_zone.zone(), after, is_on, || [at.time()].into_iter())
        }
        Frequency::Monthly(Monthly { day, at, time_zone }) => {
            next_on(time_zone.zone(), after, |date| is_day(*day, date), || [at.time()].into_iter())
        }
        Frequency::Cron(Cron { expression, time_zone }) => {
            next_on(time_zone.zone(), after, |date| expression.is_on(date), || expression.times())
        }
    };
    next?.checked_add(delay).ok()
}

/// By how much the runs of a source are put off: always the same.
fn jitter(minutes: u32, source: &str, seed: u64) -> SignedDuration {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(folded_name(source).as_bytes());
    let mut drawn = [0; 8];
    hasher.finalize_xof().fill(&mut drawn);
    let seconds = u64::from_le_bytes(drawn) % (u64::from(minutes) * 60 + 1);
    SignedDuration::from_secs(seconds as i64)
}

fn is_day(wanted: DayOfMonth, date: Date) -> bool {
    match wanted {
        DayOfMonth::Day(day) => date.day() == day.min(date.days_in_month()),
        DayOfMonth::Last => date.day() == date.days_in_month(),
    }
}

fn next_round(interval: Interval, after: Timestamp) -> Option<Timestamp> {
    let seconds = i64::from(interval.minutes().max(1)) * 60;
    Timestamp::from_second((after.as_second().div_euclid(seconds) + 1) * seconds).ok()
}

/// The first moment after `after` that is one of `times`, in order, on a day that `is_on`.
fn next_on<T: Iterator<Item = Time>>(
    zone: &TimeZone,
    after: Timestamp,
    is_on: impl Fn(Date) -> bool,
    times: impl Fn() -> T,
) -> Option<Timestamp> {
    let now = zone.to_datetime(after);
    let mut date = now.date();
    for _ in 0..=LONGEST_WAIT_DAYS {
        if is_on(date) {
            // What the clock shows now, or showed before, has come already. In an hour that comes a second time,
            // so has what it will show: hence the second look.
            let to_come = times().map(|time| date.to_datetime(time)).filter(|time| *time > now);
            let moment = to_come.filter_map(|time| first_shown(zone, time)).find(|moment| *moment > after);
            if moment.is_some() {
                return moment;
            }
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// When the clock on the wall first shows a time or a later one.
fn first_shown(zone: &TimeZone, time: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let AmbiguousOffset::Gap { after, .. } = ambiguous.offset() else { return ambiguous.earlier().ok() };
    // The left-out time by the new clock is a moment before the change, by the old one at it or after it.
    let before_change = after.to_timestamp(time).ok()?;
    let mut changes = zone.following(before_change);
    changes.find(|change| change.offset() == after).map(|change| change.timestamp())
}
