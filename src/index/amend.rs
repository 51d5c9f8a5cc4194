//! The next index after an edit of a few contacts, made from the one before.
//!
//! What did not change is copied as it is packed; nothing of it is read from the store, and no text is taken
//! apart. The rest is done by the same code that builds an index from nothing, so both are the same index.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builder::widest;
use super::{
    ContactIndex, ContactIndexBuilder, ContactOrdinal, IndexError, IndexedContact, IndexedPhonebook, Posting,
};
use crate::contact::ContactId;

impl ContactIndex {
    /// The index after `edits` that change nothing but texts: the contacts' numbers, phonebooks and keys are as they
    /// were, which the caller knows. `None` when a contact is not there.
    pub fn with_texts(
        &self,
        edits: &BTreeMap<ContactId, IndexedContact<'_>>,
    ) -> Result<Option<Self>, IndexError> {
        let edits = edits.iter().map(|(id, contact)| Some((self.contacts.ordinal_of(*id)?, contact.texts())));
        let Some(edits) = edits.collect::<Option<Vec<_>>>() else { return Ok(None) };
        Ok(Some(ContactIndex {
            contacts: self.contacts.with_texts(edits.into_iter())?,
            numbers: Arc::clone(&self.numbers),
            phonebooks: self.phonebooks.clone(),
            ordinals: self.ordinals.clone(),
            phonebook_sets: self.phonebook_sets.clone(),
            sources: self.sources.clone(),
        }))
    }
}

impl ContactIndexBuilder {
    /// Begins with the contacts of `before`, but for those in `edits`: they are as it says, or gone.
    ///
    /// `phonebooks` in order of priority; all that contacts may be in. Those of `before` that are not among them
    /// have no contacts after the edits.
    pub fn amend(
        before: &ContactIndex,
        phonebooks: Vec<IndexedPhonebook>,
        edits: &BTreeMap<ContactId, Option<IndexedContact<'_>>>,
    ) -> Result<Self, IndexError> {
        let mut builder = ContactIndexBuilder::new(phonebooks)?;
        builder.sources.clone_from(&before.sources);
        builder.reserve_for(before);

        // Contacts stay in the order of their numbers, as they come from the store.
        let mut edits = edits.iter().peekable();
        let mut places: Vec<Option<ContactOrdinal>> = Vec::with_capacity(before.contact_count());
        for place in 0..before.contact_count() {
            let ordinal = ContactOrdinal(place as u32);
            let id = before.contacts.id(ordinal);
            while let Some((_, new)) = edits.next_if(|(edited, _)| **edited < id) {
                new.map_or(Ok(()), |contact| builder.push(contact))?;
            }
            places.push(match edits.next_if(|(edited, _)| **edited == id) {
                Some((_, new)) => {
                    new.map_or(Ok(()), |contact| builder.push(contact))?;
                    None
                }
                None => Some(builder.contacts.copy(&before.contacts, ordinal)?),
            });
        }
        for (_, new) in edits {
            new.map_or(Ok(()), |contact| builder.push(contact))?;
        }
        builder.copy_numbers(before, &places)?;
        Ok(builder)
    }

