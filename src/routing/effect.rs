//! What a change of contacts does to calls: who is found by another contact, and which calls take another
//! route.
//!
//! Every number of both snapshots is looked at; where what callers can see of its contacts differs, or whether
//! a route skips them as old, the call is decided in both, on every [`Line`]. A number stands for the call that
//! shows it; callers whom only last digits lead to a contact are not counted, there being no list of them.
//!
//! Numbers that routes cannot tell apart ([`Facts`]) are decided once. So the work grows with the numbers
//! that differ by a look-up or two each, and with lines only by the kinds of callers, which are few.

mod lines;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use jiff::Timestamp;

use super::number_forms::NumberForms;
use super::{Call, decide, skips};
use crate::index::{ContactIndex, Numbers, PhonebookOrdinal, PhonebookSet, Posting};
use crate::matching::{CallerMatch, match_caller};
use crate::phone_number::{PhoneNumber, Region};
use crate::settings::{Attestation, InboundRoute};
use crate::snapshot::{CompiledRoute, CompiledTrunk, Snapshot};

pub use lines::{Line, Lines, MAX_LINES};

/// Most examples of one change of route.
pub const MAX_EXAMPLES: usize = 5;

/// How many numbers are looked at between two looks at whether to go on.
const CANCEL_CHECK_EVERY: u64 = 4096;

/// Most kinds of callers that are remembered; those forgotten are decided again.
const MAX_REMEMBERED: usize = 50_000;

/// What a change of contacts does to calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Numbers for which something differs that a call can show: the contacts, their names, their phonebooks; and
    /// those whose call takes another route because their phonebooks are not old any more.
    pub numbers: u64,
    /// Of these, numbers that lead to a contact, and did not before.
    pub newly_matched: u64,
    /// Numbers that lead to no contact any more.
    pub no_longer_matched: u64,
    /// Numbers that lead to a contact before and after.
    pub matched_otherwise: u64,
    /// Numbers whose call takes another route on at least one line.
    pub rerouted: u64,
    /// From which route to which, the most frequent first.
    pub reroutes: Vec<Reroute>,
}

/// Calls that take another route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reroute {
    /// Name of the route before; `None` when no route took the call.
    pub from: Option<String>,
    /// Name of the route afterwards.
    pub to: Option<String>,
    /// How many numbers take this turn on at least one line.
    pub numbers: u64,
    /// On which lines, by their places.
    pub lines: Vec<usize>,
    /// The first numbers that do, each with the place of a line.
    pub examples: Vec<(PhoneNumber, usize)>,
}

/// Compares two snapshots that differ in their contacts alone, for calls at a moment whose network vouches for the
/// caller so far. `None` when it was told to stop.
#[must_use]
pub fn effect(
    before: &Snapshot,
    after: &Snapshot,
    lines: &[Line],
    attestation: Option<Attestation>,
    at: Timestamp,
    is_cancelled: &dyn Fn() -> bool,
) -> Option<Effect> {
    let mut comparison = Comparison {
        before,
        after,
        lines,
        attestation,
        at,
        rewrites_callers: lines
            .iter()
            .any(|line| before.trunk(&line.trunk).is_some_and(CompiledTrunk::has_caller_rules)),
        asking: asking_for_callers(before),
        aged: aged(before, after, at),
        regions: regions(before, lines),
        turns: Turns::default(),
        remembered: HashMap::new(),
        effect: Effect::default(),
    };
    for (looked_at, (number, contacts)) in (0_u64..).zip(Pairs::new(before, after)) {
        if looked_at.is_multiple_of(CANCEL_CHECK_EVERY) && is_cancelled() {
            return None;
        }
        comparison.look_at(number, contacts);
    }
    Some(comparison.finish())
}

/// Whether a route takes phonebooks of one snapshot that it skips as old in the other.
#[must_use]
pub fn ages_count(before: &Snapshot, after: &Snapshot, at: Timestamp) -> bool {
    !aged(before, after, at).is_empty()
}

