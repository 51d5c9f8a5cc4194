//! The functions and collations of T-SQL that SQLite lacks.
//!
//! `tsql::function` decides which call becomes which of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::errors::carried;
use crate::bytes::{character_of_unit, units};
use crate::collation::{Collation, compare_with_case, compare_without_case};
use crate::convert::{TooLong, cast, variant_parts};
use crate::decimal::{Decimal, compare_texts};
use crate::moment::{DAY, DAY_1900, Moment, SECOND, date_of, day_of};
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;

const SAME: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// What the next row with a `rowversion` gets.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(2001);

pub(crate) fn register(to: &Connection) -> rusqlite::Result<()> {
    to.create_collation("TDS_CI", compare_without_case)?;
    to.create_collation("TDS_CS", compare_with_case)?;
    to.create_collation("TDS_DECIMAL", compare_texts)?;
    to.create_scalar_function("tds_cast", 4, SAME, |call| convert(call, TooLong::Cut))?;
    to.create_scalar_function("tds_try_cast", 4, SAME, |call| {
        Ok(convert(call, TooLong::Cut).unwrap_or(Value::Null))
    })?;
    to.create_scalar_function("tds_store", 5, SAME, |call| store(call))?;
    to.create_scalar_function("tds_variant_property", 2, SAME, |call| {
        let (Some(stored), property) = (text(call, 0)?, text_of(call, 1)?) else { return Ok(None) };
        let base = variant_parts(&stored).map(|(sql, _)| sql.name());
        Ok(base.filter(|_| property.eq_ignore_ascii_case("BaseType")))
    })?;
    to.create_scalar_function("tds_number", 1, SAME, |call| {
        Ok(match call.get_raw(0) {
            ValueRef::Text(text) => {
                let text = String::from_utf8_lossy(text);
                text.trim().parse().map_or(Value::Null, Value::Real)
            }
            other => Value::try_from(other)?,
        })
    })?;
    register_text(to)?;
    register_moment(to)?;
    to.create_scalar_function("tds_like", -1, SAME, |call| {
        let (Some(pattern), Some(text)) = (text(call, 0)?, text(call, 1)?) else { return Ok(None) };
        let escape = if call.len() > 2 { text_of(call, 2)?.chars().next() } else { None };
        Ok(Some(like(&pattern, &text, escape)))
    })?;
    for arguments in [2, 3] {
        to.create_scalar_function("like", arguments, SAME, |call| {
            let (Some(pattern), Some(text)) = (text(call, 0)?, text(call, 1)?) else { return Ok(None) };
            let escape = if call.len() > 2 { text_of(call, 2)?.chars().next() } else { None };
            Ok(Some(like(&pattern, &text, escape)))
        })?;
    }
    to.create_scalar_function("tds_isnumeric", 1, SAME, |call| {
        Ok(i64::from(text(call, 0)?.is_some_and(|text| text.trim().parse::<f64>().is_ok())))
    })?;
    to.create_scalar_function("tds_checked_divide", 2, SAME, |call| {
        checked(call, i64::wrapping_div, |left, right| left / right)
    })?;
    to.create_scalar_function("tds_checked_modulo", 2, SAME, |call| {
        checked(call, i64::wrapping_rem, |left, right| left % right)
    })?;
    to.create_scalar_function("tds_arithmetic", 4, SAME, |call| arithmetic(call))?;
    to.create_scalar_function("tds_rowversion", 0, FunctionFlags::SQLITE_UTF8, |_| {
        Ok(NEXT_VERSION.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec())
    })
}

fn divided_by_zero() -> rusqlite::Error {
    carried(&ServerMessage::error(8134, "Divide by zero error encountered."))
}

/// A division, which nothing divides by zero.
fn checked(
    call: &Context<'_>,
    whole: impl Fn(i64, i64) -> i64,
    real: impl Fn(f64, f64) -> f64,
) -> rusqlite::Result<Value> {
    match (call.get_raw(0), call.get_raw(1)) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => Ok(Value::Null),
        (_, ValueRef::Integer(0)) => Err(divided_by_zero()),
        (ValueRef::Integer(left), ValueRef::Integer(right)) => Ok(Value::Integer(whole(left, right))),
        (left, right) => {
            let (left, right) = (number(left), number(right));
            if right == 0.0 { Err(divided_by_zero()) } else { Ok(Value::Real(real(left, right))) }
        }
    }
}

