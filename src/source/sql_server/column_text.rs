//! A column -> the SQL expression that makes text of it, and the finishing touch afterwards.
//!
//! Every mapped column arrives as `nvarchar`, whatever its type, code page or collation: the server converts,
//! and the driver decodes UTF-16 only. The expressions are plain CAST and CONVERT, as SQL Server 2012 knows
//! them. What they cannot say (a number without its trailing zeros, a phone number in a `float` without an
//! exponent) is done here, on the text.

use std::fmt::Write as _;

use super::catalogue::Column;
use crate::source::rows::MAX_VALUE_BYTES;

/// How the text of a column is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// It is what it is.
    None,
    /// Zeros at the end of a fraction are left out: of a number, or of a second.
    Fraction,
    /// A `float` with 16 digits and an exponent: written out, as short as its value allows.
    Float,
    /// The same of a `real`, with 8 digits.
    Real,
    /// The text is behind the name of its own type and a colon.
    Variant,
}

/// How a column is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnText {
    /// The expression in the SELECT.
    pub(super) expression: String,
    /// What is to be done with what it gives.
    pub(super) finish: Finish,
}

/// One character more than is read of any value, so that a longer one is noticed and never cut.
const BEYOND_LIMIT: usize = MAX_VALUE_BYTES + 1;

/// The longest `nvarchar` that is not `nvarchar(max)`, in characters.
const MAX_NVARCHAR: u64 = 4000;

/// The types that a `sql_variant` can hold and that are text to somebody.
const IN_VARIANTS: [&str; 19] = [
    "bit",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "decimal",
    "numeric",
    "money",
    "smallmoney",
    "float",
    "real",
    "date",
    "time",
    "datetime",
    "smalldatetime",
    "datetime2",
    "datetimeoffset",
    "uniqueidentifier",
    "nvarchar",
];

impl ColumnText {
    /// How `column` is read; an error says why it cannot be.
    pub(super) fn of(column: &Column, quoted: &str) -> Result<Self, String> {
        let data_type = column.data_type.to_ascii_lowercase();
        if data_type == "sql_variant" {
            return Ok(ColumnText { expression: variant(quoted), finish: Finish::Variant });
        }
        let Some((expression, finish)) = text_of(&data_type, column.length, quoted) else {
            let problem = match data_type.as_str() {
                "binary" | "varbinary" | "image" => "holds bytes, not text",
                "timestamp" | "rowversion" => "holds the version of its row, not text",
                "geometry" | "geography" => "holds a shape, not text",
                "hierarchyid" => "holds a place in a tree, not text",
                _ => "holds values of which there is no text",
            };
            return Err(format!(
                "the column {:?} is of the type {}, which {problem}; map another column, or read a view that makes \
                 text of it",
                column.name,
                column.declared_type()
            ));
        };
        Ok(ColumnText { expression, finish })
    }
}

/// `value`, of this type, as text; `None` when no text can be made of it.
fn text_of(data_type: &str, length: Option<u64>, value: &str) -> Option<(String, Finish)> {
    let cast = |to: u64| format!("CAST({value} AS nvarchar({to}))");
    let short = length.filter(|length| (1..=MAX_NVARCHAR).contains(length));
    Some(match (data_type, short) {
        // Filled up with blanks, which are nobody's.
        ("char" | "nchar", Some(length)) => (format!("RTRIM({})", cast(length)), Finish::None),
        ("varchar" | "nvarchar", Some(length)) => (cast(length), Finish::None),
        ("char" | "nchar" | "varchar" | "nvarchar" | "text" | "ntext" | "xml" | "json", _) => {
            let text = format!("CAST({value} AS nvarchar(max))");
            (format!("SUBSTRING({text}, 1, {BEYOND_LIMIT})"), Finish::None)
        }
        ("sysname", _) => (cast(128), Finish::None),
        // 0 or 1, as the server writes it.
        ("bit", _) => (cast(1), Finish::None),
        ("tinyint" | "smallint" | "int" | "bigint", _) => (cast(20), Finish::None),
        ("decimal" | "numeric", _) => (cast(41), Finish::Fraction),
        // Made text directly, money has two of its four digits.
        ("money" | "smallmoney", _) => {
            (format!("CAST(CAST({value} AS decimal(19, 4)) AS nvarchar(30))"), Finish::Fraction)
        }
        // Made text by CAST, a float has six digits.
        ("float", _) => (format!("CONVERT(nvarchar(40), {value}, 2)"), Finish::Float),
        ("real", _) => (format!("CONVERT(nvarchar(40), {value}, 1)"), Finish::Real),
        // ISO 8601, whatever the language of the login.
        ("date", _) => (format!("CONVERT(nvarchar(10), {value}, 23)"), Finish::None),
        ("time", _) => (cast(16), Finish::Fraction),
        ("datetime" | "smalldatetime" | "datetime2" | "datetimeoffset", _) => {
            (format!("CONVERT(nvarchar(40), {value}, 126)"), Finish::Fraction)
        }
        ("uniqueidentifier", _) => (cast(36), Finish::None),
        _ => return None,
    })
}

