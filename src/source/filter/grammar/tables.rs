//! The tables that a sync filter may read: under their plain two-part names, and without hints.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Spanned, TableAlias, TableFactor,
};
use sqlparser::tokenizer::Span;

use super::super::reserved::HINTS;
use super::{At, OrRefuse, Refusal, VIEW, place};

/// Schema, table and place of a table that is read under its plain two-part name.
pub(super) fn table_name(factor: &TableFactor) -> Result<(String, String, Span), Refusal> {
    let at = || match factor {
        TableFactor::Table { .. } | TableFactor::Derived { .. } => place(factor.span()),
        _ => At::Word("FROM"), // their places are not always known
    };
    let refuse =
        |at: At, message: &str, remedy: &'static str| Refusal { at, message: message.to_owned(), remedy };
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = factor
    else {
        return Err(refuse(at(), "only tables and views can be read here", VIEW));
    };
    let named = |alias: &TableAlias| alias.columns.is_empty() && alias.at.is_none();
    if let Some(hint) = args.as_ref().and_then(|args| first_hint(&args.args)) {
        return Err(refuse(place(hint.span), HINTS, "Leave the hint out, with its parentheses."));
    }
    if args.is_some() || !with_hints.is_empty() || alias.as_ref().is_some_and(|alias| !named(alias)) {
        return Err(refuse(
            at(),
            "functions in place of a table, and hints, are not supported",
            "Read a table or view: {schema}.{table}, without parentheses.",
        ));
    }
    let plain = version.is_none()
        && !with_ordinality
        && partitions.is_empty()
        && json_path.is_none()
        && sample.is_none()
        && index_hints.is_empty();
    plain.or_refuse(at(), "what follows this table is not supported", "Write the table's name alone.")?;
    let ObjectName(parts) = name;
    let parts: Vec<_> = parts.iter().filter_map(|part| part.as_ident()).collect();
    match parts[..] {
        [_, table] if table.value.starts_with('#') => Err(refuse(
            at(),
            "temporary tables are not part of a sync filter",
            "Read a table or view: {schema}.{table}.",
        )),
        [schema, table] if !schema.value.is_empty() && !table.value.is_empty() => Ok((
            schema.value.clone(),
            table.value.clone(),
            Span { start: schema.span.start, end: table.span.end },
        )),
        [_] => Err(refuse(
            at(),
            &format!("the table {name} is named without its schema"),
            "Write {schema}.{table}, such as dbo.contacts; the schema of an SQLite file is main, and a CSV file is \
             csv.contacts.",
        )),
        _ => Err(refuse(
            at(),
            &format!("the table name {name} has {} parts", parts.len()),
            "Write two: {schema}.{table}. The database is chosen in the source's connection.",
        )),
    }
}

/// The hint in `dbo.contacts (nolock)`, which reads like the call of a function.
fn first_hint(arguments: &[FunctionArg]) -> Option<&Ident> {
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)))) = arguments.first() else {
        return None;
    };
    let spelling = name.value.to_ascii_uppercase();
    (name.quote_style.is_none() && TABLE_HINTS.contains(&spelling.as_str())).then_some(name)
}

/// The table hints that T-SQL takes without WITH, too.
const TABLE_HINTS: [&str; 16] = [
    "HOLDLOCK",
    "NOEXPAND",
    "NOLOCK",
    "NOWAIT",
    "PAGLOCK",
    "READCOMMITTED",
    "READCOMMITTEDLOCK",
    "READPAST",
    "READUNCOMMITTED",
    "REPEATABLEREAD",
    "ROWLOCK",
    "SERIALIZABLE",
    "SNAPSHOT",
    "TABLOCK",
    "UPDLOCK",
    "XLOCK",
];