/// `tds_arithmetic(operator, left, right, scale)` of exact numbers.
fn arithmetic(call: &Context<'_>) -> rusqlite::Result<Option<String>> {
    let (operator, scale) = (text_of(call, 0)?, call.get::<u8>(3)?);
    let (Some(left), Some(right)) = (text(call, 1)?, text(call, 2)?) else { return Ok(None) };
    let overflow = || {
        carried(&ServerMessage::error(
            8115,
            "Arithmetic overflow error converting numeric to data type numeric.",
        ))
    };
    let (left, right) =
        (Decimal::parse(&left).ok_or_else(overflow)?, Decimal::parse(&right).ok_or_else(overflow)?);
    let aligned = |number: Decimal| number.rescale(left.scale.max(right.scale)).ok_or_else(overflow);
    let result = match operator.as_str() {
        "*" => left
            .digits
            .checked_mul(right.digits)
            .map(|digits| Decimal { digits, scale: left.scale + right.scale }),
        "/" => {
            if right.digits == 0 {
                return Err(divided_by_zero());
            }
            let up = u32::from((scale + 1 + right.scale).saturating_sub(left.scale));
            let raised = 10_i128.checked_pow(up).and_then(|factor| left.digits.checked_mul(factor));
            raised.map(|digits| Decimal { digits: digits / right.digits, scale: scale + 1 })
        }
        "%" => {
            let (left, right) = (aligned(left)?, aligned(right)?);
            if right.digits == 0 {
                return Err(divided_by_zero());
            }
            Some(Decimal { digits: left.digits % right.digits, ..left })
        }
        operator => {
            let (left, right) = (aligned(left)?, aligned(right)?);
            let digits = if operator == "-" {
                left.digits.checked_sub(right.digits)
            } else {
                left.digits.checked_add(right.digits)
            };
            digits.map(|digits| Decimal { digits, ..left })
        }
    };
    let result = result.and_then(|result| result.rescale(scale)).ok_or_else(overflow)?;
    Ok(Some(result.to_string()))
}

