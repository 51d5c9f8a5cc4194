//! Reading SQL Server through the source, to rows that were checked, beside a bare drain of the same query with
//! the driver alone: what the source takes beyond it is ours.
//!
//! Three servers: the one of the test support over TLS, which is slow, since it executes T-SQL on SQLite on the
//! same cores; its answer out of memory, without TLS, as fast as a server can be, which is the hardest to keep up
//! with; and the one that `RINGROUTE_TEST_MSSQL` names, if there is one.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod replay;

use std::time::Instant;

use ringroute::phonebook::PhonebookName;
use ringroute::secret::Secret;
use ringroute::settings::{
    Connection, FieldMap, GuardSettings, PhonebookTarget, SourceSettings, SqlServerConnection,
};
use ringroute::source::{self, rows::RowBatch};
use tds_test_server::Server;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use replay::Replay;
use support::report::{self, Goal, Table, duration, figure};
use support::rounds::{median, ratio};
use support::{Scale, server, sql_server};

/// Where foreign servers are named.
const FOREIGN: &str = "RINGROUTE_TEST_MSSQL";

/// The bench's schema.
const SCHEMA: &str = "ringroute_bench";

/// What the source makes of its settings: eight columns of as many types as a real table has.
const BATCH: &str = "select CAST([id] AS nvarchar(20)), CAST([first] AS nvarchar(63)), CAST([last] AS nvarchar(63)), \
                     CAST([company] AS nvarchar(127)), CAST([email] AS nvarchar(255)), \
                     CAST([business] AS nvarchar(31)), CAST([mobile] AS nvarchar(31)), CAST([city] AS nvarchar(63)) \
                     from ringroute_bench.contacts\n; SELECT @@ROWCOUNT AS row_count";

fn main() {
    let scale = Scale::from_arguments();
    let runtime = server::runtime();
    let rows = scale.pick(500_000, 2_000);
    report::heading("sql_server", scale);
    let mut table = Table::new(&[
        "500 000 rows of 8 columns",
        "drain",
        "source",
        "rows/s",
        "ratio",
        "goal",
        "drain MiB",
        "source MiB",
    ]);

    let ours = Server::start().unwrap();
    let string = ours.connection_string();
    runtime.block_on(make_table(&string, rows));
    measure(&runtime, "TDS test server, TLS", &string, scale, rows, &mut table);
    assert!(
        ours.statements().iter().any(|batch| batch == BATCH),
        "the source asks for something else than the drain"
    );

    let replay = Replay::of(ours.address(), BATCH);
    let options = ours.options();
    let string = format!(
        "Server=127.0.0.1,{};Database={};User Id={};Password={};Encrypt=DANGER_PLAINTEXT",
        replay.address().port(),
        options.databases[0],
        options.user,
        options.password
    );
    measure(&runtime, "an answer out of memory", &string, scale, rows, &mut table);

    if let Ok(string) = std::env::var(FOREIGN) {
        runtime.block_on(make_table(&string, rows));
        measure(&runtime, "the server named by the environment", &string, scale, rows, &mut table);
        runtime.block_on(run(&string, &format!("DROP TABLE {SCHEMA}.contacts; DROP SCHEMA {SCHEMA};")));
    }
    table.print();
}

fn measure(runtime: &Runtime, name: &str, string: &str, scale: Scale, rows: u64, table: &mut Table) {
    let (mut drains, mut reads) = (Vec::new(), Vec::new());
    let mut memory = [None; 2];
    for round in 0..=scale.pick(5, 1) {
        let start = Instant::now();
        memory[0] = growth(|| assert_eq!(runtime.block_on(sql_server::drain(string, BATCH)), rows + 1));
        let drained = start.elapsed().as_secs_f64();
        let start = Instant::now();
        memory[1] = growth(|| assert_eq!(runtime.block_on(read(string)), rows));
        let read = start.elapsed().as_secs_f64();
        // The first round warms up, and has the answer recorded.
        if round > 0 {
            drains.push(drained);
            reads.push(read);
        }
    }
    let found = ratio(&reads, &drains);
    let (drain, read) = (median(drains), median(reads));
    let mebibytes = |growth: Option<u64>| growth.map_or("?".to_owned(), |growth| growth.to_string());
    table.row([
        name.to_owned(),
        duration(drain * 1e9),
        duration(read * 1e9),
        figure(rows as f64 / read),
        figure(found),
        Goal::AtMost(1.3).told(found),
        mebibytes(memory[0]),
        mebibytes(memory[1]),
    ]);
}

