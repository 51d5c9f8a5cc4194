use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, digits: &str) -> bool {
    NumberPattern::parse(pattern).unwrap().matches(digits.as_bytes())
}

#[track_caller]
fn refused(text: &str, position: usize, found: Found, expected: &str) {
    let error = NumberPattern::parse(text).unwrap_err();
    assert_eq!((error.position, error.found), (position, found), "{text:?}: {error}");
    assert!(error.expected.contains(expected), "{text:?}: {error}");
}

#[test]
fn letters_stand_for_digits_from_0_1_and_2() {
    for (letter, lowest) in [("X", 0), ("Z", 1), ("N", 2), ("x", 0), ("z", 1), ("n", 2)] {
        for digit in 0..=9 {
            assert_eq!(matches(letter, &digit.to_string()), digit >= lowest, "{letter} and {digit}");
        }
    }
}

/// It would never match: the E.164 form has no such zero. A whole number is read as people write it.
#[test]
fn a_zero_in_parentheses_behind_a_country_code_is_refused_unless_it_is_a_whole_number() {
    refused("+49 (0)30 11XX", 4, Found::Character('('), "without (0)");
    refused("+49(0)30!", 3, Found::Character('('), "without (0)");
    assert!(NumberPattern::parse("+49 (0)30 1188").is_ok());
    assert!(matches("(0)30 11XX", "0301188"));
}

#[test]
fn a_set_holds_single_digits_and_ranges() {
    for digit in 0..=9 {
        assert_eq!(matches("[1-37]", &digit.to_string()), [1, 2, 3, 7].contains(&digit), "{digit}");
    }
    assert!(matches("5[0-9][5-5]", "555"));
    assert!(matches("[11-1]", "1"));
}

#[test]
fn a_dot_is_one_or_more_digits_and_an_exclamation_mark_any_or_none() {
    assert!(!matches("030.", "030"));
    assert!(matches("030.", "0301"));
    assert!(matches("030.", "03012345678901234567890"));
    assert!(matches("030!", "030"));
    assert!(matches("030!", "0301"));
    assert!(!matches(".", ""));
    assert!(matches("!", ""));
    assert!(!matches("!", "12a"));
}

#[test]
fn without_them_the_whole_number_counts() {
    assert!(matches("12X", "129"));
    assert!(!matches("12X", "12"));
    assert!(!matches("12X", "1299"));
}

#[test]
fn separators_make_numbers_readable_and_mean_nothing() {
    assert!(matches("(030) 55-51/00", "030555100"));
    assert!(matches("030 5551 XX - ", "030555199"));
    assert!(matches("030 . ", "0301"));
}

#[test]
fn a_plus_asks_for_the_e164_form() {
    assert!(NumberPattern::parse("+49 30 X.").unwrap().is_international());
    assert!(!NumberPattern::parse("4930X.").unwrap().is_international());
    assert!(matches("+49 30 X.", "493012"));
}

#[test]
fn the_mark_of_asterisk_is_ignored() {
    assert!(matches("_0X.", "0301"));
    let international = NumberPattern::parse("_+49301").unwrap();
    assert!(international.is_international());
    assert_eq!(international.literal(), Some("+49301"));
}

#[test]
fn only_digits_make_a_literal() {
    assert_eq!(NumberPattern::parse("030 / 555").unwrap().literal(), Some("030 / 555"));
    for pattern in ["03X", "03[1]", "03.", "03!", "."] {
        assert_eq!(NumberPattern::parse(pattern).unwrap().literal(), None, "{pattern}");
    }
}

#[test]
fn what_is_written_is_shown() {
    assert_eq!(NumberPattern::parse("_0 30-x.").unwrap().to_string(), "_0 30-x.");
}

#[test]
fn errors_point_at_the_byte() {
    use Found::{Character, End};
    refused("", 0, End, "a digit");
    refused("+", 1, End, "a digit");
    refused("_", 1, End, "a digit");
    refused(" - ", 3, End, "a digit");
    refused("03A", 2, Character('A'), "a digit, X");
    refused("ü", 0, Character('ü'), "a digit, X");
    refused("0٣", 1, Character('٣'), "a digit, X");
    refused("0+49", 1, Character('+'), "only at the beginning");
    refused("0_3", 1, Character('_'), "a digit, X");
    refused("030.5", 4, Character('5'), "the end");
    refused("030.!", 4, Character('!'), "the end");
    refused("030]", 3, Character(']'), "a digit, X");
    refused("0[", 2, End, "a digit, a range");
    refused("0[]", 2, Character(']'), "a digit, a range");
    refused("0[12", 4, End, "a digit, a range");
    refused("0[X]", 2, Character('X'), "a digit, a range");
    refused("0[-3]", 2, Character('-'), "a digit, a range");
    refused("0[1-]", 4, Character(']'), "the last digit of the range");
    refused("0[3-1]", 4, Character('1'), "not below its first");
    refused("0[1-37", 6, End, "a digit, a range");
}

#[test]
fn what_can_never_match_is_refused() {
    use Found::Character;
    refused("+030", 1, Character('0'), "1 to 9");
    refused("+[0]30", 1, Character('['), "1 to 9");
    assert!(NumberPattern::parse("+X30").is_ok());
    refused("+1234567890123456", 16, Character('6'), "15 digits");
    refused("+123456789012345.", 16, Character('.'), "15 digits");
    assert!(NumberPattern::parse("+123456789012345!").is_ok());
}

#[test]
fn a_pattern_has_at_most_64_characters() {
    assert!(NumberPattern::parse(&"1".repeat(64)).is_ok());
    refused(&"1".repeat(65), 64, Found::Character('1'), "64 characters");
    // Characters are counted, bytes are told.
    refused(&format!("1{}X", "ü".repeat(63)), 127, Found::Character('X'), "64 characters");
}

