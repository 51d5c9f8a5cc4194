use proptest::prelude::*;
use serde::Deserialize;
use sqlparser::ast::{SetExpr, Statement};

use super::*;

/// The golden cases: one rule each.
#[derive(Deserialize)]
struct Cases {
    accepted: Accepted,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Accepted {
    filters: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    filter: String,
    at: String,
    says: String,
}

fn cases() -> Cases {
    toml::from_str(include_str!("../../../tests/sync_filters.toml")).unwrap()
}

#[test]
fn every_filter_of_the_table_is_accepted_or_refused_at_its_word() {
    let Cases { accepted, refused } = cases();
    let mut wrong = Vec::new();
    for filter in accepted.filters {
        if let Err(error) = SyncFilter::parse(&filter) {
            wrong.push(format!("accepted: {error}"));
        }
    }
    for Refused { filter, at, says } in refused {
        match SyncFilter::parse(&filter) {
            Ok(_) => wrong.push(format!("not refused: {filter}")),
            Err(error) => {
                let found = &filter[error.range.clone()];
                let message = format!("{} {}", error.message, error.remedy);
                if found != at || !message.contains(&says) || error.remedy.is_empty() {
                    wrong.push(format!("expected {says:?} at {at:?}, found {found:?}: {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_type_has_lengths_and_nothing_else() {
    let parse = |form: &str, data_type: &str| {
        let expression = form.replace('T', data_type);
        SyncFilter::parse(&format!("select ${{MAP}} from dbo.a where {expression} = 1"))
    };
    for form in ["cast(x as T)", "try_cast(x as T)", "convert(T, x)", "try_convert(T, x)"] {
        for data_type in ["int", "nvarchar(40)", "varchar(max)", "decimal(20, 4)", "datetime2(3)", "sysname"]
        {
            assert!(parse(form, data_type).is_ok(), "{form} {data_type}");
        }
        for data_type in ["phone(left outer join b when)", "phone(x)", "phone('x')"] {
            assert!(parse(form, data_type).is_err(), "{form} {data_type}");
        }
    }
}

#[test]
fn an_error_shows_its_line_with_marks_under_the_word() {
    let error = SyncFilter::parse("select ${MAP}\n\tfrom dbo.a\n\twhere x = @größe + 1").unwrap_err();
    assert_eq!((error.line, error.column), (3, 12));
    let shown: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
    assert_eq!(shown[0], "line 3, column 12: variables are not part of a sync filter");
    assert_eq!(shown[1], "   where x = @größe + 1");
    assert_eq!(shown[2], "             ^^^^^^");
    assert_eq!(shown[3], "Write the value itself, such as 'text' or 42.");
}

#[test]
fn an_error_at_the_end_marks_the_place_behind_the_last_word() {
    let error = SyncFilter::parse("select ${MAP}  ").unwrap_err();
    assert_eq!((error.line, error.column, error.range.clone()), (1, 14, 13..13));
    assert!(error.to_string().contains("\n  select ${MAP}\n               ^\n"), "{error}");
}

#[test]
fn an_error_in_a_long_line_shows_what_is_around_it() {
    let filter = format!("select ${{MAP}} from dbo.a where {} y = @z", "x = 1 and ".repeat(300));
    let shown = SyncFilter::parse(&filter).unwrap_err().to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].chars().count() < 120, "{shown}");
    assert_eq!(lines[1].find('@'), lines[2].find('^'));
}

#[test]
fn the_length_is_limited() {
    let long = format!("select ${{MAP}} from dbo.a where x = '{}'", "ü".repeat(8000));
    let error = SyncFilter::parse(&long).unwrap_err();
    assert!(error.message.contains("at most 8000"), "{error}");
    let longest = format!("select ${{MAP}} from dbo.a where x = '{}'", "ü".repeat(8000 - 37));
    assert_eq!(longest.chars().count(), 8000);
    SyncFilter::parse(&longest).unwrap();
}

#[test]
fn the_columns_replace_the_map_and_nothing_else_is_touched() {
    let filter =
        SyncFilter::parse("select  ${MAP} from [dbo].[a b]  where x = '${MAP}' order by y ;").unwrap();
    assert_eq!(
        filter.statement([Dialect::SqlServer.quote("a]b"), Dialect::Sqlite.quote("c\"d")]),
        "select  [a]]b], \"c\"\"d\" from [dbo].[a b]  where x = '${MAP}' order by y "
    );
    assert_eq!(filter.count_statement("COUNT(*)"), "select  COUNT(*) from [dbo].[a b]  where x = '${MAP}' ");
}

#[test]
fn the_count_keeps_the_order_of_subqueries() {
    let text = "select ${MAP} from dbo.a where x in (select y from dbo.b order by z)";
    let filter = SyncFilter::parse(text).unwrap();
    assert_eq!(filter.count_statement("COUNT(*)"), text.replace("${MAP}", "COUNT(*)"));
}

#[test]
fn the_tables_are_named_without_quotes() {
    let text = "select ${MAP} from [dbo].[a]]b] t join crm.c on 1 = 1 where exists (select * from x.y)";
    let filter = SyncFilter::parse(text).unwrap();
    let tables: Vec<_> = filter
        .tables()
        .iter()
        .map(|table| (table.schema.as_str(), table.table.as_str(), &text[table.range.clone()], table.in_from))
        .collect();
    let expected =
        [("dbo", "a]b", "[dbo].[a]]b]", true), ("crm", "c", "crm.c", true), ("x", "y", "x.y", false)];
    assert_eq!(tables, expected);
}

#[test]
fn a_databases_error_is_shown_at_the_filters_word() {
    let text = "select ${MAP} from dbo.a where nme = 1";
    let filter = SyncFilter::parse(text).unwrap();
    let statement = filter.statement(["[first]", "[second]"]);
    let at = |word: &str| {
        let error = filter.error_at(&statement, statement.find(word).unwrap(), "x".into(), "y");
        text[error.range].to_owned()
    };
    assert_eq!(at("nme"), "nme");
    assert_eq!(at("second"), "${MAP}");
    assert_eq!(at("select"), "select");
    assert!(filter.error_at(&statement, usize::MAX / 2, "x".into(), "y").range.is_empty());
}

#[test]
fn long_chains_neither_overflow_the_stack_nor_take_for_ever() {
    for link in [" + 1", " is null", " collate x", " and y = 1", ", 1", ".x", " in (1)", " not like 'x'"] {
        let chain = link.repeat((MAX_FILTER_CHARACTERS - 40) / link.len());
        let _ = SyncFilter::parse(&format!("select ${{MAP}} from dbo.a where x = 1{chain}"));
    }
    for open in ["(", "not (", "x in (", "x in (select y from a.b where ", "case when (", "f(", "-(", "("] {
        for (before, after) in [("where ", ""), ("where ", "1"), ("join ", ""), ("order by ", "1 + ")] {
            let nested = open.repeat(12);
            let closed = ")".repeat(nested.matches('(').count());
            let _ = SyncFilter::parse(&format!("select ${{MAP}} from dbo.a {before}{nested}{after}"));
            let _ = SyncFilter::parse(&format!("select ${{MAP}} from dbo.a {before}{nested}{after}{closed}"));
        }
    }
    let not = "not ".repeat(1900);
    let _ = SyncFilter::parse(&format!("select ${{MAP}} from dbo.a where {not} x = 1"));
}

/// Words that filters and attacks on them are made of.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "select",
        "SELECT",
        "${MAP}",
        "from",
        "dbo.a",
        "crm.[b]",
        "a",
        "t",
        "where",
        "order by",
        "join",
        "on",
        "and",
        "x",
        "=",
        "1",
        "'text'",
        "N'it''s'",
        "(",
        ")",
        ",",
        ".",
        ";",
        "--",
        "/*",
        "*/",
        "*",
        "into",
        "union",
        "delete",
        "exec",
        "shutdown",
        "top 5",
        "'",
        "\"",
        "[",
        "]",
        "${map}",
        "@v",
        "in (select y from dbo.c)",
        "is null",
        "like 'a%'",
        "between 1 and 2",
        "case when",
        "then",
        "end",
        "limit 1",
        "offset 1",
        "for xml auto",
        "with (nolock)",
        "cross apply",
        "exists (select * from a.b)",
        "\n",
        "\t",
        "\r",
        "\u{a0}",
        "ü",
        "é",
        "x'a\\'",
        "0x",
        "1e5",
        "option",
        "go",
        "throw",
        "<",
        ">",
        "-",
        "/",
        "desc",
        "f(x)",
        "cast(x as int)",
        "#t",
        "\\",
        "``",
    ]);
    let separator = prop::sample::select(vec![" ", "", "\n"]);
    prop::collection::vec((word, separator), 0..24)
        .prop_map(|words| words.into_iter().map(|(word, separator)| format!("{word}{separator}")).collect())
}

/// What holds for every filter that passes, whatever it is.
fn passes_only_if_it_reads(text: &str) {
    let Ok(filter) = SyncFilter::parse(text) else { return };
    for statement in
        [filter.statement(["CAST([a] AS nvarchar(max))", "[b]]c]"]), filter.count_statement("COUNT(*)")]
    {
        let parsed = Parser::parse_sql(&MsSqlDialect {}, &statement).unwrap();
        let [Statement::Query(query)] = &parsed[..] else { panic!("not one query: {statement}") };
        let SetExpr::Select(select) = &*query.body else { panic!("not a SELECT: {statement}") };
        assert!(select.into.is_none() && select.top.is_none() && query.with.is_none(), "{statement}");
        assert!(
            query.limit_clause.is_none() && query.fetch.is_none() && query.for_clause.is_none(),
            "{statement}"
        );
        assert!(!filter.tables().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        passes_only_if_it_reads(&text);
    }

    #[test]
    fn any_characters_in_a_filter_are_answered(text in prop::collection::vec(any::<char>(), 0..40)) {
        let text: String = text.into_iter().collect();
        passes_only_if_it_reads(&text);
        passes_only_if_it_reads(&format!("select ${{MAP}} from a.b where {text}"));
        passes_only_if_it_reads(&format!("select ${{MAP}} from a.b where x = '{text}'"));
    }

    #[test]
    fn whatever_passes_is_one_select(text in words()) {
        passes_only_if_it_reads(&text);
        passes_only_if_it_reads(&format!("select ${{MAP}} from a.b {text}"));
        passes_only_if_it_reads(&format!("select ${{MAP}} from a.b where {text}"));
        if let Err(error) = SyncFilter::parse(&format!("select ${{MAP}} from a.b {text}")) {
            prop_assert!(error.to_string().lines().count() >= 4);
        }
    }

    #[test]
    fn quoting_gives_one_name_back(name in "\\PC{1,40}") {
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        prop_assume!(!name.is_empty());
        for dialect in [Dialect::SqlServer, Dialect::Sqlite] {
            let quoted = dialect.quote(&name);
            let (_, words) = words::scan(&quoted).unwrap();
            prop_assert_eq!(words.len(), 1);
            prop_assert_eq!(words[0].kind, Kind::QuotedName);
        }
    }
}

#[test]
fn a_table_without_its_schema_is_answered_for_every_kind_of_source() {
    let remedy = SyncFilter::parse("select ${MAP} from contacts").unwrap_err().remedy;
    for example in ["dbo.contacts", "SQLite file is main", "csv.contacts"] {
        assert!(remedy.contains(example), "{remedy}");
    }
}
