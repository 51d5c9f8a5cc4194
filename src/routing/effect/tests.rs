use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::tests::{contacts, route, routes, snapshot};
use super::*;
use crate::settings::{Freshness, OlderData, Settings, Trunk};
use crate::snapshot::LastSynced;

fn trunks() -> Vec<Trunk> {
    let settings: Settings =
        toml::from_str("trunk = [{ name = 'berlin' }, { name = 'wien', default_region = 'AT' }]").unwrap();
    settings.trunks
}

fn compare(before: &Snapshot, after: &Snapshot, lines: &[Line]) -> Effect {
    effect(before, after, lines, Some(Attestation::A), Timestamp::UNIX_EPOCH, &|| false).unwrap()
}

fn of_age(snapshot: &Snapshot, is_old: bool) -> Snapshot {
    let last_synced = if is_old { LastSynced::Never } else { LastSynced::At(Timestamp::UNIX_EPOCH) };
    snapshot.with_last_synced(|_| last_synced)
}

/// Contacts found and route taken, as far as a call can tell.
fn answer(snapshot: &Snapshot, number: &str, line: &Line) -> (Vec<String>, Option<String>) {
    let (attestation, at) = (Some(Attestation::A), Timestamp::UNIX_EPOCH);
    let call = Call { caller: number, did: &line.did, trunk: &line.trunk, attestation, at };
    let decision = decide(snapshot, &call);
    let contacts = snapshot.contacts();
    let shown = decision.caller_match.contacts().iter().map(|posting| {
        format!(
            "{:?} {:?} {:?}",
            contacts.contact(posting.contact()),
            posting.label(),
            contacts.phonebooks_in(posting.phonebooks())
        )
    });
    // How it was found is told too.
    let kind = match &decision.caller_match {
        CallerMatch::Matched { kind, .. } => Some(format!("{kind:?}")),
        _ => None,
    };
    (shown.chain(kind).collect(), decision.route.map(|route| route.name.clone()))
}

proptest! {
    /// The short way (by facts) and the long way (each number on each line) tell the same.
    #[test]
    fn it_is_what_deciding_every_call_twice_gives(
        old in contacts(),
        new in contacts(),
        mut routes in routes(),
        last_digits in any::<bool>(),
        skips_old in any::<bool>(),
        are_old in any::<[bool; 2]>(),
    ) {
        if skips_old {
            let asking = routes.iter_mut().filter(|route| !route.phonebooks.is_empty());
            let freshness = Freshness { max_age_hours: 24, older: OlderData::Skip };
            asking.for_each(|route| route.freshness = Some(freshness));
        }
        let before = of_age(&snapshot(&old, routes.clone(), last_digits), are_old[0]);
        let after = of_age(&snapshot(&new, routes, last_digits), are_old[1]);
        let lines = Lines::of(&before, &trunks()).lines;
        let found = compare(&before, &after, &lines);

        let [mut numbers, mut newly, mut no_longer, mut otherwise, mut rerouted] = [0_u64; 5];
        let mut turns: BTreeMap<Turn, (u64, Vec<usize>)> = BTreeMap::new();
        for number in ["+49305551234", "+49405551234", "101"] {
            // A number that no contact has exactly is not looked at, last digits or not.
            let parsed = number.parse().unwrap();
            if before.contacts().exact(parsed).is_empty() && after.contacts().exact(parsed).is_empty() {
                continue;
            }
            let answers: Vec<_> = lines
                .iter()
                .map(|line| (answer(&before, number, line), answer(&after, number, line)))
                .collect();
            let ((old, _), (new, _)) = &answers[0];
            if old != new || answers.iter().any(|((_, from), (_, to))| from != to) {
                numbers += 1;
                newly += u64::from(old.is_empty());
                no_longer += u64::from(new.is_empty());
                otherwise += u64::from(!old.is_empty() && !new.is_empty());
            }
            let mut counted = Vec::new();
            for (place, ((_, from), (_, to))) in answers.into_iter().enumerate().filter(|(_, (a, b))| a.1 != b.1) {
                let turn = (from, to);
                let (count, lines) = turns.entry(turn.clone()).or_default();
                if !lines.contains(&place) {
                    lines.push(place);
                }
                *count += u64::from(!counted.contains(&turn));
                counted.push(turn);
            }
            rerouted += u64::from(!counted.is_empty());
        }
        prop_assert_eq!(
            [found.numbers, found.newly_matched, found.no_longer_matched, found.matched_otherwise],
            [numbers, newly, no_longer, otherwise]
        );
        prop_assert_eq!(found.rerouted, rerouted);
        let told: BTreeMap<_, _> = found
            .reroutes
            .into_iter()
            .map(|reroute| ((reroute.from, reroute.to), (reroute.numbers, reroute.lines)))
            .collect();
        for (_, lines) in turns.values_mut() {
            lines.sort_unstable();
        }
        prop_assert_eq!(told, turns);
    }
}

