//! EXEC: the few procedures that set-up scripts call.

use rusqlite::types::Value;
use sqlparser::ast::Expr;

use super::output::{Output, Stop};
use super::session::Session;
use crate::sql_type::{SqlType, Typed};
use crate::token::ServerMessage;
use crate::tsql::batch::{What, parse};
use crate::tsql::{Security, Variables};

type Arguments<'a> = &'a [(Option<String>, Expr)];

/// The argument of a name, or at a place.
fn argument<'a>(arguments: Arguments<'a>, at: usize, names: &[&str]) -> Option<&'a Expr> {
    let named = arguments.iter().find(|(name, _)| {
        name.as_deref().is_some_and(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known)))
    });
    let placed = arguments.get(at).filter(|(name, _)| name.is_none());
    named.or(placed).map(|(_, value)| value)
}

impl Session {
    pub(super) fn execute(
        &mut self,
        name: &str,
        arguments: Arguments<'_>,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let plain = name.to_ascii_lowercase().replace(['[', ']'], "");
        let plain = plain
            .trim_start_matches("master.")
            .trim_start_matches("sys.")
            .trim_start_matches("dbo.")
            .trim_start_matches('.');
        let missing = || -> Stop {
            ServerMessage::error(
                201,
                format!("Procedure or function '{plain}' expects a parameter which was not supplied."),
            )
            .state(4)
            .into()
        };
        match plain {
            "sp_executesql" => {
                let text = argument(arguments, 0, &["@stmt", "@statement"]).ok_or_else(missing)?;
                let text = self.text_of(text)?;
                let inner = self.parameters(arguments)?;
                let outer = std::mem::replace(&mut self.variables, inner);
                let result = self.batch(&text, output);
                self.variables = outer;
                result
            }
            "sp_rename" => {
                let object = self.text_of(argument(arguments, 0, &["@objname"]).ok_or_else(missing)?)?;
                let new = self.text_of(argument(arguments, 1, &["@newname"]).ok_or_else(missing)?)?;
                let kind = match argument(arguments, 2, &["@objtype"]) {
                    Some(kind) => self.text_of(kind)?,
                    None => String::new(),
                };
                self.rename(&object, &new, kind.eq_ignore_ascii_case("COLUMN"))?;
                output.message(
                    &ServerMessage::error(
                        15_477,
                        "Caution: Changing any part of an object name could break scripts and stored procedures.",
                    )
                    .class(0),
                )
            }
            "sp_addrolemember" => {
                let role = self.text_of(argument(arguments, 0, &["@rolename"]).ok_or_else(missing)?)?;
                let user = self.text_of(argument(arguments, 1, &["@membername"]).ok_or_else(missing)?)?;
                self.security(&Security::AddToRole { role, user, add: true })
            }
            "sp_set_session_context" | "sp_configure" | "sp_updatestats" => Ok(()),
            _ => Err(ServerMessage::error(2812, format!("Could not find stored procedure '{name}'."))
                .state(62)
                .into()),
        }
    }

    /// The parameters of `sp_executesql`: declared in its second argument, given in the others.
    fn parameters(&self, arguments: Arguments<'_>) -> Result<Variables, Stop> {
        let Some(declared) = argument(arguments, 1, &["@params", "@parameters"]) else {
            return Ok(Variables::new());
        };
        let declared = self.text_of(declared)?;
        if declared.trim().is_empty() {
            return Ok(Variables::new());
        }
        let mut variables = Variables::new();
        for (at, (name, typed)) in declarations(&declared)?.into_iter().enumerate() {
            let value = match argument(arguments, at + 2, &[&name]) {
                Some(value) => self.evaluate(value, &typed)?,
                None => Value::Null,
            };
            variables.insert(name.to_lowercase(), (typed, value));
        }
        Ok(variables)
    }
}

/// `@a int, @b nvarchar(10) OUTPUT`.
pub(crate) fn declarations(text: &str) -> Result<Vec<(String, Typed)>, ServerMessage> {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !matches!(word.to_ascii_uppercase().as_str(), "OUTPUT" | "OUT"))
        .collect();
    let steps = parse(&format!("DECLARE {}", words.join(" ")))?;
    match steps.first().map(|step| &step.what) {
        Some(What::Declare(declared)) => Ok(declared
            .iter()
            .map(|(name, sql, _): &(String, SqlType, _)| (name.clone(), (*sql).into()))
            .collect()),
        _ => Ok(Vec::new()),
    }
}
