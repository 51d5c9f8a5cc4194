use std::io::Write as _;

use super::*;

/// A row that was read: its line and its values.
type Line = (u64, Vec<String>);

/// The table's rows, and the rejected ones with their reasons.
type Loaded = (Vec<Line>, Vec<(u64, String)>);

/// What is in the file.
fn loaded(content: impl AsRef<[u8]>, delimiter: u8) -> Result<Loaded, SourceError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_ref()).unwrap();
    let mut rejected = Vec::new();
    let mut reject = |line, reason| {
        rejected.push((line, reason));
        Ok(())
    };
    let database = load(file.path(), delimiter, &CancellationToken::new(), &mut reject)?;
    Ok((database.lines_of_test(), rejected))
}

fn rows(content: impl AsRef<[u8]>) -> Vec<Line> {
    loaded(content, b',').unwrap().0
}

fn line(line: u64, values: &[&str]) -> Line {
    (line, values.iter().map(|value| (*value).to_owned()).collect())
}

fn fails(content: impl AsRef<[u8]>) -> String {
    match loaded(content, b',') {
        Err(SourceError::Malformed(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn quotes_commas_and_line_breaks_in_values() {
    let content = "a,b\n1,\"x, \"\"y\"\"\"\n2,\"one\ntwo\n\nthree\"\n3,z\n";
    let expected = [line(2, &["1", "x, \"y\""]), line(3, &["2", "one\ntwo\n\nthree"]), line(7, &["3", "z"])];
    assert_eq!(rows(content), expected);
}

#[test]
fn every_kind_of_line_break_gives_the_same_rows_and_lines() {
    let content = "a,b\n\n1,x\n2,\"p\nq\"\n\n\n3,\n";
    let expected = [line(3, &["1", "x"]), line(4, &["2", "p\nq"]), line(8, &["3", ""])];
    for line_break in ["\n", "\r\n", "\r"] {
        let content = content.replace('\n', line_break);
        assert_eq!(rows(&content), expected, "{content:?}");
        assert_eq!(
            rows(content.trim_end_matches(['\r', '\n'])),
            expected,
            "no break at the end: {content:?}"
        );
    }
}

#[test]
fn a_row_with_a_wrong_number_of_fields_is_rejected_with_its_line() {
    let (kept, rejected) = loaded("a,b\r\n1\r\n2,\"x\r\ny\"\r\n3,y,z\r\n4,w\r\n", b',').unwrap();
    assert_eq!(kept, [line(3, &["2", "x\ny"]), line(6, &["4", "w"])]);
    let expected = [
        (2, "the row has 1 fields; the header line has 2".to_owned()),
        (5, "the row has 3 fields; the header line has 2".to_owned()),
    ];
    assert_eq!(rejected, expected);
}

#[test]
fn a_byte_order_mark_and_another_delimiter() {
    assert_eq!(rows("\u{feff}a,b\n1,2\n"), [line(2, &["1", "2"])]);
    assert_eq!(loaded("a;b\n1,5;2\n", b';').unwrap().0, [line(2, &["1,5", "2"])]);
    assert_eq!(loaded("a\tb\n1\t2\n", b'\t').unwrap().0, [line(2, &["1", "2"])]);
}

#[test]
fn a_quotation_mark_that_is_never_closed_is_an_error() {
    let problem = fails("a,b\n1,x\n2,\"y\n3,z\n");
    assert!(problem.contains("line 3: a quotation mark is opened and never closed"), "{problem}");
    assert!(fails("a,b\n1,x\n2,\"y").contains("line 3:"));
    // These are closed, or not opened at all.
    assert_eq!(rows("a,b\n1,\"y\n\"").len(), 1);
    assert_eq!(rows("a,b\n1,\"y\n\"\n").len(), 1);
    assert_eq!(rows("a,b\n1,12\" pipe"), [line(2, &["1", "12\" pipe"])]);
    let long = format!("a,b\n1,x\n2,\"{}", "0123456789,\n".repeat(2_000_000));
    let problem = fails(&long);
    assert!(problem.contains("line 3") && problem.contains("16777216 bytes"), "{problem}");
}

#[test]
fn a_header_that_cannot_name_columns_is_refused_with_its_line_and_column() {
    let wide = vec!["x"; 201].join(",");
    let long = format!("a,{}", "x".repeat(129));
    for (content, expected) in [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("\u{feff}", "the file is empty"),
        ("\u{feff}\r\n", "the file is empty"),
        ("sep=;", "the file is empty"),
        ("a,,c\n", "line 1: the header's column 2 has no name"),
        ("a,b, \n", "line 1: the header's column 3 has no name"),
        ("\n\na,B,b\n", "line 3: the header names \"b\" twice, as columns 2 and 3"),
        (&wide, "line 1: the header has 201 columns; at most 200"),
        (&long, "line 1: the name of the header's column 2 has 129 characters; at most 128"),
        (
            "a\tb\n",
            "line 1: the name of the header's column 1 has a tab in it; is ',' what stands between values",
        ),
        ("sep=;\na,a\n", "line 2: the header names \"a\" twice"),
        ("a,b\0c\n", "line 1: the header's column 2 is not UTF-8 text"),
        ("a,\"b\nc\"\n", "line 1: the name of the header's column 2 has a control character"),
    ] {
        let problem = fails(content);
        assert!(problem.contains(expected), "{problem}");
    }
    let problem = fails(b"a,caf\xe9\n1,2\n");
    assert!(problem.contains("line 1: the header's column 2 is not UTF-8"), "{problem}");
    let utf16: Vec<u8> = "\u{feff}a,b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(fails(utf16).contains("UTF-16"));
}

#[test]
fn the_file_may_hold_our_own_end_mark() {
    let problem = fails("a\n\x1eend\x1eof\x1efile\x1e\nx\n");
    assert!(problem.contains("line 2"), "{problem}");
}

#[test]
fn columns_named_like_our_own_are_no_problem() {
    assert_eq!(rows("line,_LINE,rowid\n7,8,9\n"), [line(2, &["7", "8", "9"])]);
}

#[test]
fn a_line_for_spreadsheets_before_the_header_is_skipped() {
    for (content, delimiter) in [
        ("sep=;\r\na;b\r\n1;2\r\n", b';'),
        ("\u{feff}SEP=,\na,b\n1,2\n", b','),
        ("sep=\t\na\tb\n1\t2\n", b'\t'),
        ("sep=;\na,b\n1,2\n", b','),
    ] {
        assert_eq!(loaded(content, delimiter).unwrap().0, [line(3, &["1", "2"])], "{content:?}");
    }
    // A column may well be called so.
    assert_eq!(rows("sep=,b\n1,2\n"), [line(2, &["1", "2"])]);
}

/// Loads a file of three rows, and does this to it once the second, which is no row, is met.
fn loaded_while(meddle: impl Fn(&Path)) -> Result<Vec<Line>, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.csv");
    std::fs::write(&path, "a,b\n1,x\nshort\n2,y\n").unwrap();
    let mut reject = |_, _| {
        meddle(&path);
        Ok(())
    };
    load(&path, b',', &CancellationToken::new(), &mut reject).map(|database| database.lines_of_test())
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_read_as_it_was() {
    let read = loaded_while(|path| {
        let finished = path.with_extension("new");
        std::fs::write(&finished, "a,b\n").unwrap();
        std::fs::rename(&finished, path).unwrap();
    });
    assert_eq!(read.unwrap(), [line(2, &["1", "x"]), line(4, &["2", "y"])]);
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_an_error() {
    let read = loaded_while(|path| {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"3,z\n").unwrap();
    });
    let Err(SourceError::Unavailable(why)) = read else { panic!("{read:?}") };
    assert!(why.contains("written to while it was read"), "{why}");
}
