//! CREATE, ALTER and DROP: SQLite first, then the catalogue.

use sqlparser::ast::{Expr, ObjectName, Query};

use super::catalogue::{Column, Object, User, folded};
use super::changes::stored;
use super::errors::{invalid_column, not_understood};
use super::output::Stop;
use super::session::Session;
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;
use crate::tsql::batch::{Droppable, What};
use crate::tsql::{ColumnDeclaration, Constraint, TableDeclaration, Translator, parts, quoted};
use crate::wire::ResultColumn;

fn already_there(name: &str) -> ServerMessage {
    ServerMessage::error(2714, format!("There is already an object named '{name}' in the database.")).state(6)
}

fn cannot_drop(kind: &str, name: &str) -> ServerMessage {
    ServerMessage::error(
        3701,
        format!("Cannot drop the {kind} '{name}', because it does not exist or you do not have permission."),
    )
    .class(11)
    .state(5)
}

impl Session {
    pub(super) fn define(&mut self, what: &What) -> Result<(), Stop> {
        match what {
            What::CreateTable(table) => self.create_table(table),
            What::AddColumns(name, added) => self.add_columns(name, added),
            What::DropColumns(name, columns, if_exists) => self.drop_columns(name, columns, *if_exists),
            What::AlterColumn(name, table) => match &table.columns[..] {
                [column] => self.alter_column(name, column),
                _ => Err(not_understood("this ALTER COLUMN").into()),
            },
            What::CreateView { name, columns, replace, query } => {
                self.create_view(name, columns, *replace, query)
            }
            What::CreateIndex { name, table, columns, unique } => {
                self.create_index(name, table, columns, *unique)
            }
            What::CreateSchema(name) => {
                self.must_be_owner("CREATE SCHEMA")?;
                let mut catalogue = self.database.catalogue_mut();
                if catalogue.schema(name).is_some() {
                    return Err(already_there(name).into());
                }
                catalogue.add_schema(name);
                Ok(())
            }
            What::CreateDatabase(name) => {
                self.must_be_administrator()?;
                match self.core.create_database(name) {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(ServerMessage::error(
                        1801,
                        format!("Database '{name}' already exists. Choose a different database name."),
                    )
                    .into()),
                    Err(error) => Err(self.stop(&error)),
                }
            }
            What::Drop { kind, if_exists, names } => {
                for name in names {
                    self.drop_one(*kind, name, *if_exists)?;
                }
                Ok(())
            }
            What::Truncate(name) => {
                self.must_be_owner("TRUNCATE TABLE")?;
                let object = self.existing(name)?;
                self.execute_sql(&format!("DELETE FROM {}", quoted(&object.in_sqlite()))).map(|_| ())
            }
            other => Err(not_understood(&format!("{other:?}")).into()),
        }
    }

    fn existing(&self, name: &ObjectName) -> Result<Object, ServerMessage> {
        self.translate(|translator, _| translator.object(name).cloned())
    }

    /// Schema and name of an object that is to be.
    fn place(&self, name: &ObjectName) -> Result<(String, String), ServerMessage> {
        let parts = parts(name);
        let (schema, name) = match &parts[..] {
            [name] => (self.facts().default_schema, name.clone()),
            [schema, name] => (schema.clone(), name.clone()),
            [database, schema, name] if folded(database) == folded(&self.database.name) => {
                (schema.clone(), name.clone())
            }
            _ => return Err(not_understood("definitions in other databases")),
        };
        let catalogue = self.database.catalogue();
        let schema = catalogue.schema(&schema).map(str::to_owned).ok_or_else(|| {
            ServerMessage::error(
                2760,
                format!("The specified schema name \"{schema}\" either does not exist or you do not have permission to use it."),
            )
        })?;
        Ok((schema, name))
    }

    fn create_table(&self, table: &TableDeclaration) -> Result<(), Stop> {
        self.must_be_owner("CREATE TABLE")?;
        let (schema, name) = self.place(&table.name)?;
        if self.database.catalogue().object(&schema, &name).is_some() {
            return Err(already_there(&name).into());
        }
        let (sql, object) = self.translate(|translator, _| translator.create_table(table, &schema, &name))?;
        self.execute_sql(&sql)?;
        self.database.catalogue_mut().add_object(object);
        Ok(())
    }

