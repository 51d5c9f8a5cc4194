//! One statement of a batch, by its first word.

use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, Value};
use sqlparser::tokenizer::Token;

use super::batch::{Batch, Droppable, What, refused};
use crate::engine::errors::{not_understood, syntax};
use crate::token::ServerMessage;

impl Batch<'_> {
    pub(super) fn what(&mut self) -> Result<What, ServerMessage> {
        match self.word().as_str() {
            "SELECT" | "WITH" => self.query(),
            "INSERT" | "UPDATE" | "DELETE" => self.change(),
            "DECLARE" => self.declare(),
            "SET" => self.set(),
            "IF" => self.condition(),
            "WHILE" => {
                self.parser.advance_token();
                let condition = self.expression()?;
                Ok(What::While(condition, Box::new(self.inner_step()?)))
            }
            "BEGIN" => self.begin(),
            "COMMIT" => self.end_of_transaction(What::Commit),
            "ROLLBACK" => self.end_of_transaction(What::Rollback),
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop(),
            "TRUNCATE" => {
                self.parser.advance_token();
                self.must_take(&["TABLE"])?;
                Ok(What::Truncate(self.object_name()?))
            }
            "EXEC" | "EXECUTE" => {
                self.parser.advance_token();
                self.execute()
            }
            "USE" => {
                self.parser.advance_token();
                Ok(What::Use(self.name()?))
            }
            "PRINT" => {
                self.parser.advance_token();
                Ok(What::Print(self.expression()?))
            }
            "RAISERROR" => self.raise_error(),
            "THROW" => self.throw(),
            "WAITFOR" => self.wait(),
            "GRANT" | "DENY" | "REVOKE" => self.rights().map(What::Security),
            "RETURN" => {
                self.parser.advance_token();
                Ok(What::Return)
            }
            "BREAK" => {
                self.parser.advance_token();
                Ok(What::Break)
            }
            "CONTINUE" => {
                self.parser.advance_token();
                Ok(What::Continue)
            }
            "CHECKPOINT" => {
                self.parser.advance_token();
                Ok(What::Nothing)
            }
            _ if self.parser.peek_token_ref().token == Token::LParen => self.query(),
            // A batch may begin with the name of a procedure.
            word if word.starts_with("SP_") => self.execute(),
            _ => Err(self.unexpected()),
        }
    }

    fn query(&mut self) -> Result<What, ServerMessage> {
        let mut query = self.parser.parse_query().map_err(|error| refused(&error))?;
        if let SetExpr::Select(select) = &*query.body {
            let assigned: Vec<_> = select
                .projection
                .iter()
                .filter_map(|item| match item {
                    SelectItem::ExprWithAlias { expr, alias } if alias.value.starts_with('@') => {
                        Some((alias.value.clone(), expr.clone()))
                    }
                    _ => None,
                })
                .collect();
            if !assigned.is_empty() {
                return Ok(What::Assign(assigned, query));
            }
        }
        // In front of an INSERT, WITH belongs to the rows that are inserted.
        match &mut *query.body {
            SetExpr::Insert(Statement::Insert(insert)) => {
                if let Some(source) = &mut insert.source {
                    source.with = query.with.take();
                }
                Ok(What::Insert(Box::new(insert.clone())))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(not_understood("WITH in front of UPDATE, DELETE or MERGE"))
            }
            _ => Ok(What::Query(query)),
        }
    }

    fn change(&mut self) -> Result<What, ServerMessage> {
        match self.parser.parse_statement().map_err(|error| refused(&error))? {
            Statement::Insert(insert) => Ok(What::Insert(Box::new(insert))),
            Statement::Update(update) => Ok(What::Update(Box::new(update))),
            Statement::Delete(delete) => Ok(What::Delete(Box::new(delete))),
            other => Err(not_understood(&format!("the statement {other}"))),
        }
    }

    fn declare(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let mut declared = Vec::new();
        loop {
            let name = self.name()?;
            let _as = self.takes(&["AS"]);
            let sql_type = self.sql_type()?;
            let value = if self.parser.consume_token(&Token::Eq) { Some(self.expression()?) } else { None };
            declared.push((name, sql_type, value));
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(What::Declare(declared));
            }
        }
    }

    fn set(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let word = self.word();
        if word.starts_with('@') {
            let name = self.name()?;
            self.must_be(&Token::Eq)?;
            return Ok(What::Set(name, self.expression()?));
        }
        if self.takes(&["LOCK_TIMEOUT"]) {
            let negative = self.parser.consume_token(&Token::Minus);
            let Token::Number(digits, _) = self.parser.next_token().token else {
                return Err(self.unexpected());
            };
            let value: i64 = digits.parse().map_err(|_| syntax(&digits))?;
            return Ok(What::LockTimeout(if negative { -value } else { value }));
        }
        if self.takes(&["NOCOUNT"]) {
            return if self.takes(&["ON"]) {
                Ok(What::NoCount(true))
            } else {
                self.must_take(&["OFF"])?;
                Ok(What::NoCount(false))
            };
        }
        const OPTIONS: [&str; 24] = [
            "ANSI_DEFAULTS",
            "ANSI_NULLS",
            "ANSI_NULL_DFLT_ON",
            "ANSI_PADDING",
            "ANSI_WARNINGS",
            "ARITHABORT",
            "ARITHIGNORE",
            "CONCAT_NULL_YIELDS_NULL",
            "CONTEXT_INFO",
            "CURSOR_CLOSE_ON_COMMIT",
            "DATEFIRST",
            "DATEFORMAT",
            "DEADLOCK_PRIORITY",
            "IDENTITY_INSERT",
            "IMPLICIT_TRANSACTIONS",
            "LANGUAGE",
            "NUMERIC_ROUNDABORT",
            "QUOTED_IDENTIFIER",
            "ROWCOUNT",
            "STATISTICS",
            "TEXTSIZE",
            "TRANSACTION",
            "XACT_ABORT",
            "QUERY_GOVERNOR_COST_LIMIT",
        ];
        if !OPTIONS.contains(&word.as_str()) {
            return Err(self.unexpected());
        }
        self.skip_rest();
        Ok(What::Nothing)
    }

    fn condition(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let condition = self.expression()?;
        let then = Box::new(self.inner_step()?);
        let before = self.parser.index();
        self.skip_semicolons();
        if self.takes(&["ELSE"]) {
            return Ok(What::If(condition, then, Some(Box::new(self.inner_step()?))));
        }
        while self.parser.index() > before {
            self.parser.prev_token();
        }
        Ok(What::If(condition, then, None))
    }

    fn begin(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        if self.takes(&["TRAN"]) || self.takes(&["TRANSACTION"]) {
            self.skip_rest();
            return Ok(What::Begin);
        }
        if self.word() == "TRY" || self.word() == "CATCH" {
            return Err(not_understood("TRY and CATCH"));
        }
        let mut steps = Vec::new();
        loop {
            self.skip_semicolons();
            if self.takes(&["END"]) {
                return Ok(What::Block(steps));
            }
            steps.push(self.inner_step()?);
        }
    }

    fn end_of_transaction(&mut self, what: What) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let _word = self.takes(&["TRAN"]) || self.takes(&["TRANSACTION"]) || self.takes(&["WORK"]);
        self.skip_rest();
        Ok(what)
    }

    fn create(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let replace = self.takes(&["OR", "ALTER"]);
        if self.takes(&["VIEW"]) {
            return self.view(replace);
        }
        if self.takes(&["TABLE"]) {
            let name = self.object_name()?;
            return Ok(What::CreateTable(Box::new(self.table_declaration(name)?)));
        }
        if self.takes(&["SCHEMA"]) {
            let name = self.name()?;
            self.skip_rest();
            return Ok(What::CreateSchema(name));
        }
        if self.takes(&["DATABASE"]) {
            let name = self.name()?;
            self.skip_rest();
            return Ok(What::CreateDatabase(name));
        }
        if matches!(self.word().as_str(), "LOGIN" | "USER" | "ROLE") {
            return self.create_principal().map(What::Security);
        }
        let mut unique = false;
        while matches!(self.word().as_str(), "UNIQUE" | "CLUSTERED" | "NONCLUSTERED") {
            unique |= self.word() == "UNIQUE";
            self.parser.advance_token();
        }
        self.must_take(&["INDEX"])?;
        let name = self.name()?;
        self.must_take(&["ON"])?;
        let table = self.object_name()?;
        let columns = self.names_in_parentheses()?;
        self.skip_rest();
        Ok(What::CreateIndex { name, table, columns, unique })
    }

    fn view(&mut self, replace: bool) -> Result<What, ServerMessage> {
        let name = self.object_name()?;
        let columns = if self.parser.peek_token_ref().token == Token::LParen {
            self.names_in_parentheses()?
        } else {
            Vec::new()
        };
        if self.takes(&["WITH"]) {
            while self.word() != "AS" && !self.at_end() {
                self.parser.advance_token();
            }
        }
        self.must_take(&["AS"])?;
        let query = self.parser.parse_query().map_err(|error| refused(&error))?;
        let _check = self.takes(&["WITH", "CHECK", "OPTION"]);
        Ok(What::CreateView { name, columns, replace, query })
    }

    fn alter(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        if self.takes(&["VIEW"]) {
            return self.view(true);
        }
        if self.takes(&["TABLE"]) {
            return self.alter_table();
        }
        if self.takes(&["DATABASE"]) || self.takes(&["INDEX"]) {
            self.skip_rest();
            return Ok(What::Nothing);
        }
        self.alter_principal().map(What::Security)
    }

    fn drop(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let kind = match self.word().as_str() {
            "TABLE" => Droppable::Table,
            "VIEW" => Droppable::View,
            "SCHEMA" => Droppable::Schema,
            "DATABASE" => Droppable::Database,
            "USER" => Droppable::User,
            "LOGIN" => Droppable::Login,
            "INDEX" | "ROLE" => Droppable::Nothing,
            _ => return Err(self.unexpected()),
        };
        self.parser.advance_token();
        let if_exists = self.takes(&["IF", "EXISTS"]);
        let mut names = vec![self.object_name()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.object_name()?);
        }
        self.skip_rest();
        Ok(What::Drop { kind, if_exists, names })
    }

    fn execute(&mut self) -> Result<What, ServerMessage> {
        if self.parser.consume_token(&Token::LParen) {
            let text = self.expression()?;
            self.must_be(&Token::RParen)?;
            return Ok(What::ExecuteText(text));
        }
        let name = self.object_name()?.to_string();
        let mut arguments = Vec::new();
        while !self.at_end()
            && self.parser.peek_token_ref().token != Token::SemiColon
            && !self.begins_statement()
        {
            let is_named =
                self.word().starts_with('@') && self.parser.peek_nth_token_ref(1).token == Token::Eq;
            let named = if is_named {
                let name = self.name()?;
                self.must_be(&Token::Eq)?;
                Some(name)
            } else {
                None
            };
            arguments.push((named, self.expression()?));
            let _output = self.takes(&["OUTPUT"]) || self.takes(&["OUT"]);
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        Ok(What::Execute { name, arguments })
    }

    fn raise_error(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        self.must_be(&Token::LParen)?;
        let message = self.expression()?;
        self.must_be(&Token::Comma)?;
        let class = self.expression()?;
        while self.parser.consume_token(&Token::Comma) {
            self.expression()?;
        }
        self.must_be(&Token::RParen)?;
        self.skip_rest();
        Ok(What::Raise { message, class, number: None })
    }

    fn throw(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        let number = self.expression()?;
        self.must_be(&Token::Comma)?;
        let message = self.expression()?;
        self.must_be(&Token::Comma)?;
        let _state = self.expression()?;
        let class = Expr::value(Value::Number("16".to_owned(), false));
        Ok(What::Raise { message, class, number: Some(number) })
    }

    fn wait(&mut self) -> Result<What, ServerMessage> {
        self.parser.advance_token();
        self.must_take(&["DELAY"])?;
        let token = self.parser.next_token();
        let Token::SingleQuotedString(text) = token.token else {
            return Err(syntax(&token.token.to_string()));
        };
        let moment = crate::moment::Moment::parse(&text).ok_or_else(|| {
            ServerMessage::error(148, format!("Incorrect time syntax in time string '{text}'."))
        })?;
        let ticks = u64::try_from(moment.ticks).unwrap_or(0);
        Ok(What::Wait(std::time::Duration::from_nanos(ticks * 100)))
    }
}
