//! `INFORMATION_SCHEMA` and the few views of `sys` that clients ask: temporary tables, filled with what the login may
//! see just before the statement that reads them.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::quoted;
use crate::engine::catalogue::{Catalogue, Column, Object, Principal, folded};
use crate::sql_type::{Family, Length, SqlType};
use crate::wire::ResultColumn;

/// A view of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemView {
    Tables,
    Columns,
    Views,
    Schemata,
    SysObjects,
    SysTables,
    SysViews,
    SysColumns,
    SysSchemas,
    SysTypes,
    SysDatabases,
}

const SYSNAME: SqlType = SqlType::NVarChar(Length::Of(128));
const ALL: [SystemView; 11] = [
    SystemView::Tables,
    SystemView::Columns,
    SystemView::Views,
    SystemView::Schemata,
    SystemView::SysObjects,
    SystemView::SysTables,
    SystemView::SysViews,
    SystemView::SysColumns,
    SystemView::SysSchemas,
    SystemView::SysTypes,
    SystemView::SysDatabases,
];

impl SystemView {
    pub(crate) fn named(schema: &str, name: &str) -> Option<Self> {
        let wanted = folded(&format!("{schema}.{name}"));
        ALL.into_iter().find(|view| folded(view.in_sqlite()) == wanted)
    }

    pub(crate) fn in_sqlite(self) -> &'static str {
        match self {
            Self::Tables => "INFORMATION_SCHEMA.TABLES",
            Self::Columns => "INFORMATION_SCHEMA.COLUMNS",
            Self::Views => "INFORMATION_SCHEMA.VIEWS",
            Self::Schemata => "INFORMATION_SCHEMA.SCHEMATA",
            Self::SysObjects => "sys.objects",
            Self::SysTables => "sys.tables",
            Self::SysViews => "sys.views",
            Self::SysColumns => "sys.columns",
            Self::SysSchemas => "sys.schemas",
            Self::SysTypes => "sys.types",
            Self::SysDatabases => "sys.databases",
        }
    }

    fn declared(self) -> &'static [(&'static str, SqlType)] {
        const OBJECT: &[(&str, SqlType)] = &[
            ("name", SYSNAME),
            ("object_id", SqlType::Int),
            ("schema_id", SqlType::Int),
            ("type", SqlType::Char(2)),
            ("type_desc", SqlType::NVarChar(Length::Of(60))),
        ];
        match self {
            Self::Tables => &[
                ("TABLE_CATALOG", SYSNAME),
                ("TABLE_SCHEMA", SYSNAME),
                ("TABLE_NAME", SYSNAME),
                ("TABLE_TYPE", SqlType::VarChar(Length::Of(10))),
            ],
            Self::Columns => &[
                ("TABLE_CATALOG", SYSNAME),
                ("TABLE_SCHEMA", SYSNAME),
                ("TABLE_NAME", SYSNAME),
                ("COLUMN_NAME", SYSNAME),
                ("ORDINAL_POSITION", SqlType::Int),
                ("COLUMN_DEFAULT", SqlType::NVarChar(Length::Of(4000))),
                ("IS_NULLABLE", SqlType::VarChar(Length::Of(3))),
                ("DATA_TYPE", SYSNAME),
                ("CHARACTER_MAXIMUM_LENGTH", SqlType::Int),
                ("CHARACTER_OCTET_LENGTH", SqlType::Int),
                ("NUMERIC_PRECISION", SqlType::TinyInt),
                ("NUMERIC_PRECISION_RADIX", SqlType::SmallInt),
                ("NUMERIC_SCALE", SqlType::Int),
                ("DATETIME_PRECISION", SqlType::SmallInt),
                ("CHARACTER_SET_NAME", SYSNAME),
                ("COLLATION_NAME", SYSNAME),
            ],
            Self::Views => &[("TABLE_CATALOG", SYSNAME), ("TABLE_SCHEMA", SYSNAME), ("TABLE_NAME", SYSNAME)],
            Self::Schemata => {
                &[("CATALOG_NAME", SYSNAME), ("SCHEMA_NAME", SYSNAME), ("SCHEMA_OWNER", SYSNAME)]
            }
            Self::SysObjects | Self::SysTables | Self::SysViews => OBJECT,
            Self::SysColumns => &[
                ("object_id", SqlType::Int),
                ("name", SYSNAME),
                ("column_id", SqlType::Int),
                ("system_type_id", SqlType::TinyInt),
                ("user_type_id", SqlType::Int),
                ("max_length", SqlType::SmallInt),
                ("precision", SqlType::TinyInt),
                ("scale", SqlType::TinyInt),
                ("collation_name", SYSNAME),
                ("is_nullable", SqlType::Bit),
                ("is_identity", SqlType::Bit),
                ("is_computed", SqlType::Bit),
            ],
            Self::SysSchemas => &[("name", SYSNAME), ("schema_id", SqlType::Int)],
            Self::SysTypes => {
                &[("name", SYSNAME), ("system_type_id", SqlType::TinyInt), ("user_type_id", SqlType::Int)]
            }
            Self::SysDatabases => &[("name", SYSNAME), ("database_id", SqlType::Int)],
        }
    }

    pub(crate) fn columns(self) -> Vec<ResultColumn> {
        self.declared()
            .iter()
            .map(|(name, sql)| ResultColumn { name: (*name).to_owned(), typed: (*sql).into() })
            .collect()
    }
}

