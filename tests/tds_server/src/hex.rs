//! Bytes as hexadecimal digits, and the odd order of a GUID's bytes.

/// A GUID's sixteen bytes, the first three groups of which are little-endian.
pub(crate) fn guid_text(bytes: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let ordered: Vec<u8> = order.iter().filter_map(|at| bytes.get(*at).copied()).collect();
    let digits = hex(&ordered);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// The sixteen bytes of a GUID's text.
pub(crate) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let ordered = unhex(&text.replace('-', ""))?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut bytes = [0; 16];
    for (to, from) in order.into_iter().enumerate() {
        bytes[to] = *ordered.get(from)?;
    }
    Some(bytes)
}

/// Two capital digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The bytes of hexadecimal digits; one that lacks its partner is the first.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    let digits = digits.as_bytes();
    digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}
