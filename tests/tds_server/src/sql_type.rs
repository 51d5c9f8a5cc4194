//! The types of SQL Server: from their text, in the catalogue, and how SQLite keeps their values.

use crate::collation::Collation;

/// How long a text or binary may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Of(u16),
    Max,
}

/// A type of SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Decimal { precision: u8, scale: u8 },
    Money,
    SmallMoney,
    Float,
    Real,
    Char(u16),
    VarChar(Length),
    Text,
    NChar(u16),
    NVarChar(Length),
    NText,
    Date,
    Time(u8),
    DateTime,
    SmallDateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    Binary(u16),
    VarBinary(Length),
    Image,
    RowVersion,
    Xml,
    Variant,
    HierarchyId,
    Geography,
    Geometry,
}

/// The families that values convert between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Integer,
    Decimal,
    Float,
    Text,
    Moment,
    Guid,
    Binary,
    Variant,
}

impl SqlType {
    pub(crate) const NVARCHAR_MAX: Self = Self::NVarChar(Length::Max);

    /// The type that a text names, such as `nvarchar(100)` or `[decimal](10, 2)`.
    ///
    /// `default_length` is what a text without a length gets: 1 in a declaration, 30 in a CAST.
    pub(crate) fn parse(text: &str, default_length: u16) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (name, arguments) = match lower.split_once('(') {
            Some((name, rest)) => (name, rest.trim_end().strip_suffix(')')?),
            None => (lower.as_str(), ""),
        };
        let name = name.replace(['[', ']', '"'], "");
        let name = name.trim().strip_prefix("sys.").unwrap_or(name.trim()).to_owned();
        let arguments: Vec<&str> =
            arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty()).collect();
        let number = |at: usize| arguments.get(at).and_then(|argument| argument.parse::<u16>().ok());
        let scale = || match arguments.first() {
            None => Some(7),
            Some(_) => number(0).and_then(|scale| u8::try_from(scale).ok()).filter(|scale| *scale <= 7),
        };
        let length = |most: u16| match arguments.first() {
            None => Some(Length::Of(default_length)),
            Some(&"max") => Some(Length::Max),
            Some(_) => number(0).filter(|length| (1..=most).contains(length)).map(Length::Of),
        };
        let fixed = |most: u16| match length(most)? {
            Length::Of(length) => Some(length),
            Length::Max => None,
        };
        Some(match name.as_str() {
            "bit" => Self::Bit,
            "tinyint" => Self::TinyInt,
            "smallint" => Self::SmallInt,
            "int" | "integer" => Self::Int,
            "bigint" => Self::BigInt,
            "decimal" | "numeric" | "dec" => {
                let precision = if arguments.is_empty() { 18 } else { u8::try_from(number(0)?).ok()? };
                let scale = if arguments.len() < 2 { 0 } else { u8::try_from(number(1)?).ok()? };
                if !(1..=38).contains(&precision) || scale > precision {
                    return None;
                }
                Self::Decimal { precision, scale }
            }
            "money" => Self::Money,
            "smallmoney" => Self::SmallMoney,
            "float" | "double precision" | "double" => match number(0) {
                Some(1..=24) => Self::Real,
                _ => Self::Float,
            },
            "real" => Self::Real,
            "char" | "character" => Self::Char(fixed(8000)?),
            "varchar" | "character varying" | "char varying" => Self::VarChar(length(8000)?),
            "text" => Self::Text,
            "nchar" | "national character" => Self::NChar(fixed(4000)?),
            "nvarchar" | "national character varying" => Self::NVarChar(length(4000)?),
            "sysname" => Self::NVarChar(Length::Of(128)),
            "ntext" => Self::NText,
            "date" => Self::Date,
            "time" => Self::Time(scale()?),
            "datetime" => Self::DateTime,
            "smalldatetime" => Self::SmallDateTime,
            "datetime2" => Self::DateTime2(scale()?),
            "datetimeoffset" => Self::DateTimeOffset(scale()?),
            "uniqueidentifier" => Self::UniqueIdentifier,
            "binary" => Self::Binary(fixed(8000)?),
            "varbinary" => Self::VarBinary(length(8000)?),
            "image" => Self::Image,
            "rowversion" | "timestamp" => Self::RowVersion,
            "xml" => Self::Xml,
            "sql_variant" => Self::Variant,
            "hierarchyid" => Self::HierarchyId,
            "geography" => Self::Geography,
            "geometry" => Self::Geometry,
            _ => return None,
        })
    }

    /// `DATA_TYPE` of the catalogue.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Decimal { .. } => "decimal",
            Self::Money => "money",
            Self::SmallMoney => "smallmoney",
            Self::Float => "float",
            Self::Real => "real",
            Self::Char(_) => "char",
            Self::VarChar(_) => "varchar",
            Self::Text => "text",
            Self::NChar(_) => "nchar",
            Self::NVarChar(_) => "nvarchar",
            Self::NText => "ntext",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::DateTime => "datetime",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::Binary(_) => "binary",
            Self::VarBinary(_) => "varbinary",
            Self::Image => "image",
            Self::RowVersion => "timestamp",
            Self::Xml => "xml",
            Self::Variant => "sql_variant",
            Self::HierarchyId => "hierarchyid",
            Self::Geography => "geography",
            Self::Geometry => "geometry",
        }
    }

    /// The whole of it, as `parse` takes it.
    pub(crate) fn declaration(self) -> String {
        let name = self.name();
        match self {
            Self::Decimal { precision, scale } => format!("{name}({precision},{scale})"),
            Self::Char(length) | Self::NChar(length) | Self::Binary(length) => format!("{name}({length})"),
            Self::VarChar(length) | Self::NVarChar(length) | Self::VarBinary(length) => match length {
                Length::Of(length) => format!("{name}({length})"),
                Length::Max => format!("{name}(max)"),
            },
            Self::Time(scale) | Self::DateTime2(scale) | Self::DateTimeOffset(scale) => {
                format!("{name}({scale})")
            }
            _ => name.to_owned(),
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt => Family::Integer,
            Self::Decimal { .. } | Self::Money | Self::SmallMoney => Family::Decimal,
            Self::Float | Self::Real => Family::Float,
            Self::Char(_)
            | Self::VarChar(_)
            | Self::Text
            | Self::NChar(_)
            | Self::NVarChar(_)
            | Self::NText
            | Self::Xml => Family::Text,
            Self::Date
            | Self::Time(_)
            | Self::DateTime
            | Self::SmallDateTime
            | Self::DateTime2(_)
            | Self::DateTimeOffset(_) => Family::Moment,
            Self::UniqueIdentifier => Family::Guid,
            Self::Binary(_)
            | Self::VarBinary(_)
            | Self::Image
            | Self::RowVersion
            | Self::HierarchyId
            | Self::Geography
            | Self::Geometry => Family::Binary,
            Self::Variant => Family::Variant,
        }
    }

    /// Whether values have a collation.
    pub(crate) fn has_collation(self) -> bool {
        self.family() == Family::Text && self != Self::Xml
    }

    /// Whether text of it is UTF-16 (and not of a code page).
    pub(crate) fn is_national(self) -> bool {
        matches!(self, Self::NChar(_) | Self::NVarChar(_) | Self::NText | Self::Xml)
    }

    /// How many characters (or bytes) a value may have; `None` when there is no limit, or no length.
    pub(crate) fn longest(self) -> Option<u16> {
        match self {
            Self::Char(length) | Self::NChar(length) | Self::Binary(length) => Some(length),
            Self::VarChar(Length::Of(length))
            | Self::NVarChar(Length::Of(length))
            | Self::VarBinary(Length::Of(length)) => Some(length),
            _ => None,
        }
    }

    /// Digits after the point of a decimal, or after the second of a time.
    pub(crate) fn scale(self) -> u8 {
        match self {
            Self::Decimal { scale, .. } | Self::Time(scale) | Self::DateTime2(scale) => scale,
            Self::DateTimeOffset(scale) => scale,
            Self::Money | Self::SmallMoney => 4,
            Self::DateTime => 3,
            _ => 0,
        }
    }

    /// All digits of a number that is exact.
    pub(crate) fn precision(self) -> u8 {
        match self {
            Self::Bit => 1,
            Self::TinyInt => 3,
            Self::SmallInt => 5,
            Self::Int | Self::SmallMoney => 10,
            Self::BigInt | Self::Money => 19,
            Self::Decimal { precision, .. } => precision,
            _ => 0,
        }
    }

    /// The declaration of a column of SQLite that keeps it.
    ///
    /// What SQLite has no type for is kept as text in one form, and compared by a collation that knows the form.
    pub(crate) fn in_sqlite(self, collation: &Collation) -> String {
        match self.family() {
            Family::Integer => "INTEGER".to_owned(),
            Family::Decimal => "TEXT COLLATE TDS_DECIMAL".to_owned(),
            Family::Float => "REAL".to_owned(),
            Family::Text if self == Self::Xml => "TEXT".to_owned(),
            Family::Text => format!("TEXT COLLATE {}", collation.in_sqlite()),
            Family::Moment => "TEXT".to_owned(),
            Family::Guid => "TEXT COLLATE TDS_CI".to_owned(),
            Family::Binary => "BLOB".to_owned(),
            Family::Variant => "TEXT".to_owned(),
        }
    }

    /// The type of a value made of two: the one that ranks higher.
    pub(crate) fn common(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        match (self.family(), other.family()) {
            (Family::Text, Family::Text) => {
                let national = self.is_national() || other.is_national();
                let length = match (self.longest(), other.longest()) {
                    (Some(left), Some(right)) => Length::Of(left.max(right)),
                    _ => Length::Max,
                };
                if national { Self::NVarChar(length) } else { Self::VarChar(length) }
            }
            (Family::Decimal | Family::Integer, Family::Decimal | Family::Integer)
                if self.family() != other.family() || matches!(self, Self::Decimal { .. }) =>
            {
                if matches!(self, Self::Money) || matches!(other, Self::Money) {
                    return Self::Money;
                }
                let scale = self.scale().max(other.scale());
                let whole = (self.precision() - self.scale()).max(other.precision() - other.scale());
                Self::Decimal { precision: (whole + scale).min(38), scale }
            }
            _ if self.rank() >= other.rank() => self,
            _ => other,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Variant => 30,
            Self::HierarchyId | Self::Geography | Self::Geometry => 29,
            Self::Xml => 28,
            Self::DateTimeOffset(_) => 27,
            Self::DateTime2(_) => 26,
            Self::DateTime => 25,
            Self::SmallDateTime => 24,
            Self::Date => 23,
            Self::Time(_) => 22,
            Self::Float => 21,
            Self::Real => 20,
            Self::Decimal { .. } => 19,
            Self::Money => 18,
            Self::SmallMoney => 17,
            Self::BigInt => 16,
            Self::Int => 15,
            Self::SmallInt => 14,
            Self::TinyInt => 13,
            Self::Bit => 12,
            Self::NText => 11,
            Self::Text => 10,
            Self::Image => 9,
            Self::RowVersion => 8,
            Self::UniqueIdentifier => 7,
            Self::NVarChar(_) => 6,
            Self::NChar(_) => 5,
            Self::VarChar(_) => 4,
            Self::Char(_) => 3,
            Self::VarBinary(_) => 2,
            Self::Binary(_) => 1,
        }
    }
}

/// A type, and how its text compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) sql: SqlType,
    pub(crate) collation: Collation,
}

impl From<SqlType> for Typed {
    fn from(sql: SqlType) -> Self {
        Self { sql, collation: Collation::default() }
    }
}
