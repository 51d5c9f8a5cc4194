//! Functions that tell about the session, the server, or what is in the catalogue: the same for the whole statement.

use sqlparser::ast::Expr;

use super::{Rendered, Translator, literal};
use crate::engine::catalogue::{Right, folded};
use crate::sql_type::{Length, SqlType};
use crate::token::{PRODUCT_VERSION, ServerMessage};

impl Translator<'_> {
    /// What is the same for the whole statement: who, where, and whether something is there.
    pub(super) fn fact(
        &self,
        name: &str,
        expressions: &[&Expr],
        arguments: &[Rendered],
    ) -> Result<Option<Rendered>, ServerMessage> {
        let text = |text: Option<&str>, of: SqlType| {
            Ok(Some(Rendered::new(text.map_or_else(|| "NULL".to_owned(), literal), of)))
        };
        let number = |number: Option<i64>| {
            Ok(Some(Rendered::new(
                number.map_or_else(|| "NULL".to_owned(), |number| number.to_string()),
                SqlType::Int,
            )))
        };
        let sysname = SqlType::NVarChar(Length::Of(128));
        let first = expressions.first().and_then(|expression| text_of(expression));
        match name {
            "serverproperty" => {
                let value = match first.unwrap_or_default().to_ascii_lowercase().as_str() {
                    "productversion" => Some(PRODUCT_VERSION),
                    "productlevel" => Some("RTM"),
                    "edition" => Some("Developer Edition (64-bit)"),
                    "productmajorversion" => Some("16"),
                    "engineedition" => {
                        return Ok(Some(Rendered::new(
                            "tds_cast(3, 'int', 'sql_variant', NULL)",
                            SqlType::Variant,
                        )));
                    }
                    "servername" | "machinename" => Some(self.facts.server.as_str()),
                    "collation" => Some(crate::collation::DEFAULT),
                    _ => None,
                };
                Ok(Some(match value {
                    Some(value) => Rendered::new(
                        format!("tds_cast({}, 'nvarchar(128)', 'sql_variant', NULL)", literal(value)),
                        SqlType::Variant,
                    ),
                    None => Rendered::new("NULL", SqlType::Variant),
                }))
            }
            "db_name" => text(Some(&self.facts.database), sysname),
            "db_id" => {
                let wanted = first.unwrap_or_else(|| self.facts.database.clone());
                let at = self.facts.databases.iter().position(|name| folded(name) == folded(&wanted));
                number(at.and_then(|at| i64::try_from(at + 1).ok()))
            }
            "suser_sname" | "suser_name" | "original_login" | "system_user" => {
                text(Some(&self.facts.login), sysname)
            }
            "user_name" | "current_user" | "session_user" | "user" => text(Some(&self.facts.user), sysname),
            "schema_name" if arguments.is_empty() => text(Some(&self.facts.default_schema), sysname),
            "app_name" => text(Some(&self.facts.application), sysname),
            "host_name" => text(Some(&self.facts.host), sysname),
            "schema_id" => {
                let wanted = first.unwrap_or_else(|| self.facts.default_schema.clone());
                let at = self.catalogue.schemas().position(|name| folded(name) == folded(&wanted));
                number(at.and_then(|at| i64::try_from(at + 1).ok()))
            }
            "object_id" => {
                let wanted = first.unwrap_or_default();
                let kind = expressions.get(1).and_then(|expression| text_of(expression));
                let parts: Vec<&str> =
                    wanted.split('.').map(|part| part.trim_matches(['[', ']', '"'])).collect();
                let (schema, object) = match parts[..] {
                    [object] => (self.facts.default_schema.as_str(), object),
                    [schema, object] | [_, schema, object] => (schema, object),
                    _ => ("", ""),
                };
                let found = self.catalogue.object(schema, object).filter(|object| match kind.as_deref() {
                    Some("U" | "u") => !object.is_view,
                    Some("V" | "v") => object.is_view,
                    _ => true,
                });
                let seen = found
                    .filter(|object| self.catalogue.may_see(self.principal, &object.schema, &object.name));
                number(seen.map(|object| object.id))
            }
            "col_length" | "columnproperty" => number(None),
            "has_perms_by_name" => {
                let wanted = first.unwrap_or_default();
                let parts: Vec<&str> = wanted.split('.').map(|part| part.trim_matches(['[', ']'])).collect();
                let [schema, object] = parts[..] else { return number(Some(1)) };
                number(Some(i64::from(self.catalogue.may(self.principal, Right::Select, schema, object))))
            }
            "is_srvrolemember" | "is_member" | "is_rolemember" => {
                number(Some(i64::from(self.catalogue.is_owner(self.principal))))
            }
            "scope_identity" => Ok(Some(Rendered::new(
                self.facts.identity.map_or_else(|| "NULL".to_owned(), |identity| identity.to_string()),
                SqlType::Decimal { precision: 38, scale: 0 },
            ))),
            "connectionproperty" => text(None, SqlType::Variant),
            _ => Ok(None),
        }
    }
}

/// The text of an expression that is a literal.
fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => value.value.clone().into_string(),
        _ => None,
    }
}