#[test]
fn a_number_that_moves_to_another_phonebook_is_an_example() {
    let routes = vec![
        route("name = 'Sales'\nphonebooks = ['Sales']"),
        route("name = 'Support'\nphonebooks = ['Support']"),
    ];
    let before = snapshot(&[(vec![0], vec![0]), (vec![1], vec![1])], routes.clone(), false);
    let after = snapshot(&[(vec![1], vec![0]), (vec![1], vec![1])], routes, false);
    let lines = Lines::of(&before, &[]);
    assert_eq!(lines.lines, [Line { trunk: String::new(), did: String::new() }]);
    let effect = compare(&before, &after, &lines.lines);
    let number = "+49305551234".parse().unwrap();
    assert_eq!(
        effect.reroutes,
        [Reroute {
            from: Some("Sales".into()),
            to: Some("Support".into()),
            numbers: 1,
            lines: vec![0],
            examples: vec![(number, 0)],
        }]
    );
    assert_eq!((effect.numbers, effect.matched_otherwise, effect.rerouted), (1, 1, 1));
}

#[test]
fn contacts_whose_phonebook_is_not_old_any_more_take_another_route_though_they_are_the_same() {
    let asking = |name: &str, older: &str| {
        let freshness = format!("freshness = {{ max_age_hours = 24, older = '{older}' }}");
        route(&format!("name = '{name}'\nphonebooks = ['{name}']\n{freshness}"))
    };
    let routes = vec![asking("Sales", "skip"), asking("Support", "use")];
    let snapshot = snapshot(&[(vec![0], vec![0]), (vec![1], vec![1])], routes, false);
    let (old, fresh) = (of_age(&snapshot, true), of_age(&snapshot, false));
    let lines = Lines::of(&snapshot, &[]).lines;
    let effect = compare(&old, &fresh, &lines);
    let turns: Vec<_> =
        effect.reroutes.iter().map(|turn| (turn.from.as_deref(), turn.to.as_deref(), turn.numbers)).collect();
    assert_eq!(turns, [(None, Some("Sales"), 1)]);
    assert_eq!((effect.numbers, effect.matched_otherwise, effect.rerouted), (1, 1, 1));
    let at = Timestamp::UNIX_EPOCH;
    assert!(ages_count(&old, &fresh, at) && ages_count(&fresh, &old, at));
    // Younger, and not old before either.
    let younger = snapshot.with_last_synced(|_| LastSynced::At(at - jiff::SignedDuration::from_hours(1)));
    assert!(!ages_count(&younger, &fresh, at));
    assert_eq!(compare(&younger, &fresh, &lines), Effect::default());
}

#[test]
fn who_is_in_no_phonebook_but_old_ones_takes_another_route_once_they_are_not() {
    let strangers = route(
        "name = 'Strangers'\nin_no_phonebook = true\nphonebooks = ['VIP']
         freshness = { max_age_hours = 24, older = 'skip' }",
    );
    let snapshot = snapshot(&[(vec![1], vec![0])], vec![strangers], false);
    let (old, fresh) = (of_age(&snapshot, true), of_age(&snapshot, false));
    let effect = compare(&old, &fresh, &Lines::of(&snapshot, &[]).lines);
    let turns: Vec<_> =
        effect.reroutes.iter().map(|turn| (turn.from.as_deref(), turn.to.as_deref(), turn.numbers)).collect();
    assert_eq!(turns, [(Some("Strangers"), None, 1)]);
    assert!(ages_count(&old, &fresh, Timestamp::UNIX_EPOCH));
}

#[test]
fn lines_are_one_of_each_kind_that_routes_can_tell_apart() {
    let routes = vec![
        route("name = 'Hot line'\ndids = ['+4930555100']"),
        route("name = 'Berlin'\ntrunks = ['berlin']\ndids = ['+4930555XXX', '100']"),
        route("name = 'Off'\nenabled = false\ndids = ['999']"),
        route("name = 'Everybody'"),
    ];
    let snapshot = snapshot(&[], routes, false);
    let lines = Lines::of(&snapshot, &trunks());
    let line = |trunk: &str, did: &str| Line { trunk: trunk.into(), did: did.into() };
    assert_eq!(
        lines.lines,
        [
            line("", ""),
            line("", "+4930555100"),
            line("berlin", ""),
            line("berlin", "+4930555100"),
            // Not 100: the same route takes it.
            line("berlin", "+4930555000"),
            line("wien", ""),
            line("wien", "+4930555100"),
        ]
    );
    assert_eq!(lines.left_out, 0);
}

#[test]
fn a_pattern_that_no_number_can_fit_is_left_out_and_counted() {
    // Its country does not have numbers of this length.
    let snapshot = snapshot(&[], vec![route("name = 'Never'\ndids = ['+4612']")], false);
    let lines = Lines::of(&snapshot, &[]);
    assert_eq!((lines.lines.len(), lines.left_out), (1, 1));
}

#[test]
fn it_can_be_stopped() {
    let snapshot = snapshot(&[(vec![0], vec![0])], Vec::new(), false);
    assert_eq!(
        effect(&snapshot, &snapshot, &[], Some(Attestation::A), Timestamp::UNIX_EPOCH, &|| true),
        None
    );
}
