//! Every type that can be mapped arrives as the text that a person would expect.

use crate::database::{Arrived, Database, map, read};

/// What arrives of values, written in T-SQL, in a column of this type. `None` when a server that is not ours
/// does not know the type.
async fn arrived(database: &Database, column_type: &str, values: &[&str]) -> Option<Vec<Arrived>> {
    let made = database
        .try_script(&format!("CREATE TABLE SCHEMA_.typed (id int NOT NULL PRIMARY KEY, v {column_type});"))
        .await;
    if let Err(error) = made {
        assert!(!database.is_ours(), "{column_type}: {error}");
        println!("this server has no {column_type}: {error}");
        return None;
    }
    for (id, value) in values.iter().enumerate() {
        database.script(&format!("INSERT INTO SCHEMA_.typed (id, v) VALUES ({id}, {value});")).await;
    }
    let source = database.source("select ${MAP} from SCHEMA_.typed order by id", map("v", "id"));
    let rows = match read(&source).await {
        Ok(rows) => rows,
        Err(error)
            if !database.is_ours() && error.to_string().to_uppercase().contains("SQL_VARIANT_PROPERTY") =>
        {
            println!("this server does not say what is in a {column_type}: {error}");
            database.script("DROP TABLE SCHEMA_.typed;").await;
            return None;
        }
        Err(error) => panic!("{column_type}: {error}"),
    };
    database.script("DROP TABLE SCHEMA_.typed;").await;
    Some(rows)
}

/// Asserts that each value arrives as the text beside it.
async fn expect(database: &Database, column_type: &str, values: &[(&str, &str)]) {
    let written: Vec<_> = values.iter().map(|(written, _)| *written).chain(["NULL"]).collect();
    let Some(rows) = arrived(database, column_type, &written).await else { return };
    let found = crate::database::column(&rows, 1);
    let expected: Vec<_> = values.iter().map(|(_, text)| Some(*text)).chain([None]).collect();
    assert_eq!(found, expected, "{column_type}");
}

#[tokio::test]
async fn sql_server_whole_numbers_arrive_as_their_digits() {
    let database = Database::new().await;
    expect(&database, "tinyint", &[("0", "0"), ("255", "255")]).await;
    expect(&database, "smallint", &[("-32768", "-32768")]).await;
    expect(&database, "int", &[("2147483647", "2147483647")]).await;
    expect(&database, "bigint", &[("4930123456789", "4930123456789"), ("-1", "-1")]).await;
}

#[tokio::test]
async fn sql_server_decimals_arrive_without_trailing_noise() {
    let database = Database::new().await;
    expect(&database, "decimal(15,0)", &[("493012345678901", "493012345678901")]).await;
    expect(
        &database,
        "decimal(18,4)",
        &[("4930123456", "4930123456"), ("12.5", "12.5"), ("-0.0100", "-0.01"), ("100", "100")],
    )
    .await;
    expect(&database, "numeric(9,2)", &[("1234567.89", "1234567.89")]).await;
}

#[tokio::test]
async fn sql_server_a_phone_number_in_a_float_arrives_as_its_digits() {
    let database = Database::new().await;
    expect(&database, "float", &[("49301234567", "49301234567"), ("0.5", "0.5"), ("-2", "-2")]).await;
    expect(&database, "real", &[("0.25", "0.25"), ("123456", "123456")]).await;
}

#[tokio::test]
async fn sql_server_money_keeps_its_four_digits() {
    let database = Database::new().await;
    expect(&database, "money", &[("1234.5678", "1234.5678"), ("4930123456", "4930123456"), ("-0.5", "-0.5")])
        .await;
    expect(&database, "smallmoney", &[("99.9999", "99.9999")]).await;
}

#[tokio::test]
async fn sql_server_bits_arrive_as_1_and_0() {
    expect(&Database::new().await, "bit", &[("1", "1"), ("0", "0")]).await;
}

#[tokio::test]
async fn sql_server_dates_and_times_arrive_as_iso_8601() {
    let database = Database::new().await;
    expect(&database, "date", &[("'2026-02-01'", "2026-02-01")]).await;
    expect(&database, "time(7)", &[("'12:30:05.1230000'", "12:30:05.123"), ("'00:00:00'", "00:00:00")]).await;
    expect(&database, "datetime", &[("'2026-02-01T12:30:05'", "2026-02-01T12:30:05")]).await;
    expect(&database, "smalldatetime", &[("'2026-02-01T12:30:00'", "2026-02-01T12:30:00")]).await;
    expect(&database, "datetime2(7)", &[("'2026-02-01T12:30:05.1234567'", "2026-02-01T12:30:05.1234567")])
        .await;
    expect(
        &database,
        "datetimeoffset(3)",
        &[("'2026-02-01T12:30:05.120+02:00'", "2026-02-01T12:30:05.12+02:00")],
    )
    .await;
}

#[tokio::test]
async fn sql_server_uniqueidentifiers_arrive_in_their_usual_form() {
    let id = "6F9619FF-8B86-D011-B42D-00C04FC964FF";
    expect(&Database::new().await, "uniqueidentifier", &[(&format!("'{id}'"), id)]).await;
}

#[tokio::test]
async fn sql_server_text_of_every_kind_arrives_whole() {
    let database = Database::new().await;
    let texts = [("N'Müller'", "Müller"), ("N'a''b'", "a'b"), ("N''", ""), ("N' x '", " x ")];
    for column_type in ["varchar(63)", "nvarchar(63)", "varchar(max)", "nvarchar(max)", "varchar(8000)"] {
        expect(&database, column_type, &texts).await;
    }
    for column_type in ["nvarchar(63)", "nvarchar(max)", "ntext"] {
        expect(&database, column_type, &[("N'Ωмега 測試 🙂 עברית'", "Ωмега 測試 🙂 עברית")]).await;
    }
    expect(&database, "text", &[("'plain'", "plain")]).await;
}

