//! The region whose numbering plan applies to a number that is not written internationally.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A region with a numbering plan of its own: an ISO 3166-1 alpha-2 code such as `DE`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(rlibphonenumber::Region);

/// A text that is not the code of a region with a numbering plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a region: write a two-letter country code (ISO 3166-1) such as DE, GB or US")]
pub struct UnknownRegion(pub String);

impl Region {
    pub(super) fn numbering_plan(self) -> rlibphonenumber::Region {
        self.0
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;
    fn from_str(_text: &str) -> Result<Self, UnknownRegion> {
        todo!()
    }
}

impl TryFrom<String> for Region {
    type Error = UnknownRegion;
    fn try_from(text: String) -> Result<Self, UnknownRegion> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.to_string()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
