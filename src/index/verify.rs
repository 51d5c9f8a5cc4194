//! The invariants of an index, as code. What fails here is a defect or damaged memory, never bad input;
//! the index is thrown away, and the one before it goes on serving.

use std::sync::Arc;

use fst::Streamer;

use super::ContactIndex;
use super::numbers::{NumberIndex, number_of_backward, number_of_forward};
use super::postings::Postings;
use crate::contact::counted;
use crate::phone_number::PhoneNumber;

/// What an index promised and does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the new index failed its check and was thrown away: {0}; please report this")]
pub struct VerifyError(String);

/// Proves that every number leads to contacts that exist, in phonebooks that exist, that as many contacts
/// are there as were stored, and that `samples` (numbers of contacts, taken while building) are found.
pub fn verify(
    index: &ContactIndex,
    stored_contacts: u64,
    samples: &[(PhoneNumber, crate::contact::ContactId)],
) -> Result<(), VerifyError> {
    verify_contacts(index, stored_contacts)?;
    verify_numbers(index)?;
    verify_samples(index, samples)
}

/// The same of an index that was made from `before`, which was verified: numbers that both share need no second proof.
pub fn verify_after(
    before: &ContactIndex,
    index: &ContactIndex,
    stored_contacts: u64,
    samples: &[(PhoneNumber, crate::contact::ContactId)],
) -> Result<(), VerifyError> {
    let are_proven = Arc::ptr_eq(&before.numbers, &index.numbers)
        && before.contact_count() == index.contact_count()
        && before.phonebook_set_count() == index.phonebook_set_count();
    if !are_proven {
        return verify(index, stored_contacts, samples);
    }
    verify_contacts(index, stored_contacts)?;
    verify_samples(index, samples)
}

fn fail(what: String) -> Result<(), VerifyError> {
    Err(VerifyError(what))
}

fn verify_contacts(index: &ContactIndex, stored: u64) -> Result<(), VerifyError> {
    let contacts = index.contact_count() as u64;
    if contacts == stored {
        return Ok(());
    }
    fail(format!("it has {}, the store has {stored}", counted(contacts)))
}

fn verify_numbers(index: &ContactIndex) -> Result<(), VerifyError> {
    let numbers = &index.numbers;
    if !numbers.table.is_in_order() {
        return fail("its table of numbers is out of order".into());
    }
    for value in numbers.table.values() {
        verify_postings(index, value)?;
    }
    verify_set(index, &numbers.forward, number_of_forward)?;
    numbers.backward.iter().try_for_each(|backward| verify_set(index, backward, number_of_backward))
}

fn verify_postings(index: &ContactIndex, value: u64) -> Result<(), VerifyError> {
    let NumberIndex { packing, lists, .. } = &*index.numbers;
    if let Some(start) = packing.unpack_list(value) {
        let length = lists.get(start).copied().unwrap_or(0) as usize;
        let end = start.saturating_add(length);
        if length < 2 || end >= lists.len() {
            return fail(format!("a list of {length} postings at {start} lies outside"));
        }
    }
    for posting in Postings::new(*packing, Some(value), lists) {
        let contact_exists = (posting.contact.0 as usize) < index.contact_count();
        let set_exists = posting.phonebooks.place() < index.phonebook_set_count();
        if !contact_exists || !set_exists {
            return fail(format!("{posting:?} lies outside"));
        }
    }
    Ok(())
}

/// A set has the numbers of the table: as many, and none that is not there.
fn verify_set(
    index: &ContactIndex,
    set: &fst::Set<Vec<u8>>,
    number_of: impl Fn(&[u8]) -> Option<PhoneNumber>,
) -> Result<(), VerifyError> {
    if let Err(error) = set.as_fst().verify() {
        return fail(error.to_string());
    }
    let mut count = 0;
    let mut keys = set.stream();
    while let Some(key) = keys.next() {
        if number_of(key).is_none_or(|number| index.exact(number).is_empty()) {
            return fail("a number leads nowhere".into());
        }
        count += 1;
    }
    if count != index.number_count() || count != set.len() {
        return fail(format!("it has {} numbers, and {count} of them in order", index.number_count()));
    }
    Ok(())
}

fn verify_samples(
    index: &ContactIndex,
    samples: &[(PhoneNumber, crate::contact::ContactId)],
) -> Result<(), VerifyError> {
    for (number, id) in samples {
        if !index.exact(*number).any(|posting| index.contact(posting.contact).id == *id) {
            return fail(format!("contact {id} is not found by {}", number.masked()));
        }
    }
    Ok(())
}
