//! Who is calling: a pure function of a snapshot and what the network said.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::index::{Posting, Postings};
use crate::phone_number::{Caller, InvalidCaller, PhoneNumber, dialled};
use crate::snapshot::Snapshot;
use crate::snapshot::trunk::CompiledTrunk;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerMatch {
    /// At least one contact has the number.
    Matched {
        /// The caller's number.
        number: PhoneNumber,
        /// Its contacts, best first; none is there twice.
        contacts: MatchedContacts,
        /// How the number was found.
        kind: MatchKind,
    },
    /// A number that no contact has.
    NotMatched(PhoneNumber),
    /// The caller asked the network not to say who it is, or the network said nothing.
    Withheld,
    /// Not a phone number.
    Invalid(InvalidCaller),
}

/// The contacts of a match. Nearly always one or two, for whom nothing is allocated.
pub type MatchedContacts = SmallVec<[Posting; 2]>;

/// How a caller's number was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchKind {
    /// The whole number.
    Exact,
    /// Its last digits, there being no exact match.
    LastDigits,
}

impl CallerMatch {
    /// The caller's number, if it has one.
    #[must_use]
    pub fn number(&self) -> Option<PhoneNumber> {
        match self {
            CallerMatch::Matched { number, .. } | CallerMatch::NotMatched(number) => Some(*number),
            CallerMatch::Withheld | CallerMatch::Invalid(_) => None,
        }
    }

    /// The contacts that have the number, best first.
    #[must_use]
    pub fn contacts(&self) -> &[Posting] {
        match self {
            CallerMatch::Matched { contacts, .. } => contacts,
            _ => &[],
        }
    }
}

/// Finds the contacts that have the caller's number.
///
/// `caller` is what the network gave; `trunk` may rewrite it, and decides the region of a number that is not
/// written internationally. An exact match wins; only without one are last digits tried, if the settings say so
/// and the caller was given with more digits than that. Digits that only the region added do not count:
/// `5551234` may be a whole number of another town.
#[must_use]
pub fn match_caller(snapshot: &Snapshot, caller: &str, trunk: &str) -> CallerMatch {
    // Before the trunk, which need not wait for it: the number's place in memory is what takes longest to come.
    let written = find_written(snapshot, caller);
    let trunk = snapshot.trunk(trunk);
    match trunk.filter(|trunk| trunk.has_caller_rules()) {
        Some(rewriting) => match_rewritten(snapshot, caller, &rewriting.rewrite_caller(caller), trunk),
        None => match_among(snapshot, caller, caller, trunk, written, |_| true),
    }
}

/// The caller's number after the rules of its trunk.
#[inline]
pub(crate) fn rewritten<'a>(caller: &'a str, trunk: Option<&CompiledTrunk>) -> Cow<'a, str> {
    trunk.map_or(Cow::Borrowed(caller), |trunk| trunk.rewrite_caller(caller))
}

/// [`match_caller`] for those who know trunk and rewritten number already. Whether a number is withheld is
/// told by what the network gave.
#[inline]
pub(crate) fn match_rewritten(
    snapshot: &Snapshot,
    raw: &str,
    caller: &str,
    trunk: Option<&CompiledTrunk>,
) -> CallerMatch {
    match_among(snapshot, raw, caller, trunk, find_written(snapshot, caller), |_| true)
}

/// [`match_caller`] as if there were only the contacts that `is_there` says, on no trunk.
pub(crate) fn match_visible(
    snapshot: &Snapshot,
    number: &str,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    match_among(snapshot, number, number, None, find_written(snapshot, number), is_there)
}

/// A caller who is written as contacts' numbers are, and who has that number.
///
/// Contacts' numbers are in their normal form, which reading leaves as it is, in every region. So a caller who is
/// written like one of them is that one; to find it takes far less time than to read it.
#[inline]
fn find_written<'a>(snapshot: &'a Snapshot, caller: &str) -> Option<(PhoneNumber, Postings<'a>)> {
    let number = PhoneNumber::from_e164_digits(caller.strip_prefix('+')?).ok()?;
    Some((number, snapshot.contacts().exact(number)))
}

#[inline]
fn match_among(
    snapshot: &Snapshot,
    raw: &str,
    caller: &str,
    trunk: Option<&CompiledTrunk>,
    written: Option<(PhoneNumber, Postings<'_>)>,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    if trunk.is_some_and(|trunk| trunk.is_withheld(raw)) {
        return CallerMatch::Withheld;
    }
    if let Some((number, postings)) = written {
        let contacts = matched(postings, &is_there);
        if !contacts.is_empty() {
            return CallerMatch::Matched { number, contacts, kind: MatchKind::Exact };
        }
    }
    match_read(snapshot, caller, trunk, is_there)
}

#[inline]
fn matched(postings: Postings<'_>, is_there: impl Fn(&Posting) -> bool) -> MatchedContacts {
    match postings.only() {
        // Nearly always; nothing is asked about how many there is room for.
        Some(posting) if is_there(&posting) => MatchedContacts::from_buf_and_len([posting; 2], 1),
        Some(_) => MatchedContacts::new(),
        None => postings.filter(is_there).collect(),
    }
}

/// The same for a caller who has to be read.
#[inline(never)]
fn match_read(
    snapshot: &Snapshot,
    caller: &str,
    trunk: Option<&CompiledTrunk>,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    let number = match Caller::parse(caller, snapshot.region_of(trunk)) {
        Caller::Number(number) => number,
        Caller::Withheld => return CallerMatch::Withheld,
        Caller::Invalid(reason) => return CallerMatch::Invalid(reason),
    };
    let contacts = matched(snapshot.contacts().exact(number), &is_there);
    if !contacts.is_empty() {
        return CallerMatch::Matched { number, contacts, kind: MatchKind::Exact };
    }
    let mut similar: MatchedContacts = snapshot
        .last_digits()
        .filter(|count| digits_given(caller) > usize::from(*count))
        .map(|count| snapshot.contacts().last_digits(number, count))
        .unwrap_or_default()
        .into();
    similar.retain(|posting| is_there(posting));
    if similar.is_empty() {
        CallerMatch::NotMatched(number)
    } else {
        CallerMatch::Matched { number, contacts: similar, kind: MatchKind::LastDigits }
    }
}

fn digits_given(caller: &str) -> usize {
    dialled(caller).map_or(0, |dialled| dialled.trim_start_matches('+').len())
}
