use std::io::Write as _;

use super::*;

async fn resolved(written: &str) -> Result<String, String> {
    let found = Secret::new(written).resolve().await;
    found.map(|revealed| revealed.as_str().to_owned()).map_err(|error| error.to_string())
}

fn file(content: &[u8]) -> (tempfile::NamedTempFile, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let written = format!("file:{}", file.path().display());
    (file, written)
}

#[test]
fn what_was_typed_in_is_shown_nowhere() {
    let secret = Secret::new("hunter2");
    assert_eq!(secret.shown(), "stored:");
    assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "stored: Some(stored:)");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"stored:\"");
    assert_eq!(secret.typed_in(), Some("hunter2"));
    assert_eq!(format!("{:?}", Revealed("hunter2".into())), "a secret");
}

#[test]
fn a_reference_is_shown_as_it_is() {
    for written in ["env:RINGROUTE_SQL_PASSWORD", "file:/run/secrets/sql"] {
        let secret = Secret::new(written);
        assert_eq!(secret.shown(), written);
        assert_eq!((secret.typed_in(), secret.problem()), (None, None));
    }
}

#[test]
fn what_cannot_be_a_secret_is_told_without_repeating_it() {
    for written in [
        "",
        "env:",
        "env:A B",
        "env:A=b",
        "file:",
        "ENV:hunter2",
        "File:hunter2",
        "stored:hunter2",
        "missing:hunter2",
        "hunter2\n",
        "\u{feff}hunter2",
        "hunter2\0",
    ] {
        let problem = Secret::new(written).problem().unwrap_or_else(|| panic!("{written:?} is accepted"));
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    for written in
        ["hunter2", "a;b='c\"", "passwörd", "environment", "env", STORED, "x".repeat(4096).as_str()]
    {
        assert_eq!(Secret::new(written).problem(), None, "{written}");
    }
}

#[tokio::test]
async fn a_secret_that_was_lost_is_shown_as_that_and_asked_for_again() {
    let secret = Secret::new(MISSING);
    assert_eq!((secret.shown(), secret.typed_in(), secret.problem()), (MISSING, None, None));
    assert!(resolved(MISSING).await.unwrap_err().contains("type it in again"));
}

#[tokio::test]
async fn a_typed_in_secret_is_itself() {
    assert_eq!(resolved("hunter2").await, Ok("hunter2".into()));
    assert!(resolved(STORED).await.unwrap_err().contains("no secret is stored"));
}

#[tokio::test]
async fn a_variable_of_the_process_is_found() {
    assert_eq!(resolved("env:CARGO_PKG_NAME").await, Ok("ringroute".into()));
    let missing = resolved("env:RINGROUTE_NO_SUCH_VARIABLE").await.unwrap_err();
    assert!(missing.contains("RINGROUTE_NO_SUCH_VARIABLE is not set"), "{missing}");
}

#[tokio::test]
async fn a_file_is_read_without_its_final_line_break() {
    for (content, expected) in
        [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), (" a b ", " a b ")]
    {
        let (_file, written) = file(content.as_bytes());
        assert_eq!(resolved(&written).await, Ok(expected.to_owned()));
    }
}

#[tokio::test]
async fn a_file_that_is_no_secret_is_named_but_not_shown() {
    let many = "hunter2".repeat(1000);
    for (content, says) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (b"hunter2\n\n", "line break"),
        (b"hunter2\nmore", "line break"),
        (b"h\0u\0n\0t\0e\0r\0", "control character"),
        (b"hunter2\xff", "not UTF-8"),
        (b"\xef\xbb\xbfhunter2", "byte order mark"),
        (many.as_bytes(), "more than 4096 bytes"),
    ] {
        let (file, written) = file(content);
        let error = resolved(&written).await.unwrap_err();
        assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        assert!(error.contains(&*file.path().to_string_lossy()), "{error}");
    }
    let longest = "p".repeat(MAX_SECRET_BYTES);
    let (_file, written) = file(format!("{longest}\r\n").as_bytes());
    assert_eq!(resolved(&written).await, Ok(longest));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let error = resolved(&format!("file:{}", folder.path().display())).await.unwrap_err();
    assert!(error.contains("is not a file"), "{error}");
    let missing = resolved(&format!("file:{}", folder.path().join("none").display())).await.unwrap_err();
    assert!(missing.contains("none cannot be read: "), "{missing}");
}

/// Opening a pipe that nobody writes to never ends.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = resolved(&format!("file:{}", pipe.display())).await.unwrap_err();
    assert!(error.contains("is not a file"), "{error}");
}

#[test]
fn a_secret_of_another_type_is_not_repeated() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read into")]
    struct Settings {
        password: Secret,
    }
    for written in ["123456", "[\"123456\"]", "{ a = \"123456\" }", "123456.5", "true"] {
        let error = toml::from_str::<Settings>(&format!("password = {written}")).unwrap_err();
        assert!(error.message().contains("write it in quotes"), "{error}");
        assert!(!error.message().contains("123456"), "{error}");
    }
}
