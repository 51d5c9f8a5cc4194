//! The functions of T-SQL, as SQLite and `engine::functions` have them.

use sqlparser::ast::{DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::expression::{common_type, is_null, variable_length};
use super::{Rendered, Translator, literal};
use crate::engine::errors::not_understood;
use crate::engine::functions::type_argument;
use crate::sql_type::{Family, Length, SqlType, Typed};
use crate::token::ServerMessage;

/// `@@VERSION`.
pub(super) const VERSION_TEXT: &str =
    "Microsoft SQL Server 2022 (TDS test server) - 16.0.4181.0 (X64)\n\tDeveloper Edition on SQLite";

const TEXT_4000: SqlType = SqlType::NVarChar(Length::Of(4000));

impl Translator<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Result<Rendered, ServerMessage> {
        let full_name = function.name.to_string();
        let name = full_name.trim_matches(['[', ']']).to_ascii_lowercase();
        let (arguments, distinct) = arguments(function)?;
        let starred = arguments.iter().any(|argument| argument.is_none());
        let expressions: Vec<&Expr> = arguments.into_iter().flatten().collect();
        if let Some(aggregate) = self.aggregate(&name, &expressions, starred, distinct, function)? {
            return Ok(aggregate);
        }
        if starred || distinct || function.over.is_some() {
            return Err(not_understood(&format!("{name} used like this")));
        }
        if matches!(name.as_str(), "datepart" | "dateadd" | "datediff" | "datediff_big" | "datename") {
            return self.date_function(&name, &expressions);
        }
        let mut rendered = Vec::new();
        for expression in &expressions {
            rendered.push(self.expression(expression)?);
        }
        if let Some(fact) = self.fact(&name, &expressions, &rendered)? {
            return Ok(fact);
        }
        let nulls: Vec<bool> = expressions.iter().map(|expression| is_null(expression)).collect();
        self.scalar(&name, &rendered, &nulls)
    }

    fn scalar(&self, name: &str, arguments: &[Rendered], nulls: &[bool]) -> Result<Rendered, ServerMessage> {
        let all = || arguments.iter().map(|argument| argument.sql.as_str()).collect::<Vec<_>>().join(", ");
        let call = |function: &str, of: SqlType| Ok(Rendered::new(format!("{function}({})", all()), of));
        let of_first = |function: &str| {
            let typed = arguments.first().map_or(TEXT_4000.into(), |first| variable_length(&first.typed));
            Ok(Rendered { sql: format!("{function}({})", all()), typed, is_column: false })
        };
        let same = |function: &str| {
            let typed = arguments.first().map_or(SqlType::Int.into(), |first| first.typed.clone());
            Ok(Rendered { sql: format!("{function}({})", all()), typed, is_column: false })
        };
        let count = |least: usize, most: usize| {
            if (least..=most).contains(&arguments.len()) {
                return Ok(());
            }
            Err(ServerMessage::error(174, format!("The {name} function requires {least} argument(s)."))
                .class(15))
        };
        let texts = |function: &str| {
            let parts: Vec<String> = arguments
                .iter()
                .map(|argument| self.cast_to(argument, &SqlType::NVARCHAR_MAX.into(), None, false).sql)
                .collect();
            let long = arguments.iter().any(|argument| {
                argument.typed.sql.family() == Family::Text && argument.typed.sql.longest().is_none()
            });
            let of = if long { SqlType::NVARCHAR_MAX } else { TEXT_4000 };
            Ok(Rendered::new(format!("{function}({})", parts.join(", ")), of))
        };
        match name {
            "len" => count(1, 1).and_then(|()| call("tds_len", SqlType::Int)),
            "datalength" => {
                count(1, 1)?;
                let typed = literal(&type_argument(&arguments[0].typed));
                Ok(Rendered::new(format!("tds_datalength({}, {typed})", all()), SqlType::Int))
            }
            "isnull" => {
                count(2, 2)?;
                let typed = if nulls[0] { &arguments[1].typed } else { &arguments[0].typed };
                let other = self.cast_to(&arguments[1], typed, None, false);
                Ok(Rendered {
                    sql: format!("ifnull({}, {})", arguments[0].sql, other.sql),
                    typed: typed.clone(),
                    is_column: false,
                })
            }
            "coalesce" => {
                count(1, usize::MAX)?;
                let typed = common_type(arguments.iter().zip(nulls.iter().copied()));
                let parts: Vec<String> = arguments
                    .iter()
                    .map(|argument| self.cast_to(argument, &typed, None, false).sql)
                    .collect();
                let sql =
                    if parts.len() == 1 { parts.concat() } else { format!("coalesce({})", parts.join(", ")) };
                Ok(Rendered { sql, typed, is_column: false })
            }
            "nullif" => {
                count(2, 2)?;
                let (left, right) = super::operators::comparable(&arguments[0], &arguments[1]);
                Ok(Rendered {
                    sql: format!("CASE WHEN {left} = {right} THEN NULL ELSE {} END", arguments[0].sql),
                    typed: arguments[0].typed.clone(),
                    is_column: false,
                })
            }
            "iif" => {
                count(3, 3)?;
                let typed = common_type(arguments[1..].iter().zip(nulls[1..].iter().copied()));
                let branch = |at: usize| self.cast_to(&arguments[at], &typed, None, false).sql;
                Ok(Rendered {
                    sql: format!("CASE WHEN {} THEN {} ELSE {} END", arguments[0].sql, branch(1), branch(2)),
                    typed: typed.clone(),
                    is_column: false,
                })
            }
            "upper" => count(1, 1).and_then(|()| of_first("tds_upper")),
            "lower" => count(1, 1).and_then(|()| of_first("tds_lower")),
            "ltrim" => count(1, 1).and_then(|()| of_first("tds_ltrim")),
            "rtrim" => count(1, 1).and_then(|()| of_first("tds_rtrim")),
            "trim" => count(1, 1).and_then(|()| of_first("tds_trim")),
            "reverse" => count(1, 1).and_then(|()| of_first("tds_reverse")),
            "left" => count(2, 2).and_then(|()| of_first("tds_left")),
            "right" => count(2, 2).and_then(|()| of_first("tds_right")),
            "substring" => count(3, 3).and_then(|()| of_first("tds_substring")),
            "replace" => {
                count(3, 3)?;
                of_first("tds_replace").map(|replaced| Rendered {
                    typed: TEXT_4000.common(replaced.typed.sql).into(),
                    ..replaced
                })
            }
            "stuff" => {
                count(4, 4)?;
                of_first("tds_stuff")
                    .map(|stuffed| Rendered { typed: TEXT_4000.common(stuffed.typed.sql).into(), ..stuffed })
            }
            "replicate" => {
                count(2, 2)?;
                of_first("tds_replicate").map(|repeated| {
                    let long = repeated.typed.sql.longest().is_none();
                    let sql = match (repeated.typed.sql.is_national(), long) {
                        (true, true) => SqlType::NVARCHAR_MAX,
                        (true, false) => TEXT_4000,
                        (false, true) => SqlType::VarChar(Length::Max),
                        (false, false) => SqlType::VarChar(Length::Of(8000)),
                    };
                    self.cast_to(
                        &repeated,
                        &Typed { sql, collation: repeated.typed.collation.clone() },
                        None,
                        false,
                    )
                })
            }
            "space" => {
                count(1, 1)?;
                Ok(Rendered::new(
                    format!("tds_replicate(' ', {})", arguments[0].sql),
                    SqlType::VarChar(Length::Of(8000)),
                ))
            }
            "charindex" => count(2, 3).and_then(|()| call("tds_charindex", SqlType::Int)),
            "ascii" => count(1, 1).and_then(|()| call("tds_ascii", SqlType::Int)),
            "unicode" => count(1, 1).and_then(|()| call("tds_unicode", SqlType::Int)),
            "char" => count(1, 1).and_then(|()| call("tds_char", SqlType::Char(1))),
            "nchar" => count(1, 1).and_then(|()| call("tds_nchar", SqlType::NVarChar(Length::Of(2)))),
            "concat" => count(2, 254).and_then(|()| texts("tds_concat")),
            "concat_ws" => count(3, 254).and_then(|()| texts("tds_concat_ws")),
            "isnumeric" => count(1, 1).and_then(|()| call("tds_isnumeric", SqlType::Int)),
            "abs" => {
                count(1, 1)?;
                let first = &arguments[0];
                match first.typed.sql.family() {
                    Family::Decimal => Ok(Rendered {
                        sql: format!("ltrim({}, '-')", first.sql),
                        typed: first.typed.clone(),
                        is_column: false,
                    }),
                    _ => same("abs"),
                }
            }
            "round" => count(2, 2).and_then(|()| same("tds_round")),
            "sqrt" | "power" | "exp" | "log" | "sign" => {
                let parts: Vec<String> =
                    arguments.iter().map(|argument| format!("tds_number({})", argument.sql)).collect();
                Ok(Rendered::new(format!("{name}({})", parts.join(", ")), SqlType::Float))
            }
            "rand" => Ok(Rendered::new("(abs(random()) / 9223372036854775808.0)", SqlType::Float)),
            "checksum" | "binary_checksum" => call("tds_len", SqlType::Int),
            "newid" | "newsequentialid" => Ok(Rendered::new("tds_newid()", SqlType::UniqueIdentifier)),
            "sql_variant_property" => {
                count(2, 2)?;
                call("tds_variant_property", TEXT_4000)
            }
            "getdate" | "getutcdate" | "current_timestamp" => now(SqlType::DateTime),
            "sysdatetime" | "sysutcdatetime" => now(SqlType::DateTime2(7)),
            "sysdatetimeoffset" => now(SqlType::DateTimeOffset(7)),
            "year" | "month" | "day" => {
                count(1, 1)?;
                Ok(Rendered::new(format!("tds_datepart('{name}', {})", all()), SqlType::Int))
            }
            _ => Err(ServerMessage::error(
                195,
                format!("'{name}' is not a recognized built-in function name."),
            )
            .class(15)
            .state(10)),
        }
    }

    fn date_function(&mut self, name: &str, arguments: &[&Expr]) -> Result<Rendered, ServerMessage> {
        let [unit, rest @ ..] = arguments else { return Err(not_understood(name)) };
        let unit = literal(&unit.to_string().to_ascii_lowercase());
        let mut rendered = Vec::new();
        for expression in rest {
            rendered.push(self.expression(expression)?);
        }
        match (name, &rendered[..]) {
            ("datepart", [moment]) => {
                Ok(Rendered::new(format!("tds_datepart({unit}, {})", moment.sql), SqlType::Int))
            }
            ("dateadd", [count, moment]) => {
                let typed = if moment.typed.sql.family() == Family::Moment {
                    moment.typed.clone()
                } else {
                    SqlType::DateTime.into()
                };
                let sql = format!(
                    "tds_dateadd({unit}, {}, {}, {})",
                    count.sql,
                    moment.sql,
                    literal(&type_argument(&typed))
                );
                Ok(Rendered { sql, typed, is_column: false })
            }
            ("datediff" | "datediff_big", [from, until]) => {
                let of = if name == "datediff" { SqlType::Int } else { SqlType::BigInt };
                Ok(Rendered::new(format!("tds_datediff({unit}, {}, {})", from.sql, until.sql), of))
            }
            _ => Err(not_understood(name)),
        }
    }
}

fn now(sql: SqlType) -> Result<Rendered, ServerMessage> {
    Ok(Rendered::new(format!("tds_now({})", literal(&sql.declaration())), sql))
}

/// The arguments, `*` as none, and whether only different ones count.
fn arguments(function: &Function) -> Result<(Vec<Option<&Expr>>, bool), ServerMessage> {
    match &function.args {
        FunctionArguments::None => Ok((Vec::new(), false)),
        FunctionArguments::Subquery(_) => Err(not_understood("a query as an argument")),
        FunctionArguments::List(list) => {
            let mut found = Vec::new();
            for argument in &list.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => found.push(Some(expression)),
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => found.push(None),
                    _ => return Err(not_understood("an argument of this kind")),
                }
            }
            Ok((found, list.duplicate_treatment == Some(DuplicateTreatment::Distinct)))
        }
    }
}
