//! What is counted. Everything is made before, and done once uncounted: what is made at the first use is none of it.

use std::hint::black_box;

use ringroute::matching::match_caller;
use ringroute::phone_number::{PhoneNumber, normalise};
use ringroute::routing::decide;

use crate::support::call_path::{CallPath, call};
use crate::support::{Scale, company};

/// Of each form of numbers, with the name of its case.
const FORMS: [(&str, &str); 4] = [
    ("E.164", "normalise, E.164"),
    ("international with separators", "normalise, international with separators"),
    ("national", "normalise, national"),
    ("with an extension", "normalise, with an extension"),
];

/// A number of operations of one kind.
pub(crate) struct Case<'a> {
    pub(crate) name: &'static str,
    pub(crate) operations: usize,
    work: Box<dyn Fn() + 'a>,
}

impl<'a> Case<'a> {
    /// `operation` on each of these things, of which there must be some.
    fn new<T>(name: &'static str, things: &'a [T], operation: impl Fn(&'a T) + 'a) -> Self {
        assert!(!things.is_empty(), "{name}");
        let work = Box::new(move || things.iter().for_each(|thing| operation(black_box(thing))));
        Case { name, operations: things.len(), work }
    }
}

/// What the cases are made of.
pub(crate) struct Company {
    path: CallPath,
    written: Vec<(&'static str, Vec<String>)>,
    /// Of each kind of numbers and callers so many are asked for.
    questions: usize,
}

impl Company {
    pub(crate) fn new(scale: Scale) -> Self {
        let (contacts, questions) = (scale.pick(20_000, 2_000), scale.pick(2_000, 200));
        Company {
            path: CallPath::new(contacts, questions),
            written: company::written_numbers(contacts, questions),
            questions,
        }
    }

    pub(crate) fn cases(&self) -> Vec<Case<'_>> {
        let CallPath {
            numbers, strangers, international, mixed, snapshot, with_words, similar, long, ..
        } = &self.path;
        let (numbers, strangers) = (&numbers[..self.questions], &strangers[..self.questions]);
        let region = company::region();
        let mut cases = Vec::new();
        for (form, name) in FORMS {
            let (_, written) = self.written.iter().find(|(of, _)| *of == form).unwrap();
            cases.push(Case::new(name, written, move |text| _ = black_box(normalise(text, region))));
        }
        for (name, numbers) in [("exact look-up, hit", numbers), ("exact look-up, miss", strangers)] {
            let look_up = |number: &PhoneNumber| _ = black_box(snapshot.contacts().exact(*number).next());
            cases.push(Case::new(name, numbers, look_up));
        }
        let similar = similar.contacts();
        cases.push(Case::new("last-digits look-up, 7 digits", strangers, |number| {
            _ = black_box(similar.last_digits(*number, 7));
        }));
        for (name, callers, snapshot) in [
            ("match, international", international, snapshot),
            ("match, trunk with words of its own", international, with_words),
            ("match, mixed", mixed, snapshot),
        ] {
            let work = |caller: &&str| _ = black_box(match_caller(snapshot, caller, "berlin"));
            cases.push(Case::new(name, callers, work));
        }
        for (name, snapshot) in [("route, mixed, 5 routes", snapshot), ("route, mixed, 200 routes", long)] {
            cases.push(Case::new(name, mixed, |caller| _ = black_box(decide(snapshot, &call(caller)))));
        }
        cases
    }
}

/// Runs every case: once, then once between what valgrind is told to begin and to end with.
pub(crate) fn run(cases: &[Case<'_>]) {
    for case in cases {
        (case.work)();
        counted(&*case.work);
        end_of_case();
    }
}

/// Valgrind counts while this runs; see [`crate::callgrind`].
#[inline(never)]
fn counted(work: &dyn Fn()) {
    work();
    black_box(());
}

/// Valgrind writes down what it has counted when this begins.
#[inline(never)]
fn end_of_case() {
    black_box(());
}
