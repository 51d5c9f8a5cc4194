//! Patterns of dialled and calling numbers, as dial plans write them.
//!
//! | written | stands for |
//! |---|---|
//! | `0` to `9` | that digit |
//! | `X`, `Z`, `N` (or small) | a digit from 0, from 1, from 2 to 9 |
//! | `[1-37]` | one digit of a set: single digits and ranges, here 1, 2, 3 and 7 |
//! | `.` at the end | one or more digits, any |
//! | `!` at the end | any digits, or none |
//! | `{{.Ext}}`, once, without `.` and `!` | one or more digits, any: the extension ([`NumberPattern::extension`]) |
//! | `+` at the beginning | what follows is compared with the E.164 form of a number only |
//! | `_` at the very beginning | nothing: Asterisk marks its patterns so, and they may be pasted here |
//! | space `-` `(` `)` `/` | nothing, outside a set: they only make a number easier to read |
//!
//! A pattern without `+` is compared with the digits as they were dialled and, the plus left out, with the
//! E.164 form. A pattern that is just a number ([`NumberPattern::literal`]) is also a number that a call's
//! region can turn into E.164; whoever holds the pattern does that.
//!
//! What can never match (`+0…`, `+49 (0)30…` unless it is a whole number, more than 15 digits after a `+`) is
//! refused, so that a typing error shows when a route is saved and not when it is missed.

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
    /// How many places are before the extension, if there is one; the others are behind it.
    before_extension: Option<usize>,
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

/// How people write the zero that is dialled within a country only.
pub(super) const TRUNK_ZERO: &str = "(0)";

/// What stands for the extension in a pattern, and in the target of a destination.
pub const EXTENSION: &str = "{{.Ext}}";

const EXPECTED_PLACE: &str = "a digit, X (0-9), Z (1-9), N (2-9), a set such as [1-37] or {{.Ext}}; a + only at the beginning, . or ! only at the end";
const EXPECTED_AFTER_EXTENSION: &str =
    "a digit, X, Z, N or a set: with {{.Ext}} there is no second one, and no . or !";