fn number(value: ValueRef<'_>) -> f64 {
    match value {
        ValueRef::Integer(number) => number as f64,
        ValueRef::Real(number) => number,
        ValueRef::Text(text) => String::from_utf8_lossy(text).trim().parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// A type as `tds_cast` takes it: its declaration, a bar, and the collation when it is not the usual one.
pub(crate) fn type_argument(typed: &Typed) -> String {
    if typed.collation == Collation::default() {
        typed.sql.declaration()
    } else {
        format!("{}|{}", typed.sql.declaration(), typed.collation.name)
    }
}

fn typed_argument(call: &Context<'_>, at: usize) -> rusqlite::Result<Arc<Typed>> {
    let at_argument = i32::try_from(at).unwrap_or(0);
    call.get_or_create_aux(at_argument, |value| {
        let text = value.as_str()?;
        let (declaration, collation) = text.split_once('|').unwrap_or((text, ""));
        let sql = SqlType::parse(declaration, 30).ok_or_else(|| format!("no type: {declaration}"))?;
        let collation = Collation::named(collation).unwrap_or_default();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Typed { sql, collation })
    })
}

fn convert(call: &Context<'_>, too_long: TooLong) -> rusqlite::Result<Value> {
    let value = Value::try_from(call.get_raw(0))?;
    let from = typed_argument(call, 1)?;
    let to = typed_argument(call, 2)?;
    let style: Option<i64> = call.get(3)?;
    cast(value, from.sql, &to, style, too_long).map_err(|error| carried(&error))
}

/// A value on its way into a column: `tds_store(value, from, to, table, column)`.
fn store(call: &Context<'_>) -> rusqlite::Result<Value> {
    let value = Value::try_from(call.get_raw(0))?;
    let from = typed_argument(call, 1)?;
    let to = typed_argument(call, 2)?;
    cast(value, from.sql, &to, None, TooLong::Refuse).map_err(|error| {
        if error.number != 2628 {
            return carried(&error);
        }
        let (table, column) = (text_of(call, 3).unwrap_or_default(), text_of(call, 4).unwrap_or_default());
        carried(&ServerMessage {
            message: format!(
                "String or binary data would be truncated in table '{table}', column '{column}'. Truncated value: \
                 '{}'.",
                error.message
            ),
            ..error
        })
    })
}

/// The text of an argument, whatever it is; `None` for NULL.
fn text(call: &Context<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match call.get_raw(at) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

fn text_of(call: &Context<'_>, at: usize) -> rusqlite::Result<String> {
    Ok(text(call, at)?.unwrap_or_default())
}

/// A function of one text.
fn of_text<T: rusqlite::types::ToSql>(
    to: &Connection,
    name: &str,
    function: impl Fn(&str) -> T + Send + 'static,
) -> rusqlite::Result<()> {
    to.create_scalar_function(name, 1, SAME, move |call| Ok(text(call, 0)?.map(|text| function(&text))))
}

fn register_text(to: &Connection) -> rusqlite::Result<()> {
    of_text(to, "tds_len", |text| i64::try_from(units(text.trim_end_matches(' '))).unwrap_or(0))?;
    of_text(to, "tds_upper", str::to_uppercase)?;
    of_text(to, "tds_lower", str::to_lowercase)?;
    of_text(to, "tds_ltrim", |text| text.trim_start_matches(' ').to_owned())?;
    of_text(to, "tds_rtrim", |text| text.trim_end_matches(' ').to_owned())?;
    of_text(to, "tds_trim", |text| text.trim_matches(' ').to_owned())?;
    of_text(to, "tds_reverse", |text| text.chars().rev().collect::<String>())?;
    of_text(to, "tds_ascii", |text| text.bytes().next().map(i64::from))?;
    of_text(to, "tds_unicode", |text| text.encode_utf16().next().map(i64::from))?;
    of_text(to, "tds_squeeze", |text| Collation::default().squeeze(text))?;
    to.create_scalar_function("tds_char", 1, SAME, |call| {
        let code: Option<u8> = call.get::<Option<i64>>(0)?.and_then(|code| u8::try_from(code).ok());
        Ok(code.map(|byte| encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned()))
    })?;
    to.create_scalar_function("tds_nchar", 1, SAME, |call| {
        let unit: Option<u16> = call.get::<Option<i64>>(0)?.and_then(|code| u16::try_from(code).ok());
        Ok(unit.and_then(character_of_unit).map(String::from))
    })?;
    to.create_scalar_function("tds_datalength", 2, SAME, |call| {
        let typed = typed_argument(call, 1)?;
        let length = match call.get_raw(0) {
            ValueRef::Null => return Ok(None),
            ValueRef::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                if typed.sql.is_national() { units(&text) * 2 } else { typed.collation.encode(&text).len() }
            }
            ValueRef::Blob(bytes) => bytes.len(),
            ValueRef::Integer(_) | ValueRef::Real(_) => match typed.sql {
                SqlType::Bit | SqlType::TinyInt => 1,
                SqlType::SmallInt => 2,
                SqlType::Int | SqlType::Real => 4,
                _ => 8,
            },
        };
        Ok(i64::try_from(length).ok())
    })?;
    to.create_scalar_function("tds_substring", 3, SAME, |call| {
        let Some(text) = text(call, 0)? else { return Ok(None) };
        let (start, length): (Option<i64>, Option<i64>) = (call.get(1)?, call.get(2)?);
        let (Some(start), Some(length)) = (start, length) else { return Ok(None) };
        let end = start.saturating_add(length).max(1);
        let skip = usize::try_from(start.max(1) - 1).unwrap_or(0);
        let take = usize::try_from(end - start.max(1)).unwrap_or(0);
        Ok(Some(text.chars().skip(skip).take(take).collect::<String>()))
    })?;
    to.create_scalar_function("tds_left", 2, SAME, |call| {
        let (Some(text), Some(count)) = (text(call, 0)?, call.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        Ok(Some(text.chars().take(usize::try_from(count).unwrap_or(0)).collect::<String>()))
    })?;
    to.create_scalar_function("tds_right", 2, SAME, |call| {
        let (Some(text), Some(count)) = (text(call, 0)?, call.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        let skip = text.chars().count().saturating_sub(usize::try_from(count).unwrap_or(0));
        Ok(Some(text.chars().skip(skip).collect::<String>()))
    })?;
    to.create_scalar_function("tds_replace", 3, SAME, |call| {
        let (Some(text), Some(from), Some(with)) = (text(call, 0)?, text(call, 1)?, text(call, 2)?) else {
            return Ok(None);
        };
        Ok(Some(if from.is_empty() { text } else { text.replace(&from, &with) }))
    })?;
    to.create_scalar_function("tds_charindex", -1, SAME, |call| {
        let (Some(what), Some(text)) = (text(call, 0)?, text(call, 1)?) else { return Ok(None) };
        let start = if call.len() > 2 { call.get::<Option<i64>>(2)?.unwrap_or(1).max(1) } else { 1 };
        let skip = usize::try_from(start - 1).unwrap_or(0);
        let (what, text) = (what.to_lowercase(), text.to_lowercase());
        let after: String = text.chars().skip(skip).collect();
        let found = after.find(&what).map_or(0, |at| after[..at].chars().count() + skip + 1);
        Ok(i64::try_from(found).ok())
    })?;
    to.create_scalar_function("tds_concat", -1, SAME, |call| {
        (0..call.len()).map(|at| text_of(call, at)).collect::<rusqlite::Result<String>>()
    })?;
    to.create_scalar_function("tds_concat_ws", -1, SAME, |call| {
        let between = text_of(call, 0)?;
        let parts: Vec<Option<String>> =
            (1..call.len()).map(|at| text(call, at)).collect::<rusqlite::Result<_>>()?;
        Ok(parts.into_iter().flatten().collect::<Vec<_>>().join(&between))
    })?;
    to.create_scalar_function("tds_replicate", 2, SAME, |call| {
        let (Some(text), Some(count)) = (text(call, 0)?, call.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        let count = usize::try_from(count).unwrap_or(0).min(8_000_000 / text.len().max(1));
        Ok(Some(text.repeat(count)))
    })?;
    to.create_scalar_function("tds_stuff", 4, SAME, |call| {
        let (Some(text), Some(start), Some(length)) =
            (text(call, 0)?, call.get::<Option<i64>>(1)?, call.get::<Option<i64>>(2)?)
        else {
            return Ok(None);
        };
        let count = i64::try_from(text.chars().count()).unwrap_or(0);
        if start < 1 || start > count || length < 0 {
            return Ok(None);
        }
        let start = usize::try_from(start - 1).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(0);
        let with = text_of(call, 3)?;
        let before: String = text.chars().take(start).collect();
        let after: String = text.chars().skip(start + length).collect();
        Ok(Some(format!("{before}{with}{after}")))
    })?;
    to.create_scalar_function("tds_round", 2, SAME, |call| {
        let digits: i64 = call.get(1)?;
        let digits = u8::try_from(digits.max(0)).unwrap_or(0);
        Ok(match call.get_raw(0) {
            ValueRef::Text(text) => {
                let number = Decimal::parse(&String::from_utf8_lossy(text));
                number.map_or(Value::Null, |number| {
                    let rounded = number.rescale(digits).and_then(|rounded| rounded.rescale(number.scale));
                    Value::Text(rounded.unwrap_or(number).to_string())
                })
            }
            ValueRef::Real(number) => {
                let factor = 10_f64.powi(i32::from(digits));
                Value::Real((number * factor).round() / factor)
            }
            other => Value::try_from(other)?,
        })
    })
}

/// `%`, `_`, `[abc]`, `[a-z]` and `[^a-z]`, without case.
fn like(pattern: &str, text: &str, escape: Option<char>) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let escape = escape.and_then(|escape| escape.to_lowercase().next());
    like_from(&pattern, &text, escape)
}

fn like_from(pattern: &[char], text: &[char], escape: Option<char>) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    if Some(*first) == escape
        && let Some((literal, rest)) = rest.split_first()
    {
        return text.first() == Some(literal) && like_from(rest, &text[1..], escape);
    }
    match first {
        '%' => (0..=text.len()).any(|skip| like_from(rest, &text[skip..], escape)),
        '_' => !text.is_empty() && like_from(rest, &text[1..], escape),
        '[' if rest.contains(&']') => {
            let Some(character) = text.first() else { return false };
            let end = rest.iter().position(|character| *character == ']').unwrap_or(0);
            let (set, negated) = match rest[..end].split_first() {
                Some(('^', set)) => (set, true),
                _ => (&rest[..end], false),
            };
            let mut found = false;
            let mut at = 0;
            while at < set.len() {
                if at + 2 < set.len() && set[at + 1] == '-' {
                    found |= (set[at]..=set[at + 2]).contains(character);
                    at += 3;
                } else {
                    found |= set[at] == *character;
                    at += 1;
                }
            }
            found != negated && like_from(&rest[end + 1..], &text[1..], escape)
        }
        literal => text.first() == Some(literal) && like_from(rest, &text[1..], escape),
    }
}

/// Now, in UTC, which is this server's time zone.
pub(crate) fn now() -> Moment {
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

fn moment(call: &Context<'_>, at: usize) -> rusqlite::Result<Option<Moment>> {
    let Some(text) = text(call, at)? else { return Ok(None) };
    Moment::parse(&text).map(Some).ok_or_else(|| {
        carried(&ServerMessage::error(
            241,
            "Conversion failed when converting date and/or time from character string.",
        ))
    })
}

fn register_moment(to: &Connection) -> rusqlite::Result<()> {
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
        Ok(crate::convert::guid_text(&bytes))
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
