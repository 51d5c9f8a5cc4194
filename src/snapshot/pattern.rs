//! Patterns of dialled and calling numbers, as dial plans write them.
//!
//! | written | stands for |
//! |---|---|
//! | `0` to `9` | that digit |
//! | `X`, `Z`, `N` (or small) | a digit from 0, from 1, from 2 to 9 |
//! | `[1-37]` | one digit of a set: single digits and ranges, here 1, 2, 3 and 7 |
//! | `.` at the end | one or more digits, any |
//! | `!` at the end | any digits, or none |
//! | `+` at the beginning | what follows is compared with the E.164 form of a number only |
//! | `_` at the very beginning | nothing: Asterisk marks its patterns so, and they may be pasted here |
//! | space `-` `(` `)` `/` | nothing, outside a set: they only make a number easier to read |
//!
//! A pattern without `+` is compared with the digits as they were dialled and, the plus left out, with the
//! E.164 form. A pattern that is just a number ([`NumberPattern::literal`]) is also a number that a call's
//! region can turn into E.164; whoever holds the pattern does that.
//!
//! What can never match (`+0…`, more than 15 digits after a `+`) is refused, so that a typing error shows
//! when a route is saved and not when it is missed.

mod sample;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::phone_number::MAX_DIGITS;

pub use sample::SAMPLES;

/// Most characters a pattern can have; there is at least one.
pub const MAX_PATTERN_CHARACTERS: usize = 64;

/// A pattern of numbers, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern {
    text: Box<str>,
    international: bool,
    /// Which digits may stand at each place.
    places: Box<[DigitSet]>,
    after_places: AfterPlaces,
    literal: bool,
}

/// Some of the ten digits: bit 0 for `0` to bit 9 for `9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DigitSet(u16);

/// What may follow the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterPlaces {
    Nothing,
    OneOrMore,
    ZeroOrMore,
}

/// Why a text is not a pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found} at byte {position}, expected {expected}")]
pub struct PatternError {
    /// Byte in the text, from 0; the length of the text when it ends too early.
    pub position: usize,
    /// What is there.
    pub found: Found,
    /// What could be there instead.
    pub expected: &'static str,
}

/// What stands where something else was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A character.
    Character(char),
    /// The end of the text.
    End,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Character(character) => write!(f, "{character:?}"),
            Found::End => f.write_str("the end"),
        }
    }
}

const EXPECTED_PLACE: &str = "a digit, X (0-9), Z (1-9), N (2-9) or a set such as [1-37]; a + only at the beginning, . or ! only at the end";
const EXPECTED_IN_SET: &str = "a digit, a range such as 1-3, or ] behind at least one of them";

