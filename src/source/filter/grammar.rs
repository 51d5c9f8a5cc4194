//! What a parsed sync filter may be made of. Everything that is not named here is refused, so that what
//! `sqlparser` learns to read in a later version is not permitted by accident.

mod expressions;
mod tables;

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, OrderBy, OrderByExpr, OrderByKind, OrderBySort,
    Query, Select, SelectFlavor, SelectItem, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::{Location, Span};

use super::reserved::is_reserved;
use super::{Places, TableName};
use expressions::plain_expression;
use tables::table_name;

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
