//! Batches, results and errors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use support::{connect, drain, error_of, rows, texts};
use tds_test_server::Server;

const TABLE: &str = "
CREATE SCHEMA [testpbx]
GO
CREATE TABLE [testpbx].[contacts] (
    [id] int NOT NULL PRIMARY KEY,
    [name] nvarchar(100) NULL,
    [balance] money NULL,
    [belongto] varchar(20) NULL
)
INSERT INTO [testpbx].[contacts] ([id], [name], [balance], [belongto])
VALUES (1, N'Anna Müller', 1234.5, 'Sales'), (2, NULL, NULL, 'Support'), (10, N'Łukasz', -0.01, 'sales')
";

fn server() -> Server {
    let server = Server::start().unwrap();
    server.run("ringroute", TABLE).unwrap();
    server
}

#[tokio::test]
async fn rows_come_in_their_order() {
    let server = server();
    let mut client = connect(&server).await;
    let found = texts(
        &mut client,
        "select CAST([name] AS nvarchar(max)) AS [name] from testpbx.contacts order by id desc",
    )
    .await;
    assert_eq!(found, [Some("Łukasz".to_owned()), None, Some("Anna Müller".to_owned())]);
}

#[tokio::test]
async fn the_row_count_of_the_statement_before_comes_after_it() {
    let server = server();
    let mut client = connect(&server).await;
    let results = client
        .simple_query("SELECT [id] FROM [testpbx].[contacts]; SELECT @@ROWCOUNT AS [rows];")
        .await
        .unwrap()
        .into_results()
        .await
        .unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0].len(), 3);
    assert_eq!(results[1][0].get::<i32, _>("rows"), Some(3));
}

#[tokio::test]
async fn texts_compare_without_case() {
    let server = server();
    let mut client = connect(&server).await;
    let (_, count, _) = drain(&mut client, "SELECT id FROM testpbx.contacts WHERE belongto = N'SALES'").await;
    assert_eq!(count, 2);
}

#[tokio::test]
async fn names_that_are_not_there_are_errors_208_and_207() {
    let server = server();
    let mut client = connect(&server).await;
    assert_eq!(error_of(&mut client, "SELECT * FROM testpbx.nothing").await, 208);
    assert_eq!(error_of(&mut client, "SELECT nothing FROM testpbx.contacts").await, 207);
    assert_eq!(error_of(&mut client, "SELECT c.nothing FROM testpbx.contacts c").await, 207);
    assert_eq!(error_of(&mut client, "SELECT d.id FROM testpbx.contacts c").await, 4104);
    assert_eq!(error_of(&mut client, "SELEC id").await, 102);
    assert_eq!(rows(&mut client, "SELECT 1 AS one").await.unwrap().len(), 1, "the connection goes on");
}

#[tokio::test]
async fn the_catalogue_tells_what_was_declared() {
    let server = server();
    let mut client = connect(&server).await;
    let found = rows(
        &mut client,
        "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, COLLATION_NAME, ORDINAL_POSITION \
         FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = N'TestPBX' AND TABLE_NAME = N'contacts' \
         ORDER BY ORDINAL_POSITION",
    )
    .await
    .unwrap();
    let shown: Vec<String> = found
        .iter()
        .map(|row| {
            format!(
                "{} {} {:?} {} {:?} {}",
                row.get::<&str, _>(0).unwrap(),
                row.get::<&str, _>(1).unwrap(),
                row.get::<i32, _>(2),
                row.get::<&str, _>(3).unwrap(),
                row.get::<&str, _>(4),
                row.get::<i32, _>(5).unwrap(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "id int None NO None 1",
            "name nvarchar Some(100) YES Some(\"SQL_Latin1_General_CP1_CI_AS\") 2",
            "balance money None YES None 3",
            "belongto varchar Some(20) YES Some(\"SQL_Latin1_General_CP1_CI_AS\") 4",
        ]
    );
}
