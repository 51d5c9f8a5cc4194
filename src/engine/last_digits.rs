//! What matching by last digits would mix up, before it is turned on: different contacts whose numbers end alike, so
//! that a caller with no number of theirs would be taken for all of them.
//!
//! Numbers of two known countries never match by last digits, so they are no collision; one whose country is not
//! known (plain digits) may match either. Everything is told from the snapshot: the store is not read, and a call
//! does not notice.

use std::collections::{BTreeSet, HashSet};

use super::{Engine, EngineError};
use crate::contact::ContactId;
use crate::index::{ContactIndex, ContactOrdinal, Posting};
use crate::phone_number::{MAX_DIGITS, PhoneNumber};
use crate::settings::MIN_LAST_DIGITS;

/// Most contacts that are named of one collision.
pub const MAX_COLLIDING_CONTACTS: usize = 10;

/// How many contacts would be mixed up by so many last digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDigitsCount {
    /// How many last digits.
    pub digits: u8,
    /// How many endings several contacts would share.
    pub collisions: u64,
    /// How many contacts share one.
    pub contacts: u64,
}

/// Contacts that a caller would be taken for all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDigitsCollision {
    /// The last digits.
    pub ending: String,
    /// The country code of the numbers, if any has one.
    pub country_code: Option<u16>,
    /// How many contacts have a number with them.
    pub contact_count: u64,
    /// The first [`MAX_COLLIDING_CONTACTS`], in the order of their numbers.
    pub contacts: Vec<CollidingContact>,
}

/// A contact of a collision, with the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollidingContact {
    /// Its number in the store.
    pub id: ContactId,
    /// Its name.
    pub display_name: String,
    /// Its company.
    pub company: String,
    /// Name of its source; empty when it is local.
    pub source: String,
    /// Which of its numbers.
    pub number: PhoneNumber,
}

/// A number, by its digits from the last to the first: those with the same ending are beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reversed {
    /// The digits from the last on, as one number of [`MAX_DIGITS`] digits.
    key: u64,
    length: u8,
    number: PhoneNumber,
}

/// The numbers of an index, in the order of their endings.
struct Endings<'a> {
    index: &'a ContactIndex,
    numbers: Vec<Reversed>,
}

/// Numbers of one country that end alike.
struct Group {
    key: u64,
    country_code: Option<u16>,
    numbers: Vec<PhoneNumber>,
    /// Each once.
    contacts: Vec<ContactOrdinal>,
}

impl<'a> Endings<'a> {
    fn of(index: &'a ContactIndex) -> Self {
        let mut numbers: Vec<Reversed> = index
            .numbers()
            .filter_map(|(number, _)| {
                let digits = number.digits();
                let length = u8::try_from(digits.as_bytes().len()).ok()?;
                let reversed = digits.as_bytes().iter().rev().copied().chain(std::iter::repeat(b'0'));
                let key = reversed.take(MAX_DIGITS).fold(0, |key, digit| key * 10 + u64::from(digit - b'0'));
                (length >= MIN_LAST_DIGITS).then_some(Reversed { key, length, number })
            })
            .collect();
        numbers.sort_unstable();
        Endings { index, numbers }
    }

    /// Hands every collision at so many digits to `take`.
    fn each(&self, digits: u8, mut take: impl FnMut(Group)) {
        let step = 10_u64.pow((MAX_DIGITS as u32).saturating_sub(u32::from(digits)));
        for alike in self.numbers.chunk_by(|a, b| a.key / step == b.key / step) {
            if alike.len() < 2 {
                continue;
            }
            let long = alike.iter().filter(|number| number.length >= digits).map(|reversed| reversed.number);
            let long: Vec<(PhoneNumber, Option<u16>)> =
                long.map(|number| (number, number.country_code())).collect();
            let countries: BTreeSet<u16> = long.iter().filter_map(|(_, country)| *country).collect();
            let none = countries.is_empty().then_some(None);
            for country_code in countries.into_iter().map(Some).chain(none) {
                let together =
                    long.iter().filter(|(_, country)| country.is_none() || *country == country_code);
                let numbers: Vec<PhoneNumber> = together.map(|(number, _)| *number).collect();
                if let Some(contacts) = self.several_contacts(&numbers) {
                    take(Group { key: alike[0].key / step, country_code, numbers, contacts });
                }
            }
        }
    }

