//! A number as people write it -> what would be dialled, and the extension behind it.
//!
//! Everything that is typography goes away here, before the numbering plan is asked: two ways of writing
//! the same digits can then never be read differently, and reading a result again reads it the same.

use std::borrow::Cow;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use smallvec::SmallVec;

use super::NumberError;
use super::normalise::MAX_RAW_CHARACTERS;

/// Characters that only group digits.
const PUNCTUATION: &[char] = &[' ', '-', '.', '/', '(', ')', '[', ']', '~'];

/// What may stand between the label of an extension and its digits.
const AFTER_LABEL: &[char] = &[' ', ':', '.', ',', '-', '='];

/// Labels of extensions in lower case, and how many digits can follow: the less a label says, the
/// likelier it is that a long row of digits is a second number. Longer labels stand before those that
/// they end with. All but the last three follow libphonenumber.
const EXTENSION_LABELS: &[(&str, usize)] = &[
    (";ext", 20),
    ("extension", 20),
    ("extensión", 20),
    ("extn", 20),
    ("ext", 20),
    ("xtn", 20),
    ("xt", 20),
    ("anexo", 20),
    ("доб", 20),
    ("int", 9),
    ("x", 9),
    ("#", 9),
    ("~", 9),
    (";", 15),
    (",,", 15),
    (",", 9),
    ("durchwahl", 20),
    ("poste", 20),
    ("dw", 9),
];

/// Most digits of an American extension without a label (`- 503#`).
const MAX_UNLABELLED_EXTENSION: usize = 6;

/// Fewest digits before a slash that are a number already, rather than an area code.
const SHORTEST_BEFORE_SLASH: usize = 6;

/// The same with a country code: `+44 7736` and `+1 212 555` are none yet.
const SHORTEST_ABROAD_BEFORE_SLASH: usize = 9;

/// Fewest digits behind a slash that begin with a zero and are a number, rather than the end of the one before: `7946/0018`,
/// `/0` for a switchboard.
const SHORTEST_BEHIND_SLASH: usize = 6;

/// Fewest digits behind a `;` or `,` alone that are a number of their own, rather than an extension.
const SHORTEST_BEHIND_SEPARATOR: usize = 7;

/// Brings what people paste to ASCII where there is an equivalent: digits of all scripts, full-width
/// forms, dashes and white space. Takes away marks that nobody sees.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' => folded.push(character),
            // Soft hyphen, zero-width characters, directional marks and isolates, byte order mark.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => {}
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {}
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{fe58}' | '\u{fe63}' => folded.push('-'),
            '\u{2053}' | '\u{223c}' => folded.push('~'),
            // The full-width forms are ASCII, moved.
            '\u{ff01}'..='\u{ff5e}' => {
                folded.extend(char::from_u32(u32::from(character) - 0xff00 + 0x20));
            }
            _ if character.is_whitespace() => folded.push(' '),
            _ if character.is_numeric() => {
                // One ASCII digit for a decimal digit, nothing for numerals such as `½`.
                match PHONE_NUMBER_UTIL.normalize(character.encode_utf8(&mut [0; 4])) {
                    digit if digit.is_empty() => folded.push(character),
                    digit => folded.push_str(&digit),
                }
            }
            _ => folded.push(character),
        }
    }
    Cow::Owned(folded)
}

/// What would be dialled of a text that has nothing but digits, separators and perhaps a plus sign before them. Of such a
/// text, all that is done here comes to the same. Not of one whose slash may be between two numbers.
pub(super) fn plainly_dialled(text: &str) -> Option<SmallVec<[u8; MAX_RAW_CHARACTERS]>> {
    let mut dialled = SmallVec::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => dialled.push(byte),
            b'+' if dialled.is_empty() => dialled.push(byte),
            b'/' if dialled.len() >= SHORTEST_BEFORE_SLASH => return None,
            b' ' | b'-'..=b'/' | b'(' | b')' => {}
            _ => return None,
        }
    }
    (dialled.last().is_some_and(u8::is_ascii_digit)).then_some(dialled)
}

