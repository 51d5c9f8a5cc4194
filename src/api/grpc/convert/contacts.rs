//! Phonebooks and contacts of the store -> the contract's.

use std::collections::HashMap;

use super::{label, stored_timestamp};
use crate::api::grpc::request::bad;
use crate::api::proto::v1;
use crate::contact::{ContactDetails, ContactNumber, NumberLabel, display_name};
use crate::engine::{
    ContactEntry, Edited, EngineError, ImportColumn, ImportProblem, Imported, NumberRoute, contact_etag,
};
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::source::rows::Field;
use crate::store::{CountedPhonebook, StoredContact, StoredPhonebook};

pub(in crate::api::grpc) fn phonebook(counted: CountedPhonebook) -> v1::Phonebook {
    let CountedPhonebook { phonebook, contact_count } = counted;
    let StoredPhonebook { id, name, is_local: _, origin, last_synced_at } = phonebook;
    v1::Phonebook {
        phonebook_id: id.0,
        name: name.into(),
        source: match origin {
            PhonebookOrigin::Local => String::new(),
            PhonebookOrigin::Synced(source) => source,
        },
        contact_count,
        last_synced_at: stored_timestamp(last_synced_at.as_deref()),
    }
}

/// `names` are those of all phonebooks.
pub(in crate::api::grpc) fn contact(
    stored: StoredContact,
    names: &HashMap<PhonebookId, PhonebookName>,
) -> v1::Contact {
    let etag = if stored.source.is_none() { contact_etag(&stored) } else { String::new() };
    let StoredContact { id, source, source_key, details, phonebooks, missing_since } = stored;
    let ContactDetails {
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension,
        numbers,
    } = details;
    v1::Contact {
        contact_id: id.0,
        source: source.unwrap_or_default(),
        source_key,
        phonebooks: phonebooks
            .iter()
            .filter_map(|id| names.get(id))
            .map(|name| name.as_str().to_owned())
            .collect(),
        display_name: display_name(&first_name, &last_name, &company),
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension,
        numbers: numbers.into_iter().map(number).collect(),
        not_received_since: stored_timestamp(missing_since.as_deref()),
        etag,
    }
}

fn number(ContactNumber { label: used_for, raw, number }: ContactNumber) -> v1::ContactNumber {
    v1::ContactNumber { label: label(used_for).into(), raw, e164: number.to_string() }
}

/// What somebody says of a contact.
pub(in crate::api::grpc) fn entry(contact: v1::Contact) -> Result<ContactEntry, EngineError> {
    let v1::Contact {
        contact_id: _,
        source: _,
        source_key: _,
        phonebooks,
        display_name: _,
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension,
        numbers,
        not_received_since: _,
        etag: _,
    } = contact;
    let mut fields = vec![
        (Field::FirstName, first_name),
        (Field::LastName, last_name),
        (Field::Company, company),
        (Field::Email, email),
        (Field::Remark, remark),
        (Field::ZipCode, zip_code),
        (Field::Street, street),
        (Field::City, city),
        (Field::State, state),
        (Field::Country, country),
        (Field::OwnExtension, own_extension),
    ];
    for (place, number) in numbers.into_iter().enumerate() {
        let bad = |problem: String| bad(&format!("numbers[{place}].label"), problem);
        let said = NumberLabel::ALL.into_iter().find(|known| i32::from(label(*known)) == number.label);
        let field = Field::Number(said.ok_or_else(|| bad("says none of the labels".into()))?);
        if fields.iter().any(|(earlier, _)| *earlier == field) {
            return Err(bad(format!("there are two numbers for {}; there is room for one", field.name())));
        }
        fields.push((field, number.raw));
    }
    Ok(ContactEntry { phonebooks, fields })
}

pub(in crate::api::grpc) fn imported(edited: Edited<Imported>) -> v1::ImportContactsResponse {
    let Edited { value, generation } = edited;
    let Imported { columns, rows, added, already_there, rejected, dropped_numbers, problems, refusal } =
        value;
    let column = |ImportColumn { name, field }| v1::ImportColumn {
        name,
        field: field.map(Field::name).unwrap_or_default().to_owned(),
    };
    let problem = |problem| {
        let ImportProblem { line, column, value, reason, is_number_only } = problem;
        v1::ImportProblem { line, column, value, reason, is_number_only }
    };
    v1::ImportContactsResponse {
        columns: columns.into_iter().map(column).collect(),
        row_count: rows,
        added_count: added,
        already_there_count: already_there,
        rejected_count: rejected,
        dropped_number_count: dropped_numbers,
        problems: problems.into_iter().map(problem).collect(),
        refusal: refusal.unwrap_or_default(),
        generation: generation.0,
    }
}

pub(in crate::api::grpc) fn route(route: NumberRoute) -> v1::ContactRoute {
    let NumberRoute { number: told, trunk, route, destination, is_matched } = route;
    v1::ContactRoute {
        number: Some(number(told)),
        trunk,
        route,
        destination_type: destination
            .as_ref()
            .map(|to| to.destination_type.name().to_owned())
            .unwrap_or_default(),
        target: destination.map(|to| to.target).unwrap_or_default(),
        is_matched,
    }
}
