//! Collations: a name, five bytes on the wire, the code page of `varchar`, and how texts compare.

use std::cmp::Ordering;

use encoding_rs::Encoding;

/// What a server has when nobody said otherwise.
pub(crate) const DEFAULT: &str = "SQL_Latin1_General_CP1_CI_AS";

/// How a text column compares, and what its bytes mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collation {
    pub(crate) name: String,
    locale: u16,
    sort: u8,
    ignores_case: bool,
    binary: bool,
    utf8: bool,
}

/// Beginnings of names, the locale, and the SQL sort order of the `SQL_` ones.
const KNOWN: &[(&str, u16, u8)] = &[
    ("SQL_Latin1_General_CP1_CI_AS", 0x0409, 52),
    ("SQL_Latin1_General_CP1_CS_AS", 0x0409, 51),
    ("SQL_Latin1_General_CP437_CI_AS", 0x0409, 32),
    ("SQL_Latin1_General_CP437_BIN", 0x0409, 30),
    ("SQL_Latin1_General_CP850_CI_AS", 0x0409, 42),
    ("SQL_Latin1_General_CP850_BIN", 0x0409, 40),
    ("SQL_Latin1_General_CP1250_CI_AS", 0x0405, 82),
    ("SQL_Latin1_General_CP1251_CI_AS", 0x0419, 106),
    ("SQL_Latin1_General_CP1253_CI_AS", 0x0408, 114),
    ("Latin1_General", 0x0409, 0),
    ("German_PhoneBook", 0x0407, 0),
    ("French", 0x040C, 0),
    ("Finnish_Swedish", 0x040B, 0),
    ("Danish_Norwegian", 0x0406, 0),
    ("Modern_Spanish", 0x0C0A, 0),
    ("Polish", 0x0415, 0),
    ("Czech", 0x0405, 0),
    ("Hungarian", 0x040E, 0),
    ("Greek", 0x0408, 0),
    ("Turkish", 0x041F, 0),
    ("Cyrillic_General", 0x0419, 0),
    ("Ukrainian", 0x0422, 0),
    ("Hebrew", 0x040D, 0),
    ("Arabic", 0x0401, 0),
    ("Thai", 0x041E, 0),
    ("Vietnamese", 0x042A, 0),
    ("Japanese", 0x0411, 0),
    ("Korean", 0x0412, 0),
    ("Chinese_PRC", 0x0804, 0),
    ("Chinese_Taiwan", 0x0404, 0),
];

impl Default for Collation {
    fn default() -> Self {
        Self {
            name: DEFAULT.to_owned(),
            locale: 0x0409,
            sort: 52,
            ignores_case: true,
            binary: false,
            utf8: false,
        }
    }
}

impl Collation {
    /// The collation of a name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let (_, locale, sort) =
            KNOWN.iter().find(|(start, ..)| upper.starts_with(&start.to_ascii_uppercase()))?;
        Some(Self {
            name: name.to_owned(),
            locale: *locale,
            sort: *sort,
            ignores_case: upper.contains("_CI"),
            binary: upper.contains("_BIN"),
            utf8: upper.ends_with("_UTF8"),
        })
    }

    /// As COLMETADATA and ENVCHANGE have it.
    pub(crate) fn bytes(&self) -> [u8; 5] {
        let locale = self.locale.to_le_bytes();
        // What is ignored: case, kana type and width.
        let ignored = if self.ignores_case {
            0xD0
        } else if self.binary {
            0
        } else {
            0xC0
        };
        let kind = if self.binary { 0x02 } else { 0 } | if self.utf8 { 0x04 } else { 0 };
        [locale[0], locale[1], ignored, kind, self.sort]
    }

    /// Whether `varchar` of this collation is UTF-8.
    pub(crate) fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// The collation of SQLite that compares the same way.
    pub(crate) fn in_sqlite(&self) -> &'static str {
        if self.ignores_case { "TDS_CI" } else { "TDS_CS" }
    }

    /// Text in this collation's code page; what the page lacks becomes a question mark.
    pub(crate) fn encode(&self, text: &str) -> Vec<u8> {
        if self.is_utf8() || text.is_ascii() {
            return text.as_bytes().to_vec();
        }
        if let Some(high) = dos_page(self.sort) {
            let byte = |character: char| match u8::try_from(u32::from(character)) {
                Ok(byte) if byte < 0x80 => byte,
                _ => high.chars().position(|known| known == character).map_or(b'?', |at| 0x80 + at as u8),
            };
            return text.chars().map(byte).collect();
        }
        let encoding = self.encoding();
        let mut out = Vec::with_capacity(text.len());
        let mut utf8 = [0; 4];
        for character in text.chars() {
            let (bytes, _, unmappable) = encoding.encode(character.encode_utf8(&mut utf8));
            if unmappable { out.push(b'?') } else { out.extend_from_slice(&bytes) }
        }
        out
    }

    /// What is left of a text that went through this collation's code page.
    pub(crate) fn squeeze(&self, text: &str) -> String {
        if self.is_utf8() || text.is_ascii() {
            return text.to_owned();
        }
        let mut utf8 = [0; 4];
        text.chars()
            .map(|character| {
                let lost = self.encode(character.encode_utf8(&mut utf8)) == b"?";
                if lost { '?' } else { character }
            })
            .collect()
    }

    fn encoding(&self) -> &'static Encoding {
        match self.locale {
            0x0405 | 0x040E | 0x0415 => encoding_rs::WINDOWS_1250,
            0x0419 | 0x0422 => encoding_rs::WINDOWS_1251,
            0x0408 => encoding_rs::WINDOWS_1253,
            0x041F => encoding_rs::WINDOWS_1254,
            0x040D => encoding_rs::WINDOWS_1255,
            0x0401 => encoding_rs::WINDOWS_1256,
            0x042A => encoding_rs::WINDOWS_1258,
            0x041E => encoding_rs::WINDOWS_874,
            0x0411 => encoding_rs::SHIFT_JIS,
            0x0412 => encoding_rs::EUC_KR,
            0x0804 => encoding_rs::GBK,
            0x0404 => encoding_rs::BIG5,
            _ => encoding_rs::WINDOWS_1252,
        }
    }
}

/// The upper halves of the two code pages of MS-DOS that SQL Server still has.
fn dos_page(sort: u8) -> Option<&'static str> {
    match sort {
        30..=35 => Some(
            "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
        ),
        40..=45 => Some(
            "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
        ),
        _ => None,
    }
}

/// Texts without case; trailing spaces do not count.
pub(crate) fn compare_without_case(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    if left.is_ascii() && right.is_ascii() {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        return left.bytes().map(lower).cmp(right.bytes().map(lower));
    }
    left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase))
}

/// Texts with case; trailing spaces do not count.
pub(crate) fn compare_with_case(left: &str, right: &str) -> Ordering {
    left.trim_end_matches(' ').cmp(right.trim_end_matches(' '))
}
