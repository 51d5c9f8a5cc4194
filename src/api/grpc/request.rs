//! Fields of requests: their limits, and pages of lists.
//!
//! What a field *means* is checked where that is known, by the settings or the engine. Here is only what
//! the contract itself says.

use std::fmt::Display;

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

/// Longest page token, in characters: the name of a list, a number, and a name in lower case.
const MAX_TOKEN_CHARACTERS: usize = 1024;

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
    check_name_of(field, name, MAX_NAME_CHARACTERS)
}

/// The same, where names have at most `most` characters.
pub(super) fn check_name_of(field: &str, name: &str, most: usize) -> Result<(), EngineError> {
    if name.trim().is_empty() {
        return Err(bad(field, "is empty; a name is expected"));
    }
    check_characters(field, name, most)
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

/// A list that comes in pages. Its name is in its page tokens, before the place where the page begins, so that no other
/// list takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages(&'static str);

impl Pages {
    pub(super) const AUDIT_ENTRIES: Self = Pages("audit_entry");
    pub(super) const CONTACTS: Self = Pages("contact");
    pub(super) const DIRECTORY_CONTACTS: Self = Pages("directory_contact");
    pub(super) const DIRECTORY_PHONEBOOKS: Self = Pages("directory_phonebook");
    pub(super) const INBOUND_ROUTES: Self = Pages("inbound_route");
    pub(super) const LAST_DIGITS: Self = Pages("last_digits");
    pub(super) const PHONEBOOKS: Self = Pages("phonebook");
    pub(super) const PREVIEW_CHANGES: Self = Pages("preview_change");
    pub(super) const QUALITY_FINDINGS: Self = Pages("quality_finding");
    pub(super) const SOURCES: Self = Pages("source");
    pub(super) const SYNC_CHANGES: Self = Pages("sync_change");
    pub(super) const SYNC_PROBLEMS: Self = Pages("sync_problem");
    pub(super) const SYNC_RUNS: Self = Pages("sync_run");
    pub(super) const TOKENS: Self = Pages("token");
    pub(super) const USERS: Self = Pages("user");

    /// The token of the page that begins at a place, which is never written as nothing.
    pub(super) fn token(self, place: impl Display) -> String {
        format!("{}:{place}", self.0)
    }

    /// Where a page begins, as [`Self::token`] was given it; `None` is the beginning of the list.
    pub(super) fn place(self, token: &str) -> Result<Option<&str>, EngineError> {
        if token.is_empty() {
            return Ok(None);
        }
        check_characters("page_token", token, MAX_TOKEN_CHARACTERS)?;
        let place = token.strip_prefix(self.0).and_then(|rest| rest.strip_prefix(':'));
        place.filter(|place| !place.is_empty()).map(Some).ok_or_else(foreign_token)
    }

    /// Where a page begins in a list whose items are numbered.
    pub(super) fn number(self, token: &str) -> Result<Option<u64>, EngineError> {
        self.place(token)?.map(token_number).transpose()
    }

    /// A page of a list that is short enough to be sorted as a whole, in the order of the names, and the token of the
    /// next page.
    pub(super) fn by_name<T>(
        self,
        mut items: Vec<T>,
        name: impl Fn(&T) -> &str,
        size: u32,
        token: &str,
    ) -> Result<(Vec<T>, String), EngineError> {
        let key = |item: &T| name(item).trim().to_lowercase();
        if let Some(after) = self.place(token)? {
            items.retain(|item| key(item).as_str() > after);
        }
        items.sort_by_cached_key(key);
        Ok(cut(items, size, |last| self.token(key(last))))
    }
}

/// A number in a page token, as it is written there; no page but the first begins at 0.
pub(super) fn token_number(written: &str) -> Result<u64, EngineError> {
    let number = written.parse().ok();
    let ours = number.filter(|number| (1..=MAX_ID).contains(number) && number.to_string() == written);
    ours.ok_or_else(foreign_token)
}

/// A page token that no page ended with.
pub(super) fn foreign_token() -> EngineError {
    bad(
        "page_token",
        "is not one that a page of this list ended with; send next_page_token as it was, or nothing",
    )
}

/// A page of items and the token of the next. `found` was asked for one more than `size`, which only tells
/// that there is a next page; `token` is made from the last item of the page.
pub(super) fn cut<T>(mut found: Vec<T>, size: u32, token: impl Fn(&T) -> String) -> (Vec<T>, String) {
    let has_more = found.len() > size as usize;
    found.truncate(size as usize);
    let next = found.last().filter(|_| has_more).map(token).unwrap_or_default();
    (found, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_name_have_every_item_once_and_in_order() {
        let names = ["b", "A", "d", "C", "e"];
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let (page, next) = Pages::USERS.by_name(names.to_vec(), |name| name, 2, &token).unwrap();
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
        let (routes, runs) = (Pages::INBOUND_ROUTES, Pages::SYNC_RUNS);
        assert_eq!(routes.number(&routes.token(17)).unwrap(), Some(17));
        assert_eq!(routes.number("").unwrap(), None);
        for token in ["17", "x", "inbound_route", "inbound_route17", &runs.token(17)] {
            assert!(routes.number(token).is_err(), "{token}");
        }
        for place in ["", "0", "-1", "+2", "02", " 2", "b", "9223372036854775808", "99999999999999999999"] {
            assert!(routes.number(&routes.token(place)).is_err(), "{place}");
        }
        let users = |token: &str| Pages::USERS.by_name(vec!["a", "b"], |name| name, 2, token);
        assert_eq!(users(&Pages::USERS.token("a")).unwrap().0, ["b"]);
        for token in ["a", "after:a", &Pages::USERS.token(""), &Pages::TOKENS.token("a")] {
            assert!(users(token).is_err(), "{token}");
        }
        assert!(users(&Pages::USERS.token("x".repeat(2000))).is_err());
    }

    #[test]
    fn page_sizes_have_a_default_and_a_limit() {
        assert_eq!(page_size(0).unwrap(), 100);
        assert_eq!(page_size(1000).unwrap(), 1000);
        assert!(page_size(1001).unwrap_err().to_string().starts_with("page_size: is 1001"));
    }
}
