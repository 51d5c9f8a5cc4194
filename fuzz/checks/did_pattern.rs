//! Patterns and ranges of dialled numbers, held against a reading of their table (`snapshot/pattern.rs`) that knows
//! nothing of how they are compiled.
//!
//! The text is lines: a pattern, another one, then digits to try on them.

use ringroute::snapshot::number_range::NumberRange;
use ringroute::snapshot::pattern::{NumberPattern, SAMPLES};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let tried: Vec<&str> = lines.take(4).collect();
    let patterns = [first, second].map(|text| pattern(text, &tried));
    if let [Some(one), Some(other)] = &patterns {
        for (a, b) in [(one, other), (other, one), (one, one)] {
            if a.covers_digits_of(b) {
                for digits in samples(b).iter().map(String::as_str).chain(tried.iter().copied()) {
                    let digits = digits.trim_start_matches('+').as_bytes();
                    assert!(!b.matches(digits) || a.matches(digits), "{a} does not cover {b}: {digits:?}");
                }
            }
        }
    }
    for text in [first, second] {
        if let Some(Ok(range)) = NumberRange::parse(text) {
            check_range(&range, text, &tried, patterns.iter().flatten());
        }
    }
}

fn samples(pattern: &NumberPattern) -> Vec<String> {
    // An extension is not in a sample.
    if pattern.has_extension() { Vec::new() } else { (0..SAMPLES).map(|turn| pattern.sample(turn)).collect() }
}

fn pattern(text: &str, tried: &[&str]) -> Option<NumberPattern> {
    let pattern = match NumberPattern::parse(text) {
        Ok(pattern) => pattern,
        Err(error) => {
            assert!(text.is_char_boundary(error.position), "{text:?}: {error}");
            return None;
        }
    };
    assert_eq!(pattern.to_string(), text);
    let units = units(text);
    let samples = samples(&pattern);
    for sample in &samples {
        let digits = sample.trim_start_matches('+').as_bytes();
        assert!(pattern.matches(digits), "{sample} of {text:?}");
        assert_eq!(sample.starts_with('+'), pattern.is_international());
    }
    for digits in samples.iter().map(|sample| sample.trim_start_matches('+')).chain(tried.iter().copied()) {
        let digits = digits.as_bytes();
        let fits = fits(&units, digits);
        assert_eq!(pattern.matches(digits), fits, "{text:?} and {digits:?}");
        if !fits {
            continue;
        }
        assert!(digits.len() >= pattern.fewest_digits(), "{text:?} and {digits:?}");
        for (place, digit) in digits.iter().enumerate() {
            assert!(pattern.may_have(place, Some(*digit)), "{text:?} and {digits:?} at {place}");
        }
        assert!(pattern.may_have(digits.len(), None), "{text:?} and {digits:?}");
        if let Some((lowest, highest)) = pattern.extremes() {
            assert!((lowest.as_bytes()..=highest.as_bytes()).contains(&digits), "{text:?} and {digits:?}");
        }
        if let Some(extension) = pattern.extension(digits) {
            let before = text.split("{{").next().map_or(0, |before| self::units(before).len());
            assert_eq!(extension.as_ptr(), digits[before..].as_ptr());
            assert!(!extension.is_empty());
        }
        if let Some(literal) = pattern.literal() {
            let plain: String = literal.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(plain.as_bytes(), digits, "{text:?}");
        }
    }
    Some(pattern)
}

/// A part of a pattern.
enum Unit {
    /// One digit of these.
    One(String),
    /// So many digits at least, any.
    More(usize),
}

/// What a pattern that was accepted is made of.
fn units(text: &str) -> Vec<Unit> {
    let text = text.strip_prefix('_').unwrap_or(text);
    let text = text.strip_prefix('+').unwrap_or(text).replace("{{.Ext}}", "E");
    let mut characters = text.chars();
    let mut units = Vec::new();
    while let Some(character) = characters.next() {
        units.push(match character {
            ' ' | '-' | '(' | ')' | '/' => continue,
            'x' | 'X' => Unit::One("0123456789".to_owned()),
            'z' | 'Z' => Unit::One("123456789".to_owned()),
            'n' | 'N' => Unit::One("23456789".to_owned()),
            '.' | 'E' => Unit::More(1),
            '!' => Unit::More(0),
            '[' => {
                let inside: Vec<char> = characters.by_ref().take_while(|c| *c != ']').collect();
                let mut set = String::new();
                let mut place = 0;
                while place < inside.len() {
                    if inside.get(place + 1) == Some(&'-') {
                        set.extend(inside[place]..=inside[place + 2]);
                        place += 3;
                    } else {
                        set.push(inside[place]);
                        place += 1;
                    }
                }
                Unit::One(set)
            }
            digit => Unit::One(digit.to_string()),
        });
    }
    units
}

/// Tries every way to lay the digits on the units.
fn fits(units: &[Unit], digits: &[u8]) -> bool {
    match units.split_first() {
        None => digits.is_empty(),
        Some((Unit::One(set), rest)) => digits
            .split_first()
            .is_some_and(|(digit, more)| set.contains(char::from(*digit)) && fits(rest, more)),
        Some((Unit::More(fewest), rest)) => (*fewest..=digits.len())
            .any(|count| digits[..count].iter().all(u8::is_ascii_digit) && fits(rest, &digits[count..])),
    }
}

fn check_range<'a>(
    range: &NumberRange,
    text: &str,
    tried: &[&str],
    patterns: impl Iterator<Item = &'a NumberPattern>,
) {
    let (first, last) = range.ends();
    let value = |digits: &str| digits.parse::<u64>().unwrap();
    assert_eq!((first.len(), range.to_string().as_str()), (last.len(), text));
    assert_eq!(range.count(), value(last) - value(first) + 1);
    assert_eq!(range.number_at(0).as_deref(), Some(first));
    assert_eq!(range.number_at(range.count() - 1).as_deref(), Some(last));
    assert_eq!(range.number_at(range.count()), None);
    let places = [0, 1, range.count() / 2, range.count().saturating_sub(2)];
    let inside: Vec<String> = places.into_iter().filter_map(|place| range.number_at(place)).collect();
    for digits in inside.iter().map(String::as_str).chain(tried.iter().copied()) {
        let is_number = digits.len() == first.len() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let expected = is_number && (value(first)..=value(last)).contains(&value(digits));
        assert_eq!(range.contains(digits.as_bytes()), expected, "{text:?} and {digits:?}");
        if expected {
            for (place, digit) in digits.bytes().enumerate() {
                assert!(range.may_have(place, Some(digit)), "{text:?} and {digits:?}");
            }
            assert!(range.may_have(digits.len(), None));
        }
    }
    for pattern in patterns {
        if pattern.covers_range(first, last) {
            for digits in &inside {
                assert!(pattern.matches(digits.as_bytes()), "{pattern} does not cover {text:?}: {digits}");
            }
        }
    }
}
