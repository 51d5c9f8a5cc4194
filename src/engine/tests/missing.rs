//! Contacts that a source no longer sends: removed or kept, behind the guard, with an allowance for one run.

use super::*;
use crate::store::{ContactFilter, StoredContact};

impl Fixture {
    fn contact(&self, key: &str) -> Option<StoredContact> {
        let filter = ContactFilter { limit: 1000, ..ContactFilter::default() };
        let all = self.engine.read(|reading| Ok::<_, EngineError>(reading.contacts(&filter)?)).unwrap();
        all.into_iter().find(|contact| contact.source_key == key)
    }

    fn remove_missing(&self, remove: bool) {
        let mut source = self.engine.settings().unwrap().sources.remove(0);
        source.remove_missing = remove;
        self.engine.by("test").update_source("crm", source, "").unwrap();
    }

    /// So many contacts, from number 1 on, in Sales.
    fn put_many(&self, count: u32) {
        let source = self.source();
        source.execute("DELETE FROM contacts", []).unwrap();
        source
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                 INSERT INTO contacts SELECT i, 'Name ' || i, '+4930' || (1000000 + i), 'Sales' FROM n",
                [count],
            )
            .unwrap();
    }

    fn count(&self) -> u64 {
        self.engine.read(|reading| Ok::<_, EngineError>(reading.contact_count()?)).unwrap()
    }
}

#[tokio::test]
async fn with_remove_missing_off_they_stay_and_say_since_when_until_they_come_again() {
    let fixture = Fixture::new();
    fixture.remove_missing(false);
    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    let before = fixture.contact("2").unwrap();
    assert_eq!(before.missing_since, None);

    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    let run = fixture.sync().await;
    assert_eq!((run.counts.kept_missing, run.counts.removed), (1, 0));
    assert_eq!(fixture.who("+49307654321"), is_sales("Dorn"), "it goes on being found");
    let since = fixture.contact("2").unwrap().missing_since.unwrap();
    fixture.sync().await;
    assert_eq!(fixture.contact("2").unwrap().missing_since, Some(since), "since the first time");

    fixture.put(&[(1, "Berg", "030 1234567", "Sales"), (2, "Dorn", "030 7654321", "Sales")]);
    fixture.sync().await;
    assert_eq!(fixture.contact("2").unwrap(), before, "as it was, with its number");

    // Turned on again, what is missing goes.
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.remove_missing(true);
    assert_eq!(fixture.sync().await.counts.removed, 1);
    assert_eq!(fixture.contact("2"), None);
}

#[tokio::test]
async fn no_rows_are_refused_also_when_nothing_would_be_removed() {
    let fixture = Fixture::new();
    fixture.remove_missing(false);
    fixture.put(&[(1, "Berg", "030 1234567", "Sales")]);
    fixture.sync().await;
    fixture.put(&[]);
    let refused = fixture.sync().await;
    assert_eq!(refused.state, RunState::Refused, "{refused:?}");
    assert_eq!(fixture.contact("1").unwrap().missing_since, None, "nothing was changed");
}

#[tokio::test]
async fn a_large_loss_is_refused_with_the_numbers_and_allowed_for_one_run() {
    let fixture = Fixture::new();
    fixture.put_many(600);
    fixture.sync().await;
    fixture.put_many(400);
    let refused = fixture.sync().await;
    assert_eq!((refused.state, fixture.count()), (RunState::Refused, 600));
    assert!(refused.failure.contains("200 of the source's 600 contacts"), "{}", refused.failure);

    let preview = fixture.run(RunKind::Preview, None).await;
    // What came in between is not what was seen.
    fixture.put_many(399);
    let other = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!((other.state, fixture.count()), (RunState::Refused, 600));

    fixture.put_many(400);
    let allowed = fixture.run(RunKind::Sync, Some(preview.id)).await;
    assert_eq!((allowed.state, allowed.counts.removed, fixture.count()), (RunState::Succeeded, 200, 400));
    // The next loss is held back again, and the allowance is used up.
    fixture.put_many(200);
    assert_eq!(fixture.sync().await.state, RunState::Refused);
    assert!(fixture.engine.start_sync("crm", RunKind::Sync, "test", Some(preview.id)).await.is_err());
    assert_eq!(fixture.count(), 400);
}
