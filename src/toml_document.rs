//! Reading a TOML document with errors that say where, what, and what was probably meant.

use serde::de::DeserializeOwned;

/// Messages quote what was found, which may be as long as the document. An error of gRPC travels in a header.
const MAX_MESSAGE_CHARACTERS: usize = 1000;

/// Longest name that can be a misspelling; comparing takes time and memory by the length.
const MAX_NAME_BYTES: usize = 64;

/// What serde calls numbers, and what people do. TOML has none above those of `i64`.
const NUMBERS: [(&str, &str); 6] = [
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0 on"),
    ("usize", "a whole number from 0 on"),
    ("f64", "a number"),
];

/// Why a TOML document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TomlError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads `text` as a `T`, which refuses unknown keys by itself (`deny_unknown_fields`).
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        TomlError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: with_nearest_name(error.message()).chars().take(MAX_MESSAGE_CHARACTERS).collect(),
        }
    })
}

/// Puts serde's message about an unknown name into our words, with the nearest known name, and toml's about what is of
/// several kinds or of none. Any other message is returned as it is.
///
/// The known names are in the messages only: serde's "unknown field `lisen`, expected one of `listen`,
/// `log`", and toml's "unexpected keys in table: nam, available keys: name" for what belongs to one of
/// several kinds. Tests hold both forms.
pub(crate) fn with_nearest_name(message: &str) -> String {
    if let Some(keys) = message.strip_prefix("unexpected keys in table: ")
        && let Some((found, known)) = keys.split_once(", available keys: ")
    {
        let found = found.split(", ").next().unwrap_or(found);
        return unknown("key", found, &known.split(", ").collect::<Vec<_>>());
    }
    if message.starts_with("wanted exactly 1 element") {
        return "exactly one of the kinds that there are is expected here".to_owned();
    }
    // The text may be a secret in the wrong place.
    if message.starts_with("invalid type: string")
        && let Some((_, expected)) = message.rsplit_once(", expected ")
    {
        return format!("invalid type: a text, expected {}", in_words(expected));
    }
    if let Some((found, expected)) = message.rsplit_once(", expected ")
        && in_words(expected) != expected
    {
        return format!("{found}, expected {}", in_words(expected));
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message.split('`').next(), quoted.as_slice()) {
        (Some("missing field "), [key, ..]) => format!("the key `{key}` is missing"),
        (Some("unknown field "), [key, known @ ..]) => unknown("key", key, known),
        (Some("unknown variant "), [name, known @ ..]) => unknown("name", name, known),
        _ => message.to_owned(),
    }
}

fn in_words(expected: &str) -> &str {
    NUMBERS.iter().find(|(name, _)| *name == expected).map_or(expected, |(_, words)| words)
}

fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    if found.contains(['=', ';']) {
        return format!("this is no {what}, expected one of: {}", known.join(", ")); // a connection string
    }
    match nearest(found, known) {
        Some(near) => format!("unknown {what} `{found}`: did you mean `{near}`?"),
        None => format!("unknown {what} `{found}`, expected one of: {}", known.join(", ")),
    }
}

/// The one of `known` that `found` is probably a misspelling of: no more than a third of it differs.
pub(crate) fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    if found.len() > MAX_NAME_BYTES {
        return None;
    }
    let distances = known.iter().map(|name| (strsim::damerau_levenshtein(found, name), *name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.chars().count().max(3)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Two {
        listen: String,
        log: Option<One>,
        port: Option<u16>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct One {
        format: Format,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only read into")]
    enum Format {
        Text,
        Json,
        Binary,
        Custom { name: String, more: Option<String> },
    }

    fn error(text: &str) -> String {
        read::<Two>(text).unwrap_err().to_string()
    }

    /// Serde's words for unknown names, of one, two and more known ones.
    #[test]
    fn the_nearest_known_key_is_named() {
        assert_eq!(error("\n lisen = ''"), "line 2, column 2: unknown key `lisen`: did you mean `listen`?");
        assert_eq!(
            error("[log]\nfromat = ''"),
            "line 2, column 1: unknown key `fromat`: did you mean `format`?"
        );
        assert_eq!(
            error("log = { format = \"jsno\" }"),
            "line 1, column 18: unknown name `jsno`: did you mean `json`?"
        );
        assert_eq!(
            error("[log.format.custom]\nnam = \"\""),
            "line 2, column 1: unknown key `nam`: did you mean `name`?"
        );
        assert_eq!(
            error("[log.format.custom]\nname = \"\"\ncolour = 1\nsize = 2"),
            "line 3, column 1: unknown key `colour`, expected one of: name, more"
        );
    }

    #[test]
    fn what_is_of_several_kinds_or_of_none_is_told_so() {
        for formats in ["{}", "{ custom = { name = '' }, text = {} }"] {
            let message = error(&format!("listen = ''\nlog = {{ format = {formats} }}"));
            assert!(
                message.ends_with("exactly one of the kinds that there are is expected here"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_a_number_can_be_is_told_in_words() {
        for port in ["70000", "-1", "'none'"] {
            let message = error(&format!("listen = ''\nport = {port}"));
            assert!(message.ends_with(", expected a whole number from 0 to 65535"), "{message}");
        }
    }

    #[test]
    fn a_key_unlike_any_other_gets_the_whole_list() {
        assert_eq!(
            error("colour = 1"),
            "line 1, column 1: unknown key `colour`, expected one of: listen, log, port"
        );
        assert_eq!(nearest("x", &["log"]), None);
        assert_eq!(nearest("lgo", &["log", "listen"]), Some("log"));
        assert_eq!(nearest("anything", &[]), None);
    }

    #[test]
    fn a_key_with_quotes_in_it_cannot_confuse_the_message() {
        assert!(error("\"a`b`listen\" = 1").contains("unknown key `a`"));
    }

    #[test]
    fn place_and_reason_of_other_errors_are_told() {
        assert_eq!(error(""), "line 1, column 1: the key `listen` is missing");
        assert!(
            error("listen = \"ü\" x").starts_with("line 1, column 14: "),
            "{}",
            error("listen = \"ü\" x")
        );
        assert!(error("listen = 1").starts_with("line 1, column 10: invalid type: integer `1`"));
        assert!(error("listen = ''\nlisten = ''").starts_with("line 2, column 1: duplicate key"));
    }

    #[test]
    fn a_connection_string_in_the_wrong_place_is_not_repeated() {
        let written = "Server=sql;Password=hunter2";
        for text in [
            format!("listen = ''\nlog = '{written}'"),
            format!("log = {{ format = '{written}' }}"),
            format!("log = {{ format = {{ '{written}' = 1 }} }}"),
        ] {
            let message = error(&text);
            assert!(message.contains("expected") && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_message_has_an_end() {
        let long = "x".repeat(8 * 1024 * 1024);
        for text in [format!("{long} = 1"), format!("log = {{ format = '{long}' }}")] {
            let found = read::<Two>(&text).unwrap_err().message;
            assert_eq!(found.chars().count(), MAX_MESSAGE_CHARACTERS);
        }
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        assert!(read::<Two>(&"[".repeat(100_000)).is_err());
        assert!(read::<Two>(&format!("log = {}", "[".repeat(100_000))).is_err());
        assert!(read::<Two>(&format!("log = {}", "{a=".repeat(100_000))).is_err());
    }
}
