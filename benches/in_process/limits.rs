//! The call path, and the build of the index, against the fastest table there is: `FxHashMap<u64, u32>`, from
//! number to contact.

use std::hint::black_box;

use ringroute::matching::match_caller;
use ringroute::phone_number::{Caller, PhoneNumber, normalise};
use ringroute::routing::decide;
use rustc_hash::FxHashMap;

use crate::support::call_path::{CallPath, at_hand, call};
use crate::support::report::{Goal, Table, duration};
use crate::support::rounds::{Contender, interleaved, median, ratio};
use crate::support::{Scale, company};

/// What is timed, the place of the line that it is a ratio of, and the goal.
type Line<'a> = (Contender<'a>, Option<usize>, Option<Goal>);

/// The bases of [`call_path`], by place.
const TABLE_HIT: usize = 0;
const TABLE_MISS: usize = 1;
const TABLE_IN_TURN: usize = 2;
const MATCH_AFTER_READING: usize = 10;

pub(crate) fn print(company: &CallPath, scale: Scale) {
    call_path(company, scale);
    normalising(scale);
    building(company, scale);
    memory(company);
}

fn call_path(company: &CallPath, scale: Scale) {
    let CallPath { numbers, strangers, international, mixed, snapshot, with_words, similar, long, people: _ } =
        company;
    let table: FxHashMap<u64, u32> = numbers.iter().map(|number| number.to_bits()).zip(0..).collect();
    let in_table = |numbers: &[PhoneNumber]| {
        let found = numbers.iter().filter_map(|number| table.get(&black_box(number.to_bits())));
        black_box(found.map(|contact| u64::from(*contact)).sum::<u64>());
        numbers.len()
    };
    let in_index = |numbers: &[PhoneNumber], expected: usize| {
        let first = |number: &PhoneNumber| snapshot.contacts().exact(black_box(*number)).next();
        let found = numbers.iter().filter_map(first).inspect(|posting| _ = black_box(posting)).count();
        assert_eq!(found, expected, "numbers found");
        numbers.len()
    };
    let of_each = |texts: &[&str], work: &dyn Fn(&str)| {
        texts.iter().for_each(|text| work(black_box(text)));
        texts.len()
    };
    // What is asked next hangs on what was found, though nothing is ever added.
    let next = |place: usize, found: usize| place + (found & black_box(0));
    let in_turn = |count: usize, ask: &dyn Fn(usize) -> Option<usize>| {
        black_box((0..count).fold(0, |found, place| ask(next(place, found)).unwrap()));
        count
    };
    let region = company::region();
    let similar = similar.contacts();
    let unread = at_hand(international.iter().map(|caller| format!("00{}", &caller[1..])));
    let few = &strangers[..strangers.len().min(scale.pick(100_000, 1_000))];

    let lines = vec![
        (Contender::new("FxHashMap, hit", || in_table(numbers)), None, None),
        (Contender::new("FxHashMap, miss", || in_table(strangers)), None, None),
        (
            Contender::new("FxHashMap, hit, in turn", || {
                in_turn(numbers.len(), &|place| {
                    table.get(&numbers[place].to_bits()).map(|found| *found as usize)
                })
            }),
            None,
            None,
        ),
        (
            Contender::new("exact look-up, hit", || in_index(numbers, numbers.len())),
            Some(TABLE_HIT),
            Some(Goal::AtMost(3.0)),
        ),
        (
            Contender::new("exact look-up, miss", || in_index(strangers, 0)),
            Some(TABLE_MISS),
            Some(Goal::AtMost(3.0)),
        ),
        (
            Contender::new("exact look-up, hit, in turn", || {
                in_turn(numbers.len(), &|place| {
                    let posting = snapshot.contacts().exact(numbers[place]).next();
                    posting.map(|posting| posting.contact().place())
                })
            }),
            Some(TABLE_IN_TURN),
            None,
        ),
        (
            Contender::new("match from raw text, international, in turn", || {
                in_turn(international.len(), &|place| {
                    let found = match_caller(snapshot, international[place], "berlin");
                    found.contacts().first().map(|posting| posting.contact().place())
                })
            }),
            Some(TABLE_IN_TURN),
            None,
        ),
        (
            Contender::new("reading the number only, international", || {
                of_each(international, &|caller| _ = black_box(Caller::parse(caller, region)))
            }),
            Some(TABLE_HIT),
            None,
        ),
        (
            Contender::new("match from raw text, international", || {
                of_each(international, &|caller| _ = black_box(match_caller(snapshot, caller, "berlin")))
            }),
            Some(TABLE_HIT),
            Some(Goal::AtMost(5.0)),
        ),
        (
            Contender::new("match from raw text, trunk with words of its own", || {
                of_each(international, &|caller| _ = black_box(match_caller(with_words, caller, "berlin")))
            }),
            Some(TABLE_HIT),
            None,
        ),
        (
            Contender::new("match from raw text, with 00, to be read", || {
                of_each(&unread, &|caller| _ = black_box(match_caller(snapshot, caller, "berlin")))
            }),
            Some(TABLE_HIT),
            None,
        ),
        (
            Contender::new("match from raw text, mixed", || {
                of_each(mixed, &|caller| _ = black_box(match_caller(snapshot, caller, "berlin")))
            }),
            Some(TABLE_HIT),
            None,
        ),
        (
            Contender::new("last-digits look-up, 7 digits", || {
                few.iter().for_each(|number| _ = black_box(similar.last_digits(black_box(*number), 7)));
                few.len()
            }),
            Some(TABLE_HIT),
            None,
        ),
        (
            Contender::new("route, international, 5 routes", || {
                of_each(international, &|caller| _ = black_box(decide(snapshot, &call(caller))))
            }),
            Some(MATCH_AFTER_READING),
            None,
        ),
        (
            Contender::new("route, international, 200 routes", || {
                of_each(international, &|caller| _ = black_box(decide(long, &call(caller))))
            }),
            Some(MATCH_AFTER_READING),
            Some(Goal::AtMost(3.0)),
        ),
    ];
    tell("call path", lines, scale.pick(9, 1));
}