    fn add_columns(&self, name: &ObjectName, added: &TableDeclaration) -> Result<(), Stop> {
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
                let value = crate::tsql::value_literal(&value);
                let expression = stored(&value, &typed, &column, &table);
                let value: rusqlite::types::Value = self.patiently(|| {
                    self.connection.query_row(&format!("SELECT {expression}"), [], |row| row.get(0))
                })?;
                sql.push_str(&format!(" DEFAULT {}", crate::tsql::value_literal(&value)));
            }
            self.execute_sql(&format!("ALTER TABLE {} ADD COLUMN {sql}", quoted(&object.in_sqlite())))?;
            let mut catalogue = self.database.catalogue_mut();
            if let Some(object) = catalogue.object_mut(&object.schema, &object.name) {
                object.columns.push(column);
            }
        }
        Ok(())
    }

    fn drop_columns(&self, name: &ObjectName, columns: &[String], if_exists: bool) -> Result<(), Stop> {
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
    fn alter_column(&self, name: &ObjectName, declared: &ColumnDeclaration) -> Result<(), Stop> {
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

    fn create_view(
        &self,
        name: &ObjectName,
        names: &[String],
        replace: bool,
        query: &Query,
    ) -> Result<(), Stop> {
        self.must_be_owner("CREATE VIEW")?;
        let (schema, name) = self.place(name)?;
        let existing = self.database.catalogue().object(&schema, &name).cloned();
        if let Some(existing) = &existing
            && !(replace && existing.is_view)
        {
            return Err(already_there(&name).into());
        }
        let translated = self.translate(|translator, _| translator.view(query))?;
        let columns = translated
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let name = names.get(at).unwrap_or(&column.name).clone();
                if name.is_empty() {
                    return Err(ServerMessage::error(
                        4511,
                        format!("Create View or Function failed because no column name was specified for column {}.", at + 1),
                    ));
                }
                Ok(Column {
                    name,
                    typed: column.typed.clone(),
                    nullable: true,
                    identity: false,
                    computed: false,
                    has_default: false,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let object = Object { schema, name, is_view: true, columns, id: 0 };
        let list: Vec<String> = object.columns.iter().map(|column| quoted(&column.name)).collect();
        if existing.is_some() {
            self.execute_sql(&format!("DROP VIEW {}", quoted(&object.in_sqlite())))?;
        }
        self.execute_sql(&format!(
            "CREATE VIEW {} ({}) AS {}",
            quoted(&object.in_sqlite()),
            list.join(", "),
            translated.sql
        ))?;
        self.database.catalogue_mut().add_object(object);
        Ok(())
    }

    fn create_index(
        &self,
        name: &str,
        table: &ObjectName,
        columns: &[String],
        unique: bool,
    ) -> Result<(), Stop> {
        self.must_be_owner("CREATE INDEX")?;
        let object = self.existing(table)?;
        let mut names = Vec::new();
        for column in columns {
            names.push(quoted(&object.column(column).ok_or_else(|| invalid_column(column))?.name));
        }
        let unique = if unique { "UNIQUE " } else { "" };
        self.execute_sql(&format!(
            "CREATE {unique}INDEX {} ON {} ({})",
            quoted(&format!("{}.{name}", object.in_sqlite())),
            quoted(&object.in_sqlite()),
            names.join(", ")
        ))
        .map(|_| ())
    }

    fn drop_one(&self, kind: Droppable, name: &ObjectName, if_exists: bool) -> Result<(), Stop> {
        let shown = parts(name).join(".");
        let missing = |kind: &str| if if_exists { Ok(()) } else { Err(cannot_drop(kind, &shown).into()) };
        match kind {
            Droppable::Table | Droppable::View => {
                self.must_be_owner("DROP")?;
                let is_view = kind == Droppable::View;
                let word = if is_view { "VIEW" } else { "TABLE" };
                let object = match self.existing(name) {
                    Ok(object) if object.is_view == is_view => object,
                    _ => return missing(&word.to_lowercase()),
                };
                self.execute_sql(&format!("DROP {word} {}", quoted(&object.in_sqlite())))?;
                self.database.catalogue_mut().remove_object(&object.schema, &object.name);
                Ok(())
            }
            Droppable::Schema => {
                self.must_be_owner("DROP SCHEMA")?;
                let mut catalogue = self.database.catalogue_mut();
                if catalogue.schema(&shown).is_none() {
                    return if if_exists {
                        Ok(())
                    } else {
                        Err(ServerMessage::error(
                            15_151,
                            format!("Cannot drop the schema '{shown}', because it does not exist or you do not have permission."),
                        )
                        .into())
                    };
                }
                let user = catalogue
                    .objects()
                    .find(|object| folded(&object.schema) == folded(&shown))
                    .map(|object| object.name.clone());
                if let Some(user) = user {
                    return Err(ServerMessage::error(
                        3729,
                        format!(
                            "Cannot drop schema '{shown}' because it is being referenced by object '{user}'."
                        ),
                    )
                    .into());
                }
                catalogue.remove_schema(&shown);
                Ok(())
            }
            Droppable::Database => {
                self.must_be_administrator()?;
                if self.core.drop_database(&shown) { Ok(()) } else { missing("database") }
            }
            Droppable::User => {
                self.must_be_owner("DROP USER")?;
                if self.database.catalogue_mut().remove_user(&shown) { Ok(()) } else { missing("user") }
            }
            Droppable::Login => {
                self.must_be_administrator()?;
                if self.core.logins().remove(&folded(&shown)).is_some() { Ok(()) } else { missing("login") }
            }
            Droppable::Nothing => Ok(()),
        }
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

    pub(super) fn add_user(&self, user: User) {
        self.database.catalogue_mut().add_user(user);
    }
}

/// `[a].[b.c]` as `a` and `b.c`.
pub(super) fn split_name(name: &str) -> Vec<String> {
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

impl Translator<'_> {
    fn create_table(
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

    fn column_definition(
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
