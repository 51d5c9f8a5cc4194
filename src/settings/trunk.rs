//! The settings of a trunk: how to read the numbers of calls that come in on it.

use serde::{Deserialize, Serialize};

use crate::phone_number::Region;

/// Where a call comes in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// The name that call handlers send, compared exactly.
    pub name: String,
    /// The region of the callers' numbers that are not written internationally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Region>,
    /// How callers' numbers are rewritten before anything else; the first rule that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caller_rules: Vec<NumberRule>,
    /// How dialled numbers are rewritten before anything else; the first rule that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did_rules: Vec<NumberRule>,
    /// What this trunk sends in place of a withheld number, besides what all do (`anonymous` and its like).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// What to take away from the front of a number, and what to put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRule {
    /// Which numbers, as they come in. With a `+`, those that come with one; without, those without.
    pub pattern: String,
    /// How many characters to take away from the front, a `+` counts as one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub strip: u8,
    /// What to put in front: digits, or `+` and digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub add: String,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}
