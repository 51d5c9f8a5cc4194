//! What a client's message asks for: a batch, a procedure with parameters, a transaction.

use rusqlite::types::Value;

use crate::bytes::{Malformed, Reader, utf16};
use crate::decimal::Decimal;
use crate::engine::Request;
use crate::hex::guid_text;
use crate::moment::{DAY, DAY_1900, Moment, SECOND};
use crate::packet::{Message, kind};
use crate::sql_type::{Length, SqlType, Typed};
use crate::token::ServerMessage;
use crate::tsql::Variables;

/// `sp_executesql` by its number.
const EXECUTE_SQL: u16 = 10;

pub(crate) fn parse(message: &Message) -> Result<Request, Malformed> {
    let mut body = Reader(&message.body);
    match message.kind {
        kind::SQL_BATCH => {
            skip_headers(&mut body)?;
            Ok(Request::Batch(utf16(body.0)))
        }
        kind::RPC => {
            skip_headers(&mut body)?;
            procedure(&mut body)
        }
        kind::TRANSACTION => {
            skip_headers(&mut body)?;
            Ok(match body.u16()? {
                5 => Request::Begin,
                7 => Request::Commit,
                8 => Request::Rollback,
                _ => refused("this transaction request"),
            })
        }
        _ => Ok(refused("this kind of packet")),
    }
}

fn refused(what: &str) -> Request {
    Request::Refused(crate::engine::errors::not_understood(what))
}

/// ALL_HEADERS, of which nothing is needed.
fn skip_headers(body: &mut Reader<'_>) -> Result<(), Malformed> {
    let length =
        usize::try_from(body.clone().u32()?).map_err(|_| Malformed("headers longer than the message"))?;
    body.take(length).map(|_| ())
}

fn procedure(body: &mut Reader<'_>) -> Result<Request, Malformed> {
    let length = body.u16()?;
    let is_execute_sql = if length == 0xFFFF {
        body.u16()? == EXECUTE_SQL
    } else {
        body.utf16(usize::from(length))?.eq_ignore_ascii_case("sp_executesql")
    };
    let _options = body.u16()?;
    if !is_execute_sql {
        return Ok(Request::Refused(
            ServerMessage::error(
                2812,
                "Could not find stored procedure. This server has sp_executesql only.",
            )
            .state(62),
        ));
    }
    let mut texts = Vec::new();
    let mut parameters = Variables::new();
    while !body.is_empty() {
        let length = usize::from(body.u8()?);
        let name = body.utf16(length)?;
        let _status = body.u8()?;
        let (typed, value) = match value(body)? {
            Some(found) => found,
            None => return Ok(refused("a parameter of this type")),
        };
        if texts.len() < 2 {
            texts.push(if let Value::Text(text) = value { text } else { String::new() });
        } else {
            parameters.insert(name.to_lowercase(), (typed, value));
        }
    }
    match texts.into_iter().next() {
        Some(text) => Ok(Request::Procedure { text, parameters }),
        None => Err(Malformed("sp_executesql without a statement")),
    }
}

/// A parameter's type and value; `None` when the type is not known here.
fn value(body: &mut Reader<'_>) -> Result<Option<(Typed, Value)>, Malformed> {
    let token = body.u8()?;
    let found = match token {
        0x1F => (SqlType::Int, Value::Null),
        0x26 => {
            let _size = body.u8()?;
            let bytes = counted(body)?;
            let sql = match bytes.len() {
                1 => SqlType::TinyInt,
                2 => SqlType::SmallInt,
                8 => SqlType::BigInt,
                _ => SqlType::Int,
            };
            (sql, integer(bytes))
        }
        0x30 => (SqlType::TinyInt, integer(body.take(1)?)),
        0x34 => (SqlType::SmallInt, integer(body.take(2)?)),
        0x38 => (SqlType::Int, integer(body.take(4)?)),
        0x7F => (SqlType::BigInt, integer(body.take(8)?)),
        0x32 => (SqlType::Bit, integer(body.take(1)?)),
        0x68 => {
            let _size = body.u8()?;
            (SqlType::Bit, integer(counted(body)?))
        }
        0x3B => (SqlType::Real, real(body.take(4)?)),
        0x3E => (SqlType::Float, real(body.take(8)?)),
        0x6D => {
            let _size = body.u8()?;
            let bytes = counted(body)?;
            (if bytes.len() == 4 { SqlType::Real } else { SqlType::Float }, real(bytes))
        }
        0x6A | 0x6C => {
            let _size = body.u8()?;
            let (precision, scale) = (body.u8()?, body.u8()?);
            let bytes = counted(body)?;
            (SqlType::Decimal { precision, scale }, decimal(bytes, scale))
        }
        0x24 => {
            let _size = body.u8()?;
            let bytes = counted(body)?;
            let value = if bytes.len() == 16 { Value::Text(guid_text(bytes)) } else { Value::Null };
            (SqlType::UniqueIdentifier, value)
        }
        0x28 => {
            let bytes = counted(body)?;
            (SqlType::Date, moment(SqlType::Date, bytes, 0))
        }
        0x29..=0x2B => {
            let scale = body.u8()?;
            let bytes = counted(body)?;
            let sql = match token {
                0x29 => SqlType::Time(scale.min(7)),
                0x2A => SqlType::DateTime2(scale.min(7)),
                _ => SqlType::DateTimeOffset(scale.min(7)),
            };
            (sql, moment(sql, bytes, scale.min(7)))
        }
        0x6F => {
            let _size = body.u8()?;
            let bytes = counted(body)?;
            (SqlType::DateTime, old_moment(bytes))
        }
        0xE7 | 0xEF | 0xA7 | 0xAF => {
            let size = body.u16()?;
            let _collation = body.take(5)?;
            let bytes = if size == 0xFFFF { chunked(body)? } else { short(body)? };
            let national = matches!(token, 0xE7 | 0xEF);
            let sql = if national { SqlType::NVARCHAR_MAX } else { SqlType::VarChar(Length::Max) };
            let text = bytes.map(|bytes| if national { utf16(&bytes) } else { windows_1252(&bytes) });
            (sql, text.map_or(Value::Null, Value::Text))
        }
        0xA5 | 0xAD => {
            let size = body.u16()?;
            let bytes = if size == 0xFFFF { chunked(body)? } else { short(body)? };
            (SqlType::VarBinary(Length::Max), bytes.map_or(Value::Null, Value::Blob))
        }
        _ => return Ok(None),
    };
    Ok(Some((found.0.into(), found.1)))
}

