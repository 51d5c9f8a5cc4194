//! What differs between two states of a contact, field by field.

use super::{ContactDetails, ContactNumber, NumberLabel};

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// Its name as in a field map, such as `last_name` or `business_number_2`.
    pub field: &'static str,
    /// What it was; empty when it was blank.
    pub before: String,
    /// What it is; empty when it is blank.
    pub after: String,
}

/// The fields that differ, in the order of the reference system: texts, then numbers.
#[must_use]
pub fn difference(before: &ContactDetails, after: &ContactDetails) -> Vec<FieldDifference> {
    let mut differences = Vec::new();
    for ((field, before), (_, after)) in texts(before).into_iter().zip(texts(after)) {
        if before != after {
            differences.push(FieldDifference { field, before: before.to_owned(), after: after.to_owned() });
        }
    }
    for label in NumberLabel::ALL {
        let (before, after) = (number(before, label), number(after, label));
        if before == after {
            continue;
        }
        // The same text may be another number by now, in another region.
        let is_same_text = before.map(|number| &number.raw) == after.map(|number| &number.raw);
        let shown = |number: Option<&ContactNumber>| match number {
            None => String::new(),
            Some(number) if is_same_text => format!("{} ({})", number.raw, number.number),
            Some(number) => number.raw.clone(),
        };
        differences.push(FieldDifference { field: label.name(), before: shown(before), after: shown(after) });
    }
    differences
}

fn number(details: &ContactDetails, label: NumberLabel) -> Option<&ContactNumber> {
    details.numbers.iter().find(|number| number.label == label)
}

/// Taken apart in full, so that a new field cannot be forgotten here.
fn texts(details: &ContactDetails) -> [(&'static str, &str); 11] {
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
        numbers: _,
    } = details;
    [
        ("first_name", first_name),
        ("last_name", last_name),
        ("company", company),
        ("email", email),
        ("remark", remark),
        ("zip_code", zip_code),
        ("street", street),
        ("city", city),
        ("state", state),
        ("country", country),
        ("own_extension", own_extension),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone_number::normalise;

    fn number(label: NumberLabel, raw: &str, region: &str) -> ContactNumber {
        let number = normalise(raw, Some(region.parse().unwrap())).unwrap().number;
        ContactNumber { label, raw: raw.into(), number }
    }

    #[test]
    fn every_field_that_differs_is_named_with_both_values() {
        let before = ContactDetails {
            last_name: "Berg".into(),
            city: "Bonn".into(),
            numbers: vec![number(NumberLabel::MobileNumber, "0171 2345678", "DE")],
            ..ContactDetails::default()
        };
        let after = ContactDetails {
            last_name: "Berg-Esch".into(),
            city: "Bonn".into(),
            numbers: vec![number(NumberLabel::BusinessNumber, "030 1234567", "DE")],
            ..ContactDetails::default()
        };
        let expected = [
            ("last_name", "Berg", "Berg-Esch"),
            ("business_number", "", "030 1234567"),
            ("mobile_number", "0171 2345678", ""),
        ];
        let found = difference(&before, &after);
        let found: Vec<_> = found.iter().map(|d| (d.field, d.before.as_str(), d.after.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(difference(&before, &before), []);
    }

    #[test]
    fn a_text_that_became_another_number_is_shown_with_both_numbers() {
        let details = |region| ContactDetails {
            numbers: vec![number(NumberLabel::BusinessNumber, "020 79460018", region)],
            ..ContactDetails::default()
        };
        let found = difference(&details("DE"), &details("GB"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].before, "020 79460018 (+492079460018)");
        assert_eq!(found[0].after, "020 79460018 (+442079460018)");
    }
}
