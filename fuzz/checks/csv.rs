//! CSV files, held against a reading of RFC 4180 of our own; and tables that we write ourselves, which must come back.

use ringroute::source::csv_file::{CsvFile, guess_delimiter};
use ringroute::spreadsheet;

const DELIMITERS: [u8; 5] = *b",;\t| ";

/// What the reader puts behind a file.
const END: &[u8] = b"\x1eend\x1eof\x1efile\x1e";

pub(crate) fn check(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else { return };
    match choice {
        0..128 => {
            let delimiter = match DELIMITERS.get(usize::from(*choice) % 8) {
                Some(delimiter) => *delimiter,
                None => guess_delimiter(file) as u8,
            };
            assert_eq!(read(file, delimiter), expected(file, delimiter), "with {:?}", char::from(delimiter));
        }
        _ => comes_back(file),
    }
}

/// Line and values of each row; nothing for one that has too few or too many.
type Rows = Vec<(u64, Option<Vec<Vec<u8>>>)>;

/// The names and the rows; or only that there is something wrong.
fn read(file: &[u8], delimiter: u8) -> Result<(Vec<String>, Rows), ()> {
    let mut csv =
        CsvFile::open(file, char::from(delimiter)).map_err(|problem| assert!(!problem.is_empty()))?;
    let mut rows = Vec::new();
    let mut last = 0;
    while let Some(line) =
        csv.next_line().map_err(|problem| assert!(problem.starts_with("line "), "{problem}"))?
    {
        assert!(line.number > last, "line {} comes behind line {last}", line.number);
        last = line.number;
        let record = line.record.map(|record| record.iter().map(<[u8]>::to_vec).collect());
        rows.push((line.number, record.ok()));
    }
    assert!(csv.next_line().is_ok_and(|line| line.is_none()));
    Ok((csv.header().to_vec(), rows))
}

/// What the rules say: every line break is one LF, also in quotes; a value that begins with a quotation mark ends with
/// one, and two of them inside stand for one; blank lines are no rows, nor is `sep=;` before the names.
fn expected(file: &[u8], delimiter: u8) -> Result<(Vec<String>, Rows), ()> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut bytes = Vec::with_capacity(file.len() + 1);
    for (at, byte) in file.iter().enumerate() {
        match byte {
            b'\n' if at > 0 && file[at - 1] == b'\r' => {}
            b'\r' => bytes.push(b'\n'),
            other => bytes.push(*other),
        }
    }
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    let mut records: Vec<(u64, Vec<Vec<u8>>)> = Vec::new();
    let (mut record, mut value) = (Vec::new(), Vec::new());
    let (mut line, mut begins, mut quoted, mut at) = (1, 1, false, 0);
    // Whether nothing of the value, or of the record, came yet.
    let (mut fresh, mut blank) = (true, true);
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if byte == b'\n' {
            line += 1;
        }
        if quoted {
            match byte {
                b'"' if bytes.get(at) == Some(&b'"') => {
                    value.push(b'"');
                    at += 1;
                }
                b'"' => quoted = false,
                other => value.push(other),
            }
        } else if byte == b'\n' {
            if !blank {
                record.push(std::mem::take(&mut value));
                records.push((begins, std::mem::take(&mut record)));
            }
            (fresh, blank, begins) = (true, true, line);
        } else if byte == delimiter {
            record.push(std::mem::take(&mut value));
            (fresh, blank) = (true, false);
        } else {
            match byte {
                b'"' if fresh => quoted = true,
                other => value.push(other),
            }
            (fresh, blank) = (false, false);
        }
    }
    // What stands for the file's end is no row, nor does a value end so, which would be quotes that are not closed.
    let is_end = |record: &[Vec<u8>]| {
        record.len() == 1 && record[0] == END
            || record
                .last()
                .is_some_and(|last| last.strip_suffix(b"\n").is_some_and(|last| last.ends_with(END)))
    };
    if quoted || records.iter().any(|(_, record)| is_end(record)) {
        return Err(());
    }
    let names_delimiter = |record: &[Vec<u8>]| match record {
        [only] => only.len() == 5 && only[..4].eq_ignore_ascii_case(b"sep="),
        [begins, rest] => begins.eq_ignore_ascii_case(b"sep=") && rest.is_empty(),
        _ => false,
    };
    let mut records = records.into_iter().peekable();
    records.next_if(|(_, record)| names_delimiter(record));
    let (_, header) = records.next().ok_or(())?;
    let names: Vec<String> = header
        .into_iter()
        .map(|name| String::from_utf8(name).map(|name| name.trim().to_owned()).map_err(drop))
        .collect::<Result<_, _>>()?;
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().count() <= 128 && !name.chars().any(char::is_control)
    };
    let is_twice =
        |place: usize| names[..place].iter().any(|other| other.eq_ignore_ascii_case(&names[place]));
    if names.len() > 200 || !names.iter().all(is_name) || (0..names.len()).any(is_twice) {
        return Err(());
    }
    let rows =
        records.map(|(line, record)| (line, (record.len() == names.len()).then_some(record))).collect();
    Ok((names, rows))
}

/// A table that is written is read as it was: lines are rows, and 0x1f stands between values.
fn comes_back(table: &[u8]) {
    let Ok(text) = std::str::from_utf8(table) else { return };
    let rows: Vec<Vec<&str>> = text.split('\u{1e}').map(|row| row.split('\u{1f}').collect()).collect();
    let width = rows[0].len();
    if width > 200 {
        return;
    }
    let names: Vec<String> = (0..width).map(|place| format!("column {place}")).collect();
    let mut file = spreadsheet::line(names.iter().map(String::as_str));
    for row in &rows {
        file.push_str(&spreadsheet::line(row.iter().copied()));
    }
    let (header, read) = read(file.as_bytes(), b',').unwrap_or_else(|()| panic!("{file:?} cannot be read"));
    assert_eq!((header, read.len()), (names, rows.len()));
    for ((_, found), row) in read.iter().zip(&rows) {
        // Line breaks inside of values become one kind.
        let written = |value: &&str| value.replace("\r\n", "\n").replace('\r', "\n").into_bytes();
        let values = found
            .as_ref()
            .map(|found| found.iter().map(|value| spreadsheet::original(value).to_vec()).collect::<Vec<_>>());
        assert_eq!(values, (row.len() == width).then(|| row.iter().map(written).collect()), "{row:?}");
    }
}
