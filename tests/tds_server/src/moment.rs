//! Dates and times: one form in SQLite, several on the wire, and the styles of CONVERT.
//!
//! In SQLite a moment is text of one form per type, `2024-02-29 13:45:06.789 +02:00` at most, so that texts of one
//! column sort as the moments do.

use crate::sql_type::SqlType;

/// A date, a time of day and a distance to UTC; whichever the type does not have is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// Days since the first of January of the year 1.
    pub(crate) day: i32,
    /// Tenths of microseconds since midnight.
    pub(crate) ticks: i64,
    /// Minutes east of UTC.
    pub(crate) offset: i16,
}

/// Ticks of a second.
pub(crate) const SECOND: i64 = 10_000_000;
/// Ticks of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// The first of January 1900, where `datetime` begins to count.
pub(crate) const DAY_1900: i32 = 693_595;
/// The first of January 1753, where `datetime` begins.
const DAY_1753: i32 = 639_905;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The day of a date of the Gregorian calendar, if there is one.
pub(crate) fn day_of(year: i32, month: i32, day: i32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=9999).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    let months = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_day = i32::from(leap && month > 2);
    Some(years + months[usize::try_from(month - 1).ok()?] + leap_day + day - 1)
}

/// Year, month and day.
pub(crate) fn date_of(day: i32) -> (i32, i32, i32) {
    // Years begin in March here, so that the leap day is the last one.
    let from_march = day + 306;
    let era = from_march.div_euclid(146_097);
    let of_era = from_march.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i32::from(month <= 2), month, date)
}