/// The phonebooks, as they are before, that a route skips in one snapshot and not in the other.
fn aged(before: &Snapshot, after: &Snapshot, at: Timestamp) -> HashSet<PhonebookOrdinal> {
    let mut aged = HashSet::new();
    let routes = before.routes().routes().iter().zip(after.routes().routes());
    for (old, new) in routes.filter(|(route, _)| route.settings().enabled) {
        let Some(freshness) = old.settings().freshness else { continue };
        let asked = if old.settings().in_no_phonebook {
            in_both(before.contacts(), after.contacts())
        } else {
            let wanted = old.phonebooks().wanted().iter().zip(new.phonebooks().wanted());
            wanted.filter_map(|(old, new)| old.ordinal.zip(new.ordinal)).collect()
        };
        let differ = asked.into_iter().filter(|(old, new)| {
            skips(freshness, before.last_synced(*old), at) != skips(freshness, after.last_synced(*new), at)
        });
        aged.extend(differ.map(|(old, _)| old));
    }
    aged
}

/// The phonebooks that are in both, as they are before and after.
fn in_both(before: &ContactIndex, after: &ContactIndex) -> Vec<(PhonebookOrdinal, PhonebookOrdinal)> {
    let names = before.phonebooks().iter().map(|phonebook| &phonebook.name);
    names.filter_map(|name| before.find_phonebook(name).zip(after.find_phonebook(name))).collect()
}

/// The contacts that have a number exactly, before and after.
type Contacts = [Vec<Posting>; 2];

/// The numbers of both, in order, each once.
struct Pairs<'a> {
    before: std::iter::Peekable<Numbers<'a>>,
    after: std::iter::Peekable<Numbers<'a>>,
}

impl<'a> Pairs<'a> {
    fn new(before: &'a Snapshot, after: &'a Snapshot) -> Self {
        let [before, after] = [before, after].map(|snapshot| snapshot.contacts().numbers().peekable());
        Pairs { before, after }
    }
}

impl Iterator for Pairs<'_> {
    type Item = (PhoneNumber, Contacts);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.before.peek(), self.after.peek()) {
            (Some((before, _)), Some((after, _))) => before.cmp(after),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let before = if order.is_le() { self.before.next() } else { None };
        let after = if order.is_ge() { self.after.next() } else { None };
        let number = before.as_ref().or(after.as_ref())?.0;
        let contacts =
            [before, after].map(|found| found.map(|(_, found)| found.collect()).unwrap_or_default());
        Some((number, contacts))
    }
}

/// All that a route can see of a caller with a number. Callers with equal facts, before and after, take the
/// same routes on the same line.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Facts {
    /// The sets of phonebooks of the contacts found, before and after; each once, in order.
    phonebooks: [Box<[PhonebookSet]>; 2],
    /// One bit for each region of the lines and each route that asks for callers' numbers: whether a pattern
    /// of the route takes this one.
    callers: Box<[u64]>,
    /// The number itself where a trunk rewrites callers' numbers: then what its patterns take is not known here.
    rewritten: Option<PhoneNumber>,
}

/// Whether a route looks at the caller's number itself. A criterion that is new does not compile here until
/// somebody says whether it looks at the caller: if it does, and sees more than [`Facts`] has, it belongs there.
fn asks_for_numbers(route: &InboundRoute) -> bool {
    let InboundRoute {
        name: _,
        enabled,
        note: _,
        trunks: _,
        dids: _,
        callers,
        // Of the contacts found, these see the phonebooks.
        phonebooks: _,
        in_no_phonebook: _,
        // A caller with a number is never withheld.
        withheld: _,
        // The same for all calls that are compared.
        attestation: _,
        times: _,
        // Of a contact, this sees its phonebooks; how old they are is the same for all of them.
        freshness: _,
        caller_name_prefix: _,
        alert_info: _,
        destination: _,
    } = route;
    *enabled && !callers.is_empty()
}

