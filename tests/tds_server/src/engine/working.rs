//! What every statement needs: the facts of its session, a translation, SQLite in spite of locks, and rights.

use std::time::{Duration, Instant};

use rusqlite::types::Value;
use sqlparser::ast::Expr;

use super::catalogue::{Catalogue, Principal};
use super::errors::{as_server_message, is_interrupted, is_locked};
use super::output::Stop;
use super::session::Session;
use crate::convert::{TooLong, cast};
use crate::sql_type::Typed;
use crate::token::ServerMessage;
use crate::tsql::{Facts, Translator};

impl Session {
    pub(super) fn facts(&self) -> Facts {
        let (user, default_schema) = match &self.principal {
            Principal::Owner => ("dbo".to_owned(), "dbo".to_owned()),
            Principal::User(name) => {
                let catalogue = self.database.catalogue();
                let schema = catalogue.user(name).and_then(|user| user.default_schema.clone());
                (name.clone(), schema.unwrap_or_else(|| "dbo".to_owned()))
            }
        };
        Facts {
            spid: self.spid,
            server: self.core.name.clone(),
            database: self.database.name.clone(),
            login: self.login.name.clone(),
            user,
            default_schema,
            application: self.application.clone(),
            host: self.host.clone(),
            row_count: self.row_count,
            transactions: self.transactions,
            identity: self.identity,
            language: "us_english",
            databases: self.core.database_names(),
        }
    }

    /// Translates something with the catalogue as it is now.
    pub(super) fn translate<T>(
        &self,
        translation: impl FnOnce(&mut Translator<'_>, &Catalogue) -> Result<T, ServerMessage>,
    ) -> Result<T, ServerMessage> {
        let facts = self.facts();
        let catalogue = self.database.catalogue();
        let mut translator = Translator::new(&catalogue, &self.principal, &facts, &self.variables);
        translation(&mut translator, &catalogue)
    }

    /// Does something in SQLite, again and again while somebody else has what it needs.
    pub(super) fn patiently<T>(&self, mut action: impl FnMut() -> rusqlite::Result<T>) -> Result<T, Stop> {
        let until = Instant::now() + self.lock_timeout;
        loop {
            match action() {
                Ok(value) => return Ok(value),
                Err(error) => {
                    if self.attention.is_pending() {
                        return Err(Stop::Attention);
                    }
                    if self.attention.is_gone() {
                        return Err(Stop::Gone);
                    }
                    if !is_locked(&error) || Instant::now() >= until {
                        return Err(self.stop(&error));
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    /// An error of SQLite.
    pub(super) fn stop(&self, error: &rusqlite::Error) -> Stop {
        if is_interrupted(error) {
            return if self.attention.is_pending() { Stop::Attention } else { Stop::Gone };
        }
        Stop::Error(as_server_message(error, &self.database.name))
    }

    pub(super) fn execute_sql(&self, sql: &str) -> Result<usize, Stop> {
        self.patiently(|| self.connection.execute(sql, []))
    }

    /// The value of an expression, as one of a type.
    pub(super) fn evaluate(&self, expression: &Expr, as_type: &Typed) -> Result<Value, Stop> {
        let (sql, typed) = self.translate(|translator, _| translator.expression_sql(expression))?;
        let value: Value =
            self.patiently(|| self.connection.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)))?;
        Ok(cast(value, typed.sql, as_type, None, TooLong::Cut)?)
    }

    pub(super) fn text_of(&self, expression: &Expr) -> Result<String, Stop> {
        match self.evaluate(expression, &crate::sql_type::SqlType::NVARCHAR_MAX.into())? {
            Value::Text(text) => Ok(text),
            _ => Ok(String::new()),
        }
    }

    pub(super) fn holds(&self, condition: &Expr) -> Result<bool, Stop> {
        if self.attention.is_pending() {
            return Err(Stop::Attention);
        }
        if self.attention.is_gone() {
            return Err(Stop::Gone);
        }
        let (sql, system_views) = self.translate(|translator, _| {
            let (sql, _) = translator.expression_sql(condition)?;
            Ok((sql, translator.system_views()))
        })?;
        self.fill(&system_views)?;
        self.patiently(|| {
            self.connection
                .query_row(&format!("SELECT CASE WHEN {sql} THEN 1 ELSE 0 END"), [], |row| row.get(0))
        })
    }

    pub(super) fn wait(&self, duration: Duration) -> Result<(), Stop> {
        let until = Instant::now() + duration;
        while Instant::now() < until {
            if self.attention.is_pending() {
                return Err(Stop::Attention);
            }
            if self.attention.is_gone() {
                return Err(Stop::Gone);
            }
            std::thread::sleep(Duration::from_millis(5).min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }

    pub(super) fn must_be_owner(&self, what: &str) -> Result<(), ServerMessage> {
        if self.database.catalogue().is_owner(&self.principal) {
            return Ok(());
        }
        Err(ServerMessage::error(
            262,
            format!("{what} permission denied in database '{}'.", self.database.name),
        )
        .class(14))
    }

    pub(super) fn must_be_administrator(&self) -> Result<(), ServerMessage> {
        if self.login.administrator {
            return Ok(());
        }
        Err(ServerMessage::error(15_247, "User does not have permission to perform this action."))
    }
}
