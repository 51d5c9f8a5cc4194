//! The functions and collations of T-SQL that SQLite lacks.
//!
//! `tsql::function` decides which call becomes which of these.

mod moment;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};

use super::errors::carried;
use crate::collation::{Collation, compare_with_case, compare_without_case};
use crate::convert::{TooLong, cast, variant_parts};
use crate::decimal::{Decimal, compare_texts};
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
    text::register(to)?;
    moment::register(to)?;
    to.create_scalar_function("tds_like", -1, SAME, |call| {
        let (Some(pattern), Some(text)) = (text(call, 0)?, text(call, 1)?) else { return Ok(None) };
        let escape = if call.len() > 2 { text_of(call, 2)?.chars().next() } else { None };
        Ok(Some(text::like(&pattern, &text, escape)))
    })?;
    for arguments in [2, 3] {
        to.create_scalar_function("like", arguments, SAME, |call| {
            let (Some(pattern), Some(text)) = (text(call, 0)?, text(call, 1)?) else { return Ok(None) };
            let escape = if call.len() > 2 { text_of(call, 2)?.chars().next() } else { None };
            Ok(Some(text::like(&pattern, &text, escape)))
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
