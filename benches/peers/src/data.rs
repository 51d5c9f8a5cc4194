//! The same contacts and callers for everybody.

use ringroute::contact::display_name;
use ringroute::demo::sample::{self, NUMBER_COLUMNS};

use crate::support::{Scale, company};

/// A number, and whose it is.
pub(crate) struct Record {
    pub(crate) e164: String,
    pub(crate) label: &'static str,
    pub(crate) contact: i32,
    pub(crate) name: String,
    pub(crate) company: String,
    /// As its place in [`PHONEBOOKS`].
    pub(crate) phonebook: i32,
}

pub(crate) const PHONEBOOKS: [&str; 2] = ["Sales", "Support"];

impl Record {
    /// What somebody would keep in Redis.
    pub(crate) fn json(&self) -> String {
        serde_json::json!({
            "contact_id": self.contact,
            "display_name": self.name,
            "company": self.company,
            "number_label": self.label,
            "phonebooks": [PHONEBOOKS[self.phonebook as usize]],
        })
        .to_string()
    }
}

/// Every number of the sample's usable contacts.
pub(crate) fn records(contacts: u32) -> Vec<Record> {
    let text = |text: Option<String>| text.unwrap_or_default().trim().to_owned();
    let mut records = Vec::new();
    for contact in sample::contacts(contacts).filter(|contact| contact.defect.is_none()) {
        let company = text(contact.company);
        let name = display_name(&text(contact.first_name), &text(contact.last_name), &company);
        let belongto = text(contact.belongto).to_lowercase();
        let phonebook = PHONEBOOKS.iter().position(|name| name.to_lowercase() == belongto).unwrap() as i32;
        for (number, (_, label)) in contact.numbers.into_iter().zip(NUMBER_COLUMNS) {
            let Some(digits) = number.and_then(|number| number.e164) else { continue };
            records.push(Record {
                e164: format!("+{digits}"),
                label: label.name(),
                contact: contact.id as i32,
                name: name.clone(),
                company: company.clone(),
                phonebook,
            });
        }
    }
    records
}

/// Numbers that somebody has, as they are kept: nobody has to read them first but Ringroute, which does.
pub(crate) fn callers(scale: Scale) -> Vec<String> {
    let numbers = company::numbers(scale.contacts());
    numbers.iter().take(scale.pick(100_000, 1_000)).map(|digits| format!("+{digits}")).collect()
}
