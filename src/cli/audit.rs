//! `ringroute audit`: who changed what.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use prost_types::Timestamp as ProtoTimestamp;

use super::connection::ServerArguments;
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1::{self, AuditAction};

/// List who changed which setting, the latest first: when, from where, what was before and what after
///
/// Also who started or ended a sync run. Secrets are never shown. The server keeps the last 20 000 entries.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute audit
  ringroute audit --what 'inbound_route \"Sales\"'      everything about one route
  ringroute audit --what removed --since 7d
  ringroute audit --who 192.0.2.17 --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z
  ringroute audit --limit 1000 --json | jq '.entries[] | {at, who, subject}'")]
pub(super) struct AuditArguments {
    /// Only what was done since then: a time as in RFC 3339, or so long ago, such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<ProtoTimestamp>,
    /// Only what was done before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<ProtoTimestamp>,
    /// Only who has this in their name, door or address
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    who: String,
    /// Only what has this in it, such as removed, or 'source "crm"'
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    what: String,
    /// Most entries to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    server: ServerArguments,
}

fn time(text: &str) -> std::result::Result<ProtoTimestamp, String> {
    let expected = || format!("{text:?}: expected a time such as 2026-11-24T08:00:00Z, or 30m, 12h or 7d");
    let ago = |hours_or_less: &str, seconds: i64| {
        let number: i64 = hours_or_less.parse().ok().filter(|number| *number >= 0)?;
        Timestamp::now().checked_sub(SignedDuration::from_secs(number.checked_mul(seconds)?)).ok()
    };
    let time = match text.char_indices().next_back() {
        Some((end, 'm')) => ago(&text[..end], 60),
        Some((end, 'h')) => ago(&text[..end], 60 * 60),
        Some((end, 'd')) => ago(&text[..end], 24 * 60 * 60),
        _ => text.parse().ok(),
    };
    let time = time.ok_or_else(expected)?;
    Ok(ProtoTimestamp { seconds: time.as_second(), nanos: 0 })
}

impl AuditArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let AuditArguments { since, until, who, what, limit, server } = self;
        let request = v1::ListAuditEntriesRequest {
            since,
            until,
            who,
            what,
            page_size: limit,
            page_token: String::new(),
        };
        let connection = server.connect().await?;
        let answer = connection.audit().list_audit_entries(request).await?.into_inner();
        if server.json {
            return screen.json(&answer);
        }
        let mut table = Table::new(["when", "who", "did", "what", "generation"]);
        for entry in &answer.entries {
            table.row([
                &words::time(entry.at.as_ref()),
                &entry.who,
                &words::of_enum(entry.action().as_str_name(), "AUDIT_ACTION_"),
                &entry.subject,
                &entry.generation.to_string(),
            ]);
            for change in &entry.changes {
                table.note(&told(entry.action(), change));
            }
            if entry.changes_left_out > 0 {
                table.note(&format!("and {} more", words::count(entry.changes_left_out)));
            }
        }
        screen.table(&table)?;
        if answer.next_page_token.is_empty() {
            return Ok(());
        }
        let more = format!("There are earlier ones: --limit, up to 1000, or --until {}", earliest(&answer));
        screen.line(screen.faint(more))
    }
}

fn earliest(answer: &v1::ListAuditEntriesResponse) -> String {
    words::time(answer.entries.last().and_then(|entry| entry.at.as_ref()))
}

fn told(action: AuditAction, change: &v1::AuditValueChange) -> String {
    let v1::AuditValueChange { field, before, after } = change;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    match action {
        AuditAction::Added | AuditAction::Started => format!("{field}: {}", shown(after)),
        AuditAction::Removed => format!("{field}: {}", shown(before)),
        _ => format!("{field}: {} -> {}", shown(before), shown(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_or_counted_back() {
        let seconds = |text| time(text).unwrap().seconds;
        assert_eq!(seconds("1970-01-01T00:01:00Z"), 60);
        assert_eq!(seconds("1970-01-01T01:00:00+01:00"), 0);
        let now = Timestamp::now().as_second();
        assert!((now - seconds("2d") - 2 * 24 * 60 * 60).abs() < 60);
        assert!((now - seconds("90m") - 90 * 60).abs() < 60);
        for wrong in ["", "d", "-1d", "yesterday", "99999999999999999999h", "9223372036854775807d", "ü"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
