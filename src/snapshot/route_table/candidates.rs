//! Which routes a call may meet, found without trying each.
//!
//! Every route is a bit, sixty-four of them a word, in their order. For what a call has (this trunk, that
//! digit at that place of the dialled number, a caller in that phonebook) there is a row of bits: the routes
//! that do not rule it out. The rows of a call, put together, are the routes worth trying; [`find`] tries
//! them in order, and only they are ever compared in full.
//!
//! A row may have a bit too many, never one too few: a candidate is tried as any route is, so the answer is the
//! one that trying all of them gives. A property test in `routing` holds that.
//!
//! [`find`]: CandidateIndex::find

use std::collections::HashMap;

use super::{CompiledRoute, NumberCriterion};
use crate::index::PhonebookOrdinal;
use crate::phone_number::PhoneNumber;
use crate::snapshot::number_range;

/// Digits that are looked at: those of any E.164 number, and its end.
const PLACES: usize = 16;
/// The ten digits, and the end of the number.
const SYMBOLS: usize = 11;
const END: usize = 10;

/// What candidates are told by. Numbers as texts of ASCII digits.
pub struct CallFacts<'q> {
    /// Name of the trunk.
    pub trunk: &'q str,
    /// The dialled number as given.
    pub did_given: Option<&'q str>,
    /// The number that it is; asked for only when a route depends on it, since that takes longer.
    pub did_number: &'q dyn Fn() -> Option<PhoneNumber>,
    /// The caller's number as given.
    pub caller_given: Option<&'q str>,
    /// The number that it is.
    pub caller_number: Option<PhoneNumber>,
    /// Whether the caller is withheld.
    pub is_withheld: bool,
}

/// Rows of bits for everything that a call can have.
#[derive(Debug, Default)]
pub(super) struct CandidateIndex {
    words: usize,
    enabled: Row,
    any_trunk: Row,
    trunks: HashMap<String, Row>,
    dids: NumberRows,
    any_caller: Row,
    callers: NumberRows,
    withheld: Row,
    in_no_phonebook: Row,
    /// By place of the phonebook; empty for one that no route asks for.
    phonebooks: Box<[Row]>,
}

type Row = Box<[u64]>;

/// Rows for one kind of number.
#[derive(Debug, Default)]
struct NumberRows {
    /// Routes that ask for such a number.
    asked: Row,
    given: PlaceRows,
    number: PlaceRows,
}

/// For each place and symbol, a row.
#[derive(Debug, Default)]
struct PlaceRows {
    bits: Box<[u64]>,
    words: usize,
}

impl CandidateIndex {
    pub(super) fn of(routes: &[CompiledRoute], phonebooks: usize) -> Self {
        let words = routes.len().div_ceil(64);
        let row = |holds: &dyn Fn(&CompiledRoute) -> bool| {
            let mut row = vec![0; words];
            let places = routes.iter().enumerate().filter(|(_, route)| holds(route));
            places.for_each(|(place, _)| row[place / 64] |= 1 << (place % 64));
            row.into_boxed_slice()
        };
        let any_trunk = row(&|route| route.settings.trunks.is_empty());
        let mut trunks: HashMap<String, Row> = HashMap::new();
        let mut wanted = vec![Vec::new(); phonebooks];
        for (place, route) in routes.iter().enumerate() {
            let bit = 1 << (place % 64);
            for trunk in &route.settings.trunks {
                trunks.entry(trunk.clone()).or_insert_with(|| any_trunk.clone())[place / 64] |= bit;
            }
            for ordinal in route.phonebooks.wanted().iter().filter_map(|phonebook| phonebook.ordinal) {
                let row = &mut wanted[ordinal.place()];
                row.resize(words, 0);
                row[place / 64] |= bit;
            }
        }
        CandidateIndex {
            words,
            enabled: row(&|route| route.settings.enabled),
            any_trunk,
            trunks,
            dids: NumberRows::of(routes, words, |route| &route.dids),
            any_caller: row(&|route| !route.asks_for_caller()),
            callers: NumberRows::of(routes, words, |route| &route.callers),
            withheld: row(&|route| route.settings.withheld),
            in_no_phonebook: row(&|route| route.settings.in_no_phonebook),
            phonebooks: wanted.into_iter().map(Vec::into_boxed_slice).collect(),
        }
    }

