//! Rows on the wire: the description of the columns, and values as each type has them.

use rusqlite::types::{Value, ValueRef};

use crate::bytes::{put_b_varchar, put_us_varchar, put_utf16};
use crate::convert::{TooLong, cast, variant_parts};
use crate::decimal::Decimal;
use crate::hex::{guid_bytes, unhex};
use crate::moment::{DAY_1900, Moment, SECOND};
use crate::sql_type::{Family, Length, SqlType, Typed};
use crate::token::ServerMessage;

/// A column of a result.
#[derive(Debug, Clone)]
pub(crate) struct ResultColumn {
    pub(crate) name: String,
    pub(crate) typed: Typed,
}

pub(crate) const ROW: u8 = 0xD1;
pub(crate) const ROW_WITH_NULLS: u8 = 0xD2;
const COLUMNS: u8 = 0x81;
const NULLABLE: u16 = 0x01;
const MAX: u16 = 0xFFFF;
const NO_VALUE: u64 = u64::MAX;

/// COLMETADATA.
pub(crate) fn put_columns(out: &mut Vec<u8>, columns: &[ResultColumn]) {
    out.push(COLUMNS);
    out.extend_from_slice(&u16::try_from(columns.len()).unwrap_or(u16::MAX).to_le_bytes());
    for column in columns {
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&NULLABLE.to_le_bytes());
        put_type(out, &column.typed);
        if matches!(column.typed.sql, SqlType::Text | SqlType::NText | SqlType::Image) {
            out.push(1);
            put_us_varchar(out, "t");
        }
        put_b_varchar(out, &column.name);
    }
}

