//! What matching by last digits would mix up, before it is turned on: different contacts whose numbers end alike, so
//! that a caller with no number of theirs would be taken for all of them.
//!
//! Numbers of two known countries never match by last digits, so they are no collision; one whose country is not
//! known (plain digits) may match either. Everything is told from the snapshot: the store is not read, and a call
//! does not notice.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::{Engine, EngineError};
use crate::contact::ContactId;
use crate::index::{ContactIndex, ContactOrdinal};
use crate::phone_number::{MAX_DIGITS, PhoneNumber};
use crate::settings::MIN_LAST_DIGITS;

/// Most contacts that are named of one collision.
pub const MAX_COLLIDING_CONTACTS: usize = 10;

/// How many last digits there can be.
const POSSIBLE: RangeInclusive<u8> = MIN_LAST_DIGITS..=MAX_DIGITS as u8;

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

/// The numbers of an index, in the order of their endings.
struct Endings<'a> {
    index: &'a ContactIndex,
    /// As [`PhoneNumber::to_backward_bits`] has them.
    numbers: Vec<u64>,
}

/// Numbers that end alike and that a caller could be taken for together.
struct Group<'a> {
    /// All that end alike, of any country.
    alike: &'a [u64],
    country_code: Option<u16>,
    contact_count: usize,
}

/// Whether numbers have the same last digits. The one that is looked at last has so many.
fn end_alike(a: u64, b: u64, digits: u8) -> bool {
    (a ^ b) >> free_bits(digits) == 0 && (b >> free_bits(digits)) & 0xf != 0
}

/// Bits that are below so many last digits.
fn free_bits(digits: u8) -> u32 {
    u64::BITS - 4 * u32::from(digits)
}

/// Those of them whose country is this one or is not known, in their order.
fn of_country(alike: &[u64], country_code: Option<u16>) -> impl Iterator<Item = PhoneNumber> {
    let numbers = alike.iter().map(|bits| PhoneNumber::from_backward_bits(*bits));
    numbers.filter(move |number| {
        let its = number.country_code();
        its.is_none() || its == country_code
    })
}

impl<'a> Endings<'a> {
    fn of(index: &'a ContactIndex) -> Self {
        let mut numbers = Vec::with_capacity(index.number_count());
        numbers.extend(index.numbers_unordered().map(PhoneNumber::to_backward_bits));
        numbers.sort_unstable();
        Endings { index, numbers }
    }

    /// Hands every collision at `digits`, and at each more digits up to `most`, to `take`.
    fn each<'s>(&'s self, digits: u8, most: u8, mut take: impl FnMut(u8, Group<'s>, &[ContactOrdinal])) {
        self.each_among(&self.numbers, digits, most, &mut Room::default(), &mut take);
    }

    fn each_among<'s>(
        &'s self,
        numbers: &'s [u64],
        digits: u8,
        most: u8,
        room: &mut Room,
        take: &mut impl FnMut(u8, Group<'s>, &[ContactOrdinal]),
    ) {
        for alike in numbers.chunk_by(|a, b| end_alike(*a, *b, digits)).filter(|alike| alike.len() > 1) {
            self.groups(alike, room, |group, contacts| take(digits, group, contacts));
            if digits < most {
                // Whoever has more digits in common has these in common.
                self.each_among(alike, digits + 1, most, room, take);
            }
        }
    }

    /// The collisions among numbers that end alike: one for each country that any of them has.
    fn groups<'s>(
        &'s self,
        alike: &'s [u64],
        room: &mut Room,
        mut take: impl FnMut(Group<'s>, &[ContactOrdinal]),
    ) {
        room.countries.clear();
        let numbers = alike.iter().map(|bits| PhoneNumber::from_backward_bits(*bits));
        room.countries.extend(numbers.map(PhoneNumber::country_code));
        room.countries.sort_unstable();
        room.countries.dedup();
        // Numbers of no known country are with those of each that there is.
        let is_known = room.countries.last().is_some_and(Option::is_some);
        let countries = room.countries.iter().filter(|country| country.is_some() == is_known);
        for country_code in countries.copied() {
            let contacts = &mut room.contacts;
            contacts.clear();
            let mut count = 0;
            for number in of_country(alike, country_code) {
                contacts.extend(self.index.exact(number).map(|posting| posting.contact()));
                count += 1;
            }
            contacts.sort_unstable();
            contacts.dedup();
            if count > 1 && contacts.len() > 1 {
                take(Group { alike, country_code, contact_count: contacts.len() }, contacts);
            }
        }
    }

