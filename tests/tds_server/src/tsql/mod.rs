//! T-SQL made SQLite's SQL.
//!
//! A statement is parsed by `sqlparser`, and written anew from its tree, in one pass that finds out the type of every
//! expression on the way: the type decides whether `+` adds or joins, how a value compares, and what the column is
//! on the wire. Names are looked up in the catalogue, and errors about them are those of SQL Server; a right that is
//! missing is found here too. What is not understood is an error, never passed on in the hope that it works.

mod aggregates;
pub(crate) mod batch;
mod declaration;
mod expression;
mod facts;
mod from;
mod function;
mod literals;
mod operators;
mod security;
mod select;
mod statement;
mod system_views;

use std::collections::{BTreeSet, HashMap};

use rusqlite::types::Value;
use sqlparser::ast::{Ident, ObjectName};

use crate::engine::catalogue::{Catalogue, Object, Principal, Right, folded};
use crate::engine::errors::{invalid_column, invalid_object, not_understood};
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;
use crate::wire::ResultColumn;

pub(crate) use declaration::{ColumnDeclaration, Constraint, TableDeclaration};
pub(crate) use literals::value_literal;
pub(crate) use security::{Action, On, Security};
pub(crate) use select::Translated;
pub(crate) use system_views::{SystemView, fill};

/// What functions and variables such as `@@SPID` tell about the session.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) spid: u16,
    pub(crate) server: String,
    pub(crate) database: String,
    pub(crate) login: String,
    pub(crate) user: String,
    pub(crate) default_schema: String,
    pub(crate) application: String,
    pub(crate) host: String,
    pub(crate) row_count: i64,
    pub(crate) transactions: i64,
    pub(crate) identity: Option<i64>,
    pub(crate) language: &'static str,
    pub(crate) databases: Vec<String>,
}

/// Variables by their name in lower case, with the `@`.
pub(crate) type Variables = HashMap<String, (Typed, Value)>;

/// An expression in SQLite's SQL.
#[derive(Debug, Clone)]
struct Rendered {
    sql: String,
    typed: Typed,
    /// A bare column: SQLite knows its collation.
    is_column: bool,
}

impl Rendered {
    fn new(sql: impl Into<String>, sql_type: SqlType) -> Self {
        Self { sql: sql.into(), typed: sql_type.into(), is_column: false }
    }
}

/// Something that columns come from.
#[derive(Debug, Clone)]
struct Relation {
    /// What the statement calls it.
    name: String,
    /// Its schema, when the statement may name it.
    schema: Option<String>,
    /// What it is called in SQLite's SQL.
    alias: String,
    columns: Vec<ResultColumn>,
}

/// One statement's translation.
pub(crate) struct Translator<'a> {
    catalogue: &'a Catalogue,
    principal: &'a Principal,
    facts: &'a Facts,
    variables: &'a Variables,
    scopes: Vec<Vec<Relation>>,
    tables: Vec<(String, Vec<ResultColumn>)>,
    aliases: usize,
    depth: usize,
    system_views: BTreeSet<SystemView>,
    /// A view reads what its owner may read.
    ignores_rights: bool,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(
        catalogue: &'a Catalogue,
        principal: &'a Principal,
        facts: &'a Facts,
        variables: &'a Variables,
    ) -> Self {
        Self {
            catalogue,
            principal,
            facts,
            variables,
            scopes: Vec::new(),
            tables: Vec::new(),
            aliases: 0,
            depth: 0,
            system_views: BTreeSet::new(),
            ignores_rights: false,
        }
    }

    /// What has to be filled before the statement can run.
    pub(crate) fn system_views(&self) -> BTreeSet<SystemView> {
        self.system_views.clone()
    }

    fn next_alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// The object that a name means.
    pub(crate) fn object(&self, name: &ObjectName) -> Result<&'a Object, ServerMessage> {
        let parts = parts(name);
        let (schema, table) = self.schema_and_name(&parts)?;
        let found = match schema {
            Some(schema) => self.catalogue.object(schema, table),
            None => self
                .catalogue
                .object(&self.facts.default_schema, table)
                .or_else(|| self.catalogue.object("dbo", table)),
        };
        found.ok_or_else(|| invalid_object(&parts.join(".")))
    }

    fn schema_and_name<'n>(&self, parts: &'n [String]) -> Result<(Option<&'n str>, &'n str), ServerMessage> {
        let given = |schema: &'n String| if schema.is_empty() { None } else { Some(schema.as_str()) };
        match parts {
            [name] => Ok((None, name)),
            [schema, name] => Ok((given(schema), name)),
            [database, schema, name] if folded(database) == folded(&self.facts.database) => {
                Ok((given(schema), name))
            }
            [_, _, _] => Err(invalid_object(&parts.join("."))),
            [server, ..] => {
                Err(ServerMessage::error(7202, format!("Could not find server '{server}' in sys.servers."))
                    .class(11)
                    .state(2))
            }
            [] => Err(invalid_object("")),
        }
    }

    pub(crate) fn check_right(&self, right: Right, object: &Object) -> Result<(), ServerMessage> {
        if self.ignores_rights || self.catalogue.may(self.principal, right, &object.schema, &object.name) {
            return Ok(());
        }
        Err(ServerMessage::error(
            229,
            format!(
                "The {} permission was denied on the object '{}', database '{}', schema '{}'.",
                right.name(),
                object.name,
                self.facts.database,
                object.schema
            ),
        )
        .class(14)
        .state(5))
    }

    /// The column that a name means, innermost query first.
    fn column(&self, parts: &[Ident]) -> Result<Rendered, ServerMessage> {
        let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        let (qualifier, column) = match names[..] {
            [column] => (None, column),
            [table, column] => (Some((None, table)), column),
            [schema, table, column] | [_, schema, table, column] => (Some((Some(schema), table)), column),
            _ => return Err(not_understood("a name of that many parts")),
        };
        let fits = |relation: &Relation| match qualifier {
            None => true,
            Some((None, table)) => folded(&relation.name) == folded(table),
            Some((Some(schema), table)) => {
                folded(&relation.name) == folded(table)
                    && relation.schema.as_deref().is_some_and(|of| folded(of) == folded(schema))
            }
        };
        for scope in self.scopes.iter().rev() {
            let mut found = scope.iter().filter(|relation| fits(relation)).flat_map(|relation| {
                let same = relation.columns.iter().filter(|known| folded(&known.name) == folded(column));
                same.map(move |known| (relation, known))
            });
            if let Some((relation, known)) = found.next() {
                if found.next().is_some() {
                    return Err(ServerMessage::error(209, format!("Ambiguous column name '{column}'.")));
                }
                // In the definition of a table its columns have no table in front of them.
                let sql = match relation.alias.as_str() {
                    "" => quoted(&known.name),
                    alias => format!("{alias}.{}", quoted(&known.name)),
                };
                return Ok(Rendered { sql, typed: known.typed.clone(), is_column: true });
            }
        }
        if names.len() > 1 && !self.scopes.iter().flatten().any(fits) {
            return Err(ServerMessage::error(
                4104,
                format!("The multi-part identifier \"{}\" could not be bound.", names.join(".")),
            ));
        }
        Err(invalid_column(column))
    }
}

/// A name for SQLite.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text for SQLite.
pub(crate) fn literal(text: &str) -> String {
    // SQLite's SQL ends at a NUL.
    if text.contains('\0') {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("CAST(X'{hex}' AS TEXT)");
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// The parts of a name, without their brackets.
pub(crate) fn parts(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()))
        .collect()
}
