//! A batch: its statements, one after the other, parsed before the first of them runs.
//!
//! T-SQL needs no semicolons, and most of what surrounds a query (IF, DECLARE, SET, EXEC, GRANT, CREATE TABLE with
//! its options) is read here, word by word; queries and changes of rows are left to `sqlparser`.

use sqlparser::ast::{Delete, Expr, Insert, ObjectName, Query, Update};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::declaration::TableDeclaration;
use super::expression::type_of;
use super::security::Security;
use crate::engine::errors::syntax;
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
#[expect(clippy::large_enum_variant, reason = "a batch has a handful of them")]
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
pub(super) fn refused(error: &ParserError) -> ServerMessage {
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
    pub(super) fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    pub(super) fn skip_semicolons(&mut self) {
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
    pub(super) fn begins_statement(&self) -> bool {
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
    pub(super) fn inner_step(&mut self) -> Result<Step, ServerMessage> {
        self.skip_semicolons();
        if self.at_end() {
            return Err(self.unexpected());
        }
        if self.depth >= DEEPEST {
            return Err(
                ServerMessage::error(191, "Some part of your SQL statement is nested too deeply.").class(15)
            );
        }
        self.depth += 1;
        let step = self.step();
        self.depth -= 1;
        step
    }
}
