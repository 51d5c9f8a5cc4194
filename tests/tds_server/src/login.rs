//! LOGIN7: who the client says it is.

use crate::bytes::{Malformed, Reader, utf16};

/// What a client said when it logged in. Tests ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The SQL login.
    pub user: String,
    /// Its password, in the clear.
    pub password: String,
    /// The database asked for; empty: the login's own.
    pub database: String,
    /// `Application Name` of the connection.
    pub application: String,
    /// The client's machine.
    pub host: String,
    /// The server name that the client used.
    pub server: String,
    /// Whether the client said that it only reads (`ApplicationIntent=ReadOnly`).
    pub read_only: bool,
    /// The packet size that it asked for.
    pub packet_size: u32,
    /// The TDS version that it speaks.
    pub tds_version: u32,
    /// Whether it asked for Windows authentication, which is not understood here.
    pub integrated: bool,
}

const READ_ONLY_INTENT: u8 = 1 << 5;
const INTEGRATED_SECURITY: u8 = 1 << 7;

impl Login {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Reader(body);
        let _length = fields.u32()?;
        let tds_version = fields.u32()?;
        let packet_size = fields.u32()?;
        let _program_and_process_and_connection = fields.take(12)?;
        let _flags_1 = fields.u8()?;
        let flags_2 = fields.u8()?;
        let type_flags = fields.u8()?;
        let _flags_3 = fields.u8()?;
        let _time_zone_and_language = fields.take(8)?;
        let mut next = || -> Result<&[u8], Malformed> {
            let offset = usize::from(fields.u16()?);
            let units = usize::from(fields.u16()?);
            body.get(offset..offset + units * 2).ok_or(Malformed("a LOGIN7 field beyond the end"))
        };
        let host = utf16(next()?);
        let user = utf16(next()?);
        let password = utf16(&next()?.iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect::<Vec<_>>());
        let application = utf16(next()?);
        let server = utf16(next()?);
        let (_extension, _library, _language) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let database_offset = usize::from(fields.u16()?);
        let database_units = usize::from(fields.u16()?);
        let database = body
            .get(database_offset..database_offset + database_units * 2)
            .ok_or(Malformed("a LOGIN7 field beyond the end"))?;
        Ok(Self {
            user,
            password,
            database: utf16(database),
            application,
            host,
            server,
            read_only: type_flags & READ_ONLY_INTENT != 0,
            packet_size,
            tds_version,
            integrated: flags_2 & INTEGRATED_SECURITY != 0,
        })
    }
}
