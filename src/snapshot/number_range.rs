//! Ranges of dialled and calling numbers: `5503301-5503305`.
//!
//! A range is two numbers of the same length with one dash between them; separators but the dash may make
//! them easier to read. Both have a `+`, or neither. What is written with one dash but has halves of
//! different lengths (`030-5551234`) is a plain number, see [`super::pattern`].

use std::fmt;

use super::pattern::{EXPECTED_WITHOUT_ZERO, Found, PatternError, TRUNK_ZERO};
use crate::phone_number::MAX_DIGITS;

/// All numbers of the same length from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRange {
    text: Box<str>,
    international: bool,
    /// Digits of the first number and of the last: as many.
    first: Box<str>,
    last: Box<str>,
}

impl NumberRange {
    /// Reads a range; `None` when the text is none, so that it may be something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<Self, PatternError>> {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (Half::read(first)?, Half::read(last)?);
        if first.digits.len() != last.digits.len() {
            return None;
        }
        let second = text.find('-').map_or(0, |dash| dash + 1);
        let position = second + text[second..].len() - text[second..].trim_start().len();
        let refuse = |position: usize, expected| {
            let found = text[position..].chars().next().map_or(Found::End, Found::Character);
            Some(Err(PatternError { position, found, expected }))
        };
        if first.international != last.international {
            return refuse(position, "a + at both numbers of the range, or at neither");
        }
        if first.digits.len() > MAX_DIGITS {
            return refuse(0, "a range of numbers of at most 15 digits (ITU-T E.164)");
        }
        if first.international && first.digits.starts_with('0') {
            return refuse(0, "a country code behind the +: none begins with 0 (ITU-T E.164)");
        }
        if first.international
            && let Some(zero) = text.find(TRUNK_ZERO)
        {
            return refuse(zero, EXPECTED_WITHOUT_ZERO);
        }
        if last.digits < first.digits {
            return refuse(position, "the last number of the range, which is not below its first");
        }
        Some(Ok(NumberRange {
            text: text.into(),
            international: first.international,
            first: first.digits.into(),
            last: last.digits.into(),
        }))
    }

    /// Whether these ASCII digits are in the range.
    #[must_use]
    pub fn contains(&self, digits: &[u8]) -> bool {
        digits.len() == self.first.len()
            && digits.iter().all(u8::is_ascii_digit)
            && (self.first.as_bytes()..=self.last.as_bytes()).contains(&digits)
    }

    /// Whether it is compared with E.164 numbers only.
    #[must_use]
    pub fn is_international(&self) -> bool {
        self.international
    }

    /// The first and the last number: digits.
    #[must_use]
    pub fn ends(&self) -> (&str, &str) {
        (&self.first, &self.last)
    }

    /// How many numbers.
    #[must_use]
    pub fn count(&self) -> u64 {
        value(&self.last) - value(&self.first) + 1
    }

    /// The number at a place from 0, with its leading zeros.
    #[must_use]
    pub fn number_at(&self, place: u64) -> Option<String> {
        let number = value(&self.first) + place;
        (place < self.count()).then(|| format!("{number:0width$}", width = self.first.len()))
    }

    /// Whether a digit can stand at a place, or with `None`, whether the numbers end there. May say yes too
    /// often, never no.
    #[must_use]
    pub fn may_have(&self, place: usize, digit: Option<u8>) -> bool {
        may_have(self.first.as_bytes(), self.last.as_bytes(), place, digit)
    }
}

/// [`NumberRange::may_have`] for the digits of the first and of the last number, which are as many.
pub(super) fn may_have(first: &[u8], last: &[u8], place: usize, digit: Option<u8>) -> bool {
    match digit {
        None => place == first.len(),
        Some(_) if place >= first.len() => false,
        Some(digit) => {
            let is_common = first[..place] == last[..place];
            !is_common || (first[place]..=last[place]).contains(&digit)
        }
    }
}

/// The number that digits are; at most fifteen of them, so that they fit.
pub(super) fn value(digits: &str) -> u64 {
    digits.parse().unwrap_or_default()
}

/// The range as written.
impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Half {
    international: bool,
    digits: String,
}

impl Half {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let body = text.strip_prefix('+').unwrap_or(text);
        let digits: String = body.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '/')).collect();
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then_some(Half { international: body.len() < text.len(), digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> NumberRange {
        NumberRange::parse(text).unwrap().unwrap()
    }

    fn refused(text: &str) -> String {
        NumberRange::parse(text).unwrap().unwrap_err().to_string()
    }

    #[test]
    fn a_range_has_its_ends_and_what_is_between() {
        let range = range("5503301-5503305");
        for number in ["5503301", "5503303", "5503305"] {
            assert!(range.contains(number.as_bytes()), "{number}");
        }
        for number in ["5503300", "5503306", "550330", "55033030", "", "550330x"] {
            assert!(!range.contains(number.as_bytes()), "{number}");
        }
        assert_eq!(range.count(), 5);
    }

    #[test]
    fn leading_zeros_are_part_of_a_number() {
        let range = range("0098 - 0101");
        assert_eq!(range.count(), 4);
        assert_eq!(range.number_at(3).as_deref(), Some("0101"));
        assert_eq!(range.number_at(0).as_deref(), Some("0098"));
        assert_eq!(range.number_at(4), None);
        assert!(range.contains(b"0100") && !range.contains(b"100"));
    }

    #[test]
    fn halves_of_different_lengths_and_anything_but_digits_are_no_range() {
        for text in ["030-5551234", "5503301", "55X-560", "[1-3]", "-", "1-", "1-2-3", "_1-2"] {
            assert!(NumberRange::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_plus_is_at_both_ends_or_at_neither() {
        assert!(range("+49301-+49309").is_international());
        assert!(!range("301-309").is_international());
        let error = "found '4' at byte 8, expected a + at both numbers of the range, or at neither";
        assert_eq!(refused("+49301- 49309"), error);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        assert!(refused("305-301").starts_with("found '3' at byte 4, expected the last number"));
        assert!(refused("+0301-+0302").starts_with("found '+' at byte 0, expected a country code"));
        assert!(
            refused("+49(0)301100-+49(0)301199")
                .starts_with("found '(' at byte 3, expected the digits without (0)")
        );
        assert!(refused("1234567890123456-1234567890123457").contains("at most 15 digits"));
    }
}