impl Moment {
    /// The moment in a text: ISO, with or without time and distance to UTC, `20240229`, or `Feb 29 2024 1:45PM`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Self { day: DAY_1900, ..Self::default() });
        }
        let (date, rest) = take_date(text)?;
        let rest = rest.trim_start_matches(['T', 't']).trim();
        let (day, has_date) = match date {
            Some(day) => (day, true),
            None => (DAY_1900, false),
        };
        if rest.is_empty() {
            return has_date.then_some(Self { day, ..Self::default() });
        }
        let (ticks, offset) = take_time(rest)?;
        Some(Self { day, ticks, offset })
    }

    /// As near as the type comes: rounded, and without what it has not. `None` when out of its range.
    pub(crate) fn fit(self, to: SqlType) -> Option<Self> {
        let rounded = match to {
            SqlType::Date => Self { ticks: 0, offset: 0, ..self },
            SqlType::Time(scale) => {
                let rounded = self.round(unit(scale));
                Self { day: DAY_1900, offset: 0, ticks: rounded.ticks }
            }
            SqlType::DateTime => {
                let three_hundredths = (self.ticks * 300 + SECOND / 2) / SECOND;
                // Shown as whole milliseconds: 3, 7, 10, 13 …
                let ticks = (three_hundredths * 10 + 1) / 3 * (SECOND / 1000);
                Self { ticks, offset: 0, ..self }.carry()
            }
            SqlType::SmallDateTime => Self { offset: 0, ..self }.round(60 * SECOND),
            SqlType::DateTime2(scale) => Self { offset: 0, ..self }.round(unit(scale)),
            SqlType::DateTimeOffset(scale) => self.round(unit(scale)),
            _ => self,
        };
        let in_range = match to {
            SqlType::DateTime => rounded.day >= DAY_1753,
            SqlType::SmallDateTime => (DAY_1900..DAY_1900 + 65_536).contains(&rounded.day),
            _ => true,
        };
        (in_range && (0..=3_652_058).contains(&rounded.day)).then_some(rounded)
    }

    fn round(self, unit: i64) -> Self {
        Self { ticks: (self.ticks + unit / 2) / unit * unit, ..self }.carry()
    }

    fn carry(self) -> Self {
        if self.ticks < DAY { self } else { Self { ticks: self.ticks - DAY, day: self.day + 1, ..self } }
    }

    /// The form that SQLite keeps.
    pub(crate) fn stored(self, as_type: SqlType) -> String {
        let date = self.date("-");
        match as_type {
            SqlType::Date => date,
            SqlType::Time(scale) => self.time(scale),
            SqlType::SmallDateTime => format!("{date} {}", self.time(0)),
            SqlType::DateTime => format!("{date} {}", self.time(3)),
            SqlType::DateTimeOffset(scale) => format!("{date} {} {}", self.time(scale), self.zone()),
            _ => format!("{date} {}", self.time(as_type.scale())),
        }
    }

    /// As text of a style of CONVERT. `None`: there is no such style.
    pub(crate) fn styled(self, from: SqlType, style: i64) -> Option<String> {
        let (year, month, date) = date_of(self.day);
        let short = year % 100;
        let fraction = if from == SqlType::SmallDateTime { 0 } else { from.scale() };
        let seconds = self.ticks / SECOND;
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        let (twelve, half) =
            (if hour % 12 == 0 { 12 } else { hour % 12 }, if hour < 12 { "AM" } else { "PM" });
        let has_date = !matches!(from, SqlType::Time(_));
        let has_time = from != SqlType::Date;
        let zone = matches!(from, SqlType::DateTimeOffset(_));
        let join = |date: String, time: String, between: &str| match (has_date, has_time) {
            (true, true) => format!("{date}{between}{time}"),
            (true, false) => date,
            _ => time,
        };
        let name = MONTHS[usize::try_from(month - 1).ok()?];
        // In the two ISO styles a fraction of zero is not shown.
        let iso_fraction = if self.ticks % SECOND == 0 { 0 } else { fraction };
        let text = match style {
            0 | 100 if matches!(from, SqlType::Date) => self.date("-"),
            0 | 100 => match from {
                SqlType::DateTime2(_) | SqlType::DateTimeOffset(_) | SqlType::Time(_) if style == 0 => {
                    let text = join(self.date("-"), self.time(fraction), " ");
                    if zone { format!("{text} {}", self.zone()) } else { text }
                }
                _ => join(format!("{name} {date:>2} {year}"), format!("{twelve:>2}:{minute:02}{half}"), " "),
            },
            1 => format!("{month:02}/{date:02}/{short:02}"),
            101 => format!("{month:02}/{date:02}/{year:04}"),
            2 => format!("{short:02}.{month:02}.{date:02}"),
            102 => format!("{year:04}.{month:02}.{date:02}"),
            3 => format!("{date:02}/{month:02}/{short:02}"),
            103 => format!("{date:02}/{month:02}/{year:04}"),
            4 => format!("{date:02}.{month:02}.{short:02}"),
            104 => format!("{date:02}.{month:02}.{year:04}"),
            105 => format!("{date:02}-{month:02}-{year:04}"),
            106 => format!("{date:02} {name} {year:04}"),
            107 => format!("{name} {date:02}, {year:04}"),
            8 | 24 | 108 => self.time(0),
            110 => format!("{month:02}-{date:02}-{year:04}"),
            11 => format!("{short:02}/{month:02}/{date:02}"),
            111 => format!("{year:04}/{month:02}/{date:02}"),
            12 => format!("{short:02}{month:02}{date:02}"),
            112 => self.date(""),
            14 | 114 => self.time(fraction.max(3)).replacen('.', ":", 1),
            20 | 120 => {
                let text = join(self.date("-"), self.time(0), " ");
                if zone { format!("{text} {}", self.zone()) } else { text }
            }
            21 | 25 | 121 => {
                let text = join(
                    self.date("-"),
                    self.time(fraction.max(if from == SqlType::SmallDateTime { 3 } else { 0 })),
                    " ",
                );
                if zone { format!("{text} {}", self.zone()) } else { text }
            }
            23 => self.date("-"),
            126 => {
                let text = join(self.date("-"), self.time(iso_fraction), "T");
                if zone { format!("{text}{}", self.zone()) } else { text }
            }
            127 => {
                let utc = self.utc();
                let text = join(utc.date("-"), utc.time(iso_fraction), "T");
                if zone { format!("{text}Z") } else { text }
            }
            _ => return None,
        };
        Some(text)
    }

    /// The same moment in UTC.
    pub(crate) fn utc(self) -> Self {
        let ticks = self.ticks - i64::from(self.offset) * 60 * SECOND;
        let days = i32::try_from(ticks.div_euclid(DAY)).unwrap_or(0);
        Self { day: self.day + days, ticks: ticks.rem_euclid(DAY), offset: 0 }
    }

    fn date(self, between: &str) -> String {
        let (year, month, date) = date_of(self.day);
        format!("{year:04}{between}{month:02}{between}{date:02}")
    }

    fn time(self, fraction: u8) -> String {
        let seconds = self.ticks / SECOND;
        let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction == 0 {
            return whole;
        }
        let digits = format!("{:07}", self.ticks % SECOND);
        format!("{whole}.{}", &digits[..usize::from(fraction.min(7))])
    }

    fn zone(self) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", self.offset.abs() / 60, self.offset.abs() % 60)
    }
}

/// Ticks of the last digit.
fn unit(scale: u8) -> i64 {
    10_i64.pow(u32::from(7 - scale.min(7)))
}

/// The date at the front of a text, when there is one, and what follows.
fn take_date(text: &str) -> Option<(Option<i32>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 8 {
        let number: i32 = text[..8].parse().ok()?;
        return Some((Some(day_of(number / 10_000, number / 100 % 100, number % 100)?), &text[8..]));
    }
    if digits == 0 {
        return take_named_month(text);
    }
    let separator = text[digits..].chars().next();
    if separator == Some(':') || separator.is_none() && digits < 4 {
        return Some((None, text));
    }
    if !matches!(separator, Some('-' | '/' | '.')) {
        return None;
    }
    let end = text.find([' ', 'T', 't']).unwrap_or(text.len());
    let parts: Vec<i32> =
        text[..end].split(['-', '/', '.']).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [first, second, third] = parts[..] else { return None };
    let day = if digits == 4 { day_of(first, second, third)? } else { day_of(third, first, second)? };
    Some((Some(day), &text[end..]))
}

