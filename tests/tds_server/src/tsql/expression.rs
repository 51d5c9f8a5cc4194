//! Expressions: what they are in SQLite's SQL, and of which type.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, TrimWhereField,
    UnaryOperator, Value as Literal,
};

use super::literals::number_literal;
use super::operators::comparable;
use super::{Rendered, Translator, literal};
use crate::collation::Collation;
use crate::engine::errors::not_understood;
use crate::engine::functions::type_argument;
use crate::sql_type::{Family, Length, SqlType, Typed};
use crate::token::ServerMessage;

/// How deep expressions may be nested; `a + b + c` counts as two.
const DEEPEST: usize = 900;

/// The type that the parser found, as one of ours. `default_length` is for texts without a length.
pub(super) fn type_of(data_type: &DataType, default_length: u16) -> Result<SqlType, ServerMessage> {
    let text = data_type.to_string();
    SqlType::parse(&text, default_length)
        .ok_or_else(|| ServerMessage::error(243, format!("Type {text} is not a defined system type.")))
}

impl Translator<'_> {
    pub(crate) fn expression_sql(&mut self, expression: &Expr) -> Result<(String, Typed), ServerMessage> {
        self.expression(expression).map(|rendered| (rendered.sql, rendered.typed))
    }

    /// An expression within others, which may not be nested without end.
    pub(super) fn expression(&mut self, expression: &Expr) -> Result<Rendered, ServerMessage> {
        self.depth += 1;
        let result = if self.depth > DEEPEST {
            Err(ServerMessage::error(191, "Some part of your SQL statement is nested too deeply.").class(15))
        } else {
            self.any_expression(expression)
        };
        self.depth -= 1;
        result
    }

    fn any_expression(&mut self, expression: &Expr) -> Result<Rendered, ServerMessage> {
        match expression {
            Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.starts_with('@') => {
                self.variable(&ident.value)
            }
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Value(value) => self.literal(&value.value),
            Expr::Nested(inner) => {
                let inner = self.expression(inner)?;
                Ok(Rendered { sql: format!("({})", inner.sql), ..inner })
            }
            Expr::Cast { kind, expr, data_type, format: None } => {
                self.cast(expr, data_type, &[], matches!(kind, CastKind::TryCast | CastKind::SafeCast))
            }
            Expr::Convert { is_try, expr, data_type: Some(data_type), styles, .. } => {
                self.cast(expr, data_type, styles, *is_try)
            }
            Expr::Collate { expr, collation } => {
                let inner = self.expression(expr)?;
                let name = collation.to_string();
                let name = name.trim_matches(['[', ']']);
                let collation = match name.to_ascii_lowercase().as_str() {
                    "database_default" | "catalog_default" => Collation::default(),
                    _ => Collation::named(name)
                        .ok_or_else(|| ServerMessage::error(448, format!("Invalid collation '{name}'.")))?,
                };
                Ok(Rendered {
                    sql: format!("{} COLLATE {}", inner.sql, collation.in_sqlite()),
                    typed: Typed { sql: inner.typed.sql, collation },
                    is_column: true,
                })
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::IsNull(inner) => self.test(inner, "IS NULL"),
            Expr::IsNotNull(inner) => self.test(inner, "IS NOT NULL"),
            Expr::InList { expr, list, negated } => {
                let left = self.expression(expr)?;
                let mut pairs = Vec::new();
                for item in list {
                    let item = self.expression(item)?;
                    pairs.push(comparable(&left, &item));
                }
                let not = if *negated { "NOT " } else { "" };
                let first = pairs.first().map(|(left, _)| left.clone()).unwrap_or_default();
                let any = if pairs.iter().all(|(left, _)| *left == first) {
                    let items: Vec<String> = pairs.into_iter().map(|(_, item)| item).collect();
                    format!("{first} IN ({})", items.join(", "))
                } else {
                    let tests: Vec<String> =
                        pairs.iter().map(|(left, right)| format!("{left} = {right}")).collect();
                    tests.join(" OR ")
                };
                Ok(Rendered::new(format!("{not}({any})"), SqlType::Bit))
            }
            Expr::InSubquery { expr, subquery, negated } => {
                let left = self.expression(expr)?;
                let (query, columns) = self.any_query(subquery)?;
                if columns.len() != 1 {
                    return Err(ServerMessage::error(
                        116,
                        "Only one expression can be specified in the select list when the subquery is not \
                         introduced with EXISTS.",
                    ));
                }
                let not = if *negated { "NOT " } else { "" };
                Ok(Rendered::new(
                    format!("{} {not}IN ({query})", super::select::with_collation(&left)),
                    SqlType::Bit,
                ))
            }
            Expr::Exists { subquery, negated } => {
                let (query, _) = self.any_query(subquery)?;
                let not = if *negated { "NOT " } else { "" };
                Ok(Rendered::new(format!("{not}EXISTS ({query})"), SqlType::Bit))
            }
            Expr::Subquery(query) => {
                let (query, columns) = self.any_query(query)?;
                let typed = columns.first().map_or(SqlType::Int.into(), |column| column.typed.clone());
                Ok(Rendered { sql: format!("({query})"), typed, is_column: false })
            }
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) =
                    (self.expression(expr)?, self.expression(low)?, self.expression(high)?);
                let (left, low) = comparable(&value, &low);
                let (again, high) = comparable(&value, &high);
                let not = if *negated { "NOT " } else { "" };
                Ok(Rendered::new(format!("{not}({left} >= {low} AND {again} <= {high})"), SqlType::Bit))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let (text, pattern) = (self.expression(expr)?, self.expression(pattern)?);
                let escape = match escape_char {
                    Some(escape) => format!(", {}", self.expression(escape)?.sql),
                    None => String::new(),
                };
                let not = if *negated { "NOT " } else { "" };
                Ok(Rendered::new(
                    format!("{not}tds_like({}, {}{escape})", pattern.sql, text.sql),
                    SqlType::Bit,
                ))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Function(function) => self.function(function),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let text = self.expression(expr)?;
                let from = self.optional(substring_from.as_deref(), "1")?;
                let count = self.optional(substring_for.as_deref(), "2147483647")?;
                Ok(Rendered {
                    sql: format!("tds_substring({}, {from}, {count})", text.sql),
                    typed: variable_length(&text.typed),
                    is_column: false,
                })
            }
            Expr::Trim { trim_where, trim_what: None, expr, trim_characters: None } => {
                let text = self.expression(expr)?;
                let function = match trim_where {
                    Some(TrimWhereField::Leading) => "tds_ltrim",
                    Some(TrimWhereField::Trailing) => "tds_rtrim",
                    _ => "tds_trim",
                };
                Ok(Rendered {
                    sql: format!("{function}({})", text.sql),
                    typed: variable_length(&text.typed),
                    is_column: false,
                })
            }
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.rounded("ceil", expr)
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                self.rounded("floor", expr)
            }
            Expr::AtTimeZone { timestamp, .. } => {
                let moment = self.expression(timestamp)?;
                Ok(self.cast_to(&moment, &SqlType::DateTimeOffset(7).into(), None, false))
            }
            Expr::Prefixed { prefix, value } if prefix.value.eq_ignore_ascii_case("N") => {
                self.expression(value)
            }
            other => Err(not_understood(&format!("the expression {other}"))),
        }
    }

    fn optional(&mut self, expression: Option<&Expr>, otherwise: &str) -> Result<String, ServerMessage> {
        match expression {
            Some(expression) => Ok(self.expression(expression)?.sql),
            None => Ok(otherwise.to_owned()),
        }
    }

    fn test(&mut self, inner: &Expr, test: &str) -> Result<Rendered, ServerMessage> {
        Ok(Rendered::new(format!("({}) {test}", self.expression(inner)?.sql), SqlType::Bit))
    }

    fn rounded(&mut self, function: &str, inner: &Expr) -> Result<Rendered, ServerMessage> {
        let inner = self.expression(inner)?;
        let sql = Rendered::new(format!("{function}(tds_number({}))", inner.sql), SqlType::Float);
        Ok(match inner.typed.sql.family() {
            Family::Float | Family::Text => sql,
            _ => self.cast_to(&sql, &inner.typed, None, false),
        })
    }

    fn cast(
        &mut self,
        expression: &Expr,
        data_type: &DataType,
        styles: &[Expr],
        is_try: bool,
    ) -> Result<Rendered, ServerMessage> {
        let value = self.expression(expression)?;
        let to = type_of(data_type, 30)?;
        let style = match styles.first() {
            Some(style) => Some(self.expression(style)?.sql),
            None => None,
        };
        let collation = if value.typed.sql.has_collation() {
            value.typed.collation.clone()
        } else {
            Collation::default()
        };
        Ok(self.cast_to(&value, &Typed { sql: to, collation }, style.as_deref(), is_try))
    }

    /// The same value as another type; nothing is done when SQLite's value is the same.
    pub(super) fn cast_to(
        &self,
        value: &Rendered,
        to: &Typed,
        style: Option<&str>,
        is_try: bool,
    ) -> Rendered {
        let from = &value.typed;
        let unchanged = from == to
            || from.sql.family() == Family::Text
                && to.sql.is_national()
                && to.sql.longest().is_none()
                && !matches!(to.sql, SqlType::Xml);
        let sql = if unchanged {
            value.sql.clone()
        } else if from.sql.family() == Family::Integer && to.sql == SqlType::NVARCHAR_MAX && value.is_column {
            format!("CAST({} AS TEXT)", value.sql)
        } else {
            let function = if is_try { "tds_try_cast" } else { "tds_cast" };
            format!(
                "{function}({}, {}, {}, {})",
                value.sql,
                literal(&type_argument(from)),
                literal(&type_argument(to)),
                style.unwrap_or("NULL")
            )
        };
        Rendered { sql, typed: to.clone(), is_column: false }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Rendered, ServerMessage> {
        let operand = match operand {
            Some(operand) => Some(self.expression(operand)?),
            None => None,
        };
        let mut branches = Vec::new();
        for branch in conditions {
            let condition = self.expression(&branch.condition)?;
            let condition = match &operand {
                Some(operand) => {
                    let (left, right) = comparable(operand, &condition);
                    format!("{left} = {right}")
                }
                None => condition.sql,
            };
            branches.push((condition, self.expression(&branch.result)?, is_null(&branch.result)));
        }
        let otherwise = match otherwise {
            Some(value) => Some((self.expression(value)?, is_null(value))),
            None => None,
        };
        let results = branches
            .iter()
            .map(|(_, result, null)| (result, *null))
            .chain(otherwise.iter().map(|(result, null)| (result, *null)));
        let typed = common_type(results);
        let mut sql = "CASE".to_owned();
        for (condition, result, _) in &branches {
            sql.push_str(&format!(
                " WHEN {condition} THEN {}",
                self.cast_to(result, &typed, None, false).sql
            ));
        }
        if let Some((result, _)) = &otherwise {
            sql.push_str(&format!(" ELSE {}", self.cast_to(result, &typed, None, false).sql));
        }
        sql.push_str(" END");
        Ok(Rendered { sql, typed, is_column: false })
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr) -> Result<Rendered, ServerMessage> {
        if let (UnaryOperator::Minus, Expr::Value(value)) = (operator, inner)
            && let Literal::Number(digits, _) = &value.value
        {
            return number_literal(&format!("-{digits}"));
        }
        let inner = self.expression(inner)?;
        Ok(match operator {
            UnaryOperator::Not => Rendered::new(format!("NOT ({})", inner.sql), SqlType::Bit),
            UnaryOperator::Plus => inner,
            UnaryOperator::Minus if inner.typed.sql.family() == Family::Decimal => Rendered {
                sql: format!("tds_arithmetic('-', '0', {}, {})", inner.sql, inner.typed.sql.scale()),
                is_column: false,
                ..inner
            },
            UnaryOperator::Minus => Rendered { sql: format!("(-{})", inner.sql), is_column: false, ..inner },
            UnaryOperator::BitwiseNot => {
                Rendered { sql: format!("(~{})", inner.sql), is_column: false, ..inner }
            }
            other => return Err(not_understood(&format!("the operator {other}"))),
        })
    }

    fn binary(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Rendered, ServerMessage> {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let compared = |operator: &str| {
            let (left, right) = comparable(&left, &right);
            Ok(Rendered::new(format!("{left} {operator} {right}"), SqlType::Bit))
        };
        match operator {
            BinaryOperator::And => Ok(Rendered::new(format!("{} AND {}", left.sql, right.sql), SqlType::Bit)),
            BinaryOperator::Or => Ok(Rendered::new(format!("({} OR {})", left.sql, right.sql), SqlType::Bit)),
            BinaryOperator::Eq => compared("="),
            BinaryOperator::NotEq => compared("<>"),
            BinaryOperator::Lt => compared("<"),
            BinaryOperator::Gt => compared(">"),
            BinaryOperator::LtEq => compared("<="),
            BinaryOperator::GtEq => compared(">="),
            BinaryOperator::Plus => Ok(self.sum(&left, &right)),
            BinaryOperator::Minus => Ok(self.arithmetic("-", &left, &right)),
            BinaryOperator::Multiply => Ok(self.arithmetic("*", &left, &right)),
            BinaryOperator::Divide => Ok(self.arithmetic("/", &left, &right)),
            BinaryOperator::Modulo => Ok(self.arithmetic("%", &left, &right)),
            BinaryOperator::BitwiseAnd => {
                Ok(Rendered::new(format!("({} & {})", left.sql, right.sql), left.typed.sql))
            }
            BinaryOperator::BitwiseOr => {
                Ok(Rendered::new(format!("({} | {})", left.sql, right.sql), left.typed.sql))
            }
            other => Err(not_understood(&format!("the operator {other}"))),
        }
    }
}

/// Whether an expression is the word NULL, which is of any type.
pub(super) fn is_null(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if value.value == Literal::Null)
}

/// The type that all results have in common; NULL does not count.
pub(super) fn common_type<'r>(results: impl Iterator<Item = (&'r Rendered, bool)>) -> Typed {
    let mut common: Option<Typed> = None;
    for (result, null) in results {
        if null {
            continue;
        }
        common = Some(match common {
            None => result.typed.clone(),
            Some(common) => Typed { sql: common.sql.common(result.typed.sql), collation: common.collation },
        });
    }
    common.unwrap_or_else(|| SqlType::Int.into())
}

/// Texts of a fixed length become texts of any length up to it.
pub(super) fn variable_length(typed: &Typed) -> Typed {
    let sql = match typed.sql {
        SqlType::Char(length) => SqlType::VarChar(Length::Of(length)),
        SqlType::NChar(length) => SqlType::NVarChar(Length::Of(length)),
        SqlType::VarChar(_) | SqlType::NVarChar(_) => typed.sql,
        SqlType::Text => SqlType::VarChar(Length::Max),
        SqlType::NText => SqlType::NVARCHAR_MAX,
        _ => SqlType::NVarChar(Length::Of(4000)),
    };
    Typed { sql, collation: typed.collation.clone() }
}