    /// Tries the routes that the call may meet, in their order, until one gives something. `try_route` gets
    /// the place of a route; `phonebooks` are those of the caller's contacts.
    pub(super) fn find<T>(
        &self,
        facts: &CallFacts<'_>,
        phonebooks: impl Iterator<Item = PhonebookOrdinal> + Clone,
        mut try_route: impl FnMut(usize) -> Option<T>,
    ) -> Option<T> {
        let trunk = self.trunks.get(facts.trunk).unwrap_or(&self.any_trunk);
        let mut did_number = None;
        for word in 0..self.words {
            let mut callers = self.any_caller[word];
            if facts.is_withheld {
                callers |= self.withheld[word];
            }
            if let Some(number) = facts.caller_number {
                callers |= self.in_no_phonebook[word];
                let asked = self.callers.asked[word];
                if asked & !callers != 0 {
                    callers |= asked
                        & (self.callers.given.may_be(facts.caller_given.map(str::as_bytes), word)
                            | self.callers.number.may_be(Some(number.digits().as_bytes()), word));
                }
                for phonebook in phonebooks.clone() {
                    let row = self.phonebooks.get(phonebook.place());
                    callers |= row.and_then(|row| row.get(word)).copied().unwrap_or(0);
                }
            }
            let candidates = self.enabled[word] & trunk[word] & callers;
            let asked = self.dids.asked[word];
            let mut sure = candidates & !asked;
            // Whether these are candidates depends on the number that was dialled.
            let mut unsure = candidates & asked;
            if unsure != 0 {
                let by_given = unsure & self.dids.given.may_be(facts.did_given.map(str::as_bytes), word);
                (sure, unsure) = (sure | by_given, unsure & !by_given);
            }
            while sure | unsure != 0 {
                let place = (sure | unsure).trailing_zeros();
                if unsure >> place & 1 == 1 {
                    let number =
                        did_number.get_or_insert_with(|| (facts.did_number)().map(PhoneNumber::digits));
                    let digits = number.as_ref().map(|digits| digits.as_bytes());
                    sure |= unsure & self.dids.number.may_be(digits, word);
                    unsure = 0;
                    continue;
                }
                sure &= !(1 << place);
                if let Some(found) = try_route(word * 64 + place as usize) {
                    return Some(found);
                }
            }
        }
        None
    }
}

impl NumberRows {
    fn of(
        routes: &[CompiledRoute],
        words: usize,
        criteria: impl Fn(&CompiledRoute) -> &[NumberCriterion],
    ) -> Self {
        let mut asked = vec![0; words].into_boxed_slice();
        let mut given = PlaceRows::new(words);
        let mut number = PlaceRows::new(words);
        for (route, compiled) in routes.iter().enumerate() {
            for criterion in criteria(compiled) {
                asked[route / 64] |= 1 << (route % 64);
                let by_digits = |place, digit| criterion.may_have(place, digit);
                if !criterion.is_international() {
                    given.add(route, by_digits);
                }
                number.add(route, by_digits);
                for (first, last) in criterion.readings() {
                    let (first, last) = (first.digits(), last.digits());
                    number.add(route, |place, digit| {
                        number_range::may_have(first.as_bytes(), last.as_bytes(), place, digit)
                    });
                }
            }
        }
        NumberRows { asked, given, number }
    }
}

impl PlaceRows {
    fn new(words: usize) -> Self {
        PlaceRows { bits: vec![0; PLACES * SYMBOLS * words].into(), words }
    }

    fn add(&mut self, route: usize, may_have: impl Fn(usize, Option<u8>) -> bool) {
        for place in 0..PLACES {
            for symbol in 0..SYMBOLS {
                let digit = (symbol != END).then_some(b'0' + symbol as u8);
                if may_have(place, digit) {
                    self.bits[(place * SYMBOLS + symbol) * self.words + route / 64] |= 1 << (route % 64);
                }
            }
        }
    }

    /// Which routes of a word a number does not rule out; none when there is no number.
    fn may_be(&self, digits: Option<&[u8]>, word: usize) -> u64 {
        let Some(digits) = digits else { return 0 };
        let symbols = digits.iter().map(|digit| usize::from(digit.wrapping_sub(b'0'))).chain([END]);
        let mut routes = u64::MAX;
        for (place, symbol) in symbols.take(PLACES).enumerate() {
            let at = (place * SYMBOLS + symbol.min(END)) * self.words + word;
            routes &= self.bits[at];
            if routes == 0 {
                break;
            }
        }
        routes
    }
}
