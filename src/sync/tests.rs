use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::contact::{ContactDetails, ContactId};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::settings::{FieldMap, GuardSettings, PhonebookTarget};
use crate::source::rows::{Projection, RowBatch};

fn name(text: &str) -> PhonebookName {
    PhonebookName::parse(text).unwrap()
}

fn by_property() -> PhonebookTarget {
    PhonebookTarget::ByProperty { column: "belongto".into(), blank: None }
}

/// key, phonebook property, last name, business number
fn projection(target: &PhonebookTarget) -> Projection {
    let column = |text: &str| Some(text.to_owned());
    let map = FieldMap {
        key: column("id"),
        last_name: column("name"),
        business_number: column("phone"),
        mobile_number: column("mobile"),
        ..FieldMap::default()
    };
    Projection::new(&map, target)
}

type TestRow<'a> = [Option<&'a str>; 5];

fn row<'a>(key: &'a str, property: &'a str, last_name: &'a str, phone: &'a str) -> TestRow<'a> {
    [Some(key), Some(property), Some(last_name), Some(phone), None]
}

struct Pass {
    target: PhonebookTarget,
    remove_missing: bool,
    known: KnownContacts,
    phonebooks: Vec<KnownPhonebook>,
    blank: Option<PhonebookName>,
    max_phonebooks: u32,
}

impl Default for Pass {
    fn default() -> Self {
        Pass {
            target: by_property(),
            remove_missing: true,
            known: KnownContacts::default(),
            phonebooks: Vec::new(),
            blank: None,
            max_phonebooks: 500,
        }
    }
}

impl Pass {
    fn plan(self, rows: &[TestRow<'_>]) -> Result<Plan, SyncError> {
        let preparation = Preparation {
            projection: projection(&self.target),
            region: Some("DE".parse().unwrap()),
            blank_property: self.blank,
        };
        let planner = Planner::new(
            self.target,
            self.remove_missing,
            self.phonebooks,
            self.max_phonebooks,
            Path::new("/tmp"),
        )?
        .knowing(self.known);
        let (sender, receiver) = mpsc::channel(rows.len().max(1));
        for (place, values) in rows.iter().enumerate() {
            let mut batch = RowBatch::new(preparation.projection.columns().len());
            batch.begin_row(place as u64 + 1);
            // Targets other than by_property have no property column.
            let skipped = if preparation.projection.columns().len() == 4 { 1 } else { usize::MAX };
            values
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != skipped)
                .for_each(|(_, value)| batch.push_value(*value));
            sender.try_send(batch).unwrap();
        }
        drop(sender);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let progress = watch::Sender::new(Progress::start(None));
        planner.run(&preparation, receiver, &progress, runtime.handle(), &CancellationToken::new())
    }
}

