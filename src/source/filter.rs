//! The sync filter: the one SELECT statement that says which rows of a source are contacts.
//!
//! `select ${MAP} from testpbx.contacts order by id desc`: `${MAP}` stands for the mapped columns.
//!
//! Invariant: a [`SyncFilter`] can only read. It is one SELECT over tables named `{schema}.{table}`, and
//! nothing that it consists of means anything else to SQL Server or SQLite. Three things hold that:
//!
//! 1. The text is cut into [`words`] whose borders no database draws differently: no comments, no
//!    variables, no escapes but doubled quotes. `sqlparser` must find the same borders, or it is refused.
//! 2. Of the words that T-SQL reserves, only those of this small grammar may stand unquoted. T-SQL needs
//!    no `;` between statements (`… from a.b shutdown`), so a parser alone would take them for aliases.
//! 3. What `sqlparser` made of it must be made of [permitted parts](grammar) only.
//!
//! What was checked is what runs: the columns replace `${MAP}` in the original text, which is never
//! printed anew from the parsed form. Every refusal points at its word and says what to write.

mod grammar;
mod reserved;
mod words;

use std::fmt;
use std::ops::Range;

use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, Tokenizer};

use words::{Kind, Word};

/// The longest sync filter, in characters.
pub const MAX_FILTER_CHARACTERS: usize = 8000;

/// Enough for a tree of one level for every two characters, at 16 KiB each; only what is used of it is memory.
const STACK_BYTES: usize = MAX_FILTER_CHARACTERS / 2 * 16 * 1024;

/// What stands for the mapped columns in a sync filter.
pub const MAP: &str = "${MAP}";

/// What a sync filter looks like, for those whose statement cannot be read.
const EXPECTED: &str = "Expected is: select ${MAP} from {schema}.{table} [join …] [where …] [order by …]. \
                        A name that is also a word of SQL is written in brackets: [name].";

/// How a database wants its names quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `[name]`, with `]` doubled.
    SqlServer,
    /// `"name"`, with `"` doubled: SQLite takes `[name]` too, but has no way to write `]` in it.
    Sqlite,
}

impl Dialect {
    /// `name` as an identifier, whatever characters it holds.
    #[must_use]
    pub fn quote(self, name: &str) -> String {
        match self {
            Dialect::SqlServer => format!("[{}]", name.replace(']', "]]")),
            Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }
}

/// A table that a sync filter reads, as it is named there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema, without quotes.
    pub schema: String,
    /// The table or view, without quotes.
    pub table: String,
    /// Where the filter names it, in bytes.
    pub range: Range<usize>,
    /// Whether it is in the filter's own FROM, and so can have the mapped columns; otherwise only a
    /// subquery reads it.
    pub in_from: bool,
}

/// A sync filter that was checked: one SELECT that can only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFilter {
    text: String,
    /// Where `${MAP}` is.
    map: Range<usize>,
    /// Where the ORDER BY of the whole statement begins.
    order_by: Option<usize>,
    tables: Vec<TableName>,
}

