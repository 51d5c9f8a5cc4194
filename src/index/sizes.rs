//! How large each phonebook is: for people and plots, worked out when somebody asks.

use super::ContactIndex;

/// How much of an index is in one phonebook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhonebookSize {
    /// Contacts that have a number.
    pub contacts: u64,
    /// Their numbers; one that two of them have counts twice.
    pub numbers: u64,
}

impl ContactIndex {
    /// The size of each phonebook, in order of priority. Walks all numbers: not for the path of a call.
    #[must_use]
    pub fn phonebook_sizes(&self) -> Vec<PhonebookSize> {
        let mut by_set = vec![PhonebookSize::default(); self.phonebook_set_count()];
        let mut is_seen = vec![false; self.contact_count()];
        for posting in self.numbers().flat_map(|(_, postings)| postings) {
            let size = &mut by_set[posting.phonebooks().place()];
            size.numbers += 1;
            let is_seen = &mut is_seen[posting.contact().0 as usize];
            size.contacts += u64::from(!std::mem::replace(is_seen, true));
        }
        let mut sizes = vec![PhonebookSize::default(); self.phonebooks().len()];
        for set in self.phonebook_sets() {
            for phonebook in self.phonebooks_in(set) {
                let size = &mut sizes[phonebook.place()];
                size.contacts += by_set[set.place()].contacts;
                size.numbers += by_set[set.place()].numbers;
            }
        }
        sizes
    }
}
