//! The audit: who changed what, written in the transaction of the change. The oldest entries go first, so that
//! it stays within a space.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::json::{from_json, to_json};
use super::{Change, Reading, StoreError};
use crate::audit::{Actor, AuditAction, AuditEntry, AuditEvent};
use crate::generation::Generation;

/// Most entries that are kept.
const KEPT_ENTRIES: u32 = 20_000;

/// Most bytes that they may take.
const KEPT_BYTES: u64 = 32 * 1024 * 1024;

/// Most entries of one change; what is beyond is counted in one more.
const MAX_EVENTS: usize = 2_000;

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// A part of who did it: a name, a door or an address, in any case.
    pub who: String,
    /// A part of what was done, such as `removed` or `source "crm"`, in any case.
    pub what: String,
    /// Only those before this entry.
    pub before: Option<u64>,
    /// Most entries to list.
    pub limit: u32,
}

impl Change<'_> {
    /// Remembers what `actor` does with this change. Called last: the generation of the moment is noted.
    pub fn audit(&self, actor: &Actor, events: Vec<AuditEvent>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let (now, generation) = (Timestamp::now().as_microsecond(), self.generation()?.0);
        let (who, actor) = (folded(&actor.to_string()), to_json(actor)?);
        let beyond = events.len().saturating_sub(MAX_EVENTS);
        let rest = (beyond > 0).then(|| {
            let subject = "further settings, too many to be listed";
            AuditEvent { left_out: beyond as u64, ..AuditEvent::new(AuditAction::Changed, subject) }
        });
        let mut add = self.connection.prepare(
            "INSERT INTO audit_entry (at, who, what, generation, actor, event) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        for event in events.into_iter().take(MAX_EVENTS).chain(rest) {
            let event = event.bounded();
            let what = folded(&format!("{} {}", event.action.name(), event.subject));
            add.execute(params![now, who, what, generation, actor, to_json(&event)?])?;
        }
        self.forget_old_entries()
    }

    fn forget_old_entries(&self) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM audit_entry WHERE id <= (
                 SELECT max(id) FROM (
                     SELECT id, row_number() OVER latest AS entries,
                            sum(length(who) + length(what) + length(actor) + length(event)) OVER latest AS bytes
                     FROM audit_entry WINDOW latest AS (ORDER BY id DESC)
                 ) WHERE entries > ?1 OR bytes > ?2
             )",
            params![KEPT_ENTRIES, KEPT_BYTES],
        )?;
        Ok(())
    }
}

impl Reading<'_> {
    /// Entries, the latest first.
    pub fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, at, generation, actor, event FROM audit_entry
             WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR at < ?2)
               AND instr(who, ?3) AND instr(what, ?4) AND (?5 IS NULL OR id < ?5)
             ORDER BY id DESC LIMIT ?6",
        )?;
        let microseconds = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
        let entries = statement.query_map(
            params![
                microseconds(filter.since),
                microseconds(filter.until),
                folded(&filter.who),
                folded(&filter.what),
                filter.before,
                filter.limit
            ],
            entry,
        )?;
        Ok(entries.collect::<Result<_, _>>()?)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let at = Timestamp::from_microsecond(row.get(1)?);
    Ok(AuditEntry {
        id: row.get(0)?,
        at: at.map_err(|_| rusqlite::Error::IntegralValueOutOfRange(1, 0))?,
        generation: Generation(row.get(2)?),
        actor: from_json(row, 3)?,
        event: from_json(row, 4)?,
    })
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Door;
    use crate::store::Store;

    fn listed(store: &Store, filter: AuditFilter) -> Vec<AuditEntry> {
        store.read(|reading| reading.audit_entries(&AuditFilter { limit: 100_000, ..filter })).unwrap()
    }

    #[test]
    fn entries_are_found_by_who_what_and_when() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let anna = Actor { name: "Anna".into(), ..Actor::unnamed(Door::Console, Some("192.0.2.1")) };
        let event = |action, subject: &str| vec![AuditEvent::new(action, subject)];
        let start = Timestamp::now();
        store.write(|change| change.audit(&anna, event(AuditAction::Added, "source \"CRM\""))).unwrap();
        store
            .write(|change| change.audit(&"schedule".into(), event(AuditAction::Removed, "numbers")))
            .unwrap();
        let subjects = |filter: AuditFilter| {
            let entries = listed(&store, filter).into_iter();
            entries.map(|entry| entry.event.subject).collect::<Vec<_>>()
        };
        let all = || AuditFilter::default();
        assert_eq!(subjects(all()), ["numbers", "source \"CRM\""]);
        assert_eq!(subjects(AuditFilter { who: "ANNA".into(), ..all() }), ["source \"CRM\""]);
        assert_eq!(subjects(AuditFilter { who: "192.0.2.1".into(), ..all() }), ["source \"CRM\""]);
        assert_eq!(subjects(AuditFilter { what: "removed".into(), ..all() }), ["numbers"]);
        assert_eq!(subjects(AuditFilter { what: "source \"crm".into(), ..all() }), ["source \"CRM\""]);
        assert_eq!(subjects(AuditFilter { what: "%".into(), ..all() }), [""; 0]);
        assert_eq!(subjects(AuditFilter { until: Some(start), ..all() }), [""; 0]);
        assert_eq!(subjects(AuditFilter { since: Some(start), ..all() }).len(), 2);
        let first = listed(&store, all())[0].id;
        assert_eq!(subjects(AuditFilter { before: Some(first), ..all() }), ["source \"CRM\""]);
        assert_eq!(listed(&store, AuditFilter { who: "anna".into(), ..all() })[0].actor, anna);
    }

    #[test]
    fn the_audit_keeps_within_its_space_and_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let large = |number: usize| {
            let values = (0..64)
                .fold(AuditEvent::new(AuditAction::Changed, format!("route {number}")), |event, value| {
                    event.with(&value.to_string(), None, Some("x".repeat(512)))
                });
            vec![values; 500]
        };
        for number in 0..4 {
            store.write(|change| change.audit(&"test".into(), large(number))).unwrap();
        }
        let kept = listed(&store, AuditFilter::default());
        // 64 values of 512 characters: over 32 KiB an entry, so fewer than 1024 of 2000.
        assert!((500..1024).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[0].event.subject, "route 3");
        assert_eq!(kept.iter().filter(|entry| entry.event.subject == "route 0").count(), 0);
    }

    #[test]
    fn a_change_of_very_many_things_says_how_many_it_does_not_list() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let events = vec![AuditEvent::new(AuditAction::Added, "route"); MAX_EVENTS + 7];
        store.write(|change| change.audit(&"test".into(), events)).unwrap();
        let kept = listed(&store, AuditFilter::default());
        assert_eq!((kept.len(), kept[0].event.left_out), (MAX_EVENTS + 1, 7));
    }
}