impl SyncFilter {
    /// Checks a sync filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let found = text.chars().count();
        if found > MAX_FILTER_CHARACTERS {
            let end = text.char_indices().nth(MAX_FILTER_CHARACTERS).map_or(text.len(), |(at, _)| at);
            return Err(FilterError::new(
                text,
                end..end,
                format!("the statement has {found} characters; at most {MAX_FILTER_CHARACTERS} are read"),
                "Put the conditions into a view and read that.",
            ));
        }
        let (text, words) = words::scan(text)?;
        reserved::refuse_reserved(text, &words)?;
        let map = words::place_of_map(text, &words)?;
        // A chain (1+1+1…) is a tree as deep as it is long, and whoever asks may have little stack left.
        let tables = stacker::grow(STACK_BYTES, || parse_statement(text, &words, &map))?;
        let order_by = words::top_level(text, &words, "ORDER");
        Ok(SyncFilter { text: text.to_owned(), map, order_by, tables })
    }

    /// The statement as it was written, without a closing `;`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tables it reads, in the order in which it names them.
    #[must_use]
    pub fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// The statement with `columns`, select expressions in SQL, in place of `${MAP}`.
    #[must_use]
    pub fn statement<C: AsRef<str>>(&self, columns: impl IntoIterator<Item = C>) -> String {
        let mut statement = self.text[..self.map.start].to_owned();
        for (index, column) in columns.into_iter().enumerate() {
            if index > 0 {
                statement.push_str(", ");
            }
            statement.push_str(column.as_ref());
        }
        statement.push_str(&self.text[self.map.end..]);
        statement
    }

    /// The statement that counts the rows, as `count` says in SQL: without ORDER BY, which SQL Server refuses
    /// beside a count.
    #[must_use]
    pub fn count_statement(&self, count: &str) -> String {
        let end = self.order_by.unwrap_or(self.text.len());
        format!("{}{count}{}", &self.text[..self.map.start], &self.text[self.map.end..end])
    }

    /// What a database found wrong, at byte `offset` of a `statement` that [`Self::statement`] made; points
    /// at the word of the filter, or at `${MAP}` when it is in the columns.
    #[must_use]
    pub(super) fn error_at(
        &self,
        statement: &str,
        offset: usize,
        message: String,
        remedy: &str,
    ) -> FilterError {
        let map_end = statement.len().saturating_sub(self.text.len() - self.map.end);
        let range = if offset < self.map.start {
            offset..offset
        } else if offset < map_end {
            self.map.clone()
        } else {
            let at = self.map.end + (offset - map_end);
            at..at
        };
        self.error(range, message, remedy)
    }

    /// An error that points at the word in which `range` begins.
    #[must_use]
    pub(super) fn error(&self, range: Range<usize>, message: String, remedy: &str) -> FilterError {
        FilterError::new(&self.text, word_at(&self.text, range), message, remedy)
    }
}

/// Parses the text, in which an identifier of the same length stands for `${MAP}`, and returns its tables.
fn parse_statement(text: &str, words: &[Word], map: &Range<usize>) -> Result<Vec<TableName>, FilterError> {
    let mut parsed = text.to_owned();
    parsed.replace_range(map.clone(), "[MAP_]");
    let places = Places::new(&parsed);
    let refuse_at = |at: usize, message: String, remedy: &str| {
        let range = words.iter().map(|word| &word.range).find(|range| range.end > at).cloned();
        FilterError::new(text, range.unwrap_or(text.len()..text.len()), message, remedy)
    };
    let refuse = |location, message, remedy: &str| refuse_at(places.offset(location), message, remedy);

    let dialect = MsSqlDialect {};
    let tokens = Tokenizer::new(&dialect, &parsed)
        .tokenize_with_location()
        .map_err(|error| refuse(error.location, error.message, "Check the quotes."))?;
    // A text that can be cut into words in two ways may mean something else to the database.
    let mut ours = words.iter().map(|word| word.range.start);
    let parsed_words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let differs = parsed_words
        .map(|token| token.span.start)
        .find(|start| ours.next() != Some(places.offset(*start)))
        .map(|start| places.offset(start))
        .or_else(|| ours.next());
    if let Some(at) = differs {
        return Err(refuse_at(
            at,
            "it is not clear where this word begins".to_owned(),
            "Put spaces between words, numbers and signs.",
        ));
    }

    // One statement and then the end: `parse_statements` would stop reading at the word END.
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| {
        let ParserError::ParserError(message) = error else {
            let remedy = "Use fewer parentheses, or put the conditions into a view and read that.";
            return FilterError::new(
                text,
                0..text.len().min(6),
                "the statement is nested too deeply".into(),
                remedy,
            );
        };
        let (message, location) = split_location(&message);
        let at = location.map_or(text.len(), |location| places.offset(location));
        refuse_at(at, format!("the statement cannot be read: {message}"), EXPECTED)
    })?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(refuse(
            next.span.start,
            "the statement ends before this word; a sync filter is one statement".to_owned(),
            EXPECTED,
        ));
    }
    grammar::check(&statement, &places).map_err(|refusal| {
        let range = match refusal.at {
            grammar::At::Place(location) => return refuse(location, refusal.message, refusal.remedy),
            grammar::At::Word(word) => words
                .iter()
                .find(|found| {
                    found.kind == Kind::Word && text[found.range.clone()].eq_ignore_ascii_case(word)
                })
                .map_or(0..text.len().min(6), |found| found.range.clone()),
            grammar::At::Text(value) => words
                .iter()
                .map(|found| found.range.clone())
                .find(|range| text[range.clone()] == format!("'{}'", value.replace('\'', "''")))
                .unwrap_or(0..text.len().min(6)),
        };
        FilterError::new(text, range, refusal.message, refusal.remedy)
    })
}

