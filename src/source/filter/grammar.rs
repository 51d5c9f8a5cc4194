//! What a parsed sync filter may be made of. Everything that is not named here is refused, so that what
//! `sqlparser` learns to read in a later version is not permitted by accident.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, JoinConstraint, JoinOperator, ObjectName, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query,
    Select, SelectFlavor, SelectItem, SetExpr, Spanned, Statement, TableFactor, UnaryOperator, Value, Visit,
    Visitor,
};
use sqlparser::tokenizer::{Location, Span};

use super::words::{HINTS, is_reserved};
use super::{Places, TableName};

/// What a refusal points at.
pub(super) enum At {
    Place(Location),
    /// The first unquoted word of this spelling.
    Word(&'static str),
    /// The first text, in single quotes, with this value.
    Text(String),
}

pub(super) struct Refusal {
    pub(super) at: At,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Refuses whatever is not a plain SELECT, and returns the tables that are read.
pub(super) fn check(statement: &Statement, places: &Places<'_>) -> Result<Vec<TableName>, Refusal> {
    let Statement::Query(query) = statement else {
        return Err(Refusal {
            at: At::Word("SELECT"),
            message: "a sync filter is a SELECT statement".to_owned(),
            remedy: "Write: select ${MAP} from {schema}.{table}.",
        });
    };
    let mut reading = Reading { places, depth: 0, tables: Vec::new() };
    match query.visit(&mut reading) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(reading.tables),
    }
}

struct Reading<'a> {
    places: &'a Places<'a>,
    /// How many SELECTs are around this place; 1 in the filter's own.
    depth: usize,
    tables: Vec<TableName>,
}

