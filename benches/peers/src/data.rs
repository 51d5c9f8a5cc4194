//! What all are filled with and asked for: the sample company, and its callers.

use std::collections::BTreeMap;

use ringroute::contact::display_name;
use ringroute::demo::sample::{self, NUMBER_COLUMNS, SampleContact};
use ringroute::phone_number::Caller;

use crate::support::company;

/// A contact, as far as a call handler is told of it.
pub struct Person {
    pub id: u32,
    pub name: String,
    pub company: String,
    pub phonebook: &'static str,
    /// E.164 with the plus sign, and what the number is for.
    pub numbers: Vec<(String, &'static str)>,
}

/// Both phonebooks; the number of one is its place and one more.
pub const PHONEBOOKS: [&str; 2] = ["Sales", "Support"];

/// The contacts that a sync run takes over.
pub fn people(count: u32) -> Vec<Person> {
    sample::contacts(count).filter(|contact| contact.defect.is_none()).map(person).collect()
}

fn person(contact: SampleContact) -> Person {
    let text = |text: Option<String>| text.unwrap_or_default().trim().to_owned();
    let phonebook = text(contact.belongto);
    let phonebook = PHONEBOOKS.into_iter().find(|name| name.eq_ignore_ascii_case(&phonebook)).unwrap();
    let numbers = contact.numbers.into_iter().zip(NUMBER_COLUMNS);
    let numbers =
        numbers.filter_map(|(number, (_, label))| Some((format!("+{}", number?.e164?), label.name())));
    let company = text(contact.company);
    Person {
        id: contact.id,
        name: display_name(&text(contact.first_name), &text(contact.last_name), &company),
        company,
        phonebook,
        numbers: numbers.collect(),
    }
}

/// For each number, its contacts as JSON.
pub fn json_by_number(people: &[Person]) -> BTreeMap<&str, String> {
    let mut by_number: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    for person in people {
        for (number, label) in &person.numbers {
            let contact = serde_json::json!({
                "id": person.id,
                "name": person.name,
                "company": person.company,
                "number_label": label,
                "phonebooks": [person.phonebook],
            });
            by_number.entry(number).or_default().push(contact);
        }
    }
    by_number
        .into_iter()
        .map(|(number, contacts)| (number, serde_json::Value::from(contacts).to_string()))
        .collect()
}

/// A caller.
#[derive(Debug, Clone)]
pub struct Question {
    /// As the network gives it, which is what Ringroute is asked.
    pub caller: String,
    /// As the peers have it: somebody has made E.164 of it. Empty for a caller that withholds the number.
    pub e164: String,
}

/// The callers of the other benches.
pub fn questions(contacts: u32, count: usize) -> Vec<Question> {
    let callers = company::callers(&company::numbers(contacts), count);
    callers
        .into_iter()
        .map(|caller| {
            let e164 = match Caller::parse(&caller, company::region()) {
                Caller::Number(number) => number.to_string(),
                Caller::Withheld | Caller::Invalid(_) => String::new(),
            };
            Question { caller, e164 }
        })
        .collect()
}