/// Line and column, as `sqlparser` counts them, to bytes.
struct Places<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Places { text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    fn offset(&self, location: Location) -> usize {
        let line = usize::try_from(location.line).ok().and_then(|line| self.lines.get(line.checked_sub(1)?));
        let Some(&start) = line else { return self.text.len() };
        let skip = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
        self.text[start..].char_indices().nth(skip).map_or(self.text.len(), |(at, _)| start + at)
    }
}

/// Splits "…, found: x at Line: 1, Column: 2", as `sqlparser` writes it.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let split = || {
        let (message, place) = message.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, Location { line: line.parse().ok()?, column: column.parse().ok()? }))
    };
    split().map_or((message, None), |(message, location)| (message, Some(location)))
}

/// The last border between two characters at or before `at`.
fn character_border(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// `range`, widened to the end of its word when it is empty; always on character borders.
fn word_at(text: &str, range: Range<usize>) -> Range<usize> {
    let start = character_border(text, range.start);
    if range.end > start {
        return start..character_border(text, range.end);
    }
    let mut rest = text[start..].chars();
    let length = match rest.next() {
        Some(first) if first.is_alphanumeric() || first == '_' => {
            first.len_utf8()
                + rest.take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum::<usize>()
        }
        Some(first) => first.len_utf8(),
        None => 0,
    };
    start..start + length
}

/// Why a statement cannot be a sync filter; shown with the statement's line and a mark under the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// What was found.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
    /// The word that it is about, in bytes of the statement; empty at the end of the statement.
    pub range: Range<usize>,
    /// The word's line, from 1.
    pub line: usize,
    /// The word's first character in its line, from 1.
    pub column: usize,
    /// The part of the line that is shown, and the marks in a line under it.
    shown: String,
}

/// How much of a line is shown before the word, and from the word on, in characters.
const EXCERPT: (usize, usize) = (60, 50);

impl FilterError {
    fn new(text: &str, range: Range<usize>, message: String, remedy: &str) -> Self {
        let start = character_border(text, range.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = &text[line_start..text[start..].find('\n').map_or(text.len(), |at| start + at)];
        let before = text[line_start..start].chars().count();
        let marked = text[start..character_border(text, range.end).max(start)].chars().count();
        let first = before.saturating_sub(EXCERPT.0);
        // A tab or any other control character would push the marks aside.
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let excerpt = line.trim_end().chars().skip(first).take(before - first + EXCERPT.1);
        let mut shown: String = "  ".chars().chain(excerpt.map(printable)).collect();
        shown.push_str("\n  ");
        shown.extend(std::iter::repeat_n(' ', before - first));
        shown.extend(std::iter::repeat_n('^', marked.clamp(1, EXCERPT.1)));
        let line = text[..line_start].matches('\n').count() + 1;
        FilterError { message, remedy: remedy.to_owned(), line, column: before + 1, shown, range }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilterError { message, remedy, line, column, shown, .. } = self;
        write!(f, "line {line}, column {column}: {message}\n{shown}\n{remedy}")
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests;