/// What the process has more of at its peak during `work` than before, in MiB; Linux can tell.
fn growth(work: impl FnOnce()) -> Option<u64> {
    let before = report::forget_peak_memory().then(report::peak_memory).flatten();
    work();
    Some(report::peak_memory()?.saturating_sub(before?))
}

/// Every row through the source, to a reader that looks at every value.
async fn read(string: &str) -> u64 {
    let source = source::open(&settings(string)).unwrap();
    let (sender, mut receiver) = mpsc::channel::<RowBatch>(source::BATCHES_IN_FLIGHT);
    let taking = tokio::spawn(async move {
        let mut bytes = 0;
        while let Some(batch) = receiver.recv().await {
            for row in batch.rows() {
                assert!(row.problem().is_none());
                bytes += (0..8).filter_map(|column| row.value(column)).map(str::len).sum::<usize>();
            }
        }
        bytes
    });
    let rows = source.read(sender, CancellationToken::new()).await.unwrap();
    assert!(taking.await.unwrap() > 0);
    rows
}

fn settings(string: &str) -> SourceSettings {
    let column = |name: &str| Some(name.to_owned());
    SourceSettings {
        name: "crm".to_owned(),
        enabled: true,
        default_region: None,
        sync_filter: format!("select ${{MAP}} from {SCHEMA}.contacts"),
        remove_missing: true,
        connection: Connection::SqlServer(Box::new(SqlServerConnection {
            connection_string: Some(Secret::new(string)),
            ..SqlServerConnection::default()
        })),
        field_map: FieldMap {
            key: column("id"),
            first_name: column("first"),
            last_name: column("last"),
            company: column("company"),
            email: column("email"),
            business_number: column("business"),
            mobile_number: column("mobile"),
            city: column("city"),
            ..FieldMap::default()
        },
        phonebook: PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() },
        guard: GuardSettings::default(),
        schedule: None,
        notify: ringroute::settings::Notify::default(),
    }
}

/// A table of so many contacts, made by the server itself.
async fn make_table(string: &str, rows: u64) {
    let numbers: Vec<_> = (1..=1000).map(|n| format!("({n})")).collect();
    let script = format!(
        "CREATE SCHEMA {SCHEMA};
GO
CREATE TABLE {SCHEMA}.numbers (n int NOT NULL PRIMARY KEY);
CREATE TABLE {SCHEMA}.contacts (id int NOT NULL PRIMARY KEY, first nvarchar(63), last nvarchar(63), company nvarchar(127),
                                email varchar(255), business varchar(31), mobile varchar(31), city nvarchar(63));
INSERT INTO {SCHEMA}.numbers (n) VALUES {};
INSERT INTO {SCHEMA}.contacts (id, first, last, company, email, business, mobile, city)
SELECT (a.n - 1) * 1000 + b.n, N'Jürgen', N'Müller ' + CAST(b.n AS nvarchar(9)), N'Company ' + CAST(a.n AS nvarchar(9)),
       'somebody.' + CAST(b.n AS varchar(9)) + '@example.com', '+49 30 ' + CAST(1000000 + b.n AS varchar(9)),
       CASE WHEN b.n % 3 = 0 THEN NULL ELSE '+49 171 ' + CAST(1000000 + a.n AS varchar(9)) END, N'Köln'
FROM {SCHEMA}.numbers a CROSS JOIN {SCHEMA}.numbers b WHERE (a.n - 1) * 1000 + b.n <= {rows};
DROP TABLE {SCHEMA}.numbers;",
        numbers.join(",")
    );
    run(string, &script).await;
}

async fn run(string: &str, script: &str) {
    let mut client = sql_server::connect(string).await;
    for batch in tds_test_server::batches(script) {
        client.simple_query(batch).await.unwrap().into_results().await.unwrap();
    }
}