fn plan(rows: &[TestRow<'_>]) -> Plan {
    Pass::default().plan(rows).unwrap()
}

fn staged(plan: &mut Plan) -> Vec<Staged> {
    plan.staged.read_back().unwrap().map(Result::unwrap).collect()
}

/// What the store would know after `plan`.
fn known_after(plan: &mut Plan, missing: &[&str]) -> (KnownContacts, Vec<KnownPhonebook>) {
    let mut known = KnownContacts::default();
    for (place, contact) in staged(plan).into_iter().enumerate() {
        let id = ContactId(place as u64 + 1);
        let is_missing = missing.contains(&contact.source_key.as_str());
        let phonebook = PhonebookId(contact.phonebook + 1);
        let Staged { digest, row, .. } = contact;
        known.insert(&contact.source_key, KnownContact { id, digest, row, phonebook, is_missing });
    }
    let phonebooks = plan.phonebooks.iter().zip(1..).map(|(phonebook, id)| KnownPhonebook {
        id: PhonebookId(id),
        name: phonebook.name.clone(),
        owner: Owner::Ours,
    });
    (known, phonebooks.collect())
}

#[test]
fn a_first_run_adds_every_contact_into_the_phonebook_that_its_property_names() {
    let mut plan = plan(&[
        row("1", "Sales", "Berg", "030 1234567"),
        row("2", "Support", "Dorn", "+44 20 7946 0123"),
        row("3", " SALES ", "Esch", "0171 2345678"),
    ]);
    assert_eq!(plan.counts, RunCounts { rows: 3, added: 3, ..RunCounts::default() });
    let names: Vec<_> = plan.phonebooks.iter().map(|phonebook| phonebook.name.as_str()).collect();
    assert_eq!(names, ["Sales", "Support"], "spellings are one phonebook, named by the first");
    let staged = staged(&mut plan);
    assert_eq!(staged.iter().map(|contact| contact.phonebook).collect::<Vec<_>>(), [0, 1, 0]);
    let berg: ContactDetails = serde_json::from_str(&staged[0].details).unwrap();
    assert_eq!(berg.last_name, "Berg");
    assert_eq!(berg.numbers[0].number.to_string(), "+49301234567");
    assert_eq!(berg.numbers[0].raw, "030 1234567");
}

#[test]
fn later_runs_tell_unchanged_changed_moved_missing_and_new_apart() {
    let mut first = plan(&[
        row("same", "Sales", "A", "030 1000001"),
        row("renamed", "Sales", "B", "030 1000002"),
        row("moves", "Sales", "C", "030 1000003"),
        row("moves and changes", "Support", "D", "030 1000004"),
        row("goes", "Support", "E", "030 1000005"),
    ]);
    let (known, phonebooks) = known_after(&mut first, &[]);
    let pass = Pass { known, phonebooks, ..Pass::default() };
    let mut second = pass
        .plan(&[
            row("same", "Sales", "A", "030 1000001"),
            row("renamed", "Sales", "B2", "030 1000002"),
            row("moves", "Support", "C", "030 1000003"),
            row("moves and changes", "Sales", "D2", "030 1000004"),
            row("comes", "Sales", "F", "030 1000006"),
        ])
        .unwrap();
    let expected = RunCounts {
        rows: 5,
        unchanged: 1,
        changed: 2,
        moved: 1,
        added: 1,
        removed: 1,
        ..RunCounts::default()
    };
    assert_eq!(second.counts, expected);
    assert_eq!(second.not_received, [ContactId(5)]);
    // Phonebooks are listed in the order in which the run meets them: Sales, Support.
    assert_eq!(second.moved, [(ContactId(3), 1)]);
    let staged: Vec<_> =
        staged(&mut second).into_iter().map(|contact| (contact.id, contact.source_key)).collect();
    let expected = [
        (Some(ContactId(2)), "renamed".to_owned()),
        (Some(ContactId(4)), "moves and changes".to_owned()),
        (None, "comes".to_owned()),
    ];
    assert_eq!(staged, expected);
}

#[test]
fn contacts_not_received_can_be_kept_and_found_again() {
    let mut first = plan(&[row("1", "Sales", "A", "030 1000001"), row("2", "Sales", "B", "030 1000002")]);
    let (known, phonebooks) = known_after(&mut first, &["1"]);
    let pass = Pass { known, phonebooks, remove_missing: false, ..Pass::default() };
    let second = pass.plan(&[row("1", "Sales", "A", "030 1000001")]).unwrap();
    assert_eq!(second.counts, RunCounts { rows: 1, unchanged: 1, kept_missing: 1, ..RunCounts::default() });
    assert_eq!(second.received_again, [ContactId(1)]);
    assert_eq!(second.not_received, [ContactId(2)]);
}

#[test]
fn a_key_that_comes_twice_is_rejected_the_second_time() {
    let mut plan =
        plan(&[row("1", "Sales", "First", "030 1000001"), row("1", "Sales", "Second", "030 1000002")]);
    assert_eq!(plan.counts, RunCounts { rows: 2, added: 1, rejected: 1, ..RunCounts::default() });
    assert!(staged(&mut plan)[0].details.contains("First"));
    assert_eq!((plan.problems[0].position, plan.problems[0].source_key.as_str()), (2, "1"));
}

#[test]
fn rows_that_are_no_contact_are_rejected_with_column_and_reason() {
    let long_name = "x".repeat(64);
    let long_number = "0".repeat(32);
    let cases: &[(TestRow<'_>, &str, &str)] = &[
        (row("", "Sales", "A", "030 1000001"), "id", "key"),
        ([None, Some("Sales"), Some("A"), Some("030 1000001"), None], "id", "key"),
        (row("1", " ", "A", "030 1000001"), "belongto", "blank"),
        (row("1", "Sales", "  ", "030 1000001"), "", "no name"),
        (row("1", "Sales", &long_name, "030 1000001"), "name", "63"),
        (row("1", "Sales", "A", ""), "", "no phone number"),
        (row("1", "Sales", "A", "n/a"), "phone", "digit"),
        (row("1", "Sales", "A", &long_number), "phone", "31"),
        (row("1", "Sales", "A\u{7}", "030 1000001"), "name", "control"),
    ];
    for (values, column, reason) in cases {
        let plan = plan(&[*values, row("other", "Sales", "Good", "030 1000009")]);
        assert_eq!((plan.counts.rejected, plan.counts.added), (1, 1), "{values:?}");
        let problem = &plan.problems[0];
        assert_eq!(problem.kind, ProblemKind::RowRejected);
        assert_eq!(problem.column, *column, "{problem:?}");
        assert!(problem.reason.contains(reason), "{problem:?} should say {reason:?}");
    }
}

/// A row with one contact whose key is `7`, every field of which is mapped to a column of its own name.
fn prepare_contact(values: &[(&str, &str)]) -> Result<ContactDetails, Problem> {
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let map: serde_json::Map<_, _> =
        columns.iter().map(|name| ((*name).to_owned(), serde_json::Value::from(*name))).collect();
    let map: FieldMap = serde_json::from_value(map.into()).unwrap();
    let target = PhonebookTarget::New { name: name("All") };
    let projection = Projection::new(&map, &target);
    let mut batch = RowBatch::new(columns.len());
    batch.begin_row(1);
    for (_, column) in projection.columns() {
        batch.push_value(values.iter().find(|(name, _)| name == column).map(|(_, value)| *value));
    }
    let preparation = Preparation { projection, region: Some("DE".parse().unwrap()), blank_property: None };
    let (_, details, _) = preparation.entry(&batch.row(0).unwrap()).map_err(|problem| *problem)?;
    Ok(serde_json::from_str(&details).unwrap())
}

#[test]
fn the_longest_values_of_the_reference_system_are_taken_whole() {
    // Letters of several bytes, since characters count.
    let (name, company, email) = ("ü".repeat(63), "漢".repeat(127), "é".repeat(255));
    let number = format!("+49 30 1234567{}", " ".repeat(16) + "8");
    assert_eq!(number.chars().count(), 31);
    let row = [
        ("key", "7"),
        ("first_name", &*name),
        ("last_name", &*name),
        ("company", &*company),
        ("email", &*email),
        ("business_number", &*number),
    ];
    let details = prepare_contact(&row).unwrap();
    assert_eq!([&details.first_name, &details.last_name], [&name, &name], "127 together, with a space");
    assert_eq!((details.company, details.email), (company, email));
    assert_eq!(details.numbers[0].raw, number);
}

#[test]
fn a_value_longer_than_the_reference_system_takes_rejects_the_row_by_key_and_column() {
    let numbers = [
        "business_number",
        "business_number_2",
        "business_fax",
        "mobile_number",
        "mobile_number_2",
        "home_number",
        "home_number_2",
        "home_fax",
        "other_number",
    ];
    let mut limits = vec![("first_name", 63), ("last_name", 63), ("company", 127), ("email", 255)];
    limits.extend(numbers.map(|field| (field, 31)));
    for (field, most) in limits {
        let long = match most {
            31 => format!("+49 30 1234567{}8", " ".repeat(17)),
            _ => "ü".repeat(most + 1),
        };
        assert_eq!(long.chars().count(), most + 1);
        let mut row = vec![("key", "7"), ("last_name", "Berg"), ("mobile_number", "0171 2345678")];
        row.retain(|(column, _)| *column != field);
        row.push((field, &*long));
        let problem = prepare_contact(&row).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::RowRejected);
        assert_eq!((&*problem.source_key, &*problem.column), ("7", field), "{problem:?}");
        assert!(problem.reason.contains(&most.to_string()), "{problem:?}");
    }
}

#[test]
fn an_unusable_number_beside_a_good_one_is_left_out_and_reported() {
    let mut plan = plan(&[[Some("1"), Some("Sales"), Some("A"), Some("n/a"), Some("0171 2345678")]]);
    assert_eq!(plan.counts, RunCounts { rows: 1, added: 1, dropped_numbers: 1, ..RunCounts::default() });
    assert_eq!(
        (plan.problems[0].kind, plan.problems[0].column.as_str()),
        (ProblemKind::NumberDropped, "phone")
    );
    let details: ContactDetails = serde_json::from_str(&staged(&mut plan)[0].details).unwrap();
    assert_eq!(details.numbers.len(), 1);
}

#[test]
fn several_numbers_in_one_column_are_left_out_and_reported() {
    for several in ["0301234/0305678", "030 910019 / -20", "0301000022;0301000023", "0301000024,171200300"] {
        let mut plan = plan(&[[Some("1"), Some("Sales"), Some("A"), Some(several), Some("0171 2345678")]]);
        assert_eq!((plan.counts.added, plan.counts.dropped_numbers), (1, 1), "{several}");
        let problem = &plan.problems[0];
        assert_eq!((problem.column.as_str(), problem.value.as_str()), ("phone", several));
        assert!(problem.reason.contains("looks like several numbers"), "{problem:?}");
        let details: ContactDetails = serde_json::from_str(&staged(&mut plan)[0].details).unwrap();
        let numbers: Vec<_> = details.numbers.iter().map(|number| number.number.to_string()).collect();
        assert_eq!(numbers, ["+491712345678"]);
    }
}

#[test]
fn what_a_spreadsheet_adds_to_digits_is_taken_away() {
    let prepared = |number: &str, own_extension: &str| {
        let row = [
            ("key", "7"),
            ("last_name", "Berg"),
            ("business_number", number),
            ("own_extension", own_extension),
            ("remark", "'2.0"),
        ];
        prepare_contact(&row).unwrap()
    };
    for (written, typed, number) in [
        ("493012345680.0", "493012345680", "+493012345680"),
        ("+493012345680.0", "+493012345680", "+493012345680"),
        ("030123456.0", "030123456", "+4930123456"),
        ("'+49 30 1234567", "+49 30 1234567", "+49301234567"),
        ("'030 1234567", "030 1234567", "+49301234567"),
        ("'0301234567.0", "0301234567", "+49301234567"),
        // Points between digits that somebody grouped.
        ("030.123456.0", "030.123456.0", "+49301234560"),
        ("030 123456.0", "030 123456.0", "+49301234560"),
    ] {
        let details = prepared(written, "");
        assert_eq!(details.numbers[0].raw, typed, "{written}");
        assert_eq!(details.numbers[0].number.to_string(), number, "{written}");
        assert_eq!(details.remark, "'2.0", "what is no number stays as it is");
    }
    for (written, typed) in
        [("12.0", "12"), ("'12", "12"), ("1017", "1017"), ("12.5", "12.5"), (".0", ".0"), ("x12.0", "x12.0")]
    {
        assert_eq!(prepared("030 1234567", written).own_extension, typed);
    }
}

#[test]
fn a_known_contact_whose_row_is_rejected_stays_as_it_was() {
    let mut first = plan(&[row("1", "Sales", "A", "030 1000001")]);
    let (known, phonebooks) = known_after(&mut first, &[]);
    let second =
        Pass { known, phonebooks, ..Pass::default() }.plan(&[row("1", "Sales", "", "030 1000001")]).unwrap();
    assert_eq!(second.counts, RunCounts { rows: 1, rejected: 1, ..RunCounts::default() });
    assert!(second.problems[0].reason.contains("stays as it was"));
}

#[test]
fn blank_properties_go_where_the_settings_say() {
    let pass = Pass { blank: Some(name("Unassigned")), ..Pass::default() };
    let plan = pass.plan(&[row("1", " ", "A", "030 1000001")]).unwrap();
    assert_eq!(plan.phonebooks[0].name.as_str(), "Unassigned");
}

#[test]
fn a_phonebook_name_that_is_taken_is_refused() {
    let taken = |owner: Owner| vec![KnownPhonebook { id: PhonebookId(7), name: name("Sales"), owner }];
    let rows = [row("1", "sales", "A", "030 1000001")];
    for (owner, whose) in [(Owner::Local { contacts: 0 }, "local"), (Owner::Source("erp".into()), "erp")] {
        let by_property = Pass { phonebooks: taken(owner.clone()), ..Pass::default() };
        let new = Pass {
            target: PhonebookTarget::New { name: name("SALES") },
            phonebooks: taken(owner),
            ..Pass::default()
        };
        for pass in [by_property, new] {
            let refused = pass.plan(&rows).unwrap_err();
            assert!(matches!(&refused, SyncError::Refused(why) if why.contains(whose)), "{refused}");
        }
    }
}

#[test]
fn an_existing_phonebook_must_be_there_and_empty() {
    let target = || PhonebookTarget::Existing { name: name("VIP") };
    let with = |owner: Owner| vec![KnownPhonebook { id: PhonebookId(7), name: name("vip"), owner }];
    let rows = [row("1", "", "A", "030 1000001")];
    let pass = |phonebooks| Pass { target: target(), phonebooks, ..Pass::default() };

    let filled = pass(with(Owner::Local { contacts: 0 })).plan(&rows).unwrap();
    assert_eq!(filled.phonebooks, [PlannedPhonebook { name: name("vip"), id: Some(PhonebookId(7)) }]);
    let again = pass(with(Owner::Ours)).plan(&rows).unwrap();
    assert_eq!(again.counts.added, 1);
    let refused = |phonebooks| pass(phonebooks).plan(&rows).unwrap_err().to_string();
    assert!(refused(with(Owner::Local { contacts: 3 })).contains("not empty (it has 3 contacts)"));
    assert!(refused(with(Owner::Source("erp".into()))).contains("erp"));
    assert!(refused(Vec::new()).contains("there is no phonebook"));
}

#[test]
fn a_property_that_is_really_a_key_is_refused_by_how_many() {
    let keys: Vec<String> = (0..517).map(|number| number.to_string()).collect();
    let rows: Vec<_> = keys.iter().map(|key| row(key, key, "A", "030 1000001")).collect();
    let refused = Pass::default().plan(&rows).unwrap_err();
    assert!(matches!(refused, SyncError::Refused(_)));
    let why = refused.to_string();
    assert!(why.contains("517 phonebooks, 17 more than the 500") && why.contains("belongto"), "{why}");
}

#[test]
fn phonebooks_of_others_count_and_known_ones_are_not_new() {
    let known = |id, text: &str, owner| KnownPhonebook { id: PhonebookId(id), name: name(text), owner };
    let phonebooks = || vec![known(1, "Sales", Owner::Ours), known(2, "VIP", Owner::Local { contacts: 9 })];
    let pass = || Pass { phonebooks: phonebooks(), max_phonebooks: 2, ..Pass::default() };
    assert!(pass().plan(&[row("1", "sales", "A", "030 1000001")]).is_ok());
    let refused = pass().plan(&[row("1", "Support", "A", "030 1000001")]).unwrap_err().to_string();
    assert!(refused.contains("3 phonebooks, 1 more than the 2"), "{refused}");
    // With one phonebook for all it is known before a row is read.
    let new = PhonebookTarget::New { name: name("Customers") };
    assert!(Pass { target: new, ..pass() }.plan(&[]).is_err());
}

#[test]
fn without_a_key_column_the_content_is_the_key() {
    let target = by_property();
    let map = FieldMap {
        last_name: Some("name".into()),
        business_number: Some("phone".into()),
        ..FieldMap::default()
    };
    let preparation =
        Preparation { projection: Projection::new(&map, &target), region: None, blank_property: None };
    let key = |values: [&str; 3]| {
        let mut batch = RowBatch::new(3);
        batch.begin_row(1);
        values.iter().for_each(|value| batch.push_value(Some(value)));
        let nothing_known = KnownContacts::default();
        preparation.prepare(&batch.row(0).unwrap(), preparation.rules(), &nothing_known).unwrap().source_key
    };
    assert_eq!(key(["Sales", "A", "+49301234567"]), key(["Sales", "A", "+49301234567"]));
    assert_ne!(key(["Sales", "A", "+49301234567"]), key(["Sales", "B", "+49301234567"]));
}

#[test]
fn the_guard_believes_small_losses_and_refuses_large_ones() {
    let settings = GuardSettings::default();
    let removing = |removed, known| {
        let counts = RunCounts { rows: 1, unchanged: known - removed, removed, ..RunCounts::default() };
        guard(&counts, known, &settings).is_ok()
    };
    assert!(removing(100, 100), "up to 100 contacts are never refused");
    assert!(removing(101, 505), "20 % are not more than 20 %");
    assert!(!removing(101, 504), "more than 100 and more than 20 %");
    assert!(!removing(500_000, 500_000));

    let off = GuardSettings { max_removed_percent: 0, max_rejected_percent: 0, ..GuardSettings::default() };
    let all_gone = RunCounts { rows: 1, rejected: 1, removed: 5000, ..RunCounts::default() };
    assert!(guard(&all_gone, 5000, &off).is_ok());
    assert!(guard(&RunCounts::default(), 0, &off).is_err(), "no rows are refused whatever the settings");
}

/// Whoever allows a plan allows all of it.
#[test]
fn the_guard_says_everything_that_is_against_a_plan() {
    let counts = RunCounts { rows: 3, rejected: 2, removed: 498, ..RunCounts::default() };
    let SyncError::Refused(why) = guard(&counts, 501, &GuardSettings::default()).unwrap_err() else {
        panic!("removals are not believed")
    };
    assert!(why.contains("498 of the source's 501 contacts") && why.contains("2 of 3 rows"), "{why}");
}

#[test]
fn the_guard_refuses_a_source_of_mostly_rejects() {
    let counts = |rejected| RunCounts { rows: 100, added: 100 - rejected, rejected, ..RunCounts::default() };
    let settings = GuardSettings { max_rejected_percent: 10, ..GuardSettings::default() };
    assert!(guard(&counts(10), 0, &settings).is_ok());
    let refused = guard(&counts(11), 0, &settings).unwrap_err().to_string();
    assert!(refused.contains("11 of 100 rows"), "{refused}");
}

/// Few values, so that rows meet again: good and bad keys, phonebooks, names and numbers.
fn any_row() -> impl Strategy<Value = TestRow<'static>> {
    let of = |values: &'static [Option<&'static str>]| prop::sample::select(values);
    [
        of(&[Some("1"), Some("2"), Some("3"), Some(" 3 "), Some("4"), Some("5"), Some(""), None]),
        of(&[Some("Sales"), Some("sales"), Some("Support"), Some(""), None]),
        of(&[Some("A"), Some("B"), Some(" A"), None]),
        of(&[Some("030 1000001"), Some("030 1000002"), Some("+49 30 1000001"), Some("call me"), None]),
        of(&[Some("0171 2345678"), Some("nobody"), Some("0"), None]),
    ]
}