/// Also of ranges.
pub(super) const EXPECTED_WITHOUT_ZERO: &str =
    "the digits without (0), which is not part of the number for callers from abroad, nor of its E.164 form";
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
            before_extension: None,
            literal: true,
        };
        let unmarked = text.strip_prefix('_').unwrap_or(text);
        let body = unmarked.strip_prefix('+').unwrap_or(unmarked);
        pattern.international = body.len() < unmarked.len();

        let mut places = Vec::new();
        let mut reader = Reader { text, position: text.len() - body.len() };
        let mut zero = None;
        loop {
            let start = reader.clone();
            let Some(character) = reader.take() else { break };
            if is_separator(character) {
                if pattern.international && start.rest().starts_with(TRUNK_ZERO) {
                    zero = Some(start);
                }
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
                '.' | '!' if pattern.before_extension.is_some() => {
                    return start.refuse(EXPECTED_AFTER_EXTENSION);
                }
                '.' | '!' => None,
                '{' if start.rest().starts_with(EXTENSION) => {
                    if pattern.before_extension.is_some() {
                        return start.refuse(EXPECTED_AFTER_EXTENSION);
                    }
                    pattern.before_extension = Some(places.len());
                    pattern.literal = false;
                    reader.position = start.position + EXTENSION.len();
                    continue;
                }
                _ => return start.refuse(EXPECTED_PLACE),
            };
            pattern.literal &= character.is_ascii_digit();
            match place {
                Some(place) => places.push(place),
                None if character == '.' => pattern.after_places = AfterPlaces::OneOrMore,
                None => pattern.after_places = AfterPlaces::ZeroOrMore,
            }
            if pattern.international {
                let fewest_digits = places.len()
                    + usize::from(pattern.after_places == AfterPlaces::OneOrMore)
                    + usize::from(pattern.before_extension.is_some());
                if fewest_digits > MAX_DIGITS {
                    return start
                        .refuse("the end: an international number has at most 15 digits (ITU-T E.164)");
                }
                if places == [DigitSet::of('0'..='0')] {
                    return start.refuse("1 to 9: no international number begins with 0 (ITU-T E.164)");
                }
            }
        }
        let is_anything = pattern.after_places != AfterPlaces::Nothing || pattern.before_extension.is_some();
        if places.is_empty() && !is_anything {
            return reader.refuse(EXPECTED_PLACE);
        }
        // A whole number is read as people write it.
        if let Some(zero) = zero.filter(|_| !pattern.literal) {
            return zero.refuse(EXPECTED_WITHOUT_ZERO);
        }
        pattern.places = places.into();
        Ok(pattern)
    }

    /// Whether these ASCII digits, all of them, fit the pattern. Anything else in `digits` does not fit.
    #[must_use]
    pub fn matches(&self, digits: &[u8]) -> bool {
        if self.before_extension.is_some() {
            return self.extension(digits).is_some();
        }
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

    /// The extension in these digits, if the pattern has one and they fit.
    #[must_use]
    pub fn extension<'d>(&self, digits: &'d [u8]) -> Option<&'d [u8]> {
        let (before, behind) = self.places.split_at(self.before_extension?);
        let (first, rest) = digits.split_at_checked(before.len())?;
        let (extension, last) = rest.split_at_checked(rest.len().checked_sub(behind.len())?)?;
        let fit = |digits: &[u8], places: &[DigitSet]| {
            digits.iter().zip(places).all(|(digit, place)| place.contains(*digit))
        };
        let fits = fit(first, before) && fit(last, behind) && extension.iter().all(u8::is_ascii_digit);
        (fits && !extension.is_empty()).then_some(extension)
    }

    /// Whether it takes an extension out of the number.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.before_extension.is_some()
    }

    /// Fewest digits that fit.
    #[must_use]
    pub fn fewest_digits(&self) -> usize {
        let more = self.after_places == AfterPlaces::OneOrMore || self.before_extension.is_some();
        self.places.len() + usize::from(more)
    }

    /// Whether a digit can stand at a place from 0, or with `None`, whether the number can end there. May
    /// say yes too often, never no.
    #[must_use]
    pub fn may_have(&self, place: usize, digit: Option<u8>) -> bool {
        let fixed = self.before_extension.unwrap_or(self.places.len());
        match digit {
            Some(digit) if place < fixed => self.places[place].contains(digit),
            Some(_) => self.after_places != AfterPlaces::Nothing || self.before_extension.is_some(),
            None if self.after_places == AfterPlaces::Nothing && self.before_extension.is_none() => {
                place == self.places.len()
            }
            None => place >= self.fewest_digits(),
        }
    }

    /// Whether all digits that fit `other` fit this pattern too. May say no too often, never yes: an extension
    /// may have to exist.
    #[must_use]
    pub fn covers_digits_of(&self, other: &NumberPattern) -> bool {
        if self.has_extension() {
            let same = |pattern: &NumberPattern| (pattern.places.clone(), pattern.before_extension);
            return same(self) == same(other);
        }
        let other_is_finite = other.after_places == AfterPlaces::Nothing && !other.has_extension();
        let is_long_enough = match self.after_places {
            AfterPlaces::Nothing => other_is_finite && other.places.len() == self.places.len(),
            _ => other.fewest_digits() >= self.fewest_digits(),
        };
        let fixed = other.before_extension.unwrap_or(other.places.len());
        let place_of_other =
            |place: usize| other.places[..fixed].get(place).copied().unwrap_or(DigitSet::of('0'..='9'));
        is_long_enough
            && self.places.iter().enumerate().all(|(place, digits)| digits.has_all_of(place_of_other(place)))
    }

    /// Whether all numbers from the first to the last, which have as many digits, fit this pattern.
    #[must_use]
    pub fn covers_range(&self, first: &str, last: &str) -> bool {
        let is_long_enough = match self.after_places {
            AfterPlaces::Nothing => first.len() == self.places.len(),
            _ => first.len() >= self.fewest_digits(),
        };
        let value = |digits: &str| digits.parse::<u64>().unwrap_or_default();
        // Up to each place, every number between the first and the last occurs.
        let digits_at = |place: usize| {
            let (low, high) = (value(&first[..=place]), value(&last[..=place]));
            (low..=high.min(low + 9)).fold(DigitSet(0), |set, number| DigitSet(set.0 | 1 << (number % 10)))
        };
        !self.has_extension()
            && is_long_enough
            && self.places.iter().enumerate().all(|(place, digits)| digits.has_all_of(digits_at(place)))
    }

    /// The lowest and the highest digits that fit, when all have the same length.
    #[must_use]
    pub fn extremes(&self) -> Option<(String, String)> {
        if self.after_places != AfterPlaces::Nothing || self.has_extension() {
            return None;
        }
        let digits = || self.places.iter().map(|set| ('0'..='9').filter(|digit| set.contains(*digit as u8)));
        Some((
            digits().filter_map(|mut d| d.next()).collect(),
            digits().filter_map(|mut d| d.next_back()).collect(),
        ))
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

    fn has_all_of(self, other: DigitSet) -> bool {
        other.0 & !self.0 == 0
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

    fn rest(&self) -> &str {
        &self.text[self.position..]
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
