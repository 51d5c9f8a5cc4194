//! Phonebooks and contacts of the store -> the contract's.

use std::collections::HashMap;

use super::{label, stored_timestamp};
use crate::api::proto::v1;
use crate::contact::{ContactDetails, ContactNumber, display_name};
use crate::phonebook::{PhonebookId, PhonebookName, PhonebookOrigin};
use crate::store::{StoredContact, StoredPhonebook};

pub(in crate::api::grpc) fn phonebook(stored: StoredPhonebook) -> v1::Phonebook {
    let StoredPhonebook { id, name, is_local: _, origin, contact_count, last_synced_at } = stored;
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
    }
}

fn number(ContactNumber { label: used_for, raw, number }: ContactNumber) -> v1::ContactNumber {
    v1::ContactNumber { label: label(used_for).into(), raw, e164: number.to_string() }
}
