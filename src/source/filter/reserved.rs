//! The words that T-SQL reserves: those that a sync filter is made of, and why the others are refused.

use super::FilterError;
use super::words::{Kind, Word};

/// Refuses the words that T-SQL reserves and a sync filter has no use for.
pub(super) fn refuse_reserved(text: &str, words: &[Word]) -> Result<(), FilterError> {
    let unquoted = words.iter().enumerate().filter(|(_, word)| word.kind == Kind::Word);
    for (index, word) in unquoted {
        let name = text[word.range.clone()].to_ascii_uppercase();
        if !is_reserved(&name) {
            continue;
        }
        let (message, remedy) = match name.as_str() {
            "TOP" => {
                ("TOP is not supported: every row counts, or the rest would be removed", "Leave TOP out.")
            }
            "DISTINCT" => {
                ("DISTINCT is not supported", "Leave it out: map the key, and duplicates are reported.")
            }
            "INTO" => ("INTO would write a table", "Leave INTO out: a sync filter only reads."),
            "UNION" | "EXCEPT" | "INTERSECT" => (
                "a sync filter is one SELECT; UNION, EXCEPT and INTERSECT are not supported",
                "Put the combination into a view and read that, or make a source for each.",
            ),
            "GROUP" | "HAVING" => (
                "a sync filter gives rows, not groups; GROUP BY and HAVING are not supported",
                "Put the grouping into a view and read that.",
            ),
            "FOR" => (
                "FOR (XML, JSON, SYSTEM_TIME, UPDATE) is not supported: it changes what a row is",
                "Leave it out.",
            ),
            "WITH" if index == 0 => (
                "WITH (a common table expression) is not supported",
                "Put it into a view and read that: select ${MAP} from {schema}.{view}.",
            ),
            "WITH" | "HOLDLOCK" | "OPTION" => (HINTS, "Leave the hint out."),
            "TABLESAMPLE" => (
                "TABLESAMPLE is not supported: every row counts, or the rest would be removed",
                "Leave it out.",
            ),
            "OPENROWSET"
            | "OPENQUERY"
            | "OPENDATASOURCE"
            | "OPENXML"
            | "CONTAINSTABLE"
            | "FREETEXTTABLE"
            | "SEMANTICKEYPHRASETABLE"
            | "SEMANTICSIMILARITYDETAILSTABLE"
            | "SEMANTICSIMILARITYTABLE" => {
                ("functions in place of a table are not supported", "Read a table or view: {schema}.{table}.")
            }
            "FETCH" => {
                ("FETCH is not supported: every row counts, or the rest would be removed", "Leave it out.")
            }
            "PIVOT" | "UNPIVOT" => ("PIVOT is not supported", "Put it into a view and read that."),
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "DROP" | "CREATE" | "ALTER" | "EXEC"
            | "EXECUTE" | "GRANT" | "REVOKE" | "DENY" | "BACKUP" | "RESTORE" | "SHUTDOWN" | "WAITFOR"
            | "KILL" | "DBCC" | "USE" | "DECLARE" | "SET" | "BULK" | "WRITETEXT" | "UPDATETEXT" => (
                "a sync filter is one SELECT and only reads",
                "Leave this out; if it is the name of a column or table, write it in brackets: [name].",
            ),
            _ if PERMITTED.contains(&name.as_str()) => continue,
            _ => (
                "this word of SQL is not part of a sync filter",
                "Leave it out; if it is the name of a column or table, write it in brackets: [name].",
            ),
        };
        return Err(FilterError::new(text, word.range.clone(), message.to_owned(), remedy));
    }
    Ok(())
}

/// Why there are no hints, such as NOLOCK.
pub(super) const HINTS: &str =
    "hints are not supported: with NOLOCK, READPAST and others rows can be missing or come twice";

/// Whether T-SQL reserves this word, which is in capitals.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// Whether this is a reserved word to whoever takes `ı` for I, `ſ` for S or `ß` for SS, as changing the case
/// of letters does. What SQL Server does may depend on the server's language.
pub(super) fn is_nearly_reserved(word: &str) -> bool {
    let plain = |c: char| match c {
        'İ' => 'I',
        'ª' => 'A',
        'º' => 'O',
        other => other,
    };
    !word.is_ascii() && is_reserved(&word.chars().map(plain).flat_map(char::to_uppercase).collect::<String>())
}