/// How many bytes the digits of a decimal take, with the sign.
fn decimal_width(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

fn put_type(out: &mut Vec<u8>, typed: &Typed) {
    let collation = typed.collation.bytes();
    let mut sized = |token: u8, length: u16, has_collation: bool| {
        out.push(token);
        out.extend_from_slice(&length.to_le_bytes());
        if has_collation {
            out.extend_from_slice(&collation);
        }
    };
    match typed.sql {
        SqlType::Char(length) => sized(0xAF, length, true),
        SqlType::VarChar(Length::Of(length)) => sized(0xA7, length, true),
        SqlType::VarChar(Length::Max) => sized(0xA7, MAX, true),
        SqlType::NChar(length) => sized(0xEF, length * 2, true),
        SqlType::NVarChar(Length::Of(length)) => sized(0xE7, length * 2, true),
        SqlType::NVarChar(Length::Max) => sized(0xE7, MAX, true),
        SqlType::Binary(length) => sized(0xAD, length, false),
        SqlType::RowVersion => sized(0xAD, 8, false),
        SqlType::VarBinary(Length::Of(length)) => sized(0xA5, length, false),
        SqlType::VarBinary(Length::Max) => sized(0xA5, MAX, false),
        SqlType::Bit => out.extend_from_slice(&[0x68, 1]),
        SqlType::TinyInt => out.extend_from_slice(&[0x26, 1]),
        SqlType::SmallInt => out.extend_from_slice(&[0x26, 2]),
        SqlType::Int => out.extend_from_slice(&[0x26, 4]),
        SqlType::BigInt => out.extend_from_slice(&[0x26, 8]),
        SqlType::Decimal { precision, scale } => {
            out.extend_from_slice(&[0x6A, decimal_width(precision), precision, scale]);
        }
        SqlType::Money => out.extend_from_slice(&[0x6E, 8]),
        SqlType::SmallMoney => out.extend_from_slice(&[0x6E, 4]),
        SqlType::Float => out.extend_from_slice(&[0x6D, 8]),
        SqlType::Real => out.extend_from_slice(&[0x6D, 4]),
        SqlType::Date => out.push(0x28),
        SqlType::Time(scale) => out.extend_from_slice(&[0x29, scale]),
        SqlType::DateTime2(scale) => out.extend_from_slice(&[0x2A, scale]),
        SqlType::DateTimeOffset(scale) => out.extend_from_slice(&[0x2B, scale]),
        SqlType::DateTime => out.extend_from_slice(&[0x6F, 8]),
        SqlType::SmallDateTime => out.extend_from_slice(&[0x6F, 4]),
        SqlType::UniqueIdentifier => out.extend_from_slice(&[0x24, 16]),
        SqlType::Text | SqlType::NText => {
            out.push(if typed.sql == SqlType::Text { 0x23 } else { 0x63 });
            out.extend_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
            out.extend_from_slice(&collation);
        }
        SqlType::Image => {
            out.push(0x22);
            out.extend_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
        }
        SqlType::Xml => out.extend_from_slice(&[0xF1, 0]),
        SqlType::Variant => {
            out.push(0x62);
            out.extend_from_slice(&8009_u32.to_le_bytes());
        }
        SqlType::HierarchyId | SqlType::Geography | SqlType::Geometry => {
            out.push(0xF0);
            let length = if typed.sql == SqlType::HierarchyId { 892 } else { MAX };
            out.extend_from_slice(&length.to_le_bytes());
            put_b_varchar(out, "master");
            put_b_varchar(out, "sys");
            put_b_varchar(out, typed.sql.name());
            put_us_varchar(
                out,
                "Microsoft.SqlServer.Types, Version=16.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91",
            );
        }
    }
}

/// One value, as its type has it. An error means that the value cannot be one of that type.
pub(crate) fn put_value(out: &mut Vec<u8>, typed: &Typed, value: ValueRef<'_>) -> Result<(), ServerMessage> {
    match (typed.sql, value) {
        (_, ValueRef::Null) => put_null(out, typed.sql),
        (SqlType::NVarChar(_) | SqlType::NChar(_), ValueRef::Text(text)) if text.is_ascii() => {
            put_ascii_as_utf16(out, typed.sql, text);
        }
        (SqlType::Bit | SqlType::TinyInt, ValueRef::Integer(number)) => {
            out.extend_from_slice(&[1, number.to_le_bytes()[0]]);
        }
        (SqlType::SmallInt, ValueRef::Integer(number)) => put_counted(out, &number.to_le_bytes()[..2]),
        (SqlType::Int, ValueRef::Integer(number)) => put_counted(out, &number.to_le_bytes()[..4]),
        (SqlType::BigInt, ValueRef::Integer(number)) => put_counted(out, &number.to_le_bytes()),
        (SqlType::Float, ValueRef::Real(number)) => put_counted(out, &number.to_le_bytes()),
        (SqlType::Real, ValueRef::Real(number)) => put_counted(out, &(number as f32).to_le_bytes()),
        (_, ValueRef::Text(text)) => {
            let text = std::str::from_utf8(text).map_err(|_| unfit(typed))?;
            put_text(out, typed, text)?;
        }
        (sql, ValueRef::Blob(bytes)) if sql.family() == Family::Binary => put_binary(out, sql, bytes),
        (_, other) => put_cast(out, typed, other)?,
    }
    Ok(())
}

fn unfit(typed: &Typed) -> ServerMessage {
    ServerMessage::error(8114, format!("Error converting data type sql_variant to {}.", typed.sql.name()))
}

/// The value is one of another type than was inferred: made to fit.
fn put_cast(out: &mut Vec<u8>, typed: &Typed, value: ValueRef<'_>) -> Result<(), ServerMessage> {
    let before = std::mem::discriminant(&value.data_type());
    let owned = Value::try_from(value).map_err(|_| unfit(typed))?;
    let cast = cast(owned, SqlType::NVARCHAR_MAX, typed, None, TooLong::Cut)?;
    let cast = ValueRef::from(&cast);
    if std::mem::discriminant(&cast.data_type()) == before {
        return Err(unfit(typed));
    }
    put_value(out, typed, cast)
}

fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

fn put_null(out: &mut Vec<u8>, sql: SqlType) {
    match sql {
        SqlType::VarChar(Length::Max)
        | SqlType::NVarChar(Length::Max)
        | SqlType::VarBinary(Length::Max)
        | SqlType::Xml
        | SqlType::HierarchyId
        | SqlType::Geography
        | SqlType::Geometry => out.extend_from_slice(&NO_VALUE.to_le_bytes()),
        SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::NChar(_)
        | SqlType::NVarChar(_)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::RowVersion => out.extend_from_slice(&MAX.to_le_bytes()),
        SqlType::Variant => out.extend_from_slice(&0_u32.to_le_bytes()),
        _ => out.push(0),
    }
}

/// A long value in one chunk.
fn put_chunked(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&u64::from(length).to_le_bytes());
    if length > 0 {
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(bytes);
    }
    out.extend_from_slice(&0_u32.to_le_bytes());
}

