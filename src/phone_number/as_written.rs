//! Numbers of common shapes, read without parsing: what the library would make of them can be seen at once.
//!
//! Nine of ten written numbers are a country code, or the region's national prefix, before digits of a possible length
//! that show no further prefix. What the library does to such a number is to leave its digits as they are, and it takes
//! a dozen steps to find that out. Here the same plans are asked only what decides. `None` says nothing: the number is
//! for the library then. Tests hold both against each other.

use std::sync::LazyLock;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use rlibphonenumber::interfaces::AsOriginal;
use rustc_hash::FxHashMap;

use super::{PhoneNumber, Region};

/// Longest national prefix, in digits (`06` in Hungary, `80` in Belarus). What is longer is a carrier's.
pub(super) const MAX_NATIONAL_PREFIX: usize = 2;

/// Shortest number without its country code that the library takes.
const MIN_NATIONAL: usize = 2;

/// The number that is dialled, when no more than a look at it is needed.
pub(super) fn read(dialled: &str, region: Option<Region>) -> Option<PhoneNumber> {
    match (dialled.strip_prefix('+'), region) {
        (Some(digits), _) => international(digits),
        (None, Some(region)) => dialled_in(region, dialled),
        (None, None) => international(dialled.strip_prefix("00")?),
    }
}

/// The number of these digits, country code first.
fn international(digits: &str) -> Option<PhoneNumber> {
    // No country code begins with a zero, though it could be read so.
    if digits.starts_with('0') {
        return None;
    }
    let (plan, national) = (1..=3).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        Some((Plan::of_code(code.parse().ok()?)?, national))
    })?;
    if plan.has_as_it_is(national) {
        return PhoneNumber::from_e164_digits(digits).ok();
    }
    // `+49 (0)30…`
    plan.number(plan.behind_prefix(national)?)
}

/// The number that these digits are when they are dialled in the region.
fn dialled_in(region: Region, digits: &str) -> Option<PhoneNumber> {
    let Country { plan, abroad } = PLANS.of_regions.get(&region.numbering_plan())?;
    if let Some(length) = abroad.length_in(digits)? {
        return international(&digits[length..]);
    }
    if let Some(abroad) = digits.strip_prefix("00") {
        return international(abroad);
    }
    let national = plan.behind_prefix(digits)?;
    // It may be the country code that is there.
    if digits.starts_with(&plan.code) {
        return None;
    }
    // Numbers of several regions may have the same code; they are read again by the plan of the first of them.
    Plan::of_code(plan.code.parse().ok()?)?.number(national)
}

/// What only the library can tell of digits; `None` when it cannot.
type Ask<T> = Box<dyn Fn(&str) -> Option<T> + Send + Sync>;

/// What a numbering plan takes away from the start of what is dialled.
enum Prefix {
    /// Digits that stand for themselves, as most do.
    Digits(&'static str),
    /// What a pattern finds, told as in [`Prefix::length_in`].
    Found(Ask<Option<usize>>),
}

impl Prefix {
    /// `find` searches at the start of digits for the library's pattern, whose type has no name to be handed over by.
    fn of(
        pattern: &'static str,
        find: impl Fn(&str) -> Option<Option<usize>> + Send + Sync + 'static,
    ) -> Self {
        match !pattern.is_empty() && pattern.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Prefix::Digits(pattern),
            false => Prefix::Found(Box::new(find)),
        }
    }

    /// How much of `digits` it takes, if it is there. `None`: nobody can tell.
    fn length_in(&self, digits: &str) -> Option<Option<usize>> {
        match self {
            Prefix::Digits(prefix) => Some(digits.starts_with(prefix).then_some(prefix.len())),
            Prefix::Found(find) => find(digits),
        }
    }
}

