//! Reading what a client sends: never beyond the end, and writing TDS's counted strings.

/// What came is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads little-endian fields from the front of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed("it ends too early"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A string of `units` UTF-16 units.
    pub(crate) fn utf16(&mut self, units: usize) -> Result<String, Malformed> {
        Ok(utf16(self.take(units * 2)?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// UTF-16 as text; what is none becomes the replacement character.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Adds a string as UTF-16.
///
/// SQLite keeps UTF-8, which has no lone surrogates. `NCHAR(55357)` has one; it is kept as one of the last 2048
/// private characters, and leaves as what it was.
pub(crate) fn put_utf16(out: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        out.extend(text.bytes().flat_map(|byte| [byte, 0]));
        return;
    }
    let mut units = [0; 2];
    for character in text.chars() {
        if let Some(unit) = lone_surrogate(character) {
            out.extend_from_slice(&unit.to_le_bytes());
        } else {
            for unit in character.encode_utf16(&mut units) {
                out.extend_from_slice(&unit.to_le_bytes());
            }
        }
    }
}

const FIRST_STAND_IN: u32 = 0x10_F800;

/// The lone surrogate that a character stands for.
pub(crate) fn lone_surrogate(character: char) -> Option<u16> {
    let offset = u32::from(character).checked_sub(FIRST_STAND_IN)?;
    u16::try_from(0xD800 + offset).ok()
}

/// The character of a UTF-16 unit, lone surrogates by their stand-in.
pub(crate) fn character_of_unit(unit: u16) -> Option<char> {
    match char::from_u32(u32::from(unit)) {
        Some(character) => Some(character),
        None => char::from_u32(FIRST_STAND_IN + u32::from(unit) - 0xD800),
    }
}

/// How many UTF-16 units a text has.
pub(crate) fn units(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars()
        .map(|character| if lone_surrogate(character).is_some() { 1 } else { character.len_utf16() })
        .sum()
}

/// Part of a text, counted in UTF-16 units, which may part what belongs together.
pub(crate) fn slice_units(text: String, skip: usize, take: usize) -> String {
    if skip == 0 && text.len() <= take {
        return text;
    }
    let mut all = Vec::with_capacity(text.len() * 2);
    put_utf16(&mut all, &text);
    let part: Vec<u16> = all
        .chunks_exact(2)
        .skip(skip)
        .take(take)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect();
    char::decode_utf16(part)
        .filter_map(|unit| unit.map_or_else(|lone| character_of_unit(lone.unpaired_surrogate()), Some))
        .collect()
}

/// A string counted in one byte.
pub(crate) fn put_b_varchar(out: &mut Vec<u8>, text: &str) {
    let text = first_units(text, 255);
    out.push(u8::try_from(units(text)).unwrap_or(u8::MAX));
    put_utf16(out, text);
}

/// A string counted in two bytes.
pub(crate) fn put_us_varchar(out: &mut Vec<u8>, text: &str) {
    let text = first_units(text, 4000);
    out.extend_from_slice(&u16::try_from(units(text)).unwrap_or(u16::MAX).to_le_bytes());
    put_utf16(out, text);
}

/// The start of a text that has at most `most` UTF-16 units.
pub(crate) fn first_units(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut count = 0;
    for (at, character) in text.char_indices() {
        count += if lone_surrogate(character).is_some() { 1 } else { character.len_utf16() };
        if count > most {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_never_goes_beyond_the_end() {
        let mut reader = Reader(&[1, 2, 3]);
        assert_eq!(reader.u16(), Ok(0x0201));
        assert_eq!(reader.clone().u16(), Err(Malformed("it ends too early")));
        assert_eq!(reader.u8(), Ok(3));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_lone_surrogate_comes_back_as_what_it_was() {
        for unit in [0xD800, 0xDBFF, 0xDC00, 0xDFFF] {
            let kept = character_of_unit(unit).map(String::from).unwrap_or_default();
            let mut bytes = Vec::new();
            put_utf16(&mut bytes, &kept);
            assert_eq!(bytes, unit.to_le_bytes());
            assert_eq!(units(&kept), 1);
        }
        let halves: String = [0xD83D, 0xDE00].into_iter().filter_map(character_of_unit).collect();
        let mut bytes = Vec::new();
        put_utf16(&mut bytes, &halves);
        assert_eq!(utf16(&bytes), "😀", "two halves are a whole on the wire");
    }

    #[test]
    fn texts_are_cut_by_units() {
        assert_eq!(first_units("aß😀b", 3), "aß");
        assert_eq!(first_units("aß😀b", 4), "aß😀");
        assert_eq!(slice_units("aß😀b".to_owned(), 4, 1), "b");
        assert_eq!(slice_units("abc".to_owned(), 1, 1), "b");
        let half = slice_units("😀".to_owned(), 0, 1);
        assert_eq!(half.chars().next().and_then(lone_surrogate), Some(0xD83D));
    }
}
