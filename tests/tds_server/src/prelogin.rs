//! PRELOGIN: what the client wants before it says who it is, and who encrypts what.

use crate::bytes::Malformed;

/// What the server does about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// No TLS at all.
    NotSupported,
    /// As the client wishes: everything, the login only, or nothing.
    #[default]
    Optional,
    /// Everything, whatever the client wishes ("Force Encryption").
    Required,
    /// TLS before anything else (TDS 8), and nothing but that.
    Strict,
}

/// What is encrypted on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encrypted {
    /// Nothing.
    Nothing,
    /// The login, and nothing after it.
    Login,
    /// Everything.
    Everything,
    /// Everything, TLS first (TDS 8).
    Strict,
}

mod option {
    pub(super) const VERSION: u8 = 0;
    pub(super) const ENCRYPTION: u8 = 1;
    pub(super) const INSTANCE: u8 = 2;
    pub(super) const THREAD: u8 = 3;
    pub(super) const MARS: u8 = 4;
    pub(super) const END: u8 = 0xFF;
}

const OFF: u8 = 0;
const ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const REQUIRED: u8 = 3;

/// What the client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prelogin {
    encryption: u8,
    pub(crate) instance: String,
}

impl Prelogin {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut found = Self { encryption: NOT_SUPPORTED, instance: String::new() };
        let mut at = 0;
        loop {
            let kind = *body.get(at).ok_or(Malformed("a PRELOGIN without an end"))?;
            if kind == option::END {
                return Ok(found);
            }
            let entry = body.get(at + 1..at + 5).ok_or(Malformed("a PRELOGIN without an end"))?;
            let offset = usize::from(u16::from_be_bytes([entry[0], entry[1]]));
            let length = usize::from(u16::from_be_bytes([entry[2], entry[3]]));
            let data =
                body.get(offset..offset + length).ok_or(Malformed("a PRELOGIN option beyond the end"))?;
            match kind {
                option::ENCRYPTION => found.encryption = *data.first().ok_or(Malformed("an empty option"))?,
                option::INSTANCE => {
                    let name = data.split(|byte| *byte == 0).next().unwrap_or_default();
                    found.instance = String::from_utf8_lossy(name).into_owned();
                }
                _ => {}
            }
            at += 5;
        }
    }

    /// What is answered, and what will be encrypted.
    pub(crate) fn negotiate(&self, server: Encryption) -> (u8, Encrypted) {
        match (server, self.encryption) {
            (Encryption::NotSupported, _) => (NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::Optional, OFF) => (OFF, Encrypted::Login),
            (Encryption::Optional, NOT_SUPPORTED) => (NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::Required, OFF | NOT_SUPPORTED) => (REQUIRED, Encrypted::Everything),
            _ => (ON, Encrypted::Everything),
        }
    }
}

/// The server's answer. `instance_ok` is false when the client asked for an instance that is not this one.
pub(crate) fn answer(encryption: u8, instance_ok: bool) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [
        (option::VERSION, &[16, 0, 0x10, 0x55, 0, 0]),
        (option::ENCRYPTION, &[encryption]),
        (option::INSTANCE, if instance_ok { &[0] } else { &[1, 0] }),
        (option::THREAD, &[]),
        (option::MARS, &[0]),
    ];
    let mut table = Vec::new();
    let mut data = Vec::new();
    let start = options.len() * 5 + 1;
    for (kind, bytes) in options {
        table.push(kind);
        table.extend_from_slice(&u16::try_from(start + data.len()).unwrap_or(u16::MAX).to_be_bytes());
        table.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend_from_slice(bytes);
    }
    table.push(option::END);
    table.extend_from_slice(&data);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_encrypts_what() {
        let table = [
            (Encryption::NotSupported, OFF, NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::NotSupported, ON, NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::NotSupported, REQUIRED, NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::Optional, NOT_SUPPORTED, NOT_SUPPORTED, Encrypted::Nothing),
            (Encryption::Optional, OFF, OFF, Encrypted::Login),
            (Encryption::Optional, ON, ON, Encrypted::Everything),
            (Encryption::Optional, REQUIRED, ON, Encrypted::Everything),
            (Encryption::Required, NOT_SUPPORTED, REQUIRED, Encrypted::Everything),
            (Encryption::Required, OFF, REQUIRED, Encrypted::Everything),
            (Encryption::Required, ON, ON, Encrypted::Everything),
        ];
        for (server, client, answer, encrypted) in table {
            let asked = Prelogin { encryption: client, instance: String::new() };
            assert_eq!(asked.negotiate(server), (answer, encrypted), "{server:?}, client {client}");
        }
    }

    #[test]
    fn what_is_cut_or_points_beyond_the_end_is_malformed() {
        let whole = answer(ON, true);
        assert_eq!(Prelogin::parse(&whole).map(|found| found.encryption), Ok(ON));
        for length in 0..whole.len() - 1 {
            assert!(Prelogin::parse(&whole[..length]).is_err(), "{length}");
        }
    }
}