/// What decides of a numbering plan.
struct Plan {
    /// The country code.
    code: String,
    /// How many digits a number may have behind the country code: one bit for each, lowest first.
    lengths: u32,
    /// Of a number in its country.
    prefix: Prefix,
    /// Whether taking the prefix away is all that is done.
    is_only_taken: bool,
    /// Whether some number of the plan is written so.
    is_number: Ask<bool>,
}

/// A region's own plan, and what is dialled there to call abroad.
struct Country {
    plan: Plan,
    abroad: Prefix,
}

/// The library's plans, where they are found without a search.
struct Plans {
    /// By country code: of numbers that are written with it.
    of_codes: Vec<Option<Plan>>,
    of_regions: FxHashMap<rlibphonenumber::Region, Country>,
}

static PLANS: LazyLock<Plans> = LazyLock::new(|| {
    let library = PHONE_NUMBER_UTIL.as_original();
    let of_code = |code| Plan::new(code, library.get_region_for_country_code(code)?);
    let country = |region: rlibphonenumber::Region| {
        let metadata = library.get_metadata_for_region(region)?;
        let plan = Plan::new(metadata.original.country_code(), region)?;
        let pattern = metadata.international_prefix();
        let abroad = Prefix::of(pattern.original_base(), move |digits| {
            Some(pattern.anchor_start().ok()?.and_then(|found| found.find(digits)).map(|found| found.end()))
        });
        Some((region, Country { plan, abroad }))
    };
    Plans {
        of_codes: (0..1000).map(of_code).collect(),
        of_regions: PHONE_NUMBER_UTIL.get_supported_regions().filter_map(country).collect(),
    }
});

impl Plan {
    fn new(code: i32, region: rlibphonenumber::Region) -> Option<Plan> {
        let metadata =
            PHONE_NUMBER_UTIL.as_original().get_metadata_for_region_or_calling_code(code, region)?;
        let numbers = &metadata.general_desc;
        let bits = |lengths: &[i32]| {
            let lengths = lengths.iter().filter_map(|length| u32::try_from(*length).ok());
            lengths.filter_map(|length| 1_u32.checked_shl(length)).fold(0, |bits, bit| bits | bit)
        };
        let lengths = bits(&numbers.original.possible_length)
            & !bits(&numbers.original.possible_length_local_only)
            & (u32::MAX << MIN_NATIONAL);
        let pattern = metadata.national_prefix_for_parsing();
        Some(Plan {
            code: code.to_string(),
            lengths,
            prefix: Prefix::of(pattern.original_base(), move |digits| {
                Some(
                    pattern
                        .anchor_start()
                        .ok()?
                        .and_then(|found| found.find(digits))
                        .map(|found| found.end()),
                )
            }),
            is_only_taken: metadata.original.national_prefix_transform_rule().is_empty(),
            is_number: Box::new(move |national| {
                Some(numbers.national_number_pattern().anchor_full().ok()??.is_match(national))
            }),
        })
    }

    /// The plan of numbers that are written with their country code.
    fn of_code(code: usize) -> Option<&'static Plan> {
        PLANS.of_codes.get(code)?.as_ref()
    }

    /// The number of these digits behind the country code, if it has them as they are.
    fn number(&self, national: &str) -> Option<PhoneNumber> {
        self.has_as_it_is(national)
            .then(|| PhoneNumber::from_e164_digits(&[&self.code, national].concat()).ok())?
    }

    /// Whether these digits are of a possible length, and show no national prefix.
    fn has_as_it_is(&self, national: &str) -> bool {
        self.is_possible(national) && self.shows_no_prefix(national)
    }

    /// What is left of digits that begin with the national prefix, if that is taken away and nothing else is done.
    fn behind_prefix<'a>(&self, digits: &'a str) -> Option<&'a str> {
        let length = self.prefix.length_in(digits)??;
        let national = &digits[length..];
        let is_taken = (1..=MAX_NATIONAL_PREFIX).contains(&length)
            && self.is_only_taken
            && self.is_possible(national)
            // A prefix stays where a number begins with the same digits and is none without them.
            && (self.is_number)(national)?;
        is_taken.then_some(national)
    }

    /// Whether no national prefix can be seen in a number.
    fn shows_no_prefix(&self, national: &str) -> bool {
        self.prefix.length_in(national).is_some_and(|length| length.is_none_or(|length| length == 0))
    }

    /// Whether numbers are of this length.
    fn is_possible(&self, national: &str) -> bool {
        national.len() < u32::BITS as usize && self.lengths & (1 << national.len()) != 0
    }
}

