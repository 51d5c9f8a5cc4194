//! Writing what a run planned: first what becomes of contacts that are there, then the new ones.
//!
//! New contacts have the highest numbers. So whoever goes through the contacts in the order of their numbers can follow
//! the writer, and need not wait until it is done.

use rusqlite::{Connection, Statement, params};

use super::checkpoint::save_ahead;
use super::journal::Journal;
use super::{Change, ContactRow, StoreError};
use crate::background;
use crate::contact::ContactId;
use crate::phonebook::PhonebookId;
use crate::sync::{Plan, RunId, Staged};

/// What came of writing a plan.
#[derive(Debug)]
pub struct WrittenPlan {
    /// Whether what was there before is kept, so that the run can be rolled back.
    pub is_kept: bool,
    /// The contacts that were added, changed, moved or removed.
    pub touched: Vec<ContactId>,
    /// Whether nothing but texts of them changed: each had the same numbers and phonebooks before.
    pub only_texts: bool,
}

/// So few contacts are looked at one by one, when they are written and when an index is amended; doing it all anew is
/// no slower for more.
pub const FEW_CONTACTS: usize = 10_000;

/// What a writer says to whoever follows it.
#[derive(Debug)]
pub enum Following {
    /// All contacts that are stored are as they will be; those to come have higher numbers. Said once, first.
    Stored,
    /// These have come, in the order of their numbers.
    Added(AddedContacts),
}

/// Contacts that were added, as they are stored.
#[derive(Debug)]
pub struct AddedContacts {
    source: i64,
    /// Of each, its phonebook.
    phonebooks: Vec<PhonebookId>,
    /// Each has a number.
    contacts: Vec<Staged>,
}

impl AddedContacts {
    /// Each of them, as [`super::Reading::each_contact`] would hand it out.
    pub fn rows(&self) -> impl Iterator<Item = ContactRow<'_>> {
        self.contacts.iter().zip(&self.phonebooks).filter_map(|(contact, phonebook)| {
            Some(ContactRow {
                id: contact.id?,
                source: Some(self.source),
                source_key: &contact.source_key,
                details: &contact.details,
                phonebooks: std::slice::from_ref(phonebook),
            })
        })
    }
}

/// How many contacts are written between two looks at whether to go on.
const LOOK_EVERY: usize = 4096;

/// Rows of one INSERT: a statement takes about as long as the row that it writes.
const ROWS_PER_INSERT: usize = 32;

/// A plan that is written but for its new contacts.
pub struct PlanUnderWay<'a> {
    plan: &'a mut Plan,
    now: &'a str,
    writer: Writer<'a>,
}

/// What is needed to write a plan of a source, and what comes of it.
struct Writer<'a> {
    change: &'a Change<'a>,
    source: i64,
    /// Those of the plan.
    phonebooks: Vec<PhonebookId>,
    journal: Journal<'a>,
    touched: Vec<ContactId>,
    only_texts: bool,
}

