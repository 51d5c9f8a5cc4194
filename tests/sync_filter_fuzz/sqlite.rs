//! SQLite as a judge: it executes a statement, and an authorizer notes whatever is more than reading.

use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The schemas that statements name.
const SCHEMAS: [&str; 3] = ["dbo", "crm", "testpbx"];

pub(crate) struct Database {
    connection: Connection,
    /// What was asked for beside reading since the last statement.
    more: Arc<Mutex<Vec<String>>>,
}

pub(crate) enum Verdict {
    /// It was executed, and only read.
    Read,
    /// SQLite does not know this T-SQL, and did nothing.
    NotUnderstood,
    /// It would have done this, too.
    More(String),
}

impl Database {
    pub(crate) fn new() -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        for schema in SCHEMAS {
            connection.execute_batch(&format!("ATTACH ':memory:' AS {schema}")).unwrap();
            for table in ["contacts", "firms", "[the table]"] {
                let columns = "(id, \"na]me\", firm_id, belongto, note, [order])";
                connection
                    .execute_batch(&format!(
                        "CREATE TABLE {schema}.{table} {columns};
                         INSERT INTO {schema}.{table} VALUES (1, 'Ada', 1, 'Sales', '', 1), (2, 'Max', 1, NULL, 'x', 2);"
                    ))
                    .unwrap();
            }
        }
        let more = Arc::new(Mutex::new(Vec::new()));
        let noted = more.clone();
        let authorize = move |context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } => Authorization::Allow,
            AuthAction::Function { function_name } if function_name != "load_extension" => {
                Authorization::Allow
            }
            other => {
                noted.lock().unwrap().push(format!("{other:?}"));
                Authorization::Deny
            }
        };
        connection.authorizer(Some(authorize)).unwrap();
        Database { connection, more }
    }

    pub(crate) fn run(&self, statement: &str) -> Verdict {
        self.more.lock().unwrap().clear();
        let mut executed = Ok(());
        // Each statement in turn, as a server would execute a batch.
        let mut batch = rusqlite::Batch::new(&self.connection, statement);
        let mut statements = 0;
        loop {
            match batch.next() {
                Ok(None) => break,
                Err(error) => {
                    executed = Err(error);
                    break;
                }
                Ok(Some(mut prepared)) => {
                    statements += 1;
                    if !prepared.readonly() {
                        return Verdict::More("writing".to_owned());
                    }
                    let mut rows = prepared.query([]).unwrap();
                    // A cross join of many tables has more rows than anybody waits for.
                    for _ in 0..100 {
                        match rows.next() {
                            Ok(Some(_)) => {}
                            Ok(None) | Err(_) => break,
                        }
                    }
                }
            }
        }
        if let Some(what) = self.more.lock().unwrap().first() {
            return Verdict::More(what.clone());
        }
        match executed {
            Ok(()) if statements == 1 => Verdict::Read,
            Ok(()) => Verdict::More(format!("{statements} statements")),
            Err(_) => Verdict::NotUnderstood,
        }
    }

    /// Whether nothing was ever written since the tables were made.
    pub(crate) fn is_untouched(&self) -> bool {
        let rows = SCHEMAS.len() as u64 * 3 * 2;
        self.connection.total_changes() == rows && self.connection.is_autocommit()
    }
}
