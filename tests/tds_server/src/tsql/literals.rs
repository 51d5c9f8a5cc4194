//! Literals and variables.

use rusqlite::types::Value;
use sqlparser::ast::Value as Literal;

use super::{Rendered, Translator, literal};
use crate::collation::Collation;
use crate::decimal::Decimal;
use crate::engine::errors::syntax;
use crate::sql_type::{Length, SqlType};
use crate::token::ServerMessage;

impl Translator<'_> {
    pub(super) fn literal(&self, value: &Literal) -> Result<Rendered, ServerMessage> {
        let text_length = |text: &str, most: u16| match u16::try_from(crate::bytes::units(text)) {
            Ok(length) if length <= most => Length::Of(length.max(1)),
            _ => Length::Max,
        };
        Ok(match value {
            Literal::Number(digits, _) => number_literal(digits)?,
            Literal::SingleQuotedString(text) => {
                let text = Collation::default().squeeze(text);
                Rendered::new(literal(&text), SqlType::VarChar(text_length(&text, 8000)))
            }
            Literal::NationalStringLiteral(text) => {
                Rendered::new(literal(text), SqlType::NVarChar(text_length(text, 4000)))
            }
            Literal::HexStringLiteral(digits) => {
                let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.clone() };
                let length = u16::try_from(digits.len() / 2).unwrap_or(8000).max(1);
                Rendered::new(format!("X'{digits}'"), SqlType::VarBinary(Length::Of(length)))
            }
            Literal::Null => Rendered::new("NULL", SqlType::Int),
            other => return Err(syntax(&other.to_string())),
        })
    }

    pub(super) fn variable(&self, name: &str) -> Result<Rendered, ServerMessage> {
        let text = |text: &str| Ok(Rendered::new(literal(text), SqlType::NVarChar(Length::Of(4000))));
        let number = |number: i64| Ok(Rendered::new(number.to_string(), SqlType::Int));
        match name.to_ascii_lowercase().as_str() {
            "@@rowcount" => number(self.facts.row_count),
            "@@spid" => Ok(Rendered::new(self.facts.spid.to_string(), SqlType::SmallInt)),
            "@@version" => text(super::function::VERSION_TEXT),
            "@@servername" => text(&self.facts.server),
            "@@servicename" => text("MSSQLSERVER"),
            "@@language" => text(self.facts.language),
            "@@trancount" => number(self.facts.transactions),
            "@@error" => number(0),
            "@@datefirst" => number(7),
            "@@lock_timeout" => number(-1),
            "@@max_connections" => number(32_767),
            "@@identity" => match self.facts.identity {
                Some(identity) => Ok(Rendered::new(identity.to_string(), SqlType::BigInt)),
                None => Ok(Rendered::new("NULL", SqlType::BigInt)),
            },
            lower => match self.variables.get(lower) {
                Some((typed, value)) => {
                    Ok(Rendered { sql: value_literal(value), typed: typed.clone(), is_column: false })
                }
                None => {
                    Err(ServerMessage::error(137, format!("Must declare the scalar variable \"{name}\"."))
                        .class(15)
                        .state(2))
                }
            },
        }
    }
}

/// A number as it is written: exact, unless it has an exponent.
pub(super) fn number_literal(digits: &str) -> Result<Rendered, ServerMessage> {
    if digits.contains(['e', 'E']) {
        return Ok(Rendered::new(digits, SqlType::Float));
    }
    let digits = digits.trim_start_matches('$');
    if let Ok(number) = digits.parse::<i64>()
        && i32::try_from(number).is_ok()
    {
        return Ok(Rendered::new(digits, SqlType::Int));
    }
    let number = Decimal::parse(digits).ok_or_else(|| syntax(digits))?;
    let precision =
        u8::try_from(number.digits.unsigned_abs().to_string().len()).unwrap_or(38).max(number.scale);
    if precision > 38 {
        return Err(syntax(digits));
    }
    Ok(Rendered::new(
        literal(&number.to_string()),
        SqlType::Decimal { precision: precision.max(1), scale: number.scale },
    ))
}

/// A value as a literal of SQLite.
pub(crate) fn value_literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) if number.is_finite() => format!("{number:e}"),
        Value::Real(_) => "NULL".to_owned(),
        Value::Text(text) => literal(text),
        Value::Blob(bytes) => format!("X'{}'", crate::hex::hex(bytes)),
    }
}