impl Change<'_> {
    /// Writes what a plan of a source changes of contacts that are there, and what was there before. `now` is in
    /// RFC 3339. An error of `go_on`, which is asked now and then, ends it.
    pub fn write_plan<'a, E: From<StoreError>>(
        &'a self,
        source: i64,
        run: RunId,
        plan: &'a mut Plan,
        now: &'a str,
        go_on: &dyn Fn() -> Result<(), E>,
    ) -> Result<PlanUnderWay<'a>, E> {
        let journal = self.journal(source, plan.known, run)?;
        let phonebooks = self.planned_phonebooks(source, plan, &journal)?;
        let only_texts = plan.counts.added == 0
            && plan.moved.is_empty()
            && (plan.not_received.is_empty() || !plan.remove_missing);
        let mut writer =
            Writer { change: self, source, phonebooks, journal, touched: Vec::new(), only_texts };
        if plan.counts.changed > 0 {
            writer.write_changed(plan, go_on)?;
        }
        writer.write_unchanged(plan, now)?;
        Ok(PlanUnderWay { plan, now, writer })
    }

    /// Makes the phonebooks that the plan wants and does not have.
    fn planned_phonebooks(
        &self,
        source: i64,
        plan: &Plan,
        journal: &Journal<'_>,
    ) -> Result<Vec<PhonebookId>, StoreError> {
        let planned = plan.phonebooks.iter().map(|phonebook| match phonebook.id {
            Some(id) => {
                journal.phonebook_if_not_filled(id)?;
                if !self.give_phonebook(id, source)? {
                    return Err(StoreError::Refused(format!(
                        "phonebook {:?} was filled, taken or deleted while the source was being read; nothing was \
                         changed. Start it again",
                        phonebook.name.as_str()
                    )));
                }
                Ok(id)
            }
            None => {
                let id = self.create_phonebook(&phonebook.name, Some(source))?;
                journal.new_phonebook(id)?;
                Ok(id)
            }
        });
        planned.collect()
    }
}

impl PlanUnderWay<'_> {
    /// Adds the new contacts, which ends the plan. `follow` is told of each, once it is stored. Then it is dropped. An
    /// error of it ends everything.
    pub fn add_new<E: From<StoreError>>(
        self,
        follow: impl FnMut(Following) -> Result<(), E>,
    ) -> Result<WrittenPlan, E> {
        let PlanUnderWay { plan, now, mut writer } = self;
        let change = writer.change;
        // An index is made anew in less time than it takes to put so many into it, in no order.
        let added = plan.counts.added;
        let is_most = added > FEW_CONTACTS as u64 && added > change.contact_count()?;
        match is_most {
            true => change.without_indexes(|| writer.write_new(plan, follow))?,
            false => writer.write_new(plan, follow)?,
        }
        let Writer { source, journal, touched, only_texts, .. } = writer;
        change.free_phonebooks(source, &journal)?;
        change
            .connection
            .execute("UPDATE source SET last_synced_at = ? WHERE id = ?", params![now, source])
            .map_err(StoreError::from)?;
        let is_kept = change.finish_journal(journal)?;
        if touched.len() > FEW_CONTACTS {
            save_ahead(change.connection).map_err(StoreError::from)?;
        }
        Ok(WrittenPlan { is_kept, touched, only_texts })
    }
}

/// Puts a contact into a phonebook and takes it out of all others. Of one that is there and nowhere else no page is
/// written.
const PUT: &str = "INSERT OR IGNORE INTO phonebook_contact (contact_id, phonebook_id) VALUES (?, ?)";
const TAKE_OUT: &str = "DELETE FROM phonebook_contact WHERE contact_id = ? AND phonebook_id <> ?";

/// Looks at the pages that were written before the new contacts and are written again behind them, so that they stay in
/// the cache. Had one gone into the write-ahead log meanwhile, SQLite would write it there in its first place, and the
/// commit would go through all of the log behind it, as each checksum depends on those before.
const WRITTEN_AGAIN: &str = "SELECT (SELECT count(*) FROM sqlite_schema), (SELECT sum(bytes) FROM journal)";

