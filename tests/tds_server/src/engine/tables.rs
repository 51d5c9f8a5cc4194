//! CREATE TABLE for SQLite, and what the catalogue is to know of the table.

use sqlparser::ast::{Expr, ObjectName};

use super::catalogue::{Column, Object, folded};
use super::changes::stored;
use super::errors::invalid_column;
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;
use crate::tsql::{ColumnDeclaration, Constraint, TableDeclaration, Translator, quoted};
use crate::wire::ResultColumn;

impl Translator<'_> {
    pub(super) fn create_table(
        &mut self,
        table: &TableDeclaration,
        schema: &str,
        name: &str,
    ) -> Result<(String, Object), ServerMessage> {
        let mut object = Object {
            schema: schema.to_owned(),
            name: name.to_owned(),
            is_view: false,
            columns: Vec::new(),
            id: 0,
        };
        let has_identity = table.columns.iter().any(|column| column.identity);
        let mut elements = Vec::new();
        for declared in &table.columns {
            if object.column(&declared.name).is_some() {
                return Err(ServerMessage::error(
                    2705,
                    format!(
                        "Column names in each table must be unique. Column name '{}' in table '{name}' is specified \
                         more than once.",
                        declared.name
                    ),
                ));
            }
            let (mut sql, column) = self.column_definition(declared, schema, name, &object.columns)?;
            if declared.primary_key && !declared.identity {
                sql.push_str(if has_identity { " UNIQUE" } else { " PRIMARY KEY" });
            }
            elements.push(sql);
            object.columns.push(column);
        }
        let named = |columns: &[String]| -> Result<String, ServerMessage> {
            let names: Result<Vec<String>, ServerMessage> = columns
                .iter()
                .map(|column| {
                    object
                        .column(column)
                        .map(|known| quoted(&known.name))
                        .ok_or_else(|| invalid_column(column))
                })
                .collect();
            Ok(names?.join(", "))
        };
        for constraint in &table.constraints {
            match constraint {
                Constraint::PrimaryKey(columns) => {
                    // SQLite counts up in its primary key only, so the real key makes room.
                    let word = if has_identity { "UNIQUE" } else { "PRIMARY KEY" };
                    elements.push(format!("{word} ({})", named(columns)?));
                    for column in columns {
                        let name = folded(column);
                        for element in elements.iter_mut().zip(&object.columns) {
                            let (sql, known) = element;
                            if folded(&known.name) == name && !sql.contains(" NOT NULL") {
                                sql.push_str(" NOT NULL");
                            }
                        }
                    }
                }
                Constraint::Unique(columns) => elements.push(format!("UNIQUE ({})", named(columns)?)),
                Constraint::Check(condition) => {
                    elements.push(self.check(condition, schema, name, &object.columns)?);
                }
                Constraint::ForeignKey(columns, other, theirs) => {
                    elements.push(format!(
                        "FOREIGN KEY ({}){}",
                        named(columns)?,
                        self.reference(other, theirs)?
                    ));
                }
            }
        }
        for constraint in &table.constraints {
            if let Constraint::PrimaryKey(columns) = constraint {
                let keys: Vec<String> = columns.iter().map(|column| folded(column)).collect();
                for column in object.columns.iter_mut().filter(|column| keys.contains(&folded(&column.name)))
                {
                    column.nullable = false;
                }
            }
        }
        let sql = format!("CREATE TABLE {} ({})", quoted(&object.in_sqlite()), elements.join(", "));
        Ok((sql, object))
    }

    fn reference(&self, other: &ObjectName, columns: &[String]) -> Result<String, ServerMessage> {
        let object = self.object(other)?;
        let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        let list = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        Ok(format!(" REFERENCES {}{list}", quoted(&object.in_sqlite())))
    }

    fn check(
        &mut self,
        condition: &Expr,
        schema: &str,
        name: &str,
        columns: &[Column],
    ) -> Result<String, ServerMessage> {
        let columns = columns
            .iter()
            .map(|column| ResultColumn { name: column.name.clone(), typed: column.typed.clone() })
            .collect();
        self.target(name, schema, String::new(), columns);
        Ok(format!("CHECK ({})", self.expression_sql(condition)?.0))
    }

    pub(super) fn column_definition(
        &mut self,
        declared: &ColumnDeclaration,
        schema: &str,
        table: &str,
        before: &[Column],
    ) -> Result<(String, Column), ServerMessage> {
        let mut column = Column {
            name: declared.name.clone(),
            typed: SqlType::Int.into(),
            nullable: declared.nullable,
            identity: declared.identity,
            computed: declared.computed.is_some(),
            has_default: declared.default.is_some(),
        };
        if let Some(expression) = &declared.computed {
            let columns = before
                .iter()
                .map(|column| ResultColumn { name: column.name.clone(), typed: column.typed.clone() })
                .collect();
            self.target(table, schema, String::new(), columns);
            let (sql, typed) = self.expression_sql(expression)?;
            let declaration = typed.sql.in_sqlite(&typed.collation);
            column.typed = typed;
            return Ok((format!("{} {declaration} AS ({sql})", quoted(&column.name)), column));
        }
        let sql = declared.sql.ok_or_else(|| invalid_column(&declared.name))?;
        column.typed = Typed { sql, collation: declared.collation.clone() };
        let declaration = sql.in_sqlite(&declared.collation);
        let mut text = format!("{} {declaration}", quoted(&column.name));
        if declared.identity {
            text.push_str(" PRIMARY KEY AUTOINCREMENT");
        }
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        if declared.unique {
            text.push_str(" UNIQUE");
        }
        if let Some(default) = &declared.default {
            let (value, typed) = self.expression_sql(default)?;
            text.push_str(&format!(" DEFAULT ({})", stored(&value, &typed, &column, table)));
        }
        if let Some(condition) = &declared.check {
            let mut columns = before.to_vec();
            columns.push(column.clone());
            text.push(' ');
            text.push_str(&self.check(condition, schema, table, &columns)?);
        }
        if let Some((other, columns)) = &declared.references {
            text.push_str(&self.reference(other, columns)?);
        }
        Ok((text, column))
    }
}
