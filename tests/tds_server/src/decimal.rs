//! Exact numbers: digits as one integer, and where the point is.

use std::cmp::Ordering;

/// `digits` over ten to the `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) digits: i128,
    pub(crate) scale: u8,
}

impl Decimal {
    /// The number in a text such as `-1,234.50`; `None` when there is none, or more than 38 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let mut value: i128 = 0;
        let mut scale = None;
        let mut any = false;
        for byte in digits.bytes() {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    if let Some(scale) = &mut scale {
                        *scale += 1;
                    }
                }
                b'.' if scale.is_none() => scale = Some(0),
                _ => return None,
            }
        }
        any.then_some(Self { digits: if negative { -value } else { value }, scale: scale.unwrap_or(0) })
    }

    /// The number nearest to a float, with as many digits as the float is sure of.
    pub(crate) fn from_float(value: f64, scale: u8) -> Option<Self> {
        if !value.is_finite() || value.abs() >= 1e38 {
            return None;
        }
        Self::parse(&format!("{value:.*}", usize::from(scale)))
    }

    /// The same number with another scale, rounded half away from zero.
    pub(crate) fn rescale(self, scale: u8) -> Option<Self> {
        let digits = match self.scale.cmp(&scale) {
            Ordering::Equal => self.digits,
            Ordering::Less => self.digits.checked_mul(10_i128.checked_pow(u32::from(scale - self.scale))?)?,
            Ordering::Greater => {
                let unit = 10_i128.checked_pow(u32::from(self.scale - scale))?;
                let half = unit / 2 * self.digits.signum();
                (self.digits + half) / unit
            }
        };
        Some(Self { digits, scale })
    }

    /// Whether it has at most that many digits.
    pub(crate) fn fits(self, precision: u8) -> bool {
        10_i128.checked_pow(u32::from(precision)).is_none_or(|limit| self.digits.abs() < limit)
    }

    /// The whole part.
    pub(crate) fn truncated(self) -> i128 {
        self.digits / 10_i128.pow(u32::from(self.scale))
    }

    pub(crate) fn to_float(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.rescale(scale), other.rescale(scale)) {
            (Some(left), Some(right)) => left.digits.cmp(&right.digits),
            _ => self.to_float().total_cmp(&other.to_float()),
        }
    }

    /// With a comma after every three digits before the point.
    pub(crate) fn with_commas(self) -> String {
        let text = self.to_string();
        let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
        let (whole, fraction) =
            text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        match fraction {
            Some(fraction) => format!("{sign}{grouped}.{fraction}"),
            None => format!("{sign}{grouped}"),
        }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

/// Two texts that SQLite keeps for decimals, as numbers.
pub(crate) fn compare_texts(left: &str, right: &str) -> Ordering {
    match (Decimal::parse(left), Decimal::parse(right)) {
        (Some(left), Some(right)) => left.compare(right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        for text in [
            "0",
            "-0.5",
            "12345678901234567890123456789012345678",
            "0.00000000000000000000000000000000000001",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("+.5").to_string(), "0.5");
        for text in ["", "-", ".", "1.2.3", "1e5", "one", "999999999999999999999999999999999999999999"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (text, scale, rounded) in [
            ("2.345", 2, "2.35"),
            ("-2.345", 2, "-2.35"),
            ("2.344", 2, "2.34"),
            ("9.99", 1, "10.0"),
            ("7", 2, "7.00"),
        ] {
            assert_eq!(
                decimal(text).rescale(scale).map(|number| number.to_string()).as_deref(),
                Some(rounded)
            );
        }
    }

    #[test]
    fn texts_compare_as_numbers() {
        assert_eq!(compare_texts("9", "10"), Ordering::Less);
        assert_eq!(compare_texts("1.50", "1.5"), Ordering::Equal);
        assert_eq!(compare_texts("-2", "-10"), Ordering::Greater);
    }

    #[test]
    fn commas_part_thousands() {
        assert_eq!(decimal("-1234567.5").with_commas(), "-1,234,567.5");
        assert_eq!(decimal("123").with_commas(), "123");
    }
}
