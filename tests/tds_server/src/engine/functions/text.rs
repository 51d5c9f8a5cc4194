//! Functions of texts.

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use super::{SAME, text, text_of, typed_argument};
use crate::bytes::{character_of_unit, slice_units, units};
use crate::collation::Collation;
use crate::decimal::Decimal;
use crate::sql_type::SqlType;

/// A function of one text.
fn of_text<T: rusqlite::types::ToSql>(
    to: &Connection,
    name: &str,
    function: impl Fn(&str) -> T + Send + 'static,
) -> rusqlite::Result<()> {
    to.create_scalar_function(name, 1, SAME, move |call| Ok(text(call, 0)?.map(|text| function(&text))))
}

pub(super) fn register(to: &Connection) -> rusqlite::Result<()> {
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
        Ok(Some(slice_units(text, skip, take)))
    })?;
    to.create_scalar_function("tds_left", 2, SAME, |call| {
        let (Some(text), Some(count)) = (text(call, 0)?, call.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        Ok(Some(slice_units(text, 0, usize::try_from(count).unwrap_or(0))))
    })?;
    to.create_scalar_function("tds_right", 2, SAME, |call| {
        let (Some(text), Some(count)) = (text(call, 0)?, call.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        let skip = units(&text).saturating_sub(usize::try_from(count).unwrap_or(0));
        Ok(Some(slice_units(text, skip, usize::MAX)))
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
pub(super) fn like(pattern: &str, text: &str, escape: Option<char>) -> bool {
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
