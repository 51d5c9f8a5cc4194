//! A batch: its statements, one after the other, parsed before the first of them runs.
//!
//! T-SQL needs no semicolons, and most of what surrounds a query (IF, DECLARE, SET, EXEC, GRANT, CREATE TABLE with
//! its options) is read here, word by word; queries and changes of rows are left to `sqlparser`.

use sqlparser::ast::{Delete, Expr, Insert, ObjectName, Query, SelectItem, SetExpr, Statement, Update};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::declaration::TableDeclaration;
use super::expression::type_of;
use super::security::Security;
use crate::engine::errors::{not_understood, syntax};
use crate::sql_type::SqlType;
use crate::token::ServerMessage;

/// One statement, where it begins, and its text.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) line: u32,
    pub(crate) text: String,
    pub(crate) what: What,
}

/// What can be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Droppable {
    Table,
    View,
    Schema,
    Database,
    User,
    Login,
    /// What is understood and does nothing: an index, a role.
    Nothing,
}

/// What a statement does.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Declare(Vec<(String, SqlType, Option<Expr>)>),
    Set(String, Expr),
    Assign(Vec<(String, Expr)>, Box<Query>),
    If(Expr, Box<Step>, Option<Box<Step>>),
    While(Expr, Box<Step>),
    Block(Vec<Step>),
    CreateTable(Box<TableDeclaration>),
    AddColumns(ObjectName, Box<TableDeclaration>),
    DropColumns(ObjectName, Vec<String>, bool),
    AlterColumn(ObjectName, Box<TableDeclaration>),
    CreateView { name: ObjectName, columns: Vec<String>, replace: bool, query: Box<Query> },
    CreateIndex { name: String, table: ObjectName, columns: Vec<String>, unique: bool },
    CreateSchema(String),
    CreateDatabase(String),
    Drop { kind: Droppable, if_exists: bool, names: Vec<ObjectName> },
    Truncate(ObjectName),
    Execute { name: String, arguments: Vec<(Option<String>, Expr)> },
    ExecuteText(Expr),
    Use(String),
    Print(Expr),
    Raise { message: Expr, class: Expr, number: Option<Expr> },
    Wait(std::time::Duration),
    Begin,
    Commit,
    Rollback,
    LockTimeout(i64),
    NoCount(bool),
    Security(Security),
    Return,
    Break,
    Continue,
    Nothing,
}

/// All statements of a batch.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, ServerMessage> {
    let dialect = MsSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let line = u32::try_from(error.location.line).unwrap_or(1);
        ServerMessage::error(105, format!("Unclosed quotation mark or comment: {}.", error.message))
            .class(15)
            .line(line)
    })?;
    let parser = Parser::new(&dialect).with_tokens_with_locations(without_option(tokens));
    let mut batch = Batch { parser, text, lines: line_starts(text), depth: 0 };
    let mut steps = Vec::new();
    loop {
        batch.skip_semicolons();
        if batch.at_end() {
            return Ok(steps);
        }
        steps.push(batch.step()?);
    }
}

/// `OPTION (…)` tells the optimizer something, which we have not.
fn without_option(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_option = matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("OPTION"));
        if !is_option {
            kept.push(token);
            continue;
        }
        let mut depth = 0;
        for inner in tokens.by_ref() {
            match inner.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 && inner.token == Token::RParen {
                break;
            }
        }
    }
    kept
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// A batch being read.
pub(super) struct Batch<'a> {
    pub(super) parser: Parser<'a>,
    text: &'a str,
    lines: Vec<usize>,
    depth: usize,
}

/// How deep statements may be nested.
const DEEPEST: usize = 32;

/// What the parser could not read, as SQL Server says it.
fn refused(error: &ParserError) -> ServerMessage {
    match error {
        ParserError::RecursionLimitExceeded => {
            ServerMessage::error(191, "Some part of your SQL statement is nested too deeply.").class(15)
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let (what, place) = text.split_once(" at Line: ").unwrap_or((text, ""));
            let near = what.rsplit_once("found: ").map_or(what, |(_, found)| found);
            let line = place.split(',').next().and_then(|line| line.trim().parse().ok()).unwrap_or(1);
            syntax(near).line(line)
        }
    }
}