fn take_named_month(text: &str) -> Option<(Option<i32>, &str)> {
    let mut rest = text;
    let mut word = || {
        let trimmed = rest.trim_start();
        let end = trimmed.find([' ', ',']).unwrap_or(trimmed.len());
        rest = trimmed[end..].trim_start_matches(',');
        &trimmed[..end]
    };
    let month = word();
    let month = MONTHS
        .iter()
        .position(|name| month.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    let date = word().parse().ok()?;
    let year = word().parse().ok()?;
    Some((Some(day_of(year, i32::try_from(month).ok()? + 1, date)?), rest))
}

/// Ticks and distance to UTC of `13:45`, `1:45:06.789 PM +02:00`, `13:45Z`.
fn take_time(text: &str) -> Option<(i64, i16)> {
    let (time, offset) = if let Some(time) = text.strip_suffix(['Z', 'z']) {
        (time, 0)
    } else if let Some(at) = text.rfind(['+', '-']) {
        let (hours, minutes) = text[at + 1..].split_once(':')?;
        let minutes = hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?;
        if minutes > 14 * 60 {
            return None;
        }
        (&text[..at], if text[at..].starts_with('-') { -minutes } else { minutes })
    } else {
        (text, 0)
    };
    let time = time.trim().to_ascii_uppercase();
    let (time, half) = match (time.strip_suffix("AM"), time.strip_suffix("PM")) {
        (Some(time), _) => (time.trim(), Some(0)),
        (_, Some(time)) => (time.trim(), Some(12)),
        _ => (time.as_str(), None),
    };
    let mut parts = time.split(':');
    let mut hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let digits = format!("{fraction:0<7}");
            let kept: i64 = digits[..7].parse().ok()?;
            let round_up = i64::from(digits[7..].bytes().next().is_some_and(|byte| byte >= b'5'));
            (whole.parse().ok()?, kept + round_up)
        }
    };
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + half;
    }
    if parts.next().is_some()
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..60).contains(&second)
    {
        return None;
    }
    Some(((hour * 3600 + minute * 60 + second) * SECOND + fraction, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_date() {
        assert_eq!(day_of(1, 1, 1), Some(0));
        assert_eq!(day_of(1900, 1, 1), Some(DAY_1900));
        assert_eq!(day_of(1753, 1, 1), Some(DAY_1753));
        assert_eq!(day_of(9999, 12, 31), Some(3_652_058));
        for day in 0..=3_652_058 {
            let (year, month, date) = date_of(day);
            assert_eq!(day_of(year, month, date), Some(day));
        }
    }

    #[test]
    fn dates_that_are_none() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "10000-01-01",
            "20240231",
            "yesterday",
            "24:00",
            "12:60",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_moment_in_many_forms() {
        let moment = Moment { day: 738_944, ticks: (13 * 3600 + 45 * 60 + 6) * SECOND, offset: 0 };
        for text in [
            "2024-02-29 13:45:06",
            "2024-02-29T13:45:06Z",
            "20240229 13:45:06.000",
            "02/29/2024 1:45:06 PM",
            "Feb 29, 2024 01:45:06PM",
        ] {
            assert_eq!(Moment::parse(text), Some(moment), "{text}");
        }
        let east = Moment::parse("2024-02-29 13:45:06 +05:30");
        assert_eq!(east, Some(Moment { offset: 330, ..moment }));
        assert_eq!(east.map(|east| east.utc().ticks), Some(moment.ticks - 330 * 60 * SECOND));
    }

    #[test]
    fn a_datetime_counts_three_hundredths_of_a_second() {
        let fitted = |text: &str| {
            Moment::parse(text)
                .and_then(|moment| moment.fit(SqlType::DateTime))
                .map(|moment| moment.stored(SqlType::DateTime))
        };
        assert_eq!(fitted("2024-01-01 00:00:00.001").as_deref(), Some("2024-01-01 00:00:00.000"));
        assert_eq!(fitted("2024-01-01 00:00:00.002").as_deref(), Some("2024-01-01 00:00:00.003"));
        assert_eq!(fitted("2024-01-01 00:00:00.005").as_deref(), Some("2024-01-01 00:00:00.007"));
        assert_eq!(fitted("2023-12-31 23:59:59.999").as_deref(), Some("2024-01-01 00:00:00.000"));
        assert_eq!(fitted("1752-12-31"), None);
    }
}
