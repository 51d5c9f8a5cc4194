//! Values as text, in the styles of CONVERT, and as long as the type has it.

use rusqlite::types::Value;

use super::{TooLong, overflow};
use crate::bytes::{first_units, units, utf16};
use crate::decimal::Decimal;
use crate::hex::hex;
use crate::moment::Moment;
use crate::sql_type::{Family, SqlType, Typed};
use crate::token::ServerMessage;

pub(super) fn to_text(
    value: &Value,
    from: SqlType,
    to: &Typed,
    style: Option<i64>,
    too_long: TooLong,
) -> Result<String, ServerMessage> {
    let is_text = from.family() == Family::Text;
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => float_text(*number, style.unwrap_or(0)),
        Value::Blob(bytes) => match style.unwrap_or(0) {
            1 => format!("0x{}", hex(bytes)),
            2 => hex(bytes),
            _ if to.sql.is_national() => utf16(bytes),
            _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
        Value::Text(text) => match from.family() {
            Family::Decimal if matches!(from, SqlType::Money | SqlType::SmallMoney) => {
                money_text(text, style.unwrap_or(0))
            }
            Family::Moment => {
                let default =
                    if matches!(from, SqlType::DateTime | SqlType::SmallDateTime) { 0 } else { 121 };
                let style = style.unwrap_or(default);
                Moment::parse(text).and_then(|moment| moment.styled(from, style)).ok_or_else(|| {
                    ServerMessage::error(
                        281,
                        format!("{style} is not a valid style number when converting from {} to a character string.", from.name()),
                    )
                })?
            }
            _ => text.clone(),
        },
        Value::Null => String::new(),
    };
    let text = if to.sql.is_national() || !is_text { text } else { to.collation.squeeze(&text) };
    fit_text(text, to, is_text, too_long)
}

/// As long as the type has it: cut, refused, or filled with spaces.
fn fit_text(text: String, to: &Typed, from_text: bool, too_long: TooLong) -> Result<String, ServerMessage> {
    let Some(longest) = to.sql.longest().map(usize::from) else { return Ok(text) };
    let length = length_of(&text, to);
    if length > longest {
        let kept = cut(&text, longest, to);
        let only_spaces = text[kept.len()..].bytes().all(|byte| byte == b' ');
        if too_long == TooLong::Refuse && !only_spaces {
            return Err(ServerMessage::error(2628, kept.to_owned()));
        }
        if !from_text {
            return if to.sql.is_national() { Err(overflow(to.sql)) } else { Ok("*".to_owned()) };
        }
        return Ok(kept.to_owned());
    }
    if matches!(to.sql, SqlType::Char(_) | SqlType::NChar(_)) {
        return Ok(format!("{text}{}", " ".repeat(longest - length)));
    }
    Ok(text)
}

/// Characters of `nvarchar`, bytes of `varchar`.
fn length_of(text: &str, to: &Typed) -> usize {
    if text.is_ascii() {
        text.len()
    } else if to.sql.is_national() {
        units(text)
    } else {
        to.collation.encode(text).len()
    }
}

fn cut<'a>(text: &'a str, longest: usize, to: &Typed) -> &'a str {
    if to.sql.is_national() {
        return first_units(text, longest);
    }
    let mut length = 0;
    for (at, character) in text.char_indices() {
        length += to.collation.encode(character.encode_utf8(&mut [0; 4])).len();
        if length > longest {
            return &text[..at];
        }
    }
    text
}

fn money_text(stored: &str, style: i64) -> String {
    let Some(number) = Decimal::parse(stored) else { return stored.to_owned() };
    let scale = if matches!(style, 2 | 126) { 4 } else { 2 };
    let number = number.rescale(scale).unwrap_or(number);
    if style == 1 { number.with_commas() } else { number.to_string() }
}

/// A float as CONVERT writes it: six digits at most, and with style 1, 2 and 3 always eight, sixteen and seventeen.
fn float_text(value: f64, style: i64) -> String {
    match style {
        1 => scientific(value, 7),
        2 => scientific(value, 15),
        3 => scientific(value, 16),
        _ => general(value, 6),
    }
}

fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:03}", exponent.abs())
}

/// With at most so many digits, and without zeros at the end; with an exponent only when it is needed.
fn general(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = scientific(value, digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+000"));
    let number: i32 = exponent.trim_start_matches('+').parse().unwrap_or(0);
    if number < -5 || number >= i32::try_from(digits).unwrap_or(i32::MAX) {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return format!("{mantissa}e{exponent}");
    }
    let after_point = usize::try_from(i32::try_from(digits).unwrap_or(0) - 1 - number).unwrap_or(0);
    let text = format!("{value:.after_point$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
