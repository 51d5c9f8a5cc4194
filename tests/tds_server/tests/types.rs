//! Every type: declared, stored, as it is on the wire, as text, and in the catalogue.

mod support;

use support::{connect, error_of, rows, texts};
use tds_test_server::Server;
use tiberius::{ColumnData, FromSql as _};

/// Type, what is inserted, and what CAST to nvarchar(max) makes of it.
const CASES: &[(&str, &str, &str)] = &[
    ("bit", "1", "1"),
    ("tinyint", "255", "255"),
    ("smallint", "-32768", "-32768"),
    ("int", "2147483647", "2147483647"),
    ("bigint", "-9223372036854775807", "-9223372036854775807"),
    ("decimal(38, 10)", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
    ("numeric(5, 2)", "-3.145", "-3.15"),
    ("decimal(9, 0)", "12", "12"),
    ("money", "922337203685477.5807", "922337203685477.58"),
    ("smallmoney", "-1.5", "-1.50"),
    ("float", "1234567.8", "1.23457e+006"),
    ("float", "0.1", "0.1"),
    ("real", "1.5", "1.5"),
    ("char(5)", "'ab'", "ab   "),
    ("varchar(20)", "'Müller'", "Müller"),
    ("varchar(20)", "N'日本'", "??"),
    ("varchar(20) COLLATE Polish_CI_AS", "N'Łódź'", "Łódź"),
    ("varchar(20) COLLATE SQL_Latin1_General_CP850_CI_AS", "N'Größe'", "Größe"),
    ("varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8", "N'日本'", "日本"),
    ("varchar(max)", "'long'", "long"),
    ("text", "'old'", "old"),
    ("nchar(4)", "N'ż'", "ż   "),
    ("nvarchar(50)", "N'Łukasz 😀'", "Łukasz 😀"),
    ("nvarchar(max)", "N''", ""),
    ("ntext", "N'ółd'", "ółd"),
    ("date", "'2024-02-29'", "2024-02-29"),
    ("time(3)", "'13:45:06.7894'", "13:45:06.789"),
    ("time", "'23:59:59.9999999'", "23:59:59.9999999"),
    ("datetime", "'2024-02-29 13:45:06.789'", "Feb 29 2024  1:45PM"),
    ("smalldatetime", "'2024-01-01 09:29:31'", "Jan  1 2024  9:30AM"),
    ("datetime2", "'0001-01-01 00:00:00.1234567'", "0001-01-01 00:00:00.1234567"),
    ("datetime2(0)", "'2024-02-29T13:45:06.5'", "2024-02-29 13:45:07"),
    ("datetimeoffset(2)", "'2024-02-29 00:30:00.5 +05:30'", "2024-02-29 00:30:00.50 +05:30"),
    ("uniqueidentifier", "'6f9619ff-8b86-d011-b42d-00c04fc964ff'", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    ("xml", "N'<a>1</a>'", "<a>1</a>"),
    ("sql_variant", "N'any'", "any"),
    ("sql_variant", "42", "42"),
];

#[tokio::test]
async fn every_type_keeps_its_values_and_has_its_text() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    for (at, (declaration, value, text)) in CASES.iter().enumerate() {
        let table = format!("[dbo].[case {at}]");
        let create = format!("CREATE TABLE {table} ([v] {declaration} NULL)");
        assert_eq!(error_of(&mut client, &create).await, 0, "{create}");
        let insert = format!("INSERT INTO {table} ([v]) VALUES ({value}), (NULL)");
        assert_eq!(error_of(&mut client, &insert).await, 0, "{insert}");
        let found =
            texts(&mut client, &format!("SELECT CAST([v] AS nvarchar(max)) AS [v] FROM {table}")).await;
        assert_eq!(found, [Some((*text).to_owned()), None], "{declaration} {value}");
        // Of the code pages of MS-DOS the driver knows nothing.
        let bare = rows(&mut client, &format!("SELECT [v] FROM {table}")).await;
        assert!(bare.is_ok_and(|rows| rows.len() == 2) != declaration.contains("CP850"), "{declaration}");
    }
}

#[tokio::test]
async fn plain_columns_have_their_own_types_on_the_wire() {
    let server = Server::start().unwrap();
    server
        .run(
            "ringroute",
            "CREATE TABLE t (
                a bit, b tinyint, c smallint, d int, e bigint, f decimal(10, 3), g money, h float, i real,
                j varchar(10), k nvarchar(10), l nvarchar(max), m date, n time(7), o datetime, p datetime2(7),
                q datetimeoffset(7), r uniqueidentifier, s varbinary(10), t xml, u text, v ntext, w image,
                x smalldatetime, y sql_variant, z varchar(max), z1 binary(3), z2 rowversion, z3 smallmoney)
             GO
             INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, z1, z3)
             VALUES (1, 2, 3, 4, 5, 6.5, 7.25, 8.5, 9.5, 'ä', N'ł', N'long', '2024-02-29', '01:02:03.0000001',
                '2024-02-29 01:02:03.003', '2024-02-29 01:02:03.0000001', '2024-02-29 00:30:00 +01:00',
                '6f9619ff-8b86-d011-b42d-00c04fc964ff', 0x0102, '<a/>', 'text', N'ntext', 0x0304,
                '2024-02-29 01:02', CAST(1.50 AS decimal(5, 2)), 'max', 0x05, -0.0001)",
        )
        .unwrap();
    let mut client = connect(&server).await;
    let row = rows(&mut client, "SELECT * FROM t").await.unwrap().remove(0);
    let shown: Vec<String> = row
        .cells()
        .map(|(column, data)| {
            let value = match data {
                ColumnData::String(Some(text)) => format!("text {text}"),
                ColumnData::Numeric(Some(number)) => format!("numeric {number}"),
                ColumnData::Xml(Some(xml)) => format!("xml {xml}"),
                ColumnData::Binary(Some(bytes)) => format!("bytes {bytes:?}"),
                ColumnData::Guid(Some(id)) => format!("guid {id}"),
                ColumnData::DateTimeOffset(Some(moment)) => {
                    let moment = *moment;
                    format!(
                        "datetimeoffset {} {} {}",
                        moment.datetime2().date().days(),
                        moment.datetime2().time().increments(),
                        moment.offset()
                    )
                }
                ColumnData::DateTime2(Some(moment)) => {
                    format!("datetime2 {} {}", moment.date().days(), moment.time().increments())
                }
                other => format!("{other:?}"),
            };
            format!("{}: {value}", column.name())
        })
        .collect();
    // 2024-02-29 is day 738944 after 0001-01-01, and 45349 after 1900-01-01.
    let expected = [
        "a: Bit(Some(true))",
        "b: U8(Some(2))",
        "c: I16(Some(3))",
        "d: I32(Some(4))",
        "e: I64(Some(5))",
        "f: numeric 6.500",
        "g: F64(Some(7.25))",
        "h: F64(Some(8.5))",
        "i: F32(Some(9.5))",
        "j: text ä",
        "k: text ł",
        "l: text long",
        "m: Date(Some(Date(738944)))",
        "n: Time(Some(Time { increments: 37230000001, scale: 7 }))",
        "o: DateTime(Some(DateTime { days: 45349, seconds_fragments: 1116901 }))",
        "p: datetime2 738944 37230000001",
        "q: datetimeoffset 738943 846000000000 60",
        "r: guid 6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "s: bytes [1, 2]",
        "t: xml <a/>",
        "u: text text",
        "v: text ntext",
        "w: bytes [3, 4]",
        "x: SmallDateTime(Some(SmallDateTime { days: 45349, seconds_fragments: 62 }))",
        "y: numeric 1.50",
        "z: text max",
        "z1: bytes [5, 0, 0]",
    ];
    assert_eq!(&shown[..expected.len()], &expected[..]);
    assert!(shown[27].starts_with("z2: bytes ["), "{}", shown[27]);
    assert_eq!(shown[28], "z3: F64(Some(-0.0001))");
}

