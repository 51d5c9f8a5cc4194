//! `ringroute token`: create, list, revoke.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::screen::{Screen, Table};
use super::words;
use crate::access::{NewToken, Role};
use crate::api::grpc;
use crate::api::proto::v1;
use crate::engine::{EngineError, OfflineTokens};
use crate::store::StoreError;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// Who may ask a server for what
///
/// A token shows who a client is. Clients send it with each request as `authorization: Bearer TOKEN`; these commands
/// with --token or RINGROUTE_TOKEN. Servers ask for one when other machines can reach them, or when the configuration
/// says `require_tokens = true`.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    Create(CreateArguments),
    List(ListArguments),
    Revoke(RevokeArguments),
}

/// Make a token, which works at once, and print it
///
/// It is printed this once, alone on standard output; the server keeps only what it recognises it by.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute token create \"Kamailio Berlin\" --role lookup
  ringroute token create nagios --role viewer --expires 90d
  ringroute token create deploy --role admin --expires 2027-12-31
  umask 077; ringroute token create ci --role operator > ci.token

The first one, while no server is running:
  ringroute token create me --role admin --data-folder /var/lib/ringroute

Roles:
  lookup     MatchCaller and RouteCall: for call handlers
  directory  what extension users may see: for the server of their phones
  viewer     sees everything, changes nothing
  operator   like a viewer, and synchronises
  admin      everything, tokens included

Exit codes: 0 made, 2 cannot be, 5 there is one with that name already")]
pub(super) struct CreateArguments {
    /// Its name, by which you know it
    name: String,
    /// What it is for
    #[arg(long)]
    role: RoleArgument,
    /// When it expires: a time from now (90d, 12h), a date (at its beginning, in UTC), or a time as RFC 3339 has it; never
    #[arg(long, value_name = "WHEN", default_value = "never", value_parser = expiry)]
    expires: Expiry,
    #[command(flatten)]
    place: PlaceArguments,
}

/// List the tokens, which never shows them themselves
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute token list
  ringroute token list --json | jq -r '.tokens[] | select(.lastUsedAt == null).name'")]
pub(super) struct ListArguments {
    #[command(flatten)]
    place: PlaceArguments,
}

/// Take a token away: it is refused at once, and what it has open ends
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute token revoke nagios

Exit codes: 0 revoked, 4 no such token")]
pub(super) struct RevokeArguments {
    /// Its name
    name: String,
    #[command(flatten)]
    place: PlaceArguments,
}

/// A running server, or the data folder of one that is stopped.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// Work on this data folder, while no server has it open, instead of asking a server
    #[arg(long, value_name = "FOLDER")]
    pub(super) data_folder: Option<PathBuf>,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    Lookup,
    Directory,
    Viewer,
    Operator,
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Role {
        match role {
            RoleArgument::Lookup => Role::Lookup,
            RoleArgument::Directory => Role::Directory,
            RoleArgument::Viewer => Role::Viewer,
            RoleArgument::Operator => Role::Operator,
            RoleArgument::Admin => Role::Admin,
        }
    }
}

/// `None` is never.
type Expiry = Option<Timestamp>;

fn expiry(text: &str) -> std::result::Result<Expiry, String> {
    let expected =
        || format!("{text:?} is no time: write 90d, 12h, 2027-12-31, 2027-12-31T18:00:00Z, or never");
    if text == "never" {
        return Ok(None);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Some(time));
    }
    if let Ok(date) = text.parse::<Date>() {
        return format!("{date}T00:00:00Z").parse().map(Some).map_err(|_| expected());
    }
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?);
    let number: i64 = number.parse().map_err(|_| expected())?;
    let hours = match unit {
        "h" => number,
        "d" => number.checked_mul(24).ok_or_else(expected)?,
        _ => return Err(expected()),
    };
    let span = 0.hours().try_hours(hours).map_err(|_| expected())?;
    Timestamp::now().checked_add(span).map(Some).map_err(|_| expected())
}

impl TokenCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            TokenCommand::Create(arguments) => arguments.run(screen).await,
            TokenCommand::List(arguments) => arguments.run(screen).await,
            TokenCommand::Revoke(arguments) => arguments.run(screen).await,
        }
    }
}

