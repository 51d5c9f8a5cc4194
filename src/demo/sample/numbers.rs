//! The sample's phone numbers: valid ones, written in the many ways people write them.

use std::ops::RangeInclusive;

use super::countries::{City, Country};
use super::draw::Draw;

/// A phone number as the sample writes it, with the truth beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleNumber {
    /// The text in the database.
    pub written: String,
    /// The digits of the E.164 number that the text means, read in the region DE; none when it means none.
    pub e164: Option<u64>,
}

/// Numbers that no drawn contact has, because the sample gives them a meaning of its own: ranges that
/// countries keep for films and books, and for Italy, which keeps none, a block of Rome chosen by us.
#[rustfmt::skip]
pub(super) const KEPT_FREE: [RangeInclusive<u64>; 9] = [
    493023125000..=493023125999,   // Berlin (Bundesnetzagentur, numbers for media productions)
    494066969000..=494066969999,   // Hamburg (the same)
    498999998000..=498999998999,   // München (the same)
    491713920000..=491713920099,   // mobile (the same)
    442079460000..=442079460999,   // London (Ofcom, numbers for drama use)
    12025550100..=12025550199,     // Washington DC (NANPA, fictitious 555 line numbers)
    33199000000..=33199009999,     // Paris (Arcep, numbers for audiovisual works)
    61255500000..=61255509999,     // Sydney (ACMA, numbers for use in fiction)
    390615550000..=390615559999,   // Rome (our choice)
];

/// One line of a numbering plan: area code or mobile prefix, and subscriber number in groups.
#[derive(Debug)]
pub(super) struct Line {
    country: &'static Country,
    area: String,
    groups: String,
}

impl Line {
    /// A fixed line in `city`.
    pub(super) fn fixed(country: &'static Country, city: City, draw: &mut Draw) -> Line {
        Line::draw(country, city.3, city.4, draw)
    }

    /// A mobile phone.
    pub(super) fn mobile(country: &'static Country, draw: &mut Draw) -> Line {
        let (prefix, rest) = draw.pick(country.mobile);
        Line::draw(country, prefix, rest, draw)
    }

    fn draw(country: &'static Country, area: &str, groups: &str, draw: &mut Draw) -> Line {
        loop {
            let line = Line { country, area: draw.fill(area), groups: draw.fill(groups) };
            if !KEPT_FREE.iter().any(|kept| kept.contains(&line.e164())) {
                return line;
            }
        }
    }

    /// The digits of the E.164 number; it never begins with 0, so that an integer has them all.
    fn e164(&self) -> u64 {
        let texts = [self.country.calling_code, &self.area, &self.groups];
        let digits = texts.into_iter().flat_map(str::chars).filter_map(|digit| digit.to_digit(10));
        digits.fold(0, |number, digit| number * 10 + u64::from(digit))
    }

    /// Writes the number in one of the country's ways.
    pub(super) fn write(&self, draw: &mut Draw) -> SampleNumber {
        let styles = match (self.country.iso, draw.below(100)) {
            ("DE", 0..75) => NATIONAL,
            (_, 0..70) => INTERNATIONAL,
            _ if self.country.trunk_zero => WITH_TRUNK_ZERO,
            _ => AREA_IN_BRACKETS,
        };
        let style = draw.pick(styles);
        let mut written = style.write(self);
        let is_uri = style.access == Some("tel:+");
        if draw.percent(2) {
            let mark = if is_uri { ";ext=" } else { draw.pick(&EXTENSION_MARKS) };
            written = format!("{written}{mark}{}", 10 + draw.below(90));
        } else if !is_uri && self.country.iso == "JP" && draw.percent(5) {
            written = written.chars().map(full_width).collect();
        }
        SampleNumber { written, e164: Some(self.e164()) }
    }
}

const EXTENSION_MARKS: [&str; 3] = [" x", " ext. ", ";ext="];

