//! A CSV file (RFC 4180, UTF-8, the first line names the columns) read line by line, for whoever has the whole
//! file and asks for no database.

use std::io::Read;

use csv::ByteRecord;

use super::csv::records::{RecordError, Records};
use super::csv::{delimiter_byte, header};

/// A file being read.
pub struct CsvFile<R> {
    records: Records<R>,
    header: Vec<String>,
    has_ended: bool,
}

/// A row of the file.
#[derive(Debug)]
pub struct Line<'a> {
    /// The line on which it begins, from 1.
    pub number: u64,
    /// Its values, as many as there are columns; or why it cannot be read.
    pub record: Result<&'a ByteRecord, String>,
}

impl<R> std::fmt::Debug for CsvFile<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvFile").field("header", &self.header).finish_non_exhaustive()
    }
}

fn told(error: RecordError) -> String {
    match error {
        RecordError::Io(error) => format!("it cannot be read: {error}"),
        RecordError::Malformed(problem) => problem,
    }
}

impl<R: Read> CsvFile<R> {
    /// Reads the first line. The error says what is wrong and what to do.
    pub fn open(file: R, delimiter: char) -> Result<Self, String> {
        let byte = delimiter_byte(delimiter)?;
        let mut records = Records::new(file, byte);
        let line = records.advance_to_header().map_err(told)?;
        let line = line.ok_or("the file is empty; its first line must name the columns")?;
        let header = header(records.record(), byte).map_err(|problem| format!("line {line}: {problem}"))?;
        Ok(CsvFile { records, header, has_ended: false })
    }

    /// The names of the columns.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next row. The error ends the file.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, String> {
        if self.has_ended {
            return Ok(None);
        }
        let Some(number) = self.records.advance().map_err(told)? else {
            self.has_ended = true;
            return Ok(None);
        };
        let record = self.records.record();
        let (found, expected) = (record.len(), self.header.len());
        let record = if found == expected {
            Ok(record)
        } else {
            Err(format!("the row has {found} fields; the header line has {expected}"))
        };
        Ok(Some(Line { number, record }))
    }
}

/// What stands between two values, by the first line of the file: of the signs that do in practice, the one that
/// is there most often.
#[must_use]
pub fn guess_delimiter(beginning: &[u8]) -> char {
    let mut counts = [(',', 0_usize), (';', 0), ('\t', 0), ('|', 0)];
    let mut is_quoted = false;
    for byte in beginning {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            byte if !is_quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(sign, _)| *sign == char::from(*byte)) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    // The first of several that are there equally often.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(',', |(sign, _)| *sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_that_may_stand_between_two_values_does() {
        let signs = (0..=u8::MAX).map(char::from).filter(|sign| delimiter_byte(*sign).is_ok());
        let mut tried = 0;
        for sign in signs {
            let file = format!("name{sign}tel\nAda{sign}0301\n");
            let mut csv =
                CsvFile::open(file.as_bytes(), sign).unwrap_or_else(|error| panic!("{sign:?}: {error}"));
            assert_eq!(csv.header(), ["name", "tel"], "{sign:?}");
            let line = csv.next_line().unwrap().unwrap();
            assert_eq!((line.number, line.record.unwrap()), (2, &ByteRecord::from(vec!["Ada", "0301"])));
            assert!(csv.next_line().unwrap().is_none(), "{sign:?}");
            tried += 1;
        }
        // A tab, a space, and ASCII's punctuation without the quotation mark.
        assert_eq!(tried, 33);
    }

    #[test]
    fn the_sign_that_separates_the_first_line_is_found() {
        for (text, expected) in [
            ("a,b,c\n1;2;3;4;5;6", ','),
            ("a;b;\"c,d,e,f\"\n", ';'),
            ("a\tb", '\t'),
            ("a|b|c", '|'),
            ("name", ','),
            ("", ','),
        ] {
            assert_eq!(guess_delimiter(text.as_bytes()), expected, "{text}");
        }
    }
}
