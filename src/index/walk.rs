//! Every number of an index, one after another: what two indexes are compared by, and what tells who shares
//! a number. Nothing is collected.

use fst::Streamer;

use super::ContactIndex;
use super::numbers::number_of_forward;
use super::postings::Postings;
use crate::phone_number::PhoneNumber;

/// The numbers of an index, in their order. See [`ContactIndex::numbers`].
pub struct Numbers<'a> {
    index: &'a ContactIndex,
    stream: fst::set::Stream<'a>,
}

impl ContactIndex {
    /// All numbers, in their order: E.164 ones first.
    #[must_use]
    pub fn numbers(&self) -> Numbers<'_> {
        Numbers { index: self, stream: self.numbers.forward.stream() }
    }

    /// All numbers, each once, in no order that means anything: what is left of a walk where nobody asks who has them.
    pub fn numbers_unordered(&self) -> impl Iterator<Item = PhoneNumber> {
        self.numbers.table.numbers()
    }

    /// All numbers after this one, in their order.
    #[must_use]
    pub fn numbers_after(&self, number: PhoneNumber) -> Numbers<'_> {
        Numbers { index: self, stream: self.numbers.after(number) }
    }
}

impl<'a> Iterator for Numbers<'a> {
    type Item = (PhoneNumber, Postings<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        // Only numbers are ever put in, so the end is never taken for one that is none.
        let number = number_of_forward(self.stream.next()?)?;
        Some((number, self.index.exact(number)))
    }
}

impl std::fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{ContactId, NumberLabel};
    use crate::index::{ContactIndexBuilder, IndexedContact, IndexedNumber};

    fn index(numbers: &[&str]) -> ContactIndex {
        let mut builder = ContactIndexBuilder::new(Vec::new()).unwrap();
        for (place, number) in numbers.iter().enumerate() {
            let number = IndexedNumber { number: number.parse().unwrap(), label: NumberLabel::OtherNumber };
            let contact = IndexedContact {
                id: ContactId(place as u64 + 1),
                source: None,
                source_key: "",
                display_name: "",
                company: "",
                own_extension: "",
                phonebooks: &[],
                numbers: &[number],
            };
            builder.push(contact).unwrap();
        }
        builder.finish(false).unwrap()
    }

    #[test]
    fn numbers_come_in_order_each_once_with_all_who_have_it() {
        let index = index(&["112", "+4930", "+1202", "112", "+49301"]);
        let found: Vec<_> =
            index.numbers().map(|(number, postings)| (number.to_string(), postings.len())).collect();
        let expected = [("+1202", 1), ("+4930", 1), ("+49301", 1), ("112", 2)]
            .map(|(text, count)| (text.to_owned(), count));
        assert_eq!(found, expected);
        let mut unordered: Vec<String> = index.numbers_unordered().map(|number| number.to_string()).collect();
        unordered.sort_unstable();
        assert_eq!(unordered, ["+1202", "+4930", "+49301", "112"]);
    }

    #[test]
    fn a_walk_can_begin_behind_any_number() {
        let index = index(&["+1", "+12", "+2", "1", "12"]);
        for (after, expected) in [
            ("+1", vec!["+12", "+2", "1", "12"]),
            ("+11", vec!["+12", "+2", "1", "12"]),
            ("+999", vec!["1", "12"]),
            ("12", vec![]),
        ] {
            let found: Vec<_> =
                index.numbers_after(after.parse().unwrap()).map(|(number, _)| number.to_string()).collect();
            assert_eq!(found, expected, "{after}");
        }
    }
}
