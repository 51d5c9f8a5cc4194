//! Whether a number that was read is probably the one that was meant. Nothing here decides what is compared;
//! see [`normalise()`] for that.

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::{PhoneNumber, Region, normalise};

impl Region {
    /// The country code of its numbers; regions can share one.
    #[must_use]
    pub fn country_code(self) -> Option<u16> {
        PHONE_NUMBER_UTIL
            .get_country_code_for_region(self.numbering_plan())
            .and_then(|code| code.try_into().ok())
    }
}

impl PhoneNumber {
    /// Whether its numbering plan has such a number in use. Of plain digits nobody knows.
    #[must_use]
    pub fn is_in_use(self) -> bool {
        self.is_e164()
            && PHONE_NUMBER_UTIL
                .parse(self.to_string(), None)
                .is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
    }

    /// Whether `raw`, which became this number in `region`, is written without a country code, so that it is
    /// this number only because of the region.
    #[must_use]
    pub fn is_of_region(self, raw: &str, region: Region) -> bool {
        self.is_e164()
            && self.country_code() == region.country_code()
            && !normalise(raw, None).is_ok_and(|read| read.number == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_the_region_when_it_is_written_without_a_country_code() {
        for (raw, region, expected) in [
            ("030 1234567", "DE", true),
            ("+49 30 1234567", "DE", false),
            ("0049 30 1234567", "DE", false),
            ("(202) 555-0123", "US", true),
            ("1 202 555 0123", "US", true),
            ("011 49 30 1234567", "US", false),
            ("110", "DE", false),
        ] {
            let region: Region = region.parse().unwrap();
            let number = normalise(raw, Some(region)).unwrap().number;
            assert_eq!(number.is_of_region(raw, region), expected, "{raw} in {region} is {number}");
        }
    }

    #[test]
    fn numbers_in_use_are_those_of_the_plan() {
        for (number, expected) in [
            ("+493012345678", true),
            ("+442079460018", true),
            // No area code of Germany begins with 11.
            ("+491134960018", false),
            ("+491", false),
            ("+12", false),
            ("30123456", false),
        ] {
            let parsed: PhoneNumber = number.parse().unwrap();
            assert_eq!(parsed.is_in_use(), expected, "{number}");
        }
    }

    #[test]
    fn country_codes_of_regions() {
        for (region, code) in [("DE", 49), ("US", 1), ("CA", 1), ("GB", 44), ("AT", 43)] {
            assert_eq!(region.parse::<Region>().unwrap().country_code(), Some(code));
        }
    }
}