fn normalising(scale: Scale) {
    let region = company::region();
    let forms = company::written_numbers(scale.pick(50_000, 2_000), 1024);
    let base = forms.iter().position(|(form, _)| *form == "E.164").unwrap();
    let lines = forms.iter().enumerate().map(|(place, (form, texts))| {
        // So often that a timer's grain does not show.
        let again = scale.pick(20, 1);
        let work = move || {
            let all = texts.iter().cycle().take(texts.len() * again);
            all.for_each(|text| _ = black_box(normalise(black_box(text), region)));
            texts.len() * again
        };
        (Contender::new(*form, work), (place != base).then_some(base), None)
    });
    tell("normalise", lines.collect(), scale.pick(9, 1));
}

/// For each number that is indexed.
fn building(company: &CallPath, scale: Scale) {
    let CallPath { people, numbers, .. } = company;
    let table = || {
        let table: FxHashMap<u64, u32> = numbers.iter().map(|number| number.to_bits()).zip(0..).collect();
        black_box(table).len()
    };
    let index = |with_last_digits| {
        move || black_box(company::index(black_box(people), with_last_digits)).number_count()
    };
    let lines = vec![
        (Contender::new("FxHashMap", table), None, None),
        (Contender::new("index", index(false)), Some(0), None),
        (Contender::new("index with last digits", index(true)), Some(0), None),
    ];
    tell("build, by number", lines, scale.pick(5, 1));
}

fn tell(what: &str, lines: Vec<Line<'_>>, rounds: usize) {
    let (mut contenders, compared): (Vec<_>, Vec<_>) =
        lines.into_iter().map(|(contender, base, goal)| (contender, (base, goal))).unzip();
    let times = interleaved(rounds, &mut contenders);
    let mut told = Table::new(&[what, "compared with", "ratio", "goal", "time"]);
    for (place, (base, goal)) in compared.into_iter().enumerate() {
        let ratio = base.map(|base| ratio(&times[place], &times[base]));
        told.row([
            contenders[place].name.clone(),
            base.map_or(String::new(), |base| contenders[base].name.clone()),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            goal.zip(ratio).map_or(String::new(), |(goal, ratio)| goal.told(ratio)),
            duration(median(times[place].iter().copied())),
        ]);
    }
    told.print();
    println!();
}

fn memory(company: &CallPath) {
    let (index, similar) = (company.snapshot.contacts(), company.similar.contacts());
    let (contacts, all) = (index.contact_count(), index.number_count());
    let mut told = Table::new(&["memory", "bytes each", "goal", "how many"]);
    let mut row = |name: &str, bytes: usize, count: usize, goal: Option<Goal>| {
        let each = bytes as f64 / count as f64;
        let goal = goal.map_or(String::new(), |goal| goal.told(each));
        told.row([name.to_owned(), format!("{each:.1}"), goal, count.to_string()]);
    };
    row("number index", index.memory().numbers, all, Some(Goal::AtMost(16.0)));
    row("number index with last digits", similar.memory().numbers, all, None);
    row("packed contacts", index.memory().contacts, contacts, None);
    told.print();
}
