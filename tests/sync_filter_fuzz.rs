//! Whatever passes as a sync filter can only read: valid and hostile statements are taken, changed in every way
//! that comes to mind, and what still passes is judged by two that know nothing of how filters are checked.
//!
//! - [`tsql`]: rules about T-SQL's words, on a lexer of its own, written from the language's reference.
//! - [`sqlite`]: SQLite executes the statement, and says what it was asked to do.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "sync_filter_fuzz/sqlite.rs"]
mod sqlite;
#[path = "sync_filter_fuzz/statements.rs"]
mod statements;
#[path = "sync_filter_fuzz/tsql.rs"]
mod tsql;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringroute::source::filter::{Dialect, SyncFilter};

use sqlite::Verdict;
use statements::{hostile, mutated, valid};

/// How many statements each test tries.
const STATEMENTS: u32 = 4000;

/// What must be true of a text that passes. Returns whether it passed, and whether SQLite executed it.
fn judge(text: &str, database: &sqlite::Database) -> (bool, bool) {
    let Ok(filter) = SyncFilter::parse(text) else { return (false, false) };
    let columns =
        ["id", "na]me"].map(|name| format!("CAST({} AS nvarchar(40))", Dialect::SqlServer.quote(name)));
    let mut executed = false;
    for statement in [filter.statement(&columns), filter.count_statement("COUNT(*)")] {
        if let Err(problem) = tsql::only_reads(&statement) {
            panic!("{problem}, and still this passed as a sync filter: {text:?}");
        }
    }
    let columns = ["id", "na]me"].map(|name| Dialect::Sqlite.quote(name));
    for statement in [filter.statement(&columns), filter.count_statement("COUNT(*)")] {
        match database.run(&statement) {
            Verdict::Read => executed = true,
            Verdict::NotUnderstood => {}
            Verdict::More(what) => {
                panic!("SQLite was asked for {what} by what passed as a sync filter: {text:?}")
            }
        }
    }
    (true, executed)
}

/// Tries [`STATEMENTS`] texts, and returns how many passed and how many of these SQLite executed.
fn judge_all(texts: impl Strategy<Value = String>) -> (u32, u32) {
    let database = sqlite::Database::new();
    let counts = std::cell::Cell::new((0, 0));
    // What fails is shown; there is no file of failures to keep.
    let config = Config { cases: STATEMENTS, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let judged = runner.run(&texts, |text| {
        let (passes, runs) = judge(&text, &database);
        let (passed, executed) = counts.get();
        counts.set((passed + u32::from(passes), executed + u32::from(runs)));
        Ok(())
    });
    judged.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(database.is_untouched(), "something was written");
    counts.get()
}

#[test]
fn statements_as_people_write_them_pass_and_read() {
    let (passed, executed) = judge_all(valid());
    assert_eq!(passed, STATEMENTS);
    assert!(executed > STATEMENTS / 2, "SQLite understood only {executed}; it then proves too little");
}

#[test]
fn whatever_passes_of_changed_statements_only_reads() {
    let (passed, executed) = judge_all(mutated(valid()));
    assert!(passed > STATEMENTS / 20, "only {passed} passed: there was too little to judge");
    assert!(executed > STATEMENTS / 50, "SQLite understood only {executed}; it then proves too little");
}

#[test]
fn hostile_statements_do_not_pass() {
    let database = sqlite::Database::new();
    let mut config = Config { cases: STATEMENTS, failure_persistence: None, ..Config::default() };
    config.max_shrink_iters = 1000;
    TestRunner::new(config)
        .run(&hostile(), |text| {
            prop_assert!(!judge(&text, &database).0, "passes: {text:?}");
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn whatever_passes_of_changed_hostile_statements_only_reads() {
    judge_all(mutated(hostile()));
}

/// An oracle that lets everything pass would prove nothing.
#[test]
fn the_judges_find_what_is_more_than_reading() {
    let rows = "select [id] from dbo.contacts";
    for more in [
        "; delete from dbo.contacts",
        " delete from dbo.contacts",
        " union select 1 from dbo.contacts",
        " exec sp_who",
        " for json path",
        " with (nolock)",
        " shutdown",
        " -- hidden",
        " /* hidden */",
        " where x = @v",
        ", openrowset('a', 'b', 'c')",
        ", contacts",
        ", srv.crm.dbo.contacts",
        ", #t",
        " where id in (select id into dbo.c from dbo.b)",
        " where (id = 1",
        " where note = 'x",
        " un\u{131}on select 1",
        " where\u{3000}x = 1",
        " option (recompile)",
        " where 1 = (exec x)",
        " receive * from dbo.q",
    ] {
        assert!(tsql::only_reads(&format!("{rows}{more}")).is_err(), "{more}");
    }
    assert_eq!(tsql::only_reads(rows), Ok(()));

    let database = sqlite::Database::new();
    for statement in [
        "delete from dbo.contacts",
        "select 1; delete from dbo.contacts",
        "insert into dbo.contacts (id) values (7)",
        "create table dbo.x (y)",
        "drop table dbo.contacts",
        "attach 'x' as y",
        "pragma writable_schema = 1",
        "select load_extension('x')",
        "vacuum",
    ] {
        assert!(matches!(database.run(statement), Verdict::More(_)), "{statement}");
    }
    assert!(matches!(database.run(rows), Verdict::Read));
    assert!(database.is_untouched());
}

/// A parser that goes down into what it reads must stop before the stack does, which has 2 MiB where the server
/// works; and what is long must not take for ever (then this test would).
#[test]
fn deep_and_long_statements_are_answered_on_a_workers_stack() {
    let tried = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let opens =
            ["(", "not ", "- ", "-(", "case when ", "f(", "x in (", "exists (select * from a.b where ", "["];
        for open in opens {
            for (count, close) in [(20, ""), (1_000, ""), (1_000, ")"), (100_000, "")] {
                let nested = open.repeat(count) + "1" + &close.repeat(count);
                for before in [
                    "select ${MAP} from a.b where ",
                    "select ${MAP} from a.b order by ",
                    "select ${MAP} from ",
                    "",
                ] {
                    let _ = SyncFilter::parse(&format!("{before}{nested}"));
                }
            }
        }
        for link in [
            " and x = 1",
            " + 1",
            "+1",
            "-x",
            ", a.b",
            " or not x in (1)",
            " join a.b on 1 = 1",
            " is null",
            ".x",
        ] {
            for most in [7_900, 1_000_000] {
                let _ = SyncFilter::parse(&format!(
                    "select ${{MAP}} from a.b where x = 1{}",
                    link.repeat(most / link.len())
                ));
                let _ =
                    SyncFilter::parse(&format!("select ${{MAP}} from a.b{}", link.repeat(most / link.len())));
            }
        }
        // As deep as a statement can be long, in what is refused because of something around it.
        let deep = format!("1{}", "+1".repeat(3_900));
        for (before, after) in [
            ("where (", ") at time zone 'x' = 1"),
            ("where (", ") collate x = 1"),
            ("where f(distinct ", ") = 1"),
            ("where x is distinct from ", ""),
            ("order by ", " nulls first"),
            ("order by ", ""),
            ("order by (", ") collate x"),
            ("group by ", ""),
            ("where 1 = ", " option (recompile)"),
            ("where 1 = ", " for xml auto"),
            ("join b.c on 1 = ", " left semi join d.e on 1 = 1"),
        ] {
            let _ = SyncFilter::parse(&format!("select ${{MAP}} from a.b {before}{deep}{after}"));
        }
    });
    tried.unwrap().join().unwrap();
}