fn asking_for_callers(snapshot: &Snapshot) -> Vec<&CompiledRoute> {
    snapshot.routes().routes().iter().filter(|route| asks_for_numbers(route.settings())).collect()
}

fn regions(snapshot: &Snapshot, lines: &[Line]) -> Vec<Option<Region>> {
    let mut regions = Vec::new();
    for region in lines.iter().map(|line| snapshot.region_of(snapshot.trunk(&line.trunk))) {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions
}

/// From a route to another, by name.
type Turn = (Option<String>, Option<String>);

/// Every turn that was met, by its place.
#[derive(Default)]
struct Turns {
    places: HashMap<Turn, usize>,
    reroutes: Vec<Reroute>,
    /// Lines of each reroute; kept apart so that looking one up is quick.
    lines: Vec<HashSet<usize>>,
}

impl Turns {
    fn place_of(&mut self, turn: Turn) -> usize {
        if let Some(place) = self.places.get(&turn) {
            return *place;
        }
        let place = self.reroutes.len();
        let (from, to) = turn.clone();
        self.reroutes.push(Reroute { from, to, numbers: 0, lines: Vec::new(), examples: Vec::new() });
        self.lines.push(HashSet::new());
        self.places.insert(turn, place);
        place
    }
}

struct Comparison<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    lines: &'a [Line],
    attestation: Option<Attestation>,
    at: Timestamp,
    rewrites_callers: bool,
    asking: Vec<&'a CompiledRoute>,
    aged: HashSet<PhonebookOrdinal>,
    regions: Vec<Option<Region>>,
    turns: Turns,
    /// Facts -> the turns of such callers, by place, each with the first line on which it is taken.
    remembered: HashMap<Facts, Rc<[(usize, usize)]>>,
    effect: Effect,
}

