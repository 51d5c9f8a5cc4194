//! Quality of the data: what of a contact should be put right in the source, though it is usable.
//!
//! Four rules look at one contact. A number "written without a country code" is one that is itself only because
//! of the default region of its source.
//!
//! * *Repeated number*: the contact has it twice, under different labels.
//! * *No region*, *not in region*: written without a country code and kept as plain digits, because there is no
//!   default region, or because the region has no such number (an area code is missing, or it is another
//!   country's). Only from [`FEWEST_DIGITS`] on: shorter ones are short codes and extensions.
//! * *Other country*: written without a country code and read as a number of the region, though either the
//!   contact's country (its two-letter code) has another country code, or no such number is in use in the
//!   region. The reason names the regions in which it would be a number in use: the contact's own country, and
//!   those that the settings name (general, of sources, of trunks). Regions that nobody named are not tried:
//!   almost any digits are a number somewhere.
//! * *Not received*: the source does not send it any more.
//!
//! The other kinds need more than a contact: a source without a key, numbers that contacts share.

use crate::contact::ContactDetails;
use crate::phone_number::{PhoneNumber, Region, normalise};
use crate::settings::Settings;

/// Fewer digits are not taken for a telephone number that lacks something.
pub const FEWEST_DIGITS: usize = 7;

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QualityKind {
    /// The source has no key column.
    NoKey,
    /// Several contacts have the number.
    SharedNumber,
    /// Several contacts have the number, two or more of them under the same name.
    DuplicateContact,
    /// A contact has the number twice.
    RepeatedNumber,
    /// Plain digits, there being no region.
    NoRegion,
    /// Plain digits, the region having no such number.
    NotInRegion,
    /// A number of the region that looks like one of another country.
    OtherCountry,
    /// Kept though not received any more.
    NotReceived,
}

impl QualityKind {
    /// All, in their order.
    pub const ALL: [QualityKind; 8] = [
        QualityKind::NoKey,
        QualityKind::SharedNumber,
        QualityKind::DuplicateContact,
        QualityKind::RepeatedNumber,
        QualityKind::NoRegion,
        QualityKind::NotInRegion,
        QualityKind::OtherCountry,
        QualityKind::NotReceived,
    ];
}

/// Something found at one contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactFinding {
    /// What.
    pub kind: QualityKind,
    /// The number that it is about.
    pub number: Option<PhoneNumber>,
    /// As the source writes it.
    pub written: String,
    /// What is the matter and what to do.
    pub reason: String,
}

/// The rules for the contacts of one source.
#[derive(Debug, Clone)]
pub struct QualityRules {
    region: Option<Region>,
    /// Those that the settings name, without `region`.
    other_regions: Vec<Region>,
}

impl QualityRules {
    /// `region` is that of the source's numbers.
    #[must_use]
    pub fn new(region: Option<Region>, settings: &Settings) -> Self {
        let named = settings.numbers.default_region.into_iter();
        let named = named.chain(settings.sources.iter().filter_map(|source| source.default_region));
        let named = named.chain(settings.trunks.iter().filter_map(|trunk| trunk.default_region));
        let mut other_regions = Vec::new();
        for other in named {
            if Some(other) != region && !other_regions.contains(&other) {
                other_regions.push(other);
            }
        }
        QualityRules { region, other_regions }
    }

    /// What there is to say of a contact. `missing_since` is when the source stopped sending it.
    #[must_use]
    pub fn findings(&self, details: &ContactDetails, missing_since: Option<&str>) -> Vec<ContactFinding> {
        let mut findings = Vec::new();
        for (place, found) in details.numbers.iter().enumerate() {
            let mut add = |kind, reason| {
                let number = Some(found.number);
                findings.push(ContactFinding { kind, number, written: found.raw.clone(), reason });
            };
            let earlier = &details.numbers[..place];
            if let Some(first) = earlier.iter().find(|other| other.number == found.number) {
                let (first, second) = (first.label.name(), found.label.name());
                add(QualityKind::RepeatedNumber, format!("it is {first} and {second}: one is enough"));
                continue;
            }
            if let Some((kind, reason)) = self.judge(found.number, &found.raw, &details.country) {
                add(kind, reason);
            }
        }
        if let Some(since) = missing_since {
            findings.push(ContactFinding {
                kind: QualityKind::NotReceived,
                number: None,
                written: String::new(),
                reason: format!("not received since {since}; kept, because remove_missing is off"),
            });
        }
        findings
    }

    fn judge(&self, number: PhoneNumber, raw: &str, country: &str) -> Option<(QualityKind, String)> {
        let country: Option<Region> = country.trim().parse().ok();
        if !number.is_e164() {
            if number.digits().len() < FEWEST_DIGITS {
                return None;
            }
            let hint = self.would_be(raw, country);
            return Some(match self.region {
                None => (
                    QualityKind::NoRegion,
                    format!(
                        "it is written without a country code and there is no default region, so it matches the \
                         same digits only{hint}: set default_region of the source, or write +, country code and \
                         number"
                    ),
                ),
                Some(region) => (
                    QualityKind::NotInRegion,
                    format!(
                        "{region} has no such number, so it matches the same digits only{hint}: is the area code or \
                         the country code missing?"
                    ),
                ),
            });
        }
        let region = self.region.filter(|region| number.is_of_region(raw, *region))?;
        let elsewhere = country.filter(|country| country.country_code() != region.country_code());
        let why = match elsewhere {
            Some(country) => format!("the contact's country is {country}"),
            None if !number.is_in_use() => format!("no such number is in use in {region}"),
            None => return None,
        };
        let hint = self.would_be(raw, country);
        Some((
            QualityKind::OtherCountry,
            format!(
                "it is written without a country code, so it was read as {number} in {region}, but {why}{hint}: \
                 write +, country code and number"
            ),
        ))
    }

