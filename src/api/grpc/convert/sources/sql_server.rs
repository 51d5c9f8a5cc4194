//! Connections to SQL Server <-> the contract's.

use crate::api::grpc::request::bad;
use crate::api::proto::v1;
use crate::engine::EngineError;
use crate::secret::Secret;
use crate::settings::{Encryption, SqlServerConnection, SqlServerTimeouts};

pub(super) fn to_proto(connection: SqlServerConnection) -> v1::SqlServerConnection {
    let SqlServerConnection {
        connection_string,
        host,
        port,
        instance,
        database,
        user,
        password,
        encryption,
        ca_file,
        certificate_host,
        dangerously_trust_any_certificate,
        read_only_intent,
        timeouts,
    } = connection;
    let SqlServerTimeouts { connect_seconds, login_seconds, command_seconds, run_seconds } = timeouts;
    let shown = |secret: Option<Secret>| secret.map(|secret| secret.shown().to_owned()).unwrap_or_default();
    v1::SqlServerConnection {
        connection_string: shown(connection_string),
        host,
        port: port.unwrap_or_default().into(),
        instance: instance.unwrap_or_default(),
        database,
        user,
        password: shown(password),
        encryption: encryption_to_proto(encryption).into(),
        ca_file: ca_file.map(|path| path.display().to_string()).unwrap_or_default(),
        certificate_host: certificate_host.unwrap_or_default(),
        dangerously_trust_any_certificate,
        read_only_intent,
        timeouts: Some(v1::SqlServerTimeouts {
            connect_seconds,
            login_seconds,
            command_seconds,
            run_seconds,
        }),
    }
}

fn encryption_to_proto(encryption: Encryption) -> v1::SqlServerEncryption {
    match encryption {
        Encryption::Required => v1::SqlServerEncryption::Required,
        Encryption::Strict => v1::SqlServerEncryption::Strict,
        Encryption::LoginOnly => v1::SqlServerEncryption::LoginOnly,
        Encryption::None => v1::SqlServerEncryption::None,
    }
}

/// Ranges and lengths are checked where the source is opened.
pub(super) fn from_proto(connection: v1::SqlServerConnection) -> Result<SqlServerConnection, EngineError> {
    let v1::SqlServerConnection {
        connection_string,
        host,
        port,
        instance,
        database,
        user,
        password,
        encryption,
        ca_file,
        certificate_host,
        dangerously_trust_any_certificate,
        read_only_intent,
        timeouts,
    } = connection;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let port = u16::try_from(port).map_err(|_| {
        bad("source.connection.sql_server.port", format!("is {port}; 1 to 65535 is expected, or 0 for 1433"))
    })?;
    Ok(SqlServerConnection {
        connection_string: given(connection_string).map(Secret::new),
        host,
        port: Some(port).filter(|port| *port != 0),
        instance: given(instance),
        database,
        user,
        password: given(password).map(Secret::new),
        encryption: encryption_from_proto(encryption)?,
        ca_file: given(ca_file).map(Into::into),
        certificate_host: given(certificate_host),
        dangerously_trust_any_certificate,
        read_only_intent,
        timeouts: timeouts_from_proto(timeouts.unwrap_or_default()),
    })
}

fn encryption_from_proto(encryption: i32) -> Result<Encryption, EngineError> {
    match v1::SqlServerEncryption::try_from(encryption) {
        Ok(v1::SqlServerEncryption::Unspecified) => Ok(Encryption::default()),
        Ok(v1::SqlServerEncryption::Required) => Ok(Encryption::Required),
        Ok(v1::SqlServerEncryption::Strict) => Ok(Encryption::Strict),
        Ok(v1::SqlServerEncryption::LoginOnly) => Ok(Encryption::LoginOnly),
        Ok(v1::SqlServerEncryption::None) => Ok(Encryption::None),
        Err(_) => Err(bad(
            "source.connection.sql_server.encryption",
            format!("is {encryption}; a value of SqlServerEncryption is expected"),
        )),
    }
}

fn timeouts_from_proto(asked: v1::SqlServerTimeouts) -> SqlServerTimeouts {
    let v1::SqlServerTimeouts { connect_seconds, login_seconds, command_seconds, run_seconds } = asked;
    let defaults = SqlServerTimeouts::default();
    let or = |asked: u32, default: u32| if asked == 0 { default } else { asked };
    SqlServerTimeouts {
        connect_seconds: or(connect_seconds, defaults.connect_seconds),
        login_seconds: or(login_seconds, defaults.login_seconds),
        command_seconds: or(command_seconds, defaults.command_seconds),
        run_seconds: or(run_seconds, defaults.run_seconds),
    }
}
