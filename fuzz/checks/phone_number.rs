//! Numbers as people and databases write them: whatever the text, it is refused, or it becomes a number that stays
//! itself.

use ringroute::phone_number::{Caller, MAX_CALLER_BYTES, PhoneNumber, Region, dialled, normalise};

/// The first byte chooses one; none comes first.
const REGIONS: [&str; 12] = ["DE", "US", "GB", "IT", "AR", "MX", "BR", "SM", "CI", "RU", "NZ", "AU"];

pub(crate) fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(raw) = std::str::from_utf8(text) else { return };
    let region: Option<Region> =
        REGIONS.get(usize::from(*choice) % (REGIONS.len() + 1)).map(|name| name.parse().unwrap());

    if let Ok(digits) = dialled(raw) {
        let digits = digits.strip_prefix('+').unwrap_or(&digits);
        assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "{raw:?} is dialled as {digits:?}");
    }
    let normalised = normalise(raw, region);
    assert_eq!(normalised, normalise(&format!(" {raw}\t"), region), "blanks around {raw:?}");
    let Ok(normalised) = normalised else { return };
    let number = normalised.number;
    is_sound(number);
    let again =
        normalise(&number.to_string(), region).unwrap_or_else(|error| panic!("{number} of {raw:?}: {error}"));
    assert_eq!(again.number, number, "{raw:?}");
    assert_eq!(again.extension, None);
    if number.is_e164() {
        // Written internationally, a number means the same everywhere.
        for other in [None, Some("US"), Some("IT"), Some("MX")] {
            let other = other.map(|name| name.parse().unwrap());
            assert_eq!(normalise(&number.to_string(), other).map(|again| again.number), Ok(number));
            // A match stands on this: a caller who is written like a contact's number is not read at all.
            assert_eq!(Caller::parse(&number.to_string(), other), Caller::Number(number));
        }
        if let Some(code) = number.country_code() {
            assert!(number.digits().starts_with(&code.to_string()), "{number}");
        }
    }
    if let Some(extension) = &normalised.extension {
        assert!(
            !extension.is_empty() && extension.bytes().all(|digit| digit.is_ascii_digit()),
            "{extension:?}"
        );
    }
    // A call from what a contact has is a call from that contact, unless it says that it is nobody.
    if raw.len() <= MAX_CALLER_BYTES {
        match Caller::parse(raw, region) {
            Caller::Number(calling) => assert_eq!(calling, number, "{raw:?}"),
            Caller::Withheld => assert!(raw.to_ascii_lowercase().contains("anonymous.invalid"), "{raw:?}"),
            Caller::Invalid(reason) => panic!("{raw:?}: {reason}"),
        }
    }
}

/// What holds for every number, wherever it comes from.
fn is_sound(number: PhoneNumber) {
    let text = number.to_string();
    assert_eq!(text.parse(), Ok(number));
    let digits = text.strip_prefix('+').unwrap_or(&text);
    assert_eq!(text.starts_with('+'), number.is_e164());
    assert!((1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()), "{text}");
    assert!(!number.is_e164() || !digits.starts_with('0'), "{text}");
    assert_eq!(&*number.digits(), digits);
    let masked = number.masked();
    assert_eq!(masked.len(), text.len());
    assert!(masked.bytes().filter(|byte| byte.is_ascii_digit()).count() <= 5, "{masked}");
}