#[tokio::test]
async fn sql_server_fixed_length_text_arrives_without_its_filling() {
    let database = Database::new().await;
    expect(&database, "char(10)", &[("'abc'", "abc"), ("'+49 30 123'", "+49 30 123")]).await;
    expect(&database, "nchar(10)", &[("N'Größe'", "Größe")]).await;
}

#[tokio::test]
async fn sql_server_text_of_other_collations_arrives_as_unicode() {
    let database = Database::new().await;
    for (collation, written, text) in [
        ("Latin1_General_CI_AS", "N'Zoë'", "Zoë"),
        ("SQL_Latin1_General_CP437_CI_AS", "N'Çelik'", "Çelik"),
        ("SQL_Latin1_General_CP850_CI_AS", "N'Müller'", "Müller"),
        ("Cyrillic_General_CI_AS", "N'Иван'", "Иван"),
        ("Greek_CI_AS", "N'Ωμέγα'", "Ωμέγα"),
        ("Japanese_CI_AS", "N'山田'", "山田"),
        ("Latin1_General_100_CI_AS_SC_UTF8", "N'Иван 山田 🙂'", "Иван 山田 🙂"),
    ] {
        expect(&database, &format!("varchar(63) COLLATE {collation}"), &[(written, text)]).await;
    }
}

#[tokio::test]
async fn sql_server_long_text_is_never_cut() {
    let database = Database::new().await;
    let value = "REPLICATE(CAST(N'x' AS nvarchar(max)), 65536)";
    let too_long = "REPLICATE(CAST(N'x' AS nvarchar(max)), 100000)";
    let Some(rows) = arrived(&database, "nvarchar(max)", &[value, too_long]).await else { return };
    assert_eq!(rows[0].values[1].as_deref(), Some("x".repeat(65_536).as_str()));
    assert_eq!(rows[0].problem, None);
    let problem = rows[1].problem.as_ref().unwrap();
    assert_eq!(problem.column.as_deref(), Some("v"));
    assert!(problem.reason.contains("more than 65536 bytes"), "{}", problem.reason);
    assert_eq!((rows[1].values[0].as_deref(), &rows[1].values[1]), (Some("1"), &None), "the key is known");
}

#[tokio::test]
async fn sql_server_xml_arrives_as_its_text() {
    expect(&Database::new().await, "xml", &[("N'<a b=\"1\">ü</a>'", "<a b=\"1\">ü</a>")]).await;
}

#[tokio::test]
async fn sql_server_variants_arrive_like_the_types_that_they_hold() {
    let database = Database::new().await;
    expect(
        &database,
        "sql_variant",
        &[
            ("CAST(N'+49 30 1' AS nvarchar(20))", "+49 30 1"),
            ("CAST('a:b' AS varchar(20))", "a:b"),
            ("CAST(42 AS int)", "42"),
            ("CAST(49301234567 AS float)", "49301234567"),
            ("CAST(12.50 AS decimal(9,4))", "12.5"),
            ("CAST(1.2345 AS money)", "1.2345"),
            ("CAST('2026-02-01' AS date)", "2026-02-01"),
            ("CAST('2026-02-01T12:30:05' AS datetime)", "2026-02-01T12:30:05"),
            ("CAST(1 AS bit)", "1"),
        ],
    )
    .await;
    let Some(rows) = arrived(&database, "sql_variant", &["CAST(0x4142 AS varbinary(2))"]).await else {
        return;
    };
    let problem = rows[0].problem.as_ref().unwrap();
    assert!(problem.reason.contains("type varbinary, of which there is no text"), "{}", problem.reason);
}

#[tokio::test]
async fn sql_server_computed_columns_arrive_like_others() {
    let database = Database::new().await;
    database
        .script(
            "CREATE TABLE SCHEMA_.people (id int NOT NULL PRIMARY KEY, first nvarchar(30), last nvarchar(30),
                                          whole AS (first + N' ' + last));
             INSERT INTO SCHEMA_.people (id, first, last) VALUES (1, N'Ada', N'Lovelace');",
        )
        .await;
    let source = database.source("select ${MAP} from SCHEMA_.people", map("whole", "id"));
    let rows = read(&source).await.unwrap();
    assert_eq!(crate::database::column(&rows, 1), [Some("Ada Lovelace")]);
}

#[tokio::test]
async fn sql_server_what_is_no_text_is_refused_with_the_reason() {
    let database = Database::new().await;
    for (column_type, reason) in [
        ("varbinary(10)", "holds bytes"),
        ("binary(4)", "holds bytes"),
        ("image", "holds bytes"),
        ("rowversion", "the version of its row"),
        ("geography", "holds a shape"),
        ("geometry", "holds a shape"),
        ("hierarchyid", "a place in a tree"),
    ] {
        let table = format!("CREATE TABLE SCHEMA_.typed (id int NOT NULL PRIMARY KEY, v {column_type});");
        if let Err(error) = database.try_script(&table).await {
            println!("this server has no {column_type}: {error}");
            continue;
        }
        let source = database.source("select ${MAP} from SCHEMA_.typed", map("v", "id"));
        for problem in [
            read(&source).await.unwrap_err(),
            ringroute::source::open(&source).unwrap().check().await.unwrap_err(),
        ] {
            assert!(problem.is_about_query(), "{problem}");
            let problem = problem.to_string();
            assert!(problem.starts_with("field_map.last_name: ") && problem.contains(reason), "{problem}");
        }
        database.script("DROP TABLE SCHEMA_.typed;").await;
    }
}
