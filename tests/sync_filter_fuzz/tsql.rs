//! Rules that hold for the words of every T-SQL statement that only reads, written from the language's
//! reference alone: what begins a statement, what makes a SELECT write, what a table can be in its place.

/// A word of T-SQL, as its reference cuts them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Unquoted, in capitals, as the most generous reader of letters takes them.
    Word(String),
    Quoted,
    Text,
    Sign(char),
}

/// Words that begin a statement, make a SELECT do more than read, or take another way to data than a table.
/// (`END`, `ON` and the like are harmless by themselves.)
const NEVER: &str = "ADD ALTER BACKUP BEGIN BREAK BULK CHECKPOINT CLOSE COMMIT COMPUTE CONTINUE CREATE DBCC DEALLOCATE \
    DECLARE DELETE DENY DROP DUMP EXCEPT EXEC EXECUTE FETCH FOR GOTO GRANT GROUP HAVING HOLDLOCK IF INSERT INTERSECT \
    INTO KILL LINENO LOAD MERGE OPEN OPENDATASOURCE OPENQUERY OPENROWSET OPENXML OPTION OVER PIVOT PRINT RAISERROR \
    READTEXT RECONFIGURE RESTORE RETURN REVERT REVOKE ROLLBACK SAVE SET SETUSER SHUTDOWN TABLESAMPLE TOP TRUNCATE \
    UNION UNPIVOT UPDATE UPDATETEXT USE WAITFOR WHILE WITH WITHIN WRITETEXT VALUES CONTAINSTABLE FREETEXTTABLE \
    SEMANTICKEYPHRASETABLE SEMANTICSIMILARITYTABLE TRIGGER CURSOR PROC PROCEDURE DISTINCT TRAN TRANSACTION";

/// Statements whose first word may also be a name: what has to follow them in a statement.
const STATEMENTS_OF_NAMES: &[(&str, &[&str])] = &[
    ("RECEIVE", &["*", "(", "WORD", "QUOTED"]),
    ("GET", &["CONVERSATION"]),
    ("MOVE", &["CONVERSATION"]),
    ("THROW", &["NUMBER"]),
    ("ENABLE", &["TRIGGER"]),
    ("DISABLE", &["TRIGGER"]),
];

/// Words of a SELECT that may follow a name without being another one.
const CLAUSES: &str = "AND AS ASC BETWEEN BY CASE COLLATE CROSS DESC ELSE END ESCAPE FULL IN INNER IS JOIN LEFT LIKE \
    NOT NULL ON OR ORDER OUTER RIGHT THEN WHEN WHERE FROM SELECT EXISTS";

pub(crate) fn only_reads(statement: &str) -> Result<(), String> {
    let tokens = lex(statement)?;
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let sign = |at: usize, expected: char| tokens.get(at) == Some(&Token::Sign(expected));
    if word(0) != "SELECT" {
        return Err("it begins with another word than SELECT".into());
    }
    let never: Vec<_> = NEVER.split_whitespace().collect();
    let clauses: Vec<_> = CLAUSES.split_whitespace().collect();
    let mut depth = 0_i32;
    // For each open parenthesis, and outside of all: whether a table is expected, as behind FROM.
    let mut in_from = vec![false];
    let mut selects = 0;
    for at in 0..tokens.len() {
        let found = word(at);
        if never.contains(&found) {
            return Err(format!("it has the word {found}"));
        }
        for (first, next) in STATEMENTS_OF_NAMES {
            let follows = match tokens.get(at + 1) {
                Some(Token::Word(word)) if next.contains(&word.as_str()) => true,
                Some(Token::Word(word)) => next.contains(&"WORD") && !clauses.contains(&word.as_str()),
                Some(Token::Quoted) => next.contains(&"QUOTED"),
                Some(Token::Sign(sign)) => next.contains(&sign.to_string().as_str()),
                _ => false,
            };
            // A name with a point behind or before it is a column.
            if found == *first && follows && at > 0 && !sign(at - 1, '.') {
                return Err(format!("{first} begins a statement"));
            }
        }
        if found == "SEND" && word(at + 1) == "ON" && word(at + 2) == "CONVERSATION" {
            return Err("SEND begins a statement".into());
        }
        match &tokens[at] {
            Token::Sign('(') => {
                depth += 1;
                in_from.push(false);
            }
            Token::Sign(')') => {
                depth -= 1;
                in_from.pop();
                if depth < 0 {
                    return Err("a parenthesis closes nothing".into());
                }
            }
            Token::Sign(';') => return Err("there is a ; in it".into()),
            Token::Sign(c @ ('@' | '#' | '$' | '{' | '}' | ':' | '\\' | '?' | '`')) => {
                return Err(format!("there is a {c} in it"));
            }
            _ => {}
        }
        let here = in_from.len().saturating_sub(1);
        match found {
            "SELECT" => {
                selects += 1;
                if at > 0 && !sign(at - 1, '(') {
                    return Err("a SELECT stands outside of parentheses".into());
                }
            }
            "FROM" => in_from[here] = true,
            "WHERE" | "ORDER" => in_from[here] = false,
            _ => {}
        }
        let begins_table = found == "FROM" || found == "JOIN" || sign(at, ',') && in_from[here];
        if begins_table {
            two_part_name(&tokens[at + 1..])?;
        }
    }
    if depth != 0 {
        return Err("a parenthesis is not closed".into());
    }
    if selects == 0 || !tokens.iter().any(|token| *token == Token::Word("FROM".into())) {
        return Err("there is no FROM".into());
    }
    Ok(())
}

