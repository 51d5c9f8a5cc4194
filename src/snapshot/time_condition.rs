//! Time conditions, parsed: is it business hours, is it a holiday?
//!
//! Everything is told by the clock on the wall of the condition's time zone, so daylight saving needs no
//! rule: an hour that comes twice counts twice, one that is left out never comes. A time that goes on past
//! midnight (`fri 22:00-06:00`) belongs to the day on which it begins.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::RouteError;
use super::pattern::Found;
use crate::settings::{ALWAYS, TimeCondition, TimeZoneName, folded_name};

/// Most entries that `hours` or `dates` can have.
pub const MAX_ENTRIES: usize = 1000;

const MINUTES_A_DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EXPECTED_DAY: &str = "a day: mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri";
const EXPECTED_TIME: &str = "a time of the day such as 09:00, up to 24:00";
const EXPECTED_DATE: &str = "a date such as 2026-12-24, or each year 12-24";

/// A time condition, ready.
#[derive(Debug, Clone)]
pub struct CompiledTimeCondition {
    name: String,
    time_zone: TimeZoneName,
    rules: Box<[TimeRule]>,
}

/// One entry of `hours` or `dates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRule {
    text: Box<str>,
    days: Days,
    /// Minutes from midnight: from, and up to but without. When `to` is not above `from`, it is of the next day.
    from: u16,
    to: u16,
}

/// The days on which a rule begins to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// Bit 0 for Monday to bit 6 for Sunday.
    OfWeek(u8),
    /// From the first to the last.
    Dates(Date, Date),
    /// The same each year, month and day; over New Year when the last is before the first.
    EachYear((i8, i8), (i8, i8)),
}

/// Why a text is not an entry, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found} at byte {position}, expected {expected}")]
pub struct TimeRuleError {
    /// Byte in the text, from 0; the length of the text when it ends too early.
    pub position: usize,
    /// What is there.
    pub found: Found,
    /// What could be there instead.
    pub expected: &'static str,
}

