//! Extensions and what they may see: the people of the company that look contacts up and call them.

use serde::{Deserialize, Serialize};

use crate::phonebook::PhonebookName;

/// An extension with a name and groups. It is also a destination, as if it were listed as one; ranges of
/// extensions that need neither name nor groups are listed as destinations alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Its number, unique.
    pub number: String,
    /// Whose it is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it may use the directory. Off, it still exists and can be called.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    /// The extension groups that it is in. A group is there when an extension names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Lets extensions see phonebooks. What no grant shows is hidden.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisibilityGrant {
    /// Unique name.
    pub name: String,
    /// The phonebooks, by name. One that is not there (yet) shows nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phonebooks: Vec<PhonebookName>,
    /// Every phonebook, also those to come, in place of `phonebooks`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_phonebooks: bool,
    /// The extensions that see them, by number, or as ranges: `1000-1099`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Extension groups that see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_groups: Vec<String>,
    /// Every extension sees them, in place of `extensions` and `extension_groups`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_extensions: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(setting: &bool) -> bool {
    *setting
}
