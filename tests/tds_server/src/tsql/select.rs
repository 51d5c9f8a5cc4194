//! Queries: FROM first, because it says what names mean; then everything that uses them.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Top, TopQuantity,
    Value,
};

use super::{Relation, Rendered, SystemView, Translator, parts, quoted};
use crate::engine::catalogue::folded;
use crate::engine::errors::not_understood;
use crate::sql_type::{Family, SqlType};
use crate::token::ServerMessage;
use crate::wire::ResultColumn;

/// A query for SQLite, and what its columns are.
#[derive(Debug, Clone)]
pub(crate) struct Translated {
    pub(crate) sql: String,
    pub(crate) columns: Vec<ResultColumn>,
    /// What has to be filled before it can run.
    pub(crate) system_views: BTreeSet<SystemView>,
}

/// `SELECT` and its parts before they are put together.
struct Pieces {
    sql: String,
    columns: Vec<ResultColumn>,
    /// The relations that ORDER BY may name.
    scope: Vec<Relation>,
    limit: Option<String>,
}

impl Translator<'_> {
    /// A whole query.
    pub(crate) fn query(&mut self, query: &Query) -> Result<Translated, ServerMessage> {
        let (sql, columns) = self.any_query(query)?;
        Ok(Translated { sql, columns, system_views: self.system_views.clone() })
    }

    /// The query of a view, which reads what its owner may read.
    pub(crate) fn view(&mut self, query: &Query) -> Result<Translated, ServerMessage> {
        self.ignores_rights = true;
        self.query(query)
    }

    pub(super) fn any_query(&mut self, query: &Query) -> Result<(String, Vec<ResultColumn>), ServerMessage> {
        if query.for_clause.is_some() {
            return Err(not_understood("FOR XML, FOR JSON and FOR BROWSE"));
        }
        let known = self.tables.len();
        let mut sql = String::new();
        if let Some(with) = &query.with {
            let mut tables = Vec::new();
            for table in &with.cte_tables {
                let name = table.alias.name.value.clone();
                let names: Vec<String> =
                    table.alias.columns.iter().map(|column| column.name.value.clone()).collect();
                if let Some(anchor) = recursive_anchor(&table.query) {
                    let (_, columns) = self.pieces_of_body(anchor)?;
                    self.tables.push((name.clone(), renamed(columns, &names)));
                    let (body, _) = self.any_query(&table.query)?;
                    tables.push(self.common_table(&name, &body));
                } else {
                    let (body, columns) = self.any_query(&table.query)?;
                    self.tables.push((name.clone(), renamed(columns, &names)));
                    tables.push(self.common_table(&name, &body));
                }
            }
            sql = format!("WITH RECURSIVE {} ", tables.join(", "));
        }
        let mut pieces = self.body(&query.body)?;
        sql.push_str(&pieces.sql);
        if let Some(order_by) = &query.order_by {
            self.scopes.push(std::mem::take(&mut pieces.scope));
            let ordered = self.order_by(order_by, &pieces.columns);
            self.scopes.pop();
            sql.push_str(&ordered?);
        }
        sql.push_str(&self.limit(query, pieces.limit)?);
        self.tables.truncate(known);
        Ok((sql, pieces.columns))
    }

    fn common_table(&self, name: &str, body: &str) -> String {
        let columns = self.tables.last().map_or(&[][..], |(_, columns)| columns);
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        format!("{}({}) AS ({body})", quoted(name), names.join(", "))
    }

    fn limit(&mut self, query: &Query, top: Option<String>) -> Result<String, ServerMessage> {
        let offset = match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), .. }) => {
                Some(self.expression(&offset.value)?.sql)
            }
            None => None,
            Some(_) => return Err(not_understood("LIMIT")),
        };
        let fetch = match &query.fetch {
            Some(fetch) if fetch.percent || fetch.with_ties => return Err(not_understood("this FETCH")),
            Some(fetch) => match &fetch.quantity {
                Some(quantity) => Some(self.expression(quantity)?.sql),
                None => Some("1".to_owned()),
            },
            None => None,
        };
        Ok(match (top.or(fetch), offset) {
            (None, None) => String::new(),
            (Some(limit), None) => format!(" LIMIT {limit}"),
            (limit, Some(offset)) => {
                format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or_else(|| "-1".to_owned()))
            }
        })
    }

    fn pieces_of_body(&mut self, body: &SetExpr) -> Result<(String, Vec<ResultColumn>), ServerMessage> {
        let pieces = self.body(body)?;
        Ok((pieces.sql, pieces.columns))
    }

    fn body(&mut self, body: &SetExpr) -> Result<Pieces, ServerMessage> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => {
                let (sql, columns) = self.any_query(query)?;
                Ok(Pieces { sql: format!("SELECT * FROM ({sql})"), columns, scope: Vec::new(), limit: None })
            }
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let left = self.operand(left)?;
                let right = self.operand(right)?;
                if left.columns.len() != right.columns.len() {
                    return Err(ServerMessage::error(
                        205,
                        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number \
                         of expressions in their target lists.",
                    ));
                }
                let operator = match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
                    (SetOperator::Union, _) => "UNION",
                    (SetOperator::Intersect, _) => "INTERSECT",
                    (SetOperator::Except | SetOperator::Minus, _) => "EXCEPT",
                };
                let columns = left
                    .columns
                    .into_iter()
                    .zip(&right.columns)
                    .map(|(mut column, other)| {
                        column.typed.sql = column.typed.sql.common(other.typed.sql);
                        column
                    })
                    .collect();
                Ok(Pieces {
                    sql: format!("{} {operator} {}", left.sql, right.sql),
                    columns,
                    scope: Vec::new(),
                    limit: None,
                })
            }
            SetExpr::Values(values) => {
                let mut rows = Vec::new();
                let mut columns: Vec<ResultColumn> = Vec::new();
                for row in &values.rows {
                    let mut cells = Vec::new();
                    for (at, cell) in row.iter().enumerate() {
                        let cell = self.expression(cell)?;
                        match columns.get_mut(at) {
                            Some(column) => column.typed.sql = column.typed.sql.common(cell.typed.sql),
                            None => columns.push(ResultColumn {
                                name: format!("column{}", at + 1),
                                typed: cell.typed.clone(),
                            }),
                        }
                        cells.push(cell.sql);
                    }
                    rows.push(format!("({})", cells.join(", ")));
                }
                Ok(Pieces {
                    sql: format!("VALUES {}", rows.join(", ")),
                    columns,
                    scope: Vec::new(),
                    limit: None,
                })
            }
            _ => Err(not_understood("this kind of query")),
        }
    }

    /// One side of a UNION: a LIMIT of its own needs a query of its own.
    fn operand(&mut self, body: &SetExpr) -> Result<Pieces, ServerMessage> {
        let mut pieces = self.body(body)?;
        if let Some(limit) = pieces.limit.take() {
            pieces.sql = format!("SELECT * FROM ({} LIMIT {limit})", pieces.sql);
        }
        Ok(pieces)
    }

    fn select(&mut self, select: &Select) -> Result<Pieces, ServerMessage> {
        if select.into.is_some() {
            return Err(not_understood("SELECT INTO"));
        }
        self.scopes.push(Vec::new());
        let result = self.select_in_scope(select);
        let scope = self.scopes.pop().unwrap_or_default();
        result.map(|pieces| Pieces { scope, ..pieces })
    }

    fn select_in_scope(&mut self, select: &Select) -> Result<Pieces, ServerMessage> {
        let mut from = Vec::new();
        for table in &select.from {
            from.push(self.table_with_joins(table)?);
        }
        let (items, columns) = self.projection(&select.projection)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => return Err(not_understood("DISTINCT ON")),
        };
        let mut sql = format!("SELECT {distinct}{}", items.join(", "));
        if !from.is_empty() {
            sql.push_str(" FROM ");
            sql.push_str(&from.join(", "));
        }
        if let Some(condition) = &select.selection {
            sql.push_str(" WHERE ");
            sql.push_str(&self.expression(condition)?.sql);
        }
        match &select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => {
                if !expressions.is_empty() {
                    let keys = expressions
                        .iter()
                        .map(|key| self.expression(key).map(|key| with_collation(&key)))
                        .collect::<Result<Vec<_>, _>>()?;
                    sql.push_str(" GROUP BY ");
                    sql.push_str(&keys.join(", "));
                }
            }
            _ => return Err(not_understood("this GROUP BY")),
        }
        if let Some(condition) = &select.having {
            sql.push_str(" HAVING ");
            sql.push_str(&self.expression(condition)?.sql);
        }
        let limit = match &select.top {
            Some(top) => Some(self.top(top)?),
            None => None,
        };
        Ok(Pieces { sql, columns, scope: Vec::new(), limit })
    }

    fn top(&mut self, top: &Top) -> Result<String, ServerMessage> {
        if top.percent || top.with_ties {
            return Err(not_understood("TOP with PERCENT or WITH TIES"));
        }
        match &top.quantity {
            Some(TopQuantity::Constant(count)) => Ok(count.to_string()),
            Some(TopQuantity::Expr(count)) => Ok(self.expression(count)?.sql),
            None => Err(not_understood("TOP without a number")),
        }
    }

    /// The expressions after SELECT, and what they are called.
    fn projection(
        &mut self,
        items: &[SelectItem],
    ) -> Result<(Vec<String>, Vec<ResultColumn>), ServerMessage> {
        let mut texts = Vec::new();
        let mut columns = Vec::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let rendered = self.expression(expression)?;
                    let name = match expression {
                        Expr::Identifier(ident) if !ident.value.starts_with('@') => ident.value.clone(),
                        Expr::CompoundIdentifier(parts) => {
                            parts.last().map(|part| part.value.clone()).unwrap_or_default()
                        }
                        _ => String::new(),
                    };
                    push(&mut texts, &mut columns, rendered, name);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let rendered = self.expression(expr)?;
                    push(&mut texts, &mut columns, rendered, alias.value.clone());
                }
                SelectItem::Wildcard(_) => {
                    let scope = self.scopes.last().cloned().unwrap_or_default();
                    if scope.is_empty() {
                        return Err(ServerMessage::error(263, "Must specify table to select from."));
                    }
                    for relation in &scope {
                        push_all(&mut texts, &mut columns, relation);
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let parts = parts(name);
                    let wanted = parts.last().map(|part| folded(part)).unwrap_or_default();
                    let scope = self.scopes.last().cloned().unwrap_or_default();
                    let relation =
                        scope.iter().find(|relation| folded(&relation.name) == wanted).ok_or_else(|| {
                            ServerMessage::error(
                                107,
                                format!(
                                    "The column prefix '{}' does not match with a table name or alias name used in \
                                     the query.",
                                    parts.join(".")
                                ),
                            )
                        })?;
                    push_all(&mut texts, &mut columns, relation);
                }
                _ => return Err(not_understood("this in a SELECT list")),
            }
        }
        Ok((texts, columns))
    }

    fn order_by(&mut self, order_by: &OrderBy, columns: &[ResultColumn]) -> Result<String, ServerMessage> {
        let OrderByKind::Expressions(keys) = &order_by.kind else {
            return Err(not_understood("ORDER BY ALL"));
        };
        let mut texts = Vec::new();
        for key in keys {
            texts.push(self.order_key(key, columns)?);
        }
        Ok(format!(" ORDER BY {}", texts.join(", ")))
    }

    pub(super) fn order_key(
        &mut self,
        key: &OrderByExpr,
        columns: &[ResultColumn],
    ) -> Result<String, ServerMessage> {
        let rendered = match &key.expr {
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                Rendered::new(value.value.to_string(), SqlType::Int)
            }
            Expr::Identifier(ident) => {
                let named = columns.iter().find(|column| folded(&column.name) == folded(&ident.value));
                match named {
                    Some(column) => {
                        Rendered { sql: quoted(&column.name), typed: column.typed.clone(), is_column: false }
                    }
                    None => self.expression(&key.expr)?,
                }
            }
            _ => self.expression(&key.expr)?,
        };
        let direction = if key.options.sort == Some(OrderBySort::Desc) { " DESC" } else { "" };
        Ok(format!("{}{direction}", with_collation(&rendered)))
    }
}

