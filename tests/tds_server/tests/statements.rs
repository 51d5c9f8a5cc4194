//! What set-up scripts do: schemas, tables, views, changes, procedures, logins and rights.

mod support;

use support::{config, connect, connect_with, drain, error_of, rows, texts};
use tds_test_server::{Server, batches};
use tiberius::AuthMethod;

/// One after the other on one connection; each is a batch. The number of the first error, or 0.
async fn all(client: &mut support::Connected, script: &str) -> u32 {
    for batch in batches(script) {
        let number = error_of(client, &batch).await;
        if number != 0 {
            return number;
        }
    }
    0
}

#[tokio::test]
async fn tables_are_made_changed_and_dropped() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    let script = "
CREATE SCHEMA [x] AUTHORIZATION dbo
GO
CREATE TABLE [x].[people] (
    [id] int IDENTITY(1,1) NOT NULL,
    [first] nvarchar(50) NOT NULL CONSTRAINT [DF_first] DEFAULT (N'?'),
    [last] nvarchar(50) COLLATE Latin1_General_100_CI_AS_SC_UTF8 NULL,
    [full] AS ([first] + N' ' + [last]) PERSISTED,
    [changed] datetime2(0) NOT NULL DEFAULT SYSUTCDATETIME(),
    CONSTRAINT [PK_people] PRIMARY KEY CLUSTERED ([id] ASC) WITH (FILLFACTOR = 90) ON [PRIMARY]
) ON [PRIMARY]
GO
CREATE UNIQUE NONCLUSTERED INDEX [IX_people] ON [x].[people] ([last] DESC)
INSERT INTO [x].[people] ([first], [last]) VALUES (N'Anna', N'Müller'), (N'Jan', N'Nowak')
INSERT INTO x.people (last) VALUES (N'Nobody')
UPDATE x.people SET first = UPPER(first) WHERE last LIKE N'm%'
DELETE FROM x.people WHERE last = N'nobody'
GO
ALTER TABLE [x].[people] ADD [note] nvarchar(10) NULL, [age] int NOT NULL DEFAULT 7
EXEC sp_rename N'x.people.note', N'remark', N'COLUMN'
EXEC sp_rename '[x].[people]', 'persons'
GO
CREATE VIEW [x].[v] WITH SCHEMABINDING AS SELECT p.[full] AS name, p.age, p.id FROM [x].[persons] AS p
GO
ALTER TABLE x.persons DROP COLUMN remark
ALTER TABLE x.persons ALTER COLUMN age nvarchar(5) NULL
";
    assert_eq!(all(&mut client, script).await, 0);
    let found =
        texts(&mut client, "SELECT name + N'/' + CAST(age AS nvarchar(9)) AS v FROM x.v ORDER BY id").await;
    assert_eq!(found, [Some("ANNA Müller/7".to_owned()), Some("Jan Nowak/7".to_owned())]);
    assert_eq!(error_of(&mut client, "DROP SCHEMA x").await, 3729);
    assert_eq!(all(&mut client, "DROP VIEW IF EXISTS x.v; DROP TABLE x.persons; DROP TABLE IF EXISTS x.persons, x.o; DROP SCHEMA x").await, 0);
    assert_eq!(error_of(&mut client, "DROP TABLE x.persons").await, 3701);
}

#[tokio::test]
async fn what_is_there_is_not_made_again() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    let script = "
IF SCHEMA_ID(N'x') IS NULL EXEC(N'CREATE SCHEMA [x]')
GO
IF SCHEMA_ID(N'x') IS NULL EXEC(N'CREATE SCHEMA [x]')
IF OBJECT_ID(N'x.t', N'U') IS NOT NULL
    DROP TABLE x.t;
ELSE
BEGIN
    PRINT N'nothing to drop';
    CREATE TABLE x.t (id int);
END
IF NOT EXISTS (SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = N't') RAISERROR(N'no t', 16, 1)
IF NOT EXISTS (SELECT * FROM sys.tables WHERE name = N't') RAISERROR(N'no t', 16, 1)
";
    assert_eq!(all(&mut client, script).await, 0);
    assert_eq!(error_of(&mut client, "CREATE TABLE x.t (id int)").await, 2714);
    assert_eq!(error_of(&mut client, "SELECT 1 AS a; CREATE SCHEMA y").await, 111);
    assert_eq!(error_of(&mut client, "CREATE TABLE nowhere.t (id int)").await, 2760);
}