/// Refuses a [`folded`] text that is not one number, though it could be read as one or says less than it seems to.
pub(super) fn check_is_one(text: &str) -> Result<(), NumberError> {
    if is_in_scientific_notation(text) {
        return Err(NumberError::ScientificNotation);
    }
    let is_several = |text: &str| is_several_by_slash(split_extension(text).0);
    if text.contains('/') && is_several(text) || is_several_by_separator(text) {
        return Err(NumberError::SeveralNumbers);
    }
    Ok(())
}

/// `4.93012e+11`, with a point or a comma.
fn is_in_scientific_notation(text: &str) -> bool {
    let are_digits = |text: &str| !text.is_empty() && digits_in(text) == text.len();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    [whole, fraction, exponent.strip_prefix('+').unwrap_or(exponent)].into_iter().all(are_digits)
}

/// `0301234/0305678`, `030 910019 / -20`; not `030/1234567`.
fn is_several_by_slash(text: &str) -> bool {
    text.match_indices('/').any(|(at, _)| {
        let (before, behind) = (&text[..at], text[at + 1..].trim_start_matches([' ', '(', '[']));
        // `+43 (0)664`: not a digit of the number.
        let digits_before = digits_in(before) - usize::from(before.contains("(0)"));
        let shortest = match before.trim_start().starts_with('+') || before.trim_start().starts_with("00") {
            true => SHORTEST_ABROAD_BEFORE_SLASH,
            false => SHORTEST_BEFORE_SLASH,
        };
        digits_before >= shortest
            && (behind.starts_with(['+', '-'])
                || behind.starts_with('0') && digits_in(behind) >= SHORTEST_BEHIND_SLASH)
    })
}

/// `0301234567;0301234568`; not `,,1234567`, which is a pause, nor what a label is before or behind.
fn is_several_by_separator(text: &str) -> bool {
    text.match_indices([';', ',']).any(|(at, _)| {
        let (before, behind) = (text[..at].trim_end(), text[at + 1..].trim_start_matches([' ', '(', '[']));
        before.ends_with(|c: char| c.is_ascii_digit() || matches!(c, ')' | ']'))
            && behind.starts_with(|c: char| c.is_ascii_digit() || c == '+')
            && digits_in(behind) >= SHORTEST_BEHIND_SEPARATOR
    })
}

fn digits_in(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Splits an extension off a [`folded`] text: `x12`, `ext. 12`, `;ext=12`, `,,12`, `#12`, `- 12#`.
///
/// What stands before it must have a digit; otherwise there is no number that it could belong to.
pub(super) fn split_extension(text: &str) -> (&str, Option<&str>) {
    // The usual number has none of the characters that introduce one.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b' ' | b'-'..=b'/' | b'(' | b')'))
    {
        return (text, None);
    }
    let (body, hash) = match text.trim_end().strip_suffix('#') {
        Some(body) => (body, true),
        None => (text.trim_end(), false),
    };
    let before = body.trim_end_matches(|c: char| c.is_ascii_digit());
    let extension = &body[before.len()..];
    if extension.is_empty() {
        return (text, None);
    }
    let bare = before.trim_end_matches(AFTER_LABEL);
    let commas = before[bare.len()..].matches(',').count();
    let labelled = EXTENSION_LABELS.iter().find_map(|&(label, limit)| {
        let number = match label {
            // Commas are both a label and what follows one.
            "," | ",," => (commas >= label.len()).then_some(bare),
            _ => without_suffix(bare, label),
        };
        number.map(|number| (number, limit))
    });
    let unlabelled = (hash && bare.len() < before.len()).then_some((bare, MAX_UNLABELLED_EXTENSION));
    match labelled.or(unlabelled) {
        Some((number, limit))
            if extension.len() <= limit && number.bytes().any(|byte| byte.is_ascii_digit()) =>
        {
            (number.trim_end_matches([' ', ',']), Some(extension))
        }
        _ => (text, None),
    }
}

/// `text` without `suffix`, which is in lower case.
fn without_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let mut characters = text.chars();
    for expected in suffix.chars().rev() {
        if !characters.next_back()?.to_lowercase().eq([expected]) {
            return None;
        }
    }
    Some(characters.as_str())
}

