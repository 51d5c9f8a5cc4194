//! `ringroute status`: is all well, and if not, what is to be done?

use clap::Args;
use prost_types::Timestamp;

use super::connection::ServerArguments;
use super::exit::{Exit, Failure, Result};
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1::{self, Health};

/// Tell whether all is well, and if not, what is wrong and what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute status
  ringroute status --json | jq -r '.warnings[].message'
  ringroute status > /dev/null || echo 'somebody should look'

Exit codes: 0 healthy, 1 calls are answered but something should be looked at, 3 calls are not answered")]
pub(super) struct StatusArguments {
    #[command(flatten)]
    server: ServerArguments,
}

impl StatusArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let status = connection.status().get_status(v1::GetStatusRequest {}).await?.into_inner();
        if self.server.json {
            screen.json(&status)?;
        } else {
            tell(screen, &status)?;
        }
        let things = words::counted(status.warnings.len() as u64, "thing");
        match status.health() {
            Health::Healthy => Ok(()),
            Health::NotServing => Err(Failure::new(Exit::Unreachable, "calls are not answered")),
            Health::Degraded | Health::Unspecified => {
                Err(Failure::new(Exit::Failed, format!("{things} to look at")))
            }
        }
    }
}

fn tell(screen: &mut Screen, status: &v1::GetStatusResponse) -> Result<()> {
    let headline = match status.health() {
        Health::Healthy => screen.good("Healthy: calls are answered, and nothing is wrong."),
        Health::NotServing => screen.bad("Not serving: calls are not answered."),
        Health::Degraded | Health::Unspecified => {
            screen.bad("Degraded: calls are answered, but something should be looked at.")
        }
    };
    screen.line(headline)?;
    for warning in &status.warnings {
        screen.line(format!("- {}", words::on_one_line(&warning.message)))?;
        screen.line(format!("  What to do: {}.", words::on_one_line(&warning.remedy)))?;
    }
    screen.line("")?;
    let ago = |time: Option<&Timestamp>| words::ago(time, status.at.as_ref());
    screen.line(format!("Version {}, started {}", status.version, ago(status.started_at.as_ref())))?;
    if status.generation > 0 {
        let made = match status.generation_made_at.as_ref() {
            Some(made_at) => format!(", made {}", ago(Some(made_at))),
            None => String::new(),
        };
        screen.line(format!("Generation {}{made}", status.generation))?;
    }
    screen.line(format!(
        "{} with {} in {}; {}; {} MB of memory",
        words::counted(status.contact_count, "contact"),
        words::counted(status.number_count, "different number"),
        words::counted(status.phonebook_count, "phonebook"),
        words::counted(status.inbound_route_count, "inbound route"),
        words::count(status.snapshot_bytes.div_ceil(1024 * 1024)),
    ))?;
    if let (Some(free), Some(needed)) = (status.disk_free_bytes, status.disk_needed_bytes) {
        let megabytes = |bytes: u64| words::count(bytes / (1024 * 1024));
        screen.line(format!("Disk: {} MB free, {} MB should be", megabytes(free), megabytes(needed)))?;
    }
    if status.pending_notification_count > 0 {
        let pending = words::counted(status.pending_notification_count, "notification");
        screen.line(format!("{pending} not sent yet"))?;
    }
    if status.sources.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    let mut table = Table::new(["source", "last run", "last success", "next run"]);
    for source in &status.sources {
        let last_run = match (&source.last_run, source.running_run_id) {
            (_, running @ 1..) => format!("{running} under way"),
            (Some(run), 0) => {
                format!("{} {}", run.run_id, words::of_enum(run.state().as_str_name(), "SYNC_RUN_STATE_"))
            }
            (None, 0) => "none".to_owned(),
        };
        let next = words::next_run(source.enabled, source.next_run_at.as_ref());
        let last_success = match source.last_succeeded_at.as_ref() {
            None => "never".to_owned(),
            last => ago(last),
        };
        table.row([&source.name, &last_run, &last_success, &next]);
    }
    screen.table(&table)
}