#[tokio::test]
async fn variables_loops_and_parameters() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    let script = "
CREATE TABLE t (id int NOT NULL PRIMARY KEY, name nvarchar(20));
DECLARE @i int = 0, @name nvarchar(20);
WHILE @i < 5
BEGIN
    SET @i = @i + 1
    SET @name = N'n' + CAST(@i AS nvarchar(10))
    IF @i = 3 CONTINUE
    INSERT INTO t VALUES (@i, @name)
END
EXEC sp_executesql N'INSERT INTO t VALUES (@a, @b)', N'@a int, @b nvarchar(20)', @a = 9, @b = N'last';
";
    assert_eq!(all(&mut client, script).await, 0);
    let found = client
        .query(
            "SELECT name FROM t WHERE id >= @P1 AND name <> @P2 AND @P3 IS NULL ORDER BY id",
            &[&4i32, &"n5", &None::<i32>],
        )
        .await
        .unwrap()
        .into_first_result()
        .await
        .unwrap();
    let names: Vec<&str> = found.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(names, ["n4", "last"]);
    assert_eq!(client.execute("UPDATE t SET name = @P1", &[&"all"]).await.unwrap().total(), 5);
}

#[tokio::test]
async fn counts_and_no_counts() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    assert_eq!(error_of(&mut client, "CREATE TABLE t (id int)").await, 0);
    let done =
        client.execute("INSERT INTO t VALUES (1), (2), (3); DELETE FROM t WHERE id > 1", &[]).await.unwrap();
    assert_eq!(done.rows_affected(), [3, 2]);
    let sql = "SET NOCOUNT ON; SET LOCK_TIMEOUT 100; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
               SET QUOTED_IDENTIFIER ON; INSERT INTO t VALUES (4); SELECT @@ROWCOUNT AS n";
    let row = rows(&mut client, sql).await.unwrap().remove(0);
    assert_eq!(row.get::<i32, _>(0), Some(1));
}

#[tokio::test]
async fn queries_of_all_shapes() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    let script = "
CREATE TABLE a (id int, name nvarchar(10)); CREATE TABLE b (a_id int, phone nvarchar(10));
INSERT INTO a VALUES (1, N'x'), (2, N'y'), (3, NULL); INSERT INTO b VALUES (1, N'1'), (1, N'2'), (2, N'3')";
    assert_eq!(all(&mut client, script).await, 0);
    for (sql, expected) in [
        ("SELECT TOP (2) name FROM a ORDER BY id DESC", "NULL,y"),
        ("SELECT DISTINCT TOP 1 name FROM a WHERE name IS NOT NULL ORDER BY name", "x"),
        ("SELECT a.name + b.phone AS v FROM a JOIN b ON b.a_id = a.id ORDER BY v", "x1,x2,y3"),
        (
            "SELECT ISNULL(b.phone, N'none') AS v FROM dbo.a LEFT JOIN dbo.b ON a_id = a.id WHERE dbo.a.id = 3",
            "none",
        ),
        ("SELECT name FROM a WHERE id = (SELECT MAX(id) FROM a WHERE name IS NOT NULL)", "y"),
        ("SELECT name FROM a ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", "y"),
        (
            "WITH c AS (SELECT a_id, COUNT(*) AS n FROM b GROUP BY a_id) SELECT CAST(n AS nvarchar(5)) AS v FROM c ORDER BY a_id",
            "2,1",
        ),
        ("SELECT v FROM (VALUES (N'p'), (N'q')) AS list(v) ORDER BY v DESC", "q,p"),
        ("SELECT name FROM a WHERE id = 1 UNION ALL SELECT N'z' ORDER BY name", "x,z"),
        ("SELECT STRING_AGG(phone, N';') WITHIN GROUP (ORDER BY phone DESC) AS v FROM b", "3;2;1"),
        ("SELECT CAST(ROW_NUMBER() OVER (ORDER BY id DESC) AS nvarchar(5)) AS v FROM a WHERE id < 3", "1,2"),
        ("SELECT name FROM [a] WITH (NOLOCK) WHERE id = 1 OPTION (RECOMPILE)", "x"),
        ("SELECT [name] FROM [ringroute].[dbo].[a] WHERE [id] = 1 -- comment", "x"),
        (
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT CAST(i AS nvarchar(5)) AS v FROM n",
            "1,2,3",
        ),
        (
            "SELECT CASE WHEN name = N'X' THEN N'same' ELSE N'other' END AS v FROM a WHERE id < 3 ORDER BY id",
            "same,other",
        ),
        (
            "SELECT LEFT(N'abc', 2) + SUBSTRING(N'abcdef', 3, 2) + RIGHT(N'xyz', 1) + REPLACE(N'a-b', N'-', N'+') AS v",
            "abcdza+b",
        ),
        ("SELECT CONCAT(N'a', NULL, 1, N'b') AS v", "a1b"),
        ("SELECT CAST(LEN(N'ab  ') AS nvarchar(5)) + CAST(DATALENGTH(N'ab  ') AS nvarchar(5)) AS v", "28"),
        ("SELECT DB_NAME() + N' ' + SUSER_SNAME() + N' ' + APP_NAME() AS v", "ringroute sa the tests"),
        ("SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS v", "16.0.4181.0"),
        ("SELECT CONVERT(nvarchar(10), DATEADD(day, 1, CAST('2024-02-28' AS date)), 120) AS v", "2024-02-29"),
    ] {
        let found: Vec<String> =
            texts(&mut client, sql).await.into_iter().map(|text| text.unwrap_or("NULL".to_owned())).collect();
        assert_eq!(found.join(","), expected, "{sql}");
    }
    for (sql, number) in [
        ("SELECT id FROM a, b WHERE id = a_id AND nothing = 1", 207),
        ("SELECT id FROM a AS one, a AS two", 209),
        ("SELECT * FROM server.db.dbo.a", 7202),
        ("SELECT * FROM other.dbo.a", 208),
        ("SELECT nothing(1) AS v", 195),
        ("SELECT id FROM a UNION SELECT id, name FROM a", 205),
        ("SELECT 'open", 105),
        ("SELECT (1", 102),
        ("EXEC nothing", 2812),
    ] {
        assert_eq!(error_of(&mut client, sql).await, number, "{sql}");
    }
}

