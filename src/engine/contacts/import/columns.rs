//! Which column of a file is which field, by the names that programs give their columns.

use crate::contact::NumberLabel::{
    BusinessFax, BusinessNumber, BusinessNumber2, HomeFax, HomeNumber, HomeNumber2, MobileNumber,
    MobileNumber2, OtherNumber,
};
use crate::engine::EngineError;
use crate::source::rows::Field::{self, Number};

use super::ImportColumn;

/// Names of columns, without regard to case, spaces and signs; of several columns for one field, the one whose
/// name comes first here is taken. Our own names of the fields need not be here. English and German exports of
/// Outlook, Google Contacts and telephone systems were looked at.
const GUESSES: &[(Field, &[&str])] = &[
    (Field::FirstName, &["given name", "forename", "first", "vorname"]),
    (
        Field::LastName,
        &["surname", "family name", "last", "nachname", "familienname", "name", "full name", "display name"],
    ),
    (
        Field::Company,
        &[
            "company name",
            "organization",
            "organisation",
            "organization name",
            "organization 1 name",
            "firma",
            "unternehmen",
            "customer",
            "kunde",
        ],
    ),
    (
        Field::Email,
        &[
            "e-mail",
            "email address",
            "e-mail address",
            "mail",
            "e-mail 1 value",
            "e-mail-adresse",
            "mailadresse",
        ],
    ),
    (Field::Remark, &["note", "notes", "comment", "comments", "remarks", "notiz", "notizen", "bemerkung"]),
    (
        Number(BusinessNumber),
        &[
            "business phone",
            "work phone",
            "office phone",
            "phone",
            "phone number",
            "telephone",
            "tel",
            "number",
            "phone 1 value",
            "telefon",
            "telefonnummer",
            "rufnummer",
            "telefon geschäftlich",
            "business",
            "work",
            "company main phone",
        ],
    ),
    (
        Number(BusinessNumber2),
        &["business phone 2", "work phone 2", "phone 2", "telefon geschäftlich 2", "telefon 2"],
    ),
    (Number(BusinessFax), &["fax", "work fax", "fax number", "telefax", "fax geschäftlich"]),
    (
        Number(MobileNumber),
        &[
            "mobile",
            "mobile phone",
            "cell",
            "cell phone",
            "cellphone",
            "handy",
            "mobil",
            "mobiltelefon",
            "mobilnummer",
        ],
    ),
    (Number(MobileNumber2), &["mobile 2", "mobile phone 2", "cell 2", "mobiltelefon 2"]),
    (Number(HomeNumber), &["home phone", "home", "private phone", "telefon privat", "privat"]),
    (Number(HomeNumber2), &["home phone 2", "telefon privat 2"]),
    (Number(HomeFax), &["fax privat", "private fax"]),
    (Number(OtherNumber), &["other phone", "other", "weiteres telefon"]),
    (Field::ZipCode, &["zip", "postal code", "postcode", "plz", "postleitzahl", "business postal code"]),
    (Field::Street, &["street address", "address", "business street", "straße", "strasse", "anschrift"]),
    (Field::City, &["town", "locality", "business city", "ort", "stadt"]),
    (Field::State, &["region", "province", "business state", "bundesland"]),
    (Field::Country, &["country name", "business country", "business country/region", "land"]),
    (Field::OwnExtension, &["extension", "owner extension", "durchwahl"]),
];

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How well a name fits a field: the lower, the better.
fn fit(name: &str, field: Field) -> Option<usize> {
    let name = folded(name);
    if name == folded(field.name()) {
        return Some(0);
    }
    let (_, names) = GUESSES.iter().find(|(guessed, _)| *guessed == field)?;
    names.iter().position(|known| folded(known) == name).map(|place| place + 1)
}