/// What follows is `{schema}.{table}`, and no call of a function.
fn two_part_name(tokens: &[Token]) -> Result<(), String> {
    let is_name = |token: Option<&Token>| matches!(token, Some(Token::Word(_) | Token::Quoted));
    let is_sign = |at: usize, sign: char| tokens.get(at) == Some(&Token::Sign(sign));
    if !is_name(tokens.first()) || !is_sign(1, '.') || !is_name(tokens.get(2)) {
        return Err("a table has no two-part name".into());
    }
    if is_sign(3, '.') {
        return Err("a table has a name of more than two parts".into());
    }
    // `dbo.f(…)`, `dbo.a (nolock)`, `dbo.a x (nolock)`, `dbo.a as x (nolock)`
    let mut at = 3;
    while matches!(tokens.get(at), Some(Token::Word(word)) if !CLAUSES.split_whitespace().any(|other| other == word) || word == "AS")
        || matches!(tokens.get(at), Some(Token::Quoted))
    {
        at += 1;
    }
    if is_sign(at, '(') { Err("parentheses follow a table".into()) } else { Ok(()) }
}

fn lex(text: &str) -> Result<Vec<Token>, String> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let (c, next) = (characters[at], characters.get(at + 1).copied());
        match (c, next) {
            ('-', Some('-')) | ('/', Some('*')) => return Err("there is a comment in it".into()),
            ('\'' | '"' | '[', _) => {
                let close = if c == '[' { ']' } else { c };
                let mut end = at + 1;
                loop {
                    match (characters.get(end), characters.get(end + 1)) {
                        (None, _) => return Err("a quotation mark is not closed".into()),
                        (Some(found), Some(after)) if *found == close && *after == close => end += 2,
                        (Some(found), _) if *found == close => break,
                        (Some('\0'), _) => return Err("there is a NUL in it".into()),
                        _ => end += 1,
                    }
                }
                tokens.push(if c == '\'' { Token::Text } else { Token::Quoted });
                at = end + 1;
            }
            (' ' | '\t' | '\r' | '\n', _) => at += 1,
            _ if c.is_whitespace() || c.is_control() => {
                return Err(format!("{c:?} is not plainly white space"));
            }
            _ if c.is_ascii_digit() => {
                while characters.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '.') {
                    at += 1;
                }
                tokens.push(Token::Word("NUMBER".into()));
            }
            _ if c.is_alphabetic() || c == '_' => {
                let start = at;
                while characters.get(at).is_some_and(|c| c.is_alphanumeric() || "_@#$".contains(*c)) {
                    at += 1;
                }
                tokens.push(Token::Word(folded(&characters[start..at])));
            }
            _ if c.is_ascii_graphic() => {
                tokens.push(Token::Sign(c));
                at += 1;
            }
            _ => return Err(format!("{c:?} is no sign of T-SQL")),
        }
    }
    Ok(tokens)
}

/// In capitals; full-width letters, and those that only look like Latin ones, are taken for them.
fn folded(letters: &[char]) -> String {
    let latin = |c: &char| match *c {
        wide @ '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(wide) - 0xfee0).unwrap_or(wide),
        'İ' | 'ı' => 'I',
        'ſ' | 'ѕ' | 'Ѕ' => 'S',
        'е' | 'Е' => 'E',
        'о' | 'О' => 'O',
        'с' | 'С' => 'C',
        'х' | 'Х' => 'X',
        'і' | 'І' => 'I',
        'а' | 'А' => 'A',
        'Т' => 'T',
        other => other,
    };
    letters.iter().map(latin).flat_map(char::to_uppercase).collect()
}