fn windows_1252(bytes: &[u8]) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

fn counted<'a>(body: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::from(body.u8()?);
    body.take(length)
}

fn short(body: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    match body.u16()? {
        0xFFFF => Ok(None),
        length => Ok(Some(body.take(usize::from(length))?.to_vec())),
    }
}

fn chunked(body: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    if body.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    loop {
        let length = usize::try_from(body.u32()?).map_err(|_| Malformed("a chunk that is too long"))?;
        if length == 0 {
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(body.take(length)?);
    }
}

fn integer(bytes: &[u8]) -> Value {
    let mut all = [0; 8];
    match bytes.len() {
        1 => return Value::Integer(i64::from(bytes[0])),
        2 | 4 | 8 => all[..bytes.len()].copy_from_slice(bytes),
        _ => return Value::Null,
    }
    let shift = 64 - bytes.len() * 8;
    Value::Integer(i64::from_le_bytes(all) << shift >> shift)
}

fn real(bytes: &[u8]) -> Value {
    match (<[u8; 4]>::try_from(bytes), <[u8; 8]>::try_from(bytes)) {
        (Ok(bytes), _) => Value::Real(f64::from(f32::from_le_bytes(bytes))),
        (_, Ok(bytes)) => Value::Real(f64::from_le_bytes(bytes)),
        _ => Value::Null,
    }
}

fn decimal(bytes: &[u8], scale: u8) -> Value {
    let Some((sign, digits)) = bytes.split_first() else { return Value::Null };
    let mut all = [0; 16];
    let length = digits.len().min(16);
    all[..length].copy_from_slice(&digits[..length]);
    let digits = i128::from_le_bytes(all);
    let digits = if *sign == 0 { -digits } else { digits };
    Value::Text(Decimal { digits, scale: scale.min(38) }.to_string())
}

fn little(bytes: &[u8]) -> i64 {
    bytes.iter().take(7).rev().fold(0, |sum, byte| sum << 8 | i64::from(*byte))
}

/// A date, a time, both, or both with a distance to UTC.
fn moment(sql: SqlType, bytes: &[u8], scale: u8) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    let tail = match sql {
        SqlType::Time(_) => 0,
        SqlType::DateTimeOffset(_) => 5,
        _ => 3,
    };
    let Some(time) = bytes.len().checked_sub(tail) else { return Value::Null };
    let ticks = (little(&bytes[..time]) * 10_i64.pow(u32::from(7 - scale))).rem_euclid(DAY);
    let day =
        bytes.get(time..time + 3).map_or(DAY_1900, |date| i32::try_from(little(date)).unwrap_or(DAY_1900));
    let utc = Moment { day, ticks, offset: 0 };
    let local = match bytes.get(time + 3..time + 5) {
        Some(offset) => {
            let minutes = i16::from_le_bytes([offset[0], offset[1]]);
            let shifted = Moment { offset: -minutes, ..utc }.utc();
            Moment { offset: minutes, ..shifted }
        }
        None => utc,
    };
    local.fit(sql).map_or(Value::Null, |moment| Value::Text(moment.stored(sql)))
}

fn old_moment(bytes: &[u8]) -> Value {
    let moment = match bytes.len() {
        8 => {
            let days = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let three_hundredths = little(&bytes[4..]);
            Moment { day: DAY_1900.saturating_add(days), ticks: three_hundredths * SECOND / 300, offset: 0 }
        }
        4 => Moment {
            day: DAY_1900 + i32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
            ticks: little(&bytes[2..]) * 60 * SECOND,
            offset: 0,
        },
        _ => return Value::Null,
    };
    moment.fit(SqlType::DateTime).map_or(Value::Null, |moment| Value::Text(moment.stored(SqlType::DateTime)))
}
