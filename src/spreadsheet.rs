//! Values in files that are opened with a spreadsheet.
//!
//! Names and numbers of contacts come from elsewhere, and a value that begins like a formula would be run. The
//! apostrophe before it is what spreadsheets themselves use to say "text".

use std::borrow::Cow;

/// Whether a spreadsheet may take what begins so for a formula.
fn begins_a_formula(value: &str) -> bool {
    let sign = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    value.starts_with(sign)
}

/// A value that a spreadsheet shows rather than calculates. One that has apostrophes before a formula already gets one
/// more, so that each is the [`original`] of its own cell.
#[must_use]
pub fn cell(value: &str) -> Cow<'_, str> {
    match begins_a_formula(value.trim_start_matches('\'')) {
        true => Cow::Owned(format!("'{value}")),
        false => Cow::Borrowed(value),
    }
}

/// What a value was before [`cell`], when it comes back.
#[must_use]
pub fn original(value: &[u8]) -> &[u8] {
    match value.strip_prefix(b"'") {
        // The signs are told by their first bytes; what is no text is nobody's cell.
        Some(rest) => {
            let is_formula = |text: &str| begins_a_formula(text.trim_start_matches('\''));
            if std::str::from_utf8(rest).is_ok_and(is_formula) { rest } else { value }
        }
        _ => value,
    }
}

/// A row of a source, or a number in it, that was of no use, as lists of them have it.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// Which row.
    pub row: &'a str,
    /// What the source calls it.
    pub key: &'a str,
    /// The column at fault.
    pub column: &'a str,
    /// What was found there.
    pub found: &'a str,
    /// [`Self::ROW`] or [`Self::NUMBER`].
    pub became: &'a str,
    /// Why it is of no use.
    pub because: &'a str,
}

impl<'a> Rejected<'a> {
    /// The columns of a list.
    pub const COLUMNS: [&'static str; 6] = ["row", "key", "column", "found", "became", "because"];
    /// The row was left out.
    pub const ROW: &'static str = "row rejected";
    /// The contact was taken without the number.
    pub const NUMBER: &'static str = "number left out";

    /// Under the columns.
    #[must_use]
    pub const fn cells(self) -> [&'a str; 6] {
        [self.row, self.key, self.column, self.found, self.became, self.because]
    }
}

/// One line of a CSV file (RFC 4180), with its line break.
#[must_use]
pub fn line<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let builder = &mut csv::WriterBuilder::new();
    let mut writer = builder.terminator(csv::Terminator::CRLF).buffer_capacity(512).from_writer(Vec::new());
    // Writing to memory cannot fail.
    let written = values.into_iter().try_for_each(|value| writer.write_field(cell(value).as_bytes()));
    let _ = written.and_then(|()| writer.write_record(None::<&[u8]>));
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_text_and_comes_back_as_it_was() {
        for value in ["=1+1", "+4930", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''+1"] {
            assert_eq!(cell(value), format!("'{value}"));
            assert_eq!(original(cell(value).as_bytes()), value.as_bytes());
        }
        for value in ["", "Berg", "1-2", "'1", " =1", "'s Gravenhage"] {
            assert_eq!(cell(value), value);
        }
        assert_eq!(original(b"'s Gravenhage"), b"'s Gravenhage");
        assert_eq!(original(b"'\xff"), b"'\xff");
    }

    #[test]
    fn what_was_rejected_stands_under_its_columns() {
        let [row, key, column, found, became, because] = Rejected::COLUMNS;
        assert_eq!(Rejected { row, key, column, found, became, because }.cells(), Rejected::COLUMNS);
    }

    #[test]
    fn a_line_is_quoted_where_it_must_be() {
        assert_eq!(line(["a", "b \"c\"", "d,e", "f\ng", "=1"]), "a,\"b \"\"c\"\"\",\"d,e\",\"f\ng\",'=1\r\n");
    }
}
