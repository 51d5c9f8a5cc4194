//! How many contacts and phonebooks there may be altogether.
//!
//! The reference system allows so many by the number of its extensions, and so do we; each can also be said
//! outright. Without a number of extensions the larger limits hold: nobody who has said nothing is refused what
//! any installation of the reference system may have. What is over the limits is refused before anything is
//! written, saying by how many.

use serde::{Deserialize, Serialize};

use super::DocumentError;

/// From so many extensions on, the larger limits hold.
const MANY_EXTENSIONS: u32 = 1000;

/// Contacts and phonebooks with fewer extensions than [`MANY_EXTENSIONS`].
const SMALL: (u64, u32) = (200_000, 200);

/// And with so many, or when nobody has said.
const LARGE: (u64, u32) = (500_000, 500);

/// Contacts are counted in 32 bits by an index.
const MOST_CONTACTS: u64 = u32::MAX as u64;

/// Phonebooks are counted in 16 bits by an index, and one value stays free.
const MOST_PHONEBOOKS: u32 = u16::MAX as u32 - 1;

/// How many contacts and phonebooks there may be, of all sources and local ones together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// How many extensions the telephone system has: fewer than 1000 allow 200 000 contacts and 200
    /// phonebooks, 1000 or more allow 500 000 and 500, and so does not to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<u32>,
    /// Most contacts, whatever the extensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<u64>,
    /// Most phonebooks, whatever the extensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phonebooks: Option<u32>,
}

impl LimitSettings {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == LimitSettings::default()
    }

    fn by_extensions(&self) -> (u64, u32) {
        if self.extensions.is_some_and(|count| count < MANY_EXTENSIONS) { SMALL } else { LARGE }
    }

    /// Most contacts.
    #[must_use]
    pub fn max_contacts(&self) -> u64 {
        self.contacts.unwrap_or(self.by_extensions().0)
    }

    /// Most phonebooks.
    #[must_use]
    pub fn max_phonebooks(&self) -> u32 {
        self.phonebooks.unwrap_or(self.by_extensions().1)
    }

    /// What is wrong with so many contacts and phonebooks; `None` when they are within the limits.
    #[must_use]
    pub fn objection(&self, contacts: u64, phonebooks: u64) -> Option<String> {
        let by = match self.extensions {
            Some(count) => format!("with {count} extensions"),
            None => "by default".to_owned(),
        };
        let over = |what: &str, found: u64, most: u64, said: bool| {
            (found > most).then(|| {
                let by = if said { format!("by limits.{what}") } else { by.clone() };
                let one = if found - most == 1 { what.trim_end_matches('s') } else { what };
                format!(
                    "there would be {found} {what}, {} {one} more than the {most} that are allowed {by}; limits.{what} \
                     can allow more",
                    found - most
                )
            })
        };
        over("contacts", contacts, self.max_contacts(), self.contacts.is_some()).or_else(|| {
            over("phonebooks", phonebooks, self.max_phonebooks().into(), self.phonebooks.is_some())
        })
    }

    pub(super) fn validate(&self) -> Result<(), DocumentError> {
        let check = |key: &str, value: Option<u64>, most: u64| match value {
            Some(found) if found == 0 || found > most => Err(DocumentError::Invalid {
                field: format!("limits.{key}"),
                problem: format!("{found} is not possible: 1 to {most}, or leave it out"),
            }),
            _ => Ok(()),
        };
        check("contacts", self.contacts, MOST_CONTACTS)?;
        check("phonebooks", self.phonebooks.map(u64::from), MOST_PHONEBOOKS.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> LimitSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_limits_are_those_of_the_reference_by_extensions_and_can_be_said_outright() {
        for (text, contacts, phonebooks) in [
            ("", 500_000, 500),
            ("extensions = 0", 200_000, 200),
            ("extensions = 999", 200_000, 200),
            ("extensions = 1000", 500_000, 500),
            ("extensions = 20\ncontacts = 5000000", 5_000_000, 200),
            ("phonebooks = 3", 500_000, 3),
        ] {
            let limits = limits(text);
            assert_eq!((limits.max_contacts(), limits.max_phonebooks()), (contacts, phonebooks), "{text}");
        }
    }

    #[test]
    fn what_is_over_is_told_by_how_many() {
        let small = limits("extensions = 50");
        assert_eq!(small.objection(200_000, 200), None);
        assert_eq!(
            small.objection(200_017, 0).unwrap(),
            "there would be 200017 contacts, 17 contacts more than the 200000 that are allowed with 50 extensions; \
             limits.contacts can allow more"
        );
        assert!(
            limits("").objection(0, 501).unwrap().contains("501 phonebooks, 1 phonebook more than the 500")
        );
        assert!(limits("contacts = 5").objection(7, 0).unwrap().contains("allowed by limits.contacts"));
    }

    #[test]
    fn what_no_index_could_hold_is_refused() {
        for (text, field) in [
            ("contacts = 0", "limits.contacts"),
            ("contacts = 4294967296", "limits.contacts"),
            ("phonebooks = 0", "limits.phonebooks"),
            ("phonebooks = 65535", "limits.phonebooks"),
        ] {
            let error = limits(text).validate().unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
        assert_eq!(limits("contacts = 4294967295\nphonebooks = 65534").validate(), Ok(()));
    }
}