/// What stands between the digits of a written number.
#[derive(Clone, Copy)]
struct Style {
    /// Before the calling code; without one the number is written as it is dialled at home.
    access: Option<&'static str>,
    before_area: &'static str,
    after_area: &'static str,
    between_groups: &'static str,
    before_last_group: &'static str,
}

const fn style(
    access: Option<&'static str>,
    before_area: &'static str,
    after_area: &'static str,
    between_groups: &'static str,
    before_last_group: &'static str,
) -> Style {
    Style { access, before_area, after_area, between_groups, before_last_group }
}

const NBSP: &str = "\u{a0}";

#[rustfmt::skip]
const NATIONAL: &[Style] = &[
    style(None, "0", " ", "", ""),      // 030 1234567
    style(None, "0", " ", " ", " "),    // 030 123 45 67
    style(None, "0", "/", "", ""),      // 030/1234567
    style(None, "0", " / ", " ", " "),  // 030 / 123 45 67
    style(None, "(0", ") ", "", ""),    // (030) 1234567
    style(None, "(0", ") ", " ", "-"),  // (030) 123 45-67
    style(None, "0", "-", "", ""),      // 030-1234567
    style(None, "0", "", "", ""),       // 0301234567
    style(None, "0", ".", ".", "."),    // 030.123.45.67
    style(None, "0", NBSP, "", ""),     // the first again, with a space that is none
];
#[rustfmt::skip]
const INTERNATIONAL: &[Style] = &[
    style(Some("+"), " ", " ", "", ""),       // +44 20 71234567
    style(Some("+"), " ", " ", " ", " "),     // +44 20 7123 4567
    style(Some("+"), "", "", "", ""),         // +442071234567
    style(Some("00"), " ", " ", " ", " "),    // 0044 20 7123 4567
    style(Some("00"), "", "", "", ""),        // 00442071234567
    style(Some("+"), "-", "-", "-", "-"),     // +44-20-7123-4567
    style(Some("+"), ".", ".", ".", "."),     // +44.20.7123.4567
    style(Some("tel:+"), "-", "-", "-", "-"), // tel:+44-20-7123-4567 (RFC 3966)
    style(Some("+"), NBSP, NBSP, NBSP, NBSP),
];
#[rustfmt::skip]
const WITH_TRUNK_ZERO: &[Style] = &[
    style(Some("+"), " (0)", " ", " ", " "),  // +44 (0)20 7123 4567
    style(Some("+"), " (0) ", "-", "", ""),   // +44 (0) 20-71234567
    style(Some("+"), "(0)", "/", "", ""),     // +44(0)20/71234567
    style(Some("00"), " (0)", " ", " ", "-"), // 0044 (0)20 7123-4567
];
#[rustfmt::skip]
const AREA_IN_BRACKETS: &[Style] = &[
    style(Some("+"), " (", ") ", " ", "-"),   // +1 (202) 555-0123
    style(Some("+"), "(", ")", "", ""),       // +1(202)5550123
    style(Some("00"), " (", ") ", " ", " "),  // 001 (202) 555 0123
];

impl Style {
    fn write(&self, line: &Line) -> String {
        let mut written = String::with_capacity(32);
        if let Some(access) = self.access {
            written.push_str(access);
            written.push_str(line.country.calling_code);
        }
        for part in [self.before_area, &line.area, self.after_area] {
            written.push_str(part);
        }
        let last = line.groups.split(' ').count() - 1;
        for (position, group) in line.groups.split(' ').enumerate() {
            written.push_str(match position {
                0 => "",
                _ if position == last => self.before_last_group,
                _ => self.between_groups,
            });
            written.push_str(group);
        }
        written
    }
}

/// Digits and plus sign as a Japanese keyboard writes them.
fn full_width(character: char) -> char {
    match character {
        '+' | '0'..='9' => char::from_u32(u32::from(character) + 0xfee0).unwrap_or(character),
        other => other,
    }
}
