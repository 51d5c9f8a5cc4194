//! The region whose numbering plan applies to a number that is not written internationally.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::PHONE_NUMBER_UTIL;
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
    /// Every region with a numbering plan, in no particular order.
    pub fn all() -> impl Iterator<Item = Region> {
        PHONE_NUMBER_UTIL.get_supported_regions().map(Region)
    }

    pub(super) fn numbering_plan(self) -> rlibphonenumber::Region {
        self.0
    }
}

/// Upper and lower case are the same; anything but the two letters, even white space, is refused.
impl FromStr for Region {
    type Err = UnknownRegion;
    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        rlibphonenumber::Region::from_code(text)
            .ok()
            // The library knows all pairs of letters, and `001` for satellite networks and the like.
            .filter(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(*region).is_some())
            .map(Region)
            .ok_or_else(|| UnknownRegion(text.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_in_either_case_name_a_region() {
        for text in ["DE", "de", "dE"] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), "DE");
        }
    }

    #[test]
    fn what_has_no_numbering_plan_is_refused() {
        for text in ["", "D", "DEU", " DE", "D1", "001", "QQ", "ZZ", "EU", "ДЕ", "é"] {
            assert_eq!(text.parse::<Region>(), Err(UnknownRegion(text.to_owned())));
        }
    }

    #[test]
    fn every_region_reads_back() {
        assert!(Region::all().count() > 240);
        for region in Region::all() {
            assert_eq!(region.to_string().parse(), Ok(region));
        }
    }
}
