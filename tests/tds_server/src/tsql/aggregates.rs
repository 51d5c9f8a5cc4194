//! Aggregates and window functions.

use sqlparser::ast::{Expr, Function, WindowType};

use super::select::with_collation;
use super::{Rendered, Translator};
use crate::engine::errors::not_understood;
use crate::sql_type::{Family, SqlType};
use crate::token::ServerMessage;

impl Translator<'_> {
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        arguments: &[&Expr],
        starred: bool,
        distinct: bool,
        function: &Function,
    ) -> Result<Option<Rendered>, ServerMessage> {
        let over = match &function.over {
            None => String::new(),
            Some(WindowType::WindowSpec(window)) => {
                let mut parts = Vec::new();
                if !window.partition_by.is_empty() {
                    let keys = window
                        .partition_by
                        .iter()
                        .map(|key| self.expression(key).map(|key| with_collation(&key)))
                        .collect::<Result<Vec<_>, _>>()?;
                    parts.push(format!("PARTITION BY {}", keys.join(", ")));
                }
                if !window.order_by.is_empty() {
                    let keys = window
                        .order_by
                        .iter()
                        .map(|key| self.order_key(key, &[]))
                        .collect::<Result<Vec<_>, _>>()?;
                    parts.push(format!("ORDER BY {}", keys.join(", ")));
                }
                format!(" OVER ({})", parts.join(" "))
            }
            Some(WindowType::NamedWindow(_)) => return Err(not_understood("a named window")),
        };
        let word = if distinct { "DISTINCT " } else { "" };
        let single = match arguments {
            [argument] if !starred => Some(self.expression(argument)?),
            _ => None,
        };
        let call = |function: &str, inner: &str, of: SqlType| {
            Ok(Some(Rendered::new(format!("{function}({word}{inner}){over}"), of)))
        };
        match (name, single) {
            ("count" | "count_big", single) => {
                let inner = match (&single, starred) {
                    (Some(single), _) => single.sql.as_str(),
                    (None, true) => "*",
                    (None, false) => return Err(not_understood("COUNT without an argument")),
                };
                call("count", inner, if name == "count" { SqlType::Int } else { SqlType::BigInt })
            }
            ("min" | "max", Some(single)) => Ok(Some(Rendered {
                sql: format!("{name}({word}{}){over}", with_collation(&single)),
                typed: single.typed,
                is_column: false,
            })),
            ("sum" | "avg", Some(single)) => {
                let of = match single.typed.sql {
                    SqlType::BigInt => SqlType::BigInt,
                    SqlType::Money | SqlType::SmallMoney => SqlType::Money,
                    SqlType::Decimal { scale, .. } => SqlType::Decimal { precision: 38, scale },
                    sql if sql.family() == Family::Integer => SqlType::Int,
                    _ => SqlType::Float,
                };
                let sum = Rendered::new(
                    format!("{name}({word}{}){over}", single.sql),
                    if name == "sum" && of.family() == Family::Integer {
                        SqlType::BigInt
                    } else {
                        SqlType::Float
                    },
                );
                Ok(Some(self.cast_to(&sum, &of.into(), None, false)))
            }
            ("string_agg", None) => {
                let [text, between] = arguments else { return Err(not_understood("this STRING_AGG")) };
                let (text, between) = (self.expression(text)?, self.expression(between)?);
                let order = match function.within_group.first() {
                    Some(key) => format!(" ORDER BY {}", self.order_key(key, &[])?),
                    None => String::new(),
                };
                Ok(Some(Rendered::new(
                    format!("group_concat({}, {}{order})", text.sql, between.sql),
                    SqlType::NVARCHAR_MAX,
                )))
            }
            ("row_number" | "rank" | "dense_rank", None) if !over.is_empty() => {
                call(name, "", SqlType::BigInt)
            }
            _ => Ok(None),
        }
    }
}