impl CompiledTimeCondition {
    /// Checks and parses a condition.
    pub fn compile(condition: &TimeCondition) -> Result<Self, RouteError> {
        let TimeCondition { name, time_zone: zone, hours, dates } = condition;
        let wrong = |field: String, problem: String| RouteError {
            subject: format!("time condition {name:?}"),
            field,
            problem,
        };
        if folded_name(name) == ALWAYS {
            let problem = format!("{ALWAYS:?} is the name of the condition that always holds; take another");
            return Err(wrong("name".into(), problem));
        }
        let time_zone: TimeZoneName = zone.parse().map_err(|problem| wrong("time_zone".into(), problem))?;
        if hours.is_empty() && dates.is_empty() {
            let problem = "it has neither hours nor dates, so it would never hold".to_owned();
            return Err(wrong("hours".into(), problem));
        }
        let mut rules = Vec::with_capacity(hours.len() + dates.len());
        type Parser = fn(&str) -> Result<TimeRule, TimeRuleError>;
        let parsers: [(&str, &Vec<String>, Parser); 2] =
            [("hours", hours, TimeRule::parse_hours), ("dates", dates, TimeRule::parse_dates)];
        for (field, texts, parse) in parsers {
            if texts.len() > MAX_ENTRIES {
                let problem = format!("it has {} values, {MAX_ENTRIES} at most are possible", texts.len());
                return Err(wrong(field.to_owned(), problem));
            }
            for (place, text) in texts.iter().enumerate() {
                let rule = parse(text)
                    .map_err(|error| wrong(format!("{field}[{place}]"), format!("{text:?}: {error}")))?;
                rules.push(rule);
            }
        }
        Ok(CompiledTimeCondition { name: name.clone(), time_zone, rules: rules.into() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its time zone.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZoneName {
        &self.time_zone
    }

    /// What the clock on the wall shows.
    #[must_use]
    pub fn local_time(&self, at: Timestamp) -> DateTime {
        self.time_zone.zone().to_datetime(at)
    }

    /// The first rule by which it holds.
    #[must_use]
    pub fn rule_at(&self, at: Timestamp) -> Option<&TimeRule> {
        let local = self.local_time(at);
        self.rules.iter().find(|rule| rule.holds(local))
    }

    /// Whether it can hold at that time or later.
    #[must_use]
    pub fn can_still_hold(&self, at: Timestamp) -> bool {
        let today = self.local_time(at).date();
        self.rules.iter().any(|rule| match rule.days {
            Days::Dates(_, last) => last >= today || last.tomorrow().is_ok_and(|day| day >= today),
            Days::OfWeek(_) | Days::EachYear(..) => true,
        })
    }
}

/// The entry as written.
impl fmt::Display for TimeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TimeRule {
    /// Reads an entry of `hours`: days, times, or days and times.
    pub fn parse_hours(text: &str) -> Result<Self, TimeRuleError> {
        let mut reader = Reader::new(text);
        let mut days = 0;
        if reader.peek().is_some_and(|character| character.is_ascii_digit()) {
            days = 0b111_1111;
        } else {
            loop {
                let first = reader.take_day()?;
                let last = if reader.take_if('-') { reader.take_day()? } else { first };
                // `sat-mon` goes on past Sunday.
                (0..=(last + 7 - first) % 7).for_each(|more| days |= 1 << ((first + more) % 7));
                if !reader.take_if(',') {
                    break;
                }
                reader.skip_blanks();
            }
        }
        let (from, to) = reader.take_times_to_the_end()?;
        Ok(TimeRule { text: text.into(), days: Days::OfWeek(days), from, to })
    }

    /// Reads an entry of `dates`: one or a range of them, and times if not the whole days are meant.
    pub fn parse_dates(text: &str) -> Result<Self, TimeRuleError> {
        let mut reader = Reader::new(text);
        let first = reader.take_date()?;
        let before = reader.clone();
        let last = if reader.take_text("..") { reader.take_date()? } else { first };
        let days = match (first, last) {
            (WrittenDate::Full(first), WrittenDate::Full(last)) if first <= last => Days::Dates(first, last),
            (WrittenDate::EachYear(first), WrittenDate::EachYear(last)) => Days::EachYear(first, last),
            (WrittenDate::Full(_), _) => {
                return before.refuse(".. and a date of the same form, which is not before the first");
            }
            (WrittenDate::EachYear(_), _) => {
                return before.refuse(".. and a date without a year, such as 12-26");
            }
        };
        let (from, to) = reader.take_times_to_the_end()?;
        Ok(TimeRule { text: text.into(), days, from, to })
    }

    /// Whether it holds when the clock on the wall shows this.
    #[must_use]
    pub fn holds(&self, local: DateTime) -> bool {
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let today = local.date();
        if self.from < self.to {
            return (self.from..self.to).contains(&minute) && self.days.has(today);
        }
        minute >= self.from && self.days.has(today)
            || minute < self.to && today.yesterday().is_ok_and(|yesterday| self.days.has(yesterday))
    }
}

impl Days {
    fn has(self, date: Date) -> bool {
        match self {
            Days::OfWeek(days) => days >> date.weekday().to_monday_zero_offset() & 1 == 1,
            Days::Dates(first, last) => (first..=last).contains(&date),
            Days::EachYear(first, last) => {
                let day = (date.month(), date.day());
                if first <= last { first <= day && day <= last } else { first <= day || day <= last }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum WrittenDate {
    Full(Date),
    EachYear((i8, i8)),
}

/// The text, and how far it has been read.
#[derive(Clone)]
struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = Reader { text, position: 0 };
        reader.skip_blanks();
        reader
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn refuse<T>(&self, expected: &'static str) -> Result<T, TimeRuleError> {
        let found = self.peek().map_or(Found::End, Found::Character);
        Err(TimeRuleError { position: self.position, found, expected })
    }

    fn skip_blanks(&mut self) {
        self.position = self.text.len() - self.rest().trim_start().len();
    }

    fn take_text(&mut self, text: &str) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.position += text.len();
        }
        is_there
    }

    fn take_if(&mut self, character: char) -> bool {
        self.take_text(character.encode_utf8(&mut [0; 4]))
    }

    /// Exactly so many digits.
    fn take_digits(&mut self, count: usize, expected: &'static str) -> Result<i16, TimeRuleError> {
        let start = self.clone();
        let digits = self.rest().get(..count).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits else { return start.refuse(expected) };
        self.position += count;
        // At most four digits.
        Ok(digits.parse().unwrap_or_default())
    }

    fn take_day(&mut self) -> Result<u8, TimeRuleError> {
        let word = self.rest().get(..3).unwrap_or_default().to_ascii_lowercase();
        let Some(day) = DAYS.iter().position(|day| *day == word) else { return self.refuse(EXPECTED_DAY) };
        self.position += 3;
        Ok(day as u8)
    }

    fn take_date(&mut self) -> Result<WrittenDate, TimeRuleError> {
        let start = self.clone();
        let has_year = self.rest().get(..4).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()));
        let mut year = None;
        if has_year {
            year = Some(self.take_digits(4, EXPECTED_DATE)?);
            if !self.take_if('-') {
                return self.refuse(EXPECTED_DATE);
            }
        }
        let month = self.take_digits(2, EXPECTED_DATE)? as i8;
        if !self.take_if('-') {
            return self.refuse(EXPECTED_DATE);
        }
        let day = self.take_digits(2, EXPECTED_DATE)? as i8;
        // A leap year has every day that a year can have.
        match Date::new(year.unwrap_or(2000), month, day) {
            Ok(date) if year.is_some() => Ok(WrittenDate::Full(date)),
            Ok(_) => Ok(WrittenDate::EachYear((month, day))),
            Err(_) => start.refuse("a date that the calendar has"),
        }
    }

    /// Minutes from midnight.
    fn take_time(&mut self) -> Result<u16, TimeRuleError> {
        let start = self.clone();
        let hour = self.take_digits(2, EXPECTED_TIME)?.unsigned_abs();
        if !self.take_if(':') {
            return self.refuse(EXPECTED_TIME);
        }
        let minute = self.take_digits(2, EXPECTED_TIME)?.unsigned_abs();
        let time = hour * 60 + minute;
        if minute > 59 || time > MINUTES_A_DAY {
            return start.refuse(EXPECTED_TIME);
        }
        Ok(time)
    }

    /// From and to; the whole day when the text ends here.
    fn take_times_to_the_end(&mut self) -> Result<(u16, u16), TimeRuleError> {
        self.skip_blanks();
        if self.rest().is_empty() {
            return Ok((0, MINUTES_A_DAY));
        }
        let start = self.clone();
        let from = self.take_time()?;
        if from == MINUTES_A_DAY {
            return start.refuse("a time to begin at, before 24:00");
        }
        if !self.take_if('-') {
            return self.refuse("- and the time at which it ends");
        }
        let before = self.clone();
        let to = self.take_time()?;
        if to == from {
            return before.refuse("another time than the one it begins at: the whole day is 00:00-24:00");
        }
        self.skip_blanks();
        if !self.rest().is_empty() {
            return self.refuse("the end: one entry has one pair of times");
        }
        Ok((from, to))
    }
}