#[tokio::test]
async fn a_reader_reads_one_table_and_nothing_else() {
    let server = Server::start().unwrap();
    let mut owner = connect(&server).await;
    let script = "
CREATE SCHEMA x
GO
CREATE TABLE x.contacts (id int, name nvarchar(10)); CREATE TABLE x.secrets (id int);
INSERT INTO x.contacts VALUES (1, N'Anna')
CREATE LOGIN [reader] WITH PASSWORD = N'Reader-1', CHECK_POLICY = OFF, DEFAULT_DATABASE = [ringroute]
CREATE USER [reader] FOR LOGIN [reader] WITH DEFAULT_SCHEMA = [x]
GRANT SELECT ON OBJECT::[x].[contacts] TO [reader]
GO
CREATE VIEW x.both_tables AS SELECT s.id FROM x.secrets AS s
";
    assert_eq!(all(&mut owner, script).await, 0);
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("reader", "Reader-1"));
    let mut reader = connect_with(config).await.unwrap();

    assert_eq!(texts(&mut reader, "SELECT name FROM contacts").await, [Some("Anna".to_owned())]);
    let seen = texts(&mut reader, "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES").await;
    assert_eq!(seen, [Some("contacts".to_owned())]);
    for (sql, number) in [
        ("SELECT * FROM x.secrets", 229),
        ("SELECT 1 AS v WHERE EXISTS (SELECT 1 FROM x.secrets)", 229),
        ("SELECT * FROM x.both_tables", 229),
        ("INSERT INTO x.contacts VALUES (2, N'x')", 229),
        ("UPDATE x.contacts SET id = 2", 229),
        ("DELETE FROM x.contacts", 229),
        ("TRUNCATE TABLE x.contacts", 262),
        ("DROP TABLE x.contacts", 262),
        ("CREATE TABLE x.t (id int)", 262),
        ("EXEC(N'DELETE FROM x.contacts')", 229),
        ("GRANT SELECT ON x.secrets TO reader", 262),
        ("CREATE LOGIN other WITH PASSWORD = N'x'", 15_247),
        ("USE nothing", 911),
    ] {
        assert_eq!(error_of(&mut reader, sql).await, number, "{sql}");
    }
    assert_eq!(
        all(&mut owner, "GRANT SELECT ON SCHEMA::x TO reader; DENY SELECT ON x.contacts TO reader").await,
        0
    );
    assert_eq!(error_of(&mut reader, "SELECT * FROM x.contacts").await, 229);
    assert_eq!(error_of(&mut reader, "SELECT * FROM x.both_tables").await, 0, "a view reads for its owner");
    assert_eq!(all(&mut owner, "REVOKE SELECT ON x.contacts FROM reader").await, 0);
    assert_eq!(error_of(&mut reader, "SELECT * FROM x.contacts").await, 0);
}

