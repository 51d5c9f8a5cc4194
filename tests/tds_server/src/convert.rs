//! CAST and CONVERT: a value of one type made one of another, or the error that SQL Server has for it.

mod text;

use rusqlite::types::Value;

use crate::collation::Collation;
use crate::decimal::Decimal;
use crate::hex::{guid_bytes, guid_text, hex, unhex};
use crate::moment::Moment;
use crate::sql_type::{Family, Length, SqlType, Typed};
use crate::token::ServerMessage;

/// What happens to a text that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLong {
    /// CAST cuts it.
    Cut,
    /// A column refuses it.
    Refuse,
}

/// Between the type and the value of a `sql_variant`, as SQLite keeps it.
const VARIANT_MARK: char = '\u{1F}';

/// The value of a `sql_variant`, with its own type.
pub(crate) fn variant_parts(stored: &str) -> Option<(SqlType, &str)> {
    let (declaration, value) = stored.split_once(VARIANT_MARK)?;
    Some((SqlType::parse(declaration, 30)?, value))
}

/// The same value as one of the type `to`.
pub(crate) fn cast(
    value: Value,
    from: SqlType,
    to: &Typed,
    style: Option<i64>,
    too_long: TooLong,
) -> Result<Value, ServerMessage> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    if from == SqlType::Variant
        && to.sql != SqlType::Variant
        && let Value::Text(stored) = &value
        && let Some((inner, text)) = variant_parts(stored)
    {
        let inner_value = as_stored(text, inner);
        return cast(inner_value, inner, to, style, too_long);
    }
    let from = actual_family(&value, from);
    match to.sql.family() {
        Family::Integer => to_integer(&value, from, to.sql).map(Value::Integer),
        Family::Decimal => to_decimal(&value, from, to.sql).map(|number| Value::Text(number.to_string())),
        Family::Float => to_float(&value, from, to.sql).map(Value::Real),
        Family::Text => text::to_text(&value, from, to, style, too_long).map(Value::Text),
        Family::Moment => {
            to_moment(&value, from, to.sql, style).map(|moment| Value::Text(moment.stored(to.sql)))
        }
        Family::Guid => to_guid(&value, from).map(Value::Text),
        Family::Binary => to_binary(value, from, to, style, too_long).map(Value::Blob),
        Family::Variant => Ok(to_variant(value, from)),
    }
}

/// The type that a value has when what was inferred cannot be: SQLite knows five types only.
fn actual_family(value: &Value, inferred: SqlType) -> SqlType {
    match (value, inferred.family()) {
        (Value::Integer(_), Family::Integer | Family::Variant) => inferred,
        (Value::Integer(_), _) => SqlType::BigInt,
        (Value::Real(_), Family::Float) => inferred,
        (Value::Real(_), _) => SqlType::Float,
        (Value::Blob(_), Family::Binary) => inferred,
        (Value::Blob(_), _) => SqlType::VarBinary(Length::Max),
        (Value::Text(_), Family::Integer | Family::Float | Family::Binary) => SqlType::NVARCHAR_MAX,
        _ => inferred,
    }
}

/// The value that SQLite keeps for a text that CONVERT gave.
fn as_stored(text: &str, of: SqlType) -> Value {
    match of.family() {
        Family::Integer => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Integer),
        Family::Float => text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Real),
        Family::Binary => unhex(text).map_or_else(|| Value::Text(text.to_owned()), Value::Blob),
        _ => Value::Text(text.to_owned()),
    }
}

fn to_variant(value: Value, from: SqlType) -> Value {
    if from == SqlType::Variant {
        return value;
    }
    let (declaration, text) = match value {
        Value::Integer(number) if from.family() == Family::Integer => {
            (from.declaration(), number.to_string())
        }
        Value::Integer(number) => ("int".to_owned(), number.to_string()),
        Value::Real(number) => ("float".to_owned(), number.to_string()),
        Value::Blob(bytes) => (SqlType::VarBinary(Length::Of(8000)).declaration(), hex(&bytes)),
        Value::Text(text) => {
            let declaration = match from {
                SqlType::NVarChar(_) | SqlType::NText | SqlType::Xml => SqlType::NVarChar(Length::Of(4000)),
                SqlType::VarChar(_) | SqlType::Text => SqlType::VarChar(Length::Of(8000)),
                other => other,
            };
            (declaration.declaration(), text)
        }
        Value::Null => return Value::Null,
    };
    Value::Text(format!("{declaration}{VARIANT_MARK}{text}"))
}

