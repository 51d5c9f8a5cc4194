//! What the process says while it runs: a line on standard error for each noteworthy thing.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat, LogLevel};

type SetFilter = Box<dyn Fn(EnvFilter) + Send + Sync>;

/// Replaces what is let through; there when logging was started.
static SET_FILTER: OnceLock<SetFilter> = OnceLock::new();

/// Whether a stream should get colours: only a terminal, and nobody said otherwise (<https://no-color.org>).
pub fn wants_colours(stream: &impl IsTerminal) -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !is_unwanted
}

/// Writes messages to standard error from now on, as configured. Those of libraries only when they warn.
pub fn start_logging(log: &LogConfig) {
    let messages = tracing_subscriber::fmt().with_env_filter(filter(log.level)).with_writer(io::stderr);
    // An error says that logging was set up before, which then goes on.
    match log.format {
        LogFormat::Text => {
            let messages = messages.with_ansi(wants_colours(&io::stderr())).with_filter_reloading();
            let filter = messages.reload_handle();
            if messages.try_init().is_ok() {
                let _ = SET_FILTER.set(Box::new(move |new| drop(filter.reload(new))));
            }
        }
        LogFormat::Json => {
            let messages = messages.json().with_filter_reloading();
            let filter = messages.reload_handle();
            if messages.try_init().is_ok() {
                let _ = SET_FILTER.set(Box::new(move |new| drop(filter.reload(new))));
            }
        }
    }
}

/// Changes which messages are written.
pub(super) fn set_log_level(level: LogLevel) {
    if let Some(set_filter) = SET_FILTER.get() {
        set_filter(filter(level));
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let level = match level {
        LogLevel::Error => "error",
        // What HTTP/2 warns of, a client can bring about as often as it likes.
        LogLevel::Warn => "warn,h2=error",
        LogLevel::Info => "warn,h2=error,ringroute=info",
        LogLevel::Debug => "info,ringroute=debug",
        LogLevel::Trace => "debug,ringroute=trace",
    };
    // The SQL Server driver logs what the server says, and that may hold values of contacts.
    EnvFilter::new(format!("{level},tiberius=off"))
}
