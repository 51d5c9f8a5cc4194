//! The settings of a time condition: business hours, holidays, or any other times with a name.

use serde::{Deserialize, Serialize};

/// The name of the condition that always holds; no other may have it.
pub const ALWAYS: &str = "always";

/// Times with a name, told by the clock on the wall of one time zone. It holds at a time that one of `hours`
/// or one of `dates` has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeCondition {
    /// Unique name, 1 to 63 characters.
    pub name: String,
    /// A name of the time zone database, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Times of the week: `mon-fri 09:00-17:30`, `sat,sun`, `fri 22:00-06:00`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<String>,
    /// Dates: `2026-12-24`, each year `12-25`, `12-24..01-06`, `12-31 00:00-14:00`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<String>,
}
