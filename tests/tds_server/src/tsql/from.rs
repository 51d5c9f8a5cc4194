//! FROM: tables, views, derived tables and joins, and what they are called.

use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins,
};

use super::select::renamed;
use super::{Relation, SystemView, Translator, parts, quoted};
use crate::engine::catalogue::{Right, folded};
use crate::engine::errors::{invalid_object, not_understood};
use crate::token::ServerMessage;
use crate::wire::ResultColumn;

impl Translator<'_> {
    pub(super) fn table_with_joins(&mut self, table: &TableWithJoins) -> Result<String, ServerMessage> {
        let mut sql = self.table(&table.relation)?;
        for join in &table.joins {
            sql.push_str(&self.join(join)?);
        }
        Ok(sql)
    }

    fn join(&mut self, join: &Join) -> Result<String, ServerMessage> {
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
                ("INNER JOIN", Some(constraint))
            }
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                ("LEFT JOIN", Some(constraint))
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                ("RIGHT JOIN", Some(constraint))
            }
            JoinOperator::FullOuter(constraint) => ("FULL JOIN", Some(constraint)),
            JoinOperator::CrossJoin(_) => ("CROSS JOIN", None),
            _ => return Err(not_understood("this kind of join")),
        };
        let table = self.table(&join.relation)?;
        match constraint {
            Some(JoinConstraint::On(condition)) => {
                Ok(format!(" {word} {table} ON {}", self.expression(condition)?.sql))
            }
            None => Ok(format!(" {word} {table}")),
            Some(_) => Err(not_understood("a join without ON")),
        }
    }

    fn table(&mut self, factor: &TableFactor) -> Result<String, ServerMessage> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => self.named_table(name, alias.as_ref()),
            TableFactor::Derived { subquery, alias: Some(alias), lateral: false, .. } => {
                // A derived table does not see its neighbours.
                let neighbours = self.scopes.pop().unwrap_or_default();
                let result = self.any_query(subquery);
                self.scopes.push(neighbours);
                let (sql, columns) = result?;
                let names: Vec<String> =
                    alias.columns.iter().map(|column| column.name.value.clone()).collect();
                let before: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
                let columns = renamed(columns, &names);
                let sql = if names.is_empty() {
                    sql
                } else if before.iter().all(|name| name.starts_with("column")) && sql.starts_with("VALUES") {
                    let list: Vec<String> = columns
                        .iter()
                        .enumerate()
                        .map(|(at, column)| format!("column{} AS {}", at + 1, quoted(&column.name)))
                        .collect();
                    format!("SELECT {} FROM ({sql})", list.join(", "))
                } else {
                    let list: Vec<String> = columns
                        .iter()
                        .zip(&before)
                        .map(|(column, before)| format!("{} AS {}", quoted(before), quoted(&column.name)))
                        .collect();
                    format!("SELECT {} FROM ({sql})", list.join(", "))
                };
                Ok(self.add(alias.name.value.clone(), None, columns, &format!("({sql})")))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                Ok(format!("({})", self.table_with_joins(table_with_joins)?))
            }
            _ => Err(not_understood("this in a FROM clause")),
        }
    }

    fn named_table(
        &mut self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
    ) -> Result<String, ServerMessage> {
        let parts = parts(name);
        let known_as = |own: &str| alias.map_or_else(|| own.to_owned(), |alias| alias.name.value.clone());
        if let [only] = &parts[..]
            && let Some((table, columns)) =
                self.tables.iter().rev().find(|(name, _)| folded(name) == folded(only))
        {
            let (table, columns) = (quoted(table), columns.clone());
            return Ok(self.add(known_as(only), None, columns, &table));
        }
        let (schema, table) = self.schema_and_name(&parts)?;
        if let Some(schema) = schema
            && let Some(view) = SystemView::named(schema, table)
        {
            self.system_views.insert(view);
            let columns = view.columns();
            return Ok(self.add(
                known_as(table),
                Some(schema.to_owned()),
                columns,
                &quoted(view.in_sqlite()),
            ));
        }
        if schema.is_some_and(|schema| matches!(folded(schema).as_str(), "information_schema" | "sys")) {
            return Err(invalid_object(&parts.join(".")));
        }
        let object = self.object(name)?;
        self.check_right(Right::Select, object)?;
        let columns = object
            .columns
            .iter()
            .map(|column| ResultColumn { name: column.name.clone(), typed: column.typed.clone() })
            .collect();
        let schema = if alias.is_some() { None } else { Some(object.schema.clone()) };
        Ok(self.add(known_as(&object.name), schema, columns, &quoted(&object.in_sqlite())))
    }

    /// One more relation in the innermost scope.
    fn add(&mut self, name: String, schema: Option<String>, columns: Vec<ResultColumn>, sql: &str) -> String {
        let alias = self.next_alias();
        let text = format!("{sql} AS {alias}");
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(Relation { name, schema, alias, columns });
        }
        text
    }

    /// The columns of a table that is changed, or defined (then without an alias).
    pub(crate) fn target(&mut self, name: &str, schema: &str, alias: String, columns: Vec<ResultColumn>) {
        let relation = Relation { name: name.to_owned(), schema: Some(schema.to_owned()), alias, columns };
        self.scopes.push(vec![relation]);
    }
}
