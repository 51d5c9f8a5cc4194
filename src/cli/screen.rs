//! Standard output: lines, tables, and colours where they are wanted.

use std::io::{self, Stdout, Write};

use clap::builder::styling::{AnsiColor, Style};
use prost::Name;

use super::exit::Result;
use super::json::{self, Layout};
use super::words;
use crate::app;

/// Standard output. A closed pipe is an error of kind [`io::ErrorKind::BrokenPipe`], never a panic.
#[derive(Debug)]
pub(super) struct Screen {
    out: Stdout,
    is_coloured: bool,
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

impl Screen {
    pub(super) fn stdout() -> Self {
        let out = io::stdout();
        Screen { is_coloured: app::wants_colours(&out), out }
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) -> Result<()> {
        Ok(writeln!(self.out, "{}", text.as_ref())?)
    }

    /// Text as it is, without a line break behind it.
    pub(super) fn raw(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Bytes as they are.
    pub(super) fn bytes(&mut self, data: &[u8]) -> Result<()> {
        Ok(self.out.write_all(data)?)
    }

    /// One answer as JSON.
    pub(super) fn json<M: Name>(&mut self, message: &M) -> Result<()> {
        self.line(json::of(message, Layout::Pretty)?)
    }

    /// One of many answers as JSON, on a line of its own.
    pub(super) fn json_line<M: Name>(&mut self, message: &M) -> Result<()> {
        self.line(json::of(message, Layout::OneLine)?)
    }

    pub(super) fn good(&self, text: impl AsRef<str>) -> String {
        self.styled(GOOD, text.as_ref())
    }

    pub(super) fn bad(&self, text: impl AsRef<str>) -> String {
        self.styled(BAD, text.as_ref())
    }

    pub(super) fn faint(&self, text: impl AsRef<str>) -> String {
        self.styled(FAINT, text.as_ref())
    }

    pub(super) fn bold(&self, text: impl AsRef<str>) -> String {
        self.styled(BOLD, text.as_ref())
    }

    fn styled(&self, style: Style, text: &str) -> String {
        let text = words::printable(text);
        if self.is_coloured { format!("{style}{text}{style:#}") } else { text }
    }

    /// A table with a header; its columns are as wide as they need to be.
    pub(super) fn table(&mut self, table: &Table) -> Result<()> {
        let widths = table.widths();
        self.line(self.bold(line(&table.header, &widths)))?;
        for row in &table.rows {
            self.line(line(&row.cells, &widths))?;
            for note in &row.notes {
                self.line(self.faint(format!("  {note}")))?;
            }
        }
        Ok(())
    }
}

/// Rows of cells, and notes of a row on lines of their own.
#[derive(Debug, Default)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<TableRow>,
}

#[derive(Debug)]
struct TableRow {
    cells: Vec<String>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn new<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Self {
        Table { header: header.map(str::to_uppercase).to_vec(), rows: Vec::new() }
    }

    pub(super) fn row<const COLUMNS: usize>(&mut self, cells: [&str; COLUMNS]) {
        let cells = cells.map(words::on_one_line).to_vec();
        self.rows.push(TableRow { cells, notes: Vec::new() });
    }

    /// Adds a column on the right.
    pub(super) fn column(&mut self, name: &str, cells: impl Iterator<Item = String>) {
        self.header.push(name.to_uppercase());
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.cells.push(words::on_one_line(&cell));
        }
    }

    /// Adds a note to the last row.
    pub(super) fn note(&mut self, note: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.notes.push(words::on_one_line(note));
        }
    }

    /// How wide each column has to be.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|cell| width(cell)).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(&row.cells) {
                *widest = width(cell).max(*widest);
            }
        }
        widths
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, column) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', column - width(cell) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["name", "n"]);
        table.row(["Müller\nGmbH", "1"]);
        table.row(["", "22"]);
        let widths = table.widths();
        let lines: Vec<String> = table.rows.iter().map(|row| line(&row.cells, &widths)).collect();
        assert_eq!(lines, ["Müller GmbH  1", "             22"]);
        assert_eq!(line(&table.header, &widths), "NAME         N");
    }
}