impl Comparison<'_> {
    fn look_at(&mut self, number: PhoneNumber, contacts: Contacts) {
        let [exactly_before, exactly_after] = &contacts;
        let look_the_same = self.look_the_same(exactly_before, exactly_after);
        if look_the_same && !self.are_aged(exactly_before) {
            return;
        }
        let text = number.to_string();
        let [before, after] = contacts;
        let before = found(self.before, &text, before);
        let after = found(self.after, &text, after);
        let facts = Facts {
            phonebooks: [sets_of(&before), sets_of(&after)],
            callers: self.callers_bits(number, &text),
            rewritten: self.rewrites_callers.then_some(number),
        };
        let turns = match self.remembered.get(&facts) {
            Some(turns) => Rc::clone(turns),
            None => {
                if self.remembered.len() >= MAX_REMEMBERED {
                    self.remembered.clear();
                }
                let turns = self.turns_of(&text);
                self.remembered.insert(facts, Rc::clone(&turns));
                turns
            }
        };
        // That the same contacts are younger is nothing that a call shows.
        if look_the_same && turns.is_empty() {
            return;
        }
        self.effect.numbers += 1;
        match (before.is_empty(), after.is_empty()) {
            // Found by nobody before and after cannot differ; it is here to be complete.
            (true, _) => self.effect.newly_matched += 1,
            (false, true) => self.effect.no_longer_matched += 1,
            (false, false) => self.effect.matched_otherwise += 1,
        }
        self.effect.rerouted += u64::from(!turns.is_empty());
        for (turn, line) in turns.iter() {
            let reroute = &mut self.turns.reroutes[*turn];
            reroute.numbers += 1;
            if reroute.examples.len() < MAX_EXAMPLES {
                reroute.examples.push((number, *line));
            }
        }
    }

    /// Whether a call finds the same contacts, and they look the same to it.
    fn look_the_same(&self, before: &[Posting], after: &[Posting]) -> bool {
        let (old, new) = (self.before.contacts(), self.after.contacts());
        before.len() == after.len()
            && before.iter().zip(after).all(|(a, b)| {
                let phonebooks_of = |contacts: &ContactIndex, posting: &Posting| {
                    let phonebooks = contacts.phonebooks_in(posting.phonebooks()).iter();
                    phonebooks.map(|phonebook| contacts.phonebook(*phonebook).id).collect::<Vec<_>>()
                };
                a.label() == b.label()
                    && old.contact(a.contact()) == new.contact(b.contact())
                    && phonebooks_of(old, a) == phonebooks_of(new, b)
            })
    }

    /// Whether a route may skip them in one snapshot and not in the other, though they look the same.
    fn are_aged(&self, before: &[Posting]) -> bool {
        let is_aged = |phonebook: &PhonebookOrdinal| self.aged.contains(phonebook);
        let phonebooks_of = |posting: &Posting| self.before.contacts().phonebooks_in(posting.phonebooks());
        !self.aged.is_empty() && before.iter().any(|posting| phonebooks_of(posting).iter().any(is_aged))
    }

    fn callers_bits(&self, number: PhoneNumber, text: &str) -> Box<[u64]> {
        let bits = self.regions.len() * self.asking.len();
        let mut taken = vec![0; bits.div_ceil(64)];
        // Which contacts have the number does not matter to a pattern.
        let caller = CallerMatch::NotMatched(number);
        for (region, place) in self.regions.iter().zip(0..) {
            let forms = NumberForms::of_caller(text, *region, &caller);
            for (route, bit) in self.asking.iter().zip(place * self.asking.len()..) {
                if forms.find_fit(route.callers(), |_| false).is_some() {
                    taken[bit / 64] |= 1 << (bit % 64);
                }
            }
        }
        taken.into()
    }

    /// Decides the call of such a caller on every line, before and after.
    fn turns_of(&mut self, caller: &str) -> Rc<[(usize, usize)]> {
        let mut turns: Vec<(usize, usize)> = Vec::new();
        for (place, line) in self.lines.iter().enumerate() {
            let Comparison { attestation, at, .. } = *self;
            let call = Call { caller, did: &line.did, trunk: &line.trunk, attestation, at };
            let route = |snapshot| decide(snapshot, &call).route.map(|route| route.name.clone());
            let turn = (route(self.before), route(self.after));
            if turn.0 != turn.1 {
                let turn = self.turns.place_of(turn);
                self.turns.lines[turn].insert(place);
                if turns.iter().all(|(other, _)| *other != turn) {
                    turns.push((turn, place));
                }
            }
        }
        turns.into()
    }

    fn finish(self) -> Effect {
        let Turns { reroutes, lines, .. } = self.turns;
        let with_lines = reroutes.into_iter().zip(lines).map(|(reroute, lines)| {
            let mut lines: Vec<usize> = lines.into_iter().collect();
            lines.sort_unstable();
            Reroute { lines, ..reroute }
        });
        let mut reroutes: Vec<Reroute> = with_lines.collect();
        reroutes.sort_by(|a, b| (b.numbers, &a.from, &a.to).cmp(&(a.numbers, &b.from, &b.to)));
        Effect { reroutes, ..self.effect }
    }
}

/// The contacts that a call with this number finds; `exact` have it exactly.
fn found(snapshot: &Snapshot, text: &str, exact: Vec<Posting>) -> Vec<Posting> {
    if !exact.is_empty() || snapshot.last_digits().is_none() {
        return exact;
    }
    // On which trunk does not matter: a number in its normal form is the same in every region.
    match_caller(snapshot, text, "").contacts().to_vec()
}

fn sets_of(contacts: &[Posting]) -> Box<[PhonebookSet]> {
    let mut sets: Vec<PhonebookSet> = contacts.iter().map(|posting| posting.phonebooks()).collect();
    sets.sort_unstable();
    sets.dedup();
    sets.into()
}
