//! The records of a CSV file, each with the line on which it begins, in bounded memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

/// The longest record, in bytes. A quotation mark that is never closed makes one of all that follows.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Stands behind the file's last line. It is a record of its own, unless a quotation mark that was never
/// closed has taken it in: so a file that is cut off inside quotes is found out. Nothing in it can stand between two
/// values ([`delimiter_byte`](super::delimiter_byte)).
const END: &[u8] = b"\x1eend\x1eof\x1efile\x1e\n";

/// UTF-8's byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

pub(in crate::source) enum RecordError {
    Io(io::Error),
    /// What is wrong, with its line, and what to do.
    Malformed(String),
}

pub(in crate::source) struct Records<R> {
    reader: Reader<Lines<R>>,
    record: ByteRecord,
    /// The line on which `record` begins.
    line: u64,
    since_record: Rc<Cell<u64>>,
}

impl<R: Read> Records<R> {
    pub(in crate::source) fn new(file: R, delimiter: u8) -> Self {
        let since_record = Rc::new(Cell::new(0));
        let lines =
            Lines { file, has_begun: false, since_record: Rc::clone(&since_record), last: b'\n', tail: None };
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(lines);
        Records { reader, record: ByteRecord::new(), line: 0, since_record }
    }

    /// The record that [`Self::advance`] read.
    pub(in crate::source) fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Reads the record that names the columns, and returns its line. A line such as `sep=;` before it, as spreadsheets
    /// write it, is skipped: what stands between values was said already.
    pub(in crate::source) fn advance_to_header(&mut self) -> Result<Option<u64>, RecordError> {
        let line = self.advance()?;
        if line.is_some() && self.names_delimiter() { self.advance() } else { Ok(line) }
    }

    /// Whether the record is `sep=` and one sign, which may be what stands between values here.
    fn names_delimiter(&self) -> bool {
        let mut values = self.record.iter();
        let begins = match (values.next(), values.next(), values.next()) {
            (Some([begins @ .., _]), None, None) => begins,
            (Some(begins), Some([]), None) => begins,
            _ => return false,
        };
        begins.eq_ignore_ascii_case(b"sep=")
    }

    /// Reads the next record, and returns its line; blank lines are skipped. `None` is the file's end.
    pub(in crate::source) fn advance(&mut self) -> Result<Option<u64>, RecordError> {
        let more = self.read()?;
        if self.is_end() && more {
            // The same bytes may also be in the file; only the last of them are ours.
            let line = self.line;
            if !self.read()? {
                return Ok(None);
            }
            return Err(RecordError::Malformed(format!(
                "line {line}: this is not a row of text; remove the line"
            )));
        }
        let swallowed = self.record.iter().next_back().is_some_and(|last| last.ends_with(END));
        if more && !swallowed {
            return Ok(Some(self.line));
        }
        // The record's line break, which `read` counted, was taken in as well.
        Err(RecordError::Malformed(format!(
            "line {}: a quotation mark is opened and never closed; the file is cut off, or a \" inside a value is \
             not written twice",
            self.line + 1
        )))
    }

    fn is_end(&self) -> bool {
        self.record.len() == 1 && self.record.get(0).is_some_and(|only| END.strip_suffix(b"\n") == Some(only))
    }

    fn read(&mut self) -> Result<bool, RecordError> {
        self.since_record.set(0);
        let after = self.reader.position().line();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(_) if self.since_record.get() > MAX_RECORD_BYTES => {
                RecordError::Malformed(format!(
                    "the row at line {after} has more than {MAX_RECORD_BYTES} bytes; a quotation mark may be opened \
                     there and never closed, or a \" inside a value is not written twice"
                ))
            }
            csv::ErrorKind::Io(failure) => RecordError::Io(failure),
            other => RecordError::Malformed(format!("line {after}: {other:?}; expected RFC 4180")),
        })?;
        if more {
            // Counted from the record's end, since blank lines before it are skipped.
            let breaks = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            self.line = self.reader.position().line().saturating_sub(1 + breaks);
        }
        Ok(more)
    }
}

/// A file with every line break (CR LF, CR or LF) as LF, also inside quotes, and [`END`] at its end.
struct Lines<R> {
    file: R,
    has_begun: bool,
    /// How much was read since the reader began a record.
    since_record: Rc<Cell<u64>>,
    /// The file's last byte so far.
    last: u8,
    /// What is still to be given of [`END`], once the file has ended.
    tail: Option<&'static [u8]>,
}

impl<R: Read> Lines<R> {
    /// Reads the file's beginning. The reader skips a byte order mark that comes together with what follows; one by
    /// itself would be the end for it.
    fn begin(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.has_begun = true;
        let mut read = 0;
        while read <= MARK.len() {
            match self.file.read(&mut buffer[read..])? {
                0 if buffer[..read] == *MARK => return Ok(0),
                0 => break,
                more => read += more,
            }
        }
        Ok(read)
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(tail) = &mut self.tail {
                return tail.read(buffer);
            }
            let read = if self.has_begun { self.file.read(buffer)? } else { self.begin(buffer)? };
            if read == 0 {
                let after_break = matches!(self.last, b'\n' | b'\r');
                self.tail = Some(END);
                if !after_break && let Some(first) = buffer.first_mut() {
                    *first = b'\n';
                    return Ok(1);
                }
                continue;
            }
            let mut kept = 0;
            for at in 0..read {
                let byte = buffer[at];
                let second_of_two = byte == b'\n' && self.last == b'\r';
                self.last = byte;
                if !second_of_two {
                    buffer[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            let since_record = self.since_record.get() + kept as u64;
            self.since_record.set(since_record);
            if since_record > MAX_RECORD_BYTES {
                return Err(io::Error::other("the record is too long"));
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}