/// Makes the temporary table of a view what the login may see now.
pub(crate) fn fill(
    connection: &Connection,
    view: SystemView,
    catalogue: &Catalogue,
    who: &Principal,
    database: &str,
    databases: &[String],
) -> rusqlite::Result<()> {
    let name = quoted(view.in_sqlite());
    let columns: Vec<String> = view
        .declared()
        .iter()
        .map(|(name, sql)| {
            format!("{} {}", quoted(name), sql.in_sqlite(&crate::collation::Collation::default()))
        })
        .collect();
    connection.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp.{name}; CREATE TEMP TABLE {name} ({});",
        columns.join(", ")
    ))?;
    let places = vec!["?"; columns.len()].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO temp.{name} VALUES ({places})"))?;
    for row in rows(view, catalogue, who, database, databases) {
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    Ok(())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(number: impl Into<Option<i64>>) -> Value {
    number.into().map_or(Value::Null, Value::Integer)
}

fn place(at: usize) -> Value {
    number(i64::try_from(at + 1).ok())
}

fn rows(
    view: SystemView,
    catalogue: &Catalogue,
    who: &Principal,
    database: &str,
    databases: &[String],
) -> Vec<Vec<Value>> {
    let objects =
        || catalogue.objects().filter(|object| catalogue.may_see(who, &object.schema, &object.name));
    let schema_id = |name: &str| {
        catalogue.schemas().position(|schema| folded(schema) == folded(name)).map_or(Value::Null, place)
    };
    let object_row = |object: &Object| {
        let (kind, description) = if object.is_view { ("V ", "VIEW") } else { ("U ", "USER_TABLE") };
        vec![text(&object.name), number(object.id), schema_id(&object.schema), text(kind), text(description)]
    };
    match view {
        SystemView::Tables => objects()
            .map(|object| {
                let kind = if object.is_view { "VIEW" } else { "BASE TABLE" };
                vec![text(database), text(&object.schema), text(&object.name), text(kind)]
            })
            .collect(),
        SystemView::Columns => objects()
            .flat_map(|object| {
                object.columns.iter().enumerate().map(|(at, column)| column_row(database, object, at, column))
            })
            .collect(),
        SystemView::Views => objects()
            .filter(|object| object.is_view)
            .map(|object| vec![text(database), text(&object.schema), text(&object.name)])
            .collect(),
        SystemView::Schemata => {
            catalogue.schemas().map(|schema| vec![text(database), text(schema), text("dbo")]).collect()
        }
        SystemView::SysObjects => objects().map(object_row).collect(),
        SystemView::SysTables => objects().filter(|object| !object.is_view).map(object_row).collect(),
        SystemView::SysViews => objects().filter(|object| object.is_view).map(object_row).collect(),
        SystemView::SysColumns => objects()
            .flat_map(|object| {
                object.columns.iter().enumerate().map(|(at, column)| sys_column(object, at, column))
            })
            .collect(),
        SystemView::SysSchemas => {
            catalogue.schemas().enumerate().map(|(at, schema)| vec![text(schema), place(at)]).collect()
        }
        SystemView::SysTypes => TYPES
            .iter()
            .map(|(name, id)| vec![text(name), number(i64::from(*id)), number(i64::from(*id))])
            .collect(),
        SystemView::SysDatabases => {
            databases.iter().enumerate().map(|(at, name)| vec![text(name), place(at)]).collect()
        }
    }
}

fn column_row(database: &str, object: &Object, at: usize, column: &Column) -> Vec<Value> {
    let sql = column.typed.sql;
    let characters: Option<i64> = match sql {
        SqlType::Text | SqlType::Image => Some(2_147_483_647),
        SqlType::NText => Some(1_073_741_823),
        SqlType::Variant => Some(0),
        SqlType::HierarchyId => Some(892),
        SqlType::Xml | SqlType::Geography | SqlType::Geometry => Some(-1),
        SqlType::VarChar(Length::Max) | SqlType::NVarChar(Length::Max) | SqlType::VarBinary(Length::Max) => {
            Some(-1)
        }
        _ => sql.longest().map(i64::from),
    };
    let octets = match characters {
        Some(count) if count > 0 && sql.is_national() && sql.longest().is_some() => Some(count * 2),
        other => other,
    };
    let (precision, radix, scale) = match sql {
        SqlType::Float => (Some(53), Some(2), None),
        SqlType::Real => (Some(24), Some(2), None),
        SqlType::Bit => (None, None, None),
        _ if matches!(sql.family(), Family::Integer | Family::Decimal) => {
            (Some(i64::from(sql.precision())), Some(10), Some(i64::from(sql.scale())))
        }
        _ => (None, None, None),
    };
    let fraction = (sql.family() == Family::Moment).then(|| i64::from(sql.scale()));
    let character_set = match sql.has_collation() {
        true if sql.is_national() => text("UNICODE"),
        true => text("iso_1"),
        false => Value::Null,
    };
    vec![
        text(database),
        text(&object.schema),
        text(&object.name),
        text(&column.name),
        place(at),
        if column.has_default { text("(default)") } else { Value::Null },
        text(if column.nullable { "YES" } else { "NO" }),
        text(sql.name()),
        number(characters),
        number(octets),
        number(precision),
        number(radix),
        number(scale),
        number(fraction),
        character_set,
        if sql.has_collation() { text(&column.typed.collation.name) } else { Value::Null },
    ]
}

fn sys_column(object: &Object, at: usize, column: &Column) -> Vec<Value> {
    let sql = column.typed.sql;
    let id = TYPES.iter().find(|(name, _)| *name == sql.name()).map_or(0, |(_, id)| i64::from(*id));
    let length = match sql.longest() {
        Some(length) if sql.is_national() => i64::from(length) * 2,
        Some(length) => i64::from(length),
        None => match sql {
            SqlType::Bit | SqlType::TinyInt => 1,
            SqlType::SmallInt => 2,
            SqlType::Int | SqlType::Real | SqlType::SmallMoney | SqlType::SmallDateTime => 4,
            SqlType::Date => 3,
            SqlType::BigInt | SqlType::Float | SqlType::Money | SqlType::DateTime | SqlType::RowVersion => 8,
            SqlType::UniqueIdentifier | SqlType::Text | SqlType::NText | SqlType::Image => 16,
            SqlType::Variant => 8016,
            SqlType::Decimal { .. } => 17,
            _ => -1,
        },
    };
    vec![
        number(object.id),
        text(&column.name),
        place(at),
        number(id),
        number(id),
        number(length),
        number(i64::from(sql.precision())),
        number(i64::from(sql.scale())),
        if sql.has_collation() { text(&column.typed.collation.name) } else { Value::Null },
        number(i64::from(column.nullable)),
        number(i64::from(column.identity)),
        number(i64::from(column.computed)),
    ]
}

/// The numbers of the types.
const TYPES: &[(&str, u8)] = &[
    ("image", 34),
    ("text", 35),
    ("uniqueidentifier", 36),
    ("date", 40),
    ("time", 41),
    ("datetime2", 42),
    ("datetimeoffset", 43),
    ("tinyint", 48),
    ("smallint", 52),
    ("int", 56),
    ("smalldatetime", 58),
    ("real", 59),
    ("money", 60),
    ("datetime", 61),
    ("float", 62),
    ("sql_variant", 98),
    ("ntext", 99),
    ("bit", 104),
    ("decimal", 106),
    ("numeric", 108),
    ("smallmoney", 122),
    ("bigint", 127),
    ("varbinary", 165),
    ("varchar", 167),
    ("binary", 173),
    ("char", 175),
    ("timestamp", 189),
    ("nvarchar", 231),
    ("nchar", 239),
    ("hierarchyid", 240),
    ("geometry", 240),
    ("geography", 240),
    ("xml", 241),
];