#[tokio::test]
async fn a_table_can_be_changed_while_somebody_reads_it() {
    let server = Server::start().unwrap();
    let mut writer = connect(&server).await;
    let script = "
CREATE TABLE t (id int NOT NULL PRIMARY KEY, name nvarchar(max));
DECLARE @i int = 0;
WHILE @i < 200 BEGIN SET @i = @i + 1; INSERT INTO t VALUES (@i, REPLICATE(CAST(N'x' AS nvarchar(max)), 20000)) END";
    assert_eq!(all(&mut writer, script).await, 0);
    let mut reader = connect(&server).await;
    let mut stream = reader.simple_query("SELECT id, name FROM t ORDER BY id").await.unwrap();
    stream.columns().await.unwrap();
    assert_eq!(error_of(&mut writer, "UPDATE t SET name = N'y' WHERE id = 1").await, 0);
    assert_eq!(error_of(&mut writer, "INSERT INTO t VALUES (500, N'z')").await, 0);
    let count = stream.into_first_result().await.unwrap().len();
    assert!((200..=201).contains(&count), "{count}");
}

#[tokio::test]
async fn transactions() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    assert_eq!(error_of(&mut client, "CREATE TABLE t (id int)").await, 0);
    assert_eq!(error_of(&mut client, "BEGIN TRAN; INSERT INTO t VALUES (1); ROLLBACK").await, 0);
    assert_eq!(
        error_of(&mut client, "BEGIN TRANSACTION; INSERT INTO t VALUES (2); COMMIT TRANSACTION").await,
        0
    );
    let (_, count, _) = drain(&mut client, "SELECT id FROM t").await;
    assert_eq!(count, 1);
    assert_eq!(error_of(&mut client, "COMMIT").await, 3902);
}

#[tokio::test]
async fn odd_statements_end_nothing() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    for sql in [
        "",
        ";;;",
        "\0",
        "]",
        "SELECT",
        "SELECT * FROM",
        "GRANT",
        "DECLARE @",
        "EXEC",
        "IF",
        "CREATE",
        "CREATE TABLE t",
        "CREATE TABLE t (",
        "SET",
        "WITH x AS (SELECT 1)",
        "SELECT N'\u{1F600}' + 1 AS v",
        "SELECT CAST(1 AS nothing) AS v",
        "SELECT CAST(1 AS decimal(99)) AS v",
        "WAITFOR DELAY 'x'",
        "SELECT 1 AS v FOR XML PATH",
        "SELECT @x AS v",
        "SELECT @@NOTHING AS v",
        "MERGE INTO t USING u ON 1 = 1 WHEN MATCHED THEN DELETE;",
    ] {
        let _number = error_of(&mut client, sql).await;
    }
    let deep = format!("SELECT {}1{} AS v", "(".repeat(5000), ")".repeat(5000));
    assert_ne!(error_of(&mut client, &deep).await, 0);
    let long = format!("SELECT {}1 AS v", "1 + ".repeat(20_000));
    assert_ne!(error_of(&mut client, &long).await, 0);
    let ifs = format!("{} SELECT 1 AS v", "IF 1 = 1 ".repeat(10_000));
    assert_ne!(error_of(&mut client, &ifs).await, 0);
    assert_eq!(texts(&mut client, "SELECT N'alive'").await, [Some("alive".to_owned())]);
}

#[tokio::test]
async fn a_wait_ends_with_an_attention() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    // The future is dropped while the server waits; the request is under way by then.
    let waiting = client.simple_query("WAITFOR DELAY '00:10:00'");
    tokio::select! {
        _ = waiting => panic!("ten minutes are over"),
        () = support::eventually("the request is under way", || server.running_requests() == 1) => {}
    }
    client.cancel_query().await.unwrap();
    assert_eq!(texts(&mut client, "SELECT N'alive'").await, [Some("alive".to_owned())]);
}
