//! The words of a sync filter, cut where no database would cut differently.
//!
//! The text is ASCII and Latin letters outside quotes; a quoted text or name ends at its quote unless that
//! is doubled; there are no comments. So the borders of the words are the same for T-SQL, SQLite and
//! `sqlparser`, and nothing can hide between them.

use std::ops::Range;

use super::reserved::is_nearly_reserved;
use super::{FilterError, MAP};

/// The deepest nesting of parentheses. `sqlparser` tries several readings at each.
const MAX_DEPTH: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a word of SQL, unquoted.
    Word,
    /// `[name]` or `"name"`.
    QuotedName,
    /// `'text'` or `N'text'`.
    Text,
    Number,
    Sign,
    /// `${MAP}`
    Map,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Cuts `text` into words; a closing `;` is cut off.
pub(super) fn scan(text: &str) -> Result<(&str, Vec<Word>), FilterError> {
    let mut words: Vec<Word> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let refuse = |length: usize, message: &str, remedy: &str| {
            Err(FilterError::new(text, at..at + length, message.to_owned(), remedy))
        };
        let (kind, length) = match first {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            'n' | 'N' if rest[1..].starts_with('\'') => (Kind::Text, 1 + quoted(text, at + 1, '\'')?),
            '\'' => {
                let prefix = words.last().filter(|word| word.kind == Kind::Word && word.range.end == at);
                if let Some(prefix) = prefix {
                    return Err(FilterError::new(
                        text,
                        prefix.range.clone(),
                        "a text with this prefix is not part of a sync filter".to_owned(),
                        "Write 'text' or N'text'.",
                    ));
                }
                (Kind::Text, quoted(text, at, '\'')?)
            }
            '[' => (Kind::QuotedName, quoted(text, at, ']')?),
            '"' => (Kind::QuotedName, quoted(text, at, '"')?),
            '$' if rest.starts_with(MAP) => (Kind::Map, MAP.len()),
            '$' if rest.get(..MAP.len()).is_some_and(|found| found.eq_ignore_ascii_case(MAP)) => {
                return refuse(MAP.len(), "${MAP} is written in capitals", "Write ${MAP}.");
            }
            '0'..='9' => (Kind::Number, number(rest)),
            _ if is_letter(first) || matches!(first, '@' | '#' | '$') => {
                let part = |c: &char| is_letter(*c) || c.is_ascii_digit() || matches!(c, '@' | '#' | '$');
                let length = rest.chars().take_while(part).map(char::len_utf8).sum();
                let special = rest[..length].chars().find(|c| matches!(c, '@' | '#' | '$'));
                match special {
                    None if is_nearly_reserved(&rest[..length]) => {
                        return refuse(
                            length,
                            "this name could be taken for a word of SQL: its letters only look like it",
                            "Write the word in plain letters, or the name in brackets: [name].",
                        );
                    }
                    None => (Kind::Word, length),
                    Some('@') if first == '@' => {
                        return refuse(
                            length,
                            "variables are not part of a sync filter",
                            "Write the value itself, such as 'text' or 42.",
                        );
                    }
                    Some('#') if first == '#' => {
                        return refuse(
                            length,
                            "temporary tables are not part of a sync filter",
                            "Read a table or view: {schema}.{table}.",
                        );
                    }
                    Some('$') if first == '$' => {
                        return refuse(
                            length,
                            "a $ begins ${MAP} and nothing else",
                            "Write ${MAP} for the mapped columns; an amount of money as a plain number.",
                        );
                    }
                    _ => return refuse(length, "this name needs brackets", "Write [name]."),
                }
            }
            '-' if rest.starts_with("--") => {
                return refuse(2, "comments are not part of a sync filter", "Leave the comment out.");
            }
            '/' if rest.starts_with("/*") => {
                return refuse(2, "comments are not part of a sync filter", "Leave the comment out.");
            }
            ';' if rest[1..].trim().is_empty() => return Ok((&text[..at], words)),
            ';' => {
                return refuse(
                    1,
                    "a sync filter is one statement; another one follows here",
                    "Keep the one SELECT statement and leave out the rest.",
                );
            }
            '<' if rest.starts_with("<=") || rest.starts_with("<>") => (Kind::Sign, 2),
            '>' if rest.starts_with(">=") => (Kind::Sign, 2),
            '!' if rest.starts_with("!=") => (Kind::Sign, 2),
            '(' if depth == MAX_DEPTH => {
                return refuse(
                    1,
                    "the statement is nested too deeply",
                    "Use fewer parentheses, or put the conditions into a view and read that.",
                );
            }
            '(' | ')' | ',' | '.' | '=' | '<' | '>' | '+' | '-' | '*' | '/' | '%' => {
                match first {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                (Kind::Sign, 1)
            }
            '`' => return refuse(1, "a name is not quoted like this", "Write [name]."),
            '‘' | '’' | '“' | '”' | '„' | '´' => {
                return refuse(
                    first.len_utf8(),
                    "this is a printer's quotation mark",
                    "Write 'text' or [name].",
                );
            }
            '\u{ff01}'..='\u{ff5e}' => {
                return refuse(
                    first.len_utf8(),
                    "this is a full-width character",
                    "Write the plain one; a name with such characters in brackets: [name].",
                );
            }
            _ if first.is_alphabetic() => {
                return refuse(
                    first.len_utf8(),
                    "a name with letters other than Latin ones needs brackets",
                    "Write [name].",
                );
            }
            _ if first.is_whitespace() || first.is_control() => {
                return refuse(
                    first.len_utf8(),
                    "this character looks like a space but is none",
                    "Write a space.",
                );
            }
            _ if is_invisible(first) => {
                return refuse(
                    first.len_utf8(),
                    "there is an invisible character here",
                    "Delete it, or type this part again.",
                );
            }
            _ => {
                return refuse(
                    first.len_utf8(),
                    "this sign is not part of a sync filter",
                    "A name with signs in it is written in brackets: [name]; a text in quotes: 'text'.",
                );
            }
        };
        let touches = words.last().is_some_and(|word| {
            word.range.end == at
                && word.kind == Kind::Number
                && matches!(kind, Kind::Word | Kind::Text | Kind::QuotedName | Kind::Number)
        });
        if touches {
            return refuse(
                length,
                "a number ends where this begins",
                "Put a space between them; write numbers in digits.",
            );
        }
        words.push(Word { kind, range: at..at + length });
        at += length;
    }
    Ok((text, words))
}