    /// Where else it would be a number in use.
    fn would_be(&self, raw: &str, country: Option<Region>) -> String {
        let mut regions: Vec<Region> =
            country.filter(|country| Some(*country) != self.region).into_iter().collect();
        for region in &self.other_regions {
            if !regions.contains(region) {
                regions.push(*region);
            }
        }
        let read = regions.into_iter().filter_map(|region| {
            let number = normalise(raw, Some(region)).ok()?.number;
            number.is_in_use().then(|| format!("{number} in {region}"))
        });
        let read: Vec<String> = read.collect();
        if read.is_empty() { String::new() } else { format!("; it would be {}", read.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{ContactNumber, NumberLabel};

    fn rules(region: Option<&str>, trunk: Option<&str>) -> QualityRules {
        let trunk = trunk.map(|region| format!("trunk = [{{ name = 't', default_region = '{region}' }}]"));
        let settings: Settings = toml::from_str(&trunk.unwrap_or_default()).unwrap();
        QualityRules::new(region.map(|region| region.parse().unwrap()), &settings)
    }

    /// A contact with these numbers, read as the source's rules say.
    fn contact(region: Option<&str>, country: &str, numbers: &[&str]) -> ContactDetails {
        let region: Option<Region> = region.map(|region| region.parse().unwrap());
        let number = |(raw, label): (&&str, NumberLabel)| ContactNumber {
            label,
            raw: (*raw).to_owned(),
            number: normalise(raw, region).unwrap().number,
        };
        ContactDetails {
            country: country.into(),
            numbers: numbers.iter().zip(NumberLabel::ALL).map(number).collect(),
            ..ContactDetails::default()
        }
    }

    fn kinds(region: Option<&str>, trunk: Option<&str>, country: &str, raw: &str) -> Vec<QualityKind> {
        let found = rules(region, trunk).findings(&contact(region, country, &[raw]), None);
        found.into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn numbers_that_say_their_country_are_never_found_fault_with() {
        for raw in ["+49 30 1234567", "0044 20 7946 0018", "+4420 7946 0018"] {
            for region in [None, Some("DE"), Some("US")] {
                assert_eq!(kinds(region, None, "FR", raw), [], "{raw} in {region:?}");
            }
        }
        assert_eq!(kinds(Some("DE"), None, "DE", "030 1234567"), []);
        assert_eq!(kinds(Some("DE"), None, "Germany", "030 1234567"), [], "names of countries are not read");
    }

    #[test]
    fn national_numbers_without_a_region_are_plain_digits_from_seven_on() {
        assert_eq!(kinds(None, None, "", "030 1234567"), [QualityKind::NoRegion]);
        assert_eq!(kinds(None, None, "", "123456"), []);
        assert_eq!(kinds(None, None, "", "1234567"), [QualityKind::NoRegion]);
        // A subscriber number without its area code.
        assert_eq!(kinds(Some("US"), None, "", "555-0123"), [QualityKind::NotInRegion]);
        let found = &rules(None, Some("DE")).findings(&contact(None, "", &["030 1234567"]), None)[0];
        assert!(found.reason.contains("+49301234567 in DE"), "{}", found.reason);
    }

    #[test]
    fn a_national_number_of_a_contact_from_another_country_is_probably_of_that_one() {
        assert_eq!(kinds(Some("DE"), None, "GB", "020 7946 0018"), [QualityKind::OtherCountry]);
        let found =
            &rules(Some("DE"), None).findings(&contact(Some("DE"), "gb", &["020 7946 0018"]), None)[0];
        assert!(found.reason.contains("+442079460018 in GB"), "{}", found.reason);
        // They share the country code: what is read is the same.
        assert_eq!(kinds(Some("US"), None, "CA", "(202) 555-0123"), []);
    }

    #[test]
    fn a_number_that_is_not_in_use_in_the_region_is_looked_for_in_the_regions_of_the_settings() {
        // +49 11 is no area code that is in use.
        let found =
            rules(Some("DE"), Some("GB")).findings(&contact(Some("DE"), "", &["0113 496 0018"]), None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind, QualityKind::OtherCountry);
        assert!(found[0].reason.contains("+441134960018 in GB"), "{}", found[0].reason);
    }

    #[test]
    fn a_number_twice_in_a_contact_is_found_once() {
        let details = contact(Some("DE"), "", &["030 1234567", "+49301234567", "0171 2345678"]);
        let found = rules(Some("DE"), None).findings(&details, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, QualityKind::RepeatedNumber);
        assert!(found[0].reason.contains("business_number and business_number_2"), "{}", found[0].reason);
    }

    #[test]
    fn contacts_not_received_say_since_when() {
        let details = contact(None, "", &["+49301234567"]);
        let found = rules(None, None).findings(&details, Some("2026-01-01T00:00:00Z"));
        assert_eq!((found.len(), found[0].kind), (1, QualityKind::NotReceived));
        assert!(found[0].reason.contains("2026-01-01"));
    }
}
