//! The invariants of an index, as code. What fails here is a defect or damaged memory, never bad input;
//! the index is thrown away, and the one before it goes on serving. Of an index that is read from a file, only
//! [what calls look at](verify_postings) is proven.

use std::sync::Arc;

use fst::Streamer;

use super::ContactIndex;
use super::numbers::{NumberIndex, number_of_backward, number_of_forward};
use super::postings::Postings;
use super::table::Fingerprint;
use crate::background;
use crate::contact::counted;
use crate::phone_number::PhoneNumber;

/// What an index promised and does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the new index failed its check and was thrown away: {0}; please report this")]
pub struct VerifyError(pub(super) String);

/// Proves that every number leads to contacts that exist, in phonebooks that exist; that the sets have the numbers of the
/// table, each once, by their [fingerprints](Fingerprint); that as many contacts are there as were stored; and that
/// `samples` (numbers of contacts, taken while building) are found.
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

/// The table and the sets each for itself, side by side; then, that they have the same numbers.
fn verify_numbers(index: &ContactIndex) -> Result<(), VerifyError> {
    let NumberIndex { forward, backward, .. } = &*index.numbers;
    let backward = || backward.as_ref().map(|set| fingerprint(set, number_of_backward)).transpose();
    let (table, (forward, backward)) = background::on_all_cores(|| {
        let sets = || rayon::join(|| fingerprint(forward, number_of_forward), backward);
        rayon::join(|| verify_table(index), sets)
    });
    let table = table?;
    for set in [Some(forward?), backward?].into_iter().flatten() {
        if set.count != table.count {
            return fail(format!("it has {} numbers, and {} of them in order", table.count, set.count));
        }
        if set != table {
            return fail("it has other numbers in order than in its table".into());
        }
    }
    Ok(())
}

fn verify_table(index: &ContactIndex) -> Result<Fingerprint, VerifyError> {
    let table = &index.numbers.table;
    if !table.is_sound() {
        return Err(VerifyError("its table of numbers has one that would not be found".into()));
    }
    verify_postings(index)?;
    Ok(table.fingerprint())
}

/// Proves that whatever is found can be looked at.
pub(super) fn verify_postings(index: &ContactIndex) -> Result<(), VerifyError> {
    index.numbers.table.values().try_for_each(|value| verify_postings_of(index, value))
}

fn verify_postings_of(index: &ContactIndex, value: u64) -> Result<(), VerifyError> {
    let NumberIndex { packing, lists, .. } = &*index.numbers;
    if let Some(start) = packing.unpack_list(value) {
        let length = lists.get(start).copied().unwrap_or(0) as usize;
        let end = start.saturating_add(length);
        if length < 2 || end >= lists.len() {
            return fail(format!("a list of {length} postings at {start} lies outside"));
        }
    }
    for posting in Postings::new(*packing, Some(value), lists) {
        let contact_exists = (posting.contact().0 as usize) < index.contact_count();
        let set_exists = posting.phonebooks().place() < index.phonebook_set_count();
        if !contact_exists || !set_exists {
            return fail(format!("{posting:?} lies outside"));
        }
    }
    Ok(())
}

/// Of the numbers of a set, which are in order, so that none is there twice.
fn fingerprint(
    set: &fst::Set<Vec<u8>>,
    number_of: impl Fn(&[u8]) -> Option<PhoneNumber>,
) -> Result<Fingerprint, VerifyError> {
    set.as_fst().verify().map_err(|error| VerifyError(error.to_string()))?;
    let mut found = Fingerprint::default();
    let mut last = Vec::new();
    let mut keys = set.stream();
    while let Some(key) = keys.next() {
        let number = number_of(key).ok_or_else(|| VerifyError("what is in order is no number".into()))?;
        if !last.is_empty() && *key <= *last {
            return Err(VerifyError("its numbers are out of order".into()));
        }
        found.add(number);
        last.clear();
        last.extend_from_slice(key);
    }
    Ok(found)
}

fn verify_samples(
    index: &ContactIndex,
    samples: &[(PhoneNumber, crate::contact::ContactId)],
) -> Result<(), VerifyError> {
    for (number, id) in samples {
        if !index.exact(*number).any(|posting| index.contact(posting.contact()).id == *id) {
            return fail(format!("contact {id} is not found by {}", number.masked()));
        }
    }
    Ok(())
}
