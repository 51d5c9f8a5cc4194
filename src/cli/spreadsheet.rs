//! Tables as CSV (RFC 4180), safe to open with a spreadsheet.

use super::exit::Result;
use super::screen::Screen;
use crate::spreadsheet;

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
        self.screen.raw(&spreadsheet::line(cells))
    }
}