#[test]
fn an_error_reads_as_a_sentence() {
    let error = NumberPattern::parse("030.5").unwrap_err().to_string();
    assert_eq!(error, "found '5' at byte 4, expected the end: nothing can follow . or !");
}

/// One piece of a pattern: how it is written and which digits it allows; `None` for the two that end it.
#[derive(Debug, Clone)]
enum Piece {
    Place(String, Vec<char>),
    Separator(char),
}

fn piece() -> impl Strategy<Value = Piece> {
    let digit = || proptest::char::range('0', '9');
    let range = (digit(), digit()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let set = prop::collection::vec(
        prop_oneof![digit().prop_map(|d| (d, None)), range.prop_map(|(a, b)| (a, Some(b)))],
        1..4,
    );
    prop_oneof![
        6 => digit().prop_map(|digit| Piece::Place(digit.to_string(), vec![digit])),
        2 => prop_oneof![Just("X"), Just("x")].prop_map(|x| Piece::Place(x.into(), ('0'..='9').collect())),
        1 => prop_oneof![Just("Z"), Just("z")].prop_map(|z| Piece::Place(z.into(), ('1'..='9').collect())),
        1 => prop_oneof![Just("N"), Just("n")].prop_map(|n| Piece::Place(n.into(), ('2'..='9').collect())),
        2 => set.prop_map(|parts| {
            let written = parts.iter().map(|(first, last)| match last {
                Some(last) => format!("{first}-{last}"),
                None => first.to_string(),
            });
            let allowed = parts.iter().flat_map(|(first, last)| *first..=last.unwrap_or(*first));
            Piece::Place(format!("[{}]", written.collect::<String>()), allowed.collect())
        }),
        1 => prop_oneof![Just(' '), Just('-'), Just('('), Just(')'), Just('/')].prop_map(Piece::Separator),
    ]
}

/// The rules again, as plainly as they can be put: by trying every way to match, one digit at a time.
fn reference(pieces: &[Piece], end: &str, number: &[char]) -> bool {
    match (pieces, number) {
        ([Piece::Separator(_), pieces @ ..], _) => reference(pieces, end, number),
        ([Piece::Place(_, allowed), pieces @ ..], [digit, number @ ..]) => {
            allowed.contains(digit) && reference(pieces, end, number)
        }
        ([Piece::Place(..), ..], []) => false,
        ([], []) => end != ".",
        ([], [_, number @ ..]) => match end {
            "." => number.is_empty() || reference(pieces, end, number),
            "!" => reference(pieces, end, number),
            _ => false,
        },
    }
}

/// A number that fits the places, with some digits more or fewer and now and then another one: numbers
/// made at random hardly ever fit.
fn nearly_fitting(
    pieces: &[Piece],
    choices: &[u8],
    more: &str,
    cut: usize,
    spoil: Option<(usize, char)>,
) -> String {
    let places = pieces.iter().filter_map(|piece| match piece {
        Piece::Place(_, allowed) => Some(allowed),
        Piece::Separator(_) => None,
    });
    let mut number: Vec<char> = places
        .zip(choices.iter().cycle())
        .map(|(allowed, choice)| allowed[usize::from(*choice) % allowed.len()])
        .chain(more.chars())
        .collect();
    number.truncate(number.len().saturating_sub(cut));
    if let Some((place, digit)) = spoil
        && let length @ 1.. = number.len()
    {
        number[place % length] = digit;
    }
    number.into_iter().collect()
}

proptest! {
    #[test]
    fn matching_agrees_with_the_reference(
        pieces in prop::collection::vec(piece(), 0..9),
        end in prop_oneof![Just(""), Just("."), Just("!")],
        mark in prop_oneof![Just(""), Just("_")],
        choices in prop::collection::vec(any::<u8>(), 1..9),
        more in "[0-9]{0,3}",
        cut in prop_oneof![3 => Just(0), 1 => 1..3_usize],
        spoil in prop::option::weighted(0.3, (0..9_usize, proptest::char::range('0', '9'))),
    ) {
        let written: String = pieces.iter().map(|piece| match piece {
            Piece::Place(written, _) => written.clone(),
            Piece::Separator(separator) => separator.to_string(),
        }).collect();
        let text = format!("{mark}{written}{end}");
        prop_assume!(text.len() <= MAX_PATTERN_CHARACTERS);
        let Ok(pattern) = NumberPattern::parse(&text) else {
            // Only a pattern of nothing but separators is refused.
            prop_assert!(end.is_empty() && pieces.iter().all(|piece| matches!(piece, Piece::Separator(_))));
            return Ok(());
        };
        let number = nearly_fitting(&pieces, &choices, &more, cut, spoil);
        let expected = reference(&pieces, end, &number.chars().collect::<Vec<_>>());
        prop_assert_eq!(pattern.matches(number.as_bytes()), expected, "{} and {}", text, number);
    }

    #[test]
    fn no_text_and_no_bytes_make_it_panic(text in ".{0,70}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        match NumberPattern::parse(&text) {
            Ok(pattern) => { let _ = pattern.matches(&bytes); }
            Err(error) => prop_assert!(text.is_char_boundary(error.position), "{}", error),
        }
    }

    #[test]
    fn texts_of_the_right_characters_do_not_make_it_panic(
        text in r"_?\+?[0-9XZNxzn\[\]\-.! ()/]{0,20}",
        digits in "[0-9]{0,20}",
    ) {
        match NumberPattern::parse(&text) {
            Ok(pattern) => { let _ = pattern.matches(digits.as_bytes()); }
            Err(error) => prop_assert!(text.is_char_boundary(error.position), "{}", error),
        }
    }
}
