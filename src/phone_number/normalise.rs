//! A written number of a contact -> a number that can be compared.
//!
//! It becomes E.164 if it is written internationally (`+`, the region's international prefix, or `00`) and
//! its length is possible; if it is written with the national prefix and its length is possible; or if it
//! is written without any prefix and the numbering plan says that such a number is assigned. The last is
//! stricter because short codes and internal extensions look the same. Other digits stay plain digits.
//!
//! Invariant: a result is its own normal form, for every region: `normalise(&n.to_string(), region)` is
//! `n`. Contacts and callers meet only because both sides have been here, whatever the way they took.

use std::borrow::Cow;

use rlibphonenumber::{
    CountryCodeSource, NumberLengthType, PHONE_NUMBER_UTIL, ParseError, get_national_significant_number_owned,
};

use super::as_written::MAX_NATIONAL_PREFIX;
use super::{MAX_DIGITS, PhoneNumber, Region, as_written, uri, written};

/// Longest written number that is looked at, in characters (the reference system's limit for numbers).
pub const MAX_RAW_CHARACTERS: usize = 31;

/// What a written number turned into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// What is compared.
    pub number: PhoneNumber,
    /// The extension that was written behind the number (`x12`, `;ext=12`, `,,12`), digits only.
    pub extension: Option<String>,
}

/// Why a written number cannot be compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing but white space.
    #[error("the number is blank")]
    Blank,
    /// More than a contact's number can have.
    #[error("the number has {found} characters: at most {max} are read")]
    TooLong {
        /// Characters found.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Punctuation alone.
    #[error("the number has no digits")]
    NoDigits,
    /// Nobody calls from it; gateways put it in place of a withheld number.
    #[error("the number has only zeros: nobody can call from it")]
    OnlyZeros,
    /// A letter, a second plus sign, a comma in the wrong place…
    #[error(
        "{} does not belong in a phone number: write digits and the usual punctuation, \
         a plus sign only at the start, an extension behind it as x12",
        quoted(*.0)
    )]
    NotInANumber(char),
    /// `0301234/0305678`, `0301234567;0301234568`.
    #[error("this looks like several numbers: put each into a column of its own")]
    SeveralNumbers,
    /// `4.93012e+11`.
    #[error(
        "a spreadsheet wrote this in scientific notation, and digits are lost: format the column as text there"
    )]
    ScientificNotation,
    /// `*21#` and the like.
    #[error("{0:?} makes this a feature code, not a number that can call")]
    FeatureCode(char),
    /// More digits than any number has.
    #[error("the number has {found} digits: at most {max} are possible (ITU-T E.164)")]
    TooManyDigits {
        /// Digits found.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A plus sign, then digits that no country has.
    #[error("no country code begins with +{0}: write + and the country code first, such as +49")]
    UnknownCountryCode(String),
    /// A plus sign, a country code, and then too few or too many digits for that country.
    #[error(
        "numbers that begin with +{start} do not have {found} digits: is the area code missing, or a digit too much?"
    )]
    ImpossibleLength {
        /// The first three digits, which hold the country code.
        start: String,
        /// Digits found, with the country code.
        found: usize,
    },
    /// A SIP URI that names a host only.
    #[error("the SIP URI names a host but nobody there: expected sip:number@host")]
    NoUserInUri,
    /// A quote or angle bracket without its counterpart.
    #[error("{0:?} is not closed: expected \"name\" <sip:number@host>")]
    UnclosedInUri(char),
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("% must be followed by two hexadecimal digits that make UTF-8 (RFC 3986), such as %2B")]
    BadEscapeInUri,
}

/// A character in quotes; an apostrophe in those that it is none of.
fn quoted(character: char) -> String {
    match character {
        '\'' => format!("\"{character}\""),
        '\\' => format!("'{character}'"),
        // What cannot be seen is shown by its number.
        _ => format!("{character:?}"),
    }
}

/// Normalises the number that a contact has.
pub fn normalise(raw: &str, region: Option<Region>) -> Result<Normalised, NumberError> {
    // Fixed-width columns come padded with blanks; they are not part of what was written.
    let raw = raw.trim();
    if raw.len() > MAX_RAW_CHARACTERS {
        let found = raw.chars().count();
        if found > MAX_RAW_CHARACTERS {
            return Err(NumberError::TooLong { found, max: MAX_RAW_CHARACTERS });
        }
    }
    if is_dialled(raw) {
        return compared(raw, region).map(|number| Normalised { number, extension: None });
    }
    if let Some(dialled) = written::plainly_dialled(raw)
        && let Ok(dialled) = std::str::from_utf8(&dialled)
        && let Ok(number) = compared(dialled, region)
    {
        return Ok(Normalised { number, extension: None });
    }
    let address = uri::read(raw)?;
    let text = written::folded(&address.user);
    written::check_is_one(text.trim())?;
    read_number(&text, region)
}