#[tokio::test]
async fn spatial_types_are_in_the_catalogue_and_null() {
    let server = Server::start().unwrap();
    server
        .run(
            "ringroute",
            "CREATE TABLE t (id int, a geography, b geometry, c hierarchyid, d image); INSERT INTO t (id) VALUES (1)",
        )
        .unwrap();
    let mut client = connect(&server).await;
    let sql =
        "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = N't' ORDER BY ORDINAL_POSITION";
    let types: Vec<String> = texts(&mut client, sql).await.into_iter().flatten().collect();
    assert_eq!(types, ["int", "geography", "geometry", "hierarchyid", "image"]);
    assert_eq!(rows(&mut client, "SELECT * FROM t").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_cast_decides_the_type_of_its_result() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    let row = rows(
        &mut client,
        "SELECT CAST(N'12' AS int), CAST(12 AS bigint), CAST('1.25' AS decimal(10, 2)), CAST(1 AS nvarchar(10)), \
         COUNT(*), COUNT_BIG(*), N'a' + N'b', CASE WHEN 1 = 1 THEN 1 ELSE CAST(2 AS bigint) END, NULL",
    )
    .await
    .unwrap()
    .remove(0);
    assert_eq!(row.get::<i32, _>(0), Some(12));
    assert_eq!(row.get::<i64, _>(1), Some(12));
    assert_eq!(row.get::<tiberius::numeric::Numeric, _>(2).unwrap().to_string(), "1.25");
    assert_eq!(row.get::<&str, _>(3), Some("1"));
    assert_eq!(row.get::<i32, _>(4), Some(1));
    assert_eq!(row.get::<i64, _>(5), Some(1));
    assert_eq!(row.get::<&str, _>(6), Some("ab"));
    assert_eq!(row.get::<i64, _>(7), Some(1));
    assert_eq!(i32::from_sql(row.cells().last().unwrap().1).unwrap(), None);
}

#[tokio::test]
async fn styles_of_convert() {
    let server = Server::start().unwrap();
    let mut client = connect(&server).await;
    for (expression, text) in [
        ("CONVERT(nvarchar(40), CAST('2024-02-29 13:45:06.789' AS datetime), 120)", "2024-02-29 13:45:06"),
        (
            "CONVERT(nvarchar(40), CAST('2024-02-29 13:45:06.789' AS datetime), 121)",
            "2024-02-29 13:45:06.790",
        ),
        (
            "CONVERT(nvarchar(40), CAST('2024-02-29 13:45:06.789' AS datetime), 126)",
            "2024-02-29T13:45:06.790",
        ),
        ("CONVERT(nvarchar(40), CAST('2024-02-29 13:45:06' AS datetime), 126)", "2024-02-29T13:45:06"),
        (
            "CONVERT(nvarchar(40), CAST('2024-02-29 13:45:06.7' AS datetime2(3)), 126)",
            "2024-02-29T13:45:06.700",
        ),
        (
            "CONVERT(nvarchar(40), CAST('2024-02-29 00:30 +01:00' AS datetimeoffset(0)), 126)",
            "2024-02-29T00:30:00+01:00",
        ),
        (
            "CONVERT(nvarchar(40), CAST('2024-02-29 00:30 +01:00' AS datetimeoffset(0)), 127)",
            "2024-02-28T23:30:00Z",
        ),
        ("CONVERT(nvarchar(40), CAST('2024-02-29' AS date), 112)", "20240229"),
        ("CONVERT(nvarchar(40), CAST('2024-02-29' AS date), 126)", "2024-02-29"),
        ("CONVERT(nvarchar(40), CAST('13:45:06' AS time(0)), 108)", "13:45:06"),
        ("CONVERT(nvarchar(40), CAST(1234567.5 AS money), 1)", "1,234,567.50"),
        ("CONVERT(nvarchar(40), CAST(1234567.5 AS money), 2)", "1234567.5000"),
        ("CONVERT(nvarchar(40), CAST(0.1 AS float), 2)", "1.000000000000000e-001"),
        ("CONVERT(nvarchar(40), CAST(0.1 AS float), 3)", "1.0000000000000001e-001"),
        ("CONVERT(nvarchar(40), 0x0aff, 1)", "0x0AFF"),
        ("CONVERT(nvarchar(40), 0x0aff, 2)", "0AFF"),
    ] {
        assert_eq!(
            texts(&mut client, &format!("SELECT {expression} AS v")).await,
            [Some(text.to_owned())],
            "{expression}"
        );
    }
}

#[tokio::test]
async fn values_that_do_not_fit_are_errors() {
    let server = Server::start().unwrap();
    server
        .run("ringroute", "CREATE TABLE t (i int, s nvarchar(3), n int NOT NULL, d date, k int UNIQUE)")
        .unwrap();
    let mut client = connect(&server).await;
    for (sql, number) in [
        ("SELECT CAST(N'x' AS int)", 245),
        ("SELECT CAST(N'x' AS float)", 8114),
        ("SELECT CAST(N'x' AS date)", 241),
        ("SELECT CAST(N'x' AS uniqueidentifier)", 8169),
        ("SELECT CAST(300 AS tinyint)", 8115),
        ("SELECT 2147483647 + 1", 8115),
        ("SELECT 1 / 0", 8134),
        ("INSERT INTO t (s, n) VALUES (N'four', 1)", 2628),
        ("INSERT INTO t (n) VALUES (NULL)", 515),
        ("INSERT INTO t (n, d) VALUES (1, N'2023-02-29')", 241),
        ("INSERT INTO t (n, k) VALUES (1, 7), (2, 7)", 2627),
        ("INSERT INTO t (n, wrong) VALUES (1, 7)", 207),
        ("INSERT INTO t VALUES (1)", 109),
    ] {
        assert_eq!(error_of(&mut client, sql).await, number, "{sql}");
    }
    assert_eq!(texts(&mut client, "SELECT CAST(TRY_CONVERT(int, N'x') AS nvarchar(10)) AS v").await, [None]);
    assert_eq!(texts(&mut client, "SELECT CAST(TRY_CAST(N'x' AS int) AS nvarchar(10)) AS v").await, [None]);
}

#[tokio::test]
async fn what_is_equal_in_sql_server_is_equal_here() {
    let server = Server::start().unwrap();
    server
        .run(
            "ringroute",
            "CREATE TABLE t (id int, m money, d date, g uniqueidentifier, b bit, s varchar(10), cs varchar(10) COLLATE Latin1_General_CS_AS)
             GO
             INSERT INTO t VALUES (1, 10.5, '2024-02-29', '6f9619ff-8b86-d011-b42d-00c04fc964ff', 1, 'Straße', 'Abc'),
                                  (2, 9.5, '2023-01-01', NULL, 0, 'b  ', 'abc')",
        )
        .unwrap();
    let mut client = connect(&server).await;
    for (condition, ids) in [
        ("m > 9.75", "1"),
        ("m = '10.5'", "1"),
        ("m BETWEEN 9 AND 10", "2"),
        ("d = '20240229'", "1"),
        ("d < CAST('2024-01-01 12:00' AS datetime2)", "2"),
        ("g = N'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "1"),
        ("b = 'true'", "1"),
        ("s = 'STRASSE'", ""),
        ("s = N'straße'", "1"),
        ("s = 'b'", "2"),
        ("LTRIM(RTRIM(s)) = N'B'", "2"),
        ("cs = 'abc'", "2"),
        ("cs COLLATE Latin1_General_CI_AS = 'ABC'", "1,2"),
        ("s LIKE 'STR%'", "1"),
        ("s LIKE '[a-c]%'", "2"),
        ("id IN (1, '2')", "1,2"),
        ("id = 1 AND NOT (id = 2 OR id = 3)", "1"),
        ("id IN (SELECT id FROM t WHERE b = 0)", "2"),
        ("EXISTS (SELECT 1 FROM t AS o WHERE o.id = t.id + 1)", "1"),
        ("m > CAST(9 AS decimal(10, 2)) + 1", "1"),
    ] {
        let found = texts(
            &mut client,
            &format!("SELECT CAST(id AS nvarchar(10)) AS id FROM t WHERE {condition} ORDER BY 1"),
        )
        .await;
        let found: Vec<String> = found.into_iter().flatten().collect();
        assert_eq!(found.join(","), ids, "{condition}");
    }
    let sorted = texts(&mut client, "SELECT CAST(id AS nvarchar(10)) AS x FROM t ORDER BY m").await;
    assert_eq!(sorted, [Some("2".to_owned()), Some("1".to_owned())], "9.5 comes before 10.5");
}