fn put_ascii_as_utf16(out: &mut Vec<u8>, sql: SqlType, text: &[u8]) {
    let most = sql.longest().map_or(usize::MAX, usize::from);
    let text = &text[..text.len().min(most)];
    let length = u32::try_from(text.len() * 2).unwrap_or(u32::MAX);
    let long = sql.longest().is_none();
    if long {
        out.extend_from_slice(&u64::from(length).to_le_bytes());
        if length > 0 {
            out.extend_from_slice(&length.to_le_bytes());
        }
    } else {
        out.extend_from_slice(&u16::try_from(length).unwrap_or(MAX - 1).to_le_bytes());
    }
    out.reserve(text.len() * 2);
    out.extend(text.iter().flat_map(|byte| [*byte, 0]));
    if long {
        out.extend_from_slice(&0_u32.to_le_bytes());
    }
}

/// A short text's or binary's bytes.
pub(crate) fn put_short(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(MAX - 1);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&bytes[..usize::from(length)]);
}

/// The bytes of a text as its type has them on the wire.
pub(crate) fn put_raw_text(out: &mut Vec<u8>, sql: SqlType, bytes: &[u8]) {
    match sql {
        SqlType::Text | SqlType::NText => put_old_long(out, bytes),
        SqlType::Xml => put_chunked(out, bytes),
        _ if sql.longest().is_none() => put_chunked(out, bytes),
        _ => put_short(out, bytes),
    }
}

fn put_text(out: &mut Vec<u8>, typed: &Typed, text: &str) -> Result<(), ServerMessage> {
    match typed.sql.family() {
        Family::Text if typed.sql.is_national() => {
            let text = match typed.sql.longest() {
                Some(longest) => crate::bytes::first_units(text, usize::from(longest)),
                None => text,
            };
            let mut bytes = Vec::with_capacity(text.len() * 2);
            put_utf16(&mut bytes, text);
            put_raw_text(out, typed.sql, &bytes);
        }
        Family::Text => {
            let mut bytes = typed.collation.encode(text);
            if let Some(longest) = typed.sql.longest() {
                bytes.truncate(usize::from(longest));
            }
            put_raw_text(out, typed.sql, &bytes);
        }
        Family::Decimal => put_decimal(out, typed.sql, text).ok_or_else(|| unfit(typed))?,
        Family::Moment => put_moment(out, typed.sql, text).ok_or_else(|| unfit(typed))?,
        Family::Guid => put_counted(out, &guid_bytes(text).ok_or_else(|| unfit(typed))?),
        Family::Variant => put_variant(out, text)?,
        Family::Integer | Family::Float | Family::Binary => {
            put_cast(out, typed, ValueRef::Text(text.as_bytes()))?;
        }
    }
    Ok(())
}

fn put_binary(out: &mut Vec<u8>, sql: SqlType, bytes: &[u8]) {
    match sql {
        SqlType::Image => put_old_long(out, bytes),
        SqlType::VarBinary(Length::Max) | SqlType::HierarchyId | SqlType::Geography | SqlType::Geometry => {
            put_chunked(out, bytes);
        }
        _ => put_short(out, bytes),
    }
}

/// `text`, `ntext` and `image`: a pointer, a time stamp, and then the value.
fn put_old_long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(16);
    out.extend_from_slice(&[b'p'; 16]);
    out.extend_from_slice(&[b't'; 8]);
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_decimal(out: &mut Vec<u8>, sql: SqlType, text: &str) -> Option<()> {
    let number = Decimal::parse(text)?.rescale(sql.scale())?;
    match sql {
        SqlType::SmallMoney => put_counted(out, &i32::try_from(number.digits).ok()?.to_le_bytes()),
        SqlType::Money => {
            // The high half comes first.
            let bytes = i64::try_from(number.digits).ok()?.to_le_bytes();
            out.push(8);
            out.extend_from_slice(&bytes[4..]);
            out.extend_from_slice(&bytes[..4]);
        }
        _ => {
            let width = usize::from(decimal_width(sql.precision()));
            out.push(u8::try_from(width).ok()?);
            out.push(u8::from(number.digits >= 0));
            out.extend_from_slice(&number.digits.unsigned_abs().to_le_bytes()[..width - 1]);
        }
    }
    Some(())
}