/// What would be dialled: ASCII digits, with a plus sign first if there is one. At least one digit.
pub(super) fn dialled(number: &str) -> Result<String, NumberError> {
    let mut dialled = String::with_capacity(number.len());
    for character in number.chars() {
        match character {
            '0'..='9' => dialled.push(character),
            '+' if dialled.is_empty() => dialled.push(character),
            '*' | '#' => return Err(NumberError::FeatureCode(character)),
            _ if PUNCTUATION.contains(&character) => {}
            _ => return Err(NumberError::NotInANumber(character)),
        }
    }
    match dialled.as_str() {
        "" | "+" => Err(NumberError::NoDigits),
        _ => Ok(dialled),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::uri;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_plainly_dialled_is_what_is_dialled(text in r"[0-9 +()./x;,#-]{0,12}|[0-9 +()./-]{0,31}") {
            let Some(plainly) = plainly_dialled(&text) else { return Ok(()) };
            let address = uri::read(&text).unwrap();
            let folded = folded(&address.user);
            let (written, extension) = split_extension(folded.trim());
            prop_assert_eq!(extension, None);
            prop_assert_eq!(dialled(written).unwrap().into_bytes(), plainly.to_vec());
        }
    }

    #[test]
    fn the_usual_number_is_plainly_dialled() {
        for text in ["030 / 12 34-56", "+49 (0)30.123456", "0", "+1"] {
            assert!(plainly_dialled(text).is_some(), "{text}");
        }
        for text in ["", "+", "()", "1 + 2", "030 12 x3", "+49 30 12\u{a0}34", "tel:12", "0301234/0305678"] {
            assert_eq!(plainly_dialled(text), None, "{text}");
        }
    }

    #[test]
    fn several_numbers_are_not_one() {
        for text in [
            "0301234/0305678",
            "030 910019 / -20",
            "030 910019/+49 30 910020",
            "030 1000005 / (030) 1000006",
            "0301234/0305678 x12",
            "+49301234567/0301234568",
            "0049 30 1234567 / +49 30 1234568",
            "0301000022;0301000023",
            "0301000022; (030) 1000023",
            "0301000024,171200300",
        ] {
            assert_eq!(check_is_one(text), Err(NumberError::SeveralNumbers), "{text}");
        }
        for text in [
            "030/1234567",
            "030 12345/67",
            "030 123456/0",
            "030 123456/0 x123",
            "020 7946/0018",
            "+44(0)7736/093842",
            "+420 603/012345",
            "+1 (212) 555/0199",
            "+49 (0)30 / 12345-67",
            "+43 (0)664 / 0123456",
            "030 12345678;123456",
            "030 12345678, 12",
            "030 12345678,,1234567",
            "030 12345678, , 1234567",
            "030 12345678;ext=1234567",
            "030 12345678 ext., 1234567",
        ] {
            assert_eq!(check_is_one(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn scientific_notation_is_told_from_letters() {
        for text in ["4.93012e+11", "4,93012E+11", "4.93012345678E11", "5E+11"] {
            assert_eq!(check_is_one(text), Err(NumberError::ScientificNotation), "{text}");
        }
        for text in ["030 12 ext 3", "e+11", "4.93e", "4.9.3e+11", "4.93e-11", "1 e 2"] {
            assert_eq!(check_is_one(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn labels_and_limits_of_extensions_are_those_of_the_library() {
        let (shared, _ours) = EXTENSION_LABELS.split_last_chunk::<3>().unwrap();
        for &(label, _) in shared {
            let label = if label == ";ext" { ";ext=" } else { label };
            for length in 1..=21 {
                let text = format!("030 12345678{label}{}", "7".repeat(length));
                let theirs = PHONE_NUMBER_UTIL.parse(&text, Some(rlibphonenumber::Region::DE)).ok();
                let theirs = theirs.and_then(|number| number.extension);
                assert_eq!(split_extension(&text).1.map(str::to_owned), theirs, "{text}");
            }
        }
    }

    #[test]
    fn an_extension_needs_a_number_before_it() {
        for text in ["x12", "ext. 12", "#31", "*,,12", "ab x12c"] {
            assert_eq!(split_extension(text), (text, None));
        }
        assert_eq!(split_extension("1 x2"), ("1", Some("2")));
    }

    #[test]
    fn digits_of_all_scripts_become_ascii() {
        assert_eq!(folded("０١۲३৪５６𝟕"), "01234567");
        assert_eq!(folded("½Ⅳ²"), "½Ⅳ²");
    }
}
