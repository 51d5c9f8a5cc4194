//! Tables as CSV (RFC 4180), safe to open with a spreadsheet.

use std::borrow::Cow;

use super::exit::Result;
use super::screen::Screen;

/// A value that a spreadsheet shows rather than calculates: names and numbers of contacts come from elsewhere, and
/// one that begins like a formula would be run. The apostrophe is what spreadsheets themselves use to say "text".
pub(super) fn cell(value: &str) -> Cow<'_, str> {
    let begins_a_formula =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    match value.chars().next() {
        Some(first) if begins_a_formula(first) => Cow::Owned(format!("'{value}")),
        _ => Cow::Borrowed(value),
    }
}

/// Rows on their way to standard output.
#[derive(Debug)]
pub(super) struct Csv<'a> {
    screen: &'a mut Screen,
}

impl<'a> Csv<'a> {
    /// Writes the header.
    pub(super) fn begin<const COLUMNS: usize>(
        screen: &'a mut Screen,
        header: [&str; COLUMNS],
    ) -> Result<Self> {
        let mut csv = Csv { screen };
        csv.row(header)?;
        Ok(csv)
    }

    pub(super) fn row<const COLUMNS: usize>(&mut self, cells: [&str; COLUMNS]) -> Result<()> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(cells.map(|value| cell(value).into_owned())).map_err(anyhow::Error::from)?;
        let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
        self.screen.raw(&String::from_utf8_lossy(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_text() {
        for value in ["=1+1", "+4930", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(cell(value), format!("'{value}"));
        }
        for value in ["", "Berg", "1-2", "'=1", " =1"] {
            assert_eq!(cell(value), value);
        }
    }
}