fn push(texts: &mut Vec<String>, columns: &mut Vec<ResultColumn>, rendered: Rendered, name: String) {
    texts.push(if name.is_empty() { rendered.sql } else { format!("{} AS {}", rendered.sql, quoted(&name)) });
    columns.push(ResultColumn { name, typed: rendered.typed });
}

fn push_all(texts: &mut Vec<String>, columns: &mut Vec<ResultColumn>, relation: &Relation) {
    for column in &relation.columns {
        texts.push(format!("{}.{} AS {}", relation.alias, quoted(&column.name), quoted(&column.name)));
        columns.push(column.clone());
    }
}

pub(super) fn renamed(columns: Vec<ResultColumn>, names: &[String]) -> Vec<ResultColumn> {
    columns
        .into_iter()
        .enumerate()
        .map(|(at, column)| match names.get(at) {
            Some(name) => ResultColumn { name: name.clone(), ..column },
            None => column,
        })
        .collect()
}

/// Text that is not a bare column has to be told how it compares.
pub(super) fn with_collation(rendered: &Rendered) -> String {
    if rendered.is_column || !rendered.typed.sql.has_collation() {
        if rendered.typed.sql.family() == Family::Decimal && !rendered.is_column {
            return format!("{} COLLATE TDS_DECIMAL", rendered.sql);
        }
        return rendered.sql.clone();
    }
    format!("{} COLLATE {}", rendered.sql, rendered.typed.collation.in_sqlite())
}

/// The first part of a common table that names itself in its second part.
fn recursive_anchor(query: &Query) -> Option<&SetExpr> {
    match &*query.body {
        SetExpr::SetOperation {
            left, op: SetOperator::Union, set_quantifier: SetQuantifier::All, ..
        } => Some(left),
        _ => None,
    }
}
