//! CREATE, ALTER and DROP: SQLite first, then the catalogue.

use sqlparser::ast::{ObjectName, Query};

use super::catalogue::{Column, Object, User, folded};
use super::errors::{invalid_column, not_understood};
use super::output::Stop;
use super::session::Session;
use crate::token::ServerMessage;
use crate::tsql::batch::{Droppable, What};
use crate::tsql::{TableDeclaration, parts, quoted};

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

    pub(super) fn existing(&self, name: &ObjectName) -> Result<Object, ServerMessage> {
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

    pub(super) fn add_user(&self, user: User) {
        self.database.catalogue_mut().add_user(user);
    }
}