    /// The contacts of these numbers, if both are more than one.
    fn several_contacts(&self, numbers: &[PhoneNumber]) -> Option<Vec<ContactOrdinal>> {
        if numbers.len() < 2 {
            return None;
        }
        let postings = numbers.iter().flat_map(|number| self.index.exact(*number));
        let mut contacts: Vec<ContactOrdinal> = postings.map(|Posting { contact, .. }| contact).collect();
        contacts.sort_unstable();
        contacts.dedup();
        (contacts.len() > 1).then_some(contacts)
    }

    fn count(&self, digits: u8) -> LastDigitsCount {
        let (mut collisions, mut contacts) = (0, HashSet::new());
        self.each(digits, |group| {
            collisions += 1;
            contacts.extend(group.contacts);
        });
        LastDigitsCount { digits, collisions, contacts: contacts.len() as u64 }
    }

    fn told(&self, digits: u8, group: &Group) -> LastDigitsCollision {
        let width = usize::from(digits);
        let mut told = HashSet::new();
        let mut contacts = Vec::new();
        for number in &group.numbers {
            for posting in self.index.exact(*number) {
                if contacts.len() == MAX_COLLIDING_CONTACTS || !told.insert(posting.contact) {
                    continue;
                }
                let contact = self.index.contact(posting.contact);
                contacts.push(CollidingContact {
                    id: contact.id,
                    display_name: contact.display_name.to_owned(),
                    company: contact.company.to_owned(),
                    source: contact.source.to_owned(),
                    number: *number,
                });
            }
        }
        LastDigitsCollision {
            ending: format!("{:0width$}", group.key).chars().rev().collect(),
            country_code: group.country_code,
            contact_count: group.contacts.len() as u64,
            contacts,
        }
    }
}

fn check(digits: u8) -> Result<(), EngineError> {
    let possible = MIN_LAST_DIGITS..=MAX_DIGITS as u8;
    if possible.contains(&digits) {
        return Ok(());
    }
    let problem = format!("{digits} is not {MIN_LAST_DIGITS} to {MAX_DIGITS}");
    Err(EngineError::BadRequest { field: "last_digits".into(), problem })
}

impl Engine {
    /// For every number of last digits that there can be, how many contacts would be mixed up. Blocks, for about a
    /// second when there are very many.
    #[must_use]
    pub fn last_digits_counts(&self) -> Vec<LastDigitsCount> {
        let Some(snapshot) = self.snapshot().clone() else { return Vec::new() };
        let endings = Endings::of(snapshot.contacts());
        (MIN_LAST_DIGITS..=MAX_DIGITS as u8).map(|digits| endings.count(digits)).collect()
    }