/// Letters that every database takes for letters. Others are not the same everywhere, and need quotes.
fn is_letter(c: char) -> bool {
    c == '_' || (c < '\u{250}' && c.is_alphabetic())
}

/// Characters that are there and not seen: of no width, joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

fn number(rest: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    match rest[whole..].strip_prefix('.') {
        Some(fraction) => whole + 1 + digits(fraction),
        None => whole,
    }
}

/// How long the quoted text or name at `at` is, with its quotes; a doubled closing quote is part of it.
fn quoted(text: &str, at: usize, close: char) -> Result<usize, FilterError> {
    let mut rest = text[at..].char_indices().skip(1).peekable();
    while let Some((offset, c)) = rest.next() {
        if c.is_control() && !matches!(c, '\t' | '\r' | '\n') {
            return Err(FilterError::new(
                text,
                at + offset..at + offset + c.len_utf8(),
                "control characters are not part of a sync filter".to_owned(),
                "Leave the character out.",
            ));
        }
        if c == close && rest.next_if(|(_, next)| *next == close).is_none() {
            return Ok(offset + 1);
        }
    }
    Err(FilterError::new(
        text,
        at..at + 1,
        "this quotation mark is never closed".to_owned(),
        &format!("Close it with {close}; a {close} inside is written twice."),
    ))
}

/// Where `${MAP}` is: the statement must begin with `select ${MAP} from`.
pub(super) fn place_of_map(text: &str, words: &[Word]) -> Result<Range<usize>, FilterError> {
    let refuse = |range: Range<usize>, message: &str, remedy: &str| {
        Err(FilterError::new(text, range, message.to_owned(), remedy))
    };
    let end = text.trim_end().len();
    let range = |index: usize| words.get(index).map_or(end..end, |word| word.range.clone());
    let is = |index: usize, expected: &str| {
        words.get(index).is_some_and(|word| {
            word.kind == Kind::Word && text[word.range.clone()].eq_ignore_ascii_case(expected)
        })
    };
    if !is(0, "select") {
        return refuse(
            range(0),
            "a sync filter is a SELECT statement",
            "Write: select ${MAP} from {schema}.{table}.",
        );
    }
    let mut maps = words.iter().enumerate().filter(|(_, word)| word.kind == Kind::Map);
    let Some((index, map)) = maps.next() else {
        return refuse(
            range(1),
            "${MAP} is missing; it stands for the mapped columns",
            "Write: select ${MAP} from …",
        );
    };
    if index != 1 {
        return refuse(
            range(1),
            "${MAP} stands for all the columns; nothing may be selected beside it",
            "Write: select ${MAP} from …; further columns are chosen in the field map.",
        );
    }
    if let Some((_, second)) = maps.next() {
        return refuse(second.range.clone(), "${MAP} is there twice", "Write it once, right after SELECT.");
    }
    if words.len() == 2 {
        return refuse(end..end, "FROM is missing", "Write: select ${MAP} from {schema}.{table}.");
    }
    if !is(2, "from") {
        return refuse(
            range(2),
            "after ${MAP} comes FROM; nothing may be selected beside it",
            "Write: select ${MAP} from …; further columns are chosen in the field map.",
        );
    }
    Ok(map.range.clone())
}

/// Where `word` stands outside of all parentheses.
pub(super) fn top_level(text: &str, words: &[Word], word: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for found in words {
        match (found.kind, &text[found.range.clone()]) {
            (Kind::Sign, "(") => depth += 1,
            (Kind::Sign, ")") => depth -= 1,
            (Kind::Word, name) if depth == 0 && name.eq_ignore_ascii_case(word) => {
                return Some(found.range.start);
            }
            _ => {}
        }
    }
    None
}