/// The reserved words that a sync filter is made of.
#[rustfmt::skip] // one word a line would be a page of its own
const PERMITTED: &[&str] = &[
    "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "COALESCE", "COLLATE", "CONVERT", "CROSS",
    "CURRENT_TIMESTAMP", "DESC", "ELSE", "END", "ESCAPE", "EXISTS", "FROM", "FULL", "IN", "INNER", "IS",
    "JOIN", "LEFT", "LIKE", "NOT", "NULL", "NULLIF", "ON", "OR", "ORDER", "OUTER", "RIGHT", "SELECT", "THEN",
    "TRY_CONVERT", "WHEN", "WHERE",
];

/// The words that T-SQL reserves (SQL Server's reference, "Reserved keywords", the first list), sorted.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "ADD", "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "AUTHORIZATION", "BACKUP", "BEGIN", "BETWEEN", "BREAK",
    "BROWSE", "BULK", "BY", "CASCADE", "CASE", "CHECK", "CHECKPOINT", "CLOSE", "CLUSTERED", "COALESCE",
    "COLLATE", "COLUMN", "COMMIT", "COMPUTE", "CONSTRAINT", "CONTAINS", "CONTAINSTABLE", "CONTINUE",
    "CONVERT", "CREATE", "CROSS", "CURRENT", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP",
    "CURRENT_USER", "CURSOR", "DATABASE", "DBCC", "DEALLOCATE", "DECLARE", "DEFAULT", "DELETE", "DENY",
    "DESC", "DISK", "DISTINCT", "DISTRIBUTED", "DOUBLE", "DROP", "DUMP", "ELSE", "END", "ERRLVL", "ESCAPE",
    "EXCEPT", "EXEC", "EXECUTE", "EXISTS", "EXIT", "EXTERNAL", "FETCH", "FILE", "FILLFACTOR", "FOR",
    "FOREIGN", "FREETEXT", "FREETEXTTABLE", "FROM", "FULL", "FUNCTION", "GOTO", "GRANT", "GROUP", "HAVING",
    "HOLDLOCK", "IDENTITY", "IDENTITYCOL", "IDENTITY_INSERT", "IF", "IN", "INDEX", "INNER", "INSERT",
    "INTERSECT", "INTO", "IS", "JOIN", "KEY", "KILL", "LEFT", "LIKE", "LINENO", "LOAD", "MERGE", "NATIONAL",
    "NOCHECK", "NONCLUSTERED", "NOT", "NULL", "NULLIF", "OF", "OFF", "OFFSETS", "ON", "OPEN",
    "OPENDATASOURCE", "OPENQUERY", "OPENROWSET", "OPENXML", "OPTION", "OR", "ORDER", "OUTER", "OVER",
    "PERCENT", "PIVOT", "PLAN", "PRECISION", "PRIMARY", "PRINT", "PROC", "PROCEDURE", "PUBLIC", "RAISERROR",
    "READ", "READTEXT", "RECONFIGURE", "REFERENCES", "REPLICATION", "RESTORE", "RESTRICT", "RETURN", "REVERT",
    "REVOKE", "RIGHT", "ROLLBACK", "ROWCOUNT", "ROWGUIDCOL", "RULE", "SAVE", "SCHEMA", "SECURITYAUDIT",
    "SELECT", "SEMANTICKEYPHRASETABLE", "SEMANTICSIMILARITYDETAILSTABLE", "SEMANTICSIMILARITYTABLE",
    "SESSION_USER", "SET", "SETUSER", "SHUTDOWN", "SOME", "STATISTICS", "SYSTEM_USER", "TABLE", "TABLESAMPLE",
    "TEXTSIZE", "THEN", "TO", "TOP", "TRAN", "TRANSACTION", "TRIGGER", "TRUNCATE", "TRY_CONVERT", "TSEQUAL",
    "UNION", "UNIQUE", "UNPIVOT", "UPDATE", "UPDATETEXT", "USE", "USER", "VALUES", "VARYING", "VIEW",
    "WAITFOR", "WHEN", "WHERE", "WHILE", "WITH", "WITHIN", "WRITETEXT",
];
