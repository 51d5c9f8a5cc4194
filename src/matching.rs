//! Who is calling: a pure function of a snapshot and what the network said.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::index::Posting;
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
    match find_only(snapshot, caller) {
        Some((number, posting)) if snapshot.takes_as_given(trunk, caller) => matched_only(number, posting),
        _ => match_on_trunk(snapshot, caller, trunk),
    }
}

/// The same for whoever is not found at once.
#[inline(never)]
fn match_on_trunk(snapshot: &Snapshot, caller: &str, trunk: &str) -> CallerMatch {
    let trunk = snapshot.trunk(trunk);
    match_rewritten(snapshot, caller, &rewritten(caller, trunk), trunk)
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
    match_among(snapshot, raw, caller, trunk, |_| true)
}

/// [`match_caller`] as if there were only the contacts that `is_there` says, on no trunk.
pub(crate) fn match_visible(
    snapshot: &Snapshot,
    number: &str,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    match_among(snapshot, number, number, None, is_there)
}

/// A caller who is written as contacts' numbers are, as nearly all are.
///
/// Contacts' numbers are in their normal form, which reading leaves as it is, in every region. So a caller who is
/// written like one of them is that one; to find it takes far less time than to read it.
// Inlined always, as what asks for it: calls, and what is handed to them and back, are a tenth of a match.
#[inline(always)]
fn written(caller: &str) -> Option<PhoneNumber> {
    PhoneNumber::from_e164_digits(caller.strip_prefix('+')?).ok()
}

/// Such a caller, and the contact that has the number, if it is the only one.
#[inline(always)]
fn find_only(snapshot: &Snapshot, caller: &str) -> Option<(PhoneNumber, Posting)> {
    let number = written(caller)?;
    Some((number, snapshot.contacts().exact(number).only()?))
}

#[inline]
fn matched_only(number: PhoneNumber, posting: Posting) -> CallerMatch {
    // Nothing is asked about how many there is room for.
    let contacts = MatchedContacts::from_buf_and_len([posting; 2], 1);
    CallerMatch::Matched { number, contacts, kind: MatchKind::Exact }
}

/// Those of the contacts with exactly this number that are there.
#[inline]
fn match_exact(
    snapshot: &Snapshot,
    number: PhoneNumber,
    is_there: impl Fn(&Posting) -> bool,
) -> Option<CallerMatch> {
    let postings = snapshot.contacts().exact(number);
    if let Some(posting) = postings.only() {
        return is_there(&posting).then(|| matched_only(number, posting));
    }
    let contacts: MatchedContacts = postings.filter(is_there).collect();
    (!contacts.is_empty()).then_some(CallerMatch::Matched { number, contacts, kind: MatchKind::Exact })
}

#[inline]
fn match_among(
    snapshot: &Snapshot,
    raw: &str,
    caller: &str,
    trunk: Option<&CompiledTrunk>,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    if trunk.is_some_and(|trunk| trunk.is_withheld(raw)) {
        return CallerMatch::Withheld;
    }
    let written = written(caller);
    match written.and_then(|number| match_exact(snapshot, number, &is_there)) {
        Some(matched) => matched,
        None => match_read(snapshot, caller, trunk, written, is_there),
    }
}

/// The same for a caller who has to be read, and who is not `missed`.
#[inline(never)]
fn match_read(
    snapshot: &Snapshot,
    caller: &str,
    trunk: Option<&CompiledTrunk>,
    missed: Option<PhoneNumber>,
    is_there: impl Fn(&Posting) -> bool,
) -> CallerMatch {
    let number = match Caller::parse(caller, snapshot.region_of(trunk)) {
        Caller::Number(number) => number,
        Caller::Withheld => return CallerMatch::Withheld,
        Caller::Invalid(reason) => return CallerMatch::Invalid(reason),
    };
    if missed != Some(number)
        && let Some(matched) = match_exact(snapshot, number, &is_there)
    {
        return matched;
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
