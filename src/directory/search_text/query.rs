//! What somebody types to find a contact.

/// What a contact must have: of each word, one of its alternatives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The longest first. In lower case.
    words: Vec<Vec<Vec<u8>>>,
}

/// Fewest digits of a word that are looked for among the digits of numbers, whatever is between them.
const MIN_DIGITS: usize = 3;

impl Query {
    /// Reads a text. A number may be typed in groups, with zeros in front: it is looked for by its digits. Of
    /// anything else, all words have to be there, in any order.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Query::default();
        }
        let mut words: Vec<Vec<Vec<u8>>> = match digits_of(&text) {
            Some(digits) => vec![alternatives(&text, digits)],
            None => {
                let word = |word: &str| match digits_of(word) {
                    Some(digits) if digits.len() >= MIN_DIGITS => alternatives(word, digits),
                    _ => vec![word.as_bytes().to_vec()],
                };
                text.split_whitespace().map(word).collect()
            }
        };
        // The longest is the rarest, by and large, and so leads.
        let shortest = |needles: &Vec<Vec<u8>>| needles.iter().map(Vec::len).min();
        words.sort_by_key(|needles| std::cmp::Reverse(shortest(needles)));
        Query { words }
    }

    /// Whether every contact fits.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.words.is_empty()
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &[Vec<u8>]> {
        self.words.iter().map(Vec::as_slice)
    }
}

fn alternatives(word: &str, digits: Vec<u8>) -> Vec<Vec<u8>> {
    // As a text it can be part of a name: "4711", "3-4".
    let text = word.as_bytes();
    if memchr::memmem::find(text, &digits).is_some() { vec![digits] } else { vec![text.to_vec(), digits] }
}

/// The digits of what looks like a number, without zeros in front, which are no part of its international form.
fn digits_of(text: &str) -> Option<Vec<u8>> {
    let is_number = text.chars().all(|c| c.is_ascii_digit() || " +-/().".contains(c));
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0');
    let digits: Vec<u8> = digits.collect();
    (is_number && !digits.is_empty()).then_some(digits)
}