impl NumberPattern {
    /// Parses a pattern; see [the module](self) for how they are written.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if let Some((position, character)) = text.char_indices().nth(MAX_PATTERN_CHARACTERS) {
            let expected = "the end: a pattern has at most 64 characters";
            return Err(PatternError { position, found: Found::Character(character), expected });
        }
        let mut pattern = NumberPattern {
            text: text.into(),
            international: false,
            places: Box::default(),
            after_places: AfterPlaces::Nothing,
            literal: true,
        };
        let unmarked = text.strip_prefix('_').unwrap_or(text);
        let body = unmarked.strip_prefix('+').unwrap_or(unmarked);
        pattern.international = body.len() < unmarked.len();

        let mut places = Vec::new();
        let mut reader = Reader { text, position: text.len() - body.len() };
        loop {
            let start = reader.clone();
            let Some(character) = reader.take() else { break };
            if is_separator(character) {
                continue;
            }
            if pattern.after_places != AfterPlaces::Nothing {
                return start.refuse("the end: nothing can follow . or !");
            }
            let place = match character.to_ascii_uppercase() {
                '0'..='9' => Some(DigitSet::of(character..=character)),
                'X' => Some(DigitSet::of('0'..='9')),
                'Z' => Some(DigitSet::of('1'..='9')),
                'N' => Some(DigitSet::of('2'..='9')),
                '[' => Some(reader.take_set()?),
                '.' | '!' => None,
                _ => return start.refuse(EXPECTED_PLACE),
            };
            pattern.literal &= character.is_ascii_digit();
            match place {
                Some(place) => places.push(place),
                None if character == '.' => pattern.after_places = AfterPlaces::OneOrMore,
                None => pattern.after_places = AfterPlaces::ZeroOrMore,
            }
            if pattern.international {
                let fewest_digits =
                    places.len() + usize::from(pattern.after_places == AfterPlaces::OneOrMore);
                if fewest_digits > MAX_DIGITS {
                    return start
                        .refuse("the end: an international number has at most 15 digits (ITU-T E.164)");
                }
                if places == [DigitSet::of('0'..='0')] {
                    return start.refuse("1 to 9: no international number begins with 0 (ITU-T E.164)");
                }
            }
        }
        if places.is_empty() && pattern.after_places == AfterPlaces::Nothing {
            return reader.refuse(EXPECTED_PLACE);
        }
        pattern.places = places.into();
        Ok(pattern)
    }

    /// Whether these ASCII digits, all of them, fit the pattern. Anything else in `digits` does not fit.
    #[must_use]
    pub fn matches(&self, digits: &[u8]) -> bool {
        let Some((first, more)) = digits.split_at_checked(self.places.len()) else { return false };
        let enough = match self.after_places {
            AfterPlaces::Nothing => more.is_empty(),
            AfterPlaces::OneOrMore => !more.is_empty(),
            AfterPlaces::ZeroOrMore => true,
        };
        enough
            && first.iter().zip(&self.places).all(|(digit, place)| place.contains(*digit))
            && more.iter().all(u8::is_ascii_digit)
    }

    /// Whether it is compared with E.164 numbers only.
    #[must_use]
    pub fn is_international(&self) -> bool {
        self.international
    }

    /// The number as written, with its `+` if it has one, when the pattern is just a number.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.literal.then(|| self.text.strip_prefix('_').unwrap_or(&self.text))
    }
}

/// The pattern as written.
impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '-' | '(' | ')' | '/')
}

impl DigitSet {
    /// The digits from the first to the last character, both of which are digits.
    fn of(digits: std::ops::RangeInclusive<char>) -> Self {
        DigitSet(digits.fold(0, |set, digit| set | 1 << (digit as u32 - '0' as u32)))
    }

    fn contains(self, digit: u8) -> bool {
        1u16.checked_shl(u32::from(digit.wrapping_sub(b'0'))).is_some_and(|bit| self.0 & bit != 0)
    }
}

/// The text, and how far it has been read.
#[derive(Clone)]
struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    /// Refuses what comes next.
    fn refuse<T>(&self, expected: &'static str) -> Result<T, PatternError> {
        let found = self.peek().map_or(Found::End, Found::Character);
        Err(PatternError { position: self.position, found, expected })
    }

    fn take_digit(&mut self, expected: &'static str) -> Result<char, PatternError> {
        match self.peek().filter(char::is_ascii_digit) {
            Some(_) => Ok(self.take().unwrap_or_default()),
            None => self.refuse(expected),
        }
    }

    /// What follows `[`, up to and with `]`.
    fn take_set(&mut self) -> Result<DigitSet, PatternError> {
        let mut set = DigitSet(0);
        while set == DigitSet(0) || self.peek() != Some(']') {
            let first = self.take_digit(EXPECTED_IN_SET)?;
            let mut last = first;
            if self.peek() == Some('-') {
                self.take();
                let expected = "the last digit of the range, which is not below its first";
                let before = self.clone();
                last = self.take_digit(expected)?;
                if last < first {
                    return before.refuse(expected);
                }
            }
            set.0 |= DigitSet::of(first..=last).0;
        }
        self.take();
        Ok(set)
    }
}
