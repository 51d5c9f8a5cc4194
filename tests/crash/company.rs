//! A company before and after: the two models that everything is compared with.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

/// Contacts before; afterwards as many are gone as are new.
const PEOPLE: u32 = 6000;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Before,
    After,
}

/// A contact, as its source has it and as it must be stored and told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) team: &'static str,
}

/// Everybody, by key.
pub(crate) fn people(version: Version) -> BTreeMap<String, Person> {
    let keys = 0..PEOPLE + PEOPLE / 5;
    let there = keys.filter(|key| match version {
        Version::Before => *key < PEOPLE,
        Version::After => key % 5 != 0 || *key >= PEOPLE,
    });
    there.map(|key| (key.to_string(), person(key, version))).collect()
}

fn person(key: u32, version: Version) -> Person {
    let is_after = version == Version::After;
    let changed = if is_after && key % 3 == 1 { " (changed)" } else { "" };
    let team = match key % 7 {
        // A phonebook that only one of the two has.
        2 => {
            if is_after {
                "Partners"
            } else {
                "Prospects"
            }
        }
        3 if is_after => "Support",
        number => ["Sales", "Support"][number as usize % 2],
    };
    Person {
        name: format!("Person number {key} of the company{changed}"),
        phone: format!("+4930{}", 1_000_000 + key),
        team,
    }
}

/// Writes the company's own database.
pub(crate) fn write(path: &Path, version: Version) {
    let mut database = Connection::open(path).unwrap();
    let transaction = database.transaction().unwrap();
    transaction
        .execute_batch("DROP TABLE IF EXISTS people; CREATE TABLE people (id, name, phone, team)")
        .unwrap();
    let mut insert = transaction.prepare("INSERT INTO people VALUES (?, ?, ?, ?)").unwrap();
    for (key, person) in people(version) {
        insert.execute((key, person.name, person.phone, person.team)).unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
}

pub(crate) fn settings(source: &Path) -> String {
    format!(
        r#"
        [[source]]
        name = "crm"
        connection = {{ sqlite = {{ path = {source:?} }} }}
        sync_filter = "select ${{MAP}} from main.people order by id"
        field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
        phonebook = {{ by_property = {{ column = "team" }} }}
        guard = {{ max_removed_percent = 0 }}
        "#
    )
}

/// Who is stored.
pub(crate) fn stored(store: &Connection) -> BTreeMap<String, Person> {
    let sql = "SELECT source_key, details ->> 'last_name', details ->> '$.numbers[0].raw', phonebook.name
               FROM contact JOIN phonebook_contact ON contact_id = contact.id
               JOIN phonebook ON phonebook.id = phonebook_id";
    let mut statement = store.prepare(sql).unwrap();
    let people = statement.query_map([], |row| {
        let team: String = row.get(3)?;
        let team = ["Sales", "Support", "Partners", "Prospects"].into_iter().find(|known| *known == team);
        Ok((row.get(0)?, Person { name: row.get(1)?, phone: row.get(2)?, team: team.unwrap() }))
    });
    people.unwrap().map(Result::unwrap).collect()
}
