//! Local phonebooks and their contacts.

use std::io::Write as _;

use super::*;
use crate::contact::ContactId;
use crate::settings::{LimitSettings, VisibilityGrant};
use crate::source::rows::Field;
use crate::store::StoredContact;

fn name(text: &str) -> PhonebookName {
    PhonebookName::parse(text).unwrap()
}

fn entry(phonebook: &str, fields: &[(&str, &str)]) -> ContactEntry {
    let fields = fields.iter().map(|(field, text)| (Field::of_contact(field).unwrap(), (*text).to_owned()));
    ContactEntry { phonebooks: vec![phonebook.to_owned()], fields: fields.collect() }
}

fn berg() -> ContactEntry {
    entry("Mine", &[("last_name", "Berg"), ("business_number", "030 1234567")])
}

impl Fixture {
    fn with_local_phonebook() -> Self {
        let fixture = Fixture::new();
        fixture.engine.by("test").create_phonebook(name("Mine")).unwrap();
        fixture
    }

    fn stored(&self, id: ContactId) -> StoredContact {
        self.engine.read(|reading| Ok::<_, EngineError>(reading.contact(id)?)).unwrap().unwrap()
    }

    fn import(&self, text: &str, change: impl FnOnce(&mut ImportOptions)) -> Result<Imported, EngineError> {
        let mut options = ImportOptions {
            phonebook: name("Mine"),
            columns: Vec::new(),
            delimiter: None,
            region: None,
            max_rejected_percent: DEFAULT_MAX_REJECTED_PERCENT,
            dry_run: false,
        };
        change(&mut options);
        let mut file = self.engine.import_file()?;
        file.write_all(text.as_bytes()).unwrap();
        Ok(self.engine.by("test").import_contacts(file, &options)?.value)
    }

