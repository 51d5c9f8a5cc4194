//! Fields of requests: their limits, and pages of lists.
//!
//! What a field *means* is checked where that is known, by the settings or the engine. Here is only what
//! the contract itself says.

use jiff::Timestamp;
use tonic::{Request, Status};

use super::{gate, status};
use crate::audit::{Actor, Door};
use crate::engine::EngineError;
use crate::phonebook::{MAX_NAME_CHARACTERS, PhonebookName};

/// Items on a page, unless the request says how many.
const DEFAULT_PAGE_SIZE: u32 = 100;

/// Most items on a page.
const MAX_PAGE_SIZE: u32 = 1000;

/// The first and the last second of a `google.protobuf.Timestamp`: years 1 to 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The store counts to this.
const MAX_ID: u64 = i64::MAX as u64;

/// Who asks, for the engine and its audit.
pub(super) fn actor<T>(request: &Request<T>) -> Actor {
    let caller = gate::caller(request);
    let name = caller.token.as_ref().map(|token| token.name().to_owned()).unwrap_or_default();
    Actor { name, ..Actor::unnamed(Door::Grpc, Some(caller.peer)) }
}

/// An error that names the field.
pub(super) fn bad(field: &str, problem: impl Into<String>) -> EngineError {
    EngineError::BadRequest { field: field.to_owned(), problem: problem.into() }
}

/// A text of at most `most` bytes.
pub(super) fn check_bytes(field: &str, text: &str, most: usize) -> Result<(), Status> {
    if text.len() > most {
        let problem = format!("has {} bytes; at most {most} are allowed", text.len());
        return Err(status::of(bad(field, problem)));
    }
    Ok(())
}

/// A text of at most `most` characters.
pub(super) fn check_characters(field: &str, text: &str, most: usize) -> Result<(), EngineError> {
    match text.chars().count() {
        found if found > most => {
            Err(bad(field, format!("has {found} characters; at most {most} are allowed")))
        }
        _ => Ok(()),
    }
}

/// A time.
pub(super) fn time(field: &str, time: &prost_types::Timestamp) -> Result<Timestamp, EngineError> {
    if TIMES.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos) {
        // Ours end some hours before the last of the contract's.
        return Ok(Timestamp::new(time.seconds, time.nanos).unwrap_or(Timestamp::MAX));
    }
    let problem = format!(
        "is {} seconds and {} nanoseconds from 1970; a time in the years 1 to 9999 is expected, nanoseconds from \
         0 to 999999999",
        time.seconds, time.nanos
    );
    Err(bad(field, problem))
}

/// The name of something that is to be found: a source, a route.
pub(super) fn check_name(field: &str, name: &str) -> Result<(), EngineError> {
    if name.trim().is_empty() {
        return Err(bad(field, "is empty; a name is expected"));
    }
    check_characters(field, name, MAX_NAME_CHARACTERS)
}

/// The name of a phonebook.
pub(super) fn phonebook_name(field: &str, name: &str) -> Result<PhonebookName, EngineError> {
    check_characters(field, name, 4 * MAX_NAME_CHARACTERS)?; // before white space is folded
    PhonebookName::parse(name).map_err(|error| bad(field, error.to_string()))
}

/// A number that the store may have given to something; any other is nobody's.
pub(super) fn known_id(what: &'static str, id: u64) -> Result<u64, EngineError> {
    if id > MAX_ID {
        return Err(EngineError::NotFound { what, name: id.to_string() });
    }
    Ok(id)
}

/// How many items are on a page.
pub(super) fn page_size(asked: u32) -> Result<u32, EngineError> {
    match asked {
        0 => Ok(DEFAULT_PAGE_SIZE),
        1..=MAX_PAGE_SIZE => Ok(asked),
        _ => Err(bad(
            "page_size",
            format!("is {asked}; 1 to {MAX_PAGE_SIZE} are allowed, or 0 for {DEFAULT_PAGE_SIZE}"),
        )),
    }
}

/// A page token that no page ended with.
pub(super) fn foreign_token() -> EngineError {
    bad(
        "page_token",
        "is not one that a page of this list ended with; send next_page_token as it was, or nothing",
    )
}

/// Where a page begins in a list whose items are numbered; `None` is its beginning.
pub(super) fn number_token(token: &str) -> Result<Option<u64>, EngineError> {
    if token.is_empty() {
        return Ok(None);
    }
    let number = token.parse().ok().filter(|number| *number <= MAX_ID);
    number.map(Some).ok_or_else(foreign_token)
}

/// A page of items and the token of the next. `found` was asked for one more than `size`, which only tells
/// that there is a next page; `token` is made from the last item of the page.
pub(super) fn cut<T>(mut found: Vec<T>, size: u32, token: impl Fn(&T) -> String) -> (Vec<T>, String) {
    let has_more = found.len() > size as usize;
    found.truncate(size as usize);
    let next = found.last().filter(|_| has_more).map(token).unwrap_or_default();
    (found, next)
}

/// What comes before the name in the token of a list in the order of names.
const NAME_TOKEN: &str = "after:";

/// A page of a list that is short enough to be sorted as a whole, in the order of the names, and the token
/// of the next page.
pub(super) fn page_by_name<T>(
    mut items: Vec<T>,
    name: impl Fn(&T) -> &str,
    size: u32,
    token: &str,
) -> Result<(Vec<T>, String), EngineError> {
    check_characters("page_token", token, NAME_TOKEN.len() + 4 * MAX_NAME_CHARACTERS)?;
    let after = match token {
        "" => None,
        token => Some(token.strip_prefix(NAME_TOKEN).ok_or_else(foreign_token)?),
    };
    let key = |item: &T| name(item).trim().to_lowercase();
    if let Some(after) = after {
        items.retain(|item| key(item).as_str() > after);
    }
    items.sort_by_cached_key(key);
    Ok(cut(items, size, |last| format!("{NAME_TOKEN}{}", key(last))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_name_have_every_item_once_and_in_order() {
        let names = ["b", "A", "d", "C", "e"];
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let (page, next) = page_by_name(names.to_vec(), |name| name, 2, &token).unwrap();
            assert!(page.len() <= 2);
            seen.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, ["A", "b", "C", "d", "e"]);
    }

    #[test]
    fn a_full_last_page_has_no_next() {
        assert_eq!(cut(vec![1, 2], 2, u32::to_string), (vec![1, 2], String::new()));
        assert_eq!(cut(vec![1, 2, 3], 2, u32::to_string), (vec![1, 2], "2".to_owned()));
        assert_eq!(cut(vec![], 2, u32::to_string), (vec![], String::new()));
    }

    #[test]
    fn tokens_of_other_lists_are_refused() {
        for token in ["x", "-1", "after:b", "99999999999999999999", "9223372036854775808"] {
            assert!(number_token(token).is_err(), "{token}");
        }
        assert_eq!(number_token("17").unwrap(), Some(17));
        assert!(page_by_name(vec!["a"], |name| name, 2, "17").is_err());
    }

    #[test]
    fn page_sizes_have_a_default_and_a_limit() {
        assert_eq!(page_size(0).unwrap(), 100);
        assert_eq!(page_size(1000).unwrap(), 1000);
        assert!(page_size(1001).unwrap_err().to_string().starts_with("page_size: is 1001"));
    }
}
