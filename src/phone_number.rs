//! Phone numbers: raw text on one side, numbers that can be compared on the other.
//!
//! A [`PhoneNumber`] is what is left of a written number once everything that does not tell two lines
//! apart is gone. There are two kinds, and they never equal each other:
//!
//! * **E.164** (ITU-T E.164, 15 digits at most), shown with a plus sign: `+49301234`;
//! * **plain digits**, for what cannot be made E.164: short codes, internal extensions, subscriber
//!   numbers without an area code. They match the same digits only.
//!
//! Text becomes a number in one of two places: [`normalise()`] for a number that a contact has, and
//! [`Caller::parse`] for the number of a call, which may also be a SIP URI, withheld or nonsense.

mod as_written;
mod caller;
mod normalise;
mod plausibility;
mod region;
mod uri;
mod written;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use caller::{Caller, InvalidCaller, MAX_CALLER_BYTES, WITHHELD, withheld_word};
pub use normalise::{MAX_RAW_CHARACTERS, Normalised, NumberError, dialled, is_dialled, normalise};
pub use region::{Region, UnknownRegion};

/// Most digits a number can have (ITU-T E.164, section 6.2).
pub const MAX_DIGITS: usize = 15;

/// A phone number that can be compared, in eight bytes.
///
/// The kind is the highest four bits, then come up to fifteen digits from the left, four bits each, as
/// digit + 1; zero ends the number. So the order of the integers is the order of the numbers as texts,
/// E.164 before plain, which is what a sorted index needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(u64);

/// All country codes of two digits (ITU, List of ITU-T Recommendation E.164 assigned country codes).
const TWO_DIGIT_COUNTRY_CODES: &[u16] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

const KIND_SHIFT: u32 = 60;
const KIND_E164: u64 = 1;
const KIND_PLAIN: u64 = 2;

/// Why digits are not a [`PhoneNumber`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigitsError {
    /// Nothing there.
    #[error("a phone number needs at least one digit")]
    Empty,
    /// More than E.164 allows.
    #[error("a phone number has at most {MAX_DIGITS} digits (ITU-T E.164)")]
    TooLong,
    /// Something that is not `0` to `9`.
    #[error("{0:?} is not a digit")]
    NotADigit(char),
    /// Country codes begin with 1 to 9 (ITU-T E.164, section 6.2.1).
    #[error("an international number does not begin with 0")]
    LeadingZero,
}

impl PhoneNumber {
    /// An E.164 number from its digits, without the plus sign: country code first.
    #[inline]
    pub fn from_e164_digits(digits: &str) -> Result<Self, DigitsError> {
        if digits.starts_with('0') {
            return Err(DigitsError::LeadingZero);
        }
        Self::pack(KIND_E164, digits)
    }

    /// Plain digits, which only match the same digits.
    pub fn from_plain_digits(digits: &str) -> Result<Self, DigitsError> {
        Self::pack(KIND_PLAIN, digits)
    }

    #[inline]
    fn pack(kind: u64, digits: &str) -> Result<Self, DigitsError> {
        let bytes = digits.as_bytes();
        // Nearly all numbers have eight digits at least: the first eight and the last eight are all of them.
        if bytes.len() <= MAX_DIGITS
            && let Some(first) = bytes.first_chunk().and_then(pack_eight)
            && let Some(last) = bytes.last_chunk().and_then(pack_eight)
        {
            let packed = (first << (KIND_SHIFT - 32)) | (last << (4 * (MAX_DIGITS - bytes.len())));
            return Ok(PhoneNumber((kind << KIND_SHIFT) | packed));
        }
        Self::pack_one_by_one(kind, digits)
    }

    fn pack_one_by_one(kind: u64, digits: &str) -> Result<Self, DigitsError> {
        if digits.is_empty() {
            return Err(DigitsError::Empty);
        }
        let packed = digits.bytes().try_fold(0_u64, |packed, byte| {
            byte.is_ascii_digit().then(|| (packed << 4) | u64::from(byte - b'0' + 1))
        });
        match (packed, digits.len()) {
            (Some(packed), length @ ..=MAX_DIGITS) => {
                Ok(PhoneNumber((kind << KIND_SHIFT) | (packed << (KIND_SHIFT - 4 * length as u32))))
            }
            (Some(_), _) => Err(DigitsError::TooLong),
            (None, _) => {
                let other = digits.chars().find(|character| !character.is_ascii_digit());
                Err(other.map_or(DigitsError::Empty, DigitsError::NotADigit))
            }
        }
    }

