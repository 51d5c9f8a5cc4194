//! ALTER TABLE and `sp_rename`.

use sqlparser::ast::ObjectName;

use super::catalogue::{Column, folded};
use super::changes::stored;
use super::errors::{invalid_column, not_understood};
use super::output::Stop;
use super::session::Session;
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;
use crate::tsql::{ColumnDeclaration, TableDeclaration, quoted, value_literal};

impl Session {
    pub(super) fn add_columns(&self, name: &ObjectName, added: &TableDeclaration) -> Result<(), Stop> {
        self.must_be_owner("ALTER TABLE")?;
        let object = self.existing(name)?;
        for declared in &added.columns {
            if object.column(&declared.name).is_some() {
                return Err(ServerMessage::error(
                    2705,
                    format!(
                        "Column names in each table must be unique. Column name '{}' in table '{}' is specified more \
                         than once.",
                        declared.name, object.name
                    ),
                )
                .into());
            }
            let table = format!("{}.{}", self.database.name, object.in_sqlite());
            let default = match &declared.default {
                Some(default) => {
                    let typed = Typed::from(SqlType::NVARCHAR_MAX);
                    Some((self.evaluate(default, &typed)?, typed))
                }
                None => None,
            };
            let existing = object.clone();
            let (mut sql, column) = self.translate(|translator, _| {
                let plain = ColumnDeclaration { default: None, ..declared.clone() };
                translator.column_definition(&plain, &existing.schema, &existing.name, &existing.columns)
            })?;
            if let Some((value, typed)) = default {
                let value = value_literal(&value);
                let expression = stored(&value, &typed, &column, &table);
                let value: rusqlite::types::Value = self.patiently(|| {
                    self.connection.query_row(&format!("SELECT {expression}"), [], |row| row.get(0))
                })?;
                sql.push_str(&format!(" DEFAULT {}", value_literal(&value)));
            }
            self.execute_sql(&format!("ALTER TABLE {} ADD COLUMN {sql}", quoted(&object.in_sqlite())))?;
            let mut catalogue = self.database.catalogue_mut();
            if let Some(object) = catalogue.object_mut(&object.schema, &object.name) {
                object.columns.push(column);
            }
        }
        Ok(())
    }

    pub(super) fn drop_columns(
        &self,
        name: &ObjectName,
        columns: &[String],
        if_exists: bool,
    ) -> Result<(), Stop> {
        self.must_be_owner("ALTER TABLE")?;
        let object = self.existing(name)?;
        for column in columns {
            let Some(known) = object.column(column) else {
                if if_exists {
                    continue;
                }
                return Err(ServerMessage::error(
                    4924,
                    format!(
                        "ALTER TABLE DROP COLUMN failed because column '{column}' does not exist in table '{}'.",
                        object.name
                    ),
                )
                .into());
            };
            let sql =
                format!("ALTER TABLE {} DROP COLUMN {}", quoted(&object.in_sqlite()), quoted(&known.name));
            self.execute_sql(&sql)?;
            let mut catalogue = self.database.catalogue_mut();
            if let Some(object) = catalogue.object_mut(&object.schema, &object.name) {
                object.columns.retain(|other| folded(&other.name) != folded(column));
            }
        }
        Ok(())
    }

    /// Another type: a new column takes the values over, and then the name.
    pub(super) fn alter_column(&self, name: &ObjectName, declared: &ColumnDeclaration) -> Result<(), Stop> {
        self.must_be_owner("ALTER TABLE")?;
        let object = self.existing(name)?;
        let known = object.column(&declared.name).ok_or_else(|| invalid_column(&declared.name))?;
        let table = quoted(&object.in_sqlite());
        let sql = declared.sql.ok_or_else(|| not_understood("this ALTER COLUMN"))?;
        let column = Column {
            typed: Typed { sql, collation: declared.collation.clone() },
            nullable: declared.nullable,
            ..known.clone()
        };
        let place = format!("{}.{}", self.database.name, object.in_sqlite());
        let value = stored(&quoted(&known.name), &known.typed, &column, &place);
        let steps = [
            format!("ALTER TABLE {table} ADD COLUMN \"\u{2}new\" {}", sql.in_sqlite(&column.typed.collation)),
            format!("UPDATE {table} SET \"\u{2}new\" = {value}"),
            format!("ALTER TABLE {table} DROP COLUMN {}", quoted(&known.name)),
            format!("ALTER TABLE {table} RENAME COLUMN \"\u{2}new\" TO {}", quoted(&known.name)),
        ];
        self.execute_sql("SAVEPOINT altering")?;
        for step in &steps {
            if let Err(stop) = self.execute_sql(step) {
                self.execute_sql("ROLLBACK TO altering")?;
                self.execute_sql("RELEASE altering")?;
                return Err(stop);
            }
        }
        self.execute_sql("RELEASE altering")?;
        let mut catalogue = self.database.catalogue_mut();
        if let Some(object) = catalogue.object_mut(&object.schema, &object.name) {
            for other in object.columns.iter_mut().filter(|other| folded(&other.name) == folded(&column.name))
            {
                *other = column.clone();
            }
        }
        Ok(())
    }

    pub(super) fn rename(&self, name: &str, new: &str, is_column: bool) -> Result<(), Stop> {
        self.must_be_owner("ALTER")?;
        let parts = split_name(name);
        let missing = || {
            ServerMessage::error(
                15_248,
                format!(
                    "Either the parameter @objname ({name}) is ambiguous or the claimed @objtype is wrong."
                ),
            )
        };
        let (place, column) = match (&parts[..], is_column) {
            ([table, column], true) => ((self.facts().default_schema, table.clone()), Some(column)),
            ([schema, table, column], true) => ((schema.clone(), table.clone()), Some(column)),
            ([table], false) => ((self.facts().default_schema, table.clone()), None),
            ([schema, table], false) => ((schema.clone(), table.clone()), None),
            _ => return Err(missing().into()),
        };
        let object = self.database.catalogue().object(&place.0, &place.1).cloned().ok_or_else(missing)?;
        match column {
            Some(column) => {
                let known = object.column(column).ok_or_else(missing)?;
                self.execute_sql(&format!(
                    "ALTER TABLE {} RENAME COLUMN {} TO {}",
                    quoted(&object.in_sqlite()),
                    quoted(&known.name),
                    quoted(new)
                ))?;
                let mut catalogue = self.database.catalogue_mut();
                if let Some(object) = catalogue.object_mut(&object.schema, &object.name) {
                    for column in object.columns.iter_mut().filter(|other| other.name == known.name) {
                        new.clone_into(&mut column.name);
                    }
                }
            }
            None => {
                self.execute_sql(&format!(
                    "ALTER TABLE {} RENAME TO {}",
                    quoted(&object.in_sqlite()),
                    quoted(&format!("{}.{new}", object.schema))
                ))?;
                self.database.catalogue_mut().rename_object(&object.schema, &object.name, new);
            }
        }
        Ok(())
    }
}

/// `[a].[b.c]` as `a` and `b.c`.
fn split_name(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut bracketed = false;
    for character in name.chars() {
        match character {
            '[' if !bracketed => bracketed = true,
            ']' if bracketed => bracketed = false,
            '.' if !bracketed => parts.push(String::new()),
            other => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
    }
    parts
}