/// Of a row, once and for all: contacts that are stored keep the digests of the rows they were made of. When
/// this fails, what becomes of rows has changed: count `RULES` up, and put the new digest here.
#[test]
fn the_rules_have_the_number_that_they_had() {
    let made: Vec<_> = [
        row("1", "Sales", " Berg ", "030 1234567"),
        row("2", "Sales", "Dorn", "+44 20 7946 0123 ext. 12"),
        row("3", "Sales", "Esch", "110"),
        row("4", "Sales", "Fink", "(0171) 234-5678"),
        row("5", "Sales", "Gras", "0049 30 1234567;ext=7"),
        row("6", "Sales", "Hahn", "tel:+49-30-1234567"),
    ]
    .into_iter()
    .flat_map(|row| staged(&mut plan(&[row])))
    .map(|contact| contact.details)
    .collect();
    assert_eq!(made.len(), 6);
    let digest = DetailsDigest::of(made.join("\n").as_bytes());
    assert_eq!(
        format!("{:032x}", u128::from_be_bytes(digest.0)),
        "4707c90d5fa176665b467f0461671c50",
        "{made:#?}"
    );
}

proptest! {
    /// Whatever a source sends: every row is counted once, and each contact is added or rejected.
    #[test]
    fn every_row_is_accounted_for(rows in prop::collection::vec(any::<[Option<String>; 5]>(), 0..40)) {
        let rows: Vec<TestRow<'_>> = rows.iter().map(|row| row.each_ref().map(Option::as_deref)).collect();
        let mut plan = Pass::default().plan(&rows).unwrap();
        let counts = plan.counts;
        prop_assert_eq!(counts.rows, rows.len() as u64);
        prop_assert_eq!(counts.added + counts.rejected, counts.rows);
        prop_assert_eq!(staged(&mut plan).len() as u64, counts.added);
    }

    /// Rows that are as they were are not read anew; nobody can tell.
    #[test]
    fn what_is_planned_does_not_depend_on_whether_rows_are_known(
        before in prop::collection::vec(any_row(), 0..30),
        after in prop::collection::vec((any::<bool>(), any_row()), 0..30),
    ) {
        // Half of them as before.
        let after: Vec<TestRow<'static>> = after
            .iter()
            .enumerate()
            .map(|(at, (is_new, row))| if *is_new { *row } else { before.get(at).copied().unwrap_or(*row) })
            .collect();
        let second = |forget_rows: bool| {
            let mut first = plan(&before);
            let (mut known, phonebooks) = known_after(&mut first, &[]);
            if forget_rows {
                known.forget_rows();
            }
            let mut second = Pass { known, phonebooks, ..Pass::default() }.plan(&after).unwrap();
            let staged = staged(&mut second);
            (second, staged)
        };
        let ((quick, quick_staged), (plain, plain_staged)) = (second(false), second(true));
        prop_assert_eq!(quick.counts, plain.counts);
        prop_assert_eq!(quick.problems, plain.problems);
        prop_assert_eq!(quick.moved, plain.moved);
        prop_assert_eq!(quick.not_received, plain.not_received);
        prop_assert_eq!(quick.phonebooks, plain.phonebooks);
        prop_assert_eq!(quick_staged, plain_staged);
        prop_assert_eq!(quick.digest, plain.digest);
        prop_assert!(quick.same_of_other_row.len() <= plain.same_of_other_row.len());
    }

    /// The digest of a plan tells what it does, not in which order the rows came.
    #[test]
    fn the_digest_does_not_depend_on_the_order(
        keys in prop::collection::btree_set("[a-z]{1,4}", 2..20),
        order in any::<prop::sample::Index>(),
    ) {
        let rows: Vec<_> = keys.iter().map(|key| row(key, "Sales", key, "030 1000001")).collect();
        let mut turned = rows.clone();
        turned.rotate_left(order.index(rows.len()));
        prop_assert_eq!(plan(&rows).digest, plan(&turned).digest);
        turned.pop();
        prop_assert_ne!(plan(&rows).digest, plan(&turned).digest);
    }
}

/// What a problem says of the contact is what became of it.
#[test]
fn a_contact_stays_as_it_was_unless_a_later_row_of_it_is_fine() {
    let before = [row("7", "Sales", "Berg", "030 1000001"), row("8", "Sales", "Dorn", "030 1000002")];
    let (known, phonebooks) = known_after(&mut plan(&before), &[]);
    let bad = |key| row(key, "Sales", "Berg", "n/a");
    let plan = Pass { known, phonebooks, ..Pass::default() }
        .plan(&[bad("7"), bad("8"), row("8", "Sales", "Dup", "030 1000003")])
        .unwrap();
    assert_eq!(plan.counts, RunCounts { rows: 3, rejected: 2, changed: 1, ..RunCounts::default() });
    let told: Vec<bool> =
        plan.problems.iter().map(|problem| problem.reason.ends_with("the contact stays as it was")).collect();
    assert_eq!(told, [true, false], "{:?}", plan.problems);
}
