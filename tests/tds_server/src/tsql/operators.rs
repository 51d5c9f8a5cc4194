//! Operators whose meaning depends on the types of both sides: `+` and its like, and comparisons.

use super::{Rendered, Translator, literal};
use crate::engine::functions::type_argument;
use crate::sql_type::{Family, Length, SqlType, Typed};

impl Translator<'_> {
    /// `+`: texts are joined, everything else is added.
    pub(super) fn sum(&self, left: &Rendered, right: &Rendered) -> Rendered {
        let (one, other) = (left.typed.sql, right.typed.sql);
        let both = |family: Family| one.family() == family && other.family() == family;
        if both(Family::Text) {
            let most = if one.is_national() || other.is_national() { 4000 } else { 8000 };
            let length = match (one.longest(), other.longest()) {
                (Some(left), Some(right)) => Length::Of(left.saturating_add(right).min(most)),
                _ => Length::Max,
            };
            let sql = if most == 4000 { SqlType::NVarChar(length) } else { SqlType::VarChar(length) };
            return Rendered {
                sql: format!("({} || {})", left.sql, right.sql),
                typed: Typed { sql, collation: left.typed.collation.clone() },
                is_column: false,
            };
        }
        if both(Family::Binary) {
            return Rendered::new(
                format!("({} || {})", left.sql, right.sql),
                SqlType::VarBinary(Length::Max),
            );
        }
        if one.family() == Family::Moment && other.family() == Family::Integer {
            return Rendered {
                sql: format!(
                    "tds_dateadd('day', {}, {}, {})",
                    right.sql,
                    left.sql,
                    literal(&type_argument(&left.typed))
                ),
                typed: left.typed.clone(),
                is_column: false,
            };
        }
        self.arithmetic("+", left, right)
    }

    pub(super) fn arithmetic(&self, operator: &str, left: &Rendered, right: &Rendered) -> Rendered {
        let numeric = |side: &Rendered, other: &Rendered| {
            if side.typed.sql.family() == Family::Text && other.typed.sql.family() != Family::Text {
                self.cast_to(side, &other.typed, None, false)
            } else {
                side.clone()
            }
        };
        let (left, right) = (numeric(left, right), numeric(right, left));
        let common = left.typed.sql.common(right.typed.sql);
        match common.family() {
            Family::Decimal => {
                let (one, other) = (left.typed.sql.scale(), right.typed.sql.scale());
                let scale = match operator {
                    _ if matches!(common, SqlType::Money | SqlType::SmallMoney) => 4,
                    "*" => one + other,
                    "/" => (one + right.typed.sql.precision() + 1).max(6),
                    _ => one.max(other),
                }
                .min(38);
                let sql = format!("tds_arithmetic('{operator}', {}, {}, {scale})", left.sql, right.sql);
                let typed = if matches!(common, SqlType::Money | SqlType::SmallMoney) {
                    common
                } else {
                    SqlType::Decimal { precision: 38, scale }
                };
                Rendered::new(sql, typed)
            }
            _ if matches!(operator, "/" | "%") => {
                let function = if operator == "/" { "tds_checked_divide" } else { "tds_checked_modulo" };
                Rendered::new(format!("{function}({}, {})", left.sql, right.sql), common)
            }
            _ => {
                let sum = Rendered::new(format!("({} {operator} {})", left.sql, right.sql), SqlType::BigInt);
                match common {
                    // An overflow is an error, not a larger type.
                    SqlType::Int | SqlType::SmallInt | SqlType::TinyInt => {
                        self.cast_to(&sum, &common.into(), None, false)
                    }
                    _ => Rendered { typed: common.into(), ..sum },
                }
            }
        }
    }
}

/// Two values so that SQLite compares them the way SQL Server would.
pub(super) fn comparable(left: &Rendered, right: &Rendered) -> (String, String) {
    let (one, other) = (left.typed.sql.family(), right.typed.sql.family());
    let cast = |value: &Rendered, to: &Typed| {
        if value.typed.sql == to.sql || value.sql == "NULL" {
            return value.sql.clone();
        }
        format!(
            "tds_cast({}, {}, {}, NULL)",
            value.sql,
            literal(&type_argument(&value.typed)),
            literal(&type_argument(to))
        )
    };
    match (one, other) {
        (Family::Moment, Family::Moment) => {
            let common = Typed::from(left.typed.sql.common(right.typed.sql));
            (cast(left, &common), cast(right, &common))
        }
        (Family::Moment, Family::Text) => (left.sql.clone(), cast(right, &left.typed)),
        (Family::Text, Family::Moment) => (cast(left, &right.typed), right.sql.clone()),
        (Family::Integer | Family::Float | Family::Decimal, Family::Text) => {
            (number_of(left), number_of_text(right, left.typed.sql))
        }
        (Family::Text, Family::Integer | Family::Float | Family::Decimal) => {
            (number_of_text(left, right.typed.sql), number_of(right))
        }
        (Family::Decimal, Family::Decimal) if left.is_column || right.is_column => {
            (left.sql.clone(), right.sql.clone())
        }
        (Family::Decimal, _) | (_, Family::Decimal) => (number_of(left), number_of(right)),
        (Family::Text, Family::Text) if !left.is_column && !right.is_column => {
            (super::select::with_collation(left), right.sql.clone())
        }
        (Family::Variant, _) if other != Family::Variant => (cast(left, &right.typed), right.sql.clone()),
        (_, Family::Variant) if one != Family::Variant => (left.sql.clone(), cast(right, &left.typed)),
        _ => (left.sql.clone(), right.sql.clone()),
    }
}

fn number_of(value: &Rendered) -> String {
    match value.typed.sql.family() {
        Family::Decimal => format!("tds_number({})", value.sql),
        _ => value.sql.clone(),
    }
}

/// A text that is compared with a number is a number.
fn number_of_text(value: &Rendered, number: SqlType) -> String {
    let cast = format!(
        "tds_cast({}, {}, {}, NULL)",
        value.sql,
        literal(&type_argument(&value.typed)),
        literal(&number.declaration())
    );
    if number.family() == Family::Decimal { format!("tds_number({cast})") } else { cast }
}