    /// Takes over the numbers of the contacts that have a place.
    fn copy_numbers(
        &mut self,
        before: &ContactIndex,
        places: &[Option<ContactOrdinal>],
    ) -> Result<(), IndexError> {
        // Only sets that are still in use: there are no others in an index that is built from nothing.
        let mut sets = vec![None; before.phonebook_set_count()];
        for (number, postings) in before.numbers() {
            for posting in postings {
                let Some(contact) = places[posting.contact().0 as usize] else { continue };
                let phonebooks = match sets[posting.phonebooks().place()] {
                    Some(known) => known,
                    None => {
                        let id = before.contacts.id(posting.contact());
                        let ordinals = before.phonebooks_in(posting.phonebooks()).iter();
                        let set =
                            self.phonebook_set(id, ordinals.map(|ordinal| before.phonebook(*ordinal).id))?;
                        sets[posting.phonebooks().place()] = Some(set);
                        set
                    }
                };
                let posting = Posting::new(contact, phonebooks, posting.label());
                self.entries.push((number, widest().pack(posting)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::NumberLabel;
    use crate::index::{IndexedNumber, verify};
    use crate::phone_number::PhoneNumber;
    use crate::phonebook::{PhonebookId, PhonebookName};

    #[derive(Debug, Clone)]
    struct Contact {
        source: Option<&'static str>,
        name: String,
        phonebooks: Vec<PhonebookId>,
        numbers: Vec<IndexedNumber>,
    }

    impl Contact {
        fn indexed(&self, id: ContactId) -> IndexedContact<'_> {
            IndexedContact {
                id,
                source: self.source,
                source_key: "",
                display_name: &self.name,
                company: "",
                own_extension: "",
                phonebooks: &self.phonebooks,
                numbers: &self.numbers,
            }
        }
    }

    /// Numbers that look random and are the same every time (xorshift).
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }

        fn contact(&mut self, phonebooks: &[IndexedPhonebook]) -> Contact {
            let number = |draw: &mut Self| {
                // Few enough that contacts share them.
                let text = match draw.below(3) {
                    0 => format!("{}", 100 + draw.below(40)),
                    _ => format!("+4930{:07}", draw.below(90)),
                };
                let label = NumberLabel::ALL[draw.below(9) as usize];
                IndexedNumber { number: text.parse().unwrap(), label }
            };
            let mut books: Vec<_> =
                phonebooks.iter().filter(|_| self.below(3) == 0).map(|book| book.id).collect();
            if books.is_empty() {
                books.push(phonebooks[self.below(phonebooks.len() as u64) as usize].id);
            }
            Contact {
                source: [None, Some("crm"), Some("erp")][self.below(3) as usize],
                name: format!("name {}", self.below(1_000_000)),
                phonebooks: books,
                numbers: (0..=self.below(3)).map(|_| number(self)).collect(),
            }
        }
    }

    fn phonebooks(ids: impl Iterator<Item = u32>) -> Vec<IndexedPhonebook> {
        let phonebook = |id| IndexedPhonebook {
            id: PhonebookId(id),
            name: PhonebookName::parse(&format!("book {id}")).unwrap(),
        };
        ids.map(phonebook).collect()
    }

    fn from_nothing(books: &[IndexedPhonebook], contacts: &BTreeMap<ContactId, Contact>) -> ContactIndex {
        let mut builder = ContactIndexBuilder::new(books.to_vec()).unwrap();
        contacts.iter().for_each(|(id, contact)| builder.push(contact.indexed(*id)).unwrap());
        builder.finish(true).unwrap()
    }

    /// All that can be asked of an index, in words.
    fn told(index: &ContactIndex) -> Vec<String> {
        let tell = |posting: Posting| {
            let books: Vec<_> = index.phonebooks_in(posting.phonebooks()).iter().map(|o| o.place()).collect();
            format!("{:?} {:?} {books:?}", index.contact(posting.contact()), posting.label())
        };
        let mut told: Vec<String> = index.phonebooks().iter().map(|book| format!("{book:?}")).collect();
        let mut sets: Vec<_> =
            index.phonebook_sets().map(|set| format!("{:?}", index.phonebooks_in(set))).collect();
        sets.sort();
        told.extend(sets);
        let contacts = (0..index.contact_count()).map(|place| ContactOrdinal(place as u32));
        told.extend(contacts.map(|ordinal| format!("{:?}", index.contact(ordinal))));
        for (number, postings) in index.numbers() {
            told.extend(postings.map(|posting| format!("{number}: {}", tell(posting))));
            let last = index.last_digits(number, 7).into_iter();
            told.extend(last.map(|posting| format!("like {number}: {}", tell(posting))));
        }
        told
    }

    #[test]
    fn an_amended_index_is_the_one_that_is_built_from_nothing() {
        let mut draw = Draw(0x2545_F491_4F6C_DD1D);
        let mut books = phonebooks(1..=4);
        let mut contacts: BTreeMap<ContactId, Contact> = BTreeMap::new();
        let mut index = from_nothing(&books, &contacts);
        for round in 0..60_u64 {
            let mut edits: BTreeMap<ContactId, Option<Contact>> = BTreeMap::new();
            for _ in 0..=draw.below(8) {
                let id = ContactId(1 + draw.below(round + 5));
                let gone = draw.below(3) == 0;
                edits.insert(id, (!gone).then(|| draw.contact(&books)));
            }
            for (id, edit) in &edits {
                match edit {
                    Some(contact) => drop(contacts.insert(*id, contact.clone())),
                    None => drop(contacts.remove(id)),
                }
            }
            let indexed: BTreeMap<_, _> = edits
                .iter()
                .map(|(id, contact)| (*id, contact.as_ref().map(|contact| contact.indexed(*id))))
                .collect();
            let amended = ContactIndexBuilder::amend(&index, books.clone(), &indexed).unwrap();
            index = amended.finish(true).unwrap();
            assert_eq!(told(&index), told(&from_nothing(&books, &contacts)), "round {round}");
            let samples: Vec<(PhoneNumber, ContactId)> =
                contacts.iter().map(|(id, contact)| (contact.numbers[0].number, *id)).collect();
            verify(&index, contacts.len() as u64, &samples).unwrap();
        }
        assert!(contacts.len() > 10, "the rounds must leave something to compare");

        // A phonebook is added, and one that nobody is in is gone.
        books = phonebooks([1, 3, 4, 7].into_iter());
        let edits: BTreeMap<ContactId, Option<Contact>> = contacts
            .iter()
            .filter(|(_, contact)| contact.phonebooks.contains(&PhonebookId(2)))
            .map(|(id, _)| (*id, None))
            .collect();
        contacts.retain(|id, _| !edits.contains_key(id));
        let indexed = edits.keys().map(|id| (*id, None)).collect();
        let amended = ContactIndexBuilder::amend(&index, books.clone(), &indexed).unwrap();
        assert_eq!(told(&amended.finish(true).unwrap()), told(&from_nothing(&books, &contacts)));
    }

    #[test]
    fn an_index_with_other_texts_is_the_one_that_is_built_from_nothing() {
        let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
        let books = phonebooks(1..=4);
        let mut contacts: BTreeMap<ContactId, Contact> =
            (1..=50).map(|id| (ContactId(3 * id), draw.contact(&books))).collect();
        let before = from_nothing(&books, &contacts);
        // The first, the last, neighbours, and one in the middle.
        let edited = [3, 6, 9, 75, 150].map(ContactId);
        for id in edited {
            let contact = contacts.get_mut(&id).unwrap();
            contact.name = format!("another {}", "name ".repeat(draw.below(30) as usize));
        }
        let indexed = edited.map(|id| (id, contacts[&id].indexed(id))).into();
        let after = before.with_texts(&indexed).unwrap().unwrap();
        assert_eq!(told(&after), told(&from_nothing(&books, &contacts)));
        assert_ne!(told(&after), told(&before));
        let unknown = [(ContactId(4), contacts[&ContactId(3)].indexed(ContactId(4)))].into();
        assert!(before.with_texts(&unknown).unwrap().is_none());
    }

    #[test]
    fn a_phonebook_that_is_gone_but_in_use_is_an_error() {
        let books = phonebooks(1..=2);
        let mut draw = Draw(7);
        let contact = Contact { phonebooks: vec![PhonebookId(2)], ..draw.contact(&books) };
        let index = from_nothing(&books, &[(ContactId(1), contact)].into());
        let amended = ContactIndexBuilder::amend(&index, phonebooks(1..=1), &BTreeMap::new());
        assert!(matches!(amended, Err(IndexError::UnknownPhonebook { .. })));
    }
}
