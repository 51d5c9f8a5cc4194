//! vCard 4.0 (RFC 6350).

use std::fmt::Write as _;

use super::{ContactDetails, FiledContact, NumberLabel};
use crate::contact::display_name;

/// Longest line, in bytes, without its line break (section 3.2).
const MAX_LINE_BYTES: usize = 75;

pub(super) fn write(contact: &FiledContact<'_>, file: &mut String) {
    let ContactDetails {
        first_name,
        last_name,
        company,
        email,
        remark,
        zip_code,
        street,
        city,
        state,
        country,
        own_extension,
        numbers,
    } = contact.details;
    let mut line = |text: &str| fold(text, file);
    line("BEGIN:VCARD");
    line("VERSION:4.0");
    line(&format!("UID;VALUE=text:ringroute-contact-{}", contact.id));
    line(&format!("FN:{}", escaped(&display_name(first_name, last_name, company))));
    if first_name.is_empty() && last_name.is_empty() {
        line("KIND:org");
    } else {
        // Family name, given name, additional names, honorific prefixes and suffixes.
        line(&format!("N:{};{};;;", escaped(last_name), escaped(first_name)));
    }
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            line(&format!("{name}:{}", escaped(value)));
        }
    };
    field("ORG", company);
    field("EMAIL", email);
    field("NOTE", remark);
    field("X-RINGROUTE-OWN-EXTENSION", own_extension);
    for number in numbers {
        let kind = kind(number.label);
        if number.number.is_e164() {
            line(&format!("TEL;TYPE={kind};VALUE=uri:tel:{}", number.number));
        } else {
            line(&format!("TEL;TYPE={kind};VALUE=text:{}", escaped(&number.raw)));
        }
    }
    let address = [street, city, state, zip_code, country].map(|part| escaped(part));
    if address.iter().any(|part| !part.is_empty()) {
        // Post office box and extended address come first, and are to be empty.
        line(&format!("ADR:;;{}", address.join(";")));
    }
    if !contact.phonebooks.is_empty() {
        let names: Vec<_> = contact.phonebooks.iter().map(|name| escaped(name)).collect();
        line(&format!("CATEGORIES:{}", names.join(",")));
    }
    line("END:VCARD");
}

/// Section 6.4.1. A list of types is quoted, as parameters with a comma are.
fn kind(label: NumberLabel) -> &'static str {
    match label {
        NumberLabel::BusinessNumber | NumberLabel::BusinessNumber2 => "\"work,voice\"",
        NumberLabel::BusinessFax => "\"work,fax\"",
        NumberLabel::MobileNumber | NumberLabel::MobileNumber2 => "cell",
        NumberLabel::HomeNumber | NumberLabel::HomeNumber2 => "\"home,voice\"",
        NumberLabel::HomeFax => "\"home,fax\"",
        NumberLabel::OtherNumber => "voice",
    }
}

/// A value in which nothing separates anything (section 3.4).
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ',' | ';' => value.extend(['\\', c]),
            '\n' | '\r' => value.push_str("\\n"),
            c => value.push(c),
        }
    }
    value
}

/// Adds a line, folded where it is too long, never inside a character.
fn fold(mut text: &str, file: &mut String) {
    let mut room = MAX_LINE_BYTES;
    while text.len() > room {
        let cut = (1..=room).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(text.len());
        let (line, rest) = text.split_at(cut);
        // Writing to a String cannot fail.
        let _ = write!(file, "{line}\r\n ");
        text = rest;
        room = MAX_LINE_BYTES - 1;
    }
    file.push_str(text);
    file.push_str("\r\n");
}