    fn counts(&self) -> Vec<LastDigitsCount> {
        let none = |digits| LastDigitsCount { digits, collisions: 0, contacts: 0 };
        let mut counts: Vec<LastDigitsCount> = POSSIBLE.map(none).collect();
        // For how many digits at most a contact is mixed up; it is for fewer, too.
        let mut most_digits = vec![0; self.index.contact_count()];
        self.each(MIN_LAST_DIGITS, MAX_DIGITS as u8, |digits, _, contacts| {
            counts[usize::from(digits - MIN_LAST_DIGITS)].collisions += 1;
            for contact in contacts {
                let most = &mut most_digits[contact.place()];
                *most = digits.max(*most);
            }
        });
        for count in &mut counts {
            count.contacts = most_digits.iter().filter(|most| **most >= count.digits).count() as u64;
        }
        counts
    }

    fn told(&self, digits: u8, group: &Group<'_>) -> LastDigitsCollision {
        let mut told = HashSet::new();
        let mut contacts = Vec::new();
        for number in of_country(group.alike, group.country_code) {
            for posting in self.index.exact(number) {
                if contacts.len() == MAX_COLLIDING_CONTACTS || !told.insert(posting.contact()) {
                    continue;
                }
                let contact = self.index.contact(posting.contact());
                contacts.push(CollidingContact {
                    id: contact.id,
                    display_name: contact.display_name.to_owned(),
                    company: contact.company.to_owned(),
                    source: contact.source.to_owned(),
                    number,
                });
            }
        }
        let ending = group.alike.first().map_or_else(String::new, |bits| {
            let all = PhoneNumber::from_backward_bits(*bits).digits();
            all[all.len().saturating_sub(usize::from(digits))..].to_owned()
        });
        LastDigitsCollision {
            ending,
            country_code: group.country_code,
            contact_count: group.contact_count as u64,
            contacts,
        }
    }
}

/// What is used again for each group, so that nothing has to be allocated for it.
#[derive(Default)]
struct Room {
    countries: Vec<Option<u16>>,
    contacts: Vec<ContactOrdinal>,
}

fn check(digits: u8) -> Result<(), EngineError> {
    if POSSIBLE.contains(&digits) {
        return Ok(());
    }
    let problem = format!("{digits} is not {MIN_LAST_DIGITS} to {MAX_DIGITS}");
    Err(EngineError::BadRequest { field: "last_digits".into(), problem })
}

impl Engine {
    /// For every number of last digits that there can be, how many contacts would be mixed up. Blocks.
    #[must_use]
    pub fn last_digits_counts(&self) -> Vec<LastDigitsCount> {
        let Some(snapshot) = self.snapshot().clone() else { return Vec::new() };
        Endings::of(snapshot.contacts()).counts()
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
        endings.each(digits, digits, |_, group, _| groups.push(group));
        // Where there are as many contacts, in the order in which they came.
        groups.sort_by_key(|group| Reverse(group.contact_count));
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
        endings.each(digits, digits, |_, group, _| found.push(endings.told(digits, &group)));
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
        let counts = Endings::of(&index).counts();
        assert_eq!(counts[0], LastDigitsCount { digits: 7, collisions: 2, contacts: 5 });
        assert!(counts[1..].iter().all(|count| count.collisions == 0), "{counts:?}");
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
                    .map(|posting| index.contact(posting.contact()).id.0)
                    .collect();
                taken.sort_unstable();
                assert_eq!(taken, ids(&collision), "{digits} {collision:?}");
            }
        }
        assert_eq!(collisions(&index, 9).len(), 1, "the two that end in 555000111");
        for count in Endings::of(&index).counts() {
            let found = collisions(&index, count.digits);
            let contacts: HashSet<u64> = found.iter().flat_map(ids).collect();
            assert_eq!((count.collisions, count.contacts), (found.len() as u64, contacts.len() as u64));
        }
    }
}