/// How many bytes a time of day takes.
fn time_width(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

fn put_moment(out: &mut Vec<u8>, sql: SqlType, text: &str) -> Option<()> {
    let moment = Moment::parse(text)?;
    let date = |moment: Moment| moment.day.to_le_bytes();
    let time = |moment: Moment, scale: u8| (moment.ticks / 10_i64.pow(u32::from(7 - scale))).to_le_bytes();
    match sql {
        SqlType::Date => put_counted(out, &date(moment)[..3]),
        SqlType::Time(scale) => put_counted(out, &time(moment, scale)[..time_width(scale)]),
        SqlType::DateTime2(scale) => {
            out.push(u8::try_from(time_width(scale) + 3).ok()?);
            out.extend_from_slice(&time(moment, scale)[..time_width(scale)]);
            out.extend_from_slice(&date(moment)[..3]);
        }
        SqlType::DateTimeOffset(scale) => {
            let utc = moment.utc();
            out.push(u8::try_from(time_width(scale) + 5).ok()?);
            out.extend_from_slice(&time(utc, scale)[..time_width(scale)]);
            out.extend_from_slice(&date(utc)[..3]);
            out.extend_from_slice(&moment.offset.to_le_bytes());
        }
        SqlType::SmallDateTime => {
            out.push(4);
            out.extend_from_slice(&u16::try_from(moment.day - DAY_1900).ok()?.to_le_bytes());
            out.extend_from_slice(&u16::try_from(moment.ticks / SECOND / 60).ok()?.to_le_bytes());
        }
        SqlType::DateTime => {
            out.push(8);
            out.extend_from_slice(&(moment.day - DAY_1900).to_le_bytes());
            let three_hundredths = (moment.ticks * 300 + SECOND / 2) / SECOND;
            out.extend_from_slice(&u32::try_from(three_hundredths).ok()?.to_le_bytes());
        }
        _ => return None,
    }
    Some(())
}

/// A `sql_variant`: how long, which type, its properties, and the value without its length.
fn put_variant(out: &mut Vec<u8>, stored: &str) -> Result<(), ServerMessage> {
    let (sql, text) = variant_parts(stored).unwrap_or((SqlType::NVarChar(Length::Of(4000)), stored));
    let typed = Typed::from(sql);
    let mut value = Vec::new();
    let (token, properties): (u8, Vec<u8>) = match sql {
        SqlType::Bit => (0x32, vec![]),
        SqlType::TinyInt => (0x30, vec![]),
        SqlType::SmallInt => (0x34, vec![]),
        SqlType::Int => (0x38, vec![]),
        SqlType::BigInt => (0x7F, vec![]),
        SqlType::Float => (0x3E, vec![]),
        SqlType::Real => (0x3B, vec![]),
        SqlType::Money => (0x3C, vec![]),
        SqlType::SmallMoney => (0x7A, vec![]),
        SqlType::DateTime => (0x3D, vec![]),
        SqlType::SmallDateTime => (0x3A, vec![]),
        SqlType::UniqueIdentifier => (0x24, vec![]),
        SqlType::Date => (0x28, vec![]),
        SqlType::Time(scale) => (0x29, vec![scale]),
        SqlType::DateTime2(scale) => (0x2A, vec![scale]),
        SqlType::DateTimeOffset(scale) => (0x2B, vec![scale]),
        SqlType::Decimal { precision, scale } => (0x6A, vec![precision, scale]),
        SqlType::VarBinary(_) | SqlType::Binary(_) => (0xA5, 8000_u16.to_le_bytes().to_vec()),
        _ => {
            let mut properties = typed.collation.bytes().to_vec();
            properties.extend_from_slice(&8000_u16.to_le_bytes());
            (if sql.is_national() { 0xE7 } else { 0xA7 }, properties)
        }
    };
    let counted = match sql.family() {
        Family::Integer => Value::Integer(text.parse().map_err(|_| unfit(&typed))?),
        Family::Float => Value::Real(text.parse().map_err(|_| unfit(&typed))?),
        Family::Binary => Value::Blob(unhex(text).ok_or_else(|| unfit(&typed))?),
        _ => Value::Text(text.to_owned()),
    };
    put_value(&mut value, &typed, ValueRef::from(&counted))?;
    let counting = if matches!(sql.family(), Family::Text | Family::Binary) { 2 } else { 1 };
    let value = value.get(counting..).unwrap_or_default();
    let total = 2 + properties.len() + value.len();
    out.extend_from_slice(&u32::try_from(total).unwrap_or(0).to_le_bytes());
    out.push(token);
    out.push(u8::try_from(properties.len()).unwrap_or(0));
    out.extend_from_slice(&properties);
    out.extend_from_slice(value);
    Ok(())
}