impl CreateArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let CreateArguments { name, role, expires, place: PlaceArguments { data_folder, server } } = self;
        let role = Role::from(role);
        let answer = match data_folder {
            Some(folder) => {
                let created_by = "the command line".to_owned();
                let new = NewToken { name, role, expires_at: expires, created_by };
                let (record, secret) = OfflineTokens::open_or_make(&folder)
                    .and_then(|tokens| tokens.create(&new))
                    .map_err(offline)?;
                // Whether it is asked for is for the server to say that will be started.
                let tokens_required = true;
                v1::CreateTokenResponse { token: Some(grpc::token_to_proto(record)), secret, tokens_required }
            }
            None => {
                let expires_at =
                    expires.map(|time| prost_types::Timestamp { seconds: time.as_second(), nanos: 0 });
                let request =
                    v1::CreateTokenRequest { name, role: grpc::role_to_proto(role).into(), expires_at };
                server.connect().await?.tokens().create_token(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        screen.line(&answer.secret)?;
        eprintln!(
            "Keep it now: it is not shown again. Send it with --token, RINGROUTE_TOKEN or `authorization: Bearer`."
        );
        warn_when_not_required(answer.tokens_required);
        Ok(())
    }
}

impl ListArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let PlaceArguments { data_folder, server } = self.place;
        let answer = match data_folder {
            Some(folder) => {
                let tokens =
                    OfflineTokens::open(&folder).and_then(|tokens| tokens.list()).map_err(offline)?;
                let mut tokens: Vec<_> = tokens.into_iter().map(grpc::token_to_proto).collect();
                tokens.sort_by_cached_key(|token| token.name.to_lowercase());
                v1::ListTokensResponse { tokens, tokens_required: true, ..Default::default() }
            }
            None => all(&server.connect().await?).await?,
        };
        if server.json {
            return screen.json(&answer);
        }
        let mut table = Table::new(["token", "role", "made", "by", "expires", "last used"]);
        for token in &answer.tokens {
            let or = |time: Option<&prost_types::Timestamp>, never: &str| match time {
                None => never.to_owned(),
                time => words::time(time),
            };
            table.row([
                &token.name,
                &words::of_enum(token.role().as_str_name(), "ROLE_"),
                &words::time(token.created_at.as_ref()),
                &token.created_by,
                &or(token.expires_at.as_ref(), "never"),
                &or(token.last_used_at.as_ref(), "never"),
            ]);
        }
        screen.table(&table)?;
        warn_when_not_required(answer.tokens_required);
        Ok(())
    }
}

impl RevokeArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let RevokeArguments { name, place: PlaceArguments { data_folder, server } } = self;
        let answer = match data_folder {
            Some(folder) => {
                OfflineTokens::open(&folder).and_then(|tokens| tokens.revoke(&name)).map_err(offline)?;
                v1::RevokeTokenResponse {}
            }
            None => {
                let request = v1::RevokeTokenRequest { name: name.clone() };
                server.connect().await?.tokens().revoke_token(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        screen.line(format!("The token {} is revoked.", words::argument(&name)))
    }
}

/// Every token.
async fn all(connection: &Connection) -> Result<v1::ListTokensResponse> {
    let mut all = v1::ListTokensResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = v1::ListTokensRequest { page_size: PAGE, page_token };
        let page = connection.tokens().list_tokens(request).await?.into_inner();
        all.tokens.extend(page.tokens);
        all.tokens_required = page.tokens_required;
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        all.next_page_token = page.next_page_token;
    }
}

/// The exit codes that the same gives when a server is asked.
pub(super) fn offline(error: EngineError) -> Failure {
    let exit = match &error {
        EngineError::NotFound { .. } => Exit::NotFound,
        EngineError::BadRequest { .. } => Exit::Usage,
        EngineError::AlreadyExists { .. } | EngineError::Store(StoreError::Refused(_)) => Exit::Refused,
        EngineError::Store(StoreError::InUse { .. }) => {
            let message = format!("{error}; or ask the server that has it, without --data-folder");
            return Failure::new(Exit::Failed, message);
        }
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}

fn warn_when_not_required(tokens_required: bool) {
    if !tokens_required {
        eprintln!(
            "This server asks nobody for a token: whoever can connect to it may do everything. \
             `require_tokens = true` in its configuration changes that."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_from_now_a_date_or_a_time() {
        let time = |text: &str| expiry(text).unwrap().unwrap();
        assert_eq!(expiry("never"), Ok(None));
        assert_eq!(time("2027-12-31").to_string(), "2027-12-31T00:00:00Z");
        assert_eq!(time("2027-12-31T18:00:00+01:00").to_string(), "2027-12-31T17:00:00Z");
        let before = Timestamp::now();
        let days = time("90d").duration_since(before).as_secs();
        assert!((90 * 86_400..=90 * 86_400 + 60).contains(&days), "{days}");
        assert!(time("12h").duration_since(before).as_secs() >= 12 * 3600);
        for wrong in ["", "90", "d", "-1d", "90 d", "tomorrow", "99999999999999999999d", "9999999999999d"] {
            let problem = expiry(wrong).unwrap_err();
            assert!(problem.contains("is no time: write 90d"), "{problem}");
        }
    }

    #[test]
    fn every_role_can_be_asked_for() {
        let roles = RoleArgument::value_variants().iter().map(|role| Role::from(*role));
        assert!(roles.eq(Role::ALL));
        for (role, argument) in Role::ALL.iter().zip(RoleArgument::value_variants()) {
            assert_eq!(argument.to_possible_value().unwrap().get_name(), role.name());
        }
    }
}