    /// Whether this is an E.164 number, rather than plain digits.
    #[must_use]
    pub fn is_e164(self) -> bool {
        self.0 >> KIND_SHIFT == KIND_E164
    }

    /// The digits alone, without a plus sign.
    #[must_use]
    pub fn digits(self) -> Digits {
        let mut bytes = [0; MAX_DIGITS];
        let mut length = 0;
        while length < MAX_DIGITS {
            let nibble = (self.0 >> (KIND_SHIFT - 4 - 4 * length as u32)) & 0xf;
            if nibble == 0 {
                break;
            }
            bytes[length] = b'0' + nibble as u8 - 1;
            length += 1;
        }
        Digits { bytes, length: length as u8 }
    }

    /// The country code of an E.164 number; none for plain digits.
    ///
    /// Zones 1 and 7 have one code, of one digit; other codes have two or three digits, and none of two
    /// begins one of three (ITU-T E.164, annex A, and its list of assigned country codes).
    #[must_use]
    pub fn country_code(self) -> Option<u16> {
        if !self.is_e164() {
            return None;
        }
        let digits = self.digits();
        let first = |length| digits.get(..length)?.parse().ok();
        match first(1)? {
            zone @ (1 | 7) => Some(zone),
            _ => first(2).filter(|code| TWO_DIGIT_COUNTRY_CODES.contains(code)).or_else(|| first(3)),
        }
    }

    /// The number for logs: the first three and the last two digits, a star for each between.
    ///
    /// A number of fewer than eight digits would give too much away and shows its last digit only.
    #[must_use]
    pub fn masked(self) -> String {
        let digits = self.digits();
        let (first, last) = if digits.len() < 8 { (0, 1) } else { (3, 2) };
        let hidden = digits.len() - first - last;
        let plus = if self.is_e164() { "+" } else { "" };
        format!("{plus}{}{:*<hidden$}{}", &digits[..first], "", &digits[first + hidden..])
    }

    /// Bits of [`Self::to_integer`].
    pub const INTEGER_BITS: u32 = 53;

    /// The number in as few bits as possible; no two numbers are the same integer.
    ///
    /// What has four bits is a digit to the base of eleven: 0 where there is none, or one more than the number's digit.
    /// Before these fifteen stands a 1 for plain digits, and nothing for E.164.
    #[must_use]
    #[inline]
    pub fn to_integer(self) -> u64 {
        let mut integer = self.0 - (KIND_E164 << KIND_SHIFT);
        // Two neighbours become one of twice the bits, four times: the higher one counted 16 times, and is to count 11 times,
        // and so on.
        integer -= (16 - 11) * (integer >> 4 & 0x0f0f_0f0f_0f0f_0f0f);
        integer -= ((1 << 8) - 11_u64.pow(2)) * (integer >> 8 & 0x00ff_00ff_00ff_00ff);
        integer -= ((1 << 16) - 11_u64.pow(4)) * (integer >> 16 & 0x0000_ffff_0000_ffff);
        integer - ((1 << 32) - 11_u64.pow(8)) * (integer >> 32)
    }

    /// The number that an integer is [made](Self::to_integer) of, if it is of one.
    #[must_use]
    pub fn from_integer(integer: u64) -> Option<Self> {
        let (mut left, mut digits) = (integer, 0);
        for place in 0..MAX_DIGITS {
            let digit = left % 11;
            // There is none only behind all others.
            if digit == 0 && digits != 0 {
                return None;
            }
            digits |= digit << (4 * place);
            left /= 11;
        }
        let (kind, first) = (left + KIND_E164, digits >> (KIND_SHIFT - 4));
        let is_number = match kind {
            KIND_E164 => first > 1,
            KIND_PLAIN => first > 0,
            _ => false,
        };
        is_number.then_some(PhoneNumber((kind << KIND_SHIFT) | digits))
    }

    /// The number as an integer whose order is the order of the numbers.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The number as an integer in which the digits are in the highest bits, from the last one on, as digit + 1 in four
    /// bits each: in the order of these, numbers that end alike are beside each other.
    #[must_use]
    pub fn to_backward_bits(self) -> u64 {
        backward(self.0 << (u64::BITS - KIND_SHIFT)) | (self.0 >> KIND_SHIFT)
    }

