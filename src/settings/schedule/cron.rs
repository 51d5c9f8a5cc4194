//! Cron expressions, as POSIX has them: minute, hour, day, month and day of the week, with steps (`*/15`, `8-18/2`)
//! and names (`mon-fri`, `jan`).
//!
//! When both the day and the day of the week are restricted, that is, not `*`, a day that is either will do.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::settings::written_as_text;
use jiff::civil::{Date, Time};

/// Longest expression: every value of every field, listed.
const MAX_CHARACTERS: usize = 512;

/// When it is due, as five fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    // Bit N of each is the value N.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

written_as_text!(CronExpression);

struct Field {
    name: &'static str,
    range: RangeInclusive<u8>,
    /// Of the values from the range's first.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, names: &[] },
    Field { name: "hour", range: 0..=23, names: &[] },
    Field { name: "day", range: 1..=31, names: &[] },
    Field {
        name: "month",
        range: 1..=12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // 7 is Sunday too.
    Field {
        name: "day of the week",
        range: 0..=7,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];

/// The most days that each month may have.
const LONGEST_MONTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn has(bits: u64, value: i8) -> bool {
    bits >> value & 1 == 1
}

impl CronExpression {
    /// Whether it is due on a day at all.
    #[must_use]
    pub fn is_on(&self, date: Date) -> bool {
        let is_day = has(self.days, date.day());
        let is_weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let fits = match (self.any_day, self.any_weekday) {
            (false, false) => is_day || is_weekday,
            _ => is_day && is_weekday,
        };
        fits && has(self.months, date.month())
    }

    /// When it is due on such a day, in order.
    pub fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let values = |bits: u64, most: i8| (0..=most).filter(move |value| has(bits, *value));
        values(self.hours, 23)
            .flat_map(move |hour| values(self.minutes, 59).map(move |minute| (hour, minute)))
            .filter_map(|(hour, minute)| Time::new(hour, minute, 0, 0).ok())
    }

    /// Whether there is such a day in any year.
    fn ever_comes(&self) -> bool {
        let in_a_month = |(month, longest): (usize, u8)| {
            has(self.months, month as i8 + 1) && (1..=longest as i8).any(|day| has(self.days, day))
        };
        !self.any_weekday && !self.any_day || LONGEST_MONTHS.into_iter().enumerate().any(in_a_month)
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for CronExpression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(format!("a cron expression has at most {MAX_CHARACTERS} characters"));
        }
        let fields = fields_of(text);
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!(
                "{text:?} has {} fields; a cron expression has five: minute, hour, day, month, day of the week",
                fields.len()
            ));
        };
        let [minute, hour, day, month, weekday] = &FIELDS;
        let expression = CronExpression {
            text: fields.iter().map(|(_, field)| *field).collect::<Vec<_>>().join(" "),
            minutes: minute.read(minutes)?,
            hours: hour.read(hours)?,
            days: day.read(days)?,
            months: month.read(months)?,
            weekdays: weekday.read(weekdays).map(|bits| bits & 0x7f | bits >> 7)?,
            any_day: days.1 == "*",
            any_weekday: weekdays.1 == "*",
        };
        match expression.ever_comes() {
            true => Ok(expression),
            false => Err(format!("{text:?} never comes: no such month has such a day")),
        }
    }
}

/// The fields, each with the place of its first character, from 1.
fn fields_of(text: &str) -> Vec<(usize, &str)> {
    let mut column = 1;
    let mut fields = Vec::new();
    for part in text.split(char::is_whitespace) {
        if !part.is_empty() {
            fields.push((column, part));
        }
        column += part.chars().count() + 1;
    }
    fields
}

impl Field {
    /// Reads a list of values, ranges and steps, and where it begins.
    fn read(&self, (mut column, text): (usize, &str)) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self
                .part(part)
                .map_err(|problem| format!("character {column}, {} {part:?}: {problem}", self.name))?;
            column += part.chars().count() + 1;
        }
        Ok(bits)
    }

    fn part(&self, part: &str) -> Result<u64, String> {
        let (values, step) = match part.split_once('/') {
            None => (part, 1),
            Some((values, step)) => (values, self.step(step)?),
        };
        let range = match values.split_once('-') {
            _ if values == "*" => self.range.clone(),
            Some((first, last)) => self.value(first)?..=self.value(last)?,
            None if step > 1 => {
                return Err("a step needs something to go through, such as */15 or 8-18/2".to_owned());
            }
            None => self.value(values)?..=self.value(values)?,
        };
        if range.is_empty() {
            return Err("ends before it begins".to_owned());
        }
        Ok(range.step_by(step.into()).fold(0, |bits, value| bits | 1 << value))
    }

    fn step(&self, text: &str) -> Result<u8, String> {
        let most = *self.range.end();
        number(text)
            .filter(|step| (1..=most).contains(step))
            .ok_or(format!("the step is a number, 1 to {most}"))
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = named.and_then(|place| u8::try_from(place).ok()).map(|place| self.range.start() + place);
        value.or_else(|| number(text)).filter(|value| self.range.contains(value)).ok_or_else(|| {
            let names = match self.names {
                [first, .., last] => format!(" or {first} to {last}"),
                _ => String::new(),
            };
            format!("{} to {}{names} is expected", self.range.start(), self.range.end())
        })
    }
}

/// Digits only: no sign, no spaces.
fn number(text: &str) -> Option<u8> {
    let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