/// A `sql_variant`: the name of the type that it holds, a colon, and the text of that.
fn variant(value: &str) -> String {
    let base = format!("CAST(SQL_VARIANT_PROPERTY({value}, 'BaseType') AS nvarchar(128))");
    let mut expression = format!("{base} + N':' + CASE {base}");
    for data_type in IN_VARIANTS {
        let (declared, length) = match data_type {
            "decimal" | "numeric" => ("sql_variant", None),
            "nvarchar" => ("nvarchar(4000)", Some(MAX_NVARCHAR)),
            other => (other, None),
        };
        // A decimal stays what it is: no one precision and scale holds all of them.
        let held =
            if declared == "sql_variant" { value.to_owned() } else { format!("CAST({value} AS {declared})") };
        if let Some((text, _)) = text_of(data_type, length, &held) {
            // Writing to a String cannot fail.
            let _ = write!(expression, " WHEN N'{data_type}' THEN {text}");
        }
    }
    for data_type in ["char", "nchar", "varchar"] {
        let _ = write!(expression, " WHEN N'{data_type}' THEN CAST({value} AS nvarchar(max))");
    }
    expression.push_str(" ELSE N'' END");
    expression
}

impl Finish {
    /// The text that a person would expect. `room` is where a new one is written.
    pub(super) fn apply<'a>(self, text: &'a str, room: &'a mut String) -> Result<&'a str, String> {
        let written = match self {
            Finish::None => return Ok(text),
            Finish::Fraction => return Ok(without_trailing_zeros(text, room)),
            Finish::Float => text.trim().parse::<f64>().map(|value| write!(room, "{value}")),
            Finish::Real => text.trim().parse::<f32>().map(|value| write!(room, "{value}")),
            Finish::Variant => return of_variant(text, room),
        };
        match written {
            Ok(_) => Ok(room),
            Err(_) => Err(format!("{text:?} is not a number as SQL Server writes it")),
        }
    }
}

fn of_variant<'a>(text: &'a str, room: &'a mut String) -> Result<&'a str, String> {
    let Some((data_type, text)) = text.split_once(':') else {
        return Err(format!("{text:?} does not say what type it is"));
    };
    let is_text = ["char", "nchar", "varchar"].contains(&data_type);
    match text_of(data_type, None, "") {
        _ if is_text => Ok(text.trim_end()),
        Some((_, finish)) => finish.apply(text, room),
        None => Err(format!("the value is of the type {data_type}, of which there is no text")),
    }
}

/// Leaves out the zeros at the end of the fraction, and the point when nothing is left behind it.
fn without_trailing_zeros<'a>(text: &'a str, room: &'a mut String) -> &'a str {
    let Some(point) = text.find('.') else { return text };
    let (fraction, rest) = text[point + 1..]
        .split_at(text[point + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - point - 1));
    let kept = fraction.trim_end_matches('0');
    let end = if kept.is_empty() { point } else { point + 1 + kept.len() };
    if rest.is_empty() {
        return &text[..end];
    }
    room.push_str(&text[..end]);
    room.push_str(rest);
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: &str, length: Option<u64>) -> Column {
        Column {
            name: "c".into(),
            data_type: data_type.into(),
            length,
            is_max: length.is_none(),
            precision: None,
            scale: None,
            fraction: None,
        }
    }

    fn expression(data_type: &str, length: Option<u64>) -> String {
        ColumnText::of(&column(data_type, length), "[c]").unwrap().expression
    }

    #[test]
    fn text_keeps_its_length_and_long_text_is_never_cut_unnoticed() {
        assert_eq!(expression("varchar", Some(63)), "CAST([c] AS nvarchar(63))");
        assert_eq!(expression("nchar", Some(10)), "RTRIM(CAST([c] AS nvarchar(10)))");
        let long = "SUBSTRING(CAST([c] AS nvarchar(max)), 1, 65537)";
        // varchar(8000) does not fit into nvarchar(4000).
        for (data_type, length) in
            [("varchar", Some(8000)), ("nvarchar", None), ("ntext", None), ("xml", None)]
        {
            assert_eq!(expression(data_type, length), long);
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_the_reason() {
        for (data_type, reason) in [
            ("varbinary", "holds bytes"),
            ("image", "holds bytes"),
            ("timestamp", "version of its row"),
            ("geography", "holds a shape"),
            ("hierarchyid", "a place in a tree"),
            ("vector", "there is no text"),
        ] {
            let problem = ColumnText::of(&column(data_type, None), "[c]").unwrap_err();
            assert!(problem.contains(reason) && problem.contains(data_type), "{problem}");
            assert!(problem.contains("map another column"), "{problem}");
        }
    }

    #[test]
    fn numbers_are_written_out_without_noise() {
        let finished = |finish: Finish, text: &str| finish.apply(text, &mut String::new()).map(str::to_owned);
        for (finish, text, expected) in [
            (Finish::Fraction, "4930123456.0000", "4930123456"),
            (Finish::Fraction, "100", "100"),
            (Finish::Fraction, "1234.5600", "1234.56"),
            (Finish::Fraction, "-0.0100", "-0.01"),
            (Finish::Fraction, "2026-02-01T12:30:00.0000000+02:00", "2026-02-01T12:30:00+02:00"),
            (Finish::Fraction, "2026-02-01T12:30:00.1230000", "2026-02-01T12:30:00.123"),
            (Finish::Float, "4.930123456700000e+010", "49301234567"),
            (Finish::Float, "-1.500000000000000e-003", "-0.0015"),
            (Finish::Real, "1.0000000e-001", "0.1"),
            (Finish::Variant, "float:4.930123456700000e+010", "49301234567"),
            (Finish::Variant, "decimal:12.500", "12.5"),
            (Finish::Variant, "char:a:b  ", "a:b"),
            (Finish::Variant, "nvarchar:+49 30 1", "+49 30 1"),
            (Finish::None, "1.50", "1.50"),
        ] {
            assert_eq!(finished(finish, text).as_deref(), Ok(expected), "{finish:?} {text}");
        }
        assert!(finished(Finish::Float, "many").unwrap_err().contains("not a number"));
        assert!(finished(Finish::Variant, "varbinary:").unwrap_err().contains("varbinary"));
    }
}