impl Writer<'_> {
    /// Contacts that are there and have other details, perhaps in another phonebook.
    fn write_changed<E: From<StoreError>>(
        &mut self,
        plan: &mut Plan,
        go_on: &dyn Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        let connection = self.change.connection;
        let prepare = |sql| connection.prepare(sql).map_err(StoreError::from);
        let mut put = prepare(PUT)?;
        let mut take_out = prepare(TAKE_OUT)?;
        let mut change = prepare("UPDATE contact SET digest = ?, row_digest = ?, details = ? WHERE id = ?")?;
        let mut has_same_numbers = prepare(
            "SELECT details -> '$.numbers' IS ?2 -> '$.numbers'
                AND (SELECT json_group_array(phonebook_id) FROM phonebook_contact WHERE contact_id = ?1)
                    = json_array(?3)
             FROM contact WHERE id = ?1",
        )?;
        let mut write = |contact: Staged, id: ContactId| {
            let Staged { phonebook, digest, row, details, .. } = contact;
            let phonebook = self.phonebooks[phonebook as usize].0;
            self.journal.contact(id)?;
            self.only_texts = self.only_texts
                && self.touched.len() < FEW_CONTACTS
                && has_same_numbers.query_row(params![id.0, details, phonebook], |row| row.get(0))?;
            change.execute(params![digest.0, row.map(|row| row.0), details, id.0])?;
            take_out.execute(params![id.0, phonebook])?;
            put.execute(params![id.0, phonebook])?;
            self.touched.push(id);
            Ok::<_, StoreError>(())
        };
        let staged = plan.staged.read_back().map_err(StoreError::Staging)?;
        for (place, contact) in background::pausing(staged).enumerate() {
            if place.is_multiple_of(LOOK_EVERY) {
                go_on()?;
            }
            let contact = contact.map_err(StoreError::Staging)?;
            if let Some(id) = contact.id {
                write(contact, id)?;
            }
        }
        Ok(())
    }

    /// Contacts that are there, whose details are as they were.
    fn write_unchanged(&mut self, plan: &Plan, now: &str) -> Result<(), StoreError> {
        let Writer { change, phonebooks, journal, touched, .. } = self;
        let connection = change.connection;
        let mut put = connection.prepare(PUT)?;
        let mut take_out = connection.prepare(TAKE_OUT)?;
        touched.extend(plan.moved.iter().map(|(id, _)| *id));
        for (id, phonebook) in background::pausing(&plan.moved) {
            journal.placement(*id)?;
            let phonebook = phonebooks[*phonebook as usize].0;
            take_out.execute(params![id.0, phonebook])?;
            put.execute(params![id.0, phonebook])?;
        }
        if plan.remove_missing {
            touched.extend(&plan.not_received);
            let mut remove = connection.prepare("DELETE FROM contact WHERE id = ?")?;
            for id in background::pausing(&plan.not_received) {
                journal.contact(*id)?;
                remove.execute([id.0])?;
            }
        } else {
            let mut is_marked = connection.prepare("SELECT missing_since FROM contact WHERE id = ?")?;
            let mut mark = connection.prepare("UPDATE contact SET missing_since = ? WHERE id = ?")?;
            for id in background::pausing(&plan.not_received) {
                let since: Option<String> = is_marked.query_row([id.0], |row| row.get(0))?;
                if since.is_none() {
                    journal.placement(*id)?;
                    mark.execute(params![now, id.0])?;
                }
            }
        }
        let mut unmark = connection.prepare("UPDATE contact SET missing_since = NULL WHERE id = ?")?;
        for id in background::pausing(&plan.received_again) {
            journal.placement(*id)?;
            unmark.execute([id.0])?;
        }
        let mut remember = connection.prepare("UPDATE contact SET row_digest = ? WHERE id = ?")?;
        for (id, row) in background::pausing(&plan.same_of_other_row) {
            remember.execute(params![row.0, id.0])?;
        }
        Ok(())
    }

    fn write_new<E: From<StoreError>>(
        &mut self,
        plan: &mut Plan,
        mut follow: impl FnMut(Following) -> Result<(), E>,
    ) -> Result<(), E> {
        follow(Following::Stored)?;
        if plan.counts.added == 0 {
            return Ok(());
        }
        let connection = self.change.connection;
        let mut keep_in_cache = connection.prepare(WRITTEN_AGAIN).map_err(StoreError::from)?;
        let mut insert = Insert::prepare(connection, ROWS_PER_INSERT)?;
        let staged = plan.staged.read_back().map_err(StoreError::Staging)?;
        let mut new = staged.filter(|contact| contact.as_ref().map_or(true, |contact| contact.id.is_none()));
        loop {
            let contacts = new.by_ref().take(LOOK_EVERY).collect::<Result<Vec<_>, _>>();
            let mut contacts = contacts.map_err(StoreError::Staging)?;
            if contacts.is_empty() {
                return Ok(());
            }
            let (whole, rest) = contacts.as_chunks_mut::<ROWS_PER_INSERT>();
            whole.iter_mut().try_for_each(|contacts| self.insert(&mut insert, contacts))?;
            if !rest.is_empty() {
                self.insert(&mut Insert::prepare(connection, rest.len())?, rest)?;
            }
            keep_in_cache.query_row([], |_| Ok(())).map_err(StoreError::from)?;
            let phonebooks = contacts.iter().map(|contact| self.phonebooks[contact.phonebook as usize]);
            let phonebooks = phonebooks.collect();
            follow(Following::Added(AddedContacts { source: self.source, phonebooks, contacts }))?;
        }
    }

    /// Inserts as many contacts as `insert` takes, and tells them their numbers.
    fn insert(&mut self, insert: &mut Insert<'_>, new: &mut [Staged]) -> Result<(), StoreError> {
        let Insert { add, put } = insert;
        for (contact, place) in new.iter().zip((1..).step_by(5)) {
            add.raw_bind_parameter(place, self.source)?;
            add.raw_bind_parameter(place + 1, &contact.source_key)?;
            add.raw_bind_parameter(place + 2, contact.digest.0)?;
            add.raw_bind_parameter(place + 3, contact.row.map(|row| row.0))?;
            add.raw_bind_parameter(place + 4, &contact.details)?;
        }
        add.raw_execute()?;
        // One statement numbers its rows one after the other.
        let last = self.change.connection.last_insert_rowid().unsigned_abs();
        let ids = (last + 1 - new.len() as u64..=last).map(ContactId);
        for ((contact, id), place) in new.iter_mut().zip(ids).zip((1..).step_by(2)) {
            contact.id = Some(id);
            put.raw_bind_parameter(place, id.0)?;
            put.raw_bind_parameter(place + 1, self.phonebooks[contact.phonebook as usize].0)?;
            self.journal.added(id)?;
            self.touched.push(id);
        }
        put.raw_execute()?;
        background::pause();
        Ok(())
    }
}