fn overflow(to: SqlType) -> ServerMessage {
    ServerMessage::error(
        8115,
        format!("Arithmetic overflow error converting expression to data type {}.", to.name()),
    )
    .state(2)
}

fn no_conversion(from: SqlType, to: SqlType) -> ServerMessage {
    let name = if matches!(to, SqlType::Decimal { .. }) { "numeric" } else { to.name() };
    ServerMessage::error(8114, format!("Error converting data type {} to {name}.", from.name())).state(5)
}

fn not_allowed(from: SqlType, to: SqlType) -> ServerMessage {
    ServerMessage::error(
        529,
        format!("Explicit conversion from data type {} to {} is not allowed.", from.name(), to.name()),
    )
}

pub(crate) fn to_integer(value: &Value, from: SqlType, to: SqlType) -> Result<i64, ServerMessage> {
    let number: i128 = match value {
        Value::Integer(number) => i128::from(*number),
        Value::Real(number) if number.abs() < 1e19 => number.trunc() as i128,
        Value::Real(_) => return Err(overflow(to)),
        Value::Text(text) if from.family() == Family::Decimal => {
            Decimal::parse(text).ok_or_else(|| no_conversion(from, to))?.truncated()
        }
        Value::Text(text) if from.family() == Family::Text => {
            let trimmed = text.trim();
            if to == SqlType::Bit && trimmed.eq_ignore_ascii_case("true") {
                1
            } else if trimmed.is_empty() || to == SqlType::Bit && trimmed.eq_ignore_ascii_case("false") {
                0
            } else {
                trimmed.parse().map_err(|_| {
                    ServerMessage::error(
                        245,
                        format!(
                            "Conversion failed when converting the {} value '{text}' to data type {}.",
                            from.name(),
                            to.name()
                        ),
                    )
                })?
            }
        }
        Value::Blob(bytes) => {
            bytes.iter().rev().take(8).rev().fold(0, |sum, byte| sum << 8 | i128::from(*byte))
        }
        _ => return Err(not_allowed(from, to)),
    };
    let (least, most) = match to {
        SqlType::Bit => return Ok(i64::from(number != 0)),
        SqlType::TinyInt => (0, 255),
        SqlType::SmallInt => (i128::from(i16::MIN), i128::from(i16::MAX)),
        SqlType::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    if (least..=most).contains(&number) {
        i64::try_from(number).map_err(|_| overflow(to))
    } else {
        Err(overflow(to))
    }
}

pub(crate) fn to_decimal(value: &Value, from: SqlType, to: SqlType) -> Result<Decimal, ServerMessage> {
    let number = match value {
        Value::Integer(number) => Decimal { digits: i128::from(*number), scale: 0 },
        Value::Real(number) => Decimal::from_float(*number, to.scale()).ok_or_else(|| overflow(to))?,
        Value::Text(text) if matches!(to, SqlType::Money | SqlType::SmallMoney) => {
            let plain: String =
                text.chars().filter(|character| !matches!(character, ',' | '$' | '€' | '£' | ' ')).collect();
            let plain = if plain.is_empty() { "0".to_owned() } else { plain };
            Decimal::parse(&plain).ok_or_else(|| no_conversion(from, to))?
        }
        Value::Text(text) if matches!(from.family(), Family::Text | Family::Decimal) => {
            Decimal::parse(text).ok_or_else(|| no_conversion(from, to))?
        }
        _ => return Err(not_allowed(from, to)),
    };
    let number = number.rescale(to.scale()).ok_or_else(|| overflow(to))?;
    let fits = match to {
        SqlType::Money => i64::try_from(number.digits).is_ok(),
        SqlType::SmallMoney => i32::try_from(number.digits).is_ok(),
        _ => number.fits(to.precision()),
    };
    if fits { Ok(number) } else { Err(overflow(to)) }
}

pub(crate) fn to_float(value: &Value, from: SqlType, to: SqlType) -> Result<f64, ServerMessage> {
    let number = match value {
        Value::Integer(number) => *number as f64,
        Value::Real(number) => *number,
        Value::Text(text) if matches!(from.family(), Family::Text | Family::Decimal) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| no_conversion(from, to))?,
        _ => return Err(not_allowed(from, to)),
    };
    Ok(if to == SqlType::Real { f64::from(number as f32) } else { number })
}

