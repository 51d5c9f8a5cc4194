//! Synchronize to Phonebook: a new one, one for each value of a column, or an existing one that is empty.

use super::*;

impl Fixture {
    fn target(&self, target: &str) -> Result<(), EngineError> {
        let mut source = self.engine.settings()?.sources.remove(0);
        source.phonebook =
            toml::from_str::<toml::Table>(target).unwrap()["phonebook"].clone().try_into().unwrap();
        self.engine.by("test").update_source("crm", source, "").map(drop)
    }

    /// Name, source and contacts of every phonebook.
    fn phonebooks(&self) -> Vec<(String, Option<String>, u64)> {
        let stored = self.engine.read(|reading| Ok::<_, EngineError>(reading.counted_phonebooks()?)).unwrap();
        let told = stored.into_iter().map(|counted| {
            let phonebook = counted.phonebook;
            let source = match phonebook.origin {
                crate::phonebook::PhonebookOrigin::Local => None,
                crate::phonebook::PhonebookOrigin::Synced(source) => Some(source),
            };
            (phonebook.name.to_string(), source, counted.contact_count)
        });
        told.collect()
    }
}

fn book(name: &str, source: Option<&str>, contacts: u64) -> (String, Option<String>, u64) {
    (name.to_owned(), source.map(str::to_owned), contacts)
}

