//! Errors of SQLite as SQL Server would word them, and the other way round: an error that one of our functions
//! raises travels through SQLite as text.

use rusqlite::ErrorCode;

use crate::token::ServerMessage;

const MARK: char = '\u{1}';

/// The error for SQLite to carry.
pub(crate) fn carried(message: &ServerMessage) -> rusqlite::Error {
    let text = format!(
        "{MARK}{}{MARK}{}{MARK}{}{MARK}{}",
        message.number, message.state, message.class, message.message
    );
    rusqlite::Error::UserFunctionError(text.into())
}

fn uncarried(text: &str) -> Option<ServerMessage> {
    let mut parts = text.split(MARK).skip(1);
    Some(ServerMessage {
        number: parts.next()?.parse().ok()?,
        state: parts.next()?.parse().ok()?,
        class: parts.next()?.parse().ok()?,
        message: parts.next()?.to_owned(),
        line: 1,
    })
}

/// Whether somebody else has what is needed, so that trying again may help.
pub(crate) fn is_locked(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the statement was stopped by the client.
pub(crate) fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// What SQL Server would have said. `database` is part of some texts.
pub(crate) fn as_server_message(error: &rusqlite::Error, database: &str) -> ServerMessage {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    if let Some(message) = uncarried(&text) {
        return message;
    }
    if is_locked(error) {
        return ServerMessage::error(1222, "Lock request time out period exceeded.").state(45);
    }
    let after = |start: &str| {
        text.strip_prefix(start).map(|rest| rest.split(" in ").next().unwrap_or(rest).to_owned())
    };
    if let Some(table) = after("no such table: ") {
        return invalid_object(&table);
    }
    if let Some(column) = after("no such column: ") {
        return invalid_column(&column);
    }
    if let Some(place) = after("NOT NULL constraint failed: ") {
        let (table, column) = place.rsplit_once('.').unwrap_or(("", &place));
        return ServerMessage::error(
            515,
            format!(
                "Cannot insert the value NULL into column '{column}', table '{database}.{table}'; column does not \
                 allow nulls. INSERT fails."
            ),
        )
        .state(2);
    }
    if let Some(place) = after("UNIQUE constraint failed: ") {
        let table = place.rsplit_once('.').map_or(place.as_str(), |(table, _)| table);
        return ServerMessage::error(
            2627,
            format!("Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object '{table}'."),
        )
        .class(14);
    }
    if text.contains("constraint failed") {
        return ServerMessage::error(547, format!("The statement conflicted with a constraint: {text}."));
    }
    ServerMessage::error(
        40_000,
        format!("The TDS test server does not understand this statement the way SQL Server would: {text}."),
    )
}

pub(crate) fn invalid_object(name: &str) -> ServerMessage {
    ServerMessage::error(208, format!("Invalid object name '{name}'."))
}

pub(crate) fn invalid_column(name: &str) -> ServerMessage {
    ServerMessage::error(207, format!("Invalid column name '{name}'."))
}

pub(crate) fn syntax(near: &str) -> ServerMessage {
    ServerMessage::error(102, format!("Incorrect syntax near '{near}'.")).class(15)
}

pub(crate) fn not_understood(what: &str) -> ServerMessage {
    ServerMessage::error(40_000, format!("The TDS test server does not know {what}."))
}
