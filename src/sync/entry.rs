//! A contact as somebody typed it in, by the rules that hold for the rows of a source.
//!
//! One thing differs: a person is there to put it right. So everything that is wrong is told at once, each at
//! its field, and a number that is none is not left out but refused.

use super::prepare::{NO_NAME, NO_NUMBER, Unfit, has_name, put};
use crate::contact::ContactDetails;
use crate::phone_number::Region;
use crate::source::rows::Field;

/// What is wrong with a field that was typed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Its name, such as `first_name`.
    pub field: String,
    /// What was found and what was expected.
    pub problem: String,
}

/// The contact that the fields make, or everything that is wrong with them. A field that is there twice counts
/// as last said; one that is not there is blank.
pub fn check_entry(
    fields: &[(Field, String)],
    region: Option<Region>,
) -> Result<ContactDetails, Vec<FieldProblem>> {
    let mut details = ContactDetails::default();
    let mut problems = Vec::new();
    let mut wrong = |field: Field, problem: String| {
        problems.push(FieldProblem { field: field.name().to_owned(), problem });
    };
    let mut number_fields = 0;
    for field in Field::OF_CONTACT {
        let said = fields.iter().rev().find(|(said, _)| *said == field);
        let text = said.map_or("", |(_, text)| text.trim());
        number_fields += usize::from(matches!(field, Field::Number(_)) && !text.is_empty());
        match put(&mut details, field, text, region) {
            Ok(()) => {}
            Err(Unfit::Field(problem) | Unfit::Number(problem)) => wrong(field, problem),
        }
    }
    let is_blank =
        |field: Field| !fields.iter().any(|(said, text)| *said == field && !text.trim().is_empty());
    // A name that was refused is not a name that is missing.
    if !has_name(&details) && [Field::FirstName, Field::LastName, Field::Company].into_iter().all(is_blank) {
        wrong(Field::LastName, NO_NAME.to_owned());
    }
    if number_fields == 0 {
        wrong(Field::OF_CONTACT[5], NO_NUMBER.to_owned());
    }
    if problems.is_empty() { Ok(details) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::NumberLabel;

    fn check(fields: &[(&str, &str)]) -> Result<ContactDetails, Vec<(String, String)>> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, text)| (Field::of_contact(name).unwrap(), (*text).to_owned()))
            .collect();
        check_entry(&fields, Some("DE".parse().unwrap()))
            .map_err(|problems| problems.into_iter().map(|p| (p.field, p.problem)).collect())
    }

    #[test]
    fn what_is_typed_in_is_trimmed_and_its_numbers_are_normalised() {
        let details =
            check(&[("last_name", "  Berg "), ("mobile_number", " 0171 2345678 "), ("city", " ")]).unwrap();
        assert_eq!((details.last_name.as_str(), details.city.as_str()), ("Berg", ""));
        assert_eq!(details.numbers.len(), 1);
        assert_eq!(details.numbers[0].label, NumberLabel::MobileNumber);
        assert_eq!(details.numbers[0].raw, "0171 2345678");
        assert_eq!(details.numbers[0].number.to_string(), "+491712345678");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_each_at_its_field() {
        let long = "x".repeat(64);
        let problems =
            check(&[("first_name", &long), ("email", "a\u{7}b"), ("home_number", "call me")]).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["first_name", "email", "home_number"], "{problems:?}");
        assert_eq!(problems[0].1, "at most 63 characters fit; there are 64");
    }

    #[test]
    fn a_contact_needs_a_name_and_a_number() {
        let problems = check(&[("city", "Bonn")]).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["last_name", "business_number"]);
        assert!(check(&[("company", "Berg GmbH"), ("other_number", "112")]).is_ok());
    }
}
