//! Every contact's texts and numbers, one after another in memory, to be searched for any part of them.
//!
//! There is no index: the whole text of half a million contacts is some 50 MB, which a substring search of vector
//! instructions goes through in a few milliseconds, whatever is looked for and however short it is. Decision 0044
//! has the figures.

#[cfg(test)]
mod tests;

mod query;

use std::collections::HashMap;

use memchr::memmem;

use crate::contact::ContactId;
use crate::phone_number::PhoneNumber;
use crate::phonebook::PhonebookId;

pub use query::Query;

/// Ends every text and every number, so that nothing that is looked for can reach over it.
const END: u8 = b'\n';

/// Everything that contacts are searched by, in the order of their numbers in the store.
#[derive(Debug, Default)]
pub struct SearchText {
    /// For each contact: name, company, email address, digits; in lower case, each with [`END`] behind it.
    text: Vec<u8>,
    /// Where each contact begins, and where the last ends.
    starts: Vec<u64>,
    ids: Vec<ContactId>,
    /// Place of its phonebooks in `sets`.
    phonebooks: Vec<u32>,
    sets: Vec<Box<[PhonebookId]>>,
    /// Places of contacts in the order of names.
    by_name: Vec<u32>,
    /// The place that each contact has in `by_name`.
    ranks: Vec<u32>,
}

/// Where a contact stands in the order of names: by name, then by number in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePlace {
    /// The name in lower case.
    pub name: String,
    /// The contact.
    pub id: ContactId,
}

/// Takes contacts in the order of their numbers.
#[derive(Debug, Default)]
pub struct SearchTextBuilder {
    built: SearchText,
    sets: HashMap<Box<[PhonebookId]>, u32>,
}

impl SearchTextBuilder {
    /// Adds a contact. `numbers`: what callers are compared with, and the text of the source.
    pub fn push<'a>(
        &mut self,
        id: ContactId,
        phonebooks: &[PhonebookId],
        texts: [&str; 3],
        numbers: impl Iterator<Item = (PhoneNumber, &'a str)>,
    ) {
        let SearchText { text, starts, ids, phonebooks: sets_of, sets, .. } = &mut self.built;
        starts.push(text.len() as u64);
        ids.push(id);
        let next = sets.len() as u32;
        let set = match self.sets.get(phonebooks) {
            Some(set) => *set,
            None => {
                sets.push(phonebooks.into());
                self.sets.insert(phonebooks.into(), next);
                next
            }
        };
        sets_of.push(set);
        for part in texts {
            push_folded(text, part);
            text.push(END);
        }
        for (number, raw) in numbers {
            let digits = number.digits();
            text.extend_from_slice(digits.as_bytes());
            text.push(END);
            // A trunk prefix other than 0, such as Hungary's 06, is not part of the international form.
            let start = text.len();
            text.extend(raw.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0'));
            if memmem::find(digits.as_bytes(), &text[start..]).is_some() {
                text.truncate(start);
            } else {
                text.push(END);
            }
        }
    }

    /// All that was added.
    #[must_use]
    pub fn finish(self) -> SearchText {
        let mut built = self.built;
        built.text.shrink_to_fit();
        built.starts.push(built.text.len() as u64);
        let mut by_name: Vec<u32> = (0..built.ids.len() as u32).collect();
        by_name.sort_by(|a, b| built.name(*a as usize).cmp(built.name(*b as usize)).then(a.cmp(b)));
        let mut ranks = vec![0; by_name.len()];
        for (rank, place) in by_name.iter().enumerate() {
            ranks[*place as usize] = rank as u32;
        }
        (built.by_name, built.ranks) = (by_name, ranks);
        built
    }
}

/// In lower case, without white space that could end a text.
fn push_folded(text: &mut Vec<u8>, part: &str) {
    if part.is_ascii() {
        text.extend(part.bytes().map(|byte| if byte == END { b' ' } else { byte.to_ascii_lowercase() }));
    } else {
        text.extend_from_slice(part.to_lowercase().replace('\n', " ").as_bytes());
    }
}

impl SearchText {
    /// Contacts that `query` fits and of whose phonebooks one `shows`, in the order of names, after a place.
    #[must_use]
    pub fn by_name(
        &self,
        query: &Query,
        shows: impl Fn(PhonebookId) -> bool,
        after: Option<&NamePlace>,
        limit: usize,
    ) -> Vec<NamePlace> {
        let sets = self.shown_sets(shows);
        let first = after.map_or(0, |after| {
            let is_before = |place: &u32| {
                let place = *place as usize;
                (self.name(place), self.ids[place]) <= (after.name.as_bytes(), after.id)
            };
            self.by_name.partition_point(is_before)
        });
        let is_shown = |place: usize| sets[self.phonebooks[place] as usize];
        let places: Vec<usize> = if query.is_everything() {
            let rest = self.by_name[first..].iter().map(|place| *place as usize);
            rest.filter(|place| is_shown(*place)).take(limit).collect()
        } else {
            let hits = self.hits(query).filter(|place| is_shown(*place)).map(|place| self.ranks[place]);
            let mut ranks: Vec<u32> = hits.filter(|rank| *rank as usize >= first).collect();
            if ranks.len() > limit && limit > 0 {
                ranks.select_nth_unstable(limit - 1);
            }
            ranks.truncate(limit);
            ranks.sort_unstable();
            ranks.into_iter().map(|rank| self.by_name[rank as usize] as usize).collect()
        };
        let found = |place: usize| NamePlace {
            name: String::from_utf8_lossy(self.name(place)).into_owned(),
            id: self.ids[place],
        };
        places.into_iter().map(found).collect()
    }

