//! `ringroute decisions`: what became of the last calls.

use clap::Args;

use super::connection::ServerArguments;
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1::{self, MatchStatus};

/// List what became of the last calls, the latest first
///
/// The server keeps the last 1000 since it began. Callers' numbers are masked unless the settings say otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute decisions
  ringroute decisions --route Sales --limit 100
  ringroute decisions --counts                     how often was each route and phonebook met?
  ringroute decisions --json | jq '.decisions[] | select(.route == \"\")'")]
pub(super) struct DecisionsArguments {
    /// Only calls that this route took
    #[arg(long, default_value = "", hide_default_value = true)]
    route: String,
    /// Most calls to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Tell how many calls each route took and contacts of each phonebook made, in place of the calls
    #[arg(long, conflicts_with = "route")]
    counts: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl DecisionsArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        if self.counts {
            let request = v1::GetCallCountsRequest {};
            let answer = connection.calls().get_call_counts(request).await?.into_inner();
            return if self.server.json { screen.json(&answer) } else { counts(screen, &answer) };
        }
        let request = v1::ListDecisionsRequest { max_decisions: self.limit, route: self.route };
        let answer = connection.calls().list_decisions(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let mut table = Table::new(["when", "caller", "dialled", "trunk", "route", "destination"]);
        for decision in &answer.decisions {
            let caller = match decision.status() {
                MatchStatus::Withheld => "(withheld)",
                MatchStatus::Invalid => "(not a number)",
                _ => &decision.caller,
            };
            table.row([
                &words::time(decision.at.as_ref()),
                caller,
                &decision.did,
                &decision.trunk,
                if decision.route.is_empty() { "(none)" } else { &decision.route },
                &words::destination(decision.destination.as_ref()),
            ]);
        }
        screen.table(&table)
    }
}

fn counts(screen: &mut Screen, answer: &v1::GetCallCountsResponse) -> Result<()> {
    let mut table = Table::new(["what", "name", "calls"]);
    let routes = answer.routes.iter().map(|count| ("route", count));
    let phonebooks = answer.phonebooks.iter().map(|count| ("phonebook", count));
    for (what, v1::CallCount { name, calls }) in routes.chain(phonebooks) {
        table.row([what, name, &words::count(*calls)]);
    }
    table.row(["route", "(none)", &words::count(answer.unrouted)]);
    screen.table(&table)
}