/// What each column is: as said, or else as guessed.
pub(super) fn assign(
    header: &[String],
    said: &[(String, Option<Field>)],
) -> Result<Vec<ImportColumn>, EngineError> {
    let bad = |problem: String| EngineError::BadRequest { field: "columns".into(), problem };
    let mut columns: Vec<ImportColumn> =
        header.iter().map(|name| ImportColumn { name: name.clone(), field: None }).collect();
    let mut is_said = vec![false; columns.len()];
    for (name, field) in said {
        let found = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name.trim()));
        let place = found
            .ok_or_else(|| bad(format!("the file has no column {name:?}; it has {}", header.join(", "))))?;
        if is_said[place] {
            return Err(bad(format!("column {name:?} is said twice")));
        }
        if let Some(field) = field
            && columns.iter().any(|column| column.field == Some(*field))
        {
            return Err(bad(format!("two columns are said to be {}", field.name())));
        }
        is_said[place] = true;
        columns[place].field = *field;
    }
    for field in Field::OF_CONTACT {
        if columns.iter().any(|column| column.field == Some(field)) {
            continue;
        }
        let free = (0..columns.len()).filter(|place| !is_said[*place] && columns[*place].field.is_none());
        let best = free.filter_map(|place| Some((fit(&columns[place].name, field)?, place))).min();
        if let Some((_, place)) = best {
            columns[place].field = Some(field);
        }
    }
    let is_there = |wanted: fn(Field) -> bool| columns.iter().any(|column| column.field.is_some_and(wanted));
    if !is_there(|field| matches!(field, Field::FirstName | Field::LastName | Field::Company)) {
        return Err(bad(format!(
            "no column names the contacts: say which of {} is first_name, last_name or company",
            header.join(", ")
        )));
    }
    if !is_there(|field| matches!(field, Number(_))) {
        return Err(bad(format!(
            "no column has their numbers: say which of {} is business_number, mobile_number, …",
            header.join(", ")
        )));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(
        header: &[&str],
        said: &[(&str, Option<Field>)],
    ) -> Result<Vec<Option<&'static str>>, String> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let said: Vec<_> = said.iter().map(|(name, field)| ((*name).to_owned(), *field)).collect();
        match assign(&header, &said) {
            Ok(columns) => Ok(columns.iter().map(|column| column.field.map(Field::name)).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn our_own_names_are_known_in_any_spelling() {
        for field in Field::OF_CONTACT {
            assert_eq!(fit(&field.name().replace('_', " ").to_uppercase(), field), Some(0));
        }
    }

    #[test]
    fn columns_of_other_programs_are_known() {
        let outlook = [
            "Title",
            "First Name",
            "Last Name",
            "Company",
            "Business Phone",
            "Mobile Phone",
            "E-mail Address",
        ];
        let expected = [
            None,
            Some("first_name"),
            Some("last_name"),
            Some("company"),
            Some("business_number"),
            Some("mobile_number"),
            Some("email"),
        ];
        assert_eq!(assigned(&outlook, &[]).unwrap(), expected);
        let german = ["Nachname", "Vorname", "Firma", "Telefon geschäftlich", "Mobiltelefon", "PLZ", "Ort"];
        let expected =
            ["last_name", "first_name", "company", "business_number", "mobile_number", "zip_code", "city"];
        assert_eq!(assigned(&german, &[]).unwrap(), expected.map(Some));
    }

    #[test]
    fn what_is_said_comes_before_what_is_guessed() {
        let header = ["name", "phone", "private"];
        let said = [("PRIVATE", Some(Number(HomeNumber))), ("name", Some(Field::Company)), ("phone", None)];
        assert_eq!(assigned(&header, &said).unwrap(), [Some("company"), None, Some("home_number")]);
    }

    #[test]
    fn of_two_columns_for_one_field_the_better_name_is_taken() {
        let header = ["name", "surname", "phone"];
        assert_eq!(assigned(&header, &[]).unwrap(), [None, Some("last_name"), Some("business_number")]);
    }

    #[test]
    fn what_cannot_be_is_told_with_the_columns_that_there_are() {
        for (header, said, expected) in [
            (["a", "phone"], None, "no column names the contacts: say which of a, phone"),
            (["name", "b"], None, "no column has their numbers: say which of name, b"),
            (["name", "phone"], Some(("x", None)), "the file has no column \"x\"; it has name, phone"),
        ] {
            let error = assigned(&header, &said.into_iter().collect::<Vec<_>>()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let twice = [("name", Some(Field::Company)), ("phone", Some(Field::Company))];
        assert!(
            assigned(&["name", "phone"], &twice).unwrap_err().contains("two columns are said to be company")
        );
    }
}