    /// Contacts that `query` fits and of whose phonebooks one `shows`, those in no phonebook too if `shows_loose`,
    /// in the order of their numbers, after one of them.
    #[must_use]
    pub fn by_id(
        &self,
        query: &Query,
        shows: Option<PhonebookId>,
        after: Option<ContactId>,
        limit: usize,
    ) -> Vec<ContactId> {
        let sets = match shows {
            None => vec![true; self.sets.len()],
            Some(shown) => self.shown_sets(|phonebook| phonebook == shown),
        };
        let first = after.map_or(0, |after| self.ids.partition_point(|id| *id <= after));
        let hits = self.hits_from(query, first);
        let is_shown = |place: &usize| sets[self.phonebooks[*place] as usize];
        hits.filter(is_shown).take(limit).map(|place| self.ids[place]).collect()
    }

    /// How many contacts there are.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.ids.len() * (2 * size_of::<u64>() + 3 * size_of::<u32>())
    }

    fn shown_sets(&self, shows: impl Fn(PhonebookId) -> bool) -> Vec<bool> {
        self.sets.iter().map(|set| set.iter().any(|phonebook| shows(*phonebook))).collect()
    }

    fn name(&self, place: usize) -> &[u8] {
        let record = self.record(place);
        &record[..memchr::memchr(END, record).unwrap_or(record.len())]
    }

    fn record(&self, place: usize) -> &[u8] {
        &self.text[self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    /// Places of the contacts that a query fits, ascending.
    fn hits<'a>(&'a self, query: &'a Query) -> Hits<'a> {
        self.hits_from(query, 0)
    }

    fn hits_from<'a>(&'a self, query: &'a Query, place: usize) -> Hits<'a> {
        let mut words = query.words();
        let driver = words.next().map(|needles| {
            let finders = needles.iter().map(|needle| (memmem::Finder::new(needle), Some(0)));
            finders.collect::<Vec<_>>()
        });
        Hits { searched: self, driver, others: words.collect(), place }
    }
}

/// See [`SearchText::hits`].
struct Hits<'a> {
    searched: &'a SearchText,
    /// Alternatives, each with where it was last found; `None`: nowhere any more. Without any, everything is a hit.
    driver: Option<Vec<(memmem::Finder<'a>, Option<usize>)>>,
    /// Of each of these, one must be in the contact too.
    others: Vec<&'a [Vec<u8>]>,
    /// The next contact to look at.
    place: usize,
}

impl Iterator for Hits<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let SearchText { text, starts, ids, .. } = self.searched;
        loop {
            if self.place >= ids.len() {
                return None;
            }
            let place = match &mut self.driver {
                None => self.place,
                Some(alternatives) => {
                    let from = starts[self.place] as usize;
                    for (finder, at) in alternatives.iter_mut() {
                        if at.is_some_and(|at| at < from || from == 0) {
                            *at = finder.find(&text[from..]).map(|offset| from + offset);
                        }
                    }
                    let nearest = alternatives.iter().filter_map(|(_, at)| *at).min()?;
                    place_of(starts, self.place, nearest as u64)
                }
            };
            self.place = place + 1;
            let record = self.searched.record(place);
            let has = |needle: &Vec<u8>| memmem::find(record, needle).is_some();
            if self.others.iter().all(|alternatives| alternatives.iter().any(has)) {
                return Some(place);
            }
        }
    }
}

/// The contact that `position` is in, at or after `from`. What is looked for is mostly near.
fn place_of(starts: &[u64], from: usize, position: u64) -> usize {
    let mut step = 1;
    while from + step < starts.len() && starts[from + step] <= position {
        step *= 2;
    }
    let (low, high) = (from + step / 2, (from + step).min(starts.len()));
    low + starts[low..high].partition_point(|start| *start <= position) - 1
}