fn to_moment(
    value: &Value,
    from: SqlType,
    to: SqlType,
    _style: Option<i64>,
) -> Result<Moment, ServerMessage> {
    let Value::Text(text) = value else { return Err(not_allowed(from, to)) };
    if !matches!(from.family(), Family::Text | Family::Moment) {
        return Err(not_allowed(from, to));
    }
    let moment = Moment::parse(text).ok_or_else(|| {
        ServerMessage::error(241, "Conversion failed when converting date and/or time from character string.")
    })?;
    let moment = if from.family() == Family::Moment && from == SqlType::Date {
        Moment { ticks: 0, ..moment }
    } else {
        moment
    };
    moment.fit(to).ok_or_else(|| {
        ServerMessage::error(
            242,
            format!(
                "The conversion of a {} data type to a {} data type resulted in an out-of-range value.",
                from.name(),
                to.name()
            ),
        )
        .state(3)
    })
}

fn to_guid(value: &Value, from: SqlType) -> Result<String, ServerMessage> {
    let failed = || {
        ServerMessage::error(
            8169,
            "Conversion failed when converting from a character string to uniqueidentifier.",
        )
        .state(2)
    };
    match value {
        Value::Text(text) => {
            let text = text.trim().trim_start_matches('{').trim_end_matches('}');
            let bytes = text.get(..36).ok_or_else(failed)?.as_bytes();
            let well_formed = bytes.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
            if well_formed { Ok(text[..36].to_ascii_uppercase()) } else { Err(failed()) }
        }
        Value::Blob(bytes) if bytes.len() == 16 => Ok(guid_text(bytes)),
        _ => Err(not_allowed(from, SqlType::UniqueIdentifier)),
    }
}

fn to_binary(
    value: Value,
    from: SqlType,
    to: &Typed,
    style: Option<i64>,
    too_long: TooLong,
) -> Result<Vec<u8>, ServerMessage> {
    let mut bytes = match value {
        Value::Blob(bytes) => bytes,
        Value::Integer(number) => {
            let width = match from {
                SqlType::Bit | SqlType::TinyInt => 1,
                SqlType::SmallInt => 2,
                SqlType::Int => 4,
                _ => 8,
            };
            number.to_be_bytes()[8 - width..].to_vec()
        }
        Value::Text(text) if from.family() == Family::Guid => {
            guid_bytes(&text).map(Vec::from).unwrap_or_default()
        }
        Value::Text(text) => match style.unwrap_or(0) {
            1 => text.strip_prefix("0x").and_then(unhex).ok_or_else(|| no_conversion(from, to.sql))?,
            2 => unhex(&text).ok_or_else(|| no_conversion(from, to.sql))?,
            _ if from.is_national() => {
                let mut bytes = Vec::new();
                crate::bytes::put_utf16(&mut bytes, &text);
                bytes
            }
            _ => Collation::default().encode(&text),
        },
        Value::Real(_) | Value::Null => return Err(not_allowed(from, to.sql)),
    };
    if let Some(longest) = to.sql.longest().map(usize::from) {
        if bytes.len() > longest {
            if too_long == TooLong::Refuse {
                return Err(ServerMessage::error(2628, format!("0x{}", hex(&bytes[..longest]))));
            }
            bytes.truncate(longest);
        }
        if matches!(to.sql, SqlType::Binary(_)) {
            bytes.resize(longest, 0);
        }
    }
    Ok(bytes)
}