const TWO: [(u32, &str, &str, &str); 2] =
    [(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Support")];

#[tokio::test]
async fn a_new_phonebook_is_made_with_the_name_that_is_given() {
    let fixture = Fixture::new();
    fixture.target("phonebook = { new = { name = 'Customers' } }").unwrap();
    fixture.put(&TWO);
    fixture.sync().await;
    assert_eq!(fixture.phonebooks(), [book("Customers", Some("crm"), 2)]);
    // By another name they move, and the old one is told to be empty.
    fixture.target("phonebook = { new = { name = 'Clients' } }").unwrap();
    let run = fixture.sync().await;
    assert_eq!(run.counts.moved, 2);
    assert_eq!(run.warnings, ["phonebook \"Customers\" is empty now; it had 2 contacts"]);
    assert_eq!(fixture.phonebooks(), [book("Customers", Some("crm"), 0), book("Clients", Some("crm"), 2)]);
}

#[tokio::test]
async fn a_value_that_is_new_in_a_later_run_makes_a_new_phonebook() {
    let fixture = Fixture::new();
    fixture.put(&TWO);
    fixture.sync().await;
    assert_eq!(fixture.phonebooks(), [book("Sales", Some("crm"), 1), book("Support", Some("crm"), 1)]);
    fixture.put(&[
        TWO[0],
        TWO[1],
        (3, "Esch", "030 1111111", "Export"),
        (4, "Falk", "030 2222222", " SALES "),
    ]);
    fixture.sync().await;
    assert_eq!(
        fixture.phonebooks(),
        [book("Sales", Some("crm"), 2), book("Support", Some("crm"), 1), book("Export", Some("crm"), 1)]
    );
}

#[tokio::test]
async fn an_existing_phonebook_is_filled_when_it_is_empty_and_refused_when_it_is_not() {
    let fixture = Fixture::new();
    fixture.put(&TWO);
    assert!(fixture.target("phonebook = { existing = { name = 'VIP' } }").is_err(), "there is none");
    fixture.engine.by("test").create_phonebook(PhonebookName::parse("VIP").unwrap()).unwrap();
    fixture.target("phonebook = { existing = { name = 'vip' } }").unwrap();
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    assert_eq!(fixture.phonebooks(), [book("VIP", Some("crm"), 2)]);
    // Its own contacts do not make it another's.
    assert_eq!(fixture.sync().await.counts.unchanged, 2);

    // Kept as local ones when their source goes, they keep others out.
    let mut second = fixture.engine.settings().unwrap().sources.remove(0);
    fixture.engine.by("test").delete_source("crm", RemovedSources::KeepContacts, "").unwrap();
    second.name = "crm".into();
    fixture.engine.by("test").create_source(second).unwrap();
    let (before, generation) = (fixture.phonebooks(), fixture.engine.generation());
    let refused = fixture.sync().await;
    assert_eq!(refused.state, RunState::Refused);
    assert!(refused.failure.contains("not empty (it has 2 contacts)"), "{}", refused.failure);
    assert_eq!((fixture.phonebooks(), fixture.engine.generation()), (before, generation));
}

#[tokio::test]
async fn a_name_that_somebody_took_meanwhile_is_refused_before_anything_changes() {
    let fixture = Fixture::new();
    fixture.put(&TWO);
    fixture.engine.by("test").create_phonebook(PhonebookName::parse("support").unwrap()).unwrap();
    for kind in [RunKind::Preview, RunKind::Sync] {
        let refused = fixture.run(kind, None).await;
        assert_eq!(refused.state, RunState::Refused);
        assert!(refused.failure.contains("taken by a local phonebook"), "{}", refused.failure);
    }
    assert_eq!(fixture.phonebooks(), [book("support", None, 0)]);
}

#[tokio::test]
async fn a_phonebook_that_a_run_left_empty_can_be_deleted_and_comes_back_with_a_rollback() {
    let fixture = Fixture::new();
    let support = PhonebookName::parse("Support").unwrap();
    let names = || -> Vec<String> {
        let phonebooks = fixture.engine.read(|reading| reading.phonebooks()).unwrap();
        phonebooks.into_iter().map(|phonebook| phonebook.name.to_string()).collect()
    };
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Support")]);
    fixture.sync().await;
    let refused = fixture.engine.by("test").delete_phonebook(&support).unwrap_err().to_string();
    assert!(refused.contains("has 1 contact of source \"crm\""), "{refused}");
    assert_eq!(names(), ["Sales", "Support"]);

    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    let moving = fixture.sync().await;
    assert_eq!(moving.counts.moved, 1);
    let generation = fixture.engine.generation();
    let deleted = fixture.engine.by("test").delete_phonebook(&support).unwrap();
    assert!(deleted.generation > generation, "whoever answers calls knows");
    assert_eq!(names(), ["Sales"]);
    assert_eq!(fixture.who("+49307654321"), is_sales("Dorn"));
    // It counts no more.
    let mut settings = fixture.engine.settings().unwrap();
    settings.limits = toml::from_str("phonebooks = 1").unwrap();
    fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();
    let refused = fixture.engine.plan_rollback(moving.id).unwrap_err().to_string();
    assert!(refused.contains("2 phonebooks, 1 phonebook more than the 1"), "{refused}");
    settings.limits = toml::from_str("").unwrap();
    fixture.engine.by("test").apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, false).unwrap();

    let run = fixture.engine.start_rollback(moving.id, "test").await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let run = fixture.engine.run(run.id).await.unwrap();
    assert_eq!((run.state, run.counts.moved), (RunState::Succeeded, 1), "{run:?}");
    assert_eq!(names(), ["Sales", "Support"]);
    assert_eq!(fixture.who("+49307654321"), Some(("Dorn".to_owned(), "Support".to_owned())));
    // And a run whose value is back makes another of the name.
    let again = fixture.sync().await;
    assert_eq!((again.state, again.counts.moved), (RunState::Succeeded, 1));
    fixture.engine.by("test").delete_phonebook(&support).unwrap();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Support")]);
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    assert_eq!(names(), ["Sales", "Support"]);
    // Back across all of that, under its old number.
    let run = fixture.engine.start_rollback(moving.id, "test").await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let run = fixture.engine.run(run.id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    assert_eq!(names(), ["Sales", "Support"]);
}

#[tokio::test]
async fn the_phonebook_that_a_source_is_told_to_fill_stays_though_it_is_empty() {
    let fixture = Fixture::new();
    let mut source = fixture.engine.settings().unwrap().sources.remove(0);
    source.phonebook = PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() };
    fixture.engine.by("test").update_source("crm", source, "").unwrap();
    fixture.put(&[(1, "Berg", "030 1234567", "")]);
    fixture.sync().await;
    fixture.put(&[]);
    let preview = fixture.run(RunKind::Preview, None).await;
    assert_eq!(fixture.run(RunKind::Sync, Some(preview.id)).await.state, RunState::Succeeded);
    let refused =
        fixture.engine.by("test").delete_phonebook(&PhonebookName::parse("all").unwrap()).unwrap_err();
    assert!(refused.to_string().contains("is the one that source \"crm\" fills"), "{refused}");
}
