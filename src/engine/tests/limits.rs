//! What is over the limits is refused before anything is written.

use super::*;

impl Fixture {
    fn limit(&self, limits: &str) -> Result<(), EngineError> {
        let mut settings = self.engine.settings()?;
        settings.limits = toml::from_str(limits).unwrap();
        self.engine.apply(&settings.to_toml()?, RemovedSources::Refuse, false).map(drop)
    }
}

#[tokio::test]
async fn a_run_over_the_limits_is_refused_by_how_many_and_an_allowance_does_not_help() {
    let fixture = Fixture::new();
    fixture.limit("contacts = 2").unwrap();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    let generation = fixture.engine.generation();
    fixture.put(&[
        (1, "Other", "030 1234567", "Sales"),
        (2, "Dorn", "030 7654321", "Sales"),
        (3, "Esch", "030 1111111", "Sales"),
        (4, "Falk", "030 2222222", "Sales"),
    ]);
    let preview = fixture.run(RunKind::Preview, None).await;
    let allowed = fixture.engine.start_sync("crm", RunKind::Sync, "test", Some(preview.id)).await;
    assert!(allowed.unwrap_err().to_string().contains("not a finished preview"));
    for run in [fixture.sync().await, preview] {
        assert_eq!(run.state, RunState::Refused, "{run:?}");
        assert!(run.failure.contains("4 contacts, 2 contacts more than the 2"), "{}", run.failure);
    }
    assert_eq!((fixture.who("+49301234567"), fixture.engine.generation()), (is_sales("Berg"), generation));
    // One goes for one that comes.
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (3, "Esch", "030 1111111", "Sales")]);
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
}

#[tokio::test]
async fn contacts_of_all_sources_count_together() {
    let fixture = Fixture::new();
    fixture.limit("contacts = 1").unwrap();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let mut second = fixture.engine.settings().unwrap().sources.remove(0);
    second.name = "partners".into();
    second.phonebook = PhonebookTarget::New { name: PhonebookName::parse("Partners").unwrap() };
    fixture.engine.create_source(second).unwrap();
    assert_eq!(fixture.sync().await.state, RunState::Succeeded);
    let started = fixture.engine.start_sync("partners", RunKind::Sync, "test", None).await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let run = fixture.engine.run(started.run.id).await.unwrap();
    assert_eq!(run.state, RunState::Refused);
    assert!(run.failure.contains("2 contacts, 1 contact more"), "{}", run.failure);
}

#[tokio::test]
async fn phonebooks_made_by_hand_and_lowered_limits_are_held_to_them_too() {
    let fixture = Fixture::new();
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Support")]);
    fixture.sync().await;
    fixture.limit("phonebooks = 3").unwrap();
    fixture.engine.create_phonebook(PhonebookName::parse("VIP").unwrap()).unwrap();
    let refused = fixture.engine.create_phonebook(PhonebookName::parse("Board").unwrap()).unwrap_err();
    assert!(refused.to_string().contains("4 phonebooks, 1 phonebook more than the 3"), "{refused}");
    assert_eq!(fixture.engine.settings().unwrap().phonebooks.len(), 1);
    for (limits, expected) in [("phonebooks = 2", "3 phonebooks"), ("contacts = 1", "2 contacts")] {
        let refused = fixture.limit(limits).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    // The same by a document, tried out.
    let mut settings = fixture.engine.settings().unwrap();
    settings.limits.phonebooks = Some(1);
    assert!(fixture.engine.apply(&settings.to_toml().unwrap(), RemovedSources::Refuse, true).is_err());
    assert_eq!(fixture.engine.settings().unwrap().limits.phonebooks, Some(3));
}

#[tokio::test]
async fn a_rollback_that_would_bring_back_too_many_contacts_is_refused() {
    let fixture = Fixture::new();
    let all = [
        (1, "Berg", "030 1234567", "Sales"),
        (2, "Dorn", "030 7654321", "Sales"),
        (3, "Esch", "030 1111111", "Sales"),
    ];
    fixture.put(&all);
    fixture.sync().await;
    fixture.put(&all[1..2]);
    let removing = fixture.sync().await;
    assert_eq!(removing.counts.removed, 2);
    fixture.limit("contacts = 2").unwrap();
    let generation = fixture.engine.generation();
    let planned = fixture.engine.plan_rollback(removing.id).unwrap_err().to_string();
    let run = fixture.engine.start_rollback(removing.id, "test").await.unwrap();
    fixture.engine.wait_for_syncs().await;
    let run = fixture.engine.run(run.id).await.unwrap();
    assert_eq!(run.state, RunState::Refused, "{run:?}");
    for why in [planned, run.failure] {
        assert!(why.contains("3 contacts, 1 contact more than the 2"), "{why}");
        assert!(why.contains("nothing was changed"), "{why}");
    }
    assert_eq!((fixture.who("+49301234567"), fixture.engine.generation()), (None, generation));
    // What makes them no more is never refused.
    let first = removing.id.0 - 1;
    fixture.limit("contacts = 1").unwrap();
    assert!(fixture.engine.plan_rollback(RunId(first)).is_ok());
    fixture.limit("contacts = 3").unwrap();
    let run = fixture.engine.start_rollback(removing.id, "test").await.unwrap();
    fixture.engine.wait_for_syncs().await;
    assert_eq!(fixture.engine.run(run.id).await.unwrap().state, RunState::Succeeded);
    assert_eq!(fixture.who("+49301234567"), is_sales("Berg"));
}