    /// The opposite of [`Self::to_backward_bits`].
    #[must_use]
    pub fn from_backward_bits(bits: u64) -> Self {
        const KIND: u64 = (1 << (u64::BITS - KIND_SHIFT)) - 1;
        PhoneNumber((bits << KIND_SHIFT) | (backward(bits & !KIND) >> (u64::BITS - KIND_SHIFT)))
    }
}

/// Digits of four bits each, as far to the left as there is room, the other way round.
fn backward(digits: u64) -> u64 {
    let bytes = digits.swap_bytes();
    let reversed = (bytes & 0x0f0f_0f0f_0f0f_0f0f) << 4 | (bytes >> 4 & 0x0f0f_0f0f_0f0f_0f0f);
    // There is no digit without one of its bits.
    reversed.checked_shl(reversed.leading_zeros() & !3).unwrap_or_default()
}

/// Eight ASCII digits as [`PhoneNumber`] has them, in the lowest bits; nothing if one is no digit.
fn pack_eight(digits: &[u8; 8]) -> Option<u64> {
    // One byte for each digit: its value, if it is one.
    let values = u64::from_be_bytes(*digits) ^ 0x3030_3030_3030_3030;
    // Ten and above, and only they, set the highest bit of their byte.
    let is_no_digit = ((values & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | values;
    if is_no_digit & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Two neighbours move together, three times.
    let mut packed = values + 0x0101_0101_0101_0101;
    packed = (packed | packed >> 4) & 0x00ff_00ff_00ff_00ff;
    packed = (packed | packed >> 8) & 0x0000_ffff_0000_ffff;
    Some((packed | packed >> 16) & 0xffff_ffff)
}

/// The digits of a [`PhoneNumber`], without an allocation.
#[derive(Clone, Copy)]
pub struct Digits {
    bytes: [u8; MAX_DIGITS],
    length: u8,
}

impl Digits {
    /// The ASCII digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII digits are ever written to `bytes`.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl std::ops::Deref for Digits {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// `+` and digits for E.164, digits alone for a plain number.
impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_e164() {
            f.write_str("+")?;
        }
        f.write_str(&self.digits())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The opposite of `Display`; no other form is read. Written numbers go through [`normalise()`].
impl FromStr for PhoneNumber {
    type Err = DigitsError;
    fn from_str(text: &str) -> Result<Self, DigitsError> {
        match text.strip_prefix('+') {
            Some(digits) => Self::from_e164_digits(digits),
            None => Self::from_plain_digits(text),
        }
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        let mut text = [b'+'; 1 + MAX_DIGITS];
        text[1..=digits.len()].copy_from_slice(digits.as_bytes());
        let text = &text[usize::from(!self.is_e164())..=digits.len()];
        // Written by hand, as half a million contacts have many of them. Digits are UTF-8.
        serializer.serialize_str(std::str::from_utf8(text).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = PhoneNumber;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a phone number: digits, with a plus sign first if it is E.164")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PhoneNumber, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn packed_numbers_read_back() {
        for text in ["+1", "+49301234", "+999999999999999", "0", "112", "000000000000000"] {
            assert_eq!(text.parse::<PhoneNumber>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_two_kinds_never_equal_each_other() {
        assert_ne!("+112".parse::<PhoneNumber>().unwrap(), "112".parse().unwrap());
    }

    #[test]
    fn country_codes_have_one_to_three_digits() {
        for (number, code) in [
            ("+12025550123", 1),
            ("+74951234567", 7),
            ("+49301234", 49),
            ("+35312345678", 353),
            ("+8835100", 883),
        ] {
            assert_eq!(number.parse::<PhoneNumber>().unwrap().country_code(), Some(code));
        }
        for number in ["49301234", "+2", "+35"] {
            assert_eq!(number.parse::<PhoneNumber>().unwrap().country_code(), None, "{number}");
        }
    }

    #[test]
    fn country_codes_are_the_ones_of_the_numbering_plans() {
        for code in rlibphonenumber::PHONE_NUMBER_UTIL.get_supported_regions() {
            let code = rlibphonenumber::PHONE_NUMBER_UTIL.get_country_code_for_region(code).unwrap();
            let number = PhoneNumber::from_e164_digits(&format!("{code}23456789")).unwrap();
            assert_eq!(number.country_code().map(i32::from), Some(code));
        }
    }

    #[test]
    fn masked_numbers_hide_the_middle() {
        for (number, masked) in [
            ("+493012345678", "+493*******78"),
            ("+4930123", "+******3"),
            ("+49301234", "+493***34"),
            ("112", "**2"),
            ("0", "0"),
        ] {
            assert_eq!(number.parse::<PhoneNumber>().unwrap().masked(), masked);
        }
    }

    #[test]
    fn integers_are_in_the_order_of_the_texts() {
        let mut numbers: Vec<PhoneNumber> =
            ["+1", "+12", "+123", "+2", "+49", "+4930", "+5", "0", "00", "01", "1", "112"]
                .map(|text| text.parse().unwrap())
                .to_vec();
        let expected = numbers.clone();
        numbers.reverse();
        numbers.sort_by_key(|number| number.to_bits());
        assert_eq!(numbers, expected);
    }

    #[test]
    fn integers_are_those_of_the_digits() {
        for digits in
            ["1", "9", "10", "112", "49301234", "4915112345678", "123456789012345", "999999999999999"]
        {
            for (number, kind) in [(format!("+{digits}"), "0"), (digits.to_owned(), "1")] {
                // Each digit is one more, to the base of eleven, where an `a` is ten.
                let more = |digit: u8| char::from(if digit == b'9' { b'a' } else { digit + 1 });
                let text: String = digits.bytes().map(more).collect();
                let expected = u64::from_str_radix(&format!("{kind}{text:0<15}"), 11).unwrap();
                let integer = number.parse::<PhoneNumber>().unwrap().to_integer();
                assert_eq!(integer, expected, "{number}");
                assert!(integer < 1 << PhoneNumber::INTEGER_BITS);
            }
        }
    }

    proptest! {
        /// With what stands beside the digits in ASCII, and what has their bits in other places.
        #[test]
        fn eight_digits_at_once_are_what_they_are_one_by_one(
            digits in "[0-9]{1,17}",
            other in select(vec!["", "/", ":", " ", "+", "p", "\u{b0}", "\u{ff11}", "\u{0}"]),
            place in 0_usize..18,
        ) {
            let mut digits = digits;
            digits.insert_str(place.min(digits.len()), other);
            let one_by_one = PhoneNumber::pack_one_by_one(KIND_PLAIN, &digits);
            prop_assert_eq!(PhoneNumber::from_plain_digits(&digits), one_by_one);
        }
    }

    #[test]
    fn a_number_comes_back_from_its_integers() {
        for text in ["+1", "+10", "+4930123456789", "+999999999999999", "0", "10", "0010", "000000000000000"]
        {
            let number: PhoneNumber = text.parse().unwrap();
            assert_eq!(PhoneNumber::from_integer(number.to_integer()), Some(number));
            assert_eq!(PhoneNumber::from_backward_bits(number.to_backward_bits()), number);
        }
        let of = |text: &str| PhoneNumber::from_integer(u64::from_str_radix(text, 11).unwrap());
        assert_eq!(of("0250000000000000"), "+14".parse().ok());
        // Without a digit, with an empty place before one, `+0`, and of no kind.
        for text in ["0", "1", "1000000000000000", "1202000000000000", "0100000000000000", "2200000000000000"]
        {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(PhoneNumber::from_integer(u64::MAX), None);
    }

    #[test]
    fn numbers_read_backwards_are_in_the_order_of_their_ends() {
        let mut numbers: Vec<PhoneNumber> =
            ["10", "+4910", "+311", "+1", "+211"].map(|text| text.parse().unwrap()).to_vec();
        numbers.sort_by_key(|number| number.to_backward_bits());
        let texts: Vec<String> = numbers.iter().map(PhoneNumber::to_string).collect();
        assert_eq!(texts, ["10", "+4910", "+1", "+211", "+311"]);
        assert_eq!(numbers[0].to_backward_bits() >> 56, 0x12, "0, then 1");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        assert_eq!("".parse::<PhoneNumber>(), Err(DigitsError::Empty));
        assert_eq!("+".parse::<PhoneNumber>(), Err(DigitsError::Empty));
        assert_eq!("+0123".parse::<PhoneNumber>(), Err(DigitsError::LeadingZero));
        assert_eq!("12a".parse::<PhoneNumber>(), Err(DigitsError::NotADigit('a')));
        assert_eq!("1234567890123456".parse::<PhoneNumber>(), Err(DigitsError::TooLong));
        assert_eq!("١٢٣".parse::<PhoneNumber>(), Err(DigitsError::NotADigit('١')));
    }
}
