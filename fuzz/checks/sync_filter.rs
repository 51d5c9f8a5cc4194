//! Sync filters: what passes can only read, says so again, and points at a word when it is refused.

use std::cell::RefCell;

use ringroute::source::filter::{Dialect, MAP, SyncFilter};

#[path = "../../tests/sync_filter_fuzz/sqlite.rs"]
mod sqlite;
#[path = "../../tests/sync_filter_fuzz/tsql.rs"]
mod tsql;

/// Longer ones are left to the other judge: SQLite executes what it understands.
const EXECUTED: usize = 200;

thread_local! {
    static DATABASE: RefCell<sqlite::Database> = RefCell::new(sqlite::Database::new());
}

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let filter = match SyncFilter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.range.start <= error.range.end && error.range.end <= text.len(), "{error:?}");
            assert!(
                text.is_char_boundary(error.range.start) && text.is_char_boundary(error.range.end),
                "{error:?}"
            );
            assert!(!error.message.is_empty() && error.line >= 1 && error.column >= 1, "{error:?}");
            return;
        }
    };
    // What it says is what was checked.
    assert!(text.contains(filter.text()));
    assert_eq!(SyncFilter::parse(filter.text()).as_ref(), Ok(&filter));
    assert_eq!(filter.statement([MAP]), filter.text());
    assert_eq!(SyncFilter::parse(&filter.statement([MAP])).as_ref(), Ok(&filter));
    for table in filter.tables() {
        assert!(filter.text().get(table.range.clone()).is_some(), "{table:?}");
        assert!(!table.schema.is_empty() && !table.table.is_empty(), "{table:?}");
    }

    let columns =
        ["id", "na]me"].map(|name| format!("CAST({} AS nvarchar(40))", Dialect::SqlServer.quote(name)));
    for statement in [filter.statement(&columns), filter.count_statement("COUNT(*)")] {
        if let Err(problem) = tsql::only_reads(&statement) {
            panic!("{problem}, and still this passed: {text:?}");
        }
    }
    if text.len() > EXECUTED {
        return;
    }
    let columns = ["id", "na]me"].map(|name| Dialect::Sqlite.quote(name));
    DATABASE.with_borrow(|database| {
        if let sqlite::Verdict::More(what) = database.run(&filter.statement(&columns)) {
            panic!("SQLite was asked for {what} by {text:?}");
        }
        assert!(database.is_untouched(), "{text:?} has written");
    });
}
