//! Numbers that fit a pattern, for trying routes out.

use super::{AfterPlaces, NumberPattern};

/// How many different samples of a pattern there are at most.
pub const SAMPLES: usize = 20;

impl NumberPattern {
    /// A number that has the digits of the pattern, with its `+` if it has one. Samples of different `turn`s,
    /// below [`SAMPLES`], differ in length and in the digits of wildcards where the pattern leaves a choice:
    /// not each is a number that its country could have.
    #[must_use]
    pub fn sample(&self, turn: usize) -> String {
        let mut sample = String::from(if self.international { "+" } else { "" });
        let digit = |place: &super::DigitSet| {
            let possible: Vec<u8> = (b'0'..=b'9').filter(|digit| place.contains(*digit)).collect();
            // A set is never empty; were it, nothing would fit.
            possible.get(turn % possible.len().max(1)).map(|digit| char::from(*digit))
        };
        sample.extend(self.places.iter().filter_map(digit));
        let more = match self.after_places {
            AfterPlaces::Nothing => 0,
            AfterPlaces::OneOrMore => 1 + turn % 10,
            AfterPlaces::ZeroOrMore => turn % 10,
        };
        sample.extend(std::iter::repeat_n('1', more));
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_digits_that_fit() {
        for text in ["+49301234", "030X", "+4930.", "N!", "_[1-37]ZX.", "112", "+!", "."] {
            let pattern = NumberPattern::parse(text).unwrap();
            for turn in 0..SAMPLES {
                let sample = pattern.sample(turn);
                assert_eq!(sample.starts_with('+'), text.starts_with('+'), "{text}");
                assert!(pattern.matches(sample.trim_start_matches('+').as_bytes()), "{sample} of {text}");
            }
        }
    }
}
