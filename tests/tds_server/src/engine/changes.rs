//! INSERT, UPDATE and DELETE: every value is made one of its column's type on the way.

use sqlparser::ast::{
    AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, SetExpr, TableFactor, TableObject,
    TableWithJoins, Update,
};

use super::catalogue::{Column, Object, Right};
use super::errors::{invalid_column, not_understood};
use super::functions::type_argument;
use super::output::{Output, Stop};
use super::session::Session;
use crate::sql_type::{Family, SqlType, Typed};
use crate::token::{ServerMessage, command};
use crate::tsql::{Translator, literal, quoted};
use crate::wire::ResultColumn;

/// A value on its way into a column, as SQLite's SQL.
pub(super) fn stored(sql: &str, from: &Typed, column: &Column, table: &str) -> String {
    let to = &column.typed;
    let fits = match (from.sql.longest(), to.sql.longest()) {
        (_, None) => true,
        (Some(from), Some(to)) => from <= to,
        (None, Some(_)) => false,
    };
    let kept_as_it_is = sql == "NULL"
        || from.sql == SqlType::Int && matches!(to.sql, SqlType::Int | SqlType::BigInt)
        || from.sql.family() == Family::Text
            && matches!(to.sql, SqlType::NVarChar(_) | SqlType::NText)
            && fits;
    if kept_as_it_is {
        return sql.to_owned();
    }
    format!(
        "tds_store({sql}, {}, {}, {}, {})",
        literal(&type_argument(from)),
        literal(&type_argument(to)),
        literal(table),
        literal(&column.name)
    )
}

impl Translator<'_> {
    fn target_object(&mut self, name: &ObjectName, right: Right) -> Result<Object, ServerMessage> {
        let object = self.object(name)?.clone();
        self.check_right(right, &object)?;
        if object.is_view {
            return Err(not_understood("changes through a view"));
        }
        Ok(object)
    }

    fn enter(&mut self, object: &Object) {
        let columns = object
            .columns
            .iter()
            .map(|column| ResultColumn { name: column.name.clone(), typed: column.typed.clone() })
            .collect();
        self.target(&object.name, &object.schema, quoted(&object.in_sqlite()), columns);
    }

    fn insert(&mut self, insert: &Insert, database: &str) -> Result<String, ServerMessage> {
        let TableObject::TableName(name) = &insert.table else { return Err(not_understood("this INSERT")) };
        if insert.output.is_some() {
            return Err(not_understood("OUTPUT"));
        }
        let object = self.target_object(name, Right::Insert)?;
        let table = format!("{database}.{}", object.in_sqlite());
        let columns: Vec<&Column> = if insert.columns.is_empty() {
            object
                .columns
                .iter()
                .filter(|column| {
                    !column.identity && !column.computed && column.typed.sql != SqlType::RowVersion
                })
                .collect()
        } else {
            insert
                .columns
                .iter()
                .map(|column| {
                    let name =
                        column.0.last().and_then(|part| part.as_ident()).map_or("", |ident| &ident.value);
                    object.column(name).ok_or_else(|| invalid_column(name))
                })
                .collect::<Result<_, _>>()?
        };
        let versions: Vec<&Column> =
            object.columns.iter().filter(|column| column.typed.sql == SqlType::RowVersion).collect();
        let mut names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        names.extend(versions.iter().map(|column| quoted(&column.name)));
        let into = format!("INSERT INTO {} ({})", quoted(&object.in_sqlite()), names.join(", "));
        let version = versions.iter().map(|_| ", tds_rowversion()").collect::<String>();
        let Some(source) = &insert.source else {
            return Ok(format!("INSERT INTO {} DEFAULT VALUES", quoted(&object.in_sqlite())));
        };
        let mismatch = |given: usize| {
            ServerMessage::error(
                if given > columns.len() { 110 } else { 109 },
                "There are more or fewer columns in the INSERT statement than values specified in the VALUES clause.",
            )
            .class(15)
        };
        if let SetExpr::Values(values) = &*source.body {
            let mut rows = Vec::with_capacity(values.rows.len());
            for row in &values.rows {
                if row.len() != columns.len() {
                    return Err(mismatch(row.len()));
                }
                let mut cells = Vec::with_capacity(row.len());
                for (cell, column) in row.iter().zip(&columns) {
                    let (sql, typed) = self.expression_sql(cell)?;
                    cells.push(stored(&sql, &typed, column, &table));
                }
                rows.push(format!("({}{version})", cells.join(", ")));
            }
            return Ok(format!("{into} VALUES {}", rows.join(", ")));
        }
        let translated = self.query(source)?;
        if translated.columns.len() != columns.len() {
            return Err(mismatch(translated.columns.len()));
        }
        let given: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
        let cells: Vec<String> = columns
            .iter()
            .zip(&translated.columns)
            .zip(&given)
            .map(|((column, from), name)| stored(name, &from.typed, column, &table))
            .collect();
        Ok(format!(
            "WITH source({}) AS ({}) {into} SELECT {}{version} FROM source WHERE true",
            given.join(", "),
            translated.sql,
            cells.join(", ")
        ))
    }

    fn update(&mut self, update: &Update, database: &str) -> Result<String, ServerMessage> {
        if update.from.is_some() || update.output.is_some() {
            return Err(not_understood("UPDATE with FROM or OUTPUT"));
        }
        let object = self.target_object(table_name(&update.table)?, Right::Update)?;
        let table = format!("{database}.{}", object.in_sqlite());
        self.enter(&object);
        let mut assignments = Vec::new();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(not_understood("this assignment"));
            };
            let name = name.0.last().and_then(|part| part.as_ident()).map_or("", |ident| &ident.value);
            let column = object.column(name).ok_or_else(|| invalid_column(name))?;
            let (sql, typed) = self.expression_sql(&assignment.value)?;
            assignments.push(format!("{} = {}", quoted(&column.name), stored(&sql, &typed, column, &table)));
        }
        for column in object.columns.iter().filter(|column| column.typed.sql == SqlType::RowVersion) {
            assignments.push(format!("{} = tds_rowversion()", quoted(&column.name)));
        }
        let condition = self.condition(update.selection.as_ref())?;
        Ok(format!("UPDATE {} SET {}{condition}", quoted(&object.in_sqlite()), assignments.join(", ")))
    }

    fn delete(&mut self, delete: &Delete) -> Result<String, ServerMessage> {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [table] = &from[..] else { return Err(not_understood("DELETE from several tables")) };
        if !delete.tables.is_empty() || delete.output.is_some() {
            return Err(not_understood("this DELETE"));
        }
        let object = self.target_object(table_name(table)?, Right::Delete)?;
        self.enter(&object);
        let condition = self.condition(delete.selection.as_ref())?;
        Ok(format!("DELETE FROM {}{condition}", quoted(&object.in_sqlite())))
    }

    fn condition(&mut self, condition: Option<&Expr>) -> Result<String, ServerMessage> {
        match condition {
            Some(condition) => Ok(format!(" WHERE {}", self.expression_sql(condition)?.0)),
            None => Ok(String::new()),
        }
    }
}