/// Whether no national prefix can be seen in a number, which is without its country code.
pub(super) fn shows_no_prefix(code: i32, national: &str) -> bool {
    let code = usize::try_from(code).ok();
    code.and_then(Plan::of_code).is_some_and(|plan| plan.shows_no_prefix(national))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::normalise::read_by_library;
    use super::*;

    /// What somebody in `region` may dial: prefixes and codes that mean something there or elsewhere, then digits.
    fn dialled(region: Region) -> impl Strategy<Value = String> {
        let plan = PHONE_NUMBER_UTIL.as_original().get_metadata_for_region(region.numbering_plan()).unwrap();
        let (code, prefix) =
            (plan.original.country_code().to_string(), plan.original.national_prefix().to_owned());
        let any_code = select(
            Region::all().map(|region| region.country_code().unwrap().to_string()).collect::<Vec<_>>(),
        );
        let before =
            prop_oneof![Just("+"), Just("00"), Just("011"), Just("0"), Just("1"), Just("8"), Just("")];
        let prefixed = prefix.clone();
        prop_oneof![
            2 => (before.clone(), "[0-9]{0,12}").prop_map({
                let code = code.clone();
                move |(before, digits)| format!("{before}{code}{prefixed}{digits}")
            }),
            4 => "[0-9]{1,12}".prop_map(move |digits| format!("{prefix}{digits}")),
            3 => (before.clone(), any_code, "[0-9]{0,12}").prop_map(|(before, code, digits)| format!("{before}{code}{digits}")),
            2 => (before.clone(), "[0-9]{0,12}").prop_map(move |(before, digits)| format!("{before}{code}{digits}")),
            1 => (before, "[0-9]{1,17}").prop_map(|(before, digits)| format!("{before}{digits}")),
        ]
    }

    /// A region or none, and what may be dialled there.
    fn call() -> impl Strategy<Value = (Option<Region>, String)> {
        let all: Vec<Region> = Region::all().collect();
        (select(all), prop::bool::weighted(0.9)).prop_flat_map(|(region, is_known)| {
            dialled(region).prop_map(move |dialled| (is_known.then_some(region), dialled))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 50_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_at_once_is_what_the_library_reads((region, dialled) in call()) {
            if let Some(number) = read(&dialled, region) {
                prop_assert_eq!(read_by_library(&dialled, region), Ok(number));
            }
        }
    }

    #[test]
    fn numbers_of_common_shapes_are_read_at_once() {
        for (region, dialled) in [
            (None, "+493012345678"),
            (None, "004915112345678"),
            (Some("DE"), "03012345678"),
            (Some("DE"), "015112345678"),
            (Some("DE"), "00442079460018"),
            (None, "+4903012345678"),
            (Some("DE"), "004402079460018"),
            (Some("GB"), "02079460018"),
            (Some("US"), "011493012345678"),
        ] {
            let region = region.map(|region| region.parse().unwrap());
            assert_eq!(read(dialled, region), Some(read_by_library(dialled, region).unwrap()), "{dialled}");
        }
    }

    #[test]
    fn what_takes_thought_is_left_to_the_library() {
        // Two prefixes, an area code that is missing, the country code without a plus sign, an extension.
        for dialled in ["+49003012345678", "+49301", "493012345678", "234", "0234", "0030", "+043050000"] {
            assert_eq!(read(dialled, Some("DE".parse().unwrap())), None, "{dialled}");
        }
    }
}