/// Whether a text is [`dialled`] as it stands: digits, perhaps with a plus sign first, and no more of them than a number
/// has. Most numbers are written so, of callers nearly all, and need not be searched for anything else.
#[must_use]
pub fn is_dialled(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of a written number, as they would be dialled: ASCII, with a plus sign first if there is
/// one. It may be a URI; separators and the extension are left out. What the digits mean is not asked.
pub fn dialled(raw: &str) -> Result<Cow<'_, str>, NumberError> {
    if is_dialled(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    let address = uri::read(raw)?;
    let folded = written::folded(&address.user);
    let (written, _extension) = written::split_extension(folded.trim());
    written::dialled(written).map(Cow::Owned)
}

/// Reads a number that is no URI, of any length.
pub(super) fn read_number(text: &str, region: Option<Region>) -> Result<Normalised, NumberError> {
    let folded = written::folded(text);
    let text = folded.trim();
    if text.is_empty() {
        return Err(NumberError::Blank);
    }
    let (written, extension) = written::split_extension(text);
    let number = match compared(&written::dialled(written)?, region) {
        // `+34 (0)91…`: people write the zero out of habit, also where there is no national prefix.
        Err(error) if written.contains("(0)") => {
            compared(&written::dialled(&written.replacen("(0)", "", 1))?, region).or(Err(error))
        }
        number => number,
    };
    Ok(Normalised { number: number?, extension: extension.map(str::to_owned) })
}

/// What the digits, with or without a plus sign first, are compared as.
pub(super) fn compared(dialled: &str, region: Option<Region>) -> Result<PhoneNumber, NumberError> {
    let digits = dialled.trim_start_matches('+');
    if digits.bytes().all(|digit| digit == b'0') {
        return Err(NumberError::OnlyZeros);
    }
    match as_written::read(dialled, region) {
        Some(number) => Ok(number),
        None => read_by_library(dialled, region),
    }
}

/// The same of digits that are not all zero, with all that the library knows.
pub(super) fn read_by_library(dialled: &str, region: Option<Region>) -> Result<PhoneNumber, NumberError> {
    if dialled.starts_with('+') {
        return international(dialled);
    }
    let digits = dialled;
    // Keeping the raw input is the library's only way to tell what the country code was taken from.
    let read = region.and_then(|region| {
        let plan = region.numbering_plan();
        let read = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(digits, Some(plan)).ok()?;
        Some((plan, read))
    });
    let with_prefix = read.as_ref().filter(|(_, read)| {
        read.country_code_source() == CountryCodeSource::FromNumberWithIdd && is_possible(read)
    });
    if let Some(number) = with_prefix.and_then(|(_, read)| settled(read)) {
        return Ok(number);
    }
    // `00` is what ITU-T E.123 and E.164 recommend, and what gateways write wherever they stand.
    if let Some(number) = digits.strip_prefix("00").and_then(|rest| international(&format!("+{rest}")).ok()) {
        return Ok(number);
    }
    let national = read.as_ref().filter(|(plan, read)| is_national(read, digits, *plan));
    if let Some(number) = national.and_then(|(_, read)| settled(read)) {
        return Ok(number);
    }
    PhoneNumber::from_plain_digits(digits)
        .map_err(|_| NumberError::TooManyDigits { found: digits.len(), max: MAX_DIGITS })
}

/// Reads `+` and digits, the same for every region.
///
/// The library takes away a national prefix behind the country code (`+49 (0)30…`) once. What is left may
/// in rare cases begin with one again, so it is read until nothing changes.
fn international(dialled: &str) -> Result<PhoneNumber, NumberError> {
    let digits = dialled.len() - 1;
    let start = || dialled.chars().skip(1).take(3).collect();
    let impossible = || match digits {
        ..=MAX_DIGITS => NumberError::ImpossibleLength { start: start(), found: digits },
        found => NumberError::TooManyDigits { found, max: MAX_DIGITS },
    };
    let mut written = Cow::Borrowed(dialled);
    for _ in 0..MAX_DIGITS {
        let read = PHONE_NUMBER_UTIL.parse(&written, None).map_err(|error| match error {
            ParseError::InvalidCountryCode => NumberError::UnknownCountryCode(start()),
            _ => impossible(),
        })?;
        if !is_possible(&read) {
            return Err(impossible());
        }
        let result = e164(&read);
        if result == written || has_no_more_prefix(&read) {
            return PhoneNumber::from_e164_digits(&result[1..]).map_err(|_| impossible());
        }
        written = Cow::Owned(result);
    }
    Err(impossible())
}

/// The number that `read` stands for, unless reading it again makes it impossible.
fn settled(read: &rlibphonenumber::PhoneNumber) -> Option<PhoneNumber> {
    let result = e164(read);
    match has_no_more_prefix(read) {
        true => PhoneNumber::from_e164_digits(&result[1..]).ok(),
        false => international(&result).ok(),
    }
}

fn e164(read: &rlibphonenumber::PhoneNumber) -> String {
    format!("+{}{}", read.country_code, get_national_significant_number_owned(read))
}

/// Whether the country has numbers of this length, with the area code.
fn is_possible(read: &rlibphonenumber::PhoneNumber) -> bool {
    PHONE_NUMBER_UTIL.is_possible_number_with_reason(read) == Ok(NumberLengthType::IsPossible)
}

/// Whether digits without an international prefix are a number of the region, rather than an extension
/// or a short code that happens to be as long as one.
fn is_national(read: &rlibphonenumber::PhoneNumber, digits: &str, plan: rlibphonenumber::Region) -> bool {
    let prefix = digits.strip_suffix(&get_national_significant_number_owned(read)).map_or(0, str::len);
    let prefix_written = (1..=MAX_NATIONAL_PREFIX).contains(&prefix)
        && match read.country_code_source() {
            CountryCodeSource::FromDefaultCountry => true,
            // In North America the national prefix and the country code are the same 1.
            CountryCodeSource::FromNumberWithoutPlusSign => PHONE_NUMBER_UTIL.is_nanpa_country(plan),
            _ => return false,
        };
    // Some numbers of a region are assigned and still cannot be called from elsewhere (Canada's 310-XXXX).
    is_possible(read) && (prefix_written || PHONE_NUMBER_UTIL.is_valid_number(read))
}

/// Whether reading the number again, written with its country code, is sure to change nothing, because
/// no national prefix can be seen in it. Spares the common number a second parse.
fn has_no_more_prefix(read: &rlibphonenumber::PhoneNumber) -> bool {
    as_written::shows_no_prefix(read.country_code, &get_national_significant_number_owned(read))
}