fn table_name(table: &TableWithJoins) -> Result<&ObjectName, ServerMessage> {
    match &table.relation {
        TableFactor::Table { name, alias: None, .. } if table.joins.is_empty() => Ok(name),
        _ => Err(not_understood("a change of more than one plain table")),
    }
}

impl Session {
    pub(super) fn insert(&mut self, insert: &Insert, output: &mut Output) -> Result<(), Stop> {
        let database = self.database.name.clone();
        let (sql, views) = self.translate(|translator, _| {
            Ok((translator.insert(insert, &database)?, translator.system_views()))
        })?;
        self.fill(&views)?;
        let count = self.change(&sql, command::INSERT, output)?;
        if count > 0 {
            self.identity = Some(self.connection.last_insert_rowid());
        }
        Ok(())
    }

    pub(super) fn update(&mut self, update: &Update, output: &mut Output) -> Result<(), Stop> {
        let database = self.database.name.clone();
        let sql = self.translate(|translator, _| translator.update(update, &database))?;
        self.change(&sql, command::UPDATE, output).map(|_| ())
    }

    pub(super) fn delete(&mut self, delete: &Delete, output: &mut Output) -> Result<(), Stop> {
        let sql = self.translate(|translator, _| translator.delete(delete))?;
        self.change(&sql, command::DELETE, output).map(|_| ())
    }

    fn change(&mut self, sql: &str, command: u16, output: &mut Output) -> Result<usize, Stop> {
        let count = self.execute_sql(sql)?;
        self.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        output.done_with_count(command, u64::try_from(count).unwrap_or(0))?;
        Ok(count)
    }
}
