//! The part of a SIP or tel URI that is a phone number.
//!
//! Call handlers pass on what stands in `From` or `P-Asserted-Identity`: a bare number, a SIP URI, a tel
//! URI, or one of them inside a name-addr. All are brought to the form people write, with an extension as
//! `;ext=`, so that one reader of numbers is enough. Reads leniently what is not ambiguous; what is left
//! is judged by that reader, so that letters, for one, are not looked for here.

use std::borrow::Cow;

use super::NumberError;

/// Who an address names, and where.
pub(super) struct Address<'a> {
    /// The number, or whatever stands in its place. Not yet trimmed or read.
    pub(super) user: Cow<'a, str>,
    /// The host of a SIP URI, without port and parameters; empty for everything else.
    pub(super) host: &'a str,
}

/// Reads a number, `tel:` (RFC 3966), `sip:` or `sips:` (RFC 3261, section 19.1), `user@host` without the
/// scheme, and name-addr around any of them (RFC 3261, section 25.1: `"Name" <sip:…>;tag=…`).
pub(super) fn read(text: &str) -> Result<Address<'_>, NumberError> {
    let text = inside_angle_brackets(text.trim())?;
    if let Some(subscriber) = without_scheme(text, "tel:") {
        return Ok(Address { user: telephone_subscriber(subscriber)?, host: "" });
    }
    let sip = without_scheme(text, "sip:").or_else(|| without_scheme(text, "sips:"));
    if sip.is_none() && !text.contains('@') {
        return Ok(Address { user: Cow::Borrowed(text), host: "" });
    }
    let rest = sip.unwrap_or(text);
    let (user, host) = match rest.split_once('@') {
        Some((user, host)) => (user.split_once(':').map_or(user, |(user, _password)| user), host),
        // Without `@` it is a host. `sip:+4930…` and `sip:anonymous` occur nevertheless and cannot be
        // mistaken; digits can, for an IP address.
        None if rest.starts_with(|c: char| c == '+' || c.is_ascii_alphabetic()) => (rest, ""),
        None => return Err(NumberError::NoUserInUri),
    };
    let host = host.split([':', ';', '?']).next().unwrap_or_default();
    Ok(Address { user: telephone_subscriber(user)?, host })
}

fn without_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The address in a name-addr; the text itself if it is none.
fn inside_angle_brackets(text: &str) -> Result<&str, NumberError> {
    let after_name = match text.strip_prefix('"') {
        // A quoted display name may hold anything, also `<`.
        Some(quoted) => after_quoted_string(quoted).ok_or(NumberError::UnclosedInUri('"'))?,
        None => text,
    };
    match after_name.split_once('<') {
        Some((_name, rest)) => {
            let (address, _parameters) = rest.split_once('>').ok_or(NumberError::UnclosedInUri('<'))?;
            Ok(address.trim())
        }
        None => Ok(text),
    }
}

fn after_quoted_string(text: &str) -> Option<&str> {
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return text.get(position + 1..),
            '\\' => drop(characters.next()),
            _ => {}
        }
    }
    None
}

/// A telephone-subscriber (RFC 3966, section 3), which SIP has in its user part too (RFC 3261, section
/// 19.1.6). A global phone-context stands before a local number (RFC 3966, section 5.1.5); a domain as
/// context says nothing about the digits.
fn telephone_subscriber(text: &str) -> Result<Cow<'_, str>, NumberError> {
    let mut parts = text.split(';');
    let number = percent_decoded(parts.next().unwrap_or_default())?;
    let (mut context, mut extension) = (Cow::Borrowed(""), Cow::Borrowed(""));
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        if name.eq_ignore_ascii_case("ext") {
            extension = percent_decoded(value)?;
        } else if name.eq_ignore_ascii_case("phone-context") {
            context = percent_decoded(value)?;
        }
    }
    if number.trim().is_empty() || number.trim_start().starts_with('+') || !context.starts_with('+') {
        context = Cow::Borrowed("");
    }
    match (context.is_empty(), extension.is_empty()) {
        (true, true) => Ok(number),
        (_, true) => Ok(Cow::Owned(format!("{context}{number}"))),
        (_, false) => Ok(Cow::Owned(format!("{context}{number};ext={extension}"))),
    }
}

/// Undoes `%2B` and its like (RFC 3986, section 2.1).
fn percent_decoded(text: &str) -> Result<Cow<'_, str>, NumberError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(NumberError::BadEscapeInUri)?;
        // `from_str_radix` takes a sign, the RFC does not.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NumberError::BadEscapeInUri);
        }
        decoded.push(u8::from_str_radix(digits, 16).map_err(|_| NumberError::BadEscapeInUri)?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NumberError::BadEscapeInUri)
}