impl Batch<'_> {
    fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    fn skip_semicolons(&mut self) {
        while self.parser.consume_token(&Token::SemiColon) {}
    }

    /// The word at a distance, in capitals, unless it is quoted.
    fn word_at(&self, distance: usize) -> String {
        match &self.parser.peek_nth_token_ref(distance).token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    pub(super) fn word(&self) -> String {
        self.word_at(0)
    }

    /// Takes these words, if all of them come next.
    pub(super) fn takes(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(at, word)| self.word_at(at) == *word);
        if all {
            for _ in words {
                self.parser.advance_token();
            }
        }
        all
    }

    pub(super) fn must_take(&mut self, words: &[&str]) -> Result<(), ServerMessage> {
        if self.takes(words) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn must_be(&mut self, token: &Token) -> Result<(), ServerMessage> {
        if self.parser.consume_token(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// What comes next should not.
    pub(super) fn unexpected(&self) -> ServerMessage {
        let token = self.parser.peek_token_ref();
        let near = if token.token == Token::EOF { String::new() } else { token.token.to_string() };
        syntax(&near).line(self.line())
    }

    fn line(&self) -> u32 {
        u32::try_from(self.parser.peek_token_ref().span.start.line).unwrap_or(1).max(1)
    }

    pub(super) fn name(&mut self) -> Result<String, ServerMessage> {
        self.parser.parse_identifier().map(|ident| ident.value).map_err(|error| refused(&error))
    }

    pub(super) fn object_name(&mut self) -> Result<ObjectName, ServerMessage> {
        self.parser.parse_object_name(false).map_err(|error| refused(&error))
    }

    pub(super) fn expression(&mut self) -> Result<Expr, ServerMessage> {
        self.parser.parse_expr().map_err(|error| refused(&error))
    }

    /// A type; in a declaration a text without a length has the length 1.
    pub(super) fn sql_type(&mut self) -> Result<SqlType, ServerMessage> {
        let data_type = self.parser.parse_data_type().map_err(|error| refused(&error))?;
        type_of(&data_type, 1)
    }

    /// Names in parentheses.
    pub(super) fn names_in_parentheses(&mut self) -> Result<Vec<String>, ServerMessage> {
        self.must_be(&Token::LParen)?;
        let mut names = Vec::new();
        loop {
            names.push(self.name()?);
            let _direction = self.takes(&["ASC"]) || self.takes(&["DESC"]);
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.must_be(&Token::RParen)?;
        Ok(names)
    }

    /// Everything to the end of the statement, unread.
    pub(super) fn skip_rest(&mut self) {
        while !self.at_end()
            && self.parser.peek_token_ref().token != Token::SemiColon
            && !self.begins_statement()
        {
            self.parser.advance_token();
        }
    }

    /// Whether the next word begins another statement.
    fn begins_statement(&self) -> bool {
        matches!(
            self.word().as_str(),
            "SELECT"
                | "INSERT"
                | "DELETE"
                | "CREATE"
                | "ALTER"
                | "DROP"
                | "GRANT"
                | "DENY"
                | "REVOKE"
                | "EXEC"
                | "EXECUTE"
                | "IF"
                | "WHILE"
                | "BEGIN"
                | "END"
                | "ELSE"
                | "DECLARE"
                | "PRINT"
                | "USE"
                | "TRUNCATE"
        )
    }

    fn offset(&self, location: Location) -> usize {
        let line = usize::try_from(location.line).unwrap_or(1).max(1) - 1;
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let column = usize::try_from(location.column).unwrap_or(1).max(1) - 1;
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    }

    fn step(&mut self) -> Result<Step, ServerMessage> {
        let line = self.line();
        let start = self.offset(self.parser.peek_token_ref().span.start);
        let what = self.what()?;
        let next = self.parser.peek_token_ref();
        let end = if next.token == Token::EOF { self.text.len() } else { self.offset(next.span.start) };
        let text = self.text.get(start..end.max(start)).unwrap_or_default().trim_end().to_owned();
        Ok(Step { line, text, what })
    }

    /// A statement within another.
    fn inner_step(&mut self) -> Result<Step, ServerMessage> {
        self.skip_semicolons();
        if self.at_end() {
            return Err(self.unexpected());
        }
        if self.depth >= DEEPEST {
            return Err(ServerMessage::error(191, "Some part of your SQL statement is nested too deeply.").class(15));
        }
        self.depth += 1;
        let step = self.step();
        self.depth -= 1;
        step
    }

    fn what(&mut self) -> Result<What, ServerMessage> {
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
        let query = self.parser.parse_query().map_err(|error| refused(&error))?;
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
        // WITH … INSERT and the like.
        match *query.body {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(not_understood("WITH in front of anything but SELECT"))
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
        let class = Expr::value(sqlparser::ast::Value::Number("16".to_owned(), false));
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
