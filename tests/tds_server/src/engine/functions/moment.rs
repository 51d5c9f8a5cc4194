//! Functions of dates and times.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::{SAME, text, text_of, typed_argument};
use crate::engine::errors::carried;
use crate::hex::guid_text;
use crate::moment::{DAY, DAY_1900, Moment, SECOND, date_of, day_of};
use crate::token::ServerMessage;

fn moment(call: &Context<'_>, at: usize) -> rusqlite::Result<Option<Moment>> {
    let Some(text) = text(call, at)? else { return Ok(None) };
    Moment::parse(&text).map(Some).ok_or_else(|| {
        carried(&ServerMessage::error(
            241,
            "Conversion failed when converting date and/or time from character string.",
        ))
    })
}

/// Now, in UTC, which is this server's time zone.
fn now() -> Moment {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |duration| i64::try_from(duration.as_nanos() / 100).unwrap_or(0));
    let day_1970 = DAY_1900 + 25_567;
    Moment {
        day: day_1970 + i32::try_from(since_1970 / DAY).unwrap_or(0),
        ticks: since_1970 % DAY,
        offset: 0,
    }
}

pub(super) fn register(to: &Connection) -> rusqlite::Result<()> {
    to.create_scalar_function("tds_now", 1, FunctionFlags::SQLITE_UTF8, |call| {
        let typed = typed_argument(call, 0)?;
        Ok(now().fit(typed.sql).map(|moment| moment.stored(typed.sql)))
    })?;
    to.create_scalar_function("tds_newid", 0, FunctionFlags::SQLITE_UTF8, |_| {
        use std::hash::{BuildHasher as _, RandomState};
        let (high, low) = (RandomState::new().hash_one(1), RandomState::new().hash_one(2));
        let mut bytes = [high.to_le_bytes(), low.to_le_bytes()].concat();
        bytes[7] = bytes[7] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Ok(guid_text(&bytes))
    })?;
    to.create_scalar_function("tds_datepart", 2, SAME, |call| {
        let Some(moment) = moment(call, 1)? else { return Ok(None) };
        let (year, month, day) = date_of(moment.day);
        let seconds = moment.ticks / SECOND;
        Ok(Some(match unit(&text_of(call, 0)?) {
            Some(Unit::Year) => i64::from(year),
            Some(Unit::Quarter) => i64::from((month - 1) / 3 + 1),
            Some(Unit::Month) => i64::from(month),
            Some(Unit::Day) => i64::from(day),
            Some(Unit::Week) => i64::from(moment.day / 7),
            Some(Unit::Hour) => seconds / 3600,
            Some(Unit::Minute) => seconds / 60 % 60,
            Some(Unit::Second) => seconds % 60,
            Some(Unit::Millisecond) => moment.ticks % SECOND / 10_000,
            None => return Ok(None),
        }))
    })?;
    to.create_scalar_function("tds_dateadd", 4, SAME, |call| {
        let (Some(count), Some(moment)) = (call.get::<Option<i64>>(1)?, moment(call, 2)?) else {
            return Ok(None);
        };
        let typed = typed_argument(call, 3)?;
        Ok(add(moment, unit(&text_of(call, 0)?), count)
            .and_then(|moment| moment.fit(typed.sql))
            .map(|moment| moment.stored(typed.sql)))
    })?;
    to.create_scalar_function("tds_datediff", 3, SAME, |call| {
        let (Some(from), Some(until)) = (moment(call, 1)?, moment(call, 2)?) else { return Ok(None) };
        let months = |moment: Moment| {
            let (year, month, _) = date_of(moment.day);
            i64::from(year * 12 + month - 1)
        };
        let ticks = |moment: Moment| i64::from(moment.day) * 86_400 + moment.ticks / SECOND;
        let count = |of: &dyn Fn(Moment) -> i64| of(until) - of(from);
        Ok(Some(match unit(&text_of(call, 0)?) {
            Some(Unit::Year) => count(&|moment| months(moment) / 12),
            Some(Unit::Quarter) => count(&|moment| months(moment) / 3),
            Some(Unit::Month) => count(&months),
            Some(Unit::Week) => count(&|moment| i64::from((moment.day + 1) / 7)),
            Some(Unit::Day) => count(&|moment| i64::from(moment.day)),
            Some(Unit::Hour) => count(&|moment| ticks(moment) / 3600),
            Some(Unit::Minute) => count(&|moment| ticks(moment) / 60),
            Some(Unit::Second) => count(&ticks),
            Some(Unit::Millisecond) => {
                count(&|moment| i64::from(moment.day) * 86_400_000 + moment.ticks / 10_000)
            }
            None => return Ok(None),
        }))
    })
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

fn unit(name: &str) -> Option<Unit> {
    Some(match name.to_ascii_lowercase().as_str() {
        "year" | "yy" | "yyyy" => Unit::Year,
        "quarter" | "qq" | "q" => Unit::Quarter,
        "month" | "mm" | "m" => Unit::Month,
        "week" | "wk" | "ww" => Unit::Week,
        "day" | "dd" | "d" => Unit::Day,
        "hour" | "hh" => Unit::Hour,
        "minute" | "mi" | "n" => Unit::Minute,
        "second" | "ss" | "s" => Unit::Second,
        "millisecond" | "ms" => Unit::Millisecond,
        _ => return None,
    })
}

fn add(moment: Moment, unit: Option<Unit>, count: i64) -> Option<Moment> {
    let months = |count: i64| {
        let (year, month, day) = date_of(moment.day);
        let total = i64::from(year) * 12 + i64::from(month) - 1 + count;
        let year = i32::try_from(total.div_euclid(12)).ok()?;
        let month = i32::try_from(total.rem_euclid(12)).ok()? + 1;
        let day = (1..=day).rev().find_map(|day| day_of(year, month, day))?;
        Some(Moment { day, ..moment })
    };
    let ticks = |unit: i64| {
        let total = moment.ticks.checked_add(count.checked_mul(unit)?)?;
        let days = i32::try_from(total.div_euclid(DAY)).ok()?;
        Some(Moment { day: moment.day.checked_add(days)?, ticks: total.rem_euclid(DAY), ..moment })
    };
    match unit? {
        Unit::Year => months(count * 12),
        Unit::Quarter => months(count * 3),
        Unit::Month => months(count),
        Unit::Week => ticks(DAY * 7),
        Unit::Day => ticks(DAY),
        Unit::Hour => ticks(SECOND * 3600),
        Unit::Minute => ticks(SECOND * 60),
        Unit::Second => ticks(SECOND),
        Unit::Millisecond => ticks(10_000),
    }
}