    /// What an index built from the store would answer too.
    fn assert_index_is_that_of_the_store(&self) {
        let served = self.engine.snapshot().as_ref().map(|snapshot| snapshot.shared_contacts()).unwrap();
        let built = self
            .engine
            .read(|reading| {
                Ok::<_, EngineError>(
                    publishing::index_of(reading, &reading.settings()?, None, &|| false)?.contacts,
                )
            })
            .unwrap();
        let tell = |index: &crate::index::ContactIndex| {
            let numbers = index.numbers().flat_map(|(number, postings)| {
                postings.map(move |posting| {
                    let contact = index.contact(posting.contact());
                    let books: Vec<_> = index
                        .phonebooks_in(posting.phonebooks())
                        .iter()
                        .map(|book| index.phonebook(*book).name.to_string())
                        .collect();
                    format!("{number} {contact:?} {books:?}")
                })
            });
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(tell(&served), tell(&built));
    }
}

fn is_mine(name: &str) -> Option<(String, String)> {
    Some((name.to_owned(), "Mine".to_owned()))
}

#[test]
fn a_contact_made_by_hand_answers_calls_at_once_and_after_a_restart() {
    let fixture = Fixture::with_local_phonebook();
    let made = fixture.engine.by("test").create_contact(&berg()).unwrap();
    assert_eq!(fixture.who("+49301234567"), is_mine("Berg"));
    let changed = entry(
        "Mine",
        &[("last_name", "Berg-Esch"), ("mobile_number", "0171 2345678"), ("company", "Esch AG")],
    );
    let edited = fixture.engine.by("test").update_contact(made.value, &changed, "").unwrap();
    assert_eq!(edited.generation.0, made.generation.0 + 1);
    assert_eq!(fixture.who("+49301234567"), None);
    assert_eq!(fixture.who("+491712345678"), is_mine("Berg-Esch"));
    fixture.assert_index_is_that_of_the_store();

    let Fixture { folder, engine } = fixture;
    drop(engine);
    let fixture = Fixture { engine: Engine::open(&folder.path().join("data")).unwrap(), folder };
    assert_eq!(fixture.who("+491712345678"), is_mine("Berg-Esch"));
    fixture.engine.by("test").delete_contact(made.value, "").unwrap();
    assert_eq!(fixture.who("+491712345678"), None);
    let gone = fixture.engine.by("test").delete_contact(made.value, "").unwrap_err();
    assert!(matches!(gone, EngineError::NotFound { what: "contact", .. }), "{gone}");
}

#[tokio::test]
async fn a_number_that_an_edit_leaves_alone_stays_what_it_was_read_as() {
    let fixture = Fixture::with_local_phonebook();
    let british = || Some("GB".parse().unwrap());
    let file = "name,phone\nBerg,020 7946 0555\n";
    assert_eq!(fixture.import(file, |options| options.region = british()).unwrap().added, 1);
    fixture.set(|settings| settings.sources[0].default_region = british());
    fixture.put(&[(1, "Dorn", "020 7946 0666", "Sales")]);
    fixture.sync().await;
    fixture.engine.by("test").delete_source("crm", RemovedSources::KeepContacts, "").unwrap();

    let id_of = |number: &str| {
        let loaded = fixture.engine.snapshot();
        let snapshot = loaded.as_ref().unwrap();
        let found = match_caller(snapshot, number, "").contacts()[0];
        snapshot.contacts().contact(found.contact()).id
    };
    let in_germany = Some("DE".parse().unwrap());
    for (name, phonebook, number, raw) in [
        ("Berg", "Mine", "+442079460555", "020 7946 0555"),
        ("Dorn", "Sales", "+442079460666", "020 7946 0666"),
    ] {
        let id = id_of(number);
        let edit = |company: &str, said: &str| {
            let fields = [("last_name", name), ("company", company), ("business_number", said)];
            fixture.engine.by("test").update_contact(id, &entry(phonebook, &fields), "").map(drop)
        };
        // In another region, and in none.
        for (region, company) in [(in_germany, "Acme"), (None, "Esch AG")] {
            fixture.set(|settings| settings.numbers.default_region = region);
            edit(company, &format!(" {raw} ")).unwrap();
            let details = fixture.stored(id).details;
            assert_eq!((details.company.as_str(), details.numbers.len()), (company, 1));
            assert_eq!(details.numbers[0].raw, raw);
            assert_eq!(details.numbers[0].number.to_string(), number);
            assert_eq!(fixture.who(number), Some((name.to_owned(), phonebook.to_owned())));
        }
        // Another text is read as it is now.
        fixture.set(|settings| settings.numbers.default_region = in_germany);
        edit("Acme", "030 1234567").unwrap();
        assert_eq!(fixture.stored(id).details.numbers[0].number.to_string(), "+49301234567");
        assert_eq!(fixture.who(number), None);
    }
    fixture.assert_index_is_that_of_the_store();
}

#[test]
fn the_second_of_two_editors_is_told_and_nothing_is_lost() {
    let fixture = Fixture::with_local_phonebook();
    let id = fixture.engine.by("test").create_contact(&berg()).unwrap().value;
    let read = contact_etag(&fixture.stored(id));
    let first = entry("Mine", &[("last_name", "First"), ("business_number", "030 1234567")]);
    fixture.engine.by("test").update_contact(id, &first, &read).unwrap();
    let generation = fixture.engine.generation();
    for second in [
        fixture.engine.by("test").update_contact(id, &berg(), &read).unwrap_err(),
        fixture.engine.by("test").delete_contact(id, &read).unwrap_err(),
    ] {
        assert!(matches!(second, EngineError::ChangedMeanwhile { .. }), "{second}");
    }
    assert_eq!(fixture.stored(id).details.last_name, "First");
    assert_eq!(fixture.engine.generation(), generation);
    // With what is there now it works.
    fixture.engine.by("test").delete_contact(id, &contact_etag(&fixture.stored(id))).unwrap();
}

#[test]
fn what_is_wrong_is_told_at_its_field_and_changes_nothing() {
    let fixture = Fixture::with_local_phonebook();
    let generation = fixture.engine.generation();
    let EngineError::BadContact { problems } = fixture
        .engine
        .by("test")
        .create_contact(&entry("Mine", &[("first_name", &"x".repeat(64)), ("home_number", "none")]))
        .unwrap_err()
    else {
        panic!("a contact that cannot be was taken")
    };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["first_name", "home_number"]);
    for (phonebook, expected) in [("", "blank"), ("Nowhere", "there is no phonebook")] {
        let fields = [("last_name", "Berg"), ("business_number", "030 1234567")];
        let error =
            fixture.engine.by("test").create_contact(&entry(phonebook, &fields)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let nowhere = ContactEntry { phonebooks: Vec::new(), ..berg() };
    assert!(
        fixture
            .engine
            .by("test")
            .create_contact(&nowhere)
            .unwrap_err()
            .to_string()
            .starts_with("phonebooks: ")
    );
    assert_eq!(fixture.engine.generation(), generation);
}

#[tokio::test]
async fn what_a_source_filled_is_read_only() {
    let fixture = Fixture::with_local_phonebook();
    fixture.put(&[(1, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    let contact = fixture
        .engine
        .read(|reading| {
            let filter = crate::store::ContactFilter { limit: 1, ..Default::default() };
            Ok::<_, EngineError>(reading.contacts(&filter)?)
        })
        .unwrap()
        .remove(0);
    let fields = [("last_name", "Berg"), ("business_number", "030 1234567")];
    for refused in [
        fixture.engine.by("test").create_contact(&entry("Sales", &fields)).map(drop),
        fixture.engine.by("test").update_contact(contact.id, &berg(), "").map(drop),
        fixture.engine.by("test").delete_contact(contact.id, "").map(drop),
        fixture.engine.by("test").rename_phonebook(&name("Sales"), &name("Selling")).map(drop),
        fixture.engine.by("test").delete_phonebook_and_contacts(&name("Sales")).map(drop),
        fixture
            .import("name,phone\nBerg,030 1234567\n", |options| options.phonebook = name("Sales"))
            .map(drop),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("source \"crm\"") && error.contains("read-only"), "{error}");
    }
    assert_eq!(fixture.who("+49307654321"), is_sales("Dorn"));
}

#[tokio::test]
async fn a_phonebook_that_a_source_is_to_fill_stays_empty_for_it() {
    let fixture = Fixture::with_local_phonebook();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.phonebook = PhonebookTarget::Existing { name: name("Mine") };
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    let error = fixture.engine.by("test").create_contact(&berg()).unwrap_err().to_string();
    assert!(error.contains("is to be filled by source \"crm\""), "{error}");
}

#[tokio::test]
async fn a_run_leaves_local_contacts_alone_and_an_edit_leaves_synced_ones() {
    let fixture = Fixture::with_local_phonebook();
    let id = fixture.engine.by("test").create_contact(&berg()).unwrap().value;
    fixture.put(&[(1, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    fixture
        .engine
        .by("test")
        .update_contact(id, &entry("Mine", &[("company", "Berg"), ("other_number", "112")]), "")
        .unwrap();
    assert_eq!(fixture.who("+49307654321"), is_sales("Dorn"));
    assert_eq!(fixture.who("112"), is_mine("Berg"));
    fixture.put(&[(2, "Esch", "030 7654322", "Support")]);
    fixture.sync().await;
    assert_eq!((fixture.who("112"), fixture.who("+49307654321")), (is_mine("Berg"), None));
    fixture.assert_index_is_that_of_the_store();
}

#[test]
fn a_phonebook_takes_its_contacts_routes_and_grants_along_when_it_is_renamed() {
    let fixture = Fixture::with_local_phonebook();
    fixture.engine.by("test").create_contact(&berg()).unwrap();
    let mut route = fixture.engine.settings().unwrap().inbound_routes.remove(0);
    (route.name, route.phonebooks) = ("to me".into(), vec![name("Mine"), name("Sales")]);
    fixture.engine.by("test").create_route(route, 1).unwrap();
    let grant = VisibilityGrant {
        name: "everybody".into(),
        phonebooks: vec![name("Sales"), name("Mine")],
        all_extensions: true,
        ..VisibilityGrant::default()
    };
    let grants = vec![grant];
    let granted = fixture.engine.by("test").edit(RemovedSources::Refuse, |_, settings| {
        settings.visibility_grants = grants;
        Ok(())
    });
    granted.unwrap();
    let goes_to = || {
        let loaded = fixture.engine.snapshot();
        let at = jiff::Timestamp::now();
        let call = Call { caller: "030 1234567", did: "", trunk: "", attestation: None, at };
        routing::decide(loaded.as_ref().unwrap(), &call).route.map(|route| route.name.clone())
    };
    assert_eq!(goes_to().as_deref(), Some("to me"));
    for new_name in ["Ours", "OURS"] {
        let old = fixture.who("+49301234567").unwrap().1;
        fixture.engine.by("test").rename_phonebook(&name(&old), &name(new_name)).unwrap();
        assert_eq!(fixture.who("+49301234567"), Some(("Berg".into(), new_name.into())));
        assert_eq!(goes_to().as_deref(), Some("to me"));
        let settings = fixture.engine.settings().unwrap();
        assert_eq!(settings.phonebooks.len(), 1);
        assert_eq!(settings.phonebooks[0].name.as_str(), new_name);
        assert_eq!(settings.inbound_routes[0].phonebooks, [name(new_name), name("Sales")]);
        assert_eq!(settings.visibility_grants[0].phonebooks, [name("Sales"), name(new_name)]);
    }
    fixture.engine.by("test").create_phonebook(name("Other")).unwrap();
    let taken = fixture.engine.by("test").rename_phonebook(&name("ours"), &name("other")).unwrap_err();
    assert!(matches!(taken, EngineError::AlreadyExists { .. }), "{taken}");
    fixture.assert_index_is_that_of_the_store();
}

#[test]
fn a_phonebook_can_be_deleted_with_its_contacts_but_not_those_that_are_in_another() {
    let fixture = Fixture::with_local_phonebook();
    fixture.engine.by("test").create_phonebook(name("Ours")).unwrap();
    fixture.engine.by("test").create_contact(&berg()).unwrap();
    let both = ContactEntry {
        phonebooks: vec!["ours".into(), "mine".into()],
        ..entry("", &[("last_name", "Dorn"), ("business_number", "030 7654321")])
    };
    fixture.engine.by("test").create_contact(&both).unwrap();
    let deleted = fixture.engine.by("test").delete_phonebook_and_contacts(&name("Mine")).unwrap();
    assert_eq!(deleted.value, 2);
    assert_eq!(fixture.who("+49301234567"), None);
    assert_eq!(fixture.who("+49307654321"), Some(("Dorn".into(), "Ours".into())));
    fixture.assert_index_is_that_of_the_store();
}

#[test]
fn a_phonebook_that_a_source_names_is_not_deleted_with_its_contacts_though_the_source_is_off() {
    let fixture = Fixture::with_local_phonebook();
    fixture.set(|settings| {
        settings.sources[0].enabled = false;
        settings.sources[0].phonebook = PhonebookTarget::Existing { name: name("Mine") };
    });
    fixture.engine.by("test").create_contact(&berg()).unwrap();
    let refused = fixture.engine.by("test").delete_phonebook_and_contacts(&name("mine")).unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("source \"crm\"") && told.contains("give the source another phonebook"), "{told}");
    assert_eq!(fixture.who("+49301234567"), is_mine("Berg"));
    // Whatever else is edited goes on.
    fixture.set(|settings| settings.inbound_routes.truncate(1));

    fixture.set(|settings| {
        settings.sources[0].phonebook = PhonebookTarget::New { name: name("Customers") };
    });
    fixture.engine.by("test").delete_phonebook_and_contacts(&name("mine")).unwrap();
    assert_eq!(fixture.who("+49301234567"), None);
    fixture.set(|settings| settings.inbound_routes.clear());
}

#[test]
fn no_more_contacts_than_allowed_are_made_or_imported() {
    let fixture = Fixture::with_local_phonebook();
    let one = LimitSettings { contacts: Some(1), ..LimitSettings::default() };
    fixture
        .engine
        .by("test")
        .edit(RemovedSources::Refuse, |_, settings| {
            settings.limits = one;
            Ok(())
        })
        .unwrap();
    for dry_run in [true, false] {
        let two = "name,phone\na,030 111111\nb,030 222222\n";
        let error = fixture.import(two, |options| options.dry_run = dry_run).unwrap_err().to_string();
        assert!(error.contains("1 contact more than the 1 that are allowed"), "{error}");
    }
    fixture.engine.by("test").create_contact(&berg()).unwrap();
    let second = entry("Mine", &[("last_name", "Dorn"), ("business_number", "030 7654321")]);
    let error = fixture.engine.by("test").create_contact(&second).unwrap_err().to_string();
    assert!(error.contains("1 contact more"), "{error}");
    assert_eq!(fixture.who("+49307654321"), None);
}

const FILE: &str = "\u{feff}Vorname;Nachname;Firma;Telefon;Handy;Schuhgröße\r\n\
    Grace;Hopper;Navy;'+49 30 901821;0171 2345678;38\r\n\
    Alan;Turing;\"Bletchley; Park\";keine;0171 1111111;\r\n\
    ;;;030 5555555;;\r\n\
    Ada;Lovelace\r\n";

#[test]
fn a_file_is_imported_with_rejects_told_by_line_column_and_reason() {
    let fixture = Fixture::with_local_phonebook();
    let done = fixture.import(FILE, |options| options.max_rejected_percent = 50).unwrap();
    assert_eq!(done.refusal, None);
    assert_eq!((done.rows, done.added, done.rejected, done.dropped_numbers), (4, 2, 2, 1));
    let columns: Vec<_> = done.columns.iter().map(|column| column.field.map(Field::name)).collect();
    let expected = ["first_name", "last_name", "company", "business_number", "mobile_number"].map(Some);
    assert_eq!(columns, [&expected[..], &[None]].concat());
    let problems: Vec<_> = done
        .problems
        .iter()
        .map(|problem| {
            (problem.line, problem.column.as_str(), problem.value.as_str(), problem.is_number_only)
        })
        .collect();
    assert_eq!(problems, [(3, "Telefon", "keine", true), (4, "", "", false), (5, "", "", false)]);
    assert!(done.problems[2].reason.contains("2 fields"), "{:?}", done.problems);
    assert_eq!(fixture.who("+4930901821"), is_mine("Grace Hopper"));
    assert_eq!(fixture.who("+491711111111"), is_mine("Alan Turing"));
    fixture.assert_index_is_that_of_the_store();

    // Twice is once.
    let again = fixture.import(FILE, |options| options.max_rejected_percent = 50).unwrap();
    assert_eq!((again.added, again.already_there), (0, 2));
}

#[test]
fn a_file_with_too_many_rejects_changes_nothing_and_says_why() {
    let fixture = Fixture::with_local_phonebook();
    let generation = fixture.engine.generation();
    for (text, expected) in [
        (FILE, "2 of 4 rows were rejected, more than the 10 %"),
        ("name,phone\n", "no rows below its first line"),
    ] {
        let done = fixture.import(text, |_| {}).unwrap();
        assert!(done.refusal.as_ref().unwrap().contains(expected), "{done:?}");
        assert_eq!(done.added, 0);
    }
    for (text, expected) in [
        ("", "the file is empty"),
        ("name,phone\n\"Berg,030 1234567\n", "a quotation mark is opened and never closed"),
        ("a,b\n1,2\n", "columns: no column names the contacts"),
    ] {
        let error = fixture.import(text, |_| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!((fixture.engine.generation(), fixture.who("+4930901821")), (generation, None));
}

#[test]
fn a_trial_import_tells_the_same_and_changes_nothing() {
    let fixture = Fixture::with_local_phonebook();
    let generation = fixture.engine.generation();
    let trial =
        fixture.import(FILE, |options| (options.max_rejected_percent, options.dry_run) = (50, true)).unwrap();
    assert_eq!((fixture.engine.generation(), fixture.who("+4930901821")), (generation, None));
    let done = fixture.import(FILE, |options| options.max_rejected_percent = 50).unwrap();
    assert_eq!(trial, done);
}

#[test]
fn where_calls_from_a_contact_go_is_told_by_number_and_trunk() {
    let fixture = Fixture::with_local_phonebook();
    let document = format!("{SETTINGS}\n[[trunk]]\nname = \"berlin\"\n[[phonebook]]\nname = \"Mine\"\n")
        .replace("SOURCE", fixture.source_path().to_str().unwrap());
    fixture.engine.by("test").apply(&document, RemovedSources::Refuse, false).unwrap();
    let mut route = fixture.engine.settings().unwrap().inbound_routes.remove(0);
    (route.name, route.phonebooks, route.trunks) =
        ("to me".into(), vec![name("Mine")], vec!["berlin".into()]);
    fixture.engine.by("test").create_route(route, 1).unwrap();
    let id = fixture.engine.by("test").create_contact(&berg()).unwrap().value;
    let routes = fixture.engine.contact_routes(id, "", jiff::Timestamp::now()).unwrap();
    let told: Vec<_> = routes
        .iter()
        .map(|route| {
            (route.number.number.to_string(), route.trunk.as_str(), route.route.as_str(), route.is_matched)
        })
        .collect();
    let number = "+49301234567".to_owned();
    assert_eq!(told, [(number.clone(), "", "", true), (number, "berlin", "to me", true)]);
    assert_eq!(routes[1].destination.as_ref().unwrap().target, "6400");
}