/// Statements that insert so many contacts.
struct Insert<'a> {
    add: Statement<'a>,
    /// Into their phonebooks.
    put: Statement<'a>,
}

impl<'a> Insert<'a> {
    fn prepare(connection: &'a Connection, rows: usize) -> Result<Self, StoreError> {
        let prepare = |into: &str, row: &str| {
            connection.prepare(&format!("INSERT INTO {into} VALUES {}", vec![row; rows].join(", ")))
        };
        Ok(Insert {
            add: prepare("contact (source_id, source_key, digest, row_digest, details)", "(?, ?, ?, ?, ?)")?,
            put: prepare("phonebook_contact (contact_id, phonebook_id)", "(?, ?)")?,
        })
    }
}

/// The indexes of what a run adds to, but for the tables' own.
const INDEXES: [&str; 2] = ["contact_by_key", "contact_by_phonebook"];

impl Change<'_> {
    /// Does `work` without the contacts' indexes, which are made anew afterwards. An error of it takes the transaction
    /// back, and them with it.
    fn without_indexes<E: From<StoreError>>(&self, work: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let take = |name: &str| {
            let sql = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?";
            let make: String = self.connection.query_row(sql, [name], |row| row.get(0))?;
            self.connection.execute_batch(&format!("DROP INDEX {name}"))?;
            Ok::<_, StoreError>(make)
        };
        let make = INDEXES.into_iter().map(take).collect::<Result<Vec<_>, _>>()?;
        work()?;
        make.iter().try_for_each(|make| Ok(self.connection.execute_batch(make).map_err(StoreError::from)?))
    }
}