impl Visitor for Reading<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        self.depth += 1;
        allow(plain_query(query))
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Refusal> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        allow(plain_select(select))
    }

    fn pre_visit_order_by(&mut self, order_by: &OrderBy) -> ControlFlow<Refusal> {
        let plain = matches!(order_by.kind, OrderByKind::Expressions(_)) && order_by.interpolate.is_none();
        allow(plain.or_refuse(At::Word("ORDER"), "this form of ORDER BY is not supported", ORDER))
    }

    fn pre_visit_order_by_expr(&mut self, order: &OrderByExpr) -> ControlFlow<Refusal> {
        let OrderByExpr { expr, options, with_fill } = order;
        let plain = matches!(options.sort, None | Some(OrderBySort::Asc | OrderBySort::Desc))
            && options.nulls_first.is_none()
            && with_fill.is_none();
        allow(plain.or_refuse(place(expr.span()), "this form of ORDER BY is not supported", ORDER))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        match table_name(factor) {
            Ok((schema, table, span)) => {
                let range = self.places.offset(span.start)..self.places.offset(span.end);
                self.tables.push(TableName { schema, table, range, in_from: self.depth == 1 });
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }

    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<Refusal> {
        // T-SQL takes no name in single quotes, SQLite and `sqlparser` do.
        if ident.quote_style == Some('\'') {
            let refused = false.or_refuse(
                At::Text(ident.value.clone()),
                "this is a text, and a name is expected here",
                "Write the name as it is, or in brackets: [name].",
            );
            return allow(refused);
        }
        let name = ident.value.to_ascii_uppercase();
        // `sqlparser` takes some words for names that T-SQL does not, such as `order` in `where order = 1`.
        let plain = ident.quote_style.is_some() || !is_reserved(&name) || FUNCTIONS.contains(&name.as_str());
        allow(plain.or_refuse(
            place(ident.span),
            "this word of SQL is not expected here",
            "Leave it out; if it is the name of a column or table, write it in brackets: [name].",
        ))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        allow(plain_expression(expr))
    }
}

/// Reserved words that are also built-in functions.
const FUNCTIONS: [&str; 7] =
    ["COALESCE", "CONVERT", "CURRENT_TIMESTAMP", "LEFT", "NULLIF", "RIGHT", "TRY_CONVERT"];

const ORDER: &str = "Write: order by column [asc|desc], …";
const VIEW: &str = "Put it into a view and read that: select ${MAP} from {schema}.{view}.";

fn allow(checked: Result<(), Refusal>) -> ControlFlow<Refusal> {
    match checked {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    }
}

trait OrRefuse {
    fn or_refuse(self, at: At, message: &str, remedy: &'static str) -> Result<(), Refusal>;
}

impl OrRefuse for bool {
    fn or_refuse(self, at: At, message: &str, remedy: &'static str) -> Result<(), Refusal> {
        if self { Ok(()) } else { Err(Refusal { at, message: message.to_owned(), remedy }) }
    }
}

fn place(span: Span) -> At {
    if span.start.line == 0 { At::Word("SELECT") } else { At::Place(span.start) }
}

/// A SELECT and perhaps its ORDER BY.
fn plain_query(query: &Query) -> Result<(), Refusal> {
    // Taken apart in full, so that a clause which sqlparser learns later does not slip through.
    let Query {
        with,
        body,
        order_by: _,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let every_row = "every row counts, or the rest would be removed";
    let limit = if limit_clause.as_ref().is_some_and(|limit| limit.to_string().contains("LIMIT")) {
        "LIMIT"
    } else {
        "OFFSET"
    };
    limit_clause.is_none().or_refuse(
        At::Word(limit),
        &format!("{limit} is not supported: {every_row}"),
        "Leave it out.",
    )?;
    fetch.is_none().or_refuse(
        At::Word("FETCH"),
        &format!("FETCH is not supported: {every_row}"),
        "Leave it out.",
    )?;
    let rest = with.is_none()
        && locks.is_empty()
        && for_clause.is_none()
        && settings.is_none()
        && format_clause.is_none()
        && pipe_operators.is_empty()
        && matches!(**body, SetExpr::Select(_));
    rest.or_refuse(place(query.span()), "this is not a plain SELECT", VIEW)
}

fn plain_select(select: &Select) -> Result<(), Refusal> {
    let Select {
        select_token,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into,
        from,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    let at = || place(select_token.0.span);
    let plain = optimizer_hints.is_empty()
        && distinct.is_none()
        && select_modifiers.is_none()
        && top.is_none()
        && exclude.is_none()
        && into.is_none()
        && lateral_views.is_empty()
        && prewhere.is_none()
        && connect_by.is_empty()
        && matches!(group_by, GroupByExpr::Expressions(by, with) if by.is_empty() && with.is_empty())
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && having.is_none()
        && named_window.is_empty()
        && qualify.is_none()
        && value_table_mode.is_none()
        && matches!(flavor, SelectFlavor::Standard);
    plain.or_refuse(at(), "this SELECT has a clause that is not supported", VIEW)?;
    (!from.is_empty()).or_refuse(
        at(),
        "this SELECT has no FROM",
        "Write: select … from {schema}.{table}.",
    )?;
    let columns = projection.iter().all(|item| match item {
        SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => true,
        SelectItem::Wildcard(_) => item.to_string() == "*",
        SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => false,
    });
    columns.or_refuse(at(), "what this SELECT selects is not supported", "Select columns or *.")?;
    for join in from.iter().flat_map(|table| &table.joins) {
        let plain = match &join.join_operator {
            JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::Left(on)
            | JoinOperator::LeftOuter(on)
            | JoinOperator::Right(on)
            | JoinOperator::RightOuter(on)
            | JoinOperator::FullOuter(on) => matches!(on, JoinConstraint::On(_)),
            JoinOperator::CrossJoin(on) => matches!(on, JoinConstraint::None),
            _ => false,
        };
        (plain && !join.global).or_refuse(
            place(join.relation.span()),
            "this form of join is not supported",
            "Write: [inner|left|right|full] join {schema}.{table} on … or cross join {schema}.{table}.",
        )?;
    }
    Ok(())
}

/// Schema, table and place of a table that is read under its plain two-part name.
fn table_name(factor: &TableFactor) -> Result<(String, String, Span), Refusal> {
    let at = || match factor {
        TableFactor::Table { .. } | TableFactor::Derived { .. } => place(factor.span()),
        _ => At::Word("FROM"), // their places are not always known
    };
    let refuse =
        |at: At, message: &str, remedy: &'static str| Refusal { at, message: message.to_owned(), remedy };
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = factor
    else {
        return Err(refuse(at(), "only tables and views can be read here", VIEW));
    };
    let named = |alias: &sqlparser::ast::TableAlias| alias.columns.is_empty() && alias.at.is_none();
    if let Some(hint) = args.as_ref().and_then(|args| first_hint(&args.args)) {
        return Err(refuse(place(hint.span), HINTS, "Leave the hint out, with its parentheses."));
    }
    if args.is_some() || !with_hints.is_empty() || alias.as_ref().is_some_and(|alias| !named(alias)) {
        return Err(refuse(
            at(),
            "functions in place of a table, and hints, are not supported",
            "Read a table or view: {schema}.{table}, without parentheses.",
        ));
    }
    let plain = version.is_none()
        && !with_ordinality
        && partitions.is_empty()
        && json_path.is_none()
        && sample.is_none()
        && index_hints.is_empty();
    plain.or_refuse(at(), "what follows this table is not supported", "Write the table's name alone.")?;
    let ObjectName(parts) = name;
    let parts: Vec<_> = parts.iter().filter_map(|part| part.as_ident()).collect();
    match parts[..] {
        [_, table] if table.value.starts_with('#') => Err(refuse(
            at(),
            "temporary tables are not part of a sync filter",
            "Read a table or view: {schema}.{table}.",
        )),
        [schema, table] if !schema.value.is_empty() && !table.value.is_empty() => Ok((
            schema.value.clone(),
            table.value.clone(),
            Span { start: schema.span.start, end: table.span.end },
        )),
        [_] => Err(refuse(
            at(),
            &format!("the table {name} is named without its schema"),
            "Write {schema}.{table}, such as dbo.contacts.",
        )),
        _ => Err(refuse(
            at(),
            &format!("the table name {name} has {} parts", parts.len()),
            "Write two: {schema}.{table}. The database is chosen in the source's connection.",
        )),
    }
}

/// The hint in `dbo.contacts (nolock)`, which reads like the call of a function.
fn first_hint(arguments: &[FunctionArg]) -> Option<&Ident> {
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)))) = arguments.first() else {
        return None;
    };
    let spelling = name.value.to_ascii_uppercase();
    (name.quote_style.is_none() && TABLE_HINTS.contains(&spelling.as_str())).then_some(name)
}

/// The table hints that T-SQL takes without WITH, too.
const TABLE_HINTS: [&str; 16] = [
    "HOLDLOCK",
    "NOEXPAND",
    "NOLOCK",
    "NOWAIT",
    "PAGLOCK",
    "READCOMMITTED",
    "READCOMMITTEDLOCK",
    "READPAST",
    "READUNCOMMITTED",
    "REPEATABLEREAD",
    "ROWLOCK",
    "SERIALIZABLE",
    "SNAPSHOT",
    "TABLOCK",
    "UPDLOCK",
    "XLOCK",
];

fn plain_expression(expr: &Expr) -> Result<(), Refusal> {
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
        | Expr::Subquery(_)
        | Expr::Convert { .. } => true,
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
        Expr::Cast { kind, format, .. } => {
            matches!(kind, CastKind::Cast | CastKind::TryCast) && format.is_none()
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
    plain.or_refuse(
        place(expr.span()),
        "this expression is not supported",
        "Use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, CASE, arithmetic and built-in functions; \
         for anything else make a view.",
    )
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