    /// The collisions at so many last digits, those of most contacts first: at most `limit` of them after the first
    /// `skipped`, and whether there are more. Blocks.
    pub fn last_digits_collisions(
        &self,
        digits: u8,
        skipped: usize,
        limit: usize,
    ) -> Result<(Vec<LastDigitsCollision>, bool), EngineError> {
        check(digits)?;
        let Some(snapshot) = self.snapshot().clone() else { return Ok((Vec::new(), false)) };
        let endings = Endings::of(snapshot.contacts());
        let mut groups = Vec::new();
        endings.each(digits, |group| groups.push(group));
        groups.sort_by_key(|group| (std::cmp::Reverse(group.contacts.len()), group.key, group.country_code));
        let told = groups.iter().skip(skipped).take(limit).map(|group| endings.told(digits, group));
        Ok((told.collect(), groups.len() > skipped.saturating_add(limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::NumberLabel;
    use crate::index::{ContactIndexBuilder, IndexedContact, IndexedNumber};

    /// Contacts 1, 2, … with these numbers.
    fn index(contacts: &[&[&str]]) -> ContactIndex {
        let mut builder = ContactIndexBuilder::new(Vec::new()).unwrap();
        for (place, numbers) in contacts.iter().enumerate() {
            let numbers = numbers.iter().map(|number| IndexedNumber {
                number: number.parse().unwrap(),
                label: NumberLabel::OtherNumber,
            });
            let numbers: Vec<_> = numbers.collect();
            let contact = IndexedContact {
                id: ContactId(place as u64 + 1),
                source: None,
                source_key: "",
                display_name: "",
                company: "",
                own_extension: "",
                phonebooks: &[],
                numbers: &numbers,
            };
            builder.push(contact).unwrap();
        }
        builder.finish(true).unwrap()
    }

    fn collisions(index: &ContactIndex, digits: u8) -> Vec<LastDigitsCollision> {
        let endings = Endings::of(index);
        let mut found = Vec::new();
        endings.each(digits, |group| found.push(endings.told(digits, &group)));
        found
    }

    fn ids(collision: &LastDigitsCollision) -> Vec<u64> {
        let mut ids: Vec<u64> = collision.contacts.iter().map(|contact| contact.id.0).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn those_collide_whose_numbers_end_alike_in_one_country_or_where_it_is_not_known() {
        let index = index(&[
            &["+49301234567"],
            &["+49891234567"],
            &["+442071234567"],
            &["81234567"],
            // The same number as another's is found by the whole number.
            &["+49301234567"],
            &["+49307654321"],
        ]);
        let found = collisions(&index, 7);
        let told: Vec<_> =
            found.iter().map(|found| (found.ending.as_str(), found.country_code, ids(found))).collect();
        assert_eq!(told, [("1234567", Some(44), vec![3, 4]), ("1234567", Some(49), vec![1, 2, 4, 5])]);
        assert_eq!(Endings::of(&index).count(7), LastDigitsCount { digits: 7, collisions: 2, contacts: 5 });
        assert_eq!(collisions(&index, 8), []);
    }

    #[test]
    fn one_contact_does_not_collide_with_itself_nor_one_number_with_itself() {
        let index = index(&[&["+49301234567", "+49891234567"], &["+49307654321"], &["+49307654321"]]);
        assert_eq!(collisions(&index, 7), []);
    }

    #[test]
    fn a_number_with_fewer_digits_collides_with_none_and_one_with_as_many_does() {
        let index = index(&[&["1234567"], &["+4930234567"], &["+49301234567"], &["34567"]]);
        let found = collisions(&index, 7);
        assert_eq!(found.iter().map(ids).collect::<Vec<_>>(), [[1, 3]]);
        assert_eq!(collisions(&index, 8), []);
    }

    /// What is told is what matching does: a caller with the ending, and no number of theirs, is taken for them.
    #[test]
    fn a_caller_with_the_ending_is_taken_for_those_who_collide() {
        let index = index(&[
            &["+49301234567", "+4940555000111"],
            &["+49891234567"],
            &["+442071234567"],
            &["00111234567"],
            &["+4989555000111"],
            &["+12025550123"],
        ]);
        for digits in MIN_LAST_DIGITS..=10 {
            for collision in collisions(&index, digits) {
                let code = collision.country_code.unwrap();
                let caller: PhoneNumber = format!("+{code}9{}", collision.ending).parse().unwrap();
                let mut taken: Vec<u64> = index
                    .last_digits(caller, digits)
                    .iter()
                    .map(|posting| index.contact(posting.contact).id.0)
                    .collect();
                taken.sort_unstable();
                assert_eq!(taken, ids(&collision), "{digits} {collision:?}");
            }
        }
        assert_eq!(collisions(&index, 9).len(), 1, "the two that end in 555000111");
    }
}
