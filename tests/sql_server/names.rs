//! Tables, columns, and what is said of those that are not there.

use ringroute::source;

use crate::database::{Database, column, map, read};

async fn people(database: &Database) {
    database
        .script(
            "CREATE TABLE SCHEMA_.people (id int NOT NULL PRIMARY KEY, [last name] nvarchar(63), [tel.] varchar(31),
                                          team nvarchar(20));
             INSERT INTO SCHEMA_.people VALUES (1, N'Lovelace', '+49 30 901820', N'Sales');
             INSERT INTO SCHEMA_.people VALUES (2, N'Hopper', '030 901821', N'Support');
             INSERT INTO SCHEMA_.people VALUES (3, N'Turing', '+44 20 7946 0018', NULL);",
        )
        .await;
}

#[tokio::test]
async fn sql_server_names_with_spaces_and_signs_are_quoted() {
    let database = Database::new().await;
    database
        .script(
            "CREATE TABLE SCHEMA_.[odd ]] table] (id int NOT NULL PRIMARY KEY, [a ]]; 'b' -- c] nvarchar(20), [select] int);
             INSERT INTO SCHEMA_.[odd ]] table] VALUES (1, N'here', 7);",
        )
        .await;
    let source = database.source("select ${MAP} from SCHEMA_.[odd ]] table]", map("a ]; 'b' -- c", "select"));
    let rows = read(&source).await.unwrap();
    assert_eq!((column(&rows, 1), column(&rows, 2)), (vec![Some("here")], vec![Some("7")]));
}

#[tokio::test]
async fn sql_server_a_missing_column_is_named_with_the_nearest() {
    let database = Database::new().await;
    people(&database).await;
    let source = database.source("select ${MAP} from SCHEMA_.people", map("lastname", "tel."));
    for problem in
        [read(&source).await.unwrap_err(), source::open(&source).unwrap().check().await.unwrap_err()]
    {
        assert!(problem.is_about_query());
        let problem = problem.to_string();
        assert!(problem.starts_with("field_map.last_name: "), "{problem}");
        assert!(problem.contains("has no column \"lastname\"; did you mean \"last name\"?"), "{problem}");
    }
}

#[tokio::test]
async fn sql_server_a_missing_table_is_pointed_at_with_the_nearest() {
    let database = Database::new().await;
    people(&database).await;
    let source = database.source("select ${MAP} from SCHEMA_.peolpe", map("last name", "tel."));
    let problem = read(&source).await.unwrap_err();
    assert!(problem.is_about_query(), "{problem}");
    let problem = problem.to_string();
    assert!(problem.contains("there is no table or view \"peolpe\""), "{problem}");
    assert!(problem.contains("did you mean \"people\"?"), "{problem}");
    assert!(problem.contains("^^^"), "{problem}");
}

#[tokio::test]
async fn sql_server_a_schema_that_is_not_there_is_said_with_where_the_table_is() {
    let database = Database::new().await;
    people(&database).await;
    let source = database.source("select ${MAP} from nowhere_.people", map("last name", "tel."));
    let problem = read(&source).await.unwrap_err().to_string();
    assert!(problem.contains("there is no table or view [nowhere_].[people]"), "{problem}");
    assert!(problem.contains("people?") || problem.contains("The login sees"), "{problem}");
}

#[tokio::test]
async fn sql_server_names_are_found_whatever_their_case() {
    let database = Database::new().await;
    people(&database).await;
    let source = database.source("select ${MAP} from SCHEMA_.People order by ID", map("LAST NAME", "Tel."));
    match read(&source).await {
        Ok(rows) => assert_eq!(column(&rows, 1), [Some("Lovelace"), Some("Hopper"), Some("Turing")]),
        // A server that tells them apart says so.
        Err(problem) => assert!(!database.is_ours() && problem.is_about_query(), "{problem}"),
    }
}

#[tokio::test]
async fn sql_server_conditions_and_joins_decide_which_rows_come() {
    let database = Database::new().await;
    people(&database).await;
    database
        .script(
            "CREATE TABLE SCHEMA_.teams (code nvarchar(20) NOT NULL PRIMARY KEY, label nvarchar(63));
             INSERT INTO SCHEMA_.teams VALUES (N'Sales', N'Verkauf');",
        )
        .await;
    let filter = "select ${MAP} from SCHEMA_.people p left join SCHEMA_.teams t on t.code = p.team \
                  where p.id < 3 order by p.id desc";
    let mut fields = map("last name", "tel.");
    fields.company = Some("label".to_owned());
    let rows = read(&database.source(filter, fields)).await.unwrap();
    assert_eq!(column(&rows, 1), [Some("Hopper"), Some("Lovelace")]);
    assert_eq!(column(&rows, 2), [None, Some("Verkauf")]);
}

#[tokio::test]
async fn sql_server_a_column_of_two_tables_is_refused_with_what_to_do() {
    let database = Database::new().await;
    people(&database).await;
    let filter = "select ${MAP} from SCHEMA_.people a join SCHEMA_.people b on a.id = b.id";
    let problem = read(&database.source(filter, map("last name", "tel."))).await.unwrap_err();
    assert!(problem.is_about_query(), "{problem}");
    assert!(problem.to_string().contains("the server does not know which one is meant"), "{problem}");
}

#[tokio::test]
async fn sql_server_a_view_is_read_like_a_table() {
    let database = Database::new().await;
    people(&database).await;
    database
        .script(
            "CREATE VIEW SCHEMA_.callers AS SELECT id, UPPER([last name]) AS name, [tel.] AS tel FROM SCHEMA_.people
             WHERE team IS NOT NULL;",
        )
        .await;
    let rows =
        read(&database.source("select ${MAP} from SCHEMA_.callers order by id", map("name", "tel"))).await;
    assert_eq!(column(&rows.unwrap(), 1), [Some("LOVELACE"), Some("HOPPER")]);
}

#[tokio::test]
async fn sql_server_a_test_says_who_answered_what_is_there_and_what_would_come() {
    let database = Database::new().await;
    people(&database).await;
    for number in 4..=9 {
        database
            .script(&format!("INSERT INTO SCHEMA_.people VALUES ({number}, N'P{number}', '1', NULL);"))
            .await;
    }
    let source =
        database.source("select ${MAP} from SCHEMA_.people order by id desc", map("last name", "tel."));
    let report = source::open(&source).unwrap().test().await.unwrap();
    let server = report.server.unwrap();
    assert!(!server.version.is_empty());
    println!("{} ({:?})", server.version, server.encryption);
    let table = report.tables.iter().find(|table| table.schema == database.schema && table.name == "people");
    let columns: Vec<_> =
        table.unwrap().columns.iter().map(|column| (&*column.name, &*column.declared_type)).collect();
    let expected =
        [("id", "int"), ("last name", "nvarchar(63)"), ("tel.", "varchar(31)"), ("team", "nvarchar(20)")];
    assert_eq!(columns, expected);
    let query = report.query.unwrap();
    assert_eq!((query.row_count, query.rows.len()), (9, 5));
    assert_eq!(query.rows[0], [Some("9".to_owned()), Some("P9".to_owned()), Some("1".to_owned())]);
    database.is_left_alone().await;

    // What is wrong is said, and the tables are there to put it right.
    let source = database.source("select ${MAP} from SCHEMA_.people", map("nome", "tel."));
    let report = source::open(&source).unwrap().test().await.unwrap();
    assert!(report.tables.iter().any(|table| table.name == "people"));
    assert!(report.query.unwrap_err().to_string().contains("has no column \"nome\""));
}
