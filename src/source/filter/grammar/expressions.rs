//! The expressions that a sync filter may be made of: comparisons, arithmetic, calls of built-in functions.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Spanned, UnaryOperator, Value,
};

use super::{OrRefuse, Refusal, VIEW, place};

/// Refuses an expression that could do more than compute; its parts are looked at by themselves.
pub(super) fn plain_expression(expr: &Expr) -> Result<(), Refusal> {
    let plain = match expr {
        Expr::Identifier(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Collate { .. }
        | Expr::Nested(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_) => true,
        Expr::Convert { data_type, charset, .. } => {
            data_type.as_ref().is_some_and(plain_type) && charset.is_none()
        }
        Expr::CompoundIdentifier(parts) => parts.len() <= 3,
        Expr::Like { any, .. } => !any,
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::Gt
                | BinaryOperator::Lt
                | BinaryOperator::GtEq
                | BinaryOperator::LtEq
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::And
                | BinaryOperator::Or
        ),
        Expr::UnaryOp { op, .. } => {
            matches!(op, UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not)
        }
        Expr::Cast { kind, data_type, format, .. } => {
            matches!(kind, CastKind::Cast | CastKind::TryCast) && format.is_none() && plain_type(data_type)
        }
        Expr::Substring { substring_from, special, .. } => *special && substring_from.is_some(),
        Expr::Trim { trim_where, trim_what, trim_characters, .. } => {
            trim_where.is_none() && trim_what.is_none() && trim_characters.is_none()
        }
        Expr::Value(value) => matches!(
            value.value,
            Value::Number(..) | Value::SingleQuotedString(_) | Value::NationalStringLiteral(_) | Value::Null
        ),
        Expr::Function(function) => return plain_function(function),
        _ => false,
    };
    if plain {
        // Where it is takes as long as it is to find out; nobody asks.
        return Ok(());
    }
    false.or_refuse(
        place(expr.span()),
        "this expression is not supported",
        "Use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, CASE, arithmetic and built-in functions; \
         for anything else make a view.",
    )
}

/// A type is a name, and perhaps lengths in parentheses. The parser takes any words there behind a name that it does
/// not know.
fn plain_type(data_type: &DataType) -> bool {
    let text = data_type.to_string();
    let (name, lengths) = text.split_once('(').unwrap_or((&text, ")"));
    let is_length = |length: &str| {
        let length = length.trim();
        length.bytes().all(|byte| byte.is_ascii_digit()) || length.eq_ignore_ascii_case("max")
    };
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '[' | ']' | '"');
    name.chars().all(in_name) && lengths.strip_suffix(')').is_some_and(|all| all.split(',').all(is_length))
}

/// A call of a built-in function; a function in a schema could do anything.
fn plain_function(function: &Function) -> Result<(), Refusal> {
    let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
        function;
    let built_in =
        matches!(&name.0[..], [part] if part.as_ident().is_some_and(|ident| ident.quote_style.is_none()));
    built_in.or_refuse(
        place(name.span()),
        &format!("{name} is not a built-in function; only those are supported"),
        VIEW,
    )?;
    let arguments = match args {
        FunctionArguments::None => true,
        FunctionArguments::Subquery(_) => false,
        FunctionArguments::List(list) => {
            let plain = |argument: &FunctionArg| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard))
            };
            list.duplicate_treatment.is_none() && list.clauses.is_empty() && list.args.iter().all(plain)
        }
    };
    let plain = arguments
        && !uses_odbc_syntax
        && matches!(parameters, FunctionArguments::None)
        && within_group.is_empty()
        && filter.is_none()
        && null_treatment.is_none()
        && over.is_none();
    plain.or_refuse(place(name.span()), "this form of function call is not supported", VIEW)
}
